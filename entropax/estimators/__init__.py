"""Measures estimated from *samples*, in nats, with error bars.

- What a learner with bounded compute makes of data, in bits: `prequential_epiplexity` from a loss curve on fresh data,
  `train_teacher_student` for the requential code of a student too (slower; a code of the model that never shrinks);
  `epiplexity_from_runs` for the best code at each compute over many runs, `scaling_law_frontier` where learning curves
  follow a power law, `light_cone_code` for an observer whose cost is exact. Data to try them on: `eca_pairs` (cellular
  automata), `bigram_induction` with its ideal learner `bigram_reference_losses`.
"""

from entropax.estimators.cellular_automata import LightConeCode, eca_evolve, eca_pairs, eca_step, light_cone_code
from entropax.estimators.compute_frontier import (
    ComputeFrontier,
    LowerHull,
    TwoPartCode,
    epiplexity_from_runs,
    lower_convex_hull,
    two_part_code,
)
from entropax.estimators.induction import BigramSequences, bigram_induction, bigram_reference_losses
from entropax.estimators.learnable import prequential_curve, prequential_epiplexity, requential_epiplexity
from entropax.estimators.scaling_frontier import (
    PUBLISHED_LAWS,
    PublishedLaw,
    ScalingFrontier,
    ScalingLaw,
    scaling_law_epiplexity,
    scaling_law_from_published,
    scaling_law_frontier,
)
from entropax.estimators.teacher_student import (
    RequentialResult,
    RequentialUpdate,
    Sequences,
    train_teacher_student,
)

__all__ = [
    "PUBLISHED_LAWS",
    "BigramSequences",
    "ComputeFrontier",
    "LightConeCode",
    "LowerHull",
    "PublishedLaw",
    "RequentialResult",
    "RequentialUpdate",
    "ScalingFrontier",
    "ScalingLaw",
    "Sequences",
    "TwoPartCode",
    "bigram_induction",
    "bigram_reference_losses",
    "eca_evolve",
    "eca_pairs",
    "eca_step",
    "epiplexity_from_runs",
    "light_cone_code",
    "lower_convex_hull",
    "prequential_curve",
    "prequential_epiplexity",
    "requential_epiplexity",
    "scaling_law_epiplexity",
    "scaling_law_from_published",
    "scaling_law_frontier",
    "train_teacher_student",
    "two_part_code",
]
