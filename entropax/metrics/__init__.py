"""What one reports, not trains: calibration, ranking, coverage, comparisons of samples, forecasts, segmentation.

Confidences and whether they were right, one an example, come from `top_label` of predicted probabilities. How far
confidence is from accuracy: `expected_calibration_error` (the figure papers report), `adaptive_calibration_error` (bins
of equal mass, where confidences crowd), `maximum_calibration_error` (the worst bin), `classwise_calibration_error` (all
classes, not only the predicted one), `ks_calibration_error` (no bins to choose). `reliability_bins` is the diagram
behind them. `brier_score` and `multiclass_brier_score` are proper scores, which reward sharpness too; `auroc` says
whether confidence tells right from wrong, whatever its scale.

One class that is looked for: `f1_score`, of decisions or relaxed, of probabilities.

Answers that may be tried N times: `pass_at_k` from counts of right answers, `answer_coverage` where the probabilities
of a right one are known, `optimal_pass_at_n_policy` for how often to try which candidate.

Samples: `cliffs_delta` says how far one lies above another, `kruskal_wallis` whether several differ; both by ranks.

Forecasts of series: `smape` (the figure benchmarks report, safe at zero), `mape`, `mase` (against the naive forecast)
and `r_squared`.

Segmentation: `intersection_and_union` of each image, added over a test set, and `mean_iou` of the sums; with
distributions for predictions they are relaxed and have gradients.
"""

from entropax.metrics.calibration import (
    ReliabilityBins,
    TopLabel,
    adaptive_calibration_error,
    brier_score,
    classwise_calibration_error,
    expected_calibration_error,
    ks_calibration_error,
    maximum_calibration_error,
    multiclass_brier_score,
    reliability_bins,
    top_label,
)
from entropax.metrics.classification import f1_score
from entropax.metrics.coverage import answer_coverage, optimal_pass_at_n_policy, pass_at_k
from entropax.metrics.forecasting import mape, mase, r_squared, smape
from entropax.metrics.rank_tests import RankTest, cliffs_delta, kruskal_wallis
from entropax.metrics.ranking import auroc
from entropax.metrics.segmentation import intersection_and_union, mean_iou

__all__ = [
    "RankTest",
    "ReliabilityBins",
    "TopLabel",
    "adaptive_calibration_error",
    "answer_coverage",
    "auroc",
    "brier_score",
    "classwise_calibration_error",
    "cliffs_delta",
    "expected_calibration_error",
    "f1_score",
    "intersection_and_union",
    "kruskal_wallis",
    "ks_calibration_error",
    "mape",
    "mase",
    "maximum_calibration_error",
    "mean_iou",
    "multiclass_brier_score",
    "optimal_pass_at_n_policy",
    "pass_at_k",
    "r_squared",
    "reliability_bins",
    "smape",
    "top_label",
]
