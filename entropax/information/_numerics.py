"""Numerics that the measures share: logarithms at zero, and functions that are smooth where their formula is 0 / 0.

The chain rule for a quotient divides by q^2, which is zero in float32 as soon as q falls below 1e-19; a product with
it, or a selection that does not want it, is then NaN. The functions here state their slopes instead, with nothing
squared. At p = 0 or q = 0 a finite slope is the one from inside the simplex, with the other argument held; an infinite
slope is zero where the value is finite.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from entropax import _checks
from entropax._typing import Array


def with_slopes(slopes: Callable[..., tuple[Any, ...]]) -> Callable[[Callable[..., Array]], Callable[..., Array]]:
    """Gives a function of arrays, entry by entry, the partial derivatives that `slopes` returns for its arguments."""

    def decorate(function: Callable[..., Array]) -> Callable[..., Array]:
        wrapped = jax.custom_jvp(function)

        def rule(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Array, Any]:
            pairs = zip(slopes(*primals), tangents, strict=True)
            # An argument that is held must not bring 0 * infinity in.
            terms = [slope * tangent for slope, tangent in pairs if not isinstance(tangent, SymbolicZero)]
            return wrapped(*primals), sum(terms)

        wrapped.defjvp(rule, symbolic_zeros=True)
        return wrapped

    return decorate


def _x_log_x_slope(x: Array) -> tuple[Array]:
    positive = x > 0
    return (jnp.where(positive, jnp.log(jnp.where(positive, x, 1)) + 1, 0),)


@with_slopes(_x_log_x_slope)
def x_log_x(x: Array) -> Array:
    """x log x, 0 with a zero gradient at x = 0."""
    positive = x > 0
    return jnp.where(positive, x * jnp.log(jnp.where(positive, x, 1)), 0)


def safe_sqrt(x: Array) -> Array:
    """The square root, with a zero gradient at x = 0."""
    positive = x > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, x, 1)), 0)


def weighted_exp(weights: Array, exponents: Array) -> Array:
    """w exp(a): zero where w is, with the slope exp(a) in w there too, up to the root of the dtype's largest number."""
    return weights * jnp.exp(_bounded(exponents, weights > 0))


def weighted_logsumexp(exponents: Array, weights: Array) -> Array:
    """log sum w exp(a) over the first axis, minus infinity where no term is; the slopes at w = 0 are the true ones."""
    present = (weights > 0) & (exponents > -jnp.inf)
    top = jnp.max(jnp.where(present, exponents, -jnp.inf), axis=0)
    top = jax.lax.stop_gradient(jnp.where(top > -jnp.inf, top, 0))
    total = jnp.sum(weights * jnp.exp(_bounded(exponents - top[None], present)), axis=0)
    some = total > 0
    return jnp.where(some, top + jnp.log(jnp.where(some, total, 1)), -jnp.inf)


def _bounded(exponents: Array, present: Array) -> Array:
    """The exponents; where nothing is present, only as large as their exponential, a slope alone, does not overflow."""
    limit = math.log(float(jnp.finfo(exponents.dtype).max)) / 2
    return jnp.where(present, exponents, jnp.minimum(exponents, jnp.asarray(limit, exponents.dtype)))


@jax.custom_jvp
def ratio(p: Array, q: Array) -> Array:
    """p / q for positive q."""
    return p / q


def _ratio_rule(primals: tuple[Any, Any], tangents: tuple[Any, Any]) -> tuple[Array, Any]:
    (p, q), (dp, dq) = primals, tangents
    r = ratio(p, q)
    above = 0 if isinstance(dp, SymbolicZero) else dp / q
    below = 0 if isinstance(dq, SymbolicZero) else r * (dq / q)
    return r, above - below


ratio.defjvp(_ratio_rule, symbolic_zeros=True)


@jax.custom_jvp
def log_ratio(p: Array, *factors: Array) -> Array:
    """log(p / product of the factors) for positive numbers, accurate where it is small; the product may underflow."""
    product, logarithm = factors[0], jnp.log(p) - jnp.log(factors[0])
    for factor in factors[1:]:
        product, logarithm = product * factor, logarithm - jnp.log(factor)
    relative = (p - product) / product
    near = jnp.abs(relative) < 0.5
    return jnp.where(near, jnp.log1p(jnp.where(near, relative, 0)), logarithm)


def _log_ratio_rule(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Array, Any]:
    terms = [dx / x for x, dx in zip(primals[1:], tangents[1:], strict=True) if not isinstance(dx, SymbolicZero)]
    above = 0 if isinstance(tangents[0], SymbolicZero) else tangents[0] / primals[0]
    return log_ratio(*primals), above - sum(terms)


log_ratio.defjvp(_log_ratio_rule, symbolic_zeros=True)


def _inside(p: Array, factors: tuple[Array, ...]) -> tuple[Array, Array, list[Array]]:
    """Where p and all factors are positive, and all of them with ones elsewhere."""
    inside = p > 0
    for factor in factors:
        inside = inside & (factor > 0)
    return inside, jnp.where(inside, p, 1), [jnp.where(inside, factor, 1) for factor in factors]


def _p_log_ratio_slopes(p: Array, *factors: Array) -> tuple[Array, ...]:
    inside, safe_p, safe = _inside(p, factors)
    missing = jnp.where((p > 0) & ~inside, jnp.inf, 0)
    in_p = jnp.where(inside, log_ratio(safe_p, *safe) + 1, missing)
    in_factors = [
        -jnp.where(inside, ratio(safe_p, x), jnp.where(factor == 0, missing, 0))
        for factor, x in zip(factors, safe, strict=True)
    ]
    return in_p, *in_factors


@with_slopes(_p_log_ratio_slopes)
def p_log_ratio(p: Array, *factors: Array) -> Array:
    """p log(p / product of the factors): 0 where p = 0, infinite where a factor is 0 < p.

    The slope in p at p = 0 is infinite and taken as zero.
    """
    inside, safe_p, safe = _inside(p, factors)
    return jnp.where(inside, safe_p * log_ratio(safe_p, *safe), jnp.where(p > 0, jnp.inf, 0))


def _p_log_slopes(p: Array, q: Array) -> tuple[Array, Array]:
    inside, missing = q > 0, jnp.where(p > 0, jnp.inf, 0)
    q = jnp.where(inside, q, 1)
    return jnp.where(inside, jnp.log(q), -missing), jnp.where(inside, ratio(p, q), missing)


@with_slopes(_p_log_slopes)
def p_log(p: Array, q: Array) -> Array:
    """p log q: 0 where p = 0, with its slope log q there, and minus infinity where q = 0 < p."""
    inside = q > 0
    return jnp.where(inside, p * jnp.log(jnp.where(inside, q, 1)), jnp.where(p > 0, -jnp.inf, 0))


def divergence_of_marginals(p: Array, *factors: Array) -> Array:
    """sum p log(p / product of the factors) for marginals of p, with the slopes of a sum of entropies at zeros."""
    return jnp.sum(p_log_ratio(p, *factors)) - at_zeros(p, *factors)


def at_zeros(p: Array, *marginals: Array) -> Array:
    """sum p log(product of the positive marginals) over the zero entries: zero, but with its slope in p.

    A marginal that is zero as well moves with p. So a zero entry whose logarithms of vanishing things cancel has a
    finite slope, which is that of the other logarithms.
    """
    zero = p == 0
    logs = [jnp.log(jnp.where(zero & (marginal > 0), marginal, 1)) for marginal in marginals]
    return sum((jnp.sum(jnp.where(zero, p, 0) * log) for log in logs), jnp.zeros((), p.dtype))


def expm1_ratio(u: Array) -> Array:
    """(exp(u) - 1) / u, smooth at u = 0 together with its derivatives."""
    near = jnp.abs(u) < 0.5
    series = polynomial(jnp.where(near, u, 0), [1 / math.factorial(k + 1) for k in range(15)])
    away = jnp.where(near, 1, u)
    return jnp.where(near, series, jnp.expm1(away) / away)


def log1p_ratio(s: Array) -> Array:
    """log(1 + s) / s, smooth at s = 0 together with its derivatives."""
    near = jnp.abs(s) < 0.1
    series = polynomial(jnp.where(near, s, 0), [(-1) ** k / (k + 1) for k in range(17)])
    away = jnp.where(near, 1, s)
    return jnp.where(near, series, jnp.log1p(away) / away)


def polynomial(x: Array, coefficients: list[float]) -> Array:
    """sum_k c_k x^k by Horner's rule."""
    result = jnp.full_like(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        result = result * x + jnp.asarray(c, x.dtype)
    return result


def in_base(nats: Array, base: Any) -> Array:
    """A measure in nats, in units of log base; None leaves nats."""
    if base is None:
        return nats
    if isinstance(base, bool) or not isinstance(base, (int, float)) or not base > 1:
        raise ValueError(f"base must be None (nats) or a number greater than 1, got {base!r}")
    return nats / jnp.asarray(math.log(base), nats.dtype)


def require_distributions(**values: Any) -> tuple[Array, ...]:
    """Floating arrays of one shape with at least one axis."""
    arrays = _checks.as_floats(**values)
    for name, value in zip(values, arrays, strict=True):
        if value.ndim < 1 or value.shape[-1] < 1:
            raise ValueError(f"{name} must have shape (..., n) with n >= 1, got {value.shape}")
    _checks.require_same_shape(**dict(zip(values, arrays, strict=True)))
    return arrays
