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

Class centres in place of logits (`nn.DistanceHead`): `harmonic_loss` of distances, `original_harmonic_loss` as it was
published, `blockwise_harmonic_loss` where there are too many centres for all distances at once.

Rare positives judged by F1: `dice_loss`, `tversky_loss` (false positives and negatives weigh differently),
`self_adjusting_dice_loss` (easy examples fade), `multiclass_dice_loss` and `multiclass_tversky_loss`;
`dice_coefficient` is what they soften, `ohem_mask` keeps hard negatives, `weighted_cross_entropy_loss` is the baseline
(focal loss: optax).

Geometry of features, added to a classification loss: `orthogonal_projection_loss` of a batch (one number;
`class_cosines` to watch it), `perpetual_projection_loss` with learned centres, `projection_distillation_loss` from a
teacher, `batch_self_attention` before any of them; `center_loss` and `rbf_logits` are baselines.

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

Where logits are a linear head over a large vocabulary, `linear_cross_entropy` takes the head instead of the logits,
which it never holds; `linear_softmax_statistics` gives log-probability, normaliser, entropy and divergence to a
reference from the same pass, with gradients; `LinearCrossEntropy` is a flax layer of both, and
`linear_softmax_cross_entropy_loss` is the first with tokamax's arguments.

Few-shot segmentation at test time: `repri_inference` fits a cosine classifier of pixels (`init_prototype`,
`cosine_logits`) to labelled images and to the query itself; its terms are `repri_terms`. `prediction_entropy` and
`proportion_kl`, of any number of classes, serve test-time adaptation of other classifiers.
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
from entropax.losses.correctness import FittedTemperature, correctness_aware_loss, fit_temperature, temperature_scale
from entropax.losses.coverage import dco_factor, dco_loss, dco_step_loss
from entropax.losses.distillation import dist_loss, dkd_loss, kd_loss
from entropax.losses.fused import (
    LinearSoftmaxStatistics,
    linear_cross_entropy,
    linear_softmax_cross_entropy_loss,
    linear_softmax_statistics,
)
from entropax.losses.harmonic import blockwise_harmonic_loss, harmonic_loss, original_harmonic_loss
from entropax.losses.label_noise import NoisyLabels, class_dependent_label_flips, uniform_label_flips
from entropax.losses.linear_head import LinearCrossEntropy
from entropax.losses.multiclass_overlap import multiclass_dice_loss, multiclass_tversky_loss
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
from entropax.losses.prototypes import PrototypeClassifier, cosine_logits, init_prototype
from entropax.losses.ranking import (
    Ranking,
    list_mle,
    plackett_luce_log_prob,
    pld_loss,
    sample_plackett_luce,
    soft_plackett_luce_sample,
    teacher_optimal_permutation,
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
from entropax.losses.transductive import RepriResult, RepriTerms, repri_inference, repri_terms
from entropax.losses.transport import demd, emo_loss, mixce_loss, tailr_loss
from entropax.losses.unlabelled import prediction_entropy, proportion_kl

__all__ = [
    "AldrKL",
    "ClassCosines",
    "FittedTemperature",
    "InstanceTemperatures",
    "LinearCrossEntropy",
    "LinearSoftmaxStatistics",
    "NoisyLabels",
    "PrototypeClassifier",
    "Ranking",
    "RepriResult",
    "RepriTerms",
    "ScoreEvaluation",
    "StationaryResiduals",
    "absolute_error_loss",
    "aldr_kl_loss",
    "asymmetric_cross_entropy_loss",
    "asymmetric_unhinged_loss",
    "batch_self_attention",
    "blockwise_harmonic_loss",
    "center_loss",
    "class_cosines",
    "class_dependent_label_flips",
    "comp_sum_conditional_risk",
    "comp_sum_loss",
    "comp_sum_margin_loss",
    "comp_sum_outer",
    "correctness_aware_loss",
    "cosine_logits",
    "crammer_singer_loss",
    "cross_entropy_loss",
    "dco_factor",
    "dco_loss",
    "dco_step_loss",
    "demd",
    "denoising_score_matching_loss",
    "dice_coefficient",
    "dice_loss",
    "dist_loss",
    "dkd_loss",
    "dynamics_denoising_loss",
    "emo_loss",
    "evaluate_score",
    "fit_temperature",
    "generalized_cross_entropy_loss",
    "h_consistency_bound",
    "h_consistency_relaxed_bound",
    "h_consistency_transform",
    "harmonic_loss",
    "implicit_score_matching_loss",
    "init_prototype",
    "jensen_shannon_loss",
    "kd_loss",
    "ldr_adversarial_weights",
    "ldr_kl_loss",
    "ldr_topk_loss",
    "linear_cross_entropy",
    "linear_softmax_cross_entropy_loss",
    "linear_softmax_statistics",
    "list_mle",
    "minimizability_gap_bound",
    "mixce_loss",
    "multiclass_dice_loss",
    "multiclass_tversky_loss",
    "nce_agce_loss",
    "nce_aul_loss",
    "nce_rce_loss",
    "normalize_scores",
    "normalized_cross_entropy_loss",
    "ohem_mask",
    "original_harmonic_loss",
    "orthogonal_projection_loss",
    "perpetual_projection_loss",
    "pgd_attack",
    "plackett_luce_log_prob",
    "pld_loss",
    "prediction_entropy",
    "projection_distillation_loss",
    "proportion_kl",
    "rbf_logits",
    "repri_inference",
    "repri_terms",
    "reverse_cross_entropy_loss",
    "robust_log_loss",
    "sample_plackett_luce",
    "self_adjusting_dice_loss",
    "smooth_adversarial_comp_sum_loss",
    "soft_plackett_luce_sample",
    "squared_error_loss",
    "stationary_fokker_planck_loss",
    "stationary_residuals",
    "symmetric_cross_entropy_loss",
    "tailr_loss",
    "teacher_optimal_permutation",
    "temperature_scale",
    "truncated_generalized_cross_entropy_loss",
    "truncation_weights",
    "tversky_loss",
    "uniform_label_flips",
    "weighted_cross_entropy_loss",
    "weston_watkins_loss",
]
