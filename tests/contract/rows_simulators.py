"""The contract of `entropax.simulators`."""

import jax
import jax.numpy as jnp
import numpy as np

from entropax import simulators
from entropax.simulators import ActiveRing, Langevin, LinearLangevin
from tests.contract.harness import Bad, Row

A = np.array([[0.7, -0.5], [0.1, 0.3]])
D = np.array([0.2, 0.3])
X = np.array([1.2, -0.7])
RING = np.array([[1.9, 0.4], [9.0, -1.2]])
FACTORISES = "the factorisations of small matrices have no half-precision kernels"


def square(state):
    return jnp.sum(state**2)


def ring_parameters():
    ring = ActiveRing()
    names = ("speed", "stiffness", "persistence", "noise", "half_width", "radius", "beta", "dt")
    return {name: np.asarray(getattr(ring, name), np.float64) for name in names}


def run(A, x, key):
    system = LinearLangevin(A, jnp.asarray(D, x.dtype), dt=0.1)
    return simulators.simulate(system, x, 6, key=key, observe=square, every=3)


def key():
    return jax.random.key(3)


def spring(x):
    return -x


ROWS = [
    Row(
        name="simulators.simulate",
        call=run,
        arguments=lambda: (A, X, key()),
        differentiable=(0, 1),
        bad_static=(
            Bad(lambda: (A, X, jnp.zeros(2, jnp.uint32)), "key must be a key", TypeError),
            Bad(lambda: (A[:1], X, key()), r"drift_matrix must have shape \(d, d\)"),
        ),
        bad_values=(Bad(lambda: (-A, X, key()), "drift_matrix must be stable"),),
        exempt={"half": FACTORISES, "integer": "an integer state keeps its dtype, and steps need a floating one"},
        fast=True,
    ),
    Row(
        name="simulators.stationary_covariance",
        call=simulators.stationary_covariance,
        arguments=lambda: (A, D),
        differentiable=(0, 1),
        bad_static=(
            Bad((A[:1], D), r"drift_matrix must have shape \(d, d\)"),
            Bad((A, np.ones(3)), r"diffusion must have shape \(2,\) or \(2, 2\)"),
        ),
        bad_values=(Bad((-A, D), "drift_matrix must be stable"), Bad((A, -D), "must be non-negative")),
        exempt={"half": FACTORISES},
    ),
    Row(
        name="simulators.LinearLangevin.step",
        call=lambda A, D, x, key: LinearLangevin(A, D, dt=0.2).step(x, key=key),
        arguments=lambda: (A, D, X, key()),
        differentiable=(0, 1, 2),
        bad_static=(Bad(lambda: (A, np.ones(3), X, key()), r"diffusion must have shape \(2,\) or \(2, 2\)"),),
        bad_values=(Bad(lambda: (-A, D, X, key()), "drift_matrix must be stable"),),
        exempt={"half": FACTORISES, "integer": "an integer state keeps its dtype, and steps need a floating one"},
    ),
    Row(
        name="simulators.LinearLangevin.init",
        call=lambda A, D, key: LinearLangevin(A, D, dt=0.2).init(key=key, shape=(3,)),
        arguments=lambda: (A, D, key()),
        differentiable=(0, 1),
        bad_static=(Bad(lambda: (A, D, jnp.zeros(2, jnp.uint32)), "key must be a key", TypeError),),
        bad_values=(Bad(lambda: (A, -D, key()), "must be non-negative"),),
        exempt={"half": FACTORISES},
    ),
    Row(
        name="simulators.Langevin.step",
        call=lambda D, dt, x, key: Langevin(spring, D, dt=dt, initial=jnp.zeros(2)).step(x, key=key),
        arguments=lambda: (D, np.float64(0.05), X, key()),
        differentiable=(0, 1, 2),
        bad_static=(Bad(lambda: (D * 1j, np.float64(0.05), X, key()), "diffusion must be real", TypeError),),
        bad_values=(
            Bad(lambda: (-D, np.float64(0.05), X, key()), "diffusion must be non-negative"),
            Bad(lambda: (D, np.float64(0.0), X, key()), "dt must be positive"),
        ),
        exempt={"integer": "an integer state keeps its dtype, and steps need a floating one"},
    ),
    Row(
        name="simulators.ActiveRing.step",
        call=lambda parameters, z, key: ActiveRing(**parameters).step(z, key=key),
        arguments=lambda: (ring_parameters(), RING, key()),
        differentiable=(0, 1),
        bad_static=(Bad(lambda: ({"speed": np.array(1j)}, RING, key()), "speed must be real", TypeError),),
        bad_values=(
            Bad(
                lambda: (ring_parameters() | {"persistence": np.float64(-0.1)}, RING, key()), "persistence must be pos"
            ),
        ),
        exempt={"integer": "an integer state keeps its dtype, and steps need a floating one"},
    ),
    Row(
        name="simulators.ActiveRing.drift_divergence",
        call=lambda parameters, z: ActiveRing(**parameters).drift_divergence(z),
        arguments=lambda: (ring_parameters(), RING),
        differentiable=(0, 1),
        bad_static=(Bad(lambda: ({"speed": np.array(1j)}, RING), "speed must be real", TypeError),),
        bad_values=(
            Bad(
                lambda: (ring_parameters() | {"half_width": np.float64(1.0)}, RING), "half_width - 2 radius must be pos"
            ),
        ),
        exempt={"integer": "an integer state keeps its dtype, and a drift needs a floating one"},
    ),
    Row(
        name="simulators.ornstein_uhlenbeck_step",
        call=simulators.ornstein_uhlenbeck_step,
        arguments=lambda: (X, np.float64(0.3), np.float64(0.1), np.array([0.4, -1.1])),
        differentiable=(0, 1, 2, 3),
        exempt={
            "integer": "it steps what a simulator has checked and converted",
            "bad_static": "it steps what a simulator has checked and converted",
            "bad_values": "it steps what a simulator has checked and converted",
        },
    ),
    Row(
        name="simulators.to_dataset",
        call=lambda x: simulators.to_dataset({"x": x}, times=np.arange(2.0)),
        arguments=lambda: (X,),
        differentiable=(),
        bad_static=(Bad((X[:1],), r"x must have shape \(2, ...\), one row for each time, got \(1,\)"),),
        exempt={"traced": "it takes finished observations to xarray on the host"},
    ),
    Row(
        name="simulators.Simulator",
        members=("prepared",),
        call=lambda x: Langevin(spring, x, dt=0.1, initial=x).prepared().step(x, key=key()),
        arguments=lambda: (X**2,),
        bad_static=(Bad((X * 1j,), "diffusion must be real", TypeError),),
        bad_values=(Bad((-(X**2),), "diffusion must be non-negative"),),
        exempt={"integer": "an integer state keeps its dtype, and steps need a floating one"},
    ),
]
