"""Who a fish sees in which of Couzin's zones, summed over all pairs or over tiles of near fish.

Pairs are arrays (..., them, me), summed over them: fish that are looked from lie innermost, where a CPU vectorises.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from entropax._typing import Array
from entropax.space.boxes import nearest_image
from entropax.space.buckets import fill_buckets

_TILE_FISH = 16  # of one tile: fewer have fewer strangers to sort out, more fill the vector registers
_TILES_SEEN = 8  # that a tile looks at at once, a multiple of `_ROWS_TOGETHER`
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
            zone of attraction, shape (3, n).
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

    Fish are cut at medians into tiles of equal size, so that no density can overflow one. A tile looks at the tiles
    whose bounding box is within reach of its own, so many at a time and together with the tiles next to it. Reverse
    mode keeps no pair and computes them again.

    Args:
        x: positions, shape (3, n), in the box.
        u: headings, unit vectors, shape (3, n).
        zones: the zones.

    Returns:
        What every fish sees, as from all pairs. Differentiable where edges are soft.
    """
    n = x.shape[1]
    tiles = fill_buckets(jax.lax.stop_gradient(x).T, _TILE_FISH)
    num_tiles, size = tiles.ids.shape
    listed, count = _tiles_within_reach(tiles.center, tiles.half_width, zones)
    by_tile = tiles.ids % n
    x_of, u_of = x[:, by_tile], u[:, by_tile]  # (3, tiles, fish)
    seen = _TILES_SEEN
    blocks = -(-num_tiles // seen)
    listed = jnp.pad(listed, ((0, 0), (0, blocks * seen - num_tiles)))
    together = _largest_divisor(num_tiles, max(1, _PAIRS_AT_ONCE // (seen * size * size)))

    @functools.partial(jax.checkpoint, prevent_cse=False)
    def look(mine: Array) -> Array:
        """Sums of the fish of some tiles, shape (7 or 8, tiles, fish)."""
        my_x, my_u, my_ids, many = x_of[:, mine], u_of[:, mine], tiles.ids[mine], count[mine]

        @functools.partial(jax.checkpoint, prevent_cse=False)
        def see(block: Array) -> Array:
            theirs = jax.lax.dynamic_slice_in_dim(listed[mine], block * seen, seen, axis=1)
            known = block * seen + jnp.arange(seen, dtype=jnp.int32)[None] < many[:, None]
            ids = jnp.where(known[..., None], tiles.ids[theirs], n).reshape(len(mine), -1)
            other = (ids < n)[:, :, None] & (ids[:, :, None] != my_ids[:, None, :])
            their_x, their_u = (a[:, theirs].reshape(3, len(mine), -1) for a in (x_of, u_of))
            return _sums(their_x, their_u, my_x, my_u, other, zones)

        start = jnp.zeros((_rows(zones), *my_ids.shape), x.dtype)

        def add(total: Array, block: Array) -> tuple[Array, None]:
            nothing = lambda block: start  # noqa: E731
            more = jax.lax.cond(block * seen < jnp.max(many), see, nothing, block)
            return _joined(total, more, zones), None

        return jax.lax.scan(add, start, jnp.arange(blocks, dtype=jnp.int32))[0]

    groups = jnp.arange(num_tiles, dtype=jnp.int32).reshape(-1, together)
    found = jnp.moveaxis(jax.lax.map(look, groups), 1, 0).reshape(_rows(zones), -1)
    sums = jnp.zeros((_rows(zones), n), x.dtype)
    return _read(sums.at[:, tiles.ids.reshape(-1)].set(found, mode="drop", unique_indices=True), zones)


def _tiles_within_reach(center: Array, half_width: Array, zones: Zones) -> tuple[Array, Array]:
    """For every tile those that may hold fish it sees, first in its row, and their number.

    Args:
        center: of the tiles' boxes, shape (3, tiles).
        half_width: of them, shape (3, tiles).
        zones: the zones.
    """
    num_tiles = center.shape[1]
    box_size, reach, softness = jax.lax.stop_gradient((zones.box_size, zones.attraction, zones.softness))
    reach = reach if softness is None else reach + _TAIL * softness
    apart = jnp.abs(nearest_image(center[:, :, None] - center[:, None, :], box_size))
    gap = jnp.maximum(apart - half_width[:, :, None] - half_width[:, None, :], 0)
    near = ~(jnp.sum(gap**2, axis=0) > reach**2)  # NaN is near, so that it is not lost
    place = jnp.cumsum(near, axis=1, dtype=jnp.int32)
    tile = jnp.arange(num_tiles, dtype=jnp.int32)
    slot = jnp.where(near, place - 1, num_tiles)
    tiles = jnp.broadcast_to(tile, near.shape)
    return jnp.zeros(near.shape, jnp.int32).at[tile[:, None], slot].set(tiles, mode="drop"), place[:, -1]


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
        Shape (7 or 8, ..., me): three of repulsion, three of the outer zones; then, where edges are sharp, one over the
        distance of the nearest that is seen, 0 for nobody; where they are soft, minus the logarithms of the
        probabilities that nobody is in the zone of repulsion and in the outer zones.
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
    # By the same function, so that who is at an edge exactly is beyond it.
    repelling, aligning = (jax.lax.rsqrt(radius**2) for radius in (zones.repulsion, zones.orientation))
    rows = other.shape[-2] // _ROWS_TOGETHER
    parts = [slice(start, start + rows) for start in range(0, other.shape[-2], rows)]
    away, along = [], []
    for their_c, my_c, heading in zip(their_x, my_x, their_u, strict=True):
        pushed = pulled = jnp.zeros((*other.shape[:-2], rows, other.shape[-1]), my_x.dtype)
        for part in parts:
            close = closeness[..., part, :]
            towards = close * _displacement(their_c[..., part], my_c, zones)
            with_them = zones.orientation_weight * heading[..., part, None]
            near = close > repelling
            pushed = pushed - jnp.where(near, towards, 0)
            pulled = pulled + jnp.where(near, 0, jnp.where(close > aligning, with_them, towards))
        away.append(pushed)
        along.append(pulled)
    nearest = jnp.max(jax.lax.stop_gradient(closeness), axis=-2)
    return jnp.stack([*(jnp.sum(part, axis=-2) for part in (*away, *along)), nearest])


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
    return 7 if zones.softness is None else 8


def _joined(a: Array, b: Array, zones: Zones) -> Array:
    """What `_sums` gives of two sets of them together."""
    if zones.softness is None:
        return jnp.concatenate([a[:6] + b[:6], jnp.maximum(a[6:], b[6:])])
    return a + b


def _read(sums: Array, zones: Zones) -> Urges:
    if zones.softness is None:
        nobody = ~(sums[6] > jax.lax.rsqrt(zones.repulsion**2))
        return Urges(sums[:3], sums[3:6], nobody.astype(sums.dtype), jnp.zeros_like(sums[6]))
    return Urges(sums[:3], sums[3:6], jnp.exp(-sums[6]), jnp.exp(-sums[7]))
