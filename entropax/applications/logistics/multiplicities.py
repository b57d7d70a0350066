"""Structural entropy of a route: the logarithm of in how many ways its parcels can be delivered."""

from typing import Literal

import jax.numpy as jnp
from jax.scipy.special import gammaln

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Real
from entropax.applications.logistics._counts import log_arrangements, route


def log_multiplicity(
    counts: Real[ArrayLike, "*batch stops"], *, where: Bool[ArrayLike, "..."] | None = None
) -> Float[Array, "*batch"]:
    """Structural entropy S = ln W of a route, W = N! / prod_i n_i!, with n_i parcels at stop i and N = sum_i n_i.

    W counts the distinct sequences of stops in which N parcels can be delivered, the order within a stop being of no
    account. Counts need not be whole: S = lnGamma(N + 1) - sum_i lnGamma(n_i + 1), which never forms W.

    Args:
        counts: n_i, parcels at every stop, shape (..., stops).
        where: which entries are stops, broadcastable to the shape of `counts`. By default those that are not zero: a
            zero is padding, and has a zero gradient. Where a zero count is a stop that may grow, say so, and its slope
            psi(N + 1) - psi(1) is given.

    Returns:
        S in nats, shape (...).

    Raises:
        TypeError: `where` is not boolean.
        ValueError: a count is negative or not finite, a route has no parcels, or shapes do not fit.

    Differentiable in the counts, dS/dn_i = psi(N + 1) - psi(n_i + 1), to any order. In float32 S of 200 parcels is off
    by about 1e-4: take differences of entropies in float64. Source: arXiv 2605.00008 (abstract); the formula is our
    reading.
    """
    n, _, checks = route(counts, where)
    return _checks.enforce(log_arrangements(n), *checks)


structural_entropy = log_multiplicity
"""The same function by its name in logistics."""


def normalized_structural_entropy(
    counts: Real[ArrayLike, "*batch stops"],
    *,
    normalisation: Literal["parcels", "stops"] = "parcels",
    where: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "*batch"]:
    """Fragmentation of a route, s = S / S_max, in [0, 1] for whole counts.

    S_max is ln N!, every parcel a stop of its own ("parcels"), or the most that the same number K of stops can have,
    equal counts of N / K, lnGamma(N + 1) - K lnGamma(N / K + 1) ("stops"). Routes of different N are compared through
    S_max alone: the average of s over routes is not the ratio of the sums. Parts of parcels have more than ln N!
    allows ("parcels" of four halves: s = 1.70), and s jumps to 0 at N = 1; "stops" bounds them too.

    Args:
        counts: n_i, shape (..., stops).
        normalisation: "parcels" or "stops".
        where: which entries are stops; by default those that are not zero.

    Returns:
        s, shape (...); 0 where S_max is not positive: by "parcels" with one parcel or less, by "stops" at a single
        stop.

    Raises:
        TypeError: `where` is not boolean.
        ValueError: a count is negative or not finite, a route has no parcels, shapes do not fit, or the normalisation
            is unknown.

    Differentiable in the counts. Source: arXiv 2605.00008 (abstract); both normalisations are our reading.
    """
    _checks.require_option("normalisation", normalisation, ("parcels", "stops"))
    n, mask, checks = route(counts, where)
    total = jnp.sum(n, axis=-1)
    largest = gammaln(total + 1)
    divisible = total > 1 if normalisation == "parcels" else jnp.sum(mask, axis=-1) > 1
    if normalisation == "stops":
        stops = jnp.sum(mask, axis=-1).astype(n.dtype)
        some = jnp.maximum(stops, 1)
        largest = largest - some * gammaln(total / some + 1)
    share = log_arrangements(n) / jnp.where(divisible, largest, 1)
    return _checks.enforce(jnp.where(divisible, share, 0), *checks)


def shannon_duality_gap(
    counts: Real[ArrayLike, "*batch stops"], *, where: Bool[ArrayLike, "..."] | None = None
) -> Float[Array, "*batch"]:
    """How far structural entropy per parcel is below Shannon's, g = H - S / N with H = -sum_i p_i ln p_i.

    p_i = n_i / N. S <= N H, with equality at a single stop only; S / (N H) tends to one as all counts grow, the gap
    being about ((K - 1) ln(2 pi N) + sum_i ln p_i) / (2 N). H says how balanced a route is and S how much there is to
    do: ten times the parcels at equal H is about ten times the S.

    Args:
        counts: n_i, shape (..., stops).
        where: which entries are stops; by default those that are not zero.

    Returns:
        g in nats per parcel, at least zero for whole counts, shape (...).

    Raises:
        TypeError: `where` is not boolean.
        ValueError: a count is negative or not finite, a route has no parcels, or shapes do not fit.

    Differentiable in the counts that are not zero. Source: arXiv 2605.00008 (abstract); the formula is our reading.
    """
    n, _, checks = route(counts, where)
    total = jnp.sum(n, axis=-1, keepdims=True)
    p = n / jnp.where(total == 0, 1, total)
    present = p > 0
    shannon = -jnp.sum(jnp.where(present, p * jnp.log(jnp.where(present, p, 1)), 0), axis=-1)
    total = total[..., 0]
    return _checks.enforce(shannon - log_arrangements(n) / jnp.where(total == 0, 1, total), *checks)
