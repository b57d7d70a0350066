"""The parts of the experiment on cores of clusters."""

from types import SimpleNamespace

import numpy as np
import pytest

from experiments.applications import _cluster_measures, tng_cluster
from experiments.benchmarks import cluster_transformations
from experiments.claims import Ordering
from tests.applications.clusters.oracle import brute_force


@pytest.mark.fast
def test_phases_are_cut_at_both_ends():
    """Two histories of five times, 0.5 Gyr apart: cool 2, not 3; cool 1, not 2, cool 2."""
    K = np.array([[20, 20, 300, 300, 300], [20, 300, 300, 20, 20.0]])
    seen = SimpleNamespace(population=SimpleNamespace(K0_true=K, t=0.5 * np.arange(5)))
    found = _cluster_measures.phases(seen)
    assert found["cool-core"] == pytest.approx(0.5 * 5 / 3)
    assert found["non-cool-core"] == pytest.approx(0.5 * 5 / 2)


@pytest.mark.fast
def test_claims_are_all_measured_by_name():
    names = [claim.name for claim in tng_cluster.CLAIMS]
    assert len(names) == len(set(names))
    assert set(tng_cluster.REMARKS) <= set(names)


@pytest.mark.fast
def test_what_the_generator_makes_true_is_said():
    """Orderings and excesses that are planted, but those against chance, whose source says "planted"."""
    by_construction = {name for name, words in tng_cluster.REMARKS.items() if "by construction" in words}
    orderings = {claim.name for claim in tng_cluster.CLAIMS if isinstance(claim.check, Ordering)}
    assert orderings - by_construction == {"mean length of phases (Gyr)"}  # which differs
    planted = {claim.name for claim in tng_cluster.CLAIMS if tng_cluster.PLANTED in claim.source}
    assert {name for name in planted if "mass ratio" in name or name.startswith("nucleus")} <= by_construction


@pytest.mark.fast
def test_shares_of_today_are_judged_by_their_errors():
    shares = [claim for claim in tng_cluster.CLAIMS if claim.name.startswith("share by cooling time today")]
    assert len(shares) == 3
    for claim in shares:
        p = float(claim.paper_value)
        assert claim.check.paper_error == pytest.approx(np.sqrt(p * (1 - p) / 352))


@pytest.mark.fast
def test_the_peer_of_the_benchmark_is_the_oracle():
    rng = np.random.default_rng(2)
    t = 0.1 * np.arange(80)
    K = 10 ** (2 + 0.3 * np.cumsum(rng.choice([0, 0, 0, 1, -1], (20, 80)) * 0.8, axis=1))
    expected = [[np.sum(rows[:, 2] == s) for s in (1, -1)] for rows in (brute_force(t, k) for k in K)]
    np.testing.assert_array_equal(cluster_transformations.theirs(K), expected)
    assert np.sum(expected) > 20
