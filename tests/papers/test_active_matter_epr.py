"""Facts of arXiv 2309.12991 (entropy production in active matter) that entropax must reproduce."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from entropax import losses, nn, space, thermodynamics
from entropax.simulators import (
    ActiveRing,
    ActiveSwimmers,
    LinearLangevin,
    simulate,
    stationary_covariance,
    swimmer_box,
)
from experiments.thermodynamics._ring_reference import extrapolated_entropy_production, solve_ring

TRAP, V0, EPS, GAMMA, SPRING = 0.7, 0.5, 0.2, 0.3, 0.4
ROTATION = np.array([[1.5, -0.8], [0.8, 1.5]])
SWIMMER = np.array([[TRAP, -V0], [0.0, GAMMA]])
THREE = np.array([[1, 0.6, 0], [0, 2, -0.5], [0.3, 0, 1.5]])
D_THREE = np.array([0.5, 1.0, 0.25])


def flow_matrix(A: np.ndarray, D: np.ndarray) -> np.ndarray:
    """M of the exact probability-flow velocity v = M x, column by column through the library's own functions."""
    score = -np.linalg.inv(stationary_covariance(A, D))
    velocity = jax.vmap(
        lambda x: thermodynamics.probability_flow_velocity(-jnp.asarray(A) @ x, jnp.asarray(score) @ x, jnp.asarray(D))
    )
    return np.asarray(velocity(jnp.eye(len(D)))).T


def mean_rates(A: np.ndarray, D: np.ndarray) -> np.ndarray:
    """E[v_i^2] / D_i of every coordinate, exactly: the columns of a factor of S have S as their second moment."""
    factor = np.linalg.cholesky(stationary_covariance(A, D))
    velocities = jnp.asarray((flow_matrix(A, D) @ factor).T)
    rates = jax.vmap(lambda v: thermodynamics.total_entropy_production(v, jnp.asarray(D), axis=()))(velocities)
    return np.asarray(rates).sum(axis=0)


@pytest.mark.parametrize("D0", [0.1, 1.0, 7.0])
def test_1_rotation(D0, x64):
    """1. v = (-A + D S^-1) x; EPR = tr(A^T D^-1 A S) - tr A; a rotation has 2 w^2 / k for any D0: 0.853333333."""
    D = np.full(2, D0)
    np.testing.assert_allclose(
        flow_matrix(ROTATION, D), -ROTATION + np.diag(D) @ np.linalg.inv(stationary_covariance(ROTATION, D)), rtol=1e-12
    )
    np.testing.assert_allclose(thermodynamics.linear_entropy_production(ROTATION, D), 0.853333333, rtol=1e-9)
    np.testing.assert_allclose(mean_rates(ROTATION, D).sum(), 0.853333333, rtol=1e-9)


def test_2_swimmer_in_a_trap(x64):
    """2. S, its inverse, EPR 0.375 = 0.184090909 in x + 0.190909091 in g, and div v = -0.190909091 + 0.190909091."""
    D = np.array([EPS, GAMMA])
    S = np.asarray(stationary_covariance(SWIMMER, D))
    np.testing.assert_allclose(S, [[0.642857143, 0.5], [0.5, 1.0]], rtol=1e-8)
    formula = EPS / TRAP + V0**2 / (TRAP * (TRAP + GAMMA))
    np.testing.assert_allclose(S, [[formula, V0 / (TRAP + GAMMA)], [V0 / (TRAP + GAMMA), 1.0]], rtol=1e-12)
    inverse = [[2.545454545, -1.272727273], [-1.272727273, 1.636363636]]
    np.testing.assert_allclose(np.linalg.inv(S), inverse, rtol=1e-9)
    np.testing.assert_allclose(mean_rates(SWIMMER, D), [0.184090909, 0.190909091], rtol=1e-8)
    total = thermodynamics.linear_entropy_production(SWIMMER, D)
    np.testing.assert_allclose(total, 0.375, rtol=1e-12)
    np.testing.assert_allclose(total, V0**2 * GAMMA / (EPS * (TRAP + GAMMA)), rtol=1e-12)
    M = jnp.asarray(flow_matrix(SWIMMER, D))
    _, slopes = space.value_and_jacobian_diagonal(lambda x: M @ x, jnp.asarray([0.3, -1.0]))
    np.testing.assert_allclose(slopes, [-0.190909091, 0.190909091], rtol=1e-8)


def test_3_no_noise_in_the_positions(x64):
    """3. eps = 0: E div v_g = A, E div v_x = -A, (S^-1)_gg = (A + gamma) / gamma; the total rate is refused."""
    D = np.array([0.0, GAMMA])
    np.testing.assert_allclose(np.diag(flow_matrix(SWIMMER, D)), [-TRAP, TRAP], rtol=1e-10)
    inverse = np.linalg.inv(stationary_covariance(SWIMMER, D))
    np.testing.assert_allclose(inverse[1, 1], (TRAP + GAMMA) / GAMMA, rtol=1e-10)
    with pytest.raises(ValueError, match="for swimmers the g part"):
        thermodynamics.linear_entropy_production(SWIMMER, D)
    # The g part stays: E[v_g^2] / gamma = E div v_g = A.
    M, S = flow_matrix(SWIMMER, D), np.asarray(stationary_covariance(SWIMMER, D))
    columns = jnp.asarray((M @ np.linalg.cholesky(S)).T)
    rate = sum(thermodynamics.total_entropy_production(v[1:], jnp.asarray(D[1:])) for v in columns)
    np.testing.assert_allclose(rate, (M @ S @ M.T)[1, 1] / GAMMA, rtol=1e-10)


def coupled_swimmers(springs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n = len(springs)
    zero, one = np.zeros((n, n)), np.eye(n)
    return np.block([[springs, -V0 * one], [zero, GAMMA * one]]), np.repeat([EPS, GAMMA], n)


def test_4_coupled_swimmers(x64):
    """4. EPR = v0^2 gamma / eps sum_m 1 / (kappa_m + gamma): 0.583333333 for two, and for five with random springs."""
    two = np.array([[TRAP + SPRING, -SPRING], [-SPRING, TRAP + SPRING]])
    np.testing.assert_allclose(np.linalg.eigvalsh(two), [0.7, 1.5])
    np.testing.assert_allclose(thermodynamics.linear_entropy_production(*coupled_swimmers(two)), 0.583333333, rtol=1e-9)
    root = np.random.default_rng(0).standard_normal((5, 5))
    five = root @ root.T + 0.3 * np.eye(5)
    expected = V0**2 * GAMMA / EPS * np.sum(1 / (np.linalg.eigvalsh(five) + GAMMA))
    np.testing.assert_allclose(thermodynamics.linear_entropy_production(*coupled_swimmers(five)), expected, rtol=1e-9)


def test_5_three_dimensions(x64):
    """5. EPR = 0.305034169 and S_00 = 0.56875983."""
    np.testing.assert_allclose(thermodynamics.linear_entropy_production(THREE, D_THREE), 0.305034169, rtol=1e-8)
    np.testing.assert_allclose(stationary_covariance(THREE, D_THREE)[0, 0], 0.56875983, rtol=2e-8)
    np.testing.assert_allclose(mean_rates(THREE, D_THREE).sum(), 0.305034169, rtol=1e-8)


@pytest.mark.parametrize(("speed", "rate"), [(0.25, 0.39699), (0.1, 0.077981), (0.5, 1.18906)])
def test_6_ring_reference(speed, rate):
    """6. Finite volumes in x times Hermite functions in g, h -> 0: 0.39699, and 0.077981 and 1.18906 at other v0."""
    np.testing.assert_allclose(extrapolated_entropy_production(speed, num_cells=512), rate, atol=2e-5)


def test_6_ring_density():
    """6. E[gF] = -0.091205, p(x = W) = 0.0575810, max p = 0.17973 at x = 2.02; EPR = (v0^2 + v0 E[gF]) / eps."""
    coarse, fine = solve_ring(num_cells=512), solve_ring(num_cells=1024)
    force = (4 * fine.mean_propulsion_force - coarse.mean_propulsion_force) / 3
    np.testing.assert_allclose(force, -0.091205, atol=2e-6)
    np.testing.assert_allclose((0.25**2 + 0.25 * force) / 0.1, 0.39699, atol=2e-5)
    middle = np.interp(8.0, fine.x, fine.marginal)
    np.testing.assert_allclose(middle, 0.0575810, rtol=1e-5)
    peak = np.argmax(fine.marginal)
    np.testing.assert_allclose(fine.marginal[peak], 0.17973, rtol=5e-4)
    assert abs(min(fine.x[peak], 16 - fine.x[peak]) - 2.02) < 0.02
    # Three routes to one number: power input, dissipation v D^-1 v, and the normalisation of the density.
    g = np.linspace(-6, 6, 241)
    density, velocity = fine.on_grid(g)
    weight = density * (fine.x[1] - fine.x[0]) * (g[1] - g[0])
    np.testing.assert_allclose(weight.sum(), 1, rtol=1e-8)
    dissipation = np.nansum(weight * (velocity[0] ** 2 / 0.1 + velocity[1] ** 2 / 0.1))
    np.testing.assert_allclose(dissipation, fine.entropy_production, rtol=2e-4)


def test_6_free_swimmer(x64):
    """6. Without interaction the rate is v0^2 / eps = 0.625, and the density uniform."""
    np.testing.assert_allclose(solve_ring(stiffness=0.0, num_cells=64).entropy_production, 0.625, rtol=1e-10)


def itself(state):
    return state


def test_6_ring_simulation(getkey):
    """6. The simulated ring has that rate: the score-free mean is within 4 standard errors (3.7%) of 0.39699."""
    ring = ActiveRing(dt=0.01)
    chains = 2000
    state, _ = simulate(ring, ring.init(key=getkey(), shape=(chains,)), 6000, key=getkey(), observe=None)
    _, samples = simulate(ring, state, 20_000, key=getkey(), observe=itself, every=100)
    ordered = samples.swapaxes(0, 1).reshape(-1, 2)
    estimate = thermodynamics.score_free_entropy_production(
        ring.drift(ordered), ring.drift_divergence(ordered), ring.diffusion, num_blocks=chains
    )
    assert 1e-3 < float(estimate.standard_error) < 6e-3
    assert abs(float(estimate.value) - 0.39699) < 4 * float(estimate.standard_error)


def test_7_forces_of_three_swimmers(x64):
    """7. Pair forces and div_i b_i of three swimmers, R = 1, k = 2.5, beta = 7.5, W = 4, by direct sums."""
    box = space.PeriodicBox(-4 * jnp.ones(2), 4 * jnp.ones(2))
    swimmers = ActiveSwimmers(3, speed=0.0, box=box, stiffness=2.5, beta=7.5, neighbors="all_pairs")
    x = jnp.asarray([[0.0, 0.0], [1.5, 0.5], [-3.6, 0.2]])
    forces = [[-1.00679469, -0.335598994], [1.00645116, 0.335634627], [3.43535929e-4, -3.56321421e-5]]
    np.testing.assert_allclose(swimmers.pair_force(x), forces, rtol=1e-7)
    np.testing.assert_allclose(jnp.sum(swimmers.pair_force(x), axis=0), np.zeros(2), atol=1e-14)
    phase = jnp.stack([x, jnp.zeros_like(x)])
    divergence = swimmers.drift_divergence(phase)[0]
    np.testing.assert_allclose(divergence, [-1.72524355, -1.72771392, -0.00249875], rtol=1e-8, atol=6e-9)
    _, slopes = space.value_and_jacobian_diagonal(swimmers.drift, phase)
    np.testing.assert_allclose(jnp.sum(slopes[0], axis=1), divergence, rtol=1e-10)


@pytest.mark.fast
@pytest.mark.parametrize(("n", "phi", "half_width"), [(4096, 0.5, 80.2121048), (64, 0.1, 22.4199649)])
def test_8_box_from_the_packing_fraction(n, phi, half_width, x64):
    """8. (2W)^2 = N pi R^2 / phi: W = 80.2121048 and 22.4199649."""
    box = swimmer_box(n, phi)
    np.testing.assert_allclose(box.upper, [half_width, half_width], rtol=1e-8)
    np.testing.assert_allclose(box.lower, [-half_width, -half_width], rtol=1e-8)


GAUSSIAN = np.array([[1.2, 0.3], [0.3, 0.5]])


def gaussian_points() -> np.ndarray:
    """Four points with mean zero and covariance GAUSSIAN, on which means of quadratics are exact."""
    columns = np.sqrt(2) * np.linalg.cholesky(GAUSSIAN).T
    return np.concatenate([columns, -columns])


@pytest.mark.fast
def test_9_score_matching_of_a_gaussian(x64):
    """9. L_SM has its least value -tr S^-1 = -3.333333 at the score, which is (-1.333333, 3.0) at (0.7, -1.1)."""
    points = jnp.asarray(gaussian_points())

    def loss(matrix):
        evaluation = losses.evaluate_score(lambda x: -matrix @ x, points)
        return jnp.mean(losses.implicit_score_matching_loss(evaluation))

    exact = jnp.linalg.inv(jnp.asarray(GAUSSIAN))
    np.testing.assert_allclose(-exact @ np.array([0.7, -1.1]), [-1.333333333, 3.0], rtol=1e-9)
    np.testing.assert_allclose(loss(exact), -10 / 3, rtol=1e-12)
    np.testing.assert_allclose(jax.grad(loss)(exact), np.zeros((2, 2)), atol=1e-12)
    # Convex in the matrix, so that this is the least value of all linear scores.
    assert np.linalg.eigvalsh(jax.hessian(loss)(exact).reshape(4, 4)).min() > 0.1


def test_9_denoising_minimiser(getkey, x64):
    """9. Denoising with sigma = 0.4 learns -(S + sigma^2 1)^-1 x: (-0.98068351, 2.1124319) at (0.7, -1.1).

    The loss is quadratic in a linear score, so its minimum is one linear solve; 400,000 pairs leave 0.5% of noise,
    tolerance 2% (the score of the density itself is 30% away).
    """
    draws = jax.random.normal(getkey(), (400_000, 2)) @ jnp.linalg.cholesky(jnp.asarray(GAUSSIAN)).T
    key = getkey()

    def loss(matrix):
        return jnp.mean(losses.denoising_score_matching_loss(lambda x: -matrix @ x, draws, sigma=0.4, key=key))

    zero = jnp.zeros((2, 2))
    hessian = jax.hessian(loss)(zero).reshape(4, 4)
    best = -np.linalg.solve(hessian, jax.grad(loss)(zero).reshape(4)).reshape(2, 2)
    expected = -np.linalg.solve(GAUSSIAN + 0.16 * np.eye(2), [0.7, -1.1])
    np.testing.assert_allclose(expected, [-0.98068351, 2.1124319], rtol=1e-7)
    np.testing.assert_allclose(-best @ [0.7, -1.1], expected, rtol=0.02)


def test_10_identities_at_the_exact_score(getkey, x64):
    """10. div v + v.s = 0 at every state, E[div v] = E[v.s] = 0, E[v D^-1 v] = E[b D^-1 b + div b] (4 s.e.)."""
    system = LinearLangevin(THREE, D_THREE, dt=1.0)
    D = jnp.asarray(D_THREE)
    x = system.init(key=getkey(), shape=(4000,))
    precision = jnp.linalg.inv(system.stationary_covariance())
    evaluation = losses.evaluate_score(lambda z: -precision @ z, x)
    b, slopes = system.drift(x), system.drift_divergence(x)
    residuals = losses.stationary_residuals(evaluation, b, slopes, D)
    np.testing.assert_allclose(residuals.value, np.zeros(4000), atol=1e-12)
    v = b - D[None] * evaluation.value
    diagnostics = thermodynamics.stationarity_diagnostics(
        residuals.velocity_divergence[0],
        residuals.velocity_dot_score,
        jnp.sum(evaluation.value**2, axis=1),
        evaluation.divergence,
    )
    assert abs(float(diagnostics.velocity_divergence.value)) < 1e-12
    assert abs(float(diagnostics.velocity_dot_score.value)) < 1e-12
    by_parts = diagnostics.integration_by_parts
    assert abs(float(by_parts.value)) < 4 * float(by_parts.standard_error)
    total = thermodynamics.mean_rate(jax.vmap(lambda u: thermodynamics.total_entropy_production(u, D))(v))
    free = thermodynamics.score_free_entropy_production(b, slopes, D)
    assert abs(float(total.value - free.value)) < 4 * np.hypot(float(total.standard_error), float(free.standard_error))


def test_10_permutations_translations_and_rotations(getkey, x64):
    """10. Permuting particles permutes the score; translations leave the local network's; rotations do not commute."""
    box = space.PeriodicBox(-4 * jnp.ones(2), 4 * jnp.ones(2))
    phase = jnp.stack([jax.random.uniform(getkey(), (7, 2), minval=-4, maxval=4), jax.random.normal(getkey(), (7, 2))])
    sizes = {"embed": 8, "blocks": 1, "heads": 2, "hidden": 8, "depth": 1, "rngs": nnx.Rngs(0)}
    split = jax.jit(nn.SplitTransformerScore(2, **sizes).__call__)
    order = jnp.asarray([3, 0, 6, 1, 5, 2, 4])
    np.testing.assert_allclose(split(phase[:, order]), split(phase)[:, order], atol=1e-6)

    local = nn.LocalTransformerScore(2, **sizes)

    @jax.jit
    def local_score(z):
        distances = jax.vmap(lambda x: box.distance(z[0], jnp.broadcast_to(x, z[0].shape)))(z[0])
        return local.of_particles(z, jnp.argsort(distances, axis=1)[:, 1:5], box)[0]

    score = local_score(phase)
    np.testing.assert_allclose(local_score(phase[:, order]), score[order], atol=1e-6)
    moved = phase.at[0].set(box.wrap(phase[0] + jnp.asarray([[2.3, -1.7]])))
    np.testing.assert_allclose(local_score(moved), score, atol=1e-6)
    quarter = jnp.asarray([[0.0, -1.0], [1.0, 0.0]])
    assert float(jnp.max(jnp.abs(local_score(phase @ quarter.T) - score @ quarter.T))) > 1e-3
