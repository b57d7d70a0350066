"""Layers that the networks share."""

import itertools
from collections.abc import Callable
from typing import Any

import jax
from flax import nnx

from entropax import _checks
from entropax._typing import Array, Float


class MLP(nnx.Module):
    """A multilayer perceptron with GELU between its layers.

    Acts on the last axis: (..., num_in) to (..., num_out).

    Attributes:
        num_in: size of the input.
    """

    def __init__(
        self,
        num_in: int,
        num_out: int,
        *,
        width: int = 256,
        depth: int = 2,
        activation: Callable[[Any], Any] = jax.nn.gelu,
        zero_output: bool = False,
        use_bias: bool = True,
        rngs: nnx.Rngs,
    ):
        """Makes the layers, LeCun-normal weights and zero biases.

        Args:
            num_in: size of the input.
            num_out: size of the output.
            width: size of every hidden layer.
            depth: number of hidden layers; 0 is a linear map.
            activation: function between layers.
            zero_output: whether the last layer starts at zero, so that the network is zero at first.
            use_bias: whether layers have biases.
            rngs: source of randomness.

        Raises:
            ValueError: a size is not positive.
        """
        for name, value in {"num_in": num_in, "num_out": num_out, "width": width}.items():
            _checks.require_integer(name, value, minimum=1)
        _checks.require_integer("depth", depth, minimum=0)
        sizes = [num_in, *[width] * depth, num_out]
        first, last = nnx.initializers.lecun_normal(), nnx.initializers.zeros_init()
        self.num_in = num_in
        self.activation = activation
        self.layers = nnx.List(
            nnx.Linear(a, b, use_bias=use_bias, kernel_init=last if zero_output and i == depth else first, rngs=rngs)
            for i, (a, b) in enumerate(itertools.pairwise(sizes))
        )

    def __call__(self, x: Float[Array, "*batch num_in"]) -> Float[Array, "*batch num_out"]:
        """Applies the layers.

        Args:
            x: shape (..., num_in).

        Returns:
            The output, shape (..., num_out).

        Raises:
            ValueError: the last axis has another size than num_in.
        """
        if x.ndim < 1 or x.shape[-1] != self.num_in:
            raise ValueError(f"x must have shape (..., {self.num_in}), got {x.shape}")
        *hidden, last = self.layers
        for layer in hidden:
            x = self.activation(layer(x))
        return last(x)
