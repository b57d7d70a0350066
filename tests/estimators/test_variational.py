"""Variational bounds against numpy, optimal critics and each other; the max-test rule against scipy's filters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage
import scipy.stats
from scipy.special import logsumexp

from entropax import estimators
from tests.contract.harness import without_shape_hook

SCORES = np.random.default_rng(0).normal(0, 2, (7, 7))
BOUNDS = {
    name: getattr(estimators, name)
    for name in ("infonce", "donsker_varadhan", "nwj", "tuba", "jensen_shannon_bound", "smile")
}


def products(t):
    """The entries that are not on the diagonal, picked one by one."""
    return np.array([t[i, j] for i in range(len(t)) for j in range(len(t)) if i != j])


def by_numpy(t, clip=5.0):
    joint, off = np.diag(t), products(t)
    return {
        "infonce": np.mean([np.log(len(t)) + t[i, i] - logsumexp(t[i]) for i in range(len(t))]),
        "donsker_varadhan": joint.mean() - np.log(np.exp(off).mean()),
        "nwj": joint.mean() - np.exp(off - 1).mean(),
        "tuba": 1 + joint.mean() - np.exp(off).mean(),
        "jensen_shannon_bound": -np.logaddexp(0, -joint).mean() - np.logaddexp(0, off).mean(),
        "smile": joint.mean() - np.log(np.exp(np.clip(off, -clip, clip)).mean()),
    }


@pytest.mark.fast
@pytest.mark.parametrize("name", BOUNDS)
def test_bounds_are_their_formulas(name, x64):
    np.testing.assert_allclose(BOUNDS[name](SCORES), by_numpy(SCORES)[name], rtol=1e-13)


@pytest.mark.parametrize("name", BOUNDS)
def test_large_scores_and_minus_infinity(name):
    """In float32 scores of 200 overflow no logsumexp; a pair that cannot occur (-inf) counts as exp(-inf) = 0."""
    shift = 0 if name in ("nwj", "tuba") else 200  # those are exponentials of scores by definition
    moved = SCORES.astype(np.float32) + np.float32(shift)
    clip = {"clip": 1000.0} if name == "smile" else {}
    with np.errstate(over="ignore"):
        expected = by_numpy(moved.astype(float), clip=1000.0)[name]
    np.testing.assert_allclose(BOUNDS[name](moved, **clip), expected, rtol=1e-5, atol=1e-4)
    holed = SCORES.copy()
    holed[0, 3] = -np.inf
    clip = {"clip": np.inf} if name == "smile" else {}
    np.testing.assert_allclose(BOUNDS[name](holed, **clip), by_numpy(holed, clip=np.inf)[name], rtol=1e-5)
    gradient = np.asarray(jax.grad(lambda t: BOUNDS[name](t, **clip))(jnp.asarray(holed)))
    assert np.isfinite(gradient).all()
    assert gradient[0, 3] == 0


def test_the_baseline_of_tuba_interpolates(x64):
    """log a = 1 is NWJ; the best constant gives DV, and no baseline a value above it."""
    np.testing.assert_allclose(estimators.tuba(SCORES, 1.0), estimators.nwj(SCORES), rtol=1e-14)
    best = np.log(np.exp(products(SCORES)).mean())
    dv = float(estimators.donsker_varadhan(SCORES))
    np.testing.assert_allclose(estimators.tuba(SCORES, best), dv, rtol=1e-14)
    np.testing.assert_allclose(jax.grad(estimators.tuba, argnums=1)(SCORES, best), 0, atol=1e-14)
    for baseline in np.linspace(-3, 5, 9):
        assert estimators.tuba(SCORES, baseline) <= dv
    columns = np.linspace(-1, 1, 7)
    np.testing.assert_allclose(estimators.tuba(SCORES, columns), by_numpy(SCORES - columns[None])["tuba"], rtol=1e-13)


def test_a_nan_passes_through():
    for bound in BOUNDS.values():
        assert np.isnan(bound(np.full((3, 3), np.nan)))


def test_the_jensen_shannon_bound_at_its_best_critic(x64):
    """On two binary variables in exact expectation: the log ratio gives 2 JS - 2 log 2, and nothing gives more.

    The expectation is a score matrix of pairs in exact proportion: with p(x, y) = counts / n the mean over the diagonal
    is exact, and over the n (n - 1) other entries up to order 1 / n.
    """
    n = 2000
    counts = np.array([[800, 200], [300, 700]])
    x, y = np.repeat([0, 0, 1, 1], counts.ravel()), np.repeat([0, 1, 0, 1], counts.ravel())
    p = counts / n
    q = p.sum(1, keepdims=True) * p.sum(0, keepdims=True)
    ratio = np.log(p / q)
    kl = lambda a, b: float(np.sum(a * np.log(a / b)))  # noqa: E731
    js = (kl(p, (p + q) / 2) + kl(q, (p + q) / 2)) / 2
    value = float(estimators.jensen_shannon_bound(ratio[x[:, None], y[None]]))
    assert abs(value - (2 * js - 2 * np.log(2))) < 5 / n
    rng = np.random.default_rng(0)
    for _ in range(5):
        other = (ratio + rng.normal(0, 0.3, (2, 2)))[x[:, None], y[None]]
        assert estimators.jensen_shannon_bound(other) < value


def test_smile_is_exactly_its_value(x64):
    """The term that carries the gradient adds an exact zero."""
    for seed in range(5):
        t = np.random.default_rng(seed).normal(0, 3, (9, 9))
        plain = np.diag(t).mean() - (logsumexp(np.clip(products(t), -2, 2)) - np.log(72))
        np.testing.assert_allclose(estimators.smile(t, 2.0), plain, rtol=1e-14)
        slope = jax.grad(estimators.smile)(jnp.asarray(t), 2.0)
        np.testing.assert_array_equal(slope, jax.grad(estimators.jensen_shannon_bound)(jnp.asarray(t)))
    tangent = jax.jvp(lambda t: estimators.smile(t, 2.0), (jnp.asarray(t),), (jnp.ones((9, 9)),))[1]
    np.testing.assert_allclose(tangent, jnp.sum(slope), rtol=1e-12)


@pytest.mark.fast
def test_the_price_of_a_code_is_scipys_cross_entropy_less_entropy(x64):
    rng = np.random.default_rng(1)
    mean, log_variance = rng.normal(0, 1, (2, 5, 3))
    got = estimators.variational_kl(mean, log_variance)
    s = np.exp(log_variance / 2)
    cross = 0.5 * np.log(2 * np.pi) + (mean**2 + s**2) / 2  # -E log N(z; 0, 1)
    np.testing.assert_allclose(got, np.sum(cross - scipy.stats.norm(mean, s).entropy(), axis=1), rtol=1e-12)
    small = estimators.variational_kl(np.full((1, 1), 1e-9), np.full((1, 1), 1e-9))
    np.testing.assert_allclose(small, 0.75e-18, rtol=1e-6)  # no cancellation near N(0, 1)


# ----------------------------------------------------------------------------------------------- the max-test rule


@pytest.mark.parametrize("size", [1, 2, 3, 8, 40])
@pytest.mark.parametrize(("window", "sigma"), [(5, 1.0), (1, 0.0), (3, 2.5), (7, 0.4)])
def test_smoothing_is_scipys(size, window, sigma, x64):
    """scipy.ndimage's median and Gaussian filters with their default edges, also where the filter is wider."""
    curve = np.random.default_rng(size).normal(size=size)
    expected = scipy.ndimage.median_filter(curve, window)
    expected = scipy.ndimage.gaussian_filter1d(expected, sigma) if sigma else expected
    result = estimators.max_test_epoch(curve, window=window, sigma=sigma)
    np.testing.assert_allclose(result.smoothed, expected, rtol=1e-12, atol=1e-14)
    assert int(result.epoch) == int(np.argmax(expected))
    np.testing.assert_allclose(result.value, expected.max(), rtol=1e-12)


def test_the_rule_ignores_a_spike_and_sees_ends():
    """One lucky epoch is not the best; a curve that only grows or only falls has no interior maximum."""
    epochs = np.arange(50.0)
    hill = -(((epochs - 20) / 10) ** 2)
    spiked = hill.copy()
    spiked[40] = 5.0
    for curve in (hill, spiked):
        found = estimators.max_test_epoch(curve)
        assert abs(int(found.epoch) - 20) <= 1
        assert bool(found.interior)
    for curve, end in ((epochs, 49), (-epochs, 0)):
        found = estimators.max_test_epoch(curve)
        assert int(found.epoch) == end
        assert not bool(found.interior)


@pytest.mark.fast
def test_a_curve_that_is_not_finite_is_not_valid_under_jit():
    found = jax.jit(estimators.max_test_epoch)(np.array([0.0, np.nan, 1.0]))
    assert not bool(found.valid)
    assert np.isnan(found.value)


@pytest.mark.fast
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: estimators.max_test_epoch(np.ones(3), window=4), "window must be odd, got 4"),
        (lambda: estimators.max_test_epoch(np.ones(3), window=0), "window must be at least 1"),
        (lambda: estimators.max_test_epoch(np.ones(3), sigma=-1.0), "sigma must be non-negative and finite, got -1.0"),
        (lambda: estimators.max_test_epoch(np.ones(0)), "curve must have shape"),
        (lambda: estimators.infonce_ceiling(1), "num_rows must be at least 2, got 1"),
    ],
)
def test_bad_options(call, message):
    with without_shape_hook(), pytest.raises(ValueError, match=message):
        call()
