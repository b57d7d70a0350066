"""Losses that bear wrong labels, after cross-entropy and its hinges: those that LDR losses are compared with."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar
from entropax.losses._classification import by_probability, examples
from entropax.losses.comp_sum import comp_sum_loss

Logits = Real[ArrayLike, "*batch n"]
Labels = Real[ArrayLike, "..."]
Mask = Bool[ArrayLike, "..."] | None
Losses = Float[Array, "*batch"]


def cross_entropy_loss(logits: Logits, labels: Labels, *, where: Mask = None) -> Losses:
    """Cross-entropy, -log p_y with p = softmax(logits): efficient on clean labels, unbounded on wrong ones.

    Args:
        logits: shape (..., n).
        labels: integers of shape (...), or distributions of shape (..., n), for which the loss is the mean.
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses in nats, shape (...), float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, or a label is out of range or no
            distribution.
        TypeError: labels are neither integers nor floating, or where is not boolean.

    Differentiable in logits and in labels that are distributions.
    """
    return comp_sum_loss(logits, labels, 1.0, where=where)


def squared_error_loss(logits: Logits, labels: Labels, *, where: Mask = None) -> Losses:
    """Squared error of probabilities (MSE, Brier), sum_k (e_k - p_k)^2 with e the label's distribution; at most 2.

    A distribution stands for e itself: the mean over labels is larger by 1 - sum_k e_k^2, which has no gradient in the
    logits.

    Args:
        logits: shape (..., n).
        labels: integers of shape (...), or distributions e of shape (..., n).
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses, shape (...), float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, or a label is out of range or no
            distribution.
        TypeError: labels are neither integers nor floating, or where is not boolean.

    Differentiable in logits and in labels that are distributions.
    """
    given = examples(logits, labels, where)
    p = jax.nn.softmax(given.logits, axis=-1)
    return given.finish(jnp.sum((given.distributions() - p) ** 2, axis=-1))


def absolute_error_loss(logits: Logits, labels: Labels, *, where: Mask = None) -> Losses:
    """Absolute error of probabilities (MAE), sum_k |e_k - p_k| = 2 (1 - p_y); at most 2.

    Symmetric: its sum over all labels is constant, so that uniform noise does not move the minimiser. Slow to train.

    Args:
        logits: shape (..., n).
        labels: integers of shape (...), or distributions of shape (..., n), for which the loss is the mean.
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses, shape (...), float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, or a label is out of range or no
            distribution.
        TypeError: labels are neither integers nor floating, or where is not boolean.

    Differentiable in logits and in labels that are distributions. Source: Ghosh, Kumar and Sastry 2017.
    """
    return by_probability(logits, labels, where, lambda log_p: -2 * jnp.expm1(log_p))


def crammer_singer_loss(
    logits: Logits, labels: Int[ArrayLike, "*batch"], margin: RealScalar = 1.0, *, where: Mask = None
) -> Losses:
    """Crammer and Singer's hinge, max_k [f_k - f_y + c 1(k != y)]_+: `ldr_kl_loss` at temperature 0.

    Args:
        logits: shape (..., n).
        labels: integers of shape (...).
        margin: c, at least 0, in units of the scores.
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses in units of the scores, shape (...), float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, a label is out of range, or margin is
            negative.
        TypeError: labels are not integers, or where is not boolean.

    Differentiable in logits and margin where the largest is unique.
    """
    return _hinges(logits, labels, margin, where, lambda hinges: jnp.max(hinges, axis=-1))


def weston_watkins_loss(
    logits: Logits, labels: Int[ArrayLike, "*batch"], margin: RealScalar = 1.0, *, where: Mask = None
) -> Losses:
    """Weston and Watkins' hinge, (1 / n) sum_k [f_k - f_y + c 1(k != y)]_+.

    Args:
        logits: shape (..., n).
        labels: integers of shape (...).
        margin: c, at least 0, in units of the scores.
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses in units of the scores, shape (...), float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, a label is out of range, or margin is
            negative.
        TypeError: labels are not integers, or where is not boolean.

    Differentiable in logits and margin away from the kinks.
    """
    return _hinges(logits, labels, margin, where, lambda hinges: jnp.mean(hinges, axis=-1))


def generalized_cross_entropy_loss(
    logits: Logits, labels: Labels, *, q: int | float = 0.7, where: Mask = None
) -> Losses:
    """Generalised cross-entropy (GCE), (1 - p_y^q) / q: cross-entropy as q -> 0, half the absolute error at q = 1.

    Args:
        logits: shape (..., n).
        labels: integers of shape (...), or distributions of shape (..., n), for which the loss is the mean.
        q: in [0, 1].
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses, shape (...), float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, a label is out of range or no distribution,
            or q leaves [0, 1].
        TypeError: labels are neither integers nor floating, or where is not boolean.

    Differentiable in logits and in labels that are distributions. Source: arXiv 1805.07836. The same as `comp_sum_loss`
    with tau = 1 + q.
    """
    _checks.require_within("q", q, 0, 1)
    return comp_sum_loss(logits, labels, 1.0 + q, where=where)


def truncated_generalized_cross_entropy_loss(
    logits: Logits, labels: Labels, weights: Real[ArrayLike, "*batch"], *, q: int | float = 0.7, where: Mask = None
) -> Losses:
    """Truncated GCE (TGCE), w (1 - p_y^q) / q, with a weight of every example that leaves doubtful ones out.

    The weights start at 1 and are refreshed now and then by `truncation_weights`.

    Args:
        logits: shape (..., n).
        labels: integers of shape (...), or distributions of shape (..., n), for which the loss is the mean.
        weights: w, at least 0, shape (...).
        q: in [0, 1].
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses, shape (...), float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, a label is out of range or no distribution,
            a weight is negative, or q leaves [0, 1].
        TypeError: labels are neither integers nor floating, or where is not boolean.

    Differentiable in logits, weights and labels that are distributions. Source: arXiv 1805.07836.
    """
    loss = generalized_cross_entropy_loss(logits, labels, q=q, where=where)
    w = _checks.as_float("weights", weights).astype(loss.dtype)
    _checks.require_shape("weights", w, loss.shape)
    w = w if where is None else jnp.where(_checks.as_mask(where, w.shape), w, 0)
    return _checks.enforce(w * loss, _checks.nonnegative("weights", w, batch_ndim=w.ndim))


def truncation_weights(
    logits: Logits, labels: Int[ArrayLike, "*batch"], *, threshold: int | float = 0.5, where: Mask = None
) -> Losses:
    """The weights of truncated GCE, 1 where p_y > threshold and 0 elsewhere.

    Args:
        logits: shape (..., n).
        labels: integers of shape (...).
        threshold: in [0, 1].
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        Zeros and ones, shape (...), float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, a label is out of range, or threshold leaves
            [0, 1].
        TypeError: labels are not integers, or where is not boolean.

    Steps: not differentiable.
    """
    _checks.require_within("threshold", threshold, 0, 1)
    given = examples(logits, labels, where, soft=False)
    p = given.pick(jax.nn.softmax(given.logits, axis=-1))
    return given.finish((p > threshold).astype(p.dtype))


def symmetric_cross_entropy_loss(
    logits: Logits, labels: Labels, *, balance: int | float = 0.5, scale: int | float = 4.0, where: Mask = None
) -> Losses:
    """Symmetric cross-entropy (SCE), -(1 - b) log p_y + b A (1 - p_y).

    The second term is cross-entropy the other way round, with -A for the logarithm of a probability of zero.

    Args:
        logits: shape (..., n).
        labels: integers of shape (...), or distributions of shape (..., n), for which the loss is the mean.
        balance: b, in [0, 1].
        scale: A, at least 0.
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses, shape (...), float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, a label is out of range or no distribution,
            balance leaves [0, 1], or scale is negative.
        TypeError: labels are neither integers nor floating, or where is not boolean.

    Differentiable in logits and in labels that are distributions. Source: arXiv 1908.06112.
    """
    _checks.require_within("balance", balance, 0, 1)
    _checks.require_within("scale", scale, 0, math.inf)
    return by_probability(
        logits, labels, where, lambda log_p: -(1 - balance) * log_p - balance * scale * jnp.expm1(log_p)
    )


def robust_log_loss(logits: Logits, labels: Labels, *, a: int | float = 1.0, where: Mask = None) -> Losses:
    """Robust log loss (RLL), -log(a + p_y) + sum_{k != y} log(a + p_k) / (n - 1).

    Symmetric and, for a > 0, bounded.

    Args:
        logits: shape (..., n).
        labels: integers of shape (...), or distributions of shape (..., n), for which the loss is the mean.
        a: positive.
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses, shape (...), float32 for logits of lower precision; they may be negative.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, a label is out of range or no distribution,
            or a is not positive.
        TypeError: labels are neither integers nor floating, or where is not boolean.

    Differentiable in logits and in labels that are distributions. Source: Feng et al., IJCAI 2020.
    """
    _checks.require_within("a", a, 0, math.inf, open_below=True)

    def loss(log_p: Array) -> Array:
        log_terms = jnp.log(a + jnp.exp(log_p))
        others = jnp.sum(log_terms, axis=-1, keepdims=True) - log_terms
        return others / (log_p.shape[-1] - 1) - log_terms

    return by_probability(logits, labels, where, loss)


def jensen_shannon_loss(logits: Logits, labels: Labels, *, weight: int | float = 0.5, where: Mask = None) -> Losses:
    """Generalised Jensen-Shannon loss (JS), D_w(e_y, p) / (-(1 - w) log(1 - w)).

    D_w(e, p) = w KL(e | m) + (1 - w) KL(p | m) with m = w e + (1 - w) p. The factor makes it cross-entropy as w -> 0,
    up to terms of order w, and half the absolute error as w -> 1. D_w is at most the entropy of (w, 1 - w), log 2 at w
    = 1/2, where the loss is at most 2.

    Args:
        logits: shape (..., n).
        labels: integers of shape (...), or distributions of shape (..., n), for which the loss is the mean.
        weight: w, in (0, 1).
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses, shape (...), float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, a label is out of range or no distribution,
            or weight leaves (0, 1).
        TypeError: labels are neither integers nor floating, or where is not boolean.

    Differentiable in logits and in labels that are distributions, for which the loss is the mean. Source: arXiv
    2105.04522.
    """
    _checks.require_within("weight", weight, 0, 1, open_below=True, open_above=True)
    log_rest = math.log1p(-weight)

    def loss(log_p: Array) -> Array:
        p = jnp.exp(log_p)
        log_mixture = jnp.log(weight + (1 - weight) * p)
        of_prediction = p * (log_p - log_mixture) + jnp.expm1(log_p) * log_rest
        return (weight * log_mixture - (1 - weight) * of_prediction) / ((1 - weight) * log_rest)

    return by_probability(logits, labels, where, loss)


# ------------------------------------------------------------------------------------------------------- small parts


def _hinges(logits: Any, labels: Any, margin: Any, where: Any, reduce: Callable[[Array], Array]) -> Array:
    given = examples(logits, labels, where, soft=False)
    f = given.logits
    (c,) = _checks.as_numbers(margin=margin)
    violations = f - given.pick(f)[..., None] + c.astype(f.dtype) * (1 - given.distributions())
    return given.finish(reduce(jax.nn.relu(violations)), _checks.nonnegative("margin", c))
