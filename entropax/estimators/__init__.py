"""Measures estimated from *samples*, in nats, with error bars.

- Counts of discrete states: `discrete_entropy` and `discrete_mutual_information`, whose `correction` says how the bias
  of few samples is met ("grassberger" when the number of states is unknown, "nsb" when it is known); from labels by
  `label_counts` and `contingency_table`; `adjusted_mutual_information` to compare clusterings.
- Continuous samples in few dimensions: `kernel_density_entropy` and `kernel_density_mutual_information`, smooth and
  differentiable; `histogram_entropy` and `histogram_mutual_information`, the fastest with many samples of one or two
  columns, softened by a temperature where a gradient is wanted.
- Dependence that is Gaussian, at any number of columns below that of the samples: `cca_mutual_information` and
  `canonical_correlations`; `gaussian_copula_mutual_information` where increasing functions of the columns make it so.
"""

from entropax.estimators.discrete_counts import (
    adjusted_mutual_information,
    contingency_table,
    discrete_entropy,
    discrete_mutual_information,
    label_counts,
)
from entropax.estimators.gaussian_dependence import (
    canonical_correlations,
    cca_mutual_information,
    gaussian_copula_mutual_information,
)
from entropax.estimators.histogram import histogram_entropy, histogram_mutual_information
from entropax.estimators.kernel_density import kernel_density_entropy, kernel_density_mutual_information

__all__ = [
    "adjusted_mutual_information",
    "canonical_correlations",
    "cca_mutual_information",
    "contingency_table",
    "discrete_entropy",
    "discrete_mutual_information",
    "gaussian_copula_mutual_information",
    "histogram_entropy",
    "histogram_mutual_information",
    "kernel_density_entropy",
    "kernel_density_mutual_information",
    "label_counts",
]
