"""Rows of boxes, neighbours, swimmers and what is observed on them."""

import jax
import jax.numpy as jnp
import numpy as np

from entropax import observables, simulators, space
from tests.contract.harness import Bad, Row

LOWER, UPPER = np.array([-3.0, -2.0]), np.array([3.0, 2.5])
X = np.array([[0.1, 0.2], [-2.6, 1.7], [2.4, -1.2], [0.9, 0.3]])
Y = np.array([[2.0, 2.1], [0.3, -1.1], [-2.5, 1.4], [1.3, -0.4]])
WIDE = np.array([12.0, 12.0])
TORUS = space.PeriodicBox(-WIDE, WIDE)
GRID = space.SpectralGrid(TORUS, (4, 5))
MANY = np.random.default_rng(5).uniform(-6, 6, (12, 2))
PHASE = np.stack([X, Y[::-1] / 2])
OFF = np.stack([X + 10.0, Y])
PARAMETERS = {"persistence": 0.1, "noise": 0.1, "trap": 0.05, "dt": 0.01}

CONTAINER = {
    "gradient": "a container: the gradients are those of the function that fills it",
    "bad_values": "a container of results, which only its function makes",
    "bad_static": "a container of results, which only its function makes",
}
PIECEWISE = "piecewise constant: indices and counts have no gradient"
TABLE_DTYPE = "the table's geometry is static: parameters are given in one dtype at construction"


def box(lower, upper) -> space.PeriodicBox:
    """The torus of the rows."""
    return space.PeriodicBox(lower, upper)


def table_of(x) -> space.NeighborTable:
    """Pairs within 3 in a torus of 12."""
    half = jnp.asarray(WIDE / 2, x.dtype)
    return space.neighbor_table(x, box=space.PeriodicBox(-half, half), radius=3.0, cells=(4, 4), capacity=80)


def torus(x) -> space.PeriodicBox:
    """The torus of `table_of`."""
    half = jnp.asarray(WIDE / 2, x.dtype)
    return space.PeriodicBox(-half, half)


def counted(x) -> observables.NeighborCounts:
    """Neighbours within 2.4."""
    return observables.local_neighbor_count(x, table_of(x), box=torus(x), cutoff=2.4)


def swimmers(speed, stiffness, **more) -> simulators.ActiveSwimmers:
    """Four swimmers with parameters that can be differentiated by."""
    dtype = jnp.result_type(stiffness)
    dtype = dtype if jnp.issubdtype(dtype, jnp.floating) else jnp.result_type(float)
    numbers = {name: jnp.asarray(value, dtype) for name, value in {**PARAMETERS, "radius": 0.5, "beta": 7.5}.items()}
    around = space.PeriodicBox(jnp.asarray(LOWER, dtype), jnp.asarray(UPPER, dtype))
    return simulators.ActiveSwimmers(4, speed=speed, stiffness=stiffness, box=around, **{**numbers, **more})


def step(speed, stiffness, phase):
    """One step from a given phase."""
    system = swimmers(speed, stiffness)
    state = simulators.SwimmerState(jnp.asarray(phase, system.dt.dtype), None)
    return system.step(state, key=jax.random.key(3)).phase


BAD_SIZE = Bad((X[:, :1], Y, LOWER, UPPER), "must have shape")

ROWS = [
    Row(
        name="space.PeriodicBox",
        members=("displacement", "distance", "wrap", "contains", "volume"),
        call=lambda x, y, lower, upper: (
            box(lower, upper).displacement(x, y),
            box(lower, upper).distance(x, y),
            box(lower, upper).wrap(x),
            box(lower, upper).contains(x),
            box(lower, upper).volume,
        ),
        arguments=lambda: (X, Y, LOWER, UPPER),
        differentiable=(0, 1, 2, 3),
        bad_static=(Bad((X, Y, LOWER, UPPER[:1]), "upper must have the shape of lower"),),
        exempt={
            "bad_values": "a torus upside down raises at construction, which its own tests match",
            "integer": "wrapping integers keeps the box's own dtype",
        },
        fast=True,
    ),
    Row(
        name="space.FreeSpace",
        members=("displacement", "distance"),
        call=lambda x, y: (space.FreeSpace().displacement(x, y), space.FreeSpace().distance(x, y)),
        arguments=lambda: (X, Y),
        differentiable=(0, 1),
        bad_static=(Bad((X, Y[:3]), "incompatible shapes", TypeError),),
        exempt={"bad_values": "every pair of points has a displacement"},
    ),
    Row(
        name="space.nearest_neighbors",
        call=lambda x: space.nearest_neighbors(x, 3, box=torus(x)).distances,
        arguments=lambda: (MANY,),
        bad_static=(Bad((MANY[:3],), "k must be"),),
        bad_values=(Bad((np.where(np.arange(12)[:, None] == 4, np.nan, MANY),), "points must be finite, got nan"),),
    ),
    Row(
        name="space.Neighbors",
        call=lambda x: space.nearest_neighbors(x, 3, box=torus(x)).indices,
        arguments=lambda: (MANY,),
        differentiable=(),
        exempt=CONTAINER,
    ),
    Row(
        name="space.cell_counts",
        call=lambda x: np.asarray(space.cell_counts(TORUS, 2.5), np.int32) + 0 * x.astype(jnp.int32),
        arguments=lambda: (np.zeros(2),),
        differentiable=(),
        exempt={
            "gradient": "it returns static integers",
            "bad_static": "it takes a concrete box alone; its own tests match the message",
            "bad_values": "it takes a concrete box alone; its own tests match the message",
        },
    ),
    Row(
        name="space.neighbor_table",
        call=lambda x: table_of(x).pairs,
        arguments=lambda: (MANY,),
        differentiable=(),
        bad_static=(Bad((MANY[0],), r"positions must have shape \(n, d\)"),),
        exempt={
            "gradient": PIECEWISE,
            "bad_values": "it returns integers: a table of positions outside reports an overflow under jit",
            "half": TABLE_DTYPE,
        },
    ),
    Row(
        name="space.NeighborTable",
        members=("valid",),
        call=lambda x: (table_of(x).valid, table_of(x).count, table_of(x).overflow),
        arguments=lambda: (MANY,),
        differentiable=(),
        exempt={**CONTAINER, "half": TABLE_DTYPE},
    ),
    Row(
        name="space.update_neighbor_table",
        call=lambda x, y: (
            space.update_neighbor_table(table_of(x), y, box=torus(x), radius=3.0, skin=0.4, cells=(4, 4)).pairs
        ),
        arguments=lambda: (MANY, MANY[::-1].copy()),
        differentiable=(),
        bad_static=(Bad((MANY, MANY[:3]), r"positions must have shape \(12, 2\), got \(3, 2\)"),),
        exempt={"gradient": PIECEWISE, "bad_values": "it returns integers", "half": TABLE_DTYPE},
    ),
    Row(
        name="space.SpectralGrid",
        members=("derivative", "laplacian", "dealias", "integral"),
        call=lambda f: (
            GRID.derivative(f, 0),
            GRID.derivative(f, 1, order=2),
            GRID.laplacian(f),
            GRID.dealias(f),
            GRID.integral(f),
        ),
        arguments=lambda: (np.random.default_rng(1).standard_normal((4, 5)),),
        bad_static=(Bad((np.ones((4, 4)),), r"values must have shape \(\.\.\., 4, 5\), got \(4, 4\)"),),
        exempt={
            "bad_values": "every function on the grid is valid",
            "half": "the grid's wavenumbers have the box's dtype",
        },
    ),
    Row(
        name="simulators.swimmer_box",
        call=lambda phi, radius: simulators.swimmer_box(64, phi, radius=radius).extent,
        arguments=lambda: (np.array(0.1), np.array(1.2)),
        differentiable=(0, 1),
        bad_static=(Bad(lambda: (jnp.array(0.1 + 1j), np.array(1.0)), "packing_fraction must be real", TypeError),),
        bad_values=(
            Bad((np.array(1.2), np.array(1.0)), r"packing_fraction must be in \(0, 1\].*too dense.*got 1.2"),
            Bad((np.array(0.1), np.array(-1.0)), "radius must be positive"),
        ),
        fast=True,
    ),
    Row(
        name="simulators.ActiveSwimmers.step",
        call=step,
        arguments=lambda: (np.array(0.3), np.array(2.5), PHASE),
        differentiable=(0, 1, 2),
        bad_static=(
            Bad((np.array([0.3, 0.1]), np.array(2.5), PHASE), r"speed must be a number, got an array of shape \(2,\)"),
        ),
        bad_values=(Bad((np.array(np.nan), np.array(2.5), PHASE), "speed must be finite"),),
        exempt={"half": TABLE_DTYPE, "integer": TABLE_DTYPE},
    ),
    Row(
        name="simulators.ActiveSwimmers.drift",
        call=lambda v, k, z: swimmers(v, k).drift(z),
        arguments=lambda: (np.array(0.3), np.array(2.5), PHASE),
        differentiable=(0, 1, 2),
        bad_static=(Bad((np.array(0.3), np.array(2.5), PHASE[:, :3]), r"phase must have shape \(2, 4, 2\)"),),
        bad_values=(Bad((np.array(0.3), np.array(2.5), OFF), "positions must lie on the torus"),),
        exempt={"half": TABLE_DTYPE, "integer": TABLE_DTYPE},
    ),
    Row(
        name="simulators.ActiveSwimmers.drift_divergence",
        call=lambda k, z: swimmers(0.3, k).drift_divergence(z),
        arguments=lambda: (np.array(2.5), PHASE),
        differentiable=(0, 1),
        bad_static=(Bad((np.array(2.5), PHASE[:, :3]), r"phase must have shape \(2, 4, 2\)"),),
        bad_values=(Bad((np.array(2.5), OFF), "positions must lie on the torus"),),
        exempt={"half": TABLE_DTYPE, "integer": TABLE_DTYPE},
    ),
    Row(
        name="simulators.SwimmerState",
        members=("overflow",),
        call=lambda z: simulators.SwimmerState(z, None).overflow,
        arguments=lambda: (PHASE,),
        differentiable=(),
        exempt={**CONTAINER, "vmap": "the flag of a state without a table does not depend on it"},
    ),
    Row(
        name="observables.local_neighbor_count",
        call=lambda x: counted(x).value,
        arguments=lambda: (MANY,),
        differentiable=(),
        bad_static=(Bad((MANY[0],), r"positions must have shape \(n, d\)"),),
        exempt={"gradient": PIECEWISE, "bad_values": "it returns integers with a flag, which its own tests hold"},
    ),
    Row(
        name="observables.NeighborCounts",
        call=lambda x: (counted(x).value, counted(x).valid),
        arguments=lambda: (MANY,),
        differentiable=(),
        exempt=CONTAINER,
    ),
    Row(
        name="observables.smooth_neighbor_count",
        call=lambda x, c, t: observables.smooth_neighbor_count(x, table_of(x), box=torus(x), cutoff=c, temperature=t),
        arguments=lambda: (MANY, np.array(2.4), np.array(0.2)),
        differentiable=(0, 1, 2),
        bad_static=(
            Bad((MANY[0], np.array(2.4), np.array(0.2)), r"positions must have shape \(n, d\)"),
            Bad((MANY, np.array(2.4), np.ones(12)), r"temperature must be a number, got an array of shape \(12,\)"),
        ),
        bad_values=(
            Bad((MANY, np.array(-2.4), np.array(0.2)), "cutoff must be positive"),
            Bad((MANY, np.array(2.4), np.array(0.0)), "temperature must be positive"),
        ),
        exempt={"half": TABLE_DTYPE, "integer": TABLE_DTYPE},
    ),
    Row(
        name="observables.phase_labels",
        call=lambda c: (observables.phase_labels(c).value, observables.phase_labels(c).fraction),
        arguments=lambda: (np.array([0, 1, 2, 4, 6]),),
        differentiable=(),
        select=lambda labels: labels[1],
        bad_static=(Bad((np.zeros((2, 2), int),), r"counts must be integers of shape \(n,\)"),),
        bad_values=(Bad((np.array([0, -1, 2, 4, 6]),), "counts must be at least 0, got -1"),),
        exempt={
            "gradient": PIECEWISE,
            "strict": "the share of a count has the default dtype",
            "half": "counts are integers",
        },
    ),
    Row(
        name="observables.PhaseLabels",
        call=lambda c: observables.phase_labels(c).fraction,
        arguments=lambda: (np.array([0, 1, 2, 4, 6]),),
        differentiable=(),
        exempt={**CONTAINER, "strict": "the share of a count has the default dtype", "half": "counts are integers"},
    ),
]
