"""Markov chains: closed forms, slow chains in single precision, gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from entropax import information

pytestmark = pytest.mark.usefixtures("x64")


def test_markov_chains():
    P = np.array([[0.9, 0.1], [0.4, 0.6]])
    np.testing.assert_allclose(information.stationary_distribution(P), [0.8, 0.2], rtol=1e-12)
    rate = 0.8 * scipy.stats.entropy(P[0]) + 0.2 * scipy.stats.entropy(P[1])
    np.testing.assert_allclose(information.entropy_rate(P), rate, rtol=1e-12)
    cycle = np.eye(3)[[1, 2, 0]]
    np.testing.assert_allclose(information.stationary_distribution(cycle), 1 / 3, rtol=1e-12)
    leaving = np.array([[0.5, 0.5, 0.0], [0.0, 0.2, 0.8], [0.0, 0.6, 0.4]])
    np.testing.assert_allclose(information.stationary_distribution(leaving), [0, 3 / 7, 4 / 7], atol=1e-14)
    apart = np.array([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.0, 0.5, 0.5]])
    with pytest.raises(ValueError, match="unique stationary distribution"):
        information.entropy_rate(apart)


def reflecting_walk(n, up):
    """A walk on 0 ... n - 1 that steps up with a probability and stays where a step would lead out."""
    steps = np.diag(np.full(n - 1, up), 1) + np.diag(np.full(n - 1, 1 - up), -1)
    return steps + np.diag(1 - steps.sum(axis=1))


@pytest.mark.parametrize("up", [0.5, 0.9])
def test_slow_chains_in_single_precision(up):
    """A walk of 200 states mixes in 10^4 steps or spreads over 190 decades; every probability keeps its digits."""
    pi = information.stationary_distribution(reflecting_walk(200, up).astype(np.float32))
    exact = (up / (1 - up)) ** (np.arange(200.0) - 199)
    exact /= exact.sum()
    seen = exact > 1e-30
    np.testing.assert_allclose(pi[seen], exact[seen], rtol=2e-5)
    coin = float(information.binary_entropy(up))
    rate = information.entropy_rate(reflecting_walk(200, up).astype(np.float32))
    np.testing.assert_allclose(rate, coin, rtol=1e-5)


@pytest.mark.fast
def test_uniqueness_does_not_depend_on_rounding():
    """Two wells joined by transitions far below the resolution of float32 have one stationary distribution."""
    a, b = 1e-12, 3e-12
    wells = np.array([[1 - a, a], [b, 1 - b]])
    np.testing.assert_allclose(information.stationary_distribution(wells.astype(np.float32)), [0.75, 0.25], rtol=1e-5)
    # One state is left for good and comes first: the elimination ends elsewhere.
    leaving = np.array([[0.5, 0.5, 0], [0, 1 - a, a], [0, b, 1 - b]], np.float32)
    np.testing.assert_allclose(information.stationary_distribution(leaving), [0, 0.75, 0.25], rtol=1e-5)
    assert np.isnan(jax.jit(information.entropy_rate)(np.eye(2, dtype=np.float32)))


@pytest.mark.slow
def test_gradients_of_a_slow_chain():
    """d pi = pi dP Z with the fundamental matrix Z = (I - P + 1 pi)^-1 in float64, for a walk of 60 states."""
    P, v = reflecting_walk(60, 0.5), np.random.default_rng(3).normal(size=60)
    pi = np.full(60, 1 / 60)
    Z = np.linalg.inv(np.eye(60) - P + pi)
    expected = np.outer(pi, Z @ v)
    slope = jax.grad(lambda P, v: information.stationary_distribution(P) @ v)
    for dtype, rtol in ((np.float64, 1e-10), (np.float32, 1e-5)):
        measured = slope(jnp.asarray(P, dtype), jnp.asarray(v, dtype))
        np.testing.assert_allclose(measured, expected, rtol=0, atol=rtol * np.abs(expected).max())
