"""The critics that the experiment on high dimension trains: the protocol, the sweep of dimensions, much information."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from entropax import estimators, nn
from experiments.estimators._latent_pairs import correlated, latent_pairs, log_ratio

BIT = math.log(2)
BATCH = 128
HYBRID, SEPARABLE = "hybrid", "separable"
IN_BATCHES, ON_ALL, SMILE, VSIB = "InfoNCE, batches of 128", "InfoNCE, all pairs", "SMILE", "VSIB with SMILE"


@dataclass(frozen=True)
class Config:
    """Sizes.

    Attributes:
        rows: n of the synthetic data sets.
        observed: K.
        latents: K_Z of the data sets.
        bits: their information.
        gammas: numbers of chunks.
        splits: splits of each chunk into training and held-out pairs, whose curves are averaged: every pair is held out
            in one.
        epochs: evaluations.
        steps_per_epoch: steps between evaluations.
        learning_rate: of Adam.
        embed: dimension of the critic's embedding.
        dimensions: those of the sweep.
        sweep_rows: n of its data sets.
        sweep_bits: their information.
        sweep_restarts: critics of every dimension, of which the best counts.
        sweep_epochs: its evaluations.
        sweep_steps: steps between them.
        sweep_learning_rate: of Adam there.
        high_bits: information of the data set with much of it.
        high_rows: its rows.
        high_epochs: its epochs, each one pass over the data.
        high_learning_rate: of Adam there.
        high_seeds: networks and data sets drawn for it.
        digit_noise: of the digits' views.
        digit_rotation: of the digits' views, in degrees.
    """

    rows: int = 1000
    observed: int = 100
    latents: tuple[int, ...] = (1, 2, 3, 4)
    bits: tuple[float, ...] = (1.0, 2.0)
    gammas: tuple[int, ...] = (1, 2, 3, 4, 5, 6)
    splits: int = 5
    epochs: int = 60
    steps_per_epoch: int = 2
    learning_rate: float = 2e-3
    embed: int = 8
    dimensions: tuple[int, ...] = (1, 2, 3, 4, 5)
    sweep_rows: int = 4000
    sweep_bits: float = 3.0
    sweep_restarts: int = 2
    sweep_epochs: int = 10
    sweep_steps: int = 30
    sweep_learning_rate: float = 8e-3
    high_bits: float = 6.0
    high_rows: int = 3000
    high_epochs: int = 40
    high_learning_rate: float = 2e-3
    high_seeds: int = 2
    digit_noise: float = 0.1
    digit_rotation: float = 15.0


def infonce_in_batches(scores: Any) -> Any:
    """InfoNCE read as it is trained, on batches: the mean over the diagonal blocks of 128 pairs, at most log 128."""
    size = min(scores.shape[0], BATCH)
    blocks = scores.shape[0] // size
    corner = scores[: blocks * size, : blocks * size].reshape(blocks, size, blocks, size)
    diagonal = np.arange(blocks)
    return jnp.mean(jax.vmap(estimators.infonce)(corner[diagonal, :, diagonal]))


@functools.cache  # one object for equal arguments, so that calls share what is compiled
def maker(kind: Any, observed: int, embed: int, depth: int = 1, **options: int) -> Callable[..., Any]:
    """A maker of critics of samples of equal size."""
    return functools.partial(kind, observed, observed, embed=embed, depth=depth, **options)


@functools.cache
def adam(learning_rate: float, weight_decay: float, steps: int) -> optax.GradientTransformation:
    """Adam with decoupled weight decay and a learning rate that falls to a tenth, as a cosine.

    At a constant rate the noise of the steps costs sharp log ratios, those of few dimensions, some 2% of the estimate.
    """
    return optax.adamw(optax.cosine_decay_schedule(learning_rate, steps, alpha=0.1), weight_decay=weight_decay)


class Found(NamedTuple):
    """What the protocol says of one data set."""

    estimate: estimators.SubsampledEstimate
    """By the mean of what training and held-out pairs read."""
    by_training_pairs: estimators.Extrapolation
    """By what training pairs read alone, as in the source, of the same critics."""


def protocol(config: Config, x: Any, y: Any, *, key: jax.Array, torn: bool = False) -> Found:
    """The extrapolated estimate of one data set, by separable InfoNCE.

    Args:
        config: sizes.
        x: samples.
        y: samples.
        key: source of randomness.
        torn: whether to shuffle y, for the control.
    """
    trained = []

    def estimator(x: Any, y: Any, *, key: jax.Array) -> estimators.VariationalEstimate:
        found = estimators.variational_mutual_information(
            x,
            y,
            maker(nn.SeparableCritic, x.shape[-1], config.embed, depth=2, zero_output=True),
            key=key,
            epochs=config.epochs,
            steps_per_epoch=config.steps_per_epoch,
            learning_rate=config.learning_rate,
            num_splits=config.splits,
            test_fraction=1 / config.splits,
            read="mean",
            keep_critic=False,
        )
        trained.append(found.train_value)
        return found

    options: dict[str, Any] = {"key": key, "gammas": config.gammas, "batched": True}
    if torn:
        estimate = estimators.shuffled_control(estimator, x, y, **options).estimate
    else:
        estimate = estimators.subsample_extrapolate(estimator, x, y, **options)
    return Found(estimate, estimators.extrapolate(trained, gammas=config.gammas))


def sweep(config: Config, kind: str, *, key: jax.Array) -> dict[int, tuple[np.ndarray, int]]:
    """Estimates by the critic's embedding dimension, in nats, and where they saturate, by K_Z.

    All data sets are trained together for each dimension. A critic can settle with fewer directions than its embedding
    allows and then reads low: as a larger value is a better bound, the best of some restarts counts.

    Args:
        config: sizes.
        kind: of critic, "hybrid" or "separable".
        key: source of randomness; both kinds get the same data and splits of it.
    """
    data_key, fit_key = jax.random.split(key)
    pairs = [
        latent_pairs(
            jax.random.fold_in(data_key, latent),
            rows=config.sweep_rows,
            latent=latent,
            observed=config.observed,
            information=config.sweep_bits * BIT,
        )
        for latent in config.latents
    ]
    x, y = (jnp.stack(side) for side in zip(*pairs, strict=True))
    best = []
    for dimension in config.dimensions:
        if kind == HYBRID:
            make = maker(nn.HybridCritic, config.observed, dimension, head_width=64, head_depth=1)
        else:
            make = maker(nn.SeparableCritic, config.observed, dimension)
        found = estimators.variational_mutual_information(
            x,
            y,
            make,
            key=jax.random.split(fit_key, len(pairs)),
            epochs=config.sweep_epochs,
            steps_per_epoch=config.sweep_steps,
            batch_size=64,
            optimizer=adam(config.sweep_learning_rate, 0.1, config.sweep_epochs * config.sweep_steps),
            num_splits=config.sweep_restarts,
            test_fraction=min(0.2, 256 / config.sweep_rows),
            read="mean",
            max_rows=256,
            keep_critic=False,
        )
        best.append(np.max(found.split_values, axis=1))
    exact = np.full(len(config.dimensions), 1e-6)  # only the relative tolerance of 5% decides
    return {
        latent: (values, int(estimators.saturation(config.dimensions, values, exact).dimension))
        for latent, values in zip(config.latents, np.stack(best, 1), strict=True)
    }


def much_information(config: Config, *, key: jax.Array) -> dict[str, estimators.VariationalEstimate]:
    """Deterministic and variational critics on data with much information, on several data sets.

    InfoNCE is read twice, on batches of 128 pairs and on all training pairs; both train the same critics.
    """
    latent = max(config.latents)
    pairs = [
        latent_pairs(
            jax.random.fold_in(key, i),
            rows=config.high_rows,
            latent=latent,
            observed=config.observed,
            information=config.high_bits * BIT,
        )
        for i in range(config.high_seeds)
    ]
    x, y = (jnp.stack(side) for side in zip(*pairs, strict=True))
    deterministic, variational = (
        maker(kind, config.observed, config.embed, depth=2) for kind in (nn.SeparableCritic, nn.VariationalCritic)
    )
    return {
        name: estimators.variational_mutual_information(
            x,
            y,
            make,
            bound=bound,
            key=jax.random.split(key, config.high_seeds),
            epochs=config.high_epochs,
            learning_rate=config.high_learning_rate,
            keep_critic=False,
        )
        for name, make, bound in (
            (IN_BATCHES, deterministic, infonce_in_batches),
            (ON_ALL, deterministic, estimators.infonce),
            (SMILE, deterministic, estimators.smile),
            (VSIB, variational, estimators.smile),
        )
    }


def exact_readings(config: Config, *, key: jax.Array) -> dict[str, float]:
    """What each would read of as many pairs with much information if its critic were exact, in nats."""
    information = config.high_bits * BIT
    pairs = correlated(key, round(0.9 * config.high_rows), max(config.latents), information)
    scores = log_ratio(*pairs, information)
    in_batches, on_all, smile = (
        float(bound(scores)) for bound in (infonce_in_batches, estimators.infonce, estimators.smile)
    )
    return {IN_BATCHES: in_batches, ON_ALL: on_all, SMILE: smile, VSIB: smile}
