import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from entropax import metrics
from tests.contract.harness import without_shape_hook

pytestmark = [pytest.mark.usefixtures("x64"), pytest.mark.fast]
RNG = np.random.default_rng(5)
CONFIDENCE = np.round(RNG.random(203), 2)  # with ties, zeros, and many on edges of ten bins
CORRECT = RNG.random(203) < CONFIDENCE**1.5
WHERE = RNG.random(203) < 0.7


def binned(confidence, correct, bins):
    """(size, accuracy, mean confidence) of every bin that is not empty, by masks."""
    return [(b.sum(), correct[b].mean(), confidence[b].mean()) for b in bins if b.any()]


def equal_width(confidence, num_bins):
    edges = np.array([b / num_bins for b in range(num_bins + 1)])
    return [confidence <= edges[1]] + [(confidence > a) & (confidence <= b) for a, b in itertools.pairwise(edges[1:])]


def test_equal_width_errors_are_those_of_a_loop_over_bins():
    """Values on an edge belong to the bin below and 0 to the first; empty bins count nothing."""
    for num_bins in (10, 100):
        parts = binned(CONFIDENCE, CORRECT, equal_width(CONFIDENCE, num_bins))
        gaps = np.array([abs(a - c) for _, a, c in parts])
        sizes = np.array([n for n, _, _ in parts])
        np.testing.assert_allclose(
            metrics.expected_calibration_error(CONFIDENCE, CORRECT, num_bins=num_bins), sizes @ gaps / 203, rtol=1e-12
        )
        np.testing.assert_allclose(
            metrics.maximum_calibration_error(CONFIDENCE, CORRECT, num_bins=num_bins), gaps.max(), rtol=1e-12
        )


def test_adaptive_error_is_that_of_an_even_split():
    """numpy.array_split of the sorted examples: its bins, too, differ in size by at most one, the larger ones first."""
    order = np.argsort(CONFIDENCE, kind="stable")
    for num_bins in (7, 300):
        expected = sum(
            abs(np.sum(CORRECT[part] - CONFIDENCE[part])) for part in np.array_split(order, num_bins) if len(part)
        )
        found = metrics.adaptive_calibration_error(CONFIDENCE, CORRECT, num_bins=num_bins)
        np.testing.assert_allclose(found, expected / 203, rtol=1e-12)


def test_reliability_bins():
    bins = metrics.reliability_bins(CONFIDENCE, CORRECT, num_bins=10)
    expected = binned(CONFIDENCE, CORRECT, equal_width(CONFIDENCE, 10))
    np.testing.assert_allclose(np.stack([bins.count, bins.accuracy, bins.confidence], 1), expected, rtol=1e-12)
    even = metrics.reliability_bins(CONFIDENCE, CORRECT, num_bins=7, equal_mass=True)
    np.testing.assert_array_equal(even.count, [29] * 7)
    assert np.all(np.diff(even.confidence) > 0)
    few = metrics.reliability_bins(np.array([0.9, 0.95]), np.array([1, 0]), num_bins=4)
    np.testing.assert_allclose(
        np.stack([few.count, few.accuracy, few.confidence]), np.eye(4)[3] * [[2], [0.5], [0.925]]
    )


def test_masked_examples_count_nothing():
    """Every metric of masked examples, NaN among them, is that of the others alone."""
    hidden = np.where(WHERE, CONFIDENCE, np.nan)
    for metric in (
        metrics.expected_calibration_error,
        metrics.adaptive_calibration_error,
        metrics.maximum_calibration_error,
        metrics.ks_calibration_error,
        metrics.brier_score,
        metrics.auroc,
    ):
        whole = metric(hidden, CORRECT, where=WHERE)
        np.testing.assert_allclose(whole, metric(CONFIDENCE[WHERE], CORRECT[WHERE]), rtol=1e-12, err_msg=str(metric))


def test_ks_error_does_not_depend_on_the_order_of_ties():
    order = RNG.permutation(203)
    value = metrics.ks_calibration_error(CONFIDENCE, CORRECT)
    np.testing.assert_allclose(metrics.ks_calibration_error(CONFIDENCE[order], CORRECT[order]), value, rtol=1e-12)
    sums = [abs(np.sum((CORRECT - CONFIDENCE)[c >= CONFIDENCE])) for c in np.unique(CONFIDENCE)]
    np.testing.assert_allclose(value, max(sums) / 203, rtol=1e-12)


def test_brier_and_auroc_are_those_of_scikit_learn():
    np.testing.assert_allclose(
        metrics.brier_score(CONFIDENCE, CORRECT), brier_score_loss(CORRECT, CONFIDENCE), rtol=1e-12
    )
    np.testing.assert_allclose(metrics.auroc(CONFIDENCE, CORRECT), roc_auc_score(CORRECT, CONFIDENCE), rtol=1e-12)
    scores = RNG.normal(0, 100, 203)
    np.testing.assert_allclose(metrics.auroc(scores, CORRECT), roc_auc_score(CORRECT, scores), rtol=1e-12)
    assert metrics.auroc(np.zeros(4), np.array([0, 1, 1, 0])) == 0.5


def test_relaxed_auroc():
    """It is the mean sigmoid over pairs, tends to the hard one, and its gradient raises positives above negatives."""
    for temperature in (0.1, 1e-4):
        pairs = (CONFIDENCE[CORRECT][:, None] - CONFIDENCE[~CORRECT]) / temperature
        expected = np.mean((1 + np.tanh(pairs / 2)) / 2)
        value = metrics.auroc(CONFIDENCE, CORRECT, temperature=temperature)
        np.testing.assert_allclose(value, expected, rtol=1e-12)
    np.testing.assert_allclose(value, metrics.auroc(CONFIDENCE, CORRECT), rtol=1e-12)
    slopes = jax.grad(lambda s: metrics.auroc(s, CORRECT, temperature=0.1))(jnp.asarray(CONFIDENCE))
    assert np.all(slopes[CORRECT] > 0)
    assert np.all(slopes[~CORRECT] < 0)


def test_classwise_error_and_scores_of_distributions():
    p = RNG.dirichlet(np.ones(4), 60)
    labels = RNG.integers(0, 4, 60)
    hot = np.eye(4)[labels]
    expected = np.mean([metrics.expected_calibration_error(p[:, k], hot[:, k], num_bins=6) for k in range(4)])
    np.testing.assert_allclose(metrics.classwise_calibration_error(p, labels, num_bins=6), expected, rtol=1e-12)
    np.testing.assert_allclose(
        metrics.multiclass_brier_score(p, labels), np.mean(np.sum((hot - p) ** 2, 1)), rtol=1e-12
    )
    top = metrics.top_label(p, labels)
    np.testing.assert_array_equal(top.confidence, p.max(1))
    np.testing.assert_array_equal(top.correct, p.argmax(1) == labels)
    where = np.arange(60) < 40
    hidden = np.where(where[:, None], p, np.nan), np.where(where, labels, -1)
    for metric in (metrics.classwise_calibration_error, metrics.multiclass_brier_score):
        np.testing.assert_allclose(metric(*hidden, where=where), metric(p[:40], labels[:40]), rtol=1e-12)
    top = metrics.top_label(*hidden, where=where)
    np.testing.assert_array_equal(top.confidence, np.where(where, p.max(1), 0))
    np.testing.assert_array_equal(top.correct, where & (p.argmax(1) == labels))


def test_labels_of_narrow_integers():
    """Of 300 classes an int8 names those it can: 299 is not made 43 to be compared with it."""
    p = np.full((2, 300), 0.5 / 299)
    p[0, 100] = p[1, 299] = 0.5
    top = metrics.top_label(p, np.array([100, 43], np.int8))
    np.testing.assert_array_equal(top.correct, [1, 0])


def test_faults_are_named():
    for call, match in (
        (lambda: metrics.brier_score(CONFIDENCE, CORRECT, where=np.zeros(203, bool)), "where must keep at least one"),
        (lambda: metrics.brier_score(np.zeros(0), np.zeros(0)), "confidence must hold at least one example"),
        (lambda: metrics.brier_score(CONFIDENCE, CORRECT[1:]), "correct must have the shape of confidence"),
        (lambda: metrics.expected_calibration_error(CONFIDENCE, CORRECT, num_bins=0), "num_bins must be at least 1"),
        (lambda: metrics.auroc(CONFIDENCE, np.ones(203)), "positive must hold both classes, got one"),
        (lambda: metrics.auroc(CONFIDENCE, CONFIDENCE), "positive must hold zeros and ones"),
    ):
        with without_shape_hook(), pytest.raises(ValueError, match=match):
            call()
