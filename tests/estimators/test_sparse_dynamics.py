"""Equations of motion found again, and points drawn where a model errs."""

import numpy as np
import pytest
from scipy.signal import savgol_filter

from entropax import estimators


def test_lorenz_is_found(x64) -> None:
    """From exact derivatives at random points all seven coefficients come back to 1e-9, and nothing else."""
    x = np.random.default_rng(0).uniform([-15, -20, 5], [15, 20, 40], (300, 3))
    rates = np.stack(
        [10 * (x[:, 1] - x[:, 0]), x[:, 0] * (28 - x[:, 2]) - x[:, 1], x[:, 0] * x[:, 1] - 8 / 3 * x[:, 2]], axis=1
    )
    found = estimators.sparse_regression(estimators.polynomial_features(x, degree=3), rates, 0.1)
    assert found.converged
    powers = estimators.polynomial_exponents(3, degree=3).tolist()
    expected = np.zeros((len(powers), 3))
    for column, term, value in (
        (0, [1, 0, 0], -10),
        (0, [0, 1, 0], 10),
        (1, [1, 0, 0], 28),
        (1, [0, 1, 0], -1),
        (1, [1, 0, 1], -1),
        (2, [1, 1, 0], 1),
        (2, [0, 0, 1], -8 / 3),
    ):
        expected[powers.index(term), column] = value
    np.testing.assert_array_equal(found.support, expected != 0)
    np.testing.assert_allclose(found.value, expected, atol=1e-9)


@pytest.mark.fast
def test_fourier_features(x64) -> None:
    x = np.array([[0.3, -1.2]])
    expected = [np.concatenate([np.sin(k * x[0]), np.cos(k * x[0])]) for k in (1, 2)]
    np.testing.assert_allclose(estimators.fourier_features(x, num_frequencies=2)[0], np.concatenate(expected))


def test_importance_sampling(getkey, x64) -> None:
    """Probabilities are those of the filter of scipy to the fourth power; indices follow them (chi square, 1%)."""
    e = np.random.default_rng(1).gamma(1.0, size=80)
    found = estimators.importance_sampling_indices(e, num=20_000, key=getkey())
    smooth = np.maximum(savgol_filter(e, 51, 3), 0) ** 4
    np.testing.assert_allclose(found.probabilities, smooth / smooth.sum(), rtol=1e-8)
    assert found.valid
    expected = 20_000 * np.asarray(found.probabilities)
    counts = np.bincount(found.value, minlength=80)
    some = expected > 5
    chi = ((counts - expected)[some] ** 2 / expected[some]).sum()
    assert chi < some.sum() + 2.6 * np.sqrt(2 * some.sum())
