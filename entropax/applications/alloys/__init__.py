"""High-entropy alloys: formulas, descriptors, substitution of elements.

- Formulas: `parse_formula` gives atomic fractions, `periodic_group` the column of an element; `SYMBOLS` are the known
  elements.
"""

from entropax.applications.alloys.formulas import SYMBOLS, parse_formula, periodic_group

__all__ = ["SYMBOLS", "parse_formula", "periodic_group"]
