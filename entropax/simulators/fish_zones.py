"""Who a fish sees in which of Couzin's zones, summed over pairs: all of them, or those that a tile looks at.

Pairs are arrays (..., them, me), summed over them: fish that are looked from lie innermost, where a CPU vectorises.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from entropax._typing import Array
from entropax.space.boxes import nearest_image

_ROWS_TOGETHER = 4  # that are added before anything is written: see `_sharp_sums`
_TAIL = 20.0  # widths past the last zone, where a soft edge has fallen to 2e-9


class Zones(NamedTuple):
    """The zones as numbers.

    Attributes:
        box_size: L, or None where positions are images nearest to each other.
        repulsion: r_r.
        orientation: r_o.
        attraction: r_a.
        hidden_below: -cos(alpha), the cosine at which the blind cone begins; -inf where there is none.
        orientation_weight: w_o.
        softness: width of all edges, or None for sharp ones.
    """

    box_size: Array | None
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
    sums = jax.checkpoint(sums_of, prevent_cse=False)
    return read(sums(their_x, their_u, x, u, other, zones), zones)


def sums_of(their_x: Array, their_u: Array, my_x: Array, my_u: Array, other: Array, zones: Zones) -> Array:
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
    """As `sums_of`, in as few passes over the pairs as XLA can be made to take on a CPU.

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
    closeness = _closeness(seen, square)
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


@jax.custom_jvp
def _closeness(seen: Array, square: Array) -> Array:
    """1 / r of those seen, 0 of the others: who is chosen after the root, for a CPU does not wait for it then."""
    return jnp.where(seen, jax.lax.rsqrt(square), 0)


@_closeness.defjvp
def _closeness_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    """-1 / (2 r^3), which is 0, not NaN, for a fish itself."""
    close = _closeness(*primals)
    return close, -0.5 * close**3 * tangents[1]


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
    """One component from me to them, of the nearest image."""
    difference = theirs[..., :, None] - mine[..., None, :]
    if zones.box_size is None:
        return difference
    return nearest_image(difference, zones.box_size)


def _dot(a: list[Array], b: list[Array]) -> Array:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _surprise_of_nobody(membership: Array) -> Array:
    """-log(1 - m), at most -log(eps)."""
    return -jnp.log1p(-jnp.minimum(membership, 1 - jnp.finfo(membership.dtype).eps))


def reach_of(zones: Zones) -> Array:
    """The distance beyond which a fish sees nobody.

    Args:
        zones: the zones.

    Returns:
        That distance, a number.
    """
    return zones.attraction if zones.softness is None else zones.attraction + _TAIL * zones.softness


def rows_of(zones: Zones) -> int:
    """The number of sums, see `sums_of`.

    Args:
        zones: the zones.

    Returns:
        4 where edges are sharp, 8 where they are soft.
    """
    return 4 if zones.softness is None else 8


def _repelled(nearest: Array, zones: Zones) -> Array:
    """Whether somebody is in the zone of repulsion, by one over the distance of the nearest."""
    return nearest > jax.lax.rsqrt(zones.repulsion**2)


def joined(a: Array, b: Array, zones: Zones) -> Array:
    """What `sums_of` gives of two sets of them together.

    Args:
        a: sums over the one.
        b: sums over the other.
        zones: the zones.

    Returns:
        The sums over both, of the same shape.
    """
    if zones.softness is not None:
        return a + b
    nearest = jnp.maximum(a[3], b[3])
    repelled = _repelled(nearest, zones)
    # Urges of the outer zones count only while nobody is nearer in either.
    kept = [jnp.where(_repelled(part[3], zones) == repelled, part[:3], 0) for part in (a, b)]
    return jnp.concatenate([kept[0] + kept[1], nearest[None]])


def read(sums: Array, zones: Zones) -> Urges:
    """What the sums say of a fish's urges.

    Args:
        sums: see `sums_of`, over all.
        zones: the zones.

    Returns:
        What every fish sees.
    """
    if zones.softness is None:
        repelled = _repelled(sums[3], zones)
        away, along = jnp.where(repelled, sums[:3], 0), jnp.where(repelled, 0, sums[:3])
        return Urges(away, along, 1 - repelled.astype(sums.dtype), jnp.zeros_like(sums[3]))
    return Urges(sums[:3], sums[3:6], jnp.exp(-sums[6]), jnp.exp(-sums[7]))
