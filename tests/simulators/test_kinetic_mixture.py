"""The kinetic mixture and its parts: weak forms, positivity, exact moment exchange, gradients, memory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from entropax import simulators
from entropax.observables import kinetic_entropy
from entropax.simulators import (
    KineticMixture,
    MixtureMoments,
    VelocityGrid,
    gaussian_moments,
    maxwellian,
    simulate,
    spectral_collision,
    velocity_moments,
)
from entropax.simulators.disparate_mass import circle_average
from entropax.simulators.mixture_moments import exchanged
from entropax.simulators.velocity_space import with_moments

GRID = VelocityGrid(32, support=4.8)


@pytest.mark.fast
def test_grids_refuse_what_aliases():
    """The half-width must hold the collisions of the support; odd grids miss v = 0."""
    np.testing.assert_allclose(GRID.half_width, (3 + np.sqrt(2)) / 2 * 4.8)
    with pytest.raises(ValueError, match=r"half_width must be at least .* = 10.5941, got 10.0"):
        VelocityGrid(32, support=4.8, half_width=10.0)
    with pytest.raises(ValueError, match="num_points must be even, got 31"):
        VelocityGrid(31, support=4.8)
    with pytest.raises(ValueError, match="support must be positive"):
        VelocityGrid(32, support=-1.0)


def gas(u=(0.3, -0.2), stress=((0.9, 0.2), (0.2, 0.6)), n=1.1):
    return maxwellian(n, np.array(u), np.array(stress), grid=GRID)


def test_collisions_within_a_species_keep_moments_and_relax_the_stress(x64):
    """Int Q (1, v, |v|^2) = 0 and the traceless second moment decays at n / 2, to the grid's accuracy."""
    f = gas()
    v, area, n = GRID.velocities(), GRID.cell_area, 1.1
    Q = spectral_collision(f, grid=GRID, num_radii=24, num_angles=10)
    rate = np.einsum("ij,ija,ijb->ab", Q, v, v) * area
    stress = np.array([[0.9, 0.2], [0.2, 0.6]])
    np.testing.assert_allclose([np.sum(Q) * area, *np.einsum("ij,ija->a", Q, v) * area], 0, atol=3e-3)
    np.testing.assert_allclose(rate, -n * n / 2 * (stress - np.eye(2) * 0.75), atol=5e-3)


def test_species_on_grids_of_unlike_size_collide_as_alone(x64):
    """A pair of grids that differ in more than scale goes one by one; alike ones go together; all give one result."""
    from entropax.simulators.maxwell_collisions import collisions_of_both

    alike, unlike = VelocityGrid(32, support=4.0), VelocityGrid(24, support=4.0)
    light = gas()
    for grid in (alike, unlike):
        heavy = maxwellian(1.0, np.array([0.1, 0.0]), np.diag([0.6, 0.5]), grid=grid)
        both = collisions_of_both(light, GRID, heavy, grid, 8, 4)
        alone = [spectral_collision(f, grid=g, num_radii=8, num_angles=4) for f, g in ((light, GRID), (heavy, grid))]
        for a, b in zip(both, alone, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-14)


def test_first_correction_of_isotropisation_has_its_weak_form(x64):
    """Int Q_LH^1 phi = n_H int f mean 2 (u . O) O . grad phi(reflected v), for phi = v_x, |v|^2 / 2, v_x^2 - v_y^2."""
    grid, u, n_h = VelocityGrid(64, support=4.8), np.array([0.4, 0.7]), 0.8
    f = maxwellian(1.1, np.array([0.3, -0.2]), np.array([[0.9, 0.2], [0.2, 0.6]]), grid=grid)
    Q = np.asarray(simulators.isotropization_correction(f, n_h, u, grid=grid))
    v, area = np.asarray(grid.velocities()), grid.cell_area
    x, y = v[..., 0], v[..., 1]
    found = [np.sum(Q * phi) * area for phi in (x, (x**2 + y**2) / 2, x**2 - y**2)]
    expected = np.zeros(3)
    for angle in 2 * np.pi * np.arange(12) / 12:
        omega = np.array([np.cos(angle), np.sin(angle)])
        w = v - 2 * (v @ omega)[..., None] * omega
        kick = 2 * (u @ omega) * omega
        slopes = (kick[0], w @ kick, 2 * (w[..., 0] * kick[0] - w[..., 1] * kick[1]))
        expected += [n_h * np.sum(f * slope) * area / 12 for slope in slopes]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.abs(expected[:2]).min() > 0.01


WIDE = VelocityGrid(48, support=4.8)
GRIDS = WIDE, VelocityGrid(44, support=4.5)


@pytest.mark.parametrize("eps", [0.3, 1.0])
def test_unlike_collisions_have_the_exact_moment_rates(eps, x64):
    """Densities, velocities and second moments of both species change as the closed system of moments says."""
    start = MixtureMoments(
        gaussian_moments(1.3, np.array([0.4, 0.1]), np.array([[1.1, 0.1], [0.1, 0.7]])),
        gaussian_moments(0.7, np.array([0.3, -0.2]), np.array([[0.6, 0.0], [0.0, 0.9]])),
    )
    pairs = (start.light, GRIDS[0]), (start.heavy, GRIDS[1])
    f, g = (maxwellian(m.density, m.velocity, m.covariance, grid=grid) for m, grid in pairs)
    found = simulators.unlike_collisions(f, g, eps, light_grid=GRIDS[0], heavy_grid=GRIDS[1])
    exact = simulators.mixture_moment_rate(start, eps)
    within = {"light": 1 / eps**2, "heavy": 1 / eps}
    for Q, (name, time), grid in zip(found, within.items(), GRIDS, strict=True):
        v, area = np.asarray(grid.velocities()), grid.cell_area
        species, rate = getattr(start, name), getattr(exact, name)
        n = float(species.density)
        relaxation = n * (species.temperature * np.eye(2) - species.covariance) / 2 * time  # within the species
        np.testing.assert_allclose(np.sum(Q) * area, 0, atol=1e-7)
        np.testing.assert_allclose(np.einsum("ij,ija->a", Q, v) * area, eps**2 * n * rate.velocity, atol=2e-6)
        second = np.einsum("ij,ija,ijb->ab", Q, v, v) * area
        np.testing.assert_allclose(second, eps**2 * n * (rate.second - relaxation), atol=2e-5)


def test_expanded_operators_are_the_first_orders_of_the_unexpanded(x64):
    """Q_LH - Q0 - eps Q1 falls as eps^2."""
    u_h = np.array([0.3, -0.2])
    light = maxwellian(1.1, np.array([0.3, 0.1]), np.array([[1.0, 0.1], [0.1, 0.7]]), grid=WIDE)
    heavy = maxwellian(0.8, u_h, np.array([[0.6, 0.1], [0.1, 0.9]]), grid=GRIDS[1])
    unlike = jax.jit(lambda e: simulators.unlike_collisions(light, heavy, e, light_grid=WIDE, heavy_grid=GRIDS[1])[0])
    leading = simulators.isotropization(light, 0.8, grid=WIDE)
    first = simulators.isotropization_correction(light, 0.8, u_h, grid=WIDE)
    rest = [float(jnp.max(jnp.abs(unlike(e) - leading - e * first))) for e in (0.1, 0.05)]
    assert rest[1] < 0.05 * float(jnp.max(jnp.abs(first)))
    assert 3.5 < rest[0] / rest[1] < 4.5


@pytest.mark.slow
def test_heating_and_friction_are_the_second_order_of_the_unexpanded(x64):
    """With f_L isotropic about eps u_H, of the light species after the average over circles that the fast term makes.

    What is left at a small eps is the h^2 of the Fokker-Planck fluxes: 6 and 9% on the coarser grids, and less by the
    square of 3/2 on the finer.
    """
    e, u_h, T_l = 0.025, np.array([0.3, -0.2]), 0.9
    errors = []
    for grids in (GRIDS, (VelocityGrid(72, support=4.8), VelocityGrid(66, support=4.5))):
        calm = maxwellian(1.1, e * u_h, T_l, grid=grids[0])
        heavy = maxwellian(0.8, u_h, np.array([[0.6, 0.1], [0.1, 0.9]]), grid=grids[1])
        light_rate, friction = simulators.unlike_collisions(calm, heavy, e, light_grid=grids[0], heavy_grid=grids[1])
        heating = circle_average(light_rate, jnp.asarray(e * u_h), grids[0])
        expected = (
            0.8 * simulators.fokker_planck(calm, e * u_h, 0.75, grid=grids[0]),
            1.1 * simulators.fokker_planck(heavy, u_h, T_l, grid=grids[1]),
        )
        pairs = zip((heating, friction), expected, strict=True)
        errors.append([float(jnp.abs(a / e**2 - b).max() / jnp.abs(b).max()) for a, b in pairs])
    coarse, fine = np.array(errors)
    assert np.all(fine < 0.04)
    np.testing.assert_allclose(coarse / fine, (3 / 2) ** 2, rtol=0.1)


def test_fokker_planck_steps_keep_sign_mass_and_the_relative_entropy(x64):
    """From a checkerboard of zeros, for any time: no negative entry, mass to rounding, less distance to equilibrium."""
    c, T = np.array([0.5, -0.3]), 0.7
    rough = np.asarray(gas()) * (np.indices((32, 32)).sum(0) % 2)
    M = np.asarray(maxwellian(1.0, c, T, grid=GRID))

    def divergence(f):
        f = f / f.sum()
        return np.sum(f * np.log(np.where(f > 0, f, 1) / (M / M.sum())))

    last = divergence(rough)
    for time in (1e-3, 1.0, 1e3):
        f = np.asarray(simulators.fokker_planck_step(rough, c, T, time, grid=GRID))
        assert f.min() >= 0
        np.testing.assert_allclose(f.sum(), rough.sum(), rtol=1e-12)
        assert divergence(f) < last
        last = divergence(f)
    small = simulators.fokker_planck_step(gas(), c, T, 1e-6, grid=GRID) - gas()
    np.testing.assert_allclose(small / 1e-6, simulators.fokker_planck(gas(), c, T, grid=GRID), atol=1e-4)


def test_fokker_planck_relaxes_mean_and_temperature(x64):
    """d<v> = -(<v> - c), and dT = 2 (T* - T), on a fine grid, second order in its spacing."""
    c, T = np.array([0.5, -0.3]), 0.7
    errors = []
    for size in (64, 128):
        grid = VelocityGrid(size, support=4.8)
        f = maxwellian(1.0, np.zeros(2), 1.0, grid=grid)
        rate = simulators.fokker_planck(f, c, T, grid=grid)
        v = grid.velocities()
        drift = np.einsum("ij,ija->a", rate, v) * grid.cell_area
        heating = float(jnp.sum(rate * jnp.sum(v**2, axis=-1))) * grid.cell_area / 2
        errors.append([*(drift - c), heating - 2 * (T - 1.0)])
    errors = np.abs(np.array(errors)).max(axis=1)
    assert errors[1] < 0.01
    assert 3.5 < errors[0] / errors[1] < 4.5


@pytest.mark.fast
def test_projection_sets_the_moments(x64):
    """Density, velocity and temperature become those asked for to rounding, and f stays positive."""
    u = jnp.array([0.32, -0.21])
    f = with_moments(gas(), jnp.asarray(1.12), u, jnp.asarray(0.77), GRID)
    moments = velocity_moments(f, grid=GRID)
    np.testing.assert_allclose([moments.density, *moments.velocity, moments.temperature], [1.12, *u, 0.77], rtol=1e-13)
    assert float(f.min()) >= 0


def moments(n_l=1.3, n_h=0.7):
    return MixtureMoments(
        gaussian_moments(n_l, np.array([0.5, 0.1]), np.array([[1.75, 0.1], [0.1, 0.5]])),
        gaussian_moments(n_h, np.array([0.3, -0.2]), np.array([[0.29, 0.0], [0.0, 0.8]])),
    )


@pytest.mark.fast
def test_grids_that_miss_the_initial_gaussians_are_refused(x64):
    """A cold gas between the points of a coarse grid, or a hot one beyond a narrow one, would have another density."""
    cold = gaussian_moments(1.0, np.array([0.25, 0.0]), np.diag([0.0725, 0.01]))
    warm = gaussian_moments(1.0, np.zeros(2), np.eye(2))
    key = jax.random.key(0)
    with pytest.raises(ValueError, match=r"the heavy grid must resolve the initial Gaussian.*of its density"):
        KineticMixture(0.1, dt=0.01, initial=MixtureMoments(warm, cold)).init(key=key)
    with pytest.raises(ValueError, match=r"the light grid must resolve"):
        KineticMixture(0.1, dt=0.01, initial=MixtureMoments(warm, warm), light_grid=VelocityGrid(32, support=0.5)).init(
            key=key
        )


@pytest.mark.parametrize("eps", [0.1, 0.9])
def test_exchange_solves_its_equations_and_conserves(eps, x64):
    """The closed form against Radau's method; momentum and energy to rounding, at unlike densities."""
    start = moments()
    n_l, n_h, t = 1.3, 0.7, 0.03

    def rate(_, y):
        d = y[:2] - eps * y[2:4]
        friction = n_l * 2 * (y[4] - y[5])
        return [*(-n_h / eps**2 * d), *(n_l / eps * d), -n_h / n_l * friction + n_h / eps**2 * d @ d, friction]

    y0 = [*start.light.velocity, *start.heavy.velocity, float(start.light.temperature), float(start.heavy.temperature)]
    expected = solve_ivp(rate, (0, t), y0, "Radau", rtol=1e-11, atol=1e-12).y[:, -1]
    after = exchanged(start, jnp.asarray(eps), jnp.asarray(t))
    found = [*after.light_velocity, *after.heavy_velocity, after.light_temperature, after.heavy_temperature]
    np.testing.assert_allclose(found, expected, atol=1e-9)
    energy = n_l * (found[4] + after.light_velocity @ after.light_velocity / 2)
    energy += n_h * (found[5] + after.heavy_velocity @ after.heavy_velocity / 2)
    np.testing.assert_allclose(energy, start.energy, rtol=1e-14)
    momentum = n_l * after.light_velocity + n_h * after.heavy_velocity / eps
    np.testing.assert_allclose(momentum, start.momentum(eps), rtol=1e-13)


def test_exact_rates_tend_to_those_of_the_exchange(x64):
    """At eps = 1e-3 the exact velocities and temperatures change as the expanded ones, up to eps^2.

    The heavy gas is also heated by n_L |u_L - eps u_H|^2, which lasts for a time eps^2 only and is left out.
    """
    start, eps = moments(), jnp.asarray(1e-3)
    exact = simulators.mixture_moment_rate(start, eps)
    slope = jax.jacfwd(lambda t: exchanged(start, eps, t))(jnp.asarray(0.0))
    np.testing.assert_allclose(slope.light_velocity, exact.light.velocity, rtol=1e-5)
    np.testing.assert_allclose(slope.heavy_velocity, exact.heavy.velocity, rtol=1e-5)
    light, heavy = (
        jnp.trace(rate.second) / 2 - gas.velocity @ rate.velocity
        for gas, rate in ((start.light, exact.light), (start.heavy, exact.heavy))
    )
    np.testing.assert_allclose(slope.light_temperature, light, rtol=1e-5)
    drift = start.light.velocity - eps * start.heavy.velocity
    np.testing.assert_allclose(slope.heavy_temperature, heavy - start.light.density * drift @ drift, rtol=1e-5)


def test_explicit_scheme_is_euler_of_the_vector_field(x64):
    """One step; a tiny penalised one agrees but for the h^2 of the Fokker-Planck fluxes, which the moments correct."""
    grids = {"light_grid": VelocityGrid(48, support=5.0), "heavy_grid": VelocityGrid(48, support=4.0)}
    options = {**grids, "num_radii": 24, "num_angles": 8}
    explicit = KineticMixture(0.3, dt=1e-5, scheme="explicit", **options)
    penalized = KineticMixture(0.3, dt=1e-5, **options)
    key = jax.random.key(0)
    state = explicit.init(key=key)
    euler = explicit.step(state, key=key)
    rate = explicit.vector_field(0.0, state)
    for name in ("light", "heavy"):
        before = getattr(state, name)
        np.testing.assert_allclose(getattr(euler, name), before + 1e-5 * getattr(rate, name), rtol=1e-12)
        change = (getattr(penalized.step(state, key=key), name) - before) / 1e-5
        scale = float(jnp.abs(getattr(rate, name)).max())
        assert float(jnp.abs(change - getattr(rate, name)).max()) < 0.02 * scale


@pytest.mark.slow  # the contract's row of a step holds its gradient too
def test_gradient_through_steps_is_that_of_finite_differences(x64):
    """Entropy produced in three steps by the light gas's anisotropy: reverse mode against central differences."""
    grids = {"light_grid": VelocityGrid(24, support=3.6), "heavy_grid": VelocityGrid(24, support=3.0)}
    mixture = KineticMixture(0.1, dt=0.0025, num_radii=12, num_angles=6, **grids)

    def entropy(state):
        pairs = (state.light, mixture.light_grid), (state.heavy, mixture.heavy_grid)
        return sum(kinetic_entropy(f, grid.cell_area) for f, grid in pairs)

    @jax.jit
    @jax.value_and_grad
    def produced(anisotropy):
        stress = jnp.diag(jnp.stack([0.8 * (1 + anisotropy), 0.8 * (1 - anisotropy)]))
        light = maxwellian(1.0, jnp.array([0.4, 0.0]), stress, grid=mixture.light_grid)
        heavy = maxwellian(1.0, jnp.array([0.2, 0.0]), jnp.diag(jnp.array([0.5, 0.7])), grid=mixture.heavy_grid)
        start = simulators.MixtureState(light, heavy)
        final, _ = simulate(mixture, start, 3, key=jax.random.key(0), observe=None, remat=0)
        return entropy(final) - entropy(start)

    a, h = jnp.asarray(0.3), 1e-5
    _, slope = produced(a)
    difference = (produced(a + h)[0] - produced(a - h)[0]) / (2 * h)
    assert abs(float(slope)) > 0.05
    np.testing.assert_allclose(slope, difference, rtol=1e-7)


@pytest.mark.slow
def test_gradient_through_ten_thousand_steps_fits_two_gibibytes(x64):
    """By the compiler's own count, at 48 x 48 velocities a species in float64; remat keeps every hundredth state."""
    mixture = KineticMixture(0.1, dt=0.0005)

    def loss(light, heavy):
        start = simulators.MixtureState(light, heavy)
        final, _ = simulate(mixture, start, 10_000, key=jax.random.key(0), observe=None)
        return kinetic_entropy(final.light, mixture.light_grid.cell_area)

    state = mixture.init(key=jax.random.key(0))
    compiled = jax.jit(jax.grad(loss, argnums=(0, 1))).lower(state.light, state.heavy).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 2 * 2**30
