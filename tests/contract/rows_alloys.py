"""The contract of `entropax.applications.alloys`."""

from entropax.applications import alloys
from tests.contract.harness import Row

STRINGS = "its arguments are strings; tests/applications/alloys holds its errors"

ROWS = [
    Row(
        name="applications.alloys.parse_formula",
        call=lambda: alloys.parse_formula("AlCoCrFeNi"),
        arguments=lambda: (),
        differentiable=(),
        exempt={"traced": "it reads a string", "bad_static": STRINGS},
        fast=True,
    ),
    Row(
        name="applications.alloys.periodic_group",
        call=lambda: alloys.periodic_group("Fe"),
        arguments=lambda: (),
        differentiable=(),
        exempt={"traced": "it looks a symbol up", "bad_static": STRINGS},
        fast=True,
    ),
]
