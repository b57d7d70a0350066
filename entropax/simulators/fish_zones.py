"""Who a fish sees in which of Couzin's zones, summed over all pairs or over tiles of near fish.

Sums run over the first axis of a tile (them, me): fish that are looked from lie innermost, where a CPU vectorises.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from entropax._typing import Array
from entropax.space.boxes import nearest_image
from entropax.space.buckets import fill_buckets

_TILE_FISH = 32  # that look from one tile: fewer have fewer strangers to sort out, more fill the vector registers
_TILE_SEEN = 128  # candidates that a tile sees at once
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
    """
    other = jnp.asarray(~np.eye(x.shape[1], dtype=bool))
    # Reverse mode computes the pairs again: through many steps what they gave would fill the memory.
    sums = jax.checkpoint(lambda x, u, zones: _sums(x, u, x, u, other, zones), prevent_cse=False)
    return _read(sums(x, u, zones), zones)


@jax.jit
def urges_of_near_pairs(x: Array, u: Array, zones: Zones) -> Urges:
    """The urges of every fish from those near enough, without any array of all pairs.

    Fish are cut at medians into tiles of equal size, so that no density can overflow one. A tile looks at the fish
    within reach of its bounding box, so many at a time. Reverse mode keeps neither and computes them again.

    Args:
        x: positions, shape (3, n), in the box.
        u: headings, unit vectors, shape (3, n).
        zones: the zones.
    """
    n = x.shape[1]
    still, reach = jax.lax.stop_gradient((x, zones.attraction))
    if zones.softness is not None:
        reach = reach + _TAIL * jax.lax.stop_gradient(zones.softness)
    tiles = fill_buckets(still.T, _TILE_FISH)
    blocks = -(-n // _TILE_SEEN)
    rows = 7 if zones.softness is None else 8

    def within_reach(center: Array, half_width: Array) -> tuple[Array, Array]:
        """Indices of the fish a tile may see, first in the list, and their number."""
        apart = jnp.abs(nearest_image(still - center[:, None], jax.lax.stop_gradient(zones.box_size)))
        gap = jnp.maximum(apart - half_width[:, None], 0)
        near = ~(jnp.sum(gap**2, axis=0) > reach**2)  # NaN is near, so that it is not lost
        place = jnp.cumsum(near, dtype=jnp.int32)
        listed = jnp.zeros(blocks * _TILE_SEEN, jnp.int32)
        fish = jnp.arange(n, dtype=jnp.int32)
        return listed.at[jnp.where(near, place - 1, listed.size)].set(fish, mode="drop"), place[-1]

    @functools.partial(jax.checkpoint, prevent_cse=False)
    def look(tile: tuple[Array, Array, Array]) -> Array:
        ids, center, half_width = tile
        listed, count = within_reach(center, half_width)
        me = jnp.minimum(ids, n - 1)

        @functools.partial(jax.checkpoint, prevent_cse=False)
        def see(block: Array) -> Array:
            slots = block * _TILE_SEEN + jnp.arange(_TILE_SEEN, dtype=jnp.int32)
            them = listed[slots]
            other = (slots < count)[:, None] & (them[:, None] != me[None, :])
            return _sums(x[:, them], u[:, them], x[:, me], u[:, me], other, zones)

        def add(total: Array, block: Array) -> tuple[Array, None]:
            nothing = lambda block: jnp.zeros_like(total)  # noqa: E731
            return total + jax.lax.cond(block * _TILE_SEEN < count, see, nothing, block), None

        start = jnp.zeros((rows, ids.size), x.dtype)
        return jax.lax.scan(add, start, jnp.arange(blocks, dtype=jnp.int32))[0]

    seen = jax.lax.map(look, (tiles.ids, tiles.center.T, tiles.half_width.T))  # (tiles, rows, fish of a tile)
    seen = jnp.moveaxis(seen, 1, 0).reshape(rows, -1)
    sums = jnp.zeros((rows, n), x.dtype).at[:, tiles.ids.reshape(-1)].set(seen, mode="drop", unique_indices=True)
    return _read(sums, zones)


def _sums(their_x: Array, their_u: Array, my_x: Array, my_u: Array, other: Array, zones: Zones) -> Array:
    """Sums over them for each of me, shape (7 or 8, me).

    Three of repulsion, three of the outer zones; then how many are in the zone of repulsion or, where edges are soft,
    minus the logarithms of the probabilities that nobody is there, and in the outer zones.
    """
    D = [nearest_image(a[:, None] - b[None, :], zones.box_size) for a, b in zip(their_x, my_x, strict=True)]
    square = D[0] ** 2 + D[1] ** 2 + D[2] ** 2
    apart = other & (square > 0)
    r = jnp.sqrt(jnp.where(apart, square, 1))
    ahead = my_u[0][None] * D[0] + my_u[1][None] * D[1] + my_u[2][None] * D[2]
    if zones.softness is None:
        seen = apart & (ahead > zones.hidden_below * r)
        near, middle = r < zones.repulsion, r < zones.orientation
        repelled = (seen & near).astype(r.dtype)
        aligned = (seen & ~near & middle).astype(r.dtype)
        attracted = (seen & ~middle & (r < zones.attraction)).astype(r.dtype)
        evidence = [repelled]
    else:
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
        evidence = [_surprise_of_nobody(repelled), _surprise_of_nobody(aligned + attracted)]
    away, towards, along = -repelled / r, attracted / r, zones.orientation_weight * aligned
    terms = [away * d for d in D]
    terms += [along * h[:, None] + towards * d for h, d in zip(their_u, D, strict=True)]
    return jnp.stack([jnp.sum(term, axis=0) for term in (*terms, *evidence)])


def _surprise_of_nobody(membership: Array) -> Array:
    """-log(1 - m), at most -log(eps)."""
    return -jnp.log1p(-jnp.minimum(membership, 1 - jnp.finfo(membership.dtype).eps))


def _read(sums: Array, zones: Zones) -> Urges:
    if zones.softness is None:
        return Urges(sums[:3], sums[3:6], (sums[6] == 0).astype(sums.dtype), jnp.zeros_like(sums[6]))
    return Urges(sums[:3], sums[3:6], jnp.exp(-sums[6]), jnp.exp(-sums[7]))
