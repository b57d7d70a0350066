"""Terms of divergences, entry by entry, with their slopes stated (see `_numerics`).

All are homogeneous, so the slope of an entry that is zero in both distributions depends on the direction: it is the one
with the other argument held at zero.
"""

import jax.numpy as jnp

from entropax._typing import Array
from entropax.information._numerics import log_ratio, ratio, safe_sqrt, with_slopes


def gap(p: Array, q: Array) -> Array:
    """|p - q|, with slope 1 in either where both are zero."""
    return jnp.where((p == 0) & (q == 0), p + q, jnp.abs(p - q))


def _js_logs(p: Array, q: Array, w: Array) -> tuple[Array, Array]:
    """log(p / m) and log(q / m), 0 in place of an infinity; log(1 / w) and log(1 / (1 - w)) where both are zero."""
    m = w * p + (1 - w) * q

    def log_over_mean(x: Array, weight: Array) -> Array:
        inside, alone = (x > 0) & (m > 0), (p == 0) & (q == 0) & (weight > 0)
        log = log_ratio(jnp.where(inside, x, 1), jnp.where(inside, m, 1))
        return jnp.where(inside, log, jnp.where(alone, -jnp.log(jnp.where(alone, weight, 1)), 0))

    return log_over_mean(p, w), log_over_mean(q, 1 - w)


def _js_slopes(p: Array, q: Array, w: Array) -> tuple[Array, Array, Array]:
    log_p, log_q = _js_logs(p, q, w)
    return w * log_p, (1 - w) * log_q, p * (log_p - 1) - q * (log_q - 1)


@with_slopes(_js_slopes)
def js_term(p: Array, q: Array, w: Array) -> Array:
    """w p log(p / m) + (1 - w) q log(q / m); what is 0 times infinity at w = 0 or 1 is 0."""
    log_p, log_q = _js_logs(p, q, w)
    return w * p * log_p + (1 - w) * q * log_q


def _root_gap(p: Array, q: Array) -> Array:
    """sqrt p - sqrt q without its cancellation."""
    total = safe_sqrt(p) + safe_sqrt(q)
    return (p - q) / jnp.where(total > 0, total, 1)


def _root_gap_slopes(p: Array, q: Array) -> tuple[Array, Array]:
    def slope(p: Array, q: Array) -> Array:
        present = p > 0
        inside = _root_gap(p, q) / jnp.sqrt(jnp.where(present, p, 1))
        return jnp.where(present, inside, jnp.where(q > 0, 0, 1))

    return slope(p, q), slope(q, p)


@with_slopes(_root_gap_slopes)
def root_gap_squared(p: Array, q: Array) -> Array:
    """(sqrt p - sqrt q)^2."""
    return _root_gap(p, q) ** 2


def _relative_excess(p: Array, q: Array) -> tuple[Array, Array]:
    """(p - q) / q, 0 at q = 0, and infinity at q = 0 < p, 0 elsewhere."""
    inside = q > 0
    return ratio(jnp.where(inside, p - q, 0), jnp.where(inside, q, 1)), jnp.where(~inside & (p > 0), jnp.inf, 0)


def _chi_squared_slopes(p: Array, q: Array) -> tuple[Array, Array]:
    excess, infinite = _relative_excess(p, q)
    in_q = jnp.where(q > 0, -excess * (excess + 2), 1)
    return 2 * excess + infinite, in_q - infinite


@with_slopes(_chi_squared_slopes)
def chi_squared_term(p: Array, q: Array) -> Array:
    """(p - q)^2 / q: 0 where both are zero, infinite where q = 0 < p."""
    excess, infinite = _relative_excess(p, q)
    return (p - q) * excess + infinite


def _relative_gap(p: Array, q: Array) -> Array:
    """(p - q) / (p + q), 0 where both are zero."""
    return ratio(p - q, jnp.where(p + q > 0, p + q, 1))


def _triangular_slopes(p: Array, q: Array) -> tuple[Array, Array]:
    r, present = _relative_gap(p, q), p + q > 0
    return jnp.where(present, r * (2 - r), 1), jnp.where(present, -r * (2 + r), 1)


@with_slopes(_triangular_slopes)
def triangular_term(p: Array, q: Array) -> Array:
    """(p - q)^2 / (p + q), 0 where both are zero."""
    return (p - q) * _relative_gap(p, q)
