"""At which interval to sample a series before its ordinal patterns say what it is.

A pattern should span 0.3 to 0.5 of the natural time, and the series at least 1.5 natural times (arXiv 2407.11970,
section 3.2).
"""

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar, Scalar
from entropax.estimators.ordinal import MAX_ORDER

METHODS = ("ncross", "minima", "maxima")


class SamplingInterval(eqx.Module):
    """A number of samples.

    Attributes:
        value: the interval.
        valid: whether it is at least 1.
    """

    value: Int[Array, "*shape"]
    valid: Bool[Array, "*shape"]


def pattern_time(interval: Real[ArrayLike, "*shape"], dt: RealScalar, *, order: int = 5) -> Float[Array, "*shape"]:
    """The time that a pattern spans, interval dt (order - 1).

    Args:
        interval: samples between those of a window, any shape.
        dt: time between samples.
        order: number of samples in a window, 2 to 8.

    Returns:
        Times, in the unit of dt and the shape of interval.

    Raises:
        ValueError: an interval is not positive, dt is not positive, or the order is out of range.

    Differentiable in interval and dt. Source: PECCARY, arXiv 2407.11970.
    """
    interval, dt = _scaled("interval", interval, dt, order)
    checks = (_checks.positive("interval", interval), _checks.positive("dt", dt))
    return _checks.enforce(interval * (dt * (order - 1)), *checks)


def sampling_interval(pattern_time: Real[ArrayLike, "*shape"], dt: RealScalar, *, order: int = 5) -> SamplingInterval:
    """The interval at which a pattern spans a given time, round(pattern_time / (dt (order - 1))).

    Args:
        pattern_time: wanted times, any shape; 0.4 natural times is a good choice.
        dt: time between samples.
        order: number of samples in a window, 2 to 8.

    Returns:
        Samples between those of a window, halves rounded to even, and their validity.

    Raises:
        ValueError: dt is not positive, the order is out of range, or a pattern time is so short that the interval
            rounds to less than 1 (under a transformation it is then not valid): sample the series more finely.

    Piecewise constant: no gradients. Source: PECCARY, arXiv 2407.11970.
    """
    time, dt = _scaled("pattern_time", pattern_time, dt, order)
    ratio = time / (dt * (order - 1))
    words = f"such that it rounds to an interval of at least 1, {order - 1} dt / 2 or more"
    enough = _checks.Check(
        (jnp.round(ratio) >= 1) & jnp.isfinite(ratio), f"pattern_time must be {words}", lambda: f"{time}"
    )
    valid = _checks.validity(_checks.positive("dt", dt), enough)
    return SamplingInterval(jnp.round(jnp.where(valid, ratio, 0)).astype(jnp.int32), valid)


def natural_timescale(t: Real[ArrayLike, "t"], x: Real[ArrayLike, "t"], *, method: str = "ncross") -> Scalar:
    """The natural time of a series: its period where it has one.

    "ncross": twice the duration over the number of crossings of the mean; "minima" or "maxima": the mean spacing of
    strict local minima or maxima. A series that lingers on one side of its mean, as the x of the Lorenz system on a
    wing, has a longer time by crossings than by extrema. Crossings count the pieces before the first and after the
    last one as part of the duration, which lengthens the time of series of few periods.

    Args:
        t: times, shape (t,), increasing.
        x: the series, shape (t,).
        method: "ncross", "minima" or "maxima".

    Returns:
        The time, in the unit of t.

    Raises:
        ValueError: lengths differ or are below 2, the method is unknown, times do not increase, x is not finite, or
            there is no crossing, or fewer than two extrema: then there is no time scale.

    Differentiable in t; piecewise constant in x. A sample on the mean itself is no crossing of its own. Source:
    PECCARY, arXiv 2407.11970, whose crossings measure the duration from time zero; here it is that of the series.
    """
    t, x = _checks.as_floats(t=t, x=x)
    _checks.require_ndim("t", t, 1, "(t,)")
    _checks.require_same_shape(t=t, x=x)
    _checks.require_option("method", method, METHODS)
    fewest = 2 if method == "ncross" else 5
    if t.size < fewest:
        raise ValueError(f"t must have at least {fewest} times, got {t.size}")
    increasing = _checks.Check(jnp.all(t[1:] > t[:-1]), "t must increase", lambda: f"{t}")
    times, values = _checks.accumulated(t), jax.lax.stop_gradient(_checks.accumulated(x))
    if method == "ncross":
        time, found = _by_crossings(times, values)
        what = "cross its mean"
    else:
        time, found = _by_extrema(times, values if method == "maxima" else -values)
        what = f"have at least two local {method}"
    enough = _checks.Check(found, f"x must {what} to have a natural time", lambda: "a series that does not")
    return _checks.enforce(time, _checks.finite("t", t), _checks.finite("x", x), increasing, enough)


@jax.jit
def _by_crossings(t: Array, x: Array) -> tuple[Array, Array]:
    """Twice the duration over the number of crossings, and whether there are any."""
    side = jnp.sign(x - jnp.mean(x))
    # A sample on the mean is on the side the series came from.
    side = side[jax.lax.cummax(jnp.where(side != 0, jnp.arange(x.size), 0))]
    crossings = jnp.sum(side[1:] * side[:-1] < 0)
    return 2 * (t[-1] - t[0]) / jnp.maximum(crossings, 1).astype(t.dtype), crossings > 0


@jax.jit
def _by_extrema(t: Array, x: Array) -> tuple[Array, Array]:
    """Mean spacing of the strict local maxima, and whether there are two."""
    peak = (x[1:-1] > x[:-2]) & (x[1:-1] > x[2:])
    first, last, number = 1 + jnp.argmax(peak), peak.size - jnp.argmax(peak[::-1]), jnp.sum(peak)
    return (t[last] - t[first]) / jnp.maximum(number - 1, 1).astype(t.dtype), number > 1


def _scaled(name: str, value: ArrayLike, dt: RealScalar, order: int) -> tuple[Array, Array]:
    _checks.require_integer("order", order, minimum=2, maximum=MAX_ORDER)
    value, dt = _checks.as_floats(**{name: value, "dt": dt})
    _checks.require_ndim("dt", dt, 0, "()")
    return value, dt
