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


def consolidate_space(routes: logistics.Routes, config: PolicyConfig, *, key: jax.Array) -> dict[str, np.ndarray]:
    """Entropies of carrier and system over adoption, chaining and lockers; c* of every route and share.

    By customers a stop counts once and is collected by one trip. By parcels it counts as many, still collected by one
    trip, so that trips are fewer than what lockers hold.

    Returns:
        `shares`, `chainings`; by customers `direct` (routes,), `carrier` (routes, shares), `system` (routes, shares,
        chainings), `break_even` and whether it is `attainable` (routes, shares), at the config's lockers; at its
        reference share by number of lockers `carrier_by_lockers`, and `system_by_lockers` (routes, lockers) without
        chaining; by parcels `parcel_direct`, `parcel_carrier`, `parcel_system`, like those.
    """
    sites, priority = draw_lockers(routes, config.most_lockers, key=key)
    shares = np.linspace(0.0, 1.0, config.shares)
    chainings = np.linspace(0.0, 1.0, config.chainings)
    # Shares at the config's lockers, then numbers of lockers at the reference share.
    number = np.concatenate([np.full(config.shares, config.lockers), 1 + np.arange(config.most_lockers)])
    share = np.concatenate([shares, np.full(config.most_lockers, config.reference_share)])
    units = jnp.stack([routes.where.astype(routes.counts.dtype), routes.counts])
    cases = (jnp.asarray(share), jnp.asarray(number), jnp.asarray(chainings))
    found = [np.asarray(x) for x in _surfaces(units, (routes.xy, routes.where, sites, priority), *cases)]
    direct, (carrier, system, break_even, attainable) = found[0], (np.moveaxis(x, 0, 2) for x in found[1:])
    count = config.shares
    return {
        "shares": shares,
        "chainings": chainings,
        "direct": direct[0],
        "carrier": carrier[0, :, :count],
        "system": system[0, :, :count],
        "break_even": break_even[0, :, :count],
        "attainable": attainable[0, :, :count],
        "carrier_by_lockers": carrier[0, :, count:],
        "system_by_lockers": system[0, :, count:, 0],
        "parcel_direct": direct[1],
        "parcel_carrier": carrier[1, :, :count],
        "parcel_system": system[1, :, :count],
    }


@jax.jit
def _surfaces(
    units: jax.Array, routes: tuple[jax.Array, ...], shares: jax.Array, numbers: jax.Array, chainings: jax.Array
) -> tuple[jax.Array, ...]:
    """S_direct, shape (units, routes); S_carrier, S_system, c* and whether it can be, shape (cases, units, routes)."""
    direct = logistics.log_multiplicity(units)

    def at(case: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, ...]:
        share, number = case

        def one(n: jax.Array, direct: jax.Array, route: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
            xy, where, sites, priority = route
            open_sites = jnp.where((jnp.arange(len(sites)) < number)[:, None], sites, _FAR)
            adoption = priority < jnp.round(share * jnp.sum(where))  # whole stops: their counts stay whole
            nearest = logistics.nearest_locker(open_sites, xy)
            loads = logistics.spatial_consolidation(n, nearest, adoption, num_lockers=len(sites), where=where)
            system = jax.vmap(lambda c: logistics.system_entropy(loads.value, loads.customers, c))(chainings)
            found = logistics.break_even_chaining(loads.value, loads.customers, direct)
            return logistics.log_multiplicity(loads.value), system, found.value, found.attainable & found.converged

        return jax.vmap(jax.vmap(one), in_axes=(0, 0, None))(units, direct, routes)

    return direct, *jax.lax.map(at, (shares, numbers))


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
        `deliveries`, `horizon`, `daily` and `fixed` (deliveries in routes of 150 stops), each of shape (windows,).
    """
    keys = jax.random.split(key)
    rates = config.rate * jax.random.exponential(keys[0], (config.customers, 1))
    asked = np.asarray(jax.random.poisson(keys[1], rates, (config.customers, config.days)) > 0)
    customer, day = np.nonzero(asked)
    result: dict[str, list[float]] = {name: [] for name in ("deliveries", "horizon", "daily", "fixed")}
    for window in range(1, config.most_days + 1):
        requests = logistics.temporal_consolidation(
            customer, day, window=window, num_customers=config.customers, num_days=config.days
        )
        events = np.zeros((config.days, config.customers))  # of one shape for every window, to compile once
        events[: len(requests)] = np.asarray(requests) > 0
        number = float(events.sum())
        horizon, daily = (float(value) for value in _entropies(jnp.asarray(events)))
        values = {"deliveries": number, "horizon": horizon, "daily": daily}
        for name, value in (values | {"fixed": number / 150 * math.lgamma(151)}).items():
            result[name].append(value)
    return {name: np.array(values) for name, values in result.items()}


@jax.jit
def _entropies(events: jax.Array) -> tuple[jax.Array, ...]:
    """Of deliveries, shape (days, customers): over the horizon, and the sum by day."""
    flat = events.reshape(-1)
    # A day of one delivery has no entropy, as one of none.
    days = events.at[:, 0].add((jnp.sum(events, axis=1) == 0).astype(events.dtype))
    return logistics.log_multiplicity(flat), jnp.sum(logistics.log_multiplicity(days))
