"""From a simulator's state to numbers.

Crowding of particles: `local_neighbor_count` (exact) or `smooth_neighbor_count` (with gradients), and `phase_labels`,
which sorts particles into gas, interface and solid by it.
"""

from entropax.observables.collective import (
    NeighborCounts,
    PhaseLabels,
    local_neighbor_count,
    phase_labels,
    smooth_neighbor_count,
)

__all__ = ["NeighborCounts", "PhaseLabels", "local_neighbor_count", "phase_labels", "smooth_neighbor_count"]
