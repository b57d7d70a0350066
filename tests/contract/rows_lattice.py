"""Rows of the lattice of information."""

import jax.numpy as jnp
import numpy as np

from entropax import information
from tests.contract.harness import Bad, Row, simplex

A, B = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 0, 1, 2, 3])
PARTS = np.stack([A, B % 2, A > 1])
X = np.arange(6)
P = np.array([0.2, 0.1, 0.15, 0.25, 0.2, 0.1])
NEGATIVE = np.array([-0.2, 0.5, 0.15, 0.25, 0.2, 0.1])

SHORT = r"p must have shape \(outcomes,\), got \(\)"
NOT_ONE = "p must be non-negative and sum to one"
PIECEWISE = "labels and booleans: piecewise constant in p"


def measure(name: str, *labels: np.ndarray, fast: bool = False) -> Row:
    """A measure of labelled variables, differentiable in p."""
    function = getattr(information, name)
    return Row(
        name=f"information.{name}",
        call=lambda p: function(*labels, p),
        arguments=lambda: (P,),
        project={0: simplex},
        bad_static=(Bad((np.array(0.5),), SHORT), Bad((P[:4],), r"must have shape \((parts, )?4")),
        bad_values=(Bad((NEGATIVE,), NOT_ONE), Bad((2 * P,), f"{NOT_ONE}.*sum 2")),
        fast=fast,
    )


def relation(name: str, call, *, fast: bool = False) -> Row:
    """What returns labels or booleans."""
    return Row(
        name=f"information.{name}",
        call=call,
        arguments=lambda: (P,),
        differentiable=(),
        bad_static=(Bad((np.array(0.5),), SHORT), Bad((P[:4],), r"must have shape \((parts, )?4")),
        bad_values=(Bad((NEGATIVE,), NOT_ONE),),
        exempt={"gradient": PIECEWISE},
        fast=fast,
    )


ROWS = [
    measure("partition_entropy", A),
    measure("partition_conditional_entropy", A, B),
    measure("partition_mutual_information", A, B),
    measure("shannon_distance", A, B, fast=True),
    measure("rajski_distance", A, B),
    measure("dependency_coefficient", A, B),
    measure("relative_redundancy", X, PARTS),
    Row(
        name="information.reconstruction_condition",
        call=lambda p: information.reconstruction_condition(X, PARTS, p),
        arguments=lambda: (P,),
        project={0: simplex},
        select=lambda result: result.value,
        bad_static=(Bad((np.array(0.5),), SHORT), Bad((P[:4],), r"x must have shape \(4,\), got \(6,\)")),
        bad_values=(Bad((NEGATIVE,), NOT_ONE),),
    ),
    Row(
        name="information.select_parts",
        call=lambda p: information.select_parts(X, PARTS, p),
        arguments=lambda: (P,),
        project={0: simplex},
        select=lambda result: (result.gains, result.remaining),
        bad_static=(Bad((np.array(0.5),), SHORT), Bad((P[:4],), r"x must have shape \(4,\), got \(6,\)")),
        bad_values=(Bad((NEGATIVE,), NOT_ONE),),
    ),
    relation("meet", lambda p: information.meet(A, B, p), fast=True),
    relation("complement", lambda p: information.complement(A, p)),
    relation("refines", lambda p: information.refines(A, B, p)),
    relation("same_information", lambda p: information.same_information(A, B, p)),
    relation("is_reconstructable", lambda p: information.is_reconstructable(X, PARTS, p)),
    Row(
        name="information.join",
        call=information.join,
        arguments=lambda: (A, B),
        differentiable=(),
        bad_static=(
            Bad((A, B[:4]), r"labels\[1\] must have shape \(6,\), got \(4,\)"),
            Bad(lambda: (jnp.asarray(A), P), r"labels\[1\] must hold integer labels, got dtype float", TypeError),
        ),
        exempt={"gradient": PIECEWISE, "bad_values": "any integers are labels"},
    ),
    *(
        Row(
            name=f"information.{name}.fields",
            call=make,
            arguments=lambda: (P,),
            differentiable=(),
            exempt={
                "gradient": "a container: the gradients are those of the function that returns it",
                "bad_static": "a container of results, which only its function makes",
                "bad_values": "a container of results, which only its function makes",
            },
        )
        for name, make in (
            ("Partition", lambda p: information.meet(A, B, p)),
            ("Relation", lambda p: information.refines(A, B, p)),
            ("ReconstructionCondition", lambda p: information.reconstruction_condition(X, PARTS, p)),
            ("PartSelection", lambda p: information.select_parts(X, PARTS, p)),
        )
    ),
]
