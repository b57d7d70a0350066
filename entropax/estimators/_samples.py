"""What estimators ask of their samples: shapes and sizes, and a common scale."""

from typing import Any

import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array


def as_samples(*, k: int, paired: bool = True, **samples: Any) -> tuple[tuple[Array, ...], tuple[_checks.Check, ...]]:
    """The samples as (n, d) arrays of one dtype, at least float32, and the checks that they are finite.

    Args:
        k: number of neighbours, at most n - 1.
        paired: whether all have the same n.
        **samples: arrays (n, d) or (n,) by argument name.

    Returns:
        The arrays in the order given and one check each.

    Raises:
        ValueError: a shape is wrong, the sizes differ, or there are too few samples for k neighbours.
    """
    _checks.require_integer("k", k, minimum=1)
    arrays = []
    for name, array in zip(samples, _checks.as_floats(**samples), strict=True):
        if array.ndim not in (1, 2) or (array.ndim == 2 and array.shape[1] < 1):
            raise ValueError(f"{name} must have shape (n, d) or (n,), got {array.shape}")
        arrays.append(_checks.accumulated(array.reshape(array.shape[0], -1)))
        if k >= array.shape[0]:
            raise ValueError(f"k must be less than the number of samples in {name}, {array.shape[0]}, got {k}")
    (first, n), *others = zip(samples, (array.shape[0] for array in arrays), strict=True)
    for name, m in others:
        if paired and m != n:
            raise ValueError(f"{name} must have as many samples as {first}, {n}, got {m}")
    checks = tuple(_checks.finite(name, array) for name, array in zip(samples, arrays, strict=True))
    return tuple(arrays), checks


def standardized(x: Array) -> Array:
    """Each column with mean 0 and standard deviation 1; a constant one becomes 0.

    Args:
        x: shape (n, d).

    Returns:
        The same shape. Differentiable where a column varies.
    """
    centred = x - jnp.mean(x, axis=0, keepdims=True)
    variance = jnp.mean(centred**2, axis=0, keepdims=True)
    varies = (variance > 0) & (jnp.max(x, axis=0, keepdims=True) > jnp.min(x, axis=0, keepdims=True))
    return jnp.where(varies, centred / jnp.sqrt(jnp.where(varies, variance, 1)), 0)
