"""Lyapunov spectra of the catalogue's flows beside the published ones."""

import functools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from entropax import observables
from experiments.simulators._chaos_orbits import Orbit


@dataclass(frozen=True)
class ExponentConfig:
    """Length of the orbits.

    Attributes:
        starts: orbits of every flow, from points of one long orbit.
        periods: of each measured, a multiple of 10.
        transient: periods before.
        steps: at least so many time steps a period; more where the catalogue's solver is stiff.
    """

    starts: int = 8
    periods: int = 60
    transient: int = 10
    steps: int = 500


def spectrum(found: Orbit, config: ExponentConfig) -> tuple[np.ndarray, np.ndarray]:
    """Lyapunov exponents of a flow, descending, and their standard errors over starts.

    Args:
        found: an orbit, whose points are the starts.
        config: sizes.

    Returns:
        Exponents and standard errors, shape (d,) each; NaN where an orbit was lost.
    """
    system = found.system
    steps = (
        max(config.steps, min(20_000, system.definition.steps_per_period)) if system.definition.stiff else config.steps
    )
    some = slice(None, len(found.points) // config.starts * config.starts, len(found.points) // config.starts)
    times, starts = jnp.asarray(found.times[some]), jnp.asarray(found.points[some])
    values = np.asarray(_spectra(system, times, starts, system.period / steps, steps, config.periods, config.transient))
    return np.sort(values.mean(axis=0))[::-1], values.std(axis=0, ddof=1) / len(values) ** 0.5


@functools.partial(jax.jit, static_argnames=("steps", "periods", "transient"))
def _spectra(
    system: Any, times: jax.Array, starts: jax.Array, dt: jax.Array, steps: int, periods: int, transient: int
) -> jax.Array:
    def one(time: jax.Array, start: jax.Array) -> jax.Array:
        return observables.lyapunov_spectrum(
            system.vector_field, start, dt, num_steps=periods * steps, transient=transient * steps, time=time
        ).value

    return jax.vmap(one)(times, starts)


def gap(found: Orbit, exponents: np.ndarray, divergence: float) -> float:
    """How far exponents miss the divergence of the flow, in nats a period.

    Args:
        found: the orbit.
        exponents: any that should sum to it.
        divergence: its mean over the orbit.
    """
    return float(abs(np.sum(exponents) - divergence) * float(found.system.period))
