"""Networks that forecast series: one from a window of fixed length, two at every step from all the steps before."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from entropax import _checks
from entropax._typing import Array, Float
from entropax.nn.decoder import _Block
from entropax.nn.layers import MLP


class NBeats(nnx.Module):
    """N-BEATS: blocks of perceptrons that explain what the blocks before them left of a window, with a generic basis.

    Every block maps what is left of the window to a few coefficients; one linear map of them is taken off the window,
    another is added to the forecast. Source: arXiv 1905.10437.
    """

    def __init__(
        self,
        length: int,
        *,
        horizon: int = 1,
        blocks: int = 30,
        width: int = 256,
        depth: int = 4,
        basis: int = 5,
        rngs: nnx.Rngs,
    ):
        """Makes the blocks.

        Args:
            length: samples of the window.
            horizon: samples of the forecast.
            blocks: number of blocks, each a stack of its own.
            width: of the hidden layers.
            depth: hidden layers of a block, at least 1.
            basis: coefficients of a block.
            rngs: source of randomness.

        Raises:
            ValueError: a size is not positive.
        """
        sizes = {"length": length, "horizon": horizon, "blocks": blocks, "depth": depth, "basis": basis}
        for name, value in sizes.items():
            _checks.require_integer(name, value, minimum=1)
        self.length = length
        shape: dict[str, Any] = {"width": width, "depth": depth, "activation": jax.nn.relu, "rngs": rngs}
        self.coefficients = nnx.List(MLP(length, 2 * basis, **shape) for _ in range(blocks))
        linear: dict[str, Any] = {"use_bias": False, "rngs": rngs}
        # What the last block takes off the window is never looked at.
        self.backcasts = nnx.List(nnx.Linear(basis, length, **linear) for _ in range(blocks - 1))
        self.forecasts = nnx.List(nnx.Linear(basis, horizon, **linear) for _ in range(blocks))

    def __call__(self, x: Float[Array, "length"]) -> Float[Array, "horizon"]:
        """The samples that follow a window.

        Args:
            x: shape (length,).

        Returns:
            The forecast, shape (horizon,).

        Raises:
            ValueError: the window has another length.
        """
        _checks.require_shape("x", x, (self.length,))
        forecast = None
        for i, (coefficients, ahead) in enumerate(zip(self.coefficients, self.forecasts, strict=True)):
            behind, front = jnp.split(coefficients(x), 2)
            forecast = ahead(front) if forecast is None else forecast + ahead(front)
            if i < len(self.backcasts):
                x = x - self.backcasts[i](behind)
        assert forecast is not None
        return forecast


class LSTMForecaster(nnx.Module):
    """Layers of long short-term memory, and a linear map to the forecast of the next sample at every step.

    Forget gates start with a bias of one. Source: Hochreiter and Schmidhuber 1997, doi 10.1162/neco.1997.9.8.1735.
    """

    def __init__(self, channels: int = 1, *, width: int = 32, layers: int = 2, rngs: nnx.Rngs):
        """Makes the layers.

        Args:
            channels: c, size of a sample.
            width: size of every layer's state.
            layers: number of layers.
            rngs: source of randomness.

        Raises:
            ValueError: a size is not positive.
        """
        for name, value in {"channels": channels, "width": width, "layers": layers}.items():
            _checks.require_integer(name, value, minimum=1)
        self.channels, self.width = channels, width
        sizes = [channels, *[width] * (layers - 1)]
        self.read = nnx.List(nnx.Linear(size, 4 * width, rngs=rngs) for size in sizes)
        orthogonal = nnx.initializers.orthogonal()
        self.recur = nnx.List(
            nnx.Linear(width, 4 * width, use_bias=False, kernel_init=orthogonal, rngs=rngs) for _ in sizes
        )
        for layer in self.read:
            assert layer.bias is not None
            layer.bias[...] = layer.bias[...].at[width : 2 * width].set(1)
        self.out = nnx.Linear(width, channels, rngs=rngs)

    def __call__(self, x: Float[Array, "t c"]) -> Float[Array, "t c"]:
        """The sample that follows each: row i depends on samples 0..i alone.

        Args:
            x: samples, shape (t, channels).

        Returns:
            Forecasts, shape (t, channels).

        Raises:
            ValueError: samples have another size.
        """
        if x.ndim != 2 or x.shape[1] != self.channels or x.shape[0] < 1:
            raise ValueError(f"x must have shape (t, {self.channels}) with t >= 1, got {x.shape}")
        for read, recur in zip(self.read, self.recur, strict=True):
            x = _remembered(recur, read(x))
        return self.out(x)


@jax.jit
def _remembered(recur: nnx.Linear, gates: Array) -> Array:
    """Outputs of one layer of cells from what their gates read of the input, shape (t, 4 width)."""

    def step(carry: tuple[Array, Array], read: Array) -> tuple[tuple[Array, Array], Array]:
        hidden, cell = carry
        admit, keep, show, candidate = jnp.split(read + recur(hidden), 4)
        cell = jax.nn.sigmoid(keep) * cell + jax.nn.sigmoid(admit) * jnp.tanh(candidate)
        hidden = jax.nn.sigmoid(show) * jnp.tanh(cell)
        return (hidden, cell), hidden

    start = jnp.zeros_like(gates[0, : gates.shape[1] // 4])
    _, outputs = jax.lax.scan(step, (start, start), gates)
    return outputs


class TransformerForecaster(nnx.Module):
    """A causal transformer over samples, of the blocks of `Decoder`: at every step the forecast of the next sample."""

    def __init__(
        self,
        channels: int = 1,
        *,
        length: int,
        embed: int = 64,
        blocks: int = 2,
        heads: int = 4,
        hidden: int | None = None,
        rngs: nnx.Rngs,
    ):
        """Makes the network.

        Args:
            channels: c, size of a sample.
            length: the most samples of a series.
            embed: size e of the residual stream.
            blocks: number of blocks.
            heads: number of heads, a divisor of `embed`.
            hidden: width of the perceptrons, 4 e by default.
            rngs: source of randomness.

        Raises:
            ValueError: a size is not positive, or `heads` does not divide `embed`.
        """
        sizes = {"channels": channels, "length": length, "embed": embed, "blocks": blocks, "heads": heads}
        for name, value in sizes.items():
            _checks.require_integer(name, value, minimum=1)
        if embed % heads:
            raise ValueError(f"embed must be a multiple of heads={heads}, got {embed}")
        self.channels, self.length = channels, length
        self.read = nnx.Linear(channels, embed, rngs=rngs)
        self.positions = nnx.Param(nnx.initializers.normal(0.02)(rngs.params(), (length, embed), jnp.float32))
        hidden = 4 * embed if hidden is None else hidden
        shape: dict[str, Any] = {"heads": heads, "hidden": hidden, "zero_output": False, "rngs": rngs}
        self.blocks = nnx.List(_Block(embed, share=1 / blocks, **shape) for _ in range(blocks))
        self.norm = nnx.LayerNorm(embed, rngs=rngs)
        self.out = nnx.Linear(embed, channels, rngs=rngs)

    def __call__(self, x: Float[Array, "t c"]) -> Float[Array, "t c"]:
        """The sample that follows each: row i depends on samples 0..i alone.

        Args:
            x: samples, shape (t, channels), t at most `length`.

        Returns:
            Forecasts, shape (t, channels).

        Raises:
            ValueError: samples have another size, or there are more than `length`.
        """
        if x.ndim != 2 or x.shape[1] != self.channels or not 1 <= x.shape[0] <= self.length:
            raise ValueError(f"x must have shape (t, {self.channels}) with 1 <= t <= {self.length}, got {x.shape}")
        y = self.read(x) + self.positions[: x.shape[0]]
        for block in self.blocks:
            y, _ = block(y, None)
        return self.out(self.norm(y))
