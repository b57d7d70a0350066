"""Fields to start from: kinks at any speed, pairs of them, breathers, packets; and how a kink oscillates."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Real

from entropax import _checks
from entropax._typing import Array, ArrayLike, RealScalar
from entropax.simulators.field_grid import FieldGrid, differentiate
from entropax.simulators.field_potentials import KinkPotential, of_dtype


class KinkModes(eqx.Module):
    """Small oscillations about a kink, the slowest first.

    Attributes:
        squared_frequencies: omega^2, shape (num_modes,).
        modes: their shapes on the grid, of length one, shape (num_modes, n).
    """

    squared_frequencies: Float[Array, "m"]
    modes: Float[Array, "m n"]


def kink(
    x: Real[ArrayLike, "*shape"],
    velocity: RealScalar = 0.0,
    position: RealScalar = 0.0,
    time: RealScalar = 0.0,
    *,
    potential: KinkPotential,
    antikink: bool = False,
) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"]]:
    """An exact kink that moves, phi = phi_K(g (x - x0 - u t)) with g = 1 / sqrt(1 - u^2).

    Args:
        x: places, any shape.
        velocity: u, in (-1, 1), the speed of light being one.
        position: x0, where it is at time zero.
        time: t.
        potential: V, whose static kink phi_K is.
        antikink: whether the kink is turned about, to lead from the right vacuum to the left one.

    Returns:
        phi and phi_t, the shape of x. The energy is g times the kink's.

    Raises:
        ValueError: |u| is not below one.

    Differentiable in x, velocity, position and time, and in the potential's parameters.
    """
    x, u, x0, t = _checks.as_floats(x=x, velocity=velocity, position=position, time=time)
    _checks.as_numbers(velocity=u, position=x0, time=t)
    potential = of_dtype(potential, x.dtype)
    sign = -1 if antikink else 1
    gamma = 1 / jnp.sqrt((1 - u) * (1 + u))
    moved = _with_rate(lambda t: potential.kink_profile(sign * gamma * (x - x0 - u * t)), t)
    return _checks.enforce(moved, _slower_than_light("velocity", u))


def kink_antikink(
    x: Real[ArrayLike, "*shape"],
    separation: RealScalar,
    velocity: RealScalar = 0.0,
    other_velocity: RealScalar | None = None,
    *,
    potential: KinkPotential,
) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"]]:
    """A kink at -d/2 and an antikink at d/2, phi = phi_K(g (x + d/2)) + phi_K(-g (x - d/2)) - b.

    b, the vacuum between them, is counted once: outside is the other vacuum. Exact up to their overlap, e^-(m d).

    Args:
        x: places, any shape.
        separation: d, positive.
        velocity: u of the kink, in (-1, 1).
        other_velocity: of the antikink, by default -u: the two collide.
        potential: V.

    Returns:
        phi and phi_t, the shape of x.

    Raises:
        ValueError: a speed is not below one, or the separation is not positive.

    Differentiable in x, separation and velocities, and in the potential's parameters.
    """
    x, d, u = _checks.as_floats(x=x, separation=separation, velocity=velocity)
    _checks.as_numbers(separation=d, velocity=u)
    other = -u if other_velocity is None else other_velocity
    (checked,) = _checks.as_numbers(other_velocity=other)
    _checks.enforce(checked, _slower_than_light("velocity", u), _slower_than_light("other_velocity", checked))
    left = kink(x, u, -d / 2, potential=potential)
    right = kink(x, other, d / 2, potential=potential, antikink=True)
    between = potential.vacua[1].astype(x.dtype)
    return _checks.enforce((left[0] + right[0] - between, left[1] + right[1]), _checks.positive("separation", d))


def breather(
    x: Real[ArrayLike, "*shape"],
    frequency: RealScalar,
    position: RealScalar = 0.0,
    time: RealScalar = 0.0,
) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"]]:
    """The exact breather of the sine-Gordon field, phi = 4 arctan[(e / w) cos(w t) / cosh(e (x - x0))], e^2 = 1 - w^2.

    At time zero it turns: phi is largest, 4 arctan(e / w), and at rest. Its energy is 16 e.

    Args:
        x: places, any shape.
        frequency: w, in (0, 1).
        position: x0.
        time: t since a turning point.

    Returns:
        phi and phi_t, the shape of x.

    Raises:
        ValueError: w is not in (0, 1).

    Differentiable in everything.
    """
    x, w, x0, t = _checks.as_floats(x=x, frequency=frequency, position=position, time=time)
    _checks.as_numbers(frequency=w, position=x0, time=t)
    e = jnp.sqrt((1 - w) * (1 + w))
    z = e * (x - x0)
    sech = 2 * jnp.exp(-jnp.logaddexp(z, -z))  # cosh overflows
    swung = _with_rate(lambda t: 4 * jnp.arctan(e / w * jnp.cos(w * t) * sech), t)
    with _checks.evaluated_now(w):
        ok = _checks.Check((w > 0) & (w < 1), "frequency must be in (0, 1)", lambda: f"{jax.lax.stop_gradient(w)}")
    return _checks.enforce(swung, ok)


def gaussian_packet(
    x: Real[ArrayLike, "*shape"],
    amplitude: RealScalar,
    width: RealScalar,
    position: RealScalar = 0.0,
    rate: RealScalar = 0.0,
) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"]]:
    """A packet phi = A exp(-((x - x0) / w)^2) that grows or shrinks, phi_t = r phi.

    At rest, with V = m^2 phi^2 / 2, its energy is A^2 sqrt(pi / 2) (w / 2) (m^2 + 1 / w^2).

    Args:
        x: places, any shape.
        amplitude: A.
        width: w, positive.
        position: x0.
        rate: r.

    Returns:
        phi and phi_t, the shape of x.

    Raises:
        ValueError: the width is not positive.

    Differentiable in everything.
    """
    x, A, w, x0, r = _checks.as_floats(x=x, amplitude=amplitude, width=width, position=position, rate=rate)
    _checks.as_numbers(amplitude=A, width=w, position=x0, rate=r)
    phi = A * jnp.exp(-(((x - x0) / w) ** 2))
    return _checks.enforce((phi, r * phi), _checks.positive("width", w))


def kink_modes(grid: FieldGrid, *, potential: KinkPotential, num_modes: int = 4) -> KinkModes:
    """Small oscillations about a static kink in the middle of a grid: -psi'' + V''(phi_K) psi = omega^2 psi.

    For phi^4 with lam = v = 1: omega^2 = 0 (the kink moves), 3/2 (its shape swings), and a continuum from 2 on, of
    which a grid has discrete members. All n modes are found, in time n^3.

    Args:
        grid: the points; psi is periodic on a periodic or winding grid, antiperiodic on an antiperiodic one.
        potential: V.
        num_modes: how many are returned, at most n.

    Returns:
        Squared frequencies and modes. A mode's sign is arbitrary, and of equal frequencies the modes are any basis.

    Raises:
        ValueError: there are not so many modes.

    The frequencies are differentiable in the grid's ends and the potential's parameters.
    """
    _checks.require_integer("num_modes", num_modes, minimum=1, maximum=grid.num_points)
    return _kink_modes(grid, of_dtype(potential, grid.lower.dtype), num_modes)


@eqx.filter_jit
def _kink_modes(grid: FieldGrid, potential: KinkPotential, num_modes: int) -> KinkModes:
    curvature = potential.curvature(potential.kink_profile(grid.points - (grid.lower + grid.upper) / 2))
    squares, modes = jnp.linalg.eigh(jnp.diag(curvature) - _second_derivative_matrix(grid))
    return KinkModes(squares[:num_modes], modes[:, :num_modes].T)


def _second_derivative_matrix(grid: FieldGrid) -> Array:
    """What takes a small oscillation, which gains nothing in a period, to its second derivative.

    Its columns are the first one, shifted round. (Transforms of all columns at once, laid out as the eigensolver likes
    them, are refused by XLA on CPU, jax-ml/jax issue 22484.)
    """
    n = grid.num_points
    steady = eqx.tree_at(lambda g: g.jump, grid, jnp.zeros_like(grid.jump))
    column = differentiate(steady, jnp.zeros(n, grid.lower.dtype).at[0].set(1), order=2)
    column = (column + jnp.roll(column[::-1], 1).at[1:].multiply(-1 if grid.boundary == "antiperiodic" else 1)) / 2
    shift = np.arange(n)[:, None] - np.arange(n)
    matrix = column[shift % n]
    return jnp.where(shift < 0, -matrix, matrix) if grid.boundary == "antiperiodic" else matrix


def _with_rate(at_time: Callable[[Array], Array], t: Array) -> tuple[Array, Array]:
    """A field at a time, and its derivative by time."""
    return jax.jvp(at_time, (t,), (jnp.ones_like(t),))


def _slower_than_light(name: str, u: Array) -> _checks.Check:
    with _checks.evaluated_now(u):
        return _checks.Check(
            jnp.abs(u) < 1, f"{name} must be in (-1, 1), slower than light", lambda: f"{jax.lax.stop_gradient(u)}"
        )
