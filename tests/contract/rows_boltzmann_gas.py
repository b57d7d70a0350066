"""Rows of the hard-disc gas and its macrostates."""

import jax
import jax.numpy as jnp
import numpy as np

from entropax import observables, simulators
from entropax.simulators import HardDisks
from tests.contract.harness import Bad, Row
from tests.contract.rows_active_matter import CONTAINER, PIECEWISE

X = np.array([[0.21, 0.32], [0.63, 0.41], [0.42, 0.77]])
V = np.array([[1.1, 0.2], [-0.9, -0.1], [0.3, -1.3]])
LOWER, UPPER = np.array([-0.1, 0.05]), np.array([1.1, 1.2])
FLOAT64 = "events need float64, which the row's bad arguments show to be refused otherwise"
ONLY_FLOAT64 = {"strict": FLOAT64, "half": FLOAT64, "integer": FLOAT64, "leaks": FLOAT64}
IN_FLOAT32 = (Bad(lambda: (X, V, np.float64(0.4), np.float64(0.1)), "must be float64", TypeError),)
COUNTS = np.array([[3.0, 0.5, 5.0], [2.0, 1.0, 0.25]])
NUMBER = np.float64


def gas(diameter, **more) -> HardDisks:
    """Three discs in a box of one."""
    return HardDisks(3, diameter=diameter, box=jnp.ones(2, jnp.result_type(diameter)), **more)


def advanced(x, v, duration, diameter):
    """After two or three collisions and reflections."""
    system = gas(diameter, bounded=True, max_events=12)
    return system.advance(system.state(x, v), duration)


def pieces(x, v, duration, diameter):
    """A trajectory by events, with a partition taken out, and a drawn state."""
    system = gas(diameter, partition=jnp.asarray(0.8, jnp.result_type(diameter)), max_events=50)
    drawn = system.init(key=jax.random.key(0))
    path = system.opened().trajectory(system.state(x, v), jnp.stack([duration / 2, duration]))
    step = system.prepared().step(system.state(x, v), key=jax.random.key(0))
    return path.positions, path.velocities, step.positions, drawn.positions


def no_events(x):
    """What happened before anything did."""
    none, nothing = jnp.zeros((), jnp.int32), jnp.zeros((), jnp.uint32)
    return simulators.EventInfo(none, none, none, jnp.zeros((), x.dtype), nothing, jnp.asarray(False))


ROWS = [
    Row(
        name="simulators.hard_disk_pair_time",
        call=simulators.hard_disk_pair_time,
        arguments=lambda: (np.array([[-3.0, -0.5], [0.0, 2.0]]), np.array([[1.5, -0.2], [0.1, -1.0]]), NUMBER(1.0)),
        differentiable=(0, 1, 2),
        bad_static=(Bad((X[:, :1], V, NUMBER(0.1)), r"separation must have shape \(..., 2\)"),),
        bad_values=(Bad((X[:2], V[:2], NUMBER(5.0)), "the discs must not overlap"),),
        exempt={"integer": "whole numbers of the row overlap or never meet"},
        fast=True,
    ),
    Row(
        name="simulators.collide_disks",
        call=simulators.collide_disks,
        arguments=lambda: (V, V[::-1] + 0.3, X),
        differentiable=(0, 1, 2),
        select=lambda after: after[0],  # of the sum of both nothing depends on the separation
        bad_static=(Bad((V, V[:2], X), "second must have the shape of first"),),
        bad_values=(Bad((V, V, 0 * X), "separation.separation must be positive"),),
        fast=True,
    ),
    Row(
        name="simulators.stream_freely",
        call=lambda x, v, t: simulators.stream_freely(x, v, t, box=jnp.ones(2, jnp.result_type(x))),
        arguments=lambda: (X, V, NUMBER(1.4)),
        differentiable=(0, 1, 2),
        bad_static=(Bad((X, V[:2], NUMBER(1.0)), "velocities must have the shape of positions"),),
        exempt={"bad_values": "the box is the row's own; its check is tested in test_hard_disks.py"},
        fast=True,
    ),
    Row(
        name="simulators.HardDisks.advance",
        members=("state",),
        call=advanced,
        arguments=lambda: (X, V, NUMBER(0.4), NUMBER(0.1)),
        differentiable=(0, 1, 2, 3),
        select=lambda state: (state.positions, state.velocities),
        bad_static=IN_FLOAT32,
        bad_values=(
            Bad((X * 0.1 + 0.4, V, NUMBER(0.4), NUMBER(0.1)), "the discs must not overlap"),
            Bad((X + 0.5, V, NUMBER(0.4), NUMBER(0.1)), "in their room"),
        ),
        exempt=ONLY_FLOAT64
        | {"second_order": "third derivatives of a chain of collisions swamp the finite difference"},
    ),
    Row(
        name="simulators.HardDisks.trajectory",
        members=("init", "opened", "prepared", "step"),
        call=pieces,
        arguments=lambda: (X, V, NUMBER(0.3), NUMBER(0.1)),
        differentiable=(0, 1, 2, 3),
        bad_static=IN_FLOAT32,
        bad_values=(Bad((X, V, NUMBER(-0.3), NUMBER(0.1)), "times must increase"),),
        exempt=ONLY_FLOAT64
        | {
            "reverse": "a loop until the time is up has forward mode alone; bounded gases have reverse mode",
            "second_order": "it needs reverse mode",
            "bad_values": "the state drawn does not depend on the faulty times; test_hard_disks.py has them",
        },
        slow=True,
    ),
    Row(
        name="simulators.DiskState",
        call=lambda x: simulators.DiskState(x, x, no_events(x)),
        arguments=lambda: (X,),
        differentiable=(),
        exempt=CONTAINER,
    ),
    Row(
        name="simulators.EventInfo",
        call=no_events,
        arguments=lambda: (X,),
        differentiable=(),
        exempt=CONTAINER,
    ),
    Row(
        name="observables.occupation_numbers",
        call=lambda x, low, high: observables.occupation_numbers(x, lower=low, upper=high, cells=(3, 2)),
        arguments=lambda: (X, LOWER, UPPER),
        differentiable=(),
        bad_static=(Bad((X[:, :1], LOWER, UPPER), r"coordinates must have shape \(..., n, 2\)"),),
        bad_values=(Bad((X, UPPER, LOWER), "upper - lower must be positive"),),
        exempt={"gradient": PIECEWISE},
        fast=True,
    ),
    Row(
        name="observables.smooth_occupation_numbers",
        call=lambda x, low, high, w: observables.smooth_occupation_numbers(
            x, lower=low, upper=high, cells=(3, 2), width=w
        ),
        arguments=lambda: (X, LOWER, UPPER, NUMBER(0.9)),
        differentiable=(0, 1, 2, 3),
        bad_static=(Bad((X, LOWER[:1], UPPER, NUMBER(1.0)), r"lower must have shape \(2,\)"),),
        bad_values=(
            Bad((X, UPPER, LOWER, NUMBER(1.0)), "upper - lower must be positive"),
            Bad((X, LOWER, UPPER, NUMBER(0.0)), "width must be positive"),
        ),
        exempt={"integer": "whole corners make a grid without extent"},
    ),
    Row(
        name="observables.boltzmann_entropy",
        call=lambda n, d: (
            observables.boltzmann_entropy(n, d),
            observables.boltzmann_entropy(n, d, stirling=True, per_particle=False),
        ),
        arguments=lambda: (COUNTS, NUMBER(0.5)),
        differentiable=(0, 1),
        bad_static=(Bad((COUNTS, COUNTS), "cell_volume must be a number"),),
        bad_values=(
            Bad((-COUNTS, NUMBER(0.5)), "counts must be non-negative"),
            Bad((0 * COUNTS, NUMBER(0.5)), "the sum of counts must be positive"),
            Bad((COUNTS, NUMBER(0.0)), "cell_volume must be positive"),
        ),
        fast=True,
    ),
    Row(
        name="observables.pooled_entropy",
        call=observables.pooled_entropy,
        arguments=lambda: (COUNTS, NUMBER(0.5)),
        differentiable=(0, 1),
        bad_static=(Bad((COUNTS[0], NUMBER(0.5)), r"counts must have shape \(copies, ...\)"),),
        bad_values=(Bad((-COUNTS, NUMBER(0.5)), "counts must be non-negative"),),
        fast=True,
    ),
    Row(
        name="observables.hydrodynamic_entropy",
        call=lambda x, v, w: observables.hydrodynamic_entropy(
            x, v, lower=LOWER.astype(x.dtype), upper=UPPER.astype(x.dtype), cells=(2, 1), width=w
        ),
        arguments=lambda: (X, V, NUMBER(0.8)),
        differentiable=(0, 1, 2),
        bad_static=(Bad((X, V[:2], NUMBER(0.8)), "velocities must have the shape of positions"),),
        bad_values=(Bad((np.nan * X, V, NUMBER(0.8)), "positions must be finite"),),
        exempt={"integer": "whole corners make a grid without extent"},
    ),
    Row(
        name="observables.sackur_tetrode_2d",
        call=observables.sackur_tetrode_2d,
        arguments=lambda: (NUMBER(2.0), NUMBER(50.0), NUMBER(1.3)),
        differentiable=(0, 1, 2),
        bad_static=(Bad((X, NUMBER(50.0), NUMBER(1.3)), "volume must be a number"),),
        bad_values=(Bad((NUMBER(2.0), NUMBER(50.0), NUMBER(0.0)), "temperature must be positive"),),
        fast=True,
    ),
    Row(
        name="observables.collision_frequency",
        call=lambda n, s, T: observables.collision_frequency(n, s, T, enskog=True),
        arguments=lambda: (NUMBER(0.5), NUMBER(0.4), NUMBER(1.3)),
        differentiable=(0, 1, 2),
        bad_static=(Bad((X, NUMBER(0.4), NUMBER(1.3)), "density must be a number"),),
        bad_values=(
            Bad((NUMBER(0.5), NUMBER(4.0), NUMBER(1.3)), "the packing fraction must be below 1"),
            Bad((NUMBER(0.5), NUMBER(0.4), NUMBER(-1.0)), "temperature must be positive"),
        ),
        fast=True,
    ),
    Row(
        name="observables.mean_free_path",
        call=observables.mean_free_path,
        arguments=lambda: (NUMBER(0.5), NUMBER(0.4)),
        differentiable=(0, 1),
        bad_static=(Bad((X, NUMBER(0.4)), "density must be a number"),),
        bad_values=(Bad((NUMBER(0.5), NUMBER(0.0)), "diameter must be positive"),),
        fast=True,
    ),
    Row(
        name="observables.coarse_maxwellian_entropy",
        call=lambda dv, T: observables.coarse_maxwellian_entropy(dv, T, num_cells=16),
        arguments=lambda: (NUMBER(0.8), NUMBER(1.3)),
        differentiable=(0, 1),
        bad_static=(Bad((X, NUMBER(1.3)), "cell must be a number"),),
        bad_values=(Bad((NUMBER(0.1), NUMBER(1.3)), "the cells must reach"),),
        exempt={"half": "erfc has no half-precision kernel on every device", "integer": "whole cells do not reach"},
    ),
    Row(
        name="observables.scaling_entropy",
        call=observables.scaling_entropy,
        arguments=lambda: (NUMBER(0.8),),
        bad_static=(Bad((X,), "time must be a number"),),
        bad_values=(Bad((NUMBER(-0.8),), "time must be non-negative"),),
        fast=True,
    ),
    Row(
        name="observables.ideal_expansion_entropy",
        call=lambda t, L, T: observables.ideal_expansion_entropy(
            t, velocity_cell=2.0, num_cells=4, length=L, temperature=T, reach=8.0, images=6
        ),
        arguments=lambda: (NUMBER(0.83), NUMBER(1.1), NUMBER(1.1)),
        differentiable=(0, 1, 2),
        bad_static=(Bad((X, NUMBER(1.2), NUMBER(1.1)), "time must be a number"),),
        bad_values=(
            Bad((NUMBER(-0.7), NUMBER(1.2), NUMBER(1.1)), "time must be non-negative"),
            Bad((NUMBER(70.0), NUMBER(1.2), NUMBER(1.1)), "images must cover the motion"),
        ),
        exempt={"half": "ndtr has no half-precision form"},
    ),
]
