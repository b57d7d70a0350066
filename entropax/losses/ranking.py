"""Distillation as ranking: Plackett-Luce likelihoods of orders, and the loss that a teacher's order makes of them."""

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, PRNGKey, Real, RealScalar
from entropax.losses._classification import Examples, examples
from entropax.losses._teacher import as_temperature, student_and_teacher


class Ranking(eqx.Module):
    """Orders of classes.

    Attributes:
        value: the classes from first to last place, shape (..., n).
        valid: whether the arguments meant anything; the order means nothing if not.
    """

    value: Int[Array, "*batch n"]
    valid: Bool[Array, ""]


def list_mle(
    scores: Real[ArrayLike, "*batch n"],
    permutation: Int[ArrayLike, "*batch n"],
    weights: Real[ArrayLike, "..."] = 1.0,
    *,
    where: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "*batch"]:
    """ListMLE: sum_k w_k (log sum_{l >= k} exp(s_{pi_l}) - s_{pi_k}), the surprise of an order, place by place.

    With equal weights, -log P(pi | s) of Plackett and Luce; weights that fall with the place, such as 2^(n - k) - 1,
    make it p-ListMLE. Weight on the first place alone is cross-entropy with label pi_1. The last place never counts.
    Convex in the scores, and blind to a constant added to them.

    Args:
        scores: s, shape (..., n).
        permutation: pi, the items from first to last place, shape (..., n).
        weights: w by place, broadcastable to (..., n), non-negative.
        where: which lists count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses in nats, shape (...), float32 for scores of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two items, permutation is none, or a weight is negative
            or not finite.
        TypeError: permutation is not of integers, or where is not boolean.

    Differentiable in scores and weights. Source: Xia et al., ICML 2008; weights by place: Lan et al., UAI 2014.
    """
    pi = jnp.asarray(permutation)
    if not jnp.issubdtype(pi.dtype, jnp.integer):
        raise TypeError(f"permutation must be of integers, got dtype {pi.dtype}")
    given = examples(scores, jnp.zeros(jnp.shape(scores)[:-1], jnp.int32), where, name="scores")
    _checks.require_shape("permutation", pi, given.logits.shape)
    w = _checks.as_float("weights", weights).astype(given.logits.dtype)
    w = jnp.broadcast_to(_checks.broadcastable("weights", w, pi.shape), pi.shape)
    if given.where is not None:
        pi = jnp.where(given.where[..., None], pi, _places(pi))
        w = jnp.where(given.where[..., None], w, 0)
    batch_ndim = pi.ndim - 1
    checks = (_permutation("permutation", pi), _checks.nonnegative("weights", w, batch_ndim=batch_ndim))
    return given.finish(_weighted_surprise(given.logits, pi, w), *checks)


def plackett_luce_log_prob(
    scores: Real[ArrayLike, "*batch n"],
    permutation: Int[ArrayLike, "*batch n"],
    *,
    where: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "*batch"]:
    """log P(pi | s) = sum_k (s_{pi_k} - log sum_{l >= k} exp(s_{pi_l})): places filled one by one, by softmax.

    Args:
        scores: s, shape (..., n).
        permutation: pi, the items from first to last place, shape (..., n).
        where: which lists count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The log-probabilities in nats, shape (...), float32 for scores of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two items, or permutation is none.
        TypeError: permutation is not of integers, or where is not boolean.

    Differentiable in scores. Source: Plackett 1975; Luce 1959; arXiv 2506.12542.
    """
    return -list_mle(scores, permutation, where=where)


def sample_plackett_luce(scores: Real[ArrayLike, "*batch n"], *, key: PRNGKey) -> Ranking:
    """Draws orders from Plackett and Luce's distribution: scores plus Gumbel noise, from the largest on.

    Args:
        scores: s, shape (..., n).
        key: source of randomness.

    Returns:
        One order a list, shape (..., n), and the validity.

    Raises:
        ValueError: scores have no axis of two or more items, or one is NaN or infinite (under a transformation `valid`
            is then false).

    Piecewise constant: no gradients. Weigh a result by `plackett_luce_log_prob` for the gradient of an expectation, or
    use `soft_plackett_luce_sample`. Source: Yellott 1977.
    """
    perturbed, check = _perturbed(scores, key)
    return Ranking(jnp.argsort(-perturbed, axis=-1, stable=True), _checks.validity(check))


def soft_plackett_luce_sample(
    scores: Real[ArrayLike, "*batch n"], temperature: RealScalar, *, key: PRNGKey
) -> Float[Array, "*batch n n"]:
    """Draws relaxed orders: rows softmax_j(-|g_(k) - g_j| / temperature), g = s + Gumbel noise, g_(k) its k-th largest.

    Row k says which item stands in place k. As the temperature falls it tends to the one-hot row of
    `sample_plackett_luce` with the same key.

    Args:
        scores: s, shape (..., n).
        temperature: positive, in the unit of the scores.
        key: source of randomness.

    Returns:
        Matrices whose rows sum to one, shape (..., n, n), float32 for scores of lower precision.

    Raises:
        ValueError: scores have no axis of two or more items, one is NaN or infinite, or the temperature is not
            positive.

    Differentiable in scores and temperature. Source: SoftSort, arXiv 2006.16038; Stochastic sorting, arXiv 1903.08850.
    """
    perturbed, check = _perturbed(scores, key)
    temperature, positive = as_temperature("temperature", temperature, perturbed.dtype)
    ordered = -jnp.sort(-perturbed, axis=-1)
    distance = jnp.abs(ordered[..., :, None] - perturbed[..., None, :])
    return _checks.enforce(jax.nn.softmax(-distance / temperature, axis=-1), check, positive)


def teacher_optimal_permutation(
    teacher_logits: Real[ArrayLike, "*batch n"], labels: Int[ArrayLike, "*batch"]
) -> Ranking:
    """The label first, then the other classes by the teacher's logits, from the largest on; of equals the lower index.

    Args:
        teacher_logits: t, shape (..., n).
        labels: integers of shape (...).

    Returns:
        The order, shape (..., n), and its validity.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, a label is out of range, or a logit is NaN
            or positive infinity (under a transformation `valid` is then false).
        TypeError: labels are not integers.

    Piecewise constant: no gradients. Source: arXiv 2506.12542.
    """
    given = examples(teacher_logits, labels, soft=False, name="teacher_logits")
    ok = _checks.within("teacher_logits", given.logits, -jnp.inf, jnp.finfo(given.logits.dtype).max, "below infinity")
    return Ranking(_label_first(given.logits, given.labels), _checks.validity(*_whole(given), ok))


def pld_loss(
    logits: Real[ArrayLike, "*batch n"],
    teacher_logits: Real[ArrayLike, "*batch n"],
    labels: Int[ArrayLike, "*batch"],
    *,
    teacher_temperature: RealScalar = 1.0,
    where: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "*batch"]:
    """Plackett-Luce distillation: `list_mle` of the teacher's order, each place weighted by the teacher's softmax.

    sum_k q_{pi_k} (log sum_{l >= k} exp(s_{pi_l}) - s_{pi_k}) with q = softmax(t / teacher_temperature) and pi from
    `teacher_optimal_permutation`. Its first term is the cross-entropy, weighted by q_y: no mixing weight is tuned, but
    where the teacher gives the label little the label counts little. Other weights, such as equal ones or those of
    p-ListMLE, go to `list_mle` with the same order. Labels mixed from two classes: average two losses.

    Args:
        logits: s of the student, shape (..., n).
        teacher_logits: t, shape (..., n).
        labels: integers of shape (...).
        teacher_temperature: positive; above 1 the later places count more.
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses in nats, shape (...), float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, a label is out of range, or the temperature
            is not positive.
        TypeError: labels are not integers, or where is not boolean.

    Differentiable in the student's logits, in which it is convex; the teacher and its temperature are held constant.
    Source: arXiv 2506.12542.
    """
    given, teacher = student_and_teacher(logits, teacher_logits, labels, where, soft=False)
    temperature, positive = as_temperature("teacher_temperature", teacher_temperature, teacher.dtype)
    pi = _label_first(teacher, given.labels)
    weights = jnp.take_along_axis(jax.nn.softmax(teacher / temperature, axis=-1), pi, axis=-1)
    return given.finish(_weighted_surprise(given.logits, pi, weights), positive)


def _weighted_surprise(scores: Array, pi: Array, weights: Array) -> Array:
    # Who is left takes the last place, even if ruled out by minus infinity: no surprise, and no infinity less infinity.
    weights = weights.at[..., -1].set(0)
    return _surprise_by_place(jnp.take_along_axis(scores, pi, axis=-1), weights)


@jax.custom_jvp
@jax.jit
def _surprise_by_place(placed: Array, weights: Array) -> Array:
    """sum_k w_k (L_k - s_k), L_k = log sum_{l >= k} exp(s_l); a place without weight counts nothing, even if infinite.

    Args:
        placed: s, the scores from first to last place, shape (..., n).
        weights: w, shape (..., n).
    """
    return jnp.sum(weights * _surprises(placed, _log_rests(placed), weights), axis=-1)


@_surprise_by_place.defjvp
@jax.jit
def _surprise_by_place_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    """The gradient in closed form, in memory of one list: d / d s_i = exp(s_i - L_i) R_i - w_i.

    R_i = sum_{k <= i} w_k exp(L_i - L_k) needs no exponential above 1, however far the scores spread.
    """
    placed, weights = primals
    rests = _log_rests(placed)
    surprises = _surprises(placed, rests, weights)
    possible = rests > -jnp.inf
    share = jnp.where(possible, jnp.exp(placed - jnp.where(possible, rests, 0)), 0)
    slope = share * _discounted_sums(weights, rests) - weights
    tangent = jnp.sum(slope * tangents[0] + surprises * tangents[1], axis=-1)
    return jnp.sum(weights * surprises, axis=-1), tangent


def _surprises(placed: Array, rests: Array, weights: Array) -> Array:
    counts = (weights != 0) | (rests > -jnp.inf) & (placed > -jnp.inf)
    return jnp.where(counts, rests, 0) - jnp.where(counts, placed, 0)


def _log_rests(placed: Array) -> Array:
    """L_k = log sum_{l >= k} exp(s_l), by doubling the span of every sum: log2 n steps."""
    for span in _spans(placed):
        later = jnp.pad(placed[..., span:], _pads(placed, (0, span)), constant_values=-jnp.inf)
        placed = jnp.logaddexp(placed, later)
    return placed


def _discounted_sums(weights: Array, rests: Array) -> Array:
    """R_i = sum_{k <= i} w_k exp(L_i - L_k), by doubling likewise; 0 where L_i is minus infinity."""
    for span in _spans(weights):
        near, far = rests[..., span:], rests[..., :-span]
        possible = near > -jnp.inf
        discount = jnp.where(possible, jnp.exp(jnp.where(possible, near - far, 0)), 0)
        weights = weights + jnp.pad(discount * weights[..., :-span], _pads(weights, (span, 0)))
    return weights


def _spans(x: Array) -> list[int]:
    return [2**power for power in range((x.shape[-1] - 1).bit_length())]


def _pads(x: Array, last: tuple[int, int]) -> list[tuple[int, int]]:
    return [(0, 0)] * (x.ndim - 1) + [last]


def _label_first(teacher: Array, labels: Array) -> Array:
    descending = jnp.argsort(-teacher, axis=-1, stable=True)
    behind = descending != labels[..., None].astype(descending.dtype)
    return jnp.take_along_axis(descending, jnp.argsort(behind, axis=-1, stable=True), axis=-1)


def _perturbed(scores: object, key: PRNGKey) -> tuple[Array, _checks.Check]:
    _checks.require_key("key", key)
    s = _checks.accumulated(_checks.as_float("scores", scores))
    if s.ndim < 1 or s.shape[-1] < 2:
        raise ValueError(f"scores must have shape (..., n) with n >= 2 items, got {s.shape}")
    return s + jax.random.gumbel(key, s.shape, s.dtype), _checks.finite("scores", s)


def _permutation(name: str, pi: Array) -> _checks.Check:
    with _checks.evaluated_now(pi):
        ok = jnp.all(jnp.sort(pi, axis=-1) == _places(pi), axis=-1)

    def got() -> str:
        bad = int(jnp.argmin(ok.reshape(-1)))
        return f"{pi.reshape(-1, pi.shape[-1])[bad].tolist()}"

    return _checks.Check(ok, f"{name} must hold each of 0 to {pi.shape[-1] - 1} once", got)


def _places(pi: Array) -> Array:
    return jax.lax.broadcasted_iota(pi.dtype, pi.shape, pi.ndim - 1)


def _whole(given: Examples) -> list[_checks.Check]:
    """The checks of the labels, one condition for the whole batch."""
    return [check._replace(ok=jnp.all(check.ok)) for check in given.checks]
