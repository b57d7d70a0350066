"""Pixels classified by the cosine of their features with a prototype."""

import functools
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar, Scalar
from entropax.losses._predictions import some_count

IGNORE = 255
"""The label of pixels that do not count, as segmentation data sets have it."""


class PrototypeClassifier(eqx.Module):
    """A foreground classifier of pixels, P(foreground | z) = sigmoid(tau cos(z, weight) - bias).

    Attributes:
        weight: the prototype w, shape (c,).
        bias: b.
    """

    weight: Float[Array, "c"] = eqx.field(converter=functools.partial(_checks.as_float, "weight"))
    bias: Scalar = eqx.field(converter=functools.partial(_checks.as_float, "bias"))

    def logits(self, features: Real[ArrayLike, "*pixels c"], tau: RealScalar = 20.0) -> Float[Array, "*pixels"]:
        """tau cos(z, w) - b: the log-odds of foreground.

        Args:
            features: z, shape (..., c).
            tau: scale of cosines.

        Returns:
            The log-odds, shape (...), float32 for features of lower precision.

        Raises:
            ValueError: channels differ, features are not finite, or tau is not positive.

        Differentiable in all.
        """
        scaled, checks = _scaled_cosines(features, self.weight, tau)
        return _checks.enforce(scaled - self.bias.astype(scaled.dtype), *checks)


def cosine_logits(
    features: Real[ArrayLike, "*pixels c"], weight: Real[ArrayLike, "c"], tau: RealScalar = 20.0
) -> Float[Array, "*pixels"]:
    """tau cos(z, w), which no rescaling of features or of the weight changes; 0 where either is the zero vector.

    Args:
        features: z, shape (..., c).
        weight: w, shape (c,).
        tau: scale.

    Returns:
        The logits, shape (...), float32 for features of lower precision.

    Raises:
        ValueError: channels differ, features or weight are not finite, or tau is not positive.

    Differentiable in all; a zero vector has no gradient. Source: arXiv 2012.06166.
    """
    scaled, checks = _scaled_cosines(features, weight, tau)
    return _checks.enforce(scaled, *checks)


def init_prototype(
    support: Real[ArrayLike, "k h w c"],
    masks: Int[ArrayLike, "k h w"] | Bool[ArrayLike, "k h w"],
    query: Real[ArrayLike, "h2 w2 c"],
    tau: RealScalar = 20.0,
) -> PrototypeClassifier:
    """The classifier that RePRI starts from: the mean foreground feature, with the mean query logit for a bias.

    Args:
        support: features of the k labelled images, normalised here to length one at every pixel.
        masks: 1 foreground, 0 background, 255 ignored.
        query: features of the image to segment; all its pixels take part in the bias.
        tau: scale of cosines.

    Returns:
        The classifier.

    Raises:
        ValueError: a shape does not fit, a mask has another value or no foreground, features that count are not finite,
            or tau is not positive.
        TypeError: masks are neither integers nor booleans.

    Differentiable in the features and in tau. Source: arXiv 2012.06166.
    """
    task, checks = task_of(support, masks, query, None)
    scale, ok = number("tau", tau, task.query.dtype)
    return _checks.enforce(prototype(task, scale), *checks, ok)


# ------------------------------------------------------------------------------------------- shared with `transductive`


class Task(NamedTuple):
    """Pixels in rows, harmless where they do not count."""

    support: Array  # (m, c)
    labels: Array  # (m,), 0 or 1
    counted: Array  # (m,)
    query: Array  # (n, c)
    where: Array  # (n,)


def task_of(support: Any, masks: Any, query: Any, where: Any) -> tuple[Task, tuple[_checks.Check, ...]]:
    """The pixels of checked arguments, and the checks of their values."""
    s, q = map(_checks.accumulated, _checks.as_floats(support=support, query=query))
    _checks.require_ndim("support", s, 4, "(k, h, w, c)")
    _checks.require_ndim("query", q, 3, "(h, w, c)")
    if q.shape[-1] != s.shape[-1]:
        raise ValueError(f"query must have the {s.shape[-1]} channels of support, got {q.shape[-1]}")
    with _checks.evaluated_now(masks):
        labels = jnp.asarray(masks)
    if not (jnp.issubdtype(labels.dtype, jnp.integer) or labels.dtype == jnp.bool_):
        raise TypeError(f"masks must be integers or booleans, got dtype {labels.dtype}")
    _checks.require_shape("masks", labels, s.shape[:-1])
    with _checks.evaluated_now(labels):
        labels = labels.astype(jnp.int32)
        known = _checks.Check(
            jnp.all((labels == 0) | (labels == 1) | (labels == IGNORE)),
            f"masks must be 0, 1 or {IGNORE}",
            lambda: f"values from {labels.min()} to {labels.max()}",
        )
        foreground = some_count("masks must mark some foreground (1)", labels == 1)
    counted = labels != IGNORE
    s = jnp.where(counted[..., None], s, 0)
    mask = _checks.as_mask(where, q.shape[:-1])
    finite = _checks.finite("support", s), _checks.finite("query", q)
    task = Task(
        _unit(s).reshape(-1, s.shape[-1]),
        labels.reshape(-1),
        counted.reshape(-1),
        _unit(q).reshape(-1, q.shape[-1]),
        mask.reshape(-1),
    )
    return task, (known, foreground, some_count("where must let some query pixels count", mask), *finite)


def prototype(task: Task, tau: Array) -> PrototypeClassifier:
    """`init_prototype` of a task made ready."""
    foreground = (task.counted & (task.labels == 1)).astype(task.support.dtype)
    weight = foreground @ task.support / jnp.sum(foreground)
    return PrototypeClassifier(weight, jnp.mean(_cosines(tau, task.query, _unit(weight))))


def _unit(x: Array) -> Array:
    """x over its length along the last axis; zero stays zero, without a gradient."""
    square = jnp.sum(x**2, axis=-1, keepdims=True)
    some = square > 0
    return x * jnp.where(some, 1 / jnp.sqrt(jnp.where(some, square, 1)), 0)


def log_odds(classifier: PrototypeClassifier, pixels: Array, tau: Array) -> Array:
    """tau cos(z, w) - b of pixels of length one."""
    return _cosines(tau, pixels, _unit(classifier.weight)) - classifier.bias


def _scaled_cosines(features: Any, weight: Any, tau: Any) -> tuple[Array, tuple[_checks.Check, ...]]:
    z, w = map(_checks.accumulated, _checks.as_floats(features=features, weight=weight))
    if z.ndim < 1:
        raise ValueError(f"features must have shape (..., c), got {z.shape}")
    _checks.require_shape("weight", w, z.shape[-1:])
    (scale,) = _checks.as_numbers(tau=tau)
    checks = _checks.finite("features", z), _checks.finite("weight", w), _checks.positive("tau", scale)
    return _cosines(scale.astype(z.dtype), _unit(z), _unit(w)), checks


def _cosines(tau: Array, pixels: Array, direction: Array) -> Array:
    """tau times the cosines, in full precision on every device: tau multiplies what rounding does to them."""
    return tau * jnp.matmul(pixels, direction, precision="highest")


def number(name: str, value: Any, dtype: Any, check: Any = _checks.positive) -> tuple[Array, _checks.Check]:
    """An argument without axes as a number of the dtype, and the check of its value."""
    (x,) = _checks.as_numbers(**{name: value})
    return x.astype(dtype), check(name, x)
