"""Measures estimated from *samples*, in nats, with error bars.

- Mutual information in high dimension: `variational_mutual_information` trains a critic and stops by held-out pairs.
  Of the bounds `infonce` has the least variance up to `infonce_ceiling`; above it `smile`, with a `VariationalCritic`.
  `donsker_varadhan`, `nwj`, `tuba` and `jensen_shannon_bound` are functions of the same scores.
- Whether to believe an estimate, of any estimator: `subsample_extrapolate` gives it for infinite data with an error
  bar, `rigorous_estimate` adds every check by name; `shuffled_control`, `agreement`, `saturation` and
  `participation_ratio` are those checks alone.
- Error bars on the data at hand: `jackknife` and `bootstrap` for smooth estimators, `subsampling` for those by nearest
  neighbours; `permutation_test` for a p-value.
"""

from entropax.estimators.critic_training import VariationalEstimate, variational_mutual_information
from entropax.estimators.extrapolation import Extrapolation, extrapolate
from entropax.estimators.reliability import (
    Agreement,
    RigorousEstimate,
    Saturation,
    ShuffledControl,
    SubsampledEstimate,
    agreement,
    participation_ratio,
    rigorous_estimate,
    saturation,
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
    "Agreement",
    "Extrapolation",
    "MaxTestEpoch",
    "PermutationTest",
    "Resampled",
    "RigorousEstimate",
    "Saturation",
    "ShuffledControl",
    "SubsampledEstimate",
    "VariationalEstimate",
    "agreement",
    "bootstrap",
    "donsker_varadhan",
    "extrapolate",
    "infonce",
    "infonce_ceiling",
    "jackknife",
    "jensen_shannon_bound",
    "max_test_epoch",
    "nwj",
    "participation_ratio",
    "permutation_test",
    "rigorous_estimate",
    "saturation",
    "shuffled_control",
    "smile",
    "subsample_extrapolate",
    "subsampling",
    "tuba",
    "variational_kl",
    "variational_mutual_information",
]
