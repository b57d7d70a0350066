"""Measures estimated from *samples*, in nats, with error bars.

- Counts of discrete states: `discrete_entropy` and `discrete_mutual_information`, whose `correction` says how the bias
  of few samples is met ("grassberger" when the number of states is unknown, "nsb" when it is known); from labels by
  `label_counts` and `contingency_table`; `adjusted_mutual_information` to compare clusterings.
- Continuous samples in few dimensions: `kernel_density_entropy` and `kernel_density_mutual_information`, smooth and
  differentiable; `histogram_entropy` and `histogram_mutual_information`, the fastest with many samples of one or two
  columns, softened by a temperature where a gradient is wanted.
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

__all__ = [
    "adjusted_mutual_information",
    "contingency_table",
    "discrete_entropy",
    "discrete_mutual_information",
    "histogram_entropy",
    "histogram_mutual_information",
    "kernel_density_entropy",
    "kernel_density_mutual_information",
    "label_counts",
]
