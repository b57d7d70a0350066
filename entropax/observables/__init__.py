"""From a simulator's state to numbers.

Crowding of particles: `local_neighbor_count` (exact) or `smooth_neighbor_count` (with gradients), and `phase_labels`,
which sorts particles into gas, interface and solid by it.

Retrieval by a network of spins: `mattis_overlap` with archetypes, `example_overlap` with examples; `quadratic_loss`,
and `loss_energy`, the network's energy written in losses; `retrieval_entropy`, how evenly patterns are retrieved.

Attractors: `lyapunov_spectrum` of a flow (`maximum_lyapunov_exponent` at the cost of one tangent vector), and what
follows from it, `kaplan_yorke_dimension` and `pesin_entropy`. From points alone: `correlation_dimension`, whose parts
are `correlation_sums`, and `attractor_multiscale_entropy`.

Distributions over velocities: `kinetic_entropy`, and `negative_mass`, what a spectral scheme has left below zero.

Macrostates of a gas: `occupation_numbers` of cells (exact) or `smooth_occupation_numbers` (with gradients), their
`boltzmann_entropy`, `pooled_entropy` over many copies, and `hydrodynamic_entropy` of density, velocity and energy. What
theory says of them: `sackur_tetrode_2d`, `coarse_maxwellian_entropy`, `ideal_expansion_entropy` and its limit
`scaling_entropy`, `collision_frequency`, `mean_free_path`.
"""

from entropax.observables.attractor_geometry import (
    CorrelationDimension,
    attractor_multiscale_entropy,
    correlation_dimension,
    correlation_sums,
)
from entropax.observables.attractors import (
    LyapunovSpectrum,
    kaplan_yorke_dimension,
    lyapunov_spectrum,
    maximum_lyapunov_exponent,
    pesin_entropy,
)
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
from entropax.observables.velocity_distribution import kinetic_entropy, negative_mass

__all__ = [
    "CorrelationDimension",
    "LyapunovSpectrum",
    "NeighborCounts",
    "PhaseLabels",
    "attractor_multiscale_entropy",
    "boltzmann_entropy",
    "coarse_maxwellian_entropy",
    "collision_frequency",
    "correlation_dimension",
    "correlation_sums",
    "example_overlap",
    "hydrodynamic_entropy",
    "ideal_expansion_entropy",
    "kaplan_yorke_dimension",
    "kinetic_entropy",
    "local_neighbor_count",
    "loss_energy",
    "lyapunov_spectrum",
    "mattis_overlap",
    "maximum_lyapunov_exponent",
    "mean_free_path",
    "negative_mass",
    "occupation_numbers",
    "pesin_entropy",
    "phase_labels",
    "pooled_entropy",
    "quadratic_loss",
    "retrieval_entropy",
    "sackur_tetrode_2d",
    "scaling_entropy",
    "smooth_neighbor_count",
    "smooth_occupation_numbers",
]
