"""Properties of the metals that alloys are made of, and which of them are known.

The numbers are those that hea-bench 2.9.0 (MIT licence, D. Fieser, doi 10.3390/ma19143075) has collected:

- Radii: metallic ones for twelve neighbours, by Goldschmidt's convention, after Teatum, Gschneidner and Waber, report
  LA-4003 (1968), and Housecroft and Sharpe, Inorganic Chemistry, appendix 6. Si and Ge have covalent radii. Of metals
  whose atoms have other than twelve neighbours tables give different numbers, for Mn, Ga, In, Sb and Bi by 5 to 9 pm.
- Melting points at one atmosphere: CRC Handbook of Chemistry and Physics, 97th ed. (2016).
- Valence electrons: all of the valence band, those of d among them, as Guo and Liu count them, doi
  10.1016/S1002-0071(12)60080-X: s + d of transition metals, s + p of Al, Sn and the like, 12 of Zn; the lanthanides
  have 3 but for divalent Yb.
- Electronegativities: Pauling, The Nature of the Chemical Bond, 3rd ed. (1960), as WebElements gives them.
"""

from typing import NamedTuple

from entropax.applications.alloys.formulas import periodic_group


class Element(NamedTuple):
    """What the descriptors of alloys are made of.

    Attributes:
        symbol: like "Fe".
        radius: metallic radius, pm.
        melting_point: K.
        valence_electrons: of the valence band, d electrons included.
        electronegativity: on Pauling's scale.
        group: in the periodic table, 1 to 18; lanthanides and actinides count as 3.
    """

    symbol: str
    radius: float
    melting_point: float
    valence_electrons: int
    electronegativity: float
    group: int


_TABLE = """
    Li 157 453.65 1 0.98 | Be 112 1560 2 1.57 | Mg 160 923.15 2 1.31
    Al 143 933.47 3 1.61 | Si 111 1687 4 1.9 | Ca 197 1115 2 1
    Sc 164 1814 3 1.36 | Ti 147 1941 4 1.54 | V 135 2183 5 1.63
    Cr 129 2180 6 1.66 | Mn 135.7 1519 7 1.55 | Fe 126 1811 8 1.83
    Co 125 1768 9 1.88 | Ni 125 1728 10 1.91 | Cu 128 1357.77 11 1.9
    Zn 137 692.68 12 1.65 | Ga 135.3 302.91 3 1.81 | Ge 124 1211.4 4 2.01
    Sr 215.1 1050 2 0.95 | Y 182 1799 3 1.22 | Zr 160 2128 4 1.33
    Nb 147 2750 5 1.6 | Mo 139 2896 6 2.16 | Ru 134 2607 8 2.2
    Rh 134 2237 9 2.28 | Pd 137 1828 10 2.2 | Ag 144 1234.93 11 1.93
    In 167 429.7 3 1.78 | Sn 158 505.08 4 1.96 | Sb 157.1 903.78 5 2.05
    La 188 1193 3 1.1 | Ce 182 1071 3 1.12 | Pr 182.8 1204 3 1.13
    Nd 182.2 1289 3 1.14 | Sm 180.2 1345 3 1.17 | Gd 180.2 1585 3 1.2
    Tb 178.3 1632 3 1.1 | Dy 177.5 1685 3 1.22 | Ho 176.7 1745 3 1.23
    Er 175.8 1802 3 1.24 | Tm 174.7 1818 3 1.25 | Yb 193.9 1097 2 1.1
    Lu 173.5 1936 3 1.27 | Hf 159 2506 4 1.3 | Ta 147 3290 5 1.5
    W 141 3695 6 2.36 | Re 137 3459.15 7 1.9 | Os 135 3306 8 2.2
    Ir 136 2719 9 2.2 | Pt 139 2041.4 10 2.28 | Au 144 1337.33 11 2.54
    Pb 175 600.61 4 2.33 | Bi 168.9 544.55 5 2.02 | Th 179.8 2023 4 1.3
    U 154.3 1408 6 1.38
"""  # symbol, radius (pm), melting point (K), valence electrons, electronegativity


def _read() -> dict[str, Element]:
    rows = [row.split() for line in _TABLE.strip().splitlines() for row in line.split("|")]
    return {
        symbol: Element(symbol, float(radius), float(melting), int(valence), float(chi), periodic_group(symbol))
        for symbol, radius, melting, valence, chi in rows
    }


ELEMENTS: dict[str, Element] = _read()
"""The 55 elements with all properties, by symbol, in the order of their atomic numbers."""

CARBON_RADIUS, CARBON_ELECTRONEGATIVITY = 77.0, 2.55
"""Of the other sub-lattice of carbides: half a C-C bond in diamond, pm, and Pauling's number."""


def element_properties(symbol: str) -> Element:
    """Radius, melting point, valence electrons, electronegativity and group of an element.

    Args:
        symbol: like "Fe".

    Returns:
        Its `Element`.

    Raises:
        ValueError: the element is not in the table.
    """
    if symbol not in ELEMENTS:
        raise ValueError(f"symbol must be one of the {len(ELEMENTS)} elements with known properties, got {symbol!r}")
    return ELEMENTS[symbol]
