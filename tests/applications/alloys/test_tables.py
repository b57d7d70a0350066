"""Readers of alloys and of judgements: what they accept, and the words of what they refuse."""

import json
from pathlib import Path

import numpy as np
import pytest

from entropax.applications.alloys import (
    Judgement,
    alloy_table,
    find_substitutions,
    judgement_masses,
    load_alloy_table,
    load_judgements,
)

pytestmark = pytest.mark.fast

FLAGS = """combination,Fe,Co,Mn,Ni,Label,set_name,length
CoFe,1,1,0,0,High,Co|Fe,2
FeMnNi,1,0,1,1,Low,Fe|Mn|Ni,3
"""


def written(folder: Path, text: str, name: str = "alloys.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_formulas_become_sets() -> None:
    table = alloy_table(["NiFe", "Fe2Co", "CoCrFeNi", "FeNi", "W", ["Cr", "V"]], [True, False, True, True, True, False])
    assert table.elements == ("V", "Cr", "Fe", "Co", "Ni")
    assert [{table.elements[i] for i in np.flatnonzero(row)} for row in table.members] == [
        {"Ni", "Fe"},
        {"Fe", "Co"},
        {"Co", "Cr", "Fe", "Ni"},
        {"Cr", "V"},
    ]
    assert table.labels.tolist() == [True, False, True, False]
    assert table.conflicting == ()
    even = alloy_table(["Fe2Co", "FeNi"], [False, True], equiatomic=True)
    assert even.elements == ("Fe", "Ni")


def test_contradictions_are_named_and_left_out() -> None:
    table = alloy_table(["FeNi", "Fe3Ni", "CoNi"], [True, False, True])
    assert table.conflicting == (("Fe", "Ni"),)
    assert table.elements == ("Co", "Ni")
    assert table.members.shape == (1, 2)


def test_both_layouts(tmp_path: Path) -> None:
    flagged = load_alloy_table(written(tmp_path, FLAGS))
    listed = load_alloy_table(written(tmp_path, "formula,label\nCoFe,HEA\nFeMnNi,not HEA\n"))
    for table in (flagged, listed):
        assert table.elements == ("Mn", "Fe", "Co", "Ni")
        assert table.members.tolist() == [[False, True, True, False], [True, True, False, True]]
        assert table.labels.tolist() == [True, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("alloy,phase\nFe,bcc\n", "columns formula and label, or Label and one for each element, got alloy, phase"),
        ("formula,label\nFeXx,HEA\n", r"line 2: formula must name known elements, got 'Xx'"),
        ("formula,label\nFeNi,HEA\nFeCo,perhaps\n", "line 3: label must be one of High, HEA, 1, Low.* got 'perhaps'"),
        (FLAGS.replace("Co|Fe", "Co|Mn"), r"line 2: set_name must be of the elements.*Fe\|Co, got Co\|Mn"),
        (FLAGS.replace("Ni,3", "Ni,4"), "line 3: length must be 3"),
        (FLAGS.replace("Ni,3", "Ni,three"), "line 3: length must be 3, .* got three"),
        (FLAGS.replace("CoFe,1", "CoFe,2"), "line 2: column Fe must be 0 or 1, got '2'"),
        (FLAGS.replace("CoFe,1,1", "CoFe,0,0"), "line 2: an alloy must have elements"),
    ],
)
def test_bad_tables(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_alloy_table(written(tmp_path, text))


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="known elements, got 'Xx'"):
        alloy_table([["Fe", "Xx"]], [True])
    with pytest.raises(ValueError, match="labels must be one for each of 2 alloys, got 1"):
        alloy_table(["FeNi", "FeCo"], [True])
    with pytest.raises(ValueError, match="positive and negative must differ, got 1 in both"):
        load_alloy_table("no such file.csv", negative=("0", "1"))
    with pytest.raises(ValueError, match="must have elements"):
        alloy_table([[]], [True])
    with pytest.raises(FileNotFoundError):
        load_alloy_table("no such file.csv")


GIVEN = (
    Judgement("Fe", "Co", "metallurgy", "high"),
    Judgement("Ni", "Fe", "metallurgy", "low"),
    Judgement("Co", "Fe", "corrosion", "medium"),
)


def test_judgements_from_both_formats(tmp_path: Path) -> None:
    lines = ["element_a,element_b,viewpoint,judgement", *(",".join(j) for j in GIVEN)]
    assert load_judgements(written(tmp_path, "\n".join(lines).replace("high", "High"))) == GIVEN
    assert load_judgements(written(tmp_path, json.dumps([j._asdict() for j in GIVEN]), "given.json")) == GIVEN


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("Fe,Xx,m,high", "line 2: elements must be known, got 'Xx'"),
        ("Fe,Fe,m,high", "line 2: two elements must be compared, got Fe twice"),
        ("Fe,Co,m,great", "line 2: judgement must be one of high, medium, low, got 'great'"),
        ("Fe,Co,,high", "line 2: viewpoint must be given"),
        ("Fe,Co,m,high\nCo,Fe,m,low", "line 3: m must judge a pair once"),
    ],
)
def test_bad_judgements(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_judgements(written(tmp_path, f"element_a,element_b,viewpoint,judgement\n{row}\n"))


def test_bad_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must hold a list of objects, got dict"):
        load_judgements(written(tmp_path, "{}", "given.json"))


def test_masses_of_judgements(x64) -> None:
    table = alloy_table(["FeCr", "CoCr", "NiCr", "VCr"], [True] * 4)
    found = find_substitutions(table.members)
    masses = np.asarray(judgement_masses(GIVEN, found, table.elements, 0.3))
    assert masses.shape == (2, len(found.groups), 4)
    pairs = [frozenset(table.elements[i] for i in pair) for pair in np.asarray(found.single)]
    open_ = [0, 0, 0, 1]
    expected = {frozenset(("Fe", "Co")): [0, 0.3, 0, 0.7], frozenset(("Fe", "Ni")): [0, 0, 0.3, 0.7]}
    np.testing.assert_allclose(masses[0], [expected.get(pair, open_) for pair in pairs], atol=1e-15)
    np.testing.assert_allclose(masses[1], [open_] * len(pairs), atol=1e-15)
    with pytest.raises(ValueError, match="judgements must hold at least one"):
        judgement_masses((), found, table.elements, 0.3)


def test_encodings_and_headers(tmp_path: Path) -> None:
    """Files that are not UTF-8, or lack a column though they have no row, are refused by name; marks are skipped."""
    latin = tmp_path / "latin.csv"
    latin.write_bytes("formula,label\nFeNi,Hé\n".encode("latin-1"))
    for read in (load_alloy_table, load_judgements):
        with pytest.raises(ValueError, match=r"latin\.csv must be UTF-8, got 0xe9"):
            read(latin)
    with pytest.raises(ValueError, match=r"must have the columns element_a, .* lacks viewpoint, judgement"):
        load_judgements(written(tmp_path, "element_a,element_b\n"))
    with pytest.raises(ValueError, match=r"bad\.json is not JSON"):
        load_judgements(written(tmp_path, "[", "bad.json"))
    marked = tmp_path / "marked.json"
    marked.write_bytes(b"\xef\xbb\xbf[]")
    assert load_judgements(marked) == ()


def test_judgements_made_by_hand_are_checked() -> None:
    exchanges = find_substitutions(np.array([[1, 1, 0], [1, 0, 1]]))
    one = Judgement("Ni", "Co", "metallurgy", "high")
    for judgements, words in (
        ([one._replace(judgement="High")], "must be one of high, medium, low"),
        ([one, one._replace(element_a="Co", element_b="Ni", judgement="low")], "must be one of a pair by a viewpoint"),
    ):
        with pytest.raises(ValueError, match=words):
            judgement_masses(judgements, exchanges, ("Fe", "Ni", "Co"), 0.3)
