"""Cells that sort the discs, so that only near ones are asked for a collision."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from entropax._typing import Array

NOBODY = jnp.iinfo(jnp.int32).max
"""A free place in a cell."""


class Layout(NamedTuple):
    """What is static: which axes are periodic, the grid of cells, and the places in a cell.

    Attributes:
        periodic: by axis.
        grid: cells by axis; at least 3 along periodic axes, so that a neighbouring cell tells the image.
        capacity: discs that a cell has room for; None where all discs are candidates.
    """

    periodic: tuple[bool, bool]
    grid: tuple[int, int]
    capacity: int | None


class Room(NamedTuple):
    """Where centres may be, [lower, lower + extent], and the distance of contact."""

    lower: Array
    extent: Array
    diameter: Array


def cell_number(cell: Array, layout: Layout) -> Array:
    return cell[0] * layout.grid[1] + cell[1]


def neighbors(table: Array, cells: Array, layout: Layout) -> Array:
    """The discs in the cells at and around each of the given ones, shape (cells, 9 capacity)."""
    around = jnp.arange(-1, 2, dtype=jnp.int32)
    columns, rows = cells[:, :1] + around[None], cells[:, 1:] + around[None]
    columns, inside_x = _within(columns, layout.grid[0], layout.periodic[0])
    rows, inside_y = _within(rows, layout.grid[1], layout.periodic[1])
    number = columns[:, :, None] * layout.grid[1] + rows[:, None, :]
    number = jnp.where(inside_x[:, :, None] & inside_y[:, None, :], number, table.shape[0] - 1)
    return table[number].reshape(cells.shape[0], -1)


def _within(index: Array, count: int, periodic: bool) -> tuple[Array, Array]:
    return (jnp.mod(index, count), jnp.ones_like(index, bool)) if periodic else (index, (index >= 0) & (index < count))


class Rows(NamedTuple):
    """Two cells of the table and who is in them."""

    numbers: Array
    discs: Array


def rows_after_move(
    table: Array | None, disc: Array, before: Array, after: Array, layout: Layout
) -> tuple[Rows | None, Array]:
    """The cells that a disc leaves and enters, without and with it, and whether there was no place for it."""
    if table is None:
        return None, jnp.asarray(False)
    numbers = jnp.stack([cell_number(before, layout), cell_number(after, layout)])
    moves = numbers[0] != numbers[1]
    left, entered = (jax.lax.dynamic_index_in_dim(table, number, 0, keepdims=False) for number in numbers)
    places = jnp.arange(entered.size, dtype=jnp.int32)
    free = jnp.min(jnp.where(entered == NOBODY, places, entered.size))
    left = jnp.where(moves & (left == disc), NOBODY, left)
    entered = jnp.where(moves & (places == free), disc, entered)
    return Rows(numbers, jnp.stack([left, entered])), moves & (free == entered.size)


def with_rows(table: Array | None, rows: Rows | None) -> Array | None:
    if table is None or rows is None:
        return None
    for k in (0, 1):
        table = jax.lax.dynamic_update_index_in_dim(table, rows.discs[k], rows.numbers[k], 0)
    return table


def cells_of(positions: Array, room: Room, layout: Layout) -> Array:
    grid = jnp.array(layout.grid, jnp.int32)
    share = (positions - room.lower[None]) / room.extent[None]
    index = jnp.floor(share * grid[None].astype(share.dtype)).astype(jnp.int32)
    return jnp.clip(index, 0, grid[None] - 1)


def cell_table(cells: Array, layout: Layout, num: int) -> tuple[Array | None, Array]:
    """The discs of every cell, and whether one has too many."""
    if layout.capacity is None:
        return None, jnp.asarray(False)
    count = layout.grid[0] * layout.grid[1]
    number = cells[:, 0] * layout.grid[1] + cells[:, 1]
    order = jnp.argsort(number).astype(jnp.int32)
    ordered = number[order]
    place = jnp.arange(num, dtype=jnp.int32) - jnp.searchsorted(ordered, ordered).astype(jnp.int32)
    nobody = jnp.full((count + 1, layout.capacity), NOBODY, jnp.int32)
    return nobody.at[ordered, place].set(order, mode="drop"), jnp.any(place >= layout.capacity)
