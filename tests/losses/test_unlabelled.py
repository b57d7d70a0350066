"""Entropy of predictions and divergence of their proportions, against scipy."""

import jax
import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import entropy

from entropax import losses

RNG = np.random.default_rng(2)
LOGITS = 3 * RNG.standard_normal((4, 5, 3))
WHERE = RNG.random((4, 5)) < 0.7
PI = np.array([0.2, 0.3, 0.5])


@pytest.mark.parametrize("where", [None, WHERE])
def test_terms_of_any_classes_are_scipys(x64, where):
    """The mean of entropies, and the divergence of the mean from the proportions."""
    p = softmax(LOGITS, -1).reshape(-1, 3)[np.ones(20, bool) if where is None else where.ravel()]
    np.testing.assert_allclose(losses.prediction_entropy(LOGITS, where=where), entropy(p, axis=1).mean(), rtol=1e-12)
    np.testing.assert_allclose(losses.proportion_kl(LOGITS, PI, where=where), entropy(p.mean(0), PI), rtol=1e-12)


def test_terms_keep_their_accuracy_where_predictions_are_sure():
    """Two classes of log-odds -60 in float32: the small proportion is exp(-60), not lost; gradients stay finite."""
    z = np.zeros((6, 2), np.float32)
    z[:, 0] = 60
    tiny = np.exp(-60.0)
    np.testing.assert_allclose(losses.prediction_entropy(z), 61 * tiny, rtol=0.02)  # 60, where log p of the other is 0
    slope = jax.jit(jax.grad(lambda z: losses.proportion_kl(z, np.array([0.5, 0.5], np.float32))))(z)
    np.testing.assert_allclose(slope[:, 1], -tiny * 60 / 6, rtol=1e-4)
    np.testing.assert_allclose(losses.proportion_kl(z, np.array([0.5, 0.5], np.float32)), np.log(2), rtol=1e-6)


def test_masked_predictions_have_no_gradient():
    """Not even where they are not finite."""
    z = np.where(WHERE[..., None], LOGITS, np.nan).astype(np.float32)
    both = lambda z: losses.prediction_entropy(z, where=WHERE) + losses.proportion_kl(z, PI, where=WHERE)  # noqa: E731
    slope = np.asarray(jax.jit(jax.grad(both))(z))
    np.testing.assert_array_equal(slope[~WHERE], 0)
    assert np.all(np.abs(slope[WHERE]).max(-1) > 0)
