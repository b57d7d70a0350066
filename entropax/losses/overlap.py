"""Overlap losses: soft forms of the Dice coefficient, which is F1, and of the Tversky index."""

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar
from entropax.losses import _overlap
from entropax.losses._classification import examples
from entropax.losses._overlap import Level


def dice_coefficient(
    p: Real[ArrayLike, "*shape"],
    labels: Int[ArrayLike, "*shape"] | Bool[ArrayLike, "*shape"],
    *,
    smooth: RealScalar = 0.0,
    squared: bool = False,
    where: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, ""]:
    """Soft Dice coefficient of a set, (2 sum p y + g) / (sum p + sum y + g): F1 where p is 0 or 1 and g is 0.

    Args:
        p: probabilities of the positive class, or of sets other numbers in [0, 1], any shape.
        labels: y, zeros and ones, of the shape of p.
        smooth: g, at least 0; positive where there may be no positive label.
        squared: whether the denominator has p^2 in place of p.
        where: which examples count, broadcastable to the shape of p.

    Returns:
        The coefficient in [0, 1], float32 for p of lower precision.

    Raises:
        ValueError: a shape does not fit, p leaves [0, 1], a label is neither 0 nor 1, smooth is negative, nothing is
            left by where, or nothing is positive and smooth is 0.
        TypeError: labels are neither integers nor booleans, or where is not boolean.

    Differentiable in p and smooth. Source: arXiv 1911.02855.
    """
    p = _checks.accumulated(_checks.as_float("p", p))
    given = _overlap.binary(p, labels, where, "p")
    (g,) = (number.astype(p.dtype) for number in _checks.as_numbers(smooth=smooth))
    p = given.values
    terms = _overlap.Terms(p * p if squared else p, given.labels, p * given.labels)
    loss = _overlap.set_ratio(*_overlap.dice(terms, g, given.where))
    inside = _checks.within("p", p, 0, 1, "in [0, 1]")
    return _checks.enforce(1 - loss, *given.whole(), inside, *_overlap.sound_set(given, g))


def dice_loss(
    logits: Real[ArrayLike, "*shape"],
    labels: Int[ArrayLike, "*shape"] | Bool[ArrayLike, "*shape"],
    *,
    smooth: RealScalar = 1.0,
    alpha: RealScalar = 0.0,
    squared: bool = False,
    level: Level = "example",
    where: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "..."]:
    """Dice loss, 1 - (2 w y + g) / (w + y + g) with w = (1 - p)^alpha p and p the sigmoid of a logit.

    Without g an example with y = 0 has loss 1 whatever its p: it is g that lets negatives train.

    Args:
        logits: any shape.
        labels: y, zeros and ones, of the shape of logits.
        smooth: g, at least 0; with a large one losses and gradients vanish.
        alpha: at least 0, see `self_adjusting_dice_loss`.
        squared: whether the denominator is w^2 + y^2 + g.
        level: "example" gives a loss an example, as in the formulas of the paper; "set" one loss of all of them, with
            sums over the examples in numerator and denominator, as in its published code (there with squared=True,
            alpha=0.01). They are different objectives.
        where: which examples count, broadcastable to the shape of logits; the others give 0 and no gradient.

    Returns:
        The losses in [0, 1], of the shape of logits, or one number of a set; float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, a label is neither 0 nor 1, smooth or alpha is negative, the level is unknown,
            or a set has no example, or no positive one and smooth 0.
        TypeError: labels are neither integers nor booleans, or where is not boolean.

    Differentiable in the logits, smooth and alpha. Source: arXiv 1911.02855.
    """
    given, g, alpha, checks = _overlap.prepared(logits, labels, where, smooth, alpha)
    z = given.values
    w = _overlap.faded(jax.nn.log_sigmoid(z), jax.nn.log_sigmoid(-z), alpha)
    terms = _overlap.Terms(w * w if squared else w, given.labels, w * given.labels)
    return _overlap.at_level(level, given, g, _overlap.dice(terms, g, given.where), checks, empty=1)


def self_adjusting_dice_loss(
    logits: Real[ArrayLike, "*shape"],
    labels: Int[ArrayLike, "*shape"] | Bool[ArrayLike, "*shape"],
    alpha: RealScalar = 1.0,
    *,
    smooth: RealScalar = 1.0,
    squared: bool = False,
    level: Level = "example",
    where: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "..."]:
    """Self-adjusting Dice loss (DSC): `dice_loss` of (1 - p)^alpha p, which leaves easy examples alone.

    Its gradient vanishes at p = 1 / (1 + alpha) and has the other sign beyond: with alpha = 1 a positive example stops
    at p = 1/2. The runs that were published have alpha = 0.01, level="set", squared=True.

    Args:
        logits: any shape.
        labels: y, zeros and ones, of the shape of logits.
        alpha: at least 0; 0 is `dice_loss`.
        smooth: g, at least 0.
        squared: see `dice_loss`.
        level: see `dice_loss`.
        where: which examples count, broadcastable to the shape of logits; the others give 0 and no gradient.

    Returns:
        The losses in [0, 1], of the shape of logits, or one number of a set; float32 for logits of lower precision.

    Raises:
        ValueError: what `dice_loss` raises.
        TypeError: what it raises.

    Differentiable in the logits, alpha and smooth. Source: arXiv 1911.02855.
    """
    return dice_loss(logits, labels, smooth=smooth, alpha=alpha, squared=squared, level=level, where=where)


def tversky_loss(
    logits: Real[ArrayLike, "*shape"],
    labels: Int[ArrayLike, "*shape"] | Bool[ArrayLike, "*shape"],
    alpha: RealScalar = 0.5,
    beta: RealScalar = 0.5,
    *,
    smooth: RealScalar = 1.0,
    level: Level = "example",
    where: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "..."]:
    """Tversky loss, 1 - (p y + g) / (p y + alpha p (1 - y) + beta (1 - p) y + g), p the sigmoid of a logit.

    alpha = beta = 1/2 is `dice_loss` with twice the g.

    Args:
        logits: any shape.
        labels: y, zeros and ones, of the shape of logits.
        alpha: weight of false positives, at least 0.
        beta: weight of false negatives, at least 0.
        smooth: g, at least 0.
        level: see `dice_loss`.
        where: which examples count, broadcastable to the shape of logits; the others give 0 and no gradient.

    Returns:
        The losses in [0, 1], of the shape of logits, or one number of a set; float32 for logits of lower precision.

    Raises:
        ValueError: what `dice_loss` raises, or beta is negative.
        TypeError: what it raises.

    Differentiable in the logits and the three numbers. Source: arXiv 1911.02855.
    """
    given, g, alpha, checks = _overlap.prepared(logits, labels, where, smooth, alpha)
    (beta,) = (number.astype(g.dtype) for number in _checks.as_numbers(beta=beta))
    p, q = jax.nn.sigmoid(given.values), jax.nn.sigmoid(-given.values)
    parts = _overlap.tversky(p, q, given.labels, alpha, beta, g, given.where)
    checks = (*checks, _checks.nonnegative("beta", beta))
    return _overlap.at_level(level, given, g, parts, checks, empty=jnp.where(alpha > 0, 1, 0).astype(g.dtype))


def ohem_mask(
    scores: Real[ArrayLike, " n"],
    positive: Bool[ArrayLike, " n"],
    ratio: float,
    *,
    where: Bool[ArrayLike, " n"] | None = None,
) -> Bool[Array, " n"]:
    """Which examples online hard-example mining keeps: all positives and the negatives of highest score.

    At most ratio times as many negatives as there are positives; none where nothing is positive. Pass it on as `where`.

    Args:
        scores: logits or probabilities of the positive class, shape (n,).
        positive: which examples are positive, shape (n,).
        ratio: at least 0.
        where: which examples count, shape (n,), all by default; the others are neither kept nor looked at.

    Returns:
        Booleans, shape (n,). Of equal scores the first is kept.

    Raises:
        ValueError: a shape does not fit, or the ratio is negative.
        TypeError: positive or where is not boolean.

    Piecewise constant: it has no gradients. Source: arXiv 1911.02855.
    """
    scores = _checks.as_float("scores", scores)
    positive = jnp.asarray(positive)
    _checks.require_ndim("scores", scores, 1, "(n,)")
    if positive.dtype != jnp.bool_:
        raise TypeError(f"positive must be boolean, got dtype {positive.dtype}")
    _checks.require_same_shape(scores=scores, positive=positive)
    if not ratio >= 0:
        raise ValueError(f"ratio must be at least 0, got {ratio}")
    counted = _checks.as_mask(where, scores.shape)
    positive, negative = counted & positive, counted & ~positive
    order = jnp.argsort(jnp.where(negative, scores, -jnp.inf), descending=True, stable=True)
    rank = jnp.argsort(order)
    kept = jnp.floor(ratio * jnp.sum(positive, dtype=jnp.float32))
    return positive | (negative & (rank < kept.astype(rank.dtype)))


def weighted_cross_entropy_loss(
    logits: Real[ArrayLike, "*batch n"],
    labels: Real[ArrayLike, "..."],
    weights: Real[ArrayLike, " n"],
    *,
    where: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "*batch"]:
    """Cross-entropy with a weight for each class, -a_y log p_y: the usual answer to rare classes.

    Args:
        logits: shape (..., n) with n >= 2.
        labels: integers of shape (...), or distributions of shape (..., n), for which the loss is the mean.
        weights: a, at least 0, shape (n,); of n examples of which n_k have class k often log((n - n_k) / n_k + c).
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses in nats, shape (...), float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, a label is out of range or no distribution,
            or a weight is negative.
        TypeError: labels are neither integers nor floating, or where is not boolean.

    Differentiable in the logits, in labels that are distributions and in the weights.
    """
    given = examples(logits, labels, where)
    a = _checks.as_float("weights", weights).astype(given.logits.dtype)
    n = given.logits.shape[-1]
    _checks.require_shape("weights", a, (n,))
    losses = -a.reshape((1,) * (given.logits.ndim - 1) + (n,)) * jax.nn.log_softmax(given.logits, axis=-1)
    return given.finish(given.pick(losses), _checks.nonnegative("weights", a))
