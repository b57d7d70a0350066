"""What the entropies of a school of fish compute, arguments checked: x (n, 3), v (n, 3), L, the width or None."""

import math

import jax
import jax.numpy as jnp

from entropax import information
from entropax._typing import Array
from entropax.information._numerics import safe_sqrt
from entropax.observables.school_bins import bin_counts, bin_of, memberships, tally
from entropax.observables.schooling import about_center, angular_momenta, unit_vectors
from entropax.space import PeriodicBox, neighbor_distances
from entropax.space.boxes import wrap_between

NEIGHBORS = 5
_PAIRS_AT_ONCE = 2**16
_BINS = {
    "cohesion": 25,
    "polar": 12,
    "azimuth": 24,
    "depth": 15,
    "angular": 20,
    "variation": 20,
    "correlation": 20,
}


def near_distances(x: Array, L: Array, k: int) -> Array:
    """Distances to the k nearest on the torus, shape (n, k)."""
    corner = jnp.broadcast_to(L, (3,))
    return neighbor_distances(x, k, box=PeriodicBox(jnp.zeros_like(corner), corner))


@jax.jit
def cohesion(x: Array, L: Array, width: Array | None) -> tuple[Array, Array]:
    """The entropy of cohesion and how many fish it holds."""
    return cohesion_of(near_distances(x, L, 1)[:, 0], L, width)


def cohesion_of(nearest: Array, L: Array, width: Array | None) -> tuple[Array, Array]:
    """The same of the distances to the nearest, shape (n,)."""
    counts = bin_counts(nearest, L / 2, _BINS["cohesion"], width, "leaky")
    return _normalized(counts), jnp.sum(counts)


@jax.jit
def variation(x: Array, L: Array, width: Array | None) -> Array:
    """The entropy of the variation of the five nearest."""
    return variation_of(near_distances(x, L, NEIGHBORS), width)


def variation_of(distances: Array, width: Array | None) -> Array:
    """The same of their distances, shape (n, 5)."""
    mean = jnp.mean(distances, axis=1)
    deviation = safe_sqrt(jnp.mean((distances - mean[:, None]) ** 2, axis=1))
    ratio = jnp.where(mean > 0, deviation / jnp.where(mean > 0, mean, 1), 0)
    return _normalized(bin_counts(ratio, 2.0, _BINS["variation"], width))  # of five numbers it is at most 2


@jax.jit
def polar(v: Array, width: Array | None) -> Array:
    """The entropy of headings."""
    u = unit_vectors(v)
    across = safe_sqrt(u[:, 0] ** 2 + u[:, 1] ** 2)
    upright = across == 0  # has no azimuth, and the arc tangent no slope
    polar = jnp.arctan2(across, u[:, 2])
    azimuth = jnp.arctan2(jnp.where(upright, 0, u[:, 1]), jnp.where(upright, 1, u[:, 0])) + math.pi
    m, n = _BINS["polar"], _BINS["azimuth"]
    if width is None:
        cell = bin_of(polar, math.pi, m) * n + bin_of(azimuth, 2 * math.pi, n)
        counts = tally(cell, m * n, v.dtype).reshape(m, n)
    else:
        counts = memberships(polar, math.pi, m, width).T @ memberships(azimuth, 2 * math.pi, n, width, "periodic")
    centers = jnp.sin((jnp.arange(m, dtype=v.dtype) + 0.5) * (math.pi / m))
    return _normalized((counts * centers[:, None]).reshape(-1))


@jax.jit
def depth(x: Array, L: Array, width: Array | None) -> Array:
    """The entropy of heights."""
    z = wrap_between(x[:, 2], jnp.zeros_like(L), L)
    return _normalized(bin_counts(z, L, _BINS["depth"], width, "periodic"))


@jax.jit
def angular(x: Array, v: Array, center_box: Array | None, width: Array | None) -> Array:
    """The entropy of the sizes of angular momenta about a plain or a circular centre."""
    size = safe_sqrt(jnp.sum(angular_momenta(x, v, center_box) ** 2, axis=1))
    return _normalized(bin_counts(jnp.minimum(size, 1), 1.0, _BINS["angular"], width))


@jax.jit
def correlation(v: Array, width: Array | None) -> Array:
    """The entropy of the cosines between headings."""
    u = unit_vectors(v)
    n, bins = u.shape[0], _BINS["correlation"]
    # A row i of the upper triangle is filled up with the row n - 1 - i, turned round: every pair once.
    half = -(-n // 2)
    rows = max(1, min(half, _PAIRS_AT_ONCE // n))
    blocks = -(-half // rows)
    turned = u[::-1]
    padded = [jnp.pad(some[:half], ((0, blocks * rows - half), (0, 0))) for some in (u, turned)]

    @jax.checkpoint
    def block(start: Array) -> Array:
        mine, mine_turned = (jax.lax.dynamic_slice_in_dim(some, start, rows) for some in padded)
        first = (start + jnp.arange(rows, dtype=jnp.int32))[:, None]
        second = jnp.arange(n, dtype=jnp.int32)[None]
        cosine = jnp.where(second > first, mine @ u.T, mine_turned @ turned.T)
        pair = ((second > first) & (first < half)) | ((second < first) & (first < n // 2))
        return bin_counts(((1 + jnp.clip(cosine, -1, 1)) / 2).reshape(-1), 1.0, bins, width, where=pair.reshape(-1))

    starts = rows * jnp.arange(blocks, dtype=jnp.int32)
    return _normalized(jax.lax.scan(lambda sum, s: (sum + block(s), None), jnp.zeros(bins, u.dtype), starts)[0])


@jax.jit
def shape(x: Array, center_box: Array | None) -> tuple[Array, Array]:
    """The entropy of the shares of the principal variances, and the total."""
    about = about_center(x, center_box)
    about = about - jnp.mean(about, axis=0, keepdims=True)
    variances = jnp.maximum(jnp.linalg.eigvalsh(about.T @ about), 0)  # zeros that rounding made negative
    total = jnp.sum(variances)
    return information.entropy(variances / jnp.where(total > 0, total, 1)) / math.log(3), total


def _normalized(counts: Array) -> Array:
    total = jnp.sum(counts)
    return information.entropy(counts / jnp.where(total > 0, total, 1)) / math.log(counts.size)
