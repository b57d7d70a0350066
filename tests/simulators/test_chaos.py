"""Chaotic systems: the catalogue, trajectories, noise, delays, gradients and their memory."""

import dataclasses
import math
from inspect import isclass

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.integrate import solve_ivp

from entropax.simulators import chaos, simulate
from tests.contract.harness import without_shape_hook
from tests.contract.rows_chaos import ROWS

BEHIND_ROWS = {
    "ChaoticSystem.name",
    "ChaoticSystem.dimension",
    "DelaySystem.init",
    "DelayState.at",
    "DelayState.kicked",
    "DelayState.position",
}
"""What the rows' calls and the tests below evaluate."""


@pytest.mark.fast
def test_every_public_name_has_a_row():
    names = set()
    for name in chaos.__all__:
        value = getattr(chaos, name)
        members = [m for m, f in vars(value).items() if not m.startswith("_")] if isclass(value) else []
        members = [m for m in members if callable(getattr(value, m)) or isinstance(vars(value)[m], property)]
        names |= {f"{name}.{member}" for member in members} or {name}
    held = {row.name.removeprefix("simulators.chaos.") for row in ROWS} | BEHIND_ROWS
    assert names <= held, names - held


@pytest.mark.fast
def test_unknown_names_are_met_with_the_nearest_ones():
    with pytest.raises(
        ValueError, match=r"got 'lorentz'; the nearest names are Lorenz, .*; system_names\(\) lists all"
    ):
        chaos.get_system("lorentz")
    with pytest.raises(ValueError, match="got 'qqqqq'; no name is close to it"):
        chaos.get_system("qqqqq")
    with pytest.raises(ValueError, match="kind must be one of None, 'flow', 'delay', 'nonautonomous', 'hamiltonian'"):
        chaos.system_names("maps")


@pytest.mark.fast
def test_bad_arguments():
    flow, delayed = chaos.get_system("Lorenz"), chaos.get_system("MackeyGlass")
    with pytest.raises(ValueError, match="num_points must be at least 2"):
        chaos.trajectory(flow, 1)
    with pytest.raises(ValueError, match="points_per_period must be at least 1"):
        chaos.sample_times(flow, 10, points_per_period=0)
    with without_shape_hook():
        with pytest.raises(TypeError, match="system must be a ChaoticSystem, from get_system, got str"):
            chaos.trajectory("Lorenz", 10)
        with pytest.raises(TypeError, match="system must be a DelaySystem, got ChaoticFlow"):
            chaos.delay_trajectory(flow, 10)
    with pytest.raises(ValueError, match="noise needs a key"):
        chaos.trajectory(flow, 10, noise=0.1)
    with pytest.raises(ValueError, match="are for flows without noise"):
        chaos.trajectory(delayed, 10, rtol=1e-3)
    with pytest.raises(ValueError, match="rtol must be in"):
        chaos.trajectory(flow, 10, rtol=0.0)
    with pytest.raises(ValueError, match="systems must have one dimension, got"):
        chaos.ensemble_trajectories([flow, chaos.get_system("Qi")], 10)
    with pytest.raises(ValueError, match="systems must hold at least one flow"):
        chaos.ensemble_trajectories([], 10)


@pytest.mark.fast
def test_dtypes_of_a_system():
    """A system holds the dtype asked for; integers, in which its steps would vanish, are refused."""
    flow = chaos.get_system("Lorenz", dtype=jnp.float16)
    assert {array.dtype for array in jax.tree.leaves(flow)} == {np.dtype(jnp.float16)}
    with pytest.raises(TypeError, match="dtype must be a floating one, got int32"):
        chaos.get_system("Lorenz", dtype=jnp.int32)


@pytest.mark.fast
def test_unbounded_coordinates_are_mapped():
    """Phases become their sine or cosine and polar coordinates Cartesian ones, along any leading axes."""
    y = jnp.array([[0.4, 0.3, 2.0], [0.1, -2.0, 30.0]])
    duffing, stirred, lorenz = (chaos.get_system(name) for name in ("Duffing", "BlinkingRotlet", "Lorenz"))
    np.testing.assert_allclose(duffing.bounded(y), np.stack([*y.T[:2], np.cos(y.T[2])], -1), rtol=1e-6)
    r, th, tt = y.T
    expected = np.stack([r * np.cos(th), r * np.sin(th), np.sin(2 * np.pi * tt / 3)], -1)
    np.testing.assert_allclose(stirred.bounded(y), expected, atol=1e-5)
    assert lorenz.bounded(y) is y


def test_trajectory_equals_scipy(x64):
    """Lorenz over one period against scipy's DOP853 at 1e-12; standardised, it has mean 0 and deviation 1."""
    system = chaos.get_system("Lorenz")
    times = np.asarray(chaos.sample_times(system, 40, points_per_period=40))
    assert times[-1] == pytest.approx(1.5008)
    oracle = solve_ivp(
        lambda t, y: (10 * (y[1] - y[0]), y[0] * (28 - y[2]) - y[1], y[0] * y[1] - 2.667 * y[2]),
        (0, times[-1]),
        np.asarray(system.initial_conditions),
        method="DOP853",
        t_eval=times,
        rtol=1e-12,
        atol=1e-12,
    ).y.T
    points = np.asarray(chaos.trajectory(system, 40, points_per_period=40))
    np.testing.assert_allclose(points, oracle, rtol=0, atol=2e-6)
    scaled = np.asarray(chaos.trajectory(system, 40, points_per_period=40, standardize=True))
    np.testing.assert_allclose(scaled, (points - points.mean(0)) / points.std(0), rtol=1e-9, atol=1e-12)
    with pytest.raises(ValueError, match="the solver must reach the last time, got no end after max_steps = 5"):
        chaos.trajectory(system, 40, points_per_period=40, max_steps=5)


@pytest.mark.slow
def test_stiff_solver_agrees_with_explicit_one(x64):
    """Belousov and Zhabotinsky's reaction by Kvaerno5, which the catalogue calls for, and by Dopri8."""
    system = chaos.get_system("BelousovZhabotinsky")
    assert system.definition.stiff
    implicit = chaos.trajectory(system, 10, points_per_period=10, rtol=1e-7, atol=1e-9)
    explicit = chaos.trajectory(system, 10, points_per_period=10, rtol=1e-9, atol=1e-11, solver=diffrax.Dopri8())
    np.testing.assert_allclose(implicit, explicit, rtol=1e-3, atol=1e-5)


def test_noise_is_brownian(x64):
    """The Torus moves by time alone, so what noise adds to it is Brownian motion: 57 increments N(0, noise^2 dt).

    Chi-squared test of the sum of squares, two-sided at 1e-3: its power against an amplitude wrong by half is > 0.99.
    """
    system = chaos.get_system("Torus")
    options = {"points_per_period": 20, "bounded": False}
    quiet = np.asarray(chaos.trajectory(system, 20, noise=0.0, key=jax.random.key(1), **options))
    noisy = np.asarray(chaos.trajectory(system, 20, noise=0.3, key=jax.random.key(1), **options))
    times = np.asarray(chaos.sample_times(system, 20, points_per_period=20))
    increments = np.diff(noisy - quiet, axis=0) / (0.3 * np.sqrt(np.diff(times)))[:, None]
    low, high = stats.chi2.ppf([5e-4, 1 - 5e-4], increments.size)
    assert low < np.sum(increments**2) < high
    # Without noise the point goes once round in 2 pi: a closed form of Runge and Kutta's steps.
    a, n, r = 0.5, 15.3, 1.0
    outer = r + a * np.cos(n * times)
    closed = np.stack([outer * np.cos(times), outer * np.sin(times), a * np.sin(n * times)], -1)
    np.testing.assert_allclose(quiet - quiet[0], closed - closed[0], atol=1e-8)


def linear_delay(**parameters):
    """x' = -alpha x(t - tau), a circuit without its cubic."""
    return chaos.get_system("PiecewiseCircuit").with_parameters(alpha=0.5, beta=0.0, tau=2.0, **parameters)


def test_delay_equation_equals_the_method_of_steps(x64):
    """x' = -a x(t - tau) after x = 1: x(t) = sum_k (-a)^k (t - (k-1) tau)^k / k! over 0 <= k <= 1 + t / tau.

    The columns are delayed copies, and the slope in tau is exact.
    """
    system = dataclasses.replace(linear_delay(), initial_conditions=jnp.ones(1))
    times = np.asarray(chaos.sample_times(system, 6, points_per_period=50))

    def solution(t, tau):
        if t <= 0:
            return 1.0
        ks = range(math.floor(t / tau) + 2)
        return sum((-0.5) ** k * (t - (k - 1) * tau) ** k / math.factorial(k) for k in ks)

    def at_end(tau):
        moved = system.with_parameters(tau=tau)
        return chaos.delay_trajectory(moved, 6, points_per_period=50, embedding=3)

    points, slope = at_end(jnp.asarray(2.0)), jax.jacfwd(at_end)(jnp.asarray(2.0))
    for lag, column, derivative in zip((0.0, 1.0, 2.0), points.T, slope.T, strict=True):
        expected = [solution(t - lag, 2.0) for t in times]
        # A kink returns every delay, anywhere within a step: an error of dt^2 / 8 times its jump a^2.
        np.testing.assert_allclose(column, expected, rtol=0, atol=1e-5)
        # The columns' lags grow with tau as well.
        moved = [[solution(t - lag * (1 + s / 2), 2.0 + s) for t in times] for s in (1e-5, -1e-5)]
        np.testing.assert_allclose(derivative[1:], (np.subtract(*moved) / 2e-5)[1:], rtol=0, atol=2e-3)


def exponential(t):
    """exp(0.3 t)."""
    return jnp.exp(0.3 * t)


def test_delay_equation_with_a_history(x64):
    """x' = -a x(t - tau) keeps x = exp(s t) for t > 0 if it was so before, where s = -a exp(-s tau)."""
    system = linear_delay().with_parameters(alpha=-0.3 * math.exp(0.3 * 6.0), tau=6.0)  # longer than the catalogue's
    times = np.asarray(chaos.sample_times(system, 4, points_per_period=50))
    points = chaos.delay_trajectory(system, 4, points_per_period=50, history=exponential, embedding=2)
    np.testing.assert_allclose(points[:, 0], np.exp(0.3 * times), rtol=1e-9)
    np.testing.assert_allclose(points[:, 1], np.exp(0.3 * (times - 6.0)), rtol=1e-9)


def test_delay_longer_than_its_history_is_nan(x64):
    """A state cannot say what it does not hold."""
    system = chaos.get_system("ScrollDelay").with_parameters(tau=11.0)
    state = system.step(system.init(key=jax.random.key(0)), key=jax.random.key(0))
    assert np.isnan(state.position).all()


def last_of(system, state, key):
    return simulate(system, state, 10_000, key=key, observe=None)[0].position.sum()


@pytest.mark.parametrize("name", ["Lorenz", pytest.param("MackeyGlass", marks=pytest.mark.slow)])
def test_gradient_through_ten_thousand_steps_fits_in_memory(name, x64, getkey):
    """Reverse mode through 10^4 steps needs less than 2 GiB, a history of 13,000 points included."""
    system = chaos.get_system(name)
    gradient = jax.jit(jax.grad(last_of, allow_int=True))
    memory = gradient.lower(system, system.init(key=getkey()), getkey()).compile().memory_analysis()
    assert memory.temp_size_in_bytes < 2 * 2**30


def test_gradient_of_steps_equals_finite_differences(x64, getkey):
    """d/d(rho) of a Lorenz system after 500 steps, a tenth of a period: beyond, it grows as exp(0.9 t)."""
    system = chaos.get_system("Lorenz")
    state = system.init(key=getkey())

    @jax.jit
    def end(rho):
        moved = system.with_parameters(rho=rho)
        return simulate(moved, state, 500, key=jax.random.key(0), observe=None)[0].position[0]

    slope = jax.grad(end)(jnp.asarray(28.0))
    expected = (end(jnp.asarray(28.0 + 1e-5)) - end(jnp.asarray(28.0 - 1e-5))) / 2e-5
    np.testing.assert_allclose(slope, expected, rtol=1e-7)
