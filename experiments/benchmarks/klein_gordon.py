"""Klein-Gordon fields: `KleinGordon` against amangkurat, as many steps of Stormer and Verlet from the same starts.

The grid, the time step (fixed, a power of two, so that both look at the same times) and the number of steps are the
package's; both return the field at all frames, and these agree. The starts are exact but for the kink: on the package's
periodic grid it has a jump at the seam and radiates, in ours as in the package's run. What `KleinGordon` would do with
a kink, on an antiperiodic grid, is timed as a case of its own; there is nothing in the package to compare it with.
"""

import functools
import operator
import os
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from entropax import simulators
from entropax.simulators import FieldGrid, KleinGordon, LinearPotential, Phi4, SineGordon
from experiments.benchmarks.harness import Case

NAME = "klein-gordon"
DESCRIPTION = "Stormer-Verlet steps of Klein-Gordon fields, float64, as many by both"
PEER = "amangkurat"

DT, FRAME = 1 / 128, 16
"""Time step, within what the package allows on both grids, and steps between frames."""
STEPS, SCAN_STEPS, SPEEDS, CHUNK = 1600, 192, 64, 16
TOLERANCE = 1e-8

_FIELD = operator.attrgetter("field")


@functools.partial(jax.jit, static_argnames="steps")
def frames_of(system: KleinGordon, steps: int) -> jax.Array:
    """The field at all frames."""
    key = jax.random.key(0)
    return simulators.simulate(system, system.init(key=key), steps, key=key, observe=_FIELD, every=FRAME, remat=0)[1]


@jax.jit
def scan_of(speeds: jax.Array, grid: FieldGrid) -> jax.Array:
    """Frames of pairs of many speeds, a chunk at a time: more do not fit the cache."""

    def collide(u: jax.Array) -> jax.Array:
        start = simulators.kink_antikink(grid.points, 20.0, u, potential=Phi4())
        return frames_of(KleinGordon(Phi4(), grid, dt=DT, initial=start), SCAN_STEPS)

    return jax.lax.map(collide, speeds, batch_size=CHUNK)


def cases() -> Iterator[Case]:
    """The package's four cases, a kink on its own grid, and a scan of 64 speeds."""
    with warnings.catch_warnings():  # the package silences all warnings when it is imported
        from amangkurat.core.solver import KGSolver

    threads = {"1 thread": 1, f"{os.cpu_count()} threads (default)": os.cpu_count()}

    def by_package(
        half_width: float, points: int, start: tuple[Any, Any], steps: int, cores: int | None, potential: str
    ) -> np.ndarray:
        # The number of threads is set when a solver is made.
        solver = KGSolver(points, -half_width, half_width, verbose=False, n_cores=cores, adaptive_dt=False)
        phi, momentum = start
        found = solver.solve(phi, momentum, DT, steps * DT, potential, n_snapshots=steps // FRAME)
        return found["phi"][1:-1]  # without the start, and the last, a step before the end

    def variants(*setting: Any, potential: str) -> dict[str, Callable[[], Any]]:
        return {words: functools.partial(by_package, *setting, n, potential) for words, n in threads.items()}

    def grid_of(half_width: float, points: int) -> FieldGrid:
        """The package's grid holds both ends, so its period is one spacing longer."""
        return FieldGrid(-half_width, half_width + 2 * half_width / (points - 1), points)

    with jax.enable_x64(True):
        line, wide = grid_of(30.0, 512), grid_of(50.0, 1024)
        pair = simulators.kink_antikink(wide.points, 20.0, 0.3, potential=Phi4())
        static = simulators.kink(wide.points, potential=Phi4())
        for name, potential, theirs, grid, start in (
            ("linear packet", LinearPotential(), "linear", line, simulators.gaussian_packet(line.points, 1.0, 2.0)),
            ("kink on a periodic grid", Phi4(), "phi4", wide, static),
            ("breather", SineGordon(), "sine_gordon", line, simulators.breather(line.points, 0.5)),
            ("kink and antikink", Phi4(), "phi4", wide, pair),
        ):
            half_width = -float(grid.lower)
            system = KleinGordon(potential, grid, dt=DT, initial=start)
            arrays = np.array(start[0]), np.array(start[1])
            yield Case(
                name=f"{name}, n = {grid.num_points}, {STEPS} steps",
                ours=functools.partial(frames_of, system, STEPS),
                peers=variants(half_width, grid.num_points, arrays, STEPS, potential=theirs),
                unit="step",
                per=STEPS,
                difference=lambda ours, package: np.max(np.abs(ours[:-1] - package)),
                tolerance=TOLERANCE,
                seconds=5.0,
            )
        single = FieldGrid(-50.0, 50.0, 1024, boundary="antiperiodic")
        alone = simulators.kink(single.points, potential=Phi4())
        yield Case(
            name=f"kink where it closes (ours antiperiodic), n = 1024, {STEPS} steps",
            ours=functools.partial(frames_of, KleinGordon(Phi4(), single, dt=DT, initial=alone), STEPS),
            peers=variants(50.0, 1024, (np.array(static[0]), np.array(static[1])), STEPS, potential="phi4"),
            unit="step",
            per=STEPS,
            seconds=5.0,
        )
        speeds = jnp.linspace(0.15, 0.5, SPEEDS)
        starts = [simulators.kink_antikink(wide.points, 20.0, u, potential=Phi4()) for u in speeds]
        given = [(np.array(phi), np.array(momentum)) for phi, momentum in starts]

        def one_by_one() -> np.ndarray:
            return np.stack([by_package(50.0, 1024, start, SCAN_STEPS, 1, "phi4") for start in given])

        yield Case(
            name=f"scan of {SPEEDS} speeds, n = 1024, {SCAN_STEPS} steps",
            ours=functools.partial(scan_of, speeds, wide),
            peers={"1 thread": one_by_one},  # its best in the cases above
            unit="step of one speed",
            per=SPEEDS * SCAN_STEPS,
            difference=lambda ours, package: np.max(np.abs(ours[:, :-1] - package)),
            tolerance=TOLERANCE,
            seconds=5.0,
        )
