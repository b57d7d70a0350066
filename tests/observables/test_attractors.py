"""Exponents and dimensions where they are known, gradients through long orbits, and pairs written out."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import estimators, observables


class Linear(eqx.Module):
    matrix: jax.Array

    def __call__(self, t, y):
        return self.matrix @ y


class Driven(eqx.Module):
    """Depends on time: dy/dt = cos(t) y, whose growth from t_0 to t is exp(sin t - sin t_0)."""

    def __call__(self, t, y):
        return jnp.cos(t) * y


def test_linear_flow(x64) -> None:
    """Exponents are the real parts of eigenvalues, and the gradient of their sum by the matrix is the identity."""
    matrix = jnp.array([[0.1, -2.0, 0.3], [2.0, 0.1, 0.0], [0.0, 0.0, -0.7]])

    def run(matrix):
        found = observables.lyapunov_spectrum(
            Linear(matrix), jnp.array([1e-3, 0.0, 1e-3]), 0.01, num_steps=4000, transient=1000
        )
        return jnp.sum(found.value), found

    (_, found), slope = jax.jit(jax.value_and_grad(run, has_aux=True))(matrix)
    np.testing.assert_allclose(found.value, [0.1, 0.1, -0.7], atol=2e-3)
    np.testing.assert_allclose(slope, np.eye(3), atol=1e-6)


def test_time_matters(x64) -> None:
    """From t = 1 over 2 units the exponent is (sin 3 - sin 1) / 2."""
    value = observables.maximum_lyapunov_exponent(Driven(), jnp.ones(1), 0.01, num_steps=200, time=1.0)
    np.testing.assert_allclose(value, (np.sin(3) - np.sin(1)) / 2, atol=1e-9)


@pytest.mark.slow
def test_memory_of_a_long_gradient() -> None:
    """Reverse mode through 10,000 steps of 64 orbits takes less than 2 GiB."""

    def total(matrix, starts):
        run = lambda y: observables.maximum_lyapunov_exponent(Linear(matrix), y, 0.01, num_steps=10_000)  # noqa: E731
        return jnp.mean(jax.vmap(run)(starts))

    compiled = jax.jit(jax.grad(total)).lower(jnp.eye(3), jnp.ones((64, 3))).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 2**31


def test_pairs_written_out(x64) -> None:
    """Counts and soft counts are the sums over all pairs, with and without Theiler's window."""
    x = np.random.default_rng(0).normal(size=(600, 2))  # more than one tile
    apart = np.linalg.norm(x[:, None] - x[None], axis=2)
    radii = np.array([0.3, 1.0])
    for window in (0, 3):
        i, j = np.indices(apart.shape)
        some = apart[np.abs(i - j) > window]
        found = observables.correlation_sums(x, radii, theiler=window)
        np.testing.assert_allclose(found, [(some < r).mean() for r in radii], rtol=1e-12)
        soft = observables.correlation_sums(x, radii, theiler=window, temperature=0.2)
        np.testing.assert_allclose(soft, [(1 / (1 + (some / r) ** 5)).mean() for r in radii], rtol=1e-9)


@pytest.mark.fast
def test_coinciding_points_are_near() -> None:
    """Points that coincide are a pair at every radius, hard and soft, with a finite gradient."""
    x = jnp.zeros((3, 2)).at[2].set(5.0)
    hard = observables.correlation_sums(x, jnp.array([0.1]))
    value, slope = jax.value_and_grad(lambda x: observables.correlation_sums(x, jnp.array([0.1]), temperature=0.05)[0])(
        x
    )
    np.testing.assert_allclose([hard[0], value], 1 / 3, rtol=1e-6)
    assert np.isfinite(slope).all()


def test_multiscale_entropy_of_a_trajectory(x64) -> None:
    """The median over coordinates of the trapezoidal area of their composite entropies over the number of scales."""
    x = np.random.default_rng(1).normal(size=(60, 3)).cumsum(axis=0)
    curves = [estimators.composite_multiscale_entropy((c - c.mean()) / c.std(), 0.2, scales=range(1, 6)) for c in x.T]
    expected = np.median([np.trapezoid(curve) / 5 for curve in curves])
    np.testing.assert_allclose(observables.attractor_multiscale_entropy(x), expected, rtol=1e-9)
