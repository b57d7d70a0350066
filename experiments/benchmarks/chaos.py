"""One trajectory of each of the 135 chaotic systems: ten periods of 100 points, ours against dysts.

Ours solves the flows of one dimension together in one program each (those that switch or spike in one of their own, so
that their small steps are theirs alone), the delay systems by Runge-Kutta steps of a thousandth of a period; all in
float64 at a relative tolerance of 1e-9, and the case's name says how long everything took to compile. dysts solves one
system after the other, right-hand sides compiled by numba where that is installed, here with the method of scipy that
serves it best at the same tolerance: LSODA (DOP853 takes it twice as long). Its default, Radau at 1e-12, is timed on
one period of the Lorenz system alone, against ours at 1e-12. Its delay solver interpolates linearly between the points
that are asked for, ours by cubics between steps a tenth as long. What is compared is therefore the flows, over the
first half period, relative to their size, without the double pendulum, which is another one there.
"""

import time
import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from entropax.simulators import chaos
from experiments.benchmarks.harness import Case
from experiments.simulators._chaos_statistics import delays, groups

NAME = "chaos"
DESCRIPTION = "one trajectory of each of 135 chaotic systems, float64"
PEER = "dysts"

POINTS, PERIOD, HALF = 1000, 100, 50
TOLERANCE = 1e-9

OTHER_EQUATION = {"DoublePendulum"}


def ours(flows: list[list[chaos.ChaoticFlow]], delayed: list[chaos.DelaySystem]) -> dict[str, jax.Array]:
    """All trajectories by name."""
    points = {}
    for group in flows:
        rows = chaos.ensemble_trajectories(group, POINTS, bounded=False, rtol=TOLERANCE)
        points |= {flow.name: row for flow, row in zip(group, rows, strict=True)}
    return points | {system.name: chaos.delay_trajectory(system, POINTS) for system in delayed}


def theirs(models: dict[str, Any], method: str) -> dict[str, np.ndarray]:
    """All trajectories by dysts."""
    options = {"method": method, "rtol": TOLERANCE, "atol": 1e-12, "postprocess": False}
    points = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, model in models.items():
            delayed = chaos.get_system(name).definition.delay
            given = {"embedding_dim": 1} if delayed else options
            points[name] = model.make_trajectory(POINTS, resample=True, pts_per_period=PERIOD, **given)
    return points


def difference(ours: dict[str, jax.Array], theirs: dict[str, np.ndarray]) -> float:
    """The largest difference of a flow within half a period, relative to its deviation."""
    worst = 0.0
    for name, points in ours.items():
        if name not in OTHER_EQUATION and not chaos.get_system(name).definition.delay:
            mine, other = np.asarray(points)[:HALF], theirs[name][:HALF]
            worst = max(worst, float(np.max(np.abs(mine - other) / np.std(other, axis=0).max())))
    return worst


def cases() -> Iterator[Case]:
    """All systems at our tolerance, and Lorenz with the peer's default."""
    from dysts import flows

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it regrets that numba is not installed
        models = {name: getattr(flows, name)() for name in chaos.system_names()}
    with jax.enable_x64(True):
        for name, model in models.items():  # later facts than those of release 0.95
            definition = chaos.get_system(name).definition
            model.period, model.ic = definition.period, np.asarray(definition.initial_conditions)
            if name in OTHER_EQUATION:
                model.ic = np.asarray(model.data["initial_conditions"])
        solve = partial(ours, groups(), delays())
        start = time.perf_counter()
        jax.block_until_ready(solve())
        compiled = time.perf_counter() - start
        yield Case(
            name=f"{len(models)} systems, compiled and run once in {compiled:.0f} s",
            ours=solve,
            peers={"LSODA": partial(theirs, models, "LSODA")},
            unit="trajectory",
            per=len(models),
            difference=difference,
            tolerance=1e-3,
            seconds=0.0,
        )
        lorenz, model = chaos.get_system("Lorenz"), models["Lorenz"]
        yield Case(
            name="one period of Lorenz at rtol 1e-12",
            ours=lambda: chaos.trajectory(lorenz, PERIOD, rtol=1e-12),
            peers={
                "Radau (its default)": lambda: model.make_trajectory(PERIOD, resample=True),
                "DOP853": lambda: model.make_trajectory(PERIOD, resample=True, method="DOP853"),
            },
            always=("Radau (its default)",),
            seconds=5.0,
            unit="trajectory",
            difference=lambda a, b: jnp.max(jnp.abs(a[:HALF] - b[:HALF])),
            tolerance=1e-6,
        )
