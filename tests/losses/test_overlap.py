import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from entropax import losses

RNG = np.random.default_rng(6)
Z, Y = RNG.normal(0, 2, (4, 5)), RNG.integers(0, 2, (4, 5))
MASK = RNG.random((4, 5)) < 0.6
Z3, Y3 = RNG.normal(0, 2, (6, 3)), RNG.integers(0, 3, 6)


def test_set_level_is_optax_dice(x64):
    """optax's binary Dice loss of one set, plain and Tversky, is ours with its smoothing halved in the Dice form."""
    one = Z.reshape(1, -1), Y.reshape(1, -1).astype(float)
    theirs = optax.losses.binary_dice_loss(*one, smooth=0.7)
    np.testing.assert_allclose(losses.tversky_loss(Z, Y, smooth=0.7, level="set"), np.squeeze(theirs), rtol=1e-9)


@pytest.mark.parametrize("level", ["example", "set"])
def test_masked_examples_are_not_looked_at(level, x64):
    """Values and gradients are those of the examples left, though the others are NaN and have absurd labels."""
    z, y = np.where(MASK, Z, np.nan), np.where(MASK, Y, 7)
    loss = lambda z, y, **k: losses.self_adjusting_dice_loss(z, y, 0.5, level=level, **k)  # noqa: E731
    value, gradient = jax.value_and_grad(lambda z: jnp.sum(loss(z, y, where=MASK)))(z)
    expected, left = jax.value_and_grad(lambda z: jnp.sum(loss(z, Y[MASK])))(Z[MASK])
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    np.testing.assert_allclose(np.asarray(gradient)[MASK], left, rtol=1e-12)
    np.testing.assert_array_equal(np.asarray(gradient)[~MASK], 0)


def test_saturated_logits_keep_their_gradients():
    """At logit 60 float32 rounds p to 1, but w = (1 - p)^alpha is exp(-60 alpha), and 1 - 2 w has slope 2 alpha w."""
    slope = jax.grad(lambda z: losses.self_adjusting_dice_loss(z, 1, 0.5, smooth=0.0))(60.0)
    np.testing.assert_allclose(slope, np.exp(-30.0), rtol=1e-5)
    many = lambda z: losses.multiclass_dice_loss(jnp.stack([z, 0.0]), 1, alpha=0.5)  # noqa: E731
    assert np.isfinite(jax.grad(many)(60.0))


def test_two_classes_are_both_sides_of_one(x64):
    """The multi-class losses of logits (0, z) are the binary losses of z and of the complement, added."""
    for level in ("example", "set"):
        pair = np.stack([np.zeros_like(Z), Z], -1)
        both = losses.dice_loss(Z, Y, alpha=0.5, level=level) + losses.dice_loss(-Z, 1 - Y, alpha=0.5, level=level)
        np.testing.assert_allclose(losses.multiclass_dice_loss(pair, Y, alpha=0.5, level=level), both, rtol=1e-12)
        both = losses.tversky_loss(Z, Y, 0.3, 0.7, level=level) + losses.tversky_loss(-Z, 1 - Y, 0.3, 0.7, level=level)
        np.testing.assert_allclose(losses.multiclass_tversky_loss(pair, Y, 0.3, 0.7, level=level), both, rtol=1e-12)


def test_sets_without_meaning_are_named():
    """An empty mask, and no positive example without smoothing, raise, and give NaN when traced."""
    none = np.zeros(3, bool)
    z, zeros = np.float32([1, 2, 3]), np.zeros(3, int)
    with pytest.raises(ValueError, match="where must leave an example"):
        losses.dice_loss(z, zeros, level="set", where=none)
    with pytest.raises(ValueError, match="where must leave an example"):
        losses.multiclass_dice_loss(Z3[:3], zeros, level="set", where=none)
    with pytest.raises(ValueError, match="labels must have a positive where smooth is 0"):
        losses.dice_loss(z, zeros, smooth=0.0, level="set")
    assert np.isnan(jax.jit(lambda y: losses.dice_loss(z, y, smooth=0.0, level="set"))(zeros))
    np.testing.assert_array_equal(losses.dice_loss(z, zeros, where=none), 0)


def test_hard_examples():
    """All positives stay, and of the negatives floor(ratio x positives) of highest score."""
    scores = np.float32([0.1, 0.9, 0.5, 0.7, 0.5, 0.2])
    positive = np.array([True, False, False, True, False, False])
    for ratio, kept in ((0.0, [0, 3]), (0.5, [0, 1, 3]), (1.4, [0, 1, 2, 3]), (9.0, [0, 1, 2, 3, 4, 5])):
        np.testing.assert_array_equal(np.flatnonzero(losses.ohem_mask(scores, positive, ratio)), kept)
    assert not losses.ohem_mask(scores, np.zeros(6, bool), 2.0).any()


def test_weighted_cross_entropy(x64):
    """Optax's cross-entropy times the weight of the label; of a distribution the mean over labels."""
    weights = np.array([0.2, 3.0, 1.0])
    theirs = optax.losses.softmax_cross_entropy_with_integer_labels(jnp.asarray(Z3), jnp.asarray(Y3))
    np.testing.assert_allclose(losses.weighted_cross_entropy_loss(Z3, Y3, weights), weights[Y3] * theirs, rtol=1e-12)
    t = RNG.dirichlet(np.ones(3), 6)
    every = np.stack([losses.weighted_cross_entropy_loss(Z3, np.full(6, k), weights) for k in range(3)], -1)
    np.testing.assert_allclose(losses.weighted_cross_entropy_loss(Z3, t, weights), np.sum(t * every, -1), rtol=1e-12)


def test_what_is_not_a_number_stays_so():
    """A NaN logit gives NaN, not the loss of an example without anything to overlap; an infinite one is certain."""
    z, y = np.float32([np.nan, np.inf, np.inf, -np.inf]), np.array([1, 1, 0, 1])
    np.testing.assert_array_equal(losses.dice_loss(z, y), np.float32([np.nan, 0, 0.5, 0.5]))
    assert np.isnan(losses.dice_loss(z, y, level="set"))
    assert np.isnan(losses.tversky_loss(z, y)[0])
    slope = jax.grad(lambda z: jnp.sum(losses.dice_loss(z, y)))(z)
    np.testing.assert_array_equal(slope, [np.nan, 0, 0, 0])


def test_classes_that_are_ruled_out():
    """Logits of -inf: the losses are those of the classes left and the certain rest; gradients are finite."""
    for logits in ([2.0, 1.0, -np.inf], [2.0, -np.inf, -np.inf]):
        z = np.float32(logits)
        for loss in (losses.multiclass_dice_loss, losses.multiclass_tversky_loss):
            value, slope = jax.value_and_grad(loss)(z, 0)
            near, expected = jax.value_and_grad(loss)(np.maximum(z, np.float32(-80)), 0)
            np.testing.assert_allclose(value, near, rtol=1e-6, atol=1e-30)
            np.testing.assert_allclose(slope, expected, rtol=1e-5, atol=1e-30)


def test_hard_examples_of_those_that_count():
    """Others are not kept, take nobody's place, and may be NaN."""
    scores = np.float32([0.1, np.nan, 0.5, 0.7, 0.4, 0.2])
    positive = np.array([True, False, False, True, False, False])
    where = np.array([True, False, True, False, True, True])
    kept = losses.ohem_mask(scores, positive, 2.0, where=where)
    np.testing.assert_array_equal(np.flatnonzero(kept), [0, 2, 4])
