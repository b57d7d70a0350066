"""How far apart two points are: the Euclidean and the maximum norm, and their keys for searching."""

import functools

import jax
import jax.numpy as jnp

from entropax._typing import Array, Float
from entropax.space.boxes import PeriodicBox, Space, nearest_image

METRICS = ("euclidean", "chebyshev")


def distance_between(
    x: Float[Array, "... d"], y: Float[Array, "... d"], space: Space, metric: str
) -> Float[Array, "..."]:
    """The distance of points, shapes that broadcast; at coincident points its gradient is zero.

    Args:
        x: points, shape (..., d).
        y: points.
        space: where they live.
        metric: "euclidean" or "chebyshev" (the largest component).

    Returns:
        Distances, shape (...).
    """
    if metric == "euclidean":
        return space.distance(x, y)
    return jnp.max(jnp.abs(space.displacement(x, y)), axis=-1)


def search_key(x: jax.Array, y: jax.Array, space: Space, metric: str) -> jax.Array:
    """What grows with the distance and is cheap: its square, or the largest component.

    Args:
        x: coordinates along the leading axis.
        y: the same, a shape that broadcasts.
        space: where they live.
        metric: "euclidean" or "chebyshev".

    Returns:
        Keys, the common shape without the leading axis.
    """
    periodic = isinstance(space, PeriodicBox)
    extent = space.extent.astype(x.dtype) if periodic else jnp.zeros(x.shape[0], x.dtype)

    def component(x: jax.Array, y: jax.Array, extent: jax.Array) -> jax.Array:
        difference = x - y
        return component_key(nearest_image(difference, extent) if periodic else difference, metric)

    first = component(x[0], y[0], extent[0])
    if x.shape[0] <= _FUSED_AXES:
        return functools.reduce(
            lambda key, axis: _combine(key, component(x[axis], y[axis], extent[axis]), metric),
            range(1, x.shape[0]),
            first,
        )
    return jax.lax.scan(
        lambda key, axis: (_combine(key, component(*axis), metric), None), first, (x[1:], y[1:], extent[1:]), unroll=8
    )[0]


_FUSED_AXES = 16  # up to so many axes make one fused expression


def component_key(difference: jax.Array, metric: str) -> jax.Array:
    """The key of points that differ along one axis alone.

    Args:
        difference: of their coordinates.
        metric: "euclidean" or "chebyshev".

    Returns:
        Its square, or its modulus.
    """
    return difference**2 if metric == "euclidean" else jnp.abs(difference)


def _combine(key: jax.Array, component: jax.Array, metric: str) -> jax.Array:
    """The key with one more axis; a selection for the maximum, which spends no time on NaN.

    Args:
        key: of the axes before.
        component: of the new one.
        metric: "euclidean" or "chebyshev".
    """
    return key + component if metric == "euclidean" else jnp.where(key < component, component, key)


def key_to_distance(key: jax.Array, metric: str) -> jax.Array:
    """The distance of a key.

    Args:
        key: as from `search_key`.
        metric: "euclidean" or "chebyshev".

    Returns:
        Distances, the shape of the keys.
    """
    return jnp.sqrt(key) if metric == "euclidean" else key
