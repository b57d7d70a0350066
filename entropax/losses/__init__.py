"""Training losses: one value an example, no hidden reduction.

Learning the score of a density from samples: `evaluate_score` once a batch, then `implicit_score_matching_loss`
(unbiased, needs a divergence), `stationary_residuals` with `stationary_fokker_planck_loss` (the physics of a steady
state; add it to another loss), or, where a divergence costs too much, `denoising_score_matching_loss` (one network
evaluation, the score of a smoothed density) and `dynamics_denoising_loss` (the dynamics' own noise smooths).
"""

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
    "ScoreEvaluation",
    "StationaryResiduals",
    "denoising_score_matching_loss",
    "dynamics_denoising_loss",
    "evaluate_score",
    "implicit_score_matching_loss",
    "stationary_fokker_planck_loss",
    "stationary_residuals",
]
