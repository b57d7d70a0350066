"""Critics of the variational symmetric information bottleneck: they score codes drawn from Gaussian encoders."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from entropax import _checks
from entropax._typing import Array, Float, PRNGKey
from entropax.nn.critics import require_pairs
from entropax.nn.layers import MLP


class GaussianCode(NamedTuple):
    """Independent Gaussians, N(mean, diag exp(log_variance)), one a row."""

    mean: Array
    """Shape (n, k)."""
    log_variance: Array
    """Shape (n, k)."""

    def sample(self, *, key: PRNGKey) -> Array:
        """mean + exp(log_variance / 2) eps, with eps standard normal: one draw a row.

        Args:
            key: source of randomness.

        Returns:
            Shape (n, k); differentiable in mean and log_variance.
        """
        noise = jax.random.normal(key, self.mean.shape, self.mean.dtype)
        return self.mean + jnp.exp(self.log_variance / 2) * noise


class GaussianEncoder(nnx.Module):
    """A perceptron from samples to Gaussian codes; the logarithm of the variance is clipped to given limits.

    Attributes:
        mlp: the network; half of its output is the mean, half the logarithm of the variance.
    """

    def __init__(
        self,
        num_in: int,
        num_code: int,
        *,
        width: int = 64,
        depth: int = 2,
        log_variance: tuple[float, float] = (-10.0, 4.0),
        rngs: nnx.Rngs,
    ):
        """Makes the network.

        Args:
            num_in: size of a sample.
            num_code: size of a code.
            width: size of the hidden layers.
            depth: number of hidden layers.
            log_variance: least and largest logarithm of a variance; where it is clipped its gradient is zero.
            rngs: source of randomness.

        Raises:
            ValueError: a size is not positive, or the limits are not in order.
        """
        _checks.require_integer("num_code", num_code, minimum=1)
        lower, upper = log_variance
        if not lower < upper:
            raise ValueError(f"log_variance must be (lower, upper) with lower < upper, got {log_variance}")
        self.limits = (float(lower), float(upper))
        self.mlp = MLP(num_in, 2 * num_code, width=width, depth=depth, rngs=rngs)

    def __call__(self, x: Float[Array, "*batch num_in"]) -> GaussianCode:
        """The codes of samples.

        Args:
            x: shape (..., num_in).

        Returns:
            Their codes, shapes (..., num_code).

        Raises:
            ValueError: x has another shape.
        """
        mean, log_variance = jnp.split(self.mlp(x), 2, axis=-1)
        return GaussianCode(mean, jnp.clip(log_variance, *self.limits))


class VariationalCritic(nnx.Module):
    """The critic of a variational symmetric information bottleneck: codes drawn from Gaussian encoders, then scored.

    In training `encode`, draw, and `score` what was drawn, paying for the codes' distance from N(0, 1). Called, it is
    deterministic: it scores the means. With decoders it is the deep bottleneck, which also reconstructs x and y.

    Attributes:
        x_encoder: of x.
        y_encoder: of y.
        head: critic of the codes; None is the inner product.
        decoders: from a code of x to x and from one of y to y, or None.
    """

    def __init__(
        self,
        num_x: int,
        num_y: int,
        *,
        embed: int = 64,
        width: int = 64,
        depth: int = 2,
        head: Any = None,
        decode: bool = False,
        rngs: nnx.Rngs,
    ):
        """Makes the encoders, and decoders if asked.

        Args:
            num_x: Kx, size of a sample of x.
            num_y: Ky, size of a sample of y.
            embed: size of the codes.
            width: size of the hidden layers.
            depth: number of hidden layers of each encoder and decoder.
            head: critic of codes (n, embed) and (m, embed), like a `ConcatenatedCritic`; by default an inner product.
            decode: whether to make decoders.
            rngs: source of randomness.

        Raises:
            ValueError: a size is not positive.
        """
        self.x_encoder = GaussianEncoder(num_x, embed, width=width, depth=depth, rngs=rngs)
        self.y_encoder = GaussianEncoder(num_y, embed, width=width, depth=depth, rngs=rngs)
        # A function is structure; a module (any pytree) is data.
        self.head = head if jax.tree_util.all_leaves([head]) else nnx.data(head)
        self.decoders = nnx.data(
            tuple(MLP(embed, size, width=width, depth=depth, rngs=rngs) for size in (num_x, num_y)) if decode else None
        )

    def encode(self, x: Float[Array, "n kx"], y: Float[Array, "m ky"]) -> tuple[GaussianCode, GaussianCode]:
        """The Gaussian codes of x and y.

        Args:
            x: shape (n, Kx).
            y: shape (m, Ky).

        Returns:
            Their codes, shapes (n, embed) and (m, embed).

        Raises:
            ValueError: x or y has another shape.
        """
        require_pairs(x, y, self.x_encoder.mlp.num_in, self.y_encoder.mlp.num_in)
        return self.x_encoder(x), self.y_encoder(y)

    def score(self, zx: Float[Array, "n k"], zy: Float[Array, "m k"]) -> Float[Array, "n m"]:
        """The scores of all pairs of codes.

        Args:
            zx: shape (n, embed).
            zy: shape (m, embed).

        Returns:
            Shape (n, m).
        """
        return zx @ zy.T if self.head is None else self.head(zx, zy)

    def decode(self, zx: Float[Array, "n k"], zy: Float[Array, "m k"]) -> tuple[Array, Array]:
        """What the decoders make of codes.

        Args:
            zx: shape (n, embed).
            zy: shape (m, embed).

        Returns:
            Reconstructions of x, shape (n, Kx), and of y, shape (m, Ky).

        Raises:
            ValueError: the critic was made without decoders.
        """
        if self.decoders is None:
            raise ValueError("decode needs a critic made with decode=True")
        x_decoder, y_decoder = self.decoders
        return x_decoder(zx), y_decoder(zy)

    def embeddings(self, x: Float[Array, "n kx"], y: Float[Array, "m ky"]) -> tuple[Array, Array]:
        """The means of the codes.

        Args:
            x: shape (n, Kx).
            y: shape (m, Ky).

        Returns:
            Shapes (n, embed) and (m, embed).

        Raises:
            ValueError: x or y has another shape.
        """
        x_code, y_code = self.encode(x, y)
        return x_code.mean, y_code.mean

    def __call__(self, x: Float[Array, "n kx"], y: Float[Array, "m ky"]) -> Float[Array, "n m"]:
        """The scores of all pairs of means.

        Args:
            x: shape (n, Kx).
            y: shape (m, Ky).

        Returns:
            f(x_i, y_j), shape (n, m).

        Raises:
            ValueError: x or y has another shape.
        """
        return self.score(*self.embeddings(x, y))
