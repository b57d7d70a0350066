"""Gradients through Schroedinger waves: fitting a soliton, shaping a packet, and how far gradients reach."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import OptimizeResult, minimize

from entropax import observables, simulators
from entropax.simulators import Schrodinger


@dataclass(frozen=True)
class DesignConfig:
    """The fit, the packet and the horizon.

    Attributes:
        num_points: n of all waves here.
        length: L.
        dt: time step, of order 8.
        fit_steps: steps to the snapshots that the soliton is fitted to.
        shape_steps: steps to the time at which the packet's spectral entropy counts.
        harmonics: waves in the packet's phase, each with two coefficients.
        width: standard deviation of the packet's intensity.
        mass: of the packet.
        budget: kinetic energy that its phase may spend.
        iterations: most iterations of a search.
        random_search: phases tried without gradients, for comparison.
        horizon: steps over which gradients are followed.
        memory_steps: steps of the gradient whose memory is measured; 0 leaves it out.
    """

    num_points: int = 128
    length: float = 25.0
    dt: float = 0.05
    fit_steps: int = 40
    shape_steps: int = 40
    harmonics: int = 4
    width: float = 1.5
    mass: float = 4.0
    budget: float = 2.0
    iterations: int = 60
    random_search: int = 256
    horizon: int = 400
    memory_steps: int = 10_000

    @property
    def points(self) -> np.ndarray:
        """x_j."""
        return -self.length / 2 + self.length / self.num_points * np.arange(self.num_points)


def evolve(psi: jax.Array, config: DesignConfig, steps: int, *, observe: Any = None, every: int = 1) -> Any:
    """A wave some steps later, and what was observed on the way.

    Args:
        psi: start, shape (n,).
        config: sizes.
        steps: number of them.
        observe: of `simulate`.
        every: of `simulate`.
    """
    system = Schrodinger(psi, length=config.length, dt=config.dt)
    return simulators.simulate(system, psi, steps, key=jax.random.key(0), observe=observe, every=every)


# ------------------------------------------------------------------------------------------------------- fit a soliton


def fit_soliton(config: DesignConfig) -> dict[str, Any]:
    """Amplitude and velocity of a soliton from |psi| at two times, by gradients through the solver.

    Args:
        config: sizes.

    Returns:
        The path of (A, v), the losses, and the gradient's mismatch with finite differences at the start.
    """
    x = jnp.asarray(config.points)
    truth, begin, position = jnp.array([2.0, 1.0]), jnp.array([1.5, 0.5]), -4.0
    times = config.dt * config.fit_steps * jnp.array([0.5, 1.0])
    data = jax.vmap(lambda t: jnp.abs(simulators.soliton(x, truth[0], position, truth[1], time=t)))(times)

    @jax.jit
    @jax.value_and_grad
    def loss(parameters: jax.Array) -> jax.Array:
        psi = simulators.soliton(x, parameters[0], position, parameters[1])
        _, seen = evolve(psi, config, config.fit_steps, observe=_modulus, every=config.fit_steps // 2)
        return jnp.mean((seen - data) ** 2)

    path, losses = _descend(loss, begin, config.iterations)
    return {"path": path, "losses": losses, "truth": np.asarray(truth), "mismatch": mismatch(loss, begin)}


def _modulus(psi: jax.Array) -> jax.Array:
    return jnp.sqrt(psi.real**2 + psi.imag**2 + 1e-30)  # smooth where the tail underflows


# ------------------------------------------------------------------------------------------------------ shape a packet


def packet(coefficients: jax.Array, config: DesignConfig) -> jax.Array:
    """A Gaussian of given mass and width whose phase has given kinetic energy, however it is divided.

    The phase is a sum of cosines and sines of multiples of pi / 6 width^-1. It is scaled so that int |psi|^2 phi'^2 / 2
    is the budget: all packets have the same mass, the same energy and the same intensity, and differ in phase only.

    Args:
        coefficients: of cosines and sines, shape (2 harmonics,), of any norm but zero.
        config: sizes.
    """
    x = jnp.asarray(config.points)
    q = jnp.pi / (6 * config.width) * jnp.arange(1, config.harmonics + 1)
    angle = q[:, None] * x[None, :]
    cosines, sines = jnp.split(coefficients, 2)
    phase = jnp.sum(cosines[:, None] * jnp.cos(angle) + sines[:, None] * jnp.sin(angle), axis=0)
    slope = jnp.sum(q[:, None] * (sines[:, None] * jnp.cos(angle) - cosines[:, None] * jnp.sin(angle)), axis=0)
    density = jnp.exp(-((x / config.width) ** 2) / 2)
    density = density * config.mass / (jnp.sum(density) * config.length / config.num_points)
    spent = jnp.sum(density * slope**2) / 2 * config.length / config.num_points
    phase = phase * jnp.sqrt(config.budget / spent)
    return jnp.sqrt(density) * jax.lax.complex(jnp.cos(phase), jnp.sin(phase))


def later_entropy(coefficients: jax.Array, config: DesignConfig) -> jax.Array:
    """Spectral entropy of a packet at the time that counts, in nats.

    Args:
        coefficients: of its phase.
        config: sizes.
    """
    final, _ = evolve(packet(coefficients, config), config, config.shape_steps)
    return observables.spectral_entropy(final)


def shape_packet(config: DesignConfig, *, key: jax.Array) -> dict[str, Any]:
    """The phases of least and of greatest spectral entropy, by gradients, and the best of random ones.

    Args:
        config: sizes.
        key: of the random phases.

    Returns:
        By "least" and "greatest": the path of values, the phase's packet, and its entropy over time; the range of the
        random search; the gradient's mismatch with finite differences.
    """
    tried = jax.random.normal(key, (config.random_search, 2 * config.harmonics), jnp.float64)
    values = np.asarray(jax.jit(lambda c: jax.lax.map(partial(later_entropy, config=config), c))(tried))
    plain = jax.value_and_grad(partial(later_entropy, config=config))
    signed = jax.jit(lambda sign, c: jax.tree.map(lambda leaf: sign * leaf, plain(c)))
    found: dict[str, Any] = {"random": values, "mismatch": mismatch(partial(signed, jnp.asarray(1.0)), tried[0])}
    follow = jax.jit(
        lambda c: evolve(packet(c, config), config, config.shape_steps, observe=observables.spectral_entropy)[1]
    )
    for name, sign, best in (("least", 1.0, np.argmin), ("greatest", -1.0, np.argmax)):
        # From the better of the random phases' first eight: the search has to find its own way.
        path, losses = _descend(partial(signed, jnp.asarray(sign)), tried[best(values[:8])], config.iterations)
        psi = packet(jnp.asarray(path[-1]), config)
        start = float(observables.spectral_entropy(psi))
        series = np.concatenate([[start], follow(jnp.asarray(path[-1]))])
        found[name] = {"values": sign * losses, "psi": np.asarray(psi), "series": series}
    return found


# ------------------------------------------------------------------------------------------------- how far they reach


def horizon(psi: np.ndarray, length: float, config: DesignConfig) -> dict[str, np.ndarray]:
    """Derivatives of a wave's spectral entropy over time, along one direction of its start.

    Args:
        psi: start, shape (n,).
        length: L.
        config: sizes.

    Returns:
        "time", "growth" (the tangent's norm over its start), "mismatch" (of the derivative and a central difference,
        relative to the largest derivative so far).
    """
    draw = np.random.default_rng(3)
    noise = draw.standard_normal((2, psi.size))
    direction = jnp.asarray((noise[0] + 1j * noise[1]) * np.abs(psi))
    direction = direction / jnp.linalg.norm(direction) * np.linalg.norm(psi)
    every, h = max(1, config.horizon // 40), 1e-6
    moved, slope, ahead, behind = _followed(jnp.asarray(psi), direction, length, h, config, every)
    difference = np.asarray(ahead - behind) / (2 * h)
    largest = np.maximum.accumulate(np.abs(difference))
    return {
        "time": config.dt * every * np.arange(1, config.horizon // every + 1),
        "growth": np.linalg.norm(moved, axis=1) / np.linalg.norm(direction),
        "mismatch": np.abs(np.asarray(slope) - difference) / largest,
    }


@partial(jax.jit, static_argnames=("config", "every"))
def _followed(
    psi: jax.Array, direction: jax.Array, length: float, h: float, config: DesignConfig, every: int
) -> tuple[jax.Array, ...]:
    """Derivatives of the waves and their entropies along a direction, and the entropies of starts a little ahead."""

    def seen(psi: jax.Array) -> tuple[jax.Array, jax.Array]:
        system = Schrodinger(psi, length=length, dt=config.dt)
        options = {"key": jax.random.key(0), "observe": _wave_and_entropy, "every": every}
        return simulators.simulate(system, psi, config.horizon, **options)[1]

    _, (moved, slope) = jax.jvp(seen, (psi,), (direction,))
    ahead, behind = jax.lax.map(lambda sign: seen(psi + sign * h * direction)[1], jnp.asarray([1.0, -1.0]))
    return moved, slope, ahead, behind


def _wave_and_entropy(psi: jax.Array) -> tuple[jax.Array, jax.Array]:
    return psi, observables.spectral_entropy(psi)


def gradient_memory(config: DesignConfig) -> float:
    """Bytes that the gradient of a final entropy by a start of 512 points needs, through Strang's steps.

    Args:
        config: sizes.
    """

    @jax.grad
    def slope(psi: jax.Array) -> jax.Array:
        system = Schrodinger(psi, length=50.0, dt=0.002, method="strang")
        final, _ = simulators.simulate(system, psi, config.memory_steps, key=jax.random.key(0), observe=None)
        return observables.spectral_entropy(final)

    analysis = jax.jit(slope).lower(jnp.ones(512, complex)).compile().memory_analysis()
    return float(analysis.temp_size_in_bytes) if analysis is not None else float("nan")


def mismatch(value_and_slope: Any, parameters: jax.Array) -> float:
    """Relative distance of a gradient from central differences.

    Args:
        value_and_slope: the function.
        parameters: where.
    """
    h, slope = 1e-5, value_and_slope(parameters)[1]
    moved = [[value_and_slope(parameters + sign * h * e)[0] for sign in (1, -1)] for e in jnp.eye(parameters.size)]
    differences = np.array([(ahead - behind) / (2 * h) for ahead, behind in moved])
    return float(np.linalg.norm(slope - differences) / np.linalg.norm(differences))


def _descend(value_and_slope: Any, start: jax.Array, iterations: int) -> tuple[np.ndarray, np.ndarray]:
    """The paths of parameters and values of a descent by BFGS."""
    path, values = [np.asarray(start)], [float(value_and_slope(start)[0])]

    def function(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = value_and_slope(jnp.asarray(parameters))
        return float(value), np.asarray(slope)

    def note(intermediate_result: OptimizeResult) -> None:
        path.append(np.array(intermediate_result.x))
        values.append(float(intermediate_result.fun))

    options = {"maxiter": iterations, "gtol": 1e-12}
    minimize(function, np.asarray(start), jac=True, method="BFGS", options=options, callback=note)
    return np.array(path), np.array(values)
