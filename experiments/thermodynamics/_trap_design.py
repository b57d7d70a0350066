"""A swimmer in a trap is given a prescribed entropy production rate and size, by gradient descent."""

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
from experiments.thermodynamics._ring import observe_state


@dataclass(frozen=True)
class TrapConfig:
    """A swimmer in a one-dimensional trap.

    Attributes:
        speed: v0 at the start.
        stiffness: A at the start.
        persistence: gamma.
        noise: eps.
        target_rate: the prescribed entropy production rate, nats per unit time.
        target_size: the prescribed mean of x^2.
        chains: independent copies.
        dt: time step (the step is exact).
        burn_in: steps before the first observation, inside the gradient's horizon.
        observed: steps after that.
        every: steps between observations.
        iterations: optimiser steps.
        learning_rate: of Adam, in the logarithms of v0 and A.
        gradient_repeats: independent estimates of the gradient at the start.
    """

    speed: float = 0.5
    stiffness: float = 0.7
    persistence: float = 0.3
    noise: float = 0.2
    target_rate: float = 1.0
    target_size: float = 1.5
    chains: int = 2000
    dt: float = 0.5
    burn_in: int = 80
    observed: int = 80
    every: int = 8
    iterations: int = 150
    learning_rate: float = 0.05
    gradient_repeats: int = 16


def no_batch(step: jax.Array, *, key: jax.Array) -> None:
    """No data: an update that simulates its own."""
    del step, key


def trap_statistics(log_parameters: jax.Array, config: TrapConfig, *, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Entropy production rate and mean of x^2 of the trapped swimmer, estimated from one simulation.

    Args:
        log_parameters: (log v0, log A), shape (2,).
        config: sizes.
        key: source of randomness.

    Returns:
        Both numbers; differentiable in the parameters.
    """
    speed, stiffness = jnp.exp(log_parameters)
    gamma = config.persistence
    drift_matrix = jnp.array([[1.0, 0.0], [0.0, 0.0]]) * stiffness - jnp.array([[0.0, 1.0], [0.0, 0.0]]) * speed
    drift_matrix = drift_matrix + jnp.array([[0.0, 0.0], [0.0, gamma]])
    diffusion = jnp.array([config.noise, gamma])
    system = simulators.LinearLangevin(drift_matrix, diffusion, dt=config.dt)
    start_key, burn_key, observe_key = jax.random.split(key, 3)
    state = jax.random.normal(start_key, (config.chains, 2))
    state, _ = simulators.simulate(system, state, config.burn_in, key=burn_key, observe=None)
    _, states = simulators.simulate(
        system, state, config.observed, key=observe_key, observe=observe_state, every=config.every
    )
    states = states.reshape(-1, 2)
    slopes = jnp.broadcast_to(-jnp.diag(drift_matrix), states.shape)
    rate = thermodynamics.score_free_entropy_production(system.drift(states), slopes, diffusion)
    return rate.value, jnp.mean(states[:, 0] ** 2)


class _TrapUpdate(eqx.Module):
    """One step of Adam on the squared logarithmic errors of rate and size."""

    config: TrapConfig = eqx.field(static=True)

    def optimizer(self) -> optax.GradientTransformation:
        return optax.adam(optax.cosine_decay_schedule(self.config.learning_rate, self.config.iterations, 0.02))

    def __call__(self, state: Any, batch: Any, *, key: jax.Array) -> tuple[Any, dict[str, jax.Array]]:
        def loss(parameters: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
            rate, size = trap_statistics(parameters, self.config, key=key)
            # Away from the target the estimate can be negative: compare on the target's scale.
            errors = rate / self.config.target_rate - 1, size / self.config.target_size - 1
            return errors[0] ** 2 + errors[1] ** 2, (rate, size)

        parameters, memory = state
        (value, (rate, size)), gradient = jax.value_and_grad(loss, has_aux=True)(parameters)
        updates, memory = self.optimizer().update(gradient, memory)
        parameters = optax.apply_updates(parameters, updates)
        return (parameters, memory), {"loss": value, "rate": rate, "size": size}


@eqx.filter_jit
def _trap_gradients(log_parameters: jax.Array, config: TrapConfig, keys: jax.Array) -> jax.Array:
    """d rate / d v0 for every key, shape (repeats,)."""

    def rate(parameters: jax.Array, key: jax.Array) -> jax.Array:
        return trap_statistics(parameters, config, key=key)[0]

    # One after another: a batch of them would hold every trajectory at once.
    gradients = jax.lax.map(lambda key: jax.grad(rate)(log_parameters, key), keys)
    return gradients[:, 0] / jnp.exp(log_parameters[0])  # d/dv0 = (d/dlog v0) / v0


def closed_forms(config: TrapConfig, speed: float, stiffness: float) -> tuple[float, float]:
    """Rate and mean of x^2 of the trapped swimmer."""
    total = stiffness + config.persistence
    rate = speed**2 * config.persistence / (config.noise * total)
    return rate, config.noise / stiffness + speed**2 / (stiffness * total)


def design_trap(config: TrapConfig, *, key: jax.Array, checkpoint_dir: Path) -> dict[str, Any]:
    """Checks the gradient at the start and descends to the target."""
    gradient_key, run_key = jax.random.split(key)
    start = jnp.log(jnp.array([config.speed, config.stiffness]))
    gradients = np.asarray(_trap_gradients(start, config, jax.random.split(gradient_key, config.gradient_repeats)))
    update = _TrapUpdate(config)
    result = training.run(
        update,
        (start, update.optimizer().init(start)),
        no_batch,
        steps=config.iterations,
        key=run_key,
        steps_per_call=min(10, config.iterations),
        checkpoint_dir=checkpoint_dir / "trap",
        description="trap design",
    )
    speed, stiffness = np.exp(np.asarray(result.state[0]))
    rate, size = closed_forms(config, float(speed), float(stiffness))
    return {
        "gradient": Estimate(gradients.mean(), gradients.std(ddof=1) / np.sqrt(gradients.size)),
        "speed": float(speed),
        "stiffness": float(stiffness),
        "rate": rate,
        "size": size,
        "history": result.history,
    }
