"""From a simulator's state to numbers.

Crowding of particles: `local_neighbor_count` (exact) or `smooth_neighbor_count` (with gradients), and `phase_labels`,
which sorts particles into gas, interface and solid by it.

Schools of fish: `polarization`, `rotation_order`, `order_index` and `school_spread`; seven entropies, singly or all
together as `schooling_entropies`, and their weighted sum `oceanic_schooling_index`. A `width` gives them gradients.

Retrieval by a network of spins: `mattis_overlap` with archetypes, `example_overlap` with examples; `quadratic_loss`,
and `loss_energy`, the network's energy written in losses; `retrieval_entropy`, how evenly patterns are retrieved.

Scalar fields on a line: `field_energy`, `field_momentum`, `topological_charge`; `field_entropies` of where a field is,
and `composite_entropy`; `field_summary` of its size, `phase_portrait` of one point's path. Kinks that collide:
`pair_distance` and `middle_field` over time, and from them the `collision_outcome`; `smooth_pair_distance` and
`smooth_collision_outcome` where a gradient is wanted.

Attractors: `lyapunov_spectrum` of a flow (`maximum_lyapunov_exponent` at the cost of one tangent vector), and what
follows from it, `kaplan_yorke_dimension` and `pesin_entropy`. From points alone: `correlation_dimension`, whose parts
are `correlation_sums`, and `attractor_multiscale_entropy`.

Distributions over velocities: `kinetic_entropy`, and `negative_mass`, what a spectral scheme has left below zero.

Macrostates of a gas: `occupation_numbers` of cells (exact) or `smooth_occupation_numbers` (with gradients), their
`boltzmann_entropy`, `pooled_entropy` over many copies, and `hydrodynamic_entropy` of density, velocity and energy. What
theory says of them: `sackur_tetrode_2d`, `coarse_maxwellian_entropy`, `ideal_expansion_entropy` and its limit
`scaling_entropy`, `collision_frequency`, `mean_free_path`.

Complex waves: `intensity_distribution` and `mode_distribution` are what any entropy of `information` takes;
`spatial_entropy` and `spectral_entropy` are Shannon's, `wave_entropies` all at once, `amplitude_entropy` that of the
moduli. `spectral_richness` and `spectral_moments` describe the spectrum, `energy_centre` where a wave is,
`phase_space_statistics` its values in the complex plane, `intensity_statistics` the moments of |psi|^2.
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
from entropax.observables.fields import (
    FieldEntropies,
    FieldSummary,
    PhasePortrait,
    composite_entropy,
    field_energy,
    field_entropies,
    field_momentum,
    field_summary,
    phase_portrait,
    topological_charge,
)
from entropax.observables.kink_collisions import (
    CollisionOutcome,
    collision_outcome,
    middle_field,
    pair_distance,
    smooth_collision_outcome,
    smooth_pair_distance,
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
    angular_momentum_entropy,
    cohesion_entropy,
    depth_entropy,
    neighbor_variation_entropy,
    polarization_entropy,
    shape_entropy,
    velocity_correlation_entropy,
)
from entropax.observables.schooling_index import (
    INDEX_WEIGHTS,
    SchoolingEntropies,
    oceanic_schooling_index,
    schooling_entropies,
)
from entropax.observables.velocity_distribution import kinetic_entropy, negative_mass
from entropax.observables.wave_statistics import (
    IntensityStatistics,
    PhaseSpaceStatistics,
    intensity_statistics,
    phase_space_statistics,
)
from entropax.observables.waves import (
    AmplitudeEntropy,
    SpectralMoments,
    WaveEntropies,
    amplitude_entropy,
    energy_centre,
    intensity_distribution,
    mode_distribution,
    spatial_entropy,
    spectral_entropy,
    spectral_moments,
    spectral_richness,
    wave_entropies,
)

__all__ = [
    "INDEX_WEIGHTS",
    "AmplitudeEntropy",
    "CollisionOutcome",
    "CorrelationDimension",
    "FieldEntropies",
    "FieldSummary",
    "IntensityStatistics",
    "LyapunovSpectrum",
    "NeighborCounts",
    "PhaseLabels",
    "PhasePortrait",
    "PhaseSpaceStatistics",
    "SchoolingEntropies",
    "SpectralMoments",
    "WaveEntropies",
    "amplitude_entropy",
    "angular_momentum_entropy",
    "attractor_multiscale_entropy",
    "boltzmann_entropy",
    "coarse_maxwellian_entropy",
    "cohesion_entropy",
    "collision_frequency",
    "collision_outcome",
    "composite_entropy",
    "correlation_dimension",
    "correlation_sums",
    "depth_entropy",
    "energy_centre",
    "example_overlap",
    "field_energy",
    "field_entropies",
    "field_momentum",
    "field_summary",
    "hydrodynamic_entropy",
    "ideal_expansion_entropy",
    "intensity_distribution",
    "intensity_statistics",
    "kaplan_yorke_dimension",
    "kinetic_entropy",
    "local_neighbor_count",
    "loss_energy",
    "lyapunov_spectrum",
    "mattis_overlap",
    "maximum_lyapunov_exponent",
    "mean_free_path",
    "middle_field",
    "mode_distribution",
    "negative_mass",
    "neighbor_variation_entropy",
    "occupation_numbers",
    "oceanic_schooling_index",
    "order_index",
    "pair_distance",
    "pesin_entropy",
    "phase_labels",
    "phase_portrait",
    "phase_space_statistics",
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
    "smooth_collision_outcome",
    "smooth_neighbor_count",
    "smooth_occupation_numbers",
    "smooth_pair_distance",
    "spatial_entropy",
    "spectral_entropy",
    "spectral_moments",
    "spectral_richness",
    "topological_charge",
    "velocity_correlation_entropy",
    "wave_entropies",
]
