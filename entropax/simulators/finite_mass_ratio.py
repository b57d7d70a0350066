"""Collisions between light and heavy Maxwell molecules at any mass ratio, not expanded: by Bobylev's identity."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Real

from entropax import _checks
from entropax._typing import Array, ArrayLike, RealScalar
from entropax.simulators.maxwell_collisions import wavenumbers
from entropax.simulators.velocity_space import VelocityGrid, as_distribution


def unlike_collisions(
    light: Real[ArrayLike, "nl nl"],
    heavy: Real[ArrayLike, "nh nh"],
    eps: RealScalar,
    *,
    light_grid: VelocityGrid,
    heavy_grid: VelocityGrid,
    num_angles: int = 32,
) -> tuple[Float[Array, "nl nl"], Float[Array, "nh nh"]]:
    """Q_LH and Q_HL at finite eps, Q_LH = int int (f_L' f_H' - f_L f_H) dOmega dv_H / (2 pi), and Q_HL alike.

    Velocities after a collision are those of `binary_collision`. For Maxwell molecules the Fourier transforms of the
    gains are averages of products, with a = 2 / (1 + eps^2), b = eps a and p = (k . Omega) Omega,

        gain_LH^(k) = mean_Omega f_L^(k - a p) f_H^(b p),   gain_HL^(k) = mean_Omega f_H^(k - eps b p) f_L^(b p).

    This is what `isotropization`, `isotropization_correction` and `fokker_planck` expand in eps; it costs N^4 M_s
    operations, so it checks them rather than replaces them. In the mixture's time the species' rates are
    Q_LH / eps^2 and Q_HL / eps^2. Errors fall exponentially with N and M_s.

    Args:
        light: f_L at `light_grid.velocities()`, shape (N_L, N_L).
        heavy: f_H at `heavy_grid.velocities()`, shape (N_H, N_H).
        eps: square root of the mass ratio light to heavy, in (0, 1].
        light_grid: velocities of the light species, in its own thermal speed.
        heavy_grid: velocities of the heavy species, in its own.
        num_angles: M_s, directions on a half circle.

    Returns:
        Q_LH on the light grid and Q_HL on the heavy one.

    Raises:
        ValueError: a distribution does not have its grid's shape, eps is not in (0, 1], or M_s is less than one.

    Differentiable in f_L, f_H and eps. Source: Bobylev 1975, for mixtures; the setting of arXiv 2411.13240.
    """
    f = as_distribution("the light distribution", light, light_grid)
    g = as_distribution("the heavy distribution", heavy, heavy_grid)
    f, g, e = _checks.as_floats(light=f, heavy=g, eps=eps)
    _checks.as_numbers(eps=e)
    _checks.require_integer("num_angles", num_angles, minimum=1)
    a = 2 / (1 + e**2)
    b = e * a
    q_light = _gain(f, g, a, b, light_grid, heavy_grid, num_angles) - f * (jnp.sum(g) * heavy_grid.cell_area)
    q_heavy = _gain(g, f, e * b, b, heavy_grid, light_grid, num_angles) - g * (jnp.sum(f) * light_grid.cell_area)
    return _checks.enforce((q_light, q_heavy), _checks.within("eps", e, jnp.finfo(e.dtype).tiny, 1, "in (0, 1]"))


@functools.partial(jax.jit, static_argnums=(4, 5, 6))
def _gain(
    f: Array, g: Array, own: Array, other: Array, grid: VelocityGrid, other_grid: VelocityGrid, num_angles: int
) -> Array:
    """The inverse transform of mean_Omega f^(k - own p) g^(other p), p = (k . Omega) Omega."""
    size = grid.num_points
    k = jnp.asarray(wavenumbers(grid), f.dtype)
    kx, ky = (waves.reshape(-1) for waves in jnp.meshgrid(k, k, indexing="ij"))
    angles = jnp.asarray(np.pi * (np.arange(num_angles) + 0.5) / num_angles, f.dtype)

    @functools.partial(jax.checkpoint, prevent_cse=False)
    def add(total: tuple[Array, Array], angle: Array) -> tuple[tuple[Array, Array], None]:
        x, y = jnp.cos(angle), jnp.sin(angle)
        along = kx * x + ky * y
        re, im = _transform(f, kx - own * along * x, ky - own * along * y, grid)
        other_re, other_im = _transform(g, other * along * x, other * along * y, other_grid)
        return (total[0] + re * other_re - im * other_im, total[1] + re * other_im + im * other_re), None

    nothing = jnp.zeros_like(kx)
    (re, im), _ = jax.lax.scan(add, (nothing, nothing), angles)
    # The grid starts at -L, where a wave's phase is (-1)^(k_x + k_y); the finest wave, real only, is left out.
    sign = (-1.0) ** np.add.outer(np.arange(size), np.arange(size)) / (num_angles * grid.cell_area)
    sign[size // 2, :] = sign[:, size // 2] = 0
    factor = jnp.asarray(sign, f.dtype)
    return jnp.fft.ifft2(jax.lax.complex(re.reshape(size, size) * factor, im.reshape(size, size) * factor)).real


def _transform(f: Array, kx: Array, ky: Array, grid: VelocityGrid) -> tuple[Array, Array]:
    """Real and imaginary part of int f exp(-i k . v) dv at any k: zero beyond the finest waves of the grid."""
    v = grid.axis(f.dtype)
    phase_x, phase_y = kx[:, None] * v[None], ky[:, None] * v[None]
    cos_x, sin_x, cos_y, sin_y = jnp.cos(phase_x) @ f, jnp.sin(phase_x) @ f, jnp.cos(phase_y), jnp.sin(phase_y)
    known = (jnp.abs(kx) < np.pi / grid.spacing) & (jnp.abs(ky) < np.pi / grid.spacing)
    weight = jnp.where(known, grid.cell_area, 0).astype(f.dtype)
    re = jnp.sum(cos_x * cos_y - sin_x * sin_y, axis=1)
    return weight * re, -weight * jnp.sum(cos_x * sin_y + sin_x * cos_y, axis=1)
