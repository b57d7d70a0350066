"""Weights of the paths of diffusions."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import ArrayLike, Real, RealScalar, Scalar


def onsager_machlup(
    path: Real[ArrayLike, "t *shape"],
    drift: Callable[[Any], Any],
    diffusion: Real[ArrayLike, "..."],
    dt: RealScalar,
) -> Scalar:
    """Action of a path of dX = b dt + sqrt(2 D) dW, sum_t (x_t+1 - x_t - b(x_t) dt)^2 / (4 D dt).

    exp(-action) is the path's probability given its start, up to a factor that depends on D and dt alone: the kernel of
    maximum entropy with the mean displacement and its square given. Increments are those of Ito, b at the start of a
    step. The difference between the actions of the reversed path and of the path tends to the entropy that the medium
    takes up.

    Args:
        path: x_0 ... x_t-1, shape (t, *shape) with t >= 2.
        drift: b, a function from one state to an array of its shape.
        diffusion: diagonal D > 0, broadcastable to one state.
        dt: time between states, positive.

    Returns:
        The action in nats.

    Raises:
        TypeError: `drift` is not callable.
        ValueError: the path has fewer than two states or is not finite, b has another shape, or D or dt is not
            positive.

    Differentiable in the path, D, dt and what the drift is differentiable in. Source: Onsager and Machlup 1953;
    arXiv 1105.5662.
    """
    if not callable(drift):
        raise TypeError(f"drift must be a function of the state, got {type(drift).__name__}")
    x, D, step = _checks.as_floats(path=path, diffusion=diffusion, dt=dt)
    _checks.as_numbers(dt=step)
    if x.ndim < 1 or x.shape[0] < 2:
        raise ValueError(f"path must have shape (t, ...) with t >= 2, got {x.shape}")
    D = _checks.broadcastable("diffusion", D, x.shape[1:])
    mean = jax.vmap(drift)(x[:-1])
    if jnp.shape(mean) != x[:-1].shape:
        raise ValueError(f"drift must have the shape of a state, {x.shape[1:]}, got {jnp.shape(mean)[1:]}")
    action = jnp.sum((x[1:] - x[:-1] - mean * step) ** 2 / D[None]) / (4 * step)
    checks = _checks.finite("path", x), _checks.positive("diffusion", D), _checks.positive("dt", step)
    return _checks.enforce(action, *checks)
