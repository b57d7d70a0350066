"""Log-normaliser and target logit of a linear softmax without its logits, forward and backward in tiles.

The forward pass keeps the log-normaliser alone (arXiv 2411.09009, algorithms 1 and 2); the backward pass computes every
tile again (algorithm 3). With gradient filtering the forward pass also keeps the largest logit of every token in every
block of the vocabulary: it says which tiles have no gradient worth adding before they are computed again, where the
paper computes them and then looks.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from entropax._typing import Array
from entropax.losses._fused_tiles import (
    Window,
    accumulator_dtype,
    add,
    add_rows,
    alike,
    cap_slope,
    capped,
    empty_sum,
    num_blocks,
    product,
    tile_logits,
    window,
)


class Options(NamedTuple):
    """What is static.

    Attributes:
        token_block: tokens of a tile, at most those there are.
        vocabulary_block: entries of the vocabulary of a tile, at most those there are.
        softcap: s of the cap, or None.
        skipping: whether blocks of tokens that do not count are left out.
        filter_eps: gradients of logits, for a unit gradient of the loss, that may be left out; None for none.
        filter_hidden: whether the gradient of the hidden vectors is filtered.
        filter_embedding: whether that of the embedding and the bias is.
        compensated: whether gradients are accumulated by Kahan's sum in their own dtype, or else in float32.
    """

    token_block: int
    vocabulary_block: int
    softcap: float | None = None
    skipping: bool = False
    filter_eps: float | None = None
    filter_hidden: bool = True
    filter_embedding: bool = True
    compensated: bool = False

    @property
    def filtering(self) -> bool:
        """Whether any gradient is filtered."""
        return self.filter_eps is not None and (self.filter_hidden or self.filter_embedding)


class Inputs(NamedTuple):
    """The arrays of both passes.

    Attributes:
        hidden: shape (n, d).
        embedding: shape (v, d).
        bias: shape (v,), or None.
        labels: shape (n,); outside [0, v) where another device holds the label.
        counted: which tokens count, shape (n,); those that do stand in front where blocks are skipped.
        order: in which the vocabulary is cut into blocks, shape (v,), or None.
    """

    hidden: Array
    embedding: Array
    bias: Array | None
    labels: Array
    counted: Array
    order: Array | None

    def rows(self, block: Array, options: Options) -> Window:
        """A block of tokens."""
        return window(block, options.token_block, self.hidden.shape[0])

    def columns(self, block: Array, options: Options) -> Window:
        """A block of the vocabulary."""
        return window(block, options.vocabulary_block, self.embedding.shape[0], self.order)

    def row_blocks(self, options: Options) -> Array:
        """Numbers of the blocks of tokens."""
        return jnp.arange(num_blocks(options.token_block, self.hidden.shape[0]))

    def column_blocks(self, options: Options) -> Array:
        """Numbers of the blocks of the vocabulary."""
        return jnp.arange(num_blocks(options.vocabulary_block, self.embedding.shape[0]))


@functools.partial(jax.jit, static_argnums=0)
def normalizer_and_target(options: Options, inputs: Inputs) -> tuple[Array, Array]:
    """Log-normaliser log sum_j exp(A_ij) and target logit A_iy of every token, zero where tokens do not count.

    Args:
        options: what is static.
        inputs: the arrays.

    Returns:
        Both, shape (n,), float32 or wider. The target is zero where the label is not here.
    """
    if not options.skipping:
        return _passes(options, inputs)
    # Those that count stand in front, so that whole blocks have nothing to do.
    front = jnp.argsort(~inputs.counted, stable=True)
    moved = {name: getattr(inputs, name)[front] for name in ("hidden", "labels", "counted")}
    back = jnp.zeros_like(front).at[front].set(jnp.arange(front.size, dtype=front.dtype), unique_indices=True)
    return jax.tree.map(lambda x: x[back], _passes(options, inputs._replace(**moved)))


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _passes(options: Options, inputs: Inputs) -> tuple[Array, Array]:
    return _forward(options, inputs)[:2]


def _forward_rule(options: Options, inputs: Inputs) -> tuple[tuple[Array, Array], tuple]:
    normalizer, target, maxima = _forward(options, inputs)
    return (normalizer, target), (inputs, normalizer, target, maxima)


# -------------------------------------------------------------------------------------------------------- forward pass


def _forward(options: Options, inputs: Inputs) -> tuple[Array, Array, Array | None]:
    """Both outputs, and the largest logit but the target of every token in every block of the vocabulary if filtering."""
    dtype = accumulator_dtype(inputs.hidden)
    n = inputs.hidden.shape[0]

    def over_vocabulary(carry: tuple[Array, Array], block: Array) -> tuple[tuple[Array, Array], Array | None]:
        columns = inputs.columns(block, options)
        embedding, bias = _take(columns, inputs)

        def over_tokens(carry: tuple[Array, Array], block: Array) -> tuple[tuple[Array, Array], Array | None]:
            rows = inputs.rows(block, options)
            largest, total = map(rows.take, carry)

            def tile() -> tuple[Array, Array, Array | None]:
                logits = tile_logits(rows.take(inputs.hidden), embedding, bias, options.softcap)
                logits = jnp.where(columns.fresh, logits, -jnp.inf)
                # The maximum only keeps exp in range: the log-normaliser does not depend on it.
                new = jnp.maximum(largest, jax.lax.stop_gradient(jnp.max(logits, axis=1)))
                sums = total * jnp.exp(largest - new) + jnp.sum(jnp.exp(logits - new[:, None]), axis=1)
                return new, sums, _largest_of_others(logits, columns, rows.take(inputs.labels), options)

            def nothing() -> tuple[Array, Array, Array | None]:
                others = jnp.full_like(largest, -jnp.inf) if options.filtering else None
                return largest, total, others

            new, sums, others = _unless_idle(options, inputs, rows, tile, nothing)
            largest, total = jnp.where(rows.fresh, new, largest), jnp.where(rows.fresh, sums, total)
            return (rows.put(carry[0], largest), rows.put(carry[1], total)), others

        return jax.lax.scan(over_tokens, carry, inputs.row_blocks(options))

    smallest = alike(jnp.full(n, jnp.finfo(dtype).min, dtype), inputs.hidden)
    (largest, total), maxima = jax.lax.scan(
        over_vocabulary, (smallest, jnp.zeros_like(smallest)), inputs.column_blocks(options)
    )
    normalizer = jnp.where(inputs.counted, largest + jnp.log(jnp.where(inputs.counted, total, 1)), 0)
    return normalizer, jnp.where(inputs.counted, _target(options, inputs), 0), maxima


def _largest_of_others(logits: Array, columns: Window, labels: Array, options: Options) -> Array | None:
    if not options.filtering:
        return None
    return jnp.max(jnp.where(columns.entries == labels[:, None], -jnp.inf, logits), axis=1)


def _target(options: Options, inputs: Inputs) -> Array:
    """A_iy as an indexed product."""
    v = inputs.embedding.shape[0]
    here = (inputs.labels >= 0) & (inputs.labels < v)
    labels = jnp.clip(inputs.labels, 0, v - 1)
    dtype = accumulator_dtype(inputs.hidden)
    logits = jnp.sum(inputs.hidden.astype(dtype) * inputs.embedding[labels].astype(dtype), axis=1)
    if inputs.bias is not None:
        logits = logits + inputs.bias[labels].astype(dtype)
    return jnp.where(here, capped(logits, options.softcap), 0)


def _take(columns: Window, inputs: Inputs) -> tuple[Array, Array | None]:
    return columns.take(inputs.embedding), None if inputs.bias is None else columns.take(inputs.bias)


def _unless_idle(options: Options, inputs: Inputs, rows: Window, tile, nothing):  # noqa: ANN001, ANN202
    """The tile, or nothing where no token of the block counts."""
    if not options.skipping:
        return tile()
    return jax.lax.cond(rows.take(inputs.counted)[0], tile, nothing)


# ------------------------------------------------------------------------------------------------------- backward pass


def _backward_rule(options: Options, kept: tuple, upstream: tuple[Array, Array]) -> tuple[Inputs]:
    inputs, normalizer, target, maxima = kept
    keep = None if maxima is None else kept_tiles(options, inputs, normalizer, target, maxima, upstream)
    # A token that does not count has no probabilities, whatever its logits.
    normalizer = jnp.where(inputs.counted, normalizer, jnp.inf)
    dtype = accumulator_dtype(inputs.hidden)
    own = inputs.hidden.dtype if options.compensated else dtype
    empty = functools.partial(empty_sum, dtype=own, compensated=options.compensated, like=inputs.hidden)
    size, d = options.vocabulary_block, inputs.hidden.shape[1]

    def over_vocabulary(carry: tuple, block: Array) -> tuple[tuple, None]:
        hidden_gradient, *embedding_gradients = carry
        columns = inputs.columns(block, options)
        embedding, bias = _take(columns, inputs)
        keep_of_rows = None if keep is None else keep[block]

        def over_tokens(carry: tuple, block: Array) -> tuple[tuple, None]:
            rows = inputs.rows(block, options)
            hidden = rows.take(inputs.hidden)
            kept = None if keep_of_rows is None else keep_of_rows[block]

            def tile() -> tuple[Array, Array, Array | None]:
                logits = tile_logits(hidden, embedding, bias, options.softcap)
                chosen = columns.entries == rows.take(inputs.labels)[:, None]
                by_normalizer, by_target = (rows.take(g)[:, None] for g in upstream)
                slopes = jnp.exp(logits - rows.take(normalizer)[:, None]) * by_normalizer
                slopes = jnp.where(chosen, slopes + by_target, slopes)
                if options.softcap is not None:
                    slopes = slopes * cap_slope(logits, options.softcap)
                slopes = jnp.where(rows.fresh[:, None] & columns.fresh, slopes, 0)
                by_hidden = _if(kept, options.filter_hidden, lambda: product(slopes, embedding, (1, 0)))
                by_embedding = _if(kept, options.filter_embedding, lambda: product(slopes.T, hidden, (1, 0)))
                by_bias = None if bias is None else _if(kept, options.filter_embedding, lambda: jnp.sum(slopes, axis=0))
                return by_hidden, by_embedding, by_bias

            nothing = lambda: jax.tree.map(lambda x: alike(jnp.zeros(x.shape, x.dtype), hidden), jax.eval_shape(tile))
            if options.filter_hidden and options.filter_embedding and kept is not None:
                terms = jax.lax.cond(kept, tile, nothing)
            else:
                terms = _unless_idle(options, inputs, rows, tile, nothing)
            by_hidden, by_embedding, by_bias = terms
            return (
                add_rows(carry[0], rows, by_hidden),
                add(carry[1], by_embedding),
                None if by_bias is None else add(carry[2], by_bias),
            ), None

        sums = (hidden_gradient, empty((size, d)), None if bias is None else empty((size,)))
        (hidden_gradient, *sums), _ = jax.lax.scan(over_tokens, sums, inputs.row_blocks(options))
        merge = lambda x, part: columns.put(x, columns.take(x) + part.total.astype(x.dtype))
        embedding_gradients = [
            None if x is None else merge(x, part) for x, part in zip(embedding_gradients, sums, strict=True)
        ]
        return (hidden_gradient, *embedding_gradients), None

    carry = (
        empty(inputs.hidden.shape),
        jnp.zeros_like(inputs.embedding),
        None if inputs.bias is None else jnp.zeros_like(inputs.bias),
    )
    (by_hidden, by_embedding, by_bias), _ = jax.lax.scan(over_vocabulary, carry, inputs.column_blocks(options))
    return (Inputs(by_hidden.total.astype(inputs.hidden.dtype), by_embedding, by_bias, None, None, None),)  # pyright: ignore[reportArgumentType]


def _if(kept: Array | None, filtered: bool, compute):  # noqa: ANN001, ANN202
    """The result, or zeros where the tile is left out and this gradient is filtered."""
    if kept is None or not filtered:
        return compute()
    zero = lambda: jnp.zeros_like(compute())
    return jax.lax.cond(kept, compute, zero)


def kept_tiles(
    options: Options, inputs: Inputs, normalizer: Array, target: Array, maxima: Array, upstream: tuple[Array, Array]
) -> Array:
    """Which tiles have a logit whose gradient reaches the threshold, shape (blocks of the vocabulary, of tokens).

    A gradient is judged for an upstream gradient of one: max |p_j - 1[j = y]| >= eps for cross-entropy.

    Args:
        options: what is static.
        inputs: the arrays.
        normalizer: of every token.
        target: target logit of every token.
        maxima: largest logit but the target, shape (blocks of the vocabulary, blocks of tokens, tokens of a block).
        upstream: gradients by the normaliser and by the target.
    """
    by_normalizer, by_target = upstream
    scale = jnp.maximum(jnp.abs(by_normalizer), jnp.abs(by_target))
    starts = jax.vmap(lambda block: inputs.rows(block, options).entries)(inputs.row_blocks(options))
    threshold = options.filter_eps * scale
    matters = (scale != 0) & inputs.counted
    # Not "at least": NaN is kept, so that it is seen.
    large = ~(jnp.exp(maxima - normalizer[starts]) * jnp.abs(by_normalizer)[starts] < threshold[starts])
    large = jnp.any(large & matters[starts], axis=2)
    slope_of_target = jnp.exp(target - normalizer) * by_normalizer + by_target
    large_target = ~(jnp.abs(slope_of_target) < threshold) & matters
    at = _block_of_labels(options, inputs)
    hit = (at[starts] == inputs.column_blocks(options)[:, None, None]) & large_target[starts]
    return large | jnp.any(hit, axis=2)


def _block_of_labels(options: Options, inputs: Inputs) -> Array:
    """The number of the block of the vocabulary that a label is in; -1 where the label is not here."""
    v = inputs.embedding.shape[0]
    labels = jnp.clip(inputs.labels, 0, v - 1)
    if inputs.order is not None:
        places = jnp.zeros_like(inputs.order).at[inputs.order].set(jnp.arange(v, dtype=inputs.order.dtype))
        labels = places[labels]
    return jnp.where((inputs.labels >= 0) & (inputs.labels < v), labels // options.vocabulary_block, -1)


_passes.defvjp(_forward_rule, _backward_rule)
