"""Overlap losses of many classes: each against the rest, summed."""

from typing import Any

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar
from entropax.losses import _overlap
from entropax.losses._classification import Examples, examples
from entropax.losses._overlap import Level


def multiclass_dice_loss(
    logits: Real[ArrayLike, "*batch n"],
    labels: Int[ArrayLike, "*batch"],
    *,
    smooth: RealScalar = 1.0,
    alpha: RealScalar = 0.0,
    squared: bool = False,
    level: Level = "example",
    where: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "..."]:
    """The sum over classes of `dice_loss`, each class against the rest, with p the softmax of the logits.

    Args:
        logits: shape (..., n) with n >= 2.
        labels: integers of shape (...).
        smooth: g, positive.
        alpha: at least 0, see `self_adjusting_dice_loss`.
        squared: see `dice_loss`. The published code without it divides what a row has by what the batch has; that is
            left out.
        level: see `dice_loss`; the sets are the classes.
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses in [0, n], shape (...), or one number of a set; float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, a label is out of range, smooth is not positive, alpha is negative, the level
            is unknown, or a set has no example.
        TypeError: labels are not integers, or where is not boolean.

    Differentiable in the logits, smooth and alpha. Source: arXiv 1911.02855.
    """
    given, one_hot, (g, alpha), checks = _multiclass(logits, labels, where, smooth=smooth, alpha=alpha)
    w = _overlap.faded(*_log_shares(given.logits), alpha)
    mask = None if given.where is None else given.where[..., None]
    terms = _overlap.Terms(w * w if squared else w, one_hot, w * one_hot)
    return _over_classes(level, given, _overlap.dice(terms, g, mask), checks)


def multiclass_tversky_loss(
    logits: Real[ArrayLike, "*batch n"],
    labels: Int[ArrayLike, "*batch"],
    alpha: RealScalar = 0.5,
    beta: RealScalar = 0.5,
    *,
    smooth: RealScalar = 1.0,
    level: Level = "example",
    where: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "..."]:
    """The sum over classes of `tversky_loss`, each class against the rest, with p the softmax of the logits.

    Args:
        logits: shape (..., n) with n >= 2.
        labels: integers of shape (...).
        alpha: weight of false positives, at least 0.
        beta: weight of false negatives, at least 0.
        smooth: g, positive.
        level: see `dice_loss`; the sets are the classes.
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses in [0, n], shape (...), or one number of a set; float32 for logits of lower precision.

    Raises:
        ValueError: what `multiclass_dice_loss` raises, or beta is negative.
        TypeError: what it raises.

    Differentiable in the logits and the three numbers. Source: arXiv 1911.02855.
    """
    given, one_hot, (g, alpha, beta), checks = _multiclass(logits, labels, where, smooth=smooth, alpha=alpha, beta=beta)
    log_p, log_q = _log_shares(given.logits)
    mask = None if given.where is None else given.where[..., None]
    parts = _overlap.tversky(jnp.exp(log_p), jnp.exp(log_q), one_hot, alpha, beta, g, mask)
    return _over_classes(level, given, parts, checks)


def _multiclass(
    logits: Any, labels: Any, where: Any, **numbers: Any
) -> tuple[Examples, Array, list[Array], tuple[_checks.Check, ...]]:
    given = examples(logits, labels, where, soft=False)
    values = [number.astype(given.logits.dtype) for number in _checks.as_numbers(**numbers)]
    positive, *others = (
        (_checks.positive if name == "smooth" else _checks.nonnegative)(name, value)
        for name, value in zip(numbers, values, strict=True)
    )
    return given, given.distributions(), values, (positive, *others)


def _over_classes(
    level: Level, given: Examples, parts: tuple[Array, Array, Array], checks: tuple[_checks.Check, ...]
) -> Array:
    _checks.require_option("level", level, ("example", "set"))
    amiss, there, g = parts
    if level == "example":
        return given.finish(jnp.sum(amiss / (there + g), axis=-1), *checks)
    axes = tuple(range(amiss.ndim - 1))
    loss = jnp.sum(jnp.sum(amiss, axes) / (jnp.sum(there, axes) + g))
    with _checks.evaluated_now(given.where):
        some = jnp.asarray(amiss.size > 0) if given.where is None else jnp.any(given.where)
    labels = (check._replace(ok=jnp.all(check.ok)) for check in given.checks)
    return _checks.enforce(loss, *labels, *checks, _checks.Check(some, "where must leave an example", lambda: "none"))


def _log_shares(z: Array) -> tuple[Array, Array]:
    """log p and log(1 - p) of a softmax; that of the largest is the logsumexp of the others, which cancels nothing."""
    log_sum = jax.nn.logsumexp(z, axis=-1, keepdims=True)
    top = jax.nn.one_hot(jnp.argmax(z, axis=-1), z.shape[-1], dtype=jnp.bool_)
    log_p = z - log_sum
    rest = jnp.where(top, -jnp.inf, z)
    alone = jnp.all(jnp.isneginf(rest), axis=-1, keepdims=True)  # all other classes are ruled out
    others = jax.nn.logsumexp(jnp.where(alone, 0, rest), axis=-1, keepdims=True) - log_sum
    return log_p, jnp.where(top, jnp.where(alone, -jnp.inf, others), jnp.log1p(-jnp.exp(jnp.where(top, -1, log_p))))
