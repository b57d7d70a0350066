"""Attention against the formula in numpy, and the inducing points' cost."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from entropax import nn


def linear(layer, x):
    bias = 0 if layer.bias is None else np.asarray(layer.bias[...])
    return x @ np.asarray(layer.kernel[...]) + bias


def softmax(x):
    weight = np.exp(x - x.max(axis=-1, keepdims=True))
    return weight / weight.sum(axis=-1, keepdims=True)


def by_hand(attention, queries, context, mask=None):
    """Head by head, in loops."""
    size = attention.embed // attention.heads
    q, k, v = (
        linear(layer, x)
        for layer, x in zip((attention.query, attention.key, attention.value), (queries, context, context), strict=True)
    )
    heads = []
    for h in range(attention.heads):
        part = slice(h * size, (h + 1) * size)
        logits = q[:, part] @ k[:, part].T / np.sqrt(size)
        if mask is not None:
            logits = np.where(mask[None], logits, -np.inf)
        heads.append(softmax(logits) @ v[:, part])
    return linear(attention.out, np.concatenate(heads, axis=1))


@pytest.fixture
def tokens():
    rng = np.random.default_rng(0)
    return rng.standard_normal((4, 8)), rng.standard_normal((5, 8))


def double(network):
    return jax.tree.map(lambda a: a.astype(jnp.float64), network)


@pytest.mark.fast
@pytest.mark.parametrize("mask", [None, np.array([True, False, True, True, False])])
def test_attention_is_the_formula(mask, tokens, x64):
    """softmax(Q K^T / sqrt(c)) V for every head, to the precision of float64."""
    attention = double(nn.Attention(8, heads=2, rngs=nnx.Rngs(0)))
    queries, context = map(jnp.asarray, tokens)
    got = attention(queries, context, None if mask is None else jnp.asarray(mask))
    np.testing.assert_allclose(got, by_hand(attention, *tokens, mask), rtol=1e-12, atol=1e-14)


def test_a_bias_of_the_keys_would_change_nothing(tokens):
    """What leaving it out rests on: by hand, adding a vector to all keys leaves the output."""
    attention = nn.Attention(8, heads=2, rngs=nnx.Rngs(0))
    assert attention.key.bias is None
    queries, context = tokens
    plain = by_hand(attention, queries, context)
    attention.key.bias = nnx.Param(jnp.linspace(-2.0, 3.0, 8))
    np.testing.assert_allclose(by_hand(attention, queries, context), plain, atol=1e-6)


def test_block_is_post_norm(tokens, x64):
    """y = LayerNorm(x + Attention(x)), LayerNorm(y + MLP(y)): every token of the output has mean 0 and variance 1."""
    block = double(nn.AttentionBlock(8, heads=2, hidden=6, rngs=nnx.Rngs(0)))
    x = tokens[0]

    def norm(y):
        return (y - y.mean(axis=1, keepdims=True)) / np.sqrt(y.var(axis=1, keepdims=True) + 1e-6)

    y = norm(x + by_hand(block.attention, x, x))
    expected = norm(y + np.asarray(block.mlp(jnp.asarray(y))))
    np.testing.assert_allclose(block(jnp.asarray(x)), expected, rtol=1e-10, atol=1e-12)


def test_masked_tokens_have_no_gradient(tokens, x64):
    """Gradients by padded tokens are exactly zero, by the others not."""
    block = double(nn.AttentionBlock(8, heads=2, hidden=6, rngs=nnx.Rngs(0)))
    queries, context = map(jnp.asarray, tokens)
    mask = jnp.asarray([True, True, False, True, False])

    @jax.jit
    @jax.grad
    def gradient(context):
        return jnp.sum(jnp.sin(block(queries, context, mask)))

    slopes = np.asarray(gradient(context))
    assert np.all(slopes[~np.asarray(mask)] == 0)
    assert np.all(np.any(slopes[np.asarray(mask)] != 0, axis=1))


@pytest.mark.slow
def test_inducing_points_cost_linearly():
    """Four times the tokens cost about four times the flops through inducing points, about sixteen without."""

    def flops(block, n):
        compiled = jax.jit(lambda b, x: b(x)).lower(block, jnp.zeros((n, 8))).compile()
        return compiled.cost_analysis()["flops"]

    induced = nn.InducedAttentionBlock(8, num_inducing=2, heads=1, hidden=2, rngs=nnx.Rngs(0))
    full = nn.AttentionBlock(8, heads=1, hidden=2, rngs=nnx.Rngs(0))
    assert flops(induced, 4096) / flops(induced, 1024) < 4.5
    assert flops(full, 4096) / flops(full, 1024) > 12
