"""What the benchmark of chaotic systems must satisfy: exponents, dimensions and errors (arXiv 2110.05266)."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from entropax import metrics, observables

FILE_LORENZ = np.array([1.0910931847726466, 0.02994120961308413, -14.915552395875103])


class Lorenz(eqx.Module):
    sigma: jax.Array = eqx.field(converter=jnp.asarray, default=10.0)
    rho: jax.Array = eqx.field(converter=jnp.asarray, default=28.0)
    beta: jax.Array = eqx.field(converter=jnp.asarray, default=2.667)

    def __call__(self, t, y):
        return jnp.stack([self.sigma * (y[1] - y[0]), y[0] * (self.rho - y[2]) - y[1], y[0] * y[1] - self.beta * y[2]])


class Rossler(eqx.Module):
    def __call__(self, t, y):
        return jnp.stack([-y[1] - y[2], y[0] + 0.2 * y[1], 0.2 + y[2] * (y[0] - 5.7)])


def spectra(field, starts, dt, num_steps, transient):
    """Exponents over several starts at once: their mean and its standard error."""
    run = jax.jit(
        jax.vmap(lambda y: observables.lyapunov_spectrum(field, y, dt, num_steps=num_steps, transient=transient).value)
    )
    values = np.asarray(run(starts))
    return values.mean(axis=0), values.std(axis=0, ddof=1) / len(values) ** 0.5


@pytest.fixture(scope="module")
def lorenz_exponents():
    with jax.enable_x64(True):
        starts = np.array([-9.7869288, -15.03852, 20.533978]) + np.random.default_rng(0).normal(size=(16, 3))
        return spectra(Lorenz(), jnp.asarray(starts), 0.01, 20_000, 2_000)


def test_lorenz_exponents(lorenz_exponents) -> None:
    """Lorenz with beta = 2.667 has exponents .9085, 0 and -14.5756 within .005, over 3200 units of time.

    The sum is the divergence, -(sigma + 1 + beta) = -13.667 to the error of the step, 1.0e-4 at a step of 0.01 and 16
    times less at half of it.
    """
    value, error = lorenz_exponents
    assert error.max() < 0.004
    np.testing.assert_allclose(value, [0.9085, 0.0, -14.5756], atol=0.005)
    np.testing.assert_allclose(value.sum(), -13.667, rtol=0, atol=1.2e-4)


def test_lorenz_dimension(lorenz_exponents) -> None:
    """The Kaplan-Yorke dimension of Lorenz is 2.0623."""
    with jax.enable_x64(True):
        np.testing.assert_allclose(observables.kaplan_yorke_dimension(lorenz_exponents[0]), 2.0623, atol=4e-4)


@pytest.mark.slow
def test_rossler_exponents(x64) -> None:
    """Rossler has exponents .0719, 0 and -5.3965 within .003 and the Kaplan-Yorke dimension 2.0133."""
    starts = np.array([6.5134412, 0.4772013, 0.34164294]) + 0.1 * np.random.default_rng(1).normal(size=(16, 3))
    value, error = spectra(Rossler(), jnp.asarray(starts), 0.02, 160_000, 5_000)
    assert error.max() < 0.002
    np.testing.assert_allclose(value, [0.0719, 0.0, -5.3965], atol=0.003)
    np.testing.assert_allclose(observables.kaplan_yorke_dimension(value), 2.0133, atol=6e-4)


@pytest.mark.fast
def test_file_values_miss_the_trace() -> None:
    """The file's Lorenz spectrum misses the divergence -13.667 by one percent: annotations are estimates."""
    assert 0.005 < abs(FILE_LORENZ.sum() / -13.667 - 1) < 0.015


@pytest.mark.fast
@pytest.mark.parametrize(
    ("exponents", "dimension"),
    [
        ((0.9056, 0.0, -14.5723), 2.062145303),
        ((0.1, 0.05, 0.0, -2.0), 3.075),
        (tuple(FILE_LORENZ), 2.075158758),
        ((0.5, 0.0, -0.5), 3.0),
        ((-0.5, 0.0, 0.5), 3.0),
        ((-0.1, -0.2, -0.3), 0.0),
    ],
)
def test_kaplan_yorke(exponents, dimension, x64) -> None:
    """(.9056, 0, -14.5723) gives 2.062145303, (.1, .05, 0, -2) 3.075, and the file's Lorenz spectrum 2.075158758.

    A flow that keeps volumes has all dimensions, a sink none.
    """
    np.testing.assert_allclose(observables.kaplan_yorke_dimension(np.array(exponents)), dimension, atol=6e-10)


@pytest.mark.fast
def test_pesin_entropy(x64) -> None:
    """The Pesin entropy of the file's Lorenz spectrum is 1.121034394, the sum of its positive exponents."""
    np.testing.assert_allclose(observables.pesin_entropy(FILE_LORENZ), 1.121034394, atol=6e-10)


@pytest.mark.fast
def test_smape(x64) -> None:
    """(1, 2, 3) against (1.5, 2, 2) is 26.6666667 of 200, in either order; 0 for equality, 200 for a flipped sign."""
    y, f = np.array([1.0, 2.0, 3.0]), np.array([1.5, 2.0, 2.0])
    both = np.stack([y, f, y, y]), np.stack([f, y, y, -y])
    np.testing.assert_allclose(metrics.smape(*both), [80 / 3, 80 / 3, 0, 200], atol=1e-12)


def test_correlation_dimension_of_samples(x64) -> None:
    """2000 points uniform on a line have dimension 1 within .1, in a square 2 within .15; soft counts agree."""
    u = np.random.default_rng(2).random((2000, 2))
    line = np.stack([u[:, 0], 0 * u[:, 0]], axis=1)
    for points, dimension, allowed in ((line[:, :1], 1, 0.1), (u, 2, 0.15)):
        hard = observables.correlation_dimension(points, num_radii=8)
        np.testing.assert_allclose(hard.value, dimension, atol=allowed)
    soft = observables.correlation_dimension(u, num_radii=8, temperature=0.02)
    np.testing.assert_allclose(soft.value, hard.value, atol=0.02)


def test_correlation_dimension_of_lorenz(x64) -> None:
    """5000 points of Lorenz have the correlation dimension 2.05 within .1."""
    rates = lambda t, y: [10 * (y[1] - y[0]), y[0] * (28 - y[2]) - y[1], y[0] * y[1] - 8 / 3 * y[2]]  # noqa: E731
    times = np.linspace(20, 1020, 5000)
    points = solve_ivp(rates, (0, 1020), [1.0, 1.0, 20.0], "DOP853", times, rtol=1e-8, atol=1e-8).y.T
    found = observables.correlation_dimension(points, lower=0.1, upper=0.5, num_radii=12)
    np.testing.assert_allclose(found.value, 2.05, atol=0.1)
    assert found.residual < 0.05
