"""Parcels at stops as arguments, padding masked, and the logarithm of how many sequences they have."""

import jax.numpy as jnp
from jax.scipy.special import gammaln

from entropax import _checks
from entropax._typing import Array, ArrayLike


def log_factorials(n: Array) -> Array:
    """sum_i ln n_i! over the last axis."""
    return jnp.sum(gammaln(n + 1), axis=-1)


def log_arrangements(n: Array) -> Array:
    """ln [(sum_i n_i)! / prod_i n_i!] over the last axis, of counts that have been checked; 0 where all are zero."""
    return gammaln(jnp.sum(n, axis=-1) + 1) - log_factorials(n)


def route(
    counts: ArrayLike, where: ArrayLike | None, *, name: str = "counts", empty: bool = False
) -> tuple[Array, Array, tuple[_checks.Check, ...]]:
    """Counts with zeros where there is no stop, which entries are stops, and the checks that have to hold.

    Zeros put by a selection have zero gradients, whatever padding holds; where a check fails under a transformation
    the gradients of all entries are NaN all the same.

    Args:
        counts: the argument.
        where: the argument; None for the entries that are not zero.
        name: of the argument.
        empty: whether there may be no parcels at all.
    """
    (raw,) = _checks.as_floats(**{name: counts})
    raw = _checks.accumulated(raw)
    if raw.ndim < 1 or raw.shape[-1] < 1:
        raise ValueError(f"{name} must have shape (..., stops) with at least one stop, got {raw.shape}")
    with _checks.evaluated_now(raw, where):
        mask = raw != 0 if where is None else _checks.as_mask(where, raw.shape)  # NaN is not zero: it is refused
        n = jnp.where(mask, raw, 0)
        checks = (_checks.nonnegative(name, n, batch_ndim=n.ndim - 1),)
        if not empty:
            total = jnp.sum(n, axis=-1)
            checks += (_checks.positive(f"the sum of {name}", total, batch_ndim=total.ndim),)
    raw = _checks.enforce(raw, *checks)
    with _checks.evaluated_now(raw, where):
        return jnp.where(mask, raw, 0), mask, checks
