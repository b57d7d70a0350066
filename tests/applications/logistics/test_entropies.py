"""Structural entropy, grouping and chaining: padding, gradients and what consolidation does."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import gammaln, polygamma

from entropax.applications import logistics
from tests.contract import harness

COUNTS = np.array([3.0, 2.0, 1.0, 0.0, 0.0])


def by_scipy(counts):
    return gammaln(np.sum(counts) + 1) - np.sum(gammaln(np.asarray(counts) + 1))


def test_padding_changes_nothing_and_has_no_gradient(x64):
    scores = {
        "S": logistics.log_multiplicity,
        "s": logistics.normalized_structural_entropy,
        "gap": logistics.shannon_duality_gap,
    }
    for name, score in scores.items():
        value, gradient = jax.value_and_grad(score)(COUNTS)
        short, short_gradient = jax.value_and_grad(score)(COUNTS[:3])
        np.testing.assert_allclose(value, short, rtol=1e-14, err_msg=name)
        np.testing.assert_allclose(gradient, [*short_gradient, 0, 0], rtol=1e-13, err_msg=name)
    # A mask has its way over the counts: what is masked may be anything, and an empty stop may be one.
    masked = np.array([3.0, 2.0, 1.0, 7.0, np.nan])
    where = np.arange(5) < 3
    value, gradient = jax.value_and_grad(lambda n: logistics.log_multiplicity(n, where=where))(masked)
    np.testing.assert_allclose(value, math.log(60), rtol=1e-14)
    np.testing.assert_array_equal(gradient[3:], 0)
    slope = jax.grad(lambda n: logistics.log_multiplicity(n, where=True))(COUNTS)[3]
    np.testing.assert_allclose(slope, polygamma(0, 7) - polygamma(0, 1), rtol=1e-13)
    step = 1e-6  # to one side, the only one there is
    ahead = by_scipy([3, 2, 1, step]) - by_scipy([3, 2, 1])
    np.testing.assert_allclose(slope, ahead / step, rtol=1e-5)


def test_float32_is_good_to_1e_4_only(x64):
    counts = np.ones(200)
    exact = math.lgamma(201)
    single = float(logistics.log_multiplicity(counts.astype(np.float32)))
    double = float(logistics.log_multiplicity(counts))
    assert abs(double - exact) < 1e-12
    assert 1e-6 < abs(single - exact) < 2e-4


def test_normalised_by_stops_is_one_at_equal_counts_alone(x64):
    score = lambda n: logistics.normalized_structural_entropy(n, normalisation="stops")  # noqa: E731
    equal = np.array([[2.5, 2.5, 2.5, 0.0], [4.0, 4.0, 4.0, 4.0]])
    np.testing.assert_allclose(score(equal), 1, rtol=1e-14)
    uneven = np.random.default_rng(0).uniform(0.5, 6, (50, 4))
    assert np.all(score(uneven) < 1)
    np.testing.assert_array_equal(score(np.array([[5.0, 0, 0, 0], [1.0, 0, 0, 0]])), 0)
    with (
        harness.without_shape_hook(),
        pytest.raises(ValueError, match="normalisation must be one of 'parcels', 'stops', got 'carriers'"),
    ):
        logistics.normalized_structural_entropy(COUNTS, normalisation="carriers")


def test_duality_gap_is_stirlings_for_large_counts(x64):
    share = np.array([0.5, 0.3, 0.2])
    for parcels in (1e3, 1e5):
        exact = float(logistics.shannon_duality_gap(parcels * share))
        stirling = (2 * math.log(2 * math.pi * parcels) + np.log(share).sum()) / (2 * parcels)
        np.testing.assert_allclose(exact, stirling, atol=2 / parcels**2)


@pytest.mark.fast
def test_chain_rule_by_counting(x64):
    """Sequences of stops are sequences of groups, with the stops of each group in one of their orders."""
    counts, group = (2, 1, 2, 1), np.array([0, 1, 0, 1])
    labels = [stop for stop, n in enumerate(counts) for _ in range(n)]
    every = set(itertools.permutations(labels))
    groups = {tuple(group[list(sequence)]) for sequence in every}
    parts = logistics.grouped_entropy(np.array(counts, float), group, num_groups=3)
    np.testing.assert_allclose(np.exp([parts.value, parts.between]), [len(every), len(groups)], rtol=1e-12)
    np.testing.assert_allclose(parts.value, parts.between + parts.within, rtol=1e-14)
    np.testing.assert_array_equal(parts.groups[2], 0)
    with pytest.raises(ValueError, match="group_of_stop must be at least 0 and below 3, got 3"):
        logistics.grouped_entropy(np.array(counts, float), group + 2, num_groups=3)


def test_consolidation_keeps_parcels_and_follows_priorities(x64):
    counts = np.array([3.0, 2.0, 1.0, 4.0])
    adoption = logistics.adoption_by_priority(0.6, np.array([1, 3, 0, 2]))
    np.testing.assert_allclose(adoption, [1, 0, 1, 0.4], rtol=1e-14)
    loads = logistics.spatial_consolidation(counts, np.array([0, 0, 1, 1]), adoption, num_lockers=2)
    np.testing.assert_allclose(loads.value, [0, 2, 0, 2.4, 3, 2.6], rtol=1e-14)
    np.testing.assert_allclose(loads.customers, [1, 1.4], rtol=1e-14)
    for share in (0.0, 1.0):
        np.testing.assert_allclose(jnp.sum(logistics.adoption_by_priority(share, np.arange(4))), 4 * share)
    with pytest.raises(ValueError, match=r"priority must be a permutation of 0 ... 3, got \[0 0 1 2\]"):
        logistics.adoption_by_priority(0.5, np.array([0, 0, 1, 2]))


def test_chaining_of_each_locker_counts_by_its_trips(x64):
    """Not the mean of c over lockers: what is left of the trips is."""
    carrier, trips, c = np.array([1.0, 1, 6, 2]), np.array([6.0, 2.0]), np.array([1.0, 0.0])
    value = logistics.system_entropy(carrier, trips, c)
    np.testing.assert_allclose(value, math.lgamma(13) - math.lgamma(7) - math.lgamma(3), rtol=1e-14)
    np.testing.assert_allclose(logistics.system_entropy(carrier, trips, 1.0), by_scipy(carrier), rtol=1e-14)


def test_break_even_beyond_reach_is_told(x64):
    """A share below 0 or above 1 is given as it is, and no trips at all as NaN."""
    carrier = np.array([[1.0, 1, 6, 2], [1.0, 1, 6, 2], [1.0, 1, 6, 2], [1.0, 1, 1, 1]])
    trips = np.array([[6.0, 2.0], [6.0, 2.0], [0.0, 0.0], [500.0, 0.0]])
    direct = np.array([by_scipy([1] * 10), 40.0, 10.0, math.log(24.0)])
    found = logistics.break_even_chaining(carrier, trips, direct)
    np.testing.assert_array_equal(found.attainable, [True, False, False, True])
    np.testing.assert_array_equal(found.converged, [True, True, False, True])
    assert found.value[1] < 0
    assert np.isnan(found.value[2])
    np.testing.assert_allclose(found.value[3], 1, rtol=1e-13)
    at = found.value[:1, None]
    # Alone at their lockers customers give c* = 1 exactly, whatever rounding makes of it.
    alone = np.ones((40, 60)) * (np.arange(60) < np.arange(20, 60)[:, None])
    found = logistics.break_even_chaining(alone, np.ones((40, 2)), gammaln(np.arange(21.0, 61.0)))
    assert np.all(found.attainable)
    back = logistics.system_entropy(carrier[:1], trips[:1], at)
    np.testing.assert_allclose(back, direct[:1], rtol=1e-14)


def test_windows_merge_requests(x64):
    rng = np.random.default_rng(3)
    customer, day = rng.integers(0, 9, 60), rng.integers(0, 10, 60)
    for window in (1, 3, 10):
        requests = np.asarray(
            logistics.temporal_consolidation(customer, day, window=window, num_customers=9, num_days=10)
        )
        pairs = set(zip(customer.tolist(), (day // window).tolist(), strict=True))
        assert requests.shape == (-(-10 // window), 9)
        assert np.sum(requests > 0) == len(pairs)
        assert requests.sum() == 60
    padded = logistics.temporal_consolidation(
        np.array([1, 77]), np.array([2, -5]), where=np.array([True, False]), window=2, num_customers=2, num_days=3
    )
    np.testing.assert_array_equal(padded, [[0, 0], [0, 1]])
    with pytest.raises(ValueError, match="window must be at least 1, got 0"):
        logistics.temporal_consolidation(customer, day, window=0, num_customers=9, num_days=10)


def test_law_is_found_through_noise_of_known_size(x64):
    rng = np.random.default_rng(4)
    D = rng.uniform(5, 50, 4000)
    fit = logistics.fit_entropy_distance(3 * D**1.7, D)
    np.testing.assert_allclose([fit.value, fit.prefactor, fit.r_squared], [1.7, 3, 1], rtol=1e-11)
    noisy = logistics.fit_entropy_distance(3 * D**1.7 * np.exp(0.2 * rng.standard_normal(4000)), D)
    assert abs(noisy.value - 1.7) < 5 * noisy.standard_error  # 6e-7 by chance
    slope, covariance = np.polyfit(np.log(D), np.log(3 * D**1.7), 1, cov="unscaled")
    np.testing.assert_allclose(slope[0], 1.7, rtol=1e-11)
    np.testing.assert_allclose(noisy.standard_error, 0.2 * covariance[0, 0] ** 0.5, rtol=0.05)


def test_parts_of_parcels_are_bounded_by_stops_alone(x64):
    """Four halves have more than ln 2!; equal counts have s = 1 by stops, however few the parcels."""
    halves = logistics.normalized_structural_entropy(np.full(4, 0.5))
    np.testing.assert_allclose(halves, by_scipy([0.5] * 4) / math.log(2), rtol=1e-14)
    assert halves > 1.69
    for counts in ([0.5] * 4, [0.25] * 4, [0.5, 0.5]):
        one = logistics.normalized_structural_entropy(np.array(counts), normalisation="stops")
        np.testing.assert_allclose(one, 1, rtol=1e-14)


def test_distances_that_rounding_makes_one_are_refused():
    near = np.array([1e30, np.nextafter(np.float32(1e30), np.float32(2e30)), 1e30], np.float32)
    with pytest.raises(ValueError, match="the spread of distance must be positive and finite, got 0"):
        logistics.fit_entropy_distance(np.array([1.0, 2.0, 3.0], np.float32), near)
