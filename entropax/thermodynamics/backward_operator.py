"""The generator of the dynamics, which makes observables whose stationary mean is known."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import ArrayLike, Float, Real


def generator(
    function: Callable[[Any], Any],
    state: Real[ArrayLike, "*shape"],
    drift: Real[ArrayLike, "*shape"],
    diffusion: Real[ArrayLike, "..."],
) -> Float[Any, "..."]:
    """L f = b . grad f + sum_i D_i d^2 f / d x_i^2, the mean rate of change of f along dX = b dt + sqrt(2 D) dW.

    In a steady state E[L f] = 0 for every f, so that L f are control variates for `mean_rate`; for the f with
    L f = r - E[r] (Poisson's equation) a rate r would be known without noise.

    Args:
        function: f, from states to arrays of any shape.
        state: x, any shape.
        drift: b at the state, the shape of x.
        diffusion: diagonal D >= 0, broadcastable to x.

    Returns:
        L f at the state, the shape of f(x). Costs two forward-mode products a coordinate.

    Raises:
        TypeError: `function` is not callable.
        ValueError: shapes do not fit or D is negative.

    Differentiable in all arguments and whatever f is differentiable in. Source: Risken, The Fokker-Planck Equation,
    ch. 4.
    """
    if not callable(function):
        raise TypeError(f"function must be a function of the state, got {type(function).__name__}")
    x, b, D = _checks.as_floats(state=state, drift=drift, diffusion=diffusion)
    _checks.require_same_shape(state=x, drift=b)
    D = jnp.broadcast_to(_checks.broadcastable("diffusion", D, x.shape), x.shape)
    return _checks.enforce(_generator(function, x, b, D), _checks.nonnegative("diffusion", D))


def _generator(function: Callable[[Any], Any], x: jax.Array, b: jax.Array, D: jax.Array) -> jax.Array:
    def second(direction: jax.Array) -> jax.Array:
        def first(y: jax.Array) -> jax.Array:
            return jax.jvp(function, (y,), (direction,))[1]

        return jax.jvp(first, (x,), (direction,))[1]

    directions = jnp.eye(x.size, dtype=x.dtype).reshape(x.size, *x.shape)
    curvatures = jax.vmap(second)(directions)
    return jax.jvp(function, (x,), (b,))[1] + jnp.tensordot(D.reshape(-1), curvatures, axes=1)
