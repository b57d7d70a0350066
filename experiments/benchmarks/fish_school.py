"""Schools of fish: `FishSchool` against dewi-kadita's compiled solver, dynamics alone and with all its metrics.

The four cases of the paper at their full number of fish, for a tenth of their steps (the time of a step does not depend
on how many follow), from the package's own start. Both keep positions, velocities, polarization and rotation of every
step; with metrics also the spread, the seven entropies and the index. The package's noise does not follow its seed, so
what is compared is the mean polarization of the run.

Then ours alone, in float32: schools of 512 fish, all pairs, and of 4096 and 16384 from tiles, at the swarm's density.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import observables, simulators
from entropax.simulators import FishSchool, FishState
from experiments.benchmarks.harness import Case
from experiments.simulators._fish_cases import CASES, FishCase

NAME = "fish-school"
DESCRIPTION = "schools of 150 to 250 fish in float64, of 512 to 16384 in float32"
PEER = "dewi-kadita"

LARGE = {512: 100, 4096: 10, 16384: 4}
"""Steps by number of fish."""

_RENAMED = {
    "box_size": "box_size",
    "speed": "speed",
    "repulsion_radius": "r_repulsion",
    "orientation_radius": "r_orientation",
    "attraction_radius": "r_attraction",
    "max_turn": "max_turn",
    "noise": "noise",
    "blind_angle": "blind_angle",
    "orientation_weight": "orientation_weight",
    "torus_radius": "torus_radius",
}


def cases() -> Iterator[Case]:
    """Each case of the paper, without and with metrics."""
    import numba
    from dewi_kadita.core.metrics import compute_metrics_timeseries
    from dewi_kadita.core.solver import CouzinSolver
    from dewi_kadita.core.systems import CouzinSystem

    def start_of(case: FishCase) -> Any:
        given = {theirs: case.parameters[ours] for ours, theirs in _RENAMED.items() if ours in case.parameters}
        torus = case.parameters.get("start") == "torus"
        return CouzinSystem(n_fish=case.num_fish, torus_init=torus, seed=1, **given)

    def theirs(case: FishCase, steps: int, threads: int, *, metrics: bool) -> np.ndarray:
        numba.set_num_threads(threads)
        found = CouzinSolver(dt=0.1).solve(start_of(case), n_steps=steps, verbose=False)
        if metrics:
            trail = found["positions"], found["velocities"], found["time"]
            compute_metrics_timeseries(*trail, case.parameters["box_size"], verbose=False)
        return found["polarization"][1:]

    most = numba.get_num_threads()
    with jax.enable_x64(True):
        for name, case in CASES.items():
            system, steps = start_of(case), case.num_steps // 10
            state = FishState(jnp.asarray(system.positions), jnp.asarray(system.velocities))
            school = case.school()
            for words, metrics in (("dynamics", False), ("dynamics and metrics", True)):
                observe = _Recorded(school.box_size if metrics else None)
                yield Case(
                    name=f"{name}, N = {case.num_fish}, {words}",
                    ours=partial(_ours, school, state, steps, observe),
                    peers={
                        f"{threads} threads": partial(theirs, case, steps, threads, metrics=metrics)
                        for threads in sorted({1, most})
                    },
                    unit="step",
                    per=steps,
                    difference=lambda ours, theirs: abs(float(np.mean(ours["P"])) - float(np.mean(theirs))),
                    tolerance=0.1,
                    seconds=5.0,
                )
    for num_fish, steps in LARGE.items():
        school = CASES["swarm"].school(num_fish)
        yield Case(
            name=f"swarm's density, N = {num_fish}, dynamics, float32",
            ours=partial(_ours, school, school.init(key=jax.random.key(0)), steps, None),
            unit="step",
            per=steps,
            seconds=5.0,
        )


class _Recorded(eqx.Module):
    """What is kept of a state: with L the metrics too."""

    box_size: jax.Array | None

    def __call__(self, state: FishState) -> dict[str, jax.Array]:
        x, v = state.positions, state.velocities
        kept = {"x": x, "v": v, "P": observables.polarization(v), "M": observables.rotation_order(x, v)}
        if self.box_size is None:
            return kept
        entropies = observables.schooling_entropies(x, v, self.box_size).stacked()
        index = jnp.sum(jnp.asarray(observables.INDEX_WEIGHTS, entropies.dtype) * entropies)
        return kept | {"spread": observables.school_spread(x), "entropies": entropies, "OSI": index}


def _ours(school: FishSchool, state: FishState, steps: int, observe: _Recorded | None) -> Any:
    final, kept = simulators.simulate(school, state, steps, key=jax.random.key(0), observe=observe)
    return final if observe is None else kept
