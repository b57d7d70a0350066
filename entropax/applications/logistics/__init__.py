"""Last-mile deliveries: structural entropy, consolidation, distances.

The structural entropy of a route is the logarithm of in how many ways its parcels can be delivered; counts may be real,
so that everything has gradients. Padding is zeros, or a mask.

- Score a route: `log_multiplicity` (or by its other name `structural_entropy`) is how much there is to do,
  `normalized_structural_entropy` how fragmented it is, in [0, 1]; `shannon_duality_gap` is what a parcel's is below
  Shannon's entropy, which knows no size.
- Consolidate in space: `grouped_entropy` splits entropy exactly between and within groups; `spatial_consolidation`
  gives the carrier's counts when stops use lockers, `adoption_by_priority` which ones do at a given share.
- Count what customers travel: `system_entropy`, and `break_even_chaining`, how many of their trips have to be chained.
- Consolidate in time: `temporal_consolidation`.
- Distances: `tour_order` searches a short tour, `tour_length` has gradients in the points; `fit_entropy_distance` is
  the power law that entropy follows.
- Lockers' sites: `place_lockers` descends `locker_cost`; `soft_locker_loads` is the relaxed form of the choice that
  `nearest_locker` makes.
- Routes: `synthesize_city` makes them up; `read_challenge_routes` reads those of the Amazon Last Mile Routing Research
  Challenge from a user's copy.

Source: arXiv 2605.00008, of which the abstract alone was at hand: formulas are our reading, built to check its
statements.
"""

from entropax.applications.logistics.chaining import BreakEvenChaining, break_even_chaining, system_entropy
from entropax.applications.logistics.challenge import ChallengeRoutes, read_challenge_routes
from entropax.applications.logistics.cities import Routes, synthesize_city
from entropax.applications.logistics.distance_law import EntropyDistanceFit, fit_entropy_distance
from entropax.applications.logistics.grouping import (
    GroupedEntropy,
    LockerLoads,
    adoption_by_priority,
    grouped_entropy,
    spatial_consolidation,
    temporal_consolidation,
)
from entropax.applications.logistics.multiplicities import (
    log_multiplicity,
    normalized_structural_entropy,
    shannon_duality_gap,
    structural_entropy,
)
from entropax.applications.logistics.sites import (
    LockerSites,
    SoftLockerLoads,
    locker_cost,
    nearest_locker,
    place_lockers,
    soft_locker_loads,
)
from entropax.applications.logistics.tours import TourOrder, tour_length, tour_order

__all__ = [
    "BreakEvenChaining",
    "ChallengeRoutes",
    "EntropyDistanceFit",
    "GroupedEntropy",
    "LockerLoads",
    "LockerSites",
    "Routes",
    "SoftLockerLoads",
    "TourOrder",
    "adoption_by_priority",
    "break_even_chaining",
    "fit_entropy_distance",
    "grouped_entropy",
    "locker_cost",
    "log_multiplicity",
    "nearest_locker",
    "normalized_structural_entropy",
    "place_lockers",
    "read_challenge_routes",
    "shannon_duality_gap",
    "soft_locker_loads",
    "spatial_consolidation",
    "structural_entropy",
    "synthesize_city",
    "system_entropy",
    "temporal_consolidation",
    "tour_length",
    "tour_order",
]
