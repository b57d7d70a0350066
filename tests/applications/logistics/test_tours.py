"""Tours, made-up cities and sites of lockers."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax.applications import logistics


def length(points, order):
    tour = np.asarray(points)[np.asarray(order)]
    return np.linalg.norm(tour - np.roll(tour, -1, axis=0), axis=1).sum()


@pytest.fixture(scope="module")
def batch():
    """Points, masks and orders of twelve routes of up to ten points, found together."""
    rng = np.random.default_rng(5)
    points = rng.uniform(0, 1, (12, 10, 2)).astype(np.float32)
    mask = np.arange(10) < rng.integers(4, 11, (12, 1))
    points[~mask] = np.nan  # padding may hold anything
    found = jax.jit(jax.vmap(lambda xy, where: logistics.tour_order(xy, where=where)))(points, mask)
    return points, mask, found


def test_orders_are_permutations_that_no_exchange_shortens(batch):
    points, mask, found = batch
    assert np.all(found.converged)
    for xy, where, order in zip(points, mask, np.asarray(found.value), strict=True):
        count = where.sum()
        assert order[0] == 0
        np.testing.assert_array_equal(np.sort(order), np.arange(10))
        assert set(order[:count]) == set(range(count))
        here = length(xy, order[:count])
        for i, j in itertools.combinations(range(1, count), 2):
            turned = np.concatenate([order[:i], order[i : j + 1][::-1], order[j + 1 : count]])
            assert length(xy, turned) > here - 1e-5


def test_tours_are_near_the_shortest_of_all(batch):
    """Of nine points or fewer, by all orders: never shorter, the same in most, and within a quarter in every one."""
    points, mask, found = batch
    ratios = []
    for xy, where, order in zip(points, mask, np.asarray(found.value), strict=True):
        count = where.sum()
        if count <= 8:
            best = min(length(xy, (0, *rest)) for rest in itertools.permutations(range(1, count)))
            ratios.append(length(xy, order[:count]) / best)
    assert len(ratios) >= 4
    assert min(ratios) > 1 - 1e-6
    assert np.median(ratios) < 1.02
    assert max(ratios) < 1.25


def test_length_and_its_gradient_leave_padding_out(batch):
    points, mask, found = batch
    lengths, gradients = jax.jit(jax.vmap(jax.value_and_grad(lambda x, o, m: logistics.tour_length(x, o, where=m))))(
        points, found.value, mask
    )
    searched = jax.jit(jax.vmap(lambda x, m: logistics.tour_length(x, where=m)))(points, mask)
    np.testing.assert_allclose(lengths, searched, rtol=1e-6)
    for xy, where, order, value, gradient in zip(
        points, mask, np.asarray(found.value), lengths, gradients, strict=True
    ):
        count = where.sum()
        np.testing.assert_allclose(value, length(xy, order[:count]), rtol=1e-6)
        np.testing.assert_array_equal(np.asarray(gradient)[~where], 0)
        tour = xy[order[:count]]
        away = [tour - np.roll(tour, shift, axis=0) for shift in (1, -1)]
        expected = sum(d / np.linalg.norm(d, axis=1, keepdims=True) for d in away)
        np.testing.assert_allclose(np.asarray(gradient)[order[:count]], expected, atol=1e-5)
    # Padded points may stand anywhere in an order.
    where = np.array([True, False, True, True, False, True, False, False, False, False])
    xy = np.nan_to_num(points[0]) + np.arange(10, dtype=np.float32)[:, None]
    order = np.array([4, 3, 1, 0, 5, 6, 2, 7, 8, 9])
    np.testing.assert_allclose(logistics.tour_length(xy, order, where=where), length(xy, [3, 0, 5, 2]), rtol=1e-6)


@pytest.mark.fast
def test_bad_points_and_orders_are_refused():
    xy = np.zeros((3, 2), np.float32)
    with pytest.raises(ValueError, match="xy must be finite"):
        logistics.tour_order(xy * np.nan)
    with pytest.raises(ValueError, match="where must hold the depot, point 0"):
        logistics.tour_order(xy, where=np.array([False, True, True]))
    with pytest.raises(ValueError, match=r"order must be a permutation of 0 \.\.\. 2"):
        logistics.tour_length(xy, np.array([0, 0, 1]))
    with pytest.raises(ValueError, match="max_sweeps must be at least 1"):
        logistics.tour_length(xy, max_sweeps=0)
    assert not jax.jit(logistics.tour_order)(xy * np.nan).converged


def test_cities_are_as_described(getkey):
    routes = logistics.synthesize_city(400, 200.0, 12.0, key=getkey(), zones=50)
    stops = np.asarray(routes.where.sum(axis=1))
    assert routes.xy.shape == (400, 250, 2)
    assert stops.min() >= 40
    assert abs(stops.mean() - 150) < 5 * 30 / 20  # 6e-7 by chance
    n, where = np.asarray(routes.counts), np.asarray(routes.where)
    assert np.all(n[~where] == 0)
    assert np.all(n[where] >= 1)
    assert abs(n[where].mean() - 1.5) < 5 * (0.5 / where.sum()) ** 0.5
    xy = np.asarray(routes.xy)[where]
    half = 200**0.5 / 2
    assert np.all(np.abs(xy - [12.0, 0.0]) < half + 6 * 0.3)
    widths = [np.ptp(np.asarray(routes.xy)[i][where[i]], axis=0) for i in range(400)]
    assert np.max(widths) < 2 + 12 * 0.3  # the zone's side, and normal distances about its neighbourhoods
    points, mask = routes.with_depot()
    np.testing.assert_array_equal(points[:, 0], 0)
    np.testing.assert_array_equal(mask.sum(axis=1), stops + 1)


def test_a_city_needs_a_number_of_stops(getkey):
    with pytest.raises(ValueError, match="mean_stops must be in"):
        logistics.synthesize_city(2, 50.0, 5.0, key=getkey(), mean_stops=float("nan"))


def test_soft_choice_tends_to_the_nearest(x64):
    rng = np.random.default_rng(6)
    xy, counts, sites = rng.uniform(0, 4, (30, 2)), rng.integers(1, 5, 30).astype(float), rng.uniform(0, 4, (3, 2))
    soft = logistics.soft_locker_loads(sites, xy, counts, 0.5, temperature=1e-4)
    nearest = logistics.nearest_locker(sites, xy)
    distances = np.linalg.norm(xy[:, None] - sites, axis=-1)
    np.testing.assert_array_equal(nearest, distances.argmin(axis=1))
    hard = logistics.spatial_consolidation(counts, nearest, 0.5, num_lockers=3)
    np.testing.assert_allclose(soft.value, hard.value, atol=1e-9)
    np.testing.assert_allclose(soft.customers, hard.customers, atol=1e-9)
    np.testing.assert_allclose(soft.walking, 0.5 * distances.min(axis=1).sum(), rtol=1e-9)
    with pytest.raises(ValueError, match="xy must be finite"):
        logistics.nearest_locker(sites, xy * np.inf)
    assert np.all(jax.jit(logistics.nearest_locker)(sites, xy * np.nan) == -1)


def test_one_locker_without_price_of_size_goes_to_the_geometric_median(x64):
    """Adoption of everything by one locker leaves S constant: what is left is Weber's problem."""
    xy = np.random.default_rng(7).normal(size=(25, 2))
    found = logistics.place_lockers(
        np.array([[2.0, -1.0]]), xy, np.ones(25), 1.0, 0.3, temperature=0.1, walking_weight=2.0, steps=400
    )
    median = xy.mean(axis=0)
    for _ in range(500):  # Weiszfeld's iterations
        weight = 1 / np.linalg.norm(xy - median, axis=1)
        median = weight @ xy / weight.sum()
    np.testing.assert_allclose(found.sites[0], median, atol=1e-5)
    assert found.value < found.trace[0]
    assert found.gradient < 1e-3


def test_entropy_alone_prefers_one_large_locker(x64):
    xy = np.concatenate([np.zeros((10, 2)), np.full((10, 2), 3.0)]) + 0.1
    cost = lambda sites, price: logistics.locker_cost(  # noqa: E731
        jnp.asarray(sites), xy, np.ones(20), 1.0, 0.0, temperature=0.05, walking_weight=price
    )
    two, one = [[0.0, 0.0], [3.0, 3.0]], [[0.0, 0.0], [30.0, 30.0]]
    assert cost(one, 0.0) < cost(two, 0.0)
    assert cost(two, 5.0) < cost(one, 5.0)


@pytest.mark.parametrize("edge", [0.0, 1.0])
def test_cost_has_the_slopes_of_adoption_at_its_edges(x64, edge):
    """Where nothing is left at a stop, or nothing yet in a locker, as one-sided differences of second order give."""
    xy, sites = np.array([[0.0, 1.0], [2.0, 0.5], [1.0, 3.0]]), np.array([[0.5, 0.5], [1.5, 2.0]])
    counts = np.array([3.0, 2.0, 1.0])

    @jax.jit
    def cost(adoption):
        return logistics.locker_cost(sites, xy, counts, adoption, 0.5, temperature=0.4, walking_weight=2.0)

    at = np.full(3, edge)
    step = (1 - 2 * edge) * 1e-4 * np.eye(3)[0]
    one_sided = (-3 * cost(at) + 4 * cost(at + step) - cost(at + 2 * step)) / (2 * step[0])
    np.testing.assert_allclose(jax.grad(cost)(at)[0], one_sided, rtol=1e-6)
