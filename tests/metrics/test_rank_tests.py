"""Rank tests against scipy and pairwise definitions."""

import jax
import numpy as np
import pytest
import scipy.stats

from entropax import metrics

RNG = np.random.default_rng(0)
A, B, C = (RNG.normal(size=n).round(1) + m for n, m in ((40, 0.0), (25, 0.5), (30, 0.2)))  # with ties


@pytest.mark.fast
def test_cliffs_delta_is_its_definition(x64):
    expected = np.mean(np.sign(A[:, None] - B[None, :]))
    np.testing.assert_allclose(metrics.cliffs_delta(A, B), expected, rtol=1e-12)
    np.testing.assert_allclose(metrics.cliffs_delta(B, A), -expected, rtol=1e-12)
    np.testing.assert_allclose(metrics.cliffs_delta(A, A), 0, atol=1e-15)
    np.testing.assert_allclose(metrics.cliffs_delta(A + 9, B), 1, rtol=1e-12)


def test_relaxed_cliffs_delta(x64):
    """It tends to the hard form, and equals its formula at any temperature."""
    np.testing.assert_allclose(metrics.cliffs_delta(A, B, temperature=1e-4), metrics.cliffs_delta(A, B), atol=1e-12)
    expected = np.mean(np.tanh((A[:, None] - B[None, :]) / 0.6))
    np.testing.assert_allclose(metrics.cliffs_delta(A, B, temperature=0.3), expected, rtol=1e-12)


def test_kruskal_wallis_is_scipys(x64):
    ours, theirs = metrics.kruskal_wallis(A, B, C), scipy.stats.kruskal(A, B, C)
    np.testing.assert_allclose([ours.value, ours.p_value], theirs, rtol=1e-10)
    assert ours.degrees == 2
    continuous = [RNG.normal(size=n) for n in (8, 13)]
    np.testing.assert_allclose(
        metrics.kruskal_wallis(*continuous).value, scipy.stats.kruskal(*continuous)[0], rtol=1e-10
    )
    soft = metrics.kruskal_wallis(*continuous, temperature=1e-5)
    np.testing.assert_allclose(soft.value, metrics.kruskal_wallis(*continuous).value, rtol=1e-8)


def test_kruskal_wallis_keeps_its_size():
    """Under the null hypothesis p-values below 5% come in 5% of samples: 400 samples of 3 x 20, a two-sided binomial
    test of size 0.001, which notices a true rate below 1.5% or above 10% with power 0.95."""
    groups = np.random.default_rng(7).normal(size=(400, 3, 20)).astype(np.float32)
    p = jax.jit(jax.vmap(lambda g: metrics.kruskal_wallis(g[0], g[1], g[2]).p_value))(groups)
    hits = int(np.sum(np.asarray(p) < 0.05))
    assert scipy.stats.binomtest(hits, 400, 0.05).pvalue > 0.001


@pytest.mark.fast
def test_what_is_refused():
    with pytest.raises(ValueError, match="samples must be two or more"):
        metrics.kruskal_wallis(A)
    with pytest.raises(ValueError, match="must not all be equal"):
        metrics.kruskal_wallis(np.ones(3), np.ones(4))
