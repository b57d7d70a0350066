"""Score networks: approximations of s = grad log rho for one sample at a time (batch them with `jax.vmap`)."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from entropax import _checks
from entropax._typing import Array, Float
from entropax.nn.layers import MLP


class MLPScore(nnx.Module):
    """A perceptron from a sample (d,) to a score (d,); its inputs are centred and scaled by fixed numbers.

    Coordinates on a circle enter as cosine and sine, so that the score is periodic and smooth across the seam.
    """

    def __init__(
        self,
        dim: int,
        *,
        width: int = 256,
        depth: int = 4,
        center: Sequence[float] | float = 0.0,
        scale: Sequence[float] | float = 1.0,
        periods: Sequence[float | None] | None = None,
        zero_output: bool = False,
        rngs: nnx.Rngs,
    ):
        """Makes the network.

        Args:
            dim: d.
            width: size of the hidden layers.
            depth: number of hidden layers.
            center: subtracted from the input, a number or one a coordinate.
            scale: the input is divided by it, positive, a number or one a coordinate.
            periods: the period of each coordinate, positive, or None for one that has no period; none by default.
            zero_output: whether the network starts at zero, so that a shifted score starts at its reference.
            rngs: source of randomness.

        Raises:
            ValueError: a size, a scale or a period is not positive, or `center`, `scale` or `periods` has another
                length than d.
        """
        _checks.require_integer("dim", dim, minimum=1)
        self.center, self.scale = _affine("center", center, dim), _affine("scale", scale, dim)
        if min(self.scale) <= 0:
            raise ValueError(f"scale must be positive, got {scale}")
        self.periods = (None,) * dim if periods is None else tuple(periods)
        if len(self.periods) != dim or any(p is not None and p <= 0 for p in self.periods):
            raise ValueError(f"periods must be {dim} positive numbers or None, got {periods}")
        num_periodic = sum(p is not None for p in self.periods)
        self.mlp = MLP(dim + num_periodic, dim, width=width, depth=depth, zero_output=zero_output, rngs=rngs)

    def __call__(self, x: Float[Array, "d"]) -> Float[Array, "d"]:
        """The score at x.

        Args:
            x: shape (d,).

        Returns:
            The score, shape (d,).

        Raises:
            ValueError: x has another shape.
        """
        _checks.require_shape("x", x, (len(self.center),))
        return self.mlp(self._features(x))

    def _features(self, x: Array) -> Array:
        centered = x - jnp.asarray(self.center, x.dtype)
        scaled = centered / jnp.asarray(self.scale, x.dtype)
        circles = [i for i, period in enumerate(self.periods) if period is not None]
        if not circles:
            return scaled
        lines = np.setdiff1d(np.arange(x.size), circles)
        frequency = jnp.asarray([2 * math.pi / p for p in self.periods if p is not None], x.dtype)
        angle = frequency * centered[np.asarray(circles)]
        return jnp.concatenate([scaled[lines], jnp.cos(angle), jnp.sin(angle)])


class AntisymmetricScore(nnx.Module):
    """N(z) - N(c - z) for any network N: odd under z -> c - z, as a score is when the density is even under it.

    For two swimmers on a ring of length 2W, c = (2W, 0) exchanges them.
    """

    def __init__(self, network: Callable[[Any], Any], *, center_sum: Sequence[float]):
        """Wraps a network.

        Args:
            network: N, from (d,) to (d,). The bias of its last layer cancels.
            center_sum: c, twice the centre of the reflection, one number a coordinate.
        """
        self.network = network
        self.center_sum = tuple(float(c) for c in center_sum)

    def __call__(self, z: Float[Array, "d"]) -> Float[Array, "d"]:
        """The score at z.

        Args:
            z: shape (d,).

        Returns:
            The score, shape (d,).

        Raises:
            ValueError: z has another shape.
        """
        _checks.require_shape("z", z, (len(self.center_sum),))
        return self.network(z) - self.network(jnp.asarray(self.center_sum, z.dtype) - z)


class ShiftedScore(nnx.Module):
    """A known reference score plus a network: exact at the start when the network's output starts at zero."""

    def __init__(self, network: Callable[[Any], Any], reference: Callable[[Any], Any]):
        """Joins the two.

        Args:
            network: a function from samples to arrays of their shape, such as a network made with `zero_output`.
            reference: the known score: a plain function, or a module. `training.fit` leaves its arrays alone unless
                they are nnx.Param; jax.grad of the whole model differentiates by them too.
        """
        self.network = network
        # A function is structure; a module (any pytree) is data.
        self.reference = reference if jax.tree_util.all_leaves([reference]) else nnx.data(reference)

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """reference(x) + network(x).

        Args:
            x: a sample.

        Returns:
            The score, the shape of x.
        """
        known, learned = self.reference(x), self.network(x)
        dtype = jnp.promote_types(known.dtype, learned.dtype)
        return known.astype(dtype) + learned.astype(dtype)


def _affine(name: str, value: Sequence[float] | float, dim: int) -> tuple[float, ...]:
    values = (float(value),) * dim if isinstance(value, (int, float)) else tuple(float(v) for v in value)
    if len(values) != dim:
        raise ValueError(f"{name} must be a number or have {dim} entries, got {len(values)}")
    return values
