"""Series whose kind is known: sines, coloured noise, chaotic maps and flows; on the host, in float64.

Definitions and starts are those of the PECCARY package's examples, where it has them.
"""

from collections.abc import Callable

import numpy as np

SINE_PERIOD = 50 * 2**0.5
"""Samples; no whole number of them repeats the series, where rounding would decide between equal values."""


def sines(length: int, seed: int) -> dict[str, np.ndarray]:
    """A sine, two in tune, and two and three out of tune; the longest period is `SINE_PERIOD`."""
    t = np.arange(length) / SINE_PERIOD
    phase = np.random.default_rng(seed).uniform(0, 2 * np.pi, 3)
    wave = lambda frequency, i: np.sin(2 * np.pi * frequency * t + phase[i])  # noqa: E731
    return {
        "sine": wave(1.0, 0),
        "sines 1 : 2": wave(1.0, 0) + 0.3 * wave(2.0, 1),
        "sines 1 : √2": wave(1.0, 0) + 0.5 * wave(2**0.5, 1),
        "sines 1 : √2 : √5": wave(1.0, 0) + 0.5 * wave(2**0.5, 1) + 0.3 * wave(5**0.5, 2),
    }


def noises(length: int, seed: int) -> dict[str, np.ndarray]:
    """White noise from uniform numbers, and its spectrum multiplied by f^a."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).uniform(size=length))
    frequency = np.fft.rfftfreq(length)
    frequency[0] = 1.0  # the mean, whatever it is, moves no pattern
    powers = {"white noise": 0.0, "blue noise": 0.5, "violet noise": 1.0, "pink noise": -0.5, "brown noise": -1.0}
    shaped = {}
    for name, power in powers.items():
        shaped[name] = np.fft.irfft(spectrum * frequency**power, length)
    return shaped


def maps(length: int) -> dict[str, np.ndarray]:
    """Logistic (r = 4), Henon (1.4, 0.3) and asymmetric tent (a = 0.1847) maps."""
    a = 0.1847
    return {
        "logistic map": _iterate(lambda x: 4.0 * x * (1 - x), 0.1, length),
        "Hénon map": _iterate(lambda z: (1.0 - 1.4 * z[0] ** 2.0 + z[1], 0.3 * z[0]), (1.0, 1.0), length)[:, 0],
        "asymmetric tent map": _iterate(lambda x: x / a if x < a else (1 - x) / (1 - a), 0.1, length),
    }


def lorenz(steps: int, dt: float = 0.01) -> np.ndarray:
    """The Lorenz system at rho = 28 by forward Euler steps from (0, 1, 1.05); shape (steps + 1, 3)."""

    def step(state: tuple[float, ...]) -> tuple[float, ...]:
        x, y, z = state
        return x + 10 * (y - x) * dt, y + (28 * x - y - x * z) * dt, z + (x * y - 2.667 * z) * dt

    return _iterate(step, (0.0, 1.0, 1.05), steps + 1)


def double_pendulum(duration: float, dt: float, substeps: int = 32) -> np.ndarray:
    """x of the lower mass; equal rods and masses, from rest at 120 and -10 degrees, by Runge-Kutta steps."""
    g = 9.80665

    def slope(state: np.ndarray) -> np.ndarray:
        a, v, b, w = state
        s, c = np.sin(b - a), np.cos(b - a)
        below = 2 - c**2
        dv = (v**2 * s * c + g * np.sin(b) * c + w**2 * s - 2 * g * np.sin(a)) / below
        dw = (-(w**2) * s * c + 2 * (g * np.sin(a) * c - v**2 * s - g * np.sin(b))) / below
        return np.array([v, dv, w, dw])

    state, h = np.radians([120.0, 0.0, -10.0, 0.0]), dt / substeps
    x = []
    for _ in range(round(duration / dt)):
        x.append(np.sin(state[0]) + np.sin(state[2]))
        for _ in range(substeps):
            k1 = slope(state)
            k2 = slope(state + h / 2 * k1)
            k3 = slope(state + h / 2 * k2)
            k4 = slope(state + h * k3)
            state = state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return np.array(x)


def _iterate(step: Callable, start: float | tuple[float, ...], length: int) -> np.ndarray:
    values = [start]
    for _ in range(length - 1):
        values.append(step(values[-1]))
    return np.array(values)
