"""Facts that a solver of the nonlinear Schroedinger equation on a torus must meet (arXiv 2509.05901).

Numbers with a case are those of the reference package at its defaults, L = 50, n = 512, T = 20, one hundred snapshots.
"""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import information, observables, simulators
from entropax.simulators import Schrodinger, soliton

L, N, T = 50.0, 512, 20.0
DX = L / N
X = -L / 2 + DX * np.arange(N)
TIMES = np.linspace(0.0, T, 100)


def start(case):
    x = jnp.asarray(X)
    if case == 1:
        return soliton(x, 2.0, -10.0, 1.0)
    if case == 2:
        amplitudes, positions, velocities = (jnp.array(pair) for pair in ((2.0, 1.5), (-10.0, 10.0), (2.0, -2.0)))
        return simulators.superposed_solitons(x, amplitudes, positions, velocities)
    if case == 3:
        return simulators.breather_packet(x)
    draw = np.random.RandomState(42)  # the package's noise: all real parts first
    return jnp.asarray(np.exp(-(X**2) / 50) + 0.01 * (draw.randn(N) + 1j * draw.randn(N)))


def wave(psi, method="kahan_li8", dt=0.05):
    return Schrodinger(psi, length=L, dt=dt, method=method)


@pytest.fixture(scope="module")
def runs():
    """Solutions of the four cases at the package's tolerances, and all their entropies and invariants."""
    with jax.enable_x64(True):
        measure = jax.jit(jax.vmap(observables.wave_entropies))
        found = {}
        for case in (1, 2, 3, 4):
            system = wave(start(case))
            solution = system.solve(system.initial, TIMES)
            entropies = measure(solution.value[jnp.array([0, 25, 50, 99])])  # t = 0, 5.05, 10.10, 20
            found[case] = solution, system.invariants(solution.value), entropies
    return found


def peak(solution):
    return float(np.max(np.abs(solution.value) ** 2))


def drift(values):
    return float(np.max(np.abs(np.asarray(values) - float(values[0]))))


def test_one_soliton_keeps_its_invariants_and_shape(runs):
    """1. M = 4, P = 4, E = -2/3; M drifts by at most rounding, E by about 2e-9, |psi - exact| is about 8e-7."""
    solution, kept, _ = runs[1]
    assert bool(solution.converged)
    np.testing.assert_allclose([kept.mass[0], kept.momentum[0]], 4, atol=1e-12)
    np.testing.assert_allclose(kept.energy[0], -2 / 3, atol=1e-12)
    assert drift(kept.mass) < 2e-13
    assert drift(kept.energy) < 4e-9
    with jax.enable_x64(True):
        exact = soliton(jnp.asarray(X), 2.0, -10.0, 1.0, time=T)
    error = float(np.max(np.abs(solution.value[-1] - exact)))
    assert 4e-7 < error < 1.6e-6


def test_one_soliton_entropies(runs):
    """2. The entropies of case 1 at t = 0, printed to six digits, and they stay."""
    e = runs[1][2]
    printed = {
        "spatial": 2.940007,
        "spectral": 3.622563,
        "renyi_2": 2.731767,
        "renyi_inf": 2.332399,
        "tsallis_half": 8.053096,
        "tsallis_2": 0.934896,
        "disequilibrium": 0.063151,
        "complexity": 15.238103,
    }
    for name, value in printed.items():
        np.testing.assert_allclose(getattr(e, name)[0], value, atol=6e-7, err_msg=name)
    np.testing.assert_allclose(e.spatial, 2.940007, atol=1e-5)
    np.testing.assert_allclose(e.spectral, 3.622563, atol=1e-5)


def test_two_solitons_collide_elastically(runs):
    """3. Invariants, the peak of the collision, the dip of the entropy, an energy kept to 1e-4."""
    solution, kept, e = runs[2]
    np.testing.assert_allclose([kept.mass[0], kept.momentum[0]], [7, 2], atol=5e-7)
    np.testing.assert_allclose(kept.energy[0], 2 * 4 - 8 / 3 + 1.5 * 4 - 1.125, atol=5e-7)
    np.testing.assert_allclose(peak(solution), 10.014812, atol=6e-7)
    np.testing.assert_allclose(e.spatial[jnp.array([0, 3])], [3.746208, 3.746187], atol=6e-7)
    np.testing.assert_allclose(e.spatial[1], 3.053, atol=6e-4)  # while they collide
    assert drift(kept.energy) < 1e-4


def test_breathing_packet(runs):
    """4. Invariants, peak, entropies in space and over modes at three times."""
    solution, kept, e = runs[3]
    np.testing.assert_allclose([kept.mass[0], kept.momentum[0]], [7.366292, 3.683146], atol=6e-7)
    np.testing.assert_allclose(kept.energy[0], -8.484251, atol=6e-7)
    np.testing.assert_allclose(peak(solution), 14.168128, atol=6e-7)
    np.testing.assert_allclose(e.spatial[jnp.array([0, 2, 3])], [3.383583, 3.485888, 3.276869], atol=6e-7)
    np.testing.assert_allclose(e.spectral[jnp.array([0, 3])], [3.170986, 4.066668], atol=6e-7)
    np.testing.assert_allclose(e.tsallis_half[3], 18.907044, atol=6e-6)


def test_modulation_instability_of_a_noisy_packet(runs):
    """5. With the package's noise: mass, peak, entropies; over modes the entropy rises and falls."""
    solution, kept, e = runs[4]
    np.testing.assert_allclose(kept.mass[0], 8.884111, atol=6e-7)
    np.testing.assert_allclose(peak(solution), 8.591684, atol=6e-7)
    np.testing.assert_allclose(e.spatial[jnp.array([0, 2, 3])], [5.014743, 4.407903, 4.901531], atol=6e-7)
    np.testing.assert_allclose(e.spectral[jnp.array([0, 2, 3])], [1.547963, 2.937123, 2.098307], atol=6e-7)


def test_number_of_evaluations(runs):
    """6. About as many evaluations of the rate as the package's method of order 8 takes."""
    for case, theirs in ((1, 23354), (2, 30110), (3, 34046), (4, 70718)):
        solution = runs[case][0]
        ours = 13 * (int(solution.steps) + int(solution.rejected))
        assert 0.75 < ours / theirs < 1.15, (case, ours, theirs)


@pytest.mark.fast
def test_continuum_limits_of_one_soliton(x64):
    """7. S = 2 - ln 2 - ln A - ln dx, R_2 = ln 3 - ln A - ln dx, R_inf -> ln(2 / (A dx)) with the peak on a node."""
    p = observables.intensity_distribution(start(1))
    np.testing.assert_allclose(information.entropy(p), 2 - math.log(2) - math.log(2) - math.log(DX), atol=2e-10)
    np.testing.assert_allclose(information.entropy(p), 2.9400072585, atol=1e-10)
    np.testing.assert_allclose(information.renyi_entropy(p, 2.0), math.log(3) - math.log(2) - math.log(DX), atol=1e-8)
    on_a_node = observables.intensity_distribution(soliton(jnp.asarray(X), 2.0, X[150], 1.0))
    np.testing.assert_allclose(information.min_entropy(on_a_node), math.log(2 / (2 * DX)), atol=1e-9)
    assert abs(float(information.min_entropy(p)) - math.log(2 / (2 * DX))) > 1e-3


@pytest.mark.parametrize("case", [2, 4])
def test_invariance_of_entropies(x64, case):
    """8. S, R_2, C and S_k do not change with a global phase, a shift by grid points or a boost."""
    psi = start(case)
    boost = jnp.exp(2j * jnp.pi * 7 / L * X)
    moved = jnp.stack([psi, psi * jnp.exp(0.7j), jnp.roll(psi, 37), psi * boost])
    e = jax.jit(jax.vmap(observables.wave_entropies))(moved)
    for name in ("spatial", "renyi_2", "complexity", "spectral"):
        values = getattr(e, name)
        np.testing.assert_allclose(values, values[0], rtol=1e-11, err_msg=name)


def test_orders_of_entropies(x64):
    """9. R_a falls with a, R_0 >= S >= R_2 >= R_inf, T_2 = 1 - exp(-R_2), and order 1 is Shannon's."""
    for case in (1, 2, 3, 4):
        p = observables.intensity_distribution(start(case), threshold=1e-15)
        orders = (0.0, 0.5, 0.9, 1.0, 1.5, 2.0, 8.0, math.inf)
        renyi = [float(information.renyi_entropy(p, a)) for a in orders]
        assert all(before >= after for before, after in itertools.pairwise(renyi))
        S = float(information.entropy(p))
        assert renyi[0] >= S >= renyi[5] >= renyi[7]
        np.testing.assert_allclose(information.tsallis_entropy(p, 2.0), 1 - math.exp(-renyi[5]), rtol=1e-12)
        np.testing.assert_allclose(renyi[3], S, rtol=1e-12)
        np.testing.assert_allclose(information.tsallis_entropy(p, 1.0), S, rtol=1e-12)
        np.testing.assert_allclose(information.renyi_entropy(p, 1 + 1e-9), S, rtol=1e-7)


def test_plane_wave_and_its_instability(x64):
    """10. A plane wave keeps |psi|; a modulation with q = sqrt(2) grows as e^t, its log-slope within 1%."""
    length = 4 * 2 * math.pi / math.sqrt(2)  # four periods
    x = length * jnp.arange(64) / 64
    psi = jnp.stack([jnp.ones(64, complex), 1 + 1e-6 * jnp.cos(math.sqrt(2) * x).astype(complex)])

    @jax.jit
    @jax.vmap
    def run(psi):
        system = Schrodinger(psi, length=length, dt=0.05)
        return simulators.simulate(system, psi, 240, key=jax.random.key(0), observe=jnp.fft.fft, every=20)[1]

    plain, disturbed = run(psi)
    np.testing.assert_allclose(np.abs(np.fft.ifft(plain)), 1, atol=1e-12)
    side = np.log(np.abs(disturbed[:, 4]))
    slope = np.polyfit(np.arange(4, 13), side[3:], 1)[0]
    np.testing.assert_allclose(slope, simulators.modulation_growth_rate(math.sqrt(2)), rtol=0.01)


@pytest.mark.fast
def test_filter(x64):
    """11. s(0) = 1, s(k_c) = e^-36, s(0.9 k_c) = 0.444403."""
    s = simulators.exponential_filter(np.array([0.0, 3.0, 2.7, -2.7]), 3.0)
    np.testing.assert_allclose(s, [1, 2.319523e-16, 0.444403, 0.444403], rtol=2e-6)
    system = wave(start(1))
    k_c = 2 * np.pi * N / (3 * L)
    np.testing.assert_allclose(system.filter, np.exp(-36 * (np.abs(system.wavenumbers) / k_c) ** 36), atol=1e-13)


def test_shift_of_colliding_solitons(x64):
    """12. At t = 9 the two are displaced from free flight by +0.276500 and -0.368667; measured +0.27649, -0.36869."""
    system = wave(start(2), dt=0.025)
    psi, _ = simulators.simulate(system, system.initial, 360, key=jax.random.key(0), observe=None)
    density = np.abs(np.asarray(psi)) ** 2
    centres = [np.sum((X * density)[side]) / np.sum(density[side]) for side in (X > 0, X < 0)]
    measured = np.array(centres) - np.array([-10 + 2 * 9, 10 - 2 * 9])
    theory = simulators.soliton_collision_shift(np.array([2.0, 1.5]), np.array([2.0, -2.0]))
    np.testing.assert_allclose(theory, [0.276500, -0.368667], atol=6e-7)
    np.testing.assert_allclose(measured, theory, atol=5e-6)
    np.testing.assert_allclose(measured, [0.27649, -0.36869], atol=3e-5)  # by Strang's steps of 0.001


@pytest.mark.parametrize(("b", "height"), [(0.25, 2.414214), (0.35, 2.673320)])
def test_akhmediev_breather_is_exact(x64, b, height):
    """13. Its finite-difference residual is below 1e-5, its peak 1 + 2 sqrt(2 b)."""
    np.testing.assert_allclose(np.abs(simulators.akhmediev_breather(0.0, 0.0, b)), height, atol=6e-7)
    x, h = jnp.linspace(-2.0, 2.0, 21), 1e-3
    for t in (-0.7, 0.0, 0.4):
        at = lambda dx, dt, t=t: simulators.akhmediev_breather(x + dx, t + dt, b)  # noqa: E731
        rate = (8 * (at(0, h) - at(0, -h)) - (at(0, 2 * h) - at(0, -2 * h))) / (12 * h)
        bend = (16 * (at(h, 0) + at(-h, 0)) - (at(2 * h, 0) + at(-2 * h, 0)) - 30 * at(0, 0)) / (12 * h**2)
        psi = at(0, 0)
        assert float(np.max(np.abs(1j * rate + bend / 2 + np.abs(psi) ** 2 * psi))) < 1e-5


def test_gradient_of_the_entropy(x64):
    """14. dS / d psi_j^* = -psi_j (log p_j + S) / sum |psi|^2, which vanishes where p is uniform."""
    psi = start(3)[200:300]
    p = np.abs(psi) ** 2 / np.sum(np.abs(psi) ** 2)
    S = -np.sum(p * np.log(p))
    expected = -psi * (np.log(p) + S) / np.sum(np.abs(psi) ** 2)
    slope = jax.jit(jax.grad(observables.spatial_entropy))
    # jax.grad of a real function is its derivative by x less i times that by y: twice the conjugate of d / d psi^*.
    np.testing.assert_allclose(np.conj(slope(psi)) / 2, expected, rtol=1e-9, atol=1e-12)
    flat = jnp.exp(1j * jnp.arange(100.0) ** 2)
    np.testing.assert_allclose(slope(flat), 0, atol=1e-12)
