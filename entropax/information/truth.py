"""Truth functions: how true each label is of each instance, in [0, 1].

A truth function T(theta_j | x) is a fuzzy set over the instances, one a label. It is not a distribution over the
labels: several may be true of one instance. Source: Lu, arXiv 2510.15871, and Zadeh 1965.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, RealScalar
from entropax.information._numerics import ratio


def _in_unit_interval(name: str, x: Array) -> _checks.Check:
    return _checks.within(name, x, 0, 1, "in [0, 1]")


def _columns(x: Array, **parameters: Array) -> tuple[Array, ...]:
    """x as a column and the parameters of the labels as rows."""
    _checks.require_ndim("x", x, 1, "(x,)")
    (first, reference), *others = parameters.items()
    _checks.require_ndim(first, reference, 1, "(labels,)")
    rows = [reference[None]]
    for name, value in others:
        if value.ndim not in (0, 1) or (value.ndim == 1 and value.shape != reference.shape):
            raise ValueError(f"{name} must have shape () or {reference.shape}, got {value.shape}")
        rows.append(value.reshape(1, -1))
    return x[:, None], *rows


def gaussian_truth(
    x: Real[ArrayLike, "x"], center: Real[ArrayLike, "labels"], width: Real[ArrayLike, "#labels"] | RealScalar
) -> Float[Array, "x labels"]:
    """Truth that falls off like a Gaussian, T = exp(-(x - c)^2 / (2 s^2)): "about c".

    Args:
        x: instances, shape (x,).
        center: c, shape (labels,), in the unit of x.
        width: s > 0, shape () or (labels,), in the unit of x.

    Returns:
        Truth of every label of every instance, 1 at its centre.

    Raises:
        ValueError: shapes do not fit, or a width is not positive.

    Differentiable in x, center and width. Source: arXiv 2510.15871.
    """
    x, center, width = _checks.as_floats(x=x, center=center, width=width)
    column, c, s = _columns(x, center=center, width=width)
    scaled = (column - c) / jnp.broadcast_to(s, c.shape)
    return _checks.enforce(jnp.exp(-(scaled**2) / 2), _checks.positive("width", width))


def logistic_truth(
    x: Real[ArrayLike, "x"], threshold: Real[ArrayLike, "labels"], slope: Real[ArrayLike, "#labels"] | RealScalar
) -> Float[Array, "x labels"]:
    """Truth that rises or falls at a threshold, T = 1 / (1 + exp(-k (x - c))): "over c", or "under c" for k < 0.

    Args:
        x: instances, shape (x,).
        threshold: c, where the truth is one half, shape (labels,), in the unit of x.
        slope: k, shape () or (labels,), per unit of x; as it grows the truth tends to that of a crisp set.

    Returns:
        Truth of every label of every instance.

    Raises:
        ValueError: shapes do not fit, or a slope is not finite.

    Differentiable in x, threshold and slope. Source: arXiv 2510.15871.
    """
    x, threshold, slope = _checks.as_floats(x=x, threshold=threshold, slope=slope)
    column, c, k = _columns(x, threshold=threshold, slope=slope)
    truth = jax.nn.sigmoid(jnp.broadcast_to(k, c.shape) * (column - c))
    return _checks.enforce(truth, _checks.finite("slope", slope))


def optimal_truth(channel: Real[ArrayLike, "x labels"]) -> Float[Array, "x labels"]:
    """The truth functions that match a Shannon channel, T*(theta_j | x) = P(y_j | x) / max_x P(y_j | x).

    With them the semantic mutual information is Shannon's; no truth functions give more.

    Args:
        channel: P(y | x), shape (x, labels), each row summing to one.

    Returns:
        Truth functions, each with a largest value of 1.

    Raises:
        ValueError: the channel is no matrix, a row is no distribution, or a label is never used.

    Differentiable in the channel where the largest entry of a column is unique. Source: arXiv 2510.15871.
    """
    channel = _checks.as_float("channel", channel)
    if channel.ndim != 2 or min(channel.shape) < 1:
        raise ValueError(f"channel must have shape (x, labels), got {channel.shape}")
    rows = _checks.distribution("channel", channel)
    peak = jnp.max(channel, axis=0, keepdims=True)
    used = _checks.Check(jnp.all(peak > 0), "channel must use every label", lambda: "a column of zeros")
    truth = ratio(channel, jnp.broadcast_to(jnp.where(peak > 0, peak, 1), channel.shape))
    return _checks.enforce(truth, rows._replace(ok=jnp.all(rows.ok)), used)


def truth_from_likelihood(
    likelihood: Real[ArrayLike, "labels x"], prior: Real[ArrayLike, "x"]
) -> Float[Array, "x labels"]:
    """The truth functions whose semantic posteriors are given, T(theta_j | x) ~ P(x | theta_j) / P(x), largest value 1.

    Args:
        likelihood: P(x | theta_j), shape (labels, x), each row summing to one.
        prior: P(x), shape (x,).

    Returns:
        Truth functions, shape (x, labels): the inverse of `semantic_bayes`. Where the prior is zero nothing determines
        the truth, and it is 0.

    Raises:
        ValueError: shapes do not fit, the prior or a row is no distribution, or a row has weight where the prior is
            zero.

    Differentiable in both where the largest ratio is unique. Source: arXiv 2510.15871.
    """
    likelihood, prior = _checks.as_floats(likelihood=likelihood, prior=prior)
    _checks.require_ndim("prior", prior, 1, "(x,)")
    if likelihood.ndim != 2 or likelihood.shape[0] < 1 or likelihood.shape[1] != prior.shape[0]:
        raise ValueError(f"likelihood must have shape (labels, {prior.shape[0]}), got {likelihood.shape}")
    rows = _checks.distribution("likelihood", likelihood)
    possible = prior > 0
    inside = _checks.Check(
        jnp.all(possible[None] | (likelihood == 0)),
        "likelihood must be zero where the prior is",
        lambda: "weight on an impossible instance",
    )
    safe = jnp.broadcast_to(jnp.where(possible, prior, 1)[None], likelihood.shape)
    relative = jnp.where(possible[None], ratio(likelihood, safe), 0)
    truth = ratio(relative, jnp.broadcast_to(jnp.max(relative, axis=1, keepdims=True), relative.shape))
    return _checks.enforce(truth.T, _checks.distribution("prior", prior), rows._replace(ok=jnp.all(rows.ok)), inside)


# ------------------------------------------------------------------------------------------------------- connectives


def fuzzy_and(a: Real[ArrayLike, "*shape"], b: Real[ArrayLike, "*shape"]) -> Float[Array, "*shape"]:
    """Truth of "a and b" in Zadeh's logic, min(a, b).

    Args:
        a: truth values, any shape.
        b: truth values, the same shape.

    Returns:
        Truth values of that shape.

    Raises:
        ValueError: shapes differ or a value is outside [0, 1].

    Differentiable where a and b differ.
    """
    return _connect(jnp.minimum, a, b)


def fuzzy_or(a: Real[ArrayLike, "*shape"], b: Real[ArrayLike, "*shape"]) -> Float[Array, "*shape"]:
    """Truth of "a or b" in Zadeh's logic, max(a, b).

    Args:
        a: truth values, any shape.
        b: truth values, the same shape.

    Returns:
        Truth values of that shape.

    Raises:
        ValueError: shapes differ or a value is outside [0, 1].

    Differentiable where a and b differ.
    """
    return _connect(jnp.maximum, a, b)


def _connect(
    rule: Callable[[Array, Array], Array], a: Real[ArrayLike, "*shape"], b: Real[ArrayLike, "*shape"]
) -> Array:
    a, b = _checks.as_floats(a=a, b=b)
    _checks.require_same_shape(a=a, b=b)
    return _checks.enforce(rule(a, b), _in_unit_interval("a", a), _in_unit_interval("b", b))


def fuzzy_not(a: Real[ArrayLike, "*shape"]) -> Float[Array, "*shape"]:
    """Truth of "not a", 1 - a.

    Args:
        a: truth values, any shape.

    Returns:
        Truth values of that shape.

    Raises:
        ValueError: a value is outside [0, 1].

    Differentiable in a.
    """
    a = _checks.as_float("a", a)
    return _checks.enforce(1 - a, _in_unit_interval("a", a))


# ---------------------------------------------------------------------------------------------- belief, confirmation


def believed_truth(truth: Real[ArrayLike, "*shape"], belief: RealScalar) -> Float[Array, "*shape"]:
    """Truth of a label believed to a degree b: 1 - |b| + |b| T for b >= 0, and the same of 1 - T for b < 0.

    Args:
        truth: T, any shape.
        belief: b in [-1, 1]: 1 takes the label at its word, 0 makes it say nothing, -1 turns it round.

    Returns:
        Truth values of that shape.

    Raises:
        ValueError: a truth value is outside [0, 1], or the belief outside [-1, 1].

    Differentiable in truth, and in belief but at 0. The belief that gives most semantic information is
    `channel_confirmation`. Source: arXiv 2510.15871.
    """
    truth, belief = _checks.as_floats(truth=truth, belief=belief)
    _checks.require_ndim("belief", belief, 0, "()")
    meant = jnp.where(belief < 0, 1 - truth, truth)
    value = 1 - jnp.abs(belief) * (1 - meant)
    return _checks.enforce(
        value, _in_unit_interval("truth", truth), _checks.within("belief", belief, -1, 1, "in [-1, 1]")
    )


def channel_confirmation(
    positive_rate: Real[ArrayLike, "*shape"], false_positive_rate: Real[ArrayLike, "*shape"]
) -> Float[Array, "*shape"]:
    """Degree of confirmation of a rule by a channel, b* = (P(y1|x1) - P(y1|x0)) / max(P(y1|x1), P(y1|x0)).

    Args:
        positive_rate: P(y1 | x1), how often the label is given where it is right, any shape.
        false_positive_rate: P(y1 | x0), how often where it is wrong, the same shape.

    Returns:
        b* in [-1, 1]: with the likelihood ratio LR of the two, (LR - 1) / max(LR, 1).

    Raises:
        ValueError: shapes differ, a rate is outside [0, 1], or both are zero: the label is never given.

    Differentiable in both. Source: Lu 2020, arXiv 2510.15871.
    """
    a, b = _checks.as_floats(positive_rate=positive_rate, false_positive_rate=false_positive_rate)
    _checks.require_same_shape(positive_rate=a, false_positive_rate=b)
    larger = jnp.maximum(a, b)
    given = _checks.Check(jnp.all(larger > 0), "one of the rates must be positive", lambda: "0 and 0")
    value = (a - b) / jnp.where(larger > 0, larger, 1)
    checks = _in_unit_interval("positive_rate", a), _in_unit_interval("false_positive_rate", b)
    return _checks.enforce(value, *checks, given)


def prediction_confirmation(precision: Real[ArrayLike, "*shape"]) -> Float[Array, "*shape"]:
    """Degree of confirmation of a prediction, c* = (P(x1|y1) - P(x0|y1)) / max(P(x1|y1), P(x0|y1)).

    Args:
        precision: P(x1 | y1), how often the label is right where it is given, any shape; P(x0 | y1) is the rest.

    Returns:
        c* in [-1, 1].

    Raises:
        ValueError: a precision is outside [0, 1].

    Differentiable in the precision. Source: Lu 2020, arXiv 2510.15871.
    """
    p = _checks.as_float("precision", precision)
    return _checks.enforce((2 * p - 1) / jnp.maximum(p, 1 - p), _in_unit_interval("precision", p))
