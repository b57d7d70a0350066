"""pass@k and policies against combinatorics, simulation and the conditions of an optimum."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import metrics


def test_pass_at_k_is_a_ratio_of_binomials():
    for n, k in ((10, 1), (10, 4), (10, 10), (300, 128)):
        c = np.arange(0, n + 1, max(1, n // 10))
        exact = [1 - math.comb(n - x, k) / math.comb(n, k) for x in c.tolist()]
        np.testing.assert_allclose(metrics.pass_at_k(c, num_samples=n, k=k), exact, rtol=2e-5, atol=1e-7)


@pytest.mark.usefixtures("x64")
def test_one_estimate_is_unbiased_and_the_other_too_low():
    """The exact mean over all counts of a binomial with p = 0.2, n = 12, k = 5."""
    n, k, p = 12, 5, 0.2
    c = np.arange(n + 1)
    weights = np.array([math.comb(n, x) * p**x * (1 - p) ** (n - x) for x in c.tolist()])

    def mean(unbiased):
        return float(weights @ np.asarray(metrics.pass_at_k(c, num_samples=n, k=k, unbiased=unbiased)))

    np.testing.assert_allclose(mean(True), metrics.answer_coverage(p, float(k)), rtol=1e-12)
    assert mean(False) < mean(True) - 0.02


def test_policies_satisfy_the_conditions_of_an_optimum():
    """On the candidates in use N a (1 - q)^(N - 1) is equal, and elsewhere not above; q is a distribution."""
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        a = rng.dirichlet(np.full(30, 0.3), 20)
        for n in (1.5, 2.0, 7.0, 1000.0):
            q = np.asarray(metrics.optimal_pass_at_n_policy(a, n))
            np.testing.assert_allclose(q.sum(axis=-1), 1, rtol=1e-10)
            assert q.min() >= 0
            gain = a * (1 - q) ** (n - 1)
            price = np.where(q > 0, gain, 0).max(axis=-1, keepdims=True)
            assert np.all(np.where(q > 1e-9, np.abs(gain / price - 1) < 1e-7, gain <= price * (1 + 1e-7)))


def test_one_attempt_goes_to_the_likeliest_and_impossible_candidates_get_none():
    np.testing.assert_array_equal(metrics.optimal_pass_at_n_policy(np.array([0.2, 0.4, 0.4]), 1.0), [0, 0.5, 0.5])
    many = metrics.optimal_pass_at_n_policy(np.array([0.5, 0.0, 0.5], np.float32), 1e6)
    np.testing.assert_array_equal(many, [0.5, 0, 0.5])
    slope = jax.grad(lambda a, n: metrics.optimal_pass_at_n_policy(a, n)[0], argnums=0)
    for n in (1.0, 1.001, 3.0):
        assert np.isfinite(slope(jnp.array([0.5, 0.0, 0.3]), n)).all()


def test_coverage_at_its_ends():
    np.testing.assert_array_equal(metrics.answer_coverage(np.array([0.0, 1.0]), 5.0), [0, 1])
    assert jax.grad(metrics.answer_coverage)(1.0, 5.0) == 0
    assert jax.grad(metrics.answer_coverage)(1.0, 1.0) == 1
    with pytest.raises(ValueError, match="k must be at least 1 and at most 10, got 11"):
        metrics.pass_at_k(3, num_samples=10, k=11)


@pytest.mark.fast
def test_half_precision_is_rounded_once():
    p = jnp.asarray([0.001, 0.01, 0.3], jnp.bfloat16)
    exact = metrics.answer_coverage(p.astype(jnp.float32), 257.0)  # 257 is none of bfloat16's numbers
    np.testing.assert_array_equal(metrics.answer_coverage(p, 257.0), exact.astype(jnp.bfloat16))
