"""Motility-induced phase separation: the score of a swimmer's propulsion, learned from its neighbourhood.

Positions have no noise (eps = 0), so only the g part of the rates exists: v_g = -gamma (g + s_g). The score is learned
by denoising, so it is that of propulsions blurred by sigma.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from flax import nnx

from entropax import losses, nn, simulators, space, training
from entropax._typing import PRNGKey
from experiments.terminal import track

DIM = 2


@dataclass(frozen=True)
class MipsConfig:
    """Sizes of the simulation and the fit; the physics is the paper's.

    Attributes:
        num_particles: N of the training.
        packing_fraction: phi.
        multiples: sizes evaluated, in units of N.
        dt: time step.
        burn_in: time before the first snapshot; propulsions forget in 1 / gamma = 10,000.
        spacing: time between the snapshots of the training.
        snapshots: configurations kept for training.
        evaluations: fresh configurations at each size.
        evaluation_spacing: time between these.
        neighbors: of every particle that the score sees.
        forces: whether it sees the velocities too, propulsion plus force.
        sizes: of the network, by the names of its constructor.
        sigma: width of the noise on propulsions; the score is learned at this resolution.
        steps: optimiser steps.
        batch: particles in each step.
        learning_rate: the largest, of rectified Adam.
        average: decay of the running average of the parameters.
        block: particles evaluated at once.
    """

    num_particles: int = 4096
    packing_fraction: float = 0.5
    multiples: tuple[int, ...] = (1, 2, 4, 8)
    dt: float = 0.1
    burn_in: float = 20_000.0
    spacing: float = 100.0
    snapshots: int = 100
    evaluations: int = 4
    evaluation_spacing: float = 500.0
    neighbors: int = 64
    forces: bool = True
    sizes: tuple[tuple[str, int], ...] = (("embed", 256), ("blocks", 4), ("heads", 4), ("hidden", 256), ("depth", 4))
    sigma: float = 1e-2
    steps: int = 20_000
    batch: int = 1024
    learning_rate: float = 1e-4
    average: float = 0.9995
    block: int = 1024


class Neighborhoods(eqx.Module):
    """Batches of what random particles of random snapshots see.

    Attributes:
        phases: shape (snapshots, 2, N, 2).
        forces: over v0, shape (snapshots, N, 2).
        neighbors: indices of nearest neighbours, shape (snapshots, N, k).
        box: the torus.
        size: particles a batch.
    """

    phases: jax.Array
    forces: jax.Array
    neighbors: jax.Array
    box: space.PeriodicBox
    size: int = eqx.field(static=True)

    def __call__(self, step: jax.Array, *, key: PRNGKey) -> jax.Array:
        """Displacements, propulsions and forces, shape (size, 3, k + 1, 2)."""
        del step
        snapshots, particles = self.neighbors.shape[:2]
        frame_key, particle_key = jax.random.split(key)
        frames = jax.random.randint(frame_key, (self.size,), 0, snapshots)
        chosen = jax.random.randint(particle_key, (self.size,), 0, particles)

        def one(frame: jax.Array, i: jax.Array) -> jax.Array:
            near = self.neighbors[frame, i]
            seen = nn.neighborhood(self.phases[frame], near, i, self.box, forces=self.forces[frame])
            return jnp.stack([part for part in seen if part is not None])

        return jax.vmap(one)(frames, chosen)


class PropulsionScore(eqx.Module):
    """s_g = -g / (1 + sigma^2) + network / sigma: at the start the blurred score of free swimmers.

    Attributes:
        network: a local network.
        sigma: the resolution.
    """

    network: Any
    sigma: float = eqx.field(static=True)

    def __call__(self, seen: jax.Array) -> jax.Array:
        """The score of token 0's propulsion from displacements, propulsions and forces, (3, k + 1, 2) to (2,)."""
        displacements, propulsions, forces = seen
        known = {"forces": forces} if self.network.forces else {}
        return self._shifted(self.network(displacements, propulsions, **known), propulsions[0])

    def of_particles(
        self, phase: jax.Array, neighbors: jax.Array, box: space.PeriodicBox, *, forces: jax.Array, block_size: int
    ) -> tuple[jax.Array, jax.Array]:
        """The scores of all particles, shape (N, 2), and their divergences in their own propulsions, shape (N,)."""
        known = {"forces": forces} if self.network.forces else {}
        value, slopes = self.network.of_particles(phase, neighbors, box, block_size=block_size, **known)
        divergence = jnp.sum(slopes, axis=1) / self.sigma - DIM / (1 + self.sigma**2)
        return self._shifted(value, phase[1]), divergence

    def _shifted(self, value: jax.Array, g: jax.Array) -> jax.Array:
        return value / self.sigma - g / (1 + self.sigma**2)


class DenoisingLoss(eqx.Module):
    """sigma^2 (|s|^2 + 2 s . zeta / sigma) a coordinate: propulsions of all tokens are blurred, the first is learned.

    Attributes:
        sigma: the resolution.
    """

    sigma: float = eqx.field(static=True)

    def __call__(self, network: Any, batch: jax.Array, *, key: PRNGKey) -> jax.Array:
        """The mean over a batch (size, 3, k + 1, 2)."""
        score = PropulsionScore(network, self.sigma)
        blurred = jnp.zeros((3, 1, 1), bool).at[1].set(True)
        learned = jnp.zeros(batch.shape[1:], bool).at[1, 0].set(True)
        per_particle = losses.denoising_score_matching_loss(
            lambda seen: jnp.zeros_like(seen).at[1, 0].set(score(seen)),
            batch,
            sigma=self.sigma,
            key=key,
            perturb=blurred,
            target=learned,
        )
        return self.sigma**2 * jnp.mean(per_particle) / DIM


def swimmers_of(config: MipsConfig, multiple: int) -> Any:
    """The system at a multiple of the training's size."""
    return simulators.ActiveSwimmers(
        multiple * config.num_particles,
        speed=0.025,
        packing_fraction=config.packing_fraction,
        stiffness=1.0,
        persistence=1e-4,
        noise=0.0,
        dt=config.dt,
    )


def sample_mips(swimmers: Any, config: MipsConfig, snapshots: int, spacing: float, *, key: PRNGKey) -> jax.Array:
    """Configurations of the steady state, shape (snapshots, 2, N, 2).

    Raises:
        RuntimeError: the table of near pairs overflowed.
    """
    start_key, burn_key, sample_key = jax.random.split(key, 3)
    state = swimmers.init(key=start_key)
    every, parts = round(spacing / config.dt), 50
    burn = max(1, round(config.burn_in / config.dt / parts))
    for i in track(range(parts), f"{swimmers.num_particles} swimmers, burn-in"):
        part_key = jax.random.fold_in(burn_key, i)
        state, _ = simulators.simulate(swimmers, state, burn, key=part_key, observe=None, remat=0)
    phases = []
    for i in track(range(snapshots), f"{swimmers.num_particles} swimmers, snapshots"):
        part_key = jax.random.fold_in(sample_key, i)
        state, _ = simulators.simulate(swimmers, state, every, key=part_key, observe=None, remat=0)
        phases.append(state.phase)
    if bool(state.overflow):
        raise RuntimeError("the table of near pairs overflowed: give ActiveSwimmers a larger capacity")
    return jnp.stack(phases)


def forces_over_speed(swimmers: Any, phases: jax.Array) -> jax.Array:
    """The pair forces over v0 in every snapshot, shape (snapshots, N, 2)."""
    return jax.lax.map(swimmers.pair_force, phases[:, 0]) / swimmers.speed


def nearest(phases: jax.Array, box: space.PeriodicBox, k: int) -> jax.Array:
    """Indices of the k nearest neighbours in every snapshot, shape (snapshots, N, k)."""
    return jnp.stack([space.nearest_neighbors(phase[0], k, box=box).indices for phase in phases])


def learn_mips(config: MipsConfig, *, key: PRNGKey, checkpoint_dir: Path) -> PropulsionScore:
    """Learns the score from configurations of N swimmers.

    Args:
        config: sizes.
        key: source of randomness.
        checkpoint_dir: directory of the fit.

    Returns:
        The score, with averaged parameters.
    """
    sample_key, net_key, fit_key = jax.random.split(key, 3)
    swimmers = swimmers_of(config, 1)
    phases = sample_mips(swimmers, config, config.snapshots, config.spacing, key=sample_key)
    batches = Neighborhoods(
        phases,
        forces_over_speed(swimmers, phases),
        nearest(phases, swimmers.box, config.neighbors),
        swimmers.box,
        config.batch,
    )
    network = nn.LocalTransformerScore(
        DIM, forces=config.forces, zero_output=True, rngs=nnx.Rngs(net_key), **dict(config.sizes)
    )
    schedule = optax.warmup_cosine_decay_schedule(0.0, config.learning_rate, max(1, config.steps // 20), config.steps)
    fitted = training.fit(
        DenoisingLoss(config.sigma),
        network,
        batches,
        optax.chain(optax.clip_by_global_norm(1.0), optax.radam(schedule)),
        steps=config.steps,
        key=fit_key,
        ema=config.average,
        steps_per_call=min(100, config.steps),
        checkpoint_dir=checkpoint_dir / "mips",
        description="phase separation",
    )
    return PropulsionScore(fitted.ema_model, config.sigma)
