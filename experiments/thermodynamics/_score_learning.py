"""Learning the score of a steady state and reading the entropy production off it: the same for every system.

A system is anything with `drift(z)` and `drift_divergence(z)`, both of the shape of a state z, the second holding the
terms d b_i / d z_i.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from entropax import losses, thermodynamics, training
from entropax._typing import Array, PRNGKey


@dataclass(frozen=True)
class Training:
    """How a score is fitted.

    Attributes:
        steps: optimisation steps.
        batch: samples a step.
        learning_rate: of Adam at the start; it falls to zero as a cosine.
        physics: weight of the stationary Fokker-Planck term.
        probes: random probes of the divergence; 0 for the exact one.
        average: decay of the running average of the weights that is evaluated.
    """

    steps: int
    batch: int
    learning_rate: float
    physics: float
    probes: int = 0
    average: float = 0.998


class StationaryScoreLoss(eqx.Module):
    """Score matching plus the stationary Fokker-Planck equation, a coordinate (arXiv 2309.12991: lam1 = 1, lam4).

    Attributes:
        system: the drift and its divergence.
        diffusion: diagonal D, broadcastable to a state.
        physics: weight lam4.
        probes: random probes of the divergence; 0 for the exact one.
    """

    system: Any
    diffusion: Array
    physics: Array
    probes: int = eqx.field(static=True)

    def __call__(self, score: Any, samples: Array, *, key: PRNGKey) -> tuple[Array, dict[str, Array]]:
        """The loss of a batch, shape (n, *shape), and its two terms."""
        evaluation = (
            losses.evaluate_score(score, samples, divergence="hutchinson", key=key, num_probes=self.probes)
            if self.probes
            else losses.evaluate_score(score, samples)
        )
        drift = jax.vmap(self.system.drift)(samples)
        slopes = jax.vmap(self.system.drift_divergence)(samples)
        residuals = losses.stationary_residuals(evaluation, drift, slopes, self.diffusion)
        coordinates = samples[0].size
        matching = jnp.mean(losses.implicit_score_matching_loss(evaluation)) / coordinates
        stationarity = jnp.mean(losses.stationary_fokker_planck_loss(residuals)) / coordinates
        return matching + self.physics * stationarity, {"matching": matching, "stationarity": stationarity}


class Batches(eqx.Module):
    """Random samples of a data set.

    Attributes:
        samples: shape (n, *shape).
        size: samples a batch.
    """

    samples: Array
    size: int = eqx.field(static=True)

    def __call__(self, step: Array, *, key: PRNGKey) -> Array:
        """A batch, shape (size, *shape)."""
        del step
        return self.samples[jax.random.randint(key, (self.size,), 0, self.samples.shape[0])]


def learn_score(
    model: Any,
    batches: Any,
    system: Any,
    diffusion: Array,
    settings: Training,
    *,
    key: PRNGKey,
    checkpoint_dir: Path,
    description: str,
) -> Any:
    """Fits a score network and returns it with averaged weights."""
    loss = StationaryScoreLoss(system, diffusion, jnp.asarray(settings.physics, diffusion.dtype), settings.probes)
    schedule = optax.cosine_decay_schedule(settings.learning_rate, settings.steps)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(schedule))
    return training.fit(
        loss,
        model,
        batches,
        optimizer,
        steps=settings.steps,
        key=key,
        ema=settings.average,
        checkpoint_dir=checkpoint_dir,
        checkpoint_every=settings.steps,
        description=description,
    ).ema_model


class Evaluation(eqx.Module):
    """What a learned score says about every sample.

    Attributes:
        velocity: v = b - D s, shape (n, *shape).
        rate: v^T D^-1 v, shape (n,), nats per unit time.
        diagnostics: how far the score is from the steady state's.
    """

    velocity: Array
    rate: Array
    diagnostics: thermodynamics.StationarityDiagnostics


@eqx.filter_jit
def evaluate(score: Any, samples: Array, system: Any, diffusion: Array, *, block: int = 4096) -> Evaluation:
    """Evaluates a score with its exact divergence, a block of samples at a time."""

    def one(z: Array) -> tuple[Array, Array, Array, Array, Array, Array]:
        evaluation = losses.evaluate_score(score, z[None])
        s, b = evaluation.value[0], system.drift(z)
        v = thermodynamics.probability_flow_velocity(b, s, diffusion)
        residuals = losses.stationary_residuals(evaluation, b[None], system.drift_divergence(z)[None], diffusion)
        rate = thermodynamics.total_entropy_production(v, diffusion)
        divergence = residuals.velocity_divergence[0, 0]
        return v, rate, divergence, residuals.velocity_dot_score[0], jnp.sum(s**2), evaluation.divergence[0]

    velocity, rate, *terms = jax.lax.map(one, samples, batch_size=min(block, samples.shape[0]))
    return Evaluation(velocity, rate, thermodynamics.stationarity_diagnostics(*terms))
