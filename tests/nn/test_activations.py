"""Entire activations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from entropax import nn
from tests.contract.harness import without_shape_hook


@pytest.mark.fast
def test_ria_is_relu_averaged_over_noise(x64):
    """Against scipy's quadrature of E max(x + noise, 0), noise of width 1 / beta."""
    for x, beta in ((-1.0, 0.5), (0.3, 2.0), (2.0, 1.0)):
        weighted = lambda u, x=x, width=1 / beta: u * stats.norm.pdf(u, x, width)  # noqa: E731
        average, _ = integrate.quad(weighted, 0, x + 12 / beta, epsabs=1e-13)
        np.testing.assert_allclose(nn.ria(x, beta), average, rtol=1e-9)


@pytest.mark.fast
def test_ria_limits_and_slopes(x64):
    """Above ReLU and towards it as beta grows; slopes in both arguments are Phi(beta x) and -phi(beta x) / beta^2."""
    x = jnp.linspace(-3, 3, 13)
    gaps = [nn.ria(x, beta) - jax.nn.relu(x) for beta in (1.0, 10.0, 1000.0)]
    assert np.all(gaps[0] > 0)
    assert np.max(gaps[2]) < 5e-4
    slopes = jax.vmap(jax.grad(nn.ria, argnums=(0, 1)), in_axes=(0, None))(x, 1.7)
    np.testing.assert_allclose(slopes[0], stats.norm.cdf(1.7 * x), rtol=1e-13)
    np.testing.assert_allclose(slopes[1], -stats.norm.pdf(1.7 * x) / 1.7**2, rtol=1e-13)


@pytest.mark.fast
def test_gauss_glu(x64):
    """Value times Phi(beta gate): GELU where both are the same; a linear unit for an open gate."""
    x = jnp.linspace(-3, 3, 7)
    np.testing.assert_allclose(nn.gauss_glu(x, x), jax.nn.gelu(x, approximate=False), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(nn.gauss_glu(x, jnp.full(7, 2.0), 10.0), x, rtol=1e-12)
    for bad, words in (((x, x[:2]), "gate must have the shape of value"), ((x, x, -1.0), "beta must be positive")):
        with without_shape_hook(), pytest.raises(ValueError, match=words):
            nn.gauss_glu(*bad)
    with pytest.raises(ValueError, match="beta must be positive"):
        nn.ria(x, 0.0)
