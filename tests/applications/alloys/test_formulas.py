"""Formulas against amounts counted by hand."""

import pytest

from entropax.applications.alloys import SYMBOLS, parse_formula, periodic_group
from tests.contract.harness import without_shape_hook

pytestmark = pytest.mark.fast


@pytest.mark.parametrize(
    ("formula", "amounts"),
    [
        ("AlCoCrFeNi", {"Al": 1, "Co": 1, "Cr": 1, "Fe": 1, "Ni": 1}),
        ("Al0.25 Co1 Fe1 Ni1", {"Al": 0.25, "Co": 1, "Fe": 1, "Ni": 1}),
        ("(CoCrFe)0.9Nb0.1", {"Co": 0.9, "Cr": 0.9, "Fe": 0.9, "Nb": 0.1}),
        ("[Fe(NiCo)2]3Al", {"Fe": 3, "Ni": 6, "Co": 6, "Al": 1}),
        ("NiFe2Ni.5", {"Ni": 1.5, "Fe": 2}),
        ("Ti50Zr25Nb25", {"Ti": 2, "Zr": 1, "Nb": 1}),
        (" W ", {"W": 1}),
        ("Fe1e-3Co", {"Fe": 0.001, "Co": 1}),
    ],
)
def test_formulas(formula: str, amounts: dict[str, float]) -> None:
    parsed = parse_formula(formula)
    assert list(parsed) == list(amounts)
    assert parsed == pytest.approx({symbol: n / sum(amounts.values()) for symbol, n in amounts.items()}, rel=1e-14)
    assert sum(parsed.values()) == pytest.approx(1, abs=1e-14)


def test_fractions_must_sum_to_one() -> None:
    assert parse_formula("Al0.33Co0.33Ni0.33", fractions=True) == pytest.approx(
        dict.fromkeys(("Al", "Co", "Ni"), 1 / 3)
    )
    with pytest.raises(ValueError, match=r"fractions that sum to one, got 'Al0\.5Co0\.4', whose sum is 0\.9"):
        parse_formula("Al0.5Co0.4", fractions=True)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("FeXx2", "known elements, got 'Xx' in 'FeXx2'"),
        ("Ta_Th", "a symbol or a bracket at position 2, got 'Ta_Th'"),
        ("fe", "a symbol or a bracket at position 0"),
        ("2Fe", "a symbol or a bracket at position 0"),
        ("Fe0Co", "positive amounts, got 0 in 'Fe0Co'"),
        ("Fe-1Co", "positive amounts, got -1"),
        ("Fe1e999Co", "positive amounts, got 1e999"),
        ("(Fe1e200Co)1e200", "neither overflow nor vanish"),
        ("(Fe1e-200)1e-200", "neither overflow nor vanish"),
        ("(FeCo", r"a '\)' at position 5"),
        ("FeCo)2", "brackets that match at position 4"),
        ("(FeCo]2", "brackets that match at position 5"),
        ("Fe()2", "elements between brackets"),
        ("Fe1.2.3", "a symbol or a bracket"),
        ("", "an element at position 0"),
    ],
)
def test_bad_formulas(formula: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_formula(formula)


def test_a_formula_is_a_string() -> None:
    with without_shape_hook(), pytest.raises(TypeError, match="formula must be a string, got 3"):
        parse_formula(3)  # type: ignore[arg-type]


def test_groups_of_the_periodic_table() -> None:
    """The columns, as IUPAC prints them, top to bottom."""
    columns = {
        1: "H Li Na K Rb Cs Fr",
        2: "Be Mg Ca Sr Ba Ra",
        3: "Sc Y La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr",
        4: "Ti Zr Hf Rf",
        5: "V Nb Ta Db",
        6: "Cr Mo W Sg",
        7: "Mn Tc Re Bh",
        8: "Fe Ru Os Hs",
        9: "Co Rh Ir Mt",
        10: "Ni Pd Pt Ds",
        11: "Cu Ag Au Rg",
        12: "Zn Cd Hg Cn",
        13: "B Al Ga In Tl Nh",
        14: "C Si Ge Sn Pb Fl",
        15: "N P As Sb Bi Mc",
        16: "O S Se Te Po Lv",
        17: "F Cl Br I At Ts",
        18: "He Ne Ar Kr Xe Rn Og",
    }
    expected = {symbol: group for group, column in columns.items() for symbol in column.split()}
    assert {symbol: periodic_group(symbol) for symbol in SYMBOLS} == expected
    with pytest.raises(ValueError, match="known element, got 'Xx'"):
        periodic_group("Xx")
