"""DCO where probabilities are tiny, one or absent, against mpmath."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from entropax import losses


@pytest.mark.usefixtures("x64")
def test_all_sizes_against_mpmath():
    """Loss, factor and slope in N over log p from -800 (p below float64) to -1e-12, to 12 digits."""
    log_p = np.array([-800, -700, -40, -5, -1, -0.69, -0.3, -1e-3, -1e-12])
    n = np.array([1, 1.3, 2, 40, 1e6])
    grid = np.stack(np.meshgrid(log_p, n), axis=-1).reshape(-1, 2)
    expected = []
    with mpmath.workdps(800):
        for x, m in grid:
            p, m = mpmath.exp(mpmath.mpf(x)), mpmath.mpf(m)
            below = 1 - (1 - p) ** m
            by_n = (1 - p) ** m * mpmath.log(1 - p) / below
            expected.append([-mpmath.log(below), m * p * (1 - p) ** (m - 1) / below, by_n])
    expected = np.array([[float(value) for value in row] for row in expected]).T
    loss, pullback = jax.vjp(jax.vmap(losses.dco_loss), *jnp.asarray(grid).T)
    by_log_p, by_n = pullback(jnp.ones(len(grid)))
    np.testing.assert_allclose(loss, expected[0], rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(-by_log_p, expected[1], rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(jax.vmap(losses.dco_factor)(*jnp.asarray(grid).T), expected[1], rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(by_n, expected[2], rtol=1e-9, atol=1e-300)


def test_ends():
    """p = 1 costs nothing and teaches nothing; p = 0 costs infinity with the slope of cross-entropy."""
    for n, slope in ((1.0, -1), (8.0, 0)):
        value, gradient = jax.value_and_grad(losses.dco_loss)(0.0, n)
        assert (float(value), float(gradient)) == (0, slope)
    assert losses.dco_loss(-jnp.inf, 8.0) == jnp.inf
    assert losses.dco_factor(-jnp.inf, 8.0) == 1
    assert losses.dco_factor(0.0, 8.0) == 0


def test_masked_steps_add_nothing():
    steps = np.log(np.array([[0.5, 0.2, 0.9], [0.4, 0.3, 0.1]], np.float32))
    kept = np.array([[True, True, False], [True, False, False]])
    noise = np.where(kept, steps, np.nan)
    value, pullback = jax.vjp(lambda s: losses.dco_step_loss(s, 4.0, where=kept), jnp.asarray(noise))
    np.testing.assert_allclose(value[0], np.sum(losses.dco_loss(steps[0, :2], 4.0)), rtol=1e-6)
    np.testing.assert_allclose(value[1], losses.dco_loss(steps[1, 0], 4.0), rtol=1e-6)
    (gradient,) = pullback(jnp.ones(2))
    assert np.all((np.asarray(gradient) != 0) == kept)


def test_half_precision():
    log_p = jnp.asarray([-3.0, -0.25], jnp.bfloat16)
    value = losses.dco_loss(log_p, 4.0)
    assert value.dtype == jnp.float32
    np.testing.assert_allclose(value, losses.dco_loss(log_p.astype(jnp.float32), 4.0), rtol=1e-6)


@pytest.mark.fast
def test_rounding_above_zero_is_no_fault():
    """A logit less its normaliser may come out a few ulps above 0; a probability is no logarithm."""
    value, gradient = jax.value_and_grad(losses.dco_loss)(jnp.float32(2e-6), 8.0)
    assert (float(value), float(gradient)) == (0, 0)
    assert jax.grad(losses.dco_loss)(jnp.float32(2e-6), 1.0) == -1
    with pytest.raises(ValueError, match=r"log_prob must be at most 0, got 0\.01"):
        losses.dco_loss(0.01, 8.0)


@pytest.mark.fast
@pytest.mark.slow
def test_gradients_of_the_factor_of_unlikely_answers(x64):
    """For small N p the factor is 1 - (N - 1) p / 2: its slope in log p, in float32 down to where p underflows."""
    log_p = jnp.array([-95.0, -50, -30, -15, -11], jnp.float32)
    slope = jax.vmap(jax.grad(losses.dco_factor), (0, None))(log_p, 8.0)
    np.testing.assert_allclose(slope, -7 / 2 * np.exp(np.float64(log_p)), rtol=1e-3, atol=1e-38)
    second = jax.vmap(jax.hessian(losses.dco_loss), (0, None))(log_p, 8.0)  # its gradient is minus the factor
    np.testing.assert_allclose(second, -slope, rtol=1e-3, atol=1e-38)
