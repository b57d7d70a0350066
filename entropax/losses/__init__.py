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

Few-shot segmentation at test time: `repri_inference` fits a cosine classifier of pixels (`init_prototype`,
`cosine_logits`) to labelled images and to the query itself; its terms are `repri_terms`. `prediction_entropy` and
`proportion_kl`, of any number of classes, serve test-time adaptation of other classifiers.
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
from entropax.losses.transductive import (
    PrototypeClassifier,
    RepriResult,
    RepriTerms,
    cosine_logits,
    init_prototype,
    repri_inference,
    repri_terms,
)
from entropax.losses.unlabelled import prediction_entropy, proportion_kl

__all__ = [
    "PrototypeClassifier",
    "RepriResult",
    "RepriTerms",
    "ScoreEvaluation",
    "StationaryResiduals",
    "comp_sum_conditional_risk",
    "comp_sum_loss",
    "comp_sum_margin_loss",
    "comp_sum_outer",
    "cosine_logits",
    "denoising_score_matching_loss",
    "dynamics_denoising_loss",
    "evaluate_score",
    "h_consistency_bound",
    "h_consistency_relaxed_bound",
    "h_consistency_transform",
    "implicit_score_matching_loss",
    "init_prototype",
    "minimizability_gap_bound",
    "pgd_attack",
    "prediction_entropy",
    "proportion_kl",
    "repri_inference",
    "repri_terms",
    "smooth_adversarial_comp_sum_loss",
    "stationary_fokker_planck_loss",
    "stationary_residuals",
]
