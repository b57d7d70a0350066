"""Steps against the radius of convergence of cross-entropy, on digits.

Four parts. One step of growing length from trained networks of four kinds, in three directions: when does accuracy
collapse? Perceptrons trained at several temperatures: does the radius put the collapse in one place? A learning rate
that jumps in the middle of training: Adam, Adam with clipped gradients, and Adam kept within the radius. And momentum
whose steps all have the same length in radii, without a learning rate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.claims import Bounds, Claim, Ordering, Quotient
from experiments.losses import _digits, _stacks
from experiments.optimize import _ghosts_networks, _ghosts_steps, _ghosts_training
from experiments.optimize._ghosts_figure import draw
from experiments.optimize._ghosts_networks import CONVOLUTIONAL, MLP, NETWORKS, NORMALIZED
from experiments.optimize._ghosts_training import CLIPPED, CONTROLLED, METHODS, PLAIN
from experiments.running import Result, stage

if TYPE_CHECKING:
    import xarray

SLUG = "ghosts-of-softmax"
TITLE = "Ghosts of Softmax: Complex Singularities That Limit Safe Step Sizes in Cross-Entropy"
ARXIV = "2603.13552"

FAILURE = 0.1
"""A step fails if it costs more than this of accuracy."""
DOUBLED = 2.0
"""Loss over that before the step at which the temperature sweep sets its onset, as the paper's code does."""
TARGETS, PAPER_TARGETS = (0.5, 1.0, 2.0, 4.0), (80.4, 85.3, 84.4, 72.1)
RATES, PAPER_RATES = (0.005, 0.01, 0.1, 0.5), (80.4, 82.6, 78.5, 57.5)


@dataclass(frozen=True)
class Config:
    """Sizes.

    Attributes:
        kinds: of network that take one step.
        spiked: kinds that are trained against a spike, the one in the figure first.
        seeds: networks of each kind and setting.
        train_steps: of training before the one step.
        lengths: lengths of the step, from 0.01 to 100 radii.
        compared: training images on which the bound is compared with the exact zeros.
        temperatures: T at which perceptrons are trained.
        temperature_steps: of their training.
        factors: by which the learning rate jumps.
        spike_steps: of training with a spike at step 50.
        set_steps: of training at a given length of step.
    """

    kinds: tuple[str, ...] = tuple(NETWORKS)
    spiked: tuple[str, ...] = (NORMALIZED, CONVOLUTIONAL)
    seeds: int = 5
    train_steps: int = 1500
    lengths: int = 49
    compared: int = 256
    temperatures: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
    temperature_steps: int = 120
    factors: tuple[float, ...] = (10.0, 100.0, 1000.0, 10_000.0)
    spike_steps: int = 200
    set_steps: int = 300


PRESETS: dict[str, Config] = {
    "smoke": Config(
        kinds=(MLP,),
        spiked=(NORMALIZED,),
        seeds=1,
        train_steps=300,
        lengths=13,
        compared=16,
        temperatures=(0.25, 4.0),
        temperature_steps=30,
        factors=(10_000.0,),
        spike_steps=70,
        set_steps=30,
    ),
    "default": Config(),
    "full": Config(seeds=20, train_steps=2000, lengths=97, compared=1297, set_steps=3000),
}

CLAIMS: tuple[Claim, ...] = (
    Claim("one step: largest loss of accuracy at r < 1", "no failure", "abstract, Fig. 7", Bounds(upper=FAILURE)),
    Claim("one step: shortest that fails, in radii", "1 or more", "abstract", Bounds(lower=1.0)),
    Claim("one step: share of failures between 1 and 10 radii", "mostly", "Fig. 7", Bounds(lower=0.5)),
    Claim("exact radius over its bound, smallest", "at least 1", "theorem: pi / spread", Bounds(lower=1 - 1e-5)),
    Claim(
        "temperatures: spread of the onset, raw over normalised",
        0.992 / 0.164,
        "abstract, Fig. 9: standard deviation of log10, 0.992 against 0.164",
        Bounds(lower=2.0),
    ),
    *(
        Claim(
            f"spike x 10,000, {kind}: accuracy of the controller against {other}",
            f"{values[2]}% against {values[i]}%",
            source,
            Ordering((other, CONTROLLED), margin=0.2),
        )
        for kind, values, source in (
            (NORMALIZED, (44.6, 51.5, 93.9), "Table 1, MLP + LN"),
            (CONVOLUTIONAL, (13.4, 10.3, 71.6), "Table 1, CNN + BN"),
        )
        for i, other in enumerate((PLAIN, CLIPPED))
    ),
    Claim("set mode: accuracy of r = 1 against r = 4", "85.3% against 72.1%", "Table 3", Ordering(("r = 4", "r = 1"))),
    Claim(
        "set mode: accuracy of r = 1 against the best rate",
        "85.3% against 82.6%",
        "Table 3",
        Ordering(("best rate", "r = 1")),
    ),
)


def run(config: Config, *, key: jax.Array, checkpoint_dir: Path) -> Result:
    """Trains networks, steps from them, and trains others against a spike.

    Args:
        config: sizes.
        key: source of randomness.
        checkpoint_dir: not used: each fit takes seconds.

    Returns:
        What was measured, the data and the figure.
    """
    del checkpoint_dir
    data = _digits.split(int(jax.random.randint(key, (), 0, 2**31 - 1)))
    r = np.geomspace(0.01, 100, config.lengths)
    step_key, temperature_key, spike_key, set_key = jax.random.split(key, 4)
    with stage("step once from trained networks"):
        sweeps, ratios = _one_step(config, data, r, key=step_key)
    with stage("step once at several temperatures"):
        raw, radii = _temperatures(config, data, r, key=temperature_key)
    with stage("let the learning rate jump"):
        spiked, curves = _spikes(config, data, key=spike_key)
    with stage("take steps of a given length"):
        by_target, by_rate = _set_mode(config, data, key=set_key)

    accuracy = np.stack([sweep.accuracy for sweep in sweeps])  # (kind, seed, direction, r)
    before = np.stack([sweep.before for sweep in sweeps])[:, :, None]
    drop = before[..., None] - accuracy
    onset = _ghosts_steps.onset(r, drop, np.full(drop.shape[:-1], FAILURE))
    deviation = lambda values: np.nanstd(np.log10(np.nanmedian(values, axis=1)))  # noqa: E731
    means = dict(zip(config.spiked, spiked.mean(axis=-1), strict=True))  # each (method, factor)
    final = {kind: dict(zip(METHODS, mean[:, -1], strict=True)) for kind, mean in means.items()}
    targets = dict(zip(TARGETS, by_target.mean(axis=1), strict=True))
    best = by_rate.mean(axis=1).max()
    dataset = _dataset(config, r, accuracy, raw, radii, spiked, curves, by_target, by_rate)
    return Result(
        measured={
            "one step: largest loss of accuracy at r < 1": float(np.max(drop[..., r < 1])),
            "one step: shortest that fails, in radii": float(np.nanmin(onset)),
            "one step: share of failures between 1 and 10 radii": float(np.mean((onset >= 1) & (onset <= 10))),
            "exact radius over its bound, smallest": float(np.min(ratios)),
            "temperatures: spread of the onset, raw over normalised": Quotient(deviation(raw), deviation(radii)),
            **{
                f"spike x 10,000, {kind}: accuracy of the controller against {other}": {
                    other: final[kind][other],
                    CONTROLLED: final[kind][CONTROLLED],
                }
                for kind in config.spiked
                for other in (PLAIN, CLIPPED)
            },
            "set mode: accuracy of r = 1 against r = 4": {"r = 4": targets[4.0], "r = 1": targets[1.0]},
            "set mode: accuracy of r = 1 against the best rate": {"best rate": best, "r = 1": targets[1.0]},
        },
        data=dataset,
        figure=lambda: draw(dataset),
        remarks={
            "one step: shortest that fails, in radii": "median onset by network: "
            + _named(config.kinds, np.nanmedian(onset, axis=(1, 2)))
            + "; by direction: "
            + _named(_ghosts_steps.DIRECTIONS, np.nanmedian(onset, axis=(0, 1))),
            "exact radius over its bound, smallest": _named(config.kinds, ratios),
            **{
                f"spike x 10,000, {kind}: accuracy of the controller against {other}": f"{other}, by factor: "
                + _named([f"{factor:g}" for factor in config.factors], mean[METHODS.index(other)])
                + "; controller: "
                + _named([f"{factor:g}" for factor in config.factors], mean[METHODS.index(CONTROLLED)])
                + ". The rate stays where it jumped to"
                for kind, mean in means.items()
                for other in (PLAIN, CLIPPED)
            },
            "set mode: accuracy of r = 1 against r = 4": _listed("r = ", TARGETS, by_target),
            "set mode: accuracy of r = 1 against the best rate": _listed("rate ", RATES, by_rate)
            + ". Digits are soon learned at rates twenty times apart; then steps of constant length keep the weights"
            + " in motion, where those of constant rate shrink with the gradient",
        },
    )


def _named(names: Sequence[str], values: np.ndarray) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in zip(names, values, strict=True))


def _listed(name: str, values: tuple[float, ...], accuracy: np.ndarray) -> str:
    errors = accuracy.std(axis=1, ddof=min(1, accuracy.shape[1] - 1)) / np.sqrt(accuracy.shape[1])
    return ", ".join(
        f"{name}{v:g}: {100 * m:.1f} +- {100 * e:.1f}%"
        for v, m, e in zip(values, accuracy.mean(axis=1), errors, strict=True)
    )


def _trained(
    kind: str, temperatures: jax.Array, data: _digits.Digits, *, steps: int, rate: float, batch: int, key: jax.Array
) -> Any:
    """Networks of one kind, one for every temperature."""
    networks = _ghosts_networks.stack(kind, jax.random.split(jax.random.fold_in(key, 0), len(temperatures)))
    return _stacks.fit_shared(
        networks,
        _ghosts_steps.mean_loss,
        (data.x, data.y),
        settings=(temperatures,),
        key=jax.random.fold_in(key, 1),
        steps=steps,
        batch=batch,
        learning_rate=rate,
        stop=None,
    ).model


def _swept(
    networks: Any, temperatures: jax.Array, data: _digits.Digits, r: np.ndarray, key: jax.Array
) -> _ghosts_steps.Sweep:
    keys = jax.random.split(key, len(temperatures))
    found = _ghosts_steps.sweep(networks, temperatures, data, jnp.asarray(r, jnp.float32), keys)
    return _ghosts_steps.Sweep(*(np.asarray(f, np.float64) for f in found))


def _one_step(
    config: Config, data: _digits.Digits, r: np.ndarray, *, key: jax.Array
) -> tuple[list[_ghosts_steps.Sweep], np.ndarray]:
    """A sweep of every kind, and the exact radius over its bound for one network of each."""
    sweeps, ratios = [], []
    ones = jnp.ones(config.seeds)
    for i, kind in enumerate(config.kinds):
        train_key, sweep_key = jax.random.split(jax.random.fold_in(key, i))
        networks = _trained(kind, ones, data, steps=config.train_steps, rate=2e-3, batch=128, key=train_key)
        sweeps.append(_swept(networks, ones, data, r, sweep_key))
        one = jax.tree.map(lambda leaf: leaf[0], networks)
        n = config.compared
        ratio, converged = _ghosts_steps.exact_over_bound(one, data.x[:n], data.y[:n])
        ratios.append(float(ratio) if bool(converged) else np.nan)
    return sweeps, np.array(ratios)


def _temperatures(
    config: Config, data: _digits.Digits, r: np.ndarray, *, key: jax.Array
) -> tuple[np.ndarray, np.ndarray]:
    """The step down the gradient that doubles the loss, in parameters' unit and in radii, shape (temperature, seed)."""
    temperatures = jnp.repeat(jnp.asarray(config.temperatures, jnp.float32), config.seeds)
    train_key, sweep_key = jax.random.split(key)
    networks = _trained(MLP, temperatures, data, steps=config.temperature_steps, rate=1e-2, batch=256, key=train_key)
    sweep = _swept(networks, temperatures, data, r, sweep_key)
    onset = _ghosts_steps.onset(r, sweep.loss[:, 0], np.full(len(temperatures), DOUBLED))
    shape = len(config.temperatures), config.seeds
    return (onset * sweep.radius[:, 0]).reshape(shape), onset.reshape(shape)


def _spikes(config: Config, data: _digits.Digits, *, key: jax.Array) -> tuple[np.ndarray, np.ndarray]:
    """Final accuracies (network, method, factor, seed), and their means on the way (network, method, factor, step)."""
    shape = len(METHODS), len(config.factors)
    settings = _ghosts_training.Spike(
        jnp.repeat(jnp.arange(shape[0]), shape[1]), jnp.tile(jnp.asarray(config.factors, jnp.float32), shape[0])
    )
    final, curves = [], []
    for i, kind in enumerate(config.spiked):
        accuracy, curve = _ghosts_training.train(
            kind,
            _ghosts_training.spiked_adam,
            settings,
            data,
            seeds=config.seeds,
            steps=config.spike_steps,
            key=jax.random.fold_in(key, i),
        )
        final.append(accuracy.reshape(*shape, -1))
        curves.append(curve.reshape(*shape, -1))
    return np.stack(final), np.stack(curves)


def _set_mode(config: Config, data: _digits.Digits, *, key: jax.Array) -> tuple[np.ndarray, np.ndarray]:
    """Final accuracies of momentum by target (target, seed) and by learning rate (rate, seed)."""
    finals = []
    for optimizer, settings in (
        (_ghosts_training.momentum_of_radius, TARGETS),
        (_ghosts_training.momentum, RATES),
    ):
        accuracy, _ = _ghosts_training.train(
            NORMALIZED,  # like the paper's residual network
            optimizer,
            jnp.asarray(settings, jnp.float32),
            data,
            seeds=config.seeds,
            steps=config.set_steps,
            key=key,
        )
        finals.append(accuracy)
    return finals[0], finals[1]


def _dataset(
    config: Config,
    r: np.ndarray,
    accuracy: np.ndarray,
    raw: np.ndarray,
    radii: np.ndarray,
    spiked: np.ndarray,
    curves: np.ndarray,
    by_target: np.ndarray,
    by_rate: np.ndarray,
) -> "xarray.Dataset":
    import xarray

    one = {"units": "1"}
    return xarray.Dataset(
        {
            "accuracy": (("network", "seed", "direction", "r"), accuracy, one),
            "onset_raw": (("temperature", "seed"), raw, {"units": "norm of the parameters"}),
            "onset_radii": (("temperature", "seed"), radii, {"units": "radii"}),
            "spike_accuracy": (("spiked_network", "method", "factor", "seed"), spiked, one),
            "spike_curve": (("spiked_network", "method", "factor", "step"), curves, one),
            "set_accuracy": (("target", "seed"), by_target, one),
            "rate_accuracy": (("rate", "seed"), by_rate, one),
        },
        coords={
            "network": list(config.kinds),
            "direction": list(_ghosts_steps.DIRECTIONS),
            "r": r,
            "temperature": list(config.temperatures),
            "spiked_network": list(config.spiked),
            "method": list(METHODS),
            "factor": list(config.factors),
            "step": np.arange(1, curves.shape[-1] + 1),
            "target": list(TARGETS),
            "rate": list(RATES),
        },
        attrs={
            "spike_at": _ghosts_training.SPIKE_AT,
            "paper_set": list(PAPER_TARGETS),
            "paper_rate": list(PAPER_RATES),
        },
    )
