"""An echo-state reservoir: a recurrent network that stays as it was drawn."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from entropax import _checks
from entropax._typing import Array, Float


class EchoState(nnx.Module):
    """A random recurrent network whose states a linear readout is fitted to, for example by ridge regression.

    h_i = (1 - a) h_(i-1) + a tanh(W_in x_i + W h_(i-1) + b). The entries of W are Gaussian with variance
    radius^2 / width, so that its spectral radius is `radius` up to a share of order width^(-1/2) (the circular law).
    Source: Jaeger 2001; of chaotic series, Jaeger and Haas 2004, doi 10.1126/science.1091277.
    """

    def __init__(
        self,
        channels: int = 1,
        *,
        width: int = 200,
        radius: float = 0.9,
        leak: float = 1.0,
        input_scale: float = 1.0,
        bias_scale: float = 0.2,
        rngs: nnx.Rngs,
    ):
        """Draws the reservoir.

        Args:
            channels: c, size of a sample.
            width: size of the state.
            radius: spectral radius of the recurrent matrix; below about one the start is forgotten.
            leak: a, in (0, 1]: share of the state that is renewed at a step.
            input_scale: standard deviation of the input's weights.
            bias_scale: standard deviation of the biases.
            rngs: source of randomness.

        Raises:
            ValueError: a size is not positive, or a number is out of range.
        """
        _checks.require_integer("channels", channels, minimum=1)
        _checks.require_integer("width", width, minimum=1)
        _checks.require_within("leak", leak, 0, 1, open_below=True)
        _checks.require_within("radius", radius, 0, float("inf"), open_below=True)
        _checks.require_within("input_scale", input_scale, 0, float("inf"), open_below=True)
        _checks.require_within("bias_scale", bias_scale, 0, float("inf"))
        self.channels, self.width, self.leak = channels, width, leak
        normal = nnx.initializers.normal
        self.read = nnx.Linear(
            channels, width, kernel_init=normal(input_scale), bias_init=normal(bias_scale), rngs=rngs
        )
        self.recur = nnx.Linear(width, width, use_bias=False, kernel_init=normal(radius / width**0.5), rngs=rngs)

    def __call__(self, x: Float[Array, "t c"], state: Float[Array, "width"] | None = None) -> Float[Array, "t width"]:
        """The states that a series drives the reservoir through.

        Args:
            x: samples, shape (t, channels).
            state: the state before the first sample, zero by default: give the last row of a call to go on from it.

        Returns:
            The state after each sample, shape (t, width).

        Raises:
            ValueError: samples or state have another size.
        """
        if x.ndim != 2 or x.shape[1] != self.channels or x.shape[0] < 1:
            raise ValueError(f"x must have shape (t, {self.channels}) with t >= 1, got {x.shape}")
        if state is not None:
            _checks.require_shape("state", state, (self.width,))
        read = self.read(x)
        start = jnp.zeros_like(read[0]) if state is None else state.astype(read.dtype)
        return _driven(self.recur, read, start, self.leak)


@jax.jit
def _driven(recur: nnx.Linear, read: Array, start: Array, leak: Any) -> Array:
    """States of a reservoir from what it reads of the input, shape (t, width)."""

    def step(hidden: Array, driven: Array) -> tuple[Array, Array]:
        fresh = jnp.tanh(driven + recur(hidden))
        hidden = hidden + leak * (fresh - hidden)
        return hidden, hidden

    return jax.lax.scan(step, start, read)[1]
