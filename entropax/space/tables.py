"""Tables of the pairs within a radius, for short-ranged forces between many particles."""

import itertools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real
from entropax.space.boxes import PeriodicBox, nearest_image


class NeighborTable(eqx.Module):
    """Pairs of particles that were within a radius of each other when the table was made, each pair once.

    Attributes:
        pairs: indices (i, j) of the pairs, shape (capacity, 2); entries past `count` are (0, 0).
        count: number of pairs found, which exceeds the capacity after an overflow.
        reference: positions at which it was made, shape (n, d).
        overflow: whether this table, or one that it was updated from, may have lost pairs: for want of capacity, or
            because positions were outside the box.
    """

    pairs: Int[Array, "capacity 2"]
    count: Int[Array, ""]
    reference: Float[Array, "n d"]
    overflow: Bool[Array, ""]

    @property
    def valid(self) -> Bool[Array, "capacity"]:
        """Which entries hold a pair."""
        return jnp.arange(self.pairs.shape[0], dtype=jnp.int32) < self.count


def cell_counts(box: PeriodicBox, radius: float) -> tuple[int, ...]:
    """How many cells no smaller than a radius fit along each axis of a box.

    Args:
        box: the space, concrete.
        radius: the least size of a cell, positive.

    Returns:
        One count an axis.

    Raises:
        ValueError: fewer than three cells fit along an axis, so that every particle is near every other.
    """
    extent = np.asarray(box.upper) - np.asarray(box.lower)
    counts = tuple(int(length // radius) for length in extent)
    if min(counts) < 3:
        raise ValueError(
            f"radius must be at most a third of the box, {extent / 3}, got {radius:g}: "
            "use all pairs in a box this small"
        )
    return counts


def neighbor_table(
    positions: Real[ArrayLike, "n d"],
    *,
    box: PeriodicBox,
    radius: float,
    cells: tuple[int, ...],
    capacity: int,
) -> NeighborTable:
    """All pairs within a radius, by sorting the particles into cells.

    Args:
        positions: shape (n, d), in the box.
        box: the space.
        radius: pairs at most so far apart are listed, in units of length.
        cells: cells along each axis, at least three each and none smaller than the radius, from `cell_counts`.
        capacity: room for so many pairs. One too small raises the flag `overflow`.

    Returns:
        The table. Memory and time are proportional to n times the mean number of neighbours.

    Raises:
        ValueError: shapes do not fit, a cell count is below three, a cell is smaller than the radius, or positions are
            outside the box. Under a transformation the last two raise the flag `overflow`.

    Piecewise constant: gradients do not pass. Distances recomputed from the pairs are differentiable.
    """
    x = _checks.as_float("positions", positions)
    _checks.require_ndim("positions", x, 2, "(n, d)")
    if len(cells) != x.shape[1] or min(cells) < 3:
        raise ValueError(f"cells must hold {x.shape[1]} counts of at least 3, got {cells}")
    _checks.require_integer("capacity", capacity, minimum=1)
    if not radius > 0:
        raise ValueError(f"radius must be positive, got {radius}")
    inside = _checks.Check(jnp.all(box.contains(x)), "positions must lie in the box", lambda: "some outside")
    _checks.validity(inside, _wide_enough(box, radius, tuple(cells)))
    return _build(x, box, float(radius), tuple(cells), capacity)


def _wide_enough(box: PeriodicBox, radius: float, cells: tuple[int, ...]) -> _checks.Check:
    """No cell is smaller than the radius, up to rounding: else pairs two cells apart would be missed."""
    with _checks.evaluated_now(box):
        sizes = box.extent / jnp.asarray(cells, box.extent.dtype)
        ok = jnp.all(sizes >= radius * (1 - _checks.sum_tolerance(sizes.dtype, 1)))
    return _checks.Check(ok, f"cells must be no smaller than the radius, {radius:g}", lambda: f"sizes {sizes}")


@eqx.filter_jit
def _build(positions: Array, box: PeriodicBox, radius: float, cells: tuple[int, ...], capacity: int) -> NeighborTable:
    x = jax.lax.stop_gradient(positions)
    n, d = x.shape
    counts = jnp.asarray(cells, jnp.int32)
    fraction = (x - box.lower.astype(x.dtype)[None]) / box.extent.astype(x.dtype)[None]
    coordinates = jnp.clip(jnp.floor(fraction * counts.astype(x.dtype)[None]).astype(jnp.int32), 0, counts[None] - 1)
    strides = jnp.asarray([math.prod(cells[:axis]) for axis in range(d)], jnp.int32)
    cell = coordinates @ strides
    order = _order(cell, math.prod(cells))
    sorted_x, sorted_coordinates, sorted_cell = x[order].T, coordinates[order], cell[order]
    occupancy = jax.ops.segment_sum(jnp.ones(n, jnp.int32), cell, math.prod(cells))
    start = jnp.concatenate([jnp.zeros(1, jnp.int32), jnp.cumsum(occupancy, dtype=jnp.int32)])

    # Every pair once: later particles of the own cell, and the cells on one side of it. What a particle may meet in a
    # cell is a run of the sorted particles, from `first` to before `last`.
    zero = (0,) * d
    forward = [o for o in itertools.product((-1, 0, 1), repeat=d) if o[::-1] > zero]
    own = jnp.arange(n, dtype=jnp.int32)
    others = jnp.stack(
        [((sorted_coordinates + jnp.asarray(o, jnp.int32)[None]) % counts[None]) @ strides for o in forward]
    )
    first = jnp.concatenate([(own + 1)[None], start[others]]).reshape(-1)
    last = jnp.concatenate([start[sorted_cell + 1][None], start[others + 1]]).reshape(-1)
    me = jnp.tile(own, len(forward) + 1)
    mine = [column[me] for column in sorted_x]
    extent = box.extent.astype(x.dtype)

    def hits(slot: Array) -> tuple[Array, Array]:
        candidate = first + slot
        present = candidate < last
        candidate = jnp.where(present, candidate, 0)
        square = jnp.zeros(me.shape, x.dtype)
        for column, my, L in zip(sorted_x, mine, extent, strict=True):
            square = square + nearest_image(column[candidate] - my, L) ** 2
        return candidate, present & (square < radius**2)

    longest = jnp.max(last - first)

    def more(carry: tuple[Array, ...]) -> Array:
        return carry[0] < longest

    def count_slot(carry: tuple[Array, Array]) -> tuple[Array, Array]:
        slot, found = carry
        return slot + 1, found + hits(slot)[1].astype(jnp.int32)

    def write_slot(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        slot, place, pairs = carry
        candidate, hit = jax.lax.optimization_barrier(hits(slot))  # else the scatter computes them again
        entries = jnp.stack([order[me], order[candidate]], axis=1)
        pairs = pairs.at[jnp.where(hit, place, capacity)].set(entries, mode="drop")
        return slot + 1, place + hit.astype(jnp.int32), pairs

    # Counting first tells every run where its pairs go: cheaper than a running sum over all candidates.
    _, found = jax.lax.while_loop(more, count_slot, (jnp.int32(0), jnp.zeros(me.shape, jnp.int32)))
    total = jnp.cumsum(found, dtype=jnp.int32)
    empty = jnp.zeros((capacity, 2), jnp.int32)
    _, _, pairs = jax.lax.while_loop(more, write_slot, (jnp.int32(0), total - found, empty))
    # Integers cannot be NaN: a table of positions outside, or on cells too small, reports an overflow.
    sound = jnp.all(box.contains(x)) & _wide_enough(box, radius, cells).ok
    return NeighborTable(pairs, total[-1], x, (total[-1] > capacity) | ~sound)


def _order(cell: Array, num_cells: int) -> Array:
    """The particles ordered by cell."""
    n = cell.shape[0]
    if num_cells * n > jnp.iinfo(jnp.int32).max:
        return jnp.argsort(cell).astype(jnp.int32)
    # One packed key sorts five times faster than a key and what it carries.
    return jnp.sort(cell * n + jnp.arange(n, dtype=jnp.int32)) % n


def update_neighbor_table(
    table: NeighborTable,
    positions: Real[ArrayLike, "n d"],
    *,
    box: PeriodicBox,
    radius: float,
    skin: float,
    cells: tuple[int, ...],
) -> NeighborTable:
    """The table, made anew when a particle has moved by more than half the skin.

    Args:
        table: a table made with the same box, radius and cells.
        positions: shape (n, d), in the box.
        box: the space.
        radius: the table's radius, interaction range plus skin.
        skin: how far the radius exceeds the range of the interaction.
        cells: as for `neighbor_table`.

    Returns:
        A table that lists every pair within radius - skin, or whose `overflow` says that it may not: for want of
        capacity, or because a new one met positions outside the box or NaN.

    Raises:
        ValueError: the positions' shape differs from that of the table's, the skin is not positive, or a cell is
            smaller than the radius.

    Piecewise constant: gradients do not pass.
    """
    x = jax.lax.stop_gradient(_checks.as_float("positions", positions))
    _checks.require_shape("positions", x, table.reference.shape)
    if not skin > 0:
        raise ValueError(f"skin must be positive, got {skin}")
    _checks.validity(_wide_enough(box, radius, tuple(cells)))
    return _update(table, x, box, float(radius), float(skin), tuple(cells))


@eqx.filter_jit
def _update(
    table: NeighborTable, x: Array, box: PeriodicBox, radius: float, skin: float, cells: tuple[int, ...]
) -> NeighborTable:
    moved = jnp.max(jnp.sum(box.displacement(x, table.reference.astype(x.dtype)) ** 2, axis=1))

    def rebuild(_: None) -> NeighborTable:
        new = _build(x, box, radius, cells, table.pairs.shape[0])
        return eqx.tree_at(lambda t: t.overflow, new, new.overflow | table.overflow)

    # NaN is not near: a table of such positions is made, and says that it is unsound.
    return jax.lax.cond(moved <= (skin / 2) ** 2, lambda _: table, rebuild, None)
