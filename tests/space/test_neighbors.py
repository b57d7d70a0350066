"""Nearest neighbours in both norms and by every method, against scipy's tree."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial import cKDTree

from entropax import space

pytestmark = pytest.mark.usefixtures("x64")

RNG = np.random.default_rng(11)
ORDER = {"euclidean": 2, "chebyshev": np.inf}


def laws(n, d):
    """Point sets that are easy and hard: heavy tails, a line with outliers off it, a lattice with ties."""
    line = RNG.normal(size=(n, 1)) + 1e-3 * RNG.normal(size=(n, d))
    line[: n // 50] = RNG.uniform(-2, 2, (n // 50, d))
    return {
        "cauchy": RNG.standard_cauchy((n, d)),
        "line": line,
        "lattice": RNG.integers(0, 7, (n, d)).astype(float),
    }


@pytest.mark.parametrize("metric", ["euclidean", "chebyshev"])
@pytest.mark.parametrize(("method", "k", "d"), [("cells", 3, 2), ("cells", 20, 3), ("brute", 5, 1), ("brute", 20, 3)])
def test_every_method_is_exact_in_both_norms(metric, method, k, d):
    for points in laws(700, d).values():
        expected = cKDTree(points).query(points, k + 1, p=ORDER[metric])[0][:, 1:].reshape(700, k)
        found = space.nearest_neighbors(points, k, metric=metric, method=method)
        np.testing.assert_allclose(found.distances, expected, rtol=1e-12)
        indices = np.asarray(found.indices)
        assert not np.any(indices == np.arange(700)[:, None])
        assert all(len(set(row)) == k for row in indices.tolist())
        np.testing.assert_allclose(
            np.linalg.norm(points[indices] - points[:, None], ord=ORDER[metric], axis=-1), expected, rtol=1e-12
        )
        alone = space.neighbor_distances(points, k, metric=metric, method=method)
        np.testing.assert_allclose(alone, expected, rtol=1e-12)


def test_queries_in_the_maximum_norm():
    points, queries = RNG.normal(size=(900, 4)), RNG.normal(size=(300, 4))
    expected, _ = cKDTree(points).query(queries, 4, p=np.inf)
    for method in ("cells", "brute"):
        found = space.neighbor_distances(points, 4, queries=queries, metric="chebyshev", method=method)
        np.testing.assert_array_equal(found, expected)


def test_more_axes_than_one_expression_holds():
    points = RNG.normal(size=(150, 21))
    for metric, order in ORDER.items():
        expected = cKDTree(points).query(points, 4, p=order)[0][:, 1:]
        np.testing.assert_allclose(space.neighbor_distances(points, 3, metric=metric), expected, rtol=1e-12)


def test_maximum_norm_on_the_torus():
    box = space.PeriodicBox(np.zeros(2), np.array([5.0, 3.0]))
    points = RNG.uniform(0, 1, (400, 2)) * np.array([5.0, 3.0])
    expected = cKDTree(points, boxsize=(5.0, 3.0)).query(points, 4, p=np.inf)[0][:, 1:]
    for method in ("cells", "brute"):
        found = space.nearest_neighbors(points, 3, box=box, metric="chebyshev", method=method)
        np.testing.assert_allclose(found.distances, expected, rtol=1e-12)


def test_maximum_norm_under_vmap():
    batch = RNG.normal(size=(3, 300, 2))
    mapped = jax.vmap(lambda x: space.neighbor_distances(x, 2, metric="chebyshev"))(batch)
    for points, found in zip(batch, mapped, strict=True):
        np.testing.assert_array_equal(found, space.neighbor_distances(points, 2, metric="chebyshev"))


def test_distances_alone_have_the_gradients_of_the_neighbors():
    points = jnp.asarray(RNG.normal(size=(40, 2)))
    weights = jnp.asarray(RNG.normal(size=(40, 3)))
    for metric in ORDER:
        alone = jax.grad(lambda x, m=metric: jnp.sum(weights * space.neighbor_distances(x, 3, metric=m)))(points)
        by_index = jax.grad(lambda x, m=metric: jnp.sum(weights * space.nearest_neighbors(x, 3, metric=m).distances))
        np.testing.assert_allclose(alone, by_index(points), rtol=1e-12)


@pytest.mark.fast
def test_unknown_metrics_are_refused():
    with pytest.raises(ValueError, match="metric must be one of 'euclidean', 'chebyshev', got 'cosine'"):
        space.neighbor_distances(RNG.normal(size=(20, 2)), 2, metric="cosine")
