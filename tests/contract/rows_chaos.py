"""The contract of `entropax.simulators.chaos`. All 135 systems are held together in test_chaos_benchmark_systems.py."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from entropax.simulators import chaos
from tests.contract.harness import Bad, Row

Y = np.array([6.5, 0.48, 0.34])
P = {"a": np.float64(0.2), "b": np.float64(0.2), "c": np.float64(5.7)}
Z = np.array([0.9])
D = {"beta": np.float64(0.2), "gamma": np.float64(0.1), "n": np.float64(9.0)}
FLOATING = "an integer state keeps its dtype, and a rate needs a floating one"
NO_VALUES = "every finite state and parameter is valid"
REVERSE_ONLY = "diffrax's default adjoint serves reverse mode; adjoint=diffrax.ForwardMode() serves forward mode"
STRINGS = "its argument is a string; tests/simulators/test_chaos.py holds its errors"
NUMBERS = "its checks are of static numbers; tests/simulators/test_chaos.py holds its errors"
HALF = "an adaptive solver has no tolerance in half precision"


def key():
    return jax.random.key(3)


def system(name, parameters, y):
    return chaos.get_system(name, dtype=jnp.result_type(y)).with_parameters(**parameters)


def named(chaotic, name, dimension):
    assert (chaotic.name, chaotic.dimension) == (name, dimension)
    return chaotic.prepared()


def flow_parts(parameters, y):
    flow = named(system("Rossler", parameters, y), "Rossler", 3)
    return flow.vector_field(0.0, y), flow.bounded(y)


def delay_parts(parameters, y, delayed):
    moving = named(system("MackeyGlass", parameters, y), "MackeyGlass", 1)
    return moving.vector_field(0.0, y, delayed), moving.bounded(y)


def delay_state_parts(parameters, y, steps):
    state = short(parameters, y).init(key=key()).kicked(0.1 * y)
    return state.position, state.at(steps)


def flow_step(parameters, y, key):
    flow = system("Rossler", parameters, y)
    return flow.step(chaos.FlowState(jnp.zeros_like(flow.dt), y), key=key)


def short(parameters, y):
    """A delay system whose history fits in a few grid points."""
    whole = system("MackeyGlass", parameters, y)
    return dataclasses.replace(whole, dt=jnp.asarray(4.0, y.dtype), history_length=6, initial_conditions=y)


def delay_step(parameters, y, key):
    moving = short(parameters, y)
    return moving.step(moving.init(key=key), key=key).position


def with_period(period):
    return dataclasses.replace(chaos.get_system("Rossler", dtype=period.dtype), period=period)


def circuit(parameters, y):
    return dataclasses.replace(system("PiecewiseCircuit", parameters, y), initial_conditions=y)


ROWS = [
    Row(
        name="simulators.chaos.system_names",
        call=chaos.system_names,
        arguments=lambda: (),
        differentiable=(),
        exempt={"traced": "it returns names", "bad_static": STRINGS},
        fast=True,
    ),
    Row(
        name="simulators.chaos.get_system",
        call=lambda: chaos.get_system("Lorenz"),
        arguments=lambda: (),
        differentiable=(),
        exempt={"traced": "it looks a name up", "bad_static": STRINGS},
        fast=True,
    ),
    Row(
        name="simulators.chaos.ChaoticSystem.with_parameters",
        members=("name", "dimension", "prepared"),
        call=lambda p: named(system("Rossler", p, p["a"]), "Rossler", 3).parameters,
        arguments=lambda: (P,),
        bad_static=(
            Bad(({"rho": np.float64(1.0)} | P,), "a parameter of Rossler must be one of 'a', 'b', 'c', got 'rho'"),
            Bad((P | {"c": Y},), r"c must have shape \(\), got \(3,\)"),
        ),
        exempt={"integer": FLOATING, "bad_values": NO_VALUES},
        fast=True,
    ),
    Row(
        name="simulators.chaos.ChaoticFlow.vector_field",
        members=("with_parameters", "name", "dimension", "prepared", "bounded"),
        call=flow_parts,
        arguments=lambda: (P, Y),
        differentiable=(0, 1),
        bad_static=(Bad((P, Y[:2]), r"y must have shape \(3,\), got \(2,\)"),),
        exempt={"integer": FLOATING, "bad_values": NO_VALUES},
    ),
    Row(
        name="simulators.chaos.ChaoticFlow.step",
        call=flow_step,
        arguments=lambda: (P, Y, key()),
        differentiable=(0, 1),
        bad_static=(Bad(lambda: (P, Y[:2], key()), r"y must have shape \(3,\)"),),
        exempt={"integer": FLOATING, "bad_values": NO_VALUES},
    ),
    Row(
        name="simulators.chaos.ChaoticFlow.init",
        call=lambda key: chaos.get_system("Rossler").init(key=key).position,
        arguments=lambda: (key(),),
        differentiable=(),
        bad_static=(Bad(lambda: (jnp.zeros(2, jnp.uint32),), "key must be a key", TypeError),),
        exempt={
            "gradient": "the starting point is fixed",
            "strict": "it has no floating argument: its dtype is the system's",
            "vmap": "it has no argument to batch",
            "half": "it has no floating argument",
            "bad_values": NO_VALUES,
        },
    ),
    Row(
        name="simulators.chaos.ChaoticSystem.bounded",
        call=lambda y: chaos.get_system("Duffing", dtype=jnp.result_type(y)).bounded(y),
        arguments=lambda: (Y,),
        exempt={
            "integer": FLOATING,
            "bad_static": "its state may have any leading axes",
            "bad_values": NO_VALUES,
        },
    ),
    Row(
        name="simulators.chaos.FlowState.kicked",
        call=lambda y, kick: chaos.FlowState(jnp.zeros_like(y[0]), y).kicked(kick).position,
        arguments=lambda: (Y, 0.1 * Y),
        differentiable=(0, 1),
        exempt={
            "integer": FLOATING,
            "bad_static": "it adds what a noisy system has drawn",
            "bad_values": NO_VALUES,
        },
    ),
    Row(
        name="simulators.chaos.DelaySystem.vector_field",
        members=("with_parameters", "name", "dimension", "prepared", "bounded"),
        call=delay_parts,
        arguments=lambda: (D, Z, 0.8 * Z),
        differentiable=(0, 1, 2),
        bad_static=(
            Bad((D, Y, Z), r"y must have shape \(1,\), got \(3,\)"),
            Bad((D, Z, Y), r"delayed must have shape \(1,\)"),
        ),
        exempt={"integer": FLOATING, "bad_values": NO_VALUES},
    ),
    Row(
        name="simulators.chaos.DelaySystem.step",
        members=("init",),
        call=delay_step,
        arguments=lambda: (D | {"tau": np.float64(14.0)}, Z, key()),
        differentiable=(0, 1),
        bad_static=(
            Bad(
                lambda: (D | {"tau": np.float64(14.0)}, Z, jnp.zeros(2, jnp.uint32)),
                "key must be a key",
                TypeError,
            ),
        ),
        exempt={
            "integer": FLOATING,
            "half": "an index and times of half precision cannot hold a history",
            "bad_values": "a delay that the history does not hold makes the state NaN, as the docstring says",
        },
    ),
    Row(
        name="simulators.chaos.DelayState.at",
        members=("position", "kicked"),
        call=delay_state_parts,
        arguments=lambda: (D | {"tau": np.float64(14.0)}, Z, np.float64(-0.4)),
        differentiable=(1, 2),
        exempt={
            "integer": FLOATING,
            "half": "an index and times of half precision cannot hold a history",
            "bad_static": "it reads what init has made",
            "bad_values": "beyond the history its outermost cubic goes on",
        },
    ),
    Row(
        name="simulators.chaos.sample_times",
        call=lambda period: chaos.sample_times(with_period(period), 5, points_per_period=2),
        arguments=lambda: (np.float64(1.5),),
        exempt={"integer": FLOATING, "bad_static": NUMBERS, "bad_values": NO_VALUES},
    ),
    Row(
        name="simulators.chaos.trajectory",
        call=lambda p, y: chaos.trajectory(
            system("Rossler", p, y), 12, points_per_period=12, initial_conditions=y, standardize=True, rtol=1e-12
        ),
        arguments=lambda: (P, Y),
        differentiable=(0, 1),
        bad_static=(Bad((P, Y[:2]), r"initial_conditions must have shape \(3,\), got \(2,\)"),),
        bad_values=(Bad((P, np.full(3, np.nan)), "initial_conditions must be finite"),),
        exempt={
            "forward": REVERSE_ONLY,
            "second_order": REVERSE_ONLY,
            "half": HALF,
            "integer": FLOATING,
            "leaks": "jax.checking_leaks crashes diffrax's loops",
        },
        rtol=1e-4,  # the adaptive steps are chosen anew for displaced arguments
        slow=True,
    ),
    Row(
        name="simulators.chaos.ensemble_trajectories",
        call=lambda p, y: chaos.ensemble_trajectories(
            [system("Rossler", p, y), chaos.get_system("SprottA", dtype=jnp.result_type(y))],
            6,
            points_per_period=6,
            initial_conditions=y,
            rtol=1e-12,
        ),
        arguments=lambda: (P, np.stack([Y, Y / 5])),
        differentiable=(0, 1),
        bad_static=(Bad((P, Y), r"initial_conditions must have shape \(2, 3\), got \(3,\)"),),
        bad_values=(Bad((P, np.full((2, 3), np.nan)), "initial_conditions must be finite"),),
        exempt={
            "forward": REVERSE_ONLY,
            "second_order": REVERSE_ONLY,
            "half": HALF,
            "integer": FLOATING,
            "leaks": "jax.checking_leaks crashes diffrax's loops",
        },
        rtol=1e-4,
        slow=True,
    ),
    Row(
        name="simulators.chaos.delay_trajectory",
        call=lambda p, y: chaos.delay_trajectory(circuit(p, y), 3, points_per_period=100, embedding=2),
        arguments=lambda: ({"alpha": np.float64(0.9), "beta": np.float64(1.1), "tau": np.float64(4.5)}, Z),
        differentiable=(0, 1),
        exempt={"half": HALF, "integer": FLOATING, "bad_static": NUMBERS, "bad_values": NO_VALUES},
        slow=True,
    ),
]
