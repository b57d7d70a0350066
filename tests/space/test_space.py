"""Boxes, neighbours and tables against scipy's tree."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial import cKDTree

from entropax import space

pytestmark = pytest.mark.usefixtures("x64")

RNG = np.random.default_rng(3)
BOX = space.PeriodicBox(np.array([-3.0, 1.0]), np.array([2.0, 4.0]))
EXTENT = np.array([5.0, 3.0])


def test_box_wraps_and_measures():
    x, y = RNG.uniform(-9, 9, (2, 50, 2))
    wrapped = np.asarray(BOX.wrap(x))
    assert np.all(BOX.contains(wrapped))
    shift = (x - wrapped) / EXTENT
    np.testing.assert_allclose(shift, np.round(shift), atol=1e-9)
    images = np.stack(np.meshgrid(*[np.arange(-5, 6)] * 2), axis=-1).reshape(-1, 2) * EXTENT
    nearest = np.linalg.norm(x[:, None] - y[:, None] + images, axis=-1).min(axis=1)
    np.testing.assert_allclose(BOX.distance(x, y), nearest, rtol=1e-12)
    with pytest.raises(ValueError, match="upper - lower must be positive"):
        space.PeriodicBox(np.ones(2), np.array([2.0, 1.0]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_wrapped_points_are_inside(dtype):
    """In [lower, upper) to the last bit, next to every face too; points inside stay as they are."""
    for lower, upper in ((0.0, 16.0), (-0.1, 0.2), (-3.0, 1.0 / 3.0), (1e3, 1e3 + 0.7)):
        box = space.PeriodicBox(np.array([lower], dtype), np.array([upper], dtype))
        low, high = np.asarray(box.lower), np.asarray(box.upper)
        faces = low + (high - low) * np.arange(-4, 5).astype(dtype)
        ulps = np.spacing(np.maximum(np.abs(faces), dtype(1e-20))) * np.arange(-3, 4)[:, None].astype(dtype)
        near = np.concatenate([(faces + ulps).ravel(), -(dtype(10.0) ** np.arange(-12, 1, dtype=dtype))])
        x = np.concatenate([near, RNG.uniform(-9, 9, 4000)]).astype(dtype)[:, None]
        wrapped = np.asarray(box.wrap(x))
        assert wrapped.dtype == dtype
        assert np.all((wrapped >= low) & (wrapped < high))
        here = (x >= low) & (x < high)
        np.testing.assert_array_equal(wrapped[here], x[here])
    x = np.array([[-1e-9], [0.4], [33.0]], dtype)
    corners = (np.zeros(1, dtype), np.full(1, 16.0, dtype))
    wrap = lambda x, lower, upper: space.PeriodicBox(lower, upper).wrap(x)[:, 0]  # noqa: E731
    by_x, by_lower, by_upper = jax.jacfwd(wrap, argnums=(0, 1, 2))(x, *corners)
    np.testing.assert_array_equal(by_x[..., 0], np.eye(3))
    np.testing.assert_array_equal(by_upper[:, 0], [1.0, 0.0, -2.0])  # minus the periods crossed
    np.testing.assert_array_equal(by_lower[:, 0], [-1.0, 0.0, 2.0])


@pytest.mark.parametrize(("n", "k"), [(40, 3), (400, 5), (1500, 20)])
@pytest.mark.parametrize("periodic", [True, False])
def test_nearest_neighbors_against_a_tree(n, k, periodic):
    x = RNG.uniform(BOX.lower, BOX.upper, (n, 2))
    found = space.nearest_neighbors(x, k, box=BOX if periodic else None)
    shifted = x - np.asarray(BOX.lower)
    tree = cKDTree(shifted, boxsize=EXTENT if periodic else None)
    distances, _ = tree.query(shifted, k + 1)
    np.testing.assert_allclose(found.distances, distances[:, 1:], rtol=1e-10)
    measured = BOX.distance(x[:, None], x[np.asarray(found.indices)]) if periodic else None
    if periodic:
        np.testing.assert_allclose(measured, distances[:, 1:], rtol=1e-10)
    assert not np.any(np.asarray(found.indices) == np.arange(n)[:, None])


@pytest.mark.parametrize("law", ["uniform", "cauchy"])
def test_nearest_neighbors_in_many_buckets(law):
    """So many buckets that they are ordered in groups; with heavy tails some queries read on past the near ones."""
    x = RNG.uniform(size=(17_000, 2)) if law == "uniform" else RNG.standard_cauchy((17_000, 2))
    found = space.nearest_neighbors(x, 4)
    distances, _ = cKDTree(x).query(x, 5)
    np.testing.assert_allclose(found.distances, distances[:, 1:], rtol=1e-9)


def test_nearest_neighbors_on_a_ring_of_many_buckets():
    x = RNG.uniform(-1, 9, (8200, 1))
    found = space.nearest_neighbors(x, 3, box=space.PeriodicBox(np.full(1, -1.0), np.full(1, 9.0)))
    distances, _ = cKDTree(x + 1, boxsize=10.0).query(x + 1, 4)
    np.testing.assert_allclose(found.distances, distances[:, 1:], rtol=1e-9)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_table_lists_every_pair_once(dim):
    box = space.PeriodicBox(np.full(dim, -1.0), np.full(dim, 9.0))
    x = RNG.uniform(-1, 9, (60 * dim, dim))
    radius = 2.1
    cells = space.cell_counts(box, radius)
    assert cells == (4,) * dim
    table = space.neighbor_table(x, box=box, radius=radius, cells=cells, capacity=4000)
    expected = {tuple(sorted(p)) for p in cKDTree(x + 1, boxsize=10.0).query_pairs(radius)}
    pairs = np.asarray(table.pairs)[: int(table.count)]
    assert len(pairs) == len(expected)
    assert {tuple(sorted(p)) for p in pairs.tolist()} == expected
    assert not bool(table.overflow)
    np.testing.assert_array_equal(np.asarray(table.valid).sum(), len(expected))
    small = space.neighbor_table(x, box=box, radius=radius, cells=cells, capacity=3)
    assert bool(small.overflow)


def test_table_follows_the_particles():
    box = space.PeriodicBox(np.zeros(2), np.full(2, 10.0))
    x = RNG.uniform(0, 10, (80, 2))
    settings = {"box": box, "radius": 2.4, "cells": (4, 4)}
    table = space.neighbor_table(x, capacity=2000, **settings)
    near = box.wrap(x + 0.1)
    kept = space.update_neighbor_table(table, near, skin=0.4, **settings)
    np.testing.assert_array_equal(kept.reference, table.reference)
    far = box.wrap(x + jnp.asarray([[0.21, 0.0]]))
    made = space.update_neighbor_table(table, far, skin=0.4, **settings)
    np.testing.assert_array_equal(made.reference, far)
    with pytest.raises(ValueError, match="use all pairs in a box this small"):
        space.cell_counts(box, 4.0)
    with pytest.raises(ValueError, match="positions must lie in the box"):
        space.neighbor_table(x + 5.0, capacity=10, **settings)


def test_table_refuses_cells_smaller_than_the_radius():
    """Four cells of 2.5 hold a radius of 2.5; of ten cells of 1 the next but one would be missed."""
    box = space.PeriodicBox(np.zeros(2), np.full(2, 10.0))
    x = RNG.uniform(0, 10, (80, 2))
    table = space.neighbor_table(x, box=box, radius=2.5, cells=(4, 4), capacity=2000)
    assert not bool(table.overflow)
    wrong = {"box": box, "radius": 2.5, "cells": (4, 10)}
    with pytest.raises(ValueError, match=r"cells must be no smaller than the radius, 2.5, got sizes \[2.5 1. \]"):
        space.neighbor_table(x, capacity=2000, **wrong)
    with pytest.raises(ValueError, match="cells must be no smaller than the radius"):
        space.update_neighbor_table(table, x, skin=0.4, **wrong)

    def traced(box):
        return space.neighbor_table(x, box=box, radius=2.5, cells=(4, 10), capacity=2000).overflow

    assert bool(jax.jit(traced)(box))


@pytest.mark.fast
@pytest.mark.parametrize("bad", [np.nan, 11.0])
def test_update_flags_positions_that_are_nowhere(bad):
    box = space.PeriodicBox(np.zeros(2), np.full(2, 10.0))
    x = RNG.uniform(0, 10, (80, 2))
    settings = {"box": box, "radius": 2.4, "cells": (4, 4)}
    table = space.neighbor_table(x, capacity=2000, **settings)
    lost = space.update_neighbor_table(table, np.where(np.arange(80)[:, None] == 3, bad, x), skin=0.4, **settings)
    assert bool(lost.overflow)
    assert bool(space.update_neighbor_table(lost, x, skin=0.4, **settings).overflow)  # and stays so
