"""Collisions and reflections of the hard-disc gas: one gas, several copies together, and many discs sorted into cells.

Gases of one density (n = 128, s = 0.01) in a box of two to one, in float64. An event is a collision or a reflection;
predictions that had gone stale and changes of cell are part of its cost, as are the first predictions of a run. One gas
is a sequence of events and keeps one core busy; copies go to one core by vmap, and to several from several threads. For
figures of one core run it with `taskset -c 0`: every case says how many cores it had.
"""

import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import jax
import jax.numpy as jnp

from entropax.simulators import DiskState, HardDisks
from experiments.benchmarks.harness import Case

NAME = "hard-disks"
DESCRIPTION = "Events of the hard-disc gas, n = 128, s = 0.01, float64"
PEER = ""

COPIES = 16
ALONE = ((256, 16.0), (1024, 4.0), (4096, 1.0), (16_384, 0.25))
"""Discs and duration of a run, some 15,000 events each."""


def cases() -> Iterator[Case]:
    """One copy of growing size, then several copies on one core and on all."""
    cores = _cores()
    place = f"on {cores} core{'s' if cores > 1 else ''}"
    for num_disks, duration in ALONE:
        gas = _gas(num_disks)
        sorted_into = "by cells" if num_disks > 1000 else "all pairs"
        yield _case(f"{num_disks} discs, one copy, {sorted_into}, {place}", gas, _starts(gas, 1), duration)
    gas = _gas(ALONE[0][0])
    starts, duration = _starts(gas, COPIES), ALONE[0][1] / 4
    yield _case(f"{gas.num_disks} discs, {COPIES} copies by vmap, {place}", gas, starts, duration)
    if cores > 1:
        parts = _parts(starts, cores)
        name = f"{gas.num_disks} discs, {COPIES} copies by vmap from {cores} threads, {place}"
        yield _case(name, gas, parts, duration)


def _cores() -> int:
    """Cores that this process may run on, fewer than the machine's where it is pinned."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _gas(num_disks: int) -> HardDisks:
    width = math.sqrt(num_disks / 64)
    with jax.enable_x64(True):
        return HardDisks(num_disks, diameter=0.01, box=(width, width / 2))


def _starts(gas: HardDisks, copies: int) -> list[DiskState]:
    """Copies in one batch, some collisions after the lattice on which they start."""
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(0), copies)
        drawn = jax.jit(jax.vmap(lambda key: gas.init(key=key)))(keys)
        return [_advanced(gas, drawn, jnp.asarray(0.25))]


def _parts(batches: list[DiskState], count: int) -> list[DiskState]:
    (batch,) = batches
    with jax.enable_x64(True):
        return [jax.tree.map(lambda leaf, k=k: leaf[k::count], batch) for k in range(count)]


@jax.jit
def _advanced(gas: HardDisks, starts: DiskState, duration: jax.Array) -> DiskState:
    if starts.positions.shape[0] == 1:  # alone, without the selections of a vmapped loop
        end = gas.advance(jax.tree.map(lambda leaf: leaf[0], starts), duration)
        return jax.tree.map(lambda leaf: leaf[None], end)
    return jax.vmap(lambda start: gas.advance(start, duration))(starts)


def _case(name: str, gas: HardDisks, starts: list[DiskState], duration: float) -> Case:
    run = partial(_run, gas, starts, duration)
    return Case(name, ours=run, unit="event", per=_events(run()) - _events(starts), seconds=5.0)


def _run(gas: HardDisks, starts: list[DiskState], duration: float) -> list[DiskState]:
    """Every batch in a thread of its own."""

    def one(batch: DiskState) -> DiskState:
        with jax.enable_x64(True):  # of this thread
            return jax.block_until_ready(_advanced(gas, batch, jnp.asarray(duration)))

    if len(starts) == 1:
        return [one(starts[0])]
    with ThreadPoolExecutor(len(starts)) as pool:
        return list(pool.map(one, starts))


def _events(states: list[DiskState]) -> int:
    if any(bool(state.info.overflow.any()) for state in states):
        raise RuntimeError("a gas ran out of events or of room in a cell")
    return sum(int((state.info.pair_events + state.info.wall_events).sum()) for state in states)
