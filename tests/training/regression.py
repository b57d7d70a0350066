"""A small regression problem with everything that a fit must thread: Dropout, BatchNorm, Adam's moments."""

import jax
import jax.numpy as jnp
import optax
from flax import nnx


class Network(nnx.Module):
    """Three linear layers; no bias before the normalisation, where its gradient would be rounding only."""

    def __init__(self, width: int = 32, rate: float = 0.5, *, rngs: nnx.Rngs):
        self.first = nnx.Linear(2, width, use_bias=False, rngs=rngs)
        self.normalise = nnx.BatchNorm(width, rngs=rngs)
        self.drop = nnx.Dropout(rate, rngs=rngs)
        self.second = nnx.Linear(width, width, rngs=rngs)
        self.last = nnx.Linear(width, 1, rngs=rngs)

    def __call__(self, x):
        x = self.drop(jax.nn.gelu(self.normalise(self.first(x))))
        return self.last(jax.nn.gelu(self.second(x)))[:, 0]


def batch_at(step, *, key):
    x = jax.random.normal(key, (32, 2))
    return x, jnp.sin(x[:, 0]) * x[:, 1]


def loss(model, batch, *, key):
    x, y = batch
    return jnp.mean((model(x) - y) ** 2)


OPTIMIZER = optax.adam(1e-2)
"""One object, so that fits share their compiled loop."""


def leaves_by_name(tree) -> dict:
    """The arrays of a pytree as numpy arrays, keys as their words."""
    named = jax.tree_util.tree_leaves_with_path(tree)
    arrays = {jax.tree_util.keystr(path): leaf for path, leaf in named if isinstance(leaf, jax.Array)}
    return {
        name: jax.device_get(jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf)
        for name, leaf in arrays.items()
    }
