"""Entropy production, path ensembles, the probability flow of stochastic dynamics, and equilibria of many spins.

Of diffusions dX = b(X) dt + sqrt(2 D) dW, given a score s = grad log rho (learned with `losses` or known),
`probability_flow_velocity` is v = b - D s, and

- `total_entropy_production`, `medium_entropy_production`, `system_entropy_production` are rates at one state, summed
  over any axes: per particle, per degree of freedom, or in all;
- `spatial_rate` and `smooth_spatial_rate` resolve per-particle rates in space;
- `score_free_entropy_production` is the mean total rate without a score, to hold a learned one against;
- `linear_entropy_production` is the closed form of linear systems;
- `stationarity_diagnostics` says how far a score is from solving the stationary Fokker-Planck equation;
- `mean_rate` turns samples into a mean with a standard error, which control variates made by `generator` can shrink
  several times;
- `probability_flow` integrates v.

Of Markov processes with finitely many states, by `path_ensembles` of steps or jumps,

- `process_free_energy` is the log partition function of tilted paths, `path_mean` and `path_covariance` its
  derivatives, `scgf` its growth per unit time; `maxcal_transition` and `maxcal_rates` are the processes of maximum
  caliber, with every step or the long-time mean constrained;
- `markov_entropy_production` is the rate of a jump process, `information_loss` the entropy that steps produce, in all,
  in the system and in the medium, with driven protocols and odd variables;
- `onsager_machlup` is the action of a diffusion's path;
- `jarzynski` takes a free energy from work in one direction, `crooks` the better one from both; `dragged_trap_work` is
  a case in closed form.

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
from entropax.thermodynamics.diffusion_paths import onsager_machlup
from entropax.thermodynamics.entropy_production import (
    linear_entropy_production,
    medium_entropy_production,
    score_free_entropy_production,
    system_entropy_production,
    total_entropy_production,
)
from entropax.thermodynamics.flows import Trajectory, probability_flow, probability_flow_velocity
from entropax.thermodynamics.jump_processes import InformationLoss, information_loss, markov_entropy_production
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
from entropax.thermodynamics.path_ensembles import (
    maxcal_rates,
    maxcal_transition,
    path_covariance,
    path_mean,
    process_free_energy,
    scgf,
)
from entropax.thermodynamics.site_averages import SiteLaw, empirical_site_law, site_law
from entropax.thermodynamics.spatial import SpatialRate, smooth_spatial_rate, spatial_rate
from entropax.thermodynamics.work_relations import (
    CrooksEstimate,
    JarzynskiEstimate,
    crooks,
    dragged_trap_work,
    jarzynski,
)

__all__ = [
    "CrooksEstimate",
    "Equilibrium",
    "InformationLoss",
    "JarzynskiEstimate",
    "MeanRate",
    "RetrievalRegime",
    "SelfConsistency",
    "SiteLaw",
    "SpatialRate",
    "StationarityDiagnostics",
    "Trajectory",
    "critical_dilution",
    "crooks",
    "dragged_trap_work",
    "empirical_site_law",
    "equilibrium_state",
    "generator",
    "hierarchical_state",
    "information_loss",
    "jarzynski",
    "learning_threshold",
    "linear_entropy_production",
    "majority_state",
    "markov_entropy_production",
    "maxcal_rates",
    "maxcal_transition",
    "mean_field_free_energy",
    "mean_rate",
    "medium_entropy_production",
    "one_step_overlap",
    "onsager_machlup",
    "parallel_state",
    "path_covariance",
    "path_mean",
    "probability_flow",
    "probability_flow_velocity",
    "process_free_energy",
    "retrieval_regime",
    "scgf",
    "score_free_entropy_production",
    "self_consistency",
    "site_law",
    "smooth_spatial_rate",
    "spatial_rate",
    "stationarity_diagnostics",
    "system_entropy_production",
    "total_entropy_production",
]
