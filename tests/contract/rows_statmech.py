"""Rows of maximum entropy, path ensembles, work relations and the ion channel."""

import jax
import jax.numpy as jnp
import numpy as np

from entropax import information, simulators, thermodynamics
from entropax.simulators import ChannelPotential, ChannelState, IonChannel
from tests.contract.harness import Bad, Row, simplex

RNG = np.random.default_rng(31)
F, Q = RNG.standard_normal((5, 2)), RNG.dirichlet(np.full(5, 3.0))
TARGETS, LAM = np.array([0.1, -0.2]), np.array([0.3, -0.4])
T, P0 = RNG.dirichlet(np.full(3, 2.0), 3), np.array([0.5, 0.2, 0.3])
T2 = RNG.dirichlet(np.full(3, 2.0), (2, 3))
J, K = RNG.standard_normal((3, 3)), RNG.uniform(0.5, 2.0, (3, 3))
STEPS, NUMBER = np.array([0.3, -0.2, 0.5]), np.array(0.4)
W, BACK = RNG.normal(0.5, 1.0, 6), RNG.normal(0.5, 1.0, 5)
PATH = RNG.standard_normal((4, 2))
X = np.array([0.3, -1.2])
BETA = np.array(1.3)
NOT_ONE, NOT_TWO = 1.2 * P0, 2 * T

NO_KERNELS = "linear algebra has no bfloat16 kernels: the fault is JAX's and says so"
LINALG = {"half": NO_KERNELS}
INTEGERS = {"integer": "integers make no distribution with more than one state in it"}
INTEGER_STATE = {"integer": "an integer state keeps its dtype, and rates need a floating one"}
HOLDS = {
    "gradient": "a container: the gradients are those of the function that fills it",
    "bad_values": "a container of results, which only its function makes",
    "bad_static": "a container of results, which only its function makes",
}


def key():
    return jax.random.key(5)


def spring(x):
    return -x


def parameters():
    """A channel of two sites."""
    return {
        "energies": np.array([0.3, -0.2]),
        "repulsion": np.array([[0.0, 0.7], [0.0, 0.0]]),
        "electrical_distance": np.array([0.3, 0.6]),
        "attempts": np.array([1.0, 0.8, 1.2]),
        "chemical_potentials": np.array([0.4, 0.1]),
        "voltage": np.array(-0.5),
    }


def channel(given, **more):
    return IonChannel(**{"dt": 0.7, **given}, max_jumps=4, **more)


def reference(dtype):
    """The channel whose jumps are drawn."""
    dtype = dtype if jnp.issubdtype(dtype, jnp.floating) else jnp.result_type(float)
    return channel({name: jnp.asarray(value, dtype) for name, value in parameters().items()})


def stepped(given):
    drawn = reference(jnp.result_type(given["energies"]))
    start = drawn.init(key=key())
    return channel(given, proposal=drawn).step(start, key=key())


def linear_parts(given):
    c = channel(given).prepared()
    return c.affinity, c.rate_matrix(), c.jump_rates(jnp.asarray([1.0, 0.0], c.energies.dtype)), c.crossing_matrix(1)


def potential(depths, centers, width):
    return ChannelPotential(depths, centers, width=width, stiffness=0.7 * width, field=0.2 * width)


PATHS = {
    "arguments": lambda: (T, P0, J, STEPS),
    "differentiable": (0, 1, 2, 3),
    "project": {0: simplex, 1: simplex},
    "bad_static": (
        Bad((T[:2], P0, J, STEPS), r"transition must have shape \(n, n\) or \(t, n, n\)"),
        Bad((T, P0, J[:2], STEPS), r"observable must have shape \(3, 3\)"),
        Bad((T, P0, J, STEPS[:, None]), r"multipliers must have shape \(t,\)"),
    ),
    "bad_values": (Bad((NOT_TWO, P0, J, STEPS), "transition must be non-negative and sum"),),
}
JUMPS = {
    "arguments": lambda: (K, J, NUMBER),
    "differentiable": (0, 1, 2),
    "bad_static": (
        Bad((K[:2], J, NUMBER), r"rates must have shape \(n, n\)"),
        Bad((K, J, STEPS), r"multipliers must have shape \(\)"),
    ),
    "bad_values": (Bad((-K, J, NUMBER), "rates must be non-negative"),),
    "exempt": LINALG,
}

ROWS = [
    Row(
        name="information.log_partition",
        call=information.log_partition,
        arguments=lambda: (F, LAM, Q),
        differentiable=(0, 1, 2),
        project={2: simplex},
        bad_static=(Bad((F, LAM[:1], Q), r"multipliers must have shape \(2,\)"),),
        bad_values=(Bad((F, LAM, 2 * Q), "prior must be non-negative and sum to one"),),
        fast=True,
    ),
    Row(
        name="information.tilt",
        call=information.tilt,
        arguments=lambda: (F, LAM, Q),
        differentiable=(0, 1, 2),
        project={2: simplex},
        bad_static=(Bad((F[0], LAM, Q), r"features must have shape \(n, k\)"),),
        bad_values=(Bad((np.nan * F, LAM, Q), "features must be finite"),),
    ),
    Row(
        name="information.maximum_entropy",
        call=information.maximum_entropy,
        arguments=lambda: (F, TARGETS, Q),
        differentiable=(0, 1, 2),
        project={2: simplex},
        select=lambda s: (s.value, s.probabilities, s.multipliers, s.log_partition, s.divergence),
        bad_static=(Bad((F, TARGETS[:1], Q), r"targets must have shape \(2,\)"),),
        bad_values=(Bad((F, TARGETS, -Q), "prior must be non-negative and sum to one"),),
        exempt=LINALG,
    ),
    Row(
        name="information.MaximumEntropy",
        call=lambda x: information.MaximumEntropy(
            x, x[None], x[None], x, x, x, jnp.int32(1), x > 0, x > 0, jnp.int32(1)
        ),
        arguments=lambda: (NUMBER,),
        differentiable=(),
        exempt=HOLDS,
    ),
    Row(
        name="information.jump_stationary_distribution",
        call=information.jump_stationary_distribution,
        arguments=lambda: (K,),
        bad_static=(Bad((K[:2],), r"rates must have shape \(n, n\)"),),
        bad_values=(Bad((-K,), "rates must be non-negative"),),
        exempt=LINALG,
    ),
    Row(name="thermodynamics.process_free_energy", call=thermodynamics.process_free_energy, **PATHS),
    Row(name="thermodynamics.path_mean", call=thermodynamics.path_mean, **PATHS),
    Row(name="thermodynamics.path_covariance", call=thermodynamics.path_covariance, **PATHS),
    Row(
        name="thermodynamics.maxcal_transition",
        call=thermodynamics.maxcal_transition,
        arguments=lambda: (T, J, NUMBER),
        differentiable=(0, 1, 2),
        project={0: simplex},
        bad_static=(Bad((T, J, STEPS), r"multipliers must have shape \(\)"),),
        bad_values=(Bad((NOT_TWO, J, NUMBER), "transition must be non-negative and sum"),),
    ),
    Row(name="thermodynamics.scgf", call=thermodynamics.scgf, **JUMPS),
    Row(name="thermodynamics.maxcal_rates", call=thermodynamics.maxcal_rates, **JUMPS),
    Row(
        name="thermodynamics.markov_entropy_production",
        call=thermodynamics.markov_entropy_production,
        arguments=lambda: (K,),
        bad_static=(Bad((K[:2],), r"rates must have shape \(n, n\)"),),
        bad_values=(Bad((-K,), "rates must be non-negative"),),
        exempt=LINALG,
    ),
    Row(
        name="thermodynamics.information_loss",
        call=lambda T, p, back: thermodynamics.information_loss(T, p, back, mirror=np.array([1, 0, 2])),
        arguments=lambda: (T2, P0, T2[::-1]),
        differentiable=(0, 1, 2),
        project={0: simplex, 1: simplex, 2: simplex},
        bad_static=(Bad((T2, P0, T), r"reversed_transition must have shape \(2, 3, 3\)"),),
        bad_values=(
            Bad((T2, NOT_ONE, T2), "initial must be non-negative and sum to one"),
            Bad((T2, P0, 2 * T2), "reversed_transition must be non-negative"),
        ),
    ),
    Row(
        name="thermodynamics.onsager_machlup",
        call=lambda x, D, dt: thermodynamics.onsager_machlup(x, spring, D, dt),
        arguments=lambda: (PATH, np.array([0.4, 0.7]), np.array(0.1)),
        differentiable=(0, 1, 2),
        bad_static=(Bad((PATH[:1], np.ones(2), np.array(0.1)), r"path must have shape \(t, ...\) with t >= 2"),),
        bad_values=(
            Bad((PATH, -np.ones(2), np.array(0.1)), "diffusion must be positive"),
            Bad((np.nan * PATH, np.ones(2), np.array(0.1)), "path must be finite"),
        ),
    ),
    Row(
        name="thermodynamics.jarzynski",
        call=thermodynamics.jarzynski,
        arguments=lambda: (W, BETA),
        differentiable=(0, 1),
        bad_static=(Bad((W[:1], BETA), r"work must have shape \(n,\) with n >= 2"),),
        bad_values=(Bad((W, -BETA), "beta must be positive"),),
    ),
    Row(
        name="thermodynamics.crooks",
        call=thermodynamics.crooks,
        arguments=lambda: (W, BACK, BETA),
        differentiable=(0, 1, 2),
        select=lambda estimate: (estimate.value, estimate.standard_error),
        bad_static=(Bad((W, BACK[:1], BETA), r"work_reverse must have shape \(n,\) with n >= 2"),),
        bad_values=(Bad((W * np.nan, BACK, BETA), "work_forward must be finite"),),
    ),
    Row(
        name="thermodynamics.dragged_trap_work",
        call=thermodynamics.dragged_trap_work,
        arguments=lambda: tuple(np.array([2.0, 0.7, 1.5, 0.9, 1.2])),
        differentiable=(0, 1, 2, 3, 4),
        bad_static=(Bad((W, *np.ones(4)), "stiffness must be a number"),),
        bad_values=(Bad(tuple(np.array([2.0, 0.7, -1.5, 1.0, 1.0])), "time must be non-negative"),),
    ),
    *(
        Row(name=f"thermodynamics.{name}", call=call, arguments=lambda: (NUMBER,), differentiable=(), exempt=HOLDS)
        for name, call in (
            ("InformationLoss", lambda x: thermodynamics.InformationLoss(x, x, x, x[None])),
            ("JarzynskiEstimate", lambda x: thermodynamics.JarzynskiEstimate(x, x, x)),
            ("CrooksEstimate", lambda x: thermodynamics.CrooksEstimate(x, x, x > 0, jnp.int32(1))),
        )
    ),
    Row(
        name="simulators.occupation_states",
        call=lambda x: simulators.occupation_states(2) * (1 if x.ndim else 0),
        arguments=lambda: (X,),
        differentiable=(),
        exempt={
            "gradient": "a table of integers",
            "bad_static": "its arguments are Python integers, which its own test holds",
            "bad_values": "its arguments are Python integers, which its own test holds",
            "vmap": "it takes no array",
        },
    ),
    Row(
        name="simulators.channel_log_weights",
        call=lambda mu, e, w, V, z: simulators.channel_log_weights(simulators.occupation_states(2), mu, e, w, V, z),
        arguments=lambda: (NUMBER, X, np.array([[0.0, 0.7], [0.0, 0.0]]), NUMBER, np.array([0.3, 0.6])),
        differentiable=(0, 1, 2, 3, 4),
        bad_static=(Bad((NUMBER, X[:1], np.zeros((2, 2)), NUMBER, X), r"energies must have shape \(2,\)"),),
        bad_values=(Bad((NUMBER, np.inf * X, np.zeros((2, 2)), NUMBER, X), "energies must be finite"),),
    ),
    Row(
        name="simulators.ChannelState",
        call=lambda x: ChannelState(x[1:], x, x[0], x[0] > 0),
        arguments=lambda: (X,),
        differentiable=(),
        exempt=HOLDS,
    ),
    Row(
        name="simulators.IonChannel.step",
        call=stepped,
        arguments=lambda: (parameters() | {"voltage": np.array(-0.3)},),
        select=lambda state: state.log_weight,
        bad_static=(Bad(lambda: (parameters() | {"attempts": X},), r"attempts must have shape \(3,\)"),),
        bad_values=(Bad(lambda: (parameters() | {"attempts": -np.ones(3)},), "attempts must be positive"),),
        exempt=INTEGER_STATE,
    ),
    Row(
        name="simulators.IonChannel.init",
        call=lambda given, key: channel(given).init(key=key),
        arguments=lambda: (parameters(), key()),
        differentiable=(),
        bad_static=(Bad(lambda: (parameters(), jnp.zeros(2, jnp.uint32)), "key must be a key", TypeError),),
        exempt={
            "gradient": "occupations are drawn: piecewise constant",
            "bad_values": "those of the parameters are held by the row of its step",
        },
    ),
    Row(
        name="simulators.IonChannel.rate_matrix",
        members=("prepared", "affinity", "jump_rates", "crossing_matrix"),
        call=linear_parts,
        arguments=lambda: (parameters(),),
        select=lambda parts: parts[:3],  # the crossings are integers
        bad_static=(Bad(lambda: (parameters() | {"energies": X[:1]},), r"energies must have shape \(k,\)"),),
        exempt={"bad_values": "those of the parameters are held by the row of its step"},
    ),
    Row(
        name="simulators.IonChannel.current",
        call=lambda given: channel(given).current(),
        arguments=lambda: (parameters(),),
        bad_static=(Bad(lambda: (parameters() | {"voltage": X},), "voltage must be a number"),),
        bad_values=(Bad(lambda: (parameters() | {"voltage": np.array(np.nan)},), "voltage must be finite"),),
        exempt=LINALG,
    ),
    Row(
        name="simulators.ChannelPotential.energy",
        members=("force",),
        call=lambda d, c, w, x: ((u := potential(d, c, w)).energy(x), u.force(x), u(x)),
        arguments=lambda: (np.array([2.0, 1.0]), np.array([-1.0, 1.5]), np.array(0.6), X),
        differentiable=(0, 1, 2, 3),
        bad_static=(Bad((np.ones(2), np.ones(3), NUMBER, X), r"centers must have shape \(2,\)"),),
        bad_values=(Bad((np.ones(2), np.ones(2), -NUMBER, X), "width must be positive"),),
        exempt=INTEGER_STATE,
    ),
    Row(
        name="simulators.ChannelPotential.sample",
        call=lambda d, key: potential(d, jnp.zeros_like(d), d[0]).sample(key=key, shape=(3,)),
        arguments=lambda: (np.array([0.7, 1.0]), key()),
        differentiable=(),
        bad_static=(Bad(lambda: (X, jnp.zeros(2, jnp.uint32)), "key must be a key", TypeError),),
        exempt={
            "half": "jax.numpy.interp takes no bfloat16",
            "gradient": "a table of the distribution function, not differentiated",
            "bad_values": "those of the parameters are held by the row of its energy",
        },
    ),
]
