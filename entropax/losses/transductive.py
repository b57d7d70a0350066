"""Transductive inference: a classifier of pixels fitted at test time to labelled images and to the query itself."""

import functools
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar, Scalar
from entropax.losses.unlabelled import divergence, log_mean, masked_mean, mean_entropy, some_count

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


class RepriTerms(eqx.Module):
    """The terms that RePRI weighs, of one classifier; in a trace, of one after another along the first axis.

    Attributes:
        cross_entropy: mean of -log P(label) over the support's pixels, in nats.
        entropy: mean entropy of the predictions of the query's pixels, in nats.
        kl: divergence of the predicted proportion from the one it is held to, in nats.
        foreground: the predicted proportion of foreground, the mean of P(foreground) over the query's pixels.
    """

    cross_entropy: Float[Array, "*steps"]
    entropy: Float[Array, "*steps"]
    kl: Float[Array, "*steps"]
    foreground: Float[Array, "*steps"]


class RepriResult(eqx.Module):
    """What `repri_inference` returns.

    Attributes:
        value: P(foreground) of every query pixel, shape (h, w).
        logits: their log-odds. For a mask at the image's size, enlarge these bilinearly and compare with 0.
        classifier: the fitted classifier.
        proportion: of foreground, to which predictions were held at the end.
        trace: the terms before every update and after the last, shape (num_updates + 1,) each. The divergence is from
            the proportion in force: zero where it is renewed.
    """

    value: Float[Array, "h w"]
    logits: Float[Array, "h w"]
    classifier: PrototypeClassifier
    proportion: Scalar
    trace: RepriTerms


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
    task, checks = _task(support, masks, query, None)
    scale, ok = _number("tau", tau, task.query.dtype)
    return _checks.enforce(_prototype(task, scale), *checks, ok)


def repri_terms(
    classifier: PrototypeClassifier,
    support: Real[ArrayLike, "k h w c"],
    masks: Int[ArrayLike, "k h w"] | Bool[ArrayLike, "k h w"],
    query: Real[ArrayLike, "h2 w2 c"],
    proportion: RealScalar,
    *,
    where: Bool[ArrayLike, "..."] | None = None,
    tau: RealScalar = 20.0,
) -> RepriTerms:
    """The terms of RePRI's objective: support cross-entropy, query entropy, divergence of the proportion.

    Args:
        classifier: of pixels.
        support: features of the k labelled images.
        masks: 1 foreground, 0 background, 255 ignored.
        query: features of the image to segment.
        proportion: of foreground in the query, in (0, 1).
        where: which query pixels count, broadcastable to (h2, w2).
        tau: scale of cosines.

    Returns:
        The terms, and the predicted proportion.

    Raises:
        ValueError: a shape does not fit, a mask has another value or no foreground, no query pixel counts, features
            that count are not finite, tau is not positive, or the proportion is not inside (0, 1).
        TypeError: masks are neither integers nor booleans, or where is not boolean.

    Differentiable in the classifier, the features, the proportion and tau. Source: arXiv 2012.06166.
    """
    task, checks = _task(support, masks, query, where)
    _checks.require_shape("classifier.weight", classifier.weight, task.query.shape[-1:])
    scale, positive = _number("tau", tau, task.query.dtype)
    log_pi, inside = _log_proportions(proportion, task.query.dtype)
    given = jax.tree.map(lambda leaf: leaf.astype(task.query.dtype), classifier)
    return _checks.enforce(_terms(given, task, log_pi, scale), *checks, positive, inside)


def repri_inference(
    support: Real[ArrayLike, "k h w c"],
    masks: Int[ArrayLike, "k h w"] | Bool[ArrayLike, "k h w"],
    query: Real[ArrayLike, "h2 w2 c"],
    *,
    where: Bool[ArrayLike, "..."] | None = None,
    proportion: RealScalar | None = None,
    refresh_after: tuple[int, ...] | Int[ArrayLike, "r"] | None = None,
    num_updates: int = 49,
    learning_rate: RealScalar = 0.025,
    tau: RealScalar = 20.0,
    cross_entropy_weight: RealScalar = 1.0,
    entropy_weight: RealScalar | None = None,
    kl_weight: RealScalar | None = None,
    kl_increase: RealScalar = 1.0,
) -> RepriResult:
    """RePRI: segments a query image from k labelled ones by fitting a cosine classifier to both.

    From `init_prototype`, gradient descent on

        cross_entropy_weight CE(support) + entropy_weight H(query) + kl_weight KL(p || pi)

    in w and b, with p the predicted proportion and pi the initial one. After the updates listed in `refresh_after`, pi
    becomes the proportion predicted then and kl_weight grows by kl_increase. Without the two last terms this is
    logistic regression on cosines. One task a call: batch tasks with `jax.vmap`.

    Args:
        support: features of the k labelled images, normalised here to length one at every pixel.
        masks: 1 foreground, 0 background, 255 ignored.
        query: features of the image to segment. Pixels that do not count still take part in the initial bias.
        where: which query pixels count, broadcastable to (h2, w2).
        proportion: pi of foreground, in (0, 1), where it is known (an oracle); by default that of the initial
            classifier.
        refresh_after: numbers of updates after which pi is renewed, from 0 on, which may be an array; by default (9,),
            and never for a proportion that is given.
        num_updates: of the classifier. The defaults are the authors' 50 iterations and t_pi = 10: their first iteration
            only evaluates.
        learning_rate: of plain gradient descent.
        tau: scale of cosines.
        cross_entropy_weight: of the support's term.
        entropy_weight: of the query's entropy, by default 1 / k.
        kl_weight: of the divergence at the start, by default 1 / k.
        kl_increase: added to it whenever pi is renewed.

    Returns:
        Probabilities of foreground, the classifier, and the trace of the terms.

    Raises:
        ValueError: a shape does not fit, a mask has another value or no foreground, no query pixel counts, features
            that count are not finite, the proportion is not inside (0, 1), tau or the learning rate is not positive, a
            weight is negative, or a number in refresh_after is not in [0, num_updates].
        TypeError: masks are neither integers nor booleans, where is not boolean, or num_updates or refresh_after is not
            of integers.

    Differentiable, through all updates, in the features, the proportion and every weight and rate. Source: arXiv
    2012.06166 and its authors' code, without the 1e-10 that they add to probabilities and norms.
    """
    task, checks = _task(support, masks, query, where)
    dtype, shots = task.query.dtype, np.shape(support)[0]
    _checks.require_integer("num_updates", num_updates, minimum=0)
    if refresh_after is None:
        refresh_after = (9,) if proportion is None and num_updates >= 9 else ()
    renew, renew_ok = _schedule(refresh_after, num_updates)
    rate, rate_ok = _number("learning_rate", learning_rate, dtype)
    scale, scale_ok = _number("tau", tau, dtype)
    weights = {
        "cross_entropy_weight": cross_entropy_weight,
        "entropy_weight": 1 / shots if entropy_weight is None else entropy_weight,
        "kl_weight": 1 / shots if kl_weight is None else kl_weight,
        "kl_increase": kl_increase,
    }
    numbers, weights_ok = zip(*(_number(n, v, dtype, _checks.nonnegative) for n, v in weights.items()), strict=True)
    checks = (*checks, renew_ok, rate_ok, scale_ok, *weights_ok)
    log_pi = None
    if proportion is not None:
        log_pi, inside = _log_proportions(proportion, dtype)
        checks = (*checks, inside)
    _checks.enforce((), *checks)  # known faults raise before the fit
    result = _infer(task, log_pi, renew, _Settings(rate, scale, *numbers), jnp.shape(query)[:2])
    return _checks.enforce(result, *checks)


# ------------------------------------------------------------------------------------------------ the objective


class _Task(NamedTuple):
    """Pixels in rows, harmless where they do not count."""

    support: Array  # (m, c)
    labels: Array  # (m,), 0 or 1
    counted: Array  # (m,)
    query: Array  # (n, c)
    where: Array  # (n,)


class _Settings(NamedTuple):
    learning_rate: Array
    tau: Array
    cross_entropy_weight: Array
    entropy_weight: Array
    kl_weight: Array
    kl_increase: Array


def _unit(x: Array) -> Array:
    """x over its length along the last axis; zero stays zero, without a gradient."""
    square = jnp.sum(x**2, axis=-1, keepdims=True)
    some = square > 0
    return x * jnp.where(some, 1 / jnp.sqrt(jnp.where(some, square, 1)), 0)


def _log_odds(classifier: PrototypeClassifier, pixels: Array, tau: Array) -> Array:
    return tau * (pixels @ _unit(classifier.weight)) - classifier.bias


def _log_probabilities(log_odds: Array) -> Array:
    """Of background and foreground, shape (n, 2)."""
    return jnp.stack([jax.nn.log_sigmoid(-log_odds), jax.nn.log_sigmoid(log_odds)], axis=-1)


def _prototype(task: _Task, tau: Array) -> PrototypeClassifier:
    foreground = (task.counted & (task.labels == 1)).astype(task.support.dtype)
    weight = foreground @ task.support / jnp.sum(foreground)
    return PrototypeClassifier(weight, jnp.mean(tau * (task.query @ _unit(weight))))


def _terms(classifier: PrototypeClassifier, task: _Task, log_pi: Array, tau: Array) -> RepriTerms:
    on_support = _log_probabilities(_log_odds(classifier, task.support, tau))
    on_query = _log_probabilities(_log_odds(classifier, task.query, tau))
    log_p = log_mean(on_query, task.where)
    return RepriTerms(
        cross_entropy=masked_mean(-jnp.where(task.labels == 1, on_support[:, 1], on_support[:, 0]), task.counted),
        entropy=mean_entropy(on_query, task.where),
        kl=divergence(log_p, log_pi),
        foreground=jnp.exp(log_p[1]),
    )


@functools.partial(jax.jit, static_argnums=4)
def _infer(task: _Task, log_pi: Array | None, renew: Array, settings: _Settings, shape: tuple[int, int]) -> RepriResult:
    def predicted(classifier: PrototypeClassifier) -> Array:
        log_p = _log_probabilities(_log_odds(classifier, task.query, settings.tau))
        return log_mean(log_p, task.where)

    def objective(classifier: PrototypeClassifier, log_pi: Array, kl_weight: Array) -> tuple[Array, RepriTerms]:
        terms = _terms(classifier, task, log_pi, settings.tau)
        value = (
            settings.cross_entropy_weight * terms.cross_entropy
            + settings.entropy_weight * terms.entropy
            + kl_weight * terms.kl
        )
        return value, terms

    def renewed(classifier: PrototypeClassifier, log_pi: Array, kl_weight: Array, now: Array) -> tuple[Array, Array]:
        # Held constant by the update that follows, yet a function of the features to whoever differentiates the result.
        log_pi = jnp.where(now, predicted(classifier), log_pi)
        return log_pi, kl_weight + jnp.where(now, settings.kl_increase, 0)

    @jax.checkpoint  # reverse mode keeps the classifiers, and computes logits again
    def update(carry: tuple[PrototypeClassifier, Array, Array], now: Array) -> tuple[Any, RepriTerms]:
        classifier, log_pi, kl_weight = carry
        log_pi, kl_weight = renewed(classifier, log_pi, kl_weight, now)
        slope, terms = jax.grad(objective, has_aux=True)(classifier, log_pi, kl_weight)
        classifier = jax.tree.map(lambda x, g: x - settings.learning_rate * g, classifier, slope)
        return (classifier, log_pi, kl_weight), terms

    start = _prototype(task, settings.tau)
    log_pi = predicted(start) if log_pi is None else log_pi
    carry, trace = jax.lax.scan(update, (start, log_pi, settings.kl_weight), renew[:-1])
    log_pi, _ = renewed(*carry, renew[-1])
    last = _terms(carry[0], task, log_pi, settings.tau)
    log_odds = _log_odds(carry[0], task.query, settings.tau).reshape(shape)
    return RepriResult(
        value=jax.nn.sigmoid(log_odds),
        logits=log_odds,
        classifier=carry[0],
        proportion=jnp.exp(log_pi[1]),
        trace=jax.tree.map(lambda steps, end: jnp.concatenate([steps, end[None]]), trace, last),
    )


# ---------------------------------------------------------------------------------------------------- arguments


def _number(name: str, value: Any, dtype: Any, check: Any = _checks.positive) -> tuple[Array, _checks.Check]:
    (number,) = _checks.as_numbers(**{name: value})
    return number.astype(dtype), check(name, number)


def _schedule(refresh_after: Any, num_updates: int) -> tuple[Array, _checks.Check]:
    """Whether pi is renewed after so many updates, shape (num_updates + 1,)."""
    with _checks.evaluated_now(refresh_after):
        when = jnp.asarray(refresh_after) if np.size(refresh_after) else jnp.zeros(0, jnp.int32)
        _checks.require_ndim("refresh_after", when, 1, "(r,)")
        if not jnp.issubdtype(when.dtype, jnp.integer):
            raise TypeError(f"refresh_after must be of integers, got dtype {when.dtype}")
        updates = jnp.arange(num_updates + 1, dtype=when.dtype)
        check = _checks.within("refresh_after", when, 0, num_updates, f"from 0 to {num_updates}")
        return jnp.any(updates[:, None] == when[None, :], axis=1), check


def _log_proportions(proportion: Any, dtype: Any) -> tuple[Array, _checks.Check]:
    (pi,) = _checks.as_numbers(proportion=proportion)
    pi = pi.astype(dtype)
    with _checks.evaluated_now(pi):
        check = _checks.Check((pi > 0) & (pi < 1), "proportion must be inside (0, 1)", lambda: f"{pi}")
    pi = _checks.enforce(pi, check)  # before, too: logarithms of a bad one would have plausible gradients
    return jnp.stack([jnp.log1p(-pi), jnp.log(pi)]), check


def _scaled_cosines(features: Any, weight: Any, tau: Any) -> tuple[Array, tuple[_checks.Check, ...]]:
    z, w = map(_checks.accumulated, _checks.as_floats(features=features, weight=weight))
    if z.ndim < 1:
        raise ValueError(f"features must have shape (..., c), got {z.shape}")
    _checks.require_shape("weight", w, z.shape[-1:])
    (scale,) = _checks.as_numbers(tau=tau)
    checks = _checks.finite("features", z), _checks.finite("weight", w), _checks.positive("tau", scale)
    return scale.astype(z.dtype) * (_unit(z) @ _unit(w)), checks


def _task(support: Any, masks: Any, query: Any, where: Any) -> tuple[_Task, tuple[_checks.Check, ...]]:
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
    task = _Task(
        _unit(s).reshape(-1, s.shape[-1]),
        labels.reshape(-1),
        counted.reshape(-1),
        _unit(q).reshape(-1, q.shape[-1]),
        mask.reshape(-1),
    )
    return task, (known, foreground, some_count("where must let some query pixels count", mask), *finite)
