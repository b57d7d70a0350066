"""Where particles live: boxes, neighbours, grids.

- A torus: `PeriodicBox`; unbounded space: `FreeSpace`. Both wrap points and measure displacements and distances.
- The k nearest neighbours of every point: `nearest_neighbors`, exact in either space.
- The divergence of a vector field: `divergence`, exact, or `hutchinson_divergence`, by random probes; with the field's
  value and term by term in `value_and_jacobian_diagonal` and `value_and_hutchinson_diagonal`.
"""

from entropax.space.boxes import FreeSpace, PeriodicBox
from entropax.space.neighbors import Neighbors, nearest_neighbors
from entropax.space.operators import (
    divergence,
    hutchinson_divergence,
    value_and_hutchinson_diagonal,
    value_and_jacobian_diagonal,
)

__all__ = [
    "FreeSpace",
    "Neighbors",
    "PeriodicBox",
    "divergence",
    "hutchinson_divergence",
    "nearest_neighbors",
    "value_and_hutchinson_diagonal",
    "value_and_jacobian_diagonal",
]
