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
    return _spectral_collision(f, grid, num_radii, num_angles)


@functools.partial(jax.jit, static_argnums=(1, 2, 3))
def _spectral_collision(f: Array, grid: VelocityGrid, num_radii: int, num_angles: int) -> Array:
    radii, gain_modes, loss_modes = (jnp.asarray(a, f.dtype) for a in _kernels(grid, num_radii))
    size = grid.num_points
    modes = jnp.fft.fft2(f).at[size // 2, :].set(0).at[:, size // 2].set(0)  # the finest wave has no shifted copy
    frequencies = jnp.asarray(_wavenumbers(grid), f.dtype)
    angles = jnp.asarray(np.pi * np.arange(num_angles) / num_angles, f.dtype)

    @functools.partial(jax.checkpoint, prevent_cse=False)
    def gain_at(modes: Array, radius: Array, kernel: Array) -> Array:
        def product(angle: Array) -> Array:
            forth_x, forth_y = (
                jnp.exp(1j * (radius / 2 * along(angle)) * frequencies) for along in (jnp.cos, jnp.sin)
            )
            forth = forth_x[:, None] * forth_y[None, :]
            # f is real, so are its copies: one transform returns one as real, the other as imaginary part.
            copies = jnp.fft.ifft2(modes * (forth + 1j * forth.conj()))
            return copies.real * copies.imag

        return kernel * jnp.fft.rfft2(jnp.mean(jax.vmap(product)(angles), axis=0))

    def add(total: Array, at_radius: tuple[Array, Array]) -> tuple[Array, None]:
        return total + gain_at(modes, *at_radius), None

    half = size // 2 + 1
    gain, _ = jax.lax.scan(add, jnp.zeros((size, half), modes.dtype), (radii, gain_modes))
    frequency = jnp.fft.irfft2(modes[:, :half] * loss_modes, s=f.shape)
    return jnp.fft.irfft2(gain, s=f.shape) - f * frequency


@functools.cache
def _wavenumbers(grid: VelocityGrid) -> np.ndarray:
    """Angular wavenumbers pi k / L along an axis, in the transform's order."""
    return 2 * np.pi * np.fft.fftfreq(grid.num_points, grid.spacing)


@functools.cache
def _kernels(grid: VelocityGrid, num_radii: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Radii r; w 2 pi r J0(r |k| / 2) for each; int 2 pi r J0(r |k|) dr: on the modes that rfft2 keeps."""
    nodes, weights = np.polynomial.legendre.leggauss(num_radii)
    reach = 2 * grid.support
    radii, weights = reach * (nodes + 1) / 2, reach * weights / 2
    k = _wavenumbers(grid)
    size = np.hypot(k[:, None], k[None, : grid.num_points // 2 + 1])
    measure = (weights * 2 * np.pi * radii)[:, None, None]
    gain = measure * scipy.special.j0(radii[:, None, None] * size / 2)
    return radii, gain, np.sum(measure * scipy.special.j0(radii[:, None, None] * size), axis=0)


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
