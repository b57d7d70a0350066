"""The typed estimates of a peer package belong to the tasks they are filed under."""

import numpy as np
import pytest

from entropax.estimators import BENCHMARK_TASKS
from experiments.estimators._benchmark_mi import BASELINES


@pytest.mark.fast
def test_every_task_has_estimates_without_training():
    assert list(BASELINES) == list(BENCHMARK_TASKS)
    for name, estimates in BASELINES.items():
        assert estimates, name
        assert all(values and np.isfinite(values).all() for values in estimates.values()), name
        assert {"cca", "ksg_10"} <= set(estimates), name


@pytest.mark.parametrize("dim", [2, 3, 5, 25, 50])
def test_canonical_correlations_are_right_where_the_data_are_normal(dim):
    """One canonical correlation makes the standard deviation at most 1 / sqrt(n) = 0.01; the bias is d^2 / 2n."""
    name, n = f"multinormal-dense-{dim}-{dim}-0.5", 10_000
    value = float(BENCHMARK_TASKS[name].mutual_information)
    for estimate in BASELINES[name]["cca"]:
        assert abs(estimate - value - dim**2 / (2 * n)) < 0.05
