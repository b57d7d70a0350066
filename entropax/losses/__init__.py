"""Training losses: one value an example, no hidden reduction.

Learning the score of a density from samples: `evaluate_score` once a batch, then `implicit_score_matching_loss`
(unbiased, needs a divergence), `stationary_residuals` with `stationary_fokker_planck_loss` (the physics of a steady
state; add it to another loss), or, where a divergence costs too much, `denoising_score_matching_loss` (one network
evaluation, the score of a smoothed density) and `dynamics_denoising_loss` (the dynamics' own noise smooths).

Classification takes logits (..., n) and labels, integers (...) or, where the mathematics allows, distributions
(..., n); `where` says which examples count.

The comp-sum family, `comp_sum_loss`, joins cross-entropy to its relatives by one number tau: below 1 hard examples
weigh more, above 1 less (robust to noise, slow to train). `comp_sum_conditional_risk`, `minimizability_gap_bound` and
`h_consistency_bound` say what a surrogate's risk tells of the error; `smooth_adversarial_comp_sum_loss` guards against
attacks (`pgd_attack`), `comp_sum_margin_loss` is what it bounds.

Where logits are a linear head over a large vocabulary, `linear_cross_entropy` takes the head instead of the logits,
which it never holds; `linear_softmax_statistics` gives log-probability, normaliser, entropy and divergence to a
reference from the same pass, with gradients; `linear_softmax_cross_entropy_loss` is the first with tokamax's arguments.
"""

from entropax.losses.adversarial import comp_sum_margin_loss, pgd_attack, smooth_adversarial_comp_sum_loss
from entropax.losses.comp_sum import (
    comp_sum_conditional_risk,
    comp_sum_loss,
    comp_sum_outer,
    h_consistency_bound,
    h_consistency_relaxed_bound,
    h_consistency_transform,
    minimizability_gap_bound,
)
from entropax.losses.fused import (
    LinearSoftmaxStatistics,
    linear_cross_entropy,
    linear_softmax_cross_entropy_loss,
    linear_softmax_statistics,
)
from entropax.losses.score_matching import (
    ScoreEvaluation,
    StationaryResiduals,
    denoising_score_matching_loss,
    dynamics_denoising_loss,
    evaluate_score,
    implicit_score_matching_loss,
    stationary_fokker_planck_loss,
    stationary_residuals,
)

__all__ = [
    "LinearSoftmaxStatistics",
    "ScoreEvaluation",
    "StationaryResiduals",
    "comp_sum_conditional_risk",
    "comp_sum_loss",
    "comp_sum_margin_loss",
    "comp_sum_outer",
    "denoising_score_matching_loss",
    "dynamics_denoising_loss",
    "evaluate_score",
    "h_consistency_bound",
    "h_consistency_relaxed_bound",
    "h_consistency_transform",
    "implicit_score_matching_loss",
    "linear_cross_entropy",
    "linear_softmax_cross_entropy_loss",
    "linear_softmax_statistics",
    "minimizability_gap_bound",
    "pgd_attack",
    "smooth_adversarial_comp_sum_loss",
    "stationary_fokker_planck_loss",
    "stationary_residuals",
]
