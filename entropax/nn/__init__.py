"""Networks (Flax NNX), one sample at a time; training code lives in `training`.

- `MLP`, `Attention`, `AttentionBlock`, `InducedAttentionBlock`: the parts.
- Scores: `MLPScore` for a few coordinates, `AntisymmetricScore` around it when the density has a mirror symmetry;
  `PairScore` for tens of interacting swimmers, with the symmetries of space built in (it learns from far fewer
  samples), `SplitTransformerScore` the paper's network for the same;
  `LocalTransformerScore` for thousands, from the
  `neighborhood` of each. `ShiftedScore` adds any of them to a known reference.
"""

from entropax.nn.attention import Attention, AttentionBlock, InducedAttentionBlock
from entropax.nn.layers import MLP
from entropax.nn.pair_score import PairScore
from entropax.nn.score import (
    AntisymmetricScore,
    LocalTransformerScore,
    MLPScore,
    ShiftedScore,
    SplitTransformerScore,
    neighborhood,
)

__all__ = [
    "MLP",
    "AntisymmetricScore",
    "Attention",
    "AttentionBlock",
    "InducedAttentionBlock",
    "LocalTransformerScore",
    "MLPScore",
    "PairScore",
    "ShiftedScore",
    "SplitTransformerScore",
    "neighborhood",
]
