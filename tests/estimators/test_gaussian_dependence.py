"""Canonical correlations and the Gaussian copula against numpy, scikit-learn, typed values and exact expectations."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from sklearn.cross_decomposition import CCA

from entropax import estimators

INDEX = np.arange(1, 65)
X = (np.sin(1.7 * INDEX) + 0.3 * np.cos(5.1 * INDEX))[:, None]
Y = (np.sin(1.7 * INDEX + 0.8) + 0.5 * np.cos(2.9 * INDEX))[:, None]


@pytest.mark.fast
def test_typed_value(x64):
    """CCA on the typed sample: 0.2141452808."""
    np.testing.assert_allclose(estimators.cca_mutual_information(X, Y), 0.2141452808, atol=5.1e-11)


def test_canonical_correlations(x64):
    """Against scikit-learn, and their sum of logarithms is the mutual information."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 3))
    y = x @ rng.standard_normal((3, 2)) + rng.standard_normal((200, 2))
    r = np.asarray(estimators.canonical_correlations(x, y))
    u, v = CCA(n_components=2, tol=1e-12, max_iter=5000).fit_transform(x, y)
    np.testing.assert_allclose(r, [np.corrcoef(u[:, k], v[:, k])[0, 1] for k in range(2)], rtol=1e-7)
    mi = estimators.cca_mutual_information(x, y)
    np.testing.assert_allclose(mi, -np.sum(np.log(1 - r**2)) / 2, rtol=1e-12)


def test_the_correction_is_unbiased(x64):
    """2,000 data sets of 20 Gaussian samples in 2 + 2 columns: the mean is within four standard errors of the truth,
    that of the plug-in 20 above it."""
    rng = np.random.default_rng(1)
    rho = 0.6
    x = rng.standard_normal((2000, 20, 2))
    y = rho * x + math.sqrt(1 - rho**2) * rng.standard_normal(x.shape)
    exact = -math.log(1 - rho**2)
    for correction in ("wishart", "plug-in"):
        call = lambda a, b, c=correction: estimators.cca_mutual_information(a, b, correction=c)  # noqa: E731
        values = np.asarray(jax.jit(jax.vmap(call))(x, y))
        excess = (values.mean() - exact) / (values.std() / math.sqrt(2000))
        assert abs(excess) < 4 if correction == "wishart" else excess > 12


def test_copula(x64):
    """The scores of scipy's mean ranks, ties included; invariant under increasing maps; the soft form tends to it."""
    x, y = np.round(X, 1), Y
    scores = [stats.norm.ppf(stats.rankdata(v[:, 0]) / 65)[:, None] for v in (x, y)]
    value = estimators.gaussian_copula_mutual_information(x, y)
    expected = estimators.cca_mutual_information(*scores, correction="wishart")
    np.testing.assert_allclose(value, expected, rtol=1e-10)
    mapped = estimators.gaussian_copula_mutual_information(np.exp(x), y**3)
    assert float(mapped) == float(value)
    errors = [
        abs(float(estimators.gaussian_copula_mutual_information(x, y, temperature=t)) - float(value))
        for t in (0.3, 0.01, 1e-7)
    ]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-8


@pytest.mark.parametrize("marginal", ["cdf", "half-cube"])
def test_bivariate_normal_images(x64, marginal):
    """0.4133392866 through increasing maps of the columns: 20,000 samples, sd rho / sqrt n = 0.0053."""
    rng = np.random.default_rng(2)
    x = rng.standard_normal((20_000, 1))
    y = 0.75 * x + math.sqrt(1 - 0.75**2) * rng.standard_normal(x.shape)
    f = {"cdf": stats.norm.cdf, "half-cube": lambda v: v * np.sqrt(np.abs(v))}[marginal]
    assert abs(float(estimators.gaussian_copula_mutual_information(f(x), f(y))) - 0.4133392866) < 4 * 0.0053


def test_memory_of_soft_ranks():
    """20,000 samples and the gradient: what the compiler allots stays below 64 MiB; all pairs would take 1.5 GiB."""
    call = jax.grad(lambda x, y: estimators.gaussian_copula_mutual_information(x, y, temperature=0.1))
    x = jax.ShapeDtypeStruct((20_000, 1), jnp.float32)
    assert jax.jit(call).lower(x, x).compile().memory_analysis().temp_size_in_bytes < 64 * 2**20


@pytest.mark.fast
def test_dependent_columns_are_refused(x64):
    with pytest.raises(ValueError, match="x and y must vary, and no column follow from the others"):
        estimators.cca_mutual_information(X, 2 * X + 1)
    with pytest.raises(ValueError, match="x and y must vary"):
        estimators.gaussian_copula_mutual_information(X, np.exp(X))
    assert np.isnan(jax.jit(estimators.canonical_correlations)(X, np.ones_like(X))).all()
