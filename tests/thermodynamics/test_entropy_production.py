import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from entropax.simulators import LinearLangevin
from entropax.thermodynamics import (
    linear_entropy_production,
    medium_entropy_production,
    probability_flow_velocity,
    score_free_entropy_production,
    system_entropy_production,
    total_entropy_production,
)
from tests.contract.harness import without_shape_hook

THREE = np.array([[1, 0.6, 0], [0, 2, -0.5], [0.3, 0, 1.5]])
D3 = np.array([0.5, 1.0, 0.25])


def phase(seed: int) -> jax.Array:
    """A configuration of three swimmers in the plane, or a field on it."""
    return jnp.asarray(np.random.default_rng(seed).standard_normal((2, 3, 2)))


@pytest.mark.fast
def test_rates_are_their_sums(x64):
    """v D^-1 v, b D^-1 v and -v s from numpy, in all, per particle and per degree of freedom."""
    b, s, D = phase(0), phase(1), jnp.asarray([0.2, 0.7]).reshape(2, 1, 1)
    v = probability_flow_velocity(b, s, D)
    np.testing.assert_allclose(v, np.asarray(b) - np.asarray(D) * np.asarray(s), rtol=1e-14)
    terms = {
        "total": np.asarray(v) ** 2 / np.asarray(D),
        "medium": np.asarray(b) * np.asarray(v) / np.asarray(D),
        "system": -np.asarray(v) * np.asarray(s),
    }
    for axis, shape in ((None, ()), ((0, 2), (3,)), ((1, 2), (2,)), ((), (2, 3, 2)), (-1, (2, 3))):
        axes = tuple(range(3)) if axis is None else axis
        rates = {
            "total": total_entropy_production(v, D, axis=axis),
            "medium": medium_entropy_production(b, v, D, axis=axis),
            "system": system_entropy_production(v, s, axis=axis),
        }
        for name, rate in rates.items():
            assert rate.shape == shape
            np.testing.assert_allclose(rate, terms[name].sum(axis=axes), rtol=1e-13)
        np.testing.assert_allclose(rates["total"], rates["medium"] + rates["system"], rtol=1e-12, atol=1e-13)


@pytest.mark.fast
def test_without_noise_the_total_rate_is_refused_but_the_g_part_is_not():
    """eps = 0: an error that names the way out, NaN when traced; the rate of the propulsions alone is finite."""
    v, D = phase(2), jnp.asarray([0.0, 0.7]).reshape(2, 1, 1)
    with pytest.raises(ValueError, match=r"diffusion must be positive.*for swimmers the g part\), got 0.0"):
        total_entropy_production(v, D)
    with pytest.raises(ValueError, match="for swimmers the g part"):
        medium_entropy_production(v, v, D)
    value, gradient = jax.jit(jax.value_and_grad(total_entropy_production))(v, D)
    assert np.isnan(value)
    assert np.isnan(gradient).all()
    assert np.isfinite(total_entropy_production(v[1], D[1]))


def test_mean_identities_on_a_linear_system(getkey, x64):
    """With the exact score E[total], E[medium] and the score-free mean equal the closed form, E[system] = 0 (4 s.e.).

    8000 exact draws; a wrong factor of two in any term would be off by more than 20 standard errors.
    """
    A, D = jnp.asarray(THREE), jnp.asarray(D3)
    system = LinearLangevin(A, D, dt=1.0)
    x = system.init(key=getkey(), shape=(8000,))
    b, s = system.drift(x), -x @ jnp.linalg.inv(system.stationary_covariance())
    v = jax.vmap(lambda b, s: probability_flow_velocity(b, s, D))(b, s)
    closed = float(linear_entropy_production(A, D))
    total = jax.vmap(lambda v: total_entropy_production(v, D))(v)
    medium = jax.vmap(lambda b, v: medium_entropy_production(b, v, D))(b, v)
    internal = jax.vmap(system_entropy_production)(v, s)
    error = np.std(np.asarray([total, medium, internal]), axis=1) / np.sqrt(8000)
    # For linear systems v . s vanishes at every state, so that the last error is rounding.
    off = np.abs(np.mean(np.asarray([total - closed, medium - closed, internal]), axis=1))
    assert np.all(off < 4 * error + 1e-12)
    free = score_free_entropy_production(b, jnp.full(8000, -jnp.trace(A)), D)
    assert abs(free.value - closed) < 4 * free.standard_error
    assert 0.01 < free.standard_error < 0.1


def test_score_free_rate_sums_terms_of_the_divergence(x64):
    """Terms of div b may come per coordinate; the value is the plain formula."""
    b = jnp.stack([phase(seed) for seed in range(4)])
    slopes = jnp.stack([phase(seed) for seed in range(4, 8)])
    D = jnp.asarray([0.2, 0.7]).reshape(2, 1, 1)
    expected = np.sum(np.asarray(b) ** 2 / np.asarray(D), axis=(1, 2, 3)) + np.sum(np.asarray(slopes), axis=(1, 2, 3))
    for divergence in (slopes, jnp.sum(slopes, axis=(1, 2, 3))):
        estimate = score_free_entropy_production(b, divergence, D)
        np.testing.assert_allclose(estimate.value, expected.mean(), rtol=1e-13)
        np.testing.assert_allclose(estimate.standard_error, expected.std(ddof=1) / 2, rtol=1e-12)


@pytest.mark.fast
def test_linear_rate_of_detailed_balance_is_zero(x64):
    """A = D K with symmetric K is an equilibrium: zero to rounding, whatever the potential."""
    rng = np.random.default_rng(3)
    root = rng.standard_normal((4, 4))
    D = np.diag(rng.uniform(0.2, 2.0, 4))
    A = D @ (root @ root.T + np.eye(4))
    assert abs(float(linear_entropy_production(A, np.diag(D)))) < 1e-11
    assert abs(float(linear_entropy_production(A, D))) < 1e-11


def test_linear_rate_against_scipy_with_a_full_diffusion_matrix(x64):
    """tr(A^T D^-1 A S) - tr A with scipy's S; it does not depend on the coordinates it is written in."""
    rng = np.random.default_rng(5)
    root = rng.standard_normal((3, 3))
    D = root @ root.T + 0.5 * np.eye(3)
    S = scipy.linalg.solve_continuous_lyapunov(THREE, 2 * D)
    expected = np.trace(THREE.T @ np.linalg.solve(D, THREE @ S)) - np.trace(THREE)
    np.testing.assert_allclose(linear_entropy_production(THREE, D), expected, rtol=1e-12)
    T = rng.standard_normal((3, 3)) + 2 * np.eye(3)
    moved = linear_entropy_production(T @ THREE @ np.linalg.inv(T), T @ D @ T.T)
    np.testing.assert_allclose(moved, expected, rtol=1e-10)


def test_linear_rate_differentiates(x64):
    """d/dv0 of the trapped swimmer's rate v0^2 gamma / (eps (A + gamma)) in closed form, both modes."""
    a, eps, gamma, v0 = 0.7, 0.2, 0.3, 0.5

    def rate(v0):
        A = jnp.asarray([[a, 0.0], [0.0, gamma]]) - v0 * jnp.asarray([[0.0, 1.0], [0.0, 0.0]])
        return linear_entropy_production(A, jnp.asarray([eps, gamma]))

    expected = 2 * v0 * gamma / (eps * (a + gamma))
    np.testing.assert_allclose([jax.grad(rate)(v0), jax.jacfwd(rate)(v0)], [expected, expected], rtol=1e-12)
    np.testing.assert_allclose(jax.hessian(rate)(v0), expected / v0, rtol=1e-10)


@pytest.mark.fast
def test_bad_arguments_are_refused():
    v, D = phase(2), jnp.ones((2, 1, 1))
    with without_shape_hook():
        with pytest.raises(ValueError, match="diffusion must be broadcastable"):
            total_entropy_production(v, jnp.ones(3))
        with pytest.raises(ValueError, match="axis must name axes of an array with 3 axes, got 3"):
            total_entropy_production(v, D, axis=3)
        with pytest.raises(ValueError, match="velocity must have the shape of drift"):
            medium_entropy_production(v, v[0], D)
        with pytest.raises(ValueError, match="drift_matrix must be stable"):
            linear_entropy_production(-jnp.eye(2), jnp.ones(2))
        with pytest.raises(ValueError, match="for swimmers the g part"):
            linear_entropy_production(jnp.eye(2), jnp.asarray([0.0, 1.0]))
        with pytest.raises(ValueError, match="diffusion must be symmetric and positive definite"):
            linear_entropy_production(jnp.eye(2), jnp.ones((2, 2)))
