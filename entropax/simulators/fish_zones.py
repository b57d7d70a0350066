"""Who a fish sees in which of Couzin's zones, summed over all pairs or over tiles of near fish.

Pairs are arrays (..., them, me), summed over them: fish that are looked from lie innermost, where a CPU vectorises.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from entropax._typing import Array
from entropax.space._selection import power_of_two
from entropax.space.boxes import nearest_image
from entropax.space.buckets import Buckets, fill_buckets

_CELL_FISH = 4  # that are seen or left out together: fewer have fewer strangers, more make shorter lists
_TILE_CELLS = 4  # that look from one tile: its fish fill the vector registers
_CELLS_SEEN = 64  # that a tile looks at at once, a multiple of `_ROWS_TOGETHER`
_WORD = 32  # bits
_WORDS_AT_ONCE = 8  # of bits that say which cells are within reach
_PAIRS_AT_ONCE = 2**17  # of one tile's worth of pairs or of several together: they stay in the second-level cache
_ROWS_TOGETHER = 4  # that are added before anything is written: see `_sharp_sums`
_TAIL = 20.0  # widths past the last zone, where a soft edge has fallen to 2e-9


class Zones(NamedTuple):
    """The zones as numbers.

    Attributes:
        box_size: L.
        repulsion: r_r.
        orientation: r_o.
        attraction: r_a.
        hidden_below: -cos(alpha), the cosine at which the blind cone begins; -inf where there is none.
        orientation_weight: w_o.
        softness: width of all edges, or None for sharp ones.
    """

    box_size: Array
    repulsion: Array
    orientation: Array
    attraction: Array
    hidden_below: Array
    orientation_weight: Array
    softness: Array | None


class Urges(NamedTuple):
    """What a fish sees, summed.

    Attributes:
        away: minus the sum of unit vectors to those in the zone of repulsion, shape (3, n).
        along: w_o times the sum of headings in the zone of orientation and the sum of unit vectors to those in the
            zone of attraction, shape (3, n); zero where edges are sharp and somebody is in the zone of repulsion.
        alone_near: probability that nobody is in the zone of repulsion, 0 or 1 where edges are sharp, shape (n,).
        alone_far: the same of both outer zones, shape (n,); 0 where edges are sharp, as the sums then tell.
    """

    away: Array
    along: Array
    alone_near: Array
    alone_far: Array


@jax.jit
def urges_of_all_pairs(x: Array, u: Array, zones: Zones) -> Urges:
    """The urges of every fish, from all pairs.

    Args:
        x: positions, shape (3, n), in the box.
        u: headings, unit vectors, shape (3, n).
        zones: the zones.

    Returns:
        What every fish sees. Differentiable where edges are soft.
    """
    n = x.shape[1]
    filled = -n % _ROWS_TOGETHER
    them = np.arange(n + filled)
    other = jnp.asarray((them[:, None] != np.arange(n)) & (them < n)[:, None])
    their_x, their_u = (jnp.pad(a, ((0, 0), (0, filled))) for a in (x, u))
    # Reverse mode computes the pairs again: through many steps what they gave would fill the memory.
    sums = jax.checkpoint(_sums, prevent_cse=False)
    return _read(sums(their_x, their_u, x, u, other, zones), zones)


@jax.jit
def urges_of_near_pairs(x: Array, u: Array, zones: Zones) -> Urges:
    """The urges of every fish from those near enough, without any array of all pairs.

    Fish are cut at medians into cells of equal size, so that no density can overflow one. A tile of some cells looks
    at the cells whose bounding box is within reach of its own, so many at a time and together with other tiles that
    see as many. Reverse mode keeps no pair and computes them again.

    Args:
        x: positions, shape (3, n), in the box.
        u: headings, unit vectors, shape (3, n).
        zones: the zones.

    Returns:
        What every fish sees, as from all pairs. Differentiable where edges are soft.
    """
    n = x.shape[1]
    cells = fill_buckets(jax.lax.stop_gradient(x).T, _CELL_FISH)
    num_cells, size = cells.ids.shape
    num_tiles = num_cells // _largest_divisor(num_cells, _TILE_CELLS)
    words = _cells_within_reach(cells, num_tiles, zones)
    upto = jnp.cumsum(jax.lax.population_count(words).astype(jnp.int32), axis=0)  # cells within reach
    counts = (cells.ids < n).astype(x.dtype)[None]
    # Fetched as whole rows: positions, headings and whether there is a fish, shape (cells, 7, fish).
    held = jnp.moveaxis(jnp.concatenate([*(a[:, cells.ids % n] for a in (x, u)), counts]), 0, 1)
    blocks = -(-num_cells // _CELLS_SEEN)
    by_tile = cells.ids.reshape(num_tiles, -1)
    fish = by_tile.shape[1]
    together = _largest_divisor(num_tiles, max(1, _PAIRS_AT_ONCE // (_CELLS_SEEN * size * fish)))

    def by_component(rows: Array) -> Array:
        """(tiles, cells, 7, fish) as (7, tiles, fish)."""
        return jnp.moveaxis(rows, 2, 0).reshape(7, len(rows), -1)

    @functools.partial(jax.checkpoint, prevent_cse=False)
    def look(mine: Array) -> Array:
        """Sums of the fish of some tiles, shape (4 or 8, tiles, fish)."""
        my = by_component(held.reshape(num_tiles, -1, 7, size)[mine])
        my_words, my_upto = words[:, mine], upto[:, mine]

        @functools.partial(jax.checkpoint, prevent_cse=False)
        def see(block: Array) -> Array:
            places = block * _CELLS_SEEN + jnp.arange(_CELLS_SEEN, dtype=jnp.int32)
            theirs = jax.lax.optimization_barrier(_places_of_set_bits(my_words, my_upto, places))
            rows = held.at[theirs].get(mode="clip")
            their = by_component(jax.lax.optimization_barrier(rows))  # or every pair would fetch them
            known = jnp.repeat(places[None] < my_upto[-1][:, None], size, axis=1)
            # A fish itself is at no distance, exactly, so that it does not see itself.
            there = (known & (their[6] > 0))[:, :, None]
            return _sums(their[:3], their[3:6], my[:3], my[3:6], there, zones)

        start = jnp.zeros((_rows(zones), *my.shape[1:]), x.dtype)

        def add(total: Array, block: Array) -> tuple[Array, None]:
            more = lambda total: _joined(total, see(block), zones)  # noqa: E731
            return jax.lax.cond(block * _CELLS_SEEN < jnp.max(my_upto[-1]), more, lambda total: total, total), None

        return jax.lax.scan(add, start, jnp.arange(blocks, dtype=jnp.int32))[0]

    alike = jnp.argsort(upto[-1])
    found = jnp.moveaxis(jax.lax.map(look, alike.reshape(-1, together)), 1, 0).reshape(_rows(zones), -1)
    sums = jnp.zeros((_rows(zones), n), x.dtype)
    places = by_tile[alike].reshape(-1)
    return _read(sums.at[:, places].set(found, mode="drop", unique_indices=True), zones)


def _cells_within_reach(cells: Buckets, num_tiles: int, zones: Zones) -> Array:
    """For every tile a set bit for each cell that may hold fish it sees: words of 32, shape (words, tiles).

    Args:
        cells: the fish, those of a tile next to each other.
        num_tiles: number of tiles.
        zones: the zones.
    """
    box_size, reach, softness = jax.lax.stop_gradient((zones.box_size, zones.attraction, zones.softness))
    reach = reach if softness is None else reach + _TAIL * softness
    ends = cells.center - cells.half_width, cells.center + cells.half_width
    low, high = (end.reshape(3, 1, num_tiles, -1) for end in ends)
    low, high = jnp.min(low, axis=-1), jnp.max(high, axis=-1)
    num_cells = cells.center.shape[1]
    words = min(_WORDS_AT_ONCE, -(-num_cells // _WORD))
    fill = ((0, 0), (0, -num_cells % (_WORD * words)))
    center = jnp.pad(cells.center, fill).reshape(3, -1, _WORD * words)
    half_width = jnp.pad(cells.half_width, fill, constant_values=-jnp.inf).reshape(3, -1, _WORD * words)

    def look(some: tuple[Array, Array]) -> Array:
        center, half_width = (a[:, :, None] for a in some)
        apart = jnp.abs(nearest_image(center - (low + high) / 2, box_size))
        gap = jnp.maximum(apart - half_width - (high - low) / 2, 0)
        near = ~(jnp.sum(gap**2, axis=0) > reach**2)  # NaN is near, so that it is not lost
        place = jnp.arange(_WORD, dtype=jnp.uint32)[None, :, None]
        bits = near.reshape(-1, _WORD, num_tiles).astype(jnp.uint32) << place
        return jnp.sum(bits, axis=1, dtype=jnp.uint32)

    return jax.lax.map(look, (jnp.moveaxis(center, 1, 0), jnp.moveaxis(half_width, 1, 0))).reshape(-1, num_tiles)


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


def _largest_divisor(number: int, most: int) -> int:
    return max(divisor for divisor in range(1, min(number, most) + 1) if number % divisor == 0)


def _sums(their_x: Array, their_u: Array, my_x: Array, my_u: Array, other: Array, zones: Zones) -> Array:
    """Sums over them for each of me.

    Args:
        their_x: positions, shape (3, ..., them); the number of them is a multiple of `_ROWS_TOGETHER`.
        their_u: headings, the same shape.
        my_x: positions, shape (3, ..., me).
        my_u: headings, the same shape.
        other: which pairs count, shape (..., them, me).
        zones: the zones.

    Returns:
        Where edges are sharp, shape (4, ..., me): three sums of repulsion or, where nobody is in that zone, of the
        outer zones; one over the distance of the nearest that is seen, 0 for nobody. Where they are soft, shape
        (8, ..., me): three of repulsion, three of the outer zones, and minus the logarithms of the probabilities that
        nobody is in the zone of repulsion and in the outer zones.
    """
    one_by_one = _sharp_sums if zones.softness is None else _soft_sums
    return one_by_one(their_x, their_u, my_x, my_u, other, zones)


def _sharp_sums(their_x: Array, their_u: Array, my_x: Array, my_u: Array, other: Array, zones: Zones) -> Array:
    """As `_sums`, in as few passes over the pairs as XLA can be made to take on a CPU.

    One pass writes 1 / r of those seen and 0 for the rest, which also tells the zones: a root is dear, so it is not
    computed again. The sums read it and find the displacements anew. They add some rows before they write: sums over
    a long axis become windows that are not vectorised.
    """
    D = _displacements(their_x, my_x, zones)
    square = _dot(D, D)
    ahead = _dot([component[..., None, :] for component in my_u], D)
    # cos angle > c, without a root: the signed square is monotonic. At a half angle of 180 degrees nobody is seen.
    edge = jnp.where(zones.hidden_below < 1, zones.hidden_below * jnp.abs(zones.hidden_below), jnp.inf)
    seen = other & (square > 0) & (square < zones.attraction**2) & (ahead * jnp.abs(ahead) > edge * square)
    closeness = jax.lax.rsqrt(jnp.where(seen, square, jnp.inf))
    nearest = jnp.max(jax.lax.stop_gradient(closeness), axis=-2)
    repelled = _repelled(nearest, zones)[..., None, :]
    # By the same function as the closeness, so that who is at an edge exactly is beyond it.
    within = jnp.where(repelled, jax.lax.rsqrt(zones.repulsion**2), jax.lax.rsqrt(zones.orientation**2))
    repelled, within = jax.lax.optimization_barrier((repelled, within))  # or every pair would ask again
    rows = their_x.shape[-1] // _ROWS_TOGETHER
    parts = [slice(start, start + rows) for start in range(0, their_x.shape[-1], rows)]
    sums = []
    for their_c, my_c, heading in zip(their_x, my_x, their_u, strict=True):
        urge = jnp.zeros((), my_x.dtype)
        for part in parts:
            close = closeness[..., part, :]
            towards = close * _displacement(their_c[..., part], my_c, zones)
            with_them = zones.orientation_weight * heading[..., part, None]
            inner, outer = jnp.where(repelled, -towards, with_them), jnp.where(repelled, 0, towards)
            urge = urge + jnp.where(close > within, inner, outer)
        sums.append(jnp.sum(urge, axis=-2))
    return jnp.stack([*sums, nearest])


def _soft_sums(their_x: Array, their_u: Array, my_x: Array, my_u: Array, other: Array, zones: Zones) -> Array:
    assert zones.softness is not None
    D = _displacements(their_x, my_x, zones)
    square = _dot(D, D)
    apart = other & (square > 0)
    r = jnp.sqrt(jnp.where(apart, square, 1))
    ahead = _dot([component[..., None, :] for component in my_u], D)
    s = zones.softness
    sighted = zones.hidden_below > -jnp.inf
    edge = jnp.where(sighted, zones.hidden_below, 0)
    seen = jnp.where(apart, jnp.where(sighted, jax.nn.sigmoid((ahead - edge * r) / s), 1), 0)
    beyond = [jax.nn.sigmoid((r - R) / s) for R in (zones.repulsion, zones.orientation, zones.attraction)]
    repelled = seen * (1 - beyond[0])
    aligned = seen * (beyond[0] - beyond[1])
    attracted = seen * (beyond[1] - beyond[2])
    # Each of the sums below would compute these for itself: dear, with their exponentials.
    repelled, aligned, attracted = jax.lax.optimization_barrier((repelled, aligned, attracted))
    away, towards, along = -repelled / r, attracted / r, zones.orientation_weight * aligned
    terms = [away * d for d in D]
    terms += [along * heading[..., None] + towards * d for heading, d in zip(their_u, D, strict=True)]
    terms += [_surprise_of_nobody(repelled), _surprise_of_nobody(aligned + attracted)]
    return jnp.stack([jnp.sum(term, axis=-2) for term in terms])


def _displacements(their_x: Array, my_x: Array, zones: Zones) -> list[Array]:
    return [_displacement(theirs, mine, zones) for theirs, mine in zip(their_x, my_x, strict=True)]


def _displacement(theirs: Array, mine: Array, zones: Zones) -> Array:
    """One component from me to them, of the nearest image; a division a pair would cost more than all else."""
    difference = theirs[..., :, None] - mine[..., None, :]
    return difference - zones.box_size * jnp.round(difference * (1 / zones.box_size))


def _dot(a: list[Array], b: list[Array]) -> Array:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _surprise_of_nobody(membership: Array) -> Array:
    """-log(1 - m), at most -log(eps)."""
    return -jnp.log1p(-jnp.minimum(membership, 1 - jnp.finfo(membership.dtype).eps))


def _rows(zones: Zones) -> int:
    return 4 if zones.softness is None else 8


def _repelled(nearest: Array, zones: Zones) -> Array:
    """Whether somebody is in the zone of repulsion, by one over the distance of the nearest."""
    return nearest > jax.lax.rsqrt(zones.repulsion**2)


def _joined(a: Array, b: Array, zones: Zones) -> Array:
    """What `_sums` gives of two sets of them together."""
    if zones.softness is not None:
        return a + b
    nearest = jnp.maximum(a[3], b[3])
    repelled = _repelled(nearest, zones)
    # Urges of the outer zones count only while nobody is nearer in either.
    kept = [jnp.where(_repelled(part[3], zones) == repelled, part[:3], 0) for part in (a, b)]
    return jnp.concatenate([kept[0] + kept[1], nearest[None]])


def _read(sums: Array, zones: Zones) -> Urges:
    if zones.softness is None:
        repelled = _repelled(sums[3], zones)
        away, along = jnp.where(repelled, sums[:3], 0), jnp.where(repelled, 0, sums[:3])
        return Urges(away, along, 1 - repelled.astype(sums.dtype), jnp.zeros_like(sums[3]))
    return Urges(sums[:3], sums[3:6], jnp.exp(-sums[6]), jnp.exp(-sums[7]))
