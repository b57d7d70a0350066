"""Exact nearest neighbours by windows of a sorted coordinate.

The algorithm is that of Friedman, Baskett and Shustek 1975, doi 10.1109/T-C.1975.224110.

Along a sorted coordinate the neighbours of a point lie in a window around it, which ends where the coordinate alone
is further away than the k-th best so far. Each point uses the coordinate along which its surroundings are sparsest, so
that about n^(1 - 1/d) k^(1/d) candidates are read. Sorted points are read by shifting the whole array: no gathers, all
of it on vector units.
"""

import jax
import jax.numpy as jnp

from entropax.space.boxes import FreeSpace
from entropax.space.selection import insert_row
from entropax.space.separation import component_key, search_key

_TILE = 256  # queries that read until the last of them is done
_SHIFTS = 4  # read between two looks whether all are done


def search_windows(
    points: jax.Array, metric: str, *, k: int, with_indices: bool = True
) -> tuple[jax.Array, jax.Array | None]:
    """The k nearest other points of every point, in free space.

    Args:
        points: shape (n, d).
        metric: see `separation`.
        k: number of neighbours.
        with_indices: whether the indices are wanted; without them it takes a third of the time.

    Returns:
        Search keys and indices, nearest first, shape (n, k).
    """
    n, d = points.shape
    rows = jnp.broadcast_to(jnp.arange(n, dtype=jnp.int32), (d, n))
    coordinate, order = jax.lax.sort((points.T, rows), dimension=1, num_keys=1)
    mine = _sparsest(coordinate, order, k)

    tiles = -(-n // _TILE)
    margin = n + _SHIFTS
    fill = ((0, 0), (margin, margin + tiles * _TILE - n))
    held = jnp.stack(
        [
            jnp.concatenate(
                [
                    jnp.pad(coordinate[axis : axis + 1], fill, constant_values=jnp.inf),
                    jnp.pad(jnp.delete(points, axis, axis=1, assume_unique_indices=True)[order[axis]].T, fill),
                ]
            )
            for axis in range(d)
        ]
    )  # (axes, d, padded): the sorted coordinate first
    asking = jnp.pad(mine, ((0, 0), (0, tiles * _TILE - n)))

    def search_tile(which: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array | None]:
        axis, tile = which
        own = jax.lax.dynamic_slice(asking, (axis, tile * _TILE), (1, _TILE))[0]
        return _search_tile(held[axis], own, margin + tile * _TILE, metric, n, k, with_indices)

    axes, which_tiles = jnp.divmod(jnp.arange(d * tiles, dtype=jnp.int32), tiles)
    keys, shifts = jax.lax.map(search_tile, (axes, which_tiles))  # (axes tiles, k, tile)

    to = jnp.where(mine, order, n + jnp.arange(d * n, dtype=jnp.int32).reshape(d, n)).reshape(-1)

    def by_point(rows: jax.Array) -> jax.Array:
        rows = jnp.moveaxis(rows.reshape(d, tiles, k, _TILE), 2, -1).reshape(d, -1, k)[:, :n].reshape(d * n, k)
        return jnp.zeros((n, k), rows.dtype).at[to].set(rows, mode="drop", unique_indices=True)

    if shifts is None:
        return by_point(keys), None
    positions = jnp.moveaxis(shifts.reshape(d, tiles, k, _TILE), 2, 1).reshape(d, k, -1)[..., :n]
    positions = jnp.clip(positions + jnp.arange(n, dtype=jnp.int32)[None, None], 0, n - 1)
    indices = jnp.take_along_axis(order[:, None], positions, axis=2)  # (axes, k, n)
    indices = jnp.moveaxis(indices, 1, -1).reshape(d * n, k)
    return by_point(keys), jnp.zeros((n, k), jnp.int32).at[to].set(indices, mode="drop", unique_indices=True)


def _sparsest(coordinate: jax.Array, order: jax.Array, k: int) -> jax.Array:
    """Whether the sorted points, shape (d, n), are sparser along this axis than along the others."""
    d, n = coordinate.shape
    reach = min(n - 1, int((k * n ** (d - 1)) ** (1 / d) / 2) + 1)  # half the window of a uniform density
    places = jnp.arange(n)
    above, below = coordinate[:, jnp.minimum(places + reach, n - 1)], coordinate[:, jnp.maximum(places - reach, 0)]
    spread = jnp.maximum(above - coordinate, coordinate - below)
    by_point = jnp.zeros((d, n), spread.dtype).at[jnp.arange(d)[:, None], order].set(spread, unique_indices=True)
    best = jnp.argmax(by_point, axis=0).astype(order.dtype)
    return best[order] == jnp.arange(d, dtype=order.dtype)[:, None]


def _search_tile(
    held: jax.Array, own: jax.Array, first: jax.Array, metric: str, n: int, k: int, with_indices: bool
) -> tuple[jax.Array, jax.Array | None]:
    """Keys of the k nearest and how far along the order they are, shape (k, tile); right where `own` is true."""
    shape = (held.shape[0], _TILE)

    def read(shift: jax.Array) -> jax.Array:
        return jax.lax.dynamic_slice(held, (jnp.int32(0), first + shift), shape)

    queries = read(jnp.int32(0))

    def advance(carry: tuple) -> tuple:
        step, best, _ = carry
        shifts = [way * (step + shift) for shift in range(_SHIFTS) for way in (1, -1)]
        # Held apart: fused, every row of the sorted list would compute them again.
        keys = jax.lax.optimization_barrier(
            jnp.stack([search_key(queries, read(shift), FreeSpace(), metric) for shift in shifts])
        )
        for key, shift in zip(keys, shifts, strict=True):
            best = insert_row(best, key, jnp.broadcast_to(shift, key.shape) if with_indices else None)
        step = step + _SHIFTS
        gap = jnp.minimum(*(jnp.abs(read(shift)[0] - queries[0]) for shift in (step, -step)))
        return step, best, (step < n) & jnp.any(own & (component_key(gap, metric) < best[0][k - 1]))

    start = (
        (jnp.full(_TILE, jnp.inf, held.dtype),) * k,
        (jnp.zeros(_TILE, jnp.int32),) * k if with_indices else None,
    )
    _, (keys, shifts), _ = jax.lax.while_loop(
        lambda carry: carry[2], advance, (jnp.int32(1), start, jnp.asarray(n > 1))
    )
    return jnp.stack(keys), None if shifts is None else jnp.stack(shifts)
