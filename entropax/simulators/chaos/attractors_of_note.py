"""Temporary."""

import jax.numpy as jnp

from entropax.simulators.chaos.definitions import system


@system(
    "Lorenz",
    parameters={"beta": 2.667, "rho": 28.0, "sigma": 10.0},
    initial_conditions=(-9.7869288, -15.03852, 20.533978),
    dt=0.0003002100350058257,
    period=1.5008,
)
def lorenz(t, x, y, z, *, beta, rho, sigma):
    """Convection in a layer of air (Lorenz 1963)."""
    return sigma * (y - x), x * (rho - z) - y, x * y - beta * z


@system(
    "Rossler",
    parameters={"a": 0.2, "b": 0.2, "c": 5.7},
    initial_conditions=(6.5134412, 0.4772013, 0.34164294),
    dt=0.001181916986164424,
    period=5.9086,
)
def rossler(t, x, y, z, *, a, b, c):
    """The simplest spiral chaos (Rossler 1976)."""
    return -y - z, x + a * y, b + z * (x - c)


@system(
    "Thomas",
    parameters={"a": 1.85, "b": 10.0},
    initial_conditions=(2.199442, 2.3634225, 3.220197),
    dt=0.0009939656609435589,
    period=4.969,
)
def thomas(t, x, y, z, *, a, b):
    """A damped particle in a cyclic lattice of forces (Thomas 1999)."""
    return b * jnp.sin(y) - a * x, b * jnp.sin(z) - a * y, b * jnp.sin(x) - a * z


@system(
    "HenonHeiles",
    parameters={"lam": 1.0},
    initial_conditions=(-0.29707259, -0.0031367513, 0.42548865, 0.071905482),
    dt=0.0012742123687280581,
    period=6.37,
    hamiltonian=True,
)
def henon_heiles(t, x, y, px, py, *, lam):
    """A star about the galactic centre (Henon & Heiles 1964)."""
    return px, py, -x - 2 * lam * x * y, -y - lam * (x**2 - y**2)


@system(
    "MackeyGlass",
    parameters={"beta": 0.2, "gamma": 0.1, "n": 10.0, "tau": 16.0},
    initial_conditions=(0.83347846,),
    dt=0.0012027363718948435,
    period=5.9612230962292045,
    delay=True,
)
def mackey_glass(t, x, delayed, *, beta, gamma, n):
    """Production of blood cells with delayed feedback (Mackey & Glass 1977)."""
    return (beta * delayed / (1 + delayed**n) - gamma * x,)
