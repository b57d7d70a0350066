"""Measures estimated from *samples*, in nats, with error bars.

- Data with exactly known mutual information: `sample_task` draws one data set of a family of the meta-distribution
  that amortised estimators learn from, `meta_batch` a padded batch of random families, dimensions and sizes.
"""

from entropax.estimators.tasks_meta import (
    IN_DISTRIBUTION_FAMILIES,
    OUT_OF_DISTRIBUTION_FAMILIES,
    PARAMETER_RANGES,
    TRAINING_FAMILIES,
    MetaBatch,
    TaskSample,
    meta_batch,
    sample_task,
)
from entropax.estimators.tasks_transforms import half_cube, wiggly_x, wiggly_y

__all__ = [
    "IN_DISTRIBUTION_FAMILIES",
    "OUT_OF_DISTRIBUTION_FAMILIES",
    "PARAMETER_RANGES",
    "TRAINING_FAMILIES",
    "MetaBatch",
    "TaskSample",
    "half_cube",
    "meta_batch",
    "sample_task",
    "wiggly_x",
    "wiggly_y",
]
