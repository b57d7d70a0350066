"""The passes of `_fused_blocks` as Pallas kernels for GPUs, where tiles left out by gradient filtering cost nothing.

A program of the forward kernel holds the running maximum and sum of a block of tokens over its part of the vocabulary;
one of the backward kernel holds one tile, and adds to the gradients in global memory by atomic operations, so the order
of additions, and the last digits, differ between runs. A loop of XLA would launch kernels for every tile and condition.

Blocks of tokens come first in the grids, so that programs side by side read the same rows of the table. Blocks are
powers of two, as Triton wants them, and never stand over an edge (see `Window`), so no load is masked. On a CPU the
kernels are interpreted.

On an H100 (jax 0.11.2; 8,192 tokens of width 2,304, 256,000 entries, bfloat16) the forward pass takes 20 ms, where the
logits take 15. Value and gradients of predictions as peaked as a language model's take 59 ms filtered with blocks of
128, with the logits 50, by the scan 85; unfiltered 660, of which nearly all is waiting for atomic additions.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton

from entropax._typing import Array
from entropax.losses._fused_tiles import Inputs, Options, Table, Window, cap_slope, capped, num_blocks, product, window

SMALLEST_BLOCK = 16
"""Below it tensor cores have no products."""

WIDTH_BLOCK = 64
"""Entries of the vectors that are in registers at a time."""

NUM_WARPS, NUM_STAGES = 8, 3
"""Of a program, and tiles that its loops load ahead."""

NUM_PROGRAMS = 1024
"""Programs of the forward kernel at least, some for each multiprocessor of a large GPU."""


def forward(options: Options, inputs: Inputs) -> tuple[Array, Array, Array | None]:
    """Largest logit, sum of exp relative to it, and for filtering the largest logits but the target of every block.

    Args:
        options: what is static.
        inputs: the arrays.

    Returns:
        The first two of shape (n,), the third (blocks of the vocabulary, blocks of tokens, tokens of a block).
    """
    n, v = inputs.hidden.shape[0], inputs.table.embedding.shape[0]
    rows, columns = num_blocks(options.token_block, n), num_blocks(options.vocabulary_block, v)
    parts = min(columns, num_blocks(rows, NUM_PROGRAMS))
    depth = num_blocks(parts, columns)
    found = [jax.ShapeDtypeStruct((parts, n), jnp.float32)] * 2
    if options.filtering:
        found.append(jax.ShapeDtypeStruct((parts * depth, rows, options.token_block), jnp.float32))

    def kernel(inputs: Any, largest_ref: Any, total_ref: Any, others_ref: Any = None) -> None:
        block, part = pl.program_id(0), pl.program_id(1)
        rows = window(block, options.token_block, n)
        labels = inputs.labels[rows.entries]

        def over_vocabulary(step: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
            largest, total = carry
            block_of_columns = part * depth + step
            columns = _columns(block_of_columns, inputs, options)
            logits = jnp.where(columns.fresh[None], _logits(inputs, rows, columns, options), -jnp.inf)
            if others_ref is not None:
                others = jnp.where(columns.entries[None] == labels[:, None], -jnp.inf, logits)
                others_ref[block_of_columns, block, :] = jnp.max(others, axis=1)
            new = jnp.maximum(largest, jnp.max(logits, axis=1))
            return new, total * jnp.exp(largest - new) + jnp.sum(jnp.exp(logits - new[:, None]), axis=1)

        smallest = jnp.full((options.token_block,), jnp.finfo(jnp.float32).min, jnp.float32)
        largest, total = jax.lax.fori_loop(0, depth, over_vocabulary, (smallest, jnp.zeros_like(smallest)))
        largest_ref[part, rows.entries] = largest
        total_ref[part, rows.entries] = total

    largest, total, *others = _call(kernel, (rows, parts), found, inputs._replace(counted=None))
    whole = jnp.max(largest, axis=0)
    total = jnp.sum(total * jnp.exp(largest - whole[None]), axis=0)
    return whole, total, others[0][:columns] if others else None


def backward(
    options: Options, inputs: Inputs, normalizer: Array, keep: Array | None, upstream: tuple[Array, Array]
) -> tuple[Array, Table]:
    """Gradients by the hidden vectors and the table, in float32.

    Args:
        options: what is static.
        inputs: the arrays.
        normalizer: log-normaliser of every token, infinite where tokens do not count.
        keep: which tiles filtering keeps, shape (blocks of the vocabulary, blocks of tokens), or None for all.
        upstream: gradients by the log-normaliser and by the target logit, shape (n,).
    """
    n, v = inputs.hidden.shape[0], inputs.table.embedding.shape[0]
    grid = num_blocks(options.token_block, n), num_blocks(options.vocabulary_block, v)
    zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, jnp.float32), (inputs.hidden, inputs.table))
    # Triton keeps truth values in bytes only as numbers.
    busy = inputs.counted.astype(jnp.int32) if options.skipping else None
    keep = None if keep is None else keep.astype(jnp.int32)

    def kernel(given: Any, _: Any, by_hidden: Any, by_table: Table) -> None:
        inputs, normalizer, busy, keep, upstream = given
        rows = window(pl.program_id(0), options.token_block, n)
        columns = _columns(pl.program_id(1), inputs, options)
        kept = None if keep is None else keep[pl.program_id(1), pl.program_id(0)] != 0

        def tile() -> None:
            logits = _logits(inputs, rows, columns, options)
            chosen = columns.entries[None] == inputs.labels[rows.entries][:, None]
            by_normalizer, by_target = (x[rows.entries][:, None] for x in upstream)
            slopes = jnp.exp(logits - normalizer[rows.entries][:, None]) * by_normalizer
            slopes = jnp.where(chosen, slopes + by_target, slopes)
            if options.softcap is not None:
                slopes = slopes * cap_slope(logits, options.softcap)
            slopes = jnp.where(rows.fresh[:, None] & columns.fresh[None], slopes, 0)

            def over_width(block: Array, _: None) -> None:
                width = _width(block, inputs)

                def add_to_hidden() -> None:
                    part = product(slopes, _take(inputs.table.embedding, columns, width), (1, 0))
                    _add(by_hidden, rows, width, part)

                def add_to_embedding() -> None:
                    part = product(slopes.T, _take(inputs.hidden, rows, width), (1, 0))
                    _add(by_table.embedding, columns, width, part)

                _if(kept if options.filter_hidden else None, add_to_hidden)
                _if(kept if options.filter_embedding else None, add_to_embedding)

            jax.lax.fori_loop(0, _num_widths(inputs), over_width, None)

            def add_to_bias() -> None:
                triton.atomic_add(by_table.bias, (columns.entries,), jnp.sum(slopes, axis=0))

            if by_table.bias is not None:
                _if(kept if options.filter_embedding else None, add_to_bias)

        all_or_nothing = kept if options.filter_hidden and options.filter_embedding else None
        _if(None if busy is None else busy[rows.start] != 0, lambda: _if(all_or_nothing, tile))

    given = inputs._replace(counted=None), normalizer, busy, keep, upstream
    return _call(kernel, grid, zeros, given, zeros)


# ---------------------------------------------------------------------------------------------------- inside a kernel


def _columns(block: Array, inputs: Any, options: Options) -> Window:
    """A block of the vocabulary."""
    columns = window(block, options.vocabulary_block, inputs.table.embedding.shape[0])
    return columns if inputs.order is None else columns._replace(entries=inputs.order[columns.entries])


def _width(block: Array, inputs: Any) -> Window:
    """A block of the entries of vectors."""
    return window(block, _width_block(inputs), inputs.hidden.shape[1])


def _num_widths(inputs: Any) -> int:
    return num_blocks(_width_block(inputs), inputs.hidden.shape[1])


def _width_block(inputs: Any) -> int:
    return block_of("the width of hidden", None, inputs.hidden.shape[1])


def _take(matrix: Any, rows: Window, width: Window) -> Array:
    """Part of the rows of a matrix, zero where a block before has it."""
    return _fresh(matrix[rows.entries[:, None], width.entries[None]], width, matrix)


def _add(matrix: Any, rows: Window, width: Window, term: Array) -> None:
    """Adds to part of the rows of a matrix."""
    shape = term.shape
    at = jnp.broadcast_to(rows.entries[:, None], shape), jnp.broadcast_to(width.entries[None], shape)
    triton.atomic_add(matrix, at, _fresh(term, width, matrix))


def _fresh(part: Array, width: Window, matrix: Any) -> Array:
    """The part, zero where a block before has it; without a mask, which loads cannot be ahead of, where none has."""
    if matrix.shape[1] % width.entries.shape[0] == 0:
        return part
    return jnp.where(width.fresh[None], part, jnp.zeros((), part.dtype))


def _logits(inputs: Any, rows: Window, columns: Window, options: Options) -> Array:
    """Logits of a tile, a part of the width at a time."""

    def over_width(block: Array, logits: Array) -> Array:
        width = _width(block, inputs)
        hidden, embedding = _take(inputs.hidden, rows, width), _take(inputs.table.embedding, columns, width)
        return logits + product(hidden, embedding, (1, 1))

    start = jnp.zeros((options.token_block, options.vocabulary_block), jnp.float32)
    logits = jax.lax.fori_loop(0, _num_widths(inputs), over_width, start)
    if inputs.table.bias is not None:
        logits = logits + inputs.table.bias[columns.entries].astype(jnp.float32)[None]
    return capped(logits, options.softcap)


def _if(condition: Array | None, compute: Callable[[], None]) -> None:
    """Computes where a condition holds, or always without one."""
    if condition is None:
        compute()
    else:
        pl.when(condition)(compute)


# ----------------------------------------------------------------------------------------------------------- around it


def _call(kernel: Callable[..., None], grid: tuple[int, ...], results: Any, given: Any, sums: Any = None) -> Any:
    """Runs a kernel on its platform.

    Args:
        kernel: of the arguments and the results.
        grid: its programs.
        results: what it returns, as arrays or as shapes.
        given: its first argument.
        sums: its second argument, which becomes the results, if there is one.
    """
    arguments = (given,) if sums is None else (given, sums)
    first = len(jax.tree.leaves(given))
    shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), results)
    aliases = {first + i: i for i in range(len(jax.tree.leaves(sums)))}

    def run(*, interpret: bool) -> Callable[..., Any]:
        params = triton.CompilerParams(num_warps=NUM_WARPS, num_stages=NUM_STAGES)
        return pl.pallas_call(
            kernel, shapes, grid=grid, input_output_aliases=aliases, interpret=interpret, compiler_params=params
        )

    compiled = run(interpret=False)
    return jax.lax.platform_dependent(*arguments, cpu=run(interpret=True), cuda=compiled, rocm=compiled)


def block_of(name: str, given: int | None, length: int, usual: int = WIDTH_BLOCK) -> int:
    """A block's size: a power of two from 16 on, at most the axis.

    Args:
        name: of the argument.
        given: by the user, or None for the usual, or less where the axis is shorter.
        length: of the axis.
        usual: a power of two.

    Raises:
        ValueError: there is none, or what is given is not one.
    """
    if length < SMALLEST_BLOCK:
        raise ValueError(f"implementation 'pallas' needs at least {SMALLEST_BLOCK} entries for {name}, got {length}")
    if given is None:
        return min(usual, 1 << (length.bit_length() - 1))
    if given < SMALLEST_BLOCK or given & (given - 1) or given > length:
        raise ValueError(
            f"{name} must be a power of two from {SMALLEST_BLOCK} to {length} with implementation 'pallas', got {given}"
        )
    return given


def usual_block(dtype: jnp.dtype) -> int:
    """Tokens and entries of a block: of those that an H100 has the memory for, also in float32 at highest precision."""
    return 128 if jnp.finfo(dtype).bits < 32 else 64
