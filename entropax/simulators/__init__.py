"""Dynamics under one protocol: `init(*, key)`, `step(state, *, key)`, and `simulate`, the one loop.

- `LinearLangevin`: linear stochastic systems, stepped exactly; `stationary_covariance` is their law.
- `Langevin`: any drift with constant diagonal noise.
- `ActiveSwimmers`: many active swimmers on a torus, from a pair to tens of thousands.
- `ActiveRing`: two active swimmers on a ring.
- `IonChannel`: single-file ions between two baths, jumps drawn exactly; `channel_log_weights` over `occupation_states`
  is its law in equilibrium. `ChannelPotential` is the drift of one ion for `Langevin`.
- `to_dataset`: observations as an `xarray.Dataset` with units.
"""

from entropax.simulators.active_matter import ActiveSwimmers, SwimmerState, swimmer_box
from entropax.simulators.active_ring import ActiveRing, ornstein_uhlenbeck_step
from entropax.simulators.base import Simulator, simulate, to_dataset
from entropax.simulators.channel_occupancy import channel_log_weights, occupation_states
from entropax.simulators.channel_potential import ChannelPotential
from entropax.simulators.ion_channel import ChannelState, IonChannel
from entropax.simulators.langevin import Langevin, LinearLangevin, stationary_covariance

__all__ = [
    "ActiveRing",
    "ActiveSwimmers",
    "ChannelPotential",
    "ChannelState",
    "IonChannel",
    "Langevin",
    "LinearLangevin",
    "Simulator",
    "SwimmerState",
    "channel_log_weights",
    "occupation_states",
    "ornstein_uhlenbeck_step",
    "simulate",
    "stationary_covariance",
    "swimmer_box",
    "to_dataset",
]
