"""Site energies of a channel that dissipate most at a given voltage, by gradients of simulated jumps."""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import scipy.optimize

from entropax import simulators, thermodynamics
from entropax.simulators import ChannelState, IonChannel
from experiments.claims import Estimate
from experiments.thermodynamics._channel_study import ChannelConfig, make_channel


@dataclass(frozen=True)
class DesignConfig:
    """Ascent of the entropy production rate in the site energies.

    Attributes:
        chains: simulated copies for each gradient.
        steps: before the first crossing that counts, inside the gradient's horizon, and as many after it.
        iterations: of Adam.
        learning_rate: at the start, kT.
        gradient_repeats: independent gradients at the start.
    """

    chains: int = 2048
    steps: int = 24
    iterations: int = 50
    learning_rate: float = 0.15
    gradient_repeats: int = 8


def with_energies(channel: IonChannel, energies: jax.Array, proposal: IonChannel | None = None) -> IonChannel:
    """The channel with other site energies."""
    return IonChannel(
        energies,
        channel.repulsion,
        channel.electrical_distance,
        channel.attempts,
        chemical_potentials=channel.chemical_potentials,
        voltage=channel.voltage,
        dt=channel.dt,
        max_jumps=channel.max_jumps,
        proposal=proposal,
    )


def mean_crossings(state: ChannelState) -> jax.Array:
    """Ions that crossed to the right, averaged over the barriers."""
    return jnp.mean(state.crossings)


def simulated_rate(channel: IonChannel, config: DesignConfig, *, key: jax.Array) -> jax.Array:
    """Entropy production rate of simulated jumps: affinity times crossings per unit time.

    The weights carry the gradient: their value is one where the channel draws its own jumps. The mean rate is taken
    off first, which leaves the estimate and most of its variance out of the gradient.
    """

    def one(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        start, run = jax.random.split(key)
        state = channel.init(key=start)
        end, crossed = simulators.simulate(
            channel, state, 2 * config.steps, key=run, observe=mean_crossings, every=config.steps
        )
        return jnp.where(end.complete, crossed[1] - crossed[0], jnp.nan), end.log_weight

    crossings, log_weights = jax.vmap(one)(jax.random.split(key, config.chains))
    rates = channel.affinity * crossings / (channel.dt * config.steps)
    baseline = jax.lax.stop_gradient(jnp.mean(rates))
    return baseline + jnp.mean((rates - baseline) * jnp.exp(log_weights))


@eqx.filter_jit
def _value_and_gradient(
    channel: IonChannel, energies: jax.Array, config: DesignConfig, key: jax.Array
) -> tuple[jax.Array, jax.Array]:
    return jax.value_and_grad(lambda e: simulated_rate(with_energies(channel, e), config, key=key))(energies)


@eqx.filter_jit
def _reweighted_rate(
    channel: IonChannel, energies: jax.Array, drawn: jax.Array, config: DesignConfig, key: jax.Array
) -> jax.Array:
    """The rate with some energies from jumps drawn with others."""
    proposal = with_energies(channel, drawn)
    return simulated_rate(with_energies(channel, energies, proposal), config, key=key)


@eqx.filter_jit
def _exact(channel: IonChannel, energies: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Stationary rate and its gradient by linear algebra."""
    return jax.value_and_grad(
        lambda e: thermodynamics.markov_entropy_production(with_energies(channel, e).rate_matrix())
    )(energies)


def design_channel(channel_config: ChannelConfig, config: DesignConfig, *, key: jax.Array) -> dict[str, Any]:
    """Checks the gradient where the ascent starts, ascends, and compares with the best design."""
    channel = make_channel(channel_config, channel_config.voltage)
    start = channel.energies
    check_key, repeat_key, run_key = jax.random.split(key, 3)

    # The same paths, weighed with energies on both sides of those that drew them.
    direction = jnp.asarray([0.5, -0.3, 0.8, 0.2, -0.6])
    _, gradient = _value_and_gradient(channel, start, config, check_key)
    h = 1e-4
    ahead, behind = (
        _reweighted_rate(channel, start + sign * h * direction, start, config, check_key) for sign in (1, -1)
    )
    along = float(gradient @ direction)
    mismatch = abs(float((ahead - behind) / (2 * h)) / along - 1)

    repeats = jax.random.split(repeat_key, config.gradient_repeats)
    gradients = np.stack([np.asarray(_value_and_gradient(channel, start, config, k)[1]) for k in repeats])
    exact_rate, exact_gradient = _exact(channel, start)
    unit = np.asarray(exact_gradient) / float(jnp.sum(exact_gradient**2))
    share = gradients @ unit  # one for the exact gradient

    optimizer = optax.adam(optax.cosine_decay_schedule(config.learning_rate, config.iterations, 0.05))

    def ascended(energies: Any, memory: Any, gradient: jax.Array) -> tuple[Any, Any]:
        updates, memory = optimizer.update(-gradient, memory)
        return optax.apply_updates(energies, updates), memory

    energies, memory = start, optimizer.init(start)
    simulated, exact = [], []
    for k in jax.random.split(run_key, config.iterations):
        value, gradient = _value_and_gradient(channel, energies, config, k)
        simulated.append(float(value))
        exact.append(float(_exact(channel, energies)[0]))
        energies, memory = ascended(energies, memory, gradient)

    def negative(e: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = _exact(channel, jnp.asarray(e))
        return -float(value), -np.asarray(slope)

    best = scipy.optimize.minimize(negative, np.asarray(start), jac=True, method="BFGS")
    return {
        "mismatch": mismatch,
        "share": Estimate(share.mean(), share.std(ddof=1) / np.sqrt(share.size)),
        "simulated": np.array(simulated),
        "exact": np.array(exact),
        "start_rate": float(exact_rate),
        "energies": np.asarray(energies),
        "rate": float(_exact(channel, energies)[0]),
        "best_energies": best.x,
        "best_rate": -float(best.fun),
    }
