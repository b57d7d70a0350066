"""Delay equations: a rate of change that depends on the value a time tau ago."""

import jax.numpy as jnp

from entropax.simulators.chaos.definitions import system


@system(
    "MackeyGlass",
    parameters={"beta": 0.2, "gamma": 0.1, "n": 10.0, "tau": 16.0},
    initial_conditions=(0.83347846,),
    dt=0.0012027363718948435,
    period=5.9612230962292045,
    delay=True,
)
def mackey_glass(t, x, delayed, *, beta, gamma, n):
    """Blood cells whose production answers late (Mackey & Glass 1977)."""
    return (beta * delayed / (1 + delayed**n) - gamma * x,)


@system(
    "IkedaDelay",
    parameters={"c": 1.0, "mu": -20.0, "tau": 2.0, "x0": 0.0},
    initial_conditions=(0.024144317,),
    dt=0.00029831999999998973,
    period=3.486528,
    delay=True,
)
@system(
    "SprottDelay",
    parameters={"c": 0.0, "mu": 1.0, "tau": 5.1, "x0": 0.0},
    initial_conditions=(9.30770542,),
    dt=0.0028125,
    period=20.15628,
    delay=True,
)
def ikeda(t, x, delayed, *, c, mu, x0):
    """An optical resonator (Ikeda & Matsumoto 1987); the simplest delay equation for c = 0 (Sprott 2007)."""
    return (mu * jnp.sin(delayed - x0) - c * x,)


@system(
    "VossDelay",
    parameters={"alpha": 3.24, "tau": 13.28},
    initial_conditions=(0.24640194,),
    dt=0.0053123603161361645,
    period=10.0,
    delay=True,
)
def voss(t, x, delayed, *, alpha):
    """An electronic circuit with delayed feedback (Voss 2002)."""
    return (0.85 - delayed * (3.63 + delayed * (13.95 + 10.44 * delayed)) - alpha * x,)


@system(
    "ScrollDelay",
    parameters={"alpha": 0.2, "beta": 0.2, "tau": 10.0},
    initial_conditions=(-0.70009241,),
    dt=0.030694772119777555,
    period=152.40701151828662,
    delay=True,
)
def scroll_delay(t, x, delayed, *, alpha, beta):
    """Scrolls from a smoothed step."""
    return (beta * jnp.tanh(10 * delayed) - alpha * delayed,)


@system(
    "PiecewiseCircuit",
    parameters={"alpha": 1.0, "beta": 1.0, "c": 2.24, "tau": 4.9},
    initial_conditions=(-0.37155972,),
    dt=0.01059473019233792,
    period=52.99484890125133,
    delay=True,
)
def piecewise_circuit(t, x, delayed, *, alpha, beta, c):
    """A circuit with delayed feedback and a cubic (Tamasevicius, Mykolaitis & Bumeliene 2006)."""
    scaled = delayed / c
    return (beta * (3 * scaled - scaled**3) - alpha * delayed,)
