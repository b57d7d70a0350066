"""Statistics of a complex wave: its cloud of points in the plane of real and imaginary part, and its intensities."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks, information
from entropax._typing import Array, ArrayLike, Inexact, Real, Scalar


class PhaseSpaceStatistics(eqx.Module):
    """The cloud (Re psi_j, Im psi_j) of a wave.

    Attributes:
        pearson: correlation of real and imaginary part.
        spearman: correlation of their ranks, ties with their mean rank; without a gradient.
        mutual_information: of a histogram, over the logarithm of its bins on a side; without a gradient.
        phase_mean: mean of the angle in (-pi, pi], which depends on where the angle is cut.
        phase_deviation: its standard deviation.
        circular_mean: angle of the mean of exp(i angle).
        circular_deviation: sqrt(-2 log |mean of exp(i angle)|).
        radius: root mean square of |psi|.
        centroid: mean of the real and of the imaginary part, shape (2,).
        eccentricity: sqrt(1 - smaller / larger eigenvalue of the covariance).
        skewness: of the real and of the imaginary part, shape (2,).
        kurtosis: of |psi|, less that of a Gaussian, 3.
    """

    pearson: Scalar
    spearman: Scalar
    mutual_information: Scalar
    phase_mean: Scalar
    phase_deviation: Scalar
    circular_mean: Scalar
    circular_deviation: Scalar
    radius: Scalar
    centroid: Array
    eccentricity: Scalar
    skewness: Array
    kurtosis: Scalar


def phase_space_statistics(psi: Inexact[ArrayLike, "n"]) -> PhaseSpaceStatistics:
    """How a wave's values lie in the complex plane.

    The histogram has 10, 20, 30 or 50 bins a side for fewer than 100, 1000, 10,000 or more points, between the first
    and the last percentile of each part; points outside are left out. arXiv 2509.05901 adds 1e-10 to probabilities, we
    do not. `estimators.histogram_mutual_information` with a temperature is a relaxed form.

    Args:
        psi: a wave, shape (n,), n >= 8, whose real and imaginary parts vary.

    Returns:
        The statistics; population moments.

    Raises:
        ValueError: psi has not the shape (n,), is not finite, or a part is constant.

    Differentiable in psi but for the fields that say otherwise, where psi is nowhere zero.
    """
    wave = _checks.as_complex("psi", psi)
    if wave.ndim != 1 or wave.shape[0] < 8:
        raise ValueError(f"psi must have shape (n,) with n >= 8, got {wave.shape}")
    with _checks.evaluated_now(wave):
        varies = jnp.any(wave.real != wave.real[0]) & jnp.any(wave.imag != wave.imag[0])
    both = _checks.Check(varies, "psi must vary in its real and in its imaginary part", lambda: "a constant part")
    return _checks.enforce(_phase_space(wave), _checks.finite("psi", wave), both)


class IntensityStatistics(eqx.Module):
    """Moments of a sample.

    Attributes:
        mean: its mean.
        median: its median.
        deviation: standard deviation, with n - 1.
        variation: the same over the mean.
        skewness: third standardised moment.
        kurtosis: fourth standardised moment, less 3.
    """

    mean: Scalar
    median: Scalar
    deviation: Scalar
    variation: Scalar
    skewness: Scalar
    kurtosis: Scalar


def intensity_statistics(intensities: Real[ArrayLike, "n"]) -> IntensityStatistics:
    """Moments of intensities |psi|^2, over space, time or both.

    Args:
        intensities: non-negative, not all equal, shape (n,), n > 1.

    Returns:
        The moments.

    Raises:
        ValueError: the shape is not (n,), an entry is negative or not finite, or all are equal.

    Differentiable in the intensities. Source: arXiv 2509.05901.
    """
    x = _checks.accumulated(_checks.as_float("intensities", intensities))
    if x.ndim != 1 or x.shape[0] < 2:
        raise ValueError(f"intensities must have shape (n,) with n > 1, got {x.shape}")
    with _checks.evaluated_now(x):
        some = jnp.any(x != x[0])
    varied = _checks.Check(some, "intensities must not all be equal", lambda: f"{x[0]} throughout")
    return _checks.enforce(_moments(x), _checks.nonnegative("intensities", x), varied)


@jax.jit
def _moments(x: Array) -> IntensityStatistics:
    mean, n = jnp.mean(x), x.shape[0]
    variance = _nonzero(jnp.mean((x - mean) ** 2))
    deviation = jnp.sqrt(variance * (n / (n - 1)))
    third, fourth = (jnp.mean((x - mean) ** power) for power in (3, 4))
    return IntensityStatistics(
        mean=mean,
        median=jnp.median(x),
        deviation=deviation,
        variation=deviation / _nonzero(mean),
        skewness=third / variance**1.5,
        kurtosis=fourth / variance**2 - 3,
    )


@jax.jit
def _phase_space(psi: Array) -> PhaseSpaceStatistics:
    parts = jnp.stack([psi.real, psi.imag])
    centroid = jnp.mean(parts, axis=1)
    centred = parts - centroid[:, None]
    variances = _nonzero(jnp.mean(centred**2, axis=1))
    covariance = jnp.mean(centred[0] * centred[1])
    half = (variances[0] - variances[1]) / 2
    gap = _root(half**2 + covariance**2)  # half the difference of the eigenvalues
    middle = jnp.mean(variances)
    power = jnp.sum(parts**2, axis=0)
    modulus = _root(power)
    # The angle of zero is zero, with slope zero.
    phase = jnp.arctan2(parts[1], jnp.where(power > 0, parts[0], 1))
    direction = jnp.stack([jnp.mean(jnp.cos(phase)), jnp.mean(jnp.sin(phase))])
    square = jnp.sum(direction**2)
    around = modulus - jnp.mean(modulus)
    return PhaseSpaceStatistics(
        pearson=_correlation(*parts),
        spearman=_correlation(*(jax.scipy.stats.rankdata(part).astype(part.dtype) for part in parts)),
        mutual_information=_box_information(jax.lax.stop_gradient(parts)),
        phase_mean=jnp.mean(phase),
        phase_deviation=_root(jnp.mean((phase - jnp.mean(phase)) ** 2)),
        circular_mean=jnp.arctan2(direction[1], direction[0]),
        circular_deviation=_root(-jnp.log(square)),
        radius=_root(jnp.mean(power)),
        centroid=centroid,
        eccentricity=_root(2 * gap / (middle + gap)),
        skewness=jnp.mean(centred**3, axis=1) / variances**1.5,
        kurtosis=jnp.mean(around**4) / _nonzero(jnp.mean(around**2)) ** 2 - 3,
    )


def _correlation(x: Array, y: Array) -> Array:
    x, y = x - jnp.mean(x), y - jnp.mean(y)
    return jnp.mean(x * y) / jnp.sqrt(_nonzero(jnp.mean(x**2)) * _nonzero(jnp.mean(y**2)))


def _box_information(parts: Array) -> Array:
    """Mutual information of the bins between the first and last percentiles, over the logarithm of the bins a side."""
    n = parts.shape[1]
    bins = 10 if n < 100 else 20 if n < 1000 else 30 if n < 10_000 else 50
    low, high = jnp.percentile(parts, jnp.asarray([1.0, 99.0], parts.dtype), axis=1)
    inside = jnp.all((parts >= low[:, None]) & (parts <= high[:, None]), axis=0)
    place = (parts - low[:, None]) / (high - low)[:, None] * bins
    cell = jnp.clip(jnp.floor(place), 0, bins - 1).astype(jnp.int32)
    flat = jnp.where(inside, cell[0] * bins + cell[1], bins * bins)
    counts = jnp.bincount(flat, length=bins * bins + 1)[:-1].astype(parts.dtype).reshape(bins, bins)
    return information.mutual_information(counts / jnp.sum(counts)) / math.log(bins)


def _nonzero(x: Array) -> Array:
    """x, and 1 in place of 0: what it divides is 0 too, or refused."""
    return jnp.where(x > 0, x, 1)


def _root(x: Array) -> Array:
    """The square root of what rounding may leave below zero, with slope 0 there."""
    some = x > 0
    return jnp.where(some, jnp.sqrt(jnp.where(some, x, 1)), 0)
