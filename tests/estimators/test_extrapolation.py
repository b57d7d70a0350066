"""Extrapolation against scipy's least squares, the rules on lines, parabolas and noise, and its coverage."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
import scipy.stats

from entropax import estimators
from tests.contract.harness import without_shape_hook

RNG = np.random.default_rng(4)


def replicates(curve, gammas=range(1, 11), noise=0.0, rng=RNG):
    return [curve(g) + noise * rng.standard_normal(g) for g in gammas]


def line(g):
    return 2.0 - 0.1 * g


def test_line_and_errors_are_scipys(x64):
    """curve_fit with sigma = sqrt(gamma) minimises the same sum; its covariance gives the standard error."""
    estimates = replicates(line, range(1, 8), noise=0.05)
    gamma = np.repeat(np.arange(1.0, 8.0), range(1, 8))
    y = np.concatenate(estimates)
    fit, covariance = scipy.optimize.curve_fit(lambda g, a, b: a + b * g, gamma, y, sigma=np.sqrt(gamma))
    got = estimators.extrapolate(estimates, max_curvature=1e9)
    np.testing.assert_allclose([got.value, got.slope], fit, rtol=1e-6)
    np.testing.assert_allclose(got.standard_error, np.sqrt(covariance[0, 0]), rtol=1e-6)
    quantile = scipy.stats.t.ppf(0.84, y.size - 2)
    np.testing.assert_allclose(got.half_width, quantile * got.standard_error, rtol=1e-12)
    residuals = y - (fit[0] + fit[1] * gamma)
    s2 = np.sum(residuals**2 / gamma) / (y.size - 2)
    np.testing.assert_allclose(got.prediction_half_width, quantile * np.sqrt(s2 + covariance[0, 0]), rtol=1e-6)
    # Studentised residuals by the hat matrix of the scaled problem.
    X = np.stack([np.ones_like(gamma), gamma], 1) / np.sqrt(gamma)[:, None]
    h = np.diag(X @ np.linalg.inv(X.T @ X) @ X.T)
    np.testing.assert_allclose(got.residuals, residuals / np.sqrt(gamma * s2 * (1 - h)), rtol=1e-6, atol=1e-8)
    parabola = np.polynomial.polynomial.polyfit(gamma, y, 2, w=1 / np.sqrt(gamma))
    np.testing.assert_allclose(got.curvature, parabola[2] / parabola[1], rtol=1e-7)
    rest = np.polynomial.polynomial.polyfit(gamma[1:], y[1:], 1, w=1 / np.sqrt(gamma[1:]))
    np.testing.assert_allclose(got.leverage_shift, abs(rest[0] - fit[0]) / abs(fit[0]), rtol=1e-6)


@pytest.mark.slow
def test_a_line_without_noise_is_found_exactly(x64):
    got = estimators.extrapolate(replicates(line))
    np.testing.assert_allclose([got.value, got.slope], [2.0, -0.1], rtol=1e-12)
    assert int(got.num_gammas) == 10
    assert bool(got.reliable)
    assert not bool(got.flat)
    gradient = jax.grad(lambda e: estimators.extrapolate(e).standard_error)(replicates(lambda g: 2.0 + 0 * g))
    assert all(np.isfinite(g).all() for g in gradient)


def test_the_largest_gammas_are_dropped_until_the_rest_is_a_line(x64):
    """The bias bends beyond gamma = 6; up to there it is a line, and that is what is used."""
    estimates = replicates(lambda g: line(g) - 0.5 * max(g - 6, 0) ** 2)
    got = estimators.extrapolate(estimates)
    assert int(got.num_gammas) == 6
    assert int(np.sum(got.used)) == 21
    np.testing.assert_allclose(got.value, 2.0, rtol=1e-12)
    assert bool(got.reliable)


@pytest.mark.fast
def test_a_curve_without_a_line_is_unreliable(x64):
    """A parabola all the way down to five gammas is not linear; the value is that of the last five, and flagged."""
    got = estimators.extrapolate(replicates(lambda g: 2.0 - 0.1 * g + 0.03 * g**2))
    assert not bool(got.linear)
    assert not bool(got.reliable)
    assert int(got.num_gammas) == 5


def test_four_gammas_are_not_enough(x64):
    got = estimators.extrapolate(replicates(line, range(1, 5)))
    assert bool(got.linear)
    assert not bool(got.enough)
    assert not bool(got.reliable)


@pytest.mark.fast
def test_an_intercept_that_hangs_on_the_whole_sample_is_unreliable(x64):
    """The estimate on all samples is far off the line of the others: the intercept moves by half of itself."""
    estimates = [np.atleast_1d(0.2 + 0.02 * g + 0.001 * np.cos(np.arange(g))) for g in range(1, 7)]
    assert bool(estimators.extrapolate(estimates, max_curvature=1e9).stable)
    estimates[0] = np.array([0.6])
    got = estimators.extrapolate(estimates, max_curvature=1e9)
    assert float(got.leverage_shift) > 0.2
    assert not bool(got.stable)
    assert bool(got.no_outliers) == bool(np.all(np.abs(got.residuals) <= 2.5))


def test_estimates_that_do_not_depend_on_gamma_are_reliable(x64):
    """Without bias the curvature is a ratio of noise: the F test lets them pass in 95% of cases.

    Size: of 400 data sets of pure noise those called curved are at most the binomial's upper 99.9% point of 400 x 5%.
    Power: of 400 with a strong bend none passes.
    """
    rng = np.random.default_rng(0)
    many = [jnp.asarray(rng.standard_normal((400, g)) * 0.05 + 1.0) for g in range(1, 8)]
    found = jax.jit(jax.vmap(estimators.extrapolate))(many)
    assert np.sum(~np.asarray(found.flat | found.linear)) <= scipy.stats.binom.ppf(0.999, 400, 0.05)
    bent = [row + 0.05 * g**2 for g, row in enumerate(many, start=1)]
    assert not np.any(jax.jit(jax.vmap(estimators.extrapolate))(bent).linear)


def test_the_error_bar_covers(x64):
    """Of 2000 lines with noise of variance proportional to gamma, 68% of the t-intervals hold the truth.

    Binomial test at 99.9% (two-sided); power: intervals 10% too narrow would cover 63%, five standard errors off.
    """
    rng = np.random.default_rng(1)
    many = [jnp.asarray(line(g) + 0.05 * np.sqrt(g) * rng.standard_normal((2000, g))) for g in range(1, 8)]
    found = jax.jit(jax.vmap(lambda e: estimators.extrapolate(e, max_curvature=1e9)))(many)
    hits = int(np.sum(np.abs(found.value - 2.0) <= found.half_width))
    low, high = scipy.stats.binom.interval(0.999, 2000, 0.68)
    assert low <= hits <= high


@pytest.mark.fast
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gammas": (1, 3, 2, 4, 5)}, "gammas must be increasing positive integers"),
        ({"gammas": (0, 1, 2, 3, 4)}, "gammas must be increasing positive integers"),
        ({"gammas": (1, 2)}, "estimates must hold those of three gammas or more, got 5 for gammas"),
        ({"confidence": 1.0}, r"confidence must lie in \(0, 1\), got 1.0"),
        ({"max_curvature": 0.0}, "max_curvature and max_leverage must be positive"),
        ({"min_gammas": 2}, "min_gammas must be at least 3, got 2"),
    ],
)
def test_bad_options(options, message):
    with without_shape_hook(), pytest.raises(ValueError, match=message):
        estimators.extrapolate(replicates(line, range(1, 6)), **options)
