"""Measures estimated from *samples*, in nats, with error bars.

- Data with exactly known mutual information: `sample_task` draws one data set of a family of the meta-distribution
  that amortised estimators learn from, `meta_batch` a padded batch of random families, dimensions and sizes.
- From a trained network, in one pass: `amortized_mutual_information`, with quantiles `amortized_quantiles` or an
  interval `amortized_interval`. For a few hundred samples of a few coordinates, where others need more or are slow;
  outside the range of its training it refuses. `pretrained_mist` is the network that ships; an `AmortizedEstimator`
  holds one of your own. `paired_rows` is what networks see of data, `normal_scores` the ranks in it.
- Predicted quantiles: `pinball_loss` trains them, `calibration_curve` judges them.
"""

from entropax.estimators.amortized import (
    AmortizedEstimator,
    Interval,
    amortized_interval,
    amortized_mutual_information,
    amortized_quantiles,
    pretrained_mist,
)
from entropax.estimators.quantiles import calibration_curve, pinball_loss
from entropax.estimators.row_features import normal_scores, num_features, paired_rows
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
    "AmortizedEstimator",
    "Interval",
    "MetaBatch",
    "TaskSample",
    "amortized_interval",
    "amortized_mutual_information",
    "amortized_quantiles",
    "calibration_curve",
    "half_cube",
    "meta_batch",
    "normal_scores",
    "num_features",
    "paired_rows",
    "pinball_loss",
    "pretrained_mist",
    "sample_task",
    "wiggly_x",
    "wiggly_y",
]
