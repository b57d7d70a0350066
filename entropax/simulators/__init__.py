"""Dynamics under one protocol: `init(*, key)`, `step(state, *, key)`, and `simulate`, the one loop.

- `LinearLangevin`: linear stochastic systems, stepped exactly; `stationary_covariance` is their law.
- `Langevin`: any drift with constant diagonal noise.
- `ActiveSwimmers`: many active swimmers on a torus, from a pair to tens of thousands.
- `ActiveRing`: two active swimmers on a ring.
- `Hebbian`: spins in couplings learned by Hebb's rule (`hebbian_couplings`) from patterns with blanks
  (`sample_archetypes`) or noisy examples of them (`sample_examples`); asynchronous, or in exact blocks that vectorise.
- `KineticMixture`: light and heavy gases whose velocity distributions collide, any mass ratio with one time step; its
  parts are `spectral_collision` (within a species), `isotropization`, `isotropization_correction` and `fokker_planck`
  (between them), on a `VelocityGrid`; `unlike_collisions` is what the latter expand in the mass ratio,
  `mixture_moment_rate` its exact moments, `two_temperatures` the limit.
- `HardDisks`: a gas of hard discs, exact from event to event; `stream_freely` is the gas without collisions,
  `hard_disk_pair_time` and `collide_disks` are one event.
- `FishSchool`: fish that avoid, follow and approach each other (Couzin's zones), a hundred or tens of thousands;
  `turn_towards` is their turn by at most an angle.
- `IonChannel`: single-file ions between two baths, jumps drawn exactly; `channel_log_weights` over `occupation_states`
  is its law in equilibrium. `ChannelPotential` is the drift of one ion for `Langevin`.
- `KleinGordon`: a scalar field on a line (`FieldGrid`: periodic, or antiperiodic or winding for single kinks) in a
  potential (`LinearPotential`, `Phi4`, `SineGordon`, `DoubleSineGordon`; or a `Potential` or `KinkPotential` of your
  own). To start from: an exact `kink` or `breather`, a `kink_antikink` pair that collides, a `gaussian_packet`.
  `kink_modes` are a kink's small oscillations.
- `Schrodinger`: waves of the cubic Schroedinger equation by split steps, or by `solve` to a tolerance; its rate is
  `nlse_rhs` with an `exponential_filter`. Starts: `soliton`, `superposed_solitons`, `breather_packet`, the exact
  `akhmediev_breather`, `noisy_gaussian`; theory: `soliton_collision_shift`, `modulation_growth_rate`.
- `chaos`: chaotic systems by name, with trajectories (`chaos.get_system`, `chaos.trajectory`).
- `to_dataset`: observations as an `xarray.Dataset` with units.
"""

from entropax.simulators import chaos
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
from entropax.simulators.field_grid import FieldGrid
from entropax.simulators.field_potentials import (
    DoubleSineGordon,
    KinkPotential,
    LinearPotential,
    Phi4,
    Potential,
    SineGordon,
)
from entropax.simulators.finite_mass_ratio import unlike_collisions
from entropax.simulators.fish_school import FishSchool, FishState, turn_towards
from entropax.simulators.hard_disks import DiskState, EventInfo, HardDisks
from entropax.simulators.hebbian import Hebbian, HebbianCouplings, hebbian_couplings
from entropax.simulators.ion_channel import ChannelState, IonChannel
from entropax.simulators.kinetic_mixture import KineticMixture, MixtureState
from entropax.simulators.kinks import KinkModes, breather, gaussian_packet, kink, kink_antikink, kink_modes
from entropax.simulators.klein_gordon import FieldState, KleinGordon
from entropax.simulators.langevin import Langevin, LinearLangevin, stationary_covariance
from entropax.simulators.maxwell_collisions import bkw_solution, spectral_collision
from entropax.simulators.mixture_moments import (
    MixtureMoments,
    gaussian_moments,
    mixture_moment_rate,
    two_temperature_rate,
    two_temperatures,
)
from entropax.simulators.schrodinger import (
    Schrodinger,
    WaveInvariants,
    WaveSolution,
    exponential_filter,
    nlse_rhs,
)
from entropax.simulators.velocity_space import VelocityGrid, VelocityMoments, maxwellian, velocity_moments
from entropax.simulators.wave_packets import (
    akhmediev_breather,
    breather_packet,
    modulation_growth_rate,
    noisy_gaussian,
    soliton,
    soliton_collision_shift,
    superposed_solitons,
)

__all__ = [
    "ActiveRing",
    "ActiveSwimmers",
    "ChannelPotential",
    "ChannelState",
    "DiskState",
    "DoubleSineGordon",
    "EventInfo",
    "FieldGrid",
    "FieldState",
    "FishSchool",
    "FishState",
    "HardDisks",
    "Hebbian",
    "HebbianCouplings",
    "IonChannel",
    "KineticMixture",
    "KinkModes",
    "KinkPotential",
    "KleinGordon",
    "Langevin",
    "LinearLangevin",
    "LinearPotential",
    "MixtureMoments",
    "MixtureState",
    "Phi4",
    "Potential",
    "Schrodinger",
    "Simulator",
    "SineGordon",
    "SwimmerState",
    "VelocityGrid",
    "VelocityMoments",
    "WaveInvariants",
    "WaveSolution",
    "akhmediev_breather",
    "binary_collision",
    "bkw_solution",
    "breather",
    "breather_packet",
    "channel_log_weights",
    "chaos",
    "collide_disks",
    "dataset_entropy",
    "exponential_filter",
    "fokker_planck",
    "fokker_planck_step",
    "gaussian_moments",
    "gaussian_packet",
    "hard_disk_pair_time",
    "hebbian_couplings",
    "isotropization",
    "isotropization_correction",
    "kink",
    "kink_antikink",
    "kink_modes",
    "maxwellian",
    "mixture_moment_rate",
    "modulation_growth_rate",
    "nlse_rhs",
    "noisy_gaussian",
    "occupation_states",
    "ornstein_uhlenbeck_step",
    "pattern_entropy",
    "sample_archetypes",
    "sample_examples",
    "simulate",
    "soliton",
    "soliton_collision_shift",
    "spectral_collision",
    "stationary_covariance",
    "stream_freely",
    "superposed_solitons",
    "swimmer_box",
    "to_dataset",
    "turn_towards",
    "two_temperature_rate",
    "two_temperatures",
    "unlike_collisions",
    "velocity_moments",
]
