"""Log-normaliser and target logit of a linear softmax without its logits, forward and backward in tiles.

The forward pass keeps the log-normaliser alone (arXiv 2411.09009, algorithms 1 and 2); the backward pass computes every
tile again (algorithm 3). With gradient filtering the forward pass also keeps the largest logit of every token in every
block of the vocabulary: it says which tiles have no gradient worth adding before they are computed again, where the
paper computes them and then looks.
"""

import functools
from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp

from entropax._typing import Array
from entropax.losses import _fused_kernels
from entropax.losses._fused_tiles import (
    Inputs,
    Options,
    Sum,
    Table,
    Window,
    accumulator_dtype,
    add_all,
    add_rows,
    alike,
    cap_slope,
    counted_first,
    empty_sum,
    empty_sums,
    hidden_gradient,
    merged,
    table_gradient,
    target_logit,
    tile_logits,
    unless_idle,
    zeros_of,
)

T = TypeVar("T")


@functools.partial(jax.jit, static_argnums=0)
def normalizer_and_target(options: Options, inputs: Inputs) -> tuple[Array, Array]:
    """Log-normaliser log sum_j exp(A_ij) and target logit A_iy of every token, zero where tokens do not count.

    Args:
        options: what is static.
        inputs: the arrays.

    Returns:
        Both, shape (n,), float32 or wider. The target is zero where the label is not here.
    """
    arrays = jax.tree.leaves(inputs)
    inputs = jax.tree.map(lambda x: alike(x, *arrays), inputs)
    if options.by_mean_logit:
        inputs = inputs._replace(order=_by_mean_logit(inputs))
    if not options.skipping:
        return _passes(options, inputs)
    front, back = counted_first(inputs.counted)
    moved = {name: getattr(inputs, name)[front] for name in ("hidden", "labels", "counted")}
    return jax.tree.map(lambda x: x[back], _passes(options, inputs._replace(**moved)))


def _by_mean_logit(inputs: Inputs) -> Array:
    """The vocabulary by falling mean logit over the tokens that count: before the cap, that of their mean vector."""
    hidden, table = jax.lax.stop_gradient((inputs.hidden, inputs.table))
    mean = jnp.mean(hidden, axis=0, dtype=accumulator_dtype(hidden), where=inputs.counted[:, None], keepdims=True)
    return jnp.argsort(-tile_logits(mean, table, None)[0]).astype(jnp.int32)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _passes(options: Options, inputs: Inputs) -> tuple[Array, Array]:
    return _forward(options, inputs)[:2]


def _forward_rule(options: Options, inputs: Inputs) -> tuple[tuple[Array, Array], tuple]:
    normalizer, target, maxima = _forward(options, inputs)
    return (normalizer, target), (inputs, normalizer, target, maxima)


# -------------------------------------------------------------------------------------------------------- forward pass


def _forward(options: Options, inputs: Inputs) -> tuple[Array, Array, Array | None]:
    """Both outputs and, for filtering, the largest logit but the target of every token in every block."""
    largest, total, maxima = (_fused_kernels.forward if options.kernel else _sums)(options, inputs)
    normalizer = jnp.where(inputs.counted, largest + jnp.log(jnp.where(inputs.counted, total, 1)), 0)
    target = target_logit(inputs.hidden, inputs.table, inputs.labels, options.softcap)
    return normalizer, jnp.where(inputs.counted, target, 0), maxima


def _sums(options: Options, inputs: Inputs) -> tuple[Array, Array, Array | None]:
    """Largest logit, sum of exp relative to it, and the largest but the target in every block, of every token."""
    dtype = accumulator_dtype(inputs.hidden)
    n = inputs.hidden.shape[0]

    def over_vocabulary(carry: tuple[Array, Array], block: Array) -> tuple[tuple[Array, Array], Array | None]:
        columns = inputs.columns(block, options)
        table = jax.tree.map(columns.take, inputs.table)

        def over_tokens(carry: tuple[Array, Array], block: Array) -> tuple[tuple[Array, Array], Array | None]:
            rows = inputs.rows(block, options)
            largest, total = map(rows.take, carry)

            def tile() -> tuple[Array, Array, Array | None]:
                logits = tile_logits(rows.take(inputs.hidden), table, options.softcap)
                logits = jnp.where(columns.fresh[None], logits, -jnp.inf)
                # The maximum only keeps exp in range: the log-normaliser does not depend on it.
                new = jnp.maximum(largest, jax.lax.stop_gradient(jnp.max(logits, axis=1)))
                sums = total * jnp.exp(largest - new) + jnp.sum(jnp.exp(logits - new[:, None]), axis=1)
                return new, sums, _largest_of_others(logits, columns, rows.take(inputs.labels), options)

            def nothing() -> tuple[Array, Array, Array | None]:
                others = jnp.full_like(largest, -jnp.inf) if options.filtering else None
                return largest, total, others

            new, sums, others = unless_idle(options, inputs.counted, rows, tile, nothing)
            largest, total = jnp.where(rows.fresh, new, largest), jnp.where(rows.fresh, sums, total)
            return (rows.put(carry[0], largest), rows.put(carry[1], total)), others

        return jax.lax.scan(over_tokens, carry, inputs.row_blocks(options))

    smallest = alike(jnp.full(n, jnp.finfo(dtype).min, dtype), inputs.hidden)
    (largest, total), maxima = jax.lax.scan(
        over_vocabulary, (smallest, jnp.zeros_like(smallest)), inputs.column_blocks(options)
    )
    return largest, total, maxima


def _largest_of_others(logits: Array, columns: Window, labels: Array, options: Options) -> Array | None:
    if not options.filtering:
        return None
    return jnp.max(jnp.where(columns.entries[None] == labels[:, None], -jnp.inf, logits), axis=1)


# ------------------------------------------------------------------------------------------------------- backward pass


def _backward_rule(options: Options, kept: tuple, upstream: tuple[Array, Array]) -> tuple[Inputs]:
    inputs, normalizer, target, maxima = kept
    keep = None if maxima is None else kept_tiles(options, inputs, normalizer, target, maxima, upstream)
    # A token that does not count has no probabilities, whatever its logits.
    normalizer = jnp.where(inputs.counted, normalizer, jnp.inf)
    slopes = _fused_kernels.backward if options.kernel else _gradients
    found = slopes(options, inputs, normalizer, keep, upstream)
    by_hidden, by_table = jax.tree.map(lambda g, x: g.astype(x.dtype), found, (inputs.hidden, inputs.table))
    return (Inputs(by_hidden, by_table, None, None, None),)  # pyright: ignore[reportArgumentType]


def _gradients(
    options: Options, inputs: Inputs, normalizer: Array, keep: Array | None, upstream: tuple[Array, Array]
) -> tuple[Array, Table]:
    """Gradients by the hidden vectors and the table; the normaliser is infinite where tokens do not count."""

    def over_vocabulary(carry: tuple[Sum, Table], block: Array) -> tuple[tuple[Sum, Table], None]:
        columns = inputs.columns(block, options)
        table = jax.tree.map(columns.take, inputs.table)
        keep_of_rows = None if keep is None else keep[block]

        def over_tokens(sums: tuple[Sum, Table], block: Array) -> tuple[tuple[Sum, Table], None]:
            rows = inputs.rows(block, options)
            hidden = rows.take(inputs.hidden)
            kept = None if keep_of_rows is None else keep_of_rows[block]

            def tile() -> tuple[Array, Table]:
                logits = tile_logits(hidden, table, options.softcap)
                chosen = columns.entries[None] == rows.take(inputs.labels)[:, None]
                by_normalizer, by_target = (rows.take(g)[:, None] for g in upstream)
                slopes = jnp.exp(logits - rows.take(normalizer)[:, None]) * by_normalizer
                slopes = jnp.where(chosen, slopes + by_target, slopes)
                if options.softcap is not None:
                    slopes = slopes * cap_slope(logits, options.softcap)
                slopes = jnp.where(rows.fresh[:, None] & columns.fresh[None], slopes, 0)
                return (
                    _if(kept, options.filter_hidden, lambda: hidden_gradient(slopes, table)),
                    _if(kept, options.filter_embedding, lambda: table_gradient(slopes, hidden, table)),
                )

            if options.filter_hidden and options.filter_embedding and kept is not None:
                by_hidden, by_table = jax.lax.cond(kept, tile, lambda: zeros_of(tile, like=hidden))
            else:
                by_hidden, by_table = unless_idle(options, inputs.counted, rows, tile)
            return (add_rows(sums[0], rows, by_hidden), add_all(sums[1], by_table)), None

        starts = carry[0], empty_sums(table, options.compensated)
        (by_hidden, by_block), _ = jax.lax.scan(over_tokens, starts, inputs.row_blocks(options))
        return (by_hidden, merged(columns, carry[1], by_block)), None

    starts = empty_sum(inputs.hidden, options.compensated), jax.tree.map(jnp.zeros_like, inputs.table)
    (by_hidden, by_table), _ = jax.lax.scan(over_vocabulary, starts, inputs.column_blocks(options))
    return by_hidden.total, by_table


def _if(kept: Array | None, filtered: bool, compute: Callable[[], T]) -> T:
    """The result, or zeros where the tile is left out and this gradient is filtered."""
    if kept is None or not filtered:
        return compute()
    return jax.lax.cond(kept, compute, lambda: zeros_of(compute, like=kept))


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
    eps = 0.0 if options.filter_eps is None else options.filter_eps
    by_normalizer, by_target = (jnp.abs(g) for g in upstream)
    scale = jnp.maximum(by_normalizer, by_target)
    matters = (scale != 0) & inputs.counted
    slope_of_target = jnp.abs(jnp.exp(target - normalizer) * upstream[0] + upstream[1])
    # Not "at least": NaN is kept, so that it is seen.
    large_target = ~(slope_of_target < eps * scale) & matters
    entries = jax.vmap(lambda block: inputs.rows(block, options).entries)(inputs.row_blocks(options))
    per_block = (normalizer, by_normalizer, scale, matters, large_target, _block_of_labels(options, inputs))
    normalizer, by_normalizer, scale, matters, large_target, at = (x[entries] for x in per_block)

    def of_block(block: Array, maxima: Array) -> Array:
        large = ~(jnp.exp(maxima - normalizer) * by_normalizer < eps * scale) & matters
        return jnp.any(large | (large_target & (at == block)), axis=1)

    return jax.vmap(of_block)(inputs.column_blocks(options), maxima)


def _block_of_labels(options: Options, inputs: Inputs) -> Array:
    """The number of the block of the vocabulary that a label is in; -1 where the label is not here."""
    v = inputs.table.embedding.shape[0]
    labels = jnp.clip(inputs.labels, 0, v - 1)
    if inputs.order is not None:
        places = jnp.zeros_like(inputs.order).at[inputs.order].set(jnp.arange(v, dtype=inputs.order.dtype))
        labels = places[labels]
    return jnp.where((inputs.labels >= 0) & (inputs.labels < v), labels // options.vocabulary_block, -1)


_passes.defvjp(_forward_rule, _backward_rule)
