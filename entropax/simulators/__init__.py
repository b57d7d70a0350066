"""Dynamics under one protocol: `init(*, key)`, `step(state, *, key)`, and `simulate`, the one loop.

- `LinearLangevin`: linear stochastic systems, stepped exactly; `stationary_covariance` is their law.
- `Langevin`: any drift with constant diagonal noise.
- `ActiveRing`: two active swimmers on a ring.
- `to_dataset`: observations as an `xarray.Dataset` with units.
"""

from entropax.simulators.active_ring import ActiveRing, ornstein_uhlenbeck_step
from entropax.simulators.base import Simulator, simulate, to_dataset
from entropax.simulators.langevin import Langevin, LinearLangevin, stationary_covariance

__all__ = [
    "ActiveRing",
    "Langevin",
    "LinearLangevin",
    "Simulator",
    "ornstein_uhlenbeck_step",
    "simulate",
    "stationary_covariance",
    "to_dataset",
]
