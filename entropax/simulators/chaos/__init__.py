"""Chaotic systems by name: flows, forced flows, Hamiltonian flows and delay equations, with their parameters.

- `system_names` lists them, `get_system` gives one: a `ChaoticFlow` or a `DelaySystem`, both a `ChaoticSystem` and so a
  `Simulator`, with `vector_field` for diffrax and for Lyapunov exponents.
- `trajectory` solves one at so many points a period (`sample_times`); `delay_trajectory` takes any history;
  `ensemble_trajectories` solves many flows of one dimension in one compiled program.

The equations stand in the modules of this folder, each once, beside the numbers of the systems that they make. Source:
Gilpin, "Chaos as an interpretable benchmark for forecasting and data-driven modelling" (arXiv 2110.05266).
"""

from entropax.simulators.chaos.catalogue import get_system, system_names
from entropax.simulators.chaos.ensembles import ensemble_trajectories
from entropax.simulators.chaos.systems import ChaoticFlow, ChaoticSystem, DelayState, DelaySystem, FlowState
from entropax.simulators.chaos.trajectories import delay_trajectory, sample_times, trajectory

__all__ = [
    "ChaoticFlow",
    "ChaoticSystem",
    "DelayState",
    "DelaySystem",
    "FlowState",
    "delay_trajectory",
    "ensemble_trajectories",
    "get_system",
    "sample_times",
    "system_names",
    "trajectory",
]
