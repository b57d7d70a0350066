"""Active and passive losses: a normalised loss that fits the label with one that only holds the others down."""

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array
from entropax.losses._classification import by_probability
from entropax.losses.noise_robust import Labels, Logits, Losses, Mask


def normalized_cross_entropy_loss(logits: Logits, labels: Labels, *, where: Mask = None) -> Losses:
    """Normalised cross-entropy (NCE), log p_y / sum_k log p_k, in [0, 1]: its sum over all labels is 1.

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

    Differentiable in logits and in labels that are distributions, for which the loss is the mean. Source: arXiv
    2006.13554.
    """
    return by_probability(logits, labels, where, _nce)


def reverse_cross_entropy_loss(
    logits: Logits, labels: Labels, *, floor: int | float = 1e-4, where: Mask = None
) -> Losses:
    """Reverse cross-entropy (RCE), -sum_k p_k log e_k = -log(floor) (1 - p_y), with log(floor) for log 0.

    Args:
        logits: shape (..., n).
        labels: integers of shape (...), or distributions of shape (..., n), for which the loss is the mean.
        floor: in (0, 1), what the label's zero probabilities count as.
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses, shape (...), float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, a label is out of range or no distribution,
            or floor leaves (0, 1).
        TypeError: labels are neither integers nor floating, or where is not boolean.

    Differentiable in logits and in labels that are distributions, for which the loss is the mean. Source: arXiv
    1908.06112.
    """
    return by_probability(logits, labels, where, _rce(floor))


def asymmetric_cross_entropy_loss(
    logits: Logits, labels: Labels, *, a: int | float = 3.0, q: int | float = 1.5, where: Mask = None
) -> Losses:
    """Asymmetric generalised cross-entropy (AGCE), ((a + 1)^q - (a + p_y)^q) / q, bounded.

    Args:
        logits: shape (..., n).
        labels: integers of shape (...), or distributions of shape (..., n), for which the loss is the mean.
        a: at least 0.
        q: positive.
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses, shape (...), float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, a label is out of range or no distribution,
            a is negative, or q is not positive.
        TypeError: labels are neither integers nor floating, or where is not boolean.

    Differentiable in logits and in labels that are distributions, for which the loss is the mean. Source: arXiv
    2106.03110.
    """
    return by_probability(logits, labels, where, _agce(a, q))


def asymmetric_unhinged_loss(
    logits: Logits, labels: Labels, *, a: int | float = 6.0, q: int | float = 1.5, where: Mask = None
) -> Losses:
    """Asymmetric unhinged loss (AUL), ((a - p_y)^q - (a - 1)^q) / q, bounded.

    Args:
        logits: shape (..., n).
        labels: integers of shape (...), or distributions of shape (..., n), for which the loss is the mean.
        a: above 1.
        q: positive.
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses, shape (...), float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, a label is out of range or no distribution,
            a is not above 1, or q is not positive.
        TypeError: labels are neither integers nor floating, or where is not boolean.

    Differentiable in logits and in labels that are distributions, for which the loss is the mean. Source: arXiv
    2106.03110.
    """
    return by_probability(logits, labels, where, _aul(a, q))


def nce_rce_loss(
    logits: Logits,
    labels: Labels,
    *,
    active: int | float = 1.0,
    passive: int | float = 1.0,
    floor: int | float = 1e-4,
    where: Mask = None,
) -> Losses:
    """`normalized_cross_entropy_loss` times active + `reverse_cross_entropy_loss` times passive.

    Args:
        logits: shape (..., n).
        labels: integers of shape (...), or distributions of shape (..., n), for which the loss is the mean.
        active: weight of the first, at least 0.
        passive: weight of the second, at least 0.
        floor: of the second, in (0, 1).
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses, shape (...), float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, a label is out of range or no distribution,
            a weight is negative, or floor leaves (0, 1).
        TypeError: labels are neither integers nor floating, or where is not boolean.

    Differentiable in logits and in labels that are distributions. Source: arXiv 2006.13554.
    """
    return by_probability(logits, labels, where, _weighted(active, passive, _rce(floor)))


def nce_agce_loss(
    logits: Logits,
    labels: Labels,
    *,
    active: int | float = 1.0,
    passive: int | float = 1.0,
    a: int | float = 3.0,
    q: int | float = 1.5,
    where: Mask = None,
) -> Losses:
    """`normalized_cross_entropy_loss` times active + `asymmetric_cross_entropy_loss` times passive.

    Args:
        logits: shape (..., n).
        labels: integers of shape (...), or distributions of shape (..., n), for which the loss is the mean.
        active: weight of the first, at least 0.
        passive: weight of the second, at least 0.
        a: of the second, at least 0.
        q: of the second, positive.
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses, shape (...), float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, a label is out of range or no distribution,
            a weight or a is negative, or q is not positive.
        TypeError: labels are neither integers nor floating, or where is not boolean.

    Differentiable in logits and in labels that are distributions. Source: arXiv 2106.03110.
    """
    return by_probability(logits, labels, where, _weighted(active, passive, _agce(a, q)))


def nce_aul_loss(
    logits: Logits,
    labels: Labels,
    *,
    active: int | float = 1.0,
    passive: int | float = 1.0,
    a: int | float = 6.0,
    q: int | float = 1.5,
    where: Mask = None,
) -> Losses:
    """`normalized_cross_entropy_loss` times active + `asymmetric_unhinged_loss` times passive.

    Args:
        logits: shape (..., n).
        labels: integers of shape (...), or distributions of shape (..., n), for which the loss is the mean.
        active: weight of the first, at least 0.
        passive: weight of the second, at least 0.
        a: of the second, above 1.
        q: of the second, positive.
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses, shape (...), float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, a label is out of range or no distribution,
            a weight is negative, a is not above 1, or q is not positive.
        TypeError: labels are neither integers nor floating, or where is not boolean.

    Differentiable in logits and in labels that are distributions. Source: arXiv 2106.03110.
    """
    return by_probability(logits, labels, where, _weighted(active, passive, _aul(a, q)))


# ------------------------------------------------------------------------- losses of every class from log-probabilities

_Terms = Callable[[Array], Any]


def _nce(log_p: Array) -> Array:
    return log_p / jnp.sum(log_p, axis=-1, keepdims=True)


def _rce(floor: int | float) -> _Terms:
    _checks.require_within("floor", floor, 0, 1, open_below=True, open_above=True)
    return lambda log_p: math.log(floor) * jnp.expm1(log_p)


def _agce(a: int | float, q: int | float) -> _Terms:
    _checks.require_within("a", a, 0, math.inf)
    _checks.require_within("q", q, 0, math.inf, open_below=True)
    return lambda log_p: ((a + 1) ** q - (a + jnp.exp(log_p)) ** q) / q


def _aul(a: int | float, q: int | float) -> _Terms:
    _checks.require_within("a", a, 1, math.inf, open_below=True)
    _checks.require_within("q", q, 0, math.inf, open_below=True)
    return lambda log_p: ((a - jnp.exp(log_p)) ** q - (a - 1) ** q) / q


def _weighted(active: int | float, passive: int | float, terms: _Terms) -> _Terms:
    _checks.require_within("active", active, 0, math.inf)
    _checks.require_within("passive", passive, 0, math.inf)
    return lambda log_p: active * _nce(log_p) + passive * terms(log_p)
