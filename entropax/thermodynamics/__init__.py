"""Entropy production and the probability flow of stochastic dynamics dX = b(X) dt + sqrt(2 D) dW.

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
from entropax.thermodynamics.spatial import SpatialRate, smooth_spatial_rate, spatial_rate

__all__ = [
    "MeanRate",
    "SpatialRate",
    "StationarityDiagnostics",
    "Trajectory",
    "generator",
    "linear_entropy_production",
    "mean_rate",
    "medium_entropy_production",
    "probability_flow",
    "probability_flow_velocity",
    "score_free_entropy_production",
    "smooth_spatial_rate",
    "spatial_rate",
    "stationarity_diagnostics",
    "system_entropy_production",
    "total_entropy_production",
]
