"""The synthetic population against closed forms, scipy's solver, and finite differences with the same draws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from entropax.applications import clusters

pytestmark = pytest.mark.usefixtures("x64")


def test_cooling_alone():
    """No heating: scipy's solution of the cooling, which stops at the floor; first order in dt."""
    off = []
    for dt in (0.02, 0.01):
        core = clusters.ClusterCore(
            dt, merger_rate=0.0, agn_rate=0.0, initial_scatter=0.0, initial_entropy=300.0, jitter=0.0
        )
        found = clusters.simulate_population(core, 1, key=jax.random.key(0), every=round(0.1 / dt))

        def cooling(t, y):
            K = 10 ** y[0]
            return [-max(0, 1 - (15 / K) ** 2) / (np.log(10) * 0.6 * (K / 22) ** 0.9)]

        exact = integrate.solve_ivp(cooling, (2.6, 13.8), [np.log10(300)], t_eval=np.asarray(found.t)[:-1], rtol=1e-10)
        off.append(np.abs(np.log10(found.K0[0, :-1]) - exact.y[0]).max())
    assert off[0] < 0.02
    assert off[1] < 0.6 * off[0]
    assert float(found.K0[0, -1]) == pytest.approx(15, rel=1e-3)


def test_one_ramp():
    """From far above the floor, without cooling: y rises by 2 A (1 - y / 3) / 1, so 3 - y falls by exp(-2 A / 3)."""
    core = clusters.ClusterCore(
        0.001 * 1.12, merger_rate=0.0, agn_rate=0.25, cooling_time=1e9, ramp_low=0.8, ramp_high=0.8,
        initial_scatter=0.0, initial_entropy=100.0, jitter=0.0,
    )  # fmt: skip
    found = clusters.simulate_population(core, 12, key=jax.random.key(4), every=10)
    heated = np.asarray(jnp.sum(found.agn_rate, axis=1)) * float(found.t[1] - found.t[0])  # up to the spans' ends
    remaining = 3 - np.log10(np.asarray(found.K0[:, -1]))
    np.testing.assert_allclose(remaining, np.exp(-2 * heated / 3), rtol=0.01)
    assert heated.max() > 2


def test_mergers_are_two_streams_of_one_poisson_process():
    """Numbers, the share that heats at each mass ratio, and mass ratios as mu^-1.8, with p_c depending on the ratio."""
    p, kappa, rate, n = 0.8, 0.3, 0.6, 3000
    core = clusters.ClusterCore(effective=p, mass_exponent=kappa, merger_rate=rate, max_mergers=30)
    found = clusters.simulate_population(core, n, key=jax.random.key(7), every=560)
    mask, heats = np.asarray(found.mergers.mask), np.asarray(found.effective)
    counts, mean = mask.sum(1), rate * 11.2
    assert not bool(found.overflow.any())
    assert counts.mean() == pytest.approx(mean, abs=4 * np.sqrt(mean / n))
    assert counts.var() / mean == pytest.approx(1, abs=4 * np.sqrt((2 + 1 / mean) / n))
    mu, times = np.asarray(found.mergers.mass_ratio)[mask], np.asarray(found.mergers.times)[mask]
    least = 0.01**-0.8
    assert stats.kstest(mu, lambda x: (least - x**-0.8) / (least - 1)).pvalue > 0.001
    assert stats.kstest(times, stats.uniform(2.6, 11.2).cdf).pvalue > 0.001
    for low, high in ((0.01, 0.02), (0.05, 0.1), (0.25, 1)):
        inside = (mu >= low) & (mu < high)
        expected = p * np.mean(mu[inside] ** kappa)
        assert heats[mask][inside].mean() == pytest.approx(expected, abs=4 * np.sqrt(0.25 / inside.sum()))


def test_measured_scatter():
    """Ornstein and Uhlenbeck's: 0.05 dex, correlation exp(-lag / 0.3 Gyr), normal from the start."""
    found = clusters.simulate_population(clusters.ClusterCore(), 2000, key=jax.random.key(1), every=10)
    x = np.log10(found.K0 / found.K0_true)
    np.testing.assert_allclose(x.std(0), 0.05, rtol=0.08)
    correlation = np.mean(x[:, 1:] * x[:, :-1]) / np.mean(x**2)
    assert correlation == pytest.approx(np.exp(-0.2 / 0.3), abs=0.01)
    np.testing.assert_allclose(np.log10(found.K0_true[:, 0]).std(), 0.15, rtol=0.07)
    assert stats.kstest(x[:, 30] / 0.05, "norm").pvalue > 0.001


def test_clusters_do_not_depend_on_their_number():
    core = clusters.ClusterCore()
    few, many = (clusters.simulate_population(core, n, key=jax.random.key(3), every=56) for n in (2, 5))
    np.testing.assert_allclose(few.K0, many.K0[:2], rtol=1e-12)
    chunked = clusters.simulate_population(core, 5, key=jax.random.key(3), every=56, batch_size=2)
    np.testing.assert_allclose(chunked.K0, many.K0, rtol=1e-12)


def test_gradients_with_the_same_draws():
    """Of the mean entropy and excess by p_c, t22, both rates and amplitudes; reverse and forward agree."""
    t = np.linspace(2.6, 13.8, 113)
    names = ("effective", "cooling_time", "merger_rate", "agn_rate", "ramp_high")
    at = jnp.asarray([0.6, 0.7, 0.45, 0.2, 1.0])

    def seen(values):
        core = clusters.ClusterCore(**dict(zip(names, values, strict=True)))
        found = clusters.simulate_population(core, 16, key=jax.random.key(11), every=5)
        excess = jax.vmap(lambda K: clusters.transformation_excess(t, K).value)(found.K0)
        return jnp.mean(jnp.log10(found.K0)) + jnp.mean(excess)

    value = jax.jit(seen)
    reverse, forward = jax.jit(lambda v: (jax.grad(seen)(v), jax.jacfwd(seen)(v)))(at)
    np.testing.assert_allclose(reverse, forward, rtol=1e-9)
    h = 1e-8  # ramps have kinks where they pass a step
    differences = [(value(at + h * e) - value(at - h * e)) / (2 * h) for e in jnp.eye(len(names))]
    np.testing.assert_allclose(reverse, differences, rtol=1e-4, atol=1e-5)
    assert np.all(np.abs(reverse) > 1e-3)


def test_times_do_not_drift():
    """560 steps of 0.02 in float32 add up to 13.80013; the times are START + i dt, to the last digit or so."""
    with jax.enable_x64(False):
        found = clusters.simulate_population(clusters.ClusterCore(), 1, key=jax.random.key(0), every=5)
        assert found.t.dtype == jnp.float32
        np.testing.assert_allclose(found.t, np.linspace(2.6, 13.8, 113), rtol=2 * np.finfo(np.float32).eps)
        np.testing.assert_allclose(found.spans[0], [2.6, 13.8], rtol=2 * np.finfo(np.float32).eps)


def test_limits_of_parameters_are_as_told():
    assert float(clusters.ClusterCore(mass_exponent=0.79).mass_exponent) == pytest.approx(0.79)
    with pytest.raises(ValueError, match=r"mass_exponent must be in \[0, 0.79\], got 0.795"):
        clusters.ClusterCore(mass_exponent=0.795)
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        clusters.simulate_population(clusters.ClusterCore(), 2, key=jax.random.key(0), batch_size=0)


def test_too_few_places_and_bad_steps_are_told():
    core = clusters.ClusterCore(merger_rate=3.0, max_mergers=3)
    assert bool(clusters.simulate_population(core, 2, key=jax.random.key(0), every=560).overflow.all())
    with pytest.raises(ValueError, match=r"core.dt must divide 11.2 Gyr"):
        clusters.simulate_population(clusters.ClusterCore(0.03), 2, key=jax.random.key(0))
    with pytest.raises(ValueError, match="num_steps must be a multiple of every = 3, got 560"):
        clusters.simulate_population(clusters.ClusterCore(), 2, key=jax.random.key(0), every=3)
    with pytest.raises(ValueError, match=r"num_steps must be given where core\.dt is traced"):
        jax.jit(lambda core: clusters.simulate_population(core, 2, key=jax.random.key(0)))(clusters.ClusterCore())
