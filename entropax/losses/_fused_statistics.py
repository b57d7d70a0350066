"""Statistics of a linear softmax p without its logits: normaliser, target, and means under p of log-probabilities.

One pass carries for every token, of each head k with logits L_k (those of p are L_0) and its largest m_k so far,

    s_k = sum exp(L_k - m_k)  and  c_k = sum exp(L_0 - m_0) (L_k - m_k).

Then log sum exp L_k = m_k + log s_k, and the mean under p of log softmax L_k is c_k / s_0 - log s_k: minus the entropy
for k = 0, minus the cross-entropy else. Sums of centred logits lose no digits where logits are large. The backward pass
computes every tile again.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from entropax._typing import Array
from entropax.losses._fused_tiles import (
    Options,
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
    num_blocks,
    table_gradient,
    target_logit,
    tile_logits,
    unless_idle,
    window,
)


class Head(NamedTuple):
    """A linear softmax and what it is applied to; also gradients by it, and their sums.

    Attributes:
        hidden: shape (n, d).
        table: of the vocabulary.
    """

    hidden: Any
    table: Table


class Moments(NamedTuple):
    """The running sums of one head, shape (n,): m_k, s_k and c_k."""

    largest: Array
    total: Array
    centred: Array


class Statistics(NamedTuple):
    """Of every token, shape (n,), over the part of the vocabulary that is here.

    Attributes:
        target: logit of the label; zero where the label is not here.
        normalizers: log sum exp L_k of every head.
        means: of log softmax L_k under p, for every head.
    """

    target: Array
    normalizers: tuple[Array, ...]
    means: tuple[Array, ...]


@functools.partial(jax.jit, static_argnums=0)
def statistics(options: Options, heads: tuple[Head, ...], labels: Array, counted: Array) -> Statistics:
    """Statistics of every token that counts, zero elsewhere.

    Args:
        options: what is static; nothing is filtered here.
        heads: that of p, and any others over the same vocabulary.
        labels: shape (n,); outside [0, v) where another device holds the label.
        counted: which tokens count, shape (n,).
    """
    arrays = jax.tree.leaves((heads, labels, counted))
    heads, labels, counted = jax.tree.map(lambda x: alike(x, *arrays), (heads, labels, counted))
    if not options.skipping:
        return _passes(options, heads, labels, counted)
    front, back = counted_first(counted)
    heads = tuple(head._replace(hidden=head.hidden[front]) for head in heads)
    return jax.tree.map(lambda x: x[back], _passes(options, heads, labels[front], counted[front]))


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _passes(options: Options, heads: tuple[Head, ...], labels: Array, counted: Array) -> Statistics:
    return _forward(options, heads, labels, counted)


def _forward_rule(options: Options, heads: tuple[Head, ...], labels: Array, counted: Array) -> tuple[Statistics, tuple]:
    found = _forward(options, heads, labels, counted)
    return found, (heads, labels, counted, found)


def _blocks(options: Options, heads: tuple[Head, ...]) -> tuple[Array, Array]:
    """Numbers of the blocks of the vocabulary and of tokens."""
    n, v = heads[0].hidden.shape[0], heads[0].table.embedding.shape[0]
    sizes = num_blocks(options.vocabulary_block, v), num_blocks(options.token_block, n)
    return jnp.arange(sizes[0], dtype=jnp.int32), jnp.arange(sizes[1], dtype=jnp.int32)


def _columns(options: Options, heads: tuple[Head, ...], block: Array) -> tuple[Window, tuple[Head, ...]]:
    """A block of the vocabulary, and the heads with that part of their tables."""
    columns = window(block, options.vocabulary_block, heads[0].table.embedding.shape[0])
    return columns, tuple(head._replace(table=jax.tree.map(columns.take, head.table)) for head in heads)


def _rows(options: Options, heads: tuple[Head, ...], block: Array) -> tuple[Window, tuple[Head, ...]]:
    """A block of tokens, and the heads with their hidden vectors."""
    rows = window(block, options.token_block, heads[0].hidden.shape[0])
    return rows, tuple(head._replace(hidden=rows.take(head.hidden)) for head in heads)


# -------------------------------------------------------------------------------------------------------- forward pass


def _forward(options: Options, heads: tuple[Head, ...], labels: Array, counted: Array) -> Statistics:
    moments = _moments(options, heads, counted)
    totals = [jnp.where(counted, each.total, 1) for each in moments]
    found = Statistics(
        target_logit(*heads[0], labels, options.softcap),
        tuple(each.largest + jnp.log(total) for each, total in zip(moments, totals, strict=True)),
        tuple(each.centred / totals[0] - jnp.log(total) for each, total in zip(moments, totals, strict=True)),
    )
    return jax.tree.map(lambda x: jnp.where(counted, x, 0), found)


def _moments(options: Options, heads: tuple[Head, ...], counted: Array) -> tuple[Moments, ...]:
    column_blocks, row_blocks = _blocks(options, heads)

    def over_vocabulary(moments: tuple[Moments, ...], block: Array) -> tuple[tuple[Moments, ...], None]:
        columns, parts = _columns(options, heads, block)

        def over_tokens(moments: tuple[Moments, ...], block: Array) -> tuple[tuple[Moments, ...], None]:
            rows, tiles = _rows(options, parts, block)
            before = jax.tree.map(rows.take, moments)

            def tile() -> tuple[Moments, ...]:
                logits = [tile_logits(*part, options.softcap) for part in tiles]
                return _joined(before, [jnp.where(columns.fresh[None], each, -jnp.inf) for each in logits])

            after = unless_idle(options, counted, rows, tile, lambda: before)
            after = jax.tree.map(lambda new, old: jnp.where(rows.fresh, new, old), after, before)
            return jax.tree.map(rows.put, moments, after), None

        return jax.lax.scan(over_tokens, moments, row_blocks)

    hidden = heads[0].hidden
    dtype = accumulator_dtype(hidden)
    smallest = alike(jnp.full(hidden.shape[0], jnp.finfo(dtype).min, dtype), hidden)
    nothing = Moments(smallest, jnp.zeros_like(smallest), jnp.zeros_like(smallest))
    return jax.lax.scan(over_vocabulary, (nothing,) * len(heads), column_blocks)[0]


def _joined(before: tuple[Moments, ...], logits: list[Array]) -> tuple[Moments, ...]:
    """The sums with a tile's columns added, all relative to the new largest logits, on which no result depends."""
    highest = [jax.lax.stop_gradient(jnp.max(each, axis=1)) for each in logits]
    largest = [jnp.maximum(old.largest, new) for old, new in zip(before, highest, strict=True)]
    weights = jnp.exp(logits[0] - largest[0][:, None])
    joined = []
    for old, new, each in zip(before, largest, logits, strict=True):
        fall, centred = old.largest - new, each - new[:, None]
        total = old.total * jnp.exp(fall) + jnp.sum(jnp.exp(centred), axis=1)
        moved = (old.centred + fall * before[0].total) * jnp.exp(before[0].largest - largest[0])
        mean = jnp.sum(weights * jnp.where(weights > 0, centred, 0), axis=1)
        joined.append(Moments(new, total, moved + mean))
    return tuple(joined)


# ------------------------------------------------------------------------------------------------------- backward pass


def _backward_rule(options: Options, kept: tuple, upstream: Statistics) -> tuple:
    heads, labels, counted, found = kept
    # A token that does not count has no probabilities, whatever its logits.
    found = found._replace(normalizers=tuple(jnp.where(counted, each, jnp.inf) for each in found.normalizers))
    column_blocks, row_blocks = _blocks(options, heads)

    def over_vocabulary(carry: tuple[Head, ...], block: Array) -> tuple[tuple[Head, ...], None]:
        columns, parts = _columns(options, heads, block)

        def over_tokens(sums: tuple[Head, ...], block: Array) -> tuple[tuple[Head, ...], None]:
            rows, tiles = _rows(options, parts, block)

            def tile() -> tuple[Head, ...]:
                logits = [tile_logits(*part, options.softcap) for part in tiles]
                chosen = columns.entries[None] == rows.take(labels)[:, None]
                here, above = jax.tree.map(lambda x: rows.take(x)[:, None], (found, upstream))
                slopes = _slopes(logits, chosen, here, above)
                inside = rows.fresh[:, None] & columns.fresh[None]
                if options.softcap is not None:
                    slopes = [slope * cap_slope(z, options.softcap) for slope, z in zip(slopes, logits, strict=True)]
                slopes = [jnp.where(inside, slope, 0) for slope in slopes]
                return tuple(
                    Head(hidden_gradient(slope, part.table), table_gradient(slope, *part))
                    for slope, part in zip(slopes, tiles, strict=True)
                )

            terms = unless_idle(options, counted, rows, tile)
            return tuple(
                Head(add_rows(total.hidden, rows, term.hidden), add_all(total.table, term.table))
                for total, term in zip(sums, terms, strict=True)
            ), None

        starts = tuple(
            Head(total.hidden, empty_sums(part.table, options.compensated))
            for total, part in zip(carry, parts, strict=True)
        )
        ends, _ = jax.lax.scan(over_tokens, starts, row_blocks)
        return tuple(
            Head(end.hidden, merged(columns, whole.table, end.table)) for whole, end in zip(carry, ends, strict=True)
        ), None

    carry = tuple(
        Head(empty_sum(head.hidden, options.compensated), jax.tree.map(jnp.zeros_like, head.table)) for head in heads
    )
    sums, _ = jax.lax.scan(over_vocabulary, carry, column_blocks)
    gradients = tuple(
        total._replace(hidden=total.hidden.total.astype(head.hidden.dtype))
        for total, head in zip(sums, heads, strict=True)
    )
    return gradients, None, None


def _slopes(logits: list[Array], chosen: Array, found: Statistics, upstream: Statistics) -> list[Array]:
    """Gradients of a tile by the logits of every head.

    With q_k = softmax L_k and l_k the mean of log q_k under p: d l_k / d L_k = p - q_k, and through the weights p,
    d l_k / d L_0 = p (log q_k - l_k) besides.
    """
    logs = [each - normalizer for each, normalizer in zip(logits, found.normalizers, strict=True)]
    p = jnp.exp(logs[0])
    slopes = []
    weighing = jnp.where(chosen, upstream.target, 0)
    for log_q, mean, by_normalizer, by_mean in zip(
        logs, found.means, upstream.normalizers, upstream.means, strict=True
    ):
        q = jnp.exp(log_q)
        slopes.append(by_normalizer * q + by_mean * (p - q))
        weighing = weighing + by_mean * p * (jnp.where(p > 0, log_q, 0) - mean)
    return [slopes[0] + weighing, *slopes[1:]]


_passes.defvjp(_forward_rule, _backward_rule)
