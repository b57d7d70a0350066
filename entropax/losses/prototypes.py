"""Pixels classified by the cosine of their features with a prototype."""

import functools
from typing import Any

import equinox as eqx

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar, Scalar
from entropax.losses._pixels import cosines, mean_prototype, number, task_of, unit


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
    return _checks.enforce(PrototypeClassifier(*mean_prototype(task, scale)), *checks, ok)


def _scaled_cosines(features: Any, weight: Any, tau: Any) -> tuple[Array, tuple[_checks.Check, ...]]:
    z, w = map(_checks.accumulated, _checks.as_floats(features=features, weight=weight))
    if z.ndim < 1:
        raise ValueError(f"features must have shape (..., c), got {z.shape}")
    _checks.require_shape("weight", w, z.shape[-1:])
    (scale,) = _checks.as_numbers(tau=tau)
    checks = _checks.finite("features", z), _checks.finite("weight", w), _checks.positive("tau", scale)
    return cosines(scale.astype(z.dtype), unit(z), unit(w)), checks
