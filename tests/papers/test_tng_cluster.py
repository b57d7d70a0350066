"""What arXiv 2503.01969 defines, and what follows: entropy, cooling, transformations, coincidence with mergers."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize, stats
from scipy.ndimage import gaussian_filter1d

from entropax.applications import clusters
from entropax.applications.clusters import _histories

pytestmark = pytest.mark.usefixtures("x64")
T = np.linspace(0, 12, 241)


def steps(*moments, sizes=None, width=0.2, t=T):
    """y with smooth steps of 0.6 dex at given times."""
    sizes = [0.6] * len(moments) if sizes is None else sizes
    return 1.3 + sum(a / 2 * (1 + np.tanh((t - at) / width)) for at, a in zip(moments, sizes, strict=True))


def found(y, t=T, **options):
    table = clusters.find_transformations(t, 10**y, **options)
    n = int(table.value)
    return np.stack([np.asarray(x)[:n] for x in (table.t_start, table.t_end, table.dy, table.direction)])


@pytest.mark.fast
def test_1_entropy():
    """K = k_B T n_e^(-2/3) at four temperatures and densities."""
    K = clusters.gas_entropy(np.array([5, 3, 6.5, 2.2]), np.array([0.05, 0.02, 0.008, 0.11]))
    np.testing.assert_allclose(K, [36.8403150, 40.7162642, 162.5, 9.58283971], rtol=0, atol=5e-8)
    assert float(K[2]) == pytest.approx(162.5, rel=1e-15)


@pytest.mark.fast
def test_2_cooling():
    """Two cooling times; along any path of the density d log K / dt = -1 / t_cool when the gas only radiates."""
    assert float(clusters.cooling_time(4.0, 0.05, 2e-23)) == pytest.approx(0.635727617, abs=5e-10)
    assert float(clusters.cooling_time(7.0, 0.01, 2.5e-23)) == pytest.approx(4.45009332, abs=5e-9)
    temperature, density, cooling = 4.0, 0.05, 2e-23
    t_cool = clusters.cooling_time(temperature, density, cooling)
    for rate in (-0.3, 0.0, 0.7):  # of log n_e: the first law then gives that of T
        heating = temperature * (2 / 3 * rate - 1 / float(t_cool))
        log_K = lambda T, n: jnp.log(clusters.gas_entropy(T, n))  # noqa: E731
        _, slope = jax.jvp(log_K, (temperature, density), (heating, density * rate))
        assert float(slope) == pytest.approx(-1 / float(t_cool), rel=1e-13)


def test_3_a_smooth_step_passes_the_threshold():
    """|t - tc| < w arccosh(sqrt(A / (2 w g))) = 0.658478948 and dy = 0.866025404, by a root and by the finder."""
    A, w, g = 1.0, 0.5, 0.25
    half = w * np.arccosh(np.sqrt(A / (2 * w * g)))
    root = optimize.brentq(lambda t: A / (2 * w) / np.cosh(t / w) ** 2 - g, 0, 3, xtol=1e-14)
    assert half == pytest.approx(0.658478948, abs=5e-10)
    assert root == pytest.approx(half, abs=1e-12)
    assert A * np.tanh(half / w) == pytest.approx(0.866025404, abs=5e-10)
    t = np.linspace(-4, 4, 8001)
    (start,), (end,), (dy,), (sign,) = found(steps(0, sizes=[A], width=w, t=t), t, sigma=0.0, dt=0.001)
    np.testing.assert_allclose([start, end], [-0.658478948, 0.658478948], atol=1e-6)
    assert (dy, sign) == (pytest.approx(0.866025404, abs=2e-6), 1)


@pytest.mark.fast
def test_4_a_smoothed_jump():
    """Peak slope A / (sqrt(2 pi) sigma) = 0.797884561; the smoothing is scipy's."""
    A, sigma, dt = 0.6, 0.3, 0.001
    assert A / (np.sqrt(2 * np.pi) * sigma) == pytest.approx(0.797884561, abs=5e-10)
    t = dt * np.arange(6000)
    y = np.where(t < 3 - dt / 2, 0.0, A)
    smooth = _histories.smoothed(jnp.asarray(y), jnp.asarray(dt), sigma=sigma, dt=dt)
    np.testing.assert_allclose(smooth, gaussian_filter1d(y, sigma / dt, mode="reflect"), atol=1e-12)
    assert np.max(np.diff(smooth)) / dt == pytest.approx(0.797884561, rel=1e-4)  # the kernel ends at 4 sigma


@pytest.mark.fast
def test_5_chance():
    """r = 0.5 per Gyr and tau = 1 Gyr; 14 of 20: a binomial tail, z, and Wilson's interval; scipy's the same."""
    null = clusters.poisson_null(0.5, 1.0)
    assert float(null) == pytest.approx(0.393469340, abs=5e-10)
    excess = clusters.binomial_excess(14.0, 20.0, null)
    assert float(excess.value) == pytest.approx(0.005434667, abs=5e-10)
    assert float(excess.value) == pytest.approx(stats.binom.sf(13, 20, float(null)), rel=1e-10)
    assert float(excess.z) == pytest.approx(2.806125, abs=5e-7)
    ends = clusters.wilson_interval(14.0, 20.0)
    np.testing.assert_allclose(ends, [0.481027182, 0.854522755], rtol=0, atol=5e-10)
    expected = stats.binomtest(14, 20).proportion_ci(0.95, method="wilson")
    np.testing.assert_allclose(ends, [expected.low, expected.high], rtol=1e-12)


@pytest.mark.fast
def test_6_central_means():
    """K = (20, 35, 80, 12), masses (1, 2, 0.5, 1.5): 29.6 and, of logarithms, 24.654522142; none outside count."""
    K, mass = np.array([20, 35, 80, 12, 900.0]), np.array([1, 2, 0.5, 1.5, 7])
    r = np.array([1, 5, 9, 11.9, 12.1])
    assert float(clusters.central_entropy(r, K, mass, 1000.0)) == pytest.approx(29.6, rel=1e-14)
    log_mean = clusters.central_entropy(r, K, mass, 1000.0, mean="log")
    assert float(log_mean) == pytest.approx(24.654522142, abs=5e-10)


@pytest.mark.fast
def test_7_edges_of_classes():
    """22 is a strong cool core, 22.0001 and 150 weak ones, 150.0001 none; by t_cool < 1, 1 to 7.7, > 7.7 Gyr."""
    np.testing.assert_array_equal(clusters.classify_core(np.array([22, 22.0001, 150, 150.0001])).value, [0, 1, 1, 2])
    times = np.array([0.9999, 1, 7.7, 7.7001])
    np.testing.assert_array_equal(clusters.classify_core(times, by="cooling_time").value, [0, 1, 1, 2])


def test_8_symmetries_of_the_finder():
    """Scale, sign, time, constancy, and merging."""
    y = steps(2, 5, 9, sizes=[0.8, -0.7, 1.0])
    start, end, dy, sign = found(y)
    np.testing.assert_array_equal(sign, [1, -1, 1])
    np.testing.assert_allclose(found(y + np.log10(37.0)), [start, end, dy, sign], atol=1e-9)  # K -> c K
    np.testing.assert_allclose(found(-y), [start, end, -dy, -sign], atol=1e-9)
    backward = [12 - end[::-1], 12 - start[::-1], -dy[::-1], -sign[::-1]]
    np.testing.assert_allclose(found(y[::-1]), backward, atol=1e-9)
    assert found(np.full(T.size, 1.3)).size == 0
    close, apart = found(steps(5, 5.2)), found(steps(4, 7))
    assert close.shape[1] == 1
    assert close[2, 0] > 1.0
    assert apart.shape[1] == 2


def test_8_merging_bridges_a_gap():
    """Two steps whose slope dips below the threshold for less than 0.3 Gyr are one event, with no merging two."""
    y = steps(5, 5.55, width=0.1)
    assert found(y, sigma=0.0)[0].size == 1
    assert found(y, sigma=0.0, merge_gap=0.0)[0].size == 2


SEEDS, CLUSTERS = 200, 20


def histories(core, count, key):
    population = clusters.simulate_population(core, count, key=key, every=5)
    tables = jax.vmap(lambda K: clusters.find_transformations(population.t, K, max_events=8))(population.K0)
    assert not bool(jnp.any(population.overflow))
    assert not bool(jnp.any(tables.overflow))
    return population, tables


def randomised_p(control, key):
    """(number of draws above + U (1 + number of ties)) / (draws + 1): uniform whatever ties there are."""
    draws, observed = np.asarray(control.draws), np.asarray(control.observed)[:, None]
    above, tied = (draws > observed).sum(1), (draws == observed).sum(1)
    return (above + np.random.default_rng(key).uniform(size=above.size) * (1 + tied)) / (draws.shape[1] + 1)


def by_seed(population, tables):
    """4,000 clusters as 200 samples of 20."""
    return jax.tree.map(
        lambda x: x.reshape(SEEDS, CLUSTERS, *x.shape[1:]), (tables, population.mergers, population.spans)
    )


def test_9_no_excess_of_independent_mergers():
    """Mergers without effect: p-values of 200 samples are uniform, and the excess is zero on average.

    Kolmogorov and Smirnov's test of 200 p-values at level 0.001 (critical distance 0.137) finds a bias by half a
    standard deviation of the draws with power 0.997 (4000 simulated samples of continuous p-values); below it is found
    on the p-values of this sample. They are randomised over ties, since counts tie often; the plain ones are a little
    larger. Shifts of the mergers are exact here. Random times take events for independent, which those of one cluster
    are not quite, so for them uniform events are drawn.
    """
    core = clusters.ClusterCore(
        effective=0.0, agn_rate=0.33, merger_rate=0.3, cooling_time=0.8, max_mergers=14, max_episodes=15
    )
    population, tables = histories(core, SEEDS * CLUSTERS, jax.random.key(1))
    args = by_seed(population, tables)
    keys = jax.random.split(jax.random.key(2), SEEDS)

    def shuffled(table, mergers, spans, key):
        return clusters.shuffled_control(table, mergers, spans, key=key, direction="up", num_draws=99)

    control = jax.jit(jax.vmap(shuffled))(*args, keys)
    p = randomised_p(control, 3)
    assert stats.kstest(p, "uniform").pvalue > 0.001
    assert np.mean(np.asarray(control.p_value) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / SEEDS)
    excess = np.asarray(control.value)
    assert abs(excess.mean()) < 3.3 * excess.std(ddof=1) / np.sqrt(SEEDS)
    assert np.asarray(control.counts).sum() > 4000

    def at_random(table, mergers, spans, key):
        times, draws = jax.random.split(key)
        uniform = clusters.control_times(table.t_mid, spans, key=times, margins=(1.0, 0.0))
        table = eqx.tree_at(lambda table: table.t_mid, table, uniform)
        return clusters.random_control(table, mergers, spans, key=draws, direction="up", num_draws=99)

    control = jax.jit(jax.vmap(at_random))(*args, keys)
    assert stats.kstest(randomised_p(control, 4), "uniform").pvalue > 0.001
    biased = stats.norm.sf(stats.norm.isf(p) + 0.5)  # half a standard deviation of excess
    assert stats.kstest(biased, "uniform").pvalue < 0.001


def test_9_planted_excess():
    """Mergers that heat: of upward events more than 0.6 follow one; at random times 1 - exp(-0.45) = 0.362."""
    population, tables = histories(clusters.ClusterCore(), 400, jax.random.key(5))
    control = clusters.random_control(
        tables, population.mergers, population.spans, key=jax.random.key(6), direction="up", num_draws=200
    )
    assert float(control.observed) > 0.6
    assert float(control.p_value) == pytest.approx(1 / 201)
    # Of a random time in any cluster the chance is 1 - exp(-0.45); clusters with more mergers have more events, so the
    # control's is above that, by the same shares weighted with the numbers of events.
    start, end = np.asarray(population.spans).T
    times = np.linspace(start + 1, end, 4001)
    since = times[..., None] - np.where(population.mergers.mask, population.mergers.times, np.inf)
    share = np.mean(np.any((since >= 0) & (since < 1), axis=-1), axis=0)
    null = float(clusters.poisson_null(0.45, 1.0))
    assert share.mean() == pytest.approx(null, abs=4 * share.std() / 20)  # 400 clusters; 0.022
    counts = np.asarray(control.counts)
    weighted = np.sum(counts * share) / counts.sum()
    error = np.sqrt(np.sum(counts * share * (1 - share)) / 200) / counts.sum()
    assert float(control.chance) == pytest.approx(weighted, abs=4 * error)
    assert weighted > null
    down = clusters.merger_fraction(tables, population.mergers, population.spans, direction="down")
    assert float(down.value) + 3 * float(down.standard_error) < 0.362
