"""Cores of galaxy clusters: entropy, cooling, transformations and what causes them.

- Of the gas: `gas_entropy`, `specific_gas_entropy` (nats per particle), `cooling_time`, and `central_entropy` of the
  cells in an aperture. `entropy_profile` and `fit_entropy_profile` are a floor and a power law; the fitted floor is
  another number than the aperture's mean.
- What a core is: `classify_core` (classes), `soft_core_states` (weights with gradients).
- What happened to it: `find_transformations` finds rises and falls in one history. Optimise through
  `transformation_excess`, which never jumps, or `soft_transformation_count`, which tends to the count. `archetype`
  names a whole history.
- Why: `merger_fraction` against `random_control` (random times), `shuffled_control` (mergers shifted in time, exact
  where transformations come close together) or `poisson_null`; `excess_bootstrap`, `binomial_excess`,
  `wilson_interval` for errors. `stacked_epoch` and `duty_cycle` look at a series around events, `control_times` draws
  times to compare with.
- Data: `read_histories`, `read_mergers`, `cosmic_time`; or `simulate_population` of `ClusterCore`, a synthetic
  population with known causes, differentiable in its parameters.
"""

from entropax.applications.clusters.catalogues import (
    CatalogueError,
    Histories,
    cosmic_time,
    read_histories,
    read_mergers,
)
from entropax.applications.clusters.coincidence import (
    BinomialExcess,
    MergerFraction,
    binomial_excess,
    merger_fraction,
    poisson_null,
    wilson_interval,
)
from entropax.applications.clusters.controls import Control, excess_bootstrap, random_control, shuffled_control
from entropax.applications.clusters.core_states import CORE_STATES, LIMITS, CoreClass, classify_core, soft_core_states
from entropax.applications.clusters.entropy_profiles import EntropyProfileFit, entropy_profile, fit_entropy_profile
from entropax.applications.clusters.epochs import (
    ARCHETYPES,
    Archetype,
    DutyCycle,
    StackedEpoch,
    archetype,
    control_times,
    duty_cycle,
    stacked_epoch,
)
from entropax.applications.clusters.gas import central_entropy, cooling_time, gas_entropy, specific_gas_entropy
from entropax.applications.clusters.mergers import MAJOR, MINOR, MergerList
from entropax.applications.clusters.population import ClusterCore, CoreState, Population, simulate_population
from entropax.applications.clusters.transformations import (
    SoftCount,
    TransformationTable,
    find_transformations,
    soft_transformation_count,
    transformation_excess,
)

__all__ = [
    "ARCHETYPES",
    "CORE_STATES",
    "LIMITS",
    "MAJOR",
    "MINOR",
    "Archetype",
    "BinomialExcess",
    "CatalogueError",
    "ClusterCore",
    "Control",
    "CoreClass",
    "CoreState",
    "DutyCycle",
    "EntropyProfileFit",
    "Histories",
    "MergerFraction",
    "MergerList",
    "Population",
    "SoftCount",
    "StackedEpoch",
    "TransformationTable",
    "archetype",
    "binomial_excess",
    "central_entropy",
    "classify_core",
    "control_times",
    "cooling_time",
    "cosmic_time",
    "duty_cycle",
    "entropy_profile",
    "excess_bootstrap",
    "find_transformations",
    "fit_entropy_profile",
    "gas_entropy",
    "merger_fraction",
    "poisson_null",
    "random_control",
    "read_histories",
    "read_mergers",
    "shuffled_control",
    "simulate_population",
    "soft_core_states",
    "soft_transformation_count",
    "specific_gas_entropy",
    "stacked_epoch",
    "transformation_excess",
    "wilson_interval",
]
