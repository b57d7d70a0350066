"""Means and standard deviations of all 135 systems against the package's, over ten periods from its starting points."""

import numpy as np
import pytest

from experiments.simulators._chaos_statistics import DIFFERENT, deviations, differences, summary


@pytest.mark.slow
def test_means_and_deviations(x64, tmp_path):
    """All 135 systems but the five explained within three standard errors, 115 within a percent of a deviation."""
    found = differences(folder=tmp_path)
    assert len(found) == 135
    outside = {name: worst for name, worst in found.items() if not worst[1] <= 3}
    assert set(outside) <= set(DIFFERENT), outside
    assert sum(relative < 0.01 for relative, _ in found.values()) >= 115, found
    share, words = summary(found)
    assert share == 1 - len(outside) / 135
    assert "unexplained" not in words


def test_deviations_are_counted_in_their_own_errors():
    """White noise against its own moments is within three errors; a mean or deviation moved by its size is not."""
    points = np.random.default_rng(3).normal(size=(1000, 2))
    zero, one = np.zeros(2), np.ones(2)
    assert deviations(points, {"mean": zero, "std": one})[1] < 3
    assert deviations(points, {"mean": zero + 0.5, "std": one})[1] > 3
    assert deviations(points, {"mean": zero, "std": 1.5 * one})[1] > 3
