"""Where particles live: boxes, neighbours, grids.

- A torus: `PeriodicBox`; unbounded space: `FreeSpace`. Both wrap points and measure displacements and distances.
- The k nearest neighbours of every point: `nearest_neighbors`, exact in either space, in the Euclidean or the maximum
  norm; `neighbor_distances` where their indices are not wanted.
- All pairs within a radius: `neighbor_table`, kept up to date by `update_neighbor_table` as particles move.
- The divergence of a vector field: `divergence`, exact, or `hutchinson_divergence`, by random probes; with the field's
  value and term by term in `value_and_jacobian_diagonal` and `value_and_hutchinson_diagonal`.
- Periodic grids: `SpectralGrid` differentiates, integrates and filters functions on a torus by Fourier transforms.
"""

from entropax.space.boxes import FreeSpace, PeriodicBox
from entropax.space.neighbors import Neighbors, nearest_neighbors, neighbor_distances
from entropax.space.operators import (
    divergence,
    hutchinson_divergence,
    value_and_hutchinson_diagonal,
    value_and_jacobian_diagonal,
)
from entropax.space.spectral import SpectralGrid
from entropax.space.tables import NeighborTable, cell_counts, neighbor_table, update_neighbor_table

__all__ = [
    "FreeSpace",
    "NeighborTable",
    "Neighbors",
    "PeriodicBox",
    "SpectralGrid",
    "cell_counts",
    "divergence",
    "hutchinson_divergence",
    "nearest_neighbors",
    "neighbor_distances",
    "neighbor_table",
    "update_neighbor_table",
    "value_and_hutchinson_diagonal",
    "value_and_jacobian_diagonal",
]
