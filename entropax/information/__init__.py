"""Exact measures of a *given* distribution, in nats (or a `base` where a field reports bits).

- One distribution: `entropy` and its relatives `renyi_entropy`, `tsallis_entropy`, `min_entropy`, `varentropy`,
  `perplexity`, `binary_entropy`; from logits, `entropy_from_logits`, which also stays accurate for large ones.
  `lmc_complexity` is small for the sure and the uniform alike, by `disequilibrium`.
- Two distributions: `kl_divergence` and `cross_entropy` for likelihoods; `js_divergence`, `hellinger_distance` and
  `total_variation` when supports differ (they stay finite); `renyi_divergence` and `tsallis_divergence` for an order;
  `f_divergence` and `bregman_divergence` for a convex function of one's own; `wasserstein_1d` when the outcomes are
  positions.
- A joint array, every axis a variable: `mutual_information`, `conditional_entropy`,
  `conditional_mutual_information`, `variation_of_information`, `normalized_mutual_information`; of many variables
  `total_correlation`, `dual_total_correlation`, `o_information`, `interaction_information`.
- Gaussian and Student distributions: `gaussian_entropy`, `gaussian_kl`, `gaussian_mutual_information`,
  `student_t_mutual_information`.
- Labels on outcomes, up to relabelling (Shannon's lattice): `join`, `meet`, `complement`, `refines`,
  `same_information`; `partition_entropy`, `partition_conditional_entropy`, `partition_mutual_information`; the metrics
  `shannon_distance` and `rajski_distance`, and `dependency_coefficient`. Whether parts recover the whole:
  `is_reconstructable` decides, `reconstruction_condition` and `relative_redundancy` refuse, `select_parts` chooses.
- What labels say by their truth functions (Lu's G theory): shapes `gaussian_truth`, `logistic_truth`, or from data
  `optimal_truth`, `truth_from_likelihood`; combined by `fuzzy_and`, `fuzzy_or`, `fuzzy_not`, weakened by
  `believed_truth`; rules judged by `channel_confirmation`, `prediction_confirmation`. Of them `logical_probability`,
  `semantic_bayes`, `semantic_information`, `semantic_kl_information`, `semantic_mutual_information`,
  `semantic_entropy`, `fuzzy_entropy`, `information_efficiency`. Matching channels: `rate_semantic`, `mmi_classify`,
  `enm_fit`. Information in terms of capital: `growth_rate`, `kelly_portfolio`, `value_of_information`.
- Evidence that leaves something open (Dempster and Shafer), as masses on subsets: `dempster_combine` for two pieces,
  `dempster_combine_many` for any number, `simple_support_pool` and `pool_supports` in closed form for and against one
  statement; `discount` by reliability. Read by `belief`, `plausibility`, `commonality`; to bet on, `pignistic`.
- Given means: `maximum_entropy` finds the distribution, with a prior the closest one; `log_partition` and `tilt` take
  its multipliers.
- Markov chains: `stationary_distribution`, of jump rates `jump_stationary_distribution`; `entropy_rate`. Channels:
  `channel_capacity`, `rate_distortion`.

A distribution sums to one over its last axis, with batches in front. A zero probability has the true one-sided slope
where that is finite, and a zero gradient where it is infinite.
"""

from entropax.information.channels import ChannelCapacity, RateDistortion, channel_capacity, rate_distortion
from entropax.information.dependence import (
    conditional_entropy,
    conditional_mutual_information,
    dual_total_correlation,
    interaction_information,
    mutual_information,
    normalized_mutual_information,
    o_information,
    total_correlation,
    variation_of_information,
)
from entropax.information.discrete import (
    binary_entropy,
    entropy,
    entropy_from_logits,
    min_entropy,
    perplexity,
    renyi_entropy,
    tsallis_entropy,
    varentropy,
)
from entropax.information.disorder import disequilibrium, lmc_complexity
from entropax.information.divergences import (
    chi_squared,
    cross_entropy,
    hellinger_distance,
    js_divergence,
    kl_divergence,
    renyi_divergence,
    total_variation,
    tsallis_divergence,
    wasserstein_1d,
)
from entropax.information.evidence import (
    Combination,
    belief,
    commonality,
    dempster_combine,
    dempster_combine_many,
    discount,
    pignistic,
    plausibility,
    pool_supports,
    simple_support_pool,
)
from entropax.information.gaussian import (
    gaussian_entropy,
    gaussian_kl,
    gaussian_mutual_information,
    student_t_mutual_information,
)
from entropax.information.generators import GENERATORS, Generator, bregman_divergence, f_divergence
from entropax.information.growth import (
    InformationValue,
    KellyPortfolio,
    growth_rate,
    kelly_portfolio,
    value_of_information,
)
from entropax.information.lattice import (
    Partition,
    Relation,
    complement,
    dependency_coefficient,
    join,
    meet,
    partition_conditional_entropy,
    partition_entropy,
    partition_mutual_information,
    rajski_distance,
    refines,
    same_information,
    shannon_distance,
)
from entropax.information.markov import entropy_rate, jump_stationary_distribution, stationary_distribution
from entropax.information.matching import (
    MixtureFit,
    MMIClassification,
    RateSemantic,
    enm_fit,
    mmi_classify,
    rate_semantic,
)
from entropax.information.maxent import MaximumEntropy, log_partition, maximum_entropy, tilt
from entropax.information.reconstruction import (
    PartSelection,
    ReconstructionCondition,
    is_reconstructable,
    reconstruction_condition,
    relative_redundancy,
    select_parts,
)
from entropax.information.semantic import (
    fuzzy_entropy,
    information_efficiency,
    logical_probability,
    semantic_bayes,
    semantic_entropy,
    semantic_information,
    semantic_kl_information,
    semantic_mutual_information,
)
from entropax.information.truth import (
    believed_truth,
    channel_confirmation,
    fuzzy_and,
    fuzzy_not,
    fuzzy_or,
    gaussian_truth,
    logistic_truth,
    optimal_truth,
    prediction_confirmation,
    truth_from_likelihood,
)

__all__ = [
    "GENERATORS",
    "ChannelCapacity",
    "Combination",
    "Generator",
    "InformationValue",
    "KellyPortfolio",
    "MMIClassification",
    "MaximumEntropy",
    "MixtureFit",
    "PartSelection",
    "Partition",
    "RateDistortion",
    "RateSemantic",
    "ReconstructionCondition",
    "Relation",
    "belief",
    "believed_truth",
    "binary_entropy",
    "bregman_divergence",
    "channel_capacity",
    "channel_confirmation",
    "chi_squared",
    "commonality",
    "complement",
    "conditional_entropy",
    "conditional_mutual_information",
    "cross_entropy",
    "dempster_combine",
    "dempster_combine_many",
    "dependency_coefficient",
    "discount",
    "disequilibrium",
    "dual_total_correlation",
    "enm_fit",
    "entropy",
    "entropy_from_logits",
    "entropy_rate",
    "f_divergence",
    "fuzzy_and",
    "fuzzy_entropy",
    "fuzzy_not",
    "fuzzy_or",
    "gaussian_entropy",
    "gaussian_kl",
    "gaussian_mutual_information",
    "gaussian_truth",
    "growth_rate",
    "hellinger_distance",
    "information_efficiency",
    "interaction_information",
    "is_reconstructable",
    "join",
    "js_divergence",
    "jump_stationary_distribution",
    "kelly_portfolio",
    "kl_divergence",
    "lmc_complexity",
    "log_partition",
    "logical_probability",
    "logistic_truth",
    "maximum_entropy",
    "meet",
    "min_entropy",
    "mmi_classify",
    "mutual_information",
    "normalized_mutual_information",
    "o_information",
    "optimal_truth",
    "partition_conditional_entropy",
    "partition_entropy",
    "partition_mutual_information",
    "perplexity",
    "pignistic",
    "plausibility",
    "pool_supports",
    "prediction_confirmation",
    "rajski_distance",
    "rate_distortion",
    "rate_semantic",
    "reconstruction_condition",
    "refines",
    "relative_redundancy",
    "renyi_divergence",
    "renyi_entropy",
    "same_information",
    "select_parts",
    "semantic_bayes",
    "semantic_entropy",
    "semantic_information",
    "semantic_kl_information",
    "semantic_mutual_information",
    "shannon_distance",
    "simple_support_pool",
    "stationary_distribution",
    "student_t_mutual_information",
    "tilt",
    "total_correlation",
    "total_variation",
    "truth_from_likelihood",
    "tsallis_divergence",
    "tsallis_entropy",
    "value_of_information",
    "varentropy",
    "variation_of_information",
    "wasserstein_1d",
]
