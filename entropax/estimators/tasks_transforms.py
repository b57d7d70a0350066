"""Maps that change what samples look like and not what they know: mutual information is invariant under them.

Every map acts on X alone or on Y alone and is injective, so I(f(X); g(Y)) = I(X; Y).
"""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, RealScalar

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
    """x + sum_k a_k sin(f_k x + p_k).

    Args:
        x: any shape.
        wiggles: rows (a, f, p), shape (k, 3, ...); what follows broadcasts with x.

    Returns:
        The image, of the shape of x. Source: arXiv 2306.11078, appendix D.
    """
    return x + sum(
        amplitude * jnp.sin(frequency * x + phase) for amplitude, frequency, phase in jnp.asarray(wiggles, x.dtype)
    )


def normal_cdf(x: Real[ArrayLike, "*shape"]) -> Float[Array, "*shape"]:
    """The distribution function of the standard normal, which makes normal coordinates uniform on (0, 1).

    Args:
        x: any real array.

    Returns:
        The image, of the same shape.

    Raises:
        TypeError: x is not real.

    Differentiable. Source: arXiv 2306.11078.
    """
    return _normal_cdf(_checks.as_float("x", x))


def _normal_cdf(x: Array) -> Array:
    return jax.lax.erfc(-x / math.sqrt(2)) / 2  # accurate in the left tail


def swiss_roll(x: Real[ArrayLike, "n 1"]) -> Float[Array, "n 2"]:
    """Rolls the interval [0, 1] up in the plane, (t cos t, t sin t) / 21 with t = 3 pi / 2 (1 + 2 x).

    Args:
        x: points of [0, 1], shape (n, 1).

    Returns:
        Points of the plane, shape (n, 2).

    Raises:
        ValueError: x has another shape.

    Differentiable. Source: arXiv 2306.11078.
    """
    x = _checks.as_float("x", x)
    if x.ndim != 2 or x.shape[1] != 1:
        raise ValueError(f"x must have shape (n, 1), got {x.shape}")
    t = 1.5 * math.pi * (1 + 2 * x)
    return jnp.concatenate([t * jnp.cos(t), t * jnp.sin(t)], axis=1) / 21


def spiral(
    x: Real[ArrayLike, "n d"], speed: RealScalar = 1.0, *, plane: tuple[int, int] = (0, 1)
) -> Float[Array, "n d"]:
    """Turns every point about the origin by an angle that grows with its distance, exp(speed |x|^2 A) x.

    A is the generator of rotations in a coordinate plane. The map keeps |x| and is undone by the opposite speed.

    Args:
        x: points, shape (n, d).
        speed: angle in radians per squared distance.
        plane: the two coordinates (i, j) that turn, from i to j.

    Returns:
        The turned points, shape (n, d).

    Raises:
        ValueError: x has another shape, or the plane does not name two coordinates.

    Differentiable in x and the speed. Source: arXiv 2306.11078.
    """
    x, speed = _checks.as_floats(x=x, speed=speed)
    _checks.require_ndim("x", x, 2, "(n, d)")
    _checks.require_ndim("speed", speed, 0, "()")
    i, j = plane
    if i == j or not all(0 <= axis < x.shape[1] for axis in plane):
        raise ValueError(f"plane must name two of the {x.shape[1]} coordinates, got {plane}")
    angle = speed * jnp.sum(x**2, axis=1)
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    return x.at[:, i].set(cos * x[:, i] - sin * x[:, j]).at[:, j].set(sin * x[:, i] + cos * x[:, j])


def normal_to_mixture(
    z: Real[ArrayLike, "*shape"], weights: Real[ArrayLike, " k"], centers: Real[ArrayLike, " k"]
) -> Float[Array, "*shape"]:
    """The increasing map from a standard normal to a mixture of unit normals, F^-1(Phi(z)).

    F is the distribution function of sum_k w_k N(c_k, 1). The inverse is found by bisection to the last bits, in the
    smaller of the two tails.

    Args:
        z: any real array.
        weights: w, shape (k,), summing to one.
        centers: c, shape (k,).

    Returns:
        The image, of the shape of z.

    Raises:
        ValueError: the weights are no distribution, or the centers are not finite or not as many.

    Differentiable in all arguments, by the implicit function theorem. Source of its use: arXiv 2306.11078 ("bimodal").
    """
    z, w, c = _checks.as_floats(z=z, weights=weights, centers=centers)
    _checks.require_ndim("weights", w, 1, "(k,)")
    _checks.require_same_shape(weights=w, centers=c)
    value = _mixture_quantile(z, w, c)
    return _checks.enforce(value, _checks.distribution("weights", w), _checks.finite("centers", c))


def _mixture_tail(x: Array, sign: Array, w: Array, c: Array) -> Array:
    """The mixture's mass below x where the sign is 1, above it where it is -1."""
    return sum((w_k * _normal_cdf(sign * (x - c_k)) for w_k, c_k in zip(w, c, strict=True)), jnp.zeros_like(x))


@jax.custom_jvp
@functools.partial(jax.jit, inline=True)
def _mixture_quantile(z: Array, w: Array, c: Array) -> Array:
    sign = jnp.where(z > 0, -1, 1).astype(z.dtype)
    target = _normal_cdf(-jnp.abs(z))

    def halve(_: Any, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        middle = low + (high - low) / 2
        above = sign * (target - _mixture_tail(middle, sign, w, c)) > 0
        return jnp.where(above, middle, low), jnp.where(above, high, middle)

    # Every component's quantile is z + c_k, so that of the mixture lies between the outermost.
    steps = jnp.finfo(z.dtype).nmant + 4
    low, high = jax.lax.fori_loop(0, steps, halve, (z + jnp.min(c), z + jnp.max(c)))
    return low + (high - low) / 2


@_mixture_quantile.defjvp
def _(primals: tuple[Array, ...], tangents: tuple[Array, ...]) -> tuple[Array, Array]:
    # F(x; w, c) = Phi(z): f dx = phi(z) dz + sum_k w_k phi(x - c_k) dc_k - sum_k Phi(x - c_k) dw_k.
    z, w, c = primals
    dz, dw, dc = tangents
    x = _mixture_quantile(z, w, c)
    away = x[..., None] - c.reshape((1,) * x.ndim + c.shape)
    log_parts = jnp.log(w).reshape((1,) * x.ndim + w.shape) - away**2 / 2
    log_density = logsumexp(log_parts, axis=-1)
    shares = jnp.exp(log_parts - log_density[..., None])
    moved = jnp.sum(shares * dc.reshape((1,) * x.ndim + c.shape), axis=-1)
    reweighted = jnp.sum(_normal_cdf(away) * dw.reshape((1,) * x.ndim + w.shape), axis=-1)
    inverse_density = jnp.exp(0.5 * math.log(2 * math.pi) - log_density)
    return x, jnp.exp(-(z**2) / 2 - log_density) * dz + moved - inverse_density * reweighted
