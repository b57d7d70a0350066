"""Consolidation in space and in time, and how many trips have to be chained for it to pay."""

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from entropax.applications import logistics

_FAR = 1e6  # km: where a locker that is not open has no customers


@dataclass(frozen=True)
class PolicyConfig:
    """Policies and whom they are tried on.

    Attributes:
        routes: routes of every city that are consolidated in space.
        lockers: lockers of a route, at some of its stops.
        most_lockers: largest number of lockers tried.
        shares: number of adoption shares from 0 to 1.
        chainings: number of chaining shares from 0 to 1.
        reference_share: adoption at which numbers of lockers are compared.
        customers: of a city, for consolidation in time.
        days: of the horizon.
        rate: mean requests of a customer in a day; customers' rates are exponential with this mean.
        most_days: longest window.
    """

    routes: int = 200
    lockers: int = 5
    most_lockers: int = 20
    shares: int = 21
    chainings: int = 21
    reference_share: float = 0.75
    customers: int = 2000
    days: int = 28
    rate: float = 0.15
    most_days: int = 7


def choose_routes(cities: dict[str, logistics.Routes], count: int) -> logistics.Routes:
    """The first so many routes of every city, one after the other, padded to the longest of all."""
    most = max(city.counts.shape[1] for city in cities.values())

    def padded(leaf: jax.Array) -> np.ndarray:
        widths = [(0, 0), (0, most - leaf.shape[1])] + [(0, 0)] * (leaf.ndim - 2)
        return np.pad(np.asarray(leaf[:count]), widths)

    parts = [jax.tree.map(padded, city) for city in cities.values()]
    return jax.tree.map(lambda *leaves: jnp.asarray(np.concatenate(leaves)), *parts)


def draw_lockers(routes: logistics.Routes, most: int, *, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Random stops of every route to put lockers at, and a random order in which stops adopt, padding last."""

    @jax.vmap
    def one(xy: jax.Array, where: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        keys = jax.random.split(key)
        drawn = [jnp.where(where, jax.random.uniform(k, where.shape), 2.0) for k in keys]
        return xy[jnp.argsort(drawn[0])[:most]], jnp.argsort(jnp.argsort(drawn[1]))

    return one(routes.xy, routes.where, jax.random.split(key, len(routes.where)))


def _loads(
    counts: jax.Array, xy: jax.Array, where: jax.Array, sites: jax.Array, priority: jax.Array, share: jax.Array
) -> logistics.LockerLoads:
    """Loads of a route when a share of its stops uses the nearest locker."""
    padded = where.shape[0] / jnp.sum(where)  # priorities count padding too
    adoption = logistics.adoption_by_priority(share / padded, priority)
    nearest = logistics.nearest_locker(sites, xy)
    return logistics.spatial_consolidation(counts, nearest, adoption, num_lockers=sites.shape[0], where=where)


def consolidate_space(routes: logistics.Routes, config: PolicyConfig, *, key: jax.Array) -> dict[str, np.ndarray]:
    """Entropies of carrier and system over adoption, chaining and lockers; c* of every route and share.

    The unit is the customer: a stop counts once, and is collected by one trip; `consolidate_space_by_parcels` has the
    other unit.

    Returns:
        `shares`, `chainings`; `carrier` (routes, shares), `system` (routes, shares, chainings), `direct` (routes,),
        `break_even` and whether it is `attainable` (routes, shares), at the config's lockers; at its reference share by
        number of lockers `carrier_by_lockers`, `system_by_lockers` (routes, lockers) without chaining.
    """
    sites, priority = draw_lockers(routes, config.most_lockers, key=key)
    customers = routes.where.astype(routes.counts.dtype)
    shares = jnp.linspace(0.0, 1.0, config.shares)
    chainings = jnp.linspace(0.0, 1.0, config.chainings)

    @jax.jit
    @jax.vmap
    def surface(*route: jax.Array) -> tuple[jax.Array, ...]:
        direct = logistics.log_multiplicity(route[0])

        def at(share: jax.Array) -> tuple[jax.Array, ...]:
            loads = _loads(*route, share)
            system = jax.vmap(lambda c: logistics.system_entropy(loads.value, loads.customers, c))(chainings)
            found = logistics.break_even_chaining(loads.value, loads.customers, direct)
            return logistics.log_multiplicity(loads.value), system, found.value, found.attainable & found.converged

        return direct, *jax.lax.map(at, shares)

    @jax.jit
    @jax.vmap
    def by_lockers(n: jax.Array, xy: jax.Array, where: jax.Array, sites: jax.Array, priority: jax.Array) -> jax.Array:
        def at(count: jax.Array) -> jax.Array:
            open_sites = jnp.where((jnp.arange(len(sites)) < count)[:, None], sites, _FAR)
            loads = _loads(n, xy, where, open_sites, priority, jnp.asarray(config.reference_share))
            system = logistics.system_entropy(loads.value, loads.customers, 0.0)
            return jnp.stack([logistics.log_multiplicity(loads.value), system])

        return jax.lax.map(at, jnp.arange(1, len(sites) + 1))

    given = (customers, routes.xy, routes.where, sites[:, : config.lockers], priority)
    names = ("direct", "carrier", "system", "break_even", "attainable")
    result = {name: np.asarray(value) for name, value in zip(names, surface(*given), strict=True)}
    numbers = np.asarray(by_lockers(customers, routes.xy, routes.where, sites, priority))
    result |= {"carrier_by_lockers": numbers[..., 0], "system_by_lockers": numbers[..., 1]}
    return result | {"shares": np.asarray(shares), "chainings": np.asarray(chainings)}


def consolidate_space_by_parcels(
    routes: logistics.Routes, config: PolicyConfig, *, key: jax.Array
) -> dict[str, np.ndarray]:
    """S_system - S_direct without chaining in nats, (routes, shares), the carrier's cut and S_direct, by parcels.

    A customer collects all parcels in one trip, so that trips are fewer than what lockers hold.
    """
    sites, priority = draw_lockers(routes, config.most_lockers, key=key)
    shares = jnp.linspace(0.0, 1.0, config.shares)

    @jax.jit
    @jax.vmap
    def changes(*route: jax.Array) -> tuple[jax.Array, ...]:
        direct = logistics.log_multiplicity(route[0])

        def at(share: jax.Array) -> tuple[jax.Array, jax.Array]:
            loads = _loads(*route, share)
            system = logistics.system_entropy(loads.value, loads.customers, 0.0)
            return system - direct, 1 - logistics.log_multiplicity(loads.value) / direct

        return direct, *jax.lax.map(at, shares)

    direct, change, cut = changes(routes.counts, routes.xy, routes.where, sites[:, : config.lockers], priority)
    return {"direct_parcels": np.asarray(direct), "parcel_change": np.asarray(change), "parcel_cut": np.asarray(cut)}


def example_break_even() -> dict[str, float]:
    """c* of a hundred single parcels, half of them in five equal lockers, by three routes; and dc*/d alpha two ways.

    Bisection asks for signs of S_system - S_direct alone. Newton's method takes the slope of the same function by
    automatic differentiation. Adoption is by priority, one locker after the other.
    """
    ones, groups, priority = jnp.ones(100), np.arange(100) % 5, np.arange(100)
    direct = logistics.log_multiplicity(ones)

    @jax.jit
    def loads(share: jax.Array) -> logistics.LockerLoads:
        adoption = logistics.adoption_by_priority(share, priority)
        return logistics.spatial_consolidation(ones, groups, adoption, num_lockers=5)

    half = loads(jnp.asarray(0.5))
    delta = jax.jit(lambda c: logistics.system_entropy(half.value, half.customers, c) - direct)
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if float(delta(middle)) > 0 else (low, middle)
    c, slope = jnp.asarray(0.5), jax.jit(jax.value_and_grad(delta))
    for _ in range(20):
        value, gradient = slope(c)
        c = c - value / gradient

    @jax.jit
    def break_even(share: jax.Array) -> jax.Array:
        moved = loads(share)
        return logistics.break_even_chaining(moved.value, moved.customers, direct).value

    at, step = jnp.asarray(0.505), 1e-5  # between two stops, where the share moves one of them in part
    difference = (break_even(at + step) - break_even(at - step)) / (2 * step)
    return {
        "bisection": (low + high) / 2,
        "gradient": float(c),
        "implicit": float(break_even(jnp.asarray(0.5))),
        "slope_error": abs(float(jax.jit(jax.grad(break_even))(at) / difference) - 1),
    }


def consolidate_time(config: PolicyConfig, *, key: jax.Array) -> dict[str, Any]:
    """Deliveries and entropies of a made-up city by window: over the horizon, by delivery day, and in routes of 150.

    Returns:
        `deliveries`, `horizon`, `system` (by `system_entropy`, with no trips), `daily` and `fixed` (deliveries in
        routes of 150 stops), each of shape (windows,).
    """
    keys = jax.random.split(key)
    rates = config.rate * jax.random.exponential(keys[0], (config.customers, 1))
    asked = np.asarray(jax.random.poisson(keys[1], rates, (config.customers, config.days)) > 0)
    customer, day = np.nonzero(asked)
    result: dict[str, list[float]] = {name: [] for name in ("deliveries", "horizon", "system", "daily", "fixed")}
    for window in range(1, config.most_days + 1):
        requests = logistics.temporal_consolidation(
            customer, day, window=window, num_customers=config.customers, num_days=config.days
        )
        events = np.zeros((config.days, config.customers))  # of one shape for every window, to compile once
        events[: len(requests)] = np.asarray(requests) > 0
        flat, number = events.reshape(-1), float(events.sum())
        result["deliveries"].append(number)
        result["horizon"].append(float(logistics.log_multiplicity(flat)))
        result["system"].append(float(logistics.system_entropy(flat, np.zeros(1), 0.0)))
        events[events.sum(axis=1) == 0, 0] = 1  # a day of one delivery has no entropy, as one of none
        result["daily"].append(float(jnp.sum(logistics.log_multiplicity(events))))
        result["fixed"].append(number / 150 * math.lgamma(151))
    return {name: np.array(values) for name, values in result.items()}
