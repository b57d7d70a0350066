"""Where particles live: the torus and free space, and how far apart two points of it are."""

from typing import TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Real, Scalar


class PeriodicBox(eqx.Module):
    """A torus: the box [lower, upper) whose opposite faces are one.

    Displacements and distances follow the minimum-image convention: of all periodic images of the second point, the
    nearest counts. They are right for any representatives, inside the box or not. Results have the dtype of the
    points; everything is differentiable in the points and, through the periods crossed, in the box.

    Attributes:
        lower: lower corner, shape (d,), length.
        upper: upper corner, shape (d,), length.

    Raises:
        ValueError: the corners are not vectors of one length, or `upper` is not above `lower` along every axis.
    """

    lower: Float[Array, " d"]
    upper: Float[Array, " d"]

    def __init__(self, lower: Real[ArrayLike, " d"], upper: Real[ArrayLike, " d"]):
        lower, upper = _checks.as_floats(lower=lower, upper=upper)
        _checks.require_ndim("lower", lower, 1, "(d,)")
        _checks.require_same_shape(lower=lower, upper=upper)
        with _checks.evaluated_now(lower, upper):
            ok = _checks.positive("upper - lower", upper - lower)
        self.lower, self.upper = _checks.enforce((lower, upper), ok)

    @property
    def ndim(self) -> int:
        """Number of axes d."""
        return self.lower.shape[0]

    @property
    def extent(self) -> Float[Array, " d"]:
        """Length of the period along each axis."""
        return self.upper - self.lower

    @property
    def volume(self) -> Scalar:
        """Product of the extents."""
        return jnp.prod(self.extent)

    def wrap(self, x: Real[ArrayLike, "... d"]) -> Float[Array, "... d"]:
        """The representatives of the points in the box, x - L floor((x - lower) / L).

        Args:
            x: points, shape (..., d).

        Returns:
            Points in [lower, upper), shape (..., d), those inside unchanged. The derivative in x is the identity.
        """
        (x,) = self._points(x=x)
        return wrap_between(x, *self._corners(x))

    def displacement(self, x: Real[ArrayLike, "... d"], y: Real[ArrayLike, "... d"]) -> Float[Array, "... d"]:
        """The shortest vector from y to x on the torus, x - y - L round((x - y) / L).

        Args:
            x: points, shape (..., d).
            y: points, a shape that broadcasts with that of x.

        Returns:
            Displacements, each component in [-L/2, L/2].
        """
        x, y = self._points(x=x, y=y)
        difference = x - y
        lower, upper = self._corners(difference)
        return nearest_image(difference, upper - lower)

    def distance(self, x: Real[ArrayLike, "... d"], y: Real[ArrayLike, "... d"]) -> Float[Array, "..."]:
        """Length of the shortest vector from y to x.

        Args:
            x: points, shape (..., d).
            y: points, a shape that broadcasts with that of x.

        Returns:
            Distances, shape (...). At coincident points the gradient is zero.
        """
        return _norm(self.displacement(x, y))

    def contains(self, x: Real[ArrayLike, "... d"]) -> Bool[Array, "..."]:
        """Whether the points lie in the closed box; NaN does not.

        Args:
            x: points, shape (..., d).

        Returns:
            Booleans, shape (...).
        """
        (x,) = self._points(x=x)
        lower, upper = self._corners(x)
        inside = (x >= lower) & (x <= upper)
        return jnp.all(inside, axis=-1)

    def _corners(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The corners in the dtype of the points and with as many axes."""
        shape = (1,) * (x.ndim - 1) + (self.ndim,)
        return self.lower.astype(x.dtype).reshape(shape), self.upper.astype(x.dtype).reshape(shape)

    def _points(self, **points: ArrayLike) -> tuple[jax.Array, ...]:
        arrays = _checks.as_floats(**points)
        for name, x in zip(points, arrays, strict=True):
            if x.ndim < 1 or x.shape[-1] != self.ndim:
                raise ValueError(f"{name} must have shape (..., {self.ndim}), the axes of the box, got {x.shape}")
        return arrays


class FreeSpace(eqx.Module):
    """Unbounded Euclidean space, with the methods of `PeriodicBox`."""

    def wrap(self, x: Real[ArrayLike, "... d"]) -> Float[Array, "... d"]:
        """The points themselves.

        Args:
            x: points, shape (..., d).

        Returns:
            x as floating numbers.
        """
        (x,) = _vectors(x=x)
        return x

    def displacement(self, x: Real[ArrayLike, "... d"], y: Real[ArrayLike, "... d"]) -> Float[Array, "... d"]:
        """The vector from y to x.

        Args:
            x: points, shape (..., d).
            y: points, a shape that broadcasts with that of x.

        Returns:
            x - y, shape (..., d).
        """
        x, y = _vectors(x=x, y=y)
        return x - y

    def distance(self, x: Real[ArrayLike, "... d"], y: Real[ArrayLike, "... d"]) -> Float[Array, "..."]:
        """Length of the vector from y to x.

        Args:
            x: points, shape (..., d).
            y: points, a shape that broadcasts with that of x.

        Returns:
            Distances, shape (...). At coincident points the gradient is zero.
        """
        return _norm(self.displacement(x, y))

    def contains(self, x: Real[ArrayLike, "... d"]) -> Bool[Array, "..."]:
        """Whether the points are finite.

        Args:
            x: points, shape (..., d).

        Returns:
            Truth values, shape (...).
        """
        (x,) = _vectors(x=x)
        return jnp.all(jnp.isfinite(x), axis=-1)


def nearest_image(difference: Float[Array, "..."], extent: Float[Array, "..."]) -> Float[Array, "..."]:
    """The minimum image of a coordinate's difference, x - L round(x / L), in [-L/2, L/2].

    Args:
        difference: any shape.
        extent: L, broadcastable to it.

    Returns:
        The image, the shape of `difference`. Its derivative in the difference is 1, in L minus the periods removed.
    """
    # A division for every pair of particles would cost more than all else that is done with it.
    return difference - extent * jnp.round(difference * (1 / extent))


@jax.custom_jvp
def wrap_between(x: Float[Array, "..."], lower: Float[Array, "..."], upper: Float[Array, "..."]) -> Float[Array, "..."]:
    """x - L floor((x - lower) / L) with L = upper - lower, exactly in [lower, upper) whatever the rounding.

    Args:
        x: any shape.
        lower: broadcastable to x.
        upper: the same shape as lower.

    Returns:
        Numbers of the shape of x, those inside unchanged. The derivative in x is 1; in L it is minus the number of
        periods crossed.
    """
    y = x - (upper - lower) * _periods(x, lower, upper)
    inside = jnp.where(y >= upper, lower, jnp.maximum(y, lower))
    return jnp.where((x >= lower) & (x < upper), x, inside)


@wrap_between.defjvp
def _wrap_between_jvp(primals: tuple[Array, ...], tangents: tuple[Array, ...]) -> tuple[Array, Array]:
    # By hand: the last ulp's correction has no derivative.
    x, lower, upper = primals
    dx, dlower, dupper = tangents
    return wrap_between(x, lower, upper), dx - (dupper - dlower) * _periods(x, lower, upper)


def _periods(x: Array, lower: Array, upper: Array) -> Array:
    return jnp.floor((x - lower) / (upper - lower))


Space: TypeAlias = PeriodicBox | FreeSpace
"""What has wrap, displacement, distance and contains."""


def _vectors(**points: ArrayLike) -> tuple[jax.Array, ...]:
    arrays = _checks.as_floats(**points)
    for name, x in zip(points, arrays, strict=True):
        if x.ndim < 1:
            raise ValueError(f"{name} must have shape (..., d), got a number")
    return arrays


def _norm(vectors: jax.Array) -> jax.Array:
    """Euclidean length over the last axis, with zero gradient at zero."""
    squared = jnp.sum(vectors**2, axis=-1)
    positive = squared > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squared, 1)), squared)
