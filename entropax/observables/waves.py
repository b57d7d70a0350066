"""Entropies and spectra of a complex wave on a periodic grid."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks, estimators, information
from entropax._typing import Array, ArrayLike, Float, Inexact, Real, RealScalar, Scalar

_LEAST = 1e-15
"""Probabilities up to this one are left out of the entropies of arXiv 2509.05901."""


def intensity_distribution(psi: Inexact[ArrayLike, "*batch n"], *, threshold: float = 0.0) -> Float[Array, "*batch n"]:
    """Where a wave is: p_j = |psi_j|^2 / sum |psi|^2 over the points of the grid.

    Args:
        psi: waves, shape (..., n).
        threshold: probabilities up to this one are set to zero, and the others sum to one.

    Returns:
        Probabilities, shape (..., n), for the entropies of `information`.

    Raises:
        ValueError: psi has no axis, is not finite or zero everywhere, or the threshold is not in [0, 1).

    Differentiable in psi where no probability is at the threshold.
    """
    wave = _wave(psi)
    return _checks.enforce(_shares(wave, threshold), *_present(wave))


def mode_distribution(psi: Inexact[ArrayLike, "*batch n"], *, threshold: float = 0.0) -> Float[Array, "*batch n"]:
    """Which modes a wave is made of: p_k = |fft(psi)_k|^2 / sum |fft(psi)|^2, in the order of the transform.

    Args:
        psi: waves, shape (..., n).
        threshold: probabilities up to this one are set to zero, and the others sum to one.

    Returns:
        Probabilities, shape (..., n), for the entropies of `information`.

    Raises:
        ValueError: psi has no axis, is not finite or zero everywhere, or the threshold is not in [0, 1).

    Differentiable in psi where no probability is at the threshold.
    """
    wave = _wave(psi)
    return _checks.enforce(_shares(jnp.fft.fft(wave), threshold), *_present(wave))


def spatial_entropy(psi: Inexact[ArrayLike, "*batch n"], *, base: int | float | None = None) -> Float[Array, "*batch"]:
    """Shannon entropy of the intensity over the grid, S = -sum p log p; no length of a cell enters.

    For one soliton of amplitude A it is 2 - log(2 A dx). Its derivative by psi_j^* is -psi_j (log p_j + S) / sum
    |psi|^2.

    Args:
        psi: waves, shape (..., n).
        base: base of the logarithm; nats by default.

    Returns:
        S, shape (...), at most log n.

    Raises:
        ValueError: psi has no axis, is not finite or zero everywhere, or the base is not greater than 1.

    Differentiable in psi. Source: arXiv 2509.05901.
    """
    return information.entropy(intensity_distribution(psi), base=base)


def spectral_entropy(psi: Inexact[ArrayLike, "*batch n"], *, base: int | float | None = None) -> Float[Array, "*batch"]:
    """Shannon entropy of the power over the Fourier modes, the same for a wave that is moved or boosted on the grid.

    Args:
        psi: waves, shape (..., n).
        base: base of the logarithm; nats by default.

    Returns:
        S_k, shape (...), at most log n.

    Raises:
        ValueError: psi has no axis, is not finite or zero everywhere, or the base is not greater than 1.

    Differentiable in psi. Source: arXiv 2509.05901.
    """
    return information.entropy(mode_distribution(psi), base=base)


class WaveEntropies(eqx.Module):
    """Entropies of one wave, in nats.

    Attributes:
        spatial: Shannon's, of the intensity.
        normalized: the same over log n.
        spectral: Shannon's, of the power over modes.
        hartley: log of the number of points with p > 1e-15; a count at rounding level, without a gradient.
        renyi_2: of order 2, the collision entropy.
        renyi_inf: of infinite order, -log max p.
        tsallis_half: of order 1/2.
        tsallis_2: of order 2.
        disequilibrium: sum (p - 1/n)^2.
        complexity: (S / log n) n times that.
        permutation: of |psi| along the grid, patterns of three, over log 3!; without a gradient.
        sample: sample entropy of |psi|, templates of two within 0.2 standard deviations; without a gradient, NaN where
            no templates match.
    """

    spatial: Scalar
    normalized: Scalar
    spectral: Scalar
    hartley: Scalar
    renyi_2: Scalar
    renyi_inf: Scalar
    tsallis_half: Scalar
    tsallis_2: Scalar
    disequilibrium: Scalar
    complexity: Scalar
    permutation: Scalar
    sample: Scalar


def wave_entropies(psi: Inexact[ArrayLike, "n"]) -> WaveEntropies:
    """All entropies that arXiv 2509.05901 takes of a wave; of many by jax.vmap.

    Probabilities up to 1e-15, which are rounding errors, are left out as there. Its sample entropy takes one template
    more over two samples than over three; ours takes as many, as Richman and Moorman do.

    Args:
        psi: a wave, shape (n,), n >= 8.

    Returns:
        The entropies.

    Raises:
        ValueError: psi has not the shape (n,), is not finite or is zero everywhere.

    Differentiable in psi but for the fields that say otherwise, and in `renyi_inf` where the maximum is unique.
    """
    wave = _wave(psi)
    if wave.ndim != 1 or wave.shape[0] < 8:
        raise ValueError(f"psi must have shape (n,) with n >= 8, got {wave.shape}")
    checks = _present(wave)
    # Before too: the selection of probabilities would keep NaN out of the gradient.
    return _checks.enforce(_entropies(_checks.enforce(wave, *checks)), *checks)


class AmplitudeEntropy(eqx.Module):
    """Entropy of the values that |psi| takes on the grid, from a histogram of width w.

    Attributes:
        value: differential entropy of the histogram's density h, -sum h log(h) w, in nats.
        shifted: the same plus log w, which arXiv 2509.05901 prints; an entropy of neither bins nor density, since that
            of the bins is the value minus log w.
    """

    value: Scalar
    shifted: Scalar


def amplitude_entropy(
    psi: Inexact[ArrayLike, "n"], *, bins: int = 50, temperature: RealScalar | None = None
) -> AmplitudeEntropy:
    """Differential entropy of |psi| over the points of a grid.

    Args:
        psi: a wave, shape (n,), whose modulus varies.
        bins: of the histogram, between the smallest and the largest modulus.
        temperature: None for the hard histogram; else the width of its soft edges, in units of a bin.

    Returns:
        The entropy, and what the paper prints.

    Raises:
        ValueError: psi has not the shape (n,), is not finite or zero everywhere, its modulus is constant, there is no
            bin, or the temperature is not positive.

    Differentiable in psi as `estimators.histogram_entropy`: without a temperature only through the width of the bins.
    """
    wave = _wave(psi)
    _checks.require_ndim("psi", wave, 1, "(n,)")
    with _checks.evaluated_now(wave):
        moduli = _modulus(wave)
        varies = jnp.any(moduli != moduli[0])
    checks = *_present(wave), _checks.Check(varies, "psi must vary in its modulus", lambda: "one modulus throughout")
    # Before too: most points have a slope of zero, which NaN after the histogram would leave.
    modulus = _modulus(_checks.enforce(wave, *checks))
    value = estimators.histogram_entropy(modulus[:, None], bins=bins, temperature=temperature)
    spread = jnp.max(modulus) - jnp.min(modulus)
    width = jnp.where(spread > 0, spread, 1) / bins
    return _checks.enforce(AmplitudeEntropy(value, value + jnp.log(width)), *checks)


def spectral_richness(
    psi: Inexact[ArrayLike, "*batch n"], *, fraction: RealScalar = 0.01, temperature: RealScalar | None = None
) -> Float[Array, "*batch"]:
    """Number of modes whose power exceeds a fraction of the largest.

    With `temperature` a mode counts as sigmoid((power / largest - fraction) / temperature), which tends to the step.

    Args:
        psi: waves, shape (..., n).
        fraction: of the largest power, in (0, 1).
        temperature: in units of the largest power, positive; None for the hard form.

    Returns:
        The number, shape (...), a whole one in the hard form.

    Raises:
        ValueError: psi has no axis, is not finite or zero everywhere, the fraction is not in (0, 1), or the temperature
            is not positive.

    Differentiable in psi, fraction and temperature in the relaxed form; the hard form is a step.
    """
    wave = _wave(psi)
    part = _number("fraction", fraction, wave)
    checks = [*_present(wave), _checks.within("fraction", part, 0, 1, "in (0, 1)")]
    power = _power(jnp.fft.fft(_scaled(wave)))
    relative = power / jnp.max(power, axis=-1, keepdims=True)
    if temperature is None:
        return _checks.enforce(jnp.sum(relative > part, axis=-1).astype(power.dtype), *checks)
    width = _number("temperature", temperature, wave)
    checks.append(_checks.positive("temperature", width))
    return _checks.enforce(jnp.sum(jax.nn.sigmoid((relative - part) / width), axis=-1), *checks)


class SpectralMoments(eqx.Module):
    """Mean and width of a power spectrum.

    Attributes:
        mean: mean frequency, in cycles per point of the grid; times 2 pi n / L it is a wavenumber.
        bandwidth: standard deviation of the frequency, in the same unit.
    """

    mean: Float[Array, "*batch"]
    bandwidth: Float[Array, "*batch"]


def spectral_moments(psi: Inexact[ArrayLike, "*batch n"]) -> SpectralMoments:
    """Mean frequency and bandwidth of a wave, weighted by the power of its modes.

    Args:
        psi: waves, shape (..., n).

    Returns:
        Both, shape (...), frequencies from -1/2 to 1/2.

    Raises:
        ValueError: psi has no axis, is not finite or zero everywhere.

    Differentiable in psi. Source: arXiv 2509.05901.
    """
    p = mode_distribution(psi)
    f = jnp.fft.fftfreq(p.shape[-1]).astype(p.dtype).reshape((1,) * (p.ndim - 1) + (-1,))
    mean = jnp.sum(p * f, axis=-1)
    spread = jnp.sum(p * (f - mean[..., None]) ** 2, axis=-1)
    varies = spread > 0
    return SpectralMoments(mean, jnp.where(varies, jnp.sqrt(jnp.where(varies, spread, 1)), 0 * spread))


def energy_centre(psi: Inexact[ArrayLike, "*batch n"], points: Real[ArrayLike, "n"]) -> Float[Array, "*batch"]:
    """Centre of the intensity, sum x |psi|^2 / sum |psi|^2; its drift over a time is the wave's mean velocity.

    Args:
        psi: waves, shape (..., n).
        points: x, shape (n,), in units of length.

    Returns:
        The centre, shape (...). On a torus it means something for waves away from the seam.

    Raises:
        ValueError: psi has no axis, is not finite or zero everywhere, or the points are not (n,).

    Differentiable in both arguments. Source: arXiv 2509.05901.
    """
    p = intensity_distribution(psi)
    x = _checks.as_float("points", points).astype(p.dtype)
    _checks.require_shape("points", x, p.shape[-1:])
    return jnp.sum(p * x.reshape((1,) * (p.ndim - 1) + (-1,)), axis=-1)


@jax.jit
def _entropies(psi: Array) -> WaveEntropies:
    p = _shares(psi, _LEAST)
    S = information.entropy(p)
    modulus = jax.lax.stop_gradient(_modulus(_scaled(psi)))
    return WaveEntropies(
        spatial=S,
        normalized=S / jnp.log(jnp.asarray(p.shape[0], p.dtype)),
        spectral=information.entropy(_shares(jnp.fft.fft(psi), _LEAST)),
        hartley=information.renyi_entropy(p, 0.0),
        renyi_2=information.renyi_entropy(p, 2.0),
        renyi_inf=information.min_entropy(p),
        tsallis_half=information.tsallis_entropy(p, 0.5),
        tsallis_2=information.tsallis_entropy(p, 2.0),
        disequilibrium=information.disequilibrium(p),
        complexity=information.lmc_complexity(p, rescaled=True),
        permutation=estimators.permutation_entropy(modulus, order=3),
        sample=estimators.sample_entropy(modulus),
    )


def _wave(psi: Any) -> Array:
    wave = _checks.as_complex("psi", psi)
    if wave.ndim < 1 or wave.shape[-1] < 2:
        raise ValueError(f"psi must have shape (..., n) with n >= 2, got {wave.shape}")
    return wave


def _present(wave: Array) -> tuple[_checks.Check, ...]:
    """That a wave is finite and not zero everywhere."""
    lead = wave.ndim - 1
    with _checks.evaluated_now(wave):
        some = jnp.any(wave != 0, axis=-1)
    present = _checks.Check(some, "psi must not be zero everywhere", lambda: "zeros")
    return _checks.finite("psi", wave, batch_ndim=lead), present


def _power(z: Array) -> Array:
    return z.real**2 + z.imag**2


def _size(z: Array) -> Array:
    """A power of two near the largest entry of every row, so that squares of z over it are numbers; a constant."""
    largest = jnp.max(jnp.maximum(jnp.abs(z.real), jnp.abs(z.imag)), axis=-1, keepdims=True)
    largest = jax.lax.stop_gradient(jnp.where((largest > 0) & jnp.isfinite(largest), largest, 1))
    return jnp.ldexp(jnp.ones_like(largest), jnp.frexp(largest)[1] - 1)


def _scaled(z: Array) -> Array:
    return jax.lax.complex(z.real / _size(z), z.imag / _size(z))


def _modulus(z: Array) -> Array:
    """|z|, with the gradient zero where z is."""
    power = _power(_scaled(z))
    some = power > 0
    return _size(z) * jnp.where(some, jnp.sqrt(jnp.where(some, power, 1)), 0)


def _shares(z: Array, threshold: float) -> Array:
    _checks.require_within("threshold", threshold, 0.0, 1.0, open_above=True)
    power = _power(_scaled(z))
    total = jnp.sum(power, axis=-1, keepdims=True)
    if threshold:
        power = jnp.where(power > threshold * total, power, 0)
        total = jnp.sum(power, axis=-1, keepdims=True)
    return power / jnp.where(total > 0, total, 1)


def _number(name: str, value: RealScalar, wave: Array) -> Array:
    (number,) = _checks.as_numbers(**{name: value})
    return number.astype(wave.real.dtype)
