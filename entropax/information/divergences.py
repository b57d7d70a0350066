"""How far one distribution is from another."""

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, RealScalar, Scalar
from entropax.information._numerics import (
    in_base,
    p_log,
    p_log_ratio,
    require_distributions,
    safe_sqrt,
)
from entropax.information._orders import power_sum, renyi
from entropax.information._terms import chi_squared_term, gap, js_term, root_gap_squared


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

    Differentiable in both: at p_i = 0 too, with the slope -log q_i in p and none in q; at p_i = q_i = 0 the slope in p
    is infinite and taken as zero.
    """
    p, q = require_distributions(p=p, q=q)
    value = -jnp.sum(p_log(p, q), axis=-1)
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

    Differentiable in both distributions and in w. An entry zero in one of them has an infinite slope in that one, taken
    as zero; zero in both, the slope w log(1 / w) in p and (1 - w) log(1 / (1 - w)) in q. Source: Lin 1991.
    """
    p, q, w = _checks.as_floats(p=p, q=q, weight=weight)
    p, q = require_distributions(p=p, q=q)
    _checks.require_ndim("weight", w, 0, "()")
    value = jnp.sum(js_term(p, q, w), axis=-1)
    weight_ok = _checks.within("weight", w, 0, 1, "in [0, 1]")
    return _checks.enforce(in_base(value, base), *_both(p, q), weight_ok)


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

    Differentiable in both distributions and, at finite order, in the order. Zero entries have the true one-sided slope
    where it is finite, in p above order 1, and take a zero gradient where it is infinite. Source: van Erven and
    Harremoes, arXiv 1206.2459.
    """
    p, q, a = _checks.as_floats(p=p, q=q, order=order)
    p, q = require_distributions(p=p, q=q)
    _checks.require_ndim("order", a, 0, "()")
    order_ok = _checks.Check(a >= 0, "order must be at least 0", lambda: f"{a}")
    return _checks.enforce(renyi(p, q, a), *_both(p, q), order_ok)


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

    Differentiable in both distributions and in the order. Zero entries have the true one-sided slope where it is
    finite, in p above order 1, and take a zero gradient where it is infinite.
    """
    p, q, a = _checks.as_floats(p=p, q=q, order=order)
    p, q = require_distributions(p=p, q=q)
    _checks.require_ndim("order", a, 0, "()")
    return _checks.enforce(power_sum(p, q, a - 1), *_both(p, q), _checks.nonnegative("order", a))


def total_variation(p: Real[ArrayLike, "*batch n"], q: Real[ArrayLike, "*batch n"]) -> Float[Array, "*batch"]:
    """Total variation distance, sum_i |p_i - q_i| / 2.

    Args:
        p: probabilities, shape (..., n), each row summing to one.
        q: probabilities, the shape of p.

    Returns:
        The distance, shape (...), in [0, 1].

    Raises:
        ValueError: p or q is no distribution, or shapes differ.

    Differentiable in both where no p_i = q_i > 0; at p_i = q_i = 0 the slope is 1/2 in either.
    """
    p, q = require_distributions(p=p, q=q)
    return _checks.enforce(jnp.sum(gap(p, q), axis=-1) / 2, *_both(p, q))


def hellinger_distance(p: Real[ArrayLike, "*batch n"], q: Real[ArrayLike, "*batch n"]) -> Float[Array, "*batch"]:
    """Hellinger distance, sqrt(sum_i (sqrt(p_i) - sqrt(q_i))^2 / 2).

    Args:
        p: probabilities, shape (..., n), each row summing to one.
        q: probabilities, the shape of p.

    Returns:
        The distance, shape (...), in [0, 1].

    Raises:
        ValueError: p or q is no distribution, or shapes differ.

    Differentiable in both where p differs from q; p = q takes a zero gradient. An entry zero in one of them has an
    infinite slope in that one, taken as zero; zero in both, the sum has slope 1 in either.
    """
    p, q = require_distributions(p=p, q=q)
    return _checks.enforce(safe_sqrt(jnp.sum(root_gap_squared(p, q), axis=-1) / 2), *_both(p, q))


def chi_squared(p: Real[ArrayLike, "*batch n"], q: Real[ArrayLike, "*batch n"]) -> Float[Array, "*batch"]:
    """Pearson's chi-squared divergence, sum_i (p_i - q_i)^2 / q_i.

    Args:
        p: probabilities, shape (..., n), each row summing to one.
        q: probabilities, the shape of p.

    Returns:
        The divergence, shape (...); infinite where q_i = 0 < p_i.

    Raises:
        ValueError: p or q is no distribution, or shapes differ.

    Differentiable in both; an entry zero in both has slope 1 in q and, as the infinite one is taken as zero, 0 in p.
    """
    p, q = require_distributions(p=p, q=q)
    return _checks.enforce(jnp.sum(chi_squared_term(p, q), axis=-1), *_both(p, q))


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
