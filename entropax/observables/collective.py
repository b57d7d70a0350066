"""Collective order of many particles: how crowded each one is, and which phase it belongs to."""

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Int, Real, RealScalar
from entropax.space import NeighborTable, PeriodicBox

GAS, INTERFACE, SOLID = 0, 1, 2


def local_neighbor_count(
    positions: Real[ArrayLike, "n d"],
    table: NeighborTable,
    *,
    box: PeriodicBox,
    cutoff: RealScalar = 2.4,
) -> Int[Array, "n"]:
    """Number of other particles within a cutoff of each particle.

    Args:
        positions: shape (n, d), on the torus.
        table: pairs that include all those within the cutoff, from `space.neighbor_table`.
        box: the torus.
        cutoff: distance, positive, in units of length; 2.4 radii is the paper's.

    Returns:
        Counts, shape (n,), the particle itself excluded.

    Raises:
        ValueError: shapes do not fit or the cutoff is not positive.

    Piecewise constant in the positions; `smooth_neighbor_count` is the relaxed form. Source: arXiv 2309.12991.
    """
    x, rc = _positions(positions, cutoff)
    near, i, j = _pair_distances(x, table, box)
    hit = ((near <= rc) & table.valid).astype(jnp.int32)
    counts = jax.ops.segment_sum(hit, i, x.shape[0]) + jax.ops.segment_sum(hit, j, x.shape[0])
    _checks.enforce(x, _checks.positive("cutoff", rc))
    return counts


def smooth_neighbor_count(
    positions: Real[ArrayLike, "n d"],
    table: NeighborTable,
    *,
    box: PeriodicBox,
    cutoff: RealScalar = 2.4,
    temperature: RealScalar = 0.1,
) -> Float[Array, "n"]:
    """A neighbour count with gradients, sum_j sigmoid((cutoff - r_ij) / temperature).

    Args:
        positions: shape (n, d), on the torus.
        table: pairs that include all those that matter (a few temperatures past the cutoff).
        box: the torus.
        cutoff: distance, positive, in units of length.
        temperature: width of the step, positive, in units of length. As it vanishes the counts tend to those of
            `local_neighbor_count`.

    Returns:
        Counts, shape (n,), the particle itself excluded.

    Raises:
        ValueError: shapes do not fit, or the cutoff or temperature is not positive.

    Differentiable in positions, cutoff and temperature.
    """
    x, rc, width = _checks.as_floats(positions=positions, cutoff=cutoff, temperature=temperature)
    _checks.require_ndim("positions", x, 2, "(n, d)")
    near, i, j = _pair_distances(x, table, box)
    weight = jnp.where(table.valid, jax.nn.sigmoid((rc - near) / width), 0)
    counts = jax.ops.segment_sum(weight, i, x.shape[0]) + jax.ops.segment_sum(weight, j, x.shape[0])
    return _checks.enforce(counts, _checks.positive("cutoff", rc), _checks.positive("temperature", width))


class PhaseLabels(eqx.Module):
    """The phase of every particle.

    Attributes:
        value: 0 gas, 1 interface, 2 solid, shape (n,).
        fraction: share of the particles in each of the three, shape (3,).
    """

    value: Int[Array, "n"]
    fraction: Float[Array, "3"]


def phase_labels(counts: Int[ArrayLike, "n"], *, gas: int = 2, solid: int = 5) -> PhaseLabels:
    """Sorts particles into gas, interface and solid by how many they are within a cutoff, themselves included.

    Args:
        counts: other particles nearby, from `local_neighbor_count`, shape (n,).
        gas: at most so many particles, itself included, make a gas.
        solid: at least so many make a solid.

    Returns:
        The labels and the share of each.

    Raises:
        ValueError: counts are no vector of integers, or not 1 <= gas < solid.

    Piecewise constant. Source: arXiv 2309.12991 (solid from 5, gas to 2, within 2.4 radii).
    """
    counts = jnp.asarray(counts)
    if counts.ndim != 1 or not jnp.issubdtype(counts.dtype, jnp.integer):
        raise ValueError(f"counts must be integers of shape (n,), got {counts.dtype} of shape {counts.shape}")
    _checks.require_integer("gas", gas, minimum=1)
    _checks.require_integer("solid", solid, minimum=gas + 1)
    together = counts + 1
    labels = jnp.where(together <= gas, GAS, jnp.where(together >= solid, SOLID, INTERFACE))
    shares = jnp.stack([jnp.mean(labels == label) for label in (GAS, INTERFACE, SOLID)])
    return PhaseLabels(labels, shares)


def _positions(positions: ArrayLike, cutoff: RealScalar) -> tuple[Array, Array]:
    x, rc = _checks.as_floats(positions=positions, cutoff=cutoff)
    _checks.require_ndim("positions", x, 2, "(n, d)")
    return x, rc


def _pair_distances(x: Array, table: NeighborTable, box: PeriodicBox) -> tuple[Array, Array, Array]:
    _checks.require_shape("positions", x, table.reference.shape)
    i, j = table.pairs[:, 0], table.pairs[:, 1]
    square = jnp.sum(box.displacement(x[i], x[j]) ** 2, axis=1)
    # The padding of the table pairs a particle with itself, where the root has no slope.
    return jnp.sqrt(jnp.where(table.valid, square, 1)), i, j
