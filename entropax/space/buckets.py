"""Exact nearest neighbours by buckets of equal size: a k-d tree without its upper levels.

Points are cut at medians into buckets of equal size (Bentley 1975, doi 10.1145/361002.361007), so that no bucket can
overflow however the density varies. All queries of a bucket then read the other buckets in the order of a lower bound
of their distance and stop at the first that cannot hold a neighbour. Work goes in tiles of bounded size: memory grows
as n k, never as n squared.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from entropax.space._selection import (
    INSERT_UP_TO,
    Rows,
    insert_rows,
    merge_smallest,
    power_of_two,
    smallest_rows,
    sort_rows,
)
from entropax.space.boxes import Space
from entropax.space.separation import component_key, search_key

_PIECES = 8  # of a cut: fewer adapt better to the widest axis, more need fewer sorts
_CUT_BITS = 20  # of a coordinate that a cut looks at: exact in float32
_TILE_QUERIES = 1024  # of a tile: keys and indices of 64 neighbours stay in the second-level cache


class Buckets(NamedTuple):
    """Points in groups of equal size, each with its bounding box."""

    ids: jax.Array  # (buckets, size), row of the point; ids >= n fill up
    points: jax.Array  # (d, buckets, size)
    center: jax.Array  # (d, buckets)
    half_width: jax.Array  # (d, buckets), rounding included


def search_buckets(
    points: jax.Array,
    queries: jax.Array,
    space: Space,
    metric: str,
    *,
    k: int,
    exclude: bool,
    with_indices: bool = True,
) -> tuple[jax.Array, jax.Array | None]:
    """The k nearest points of every query.

    Args:
        points: shape (n, d).
        queries: shape (n_queries, d), the same object to search among themselves.
        space: where they live.
        metric: see `separation`.
        k: number of neighbours.
        exclude: whether a query's own index is barred.
        with_indices: whether the indices are wanted; short lists are found faster without.

    Returns:
        Search keys and indices, nearest first, shape (n_queries, k).
    """
    kept = k if k <= INSERT_UP_TO else power_of_two(k)
    size = max(16 if with_indices else 32, kept)  # carrying indices makes a candidate dearer than a bucket's overhead
    held = fill_buckets(space.wrap(points), size)
    asking = held if queries is points else fill_buckets(space.wrap(queries), size)
    # A tile reads on until its last query is done: wide buckets, which read longest, go together.
    wide_last = jnp.argsort(jnp.max(asking.half_width, axis=0))
    asking = Buckets(asking.ids[wide_last], *(x[:, wide_last] for x in asking[1:]))
    num_buckets, width = asking.ids.shape
    tile = _tile_buckets(num_buckets, width)

    def by_tile(x: jax.Array, axis: int) -> jax.Array:
        shape = (*x.shape[:axis], num_buckets // tile, tile, *x.shape[axis + 1 :])
        return jnp.moveaxis(x.reshape(shape), axis, 0)

    tiles = Buckets(by_tile(asking.ids, 0), *(by_tile(x, 1) for x in asking[1:]))
    search = _Search(space, metric, points.shape[0], k, kept, exclude, with_indices or k > INSERT_UP_TO)
    found = jax.lax.map(lambda one: _search_tile(one, held, search), tiles)  # (tiles, k, tile, width)

    def by_query(rows: jax.Array) -> jax.Array:
        result = jnp.zeros((queries.shape[0], k), rows.dtype)
        rows = jnp.moveaxis(rows, 1, -1).reshape(-1, k)
        return result.at[asking.ids.reshape(-1)].set(rows, mode="drop", unique_indices=True)

    return jax.tree.map(by_query, found)


class _Search(NamedTuple):
    """What is the same for all tiles."""

    space: Space
    metric: str
    n: int
    k: int
    kept: int
    exclude: bool
    with_indices: bool


def fill_buckets(points: jax.Array, size: int) -> Buckets:
    """Cuts the points at medians of their widest axis into buckets of about `size` points.

    Args:
        points: shape (n, d).
        size: points of a bucket, about.

    Returns:
        The buckets, of one size between them; ids of n and more fill the last places up.
    """
    n, _ = points.shape
    wanted = max(1, -(-n // size))
    cuts = max(0, wanted.bit_length() - 3)  # halvings after a first cut into 4 to 7: little is filled up
    first = -(-wanted // (1 << cuts))
    num_buckets = first << cuts
    width = -(-n // num_buckets)
    ids = jnp.arange(num_buckets * width, dtype=jnp.int32)[None]
    for pieces in (first, *[_PIECES] * (cuts // 3), 1 << cuts % 3):
        ids = _cut(points, ids, pieces) if pieces > 1 else ids
    ids = ids.reshape(num_buckets, width)
    members = jnp.moveaxis(points[ids % n], -1, 0)
    low, high = jnp.min(members, axis=-1), jnp.max(members, axis=-1)
    rounding = 8 * jnp.finfo(points.dtype).eps * jnp.maximum(jnp.abs(low), jnp.abs(high))
    return Buckets(ids, members, (low + high) / 2, (high - low) / 2 + rounding)


def _cut(points: jax.Array, ids: jax.Array, pieces: int) -> jax.Array:
    """Cuts every group (a row of `ids`) into equal pieces along its widest axis.

    Sorted are single integers, a rounded coordinate and the place in the row: on a CPU a sixth of the time of sorting
    pairs. Rounding moves the cuts a little, never the number of members.
    """
    groups, members = ids.shape
    coordinates = points[ids % points.shape[0]]
    low, high = jnp.min(coordinates, axis=1), jnp.max(coordinates, axis=1)
    widest = jnp.argmax(high - low, axis=-1)[:, None]
    keys = jnp.take_along_axis(coordinates, widest[:, None], axis=2)[..., 0]
    low, high = (jnp.take_along_axis(end, widest, axis=1) for end in (low, high))
    place_bits = max(1, (members - 1).bit_length())
    levels = 1 << min(_CUT_BITS, 31 - place_bits)
    share = (keys - low) / jnp.where(high > low, high - low, 1)
    level = jnp.where(share < 1, (levels - 1) * jnp.maximum(share, 0), levels - 1).astype(jnp.int32)  # NaN is last
    packed = jax.lax.sort(
        (level << place_bits) + jnp.arange(members, dtype=jnp.int32)[None], dimension=1, is_stable=False
    )
    ids = jnp.take_along_axis(ids, packed & ((1 << place_bits) - 1), axis=1)
    return ids.reshape(groups * pieces, members // pieces)


def _tile_buckets(num_buckets: int, width: int) -> int:
    """How many buckets of queries to treat together: the largest divisor that keeps to the tile."""
    most = max(1, _TILE_QUERIES // width)
    return max(tile for tile in range(1, min(most, num_buckets) + 1) if num_buckets % tile == 0)


def _search_tile(tile: Buckets, held: Buckets, search: _Search) -> tuple[jax.Array, jax.Array | None]:
    """Keys and indices of the neighbours of a tile's queries, shape (k, buckets in tile, queries in bucket)."""
    num_held, width_held = held.ids.shape
    num_asking, width = tile.ids.shape
    look = _reading_order(tile, held, search)
    n, k = search.n, search.k

    def unfinished(carry: tuple) -> jax.Array:
        step, (keys, _) = carry
        furthest = jnp.max(keys[k - 1].reshape(num_asking, width), axis=-1)
        return (step < num_held) & jnp.any(look(jnp.minimum(step, num_held - 1))[1] <= furthest)

    def read_bucket(carry: tuple) -> tuple:
        step, best = carry
        bucket, _ = look(step)
        ids = held.ids[bucket].T[:, :, None]  # (candidates, buckets, 1)
        there = jnp.swapaxes(held.points[:, bucket], 1, 2)[..., None]  # (d, candidates, buckets, 1)
        key = search_key(tile.points[:, None], there, search.space, search.metric)
        barred = (ids >= n) | (ids == tile.ids[None]) if search.exclude else ids >= n
        keys = jnp.where(barred, jnp.inf, key).reshape(width_held, -1)
        payload = jnp.broadcast_to(ids, key.shape).reshape(width_held, -1) if search.with_indices else None
        return step + 1, _keep_smallest(best, keys, payload)

    columns = num_asking * width
    start = (
        (jnp.full(columns, jnp.inf, held.points.dtype),) * search.kept,
        (jnp.zeros(columns, jnp.int32),) * search.kept if search.with_indices else None,
    )
    _, best = jax.lax.while_loop(unfinished, read_bucket, (jnp.int32(0), start))

    def stacked(rows: tuple[jax.Array, ...]) -> jax.Array:
        return jnp.stack(rows[:k]).reshape(k, num_asking, width)

    return stacked(best[0]), None if best[1] is None else stacked(best[1])


def _keep_smallest(best: Rows, keys: jax.Array, payload: jax.Array | None) -> Rows:
    if len(best[0]) <= INSERT_UP_TO or payload is None or best[1] is None:
        return insert_rows(best, keys, payload)
    merged = merge_smallest(
        (jnp.stack(best[0]), jnp.stack(best[1])), smallest_rows(keys, payload, power_of_two(len(best[0])))
    )
    return tuple(merged[0]), tuple(merged[1])


def _reading_order(tile: Buckets, held: Buckets, search: _Search) -> Callable[[jax.Array], tuple[jax.Array, jax.Array]]:
    """A function of the step: which bucket each bucket of queries reads, and its key at least.

    Bounds never fall. Of few buckets all are sorted. Many are first sorted as groups, of buckets that the cuts left
    together; then those of the nearest groups are sorted, and the others follow group by group, should they be needed.
    """
    num_held, num_asking = held.ids.shape[0], tile.ids.shape[0]
    size = _group_size(num_held)
    near_groups = 4 << min(held.points.shape[0], 4)  # two along each axis meet at a corner
    near = near_groups * size
    all_buckets = jnp.broadcast_to(jnp.arange(num_held, dtype=jnp.int32)[:, None], (num_held, num_asking))
    if num_held < 2 * near:
        bounds, order = _sorted_bounds(tile, held.center, held.half_width, all_buckets, search)
        return lambda step: (order[step], bounds[step])

    group_bounds, groups = _sorted_bounds(tile, *_group_boxes(held, size), all_buckets[: num_held // size], search)
    members = groups[:near_groups, None] * size + jnp.arange(size, dtype=jnp.int32)[None, :, None]
    bounds, order = _sorted_bounds(tile, held.center, held.half_width, members.reshape(near, num_asking), search)
    bounds = jnp.minimum(
        bounds, group_bounds[near_groups][None]
    )  # the other groups are no nearer than the first of them

    def look(step: jax.Array) -> tuple[jax.Array, jax.Array]:
        group, early = step // size, jnp.minimum(step, near - 1)
        bucket = jnp.where(step < near, order[early], groups[group] * size + step % size)
        return bucket, jnp.where(step < near, bounds[early], group_bounds[group])

    return look


def _group_size(num_buckets: int) -> int:
    """Buckets of a group: a power of two near the root of their number that divides it, as the cuts are halvings."""
    power = (num_buckets.bit_length() - 3) // 2
    return 1 << max(0, min(power, (num_buckets & -num_buckets).bit_length() - 1))


def _group_boxes(held: Buckets, size: int) -> tuple[jax.Array, jax.Array]:
    """Centre and half width, rounding included, of the bounding box of each group of `size` buckets; (d, groups)."""
    shape = (held.center.shape[0], -1, size)
    low = jnp.min((held.center - held.half_width).reshape(shape), axis=-1)
    high = jnp.max((held.center + held.half_width).reshape(shape), axis=-1)
    rounding = 8 * jnp.finfo(low.dtype).eps * jnp.maximum(jnp.abs(low), jnp.abs(high))
    return (low + high) / 2, (high - low) / 2 + rounding


def _sorted_bounds(
    tile: Buckets, center: jax.Array, half_width: jax.Array, which: jax.Array, search: _Search
) -> tuple[jax.Array, jax.Array]:
    """Lower bounds, sorted, of the key to the boxes `which` (rows, buckets), and these in that order."""
    centers = (jnp.moveaxis(center[:, which], 0, -1), jnp.moveaxis(tile.center, 0, -1)[None])
    apart = jnp.moveaxis(jnp.abs(search.space.displacement(*centers)), -1, 0)
    gap = jnp.maximum(apart - half_width[:, which] - tile.half_width[:, None, :], 0)
    components = component_key(gap, search.metric)
    bounds = jnp.sum(components, axis=0) if search.metric == "euclidean" else jnp.max(components, axis=0)
    rows = power_of_two(which.shape[0])
    fill = ((0, rows - which.shape[0]), (0, 0))
    bounds, which = sort_rows(jnp.pad(bounds, fill, constant_values=jnp.inf), jnp.pad(which, fill, constant_values=0))
    count = rows - fill[0][1]
    return bounds[:count], which[:count]
