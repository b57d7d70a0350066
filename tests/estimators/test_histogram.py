"""Histogram estimators against numpy, typed values and closed forms."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from entropax import estimators

INDEX = np.arange(1, 65)
X = (np.sin(1.7 * INDEX) + 0.3 * np.cos(5.1 * INDEX))[:, None]
Y = (np.sin(1.7 * INDEX + 0.8) + 0.5 * np.cos(2.9 * INDEX))[:, None]


@pytest.mark.fast
def test_typed_value(x64):
    """Five by five equal bins, benchmark-mi 0.1.3: 0.6109275522; the soft form tends to it."""
    hard = estimators.histogram_mutual_information(X, Y, bins=5)
    np.testing.assert_allclose(hard, 0.6109275522, atol=5.1e-11)
    errors = [
        abs(float(estimators.histogram_mutual_information(X, Y, bins=5, temperature=t)) - float(hard))
        for t in (0.3, 0.03, 0.0001)
    ]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-8


@pytest.mark.parametrize("bins", [(4, 3), (2, 5)])
def test_entropy_against_numpy(x64, bins):
    """Two columns against numpy's counts and areas."""
    z = np.concatenate([X, Y], axis=1)
    counts, ex, ey = np.histogram2d(X[:, 0], Y[:, 0], bins=bins)
    p, area = counts / 64, np.diff(ex)[:, None] * np.diff(ey)[None, :]
    seen = p > 0
    expected = -np.sum(p[seen] * np.log((p / area)[seen]))
    np.testing.assert_allclose(estimators.histogram_entropy(z, bins=bins), expected, rtol=1e-12)
    soft = estimators.histogram_entropy(z, bins=bins, temperature=1e-5)
    np.testing.assert_allclose(soft, expected, rtol=1e-9)
    corrected = estimators.histogram_entropy(z, bins=bins, correction="miller-madow")
    np.testing.assert_allclose(corrected, expected + (np.sum(seen) - 1) / 128, rtol=1e-12)


def test_equal_frequency_bins(x64):
    """Sixteen samples in each of four bins; the mutual information is then invariant under increasing maps."""
    s = np.sort(X[:, 0])
    edges = np.array([s[0], *(s[[15, 31, 47]] + s[[16, 32, 48]]) / 2, s[-1]])
    expected = math.log(4) + np.mean(np.log(np.diff(edges)))
    value = estimators.histogram_entropy(X, bins=4, binning="equal-frequency")
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    of_ranks = [
        estimators.histogram_mutual_information(x, y, bins=5, binning="equal-frequency")
        for x, y in ((X, Y), (np.exp(X), Y**3))
    ]
    assert float(of_ranks[0]) == float(of_ranks[1])


def test_symmetries(x64):
    """H(a x + b) = H(x) + log a and I(a x, b y) = I(x, y), hard and soft, and H's gradient obeys the former."""
    for t in (None, 0.3):
        h = lambda x, t=t: estimators.histogram_entropy(x, bins=6, temperature=t)  # noqa: E731
        np.testing.assert_allclose(h(3 * X + 1), h(X) + math.log(3), rtol=1e-10)
        # Euler: the derivative along x itself is that of log a, which is 1.
        np.testing.assert_allclose(jnp.sum(jax.grad(h)(jnp.asarray(X)) * X), 1, rtol=1e-9)
        mi = [estimators.histogram_mutual_information(a * X, 2 * Y, bins=(4, 5), temperature=t) for a in (1, 5)]
        np.testing.assert_allclose(mi[0], mi[1], rtol=1e-9)


def test_a_constant_column_tells_nothing(x64):
    """Zero mutual information, hard and soft, with a finite gradient; no differential entropy."""
    constant = np.full_like(X, 0.3)
    for t in (None, 0.3):
        value, slope = jax.value_and_grad(
            lambda x, t=t: estimators.histogram_mutual_information(x, Y, bins=5, temperature=t)
        )(jnp.asarray(constant))
        np.testing.assert_allclose(value, 0, atol=1e-12)
        assert np.isfinite(slope).all()
    with pytest.raises(ValueError, match=r"x must vary within every bin of every column, got a bin of width 0.0"):
        estimators.histogram_entropy(constant, bins=5)
    with pytest.raises(ValueError, match="x must vary within every bin"):
        estimators.histogram_entropy(np.repeat(X[:4], 10, axis=0), bins=8, binning="equal-frequency")


def test_soft_blocks(x64):
    """More samples than one block holds, against the product of memberships at once."""
    rng = np.random.default_rng(0)
    n, bins = 300_000, 8
    x = rng.standard_normal((n, 1))
    y = 0.6 * x + 0.8 * rng.standard_normal((n, 1))

    def memberships(x):
        inner = np.linspace(x.min(), x.max(), bins + 1)[1:-1]
        above = 1 / (1 + np.exp(-(x - inner) / (0.2 * (x.max() - x.min()) / bins)))
        return np.hstack([np.ones((n, 1)), above]) - np.hstack([above, np.zeros((n, 1))])

    p = memberships(x).T @ memberships(y) / n
    expected = np.sum(p * np.log(p / (p.sum(0, keepdims=True) * p.sum(1, keepdims=True))))
    value = estimators.histogram_mutual_information(x, y, bins=bins, temperature=0.2)
    np.testing.assert_allclose(value, expected, rtol=1e-10)


RHO = 0.75
TRUTH = 0.4133392866


@pytest.mark.parametrize("marginal", ["normal", "cdf", "half-cube"])
def test_bivariate_normal(x64, marginal):
    """I = 0.4133392866 of rho = 0.75 and its images: 100,000 samples, 30 equal-frequency bins.

    Corrected by Miller-Madow the residual is the loss by binning, 0.0049 (computed from the exact cell
    probabilities), and the sampling error, sd about sqrt(var log-ratio / n) = 0.75 / 316 = 0.0024.
    """
    rng = np.random.default_rng(5)
    x = rng.standard_normal((100_000, 1))
    y = RHO * x + math.sqrt(1 - RHO**2) * rng.standard_normal((100_000, 1))
    f = {"normal": lambda v: v, "cdf": stats.norm.cdf, "half-cube": lambda v: v * np.sqrt(np.abs(v))}[marginal]
    value = float(
        estimators.histogram_mutual_information(
            f(x), f(y), bins=30, binning="equal-frequency", correction="miller-madow"
        )
    )
    edges = stats.norm.ppf(np.linspace(0, 1, 31))
    grid = np.stack(np.meshgrid(np.clip(edges, -9, 9), np.clip(edges, -9, 9), indexing="ij"), axis=-1)
    cdf = stats.multivariate_normal([0, 0], [[1, RHO], [RHO, 1]]).cdf(grid)
    p = np.maximum(np.diff(np.diff(cdf, axis=0), axis=1), 1e-300)
    binned = float(np.sum(p * np.log(p * 900)))
    assert TRUTH - 0.02 < binned < TRUTH
    assert abs(value - binned) < 4 * 0.0024
    assert abs(value - TRUTH) < 0.02


@pytest.mark.parametrize(
    ("name", "distribution", "exact", "tolerance"),
    [
        ("Laplace b = 2", stats.laplace(scale=2), 2.3862943611, 0.02),
        ("Gamma(3, 2)", stats.gamma(3, scale=2), 2.5407256909, 0.02),
        ("Beta(2, 5)", stats.beta(2, 5), -0.4845307150, 0.01),
        ("Exp(3)", stats.expon(scale=1 / 3), -0.0986122887, 0.02),
        ("logistic", stats.logistic(), 2.0, 0.02),
        ("von Mises, kappa 2", stats.vonmises(2), 1.2663212920, 0.01),
    ],
)
def test_entropies_of_closed_form(x64, name, distribution, exact, tolerance):
    """100,000 samples, 200 equal bins with Miller-Madow: bias of the bins (width^2 / 24 of the Fisher information) and
    sampling error (sd about 1 / 316) stay within the tolerance."""
    x = distribution.rvs(size=(100_000, 1), random_state=np.random.default_rng(4))
    value = float(estimators.histogram_entropy(x, bins=200, correction="miller-madow"))
    assert abs(value - exact) < tolerance, (name, value, exact)


def test_uniform_noise(x64):
    """X uniform on [0, 1], Y = X + uniform noise on [-e, e]: e - log 2e for e <= 1/2 and 1 / 4e above.

    200,000 samples, 60 bins: binning loses what edges cut, of order bin / e.
    """
    rng = np.random.default_rng(6)
    x = rng.uniform(size=(200_000, 1))
    for e, exact, tolerance in ((0.3, 0.8108256238, 0.04), (0.75, 0.3333333333, 0.02)):
        y = x + rng.uniform(-e, e, x.shape)
        value = float(estimators.histogram_mutual_information(x, y, bins=60, correction="miller-madow"))
        assert exact - tolerance < value < exact + 0.005


@pytest.mark.fast
def test_faults():
    with pytest.raises(ValueError, match="bins must be one number or one for each of 2 columns, got "):
        estimators.histogram_mutual_information(X, Y, bins=(3, 4, 5))
    with pytest.raises(ValueError, match="bins must be at least 1, got 0"):
        estimators.histogram_entropy(X, bins=0)
    with pytest.raises(ValueError, match="binning must be one of 'equal-width', 'equal-frequency', got 'sturges'"):
        estimators.histogram_entropy(X, bins=4, binning="sturges")
    with pytest.raises(ValueError, match=r"temperature must be positive and finite, got 0.0"):
        estimators.histogram_entropy(X, bins=4, temperature=0.0)
    with pytest.raises(ValueError, match=r"bins must make fewer than 2\^31 cells"):
        estimators.histogram_entropy(np.ones((5, 4)), bins=1000)
