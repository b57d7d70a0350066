"""What arXiv 2404.13016 states of correctness-aware calibration, and the metrics that it reports."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import losses, metrics

pytestmark = [pytest.mark.usefixtures("x64"), pytest.mark.fast]
LOGITS = np.array([[2, 1, 0.1], [0.5, 0.6, 0.2], [3, 0, -1], [0, 0.1, 0.3]])
LABELS = np.array([0, 0, 0, 2])
CONFIDENCE = np.array([0.95, 0.92, 0.81, 0.77, 0.66, 0.64, 0.58, 0.55, 0.43, 0.39])
CORRECT = np.array([1, 1, 1, 0, 1, 0, 1, 0, 0, 1])
PRINTED = 6e-11  # half a unit of the tenth digit


def printed(values, expected):
    np.testing.assert_allclose(values, expected, rtol=0, atol=PRINTED)


def mean_loss(temperature, **options):
    return jnp.mean(losses.correctness_aware_loss(LOGITS, LABELS, temperature, **options))


def test_1_losses_of_a_batch():
    """Confidences, and the correctness-aware loss, cross-entropy and Brier score at three temperatures."""
    top = metrics.top_label(jax.nn.softmax(jnp.asarray(LOGITS)), LABELS)
    printed(top.confidence, [0.6590011389, 0.3883257680, 0.9362395519, 0.3906938333])
    np.testing.assert_array_equal(top.correct, [1, 0, 1, 1])
    rows = []
    for t in (0.5, 1, 2):
        scaled = losses.temperature_scale(LOGITS, t)
        brier = metrics.multiclass_brier_score(jax.nn.softmax(scaled), LABELS)
        rows.append([mean_loss(t), np.mean(losses.cross_entropy_loss(scaled, LABELS)), brier])
    expected = [
        [0.1286933059, 0.1605991312, 0.2139605435],
        [0.4913228680, 0.6171639161, 0.7705509679],
        [0.2822034929, 0.3469796734, 0.4363420348],
    ]
    printed(np.transpose(rows), expected)
    p, wrong = np.asarray(top.confidence), np.array([0, 1, 0, 0])
    printed(losses.correctness_aware_loss(LOGITS, LABELS, power=1), np.abs(1 - wrong - p))


def test_2_the_slope_by_temperature():
    """dL/dT at T = 1, which is the closed form (2/n) sum (chat - c)(-chat (z_max - zbar) / T^2)."""
    slope = jax.grad(mean_loss)(1.0)
    printed(slope, 0.0619526340)
    p = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
    top, c = p.max(1), LOGITS.argmax(1) == LABELS
    closed = np.mean(2 * (top - c) * -top * (LOGITS.max(1) - (p * LOGITS).sum(1)))
    np.testing.assert_allclose(slope, closed, rtol=1e-12)
    each = jax.grad(lambda t: jnp.sum(losses.correctness_aware_loss(LOGITS, LABELS, t)))(jnp.ones(4))
    np.testing.assert_array_equal(each > 0, c)  # a descent sharpens right predictions and flattens wrong ones


def test_3_a_narrowly_wrong_prediction():
    """As T grows the correctness-aware loss falls to 1/9 and cross-entropy rises: they pull in opposite directions."""
    z, temperatures = np.tile(np.log([0.45, 0.40, 0.15]), (4, 1)), np.array([0.5, 1, 2, 5])
    labels = np.ones(4, int)
    aware = losses.correctness_aware_loss(z, labels, temperatures)
    printed(aware, [0.2766486760, 0.2025, 0.1574504873, 0.1294431481])
    cross = losses.cross_entropy_loss(losses.temperature_scale(z, temperatures), labels)
    printed(cross, [0.8780695191, 0.9162907319, 0.9832136359, 1.0458133597])
    assert np.all(np.diff(aware) < 0)
    assert np.all(np.diff(cross) > 0)
    np.testing.assert_allclose(losses.correctness_aware_loss(z[0], 1, 1e9), 1 / 9, rtol=1e-8)


def test_4_metrics_of_ten_predictions():
    """ECE for 5 and 10 bins, MCE for both, adaptive ECE, KS, Brier and AUROC."""
    given = CONFIDENCE, CORRECT
    printed([metrics.expected_calibration_error(*given, num_bins=n) for n in (5, 10)], [0.256, 0.256])
    printed([metrics.maximum_calibration_error(*given, num_bins=n) for n in (5, 10)], [0.61, 0.77])
    printed(metrics.adaptive_calibration_error(*given, num_bins=5), 0.132)
    printed(metrics.ks_calibration_error(*given), 0.102)
    printed(metrics.brier_score(*given), 0.2199)
    printed(metrics.auroc(*given), 0.7083333333)


def test_5_limits_and_the_bound_of_the_calibration_error():
    """T never moves the argmax; T -> 0 leaves the error rate, T -> inf (1/C)^2 and (1 - 1/C)^2; ECE^2 <= L."""
    rng = np.random.default_rng(2)
    z = rng.normal(0, 2, (300, 4))
    labels = np.where(rng.random(300) < 0.6, z.argmax(1), rng.integers(0, 4, 300))
    wrong = z.argmax(1) != labels
    for t in (1e-2, 1.0, 50.0):
        np.testing.assert_array_equal(np.argmax(losses.temperature_scale(z, t), 1), z.argmax(1))
        top = metrics.top_label(jax.nn.softmax(losses.temperature_scale(z, t)), labels)
        loss = np.mean(losses.correctness_aware_loss(z, labels, t))
        np.testing.assert_allclose(loss, metrics.brier_score(top.confidence, top.correct), rtol=1e-12)
        bins = metrics.reliability_bins(top.confidence, top.correct, num_bins=15)
        squared = np.sum(bins.count * (bins.accuracy - bins.confidence) ** 2) / 300
        ece = metrics.expected_calibration_error(top.confidence, top.correct, num_bins=15)
        assert ece**2 <= squared + 1e-12
        assert squared <= loss + 1e-12
    assert np.all(losses.correctness_aware_loss(z, labels) >= 0)
    cold = np.mean(losses.correctness_aware_loss(z, labels, 1e-6))
    np.testing.assert_allclose(cold, wrong.mean(), rtol=1e-12)
    hot = losses.correctness_aware_loss(z, labels, 1e9)
    np.testing.assert_allclose(hot, np.where(wrong, 1 / 16, 9 / 16), rtol=1e-6)


def test_6_calibrated_predictions():
    """Where correct ~ Bernoulli(confidence), ECE falls as n^(-1/2) and the loss tends to E[conf (1 - conf)] = 1/6.

    Uniform confidences. ECE of B bins has the expectation sqrt(2 / pi) E[sd] sqrt(B / n), with E[sd] = pi / 8 for
    narrow bins, and a relative spread of sqrt((pi/2 - 1) / B), 0.2 at B = 15: three of them. The score has a standard
    error of 0.15 / sqrt(n): four of them, which finds an error of 0.002 at the larger n with a power above 0.95.
    """
    rng = np.random.default_rng(4)
    for n in (1_000, 400_000):
        confidence = rng.random(n)
        correct = rng.random(n) < confidence
        expected = np.sqrt(2 / np.pi) * np.pi / 8 * np.sqrt(15 / n)
        ece = metrics.expected_calibration_error(confidence, correct)
        assert 0.4 * expected < ece < 1.6 * expected
        assert abs(metrics.brier_score(confidence, correct) - 1 / 6) < 4 * 0.15 / np.sqrt(n)
