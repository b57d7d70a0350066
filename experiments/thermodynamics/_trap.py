"""Repelling swimmers in a harmonic trap: entropy production against activity, learned and without a score."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from entropax import nn, simulators, thermodynamics, training
from experiments.claims import Estimate
from experiments.thermodynamics._score_fits import Batches, HeldOutLoss, ScoreLoss, fit_score, flow_samples
from experiments.thermodynamics._trap_reference import LocallyHarmonicScore


@dataclass(frozen=True)
class TrapConfig:
    """Sizes of the simulations and fits of swimmers in a trap: the paper's N = 64 system, in a larger box.

    Some of the chains are held out: the score kept is the one with the lowest score-matching loss on them, of those
    met in training, and its rate is measured on them.

    Attributes:
        num_particles: N.
        speeds: values of v0, from zero, where the system is in equilibrium.
        packing_fraction: of the periodic box: so low that no swimmer gets to its edge, where the trap's force jumps.
        dt: time step of the samples. The score-free identity has a bias of first order in it.
        coarse_dt: time step of most of the burn-in.
        chains: independent copies.
        held_out: share of them that is not trained on.
        burn_in: time at the coarse step, from the law of swimmers that do not interact; the slowest relaxation takes
            1 / trap = 20.
        settle: time at the fine step before the first sample; contacts relax within a time of one.
        spacing: time between samples.
        snapshots: samples of each copy.
        network: "pair" (`nn.PairScore`) or "transformer" (`nn.SplitTransformerScore`, the paper's). The transformer has
            to find contacts among positions: of 64 swimmers at v0 = 0.2 a small one (embed 64, 2 blocks) reached 0.82
            of the rate in 3,000 steps of 32, pairs 0.99 in 3,000 of 16, and a lower loss on chains held out.
        sizes: of the network, by the names of its constructor.
        steps: optimiser steps at each speed.
        validate_every: steps between looks at the chains held out.
        validate_thinning: of the snapshots looked at then; the rate is measured on all of them.
        patience: steps without improvement on the chains held out after which a fit ends.
        batch: configurations in each step.
        learning_rate: the largest, of Adam.
        average: decay of the running average of the parameters.
        bins: rings around the centre in which the rate is resolved.
    """

    num_particles: int = 16
    speeds: tuple[float, ...] = (0.0, 0.2, 0.4)
    packing_fraction: float = 0.02
    dt: float = 1e-3
    coarse_dt: float = 2e-2
    chains: int = 1024
    held_out: float = 0.25
    burn_in: float = 40.0
    settle: float = 2.0
    spacing: float = 0.5
    snapshots: int = 16
    network: str = "pair"
    sizes: tuple[tuple[str, int], ...] = (("channels", 4), ("width", 32))
    steps: int = 1600
    validate_every: int = 100
    validate_thinning: int = 4
    patience: int = 600
    batch: int = 32
    learning_rate: float = 3e-3
    average: float = 0.99
    bins: int = 12


def free_swimmer(swimmers: Any) -> simulators.LinearLangevin:
    """One coordinate of one swimmer that does not interact, (x, g)."""
    zero = jnp.zeros_like(swimmers.trap)
    drift_matrix = jnp.stack([jnp.stack([swimmers.trap, -swimmers.speed]), jnp.stack([zero, swimmers.persistence])])
    return simulators.LinearLangevin(drift_matrix, swimmers.diffusion.reshape(2), dt=swimmers.dt)


class RotatedBatches(eqx.Module):
    """Random batches, every configuration turned and perhaps reflected about the middle of the trap.

    The steady state is as likely any way round; a network that does not know learns it from such batches, and has more
    to learn from. No swimmer is near the edge of the box, which is not round.

    Attributes:
        batches: of configurations, shape (size, 2, N, 2).
    """

    batches: Batches

    def __call__(self, step: jax.Array, *, key: jax.Array) -> jax.Array:
        """A batch, shape (size, 2, N, 2)."""
        draw_key, angle_key, side_key = jax.random.split(key, 3)
        batch = self.batches(step, key=draw_key)
        angle = jax.random.uniform(angle_key, batch.shape[:1], batch.dtype, maxval=2 * np.pi)
        side = jax.random.rademacher(side_key, batch.shape[:1], batch.dtype)
        cos, sin = jnp.cos(angle), jnp.sin(angle)
        turn = jnp.stack([jnp.stack([cos, -side * sin]), jnp.stack([sin, side * cos])])
        return jnp.einsum("abi,ipnb->ipna", turn, batch)


class EveryDrift(eqx.Module):
    """The drift of every configuration of a batch."""

    swimmers: Any

    def __call__(self, batch: jax.Array) -> jax.Array:
        """b, shape (n, 2, N, d)."""
        return jax.vmap(self.swimmers.drift)(batch)


class EveryDivergence(eqx.Module):
    """The terms of the drift's divergence of every configuration of a batch."""

    swimmers: Any

    def __call__(self, batch: jax.Array) -> jax.Array:
        """Terms that sum to div b."""
        return jax.vmap(self.swimmers.drift_divergence)(batch)


class TrapRow(NamedTuple):
    """What was measured at one speed, in nats per unit time.

    Attributes:
        num_particles: N.
        speed: v0.
        network: that learned, by its name in the configuration.
        reference: rate from the reference score, before anything is learned.
        learned: rate from the learned score, with the same control variates as `controlled`.
        learned_parts: its parts in positions and in propulsions.
        score_free: E[b D^-1 b + div b].
        controlled: the same with control variates.
        residual: mean of |div v + v . s|, a coordinate.
        history: the losses at every step.
        best_step: the step after which the score was taken.
        radius: centres of the rings around the middle, shape (bins,).
        radial_rate: mean rate of a swimmer in each ring, NaN where there is none.
        radial_density: swimmers per unit area.
    """

    num_particles: int
    speed: float
    network: str
    reference: float
    learned: Estimate
    learned_parts: np.ndarray
    score_free: Estimate
    controlled: Estimate
    residual: float
    history: dict[str, np.ndarray]
    best_step: int | None
    radius: np.ndarray
    radial_rate: np.ndarray
    radial_density: np.ndarray


def observe_phase(state: Any) -> jax.Array:
    """Positions and propulsions."""
    return state.phase


def swimmers_at(config: TrapConfig, speed: float, dt: float) -> Any:
    """The system at one speed."""
    return simulators.ActiveSwimmers(
        config.num_particles,
        speed=speed,
        stiffness=2.5,
        trap=0.05,
        persistence=0.1,
        noise=0.1,
        packing_fraction=config.packing_fraction,
        dt=dt,
    )


@eqx.filter_jit
def _advance(swimmers: Any, states: Any, key: jax.Array, steps: int, every: int) -> tuple[Any, jax.Array]:
    keys = jax.random.split(key, jax.tree.leaves(states)[0].shape[0])
    return jax.vmap(
        lambda state, key: simulators.simulate(swimmers, state, steps, key=key, observe=observe_phase, every=every)
    )(states, keys)


@eqx.filter_jit
def _free_states(swimmers: Any, key: jax.Array, chains: int) -> Any:
    def one(key: jax.Array) -> Any:
        state = swimmers.init(key=key)
        draws = free_swimmer(swimmers).init(key=key, shape=state.phase.shape[1:])
        phase = jnp.stack([swimmers.box.wrap(draws[..., 0]), draws[..., 1]])
        return eqx.tree_at(lambda s: s.phase, state, phase)

    return jax.vmap(one)(jax.random.split(key, chains))


def sample_trap(config: TrapConfig, speed: float, *, key: jax.Array) -> jax.Array:
    """Configurations of the steady state, shape (chains, snapshots, 2, N, d)."""
    coarse, fine = (swimmers_at(config, speed, dt) for dt in (config.coarse_dt, config.dt))
    start_key, burn_key, settle_key, sample_key = jax.random.split(key, 4)
    states = _free_states(coarse, start_key, config.chains)
    burn, settle = round(config.burn_in / config.coarse_dt), round(config.settle / config.dt)
    states, _ = _advance(coarse, states, burn_key, burn, burn)
    states, _ = _advance(fine, states, settle_key, settle, settle)
    every = round(config.spacing / config.dt)
    return _advance(fine, states, sample_key, config.snapshots * every, every)[1]


def score_free_rates(swimmers: Any, samples: jax.Array) -> tuple[Estimate, Estimate]:
    """E[b D^-1 b + div b], plain and with control variates, errors from the means of the chains.

    The control variates are L f, of mean zero, for f = U / eps, |g|^2 / 2, x . g and |x|^2 / 2, U the potential of
    trap and repulsion. That of U alone turns the identity into the power of propulsion, E[v0 g . b_x] / eps.

    Args:
        swimmers: the system.
        samples: shape (chains, snapshots, 2, N, d).
    """
    chains = samples.shape[0]
    flat = samples.reshape(-1, *samples.shape[2:])
    drift, slopes = EveryDrift(swimmers)(flat), EveryDivergence(swimmers)(flat)
    controls = _controls(swimmers, flat, drift, slopes)
    diffusion = swimmers.diffusion
    plain = thermodynamics.score_free_entropy_production(drift, slopes, diffusion, num_blocks=chains)
    controlled = thermodynamics.score_free_entropy_production(
        drift, slopes, diffusion, num_blocks=chains, controls=controls
    )
    return tuple(Estimate(mean.value, mean.standard_error) for mean in (plain, controlled))  # pyright: ignore[reportReturnType]


@eqx.filter_jit
def _controls(swimmers: Any, samples: jax.Array, drift: jax.Array, slopes: jax.Array) -> jax.Array:
    def total(terms: jax.Array) -> jax.Array:
        return jnp.sum(terms, axis=(1, 2))

    eps, gamma = swimmers.noise, swimmers.persistence
    x, g, b = samples[:, 0], samples[:, 1], drift[:, 0]
    conservative = b - swimmers.speed * g  # -grad U
    coordinates = x[0].size
    of_potential = -total(conservative * b) / eps - jnp.sum(slopes[:, 0].reshape(x.shape[0], -1), axis=1)
    of_propulsion = gamma * (coordinates - total(g**2))
    of_product = total(b * g) - gamma * total(x * g)
    of_size = total(b * x) + eps * coordinates
    return jnp.stack([of_potential, of_propulsion, of_product, of_size], axis=1)


def make_network(config: TrapConfig, swimmers: Any, key: jax.Array) -> Any:
    """The network that is added to the reference score, zero at the start."""
    common = {"position_scale": 3.0, "zero_output": True, "rngs": nnx.Rngs(key)} | dict(config.sizes)
    if config.network == "pair":
        return nn.PairScore(box=swimmers.box, **common)  # pyright: ignore[reportArgumentType]
    return nn.SplitTransformerScore(2, **common)  # pyright: ignore[reportArgumentType]


@eqx.filter_jit
def _particle_rates(model: Any, swimmers: Any, samples: jax.Array) -> jax.Array:
    def one(phase: jax.Array) -> jax.Array:
        velocity = thermodynamics.probability_flow_velocity(swimmers.drift(phase), model(phase), swimmers.diffusion)
        return thermodynamics.total_entropy_production(velocity, swimmers.diffusion, axis=(0, 2))

    return jax.lax.map(one, samples, batch_size=min(64, samples.shape[0]))


def learn_trap(config: TrapConfig, *, key: jax.Array, checkpoint_dir: Path) -> list[TrapRow]:
    """Simulates the swimmers at every speed, learns their scores, and measures their rates."""
    return [
        _learn_speed(config, speed, key=jax.random.fold_in(key, i), checkpoint_dir=checkpoint_dir / f"trap-{i}")
        for i, speed in enumerate(config.speeds)
    ]


def _learn_speed(config: TrapConfig, speed: float, *, key: jax.Array, checkpoint_dir: Path) -> TrapRow:
    sample_key, net_key, fit_key, probe_key, held_key = jax.random.split(key, 5)
    swimmers = swimmers_at(config, speed, config.dt)
    samples = sample_trap(config, speed, key=sample_key)
    plain, controlled = score_free_rates(swimmers, samples)
    held_chains = max(6, round(config.held_out * config.chains))  # six for the control variates
    looked_at = jnp.swapaxes(samples[:held_chains, :: config.validate_thinning], 0, 1)
    held_out, seen = (part.reshape(-1, *samples.shape[2:]) for part in jnp.split(samples, [held_chains]))
    reference = LocallyHarmonicScore(swimmers)
    loss = ScoreLoss(
        EveryDrift(swimmers), EveryDivergence(swimmers), swimmers.diffusion, physics=0.0, divergence="hutchinson"
    )
    batches = Batches(seen, config.batch)
    fitted = fit_score(
        loss,
        nn.ShiftedScore(make_network(config, swimmers, net_key), reference),
        batches if config.network == "pair" else RotatedBatches(batches),  # a pair's network knows rotations
        steps=config.steps,
        learning_rate=config.learning_rate,
        ema=config.average,
        key=fit_key,
        checkpoint_dir=checkpoint_dir,
        description=f"trap, v0 = {speed}",
        validate=HeldOutLoss(loss, looked_at, held_key),
        validate_every=config.validate_every,
        stop=training.Patience("validation", config.patience),
    )
    model = fitted.best_model
    flow = flow_samples(model, loss, held_out, block=min(128, held_out.shape[0]), key=probe_key)
    rates = flow.rates.sum(axis=1)
    known = held_out[: rates.size]
    controls = _controls(swimmers, known, loss.drift(known), loss.drift_slopes(known))
    learned = thermodynamics.mean_rate(rates, num_blocks=held_chains, controls=controls)
    residual = np.abs(flow.velocity_divergence + flow.velocity_dot_score).mean() / held_out[0].size
    radius, rate, density = _radial_profile(config, held_out, _particle_rates(model, swimmers, held_out))
    return TrapRow(
        num_particles=config.num_particles,
        speed=speed,
        network=config.network,
        reference=float(jnp.mean(jnp.sum(_particle_rates(reference, swimmers, held_out), axis=1))),
        learned=Estimate(learned.value, learned.standard_error),
        learned_parts=flow.rates.mean(axis=0),
        score_free=plain,
        controlled=controlled,
        residual=float(residual),
        history=fitted.history,
        best_step=fitted.best_step,
        radius=radius,
        radial_rate=rate,
        radial_density=density,
    )


def _radial_profile(
    config: TrapConfig, samples: jax.Array, rates: jax.Array
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean rate of a swimmer, and number of swimmers per area, in rings around the middle of the trap."""
    radii = jnp.linalg.norm(samples[:, 0], axis=-1).reshape(-1, 1)
    edge = 1.5 * config.num_particles**0.5
    binned = thermodynamics.spatial_rate(
        radii, rates.reshape(-1), lower=jnp.zeros(1), upper=jnp.full(1, edge), bins=(config.bins,)
    )
    centers = (np.arange(config.bins) + 0.5) * edge / config.bins
    per_area = np.asarray(binned.density) / samples.shape[0] / (2 * np.pi * centers)
    return centers, np.where(np.asarray(binned.occupied), np.asarray(binned.value), np.nan), per_area
