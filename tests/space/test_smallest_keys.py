"""The few smallest of every column by successive minima."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import space
from entropax.space._selection import smallest_keys


@pytest.mark.fast
def test_smallest_keys_are_the_first_of_a_sort_whatever_the_ties():
    """Small integers are mostly ties; rows need not fill up the parts, and infinite keys may be among the smallest."""
    rng, smallest = np.random.default_rng(2), jax.jit(smallest_keys, static_argnames="count")
    for rows in (5, 30):
        keys = rng.integers(0, 4, (rows, 40)).astype(np.float32)
        keys[:, :5] = np.inf
        keys[0, :4] = 1.0
        np.testing.assert_array_equal(smallest(jnp.asarray(keys), count=5), np.sort(keys, axis=0)[:5])


@pytest.mark.fast
def test_distances_on_a_lattice_count_every_tie():
    """Each point of a cubic lattice on the torus has six neighbours at the same distance."""
    x = np.stack(np.meshgrid(*[np.arange(4.0)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    box = space.PeriodicBox(jnp.zeros(3), jnp.full(3, 4.0))
    found = space.neighbor_distances(x, 7, box=box)
    np.testing.assert_allclose(found, np.tile([1.0] * 6 + [np.sqrt(2)], (64, 1)), rtol=1e-6)
    queries = np.array([[0.0, 0, 0], [0.5, 0, 0]])
    np.testing.assert_allclose(space.neighbor_distances(x, 2, queries=queries, box=box), [[0, 1], [0.5, 0.5]])
