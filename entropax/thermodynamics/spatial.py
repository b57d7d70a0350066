"""Entropy production resolved in space: hard bins, and the smooth form that has gradients."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Real, RealScalar


class SpatialRate(eqx.Module):
    """A per-particle rate resolved in space.

    Attributes:
        value: mean rate of the particles in each cell, zero where there is none; or near each point, where far from
            all of them it tends to the nearest one's.
        density: number of particles per unit volume there.
        occupied: whether there is any particle in the cell, or any weight at the point.
    """

    value: Float[Array, "..."]
    density: Float[Array, "..."]
    occupied: Bool[Array, "..."]


def spatial_rate(
    positions: Real[ArrayLike, "n d"],
    rates: Real[ArrayLike, "n"],
    *,
    lower: Real[ArrayLike, "d"],
    upper: Real[ArrayLike, "d"],
    bins: tuple[int, ...],
) -> SpatialRate:
    """Mean per-particle rate in the cells of a regular grid.

    Args:
        positions: shape (n, d).
        rates: rate of each particle, nats per unit time, shape (n,).
        lower: lower corner of the grid, shape (d,).
        upper: upper corner, shape (d,); particles outside [lower, upper) are left out.
        bins: number of cells along each axis.

    Returns:
        Means and densities, of shape `bins`.

    Raises:
        ValueError: shapes do not fit, the grid is empty, or a value is not finite.

    Differentiable in the rates; in the positions it is piecewise constant, see `smooth_spatial_rate`.
    """
    x, r, low, high = _checks.as_floats(positions=positions, rates=rates, lower=lower, upper=upper)
    _require_particles(x, r)
    for name, value in (("lower", low), ("upper", high)):
        _checks.require_shape(name, value, (x.shape[1],))
    if len(bins) != x.shape[1]:
        raise ValueError(f"bins must have one entry an axis, {x.shape[1]}, got {bins}")
    for count in bins:
        _checks.require_integer("bins", count, minimum=1)
    cells = np.asarray(bins)
    size = (high - low) / jnp.asarray(cells, x.dtype)
    index = jnp.floor((x - low[None]) / size[None]).astype(jnp.int32)
    inside = jnp.all((index >= 0) & (index < jnp.asarray(cells, jnp.int32)[None]), axis=1)
    strides = np.concatenate([np.cumprod(cells[::-1])[-2::-1], [1]]).astype(np.int32)
    # Particles outside go to an extra cell that is cut off.
    flat = jnp.where(inside, index @ jnp.asarray(strides), int(cells.prod()))
    total = jax.ops.segment_sum(r, flat, num_segments=int(cells.prod()) + 1)[:-1].reshape(bins)
    number = jax.ops.segment_sum(jnp.ones_like(r), flat, num_segments=int(cells.prod()) + 1)[:-1].reshape(bins)
    result = SpatialRate(total / jnp.maximum(number, 1), number / jnp.prod(size), number > 0)
    checks = (_checks.finite("positions", x), _checks.finite("rates", r), _checks.positive("upper - lower", high - low))
    return _checks.enforce(result, *checks)


def smooth_spatial_rate(
    positions: Real[ArrayLike, "n d"],
    rates: Real[ArrayLike, "n"],
    points: Real[ArrayLike, "m d"],
    *,
    bandwidth: RealScalar,
    box: eqx.Module | None = None,
) -> SpatialRate:
    """Gaussian-weighted mean of per-particle rates around given points.

    The relaxed form of `spatial_rate`: sum_i r_i w_i(x) / sum_i w_i(x) with w_i Gaussian of the given bandwidth, which
    tends to local means as the bandwidth shrinks.

    Args:
        positions: shape (n, d).
        rates: rate of each particle, nats per unit time, shape (n,).
        points: where to evaluate, shape (m, d).
        bandwidth: standard deviation of the weights, a number, in units of length.
        box: a space with `displacement(x, y)`, for minimum images; free space by default.

    Returns:
        Means and densities at the points, shape (m,).

    Raises:
        ValueError: shapes do not fit, the bandwidth is not positive, or a value is not finite.

    Differentiable in positions, rates, points and bandwidth.
    """
    x, r, y, h = _checks.as_floats(positions=positions, rates=rates, points=points, bandwidth=bandwidth)
    _require_particles(x, r)
    if y.ndim != 2 or y.shape[1] != x.shape[1]:
        raise ValueError(f"points must have shape (m, {x.shape[1]}), got {y.shape}")
    _checks.require_ndim("bandwidth", h, 0, "()")
    displacement = (lambda a, b: a - b) if box is None else box.displacement  # pyright: ignore[reportAttributeAccessIssue]
    delta = displacement(y[:, None, :], x[None, :, :])
    exponent = -jnp.sum(delta**2, axis=-1) / (2 * h**2)
    peak = jnp.max(exponent, axis=1, keepdims=True)  # keeps far points' ratios finite
    weight = jnp.exp(exponent - jax.lax.stop_gradient(peak))
    scale = jnp.exp(jax.lax.stop_gradient(peak[:, 0])) / (jnp.sqrt(2 * jnp.pi).astype(x.dtype) * h) ** x.shape[1]
    mass = jnp.sum(weight, axis=1)
    result = SpatialRate(weight @ r / mass, mass * scale, mass * scale > 0)
    checks = (_checks.finite("positions", x), _checks.finite("rates", r), _checks.positive("bandwidth", h))
    return _checks.enforce(result, *checks)


def _require_particles(positions: Array, rates: Array) -> None:
    _checks.require_ndim("positions", positions, 2, "(n, d)")
    _checks.require_shape("rates", rates, positions.shape[:1])
