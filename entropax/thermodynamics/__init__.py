"""Entropy production of stochastic dynamics, and equilibria of infinitely many spins.

Entropy production and the probability flow of dX = b(X) dt + sqrt(2 D) dW.

Given a score s = grad log rho (learned with `losses` or known), `probability_flow_velocity` is v = b - D s, and

- `total_entropy_production`, `medium_entropy_production`, `system_entropy_production` are rates at one state, summed
  over any axes: per particle, per degree of freedom, or in all;
- `spatial_rate` and `smooth_spatial_rate` resolve per-particle rates in space;
- `score_free_entropy_production` is the mean total rate without a score, to hold a learned one against;
- `linear_entropy_production` is the closed form of linear systems;
- `stationarity_diagnostics` says how far a score is from solving the stationary Fokker-Planck equation;
- `mean_rate` turns samples into a mean with a standard error, which control variates made by `generator` can shrink
  several times;
- `probability_flow` integrates v.

All rates are in nats per unit time with k_B = 1; propulsions count as even under time reversal.

The multitasking Hebbian network (`simulators.Hebbian`) with infinitely many neurons:

- `site_law` is the law of patterns and examples at a neuron, `empirical_site_law` that of a given network;
- `self_consistency` solves for the order parameters from a start, with implicit gradients; `mean_field_free_energy`
  tells solutions apart, and `equilibrium_state` takes the lowest: with `retrieval_regime`, the phase diagram;
- `hierarchical_state`, `majority_state` and `parallel_state` are the states without noise, `critical_dilution` the end
  of the first; `one_step_overlap` and `learning_threshold` say how many examples are enough.
"""

from entropax.thermodynamics.backward_operator import generator
from entropax.thermodynamics.diagnostics import (
    MeanRate,
    StationarityDiagnostics,
    mean_rate,
    stationarity_diagnostics,
)
from entropax.thermodynamics.entropy_production import (
    linear_entropy_production,
    medium_entropy_production,
    score_free_entropy_production,
    system_entropy_production,
    total_entropy_production,
)
from entropax.thermodynamics.flows import Trajectory, probability_flow, probability_flow_velocity
from entropax.thermodynamics.mean_field import (
    Equilibrium,
    SelfConsistency,
    equilibrium_state,
    mean_field_free_energy,
    self_consistency,
)
from entropax.thermodynamics.mean_field_states import (
    RetrievalRegime,
    critical_dilution,
    hierarchical_state,
    learning_threshold,
    majority_state,
    one_step_overlap,
    parallel_state,
    retrieval_regime,
)
from entropax.thermodynamics.site_averages import SiteLaw, empirical_site_law, site_law
from entropax.thermodynamics.spatial import SpatialRate, smooth_spatial_rate, spatial_rate

__all__ = [
    "Equilibrium",
    "MeanRate",
    "RetrievalRegime",
    "SelfConsistency",
    "SiteLaw",
    "SpatialRate",
    "StationarityDiagnostics",
    "Trajectory",
    "critical_dilution",
    "empirical_site_law",
    "equilibrium_state",
    "generator",
    "hierarchical_state",
    "learning_threshold",
    "linear_entropy_production",
    "majority_state",
    "mean_field_free_energy",
    "mean_rate",
    "medium_entropy_production",
    "one_step_overlap",
    "parallel_state",
    "probability_flow",
    "probability_flow_velocity",
    "retrieval_regime",
    "score_free_entropy_production",
    "self_consistency",
    "site_law",
    "smooth_spatial_rate",
    "spatial_rate",
    "stationarity_diagnostics",
    "system_entropy_production",
    "total_entropy_production",
]
