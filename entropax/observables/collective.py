"""Collective order of many particles: how crowded each one is, and which phase it belongs to."""

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar
from entropax.space import NeighborTable, PeriodicBox

GAS, INTERFACE, SOLID = 0, 1, 2


class NeighborCounts(eqx.Module):
    """How many others are near each particle.

    Attributes:
        value: counts, shape (n,), the particle itself excluded.
        valid: whether they mean anything: the table held every pair, positions were finite, the cutoff positive.
    """

    value: Int[Array, "n"]
    valid: Bool[Array, ""]


def local_neighbor_count(
    positions: Real[ArrayLike, "n d"],
    table: NeighborTable,
    *,
    box: PeriodicBox,
    cutoff: RealScalar = 2.4,
) -> NeighborCounts:
    """Number of other particles within a cutoff of each particle.

    Args:
        positions: shape (n, d), on the torus.
        table: pairs that include all those within the cutoff, from `space.neighbor_table`.
        box: the torus.
        cutoff: distance, positive, in units of length; 2.4 radii is the paper's.

    Returns:
        Counts, and whether they are valid.

    Raises:
        ValueError: shapes do not fit, positions are not finite, the cutoff is not positive or the table lost pairs.

    Piecewise constant in the positions; `smooth_neighbor_count` is the relaxed form. Source: arXiv 2309.12991.
    """
    x, rc = _checks.as_floats(positions=positions, cutoff=cutoff)
    _checks.as_numbers(cutoff=rc)
    near, i, j = _pair_distances(x, table, box)
    hit = ((near <= rc) & table.valid).astype(jnp.int32)
    counts = jax.ops.segment_sum(hit, i, x.shape[0]) + jax.ops.segment_sum(hit, j, x.shape[0])
    return NeighborCounts(counts, _checks.validity(*_pair_checks(x, table), _checks.positive("cutoff", rc)))


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
        ValueError: shapes do not fit, positions are not finite, the cutoff or temperature is not positive, or the
            table lost pairs.

    Differentiable in positions, cutoff and temperature.
    """
    x, rc, width = _checks.as_floats(positions=positions, cutoff=cutoff, temperature=temperature)
    _checks.as_numbers(cutoff=rc, temperature=width)
    near, i, j = _pair_distances(x, table, box)
    weight = jnp.where(table.valid, jax.nn.sigmoid((rc - near) / width), 0)
    counts = jax.ops.segment_sum(weight, i, x.shape[0]) + jax.ops.segment_sum(weight, j, x.shape[0])
    checks = (*_pair_checks(x, table), _checks.positive("cutoff", rc), _checks.positive("temperature", width))
    return _checks.enforce(counts, *checks)


class PhaseLabels(eqx.Module):
    """The phase of every particle.

    Attributes:
        value: 0 gas, 1 interface, 2 solid, shape (n,).
        fraction: share of the particles in each of the three, shape (3,); NaN where the counts were invalid.
        valid: whether the counts were.
    """

    value: Int[Array, "n"]
    fraction: Float[Array, "3"]
    valid: Bool[Array, ""]


def phase_labels(counts: Int[ArrayLike, "n"] | NeighborCounts, *, gas: int = 2, solid: int = 5) -> PhaseLabels:
    """Sorts particles into gas, interface and solid by how many they are within a cutoff, themselves included.

    Args:
        counts: other particles nearby, from `local_neighbor_count`, or integers of shape (n,), at least 0.
        gas: at most so many particles, itself included, make a gas.
        solid: at least so many make a solid.

    Returns:
        The labels and the share of each.

    Raises:
        ValueError: counts are no vector of integers, are negative or invalid, or not 1 <= gas < solid.

    Piecewise constant. Source: arXiv 2309.12991 (solid from 5, gas to 2, within 2.4 radii).
    """
    known = counts.valid if isinstance(counts, NeighborCounts) else jnp.asarray(True)
    counts = jnp.asarray(counts.value if isinstance(counts, NeighborCounts) else counts)
    if counts.ndim != 1 or not jnp.issubdtype(counts.dtype, jnp.integer):
        raise ValueError(f"counts must be integers of shape (n,), got {counts.dtype} of shape {counts.shape}")
    _checks.require_integer("gas", gas, minimum=1)
    _checks.require_integer("solid", solid, minimum=gas + 1)
    together = counts + 1
    labels = jnp.where(together <= gas, GAS, jnp.where(together >= solid, SOLID, INTERFACE))
    shares = jnp.stack([jnp.mean(labels == label) for label in (GAS, INTERFACE, SOLID)])
    checks = (
        _checks.Check(known, "counts must be valid", lambda: "counts whose flag says that they are not"),
        _checks.within("counts", counts, 0, jnp.iinfo(counts.dtype).max, "at least 0"),
    )
    return PhaseLabels(labels, _checks.enforce(shares, *checks), _checks.validity(*checks))


def _pair_distances(x: Array, table: NeighborTable, box: PeriodicBox) -> tuple[Array, Array, Array]:
    _checks.require_ndim("positions", x, 2, "(n, d)")
    _checks.require_shape("positions", x, table.reference.shape)
    i, j = table.pairs[:, 0], table.pairs[:, 1]
    square = jnp.sum(box.displacement(x[i], x[j]) ** 2, axis=1)
    # The padding of the table pairs a particle with itself, where the root has no slope.
    return jnp.sqrt(jnp.where(table.valid, square, 1)), i, j


def _pair_checks(x: Array, table: NeighborTable) -> tuple[_checks.Check, ...]:
    lost_none = _checks.no_overflow("table", table.overflow, table.count, table.pairs.shape[0])
    return _checks.finite("positions", x), lost_none
