"""Lists of mergers, and what is chosen of them."""

from typing import Literal, TypeAlias

import equinox as eqx

from entropax._typing import Array, Bool, Float

Direction: TypeAlias = Literal["up", "down"]
MAJOR, MINOR = (0.25, float("inf")), (0.1, 0.25)
"""Mass ratios of major and minor mergers, the upper end excluded; our reading."""

Range: TypeAlias = tuple[int | float, int | float] | None


class MergerList(eqx.Module):
    """Mergers of clusters, one row a cluster.

    Attributes:
        times: in Gyr, shape (c, m), in any order.
        mask: which entries are mergers, shape (c, m).
        mass_ratio: of the smaller to the larger, shape (c, m); None where it is not known.
        angular_momentum: specific, in any unit, shape (c, m); None where it is not known.
    """

    times: Float[Array, "c m"]
    mask: Bool[Array, "c m"]
    mass_ratio: Float[Array, "c m"] | None = None
    angular_momentum: Float[Array, "c m"] | None = None
