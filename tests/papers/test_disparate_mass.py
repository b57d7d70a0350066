"""Facts of arXiv 2411.13240's setting (mixtures with disparate masses) that entropax must reproduce."""

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from entropax import simulators
from entropax.observables import kinetic_entropy, negative_mass
from entropax.simulators import (
    KineticMixture,
    MixtureMoments,
    MixtureState,
    VelocityGrid,
    bkw_solution,
    gaussian_moments,
    maxwellian,
    mixture_moment_rate,
    spectral_collision,
    velocity_moments,
)

GRID = VelocityGrid(48, support=5.0)
SMALL = {"light_grid": VelocityGrid(32, support=4.8), "heavy_grid": VelocityGrid(32, support=3.6)}
DT = 0.005


def standard() -> MixtureMoments:
    """The data of items 2 to 4 and 9."""
    return MixtureMoments(
        gaussian_moments(1.0, np.array([0.5, 0.0]), np.diag([1.75, 0.5])),
        gaussian_moments(1.0, np.array([0.3, 0.0]), np.diag([0.29, 0.8])),
    )


def at_rest() -> MixtureMoments:
    """Item 5: no drift, T_L = 1.5, T_H = 0.5."""
    return MixtureMoments(
        gaussian_moments(1.0, np.zeros(2), np.diag([1.5, 1.5])), gaussian_moments(1.0, np.zeros(2), np.diag([0.5, 0.5]))
    )


@jax.jit
def flat_rate(y, eps):
    return jax.flatten_util.ravel_pytree(mixture_moment_rate(unflatten(y), eps))[0]


def unflatten(y):
    return jax.flatten_util.ravel_pytree(standard())[1](y)


def exact(moments, eps, times):
    """The moments at the times, by Radau's method to 1e-12."""
    start = np.asarray(jax.flatten_util.ravel_pytree(moments)[0])
    solution = solve_ivp(
        lambda t, y: np.asarray(flat_rate(y, eps)), (0, times[-1]), start, "Radau", times, rtol=1e-12, atol=1e-13
    )
    return [unflatten(jnp.asarray(y)) for y in solution.y.T]


def four(moments):
    """u_L, u_H along x, T_L, T_H."""
    light, heavy = moments.light, moments.heavy
    return [light.velocity[0], heavy.velocity[0], light.temperature, heavy.temperature]


@pytest.mark.fast
def test_1_binary_collision(x64):
    """1. One collision to the digit; energy 2.9 and v_L + v_H / eps = (2.8, 2.9) kept; twice is the identity."""
    light, heavy, eps = np.array([1.2, -0.7]), np.array([0.4, 0.9]), 0.25
    omega = np.array([np.cos(0.6), np.sin(0.6)])
    after = simulators.binary_collision(light, heavy, omega, eps)
    np.testing.assert_allclose(after[0], [0.600981293737, -1.10981074584], rtol=1e-11)
    np.testing.assert_allclose(after[1], [0.549754676566, 1.00245268646], rtol=1e-11)
    np.testing.assert_allclose(sum(v @ v for v in after), 2.9, rtol=1e-14)
    np.testing.assert_allclose(after[0] + after[1] / eps, [2.8, 2.9], rtol=1e-14)
    np.testing.assert_allclose(simulators.binary_collision(*after, omega, eps), (light, heavy), rtol=1e-14)


def test_2_moment_oracle_at_a_tenth(x64):
    """2. eps = 0.1: velocities, temperatures and anisotropies at four times; total energy 1.67."""
    start = standard()
    np.testing.assert_allclose(start.energy, 1.67, rtol=1e-14)
    times = [0.001, 0.01, 0.1, 1.0]
    found = exact(start, 0.1, times)
    expected = [
        [0.455716422, 0.304428358, 1.018628659, 0.501194299],
        [0.205844888, 0.329415511, 1.082831823, 0.511724828],
        [0.034674592, 0.346532541, 1.010518777, 0.598837658],
        [0.034653465, 0.346534653, 0.810715996, 0.798640440],
    ]
    np.testing.assert_allclose([four(m) for m in found], expected, atol=1e-9)
    light, heavy = found[1].light.covariance, found[2].heavy.covariance
    np.testing.assert_allclose(
        [light[0, 0] - light[1, 1], heavy[0, 0] - heavy[1, 1]], [0.258282474, -0.294663335], atol=1e-9
    )
    np.testing.assert_allclose([m.energy for m in found], 1.67, rtol=1e-10)
    np.testing.assert_allclose([m.momentum(0.1)[0] for m in found], 3.5, rtol=1e-10)


def test_3_moment_oracle_at_a_fifth(x64):
    """3. eps = 0.2, t = 0.1."""
    (found,) = exact(standard(), 0.2, [0.1])
    np.testing.assert_allclose(four(found), [0.111651346, 0.377669731, 1.000675255, 0.591774521], atol=1e-9)


def test_4_limit_of_vanishing_mass_ratio(x64):
    """4. T_H(t) = 0.8125 - 0.3125 e^{-4t}, light drift turned to heat; the exact T_H tends to it as eps or faster."""
    T_l, T_h = simulators.two_temperatures(0.1, 1.125, 0.5, 1.0, 1.0)
    np.testing.assert_allclose([T_l, T_h], [0.8125 + 0.3125 * np.exp(-0.4), 0.603024986], rtol=1e-9)
    finite = [float(exact(standard(), eps, [0.1])[0].heavy.temperature) for eps in (0.05, 0.02)]
    np.testing.assert_allclose(finite, [0.601346710, 0.602458726], atol=1e-9)
    errors = np.array([0.601346710, 0.602458726]) - 0.603024986
    assert 1 < np.log(errors[0] / errors[1]) / np.log(2.5) < 2  # an order between one and two
    rate = simulators.two_temperature_rate(1.125, 0.5, 1.0, 1.0)
    slope = jax.jacfwd(lambda t: jnp.stack(simulators.two_temperatures(t, 1.125, 0.5, 1.0, 1.0)))(0.0)
    np.testing.assert_allclose(rate, slope, rtol=1e-12)
    solid = simulators.two_temperatures(0.3, 1.4, 0.5, 1.2, 0.8, dimension=3)
    np.testing.assert_allclose(solid[0] - solid[1], 0.9 * np.exp(-4 / 3 * 2.0 * 0.3), rtol=1e-12)
    np.testing.assert_allclose(1.2 * solid[0] + 0.8 * solid[1], 1.2 * 1.4 + 0.8 * 0.5, rtol=1e-12)


def test_5_temperatures_without_drifts(x64):
    """5. The rate of exchange is 2 / (1 + eps^2)^2 by particle: 1.683359987 at eps = 0.3; T_H(0.4)."""
    rate = mixture_moment_rate(at_rest(), 0.3)
    np.testing.assert_allclose(jnp.trace(rate.heavy.second) / 2, 2 / 1.09**2, rtol=1e-12)  # at a gap of one
    np.testing.assert_allclose(2 / 1.09**2, 1.683359987, rtol=1e-9)
    found = [float(exact(at_rest(), eps, [0.4])[0].heavy.temperature) for eps in (0.3, 0.1)]
    np.testing.assert_allclose(found, [0.869949855, 0.895818516], atol=1e-9)


def test_6_entropy_of_two_temperatures(x64):
    """6. At (1.5, 0.5) the limit produces 2.666666667; S_L + S_H grows from 5.388072060 to 5.675754133."""

    def entropy(T_l, T_h):
        grid = VelocityGrid(64, support=6.5)
        gases = (maxwellian(1.0, jnp.zeros(2), T, grid=grid) for T in (T_l, T_h))
        return sum(kinetic_entropy(f, grid.cell_area) for f in gases)

    rates = simulators.two_temperature_rate(1.5, 0.5, 1.0, 1.0)
    _, production = jax.jvp(entropy, (jnp.asarray(1.5), jnp.asarray(0.5)), rates)
    np.testing.assert_allclose(production, 2.666666667, atol=1e-6)
    np.testing.assert_allclose([entropy(1.5, 0.5), entropy(1.0, 1.0)], [5.388072060, 5.675754133], atol=1e-7)


def test_7_bkw_solution(x64):
    """7. <v^2> = 2, <v^4> = 8 - 8 (1-K)^2, entropies and rates of the exact solution."""
    axis, h = np.arange(-8, 8, 0.02), 0.02  # f log f is not smooth where f vanishes, which wants a fine grid
    v = jnp.stack(jnp.meshgrid(axis, axis), axis=-1)
    square = jnp.sum(v**2, axis=-1)
    solve = jax.jit(lambda t: jax.jvp(lambda t: bkw_solution(v, t), (t,), (jnp.ones_like(t),)))
    for t, fourth, entropy in (
        (0.0, 6.0, 2.721945551),
        (0.5, 6.235006195, 2.764863883),
        (2.0, 6.786938681, 2.814192391),
        (8.0, None, 2.837194263),
    ):
        f = np.asarray(solve(jnp.asarray(t))[0])
        K = 1 - np.exp(-t / 8) / 2
        fourth = 8 - 8 * (1 - K) ** 2 if fourth is None else fourth
        moments = [np.sum(f * weight) * h**2 for weight in (1, square, square**2)]
        np.testing.assert_allclose(moments, [1, 2, fourth], atol=1e-8)
        np.testing.assert_allclose(kinetic_entropy(f, h**2), entropy, atol=2e-8)
    points = jnp.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    rate = jax.jacfwd(lambda t: bkw_solution(points, t))(0.0)
    np.testing.assert_allclose(rate, [0.0795774715, -0.0146374579, 0.0014575122], atol=1e-10)


def test_7_spectral_collisions_of_the_bkw_solution(x64):
    """7. Q at t = 0.5 with S = 5, M_r = 40, M_s = 16: d_t f within 5e-8 on 64^2 (5.3e-9 measured)."""
    grid = VelocityGrid(64, support=5.0)
    f, rate = jax.jvp(lambda t: bkw_solution(grid.velocities(), t), (0.5,), (1.0,))
    Q = spectral_collision(f, grid=grid, num_radii=40, num_angles=16)
    assert float(jnp.max(jnp.abs(Q - rate))) < 5e-8
    assert abs(float(jnp.sum(Q)) * grid.cell_area) < 1e-6


def test_8_isotropisation_and_friction(x64):
    """8. Q_LH^0 of isotropic f_L is 0 and -n_H on cos(k theta) R(|v|); Q_HL^1 of Maxwell(n_H, u_H, T_L) is 0."""
    v = GRID.velocities()
    square, angle = jnp.sum(v**2, axis=-1), jnp.arctan2(v[..., 1], v[..., 0])
    radial = jnp.exp(-square / 2)
    np.testing.assert_allclose(simulators.isotropization(radial, 1.3, grid=GRID), 0, atol=1e-9)
    for k in (1, 2, 3, 5):
        f = jnp.cos(k * angle) * square ** (k / 2) * radial
        np.testing.assert_allclose(simulators.isotropization(f, 1.3, grid=GRID), -1.3 * f, atol=1e-9)
    u = jnp.array([0.3, -0.2])
    heavy = maxwellian(0.7, u, 0.8, grid=GRID)
    np.testing.assert_allclose(simulators.fokker_planck(heavy, u, 0.8, grid=GRID), 0, atol=1e-14)
    stepped = simulators.fokker_planck_step(heavy, u, 0.8, 2.0, grid=GRID)
    np.testing.assert_allclose(stepped, heavy, atol=1e-14)


@jax.jit
def observed(state: MixtureState, mixture: KineticMixture):
    """Moments, the light and the total entropy, and the mass below zero."""
    cells = mixture.light_grid.cell_area, mixture.heavy_grid.cell_area
    pairs = list(zip((state.light, state.heavy), cells, strict=True))
    light, heavy = (kinetic_entropy(f, cell) for f, cell in pairs)
    return mixture.moments(state), light, light + heavy, sum(negative_mass(f, cell) for f, cell in pairs)


class Observer:
    """`observed` of a mixture, as one object for all runs."""

    def __init__(self):
        self.mixture = KineticMixture(0.1, dt=DT, initial=standard(), num_radii=24, num_angles=10, **SMALL)

    def __call__(self, state):
        return observed(state, self.mixture)


@pytest.fixture(scope="module")
def runs():
    """30 steps of 0.005 for two eps, compiled once."""
    with jax.enable_x64(True):
        observer = Observer()
        results = {}
        for eps in (0.1, 0.02):
            mixture = KineticMixture(eps, dt=DT, initial=standard(), num_radii=24, num_angles=10, **SMALL)
            state = mixture.init(key=jax.random.key(0))
            start = observer(state)
            _, path = simulators.simulate(mixture, state, 30, key=jax.random.key(0), observe=observer)
            results[eps] = jax.tree.map(lambda a, b: np.concatenate([np.asarray(a)[None], b]), start, path)
        return results


@pytest.mark.parametrize("eps", [0.1, 0.02])
def test_8_step_keeps_mass_momentum_and_energy(eps, runs):
    """8. Mass exact, total momentum and energy to rounding, at every step."""
    moments = runs[eps][0]
    light, heavy = moments.light, moments.heavy
    for density in (light.density, heavy.density):
        np.testing.assert_allclose(density, density[0], rtol=1e-13)
    momentum = light.density[:, None] * light.velocity + heavy.density[:, None] * heavy.velocity / eps
    np.testing.assert_allclose(momentum, momentum[:1].repeat(31, 0), atol=1e-12)
    energy = sum(s.density * np.trace(s.second, axis1=1, axis2=2) / 2 for s in (light, heavy))
    np.testing.assert_allclose(energy, energy[0], rtol=1e-13)


@pytest.mark.parametrize("eps", [0.1, 0.02])
def test_entropy_grows_at_every_step(eps, runs):
    """The H-theorem: S_L + S_H never falls, the light gas's entropy jumps first, little mass is below zero."""
    _, light, total, negative = runs[eps]
    assert np.diff(total).min() > 0
    assert (light[1] - light[0]) > 0.7 * (total[1] - total[0])
    assert negative.max() < 1e-3


def test_4_step_preserves_the_asymptotics(runs, x64):
    """4. One dt = 0.005, up to 12.5 eps^2: temperatures within 2% of the exact ones at eps = 0.1 and 0.02."""
    times = DT * np.arange(31)
    for eps, (moments, *_) in runs.items():
        reference = exact(standard(), eps, times)
        for species in ("light", "heavy"):
            found = getattr(moments, species)
            stress = found.second - found.velocity[:, :, None] * found.velocity[:, None, :]
            temperatures = np.trace(stress, axis1=1, axis2=2) / 2
            np.testing.assert_allclose(temperatures, [getattr(m, species).temperature for m in reference], rtol=0.02)


def test_explicit_euler_diverges(x64):
    """With dt = 0.005, beyond 2 eps^2 / (n_L + n_H), Euler's method blows up at eps = 0.02."""
    mixture = KineticMixture(0.02, dt=DT, initial=standard(), num_radii=24, num_angles=10, scheme="explicit", **SMALL)
    state = mixture.init(key=jax.random.key(0))
    final, _ = simulators.simulate(mixture, state, 12, key=jax.random.key(0), observe=None)
    assert not float(jnp.max(jnp.abs(final.light))) < 1e3 * float(jnp.max(state.light))


@pytest.mark.parametrize("eps", [0.3, 0.1, 0.02])
def test_9_final_state(eps, x64):
    """9. u_H = (n_L u_L + n_H u_H / eps) / (n_L eps + n_H / eps), u_L = eps u_H, one temperature from the energy."""
    start = standard()
    u = (0.5 + 0.3 / eps) / (eps + 1 / eps)
    if eps == 0.1:
        np.testing.assert_allclose(u, 0.346534653, atol=1e-9)
    T = (1.67 - u**2 * (1 + eps**2) / 2) / 2
    (last,) = exact(start, eps, [12.0])
    np.testing.assert_allclose(four(last), [eps * u, u, T, T], rtol=1e-8)


def test_velocity_moments_of_a_maxwellian(x64):
    """Moments on the grid are those of the formula."""
    moments = velocity_moments(maxwellian(0.7, np.array([0.3, -0.2]), 0.8, grid=GRID), grid=GRID)
    np.testing.assert_allclose([moments.density, moments.temperature], [0.7, 0.8], rtol=1e-7)
    np.testing.assert_allclose(moments.velocity, [0.3, -0.2], rtol=1e-7)
