"""Patterns retrieved as evenly as wanted: gradient descent to a retrieval entropy through the network's dynamics."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from entropax import observables, simulators, thermodynamics
from entropax.simulators import Hebbian, HebbianCouplings, hebbian_couplings
from experiments.simulators._hebbian_sweeps import PATTERNS, Overlaps, hierarchical_spins, quota_archetypes

DILUTION, TEMPERATURE = 0.5, 0.2


def with_gains(couplings: HebbianCouplings, gains: jax.Array) -> HebbianCouplings:
    """The couplings with pattern mu multiplied by g_mu.

    Args:
        couplings: of stored patterns.
        gains: shape (K,), positive.
    """
    return HebbianCouplings(couplings.vectors * jnp.sqrt(gains)[:, None], couplings.strength)


def gains_of(design: jax.Array) -> jax.Array:
    """Gains with mean one, K softmax(design).

    Args:
        design: shape (K,).
    """
    return design.size * jax.nn.softmax(design)


@eqx.filter_jit
def mean_field_entropy(design: jax.Array, archetypes: jax.Array, start: jax.Array, *, sweeps: int) -> jax.Array:
    """Retrieval entropy after some sweeps of the deterministic mean-field dynamics.

    Args:
        design: shape (K,).
        archetypes: shape (K, N).
        start: spins, shape (N,).
        sweeps: horizon.
    """
    couplings = with_gains(hebbian_couplings(archetypes, DILUTION), gains_of(design))
    network = Hebbian(couplings, softness=TEMPERATURE, block_size=archetypes.shape[1])
    state, _ = simulators.simulate(network, start, sweeps, key=jax.random.key(0), observe=None)
    return observables.retrieval_entropy(observables.mattis_overlap(archetypes, state))


@eqx.filter_jit
def relaxed_entropy(
    design: jax.Array, archetypes: jax.Array, start: jax.Array, *, sweeps: int, softness: float, key: jax.Array
) -> jax.Array:
    """Retrieval entropy after some sweeps of noisy asynchronous dynamics with relaxed spins.

    Args:
        design: shape (K,).
        archetypes: shape (K, N).
        start: spins, shape (N,).
        sweeps: horizon.
        softness: of the spins.
        key: of the noise.
    """
    couplings = with_gains(hebbian_couplings(archetypes, DILUTION), gains_of(design))
    network = Hebbian(couplings, TEMPERATURE, softness=softness)
    state, _ = simulators.simulate(network, start, sweeps, key=key, observe=None)
    return observables.retrieval_entropy(observables.mattis_overlap(archetypes, state))


@jax.jit
def theory_entropy(design: jax.Array, law: thermodynamics.SiteLaw) -> jax.Array:
    """Retrieval entropy of the self-consistent state with the gains, from the hierarchical start.

    Args:
        design: shape (K,).
        law: of the patterns.
    """
    start = thermodynamics.hierarchical_state(DILUTION, num_patterns=PATTERNS).astype(law.signals.dtype)
    solution = thermodynamics.self_consistency(start, TEMPERATURE, law, gains_of(design))
    return observables.retrieval_entropy(solution.value)


def check_gradients(*, num_neurons: int, horizons: tuple[int, ...], key: jax.Array) -> dict[str, Any]:
    """Gradients through both dynamics against differences with the same noise, and against the fixed point's, float64.

    Args:
        num_neurons: N.
        horizons: sweeps of the mean-field dynamics.
        key: source of randomness.

    Returns:
        "relaxed": largest difference of a gradient through 5 noisy sweeps and central differences; "implicit": that of
        the implicit gradient; "horizon errors": of the gradient through each horizon, relative to the fixed point's.
    """
    with jax.enable_x64(True):
        spins, noise = jax.random.split(key)
        xi = quota_archetypes(jnp.asarray(DILUTION), num_neurons=num_neurons)
        start = hierarchical_spins(xi, key=spins)
        design = jnp.asarray([0.1, -0.05, 0.0])
        law = thermodynamics.empirical_site_law(xi, DILUTION)

        def noisy(design: jax.Array) -> jax.Array:
            return relaxed_entropy(design, xi, start, sweeps=5, softness=0.3, key=noise)

        def fixed_point(design: jax.Array) -> jax.Array:
            return theory_entropy(design, law)

        exact = np.asarray(jax.grad(fixed_point)(design))
        errors = []
        for sweeps in horizons:
            through = jax.grad(lambda x, sweeps=sweeps: mean_field_entropy(x, xi, start, sweeps=sweeps))(design)
            errors.append(float(np.max(np.abs(through - exact)) / np.max(np.abs(exact))))
        return {
            "relaxed": float(np.max(np.abs(jax.grad(noisy)(design) - _differences(noisy, design)))),
            "implicit": float(np.max(np.abs(exact - _differences(fixed_point, design)))),
            "horizon errors": np.asarray(errors),
        }


def _differences(function: Any, x: jax.Array, step: float = 1e-5) -> np.ndarray:
    moves = step * np.eye(x.size)
    return np.array([(float(function(x + e)) - float(function(x - e))) / (2 * step) for e in moves])


def design_gains(
    target: float, *, num_neurons: int, sweeps: int, iterations: int, copies: int, key: jax.Array
) -> dict[str, Any]:
    """Descends to a retrieval entropy through the mean-field dynamics and tries the gains on hard spins.

    Args:
        target: wanted retrieval entropy, in nats.
        num_neurons: N.
        sweeps: horizon of the gradients; the hard network runs five times as long.
        iterations: of Adam.
        copies: independent runs of the hard network.
        key: source of randomness.

    Returns:
        The gains, the entropies on the way, and the entropies of hard spins (mean and standard error) and of theory,
        before and after.
    """
    spins, run = jax.random.split(key)
    xi = quota_archetypes(jnp.asarray(DILUTION), num_neurons=num_neurons)
    start = hierarchical_spins(xi, key=spins)
    adam = optax.adam(0.005)

    def loss(design: jax.Array) -> tuple[jax.Array, jax.Array]:
        value = mean_field_entropy(design, xi, start, sweeps=sweeps)
        return (value - target) ** 2, value

    @jax.jit
    def update(design: jax.Array, memory: Any) -> tuple[Any, Any, jax.Array]:
        slope, value = jax.grad(loss, has_aux=True)(design)
        change, memory = adam.update(slope, memory)
        return optax.apply_updates(design, change), memory, value

    design = jnp.zeros(PATTERNS)
    memory, values = adam.init(design), []
    for _ in range(iterations):
        design, memory, value = update(design, memory)
        values.append(float(value))
    law = thermodynamics.site_law(DILUTION, num_patterns=PATTERNS)
    result: dict[str, Any] = {"gains": np.asarray(gains_of(design)), "descent": np.asarray(values)}
    for name, chosen in (("uniform", jnp.zeros(PATTERNS)), ("designed", design)):
        network = Hebbian(with_gains(hebbian_couplings(xi, DILUTION), gains_of(chosen)), TEMPERATURE, initial=start)
        states = network.init(key=spins, shape=(copies,))
        _, m = simulators.simulate(network, states, 5 * sweeps, key=run, observe=Overlaps(xi))
        late = np.asarray(m)[5 * sweeps // 2 :].mean(axis=0)
        entropies = np.asarray(observables.retrieval_entropy(late))
        result[name] = (float(entropies.mean()), float(entropies.std(ddof=1) / copies**0.5))
        result[f"{name} overlaps"] = late.mean(axis=0)
        result[f"{name} theory"] = float(theory_entropy(chosen, law))
    return result
