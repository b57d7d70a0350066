"""Routes of a city: the arrays that all the rest takes, and cities made up to try it on."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, Bool, Float, PRNGKey, RealScalar


class Routes(eqx.Module):
    """Stops and parcels of routes, padded to one number of stops.

    Attributes:
        xy: where the stops are, in km from the route's depot, shape (routes, stops, 2).
        counts: parcels at every stop, floating, 0 where there is none: shape (routes, stops).
        where: which entries are stops, shape (routes, stops).
    """

    xy: Float[Array, "routes stops 2"]
    counts: Float[Array, "routes stops"]
    where: Bool[Array, "routes stops"]

    def with_depot(self) -> tuple[Float[Array, "routes points 2"], Bool[Array, "routes points"]]:
        """Points and which there are, the depot first, as `tour_order` and `tour_length` take them for every route.

        Returns:
            Points in km from the depot, shape (routes, stops + 1, 2), and truth values, shape (routes, stops + 1).
        """
        depot = jnp.zeros_like(self.xy[:, :1])
        here = jnp.ones_like(self.where[:, :1])
        return jnp.concatenate([depot, self.xy], axis=1), jnp.concatenate([here, self.where], axis=1)


def synthesize_city(
    num_routes: int,
    area: RealScalar,
    depot_distance: RealScalar,
    *,
    key: PRNGKey,
    zones: int = 40,
    mean_stops: float = 150.0,
    stops_deviation: float = 30.0,
    fewest_stops: int = 40,
    most_stops: int = 250,
    extra_parcels: float = 0.5,
    neighbourhoods: int = 12,
    neighbourhood_spread: RealScalar = 0.3,
) -> Routes:
    """A made-up city: each route serves clustered stops in a square zone of it.

    The city is a square of the given area whose middle is `depot_distance` from the depot. A route's zone, of the area
    over `zones`, lies anywhere in it, and has 1 + Poisson(neighbourhoods - 1) neighbourhoods at uniform places, 3
    `neighbourhoods` at most. Every stop is in one of them, at a normal distance. Stops of a route are normal, rounded
    and clipped; parcels of a stop are 1 + Poisson(extra_parcels). All of this is our choice, none of it data.

    Args:
        num_routes: number of routes.
        area: of the city, in km^2.
        depot_distance: in km.
        key: source of randomness.
        zones: routes that would cover the city side by side.
        mean_stops: mean number of stops.
        stops_deviation: its standard deviation.
        fewest_stops: least number of stops.
        most_stops: largest number of stops, and that of the arrays.
        extra_parcels: mean number of parcels beyond the first.
        neighbourhoods: mean number in a zone.
        neighbourhood_spread: standard deviation of stops about the centre along each axis, in km.

    Returns:
        The routes, with as many entries as `most_stops`.

    Raises:
        ValueError: a size is out of range, or area, distance or spread are not positive and finite.

    Differentiable in area, distance and spread: the points move with them at fixed random numbers. Source: ours, with
    sizes like those of the data of arXiv 2605.00008.
    """
    A, away, spread = _checks.as_numbers(
        area=area, depot_distance=depot_distance, neighbourhood_spread=neighbourhood_spread
    )
    _checks.require_key("key", key)
    sizes = {"num_routes": num_routes, "zones": zones, "fewest_stops": fewest_stops, "neighbourhoods": neighbourhoods}
    for name, size in sizes.items():
        _checks.require_integer(name, size, minimum=1)
    _checks.require_integer("most_stops", most_stops, minimum=fewest_stops)
    numbers = {"mean_stops": mean_stops, "stops_deviation": stops_deviation, "extra_parcels": extra_parcels}
    for name, number in numbers.items():
        _checks.require_within(name, number, 0, float("inf"))
    checks = (
        _checks.positive("area", A),
        _checks.positive("depot_distance", away),
        _checks.positive("neighbourhood_spread", spread),
    )
    means = (float(mean_stops), float(stops_deviation), float(extra_parcels), float(neighbourhoods - 1))
    counts = (num_routes, most_stops, 3 * neighbourhoods)
    routes = _city(A, away, spread, key, zones, means, fewest_stops, counts)
    return _checks.enforce(routes, *checks)


@functools.partial(jax.jit, static_argnames=("zones", "means", "fewest", "sizes"))
def _city(
    area: Array,
    away: Array,
    spread: Array,
    key: Array,
    zones: int,
    means: tuple[float, ...],
    fewest: int,
    sizes: tuple[int, int, int],
) -> Routes:
    mean, deviation, extra, more_neighbourhoods = means
    routes, most, centres = sizes
    keys = jax.random.split(key, 8)
    dtype = area.dtype
    side = jnp.sqrt(area)
    zone = side / zones**0.5
    corner = jax.random.uniform(keys[0], (routes, 1, 2), dtype) * (side - zone) - side / 2
    places = jax.random.uniform(keys[1], (routes, centres, 2), dtype) * zone + corner
    known = jnp.minimum(1 + jax.random.poisson(keys[2], more_neighbourhoods, (routes, 1), jnp.int32), centres)
    chosen = jnp.floor(jax.random.uniform(keys[3], (routes, most), dtype) * known.astype(dtype)).astype(jnp.int32)
    middle = jnp.take_along_axis(places, jnp.minimum(chosen, known - 1)[..., None], axis=1)
    offset = spread * jax.random.normal(keys[4], (routes, most, 2), dtype)
    stops = jnp.round(mean + deviation * jax.random.normal(keys[5], (routes, 1), dtype))
    where = jnp.arange(most, dtype=jnp.int32)[None] < jnp.clip(stops, fewest, most).astype(jnp.int32)
    parcels = 1 + jax.random.poisson(keys[6], extra, (routes, most), jnp.int32)
    depot = jnp.stack([-away, jnp.zeros_like(away)])[None, None]
    xy = jnp.where(where[..., None], middle + offset - depot, 0)
    return Routes(xy, jnp.where(where, parcels, 0).astype(dtype), where)
