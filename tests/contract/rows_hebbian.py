"""The contract of the multitasking Hebbian network, in `simulators`, `observables` and `thermodynamics`."""

import jax
import jax.numpy as jnp
import numpy as np

from entropax import observables, simulators, thermodynamics
from entropax.simulators import Hebbian, HebbianCouplings
from entropax.thermodynamics import SiteLaw
from tests.contract.harness import Bad, Row

XI = np.array([[1.0, 0, -1, 1, 1, 0], [0, 1, 1, 1, -1, 1]])
ETA = np.stack([XI, XI * np.array([1, 1, -1, 1, 1, 1.0])], axis=1)
S = np.array([[1.0, 1, -1, 1, 1, -1], [1, -1, -1, 1, -1, 1]])
SOFT = S * np.array([0.8, 0.3, 0.9, 0.5, 0.4, 0.7])
HALF, D, R, T = np.float64(0.5), np.float64(0.4), np.float64(0.6), np.float64(0.3)
FACTORISES = "the solve of small matrices has no half-precision kernel"
KEEPS = "an integer state keeps its dtype, and steps need a floating one"
DRAWS = "what is drawn is piecewise constant in the parameters; averages over it have gradients in site_law"


def key():
    return jax.random.key(3)


def old_key():
    return jnp.zeros(2, jnp.uint32)


def network(vectors, strength, temperature, softness, block_size):
    return Hebbian(HebbianCouplings(vectors, strength), temperature, softness=softness, block_size=block_size)


def step(block_size):
    def call(vectors, strength, temperature, softness, state, key):
        return network(vectors, strength, temperature, softness, block_size).prepared().step(state, key=key)

    return call


def hard_step(temperature, state, key):
    return network(jnp.asarray(XI, state.dtype), 0.3, temperature, None, None).step(state, key=key)


def law(d, r):
    return thermodynamics.site_law(d, r, num_patterns=2, num_examples=2)


def solution(d, r, temperature, gains):
    found = thermodynamics.self_consistency(jnp.asarray([0.6, 0.2], d.dtype), temperature, law(d, r), gains)
    return found.value, found.free_energy


def equilibrium(d, temperature):
    found = thermodynamics.equilibrium_state(temperature, thermodynamics.site_law(d, num_patterns=2))
    return found.value, found.free_energy


def free_energy(n, temperature, d, r, gains):
    return thermodynamics.mean_field_free_energy(n, temperature, law(d, r), gains)


BAD_D = "dilution must be in"
BAD_R = "quality must be in"

ROWS = [
    Row(
        name="simulators.pattern_entropy",
        call=simulators.pattern_entropy,
        arguments=lambda: (D,),
        bad_static=(Bad((np.ones(2) / 2,), "dilution must be a number"),),
        bad_values=(Bad((np.float64(1.0),), BAD_D),),
        fast=True,
    ),
    Row(
        name="simulators.dataset_entropy",
        call=lambda r: simulators.dataset_entropy(r, num_examples=4),
        arguments=lambda: (R,),
        bad_static=(Bad((np.ones(2) / 2,), "quality must be a number"),),
        bad_values=(Bad((np.float64(0.0),), BAD_R),),
        fast=True,
    ),
    Row(
        name="simulators.sample_archetypes",
        call=lambda d, key: simulators.sample_archetypes(d, num_patterns=2, num_neurons=5, key=key),
        arguments=lambda: (D, key()),
        bad_static=(Bad(lambda: (D, old_key()), "key must be a key", TypeError),),
        bad_values=(Bad(lambda: (np.float64(-0.1), key()), BAD_D),),
        exempt={"gradient": DRAWS},
    ),
    Row(
        name="simulators.sample_examples",
        call=lambda xi, r, key: simulators.sample_examples(xi, r, num_examples=3, key=key, blank_noise=True),
        arguments=lambda: (XI, R, key()),
        differentiable=(1,),
        bad_static=(Bad(lambda: (XI[0], R, key()), r"archetypes must have shape \(patterns, neurons\)"),),
        bad_values=(Bad(lambda: (XI, np.float64(1.2), key()), BAD_R),),
        exempt={"gradient": DRAWS},
    ),
    *(
        Row(
            name=f"simulators.hebbian_couplings.{rule}",
            call=lambda x, d, r, rule=rule: simulators.hebbian_couplings(x, d, r, rule=rule).matrix(),
            arguments=lambda x=x: (x, D, R),
            differentiable=differentiable,
            bad_static=(Bad((x[0], D, R), r"patterns must have shape \(patterns, "),),
            bad_values=(Bad((x, np.float64(1.0), R), BAD_D), Bad((x, D, np.float64(0.0)), BAD_R)),
        )
        for rule, x, differentiable in (
            ("storing", XI, (0, 1)),
            ("supervised", ETA, (0, 1, 2)),
            ("unsupervised", ETA, (0, 1, 2)),
        )
    ),
    Row(
        name="simulators.HebbianCouplings.energy",
        members=("field", "matrix"),
        call=lambda v, c, s: (
            (couplings := HebbianCouplings(v, c)).energy(s),
            couplings.field(s),
            couplings.matrix(),
        ),
        arguments=lambda: (XI, D, SOFT),
        differentiable=(0, 1, 2),
        bad_static=(Bad((XI, D, SOFT[:, :5]), r"spins must have shape \(..., 6\)"),),
        bad_values=(Bad((XI, np.float64(-1.0), SOFT), "strength must be positive"),),
    ),
    *(
        Row(
            name=f"simulators.Hebbian.step.{name}",
            members=("prepared",),
            call=step(block_size),
            arguments=lambda: (XI, D, T, HALF, SOFT, key()),
            differentiable=(0, 1, 2, 3, 4),
            bad_static=(
                Bad(lambda: (XI, D, T, HALF, SOFT[:, :5], key()), r"spins must have shape \(..., 6\)"),
                Bad(lambda: (XI, D, np.ones(2), HALF, SOFT, key()), "temperature must be a number"),
            ),
            bad_values=(Bad(lambda: (XI, D, np.float64(-0.1), HALF, SOFT, key()), "temperature must be non-negative"),),
            exempt={"integer": KEEPS},
            slow=slow,
        )
        for name, block_size, slow in (("asynchronous", None, False), ("blocked", 4, True), ("whole", 6, False))
    ),
    Row(
        name="simulators.Hebbian.step",
        call=hard_step,
        arguments=lambda: (T, S, key()),
        differentiable=(1,),
        bad_static=(Bad(lambda: (T, S[:, :5], key()), r"spins must have shape \(..., 6\)"),),
        bad_values=(Bad(lambda: (np.float64(-0.1), S, key()), "temperature must be non-negative"),),
        exempt={
            "integer": KEEPS,
            "gradient": "hard spins are piecewise constant; the rows with a softness hold the relaxed form",
        },
        slow=True,
    ),
    Row(
        name="simulators.Hebbian.init",
        call=lambda v, c, key: network(v, c, 0.2, None, None).init(key=key, shape=(2,)),
        arguments=lambda: (XI, D, key()),
        differentiable=(),
        bad_static=(Bad(lambda: (XI, D, old_key()), "key must be a key", TypeError),),
        exempt={
            "gradient": "random spins depend on no parameter",
            "bad_values": "random spins depend on no parameter",
            "half": "held by the row of step",
        },
    ),
    Row(
        name="observables.mattis_overlap",
        call=observables.mattis_overlap,
        arguments=lambda: (XI, SOFT),
        differentiable=(0, 1),
        bad_static=(Bad((XI, SOFT[:, :5]), r"spins must have shape \(..., 6\)"),),
        bad_values=(Bad((XI * np.nan, SOFT), "archetypes must be finite"),),
        fast=True,
    ),
    Row(
        name="observables.example_overlap",
        call=observables.example_overlap,
        arguments=lambda: (ETA, SOFT, R),
        differentiable=(0, 1, 2),
        bad_static=(Bad((XI, SOFT, R), r"examples must have shape \(patterns, examples, neurons\)"),),
        bad_values=(Bad((ETA, SOFT, np.float64(0.0)), BAD_R),),
    ),
    Row(
        name="observables.quadratic_loss",
        call=lambda xi, s: tuple(observables.quadratic_loss(xi, s, mirrored=m) for m in (False, True)),
        arguments=lambda: (XI, SOFT),
        differentiable=(0, 1),
        bad_static=(Bad((XI, SOFT[:, :5]), r"spins must have shape \(..., 6\)"),),
        bad_values=(Bad((XI * np.nan, SOFT), "archetypes must be finite"),),
    ),
    Row(
        name="observables.loss_energy",
        call=observables.loss_energy,
        arguments=lambda: (XI, SOFT, D),
        differentiable=(0, 1, 2),
        bad_static=(Bad((XI, SOFT[:, :5], D), r"spins must have shape \(..., 6\)"),),
        bad_values=(Bad((XI, SOFT, np.float64(1.0)), BAD_D),),
    ),
    Row(
        name="observables.retrieval_entropy",
        call=observables.retrieval_entropy,
        arguments=lambda: (np.array([[0.5, 0.2, -0.1], [0.1, 0.3, 0.2]]),),
        bad_static=(Bad((np.float64(0.3),), r"overlaps must have shape \(..., patterns\)"),),
        bad_values=(Bad((np.zeros((2, 3)),), "overlaps must be finite and not all zero"),),
        exempt={"integer": "the row's overlaps are all zero as integers"},
        fast=True,
    ),
    Row(
        name="thermodynamics.site_law",
        call=lambda d, r: thermodynamics.site_law(d, r, num_patterns=2, num_examples=3, blank_noise=True),
        arguments=lambda: (D, R),
        differentiable=(0, 1),
        bad_static=(Bad((D, np.ones(2)), "quality must be a number"),),
        bad_values=(Bad((np.float64(1.0), R), BAD_D), Bad((D, np.float64(0.0)), BAD_R)),
        exempt={"integer": "integers are no valid quality and dilution at a time"},
    ),
    Row(
        name="thermodynamics.site_law.gauss",
        call=lambda d, r: thermodynamics.site_law(
            d, r, num_patterns=2, num_examples=3, average="gauss", num_nodes=3, blank_noise=True
        ),
        arguments=lambda: (D, R),
        differentiable=(0, 1),
        bad_static=(Bad((D, np.ones(2)), "quality must be a number"),),
        bad_values=(Bad((np.float64(1.0), R), BAD_D),),
    ),
    Row(
        name="thermodynamics.empirical_site_law",
        call=lambda xi, d, eta, r: thermodynamics.empirical_site_law(xi, d, eta, r),
        arguments=lambda: (XI, D, ETA, R),
        differentiable=(0, 1, 2, 3),
        bad_static=(Bad((XI, D, ETA[:1], R), r"examples must have shape \(2, 2, 6\)"),),
        bad_values=(Bad((XI, np.float64(-0.1), ETA, R), BAD_D),),
    ),
    Row(
        name="thermodynamics.SiteLaw",
        call=lambda signals, weights: SiteLaw(signals, signals, weights, weights[0], weights[0], True),
        arguments=lambda: (XI, np.full(6, 1 / 6)),
        differentiable=(0, 1),
        exempt={
            "bad_static": "a record of arrays that site_law has checked",
            "bad_values": "a record of arrays that site_law has checked",
            "integer": "a record of arrays that site_law has checked",
        },
    ),
    Row(
        name="thermodynamics.self_consistency",
        call=solution,
        arguments=lambda: (D, R, T, np.array([1.0, 1.1])),
        differentiable=(0, 1, 2, 3),
        bad_static=(Bad((D, R, T, np.ones(3)), r"gains must have shape \(2,\)"),),
        bad_values=(
            Bad((D, R, np.float64(-0.1), np.ones(2)), "temperature must be non-negative"),
            Bad((D, R, T, -np.ones(2)), "gains must be positive"),
        ),
        exempt={"half": FACTORISES, "integer": "the row starts in the dtype of its dilution", "leaks": FACTORISES},
        step=1e-6,
    ),
    Row(
        name="thermodynamics.SelfConsistency",
        call=lambda n: thermodynamics.SelfConsistency(n, n, n[0], n[1], jnp.asarray(1), jnp.asarray(True)).value,
        arguments=lambda: (np.array([0.6, 0.2]),),
        exempt={
            "bad_static": "a record that self_consistency fills",
            "bad_values": "a record that self_consistency fills",
            "integer": "a record that self_consistency fills",
        },
    ),
    Row(
        name="thermodynamics.mean_field_free_energy",
        call=free_energy,
        arguments=lambda: (np.array([0.6, 0.2]), T, D, R, np.array([1.0, 1.1])),
        differentiable=(0, 1, 2, 3, 4),
        bad_static=(Bad((np.ones(3), T, D, R, np.ones(2)), r"signal_overlaps must have shape \(2,\)"),),
        bad_values=(Bad((np.array([0.6, 0.2]), np.float64(-1), D, R, np.ones(2)), "temperature must be non-neg"),),
    ),
    Row(
        name="thermodynamics.equilibrium_state",
        call=equilibrium,
        arguments=lambda: (np.float64(0.5), T),
        differentiable=(0, 1),
        bad_static=(Bad((HALF, np.ones(2)), "temperature must be a number"),),
        bad_values=(Bad((HALF, np.float64(-0.1)), "temperature must be non-negative"),),
        exempt={"half": FACTORISES},
        slow=True,
    ),
    Row(
        name="thermodynamics.Equilibrium",
        call=lambda m: thermodynamics.Equilibrium(m, m[0], jnp.asarray(0), jnp.asarray(True)).value,
        arguments=lambda: (np.array([0.6, 0.2]),),
        exempt={
            "bad_static": "a record that equilibrium_state fills",
            "bad_values": "a record that equilibrium_state fills",
            "integer": "a record that equilibrium_state fills",
        },
    ),
    *(
        Row(
            name=f"thermodynamics.{state.__name__}",
            call=call,
            arguments=lambda: (D,),
            bad_static=(Bad((np.ones(2) / 2,), "dilution must be a number"),),
            bad_values=(Bad((np.float64(1.0),), BAD_D),),
            fast=True,
        )
        for state, call in (
            (thermodynamics.hierarchical_state, lambda d: thermodynamics.hierarchical_state(d, num_patterns=3)),
            (thermodynamics.majority_state, thermodynamics.majority_state),
            (thermodynamics.parallel_state, lambda d: thermodynamics.parallel_state(d, num_patterns=3)),
        )
    ),
    Row(
        name="thermodynamics.critical_dilution",
        call=lambda: thermodynamics.critical_dilution(num_patterns=4),
        arguments=lambda: (),
        differentiable=(),
        exempt={
            "traced": "a number for each number of patterns: it has no array arguments",
            "bad_static": "its one fault is a static number, tested with the paper's facts",
        },
    ),
    Row(
        name="thermodynamics.one_step_overlap",
        call=lambda r: tuple(
            thermodynamics.one_step_overlap(r, num_examples=5, average=average) for average in ("exact", "gauss")
        ),
        arguments=lambda: (R,),
        bad_static=(Bad((np.ones(2) / 2,), "quality must be a number"),),
        bad_values=(Bad((np.float64(0.0),), BAD_R),),
    ),
    Row(
        name="thermodynamics.learning_threshold",
        call=thermodynamics.learning_threshold,
        arguments=lambda: (R, np.float64(0.7)),
        differentiable=(0, 1),
        bad_static=(Bad((R, np.ones(2)), "confidence must be a number"),),
        bad_values=(
            Bad((np.float64(0.0), np.float64(0.7)), BAD_R),
            Bad((R, np.float64(0.0)), "confidence must be positive"),
        ),
        fast=True,
    ),
    Row(
        name="thermodynamics.retrieval_regime",
        call=lambda m: thermodynamics.retrieval_regime(m),
        arguments=lambda: (np.array([[0.5, 0.2], [0.3, 0.3]]),),
        bad_static=(Bad((np.ones((2, 1)),), "with two patterns or more"),),
        bad_values=(Bad((np.full((2, 2), np.nan),), "overlaps must be finite"),),
        exempt={"gradient": "piecewise constant; observables.retrieval_entropy is the relaxed form"},
        fast=True,
    ),
    Row(
        name="thermodynamics.RetrievalRegime",
        call=lambda m: thermodynamics.RetrievalRegime(jnp.asarray(m > 0, jnp.int32), jnp.asarray(True)),
        arguments=lambda: (np.array([0.5, 0.2]),),
        exempt={
            "gradient": "a record of integers that retrieval_regime fills",
            "bad_static": "a record of integers that retrieval_regime fills",
            "bad_values": "a record of integers that retrieval_regime fills",
        },
    ),
]
