"""A line on which a field lives, closed to a ring; where its ends meet the field may change its sign or jump."""

import math
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, RealScalar, Scalar

BOUNDARIES = ("periodic", "antiperiodic", "winding")


class FieldGrid(eqx.Module):
    """A regular grid on [lower, upper), whose functions are differentiated by Fourier transforms.

    What happens after one period L = upper - lower:

    - "periodic": phi(x + L) = phi(x), for waves, breathers and pairs of kinks.
    - "antiperiodic": phi(x + L) = -phi(x), for a single kink between vacua -v and v; the waves are half-integer.
    - "winding": phi(x + L) = phi(x) + jump, for a single kink between vacua that differ by `jump`; what is
      differentiated is the periodic deviation from a straight line.

    A kink on a periodic grid has a jump at the seam, which radiates at once.

    Attributes:
        lower: first point.
        upper: the point that is `lower` again.
        num_points: n.
        boundary: see above.
        jump: what a winding field gains in a period, zero for the others.
    """

    lower: Scalar
    upper: Scalar
    jump: Scalar
    num_points: int = eqx.field(static=True)
    boundary: Literal["periodic", "antiperiodic", "winding"] = eqx.field(static=True)

    def __init__(
        self,
        lower: RealScalar,
        upper: RealScalar,
        num_points: int,
        *,
        boundary: Literal["periodic", "antiperiodic", "winding"] = "periodic",
        jump: RealScalar | None = None,
    ):
        """Checks and converts the parameters.

        Args:
            lower: first point.
            upper: end of the period, above `lower`; not itself a point.
            num_points: n, at least 4.
            boundary: "periodic", "antiperiodic" or "winding".
            jump: for "winding" and no other: what the field gains in a period, 2 pi for a sine-Gordon kink.

        Raises:
            ValueError: the interval is empty, there are too few points, the boundary is unknown, or a jump is missing
                or does not go with the boundary.
        """
        _checks.require_integer("num_points", num_points, minimum=4)
        _checks.require_option("boundary", boundary, BOUNDARIES)
        if (jump is None) == (boundary == "winding"):
            raise ValueError(f"jump must be given for boundary 'winding' and for no other, got {jump} for {boundary!r}")
        a, b, step = _checks.as_numbers(lower=lower, upper=upper, jump=0.0 if jump is None else jump)
        checks = (_checks.positive("upper - lower", b - a), _checks.finite("jump", step))
        self.lower, self.upper, self.jump = _checks.enforce((a, b, step), *checks)
        self.num_points, self.boundary = int(num_points), boundary

    @property
    def length(self) -> Scalar:
        """L, the period."""
        return self.upper - self.lower

    @property
    def spacing(self) -> Scalar:
        """Distance of neighbouring points, L / n."""
        return self.length / self.num_points

    @property
    def points(self) -> Float[Array, "n"]:
        """The points; the middle of the interval is one if n is even."""
        return self.lower + self.spacing * jnp.arange(self.num_points, dtype=self.lower.dtype)

    @property
    def largest_wavenumber(self) -> Scalar:
        """pi / spacing."""
        return jnp.pi / self.spacing

    def derivative(self, field: Real[ArrayLike, "*batch n"]) -> Float[Array, "*batch n"]:
        """phi_x.

        Args:
            field: phi, shape (..., n).

        Returns:
            The derivative, of the same shape.

        Raises:
            ValueError: the last axis does not have n entries.

        Differentiable in the field and in the grid's ends and jump.
        """
        return _derivative(*self._and_field(field, transformed=True), order=1)

    def second_derivative(self, field: Real[ArrayLike, "*batch n"]) -> Float[Array, "*batch n"]:
        """phi_xx.

        Args:
            field: phi, shape (..., n).

        Returns:
            The second derivative, of the same shape.

        Raises:
            ValueError: the last axis does not have n entries.

        Differentiable in the field and in the grid's ends and jump.
        """
        return _derivative(*self._and_field(field, transformed=True), order=2)

    def integral(self, density: Real[ArrayLike, "*batch n"]) -> Float[Array, "*batch"]:
        """The sum times the spacing: exact up to the finest wave for a periodic density.

        Args:
            density: shape (..., n); that of the energy is periodic whatever the boundary.

        Returns:
            The integral, shape (...).

        Raises:
            ValueError: the last axis does not have n entries.

        Differentiable in the density and in the grid's ends.
        """
        grid, f = self._and_field(density, "density")
        return jnp.sum(f, axis=-1) * grid.spacing

    def _and_field(
        self, field: ArrayLike, name: str = "field", *, transformed: bool = False
    ) -> tuple["FieldGrid", Array]:
        """The field as an array, and the grid in its dtype; transforms have no lower precision than float32."""
        phi = _checks.as_float(name, field)
        phi = _checks.accumulated(phi) if transformed else phi
        if phi.ndim < 1 or phi.shape[-1] != self.num_points:
            raise ValueError(f"{name} must have shape (..., {self.num_points}), the grid's points, got {phi.shape}")
        return jax.tree.map(lambda leaf: leaf.astype(phi.dtype), self), phi


@eqx.filter_jit
def _derivative(grid: FieldGrid, phi: Array, *, order: Literal[1, 2]) -> Array:
    return differentiate(grid, phi, order=order)


def differentiate(grid: FieldGrid, phi: Array, *, order: Literal[1, 2]) -> Array:
    """The first or second derivative of a field in the grid's dtype; checks nothing.

    Args:
        grid: the grid.
        phi: shape (..., n).
        order: 1 or 2.

    Returns:
        The derivative, of the same shape.
    """
    n, L = grid.num_points, grid.length
    along = (1,) * (phi.ndim - 1) + (-1,)  # how a function of x or k broadcasts to the field
    if grid.boundary == "antiperiodic" and n % 2 == 0:
        # Of the waves, odd multiples of pi / L, each comes with its conjugate. Those of 1, -3, 5, -7, ... are what the
        # complex function phi(x) - i phi(x + L / 2) is made of on half the period.
        half = n // 2
        wave = (math.pi / L * jnp.asarray(4 * np.fft.fftfreq(half, 1 / half) + 1, phi.dtype)).reshape(along)
        angle = jnp.asarray(math.pi / n * np.arange(half), phi.dtype).reshape(along)
        cos, sin = jnp.cos(angle), jnp.sin(angle)
        first, second = phi[..., :half], phi[..., half:]
        turned = jax.lax.complex(first * cos - second * sin, -first * sin - second * cos)
        derived = jnp.fft.ifft(_times_wave(jnp.fft.fft(turned), wave, order))
        a, b = derived.real, derived.imag
        return jnp.concatenate([a * cos - b * sin, -a * sin - b * cos], axis=-1)
    if grid.boundary == "antiperiodic":
        # phi = e^{i pi x / L} times a periodic function; an odd n leaves the highest wave without partner.
        odd = 2 * np.fft.fftfreq(n, 1 / n) + 1
        odd = np.where((order == 1) & (odd == n), 0.0, odd)
        wave = (math.pi / L * jnp.asarray(odd, phi.dtype)).reshape(along)
        angle = jnp.asarray(math.pi / n * np.arange(n), phi.dtype).reshape(along)
        cos, sin = jnp.cos(angle), jnp.sin(angle)
        derived = jnp.fft.ifft(_times_wave(jnp.fft.fft(jax.lax.complex(phi * cos, -phi * sin)), wave, order))
        return derived.real * cos - derived.imag * sin
    line = grid.jump * jnp.asarray(np.arange(n) / n, phi.dtype).reshape(along)
    periodic = phi if grid.boundary == "periodic" else phi - line
    if order == 2 and n % 2 == 0:
        return _second_derivative_in_pairs(periodic, L)
    whole = np.arange(n // 2 + 1.0)
    if order == 1 and n % 2 == 0:
        whole[-1] = 0.0  # the highest wave's derivative vanishes on the grid
    wave = (2 * math.pi / L * jnp.asarray(whole, phi.dtype)).reshape(along)
    derived = jnp.fft.irfft(_times_wave(jnp.fft.rfft(periodic), wave, order), n)
    return derived + grid.jump / L if order == 1 and grid.boundary == "winding" else derived


def _second_derivative_in_pairs(f: Array, L: Array) -> Array:
    """f'' of a periodic function on an even number of points, by complex transforms of half the length.

    Even and odd points are the real and imaginary part of z; their spectra are E and O, and that of f is E + t O at k
    and E - t O at k + n/2, t = e^(-2 pi i k / n). With s and d half the sum and difference of -k^2 at the two, the
    filtered even and odd points have s E + d t O and s O + d E / t. On CPU XLA's real transform takes as long as a
    complex one of its length, so that a step is a third cheaper this way.
    """
    n = f.shape[-1]
    along = (1,) * (f.ndim - 1) + (-1,)
    square = -(np.fft.fftfreq(n, 1 / n) ** 2)
    first, second = square[: n // 2], square[n // 2 :]
    angle = 2 * np.pi / n * np.arange(n // 2)
    per_wave = ((first + second) / 2, (first - second) / 2, np.cos(angle), np.sin(angle))
    s, d, cos, sin = (jnp.asarray(values, f.dtype).reshape(along) for values in per_wave)
    pairs = f.reshape(*f.shape[:-1], n // 2, 2)
    z = jnp.fft.fft(jax.lax.complex(pairs[..., 0], pairs[..., 1]))
    a, b = z.real, z.imag
    back_a, back_b = (jnp.roll(part[..., ::-1], 1, axis=-1) for part in (a, b))  # at -k
    even_a, even_b = (a + back_a) / 2, (b - back_b) / 2
    odd_a, odd_b = (b + back_b) / 2, (back_a - a) / 2
    turned_a, turned_b = odd_a * cos + odd_b * sin, odd_b * cos - odd_a * sin  # t O
    unturned_a, unturned_b = even_a * cos - even_b * sin, even_b * cos + even_a * sin  # E / t
    filtered = jax.lax.complex(s * a + d * (turned_a - unturned_b), s * b + d * (turned_b + unturned_a))
    derived = jnp.fft.ifft(filtered)
    return (2 * math.pi / L) ** 2 * jnp.stack([derived.real, derived.imag], axis=-1).reshape(f.shape)


def _times_wave(spectrum: Array, wave: Array, order: Literal[1, 2]) -> Array:
    """(i k)^order times a spectrum."""
    if order == 1:
        return jax.lax.complex(-wave * spectrum.imag, wave * spectrum.real)
    square = wave**2
    return jax.lax.complex(-square * spectrum.real, -square * spectrum.imag)
