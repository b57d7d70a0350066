"""How far one distribution is from another."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, RealScalar, Scalar
from entropax.information._numerics import (
    expm1_ratio,
    in_base,
    log1p_ratio,
    log_ratio,
    p_log_ratio,
    require_distributions,
    safe_sqrt,
    x_log_x,
)


def _both(p: Array, q: Array) -> tuple[_checks.Check, _checks.Check]:
    return _checks.distribution("p", p), _checks.distribution("q", q)


def cross_entropy(
    p: Real[ArrayLike, "*batch n"], q: Real[ArrayLike, "*batch n"], *, base: int | float | None = None
) -> Float[Array, "*batch"]:
    """Cross-entropy, -sum_i p_i log q_i.

    Args:
        p: probabilities, shape (..., n), each row summing to one.
        q: probabilities, the shape of p.
        base: base of the logarithm; nats by default.

    Returns:
        The cross-entropy, shape (...); infinite where q_i = 0 < p_i.

    Raises:
        ValueError: p or q is no distribution, shapes differ, or base is not greater than 1.

    Differentiable in both; entries with p_i = 0 contribute no gradient in q.
    """
    p, q = require_distributions(p=p, q=q)
    present = p > 0
    value = -jnp.sum(jnp.where(present, p * jnp.log(jnp.where(present, q, 1)), 0), axis=-1)
    return _checks.enforce(in_base(value, base), *_both(p, q))


def kl_divergence(
    p: Real[ArrayLike, "*batch n"], q: Real[ArrayLike, "*batch n"], *, base: int | float | None = None
) -> Float[Array, "*batch"]:
    """Kullback-Leibler divergence, sum_i p_i log(p_i / q_i).

    Args:
        p: probabilities, shape (..., n), each row summing to one.
        q: probabilities, the shape of p.
        base: base of the logarithm; nats by default.

    Returns:
        The divergence, shape (...); infinite where q_i = 0 < p_i. Accurate also where p and q are close.

    Raises:
        ValueError: p or q is no distribution, shapes differ, or base is not greater than 1.

    Differentiable in both; entries with p_i = 0 take a zero gradient. Source: Kullback and Leibler 1951.
    """
    p, q = require_distributions(p=p, q=q)
    return _checks.enforce(in_base(jnp.sum(p_log_ratio(p, q), axis=-1), base), *_both(p, q))


def js_divergence(
    p: Real[ArrayLike, "*batch n"],
    q: Real[ArrayLike, "*batch n"],
    *,
    weight: RealScalar = 0.5,
    base: int | float | None = None,
) -> Float[Array, "*batch"]:
    """Jensen-Shannon divergence, w KL(p | m) + (1 - w) KL(q | m) with m = w p + (1 - w) q.

    Args:
        p: probabilities, shape (..., n), each row summing to one.
        q: probabilities, the shape of p.
        weight: w in [0, 1], the weight of p.
        base: base of the logarithm; nats by default.

    Returns:
        The divergence, shape (...), at most the entropy of (w, 1 - w).

    Raises:
        ValueError: p or q is no distribution, shapes differ, w is outside [0, 1], or base is not greater than 1.

    Differentiable in both distributions and in w. Source: Lin 1991.
    """
    p, q, w = _checks.as_floats(p=p, q=q, weight=weight)
    p, q = require_distributions(p=p, q=q)
    _checks.require_ndim("weight", w, 0, "()")
    m = w * p + (1 - w) * q
    value = jnp.sum(w * p_log_ratio(p, m) + (1 - w) * p_log_ratio(q, m), axis=-1)
    weight_ok = _checks.within("weight", w, 0, 1, "in [0, 1]")
    return _checks.enforce(in_base(value, base), *_both(p, q), weight_ok)


def _power_sum(p: Array, q: Array, t: Array) -> Array:
    """(sum_i p_i (p_i / q_i)^t - 1) / t, smooth at t = 0 (where it is the Kullback-Leibler divergence)."""
    finite = (p > 0) & (q > 0)
    outside = (p > 0) & (q == 0)
    ratio = jnp.where(finite, log_ratio(jnp.where(finite, p, 1), jnp.where(finite, q, 1)), 0)
    inside = jnp.sum(p * ratio * expm1_ratio(t * ratio), axis=-1)
    # Where q = 0 < p the power is 0 for t < 0 and infinite otherwise.
    below = t < 0
    missing = -jnp.where(outside, p, 0) / jnp.where(below, t, -1)
    return inside + jnp.sum(jnp.where(outside & ~below, jnp.inf, missing), axis=-1)


def renyi_divergence(
    p: Real[ArrayLike, "*batch n"], q: Real[ArrayLike, "*batch n"], order: RealScalar
) -> Float[Array, "*batch"]:
    """Renyi divergence, D_a = log(sum_i p_i^a q_i^(1 - a)) / (a - 1), nats.

    Its limits are included: order 0 is -log of q's mass where p > 0, order 1 the Kullback-Leibler divergence
    (evaluated smoothly across it), infinity log max p_i / q_i.

    Args:
        p: probabilities, shape (..., n), each row summing to one.
        q: probabilities, the shape of p.
        order: a >= 0, infinity included.

    Returns:
        D_a, shape (...); infinite where q_i = 0 < p_i and a >= 1.

    Raises:
        ValueError: p or q is no distribution, shapes differ, or the order is negative or NaN.

    Differentiable in both distributions and, at finite order, in the order. Source: van Erven and Harremoes, arXiv
    1206.2459.
    """
    p, q, a = _checks.as_floats(p=p, q=q, order=order)
    p, q = require_distributions(p=p, q=q)
    _checks.require_ndim("order", a, 0, "()")
    infinite = jnp.isinf(a)
    t = jnp.where(infinite, 1, a - 1)
    near = jnp.abs(t) < 0.5
    small, large = jnp.where(near, t, 0), jnp.where(near, 1, t)
    u = _power_sum(p, q, small)
    finite_u = jnp.isfinite(u)
    close = jnp.where(finite_u, u * log1p_ratio(small * jnp.where(finite_u, u, 0)), u)
    present, both = p > 0, (p > 0) & (q > 0)
    log_p = jnp.log(jnp.where(present, p, 1))
    log_q = jnp.log(jnp.where(both, q, 1))
    powers = jnp.where(both, (large + 1) * log_p - large * log_q, -jnp.inf)
    escaped = jnp.any(present & ~both, axis=-1) & (large > 0)
    away = jnp.where(escaped, jnp.inf, jax.nn.logsumexp(powers, axis=-1) / large)
    extreme = jnp.max(jnp.where(both, log_p - log_q, jnp.where(present, jnp.inf, -jnp.inf)), axis=-1)
    value = jnp.where(infinite, extreme, jnp.where(near, close, away))
    order_ok = _checks.Check(a >= 0, "order must be at least 0", lambda: f"{a}")
    return _checks.enforce(value, *_both(p, q), order_ok)


def tsallis_divergence(
    p: Real[ArrayLike, "*batch n"], q: Real[ArrayLike, "*batch n"], order: RealScalar
) -> Float[Array, "*batch"]:
    """Tsallis relative entropy, (sum_i p_i^a q_i^(1 - a) - 1) / (a - 1); Kullback-Leibler at a = 1, smoothly.

    Args:
        p: probabilities, shape (..., n), each row summing to one.
        q: probabilities, the shape of p.
        order: a >= 0, finite.

    Returns:
        The divergence, shape (...); infinite where q_i = 0 < p_i and a >= 1.

    Raises:
        ValueError: p or q is no distribution, shapes differ, or the order is negative or not finite.

    Differentiable in both distributions and in the order.
    """
    p, q, a = _checks.as_floats(p=p, q=q, order=order)
    p, q = require_distributions(p=p, q=q)
    _checks.require_ndim("order", a, 0, "()")
    return _checks.enforce(_power_sum(p, q, a - 1), *_both(p, q), _checks.nonnegative("order", a))


def total_variation(p: Real[ArrayLike, "*batch n"], q: Real[ArrayLike, "*batch n"]) -> Float[Array, "*batch"]:
    """Total variation distance, sum_i |p_i - q_i| / 2.

    Args:
        p: probabilities, shape (..., n), each row summing to one.
        q: probabilities, the shape of p.

    Returns:
        The distance, shape (...), in [0, 1].

    Raises:
        ValueError: p or q is no distribution, or shapes differ.

    Differentiable in both where no p_i = q_i.
    """
    p, q = require_distributions(p=p, q=q)
    return _checks.enforce(jnp.sum(jnp.abs(p - q), axis=-1) / 2, *_both(p, q))


def hellinger_distance(p: Real[ArrayLike, "*batch n"], q: Real[ArrayLike, "*batch n"]) -> Float[Array, "*batch"]:
    """Hellinger distance, sqrt(sum_i (sqrt(p_i) - sqrt(q_i))^2 / 2).

    Args:
        p: probabilities, shape (..., n), each row summing to one.
        q: probabilities, the shape of p.

    Returns:
        The distance, shape (...), in [0, 1].

    Raises:
        ValueError: p or q is no distribution, or shapes differ.

    Differentiable in both where p differs from q; zero entries and p = q take a zero gradient.
    """
    p, q = require_distributions(p=p, q=q)
    total = safe_sqrt(p) + safe_sqrt(q)
    # (p - q) / (sqrt p + sqrt q) is sqrt p - sqrt q without its cancellation.
    difference = (p - q) / jnp.where(total > 0, total, 1)
    return _checks.enforce(safe_sqrt(jnp.sum(difference**2, axis=-1) / 2), *_both(p, q))


def chi_squared(p: Real[ArrayLike, "*batch n"], q: Real[ArrayLike, "*batch n"]) -> Float[Array, "*batch"]:
    """Pearson's chi-squared divergence, sum_i (p_i - q_i)^2 / q_i.

    Args:
        p: probabilities, shape (..., n), each row summing to one.
        q: probabilities, the shape of p.

    Returns:
        The divergence, shape (...); infinite where q_i = 0 < p_i.

    Raises:
        ValueError: p or q is no distribution, or shapes differ.

    Differentiable in both.
    """
    p, q = require_distributions(p=p, q=q)
    neither = (p == 0) & (q == 0)
    terms = jnp.where(neither, 0, (p - q) ** 2 / jnp.where(neither, 1, q))
    return _checks.enforce(jnp.sum(terms, axis=-1), *_both(p, q))


class Generator(NamedTuple):
    """The convex function f of an f-divergence, with f(1) = 0.

    Attributes:
        function: f, from arrays of ratios u >= 0 to arrays of the same shape.
        slope_at_infinity: the limit of f(u) / u, which weighs p's mass where q = 0.
    """

    function: Callable[[Any], Any]
    slope_at_infinity: float


def _js_generator(u: Array) -> Array:
    mean = (u + 1) / 2
    return x_log_x(u) / 2 - mean * jnp.log(mean)


GENERATORS: Mapping[str, Generator] = MappingProxyType(
    {
        "kl": Generator(x_log_x, float("inf")),
        "reverse_kl": Generator(lambda u: -jnp.log(u), 0.0),
        "js": Generator(_js_generator, 0.34657359027997264),  # log(2) / 2
        "chi_squared": Generator(lambda u: (u - 1) ** 2, float("inf")),
        "squared_hellinger": Generator(lambda u: (safe_sqrt(u) - 1) ** 2 / 2, 0.5),
        "total_variation": Generator(lambda u: jnp.abs(u - 1) / 2, 0.5),
        "triangular": Generator(lambda u: (u - 1) ** 2 / (u + 1), 1.0),
    }
)
"""Named generators for `f_divergence`; "triangular" is the Vincze-Le Cam divergence sum (p - q)^2 / (p + q)."""


def f_divergence(
    generator: str | Generator | Callable[[Any], Any],
    p: Real[ArrayLike, "*batch n"],
    q: Real[ArrayLike, "*batch n"],
    *,
    slope_at_infinity: float | None = None,
) -> Float[Array, "*batch"]:
    """Csiszar's f-divergence, sum_i q_i f(p_i / q_i).

    Args:
        generator: the name of one in `GENERATORS`, a `Generator`, or a convex function f with f(1) = 0.
        p: probabilities, shape (..., n), each row summing to one.
        q: probabilities, the shape of p.
        slope_at_infinity: for a plain function, the limit of f(u) / u; it weighs p's mass where q = 0 and is taken as
            infinite if not given.

    Returns:
        The divergence, shape (...).

    Raises:
        ValueError: the name is unknown, p or q is no distribution, or shapes differ.
        TypeError: the generator is no function.

    Differentiable in both as f is; entries with q_i = 0 give the slope at infinity. Source: Csiszar 1967.
    """
    if isinstance(generator, str):
        _checks.require_option("generator", generator, tuple(GENERATORS))
        generator = GENERATORS[generator]
    elif not isinstance(generator, Generator):
        if not callable(generator):
            raise TypeError(f"generator must be a name, a Generator or a function, got {type(generator).__name__}")
        generator = Generator(generator, float("inf") if slope_at_infinity is None else slope_at_infinity)
    p, q = require_distributions(p=p, q=q)
    inside = q > 0
    regular = q * generator.function(jnp.where(inside, p / jnp.where(inside, q, 1), 1))
    escaping = (q == 0) & (p > 0)
    singular = jnp.where(escaping, p, 1) * jnp.asarray(generator.slope_at_infinity, p.dtype)
    terms = jnp.where(inside, regular, jnp.where(escaping, singular, 0))
    return _checks.enforce(jnp.sum(terms, axis=-1), *_both(p, q))


def bregman_divergence(generator: Callable[[Any], Any], x: Real[ArrayLike, "n"], y: Real[ArrayLike, "n"]) -> Scalar:
    """Bregman divergence, F(x) - F(y) - <grad F(y), x - y>.

    Args:
        generator: F, a convex function from vectors (n,) to a scalar.
        x: shape (n,).
        y: shape (n,).

    Returns:
        The divergence, a scalar.

    Raises:
        TypeError: the generator is no function.
        ValueError: x and y are not vectors of one length, F is not scalar, or a value is not finite.

    Differentiable in x and, where F is twice differentiable, in y.
    """
    if not callable(generator):
        raise TypeError(f"generator must be a function, got {type(generator).__name__}")
    x, y = _checks.as_floats(x=x, y=y)
    _checks.require_ndim("x", x, 1, "(n,)")
    _checks.require_same_shape(x=x, y=y)
    at_y, slope = jax.jvp(generator, (y,), (x - y,))
    if jnp.shape(at_y) != ():
        raise ValueError(f"generator must return a scalar, got shape {jnp.shape(at_y)}")
    return _checks.enforce(generator(x) - at_y - slope, _checks.finite("x", x), _checks.finite("y", y))


def wasserstein_1d(
    x: Real[ArrayLike, "n"],
    y: Real[ArrayLike, "m"],
    *,
    x_weights: Real[ArrayLike, "n"] | None = None,
    y_weights: Real[ArrayLike, "m"] | None = None,
    order: int | float = 1.0,
) -> Scalar:
    """Wasserstein distance of order r between two weighted point sets on the line.

    (int_0^1 |F^-1(t) - G^-1(t)|^r dt)^(1 / r) with the quantile functions of both, exactly: the sorted coupling is
    optimal.

    Args:
        x: positions, shape (n,).
        y: positions, shape (m,).
        x_weights: probabilities of x, shape (n,), equal by default.
        y_weights: probabilities of y, shape (m,), equal by default.
        order: r >= 1.

    Returns:
        The distance, in the unit of the positions.

    Raises:
        ValueError: shapes do not fit, weights are no distribution, r < 1, or a position is not finite.

    Differentiable in positions and weights, except where two points or two cumulative weights coincide.
    """
    if isinstance(order, bool) or not isinstance(order, (int, float)) or not 1 <= order < float("inf"):
        raise ValueError(f"order must be a finite number of at least 1, got {order!r}")
    x, y = _checks.as_floats(x=x, y=y)
    for name, points in (("x", x), ("y", y)):
        _checks.require_ndim(name, points, 1, "(n,)")
        if points.size == 0:
            raise ValueError(f"{name} must hold at least one point, got shape {points.shape}")
    checks = [_checks.finite("x", x), _checks.finite("y", y)]
    weights = []
    for name, given, points in (("x_weights", x_weights, x), ("y_weights", y_weights, y)):
        if given is None:
            weights.append(jnp.full_like(points, 1 / points.size))
            continue
        weight = _checks.as_float(name, given).astype(points.dtype)
        _checks.require_shape(name, weight, points.shape)
        checks.append(_checks.distribution(name, weight))
        weights.append(weight)
    x_order, y_order = jnp.argsort(x), jnp.argsort(y)
    x_steps, y_steps = jnp.cumsum(weights[0][x_order]), jnp.cumsum(weights[1][y_order])
    # Between two neighbouring jumps of either distribution function both quantiles are constant.
    jumps = jnp.sort(jnp.concatenate([x_steps[:-1], y_steps[:-1]]))
    ends = jnp.concatenate([jnp.zeros(1, x.dtype), jumps, jnp.ones(1, x.dtype)])
    middles = jax.lax.stop_gradient((ends[1:] + ends[:-1]) / 2)
    x_at = x[x_order][jnp.searchsorted(x_steps[:-1], middles)]
    y_at = y[y_order][jnp.searchsorted(y_steps[:-1], middles)]
    gap = jnp.abs(x_at - y_at)
    cost = jnp.sum(jnp.diff(ends) * (gap if order == 1 else gap**order))
    if order != 1:
        zero = cost == 0  # where the root has no slope; NaN passes through
        cost = jnp.where(zero, 0, jnp.where(zero, 1, cost) ** (1 / order))
    return _checks.enforce(cost, *checks)
