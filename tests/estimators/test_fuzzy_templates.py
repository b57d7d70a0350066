"""Fuzzy and composite entropies against their sums written out."""

import numpy as np
import pytest

from entropax import estimators

X = np.random.default_rng(5).normal(size=60).cumsum()


def log_mean_membership(series, length, count, tolerance, power):
    templates = np.stack([series[k : k + count] for k in range(length)], axis=1)
    apart = np.abs(templates[:, None] - templates[None]).max(axis=2)
    membership = np.exp(-((apart / tolerance) ** power))
    return np.log(membership.sum() - count)


def written_out(series, tolerance, power, length=2):
    count = series.size - length
    shorter, longer = (log_mean_membership(series, m, count, tolerance, power) for m in (length, length + 1))
    return shorter - longer


def test_composite_entropy(x64) -> None:
    """The mean over the starts of the windows of the fuzzy entropies of the coarse-grained series."""
    found = estimators.composite_multiscale_entropy(X, scales=(1, 2, 5), power=1.5)
    for scale, value in zip((1, 2, 5), found, strict=True):
        parts = []
        for start in range(scale):
            windows = (X.size - start) // scale
            coarse = X[start : start + windows * scale].reshape(windows, scale).mean(axis=1)
            parts.append(written_out(coarse, 0.2 * X.std(), 1.5))
        np.testing.assert_allclose(value, np.mean(parts), rtol=1e-9)


def test_large_powers_count(x64) -> None:
    """As the power grows the fuzzy entropy tends to the sample entropy."""
    soft = estimators.fuzzy_entropy(X, 1.0, power=4000.0)
    np.testing.assert_allclose(soft, estimators.sample_entropy(X, 1.0), rtol=1e-3)


@pytest.mark.fast
def test_far_templates_have_an_entropy() -> None:
    """Memberships below the floating range still compare: 0, 1, 3, ... at a tolerance of 1/1000 in float32."""
    x = np.array([0.0, 1, 3, 6, 10, 15, 21, 28], np.float32)
    assert np.isfinite(estimators.fuzzy_entropy(x, np.float32(1e-3)))
