"""Rows of the methods that classes have beside what their other rows hold, one call for several of them."""

import jax.numpy as jnp
import numpy as np

from entropax import simulators, space
from entropax.simulators import ActiveRing, Langevin, LinearLangevin
from tests.contract.harness import Bad, Row
from tests.contract.rows_active_matter import MANY, TABLE_DTYPE, X, swimmers
from tests.contract.rows_simulators import FACTORISES, RING, A, D, key, ring_parameters, spring

INTEGER_STATE = "an integer state keeps its dtype, and a drift needs a floating one"
POINT = np.array([1.2, -0.7])
NO_KEY = jnp.zeros(2, jnp.uint32)
V0, K = np.array(0.3), np.array(2.5)


def linear_parts(A, D, x):
    """Everything that a linear system knows in closed form."""
    system = LinearLangevin(A, D, dt=0.2)
    return (
        system.drift(x),
        system.drift_divergence(x),
        system.vector_field(0.0, x),
        system.stationary_covariance(),
        system.transition(),
        system.prepared().step(x, key=key()),
    )


def ring_parts(parameters, z):
    """Forces and symmetry of the ring."""
    ring = ActiveRing(**parameters)
    x = z[..., 0]
    return ring.drift(z)[..., 0], ring.force(x), ring.force_slope(x), ring.activity(x), ring.mirror(z)[..., 0]


def swimmer_parts(v, k, x):
    """Forces, speeds and noise of swimmers."""
    system = swimmers(v, k)
    return system.pair_force(x), system.activity(x), system.diffusion, system.prepared().speed


def tabulated(x):
    """Twelve swimmers with a table, in a box of 24."""
    half = np.full(2, 12.0, x.dtype)
    return simulators.ActiveSwimmers(12, speed=0.3, box=space.PeriodicBox(-half, half), radius=0.5, neighbors="table")


ROWS = [
    Row(
        name="simulators.LinearLangevin.drift",
        members=("drift_divergence", "vector_field", "stationary_covariance", "transition", "prepared"),
        call=linear_parts,
        arguments=lambda: (A, D, POINT),
        differentiable=(0, 1, 2),
        bad_static=(Bad((A, np.ones(3), POINT), r"diffusion must have shape \(2,\) or \(2, 2\)"),),
        bad_values=(Bad((A, -D, POINT), "must be non-negative"),),
        exempt={"half": FACTORISES, "integer": INTEGER_STATE},
    ),
    Row(
        name="simulators.Langevin.vector_field",
        members=("prepared",),
        call=lambda D, x: Langevin(spring, D, dt=0.1, initial=x).prepared().vector_field(0.0, x),
        arguments=lambda: (D, POINT),
        differentiable=(1,),
        bad_static=(Bad((D * 1j, POINT), "diffusion must be real", TypeError),),
        exempt={
            "bad_values": "the noise has no part in it; those of a step are held by its row",
            "integer": INTEGER_STATE,
        },
    ),
    Row(
        name="simulators.Langevin.init",
        call=lambda x, key: Langevin(spring, D, dt=0.1, initial=x).init(key=key),
        arguments=lambda: (POINT, key()),
        bad_static=(Bad(lambda: (POINT, NO_KEY), "key must be a key", TypeError),),
        exempt={"bad_values": "any state may be the first"},
    ),
    Row(
        name="simulators.ActiveRing.drift",
        members=("force", "force_slope", "activity", "mirror"),
        call=ring_parts,
        arguments=lambda: (ring_parameters(), RING),
        differentiable=(0, 1),
        bad_static=(Bad(({"speed": np.array(1j)}, RING), "speed must be real", TypeError),),
        bad_values=(Bad((ring_parameters() | {"beta": np.float64(-1.0)}, RING), "beta must be pos"),),
        select=lambda parts: parts[:3],  # activity and symmetry do not depend on the force's parameters
        exempt={"integer": INTEGER_STATE},
    ),
    Row(
        name="simulators.ActiveRing.init",
        members=("prepared", "diffusion"),
        call=lambda parameters, key: (
            (ring := ActiveRing(**parameters).prepared()).init(key=key, shape=(3,))[..., 0],
            ring.diffusion,
        ),
        arguments=lambda: (ring_parameters(), key()),
        bad_static=(Bad(lambda: (ring_parameters(), NO_KEY), "key must be a key", TypeError),),
        select=lambda parts: parts[0],  # propulsions and the noise depend on other parameters
        bad_values=(Bad(lambda: (ring_parameters() | {"half_width": np.float64(np.nan)}, key()), "half_width"),),
    ),
    Row(
        name="simulators.ActiveSwimmers.pair_force",
        members=("activity", "diffusion", "prepared"),
        call=swimmer_parts,
        arguments=lambda: (V0, K, X),
        differentiable=(0, 1, 2),
        bad_static=(Bad((V0, K, X[:3]), r"positions must have shape \(4, 2\)"),),
        bad_values=(Bad((np.array(np.nan), K, X), "speed must be finite"),),
        exempt={"half": TABLE_DTYPE, "integer": TABLE_DTYPE},
    ),
    Row(
        name="simulators.ActiveSwimmers.init",
        call=lambda v, k, key: swimmers(v, k).init(key=key).phase,
        arguments=lambda: (V0, K, key()),
        differentiable=(),
        bad_static=(Bad(lambda: (V0, K, NO_KEY), "key must be a key", TypeError),),
        exempt={
            "gradient": "it draws from a law that depends on the box alone",
            "bad_values": "those of the parameters are held by the row of its step",
            "half": TABLE_DTYPE,
        },
    ),
    Row(
        name="simulators.ActiveSwimmers.table",
        call=lambda x: tabulated(x).table(x).pairs,
        arguments=lambda: (MANY,),
        differentiable=(),
        bad_static=(Bad((MANY[0],), r"positions must have shape \(n, d\)"),),
        exempt={
            "gradient": "piecewise constant: indices have no gradient",
            "bad_values": "it returns integers: a table of positions outside reports an overflow under jit",
            "half": TABLE_DTYPE,
        },
    ),
    Row(
        name="space.SpectralGrid.points",
        members=("spacing", "wavenumbers", "ndim"),
        call=lambda scale: (
            (grid := space.SpectralGrid(space.PeriodicBox(-scale, scale), (4, 5))).points,
            grid.spacing,
            grid.wavenumbers(0),
            grid.wavenumbers(1, odd=True),
            jnp.full((), grid.ndim),
        ),
        arguments=lambda: (np.array([2.0, 3.0]),),
        bad_static=(Bad((np.ones(3),), "shape must have one entry"),),
        bad_values=(Bad((-np.ones(2),), "upper - lower must be positive"),),
    ),
    Row(
        name="space.FreeSpace.wrap",
        members=("contains",),
        call=lambda x: (space.FreeSpace().wrap(x), space.FreeSpace().contains(x)),
        arguments=lambda: (X,),
        exempt={"bad_static": "points of any shape are in free space", "bad_values": "so are all their values"},
    ),
    Row(
        name="space.PeriodicBox.extent",
        members=("ndim",),
        call=lambda lower, upper: (
            (box := space.PeriodicBox(lower, upper)).extent,
            jnp.full((), box.ndim),
        ),
        arguments=lambda: (np.array([-3.0, -2.0]), np.array([3.0, 2.5])),
        differentiable=(0, 1),
        bad_static=(Bad((np.zeros(2), np.ones(1)), "upper must have the shape of lower"),),
        bad_values=(Bad((np.ones(2), np.zeros(2)), "upper - lower must be positive"),),
    ),
]
