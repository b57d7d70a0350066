"""Fitting a score to samples of a steady state and reading entropy production off it: what every system shares."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from entropax import losses, thermodynamics, training


class Batches(eqx.Module):
    """Random batches of a fixed set of samples: a pytree, so that the samples are an argument, not a constant.

    Attributes:
        samples: shape (n, *shape).
        size: samples in a batch.
    """

    samples: jax.Array
    size: int = eqx.field(static=True)

    def __call__(self, step: jax.Array, *, key: jax.Array) -> jax.Array:
        """A batch drawn with replacement, shape (size, *shape)."""
        del step
        return self.samples[jax.random.randint(key, (self.size,), 0, self.samples.shape[0])]


class StationaryBatches(eqx.Module):
    """Fresh draws from a linear system's own stationary law at every step.

    Attributes:
        system: a simulator whose `init` draws from the stationary law.
        size: samples in a batch.
    """

    system: Any
    size: int = eqx.field(static=True)

    def __call__(self, step: jax.Array, *, key: jax.Array) -> jax.Array:
        """A batch, shape (size, d)."""
        del step
        return self.system.init(key=key, shape=(self.size,))


class ScoreLoss(eqx.Module):
    """Implicit score matching plus a weight times the stationary Fokker-Planck residual, per coordinate.

    Attributes:
        drift: b on a batch of samples.
        drift_slopes: terms of div b on a batch.
        diffusion: diagonal D.
        physics: weight of the squared residual; 0 leaves it out.
        divergence: "exact" or "hutchinson".
    """

    drift: Callable[[Any], Any]
    drift_slopes: Callable[[Any], Any]
    diffusion: jax.Array
    physics: float = eqx.field(static=True)
    divergence: str = eqx.field(static=True)

    def __call__(self, model: Any, batch: jax.Array, *, key: jax.Array) -> tuple[jax.Array, dict[str, jax.Array]]:
        """The loss of a batch and its parts."""
        hutchinson = {"key": key, "num_probes": 2 if self.physics else 1} if self.divergence == "hutchinson" else {}
        evaluation = losses.evaluate_score(model, batch, divergence=self.divergence, **hutchinson)
        matching = jnp.mean(losses.implicit_score_matching_loss(evaluation)) / batch[0].size
        if not self.physics:
            return matching, {"score_matching": matching}
        residuals = losses.stationary_residuals(evaluation, self.drift(batch), self.drift_slopes(batch), self.diffusion)
        physics = jnp.mean(losses.stationary_fokker_planck_loss(residuals)) / batch[0].size
        return matching + self.physics * physics, {"score_matching": matching, "physics": physics}


class HeldOutLoss(eqx.Module):
    """The mean loss of samples that are not trained on, in blocks, with the same probes at every call.

    Attributes:
        loss: the loss.
        blocks: samples, shape (blocks, size, *shape).
        key: source of the probes.
    """

    loss: ScoreLoss
    blocks: jax.Array
    key: jax.Array

    def __call__(self, model: Any) -> jax.Array:
        """The mean over all blocks."""
        keys = jax.random.split(self.key, self.blocks.shape[0])
        return jnp.mean(jax.lax.map(lambda given: self.loss(model, given[0], key=given[1])[0], (self.blocks, keys)))


def fit_score(
    loss: ScoreLoss,
    model: Any,
    batches: Callable[..., Any],
    *,
    steps: int,
    learning_rate: float,
    ema: float,
    key: jax.Array,
    checkpoint_dir: Path | None,
    description: str,
    validate: Callable[[Any], Any] | None = None,
    validate_every: int = 100,
    stop: training.StopRule = training.NonFinite("loss"),  # noqa: B008 - frozen
) -> training.FitResult:
    """Trains a score with Adam, gradients clipped to norm 1, and a warm-up and cosine decay of the rate."""
    return training.fit(
        loss,
        model,
        batches,
        _adam(learning_rate, steps),
        steps=steps,
        key=key,
        ema=ema,
        validate=validate,
        validate_every=validate_every,
        stop=stop,
        steps_per_call=min(250, steps),
        checkpoint_dir=checkpoint_dir,
        description=description,
    )


@functools.cache  # one object for equal arguments, so that fits of one shape share a compiled loop
def _adam(learning_rate: float, steps: int) -> optax.GradientTransformationExtraArgs:
    schedule = optax.warmup_cosine_decay_schedule(0.0, learning_rate, min(100, steps // 5), steps)
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adam(schedule))


class FlowSamples(NamedTuple):
    """The learned probability flow at every sample, shape (n,) each unless said otherwise."""

    rates: np.ndarray
    """v_i^2 / D_i summed over all but one axis of each sample, shape (n, parts)."""
    velocity_divergence: np.ndarray
    velocity_dot_score: np.ndarray
    score_square: np.ndarray
    score_divergence: np.ndarray

    def diagnostics(self, num_blocks: int | None = None) -> thermodynamics.StationarityDiagnostics:
        """What should vanish for the score of a steady state."""
        return thermodynamics.stationarity_diagnostics(
            self.velocity_divergence,
            self.velocity_dot_score,
            self.score_square,
            self.score_divergence,
            num_blocks=num_blocks,
        )


@eqx.filter_jit
def _flow(model: Any, loss: ScoreLoss, samples: jax.Array, key: jax.Array | None) -> tuple[jax.Array, ...]:
    method: dict[str, Any] = {} if key is None else {"divergence": "hutchinson", "key": key}
    evaluation = losses.evaluate_score(model, samples, **method)
    drift = loss.drift(samples)
    residuals = losses.stationary_residuals(evaluation, drift, loss.drift_slopes(samples), loss.diffusion)
    parts = jax.vmap(
        lambda b, s: thermodynamics.total_entropy_production(
            thermodynamics.probability_flow_velocity(b, s, loss.diffusion),
            loss.diffusion,
            axis=tuple(range(1, b.ndim)),
        )
    )(drift, evaluation.value)
    square = jnp.sum(evaluation.value**2, axis=tuple(range(1, drift.ndim)))
    return (
        parts,
        jnp.mean(residuals.velocity_divergence, axis=0),
        residuals.velocity_dot_score,
        square,
        evaluation.divergence,
    )


def flow_samples(
    model: Any, loss: ScoreLoss, samples: jax.Array, *, block: int, key: jax.Array | None = None
) -> FlowSamples:
    """Evaluates the learned flow at samples, in blocks of one size (a remainder is left out).

    The parts of a rate are the entries of a sample's first axis: the coordinates of a vector, or positions and
    propulsions of swimmers. With a key the divergences are Hutchinson's estimates, otherwise exact.
    """
    count = max(1, samples.shape[0] // block)
    block = min(block, samples.shape[0])
    parts = []
    for i in range(count):
        probes = None if key is None else jax.random.fold_in(key, i)
        parts.append([np.asarray(x) for x in _flow(model, loss, samples[i * block : (i + 1) * block], probes)])
    return FlowSamples(*(np.concatenate(column) for column in zip(*parts, strict=True)))
