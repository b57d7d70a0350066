"""Numerics that the measures share: logarithms at zero, and functions that are smooth where their formula is 0 / 0."""

import math
from typing import Any

import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array


def x_log_x(x: Array) -> Array:
    """x log x, 0 with a zero gradient at x = 0."""
    positive = x > 0
    return jnp.where(positive, x * jnp.log(jnp.where(positive, x, 1)), 0)


def safe_sqrt(x: Array) -> Array:
    """The square root, with a zero gradient at x = 0."""
    positive = x > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, x, 1)), 0)


def log_ratio(p: Array, q: Array) -> Array:
    """log(p / q) for positive p and q, accurate where they are close."""
    relative = (p - q) / q
    near = jnp.abs(relative) < 0.5
    return jnp.where(near, jnp.log1p(jnp.where(near, relative, 0)), jnp.log(p) - jnp.log(q))


def p_log_ratio(p: Array, q: Array) -> Array:
    """p log(p / q): 0 where p = 0, infinite where q = 0 < p."""
    present = p > 0
    finite = present & (q > 0)
    term = p * log_ratio(jnp.where(finite, p, 1), jnp.where(finite, q, 1))
    return jnp.where(finite, term, jnp.where(present, p / jnp.where(present & (q == 0), q, 1), 0))


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
