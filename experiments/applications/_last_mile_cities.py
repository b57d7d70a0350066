"""Routes of several cities, made up or read from a user's copy of the challenge: their entropies, tours and laws."""

import os
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from entropax.applications import logistics

FOLDER = "LAST_MILE_FOLDER"
"""Environment variable with the folder of the challenge's training files, for preset full."""
_BLOCK, _CHUNK = 32, 200


@dataclass(frozen=True)
class CityConfig:
    """The cities.

    Attributes:
        areas: of the cities, in km^2.
        depots: how far the depots are from the middle of the cities, in km.
        routes: number of routes of each.
        most_stops: largest number of stops of a route.
        mean_stops: mean number.
        stops_deviation: its standard deviation.
        challenge: whether to read the challenge's routes instead of making cities up.
    """

    areas: tuple[float, ...] = (50.0, 120.0, 200.0, 300.0, 400.0)
    depots: tuple[float, ...] = (5.0, 10.0, 15.0, 22.0, 30.0)
    routes: int = 1200
    most_stops: int = 250
    mean_stops: float = 150.0
    stops_deviation: float = 30.0
    challenge: bool = False


def make_cities(config: CityConfig, *, key: jax.Array) -> dict[str, logistics.Routes]:
    """Routes by city: made up, or the challenge's, whose stations begin with three letters of the city.

    Raises:
        FileNotFoundError: the challenge's files are wanted and not there; the message says where to get them.
    """
    if config.challenge:
        return _challenge_cities(os.environ.get(FOLDER, ""))
    keys = jax.random.split(key, len(config.areas))
    return {
        f"{area:g} km²": logistics.synthesize_city(
            config.routes,
            area,
            depot,
            key=city_key,
            most_stops=config.most_stops,
            mean_stops=config.mean_stops,
            stops_deviation=config.stops_deviation,
            fewest_stops=round(config.mean_stops * 4 / 15),
        )
        for area, depot, city_key in zip(config.areas, config.depots, keys, strict=True)
    }


def _challenge_cities(folder: str) -> dict[str, logistics.Routes]:
    if not folder:
        raise FileNotFoundError(
            f"preset full reads the challenge's routes: name the folder of its training files in {FOLDER}. "
            "entropax.applications.logistics.read_challenge_routes says where to get them"
        )
    read = logistics.read_challenge_routes(folder)
    city = np.array([station[:3] for station in read.stations])
    return {name: jax.tree.map(lambda leaf, here=city == name: leaf[here], read.routes) for name in np.unique(city)}


def tours(routes: logistics.Routes) -> dict[str, np.ndarray]:
    """Lengths in km of the tours found, from the depot and among the stops alone, and whether all 2-opt moves are done.

    Routes are taken by size, so that short ones are not padded to the longest; the searches run in float32.
    """
    points, mask = (np.asarray(x) for x in routes.with_depot())
    sizes = mask.sum(axis=1)
    by_size = np.argsort(sizes, kind="stable")
    found = {"distance": np.zeros(len(sizes)), "zone": np.zeros(len(sizes)), "converged": np.zeros(len(sizes), bool)}
    for start in range(0, len(sizes), _CHUNK):
        chosen = by_size[start : start + _CHUNK]
        most = min(-(-int(sizes[chosen].max()) // _BLOCK) * _BLOCK, points.shape[1])
        rows = np.resize(chosen, _CHUNK)  # the last chunk is filled up by repeating, to compile nothing new
        parts = _tours(jnp.asarray(points[rows, :most], jnp.float32), jnp.asarray(mask[rows, :most]))
        for name, values in zip(found, parts, strict=True):
            found[name][chosen] = np.asarray(values)[: len(chosen)]
    return found


@jax.jit
@jax.vmap
def _tours(points: jax.Array, mask: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    order = logistics.tour_order(points, where=mask)
    whole = logistics.tour_length(points, order.value, where=mask)
    # Without the depot: the same order of the stops, closed by the way from the last to the first.
    stops = logistics.tour_length(points[1:], order.value[1:] - 1, where=mask[1:])
    return whole, stops, order.converged


def score(routes: logistics.Routes) -> dict[str, np.ndarray]:
    """Parcels, stops, entropies and the gap to Shannon's of every route."""
    return {name: np.asarray(values) for name, values in _score(routes.counts, routes.where).items()}


@jax.jit
def _score(n: jax.Array, where: jax.Array) -> dict[str, jax.Array]:
    return {
        "parcels": n.sum(axis=1),
        "stops": where.sum(axis=1),
        "entropy": logistics.log_multiplicity(n),
        "normalised": logistics.normalized_structural_entropy(n),
        "normalised_by_stops": logistics.normalized_structural_entropy(n, normalisation="stops"),
        "gap": logistics.shannon_duality_gap(n),
    }


def law(entropy: np.ndarray, distance: np.ndarray) -> dict[str, Any]:
    """Exponent, prefactor, R^2 and standard error of one city's law."""
    fit = _fit(jnp.asarray(entropy), jnp.asarray(distance))
    return {name: float(value) for name, value in vars(fit).items()}


_fit = jax.jit(logistics.fit_entropy_distance)
