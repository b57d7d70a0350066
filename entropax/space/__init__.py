"""Where particles live: boxes, neighbours, grids.

- A torus: `PeriodicBox`; unbounded space: `FreeSpace`. Both wrap points and measure displacements and distances.
- The k nearest neighbours of every point: `nearest_neighbors`, exact in either space.
"""

from entropax.space.boxes import FreeSpace, PeriodicBox
from entropax.space.neighbors import Neighbors, nearest_neighbors

__all__ = ["FreeSpace", "Neighbors", "PeriodicBox", "nearest_neighbors"]
