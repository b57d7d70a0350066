"""Critics: networks that score pairs of samples, f(x_i, y_j), as one matrix.

Unlike the other networks of this room they take batches, x (n, Kx) and y (m, Ky), and return scores (n, m): row i is
x_i, column j is y_j, and where n = m the diagonal holds the pairs that belong together. Wherever the library takes a
critic it takes any callable with this signature.
"""

import jax
import jax.numpy as jnp
from flax import nnx

from entropax import _checks
from entropax._typing import Array, Float
from entropax.nn.layers import MLP

ROWS_AT_ONCE = 32
"""Rows of a score matrix that a joint network computes at a time; memory is this times the columns times the width."""


def require_pairs(x: Array, y: Array, num_x: int, num_y: int) -> None:
    """Refuses samples that are not rows of the sizes a critic was made for.

    Args:
        x: samples.
        y: samples.
        num_x: size of one of x.
        num_y: size of one of y.

    Raises:
        ValueError: a shape is another.
    """
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

    def __init__(
        self,
        num_x: int,
        num_y: int,
        *,
        embed: int = 64,
        width: int = 64,
        depth: int = 2,
        zero_output: bool = False,
        rngs: nnx.Rngs,
    ):
        """Makes the encoders.

        Args:
            num_x: Kx, size of a sample of x.
            num_y: Ky, size of a sample of y.
            embed: size of the embeddings.
            width: size of the hidden layers.
            depth: number of hidden layers of each encoder.
            zero_output: whether h starts at zero, and with it all scores.
            rngs: source of randomness.

        Raises:
            ValueError: a size is not positive.
        """
        _checks.require_integer("embed", embed, minimum=1)
        self.x_encoder = MLP(num_x, embed, width=width, depth=depth, rngs=rngs)
        self.y_encoder = MLP(num_y, embed, width=width, depth=depth, zero_output=zero_output, rngs=rngs)

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
        require_pairs(x, y, self.x_encoder.num_in, self.y_encoder.num_in)
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

    def __init__(
        self,
        num_x: int,
        num_y: int,
        *,
        embed: int = 64,
        width: int = 64,
        depth: int = 2,
        zero_output: bool = False,
        rngs: nnx.Rngs,
    ):
        """Makes the encoders and the matrix.

        Args:
            num_x: Kx, size of a sample of x.
            num_y: Ky, size of a sample of y.
            embed: size of the embeddings.
            width: size of the hidden layers.
            depth: number of hidden layers of each encoder.
            zero_output: whether h starts at zero, and with it all scores.
            rngs: source of randomness.

        Raises:
            ValueError: a size is not positive.
        """
        super().__init__(num_x, num_y, embed=embed, width=width, depth=depth, zero_output=zero_output, rngs=rngs)
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

    def __init__(
        self,
        num_x: int,
        num_y: int,
        *,
        width: int = 64,
        depth: int = 2,
        zero_output: bool = False,
        rngs: nnx.Rngs,
    ):
        """Makes the network.

        Args:
            num_x: Kx, size of a sample of x.
            num_y: Ky, size of a sample of y.
            width: size of the hidden layers.
            depth: number of hidden layers, at least one: without, x and y would not meet.
            zero_output: whether all scores start at zero.
            rngs: source of randomness.

        Raises:
            ValueError: a size is not positive.
        """
        for name, value in {"num_x": num_x, "num_y": num_y, "depth": depth}.items():
            _checks.require_integer(name, value, minimum=1)
        self.num_x = num_x
        self.mlp = MLP(num_x + num_y, 1, width=width, depth=depth, zero_output=zero_output, rngs=rngs)

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
        require_pairs(x, y, self.num_x, self.mlp.num_in - self.num_x)
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
        zero_output: bool = False,
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
            zero_output: whether the head, and with it all scores, starts at zero.
            rngs: source of randomness.

        Raises:
            ValueError: a size is not positive.
        """
        self.encoders = SeparableCritic(num_x, num_y, embed=embed, width=width, depth=depth, rngs=rngs)
        head = {
            "width": width if head_width is None else head_width,
            "depth": depth if head_depth is None else head_depth,
        }
        self.head = ConcatenatedCritic(embed, embed, **head, zero_output=zero_output, rngs=rngs)

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
