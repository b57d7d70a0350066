"""Meta-training: a set network learns mutual information from data sets that are drawn anew at every step."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from flax import nnx

from entropax import estimators, training
from entropax.training.models import Parts, Structure, split_model


@dataclass(frozen=True)
class Network:
    """Sizes of the set transformer, see `nn.SetTransformer`."""

    embed: int = 64
    heads: int = 4
    embedding_width: int = 128
    interaction_blocks: int = 0
    encoder_blocks: int = 1
    num_inducing: int = 16
    hidden: int = 128
    num_seeds: int = 4
    decoder_blocks: int = 1
    head_width: int = 64
    embedding_dropout: float = 0.0
    interaction_dropout: float = 0.0
    key_bias: bool = False


@dataclass(frozen=True)
class Training:
    """The data that are learned from, and how.

    Attributes:
        dims: smallest and largest d.
        num_samples: smallest and largest n.
        buckets: largest n and number of data sets of the batches: every step draws one of these at random, with n
            uniform from above the largest of the bucket before up to its own. Small data sets then come in large
            batches and none is padded to the length of the largest, at the price of one compiled branch each.
        preprocessing: option of `estimators.paired_rows`.
        network: its sizes.
        steps: number of steps.
        learning_rate: the peak of its schedule.
        schedule: "cosine", after a warm-up, or "plateau" (divided by ten after three epochs without progress).
        epoch: steps of an epoch, for the plateau.
        weight_decay: of matrices.
        adam_eps: epsilon of Adam.
        levels: quantile levels a data set and step.
        pinball_weight: weight of the quantiles' loss beside the squared error.
        ema: decay of the running average of the parameters, which is what is tested.
        steps_per_call: see `training.run`.
    """

    dims: tuple[int, int] = (1, 4)
    num_samples: tuple[int, int] = (20, 100)
    buckets: tuple[tuple[int, int], ...] = ((100, 64),)
    preprocessing: str = "canonical"
    network: Network = field(default_factory=Network)
    steps: int = 1000
    learning_rate: float = 1.5e-3
    schedule: str = "cosine"
    epoch: int = 2441
    weight_decay: float = 1e-4
    adam_eps: float = 1e-8
    levels: int = 4
    pinball_weight: float = 4.0
    ema: float = 0.99
    steps_per_call: int = 50


class Learned(eqx.Module):
    """What training leaves.

    Attributes:
        model: the estimator with averaged parameters.
        history: losses by step.
        data_sets: number of data sets seen.
    """

    model: estimators.AmortizedEstimator
    history: dict[str, Any]
    data_sets: int


def train(config: Training, *, key: jax.Array, checkpoint_dir: Path, log_path: Path | None = None) -> Learned:
    """Trains an estimator on data sets of the meta-distribution's training families.

    Args:
        config: the data and the recipe.
        key: source of randomness.
        checkpoint_dir: directory of the checkpoints.
        log_path: file for the losses as they come.

    Returns:
        The estimator.
    """
    init_key, run_key = jax.random.split(key)
    sizes: dict[str, Any] = vars(config.network)
    model = estimators.AmortizedEstimator.untrained(
        preprocessing=config.preprocessing,
        dims=config.dims,
        num_samples=config.num_samples,
        rngs=nnx.Rngs(init_key),
        **sizes,
    )
    structure, parts = split_model(model.network)
    optimizer = _optimizer(config)
    state = _State(parts.params, optimizer.init(parts.params), jax.tree.map(jnp.zeros_like, parts.params), jnp.int32(0))
    step = _MetaStep(structure, parts.random, parts.variables, optimizer, config)
    result = training.run(
        step,
        state,
        _Buckets(len(config.buckets)),
        steps=config.steps,
        key=run_key,
        stop=training.NonFinite("loss"),
        steps_per_call=min(config.steps_per_call, config.steps),
        checkpoint_dir=checkpoint_dir,
        log_path=log_path,
        description="meta-training",
    )
    network = structure.join(Parts(result.state.average, parts.variables, parts.random))
    network.eval()
    learned = estimators.AmortizedEstimator(
        network, preprocessing=config.preprocessing, dims=config.dims, num_samples=config.num_samples
    )
    return Learned(learned, result.history, int(result.history["data_sets"].sum()))


class _Buckets(eqx.Module):
    """Which batch a step draws; the batch itself is made in the step, as its shape depends on it."""

    count: int = eqx.field(static=True)

    def __call__(self, step: jax.Array, *, key: jax.Array) -> jax.Array:
        del step
        return jax.random.randint(key, (), 0, self.count)


class _State(eqx.Module):
    """What one step hands to the next."""

    params: Any
    optimizer_state: Any
    average: Any
    step: jax.Array


class _MetaStep(eqx.Module):
    """Draws data sets, and goes one step down the gradient of squared error and pinball loss."""

    structure: Structure
    random: Any
    variables: Any
    optimizer: optax.GradientTransformation
    config: Training = eqx.field(static=True)

    def __call__(self, state: _State, bucket: jax.Array, *, key: jax.Array) -> tuple[_State, dict[str, jax.Array]]:
        # The switch is around the gradient: one through it would store what each of the branches needs.
        steps = [self._gradient(index) for index in range(len(self.config.buckets))]
        (loss, metrics), gradient = jax.lax.switch(bucket, steps, state.params, key)
        updates, optimizer_state = optax.with_extra_args_support(self.optimizer).update(
            gradient, state.optimizer_state, state.params, value=loss
        )
        params = optax.apply_updates(state.params, updates)
        step = state.step + 1
        decay = jnp.float32(self.config.ema)
        weight = (1 - decay) / (1 - decay ** step.astype(jnp.float32))
        average = jax.tree.map(lambda m, p: m + weight * (p - m), state.average, params)
        return _State(params, optimizer_state, average, step), {"loss": loss} | metrics

    def _gradient(self, index: int) -> Any:
        config = self.config
        most, size = config.buckets[index]
        least = config.buckets[index - 1][0] + 1 if index else config.num_samples[0]

        def loss(params: Any, key: jax.Array) -> tuple[jax.Array, dict[str, jax.Array]]:
            data_key, level_key, mask_key = jax.random.split(key, 3)
            batch = estimators.meta_batch(
                key=data_key, batch_size=size, dims=config.dims, num_samples=(least, most), dtype=jnp.float32
            )
            rows = jax.vmap(lambda x, y, mask: rows_of(x, y, mask, config))(*sides(batch), batch.valid)
            levels = jax.random.uniform(level_key, (size, config.levels), minval=1e-3, maxval=1 - 1e-3)

            def read(rows: jax.Array, valid: jax.Array, levels: jax.Array, key: jax.Array) -> tuple[Any, Any]:
                network = self.structure.join(Parts(params, self.variables, _reseeded(self.random, key)))
                summary = network.summarize(rows, valid)
                return network.heads(summary), network.heads.quantiles(summary, levels)

            keys = jax.random.split(mask_key, size)  # every data set has its own masks of dropout
            guess, quantiles = jax.vmap(read)(rows, batch.valid, levels, keys)
            truth = batch.mutual_information
            squared = jnp.mean((guess - truth) ** 2)
            targets = jnp.broadcast_to(truth[:, None], levels.shape)
            pinball = jnp.mean(estimators.pinball_loss(quantiles, targets, levels))
            metrics = {"squared_error": squared, "pinball": pinball, "data_sets": jnp.int32(size)}
            return squared + config.pinball_weight * pinball, metrics

        return jax.value_and_grad(loss, has_aux=True)


def rows_of(x: jax.Array, y: jax.Array, mask: jax.Array, config: Training) -> jax.Array:
    """The rows that the network sees in training: with hard ranks, as nothing is differentiated by the data."""
    return estimators.paired_rows(x, y, max_dim=config.dims[1], preprocessing=config.preprocessing, mask=mask)


def sides(batch: estimators.MetaBatch) -> tuple[jax.Array, jax.Array]:
    """x and y of every data set of a batch, each padded with columns of zeros, (batch, n, max_dim)."""
    width = batch.rows.shape[-1] // 2

    def one(rows: jax.Array, dim: jax.Array) -> tuple[jax.Array, jax.Array]:
        present = jnp.arange(width) < dim
        y = jax.lax.dynamic_slice_in_dim(jnp.pad(rows, ((0, 0), (0, width))), dim, width, axis=1)
        return jnp.where(present[None, :], rows[:, :width], 0), jnp.where(present[None, :], y, 0)

    return jax.vmap(one)(batch.rows, batch.dim)


def _reseeded(random: Any, key: jax.Array) -> Any:
    """The random state of a network, begun anew from a key."""
    leaves, tree = jax.tree.flatten(random)
    fresh = [
        jax.random.fold_in(key, place) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else jnp.zeros_like(leaf)
        for place, leaf in enumerate(leaves)
    ]
    return jax.tree.unflatten(tree, fresh)


def _optimizer(config: Training) -> optax.GradientTransformation:
    plateau = config.schedule == "plateau"
    warmup = min(500, config.steps // 10)
    rate = (
        config.learning_rate
        if plateau
        else optax.warmup_cosine_decay_schedule(0.0, config.learning_rate, warmup, config.steps)
    )
    adam = optax.adamw(
        rate,
        eps=config.adam_eps,
        weight_decay=config.weight_decay,
        mask=lambda params: jax.tree.map(lambda leaf: leaf.ndim > 1, params),
    )
    chain = [optax.clip_by_global_norm(1.0), adam]
    if plateau:
        chain.append(
            optax.contrib.reduce_on_plateau(
                factor=0.1,
                patience=3,
                accumulation_size=config.epoch,
                min_scale=5e-6 / config.learning_rate,
            )
        )
    return optax.chain(*chain)
