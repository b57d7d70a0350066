"""What arXiv 1911.02855 and its published code state of Dice losses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import losses

pytestmark = pytest.mark.usefixtures("x64")
Z = np.array([2, 1, -2, 0.5, -1])
Y = np.array([0, 1, 0, 1, 0])
P = 1 / (1 + np.exp(-Z))
PRINTED = 6e-11  # half a unit of the tenth digit


def printed(values, expected):
    np.testing.assert_allclose(values, expected, rtol=0, atol=PRINTED)


def logit(p):
    return np.log(p / (1 - p))


@pytest.mark.fast
def test_1_self_adjusting_loss_of_five_examples():
    """The loss of every example at alpha = 1, and means at alpha = 1, 0.5 and 0."""
    each = losses.self_adjusting_dice_loss(Z, Y)
    printed(each, [0.0950173710, 0.3657396441, 0.0950173710, 0.3422796497, 0.1643071808])
    for alpha, mean in ((1.0, 0.2124722433), (0.5, 0.2081864653), (0.0, 0.2058397160)):
        printed(jnp.mean(losses.self_adjusting_dice_loss(Z, Y, alpha)), mean)
    np.testing.assert_allclose(losses.dice_loss(Z, Y), losses.self_adjusting_dice_loss(Z, Y, 0.0), rtol=1e-15)


@pytest.mark.fast
def test_2_squared_denominators():
    """The mean over examples and the loss of the set."""
    printed(jnp.mean(losses.dice_loss(Z, Y, squared=True)), 0.1213153440)
    printed(losses.dice_loss(Z, Y, squared=True, level="set"), 0.2251575445)


@pytest.mark.fast
def test_3_tversky():
    """Two means, and that halves are the Dice loss with twice the smoothing."""
    printed(jnp.mean(losses.tversky_loss(Z, Y)), 0.1313664622)
    printed(jnp.mean(losses.tversky_loss(Z, Y, 0.3, 0.7)), 0.1112706864)
    for level in ("example", "set"):
        twice = losses.dice_loss(Z, Y, smooth=2 * 0.7, level=level)
        np.testing.assert_allclose(losses.tversky_loss(Z, Y, smooth=0.7, level=level), twice, rtol=1e-13)


def test_4_the_published_code():
    """Set level: plain, squared, alpha = 1, and alpha = 0.01 squared with its gradient."""
    printed(losses.dice_loss(Z, Y, level="set"), 0.3406736090)
    printed(losses.dice_loss(Z, Y, level="set", squared=True), 0.2251575444)
    printed(losses.self_adjusting_dice_loss(Z, Y, level="set"), 0.5145578316)
    value, gradient = jax.value_and_grad(
        lambda z: losses.self_adjusting_dice_loss(z, Y, 0.01, level="set", squared=True)
    )(Z)
    printed(value, 0.2228750516)
    printed(gradient, [0.0269696678, -0.0350627036, 0.0040964528, -0.0504181723, 0.0172026322])


def test_5_gradient_by_the_probability():
    """The printed slopes at alpha = 1, zero at p = 1/2 and antisymmetric about it; both follow the closed form."""
    p = np.array([0.1, 0.2, 0.3, 0.4, 0.5])

    @jax.jit
    def slopes(p, y, alpha):
        total = lambda z: jnp.sum(losses.self_adjusting_dice_loss(z, y, alpha))  # noqa: E731
        return jax.grad(total)(jnp.log(p / (1 - p))) / (p * (1 - p))

    ones, zeros = np.ones(5, int), np.zeros(5, int)
    printed(slopes(p, ones, 1.0), [-0.5494379707, -0.3858024691, -0.2456952151, -0.1195790816, 0])
    printed(slopes(p, zeros, 1.0), [0.6733439946, 0.4458977408, 0.2732053821, 0.1300728408, 0])
    np.testing.assert_allclose(slopes(1 - p, ones, 1.0), -slopes(p, ones, 1.0), rtol=1e-11, atol=1e-14)
    for alpha in (1.0, 0.3):
        w, dw = (1 - p) ** alpha * p, (1 - p) ** (alpha - 1) * (1 - (1 + alpha) * p)
        np.testing.assert_allclose(slopes(p, ones, alpha), -dw * 3 / (w + 2) ** 2, rtol=1e-11, atol=1e-14)
        np.testing.assert_allclose(slopes(p, zeros, alpha), dw / (w + 1) ** 2, rtol=1e-11, atol=1e-14)


@pytest.mark.fast
def test_6_limits_of_the_smoothing():
    """Without it negatives lose 1 whatever their p and have no gradient; with much of it all vanishes."""
    negative = jax.vmap(jax.value_and_grad(lambda z: losses.dice_loss(z, 0, smooth=0.0)))(Z)
    np.testing.assert_allclose(negative[0], 1, rtol=1e-14)
    np.testing.assert_allclose(negative[1], 0, atol=1e-14)
    value, gradient = jax.value_and_grad(lambda z: jnp.sum(losses.dice_loss(z, Y, smooth=1e9)))(Z)
    assert 0 < float(value) < 1e-8
    assert float(jnp.max(jnp.abs(gradient))) < 1e-8
    everywhere = losses.dice_loss(np.linspace(-30, 30, 61)[:, None] + np.zeros(2), np.tile([0, 1], (61, 1)))
    assert float(jnp.min(everywhere)) >= 0
    assert float(jnp.max(everywhere)) < 1


@pytest.mark.fast
def test_6_f1_of_hard_predictions():
    """Hard predictions, no smoothing, set level: the loss is 1 - F1."""
    hard = np.array([1, 1, 0, 1, 0])
    precision, recall = 2 / 3, 1.0
    f1 = 2 * precision * recall / (precision + recall)
    np.testing.assert_allclose(losses.dice_coefficient(hard.astype(float), Y), f1, rtol=1e-14)
    saturated = 1e4 * (2.0 * hard - 1)
    np.testing.assert_allclose(losses.dice_loss(saturated, Y, smooth=0.0, level="set"), 1 - f1, rtol=1e-14)
    np.testing.assert_allclose(
        losses.dice_loss(Z, Y, smooth=0.4, level="set"), 1 - losses.dice_coefficient(P, Y, smooth=0.4), rtol=1e-13
    )


@pytest.mark.fast
def test_7_many_classes():
    """The published code with squares: the mean over rows of the sum over classes."""
    logits = np.array([[1, 0.2, -0.5], [0.1, 0.4, 0.3], [-1, 2, 0], [0.5, 0.5, 1.5]])
    targets = np.array([0, 2, 1, 2])
    for alpha, mean in ((0.0, 0.1855683178), (1.0, 0.3580134742)):
        printed(jnp.mean(losses.multiclass_dice_loss(logits, targets, alpha=alpha, squared=True)), mean)
