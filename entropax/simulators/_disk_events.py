"""The events of hard discs: which comes next, what it does, and what has to be predicted anew.

Every disc keeps the earliest event that was predicted for it: a collision, or its crossing the edge of a cell. An event
changes two discs at most, and only those are predicted anew. What others had predicted with them goes stale and is
noticed when its turn comes, by the partner's count of velocity changes: nothing is missed, because a collision found by
one of two partners is enough, and a stale time is never later than the disc's next true event.

Motion is kept extrapolated back to time zero, x(t) = x0 + v t: an impulse q at time t is x0 += q t, v -= q, and nobody
else has to be moved. All predictions are constants to automatic differentiation; the time of an event is recomputed
from the two discs when it happens, and carries the derivative.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from entropax._typing import Array
from entropax.simulators._disk_cells import (
    Layout,
    Room,
    Rows,
    cell_table,
    cells_of,
    neighbors,
    rows_after_move,
    with_rows,
)
from entropax.simulators.base import _scan
from entropax.simulators.disk_collisions import contact_time
from entropax.space.boxes import nearest_image

PARTNER, SEEN, CHANGES, COLUMN, ROW = range(5)
"""Rows of `Schedule.marks`: the partner of the next event (or N + axis for an edge), the partner's count when it was
predicted, the disc's own count of velocity changes, and its cell."""


class Schedule(NamedTuple):
    """The gas and its next events.

    Attributes:
        motion: x0, y0, vx, vy, shape (4, N).
        times: of the next event of each disc, shape (N,).
        marks: shape (5, N), see above.
        minima: the smallest of each block of `times`.
        table: discs by cell, shape (cells + 1, capacity), NOBODY where free; the last cell is always empty. Or None.
        first: the disc whose event is next.
        time: when.
        pairs: collisions so far.
        walls: reflections so far.
        handled: events so far, the stale ones and the crossings of edges included.
        order: fingerprint of the sequence of collisions and reflections.
        full: whether a cell ever had no room.
    """

    motion: Array
    times: Array
    marks: Array
    minima: Array
    table: Array | None
    first: Array
    time: Array
    pairs: Array
    walls: Array
    handled: Array
    order: Array
    full: Array


CHECK_EVERY = 8
"""Events between two looks at the clock: vmap of the loop copies the state at each look."""


def advance(schedule: Schedule, room: Room, until: Array, layout: Layout, max_events: Array) -> Schedule:
    """Handles all events before `until`, at most until `max_events` have been handled; forward mode only."""

    def unfinished(s: Schedule) -> Array:
        return (s.time < until) & (s.handled < max_events) & ~s.full

    def several(s: Schedule) -> Schedule:
        allowed = max_events - s.handled
        until_then = lambda k: jnp.where(k < allowed, until, -jnp.inf)  # noqa: E731
        return jax.lax.fori_loop(0, CHECK_EVERY, lambda k, s: handle(s, room, until_then(k), layout), s)

    return jax.lax.while_loop(unfinished, several, schedule)


def advance_bounded(schedule: Schedule, room: Room, until: Array, layout: Layout, max_events: int) -> Schedule:
    """The same by a scan over `max_events` places, for reverse mode in memory of the square root of their number."""

    def body(s: Schedule, _: Array) -> tuple[Schedule, None]:
        return handle(s, room, until, layout), None

    return _scan(body, schedule, jnp.arange(max_events), math.isqrt(max_events))[0]


class _Effect(NamedTuple):
    """What an event changes: the motion, next event and marks of two discs (the same one twice if only one)."""

    discs: Array
    motion: Array
    times: Array
    marks: Array
    rows: Rows | None
    pair: Array
    reflects: Array
    event: Array
    full: Array


def handle(s: Schedule, room: Room, until: Array, layout: Layout) -> Schedule:
    """The next event, if it is before `until`; else nothing changes."""
    live = s.time < until
    # A branch rather than a selection, because its results are there before anything is written: what is read and
    # written in one fused loop would be copied whole.
    effect = jax.lax.cond(live, lambda s: _effect(s, room, layout), lambda s: _no_effect(s, layout), s)
    new = s._replace(table=with_rows(s.table, effect.rows), full=s.full | effect.full)
    for k in (1, 0):
        disc = effect.discs[k]
        new = new._replace(
            motion=_with_column(new.motion, disc, effect.motion[k]),
            marks=_with_column(new.marks, disc, effect.marks[k]),
            times=jax.lax.dynamic_update_index_in_dim(new.times, effect.times[k], disc, 0),
        )
    for k in (1, 0):
        new = new._replace(minima=_updated_minimum(new.minima, new.times, effect.discs[k]))
    first, time = _earliest(new.times, new.minima)
    happened = effect.pair | effect.reflects
    return new._replace(
        first=first,
        time=time,
        pairs=s.pairs + _one_if(effect.pair),
        walls=s.walls + _one_if(effect.reflects),
        handled=s.handled + _one_if(live),
        order=jnp.where(happened, (s.order ^ effect.event) * jnp.uint32(16777619), s.order),
    )


def _no_effect(s: Schedule, layout: Layout) -> _Effect:
    discs = jnp.stack([s.first, s.first])
    cell = _column(s.marks, s.first)[COLUMN:]
    rows, full = rows_after_move(s.table, s.first, cell, cell, layout)
    no = jnp.asarray(False)
    return _Effect(
        discs, s.motion.T[discs], s.times[discs], s.marks.T[discs], rows, no, no, jnp.zeros((), jnp.uint32), full
    )


def _effect(s: Schedule, room: Room, layout: Layout) -> _Effect:
    """What the next event does, and the predictions after it."""
    num = s.marks.shape[1]
    i, now = s.first, s.time
    marks_i = _column(s.marks, i)
    code = marks_i[PARTNER]
    meets = code < num
    j = jnp.where(meets, code, i)
    marks_j = _column(s.marks, j)
    pair = meets & (marks_j[CHANGES] == marks_i[SEEN])
    j = jnp.where(pair, j, i)

    one, two = _column(s.motion, i), _column(s.motion, j)
    crossing = _crossing(one, marks_i, code - num, ~meets, room, layout)
    kick = _collision(one, two, now, pair, room, layout)
    one = one + jnp.where(pair, kick, crossing.change)
    two = jnp.where(pair, two - kick, one)
    changes_i = marks_i[CHANGES] + _one_if(pair | crossing.reflects)
    changes_j = jnp.where(pair, marks_j[CHANGES] + 1, changes_i)
    cells = jnp.stack([crossing.cell, jnp.where(pair, marks_j[COLUMN:], crossing.cell)])

    discs, own = jnp.stack([i, j]), jnp.stack([one, two])
    constants = jax.lax.stop_gradient((s.motion, own, now, room))
    times, partners = _predictions(*constants, s.marks, discs, cells, s.table, layout)
    seen = s.marks[CHANGES][jnp.minimum(partners, num - 1)]
    changes = jnp.stack([changes_i, changes_j])
    marks = jnp.concatenate([jnp.stack([partners, seen, changes], axis=1), cells], axis=1)
    rows, full = rows_after_move(s.table, i, marks_i[COLUMN:], crossing.cell, layout)
    event = jnp.where(pair, jnp.minimum(i, j) * num + jnp.maximum(i, j), -1 - (code * num + i)).astype(jnp.uint32)
    return _Effect(discs, own, times, marks, rows, pair, crossing.reflects, event, full)


class _Crossing(NamedTuple):
    """What reaching the edge of a cell does: the change of motion, whether it reflects, and the cell after."""

    change: Array
    reflects: Array
    cell: Array


def _crossing(own: Array, marks: Array, axis: Array, happens: Array, room: Room, layout: Layout) -> _Crossing:
    """At an outer edge a reflection or, along a periodic axis, a jump by the period; else only another cell."""
    axis = jnp.where(happens, axis, 0)
    along = jnp.arange(2, dtype=jnp.int32) == axis
    x0, v = jnp.where(axis == 0, own[0], own[1]), jnp.where(axis == 0, own[2], own[3])
    lower = jnp.where(axis == 0, room.lower[0], room.lower[1])
    extent = jnp.where(axis == 0, room.extent[0], room.extent[1])
    count = jnp.where(axis == 0, *layout.grid)
    periodic = jnp.where(axis == 0, *layout.periodic)
    cell = marks[COLUMN:]
    at = jnp.where(axis == 0, cell[0], cell[1])
    up = v > 0
    leaves = happens & (at == jnp.where(up, count - 1, 0))
    reflects = leaves & ~periodic
    time = (jnp.where(up, lower + extent, lower) - x0) / jnp.where(v == 0, 1.0, v)
    shift = jnp.where(up, -extent, extent)
    zero = jnp.zeros_like(x0)
    dx = jnp.where(reflects, 2 * v * time, jnp.where(leaves, shift, zero))
    dv = jnp.where(reflects, -2 * v, zero)
    change = jnp.concatenate([jnp.where(along, dx, zero), jnp.where(along, dv, zero)])
    after = jnp.mod(at + jnp.where(up, 1, -1), count)
    return _Crossing(change, reflects, jnp.where(along & happens & ~reflects, after, cell).astype(jnp.int32))


def _collision(one: Array, two: Array, now: Array, happens: Array, room: Room, layout: Layout) -> Array:
    """The change of the first disc's motion, (q t, -q); the second's is its negative."""
    now = jax.lax.stop_gradient(now)
    difference = jnp.where(happens, one - two, 1.0)  # no collision: numbers that divide
    w = difference[2:]
    r = difference[:2] + w * now
    r = jnp.where(jnp.array(layout.periodic), nearest_image(r, room.extent), r)
    late = contact_time(r[0], r[1], w[0], w[1], room.diameter)  # rounding, and the derivative of the time
    late = jnp.where(jnp.isfinite(late), late, 0.0)
    r = r + w * late
    q = r * (jnp.sum(r * w) / jnp.sum(r * r))
    return jnp.where(happens, jnp.concatenate([q * (now + late), -q]), 0.0)


def _predictions(
    motion: Array,
    own: Array,
    now: Array,
    room: Room,
    marks: Array,
    discs: Array,
    cells: Array,
    table: Array | None,
    layout: Layout,
) -> tuple[Array, Array]:
    """The next event of each of two or more discs, whose motion is `own`, and its partner or N + axis.

    The discs do not meet one another: they have just collided, or are the same.
    """
    num = marks.shape[1]
    if table is None:
        others, ids, their_cells = (
            motion[:, None, :],
            jnp.arange(num, dtype=jnp.int32)[None, :],
            marks[COLUMN:, None, :],
        )
    else:
        ids = neighbors(table, cells, layout)
        at = jnp.minimum(ids, num - 1)
        others, their_cells = motion[:, at], marks[COLUMN:, at]
    difference = own.T[:, :, None] - others
    rx, ry, wx, wy = difference
    rx, ry = rx + wx * now, ry + wy * now
    if layout.periodic[0]:
        rx = _image(rx, cells[:, 0, None] - their_cells[0], room.extent[0])
    if layout.periodic[1]:
        ry = _image(ry, cells[:, 1, None] - their_cells[1], room.extent[1])
    waiting = contact_time(rx, ry, wx, wy, room.diameter)
    strangers = (ids != discs[:1, None]) & (ids != discs[1:, None]) & (ids < num)
    waiting = jnp.where(strangers, waiting, jnp.inf)
    soonest = jnp.min(waiting, axis=1)
    partner = jnp.min(jnp.where(waiting == soonest[:, None], ids, num - 1), axis=1)

    position, velocity = own[:, :2], own[:, 2:]
    side = room.extent / jnp.array(layout.grid, room.extent.dtype)
    target = room.lower[None] + jnp.where(velocity > 0, cells + 1, cells).astype(side.dtype) * side[None]
    moving = velocity != 0
    reach = jnp.where(moving, (target - position) / jnp.where(moving, velocity, 1.0), jnp.inf)
    edge = jnp.minimum(reach[:, 0], reach[:, 1])
    axis = (reach[:, 1] < reach[:, 0]).astype(jnp.int32)
    meets = now + soonest < edge
    return jnp.maximum(jnp.where(meets, now + soonest, edge), now), jnp.where(meets, partner, num + axis)


def _image(difference: Array, cells_between: Array, period: Array) -> Array:
    """The difference to the image in a neighbouring cell: the one that can be met before either leaves its cell."""
    return difference + jnp.where(cells_between > 1, -period, jnp.where(cells_between < -1, period, 0.0))


# ---------------------------------------------------------------------------------------------- the earliest of many


def _earliest(times: Array, minima: Array) -> tuple[Array, Array]:
    """Index and time of the next event. A minimum and a search for it: one argmin is slower."""
    if minima.size == 1:
        return _place(times, minima[0]), minima[0]
    time = jnp.min(minima)
    block = _place(minima, time)
    width = times.size // minima.size
    inside = jax.lax.dynamic_slice(times, (block * width,), (width,))
    return block * width + _place(inside, time), time


def _place(values: Array, value: Array) -> Array:
    places = jnp.arange(values.size, dtype=jnp.int32)
    return jnp.min(jnp.where(values == value, places, values.size - 1))


def _updated_minimum(minima: Array, times: Array, disc: Array) -> Array:
    width = times.size // minima.size
    if minima.size == 1:
        return jnp.min(times)[None]
    block = disc // width
    smallest = jnp.min(jax.lax.dynamic_slice(times, (block * width,), (width,)))
    return jax.lax.dynamic_update_index_in_dim(minima, smallest, block, 0)


def _one_if(condition: Array) -> Array:
    return condition.astype(jnp.int32)


def _column(array: Array, index: Array) -> Array:
    return jax.lax.dynamic_index_in_dim(array, index, axis=1, keepdims=False)


def _with_column(array: Array, index: Array, column: Array) -> Array:
    return jax.lax.dynamic_update_index_in_dim(array, column, index, axis=1)


# ----------------------------------------------------------------------------------------------------- the beginning


def schedule(positions: Array, velocities: Array, room: Room, layout: Layout) -> tuple[Schedule, Array]:
    """The first predictions of a gas, and the smallest r.r - s^2 of its pairs, negative where discs overlap."""
    num = positions.shape[0]
    motion = jnp.concatenate([positions, velocities], axis=1).T
    fixed, constant_room = jax.lax.stop_gradient((motion, room))
    cells = cells_of(fixed[:2].T, constant_room, layout)
    table, full = cell_table(cells, layout, num)
    marks = jnp.concatenate([jnp.zeros((3, num), jnp.int32), cells.T])
    now = jnp.zeros((), motion.dtype)

    def one(disc: Array) -> tuple[Array, Array, Array]:
        own, cell = _column(fixed, disc)[None], _column(marks, disc)[None, COLUMN:]
        both = jnp.stack([disc, disc])
        times, partners = _predictions(fixed, own, now, constant_room, marks, both, cell, table, layout)
        return times[0], partners[0], _closest(fixed, own, constant_room, marks, disc, cell, table, layout)

    times, partners, gaps = jax.lax.map(one, jnp.arange(num, dtype=jnp.int32), batch_size=min(num, 64))
    marks = marks.at[PARTNER].set(partners)
    width = num if num <= ONE_BLOCK else 1 << math.ceil(math.log2(num) / 2)
    blocks = -(-num // width)
    times = jnp.pad(times, (0, blocks * width - num), constant_values=jnp.inf)
    minima = jnp.min(times.reshape(blocks, width), axis=1)
    first, time = _earliest(times, minima)
    nothing = jnp.zeros((), jnp.int32)
    start = Schedule(
        motion, times, marks, minima, table, first, time, nothing, nothing, nothing, jnp.zeros((), jnp.uint32), full
    )
    return start, jnp.min(gaps)


ONE_BLOCK = 1024
"""Up to so many discs the next event is searched among all; of more, among blocks of about the root of their number."""


def _closest(
    motion: Array, own: Array, room: Room, marks: Array, disc: Array, cell: Array, table: Array | None, layout: Layout
) -> Array:
    num = marks.shape[1]
    ids = jnp.arange(num, dtype=jnp.int32)[None] if table is None else neighbors(table, cell, layout)
    r = own[0, :2, None] - motion[:2, jnp.minimum(ids[0], num - 1)]
    period = jnp.where(jnp.array(layout.periodic), room.extent, jnp.inf)[:, None]
    r = jnp.where(jnp.isfinite(period), nearest_image(r, room.extent[:, None]), r)
    gap = jnp.sum(r * r, axis=0) - room.diameter**2
    return jnp.min(jnp.where((ids[0] != disc) & (ids[0] < num), gap, jnp.inf))
