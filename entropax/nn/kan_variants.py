"""Layers of Kolmogorov-Arnold networks on other functions than splines: Chebyshev polynomials, Gaussians."""

import math

import jax
import jax.numpy as jnp
from flax import nnx

from entropax import _checks
from entropax._typing import Array, Float
from entropax.nn.edge_layer import EdgeLayer


class ChebyshevKANLayer(EdgeLayer):
    """A layer of polynomials, y_j = sum_i sum_(d <= D) c_dij T_d(tanh x_i), with T_d the Chebyshev polynomials.

    The tanh takes any input into [-1, 1], so none is lost; there is no grid to update. Cheaper than splines, but not
    local: a coefficient changes its function everywhere. Source: arXiv 2405.07200.

    Attributes:
        num_in: size of the input.
        num_out: size of the output.
        degree: D.
        coefficients: c, shape (D + 1, num_in, num_out).
    """

    def __init__(self, num_in: int, num_out: int, *, degree: int = 4, rngs: nnx.Rngs):
        """Makes the layer, coefficients normal with standard deviation 1 / (num_in (D + 1)).

        Args:
            num_in: size of the input.
            num_out: size of the output.
            degree: D, at least 1.
            rngs: source of randomness.

        Raises:
            ValueError: a size or the degree is not positive.
        """
        _checks.require_integer("num_in", num_in, minimum=1)
        _checks.require_integer("num_out", num_out, minimum=1)
        _checks.require_integer("degree", degree, minimum=1)
        self.num_in, self.num_out, self.degree = num_in, num_out, degree
        shape = (degree + 1, num_in, num_out)
        self.coefficients = nnx.Param(jax.random.normal(rngs.params(), shape, jnp.float32) / (num_in * (degree + 1)))

    def features(self, x: Float[Array, "*batch num_in"]) -> Float[Array, "*batch features num_in"]:
        """T_0 ... T_D of tanh x, by their recursion.

        Args:
            x: shape (..., num_in).

        Returns:
            Shape (..., D + 1, num_in).
        """
        z = jnp.tanh(x)
        polynomials = [jnp.ones_like(z), z]
        while len(polynomials) <= self.degree:
            polynomials.append(2 * z * polynomials[-1] - polynomials[-2])
        return jnp.stack(polynomials, axis=-2)

    def weights(self) -> Float[Array, "features num_in num_out"]:
        """c.

        Returns:
            Shape (D + 1, num_in, num_out).
        """
        return self.coefficients[...]


class RBFKANLayer(EdgeLayer):
    """A layer of Gaussians, y_j = sum_i [w_ij SiLU(x_i) + sum_g c_gij exp(-((x_i - m_g) / h)^2)].

    The centres m_g are evenly spaced, h apart. Close to splines of order 3 (FastKAN, arXiv 2405.06721, which
    standardises the input of every layer; here that is left to the user); beyond the centres w SiLU(x) is left.

    Attributes:
        num_in: size of the input.
        num_out: size of the output.
        centers: number of centres.
        span: the first and the last centre.
        coefficients: c, shape (centers, num_in, num_out).
        base_weight: w, shape (num_in, num_out).
    """

    def __init__(
        self,
        num_in: int,
        num_out: int,
        *,
        centers: int = 8,
        span: tuple[float, float] = (-2.0, 2.0),
        noise_scale: float = 0.1,
        rngs: nnx.Rngs,
    ):
        """Makes the layer: c normal of the given scale, w uniform in +-1 / sqrt(num_in).

        Args:
            num_in: size of the input.
            num_out: size of the output.
            centers: number of centres, at least 2.
            span: the first and the last centre.
            noise_scale: standard deviation of c, at least 0.
            rngs: source of randomness.

        Raises:
            ValueError: a size is not positive, there are fewer than two centres, the noise is negative, or the range
                empty.
        """
        _checks.require_integer("num_in", num_in, minimum=1)
        _checks.require_integer("num_out", num_out, minimum=1)
        _checks.require_integer("centers", centers, minimum=2)
        _checks.require_within("noise_scale", noise_scale, 0, math.inf)
        if not (len(span) == 2 and math.isfinite(span[0]) and span[0] < span[1] < math.inf):
            raise ValueError(f"span must be (first, last) with first < last, both finite, got {span}")
        self.num_in, self.num_out, self.centers = num_in, num_out, centers
        self.span = (float(span[0]), float(span[1]))
        scale = 1 / math.sqrt(num_in)
        self.coefficients = nnx.Param(
            noise_scale * jax.random.normal(rngs.params(), (centers, num_in, num_out), jnp.float32)
        )
        self.base_weight = nnx.Param(jax.random.uniform(rngs.params(), (num_in, num_out), jnp.float32, -scale, scale))

    def features(self, x: Float[Array, "*batch num_in"]) -> Float[Array, "*batch features num_in"]:
        """SiLU(x), and the Gaussians.

        Args:
            x: shape (..., num_in).

        Returns:
            Shape (..., 1 + centers, num_in).
        """
        first, last = self.span
        step = (last - first) / (self.centers - 1)
        places = jnp.arange(self.centers, dtype=x.dtype).reshape((1,) * (x.ndim - 1) + (-1, 1))
        gaussians = jnp.exp(-((((x - first) / step)[..., None, :] - places) ** 2))
        return jnp.concatenate([jax.nn.silu(x)[..., None, :], gaussians], axis=-2)

    def weights(self) -> Float[Array, "features num_in num_out"]:
        """w and c.

        Returns:
            Shape (1 + centers, num_in, num_out).
        """
        return jnp.concatenate([self.base_weight[...][None], self.coefficients[...]])
