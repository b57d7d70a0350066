"""The parts of the experiment on Plackett-Luce distillation."""

import numpy as np
import scipy.stats

from experiments.losses import pld as experiment


def test_agreement_of_rankings_is_kendalls_tau():
    """Against scipy, ties included."""
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 6, (2, 5, 10)), rng.integers(0, 6, (5, 10))
    expected = [[scipy.stats.kendalltau(x, y).statistic for x, y in zip(rows, b, strict=True)] for rows in a]
    np.testing.assert_allclose(experiment.rank_agreement(a, b), np.mean(expected, axis=1), rtol=1e-12)


def test_every_digit_has_its_share_of_the_test_images():
    data = experiment.split_digits(experiment.PRESETS["smoke"])
    counts = [np.bincount(data[name], minlength=10) for name in ("train_y", "test_y")]
    np.testing.assert_allclose(counts[1] / (counts[0] + counts[1]), 0.4, atol=0.01)
    assert data["train_x"].min() == 0
    assert data["train_x"].max() == 1
