"""Differential operators on vector fields: the divergence, exact or by random probes.

A field maps an array to an array of the same shape; its divergence is the trace of its Jacobian. The exact one costs a
forward-mode product per coordinate, Hutchinson's estimate one per probe (Skilling 1989; Hutchinson 1990).
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, PRNGKey, Real, Scalar

Field = Callable[[Any], Any]

PROBES = ("rademacher", "normal")


def value_and_jacobian_diagonal(
    field: Field, point: Real[ArrayLike, "*shape"], *, block_size: int | None = None
) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"]]:
    """A field and the diagonal of its Jacobian, d f_i / d x_i, in one pass.

    Sums of the diagonal over some axes are partial divergences: of one particle, or of one degree of freedom.

    Args:
        field: f, a function from arrays to arrays of the same shape.
        point: x, any shape.
        block_size: number of coordinates differentiated at once, all by default. Memory grows with it.

    Returns:
        f(x) and the diagonal, both with the shape of x.

    Raises:
        ValueError: f(x) has another shape than x, or block_size < 1.

    Differentiable in x and whatever f is differentiable in, in both modes.
    """
    x = _point(field, point)
    if block_size is not None:
        _checks.require_integer("block_size", block_size, minimum=1)
    if block_size is None or block_size >= x.size:
        value, diagonal = jax.vmap(lambda i: _slope(field, x, i), out_axes=(None, 0))(jnp.arange(x.size))
        return value, diagonal.reshape(x.shape)
    return field(x), _diagonal_in_blocks(field, x, block_size)


def divergence(field: Field, point: Real[ArrayLike, "*shape"], *, block_size: int | None = None) -> Scalar:
    """The divergence of a field at a point, sum_i d f_i / d x_i, exactly.

    Args:
        field: f, a function from arrays to arrays of the same shape.
        point: x, any shape.
        block_size: number of coordinates differentiated at once, all by default. Memory grows with it.

    Returns:
        The divergence, a scalar.

    Raises:
        ValueError: f(x) has another shape than x, or block_size < 1.

    Differentiable in x and whatever f is differentiable in, in both modes.
    """
    return jnp.sum(value_and_jacobian_diagonal(field, point, block_size=block_size)[1])


def value_and_hutchinson_diagonal(
    field: Field,
    point: Real[ArrayLike, "*shape"],
    *,
    key: PRNGKey,
    num_probes: int = 1,
    distribution: str = "rademacher",
) -> tuple[Float[Array, "*shape"], Float[Array, "probes *shape"]]:
    """A field and unbiased estimates z_i (J z)_i of the diagonal of its Jacobian, one for each random probe z.

    Args:
        field: f, a function from arrays to arrays of the same shape.
        point: x, any shape.
        key: source of randomness.
        num_probes: number of independent probes.
        distribution: "rademacher" (signs: exact when J is diagonal, and of least variance) or "normal".

    Returns:
        f(x), with the shape of x, and the estimates, shape (num_probes, *shape).

    Raises:
        ValueError: f(x) has another shape than x, num_probes < 1, or the distribution is unknown.
        TypeError: `key` is not a new-style key.

    Differentiable in x and whatever f is differentiable in, in both modes.
    """
    _checks.require_key("key", key)
    _checks.require_integer("num_probes", num_probes, minimum=1)
    _checks.require_option("distribution", distribution, PROBES)
    x = _point(field, point)
    draw = jax.random.rademacher if distribution == "rademacher" else jax.random.normal
    probes = draw(key, (num_probes, *x.shape), dtype=x.dtype)

    def one(probe: Array) -> tuple[Array, Array]:
        value, tangent = _product(field, x, probe)
        return value, probe * tangent

    return jax.vmap(one, out_axes=(None, 0))(probes)


def hutchinson_divergence(
    field: Field,
    point: Real[ArrayLike, "*shape"],
    *,
    key: PRNGKey,
    num_probes: int = 1,
    distribution: str = "rademacher",
) -> Scalar:
    """An unbiased estimate of the divergence, the mean of z . J z over random probes z.

    Args:
        field: f, a function from arrays to arrays of the same shape.
        point: x, any shape.
        key: source of randomness.
        num_probes: number of independent probes; the variance falls as its inverse.
        distribution: "rademacher" or "normal".

    Returns:
        The estimate, a scalar.

    Raises:
        ValueError: f(x) has another shape than x, num_probes < 1, or the distribution is unknown.
        TypeError: `key` is not a new-style key.

    Differentiable in x and whatever f is differentiable in, in both modes.
    """
    _, terms = value_and_hutchinson_diagonal(field, point, key=key, num_probes=num_probes, distribution=distribution)
    return jnp.sum(terms) / num_probes


def _slope(field: Field, x: Array, index: Array) -> tuple[Array, Array]:
    """f(x) and d f_i / d x_i for one i."""
    chosen = (jnp.arange(x.size) == index).reshape(x.shape)
    value, tangent = _product(field, x, chosen.astype(x.dtype))
    # A selection, since a product would let another coordinate's infinity through.
    return value, jnp.sum(jnp.where(chosen, tangent, 0))


# Compiled once a field and shape: an eager map of a fresh closure would compile at every call.
@eqx.filter_jit
def _diagonal_in_blocks(field: Field, x: Array, block_size: int) -> Array:
    diagonal = jax.lax.map(lambda i: _slope(field, x, i)[1], jnp.arange(x.size), batch_size=block_size)
    return diagonal.reshape(x.shape)


def _product(field: Field, x: Array, direction: Array) -> tuple[Array, Array]:
    """f(x) and J direction."""
    value, tangent = jax.jvp(field, (x,), (direction,))
    if jnp.shape(value) != x.shape:
        raise ValueError(f"field must return the shape of the point, {x.shape}, got {jnp.shape(value)}")
    return value, tangent


def _point(field: Field, point: Any) -> Array:
    if not callable(field):
        raise TypeError(f"field must be a function of the point, got {type(field).__name__}")
    return _checks.as_float("point", point)
