"""From a simulator's state to numbers.

Crowding of particles: `local_neighbor_count` (exact) or `smooth_neighbor_count` (with gradients), and `phase_labels`,
which sorts particles into gas, interface and solid by it.

Retrieval by a network of spins: `mattis_overlap` with archetypes, `example_overlap` with examples; `quadratic_loss`,
and `loss_energy`, the network's energy written in losses; `retrieval_entropy`, how evenly patterns are retrieved.
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

__all__ = [
    "NeighborCounts",
    "PhaseLabels",
    "example_overlap",
    "local_neighbor_count",
    "loss_energy",
    "mattis_overlap",
    "phase_labels",
    "quadratic_loss",
    "retrieval_entropy",
    "smooth_neighbor_count",
]
