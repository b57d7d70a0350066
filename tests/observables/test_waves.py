"""Entropies and spectra of waves."""

import math

import jax
import numpy as np
import pytest

from entropax import observables

N = 64
X = -8 + 0.25 * np.arange(N)
PSI = (np.exp(-(X**2) / 4) * (1 + 0.3 * np.cos(2 * X)) * np.exp(1j * X)).astype(complex)


@pytest.mark.fast
def test_distributions(x64):
    p = np.abs(PSI) ** 2 / np.sum(np.abs(PSI) ** 2)
    np.testing.assert_allclose(observables.intensity_distribution(PSI), p, rtol=1e-13)
    cut = observables.intensity_distribution(PSI, threshold=1e-4)
    assert np.all((np.asarray(cut) > 0) == (p > 1e-4))
    np.testing.assert_allclose(np.sum(cut), 1, rtol=1e-14)
    power = np.abs(np.fft.fft(PSI)) ** 2
    np.testing.assert_allclose(observables.mode_distribution(PSI), power / power.sum(), rtol=1e-10, atol=1e-16)


@pytest.mark.fast
def test_spectrum_of_two_modes(x64):
    """Modes 2 and 5 with powers 1 and 1/4: their mean, width and number."""
    psi = np.exp(2j * np.pi * 2 * np.arange(N) / N) + 0.5 * np.exp(2j * np.pi * 5 * np.arange(N) / N)
    moments = observables.spectral_moments(psi)
    np.testing.assert_allclose(moments.mean, (0.8 * 2 + 0.2 * 5) / N, rtol=1e-12)
    np.testing.assert_allclose(moments.bandwidth, 3 * 0.4 / N, rtol=1e-10)
    np.testing.assert_allclose(observables.spectral_richness(psi), 2)
    np.testing.assert_allclose(observables.spectral_richness(psi, fraction=0.3), 1)
    np.testing.assert_allclose(observables.spectral_richness(psi, fraction=0.3, temperature=1e-3), 1, atol=1e-12)
    np.testing.assert_allclose(observables.spectral_entropy(psi, base=2), -0.8 * math.log2(0.8) - 0.2 * math.log2(0.2))


@pytest.mark.fast
def test_amplitude_entropy_is_the_histograms(x64):
    density, edges = np.histogram(np.abs(PSI), bins=10, density=True)
    width = edges[1] - edges[0]
    h = density[density > 0]
    found = observables.amplitude_entropy(PSI, bins=10)
    np.testing.assert_allclose(found.value, -np.sum(h * np.log(h)) * width, rtol=1e-12)
    np.testing.assert_allclose(found.shifted, found.value + np.log(width), rtol=1e-12)


def test_all_entropies_at_once(x64):
    """They are those of `information` and `estimators`, with their independent formulas here."""
    e = jax.jit(observables.wave_entropies)(PSI)
    p = np.abs(PSI) ** 2 / np.sum(np.abs(PSI) ** 2)
    p = p[p > 1e-15]
    S, D = -np.sum(p * np.log(p)), np.sum(p**2) - 1 / N
    np.testing.assert_allclose([e.spatial, e.normalized], [S, S / math.log(N)], rtol=1e-12)
    np.testing.assert_allclose([e.disequilibrium, e.complexity], [D, S / math.log(N) * D * N], rtol=1e-10)
    np.testing.assert_allclose([e.renyi_2, e.renyi_inf], [-math.log(np.sum(p**2)), -math.log(p.max())], rtol=1e-12)
    np.testing.assert_allclose([e.tsallis_half, e.tsallis_2], [2 * (np.sum(p**0.5) - 1), 1 - np.sum(p**2)], rtol=1e-12)
    np.testing.assert_allclose(e.hartley, math.log(p.size), rtol=1e-12)
    assert 0 < float(e.permutation) < 1
    assert float(e.sample) > 0


@pytest.mark.fast
def test_centre_and_refusals(x64):
    np.testing.assert_allclose(
        observables.energy_centre(np.stack([PSI, np.roll(PSI, 8)]), X)[1] - observables.energy_centre(PSI, X),
        2,
        atol=1e-9,
    )
    with pytest.raises(ValueError, match="psi must not be zero everywhere"):
        observables.spatial_entropy(np.zeros(4))
    with pytest.raises(ValueError, match=r"threshold must be in \[0.0, 1.0\)"):
        observables.intensity_distribution(PSI, threshold=1.0)


@pytest.mark.fast
@pytest.mark.parametrize("size", [1e-25, 1e25])
def test_entropies_do_not_depend_on_the_size_of_the_wave(size):
    """Nor do squares that float32 cannot hold matter; slopes go as its inverse."""
    psi = PSI.astype(np.complex64)
    for measure in (observables.spatial_entropy, observables.spectral_entropy, observables.spectral_richness):
        np.testing.assert_allclose(measure(np.float32(size) * psi), measure(psi), rtol=2e-6)
    one, other = (observables.wave_entropies(wave) for wave in (psi, np.float32(size) * psi))
    np.testing.assert_allclose(jax.tree.leaves(other), jax.tree.leaves(one), rtol=1e-5, atol=1e-6)
    slope = jax.grad(lambda real: observables.spatial_entropy(real * (1 + 0.2j)))
    real = psi.real
    np.testing.assert_allclose(slope(np.float32(size) * real) * size, slope(real), rtol=1e-4, atol=1e-6)


@pytest.mark.fast
def test_amplitude_entropy_names_the_wave():
    """What is wrong is psi, not the samples of a histogram, and inside jit every slope is NaN."""
    for wrong, words in ((np.zeros(16), "zero everywhere"), (np.ones(16) * 1j, "vary in its modulus")):
        with pytest.raises(ValueError, match=f"psi must (not be )?{words}"):
            observables.amplitude_entropy(wrong)
    for wrong in (np.zeros(16), np.where(np.arange(16) == 3, np.nan, np.arange(16.0)), np.full(16, np.inf)):
        slope = jax.jit(jax.grad(lambda real: observables.amplitude_entropy(real).value))(wrong)
        assert np.isnan(slope).all()
