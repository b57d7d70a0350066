"""Collisions of Maxwell molecules in the plane by Fourier series, and the solution of Bobylev, Krook and Wu."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import scipy.special
from jaxtyping import Float, Real

from entropax import _checks
from entropax._typing import Array, ArrayLike, RealScalar
from entropax.simulators.velocity_space import VelocityGrid, as_distribution


def spectral_collision(
    f: Real[ArrayLike, "n n"], *, grid: VelocityGrid, num_radii: int = 40, num_angles: int = 16
) -> Float[Array, "n n"]:
    """Collisions within one species of Maxwell molecules, Q(f) = int int (f' f*' - f f*) dOmega dv* / (2 pi).

    With relative speeds cut at R = 2S the gain is, over radii r and directions s,

        gain = int_0^R 2 pi r J0(r |k| / 2) mean_s f(v + r s / 2) f(v - r s / 2) dr   (J0 acting on Fourier modes),

    so it costs M_r M_s transforms of the grid instead of N^4 products: both shifted copies come from one complex
    transform. Radii are Gauss-Legendre nodes, directions lie evenly on a half circle. The error falls exponentially
    with N, M_r and M_s; mass, momentum and energy are kept up to that error.

    Args:
        f: distribution at `grid.velocities()`, shape (N, N), negligible beyond the grid's support.
        grid: the grid.
        num_radii: M_r.
        num_angles: M_s.

    Returns:
        Q(f), shape (N, N), in units of the collision rate at density one.

    Raises:
        ValueError: f does not have the grid's shape, or M_r or M_s is less than one.

    Differentiable in f, in both modes; reverse mode recomputes the shifted copies radius by radius, so its memory does
    not grow with M_r. Source: Mouhot and Pareschi 2006 (doi 10.1090/S0025-5718-06-01874-6); the normalisation is that
    of arXiv 2411.13240's setting.
    """
    f = as_distribution("f", f, grid)
    _checks.require_integer("num_radii", num_radii, minimum=1)
    _checks.require_integer("num_angles", num_angles, minimum=1)
    scale = jnp.full(1, grid.support, f.dtype) ** 2
    return _collisions(f[None], scale, grid.num_points, grid.half_width / grid.support, num_radii, num_angles)[0]


def collisions_of_both(
    f: Array, f_grid: VelocityGrid, g: Array, g_grid: VelocityGrid, num_radii: int, num_angles: int
) -> tuple[Array, Array]:
    """`spectral_collision` of two species, together where their grids differ in scale only: that compiles once.

    Args:
        f: distribution at `f_grid.velocities()`, shape (N, N).
        f_grid: grid of f.
        g: distribution at `g_grid.velocities()`.
        g_grid: grid of g.
        num_radii: M_r.
        num_angles: M_s.

    Returns:
        Q(f) and Q(g), each on its grid.
    """
    ratio = f_grid.half_width / f_grid.support
    if f_grid.num_points != g_grid.num_points or abs(ratio * g_grid.support / g_grid.half_width - 1) > 1e-12:
        pairs = (f, f_grid), (g, g_grid)
        first, second = (
            spectral_collision(h, grid=grid, num_radii=num_radii, num_angles=num_angles) for h, grid in pairs
        )
        return first, second
    scales = jnp.asarray([f_grid.support**2, g_grid.support**2], f.dtype)
    both = _collisions(jnp.stack([f, g]), scales, f_grid.num_points, ratio, num_radii, num_angles)
    return both[0], both[1]


@functools.partial(jax.jit, static_argnums=(2, 3, 4, 5))
def _collisions(f: Array, scale: Array, size: int, ratio: float, num_radii: int, num_angles: int) -> Array:
    """Collisions of several species at once, shape (species, N, N): phases r k have no scale, the measure has S^2.

    Args:
        f: distributions, each on a grid of its own scale.
        scale: S^2 of every species' grid, shape (species,).
        size: N.
        ratio: L / S.
        num_radii: M_r.
        num_angles: M_s.
    """
    half = size // 2
    modes = jnp.fft.fft2(f).at[:, half, :].set(0).at[:, :, half].set(0)  # the finest wave has no shifted copy
    radii, gain_modes, loss_modes = (jnp.asarray(a, f.dtype) for a in _kernels(size, ratio, num_radii))
    waves = jnp.asarray(_wavenumbers(size, ratio), f.dtype)
    angles = jnp.asarray(np.pi * np.arange(num_angles) / num_angles, f.dtype)

    @functools.partial(jax.checkpoint, prevent_cse=False)
    def gain_at(modes: Array, radius: Array, kernel: Array) -> Array:
        def product(angle: Array) -> Array:
            phases = (radius / 2 * along(angle) * waves for along in (jnp.cos, jnp.sin))
            (cos_x, sin_x), (cos_y, sin_y) = ((jnp.cos(phase), jnp.sin(phase)) for phase in phases)
            cas = cos_x[:, None] * (cos_y + sin_y)[None, :] + sin_x[:, None] * (cos_y - sin_y)[None, :]
            # With phases cos + sin the transform of real f is half of (f+ + f-) + i (f- - f+), f+ and f- its copies.
            copies = jnp.fft.ifft2(_scaled(modes, cas[None]))
            return copies.real**2 - copies.imag**2

        return _scaled(jnp.fft.rfft2(jnp.mean(jax.vmap(product)(angles), axis=0)), kernel[None])

    def add(total: Array, at_radius: tuple[Array, Array]) -> tuple[Array, None]:
        return total + gain_at(modes, *at_radius), None

    gain, _ = jax.lax.scan(add, jnp.zeros((f.shape[0], size, half + 1), modes.dtype), (radii, gain_modes))
    frequency = jnp.fft.irfft2(_scaled(modes[:, :, : half + 1], loss_modes[None]), s=(size, size))
    return scale[:, None, None] * (jnp.fft.irfft2(gain, s=(size, size)) - f * frequency)


def _scaled(z: Array, factor: Array) -> Array:
    """A complex array times a real one, which strict promotion keeps apart."""
    return jax.lax.complex(z.real * factor, z.imag * factor)


def wavenumbers(grid: VelocityGrid) -> np.ndarray:
    """Angular wavenumbers pi k / L along an axis, in the transform's order.

    Args:
        grid: the grid.

    Returns:
        Wavenumbers, shape (N,), float64.
    """
    return _wavenumbers(grid.num_points, grid.half_width)


@functools.cache
def _wavenumbers(size: int, half_width: float) -> np.ndarray:
    return 2 * np.pi * np.fft.fftfreq(size, 2 * half_width / size)


@functools.cache
def _kernels(size: int, ratio: float, num_radii: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """At S = 1: radii r; w 2 pi r J0(r |k| / 2) of each; int 2 pi r J0(r |k|) dr; on the modes that rfft2 keeps."""
    nodes, weights = np.polynomial.legendre.leggauss(num_radii)
    radii = nodes + 1  # over relative speeds from 0 to 2S
    k = _wavenumbers(size, ratio)
    speed = np.hypot(k[:, None], k[None, : size // 2 + 1])
    measure = (weights * 2 * np.pi * radii)[:, None, None]
    gain = measure * scipy.special.j0(radii[:, None, None] * speed / 2)
    return radii, gain, np.sum(measure * scipy.special.j0(radii[:, None, None] * speed), axis=0)


def bkw_solution(velocities: Real[ArrayLike, "*batch 2"], time: RealScalar) -> Float[Array, "*batch"]:
    """The exact solution of Bobylev, Krook and Wu for one species in the plane, at density and temperature one.

        f = exp(-|v|^2 / (2K)) / (2 pi K^2) [2K - 1 + (1 - K) |v|^2 / (2K)],  K = 1 - exp(-t/8) / 2,

    solves d_t f = Q(f) with Q as in `spectral_collision`: from t = 0, where f vanishes at v = 0, to a Maxwellian.

    Args:
        velocities: v, shape (..., 2).
        time: t >= 0.

    Returns:
        f, shape (...).

    Raises:
        ValueError: v has another last axis than 2, or t is negative, where f would be too.

    Differentiable in v and t. Source: Bobylev 1975; Krook and Wu 1977 (doi 10.1063/1.861780).
    """
    v, t = _checks.as_floats(velocities=velocities, time=time)
    _checks.as_numbers(time=t)
    if v.ndim < 1 or v.shape[-1] != 2:
        raise ValueError(f"velocities must have shape (..., 2), got {v.shape}")
    K = 1 - jnp.exp(-t / 8) / 2
    energy = jnp.sum(v**2, axis=-1) / (2 * K)
    f = jnp.exp(-energy) / (2 * jnp.pi * K**2) * (2 * K - 1 + (1 - K) * energy)
    return _checks.enforce(f, _checks.nonnegative("time", t))
