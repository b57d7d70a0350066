"""Periods and surrogates."""

import jax
import numpy as np
import pytest
from scipy.special import comb

from entropax import estimators


def test_period_of_a_noisy_sine(x64) -> None:
    """The period 13.7 within 1%, far beyond white noise; the p-value is Fisher's sum."""
    rng = np.random.default_rng(0)
    t = 0.25 * np.arange(400)
    found = estimators.dominant_period(np.sin(2 * np.pi * t / 13.7) + 0.5 * rng.normal(size=t.size), 0.25)
    np.testing.assert_allclose(found.value, 13.7, rtol=0.01)
    assert found.p_value < 1e-10
    noise = estimators.dominant_period(rng.normal(size=400), 0.25)
    m, g = 199, float(noise.share)
    terms = [(-1) ** (j - 1) * comb(m, j) * (1 - j * g) ** (m - 1) for j in range(1, int(1 / g) + 1) if j * g < 1]
    np.testing.assert_allclose(noise.p_value, sum(terms), rtol=1e-6)


def test_size_of_the_test() -> None:
    """Of 400 series of white noise 5% have p < .05: 20 within 3 standard deviations (4.4)."""
    x = np.random.default_rng(1).normal(size=(400, 64)).astype(np.float32)
    p = jax.vmap(lambda series: estimators.dominant_period(series).p_value)(x)
    assert abs(int((p < 0.05).sum()) - 20) <= 13


@pytest.mark.fast
@pytest.mark.parametrize("t", [20, 21])
def test_surrogate_keeps_spectra(t, getkey, x64) -> None:
    """Power and cross spectra and the mean are those of the series; the series itself is another."""
    x = np.random.default_rng(2).normal(size=(t, 2)).cumsum(axis=0)
    y = np.asarray(estimators.phase_randomized_surrogate(x, key=getkey()))
    a, b = np.fft.rfft(x, axis=0), np.fft.rfft(y, axis=0)
    for i in (0, 1):
        np.testing.assert_allclose(a[:, 0] * a[:, i].conj(), b[:, 0] * b[:, i].conj(), atol=1e-9)
    np.testing.assert_allclose(x.mean(axis=0), y.mean(axis=0), atol=1e-12)
    assert np.abs(x - y).max() > 0.5
