"""Collisions and reflections a second of the hard-disc gas: python -m experiments.simulators._gas_timing.

Gases of one density (n = 128, s = 0.01) in a box of two to one, in float64. Times are those of the processor, so that
what else runs on the machine counts little; run it with one core (taskset -c 0) to compare with figures for one core.
"""

import math
import time

import jax
import jax.numpy as jnp

from entropax.simulators import DiskState, HardDisks
from experiments.running import device

CASES = ((256, 1, 32.0), (256, 16, 2.0), (1024, 1, 8.0), (4096, 1, 2.0), (16384, 1, 0.5))
"""Discs, copies together, duration."""


@jax.jit
def _advanced(gas: HardDisks, starts: DiskState, duration: jax.Array) -> DiskState:
    return jax.vmap(lambda start: gas.advance(start, duration))(starts)


@jax.jit
def _advanced_alone(gas: HardDisks, start: DiskState, duration: jax.Array) -> DiskState:
    return gas.advance(start, duration)


def main() -> None:
    """Prints a row for every case: the first predictions count, compiling does not."""
    print(f"{device()}, jax {jax.__version__}")
    print(f"{'discs':>8} {'copies':>6} {'events':>8} {'us an event':>12} {'events a second':>16}")
    with jax.enable_x64(True):
        for num_disks, copies, duration in CASES:
            width = math.sqrt(num_disks / 64)
            gas = HardDisks(num_disks, diameter=0.01, box=(width, width / 2))
            keys = jax.random.split(jax.random.key(0), copies)
            starts = jax.jit(jax.vmap(lambda key, gas=gas: gas.init(key=key)))(keys)
            run = _advanced
            if copies == 1:
                run, starts = _advanced_alone, jax.tree.map(lambda leaf: leaf[0], starts)
            state = jax.block_until_ready(run(gas, starts, jnp.asarray(duration / 4)))
            before = int(jnp.sum(state.info.pair_events + state.info.wall_events))
            seconds = time.process_time()
            state = jax.block_until_ready(run(gas, state, jnp.asarray(duration)))
            seconds = time.process_time() - seconds
            events = int(jnp.sum(state.info.pair_events + state.info.wall_events)) - before
            print(f"{num_disks:8d} {copies:6d} {events:8d} {seconds / events * 1e6:12.2f} {events / seconds:16,.0f}")


if __name__ == "__main__":
    main()
