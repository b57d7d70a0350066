"""Klein-Gordon fields: grids of all three kinds, kinks that solve their equations, steps, gradients, memory, errors."""

import diffrax
import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy.integrate import quad

from entropax.observables import field_energy, topological_charge
from entropax.simulators import (
    DoubleSineGordon,
    FieldGrid,
    KleinGordon,
    LinearPotential,
    Phi4,
    Potential,
    SineGordon,
    breather,
    gaussian_packet,
    kink,
    kink_antikink,
    kink_modes,
    simulate,
)
from tests.contract.harness import without_shape_hook

KEY = jax.random.key(0)
WELLS = {
    "phi4": lambda: Phi4(1.7, 0.8),
    "sine-Gordon": SineGordon,
    "double": lambda: DoubleSineGordon(0.6),
    "soft": lambda: DoubleSineGordon(-0.4),
}


def single_kink_grid(potential, n=384, half_width=30.0):
    """The grid on which one kink closes."""
    left, right = (float(v) for v in potential.vacua)
    if left == -right:
        return FieldGrid(-half_width, half_width, n, boundary="antiperiodic")
    return FieldGrid(-half_width, half_width, n, boundary="winding", jump=right - left)


@pytest.mark.parametrize("n", [32, 31])
@pytest.mark.parametrize("boundary", ["periodic", "antiperiodic", "winding"])
def test_derivatives_are_those_of_waves(boundary, n, x64):
    """Sums of waves that the boundary allows are differentiated to rounding, for even and odd n."""
    grid = FieldGrid(-1.0, 2.0, n, boundary=boundary, jump=0.7 if boundary == "winding" else None)
    x, L = np.asarray(grid.points), 3.0
    half = 0.5 if boundary == "antiperiodic" else 0.0
    slope = 0.7 / L if boundary == "winding" else 0.0
    k = 2 * np.pi / L * (np.array([1.0, 3.0, 9.0]) + half)[:, None]
    field = np.sum(np.sin(k * x + 0.3), axis=0) + slope * x
    np.testing.assert_allclose(grid.derivative(field), np.sum(k * np.cos(k * x + 0.3), axis=0) + slope, atol=1e-11)
    np.testing.assert_allclose(grid.second_derivative(field), np.sum(-(k**2) * np.sin(k * x + 0.3), axis=0), atol=1e-10)
    np.testing.assert_allclose(grid.integral(np.ones(n)), 3.0)


@pytest.mark.parametrize("name", list(WELLS))
def test_kinks_solve_their_equation(name, x64):
    """phi_xx = V'(phi); the energy is the integral of sqrt(2 V) from vacuum to vacuum; the charge is one."""
    potential = WELLS[name]()
    grid = single_kink_grid(potential)
    field, momentum = kink(grid.points, potential=potential)
    force = grid.second_derivative(field) - potential.slope(field)
    assert float(jnp.max(jnp.abs(force))) < 1e-5  # the tails at the seam, e^-(30 m)
    left, right = (float(v) for v in potential.vacua)
    by_quadrature = quad(lambda p: np.sqrt(2 * float(potential(p))), left, right, epsabs=1e-8)[0]
    np.testing.assert_allclose(potential.kink_energy, by_quadrature, rtol=1e-9)
    whole = field_energy(field, momentum, potential=potential, grid=grid)
    np.testing.assert_allclose(whole, by_quadrature, rtol=1e-9)
    np.testing.assert_allclose(topological_charge(field, potential=potential), 1.0, atol=1e-5)


def test_potentials_in_closed_form(x64):
    """Kink energies: 8 of sine-Gordon, 4 [m + asinh(sqrt eta) / sqrt eta] of the double; profiles at eta = 0 agree."""
    np.testing.assert_allclose(SineGordon().kink_energy, 8.0, rtol=1e-14)
    eta = 0.6
    exact = 4 * (np.sqrt(1 + eta) + np.arcsinh(np.sqrt(eta)) / np.sqrt(eta))
    np.testing.assert_allclose(DoubleSineGordon(eta).kink_energy, exact, rtol=1e-13)
    x = np.linspace(-30, 800, 40)
    exact = 4 * np.arctan(np.exp(np.minimum(x, 700)))
    np.testing.assert_allclose(SineGordon().kink_profile(x), exact, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(DoubleSineGordon(0.0).kink_profile(x), exact, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(Phi4(2.0, 3.0).kink_width, 1 / 3)
    np.testing.assert_allclose([Phi4(2.0, 3.0).mass, LinearPotential(1.5).mass], [6.0, 1.5])
    slopes = jax.vmap(jax.grad(DoubleSineGordon(eta).kink_profile))(jnp.asarray(x))
    assert np.isfinite(slopes).all()


class Sextic(Potential):
    """A potential of a user's own: only its value and its vacuum are written."""

    def __call__(self, field):
        return field**2 * (field**2 - 1) ** 2 / 2

    @property
    def vacuum(self):
        return jnp.ones(())


def test_a_potential_of_one_s_own(x64):
    """Slope, curvature and mass follow from the value: V'' (1) = 4."""
    phi = np.linspace(-1.2, 1.2, 7)
    np.testing.assert_allclose(Sextic().slope(phi), phi * (phi**2 - 1) * (3 * phi**2 - 1), atol=1e-14)
    np.testing.assert_allclose(Sextic().mass, 2.0)
    system = KleinGordon(Sextic(), FieldGrid(-5.0, 5.0, 32), dt=0.05, initial=(np.ones(32), np.zeros(32)))
    np.testing.assert_allclose(system.step(system.init(key=KEY), key=KEY).field, 1.0)


@pytest.mark.parametrize("name", ["phi4", "sine-Gordon"])
def test_a_single_kink_travels_without_radiation(name, x64):
    """On its own grid a boosted kink is where it should be, to the method's error, though it crosses the seam."""
    potential = WELLS[name]()
    grid = single_kink_grid(potential, n=160, half_width=15.0)
    system = KleinGordon(potential, grid, dt=0.02, initial=kink(grid.points, 0.6, potential=potential), order=4)
    end, _ = simulate(system, system.init(key=KEY), 1500, key=KEY, observe=None)
    # The kink from 0 is at 18, beyond the end at 15, and its image, a period of 30 behind, at -12.
    image = kink(grid.points, 0.6, -12.0, potential=potential)[0]
    exact = -image if name == "phi4" else image - 2 * np.pi
    before_the_next = np.asarray(grid.points) < 5
    np.testing.assert_allclose(np.asarray(end.field)[before_the_next], np.asarray(exact)[before_the_next], atol=2e-5)


def test_the_vector_field_and_the_steps_agree(x64):
    """Steps of order 4 converge to what diffrax finds for the same right-hand side."""
    grid = FieldGrid(-8.0, 8.0, 32)
    start = gaussian_packet(grid.points, 0.8, 2.0, 0.5, 0.3)
    system = KleinGordon(SineGordon(), grid, dt=0.05, initial=start, order=4)
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(system.vector_field),
        diffrax.Dopri8(),
        0.0,
        2.0,
        0.05,
        start,
        stepsize_controller=diffrax.PIDController(rtol=1e-11, atol=1e-11),
    )
    end, _ = simulate(system, system.init(key=KEY), 40, key=KEY, observe=None)
    np.testing.assert_allclose(end.field, solution.ys[0][0], atol=3e-6)
    np.testing.assert_allclose(end.momentum, solution.ys[1][0], atol=1e-5)
    assert float(jnp.max(jnp.abs(end.field - start[0]))) > 0.1


def test_the_force_is_the_energy_s_gradient(x64):
    """dH/dphi = -F dx, on a grid of odd size exactly."""
    grid = FieldGrid(-6.0, 6.0, 33)
    field, momentum = gaussian_packet(grid.points, 0.9, 1.5, 0.4)
    system = KleinGordon(Phi4(), grid, dt=0.02, initial=(field, momentum))
    gradient = jax.grad(lambda phi: field_energy(phi, momentum, potential=Phi4(), grid=grid))(field)
    np.testing.assert_allclose(gradient, -system.force(field) * grid.spacing, atol=1e-12)


@pytest.mark.fast
def test_wrong_arguments_are_named():
    """Speeds, frequencies, steps and shapes outside their ranges."""
    with without_shape_hook():  # our words, not those of the check of annotations
        grid = FieldGrid(-8.0, 8.0, 32)
        rest = (np.zeros(32), np.zeros(32))
        with pytest.raises(
            ValueError, match=r"dt must be below the limit of stability of order 2, 2.0 / sqrt.*got 0.4"
        ):
            KleinGordon(SineGordon(), grid, dt=0.4, initial=rest)
        with pytest.raises(ValueError, match=r"dt must be below the limit of stability of order 4, 1.5734"):
            KleinGordon(SineGordon(), grid, dt=0.29, initial=rest, order=4)
        KleinGordon(SineGordon(), grid, dt=0.29, initial=rest)
        with pytest.raises(ValueError, match="order must be one of 2, 4, got 3"):
            KleinGordon(SineGordon(), grid, dt=0.1, initial=rest, order=3)
        with pytest.raises(TypeError, match="potential must be a Potential, got str"):
            KleinGordon("phi4", grid, dt=0.1, initial=rest)
        with pytest.raises(ValueError, match="initial must be a field and a momentum"):
            KleinGordon(SineGordon(), grid, dt=0.1, initial=np.zeros(32))
        with pytest.raises(ValueError, match="field must be finite, got nan at flat index 0"):
            KleinGordon(SineGordon(), grid, dt=0.1, initial=(np.full(32, np.nan), np.zeros(32)))
        with pytest.raises(ValueError, match=r"velocity must be in \(-1, 1\), slower than light, got 1"):
            kink(grid.points, 1.0, potential=Phi4())
        with pytest.raises(ValueError, match="separation must be positive"):
            kink_antikink(grid.points, 0.0, 0.3, potential=Phi4())
        with pytest.raises(ValueError, match=r"frequency must be in \(0, 1\), got 1"):
            breather(grid.points, 1.0)
        with pytest.raises(ValueError, match="v must be positive"):
            Phi4(v=0.0)
        with pytest.raises(ValueError, match="jump must be given for boundary 'winding' and for no other"):
            FieldGrid(-8.0, 8.0, 32, boundary="winding")
        with pytest.raises(ValueError, match="num_modes must be at least 1 and at most 32, got 33"):
            kink_modes(grid, potential=Phi4(), num_modes=33)


@pytest.mark.fast
def test_initial_states_may_be_drawn():
    """A function of a key as `initial`."""
    grid = FieldGrid(-8.0, 8.0, 16)
    system = KleinGordon(
        LinearPotential(), grid, dt=0.1, initial=lambda key: (jax.random.normal(key, (16,)), jnp.zeros(16))
    )
    a, b = (system.init(key=jax.random.key(seed)).field for seed in (0, 1))
    assert float(jnp.max(jnp.abs(a - b))) > 0.1


def test_gradients_through_ten_thousand_steps_fit_in_memory(x64):
    """Reverse mode through 10^4 steps of n = 1024 in float64 takes less than 64 MiB; without remat about 250."""
    grid = FieldGrid(-80.0, 80.0, 1024)

    def late(u):
        system = KleinGordon(Phi4(), grid, dt=0.02, initial=kink_antikink(grid.points, 20.0, u, potential=Phi4()))
        return simulate(system, system.init(key=KEY), 10_000, key=KEY, observe=None)[0].field[512]

    compiled = jax.jit(jax.grad(late)).lower(jnp.asarray(0.3)).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 64 * 2**20


@pytest.mark.parametrize("name", ["double", "soft"])
def test_written_slopes_are_those_of_the_potential(name: str):
    """V' of the double sine-Gordon field is the derivative of its V, in float64 and float32."""
    potential = WELLS[name]()
    for dtype, atol in ((np.float64, 1e-14), (np.float32, 1e-6)):
        with jax.enable_x64(dtype is np.float64):
            phi = jnp.linspace(-7.0, 7.0, 41, dtype=dtype)
            slope = potential.slope(phi)
            assert slope.dtype == dtype
            np.testing.assert_allclose(slope, jax.vmap(jax.grad(potential))(phi), atol=atol)


def test_the_speed_that_is_too_high_is_named():
    """Each of a pair's two speeds is checked under its own name."""
    with pytest.raises(ValueError, match=r"other_velocity must be in \(-1, 1\)"):
        kink_antikink(np.linspace(-5, 5, 8), 4.0, 0.3, 1.5, potential=Phi4())
    with pytest.raises(ValueError, match=r"^velocity must be in \(-1, 1\)"):
        kink_antikink(np.linspace(-5, 5, 8), 4.0, 1.0, potential=Phi4())


@pytest.mark.fast
@pytest.mark.parametrize("gap", [1e-3, 1e-6, 1e-12])
def test_kinks_near_the_speed_of_light(gap, x64):
    """1 - u^2 loses no digits: phi at 1e-7 against mpmath."""
    x, u = 1e-7, 1 - gap
    with mpmath.workdps(50):
        exact = mpmath.tanh(x / mpmath.sqrt(2 * (1 - mpmath.mpf(u) ** 2)))
    np.testing.assert_allclose(kink(x, u, potential=Phi4())[0], float(exact), rtol=1e-14)


@pytest.mark.fast
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_fields_of_half_precision_become_float32(dtype):
    """Transforms have no lower precision."""
    grid, potential = FieldGrid(-4.0, 4.0, 16), Phi4()
    field = kink_antikink(grid.points, 4.0, potential=potential)[0].astype(dtype)
    system = KleinGordon(potential, grid, dt=0.05, initial=(field, 0 * field))
    state = system.step(system.init(key=KEY), key=KEY)
    assert {array.dtype for array in jax.tree.leaves(state)} == {jnp.dtype(jnp.float32)}
    assert grid.derivative(field).dtype == system.force(field).dtype == jnp.float32
    assert field_energy(field, 0 * field, potential=potential, grid=grid).dtype == jnp.float32
