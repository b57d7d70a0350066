"""Dynamics under one protocol: `init(*, key)`, `step(state, *, key)`, and `simulate`, the one loop.

- `LinearLangevin`: linear stochastic systems, stepped exactly; `stationary_covariance` is their law.
- `Langevin`: any drift with constant diagonal noise.
- `ActiveSwimmers`: many active swimmers on a torus, from a pair to tens of thousands.
- `ActiveRing`: two active swimmers on a ring.
- `HardDisks`: a gas of hard discs, exact from event to event; `stream_freely` is the gas without collisions,
  `hard_disk_pair_time` and `collide_disks` are one event.
- `to_dataset`: observations as an `xarray.Dataset` with units.
"""

from entropax.simulators.active_matter import ActiveSwimmers, SwimmerState, swimmer_box
from entropax.simulators.active_ring import ActiveRing, ornstein_uhlenbeck_step
from entropax.simulators.base import Simulator, simulate, to_dataset
from entropax.simulators.disk_collisions import collide_disks, hard_disk_pair_time, stream_freely
from entropax.simulators.hard_disks import DiskState, EventInfo, HardDisks
from entropax.simulators.langevin import Langevin, LinearLangevin, stationary_covariance

__all__ = [
    "ActiveRing",
    "ActiveSwimmers",
    "DiskState",
    "EventInfo",
    "HardDisks",
    "Langevin",
    "LinearLangevin",
    "Simulator",
    "SwimmerState",
    "collide_disks",
    "hard_disk_pair_time",
    "ornstein_uhlenbeck_step",
    "simulate",
    "stationary_covariance",
    "stream_freely",
    "swimmer_box",
    "to_dataset",
]
