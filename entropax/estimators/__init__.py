"""Measures estimated from *samples*, in nats, with error bars.

- Counts of discrete states: `discrete_entropy` and `discrete_mutual_information`, whose `correction` says how the bias
  of few samples is met ("grassberger" when the number of states is unknown, "nsb" when it is known); from labels by
  `label_counts` and `contingency_table`; `adjusted_mutual_information` to compare clusterings.
- Continuous samples in few dimensions: `kernel_density_entropy` and `kernel_density_mutual_information`, smooth and
  differentiable; `histogram_entropy` and `histogram_mutual_information`, the fastest with many samples of one or two
  columns, softened by a temperature where a gradient is wanted.
- Data with exactly known mutual information. `BENCHMARK_TASKS` are the forty of the literature; `GaussianTask`,
  `StudentTask`, `UniformNoiseTask` and their images, `TransformedTask`, make others (`latent_correlation` for the
  covariance; `half_cube`, `normal_cdf`, `normal_to_mixture`, `spiral`, `swiss_roll`, `wiggly_x`, `wiggly_y` for the
  maps). `sample_task` draws one data set of a family of the meta-distribution that amortised estimators learn from,
  `meta_batch` a padded batch of random families, dimensions and sizes.
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
from entropax.estimators.discrete_counts import (
    adjusted_mutual_information,
    contingency_table,
    discrete_entropy,
    discrete_mutual_information,
    label_counts,
)
from entropax.estimators.histogram import histogram_entropy, histogram_mutual_information
from entropax.estimators.kernel_density import kernel_density_entropy, kernel_density_mutual_information
from entropax.estimators.ordinal import (
    OrdinalPatterns,
    ordinal_distribution,
    ordinal_pattern_indices,
    permutation_entropy,
    soft_ordinal_distribution,
    statistical_complexity,
)
from entropax.estimators.sampling_scheme import SamplingInterval, natural_timescale, pattern_time, sampling_interval
from entropax.estimators.tasks import (
    GaussianTask,
    StudentTask,
    Task,
    TransformedTask,
    UniformNoiseTask,
    latent_correlation,
)
from entropax.estimators.tasks_benchmark import BENCHMARK_TASKS
from entropax.estimators.tasks_families import (
    IN_DISTRIBUTION_FAMILIES,
    OUT_OF_DISTRIBUTION_FAMILIES,
    PARAMETER_RANGES,
    TRAINING_FAMILIES,
)
from entropax.estimators.tasks_meta import MetaBatch, TaskSample, meta_batch, sample_task
from entropax.estimators.tasks_transforms import (
    half_cube,
    normal_cdf,
    normal_to_mixture,
    spiral,
    swiss_roll,
    wiggly_x,
    wiggly_y,
)
from entropax.estimators.templates import approximate_entropy, multiscale_entropy, sample_entropy

__all__ = [
    "BENCHMARK_TASKS",
    "HC_CLASSES",
    "IN_DISTRIBUTION_FAMILIES",
    "OUT_OF_DISTRIBUTION_FAMILIES",
    "PARAMETER_RANGES",
    "TRAINING_FAMILIES",
    "GaussianTask",
    "HCBounds",
    "HCLabel",
    "HCPoint",
    "MetaBatch",
    "OrdinalPatterns",
    "SamplingInterval",
    "StudentTask",
    "Task",
    "TaskSample",
    "TransformedTask",
    "UniformNoiseTask",
    "adjusted_mutual_information",
    "approximate_entropy",
    "classify_hc",
    "complexity_limits",
    "contingency_table",
    "discrete_entropy",
    "discrete_mutual_information",
    "half_cube",
    "hc_bounds",
    "hc_curves",
    "hc_point",
    "histogram_entropy",
    "histogram_mutual_information",
    "kernel_density_entropy",
    "kernel_density_mutual_information",
    "label_counts",
    "latent_correlation",
    "max_complexity",
    "meta_batch",
    "multiscale_entropy",
    "natural_timescale",
    "normal_cdf",
    "normal_to_mixture",
    "ordinal_distribution",
    "ordinal_pattern_indices",
    "pattern_time",
    "periodic_limits",
    "permutation_entropy",
    "sample_entropy",
    "sample_task",
    "sampling_interval",
    "soft_ordinal_distribution",
    "spiral",
    "statistical_complexity",
    "swiss_roll",
    "wiggly_x",
    "wiggly_y",
]
