"""A convolutional autoencoder of series, for features that carry over from one data set to another."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from entropax import _checks
from entropax._typing import Array, Float

STRIDE = 3
"""Samples that one step of the code stands for."""


class CausalAutoencoder(nnx.Module):
    """An autoencoder of series: a causal dilated block, a strided convolution, and three transposed convolutions back.

    The block is two causal convolutions of width 3 and dilation 2 (a sample sees itself and those before it), each
    followed by ELU, beside a pointwise one that carries the input past them; a convolution of width 3 and stride 3
    makes one code of three samples. Source: arXiv 2110.05266; the block, arXiv 1901.10738.
    """

    def __init__(self, channels: int = 1, *, width: int = 16, code: int = 8, rngs: nnx.Rngs):
        """Makes the layers.

        Args:
            channels: c, size of a sample.
            width: channels of the block and of the decoder's middle.
            code: channels of the code.
            rngs: source of randomness.

        Raises:
            ValueError: a size is not positive.
        """
        for name, value in {"channels": channels, "width": width, "code": code}.items():
            _checks.require_integer(name, value, minimum=1)
        self.channels, self.code = channels, code
        causal: dict[str, Any] = {"kernel_size": (3,), "kernel_dilation": (2,), "padding": "CAUSAL", "rngs": rngs}
        self.first = nnx.Conv(channels, width, **causal)
        self.second = nnx.Conv(width, width, **causal)
        self.past = nnx.Conv(channels, width, kernel_size=(1,), use_bias=False, rngs=rngs)
        self.pool = nnx.Conv(width, code, kernel_size=(3,), strides=STRIDE, padding=((1, 1),), rngs=rngs)
        back: dict[str, Any] = {"kernel_size": (3,), "padding": "SAME", "rngs": rngs}
        self.spread = nnx.ConvTranspose(code, code, **back)
        self.unpool = nnx.ConvTranspose(code, width, strides=(STRIDE,), **back)
        self.out = nnx.ConvTranspose(width, channels, **back)

    def encode(self, x: Float[Array, "t c"]) -> Float[Array, "s code"]:
        """The code of a series.

        Args:
            x: samples, shape (t, channels).

        Returns:
            Codes, shape (s, code), s = (t + 2) // 3.

        Raises:
            ValueError: samples have another size.
        """
        if x.ndim != 2 or x.shape[1] != self.channels or x.shape[0] < 1:
            raise ValueError(f"x must have shape (t, {self.channels}) with t >= 1, got {x.shape}")
        hidden = jax.nn.elu(self.second(jax.nn.elu(self.first(x))))
        return self.pool(hidden + self.past(x))

    def __call__(self, x: Float[Array, "t c"]) -> Float[Array, "t c"]:
        """The series as its code gives it back.

        Args:
            x: samples, shape (t, channels).

        Returns:
            The reconstruction, shape (t, channels).

        Raises:
            ValueError: samples have another size.
        """
        hidden = jax.nn.elu(self.spread(self.encode(x)))
        hidden = jax.nn.elu(self.unpool(hidden))
        return self.out(hidden)[: jnp.shape(x)[0]]
