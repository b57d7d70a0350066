"""Initial waves and closed forms."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import simulators

X = np.linspace(-30.0, 30.0, 1200, endpoint=False)


@pytest.mark.fast
def test_soliton_has_its_invariants(x64):
    """M = 2A, P = 2Av, E = A v^2 - A^3 / 3."""
    A, v = 1.3, 0.7
    psi = simulators.soliton(jnp.asarray(X), A, 1.5, v)
    system = simulators.Schrodinger(psi, length=60.0, dt=0.1)
    kept = system.invariants(psi)
    found = [float(kept.mass), float(kept.momentum), float(kept.energy)]
    np.testing.assert_allclose(found, [2 * A, 2 * A * v, A * v**2 - A**3 / 3], rtol=1e-10)


@pytest.mark.fast
def test_far_tails_and_their_derivatives_are_finite():
    x = jnp.asarray([0.0, 19.0, 21.0, 500.0], jnp.float32)
    psi = simulators.soliton(x, 1.0, 0.0, 0.0)
    np.testing.assert_allclose(psi.real, 1 / np.cosh(np.asarray(x, np.float64)), rtol=2e-6, atol=1e-30)
    modulus = lambda x: simulators.soliton(x, 1.0, 0.0, 0.0).real  # noqa: E731
    second = jax.vmap(jax.grad(jax.grad(modulus)))(x)
    np.testing.assert_allclose(second[:2], [-1.0, 2 * np.exp(-19.0)], rtol=1e-5)
    assert np.isfinite(np.asarray(second)).all()


@pytest.mark.fast
def test_noise_has_its_size(x64, getkey):
    """Standard deviation of 2400 normal numbers: within 6 of its standard errors, 1 / sqrt(4800)."""
    psi = simulators.noisy_gaussian(jnp.asarray(X), noise=0.1, key=getkey())
    noise = np.stack([psi.real - np.exp(-(X**2) / 50), psi.imag])
    assert abs(noise.std() / 0.1 - 1) < 6 / math.sqrt(4800)


@pytest.mark.fast
def test_sums_and_packets(x64):
    x = jnp.asarray(X)
    parameters = [jnp.asarray(pair) for pair in ((2.0, 1.5), (-3.0, 4.0), (1.0, -2.0))]
    both = simulators.superposed_solitons(x, *parameters)
    one, other = (simulators.soliton(x, *(float(p[i]) for p in parameters)) for i in (0, 1))
    np.testing.assert_allclose(both, one + other, atol=1e-15)
    breathing = simulators.breather_packet(x, 0.8, 0.6, 0.3)
    expected = math.sqrt(2) * 0.8 / np.cosh(0.8 * X) * np.exp(0.6j * X) * (1 + 0.3 * np.cos(1.2 * X))
    np.testing.assert_allclose(breathing, expected, atol=1e-14)


@pytest.mark.fast
def test_theory(x64):
    """Growth is largest, a^2, at sqrt(2) a and none beyond 2 a; shifts conserve the centre of mass and change sign."""
    np.testing.assert_allclose(
        simulators.modulation_growth_rate(np.array([0.0, math.sqrt(2) * 1.5, 3.0, 4.0]), 1.5),
        [0, 2.25, 0, 0],
        atol=1e-12,
    )
    A, v = np.array([1.2, 0.7]), np.array([0.5, -0.3])
    shifts = np.asarray(simulators.soliton_collision_shift(A, v))
    np.testing.assert_allclose(np.sum(A * shifts), 0, atol=1e-14)
    np.testing.assert_allclose(simulators.soliton_collision_shift(A[::-1], v[::-1]), shifts[::-1], rtol=1e-13)
    poles = (v + 1j * A) / 2
    ratio = abs(poles[0] - poles[1].conj()) ** 2 / abs(poles[0] - poles[1]) ** 2
    np.testing.assert_allclose(shifts[0], math.log(ratio) / A[0], rtol=1e-12)


@pytest.mark.fast
def test_breather_far_from_its_peak_is_the_plane_wave(x64):
    """No overflow at large times, and |psi| -> 1."""
    psi = simulators.akhmediev_breather(jnp.asarray(X), 2000.0, 0.3)
    np.testing.assert_allclose(np.abs(psi), 1, atol=1e-12)


@pytest.mark.fast
def test_a_velocity_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="velocities must be finite, got nan at flat index 1"):
        simulators.soliton_collision_shift(jnp.ones(2), jnp.asarray([1.0, jnp.nan]))
