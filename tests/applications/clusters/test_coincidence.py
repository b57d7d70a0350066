"""Coincidence with mergers by loops, exact chances, and what is dropped."""

import statistics

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy import stats

from entropax.applications import clusters
from tests.contract.harness import without_shape_hook

pytestmark = pytest.mark.usefixtures("x64")
RNG = np.random.default_rng(12)
C, E, M = 30, 4, 6
SPANS = np.stack([np.full(C, 2.0), RNG.uniform(9, 12, C)], axis=1)
TIMES = RNG.uniform(2, 12, (C, E))
MASK = RNG.uniform(size=(C, E)) < 0.8
SIGNS = RNG.choice([1, -1], (C, E))
MERGER_TIMES = RNG.uniform(2, 12, (C, M))
MERGER_MASK = RNG.uniform(size=(C, M)) < 0.7
RATIOS = RNG.uniform(0, 1, (C, M))


def table(times=TIMES, mask=MASK, signs=SIGNS):
    def one(t, there, sign):
        none = jnp.zeros_like(t)
        zero, some = jnp.zeros(t.shape, jnp.int32), jnp.asarray(True)
        return clusters.TransformationTable(
            jnp.sum(there, dtype=jnp.int32), there, none, none, t, none, none, sign, zero, zero, ~some, some
        )

    return jax.vmap(one)(*(jnp.asarray(x) for x in (times, mask, signs)))


def mergers(**more):
    return clusters.MergerList(jnp.asarray(MERGER_TIMES), jnp.asarray(MERGER_MASK), jnp.asarray(RATIOS), **more)


def by_loop(sign, low=0.0, high=np.inf, tau=1.0):
    """Counts, matches and dropped events, one event after another."""
    count, matched, dropped = np.zeros(C, int), np.zeros(C, int), 0
    for c in range(C):
        for e in range(E):
            if not MASK[c, e] or SIGNS[c, e] != sign:
                continue
            t = TIMES[c, e]
            if t - tau < SPANS[c, 0] or t > SPANS[c, 1]:
                dropped += 1
                continue
            count[c] += 1
            matched[c] += any(
                MERGER_MASK[c, m] and low <= RATIOS[c, m] < high and t - tau < MERGER_TIMES[c, m] <= t for m in range(M)
            )
    return count, matched, dropped


@pytest.mark.parametrize(("direction", "sign"), [("up", 1), ("down", -1)])
def test_equals_a_loop(direction, sign):
    for bounds in (None, clusters.MINOR, clusters.MAJOR):
        found = clusters.merger_fraction(table(), mergers(), SPANS, direction=direction, mass_ratio_range=bounds)
        count, matched, dropped = by_loop(sign, *(bounds or ()))
        np.testing.assert_array_equal(found.counts, count)
        np.testing.assert_array_equal(found.matches, matched)
        assert (int(found.count), int(found.matched), int(found.dropped)) == (count.sum(), matched.sum(), dropped)
        assert float(found.value) == pytest.approx(matched.sum() / count.sum(), rel=1e-12)
        np.testing.assert_allclose(found.interval, clusters.wilson_interval(float(matched.sum()), float(count.sum())))
        left = np.array([(matched.sum() - matched[i]) / (count.sum() - count[i]) for i in range(C)])
        jackknife = np.sqrt((C - 1) / C * np.sum((left - left.mean()) ** 2))
        assert float(found.standard_error) == pytest.approx(jackknife, rel=2 / C)  # both to first order in 1 / C
    assert dropped > 0


def test_one_cluster_shows_no_scatter():
    """Its error is unknown, not zero; so it is where all events are of one of several."""
    alone = jax.tree.map(lambda x: x[:1], (table(), mergers(), SPANS))
    found = clusters.merger_fraction(*alone)
    assert int(found.count) > 0
    assert np.isnan(found.standard_error)
    one_row = MASK & (np.arange(C) == 3)[:, None]
    found = clusters.merger_fraction(table(mask=one_row), mergers(), SPANS)
    assert 0 < int(found.count) == int(found.counts[3])
    assert np.isnan(found.standard_error)
    assert np.isfinite(found.value)


def test_faults_of_tables_are_told():
    none = jax.tree.map(lambda x: x[:0], (table(), mergers(), SPANS))
    with pytest.raises(ValueError, match=r"table.t_mid must hold one cluster or more, got shape \(0, 4\)"):
        clusters.merger_fraction(*none)
    good = mergers()
    with without_shape_hook():
        for kind, error, words in (
            (
                clusters.MergerList(good.times, good.mask, good.mass_ratio[0]),
                ValueError,
                "mergers.mass_ratio must have",
            ),
            (
                clusters.MergerList(good.times, 2 * good.mask, good.mass_ratio),
                TypeError,
                "mergers.mask must be boolean",
            ),
        ):
            with pytest.raises(error, match=words):
                clusters.merger_fraction(table(), kind, SPANS, mass_ratio_range=(0.1, 1))
    with pytest.raises(ValueError, match=r"mass_ratio_range must increase, got \(1, 0.1\)"):
        clusters.merger_fraction(table(), good, SPANS, mass_ratio_range=(1, 0.1))


def test_no_mergers_at_all():
    """Lists of length zero: nothing is observed, nothing by chance, and p = 1."""
    empty = clusters.MergerList(jnp.zeros((C, 0)), jnp.zeros((C, 0), bool))
    assert float(clusters.merger_fraction(table(), empty, SPANS).value) == 0
    for control in (clusters.random_control, clusters.shuffled_control):
        found = control(table(), empty, SPANS, key=jax.random.key(0), num_draws=3)
        assert (float(found.observed), float(found.chance), float(found.p_value)) == (0, 0, 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_intervals_of_none_and_of_all(dtype):
    """Wilson's ends are exactly 0 and 1 there, and rare successes keep their digits; by mpmath with 40 of them."""
    n = dtype(1e6)
    assert float(clusters.wilson_interval(dtype(0), n)[0]) == 0
    assert float(clusters.wilson_interval(n, n)[1]) == 1
    with mpmath.workdps(40):
        z = mpmath.mpf(statistics.NormalDist().inv_cdf(0.975))
        for k, n in ((0, 5), (1, 10**6), (3, 7), (7, 7), (999_998, 10**6)):
            share = mpmath.mpf(k) / n
            half = z * mpmath.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
            expected = [float((share + z**2 / (2 * n) + s * half) / (1 + z**2 / n)) for s in (-1, 1)]
            ends = clusters.wilson_interval(dtype(k), dtype(n))
            np.testing.assert_allclose(ends, expected, rtol=8 * np.finfo(dtype).eps, atol=0)


def test_binomial_tails():
    """None of n or more is certain; the others are scipy's; numbers that are not whole are refused."""
    for k in range(5):
        found = clusters.binomial_excess(float(k), 4.0, 0.3)
        assert float(found.value) == pytest.approx(stats.binom.sf(k - 1, 4, 0.3), rel=1e-12)
    slope = jax.grad(lambda p: clusters.binomial_excess(0.0, 4.0, p).value)(0.3)
    assert float(slope) == 0
    with pytest.raises(ValueError, match=r"successes and trials must be whole numbers, got 2.5 of 4.0"):
        clusters.binomial_excess(2.5, 4.0, 0.3)


def test_random_times_have_the_exact_chance():
    """The mean of the draws is the share of each span that lies within tau after a merger, by a fine grid."""
    control = clusters.random_control(table(), mergers(), SPANS, key=jax.random.key(3), direction="up", num_draws=4000)
    expected = np.zeros(C)
    for c in range(C):
        grid = np.linspace(SPANS[c, 0] + 1, SPANS[c, 1], 40001)
        times = MERGER_TIMES[c][MERGER_MASK[c]]
        expected[c] = np.mean(np.any((grid[:, None] - times >= 0) & (grid[:, None] - times < 1), axis=1))
    count = by_loop(1)[0]
    error = np.sqrt(np.sum(count * expected * (1 - expected)) / 4000)
    assert abs(np.sum(count * expected) - float(jnp.sum(control.expected))) < 4 * error
    spread = error * np.sqrt(4000) / count.sum()
    assert float(control.standard_deviation) == pytest.approx(spread, rel=4 / np.sqrt(2 * 4000))  # 4 of its errors
    assert float(control.value) == pytest.approx(float(control.observed - control.chance), abs=1e-12)
    above = np.mean(np.asarray(control.draws) >= float(control.observed))
    assert float(control.p_value) == pytest.approx((1 + 4000 * above) / 4001, rel=1e-12)


def test_shifted_mergers_keep_their_distances():
    """Two mergers half a Gyr apart are one window of 1.5 Gyr wherever they stand: the exact chance on a circle."""
    times = jnp.asarray([[3.0, 3.5]])
    pair = clusters.MergerList(times, jnp.ones((1, 2), bool))
    event = table(np.array([[6.0]]), np.array([[True]]), np.array([[1]]))
    spans = np.array([[2.0, 12.0]])
    control = clusters.shuffled_control(event, pair, spans, key=jax.random.key(1), num_draws=4000)
    assert float(control.chance) == pytest.approx(0.15, abs=4 * np.sqrt(0.15 * 0.85 / 4000))
    assert float(control.observed) == 0


def test_bootstrap_draws_clusters():
    """Its error is that of the ratio to first order, from the scatter of clusters."""
    control = clusters.random_control(table(), mergers(), SPANS, key=jax.random.key(3), direction="up", num_draws=200)
    found = clusters.excess_bootstrap(control, key=jax.random.key(4), num_resamples=2000)
    off = np.asarray(control.matches - control.expected - control.value * control.counts)
    linear = np.sqrt(np.sum(off**2)) / float(jnp.sum(control.counts))
    assert float(found.value) == pytest.approx(float(control.value), abs=1e-12)
    # The spread of 2000 resamples is known to 1.6%; the ratio is linear to first order in 1 / 30.
    assert float(found.standard_error) == pytest.approx(linear, rel=0.1)


def test_nothing_to_count_is_nan():
    empty = table(mask=np.zeros((C, E), bool))
    found = clusters.merger_fraction(empty, mergers(), SPANS)
    control = clusters.random_control(empty, mergers(), SPANS, key=jax.random.key(0), num_draws=3)
    assert np.isnan([float(found.value), float(found.standard_error), float(control.p_value)]).all()
    assert int(found.count) == 0


def test_what_mergers_do_not_tell_cannot_be_chosen():
    with pytest.raises(ValueError, match=r"mergers.angular_momentum must be known .* got None"):
        clusters.merger_fraction(table(), mergers(), SPANS, angular_momentum_range=(0, 1))
    spin = mergers(angular_momentum=jnp.asarray(RATIOS))
    both = clusters.merger_fraction(table(), spin, SPANS, angular_momentum_range=(0.5, 1), direction="up")
    assert int(both.matched) == by_loop(1, 0.5, 1.0)[1].sum()
