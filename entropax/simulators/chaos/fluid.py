"""Particles carried by a fluid: stirring, cavities, jets, vortices and swimmers."""

import jax.numpy as jnp
from jax.numpy import cos, cosh, pi, sin, sinh, tanh

from entropax.simulators.chaos.definitions import mapped, system


def _switched(phase, tau):
    """1 for half of a stirring protocol of length tau and 0 for the other half, smoothly."""
    return (1 + tanh(20 * tau * sin(2 * pi * phase / tau))) / 2


def _polar(r, th, tt, *, tau, **_):
    """Cartesian coordinates, and the sine of the phase of the protocol."""
    return r * cos(th), r * sin(th), sin(2 * pi * tt / tau)


def _forced(x, y, tt, *, tau, **_):
    """x and y as they are, and the sine of the phase of the protocol."""
    return x, y, sin(2 * pi * tt / tau)


def _rolls(x, y, z, *, k, **_):
    """The phase of the rolls at x, y as it is, and the sine of the phase of the forcing."""
    return cos(k * x), y, sin(z)


def _slowest_wave(y, x, z, *, k, omega, sigma, **_):
    """y as it is, and the phases along x and in time of the slowest wave."""
    longest = jnp.min(k)
    return y, sin(longest * x), sin(omega * z * longest * jnp.min(sigma))


@system(
    "DoubleGyre",
    parameters={"alpha": 0.1, "eps": 0.1, "omega": 0.62832},
    initial_conditions=(1.5327241, 0.99802126, 3879.3323),
    dt=0.002791065177530072,
    period=13.953,
    bounded=mapped({2: sin}),
    nonautonomous=True,
)
def double_gyre(t, x, y, z, *, alpha, eps, omega):
    """Two gyres whose border moves to and fro (Shadden, Lekien & Marsden 2005); z is the phase."""
    a = eps * sin(z)
    f, slope = a * x**2 + (1 - 2 * a) * x, 2 * a * x + 1 - 2 * a
    return (
        -alpha * pi * sin(pi * f) * cos(pi * y),
        alpha * pi * cos(pi * f) * sin(pi * y) * slope,
        omega,
    )


@system(
    "OscillatingFlow",
    parameters={"b": 0.48, "k": 1.0, "omega": 0.49, "u": 0.72},
    initial_conditions=(3.14159265, 1.04719755, 0.4),
    dt=0.004772195365894731,
    period=23.857,
    bounded=_rolls,
    nonautonomous=True,
)
def oscillating_flow(t, x, y, z, *, b, k, omega, u):
    """Convection rolls that oscillate (Solomon & Gollub 1988); z is the phase."""
    f = k * (x + b * sin(z))
    return u * cos(k * y) * sin(f), -u * sin(k * y) * cos(f), omega


@system(
    "ArnoldBeltramiChildress",
    parameters={"a": 1.73205, "b": 1.41421, "c": 1.0},
    initial_conditions=(147.91266, -1762.805, -647.37622),
    dt=0.0005702550425070285,
    period=2.8508,
    bounded=mapped({0: sin, 1: cos, 2: sin}),
)
def abc_flow(t, x, y, z, *, a, b, c):
    """Euler's equations solved exactly in a periodic box (Arnold 1966)."""
    return a * sin(z) + c * cos(y), b * sin(x) + a * cos(z), c * sin(y) + b * cos(x)


@system(
    "BickleyJet",
    parameters={
        "ell": 1.77,
        "eps": (0.0075, 0.15, 0.3),
        "k": (0.313922, 0.627845, 0.941767),
        "omega": 1.0,
        "sigma": (9.05854e-06, 1.28453e-05, 2.88863e-05),
        "u": 6.266e-05,
    },
    initial_conditions=(-0.4, 0.3, 0.0),
    dt=17.56824204034172,
    period=97826.57,
    bounded=_slowest_wave,
    hamiltonian=True,
)
def bickley_jet(t, y, x, z, *, ell, eps, k, omega, sigma, u):
    """A zonal jet perturbed by three travelling waves (Hadjighasem et al. 2016)."""
    waves = k * (x - z * sigma)
    profile = u / cosh(y / ell) ** 2
    return (
        ell * profile * jnp.sum(eps * k * sin(waves)),
        -profile * (1 + 2 * tanh(y / ell) * jnp.sum(eps * cos(waves))),
        omega,
    )


def _rotlet(r, th, a, b, bc):
    """Velocity (v_r, v_theta) about a rotlet at distance b from the centre of a disc of radius a."""
    ratio = b**2 / a**2
    kappa = a**2 + ratio * r**2 - 2 * b * r * cos(th)
    gamma = (1 - r**2 / a**2) * (a**2 - ratio * r**2)
    iota = ratio * r - b * cos(th)
    zeta = b**2 + r**2 - 2 * b * r * cos(th)
    nu = a**2 + b**2 - 2 * ratio * r**2
    return (
        b * sin(th) * (-bc * gamma / kappa**2 - 1 / kappa + 1 / zeta),
        bc * gamma * iota / kappa**2 + bc * r * nu / (a**2 * kappa) + iota / kappa - (r - b * cos(th)) / zeta,
    )


@system(
    "BlinkingRotlet",
    parameters={"a": 1.0, "b": 0.5298833894399929, "bc": 1.0, "sigma": -1.0, "tau": 3.0},
    initial_conditions=(-0.08541919, -0.05204435, 0.0),
    dt=0.0005905109184863022,
    period=2.9520625,
    bounded=_polar,
    nonautonomous=True,
    hamiltonian=True,
)
@system(
    "BlinkingVortex",
    parameters={"a": 1.0, "b": 0.5, "bc": 0.0, "sigma": -1.0, "tau": 3.0},
    initial_conditions=(-0.08541919, -0.05204435, 0.0),
    dt=0.0005524254042340715,
    period=2.7616666666666667,
    bounded=_polar,
    nonautonomous=True,
    hamiltonian=True,
)
def blinking_rotlet(t, r, th, tt, *, a, b, bc, sigma, tau):
    """Two stirrers at +-b in a disc that work in turn, in polar coordinates (Aref 1984; Meleshko & Aref 1996).

    bc = 1 makes the fluid stick to the wall, bc = 0 lets it slip; tt is the phase.
    """
    weight = _switched(tt, tau)
    first, second = _rotlet(r, th, a, b, bc), _rotlet(r, th, a, -b, bc)
    radial, angular = (weight * p + (1 - weight) * q for p, q in zip(first, second, strict=True))
    return sigma * radial, sigma * angular / r, 1.0


def _lid(x, y, a, b, u1, u2):
    """Velocity in a cavity of length a and height 2b with lids that move at the amplitudes u1, u2 of two sines."""
    vx, vy = 0.0, 0.0
    for j, u in ((1, u1), (2, u2)):
        q = j * pi / a
        scale = 2 * u / (2 * j * pi * b + a * sinh(2 * q * b))
        along = cosh(q * b) * (j * pi * y * cosh(q * y) + a * sinh(q * y)) - j * pi * b * sinh(q * b) * sinh(q * y)
        across = b * sinh(q * b) * cosh(q * y) - y * cosh(q * b) * sinh(q * y)
        vx, vy = vx + scale * sin(q * x) * along, vy + scale * j * pi * cos(q * x) * across
    return vx, vy


@system(
    "LidDrivenCavityFlow",
    parameters={"a": 6.0, "b": 1.0, "tau": 1.1, "u1": 9.92786, "u2": 8.34932},
    initial_conditions=(3.966790341130254, 0.18425981346720144, 0.0),
    dt=0.000546753824549171,
    period=2.7333134945588955,
    bounded=_forced,
    nonautonomous=True,
    hamiltonian=True,
)
def lid_driven_cavity(t, x, y, tt, *, a, b, tau, u1, u2):
    """Stokes flow in a cavity whose halves are driven in turn (Grover et al. 2012); tt is the phase."""
    weight = _switched(tt, tau)
    first, second = _lid(x, y, a, b, u1, u2), _lid(x, y, a, b, -u1, u2)
    vx, vy = (weight * p + (1 - weight) * q for p, q in zip(first, second, strict=True))
    return vx, vy, 1.0


@system(
    "InteriorSquirmer",
    parameters={"a": (0.5, 0.5, 0.5, 0.5, 0.5), "g": (0.5, 0.5, 0.5, 0.5, 0.5), "tau": 3.0},
    initial_conditions=(0.1, 0.1, 0.1),
    dt=0.005765475552614134,
    period=28.822573200111794,
    bounded=_polar,
    nonautonomous=True,
    hamiltonian=True,
)
def interior_squirmer(t, r, th, tt, *, a, g, tau):
    """Flow in a cylinder whose wall slips by the modes a and g in turn (Blake 1971); polar, tt is the phase."""
    phase = _switched(tt, tau)
    radial, angular = 0.0, 0.0
    for i in range(a.shape[0]):
        n, A, G = i + 1, a[i] * phase, g[i] * (1 - phase)
        radial += n * r**i * (r**2 - 1) * (G * cos(n * th) + A * sin(n * th))
        angular += r**i * (2 * r + (r**2 - 1) * n / r) * (A * cos(n * th) - G * sin(n * th))
    return radial, angular, 1.0
