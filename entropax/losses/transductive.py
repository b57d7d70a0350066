"""Transductive inference: a classifier of pixels fitted at test time to labelled images and to the query itself."""

import functools
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar, Scalar
from entropax.losses._pixels import Task, cosines, mean_prototype, number, task_of, unit
from entropax.losses._predictions import divergence, log_mean, masked_mean, mean_entropy
from entropax.losses.prototypes import PrototypeClassifier


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
    task, checks = task_of(support, masks, query, where)
    _checks.require_shape("classifier.weight", classifier.weight, task.query.shape[-1:])
    scale, positive = number("tau", tau, task.query.dtype)
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
    task, checks = task_of(support, masks, query, where)
    dtype, shots = task.query.dtype, np.shape(support)[0]
    _checks.require_integer("num_updates", num_updates, minimum=0)
    if refresh_after is None:
        refresh_after = (9,) if proportion is None and num_updates >= 9 else ()
    renew, renew_ok = _schedule(refresh_after, num_updates)
    rate, rate_ok = number("learning_rate", learning_rate, dtype)
    scale, scale_ok = number("tau", tau, dtype)
    weights = {
        "cross_entropy_weight": cross_entropy_weight,
        "entropy_weight": 1 / shots if entropy_weight is None else entropy_weight,
        "kl_weight": 1 / shots if kl_weight is None else kl_weight,
        "kl_increase": kl_increase,
    }
    numbers, weights_ok = zip(*(number(n, v, dtype, _checks.nonnegative) for n, v in weights.items()), strict=True)
    checks = (*checks, renew_ok, rate_ok, scale_ok, *weights_ok)
    log_pi = None
    if proportion is not None:
        log_pi, inside = _log_proportions(proportion, dtype)
        checks = (*checks, inside)
    _checks.enforce((), *checks)  # known faults raise before the fit
    result = _infer(task, log_pi, renew, _Settings(rate, scale, *numbers), jnp.shape(query)[:2])
    return _checks.enforce(result, *checks)


# ------------------------------------------------------------------------------------------------ the objective


class _Settings(NamedTuple):
    learning_rate: Array
    tau: Array
    cross_entropy_weight: Array
    entropy_weight: Array
    kl_weight: Array
    kl_increase: Array


def _log_probabilities(odds: Array) -> Array:
    """Of background and foreground, shape (n, 2)."""
    return jnp.stack([jax.nn.log_sigmoid(-odds), jax.nn.log_sigmoid(odds)], axis=-1)


def _log_odds(classifier: PrototypeClassifier, pixels: Array, tau: Array) -> Array:
    """tau cos(z, w) - b of pixels of length one."""
    return cosines(tau, pixels, unit(classifier.weight)) - classifier.bias


def _terms(classifier: PrototypeClassifier, task: Task, log_pi: Array, tau: Array) -> RepriTerms:
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
def _infer(task: Task, log_pi: Array | None, renew: Array, settings: _Settings, shape: tuple[int, int]) -> RepriResult:
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

    start = PrototypeClassifier(*mean_prototype(task, settings.tau))
    log_pi = predicted(start) if log_pi is None else log_pi
    carry, trace = jax.lax.scan(update, (start, log_pi, settings.kl_weight), renew[:-1])
    log_pi, _ = renewed(*carry, renew[-1])
    last = _terms(carry[0], task, log_pi, settings.tau)
    on_query = _log_odds(carry[0], task.query, settings.tau).reshape(shape)
    return RepriResult(
        value=jax.nn.sigmoid(on_query),
        logits=on_query,
        classifier=carry[0],
        proportion=jnp.exp(log_pi[1]),
        trace=jax.tree.map(lambda steps, end: jnp.concatenate([steps, end[None]]), trace, last),
    )


# ---------------------------------------------------------------------------------------------------- arguments


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
