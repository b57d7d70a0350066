"""From a simulator's state to numbers.

Crowding of particles: `local_neighbor_count` (exact) or `smooth_neighbor_count` (with gradients), and `phase_labels`,
which sorts particles into gas, interface and solid by it.

Macrostates of a gas: `occupation_numbers` of cells (exact) or `smooth_occupation_numbers` (with gradients), their
`boltzmann_entropy`, `pooled_entropy` over many copies, and `hydrodynamic_entropy` of density, velocity and energy. What
theory says of them: `sackur_tetrode_2d`, `coarse_maxwellian_entropy`, `ideal_expansion_entropy` and its limit
`scaling_entropy`, `collision_frequency`, `mean_free_path`.
"""

from entropax.observables.collective import (
    NeighborCounts,
    PhaseLabels,
    local_neighbor_count,
    phase_labels,
    smooth_neighbor_count,
)
from entropax.observables.dilute_gas import (
    coarse_maxwellian_entropy,
    collision_frequency,
    ideal_expansion_entropy,
    mean_free_path,
    sackur_tetrode_2d,
    scaling_entropy,
)
from entropax.observables.macrostates import (
    boltzmann_entropy,
    hydrodynamic_entropy,
    occupation_numbers,
    pooled_entropy,
    smooth_occupation_numbers,
)

__all__ = [
    "NeighborCounts",
    "PhaseLabels",
    "boltzmann_entropy",
    "coarse_maxwellian_entropy",
    "collision_frequency",
    "hydrodynamic_entropy",
    "ideal_expansion_entropy",
    "local_neighbor_count",
    "mean_free_path",
    "occupation_numbers",
    "phase_labels",
    "pooled_entropy",
    "sackur_tetrode_2d",
    "scaling_entropy",
    "smooth_neighbor_count",
    "smooth_occupation_numbers",
]
