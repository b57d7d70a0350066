"""Routes of the 2021 Amazon Last Mile Routing Research Challenge, read from a user's own copy."""

import json
import math
from pathlib import Path
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from entropax._typing import Array, Int
from entropax.applications.logistics.cities import Routes

EARTH_RADIUS = 6371.0088
"""Mean radius in km."""

_FILES = ("route_data.json", "package_data.json", "actual_sequences.json")
_WHERE_FROM = (
    "The data set is public, under CC BY-NC 4.0: `aws s3 sync --no-sign-request "
    "s3://amazon-last-mile-challenges/almrrc2021/ FOLDER` fetches it "
    "(registry.opendata.aws/amazon-last-mile-challenges), and its training routes are in "
    "FOLDER/almrrc2021-data-training/model_build_inputs"
)


class ChallengeRoutes(eqx.Module):
    """Routes as drivers drove them.

    Attributes:
        routes: stops in km from the route's station, and the packages there, padded.
        order: the order driven, as `tour_length` takes it of `routes.with_depot()`: the station is 0 and stop i is
            i + 1; padded points come last. Shape (routes, stops + 1).
        route_ids: of every route.
        stations: station code of every route.
        dates: of every route, as YYYY-MM-DD.
        stop_ids: of every route, its stops in the order of the arrays.
    """

    routes: Routes
    order: Int[Array, "routes points"]
    route_ids: tuple[str, ...] = eqx.field(static=True)
    stations: tuple[str, ...] = eqx.field(static=True)
    dates: tuple[str, ...] = eqx.field(static=True)
    stop_ids: tuple[tuple[str, ...], ...] = eqx.field(static=True)


def read_challenge_routes(folder: str | Path, *, prefix: str = "", max_routes: int | None = None) -> ChallengeRoutes:
    """Routes of the Amazon Last Mile Routing Research Challenge, from the files in a folder.

    The folder holds route_data.json (stops by latitude and longitude, one of them the station), package_data.json
    (packages of every stop) and actual_sequences.json (places of the stops in the driven order). A stop's count is the
    number of its packages, delivered or not; a stop with none stays in the route. Positions are in the plane that
    touches at the station, x east and y north: x = R cos(lat_0) (lng - lng_0), y = R (lat - lat_0).

    Args:
        folder: where the files are. The data set is not part of this package: `aws s3 sync --no-sign-request
            s3://amazon-last-mile-challenges/almrrc2021/ FOLDER` fetches it, under CC BY-NC 4.0.
        prefix: of the files' names, like "eval_" for the evaluation routes.
        max_routes: the first so many routes alone; all by default.

    Returns:
        The routes in the order of route_data.json, padded to the largest, in the default floating dtype.

    Raises:
        FileNotFoundError: a file is missing; the message says where to get it.
        ValueError: a file is not as the challenge describes it; the message names file, route and stop.

    Read on the host. Source: Merchan et al., 2021 Amazon Last Mile Routing Research Challenge: Data Set,
    Transportation Science 2022, doi 10.1287/trsc.2022.1173.
    """
    if max_routes is not None and (isinstance(max_routes, bool) or not max_routes >= 1):
        raise ValueError(f"max_routes must be at least 1, got {max_routes}")
    paths = [Path(folder) / f"{prefix}{name}" for name in _FILES]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise FileNotFoundError(f"no {' or '.join(missing)} in {Path(folder)}. {_WHERE_FROM}.")
    described, packages, sequences = (_load(path) for path in paths)
    names = tuple(described)[:max_routes]
    if not names:
        raise ValueError(f"{paths[0]} holds no routes")
    parts = [_route(name, described, packages, sequences, paths) for name in names]
    most = max(len(part["stops"]) for part in parts)
    xy, counts = np.zeros((len(parts), most, 2)), np.zeros((len(parts), most))
    where, order = np.zeros((len(parts), most), bool), np.tile(np.arange(most + 1), (len(parts), 1))
    for i, part in enumerate(parts):
        size = len(part["stops"])
        xy[i, :size], counts[i, :size], where[i, :size] = part["xy"], part["counts"], True
        order[i, 1 : size + 1] = part["order"]
    dtype = jnp.result_type(float)
    routes = Routes(jnp.asarray(xy, dtype), jnp.asarray(counts, dtype), jnp.asarray(where))
    return ChallengeRoutes(
        routes=routes,
        order=jnp.asarray(order),
        route_ids=names,
        stations=tuple(part["station"] for part in parts),
        dates=tuple(part["date"] for part in parts),
        stop_ids=tuple(part["stops"] for part in parts),
    )


def _load(path: Path) -> dict[str, Any]:
    """The file's object, every package in it reduced to None: theirs are hundreds of megabytes."""

    def reduced(entry: dict[str, Any]) -> dict[str, Any] | None:
        return None if "dimensions" in entry or "scan_status" in entry else entry

    try:
        with path.open(encoding="utf-8") as file:
            content = json.load(file, object_hook=reduced)
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold one object, with the routes by their names")  # noqa: TRY004
    return content


def _route(
    name: str, described: dict[str, Any], packages: dict[str, Any], sequences: dict[str, Any], paths: list[Path]
) -> dict[str, Any]:
    """Everything of one route: its stops without the station, by name."""
    route = _entry(described, name, paths[0], f"route {name}")
    stops = _object(_entry(route, "stops", paths[0], f"route {name}"), paths[0], f"the stops of route {name}")
    positions = {stop: _position(data, name, stop, paths[0]) for stop, data in stops.items()}
    stations = [stop for stop, data in stops.items() if data.get("type") == "Station"]
    if len(stations) != 1:
        raise ValueError(f"{paths[0]}: route {name} must have one stop of type Station, got {len(stations)}")
    dropoffs = tuple(stop for stop in stops if stop != stations[0])
    if not dropoffs:
        raise ValueError(f"{paths[0]}: route {name} has no stop but its station")
    held = _entry(packages, name, paths[1], f"route {name}")
    counts = []
    for stop in dropoffs:
        what = f"route {name}, stop {stop}"
        counts.append(len(_object(_entry(held, stop, paths[1], what), paths[1], f"the packages of {what}")))
    if not sum(counts):
        raise ValueError(f"{paths[1]}: route {name} has no packages")
    driven = _entry(_entry(sequences, name, paths[2], f"route {name}"), "actual", paths[2], f"route {name}")
    places = {stop: _entry(driven, stop, paths[2], f"route {name}, stop {stop}") for stop in stops}
    numbered = all(type(place) is int for place in places.values())
    if not numbered or len(driven) != len(stops) or sorted(places.values()) != list(range(len(stops))):
        raise ValueError(f"{paths[2]}: route {name} must have one place, 0 ... {len(stops) - 1}, for every stop of it")
    if places[stations[0]] != 0:
        raise ValueError(f"{paths[2]}: route {name} must begin at its station {stations[0]}")
    here = positions[stations[0]]
    return {
        "stops": dropoffs,
        "station": str(_entry(route, "station_code", paths[0], f"route {name}")),
        "date": str(_entry(route, "date_YYYY_MM_DD", paths[0], f"route {name}")),
        "xy": [_in_plane(positions[stop], here) for stop in dropoffs],
        "counts": counts,
        "order": 1 + np.argsort([places[stop] for stop in dropoffs]),
    }


def _entry(parent: Any, name: str, path: Path, what: str) -> Any:
    if not isinstance(parent, dict) or name not in parent:
        raise ValueError(f"{path}: {what} has no entry {name!r}" if what.split()[-1] != name else f"{path}: no {what}")
    return parent[name]


def _object(value: Any, path: Path, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{path}: {what} must be an object, got {value!r}")  # noqa: TRY004
    return value


def _position(data: Any, route: str, stop: str, path: Path) -> tuple[float, float]:
    """Latitude and longitude in degrees."""
    what = f"route {route}, stop {stop}"
    position = tuple(_entry(data, name, path, what) for name in ("lat", "lng"))
    for name, value, limit in zip(("lat", "lng"), position, (90.0, 180.0), strict=True):
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if not number or abs(value) > limit:
            raise ValueError(f"{path}: {what} must have {name} in [-{limit:g}, {limit:g}], got {value!r}")
    return position


def _in_plane(position: tuple[float, float], origin: tuple[float, float]) -> tuple[float, float]:
    lat, lng = (math.radians(value) for value in position)
    lat_0, lng_0 = (math.radians(value) for value in origin)
    east = (lng - lng_0 + math.pi) % (2 * math.pi) - math.pi  # across the date line too
    return EARTH_RADIUS * math.cos(lat_0) * east, EARTH_RADIUS * (lat - lat_0)
