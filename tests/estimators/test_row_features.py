"""What networks see of data: scores and canonical rows against scipy and scikit-learn's definitions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm, rankdata

from entropax import estimators
from entropax.estimators.row_features import PREPROCESSINGS

RNG = np.random.default_rng(3)
X = RNG.standard_normal((40, 3))
Y = X @ RNG.standard_normal((3, 3)) + 0.7 * RNG.standard_normal((40, 3))
paired_rows = jax.jit(estimators.paired_rows, static_argnames=("max_dim", "preprocessing", "temperature"))


@pytest.mark.fast
@pytest.mark.parametrize("ties", [False, True])
def test_scores_against_scipy(ties: bool) -> None:
    """Scores are normal quantiles of mid-ranks."""
    x = np.round(X) if ties else X
    expected = norm.ppf((rankdata(x, axis=0) - 0.5) / len(x))
    np.testing.assert_allclose(estimators.normal_scores(x), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_soft_scores_tend_to_hard(x64) -> None:
    """The difference from hard scores falls with the temperature, to zero; soft ones have a gradient."""
    hard = np.asarray(estimators.normal_scores(X))
    soft = [np.asarray(estimators.normal_scores(X, temperature=t)) for t in (0.1, 1e-3, 1e-6)]
    gaps = [np.abs(scores - hard).max() for scores in soft]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] < 0.5
    assert gaps[-1] < 1e-9

    def total(x: jax.Array, temperature: float) -> jax.Array:
        return jnp.sum(jnp.cos(estimators.normal_scores(x, temperature=temperature)))

    gradient = jax.grad(total)(jnp.asarray(X), 0.1)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0.1
    assert not np.any(jax.grad(total)(jnp.asarray(X), 0.0))


def test_soft_scores_are_affine_invariant(x64) -> None:
    """Location and scale of a column do not matter, nor do heavy tails break them."""
    soft = estimators.normal_scores(X, temperature=0.1)
    np.testing.assert_allclose(estimators.normal_scores(5 - 3 * X, temperature=0.1), -soft, atol=1e-9)
    cauchy = np.tan(np.pi * (norm.cdf(X) - 0.5))
    hard = np.asarray(estimators.normal_scores(X))
    assert np.abs(np.asarray(estimators.normal_scores(cauchy, temperature=0.1)) - hard).max() < 0.5


def test_canonical_rows(x64) -> None:
    """Canonical coordinates are white up to the shrinkage, correlate pair by pair, and in falling order."""
    rows = np.asarray(estimators.paired_rows(X, Y, max_dim=4, preprocessing="canonical"))
    n, d = X.shape
    u, v, product = rows[:, :3], rows[:, 4:7], rows[:, 8:11]
    assert not rows[:, [3, 7, 11]].any()
    np.testing.assert_allclose(product, u * v)
    cross = u.T @ v / n
    np.testing.assert_allclose(cross, np.diag(np.diag(cross)), atol=1e-12)
    assert np.all(np.diff(np.diag(cross)) < 0)
    # With R = L L' shrunk to ((n R + d I) / (n + d)), the canonical correlations are the singular values of
    # Rx^-1/2 Rxy Ry^-1/2, whatever the root.
    scores = [norm.ppf((rankdata(side, axis=0) - 0.5) / n) for side in (X, Y)]
    a, b = (side / side.std(axis=0) for side in scores)

    def root(side: np.ndarray) -> np.ndarray:
        values, vectors = np.linalg.eigh((side.T @ side + d * np.eye(d)) / (n + d))
        return vectors @ np.diag(values**-0.5) @ vectors.T

    expected = np.linalg.svd(root(a) @ (a.T @ b / n) @ root(b), compute_uv=False)
    np.testing.assert_allclose(np.diag(cross), expected, rtol=1e-9)
    np.testing.assert_allclose(rows[:, 12:], np.broadcast_to([np.log(n / 100), 0.75, 0.75], (n, 3)))


def test_invariance_of_canonical_rows(x64) -> None:
    """Increasing maps, order and signs of a side's coordinates leave the rows as they are."""
    expected = paired_rows(X, Y, max_dim=4)
    for x, y in ((np.exp(X), Y**3), (X[:, [2, 0, 1]], Y), (-X, Y), (X, Y * [1, -1, 1])):
        np.testing.assert_allclose(paired_rows(x, y, max_dim=4), expected, atol=1e-9)


@pytest.mark.parametrize("preprocessing", PREPROCESSINGS)
def test_padding(preprocessing: str, x64) -> None:
    """Rows and columns of padding change nothing: they come out as zeros."""
    expected = np.asarray(paired_rows(X, Y, max_dim=4, preprocessing=preprocessing))
    assert expected.shape == (40, estimators.num_features(preprocessing, 4))
    x = np.pad(X, ((0, 9), (0, 1)))
    y = np.pad(Y, ((0, 9), (0, 1)))
    x[40:] = np.nan
    mask = np.arange(49) < 40
    rows = np.asarray(paired_rows(x, y, max_dim=4, preprocessing=preprocessing, mask=mask))
    np.testing.assert_allclose(rows[:40], expected, atol=1e-9)
    assert not rows[40:].any()


def test_constant_columns(x64) -> None:
    """A constant coordinate counts as absent, and the gradient stays finite, even where all are constant."""
    constant = X.copy()
    constant[:, 1] = 4.0
    rows = np.asarray(paired_rows(constant, Y, max_dim=3))
    np.testing.assert_allclose(rows[0, 9:], [np.log(0.4), 2 / 3, 1.0])

    def total(x: jax.Array) -> jax.Array:
        return jnp.sum(jnp.cos(paired_rows(x, Y, max_dim=3, temperature=0.1)))

    for x in (constant, np.ones_like(X)):
        assert np.isfinite(jax.grad(total)(jnp.asarray(x))).all()


def test_standardized_rows(x64) -> None:
    """Mean zero and variance one, and the arcsinh of that."""
    rows = np.asarray(estimators.paired_rows(3 + 2 * X, Y, max_dim=3, preprocessing="standardize"))
    np.testing.assert_allclose(rows[:, :3], (X - X.mean(axis=0)) / X.std(axis=0), atol=1e-12)
    squeezed = np.asarray(estimators.paired_rows(X, Y, max_dim=3, preprocessing="asinh"))
    np.testing.assert_allclose(squeezed[:, :6], np.arcsinh(rows[:, :6]), atol=1e-12)
