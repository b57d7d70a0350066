"""The seven entropies of a school of fish together, with one search for neighbours, and the index they make."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, RealScalar, Scalar
from entropax.observables import _schooling_kernels as kernels
from entropax.observables.schooling_entropy import not_a_point, school_arguments, some_kept

INDEX_WEIGHTS = (0.18, 0.28, 0.08, 0.08, 0.10, 0.18, 0.10)
"""Weights of the index, in the order of the fields of `SchoolingEntropies`."""


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
        """The seven in one array, in the order of the fields.

        Returns:
            Shape (7,).
        """
        return jnp.stack(jax.tree.leaves(self))


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
    x, v, L, w, checks = school_arguments(positions, velocities, box_size, width, fewest=kernels.NEIGHBORS + 1)
    entropies, kept, total = _all(x, v, L, w, bool(periodic_center))
    return _checks.enforce(entropies, *checks, some_kept(kept), not_a_point(total))


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
    x, v, L, w, checks = school_arguments(positions, velocities, box_size, width, fewest=kernels.NEIGHBORS + 1)
    with _checks.evaluated_now(weights):
        share = jnp.asarray(weights, x.dtype)
    _checks.require_shape("weights", share, (7,))
    value, kept, total = _index(x, v, L, w, share, bool(periodic_center))
    return _checks.enforce(value, *checks, some_kept(kept), not_a_point(total), _checks.finite("weights", share))


@functools.partial(jax.jit, static_argnames="periodic_center")
def _all(
    x: Array, v: Array, L: Array, width: Array | None, periodic_center: bool
) -> tuple[SchoolingEntropies, Array, Array]:
    """The entropies, how many fish that of cohesion holds, and the total variance."""
    center_box = L if periodic_center else None
    near = kernels.near_distances(x, L, kernels.NEIGHBORS)
    cohesion, kept = kernels.cohesion_of(near[:, 0], L, width)
    shape, total = kernels.shape(x, center_box)
    entropies = SchoolingEntropies(
        cohesion,
        kernels.polar(v, width),
        kernels.depth(x, L, width),
        kernels.angular(x, v, center_box, width),
        kernels.variation_of(near, width),
        kernels.correlation(v, width),
        shape,
    )
    return entropies, kept, total


@functools.partial(jax.jit, static_argnames="periodic_center")
def _index(
    x: Array, v: Array, L: Array, width: Array | None, weights: Array, periodic_center: bool
) -> tuple[Array, Array, Array]:
    entropies, kept, total = _all(x, v, L, width, periodic_center)
    return jnp.sum(weights * entropies.stacked()), kept, total
