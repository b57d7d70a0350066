"""Transformations of a hundred thousand histories of cores, against a loop of numpy and scipy.

No package finds these transformations. The peer is what one would write without us: scipy's `gaussian_filter1d` on the
whole table at once, then a loop over histories and their candidates in numpy, on one thread. The difference is the
share of histories with other counts: float32 against float64 at the thresholds.
"""

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from entropax.applications import clusters
from experiments.benchmarks.harness import Case

NAME = "cluster-transformations"
DESCRIPTION = "transformations in histories of cores, 113 even times each, float32"
PEER = "scipy"

HISTORIES, CHUNK = 100_000, 10_000
STEP = 0.1


@jax.jit
def ours(t: jax.Array, K0: jax.Array) -> jax.Array:
    """Upward and downward transformations of each history, shape (n, 2), chunk by chunk."""

    def one(K: jax.Array) -> jax.Array:
        table = clusters.find_transformations(t, K, num_points=t.shape[0])
        return jnp.stack([jnp.sum(table.direction == 1), jnp.sum(table.direction == -1)])

    return jax.lax.map(one, K0, batch_size=CHUNK)


def theirs(K0: np.ndarray) -> np.ndarray:
    """The same by a loop."""
    from scipy.ndimage import gaussian_filter1d

    smooth = gaussian_filter1d(np.log10(K0), 0.3 / STEP, mode="reflect", axis=1)
    slopes = np.gradient(smooth, STEP, axis=1)
    return np.array([_count(smooth[i], slopes[i]) for i in range(len(smooth))])


def _count(y: np.ndarray, slope: np.ndarray) -> tuple[int, int]:
    sign = np.where(np.abs(slope) > 0.25, np.sign(slope), 0)
    edges = np.flatnonzero(np.diff(sign, prepend=0, append=0))
    merged: list[list[float]] = []
    for i, end in itertools.pairwise(edges.tolist()):
        if not sign[i]:
            continue
        j, s = end - 1, sign[i]
        start, stop = _crossing(slope, i, i - 1, s), _crossing(slope, j, j + 1, s)
        if merged and merged[-1][2] == s and STEP * (start - merged[-1][1]) < 0.3:
            merged[-1][1] = stop
        else:
            merged.append([start, stop, s])
    at = np.arange(y.size)
    kept = [s for a, b, s in merged if s * (np.interp(b, at, y) - np.interp(a, at, y)) >= 0.3]
    return sum(s > 0 for s in kept), sum(s < 0 for s in kept)


def _crossing(slope: np.ndarray, i: int, outside: int, sign: float) -> float:
    """Where the slope passes its threshold, in steps."""
    if not 0 <= outside < slope.size:
        return float(i)
    return i + (outside - i) * (sign * slope[i] - 0.25) / (sign * (slope[i] - slope[outside]))


def cases() -> Iterator[Case]:
    """A thousand histories and a hundred thousand."""
    population = clusters.simulate_population(
        clusters.ClusterCore(), HISTORIES, key=jax.random.key(0), every=5, batch_size=CHUNK
    )
    K0 = np.asarray(population.K0)
    for count in (HISTORIES // 100, HISTORIES):
        yield Case(
            name=f"{count:,} histories",
            ours=partial(ours, population.t, jnp.asarray(K0[:count])),
            peers={"numpy and scipy, one thread": partial(theirs, K0[:count].astype(np.float64))},
            unit="history",
            per=count,
            difference=_share_that_differs,
            tolerance=2e-3,  # float32 against float64 at the thresholds
            seconds=8.0,
        )


def _share_that_differs(ours: Any, theirs: np.ndarray) -> float:
    return float(np.mean(np.any(np.asarray(ours) != theirs, axis=1)))
