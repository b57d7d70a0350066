"""Motility-induced phase separation: a local score trained at one size and evaluated at larger ones.

Positions have no noise (eps = 0), so only the g part of the rates exists: v_g = -gamma (g + s_g). Without a score its
mean divergence is still known, since div v has mean zero and v_x = b_x: E[div_g v_g] = -E[div_x b].

Preset `full` has not been run. At a middle size (N = 1024 and 2 N, 32 neighbours, 2,500 steps of a smaller network)
the claims differ: interface over bulk was 0.72 and 0.88, and the learned mean 0.1% of the identity's.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from entropax import nn, simulators, space, training
from entropax._typing import PRNGKey

_NEAR = 2.4  # distance within which particles count as touching; 2 R = 2


@dataclass(frozen=True)
class MipsConfig:
    """Sizes of the simulation and the fit; the physics is the paper's.

    Attributes:
        num_particles: N of the training.
        packing_fraction: phi.
        multiples: sizes evaluated, in units of N.
        dt: time step.
        burn_in: time before the first snapshot; propulsions forget in 1 / gamma = 10,000.
        spacing: time between snapshots.
        snapshots: configurations kept for training.
        neighbors: of every particle that the score sees.
        sizes: of the network, by the names of its constructor.
        steps: optimiser steps.
        batch: particles in each step.
        learning_rate: the largest, of Adam.
        average: decay of the running average of the parameters.
        block: particles evaluated at once.
    """

    num_particles: int = 4096
    packing_fraction: float = 0.5
    multiples: tuple[int, ...] = (1, 2, 4, 8)
    dt: float = 0.1
    burn_in: float = 20_000.0
    spacing: float = 10.0
    snapshots: int = 64
    neighbors: int = 64
    sizes: tuple[tuple[str, int], ...] = (("embed", 256), ("blocks", 4), ("heads", 4), ("hidden", 256), ("depth", 4))
    steps: int = 20_000
    batch: int = 1024
    learning_rate: float = 1e-4
    average: float = 0.9995
    block: int = 1024


class MipsOutcome(NamedTuple):
    """Mean of div_g v_g of a particle at one size, in nats per unit time.

    Attributes:
        interface: over particles that touch 2 to 5 others.
        bulk: over those that touch 6 or more.
        gas: over those that touch at most one.
        learned: over all.
        score_free: -E[div_x b] of a particle.
    """

    interface: float
    bulk: float
    gas: float
    learned: float
    score_free: float


class Neighborhoods(eqx.Module):
    """Batches of what random particles of random snapshots see.

    Attributes:
        phases: shape (snapshots, 2, N, 2).
        neighbors: indices of nearest neighbours, shape (snapshots, N, k).
        box: the torus.
        size: particles a batch.
    """

    phases: jax.Array
    neighbors: jax.Array
    box: space.PeriodicBox
    size: int = eqx.field(static=True)

    def __call__(self, step: jax.Array, *, key: PRNGKey) -> tuple[jax.Array, jax.Array]:
        """Displacements and propulsions, both of shape (size, k + 1, 2)."""
        del step
        snapshots, particles = self.neighbors.shape[:2]
        frame_key, particle_key = jax.random.split(key)
        frames = jax.random.randint(frame_key, (self.size,), 0, snapshots)
        chosen = jax.random.randint(particle_key, (self.size,), 0, particles)

        def one(frame: jax.Array, i: jax.Array) -> tuple[jax.Array, jax.Array]:
            return nn.neighborhood(self.phases[frame], self.neighbors[frame, i], i, self.box)

        return jax.vmap(one)(frames, chosen)


def propulsion_loss(model: Any, batch: tuple[jax.Array, jax.Array], *, key: PRNGKey) -> jax.Array:
    """E[|s_g|^2 + 2 div_g s_g], a coordinate, of the score -g plus the network's."""
    del key
    displacements, propulsions = batch
    value, slopes = jax.vmap(model.value_and_slopes)(displacements, propulsions)
    score, divergence = value - propulsions[:, 0], jnp.sum(slopes - 1.0, axis=1)
    return jnp.mean(jnp.sum(score**2, axis=1) + 2 * divergence) / propulsions.shape[-1]


def _observe_phase(state: Any) -> jax.Array:
    return state.phase


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


def sample_mips(swimmers: Any, config: MipsConfig, snapshots: int, *, key: PRNGKey) -> jax.Array:
    """Configurations of the steady state, shape (snapshots, 2, N, 2).

    Raises:
        RuntimeError: the table of near pairs overflowed.
    """
    start_key, burn_key, sample_key = jax.random.split(key, 3)
    state = swimmers.init(key=start_key)
    burn = round(config.burn_in / config.dt)
    state, _ = simulators.simulate(swimmers, state, burn, key=burn_key, observe=None, remat=0)
    every = round(config.spacing / config.dt)
    state, phases = simulators.simulate(
        swimmers, state, snapshots * every, key=sample_key, observe=_observe_phase, every=every, remat=0
    )
    if bool(state.overflow):
        raise RuntimeError("the table of near pairs overflowed: give ActiveSwimmers a larger capacity")
    return phases


def nearest(phases: jax.Array, box: space.PeriodicBox, k: int) -> jax.Array:
    """Indices of the k nearest neighbours in every snapshot, shape (snapshots, N, k)."""
    return jnp.stack([space.nearest_neighbors(phase[0], k, box=box).indices for phase in phases])


def learn_mips(config: MipsConfig, *, key: PRNGKey, checkpoint_dir: Path) -> dict[int, MipsOutcome]:
    """Trains at N and evaluates at its multiples.

    Args:
        config: sizes.
        key: source of randomness.
        checkpoint_dir: directory of the fit.

    Returns:
        The outcome by multiple.
    """
    sample_key, net_key, fit_key, test_key = jax.random.split(key, 4)
    swimmers = swimmers_of(config, 1)
    phases = sample_mips(swimmers, config, config.snapshots, key=sample_key)
    model = nn.LocalTransformerScore(2, zero_output=True, rngs=nnx.Rngs(net_key), **dict(config.sizes))
    schedule = optax.warmup_cosine_decay_schedule(0.0, config.learning_rate, max(1, config.steps // 20), config.steps)
    fitted = training.fit(
        propulsion_loss,
        model,
        Neighborhoods(phases, nearest(phases, swimmers.box, config.neighbors), swimmers.box, config.batch),
        optax.chain(optax.clip_by_global_norm(1.0), optax.radam(schedule)),
        steps=config.steps,
        key=fit_key,
        ema=config.average,
        checkpoint_dir=checkpoint_dir / "mips",
        description="phase separation",
    )
    return {
        multiple: evaluate(fitted.ema_model, config, multiple, key=jax.random.fold_in(test_key, multiple))
        for multiple in config.multiples
    }


def evaluate(model: Any, config: MipsConfig, multiple: int, *, key: PRNGKey) -> MipsOutcome:
    """div_g v_g = -gamma sum_d d s_net / d g of every particle of a fresh configuration, by its place."""
    swimmers = swimmers_of(config, multiple)
    phase = sample_mips(swimmers, config, 1, key=key)[0]
    found = space.nearest_neighbors(phase[0], config.neighbors, box=swimmers.box)
    _, slopes = model.of_particles(phase, found.indices, swimmers.box, block_size=config.block)
    produced = -float(swimmers.persistence) * np.asarray(jnp.sum(slopes, axis=1))
    touching = np.sum(np.asarray(found.distances) < _NEAR, axis=1)
    places = {"interface": (touching >= 2) & (touching <= 5), "bulk": touching >= 6, "gas": touching <= 1}
    means = {name: float(produced[here].mean()) if here.any() else np.nan for name, here in places.items()}
    free = -float(jnp.mean(swimmers.drift_divergence(phase)[0]))
    return MipsOutcome(learned=float(produced.mean()), score_free=free, **means)
