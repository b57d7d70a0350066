"""Optimisers and step sizes that follow from entropy.

How far may a step go before the Taylor series of a cross-entropy stops converging? Its complex singularities, the zeros
of the partition function, set the limit. In training, put `radius_clip` last in an `optax.chain`: it shortens a step
that would leave the radius, and lets others pass; `radius_step` gives every step the same length in that unit, in place
of a learning rate. In `training.fit` name the logits they need as `optimizer_functions`. What they measure is
`convergence_radius_bound` (one Jacobian-vector product, from `logit_spread`) and `normalized_step`.

For single examples, with logits z that move by a: `binary_radius` (two classes, exact), `partition_zero` (any number of
classes, exact, by a search), `taylor_coefficients` (the series itself). `kl_path` is the divergence that a step makes,
`kl_path_quadratic` its leading term, `kl_remainder_bound` what the rest may be. `activation_radius` is the limit that a
network's activations set. Source: arXiv 2603.13552.
"""

from entropax.optimize.activation_singularities import activation_radius
from entropax.optimize.partition_zeros import PartitionZero, binary_radius, partition_zero
from entropax.optimize.softmax_paths import kl_path, kl_path_quadratic, kl_remainder_bound, taylor_coefficients
from entropax.optimize.step_size import (
    RadiusState,
    convergence_radius_bound,
    logit_spread,
    normalized_step,
    radius_clip,
    radius_step,
)

__all__ = [
    "PartitionZero",
    "RadiusState",
    "activation_radius",
    "binary_radius",
    "convergence_radius_bound",
    "kl_path",
    "kl_path_quadratic",
    "kl_remainder_bound",
    "logit_spread",
    "normalized_step",
    "partition_zero",
    "radius_clip",
    "radius_step",
    "taylor_coefficients",
]
