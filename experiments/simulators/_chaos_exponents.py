"""Lyapunov spectra of the catalogue's flows beside the published ones."""

import functools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from entropax import observables
from entropax.simulators import chaos
from experiments.simulators._chaos_orbits import Orbit, kept


@dataclass(frozen=True)
class ExponentConfig:
    """Length of the orbits.

    Attributes:
        starts: orbits of every flow.
        periods: of each measured, a multiple of 10.
        transient: periods before.
        steps: at least so many time steps a period; more where the catalogue's solver is stiff.
    """

    starts: int = 8
    periods: int = 60
    transient: int = 20
    steps: int = 500


class Spectrum(NamedTuple):
    """Lyapunov exponents of a flow.

    Attributes:
        value: exponents, descending, shape (d,); NaN where an orbit was lost.
        error: their standard errors over starts, shape (d,).
        ends: where the orbits ended, shape (starts, d).
        steps: Runge-Kutta steps a period.
    """

    value: np.ndarray
    error: np.ndarray
    ends: np.ndarray
    steps: int


def spectrum(name: str, config: ExponentConfig, *, folder: Path) -> Spectrum:
    """Lyapunov exponents of a flow, with standard errors over starts.

    Orbits start at the catalogue's point, moved by a thousandth, and are measured once they are on the attractor.

    Args:
        name: of the flow.
        config: sizes.
        folder: for results that a run which goes on finds again.
    """
    system = chaos.get_system(name)
    own = math.ceil(system.definition.period / system.definition.dt)
    steps = max(config.steps, min(20_000, own)) if system.definition.stiff else config.steps

    def measure() -> dict[str, np.ndarray]:
        moved = 1 + 1e-3 * np.random.default_rng(0).normal(size=(config.starts, system.dimension))
        starts = system.initial_conditions[None] * jnp.asarray(moved)
        values, ends = _spectra(system, starts, system.period / steps, steps, config.periods, config.transient)
        return {"exponents": values, "ends": ends}

    found = kept(folder / f"{name}-exponents.npz", measure)
    values = found["exponents"]
    order = np.argsort(-values.mean(axis=0))
    error = values.std(axis=0, ddof=1) / len(values) ** 0.5
    return Spectrum(values.mean(axis=0)[order], error[order], found["ends"], steps)


@functools.partial(jax.jit, static_argnames=("steps", "periods", "transient"))
def _spectra(
    system: Any, starts: jax.Array, dt: jax.Array, steps: int, periods: int, transient: int
) -> tuple[jax.Array, jax.Array]:
    def one(start: jax.Array) -> tuple[jax.Array, jax.Array]:
        found = observables.lyapunov_spectrum(
            system.vector_field, start, dt, num_steps=periods * steps, transient=transient * steps
        )
        return found.value, found.state

    return jax.vmap(one)(starts)


def gap(found: Orbit, exponents: np.ndarray, divergence: float) -> float:
    """How far exponents miss the divergence of the flow, in nats a period.

    Args:
        found: an orbit of the flow.
        exponents: any that should sum to it.
        divergence: its mean over the orbit.
    """
    return float(abs(np.sum(exponents) - divergence) * float(found.system.period))
