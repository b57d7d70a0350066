"""Two swimmers on a ring are given the activity profile v0(x) that dissipates most, by gradient ascent."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from entropax import simulators, thermodynamics, training
from experiments.claims import Estimate
from experiments.running import stage
from experiments.thermodynamics import _ring_reference
from experiments.thermodynamics._ring import observe_state
from experiments.thermodynamics._trap_design import no_batch


@dataclass(frozen=True)
class RingConfig:
    """Two swimmers on a ring with a profile v0(x) = sum_k c_k cos(k pi x / W), normalised to a mean square.

    Attributes:
        mean_square: mean of v0(x)^2 over the ring; 0.0625 is that of the uniform v0 = 0.25.
        modes: number of cosines past the constant.
        chains: independent copies.
        dt: time step.
        horizon: time that the gradient reaches back.
        every: steps between observations.
        iterations: optimiser steps.
        learning_rate: of Adam, in the coefficients.
        horizons: times for the figure of the gradient against its horizon.
        gradient_repeats: independent estimates of each gradient.
        difference_chains: copies in the check against finite differences.
        difference_horizon: time of that check.
        reference_cells: finite volumes of the reference.
    """

    mean_square: float = 0.0625
    modes: int = 4
    chains: int = 2000
    dt: float = 0.02
    horizon: float = 40.0
    every: int = 20
    iterations: int = 60
    learning_rate: float = 0.08
    horizons: tuple[float, ...] = (5.0, 10.0, 20.0, 40.0, 80.0)
    gradient_repeats: int = 6
    difference_chains: int = 64
    difference_horizon: float = 20.0
    reference_cells: int = 256


class ActivityProfile(eqx.Module):
    """v0(x) = N sum_k c_k cos(k pi x / W), with N such that the mean of v0^2 over the ring is fixed.

    Attributes:
        coefficients: c, shape (modes + 1,); their scale does not matter.
        mean_square: mean of v0^2 over the ring.
        half_width: W.
    """

    coefficients: jax.Array
    mean_square: float = eqx.field(static=True)
    half_width: float = eqx.field(static=True)

    def __call__(self, x: jax.Array) -> jax.Array:
        """The activity at positions of any shape."""
        c = self.coefficients
        waves = jnp.cos(jnp.multiply.outer(x, jnp.arange(c.size, dtype=x.dtype) * (jnp.pi / self.half_width)))
        norm = jnp.sqrt(self.mean_square / (c[0] ** 2 + jnp.sum(c[1:] ** 2) / 2))
        return norm * waves @ c


def reference_profile(coefficients: np.ndarray, config: RingConfig, half_width: float) -> Callable:
    """The same profile in numpy, for the reference solution."""
    c = np.asarray(coefficients, np.float64)
    norm = np.sqrt(config.mean_square / (c[0] ** 2 + np.sum(c[1:] ** 2) / 2))
    return lambda x: norm * np.cos(np.arange(c.size) * np.pi / half_width * np.asarray(x)[..., None]) @ c


def ring_rate(
    coefficients: jax.Array,
    start: jax.Array,
    config: RingConfig,
    horizon: float,
    *,
    key: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Entropy production rate over the second half of a simulation, and the last state.

    Args:
        coefficients: of the activity profile, shape (modes + 1,).
        start: states (x, g), shape (chains, 2).
        config: sizes.
        horizon: time simulated.
        key: source of randomness.

    Returns:
        The rate, differentiable in the coefficients, and the states at the end.
    """
    half_width = 8.0
    profile = ActivityProfile(coefficients, config.mean_square, half_width)
    system = simulators.ActiveRing(profile, half_width=jnp.asarray(half_width, start.dtype), dt=config.dt)
    every = min(config.every, max(1, round(horizon / config.dt / 4)))
    steps = round(horizon / config.dt / 2 / every) * every
    first_key, second_key = jax.random.split(key)
    state, _ = simulators.simulate(system, start, steps, key=first_key, observe=None)
    state, states = simulators.simulate(system, state, steps, key=second_key, observe=observe_state, every=every)
    states = states.reshape(-1, 2)
    rate = thermodynamics.score_free_entropy_production(
        system.drift(states), system.drift_divergence(states), system.diffusion
    )
    return rate.value, state


_ring_gradient = eqx.filter_jit(jax.value_and_grad(ring_rate, has_aux=True))
_ring_value = eqx.filter_jit(ring_rate)


class _RingUpdate(eqx.Module):
    """One step of Adam up the rate; the chains go on from where they are."""

    config: RingConfig = eqx.field(static=True)

    def optimizer(self) -> optax.GradientTransformation:
        return optax.adam(optax.cosine_decay_schedule(self.config.learning_rate, self.config.iterations, 0.05))

    def __call__(self, state: Any, batch: Any, *, key: jax.Array) -> tuple[Any, dict[str, jax.Array]]:
        coefficients, chains, memory = state
        (rate, chains), gradient = jax.value_and_grad(ring_rate, has_aux=True)(
            coefficients, chains, self.config, self.config.horizon, key=key
        )
        updates, memory = self.optimizer().update(-gradient, memory)
        coefficients = jnp.asarray(optax.apply_updates(coefficients, updates))
        norm = jnp.sqrt(coefficients[0] ** 2 + jnp.sum(coefficients[1:] ** 2) / 2)
        return (coefficients / norm, chains, memory), {"rate": rate, "gradient": jnp.linalg.norm(gradient)}


def reference_rate(coefficients: np.ndarray, config: RingConfig) -> float:
    profile = reference_profile(coefficients, config, 8.0)
    return _ring_reference.solve_ring(profile, num_cells=config.reference_cells, num_modes=20).entropy_production


def uniform_profile(config: RingConfig) -> np.ndarray:
    return np.concatenate([[1.0], np.zeros(config.modes)])


def difference_check(config: RingConfig, *, key: jax.Array) -> tuple[float, np.ndarray, np.ndarray]:
    """The simulated gradient against central differences with the same noise, in float64.

    Returns:
        The norm of the difference over that of the gradient, the gradient, and the differences.
    """
    with jax.enable_x64(True):
        system = simulators.ActiveRing(0.25, half_width=jnp.asarray(8.0, jnp.float64))
        start = system.init(key=jax.random.fold_in(key, 0), shape=(config.difference_chains,))
        noise = jax.random.fold_in(key, 1)
        at = jnp.asarray(uniform_profile(config) + 0.1, jnp.float64)  # off the symmetric point: slopes vanish
        (_, _), gradient = _ring_gradient(at, start, config, config.difference_horizon, key=noise)
        step = 1e-6
        differences = [
            float(
                _ring_value(at + step * e, start, config, config.difference_horizon, key=noise)[0]
                - _ring_value(at - step * e, start, config, config.difference_horizon, key=noise)[0]
            )
            / (2 * step)
            for e in np.eye(at.size)
        ]
        found = np.asarray(gradient)
    return float(np.linalg.norm(found - differences) / np.linalg.norm(differences)), found, np.asarray(differences)


def reference_gradient(config: RingConfig, at: np.ndarray) -> np.ndarray:
    """Gradient of the steady state's rate, by central differences of the finite-volume solution."""
    step = 1e-4
    slopes = [reference_rate(at + step * e, config) - reference_rate(at - step * e, config) for e in np.eye(at.size)]
    return np.asarray(slopes) / (2 * step)


def gradients_by_horizon(config: RingConfig, chains: jax.Array, *, key: jax.Array) -> np.ndarray:
    """The simulated gradient at uniform activity for growing horizons, shape (horizons, repeats, modes + 1)."""
    at = jnp.asarray(uniform_profile(config), chains.dtype)
    rows = []
    for i, horizon in enumerate(config.horizons):
        for j in range(config.gradient_repeats):
            noise = jax.random.fold_in(jax.random.fold_in(key, i), j)
            (_, chains), gradient = _ring_gradient(at, chains, config, horizon, key=noise)
            rows.append(np.asarray(gradient))
    return np.asarray(rows).reshape(len(config.horizons), config.gradient_repeats, -1)


def standard_errors(repeats: np.ndarray, axis: int) -> np.ndarray:
    """Standard errors of the mean over an axis of independent repeats."""
    return np.std(repeats, axis=axis, ddof=1) / np.sqrt(repeats.shape[axis])


def best_profile(config: RingConfig) -> tuple[np.ndarray, float]:
    """The profile that dissipates most, by quasi-Newton on the finite-volume solution."""
    from scipy.optimize import minimize

    found = minimize(lambda c: -reference_rate(c, config), uniform_profile(config) + 0.05, method="BFGS", tol=1e-6)
    return found.x, -float(found.fun)


def design_ring(config: RingConfig, *, key: jax.Array, checkpoint_dir: Path) -> dict[str, Any]:
    """Checks the gradients and ascends to the most dissipating profile."""
    keys = jax.random.split(key, 5)
    with stage("check the gradient against finite differences"):
        mismatch, _, _ = difference_check(config, key=keys[0])
    uniform = uniform_profile(config)
    system = simulators.ActiveRing(float(np.sqrt(config.mean_square)), dt=config.dt)
    chains = system.init(key=keys[1], shape=(config.chains,))
    burn_in = round(max(config.horizons) / config.dt)
    chains, _ = simulators.simulate(system, chains, burn_in, key=keys[2], observe=None)
    with stage("gradient against its horizon"):
        repeats = gradients_by_horizon(config, chains, key=keys[3])
        exact = reference_gradient(config, uniform)
    with stage("design the activity profile"):
        update = _RingUpdate(config)
        start = jnp.asarray(uniform, chains.dtype)
        result = training.run(
            update,
            (start, chains, update.optimizer().init(start)),
            no_batch,
            steps=config.iterations,
            key=keys[4],
            steps_per_call=min(5, config.iterations),
            checkpoint_dir=checkpoint_dir / "ring",
            description="ring design",
        )
        coefficients = np.asarray(result.state[0], np.float64)
    with stage("reference solutions"):
        best, best_rate = best_profile(config)
    # Along the exact gradient, where one number and one error say it all: the components' errors are correlated.
    along = repeats[-1] @ exact / (exact @ exact) - 1
    return {
        "mismatch": mismatch,
        "along": Estimate(along.mean(), standard_errors(along, 0)),
        "gradients": repeats.mean(axis=1),
        "errors": standard_errors(repeats, 1),
        "exact": exact,
        "coefficients": coefficients,
        "best": best,
        "rate": reference_rate(coefficients, config),
        "uniform_rate": reference_rate(uniform, config),
        "best_rate": best_rate,
        "history": result.history,
    }
