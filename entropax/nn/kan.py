"""Kolmogorov-Arnold networks: a spline on every edge, sums on the nodes."""

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from entropax import _checks
from entropax._typing import Array, Float
from entropax.nn.bsplines import cox_de_boor, uniform_basis
from entropax.nn.edge_layer import EdgeLayer


class KANLayer(EdgeLayer):
    """A layer of splines, y_j = sum_i [w_b,ij SiLU(x_i) + w_s,ij sum_g c_gij B_g(x_i)].

    The B_g of order k live on G equal intervals of a range [a, b] and k more knots on either side. They sum to one
    inside the range, fade out over k intervals outside, and vanish beyond: there only w_b SiLU(x) is left, without a
    warning. So standardise the inputs, or `update_grid`.

    At first w_s = 1 / sqrt(num_in), w_b is uniform in +-1 / sqrt(num_in), and the spline fits noise, uniform in
    +-noise_scale / (2 G) at the ends of the intervals. Source: arXiv 2404.19756, whose network the alloys of
    arXiv 2410.08452 are learned by.

    Attributes:
        num_in: size of the input.
        num_out: size of the output.
        intervals: G.
        order: k.
        span: (a, b), of equal intervals.
        coefficients: c, shape (G + k, num_in, num_out).
        base_weight: w_b, shape (num_in, num_out).
        spline_weight: w_s, shape (num_in, num_out).
        adapted: knots of each input that came from samples, shape (G + 2 k + 1, num_in), not trained; None where the
            intervals are equal.
    """

    def __init__(
        self,
        num_in: int,
        num_out: int,
        *,
        intervals: int = 3,
        order: int = 3,
        span: tuple[float, float] = (-1.0, 1.0),
        noise_scale: float = 0.3,
        rngs: nnx.Rngs,
    ):
        """Makes the layer.

        Args:
            num_in: size of the input.
            num_out: size of the output.
            intervals: G, 3 as pykan has it; 5 in many examples.
            order: k, the degree of the pieces, at least 0.
            span: (a, b), the range of the intervals.
            noise_scale: of the spline at first, at least 0.
            rngs: source of randomness.

        Raises:
            ValueError: a size is not positive, the order or the noise negative, or the range empty.
        """
        _checks.require_integer("num_in", num_in, minimum=1)
        _checks.require_integer("num_out", num_out, minimum=1)
        _checks.require_integer("intervals", intervals, minimum=1)
        _checks.require_integer("order", order, minimum=0)
        if not (len(span) == 2 and math.isfinite(span[0]) and span[0] < span[1] < math.inf):
            raise ValueError(f"span must be (a, b) with a < b, both finite, got {span}")
        _checks.require_within("noise_scale", noise_scale, 0, math.inf)
        self.num_in, self.num_out = num_in, num_out
        self.intervals, self.order, self.span = intervals, order, (float(span[0]), float(span[1]))
        self.adapted: nnx.Variable | None = nnx.data(None)
        scale = 1 / math.sqrt(num_in)
        noise = jax.random.uniform(rngs.params(), (intervals + 1, num_in, num_out), jnp.float32, -0.5, 0.5) * (
            noise_scale / intervals
        )
        self.coefficients = nnx.Param(jnp.tensordot(self._fit_at_ends(), noise, 1))
        self.base_weight = nnx.Param(jax.random.uniform(rngs.params(), (num_in, num_out), jnp.float32, -scale, scale))
        self.spline_weight = nnx.Param(jnp.full((num_in, num_out), scale, jnp.float32))

    def basis(self, x: Float[Array, "*batch num_in"]) -> Float[Array, "*batch functions num_in"]:
        """The B-splines of each input.

        Args:
            x: shape (..., num_in).

        Returns:
            B_g(x_i), shape (..., G + k, num_in).
        """
        if self.adapted is not None:
            return cox_de_boor(x, self.adapted[...].astype(x.dtype), self.order)
        a, b = self.span
        return uniform_basis(x, start=a, stop=b, intervals=self.intervals, order=self.order)

    def features(self, x: Float[Array, "*batch num_in"]) -> Float[Array, "*batch features num_in"]:
        """SiLU(x), and the B-splines.

        Args:
            x: shape (..., num_in).

        Returns:
            Shape (..., 1 + G + k, num_in).
        """
        return jnp.concatenate([jax.nn.silu(x)[..., None, :], self.basis(x)], axis=-2)

    def weights(self) -> Float[Array, "features num_in num_out"]:
        """w_b, and w_s c.

        Returns:
            Shape (1 + G + k, num_in, num_out).
        """
        splines = self.spline_weight[...][None] * self.coefficients[...]
        return jnp.concatenate([self.base_weight[...][None], splines])

    @property
    def knots(self) -> Float[Array, "m num_in"]:
        """The knots of each input, those outside the range too, shape (G + 2 k + 1, num_in)."""
        if self.adapted is not None:
            return self.adapted[...]
        a, b = self.span
        steps = jnp.arange(-self.order, self.intervals + self.order + 1, dtype=self.coefficients.dtype)
        return jnp.broadcast_to((a + steps * ((b - a) / self.intervals))[:, None], (steps.size, self.num_in))

    def select(self, inputs: Any, outputs: Any) -> "KANLayer":
        """See `EdgeLayer.select`."""
        layer = cast(KANLayer, super().select(inputs, outputs))
        if layer.adapted is not None:
            layer.adapted = nnx.Variable(layer.adapted[...][:, np.asarray(inputs, int)])
        return layer

    def _fit_at_ends(self) -> Array:
        """From values at the ends of the intervals to the smallest coefficients that take them."""
        a, b = self.span
        ends = jnp.linspace(a, b, self.intervals + 1, dtype=jnp.float32)
        basis = uniform_basis(ends[:, None], start=a, stop=b, intervals=self.intervals, order=self.order)
        return jnp.linalg.pinv(basis[..., 0])


class KAN(nnx.Module):
    """A Kolmogorov-Arnold network: layers with a learnable function on every edge, one after another.

    Acts on the last axis: (..., widths[0]) to (..., widths[-1]). It has G + k + 2 parameters an edge. Train it by
    `training.fit`, with Adam, or on all data at once with optax.lbfgs(), in hundreds of steps (one of pykan's is up to
    twenty of these):

        network = KAN((2, 5, 1), intervals=5, rngs=nnx.Rngs(0))
        loss = lambda network, batch, *, key: jnp.mean((jax.vmap(network)(batch["x"]) - batch["y"]) ** 2)
        fitted = training.fit(loss, network, lambda step, *, key: data, optax.lbfgs(), steps=300, key=key)

    (A quasi-Newton method must see the same batch at every step.) `update_grid` puts the knots where the samples are,
    `extend_grid` refines them, `kan_regularizer` makes edges sparse, `prune_nodes` drops the nodes that are left over,
    and `suggest_symbolic` names the function of an edge. Source: arXiv 2404.19756, 2410.08452.

    Attributes:
        layers: the layers, each with `edges`.
    """

    def __init__(
        self,
        widths: Sequence[int],
        *,
        intervals: int = 3,
        order: int = 3,
        span: tuple[float, float] = (-1.0, 1.0),
        noise_scale: float = 0.3,
        layer: Callable[..., EdgeLayer] | None = None,
        rngs: nnx.Rngs,
    ):
        """Makes the layers.

        Args:
            widths: sizes of input, hidden nodes and output, two or more.
            intervals: G, see `KANLayer`.
            order: k.
            span: range of the intervals, in every layer.
            noise_scale: of the splines at first.
            layer: another kind, called as layer(num_in, num_out, rngs=rngs), such as `ChebyshevKANLayer`, or
                functools.partial(RBFKANLayer, centers=5). The four arguments before are then not used.
            rngs: source of randomness.

        Raises:
            ValueError: there are fewer than two widths, and what a layer raises.
        """
        widths = tuple(widths)
        if len(widths) < 2:
            raise ValueError(f"widths must hold two or more sizes, got {widths}")
        make = layer or functools.partial(
            KANLayer, intervals=intervals, order=order, span=span, noise_scale=noise_scale
        )
        self.layers = nnx.List(make(a, b, rngs=rngs) for a, b in itertools.pairwise(widths))

    @property
    def widths(self) -> tuple[int, ...]:
        """Sizes of input, hidden nodes and output."""
        return (self.layers[0].num_in, *(layer.num_out for layer in self.layers))

    def __call__(self, x: Float[Array, "*batch num_in"]) -> Float[Array, "*batch num_out"]:
        """Applies the layers.

        Args:
            x: shape (..., widths[0]).

        Returns:
            The output, shape (..., widths[-1]).

        Raises:
            ValueError: the last axis has another size.
        """
        for layer in self.layers:
            x = layer(x)
        return x

    def nodes(self, x: Float[Array, "*batch num_in"]) -> tuple[Float[Array, "*batch _"], ...]:
        """What goes into every layer, and the output: the arguments that edge functions are evaluated at.

        Args:
            x: shape (..., widths[0]).

        Returns:
            One array for every width, shape (..., width).

        Raises:
            ValueError: the last axis has another size.
        """
        values = [x]
        for layer in self.layers:
            values.append(layer(values[-1]))
        return tuple(values)
