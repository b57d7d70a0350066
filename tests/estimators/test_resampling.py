"""Resampling against scipy, closed forms of the mean's error, and the level and power of the permutation test."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from entropax import estimators
from tests.contract.harness import without_shape_hook
from tests.estimators.test_reliability import gaussian, pairs

X = np.random.default_rng(0).exponential(size=60)


def mean(x):
    return jnp.mean(x)


def second(x):
    return jnp.mean(x) ** 2


def test_the_jackknife_of_a_mean_is_its_standard_error(x64):
    """Exactly, and without bias; of the squared mean the corrected value is the unbiased one, m^2 - s^2 / n."""
    got = estimators.jackknife(mean, X)
    np.testing.assert_allclose(got.standard_error, X.std(ddof=1) / np.sqrt(60), rtol=1e-12)
    np.testing.assert_allclose(got.bias, 0, atol=1e-13)
    np.testing.assert_allclose(
        estimators.jackknife(second, X).corrected, X.mean() ** 2 - X.var(ddof=1) / 60, rtol=1e-12
    )
    reach = scipy.stats.norm.ppf(0.84) * got.standard_error
    np.testing.assert_allclose(got.interval, [X.mean() - reach, X.mean() + reach], rtol=1e-6)
    blocks = X.reshape(6, 10).mean(1)
    np.testing.assert_allclose(
        estimators.jackknife(mean, X, num_blocks=6).standard_error, blocks.std(ddof=1) / np.sqrt(6), rtol=1e-12
    )
    by_scipy = estimators.jackknife(jax.vmap(lambda x: jnp.std(x)), X, batched=True)
    loop = np.array([np.delete(X, i).std() for i in range(60)])
    np.testing.assert_allclose(by_scipy.estimates, loop, rtol=1e-12)


def test_the_bootstrap_is_scipys_up_to_its_own_noise(getkey, x64):
    """Standard error of the standard deviation: two bootstraps of 4000 resamples differ by their noise, 4 x 1.6%."""
    got = estimators.bootstrap(jax.vmap(jnp.std), X, key=getkey(), num_resamples=4000, batched=True)
    expected = scipy.stats.bootstrap(
        (X,), np.std, n_resamples=4000, confidence_level=0.68, method="percentile", rng=np.random.default_rng(0)
    )
    np.testing.assert_allclose(got.standard_error, expected.standard_error, rtol=4 * np.sqrt(2 / 8000))
    np.testing.assert_allclose(got.interval, expected.confidence_interval, atol=0.1 * float(got.standard_error))
    np.testing.assert_allclose(got.value, X.std(), rtol=1e-12)


def test_subsampling_rescales_to_the_whole_sample(getkey, x64):
    """For a mean the variance over all subsamples of m of n is s^2 (n - m) / (n m), so that se = s / sqrt(n) for any m.

    4000 subsamples know it to 1.1%; four of those are allowed.
    """
    for size in (15, 30, 45):
        got = estimators.subsampling(jax.vmap(mean), X, key=getkey(), size=size, num_resamples=4000, batched=True)
        np.testing.assert_allclose(got.standard_error, X.std(ddof=1) / np.sqrt(60), rtol=0.045)
    got = estimators.subsampling(jax.vmap(second), X, key=getkey(), num_resamples=4000, batched=True)
    # The mean of 4000 estimates is known to its standard deviation over sqrt(4000): four of those.
    noise = 4 * float(np.std(got.estimates)) / np.sqrt(4000)
    np.testing.assert_allclose(got.bias, X.var(ddof=1) / 60, atol=noise)
    assert noise < 1.5 * X.var(ddof=1) / 60


def test_a_bootstrap_repeats_samples_and_a_subsample_does_not(getkey):
    """What makes the one unfit, and the other fit, for estimators by nearest neighbours."""

    def nearest(x):
        gaps = jnp.abs(x[:, None] - x[None]) + jnp.where(jnp.eye(x.size, dtype=bool), jnp.inf, 0)
        return jnp.mean(jnp.log(jnp.min(gaps, axis=1)))

    options = {"key": getkey(), "num_resamples": 5}
    assert np.all(np.isneginf(estimators.bootstrap(nearest, X, **options).estimates))
    assert np.all(np.isfinite(estimators.subsampling(nearest, X, **options).estimates))


def test_the_permutation_test_holds_its_level_and_has_power(getkey):
    """Of 400 independent samples at most the binomial's 99.9% point of 400 x 5% are called dependent; at rho = 0.6 and
    50 pairs 95% are."""

    @jax.jit
    def p_values(keys, rho):
        def one(key):
            data, test = jax.random.split(key)
            x, e = jax.random.normal(data, (2, 50, 1))
            y = rho * x + jnp.sqrt(1 - rho**2) * e
            estimator = jax.vmap(gaussian)
            return estimators.permutation_test(estimator, x, y, key=test, num_permutations=39, batched=True).value

        return jax.lax.map(one, keys)

    keys = jax.random.split(getkey(), 400)
    null, dependent = (np.asarray(p_values(keys, jnp.float32(rho))) for rho in (0.0, 0.6))
    assert null.min() >= 1 / 40
    assert np.sum(null <= 0.05) <= scipy.stats.binom.ppf(0.999, 400, 0.05)
    assert np.mean(dependent <= 0.05) > 0.95


def test_nan_estimates_are_no_evidence(getkey):
    x, y = pairs(getkey(), 20, 0.5)
    got = estimators.permutation_test(lambda x, y: jnp.nan * jnp.sum(x), x, y, key=getkey(), num_permutations=3)
    assert np.isnan(got.value)


@pytest.mark.fast
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda k: estimators.bootstrap(mean, X, key=k, num_resamples=1), "num_resamples must be at least 2"),
        (lambda k: estimators.bootstrap(mean, X, key=k, confidence=0.0), r"confidence must lie in \(0, 1\)"),
        (lambda k: estimators.subsampling(mean, X, key=k, size=60), "size must be at least 1 and at most 59, got 60"),
        (lambda k: estimators.jackknife(mean, X, num_blocks=61), "num_blocks must be at least 2 and at most 60"),
        (lambda k: estimators.jackknife(mean, X[:1]), r"samples\[0\] must have shape \(n, ...\) with n >= 2"),
        (lambda k: estimators.permutation_test(gaussian, X, X, key=k, num_permutations=0), "num_permutations must be"),
    ],
)
def test_bad_options(call, message):
    with without_shape_hook(), pytest.raises(ValueError, match=message):
        call(jax.random.key(0))
