"""Every public function of every room against the contract of harness.py."""

import importlib
from inspect import isclass
from types import ModuleType

import numpy as np
import pytest

import entropax
from entropax._typing import Array
from tests.contract import harness

ROWS = harness.load_rows()

DEAR = {
    "applications.alloys.fuse_sources",
    "applications.alloys.predict_alloys",
    "applications.alloys.substitutability",
    "estimators.adjusted_mutual_information",
    "estimators.amortized_mutual_information",
    "estimators.amortized_quantiles",
    "estimators.discrete_mutual_information.bayes",
    "estimators.discrete_mutual_information.grassberger",
    "estimators.gaussian_copula_mutual_information.soft",
    "estimators.histogram_entropy.soft_equal-frequency",
    "estimators.sparse_regression",
    "estimators.subsample_extrapolate",
    "information.chi_squared",
    "information.dual_total_correlation",
    "information.f_divergence.own",
    "information.hellinger_distance",
    "information.information_efficiency",
    "information.js_divergence",
    "information.normalized_mutual_information",
    "information.o_information",
    "information.perplexity",
    "information.rate_semantic.target",
    "information.renyi_divergence",
    "information.renyi_entropy",
    "information.semantic_entropy",
    "information.student_t_mutual_information",
    "information.total_correlation",
    "information.tsallis_divergence",
    "information.tsallis_entropy",
    "information.value_of_information",
    "information.variation_of_information",
    "losses.comp_sum_conditional_risk",
    "losses.h_consistency_bound",
    "losses.h_consistency_transform",
    "losses.linear_cross_entropy.filtered",
    "losses.minimizability_gap_bound",
    "losses.repri_inference",
    "observables.lyapunov_spectrum",
    "observables.schooling_entropies",
    "simulators.ActiveRing.drift",
    "simulators.ActiveRing.step",
    "simulators.ActiveSwimmers.step",
    "simulators.FishSchool.step",
    "simulators.HardDisks.advance",
    "simulators.IonChannel.current",
    "simulators.IonChannel.rate_matrix",
    "simulators.KineticMixture.step",
    "simulators.KineticMixture.vector_field",
    "thermodynamics.maxcal_rates",
    "thermodynamics.onsager_machlup",
    "thermodynamics.path_covariance",
    "thermodynamics.probability_flow",
}
"""Rows that take over seven seconds, most of what is behind which other rows go through too: only in `-m slow`."""


def _marks(row: harness.Row) -> list[pytest.MarkDecorator]:
    slow = row.slow or row.name in DEAR
    return [mark for mark, wanted in ((pytest.mark.fast, row.fast), (pytest.mark.slow, slow)) if wanted]


@pytest.mark.fast
def test_dear_rows_exist() -> None:
    assert {row.name for row in ROWS} >= DEAR


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name, marks=_marks(row)) for row in ROWS])
def test_row(row: harness.Row, record_property) -> None:
    record_property("contract-row", row.name)
    for name, reason in row.exempt.items():
        record_property("contract-exempt", (row.name, name, reason))
    harness.check_static_errors(row)
    harness.check_dtypes(row)
    harness.check_transformations(row)


@pytest.mark.fast
def test_row_names_are_unique() -> None:
    names = [row.name for row in ROWS]
    assert len(names) == len(set(names)), sorted(name for name in set(names) if names.count(name) > 1)


def _members(kind: type) -> set[str]:
    """Public methods and properties that a class of the package defines, or inherits from another one of it."""
    return {
        name
        for base in kind.__mro__
        if base.__module__.startswith("entropax.")
        for name, value in vars(base).items()
        if not name.startswith("_")
        and (callable(value) or isinstance(value, property))
        and not getattr(value, "__isabstractmethod__", False)
    }


def _faces(name: str) -> dict[str, ModuleType]:
    """A room and the parts of it that have a face of their own, by name."""
    module = importlib.import_module(f"entropax.{name}")
    parts = [part for part in module.__all__ if isinstance(getattr(module, part), ModuleType)]
    return {name: module} | {face: part for inner in parts for face, part in _faces(f"{name}.{inner}").items()}


FACES = {name: face for room in entropax._ROOMS for name, face in _faces(room).items()}


def _public(name: str) -> set[str]:
    """Everything callable that a face offers: functions, classes, and the classes' methods and properties."""
    module = FACES[name]
    offered = {name: value for name in module.__all__ if callable(value := getattr(module, name))}
    members = {f"{name}.{member}" for name, value in offered.items() if isclass(value) for member in _members(value)}
    return {f"{name}.{offer}" for offer in {*offered, *members}}


def _offer(row: harness.Row) -> tuple[str, str]:
    """The face that a row's name begins with, and the function or class of it."""
    face = max((name for name in FACES if row.name.startswith(f"{name}.")), key=len)
    return face, row.name.removeprefix(f"{face}.").split(".")[0]


@pytest.mark.fast
@pytest.mark.parametrize("face", [face for face in FACES if face not in ("training", "nn")])
def test_every_public_name_has_a_row(face: str) -> None:
    """Networks have a grid of their own (test_networks.py); training is tested by its own tests.

    A row holds its name, its `members`, and, when it is of a method, the construction of the class.
    """
    held = {row.name for row in ROWS}
    held |= {".".join(_offer(row)) for row in ROWS}
    held |= {".".join([*_offer(row), member]) for row in ROWS for member in row.members}
    missing = sorted(_public(face) - held)
    assert not missing, f"public names of {face} without a row: {missing}"


@pytest.mark.fast
def test_members_of_rows_exist() -> None:
    """A member that a row claims to hold is one."""
    for row in ROWS:
        face, kind = _offer(row)
        for member in row.members:
            assert member in _members(getattr(FACES[face], kind)), (row.name, member)


@pytest.mark.fast
def test_a_leak_is_found() -> None:
    """The search for what holds a tracer sees what a call left behind."""
    kept = []

    def leaky(x: Array) -> Array:
        kept.append(x)
        return x

    row = harness.Row(name="leaky", call=leaky, arguments=lambda: (np.ones(2),))
    with pytest.raises(Exception, match="Leaked trace"):
        harness.check_dtypes(row)
