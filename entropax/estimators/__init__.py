"""Measures estimated from *samples*, in nats, with error bars.

- Data with exactly known mutual information. `BENCHMARK_TASKS` are the forty of the literature; `GaussianTask`,
  `StudentTask`, `UniformNoiseTask` and their images, `TransformedTask`, make others (`latent_correlation` for the
  covariance; `half_cube`, `normal_cdf`, `normal_to_mixture`, `spiral`, `swiss_roll`, `wiggly_x`, `wiggly_y` for the
  maps). `sample_task` draws one data set of a family of the meta-distribution that amortised estimators learn from,
  `meta_batch` a padded batch of random families, dimensions and sizes.
"""

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
    "half_cube",
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
