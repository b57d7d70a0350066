import numpy as np
import pytest
import sklearn.metrics

from entropax import metrics


def test_f1_agrees_with_scikit_learn(x64):
    rng = np.random.default_rng(0)
    predicted, positive = rng.random((2, 40)) > 0.4
    ours = float(metrics.f1_score(predicted, positive))
    assert ours == pytest.approx(sklearn.metrics.f1_score(positive, predicted), rel=1e-12)
    where = np.arange(40) < 25
    ours = float(metrics.f1_score(predicted, positive, where=where))
    assert ours == pytest.approx(sklearn.metrics.f1_score(positive[:25], predicted[:25]), rel=1e-12)


def test_f1_of_nothing_is_refused():
    with pytest.raises(ValueError, match="must name a positive example, got none"):
        metrics.f1_score(np.zeros(3), np.zeros(3))
    with pytest.raises(ValueError, match="positive must hold zeros and ones"):
        metrics.f1_score(np.ones(3), np.array([0.0, 0.5, 1.0]))
