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
STEP = 6e-8
"""Of the differences that check the gradient, in thermal velocities: above 1e-6 the order of events changes."""


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


gained_and_slope = jax.jit(jax.value_and_grad(gained, argnums=2, has_aux=True))
"""The gain with what belongs to it, and its gradient in the velocities."""


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
    slow, slow_history = _optimised(gas, x, v, jnp.asarray(1.0), config=config)
    fast, fast_history = _optimised(gas, x, v, jnp.asarray(-1.0), config=config)
    return {
        "times": np.asarray(times),
        "random": np.asarray(random),
        "slow": np.asarray(curve(slow)),
        "fast": np.asarray(curve(fast)),
        "slow_history": np.asarray(slow_history),
        "fast_history": np.asarray(fast_history),
        "positions": np.asarray(x),
        "slow_velocities": np.asarray(with_energy(slow)),
        "fast_velocities": np.asarray(with_energy(fast)),
        **_gradient_check(gas, x, v, config.horizon, keys[0]),
        **_growth(gas, x, v, config),
    }


@jax.jit
def _curve(gas: HardDisks, x: jax.Array, times: jax.Array, v: jax.Array) -> jax.Array:
    v = with_energy(v)
    path = gas.trajectory(gas.state(x, v), times)
    return jax.vmap(entropy_of)(path.positions, path.velocities) - entropy_of(x, v)


@functools.partial(jax.jit, static_argnames="config")
def _optimised(
    gas: HardDisks, x: jax.Array, v: jax.Array, sign: jax.Array, *, config: DesignConfig
) -> tuple[jax.Array, jax.Array]:
    """The velocities with the smallest sign * gain among those that Adam visits, and the gains on the way."""
    optimizer = optax.adam(config.learning_rate)

    def update(carry: Any, _: jax.Array) -> tuple[Any, jax.Array]:
        v, state, best, least = carry
        (gain, (_, _, overflow)), slope = gained_and_slope(gas, x, v, jnp.asarray(config.horizon))
        better = (sign * gain < least) & ~overflow
        best, least = jnp.where(better, v, best), jnp.where(better, sign * gain, least)
        step, state = optimizer.update(sign * slope, state)
        return (with_energy(v + step), state, best, least), gain

    first = (v, optimizer.init(v), v, jnp.asarray(jnp.inf))
    (_, _, best, _), history = jax.lax.scan(update, first, jnp.arange(config.iterations))
    return best, history


def _gradient_check(gas: HardDisks, x: jax.Array, v: jax.Array, time: float, key: jax.Array) -> dict[str, float | bool]:
    """Relative mismatch with differences along a direction, and whether all of them kept the order of events.

    Collisions bend the gain: a central difference D is off by 1e-5 at h = 1e-7, by h^2 less below, until rounding takes
    over at 1e-8. The difference extrapolated from two steps, (4 D(h/2) - D(h)) / 3, is compared, D(h/2) kept beside it.
    """
    direction = jax.random.normal(key, v.shape)
    at = jnp.asarray(time)
    (_, (order, _, _)), slope = gained_and_slope(gas, x, v, at)
    exact = float(jnp.vdot(slope, direction))
    kept = True

    def central(size: float) -> float:
        nonlocal kept
        (ahead, (one, _, _)), (behind, (two, _, _)) = (
            gained_and_slope(gas, x, v + h * direction, at)[0] for h in (size, -size)
        )
        kept = kept and bool((one == order) & (two == order))
        return float(ahead - behind) / (2 * size)

    whole, half = central(STEP), central(STEP / 2)
    return {
        "mismatch": abs((4 * half - whole) / 3 / exact - 1),
        "plain_mismatch": abs(half / exact - 1),
        "kept": kept,
    }


def _growth(gas: HardDisks, x: jax.Array, v: jax.Array, config: DesignConfig) -> dict[str, np.ndarray]:
    """Size of the gradient and number of collisions by horizon: how far chaos lets one see."""
    sizes, collisions = [], []
    for time in config.horizons:
        (_, (_, pairs, overflow)), slope = gained_and_slope(gas, x, v, jnp.asarray(time))
        sizes.append(float("nan") if bool(overflow) else float(jnp.linalg.norm(slope)))
        collisions.append(int(pairs))
    return {"horizons": np.asarray(config.horizons), "sizes": np.asarray(sizes), "collisions": np.asarray(collisions)}
