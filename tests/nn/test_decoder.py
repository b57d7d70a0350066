"""The decoder against the formula in numpy, its cache against the whole, its samples against their law."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from scipy import stats

from entropax import nn
from tests.contract.harness import without_shape_hook

TOKENS = np.array([3, 0, 4, 1, 1, 2])


def double(network):
    return jax.tree.map(lambda a: a.astype(jnp.float64), network)


def made(**options):
    sizes = {"length": 6, "embed": 8, "blocks": 2, "heads": 2, "hidden": 12, "zero_output": False} | options
    return double(nn.Decoder(5, rngs=nnx.Rngs(0), **sizes))


def kernel(layer):
    return np.asarray(layer.kernel[...])


def norm(layer, x):
    return (
        (x - x.mean(axis=-1, keepdims=True))
        / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-6)
        * np.asarray(layer.scale[...])
    )


def by_hand(decoder, tokens, features):
    """Token by token and head by head."""
    x = np.asarray(decoder.tokens[...])[tokens] + np.asarray(decoder.positions[...])[: len(tokens)] + features
    share = 1 / len(decoder.blocks)
    for block in decoder.blocks:
        attention, inner = block.attention, norm(block.norm_attention, x)
        size = x.shape[1] // attention.heads
        mixed = np.zeros_like(x)
        for h in range(attention.heads):
            part = slice(h * size, (h + 1) * size)
            q, k, v = (inner @ kernel(layer)[:, part] for layer in (attention.query, attention.key, attention.value))
            q, k = norm(attention.norm_query, q), norm(attention.norm_key, k)
            for i in range(len(tokens)):
                weight = np.exp(8 / size * (k[: i + 1] @ q[i]))
                mixed[i, part] = weight / weight.sum() @ v[: i + 1]
        x = x + share * (mixed @ kernel(attention.out))
        first, second = block.mlp.layers
        hidden = np.asarray(jax.nn.gelu(jnp.asarray(norm(block.norm_mlp, x) @ kernel(first))))
        x = x + share * (hidden @ kernel(second))
    return norm(decoder.norm, x) @ kernel(decoder.out)


@pytest.mark.fast
def test_it_is_the_formula(x64):
    """Pre-norm, normalised queries and keys, logits times 8 / size, each block shared by 1 / blocks."""
    decoder, features = made(), np.random.default_rng(0).standard_normal((6, 8))
    got = decoder(jnp.asarray(TOKENS), jnp.asarray(features))
    np.testing.assert_allclose(got, by_hand(decoder, TOKENS, features), rtol=1e-10, atol=1e-12)


def test_no_token_sees_those_after_it(x64):
    """Changing token i changes no row of logits before i, and row i itself."""
    decoder = made()
    call = jax.jit(lambda tokens: decoder(tokens))
    expected = np.asarray(call(jnp.asarray(TOKENS)))
    for i in range(len(TOKENS)):
        other = np.asarray(call(jnp.asarray(TOKENS).at[i].set((TOKENS[i] + 1) % 5)))
        np.testing.assert_array_equal(other[:i], expected[:i])
        assert np.abs(other[i] - expected[i]).max() > 1e-6


@pytest.mark.slow
def test_reading_in_parts_is_reading_at_once(x64):
    """`extend` by any parts gives the rows of one call, features included, also for fewer tokens than `length`."""
    decoder, features = made(length=9), jnp.asarray(np.random.default_rng(1).standard_normal((6, 8)))
    tokens = jnp.asarray(TOKENS)
    past, rows = decoder.empty_past(), []
    for part in (slice(0, 3), slice(3, 4), slice(4, 6)):
        past, logits = decoder.extend(past, tokens[part], features[part])
        rows.append(logits)
    assert int(past.count) == 6
    np.testing.assert_allclose(np.concatenate(rows), decoder(tokens, features), rtol=1e-10, atol=1e-12)


def test_reading_too_much_is_refused(x64):
    """Past the length it raises when the past is concrete, and gives NaN where it is traced."""
    decoder, tokens = made(), jnp.asarray(TOKENS)
    past, _ = decoder.extend(decoder.empty_past(), tokens)
    with without_shape_hook(), pytest.raises(ValueError, match="past must have room in its 6 tokens, got 7"):
        decoder.extend(past, tokens[:1])
    assert np.isnan(jax.jit(lambda past: decoder.extend(past, tokens[:1])[1])(past)).all()


def test_it_starts_uniform():
    """With zero outputs, the default, the first prediction is uniform and every row of logits zero."""
    decoder = nn.Decoder(5, length=6, embed=8, rngs=nnx.Rngs(0))
    np.testing.assert_array_equal(decoder(jnp.asarray(TOKENS)), np.zeros((6, 5)))


def test_heads_have_size_64_by_default():
    """One head up to embeddings of 64, then as many as fit."""
    assert [nn.Decoder(2, length=2, embed=e, blocks=1, rngs=nnx.Rngs(0)).heads for e in (8, 64, 128)] == [1, 1, 2]


def test_completions_keep_the_prompt_and_know_their_logits(x64):
    """The logits returned are those of a call on the completed tokens, one row before each drawn token."""
    decoder, tokens = made(), jnp.asarray(TOKENS)
    drawn, logits = decoder.complete(tokens, prompt=2, key=jax.random.key(1))
    np.testing.assert_array_equal(drawn[:2], TOKENS[:2])
    np.testing.assert_allclose(logits, decoder(drawn)[1:-1], rtol=1e-10, atol=1e-12)
    for prompt in (0, 6):
        with without_shape_hook(), pytest.raises(ValueError, match="prompt must be at least 1"):
            decoder.complete(tokens, prompt=prompt, key=jax.random.key(1))
    with without_shape_hook(), pytest.raises(ValueError, match=r"tokens must have shape \(t,\) with 1 <= t <= 6"):
        decoder.complete(jnp.zeros(7, int), prompt=2, key=jax.random.key(1))


def test_completions_follow_their_law(x64):
    """A pair of tokens drawn 4,000 times: chi-squared against the chain rule's probabilities, size 0.001."""
    decoder = made()
    prompt = jnp.asarray([3, 0, 0])
    draw = jax.jit(jax.vmap(lambda key: decoder.complete(prompt, prompt=1, key=key)[0]))
    drawn = np.asarray(draw(jax.random.split(jax.random.key(2), 4000)))
    seen = np.bincount(5 * drawn[:, 1] + drawn[:, 2], minlength=25)
    # Logits of a made network are small: sharpen nothing, the law is still far from uniform somewhere.
    pairs = jnp.stack([jnp.full(5, 3), jnp.arange(5), jnp.zeros(5, int)], axis=1)
    law = np.asarray(jax.nn.softmax(jax.vmap(decoder)(pairs)))
    expected = 4000 * (law[0, 0][:, None] * law[:, 1]).reshape(-1)
    assert np.ptp(expected) > 50
    assert stats.chisquare(seen, expected).pvalue > 0.001
