"""What is known of substitutable elements beside the data: judgements by several viewpoints, and their masses.

A judgement says of two elements, from a viewpoint like metallurgy, how well the one replaces the other: high, medium or
low. Language models, experts or rules may write the table; nothing is asked here. Source: arXiv 2502.14631.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import Array, Float, RealScalar
from entropax.applications.alloys._files import at, csv_table, text_of
from entropax.applications.alloys.formulas import SYMBOLS
from entropax.applications.alloys.substitution import Substitutions

_COLUMNS = ("element_a", "element_b", "viewpoint", "judgement")
_SETS = {"high": 1, "medium": 3, "low": 2}  # index of the subset that a judgement supports: similar, either, dissimilar


class Judgement(NamedTuple):
    """How well one element replaces another, from one viewpoint.

    Attributes:
        element_a: symbol.
        element_b: symbol; the order of the two says nothing.
        viewpoint: whose judgement it is.
        judgement: "high", "medium" or "low".
    """

    element_a: str
    element_b: str
    viewpoint: str
    judgement: str


def load_judgements(path: str | Path) -> tuple[Judgement, ...]:
    """Reads judgements `element_a,element_b,viewpoint,judgement` from a CSV file, or from a JSON list of such objects.

    Args:
        path: of the file; one whose name ends in .json is JSON.

    Returns:
        The judgements, in the file's order.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a column is missing, an element unknown or compared with itself, a judgement is none of high, medium
            and low, or a viewpoint judges the same pair twice; the message names the line or the entry.
    """
    path = Path(path)
    judgements: list[Judgement] = []
    seen: set[tuple[frozenset[str], str]] = set()
    for where, row in _json_rows(path) if path.suffix.lower() == ".json" else csv_table(path, _COLUMNS).rows:
        with at(where):
            judgement = _judgement(row)
            pair = frozenset(judgement[:2]), judgement.viewpoint
            if pair in seen:
                raise ValueError(f"{judgement.viewpoint} must judge a pair once, got {judgement[:2]}")
            seen.add(pair)
            judgements.append(judgement)
    return tuple(judgements)


def _json_rows(path: Path) -> list[tuple[str, Mapping[str, Any]]]:
    try:
        rows = json.loads(text_of(path))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{path} must hold a list of objects, got {type(rows).__name__}")
    return [(f"{path}, entry {number}", row) for number, row in enumerate(rows, start=1)]


def _judgement(row: Mapping[str, Any]) -> Judgement:
    missing = [column for column in _COLUMNS if not isinstance(row.get(column), str) or not row[column].strip()]
    if missing:
        raise ValueError(f"{', '.join(missing)} must be given, got {dict(row)}")
    a, b, viewpoint, word = (row[column].strip() for column in _COLUMNS)
    for symbol in (a, b):
        if symbol not in SYMBOLS:
            raise ValueError(f"elements must be known, got {symbol!r}")
    if a == b:
        raise ValueError(f"two elements must be compared, got {a} twice")
    if word.lower() not in _SETS:
        raise ValueError(f"judgement must be one of {', '.join(_SETS)}, got {word!r}")
    return Judgement(a, b, viewpoint, word.lower())


def judgement_masses(
    judgements: Iterable[Judgement], substitutions: Substitutions, elements: Sequence[str], beta: RealScalar
) -> Float[Array, "viewpoints exchanges 4"]:
    """Judgements as evidence of the exchanges of a table: m({similar}) = beta for high, m({dissimilar}) = beta for low.

    The rest is open; a medium judgement, a pair that is not judged and exchanges of larger groups are all ignorance.

    Args:
        judgements: of `load_judgements`; pairs that the table does not exchange are not needed.
        substitutions: from `find_substitutions`.
        elements: symbols of the table's columns.
        beta: what a judgement is worth, in (0, 1).

    Returns:
        Masses of every exchange by viewpoint, in order of first appearance, shape (viewpoints, exchanges, 4): sources
        for `fuse_sources`.

    Raises:
        ValueError: there is not one symbol a column, there are no judgements, one is none of high, medium and low, a
            viewpoint judges the same pair twice, or beta is outside (0, 1).

    Differentiable in beta.
    """
    beta = _checks.as_float("beta", beta)
    _checks.require_ndim("beta", beta, 0, "()")
    if len(elements) != substitutions.groups.shape[-1]:
        raise ValueError(f"elements must be {substitutions.groups.shape[-1]} symbols, got {len(elements)}")
    judgements = tuple(judgements)
    if not judgements:
        raise ValueError("judgements must hold at least one, got none")
    inside = _checks.Check((beta > 0) & (beta < 1), "beta must be in (0, 1)", lambda: f"{beta}")
    viewpoints = list(dict.fromkeys(judgement.viewpoint for judgement in judgements))
    with _checks.evaluated_now():
        single = np.asarray(substitutions.single)
    row_of = {frozenset(elements[i] for i in pair): row for row, pair in enumerate(single) if pair.min() >= 0}
    supported = np.full((len(viewpoints), len(single)), _SETS["medium"])
    seen: set[tuple[frozenset[str], str]] = set()
    for judgement in judgements:
        pair = frozenset(judgement[:2])
        if judgement.judgement not in _SETS:
            raise ValueError(f"judgements must be one of {', '.join(_SETS)}, got {judgement}")
        if (pair, judgement.viewpoint) in seen:
            raise ValueError(f"judgements must be one of a pair by a viewpoint, got another: {judgement}")
        seen.add((pair, judgement.viewpoint))
        row = row_of.get(pair)
        if row is not None:
            supported[viewpoints.index(judgement.viewpoint), row] = _SETS[judgement.judgement]
    chosen = jnp.asarray(np.eye(4)[supported], beta.dtype)
    return _checks.enforce((beta * chosen).at[..., 3].add(1 - beta), inside)
