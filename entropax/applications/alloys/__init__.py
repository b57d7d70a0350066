"""High-entropy alloys: formulas, descriptors, substitution of elements.

- Formulas: `parse_formula` gives atomic fractions, `periodic_group` the column of an element; `SYMBOLS` are the known
  elements.
- Which new alloys to try, from evidence and without descriptors: `alloy_table` and `load_alloy_table` make sets of
  elements with labels, `find_substitutions` their exchanges of groups, `substitutability` says which groups replace
  each other, `predict_alloys` what that says of alloys that are not known, and `rank_alloys` puts them in order.
  `element_distance` is the map of the elements.
- Knowledge beside the data: `load_judgements` and `judgement_masses`; `fuse_sources` weighs sources by reliability.
- Descriptors: `hea_descriptors` of a formula, or of atomic fractions, in which they are differentiable;
  `carbide_descriptors` for (M1 ... Mn)C. They rest on `element_properties` (all of them: `ELEMENTS`) and on
  `pair_enthalpies` of Miedema's model.
- `design_composition` climbs a function of the composition, such as a trained network of the descriptors, under a bound
  on the entropy of mixing.
- Files with amounts: `read_phases`, `read_mechanical_properties`, `read_labelled_formulas` (carbides),
  `read_fraction_table`; `load_alloy_table` keeps the sets of elements alone.
"""

from entropax.applications.alloys.datasets import (
    AlloyData,
    read_fraction_table,
    read_labelled_formulas,
    read_mechanical_properties,
    read_phases,
)
from entropax.applications.alloys.descriptors import (
    GAS_CONSTANT,
    AlloyDescriptors,
    CarbideDescriptors,
    carbide_descriptors,
    hea_descriptors,
)
from entropax.applications.alloys.design import AlloyDesign, design_composition
from entropax.applications.alloys.elements import ELEMENTS, Element, element_properties
from entropax.applications.alloys.formulas import SYMBOLS, parse_formula, periodic_group
from entropax.applications.alloys.knowledge import Judgement, judgement_masses, load_judgements
from entropax.applications.alloys.miedema import pair_enthalpies
from entropax.applications.alloys.substitution import (
    Ranking,
    Substitutions,
    element_distance,
    find_substitutions,
    fuse_sources,
    predict_alloys,
    rank_alloys,
    substitutability,
)
from entropax.applications.alloys.tables import AlloyTable, alloy_table, load_alloy_table

__all__ = [
    "ELEMENTS",
    "GAS_CONSTANT",
    "SYMBOLS",
    "AlloyData",
    "AlloyDescriptors",
    "AlloyDesign",
    "AlloyTable",
    "CarbideDescriptors",
    "Element",
    "Judgement",
    "Ranking",
    "Substitutions",
    "alloy_table",
    "carbide_descriptors",
    "design_composition",
    "element_distance",
    "element_properties",
    "find_substitutions",
    "fuse_sources",
    "hea_descriptors",
    "judgement_masses",
    "load_alloy_table",
    "load_judgements",
    "pair_enthalpies",
    "parse_formula",
    "periodic_group",
    "predict_alloys",
    "rank_alloys",
    "read_fraction_table",
    "read_labelled_formulas",
    "read_mechanical_properties",
    "read_phases",
    "substitutability",
]
