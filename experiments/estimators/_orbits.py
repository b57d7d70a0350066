"""Orbits in four planar potentials, with the growth of deviations from them that says whether they are chaotic."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

Potential = Callable[[jax.Array], jax.Array]


def isochrone(position: jax.Array) -> jax.Array:
    """Henon's isochrone, -1 / (b + sqrt(b^2 + r^2)) with b = 1/2: every orbit is regular."""
    return -1 / (0.5 + jnp.sqrt(0.25 + position @ position))


def logarithmic(position: jax.Array, flattening: jax.Array | float, core: float = 0.14) -> jax.Array:
    """A flattened disc with a flat rotation curve, ln(x^2 + y^2/q^2 + R_c^2) / 2."""
    x, y = position
    return jnp.log(x**2 + (y / flattening) ** 2 + core**2) / 2


def henon_heiles(position: jax.Array) -> jax.Array:
    """(x^2 + y^2) / 2 + x^2 y - y^3 / 3; bound below the energy 1/6."""
    x, y = position
    return (x**2 + y**2) / 2 + x**2 * y - y**3 / 3


@dataclass(frozen=True)
class System:
    """A potential and the orbits taken in it.

    Attributes:
        potential: of a position, shape (2,).
        energy: of all orbits; Jacobi's integral where the potential turns.
        axis: of the line through the centre that they start on, 0 for x, 1 for y.
        step: time step.
        natural: natural time of most orbits, roughly.
        turning: angular speed of the potential.
    """

    potential: Potential
    energy: float
    axis: int
    step: float
    natural: float
    turning: float = 0.0


SYSTEMS: dict[str, System] = {
    "isochrone": System(isochrone, -0.45, 0, 0.04, 13.0),
    "logarithmic disc": System(partial(logarithmic, flattening=0.7), -0.337, 0, 0.01, 3.6),
    "turning bar": System(partial(logarithmic, flattening=0.7), -0.1, 0, 0.01, 6.0, turning=0.5),
    "Hénon-Heiles": System(henon_heiles, 0.14, 1, 0.05, 6.4),
}


def leapfrog(potential: Potential, turning: float, dt: float, state: jax.Array) -> jax.Array:
    """Kick, drift, kick of (x, y, p_x, p_y) in the frame that turns with the potential.

    The drift of H = p^2 / 2 - turning L_z is exact: the two terms commute, so it is a straight line and a rotation.
    """
    force = jax.grad(potential)
    q, p = state[:2], state[2:]
    p = p - dt / 2 * force(q)
    c, s = jnp.cos(turning * dt), jnp.sin(turning * dt)
    back = jnp.array([[c, s], [-s, c]])
    q, p = back @ (q + dt * p), back @ p
    return jnp.concatenate([q, p - dt / 2 * force(q)])


def advance(potential: Potential, turning: float, dt: float, state: jax.Array) -> jax.Array:
    """One step of fourth order: three leapfrogs after Yoshida 1990, doi 10.1016/0375-9601(90)90092-3."""
    outer = 1 / (2 - 2 ** (1 / 3))
    for part in (outer, 1 - 2 * outer, outer):
        state = leapfrog(potential, turning, part * dt, state)
    return state


def jacobi(system: System, state: jax.Array) -> jax.Array:
    """The integral of motion, p^2 / 2 + Phi - turning L_z."""
    q, p = state[:2], state[2:]
    return p @ p / 2 + system.potential(q) - system.turning * (q[0] * p[1] - q[1] * p[0])


def starts(system: System, orbits: int, seed: int) -> np.ndarray:
    """States on the line through the centre, uniform along it and in the direction of the velocity; (orbits, 4)."""
    rng = np.random.default_rng(seed)
    line = np.linspace(0, 3, 3001)
    unit = np.eye(2)[system.axis]

    def surplus(s: np.ndarray) -> np.ndarray:  # kinetic energy in the turning frame
        q = s[:, None] * unit
        effective = np.asarray(jax.vmap(system.potential)(jnp.asarray(q))) - system.turning**2 * s**2 / 2
        return system.energy - effective

    reach = [line[np.argmax(surplus(sign * line) < 0)] for sign in (-1, 1)]
    s = rng.uniform(-0.95 * reach[0], 0.95 * reach[1], orbits)
    angle = rng.uniform(0, 2 * np.pi, orbits)
    speed = np.sqrt(2 * surplus(s))
    q, v = s[:, None] * unit, speed[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.concatenate([q, v + system.turning * np.stack([-q[:, 1], q[:, 0]], axis=1)], axis=1)


class Orbits(NamedTuple):
    """What is kept of many orbits.

    Attributes:
        x: the coordinate x at every step of the first part, shape (orbits, steps).
        momentum: the angular momentum, the same shape.
        sali: the smaller alignment index of two deviations at the end of the whole integration, shape (orbits,).
        lyapunov: the mean rate of growth of a deviation, shape (orbits,).
        drift: the largest relative change of the integral of motion, shape (orbits,).
    """

    x: jax.Array
    momentum: jax.Array
    sali: jax.Array
    lyapunov: jax.Array
    drift: jax.Array


def follow(system: System, states: np.ndarray, *, kept: int, steps: int) -> Orbits:
    """Integrates orbits and two deviations of each.

    Args:
        system: the potential.
        states: starts, shape (orbits, 4).
        kept: steps at whose beginning x and the angular momentum are kept.
        steps: steps of the whole integration, at least `kept`.

    Returns:
        The orbits. SALI is Skokos 2001's, doi 10.1088/0305-4470/34/47/309: it falls to zero where deviations align
        with the direction that grows, and stays of order 1 on a torus.
    """
    return jax.jit(jax.vmap(lambda state: _follow_one(system, state, kept, steps)))(jnp.asarray(states))


def _follow_one(system: System, state: jax.Array, kept: int, steps: int) -> Orbits:
    step = partial(advance, system.potential, system.turning, system.step)
    start = jacobi(system, state)

    def move(carry: tuple, _: None) -> tuple[tuple, None]:
        z, deviations, growth, worst = carry
        moved, push = jax.linearize(step, z)
        grown = jax.vmap(push)(deviations)
        norms = jnp.linalg.norm(grown, axis=1)
        worst = jnp.maximum(worst, jnp.abs(jacobi(system, moved) - start))
        return (moved, grown / norms[:, None], growth + jnp.log(norms[0]), worst), None

    def keep(carry: tuple, _: None) -> tuple[tuple, tuple[jax.Array, jax.Array]]:
        x, y, px, py = carry[0]
        return move(carry, None)[0], (x, x * py - y * px)

    zero = jnp.zeros((), state.dtype)
    carry = (state, jnp.eye(4, dtype=state.dtype)[:2], zero, zero)
    carry, (x, momentum) = jax.lax.scan(keep, carry, None, length=kept)
    (_, (one, two), growth, worst), _ = jax.lax.scan(move, carry, None, length=steps - kept)
    sali = jnp.minimum(jnp.linalg.norm(one + two), jnp.linalg.norm(one - two))
    return Orbits(x, momentum, sali, growth / (steps * system.step), worst / jnp.abs(start))


def coordinate(flattening: jax.Array, state: jax.Array, *, step: float, steps: int) -> jax.Array:
    """x of one orbit of the logarithmic disc, to differentiate by its flattening; shape (steps,)."""
    potential = partial(logarithmic, flattening=flattening)

    def move(z: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
        return advance(potential, 0.0, step, z), z[0]

    return jax.lax.scan(jax.checkpoint(move), state, None, length=steps)[1]
