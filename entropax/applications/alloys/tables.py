"""Tables of alloys as sets of elements with labels, and their files."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from entropax.applications.alloys._files import CsvTable, at, csv_table
from entropax.applications.alloys.formulas import SYMBOLS, parse_formula

_EQUAL = 1e-6  # atomic fractions of an equiatomic alloy differ by no more


class AlloyTable(NamedTuple):
    """Alloys as sets of elements.

    Attributes:
        elements: symbols, the columns of members.
        members: whether an alloy has an element, shape (alloys, elements), boolean, no two rows alike.
        labels: whether it is a single-phase high-entropy alloy, shape (alloys,), boolean.
        conflicting: element sets that were left out because their rows contradict each other.
    """

    elements: tuple[str, ...]
    members: np.ndarray
    labels: np.ndarray
    conflicting: tuple[tuple[str, ...], ...]


def alloy_table(
    alloys: Iterable[str | Iterable[str]], labels: Iterable[bool], *, equiatomic: bool = False
) -> AlloyTable:
    """Alloys by formula or by elements, one row for each set of elements.

    A set is what is left of a formula: its amounts are not kept. Rows of the same set are merged; where their labels
    differ the set is left out and named in `conflicting`.

    Args:
        alloys: formulas, like "CoCrFeNi", or collections of symbols.
        labels: whether each is a single-phase high-entropy alloy.
        equiatomic: whether to keep only formulas whose amounts are all equal.

    Returns:
        The table, alloys in order of first appearance, elements by atomic number. Pure elements are left out: they have
        no host.

    Raises:
        TypeError: a label is no boolean.
        ValueError: there is not one label an alloy, a formula is bad, or a symbol is unknown.
    """
    alloys, labels = list(alloys), list(labels)
    if len(alloys) != len(labels):
        raise ValueError(f"labels must be one for each of {len(alloys)} alloys, got {len(labels)}")
    merged: dict[tuple[str, ...], set[bool]] = {}
    for row, (alloy, label) in enumerate(zip(alloys, labels, strict=True)):
        if not isinstance(label, (bool, np.bool_)):
            raise TypeError(f"labels must be booleans, got {label!r} in row {row}")
        amounts = parse_formula(alloy) if isinstance(alloy, str) else _equal_amounts(alloy)
        uneven = max(amounts.values()) - min(amounts.values()) > _EQUAL
        if len(amounts) > 1 and not (equiatomic and uneven):
            merged.setdefault(_ordered(amounts), set()).add(bool(label))
    kept = {elements: found.pop() for elements, found in merged.items() if len(found) == 1}
    conflicting = tuple(elements for elements in merged if elements not in kept)
    elements = _ordered({symbol for alloy in kept for symbol in alloy})
    members = np.array([[symbol in alloy for symbol in elements] for alloy in kept], bool)
    return AlloyTable(
        elements, members.reshape(len(kept), len(elements)), np.array(list(kept.values()), bool), conflicting
    )


def load_alloy_table(
    path: str | Path,
    *,
    positive: Collection[str] = ("High", "HEA", "1"),
    negative: Collection[str] = ("Low", "not HEA", "0"),
    equiatomic: bool = False,
) -> AlloyTable:
    """Reads alloys and their labels from a CSV file, in either of two layouts.

    - `formula,label`: one formula a row.
    - `combination,<one column an element>,Label,set_name,length`: zeros and ones; set_name, like "Co|Fe|Mn", and length
      are checked where they are there.

    Args:
        path: of the file.
        positive: labels of single-phase high-entropy alloys.
        negative: labels of others.
        equiatomic: whether to keep only formulas whose amounts are all equal.

    Returns:
        The table, as `alloy_table` makes it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not UTF-8, the layout is neither, or a row is bad; the message names the line. Or a word
            is both a positive and a negative label.
    """
    both = sorted(set(positive) & set(negative))
    if both:
        raise ValueError(f"positive and negative must differ, got {', '.join(both)} in both")
    table = csv_table(path)
    read = _reader_of(table)
    alloys: list[tuple[str, ...] | str] = []
    labels: list[bool] = []
    for where, row in table.rows:
        with at(where):
            alloy, label = read(row)
            if isinstance(alloy, str):
                parse_formula(alloy)
            labels.append(_label(label, positive, negative))
            alloys.append(alloy)
    return alloy_table(alloys, labels, equiatomic=equiatomic)


def _reader_of(table: CsvTable) -> Callable[[Mapping[str, str]], tuple[str | tuple[str, ...], str]]:
    """The function that reads an alloy and its label from a row with these columns."""
    if {"formula", "label"} <= set(table.columns):
        return lambda row: (row["formula"], row["label"])
    symbols = [column for column in table.columns if column in SYMBOLS]
    if "Label" in table.columns and symbols:
        return lambda row: (_flagged(row, symbols), row["Label"])
    raise ValueError(
        f"{table.path} must have columns formula and label, or Label and one for each element, "
        f"got {', '.join(table.columns)}"
    )


def _flagged(row: Mapping[str, str], symbols: Sequence[str]) -> tuple[str, ...]:
    """The elements whose columns are one."""
    flags = {symbol: row[symbol].strip() for symbol in symbols}
    for symbol, flag in flags.items():
        if flag not in ("0", "1", "0.0", "1.0"):
            raise ValueError(f"column {symbol} must be 0 or 1, got {flag!r}")
    alloy = tuple(symbol for symbol, flag in flags.items() if flag.startswith("1"))
    name, length = row.get("set_name"), row.get("length")
    if not alloy:
        raise ValueError("an alloy must have elements, got none")
    if name and set(name.split("|")) != set(alloy):
        raise ValueError(f"set_name must be of the elements whose columns are 1, {'|'.join(alloy)}, got {name}")
    if length and length.strip() not in (str(len(alloy)), f"{len(alloy)}.0"):
        raise ValueError(f"length must be {len(alloy)}, the number of elements whose columns are 1, got {length}")
    return alloy


def _label(label: str, positive: Collection[str], negative: Collection[str]) -> bool:
    word = label.strip()
    if word not in positive and word not in negative:
        raise ValueError(f"label must be one of {', '.join([*positive, *negative])}, got {word!r}")
    return word in positive


def _equal_amounts(alloy: Iterable[str]) -> dict[str, float]:
    symbols = list(alloy)
    for symbol in symbols:
        if symbol not in SYMBOLS:
            raise ValueError(f"alloys must name known elements, got {symbol!r}")
    if not symbols:
        raise ValueError("alloys must have elements, got none")
    return dict.fromkeys(symbols, 1.0)


def _ordered(symbols: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(symbols, key=SYMBOLS.index))
