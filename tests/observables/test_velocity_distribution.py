"""Entropies of velocity distributions against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax.observables import kinetic_entropy, negative_mass


@pytest.mark.fast
def test_kinetic_entropy_of_maxwellians(x64):
    """S = n [(d/2) log(2 pi e T) - log n] in one dimension, and its gradient -(log f + 1) dv."""
    n, T, h = 0.7, 1.3, 0.05
    v = np.arange(-14, 14, h)
    f = n * np.exp(-(v**2) / (2 * T)) / np.sqrt(2 * np.pi * T)
    np.testing.assert_allclose(kinetic_entropy(f, h), n * (np.log(2 * np.pi * np.e * T) / 2 - np.log(n)), rtol=1e-12)
    np.testing.assert_allclose(jax.grad(kinetic_entropy)(jnp.asarray(f), h), -(np.log(f) + 1) * h, rtol=1e-12)


@pytest.mark.fast
def test_negative_values_are_counted_not_clipped(x64):
    """They leave the entropy of the rest alone, are summed by `negative_mass`, and have finite gradients."""
    f = jnp.array([0.5, -0.01, 0.0, 0.25, -0.002])
    np.testing.assert_allclose(kinetic_entropy(f, 0.5), -0.5 * (0.5 * np.log(0.5) + 0.25 * np.log(0.25)), rtol=1e-14)
    np.testing.assert_allclose(negative_mass(f, 0.5), 0.006, rtol=1e-14)
    np.testing.assert_array_equal(jax.grad(negative_mass)(f, 0.5), [0, -0.5, 0, 0, -0.5])
    assert np.isfinite(jax.grad(kinetic_entropy)(f, 0.5)).all()
