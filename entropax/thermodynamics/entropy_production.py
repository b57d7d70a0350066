"""Entropy production rates of overdamped dynamics dX = b(X) dt + sqrt(2 D) dW with constant diagonal D.

With the score s = grad log rho and the probability-flow velocity v = b - D s, in nats per unit time and k_B = 1,

    total   v^T D^-1 v,    medium   b^T D^-1 v,    system   -v . s,    total = medium + system

at every state (arXiv 2309.12991; Seifert, arXiv 1205.4176). Propulsions count as even under time reversal: they do not
change sign. Definitions with odd propulsions give other numbers.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Real

from entropax import _checks
from entropax._typing import Array, ArrayLike, RealScalar, Scalar
from entropax.simulators.langevin import stationary_covariance

Axes = int | tuple[int, ...] | None


def _invertible(diffusion: Array) -> _checks.Check:
    return _checks.positive("diffusion", diffusion)._replace(
        expected="diffusion must be positive wherever it is divided by (a coordinate without noise makes the total "
        "rate infinite or undefined: pass the coordinates with noise alone, such as the propulsions)"
    )


def _normalized_axes(axis: Axes, ndim: int) -> Axes:
    axes = tuple(range(ndim)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    if any(not -ndim <= a < ndim for a in axes):
        raise ValueError(f"axis must name axes of an array with {ndim} axes, got {axis}")
    return tuple(a % ndim for a in axes)


def total_entropy_production(
    velocity: Real[ArrayLike, "*shape"], diffusion: Real[ArrayLike, "..."], *, axis: Axes = None
) -> Float[Array, "..."]:
    """Total rate sum v^2 / D >= 0 at one state.

    Args:
        velocity: probability-flow velocity v = b - D s at a state, any shape; of a particle configuration
            (2, n, d) = (positions or propulsions, particle, axis).
        diffusion: diagonal D > 0, broadcastable to v; (2, 1, 1) holding (eps, gamma) for swimmers.
        axis: axes to sum over, all by default. For (2, n, d): (0, 2) leaves the rate of each particle, (1, 2) that of
            each degree of freedom.

    Returns:
        The rate, nats per unit time, with the axes not summed over.

    Raises:
        ValueError: D does not broadcast, is not positive, or an axis does not exist.

    Differentiable in both arguments. Source: arXiv 2309.12991.
    """
    v, D = _checks.as_floats(velocity=velocity, diffusion=diffusion)
    D = _checks.broadcastable("diffusion", D, v.shape)
    return _checks.enforce(jnp.sum(v**2 / D, axis=_normalized_axes(axis, v.ndim)), _invertible(D))


def medium_entropy_production(
    drift: Real[ArrayLike, "*shape"],
    velocity: Real[ArrayLike, "*shape"],
    diffusion: Real[ArrayLike, "..."],
    *,
    axis: Axes = None,
) -> Float[Array, "..."]:
    """Rate of entropy given to the medium ("heat over temperature"), sum b v / D, at one state.

    Args:
        drift: b at the state, any shape.
        velocity: v = b - D s, the shape of b.
        diffusion: diagonal D > 0, broadcastable to b.
        axis: axes to sum over, all by default; see `total_entropy_production`.

    Returns:
        The rate, nats per unit time, with the axes not summed over.

    Raises:
        ValueError: shapes do not fit, D is not positive, or an axis does not exist.

    Differentiable in all arguments. Source: arXiv 2309.12991.
    """
    b, v, D = _checks.as_floats(drift=drift, velocity=velocity, diffusion=diffusion)
    _checks.require_same_shape(drift=b, velocity=v)
    D = _checks.broadcastable("diffusion", D, v.shape)
    return _checks.enforce(jnp.sum(b * v / D, axis=_normalized_axes(axis, v.ndim)), _invertible(D))


def system_entropy_production(
    velocity: Real[ArrayLike, "*shape"], score: Real[ArrayLike, "*shape"], *, axis: Axes = None
) -> Float[Array, "..."]:
    """Rate of change of the system's own entropy -log rho along the flow, -sum v s, at one state.

    In a steady state it equals div v at every state, and its mean is zero. It needs no inverse of D.

    Args:
        velocity: v = b - D s, any shape.
        score: s, the shape of v.
        axis: axes to sum over, all by default; see `total_entropy_production`.

    Returns:
        The rate, nats per unit time, with the axes not summed over.

    Raises:
        ValueError: shapes do not fit, a value is not finite, or an axis does not exist.

    Differentiable in both arguments. Source: arXiv 2309.12991.
    """
    v, s = _checks.as_floats(velocity=velocity, score=score)
    _checks.require_same_shape(velocity=v, score=s)
    rate = -jnp.sum(v * s, axis=_normalized_axes(axis, v.ndim))
    return _checks.enforce(rate, _checks.finite("velocity", v), _checks.finite("score", s))


class MeanRate(eqx.Module):
    """A mean over samples with its standard error.

    Attributes:
        value: the mean.
        standard_error: its standard error, from the scatter of samples or of block means.
        count: number of samples or blocks that the standard error rests on.
    """

    value: Scalar
    standard_error: Scalar
    count: int = eqx.field(static=True)


def mean_rate(samples: Real[ArrayLike, "n"], *, num_blocks: int | None = None) -> MeanRate:
    """Mean of a sampled rate and its standard error.

    Args:
        samples: values in the order they were sampled, shape (n,).
        num_blocks: the number of consecutive blocks whose means are taken as independent (batch means), for samples
            that are correlated in time; None for independent samples. Samples that do not fill a block at the end
            count for the value only.

    Returns:
        The mean, its standard error, and the count of independent values.

    Raises:
        ValueError: fewer than two samples or blocks, or a sample is not finite.

    Differentiable in the samples.
    """
    x = _checks.as_float("samples", samples)
    _checks.require_ndim("samples", x, 1, "(n,)")
    if x.shape[0] < 2:
        raise ValueError(f"samples must hold at least 2 values, got {x.shape[0]}")
    count = x.shape[0]
    scattered = x
    if num_blocks is not None:
        _checks.require_integer("num_blocks", num_blocks, minimum=2, maximum=count)
        length = count // num_blocks
        scattered = jnp.mean(x[: num_blocks * length].reshape(num_blocks, length), axis=1)
        count = num_blocks
    variance = jnp.var(scattered, ddof=1)
    spread = jnp.where(variance > 0, jnp.sqrt(jnp.where(variance > 0, variance, 1.0)), 0.0) / np.sqrt(count)
    estimate = MeanRate(jnp.mean(x), spread.astype(x.dtype), count)
    return _checks.enforce(estimate, _checks.finite("samples", x))


def score_free_entropy_production(
    drift: Real[ArrayLike, "n *shape"],
    drift_divergence: Real[ArrayLike, "n *rest"],
    diffusion: Real[ArrayLike, "..."],
    *,
    num_blocks: int | None = None,
) -> MeanRate:
    """Mean total rate in a steady state without its score: E[b^T D^-1 b + div b].

    It follows from E[v^T D^-1 v] with v = b - D s by integration by parts, for invertible D, and holds for the mean
    alone. It is signed: sampling noise can make it negative at equilibrium.

    Args:
        drift: b at n samples of the steady state, shape (n, *shape).
        drift_divergence: its divergence, shape (n,), or terms of it of shape (n, ...) that are summed here.
        diffusion: diagonal D > 0, broadcastable to one sample.
        num_blocks: blocks for the standard error of samples correlated in time; see `mean_rate`.

    Returns:
        The mean rate, nats per unit time, with its standard error.

    Raises:
        ValueError: shapes do not fit, D is not positive, or a value is not finite.

    Differentiable in all arguments; through samples of a simulation this is the pathwise gradient. Source: arXiv
    2309.12991.
    """
    b, div, D = _checks.as_floats(drift=drift, drift_divergence=drift_divergence, diffusion=diffusion)
    if b.ndim < 2 or div.ndim < 1 or b.shape[0] != div.shape[0]:
        raise ValueError(
            f"drift and drift_divergence must have shapes (n, *shape) and (n, ...), got {b.shape} and {div.shape}"
        )
    D = _checks.broadcastable("diffusion", D, b.shape[1:])
    rates = jnp.sum(b**2 / D, axis=tuple(range(1, b.ndim))) + jnp.sum(div, axis=tuple(range(1, div.ndim)))
    finite = (_checks.finite("drift", b), _checks.finite("drift_divergence", div))
    # Judged here first: a concrete fault of an argument is named by its own name.
    rates = _checks.enforce(rates, _invertible(D), *finite)
    return mean_rate(rates, num_blocks=num_blocks)


def linear_entropy_production(
    drift_matrix: Real[ArrayLike, "d d"], diffusion: Real[ArrayLike, "d"] | Real[ArrayLike, "d d"]
) -> Scalar:
    """Mean total rate of dX = -A X dt + sqrt(2 D) dW in its steady state: tr(A^T D^-1 A S) - tr A.

    Args:
        drift_matrix: A, shape (d, d), stable.
        diffusion: D, shape (d,) for a diagonal or (d, d), symmetric positive definite.

    Returns:
        The rate, nats per unit time; zero exactly when D^-1 A is symmetric (detailed balance).

    Raises:
        ValueError: a shape does not fit, A is not stable, or D is not positive definite.

    Differentiable in both arguments. Source: arXiv 2309.12991; the stationary covariance S solves A S + S A^T = 2 D.
    """
    A, D = _checks.as_floats(drift_matrix=drift_matrix, diffusion=diffusion)
    if A.ndim != 2 or A.shape[0] != A.shape[1]:
        raise ValueError(f"drift_matrix must have shape (d, d), got {A.shape}")
    if D.ndim == 1:
        _checks.require_shape("diffusion", D, A.shape[:1])
        invertible, matrix = _invertible(D), jnp.diag(D)
    else:
        _checks.require_shape("diffusion", D, A.shape)
        invertible, matrix = _checks.positive_definite("diffusion", D), D
    # v = (-A + D S^-1) X has mean square v^T D^-1 v = tr(A^T D^-1 A S) - 2 tr A + tr(D S^-1), and tr(D S^-1) = tr A.
    A = _checks.enforce(A, invertible)
    covariance = stationary_covariance(A, matrix)
    return jnp.trace(A.T @ jnp.linalg.solve(matrix, A @ covariance)) - jnp.trace(A)


class StationarityDiagnostics(eqx.Module):
    """What vanishes in a steady state when the score is right.

    Attributes:
        velocity_divergence: mean of div v, zero.
        residual: mean of div v + v . s, zero.
        residual_abs: mean of |div v + v . s|, zero: the stationary Fokker-Planck equation holds at every state.
        residual_rms: root mean square of the same.
        integration_by_parts: mean of |s|^2 + div s, zero for any density's own score.
    """

    velocity_divergence: MeanRate
    residual: MeanRate
    residual_abs: Scalar
    residual_rms: Scalar
    integration_by_parts: MeanRate


def stationarity_diagnostics(
    velocity_divergence: Real[ArrayLike, "n"],
    velocity_dot_score: Real[ArrayLike, "n"],
    score_square: Real[ArrayLike, "n"],
    score_divergence: Real[ArrayLike, "n"],
    *,
    num_blocks: int | None = None,
) -> StationarityDiagnostics:
    """How well a learned score solves the stationary Fokker-Planck equation, over n samples.

    Entropy production from a bad score is dominated by the score's errors divided by D, so these belong beside it.

    Args:
        velocity_divergence: div v = div b - sum D_i d_i s_i, shape (n,).
        velocity_dot_score: v . s, shape (n,).
        score_square: |s|^2, shape (n,).
        score_divergence: div s, shape (n,).
        num_blocks: blocks for the standard errors; see `mean_rate`.

    Returns:
        The diagnostics.

    Raises:
        ValueError: shapes differ or a value is not finite.

    Differentiable in all arguments. Source: arXiv 2309.12991.
    """
    div_v, v_s, s_s, div_s = _checks.as_floats(
        velocity_divergence=velocity_divergence,
        velocity_dot_score=velocity_dot_score,
        score_square=score_square,
        score_divergence=score_divergence,
    )
    _checks.require_ndim("velocity_divergence", div_v, 1, "(n,)")
    _checks.require_same_shape(
        velocity_divergence=div_v, velocity_dot_score=v_s, score_square=s_s, score_divergence=div_s
    )
    named = {
        "velocity_divergence": div_v,
        "velocity_dot_score": v_s,
        "score_square": s_s,
        "score_divergence": div_s,
    }
    residual = div_v + v_s
    square = jnp.mean(residual**2)
    diagnostics = StationarityDiagnostics(
        velocity_divergence=mean_rate(jnp.where(jnp.isfinite(div_v), div_v, 0.0), num_blocks=num_blocks),
        residual=mean_rate(jnp.where(jnp.isfinite(residual), residual, 0.0), num_blocks=num_blocks),
        residual_abs=jnp.mean(jnp.abs(residual)),
        residual_rms=jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0),
        integration_by_parts=mean_rate(jnp.where(jnp.isfinite(s_s + div_s), s_s + div_s, 0.0), num_blocks=num_blocks),
    )
    return _checks.enforce(diagnostics, *(_checks.finite(name, value) for name, value in named.items()))


class SpatialRate(eqx.Module):
    """A per-particle rate resolved in space.

    Attributes:
        value: mean rate of the particles in each cell, or near each point; zero where there is none.
        density: number of particles per unit volume there.
        occupied: whether any particle contributes.
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
    index = jnp.floor((x - low) / size).astype(jnp.int32)
    inside = jnp.all((index >= 0) & (index < jnp.asarray(cells, jnp.int32)), axis=1)
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
        bandwidth: standard deviation of the weights, in units of length.
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
