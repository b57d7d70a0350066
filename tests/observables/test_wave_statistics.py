"""Phase-space and intensity statistics against scipy and numpy."""

import math

import jax
import numpy as np
import pytest
import scipy.stats

from entropax import observables

RNG = np.random.default_rng(4)
PSI = RNG.normal(size=200) + 0.3 + 1j * (0.5 * RNG.normal(size=200) - 0.2)
PSI = PSI + 0.4j * PSI.real


def test_phase_space_statistics(x64):
    s = jax.jit(observables.phase_space_statistics)(PSI)
    re, im, phase = PSI.real, PSI.imag, np.angle(PSI)
    np.testing.assert_allclose(s.pearson, scipy.stats.pearsonr(re, im)[0], rtol=1e-10)
    np.testing.assert_allclose(s.spearman, scipy.stats.spearmanr(re, im)[0], rtol=1e-10)
    np.testing.assert_allclose([s.phase_mean, s.phase_deviation], [phase.mean(), phase.std()], rtol=1e-10)
    np.testing.assert_allclose(
        [s.circular_mean, s.circular_deviation],
        [scipy.stats.circmean(phase, high=math.pi, low=-math.pi), scipy.stats.circstd(phase)],
        rtol=1e-9,
    )
    np.testing.assert_allclose(s.radius, np.sqrt(np.mean(np.abs(PSI) ** 2)), rtol=1e-12)
    low, high = np.linalg.eigvalsh(np.cov(re, im))
    np.testing.assert_allclose(s.eccentricity, math.sqrt(1 - low / high), rtol=1e-10)
    np.testing.assert_allclose(s.skewness, scipy.stats.skew(np.stack([re, im]), axis=1), rtol=1e-9)
    np.testing.assert_allclose(s.kurtosis, scipy.stats.kurtosis(np.abs(PSI)), rtol=1e-9)
    box = [np.percentile(part, [1, 99]) for part in (re, im)]
    joint = np.histogram2d(re, im, bins=20, range=box)[0]
    joint = joint / joint.sum()
    inside = joint > 0
    ratio = joint[inside] / np.outer(joint.sum(1), joint.sum(0))[inside]
    np.testing.assert_allclose(s.mutual_information, np.sum(joint[inside] * np.log(ratio)) / math.log(20), rtol=1e-9)


@pytest.mark.fast
def test_intensity_statistics(x64):
    x = np.abs(PSI) ** 2
    s = observables.intensity_statistics(x)
    expected = [
        x.mean(),
        np.median(x),
        x.std(ddof=1),
        x.std(ddof=1) / x.mean(),
        scipy.stats.skew(x),
        scipy.stats.kurtosis(x),
    ]
    found = [s.mean, s.median, s.deviation, s.variation, s.skewness, s.kurtosis]
    np.testing.assert_allclose(found, expected, rtol=1e-10)
