"""From estimates on ever smaller chunks of the data to infinite data: a line, its error, and whether it is one."""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.special

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, Scalar

OUTLIER = 2.5
"""Studentised residuals beyond this are reported as outliers."""


class Extrapolation(eqx.Module):
    """The line I(gamma) = value + slope gamma through estimates on chunks of n / gamma samples.

    Attributes:
        value: the line at gamma = 0: the estimate for infinite data. It may be negative.
        slope: the bias that one n / gamma costs.
        standard_error: of `value`.
        half_width: of the t-interval of `value` at the confidence asked for.
        prediction_half_width: the same of one more estimate on n samples, freed of its bias.
        curvature: a2 / a1 of the parabola c + a1 gamma + a2 gamma^2 over the gammas used.
        leverage_shift: |change of `value` when the smallest gamma is left out| / |value|.
        num_gammas: number of gammas used, the smallest ones.
        used: which of the estimates, in the order given, are used.
        residuals: studentised residuals; zero where an estimate is not used.
        linear: whether |curvature| is below its limit, or the estimates do not depend on gamma at all (`flat`).
        flat: whether an F test at the 5% level cannot tell the parabola from a constant.
        enough: whether at least the least number of gammas is used.
        stable: whether `leverage_shift` is at most its limit, or the change is within two standard errors.
        no_outliers: whether all residuals are below 2.5; for information.
        nonnegative: whether `value` is at least minus its half width; for information.
        reliable: linear, enough and stable.
    """

    value: Scalar
    slope: Scalar
    standard_error: Scalar
    half_width: Scalar
    prediction_half_width: Scalar
    curvature: Scalar
    leverage_shift: Scalar
    num_gammas: Int[Array, ""]
    used: Bool[Array, "p"]
    residuals: Float[Array, "p"]
    linear: Bool[Array, ""]
    flat: Bool[Array, ""]
    enough: Bool[Array, ""]
    stable: Bool[Array, ""]
    no_outliers: Bool[Array, ""]
    nonnegative: Bool[Array, ""]
    reliable: Bool[Array, ""]


def extrapolate(
    estimates: Sequence[Real[ArrayLike, "_"]],
    *,
    gammas: Sequence[int] | None = None,
    confidence: float = 0.68,
    max_curvature: float = 0.1,
    max_leverage: float = 0.2,
    min_gammas: int = 5,
) -> Extrapolation:
    """Extrapolates estimates on chunks of n / gamma samples to gamma = 0, I(N) = I + a / N + O(1 / N^2).

    Least squares of the estimates on gamma with weights 1 / gamma, so that every gamma counts once if it has gamma
    estimates. Then the checks: while a parabola through the same points is curved, |a2 / a1| >= max_curvature, the
    largest gamma is dropped; the line must rest on `min_gammas` gammas or more and must not hang on the smallest one.

    Two rules are ours, since a ratio says nothing where its denominator is noise: estimates that do not depend on gamma
    (an F test of parabola against constant, 5%) count as linear, and a shift within two standard errors as stable.

    Args:
        estimates: for every gamma its estimates, shapes (k_1,), (k_2,), ...
        gammas: numbers of chunks, increasing; 1, 2, ... by default.
        confidence: of the t-interval, in (0, 1).
        max_curvature: limit of |a2 / a1|, in gamma's unit.
        max_leverage: limit of the relative shift without the smallest gamma.
        min_gammas: least number of gammas, at least 3.

    Returns:
        An `Extrapolation`.

    Raises:
        ValueError: there are fewer than three gammas or four estimates, an estimate is not finite, or an option is out
            of range.

    Numbers are differentiable in the estimates, on the branch taken: how many gammas are used is piecewise constant.
    Source: arXiv 2506.00330; Strong et al. 1998; arXiv 2102.12675 on the bias of order 1 / N.
    """
    y, counts, chosen_gammas = _flattened(estimates, gammas)
    _checks.require_integer("min_gammas", min_gammas, minimum=3)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence}")
    if not (max_curvature > 0 and max_leverage > 0):
        raise ValueError(f"max_curvature and max_leverage must be positive, got {max_curvature} and {max_leverage}")
    y = _checks.enforce(y, _checks.finite("estimates", y))
    ranges = range(len(counts), min(min_gammas, len(counts)) - 1, -1)
    lines = [_line_through(y, np.repeat(chosen_gammas, counts), sum(counts[:m]), counts[0], confidence) for m in ranges]
    linear = jnp.stack([line.flat | (jnp.abs(line.bend) < max_curvature * jnp.abs(line.tilt)) for line in lines])
    chosen = jnp.where(jnp.any(linear), jnp.argmax(linear), len(lines) - 1)
    line = jax.tree.map(lambda *leaves: jnp.stack(leaves)[chosen], *lines)
    num_gammas = jnp.asarray(tuple(ranges), jnp.int32)[chosen]
    shift = jnp.abs(line.without_first - line.value)
    enough, is_linear = num_gammas >= min_gammas, linear[chosen]
    stable = (shift <= max_leverage * jnp.abs(line.value)) | (shift <= 2 * line.standard_error)
    return Extrapolation(
        value=line.value,
        slope=line.slope,
        standard_error=line.standard_error,
        half_width=line.half_width,
        prediction_half_width=line.prediction_half_width,
        curvature=_ratio(line.bend, line.tilt),
        leverage_shift=_ratio(shift, jnp.abs(line.value)),
        num_gammas=num_gammas,
        used=line.used,
        residuals=line.residuals,
        linear=is_linear,
        flat=line.flat,
        enough=enough,
        stable=stable,
        no_outliers=jnp.all(jnp.abs(line.residuals) <= OUTLIER),
        nonnegative=line.value >= -line.half_width,
        reliable=is_linear & enough & stable,
    )


def _flattened(estimates: Any, gammas: Sequence[int] | None) -> tuple[Array, tuple[int, ...], np.ndarray]:
    """All estimates in one vector, how many each gamma has, and the gammas."""
    estimates = list(estimates)
    gammas = tuple(range(1, len(estimates) + 1)) if gammas is None else tuple(gammas)
    if len(gammas) != len(estimates) or len(gammas) < 3:
        raise ValueError(f"estimates must hold those of three gammas or more, got {len(estimates)} for gammas {gammas}")
    if any(isinstance(g, bool) or not isinstance(g, (int, np.integer)) or g < 1 for g in gammas) or any(
        a >= b for a, b in itertools.pairwise(gammas)
    ):
        raise ValueError(f"gammas must be increasing positive integers, got {gammas}")
    rows = _checks.as_floats(**{f"estimates[{i}]": row for i, row in enumerate(estimates)})
    for gamma, row in zip(gammas, rows, strict=True):
        if row.ndim != 1 or row.size == 0:
            raise ValueError(f"estimates of gamma {gamma} must have shape (k,) with k >= 1, got {row.shape}")
    counts = tuple(row.size for row in rows)
    if sum(counts[:3]) < 4:
        raise ValueError(f"estimates must be four or more, for errors of a parabola, got {counts}")
    return jnp.concatenate(rows), counts, np.asarray(gammas, float)


class _Line(NamedTuple):
    """A weighted line through some of the estimates, and the parabola through the same."""

    value: Array
    slope: Array
    standard_error: Array
    half_width: Array
    prediction_half_width: Array
    tilt: Array
    bend: Array
    without_first: Array
    flat: Array
    used: Array
    residuals: Array


class _Polynomial(NamedTuple):
    """Weighted least squares as what it is for given gammas: linear maps of the estimates, known in advance."""

    solve: np.ndarray
    fitted: np.ndarray
    leverage: np.ndarray
    unscaled: np.ndarray


def _polynomial(gamma: np.ndarray, degree: int) -> _Polynomial:
    powers = np.vander(gamma, degree + 1, increasing=True)
    # By the orthogonal factor of the scaled problem: the normal equations would square its condition.
    q, r = np.linalg.qr(powers / np.sqrt(gamma)[:, None])
    inverse = np.linalg.inv(r)
    solve = inverse @ (q / np.sqrt(gamma)[:, None]).T
    return _Polynomial(solve, powers @ solve, np.sum(q**2, axis=1), np.sum(inverse**2, axis=1))


def _line_through(y: Array, gamma: np.ndarray, count: int, first: int, confidence: float) -> _Line:
    """The line through the first `count` estimates, of which the first `first` have the smallest gamma."""
    rest, y, gamma = y[count:], y[:count], gamma[:count]

    def times(matrix: np.ndarray, vector: Array) -> Array:
        return jnp.asarray(matrix, vector.dtype) @ vector

    def squares(residuals: Array) -> Array:
        return jnp.sum(jnp.asarray(1 / gamma, y.dtype) * residuals**2)

    line, parabola, constant = (_polynomial(gamma, degree) for degree in (1, 2, 0))
    residuals = y - times(line.fitted, y)
    variance = squares(residuals) / (count - 2)
    scale = _sqrt(variance)
    value, slope = times(line.solve, y)
    _, tilt, bend = times(parabola.solve, y)
    standard_error = scale * float(np.sqrt(line.unscaled[0]))
    quantile = float(scipy.special.stdtrit(count - 2, (1 + confidence) / 2))
    spread = scale * jnp.asarray(np.sqrt(gamma * np.maximum(1 - line.leverage, 0)), y.dtype)
    studentised = jnp.where(spread == 0, 0, residuals / jnp.where(spread == 0, 1, spread))
    # Parabola against constant: F with 2 and count - 3 degrees of freedom.
    left, explained = squares(y - times(parabola.fitted, y)), squares(times(parabola.fitted - constant.fitted, y))
    limit = float(scipy.special.fdtri(2, count - 3, 0.95))
    rounding = (8 * float(jnp.finfo(y.dtype).eps)) ** 2 * squares(y)
    flat = (explained / 2 <= limit * left / (count - 3)) | (explained <= rounding)
    others = _polynomial(gamma[first:], 1)
    return _Line(
        value=value,
        slope=slope,
        standard_error=standard_error,
        half_width=quantile * standard_error,
        prediction_half_width=quantile * scale * float(np.sqrt(1 + line.unscaled[0])),
        tilt=tilt,
        bend=bend,
        without_first=times(others.solve, y[first:])[0],
        flat=flat,
        used=jnp.arange(count + rest.size) < count,
        residuals=jnp.concatenate([studentised, 0 * rest]),
    )


def _ratio(a: Array, b: Array) -> Array:
    """a / b, zero where both vanish."""
    return jnp.where(a == 0, a, a / jnp.where((b == 0) & (a == 0), 1, b))


def _sqrt(x: Array) -> Array:
    """The root, with a zero slope at zero."""
    return jnp.where(x == 0, 0, jnp.sqrt(jnp.where(x == 0, 1, x)))
