"""Scikit-learn's digits, and networks of several seeds or settings trained on them as one stack."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from entropax import nn, training

CLASSES = 10


class Digits(NamedTuple):
    """8 x 8 images of handwritten digits, 64 pixels in [0, 1], split at random."""

    x: jax.Array
    y: jax.Array
    x_test: jax.Array
    y_test: jax.Array


def digits(seed: int, *, num_test: int = 500) -> Digits:
    """The 1797 images of scikit-learn.

    Args:
        seed: of the split.
        num_test: images held out.
    """
    from sklearn.datasets import load_digits

    images, labels = map(np.asarray, load_digits(return_X_y=True))
    order = np.random.default_rng(seed).permutation(labels.size)
    x, y = jnp.asarray(images[order] / 16, jnp.float32), jnp.asarray(labels[order], jnp.int32)
    return Digits(x[num_test:], y[num_test:], x[:num_test], y[:num_test])


def classifiers(
    keys: jax.Array, *, width: int = 64, depth: int = 2, outputs: int = CLASSES, inputs: int = 64
) -> nn.MLP:
    """Perceptrons from pixels to scores, one for every key, stacked."""
    make = functools.partial(nn.MLP, inputs, outputs, width=width, depth=depth)
    return jax.vmap(lambda key: make(rngs=nnx.Rngs(key)))(keys)


class Batches(eqx.Module):
    """For every network of a stack its own random batch of the same examples."""

    arrays: tuple[jax.Array, ...]
    networks: int = eqx.field(static=True)
    size: int = eqx.field(static=True)

    def __call__(self, step: jax.Array, *, key: jax.Array) -> tuple[jax.Array, ...]:
        """Entries of the arrays, shape (networks, size, ...)."""
        rows = jax.random.randint(jax.random.fold_in(key, step), (self.networks, self.size), 0, len(self.arrays[0]))
        return tuple(z[rows] for z in self.arrays)


class StackLoss(eqx.Module):
    """The sum of the losses of networks that share nothing, so that each gets its own gradient.

    Attributes:
        of_one: function (network, setting, *batch, key=) -> scalar.
        settings: a pytree with one entry of a first axis for every network, such as values of tau.
    """

    of_one: Callable[..., Any] = eqx.field(static=True)
    settings: Any

    def __call__(self, networks: Any, batch: tuple[jax.Array, ...], *, key: jax.Array) -> jax.Array:
        """The sum over networks."""
        keys = jax.random.split(key, len(batch[0]))
        one = lambda network, setting, key, *batch: self.of_one(network, setting, *batch, key=key)  # noqa: E731
        return jnp.sum(nnx.vmap(one)(networks, self.settings, keys, *batch))


@functools.cache
def adamw(learning_rate: float, weight_decay: float, steps: int) -> optax.GradientTransformation:
    """AdamW with a rate that falls to zero as a cosine; one object for equal arguments."""
    return optax.adamw(optax.cosine_decay_schedule(learning_rate, steps), weight_decay=weight_decay)


def train(
    networks: Any,
    of_one: Callable[..., Any],
    settings: Any,
    arrays: tuple[jax.Array, ...],
    *,
    key: jax.Array,
    steps: int,
    batch_size: int = 128,
    learning_rate: float = 2e-3,
    weight_decay: float = 1e-4,
    **options: Any,
) -> training.FitResult:
    """Trains a stack of networks.

    Args:
        networks: one entry of a first axis for each.
        of_one: loss of one, see `StackLoss`.
        settings: see `StackLoss`.
        arrays: examples, each with one first axis.
        key: source of randomness.
        steps: number of steps.
        batch_size: examples in a batch.
        learning_rate: at the start.
        weight_decay: of AdamW.
        **options: of `training.fit`.
    """
    number = len(jax.tree.leaves(settings)[0])
    return training.fit(
        StackLoss(of_one, settings),
        networks,
        Batches(arrays, number, batch_size),
        adamw(learning_rate, weight_decay, steps),
        steps=steps,
        key=key,
        **options,
    )


@nnx.jit
def scores(networks: Any, x: jax.Array) -> jax.Array:
    """The scores of every network, shape (networks, n, classes)."""
    return nnx.vmap(lambda network: network(x))(networks)


def accuracy(scores: jax.Array, labels: jax.Array) -> np.ndarray:
    """The share of highest scores that are the label's, over the last axis of examples."""
    return np.mean(np.argmax(scores, axis=-1) == np.asarray(labels), axis=-1)
