"""Powers of a ratio of probabilities, and the sums of them that measures with an order are made of.

An order a stands as t = a - 1, so that t = 0 is Shannon's case. As in `_numerics`, slopes are stated: at a zero entry
the true one where it is finite (an order above 1, mostly), and zero where it is infinite.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from entropax._typing import Array
from entropax.information._numerics import expm1_ratio, log1p_ratio, log_ratio, ratio, with_slopes


def _masked_log_ratio(p: Array, q: Array) -> Array:
    """log(p / q), and 0 where either is zero."""
    inside = (p > 0) & (q > 0)
    return jnp.where(inside, log_ratio(jnp.where(inside, p, 1), jnp.where(inside, q, 1)), 0)


# ----------------------------------------------------------------------------------------------- entry by entry, q > 0


def _ratio_power_slopes(p: Array, q: Array, s: Array) -> tuple[Array, Array, Array]:
    power = ratio_power(p, q, s)
    one_less = jnp.where(s == 0, 0, s * ratio_power(p, q, s - 1))
    return ratio(one_less, q), -ratio(s * power, q), power * _masked_log_ratio(p, q)


@with_slopes(_ratio_power_slopes)
def ratio_power(p: Array, q: Array, s: Array) -> Array:
    """(p / q)^s for positive q; at p = 0 it is 1 for s = 0, and 0 for s < 0 in place of infinity."""
    at_zero = jnp.where(s == 0, 1.0, 0.0)
    return jnp.where(p > 0, jnp.exp(s * _masked_log_ratio(p, q)), at_zero.astype(p.dtype))


def _tempered_log_slopes(p: Array, q: Array, t: Array) -> tuple[Array, Array, Array]:
    in_p, in_q = ratio(ratio_power(p, q, t - 1), q), -ratio(ratio_power(p, q, t), q)
    return in_p, in_q, _tempered_log_by_order(p, q, t)


@with_slopes(_tempered_log_slopes)
def tempered_log(p: Array, q: Array, t: Array) -> Array:
    """((p / q)^t - 1) / t for positive q, log(p / q) at t = 0; at p = 0 it is 0 for t <= 0 in place of infinity."""
    r = _masked_log_ratio(p, q)
    return jnp.where(p > 0, r * expm1_ratio(t * r), -_inverse(t, t > 0))


def _tempered_log_by_order(p: Array, q: Array, t: Array) -> Array:
    r = _masked_log_ratio(p, q)
    slope = jax.jvp(lambda t: r * expm1_ratio(t * r), (t,), (jnp.ones_like(t),))[1]
    return jnp.where(p > 0, slope, _inverse(t, t > 0) ** 2)


def _inverse(t: Array, where: Array) -> Array:
    """1 / t where asked for, 0 elsewhere."""
    return jnp.where(where, 1 / jnp.where(where, t, 1), 0)


# ----------------------------------------------------------------------------------------------- entry by entry, any q


def _p_tempered_log_slopes(p: Array, q: Array, t: Array) -> tuple[Array, Array, Array]:
    present, inside, below = p > 0, q > 0, t < 0
    q = jnp.where(inside, q, 1)
    power = ratio_power(p, q, t)
    # Two forms of ((1 + t) power - 1) / t: the first is smooth at t = 0, the second does not cancel at t = -1.
    near = jnp.abs(t) < 0.5
    scaled = jnp.where(t == -1, 0, (1 + t) * power)
    in_p = jnp.where(near, tempered_log(p, q, t) + power, (scaled - 1) * _inverse(t, ~near))
    in_p = jnp.where(present | (t > 0), in_p, 0)
    in_q = -jnp.where(present, ratio_power(p, q, 1 + t), 0)
    in_t = p * _tempered_log_by_order(p, q, t)
    # At q = 0 the term is -p / t for t < 0, less q at t = -1, and infinite otherwise.
    infinite = jnp.where(present, jnp.inf, 0)
    escaped_p = jnp.where(below, -_inverse(t, below), infinite)
    escaped_q = -jnp.where(below, jnp.where(present & (t == -1), 1, 0), infinite)
    escaped_t = p * _inverse(t, below) ** 2
    return (
        jnp.where(inside, in_p, escaped_p),
        jnp.where(inside, in_q, escaped_q),
        jnp.where(inside, in_t, escaped_t),
    )


@with_slopes(_p_tempered_log_slopes)
def p_tempered_log(p: Array, q: Array, t: Array) -> Array:
    """p ((p / q)^t - 1) / t: 0 where p = 0; where q = 0 < p it is -p / t for t < 0 and infinite otherwise."""
    inside, below = q > 0, t < 0
    infinite = jnp.where(p > 0, jnp.inf, 0)
    escaped = jnp.where(below, -p * _inverse(t, below), infinite)
    return jnp.where(inside, p * tempered_log(p, jnp.where(inside, q, 1), t), escaped)


# ---------------------------------------------------------------------------------------------- sums over the last axis


def power_sum(p: Array, q: Array, t: Array) -> Array:
    """(sum_i p_i (p_i / q_i)^t - 1) / t, smooth at t = 0 (where it is the Kullback-Leibler divergence)."""
    return jnp.sum(p_tempered_log(p, q, t), axis=-1)


def _log_power_mean(p: Array, q: Array, t: Array) -> Array:
    """log(sum_i p_i (p_i / q_i)^t) / t over the entries with p_i, q_i > 0, for t away from 0."""
    inside = (p > 0) & (q > 0)
    log_p = jnp.log(jnp.where(inside, p, 1))
    powers = jnp.where(inside, log_p + t * _masked_log_ratio(p, q), -jnp.inf)
    return jax.nn.logsumexp(powers, axis=-1) / t


def _renyi_near(p: Array, q: Array, t: Array) -> Array:
    """The same for t near 0: the sum is 1 + t u with u the power sum."""
    u = power_sum(p, q, t)
    finite = jnp.isfinite(u)
    safe_u = jnp.where(finite, u, 0)
    return jnp.where(finite, safe_u * log1p_ratio(t * safe_u), u)


@jax.custom_jvp
def _finite_renyi(p: Array, q: Array, t: Array) -> Array:
    near = jnp.abs(t) < 0.5
    escaped = jnp.any((p > 0) & (q == 0), axis=-1) & (t > 0)
    away = jnp.where(escaped, jnp.inf, _log_power_mean(p, q, jnp.where(near, 1, t)))
    return jnp.where(near, _renyi_near(p, q, jnp.where(near, t, 0)), away)


def _finite_renyi_by_order(p: Array, q: Array, t: Array, value: Array) -> Array:
    near = jnp.abs(t) < 0.5
    small, large = jnp.where(near, t, 0), jnp.where(near, 1, t)
    close = jax.jvp(lambda t: _renyi_near(p, q, t), (small,), (jnp.ones_like(t),))[1]
    r = _masked_log_ratio(p, q)
    log_weight = jnp.log(jnp.where(p > 0, p, 1)) + large * (r - value[..., None])
    weight = jnp.where((p > 0) & (q > 0), jnp.exp(log_weight), 0)
    return jnp.where(near, close, (jnp.sum(weight * r, axis=-1) - value) / large)


def _finite_renyi_rule(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Array, Any]:
    (p, q, t), (dp, dq, dt) = primals, tangents
    value = _finite_renyi(p, q, t)
    D = jnp.where(jnp.isfinite(value), value, 0)
    # Over q e^D the powers have the mean 1, so that the slopes are those of the power sum, up to a constant in p that
    # tangents of distributions do not see. Half of the factor goes to p, which keeps both in the range of the dtype.
    root = jnp.exp(D / 2)[..., None]
    in_p, in_q, _ = _p_tempered_log_slopes(p / root, q * root, t)
    near = jnp.abs(t) < 0.5
    constant = jnp.where(near, D * expm1_ratio(-jnp.where(near, t, 0) * D), _inverse(t, ~near))
    in_p = in_p + jnp.where((p > 0) | jnp.where(q > 0, t > 0, t < 0), constant[..., None], 0)
    terms = []
    if not isinstance(dp, SymbolicZero):
        terms.append(jnp.sum(in_p * dp, axis=-1))
    if not isinstance(dq, SymbolicZero):
        terms.append(jnp.sum(in_q * root * root * dq, axis=-1))
    if not isinstance(dt, SymbolicZero):
        terms.append(_finite_renyi_by_order(p, q, t, D) * dt)
    return value, sum(terms)


_finite_renyi.defjvp(_finite_renyi_rule, symbolic_zeros=True)


def renyi(p: Array, q: Array, order: Array) -> Array:
    """log(sum_i p_i^a q_i^(1 - a)) / (a - 1) for a >= 0, with its limits at 1 and infinity; any positive q will do."""
    infinite = jnp.isinf(order)
    finite = _finite_renyi(p, q, jnp.where(infinite, 1, order - 1))
    inside = (p > 0) & (q > 0) & infinite  # second derivatives of a branch not taken would overflow at tiny p
    logs = _masked_log_ratio(jnp.where(inside, p, 1), jnp.where(inside, q, 1))
    extreme = jnp.where(inside, logs, jnp.where(p > 0, jnp.inf, -jnp.inf))
    return jnp.where(infinite, jnp.max(extreme, axis=-1), finite)
