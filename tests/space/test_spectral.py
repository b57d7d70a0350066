"""Calculus on periodic grids against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import space

pytestmark = pytest.mark.usefixtures("x64")


def test_derivatives_are_exact_for_resolved_waves():
    box = space.PeriodicBox(np.array([-1.0, 0.5]), np.array([2.0, 2.5]))
    grid = space.SpectralGrid(box, (16, 15))
    x, y = jnp.moveaxis(grid.points, -1, 0)
    k, q = 2 * np.pi / 3.0, 2 * np.pi / 2.0
    f = jnp.sin(3 * k * x) * jnp.cos(2 * q * y) + 0.7
    np.testing.assert_allclose(grid.derivative(f, 0), 3 * k * jnp.cos(3 * k * x) * jnp.cos(2 * q * y), atol=1e-11)
    np.testing.assert_allclose(grid.derivative(f, 1), -2 * q * jnp.sin(3 * k * x) * jnp.sin(2 * q * y), atol=1e-11)
    np.testing.assert_allclose(grid.laplacian(f), -((3 * k) ** 2 + (2 * q) ** 2) * (f - 0.7), atol=1e-10)
    np.testing.assert_allclose(grid.derivative(f, 0, order=2), -((3 * k) ** 2) * (f - 0.7), atol=1e-10)
    np.testing.assert_allclose(grid.integral(f), 0.7 * 6.0, rtol=1e-12)
    np.testing.assert_allclose(grid.dealias(f), f, atol=1e-12)
    high = jnp.cos(7 * k * x)
    np.testing.assert_allclose(grid.dealias(high), 0.0, atol=1e-12)
    np.testing.assert_allclose(grid.derivative(jnp.stack([f, 2 * f]), 0)[1], 2 * grid.derivative(f, 0), atol=1e-10)


@pytest.mark.parametrize("dim", [1, 3])
def test_other_dimensions(dim):
    grid = space.SpectralGrid(space.PeriodicBox(np.zeros(dim), np.full(dim, 2 * np.pi)), (8,) * dim)
    x = grid.points[..., 0]
    np.testing.assert_allclose(grid.derivative(jnp.sin(2 * x), 0), 2 * jnp.cos(2 * x), atol=1e-12)
    wave = jnp.exp(1j * x)
    np.testing.assert_allclose(grid.derivative(wave, 0), 1j * wave, atol=1e-12)
    # The unpaired highest wave has no odd derivative.
    np.testing.assert_allclose(grid.derivative(jnp.cos(4 * x), 0), 0.0, atol=1e-12)
    with pytest.raises(ValueError, match="shape must have one entry an axis"):
        space.SpectralGrid(grid.box, (8,) * (dim + 1))


@pytest.mark.fast
def test_orders_and_fractions():
    """Four derivatives of a wave under strict promotion; a fraction outside (0, 1] raises, traced it gives NaN."""
    grid = space.SpectralGrid(space.PeriodicBox(np.zeros(1), np.full(1, 2 * np.pi)), (8,))
    f = jnp.sin(2 * grid.points[..., 0])
    with jax.numpy_dtype_promotion("strict"):
        for order, expected in enumerate((2 * jnp.cos(2 * grid.points[..., 0]), -4 * f), start=1):
            np.testing.assert_allclose(grid.derivative(f, order=order), expected, atol=1e-12)
            np.testing.assert_allclose(grid.derivative(f, order=order + 2), -4 * expected, atol=1e-11)
    for fraction in (-1.0, 0.0, 1.5, np.nan):
        with pytest.raises(ValueError, match=r"fraction must be in \(0, 1\], got"):
            grid.dealias(f, fraction=fraction)
    value, slope = jax.jit(jax.value_and_grad(lambda f, c: jnp.sum(grid.dealias(f, fraction=c))))(f, -1.0)
    assert np.isnan(value)
    assert np.isnan(slope).all()
