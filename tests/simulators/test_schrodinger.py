"""Schroedinger waves: orders, invariants, gradients, refusals."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import observables, simulators
from entropax.simulators import Schrodinger, soliton
from tests.contract.harness import without_shape_hook

N, LENGTH = 64, 24.0
X = -LENGTH / 2 + LENGTH / N * np.arange(N)
BOOST = 2 * np.pi * 3 / LENGTH  # periodic on the torus


def exact(t):
    return soliton(jnp.asarray(X), 1.0, -1.0, BOOST, time=t)


@jax.jit
def advance(system, steps):
    prepared, key = system.prepared(), jax.random.key(0)
    return jax.lax.fori_loop(0, steps, lambda _, psi: prepared.step(psi, key=key), system.initial)


def reference(t):
    """The wave on this torus, whose seam the soliton's tail of 1e-5 feels, by steps of order 8 that are fine."""
    return advance(Schrodinger(exact(0.0), length=LENGTH, dt=t / 200, dealiasing=None), jnp.asarray(200))


@pytest.mark.parametrize(
    ("method", "order", "steps"), [("strang", 2, 40), ("yoshida4", 4, 40), ("etdrk4", 4, 20), ("kahan_li8", 8, 10)]
)
def test_order_of_the_steps(x64, method, order, steps):
    """Halving dt at a fixed time divides the error by 2^order; split steps keep the mass to rounding."""

    def error(count):
        system = Schrodinger(exact(0.0), length=LENGTH, dt=1.0 / count, method=method, dealiasing=None)
        psi = advance(system, jnp.asarray(count))
        if method != "etdrk4":
            np.testing.assert_allclose(system.invariants(psi).mass, system.invariants(system.initial).mass, rtol=1e-13)
        return float(jnp.max(jnp.abs(psi - true)))

    true = reference(1.0)
    np.testing.assert_allclose(true, exact(1.0), atol=1e-4)
    coarse, fine = error(steps), error(2 * steps)
    assert abs(np.log2(coarse / fine) - order) < 0.35, (coarse, fine)


def test_simulate_is_repeated_steps(x64):
    system = Schrodinger(exact(0.0), length=LENGTH, dt=0.02, method="yoshida4")
    key = jax.random.key(0)
    final, seen = simulators.simulate(system, system.init(key=key), 4, key=key, observe=jnp.abs, every=2)
    psi = system.initial
    for _ in range(4):
        psi = system.step(psi, key=key)
    np.testing.assert_allclose(final, psi, atol=1e-14)
    np.testing.assert_allclose(seen[-1], np.abs(psi), atol=1e-14)


def test_the_rate_is_the_equation(x64):
    """Without a filter it is i psi_xx / 2 + i |psi|^2 psi by the grid's derivatives; filtered modes do not move."""
    system = Schrodinger(exact(0.0), length=LENGTH, dt=0.1, dealiasing=None)
    psi = system.initial
    rate = jnp.fft.ifft(system.vector_field(0.0, jnp.fft.fft(psi)))
    np.testing.assert_allclose(rate, 0.5j * system.grid.laplacian(psi) + 1j * jnp.abs(psi) ** 2 * psi, atol=1e-11)
    np.testing.assert_allclose(system.points, X, atol=1e-13)
    filtered = Schrodinger(exact(0.0) + 0.1, length=LENGTH, dt=0.1)
    moved = filtered.vector_field(0.0, jnp.fft.fft(filtered.initial))
    assert float(jnp.max(jnp.abs(moved[24:41]))) < 1e-12  # modes 24 to 32 of 32


def test_dense_output_and_what_it_reports(x64):
    """Snapshots between steps are as exact as their ends; too few steps give NaN and no convergence."""
    system = Schrodinger(exact(0.0), length=LENGTH, dt=0.1, dealiasing=None)
    times = jnp.array([0.0, 0.11, 0.37, 0.50])
    solution = system.solve(system.initial, times, rtol=1e-9, atol=1e-9)
    assert bool(solution.converged)
    waves = zip(solution.value[1:], times[1:], strict=True)
    errors = [float(jnp.max(jnp.abs(psi - reference(t)))) for psi, t in waves]
    assert max(errors) < 3e-8
    stopped = system.solve(system.initial, times, rtol=1e-9, atol=1e-9, max_steps=3)
    assert not bool(stopped.converged)
    assert np.isnan(stopped.value[-1]).all()


def test_gradients_through_steps_and_solves(x64):
    """In reverse and in forward mode, and equal to differences; both ways to solve agree."""
    direction = jnp.asarray(np.random.default_rng(2).normal(size=N) * np.exp(-(X**2) / 8))

    def by_steps(size):
        system = Schrodinger(exact(0.0) + size * direction, length=LENGTH, dt=0.05, method="yoshida4")
        psi, _ = simulators.simulate(system, system.initial, 4, key=jax.random.key(0), observe=None)
        return observables.spectral_entropy(psi)

    def by_solving(size, adjoint):
        system = Schrodinger(exact(0.0) + size * direction, length=LENGTH, dt=0.05, dealiasing=None)
        psi = system.solve(system.initial, jnp.array([0.0, 0.2]), rtol=1e-9, adjoint=adjoint).value[-1]
        return observables.spectral_entropy(psi)

    value = jax.jit(by_steps)
    difference = float(value(1e-5) - value(-1e-5)) / 2e-5
    reverse = [
        jax.jit(jax.grad(by_steps))(0.0),
        jax.jit(jax.grad(lambda size: by_solving(size, None)))(0.0),
        jax.jit(jax.jacfwd(lambda size: by_solving(size, diffrax.ForwardMode())))(0.0),
    ]
    np.testing.assert_allclose(reverse[0], difference, rtol=1e-7)
    np.testing.assert_allclose(reverse[1:], difference, rtol=1e-3)  # the two discretise differently
    np.testing.assert_allclose(reverse[1], reverse[2], rtol=1e-8)


@pytest.mark.slow
def test_memory_of_a_long_gradient(x64):
    """Through 10,000 steps of 512 points within 2 GiB."""

    @jax.grad
    def slope(psi):
        system = Schrodinger(psi, length=50.0, dt=0.002, method="kahan_li8")
        final, _ = simulators.simulate(system, psi, 10_000, key=jax.random.key(0), observe=None)
        return observables.spectral_entropy(final)

    plan = jax.jit(slope).lower(jnp.ones(512, complex)).compile().memory_analysis()
    assert plan.temp_size_in_bytes < 2 * 2**30


@pytest.mark.fast
def test_what_is_refused():
    psi = np.exp(-(X**2)).astype(np.float32)
    for bad, words in (
        ({"initial": psi[:-1]}, "n even and at least 8"),
        ({"initial": psi[:6]}, "n even and at least 8"),
        ({"initial": 0 * psi}, "must not be zero everywhere"),
        ({"initial": np.nan * psi}, "initial must be finite"),
        ({"length": -1.0}, "length must be positive"),
        ({"dt": 0.0}, "dt must be positive"),
        ({"method": "euler"}, "method must be one of 'strang'"),
        ({"dealiasing": 1.5}, r"dealiasing must be in \(0.0, 1.0\]"),
    ):
        with without_shape_hook(), pytest.raises(ValueError, match=words):
            Schrodinger(**({"initial": psi, "length": LENGTH, "dt": 0.1} | bad))
    system = Schrodinger(psi, length=LENGTH, dt=0.1)
    for times, options, words in (
        ([0.0, 1.0], {}, "float32 can hold"),  # the default tolerance is for float64
        ([0.0], {"rtol": 1e-5}, r"times must have shape \(t,\) with t > 1"),
        ([1.0, 0.5], {"rtol": 1e-5}, "times must be finite and increase"),
        ([0.0, 1.0], {"rtol": -1.0}, "rtol must be in"),
        ([0.0, 1.0], {"rtol": 1e-5, "max_step": 0.0}, "max_step must be in"),
    ):
        with without_shape_hook(), pytest.raises(ValueError, match=words):
            system.solve(psi, np.array(times), **options)
    with without_shape_hook(), pytest.raises(ValueError, match="state must have the grid's 64 points"):
        system.step(psi[:8], key=jax.random.key(0))
    with without_shape_hook(), pytest.raises(TypeError, match="key must be a key"):
        system.init(key=jnp.zeros(2, jnp.uint32))


@pytest.mark.fast
def test_the_filter_far_beyond_its_cutoff():
    """There it is zero with slope zero, though the power is beyond float32; before, it is the formula."""
    ratio = jnp.asarray([0.0, 0.5, 1.0, 1.05, 1.2, 13.0, 1e5])
    value, slope = jax.jvp(lambda k: simulators.exponential_filter(k, 1.0), (ratio,), (jnp.ones_like(ratio),))
    exact = np.asarray(ratio, float)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        want = np.exp(-36 * exact**36)
        steep = np.nan_to_num(-(36**2) * exact**35 * want)
    np.testing.assert_allclose(value, want, rtol=2e-4, atol=1e-30)
    np.testing.assert_allclose(slope, steep, rtol=2e-4, atol=1e-20)
