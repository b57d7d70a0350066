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

To learn from a teacher: `pld_loss` (its order of the classes; nothing to tune), `kd_loss` (its distribution, the
classic), `dkd_loss` (label and other classes apart), `dist_loss` (correlations within a batch). Orders in general:
`list_mle`, `plackett_luce_log_prob`, `sample_plackett_luce` and its relaxed form, `soft_plackett_luce_sample`.

For language models, where some wrong tokens are less wrong: `emo_loss` (likelihood balanced with `demd`, the transport
cost between embeddings); `mixce_loss` and `tailr_loss` weigh tokens by how likely the model finds them.

Where one right answer among N attempts is enough: `dco_loss` of whole answers, `dco_step_loss` of the steps of a proof,
`dco_factor` to weigh a cross-entropy of one's own.
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
from entropax.losses.coverage import dco_factor, dco_loss, dco_step_loss
from entropax.losses.distillation import dist_loss, dkd_loss, kd_loss
from entropax.losses.ranking import (
    Ranking,
    list_mle,
    plackett_luce_log_prob,
    pld_loss,
    sample_plackett_luce,
    soft_plackett_luce_sample,
    teacher_optimal_permutation,
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
from entropax.losses.transport import demd, emo_loss, mixce_loss, tailr_loss

__all__ = [
    "Ranking",
    "ScoreEvaluation",
    "StationaryResiduals",
    "comp_sum_conditional_risk",
    "comp_sum_loss",
    "comp_sum_margin_loss",
    "comp_sum_outer",
    "dco_factor",
    "dco_loss",
    "dco_step_loss",
    "demd",
    "denoising_score_matching_loss",
    "dist_loss",
    "dkd_loss",
    "dynamics_denoising_loss",
    "emo_loss",
    "evaluate_score",
    "h_consistency_bound",
    "h_consistency_relaxed_bound",
    "h_consistency_transform",
    "implicit_score_matching_loss",
    "kd_loss",
    "list_mle",
    "minimizability_gap_bound",
    "mixce_loss",
    "pgd_attack",
    "plackett_luce_log_prob",
    "pld_loss",
    "sample_plackett_luce",
    "smooth_adversarial_comp_sum_loss",
    "soft_plackett_luce_sample",
    "stationary_fokker_planck_loss",
    "stationary_residuals",
    "tailr_loss",
    "teacher_optimal_permutation",
]
