"""The geometry of a set of points sampled from an attractor: how it fills space, and how complex it is over scales."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, RealScalar, Scalar
from entropax.estimators import composite_multiscale_entropy

_TILE = 1 << 18  # pairs of a block


class CorrelationDimension(eqx.Module):
    """A correlation dimension and the line it is the slope of.

    Attributes:
        value: the slope of log C over log r.
        residual: root mean square deviation of log C from the line.
        radii: r, shape (m,), in units of the points.
        sums: C(r), the share of pairs nearer than r, shape (m,).
    """

    value: Scalar
    residual: Scalar
    radii: Float[Array, "m"]
    sums: Float[Array, "m"]


def correlation_sums(
    points: Real[ArrayLike, "n d"],
    radii: Real[ArrayLike, "m"],
    *,
    theiler: int = 0,
    temperature: RealScalar | None = None,
) -> Float[Array, "m"]:
    """Correlation sum, C(r) = share of the pairs i != j of points with |x_i - x_j| < r.

    With a temperature T a pair at distance s counts as 1 / (1 + (s / r)^(1/T)), soft in the logarithm of the distance:
    so a power law C ~ r^D stays one, with the same D. It tends to the count as T vanishes.

    Args:
        points: shape (n, d), in order of time.
        radii: r, positive, shape (m,).
        theiler: pairs with |i - j| <= theiler, near in time rather than in space, are left out (Theiler's window).
        temperature: None counts pairs.

    Returns:
        C, shape (m,), in [0, 1].

    Raises:
        ValueError: shapes do not fit, points are not finite, a radius or the temperature is not positive, or the window
            leaves no pair.

    Differentiable in points, radii and temperature where one is given; counts have no gradients. Pairs are taken in
    blocks: memory grows as n, time as n^2 m. Source: Grassberger and Procaccia 1983, doi 10.1103/PhysRevLett.50.346.
    """
    x, r, T, checks = _prepared(points, radii, temperature)
    _require_pairs(x, theiler)
    return _checks.enforce(_sums(x, r, T, theiler), *checks)


def correlation_dimension(
    points: Real[ArrayLike, "n d"],
    *,
    lower: RealScalar = 0.1,
    upper: RealScalar = 0.5,
    num_radii: int = 32,
    theiler: int = 0,
    temperature: RealScalar | None = None,
) -> CorrelationDimension:
    """Correlation dimension: the slope of the line through log C(r) over log r, by least squares.

    Radii are spaced evenly in their logarithms between two multiples of the standard deviation of all entries of
    `points`, as the paper's package takes them (it fits the line by a random search for inliers).

    Args:
        points: shape (n, d), in order of time.
        lower: smallest radius in standard deviations.
        upper: largest radius in standard deviations.
        num_radii: number of radii, at least 3.
        theiler: pairs with |i - j| <= theiler are left out.
        temperature: None counts pairs; otherwise they are soft as in `correlation_sums`.

    Returns:
        A `CorrelationDimension`.

    Raises:
        ValueError: as `correlation_sums`, or not 0 < lower < upper, or no pair is nearer than the smallest radius: more
            points or a larger `lower` are needed.

    Differentiable in points where a temperature is given. Source: Grassberger and Procaccia 1983,
    doi 10.1103/PhysRevLett.50.346; arXiv 2110.05266.
    """
    _checks.require_integer("num_radii", num_radii, minimum=3)
    x, low, high = _checks.as_floats(points=points, lower=lower, upper=upper)
    _checks.as_numbers(lower=low, upper=high)
    _checks.require_ndim("points", x, 2, "(n, d)")
    with _checks.evaluated_now(low, high):
        ordered = (low > 0) & (low < high) & jnp.isfinite(high)
    between = _checks.Check(ordered, "lower and upper must have 0 < lower < upper", lambda: f"{low} and {high}")
    radii = _radii(x, low, high, num_radii)
    x, radii, T, checks = _prepared(x, radii, temperature, between, _checks.finite("points", x))
    _require_pairs(x, theiler)
    sums = _sums(x, radii, T, theiler)
    value, residual = _line(radii, sums)
    words = "points must have pairs nearer than the smallest radius"
    near = _checks.Check(sums[0] > 0, words, lambda: f"none nearer than {radii[0]}")
    return CorrelationDimension(*_checks.enforce((value, residual, radii, sums), between, *checks, near))


def attractor_multiscale_entropy(
    points: Real[ArrayLike, "t d"],
    *,
    max_scale: int | None = None,
    length: int = 2,
    tolerance: RealScalar = 0.2,
    power: RealScalar = 1.0,
) -> Scalar:
    """Multiscale entropy of a trajectory: the median over its coordinates of the area under their entropy over scales.

    Of every coordinate, standardised, the composite multiscale fuzzy entropy is taken at scales 1 to `max_scale`; the
    area under it by the trapezoidal rule is divided by the number of scales.

    Args:
        points: a trajectory at equal steps of time, shape (t, d).
        max_scale: the largest scale, by default t // (length + 10).
        length: samples of a template.
        tolerance: in standard deviations of the coordinate.
        power: of the membership, see `estimators.fuzzy_entropy`.

    Returns:
        The entropy in nats.

    Raises:
        ValueError: points have another shape, are not finite or constant in a coordinate, or the largest scale is out
            of range.

    Differentiable in points, tolerance and power. Source: arXiv 2110.05266.
    """
    x, r, n = _checks.as_floats(points=points, tolerance=tolerance, power=power)
    _checks.as_numbers(tolerance=r, power=n)
    _checks.require_ndim("points", x, 2, "(t, d)")
    largest = x.shape[0] // (length + 10) if max_scale is None else max_scale
    _checks.require_integer("max_scale", largest, minimum=2)
    x = _checks.accumulated(x)
    finite = _checks.finite("points", x)
    with _checks.evaluated_now(x):
        varies = jnp.all(jnp.max(x, axis=0) > jnp.min(x, axis=0))
    vary = _checks.Check(varies, "points must vary in every coordinate", lambda: "a constant one")
    x = _checks.enforce(x, finite, vary)
    standard = _standardized(x)
    r, n = r.astype(x.dtype), n.astype(x.dtype)

    def curve(column: Array) -> Array:
        return composite_multiscale_entropy(column, r, scales=range(1, largest + 1), length=length, power=n)

    curves = jnp.stack([curve(standard[:, axis]) for axis in range(x.shape[1])])
    return jnp.median(jnp.trapezoid(curves, axis=1) / largest)


# ------------------------------------------------------------------------------------------------------------- checks


def _prepared(
    points: ArrayLike, radii: ArrayLike, temperature: RealScalar | None, *before: _checks.Check
) -> tuple[Array, Array, Array | None, tuple[_checks.Check, ...]]:
    """Points, radii and temperature in one dtype, and what has to hold of their values."""
    given = {"points": points, "radii": radii}
    named = given if temperature is None else given | {"temperature": temperature}
    values = dict(zip(named, _checks.as_floats(**named), strict=True))
    _checks.require_ndim("points", values["points"], 2, "(n, d)")
    _checks.require_ndim("radii", values["radii"], 1, "(m,)")
    for check in before:
        _checks.enforce((), check)
    checks = [_checks.finite("points", values["points"]), _checks.positive("radii", values["radii"])]
    if temperature is not None:
        _checks.as_numbers(temperature=values["temperature"])
        checks.append(_checks.positive("temperature", values["temperature"]))
    values = {name: _checks.accumulated(value) for name, value in values.items()}
    return values["points"], values["radii"], values.get("temperature"), (*before, *checks)


def _require_pairs(points: Array, theiler: int) -> None:
    if points.shape[0] < 2:
        raise ValueError(f"points must be at least two, got {points.shape[0]}")
    _checks.require_integer("theiler", theiler, minimum=0, maximum=points.shape[0] - 2)


# ------------------------------------------------------------------------------------------------------------ kernels


@functools.partial(jax.jit, static_argnames="num_radii")
def _radii(points: Array, lower: Array, upper: Array, num_radii: int) -> Array:
    fraction = jnp.linspace(0, 1, num_radii, dtype=points.dtype)
    varies = jnp.var(points) > 0
    deviation = jnp.where(varies, jnp.sqrt(jnp.where(varies, jnp.var(points), 1)), 0)
    return deviation * lower * (upper / lower) ** fraction


@functools.partial(jax.jit, static_argnames="theiler")
def _sums(points: Array, radii: Array, temperature: Array | None, theiler: int) -> Array:
    n, d = points.shape
    rows = max(1, min(n, _TILE // n))
    tiles = -(-n // rows)
    members = jnp.arange(tiles * rows, dtype=jnp.int32).reshape(tiles, rows)
    everyone = jnp.arange(n, dtype=jnp.int32)

    @jax.checkpoint
    def count(some: Array) -> Array:
        here = points[jnp.minimum(some, n - 1)]
        square = sum((here[:, axis, None] - points[None, :, axis]) ** 2 for axis in range(d))
        counted = (jnp.abs(some[:, None] - everyone[None, :]) > theiler) & (some < n)[:, None]
        if temperature is None:
            square = jnp.where(counted, square, jnp.inf)
            return jax.lax.map(lambda r: jnp.sum(square < r**2, dtype=jnp.int32), radii).astype(points.dtype)
        apart = counted & (square > 0)  # points that coincide are a pair at every radius
        logs, width = jnp.log(jnp.where(apart, square, 1)) / 2, temperature

        def soft(r: Array) -> Array:
            weight = jax.nn.sigmoid((jnp.log(r) - logs) / width)
            return jnp.sum(jnp.where(apart, weight, counted.astype(weight.dtype)))

        return jax.lax.map(jax.checkpoint(soft), radii)

    pairs = float((n - theiler) * (n - theiler - 1))
    return jnp.sum(jax.lax.map(count, members), axis=0) / pairs


@jax.jit
def _line(radii: Array, sums: Array) -> tuple[Array, Array]:
    """Slope of log sums over log radii by least squares, and the root mean square deviation from the line."""
    some = (sums > 0) & (radii > 0)
    x, y = jnp.log(jnp.where(some, radii, 1)), jnp.log(jnp.where(some, sums, 1))
    x, y = x - jnp.mean(x), y - jnp.mean(y)
    slope = jnp.sum(x * y) / jnp.sum(x**2)
    square = jnp.mean((y - slope * x) ** 2)
    return slope, jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1)), 0)


@jax.jit
def _standardized(x: Array) -> Array:
    about = x - jnp.mean(x, axis=0, keepdims=True)
    return about / jnp.sqrt(jnp.mean(about**2, axis=0, keepdims=True))
