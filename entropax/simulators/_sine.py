"""Sine and cosine in float64 that a CPU computes eight at a time; XLA calls the system's, one number after another."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from entropax._typing import Array

# pi / 2 in parts of 30 bits and a rest: a multiple below 2^23 of one of the first three is exact.
_QUARTER = (1.570796325802803, 9.920935791635221e-10, 5.17018297889025e-19, 2.9038559739793583e-28)
_FURTHEST = 2.0**23
"""Beyond, the system's functions are asked."""

# sin r = r + r^3 S(r^2) and cos r = 1 - r^2 / 2 + r^4 C(r^2) for |r| <= pi / 4, of least relative error (3.6e-18
# and 5.6e-20, by Remez).
_SINE = (
    -0.1666666666666663,
    0.008333333333322118,
    -0.00019841269829589696,
    2.755731362142608e-06,
    -2.5050747767650246e-08,
    1.5896230369588296e-10,
)
_COSINE = (
    0.041666666666666595,
    -0.0013888888888873056,
    2.4801587288851677e-05,
    -2.7557314179291515e-07,
    2.087570084156075e-09,
    -1.1358536511255521e-11,
)


@jax.jit
def sine(x: Array) -> Array:
    """sin x.

    In float64 on a CPU to 0.8 of the last place and 1e-34 |x|, at a quarter of the time of jnp.sin; elsewhere jnp.sin.

    Args:
        x: any shape.

    Differentiable any number of times, in all modes.
    """
    return _sine(x) if x.dtype == jnp.float64 else jnp.sin(x)


@jax.jit
def sine_and_cosine(x: Array) -> tuple[Array, Array]:
    """sin x and cos x together, as exact and as differentiable as `sine`.

    Args:
        x: any shape.
    """
    return _both(x) if x.dtype == jnp.float64 else (jnp.sin(x), jnp.cos(x))


@jax.jit
def rotated(z: Array, angle: Array) -> Array:
    """z e^{i angle} to 3e-16 |z|; on a CPU NaN for float64 angles from 2^23 on, which no time step resolves.

    Frugal: XLA spreads what it thinks takes long over threads, and within a loop over short arrays that costs more than
    the sines. So there is no condition as above, and no care for what is small against one.

    Args:
        z: complex, any shape.
        angle: real, of the same shape and precision.
    """
    return _rotated(z, angle) if angle.dtype == jnp.float64 else _turned(z, jnp.sin(angle), jnp.cos(angle))


@jax.custom_jvp
def _sine(x: Array) -> Array:
    return jax.lax.platform_dependent(x, cpu=_fast_sine, default=jnp.sin)


@_sine.defjvp
def _sine_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    sin, cos = _both(*primals)
    return sin, cos * tangents[0]


@jax.custom_jvp
def _both(x: Array) -> tuple[Array, Array]:
    return jax.lax.platform_dependent(x, cpu=_fast_both, default=_system_both)


@_both.defjvp
def _both_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    sin, cos = _both(*primals)
    return (sin, cos), (cos * tangents[0], -sin * tangents[0])


@jax.custom_jvp
def _rotated(z: Array, angle: Array) -> Array:
    return jax.lax.platform_dependent(z, angle, cpu=_fast_rotated, default=_system_rotated)


@_rotated.defjvp
def _rotated_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    (z, angle), (z_dot, angle_dot) = primals, tangents
    turned, unit = _rotated(z, angle), _rotated(jnp.ones_like(z), angle)
    return turned, z_dot * unit + jax.lax.complex(-turned.imag * angle_dot, turned.real * angle_dot)


def _looking_at_the_batch(f: Callable[..., Any]) -> Callable[..., Any]:
    """An elementwise function with a condition on all entries, which vmap widens to those of the batch.

    By itself vmap would turn the condition into a choice between both branches and compute both.
    """
    whole = jax.custom_batching.custom_vmap(f)

    @whole.def_vmap
    def of_batch(axis_size: int, in_batched: list[bool], *arrays: Array) -> tuple[Any, Any]:
        arrays = tuple(
            array if batched else jnp.broadcast_to(array, (axis_size, *array.shape))
            for array, batched in zip(arrays, in_batched, strict=True)
        )
        values = whole(*arrays)
        return values, jax.tree.map(lambda _: True, values)

    return whole


@_looking_at_the_batch
def _fast_sine(x: Array) -> Array:
    return jax.lax.cond(_is_near(x), lambda x: _from_quadrant(x)[0], jnp.sin, x)


@_looking_at_the_batch
def _fast_both(x: Array) -> tuple[Array, Array]:
    return jax.lax.cond(_is_near(x), _from_quadrant, _system_both, x)


def _fast_rotated(z: Array, angle: Array) -> Array:
    k = jnp.round(angle * (2 / jnp.pi))
    k = jnp.where(jnp.abs(k) < _FURTHEST / 2, k, jnp.nan)
    r = (angle - k * _QUARTER[0]) - k * (_QUARTER[1] + _QUARTER[2])
    z2 = r * r
    s, c = r + r * z2 * _polynomial(_SINE, z2), (1 - z2 / 2) + z2 * z2 * _polynomial(_COSINE, z2)
    return _turned(z, *_by_quadrant(k.astype(jnp.int32), s, c))


def _system_rotated(z: Array, angle: Array) -> Array:
    return _turned(z, *_system_both(angle))


def _turned(z: Array, sin: Array, cos: Array) -> Array:
    return z * jax.lax.complex(cos, sin)


def _system_both(x: Array) -> tuple[Array, Array]:
    return jnp.sin(x), jnp.cos(x)


def _is_near(x: Array) -> Array:
    return jnp.all(jnp.abs(x) < _FURTHEST)


def _from_quadrant(x: Array) -> tuple[Array, Array]:
    """sin x and cos x by the nearest multiple of pi / 2."""
    turns, r, rest = _reduced(x)
    z = r * r
    s = r + (r * z * _polynomial(_SINE, z) + rest * (1 - z / 2))
    nearly = 1 - z / 2
    c = nearly + (((1 - nearly) - z / 2) + (z * z * _polynomial(_COSINE, z) - r * rest))
    return _by_quadrant(turns, s, c)


def _by_quadrant(turns: Array, s: Array, c: Array) -> tuple[Array, Array]:
    """Sine and cosine of an angle from those of what is left beside so many quarter turns."""
    odd = (turns & 1) == 1
    sin, cos = jnp.where(odd, c, s), jnp.where(odd, s, c)
    return jnp.where((turns & 2) == 2, -sin, sin), jnp.where(((turns + 1) & 2) == 2, -cos, cos)


def _reduced(x: Array) -> tuple[Array, Array, Array]:
    """The nearest multiple k of pi / 2, and x - k pi / 2 as a number and what is lost in it (Cody and Waite)."""
    k = jnp.round(x * (2 / jnp.pi))
    first, second, third, last = _QUARTER
    near, less = x - k * first, k * second  # exact
    r = near - less
    taken = r - near
    rest = (near - (r - taken)) - (less + taken)  # what r has lost to rounding (Knuth)
    rest = (rest - k * third) - k * last
    total = r + rest
    return k.astype(jnp.int32), total, (r - total) + rest


def _polynomial(coefficients: tuple[float, ...], z: Array) -> Array:
    value = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        value = value * z + coefficient
    return jnp.asarray(value)
