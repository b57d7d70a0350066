"""What happens between two hard discs, and to discs that never meet."""

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, RealScalar
from entropax.space.boxes import wrap_between

BOUNDARIES = ("reflecting", "periodic")


def hard_disk_pair_time(
    separation: Real[ArrayLike, "*batch 2"], velocity: Real[ArrayLike, "*batch 2"], diameter: RealScalar
) -> Float[Array, "*batch"]:
    """Time until two freely moving discs touch, t = c / (-b + sqrt(w.w s^2 - (r x w)^2)); infinity if they never do.

    b = r.w, c = r.r - s^2. The discriminant b^2 - w.w c is written with the cross product, in which nothing cancels,
    and the root is the one that loses no digits.

    Args:
        separation: r, from the second disc to the first, shape (..., 2).
        velocity: w, of the first relative to the second, shape (..., 2).
        diameter: s >= 0, the distance of contact; discs of no diameter never touch.

    Returns:
        t, shape (...): infinity where the discs separate or miss each other, NaN where they overlap under a
        transformation.

    Raises:
        ValueError: shapes do not fit, the diameter is negative, or the discs overlap by more than rounding.

    Differentiable in all arguments; where there is no collision the gradient is zero. Source: arXiv 2403.07519.
    """
    r, w, s = _checks.as_floats(separation=separation, velocity=velocity, diameter=diameter)
    _checks.as_numbers(diameter=s)
    _require_vectors(separation=r, velocity=w)
    with _checks.evaluated_now(r, s):
        apart = jnp.sum(r**2, axis=-1) >= s**2 * (1 - 16 * jnp.finfo(r.dtype).eps)
    overlap = _checks.Check(apart, "the discs must not overlap", lambda: f"separation {r} at diameter {s}")
    time = _pair_time(r, w, s)
    return _checks.enforce(time, overlap, _checks.nonnegative("diameter", s))


@jax.jit
def _pair_time(r: Array, w: Array, diameter: Array) -> Array:
    return contact_time(r[..., 0], r[..., 1], w[..., 0], w[..., 1], diameter)


def contact_time(rx: Array, ry: Array, wx: Array, wy: Array, diameter: Array) -> Array:
    """`hard_disk_pair_time` by components and without checks.

    Args:
        rx: separation along x, any shape.
        ry: separation along y.
        wx: relative velocity along x.
        wy: relative velocity along y.
        diameter: broadcastable to the others.

    Returns:
        Times, the common shape; infinite where the discs never touch, with a zero gradient.
    """
    approach = rx * wx + ry * wy
    cross = rx * wy - ry * wx
    discriminant = (wx**2 + wy**2) * diameter**2 - cross**2
    touches = (approach < 0) & (discriminant > 0)
    root = jnp.sqrt(jnp.where(touches, discriminant, 1.0))
    gap = rx**2 + ry**2 - diameter**2
    return jnp.where(touches, gap / jnp.where(touches, root - approach, 1.0), jnp.inf)


def collide_disks(
    first: Real[ArrayLike, "*batch 2"], second: Real[ArrayLike, "*batch 2"], separation: Real[ArrayLike, "*batch 2"]
) -> tuple[Float[Array, "*batch 2"], Float[Array, "*batch 2"]]:
    """Velocities of two equal discs after an elastic collision: v1 - q, v2 + q with q = r (r.w) / r.r, w = v1 - v2.

    Args:
        first: v1 before, shape (..., 2).
        second: v2 before, of the same shape.
        separation: r at contact, from the second disc to the first, of the same shape.

    Returns:
        v1 and v2 after.

    Raises:
        ValueError: shapes do not fit, or a separation vanishes.

    Differentiable in all arguments; keeps momentum and energy.
    """
    v1, v2, r = _checks.as_floats(first=first, second=second, separation=separation)
    _require_vectors(first=v1, second=v2, separation=r)
    _checks.require_same_shape(first=v1, second=v2, separation=r)
    with _checks.evaluated_now(r):
        distance = jnp.sum(r**2, axis=-1, keepdims=True)
        apart = _checks.positive("separation.separation", distance[..., 0])
    q = r * (jnp.sum(r * (v1 - v2), axis=-1, keepdims=True) / jnp.where(distance > 0, distance, 1))
    return _checks.enforce((v1 - q, v2 + q), apart)


def stream_freely(
    positions: Real[ArrayLike, "*batch 2"],
    velocities: Real[ArrayLike, "*batch 2"],
    time: RealScalar,
    *,
    box: Real[ArrayLike, "2"],
    boundary: str = "reflecting",
) -> tuple[Float[Array, "*batch 2"], Float[Array, "*batch 2"]]:
    """Point particles without collisions after any time: x + v t, folded at the walls or wrapped.

    Args:
        positions: x, shape (..., 2), in the box.
        velocities: v, of the same shape.
        time: t, of either sign.
        box: lengths of the box [0, Lx] x [0, Ly].
        boundary: "reflecting" or "periodic".

    Returns:
        Positions and velocities at t.

    Raises:
        ValueError: shapes do not fit, the box is not positive, or the boundary is unknown.

    Differentiable in all arguments but where a particle is at a wall. Works in any floating dtype.
    """
    x, v, t, lengths = _checks.as_floats(positions=positions, velocities=velocities, time=time, box=box)
    _checks.as_numbers(time=t)
    _checks.require_shape("box", lengths, (2,))
    _checks.require_option("boundary", boundary, BOUNDARIES)
    _require_vectors(positions=x, velocities=v)
    _checks.require_same_shape(positions=x, velocities=v)
    moved = _fold(x, v, t, lengths) if boundary == "reflecting" else (_wrap(x + v * t, lengths), v)
    return _checks.enforce(moved, _checks.positive("box", lengths))


@jax.jit
def _fold(x: Array, v: Array, t: Array, lengths: Array) -> tuple[Array, Array]:
    """Reflections unfold into a torus of twice the length, in whose second half everything is mirrored."""
    lengths = lengths.reshape((1,) * (x.ndim - 1) + (2,))
    y = wrap_between(x + v * t, jnp.zeros_like(lengths), 2 * lengths)
    mirrored = y > lengths
    return jnp.where(mirrored, 2 * lengths - y, y), jnp.where(mirrored, -v, v)


@jax.jit
def _wrap(x: Array, lengths: Array) -> Array:
    lengths = lengths.reshape((1,) * (x.ndim - 1) + (2,))
    return wrap_between(x, jnp.zeros_like(lengths), lengths)


def _require_vectors(**vectors: jax.Array) -> None:
    for name, vector in vectors.items():
        if vector.ndim < 1 or vector.shape[-1] != 2:
            raise ValueError(f"{name} must have shape (..., 2), got {vector.shape}")
