"""From a simulator's state to numbers.

Crowding of particles: `local_neighbor_count` (exact) or `smooth_neighbor_count` (with gradients), and `phase_labels`,
which sorts particles into gas, interface and solid by it.

Retrieval by a network of spins: `mattis_overlap` with archetypes, `example_overlap` with examples; `quadratic_loss`,
and `loss_energy`, the network's energy written in losses; `retrieval_entropy`, how evenly patterns are retrieved.

Distributions over velocities: `kinetic_entropy`, and `negative_mass`, what a spectral scheme has left below zero.
"""

from entropax.observables.collective import (
    NeighborCounts,
    PhaseLabels,
    local_neighbor_count,
    phase_labels,
    smooth_neighbor_count,
)
from entropax.observables.retrieval import (
    example_overlap,
    loss_energy,
    mattis_overlap,
    quadratic_loss,
    retrieval_entropy,
)
from entropax.observables.velocity_distribution import kinetic_entropy, negative_mass

__all__ = [
    "NeighborCounts",
    "PhaseLabels",
    "example_overlap",
    "kinetic_entropy",
    "local_neighbor_count",
    "loss_energy",
    "mattis_overlap",
    "negative_mass",
    "phase_labels",
    "quadratic_loss",
    "retrieval_entropy",
    "smooth_neighbor_count",
]
