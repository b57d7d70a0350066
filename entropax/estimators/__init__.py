"""Measures estimated from *samples*, in nats, with error bars.

- Ordinal patterns of a series: `permutation_entropy`; `hc_point`, its place in the entropy-complexity plane: regular,
  complex or stochastic (PECCARY); `hc_curves` over sampling intervals, `classify_hc` for a label; `natural_timescale`
  and `sampling_interval` choose the interval. `ordinal_distribution` and `statistical_complexity` are the parts;
  `hc_bounds`, `complexity_limits`, `max_complexity` and `periodic_limits` the plane's geometry. With a `temperature`
  (`soft_ordinal_distribution`) they have gradients.
- Templates that match: `sample_entropy`; `approximate_entropy`, defined for the shortest series but biased;
  `multiscale_entropy` to tell noise from structure over scales. With a `temperature` they have gradients.
"""

from entropax.estimators.complexity_plane import (
    HC_CLASSES,
    HCBounds,
    HCLabel,
    HCPoint,
    classify_hc,
    complexity_limits,
    hc_bounds,
    hc_curves,
    hc_point,
    max_complexity,
    periodic_limits,
)
from entropax.estimators.ordinal import (
    OrdinalPatterns,
    ordinal_distribution,
    ordinal_pattern_indices,
    permutation_entropy,
    soft_ordinal_distribution,
    statistical_complexity,
)
from entropax.estimators.sampling_scheme import SamplingInterval, natural_timescale, pattern_time, sampling_interval
from entropax.estimators.templates import approximate_entropy, multiscale_entropy, sample_entropy

__all__ = [
    "HC_CLASSES",
    "HCBounds",
    "HCLabel",
    "HCPoint",
    "OrdinalPatterns",
    "SamplingInterval",
    "approximate_entropy",
    "classify_hc",
    "complexity_limits",
    "hc_bounds",
    "hc_curves",
    "hc_point",
    "max_complexity",
    "multiscale_entropy",
    "natural_timescale",
    "ordinal_distribution",
    "ordinal_pattern_indices",
    "pattern_time",
    "periodic_limits",
    "permutation_entropy",
    "sample_entropy",
    "sampling_interval",
    "soft_ordinal_distribution",
    "statistical_complexity",
]
