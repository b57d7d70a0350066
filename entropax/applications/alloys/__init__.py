"""High-entropy alloys: formulas, descriptors, substitution of elements.

- Formulas: `parse_formula` gives atomic fractions, `periodic_group` the column of an element; `SYMBOLS` are the known
  elements.
- Which new alloys to try, from evidence and without descriptors: `alloy_table` and `load_alloy_table` make sets of
  elements with labels, `find_substitutions` their exchanges of groups, `substitutability` says which groups replace
  each other, `predict_alloys` what that says of alloys that are not known, and `rank_alloys` puts them in order.
  `element_distance` is the map of the elements.
- Knowledge beside the data: `load_judgements` and `judgement_masses`; `fuse_sources` weighs sources by reliability.
"""

from entropax.applications.alloys.formulas import SYMBOLS, parse_formula, periodic_group
from entropax.applications.alloys.knowledge import Judgement, judgement_masses, load_judgements
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
    "SYMBOLS",
    "AlloyTable",
    "Judgement",
    "Ranking",
    "Substitutions",
    "alloy_table",
    "element_distance",
    "find_substitutions",
    "fuse_sources",
    "judgement_masses",
    "load_alloy_table",
    "load_judgements",
    "parse_formula",
    "periodic_group",
    "predict_alloys",
    "rank_alloys",
    "substitutability",
]
