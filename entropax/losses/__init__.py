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

Class centres in place of logits (`nn.DistanceHead`): `harmonic_loss` of distances, `original_harmonic_loss` as it was
published, `blockwise_harmonic_loss` where there are too many centres for all distances at once.

Rare positives judged by F1: `dice_loss`, `tversky_loss` (false positives and negatives weigh differently),
`self_adjusting_dice_loss` (easy examples fade), `multiclass_dice_loss` and `multiclass_tversky_loss`;
`dice_coefficient` is what they soften, `ohem_mask` keeps hard negatives, `weighted_cross_entropy_loss` is the baseline
(focal loss: optax).

Geometry of features, added to a classification loss: `orthogonal_projection_loss` of a batch (one number;
`class_cosines` to watch it), `perpetual_projection_loss` with learned centres, `projection_distillation_loss` from a
teacher, `batch_self_attention` before any of them; `center_loss` and `rbf_logits` are baselines.
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
from entropax.losses.harmonic import blockwise_harmonic_loss, harmonic_loss, original_harmonic_loss
from entropax.losses.multiclass_overlap import multiclass_dice_loss, multiclass_tversky_loss
from entropax.losses.overlap import (
    dice_coefficient,
    dice_loss,
    ohem_mask,
    self_adjusting_dice_loss,
    tversky_loss,
    weighted_cross_entropy_loss,
)
from entropax.losses.projection import (
    ClassCosines,
    batch_self_attention,
    center_loss,
    class_cosines,
    orthogonal_projection_loss,
    perpetual_projection_loss,
    projection_distillation_loss,
    rbf_logits,
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
    "ClassCosines",
    "ScoreEvaluation",
    "StationaryResiduals",
    "batch_self_attention",
    "blockwise_harmonic_loss",
    "center_loss",
    "class_cosines",
    "comp_sum_conditional_risk",
    "comp_sum_loss",
    "comp_sum_margin_loss",
    "comp_sum_outer",
    "denoising_score_matching_loss",
    "dice_coefficient",
    "dice_loss",
    "dynamics_denoising_loss",
    "evaluate_score",
    "h_consistency_bound",
    "h_consistency_relaxed_bound",
    "h_consistency_transform",
    "harmonic_loss",
    "implicit_score_matching_loss",
    "minimizability_gap_bound",
    "multiclass_dice_loss",
    "multiclass_tversky_loss",
    "ohem_mask",
    "original_harmonic_loss",
    "orthogonal_projection_loss",
    "perpetual_projection_loss",
    "pgd_attack",
    "projection_distillation_loss",
    "rbf_logits",
    "self_adjusting_dice_loss",
    "smooth_adversarial_comp_sum_loss",
    "stationary_fokker_planck_loss",
    "stationary_residuals",
    "tversky_loss",
    "weighted_cross_entropy_loss",
]
