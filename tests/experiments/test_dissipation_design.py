"""The designs' parts: profiles, closed forms, gradients of small simulations."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import thermodynamics
from experiments.thermodynamics import _ring_design as ring, _trap_design as trap, dissipation_design

SMOKE = dissipation_design.PRESETS["smoke"]


@pytest.mark.fast
def test_profiles_keep_their_mean_square(x64):
    """Whatever the coefficients, the mean of v0(x)^2 over the ring is fixed; numpy's profile is the same function."""
    coefficients = np.array([0.3, -1.2, 0.4, 0.0, 2.0])
    x = (np.arange(512) + 0.5) * 16 / 512
    profile = ring.ActivityProfile(jnp.asarray(coefficients), 0.0625, 8.0)
    values = np.asarray(profile(jnp.asarray(x)))
    np.testing.assert_allclose(np.mean(values**2), 0.0625, rtol=1e-12)
    np.testing.assert_allclose(ring.reference_profile(coefficients, SMOKE.ring, 8.0)(x), values, rtol=1e-12)
    np.testing.assert_allclose(profile(jnp.asarray(16.0 - x)), values, rtol=1e-9, atol=1e-12)  # the mirror's


@pytest.mark.fast
def test_closed_forms_are_those_of_the_linear_system(x64):
    """Rate and size of the trapped swimmer against the Lyapunov equation's."""
    config = trap.TrapConfig()
    drift_matrix = np.array([[0.9, -0.6], [0.0, config.persistence]])
    exact = thermodynamics.linear_entropy_production(drift_matrix, np.array([config.noise, config.persistence]))
    rate, size = trap.closed_forms(config, 0.6, 0.9)
    np.testing.assert_allclose(rate, exact, rtol=1e-12)
    covariance = lyapunov_covariance(drift_matrix, np.diag([config.noise, config.persistence]))
    np.testing.assert_allclose(size, covariance[0, 0], rtol=1e-12)


def lyapunov_covariance(drift_matrix, diffusion):
    from scipy.linalg import solve_continuous_lyapunov

    return solve_continuous_lyapunov(drift_matrix, 2 * diffusion)


def test_the_trap_estimates_agree_with_the_closed_forms():
    """From one simulation of many chains, within four standard errors of what several such give."""
    config = dataclasses.replace(SMOKE.trap, chains=1000, burn_in=80, observed=80)
    start = jnp.log(jnp.array([config.speed, config.stiffness]))
    keys = jax.random.split(jax.random.key(0), 8)
    estimates = np.asarray(jax.jit(jax.vmap(lambda key: jnp.stack(trap.trap_statistics(start, config, key=key))))(keys))
    errors = estimates.std(axis=0, ddof=1) / np.sqrt(8)
    assert np.all(errors < 0.02)
    assert np.all(np.abs(estimates.mean(axis=0) - trap.closed_forms(config, 0.5, 0.7)) < 4 * errors)


def test_the_simulated_gradient_is_that_of_common_noise_differences():
    """Central differences of the ring's simulated rate with the same noise, in float64."""
    mismatch, gradient, differences = ring.difference_check(SMOKE.ring, key=jax.random.key(1))
    assert np.linalg.norm(differences) > 1e-2
    assert gradient.shape == (SMOKE.ring.modes + 1,)
    assert mismatch < 1e-6
