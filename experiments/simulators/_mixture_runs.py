"""Runs of the disparate-mass mixture: three epochs with one time step, the exact moments, Euler's method."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from scipy.integrate import solve_ivp

from entropax import simulators
from entropax.observables import kinetic_entropy, negative_mass
from entropax.simulators import KineticMixture, MixtureMoments, MixtureState, VelocityGrid


@dataclass(frozen=True)
class RunConfig:
    """Grids, time step and mass ratios.

    Attributes:
        num_points: velocities along an axis, of both species.
        light_support: speeds that collisions of the light species take part in, in thermal speeds.
        heavy_support: the same of the heavy species.
        num_radii: radii of the spectral collision operator.
        num_angles: its angles.
        epsilons: square roots of the mass ratio.
        dt: the time step of all runs, in relaxation times.
        num_steps: steps of the penalised scheme.
        explicit_steps: steps of Euler's method.
    """

    num_points: int = 48
    light_support: float = 5.5
    heavy_support: float = 4.5
    num_radii: int = 32
    num_angles: int = 12
    epsilons: tuple[float, ...] = (0.2, 0.1, 0.05, 0.02)
    dt: float = 0.005
    num_steps: int = 200
    explicit_steps: int = 40

    def mixture(self, eps: float, **options: Any) -> KineticMixture:
        """The simulator for one mass ratio.

        Args:
            eps: square root of the mass ratio.
            **options: replace or add arguments of `KineticMixture`.
        """
        arguments = {
            "dt": self.dt,
            "light_grid": VelocityGrid(self.num_points, support=self.light_support),
            "heavy_grid": VelocityGrid(self.num_points, support=self.heavy_support),
            "num_radii": self.num_radii,
            "num_angles": self.num_angles,
        }
        return KineticMixture(eps, **(arguments | options))


class Observer(eqx.Module):
    """What is recorded of a state, as one object for runs at any eps.

    Attributes:
        mixture: whose grids are used.
    """

    mixture: KineticMixture

    def __call__(self, state: MixtureState) -> dict[str, Any]:
        """Moments, entropies, mass below zero, the largest value of f_L.

        Args:
            state: the distributions.
        """
        cells = self.mixture.light_grid.cell_area, self.mixture.heavy_grid.cell_area
        return {
            "moments": self.mixture.moments(state),
            "light_entropy": kinetic_entropy(state.light, cells[0]),
            "heavy_entropy": kinetic_entropy(state.heavy, cells[1]),
            "negative_mass": negative_mass(state.light, cells[0]) + negative_mass(state.heavy, cells[1]),
        }


def peak(state: MixtureState) -> jax.Array:
    """The largest absolute value of f_L.

    Args:
        state: the distributions.
    """
    return jnp.max(jnp.abs(state.light))


def three_epochs(config: RunConfig, eps: float) -> dict[str, np.ndarray]:
    """The penalised scheme's run: densities, velocities, temperatures, anisotropies, entropies, from t = 0.

    Args:
        config: sizes.
        eps: square root of the mass ratio.

    Returns:
        Arrays over time by name.
    """
    mixture, key = config.mixture(eps), jax.random.key(0)
    observe = Observer(config.mixture(0.5))
    state = mixture.init(key=key)
    _, path = simulators.simulate(mixture, state, config.num_steps, key=key, observe=observe)
    whole = jax.tree.map(lambda a, b: np.concatenate([np.asarray(a)[None], np.asarray(b)]), observe(state), path)
    others = {name: whole[name] for name in ("light_entropy", "heavy_entropy", "negative_mass")}
    return summary(whole["moments"], eps) | others


def exact_epochs(config: RunConfig, eps: float) -> dict[str, np.ndarray]:
    """The exact moments at the same times, by Radau's method.

    Args:
        config: sizes.
        eps: square root of the mass ratio.

    Returns:
        Arrays over time by name, as `three_epochs`.
    """
    start, unravel = ravel_pytree(config.mixture(0.5).initial)
    rate = jax.jit(lambda y: ravel_pytree(simulators.mixture_moment_rate(unravel(y), eps))[0])
    times = config.dt * np.arange(config.num_steps + 1)
    solution = solve_ivp(
        lambda t, y: np.asarray(rate(y)), (0, times[-1]), np.asarray(start), "Radau", times, rtol=1e-10, atol=1e-12
    )
    return summary(jax.vmap(unravel)(jnp.asarray(solution.y.T)), eps)


def summary(moments: MixtureMoments, eps: float) -> dict[str, np.ndarray]:
    """Numbers of the moments over time.

    Args:
        moments: with a leading axis of times.
        eps: square root of the mass ratio.
    """
    result = {}
    for name, gas in (("light", moments.light), ("heavy", moments.heavy)):
        stress = np.asarray(gas.second) - np.asarray(gas.velocity)[:, :, None] * np.asarray(gas.velocity)[:, None, :]
        result[f"{name}_temperature"] = np.trace(stress, axis1=1, axis2=2) / 2
        result[f"{name}_anisotropy"] = stress[:, 0, 0] - stress[:, 1, 1]
        result[f"{name}_velocity"] = np.asarray(gas.velocity)[:, 0]
    result["energy"] = np.asarray(jax.vmap(lambda m: m.energy)(moments))
    result["momentum"] = np.asarray(jax.vmap(lambda m: m.momentum(eps)[0])(moments))
    return result


def euler_peaks(config: RunConfig, eps: float) -> np.ndarray:
    """The largest value of f_L, relative to the start, along Euler's method with the same time step.

    Args:
        config: sizes.
        eps: square root of the mass ratio.
    """
    mixture, key = config.mixture(eps, scheme="explicit"), jax.random.key(0)
    state = mixture.init(key=key)
    _, peaks = simulators.simulate(mixture, state, config.explicit_steps, key=key, observe=peak)
    return np.concatenate([[1.0], np.asarray(peaks) / float(peak(state))])


def decay_time(values: np.ndarray, dt: float) -> float:
    """When |values| has fallen to 1/e of its start, interpolated linearly in its logarithm; NaN if it has not.

    Args:
        values: over time from t = 0.
        dt: time between them.
    """
    with np.errstate(divide="ignore"):
        logs = np.log(np.abs(values / values[0]))
    below = np.flatnonzero(logs <= -1)
    if not below.size:
        return float("nan")
    last = below[0]
    return dt * (last - 1 + (-1 - logs[last - 1]) / (logs[last] - logs[last - 1]))


def spectral_accuracy(num_points: int = 64) -> float:
    """Largest error of Q against d_t f of the exact solution of Bobylev, Krook and Wu at t = 0.5.

    Args:
        num_points: velocities along an axis; 40 radii and 16 angles.
    """
    grid = VelocityGrid(num_points, support=5.0)
    f, rate = jax.jvp(lambda t: simulators.bkw_solution(grid.velocities(), t), (0.5,), (1.0,))
    return float(jnp.max(jnp.abs(simulators.spectral_collision(f, grid=grid) - rate)))


def seconds_per_evaluation(num_points: int = 48, repeats: int = 10) -> float:
    """Shortest time of one spectral collision, warm, with 40 radii and 16 angles in float64.

    Args:
        num_points: velocities along an axis.
        repeats: evaluations timed.
    """
    grid = VelocityGrid(num_points, support=5.0)
    f = simulators.maxwellian(1.0, jnp.array([0.3, 0.0]), 1.0, grid=grid)
    jax.block_until_ready(simulators.spectral_collision(f, grid=grid))

    def once() -> float:
        start = time.perf_counter()
        jax.block_until_ready(simulators.spectral_collision(f, grid=grid))
        return time.perf_counter() - start

    return min(once() for _ in range(repeats))


def steps_to_blow_up(peaks: Sequence[float] | np.ndarray, factor: float = 1e3) -> float:
    """Steps after which the largest value exceeds `factor` times its start, or is not finite; infinity if never.

    Args:
        peaks: largest values relative to the start, over steps.
        factor: how much is a blow-up.
    """
    over = np.flatnonzero(~(np.asarray(peaks) <= factor))
    return float(over[0]) if over.size else float("inf")
