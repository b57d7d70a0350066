"""Exact nearest neighbours from the minima of blocks: all pairs, but hardly any sorting.

Points are cut into blocks as they come. The k smallest block minima belong to k different points, so the k-th of them
bounds the distance of the k-th neighbour: all neighbours lie in the k blocks with the smallest minima. A minimum costs
one selection a pair, where keeping k sorted candidates costs 2 k; only the points of k blocks are then sorted. Work
goes in tiles of bounded size.
"""

import jax
import jax.numpy as jnp

from entropax.space._selection import INSERT_UP_TO, insert_rows, power_of_two, smallest_rows
from entropax.space.boxes import Space
from entropax.space.separation import search_key

_BLOCK_POINTS = 32  # at least: a loop's overhead is spread over them
_BLOCKS = 8192  # at most: of more points the blocks are larger
_TILE_QUERIES = 1024
_TILE_NUMBERS = 1 << 22  # of a tile: minima, and coordinates of the points of its nearest blocks


def search_blocks(
    points: jax.Array, queries: jax.Array, space: Space, metric: str, *, k: int, exclude: bool
) -> tuple[jax.Array, jax.Array]:
    """The k nearest points of every query, by all pairs.

    Args:
        points: shape (n, d).
        queries: shape (n_queries, d).
        space: where they live.
        metric: see `separation`.
        k: number of neighbours.
        exclude: whether a query's own index is barred.

    Returns:
        Search keys and indices, nearest first, shape (n_queries, k).
    """
    points, queries = space.wrap(points), space.wrap(queries)
    n, d = points.shape
    count = queries.shape[0]
    rows = max(_BLOCK_POINTS, power_of_two(n) // _BLOCKS)
    num_blocks = -(-n // rows)
    # A query's own block may hold nothing else that is near: one more block then makes up for it.
    opened = min(k + exclude, num_blocks)
    tile = max(1, min(_TILE_QUERIES, count, _TILE_NUMBERS // max(num_blocks, opened * rows * d)))
    tiles = -(-count // tile)
    # Filled up with copies of the last point, which leave the minimum of its block alone.
    blocks = jnp.pad(points, ((0, num_blocks * rows - n), (0, 0)), mode="edge").reshape(num_blocks, rows, d)
    by_axis = jnp.swapaxes(blocks, 1, 2)[..., None]  # (blocks, d, rows, 1)

    def search_tile(one: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        here, own = one  # (tile, d), (tile,)
        axes = here.T[:, None, :]
        minima = jax.lax.map(lambda there: jnp.min(search_key(axes, there, space, metric), axis=0), by_axis)
        numbers = jnp.broadcast_to(jnp.arange(num_blocks, dtype=jnp.int32)[:, None], minima.shape)
        _, nearest = _smallest(minima, numbers, opened)
        there = jnp.moveaxis(blocks[nearest], -1, 0)  # (d, opened, tile, rows)
        key = search_key(axes[..., None], there, space, metric)
        ids = nearest[:, :, None] * rows + jnp.arange(rows, dtype=jnp.int32)[None, None, :]
        barred = (ids >= n) | (ids == own[None, :, None]) if exclude else ids >= n
        keys, ids = (jnp.swapaxes(z, 1, 2).reshape(-1, here.shape[0]) for z in (jnp.where(barred, jnp.inf, key), ids))
        return _smallest(keys, ids, k)

    fill = tiles * tile - count
    asked = jnp.pad(queries, ((0, fill), (0, 0))).reshape(tiles, tile, d)
    own = jnp.arange(tiles * tile, dtype=jnp.int32).reshape(tiles, tile)
    found = jax.lax.map(search_tile, (asked, own))  # each (tiles, k, tile)
    keys, ids = (jnp.swapaxes(z, 1, 2).reshape(-1, k)[:count] for z in found)
    return keys, ids


def _smallest(keys: jax.Array, payload: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
    """The smallest keys of every column and their payload, smallest first, each (count, columns)."""
    if count > INSERT_UP_TO:
        keys, payload = smallest_rows(keys, payload, power_of_two(count))
        return keys[:count], payload[:count]
    columns = keys.shape[1]
    start = ((jnp.full(columns, jnp.inf, keys.dtype),) * count, (jnp.zeros(columns, jnp.int32),) * count)
    best = insert_rows(start, keys, payload)
    assert best[1] is not None
    return jnp.stack(best[0]), jnp.stack(best[1])
