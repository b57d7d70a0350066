"""Where propulsions dissipate in motility-induced phase separation, read off a learned score at any size.

Two things are known of the exact score s of propulsions blurred by sigma, whatever was learned:

- the loss on fresh configurations is a lower bound, E|s|^2 >= -E[|s'|^2 + 2 div s'] for any s';
- blurring lowers the Fisher information, E|s|^2 <= 2 N / (sigma^2 + 2 N / E|s_0|^2) (Stam's inequality), and without
  blurring E|s_0|^2 is known: div v has mean zero and v_x = b_x, so E[div_g v_g] = -E[div_x b], which is
  gamma (E|s_0|^2 - 2 N).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from entropax import observables, space
from entropax._typing import PRNGKey
from experiments.claims import Estimate, Quotient
from experiments.thermodynamics._mips import (
    DIM,
    MipsConfig,
    PropulsionScore,
    forces_over_speed,
    sample_mips,
    swimmers_of,
)

_TOUCHING = 2.4  # the paper's distance; the sum of two radii is 2


class MipsOutcome(NamedTuple):
    """Rates of a particle's propulsion at one size and at resolution sigma, in nats per unit time.

    The two rates have the same mean for the exact score, but particles share in them differently. Standard errors are
    those of a jackknife over squares of space.

    Attributes:
        system: mean of div_g v_g in the gas, on the interface and in the solid, shape (3,).
        total: mean of |v_g|^2 / gamma there, shape (3,).
        fractions: share of the particles there, shape (3,).
        over_gas: the interface's rate over the gas's, by "system" and "total".
        over_solid: the interface's rate over the solid's.
        learned: mean of div_g v_g over all particles.
        lower: lower bound of the exact value, from the loss on these fresh configurations.
        lower_over_learned: their ratio, 1 for a score that is as good on them as it was in training.
        upper: upper bound of the exact value, from `unblurred`.
        unblurred: -E[div_x b], the value at sigma = 0.
        positions: of the last configuration, shape (N, 2).
        particle_rates: div_g v_g of each particle in it, shape (N,).
        half_width: of the box.
    """

    system: np.ndarray
    total: np.ndarray
    fractions: np.ndarray
    over_gas: dict[str, Quotient]
    over_solid: dict[str, Quotient]
    learned: float
    lower: Estimate
    lower_over_learned: Quotient
    upper: float
    unblurred: float
    positions: np.ndarray
    particle_rates: np.ndarray
    half_width: float


class ParticleRates(NamedTuple):
    """What is known of every particle of some configurations, shape (n,) each unless said otherwise."""

    positions: np.ndarray
    """Shape (n, 2)."""
    place: np.ndarray
    """0 in the gas, 1 on the interface, 2 in the solid."""
    divergence: np.ndarray
    """div_{g_i} s_{g,i}."""
    square: np.ndarray
    """|s_{g,i}|^2."""
    system: np.ndarray
    """div_{g_i} v_{g,i}, nats per unit time."""
    total: np.ndarray
    """|v_{g,i}|^2 / gamma, nats per unit time."""
    unblurred: np.ndarray
    """-div_{x_i} b_i, nats per unit time."""


def evaluate_mips(score: PropulsionScore, config: MipsConfig, multiple: int, *, key: PRNGKey) -> MipsOutcome:
    """The rates of every particle of fresh configurations, by its place, and the bounds of their mean."""
    sample_key, blur_key = jax.random.split(key)
    swimmers = swimmers_of(config, multiple)
    phases = sample_mips(swimmers, config, config.evaluations, config.evaluation_spacing, key=sample_key)
    each = [
        evaluate_particles(score, swimmers, config, phase, key=jax.random.fold_in(blur_key, i))
        for i, phase in enumerate(phases)
    ]
    seen = ParticleRates(*(np.concatenate(column) for column in zip(*each, strict=True)))
    half_width = float(swimmers.box.extent[0]) / 2
    gamma, unblurred = float(swimmers.persistence), float(seen.unblurred.mean())
    sharp = unblurred / (DIM * gamma) + 1  # E|s_0|^2 a coordinate
    # The loss with its noise integrated out, -E[|s|^2 + 2 div s]: the same mean, and less scatter.
    captured = -gamma * (seen.square + 2 * seen.divergence + DIM)
    groups = squares(seen.positions, half_width)
    gas, interface, solid = (seen.place == place for place in range(3))
    rates = {"system": seen.system, "total": seen.total}
    return MipsOutcome(
        system=_means(seen.system, seen.place),
        total=_means(seen.total, seen.place),
        fractions=np.array([here.mean() for here in (gas, interface, solid)]),
        over_gas={name: ratio_of_means(rate, interface, gas, groups) for name, rate in rates.items()},
        over_solid={name: ratio_of_means(rate, interface, solid, groups) for name, rate in rates.items()},
        learned=float(seen.system.mean()),
        lower=jackknife(lambda used: float(captured[used].mean()), groups),
        lower_over_learned=ratio_of_sums(captured, seen.system, groups),
        upper=gamma * DIM * (1 / (config.sigma**2 + 1 / sharp) - 1),
        unblurred=unblurred,
        positions=each[-1].positions,
        particle_rates=each[-1].system,
        half_width=half_width,
    )


def evaluate_particles(
    score: PropulsionScore, swimmers: Any, config: MipsConfig, phase: jax.Array, *, key: PRNGKey
) -> ParticleRates:
    """The rates of every particle of a configuration (2, N, 2), at propulsions blurred once."""
    found = space.nearest_neighbors(phase[0], config.neighbors, box=swimmers.box)
    blurred = phase.at[1].add(config.sigma * jax.random.normal(key, phase[1].shape, phase.dtype))
    forces = forces_over_speed(swimmers, phase[None])[0]
    s, divergence = score.of_particles(
        blurred, found.indices, swimmers.box, forces=forces, block_size=min(config.block, phase.shape[1])
    )
    touching = jnp.sum(found.distances <= _TOUCHING, axis=1, dtype=jnp.int32)
    gamma = swimmers.persistence
    columns = {
        "positions": phase[0],
        "place": observables.phase_labels(touching).value,
        "divergence": divergence,
        "square": jnp.sum(s**2, axis=1),
        "system": -gamma * (DIM + divergence),
        "total": gamma * jnp.sum((blurred[1] + s) ** 2, axis=1),
        "unblurred": -swimmers.drift_divergence(phase)[0],
    }
    return ParticleRates(**{name: np.asarray(column) for name, column in columns.items()})


def squares(positions: np.ndarray, half_width: float, across: int = 4) -> np.ndarray:
    """Which of the `across`^2 equal squares of the box each position (n, 2) lies in, shape (n,)."""
    column, row = np.clip(((positions / half_width + 1) / 2 * across).astype(int), 0, across - 1).T
    return across * row + column


def jackknife(statistic: Callable[[np.ndarray], float], groups: np.ndarray) -> Estimate:
    """A statistic and its standard error when whole groups of samples are independent, by leaving out one at a time.

    Neighbours are correlated, and so is a particle with itself a little later; squares of space, taken through all
    configurations, are nearly independent.

    Args:
        statistic: function of a boolean mask, shape (n,), of the samples to use.
        groups: labels, shape (n,).
    """
    without = np.array([statistic(groups != label) for label in np.unique(groups)])
    scatter = np.sqrt((without.size - 1) / without.size * np.sum((without - without.mean()) ** 2))
    return Estimate(statistic(np.ones(groups.size, bool)), scatter)


def ratio_of_sums(above: np.ndarray, below: np.ndarray, groups: np.ndarray) -> Quotient:
    """The ratio of two means over the same samples, shape (n,)."""
    error = jackknife(lambda used: above[used].sum() / below[used].sum(), groups).standard_error
    return Quotient(above.mean(), below.mean(), error)


def ratio_of_means(values: np.ndarray, above: np.ndarray, below: np.ndarray, groups: np.ndarray) -> Quotient:
    """The mean over the samples `above` over that over the samples `below`, both masks of shape (n,)."""

    def ratio(used: np.ndarray) -> float:
        return _mean(values[above & used]) / _mean(values[below & used])

    return Quotient(_mean(values[above]), _mean(values[below]), jackknife(ratio, groups).standard_error)


def _means(values: np.ndarray, place: np.ndarray) -> np.ndarray:
    return np.array([_mean(values[place == here]) for here in range(3)])


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else np.nan
