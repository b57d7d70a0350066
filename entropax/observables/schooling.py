"""Order of a school of fish: how aligned it swims, how it mills, how far it spreads."""

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Real, RealScalar, Scalar
from entropax.information._numerics import safe_sqrt
from entropax.space.boxes import nearest_image


def polarization(velocities: Real[ArrayLike, "n d"]) -> Scalar:
    """Alignment of headings, P = |mean_i v_i / |v_i||.

    N independent isotropic headings in three dimensions have E[P^2] = 1/N; all aligned, P = 1.

    Args:
        velocities: shape (n, d), none of them zero.

    Returns:
        P in [0, 1].

    Raises:
        ValueError: the shape is another, or a velocity vanishes or is not finite.

    Differentiable; where P = 0, a cone's tip, the gradient is taken as zero. Source: arXiv 2602.07948.
    """
    v = _checks.as_float("velocities", velocities)
    _checks.require_ndim("velocities", v, 2, "(n, d)")
    return _checks.enforce(_polarization(v), moving(v))


def rotation_order(
    positions: Real[ArrayLike, "n 3"], velocities: Real[ArrayLike, "n 3"], *, box_size: RealScalar | None = None
) -> Scalar:
    """Milling about the centre, M = |mean_i e_i x v_i / |v_i||, e_i the unit vector from the centre to fish i.

    Args:
        positions: shape (n, 3).
        velocities: shape (n, 3), none of them zero.
        box_size: None takes the plain mean of the positions for the centre, as the paper does: a school that crosses a
            wall of a periodic box then has the wrong one. L takes the circular mean on the periodic cube [0, L)^3 and
            nearest images.

    Returns:
        M in [0, 1].

    Raises:
        ValueError: a shape is another, a number is not finite, a velocity vanishes, or L is not positive.

    Differentiable; where M = 0 the gradient is taken as zero. Source: arXiv 2602.07948.
    """
    x, v, box, checks = of_school(positions, velocities, box_size)
    return _checks.enforce(_rotation(x, v, box), *checks)


def school_spread(positions: Real[ArrayLike, "n 3"], *, box_size: RealScalar | None = None) -> Scalar:
    """Root mean square distance from the centre.

    Args:
        positions: shape (n, 3), length.
        box_size: None, or L of a periodic cube, as for `rotation_order`.

    Returns:
        The spread, length.

    Raises:
        ValueError: the shape is another, a number is not finite, or L is not positive.

    Differentiable; where all fish are at one point the gradient is taken as zero. Source: arXiv 2602.07948.
    """
    x, _, box, checks = of_school(positions, None, box_size)
    return _checks.enforce(_spread(x, box), *checks)


def order_index(
    positions: Real[ArrayLike, "n 3"], velocities: Real[ArrayLike, "n 3"], *, box_size: RealScalar | None = None
) -> Scalar:
    """The greater of `polarization` and `rotation_order`: a school is ordered if it is aligned or mills.

    Args:
        positions: shape (n, 3).
        velocities: shape (n, 3), none of them zero.
        box_size: None, or L of a periodic cube, as for `rotation_order`.

    Returns:
        max(P, M) in [0, 1].

    Raises:
        ValueError: as `rotation_order`.

    Differentiable where the two differ. Source: arXiv 2602.07948.
    """
    x, v, box, checks = of_school(positions, velocities, box_size)
    return _checks.enforce(jnp.maximum(_polarization(v), _rotation(x, v, box)), *checks)


def unit_vectors(v: Array) -> Array:
    """Rows normalised, with zero for zero.

    Args:
        v: shape (n, d).

    Returns:
        Unit vectors, shape (n, d).
    """
    square = jnp.sum(v**2, axis=1, keepdims=True)
    return v / jnp.sqrt(jnp.where(square > 0, square, 1))


def about_center(x: Array, box_size: Array | None) -> Array:
    """Positions from the centre: the plain mean, or the circular mean on a periodic cube.

    Args:
        x: shape (n, 3).
        box_size: None or L.

    Returns:
        Vectors from the centre, shape (n, 3).
    """
    if box_size is None:
        return x - jnp.mean(x, axis=0, keepdims=True)
    angle = 2 * jnp.pi / box_size * x
    sine, cosine = jnp.mean(jnp.sin(angle), axis=0), jnp.mean(jnp.cos(angle), axis=0)
    # Positions that balance on the circle have no centre of their own; the arc tangent has no slope there.
    some = sine**2 + cosine**2 > 0
    center = jnp.arctan2(jnp.where(some, sine, 0), jnp.where(some, cosine, 1)) * box_size / (2 * jnp.pi)
    return nearest_image(x - center[None], box_size)


def angular_momenta(x: Array, v: Array, box_size: Array | None) -> Array:
    """e_i x v_i / |v_i|, shape (n, 3).

    Args:
        x: positions, shape (n, 3).
        v: velocities, shape (n, 3).
        box_size: None or L.

    Returns:
        The products, of unit vectors both, shape (n, 3).
    """
    return jnp.cross(unit_vectors(about_center(x, box_size)), unit_vectors(v))


def of_school(
    positions: ArrayLike, velocities: ArrayLike | None, box_size: RealScalar | None
) -> tuple[Array, Array, Array | None, list[_checks.Check]]:
    """Positions, velocities and L as arrays of one dtype, and what must hold of them.

    Args:
        positions: shape (n, 3).
        velocities: shape (n, 3), or None where there are none: zeros are returned.
        box_size: a number or None.

    Returns:
        Positions, velocities, L or None, and the checks for `_checks.enforce`.
    """
    named = {"positions": positions} if velocities is None else {"positions": positions, "velocities": velocities}
    named |= {} if box_size is None else {"box_size": box_size}
    values = dict(zip(named, _checks.as_floats(**named), strict=True))
    x, v, box = values["positions"], values.get("velocities"), values.get("box_size")
    if x.ndim != 2 or x.shape[1] != 3:
        raise ValueError(f"positions must have shape (n, 3), got {x.shape}")
    checks = [_checks.finite("positions", x)]
    if v is not None:
        _checks.require_same_shape(positions=x, velocities=v)
        checks.append(moving(v))
    if box is not None:
        _checks.as_numbers(box_size=box)
        checks.append(_checks.positive("box_size", box))
    return x, jnp.zeros_like(x) if v is None else v, box, checks


def moving(v: Array) -> _checks.Check:
    """Every velocity is finite and not zero.

    Args:
        v: shape (n, d).

    Returns:
        The check, for `_checks.enforce`.
    """
    with _checks.evaluated_now(v):
        speeds = jnp.sqrt(jnp.sum(v**2, axis=1))
        ok = jnp.all(jnp.isfinite(speeds) & (speeds > 0))
    return _checks.Check(ok, "velocities must be finite and not zero", lambda: f"speeds {speeds}")


@jax.jit
def _polarization(v: Array) -> Array:
    return safe_sqrt(jnp.sum(jnp.mean(unit_vectors(v), axis=0) ** 2))


@jax.jit
def _rotation(x: Array, v: Array, box: Array | None) -> Array:
    return safe_sqrt(jnp.sum(jnp.mean(angular_momenta(x, v, box), axis=0) ** 2))


@jax.jit
def _spread(x: Array, box: Array | None) -> Array:
    return safe_sqrt(jnp.mean(jnp.sum(about_center(x, box) ** 2, axis=1)))
