"""Every public function of every room against the contract of harness.py."""

import importlib

import pytest

import entropax
from tests.contract import harness

ROWS = harness.load_rows()


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=row.name, marks=[pytest.mark.fast] if row.fast else []) for row in ROWS]
)
def test_row(row: harness.Row, record_property) -> None:
    record_property("contract-row", row.name)
    for name, reason in row.exempt.items():
        record_property("contract-exempt", (row.name, name, reason))
    harness.check_static_errors(row)
    harness.check_dtypes(row)
    harness.check_recompilation(row)
    harness.check_transformations(row)


@pytest.mark.fast
def test_row_names_are_unique() -> None:
    names = [row.name for row in ROWS]
    assert len(names) == len(set(names)), sorted(name for name in set(names) if names.count(name) > 1)


@pytest.mark.fast
@pytest.mark.parametrize("room", [room for room in entropax._ROOMS if room not in ("training", "nn")])
def test_every_public_name_has_a_row(room: str) -> None:
    """Networks have a grid of their own (test_networks.py); training is tested by its own tests."""
    module = importlib.import_module(f"entropax.{room}")
    rows = [row.name for row in ROWS]
    missing = [
        name
        for name in module.__all__
        if callable(getattr(module, name))
        and not any(row == f"{room}.{name}" or row.startswith(f"{room}.{name}.") for row in rows)
    ]
    assert not missing, f"public names of {room} without a row: {missing}"
