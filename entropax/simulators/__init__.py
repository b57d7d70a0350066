"""Dynamics under one protocol: `init(*, key)`, `step(state, *, key)`, and `simulate`, the one loop.

- `LinearLangevin`: linear stochastic systems, stepped exactly; `stationary_covariance` is their law.
- `Langevin`: any drift with constant diagonal noise.
- `ActiveSwimmers`: many active swimmers on a torus, from a pair to tens of thousands.
- `ActiveRing`: two active swimmers on a ring.
- `Hebbian`: spins in couplings learned by Hebb's rule (`hebbian_couplings`) from patterns with blanks
  (`sample_archetypes`) or noisy examples of them (`sample_examples`); asynchronous, or in exact blocks that vectorise.
- `KineticMixture`: light and heavy gases whose velocity distributions collide, any mass ratio with one time step; its
  parts are `spectral_collision` (within a species), `isotropization`, `isotropization_correction` and `fokker_planck`
  (between them), on a `VelocityGrid`; `mixture_moment_rate` is its exact oracle, `two_temperatures` its limit.
- `HardDisks`: a gas of hard discs, exact from event to event; `stream_freely` is the gas without collisions,
  `hard_disk_pair_time` and `collide_disks` are one event.
- `FishSchool`: fish that avoid, follow and approach each other (Couzin's zones), a hundred or tens of thousands;
  `turn_towards` is their turn by at most an angle.
- `IonChannel`: single-file ions between two baths, jumps drawn exactly; `channel_log_weights` over `occupation_states`
  is its law in equilibrium. `ChannelPotential` is the drift of one ion for `Langevin`.
- `to_dataset`: observations as an `xarray.Dataset` with units.
"""

from entropax.simulators.active_matter import ActiveSwimmers, SwimmerState, swimmer_box
from entropax.simulators.active_ring import ActiveRing, ornstein_uhlenbeck_step
from entropax.simulators.archetypes import dataset_entropy, pattern_entropy, sample_archetypes, sample_examples
from entropax.simulators.base import Simulator, simulate, to_dataset
from entropax.simulators.channel_occupancy import channel_log_weights, occupation_states
from entropax.simulators.channel_potential import ChannelPotential
from entropax.simulators.disk_collisions import collide_disks, hard_disk_pair_time, stream_freely
from entropax.simulators.disparate_mass import (
    binary_collision,
    fokker_planck,
    fokker_planck_step,
    isotropization,
    isotropization_correction,
)
from entropax.simulators.fish_school import FishSchool, FishState, turn_towards
from entropax.simulators.hard_disks import DiskState, EventInfo, HardDisks
from entropax.simulators.hebbian import Hebbian, HebbianCouplings, hebbian_couplings
from entropax.simulators.ion_channel import ChannelState, IonChannel
from entropax.simulators.kinetic_mixture import KineticMixture, MixtureState
from entropax.simulators.langevin import Langevin, LinearLangevin, stationary_covariance
from entropax.simulators.maxwell_collisions import bkw_solution, spectral_collision
from entropax.simulators.mixture_moments import (
    MixtureMoments,
    gaussian_moments,
    mixture_moment_rate,
    two_temperature_rate,
    two_temperatures,
)
from entropax.simulators.velocity_space import VelocityGrid, VelocityMoments, maxwellian, velocity_moments

__all__ = [
    "ActiveRing",
    "ActiveSwimmers",
    "ChannelPotential",
    "ChannelState",
    "DiskState",
    "EventInfo",
    "FishSchool",
    "FishState",
    "HardDisks",
    "Hebbian",
    "HebbianCouplings",
    "IonChannel",
    "KineticMixture",
    "Langevin",
    "LinearLangevin",
    "MixtureMoments",
    "MixtureState",
    "Simulator",
    "SwimmerState",
    "VelocityGrid",
    "VelocityMoments",
    "binary_collision",
    "bkw_solution",
    "channel_log_weights",
    "collide_disks",
    "dataset_entropy",
    "fokker_planck",
    "fokker_planck_step",
    "gaussian_moments",
    "hard_disk_pair_time",
    "hebbian_couplings",
    "isotropization",
    "isotropization_correction",
    "maxwellian",
    "mixture_moment_rate",
    "occupation_states",
    "ornstein_uhlenbeck_step",
    "pattern_entropy",
    "sample_archetypes",
    "sample_examples",
    "simulate",
    "spectral_collision",
    "stationary_covariance",
    "stream_freely",
    "swimmer_box",
    "to_dataset",
    "turn_towards",
    "two_temperature_rate",
    "two_temperatures",
    "velocity_moments",
]
