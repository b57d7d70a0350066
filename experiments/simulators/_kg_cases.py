"""The four fields of the paper, from exact starts, and what is measured on them."""

import operator
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax.estimators import gaussian_kde
from entropax.observables import field_energy, field_entropies, phase_portrait
from entropax.simulators import (
    FieldGrid,
    FieldState,
    KleinGordon,
    LinearPotential,
    Phi4,
    SineGordon,
    breather,
    gaussian_packet,
    kink,
    kink_antikink,
    simulate,
)

CASES = ("packet", "kink", "breather", "collision")
FREQUENCY = 0.5
"""Of the breather."""


@dataclass(frozen=True)
class CaseConfig:
    """Sizes of the four runs.

    Attributes:
        dt: time step of the method of order 2.
        end: time of the first three; the collision takes twice as long.
        frames: times at which a run is looked at.
        points: of packet and breather on [-30, 30); the kink on [-50, 50) and the pair on [-80, 80) have twice as many.
        order_steps: time steps from which the methods' orders are read, largest first.
        order_end: time of those runs.
        samples: values of |phi| in a density estimate.
    """

    dt: float = 0.01
    end: float = 50.0
    frames: int = 200
    points: int = 512
    order_steps: tuple[float, ...] = (0.04, 0.02, 0.01)
    order_end: float = 20.0
    samples: int = 10_000

    def system(self, case: str) -> KleinGordon:
        """The simulator of one case, with its start.

        Args:
            case: its name.
        """
        line, ring = FieldGrid(-30.0, 30.0, self.points), FieldGrid(-80.0, 80.0, 2 * self.points)
        single = FieldGrid(-50.0, 50.0, 2 * self.points, boundary="antiperiodic")
        starts: dict[str, tuple[Any, FieldGrid, Any]] = {
            "packet": (LinearPotential(), line, gaussian_packet(line.points, 1.0, 2.0)),
            "kink": (Phi4(), single, kink(single.points, potential=Phi4())),
            "breather": (SineGordon(), line, breather(line.points, FREQUENCY)),
            "collision": (Phi4(), ring, kink_antikink(ring.points, 20.0, 0.3, potential=Phi4())),
        }
        potential, grid, initial = starts[case]
        return KleinGordon(potential, grid, dt=self.dt, initial=initial)

    def end_of(self, case: str) -> float:
        """When a case ends."""
        return 2 * self.end if case == "collision" else self.end


_OF_STATE = operator.attrgetter("field", "momentum")


def run_case(config: CaseConfig, case: str, *, key: jax.Array) -> dict[str, np.ndarray]:
    """Runs one case and measures it at its frames, the start included.

    Args:
        config: sizes.
        case: its name.
        key: chooses the values in the density estimate.

    Returns:
        Times, fields, energies, entropies of phi^2, the path of the middle point and its extent, the density of |phi|.
    """
    system = config.system(case)
    steps = round(config.end_of(case) / config.dt)
    found = {
        "time": np.linspace(0.0, config.end_of(case), config.frames + 1),
        "x": system.grid.points,
        **_looked_at(system, key, steps, config.frames, config.samples),
    }
    return {name: np.asarray(value) for name, value in found.items()}


@eqx.filter_jit
def _looked_at(system: KleinGordon, key: jax.Array, steps: int, frames: int, samples: int) -> dict[str, jax.Array]:
    start = system.init(key=key)
    _, later = simulate(system, start, steps, key=key, observe=_OF_STATE, every=steps // frames, remat=0)
    fields = jnp.concatenate([start.field[None], later[0]])
    momenta = jnp.concatenate([start.momentum[None], later[1]])
    middle = system.grid.num_points // 2
    entropies = field_entropies(fields)
    sizes = jax.random.choice(key, jnp.abs(fields).reshape(-1), (samples,))
    sizes_at = jnp.linspace(0.0, jnp.max(sizes), 500)
    # Half of the kink's points, say, lie at one value to rounding: no width but the rule's is asked for.
    density = gaussian_kde(sizes, sizes_at)
    return {
        "field": fields,
        "energy": field_energy(fields, momenta, potential=system.potential, grid=system.grid),
        "shannon": entropies.shannon,
        "renyi_two": entropies.renyi_two,
        "composite": entropies.composite,
        "middle": fields[:, middle],
        "middle_rate": momenta[:, middle],
        "extent": phase_portrait(fields[:, middle], momenta[:, middle]).extent,
        "sizes_at": sizes_at,
        "density": density / jnp.max(density),
    }


def breather_errors(config: CaseConfig, order: int) -> np.ndarray:
    """Largest error of the field against the exact breather, by time step.

    Args:
        config: sizes.
        order: of the method.
    """
    errors = []
    grid = FieldGrid(-30.0, 30.0, 256)  # its own error is below 1e-10
    start = breather(grid.points, FREQUENCY)
    exact = breather(grid.points, FREQUENCY, 0.0, config.order_end)[0]
    for dt in config.order_steps:
        system = KleinGordon(SineGordon(), grid, dt=dt, initial=start, order=order)  # pyright: ignore[reportArgumentType]
        end = _after(system, jnp.asarray(round(config.order_end / dt)))
        errors.append(float(jnp.max(jnp.abs(end.field - exact))))
    return np.array(errors)


@eqx.filter_jit
def _after(system: KleinGordon, steps: jax.Array) -> FieldState:
    """The state after a number of steps that is not compiled in."""
    key = jax.random.key(0)
    return jax.lax.fori_loop(0, steps, lambda _, state: system.step(state, key=key), system.init(key=key))


def package_starts() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Places and fields from which the paper's package 0.0.1 starts its four cases, as it writes them.

    Its grid holds both ends. Only the packet is what it is meant to be: the kink jumps by 2 at the seam of a periodic
    grid, the breather has 1 / e in place of e / w, and the pair lacks the vacuum between: far away it sits on top of
    the potential.
    """
    e, gamma = np.sqrt(1 - FREQUENCY**2), 1 / np.sqrt(1 - 0.3**2)
    line, wide = np.linspace(-30, 30, 512), np.linspace(-50, 50, 1024)

    def tanh(x: np.ndarray) -> np.ndarray:
        return np.tanh(x / np.sqrt(2))

    return {
        "packet": (line, np.exp(-((line / 2) ** 2))),
        "kink": (wide, tanh(wide)),
        "breather": (line, 4 * np.arctan(1 / (e * np.cosh(e * line)))),
        "collision": (wide, tanh(gamma * (wide + 10)) - tanh(gamma * (wide - 10))),
    }


def entropy_period(time: np.ndarray, entropy: np.ndarray) -> float:
    """Mean time between rises of a series through its median, interpolated.

    Args:
        time: of the series.
        entropy: the series.
    """
    level = entropy - np.median(entropy)
    rising = np.flatnonzero((level[:-1] < 0) & (level[1:] >= 0))
    at = time[rising] + (time[rising + 1] - time[rising]) * level[rising] / (level[rising] - level[rising + 1])
    return float(np.mean(np.diff(at))) if len(at) > 1 else float("nan")
