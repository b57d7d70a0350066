"""Tiles of fish that look at those within reach, and the lists of these, which are kept over steps.

A tile is a few fish near each other: they look together at every fish whose distance from their bounding box is within
reach and a skin. Who that is, is known until a fish has moved by half the skin.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from entropax._typing import Array
from entropax.simulators.fish_zones import Urges, Zones, joined, reach_of, read, rows_of, sums_of
from entropax.space._selection import power_of_two
from entropax.space.boxes import nearest_image
from entropax.space.buckets import fill_buckets

_TILE = 16  # fish that look together: they fill the vector registers
_SEEN_AT_ONCE = 128  # fish that a tile looks at at once
_LISTED = 1024  # fish that a tile's list holds; who is further down is found again every step
_PAIRS_AT_ONCE = 2**18  # of several tiles together: they stay in the second-level cache
_SKIN = 0.1  # of the reach
_WORD = 32  # bits
_WORDS_AT_ONCE = 8  # of bits that say which fish are near


class NearFish(NamedTuple):
    """Who may be within reach of whom, and as of when. Tiles that see as many are next to each other.

    All arrays are of a fixed size and the lists are right at any density: `bits` holds every fish that may be near.

    Attributes:
        tiles: fish by tile, shape (tiles, fish); n and more fill up.
        center: of the tiles' bounding boxes, shape (3, tiles).
        bits: set for those who may be near a tile: words of 32, shape (words, tiles).
        upto: set bits up to the end of each word, the same shape.
        listed: the first of those who may be near, shape (groups, blocks, tiles of a group, fish of a block).
        one_image: whether nearest images of the tiles' centres are nearest for all their fish that are within reach.
        positions: of the fish when the lists were made, shape (3, n).
        reach: for which they were made.
        box_size: for which they were made.
    """

    tiles: Array
    center: Array
    bits: Array
    upto: Array
    listed: Array
    one_image: Array
    positions: Array
    reach: Array
    box_size: Array


@jax.jit
def near_fish(x: Array, zones: Zones) -> NearFish:
    """Lists of those within reach and the skin.

    Fish are cut at medians into tiles of equal size, so that no density can overflow one.

    Args:
        x: positions, shape (3, n), in the box.
        zones: the zones.

    Returns:
        The lists, without derivatives.
    """
    x, zones = jax.lax.stop_gradient((x, zones))
    n = x.shape[1]
    reach, skin = reach_of(zones), _SKIN * reach_of(zones)
    cut = fill_buckets(x.T, _TILE)
    size = cut.ids.shape[1]
    bits = _bits_of_near(x, cut.center, cut.half_width, reach + skin, _box_size(zones))
    counts = jnp.sum(jax.lax.population_count(bits).astype(jnp.int32), axis=0)
    alike = jnp.argsort(counts)
    bits = bits[:, alike]
    upto = jnp.cumsum(jax.lax.population_count(bits).astype(jnp.int32), axis=0)
    tiles = jnp.pad(cut.ids[alike], ((0, 0), (0, -size % _TILE if size > _TILE // 2 else 0)), constant_values=n)
    one_image = jnp.max(cut.half_width) + skin / 2 + reach <= _box_size(zones) / 2
    center = cut.center[:, alike]
    return NearFish(tiles, center, bits, upto, _listed(bits, upto, n), one_image, x, reach, _box_size(zones))


def still_near_fish(near: NearFish, x: Array, zones: Zones) -> NearFish:
    """The lists, made anew if a fish has moved by half the skin, or the reach or the box is another.

    Args:
        near: earlier lists.
        x: positions, shape (3, n), in the box.
        zones: the zones.

    Returns:
        Lists that are right at these positions, without derivatives.
    """
    near, x, zones = jax.lax.stop_gradient((near, x, zones))
    moved = nearest_image(x - near.positions, _box_size(zones))
    # A little less than half, for rounding. NaN has moved.
    close = jnp.max(jnp.sum(moved**2, axis=0)) <= (0.49 * _SKIN * near.reach) ** 2
    current = close & (near.reach == reach_of(zones)) & (near.box_size == _box_size(zones))
    # A loop of one turn at most: unlike a condition it copies nothing, and under vmap it turns only if a copy must.
    turn = lambda carry: (jnp.asarray(False), near_fish(x, zones))  # noqa: E731
    return jax.lax.while_loop(lambda carry: carry[0], turn, (~current, near))[1]


@jax.jit
def urges_of_near_fish(x: Array, u: Array, near: NearFish, zones: Zones) -> Urges:
    """The urges of every fish from those near enough, without any array of all pairs.

    Tiles look at so many fish at a time, together with other tiles that see as many. Reverse mode keeps no pair and
    computes them again.

    Args:
        x: positions, shape (3, n), in the box.
        u: headings, unit vectors, shape (3, n).
        near: lists that are right at these positions.
        zones: the zones.

    Returns:
        What every fish sees, as from all pairs. Differentiable where edges are soft.
    """
    n = x.shape[1]
    groups, listed, together, block = near.listed.shape
    blocks = -(-n // block)
    held = jnp.concatenate([x, u])
    L = _box_size(zones)

    def by_group(a: Array) -> Array:
        """(..., tiles) as (groups, ..., tiles of a group)."""
        return jnp.moveaxis(a.reshape(*a.shape[:-1], groups, together), -2, 0)

    def fetched(ids: Array, center: Array) -> tuple[Array, Array]:
        """Positions and headings, shapes (3, tiles, fish); positions are images nearest to the centres."""
        found = held.at[:, ids].get(mode="clip")
        images = found[:3] - L * jnp.round((found[:3] - center[:, :, None]) * (1 / L))
        return jax.lax.optimization_barrier((images, found[3:]))

    @functools.partial(jax.checkpoint, prevent_cse=False)
    def look(group: tuple[Array, ...]) -> Array:
        """Sums of the fish of some tiles, shape (4 or 8, tiles, fish)."""
        mine, center, bits, upto, listed_here = group
        my_x, my_u = fetched(mine, center)

        @functools.partial(jax.checkpoint, prevent_cse=False)
        def see(number: Array) -> Array:
            def found() -> Array:
                return _places_of_set_bits(bits, upto, number * block + jnp.arange(block, dtype=jnp.int32))

            theirs = listed_here[jnp.minimum(number, listed - 1)].astype(jnp.int32)
            theirs = theirs if blocks == listed else jax.lax.cond(number < listed, lambda: theirs, found)
            known = number * block + jnp.arange(block, dtype=jnp.int32)[None] < upto[-1][:, None]
            their_x, their_u = fetched(theirs, center)
            # A fish itself is at no distance, exactly, so that it does not see itself.
            several = lambda: sums_of(their_x, their_u, my_x, my_u, known[:, :, None], zones)  # noqa: E731
            one = zones._replace(box_size=None)
            single = lambda: sums_of(their_x, their_u, my_x, my_u, known[:, :, None], one)  # noqa: E731
            return jax.lax.cond(near.one_image, single, several)

        def add(total: Array, number: Array) -> tuple[Array, None]:
            more = lambda total: joined(total, see(number), zones)  # noqa: E731
            return jax.lax.cond(number * block < jnp.max(upto[-1]), more, lambda total: total, total), None

        start = jnp.zeros((rows_of(zones), *mine.shape), x.dtype)
        return jax.lax.scan(add, start, jnp.arange(blocks, dtype=jnp.int32))[0]

    tiles = near.tiles.reshape(groups, together, -1)
    by_groups = (tiles, *(by_group(a) for a in (near.center, near.bits, near.upto)), near.listed)
    found = jnp.moveaxis(jax.lax.map(look, by_groups), 1, 0).reshape(rows_of(zones), -1)
    sums = jnp.zeros((rows_of(zones), n), x.dtype)
    return read(sums.at[:, near.tiles.reshape(-1)].set(found, mode="drop"), zones)


def _bits_of_near(x: Array, center: Array, half_width: Array, reach: Array, box_size: Array) -> Array:
    """For every tile a set bit for each fish within reach of its bounding box: words of 32, shape (words, tiles).

    Args:
        x: positions, shape (3, n).
        center: of the tiles' bounding boxes, shape (3, tiles).
        half_width: of the same.
        reach: how far from the box.
        box_size: L.
    """
    n = x.shape[1]
    words = min(_WORDS_AT_ONCE, -(-n // _WORD))
    padded = jnp.pad(x, ((0, 0), (0, -n % (_WORD * words)))).reshape(3, -1, _WORD * words)
    there = (np.arange(padded.shape[1] * _WORD * words) < n).reshape(-1, _WORD * words)

    def look(some: tuple[Array, Array]) -> Array:
        them, there = some
        apart = jnp.abs(nearest_image(them[:, :, None] - center[:, None], box_size))
        gap = jnp.maximum(apart - half_width[:, None], 0)
        near = ~(jnp.sum(gap**2, axis=0) > reach**2) & there[:, None]  # NaN is near, so that it is not lost
        place = jnp.arange(_WORD, dtype=jnp.uint32)[None, :, None]
        bits = near.reshape(-1, _WORD, center.shape[1]).astype(jnp.uint32) << place
        return jnp.sum(bits, axis=1, dtype=jnp.uint32)

    return jax.lax.map(look, (jnp.moveaxis(padded, 1, 0), jnp.asarray(there))).reshape(-1, center.shape[1])


def _listed(bits: Array, upto: Array, n: int) -> Array:
    """The places of the first set bits, shape (groups, blocks, tiles of a group, fish of a block)."""
    num_tiles = bits.shape[1]
    block = min(_SEEN_AT_ONCE, -(-n // 4) * 4)
    blocks = min(-(-n // block), _LISTED // block)
    together = _largest_divisor(num_tiles, max(1, _PAIRS_AT_ONCE // (block * _TILE)))
    kind = jnp.uint16 if n < 2**16 else jnp.int32

    def write(number: Array, listed: Array) -> Array:
        ranks = number * block + jnp.arange(block, dtype=jnp.int32)
        found = _places_of_set_bits(bits, upto, ranks).astype(kind).reshape(-1, 1, together, block)
        return jax.lax.dynamic_update_slice_in_dim(listed, found, number, axis=1)

    needed = jnp.minimum(blocks, -(-jnp.max(upto[-1]) // block))
    return jax.lax.fori_loop(0, needed, write, jnp.zeros((num_tiles // together, blocks, together, block), kind))


def _places_of_set_bits(words: Array, upto: Array, ranks: Array) -> Array:
    """The bits of given ranks among the set ones; anything where there are not as many.

    A list by arithmetic: to write it down in memory, place by place, takes a CPU several times as long.

    Args:
        words: of 32 bits, unsigned, shape (words, tiles).
        upto: set bits up to the end of each word, the same shape.
        ranks: from 0, shape (ranks,).

    Returns:
        Places, shape (tiles, ranks).
    """
    tile = jnp.arange(words.shape[1], dtype=jnp.int32)[:, None]
    word = jnp.zeros((words.shape[1], len(ranks)), jnp.int32)
    step = power_of_two(len(words)) // 2
    while step:
        probe = jnp.minimum(word + step, len(words)) - 1
        word = jnp.where(upto[probe, tile] <= ranks[None], probe + 1, word)
        step //= 2
    word = jnp.minimum(word, len(words) - 1)
    bits = words[word, tile]
    rank = ranks[None] - upto[word, tile] + jax.lax.population_count(bits).astype(jnp.int32)
    place = _WORD * word
    half = _WORD // 2
    while half:  # in which half of the rest is it?
        below = jax.lax.population_count(bits & np.uint32((1 << half) - 1)).astype(jnp.int32)
        above = rank >= below
        rank = jnp.where(above, rank - below, rank)
        bits = jnp.where(above, bits >> np.uint32(half), bits)
        place = jnp.where(above, place + half, place)
        half //= 2
    return place


def _box_size(zones: Zones) -> Array:
    assert zones.box_size is not None  # it is None for pairs of known images alone
    return zones.box_size


def _largest_divisor(number: int, most: int) -> int:
    return max(divisor for divisor in range(1, min(number, most) + 1) if number % divisor == 0)
