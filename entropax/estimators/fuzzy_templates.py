"""Entropies of templates that match to a degree: differentiable everywhere, and defined for every series.

Two templates at the largest distance d of their samples belong together by exp(-(d / r)^n), r the tolerance. As the
power n grows that tends to the count of `sample_entropy`. Sums are taken as logarithms, so that templates far apart
still compare. Pairs are taken in blocks: memory grows as the length of the series, time as its square.
"""

import functools
import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, RealScalar, Scalar

_TILE = 1 << 17  # pairs of a block


def fuzzy_entropy(
    x: Real[ArrayLike, "t"],
    tolerance: RealScalar | None = None,
    *,
    length: int = 2,
    power: RealScalar = 1.0,
) -> Scalar:
    """Fuzzy entropy, log B - log A: the mean membership B of pairs over `length` samples, A over one more.

    The t - length templates that can be prolonged serve for both means, none paired with itself. Their local means are
    not removed.

    Args:
        x: the series, shape (t,).
        tolerance: r > 0 in units of x; by default 0.2 population standard deviations.
        length: samples of a template, m.
        power: n > 0 of the membership exp(-(d / r)^n).

    Returns:
        The entropy in nats.

    Raises:
        ValueError: x has fewer than length + 3 samples, is not finite, or constant where no tolerance is given; the
            tolerance or the power is not positive.

    Differentiable in x, tolerance and power, with kinks where the farthest sample of a pair changes. Source: Chen et
    al. 2007, doi 10.1109/TNSRE.2007.897025.
    """
    return composite_multiscale_entropy(x, tolerance, scales=(1,), length=length, power=power)[0]


def composite_multiscale_entropy(
    x: Real[ArrayLike, "t"],
    tolerance: RealScalar | None = None,
    *,
    scales: Sequence[int] = (1, 2, 3, 4, 5),
    length: int = 2,
    power: RealScalar = 1.0,
) -> Float[Array, "scales"]:
    """Fuzzy entropy of the series averaged over windows of each scale, and over all places the windows can start at.

    At scale s the series of means over successive windows starts at sample 0, 1, ... or s - 1; the s entropies are
    averaged, which scatter less than the first alone. All scales share the tolerance, and one compiled program.

    Args:
        x: the series, shape (t,).
        tolerance: r > 0 in units of x; by default 0.2 population standard deviations of the series itself.
        scales: widths of the windows in samples, each at most t // (length + 3).
        length: samples of a template, m.
        power: n > 0 of the membership exp(-(d / r)^n).

    Returns:
        The entropy in nats at each scale, shape (scales,).

    Raises:
        ValueError: as `fuzzy_entropy`, or a scale is out of range.

    Differentiable as `fuzzy_entropy`. Source: Wu et al. 2013, doi 10.3390/e15031069 (composite); arXiv 2110.05266.
    """
    given = {"x": x, "power": power} | ({} if tolerance is None else {"tolerance": tolerance})
    values = dict(zip(given, _checks.as_floats(**given), strict=True))
    series = values["x"]
    _checks.require_ndim("x", series, 1, "(t,)")
    _checks.require_integer("length", length, minimum=1)
    if series.size < length + 3:
        raise ValueError(f"x must have at least length + 3 = {length + 3} samples, got {series.size}")
    if len(scales) < 1:
        raise ValueError("scales must name at least one scale, got none")
    for scale in scales:
        _checks.require_integer("scales", scale, minimum=1, maximum=series.size // (length + 3))
    values = {name: _checks.accumulated(value) for name, value in values.items()}
    series, n = values["x"], values["power"]
    r = _default_tolerance(series) if tolerance is None else values["tolerance"]
    _checks.as_numbers(tolerance=r, power=n)
    checks = _checks.finite("x", series), _checks.positive("tolerance", r), _checks.positive("power", n)
    widths = jnp.asarray(scales, jnp.int32)
    return _checks.enforce(_composite(series, r, n, widths, length, max(scales)), *checks)


# ------------------------------------------------------------------------------------------------------------ kernels


@jax.jit
def _default_tolerance(x: Array) -> Array:
    variance = jnp.mean((x - jnp.mean(x)) ** 2)
    varies = variance > 0
    return 0.2 * jnp.where(varies, jnp.sqrt(jnp.where(varies, variance, 1)), 0)


@functools.partial(jax.jit, static_argnames=("length", "largest"))
def _composite(x: Array, tolerance: Array, power: Array, scales: Array, length: int, largest: int) -> Array:
    sums = jnp.concatenate([jnp.zeros(1, x.dtype), jnp.cumsum(x - jnp.mean(x))])
    return jax.lax.map(lambda scale: _at_scale(sums, tolerance, power, scale, length, largest), scales)


def _at_scale(sums: Array, tolerance: Array, power: Array, scale: Array, length: int, largest: int) -> Array:
    """The entropy at one scale; `scale` is traced, so that all scales share a program.

    Every sample starts a template of windows; those whose starts differ by a multiple of the scale belong to one
    coarse-grained series.
    """
    t = sums.size - 1
    start = jnp.arange(t, dtype=jnp.int32)
    ends = [sums[jnp.minimum(start + k * scale, t)] for k in range(length + 2)]
    columns = [(after - before) / scale.astype(sums.dtype) for before, after in itertools.pairwise(ends)]
    usable = start + (length + 1) * scale <= t
    phase = start % scale
    rows = max(1, min(t, _TILE // t))
    tiles = -(-t // rows)
    members = jnp.arange(tiles * rows, dtype=jnp.int32).reshape(tiles, rows)

    @jax.checkpoint
    def log_memberships(some: Array) -> Array:
        """Log of the summed memberships of some templates with the others of their series, shape (2, some)."""
        here = jnp.minimum(some, t - 1)
        pairs = usable[None, :] & (phase[here][:, None] == phase[None, :]) & (here[:, None] != start[None, :])
        pairs = pairs | ~usable[here][:, None]  # those that are no templates get a number that is left out below
        apart = [jnp.abs(column[here][:, None] - column[None, :]) for column in columns]
        shorter = functools.reduce(jnp.maximum, apart[:-1])
        longer = jnp.maximum(shorter, apart[-1])
        return jnp.stack([_log_sum(d, pairs, tolerance, power) for d in (shorter, longer)])

    logs = jnp.moveaxis(jax.lax.map(log_memberships, members), 1, 0).reshape(2, -1)[:, :t]
    by_series = jnp.where(usable, phase, largest)  # a last bin for what is no template
    shorter, longer = (_segment_logsumexp(row, by_series, largest + 1)[:-1] for row in logs)
    exists = jnp.arange(largest, dtype=jnp.int32) < scale
    return jnp.sum(jnp.where(exists, shorter - longer, 0)) / scale.astype(sums.dtype)


def _log_sum(distance: Array, pairs: Array, tolerance: Array, power: Array) -> Array:
    """log sum exp(-(distance / tolerance)^power) over the pairs of every row."""
    some = (distance != 0) | ~(tolerance > 0)  # and of NaN, which then spreads
    exponent = jnp.where(some, -((jnp.where(some, distance, tolerance) / tolerance) ** power), 0)
    return jax.nn.logsumexp(exponent, axis=1, where=pairs)


def _segment_logsumexp(x: Array, segments: Array, count: int) -> Array:
    """logsumexp of each segment; 0 for an empty one."""
    top = jax.ops.segment_max(jax.lax.stop_gradient(x), segments, count)
    top = jnp.where(jnp.isfinite(top), top, 0)
    total = jax.ops.segment_sum(jnp.exp(x - top[segments]), segments, count)
    some = total != 0
    return jnp.where(some, jnp.log(jnp.where(some, total, 1)) + top, 0)
