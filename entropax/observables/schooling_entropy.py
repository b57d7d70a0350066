"""Seven entropies of a school of fish, each divided by its largest possible value, and the index they make.

Each is the entropy of a histogram of some quantity of a fish or a pair (or of the shares of the principal variances),
over the logarithm of the number of bins. The paper's bins are sharp and the entropies piecewise constant. With a
`width`, in bins, every edge is a logistic step of that width: entropies then have gradients, and tend to the sharp ones
as it vanishes.

Where the paper's package differs: it scores 0.5 where fish are too few for an entropy, which raises here; and it drops
products of unit vectors that rounding has put past one, which are counted here.
"""

import functools
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks, information
from entropax._typing import Array, ArrayLike, Float, Real, RealScalar, Scalar
from entropax.information._numerics import safe_sqrt
from entropax.observables.school_bins import bin_counts, bin_of, memberships, tally
from entropax.observables.schooling import about_center, angular_momenta, of_school, unit_vectors
from entropax.space import PeriodicBox, neighbor_distances
from entropax.space.boxes import wrap_between

INDEX_WEIGHTS = (0.18, 0.28, 0.08, 0.08, 0.10, 0.18, 0.10)
"""Weights of the index, in the order of the fields of `SchoolingEntropies`."""

_NEIGHBORS = 5
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


class SchoolingEntropies(eqx.Module):
    """The seven normalised entropies of a school, each in [0, 1].

    Attributes:
        cohesion: of the distances to the nearest neighbour.
        polarization: of the headings.
        depth: of the heights.
        angular_momentum: of the sizes of the angular momenta.
        neighbor_variation: of how unequal the distances to the five nearest are.
        velocity_correlation: of the cosines between headings.
        shape: of the principal variances.
    """

    cohesion: Scalar
    polarization: Scalar
    depth: Scalar
    angular_momentum: Scalar
    neighbor_variation: Scalar
    velocity_correlation: Scalar
    shape: Scalar

    def stacked(self) -> Float[Array, "7"]:
        """The seven in one array, in the order of the fields."""
        return jnp.stack(jax.tree.leaves(self))


def cohesion_entropy(
    positions: Real[ArrayLike, "n 3"], box_size: RealScalar, *, width: RealScalar | None = None
) -> Scalar:
    """Entropy of the distance to the nearest neighbour on the torus: 25 bins on [0, L/2], over log 25.

    Args:
        positions: shape (n, 3) with n >= 2, on the periodic cube; any representatives.
        box_size: L > 0. Fish whose nearest neighbour is further than L/2 are left out.
        width: None for sharp bins, or that of their edges in bins.

    Returns:
        H in [0, 1].

    Raises:
        ValueError: the shape is another, a number is not finite, L or the width is not positive, or every fish was
            left out.

    With a width differentiable in positions, L and width. Source: arXiv 2602.07948.
    """
    x, _, L, w, checks = _arguments(positions, None, box_size, width, fewest=2)
    value, kept = _cohesion(x, L, w)
    return _checks.enforce(value, *checks, _some_kept(kept))


def polarization_entropy(velocities: Real[ArrayLike, "n 3"], *, width: RealScalar | None = None) -> Scalar:
    """Entropy of the headings: 12 bins of the polar angle and 24 of the azimuth, over log 288.

    Counts are multiplied by the sine of the polar angle at the centre of their bin. So equal counts in all bins give
    0.976, and isotropic headings tend to 0.946, not to 1.

    Args:
        velocities: shape (n, 3), none of them zero.
        width: None for sharp bins, or that of their edges in bins.

    Returns:
        H in [0, 1].

    Raises:
        ValueError: the shape is another, a velocity vanishes or is not finite, or the width is not positive.

    With a width differentiable in velocities and width. Source: arXiv 2602.07948.
    """
    _, v, _, w, checks = _arguments(velocities, velocities, None, width, fewest=1, first="velocities")
    return _checks.enforce(_polar(v, w), *checks)


def depth_entropy(
    positions: Real[ArrayLike, "n 3"], box_size: RealScalar, *, width: RealScalar | None = None
) -> Scalar:
    """Entropy of the heights z: 15 bins on [0, L], over log 15.

    Args:
        positions: shape (n, 3), on the periodic cube; any representatives.
        box_size: L > 0.
        width: None for sharp bins, or that of their edges in bins; the first and the last bin are neighbours.

    Returns:
        H in [0, 1].

    Raises:
        ValueError: the shape is another, a number is not finite, or L or the width is not positive.

    With a width differentiable in positions, L and width. Source: arXiv 2602.07948.
    """
    x, _, L, w, checks = _arguments(positions, None, box_size, width, fewest=1)
    return _checks.enforce(_depth(x, L, w), *checks)


def angular_momentum_entropy(
    positions: Real[ArrayLike, "n 3"],
    velocities: Real[ArrayLike, "n 3"],
    *,
    box_size: RealScalar | None = None,
    width: RealScalar | None = None,
) -> Scalar:
    """Entropy of |e_i x v_i / |v_i||, e_i the unit vector from the centre: 20 bins on [0, 1], over log 20.

    Args:
        positions: shape (n, 3) with n >= 3.
        velocities: shape (n, 3), none of them zero.
        box_size: None for the plain mean as the centre, L for the circular mean, as in `rotation_order`.
        width: None for sharp bins, or that of their edges in bins.

    Returns:
        H in [0, 1].

    Raises:
        ValueError: a shape is another, a number is not finite, a velocity vanishes, or L or the width is not positive.

    With a width differentiable in positions, velocities and width. Source: arXiv 2602.07948.
    """
    x, v, L, w, checks = _arguments(positions, velocities, box_size, width, fewest=3)
    return _checks.enforce(_angular(x, v, L, w), *checks)


def neighbor_variation_entropy(
    positions: Real[ArrayLike, "n 3"], box_size: RealScalar, *, width: RealScalar | None = None
) -> Scalar:
    """Entropy of the coefficient of variation of the distances to the five nearest: 20 bins on [0, 2], over log 20.

    Args:
        positions: shape (n, 3) with n >= 6, on the periodic cube; any representatives.
        box_size: L > 0.
        width: None for sharp bins, or that of their edges in bins.

    Returns:
        H in [0, 1].

    Raises:
        ValueError: the shape is another, a number is not finite, or L or the width is not positive.

    With a width differentiable in positions, L and width. Source: arXiv 2602.07948.
    """
    x, _, L, w, checks = _arguments(positions, None, box_size, width, fewest=_NEIGHBORS + 1)
    return _checks.enforce(_variation(x, L, w), *checks)


def velocity_correlation_entropy(velocities: Real[ArrayLike, "n 3"], *, width: RealScalar | None = None) -> Scalar:
    """Entropy of (1 + cos angle(v_i, v_j)) / 2 over all pairs: 20 bins on [0, 1], over log 20.

    Args:
        velocities: shape (n, 3) with n >= 2, none of them zero.
        width: None for sharp bins, or that of their edges in bins.

    Returns:
        H in [0, 1]. Pairs are taken in blocks: memory grows as n.

    Raises:
        ValueError: the shape is another, a velocity vanishes or is not finite, or the width is not positive.

    With a width differentiable in velocities and width. Source: arXiv 2602.07948.
    """
    _, v, _, w, checks = _arguments(velocities, velocities, None, width, fewest=2, first="velocities")
    return _checks.enforce(_correlation(v, w), *checks)


def shape_entropy(positions: Real[ArrayLike, "n 3"], *, box_size: RealScalar | None = None) -> Scalar:
    """Entropy of the shares of the three principal variances, over log 3: 0 for a line, 1 for a ball.

    Args:
        positions: shape (n, 3) with n >= 4, not all at one point.
        box_size: None for the plain mean as the centre, L for the circular mean, as in `rotation_order`.

    Returns:
        H in [0, 1].

    Raises:
        ValueError: the shape is another, a number is not finite, L is not positive, or all fish are at one point.

    Differentiable in the positions. Source: arXiv 2602.07948.
    """
    x, _, L, _, checks = _arguments(positions, None, box_size, None, fewest=4)
    value, total = _shape(x, L)
    return _checks.enforce(value, *checks, _not_a_point(total))


def schooling_entropies(
    positions: Real[ArrayLike, "n 3"],
    velocities: Real[ArrayLike, "n 3"],
    box_size: RealScalar,
    *,
    periodic_center: bool = False,
    width: RealScalar | None = None,
) -> SchoolingEntropies:
    """The seven entropies, with one search for neighbours.

    Args:
        positions: shape (n, 3) with n >= 6, on the periodic cube.
        velocities: shape (n, 3), none of them zero.
        box_size: L > 0.
        periodic_center: whether the centre is the circular mean on the torus; by default the plain mean, the paper's.
        width: None for sharp bins, or that of their edges in bins.

    Returns:
        The entropies.

    Raises:
        ValueError: as the single functions.

    The shape's has gradients in any case, the others with a width. Source: arXiv 2602.07948.
    """
    x, v, L, w, checks = _arguments(positions, velocities, box_size, width, fewest=_NEIGHBORS + 1)
    entropies, kept, total = _all(x, v, L, w, bool(periodic_center))
    return _checks.enforce(entropies, *checks, _some_kept(kept), _not_a_point(total))


def oceanic_schooling_index(
    positions: Real[ArrayLike, "n 3"],
    velocities: Real[ArrayLike, "n 3"],
    box_size: RealScalar,
    *,
    weights: Real[ArrayLike, "7"] = INDEX_WEIGHTS,  # pyright: ignore[reportArgumentType]
    periodic_center: bool = False,
    width: RealScalar | None = None,
) -> Scalar:
    """Disorder of a school, OSI = sum_k w_k H_k of `schooling_entropies`; the larger, the less order.

    Args:
        positions: shape (n, 3) with n >= 6, on the periodic cube.
        velocities: shape (n, 3), none of them zero.
        box_size: L > 0.
        weights: w, shape (7,); the paper's sum to one: 0.18 cohesion, 0.28 polarization, 0.08 depth, 0.08 angular
            momentum, 0.10 neighbour variation, 0.18 velocity correlation, 0.10 shape.
        periodic_center: as for `schooling_entropies`.
        width: None for sharp bins, or that of their edges in bins.

    Returns:
        The index, in [0, 1] for the paper's weights.

    Raises:
        ValueError: as `schooling_entropies`, or there are not seven weights or one is not finite.

    With a width differentiable in all. Source: arXiv 2602.07948.
    """
    x, v, L, w, checks = _arguments(positions, velocities, box_size, width, fewest=_NEIGHBORS + 1)
    with _checks.evaluated_now(weights):
        share = jnp.asarray(weights, x.dtype)
    _checks.require_shape("weights", share, (7,))
    value, kept, total = _index(x, v, L, w, share, bool(periodic_center))
    return _checks.enforce(value, *checks, _some_kept(kept), _not_a_point(total), _checks.finite("weights", share))


# ------------------------------------------------------------------------------------------------------------ kernels


@functools.partial(jax.jit, static_argnames="periodic_center")
def _all(
    x: Array, v: Array, L: Array, width: Array | None, periodic_center: bool
) -> tuple[SchoolingEntropies, Array, Array]:
    """The entropies, how many fish that of cohesion holds, and the total variance."""
    center_box = L if periodic_center else None
    near = _near(x, L, _NEIGHBORS)
    cohesion, kept = _cohesion_of(near[:, 0], L, width)
    shape, total = _shape(x, center_box)
    entropies = SchoolingEntropies(
        cohesion,
        _polar(v, width),
        _depth(x, L, width),
        _angular(x, v, center_box, width),
        _variation_of(near, width),
        _correlation(v, width),
        shape,
    )
    return entropies, kept, total


@functools.partial(jax.jit, static_argnames="periodic_center")
def _index(
    x: Array, v: Array, L: Array, width: Array | None, weights: Array, periodic_center: bool
) -> tuple[Array, Array, Array]:
    entropies, kept, total = _all(x, v, L, width, periodic_center)
    return jnp.sum(weights * entropies.stacked()), kept, total


def _near(x: Array, L: Array, k: int) -> Array:
    corner = jnp.broadcast_to(L, (3,))
    return neighbor_distances(x, k, box=PeriodicBox(jnp.zeros_like(corner), corner))


@jax.jit
def _cohesion(x: Array, L: Array, width: Array | None) -> tuple[Array, Array]:
    return _cohesion_of(_near(x, L, 1)[:, 0], L, width)


def _cohesion_of(nearest: Array, L: Array, width: Array | None) -> tuple[Array, Array]:
    counts = bin_counts(nearest, L / 2, _BINS["cohesion"], width, "leaky")
    return _normalized(counts), jnp.sum(counts)


@jax.jit
def _variation(x: Array, L: Array, width: Array | None) -> Array:
    return _variation_of(_near(x, L, _NEIGHBORS), width)


def _variation_of(distances: Array, width: Array | None) -> Array:
    mean = jnp.mean(distances, axis=1)
    deviation = safe_sqrt(jnp.mean((distances - mean[:, None]) ** 2, axis=1))
    ratio = jnp.where(mean > 0, deviation / jnp.where(mean > 0, mean, 1), 0)
    return _normalized(bin_counts(ratio, 2.0, _BINS["variation"], width))  # of five numbers it is at most 2


@jax.jit
def _polar(v: Array, width: Array | None) -> Array:
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
def _depth(x: Array, L: Array, width: Array | None) -> Array:
    z = wrap_between(x[:, 2], jnp.zeros_like(L), L)
    return _normalized(bin_counts(z, L, _BINS["depth"], width, "periodic"))


@jax.jit
def _angular(x: Array, v: Array, center_box: Array | None, width: Array | None) -> Array:
    size = safe_sqrt(jnp.sum(angular_momenta(x, v, center_box) ** 2, axis=1))
    return _normalized(bin_counts(jnp.minimum(size, 1), 1.0, _BINS["angular"], width))


@jax.jit
def _correlation(v: Array, width: Array | None) -> Array:
    u = unit_vectors(v)
    n, bins = u.shape[0], _BINS["correlation"]
    rows = max(1, min(n, _PAIRS_AT_ONCE // n))
    blocks = -(-n // rows)
    padded = jnp.pad(u, ((0, blocks * rows - n), (0, 0)))

    @jax.checkpoint
    def block(start: Array) -> Array:
        mine = jax.lax.dynamic_slice_in_dim(padded, start, rows)
        cosine = jnp.clip(mine @ u.T, -1, 1)
        first, second = start + jnp.arange(rows, dtype=jnp.int32), jnp.arange(n, dtype=jnp.int32)
        pair = (first[:, None] < second[None, :]).reshape(-1)
        return bin_counts(((1 + cosine) / 2).reshape(-1), 1.0, bins, width, where=pair)

    starts = rows * jnp.arange(blocks, dtype=jnp.int32)
    return _normalized(jax.lax.scan(lambda sum, s: (sum + block(s), None), jnp.zeros(bins, u.dtype), starts)[0])


@jax.jit
def _shape(x: Array, center_box: Array | None) -> tuple[Array, Array]:
    about = about_center(x, center_box)
    about = about - jnp.mean(about, axis=0, keepdims=True)
    variances = jnp.maximum(jnp.linalg.eigvalsh(about.T @ about), 0)  # zeros that rounding made negative
    total = jnp.sum(variances)
    return information.entropy(variances / jnp.where(total > 0, total, 1)) / math.log(3), total


def _normalized(counts: Array) -> Array:
    total = jnp.sum(counts)
    return information.entropy(counts / jnp.where(total > 0, total, 1)) / math.log(counts.size)


# ------------------------------------------------------------------------------------------------------------- checks


def _arguments(
    positions: ArrayLike,
    velocities: ArrayLike | None,
    box_size: RealScalar | None,
    width: RealScalar | None,
    *,
    fewest: int,
    first: str = "positions",
) -> tuple[Array, Array, Any, Any, list[_checks.Check]]:
    """Positions, velocities, L and the width (None where they are not given), and what must hold of them."""
    if first == "velocities":
        v = _checks.as_float("velocities", positions)
        if v.ndim != 2 or v.shape[1] != 3:
            raise ValueError(f"velocities must have shape (n, 3), got {v.shape}")
    x, v, box, checks = of_school(positions, velocities, box_size)
    if first == "velocities":
        checks = checks[1:]  # that of the positions, which stand in for them
    if x.shape[0] < fewest:
        raise ValueError(f"{first} must hold at least {fewest} fish, got {x.shape[0]}")
    if width is None:
        return x, v, box, None, checks
    (w,) = _checks.as_numbers(width=width)
    w = w.astype(x.dtype)
    return x, v, box, w, [*checks, _checks.positive("width", w)]


def _some_kept(kept: Array) -> _checks.Check:
    words = "positions must have a nearest neighbour within box_size / 2 for some fish"
    return _checks.Check(kept > 0, words, lambda: "none")


def _not_a_point(total: Array) -> _checks.Check:
    return _checks.Check(total > 0, "positions must not all be at one point", lambda: "one point")
