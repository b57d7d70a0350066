"""Pendula, weights, particles in potentials, and oscillators that stick or bounce."""

import jax.numpy as jnp
from jax.numpy import cos, sin

from entropax.simulators.chaos.definitions import mapped, system


@system(
    "DoublePendulum",
    parameters={"g": 9.81, "l1": 1.0, "l2": 1.0, "m1": 1.0, "m2": 1.0},
    initial_conditions=(-44.334542, 223.53554, -1.2249799, 2.535486),
    dt=0.0008048141356891847,
    period=4.0234,
    bounded=mapped({0: sin, 1: sin}),
    hamiltonian=True,
)
def double_pendulum(t, th1, th2, p1, p2, *, g, l1, l2, m1, m2):
    """Two point masses on massless rods: angles from the vertical and their momenta.

    Hamilton's equations of H = N / (2 m2 (l1 l2)^2 M) - (m1 + m2) g l1 cos th1 - m2 g l2 cos th2 with
    M = m1 + m2 sin^2(th1 - th2) and N = m2 (l2 p1)^2 + (m1 + m2) (l1 p2)^2 - 2 m2 l1 l2 p1 p2 cos(th1 - th2).
    """
    s, c = sin(th1 - th2), cos(th1 - th2)
    M = m1 + m2 * s**2
    N = m2 * (l2 * p1) ** 2 + (m1 + m2) * (l1 * p2) ** 2 - 2 * m2 * l1 * l2 * p1 * p2 * c
    torque = p1 * p2 * s / (l1 * l2 * M) - N * s * c / (l1 * l2 * M) ** 2
    return (
        (l2 * p1 - l1 * p2 * c) / (l1**2 * l2 * M),
        (l1 * p2 * (m1 + m2) - l2 * m2 * p1 * c) / (l1 * l2**2 * m2 * M),
        -torque - (m1 + m2) * g * l1 * sin(th1),
        torque - m2 * g * l2 * sin(th2),
    )


_GRAVITY = 9.82  # of Atwood's machine in the catalogue


@system(
    "SwingingAtwood",
    parameters={"m1": 1.0, "m2": 4.5},
    initial_conditions=(0.113296, 1.5707963267948966, 0.10992, 0.17747),
    dt=6.836433523233154e-05,
    period=0.3417647058823529,
    bounded=mapped({1: sin}),
    hamiltonian=True,
)
def swinging_atwood(t, r, th, pr, pth, *, m1, m2):
    """A weight m2 that balances a swinging one m1 at distance r (Tufillaro, Abbott & Griffiths 1984)."""
    return (
        pr / (m1 + m2),
        pth / (m1 * r**2),
        pth**2 / (m1 * r**3) - m2 * _GRAVITY + m1 * _GRAVITY * cos(th),
        -m1 * _GRAVITY * r * sin(th),
    )


@system(
    "HenonHeiles",
    parameters={"lam": 1.0},
    initial_conditions=(-0.29707259, -0.0031367513, 0.42548865, 0.071905482),
    dt=0.0012742123687280581,
    period=6.37,
    hamiltonian=True,
)
def henon_heiles(t, x, y, px, py, *, lam):
    """A star about the centre of a galaxy, H = (p^2 + x^2 + y^2) / 2 + lam (x^2 y - y^3 / 3) (Henon & Heiles 1964)."""
    return px, py, -x - 2 * lam * x * y, -y - lam * (x**2 - y**2)


@system(
    "NuclearQuadrupole",
    parameters={"a": 1.0, "b": 0.55, "d": 0.4},
    initial_conditions=(-0.85591178, 1.48078342, -0.85075322, 1.63576085),
    dt=0.0012048161873133268,
    period=6.023076923076923,
    hamiltonian=True,
)
def nuclear_quadrupole(t, q1, q2, p1, p2, *, a, b, d):
    """A quadrupole boson Hamiltonian with overlapping resonances (Baran & Raduta 1998)."""
    root, radius = 3 / 2**0.5, q1**2 + q2**2
    return (
        a * p1,
        a * p2,
        -a * q1 + root * b * (q1**2 - q2**2) - d * q1 * radius,
        -a * q2 - 2 * root * b * q1 * q2 - d * q2 * radius,
    )


@system(
    "ArnoldWeb",
    parameters={"mu": 0.01, "w": 1.0},
    initial_conditions=(0.10469507, 0.0892929984, 11025.3686, 6055.32273, 0.1),
    dt=0.013452242040339115,
    period=67.25,
    bounded=mapped({2: sin, 3: sin, 4: cos}),
    nonautonomous=True,
    hamiltonian=True,
)
def arnold_web(t, p1, p2, x1, x2, z, *, mu, w):
    """Two rotators with a weak common potential and a forcing of phase z (Froeschle, Guzzo & Lega 2000)."""
    potential = 4 + cos(z) + cos(x1) + cos(x2)
    return -mu * sin(x1) / potential**2, -mu * sin(x2) / potential**2, p1, p2, w


@system(
    "StickSlipOscillator",
    parameters={
        "a": 1.0,
        "alpha": 0.3,
        "b": 1.0,
        "beta": 0.3,
        "eps": 0.05,
        "gamma": 1.0,
        "t0": 0.3,
        "vs": 0.4,
        "w": 2.0,
    },
    initial_conditions=(0.85539847, -0.39125834, 0.0),
    dt=0.00032263377229540424,
    period=1.6129,
    bounded=mapped({2: cos}),
    nonautonomous=True,
    jumps=True,
)
def stick_slip(t, x, v, th, *, a, alpha, b, beta, eps, gamma, t0, vs, w):
    """A mass on a moving belt with dry friction (Awrejcewicz & Holicke 1999); piecewise smooth; th is the phase."""
    friction = t0 * jnp.sign(v - vs) - alpha * v + beta * (v - vs) ** 3
    return v, eps * (gamma * cos(th) - friction) + a * x - b * x**3, w


@system(
    "FluidTrampoline",
    parameters={"gamma": 1.82, "psi": 0.01019, "w": 1.21},
    initial_conditions=(-0.65820064, -2.8807787, 0.1),
    dt=0.0015472778796464582,
    period=7.7351,
    bounded=mapped({2: cos}),
    nonautonomous=True,
    jumps=True,
)
def fluid_trampoline(t, x, y, th, *, gamma, psi, w):
    """A droplet that bounces on a shaken soap film (Gilet & Bush 2009); piecewise smooth; th is the phase."""
    film = jnp.where(x < 0, x + psi * y * jnp.abs(y), 0)
    return y, gamma * cos(th) - 1 - film, w


@system(
    "Torus",
    parameters={"a": 0.5, "n": 15.3, "r": 1.0},
    initial_conditions=(-13.72884, 1.9094726, 0.72831447),
    dt=0.0012722120353390665,
    period=6.36,
)
def torus(t, x, y, z, *, a, n, r):
    """The velocity of a point that winds n times round a torus: quasi-periodic, not chaotic, of t alone."""
    outer = r + a * cos(n * t)
    return (
        -a * n * sin(n * t) * cos(t) - outer * sin(t),
        -a * n * sin(n * t) * sin(t) + outer * cos(t),
        a * n * cos(n * t),
    )
