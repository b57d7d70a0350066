"""The contract of schools of fish: `simulators.FishSchool` and what is measured on them."""

import jax
import jax.numpy as jnp
import numpy as np

from entropax import observables, simulators
from entropax.simulators import FishSchool, FishState
from tests.contract.harness import Bad, Row

RNG = np.random.default_rng(20260207)
L = 6.0
X = RNG.random((7, 3)) * L
V = RNG.standard_normal((7, 3))
W = np.array(0.7)
STILL = V * (np.arange(7) != 2)[:, None]
LOST = np.where(np.arange(21).reshape(7, 3) == 4, np.nan, X)
FACTORISES = "the eigenvalues of small matrices have no half-precision kernel"
LINALG = {"half": FACTORISES}
NUMBERS = {
    "speed": 1.2,
    "repulsion_radius": 0.8,
    "orientation_radius": 1.6,
    "attraction_radius": 2.7,
    "max_turn": 0.4,
    "noise": 0.1,
    "blind_angle": 40.0,
    "orientation_weight": 0.6,
    "softness": 0.2,
}


def parameters(**changed):
    return {name: np.float64(value) for name, value in (NUMBERS | changed).items()}


def key():
    return jax.random.key(7)


def school(values, **options):
    return FishSchool(7, box_size=L, dt=0.1, **values, **options)


def step(values, x, v, key):
    return school(values, turn="slerp").prepared().step(FishState(x, v), key=key)


def of_positions(name, *, fewest, with_box=True, exempt=None, **more):
    function = getattr(observables, name)
    call = (lambda x, L, w: function(x, L, width=w)) if with_box else (lambda x, L, w: function(x, box_size=L) * w)
    return Row(
        name=f"observables.{name}",
        call=call,
        arguments=lambda: (X, np.array(L), W),
        differentiable=(0, 1, 2),
        bad_static=(
            Bad((X[:, :2], np.array(L), W), r"positions must have shape \(n, 3\), got \(7, 2\)"),
            *((Bad((X[: fewest - 1], np.array(L), W), f"positions must hold at least {fewest} fish"),) * (fewest > 1)),
        ),
        bad_values=(
            Bad((LOST, np.array(L), W), "positions must be finite, got nan"),
            Bad((X, np.array(-1.0), W), "box_size must be positive"),
        ),
        exempt=exempt or {},
        **more,
    )


def of_velocities(name, *, fewest):
    function = getattr(observables, name)
    return Row(
        name=f"observables.{name}",
        call=lambda v, w: function(v, width=w),
        arguments=lambda: (V, W),
        differentiable=(0, 1),
        bad_static=(
            Bad((V[:, :2], W), r"velocities must have shape \(n, 3\), got \(7, 2\)"),
            *((Bad((V[: fewest - 1], W), f"velocities must hold at least {fewest} fish"),) * (fewest > 1)),
        ),
        bad_values=(
            Bad((STILL, W), "velocities must be finite and not zero"),
            Bad((V, -W), "width must be positive"),
        ),
    )


BAD_SCHOOL = {
    "bad_static": (
        Bad((X[:, :2], V[:, :2], np.array(L)), r"positions must have shape \(n, 3\), got \(7, 2\)"),
        Bad((X, V[:6], np.array(L)), "velocities must have the shape of positions"),
    ),
    "bad_values": (
        Bad((LOST, V, np.array(L)), "positions must be finite"),
        Bad((X, STILL, np.array(L)), "velocities must be finite and not zero"),
        Bad((X, V, np.array(-1.0)), "box_size must be positive"),
    ),
}

ROWS = [
    Row(
        name="simulators.FishSchool.step",
        call=step,
        arguments=lambda: (parameters(), X, V, key()),
        differentiable=(0, 1, 2),
        bad_static=(Bad(lambda: (parameters(), X[:6], V, key()), r"positions must have shape \(7, 3\), got \(6, 3\)"),),
        bad_values=(
            Bad(
                lambda: (parameters(orientation_radius=0.5), X, V, key()),
                "radii must be ordered, .* got 0.8, 0.5, 2.7",
            ),
            Bad(lambda: (parameters(blind_angle=190.0), X, V, key()), "blind_angle must be in"),
            Bad(lambda: (parameters(noise=-0.1), X, V, key()), "noise must be non-negative"),
        ),
        exempt={"integer": "an integer state keeps its dtype, and steps need a floating one"},
        members=("prepared",),
    ),
    Row(
        name="simulators.FishSchool.desired_direction",
        call=lambda values, x, v: school(values, neighbors="tiles").desired_direction(FishState(x, v)),
        arguments=lambda: (parameters(), X, V),
        differentiable=(0, 1, 2),
        bad_static=(Bad(lambda: (parameters(), X, V[:6]), r"velocities must have shape \(7, 3\), got \(6, 3\)"),),
        bad_values=(Bad(lambda: (parameters(softness=-0.2), X, V), "softness must be positive"),),
        exempt={"integer": "an integer state keeps its dtype, and directions need a floating one"},
    ),
    Row(
        name="simulators.FishSchool.init",
        call=lambda values, R, key: school(values, start="torus", torus_radius=R).init(key=key),
        arguments=lambda: (parameters(), np.float64(1.5), key()),
        differentiable=(0, 1),
        bad_static=(Bad(lambda: (parameters(), np.float64(1.5), jnp.zeros(2)), "key must be a key", TypeError),),
        bad_values=(Bad(lambda: (parameters(), np.float64(-1.5), key()), "torus_radius must be positive"),),
    ),
    Row(
        name="simulators.FishState",
        call=FishState,
        arguments=lambda: (X, V),
        differentiable=(0, 1),
        exempt={
            "second_order": "a container: linear in what it holds",
            "bad_static": "a container, checked by the simulator's step",
            "bad_values": "a container, checked by the simulator's step",
            "integer": "a container: it keeps what it is given",
        },
    ),
    Row(
        name="simulators.turn_towards",
        call=lambda c, d, most: simulators.turn_towards(c, d, most),
        arguments=lambda: (V, X - L / 2, np.array(0.4)),
        differentiable=(0, 1, 2),
        bad_static=(
            Bad((V[:, :2], V[:, :2], np.array(0.4)), r"current must have shape \(n, 3\), got \(7, 2\)"),
            Bad((V, V[:5], np.array(0.4)), "desired must have the shape of current"),
        ),
        bad_values=(
            Bad((STILL, V, np.array(0.4)), "current must be finite and not zero"),
            Bad((V, X, np.array(-0.4)), "max_turn must be non-negative"),
        ),
    ),
    Row(
        name="observables.polarization",
        call=observables.polarization,
        arguments=lambda: (V,),
        bad_static=(Bad((V[0],), r"velocities must have shape \(n, d\), got \(3,\)"),),
        bad_values=(Bad((STILL,), "velocities must be finite and not zero"),),
        fast=True,
    ),
    *(
        Row(
            name=f"observables.{name}",
            call=lambda x, v, L, name=name: getattr(observables, name)(x, v, box_size=L),
            arguments=lambda: (X, V, np.array(L)),
            differentiable=differentiable,
            **BAD_SCHOOL,
        )
        for name, differentiable in (("rotation_order", (0, 1, 2)), ("order_index", (1,)))
    ),
    of_positions("school_spread", fewest=1, with_box=False),
    of_positions("cohesion_entropy", fewest=2),
    of_positions("depth_entropy", fewest=1, step=1e-6),
    of_positions("neighbor_variation_entropy", fewest=6),
    of_positions("shape_entropy", fewest=4, with_box=False, exempt=LINALG),
    of_velocities("polarization_entropy", fewest=1),
    of_velocities("velocity_correlation_entropy", fewest=2),
    Row(
        name="observables.angular_momentum_entropy",
        call=lambda x, v, L: observables.angular_momentum_entropy(x, v, box_size=L, width=0.7),
        arguments=lambda: (X, V, np.array(L)),
        differentiable=(0, 1, 2),
        **BAD_SCHOOL,
    ),
    Row(
        name="observables.schooling_entropies",
        call=lambda x, v, L: observables.schooling_entropies(x, v, L, width=0.7),
        arguments=lambda: (X, V, np.array(L)),
        differentiable=(0, 1, 2),
        exempt=LINALG,
        **BAD_SCHOOL,
    ),
    Row(
        name="observables.SchoolingEntropies",
        members=("stacked",),
        call=lambda values: observables.SchoolingEntropies(*values).stacked(),
        arguments=lambda: (np.linspace(0.1, 0.7, 7),),
        bad_static=(Bad((X,), "shape"),),
        exempt={
            "second_order": "a container: linear in what it holds",
            "bad_static": "a container of results, which only its function makes",
            "bad_values": "a container of results, which only its function makes",
            "integer": "a container: it keeps what it is given",
        },
    ),
    Row(
        name="observables.oceanic_schooling_index",
        call=lambda x, v, w: observables.oceanic_schooling_index(x, v, L, weights=w, width=0.7, periodic_center=True),
        arguments=lambda: (X, V, np.array(observables.INDEX_WEIGHTS)),
        differentiable=(0, 1, 2),
        bad_static=(
            Bad((X, V, np.ones(6)), r"weights must have shape \(7,\), got \(6,\)"),
            Bad((X[:5], V[:5], np.ones(7)), "positions must hold at least 6 fish, got 5"),
        ),
        bad_values=(Bad((X, STILL, np.ones(7)), "velocities must be finite and not zero"),),
        exempt=LINALG,
    ),
]
