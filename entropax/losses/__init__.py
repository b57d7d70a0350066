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

Where labels may be wrong: `ldr_kl_loss` with a high temperature, `aldr_kl_loss` where their quality differs from
example to example (its state is `InstanceTemperatures`), `ldr_topk_loss` where one of the k best suffices. Put scores
on one scale with `normalize_scores`; see which classes push with `ldr_adversarial_weights`. The losses they are
compared with: `cross_entropy_loss`, `squared_error_loss`, `absolute_error_loss`, `crammer_singer_loss`,
`weston_watkins_loss`, `generalized_cross_entropy_loss`, `truncated_generalized_cross_entropy_loss`,
`symmetric_cross_entropy_loss`, `robust_log_loss`, `jensen_shannon_loss`, `nce_rce_loss`, `nce_agce_loss` and
`nce_aul_loss`. `uniform_label_flips` and `class_dependent_label_flips` make labels wrong.

Calibration, on held-out logits: `fit_temperature` (one number, for `temperature_scale`), or a network's temperature of
every example (`nn.Calibrator`) trained by `correctness_aware_loss`, which asks for confidence where the prediction is
right and for doubt where it is wrong.
"""

from entropax.losses.active_passive import (
    asymmetric_cross_entropy_loss,
    asymmetric_unhinged_loss,
    nce_agce_loss,
    nce_aul_loss,
    nce_rce_loss,
    normalized_cross_entropy_loss,
    reverse_cross_entropy_loss,
)
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
from entropax.losses.correctness import (
    FittedTemperature,
    correctness_aware_loss,
    fit_temperature,
    temperature_scale,
)
from entropax.losses.label_noise import NoisyLabels, class_dependent_label_flips, uniform_label_flips
from entropax.losses.noise_robust import (
    absolute_error_loss,
    crammer_singer_loss,
    cross_entropy_loss,
    generalized_cross_entropy_loss,
    jensen_shannon_loss,
    robust_log_loss,
    squared_error_loss,
    symmetric_cross_entropy_loss,
    truncated_generalized_cross_entropy_loss,
    truncation_weights,
    weston_watkins_loss,
)
from entropax.losses.robust import (
    AldrKL,
    InstanceTemperatures,
    aldr_kl_loss,
    ldr_adversarial_weights,
    ldr_kl_loss,
    ldr_topk_loss,
    normalize_scores,
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
    "AldrKL",
    "FittedTemperature",
    "InstanceTemperatures",
    "NoisyLabels",
    "ScoreEvaluation",
    "StationaryResiduals",
    "absolute_error_loss",
    "aldr_kl_loss",
    "asymmetric_cross_entropy_loss",
    "asymmetric_unhinged_loss",
    "class_dependent_label_flips",
    "comp_sum_conditional_risk",
    "comp_sum_loss",
    "comp_sum_margin_loss",
    "comp_sum_outer",
    "correctness_aware_loss",
    "crammer_singer_loss",
    "cross_entropy_loss",
    "denoising_score_matching_loss",
    "dynamics_denoising_loss",
    "evaluate_score",
    "fit_temperature",
    "generalized_cross_entropy_loss",
    "h_consistency_bound",
    "h_consistency_relaxed_bound",
    "h_consistency_transform",
    "implicit_score_matching_loss",
    "jensen_shannon_loss",
    "ldr_adversarial_weights",
    "ldr_kl_loss",
    "ldr_topk_loss",
    "minimizability_gap_bound",
    "nce_agce_loss",
    "nce_aul_loss",
    "nce_rce_loss",
    "normalize_scores",
    "normalized_cross_entropy_loss",
    "pgd_attack",
    "reverse_cross_entropy_loss",
    "robust_log_loss",
    "smooth_adversarial_comp_sum_loss",
    "squared_error_loss",
    "stationary_fokker_planck_loss",
    "stationary_residuals",
    "symmetric_cross_entropy_loss",
    "temperature_scale",
    "truncated_generalized_cross_entropy_loss",
    "truncation_weights",
    "uniform_label_flips",
    "weston_watkins_loss",
]
