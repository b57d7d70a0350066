"""One step from a trained network, as long as so many radii of convergence."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from entropax import optimize
from experiments.losses import _digits

DIRECTIONS = ("gradient", "signs of the gradient", "random")


class Sweep(NamedTuple):
    """What steps of several lengths do to a stack of networks.

    Attributes:
        loss: of the training images over that before the step, shape (networks, directions, steps).
        accuracy: on the test images, the same shape.
        before: accuracy before the step, shape (networks,).
        radius: rho_a of the training images in the unit of parameters, shape (networks, directions).
    """

    loss: np.ndarray
    accuracy: np.ndarray
    before: np.ndarray
    radius: np.ndarray


def logits(network: Any, x: jax.Array) -> jax.Array:
    """The scores of a network; it is its own pytree of parameters."""
    return network(x)


def mean_loss(network: Any, temperature: jax.Array, x: jax.Array, y: jax.Array, *, key: Any = None) -> jax.Array:
    """Mean cross-entropy of the scores over a temperature."""
    del key
    return jnp.mean(optax.losses.softmax_cross_entropy_with_integer_labels(network(x) / temperature, y))


def directions(network: Any, temperature: jax.Array, x: jax.Array, y: jax.Array, key: jax.Array) -> list[Any]:
    """Unit vectors of `DIRECTIONS`: down the gradient, as Adam's first step, and anywhere."""
    gradient = jax.grad(mean_loss)(network, temperature, x, y)
    down = jax.tree.map(jnp.negative, gradient)
    return [_unit(v) for v in (down, jax.tree.map(jnp.sign, down), optax.tree.random_like(key, network))]


def _unit(v: Any) -> Any:
    norm = optax.tree.norm(v)
    return jax.tree.map(lambda leaf: leaf / norm, v)


@jax.jit
def sweep(
    networks: Any, temperatures: jax.Array, data: _digits.Digits, steps: jax.Array, keys: jax.Array
) -> tuple[jax.Array, ...]:
    """The fields of a `Sweep`.

    Args:
        networks: a stack.
        temperatures: one a network.
        data: training and test images.
        steps: lengths in radii.
        keys: one a network.
    """

    def one(network: Any, temperature: jax.Array, key: jax.Array) -> tuple[jax.Array, ...]:
        before = mean_loss(network, temperature, data.x, data.y)
        ways = jax.tree.map(lambda *leaves: jnp.stack(leaves), *directions(network, temperature, data.x, data.y, key))

        def along(v: Any) -> tuple[jax.Array, ...]:
            radius = optimize.convergence_radius_bound(logits, network, v, data.x, temperature=temperature)

            def moved(r: jax.Array) -> tuple[jax.Array, jax.Array]:
                there = jax.tree.map(lambda w, u: w + r * radius * u, network, v)
                loss = mean_loss(there, temperature, data.x, data.y)
                return loss / before, jnp.mean(jnp.argmax(there(data.x_test), axis=-1) == data.y_test)

            return *jax.lax.map(moved, steps), radius

        loss, accuracy, radius = jax.lax.map(along, ways)
        return loss, accuracy, jnp.mean(jnp.argmax(network(data.x_test), axis=-1) == data.y_test), radius

    return jax.vmap(one)(networks, temperatures, keys)


@jax.jit
def exact_over_bound(network: Any, x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
    """rho* of the linearised logits over rho_a along the gradient, and whether every search converged.

    Args:
        network: one network.
        x: images.
        y: their labels.
    """
    v = directions(network, jnp.ones(()), x, y, jax.random.key(0))[0]
    z, a = jax.jvp(lambda network: network(x), (network,), (v,))
    found = optimize.partition_zero(z, a)
    exact = jnp.min(found.value)
    return exact / optimize.convergence_radius_bound(logits, network, v, x), jnp.all(found.converged)


def onset(steps: np.ndarray, values: np.ndarray, threshold: np.ndarray) -> np.ndarray:
    """The first step at which values exceed a threshold, between grid points by the logarithm; NaN where none does.

    Args:
        steps: lengths, increasing, shape (n,).
        values: shape (..., n).
        threshold: shape (...).
    """
    over = ~(values <= threshold[..., None])  # NaN is over
    i = np.argmax(over, axis=-1)
    previous = np.maximum(i - 1, 0)
    take = lambda k: np.take_along_axis(values, k[..., None], axis=-1)[..., 0]  # noqa: E731
    low, high = take(previous), take(i)
    rise = high - low
    share = np.divide(threshold - low, rise, out=np.ones_like(low), where=np.isfinite(rise) & (rise > 0))
    at = np.log(steps[previous]) + np.clip(share, 0, 1) * (np.log(steps[i]) - np.log(steps[previous]))
    return np.where(over.any(axis=-1), np.exp(at), np.nan)
