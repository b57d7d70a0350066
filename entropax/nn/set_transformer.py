"""Set transformers: from a whole data set, an unordered set of rows, to one number.

The parts are those of the Set Transformer (arXiv 1810.00825): its MAB is `AttentionBlock`, SAB the same block of a set
with itself, ISAB `InducedAttentionBlock`, PMA `PooledAttention`.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from entropax import _checks
from entropax._typing import Array, Bool, Float, RealScalar, Scalar
from entropax.nn.attention import AttentionBlock, InducedAttentionBlock
from entropax.nn.layers import MLP


def _exact_gelu(x: Array) -> Array:
    """x times the normal distribution function of x; jax.nn.gelu approximates it by a tanh.

    Args:
        x: any shape.

    Returns:
        The same shape.
    """
    return jax.nn.gelu(x, approximate=False)


class PooledAttention(nnx.Module):
    """A set as k tokens: k learned seeds attend to it (PMA of arXiv 1810.00825). Invariant to the order of the set."""

    def __init__(
        self,
        embed: int,
        *,
        num_seeds: int,
        heads: int = 4,
        hidden: int = 256,
        activation: Callable[[Any], Any] = jax.nn.gelu,
        key_bias: bool = False,
        rngs: nnx.Rngs,
    ):
        """Makes the seeds and the block.

        Args:
            embed: size of a token.
            num_seeds: k.
            heads: number of heads.
            hidden: width of the perceptron's hidden layer.
            activation: of the perceptron.
            key_bias: whether the attention's keys have a bias, which changes nothing.
            rngs: source of randomness.
        """
        _checks.require_integer("num_seeds", num_seeds, minimum=1)
        initial = nnx.initializers.normal(embed**-0.5)(rngs.params(), (num_seeds, embed), jnp.float32)
        self.seeds = nnx.Param(initial)
        self.block = AttentionBlock(
            embed, heads=heads, hidden=hidden, activation=activation, key_bias=key_bias, rngs=rngs
        )

    def __call__(self, tokens: Float[Array, "n e"], mask: Bool[Array, "n"] | None = None) -> Float[Array, "k e"]:
        """The seeds after attending to the tokens.

        Args:
            tokens: shape (n, embed).
            mask: true for the tokens that may be attended to, shape (n,); at least one.

        Returns:
            Tokens, shape (num_seeds, embed).
        """
        return self.block(self.seeds[...].astype(tokens.dtype), tokens, mask)


class SetTransformer(nnx.Module):
    """A number of a set of rows, or quantiles of it: the network of MIST and MIST-QR.

    phi embeds every row, lets the rows attend to each other (`interaction_blocks` times directly, then
    `encoder_blocks` times through inducing points), pools them to `num_seeds` tokens and these to one vector. Heads
    read it: a perceptron for the number, a perceptron of the vector and tau for its tau-quantile. Nothing keeps
    quantiles from crossing: sort them. The number does not depend on the order of the rows. It does depend on that of
    the features, which only the embedding of a row mixes.

    The defaults are the released MIST of arXiv 2511.18945: 5,521,921 parameters, and 5,522,177 with the quantile head
    in place of the other.
    """

    def __init__(
        self,
        num_features: int = 64,
        *,
        embed: int = 256,
        heads: int = 16,
        embedding_width: int = 512,
        interaction_blocks: int = 2,
        encoder_blocks: int = 2,
        num_inducing: int = 32,
        hidden: int = 1024,
        num_seeds: int = 10,
        decoder_blocks: int = 1,
        head_width: int = 256,
        head_depth: int = 2,
        point: bool = True,
        quantiles: bool = False,
        embedding_dropout: float = 0.0,
        interaction_dropout: float = 0.0,
        activation: Callable[[Any], Any] = _exact_gelu,
        key_bias: bool = True,
        rngs: nnx.Rngs,
    ):
        """Makes the network.

        Args:
            num_features: size of a row.
            embed: size of a token.
            heads: number of attention heads.
            embedding_width: hidden width of the rows' embedding.
            interaction_blocks: blocks in which all rows attend to all, at a cost of n^2.
            encoder_blocks: blocks in which they attend through inducing points.
            num_inducing: number of inducing points.
            hidden: hidden width of the encoder's perceptrons; that of all other blocks is `embed`.
            num_seeds: tokens that the set is pooled to.
            decoder_blocks: blocks in which these attend to each other.
            head_width: hidden width of the heads.
            head_depth: hidden layers of the heads.
            point: whether there is a head for the number.
            quantiles: whether there is a head for its quantiles.
            embedding_dropout: rate of dropout after the first layer of the embedding, 0.1 in the paper. Data that are
                never seen twice need none.
            interaction_dropout: rate of dropout after each interaction block, 0.3 in the paper.
            activation: between the layers of phi.
            key_bias: whether the keys of attention have a bias, which changes nothing but the number of parameters.
            rngs: source of randomness.

        Raises:
            ValueError: a size is not positive, a rate lies outside [0, 1), or there is no head.
        """
        counts = {"interaction_blocks": interaction_blocks, "encoder_blocks": encoder_blocks}
        for name, count in (counts | {"decoder_blocks": decoder_blocks}).items():
            _checks.require_integer(name, count, minimum=0)
        for name, rate in {
            "embedding_dropout": embedding_dropout,
            "interaction_dropout": interaction_dropout,
        }.items():
            if not 0 <= rate < 1:
                raise ValueError(f"{name} must lie in [0, 1), got {rate}")
        self.num_features = num_features
        block: dict[str, Any] = {"heads": heads, "activation": activation, "key_bias": key_bias, "rngs": rngs}
        self.embedding = _RowEmbedding(
            num_features, embed, width=embedding_width, dropout=embedding_dropout, activation=activation, rngs=rngs
        )
        self.interaction = nnx.List(
            _NormalizedBlock(embed, dropout=interaction_dropout, **block) for _ in range(interaction_blocks)
        )
        self.encoder = nnx.List(
            InducedAttentionBlock(embed, num_inducing=num_inducing, hidden=hidden, **block)
            for _ in range(encoder_blocks)
        )
        self.pool = PooledAttention(embed, num_seeds=num_seeds, hidden=embed, **block)
        self.decoder = nnx.List(AttentionBlock(embed, hidden=embed, **block) for _ in range(decoder_blocks))
        self.summary = PooledAttention(embed, num_seeds=1, hidden=embed, **block)
        self.output = nnx.Linear(embed, embed, rngs=rngs)
        self.heads = _Heads(embed, width=head_width, depth=head_depth, point=point, quantiles=quantiles, rngs=rngs)

    def __call__(
        self,
        rows: Float[Array, "n f"],
        mask: Bool[Array, "n"] | None = None,
        quantile: RealScalar | None = None,
    ) -> Scalar:
        """The number, or a quantile of it.

        Args:
            rows: shape (n, num_features).
            mask: true for rows that are data, false for padding, shape (n,); at least one. All by default.
            quantile: tau in (0, 1) for the tau-quantile; None for the number itself, which is the median of a network
                that has a quantile head alone.

        Returns:
            A scalar.

        Raises:
            ValueError: the shapes are others, or a quantile is asked of a network without that head.
        """
        return self.heads(self.summarize(rows, mask), quantile)

    def summarize(self, rows: Float[Array, "n f"], mask: Bool[Array, "n"] | None = None) -> Float[Array, "e"]:
        """phi: the set of rows as one vector, which `heads` read.

        Args:
            rows: shape (n, num_features).
            mask: true for rows that are data, shape (n,).

        Returns:
            Shape (embed,).

        Raises:
            ValueError: the shapes are others.
        """
        if rows.ndim != 2 or rows.shape[1] != self.num_features or rows.shape[0] < 1:
            raise ValueError(f"rows must have shape (n, {self.num_features}) with n >= 1, got {rows.shape}")
        if mask is not None:
            rows = _data_only(rows, mask)
        tokens = self.embedding(rows)
        for block in self.interaction:
            tokens = block(tokens, mask)
        for block in self.encoder:
            # XLA on CPU would merge one block into the next and compute it again for each of its uses there: with two
            # blocks and 64 units a gradient took three times as long.
            tokens = jax.lax.optimization_barrier(block(tokens, mask=mask))
        tokens = self.pool(tokens, mask)
        for block in self.decoder:
            tokens = block(tokens)
        return self.output(self.summary(tokens)[0])


class AxialSetTransformer(nnx.Module):
    """A number of two paired sets of coordinates by attention along rows, then along coordinates, in turns.

    Token (i, j) starts as an embedding of entry j of row i and of the side, X or Y, that coordinate j belongs to. In
    each block the tokens of every coordinate attend along the rows (through inducing points), then those of every row
    along the coordinates. The number depends neither on the order of the rows nor on that of the coordinates of a side,
    and the same parameters take any number of coordinates. The cost grows as n (dx + dy) times that of a token.

    The released MIST mixes coordinates in the embedding of a row; this is our reading of the two-dimensional attention
    that the text of arXiv 2511.18945 describes.
    """

    def __init__(
        self,
        *,
        embed: int = 64,
        heads: int = 4,
        blocks: int = 2,
        num_inducing: int = 16,
        hidden: int = 128,
        num_seeds: int = 4,
        head_width: int = 64,
        head_depth: int = 2,
        point: bool = True,
        quantiles: bool = False,
        activation: Callable[[Any], Any] = jax.nn.gelu,
        rngs: nnx.Rngs,
    ):
        """Makes the network.

        Args:
            embed: size of a token.
            heads: number of attention heads.
            blocks: number of turns.
            num_inducing: inducing points along the rows.
            hidden: hidden width of the embedding and of the blocks' perceptrons.
            num_seeds: tokens that the rows are pooled to.
            head_width: hidden width of the heads.
            head_depth: hidden layers of the heads.
            point: whether there is a head for the number.
            quantiles: whether there is a head for its quantiles.
            activation: between the layers before the heads.
            rngs: source of randomness.

        Raises:
            ValueError: a size is not positive, or there is no head.
        """
        _checks.require_integer("blocks", blocks, minimum=1)
        block: dict[str, Any] = {"heads": heads, "hidden": hidden, "activation": activation, "rngs": rngs}
        self.embedding = MLP(1, embed, width=hidden, depth=1, activation=activation, rngs=rngs)
        self.sides = nnx.Param(nnx.initializers.normal(1.0)(rngs.params(), (2, embed), jnp.float32))
        self.along_rows = nnx.List(
            InducedAttentionBlock(embed, num_inducing=num_inducing, **block) for _ in range(blocks)
        )
        self.along_coordinates = nnx.List(AttentionBlock(embed, **block) for _ in range(blocks))
        self.pool_rows = PooledAttention(embed, num_seeds=num_seeds, **block)
        self.pool_coordinates = PooledAttention(embed, num_seeds=1, **block)
        self.heads = _Heads(embed, width=head_width, depth=head_depth, point=point, quantiles=quantiles, rngs=rngs)

    def __call__(
        self,
        x: Float[Array, "n dx"],
        y: Float[Array, "n dy"],
        mask: Bool[Array, "n"] | None = None,
        quantile: RealScalar | None = None,
    ) -> Scalar:
        """The number, or a quantile of it.

        Args:
            x: one side, shape (n, dx).
            y: the other, shape (n, dy).
            mask: true for rows that are data, false for padding, shape (n,); at least one. All by default.
            quantile: as in `SetTransformer`.

        Returns:
            A scalar.

        Raises:
            ValueError: the shapes are others, or a quantile is asked of a network without that head.
        """
        return self.heads(self.summarize(x, y, mask), quantile)

    def summarize(
        self, x: Float[Array, "n dx"], y: Float[Array, "n dy"], mask: Bool[Array, "n"] | None = None
    ) -> Float[Array, "e"]:
        """The two sides as one vector, which `heads` read.

        Args:
            x: one side, shape (n, dx).
            y: the other, shape (n, dy).
            mask: true for rows that are data, shape (n,).

        Returns:
            Shape (embed,).

        Raises:
            ValueError: the shapes are others.
        """
        for name, side in (("x", x), ("y", y)):
            if side.ndim != 2 or min(side.shape) < 1 or side.shape[0] != x.shape[0]:
                raise ValueError(f"{name} must have shape (n, d) with the n of x and d >= 1, got {side.shape}")
        entries = jnp.concatenate([x, y], axis=1)
        if mask is not None:
            entries = _data_only(entries, mask)
        side = jnp.concatenate([jnp.zeros(x.shape[1], int), jnp.ones(y.shape[1], int)])
        tokens = self.embedding(entries[:, :, None])
        tokens = tokens + self.sides[...][side].astype(tokens.dtype)[None, :, :]
        for rows, coordinates in zip(self.along_rows, self.along_coordinates, strict=True):
            tokens = jax.vmap(lambda column, block=rows: block(column, mask=mask), in_axes=1, out_axes=1)(tokens)
            tokens = jax.vmap(coordinates)(tokens)
        columns = jax.vmap(lambda column: self.pool_rows(column, mask), in_axes=1)(tokens)
        return self.pool_coordinates(columns.reshape(-1, columns.shape[-1]))[0]


class _RowEmbedding(nnx.Module):
    """Linear, activation, normalisation, dropout; linear, activation, normalisation."""

    def __init__(
        self,
        num_features: int,
        embed: int,
        *,
        width: int,
        dropout: float,
        activation: Callable[[Any], Any],
        rngs: nnx.Rngs,
    ):
        _checks.require_integer("num_features", num_features, minimum=1)
        _checks.require_integer("embedding_width", width, minimum=1)
        self.activation = activation
        self.first = nnx.Linear(num_features, width, rngs=rngs)
        self.norm_first = nnx.LayerNorm(width, rngs=rngs)
        self.dropout = _dropout(dropout, rngs)
        self.second = nnx.Linear(width, embed, rngs=rngs)
        self.norm_second = nnx.LayerNorm(embed, rngs=rngs)

    def __call__(self, rows: Array) -> Array:
        hidden = self.norm_first(self.activation(self.first(rows)))
        if self.dropout is not None:
            hidden = self.dropout(hidden)
        return self.norm_second(self.activation(self.second(hidden)))


class _NormalizedBlock(nnx.Module):
    """A block of the set with itself, one more normalisation, dropout."""

    def __init__(self, embed: int, *, dropout: float, rngs: nnx.Rngs, **block: Any):
        self.block = AttentionBlock(embed, hidden=embed, rngs=rngs, **block)
        self.norm = nnx.LayerNorm(embed, rngs=rngs)
        self.dropout = _dropout(dropout, rngs)

    def __call__(self, tokens: Array, mask: Array | None) -> Array:
        tokens = self.norm(self.block(tokens, mask=mask))
        return tokens if self.dropout is None else self.dropout(tokens)


class _Heads(nnx.Module):
    """What is read from a vector: a number, its quantiles, or both."""

    def __init__(self, embed: int, *, width: int, depth: int, point: bool, quantiles: bool, rngs: nnx.Rngs):
        if not (point or quantiles):
            raise ValueError("point or quantiles must be True, a network needs a head, got False for both")
        sizes: dict[str, Any] = {"width": width, "depth": depth, "activation": jax.nn.relu, "rngs": rngs}
        self.point = MLP(embed, 1, **sizes) if point else None
        self.quantile = MLP(embed + 1, 1, **sizes) if quantiles else None

    def __call__(self, summary: Array, quantile: Any = None) -> Array:
        """The number (the median, without a head for it), or its quantile at level tau."""
        if quantile is None and self.point is not None:
            return self.point(summary)[0]
        return self.quantiles(summary, jnp.asarray(0.5 if quantile is None else quantile, summary.dtype)[None])[0]

    def quantiles(self, summary: Array, levels: Array) -> Array:
        """The quantiles at levels of shape (q,): they share the vector."""
        if self.quantile is None:
            raise ValueError("quantile must be None for a network made with quantiles=False")
        repeated = jnp.broadcast_to(summary[None, :], (levels.shape[0], summary.shape[0]))
        return self.quantile(jnp.concatenate([repeated, levels.astype(summary.dtype)[:, None]], axis=1))[:, 0]


def _dropout(rate: float, rngs: nnx.Rngs) -> nnx.Dropout | None:
    """Dropout with masks of its own; none at rate zero, so that a network without random state is one."""
    return nnx.Dropout(rate, rngs=rngs) if rate else None


def _data_only(rows: Array, mask: Array) -> Array:
    """The rows with zeros for padding, which may hold anything, NaN too."""
    _checks.require_shape("mask", mask, rows.shape[:1])
    return jnp.where(mask[:, None], rows, jnp.zeros((), rows.dtype))
