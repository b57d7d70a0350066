"""Kinds of histories, stacked epochs, duty cycles."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax.applications import clusters
from tests.contract.harness import without_shape_hook

pytestmark = pytest.mark.usefixtures("x64")
T = np.linspace(0, 12, 241)


def history(*levels):
    """Entropies that jump at even distances in time."""
    edges = np.linspace(0, 12, len(levels) + 1)[1:-1]
    return np.asarray(levels, float)[np.searchsorted(edges, T)]


@pytest.mark.parametrize(
    ("levels", "kind", "changes"),
    [
        ((20, 60), 0, 0),
        ((600, 200), 1, 0),
        ((20, 600), 2, 1),
        ((600, 20), 3, 1),
        ((20, 600, 30), 4, 2),
        ((600, 20, 500), 5, 2),
        ((20, 600, 30, 700), 4, 3),
    ],
)
def test_archetypes(levels, kind, changes):
    K = history(*levels)
    found = clusters.archetype(clusters.find_transformations(T, K), K)
    assert (int(found.value), int(found.changes), bool(found.valid)) == (kind, changes, True)


def test_archetype_by_the_lower_limit_and_with_gaps():
    K = history(12, 60)
    where = np.ones(T.size, bool)
    where[-30:] = False
    K[-30:] = np.nan
    table = clusters.find_transformations(T, K, where=where)
    assert int(clusters.archetype(table, K, where=where, limit=22.0).value) == 2
    assert int(clusters.archetype(table, K, where=where).value) == 0
    with pytest.raises(ValueError, match=r"limit must be one of 22.0, 150.0, got 100"):
        clusters.archetype(table, np.ones(T.size), limit=100)


def test_a_stack_of_one_shape():
    """A bump at every event: the stack is the bump, with a band of no width; events near the edges are dropped."""
    events = np.array([[3.0, 7.0], [5.0, 11.5], [6.0, 0.4]])
    mask = np.array([[True, True], [True, True], [True, True]])
    bump = lambda x: np.exp(-((x / 0.4) ** 2))  # noqa: E731
    series = np.stack([bump(T - a) + bump(T - b) for a, b in events])
    offsets = np.linspace(-1, 1, 9)
    stack = clusters.stacked_epoch(T, series, events, mask, offsets=offsets, key=jax.random.key(0))
    assert int(stack.count) == 4
    np.testing.assert_allclose(stack.value, bump(offsets), atol=4e-3)  # linear between times
    np.testing.assert_allclose(stack.interval[1] - stack.interval[0], 0, atol=1e-2)


def test_the_band_of_a_stack_is_the_error_of_its_mean():
    """White noise, one event a cluster: standard deviation over sqrt(c)."""
    rng = np.random.default_rng(2)
    series = rng.standard_normal((200, T.size))
    stack = clusters.stacked_epoch(
        T, series, np.full((200, 1), 6.0), np.ones((200, 1), bool), offsets=np.array([0.0]), key=jax.random.key(1),
        num_resamples=1000,
    )  # fmt: skip
    assert float(stack.standard_error[0]) == pytest.approx(series[:, 120].std() / np.sqrt(200), rel=0.1)
    assert float(stack.value[0]) == pytest.approx(series[:, 120].mean(), abs=1e-12)


def test_duty_cycle_of_an_episode():
    """On for 0.5 of the Gyr before the event; soft counts tend to it; control times stay within their margins."""
    rate = np.stack([(T > 4.51) & (T < 4.99), (T > 8.01) & (T < 8.99)]).astype(float)
    events = np.array([[5.5], [9.0]])
    mask = np.ones((2, 1), bool)
    found = clusters.duty_cycle(T, rate, events, mask, threshold=0.5)
    # Samples at 4.55 ... 4.95 stand for 0.45 Gyr, those at 8.05 ... 8.95 for 0.95.
    assert float(found.value) == pytest.approx((0.45 + 0.95) / 2, abs=1e-9)
    soft = clusters.duty_cycle(T, rate, events, mask, threshold=0.5, temperature=1e-3)
    assert float(soft.value) == pytest.approx(float(found.value), abs=1e-9)
    assert int(clusters.duty_cycle(T, rate, events - 4.9, mask, threshold=0.5).count) == 1
    times = clusters.control_times(
        jnp.zeros((2, 500)), np.array([[0.0, 12.0], [2.0, 5.0]]), key=jax.random.key(0), margins=(1.0, 0.5)
    )
    low, high = np.asarray(times.min(1)), np.asarray(times.max(1))
    assert (low > [1, 3]).all()
    assert (high < [11.5, 4.5]).all()
    np.testing.assert_allclose(high - low, [10.5, 1.5], rtol=0.03)
    for margins in ((-1.0, 0.5), (1.0, float("nan"))):
        with pytest.raises(ValueError, match=r"margins must be in \[0, inf\), got"):
            clusters.control_times(np.zeros((1, 2)), np.array([[0.0, 12.0]]), key=jax.random.key(0), margins=margins)
    with without_shape_hook(), pytest.raises(TypeError, match="mask must be boolean"):
        clusters.duty_cycle(T, rate, events, mask.astype(int), threshold=0.5)


def test_one_cluster_shows_no_scatter():
    """Mean and share are known, their errors are not; so where only one of two has an event."""
    series = np.stack([np.sin(T), np.cos(T)])
    events = np.full((2, 1), 6.0)
    for rows, mask in ((slice(0, 1), [[True]]), (slice(0, 2), [[True], [False]])):
        args = T, series[rows], events[rows], np.array(mask)
        stack = clusters.stacked_epoch(*args, offsets=np.array([0.0, 0.5]), key=jax.random.key(0))
        np.testing.assert_allclose(stack.value, np.sin([6.0, 6.5]), atol=1e-12)
        assert np.isnan(stack.standard_error).all()
        assert np.isnan(stack.interval).all()
        cycle = clusters.duty_cycle(*args, threshold=-2.0)
        assert float(cycle.value) == pytest.approx(1, abs=1e-12)
        assert np.isnan(cycle.standard_error)


def test_a_stack_needs_an_offset():
    with pytest.raises(ValueError, match=r"offsets must have shape \(k,\) with k >= 1, got \(0,\)"):
        clusters.stacked_epoch(
            T, np.ones((1, T.size)), np.ones((1, 1)), np.ones((1, 1), bool), offsets=np.zeros(0), key=jax.random.key(0)
        )
