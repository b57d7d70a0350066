"""Maps that change what samples look like and not what they know: mutual information is invariant under them.

Every map acts on X alone or on Y alone and is injective, so I(f(X); g(Y)) = I(X; Y).
"""

import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real

# Rows (amplitude, frequency, phase): the wiggles of arXiv 2306.11078, appendix D. The slopes stay positive: the
# amplitudes times the frequencies add to less than one.
WIGGLES_X = np.array([[0.4, 1.0, 0.0], [0.2, 1.7, 1.0], [0.03, 3.3, -2.5]])
WIGGLES_Y = np.array([[-0.4, 0.4, 0.0], [0.17, 1.3, 3.5], [0.02, 4.3, -2.5]])


def half_cube(x: Real[ArrayLike, "*shape"]) -> Float[Array, "*shape"]:
    """The signed power 3/2, x sqrt|x|: longer tails.

    Args:
        x: any real array.

    Returns:
        The image, of the same shape.

    Raises:
        TypeError: x is not real.

    Differentiable, with slope 3/2 sqrt|x|; the second derivative is infinite at zero. Source: arXiv 2306.11078.
    """
    x = _checks.as_float("x", x)
    nonzero = jnp.where(x == 0, 1, x)
    return jnp.where(x == 0, x * 0, x * jnp.sqrt(jnp.abs(nonzero)))


def wiggly_x(x: Real[ArrayLike, "*shape"]) -> Float[Array, "*shape"]:
    """The wiggle used for X, x + 0.4 sin x + 0.2 sin(1.7 x + 1) + 0.03 sin(3.3 x - 2.5), strictly increasing.

    Args:
        x: any real array.

    Returns:
        The image, of the same shape.

    Raises:
        TypeError: x is not real.

    Differentiable. Source: arXiv 2306.11078.
    """
    return wiggle(_checks.as_float("x", x), WIGGLES_X)


def wiggly_y(y: Real[ArrayLike, "*shape"]) -> Float[Array, "*shape"]:
    """The wiggle used for Y, y - 0.4 sin(0.4 y) + 0.17 sin(1.3 y + 3.5) + 0.02 sin(4.3 y - 2.5), strictly increasing.

    Args:
        y: any real array.

    Returns:
        The image, of the same shape.

    Raises:
        TypeError: y is not real.

    Differentiable. Source: arXiv 2306.11078.
    """
    return wiggle(_checks.as_float("y", y), WIGGLES_Y)


def wiggle(x: Array, wiggles: Array | np.ndarray) -> Array:
    """x plus a sine for every row (amplitude, frequency, phase); each entry may be an array that broadcasts with x."""
    return x + sum(
        amplitude * jnp.sin(frequency * x + phase) for amplitude, frequency, phase in jnp.asarray(wiggles, x.dtype)
    )
