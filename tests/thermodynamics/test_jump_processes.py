"""Information loss, entropy production and work relations in cases that can be worked out."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from entropax import information, thermodynamics

pytestmark = pytest.mark.usefixtures("x64")

UP, DOWN = np.array([[0.0, 1.0], [0.3, 0.0]]), np.array([[0.0, 0.2], [0.9, 0.0]])


def kernel(rates, time):
    return scipy.linalg.expm(time * (rates - np.diag(rates.sum(axis=1))))


def test_detailed_balance():
    """With detailed balance the loss is exactly the decrease of the divergence from the law."""
    T, p = kernel(UP, 0.4), np.array([0.9, 0.1])
    loss = thermodynamics.information_loss(T, p)
    law = information.stationary_distribution(T)
    decrease = information.kl_divergence(p, law) - information.kl_divergence(loss.distribution, law)
    np.testing.assert_allclose(loss.value, decrease, rtol=1e-12)
    np.testing.assert_allclose(loss.value, loss.system + loss.medium, rtol=1e-12)


def test_driven_step_is_reversed_by_the_reversed_protocol():
    """A step of two stages, A then B, is reversed by B then A: its loss is at most that of the two stages seen."""
    A, B, p = kernel(UP, 0.3), kernel(DOWN, 0.5), np.array([0.7, 0.3])
    whole = thermodynamics.information_loss(A @ B, p, B @ A)
    stages = thermodynamics.information_loss(np.stack([A, B]), p)
    assert stages.value.shape == (2,)
    assert 0 <= whole.value <= stages.value.sum()  # what is not seen is not lost
    np.testing.assert_allclose(whole.system, stages.system.sum(), rtol=1e-12)
    np.testing.assert_allclose(whole.distribution, stages.distribution, rtol=1e-12)


def test_odd_variables():
    """A ballistic ring: (position, velocity) moves on by its velocity, reversible only if velocities turn round."""
    states = [(x, v) for x in range(3) for v in (1, -1)]
    index = {state: i for i, state in enumerate(states)}
    T = np.zeros((6, 6))
    for x, v in states:
        T[index[x, v], index[(x + v) % 3, v]] = 1.0
    mirror = np.array([index[x, -v] for x, v in states])
    p = np.full(6, 1 / 6)
    np.testing.assert_allclose(thermodynamics.information_loss(T, p, mirror=mirror).value, 0, atol=1e-14)
    assert thermodynamics.information_loss(T, p).value == np.inf
    with pytest.raises(ValueError, match="mirror must be its own inverse"):
        thermodynamics.information_loss(T, p, mirror=np.array([1, 2, 0, 3, 4, 5]))


def test_irreversible_jumps_produce_infinite_entropy():
    one_way = np.roll(np.eye(3), 1, axis=1)
    assert thermodynamics.markov_entropy_production(one_way) == np.inf
    two_way = one_way + 0.5 * one_way.T
    two_way[0, 1] = two_way[1, 0] = 0.0  # a broken ring keeps detailed balance; its missing pair has no gradient
    value, slope = jax.value_and_grad(thermodynamics.markov_entropy_production)(two_way)
    np.testing.assert_allclose(value, 0, atol=1e-14)
    assert np.all(np.isfinite(slope))


def test_second_derivative_at_equilibrium():
    """A ring driven by u per step produces 2 k u sinh(u / 2): at u = 0 no entropy, no slope, second slope 2 k."""

    def rate(u):
        ring = jnp.asarray(np.roll(np.eye(3), 1, axis=1))
        return thermodynamics.markov_entropy_production(0.7 * (ring * jnp.exp(u / 2) + ring.T * jnp.exp(-u / 2)))

    np.testing.assert_allclose(rate(0.4), 2 * 0.7 * 0.4 * np.sinh(0.2), rtol=1e-12)
    np.testing.assert_allclose(jax.jit(jax.hessian(rate))(0.0), 2 * 0.7, rtol=1e-12)


def test_out_of_the_stationary_law():
    """The rate is that of the loss of a short step."""
    rates, p = np.array([[0, 1.0, 0.4], [0.5, 0, 2.0], [0.9, 0.2, 0]]), np.array([0.5, 0.2, 0.3])
    exact = thermodynamics.markov_entropy_production(rates, p)
    # The loss of a step of h is exact + c h: extrapolated from two.
    one, two = (thermodynamics.information_loss(kernel(rates, h), p).value / h for h in (1e-4, 2e-4))
    np.testing.assert_allclose(2 * one - two, exact, rtol=1e-5)


def test_work_relations():
    """Gaussian work with dF = .8: both estimators within their errors (3 s.e.), the two-sided error smaller.

    Crooks: forward N(dF + s/2, s), reverse N(-dF + s/2, s) in kT. Jarzynski's bias is below .002 here.
    """
    rng, beta, variance = np.random.default_rng(3), 1.7, 2.0
    forward = rng.normal(0.8 * beta + variance / 2, variance**0.5, 20_000) / beta
    reverse = rng.normal(-0.8 * beta + variance / 2, variance**0.5, 10_000) / beta
    one = thermodynamics.jarzynski(forward, beta)
    both = thermodynamics.crooks(forward, reverse, beta)
    assert both.converged
    assert abs(one.value - 0.8) < 3 * one.standard_error
    assert abs(both.value - 0.8) < 3 * both.standard_error
    assert both.standard_error < one.standard_error < 0.05
    assert 1 < one.effective_size < 20_000
    # The root is that of Bennett's equation.
    M = np.log(2.0)
    fermi = lambda x: 1 / (1 + np.exp(x))  # noqa: E731
    left = np.sum(fermi(M + beta * (forward - both.value)))
    np.testing.assert_allclose(left, np.sum(fermi(-M + beta * (reverse + both.value))), rtol=1e-9)


def test_error_of_the_two_sided_estimate():
    """It is the scatter of 400 repeats of 400 and 200 works: a ratio whose error is 3.5%, held to three of them."""
    rng, variance = np.random.default_rng(4), 4.0
    forward = rng.normal(0.8 + variance / 2, variance**0.5, (400, 400))
    reverse = rng.normal(-0.8 + variance / 2, variance**0.5, (400, 200))
    found = jax.jit(jax.vmap(lambda f, r: thermodynamics.crooks(f, r, 1.0)))(forward, reverse)
    assert np.all(found.converged)
    claimed = np.sqrt(np.mean(found.standard_error**2))
    np.testing.assert_allclose(claimed, np.std(found.value, ddof=1), rtol=3 / np.sqrt(2 * 399))
    assert abs(np.mean(found.value) - 0.8) < 4 * claimed / 20


def test_directions_that_do_not_overlap():
    """Works 1000 kT above dF both ways, alike: dF by symmetry, and an infinite error."""
    scatter = np.random.default_rng(5).standard_normal(20)
    found = thermodynamics.crooks(1003.0 + scatter, 997.0 + scatter, 1.0)
    assert found.converged
    np.testing.assert_allclose(found.value, 3.0, rtol=1e-12)
    assert found.standard_error == np.inf
    slope = jax.grad(lambda f: thermodynamics.crooks(f, 997.0 + scatter, 1.0).value)(1003.0 + scatter)
    np.testing.assert_allclose(slope, jax.nn.softmax(-scatter) / 2, rtol=1e-9)


def test_trap_at_short_times():
    """<W> = k v^2 t^2 / 2 at first, without cancellation, and smooth across the change of formula."""
    mean, _ = thermodynamics.dragged_trap_work(2.0, 0.7, 1e-9, 1.0, 1.0)
    np.testing.assert_allclose(mean, 2.0 * 0.49 * 1e-18 / 2, rtol=1e-8)
    below, above = (thermodynamics.dragged_trap_work(2.0, 0.7, 0.005 + d, 1.0, 1.0)[0] for d in (-1e-12, 1e-12))
    np.testing.assert_allclose(below, above, rtol=1e-9)


def test_onsager_machlup_is_the_log_density():
    """Differences of the action are those of the Gaussian transition densities; reversal gives the heat."""
    rng = np.random.default_rng(8)
    x, y, dt, D = rng.standard_normal(5), rng.standard_normal(5), 0.1, 0.4
    drift = lambda x: -0.8 * x  # noqa: E731

    def log_density(p):
        return sum(-((b - a - dt * drift(a)) ** 2) / (4 * D * dt) for a, b in itertools.pairwise(p))

    action = lambda p: thermodynamics.onsager_machlup(p, drift, D, dt)  # noqa: E731
    np.testing.assert_allclose(action(y) - action(x), log_density(x) - log_density(y), rtol=1e-12)
    # sum of (b_t + b_t+1) dx / (2 D), the heat over kT, and what Ito increments leave at the ends.
    squares = x[-1] ** 2 - x[0] ** 2
    np.testing.assert_allclose(
        action(x[::-1]) - action(x), -0.8 * squares / (2 * D) + dt * 0.64 * squares / (4 * D), rtol=1e-10
    )
