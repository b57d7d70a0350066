"""Classifiers of digits: linear, perceptrons with and without layer normalisation, convolutional."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from entropax import nn
from experiments.losses import _stacks
from experiments.losses._digits import CLASSES

SIDE = 8
"""Pixels along an edge of an image."""


class NormalizedMLP(nnx.Module):
    """Two hidden layers, each normalised before its GELU."""

    def __init__(self, *, width: int = 128, rngs: nnx.Rngs):
        """Makes the layers.

        Args:
            width: of the hidden layers.
            rngs: source of randomness.
        """
        self.first = nnx.Linear(SIDE**2, width, rngs=rngs)
        self.second = nnx.Linear(width, width, rngs=rngs)
        self.last = nnx.Linear(width, CLASSES, rngs=rngs)
        self.norms = nnx.List(nnx.LayerNorm(width, rngs=rngs) for _ in range(2))

    def __call__(self, x: jax.Array) -> jax.Array:
        """Logits of images, shape (..., 64)."""
        for layer, norm in zip((self.first, self.second), self.norms, strict=True):
            x = jax.nn.gelu(norm(layer(x)))
        return self.last(x)


class ConvNet(nnx.Module):
    """Two 3 x 3 convolutions with ReLU, each followed by 2 x 2 mean pooling, and a linear layer.

    A convolution is a linear layer on patches, so that a stack of networks is a batch of matrix products.
    """

    def __init__(self, *, channels: int = 16, rngs: nnx.Rngs):
        """Makes the layers.

        Args:
            channels: of the first convolution; the second has twice as many.
            rngs: source of randomness.
        """
        self.first = nnx.Linear(9, channels, rngs=rngs)
        self.second = nnx.Linear(9 * channels, 2 * channels, rngs=rngs)
        self.last = nnx.Linear((SIDE // 4) ** 2 * 2 * channels, CLASSES, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Logits of images, shape (..., 64)."""
        batch = x.shape[:-1]
        x = x.reshape(*batch, SIDE, SIDE, 1)
        for layer in (self.first, self.second):
            x = _pooled(jax.nn.relu(layer(_patches(x))))
        return self.last(x.reshape(*batch, -1))


def _patches(x: jax.Array) -> jax.Array:
    """The 3 x 3 neighbourhood of every pixel, zeros beyond the edge: (..., h, w, c) to (..., h, w, 9 c)."""
    h, w = x.shape[-3:-1]
    padded = jnp.pad(x, [(0, 0)] * (x.ndim - 3) + [(1, 1), (1, 1), (0, 0)])
    shifts = [padded[..., i : i + h, j : j + w, :] for i in range(3) for j in range(3)]
    return jnp.concatenate(shifts, axis=-1)


def _pooled(x: jax.Array) -> jax.Array:
    """Means of 2 x 2 blocks."""
    *batch, h, w, c = x.shape
    return jnp.mean(x.reshape(*batch, h // 2, 2, w // 2, 2, c), axis=(-4, -2))


LINEAR, MLP, NORMALIZED, CONVOLUTIONAL = "linear", "MLP", "MLP + LN", "CNN"
NETWORKS: dict[str, Callable[[nnx.Rngs], Any]] = {
    LINEAR: lambda rngs: nn.MLP(SIDE**2, CLASSES, depth=0, rngs=rngs),
    MLP: lambda rngs: nn.MLP(SIDE**2, CLASSES, width=128, depth=1, rngs=rngs),
    NORMALIZED: lambda rngs: NormalizedMLP(rngs=rngs),
    CONVOLUTIONAL: lambda rngs: ConvNet(rngs=rngs),
}


def stack(name: str, keys: jax.Array) -> Any:
    """Networks of one kind, one for every key, stacked."""
    return _stacks.stack(NETWORKS[name], keys)
