"""Two swimmers on a ring: the score learned from simulated samples, against a finite-volume solution."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from entropax import nn, simulators, thermodynamics
from experiments.claims import Estimate
from experiments.thermodynamics._score_fits import Batches, ScoreLoss, fit_score, flow_samples


@dataclass(frozen=True)
class RingConfig:
    """Sizes of the ring's simulation and fit; its physics is the paper's.

    Attributes:
        speed: v0.
        chains: independent copies simulated at once.
        burn_in: time before the first sample; the slowest relaxation takes about 20.
        spacing: time between samples of a chain.
        snapshots: samples of each chain.
        map_samples: samples for the map's density per sample for the fit; the map has many cells.
        width: of the score network's hidden layers.
        depth: their number.
        steps: optimiser steps.
        batch: samples in each step.
        learning_rate: the largest, of Adam.
        physics: weight of the stationary Fokker-Planck residual.
        grid: points in x and in g of the map.
    """

    speed: float = 0.25
    chains: int = 4096
    burn_in: float = 100.0
    spacing: float = 2.0
    snapshots: int = 100
    map_samples: int = 10
    width: int = 64
    depth: int = 4
    steps: int = 2000
    batch: int = 1024
    learning_rate: float = 3e-3
    physics: float = 10.0
    grid: tuple[int, int] = (160, 121)


class EquilibriumScore(eqx.Module):
    """The ring's score at v0 = 0, where it is known: (F / eps, -g)."""

    system: simulators.ActiveRing

    def __call__(self, z: jax.Array) -> jax.Array:
        """The score at (x, g)."""
        return jnp.stack([self.system.force(z[0]) / self.system.noise, -z[1]])


def observe_state(state: jax.Array) -> jax.Array:
    """The whole state."""
    return state


def sample_ring(config: RingConfig, system: simulators.ActiveRing, *, key: jax.Array) -> jax.Array:
    """Samples of the steady state for the map, shape (snapshots * map_samples, chains, 2)."""
    start_key, burn_key, sample_key = jax.random.split(key, 3)
    burn_steps = round(config.burn_in / float(system.dt))
    every = round(config.spacing / config.map_samples / float(system.dt))
    state = system.init(key=start_key, shape=(config.chains,))
    state, _ = simulators.simulate(system, state, burn_steps, key=burn_key, observe=observe_state, every=burn_steps)
    _, samples = simulators.simulate(
        system,
        state,
        config.snapshots * config.map_samples * every,
        key=sample_key,
        observe=observe_state,
        every=every,
    )
    return samples


def waves(z: jax.Array) -> jax.Array:
    """Smooth functions on the ring with the symmetry of its rate, (x, g) -> (2W - x, -g), shape (25,)."""
    x, g = 2 * jnp.pi * z[0] / 16.0, z[1]
    terms = [g**2]
    for k in range(1, 7):
        terms += [jnp.cos(k * x), g * jnp.sin(k * x), g**2 * jnp.cos(k * x), g**3 * jnp.sin(k * x)]
    return jnp.stack(terms)


@eqx.filter_jit
def score_free_rate(system: simulators.ActiveRing, samples: jax.Array) -> thermodynamics.MeanRate:
    """E[b D^-1 b + div b] with the generator of `waves` as control variates; blocks are the chains.

    Args:
        system: the ring.
        samples: shape (snapshots, chains, 2).
    """
    snapshots, chains = samples.shape[:2]
    flat = jnp.swapaxes(samples, 0, 1).reshape(-1, 2)
    drift = system.drift(flat)
    controls = jax.lax.map(
        lambda pair: thermodynamics.generator(waves, pair[0], pair[1], system.diffusion),
        (flat, drift),
        batch_size=16 * snapshots,
    )
    return thermodynamics.score_free_entropy_production(
        drift,
        system.drift_divergence(flat),
        system.diffusion,
        num_blocks=chains,
        controls=controls if chains > 100 else None,  # fewer blocks than that leave no regression
    )


def learn_ring(config: RingConfig, *, key: jax.Array, checkpoint_dir: Path) -> dict[str, Any]:
    """Simulates the ring, learns its score, and returns rates, diagnostics and the map of the flow."""
    sample_key, net_key, fit_key = jax.random.split(key, 3)
    system = simulators.ActiveRing(config.speed)
    fine = sample_ring(config, system, key=sample_key)
    samples = fine[config.map_samples - 1 :: config.map_samples]
    # The snapshots of one chain are correlated, the chains are not: blocks of whole chains.
    flat = jnp.swapaxes(samples, 0, 1).reshape(-1, 2)
    blocks = min(config.chains, 100)
    width = float(2 * system.half_width)
    network = nn.AntisymmetricScore(
        nn.MLPScore(
            2,
            width=config.width,
            depth=config.depth,
            center=(width / 2, 0.0),
            scale=(width / 4, 1.0),
            zero_output=True,
            rngs=nnx.Rngs(net_key),
        ),
        center_sum=(width, 0.0),
    )
    loss = ScoreLoss(
        system.drift, system.drift_divergence, system.diffusion, physics=config.physics, divergence="exact"
    )
    fitted = fit_score(
        loss,
        nn.ShiftedScore(network, EquilibriumScore(system)),
        Batches(flat, config.batch),
        steps=config.steps,
        learning_rate=config.learning_rate,
        ema=0.99,
        key=fit_key,
        checkpoint_dir=checkpoint_dir / "ring",
        description="ring",
    )
    model = fitted.ema_model
    flow = flow_samples(model, loss, flat, block=min(50_000, flat.shape[0]))
    learned = thermodynamics.mean_rate(flow.rates.sum(axis=1), num_blocks=blocks)
    free = score_free_rate(system, samples)
    x = (np.arange(config.grid[0]) + 0.5) * width / config.grid[0]
    g = np.linspace(-3.0, 3.0, config.grid[1])
    grid = jnp.asarray(np.stack(np.meshgrid(x, g, indexing="ij"), axis=-1).reshape(-1, 2), flat.dtype)
    velocity = thermodynamics.probability_flow_velocity(system.drift(grid), jax.vmap(model)(grid), system.diffusion)
    rate_map = jax.vmap(lambda v: thermodynamics.total_entropy_production(v, system.diffusion))(velocity)
    shape = (x.size, g.size)
    return {
        "learned": Estimate(learned.value, learned.standard_error),
        "score_free": Estimate(free.value, free.standard_error),
        "diagnostics": flow.diagnostics(blocks),
        "history": fitted.history,
        "x": x,
        "g": g,
        "velocity": np.moveaxis(np.asarray(velocity).reshape(*shape, 2), -1, 0),
        "rate": np.asarray(rate_map).reshape(shape),
        "samples": np.asarray(fine).reshape(-1, 2),
    }
