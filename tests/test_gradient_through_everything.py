"""Data flows one way: simulate -> observe -> estimate -> loss -> update. Gradients flow all of it back."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from entropax.simulators import ActiveRing, LinearLangevin, simulate
from entropax.thermodynamics import score_free_entropy_production

EPS, GAMMA = 0.2, 0.3


class DriftAndDivergence(eqx.Module):
    """What the estimator needs to know of a state: observed with the very parameters that are differentiated."""

    simulator: LinearLangevin | ActiveRing

    def __call__(self, state: jax.Array) -> tuple[jax.Array, jax.Array]:
        return self.simulator.drift(state), self.simulator.drift_divergence(state)


def rate_of(simulator, start, diffusion, *, steps, every, key):
    """Simulates chains, observes, and estimates the rate from what was observed."""
    _, (drift, divergence) = simulate(
        simulator, start, steps, key=key, observe=DriftAndDivergence(simulator), every=every
    )
    return score_free_entropy_production(drift.reshape(-1, 2), divergence.reshape(-1, 2), diffusion).value


def trapped(parameters):
    """A swimmer in a trap, (x, g), from log v0 and log A."""
    speed, trap = jnp.exp(parameters["log_speed"]), jnp.exp(parameters["log_trap"])
    zero = jnp.zeros_like(trap)
    drift_matrix = jnp.stack([jnp.stack([trap, -speed]), jnp.stack([zero, zero + GAMMA])])
    return LinearLangevin(drift_matrix, jnp.asarray([EPS, GAMMA]), dt=0.5)


def closed_form(parameters):
    speed, trap = np.exp(parameters["log_speed"]), np.exp(parameters["log_trap"])
    return speed**2 * GAMMA / (EPS * (trap + GAMMA))


def test_the_trap_learns_a_target_rate_through_its_own_simulation(getkey, x64):
    """Adam on (rate - target)^2, through 40 steps of 500 chains, reaches the target by the closed form within 5%.

    The rate is estimated with common noise; its standard error there is about 1.5%, so 5% is over three of them.
    """
    start, key, target = jnp.zeros((500, 2)), getkey(), 1.0
    diffusion = jnp.asarray([EPS, GAMMA])

    def loss(parameters):
        rate = rate_of(trapped(parameters), start.at[:, 1].set(g), diffusion, steps=40, every=4, key=key)
        return (rate - target) ** 2

    g = jax.random.normal(getkey(), (500,))
    parameters = {"log_speed": jnp.log(0.5), "log_trap": jnp.log(0.7)}
    np.testing.assert_allclose(closed_form(parameters), 0.375)
    optimizer = optax.adam(0.1)
    state = optimizer.init(parameters)

    @jax.jit
    def update(parameters, state):
        value, gradient = jax.value_and_grad(loss)(parameters)
        updates, state = optimizer.update(gradient, state)
        return optax.apply_updates(parameters, updates), state, value

    for _ in range(80):
        parameters, state, value = update(parameters, state)
    assert float(value) < 1e-4
    assert abs(closed_form(parameters) / target - 1) < 0.05


def test_the_gradient_is_that_of_the_common_noise_difference(getkey, x64):
    """On the interacting ring the gradient in v0, k, gamma and eps, through everything, is the exact pathwise one."""
    start, key = ActiveRing().init(key=getkey(), shape=(32,)), getkey()
    start = start.at[:8, 0].set(1.9)  # some pairs in contact

    def loss(parameters):
        ring = ActiveRing(parameters["speed"], **{n: parameters[n] for n in ("stiffness", "persistence", "noise")})
        rate = rate_of(ring, start, ring.diffusion, steps=100, every=10, key=key)
        return jnp.log1p((rate - 1.0) ** 2)

    at = {"speed": 0.25, "stiffness": 2.5, "persistence": 0.1, "noise": 0.1}
    at = {name: jnp.asarray(value) for name, value in at.items()}
    value = jax.jit(loss)
    gradient = jax.jit(jax.grad(loss))(at)
    for name in at:
        h = 1e-5
        up, down = at | {name: at[name] + h}, at | {name: at[name] - h}
        np.testing.assert_allclose(gradient[name], (value(up) - value(down)) / (2 * h), rtol=1e-6, err_msg=name)
