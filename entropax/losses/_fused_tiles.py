"""A matrix of logits in tiles of tokens by vocabulary, of which one at a time is in memory."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp

from entropax._typing import Array

T = TypeVar("T")


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
        by_mean_logit: whether the vocabulary is cut into blocks in the order of its mean logits.
        kernel: whether both passes are the kernels for GPUs.
    """

    token_block: int
    vocabulary_block: int
    softcap: float | None = None
    skipping: bool = False
    filter_eps: float | None = None
    filter_hidden: bool = True
    filter_embedding: bool = True
    compensated: bool = False
    by_mean_logit: bool = False
    kernel: bool = False

    @property
    def filtering(self) -> bool:
        """Whether any gradient is filtered."""
        return self.filter_eps is not None and (self.filter_hidden or self.filter_embedding)


class Table(NamedTuple):
    """What a linear softmax knows of the vocabulary; also gradients by it, and their sums.

    Attributes:
        embedding: shape (v, d).
        bias: shape (v,), or None.
    """

    embedding: Any
    bias: Any


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
        block: its number; past the last, no entry is fresh.
        size: entries of a block.
        length: of the axis.
        order: a permutation in whose order the axis is cut; None for its own.
    """
    if length % size == 0:  # said so that a compiler sees how blocks are aligned
        start = jnp.minimum(block, length // size - 1) * size
    else:
        start = jnp.minimum(block * size, length - size)
    places = start + jnp.arange(size, dtype=start.dtype)
    fresh = places >= block * size
    if order is None:
        return Window(start, places, fresh)
    return Window(None, jax.lax.dynamic_slice_in_dim(order, start, size), fresh)


class Inputs(NamedTuple):
    """The arrays of both passes.

    Attributes:
        hidden: shape (n, d).
        table: of the vocabulary.
        labels: shape (n,); outside [0, v) where another device holds the label.
        counted: which tokens count, shape (n,); those that do stand in front where blocks are skipped.
        order: in which the vocabulary is cut into blocks, shape (v,), or None.
    """

    hidden: Array
    table: Table
    labels: Array
    counted: Array
    order: Array | None

    def rows(self, block: Array, options: Options) -> Window:
        """A block of tokens."""
        return window(block, options.token_block, self.hidden.shape[0])

    def columns(self, block: Array, options: Options) -> Window:
        """A block of the vocabulary."""
        return window(block, options.vocabulary_block, self.table.embedding.shape[0], self.order)

    def row_blocks(self, options: Options) -> Array:
        """Numbers of the blocks of tokens."""
        return jnp.arange(num_blocks(options.token_block, self.hidden.shape[0]), dtype=jnp.int32)

    def column_blocks(self, options: Options) -> Array:
        """Numbers of the blocks of the vocabulary."""
        return jnp.arange(num_blocks(options.vocabulary_block, self.table.embedding.shape[0]), dtype=jnp.int32)


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


def tile_logits(hidden: Array, table: Table, softcap: float | None) -> Array:
    """Logits of a tile: E C^T + b, capped as s tanh(. / s)."""
    logits = product(hidden, table.embedding, (1, 1))
    return capped(logits if table.bias is None else logits + table.bias.astype(logits.dtype)[None], softcap)


def hidden_gradient(slopes: Array, table: Table) -> Array:
    """What a tile adds to the gradient by the hidden vectors: G C.

    Args:
        slopes: gradient by the logits before the cap.
        table: of the tile's vocabulary.
    """
    return product(slopes, table.embedding, (1, 0))


def table_gradient(slopes: Array, hidden: Array, table: Table) -> Table:
    """What a tile adds to the gradient by the table, transposed: E^T G, and the sum of G over tokens.

    Args:
        slopes: gradient by the logits before the cap.
        hidden: vectors of the tile's tokens. As the first factor they are what is transposed in memory, being small:
            G^T E takes twice as long on a CPU.
        table: says whether there is a bias.
    """
    by_embedding = product(hidden, slopes.astype(hidden.dtype), (0, 0))
    return Table(by_embedding, None if table.bias is None else jnp.sum(slopes, axis=0))


def target_logit(hidden: Array, table: Table, labels: Array, softcap: float | None) -> Array:
    """The logit of every token's label as an indexed product; zero where the label is not in the vocabulary here."""
    v, dtype = table.embedding.shape[0], accumulator_dtype(hidden)
    here, labels = (labels >= 0) & (labels < v), jnp.clip(labels, 0, v - 1)
    logits = jnp.sum(hidden.astype(dtype) * table.embedding[labels].astype(dtype), axis=1)
    if table.bias is not None:
        logits = logits + table.bias[labels].astype(dtype)
    return jnp.where(here, capped(logits, softcap), 0)


def capped(logits: Array, softcap: float | None) -> Array:
    """s tanh(logits / s)."""
    return logits if softcap is None else softcap * jnp.tanh(logits / softcap)


def cap_slope(logits: Array, softcap: float) -> Array:
    """Derivative of the cap where it has these values: 1 - (logits / s)^2."""
    return 1 - (logits / softcap) ** 2


def counted_first(counted: Array) -> tuple[Array, Array]:
    """A permutation that puts those that count in front, so that whole blocks have nothing to do, and its inverse."""
    front = jnp.argsort(~counted, stable=True).astype(jnp.int32)
    back = jnp.zeros_like(front).at[front].set(jnp.arange(front.size, dtype=front.dtype), unique_indices=True)
    return front, back


class Sum(NamedTuple):
    """A running sum, with the part that rounding took off it where it is compensated.

    Attributes:
        total: the sum.
        lost: what is to be added yet, in float32 or wider, or None.
    """

    total: Array
    lost: Array | None


def empty_sums(table: Table, compensated: bool) -> Table:
    """Sums of nothing for the transposed gradient by a table."""
    return jax.tree.map(lambda x: empty_sum(x.T, compensated), table)


def empty_sum(x: Array, compensated: bool) -> Sum:
    """A sum of nothing in float32 or wider for the gradient by an array."""
    zeros = alike(jnp.zeros_like(x, dtype=accumulator_dtype(x)), x)
    return Sum(zeros, zeros if compensated else None)


def add(running: Sum, term: Array) -> Sum:
    """Adds a term; compensated, by Kahan's sum with the exact error of an addition (2Sum) in float32 or wider."""
    if running.lost is None:
        return Sum(running.total + term.astype(running.total.dtype), None)
    dtype, wide = running.total.dtype, running.lost.dtype
    total, term = running.total.astype(wide), term.astype(wide) + running.lost
    new = total + term
    if dtype != wide:  # said so that a compiler may not keep the digits that a conversion takes off
        new = jax.lax.reduce_precision(new, jnp.finfo(wide).nexp, jnp.finfo(dtype).nmant)
    kept = new - term
    return Sum(new.astype(dtype), (total - kept) + (term - (new - kept)))


def add_rows(running: Sum, rows: Window, term: Array) -> Sum:
    """Adds a term to the rows of a block."""
    part = add(jax.tree.map(rows.take, running), term)
    return jax.tree.map(rows.put, running, part)


def add_all(sums: Table, terms: Table) -> Table:
    """Adds a term to every sum."""
    return jax.tree.map(add, sums, terms, is_leaf=lambda x: isinstance(x, Sum))


def merged(columns: Window, whole: Table, block: Table) -> Table:
    """A gradient by the table with the transposed sums of a block in it; what is not fresh there is zero."""
    put = lambda x, part: columns.put(x, columns.take(x) + part.total.T.astype(x.dtype))  # noqa: E731
    return jax.tree.map(put, whole, block)


def alike(x: Array, *others: Array) -> Array:
    """`x`, made to vary over every mesh axis of a surrounding `shard_map` that one of the others varies over.

    A choice between two equal zeros varies as what it is chosen by, and a compiler removes it. Where `x` did not vary,
    a gradient of it is summed over those axes.
    """
    zero = jnp.zeros((), x.dtype)
    for other in others:
        first = jax.lax.stop_gradient(other).reshape(-1)[0]
        zero = jnp.where(first == first, zero, zero)
    return x + zero


def zeros_of(compute: Callable[[], T], *, like: Array) -> T:
    """Zeros in place of what a function returns, varying over mesh axes as `like` does."""
    return jax.tree.map(lambda x: alike(jnp.zeros(x.shape, x.dtype), like), jax.eval_shape(compute))


def unless_idle(
    options: Options, counted: Array, rows: Window, tile: Callable[[], T], nothing: Callable[[], T] | None = None
) -> T:
    """What a tile gives, or what nothing gives (zeros by default) where no token of its block counts."""
    if not options.skipping:
        return tile()
    return jax.lax.cond(rows.take(counted)[0], tile, nothing or (lambda: zeros_of(tile, like=counted)))
