"""Lyapunov spectra of the catalogue's flows beside the published ones."""

import functools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

from entropax import observables
from entropax.observables.attractors import runge_kutta_step
from entropax.simulators import chaos
from experiments.simulators._chaos_orbits import Orbit, kept

APART = 1e-5
"""Distance of twin orbits, of coordinates of size one."""
RESOLVED, MOST = 1e-3, 20_000
"""By how much halved steps may change the end of a period, in deviations of the orbit; and most steps a period."""


@dataclass(frozen=True)
class ExponentConfig:
    """Length of the orbits.

    Attributes:
        pieces: of one long orbit of every flow, measured side by side.
        periods: of each, a multiple of 10.
        transient: periods before the first, and before each for its directions to align.
        steps: at least so many time steps a period; more where they would not resolve it, see `resolving_steps`.
        published: whether the published exponents' own procedures are repeated.
    """

    pieces: int = 8
    periods: int = 60
    transient: int = 20
    steps: int = 500
    published: bool = False


class Spectrum(NamedTuple):
    """Lyapunov exponents of a flow.

    Attributes:
        value: exponents, descending, shape (d,); NaN where an orbit was lost, and but for the first where rates jump.
        error: their standard errors over pieces, shape (d,).
        ends: where the pieces ended, shape (pieces, d).
        steps: Runge-Kutta steps a period.
    """

    value: np.ndarray
    error: np.ndarray
    ends: np.ndarray
    steps: int


def spectrum(name: str, config: ExponentConfig, *, folder: Path) -> Spectrum:
    """Lyapunov exponents of a flow, with standard errors over the pieces of one orbit from the catalogue's point.

    (Orbits from points beside it would be as many only where chaos parts them within the transient, and those of a
    Hamiltonian flow would have other energies.)

    Args:
        name: of the flow.
        config: sizes.
        folder: for results that a run which goes on finds again.
    """
    system = chaos.get_system(name)
    steps = resolving_steps(name, config.steps)

    def measure() -> dict[str, Any]:
        dt = system.period / steps
        times, begins = _cut(system, dt, steps, config.pieces, config.periods, config.transient)
        if system.definition.jumps:
            values, ends = _twins(system, times, begins, config.periods, config.transient)
        else:
            values, ends = _spectra(system, times, begins, dt, steps, config.periods, config.transient)
        return {"exponents": values, "ends": ends}

    found = kept(folder / f"{name}-exponents.npz", measure)
    values = found["exponents"]
    values = np.pad(values, ((0, 0), (0, system.dimension - values.shape[1])), constant_values=np.nan)
    order = np.argsort(-values.mean(axis=0))
    error = values.std(axis=0, ddof=1) / len(values) ** 0.5
    return Spectrum(values.mean(axis=0)[order], error[order], found["ends"], steps)


def resolving_steps(name: str, least: int) -> int:
    """Runge-Kutta steps a period, doubled until halving them no longer changes where a period ends.

    A period is long beside the fastest motion of some flows: 500 steps turn the chaos of AtmosphericRegime into next to
    none. Where rates jump no fixed steps resolve them, and `spectrum` does without.

    Args:
        name: of the flow.
        least: the fewest steps.

    Returns:
        least times a power of two, or where the catalogue's solver is stiff at least its steps; at most 20,000 or so.
    """
    system = chaos.get_system(name)
    own = math.ceil(system.definition.period / system.definition.dt)
    steps = max(least, min(MOST, own)) if system.definition.stiff else least
    while not system.definition.jumps and 2 * steps <= MOST and not _misses(system, steps) <= RESOLVED:
        steps *= 2
    return steps


@functools.partial(jax.jit, static_argnames="periods")
def _misses(system: Any, steps: int | jax.Array, periods: int = 6) -> jax.Array:
    """By how much steps miss the ends of periods that twice as many reach, in deviations of the orbit: the median."""

    def ends(start: jax.Array, y: jax.Array, count: Any) -> jax.Array:
        dt = system.period / count
        return jax.lax.fori_loop(0, count, lambda i, y: runge_kutta_step(system.vector_field, start + i * dt, y, dt), y)

    def period(carry: Any, _: None) -> tuple[Any, Any]:
        start, y = carry
        fine = ends(start, y, 2 * steps)
        return (start + system.period, fine), (fine, ends(start, y, steps))

    begin = jnp.zeros_like(system.period), system.initial_conditions
    _, (fine, coarse) = jax.lax.scan(period, begin, length=periods)
    size = jnp.std(fine, axis=0)
    size = jnp.where(size > 0, size, 1)
    return jnp.median(jnp.linalg.norm((fine - coarse) / size[None], axis=1))


@functools.partial(jax.jit, static_argnames=("steps", "pieces", "periods", "transient"))
def _cut(
    system: Any, dt: jax.Array, steps: int, pieces: int, periods: int, transient: int
) -> tuple[jax.Array, jax.Array]:
    """Times and states at which the pieces begin, shapes (pieces,) and (pieces, d)."""
    first = transient * steps

    def step(i: jax.Array, y: jax.Array) -> jax.Array:
        return runge_kutta_step(system.vector_field, i * dt, y, dt)

    def piece(y: jax.Array, number: jax.Array) -> tuple[jax.Array, jax.Array]:
        begin = jnp.where(number == 0, 0, first + (number - 1) * periods * steps)
        y = jax.lax.fori_loop(begin, first + number * periods * steps, step, y)
        return y, y

    numbers = jnp.arange(pieces)
    _, states = jax.lax.scan(piece, system.initial_conditions, numbers)
    return (first + numbers * periods * steps) * dt, states


@functools.partial(jax.jit, static_argnames=("steps", "periods", "transient"))
def _spectra(
    system: Any, times: jax.Array, begins: jax.Array, dt: jax.Array, steps: int, periods: int, transient: int
) -> tuple[jax.Array, jax.Array]:
    def one(time: jax.Array, begin: jax.Array) -> tuple[jax.Array, jax.Array]:
        found = observables.lyapunov_spectrum(
            system.vector_field, begin, dt, num_steps=periods * steps, transient=transient * steps, time=time
        )
        return found.value, found.state

    return jax.vmap(one)(times, begins)


@functools.partial(jax.jit, static_argnames=("periods", "transient"))
def _twins(
    system: Any, times: jax.Array, begins: jax.Array, periods: int, transient: int
) -> tuple[jax.Array, jax.Array]:
    """The largest exponent, shape (pieces, 1), by the growth of a small distance, and where the pieces ended.

    The way for rates that jump, which tangent vectors along fixed steps miss: the steps adapt, so that both orbits
    cross a jump where they should to far less than their distance, which is made small again every period.
    """
    field = jax.vmap(system.vector_field, in_axes=(None, 0))
    term = diffrax.ODETerm(lambda t, pair, args: field(t, pair))
    controller = diffrax.PIDController(rtol=1e-9, atol=1e-11)

    def one(time: jax.Array, begin: jax.Array) -> tuple[jax.Array, jax.Array]:
        def period(carry: Any, number: jax.Array) -> tuple[Any, jax.Array]:
            y, direction = carry
            pair = jnp.stack([y, y + APART * direction])
            start = time + number * system.period
            options = {"stepsize_controller": controller, "max_steps": None, "saveat": diffrax.SaveAt(t1=True)}
            end = diffrax.diffeqsolve(term, diffrax.Tsit5(), start, start + system.period, system.dt, pair, **options)
            assert end.ys is not None
            y, other = end.ys[0]
            distance = jnp.linalg.norm(other - y)
            return (y, (other - y) / distance), jnp.log(distance / APART)

        along = jnp.full_like(begin, begin.size**-0.5)
        (y, _), growth = jax.lax.scan(period, (begin, along), jnp.arange(transient + periods))
        return jnp.mean(growth[transient:], keepdims=True) / system.period, y

    return jax.vmap(one)(times, begins)


def gap(found: Orbit, exponents: np.ndarray, divergence: float) -> float:
    """How far exponents miss the divergence of the flow, in nats a period.

    Args:
        found: an orbit of the flow.
        exponents: any that should sum to it.
        divergence: its mean over the orbit.
    """
    return float(abs(np.sum(exponents) - divergence) * float(found.system.period))
