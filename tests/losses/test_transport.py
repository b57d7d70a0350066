"""Transport costs in blocks, of half precision, and where nothing may be divided."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from entropax import losses

RNG = np.random.default_rng(5)
Z, Y, E = RNG.normal(size=(7, 12)).astype(np.float32), RNG.integers(0, 12, 7), RNG.normal(size=(12, 3))
E = E.astype(np.float32)


def test_blocks_change_nothing():
    """Value and gradients in logits and embedding, with a remainder, against one block."""
    slopes = jax.jit(
        jax.value_and_grad(lambda z, e, block: jnp.sum(losses.demd(z, Y, e, block_size=block) ** 2), argnums=(0, 1)),
        static_argnums=2,
    )
    for a, b in zip(jax.tree.leaves(slopes(Z, E, 3)), jax.tree.leaves(slopes(Z, E, 100)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_memory_stays_that_of_the_arguments():
    """Temporary memory of value and gradient at 2,048 positions and 4,096 tokens: a quarter of the logits."""
    shapes = jax.ShapeDtypeStruct((2048, 4096), jnp.float32), jax.ShapeDtypeStruct((4096, 16), jnp.float32)
    labels = jax.ShapeDtypeStruct((2048,), jnp.int32)

    def cost(z, e, y):
        return jnp.sum(losses.demd(z, y, e))

    compiled = jax.jit(jax.grad(cost)).lower(*shapes, labels).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 2048 * 4096 * 4 / 4


def test_half_precision_is_accumulated_in_float32():
    z, e = jnp.asarray(Z, jnp.bfloat16), jnp.asarray(E, jnp.bfloat16)
    value = losses.demd(z, Y, e)
    assert value.dtype == jnp.float32
    exact = losses.demd(z.astype(jnp.float32), Y, e.astype(jnp.float32))
    np.testing.assert_allclose(value, exact, rtol=1e-6)


@pytest.mark.fast
def test_a_token_without_embedding_is_at_distance_one():
    e = np.where(np.arange(12)[:, None] == 4, 0, E)
    value, gradient = jax.value_and_grad(lambda e: losses.demd(Z[0], 4, e))(e)
    np.testing.assert_allclose(value, 1, rtol=1e-6)
    assert np.isfinite(gradient).all()


def test_costs_of_zero_leave_likelihood():
    """With one embedding for all tokens the ratio is 0 / 0 up to rounding: half of cross-entropy remains."""
    same = np.ones((12, 3), np.float32)
    surprise = -scipy.special.log_softmax(Z, axis=1)[np.arange(7), Y]
    for cap in (None, 3.0):

        def loss(z, cap=cap):
            return losses.emo_loss(z, Y, same, ratio_cap=cap)

        np.testing.assert_allclose(loss(Z), surprise / 2, rtol=1e-5)
        assert np.isfinite(jax.grad(lambda z: jnp.sum(loss(z)))(Z)).all()
    certain = np.where(np.arange(12) == 2, 90.0, 0.0).astype(np.float32)
    assert losses.emo_loss(certain, 2, E, mode=2) == pytest.approx(0, abs=1e-6)


def test_ignored_labels_count_nothing():
    labels = np.where(np.arange(7) == 3, -100, Y)
    z = np.where(np.arange(7)[:, None] == 3, np.nan, Z).astype(np.float32)
    where = np.arange(7) != 5
    for loss in (
        lambda z, y, **o: losses.emo_loss(z, y, E, **o),
        lambda z, y, **o: losses.emo_loss(z, y, E, mode=2, **o),
        losses.mixce_loss,
        losses.tailr_loss,
    ):
        value = loss(z, labels, where=where)
        np.testing.assert_array_equal(value[np.array([3, 5])], 0)
        kept = np.array([0, 1, 2, 4, 6])
        np.testing.assert_allclose(value[kept], loss(Z, Y)[kept], rtol=1e-6)
    gradient = jax.grad(lambda z: jnp.sum(losses.emo_loss(z, labels, E)))(z)
    assert np.isfinite(gradient).all()
    assert not np.any(gradient[3])
    with pytest.raises(ValueError, match="labels must be integers from 0 to 11"):
        losses.emo_loss(Z, labels, E, ignore_index=-1)


@pytest.mark.fast
def test_ends_of_tailr():
    """gamma 1 is cross-entropy, gamma 0 weighs by q; without the floor."""
    surprise = -scipy.special.log_softmax(Z, axis=1)[np.arange(7), Y]
    whole = losses.tailr_loss(Z, Y, mle_weight=0.0, gamma=1.0, floor=0.0)
    np.testing.assert_allclose(whole, surprise, rtol=1e-5)
    weighted = losses.tailr_loss(Z, Y, mle_weight=0.0, gamma=0.0, floor=0.0)
    np.testing.assert_allclose(weighted, np.exp(-surprise) * surprise, rtol=1e-5)
