"""Entropy of the gas, classes of cores, and the fit of profiles."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize

from entropax.applications import clusters
from tests.contract.harness import without_shape_hook

pytestmark = pytest.mark.usefixtures("x64")
R = np.geomspace(6, 700, 24)


@pytest.mark.fast
def test_specific_entropy_is_heat_over_temperature():
    """At constant density d s = (3/2) dT / T: the first law."""
    s = clusters.specific_gas_entropy(clusters.gas_entropy(np.array([3.0, 3.3]), 0.02))
    assert float(s[1] - s[0]) == pytest.approx(1.5 * np.log(1.1), rel=1e-12)


@pytest.mark.fast
def test_a_soft_aperture_tends_to_the_sharp_one():
    rng = np.random.default_rng(0)
    r, K, m = rng.uniform(0, 40, 60), rng.uniform(5, 90, 60), rng.uniform(1, 2, 60)
    for mean in ("mass", "log"):
        sharp = float(clusters.central_entropy(r, K, m, 1000.0, mean=mean))
        off = [
            abs(float(clusters.central_entropy(r, K, m, 1e3, mean=mean, temperature=s)) - sharp) for s in (0.3, 1e-6)
        ]
        assert off[0] > 1e-3
        assert off[1] < 1e-8
    inside = r <= 12
    assert sharp == pytest.approx(np.exp(np.average(np.log(K[inside]), weights=m[inside])), rel=1e-12)


@pytest.mark.fast
def test_a_soft_aperture_without_a_cell_has_the_value_of_the_nearest():
    """All sigmoids are zero in float32 there; a sharp one refuses, as both do without any cell."""
    r, K, m = (np.asarray(x, np.float32) for x in ([20, 30, 40], [10, 20, 30], [1, 2, 3]))
    for mean in ("mass", "log"):
        soft = lambda K, mean=mean: clusters.central_entropy(r, K, m, 1000.0, mean=mean, temperature=1e-3)  # noqa: E731
        value, slope = jax.value_and_grad(soft)(K)
        assert float(value) == pytest.approx(10, rel=1e-6)
        np.testing.assert_allclose(slope, [1, 0, 0], rtol=1e-6)
    with pytest.raises(ValueError, match=r"a cell within the aperture, got the nearest at 1.67 of it"):
        clusters.central_entropy(r, K, m, 1000.0)
    none = np.zeros(0)
    for temperature in (None, 0.1):
        with pytest.raises(ValueError, match=r"radii must have shape \(n,\) with n >= 1, got \(0,\)"):
            clusters.central_entropy(none, none, none, 1000.0, temperature=temperature)


@pytest.mark.fast
def test_soft_classes_tend_to_the_classes():
    K = np.array([3, 21.9, 22.1, 60, 149, 151, 4000.0])
    for temperature in (0.5, 1e-4):
        weights = clusters.soft_core_states(K, temperature=temperature)
        np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-14)
        assert (np.asarray(weights) >= 0).all()
    hard = np.asarray(clusters.classify_core(K).value)
    np.testing.assert_allclose(weights, np.eye(3)[hard], atol=1e-12)


@pytest.mark.fast
def test_classes_say_what_was_no_entropy():
    found = jax.jit(clusters.classify_core)(np.array([10.0, -1.0, np.nan]))
    np.testing.assert_array_equal(found.valid, [True, False, False])
    with pytest.raises(ValueError, match=r"limits must be positive and increase, got \(5, 2\)"):
        clusters.classify_core(3.0, limits=(5, 2))
    with (
        without_shape_hook(),
        pytest.raises(ValueError, match="by must be one of 'entropy', 'cooling_time', got 'mass'"),
    ):
        clusters.classify_core(3.0, by="mass")


def test_fit_is_that_of_scipy():
    """Values, covariances with and without given errors, against curve_fit in log K."""
    rng = np.random.default_rng(4)
    errors = rng.uniform(0.02, 0.1, R.size)
    K = np.asarray(clusters.entropy_profile(R, 18.0, 150.0, 1.15)) * np.exp(errors * rng.standard_normal(R.size))

    def model(r, K0, K100, alpha):
        return np.log(K0 + K100 * (r / 100) ** alpha)

    for given in (None, errors):
        fit = clusters.fit_entropy_profile(R, K, relative_error=given)
        value, covariance = optimize.curve_fit(
            model, R, np.log(K), (10, 100, 1), sigma=given, absolute_sigma=given is not None, xtol=1e-13, ftol=1e-13
        )
        assert bool(fit.converged)
        np.testing.assert_allclose(fit.value, value, rtol=2e-6)
        np.testing.assert_allclose(fit.covariance, covariance, rtol=2e-3)  # scipy's slopes are differences
        np.testing.assert_allclose(fit.standard_error, np.sqrt(np.diag(fit.covariance)), rtol=1e-12)
    pull = (np.asarray(fit.value) - [18.0, 150.0, 1.15]) / np.asarray(fit.standard_error)
    assert np.abs(pull).max() < 3.5


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fits_one_by_one_converge(dtype):
    """30 profiles with noise of 5% have a minimum each, which scipy finds too; one of a constant has none in alpha."""
    rng = np.random.default_rng(0)
    r = R.astype(dtype)
    model = lambda r, K0, K100, alpha: np.log(K0 + K100 * (r / 100) ** alpha)  # noqa: E731
    for _ in range(30):
        K = (18 + 150 * (R / 100) ** 1.15) * np.exp(0.05 * rng.standard_normal(R.size))
        fit = clusters.fit_entropy_profile(r, K.astype(dtype))
        assert bool(fit.converged)
        value, covariance = optimize.curve_fit(model, R, np.log(K), (10, 100, 1), xtol=1e-13, ftol=1e-13)
        off = np.abs(np.asarray(fit.value) - value) / np.sqrt(np.diag(covariance))
        assert off.max() < 2e-3  # what `converged` promises of both
    assert not bool(clusters.fit_entropy_profile(r, np.full(R.size, 5, dtype)).converged)


def test_fit_without_noise_and_without_a_floor():
    """Exact data give the parameters; a pure power law has a floor of no significance."""
    fit = clusters.fit_entropy_profile(R, clusters.entropy_profile(R, 18.0, 150.0, 1.15))
    np.testing.assert_allclose(fit.value, [18.0, 150.0, 1.15], rtol=1e-8)
    rng = np.random.default_rng(9)
    noise = np.exp(0.05 * rng.standard_normal(R.size))
    bare = clusters.fit_entropy_profile(R, np.asarray(clusters.entropy_profile(R, 0.0, 150.0, 1.15)) * noise)
    assert not bool(bare.converged) or float(bare.value[0]) < 3 * float(bare.standard_error[0])


def test_fit_under_vmap_leaves_a_bad_profile_alone():
    """One of two profiles holds a negative entropy: its fit is NaN, the other's is not."""
    K = np.asarray(clusters.entropy_profile(R, 18.0, 150.0, 1.15))
    fits = jax.vmap(lambda K: clusters.fit_entropy_profile(R, K))(jnp.stack([jnp.asarray(K), jnp.asarray(-K)]))
    np.testing.assert_allclose(fits.value[0], [18.0, 150.0, 1.15], rtol=1e-8)
    assert np.isnan(fits.value[1]).all()
