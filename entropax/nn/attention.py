"""Attention over sets: tokens carry no order, and no positional encoding is added."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from entropax import _checks
from entropax._typing import Array, Bool, Float
from entropax.nn.layers import MLP


class Attention(nnx.Module):
    """Multi-head attention of queries over a context.

    Equivariant under permutations of the queries and invariant under those of the context.
    """

    def __init__(self, embed: int, *, heads: int = 4, key_bias: bool = False, rngs: nnx.Rngs):
        """Makes the projections.

        Args:
            embed: size of a token, a multiple of `heads`.
            heads: number of heads.
            key_bias: whether keys have a bias. It adds one number to all logits of a query, which softmax ignores:
                only for networks whose published parameters include it.
            rngs: source of randomness.

        Raises:
            ValueError: `embed` is not a multiple of `heads`.
        """
        _checks.require_integer("heads", heads, minimum=1)
        _checks.require_integer("embed", embed, minimum=1)
        if embed % heads:
            raise ValueError(f"embed must be a multiple of heads={heads}, got {embed}")
        self.embed, self.heads = embed, heads
        self.query = nnx.Linear(embed, embed, rngs=rngs)
        self.key = nnx.Linear(embed, embed, use_bias=key_bias, rngs=rngs)
        self.value = nnx.Linear(embed, embed, rngs=rngs)
        self.out = nnx.Linear(embed, embed, rngs=rngs)

    def __call__(
        self, queries: Float[Array, "q e"], context: Float[Array, "n e"], mask: Bool[Array, "n"] | None = None
    ) -> Float[Array, "q e"]:
        """softmax(Q K^T / sqrt(e / heads)) V, head by head.

        Args:
            queries: shape (q, embed).
            context: shape (n, embed).
            mask: true for the tokens of the context that may be attended to, shape (n,); at least one.

        Returns:
            One token a query, shape (q, embed).

        Raises:
            ValueError: a token has another size than `embed`, or the mask another length than the context.
        """
        if mask is not None:
            _checks.require_shape("mask", mask, context.shape[:1])
        for name, tokens in (("queries", queries), ("context", context)):
            if tokens.ndim != 2 or tokens.shape[-1] != self.embed:
                raise ValueError(f"{name} must have shape (n, {self.embed}), got {tokens.shape}")

        def split(tokens: Array) -> Array:
            return tokens.reshape(tokens.shape[0], self.heads, self.embed // self.heads)

        q, k, v = split(self.query(queries)), split(self.key(context)), split(self.value(context))
        logits = jnp.einsum("qhc,nhc->hqn", q, k) * (self.embed // self.heads) ** -0.5
        # jax.nn.dot_product_attention takes its softmax in float32, of float64 tokens too; here that is the least.
        logits = _checks.accumulated(logits)
        if mask is not None:
            logits = jnp.where(mask[None, None, :], logits, -jnp.inf)
        mixed = jnp.einsum("hqn,nhc->qhc", jax.nn.softmax(logits).astype(v.dtype), v)
        return self.out(mixed.reshape(queries.shape))


class AttentionBlock(nnx.Module):
    """Attention and a perceptron, each added to its input and normalised afterwards (post-norm)."""

    def __init__(
        self,
        embed: int,
        *,
        heads: int = 4,
        hidden: int = 256,
        activation: Callable[[Any], Any] = jax.nn.gelu,
        key_bias: bool = False,
        rngs: nnx.Rngs,
    ):
        """Makes the block.

        Args:
            embed: size of a token.
            heads: number of heads.
            hidden: width of the perceptron's one hidden layer.
            activation: of the perceptron.
            key_bias: whether the attention's keys have a bias, which changes nothing.
            rngs: source of randomness.
        """
        self.attention = Attention(embed, heads=heads, key_bias=key_bias, rngs=rngs)
        self.mlp = MLP(embed, embed, width=hidden, depth=1, activation=activation, rngs=rngs)
        self.norm_attention = nnx.LayerNorm(embed, rngs=rngs)
        self.norm_mlp = nnx.LayerNorm(embed, rngs=rngs)

    def __call__(
        self,
        queries: Float[Array, "q e"],
        context: Float[Array, "n e"] | None = None,
        mask: Bool[Array, "n"] | None = None,
    ) -> Float[Array, "q e"]:
        """LayerNorm(y + MLP(y)) with y = LayerNorm(x + Attention(x, context)).

        Args:
            queries: x, shape (q, embed).
            context: what is attended to, shape (n, embed); the queries themselves by default.
            mask: true for the tokens of the context that may be attended to, shape (n,).

        Returns:
            Tokens, shape (q, embed).
        """
        y = self.norm_attention(queries + self.attention(queries, queries if context is None else context, mask))
        return self.norm_mlp(y + self.mlp(y))


class InducedAttentionBlock(nnx.Module):
    """Attention through m learned inducing points: cost n m in place of n^2 (Set Transformer, arXiv 1810.00825)."""

    def __init__(
        self,
        embed: int,
        *,
        num_inducing: int,
        heads: int = 4,
        hidden: int = 256,
        activation: Callable[[Any], Any] = jax.nn.gelu,
        key_bias: bool = False,
        rngs: nnx.Rngs,
    ):
        """Makes the inducing points and two blocks.

        Args:
            embed: size of a token.
            num_inducing: m.
            heads: number of heads.
            hidden: width of the perceptrons' hidden layer.
            activation: of the perceptrons.
            key_bias: whether the attentions' keys have a bias, which changes nothing.
            rngs: source of randomness.
        """
        _checks.require_integer("num_inducing", num_inducing, minimum=1)
        initial = nnx.initializers.normal(embed**-0.5)(rngs.params(), (num_inducing, embed), jnp.float32)
        self.inducing = nnx.Param(initial)
        shape: dict[str, Any] = {"heads": heads, "hidden": hidden, "activation": activation, "key_bias": key_bias}
        self.gather = AttentionBlock(embed, **shape, rngs=rngs)
        self.spread = AttentionBlock(embed, **shape, rngs=rngs)

    def __call__(
        self,
        queries: Float[Array, "q e"],
        context: Float[Array, "n e"] | None = None,
        mask: Bool[Array, "n"] | None = None,
    ) -> Float[Array, "q e"]:
        """The queries attend to what the inducing points gathered from the context.

        Args:
            queries: shape (q, embed).
            context: shape (n, embed); the queries themselves by default.
            mask: true for the tokens of the context that may be attended to, shape (n,).

        Returns:
            Tokens, shape (q, embed).
        """
        gathered = self.gather(self.inducing[...].astype(queries.dtype), queries if context is None else context, mask)
        return self.spread(queries, gathered)
