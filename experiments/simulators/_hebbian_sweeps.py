"""Simulated networks against self-consistency: over the dilution, over the number of examples, along a trajectory."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import observables, simulators, thermodynamics
from entropax.simulators import Hebbian, hebbian_couplings
from entropax.thermodynamics.mean_field_states import PARALLEL

PATTERNS = 3


class Overlaps(eqx.Module):
    """Overlaps of a state with archetypes, as an observation."""

    archetypes: jax.Array

    def __call__(self, spins: jax.Array) -> jax.Array:
        """m of the spins.

        Args:
            spins: shape (..., N).
        """
        return observables.mattis_overlap(self.archetypes, spins)


class EnergyAndLosses(eqx.Module):
    """Energy of a state, the same by the losses, and the product of losses that is minimised."""

    archetypes: jax.Array
    dilution: jax.Array

    def __call__(self, spins: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """H by the couplings, H by the losses, and sum_mu L L'.

        Args:
            spins: shape (N,).
        """
        loss, mirror = (observables.quadratic_loss(self.archetypes, spins, mirrored=m) for m in (False, True))
        energy = hebbian_couplings(self.archetypes, self.dilution).energy(spins)
        return energy, observables.loss_energy(self.archetypes, spins, self.dilution), jnp.sum(loss * mirror)


def hierarchical_spins(archetypes: jax.Array, *, key: jax.Array) -> jax.Array:
    """The first pattern, its blanks filled from the second and so on, what is blank in all at random.

    Args:
        archetypes: shape (K, N).
        key: source of randomness.

    Returns:
        Spins, shape (N,).
    """
    spins = jax.random.rademacher(key, archetypes.shape[1:], archetypes.dtype)
    for pattern in archetypes[::-1]:
        spins = jnp.where(pattern == 0, spins, pattern)
    return spins


def quota_archetypes(dilution: jax.Array, *, num_neurons: int) -> jax.Array:
    """Archetypes in which every combination of entries is as frequent as its probability says, up to one neuron.

    Independent entries overlap by 1 / sqrt N, a random field on the patterns; these are those of infinitely many
    neurons.

    Args:
        dilution: d.
        num_neurons: N.

    Returns:
        xi, shape (K, N).
    """
    law = thermodynamics.site_law(dilution, num_patterns=PATTERNS)
    place = (jnp.arange(num_neurons, dtype=law.weights.dtype) + 0.5) / num_neurons
    point = jnp.searchsorted(jnp.cumsum(law.weights), place)
    return law.archetypes[:, jnp.minimum(point, law.weights.size - 1)]


def own_law(archetypes: jax.Array, dilution: jax.Array) -> thermodynamics.SiteLaw:
    """`thermodynamics.empirical_site_law` with the neurons of equal entries counted together, 3^K points for N.

    Args:
        archetypes: shape (K, N).
        dilution: d.
    """
    combinations = jnp.asarray(list(itertools.product((-1.0, 0.0, 1.0), repeat=PATTERNS)), archetypes.dtype).T
    place = 3 ** jnp.arange(PATTERNS - 1, -1, -1)
    counts = jnp.bincount(place @ (archetypes + 1).astype(place.dtype), length=3**PATTERNS)
    weights = counts.astype(archetypes.dtype) / archetypes.shape[1]
    noise = jnp.zeros_like(dilution)
    return thermodynamics.SiteLaw(combinations, combinations, weights, dilution, noise, False)


def ranked(overlaps: np.ndarray) -> np.ndarray:
    """Overlaps from the largest to the smallest, without signs: neither order nor sign means anything to the equations.

    Args:
        overlaps: shape (..., K).
    """
    return -np.sort(-np.abs(overlaps), axis=-1)


@eqx.filter_jit
def stored_overlaps(
    dilutions: jax.Array,
    temperature: jax.Array,
    *,
    num_neurons: int,
    sweeps: int,
    networks: int,
    quotas: bool,
    block_size: int | None,
    key: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Overlaps of stored patterns from hierarchical starts, averaged over the later half of the sweeps.

    Args:
        dilutions: shape (D,).
        temperature: T.
        num_neurons: N.
        sweeps: of the dynamics.
        networks: run for each dilution.
        quotas: whether the archetypes are `quota_archetypes`, else independent ones for every network.
        block_size: spins drawn at once, None for asynchronous dynamics.
        key: source of randomness.

    Returns:
        Overlaps of the spins, shape (D, networks, K), and those that self-consistency gives from the same start for
        the same archetypes.
    """

    def one(dilution: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        patterns, fill, run = jax.random.split(key, 3)
        if quotas:
            xi = quota_archetypes(dilution, num_neurons=num_neurons)
        else:
            xi = simulators.sample_archetypes(dilution, num_patterns=PATTERNS, num_neurons=num_neurons, key=patterns)
        start, observe = hierarchical_spins(xi, key=fill), Overlaps(xi)
        network = Hebbian(hebbian_couplings(xi, dilution), temperature, block_size=block_size)
        _, m = simulators.simulate(network, start, sweeps, key=run, observe=observe)
        law = own_law(xi, dilution)
        own = thermodynamics.self_consistency(observe(start), temperature, law, tolerance=1e-6, max_iterations=4000)
        return jnp.mean(m[sweeps // 2 :], axis=0), own.value

    keys = jax.random.split(key, (dilutions.size, networks))
    return jax.lax.map(lambda pair: jax.vmap(one, in_axes=(None, 0))(*pair), (dilutions, keys))


@jax.jit
def predicted_overlaps(dilutions: jax.Array, temperature: jax.Array) -> jax.Array:
    """Solutions of self-consistency that hierarchical starts lead to, for infinitely many neurons.

    Args:
        dilutions: shape (D,).
        temperature: T.

    Returns:
        Overlaps, shape (D, K).
    """

    def one(dilution: jax.Array) -> jax.Array:
        law = thermodynamics.site_law(dilution, num_patterns=PATTERNS)
        start = thermodynamics.hierarchical_state(dilution, num_patterns=PATTERNS)
        return thermodynamics.self_consistency(start, temperature, law, tolerance=1e-8).value

    return jax.vmap(one)(dilutions)


def learned_overlaps(
    num_examples: int,
    *,
    quality: float,
    dilution: float,
    temperature: float,
    num_neurons: int,
    sweeps: int,
    networks: int,
    block_size: int | None,
    key: jax.Array,
) -> dict[str, np.ndarray]:
    """What two networks that learned the same examples retrieve: after one step from an archetype, and in equilibrium.

    Args:
        num_examples: M.
        quality: r.
        dilution: d.
        temperature: T of the equilibrium; the one step is at zero.
        num_neurons: N.
        sweeps: of the equilibrium.
        networks: drawn.
        block_size: spins drawn at once, None for asynchronous dynamics.
        key: source of randomness.

    Returns:
        "one step": overlap with the first archetype on its non-blank entries, shape (2, networks), supervised first;
        "equilibrium": overlaps with the archetypes, shape (2, networks, K).
    """
    one_step, equilibrium = [], []
    for rule in ("supervised", "unsupervised"):
        keys = jax.random.split(key, networks)
        step, m = _learned(num_examples, quality, dilution, temperature, num_neurons, sweeps, rule, block_size, keys)
        one_step.append(np.asarray(step))
        equilibrium.append(np.asarray(m))
    return {"one step": np.stack(one_step), "equilibrium": np.stack(equilibrium)}


@eqx.filter_jit
def _learned(
    num_examples: int,
    quality: float,
    dilution: float,
    temperature: float,
    num_neurons: int,
    sweeps: int,
    rule: str,
    block_size: int | None,
    keys: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    def one(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        patterns, noise, start, run = jax.random.split(key, 4)
        xi = simulators.sample_archetypes(dilution, num_patterns=PATTERNS, num_neurons=num_neurons, key=patterns)
        eta = simulators.sample_examples(xi, quality, num_examples=num_examples, key=noise)
        couplings = hebbian_couplings(eta, dilution, quality, rule=rule)  # pyright: ignore[reportArgumentType]
        shown = hierarchical_spins(xi, key=start)
        only_first = jnp.where(xi[0] == 0, jax.random.rademacher(start, xi[0].shape, xi.dtype), xi[0])
        agreement = xi[0] * jnp.sign(couplings.field(only_first))
        network = Hebbian(couplings, temperature, block_size=block_size)
        _, m = simulators.simulate(network, shown, sweeps, key=run, observe=Overlaps(xi))
        return jnp.sum(agreement) / jnp.sum(xi[0] ** 2), jnp.mean(m[sweeps // 2 :], axis=0)

    return jax.lax.map(one, keys)


def cost_and_loss(*, num_neurons: int, sweeps: int, key: jax.Array) -> dict[str, np.ndarray]:
    """Energy and losses along a relaxation from random spins at T = 0.3 and d = 0.3, in float64.

    Args:
        num_neurons: N.
        sweeps: recorded.
        key: source of randomness.

    Returns:
        "energy", "loss energy" and "loss product", shape (sweeps + 1,).
    """
    with jax.enable_x64(True):
        patterns, run = jax.random.split(key)
        d = jnp.asarray(0.3)
        xi = simulators.sample_archetypes(d, num_patterns=PATTERNS, num_neurons=num_neurons, key=patterns)
        network = Hebbian(hebbian_couplings(xi, d), 0.3)
        observe = EnergyAndLosses(xi, d)
        state = network.init(key=run)
        _, trace = simulators.simulate(network, state, sweeps, key=run, observe=observe)
        first = observe(state)
        columns = [np.concatenate([[float(a)], np.asarray(b)]) for a, b in zip(first, trace, strict=True)]
    return dict(zip(("energy", "loss energy", "loss product"), columns, strict=True))


@jax.jit
def phase_diagram(dilutions: jax.Array, temperatures: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Regimes and effective numbers of patterns of three stored patterns in equilibrium.

    Args:
        dilutions: shape (D,).
        temperatures: shape (S,).

    Returns:
        Regimes (0 disordered, 1 single, 2 hierarchical, 3 parallel) and the exponential of the retrieval entropy (NaN
        where disordered), shape (S, D).
    """

    def one(temperature: jax.Array, dilution: jax.Array) -> tuple[jax.Array, jax.Array]:
        law = thermodynamics.site_law(dilution, num_patterns=PATTERNS)
        state = thermodynamics.equilibrium_state(temperature, law, tolerance=1e-8, max_iterations=4000)
        regime = thermodynamics.retrieval_regime(state.value, tolerance=3e-3).value
        return regime, jnp.exp(observables.retrieval_entropy(state.value))

    return jax.vmap(jax.vmap(one, in_axes=(None, 0)), in_axes=(0, None))(temperatures, dilutions)


def parallel_onset(temperature: float) -> float:
    """The dilution from which three patterns are retrieved alike at a temperature, by bisection; needs float64.

    Args:
        temperature: T.
    """
    low, high = 0.3, 0.95
    for _ in range(12):
        middle = (low + high) / 2
        law = thermodynamics.site_law(middle, num_patterns=PATTERNS)
        state = _equilibrium(temperature, law)
        alike = int(thermodynamics.retrieval_regime(state).value) == PARALLEL
        low, high = (low, middle) if alike else (middle, high)
    return (low + high) / 2


@jax.jit
def _equilibrium(temperature: jax.Array, law: thermodynamics.SiteLaw) -> jax.Array:
    return thermodynamics.equilibrium_state(temperature, law, tolerance=1e-12).value


def majority_onset() -> float:
    """The dilution from which the majority state has the lower energy of the two at T = 0, by bisection."""
    low, high = 0.3, 0.6
    for _ in range(40):
        middle = (low + high) / 2
        law = thermodynamics.site_law(middle, num_patterns=PATTERNS)
        energies = [
            float(thermodynamics.self_consistency(start, 0.0, law).free_energy)
            for start in (
                thermodynamics.hierarchical_state(middle, num_patterns=PATTERNS),
                thermodynamics.majority_state(middle),
            )
        ]
        low, high = (low, middle) if energies[1] < energies[0] else (middle, high)
    return (low + high) / 2
