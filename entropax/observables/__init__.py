"""From a simulator's state to numbers.

Crowding of particles: `local_neighbor_count` (exact) or `smooth_neighbor_count` (with gradients), and `phase_labels`,
which sorts particles into gas, interface and solid by it.

Distributions over velocities: `kinetic_entropy`, and `negative_mass`, what a spectral scheme has left below zero.
"""

from entropax.observables.collective import (
    NeighborCounts,
    PhaseLabels,
    local_neighbor_count,
    phase_labels,
    smooth_neighbor_count,
)
from entropax.observables.velocity_distribution import kinetic_entropy, negative_mass

__all__ = [
    "NeighborCounts",
    "PhaseLabels",
    "kinetic_entropy",
    "local_neighbor_count",
    "negative_mass",
    "phase_labels",
    "smooth_neighbor_count",
]
