"""A decoder of sequences: a causal transformer that predicts every token from those before it, and samples."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from flax import nnx

from entropax import _checks
from entropax._typing import Array, Float, Int, PRNGKey
from entropax.nn.layers import MLP


class Past(eqx.Module):
    """Keys and values of the tokens that a decoder has read.

    Attributes:
        keys: of every block, shape (blocks, length, heads, size).
        values: of every block, shape (blocks, length, heads, size).
        count: number of tokens read; rows from there on mean nothing.
    """

    keys: Float[Array, "blocks length heads size"]
    values: Float[Array, "blocks length heads size"]
    count: Int[Array, ""]


class Decoder(nnx.Module):
    """A causal transformer over tokens (GPT): pre-norm blocks, normalised queries and keys, no biases.

    Made to keep one learning rate across sizes: every block adds 1 / blocks of its attention and of its perceptron,
    attention's logits fall as 8 / size rather than the root of it (the usual 1 / 8 at 64), matrices start with variance
    1 / fan_in and those that write to the residual stream and to the logits at zero, embeddings at 0.02. Train it with
    `training.mup_adamw`. Source: arXiv 2601.03220; muP, arXiv 2203.03466; normalised queries and keys, arXiv
    2010.04245.
    """

    def __init__(
        self,
        vocabulary: int,
        *,
        length: int,
        embed: int = 64,
        blocks: int = 2,
        heads: int | None = None,
        hidden: int | None = None,
        zero_output: bool = True,
        rngs: nnx.Rngs,
    ):
        """Makes the decoder.

        Args:
            vocabulary: number of tokens v.
            length: the most tokens of a sequence.
            embed: size e of a token's embedding.
            blocks: number of blocks.
            heads: number of heads, a divisor of `embed`; by default heads of size 64, or one if `embed` is smaller.
            hidden: width of the perceptrons, 4 e by default.
            zero_output: whether the matrices that write to the residual stream and to the logits start at zero; the
                first prediction is then uniform.
            rngs: source of randomness.

        Raises:
            ValueError: a size is not positive, or `heads` does not divide `embed`.
        """
        heads = max(1, embed // 64) if heads is None else heads
        hidden = 4 * embed if hidden is None else hidden
        sizes = {"vocabulary": vocabulary, "length": length, "embed": embed, "blocks": blocks, "heads": heads}
        for name, value in sizes.items():
            _checks.require_integer(name, value, minimum=1)
        if embed % heads:
            raise ValueError(f"embed must be a multiple of heads={heads}, got {embed}")
        self.vocabulary, self.length, self.embed, self.heads = vocabulary, length, embed, heads
        small = nnx.initializers.normal(0.02)
        self.tokens = nnx.Param(small(rngs.params(), (vocabulary, embed), jnp.float32))
        self.positions = nnx.Param(small(rngs.params(), (length, embed), jnp.float32))
        shape: dict[str, Any] = {"heads": heads, "hidden": hidden, "zero_output": zero_output, "rngs": rngs}
        self.blocks = nnx.List(_Block(embed, share=1 / blocks, **shape) for _ in range(blocks))
        self.norm = nnx.LayerNorm(embed, use_bias=False, rngs=rngs)
        self.out = _matrix(embed, vocabulary, zero=zero_output, rngs=rngs)

    def __call__(self, tokens: Int[Array, "t"], features: Float[Array, "t e"] | None = None) -> Float[Array, "t v"]:
        """Logits of the token that follows each: row i depends on tokens 0..i alone.

        Args:
            tokens: entries in 0..v - 1, shape (t,), t at most `length`.
            features: what is added to the embeddings, for input that is no token, shape (t, e).

        Returns:
            Logits, shape (t, v).

        Raises:
            ValueError: there are more tokens than `length`, features have another shape, or a token is none (under a
                transformation the logits are NaN).
        """
        x, check = self._embedded(tokens, features, jnp.int32(0))
        for block in self.blocks:
            x, _ = block(x, None)
        return _checks.enforce(self.out(self.norm(x)), check)

    def empty_past(self) -> Past:
        """The past before the first token, for `extend`; in the dtype of the parameters.

        Returns:
            A past of no tokens with room for `length`.
        """
        size = self.embed // self.heads
        room = jnp.zeros((len(self.blocks), self.length, self.heads, size), self.tokens[...].dtype)
        return Past(room, room, jnp.int32(0))

    def extend(
        self, past: Past, tokens: Int[Array, "s"], features: Float[Array, "s e"] | None = None
    ) -> tuple[Past, Float[Array, "s v"]]:
        """Reads further tokens, at the cost of those alone.

        Args:
            past: what was read before.
            tokens: those that follow, shape (s,).
            features: as for a call, shape (s, e).

        Returns:
            The past with them, and the logits of the token that follows each, the rows that a call with all tokens has.

        Raises:
            ValueError: as for a call (under a transformation the logits are NaN).
        """
        x, check = self._embedded(tokens, features, past.count)
        keys, values = [], []
        for i, block in enumerate(self.blocks):
            x, (k, v) = block(x, (past.keys[i], past.values[i], past.count))
            keys.append(k)
            values.append(v)
        longer = Past(jnp.stack(keys), jnp.stack(values), past.count + tokens.shape[0])
        with _checks.evaluated_now(longer.count):
            fits = longer.count <= self.length
        room = _checks.Check(fits, f"past must have room in its {self.length} tokens", lambda: f"{longer.count}")
        return longer, _checks.enforce(self.out(self.norm(x)), check, room)

    def complete(
        self, tokens: Int[Array, "t"], features: Float[Array, "t e"] | None = None, *, prompt: int, key: PRNGKey
    ) -> tuple[Int[Array, "t"], Float[Array, "s v"]]:
        """Draws all tokens after the first `prompt` anew.

        Args:
            tokens: shape (t,), of which the first `prompt` are kept.
            features: as for a call, shape (t, e).
            prompt: number of tokens kept, 1 to t - 1.
            key: source of randomness.

        Returns:
            The tokens, shape (t,), and the logits that the drawn ones were drawn from, shape (t - prompt, v).

        Raises:
            ValueError: as for a call, or the prompt is too long.
            TypeError: the key is none.
        """
        self._require_tokens(tokens)
        _checks.require_integer("prompt", prompt, minimum=1, maximum=tokens.shape[0] - 1)
        _checks.require_key("key", key)
        read = slice(None, prompt)
        past, logits = self.extend(self.empty_past(), tokens[read], None if features is None else features[read])

        def draw(carry: tuple[Past, Array], step: tuple[PRNGKey, Any]) -> tuple[tuple[Past, Array], tuple]:
            (past, logits), (key, feature) = carry, step
            token = jax.random.categorical(key, logits).astype(tokens.dtype)
            past, after = self.extend(past, token[None], None if feature is None else feature[None])
            return (past, after[0]), (token, logits)

        keys = jax.random.split(key, tokens.shape[0] - prompt)
        rest = None if features is None else features[prompt:]
        _, (drawn, seen) = jax.lax.scan(draw, (past, logits[-1]), (keys, rest))
        return jnp.concatenate([tokens[read], drawn]), seen

    def _require_tokens(self, tokens: Array) -> None:
        if tokens.ndim != 1 or not 1 <= tokens.shape[0] <= self.length:
            raise ValueError(f"tokens must have shape (t,) with 1 <= t <= {self.length}, got {tokens.shape}")
        if not jnp.issubdtype(tokens.dtype, jnp.integer):
            raise ValueError(f"tokens must be integers, got dtype {tokens.dtype}")

    def _embedded(self, tokens: Array, features: Array | None, start: Array) -> tuple[Array, _checks.Check]:
        """The residual stream before the first block, and whether all tokens are some."""
        self._require_tokens(tokens)
        if features is not None:
            _checks.require_shape("features", features, (tokens.shape[0], self.embed))
        check = _checks.within("tokens", tokens, 0, self.vocabulary - 1, f"in 0..{self.vocabulary - 1}")
        places = jax.lax.dynamic_slice_in_dim(self.positions[...], start, tokens.shape[0])
        x = self.tokens[...][tokens] + places
        if features is not None:
            dtype = jnp.promote_types(x.dtype, features.dtype)
            x = x.astype(dtype) + features.astype(dtype)
        return x, check


class _Block(nnx.Module):
    """x + share * attention(norm x), then x + share * perceptron(norm x)."""

    def __init__(self, embed: int, *, heads: int, hidden: int, share: float, zero_output: bool, rngs: nnx.Rngs):
        self.share = share
        self.norm_attention = nnx.LayerNorm(embed, use_bias=False, rngs=rngs)
        self.attention = _CausalAttention(embed, heads=heads, zero_output=zero_output, rngs=rngs)
        self.norm_mlp = nnx.LayerNorm(embed, use_bias=False, rngs=rngs)
        self.mlp = MLP(embed, embed, width=hidden, depth=1, use_bias=False, zero_output=zero_output, rngs=rngs)

    def __call__(self, x: Array, past: tuple[Array, Array, Array] | None) -> tuple[Array, tuple[Array, Array]]:
        mixed, held = self.attention(self.norm_attention(x), past)
        x = x + self.share * mixed
        return x + self.share * self.mlp(self.norm_mlp(x)), held


class _CausalAttention(nnx.Module):
    """Attention of tokens over themselves and those before them, with normalised queries and keys."""

    def __init__(self, embed: int, *, heads: int, zero_output: bool, rngs: nnx.Rngs):
        size = embed // heads
        self.heads = heads
        # Three matrices, not one: each has its own fan-in, and the same variance.
        self.query, self.key, self.value = (_matrix(embed, embed, rngs=rngs) for _ in range(3))
        self.norm_query = nnx.LayerNorm(size, use_bias=False, rngs=rngs)
        self.norm_key = nnx.LayerNorm(size, use_bias=False, rngs=rngs)
        self.out = _matrix(embed, embed, zero=zero_output, rngs=rngs)

    def __call__(self, x: Array, past: tuple[Array, Array, Array] | None) -> tuple[Array, tuple[Array, Array]]:
        """The mixed tokens, and the keys and values of all there are; the past is (keys, values, count)."""
        shape = (x.shape[0], self.heads, x.shape[1] // self.heads)
        q = self.norm_query(self.query(x).reshape(shape))
        k, v = self.norm_key(self.key(x).reshape(shape)), self.value(x).reshape(shape)
        start = 0
        if past is not None:
            keys, values, start = past
            k = jax.lax.dynamic_update_slice_in_dim(keys, k.astype(keys.dtype), start, axis=0)
            v = jax.lax.dynamic_update_slice_in_dim(values, v.astype(values.dtype), start, axis=0)
        logits = _checks.accumulated(jnp.einsum("qhc,nhc->hqn", q, k) * (8 / shape[-1]))
        is_past = jnp.arange(k.shape[0])[None, :] <= start + jnp.arange(x.shape[0])[:, None]
        weights = jax.nn.softmax(jnp.where(is_past[None], logits, -jnp.inf))
        mixed = jnp.einsum("hqn,nhc->qhc", weights.astype(v.dtype), v)
        return self.out(mixed.reshape(x.shape)), (k, v)


def _matrix(num_in: int, num_out: int, *, zero: bool = False, rngs: nnx.Rngs) -> nnx.Linear:
    initial = nnx.initializers.zeros_init() if zero else nnx.initializers.lecun_normal()
    return nnx.Linear(num_in, num_out, use_bias=False, kernel_init=initial, rngs=rngs)
