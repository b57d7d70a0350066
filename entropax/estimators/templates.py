"""Entropies of matching templates: how often pieces of a series that agree go on agreeing.

Templates are pieces of `length` successive samples. Two match when no two of their samples are further apart than the
tolerance, |x_(i+k) - x_(j+k)| <= tolerance (the Chebyshev distance, with equality). Packages differ in the templates
they use and in equality; every function here says which ones. Matches are counts, piecewise constant in the series;
with a `temperature` T a pair at distance d counts as 1 / (1 + exp((d - tolerance) / T)), which tends to the counts and
has gradients. Pairs are taken in blocks: memory grows as the length of the series, time as its square.
"""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, RealScalar, Scalar

_TILE = 1 << 18  # pairs of a block


def sample_entropy(
    x: Real[ArrayLike, "t"],
    tolerance: RealScalar | None = None,
    *,
    length: int = 2,
    temperature: RealScalar | None = None,
) -> Scalar:
    """Sample entropy, -log(A / B): B pairs match over `length` samples, A of them over one more.

    The t - length templates that can be prolonged serve for both counts, and no template is paired with itself, as
    Richman and Moorman define it.

    Args:
        x: the series, shape (t,).
        tolerance: largest distance of samples that match, in units of x; by default 0.2 population standard deviations.
        length: samples of a template, m.
        temperature: None counts matches; otherwise matches are soft over this distance, in units of x.

    Returns:
        The entropy in nats.

    Raises:
        ValueError: x has fewer than length + 2 samples or is not finite, the tolerance is negative, the temperature not
            positive; or no pair matches over length + 1 samples, as in short series: the estimate is then infinite or
            undefined, and a larger tolerance is needed.

    Differentiable in x, tolerance and temperature where a temperature is given; counts have no gradients. Source:
    Richman and Moorman 2000, doi 10.1152/ajpheart.2000.278.6.H2039.
    """
    series, settings, checks = _prepared(x, tolerance, temperature, length)
    return _sample_entropy(series, *settings, checks, length)


def approximate_entropy(
    x: Real[ArrayLike, "t"],
    tolerance: RealScalar | None = None,
    *,
    length: int = 2,
    temperature: RealScalar | None = None,
) -> Scalar:
    """Approximate entropy, Phi_m - Phi_(m+1), Phi_m the mean of log(fraction of templates that match template i).

    All t - m + 1 templates of length m and all t - m of length m + 1 are used, and each matches itself, as Pincus
    defines it. So it is finite for every series, and biased low in short ones.

    Args:
        x: the series, shape (t,).
        tolerance: largest distance of samples that match, in units of x; by default 0.2 population standard deviations.
        length: samples of a template, m.
        temperature: None counts matches; otherwise matches are soft over this distance, in units of x.

    Returns:
        The entropy in nats.

    Raises:
        ValueError: x has fewer than length + 2 samples or is not finite, the tolerance is negative, or the temperature
            not positive.

    Differentiable in x, tolerance and temperature where a temperature is given; counts have no gradients. Source:
    Pincus 1991, doi 10.1073/pnas.88.6.2297.
    """
    series, settings, checks = _prepared(x, tolerance, temperature, length)
    return _checks.enforce(_approximate(series, *settings, length), *checks)


def multiscale_entropy(
    x: Real[ArrayLike, "t"],
    tolerance: RealScalar | None = None,
    *,
    scales: Sequence[int] = (1, 2, 3, 4, 5),
    length: int = 2,
    temperature: RealScalar | None = None,
) -> Float[Array, "scales"]:
    """Sample entropy of the series averaged over successive windows of each scale.

    The tolerance is the same at all scales, by default that of the series itself, as Costa, Goldberger and Peng define
    it: white noise falls with the scale, 1/f noise does not. Samples beyond the last whole window are left out.

    Args:
        x: the series, shape (t,).
        tolerance: largest distance of samples that match, in units of x; by default 0.2 population standard deviations.
        scales: widths of the windows in samples.
        length: samples of a template, m.
        temperature: None counts matches; otherwise matches are soft over this distance, in units of x.

    Returns:
        The entropy in nats at each scale, shape (scales,).

    Raises:
        ValueError: as `sample_entropy`, at any scale (the message says which; under a transformation that scale is
            NaN); a scale leaves fewer than length + 2 windows.

    Differentiable as `sample_entropy`. Source: Costa, Goldberger and Peng 2002, doi 10.1103/PhysRevLett.89.068102.
    """
    series, settings, checks = _prepared(x, tolerance, temperature, length)
    if len(scales) < 1:
        raise ValueError("scales must name at least one scale, got none")
    for scale in scales:
        _checks.require_integer("scales", scale, minimum=1, maximum=max(1, series.size // (length + 2)))
    values = [
        _sample_entropy(_coarse(series, scale), *settings, checks, length, f" at scale {scale}") for scale in scales
    ]
    return jnp.stack(values)


def _prepared(
    x: ArrayLike, tolerance: RealScalar | None, temperature: RealScalar | None, length: int
) -> tuple[Array, tuple[Array, Array | None], tuple[_checks.Check, ...]]:
    """The series, its tolerance and temperature, and the checks of their values."""
    given = {"tolerance": tolerance, "temperature": temperature}
    named = {"x": x} | {name: value for name, value in given.items() if value is not None}
    values = dict(zip(named, _checks.as_floats(**named), strict=True))
    _checks.require_ndim("x", values["x"], 1, "(t,)")
    _checks.require_integer("length", length, minimum=1)
    if values["x"].size < length + 2:
        raise ValueError(f"x must have at least length + 2 = {length + 2} samples, got {values['x'].size}")
    checks = [_checks.finite("x", values["x"])]
    if tolerance is not None:
        _checks.require_ndim("tolerance", values["tolerance"], 0, "()")
        checks.append(_checks.nonnegative("tolerance", values["tolerance"]))
    if temperature is not None:
        _checks.require_ndim("temperature", values["temperature"], 0, "()")
        checks.append(_checks.positive("temperature", values["temperature"]))
    values = {name: _checks.accumulated(value) for name, value in values.items()}
    chosen = values["tolerance"] if tolerance is not None else _default_tolerance(values["x"])
    return values["x"], (chosen, values.get("temperature")), tuple(checks)


def _sample_entropy(
    x: Array,
    tolerance: Array,
    temperature: Array | None,
    checks: tuple[_checks.Check, ...],
    length: int,
    where: str = "",
) -> Array:
    for check in checks:
        _checks.enforce((), check)  # what is wrong with the series comes before what that does to its matches
    shorter, longer = _pairs(x, tolerance, temperature, length)
    words = f"x must have templates that match within the tolerance over length + 1 = {length + 1} samples{where}"
    got = lambda: f"{float(longer) / 2:g} such pairs of {float(shorter) / 2:g} that match over {length}"  # noqa: E731
    matching = _checks.Check(longer > 0, words, got)
    return _checks.enforce(_minus_log_ratio(longer, shorter), *checks, matching)


# ------------------------------------------------------------------------------------------------------------ kernels


@jax.jit
def _default_tolerance(x: Array) -> Array:
    """0.2 population standard deviations; its gradient at a constant series is taken as zero."""
    variance = jnp.mean((x - jnp.mean(x)) ** 2)
    varies = variance > 0
    return 0.2 * jnp.where(varies, jnp.sqrt(jnp.where(varies, variance, 1)), 0)


@functools.partial(jax.jit, static_argnames="scale")
def _coarse(x: Array, scale: int) -> Array:
    windows = x.size // scale
    return jnp.mean(x[: windows * scale].reshape(windows, scale), axis=1)


@jax.jit
def _minus_log_ratio(longer: Array, shorter: Array) -> Array:
    some = longer > 0
    ratio = jnp.where(some, longer, 1) / jnp.where(some, shorter, 1)
    return jnp.where(some, -jnp.log(ratio), jnp.nan)


@functools.partial(jax.jit, static_argnames="length")
def _pairs(x: Array, tolerance: Array, temperature: Array | None, length: int) -> tuple[Array, Array]:
    """Ordered pairs of the t - length templates that match over `length` samples, and over one more."""
    shorter, longer = jnp.sum(_matches(x, tolerance, temperature, length, x.size - length), axis=1)
    return shorter, longer


@functools.partial(jax.jit, static_argnames="length")
def _approximate(x: Array, tolerance: Array, temperature: Array | None, length: int) -> Array:
    number = x.size - length + 1
    shorter, longer = 1 + _matches(x, tolerance, temperature, length, number)
    longer = longer[:-1]  # the last template cannot be prolonged
    return jnp.mean(jnp.log(shorter / number)) - jnp.mean(jnp.log(longer / (number - 1)))


def _matches(x: Array, tolerance: Array, temperature: Array | None, length: int, number: int) -> Array:
    """How many of the other templates match each of the first `number`, over `length` samples and over one more.

    Shape (2, number). A template that cannot be prolonged matches none over one more.
    """
    everyone = jnp.arange(number)
    columns = [x[jnp.minimum(everyone + k, x.size - 1)] for k in range(length + 1)]
    prolonged = everyone < x.size - length
    rows = max(1, min(number, _TILE // number))
    blocks = -(-number // rows)
    # The last block is filled up with the last template, which is cut off again.
    members = jnp.minimum(jnp.arange(blocks * rows), number - 1).reshape(blocks, rows)

    @jax.checkpoint
    def count(some: Array) -> Array:
        if temperature is None:
            return _counts(columns, prolonged, some, tolerance)
        return _soft_counts(columns, prolonged, some, tolerance, temperature)

    counts = jax.lax.map(count, members)
    return jnp.moveaxis(counts, 1, 0).reshape(2, -1)[:, :number]


def _counts(columns: list[Array], prolonged: Array, some: Array, tolerance: Array) -> Array:
    """Matches of some templates with all others; shape (2, some)."""
    agree = [jnp.abs(column[some][:, None] - column[None, :]) <= tolerance for column in columns]
    shorter = functools.reduce(jnp.logical_and, agree[:-1])
    longer = shorter & agree[-1] & prolonged[None, :]
    pair = (shorter.astype(jnp.int32), longer.astype(jnp.int32))
    zeros = (jnp.zeros((), jnp.int32),) * 2
    # One reduction of both counts: two would each compare all pairs again, and are not vectorised on CPU.
    totals = jax.lax.reduce(pair, zeros, lambda a, b: (a[0] + b[0], a[1] + b[1]), (1,))
    return jnp.stack(totals).astype(tolerance.dtype) - 1  # without itself


def _soft_counts(columns: list[Array], prolonged: Array, some: Array, tolerance: Array, temperature: Array) -> Array:
    """Soft matches of some templates with all others; shape (2, some)."""
    apart = [jnp.abs(column[some][:, None] - column[None, :]) for column in columns]
    shorter = functools.reduce(jnp.maximum, apart[:-1])
    longer = jnp.maximum(shorter, apart[-1])
    others = some[:, None] != jnp.arange(prolonged.size)[None, :]

    def total(distance: Array, counted: Array) -> Array:
        matches = jax.nn.sigmoid((tolerance - distance) / temperature)
        return jnp.sum(jnp.where(counted, matches, 0), axis=1)

    return jnp.stack([total(shorter, others), total(longer, others & prolonged[None, :])])
