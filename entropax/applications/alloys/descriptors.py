"""What is computed of an alloy from its composition: entropy and enthalpy of mixing, mismatch of sizes, and more."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, RealScalar
from entropax.applications.alloys.elements import (
    CARBON_ELECTRONEGATIVITY,
    CARBON_RADIUS,
    element_properties,
)
from entropax.applications.alloys.formulas import parse_formula
from entropax.applications.alloys.miedema import pair_enthalpies

GAS_CONSTANT = 8.314462618
"""J / (mol K)."""


class AlloyDescriptors(eqx.Module):
    """Descriptors of alloys, arrays of one shape.

    Attributes:
        mixing_entropy: dS = -R sum_i x_i log x_i, J / (mol K).
        mixing_enthalpy: dH = 4 sum_(i < j) H_ij x_i x_j, kJ / mol.
        size_mismatch: delta = 100 sqrt(sum_i x_i (1 - r_i / r)^2) with r = sum_i x_i r_i, percent.
        vec: sum_i x_i VEC_i, valence electrons an atom.
        electronegativity_mismatch: sqrt(sum_i x_i (chi_i - chi)^2) with chi = sum_i x_i chi_i, on Pauling's scale.
        melting_temperature: T_m = sum_i x_i T_i, K.
        omega: T_m dS / |dH|, without unit.
    """

    mixing_entropy: Float[Array, "*batch"]
    mixing_enthalpy: Float[Array, "*batch"]
    size_mismatch: Float[Array, "*batch"]
    vec: Float[Array, "*batch"]
    electronegativity_mismatch: Float[Array, "*batch"]
    melting_temperature: Float[Array, "*batch"]
    omega: Float[Array, "*batch"]


class CarbideDescriptors(eqx.Module):
    """Descriptors of carbides (M1 ... Mn)C.

    Attributes:
        metals: of the metals' sub-lattice, as of an alloy.
        radius_ratio: r_C / r, carbon's radius over the metals' mean.
        electronegativity_gap: chi_C - chi, carbon's number less the metals' mean, on Pauling's scale.
    """

    metals: AlloyDescriptors
    radius_ratio: Float[Array, "*batch"]
    electronegativity_gap: Float[Array, "*batch"]


def hea_descriptors(
    composition: str | Mapping[str, int | float] | Real[ArrayLike, "*batch n"],
    *,
    elements: Sequence[str] | None = None,
    gas_constant: RealScalar = GAS_CONSTANT,
    least_enthalpy: RealScalar = 0.01,
) -> AlloyDescriptors:
    """Entropy and enthalpy of mixing, mismatches of size and electronegativity, valence electrons, melting, Omega.

    Args:
        composition: a formula like "Al0.5CoCrFeNi"; atomic amounts by symbol, which are normalised; or atomic fractions
            x over `elements`, shape (..., n), which sum to one.
        elements: n symbols, only with fractions.
        gas_constant: R, J / (mol K). Tables printed with 8.314 differ in the fifth digit.
        least_enthalpy: kJ / mol; a smaller |dH| counts as this in Omega, which has it in the denominator.

    Returns:
        The descriptors, without axes for one alloy, shape (...) for fractions.

    Raises:
        ValueError: an element has no known properties, a pair no known enthalpy, a formula is bad, fractions are
            negative or do not sum to one, or a number is not positive.
        TypeError: `elements` is missing, or superfluous.

    Differentiable in the fractions, along changes that keep their sum. What is infinite is set to zero: the slope of
    the entropy by a fraction that is zero, and that of a mismatch which vanishes, as in a pure element. Properties:
    `ELEMENTS`, `pair_enthalpies`. Source: Yang and Zhang 2012, doi 10.1016/j.matchemphys.2011.11.021; arXiv 2410.08452.
    """
    x, symbols, sums = _fractions(composition, elements)
    R, floor = (v.astype(x.dtype) for v in _checks.as_numbers(gas_constant=gas_constant, least_enthalpy=least_enthalpy))
    checks = (
        sums,
        _checks.positive("gas_constant", R),
        _checks.positive("least_enthalpy", floor),
    )
    *columns, pairs = _tables(symbols)
    if np.isnan(pairs).any():
        checks = (*checks, _no_unknown_pair(x, np.isnan(pairs)))
    radius, melting, valence, chi, enthalpy = (jnp.asarray(t, x.dtype) for t in (*columns, np.nan_to_num(pairs)))
    return _checks.enforce(_descriptors(x, radius, melting, valence, chi, enthalpy, R, floor), *checks)


def carbide_descriptors(formula: str) -> CarbideDescriptors:
    """Descriptors of a carbide: those of its metals, and how they differ from carbon.

    The paper names mixing enthalpy and valence electrons of the metals; the differences to carbon are our reading.

    Args:
        formula: like "(TiZrHfNbTa)C" or "Ti0.5Zr0.5C", carbon among its elements.

    Returns:
        The descriptors.

    Raises:
        ValueError: there is no carbon, nothing else, or a metal without known properties.

    Not differentiable: a formula is text; the metals' descriptors are those of `hea_descriptors`. Source: arXiv
    2410.08452.
    """
    amounts = parse_formula(formula)
    metals = {symbol: amount for symbol, amount in amounts.items() if symbol != "C"}
    if len(metals) == len(amounts) or not metals:
        raise ValueError(f"formula must be that of a carbide, metals with C, got {formula!r}")
    x, symbols, _ = _fractions(metals, None)
    radius, _, _, chi, _ = (jnp.asarray(table, x.dtype) for table in _tables(symbols))
    return CarbideDescriptors(
        metals=hea_descriptors(metals),
        radius_ratio=CARBON_RADIUS / jnp.sum(x * radius),
        electronegativity_gap=CARBON_ELECTRONEGATIVITY - jnp.sum(x * chi),
    )


def _fractions(
    composition: str | Mapping[str, int | float] | Real[ArrayLike, "*batch n"], elements: Sequence[str] | None
) -> tuple[Array, tuple[str, ...], _checks.Check]:
    """Fractions as an array, their elements, and the check that they are fractions."""
    if isinstance(composition, str | Mapping):
        if elements is not None:
            raise TypeError("elements must be left out where the composition names them")
        amounts = parse_formula(composition) if isinstance(composition, str) else dict(composition)
        x = jnp.asarray(_normalised(amounts), jnp.result_type(float))
        return x, tuple(amounts), _checks.distribution("composition", x)
    if elements is None or isinstance(elements, str):
        raise TypeError(f"elements must name those of the fractions, got {elements!r}")
    x = _checks.as_float("fractions", composition)
    if len(set(elements)) != len(elements):
        raise ValueError(f"elements must be different, got {tuple(elements)}")
    if x.ndim < 1 or x.shape[-1] != len(elements):
        raise ValueError(f"fractions must have shape (..., {len(elements)}), one for each element, got {x.shape}")
    check = _checks.distribution("fractions", x)  # before they are widened: with the rounding of their own precision
    with _checks.evaluated_now(x):
        return _checks.accumulated(x), tuple(elements), check


def _normalised(amounts: Mapping[str, int | float]) -> np.ndarray:
    expected = "composition must hold non-negative amounts, not all zero, whose sum is finite"
    if not all(isinstance(amount, int | float | np.number) for amount in amounts.values()):
        raise TypeError(f"{expected}, got {dict(amounts)}")
    values = np.array(list(amounts.values()), float)
    with np.errstate(over="ignore"):
        total = values.sum()
    if not (np.all(values >= 0) and 0 < total < np.inf):
        raise ValueError(f"{expected}, got {dict(amounts)}")
    return values / total


def _no_unknown_pair(x: Array, unknown: np.ndarray) -> _checks.Check:
    with _checks.evaluated_now(x):
        ok = jnp.all((x @ jnp.asarray(unknown, x.dtype)) * x == 0, axis=-1)
    return _checks.Check(ok, "elements must form pairs of known enthalpy", lambda: "Th with U")


@lru_cache(maxsize=4096)
def _tables(symbols: tuple[str, ...]) -> tuple[np.ndarray, ...]:
    """Radii, melting points, valence electrons, electronegativities and pair enthalpies of elements."""
    rows = [element_properties(symbol) for symbol in symbols]
    columns = ("radius", "melting_point", "valence_electrons", "electronegativity")
    return *(np.array([getattr(row, name) for row in rows], float) for name in columns), pair_enthalpies(symbols)


@jax.jit
def _descriptors(
    x: Array, radius: Array, melting: Array, valence: Array, chi: Array, enthalpy: Array, R: Array, floor: Array
) -> AlloyDescriptors:
    S = R * jnp.sum(jax.scipy.special.entr(jnp.where(x > 0, x, 1)), axis=-1)
    with jax.default_matmul_precision("highest"):
        H = 2 * jnp.sum((x @ enthalpy) * x, axis=-1)
        T, vec, r, mean_chi = x @ melting, x @ valence, x @ radius, x @ chi
    rows = (1,) * (x.ndim - 1) + radius.shape
    # Differences first: of a pure element they are zero to the last digit.
    size = (r[..., None] - radius.reshape(rows)) / r[..., None]
    delta = 100 * _safe_root(jnp.sum(x * size**2, axis=-1))
    mismatch = _safe_root(jnp.sum(x * (mean_chi[..., None] - chi.reshape(rows)) ** 2, axis=-1))
    return AlloyDescriptors(S, H, delta, vec, mismatch, T, T * S / (1000 * jnp.maximum(jnp.abs(H), floor)))


def _safe_root(square: Array) -> Array:
    positive = square > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, square, 1)), 0)
