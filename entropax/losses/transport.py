"""Losses of language models beyond likelihood: the earth mover's distance to the data, and two reweighted ones."""

import functools
from typing import Any

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar
from entropax.losses._classification import Examples, as_classes, examples


def demd(
    logits: Real[ArrayLike, "*batch v"],
    labels: Real[ArrayLike, "..."],
    embedding: Real[ArrayLike, "v d"],
    *,
    where: Bool[ArrayLike, "..."] | None = None,
    block_size: int = 128,
) -> Float[Array, "*batch"]:
    """The transport cost sum_ij Q_i (1 - cos(e_i, e_j)) P_j of tokens, Q = softmax(logits): the loss of EMO.

    It is 1 - <sum_i Q_i u_i, sum_j P_j u_j> with u = e / |e|, linear in Q. It bounds the earth mover's distance of Q
    and P from above and equals it where P is one label. Its gradient in a logit is Q_i (cost_i - DEMD): a token that
    means nearly the label's costs little. In [0, 2]; the lengths of the embeddings do not matter, and one of zeros is
    at distance 1 from everything.

    Positions are passed in blocks, which the backward pass computes again, and instead of the embedding the
    probabilities are normalised: beside logits, embedding and their gradients the largest array is block_size x v.

    Args:
        logits: z, shape (..., v).
        labels: integers of shape (...), or distributions P of shape (..., v).
        embedding: e, one row a token, shape (v, d). It may be another model's.
        where: which tokens count, broadcastable to (...); the others give 0 and no gradient.
        block_size: positions in a block, at least 1.

    Returns:
        The costs, shape (...), float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two tokens, or a label is out of range or no
            distribution.
        TypeError: labels are neither integers nor floating, or where is not boolean.

    Differentiable in logits, labels that are distributions, and embedding. Source: arXiv 2310.04691.
    """
    given = examples(logits, labels, where)
    return given.finish(_transport_cost(given, _embedding(embedding, given), block_size))


def emo_loss(
    logits: Real[ArrayLike, "*batch v"],
    labels: Real[ArrayLike, "..."],
    embedding: Real[ArrayLike, "v d"],
    *,
    mode: int = 1,
    ratio_cap: RealScalar | None = 3.0,
    remove_label: bool = False,
    ignore_index: int = -100,
    where: Bool[ArrayLike, "..."] | None = None,
    block_size: int = 128,
) -> Float[Array, "*batch"]:
    """EMO: likelihood L_M = -log Q(label) and transport cost L_E = `demd`, balanced anew for every token.

    Mode 1, which stresses likelihood: (L_M + r L_E) / 2 with r = min(L_M / L_E, ratio_cap). Mode 2, for light continued
    training: L_E + r L_M with r = L_E / L_M. The ratios r are held constant, so that both parts weigh alike; without a
    cap the value of mode 1 is L_M and of mode 2 is 2 L_E, and only gradients tell them from those. A ratio over a
    cost that is zero up to rounding is 0.

    Args:
        logits: those that predict each label, shape (..., v): nothing is shifted here. For a causal model pass
            logits[:, :-1] and tokens[:, 1:].
        labels: integers of shape (...), or distributions of shape (..., v).
        embedding: one row a token, shape (v, d); held constant, also where it is the model's own.
        mode: 1 or 2.
        ratio_cap: the largest ratio of mode 1, None for none.
        remove_label: leave the label's own term out of sum_i Q_i cos(e_i, e_label), which raises L_E by Q(label), held
            constant: only the ratio changes. For integer labels.
        ignore_index: labels that do not count, like those that `where` leaves out.
        where: which tokens count, broadcastable to (...); the others give 0 and no gradient.
        block_size: see `demd`.

    Returns:
        The losses, shape (...), float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, mode is neither 1 nor 2, ratio_cap is not positive, a label is out of range or
            no distribution, or the label's term is to be removed where labels are distributions.
        TypeError: labels are neither integers nor floating, or where is not boolean.

    Differentiable in logits, with the ratios held constant. Source: arXiv 2310.04691; its repository DRSY/EMO.
    """
    _checks.require_option("mode", mode, (1, 2))
    given = _tokens(logits, labels, where, ignore_index)
    constant = jax.lax.stop_gradient(_embedding(embedding, given))
    surprise, probability = _likelihood(given)
    cost = _transport_cost(given, constant, block_size)
    if remove_label:
        if not given.of_class:
            raise ValueError("remove_label needs integer labels, got distributions")
        cost = cost + jax.lax.stop_gradient(probability)
    if mode == 2:
        return given.finish(cost + _ratio(cost, surprise) * surprise)
    ratio = _ratio(surprise, cost)
    if ratio_cap is None:
        return given.finish((surprise + ratio * cost) / 2)
    (cap,) = _checks.as_numbers(ratio_cap=ratio_cap)
    ratio = jnp.minimum(ratio, jax.lax.stop_gradient(cap.astype(ratio.dtype)))
    return given.finish((surprise + ratio * cost) / 2, _checks.positive("ratio_cap", cap))


def mixce_loss(
    logits: Real[ArrayLike, "*batch v"],
    labels: Int[ArrayLike, "*batch"],
    *,
    mle_weight: RealScalar = 0.5,
    ignore_index: int = -100,
    where: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "*batch"]:
    """MixCE: w L + (1 - w) q L with L = -log q and q = Q(label), held constant as a weight.

    The second part is the reverse cross-entropy against the data, approximated by the gradient of -q.

    Args:
        logits: those that predict each label, shape (..., v).
        labels: integers of shape (...).
        mle_weight: w in [0, 1]; 1 is cross-entropy.
        ignore_index: labels that do not count.
        where: which tokens count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses in nats, shape (...), float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, a label is out of range, or mle_weight leaves [0, 1].
        TypeError: labels are not integers, or where is not boolean.

    Differentiable in logits, with q held constant. Source: arXiv 2305.16958.
    """
    given = _tokens(logits, labels, where, ignore_index, soft=False)
    (w,), checks = _shares(given, mle_weight=mle_weight)
    surprise, probability = _likelihood(given)
    return given.finish((w + (1 - w) * jax.lax.stop_gradient(probability)) * surprise, *checks)


def tailr_loss(
    logits: Real[ArrayLike, "*batch v"],
    labels: Int[ArrayLike, "*batch"],
    *,
    mle_weight: RealScalar = 0.5,
    gamma: RealScalar = 0.5,
    floor: RealScalar = 0.2,
    ignore_index: int = -100,
    where: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "*batch"]:
    """TaiLr: w L + (1 - w) max(q / (1 - gamma + gamma q), floor) L with L = -log q, q = Q(label) held constant.

    The weight bounds the total variation to the data: tokens the model finds unlikely teach it less. mle_weight 0 is
    TaiLr alone, gamma 0 makes its weight q, gamma 1 makes it 1. arXiv 2302.13344 calls 1 - gamma what this calls gamma.

    Args:
        logits: those that predict each label, shape (..., v).
        labels: integers of shape (...).
        mle_weight: w in [0, 1]; 1 is cross-entropy.
        gamma: in [0, 1].
        floor: the smallest weight, in [0, 1].
        ignore_index: labels that do not count.
        where: which tokens count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses in nats, shape (...), float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, a label is out of range, or mle_weight, gamma or floor leaves [0, 1].
        TypeError: labels are not integers, or where is not boolean.

    Differentiable in logits, with the weights held constant. Source: arXiv 2302.13344; with w, arXiv 2310.04691.
    """
    given = _tokens(logits, labels, where, ignore_index, soft=False)
    (w, gamma, floor), checks = _shares(given, mle_weight=mle_weight, gamma=gamma, floor=floor)
    surprise, probability = _likelihood(given)
    # At gamma 1 the weight is 1 even where q is 0.
    below = 1 - gamma + gamma * probability
    weight = jnp.where(below > 0, probability / jnp.where(below > 0, below, 1), 1)
    weight = jax.lax.stop_gradient(jnp.maximum(weight, floor))
    return given.finish((w + (1 - w) * weight) * surprise, *checks)


def _transport_cost(given: Examples, embedding: Array, block_size: int) -> Array:
    _checks.require_integer("block_size", block_size, minimum=1)
    batch, v = given.logits.shape[:-1], given.logits.shape[-1]
    labels = given.labels.reshape((-1,) if given.of_class else (-1, v))
    cosine = _mean_cosine(given.logits.reshape(-1, v), labels, embedding, of_class=given.of_class, block=block_size)
    return 1 - cosine.reshape(batch)


@functools.partial(jax.jit, static_argnames=("of_class", "block"))
def _mean_cosine(logits: Array, labels: Array, embedding: Array, *, of_class: bool, block: int) -> Array:
    """<sum_i Q_i u_i, sum_j P_j u_j> for every row: a product of means, so that no pair of tokens is looked at."""
    embedding = embedding.astype(logits.dtype)
    square = jnp.sum(embedding**2, axis=-1)
    inverse = jnp.where(square > 0, jax.lax.rsqrt(jnp.where(square > 0, square, 1)), 0)
    mean_direction = lambda probability: jnp.matmul(probability * inverse, embedding, precision="highest")  # noqa: E731

    @jax.checkpoint
    def one(row: tuple[Array, Array]) -> Array:
        z, label = row
        target = inverse[label] * embedding[label] if of_class else mean_direction(label)
        return jnp.sum(mean_direction(jax.nn.softmax(z)) * target)

    return jax.lax.map(one, (logits, labels), batch_size=block)


def _tokens(logits: Any, labels: Any, where: Any, ignore_index: int, *, soft: bool = True) -> Examples:
    """`examples`, with labels equal to ignore_index masked."""
    targets = as_classes(labels)
    if jnp.issubdtype(targets.dtype, jnp.integer):
        kept = targets != ignore_index
        if where is None:
            where = kept
        elif jnp.result_type(where) == jnp.bool_:  # anything else is named below
            where = kept & _checks.broadcastable("where", jnp.asarray(where), kept.shape)
    return examples(logits, targets, where, soft=soft)


def _likelihood(given: Examples) -> tuple[Array, Array]:
    """-log Q(label), and Q(label): of distributions the mean of the first, and exp of minus it."""
    z = given.logits - jax.lax.stop_gradient(jnp.max(given.logits, axis=-1, keepdims=True))  # a common part rounds
    surprise = jax.nn.logsumexp(z, axis=-1) - given.pick(z)
    return surprise, jnp.exp(-surprise)


def _ratio(above: Array, below: Array) -> Array:
    """above / below, held constant; 0 where `below`, which rounding may bring under it, is not above zero."""
    above, below = jax.lax.stop_gradient((above, below))
    resolved = below > 8 * jnp.finfo(below.dtype).eps
    return jnp.where(resolved, above / jnp.where(resolved, below, 1), 0)


def _shares(given: Examples, **numbers: RealScalar) -> tuple[list[Array], list[_checks.Check]]:
    values = _checks.as_numbers(**numbers)
    checks = [_checks.within(name, value, 0, 1, "in [0, 1]") for name, value in zip(numbers, values, strict=True)]
    return [jax.lax.stop_gradient(value.astype(given.logits.dtype)) for value in values], checks


def _embedding(embedding: Any, given: Examples) -> Array:
    e = _checks.accumulated(_checks.as_float("embedding", embedding))
    if e.ndim != 2 or e.shape[0] != given.logits.shape[-1]:
        raise ValueError(f"embedding must have shape ({given.logits.shape[-1]}, d), got {e.shape}")
    return e
