"""Waves of the focusing cubic Schroedinger equation i psi_t + psi_xx / 2 + |psi|^2 psi = 0: starts and closed forms."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Inexact, PRNGKey, Real, RealScalar

_FAR = 20.0  # beyond it sech is a plain exponential, and cosh^3 is still a number in float32


def soliton(
    x: Real[ArrayLike, "*shape"],
    amplitude: RealScalar,
    position: RealScalar,
    velocity: RealScalar,
    *,
    time: RealScalar = 0.0,
) -> Inexact[Array, "*shape"]:
    """A soliton, psi = A sech(A (x - x_0 - v t)) exp(i [v x + (A^2 - v^2) t / 2]), on the whole line.

    Its mass is 2 A, its momentum 2 A v and its energy A v^2 - A^3 / 3. On a torus of length L its phase is continuous
    only where v L / (2 pi) is an integer; elsewhere the tail hides the jump.

    Args:
        x: positions, any shape.
        amplitude: A, positive, also the inverse width.
        position: x_0, the centre at time 0.
        velocity: v.
        time: t.

    Returns:
        psi, the shape of x.

    Raises:
        ValueError: the amplitude is not positive, or a parameter has axes.

    Differentiable in all arguments. Source: Zakharov and Shabat 1972; arXiv 2509.05901.
    """
    x, A, x0, v, t = _waves(x, amplitude=amplitude, position=position, velocity=velocity, time=time)
    psi = _polar(A * _sech(A * (x - x0 - v * t)), v * x + (A**2 - v**2) * t / 2)
    return _checks.enforce(psi, _checks.positive("amplitude", A))


def superposed_solitons(
    x: Real[ArrayLike, "*shape"],
    amplitudes: Real[ArrayLike, "s"],
    positions: Real[ArrayLike, "s"],
    velocities: Real[ArrayLike, "s"],
) -> Inexact[Array, "*shape"]:
    """The sum of several solitons, a solution while they are far apart.

    Each carries exp(i v x) with the same origin of x, which fixes their relative phases: the height of a collision's
    peak depends on them.

    Args:
        x: positions, any shape.
        amplitudes: A of each, positive, shape (s,).
        positions: their centres, shape (s,).
        velocities: their velocities, shape (s,).

    Returns:
        psi, the shape of x.

    Raises:
        ValueError: the parameters are not vectors of one length, or an amplitude is not positive.

    Differentiable in all arguments. Source: arXiv 2509.05901, case 2.
    """
    floats = _checks.as_floats(x=x, amplitudes=amplitudes, positions=positions, velocities=velocities)
    x, A, x0, v = map(_checks.accumulated, floats)  # complex numbers have no lower precision
    _checks.require_ndim("amplitudes", A, 1, "(s,)")
    _checks.require_same_shape(amplitudes=A, positions=x0, velocities=v)
    each = (1,) * x.ndim
    shaped = [parameter.reshape(-1, *each) for parameter in (A, x0, v)]
    psi = jnp.sum(_polar(shaped[0] * _sech(shaped[0] * (x[None] - shaped[1])), shaped[2] * x[None]), axis=0)
    return _checks.enforce(psi, _checks.positive("amplitudes", A))


def breather_packet(
    x: Real[ArrayLike, "*shape"],
    amplitude: RealScalar = 1.0,
    frequency: RealScalar = 0.5,
    modulation: RealScalar = 0.5,
) -> Inexact[Array, "*shape"]:
    """A modulated packet, psi = sqrt(2) A sech(A x) exp(i w x) (1 + m cos(2 w x)), which breathes as it evolves.

    The start of the paper's breather: not `akhmediev_breather`, which is exact and lives on a background.

    Args:
        x: positions, any shape.
        amplitude: A, positive.
        frequency: w.
        modulation: m.

    Returns:
        psi, the shape of x.

    Raises:
        ValueError: the amplitude is not positive, or a parameter has axes.

    Differentiable in all arguments. Source: arXiv 2509.05901, case 3.
    """
    x, A, w, m = _waves(x, amplitude=amplitude, frequency=frequency, modulation=modulation)
    psi = _polar(math.sqrt(2) * A * _sech(A * x) * (1 + m * jnp.cos(2 * w * x)), w * x)
    return _checks.enforce(psi, _checks.positive("amplitude", A))


def akhmediev_breather(
    x: Real[ArrayLike, "*shape"], time: RealScalar = 0.0, modulation: RealScalar = 0.25
) -> Inexact[Array, "*shape"]:
    """Akhmediev's breather, the exact growth and decay of a modulation of the plane wave e^{it}.

        psi = e^{it} [(1 - 4b) cosh(r t) + sqrt(2b) cos(q x) + i r sinh(r t)] / [sqrt(2b) cos(q x) - cosh(r t)],

    q = 2 sqrt(1 - 2b) and r = sqrt(8b (1 - 2b)). Its peak, at x = t = 0, is 1 + 2 sqrt(2b) high. It has period
    2 pi / q: a torus must hold a whole number of them.

    Args:
        x: positions, any shape.
        time: t, from the peak.
        modulation: b, in (0, 1/2).

    Returns:
        psi, the shape of x.

    Raises:
        ValueError: b is not in (0, 1/2), or a parameter has axes.

    Differentiable in all arguments. Source: Akhmediev and Korneev 1986, doi 10.1007/BF01037866.
    """
    x, t, b = _waves(x, time=time, modulation=modulation)
    r = jnp.sqrt(8 * b * (1 - 2 * b))
    # Above and below divided by cosh(r t), which overflows.
    wave = jnp.sqrt(2 * b) * jnp.cos(2 * jnp.sqrt(1 - 2 * b) * x) * _sech(r * t)
    ratio = jax.lax.complex((1 - 4 * b + wave) / (wave - 1), r * jnp.tanh(r * t) / (wave - 1))
    psi = ratio * jnp.broadcast_to(_polar(jnp.ones_like(t), t), ratio.shape)
    eps = jnp.finfo(b.dtype)
    return _checks.enforce(psi, _checks.within("modulation", b, eps.tiny, 0.5 - eps.eps / 4, "in (0, 1/2)"))


def noisy_gaussian(
    x: Real[ArrayLike, "*shape"],
    amplitude: RealScalar = 1.0,
    width: RealScalar = 5.0,
    centre: RealScalar = 0.0,
    noise: RealScalar = 0.01,
    *,
    key: PRNGKey,
) -> Inexact[Array, "*shape"]:
    """A broad packet that modulation instability breaks up, A exp(-(x - c)^2 / (2 s^2)) + eps (xi_1 + i xi_2).

    Args:
        x: positions, any shape.
        amplitude: A.
        width: s, positive.
        centre: c.
        noise: eps, standard deviation of the real and of the imaginary part at every point.
        key: a key made by jax.random.key.

    Returns:
        psi, the shape of x.

    Raises:
        ValueError: the width is not positive, or a parameter has axes.

    Differentiable in all arguments but the key. Source: arXiv 2509.05901, case 4.
    """
    _checks.require_key("key", key)
    x, A, s, c, eps = _waves(x, amplitude=amplitude, width=width, centre=centre, noise=noise)
    xi = jax.random.normal(key, (2, *x.shape), x.dtype)
    psi = jax.lax.complex(A * jnp.exp(-(((x - c) / s) ** 2) / 2) + eps * xi[0], eps * xi[1])
    return _checks.enforce(psi, _checks.positive("width", s))


def soliton_collision_shift(amplitudes: Real[ArrayLike, "2"], velocities: Real[ArrayLike, "2"]) -> Float[Array, "2"]:
    """How far a collision displaces two solitons from their free flights.

    With l_j = (v_j + i A_j) / 2 the faster one is thrown forward by log(|l_1 - l_2*|^2 / |l_1 - l_2|^2) / A, and the
    slower one back by the same logarithm over its own A.

    Args:
        amplitudes: A of both, positive, shape (2,).
        velocities: v of both, different, shape (2,).

    Returns:
        Displacements, positive towards larger x, shape (2,).

    Raises:
        ValueError: a shape is not (2,), an amplitude is not positive, or the velocities are equal or not finite.

    Differentiable in both arguments. Source: Zakharov and Shabat 1972.
    """
    A, v = _checks.as_floats(amplitudes=amplitudes, velocities=velocities)
    _checks.require_shape("amplitudes", A, (2,))
    _checks.require_shape("velocities", v, (2,))
    relative = v[0] - v[1]
    with _checks.evaluated_now(relative):
        meet = _checks.Check(relative != 0, "velocities must differ", lambda: f"{v}")
    checks = meet, _checks.finite("velocities", v), _checks.positive("amplitudes", A)
    A, relative = _checks.enforce((A, relative), *checks)
    strength = jnp.log1p(4 * A[0] * A[1] / (relative**2 + (A[0] - A[1]) ** 2))
    return jnp.sign(jnp.stack([relative, -relative])) * strength / A


def modulation_growth_rate(
    wavenumber: Real[ArrayLike, "*shape"], amplitude: RealScalar = 1.0
) -> Float[Array, "*shape"]:
    """Rate at which a modulation cos(q x) of the plane wave a e^{i a^2 t} grows, (q / 2) sqrt(4 a^2 - q^2).

    Largest, a^2, at q = sqrt(2) a; zero for |q| >= 2 a, where a modulation only oscillates.

    Args:
        wavenumber: q, any shape.
        amplitude: a, positive.

    Returns:
        The rate, the shape of q.

    Raises:
        ValueError: the amplitude is not positive.

    Differentiable in both arguments but at |q| = 2 a, where the slope is infinite and taken as zero. Source: Benjamin
    and Feir 1967.
    """
    q, a = _waves(wavenumber, amplitude=amplitude)
    square = 4 * a**2 - q**2
    grows = square > 0
    rate = jnp.where(grows, jnp.abs(q) / 2 * jnp.sqrt(jnp.where(grows, square, 1)), 0)
    return _checks.enforce(rate, _checks.positive("amplitude", a))


def _waves(x: ArrayLike, **numbers: Any) -> tuple[Array, ...]:
    """Positions and parameters as floating arrays of one dtype, the parameters without axes."""
    floats = _checks.as_floats(x=x, **numbers)
    for name, number in zip(numbers, floats[1:], strict=True):
        if number.ndim:
            raise ValueError(f"{name} must be a number, got an array of shape {number.shape}")
    return tuple(map(_checks.accumulated, floats))  # complex numbers have no lower precision


def _polar(modulus: Array, phase: Array) -> Array:
    return jax.lax.complex(modulus * jnp.cos(phase), modulus * jnp.sin(phase))


def _sech(z: Array) -> Array:
    """1 / cosh(z), whose derivatives do not overflow either."""
    far = jnp.abs(z) > _FAR
    return jnp.where(far, 2 * jnp.exp(-jnp.abs(z)), 1 / jnp.cosh(jnp.where(far, 0, z)))
