"""The parts of the last-mile experiment: its routes, its tours by size, and what its sites are compared with."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.cluster import KMeans

from entropax.applications import logistics
from experiments.applications import _last_mile_cities as cities, _last_mile_policies as policies
from experiments.applications._last_mile_sites import k_means
from tests.applications.logistics.test_challenge import write


def test_the_challenge_is_read_from_the_users_folder_by_city(tmp_path, monkeypatch):
    config = cities.CityConfig(challenge=True)
    monkeypatch.delenv(cities.FOLDER, raising=False)
    with pytest.raises(FileNotFoundError, match="name the folder of its training files in LAST_MILE_FOLDER"):
        cities.make_cities(config, key=jax.random.key(0))
    monkeypatch.setenv(cities.FOLDER, str(write(tmp_path)))
    made = cities.make_cities(config, key=jax.random.key(0))
    assert list(made) == ["DAU", "DLA"]
    np.testing.assert_array_equal(made["DAU"].counts, [[2, 1, 3]])
    np.testing.assert_array_equal(made["DLA"].counts, [[1, 0, 0]])
    both = policies.choose_routes(made, 5)
    assert both.xy.shape == (2, 3, 2)


def test_tours_by_size_are_those_one_by_one():
    config = cities.CityConfig(areas=(60.0,), depots=(5.0,), routes=7, most_stops=40, mean_stops=20.0)
    (routes,) = cities.make_cities(config, key=jax.random.key(1)).values()
    found = cities.tours(routes)
    points, mask = routes.with_depot()
    one_by_one = jax.jit(jax.vmap(lambda xy, where: logistics.tour_length(xy, where=where)))(points, mask)
    np.testing.assert_allclose(found["distance"], one_by_one, rtol=1e-5)
    assert np.all(found["converged"])
    assert np.all(found["zone"] < found["distance"])
    stops = np.asarray(routes.xy)[3][np.asarray(routes.where)[3]]
    assert found["zone"][3] >= 2 * np.ptp(stops, axis=0).max() - 1e-4  # there and back across them all


def test_lockers_are_at_stops_and_padding_adopts_last():
    config = cities.CityConfig(areas=(60.0,), depots=(5.0,), routes=5, most_stops=40, mean_stops=20.0)
    (routes,) = cities.make_cities(config, key=jax.random.key(2)).values()
    sites, priority = policies.draw_lockers(routes, 4, key=jax.random.key(3))
    for xy, where, here, rank in zip(routes.xy, routes.where, sites, priority, strict=True):
        stops = {tuple(point) for point in np.asarray(xy)[np.asarray(where)].tolist()}
        assert {tuple(point) for point in np.asarray(here).tolist()} <= stops
        np.testing.assert_array_equal(np.sort(rank), np.arange(40))
        assert np.asarray(rank)[np.asarray(where)].max() == where.sum() - 1


def test_k_means_is_scikit_learns(x64):
    rng = np.random.default_rng(8)
    xy = np.concatenate([rng.normal(centre, 0.4, (30, 2)) for centre in ((0, 0), (3, 1), (1, 4))])
    weight = (rng.random(90) < 0.7).astype(float)
    starts = jnp.asarray(xy[rng.permutation(90)[:12]].reshape(4, 3, 2))
    centres = np.asarray(k_means(starts, jnp.asarray(xy), jnp.asarray(weight)))
    peer = KMeans(3, n_init=10, random_state=0).fit(xy[weight > 0]).cluster_centers_
    np.testing.assert_allclose(centres[np.argsort(centres[:, 0])], peer[np.argsort(peer[:, 0])], atol=1e-9)


def test_three_routes_to_one_break_even(x64):
    found = policies.example_break_even()
    np.testing.assert_allclose([found["gradient"], found["implicit"]], found["bisection"], rtol=1e-13)
    assert found["slope_error"] < 1e-5
