"""A matrix of logits in tiles of tokens by vocabulary, of which one at a time is in memory."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from entropax._typing import Array


class Window(NamedTuple):
    """One block of an axis: `size` entries, the last block moved back so that it is whole.

    Attributes:
        start: its first entry, or None where the entries are scattered.
        entries: indices of its entries, shape (size,).
        fresh: which of them belong to no block before.
    """

    start: Array | None
    entries: Array
    fresh: Array

    def take(self, x: Array) -> Array:
        """The block's rows of an array."""
        if self.start is None:
            return x.at[self.entries].get(mode="promise_in_bounds", unique_indices=True)
        return jax.lax.dynamic_slice_in_dim(x, self.start, self.entries.shape[0])

    def put(self, x: Array, rows: Array) -> Array:
        """The array with the block's rows replaced."""
        if self.start is None:
            return x.at[self.entries].set(rows, mode="promise_in_bounds", unique_indices=True)
        return jax.lax.dynamic_update_slice_in_dim(x, rows, self.start, 0)


def window(block: Array, size: int, length: int, order: Array | None = None) -> Window:
    """A block of an axis, whole without padding the arrays, which would copy them.

    Args:
        block: its number.
        size: entries of a block.
        length: of the axis.
        order: a permutation in whose order the axis is cut; None for its own.
    """
    start = jnp.minimum(block * size, length - size)
    places = start + jnp.arange(size, dtype=start.dtype)
    fresh = places >= block * size
    if order is None:
        return Window(start, places, fresh)
    return Window(None, jax.lax.dynamic_slice_in_dim(order, start, size), fresh)


def num_blocks(size: int, length: int) -> int:
    """Blocks that cover an axis."""
    return -(-length // size)


def accumulator_dtype(x: Array) -> jnp.dtype:
    """The dtype of logits and sums: float32 where that of `x` is narrower."""
    return jnp.dtype(jnp.float32) if jnp.finfo(x.dtype).bits < 32 else x.dtype


def product(x: Array, y: Array, contract: tuple[int, int]) -> Array:
    """A matrix product of the precision of `y`, accumulated in float32 or wider.

    Args:
        x: first factor, rounded to the dtype of `y`, in which hardware multiplies.
        y: second factor.
        contract: the axis of each that is summed over.
    """
    dimensions = (((contract[0],), (contract[1],)), ((), ()))
    return jax.lax.dot_general(x.astype(y.dtype), y, dimensions, preferred_element_type=accumulator_dtype(y))


def tile_logits(hidden: Array, embedding: Array, bias: Array | None, softcap: float | None) -> Array:
    """Logits of a tile: E C^T + b, capped as s tanh(. / s)."""
    return capped(plus_bias(product(hidden, embedding, (1, 1)), bias), softcap)


def plus_bias(logits: Array, bias: Array | None) -> Array:
    """Logits with the bias of every column."""
    return logits if bias is None else logits + bias.astype(logits.dtype)[(None,) * (logits.ndim - 1)]


def capped(logits: Array, softcap: float | None) -> Array:
    """s tanh(logits / s)."""
    return logits if softcap is None else softcap * jnp.tanh(logits / softcap)


def cap_slope(logits: Array, softcap: float) -> Array:
    """Derivative of the cap where it has these values: 1 - (logits / s)^2."""
    return 1 - (logits / softcap) ** 2


class Sum(NamedTuple):
    """A running sum, with the part that rounding took off it where it is compensated.

    Attributes:
        total: the sum.
        lost: what is to be added yet, or None.
    """

    total: Array
    lost: Array | None


def empty_sum(shape: tuple[int, ...], dtype: jnp.dtype, compensated: bool, like: Array) -> Sum:
    """A sum of nothing; `like` is an array of the same mesh axes."""
    zeros = alike(jnp.zeros(shape, dtype), like)
    return Sum(zeros, zeros if compensated else None)


def add(running: Sum, term: Array) -> Sum:
    """Adds a term; compensated, by Kahan's sum with the exact error of an addition (2Sum)."""
    if running.lost is None:
        return Sum(running.total + term.astype(running.total.dtype), None)
    dtype = running.total.dtype
    total, term = rounded(running.total, dtype), rounded(rounded(term, dtype) + rounded(running.lost, dtype), dtype)
    new = rounded(total + term, dtype)
    kept = rounded(new - term, dtype)
    gained = rounded(new - kept, dtype)
    lost = rounded(rounded(total - kept, dtype) + rounded(term - gained, dtype), dtype)
    return Sum(new.astype(dtype), lost.astype(dtype))


def rounded(x: Array, dtype: jnp.dtype) -> Array:
    """A number of `dtype` in at least float32: said so that a compiler may not keep more digits, which would undo 2Sum."""
    format = jnp.finfo(dtype)
    return jax.lax.reduce_precision(x.astype(jnp.promote_types(dtype, jnp.float32)), format.nexp, format.nmant)


def add_rows(running: Sum, rows: Window, term: Array) -> Sum:
    """Adds a term to the rows of a block."""
    part = add(jax.tree.map(rows.take, running), term)
    return jax.tree.map(rows.put, running, part)


def alike(x: Array, *others: Array) -> Array:
    """`x`, made to vary over every mesh axis of a surrounding `shard_map` that one of the others varies over.

    A choice between two equal zeros varies as what it is chosen by, and a compiler removes it. Where `x` did not vary, a
    gradient of it is summed over those axes.
    """
    zero = jnp.zeros((), x.dtype)
    for other in others:
        first = jax.lax.stop_gradient(other).reshape(-1)[0]
        zero = jnp.where(first == first, zero, zero)
    return x + zero
