"""The generator of the dynamics, which makes observables whose stationary mean is known."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import ArrayLike, Float, Real


def generator(
    function: Callable[[Any], Any],
    state: Real[ArrayLike, "*shape"],
    drift: Real[ArrayLike, "*shape"],
    diffusion: Real[ArrayLike, "..."],
    *,
    block_size: int | None = None,
) -> Float[Any, "..."]:
    """L f = b . grad f + sum_i D_i d^2 f / d x_i^2, the mean rate of change of f along dX = b dt + sqrt(2 D) dW.

    In a steady state E[L f] = 0 for every f, so that L f are control variates for `mean_rate`; for the f with
    L f = r - E[r] (Poisson's equation) a rate r would be known without noise.

    Args:
        function: f, from states to arrays of any shape.
        state: x, any shape.
        drift: b at the state, the shape of x.
        diffusion: diagonal D >= 0, broadcastable to x.
        block_size: number of coordinates differentiated at once, all by default. Memory grows with it, and is the
            square of the number of coordinates for all.

    Returns:
        L f at the state, the shape of f(x). Costs two forward-mode products a coordinate.

    Raises:
        TypeError: `function` is not callable.
        ValueError: shapes do not fit, D is negative, or block_size < 1.

    Differentiable in all arguments and whatever f is differentiable in. Source: Risken, The Fokker-Planck Equation,
    ch. 4.
    """
    if not callable(function):
        raise TypeError(f"function must be a function of the state, got {type(function).__name__}")
    x, b, D = _checks.as_floats(state=state, drift=drift, diffusion=diffusion)
    _checks.require_same_shape(state=x, drift=b)
    D = jnp.broadcast_to(_checks.broadcastable("diffusion", D, x.shape), x.shape)
    if block_size is not None:
        _checks.require_integer("block_size", block_size, minimum=1)
    if block_size is None or block_size >= x.size:
        curvatures = jax.vmap(lambda i: _curvature(function, x, i))(jnp.arange(x.size))
    else:
        curvatures = _curvatures_in_blocks(function, x, block_size)
    value = jax.jvp(function, (x,), (b,))[1] + jnp.tensordot(D.reshape(-1), curvatures, axes=1)
    return _checks.enforce(value, _checks.nonnegative("diffusion", D))


def _curvature(function: Callable[[Any], Any], x: jax.Array, index: jax.Array) -> jax.Array:
    """d^2 f / d x_i^2 for one i."""
    direction = (jnp.arange(x.size) == index).reshape(x.shape).astype(x.dtype)

    def first(y: jax.Array) -> jax.Array:
        return jax.jvp(function, (y,), (direction,))[1]

    return jax.jvp(first, (x,), (direction,))[1]


# Compiled once a function and shape: an eager map of a fresh closure would compile at every call.
@eqx.filter_jit
def _curvatures_in_blocks(function: Callable[[Any], Any], x: jax.Array, block_size: int) -> jax.Array:
    return jax.lax.map(lambda i: _curvature(function, x, i), jnp.arange(x.size), batch_size=block_size)
