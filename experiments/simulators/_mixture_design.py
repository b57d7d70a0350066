"""The initial anisotropy that produces most entropy in the first epoch, by gradients through the kinetic equations.

Anisotropy alone has no best value: a Gaussian of temperature T (1 + a), T (1 - a) lies -log(1 - a^2) / 2 below the
Maxwellian's entropy, without bound as a tends to one. So all designs here start with the same energy, momentum and
total entropy, and can in the end produce equally much: a budget C is divided between the light and the heavy gas, and
each anisotropy has a direction. The parameters are three angles: cos^2 of the first is the light gas's share; the
others are the hot directions, from the light gas's drift.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import OptimizeResult, minimize

from entropax import simulators
from entropax.observables import kinetic_entropy
from entropax.simulators import KineticMixture, MixtureState, VelocityGrid


@dataclass(frozen=True)
class DesignConfig:
    """The first epoch and the ascent.

    Attributes:
        eps: square root of the mass ratio.
        num_steps: steps in the horizon, a time eps^2.
        num_points: velocities along an axis.
        budget: C, nats of entropy by particle below the Maxwellians'.
        light_temperature: T_L.
        heavy_temperature: T_H.
        drift: u_L along x.
        iterations: most iterations of the ascent, by BFGS.
        search: values of an angle in the search without gradients; 0 for none.
    """

    eps: float = 0.1
    num_steps: int = 8
    num_points: int = 32
    budget: float = 0.15
    light_temperature: float = 1.0
    heavy_temperature: float = 0.5
    drift: float = 0.5
    iterations: int = 30
    search: int = 5

    def mixture(self) -> KineticMixture:
        """The simulator."""
        return KineticMixture(
            self.eps,
            dt=self.eps**2 / self.num_steps,
            light_grid=VelocityGrid(self.num_points, support=4.8),
            heavy_grid=VelocityGrid(self.num_points, support=3.6),
            num_radii=24,
            num_angles=10,
        )


def initial_state(angles: jax.Array, config: DesignConfig) -> MixtureState:
    """Gaussians of both species with the angles' anisotropies.

    Args:
        angles: division of the budget and two hot directions, shape (3,), in radians.
        config: sizes.
    """
    mixture = config.mixture()

    def gas(part: jax.Array, direction: jax.Array, T: float, drift: float, grid: VelocityGrid) -> jax.Array:
        # |a| = sqrt(1 - exp(-2 C part^2)) is part times a smooth function of part^2.
        deficit = 2 * config.budget * part**2
        small = deficit < 1e-8
        ratio = jnp.where(small, 1 - deficit / 2, -jnp.expm1(-deficit) / jnp.where(small, 1.0, deficit))
        size = part * jnp.sqrt(2 * config.budget * ratio)
        turn = size * jnp.array([[1.0, 0.0], [0.0, -1.0]]) * jnp.cos(2 * direction)
        turn = turn + size * jnp.array([[0.0, 1.0], [1.0, 0.0]]) * jnp.sin(2 * direction)
        return simulators.maxwellian(1.0, jnp.array([drift, 0.0]), T * (jnp.eye(2) + turn), grid=grid)

    light = gas(jnp.cos(angles[0]), angles[1], config.light_temperature, config.drift, mixture.light_grid)
    heavy = gas(jnp.sin(angles[0]), angles[2], config.heavy_temperature, 0.0, mixture.heavy_grid)
    return MixtureState(light, heavy)


def entropy_produced(angles: jax.Array, config: DesignConfig) -> jax.Array:
    """S_L + S_H at t = eps^2 less that at the start, in nats.

    Args:
        angles: of the design, shape (3,).
        config: sizes.
    """
    mixture = config.mixture()

    def entropy(state: MixtureState) -> jax.Array:
        light, heavy = mixture.light_grid.cell_area, mixture.heavy_grid.cell_area
        return kinetic_entropy(state.light, light) + kinetic_entropy(state.heavy, heavy)

    start = initial_state(angles, config)
    final, _ = simulators.simulate(mixture, start, config.num_steps, key=jax.random.key(0), observe=None, remat=0)
    return entropy(final) - entropy(start)


def design(config: DesignConfig) -> dict[str, Any]:
    """Checks the gradient, ascends it, and searches without it.

    Args:
        config: sizes.

    Returns:
        The gradient's mismatch, the ascent's values and angles, and the best value of the search.
    """
    with_slope = jax.jit(jax.value_and_grad(lambda angles: entropy_produced(angles, config)))
    start = jnp.array([0.9, 0.7, 0.4])
    value, slope = with_slope(start)
    h = 1e-5
    moved = [[with_slope(start + sign * h * e)[0] for sign in (1, -1)] for e in jnp.eye(3)]
    differences = np.array([(ahead - behind) / (2 * h) for ahead, behind in moved])
    mismatch = np.linalg.norm(slope - differences) / np.linalg.norm(differences)

    path, values = [np.asarray(start)], [float(value)]

    def negative(angles: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = with_slope(jnp.asarray(angles))
        return -float(value), -np.asarray(slope)

    def note(intermediate_result: OptimizeResult) -> None:
        path.append(np.array(intermediate_result.x))
        values.append(-float(intermediate_result.fun))

    options = {"maxiter": config.iterations, "gtol": 1e-7}
    minimize(negative, start, jac=True, method="BFGS", options=options, callback=note)
    return {
        "mismatch": float(mismatch),
        "gradient": np.asarray(slope),
        "values": np.array(values),
        "angles": np.array(path),
        "light_share": np.cos(np.array(path)[:, 0]) ** 2,
        "search": best_of_search(config) if config.search else float("nan"),
    }


def best_of_search(config: DesignConfig) -> float:
    """The most entropy that any design of a coarse grid produces.

    Args:
        config: sizes.
    """
    produced = jax.jit(lambda angles: entropy_produced(angles, config))
    # It has period pi in each hot direction and does not change with the sign of a part.
    shares, turns = np.linspace(0, np.pi / 2, config.search), np.arange(config.search) * np.pi / config.search
    few = turns[:: config.search // 2 + 1]  # of the heavy gas, whose direction matters least
    return max(float(produced(jnp.array(point))) for point in product(shares, turns, few))
