"""Softmax cross-entropy of a linear head, and its statistics, without the logits in memory."""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar
from entropax.losses._fused_arguments import filtering, options_of, ordering, reference, tokens
from entropax.losses._fused_blocks import normalizer_and_target
from entropax.losses._fused_statistics import Statistics, statistics
from entropax.losses._fused_tiles import Inputs


class LinearSoftmaxStatistics(NamedTuple):
    """What a linear softmax p says of every token; zero where tokens do not count.

    Attributes:
        log_prob: log p of the label, in nats.
        log_normalizer: log sum exp of the logits.
        entropy: of p, in nats.
        kl: KL(p || q) to the reference q, in nats; None without one.
    """

    log_prob: Float[Array, "*batch"]
    log_normalizer: Float[Array, "*batch"]
    entropy: Float[Array, "*batch"]
    kl: Float[Array, "*batch"] | None


def linear_cross_entropy(
    hidden: Real[ArrayLike, "*batch d"],
    embedding: Real[ArrayLike, "v d"],
    labels: Int[ArrayLike, "..."],
    *,
    bias: Real[ArrayLike, "v"] | None = None,
    softcap: float | None = None,
    z_loss: RealScalar = 0.0,
    where: Bool[ArrayLike, "..."] | None = None,
    ignore_index: int | None = -100,
    shift: int = 0,
    token_block: int | None = None,
    vocab_block: int | None = None,
    filter_eps: float | Literal["auto"] | None = None,
    filter_hidden_grad: bool = True,
    filter_embedding_grad: bool = True,
    vocab_order: Int[ArrayLike, "v"] | Literal["mean_logit"] | None = None,
    accumulation: Literal["float32", "kahan"] = "float32",
    axis_name: str | None = None,
    implementation: Literal["scan", "pallas"] = "scan",
) -> Float[Array, "..."]:
    """Cross-entropy of every token, lse(A) - A_y + z lse(A)^2 with A = s tanh((E C^T + b) / s), A never in memory.

    Logits exist one tile of tokens by vocabulary at a time, forward and, computed again, backward: beyond the
    gradients, memory grows neither with tokens times vocabulary nor with the vocabulary. Matrix products take the dtype
    of the inputs and add up in float32 (float64 for float64); `jax.default_matmul_precision` sets their precision.

    Gradient filtering (`filter_eps`) leaves out of the backward pass every tile in which all gradients of logits, for a
    unit gradient of the loss, are below the threshold. The largest logits of the blocks, kept by the forward pass (one
    number for each token and block), tell which: a tile left out costs nothing. It pays where predictions are peaked,
    with small blocks (128 to 512) and `vocab_order="mean_logit"`. The gradient by a hidden vector is then off by at
    most eps times the sum of |C_j| over the columns left out; embeddings of rare entries may get no gradient at all, so
    for pre-training leave it off or set `filter_embedding_grad=False`. The paper's presets: cce is `filter_eps="auto"`
    with `vocab_order="mean_logit"`; cce_kahan_full_c adds `accumulation="kahan"` and `filter_embedding_grad=False`,
    cce_kahan_full_e `filter_hidden_grad=False` instead; cce_exact is `accumulation="kahan"` alone.

    Args:
        hidden: vectors E of the tokens, shape (..., d).
        embedding: of the vocabulary, C, one row an entry, shape (v, d); with `axis_name` this device's rows.
        labels: integers in [0, v) of shape (...).
        bias: b, shape (v,).
        softcap: s, positive; None for no cap.
        z_loss: weight z of the squared log-normaliser.
        where: which labels count, broadcastable to (...). The others give 0 and no gradient and cost nothing, as whole
            blocks of them are skipped.
        ignore_index: a label that does not count; None if there is none.
        shift: hidden vectors at t predict labels at t + shift of the last axis of labels.
        token_block: tokens of a tile; None for 1024 of the scan (8192 on a GPU) or 128 of the kernels (64 in float32),
            which take powers of two only.
        vocab_block: vocabulary entries of a tile; None for 1024 of the scan (4096 on a GPU) or the kernels' 128 (64).
        filter_eps: threshold of gradient filtering; "auto" for the machine epsilon of the inputs' dtype over 32 (2^-12
            for bfloat16, 2^-28 for float32); None for exact gradients.
        filter_hidden_grad: whether the gradient of hidden vectors is filtered.
        filter_embedding_grad: whether those of the embedding and the bias are.
        vocab_order: a permutation of the vocabulary by which it is cut into blocks, or "mean_logit" for the order of
            the mean logits, which brings large probabilities into few tiles. It changes only what is filtered.
        accumulation: of gradients over blocks: sums in "float32" (float64 for float64 inputs), or "kahan", the same
            compensated, for more blocks than digits.
        axis_name: mesh axis of a surrounding `jax.shard_map` over which the vocabulary is split in order, in equal
            parts (then embedding, bias and a given vocab_order are those of the part, labels those of the whole).
        implementation: "scan" for a loop that XLA compiles for any device, or "pallas" for kernels for GPUs, which skip
            what is filtered tile by tile; interpreted, so only for tests, on CPUs. They are for peaked predictions with
            a filter: without one the backward kernel waits for its atomic additions, eight times as long as the scan.
            Their sums are in no fixed order, so gradients differ in the last digits from run to run, and have no
            derivatives themselves. They need 16 tokens, entries and components at least, and do not work with
            `axis_name`. They use Pallas's Triton backend, which newer releases of jax warn that they will remove.

    Returns:
        The losses in nats, shape (...), the last axis shorter by `shift`; float32 for inputs of lower precision. Divide
        their sum by the number of labels that count for the usual mean, which is not defined where none does.

    Raises:
        ValueError: a shape does not fit, a label is out of range, or an option is not one of those above.
        TypeError: labels are not integers, or where is not boolean.

    Differentiable in hidden, embedding, bias and z_loss in reverse mode, and forward over reverse; not in forward mode
    alone. Source: arXiv 2411.09009.
    """
    given = tokens(hidden, embedding, labels, bias, where, ignore_index, shift, axis_name)
    options = options_of(given, softcap, token_block, vocab_block, accumulation, implementation)
    if options.kernel and axis_name is not None:
        raise ValueError(f"axis_name must be None with implementation 'pallas', got {axis_name!r}")
    options = filtering(options, given, filter_eps, filter_hidden_grad, filter_embedding_grad)
    options, order, checks = ordering(options, given, vocab_order)
    (z,) = _checks.as_numbers(z_loss=z_loss)
    if given.counted.size == 0:
        return given.nothing()
    inputs = Inputs(*given.head, given.labels, given.counted, order)
    normalizer, target = normalizer_and_target(options, inputs)
    if axis_name is not None:
        normalizer, target = _joined(normalizer, axis_name), jax.lax.psum(target, axis_name)
    return given.finish(normalizer - target + z.astype(normalizer.dtype) * normalizer**2, *checks)


def linear_softmax_statistics(
    hidden: Real[ArrayLike, "*batch d"],
    embedding: Real[ArrayLike, "v d"],
    labels: Int[ArrayLike, "..."],
    reference_hidden: Real[ArrayLike, "*batch e"] | None = None,
    reference_embedding: Real[ArrayLike, "v e"] | None = None,
    *,
    bias: Real[ArrayLike, "v"] | None = None,
    reference_bias: Real[ArrayLike, "v"] | None = None,
    softcap: float | None = None,
    where: Bool[ArrayLike, "..."] | None = None,
    ignore_index: int | None = -100,
    shift: int = 0,
    token_block: int | None = None,
    vocab_block: int | None = None,
    accumulation: Literal["float32", "kahan"] = "float32",
    axis_name: str | None = None,
) -> LinearSoftmaxStatistics:
    """Log-probability of the label, log-normaliser, entropy, and KL to a reference, of p = softmax(E C^T + b).

    Logits are not stored: one pass over tiles as in `linear_cross_entropy`, and one backward for the gradients of all
    four, which is what policy gradients with an entropy bonus and a KL penalty need. The entropy and the divergence are
    summed relative to the largest logit, so large logits cost no digits.

    Args:
        hidden: vectors E of the tokens, shape (..., d).
        embedding: of the vocabulary, C, one row an entry, shape (v, d); with `axis_name` this device's rows.
        labels: integers in [0, v) of shape (...).
        reference_hidden: vectors that the reference q is computed from, shape (..., e).
        reference_embedding: of the reference, shape (v, e).
        bias: b, shape (v,).
        reference_bias: of the reference, shape (v,).
        softcap: s of the cap s tanh(. / s), of both heads; None for no cap.
        where: which labels count, broadcastable to (...). The others give 0 and no gradient.
        ignore_index: a label that does not count; None if there is none.
        shift: hidden vectors at t predict labels at t + shift of the last axis of labels.
        token_block: tokens of a tile; None for 1024, or 8192 on a GPU.
        vocab_block: vocabulary entries of a tile; None for 1024, or 4096 on a GPU.
        accumulation: of gradients over blocks: sums in "float32" (float64 for float64 inputs), or "kahan", the same
            compensated, for more blocks than digits.
        axis_name: mesh axis over which the vocabulary is split, see `linear_cross_entropy`.

    Returns:
        The statistics, each of shape (...), the last axis shorter by `shift`; float32 for inputs of lower precision.

    Raises:
        ValueError: a shape does not fit, a label is out of range, or one of the reference's arrays is missing.
        TypeError: labels are not integers, or where is not boolean.

    Differentiable in hidden, embedding, bias and those of the reference in reverse mode, and forward over reverse; not
    in forward mode alone. Hold the reference with `jax.lax.stop_gradient` if it is not trained.
    """
    given = tokens(hidden, embedding, labels, bias, where, ignore_index, shift, axis_name)
    options = options_of(given, softcap, token_block, vocab_block, accumulation)
    heads = (given.head, *reference(given, reference_hidden, reference_embedding, reference_bias, shift))
    if given.counted.size == 0:
        nothing = given.nothing()
        return LinearSoftmaxStatistics(nothing, nothing, nothing, nothing if len(heads) > 1 else None)
    found = statistics(options, heads, given.labels, given.counted)
    if axis_name is not None:
        found = _joined_statistics(found, axis_name)
    log_p, *log_q = found.means
    return given.finish(
        LinearSoftmaxStatistics(
            found.target - found.normalizers[0], found.normalizers[0], -log_p, log_p - log_q[0] if log_q else None
        ),
    )


def linear_softmax_cross_entropy_loss(
    x: Real[ArrayLike, "b h"],
    labels: Int[ArrayLike, "b"],
    weights: Real[ArrayLike, "h v"],
    *,
    reduction: Literal["sum", "mean", "none"] = "sum",
    precision: None = None,
    implementation: Literal["chunked_xla"] | None = None,
) -> Float[Array, "..."]:
    """`linear_cross_entropy` called as tokamax calls its own: weights are (h, v), and losses are summed by default.

    Args:
        x: vectors of the tokens, shape (b, h).
        labels: integers in [0, v), shape (b,); none is ignored.
        weights: of the vocabulary, one column an entry, shape (h, v). Keep them as (v, h) and call
            `linear_cross_entropy` where a transposed copy of them is too much.
        reduction: "sum" or "mean" over all tokens, or "none".
        precision: None; that of products is set by `jax.default_matmul_precision`.
        implementation: None or "chunked_xla", which is what this is.

    Returns:
        The loss in nats, without axes or of shape (b,).

    Raises:
        ValueError: a shape does not fit, a label is out of range, or an option is not one of those above.
        TypeError: labels are not integers.

    Differentiable in x and weights in reverse mode, and forward over reverse. Source: arXiv 2411.09009.
    """
    _checks.require_option("reduction", reduction, ("sum", "mean", "none"))
    _checks.require_option("precision", precision, (None,))
    _checks.require_option("implementation", implementation, (None, "chunked_xla"))
    x, weights = _checks.as_floats(x=x, weights=weights)
    _checks.require_ndim("x", x, 2, "(b, h)")
    _checks.require_ndim("weights", weights, 2, "(h, v)")
    loss = linear_cross_entropy(x, weights.T, labels, ignore_index=None)
    return loss if reduction == "none" else jnp.sum(loss) if reduction == "sum" else jnp.mean(loss)


# ------------------------------------------------------------------------------------------------- vocabulary in parts


def _joined(normalizer: Array, axis_name: str) -> Array:
    """The log-normaliser over the parts of the vocabulary that the devices of a mesh axis hold."""
    largest = jax.lax.pmax(jax.lax.stop_gradient(normalizer), axis_name)
    return largest + jnp.log(jax.lax.psum(jnp.exp(normalizer - largest), axis_name))


def _joined_statistics(part: Statistics, axis_name: str) -> Statistics:
    """Statistics over the parts: a part has the weight of its probability under p."""
    normalizers = tuple(_joined(each, axis_name) for each in part.normalizers)
    weight = jnp.exp(part.normalizers[0] - normalizers[0])
    means = tuple(
        jax.lax.psum(weight * (mean + own - whole), axis_name)
        for mean, own, whole in zip(part.means, part.normalizers, normalizers, strict=True)
    )
    return Statistics(jax.lax.psum(part.target, axis_name), normalizers, means)
