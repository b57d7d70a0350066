"""How many samples lie within a radius of each one, in the maximum norm.

A neighbour's distance defines the radii, so equality is not rounded away: the same difference of the same two numbers
is compared. Along one axis counting is bisection of the sorted samples; with more, all pairs in tiles.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from entropax.space import FreeSpace
from entropax.space.separation import search_key

_TILE = 1024  # samples whose counts are kept at once
_ROWS = 16  # samples they are compared with at once


def count_neighbors(x: jax.Array, radius: jax.Array, *, closed: bool = False) -> jax.Array:
    """The number of other samples strictly within a radius (or at most at it) of each sample.

    Args:
        x: samples, shape (n, d).
        radius: one for each, shape (n,).
        closed: whether samples at the radius count.

    Returns:
        Integers of shape (n,).
    """
    x, radius = jax.lax.stop_gradient((x, radius))
    inside = _bisected(x[:, 0], radius, closed) if x.shape[1] == 1 else _tiled(x, radius, closed)
    itself = jnp.ones_like(inside) if closed else (radius > 0).astype(inside.dtype)
    return inside - itself


def _within(distance: jax.Array, radius: jax.Array, closed: bool) -> jax.Array:
    return distance <= radius if closed else distance < radius


def _bisected(x: jax.Array, radius: jax.Array, closed: bool) -> jax.Array:
    ordered = jnp.sort(x)
    n = x.shape[0]

    def first_where(condition: Callable[[jax.Array], jax.Array]) -> jax.Array:
        """The first place in the order from which on the condition holds; n if it never does."""

        def halve(_: jax.Array, ends: tuple) -> tuple:
            low, high = ends
            middle = (low + high) // 2
            holds = condition(ordered[jnp.minimum(middle, n - 1)]) | (middle >= n)
            return jnp.where(holds, low, middle + 1), jnp.where(holds, middle, high)

        ends = (jnp.zeros(n, jnp.int32), jnp.full(n, n, jnp.int32))
        return jax.lax.fori_loop(0, n.bit_length(), halve, ends)[0]

    start = first_where(lambda there: _within(x - there, radius, closed))
    end = first_where(lambda there: ~_within(there - x, radius, closed))
    return jnp.maximum(end - start, 0)


def _tiled(x: jax.Array, radius: jax.Array, closed: bool) -> jax.Array:
    n, d = x.shape
    tile = min(_TILE, n)
    tiles, blocks = -(-n // tile), -(-n // _ROWS)
    here = jnp.pad(x.T, ((0, 0), (0, tiles * tile - n))).reshape(d, tiles, tile).swapaxes(0, 1)
    radii = jnp.pad(radius, (0, tiles * tile - n)).reshape(tiles, tile)
    there = jnp.pad(x.T, ((0, 0), (0, blocks * _ROWS - n)), constant_values=jnp.inf)

    def count(own: tuple[jax.Array, jax.Array]) -> jax.Array:
        here, radius = own

        def add(block: jax.Array, total: jax.Array) -> jax.Array:
            others = jax.lax.dynamic_slice_in_dim(there, block * _ROWS, _ROWS, axis=1)
            distance = search_key(here[:, None, :], others[:, :, None], FreeSpace(), "chebyshev")
            return total + jnp.sum(_within(distance, radius[None], closed), axis=0, dtype=jnp.int32)

        return jax.lax.fori_loop(0, blocks, add, jnp.zeros(tile, jnp.int32))

    return jax.lax.map(count, (here, radii)).reshape(-1)[:n]
