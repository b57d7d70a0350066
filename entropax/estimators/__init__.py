"""Measures estimated from *samples*, in nats, with error bars.

- From nearest neighbours, nothing fitted: `ksg_mutual_information` is the first to try for continuous variables of few
  dimensions (up to ten together), `ksg_conditional_mutual_information` and `transfer_entropy` its conditional forms;
  `ross_mutual_information` for a label and a continuous variable, `mixed_mutual_information` where values repeat.
  `kozachenko_leonenko_entropy` and `neighbor_kl_divergence` for one and two samples.
- To train through: `relaxed_ksg_mutual_information` (works with few neighbours, n^2 pairs), or with many neighbours
  `kozachenko_leonenko_mutual_information` (cheaper). Counts have no gradient.
"""

from entropax.estimators.neighbor_dependence import (
    ksg_conditional_mutual_information,
    ksg_mutual_information,
    transfer_entropy,
)
from entropax.estimators.neighbor_entropy import (
    kozachenko_leonenko_entropy,
    kozachenko_leonenko_mutual_information,
    neighbor_kl_divergence,
)
from entropax.estimators.neighbor_mixed import mixed_mutual_information, ross_mutual_information
from entropax.estimators.neighbor_relaxed import relaxed_ksg_mutual_information

__all__ = [
    "kozachenko_leonenko_entropy",
    "kozachenko_leonenko_mutual_information",
    "ksg_conditional_mutual_information",
    "ksg_mutual_information",
    "mixed_mutual_information",
    "neighbor_kl_divergence",
    "relaxed_ksg_mutual_information",
    "ross_mutual_information",
    "transfer_entropy",
]
