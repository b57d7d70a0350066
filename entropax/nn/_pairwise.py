"""From a measure of one pair of vectors to the distances from samples to all centres."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array


def operands(x: Any, centers: Any) -> tuple[Array, Array, jnp.dtype]:
    """Checks samples and centres.

    Args:
        x: shape (..., k).
        centers: shape (v, k).

    Returns:
        Both in the dtype of sums, and the dtype of the result.

    Raises:
        ValueError: the shapes do not fit.
        TypeError: one is not real.
    """
    x, centers = _checks.as_floats(x=x, centers=centers)
    if x.ndim < 1 or x.shape[-1] < 1:
        raise ValueError(f"x must have shape (..., k) with k >= 1, got {x.shape}")
    if centers.ndim != 2 or centers.shape[0] < 1 or centers.shape[1] != x.shape[-1]:
        raise ValueError(f"centers must have shape (v, {x.shape[-1]}) with v >= 1, got {centers.shape}")
    return _checks.accumulated(x), _checks.accumulated(centers), x.dtype


def parameters(dtype: jnp.dtype, **numbers: Any) -> tuple[Array, ...]:
    """Numbers as arrays without axes of the dtype of sums.

    Args:
        dtype: of the sums.
        **numbers: by argument name.
    """
    return tuple(number.astype(dtype) for number in _checks.as_numbers(**numbers))


@functools.partial(jax.jit, static_argnums=(0, 1))
def over_centers(
    measure: Callable[..., Array], block_size: int | None, x: Array, centers: Array, *numbers: Array
) -> Array:
    """measure(x, w_i) for all centres, a block of them at a time: memory for its pairs alone, in reverse mode too.

    Args:
        measure: from arrays (..., 1, k) and (..., b, k), and the numbers, to (..., b); a function of a module.
        block_size: b, None for all centres at once.
        x: shape (..., k).
        centers: shape (v, k).
        *numbers: parameters of the measure.

    Returns:
        Shape (..., v).
    """
    lead = (1,) * (x.ndim - 1)

    def of_block(block: Array) -> Array:
        return measure(x[..., None, :], block.reshape(lead + block.shape), *numbers)

    count = centers.shape[0]
    if block_size is None or block_size >= count:
        return of_block(centers)
    padded = jnp.pad(centers, ((0, -count % block_size), (0, 0)), mode="edge")
    blocks = jax.lax.map(jax.checkpoint(of_block), padded.reshape(-1, block_size, centers.shape[1]))
    return jnp.moveaxis(blocks, 0, -2).reshape(*x.shape[:-1], -1)[..., :count]


def require_block_size(block_size: int | None) -> None:
    """Raises unless the size of a block is None or a positive integer."""
    if block_size is not None:
        _checks.require_integer("block_size", block_size, minimum=1)


def safe_sqrt(x: Array) -> Array:
    """The square root, with a zero gradient at zero; NaN below, with its gradient."""
    zero = x == 0
    return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, x)))


def magnitude(x: Array) -> Array:
    """|x|, with a zero gradient at zero, where that of jnp.abs is 1."""
    return x * jnp.sign(x)


def ratio(numerator: Array, denominator: Array) -> Array:
    """a / b of what is not negative; 0 / 0 is 0."""
    positive = denominator > 0
    return jnp.where(
        positive, numerator / jnp.where(positive, denominator, 1), jnp.where(numerator > 0, jnp.inf, 0 * numerator)
    )
