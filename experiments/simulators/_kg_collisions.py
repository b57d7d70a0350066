"""Collisions of a phi^4 kink with an antikink: which speeds escape, and the window of speeds that a gradient finds.

Pairs at distance 20 and speed u meet. Above a critical speed they bounce once and part. Below it they are caught, but
for windows of speeds in which a second collision gives back what the first put into the kinks' own oscillation. While
the pair is apart the inner vacuum is wide, so the entropy of where phi + v is, at a time soon after the second
collision, is largest inside a window; its derivative by the speed leads there from outside.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from entropax.observables import collision_outcome, field_entropies, middle_field, pair_distance
from entropax.simulators import FieldGrid, FieldState, KleinGordon, Phi4, kink_antikink, simulate

POTENTIAL = Phi4()
DISTANCE = 20.0
EVERY = 10
"""Steps between looks: with dt = 0.05 two a unit of time, and a caught pair changes sides at most every 2.2."""


@dataclass(frozen=True)
class CollisionConfig:
    """Sizes of the collisions.

    Attributes:
        points: of the grid of the scan.
        half_width: the grid is [-half_width, half_width); its ring must be too wide for the pair to meet behind.
        dt: time step of the method of order 4.
        end: time of a collision.
        speeds: number of speeds in the scan.
        lowest: speed.
        highest: speed.
        chunk: speeds that are stepped together: more do not fit the cache.
        width: of the interval at which the bisection stops.
        design_points: of the grid of the design.
        horizon: time at which the entropy is made large.
        starts: speeds from which it ascends, all of caught pairs.
        iterations: of each ascent.
        search: speeds in the search without gradients.
        longest: time up to which derivatives are followed.
    """

    points: int = 1024
    half_width: float = 80.0
    dt: float = 0.05
    end: float = 150.0
    speeds: int = 64
    lowest: float = 0.15
    highest: float = 0.5
    chunk: int = 16
    width: float = 2e-4
    design_points: int = 512
    horizon: float = 80.0
    starts: tuple[float, ...] = (0.191, 0.2045)
    iterations: int = 12
    search: int = 32
    longest: float = 150.0

    def grid(self, points: int | None = None) -> FieldGrid:
        """The ring."""
        return FieldGrid(-self.half_width, self.half_width, points or self.points)

    def system(self, speed: Any, points: int | None = None) -> KleinGordon:
        """A pair of one speed."""
        grid = self.grid(points)
        start = kink_antikink(grid.points, DISTANCE, speed, potential=POTENTIAL)
        return KleinGordon(POTENTIAL, grid, dt=self.dt, initial=start, order=4)


def look(state: FieldState, grid: FieldGrid) -> tuple[jax.Array, jax.Array]:
    """Field in the middle and distance of the pair."""
    return tuple(f(state.field, grid=grid, potential=POTENTIAL) for f in (middle_field, pair_distance))  # pyright: ignore[reportReturnType]


def width_entropy(field: jax.Array) -> jax.Array:
    """Shannon's entropy of where phi + v is: the logarithm of how wide the inner vacuum is."""
    return field_entropies(field + POTENTIAL.v).shannon


def collide(speed: jax.Array, config: CollisionConfig) -> tuple[jax.Array, jax.Array]:
    """Middle and distance over time, `EVERY` steps apart.

    Args:
        speed: u.
        config: sizes.
    """
    system = config.system(speed)
    key = jax.random.key(0)
    observe = functools.partial(look, grid=system.grid)
    steps = round(config.end / config.dt)
    return simulate(system, system.init(key=key), steps, key=key, observe=observe, every=EVERY, remat=0)[1]


def times(config: CollisionConfig, end: float | None = None) -> np.ndarray:
    """When a collision is looked at."""
    steps = round((end or config.end) / config.dt)
    return config.dt * EVERY * np.arange(1, steps // EVERY + 1)


def scan(speeds: np.ndarray, config: CollisionConfig) -> dict[str, np.ndarray]:
    """Outcomes of many speeds.

    Args:
        speeds: u.
        config: sizes.
    """
    collide_all = jax.jit(lambda u: jax.lax.map(lambda v: collide(v, config), u, batch_size=config.chunk))
    middle, distance = collide_all(jnp.asarray(speeds))
    outcome = jax.jit(jax.vmap(lambda m, d: collision_outcome(m, d, times(config))))(middle, distance)
    found = {"escaped": outcome.escaped, "bounces": outcome.bounces, "speed": outcome.speed}
    found |= {"sign_changes": outcome.sign_changes, "middle": middle, "distance": distance}
    return {name: np.asarray(value) for name, value in found.items()}


def critical_speed(config: CollisionConfig, low: float = 0.25, high: float = 0.27) -> float:
    """By bisection, the slowest speed from which a pair escapes after one bounce.

    Args:
        config: sizes.
        low: a speed that is caught.
        high: a speed that escapes.

    Returns:
        The middle of the last interval, `config.width` wide at most.

    Raises:
        ValueError: `low` and `high` are not so.
    """
    one = jax.jit(lambda u: collision_outcome(*collide(u, config), times(config)))

    def escapes(speed: float) -> bool:
        outcome = one(jnp.asarray(speed))
        return bool(outcome.escaped) and int(outcome.bounces) == 1

    if escapes(low) or not escapes(high):
        raise ValueError(f"the critical speed must lie between {low} and {high}")
    while high - low > config.width:
        between = (low + high) / 2
        low, high = (low, between) if escapes(between) else (between, high)
    return (low + high) / 2


def entropy_at_horizon(speed: jax.Array, config: CollisionConfig) -> jax.Array:
    """`width_entropy` at the design's horizon, differentiable by the speed.

    Args:
        speed: u.
        config: sizes.
    """
    system = config.system(speed, config.design_points)
    key = jax.random.key(0)
    steps = round(config.horizon / config.dt)
    return width_entropy(simulate(system, system.init(key=key), steps, key=key, observe=None)[0].field)


def ascend(start: float, slope_at: Callable[[float], tuple[float, float]], iterations: int) -> np.ndarray:
    """Climbs by the derivative's sign: steps grow while it stays the same and shrink where it changes (Rprop).

    Args:
        start: first speed.
        slope_at: value and derivative at a speed.
        iterations: number of steps.

    Returns:
        Speeds, values and slopes of every step, shape (iterations + 1, 3).
    """
    speed, step = start, 1e-3
    value, slope = slope_at(speed)
    path = [(speed, value, slope)]
    for _ in range(iterations):
        speed += step * float(np.sign(slope))
        before = slope
        value, slope = slope_at(speed)
        step *= 1.5 if np.sign(slope) == np.sign(before) else 0.4
        path.append((speed, value, slope))
    return np.array(path)


def design(config: CollisionConfig) -> dict[str, Any]:
    """Checks the derivative, ascends from every start, and searches without it.

    Args:
        config: sizes.

    Returns:
        The paths, the search, and the derivative's mismatch with central differences.
    """
    at_horizon = lambda u: entropy_at_horizon(u, config)  # noqa: E731
    with_slope = jax.jit(jax.value_and_grad(at_horizon))
    values = jax.jit(lambda u: jax.lax.map(at_horizon, u, batch_size=config.chunk))

    def slope_at(speed: float) -> tuple[float, float]:
        value, slope = with_slope(jnp.asarray(speed))
        return float(value), float(slope)

    h = 1e-6
    # Beyond, caught pairs that are apart for the third time at the horizon make hills of their own.
    searched = np.linspace(0.188, 0.2065, config.search)
    around = [start + places * h for start in config.starts for places in (-2, -1, 1, 2)]
    found = np.asarray(values(jnp.asarray([*searched, *around])))
    differences = found[config.search :].reshape(-1, 4) @ np.array([1.0, -8.0, 8.0, -1.0]) / (12 * h)
    paths = [ascend(start, slope_at, config.iterations) for start in config.starts]
    slopes = np.array([path[0, 2] for path in paths])
    return {
        "paths": np.stack(paths),
        "search_speeds": searched,
        "search": found[: config.search],
        "mismatch": float(np.max(np.abs(slopes / differences - 1))),
    }


def derivative_over_time(config: CollisionConfig, speed: float, step: float) -> dict[str, np.ndarray]:
    """How the entropy's derivative by the speed grows with the time it looks ahead, and what it is worth.

    Args:
        config: sizes.
        speed: u.
        step: change of the speed that the derivative should foretell.

    Returns:
        Entropy and derivative at every look, and the change that `step` makes.
    """
    steps = round(config.longest / config.dt)

    def entropies(u: jax.Array) -> jax.Array:
        system = config.system(u, config.design_points)
        key = jax.random.key(0)
        look_at = lambda state: width_entropy(state.field)  # noqa: E731
        return simulate(system, system.init(key=key), steps, key=key, observe=look_at, every=EVERY, remat=0)[1]

    both = jax.jit(lambda u: jax.jvp(entropies, (u,), (jnp.ones_like(u),)))
    entropy, slope = both(jnp.asarray(speed))
    moved, _ = both(jnp.asarray(speed + step))
    return {
        "time": times(config, config.longest),
        "entropy": np.asarray(entropy),
        "slope": np.asarray(slope),
        "change": np.asarray(moved - entropy),
    }


def horizon_of(found: dict[str, np.ndarray], step: float, tolerance: float = 0.5) -> float:
    """The last time up to which slope times step foretells the change to a part `tolerance` of its size.

    Sizes are judged by the largest change so far, since the change itself passes through zero.

    Args:
        found: from `derivative_over_time`.
        step: the change of the speed.
        tolerance: the part.
    """
    largest = np.maximum.accumulate(np.abs(found["change"]))
    wrong = np.abs(found["slope"] * step - found["change"]) > tolerance * largest
    wrong &= largest > 1e-9
    first = int(np.argmax(wrong)) if wrong.any() else len(wrong)
    return float(found["time"][max(first - 1, 0)])
