"""Path ensembles against sums over all paths, exponentials of generators, and each other."""

import itertools

import jax
import numpy as np
import pytest
import scipy.linalg

from entropax import information, thermodynamics

pytestmark = pytest.mark.usefixtures("x64")

RNG = np.random.default_rng(7)
T = RNG.dirichlet(np.full(3, 1.5), (4, 3))
T[1, 0] = [0.0, 0.4, 0.6]
P0 = np.array([0.6, 0.4, 0.0])
J = RNG.standard_normal((2, 3, 3))
LAM = RNG.standard_normal((4, 2))
RATES = RNG.uniform(0.3, 2.0, (4, 4)) * (1 - np.eye(4))
CURRENT = np.triu(np.ones((4, 4)), 1) - np.tril(np.ones((4, 4)), -1)


def test_against_all_paths():
    """Free energy, means and covariances of a driven chain with zeros, by the sum over its 243 paths."""
    paths = list(itertools.product(range(3), repeat=5))
    weight = np.array([P0[x[0]] * np.prod([T[t, x[t], x[t + 1]] for t in range(4)]) for x in paths])
    values = np.array([[J[:, x[t], x[t + 1]] for t in range(4)] for x in paths])
    weight = weight * np.exp((values * LAM).sum((1, 2)))
    p = weight / weight.sum()
    mean = np.tensordot(p, values, 1)
    away = values - mean
    arguments = T, P0, J, LAM
    np.testing.assert_allclose(thermodynamics.process_free_energy(*arguments), np.log(weight.sum()), rtol=1e-13)
    np.testing.assert_allclose(thermodynamics.path_mean(*arguments), mean, rtol=1e-11)
    np.testing.assert_allclose(
        thermodynamics.path_covariance(*arguments), np.einsum("p,pta,psb->tasb", p, away, away), atol=1e-12
    )


def test_slopes_at_zero_probabilities():
    """The free energy is log of a polynomial in T and p0: at zeros its slope is the one-sided difference quotient."""
    slope = jax.grad(thermodynamics.process_free_energy, argnums=(0, 1))(T, P0, J, LAM)
    direction, h = np.array([-0.5, -0.5, 1.0]), 1e-6
    base = thermodynamics.process_free_energy(T, P0, J, LAM)
    ahead = thermodynamics.process_free_energy(T, P0 + h * direction, J, LAM)
    np.testing.assert_allclose(slope[1] @ direction, (ahead - base) / h, rtol=1e-5)
    turn = np.zeros_like(T)
    turn[1, 0] = [1.0, -0.5, -0.5]
    ahead = thermodynamics.process_free_energy(T + h * turn, P0, J, LAM)
    np.testing.assert_allclose(np.sum(slope[0] * turn), (ahead - base) / h, rtol=1e-5)


def test_slopes_at_impossible_jumps():
    """What is barred has the slope of what it would be, exp(lam J) and all, by one-sided difference quotients."""
    barred, forward, h = np.array(RATES), np.zeros((4, 4)), 1e-7
    barred[0, 2] = 0.0
    forward[0, 2] = 1.0
    psi = lambda k: thermodynamics.scgf(k, 2 * CURRENT, 1.0)  # noqa: E731
    quotient = (psi(barred + h * forward) - psi(barred)) / h
    np.testing.assert_allclose(jax.grad(psi)(barred)[0, 2], quotient, rtol=1e-5)
    turn = np.zeros((3, 3))
    turn[0] = [1.0, -0.4, -0.6]
    kernel = lambda T: thermodynamics.maxcal_transition(T, 2 * np.eye(3), 1.0)  # noqa: E731
    slope = jax.jvp(kernel, (T[1],), (turn,))[1]
    np.testing.assert_allclose(slope, (kernel(T[1] + h * turn) - kernel(T[1])) / h, atol=1e-5)


def test_ensembles_of_charge_and_of_change():
    """Tilted by lam times the charge (constant capacitance) or by changes of the current (inductance): all paths."""
    current, lam, mu = J[0], 0.4, np.array([0.3, -0.2, 0.5, 0.1])
    paths = list(itertools.product(range(3), repeat=5))
    weight = np.array([P0[x[0]] * np.prod([T[t, x[t], x[t + 1]] for t in range(4)]) for x in paths])
    flow = np.array([[current[x[t], x[t + 1]] for t in range(4)] for x in paths])
    charge = np.cumsum(flow, axis=1)
    change = np.diff(flow, axis=1, prepend=0)
    of_charge, of_change = lam * np.arange(4, 0, -1), mu - np.append(mu[1:], 0)
    for exponent, multipliers in ((lam * charge.sum(1), of_charge), (change @ mu, of_change)):
        value = thermodynamics.process_free_energy(T, P0, current, multipliers)
        np.testing.assert_allclose(value, np.log(weight @ np.exp(exponent)), rtol=1e-12)


def test_strong_tilts_do_not_overflow():
    value = thermodynamics.process_free_energy(T[0], P0, 1e4 * J[0], np.full(50, 3.0))
    assert np.isfinite(value)
    assert value > 1e5


def test_cumulants_against_the_exponential():
    """psi by scipy's eigenvalues; the process of maximum caliber has the mean psi' and its divergence."""
    lam = 0.7
    off = RATES * np.exp(lam * CURRENT)
    tilted = off - np.diag(RATES.sum(axis=1))
    psi = thermodynamics.scgf(RATES, CURRENT, lam)
    np.testing.assert_allclose(psi, np.max(scipy.linalg.eigvals(tilted).real), rtol=1e-12)
    mean = jax.grad(thermodynamics.scgf, argnums=2)(RATES, CURRENT, lam)
    driven = np.asarray(thermodynamics.maxcal_rates(RATES, CURRENT, lam))
    np.testing.assert_allclose(driven.sum(axis=1), 0, atol=1e-13)
    law = np.asarray(information.jump_stationary_distribution(driven))
    hops = driven - np.diag(np.diag(driven))
    np.testing.assert_allclose(np.sum(law[:, None] * hops * CURRENT), mean, rtol=1e-11)
    kept = RATES > 0
    ratio = np.log(np.where(kept, hops, 1) / np.where(kept, RATES, 1))
    divergence = np.sum(law[:, None] * (hops * ratio - hops + RATES))
    np.testing.assert_allclose(divergence, lam * mean - psi, rtol=1e-10)


def test_dwell_times():
    """On the diagonal the observable accrues in time: psi of a constant is that constant."""
    np.testing.assert_allclose(thermodynamics.scgf(RATES, 0.3 * np.eye(4), 2.0), 0.6, rtol=1e-12)
    with pytest.raises(ValueError, match="lead from every state to every other"):
        thermodynamics.scgf(np.kron(np.diag([1.0, 2.0]), np.ones((2, 2))), CURRENT, 0.3)


def test_maxcal_transition_shifts_a_gaussian():
    """Means of displacements given, a Gaussian kernel moves by lam times its variance and keeps its width."""
    x = np.arange(-4.0, 4.0, 0.1)
    prior = np.exp(-((x[None] - 0.5 * x[:, None]) ** 2) / 0.2)
    prior /= prior.sum(axis=1, keepdims=True)
    kernel = thermodynamics.maxcal_transition(prior, x[None] - x[:, None], 3.0)
    row = np.asarray(kernel)[40]
    np.testing.assert_allclose(row @ x, 0.5 * x[40] + 3.0 * 0.1, atol=1e-10)
    np.testing.assert_allclose(row @ x**2 - (row @ x) ** 2, 0.1, atol=1e-9)
