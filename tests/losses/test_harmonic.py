import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import losses, nn

RNG = np.random.default_rng(5)
X, W = RNG.standard_normal((2, 3, 4)), RNG.standard_normal((7, 4))
Y = RNG.integers(0, 7, (2, 3))
MASK = np.array([[True, False, True], [True, True, False]])


def test_blockwise_equals_the_whole(x64):
    """Values and gradients by features, centres and exponent, where the last block is not full; masks included."""

    def whole(x, w, n):
        return jnp.sum(jnp.sin(losses.harmonic_loss(nn.manhattan_distance(x, w), Y, n, where=MASK)))

    def blocks(x, w, n):
        loss = functools.partial(losses.blockwise_harmonic_loss, distance=nn.manhattan_distance, block_size=3)
        return jnp.sum(jnp.sin(loss(x, w, Y, n, where=MASK)))

    expected, gradients = jax.value_and_grad(whole, (0, 1, 2))(X, W, 1.7)
    value, found = jax.jit(jax.value_and_grad(blocks, (0, 1, 2)))(X, W, 1.7)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    for a, b in zip(found, gradients, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13)
    np.testing.assert_array_equal(np.asarray(found[0])[~MASK], 0)


def test_blockwise_memory_is_that_of_a_block():
    """Forward and backward of 4096 centres in blocks of 256: less than a quarter of the whole's temporary memory."""
    x, w, y = jnp.zeros((64, 8)), jnp.zeros((4096, 8)), jnp.zeros(64, int)
    whole = lambda x, w: jnp.sum(losses.harmonic_loss(nn.euclidean_distance(x, w), y))  # noqa: E731
    blocks = lambda x, w: jnp.sum(losses.blockwise_harmonic_loss(x, w, y, block_size=256))  # noqa: E731
    memory = [
        jax.jit(jax.grad(f, (0, 1))).lower(x, w).compile().memory_analysis().temp_size_in_bytes for f in (whole, blocks)
    ]
    assert memory[1] < memory[0] / 4, memory


def test_distributions_and_half_precision(x64):
    """The loss of a distribution is the mean over labels; bfloat16 is accumulated and returned in float32."""
    d = nn.euclidean_distance(X, W)
    every = np.stack([losses.harmonic_loss(d, np.full((2, 3), k)) for k in range(7)], -1)
    t = RNG.dirichlet(np.ones(7), (2, 3))
    np.testing.assert_allclose(losses.harmonic_loss(d, t), np.sum(t * every, -1), rtol=1e-12)
    low = losses.harmonic_loss(d.astype(jnp.bfloat16), Y)
    assert low.dtype == jnp.float32
    np.testing.assert_allclose(low, losses.harmonic_loss(d, Y), rtol=0.05, atol=0.02)
    half = losses.original_harmonic_loss(X.astype(jnp.bfloat16), W.astype(jnp.bfloat16), Y)
    assert half.dtype == jnp.float32


def test_sharp_heads_in_float32():
    """n = 768 neither over- nor underflows: the loss is n log(d_y / min d) to rounding, its gradient finite."""
    d = np.float32([30.0, 1.0, 1.1, 1e-3])
    value, gradient = jax.value_and_grad(losses.harmonic_loss)(d, 0, 768.0)
    np.testing.assert_allclose(value, 768 * np.log(30.0 / 1e-3), rtol=1e-5)
    np.testing.assert_allclose(gradient, [768 / 30, 0, 0, -768 / 1e-3], rtol=1e-5)


def test_a_vanishing_distance_in_blocks_is_refused():
    """Blockwise has no rule for a sample on a centre and says so."""
    with pytest.raises(ValueError, match="distances must be positive and finite"):
        losses.blockwise_harmonic_loss(W[:2], W, np.array([0, 1]))


def test_labels_of_narrow_integers():
    """Labels in uint8 serve a head of 300 classes, and one out of range is still refused."""
    d = np.linspace(1, 2, 600, dtype=np.float32).reshape(2, 300)
    label = np.array([7, 200])
    np.testing.assert_array_equal(losses.harmonic_loss(d, np.uint8(label)), losses.harmonic_loss(d, label))
    with pytest.raises(ValueError, match="labels must be integers from 0 to 2, one of 3 classes, got 7"):
        losses.harmonic_loss(d[:, :3], np.uint8(label))
