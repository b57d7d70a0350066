"""Critics: networks that score pairs of samples, f(x_i, y_j), as one matrix.

Unlike the other networks of this room they take batches, x (n, Kx) and y (m, Ky), and return scores (n, m): row i is
x_i, column j is y_j, and where n = m the diagonal holds the pairs that belong together. Wherever the library takes a
critic it takes any callable with this signature.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from entropax import _checks
from entropax._typing import Array, Float, PRNGKey
from entropax.nn.layers import MLP

ROWS_AT_ONCE = 32
"""Rows of a score matrix that a joint network computes at a time; memory is this times the columns times the width."""


def _require_pairs(x: Array, y: Array, num_x: int, num_y: int) -> None:
    for name, value, size in (("x", x, num_x), ("y", y, num_y)):
        if value.ndim != 2 or value.shape[1] != size:
            raise ValueError(f"{name} must have shape (n, {size}), got {value.shape}")


class SeparableCritic(nnx.Module):
    """f(x, y) = g(x) . h(y): two encoders and an inner product, the cheapest critic.

    Its embedding dimension bounds the rank of the scores, so the least one that does not lower an estimate measures the
    dimension of what x and y share.

    Attributes:
        x_encoder: g.
        y_encoder: h.
    """

    def __init__(self, num_x: int, num_y: int, *, embed: int = 64, width: int = 64, depth: int = 2, rngs: nnx.Rngs):
        """Makes the encoders.

        Args:
            num_x: Kx, size of a sample of x.
            num_y: Ky, size of a sample of y.
            embed: size of the embeddings.
            width: size of the hidden layers.
            depth: number of hidden layers of each encoder.
            rngs: source of randomness.

        Raises:
            ValueError: a size is not positive.
        """
        _checks.require_integer("embed", embed, minimum=1)
        self.x_encoder = MLP(num_x, embed, width=width, depth=depth, rngs=rngs)
        self.y_encoder = MLP(num_y, embed, width=width, depth=depth, rngs=rngs)

    def embeddings(self, x: Float[Array, "n kx"], y: Float[Array, "m ky"]) -> tuple[Array, Array]:
        """g(x) and h(y).

        Args:
            x: shape (n, Kx).
            y: shape (m, Ky).

        Returns:
            Embeddings of shapes (n, embed) and (m, embed).

        Raises:
            ValueError: x or y has another shape.
        """
        _require_pairs(x, y, self.x_encoder.num_in, self.y_encoder.num_in)
        return self.x_encoder(x), self.y_encoder(y)

    def __call__(self, x: Float[Array, "n kx"], y: Float[Array, "m ky"]) -> Float[Array, "n m"]:
        """The scores of all pairs.

        Args:
            x: shape (n, Kx).
            y: shape (m, Ky).

        Returns:
            f(x_i, y_j), shape (n, m).

        Raises:
            ValueError: x or y has another shape.
        """
        zx, zy = self.embeddings(x, y)
        return zx @ zy.T


class BilinearCritic(SeparableCritic):
    """f(x, y) = g(x)^T W h(y) with a trained matrix W, which starts at the identity.

    Attributes:
        x_encoder: g.
        y_encoder: h.
        coupling: W.
    """

    def __init__(self, num_x: int, num_y: int, *, embed: int = 64, width: int = 64, depth: int = 2, rngs: nnx.Rngs):
        """Makes the encoders and the matrix.

        Args:
            num_x: Kx, size of a sample of x.
            num_y: Ky, size of a sample of y.
            embed: size of the embeddings.
            width: size of the hidden layers.
            depth: number of hidden layers of each encoder.
            rngs: source of randomness.

        Raises:
            ValueError: a size is not positive.
        """
        super().__init__(num_x, num_y, embed=embed, width=width, depth=depth, rngs=rngs)
        self.coupling = nnx.Param(jnp.eye(embed, dtype=jnp.float32))

    def __call__(self, x: Float[Array, "n kx"], y: Float[Array, "m ky"]) -> Float[Array, "n m"]:
        """The scores of all pairs.

        Args:
            x: shape (n, Kx).
            y: shape (m, Ky).

        Returns:
            f(x_i, y_j), shape (n, m).

        Raises:
            ValueError: x or y has another shape.
        """
        zx, zy = self.embeddings(x, y)
        return zx @ self.coupling[...].astype(zx.dtype) @ zy.T


class ConcatenatedCritic(nnx.Module):
    """f(x, y) = MLP([x, y]): the most flexible critic; it runs on every one of the n m pairs.

    The first layer is linear in x and in y, so it runs once a sample; the others run on blocks of rows.

    Attributes:
        mlp: the network.
    """

    def __init__(self, num_x: int, num_y: int, *, width: int = 64, depth: int = 2, rngs: nnx.Rngs):
        """Makes the network.

        Args:
            num_x: Kx, size of a sample of x.
            num_y: Ky, size of a sample of y.
            width: size of the hidden layers.
            depth: number of hidden layers, at least one: without, x and y would not meet.
            rngs: source of randomness.

        Raises:
            ValueError: a size is not positive.
        """
        for name, value in {"num_x": num_x, "num_y": num_y, "depth": depth}.items():
            _checks.require_integer(name, value, minimum=1)
        self.num_x = num_x
        self.mlp = MLP(num_x + num_y, 1, width=width, depth=depth, rngs=rngs)

    def __call__(self, x: Float[Array, "n kx"], y: Float[Array, "m ky"]) -> Float[Array, "n m"]:
        """The scores of all pairs.

        Args:
            x: shape (n, Kx).
            y: shape (m, Ky).

        Returns:
            f(x_i, y_j), shape (n, m).

        Raises:
            ValueError: x or y has another shape.
        """
        _require_pairs(x, y, self.num_x, self.mlp.num_in - self.num_x)
        first, *hidden, last = self.mlp.layers
        dtype = jnp.promote_types(x.dtype, first.kernel.dtype)
        kernel = first.kernel[...].astype(dtype)
        from_x = x.astype(dtype) @ kernel[: self.num_x]
        bias = first.bias[...].astype(dtype)  # pyright: ignore[reportOptionalSubscript] - it has one
        from_y = y.astype(dtype) @ kernel[self.num_x :] + bias[None]

        @jax.checkpoint  # of a row only the scores are kept for the way back
        def row(from_one_x: Array) -> Array:
            z = self.mlp.activation(from_one_x[None] + from_y)
            for layer in hidden:
                z = self.mlp.activation(layer(z))
            return last(z)[:, 0]

        return jax.lax.map(row, from_x, batch_size=ROWS_AT_ONCE)


class HybridCritic(nnx.Module):
    """f(x, y) = MLP([g(x), h(y)]): a bottleneck of given dimension under a flexible head.

    Attributes:
        encoders: a `SeparableCritic`, of which the embeddings are used.
        head: a `ConcatenatedCritic` of the embeddings.
    """

    def __init__(
        self,
        num_x: int,
        num_y: int,
        *,
        embed: int = 64,
        width: int = 64,
        depth: int = 2,
        head_width: int | None = None,
        head_depth: int | None = None,
        rngs: nnx.Rngs,
    ):
        """Makes the encoders and the head.

        Args:
            num_x: Kx, size of a sample of x.
            num_y: Ky, size of a sample of y.
            embed: size of the embeddings.
            width: size of the encoders' hidden layers.
            depth: number of hidden layers of each encoder.
            head_width: size of the head's hidden layers, by default `width`. The head runs on every pair and is nearly
                all of the cost.
            head_depth: number of the head's hidden layers, by default `depth`.
            rngs: source of randomness.

        Raises:
            ValueError: a size is not positive.
        """
        self.encoders = SeparableCritic(num_x, num_y, embed=embed, width=width, depth=depth, rngs=rngs)
        head = {
            "width": width if head_width is None else head_width,
            "depth": depth if head_depth is None else head_depth,
        }
        self.head = ConcatenatedCritic(embed, embed, **head, rngs=rngs)

    def embeddings(self, x: Float[Array, "n kx"], y: Float[Array, "m ky"]) -> tuple[Array, Array]:
        """g(x) and h(y).

        Args:
            x: shape (n, Kx).
            y: shape (m, Ky).

        Returns:
            Embeddings of shapes (n, embed) and (m, embed).

        Raises:
            ValueError: x or y has another shape.
        """
        return self.encoders.embeddings(x, y)

    def __call__(self, x: Float[Array, "n kx"], y: Float[Array, "m ky"]) -> Float[Array, "n m"]:
        """The scores of all pairs.

        Args:
            x: shape (n, Kx).
            y: shape (m, Ky).

        Returns:
            f(x_i, y_j), shape (n, m).

        Raises:
            ValueError: x or y has another shape.
        """
        return self.head(*self.embeddings(x, y))


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
        _require_pairs(x, y, self.x_encoder.mlp.num_in, self.y_encoder.mlp.num_in)
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
