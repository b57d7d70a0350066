"""The four cases of arXiv 2602.07948: their parameters, runs from several seeds, and what the paper says of them."""

import warnings
from dataclasses import dataclass, field
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import observables, simulators
from entropax.simulators import FishSchool, FishState

ENTROPIES = tuple(observables.SchoolingEntropies.__dataclass_fields__)
MEASURES = ("P", "M", "M_periodic", "spread", *ENTROPIES, "OSI")


@dataclass(frozen=True)
class FishCase:
    """One state of a school.

    Attributes:
        num_fish: N.
        num_steps: steps of the run.
        parameters: of `FishSchool`.
        package: what one run of the paper's package gave, means over the second half, by measure.
    """

    num_fish: int
    num_steps: int
    parameters: dict[str, Any]
    package: dict[str, float] = field(default_factory=dict)

    def school(self, num_fish: int | None = None, **changes: Any) -> FishSchool:
        """The simulator.

        Args:
            num_fish: another number of fish, in a box of the same density.
            changes: other parameters.
        """
        n = self.num_fish if num_fish is None else num_fish
        box = self.parameters["box_size"] * (n / self.num_fish) ** (1 / 3)
        with warnings.catch_warnings():
            # The paper's own cases 1, 3 and 4 reach past half the box: only nearest images are seen there.
            warnings.filterwarnings("ignore", message="attraction_radius")
            return FishSchool(n, **(self.parameters | {"dt": 0.1, "box_size": box} | changes))


CASES: dict[str, FishCase] = {
    "swarm": FishCase(
        150,
        1000,
        {
            "box_size": 25.0,
            "speed": 1.0,
            "repulsion_radius": 2.0,
            "orientation_radius": 3.0,
            "attraction_radius": 15.0,
            "max_turn": 0.4,
            "noise": 0.2,
            "blind_angle": 30.0,
        },
        {"P": 0.087, "M": 0.058, "OSI": 0.7059, "velocity_correlation": 0.9997},
    ),
    "torus": FishCase(
        200,
        2000,
        {
            "box_size": 25.0,
            "speed": 1.0,
            "repulsion_radius": 1.0,
            "orientation_radius": 3.0,
            "attraction_radius": 10.0,
            "max_turn": 0.2,
            "noise": 0.05,
            "blind_angle": 150.0,
            "orientation_weight": 0.1,
            "start": "torus",
            "torus_radius": 6.0,
        },
        {"P": 0.804, "M": 0.123, "OSI": 0.4904, "velocity_correlation": 0.3907},
    ),
    "dynamic parallel": FishCase(
        180,
        1500,
        {
            "box_size": 28.0,
            "speed": 1.2,
            "repulsion_radius": 1.0,
            "orientation_radius": 10.0,
            "attraction_radius": 18.0,
            "max_turn": 0.35,
            "noise": 0.12,
            "blind_angle": 25.0,
        },
        {"P": 0.9847, "M": 0.090, "OSI": 0.3554, "velocity_correlation": 0.0618},
    ),
    "highly parallel": FishCase(
        250,
        1000,
        {
            "box_size": 35.0,
            "speed": 1.5,
            "repulsion_radius": 1.0,
            "orientation_radius": 12.0,
            "attraction_radius": 20.0,
            "max_turn": 0.2,
            "noise": 0.05,
            "blind_angle": 20.0,
        },
        {"P": 0.9973, "M": 0.143, "OSI": 0.3013, "velocity_correlation": 0.0004},
    ),
}


class Measure(eqx.Module):
    """All that is measured on a state, as one array in the order of `MEASURES`.

    Attributes:
        box_size: L.
    """

    box_size: jax.Array

    def __call__(self, state: FishState) -> jax.Array:
        """The measures.

        Args:
            state: a school.
        """
        x, v, L = state.positions, state.velocities, self.box_size
        entropies = observables.schooling_entropies(x, v, L).stacked()
        weights = jnp.asarray(observables.INDEX_WEIGHTS, entropies.dtype)
        order = [
            observables.polarization(v),
            observables.rotation_order(x, v),
            observables.rotation_order(x, v, box_size=L),
            observables.school_spread(x),
        ]
        return jnp.concatenate([jnp.stack(order), entropies, jnp.sum(weights * entropies)[None]])


def run_seeds(school: FishSchool, *, seeds: int, num_steps: int, every: int, key: jax.Array) -> tuple[np.ndarray, Any]:
    """Measures along runs from several starts.

    Args:
        school: the simulator.
        seeds: number of starts.
        num_steps: steps of each run, a multiple of `every`.
        every: steps between measures.
        key: source of randomness.

    Returns:
        Measures, shape (seeds, num_steps / every, measures), and the last states.
    """
    measured, last = _run(school, jax.random.split(key, seeds), num_steps, every)
    return np.asarray(measured), jax.tree.map(np.asarray, last)


@eqx.filter_jit
def _run(school: FishSchool, keys: jax.Array, num_steps: int, every: int) -> tuple[jax.Array, FishState]:
    def one(key: jax.Array) -> tuple[jax.Array, FishState]:
        start_key, run_key = jax.random.split(key)
        state, measured = simulators.simulate(
            school, school.init(key=start_key), num_steps, key=run_key, observe=Measure(school.box_size), every=every
        )
        return measured, state

    return jax.lax.map(one, keys)


def second_half(measured: np.ndarray) -> np.ndarray:
    """Means over the second half of the frames, shape (seeds, measures).

    Args:
        measured: shape (seeds, frames, measures).
    """
    return measured[:, measured.shape[1] // 2 :].mean(axis=1)
