"""Dynamics under one protocol: `init(*, key)`, `step(state, *, key)`, and `simulate`, the one loop.

- `LinearLangevin`: linear stochastic systems, stepped exactly; `stationary_covariance` is their law.
- `Langevin`: any drift with constant diagonal noise.
- `ActiveSwimmers`: many active swimmers on a torus, from a pair to tens of thousands.
- `ActiveRing`: two active swimmers on a ring.
- `Hebbian`: spins in couplings learned by Hebb's rule (`hebbian_couplings`) from patterns with blanks
  (`sample_archetypes`) or noisy examples of them (`sample_examples`); asynchronous, or in exact blocks that vectorise.
- `to_dataset`: observations as an `xarray.Dataset` with units.
"""

from entropax.simulators.active_matter import ActiveSwimmers, SwimmerState, swimmer_box
from entropax.simulators.active_ring import ActiveRing, ornstein_uhlenbeck_step
from entropax.simulators.archetypes import dataset_entropy, pattern_entropy, sample_archetypes, sample_examples
from entropax.simulators.base import Simulator, simulate, to_dataset
from entropax.simulators.hebbian import Hebbian, HebbianCouplings, hebbian_couplings
from entropax.simulators.langevin import Langevin, LinearLangevin, stationary_covariance

__all__ = [
    "ActiveRing",
    "ActiveSwimmers",
    "Hebbian",
    "HebbianCouplings",
    "Langevin",
    "LinearLangevin",
    "Simulator",
    "SwimmerState",
    "dataset_entropy",
    "hebbian_couplings",
    "ornstein_uhlenbeck_step",
    "pattern_entropy",
    "sample_archetypes",
    "sample_examples",
    "simulate",
    "stationary_covariance",
    "swimmer_box",
    "to_dataset",
]
