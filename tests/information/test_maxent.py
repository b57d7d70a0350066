"""Maximum entropy: what cannot be met is said, not hidden; derivatives by the implicit function."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
import scipy.special

from entropax import information

DIE = np.arange(1.0, 7.0)[:, None]


def by_scipy(features, targets, prior):
    """The dual's minimum by another solver."""
    psi = lambda lam: scipy.special.logsumexp(-(features - targets) @ lam, b=prior)  # noqa: E731
    return scipy.optimize.minimize(psi, np.zeros(features.shape[1]), method="BFGS", options={"gtol": 1e-9}).x


@pytest.mark.usefixtures("x64")
def test_hard_cases_in_one_compile():
    """Targets inside, near the boundary, on it and beyond, against what must be true of each."""
    solve = lambda mean: information.maximum_entropy(DIE, np.array([mean]))  # noqa: E731
    inside = solve(2.0)
    np.testing.assert_allclose(inside.multipliers, by_scipy(DIE, np.array([2.0]), np.full(6, 1 / 6)), rtol=1e-6)
    near = solve(1.0 + 1e-6)
    assert near.converged
    # All but the first two probabilities are negligible: p_2 = 1e-6 (1 - 2e-6 ...).
    np.testing.assert_allclose(near.multipliers, [-np.log(1e-6)], rtol=1e-6)
    for mean in (1.0, 6.0):
        boundary = solve(mean)
        assert not boundary.converged
        assert not boundary.infeasible
        np.testing.assert_allclose(boundary.probabilities @ DIE[:, 0], mean, atol=1e-8)
    for mean in (0.5, 6.1, 1e6):
        beyond = solve(mean)
        assert beyond.infeasible
        assert not beyond.converged
        assert np.all(np.isfinite(beyond.probabilities))


@pytest.mark.usefixtures("x64")
def test_units_and_scales_do_not_matter():
    features = np.random.default_rng(2).standard_normal((30, 3)) * np.array([1e-6, 1.0, 1e7]) + np.array([0, 5, 1e7])
    prior = np.random.default_rng(3).dirichlet(np.full(30, 0.5))
    truth = information.tilt(features, np.array([3e5, -0.4, 2e-8]), prior)
    solution = information.maximum_entropy(features, truth @ features, prior)
    assert solution.converged
    assert solution.iterations < 12
    np.testing.assert_allclose(solution.probabilities, truth, atol=1e-9)
    np.testing.assert_allclose(solution.divergence, information.kl_divergence(truth, prior), rtol=1e-7)


@pytest.mark.usefixtures("x64")
def test_zero_prior_and_slopes():
    """A state without prior weight stays empty; d entropy / dF = lam for a uniform prior; Maxwell's relation."""
    prior = np.array([0.25, 0.25, 0.0, 0.25, 0.25, 0.0])
    solution = information.maximum_entropy(DIE, np.array([3.6]), prior)
    assert solution.converged
    np.testing.assert_array_equal(np.asarray(solution.probabilities)[[2, 5]], 0)
    features = jnp.asarray(np.random.default_rng(5).standard_normal((8, 2)))
    F = jnp.array([0.1, -0.3])
    found = information.maximum_entropy(features, F)

    def parts(F):
        solution = information.maximum_entropy(features, F)
        return solution.value, solution.multipliers

    slope, slopes = jax.jit(jax.jacrev(parts))(F)
    np.testing.assert_allclose(slope, found.multipliers, rtol=1e-10)
    np.testing.assert_allclose(slopes, slopes.T, rtol=1e-10)
    covariance = np.cov(np.asarray(features).T, aweights=np.asarray(found.probabilities), ddof=0)
    np.testing.assert_allclose(slopes, -np.linalg.inv(covariance), rtol=1e-8)


@pytest.mark.usefixtures("x64")
def test_slopes_at_states_without_prior():
    """dP/dq = exp(-lam f) / Z there, also above one; the multipliers answer as difference quotients say."""
    features, prior = np.array([[0.0], [1.0], [2.0]]), np.array([0.2, 0.8, 0.0])
    slope = jax.jacfwd(lambda q: information.tilt(features, np.array([-1.5]), q))(prior)
    weights = np.exp(1.5 * features[:, 0])
    np.testing.assert_allclose(slope[2, 2], weights[2] / (prior @ weights), rtol=1e-12)

    def multiplier(q):
        return information.maximum_entropy(features, np.array([0.9]), q).multipliers[0]

    direction, h = np.array([-1.0, 0.0, 1.0]), 1e-8
    quotient = (multiplier(prior + h * direction) - multiplier(prior)) / h
    np.testing.assert_allclose(jax.jit(jax.grad(multiplier))(prior) @ direction, quotient, rtol=1e-5)


@pytest.mark.usefixtures("x64")
def test_bad_values_under_jit_have_not_converged():
    """A prior that is no distribution gives NaN, and `converged` does not claim otherwise."""
    found = jax.jit(information.maximum_entropy)(DIE, np.array([3.0]), np.full(6, 0.3))
    assert np.isnan(found.value)
    assert not found.converged


def test_single_precision():
    solution = information.maximum_entropy(np.float32(DIE), np.array([4.5], np.float32))
    assert solution.converged
    assert solution.value.dtype == jnp.float32
    np.testing.assert_allclose(solution.multipliers, [-0.371048938081], rtol=1e-5)


def test_options():
    with pytest.raises(ValueError, match="tolerance must be a positive number"):
        information.maximum_entropy(DIE, np.array([3.0]), tolerance=-1.0)
    with pytest.raises(ValueError, match="max_iterations must be at least 1"):
        information.maximum_entropy(DIE, np.array([3.0]), max_iterations=0)


@pytest.mark.usefixtures("x64")
def test_jump_stationary_distribution():
    """Against the null space of the generator; a process in two parts has none."""
    rates = np.random.default_rng(1).uniform(0, 2, (5, 5))
    law = information.jump_stationary_distribution(rates)
    off = rates - np.diag(np.diag(rates))
    np.testing.assert_allclose(law @ (off - np.diag(off.sum(axis=1))), 0, atol=1e-14)
    with pytest.raises(ValueError, match="unique stationary distribution"):
        information.jump_stationary_distribution(np.kron(np.eye(2), np.ones((2, 2))))
