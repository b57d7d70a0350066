"""What is measured on a population of cores."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from entropax import metrics
from entropax.applications import clusters

TAU = 1.0
MASS_RANGES = {"below 1:10": (0.0, 0.1), "minor": clusters.MINOR, "major": clusters.MAJOR}
OFFSETS = np.round(np.arange(-2.0, 2.01, 0.1), 2)
EPOCHS = {"z = 2.5": 2.6, "z = 1": 5.9, "z = 0": 13.8}


class Seen(NamedTuple):
    """A population and its transformations."""

    population: clusters.Population
    table: clusters.TransformationTable


def observe(core: clusters.ClusterCore, count: int, *, key: jax.Array) -> Seen:
    """Simulates a population, recorded every 0.1 Gyr, and finds its transformations."""
    population = clusters.simulate_population(core, count, key=key, every=5, batch_size=min(count, 4096))
    return Seen(population, jax.vmap(lambda K: clusters.find_transformations(population.t, K))(population.K0))


def per_cluster(seen: Seen) -> dict[str, Any]:
    """Transformations of each direction a cluster, their median duration in Gyr, each one's rises to a higher class."""
    direction, mask = np.asarray(seen.table.direction), np.asarray(seen.table.mask)
    up, down = (np.mean(np.sum(direction == sign, axis=1)) for sign in (1, -1))
    duration = np.median(np.asarray(seen.table.duration)[mask])
    crossing = (direction == 1) & (np.asarray(seen.table.state_end) > np.asarray(seen.table.state_start))
    return {"up": up, "down": down, "duration": float(duration), "crossing": crossing.sum(1)}


def controls(seen: Seen, direction: Any, draws: int, *, key: jax.Array, **options: Any) -> dict[str, Any]:
    """Observed share, chance and excess with its bootstrap error, by random times and by shifted mergers."""
    random_key, shift_key, boot_key = jax.random.split(key, 3)
    options = {"tau": TAU, "direction": direction, "num_draws": draws, **options}
    args = seen.table, seen.population.mergers, seen.population.spans
    control = clusters.random_control(*args, key=random_key, **options)
    shifted = clusters.shuffled_control(*args, key=shift_key, **options)
    excess = clusters.excess_bootstrap(control, key=boot_key, num_resamples=400)
    return {
        "observed": float(control.observed),
        "chance": float(control.chance),
        "excess": float(control.value),
        "error": float(excess.standard_error),
        "p": float(control.p_value),
        "p shifted": float(shifted.p_value),
        "events": int(control.counts.sum()),
    }


def from_start(seen: Seen) -> float:
    """The share of upward transformations with a merger within a Gyr before t_start, the wrong anchor."""
    early = seen.table.__class__(**{**vars(seen.table), "t_mid": seen.table.t_start})
    found = clusters.merger_fraction(early, seen.population.mergers, seen.population.spans, tau=TAU, direction="up")
    return float(found.value)


def shares(seen: Seen) -> dict[str, np.ndarray]:
    """Shares of strong, weak and non-cool cores by K0, by epoch."""
    t = np.asarray(seen.population.t)
    classes = np.asarray(clusters.classify_core(seen.population.K0).value)
    at = {name: int(np.argmin(np.abs(t - when))) for name, when in EPOCHS.items()}
    return {name: np.bincount(classes[:, i], minlength=3) / len(classes) for name, i in at.items()}


def shares_by_cooling_time(seen: Seen, core: clusters.ClusterCore) -> np.ndarray:
    """The same today by the model's cooling time."""
    K = seen.population.K0[:, -1]
    t_cool = core.cooling_time * (K / 22) ** core.cooling_slope
    classes = np.asarray(clusters.classify_core(t_cool, by="cooling_time").value)
    return np.bincount(classes, minlength=3) / len(classes)


def phases(seen: Seen) -> dict[str, float]:
    """Mean length in Gyr of the times for which cores stay cool (K0 <= 150 keV cm^2) or not, cut at both ends."""
    cool = np.asarray(seen.population.K0_true) <= 150
    step = float(seen.population.t[1] - seen.population.t[0])
    edges = np.concatenate([np.ones((len(cool), 1), bool), cool[:, 1:] != cool[:, :-1]], axis=1)
    return {
        name: step * np.sum(which) / np.sum(edges & which)
        for name, which in (("cool-core", cool), ("non-cool-core", ~cool))
    }


def nucleus(seen: Seen, *, key: jax.Array) -> dict[str, Any]:
    """The nucleus's heating around upward transformations, and its duty cycle there and at random times."""
    stack_key, control_key = jax.random.split(key)
    population, table = seen
    upward = table.direction == 1
    stack = clusters.stacked_epoch(
        population.t, population.agn_rate, table.t_mid, upward, offsets=OFFSETS, key=stack_key
    )
    entropy = clusters.stacked_epoch(
        population.t, jnp.log10(population.K0), table.t_mid, upward, offsets=OFFSETS, key=stack_key
    )
    window = (-0.5, 0.5)
    times = clusters.control_times(table.t_mid, population.spans, key=control_key, margins=(-window[0], window[1]))
    cycle, control = (
        clusters.duty_cycle(population.t, population.agn_rate, at, upward, threshold=0.1, window=window)
        for at in (table.t_mid, times)
    )
    return {
        "stack": np.asarray(stack.value),
        "band": np.asarray(stack.interval),
        "entropy": np.asarray(entropy.value),
        "entropy_band": np.asarray(entropy.interval),
        "peak": float(OFFSETS[int(np.argmax(stack.value))]),
        "duty": (float(cycle.value), float(cycle.standard_error)),
        "duty at random": (float(control.value), float(control.standard_error)),
    }


def today(seen: Seen) -> dict[str, Any]:
    """How well the number of mergers tells cool cores today from others, and log K0 by thirds of that number."""
    number = np.asarray(seen.population.mergers.mask).sum(1)
    y = np.log10(np.asarray(seen.population.K0)[:, -1])
    not_cool = y > np.log10(150)
    auroc = float(metrics.auroc(jnp.asarray(number, jnp.float32), jnp.asarray(not_cool)))
    low, high = np.quantile(number, [1 / 3, 2 / 3])
    thirds = {"fewest": number <= low, "middle": (number > low) & (number <= high), "most": number > high}
    return {
        "auroc": auroc,
        "by thirds": {name: float(y[which].mean()) for name, which in thirds.items()},
        "number": number,
        "y": y,
    }
