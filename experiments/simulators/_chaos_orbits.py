"""Orbits of the flows that the benchmark's experiments use, and the published annotations beside them."""

import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from entropax.simulators import chaos

FINE = 300
"""Points a period of an orbit: 100 (fine) and 15 (coarse) divide it."""


class Orbit(NamedTuple):
    """One long orbit of a flow.

    Attributes:
        system: the flow.
        times: at which its states are taken, shape (n,).
        points: states at 300 points a period, shape (n, d).
        bounded: the same with angles and phases mapped to bounded coordinates.
    """

    system: chaos.ChaoticFlow
    times: np.ndarray
    points: np.ndarray
    bounded: np.ndarray

    def coarse(self, points_per_period: int) -> np.ndarray:
        """Bounded states at fewer points a period, a divisor of 300, shape (n, d)."""
        return self.bounded[:: FINE // points_per_period]


def every_nth_flow(every: int) -> list[str]:
    """Every n-th flow of the catalogue in the order of their names: a choice that no result has a hand in.

    Args:
        every: n; 1 for all.
    """
    return chaos.system_names("flow")[::every]


def orbit(name: str, *, periods: int, folder: Path, skip: int = 2) -> Orbit:
    """Solves a flow from the catalogue's starting point.

    Args:
        name: of the flow.
        periods: dominant periods kept.
        folder: for results that a run which goes on finds again.
        skip: periods dropped before them.
    """
    system = chaos.get_system(name)
    assert isinstance(system, chaos.ChaoticFlow)
    count = (skip + periods) * FINE

    def solve() -> dict[str, np.ndarray]:
        points = chaos.trajectory(system, count, points_per_period=FINE, bounded=False, max_steps=1_000_000)
        return {"points": np.asarray(points[skip * FINE :])}

    points = kept(folder / f"{name}-orbit.npz", solve)["points"]
    times = chaos.sample_times(system, count, points_per_period=FINE)[skip * FINE :]
    return Orbit(system, np.asarray(times), points, np.asarray(system.bounded(jnp.asarray(points))))


def kept(file: Path, compute: Callable[[], Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Arrays by name from a file, or computed and kept in it: what a run that goes on need not do again.

    Args:
        file: of numpy's format npz.
        compute: gives the arrays.
    """
    if not file.exists():
        draft = file.with_name(f".{os.getpid()}-{file.name}")
        np.savez(draft, **{name: np.asarray(array) for name, array in compute().items()})  # type: ignore[arg-type]
        draft.rename(file)
    with np.load(file) as stored:
        return dict(stored)


def mean_divergence(found: Orbit) -> float:
    """The mean of the divergence of the flow over an orbit: what the Lyapunov exponents must sum to.

    Args:
        found: the orbit.
    """
    some = slice(None, None, FINE // 30)
    return float(_mean_divergence(found.system, jnp.asarray(found.times[some]), jnp.asarray(found.points[some])))


@jax.jit
def _mean_divergence(system: chaos.ChaoticFlow, times: jax.Array, points: jax.Array) -> jax.Array:
    jacobian = jax.jacfwd(system.vector_field, argnums=1)
    return jnp.mean(jax.vmap(lambda t, y: jnp.trace(jacobian(t, y)))(times, points))


@functools.cache
def annotations() -> dict[str, dict[str, Any]]:
    """The published annotations of every system, from the package dysts.

    Raises:
        ImportError: the package is not installed.
    """
    import importlib.resources
    import json

    file = importlib.resources.files("dysts") / "data" / "chaotic_attractors.json"
    return json.loads(file.read_text(encoding="utf-8"))
