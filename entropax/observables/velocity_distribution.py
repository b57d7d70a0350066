"""Entropy of distributions over velocities."""

import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Real, RealScalar, Scalar


def kinetic_entropy(f: Real[ArrayLike, "*shape"], cell: RealScalar) -> Scalar:
    """Boltzmann's entropy of a distribution over velocities, S = -int f log f dv, as a sum over grid cells.

    A Maxwellian of density n and temperature T in d dimensions has S = n [(d/2) log(2 pi e T) - log n]. In velocities
    scaled by eps the entropy differs from that in physical ones by d n log eps, a constant. Spectral schemes leave
    slightly negative values of f; these contribute nothing, and `negative_mass` says how much they are.

    Args:
        f: the distribution at all grid points, any shape.
        cell: volume of a grid cell in velocity space, positive.

    Returns:
        S in nats.

    Raises:
        ValueError: f is not finite, or the volume is no number or not positive.

    Differentiable in f and the volume; where f <= 0 the gradient is taken as zero.
    """
    f, cell = _arguments(f, cell)
    positive = f > 0
    terms = jnp.where(positive, f * jnp.log(jnp.where(positive, f, 1)), 0)
    return _checks.enforce(-jnp.sum(terms) * cell, _checks.finite("f", f), _checks.positive("cell", cell))


def negative_mass(f: Real[ArrayLike, "*shape"], cell: RealScalar) -> Scalar:
    """The mass below zero, int max(-f, 0) dv, which a spectral scheme should keep near zero.

    Args:
        f: the distribution at all grid points, any shape.
        cell: volume of a grid cell in velocity space, positive.

    Returns:
        The mass, >= 0.

    Raises:
        ValueError: f is not finite, or the volume is no number or not positive.

    Differentiable in f where it is not zero, and in the volume.
    """
    f, cell = _arguments(f, cell)
    mass = jnp.sum(jnp.where(f < 0, -f, 0)) * cell
    return _checks.enforce(mass, _checks.finite("f", f), _checks.positive("cell", cell))


def _arguments(f: ArrayLike, cell: RealScalar) -> tuple[Array, Array]:
    f, cell = _checks.as_floats(f=f, cell=cell)
    _checks.as_numbers(cell=cell)
    return f, cell
