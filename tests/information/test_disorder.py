"""Disequilibrium and the complexity of Lopez-Ruiz, Mancini and Calbet."""

import math

import numpy as np
import pytest

from entropax import information


@pytest.mark.fast
def test_closed_forms(x64):
    n = 8
    uniform, sure = np.full(n, 1 / n), np.eye(n)[2]
    two = np.array([0.5, 0.5] + [0.0] * (n - 2))
    np.testing.assert_allclose(information.disequilibrium(np.stack([uniform, sure])), [0, 1 - 1 / n], atol=1e-15)
    np.testing.assert_allclose(information.lmc_complexity(np.stack([uniform, sure])), 0, atol=1e-15)
    expected = math.log(2) / math.log(n) * (1 / 2 - 1 / n)
    np.testing.assert_allclose(information.lmc_complexity(two), expected, rtol=1e-13)
    np.testing.assert_allclose(information.lmc_complexity(two, rescaled=True), n * expected, rtol=1e-13)


@pytest.mark.fast
def test_disequilibrium_is_the_collision_probability_less_uniforms(x64):
    p = np.random.default_rng(1).dirichlet(np.ones(6), size=3)
    collision = np.exp(-np.asarray([information.renyi_entropy(row, 2.0) for row in p]))
    np.testing.assert_allclose(information.disequilibrium(p), collision - 1 / 6, rtol=1e-12)
