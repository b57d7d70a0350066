"""From a simulator's state to numbers.

Crowding of particles: `local_neighbor_count` (exact) or `smooth_neighbor_count` (with gradients), and `phase_labels`,
which sorts particles into gas, interface and solid by it.

Schools of fish: `polarization`, `rotation_order`, `order_index` and `school_spread`; seven entropies, singly or all
together as `schooling_entropies`, and their weighted sum `oceanic_schooling_index`. A `width` gives them gradients.

Retrieval by a network of spins: `mattis_overlap` with archetypes, `example_overlap` with examples; `quadratic_loss`,
and `loss_energy`, the network's energy written in losses; `retrieval_entropy`, how evenly patterns are retrieved.

Distributions over velocities: `kinetic_entropy`, and `negative_mass`, what a spectral scheme has left below zero.

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
from entropax.observables.retrieval import (
    example_overlap,
    loss_energy,
    mattis_overlap,
    quadratic_loss,
    retrieval_entropy,
)
from entropax.observables.schooling import order_index, polarization, rotation_order, school_spread
from entropax.observables.schooling_entropy import (
    INDEX_WEIGHTS,
    SchoolingEntropies,
    angular_momentum_entropy,
    cohesion_entropy,
    depth_entropy,
    neighbor_variation_entropy,
    oceanic_schooling_index,
    polarization_entropy,
    schooling_entropies,
    shape_entropy,
    velocity_correlation_entropy,
)
from entropax.observables.velocity_distribution import kinetic_entropy, negative_mass

__all__ = [
    "INDEX_WEIGHTS",
    "NeighborCounts",
    "PhaseLabels",
    "SchoolingEntropies",
    "angular_momentum_entropy",
    "boltzmann_entropy",
    "coarse_maxwellian_entropy",
    "cohesion_entropy",
    "collision_frequency",
    "depth_entropy",
    "example_overlap",
    "hydrodynamic_entropy",
    "ideal_expansion_entropy",
    "kinetic_entropy",
    "local_neighbor_count",
    "loss_energy",
    "mattis_overlap",
    "mean_free_path",
    "negative_mass",
    "neighbor_variation_entropy",
    "occupation_numbers",
    "oceanic_schooling_index",
    "order_index",
    "phase_labels",
    "polarization",
    "polarization_entropy",
    "pooled_entropy",
    "quadratic_loss",
    "retrieval_entropy",
    "rotation_order",
    "sackur_tetrode_2d",
    "scaling_entropy",
    "school_spread",
    "schooling_entropies",
    "shape_entropy",
    "smooth_neighbor_count",
    "smooth_occupation_numbers",
    "velocity_correlation_entropy",
]
