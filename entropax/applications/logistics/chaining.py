"""Entropy of the whole system, carrier and customers, and how many trips must be chained for it to fall."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.special import digamma, gammaln

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Real
from entropax.applications.logistics._counts import log_factorials, route

_NEWTON_STEPS = 8  # float64 needs 6 for ln x! up to 1e8


class BreakEvenChaining(eqx.Module):
    """The share of chained trips at which consolidation neither raises nor lowers the system's entropy.

    Attributes:
        value: c*, shape (...). It may lie outside [0, 1]: below, the system gains with no trip chained; above, chaining
            all trips is not enough. NaN where there are no trips.
        attainable: whether it lies in [0, 1], up to rounding.
        residual: S_system(c*) - S_direct in nats.
        converged: whether the residual is what rounding leaves.
    """

    value: Float[Array, "*batch"]
    attainable: Bool[Array, "*batch"]
    residual: Float[Array, "*batch"]
    converged: Bool[Array, "*batch"]


def system_entropy(
    carrier_counts: Real[ArrayLike, "*batch loads"],
    trips: Real[ArrayLike, "..."],
    chaining: Real[ArrayLike, "..."],
    *,
    where: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "*batch"]:
    """Entropy of deliveries and collections together, S = ln [(N + T)! / prod_i M_i!], T = sum_j (1 - c_j) T_j.

    The carrier's stops keep their multiplicities M_i; every dedicated trip to a locker is an event of its own. A trip
    that is chained to one made anyway adds none. With c = 1 it is the carrier's entropy.

    Args:
        carrier_counts: M_i, parcels at the carrier's stops, lockers among them, shape (..., loads), with N their sum.
        trips: T_j, collections at every locker, one of a customer: shape (..., lockers).
        chaining: c_j in [0, 1], share of the trips to every locker that are chained; broadcastable to `trips`.
        where: which entries of `carrier_counts` are stops; by default those that are not zero. For the slope at a
            locker that is just being opened, say that it is one.

    Returns:
        S in nats, shape (...).

    Raises:
        TypeError: `where` is not boolean.
        ValueError: counts or trips are negative or not finite, a route has no parcels, chaining is not in [0, 1], or
            shapes do not fit.

    Differentiable in counts, trips and chaining, to any order. Take differences in float64. Source: arXiv 2605.00008
    (abstract); the pooled form is our reading.
    """
    m, t, c, checks = _system(carrier_counts, trips, where, chaining)
    dedicated = jnp.sum((1 - c) * t, axis=-1)
    return _checks.enforce(gammaln(jnp.sum(m, axis=-1) + dedicated + 1) - log_factorials(m), *checks)


def break_even_chaining(
    carrier_counts: Real[ArrayLike, "*batch loads"],
    trips: Real[ArrayLike, "..."],
    direct_entropy: Real[ArrayLike, "..."],
    *,
    where: Bool[ArrayLike, "..."] | None = None,
) -> BreakEvenChaining:
    """The chaining share c*, the same at every locker, at which S_system(c*) = S_direct.

    S_system falls with c, so that there is one c*. With x events in all ln x! = S_direct + sum_i ln M_i!, which
    Newton's method solves from above, where ln x! is convex and no step passes the root; then
    c* = 1 - (x - N) / sum_j T_j.

    Args:
        carrier_counts: M_i, shape (..., loads), with N their sum.
        trips: T_j, shape (..., lockers).
        direct_entropy: S_direct, what the system has without consolidation, broadcastable to shape (...).
        where: which entries of `carrier_counts` are stops; by default those that are not zero.

    Returns:
        c* with its diagnostics.

    Raises:
        TypeError: `where` is not boolean.
        ValueError: counts or trips are negative or not finite, a route has no parcels, the direct entropy is negative
            or not finite, or shapes do not fit.

    Differentiable in counts, trips and direct entropy, to any order: `value` has the implicit function's derivatives,
    dx = d(ln x!) / psi(x + 1). In float32 c* is good to about 1e-5. Source: arXiv 2605.00008 (abstract); the form is
    our reading.
    """
    m, t, _, checks = _system(carrier_counts, trips, where)
    m, direct = _checks.as_floats(carrier_counts=m, direct_entropy=direct_entropy)
    direct = _checks.broadcastable("direct_entropy", direct, m.shape[:-1])
    known = _checks.nonnegative("direct_entropy", direct)
    direct = jnp.broadcast_to(_checks.enforce(direct, known), m.shape[:-1])
    occupied = log_factorials(m)
    target = direct + occupied
    events = _inverse_log_factorial(target)
    every = jnp.sum(t, axis=-1)
    travelled = every > 0
    value = 1 - (events - jnp.sum(m, axis=-1)) / jnp.where(travelled, every, jnp.nan)
    residual = gammaln(events + 1) - occupied - direct
    rounding = 64 * jnp.finfo(m.dtype).eps * jnp.maximum(1, jnp.abs(target))
    # Customers who are all alone at their lockers leave the carrier's entropy as it was: c* is 1, up to rounding.
    slack = rounding / jnp.where(travelled, every, 1)
    result = BreakEvenChaining(
        value=value,
        attainable=(value >= -slack) & (value <= 1 + slack),
        residual=residual,
        converged=travelled & (jnp.abs(residual) <= rounding),
    )
    return _checks.enforce(result, *checks, known)


@jax.custom_jvp
@jax.jit  # a loop that is not compiled once is compiled at every call
def _inverse_log_factorial(y: Array) -> Array:
    """The x >= 1 at which ln x! = y >= 0.

    ln x! > x - 4/3 puts the start above the root; ln x! is convex and increasing there, so that Newton's steps stay
    above it and shrink quadratically in the end.
    """
    start = y + 1.4

    def step(_: Array, x: Array) -> Array:
        return x - (gammaln(x + 1) - y) / digamma(x + 1)

    return jax.lax.fori_loop(0, _NEWTON_STEPS, step, start)


@_inverse_log_factorial.defjvp
def _inverse_log_factorial_rule(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (y,), (dy,) = primals, tangents
    x = _inverse_log_factorial(y)
    return x, dy / digamma(x + 1)


def _system(
    carrier_counts: ArrayLike, trips: ArrayLike, where: ArrayLike | None, chaining: ArrayLike = 0.0
) -> tuple[Array, Array, Array, tuple[_checks.Check, ...]]:
    """M, T and c of one dtype, T and c of one shape, with the checks of all."""
    m, _, checks = route(carrier_counts, where, name="carrier_counts")
    m, t, c = _checks.as_floats(carrier_counts=m, trips=trips, chaining=chaining)
    if t.ndim != m.ndim or t.shape[:-1] != m.shape[:-1]:
        raise ValueError(f"trips must have shape {(*m.shape[:-1], 'lockers')}, got {t.shape}")
    c = _checks.broadcastable("chaining", c, t.shape)
    made = _checks.nonnegative("trips", t, batch_ndim=t.ndim - 1)
    shared = _checks.within("chaining", c, 0, 1, "in [0, 1]")
    # Where there are too few trips c* does not move with them: their own check has to reach their gradients.
    return m, _checks.enforce(t, made), jnp.broadcast_to(c, t.shape), (*checks, made, shared)
