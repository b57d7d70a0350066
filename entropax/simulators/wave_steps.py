"""One time step of the cubic Schroedinger equation: compositions of split steps, and an exponential integrator."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax._typing import Array
from entropax.simulators._sine import rotated

_CUBE_ROOT = 2 ** (1 / 3)
_EIGHTH = (
    0.13020248308889008087881763,
    0.56116298177510838456196441,
    -0.38947496264484728640807860,
    0.15884190655515560089621075,
    -0.39590389413323757733623154,
    0.18453964097831570709183254,
    0.25837438768632204729397911,
    0.29501172360931029887096624,
)

COMPOSITIONS: dict[str, tuple[float, ...]] = {
    "strang": (1.0,),
    "yoshida4": (1 / (2 - _CUBE_ROOT), -_CUBE_ROOT / (2 - _CUBE_ROOT), 1 / (2 - _CUBE_ROOT)),
    "kahan_li8": (*_EIGHTH, 1 - 2 * sum(_EIGHTH), *_EIGHTH[::-1]),
}
"""Lengths of the symmetric second-order steps that make up one step, in units of dt, by method.

Order 2: Strang 1968. Order 4: Yoshida 1990, doi 10.1016/0375-9601(90)90092-3. Order 8, seventeen stages: Kahan and Li
1997, doi 10.1090/S0025-5718-97-00873-9.
"""


class SplitStep(eqx.Module):
    """Rotations of one step: kicks of psi by its own intensity around drifts of its Fourier coefficients.

    Attributes:
        kicks: times for which |psi|^2 acts, shape (s + 1,).
        drifts: factors exp(-i k^2 t / 2) of the free motion between them, shape (s, N).
    """

    kicks: Array
    drifts: Array


@functools.partial(jax.jit, static_argnames="lengths")
def split_step(dt: Array, wavenumbers: Array, lengths: tuple[float, ...]) -> SplitStep:
    """The rotations of a composition of Strang's steps, the kicks between two of them merged.

    Args:
        dt: time step.
        wavenumbers: k, shape (N,).
        lengths: of the steps composed, in units of dt.

    Returns:
        The rotations.
    """
    gamma = np.asarray(lengths)
    kick = np.concatenate([gamma[:1], gamma[1:] + gamma[:-1], gamma[-1:]]) / 2
    gamma, kick = (jnp.asarray(array, dt.dtype) for array in (gamma, kick))
    phase = -(wavenumbers**2)[None, :] / 2 * (dt * gamma)[:, None]
    return SplitStep(dt * kick, jax.lax.complex(jnp.cos(phase), jnp.sin(phase)))


@jax.jit
def apply_split_step(psi: Array, step: SplitStep) -> Array:
    """psi one step later.

    Args:
        psi: the wave, shape (N,).
        step: its rotations.

    Returns:
        psi at t + dt, shape (N,).
    """

    def stage(psi: Array, one: tuple[Array, Array]) -> tuple[Array, None]:
        kick, drift = one
        return jnp.fft.ifft(drift * jnp.fft.fft(_kicked(psi, kick))), None

    if step.drifts.shape[0] == 1:
        psi, _ = stage(psi, (step.kicks[0], step.drifts[0]))
    else:
        psi, _ = jax.lax.scan(stage, psi, (step.kicks[:-1], step.drifts))
    return _kicked(psi, step.kicks[-1])


def _kicked(psi: Array, time: Array) -> Array:
    """psi exp(i |psi|^2 t): the exact solution of i psi_t + |psi|^2 psi = 0, which keeps |psi|."""
    return rotated(psi, intensity(psi) * time)


class ExponentialStep(eqx.Module):
    """Coefficients of the fourth-order exponential Runge-Kutta scheme for y' = L y + N(y) with a diagonal L.

    Attributes:
        whole: exp(L dt), shape (N,).
        half: exp(L dt / 2), shape (N,).
        inner: weight of N within the stages, shape (N,).
        weights: weights of N at the start, in the middle and at the end, shape (3, N).
    """

    whole: Array
    half: Array
    inner: Array
    weights: Array


@functools.partial(jax.jit, static_argnames="num_points")
def exponential_step(dt: Array, frequencies: Array, num_points: int = 32) -> ExponentialStep:
    """The coefficients for L = -i w, as means over a circle about every L dt, where no difference cancels.

    Args:
        dt: time step.
        frequencies: w, shape (N,).
        num_points: points of the circle.

    Returns:
        The coefficients.

    Source: Cox and Matthews 2002, doi 10.1006/jcph.2002.6995; Kassam and Trefethen 2005, doi 10.1137/S1064827502410633.
    """
    angle = jnp.asarray(2 * np.pi * (np.arange(num_points) + 0.5) / num_points, dt.dtype)
    rotation = -frequencies * dt
    z = jax.lax.complex(
        jnp.broadcast_to(jnp.cos(angle), (rotation.size, num_points)), rotation[:, None] + jnp.sin(angle)[None, :]
    )
    e = jnp.exp(z)

    def mean(values: Array) -> Array:
        average = jnp.mean(values, axis=1)
        return jax.lax.complex(dt * average.real, dt * average.imag)

    first = mean((-4 - z + e * (4 - 3 * z + z**2)) / z**3)
    middle = mean((2 + z + e * (z - 2)) / z**3)
    last = mean((-4 - 3 * z - z**2 + e * (4 - z)) / z**3)
    return ExponentialStep(
        whole=jax.lax.complex(jnp.cos(rotation), jnp.sin(rotation)),
        half=jax.lax.complex(jnp.cos(rotation / 2), jnp.sin(rotation / 2)),
        inner=mean((jnp.exp(z / 2) - 1) / z),
        weights=jnp.stack([first, 2 * middle, last]),
    )


@jax.jit
def apply_exponential_step(psi: Array, step: ExponentialStep, filter: Array) -> Array:
    """psi one step later, by its filtered Fourier coefficients.

    Args:
        psi: the wave, shape (N,).
        step: the coefficients.
        filter: s(k), shape (N,).

    Returns:
        psi at t + dt, shape (N,).
    """

    def nonlinear(y: Array) -> Array:
        bent = bending(y, filter)
        return jax.lax.complex(-bent.imag, bent.real)

    y = jnp.fft.fft(psi)
    at_start = nonlinear(y)
    half = step.half * y
    a = half + step.inner * at_start
    at_a = nonlinear(a)
    at_b = nonlinear(half + step.inner * at_a)
    at_c = nonlinear(step.half * a + step.inner * (2 * at_b - at_start))
    first, middle, last = step.weights
    return jnp.fft.ifft(step.whole * y + first * at_start + middle * (at_a + at_b) + last * at_c)


def bending(psi_hat: Array, filter: Array) -> Array:
    """s fft(|u|^2 u) with u = ifft(s y), the filtered cubic term.

    Args:
        psi_hat: y, shape (N,).
        filter: s(k), shape (N,).

    Returns:
        The coefficients of the term, shape (N,).
    """
    u = jnp.fft.ifft(times(filter, psi_hat))
    return times(filter, jnp.fft.fft(times(intensity(u), u)))


def intensity(psi: Array) -> Array:
    """|psi|^2, without a root.

    Args:
        psi: the wave.

    Returns:
        Real numbers, the shape of psi.
    """
    return psi.real**2 + psi.imag**2


def times(factor: Array, z: Array) -> Array:
    """A real array times a complex one of its shape, in two products where complex ones take four.

    Args:
        factor: real.
        z: complex.

    Returns:
        The product, of the same shape.
    """
    return jax.lax.complex(factor * z.real, factor * z.imag)
