"""What entropy grouped stops have, between the groups and within, and what consolidation makes of a route."""

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar
from entropax.applications.logistics._counts import log_arrangements, route


class GroupedEntropy(eqx.Module):
    """A route's structural entropy by the chain rule: value = between + within, exactly.

    Attributes:
        value: ln W of the stops, shape (...).
        between: ln W of the groups' totals, shape (...): what is left to the carrier who serves the groups.
        within: sum_j ln W of the stops of group j, shape (...): what is left to those who come to them.
        groups: ln W within every group, shape (..., groups).
    """

    value: Float[Array, "*batch"]
    between: Float[Array, "*batch"]
    within: Float[Array, "*batch"]
    groups: Float[Array, "*batch groups"]


def grouped_entropy(
    counts: Real[ArrayLike, "*batch stops"],
    group_of_stop: Int[ArrayLike, "..."],
    *,
    num_groups: int,
    where: Bool[ArrayLike, "..."] | None = None,
) -> GroupedEntropy:
    """The chain rule of structural entropy, ln W(n) = ln W(M) + sum_j ln W(n in group j), M_j = sum of n_i in j.

    Under idealised conditions (customers' movements re-use the deliveries they belong to, and those who collect at one
    locker are one ordered system) consolidation moves entropy from the carrier to the customers and removes none.

    Args:
        counts: n_i, parcels at every stop, shape (..., stops).
        group_of_stop: j of every stop, 0 <= j < num_groups, broadcastable to the shape of `counts`.
        num_groups: number of groups; groups may be empty.
        where: which entries are stops; by default those that are not zero.

    Returns:
        The entropy and its parts, in nats.

    Raises:
        TypeError: `where` is not boolean or groups are not integers.
        ValueError: a count is negative or not finite, a route has no parcels, a group is out of range, or shapes do not
            fit.

    Differentiable in the counts. Source: the multinomial's factorisation; arXiv 2605.00008 (abstract) for its use.
    """
    n, _, checks = route(counts, where)
    member, in_range = _members("group_of_stop", group_of_stop, n, num_groups)
    inside = jnp.where(member, n[..., None], 0)  # (..., stops, groups)
    totals = jnp.sum(inside, axis=-2)
    groups = log_arrangements(jnp.swapaxes(inside, -1, -2))
    parts = GroupedEntropy(log_arrangements(n), log_arrangements(totals), jnp.sum(groups, axis=-1), groups)
    return _checks.enforce(parts, *checks, in_range)


class LockerLoads(eqx.Module):
    """What the carrier delivers, and how many come to collect, when some stops use lockers.

    Attributes:
        value: parcels at the carrier's stops, the home deliveries first and then the lockers: shape
            (..., stops + lockers).
        customers: stops that use every locker, in which a stop that does so in part counts in part: shape
            (..., lockers). Each collects once, whatever its parcels, unless it is chained to another trip.
    """

    value: Float[Array, "*batch loads"]
    customers: Float[Array, "*batch lockers"]


def spatial_consolidation(
    counts: Real[ArrayLike, "*batch stops"],
    locker_of_stop: Int[ArrayLike, "..."],
    adoption: Real[ArrayLike, "..."] | Bool[ArrayLike, "..."],
    *,
    num_lockers: int,
    where: Bool[ArrayLike, "..."] | None = None,
) -> LockerLoads:
    """The carrier's counts when stop i leaves the share a_i of its parcels to a locker.

    Home deliveries keep (1 - a_i) n_i, and locker j gets M_j = sum a_i n_i of its stops. `log_multiplicity` of the
    result is the carrier's entropy.

    Args:
        counts: n_i, parcels at every stop, shape (..., stops).
        locker_of_stop: locker of every stop if it uses one, 0 <= j < num_lockers, broadcastable to `counts`.
        adoption: a_i in [0, 1], broadcastable to `counts`; booleans are the hard choice. See `adoption_by_priority`.
        num_lockers: number of lockers.
        where: which entries are stops; by default those that are not zero.

    Returns:
        The loads and the customers of every locker.

    Raises:
        TypeError: `where` is not boolean or lockers are not integers.
        ValueError: a count is negative or not finite, a route has no parcels, adoption is not in [0, 1], a locker is
            out of range, or shapes do not fit.

    Differentiable in counts and adoption. Source: arXiv 2605.00008 (abstract); the form is our reading.
    """
    n, mask, checks = route(counts, where)
    n, share = _checks.as_floats(counts=n, adoption=adoption)
    share = _checks.broadcastable("adoption", share, n.shape)
    in_share = _checks.within("adoption", share, 0, 1, "in [0, 1]")
    share = _checks.enforce(jnp.broadcast_to(share, n.shape), *checks, in_share)
    member, in_range = _members("locker_of_stop", locker_of_stop, n, num_lockers)
    share = jnp.where(mask, share, 0)
    chosen = jnp.where(member, share[..., None], 0)
    loads = jnp.concatenate([(1 - share) * n, jnp.sum(chosen * n[..., None], axis=-2)], axis=-1)
    return _checks.enforce(LockerLoads(loads, jnp.sum(chosen, axis=-2)), *checks, in_share, in_range)


def adoption_by_priority(share: RealScalar, priority: Int[ArrayLike, "stops"]) -> Float[Array, "stops"]:
    """Which stops use lockers when a share of them does: those of first priority, the last of them perhaps in part.

    a_i = alpha K - priority_i, clipped to [0, 1], so that sum_i a_i = alpha K.

    Args:
        share: alpha in [0, 1], of the stops.
        priority: rank of every stop, a permutation of 0 ... K - 1: 0 adopts first. Padded stops rank last.

    Returns:
        a_i in [0, 1], shape (stops,).

    Raises:
        TypeError: priorities are not integers.
        ValueError: the share is not in [0, 1], or priorities are not a permutation.

    Differentiable in the share, piecewise linear: the marginal stop carries the gradient. Source: ours.
    """
    (alpha,) = _checks.as_numbers(share=share)
    rank = _integers("priority", priority)
    _checks.require_ndim("priority", rank, 1, "(stops,)")
    stops = rank.shape[0]
    with _checks.evaluated_now(rank):
        each = jnp.all(jnp.sort(rank) == jnp.arange(stops, dtype=rank.dtype))
    permutation = _checks.Check(each, f"priority must be a permutation of 0 ... {stops - 1}", lambda: f"{rank}")
    adoption = jnp.clip(alpha * stops - rank.astype(alpha.dtype), 0, 1)
    return _checks.enforce(adoption, permutation, _checks.within("share", alpha, 0, 1, "in [0, 1]"))


def temporal_consolidation(
    customer: Int[ArrayLike, "requests"],
    day: Int[ArrayLike, "requests"],
    *,
    window: int,
    num_customers: int,
    num_days: int,
    where: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "windows customers"]:
    """Requests per delivery when all that a customer asks for within a window of days comes at once.

    Day d is delivered in window floor(d / window), the last of which may be cut short by the horizon. The entries that
    are not zero are the deliveries, N(k) of them; `log_multiplicity` of the entries as ones is their entropy, over the
    horizon or by delivery day, and of the entries as they are that of the requests in them. No new movement is made, so
    that the system's entropy changes by what the carrier's does.

    Args:
        customer: who asks, 0 <= customer < num_customers, shape (requests,).
        day: when, 0 <= day < num_days, shape (requests,).
        window: k, days of a window, at least 1.
        num_customers: number of customers.
        num_days: days of the horizon.
        where: which requests there are, shape (requests,); all by default. Padded entries may hold anything.

    Returns:
        Requests of every customer delivered in every window, as floating numbers, shape (windows, customers).

    Raises:
        TypeError: customers or days are not integers, or `where` is not boolean.
        ValueError: a customer or a day is out of range, shapes do not fit, or a size is below 1.

    Counts, with no gradients. Source: arXiv 2605.00008 (abstract); the form is our reading.
    """
    who, when = _integers("customer", customer), _integers("day", day)
    for name, value in (("window", window), ("num_customers", num_customers), ("num_days", num_days)):
        _checks.require_integer(name, value, minimum=1)
    _checks.require_ndim("customer", who, 1, "(requests,)")
    _checks.require_same_shape(customer=who, day=when)
    with _checks.evaluated_now(who, when, where):
        present = _checks.as_mask(where, who.shape)
        who, when = jnp.where(present, who, 0), jnp.where(present, when, 0)
        weight = present.astype(jnp.result_type(float))
    windows = -(-num_days // window)
    known = _checks.within("customer", who, 0, num_customers - 1, f"at least 0 and below {num_customers}")
    timely = _checks.within("day", when, 0, num_days - 1, f"at least 0 and below {num_days}")
    place = (when // window) * num_customers + who
    requests = jax.ops.segment_sum(weight, place, windows * num_customers).reshape(windows, num_customers)
    return _checks.enforce(requests, known, timely)


# ------------------------------------------------------------------------------------------------------------- shared


def _integers(name: str, value: ArrayLike) -> Array:
    with _checks.evaluated_now(value):
        array = jnp.asarray(value)
        if not jnp.issubdtype(array.dtype, jnp.integer):
            raise TypeError(f"{name} must be integers, got dtype {array.dtype}")
        return _checks.widened(array)


def _members(name: str, label: ArrayLike, n: Array, size: int) -> tuple[Array, _checks.Check]:
    """Whether stop i is in group j, shape (..., stops, size), and the check that labels are in range."""
    _checks.require_integer("num_" + ("lockers" if "locker" in name else "groups"), size, minimum=1)
    index = _checks.broadcastable(name, _integers(name, label), n.shape)
    with _checks.evaluated_now(index):
        in_range = _checks.within(name, index, 0, size - 1, f"at least 0 and below {size}")
        index = jnp.broadcast_to(index, n.shape)[..., None]
        member = index == jnp.arange(size, dtype=index.dtype).reshape((1,) * n.ndim + (size,))
    return member, in_range
