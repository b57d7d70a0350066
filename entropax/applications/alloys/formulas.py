"""Chemical formulas and the place of their elements in the periodic table."""

import math
import re
from bisect import bisect_left

SYMBOLS: tuple[str, ...] = (
    *("H", "He"),
    *("Li", "Be", "B", "C", "N", "O", "F", "Ne"),
    *("Na", "Mg", "Al", "Si", "P", "S", "Cl", "Ar"),
    *("K", "Ca", "Sc", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "Ge", "As", "Se", "Br", "Kr"),
    *("Rb", "Sr", "Y", "Zr", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd", "Ag", "Cd", "In", "Sn", "Sb", "Te", "I", "Xe"),
    *("Cs", "Ba", "La", "Ce", "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu"),
    *("Hf", "Ta", "W", "Re", "Os", "Ir", "Pt", "Au", "Hg", "Tl", "Pb", "Bi", "Po", "At", "Rn"),
    *("Fr", "Ra", "Ac", "Th", "Pa", "U", "Np", "Pu", "Am", "Cm", "Bk", "Cf", "Es", "Fm", "Md", "No", "Lr"),
    *("Rf", "Db", "Sg", "Bh", "Hs", "Mt", "Ds", "Rg", "Cn", "Nh", "Fl", "Mc", "Lv", "Ts", "Og"),
)
"""The symbols of the 118 elements, by atomic number less one."""

_NUMBERS = {symbol: number for number, symbol in enumerate(SYMBOLS, start=1)}
_NOBLE = (2, 10, 18, 36, 54, 86, 118)  # atomic numbers that end a period
_TOKEN = re.compile(r"\s*(?:(?P<open>[(\[])|(?P<close>[)\]])|(?P<symbol>[A-Z][a-z]?))")
_AMOUNT = re.compile(r"\s*(?P<amount>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)")
_CLOSED_BY = {"(": ")", "[": "]"}
_ROUNDING = 0.005  # what an amount that is printed with two decimals may be off


def parse_formula(formula: str, *, fractions: bool = False) -> dict[str, float]:
    """Atomic fractions of a formula, x_i = n_i / sum_j n_j.

    "AlCoCrFeNi", "Al0.25 Co Fe Ni", "(CoCrFe)0.9Nb0.1" and "[Fe(NiCo)2]3Al" are read; an element that stands in several
    places has its amounts added up.

    Args:
        formula: symbols and groups in brackets, each followed by its amount where that is not one; blanks are ignored.
        fractions: whether the amounts are meant as atomic fractions; then they must sum to one, up to the rounding of
            amounts to two decimals.

    Returns:
        Atomic fraction by symbol, in order of first appearance; they sum to one.

    Raises:
        TypeError: the formula is no string.
        ValueError: an element is unknown, an amount is not positive, brackets do not match, something else stands in
            the formula, or the fractions do not sum to one.
    """
    if not isinstance(formula, str):
        raise TypeError(f"formula must be a string, got {formula!r} of type {type(formula).__name__}")
    amounts = _amounts(formula)
    if not (math.isfinite(sum(amounts.values())) and min(amounts.values()) > 0):
        raise ValueError(f"formula must have amounts that neither overflow nor vanish, got {formula!r}")
    total = math.fsum(amounts.values())
    if fractions and abs(total - 1) > _ROUNDING * len(amounts):
        raise ValueError(f"formula must have fractions that sum to one, got {formula!r}, whose sum is {total:.6g}")
    return {symbol: amount / total for symbol, amount in amounts.items()}


def _amounts(formula: str) -> dict[str, float]:
    """The amount of every element, groups multiplied out."""
    groups: list[dict[str, float]] = [{}]
    opened: list[str] = []
    position = 0
    while formula[position:].strip():
        token = _TOKEN.match(formula, position)
        if token is None:
            raise _bad_syntax(formula, position, "a symbol or a bracket")
        position = token.end()
        if token["open"]:
            groups.append({})
            opened.append(token["open"])
            continue
        if token["symbol"]:
            part = {_known(token["symbol"], formula): 1.0}
        else:
            if not opened or _CLOSED_BY[opened.pop()] != token["close"]:
                raise _bad_syntax(formula, position - 1, "brackets that match")
            part = groups.pop()
            if not part:
                raise _bad_syntax(formula, position - 1, "elements between brackets")
        times, position = _times(formula, position)
        for symbol, amount in part.items():
            groups[-1][symbol] = groups[-1].get(symbol, 0.0) + times * amount
    if opened or not groups[0]:
        raise _bad_syntax(formula, len(formula), f"a {_CLOSED_BY[opened[-1]]!r}" if opened else "an element")
    return groups[0]


def _times(formula: str, position: int) -> tuple[float, int]:
    """The amount that stands at a position, one where none does, and the position behind it."""
    amount = _AMOUNT.match(formula, position)
    if amount is None:
        return 1.0, position
    times = float(amount["amount"])
    if not (times > 0 and math.isfinite(times)):
        raise ValueError(f"formula must have positive amounts, got {amount['amount']} in {formula!r}")
    return times, amount.end()


def _known(symbol: str, formula: str) -> str:
    if symbol not in _NUMBERS:
        raise ValueError(f"formula must name known elements, got {symbol!r} in {formula!r}")
    return symbol


def _bad_syntax(formula: str, position: int, expected: str) -> ValueError:
    return ValueError(f"formula must have {expected} at position {position}, got {formula!r}")


def periodic_group(symbol: str) -> int:
    """Group of an element in the periodic table, 1 to 18; the lanthanides and actinides count as group 3.

    Args:
        symbol: like "Fe".

    Returns:
        The group.

    Raises:
        ValueError: the element is unknown.
    """
    if symbol not in _NUMBERS:
        raise ValueError(f"symbol must be that of a known element, got {symbol!r}")
    number = _NUMBERS[symbol]
    period = bisect_left(_NOBLE, number)
    to_noble = _NOBLE[period] - number  # groups 4 to 18 are counted from the end of the period, 1 and 2 from its start
    from_noble = number - (_NOBLE[period - 1] if period else 0)
    if period == 0:
        return from_noble if number == 1 else 18
    if from_noble <= 2:
        return from_noble
    return max(3, 18 - to_noble)
