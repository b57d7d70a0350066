"""What trains predicted quantiles and what judges them."""

import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real


def pinball_loss(
    prediction: Real[ArrayLike, "*shape"], target: Real[ArrayLike, "*shape"], quantile: Real[ArrayLike, "*any"]
) -> Float[Array, "*shape"]:
    """The loss whose minimiser is a quantile: max(tau u, (tau - 1) u) with u = target - prediction.

    The constant prediction that minimises its mean is the tau-quantile of the targets; at tau = 1/2 it is half of the
    absolute error. Where prediction and target agree the gradient is that of u >= 0.

    Args:
        prediction: any shape.
        target: the same shape.
        quantile: tau in (0, 1), broadcastable to that shape.

    Returns:
        The loss of every entry, in float32 for inputs of lower precision.

    Raises:
        ValueError: the shapes do not fit, or a level is outside (0, 1) (under a transformation the result is NaN).

    Differentiable in all arguments, except where prediction and target agree. Source: arXiv 2511.18945; Koenker and
    Bassett, doi 10.2307/1913643.
    """
    p, t, tau = (
        _checks.accumulated(a) for a in _checks.as_floats(prediction=prediction, target=target, quantile=quantile)
    )
    _checks.require_same_shape(prediction=p, target=t)
    tau = _checks.broadcastable("quantile", tau, p.shape)
    inside = _checks.within("quantile", tau, jnp.finfo(tau.dtype).tiny, 1 - jnp.finfo(tau.dtype).epsneg, "in (0, 1)")
    u = t - p
    return _checks.enforce(jnp.where(u >= 0, tau * u, (tau - 1) * u), inside)


def calibration_curve(quantiles: Real[ArrayLike, "m q"], targets: Real[ArrayLike, "m"]) -> Float[Array, "q"]:
    """The fraction of targets that are at most their predicted quantile, level by level.

    Quantiles are calibrated where the fraction is the level.

    Args:
        quantiles: predicted for each of m cases at q levels, shape (m, q).
        targets: what was true, shape (m,).

    Returns:
        Fractions, shape (q,), in float32 for inputs of lower precision.

    Raises:
        ValueError: the shapes do not fit, or an entry is NaN or infinite (under a transformation the result is NaN).

    A count: its gradient is zero.
    """
    q, t = (_checks.accumulated(a) for a in _checks.as_floats(quantiles=quantiles, targets=targets))
    _checks.require_ndim("quantiles", q, 2, "(m, q)")
    _checks.require_shape("targets", t, q.shape[:1])
    fractions = jnp.mean((t[:, None] <= q).astype(q.dtype), axis=0)
    return _checks.enforce(fractions, _checks.finite("quantiles", q), _checks.finite("targets", t))
