"""Means with standard errors, and what tells whether a score solves the stationary Fokker-Planck equation."""

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks, _lapack
from entropax._typing import Array, ArrayLike, Real, Scalar


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


def mean_rate(
    samples: Real[ArrayLike, "n"],
    *,
    num_blocks: int | None = None,
    controls: Real[ArrayLike, "n k"] | None = None,
) -> MeanRate:
    """Mean of a sampled rate and its standard error.

    With control variates y, whose means are known to be zero, the mean of x - c . y is taken, c the least-squares
    regression of x on y (of block means on block means). Their bias, of relative order k / n, is not corrected; in a
    steady state `generator` makes such y from any function.

    Args:
        samples: values x in the order they were sampled, shape (n,).
        num_blocks: the number of consecutive blocks whose means are taken as independent (batch means), for samples
            that are correlated in time; None for independent samples. Samples that do not fill a block at the end
            count for the value only.
        controls: control variates y at the same samples, shape (n, k), linearly independent, with n or num_blocks
            at least k + 2.

    Returns:
        The mean, its standard error, and the count of independent values.

    Raises:
        ValueError: fewer than two samples or blocks (k + 2 with controls), shapes do not fit, a value is not finite,
            or the controls are constant or linearly dependent.

    Differentiable in samples and controls. Source of the control variates: Assaraf & Caffarel, cond-mat/9907017.
    """
    if controls is None:
        x = _checks.as_float("samples", samples)
        _checks.require_ndim("samples", x, 1, "(n,)")
        return _checks.enforce(_mean_rate(x, num_blocks), _checks.finite("samples", x))
    x, y = _checks.as_floats(samples=samples, controls=controls)
    _checks.require_ndim("samples", x, 1, "(n,)")
    if y.ndim != 2 or y.shape[0] != x.shape[0]:
        raise ValueError(f"controls must have shape ({x.shape[0]}, k), got {y.shape}")
    estimate, independent = _controlled_mean(x, y, num_blocks)
    return _checks.enforce(estimate, _checks.finite("samples", x), _checks.finite("controls", y), independent)


def _mean_rate(samples: Array, num_blocks: int | None) -> MeanRate:
    independent = _block_means(samples, num_blocks)
    count = independent.shape[0]
    return MeanRate(jnp.mean(samples), _root(jnp.var(independent, ddof=1) / count), count)


def _controlled_mean(samples: Array, controls: Array, num_blocks: int | None) -> tuple[MeanRate, _checks.Check]:
    x, y = _block_means(samples, num_blocks), _block_means(controls, num_blocks)
    count, degrees = x.shape[0], x.shape[0] - 1 - y.shape[1]
    if degrees < 1:
        raise ValueError(
            f"samples or num_blocks must be at least {y.shape[1] + 2} for {y.shape[1]} controls, got {count}"
        )
    x, y = x - jnp.mean(x), y - jnp.mean(y, axis=0, keepdims=True)
    scale = jnp.sqrt(jnp.mean(y**2, axis=0))
    unit = y / scale[None]
    correlation = unit.T @ unit / count
    least = jnp.linalg.eigvalsh(jax.lax.stop_gradient(correlation))[0]
    slopes = _lapack.solve(_lapack.after(correlation, least), unit.T @ x / count) / scale
    residual = x - y @ slopes
    error = _root(jnp.sum(residual**2) / (degrees * count))
    independent = _checks.Check(
        least > _checks.sum_tolerance(x.dtype, count),
        "controls must vary and be linearly independent",
        lambda: f"a correlation matrix with least eigenvalue {float(least):.3g}",
    )
    return MeanRate(jnp.mean(samples) - jnp.mean(controls, axis=0) @ slopes, error, count), independent


def _block_means(samples: Array, num_blocks: int | None) -> Array:
    """Means of consecutive blocks along the first axis; the samples themselves without blocks."""
    size = samples.shape[0]
    if size < 2:
        raise ValueError(f"samples must hold at least 2 values, got {size}")
    if num_blocks is None:
        return samples
    _checks.require_integer("num_blocks", num_blocks, minimum=2, maximum=size)
    length = size // num_blocks
    return jnp.mean(samples[: num_blocks * length].reshape(num_blocks, length, *samples.shape[1:]), axis=1)


def _root(square: Array) -> Array:
    """Square root with a zero gradient at zero."""
    present = square > 0
    return jnp.where(present, jnp.sqrt(jnp.where(present, square, 1)), 0)


class StationarityDiagnostics(eqx.Module):
    """What vanishes in a steady state when the score is right.

    Attributes:
        velocity_divergence: mean of div v, zero.
        velocity_dot_score: mean of v . s, zero.
        residual: mean of div v + v . s, zero.
        residual_abs: mean of |div v + v . s|, zero: the stationary Fokker-Planck equation holds at every state.
        residual_rms: root mean square of the same.
        integration_by_parts: mean of |s|^2 + div s, zero for any density's own score.
    """

    velocity_divergence: MeanRate
    velocity_dot_score: MeanRate
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
    residual = div_v + v_s
    diagnostics = StationarityDiagnostics(
        velocity_divergence=_mean_rate(div_v, num_blocks),
        velocity_dot_score=_mean_rate(v_s, num_blocks),
        residual=_mean_rate(residual, num_blocks),
        residual_abs=jnp.mean(jnp.abs(residual)),
        residual_rms=_root(jnp.mean(residual**2)),
        integration_by_parts=_mean_rate(s_s + div_s, num_blocks),
    )
    return _checks.enforce(
        diagnostics,
        _checks.finite("velocity_divergence", div_v),
        _checks.finite("velocity_dot_score", v_s),
        _checks.finite("score_square", s_s),
        _checks.finite("score_divergence", div_s),
    )
