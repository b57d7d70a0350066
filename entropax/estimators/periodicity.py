"""The dominant period of a series, and surrogates that keep its spectrum and nothing else."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, PRNGKey, Real, RealScalar, Scalar


class DominantPeriod(eqx.Module):
    """The period of the highest peak of a spectrum.

    Attributes:
        value: the period, in the unit of `dt`.
        share: the peak's share of the power of the periodogram.
        p_value: probability that white noise has a peak with such a share.
    """

    value: Scalar
    share: Scalar
    p_value: Scalar


def dominant_period(x: Real[ArrayLike, "t"], dt: RealScalar = 1.0, *, min_cycles: int = 2) -> DominantPeriod:
    """The period of the highest peak of the power spectrum, and whether white noise could have made it.

    The peak is located in the spectrum under a Hann window, between its neighbours by a parabola through the logarithms
    of the power. Its significance is Fisher's, exact: of m ordinates of white noise the largest share exceeds g with
    probability sum_j (-1)^(j-1) C(m, j) (1 - j g)^(m-1). (Surrogates with random phases have the series' own
    spectrum, so that its peaks cannot be judged by theirs.)

    Args:
        x: the series at equal steps, shape (t,), t >= 8.
        dt: time between its samples, positive.
        min_cycles: the fewest periods in the series that are looked for; slower motion counts as a trend.

    Returns:
        A `DominantPeriod`.

    Raises:
        ValueError: the series is too short, not finite or constant, dt is not positive, or min_cycles is out of range.

    The value is differentiable in x and dt where the highest ordinate stays the same one; share and p-value too.
    Source: Fisher 1929, doi 10.1098/rspa.1929.0151; arXiv 2110.05266.
    """
    series, step = _checks.as_floats(x=x, dt=dt)
    _checks.as_numbers(dt=step)
    _checks.require_ndim("x", series, 1, "(t,)")
    if series.size < 8:
        raise ValueError(f"x must have at least 8 samples, got {series.size}")
    _checks.require_integer("min_cycles", min_cycles, minimum=1, maximum=series.size // 4)
    with _checks.evaluated_now(series):
        varies = jnp.max(series) > jnp.min(series)
    vary = _checks.Check(varies, "x must vary", lambda: "a constant")
    checks = _checks.finite("x", series), _checks.positive("dt", step), vary
    series, step = _checks.accumulated(series), _checks.accumulated(step)
    return DominantPeriod(*_checks.enforce(_dominant(series, step, min_cycles), *checks))


def phase_randomized_surrogate(x: Real[ArrayLike, "t *columns"], *, key: PRNGKey) -> Float[Array, "t *columns"]:
    """A series with the power spectrum of x and phases drawn at random: a Gaussian linear process seen as likely as x.

    All columns turn by the same phases, so that their cross-spectra are kept too. The mean is kept.

    Args:
        x: the series, shape (t,) or (t, columns), t >= 2.
        key: source of randomness.

    Returns:
        The surrogate, of the shape of x.

    Raises:
        ValueError: x has no or a single sample, more than two axes, or is not finite.
        TypeError: the key is none.

    Differentiable in x (linear). Source: Theiler et al. 1992, doi 10.1016/0167-2789(92)90102-S.
    """
    series = _checks.as_float("x", x)
    _checks.require_key("key", key)
    if series.ndim not in (1, 2) or series.shape[0] < 2:
        raise ValueError(f"x must have shape (t,) or (t, columns) with t >= 2, got {series.shape}")
    finite = _checks.finite("x", series)
    return _checks.enforce(_surrogate(_checks.accumulated(series), key), finite)


# ------------------------------------------------------------------------------------------------------------ kernels


@jax.jit
def _surrogate(x: Array, key: PRNGKey) -> Array:
    t = x.shape[0]
    spectrum = jnp.fft.rfft(x, axis=0)
    angle = jax.random.uniform(key, spectrum.shape[:1], x.dtype, 0, 2 * math.pi)
    # The mean, and of an even number of samples the highest frequency, are real: they keep their sign.
    fixed = jnp.arange(spectrum.shape[0]) % max(1, t // 2) == 0 if t % 2 == 0 else jnp.arange(spectrum.shape[0]) == 0
    angle = jnp.where(fixed, 0, angle).reshape((-1,) + (1,) * (x.ndim - 1))
    turned = spectrum * jax.lax.complex(jnp.cos(angle), jnp.sin(angle))
    return jnp.fft.irfft(turned, t, axis=0)


@eqx.filter_jit
def _dominant(x: Array, dt: Array, min_cycles: int) -> tuple[Array, Array, Array]:
    t = x.size
    about = x - jnp.mean(x)
    hann = 0.5 - 0.5 * jnp.cos(2 * math.pi / t * jnp.arange(t, dtype=x.dtype))
    windowed = _power(about * hann)
    number = jnp.arange(windowed.size)
    looked_for = (number >= min_cycles) & (number < windowed.size - 1)
    peak = jnp.argmax(jnp.where(looked_for, windowed, -1))
    below, here, above = (jnp.log(windowed[peak + k]) for k in (-1, 0, 1))
    curvature = below - 2 * here + above
    curved = curvature < 0
    offset = jnp.where(curved, (below - above) / (2 * jnp.where(curved, curvature, -1)), 0)
    # A neighbour without power, or one that is higher, as at the slowest frequency looked for: no parabola.
    offset = jnp.where(jnp.isfinite(offset) & (jnp.abs(offset) <= 0.5), offset, 0)
    period = t * dt / (peak.astype(x.dtype) + offset)
    ordinates = _power(about)[1 : (t - 1) // 2 + 1]  # without the mean and the highest frequency of even t
    share = jnp.max(ordinates) / jnp.sum(ordinates)
    return period, share, _fisher(share, ordinates.size)


def _power(x: Array) -> Array:
    spectrum = jnp.fft.rfft(x)
    return spectrum.real**2 + spectrum.imag**2


def _fisher(g: Array, m: int) -> Array:
    """P(largest of m shares > g) for white noise.

    The alternating sum cancels where it is near one; there the first term, the expected number of such shares, says
    enough: P = 1 - exp(-first) up to its ten thousandth part.
    """
    first = m * (1 - g) ** (m - 1)
    j = jnp.arange(1, min(m, 40) + 1, dtype=g.dtype)
    inside = (j * g < 1) & (first < 8)
    log_binomial = jnp.cumsum(jnp.log((m + 1 - j) / j))
    size = jnp.where(inside, jnp.exp(log_binomial + (m - 1) * jnp.log(jnp.where(inside, 1 - j * g, 1))), 0)
    total = jnp.sum(jnp.where(j % 2 == 1, size, -size))
    return jnp.where(first < 8, total, -jnp.expm1(-first))
