"""Facts of arXiv 1105.5662 (information theory and statistical mechanics revisited) that entropax must reproduce."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.linalg

from entropax import information, simulators, thermodynamics

pytestmark = pytest.mark.usefixtures("x64")

close = functools.partial(np.testing.assert_allclose, rtol=0)
"""Within `atol` alone: half a unit of the last digit printed."""

DIE = np.arange(1.0, 7.0)[:, None]


def cycle(forward, backward):
    """Rates and currents of a ring of three states, forward[i] from i to i + 1 and backward[i] from i + 1 to i."""
    rates, current = np.zeros((3, 3)), np.zeros((3, 3))
    for i in range(3):
        j = (i + 1) % 3
        rates[i, j], rates[j, i] = forward[i], backward[i]
        current[i, j], current[j, i] = 1.0, -1.0
    return rates, current


RATES, CURRENT = cycle((2.0, 3.0, 1.5), (1.0, 0.5, 0.8))
LAW = np.array([0.32338308, 0.21890547, 0.45771144])


@pytest.mark.fast
def test_1_the_die():
    """1. Means 4.5 and 3.2 of a die: multipliers, probabilities, entropy, variance, log Z at the printed digits."""
    solution = information.maximum_entropy(DIE, np.array([4.5]))
    close(-solution.multipliers, [0.371048938081], atol=5e-13)
    p = [0.05435317, 0.07877155, 0.11415998, 0.1654468, 0.23977444, 0.34749407]
    close(solution.probabilities, p, atol=5e-9)
    close(solution.value, 1.613581098, atol=5e-10)
    close(solution.log_partition, 3.283301320, atol=5e-10)
    variance = jax.hessian(lambda lam: information.log_partition(DIE, lam))(solution.multipliers)
    close(variance, [[2.298175374]], atol=5e-10)
    assert solution.converged
    low = information.maximum_entropy(DIE, np.array([3.2]))
    close(-low.multipliers, [-0.103535319], atol=5e-10)
    close(low.value, 1.776280214, atol=5e-10)


def test_2_a_prior():
    """2. Prior (.5, .3, .15, .05) and mean 1.2: multiplier, P, KL = -log Z - lam F."""
    solution = information.maximum_entropy(np.arange(4.0)[:, None], np.array([1.2]), np.array([0.5, 0.3, 0.15, 0.05]))
    close(solution.multipliers, [-0.482208587], atol=5e-10)
    close(solution.probabilities, [0.31410572, 0.30524435, 0.24719413, 0.13345579], atol=5e-9)
    close(solution.divergence, 0.113771835, atol=5e-10)
    close(solution.log_partition, 0.464878469, atol=5e-10)
    close(solution.divergence, -solution.log_partition - solution.multipliers[0] * 1.2, atol=1e-14)


def test_3_two_sites():
    """3. The channel of two sites: log Z, P, <n>, Var n = d<n>/dmu by autodiff."""
    states = simulators.occupation_states(2)
    repulsion = np.array([[0.0, 1.5], [0.0, 0.0]])

    def log_z(mu):
        weights = simulators.channel_log_weights(states, mu, np.array([0.5, 0.2]), repulsion, 0.0, np.array([0.3, 0.7]))
        return jax.nn.logsumexp(weights), jax.nn.softmax(weights)

    value, p = log_z(1.0)
    close(value, 1.739236112, atol=5e-10)
    close(p, [0.17565453, 0.39092635, 0.28960536, 0.14381377], atol=5e-9)
    number = jax.grad(lambda mu: log_z(mu)[0])
    close(number(1.0), 0.968159236, atol=5e-10)
    close(jax.grad(number)(1.0), 0.318454461, atol=5e-10)
    close(p @ jnp.sum(states, axis=1) ** 2 - 0.968159236**2, 0.318454461, atol=2e-9)


def test_4_ornstein_uhlenbeck_paths():
    """4. The discrete OU chain tilted by its position: F, <x_40>, C_0 and C_10 = C_0 .96^10, on a grid of 100 points.

    The trapezoidal rule is exact to e^-38 for Gaussians at this spacing, so a finite chain gives all digits.
    """
    x = np.arange(-5.5, 11.0, 0.16)

    def normal(mean, variance):
        weights = np.exp(-((x - mean) ** 2) / (2 * variance))
        return weights / weights.sum(axis=-1, keepdims=True)

    kernel, start = normal(0.96 * x[:, None], 0.05), normal(0.0, 0.05 / (1 - 0.96**2))
    arguments = kernel, start, np.broadcast_to(x, kernel.shape)
    tilted, free = np.full(40, 0.3), np.zeros(11)
    close(thermodynamics.process_free_energy(*arguments, tilted), 28.539395526, atol=6e-10)
    close(thermodynamics.path_mean(*arguments, tilted)[-1], 3.848695066, atol=5e-10)
    covariance = thermodynamics.path_covariance(*arguments, free)
    close(covariance[0, 0], 0.637755102, atol=5e-10)
    close(covariance[0, 10], 0.424000406, atol=5e-10)
    np.testing.assert_allclose(covariance[0, 10], covariance[0, 0] * 0.96**10, rtol=1e-7)


@pytest.mark.fast
def test_5_schnakenberg():
    """5. The cycle of three states: p, J and the entropy production J log(prod k+ / prod k-)."""
    p = information.jump_stationary_distribution(RATES)
    close(p, LAW, atol=5e-9)
    flow = p[0] * RATES[0, 1] - p[1] * RATES[1, 0]
    close(flow, 0.427860697, atol=5e-10)
    rate = thermodynamics.markov_entropy_production(RATES)
    close(rate, 1.332150829, atol=5e-10)
    np.testing.assert_allclose(rate, flow * np.log(9.0 / 0.4), rtol=1e-12)


@pytest.mark.fast
def test_6_information_loss():
    """6. One step of .3: the loss is system plus medium and exceeds the decrease of the divergence from the law."""
    transition = scipy.linalg.expm(0.3 * (RATES - np.diag(RATES.sum(axis=1))))
    start = np.array([0.7, 0.2, 0.1])
    loss = thermodynamics.information_loss(transition, start)
    close(loss.distribution, [0.42439308, 0.25894482, 0.3166621], atol=5e-9)
    close([loss.value, loss.system, loss.medium], [0.381626347, 0.275933572, 0.105692775], atol=5e-10)
    before, after = (information.kl_divergence(p, information.stationary_distribution(transition))
                     for p in (start, loss.distribution))  # fmt: skip
    close([before, after], [0.370398482, 0.042196343], atol=5e-10)
    assert loss.value > before - after


def test_7_cumulants_of_the_current():
    """7. psi(.4) = psi(-.4 - log 2.5), psi'(0), psi''(0), entropy production; the response at u = 0 is Var / 2."""
    rates, current = cycle((3.0,) * 3, (1.2,) * 3)

    def psi(lam):
        return thermodynamics.scgf(rates, current, lam)

    close([psi(0.4), psi(-0.4 - np.log(2.5))], 1.079858148, atol=5e-10)
    mean = jax.grad(psi)
    np.testing.assert_allclose([mean(0.0), jax.grad(mean)(0.0)], [1.8, 4.2], rtol=1e-11)
    close(thermodynamics.markov_entropy_production(rates), 1.649323317, atol=5e-10)

    def driven(u):
        k = jnp.where(current > 0, 0.7 * jnp.exp(u / 2), jnp.where(current < 0, 0.7 * jnp.exp(-u / 2), 0.0))
        return jax.grad(thermodynamics.scgf, argnums=2)(k, current, 0.0)

    unbiased = np.where(current != 0, 0.7, 0.0)
    half = jax.grad(jax.grad(thermodynamics.scgf, argnums=2), argnums=2)(unbiased, current, 0.0) / 2
    np.testing.assert_allclose([jax.grad(driven)(0.0), half], 0.7, rtol=1e-11)


def test_8_fluctuation_and_dissipation():
    """8. Continuous OU: the response mob e^{-k t} is -beta dC/dt with D = mob / beta."""
    rate, mobility, beta = 0.8, 0.6, 1.7

    def propagator(t):
        return simulators.LinearLangevin(np.array([[rate]]), np.array([mobility / beta]), dt=t).transition()[0][0, 0]

    variance = simulators.stationary_covariance(np.array([[rate]]), np.array([mobility / beta]))[0, 0]
    decay = jax.grad(lambda t: variance * propagator(t))(1.3)
    np.testing.assert_allclose(mobility * propagator(1.3), -beta * decay, rtol=1e-10)
    np.testing.assert_allclose(variance, mobility / beta / rate, rtol=1e-12)


@pytest.mark.fast
def test_9_the_dragged_trap():
    """9. beta = mu = 1, k = 2, v = .7, t = 1.5: <W>, Var W, <e^-W> = 1, against an integral of the mean path."""
    mean, variance = thermodynamics.dragged_trap_work(2.0, 0.7, 1.5, 1.0, 1.0)
    close([mean, variance], [0.502197832, 1.004395664], atol=5e-10)
    np.testing.assert_allclose(np.exp(-mean + variance / 2), 1.0, rtol=1e-14)
    power = scipy.integrate.quad(lambda t: 0.7**2 * (1 - np.exp(-2.0 * t)), 0, 1.5)[0]  # k v times the lag
    np.testing.assert_allclose(mean, power, rtol=1e-12)


def test_10_the_dual():
    """10. The Hessian is symmetric and PSD; constants do not matter; redundant constraints are reported, not NaN."""
    features = np.random.default_rng(4).standard_normal((9, 3))
    targets = np.array([0.1, -0.2, 0.15])
    solution = information.maximum_entropy(features, targets)
    hessian = jax.hessian(lambda lam: information.log_partition(features, lam))(solution.multipliers)
    close(hessian, hessian.T, atol=1e-14)
    assert np.linalg.eigvalsh(hessian)[0] > 0
    moved = information.maximum_entropy(features + 3.7, targets + 3.7)
    close(moved.probabilities, solution.probabilities, atol=1e-12)
    redundant = np.concatenate([features[:, :2], features[:, :1] - 2 * features[:, 1:2]], axis=1)
    same = information.maximum_entropy(redundant, np.array([0.1, -0.2, 0.5]))
    assert same.converged
    assert same.rank == 2
    fewer = information.maximum_entropy(np.pad(features[:, :2], ((0, 0), (0, 1))), np.array([0.1, -0.2, 0.0]))
    assert fewer.rank == 2
    close(same.probabilities, fewer.probabilities, atol=1e-12)
    singular = jax.hessian(lambda lam: information.log_partition(redundant, lam))(same.multipliers)
    assert np.linalg.matrix_rank(singular, tol=1e-10) == 2
    contradiction = information.maximum_entropy(redundant, np.array([0.1, -0.2, 0.6]))
    assert contradiction.infeasible
    assert not contradiction.converged
    assert np.all(np.isfinite(contradiction.probabilities))
