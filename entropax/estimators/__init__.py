"""Measures estimated from *samples*, in nats, with error bars.

Mutual information, by what the data are:

- Counts or labels: `discrete_entropy` and `discrete_mutual_information`, whose `correction` says how the bias of few
  samples is met ("grassberger" when the number of states is unknown, "nsb" when it is known); from labels by
  `label_counts` and `contingency_table`; `adjusted_mutual_information` to compare clusterings.
- Continuous, up to ten columns together, nothing fitted: `ksg_mutual_information` is the first to try,
  `ksg_conditional_mutual_information` and `transfer_entropy` are its conditional forms. `ross_mutual_information` for a
  label and a continuous variable, `mixed_mutual_information` where values repeat. `kozachenko_leonenko_entropy` and
  `neighbor_kl_divergence` for one and two samples.
- To train an encoder through: `relaxed_ksg_mutual_information` (works with few neighbours, n^2 pairs), or with many
  neighbours `kozachenko_leonenko_mutual_information` (cheaper). Counts have no gradient.
- One or two columns and many samples: `histogram_entropy` and `histogram_mutual_information`, softened by a temperature
  where a gradient is wanted; `kernel_density_entropy` and `kernel_density_mutual_information`, smooth; `gaussian_kde`
  is the density itself, of one column.
- Gaussian up to increasing functions of the columns: `gaussian_copula_mutual_information`; Gaussian as they are:
  `cca_mutual_information`, from `canonical_correlations`.
- Many columns that share few latent ones: `variational_mutual_information` trains a critic and stops by held-out pairs.
  Of its bounds `infonce` has the least variance up to `infonce_ceiling`; above it `smile`, with a `VariationalCritic`.
  `donsker_varadhan`, `nwj`, `tuba` and `jensen_shannon_bound` are functions of the same scores.
- Ten to a thousand samples of up to sixteen columns a side, in one pass of a trained network:
  `amortized_mutual_information`, with `amortized_quantiles` or an `amortized_interval`. Outside the range of its
  training it refuses. `pretrained_mist` is the network that ships; an `AmortizedEstimator` holds one of your own.
  `paired_rows` is what networks see of data, `normal_scores` the ranks in it; `pinball_loss` trains quantiles,
  `calibration_curve` judges them.

Whether to believe an estimate, of any estimator: `subsample_extrapolate` gives it for infinite data with an error bar,
`rigorous_estimate` adds every check by name; `shuffled_control`, `agreement`, `saturation` and `participation_ratio`
are those checks alone. Error bars on the data at hand: `jackknife` and `bootstrap` for smooth estimators,
`subsampling` for those by nearest neighbours; `permutation_test` for a p-value.

Data with exactly known mutual information: `BENCHMARK_TASKS` are the forty of the literature; `GaussianTask`,
`StudentTask`, `UniformNoiseTask` and their images, `TransformedTask`, make others (`latent_correlation` for the
covariance; `half_cube`, `normal_cdf`, `normal_to_mixture`, `spiral`, `swiss_roll`, `wiggly_x`, `wiggly_y` for the
maps). `sample_task` draws one data set of a family of the meta-distribution that amortised estimators learn from,
`meta_batch` a padded batch of random families, dimensions and sizes.

Series:

- Ordinal patterns: `permutation_entropy`; `hc_point`, the place in the entropy-complexity plane: regular, complex or
  stochastic (PECCARY); `hc_curves` over sampling intervals, `classify_hc` for a label; `natural_timescale` and
  `sampling_interval` choose the interval. `ordinal_distribution` and `statistical_complexity` are the parts;
  `hc_bounds`, `complexity_limits`, `max_complexity` and `periodic_limits` the plane's geometry. With a `temperature`
  (`soft_ordinal_distribution`) they have gradients.
- Templates that match: `sample_entropy`; `approximate_entropy`, defined for the shortest series but biased;
  `multiscale_entropy` to tell noise from structure over scales. With a `temperature` they have gradients.
- Templates that match to a degree, differentiable as they are and defined for every series: `fuzzy_entropy`, and
  `composite_multiscale_entropy` over scales.
- `dominant_period` of a spectrum, with its significance; `phase_randomized_surrogate`, a null model with the same
  spectrum.
- Equations of motion: `sparse_regression` of derivatives on `polynomial_features` (`polynomial_exponents` names them)
  or `fourier_features`. `importance_sampling_indices` draws points of an orbit where a model errs.

What a learner with bounded compute makes of data, in bits: `prequential_epiplexity` from a loss curve on fresh data,
`train_teacher_student` for the requential code of a student too (slower; a code of the model that never shrinks);
`epiplexity_from_runs` for the best code at each compute over many runs, `scaling_law_frontier` where learning curves
follow a power law, `light_cone_code` for an observer whose cost is exact. Data to try them on: `eca_pairs` (cellular
automata), `bigram_induction` with its ideal learner `bigram_reference_losses`.
"""

from entropax.estimators.amortized import (
    AmortizedEstimator,
    Interval,
    amortized_interval,
    amortized_mutual_information,
    amortized_quantiles,
    pretrained_mist,
)
from entropax.estimators.cellular_automata import LightConeCode, eca_evolve, eca_pairs, eca_step, light_cone_code
from entropax.estimators.complexity_plane import (
    HC_CLASSES,
    HCBounds,
    HCLabel,
    HCPoint,
    classify_hc,
    complexity_limits,
    hc_bounds,
    hc_curves,
    hc_point,
    max_complexity,
    periodic_limits,
)
from entropax.estimators.compute_frontier import (
    ComputeFrontier,
    LowerHull,
    TwoPartCode,
    epiplexity_from_runs,
    lower_convex_hull,
    two_part_code,
)
from entropax.estimators.consistency import Agreement, Saturation, agreement, participation_ratio, saturation
from entropax.estimators.critic_training import VariationalEstimate, variational_mutual_information
from entropax.estimators.discrete_counts import (
    adjusted_mutual_information,
    contingency_table,
    discrete_entropy,
    discrete_mutual_information,
    label_counts,
)
from entropax.estimators.extrapolation import Extrapolation, extrapolate
from entropax.estimators.fuzzy_templates import composite_multiscale_entropy, fuzzy_entropy
from entropax.estimators.gaussian_dependence import (
    canonical_correlations,
    cca_mutual_information,
    gaussian_copula_mutual_information,
)
from entropax.estimators.hard_examples import ImportanceSample, importance_sampling_indices
from entropax.estimators.histogram import histogram_entropy, histogram_mutual_information
from entropax.estimators.induction import BigramSequences, bigram_induction, bigram_reference_losses
from entropax.estimators.kernel_density import (
    gaussian_kde,
    kernel_density_entropy,
    kernel_density_mutual_information,
)
from entropax.estimators.learnable import prequential_curve, prequential_epiplexity, requential_epiplexity
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
from entropax.estimators.ordinal import (
    OrdinalPatterns,
    ordinal_distribution,
    ordinal_pattern_indices,
    permutation_entropy,
    soft_ordinal_distribution,
    statistical_complexity,
)
from entropax.estimators.periodicity import DominantPeriod, dominant_period, phase_randomized_surrogate
from entropax.estimators.quantiles import calibration_curve, pinball_loss
from entropax.estimators.reliability import (
    RigorousEstimate,
    ShuffledControl,
    SubsampledEstimate,
    rigorous_estimate,
    shuffled_control,
    subsample_extrapolate,
)
from entropax.estimators.resampling import (
    PermutationTest,
    Resampled,
    bootstrap,
    jackknife,
    permutation_test,
    subsampling,
)
from entropax.estimators.row_features import normal_scores, num_features, paired_rows
from entropax.estimators.sampling_scheme import SamplingInterval, natural_timescale, pattern_time, sampling_interval
from entropax.estimators.scaling_frontier import (
    PUBLISHED_LAWS,
    PublishedLaw,
    ScalingFrontier,
    ScalingLaw,
    scaling_law_epiplexity,
    scaling_law_from_published,
    scaling_law_frontier,
)
from entropax.estimators.sparse_dynamics import (
    SparseRegression,
    fourier_features,
    polynomial_exponents,
    polynomial_features,
    sparse_regression,
)
from entropax.estimators.tasks import (
    GaussianTask,
    StudentTask,
    Task,
    TransformedTask,
    UniformNoiseTask,
    latent_correlation,
)
from entropax.estimators.tasks_benchmark import BENCHMARK_TASKS
from entropax.estimators.tasks_families import (
    IN_DISTRIBUTION_FAMILIES,
    OUT_OF_DISTRIBUTION_FAMILIES,
    PARAMETER_RANGES,
    TRAINING_FAMILIES,
)
from entropax.estimators.tasks_meta import (
    MetaBatch,
    TaskSample,
    meta_batch,
    sample_task,
)
from entropax.estimators.tasks_transforms import (
    half_cube,
    normal_cdf,
    normal_to_mixture,
    spiral,
    swiss_roll,
    wiggly_x,
    wiggly_y,
)
from entropax.estimators.teacher_student import RequentialResult, RequentialUpdate, Sequences, train_teacher_student
from entropax.estimators.templates import approximate_entropy, multiscale_entropy, sample_entropy
from entropax.estimators.variational import (
    MaxTestEpoch,
    donsker_varadhan,
    infonce,
    infonce_ceiling,
    jensen_shannon_bound,
    max_test_epoch,
    nwj,
    smile,
    tuba,
    variational_kl,
)

__all__ = [
    "BENCHMARK_TASKS",
    "HC_CLASSES",
    "IN_DISTRIBUTION_FAMILIES",
    "OUT_OF_DISTRIBUTION_FAMILIES",
    "PARAMETER_RANGES",
    "PUBLISHED_LAWS",
    "TRAINING_FAMILIES",
    "Agreement",
    "AmortizedEstimator",
    "BigramSequences",
    "ComputeFrontier",
    "DominantPeriod",
    "Extrapolation",
    "GaussianTask",
    "HCBounds",
    "HCLabel",
    "HCPoint",
    "ImportanceSample",
    "Interval",
    "LightConeCode",
    "LowerHull",
    "MaxTestEpoch",
    "MetaBatch",
    "OrdinalPatterns",
    "PermutationTest",
    "PublishedLaw",
    "RequentialResult",
    "RequentialUpdate",
    "Resampled",
    "RigorousEstimate",
    "SamplingInterval",
    "Saturation",
    "ScalingFrontier",
    "ScalingLaw",
    "Sequences",
    "ShuffledControl",
    "SparseRegression",
    "StudentTask",
    "SubsampledEstimate",
    "Task",
    "TaskSample",
    "TransformedTask",
    "TwoPartCode",
    "UniformNoiseTask",
    "VariationalEstimate",
    "adjusted_mutual_information",
    "agreement",
    "amortized_interval",
    "amortized_mutual_information",
    "amortized_quantiles",
    "approximate_entropy",
    "bigram_induction",
    "bigram_reference_losses",
    "bootstrap",
    "calibration_curve",
    "canonical_correlations",
    "cca_mutual_information",
    "classify_hc",
    "complexity_limits",
    "composite_multiscale_entropy",
    "contingency_table",
    "discrete_entropy",
    "discrete_mutual_information",
    "dominant_period",
    "donsker_varadhan",
    "eca_evolve",
    "eca_pairs",
    "eca_step",
    "epiplexity_from_runs",
    "extrapolate",
    "fourier_features",
    "fuzzy_entropy",
    "gaussian_copula_mutual_information",
    "gaussian_kde",
    "half_cube",
    "hc_bounds",
    "hc_curves",
    "hc_point",
    "histogram_entropy",
    "histogram_mutual_information",
    "importance_sampling_indices",
    "infonce",
    "infonce_ceiling",
    "jackknife",
    "jensen_shannon_bound",
    "kernel_density_entropy",
    "kernel_density_mutual_information",
    "kozachenko_leonenko_entropy",
    "kozachenko_leonenko_mutual_information",
    "ksg_conditional_mutual_information",
    "ksg_mutual_information",
    "label_counts",
    "latent_correlation",
    "light_cone_code",
    "lower_convex_hull",
    "max_complexity",
    "max_test_epoch",
    "meta_batch",
    "mixed_mutual_information",
    "multiscale_entropy",
    "natural_timescale",
    "neighbor_kl_divergence",
    "normal_cdf",
    "normal_scores",
    "normal_to_mixture",
    "num_features",
    "nwj",
    "ordinal_distribution",
    "ordinal_pattern_indices",
    "paired_rows",
    "participation_ratio",
    "pattern_time",
    "periodic_limits",
    "permutation_entropy",
    "permutation_test",
    "phase_randomized_surrogate",
    "pinball_loss",
    "polynomial_exponents",
    "polynomial_features",
    "prequential_curve",
    "prequential_epiplexity",
    "pretrained_mist",
    "relaxed_ksg_mutual_information",
    "requential_epiplexity",
    "rigorous_estimate",
    "ross_mutual_information",
    "sample_entropy",
    "sample_task",
    "sampling_interval",
    "saturation",
    "scaling_law_epiplexity",
    "scaling_law_from_published",
    "scaling_law_frontier",
    "shuffled_control",
    "smile",
    "soft_ordinal_distribution",
    "sparse_regression",
    "spiral",
    "statistical_complexity",
    "subsample_extrapolate",
    "subsampling",
    "swiss_roll",
    "train_teacher_student",
    "transfer_entropy",
    "tuba",
    "two_part_code",
    "variational_kl",
    "variational_mutual_information",
    "wiggly_x",
    "wiggly_y",
]
