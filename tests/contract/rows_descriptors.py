"""The contract of descriptors and designs of alloys."""

import jax.numpy as jnp
import numpy as np

from entropax.applications import alloys
from tests.contract.harness import Bad, Row, simplex

ELEMENTS = ("Al", "Co", "Cr", "Fe", "Ni")
X = np.array([[0.1, 0.3, 0.15, 0.25, 0.2], [0.3, 0.1, 0.2, 0.25, 0.15]])
HELD = dict.fromkeys(("bad_static", "bad_values", "integer"), "it holds what a function computed")
TEXT = {"traced": "it takes text, on the host", "bad_values": "its arguments are text"}
FILE = {"traced": "it reads a file, on the host", "bad_values": "its argument is a path"}


def rise(x):
    return x[0] - 2 * x[2] ** 2 + jnp.sin(3 * x[1])


def refused(name, call, match, error=ValueError) -> Row:
    """A function that only runs on the host, by a call that it must refuse."""
    return Row(
        name=f"applications.alloys.{name}",
        call=lambda: call(),
        arguments=tuple,
        differentiable=(),
        bad_static=(Bad((), match, error),),
        exempt=FILE if name.startswith("read") else TEXT,
    )


ROWS = [
    Row(
        name="applications.alloys.hea_descriptors",
        call=lambda x, R: alloys.hea_descriptors(x, elements=ELEMENTS, gas_constant=R),
        arguments=lambda: (X, 8.3),
        differentiable=(0, 1),
        project={0: simplex},
        bad_static=(
            Bad((X[:, :4], 8.3), r"fractions must have shape \(\.\.\., 5\), one for each element, got \(2, 4\)"),
            Bad((X, X), "gas_constant must be a number"),
        ),
        bad_values=(Bad((2 * X, 8.3), "fractions must be non-negative and sum to one over its last axis"),),
        exempt={"integer": "fractions are no integers"},
        half="float32",
    ),
    Row(
        name="applications.alloys.AlloyDescriptors",
        call=alloys.AlloyDescriptors,
        arguments=lambda: tuple(X[0, 0] + i for i in range(7)),
        differentiable=(0,),
        exempt=HELD,
    ),
    Row(
        name="applications.alloys.CarbideDescriptors",
        call=lambda a: alloys.CarbideDescriptors(alloys.AlloyDescriptors(*[a] * 7), a, a),
        arguments=lambda: (X[0, 0],),
        exempt=HELD,
    ),
    Row(
        name="applications.alloys.design_composition",
        call=lambda x, rate: alloys.design_composition(rise, x, least_entropy=8.0, steps=3, learning_rate=rate),
        arguments=lambda: (X[0], 0.1),
        differentiable=(0, 1),
        project={0: simplex},
        select=lambda design: (design.value, design.fractions),
        bad_static=(
            Bad((X, 0.1), r"fractions must have shape \(n,\), got \(2, 5\)"),
            Bad((X[0], X[0]), "learning_rate must be a number"),
        ),
        bad_values=(
            Bad((2 * X[0], 0.1), "fractions must be non-negative and sum to one"),
            Bad((X[0], -0.1), "learning_rate must be positive"),
        ),
        exempt={
            "integer": "fractions are no integers",
            "recompile": "an objective is traced where it stands; the search itself is compiled once",
            "second_order": "the temperature of the bound is differentiable once",
        },
        half="float32",
    ),
    Row(
        name="applications.alloys.design_composition.bound",
        call=lambda x, S: alloys.design_composition(rise, x, least_entropy=S, steps=4, learning_rate=0.6),
        arguments=lambda: (X[0], 12.9),
        differentiable=(0, 1),
        project={0: simplex},
        select=lambda design: (design.value, design.fractions),
        bad_static=(Bad((X[0], X[0]), "least_entropy must be a number"),),
        bad_values=(Bad((X[0], 14.0), "least_entropy must be at least 0 and less than R log 5"),),
        exempt={
            "integer": "fractions are no integers",
            "recompile": "an objective is traced where it stands; the search itself is compiled once",
            "second_order": "the temperature of the bound is differentiable once",
        },
        half="float32",
    ),
    Row(
        name="applications.alloys.AlloyDesign",
        call=lambda x: alloys.AlloyDesign(x[0], x, x[1], x, x[2] > 0),
        arguments=lambda: (X[0],),
        exempt=HELD,
    ),
    refused("carbide_descriptors", lambda: alloys.carbide_descriptors("TiZr"), "must be that of a carbide"),
    refused("element_properties", lambda: alloys.element_properties("Xx"), "must be one of the 55 elements"),
    refused("pair_enthalpies", lambda: alloys.pair_enthalpies(("Fe", "Xx")), "must be one of the 55 elements"),
    refused("Element", lambda: alloys.Element("Fe"), "missing 5 required", TypeError),
    refused("AlloyData", lambda: alloys.AlloyData(()), "missing 3 required", TypeError),
    refused("read_phases", lambda: alloys.read_phases(__file__), "must have the columns Alloy, Phase"),
    refused(
        "read_mechanical_properties",
        lambda: alloys.read_mechanical_properties(__file__),
        "must have the columns FORMULA",
    ),
    refused(
        "read_labelled_formulas",
        lambda: alloys.read_labelled_formulas(__file__),
        "must have the columns formula, label",
    ),
    refused(
        "read_fraction_table",
        lambda: alloys.read_fraction_table(__file__, target="HEA/Non-HEA"),
        "must have the columns Alloy, HEA/Non-HEA",
    ),
]
