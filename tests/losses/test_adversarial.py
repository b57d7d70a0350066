"""Attacks stay in their ball and find the maximum; margin losses and what bounds them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import losses
from tests.contract.harness import without_shape_hook

X = jnp.asarray(np.random.default_rng(0).standard_normal((6, 3)), jnp.float32)
SLOPE = jnp.asarray([1.0, -2.0, 0.5])


@pytest.mark.parametrize(("norm", "gain"), [("linf", 3.5), ("l2", float(np.sqrt(5.25)))])
def test_a_linear_objective_is_raised_by_the_dual_norm(norm, gain):
    """Inside the ball, and by epsilon times the 1-norm or 2-norm of the slope."""
    found = losses.pgd_attack(lambda z: z @ SLOPE, X, epsilon=0.2, key=jax.random.key(0), norm=norm, steps=60)
    np.testing.assert_allclose((found - X) @ SLOPE, 0.2 * gain, rtol=1e-3)
    lengths = jnp.max(jnp.abs(found - X), 1) if norm == "linf" else jnp.linalg.norm(found - X, axis=1)
    assert float(lengths.max()) <= 0.2 * (1 + 1e-5)


def test_the_strongest_point_met_is_returned():
    """Of a peak at x itself, nothing else; limits of the inputs hold; the result is a constant."""
    attack = lambda x, **o: losses.pgd_attack(  # noqa: E731
        lambda z: -jnp.sum((z - X) ** 2, axis=1), x, epsilon=0.2, key=jax.random.key(0), **o
    )
    np.testing.assert_array_equal(attack(X), X)
    limited = losses.pgd_attack(lambda z: z @ SLOPE, X, epsilon=9.0, key=jax.random.key(0), lower=-1.0, upper=1.0)
    assert float(jnp.abs(limited).max()) <= 1
    np.testing.assert_array_equal(jax.grad(lambda x: attack(x).sum())(X), 0)


@pytest.mark.slow
def test_the_smooth_loss_bounds_the_margin_loss_under_attack():
    """Of a small network, for every attack that the search finds, as nu is at its least value."""
    rng = np.random.default_rng(1)
    w1, w2 = (jnp.asarray(rng.standard_normal(shape), jnp.float32) for shape in ((3, 8), (8, 4)))
    score = lambda z: jnp.tanh(z @ w1) @ w2  # noqa: E731
    labels = jnp.asarray([0, 1, 2, 3, 0, 1])
    options = {"epsilon": 0.1, "key": jax.random.key(0), "steps": 20}
    for tau in (0.5, 1.0, 2.0):
        smooth = losses.smooth_adversarial_comp_sum_loss(score, X, labels, tau=tau, rho=2.0, **options)
        margin = lambda z, tau=tau: losses.comp_sum_margin_loss(score(z), labels, tau, rho=2.0)  # noqa: E731
        worst = losses.pgd_attack(margin, X, **options)
        assert np.all(np.asarray(margin(worst)) <= np.asarray(smooth))
        assert float(jnp.max(margin(worst) - margin(X))) > 1e-3


def test_margins_by_hand():
    """Violations clipped to [0, 1]: of margins 1 and 4 with rho 2 the sum is 1/2; none where all margins are met."""
    scores = np.array([[5.0, 4.0, 1.0], [5.0, 1.0, 0.0]])
    value = losses.comp_sum_margin_loss(scores, np.array([0, 0]), 0.0, rho=2.0)
    np.testing.assert_allclose(value, [0.5, 0.0], atol=1e-6)
    np.testing.assert_allclose(losses.comp_sum_margin_loss(scores, np.array([2, 2]), 0.0, rho=2.0), 2.0, rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epsilon": -1.0}, "epsilon must be at least 0 and finite, got -1.0"),
        ({"step_size": -1.0}, "step_size must be at least 0 and finite, got -1.0"),
        ({"norm": "l1"}, "norm must be one of 'linf', 'l2', got 'l1'"),
        ({"steps": 0}, "steps must be at least 1, got 0"),
    ],
)
def test_faults_of_an_attack(options, message):
    with without_shape_hook(), pytest.raises(ValueError, match=message):
        losses.pgd_attack(lambda z: z @ SLOPE, X, key=jax.random.key(0), **{"epsilon": 0.1} | options)


def test_faults_of_the_losses():
    with pytest.raises(ValueError, match=r"objective must return values of shape \(6,\), got \(6, 3\)"):
        losses.pgd_attack(lambda z: z, X, epsilon=0.1, key=jax.random.key(0))
    with pytest.raises(ValueError, match="rho must be positive and finite, got 0"):
        losses.comp_sum_margin_loss(X, jnp.zeros(6, int), rho=0.0)
    with pytest.raises(ValueError, match=r"nu must be at least sqrt\(n - 1\) / rho = 1.41421"):
        losses.smooth_adversarial_comp_sum_loss(
            lambda z: z, X, jnp.zeros(6, int), epsilon=0.1, key=jax.random.key(0), nu=1.0
        )


def test_masked_inputs_are_not_looked_at():
    """An input of NaN behind a mask gives zero and spoils neither the attack nor the network's gradient."""
    x, where = X.at[2].set(jnp.nan), np.arange(6) != 2
    weights, labels = jnp.eye(3), jnp.array([0, 1, 2, 0, 1, 2])

    def total(weights, x, where):
        return losses.smooth_adversarial_comp_sum_loss(
            lambda z: z @ weights, x, labels, epsilon=0.1, key=jax.random.key(0), where=where
        ).sum()

    value, gradient = jax.value_and_grad(total)(weights, x, where)
    expected, slope = jax.value_and_grad(total)(weights, X.at[2].set(0), where)
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    np.testing.assert_allclose(gradient, slope, rtol=1e-6)
