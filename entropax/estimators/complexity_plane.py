"""The complexity-entropy plane of ordinal patterns: where a series lies, where it can lie, and what that says."""

import functools
import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks, information
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar, Scalar
from entropax.estimators.ordinal import (
    MAX_ORDER,
    fits,
    largest_divergence,
    pattern_distribution,
    statistical_complexity,
)

HC_CLASSES = ("regular", "complex", "stochastic")
"""Words for the labels of `classify_hc`."""

_HALVINGS = 60  # of a bracket: below the spacing of float64 numbers
_GOLDEN = (math.sqrt(5) - 1) / 2


class HCPoint(NamedTuple):
    """A point of the plane, or many.

    Attributes:
        entropy: normalised permutation entropy H.
        complexity: Jensen-Shannon statistical complexity C.
    """

    entropy: Float[Array, "*shape"]
    complexity: Float[Array, "*shape"]


class HCBounds(NamedTuple):
    """The curves between which every distribution lies.

    Attributes:
        minimum: points of the lower curve.
        maximum: points of the upper curve.
    """

    minimum: HCPoint
    maximum: HCPoint


class HCLabel(eqx.Module):
    """What a point of the plane is taken for.

    Attributes:
        value: 0 regular, 1 complex, 2 stochastic: an index of `HC_CLASSES`.
        valid: whether entropy and complexity lay in [0, 1].
    """

    value: Int[Array, "*shape"]
    valid: Bool[Array, "*shape"]


def hc_point(
    x: Real[ArrayLike, "t"],
    *,
    order: int = 5,
    interval: Int[ArrayLike, ""] = 1,
    temperature: RealScalar | None = None,
) -> HCPoint:
    """Permutation entropy H and statistical complexity C of a series.

    Points compare only at the same order, and at intervals that stand in the same relation to the series' natural
    time, see `sampling_interval`.

    Args:
        x: the series, shape (t,).
        order: number of samples in a window, 2 to 8.
        interval: samples from one of them to the next, a Python integer or an integer array.
        temperature: None counts patterns; otherwise those of `soft_ordinal_distribution` at this temperature.

    Returns:
        H and C, both without a unit.

    Raises:
        ValueError: as `ordinal_distribution` and `soft_ordinal_distribution`.

    Differentiable in x and the temperature where one is given; counts have no gradients. Source: PECCARY,
    arXiv 2407.11970; Rosso et al. 2007, doi 10.1103/PhysRevLett.99.154102.
    """
    return _point_of(pattern_distribution(x, order, interval, temperature))


def hc_curves(
    x: Real[ArrayLike, "t"],
    intervals: Int[ArrayLike, "k"],
    *,
    order: int = 5,
    temperature: RealScalar | None = None,
) -> HCPoint:
    """H and C of a series at many sampling intervals, one after another and in one program.

    Args:
        x: the series, shape (t,).
        intervals: samples between those of a window, shape (k,).
        order: number of samples in a window, 2 to 8.
        temperature: as in `hc_point`.

    Returns:
        H and C, each of shape (k,).

    Raises:
        ValueError: as `hc_point`; an interval leaves no room for a window.

    Differentiable as `hc_point`. Source: PECCARY, arXiv 2407.11970.
    """
    named = {"x": x} if temperature is None else {"x": x, "temperature": temperature}
    floats = _checks.as_floats(**named)
    _checks.require_ndim("x", floats[0], 1, "(t,)")
    if not jnp.issubdtype(jnp.result_type(intervals), jnp.integer) or jnp.ndim(intervals) != 1:
        raise TypeError(f"intervals must be integers of shape (k,), got {intervals!r}")
    _checks.require_integer("order", order, minimum=2, maximum=MAX_ORDER)
    length = floats[0].size
    if length < order:
        raise ValueError(f"x must have at least {order} samples, one window of this order, got {length}")
    longest = (length - 1) // (order - 1)
    points = _curves(x, jnp.asarray(intervals), None if temperature is None else floats[1], order)
    points = _checks.enforce(points, fits("intervals", intervals, longest, batch_ndim=1))
    wrong = [_checks.finite("x", floats[0])]
    if temperature is not None:
        wrong.append(_checks.positive("temperature", floats[1]))
    return _checks.enforce(points, *wrong)


def hc_bounds(*, order: int = 5, steps: int = 1000) -> HCBounds:
    """The curves of smallest and largest complexity at given entropy.

    Least complex: one pattern has p in [1/N, 1) and the others share the rest, N = order!. Most complex, for
    k = N, ..., 2: N - k patterns are missing, one has p in [0, 1/k) and k - 1 share the rest. p takes `steps` equal
    steps in each of these ranges, the end left out.

    Args:
        order: number of samples in a window, 2 to 8.
        steps: points on the lower curve, and on each of the N - 1 arcs of the upper one.

    Returns:
        The lower curve, each of H and C of shape (steps,), from H = 1 down; and the upper one, of shape
        ((N - 1) steps,), in the order of the arcs.

    Raises:
        ValueError: order or steps is out of range.

    Nothing to differentiate: see `complexity_limits` for the curves as functions of H. Source: Martin, Plastino and
    Rosso 2006, doi 10.1016/j.physa.2005.11.053.
    """
    _checks.require_integer("order", order, minimum=2, maximum=MAX_ORDER)
    _checks.require_integer("steps", steps, minimum=1)
    return _bounds(order, steps)


def complexity_limits(
    entropy: Real[ArrayLike, "*shape"], *, order: int = 5
) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"]]:
    """The smallest and the largest complexity at a normalised entropy, exactly.

    Args:
        entropy: H in [0, 1], any shape.
        order: number of samples in a window, 2 to 8.

    Returns:
        The smallest and the largest C, each of the shape of H.

    Raises:
        ValueError: an entropy is outside [0, 1], or the order out of range.

    Differentiable in H, except where the arcs of the upper curve meet, at H = log k / log order!. Source: Martin,
    Plastino and Rosso 2006, doi 10.1016/j.physa.2005.11.053.
    """
    h = _checks.as_float("entropy", entropy)
    _checks.require_integer("order", order, minimum=2, maximum=MAX_ORDER)
    limits = _limits(_checks.accumulated(h), order)
    return _checks.enforce(limits, _checks.within("entropy", h, 0, 1, "in [0, 1]"))


def max_complexity(*, order: int = 5) -> Scalar:
    """The largest complexity that any distribution over the order! patterns has.

    Args:
        order: number of samples in a window, 2 to 8.

    Returns:
        The top of the upper curve of `hc_bounds`, to rounding.

    Raises:
        ValueError: the order is out of range.

    Nothing to differentiate. Source: Martin, Plastino and Rosso 2006, doi 10.1016/j.physa.2005.11.053.
    """
    _checks.require_integer("order", order, minimum=2, maximum=MAX_ORDER)
    return _top(order)


def periodic_limits(*, order: int = 5) -> tuple[Scalar, Scalar]:
    """Between which entropies a smooth periodic series lies when it is finely sampled.

    Log 2 / log N, of the two monotone patterns, and log(2 (2 (order - 2) + 1)) / log N, of all that a window meets as
    it passes over a maximum and a minimum; N = order!.

    Args:
        order: number of samples in a window, 2 to 8.

    Returns:
        The smallest and the largest normalised entropy.

    Raises:
        ValueError: the order is out of range.

    Nothing to differentiate. Source: PECCARY, arXiv 2407.11970.
    """
    _checks.require_integer("order", order, minimum=2, maximum=MAX_ORDER)
    scale = math.log(math.factorial(order))
    lower, upper = math.log(2) / scale, math.log(2 * (2 * (order - 2) + 1)) / scale
    return jnp.asarray(lower, jnp.result_type(float)), jnp.asarray(upper, jnp.result_type(float))


def classify_hc(
    entropy: Real[ArrayLike, "*shape"], complexity: Real[ArrayLike, "*shape"], *, order: int = 5
) -> HCLabel:
    """Regular, complex or stochastic, from the place in the plane.

    Regular if H is at most the upper one of `periodic_limits`; else stochastic if C lies below the middle between the
    smallest and the largest complexity at this H; else complex. PECCARY draws the regions without a numerical rule;
    this one is entropax's reading of them. It presumes a pattern time of 0.3 to 0.5 natural times: oversampled noise
    and chaos look regular, undersampled chaos looks stochastic. Noise stays where it is when the interval grows.

    Args:
        entropy: normalised permutation entropy H, any shape.
        complexity: statistical complexity C, the same shape.
        order: number of samples in a window, 2 to 8.

    Returns:
        The labels, 0 regular, 1 complex, 2 stochastic, and their validity.

    Raises:
        ValueError: shapes differ, a value is outside [0, 1] (under a transformation its label is not valid), or the
            order is out of range.

    Piecewise constant: no gradients. Source: PECCARY, arXiv 2407.11970.
    """
    h, c = _checks.as_floats(entropy=entropy, complexity=complexity)
    _checks.require_same_shape(entropy=h, complexity=c)
    _checks.require_integer("order", order, minimum=2, maximum=MAX_ORDER)
    valid = _checks.validity(
        _checks.within("entropy", h, 0, 1, "in [0, 1]", batch_ndim=h.ndim),
        _checks.within("complexity", c, 0, 1, "in [0, 1]", batch_ndim=h.ndim),
    )
    return HCLabel(_label(_checks.accumulated(h), _checks.accumulated(c), order), valid)


# ------------------------------------------------------------------------------------------------------------ kernels


@jax.jit
def _point_of(p: Array) -> HCPoint:
    return HCPoint(information.entropy(p, base=p.shape[-1]), statistical_complexity(p))


@functools.partial(jax.jit, static_argnames="order")
def _curves(x: Array, intervals: Array, temperature: Array | None, order: int) -> HCPoint:
    return jax.lax.map(lambda interval: _point_of(pattern_distribution(x, order, interval, temperature)), intervals)


def _x_log_x(x: Array) -> Array:
    positive = x > 0
    return jnp.where(positive, x * jnp.log(jnp.where(positive, x, 1)), 0)


def _two_valued(p: Array, others: Array, order: int) -> HCPoint:
    """The point of one pattern with probability p, `others` that share the rest, and the remaining ones missing."""
    n = math.factorial(order)
    q = (1 - p) / others
    missing = n - 1 - others
    mixed = -(_x_log_x(p / 2 + 1 / (2 * n)) + others * _x_log_x(q / 2 + 1 / (2 * n)))
    mixed = mixed + missing * (math.log(2 * n) / (2 * n))
    entropy = -(_x_log_x(p) + others * _x_log_x(q))
    divergence = mixed - entropy / 2 - math.log(n) / 2
    h = entropy / math.log(n)
    return HCPoint(h, divergence / largest_divergence(n) * h)


@functools.partial(jax.jit, static_argnames=("order", "steps"))
def _bounds(order: int, steps: int) -> HCBounds:
    n, dtype = math.factorial(order), jnp.result_type(float)
    fraction = jnp.arange(steps, dtype=dtype) / steps
    lower = _two_valued(1 / n + fraction * (1 - 1 / n), jnp.asarray(n - 1, dtype), order)
    occupied = n - jnp.arange(n - 1, dtype=dtype)[:, None]
    upper = _two_valued(fraction[None] / occupied, occupied - 1, order)
    return HCBounds(lower, HCPoint(*(part.reshape(-1) for part in upper)))


@functools.partial(jax.jit, static_argnames="order")
def _limits(h: Array, order: int) -> tuple[Array, Array]:
    n = math.factorial(order)
    entropy = h * math.log(n)
    least = _two_valued(_invert(entropy, jnp.full_like(h, n - 1), True), jnp.full_like(h, n - 1), order)
    # The arc between log(k - 1) and log k, k >= 2, has k patterns.
    others = jnp.clip(jnp.ceil(jnp.exp(jax.lax.stop_gradient(entropy))) - 1, 1, n - 1)
    most = _two_valued(_invert(entropy, others, False), others, order)
    return least.complexity, most.complexity


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def _invert(entropy: Array, others: Array, large: bool) -> Array:
    """The probability p of one pattern for which it and `others` that share the rest have the entropy.

    Above 1 / (others + 1), where the entropy falls with p, if `large`; else below, where it grows.
    """
    equal = 1 / (others + 1)

    def halve(_: Array, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        middle = (low + high) / 2
        too_small = (-(_x_log_x(middle) + others * _x_log_x((1 - middle) / others)) > entropy) == large
        return jnp.where(too_small, middle, low), jnp.where(too_small, high, middle)

    start = (equal, jnp.ones_like(equal)) if large else (jnp.zeros_like(equal), equal)
    low, high = jax.lax.fori_loop(0, _HALVINGS, halve, start)
    return (low + high) / 2


@_invert.defjvp
def _invert_jvp(large: bool, primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    entropy, others = primals
    p = _invert(entropy, others, large)
    return p, tangents[0] / jnp.log((1 - p) / (others * p))  # dH/dp = log((1 - p) / (others p))


@functools.partial(jax.jit, static_argnames="order")
def _top(order: int) -> Array:
    """Golden-section search on all arcs of the upper curve at once."""
    n, dtype = math.factorial(order), jnp.result_type(float)
    occupied = n - jnp.arange(n - 1, dtype=dtype)
    complexity = lambda p: _two_valued(p, occupied - 1, order).complexity  # noqa: E731

    def shrink(_: Array, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        rising = complexity(left) < complexity(right)
        return jnp.where(rising, left, low), jnp.where(rising, high, right)

    low, high = jax.lax.fori_loop(0, _HALVINGS, shrink, (jnp.zeros_like(occupied), 1 / occupied))
    return jnp.max(complexity((low + high) / 2))


@functools.partial(jax.jit, static_argnames="order")
def _label(h: Array, c: Array, order: int) -> Array:
    least, most = _limits(h, order)
    regular = h <= periodic_limits(order=order)[1].astype(h.dtype)
    return jnp.where(regular, 0, jnp.where(c < (least + most) / 2, 2, 1)).astype(jnp.int32)
