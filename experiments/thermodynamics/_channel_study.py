"""The ion channel: built up from information, driven, answering to its voltage, relaxing; and one ion in a pore."""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg

from entropax import information, simulators, thermodynamics
from entropax.simulators import ChannelPotential, ChannelState, IonChannel
from experiments.claims import Estimate


@dataclass(frozen=True)
class ChannelConfig:
    """A channel of five sites between two equal baths.

    Attributes:
        energies: of an ion at each site, kT.
        repulsion: between neighbouring sites, kT; it falls with the square of the distance.
        attempts: of each barrier, per unit time.
        chemical_potential: of both baths, kT.
        voltage: at which the relations far from equilibrium are checked, kT / e.
        voltages: largest voltage of the I-V curve, and how many points it has.
        chains: simulated copies.
        dt: time step of the simulation.
        steps: of the simulation, a multiple of five; the first fifth is not counted.
    """

    energies: tuple[float, ...] = (-0.6, 0.4, -0.8, 0.2, -0.4)
    repulsion: float = 1.5
    attempts: tuple[float, ...] = (1.5, 1.0, 0.7, 1.2, 1.0, 1.3)
    chemical_potential: float = 0.5
    voltage: float = -4.0
    voltages: tuple[float, int] = (10.0, 41)
    chains: int = 4000
    dt: float = 0.25
    steps: int = 320


@dataclass(frozen=True)
class PulseConfig:
    """One ion in a pore with two binding sites.

    Attributes:
        depths: of the sites, kT.
        centers: of the sites, length.
        width: of the sites, length.
        stiffness: of the vestibule, kT / length^2.
        impulse: of the pulse, kT time / length.
        paths: simulated copies.
        dt: time step.
        every: steps between observations.
        observations: recorded; lags go up to half of them.
    """

    depths: tuple[float, ...] = (2.0, 2.5)
    centers: tuple[float, ...] = (-1.0, 1.0)
    width: float = 0.5
    stiffness: float = 0.6
    impulse: float = 0.05
    paths: int = 10_000
    dt: float = 0.005
    every: int = 10
    observations: int = 80


SITES = np.arange(1, 6) / 6.0
"""Electrical distances of the sites."""


def repulsion_matrix(strength: float) -> np.ndarray:
    """w_ab = strength / (a - b)^2."""
    a = np.arange(5.0)
    away = np.abs(a[:, None] - a[None, :])
    return np.where(away > 0, strength / np.maximum(away, 1) ** 2, 0.0)


def make_channel(config: ChannelConfig, voltage: Any, mu: Any = None) -> IonChannel:
    """The channel at a voltage, between baths of equal chemical potential."""
    mu = config.chemical_potential if mu is None else mu
    return IonChannel(
        jnp.asarray(config.energies),
        jnp.asarray(repulsion_matrix(config.repulsion)),
        jnp.asarray(SITES),
        jnp.asarray(config.attempts),
        chemical_potentials=jnp.stack([jnp.asarray(mu, float)] * 2),
        voltage=voltage,
        dt=config.dt,
    )


# ------------------------------------------------------------------------------------------------------- equilibrium


def build_up(config: ChannelConfig, gating_voltage: float = 1.5) -> dict[str, Any]:
    """Information is added to the uniform prior step by step: number, site energies, repulsion, gating charge.

    Each step is the distribution of largest entropy with the means, known so far, of a channel in a field. Since it
    keeps the earlier means, the entropy falls by exactly the divergence from the step before (Pythagoras), and with all
    means the multipliers are those of the channel: (-mu, 1, 1, V).
    """
    states = simulators.occupation_states(5)
    n = np.asarray(states, float)
    w = repulsion_matrix(config.repulsion)
    features = np.stack([n.sum(1), n @ np.asarray(config.energies), ((n @ w) * n).sum(1) / 2, n @ SITES], axis=1)
    weights = simulators.channel_log_weights(
        states, config.chemical_potential, np.asarray(config.energies), w, gating_voltage, SITES
    )
    targets = np.asarray(jax.nn.softmax(weights)) @ features
    law, entropies, divergences = np.full(32, 1 / 32), [np.log(32.0)], []
    occupations = [n.T @ law]
    solutions = [information.maximum_entropy(features[:, :known], targets[:known]) for known in range(1, 5)]
    for known, solution in enumerate(solutions, start=1):
        if not solution.converged:
            raise ArithmeticError(f"the means of {known} features were not met")
        divergences.append(float(information.kl_divergence(solution.probabilities, law)))
        law = np.asarray(solution.probabilities)
        entropies.append(float(solution.value))
        occupations.append(n.T @ law)
    expected = np.array([-config.chemical_potential, 1.0, 1.0, gating_voltage])
    return {
        "entropies": np.array(entropies),
        "divergences": np.array(divergences),
        "occupations": np.array(occupations),
        "mismatch": float(np.max(np.abs(-np.diff(entropies) - np.array(divergences)))),
        "multipliers": float(np.max(np.abs(np.asarray(solutions[-1].multipliers) - expected))),
    }


def occupancy_and_conductance(config: ChannelConfig, potentials: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean number of ions and conductance -dI/dV at V = 0 for every chemical potential of the baths."""

    @jax.jit
    def both(mu: jax.Array) -> tuple[jax.Array, jax.Array]:
        states = simulators.occupation_states(5)
        weights = simulators.channel_log_weights(
            states, mu, np.asarray(config.energies), repulsion_matrix(config.repulsion), 0.0, SITES
        )
        number = jax.nn.softmax(weights) @ jnp.sum(states, axis=1).astype(weights.dtype)
        slope = jax.jvp(lambda v: make_channel(config, v, mu).current(), (jnp.zeros(()),), (jnp.ones(()),))[1]
        return number, -slope

    pairs = [both(mu) for mu in jnp.asarray(potentials)]
    return np.array([float(a) for a, _ in pairs]), np.array([float(b) for _, b in pairs])


# ----------------------------------------------------------------------------------------------------------- response


def _score(rates: jax.Array, slopes: jax.Array) -> jax.Array:
    """d log(path weight) / dV as an observable: log slopes of the jumps, and minus those of the rates of leaving."""
    eye = jnp.eye(rates.shape[0], dtype=bool)
    jumps = jnp.where(eye | (rates <= 0), 0.0, slopes / jnp.where(rates > 0, rates, 1.0))
    return jumps + jnp.diag(jnp.diagonal(slopes))  # the diagonal of the generator is minus the rate of leaving


@eqx.filter_jit
def _responses(config: ChannelConfig, voltage: jax.Array) -> dict[str, jax.Array]:
    channel = make_channel(config, voltage)
    rates, slopes = jax.jvp(lambda v: make_channel(config, v).rate_matrix(), (voltage,), (jnp.ones_like(voltage),))
    crossing = channel.crossing_matrix(0)
    observables = jnp.stack([crossing, _score(rates, slopes)])
    covariance = jax.hessian(thermodynamics.scgf, argnums=2)(rates, observables, jnp.zeros(2))
    h = 1e-4
    return {
        "current": channel.current(),
        "rate": thermodynamics.markov_entropy_production(rates),
        "affinity": channel.affinity,
        "green_kubo": covariance[0, 0] / 2,
        "score": covariance[0, 1],
        "difference": (make_channel(config, voltage + h).current() - make_channel(config, voltage - h).current())
        / (2 * h),
        "slope": jax.jvp(lambda v: make_channel(config, v).current(), (voltage,), (jnp.ones_like(voltage),))[1],
    }


@eqx.filter_jit
def _gibbs_maxwell(config: ChannelConfig, voltage: jax.Array, multiplier: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Response of the current to its multiplier by differences between tilted processes, and its variance."""
    channel = make_channel(config, voltage)
    rates, crossing = channel.rate_matrix(), channel.crossing_matrix(0)

    def mean(lam: jax.Array) -> jax.Array:
        driven = thermodynamics.maxcal_rates(rates, crossing, lam)
        law = information.jump_stationary_distribution(driven)
        return jnp.sum(law[:, None] * driven * crossing)

    h = 1e-3  # fourth order: h^4 and the rounding over h are below 1e-11
    ahead, behind = mean(multiplier + h) - mean(multiplier - h), mean(multiplier + 2 * h) - mean(multiplier - 2 * h)
    variance = jax.grad(jax.grad(thermodynamics.scgf, argnums=2), argnums=2)(rates, crossing, multiplier)
    return (8 * ahead - behind) / (12 * h), variance


def driven_channel(config: ChannelConfig) -> dict[str, Any]:
    """I-V curve, its slope by fluctuations and by differences, and the relations that hold at any voltage."""
    top, count = config.voltages
    voltages = np.linspace(-top, top, count)
    table = [_responses(config, jnp.asarray(v)) for v in voltages]  # compiled once
    curve = {name: np.array([float(row[name]) for row in table]) for name in table[0]}
    rest, far = ({k: float(v) for k, v in _responses(config, jnp.asarray(v)).items()} for v in (0.0, config.voltage))
    slope, variance = _gibbs_maxwell(config, jnp.asarray(config.voltage), jnp.asarray(0.3))
    return {
        "voltages": voltages,
        **curve,
        "conductance": -rest["difference"],
        "equilibrium_mismatch": abs(rest["green_kubo"] / -rest["difference"] - 1),
        "gibbs_maxwell_mismatch": abs(float(slope / variance) - 1),
        "score_mismatch": abs(far["score"] / far["slope"] - 1),
        "green_kubo_far": far["green_kubo"] / -far["slope"],
        "affinity_current": far["rate"] / (far["affinity"] * far["current"]),
        "far_current": far["current"],
    }


def crossings(state: ChannelState) -> jax.Array:
    """Ions that crossed each barrier to the right."""
    return state.crossings


@eqx.filter_jit
def _simulated_crossings(channel: IonChannel, keys: jax.Array, steps: int) -> tuple[jax.Array, jax.Array]:
    """Mean crossings of the barriers after a fifth of the steps and at the end, and whether all jumps were done."""

    def one(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        start, run = jax.random.split(key)
        end, crossed = simulators.simulate(
            channel, channel.init(key=start), steps, key=run, observe=crossings, every=steps // 5
        )
        return jnp.mean(crossed[-1] - crossed[0]), end.complete

    return jax.vmap(one)(keys)


def simulated_current(config: ChannelConfig, exact: float, *, key: jax.Array) -> Estimate:
    """Current of simulated jumps at the config's voltage, over the exact one."""
    channel = make_channel(config, config.voltage)
    crossed, complete = _simulated_crossings(channel, jax.random.split(key, config.chains), config.steps)
    if not np.all(complete):
        raise ArithmeticError("a step had more jumps than max_jumps")
    rates = np.asarray(crossed) / (config.dt * (config.steps - config.steps // 5)) / exact
    return Estimate(rates.mean(), rates.std(ddof=1) / np.sqrt(rates.size))


# ------------------------------------------------------------------------------------------------------- other parts


def relaxation(config: ChannelConfig, *, steps: int = 120, dt: float = 0.05) -> dict[str, np.ndarray]:
    """The three terms of the information loss from the state of least energy on, per step of dt, and the times."""
    channel = make_channel(config, config.voltage)
    kernel = scipy.linalg.expm(dt * np.asarray(channel.rate_matrix()))
    weights = simulators.channel_log_weights(
        simulators.occupation_states(5),
        config.chemical_potential,
        np.asarray(config.energies),
        repulsion_matrix(config.repulsion),
        0.0,
        SITES,
    )
    start = np.zeros(32)
    start[int(np.argmax(weights))] = 1.0
    loss = thermodynamics.information_loss(np.broadcast_to(kernel, (steps, 32, 32)), start)
    terms = {"total": loss.value, "system": loss.system, "medium": loss.medium}
    return {"time": dt * np.arange(1, steps + 1), **{name: np.asarray(term) / dt for name, term in terms.items()}}


def position(state: jax.Array) -> jax.Array:
    """Positions as they are."""
    return state


def pulse_response(config: PulseConfig, *, key: jax.Array) -> dict[str, Any]:
    """Response of the mean position to a pulse of force, and the covariance that predicts it, at every lag.

    By reversibility -dC/dt = -mobility <x_t F(x_0)> for C the autocovariance of x, in units of kT = 1; it is averaged
    over time origins. The response is the difference of two runs with the same noise.
    """
    potential = ChannelPotential(
        np.asarray(config.depths), np.asarray(config.centers), width=config.width, stiffness=config.stiffness
    )
    start_key, run_key = jax.random.split(key)
    start = potential.sample(key=start_key, shape=(config.paths,))
    system = simulators.Langevin(potential, potential.mobility, dt=config.dt, initial=start)
    steps = config.every * config.observations
    arguments = {"key": run_key, "observe": position, "every": config.every}
    _, free = simulators.simulate(system, start, steps, **arguments)
    moved = start + potential.mobility * config.impulse
    _, pulsed = simulators.simulate(system, moved, steps, **arguments)
    response = np.mean(np.asarray(pulsed - free), axis=1) / config.impulse
    lags = config.observations // 2
    x = np.concatenate([np.asarray(start)[None], np.asarray(free)])
    force = np.asarray(potential.force(jnp.asarray(x)))
    origins = config.observations - lags
    products = np.stack([-(x[lag : lag + origins] * force[:origins]).mean(0) for lag in range(1, lags + 1)])
    prediction = products.mean(axis=1) * float(potential.mobility)
    error = products.std(axis=1, ddof=1) / np.sqrt(config.paths) * float(potential.mobility)
    return {
        "lag": config.dt * config.every * np.arange(1, lags + 1),
        "response": response[:lags],
        "covariance": prediction,
        "covariance_error": error,
        "mismatch": float(np.max(np.abs(response[:lags] - prediction)) / float(potential.mobility)),
    }
