"""The four waves of arXiv 2509.05901, and how they are run and measured."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from entropax import observables, simulators
from entropax.simulators import Schrodinger

LENGTH = 50.0
T_END = 20.0
SNAPSHOTS = 100
CASES = ("soliton", "two solitons", "breathing packet", "noisy packet")
"""Cases 1 to 4 of the paper's package, by its configurations."""


@dataclass(frozen=True)
class CaseConfig:
    """The four runs.

    Attributes:
        num_points: n.
        t_end: last time.
        snapshots: times at which a wave is measured, from 0.
    """

    num_points: int = 512
    t_end: float = T_END
    snapshots: int = SNAPSHOTS


def points(num_points: int) -> np.ndarray:
    """x_j = -L/2 + j L/n.

    Args:
        num_points: n.
    """
    return -LENGTH / 2 + LENGTH / num_points * np.arange(num_points)


def starts(num_points: int) -> dict[str, np.ndarray]:
    """The four initial waves, by case; the noise of the last is drawn as the package draws it.

    Args:
        num_points: n.
    """
    with jax.enable_x64(True):
        x = jnp.asarray(points(num_points))
        pair = [jnp.asarray(two) for two in ((2.0, 1.5), (-10.0, 10.0), (2.0, -2.0))]
        waves = [
            simulators.soliton(x, 2.0, -10.0, 1.0),
            simulators.superposed_solitons(x, *pair),
            simulators.breather_packet(x),
        ]
    draw = np.random.RandomState(42)  # numpy's legacy generator: all real parts, then all imaginary ones
    noise = draw.randn(2, num_points)
    waves.append(np.exp(-(points(num_points) ** 2) / 50) + 0.01 * (noise[0] + 1j * noise[1]))
    return {name: np.asarray(wave) for name, wave in zip(CASES, waves, strict=True)}


def run_cases(config: CaseConfig) -> dict[str, dict[str, Any]]:
    """Solves the four cases at the package's tolerances and measures every snapshot.

    Args:
        config: sizes.

    Returns:
        By case: "psi", "invariants", "entropies", "statistics" of the middle snapshot, "evaluations".
    """
    times = np.linspace(0, config.t_end, config.snapshots)
    entropies = jax.jit(jax.vmap(observables.wave_entropies))
    found = {}
    for name, psi in starts(config.num_points).items():
        system = Schrodinger(psi, length=LENGTH, dt=0.05)
        solution = system.solve(psi, times)
        kept = system.invariants(solution.value)
        found[name] = {
            "psi": np.asarray(solution.value),
            "invariants": {which: np.asarray(getattr(kept, which)) for which in ("mass", "momentum", "energy")},
            "entropies": jax.tree.map(np.asarray, entropies(solution.value)),
            "statistics": observables.phase_space_statistics(solution.value[config.snapshots // 2]),
            "centre": np.asarray(observables.energy_centre(solution.value, system.points)),
            "evaluations": 13 * int(solution.steps + solution.rejected),
        }
    return found


def collision_shifts() -> tuple[np.ndarray, np.ndarray]:
    """Displacements of the two solitons of case 2 at t = 9, measured and by theory."""
    psi, x = starts(512)["two solitons"], points(512)
    system = Schrodinger(psi, length=LENGTH, dt=0.025)
    after, _ = simulators.simulate(system, system.initial, 360, key=jax.random.key(0), observe=None)
    density = np.abs(np.asarray(after)) ** 2
    centres = [np.sum((x * density)[side]) / np.sum(density[side]) for side in (x > 0, x < 0)]
    free = np.array([-10.0 + 2 * 9, 10.0 - 2 * 9])
    theory = simulators.soliton_collision_shift(np.array([2.0, 1.5]), np.array([2.0, -2.0]))
    return np.array(centres) - free, np.asarray(theory)
