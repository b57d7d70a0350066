"""Networks of many seeds or settings, trained side by side as one stack: their arrays have a first axis over them."""

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from entropax import nn, training
from experiments.claims import Estimate


class Classifier(nnx.Module):
    """A multilayer perceptron with a head.

    Attributes:
        trunk: from inputs to features.
        head: from features to logits or log-probabilities.
        rectified: whether features are.
    """

    def __init__(
        self,
        num_in: int,
        num_features: int,
        head: nnx.Module,
        *,
        width: int,
        depth: int,
        rectified: bool = True,
        rngs: nnx.Rngs,
    ):
        """Makes the trunk: `depth` hidden layers of `width`, rectified."""
        self.rectified = rectified
        self.trunk = nn.MLP(num_in, num_features, width=width, depth=depth, activation=jax.nn.relu, rngs=rngs)
        self.head = head

    def features(self, x: Any) -> Any:
        """The features."""
        features = self.trunk(x)
        return jax.nn.relu(features) if self.rectified else features

    def __call__(self, x: Any) -> Any:
        """The logits."""
        return self.head(self.features(x))


def stack(make: Callable[[nnx.Rngs], Any], keys: jax.Array) -> Any:
    """One network for every key, stacked."""
    return jax.vmap(lambda key: make(nnx.Rngs(key)))(keys)


class Batches(eqx.Module):
    """For every network its own random batch of examples that all share, arrays of shape (n, ...)."""

    arrays: tuple[jax.Array, ...]
    networks: int = eqx.field(static=True)
    size: int = eqx.field(static=True)

    def __call__(self, step: jax.Array, *, key: jax.Array) -> tuple[jax.Array, ...]:
        """Entries of the arrays, shape (networks, size, ...)."""
        rows = jax.random.randint(jax.random.fold_in(key, step), (self.networks, self.size), 0, len(self.arrays[0]))
        return tuple(z[rows] for z in self.arrays)


class OwnBatches(eqx.Module):
    """For every network a random batch of its own examples, arrays of shape (networks, n, ...), or all of them."""

    arrays: tuple[jax.Array, ...]
    size: int | None = eqx.field(static=True, default=None)

    def __call__(self, step: jax.Array, *, key: jax.Array) -> tuple[jax.Array, ...]:
        """Entries of the arrays, shape (networks, size, ...)."""
        if self.size is None:
            return self.arrays
        networks, count = self.arrays[0].shape[:2]
        rows = jax.random.randint(key, (networks, self.size), 0, count)
        return tuple(jax.vmap(lambda own, at: own[at])(z, rows) for z in self.arrays)


class StackLoss(eqx.Module):
    """The sum of the losses of networks that share nothing, so that each gets its own gradient.

    Attributes:
        of_one: function (network, *settings, *batch, key=) -> scalar.
        settings: pytrees with one entry of a first axis for every network, such as values of tau.
    """

    of_one: Callable[..., Any] = eqx.field(static=True)
    settings: tuple[Any, ...] = ()

    def __call__(self, networks: Any, batch: tuple[jax.Array, ...], *, key: jax.Array) -> jax.Array:
        """The sum over networks."""
        return jnp.sum(self.each(networks, batch, key=key))

    def each(self, networks: Any, batch: tuple[jax.Array, ...], *, key: jax.Array) -> jax.Array:
        """The loss of every network."""
        keys = jax.random.split(key, len(batch[0]))
        one = lambda network, key, *given: self.of_one(network, *given, key=key)  # noqa: E731
        return jax.vmap(one)(networks, keys, *self.settings, *batch)


@functools.cache
def adamw(learning_rate: float, weight_decay: float, steps: int) -> optax.GradientTransformation:
    """AdamW with a rate that falls to zero as a cosine; one object for equal arguments."""
    return optax.adamw(optax.cosine_decay_schedule(learning_rate, steps), weight_decay=weight_decay)


def fit_shared(
    networks: Any,
    of_one: Callable[..., Any],
    arrays: tuple[Any, ...],
    *,
    settings: tuple[Any, ...] = (),
    key: jax.Array,
    steps: int,
    batch: int = 128,
    learning_rate: float = 2e-3,
    weight_decay: float = 1e-4,
    **options: Any,
) -> training.FitResult:
    """Fits a stack of networks to examples that all share, by `adamw`.

    Args:
        networks: the stack.
        of_one: loss of one, see `StackLoss`.
        arrays: examples, shape (n, ...).
        settings: see `StackLoss`.
        key: source of randomness.
        steps: of the optimiser.
        batch: examples in a step.
        learning_rate: at the start.
        weight_decay: of AdamW.
        **options: of `training.fit`.
    """
    number = len(jax.tree.leaves(networks)[0])
    return training.fit(
        StackLoss(of_one, settings),
        networks,
        Batches(tuple(map(jnp.asarray, arrays)), number, batch),
        adamw(learning_rate, weight_decay, steps),
        steps=steps,
        key=key,
        **options,
    )


def fit_own(
    make: Callable[[nnx.Rngs], Any],
    of_one: Callable[..., Any],
    arrays: tuple[Any, ...],
    *,
    key: jax.Array,
    steps: int,
    batch: int | None,
    optimizer: optax.GradientTransformation,
    **options: Any,
) -> training.FitResult:
    """Makes a network for every seed and fits it to examples of its own.

    The optimiser must act on single parameters, or the seeds are not independent.

    Args:
        make: the network, from its `rngs`.
        of_one: loss of one, see `StackLoss`.
        arrays: examples, shape (seeds, n, ...).
        key: source of randomness.
        steps: of the optimiser.
        batch: examples in a step, None for all.
        optimizer: of optax.
        **options: of `training.fit`.
    """
    make_key, fit_key = jax.random.split(key)
    arrays = tuple(map(jnp.asarray, arrays))
    networks = stack(make, jax.random.split(make_key, len(arrays[0])))
    settings: dict[str, Any] = {"steps_per_call": min(200, steps), "progress": False} | options
    return training.fit(
        StackLoss(of_one), networks, OwnBatches(arrays, batch), optimizer, steps=steps, key=fit_key, **settings
    )


@jax.jit
def scores(networks: Any, x: Any) -> Any:
    """The scores that every network gives the same inputs, shape (networks, n, classes)."""
    return jax.vmap(lambda network: network(jnp.asarray(x)))(networks)


@jax.jit
def own_scores(networks: Any, x: Any) -> Any:
    """The scores that every network gives its own inputs, x of shape (networks, n, d)."""
    return jax.vmap(lambda network, x: network(x))(networks, jnp.asarray(x))


@jax.jit
def own_outputs(networks: Any, x: Any) -> tuple[Any, Any]:
    """Scores and features of classifiers, each of its own inputs, x of shape (networks, n, d)."""
    return jax.vmap(lambda network, x: (network(x), network.features(x)))(networks, jnp.asarray(x))


def accuracy(scores: Any, labels: Any) -> np.ndarray:
    """The share of highest scores that are the label's, over the last axis of examples."""
    return np.mean(np.argmax(np.asarray(scores), axis=-1) == np.asarray(labels), axis=-1)


def estimate(values: Any) -> Estimate:
    """The mean over seeds and its standard error, NaN of a single one."""
    values = np.asarray(values, float)
    return Estimate(values.mean(), values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan)
