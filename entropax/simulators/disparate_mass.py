"""Collisions between light and heavy particles, expanded in eps = sqrt(m_light / m_heavy), for Maxwell molecules.

Each species has its velocity in units of its own thermal speed, so the physical velocities are v_L and eps v_H. With
B = 1/(2 pi) per direction Omega in the plane the leading terms are

    Q_LH = n_H (<f_L> - f_L) + eps^2 n_H div[(v - u_L) f_L + T_H grad f_L],
    Q_HL = eps^2 n_L div[(v - u_L / eps) f_H + T_L grad f_H],

where <f_L> is the average over circles about eps u_H. At eps = 0 that is Q_LH^0, whose circles are about zero; the
slope in eps is Q_LH^1. The term in eps^2 is Q_LH^2 of an isotropic f_L, averaged over circles: all that matters after
times eps^2. Taken about u_L it exchanges energy and no momentum. The drift in the last line, -eps n_L u_L . grad f_H,
is eps Q_HL^0; the rest is Q_HL^1. Together they keep mass, total momentum and total energy. `unlike_collisions` has
what is expanded here.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import scipy.special
from jaxtyping import Float, Real

from entropax import _checks
from entropax._typing import Array, ArrayLike, RealScalar
from entropax.simulators.maxwell_collisions import wavenumbers
from entropax.simulators.velocity_space import VelocityGrid, as_distribution


def binary_collision(
    light: Real[ArrayLike, "d"], heavy: Real[ArrayLike, "d"], direction: Real[ArrayLike, "d"], eps: RealScalar
) -> tuple[Float[Array, "d"], Float[Array, "d"]]:
    """Velocities after a light and a heavy particle collide.

        v_L' = v_L - 2 / (1 + eps^2) (g . Omega) Omega,  v_H' = v_H + 2 eps / (1 + eps^2) (g . Omega) Omega,

    with g = v_L - eps v_H. Keeps v_L + v_H / eps and |v_L|^2 + |v_H|^2, and undoes itself.

    Args:
        light: v_L, shape (d,), in thermal speeds of the light species.
        heavy: v_H, shape (d,), in those of the heavy one.
        direction: of Omega, shape (d,), any length but zero.
        eps: square root of the mass ratio light to heavy, positive.

    Returns:
        v_L' and v_H', both of shape (d,).

    Raises:
        ValueError: shapes differ, eps is not positive, or the direction is zero or not finite.

    Differentiable in all arguments. Source: Degond and Lucquin-Desreux 1996, the setting of arXiv 2411.13240.
    """
    v, w, omega, e = _checks.as_floats(light=light, heavy=heavy, direction=direction, eps=eps)
    _checks.as_numbers(eps=e)
    _checks.require_ndim("light", v, 1, "(d,)")
    _checks.require_same_shape(light=v, heavy=w, direction=omega)
    square = omega @ omega
    push = 2 / (1 + e**2) * ((v - e * w) @ omega) / square * omega
    return _checks.enforce(
        (v - push, w + e * push), _checks.positive("eps", e), _checks.positive("the direction's length", square)
    )


def isotropization(f: Real[ArrayLike, "n n"], heavy_density: RealScalar, *, grid: VelocityGrid) -> Float[Array, "n n"]:
    """Q_LH^0(f) = n_H (<f> - f): light particles off immovable heavy ones, <f> the average over circles |v| = const.

    Exact for the Fourier series of f: a wave's average over a circle is J0(|k| |v|), summed over shells of equal |k|
    and evaluated on circles of equal |v|. Every cos(m theta) R(|v|) with m >= 1 decays at rate n_H; isotropic f stay.

    Args:
        f: the light distribution at `grid.velocities()`, shape (N, N).
        heavy_density: n_H > 0.
        grid: the grid.

    Returns:
        Q_LH^0(f), shape (N, N).

    Raises:
        ValueError: f does not have the grid's shape, or n_H is not positive.

    Differentiable in f and n_H. Source: arXiv 2411.13240 (its setting).
    """
    f, n = _light_arguments(f, heavy_density, grid)
    average = circle_average(f, jnp.zeros(2, f.dtype), grid)
    return _checks.enforce(n * (average - f), _checks.positive("heavy_density", n))


def isotropization_correction(
    f: Real[ArrayLike, "n n"],
    heavy_density: RealScalar,
    heavy_velocity: Real[ArrayLike, "2"],
    *,
    grid: VelocityGrid,
) -> Float[Array, "n n"]:
    """Q_LH^1(f), the first order in eps: the change of n_H <f> as the circles' centre moves from 0 along u_H.

    Against a function phi it gives n_H int f mean_Omega 2 (u_H . Omega) Omega . grad phi(v - 2 (v . Omega) Omega) dv:
    the heavy particles' drift pulls the light ones along.

    Args:
        f: the light distribution at `grid.velocities()`, shape (N, N).
        heavy_density: n_H > 0.
        heavy_velocity: u_H, shape (2,), in heavy thermal speeds.
        grid: the grid.

    Returns:
        Q_LH^1(f), shape (N, N).

    Raises:
        ValueError: a shape does not fit, or n_H is not positive.

    Differentiable in f, n_H and u_H. Source: arXiv 2411.13240 (its setting).
    """
    f, n = _light_arguments(f, heavy_density, grid)
    (u,) = _checks.as_floats(heavy_velocity=jnp.asarray(heavy_velocity, f.dtype))
    _checks.require_shape("heavy_velocity", u, (2,))
    _, slope = jax.jvp(lambda centre: circle_average(f, centre, grid), (jnp.zeros_like(u),), (u,))
    return _checks.enforce(n * slope, _checks.positive("heavy_density", n))


def _light_arguments(f: ArrayLike, density: RealScalar, grid: VelocityGrid) -> tuple[Array, Array]:
    f = as_distribution("f", f, grid)
    f, n = _checks.as_floats(f=f, heavy_density=density)
    _checks.as_numbers(heavy_density=n)
    return f, n


@functools.partial(jax.jit, static_argnums=2)
def circle_average(f: Array, centre: Array, grid: VelocityGrid) -> Array:
    """The average of f over the circles about a centre, by moving the centre to zero and back.

    Args:
        f: distribution at `grid.velocities()`, shape (N, N).
        centre: of the circles, shape (2,).
        grid: the grid, static.

    Returns:
        The averages, shape (N, N). Differentiable in f and the centre.
    """
    size = grid.num_points
    frequencies = jnp.asarray(wavenumbers(grid), f.dtype)
    phases = (centre[i] * frequencies for i in range(2))
    shift_x, shift_y = (jax.lax.complex(jnp.cos(phase), jnp.sin(phase)) for phase in phases)
    shift = (shift_x[:, None] * shift_y[None, :]).at[size // 2, :].set(0).at[:, size // 2].set(0)
    wave_shells, speed_shells, bessel = _circles(grid)
    # The grid starts at -L, where a wave's phase is (-1)^(k_x + k_y).
    sign = jnp.asarray((-1.0) ** np.add.outer(np.arange(size), np.arange(size)), f.dtype)
    modes = jnp.real(jnp.fft.fft2(f) * shift) * sign / size**2
    shells = jax.ops.segment_sum(modes.reshape(-1), wave_shells, bessel.shape[1])
    average = (jnp.asarray(bessel, f.dtype) @ shells)[speed_shells].reshape(f.shape)
    return jnp.fft.ifft2(jnp.fft.fft2(average) * shift.conj()).real


@functools.cache
def _circles(grid: VelocityGrid) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each wave its shell, for each velocity its circle, and J0(|k| |v|) of every circle and shell."""
    size = grid.num_points
    centred = np.arange(-(size // 2), size // 2) ** 2
    speeds, speed_shells = np.unique(np.add.outer(centred, centred), return_inverse=True)
    order = (np.fft.fftfreq(size) * size).round().astype(int) ** 2
    waves, wave_shells = np.unique(np.add.outer(order, order), return_inverse=True)
    argument = np.outer(grid.spacing * np.sqrt(speeds), np.pi / grid.half_width * np.sqrt(waves))
    waves_of, circles_of = (which.reshape(-1).astype(np.int32) for which in (wave_shells, speed_shells))
    return waves_of, circles_of, scipy.special.j0(argument)


def fokker_planck(
    f: Real[ArrayLike, "n n"], centre: Real[ArrayLike, "2"], temperature: RealScalar, *, grid: VelocityGrid
) -> Float[Array, "n n"]:
    """div[(v - c) f + T grad f] by fluxes that vanish exactly for the Maxwellian of c and T.

    With c = u_L / eps and T = T_L, n_L times this is Q_HL^1 + Q_HL^0 / eps of the heavy species; with c = u_L and
    T = T_H, n_H times it is the light species' exchange of energy, Q_LH^2. The flux between neighbours i and i+1 is
    T/h [B(-x) f_{i+1} - B(x) f_i] with x = h (v - c) / T and B(x) = x / (e^x - 1), Chang and Cooper's: second order in
    h, and without flux through the boundary, so that mass is kept to rounding.

    Args:
        f: distribution at `grid.velocities()`, shape (N, N).
        centre: c, shape (2,).
        temperature: T > 0.
        grid: the grid.

    Returns:
        The operator's value, shape (N, N), for a friction of one.

    Raises:
        ValueError: a shape does not fit, or T is not positive.

    Differentiable in f, c and T. Source: Chang and Cooper 1970 (doi 10.1016/0021-9991(70)90001-X); arXiv 2411.13240.
    """
    f, c, T, _ = _diffusion_arguments(f, centre, temperature, 0.0, grid)
    return _checks.enforce(fokker_planck_of(f, c, T, grid), _checks.positive("temperature", T))


def fokker_planck_step(
    f: Real[ArrayLike, "n n"],
    centre: Real[ArrayLike, "2"],
    temperature: RealScalar,
    time: RealScalar,
    *,
    grid: VelocityGrid,
) -> Float[Array, "n n"]:
    """`fokker_planck` over a time by the backward Euler method, one direction after the other.

    Solves (1 - t L_x)(1 - t L_y) f' = f, tridiagonal systems whose inverses have no negative entry: for any t a
    non-negative f stays so, mass is kept, and the relative entropy to the Maxwellian of c and T does not grow.

    Args:
        f: distribution at `grid.velocities()`, shape (N, N).
        centre: c, shape (2,).
        temperature: T > 0.
        time: friction times time, >= 0.
        grid: the grid.

    Returns:
        The distribution after the step, shape (N, N).

    Raises:
        ValueError: a shape does not fit, T is not positive or t is negative.

    Differentiable in all arguments. Source: arXiv 2411.13240 (its setting).
    """
    f, c, T, t = _diffusion_arguments(f, centre, temperature, time, grid)
    checks = _checks.positive("temperature", T), _checks.nonnegative("time", t)
    return _checks.enforce(implicit_fokker_planck(f, c, T, t, grid), *checks)


def _diffusion_arguments(
    f: ArrayLike, centre: ArrayLike, temperature: RealScalar, time: RealScalar, grid: VelocityGrid
) -> tuple[Array, ...]:
    f = as_distribution("f", f, grid)
    f, c, T, t = _checks.as_floats(f=f, centre=centre, temperature=temperature, time=time)
    _checks.require_shape("centre", c, (2,))
    _checks.as_numbers(temperature=T, time=t)
    return f, c, T, t


@functools.partial(jax.jit, static_argnums=3)
def fokker_planck_of(f: Array, centre: Array, temperature: Array, grid: VelocityGrid) -> Array:
    """`fokker_planck` of what is already checked.

    Args:
        f: distribution at `grid.velocities()`, shape (N, N).
        centre: c, shape (2,).
        temperature: T > 0.
        grid: the grid, static.

    Returns:
        The operator's value, shape (N, N).
    """

    def along(values: Array, c: Array) -> Array:
        up, down = _exchange_rates(c, temperature, grid)
        flux = up[:, None] * values[1:] - down[:, None] * values[:-1]
        return jnp.pad(flux, ((0, 1), (0, 0))) - jnp.pad(flux, ((1, 0), (0, 0)))

    return along(f, centre[0]) + along(f.T, centre[1]).T


@functools.partial(jax.jit, static_argnums=4)
def implicit_fokker_planck(f: Array, centre: Array, temperature: Array, time: Array, grid: VelocityGrid) -> Array:
    """`fokker_planck_step` of what is already checked.

    Args:
        f: distribution at `grid.velocities()`, shape (N, N).
        centre: c, shape (2,).
        temperature: T > 0.
        time: friction times time, >= 0.
        grid: the grid, static.

    Returns:
        The distribution after the step, shape (N, N).
    """

    def resolvent(c: Array) -> Array:
        up, down = _exchange_rates(c, temperature, grid)
        diagonal = 1 + time * (jnp.pad(down, (0, 1)) + jnp.pad(up, (1, 0)))
        above, below = -time * jnp.pad(up, (0, 1)), -time * jnp.pad(down, (1, 0))
        return jax.lax.linalg.tridiagonal_solve(below, diagonal, above, jnp.eye(f.shape[0], dtype=f.dtype))

    # Whole resolvents and products: XLA's transform on CPU refuses arrays that a solve along columns has laid out.
    return resolvent(centre[0]) @ f @ resolvent(centre[1]).T


def _exchange_rates(centre: Array, temperature: Array, grid: VelocityGrid) -> tuple[Array, Array]:
    """Rates between neighbours along an axis, T/h^2 B(-x) downwards from i+1 to i and T/h^2 B(x) upwards."""
    h = grid.spacing
    half_x = h * (grid.axis(temperature.dtype)[:-1] + h / 2 - centre) / (2 * temperature)
    even = _x_coth_x(half_x)  # B(-+x) = (x/2) coth(x/2) +- x/2
    return temperature / h**2 * (even + half_x), temperature / h**2 * (even - half_x)


def _x_coth_x(x: Array) -> Array:
    near = jnp.abs(x) < 0.05
    x2 = jnp.where(near, x, 0) ** 2
    series = 1 + x2 / 3 * (1 - x2 / 15 * (1 - 2 * x2 / 21 * (1 - x2 / 10)))
    away = jnp.where(near, 1, x)
    return jnp.where(near, series, away / jnp.tanh(away))
