"""Errors of forecasts, by the conventions of the forecasting literature."""

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real

Series = Real[ArrayLike, "*batch t"]


def smape(actual: Series, forecast: Series) -> Float[Array, "*batch"]:
    """Symmetric mean absolute percentage error, (200 / t) sum |y - f| / (|y| + |f|), in [0, 200].

    Some packages leave out the factor 2, others the 100: their ranges are [0, 100] and [0, 2].

    Args:
        actual: y, shape (..., t).
        forecast: f, of the same shape.

    Returns:
        The error, shape (...), float32 for inputs of lower precision. A step at which both are zero counts as right.

    Raises:
        ValueError: shapes differ, there is no step, or a number is not finite.

    Differentiable where neither value nor error is zero; slopes there are taken as zero. Source: arXiv 2110.05266.
    """
    y, f, checks = _series(actual, forecast)
    return _checks.enforce(_smape(y, f), *checks)


def mape(actual: Series, forecast: Series) -> Float[Array, "*batch"]:
    """Mean absolute percentage error, (100 / t) sum |y - f| / |y|.

    Args:
        actual: y, shape (..., t), none zero.
        forecast: f, of the same shape.

    Returns:
        The error, shape (...), at least 0.

    Raises:
        ValueError: shapes differ, there is no step, a number is not finite, or an actual value is zero.

    Differentiable where no error is zero. Source: arXiv 2110.05266.
    """
    y, f, checks = _series(actual, forecast)
    with _checks.evaluated_now(y):
        nonzero = jnp.all(y != 0, axis=-1)
    some = _checks.Check(nonzero, "actual must not be zero", lambda: "a zero")
    return _checks.enforce(_mape(y, f), *checks, some)


def mase(
    actual: Series, forecast: Series, history: Real[ArrayLike, "*batch n"], *, season: int = 1
) -> Float[Array, "*batch"]:
    """Mean absolute scaled error, mean |y - f| / mean |h_i - h_(i - season)|: against the naive forecast's on history.

    Args:
        actual: y, shape (..., t).
        forecast: f, of the same shape.
        history: h, what the forecast was made from, shape (..., n) with n > season.
        season: steps of the naive forecast.

    Returns:
        The error, shape (...); below one where the forecast is better than the naive one was.

    Raises:
        ValueError: shapes do not fit, a number is not finite, or the history repeats itself exactly.

    Differentiable where no difference is zero. Source: Hyndman and Koehler 2006, doi 10.1016/j.ijforecast.2006.03.001.
    """
    y, f, h = _checks.as_floats(actual=actual, forecast=forecast, history=history)
    y, f, checks = _series(y, f)
    h = _checks.accumulated(h)
    _checks.require_integer("season", season, minimum=1)
    if h.shape[:-1] != y.shape[:-1] or h.ndim < 1 or h.shape[-1] <= season:
        shape = ", ".join([*map(str, y.shape[:-1]), f"n > {season}"])
        raise ValueError(f"history must have shape ({shape}), got {h.shape}")
    steps = jnp.mean(jnp.abs(h[..., season:] - h[..., :-season]), axis=-1)
    moves = _checks.Check(steps > 0, "history must change within a season", lambda: "one that repeats itself")
    finite = _checks.finite("history", h, batch_ndim=h.ndim - 1)
    return _checks.enforce(jnp.mean(jnp.abs(y - f), axis=-1) / steps, *checks, finite, moves)


def r_squared(actual: Series, forecast: Series) -> Float[Array, "*batch"]:
    """Coefficient of determination, 1 - sum (y - f)^2 / sum (y - mean y)^2.

    Args:
        actual: y, shape (..., t), not constant.
        forecast: f, of the same shape.

    Returns:
        The coefficient, shape (...): 1 for a perfect forecast, 0 for the mean, without lower limit.

    Raises:
        ValueError: shapes differ, a number is not finite, or the actual values are all equal.

    Differentiable in both. Source: arXiv 2110.05266.
    """
    y, f, checks = _series(actual, forecast)
    with _checks.evaluated_now(y):
        varies = jnp.max(y, axis=-1) > jnp.min(y, axis=-1)
    some = _checks.Check(varies, "actual must vary", lambda: "a constant")
    return _checks.enforce(_r_squared(y, f), *checks, some)


def _series(actual: ArrayLike, forecast: ArrayLike) -> tuple[Array, Array, tuple[_checks.Check, ...]]:
    y, f = _checks.as_floats(actual=actual, forecast=forecast)
    _checks.require_same_shape(actual=y, forecast=f)
    if y.ndim < 1 or y.shape[-1] < 1:
        raise ValueError(f"actual must have shape (..., t) with t >= 1, got {y.shape}")
    y, f = _checks.accumulated(y), _checks.accumulated(f)
    batch = y.ndim - 1
    return y, f, (_checks.finite("actual", y, batch_ndim=batch), _checks.finite("forecast", f, batch_ndim=batch))


@jax.jit
def _smape(y: Array, f: Array) -> Array:
    size = jnp.abs(y) + jnp.abs(f)
    some = size != 0  # true of NaN, which then spreads
    return 200 * jnp.mean(jnp.where(some, jnp.abs(y - f) / jnp.where(some, size, 1), 0), axis=-1)


@jax.jit
def _mape(y: Array, f: Array) -> Array:
    return 100 * jnp.mean(jnp.abs((y - f) / y), axis=-1)


@jax.jit
def _r_squared(y: Array, f: Array) -> Array:
    about = jnp.sum((y - jnp.mean(y, axis=-1, keepdims=True)) ** 2, axis=-1)
    return 1 - jnp.sum((y - f) ** 2, axis=-1) / about
