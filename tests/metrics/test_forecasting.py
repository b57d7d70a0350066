"""Errors of forecasts against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_percentage_error, r2_score

from entropax import metrics


@pytest.mark.fast
def test_against_scikit_learn(x64) -> None:
    y, f = np.random.default_rng(0).normal(size=(2, 3, 20))
    np.testing.assert_allclose(
        metrics.mape(y, f), [100 * mean_absolute_percentage_error(*pair) for pair in zip(y, f, strict=True)], rtol=1e-12
    )
    np.testing.assert_allclose(metrics.r_squared(y, f), [r2_score(*p) for p in zip(y, f, strict=True)], rtol=1e-12)


@pytest.mark.fast
def test_mase_by_hand(x64) -> None:
    """Errors 1 and 3 against steps of 2 a season of two: 2 / 2."""
    y, f, history = np.array([5.0, 7.0]), np.array([6.0, 4.0]), np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(metrics.mase(y, f, history, season=2), 1.0)
    np.testing.assert_allclose(metrics.mase(y, f, history, season=1), 2.0)


@pytest.mark.fast
def test_smape_of_zeros(x64) -> None:
    """Zero against zero counts as right."""
    np.testing.assert_allclose(metrics.smape(np.zeros(2), np.array([0.0, 1.0])), 100.0)
