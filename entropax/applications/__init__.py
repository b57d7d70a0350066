"""Entropy at work in other fields, each a part with a face of its own.

- `alloys`: formulas, descriptors and evidence for high-entropy alloys.
- `clusters`: entropy of the gas in clusters of galaxies, and what changes it.
- `logistics`: structural entropy of deliveries and its consolidation.
"""

from entropax.applications import alloys, clusters, logistics

__all__ = ["alloys", "clusters", "logistics"]
