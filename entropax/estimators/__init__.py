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
"""

from entropax.estimators.discrete_counts import (
    adjusted_mutual_information,
    contingency_table,
    discrete_entropy,
    discrete_mutual_information,
    label_counts,
)
from entropax.estimators.histogram import histogram_entropy, histogram_mutual_information
from entropax.estimators.kernel_density import kernel_density_entropy, kernel_density_mutual_information
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

__all__ = [
    "BENCHMARK_TASKS",
    "IN_DISTRIBUTION_FAMILIES",
    "OUT_OF_DISTRIBUTION_FAMILIES",
    "PARAMETER_RANGES",
    "TRAINING_FAMILIES",
    "GaussianTask",
    "MetaBatch",
    "StudentTask",
    "Task",
    "TaskSample",
    "TransformedTask",
    "UniformNoiseTask",
    "adjusted_mutual_information",
    "contingency_table",
    "discrete_entropy",
    "discrete_mutual_information",
    "half_cube",
    "histogram_entropy",
    "histogram_mutual_information",
    "kernel_density_entropy",
    "kernel_density_mutual_information",
    "label_counts",
    "latent_correlation",
    "meta_batch",
    "normal_cdf",
    "normal_to_mixture",
    "sample_task",
    "spiral",
    "swiss_roll",
    "wiggly_x",
    "wiggly_y",
]
