"""Periodic grids and calculus on them by the fast Fourier transform."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Inexact, Num, RealScalar
from entropax.space.boxes import PeriodicBox


class SpectralGrid(eqx.Module):
    """A regular grid on a torus, whose functions are differentiated exactly up to the grid's finest wave.

    Functions are arrays whose last d axes are the grid; axes in front are batches. Real functions give real results.

    Attributes:
        box: the torus.
        shape: grid points along each axis.
    """

    box: PeriodicBox
    shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, box: PeriodicBox, shape: tuple[int, ...]):
        """Checks the shape.

        Args:
            box: the torus, d axes.
            shape: grid points along each axis, at least 2.

        Raises:
            ValueError: the shape has another number of axes than the box.
        """
        if len(shape) != box.ndim:
            raise ValueError(f"shape must have one entry an axis of the box, {box.ndim}, got {shape}")
        for count in shape:
            _checks.require_integer("shape", count, minimum=2)
        self.box, self.shape = box, tuple(int(count) for count in shape)

    @property
    def ndim(self) -> int:
        """Number of axes d."""
        return len(self.shape)

    @property
    def spacing(self) -> Float[Array, "d"]:
        """Distance of grid points along each axis."""
        return self.box.extent / jnp.asarray(self.shape, self.box.extent.dtype)

    @property
    def points(self) -> Float[Array, "*grid d"]:
        """The grid points, from the lower corner, shape (*shape, d)."""
        dtype = self.box.lower.dtype
        axes = [
            self.box.lower[a] + self.spacing[a] * jnp.arange(count, dtype=dtype) for a, count in enumerate(self.shape)
        ]
        return jnp.stack(jnp.meshgrid(*axes, indexing="ij"), axis=-1)

    def wavenumbers(self, axis: int, *, odd: bool = False) -> Float[Array, "*grid"]:
        """k along an axis, 2 pi m / L in the order of the transform, with length one along the other axes.

        Args:
            axis: which one.
            odd: whether the unpaired highest wave of an even count is set to zero, as odd derivatives need.

        Returns:
            Wavenumbers, of as many axes as the grid: (n,) along this one, 1 along the others.
        """
        count = self.shape[axis]
        waves = np.fft.fftfreq(count, 1 / count)
        if odd and count % 2 == 0:
            waves[count // 2] = 0.0
        dtype = self.box.lower.dtype
        k = 2 * math.pi / self.box.extent[axis] * jnp.asarray(waves, dtype)
        return k.reshape((1,) * axis + (count,) + (1,) * (self.ndim - axis - 1))

    def derivative(self, values: Num[ArrayLike, "..."], axis: int = 0, *, order: int = 1) -> Inexact[Array, "..."]:
        """A derivative along one axis of the grid.

        Args:
            values: a function on the grid, shape (..., *shape).
            axis: axis of the grid, 0 to d - 1.
            order: how many times, at least 1.

        Returns:
            The derivative, of the same shape.

        Raises:
            ValueError: the shape does not fit, or the axis or order is out of range.

        Differentiable in the values and in the box.
        """
        _checks.require_integer("axis", axis, minimum=0, maximum=self.ndim - 1)
        _checks.require_integer("order", order, minimum=1)
        k = self.wavenumbers(axis, odd=order % 2 == 1)
        # 1j**order, without leaving the dtype of k
        sign = (1, 1, -1, -1)[order % 4]
        wave = sign * k**order
        return self._filtered(values, jax.lax.complex(jnp.zeros_like(wave), wave) if order % 2 else wave)

    def laplacian(self, values: Num[ArrayLike, "..."]) -> Inexact[Array, "..."]:
        """The sum of the second derivatives.

        Args:
            values: a function on the grid, shape (..., *shape).

        Returns:
            The Laplacian, of the same shape.

        Raises:
            ValueError: the shape does not fit.

        Differentiable in the values and in the box.
        """
        square = jnp.zeros((1,) * self.ndim, self.box.lower.dtype)
        for axis in range(self.ndim):
            square = square + self.wavenumbers(axis) ** 2
        return self._filtered(values, -square)

    def dealias(self, values: Num[ArrayLike, "..."], *, fraction: RealScalar = 2 / 3) -> Inexact[Array, "..."]:
        """Removes the waves above a fraction of the highest along any axis (the 2/3 rule of quadratic products).

        Args:
            values: a function on the grid, shape (..., *shape).
            fraction: what is kept, in (0, 1].

        Returns:
            The filtered function, of the same shape.

        Raises:
            ValueError: the shape does not fit, or the fraction is no number or not in (0, 1].

        Differentiable in the values.
        """
        (kept,) = _checks.as_numbers(fraction=fraction)
        kept = kept.astype(self.box.lower.dtype)
        with _checks.evaluated_now(kept):
            ok = _checks.Check((kept > 0) & (kept <= 1), "fraction must be in (0, 1]", lambda: f"{kept}")
        keep = jnp.ones((1,) * self.ndim, bool)
        for axis, count in enumerate(self.shape):
            waves = np.abs(np.fft.fftfreq(count, 1 / count))
            inside = jnp.asarray(waves, self.box.lower.dtype) <= kept * (count / 2)
            keep = keep & inside.reshape((1,) * axis + (count,) + (1,) * (self.ndim - axis - 1))
        return _checks.enforce(self._filtered(values, keep.astype(self.box.lower.dtype)), ok)

    def integral(self, values: Num[ArrayLike, "..."]) -> Inexact[Array, "..."]:
        """The integral over the torus: the sum times the cell, exact for the waves that the grid holds.

        Args:
            values: a function on the grid, shape (..., *shape).

        Returns:
            The integral, shape (...).

        Raises:
            ValueError: the shape does not fit.

        Differentiable in the values and in the box.
        """
        f = self._on_grid(values)
        return jnp.sum(f, axis=tuple(range(-self.ndim, 0))) * jnp.prod(self.spacing)

    def _on_grid(self, values: ArrayLike) -> Array:
        f = jnp.asarray(values)
        if not jnp.issubdtype(f.dtype, jnp.inexact):
            f = f.astype(self.box.lower.dtype)
        if f.shape[f.ndim - self.ndim :] != self.shape:
            raise ValueError(f"values must have shape (..., {', '.join(map(str, self.shape))}), got {f.shape}")
        return f

    def _filtered(self, values: ArrayLike, multiplier: Array) -> Array:
        f = self._on_grid(values)
        axes = tuple(range(f.ndim - self.ndim, f.ndim))
        complex_dtype = jnp.complex128 if f.dtype in (jnp.float64, jnp.complex128) else jnp.complex64
        factor = multiplier.astype(complex_dtype).reshape((1,) * (f.ndim - self.ndim) + multiplier.shape)
        result = jnp.fft.ifftn(jnp.fft.fftn(f.astype(complex_dtype), axes=axes) * factor, axes=axes)
        return result if jnp.iscomplexobj(f) else result.real.astype(f.dtype)
