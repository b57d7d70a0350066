"""Objectives of predictions without labels: how sure they are, and in which proportions."""

from typing import Any

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Real, Scalar
from entropax.losses._predictions import divergence, log_mean, mean_entropy, some_count


def prediction_entropy(logits: Real[ArrayLike, "*pixels n"], *, where: Bool[ArrayLike, "..."] | None = None) -> Scalar:
    """Mean entropy of predictions, -mean_j sum_k p_jk log p_jk with p_j = softmax(logits_j).

    Minimised at test time it moves predictions away from the boundary between classes; alone it may move all of them
    to one class, which `proportion_kl` prevents.

    Args:
        logits: finite, shape (..., n).
        where: which predictions count, broadcastable to (...).

    Returns:
        The entropy in nats, one number for the whole set, in [0, log n]; float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, logits are not finite, or none counts.
        TypeError: where is not boolean.

    Differentiable in the logits. Source: arXiv 2012.06166.
    """
    log_p, counted, checks = _predictions(logits, where)
    return _checks.enforce(mean_entropy(log_p, counted), *checks)


def proportion_kl(
    logits: Real[ArrayLike, "*pixels n"],
    proportions: Real[ArrayLike, "n"],
    *,
    where: Bool[ArrayLike, "..."] | None = None,
) -> Scalar:
    """KL(p || pi) of the mean prediction p = mean_j softmax(logits_j) from given proportions pi of the classes.

    Args:
        logits: finite, shape (..., n).
        proportions: pi, shape (n,), positive.
        where: which predictions count, broadcastable to (...).

    Returns:
        The divergence in nats, one number for the whole set; float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, logits are not finite, none counts, or
            proportions are no distribution or not positive.
        TypeError: where is not boolean.

    Differentiable in the logits and in the proportions. Source: arXiv 2012.06166.
    """
    log_p, counted, checks = _predictions(logits, where)
    pi = _checks.as_float("proportions", proportions).astype(log_p.dtype)
    _checks.require_shape("proportions", pi, log_p.shape[-1:])
    checks = (*checks, _checks.distribution("proportions", pi), _checks.positive("proportions", pi))
    safe = jnp.where(pi > 0, pi, 1)
    return _checks.enforce(divergence(log_mean(log_p, counted), jnp.log(safe)), *checks)


def _predictions(logits: Any, where: Any) -> tuple[Array, Array, tuple[_checks.Check, ...]]:
    """Log-probabilities (m, n) and which of them count (m,)."""
    z = _checks.accumulated(_checks.as_float("logits", logits))
    if z.ndim < 1 or z.shape[-1] < 2:
        raise ValueError(f"logits must have shape (..., n) with n >= 2 classes, got {z.shape}")
    counted = _checks.as_mask(where, z.shape[:-1])
    z = jnp.where(counted[..., None], z, 0)
    checks = _checks.finite("logits", z), some_count("where must let some predictions count", counted)
    return jax.nn.log_softmax(z).reshape(-1, z.shape[-1]), counted.reshape(-1), checks
