"""Initial velocities of a hard-disc gas that make its entropy grow as slowly, or as fast, as possible."""

import functools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from entropax.observables import boltzmann_entropy, smooth_occupation_numbers
from entropax.simulators import HardDisks

CELLS = (6, 10)
FASTEST = 5.0


@dataclass(frozen=True)
class DesignConfig:
    """Sizes of the design; the box is 1 x 1, the discs start in its left half with energy N.

    Attributes:
        num_disks: N.
        diameter: s.
        horizon: time at which the entropy gained is optimised.
        end: time up to which the designs are then followed.
        max_events: places for events up to the horizon.
        iterations: steps of Adam.
        learning_rate: its step, in units of the thermal velocity.
        draws: random starts that the designs are compared with.
        horizons: times at which the gradient's growth is measured.
    """

    num_disks: int = 48
    diameter: float = 0.02
    horizon: float = 0.3
    end: float = 2.0
    max_events: int = 400
    iterations: int = 150
    learning_rate: float = 0.05
    draws: int = 200
    horizons: tuple[float, ...] = (0.125, 0.25, 0.5, 0.75, 1.0)


def entropy_of(x: jax.Array, v: jax.Array) -> jax.Array:
    """Boltzmann entropy per disc of the smooth occupation of (x, v_x) cells."""
    z = jnp.stack([x[:, 0], v[:, 0]], axis=1)
    low, high = jnp.array([0.0, -FASTEST]), jnp.array([1.0, FASTEST])
    counts = smooth_occupation_numbers(z, lower=low, upper=high, cells=CELLS)
    return boltzmann_entropy(counts, 1 / CELLS[0] * 2 * FASTEST / CELLS[1], stirling=True)


def with_energy(v: jax.Array) -> jax.Array:
    """The velocities scaled to the energy N, T = 1."""
    return v * jnp.sqrt(2 * v.shape[0] / jnp.sum(v**2))


@jax.jit
def gained(gas: HardDisks, x: jax.Array, v: jax.Array, time: jax.Array) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """S(t) - S(0), and the fingerprint, the collisions and the overflow on the way."""
    v = with_energy(v)
    end = gas.advance(gas.state(x, v), time)
    gain = entropy_of(end.positions, end.velocities) - entropy_of(x, v)
    return gain, (end.info.order, end.info.pair_events, end.info.overflow)


def design(config: DesignConfig, *, key: jax.Array) -> dict[str, Any]:
    """Both designs, their curves and those of random starts, and what the gradient is worth at longer times."""
    half = HardDisks(config.num_disks, diameter=config.diameter, box=(1.0, 1.0), partition=0.5)
    gas = HardDisks(
        config.num_disks, diameter=config.diameter, box=(1.0, 1.0), bounded=True, max_events=config.max_events
    )
    keys = jax.random.split(key, config.draws + 1)
    start = jax.jit(lambda key: half.advance(half.init(key=key), 2.0))(keys[0])
    x, v = start.positions, start.velocities
    times = jnp.linspace(config.end / 40, config.end, 40)
    curve = functools.partial(_curve, half.opened(), x, times)
    random = jax.vmap(lambda key: curve(jax.random.normal(key, v.shape)))(keys[1:])
    slow, slow_history = _optimised(gas, x, v, config, sign=1.0)
    fast, fast_history = _optimised(gas, x, v, config, sign=-1.0)
    mismatch, kept = _gradient_check(gas, x, v, config.horizon, keys[0])
    return {
        "times": np.asarray(times),
        "random": np.asarray(random),
        "slow": np.asarray(curve(slow)),
        "fast": np.asarray(curve(fast)),
        "slow_history": slow_history,
        "fast_history": fast_history,
        "mismatch": mismatch,
        "kept": kept,
        "positions": np.asarray(x),
        "slow_velocities": np.asarray(with_energy(slow)),
        "fast_velocities": np.asarray(with_energy(fast)),
        **_growth(gas, x, v, config),
    }


@jax.jit
def _curve(gas: HardDisks, x: jax.Array, times: jax.Array, v: jax.Array) -> jax.Array:
    v = with_energy(v)
    path = gas.trajectory(gas.state(x, v), times)
    return jax.vmap(entropy_of)(path.positions, path.velocities) - entropy_of(x, v)


def _optimised(
    gas: HardDisks, x: jax.Array, v: jax.Array, config: DesignConfig, *, sign: float
) -> tuple[jax.Array, np.ndarray]:
    """The velocities with the smallest sign * gain among those that Adam visits, and the gains on the way."""
    optimizer = optax.adam(config.learning_rate)

    def update(carry: tuple, _: jax.Array) -> tuple[tuple, jax.Array]:
        v, state, best, best_gain = carry
        (gain, (_, _, overflow)), slope = jax.value_and_grad(gained, argnums=2, has_aux=True)(
            gas, x, v, jnp.asarray(config.horizon)
        )
        better = (sign * gain < sign * best_gain) & ~overflow
        best, best_gain = jnp.where(better, v, best), jnp.where(better, gain, best_gain)
        step, state = optimizer.update(sign * slope, state)
        return (with_energy(v + step), state, best, best_gain), gain

    first = (v, optimizer.init(v), v, jnp.asarray(sign * jnp.inf))
    (_, _, best, _), history = jax.jit(lambda carry: jax.lax.scan(update, carry, jnp.arange(config.iterations)))(first)
    return best, np.asarray(history)


def _gradient_check(gas: HardDisks, x: jax.Array, v: jax.Array, time: float, key: jax.Array) -> tuple[float, bool]:
    """Relative mismatch with central differences along a direction, and whether they kept the order of events."""
    direction = jax.random.normal(key, v.shape)
    at = jnp.asarray(time)
    (_, (order, _, _)), slope = jax.value_and_grad(gained, argnums=2, has_aux=True)(gas, x, v, at)
    exact = jnp.vdot(slope, direction)
    size = 1e-7
    ahead, (order_ahead, _, _) = gained(gas, x, v + size * direction, at)
    behind, (order_behind, _, _) = gained(gas, x, v - size * direction, at)
    mismatch = jnp.abs((ahead - behind) / (2 * size) - exact) / jnp.abs(exact)
    return float(mismatch), bool((order == order_ahead) & (order == order_behind))


def _growth(gas: HardDisks, x: jax.Array, v: jax.Array, config: DesignConfig) -> dict[str, np.ndarray]:
    """Size of the gradient and number of collisions by horizon: how far chaos lets one see."""
    sizes, collisions = [], []
    for time in config.horizons:
        (_, (_, pairs, overflow)), slope = jax.value_and_grad(gained, argnums=2, has_aux=True)(
            gas, x, v, jnp.asarray(time)
        )
        sizes.append(float("nan") if bool(overflow) else float(jnp.linalg.norm(slope)))
        collisions.append(int(pairs))
    return {"horizons": np.asarray(config.horizons), "sizes": np.asarray(sizes), "collisions": np.asarray(collisions)}
