"""Exact nearest neighbours, in free space and on the torus.

Two ways to one result: buckets of a k-d tree (`entropax.space.buckets`) and all pairs (`entropax.space._blocks`).
Memory grows as n k, never as n squared: only of a few hundred points are all pairs held at once, where distances alone
are wanted.
"""

import functools
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Int, Real
from entropax.space._blocks import search_blocks
from entropax.space._selection import smallest_keys
from entropax.space.boxes import FreeSpace, PeriodicBox, Space
from entropax.space.buckets import search_buckets
from entropax.space.separation import METRICS, distance_between, key_to_distance, search_key

METHODS = ("auto", "cells", "brute")
_MINIMA = 8  # neighbours: so few of a few hundred points are found fastest by as many minima over all pairs
_PAIRS_AT_ONCE = 2**18


def _all_pairs_are_faster(n: int, d: int) -> bool:
    """Where the times meet on a CPU: near 1,500 points in two axes, 10,000 in three, 70,000 in four."""
    return n <= 200 * 7 ** (d - 1)


class Neighbors(eqx.Module):
    """The k nearest neighbours of every query.

    Attributes:
        indices: rows of `points`, nearest first, shape (n_queries, k).
        distances: their distances, shape (n_queries, k); differentiable in points, queries and box.
    """

    indices: Int[Array, "n_queries k"]
    distances: Float[Array, "n_queries k"]


def nearest_neighbors(
    points: Real[ArrayLike, "n d"],
    k: int,
    *,
    queries: Real[ArrayLike, "n_queries d"] | None = None,
    box: PeriodicBox | FreeSpace | None = None,
    exclude_self: bool | None = None,
    metric: str = "euclidean",
    method: str = "auto",
) -> Neighbors:
    """The exact k nearest neighbours of every query among the points.

    Exact at any density, in any number of axes and, on the torus, also when neighbours are further than half the box.
    Neighbours at one distance come in no particular order. The search itself is piecewise constant and carries no
    gradient; the distances are computed from the indices found, so they are differentiable.

    Args:
        points: positions, shape (n, d); on a torus any representatives.
        k: number of neighbours.
        queries: positions, shape (n_queries, d); by default every point asks for its own neighbours.
        box: a `PeriodicBox`, or None for free space.
        exclude_self: whether a point is kept from its own neighbours, by index and not by distance. Default True
            without `queries`; with `queries` it must not be True.
        metric: "euclidean" or "chebyshev", the largest difference along an axis (maximum norm).
        method: "cells" (equal buckets), "brute" (all pairs in tiles) or "auto", which takes what is faster for so many
            points and axes. Cells take little more than linear time in few axes; in five or more they exclude little.

    Returns:
        Indices and distances, nearest first.

    Raises:
        ValueError: fewer than k neighbours exist, shapes differ, an option is unknown, or a coordinate is not finite
            (under a transformation the distances are NaN; the indices then mean nothing).

    Source: bucketed k-d tree after Bentley, doi 10.1145/361002.361007.
    """
    return _nearest(*_planned(points, queries, box, k, exclude_self, metric, method))


def neighbor_distances(
    points: Real[ArrayLike, "n d"],
    k: int,
    *,
    queries: Real[ArrayLike, "n_queries d"] | None = None,
    box: PeriodicBox | FreeSpace | None = None,
    exclude_self: bool | None = None,
    metric: str = "euclidean",
    method: str = "auto",
) -> Float[Array, "n_queries k"]:
    """The distances of `nearest_neighbors` alone: faster, as the search carries no indices.

    Args:
        points: positions, shape (n, d); on a torus any representatives.
        k: number of neighbours.
        queries: positions, shape (n_queries, d); by default every point asks for its own neighbours.
        box: a `PeriodicBox`, or None for free space.
        exclude_self: as in `nearest_neighbors`.
        metric: "euclidean" or "chebyshev".
        method: as in `nearest_neighbors`.

    Returns:
        Distances, nearest first, shape (n_queries, k).

    Raises:
        ValueError: as `nearest_neighbors`.

    Differentiable in points, queries and box; that takes the search with indices.
    """
    return _distances_now(*_planned(points, queries, box, k, exclude_self, metric, method))


class _Plan(NamedTuple):
    """What is static in a search."""

    k: int
    exclude: bool
    metric: str
    method: str


class _Arrays(NamedTuple):
    """What is not."""

    points: jax.Array
    queries: jax.Array | None
    space: Space


def _planned(
    points: Any,
    queries: Any,
    box: Space | None,
    k: int,
    exclude_self: bool | None,
    metric: str,
    method: str,
) -> tuple[_Arrays, _Plan]:
    """The arguments checked, and how to search."""
    named = {"points": points} if queries is None else {"points": points, "queries": queries}
    arrays = _checks.as_floats(**named)
    for name, array in zip(named, arrays, strict=True):
        _checks.require_ndim(name, array, 2, "(n, d)")
    points, asked = arrays[0], arrays[-1]
    if points.shape[1] != asked.shape[1]:
        raise ValueError(f"queries must have {points.shape[1]} axes like points, got shape {asked.shape}")
    space = FreeSpace() if box is None else box
    if isinstance(space, PeriodicBox) and space.ndim != points.shape[1]:
        raise ValueError(f"points must have the {space.ndim} axes of the box, got shape {points.shape}")
    if queries is not None and exclude_self:
        raise ValueError("exclude_self must be False or None with queries, which have no index among the points")
    exclude = queries is None if exclude_self is None else exclude_self
    _checks.require_integer("k", k, minimum=1)
    if k > points.shape[0] - exclude:
        whom = "other points" if exclude else "points"
        raise ValueError(f"k must be at most the number of {whom}, {points.shape[0] - exclude}, got {k}")
    _checks.require_option("metric", metric, METRICS)
    _checks.require_option("method", method, METHODS)
    if method == "auto":
        few = k <= _MINIMA and points.shape[0] * asked.shape[0] <= _PAIRS_AT_ONCE
        method = "minima" if few else "brute" if _all_pairs_are_faster(*points.shape) else "cells"
    checked = _checks.enforce(arrays, *(_checks.finite(name, array) for name, array in zip(named, arrays, strict=True)))
    arrays = _Arrays(checked[0], None if queries is None else checked[1], space)
    return arrays, _Plan(int(k), bool(exclude), metric, method)


def _search(arrays: _Arrays, plan: _Plan, *, with_indices: bool) -> tuple[jax.Array, jax.Array | None]:
    """Search keys and, if wanted, indices; without gradients."""
    points, queries, space = jax.lax.stop_gradient(arrays)
    asked = points if queries is None else queries
    options = {"k": plan.k, "exclude": plan.exclude}
    if plan.method == "minima" and not with_indices:
        return _smallest_of_all_pairs(points, asked, space, plan), None
    if plan.method != "cells":
        return search_blocks(points, asked, space, plan.metric, **options)
    return search_buckets(points, asked, space, plan.metric, with_indices=with_indices, **options)


def _smallest_of_all_pairs(points: jax.Array, asked: jax.Array, space: Space, plan: _Plan) -> jax.Array:
    keys = search_key(space.wrap(asked).T[:, None, :], space.wrap(points).T[:, :, None], space, plan.metric)
    if plan.exclude:
        keys = jnp.where(jnp.asarray(np.eye(len(points), dtype=bool)), jnp.inf, keys)
    return smallest_keys(keys, plan.k).T


@functools.partial(jax.jit, static_argnames="plan")
def _nearest(arrays: _Arrays, plan: _Plan) -> Neighbors:
    points, queries, space = arrays
    asked = points if queries is None else queries
    _, indices = _search(arrays, plan, with_indices=True)
    assert indices is not None
    return Neighbors(indices, distance_between(asked[:, None, :], points[indices], space, plan.metric))


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _distances(arrays: _Arrays, plan: _Plan) -> jax.Array:
    keys, _ = _search(arrays, plan, with_indices=False)
    return key_to_distance(keys, plan.metric)


@_distances.defjvp
def _distances_jvp(plan: _Plan, primals: tuple[_Arrays], tangents: tuple[_Arrays]) -> tuple[jax.Array, jax.Array]:
    return jax.jvp(lambda arrays: _nearest(arrays, plan).distances, primals, tangents)


_distances_now = jax.jit(_distances, static_argnames="plan")
