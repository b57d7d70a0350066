"""The reader of the challenge's files, on small ones that the tests write."""

import copy
import json

import numpy as np
import pytest

from entropax.applications import logistics

STATION = {"lat": 30.0, "lng": -97.0, "type": "Station", "zone_id": None}


def stop(lat, lng):
    return {"lat": lat, "lng": lng, "type": "Dropoff", "zone_id": "E-20.2H"}


def package(name):
    sizes = {"depth_cm": 48.3, "height_cm": 15.2, "width_cm": 33.0}
    return {name: {"scan_status": "DELIVERED", "planned_service_time_seconds": 84, "dimensions": sizes}}


FILES = {
    "route_data.json": {
        "RouteID_a": {
            "station_code": "DAU1",
            "date_YYYY_MM_DD": "2018-07-23",
            "departure_time_utc": "15:36:07",
            "executor_capacity_cm3": 4247527,
            "route_score": "High",
            "stops": {"AA": stop(30.01, -97.0), "VE": STATION, "AC": stop(30.0, -97.02), "AD": stop(29.99, -97.01)},
        },
        "RouteID_b": {
            "station_code": "DLA7",
            "date_YYYY_MM_DD": "2018-08-07",
            "departure_time_utc": "16:00:58",
            "executor_capacity_cm3": 3313071,
            "route_score": "Low",
            "stops": {"XX": STATION, "ZZ": stop(30.0, -96.99)},
        },
    },
    "package_data.json": {
        "RouteID_a": {
            "AA": package("PackageID_1") | package("PackageID_2"),
            "VE": {},
            "AC": package("PackageID_3"),
            "AD": {f"PackageID_{i}": package("x")["x"] for i in range(4, 7)},
        },
        "RouteID_b": {"XX": {}, "ZZ": package("PackageID_7")},
    },
    "actual_sequences.json": {
        "RouteID_a": {"actual": {"AA": 2, "VE": 0, "AC": 1, "AD": 3}},
        "RouteID_b": {"actual": {"XX": 0, "ZZ": 1}},
    },
}


def write(folder, files=FILES, prefix=""):
    for name, content in files.items():
        (folder / f"{prefix}{name}").write_text(json.dumps(content))
    return folder


def changed(path, value):
    """The files with the entry at a path of names set, or deleted where the value is None."""
    files = copy.deepcopy(FILES)
    *parents, last = path
    entry = files
    for name in parents:
        entry = entry[name]
    if value is None:
        del entry[last]
    else:
        entry[last] = value
    return files


def test_routes_are_read(tmp_path, x64):
    read = logistics.read_challenge_routes(write(tmp_path, prefix="eval_"), prefix="eval_")
    assert read.route_ids == ("RouteID_a", "RouteID_b")
    assert read.stations == ("DAU1", "DLA7")
    assert read.dates == ("2018-07-23", "2018-08-07")
    assert read.stop_ids == (("AA", "AC", "AD"), ("ZZ",))
    np.testing.assert_array_equal(read.routes.counts, [[2, 1, 3], [1, 0, 0]])
    np.testing.assert_array_equal(read.routes.where, [[True, True, True], [True, False, False]])
    degree = np.pi / 180 * 6371.0088
    east = degree * np.cos(np.pi / 6)
    expected = [[0, 0.01 * degree], [-0.02 * east, 0], [-0.01 * east, -0.01 * degree]]
    np.testing.assert_allclose(read.routes.xy[0], expected, atol=1e-9)
    # Driven: station, AC, AA, AD; then padding.
    np.testing.assert_array_equal(read.order, [[0, 2, 1, 3], [0, 1, 2, 3]])
    points, mask = read.routes.with_depot()
    legs = np.diff(np.array([[0, 0], expected[1], expected[0], expected[2], [0, 0]]), axis=0)
    driven = logistics.tour_length(points[0], read.order[0], where=mask[0])
    np.testing.assert_allclose(driven, np.linalg.norm(legs, axis=1).sum(), rtol=1e-12)
    there = logistics.tour_length(points[1], read.order[1], where=mask[1])
    np.testing.assert_allclose(there, 2 * 0.01 * east, rtol=1e-9)
    np.testing.assert_allclose(logistics.log_multiplicity(read.routes.counts), np.log([60, 1]), atol=1e-14)


@pytest.mark.fast
def test_the_first_routes_alone(tmp_path):
    read = logistics.read_challenge_routes(write(tmp_path), max_routes=1)
    assert read.route_ids == ("RouteID_a",)
    with pytest.raises(ValueError, match="max_routes must be at least 1, got 0"):
        logistics.read_challenge_routes(tmp_path, max_routes=0)


@pytest.mark.fast
def test_missing_files_are_named_with_where_to_get_them(tmp_path):
    write(tmp_path)
    (tmp_path / "package_data.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"no package_data.json in .*aws s3 sync --no-sign-request s3://amazon"):
        logistics.read_challenge_routes(tmp_path)


ROUTE, PACKAGES, SEQUENCES = FILES
A = "RouteID_a"
FAULTS = {
    "no station": ((ROUTE, A, "stops", "VE", "type"), "Dropoff", "route RouteID_a must have one stop of type Station"),
    "latitude": ((ROUTE, A, "stops", "AC", "lat"), 91.0, r"stop AC must have lat in \[-90, 90\], got 91.0"),
    "text": ((ROUTE, A, "stops", "AC", "lng"), "west", r"stop AC must have lng in \[-180, 180\], got 'west'"),
    "no longitude": ((ROUTE, A, "stops", "AC", "lng"), None, "route RouteID_a, stop AC has no entry 'lng'"),
    "no stops": ((ROUTE, A, "stops"), None, "route RouteID_a has no entry 'stops'"),
    "a stop's packages": ((PACKAGES, A, "AC"), None, "package_data.json: no route RouteID_a, stop AC"),
    "a route's packages": ((PACKAGES, A), None, "package_data.json: no route RouteID_a"),
    "no packages": ((PACKAGES, "RouteID_b", "ZZ"), {}, "route RouteID_b has no packages"),
    "a place": ((SEQUENCES, A, "actual", "AC"), None, "actual_sequences.json: no route RouteID_a, stop AC"),
    "places": ((SEQUENCES, A, "actual", "AC"), 2, r"must have one place, 0 ... 3, for every stop of it"),
    "a list of stops": ((ROUTE, A, "stops"), ["AC"], "the stops of route RouteID_a must be an object"),
    "a number of packages": (
        (PACKAGES, A, "AC"),
        2,
        "the packages of route RouteID_a, stop AC must be an object, got 2",
    ),
    "a place in words": ((SEQUENCES, A, "actual", "AC"), "1", r"must have one place, 0 ... 3, for every stop of it"),
    "start": ((SEQUENCES, "RouteID_b", "actual"), {"XX": 1, "ZZ": 0}, "must begin at its station XX"),
}


@pytest.mark.fast
@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_told_by_file_route_and_stop(tmp_path, fault):
    path, value, message = FAULTS[fault]
    with pytest.raises(ValueError, match=message):
        logistics.read_challenge_routes(write(tmp_path, changed(path, value)))


@pytest.mark.fast
def test_what_is_not_json_is_told(tmp_path):
    write(tmp_path)
    (tmp_path / "route_data.json").write_text("{")
    with pytest.raises(ValueError, match=r"route_data.json is not JSON"):
        logistics.read_challenge_routes(tmp_path)
    (tmp_path / "route_data.json").write_text("[1]")
    with pytest.raises(ValueError, match="must hold one object"):
        logistics.read_challenge_routes(tmp_path)
