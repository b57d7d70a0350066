"""Measures estimated from *samples*, in nats, with error bars.

- Counts of discrete states: `discrete_entropy` and `discrete_mutual_information`, whose `correction` says how the bias
  of few samples is met ("grassberger" when the number of states is unknown, "nsb" when it is known); from labels by
  `label_counts` and `contingency_table`; `adjusted_mutual_information` to compare clusterings.
"""

from entropax.estimators.discrete_counts import (
    adjusted_mutual_information,
    contingency_table,
    discrete_entropy,
    discrete_mutual_information,
    label_counts,
)

__all__ = [
    "adjusted_mutual_information",
    "contingency_table",
    "discrete_entropy",
    "discrete_mutual_information",
    "label_counts",
]
