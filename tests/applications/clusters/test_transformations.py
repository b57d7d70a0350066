"""The finder of transformations against a loop in numpy, and its soft forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax.applications import clusters
from tests.applications.clusters.oracle import brute_force, random_history

pytestmark = pytest.mark.usefixtures("x64")
CASES = ({}, {"sigma": 0.0, "merge_gap": 0.4}, {"sigma": 0.15, "g_min": 0.6, "dy_min": 0.1, "merge_gap": 0.0})


def rows(table):
    kept = np.asarray(table.mask)
    columns = (table.t_start, table.t_end, table.direction, table.dy)
    return np.stack([np.asarray(column)[kept] for column in columns], axis=1)


@pytest.mark.parametrize("options", CASES)
def test_equals_a_loop_in_numpy(options):
    """20 uneven histories, each with its own times, in one call under vmap."""
    rng = np.random.default_rng(3)
    histories = [random_history(rng) for _ in range(20)]
    t = np.stack([h[0] for h in histories])
    t = 2.6 + (t - t[:, :1]) * (9.0 / (t[:, -1:] - t[:, :1]))  # one span: one number of even times
    K = np.stack([h[1] for h in histories])
    tables = jax.vmap(lambda t, K: clusters.find_transformations(t, K, num_points=91, max_events=24, **options))(t, K)
    found = 0
    for i in range(20):
        expected = brute_force(t[i], K[i], **options)
        np.testing.assert_allclose(rows(jax.tree.map(lambda x, i=i: x[i], tables)), expected, atol=1e-9)
        assert int(tables.value[i]) == len(expected)
        found += len(expected)
    assert found > 60
    np.testing.assert_allclose(tables.t_mid, (tables.t_start + tables.t_end) / 2, atol=1e-12)
    np.testing.assert_allclose(tables.duration, tables.t_end - tables.t_start, atol=1e-12)
    assert bool(jnp.all(tables.valid))
    assert not bool(jnp.any(tables.overflow))


def test_gaps_are_bridged_where_masked():
    """NaN behind a mask, in value and gradient; the span shrinks to the points that are there."""
    t, K = random_history(np.random.default_rng(8))
    where = np.ones(t.size, bool)
    where[[0, 1, 40, 41, 42, 90, -1]] = False
    gappy = np.where(where, K, np.nan)
    table = clusters.find_transformations(t, gappy, where=where)
    np.testing.assert_allclose(rows(table), brute_force(t, gappy), atol=1e-9)
    slope = jax.grad(lambda K: jnp.sum(clusters.find_transformations(t, K, where=where).dy))(gappy)
    assert np.isfinite(slope).all()
    assert not np.any(slope[~where])
    with pytest.raises(ValueError, match="K0 must be positive and finite, got nan"):
        clusters.find_transformations(t, gappy)
    with pytest.raises(ValueError, match="where must leave 5 points or more, got 4"):
        clusters.find_transformations(t, K, where=np.arange(t.size) < 4)


def test_too_few_places_are_told():
    t = np.linspace(0, 12, 121)
    K = 10 ** (1 + 0.5 * np.abs((t % 4) - 2))
    table = clusters.find_transformations(t, K, max_events=2)
    assert int(table.value) == 6
    assert bool(table.overflow)
    assert bool(table.mask.all())
    full = clusters.find_transformations(t, K)
    np.testing.assert_array_equal(full.direction[:6], [-1, 1] * 3)
    np.testing.assert_array_equal(full.direction[6:], 0)


def crossing_after_kinks(kinks, step=0.1, sigma=0.3):
    """When the smoothed slope passes 0.25 after kinks from +0.5 to -0.5 dex/Gyr, by index and share of the change.

    Second differences of samples of such a series are zero but at the kinks, so the slope between two points of the
    smoothed one is 0.5 less the kernel's cumulative sum, and its central difference the mean of two of these.
    """
    j = np.arange(-12, 13)
    kernel = np.exp(-((j * step / sigma) ** 2) / 2)
    below = lambda k: np.sum(kernel[j <= k]) / np.sum(kernel)  # noqa: E731
    slope = lambda k: 0.5 - sum(share * (below(k - 1 - at) + below(k - at)) / 2 for at, share in kinks)  # noqa: E731
    slopes = np.array([slope(k) for k in range(12)])
    k = int(np.argmax(slopes < -0.25))
    return step * (k - 1 + (slopes[k - 1] + 0.25) / (slopes[k - 1] - slopes[k]))


def test_middles_next_to_the_ends():
    """A zigzag of 0.5 dex/Gyr, whose turns are kinks; at an end the reflection repeats the last point.

    So the turn there is two half kinks a step apart, the slope passes the threshold about half a step earlier than
    after a turn within, and the middle lies about a quarter of a step farther out: 0.9774, not 1, for steps of 0.1 Gyr.
    """
    t = np.linspace(0, 12, 121)
    K = 10 ** (1 + 0.5 * np.abs((t % 4) - 2))
    full = clusters.find_transformations(t, K)
    within, at_end = crossing_after_kinks([(0, 1)]), crossing_after_kinks([(-1, 0.5), (0, 0.5)])
    np.testing.assert_allclose(full.t_mid[1:5], np.arange(3, 10, 2), atol=1e-9)
    np.testing.assert_allclose(full.t_start[:2], [at_end, 2 + within], atol=1e-9)
    middle = (at_end + 2 - within) / 2
    np.testing.assert_allclose(full.t_mid[:6:5], [middle, 12 - middle], atol=1e-9)
    assert middle == pytest.approx(0.9774, abs=5e-5)


def test_histories_shorter_than_the_kernel():
    """Five points over 0.4 Gyr under a window of 2.4 Gyr are reflected again and again, as scipy does."""
    t = np.linspace(0, 0.4, 5)
    K = 10 ** np.array([1, 1, 2, 3, 3.0])
    for options in ({"sigma": 0.3, "g_min": 0.01, "dy_min": 0.0}, {"sigma": 0.05}):
        table = clusters.find_transformations(t, K, max_events=2, **options)
        expected = brute_force(t, K, **options)
        assert len(expected) == 1
        np.testing.assert_allclose(rows(table), expected, atol=1e-9)


def test_faults_under_jit_are_nan_with_their_gradients():
    """No point used, times that are equal, an entropy that is NaN: the changes, the counts and all slopes are NaN."""
    t = np.linspace(0, 4, 41)
    K = 10 ** (1.5 + np.tanh(t - 2))
    equal, bad = t.copy(), K.copy()
    equal[4], bad[7] = equal[3], np.nan

    @jax.jit
    def both(t, K, where):
        options = {"where": where, "num_points": 41}

        def found(t, K):
            table = clusters.find_transformations(t, K, max_events=2, **options)
            soft = clusters.soft_transformation_count(t, K, **options)
            return table.dy.sum() + soft.value + clusters.transformation_excess(t, K, **options).value

        return found(t, K), jax.grad(found, argnums=(0, 1))(t, K)

    used = np.ones(41, bool)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(both(t, K, used)))
    for case in ((t, K, ~used), (equal, K, used), (t, bad, used)):
        assert all(np.isnan(leaf).all() for leaf in jax.tree.leaves(both(*case)))


def test_states_at_the_ends():
    """A jump from 10 to 400 keV cm^2 crosses both limits, one from 30 to 120 none."""
    t = np.linspace(0, 10, 201)
    for low, high, states in ((10, 400, (0, 2)), (30, 120, (1, 1)), (10, 60, (0, 1))):
        K = np.where(t < 5, low, high)
        table = clusters.find_transformations(t, K, sigma=0.1)
        assert int(table.value) == 1
        assert (int(table.state_start[0]), int(table.state_end[0])) == states


def test_traced_times_need_a_number_of_points():
    t, K = random_history(np.random.default_rng(1), 30)
    with pytest.raises(ValueError, match="num_points must be given where the times or the mask are traced"):
        jax.jit(clusters.find_transformations)(t, K)
    with pytest.raises(ValueError, match=r"num_points must put the even times about dt = 0.1 apart, got 0\.\d+ apart"):
        clusters.find_transformations(t, K, num_points=200)


def test_the_soft_count_tends_to_the_count():
    rng = np.random.default_rng(5)
    t = np.linspace(2.6, 13.8, 150)
    K = np.stack([random_history(rng)[1] for _ in range(10)])
    hard = jax.vmap(lambda K: clusters.find_transformations(t, K, max_events=24))(K)
    up, down = (np.sum(np.asarray(hard.direction) == sign, axis=1) for sign in (1, -1))

    @jax.jit
    def soft(temperature):
        return jax.vmap(lambda K: clusters.soft_transformation_count(t, K, temperature=temperature))(K)

    off = []
    for temperature in (0.05, 0.005, 1e-5):
        count = soft(temperature)
        off.append(np.abs(count.upward - up).max() + np.abs(count.downward - down).max())
        np.testing.assert_allclose(count.value, count.upward + count.downward, atol=1e-12)
    assert off[0] > off[1] > off[2]
    assert off[2] < 1e-6


def test_the_excess_of_a_smooth_step():
    """y = (A / 2)(1 + tanh(t / w)): dy - g_min duration in closed form; softplus tends to it."""
    A, w, g = 1.0, 0.5, 0.25
    t = np.linspace(-6, 6, 4801)
    K = 10 ** (A / 2 * (1 + np.tanh(t / w)))
    half = w * np.arccosh(np.sqrt(A / (2 * w * g)))
    expected = A * np.tanh(half / w) - 2 * g * half
    options = {"sigma": 0.0, "dt": 0.0025, "typical": 0.5}
    sharp = clusters.transformation_excess(t, K, **options)
    assert float(sharp.upward) == pytest.approx(expected / 0.5, abs=1e-5)
    assert float(sharp.downward) == 0
    falling = clusters.transformation_excess(t, 1 / K, **options)
    assert float(falling.downward) == pytest.approx(float(sharp.upward), rel=1e-9)
    soft = clusters.transformation_excess(t, K, temperature=1e-3, **options)
    assert float(soft.value) == pytest.approx(expected / 0.5, abs=1e-3)


def test_gradient_of_the_excess_has_no_jumps():
    """Along a line of histories on which events are born and merge, the excess is the integral of its gradient."""
    t, a = random_history(np.random.default_rng(11), 80)
    _, b = random_history(np.random.default_rng(12), 80)

    def along(s):
        K = 10 ** ((1 - s) * jnp.log10(a) + s * jnp.log10(b))
        return clusters.transformation_excess(t, K).value

    s = (np.arange(4000) + 0.5) / 4000
    slopes = jax.jit(jax.vmap(jax.grad(along)))(s)
    assert float(np.mean(slopes)) == pytest.approx(float(along(1.0) - along(0.0)), abs=4e-4)
