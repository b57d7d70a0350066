"""Stacks of networks, each trained by an optimiser of its own, which may be kept within the radius of convergence."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from entropax import optimize, training
from experiments.losses import _digits, _stacks
from experiments.optimize import _ghosts_networks
from experiments.optimize._ghosts_steps import logits, mean_loss

PLAIN, CLIPPED, CONTROLLED = "plain", "gradient clipping", "controller"
METHODS = (PLAIN, CLIPPED, CONTROLLED)
BASE_RATE = 1e-3
SPIKE_AT = 50
"""Step from which on the learning rate is wrong."""


class Spike(NamedTuple):
    """One network's trial.

    Attributes:
        method: index of `METHODS`.
        factor: by which the learning rate grows at step `SPIKE_AT`, for good.
    """

    method: jax.Array
    factor: jax.Array


def spiked_adam(setting: Spike, step: jax.Array) -> optax.GradientTransformationExtraArgs:
    """Adam of a rate that jumps; gradients clipped to norm 1, or the step to its radius, or neither."""
    of = lambda name, value: jnp.where(setting.method == METHODS.index(name), value, jnp.inf)  # noqa: E731
    rate = BASE_RATE * jnp.where(step < SPIKE_AT, 1, setting.factor)
    return optax.chain(
        optax.clip_by_global_norm(of(CLIPPED, 1.0)),
        optax.scale_by_adam(),
        optax.scale(-rate),
        optimize.radius_clip(of(CONTROLLED, 1.0)),
    )


def momentum(rate: jax.Array, step: jax.Array) -> optax.GradientTransformationExtraArgs:
    """Gradient descent with momentum 0.9 at a constant rate."""
    del step
    return optax.with_extra_args_support(optax.chain(optax.trace(0.9), optax.scale(-rate)))


def momentum_of_radius(target: jax.Array, step: jax.Array) -> optax.GradientTransformationExtraArgs:
    """The same direction, each step so many radii long."""
    del step
    return optax.chain(optax.trace(0.9), optax.scale(-1.0), optimize.radius_step(target))


class Update(eqx.Module):
    """One step of every network of a stack, and the mean accuracy of each setting on the way.

    Attributes:
        optimizer: function (setting, step) -> transformation.
        settings: a pytree with one entry of a first axis for every network.
        x_test: images.
        y_test: their labels.
        seeds: networks of one setting, which stand together.
    """

    optimizer: Callable[..., Any] = eqx.field(static=True)
    settings: Any
    x_test: jax.Array
    y_test: jax.Array
    seeds: int = eqx.field(static=True)

    def init(self, networks: Any) -> tuple[Any, Any, jax.Array]:
        """The networks, the states of their optimisers, and the step."""
        states = jax.vmap(lambda network, setting: self.optimizer(setting, jnp.int32(0)).init(network))(
            networks, self.settings
        )
        return networks, states, jnp.int32(0)

    def __call__(self, state: Any, batch: Any, *, key: jax.Array) -> tuple[Any, dict[str, jax.Array]]:
        """One step."""
        del key
        networks, states, step = state

        def one(network: Any, state: Any, setting: Any, x: jax.Array, y: jax.Array) -> tuple[Any, Any, jax.Array]:
            gradient = jax.grad(mean_loss)(network, jnp.ones(()), x, y)
            updates, state = self.optimizer(setting, step).update(gradient, state, network, logits_fn=logits, batch=x)
            network = optax.apply_updates(network, updates)
            return network, state, jnp.mean(jnp.argmax(network(self.x_test), axis=-1) == self.y_test)

        networks, states, accuracy = jax.vmap(one)(networks, states, self.settings, *batch)
        curves = jnp.mean(accuracy.reshape(-1, self.seeds), axis=1)
        metrics = {f"accuracy {i}": value for i, value in enumerate(curves)}
        return (networks, states, step + 1), metrics


def train(
    kind: str,
    optimizer: Callable[..., Any],
    settings: Any,
    data: _digits.Digits,
    *,
    seeds: int,
    steps: int,
    key: jax.Array,
    batch_size: int = 64,
) -> tuple[np.ndarray, np.ndarray]:
    """Trains networks of every setting from the same starts.

    Args:
        kind: of network, see `_ghosts_networks.NETWORKS`.
        optimizer: function (setting, step) -> transformation.
        settings: a pytree with one entry of a first axis for every setting.
        data: training and test images.
        seeds: networks of each setting.
        steps: of training.
        key: source of randomness.
        batch_size: images in a batch.

    Returns:
        Test accuracies at the end, shape (settings, seeds), and their means on the way, shape (settings, steps).
    """
    number = len(jax.tree.leaves(settings)[0])
    keys = jnp.tile(jax.random.split(jax.random.fold_in(key, 0), seeds), number)
    repeated = jax.tree.map(lambda leaf: jnp.repeat(leaf, seeds, axis=0), settings)
    update = Update(optimizer, repeated, data.x_test, data.y_test, seeds)
    result = training.run(
        update,
        update.init(_ghosts_networks.stack(kind, keys)),
        _stacks.Batches((data.x, data.y), number * seeds, batch_size),
        steps=steps,
        key=jax.random.fold_in(key, 1),
    )
    final = _stacks.accuracy(_stacks.scores(result.state[0], data.x_test), data.y_test)
    curves = np.stack([result.history[f"accuracy {i}"] for i in range(number)])
    return final.reshape(number, seeds), curves
