"""Networks (Flax NNX), one sample at a time: batch them with `jax.vmap`. Training code lives in `training`.

- `MLP`, `Attention`, `AttentionBlock`, `InducedAttentionBlock`: the parts.
- `ria`, `gauss_glu`: activations that are entire, so that they set no limit to a step (`optimize.activation_radius`).
- Scores of a few coordinates: `MLPScore`; `AntisymmetricScore` around it when the density has a mirror symmetry.
- Scores of tens of interacting swimmers: `PairScore`, which has the symmetries of space built in and so learns from
  far fewer samples; `SplitTransformerScore`, the network of arXiv 2309.12991.
- Scores of thousands: `LocalTransformerScore`, from the `neighborhood` of each particle.
- Sequences of tokens: `Decoder`, a causal transformer that also samples.
- Series: `NBeats` forecasts from a window of fixed length (try it first); `LSTMForecaster` and `TransformerForecaster`
  at every step from all before it; `EchoState` is a reservoir, of which only a linear readout is fitted.
  `CausalAutoencoder` codes series for other tasks.
- `ShiftedScore` adds any of them to a known reference.
- Class centres for a last layer: `DistanceHead`, log-probabilities by `harmonic_log_probs` of a distance. Euclidean or
  cosine to begin with (`expand=True` for thousands of centres); `MahalanobisDistance` learns its metric. All distances
  take samples (..., k) and centres (v, k): `euclidean_distance`, `manhattan_distance`, `minkowski_distance`,
  `cosine_distance`, `mahalanobis_distance`, `chebyshev_distance`, `hamming_distance`, `canberra_distance`,
  `bray_curtis_distance`.
- Critics of pairs, which take batches and return the matrix of all scores: `SeparableCritic` (cheapest; try it first),
  `BilinearCritic`, `HybridCritic` (a flexible head on a bottleneck), `ConcatenatedCritic` (a network pass for every
  pair), `VariationalCritic` (noisy codes from `GaussianEncoder`s, for much information).
- Numbers of whole data sets: `SetTransformer` (MIST, arXiv 2511.18945; its part `PooledAttention`);
  `AxialSetTransformer` where the order of coordinates must not matter and their number varies.
- Kolmogorov-Arnold networks, with a function on every edge that can be looked at: `KAN`, of spline layers `KANLayer`;
  or of `ChebyshevKANLayer` (no range to leave, cheaper) or `RBFKANLayer` (Gaussians); an `EdgeLayer` of your own does
  too. `update_grid` puts knots where the samples are, `extend_grid` refines them. `edge_norms` says what edges do,
  `kan_regularizer` thins them out, `prune_nodes` drops idle nodes, `suggest_symbolic` (and `fit_symbolic`, for one
  function) names what an edge has learned, from the `SYMBOLIC_LIBRARY`. The splines themselves: `bspline_basis` on
  `extend_knots`, `kan_edge`.
- Temperatures of a classifier's predictions: `Calibrator`, on `topk_features`.

Parameters are made in float32. A result has the wider of the dtypes of parameters and input; for another precision cast
the network, `jax.tree.map(lambda a: a.astype(dtype), network)`.
"""

from entropax.nn.activations import gauss_glu, ria
from entropax.nn.attention import Attention, AttentionBlock, InducedAttentionBlock
from entropax.nn.bsplines import bspline_basis, extend_knots, kan_edge
from entropax.nn.calibrator import Calibrator, topk_features
from entropax.nn.convolutional import CausalAutoencoder
from entropax.nn.critics import BilinearCritic, ConcatenatedCritic, HybridCritic, SeparableCritic
from entropax.nn.decoder import Decoder, Past
from entropax.nn.distance_head import DistanceHead, MahalanobisDistance, harmonic_log_probs
from entropax.nn.distances import (
    cosine_distance,
    euclidean_distance,
    mahalanobis_distance,
    manhattan_distance,
    minkowski_distance,
)
from entropax.nn.edge_layer import EdgeLayer
from entropax.nn.forecasters import LSTMForecaster, NBeats, TransformerForecaster
from entropax.nn.kan import KAN, KANLayer
from entropax.nn.kan_grids import extend_grid, update_grid
from entropax.nn.kan_pruning import edge_norms, kan_regularizer, prune_nodes
from entropax.nn.kan_symbolic import SYMBOLIC_LIBRARY, SymbolicFit, fit_symbolic, suggest_symbolic
from entropax.nn.kan_variants import ChebyshevKANLayer, RBFKANLayer
from entropax.nn.layers import MLP
from entropax.nn.pair_score import PairScore
from entropax.nn.relative_distances import bray_curtis_distance, canberra_distance, chebyshev_distance, hamming_distance
from entropax.nn.reservoir import EchoState
from entropax.nn.score import AntisymmetricScore, MLPScore, ShiftedScore
from entropax.nn.set_transformer import AxialSetTransformer, PooledAttention, SetTransformer
from entropax.nn.transformer_score import LocalTransformerScore, Neighborhood, SplitTransformerScore, neighborhood
from entropax.nn.variational_critics import GaussianCode, GaussianEncoder, VariationalCritic

__all__ = [
    "KAN",
    "MLP",
    "SYMBOLIC_LIBRARY",
    "AntisymmetricScore",
    "Attention",
    "AttentionBlock",
    "AxialSetTransformer",
    "BilinearCritic",
    "Calibrator",
    "CausalAutoencoder",
    "ChebyshevKANLayer",
    "ConcatenatedCritic",
    "Decoder",
    "DistanceHead",
    "EchoState",
    "EdgeLayer",
    "GaussianCode",
    "GaussianEncoder",
    "HybridCritic",
    "InducedAttentionBlock",
    "KANLayer",
    "LSTMForecaster",
    "LocalTransformerScore",
    "MLPScore",
    "MahalanobisDistance",
    "NBeats",
    "Neighborhood",
    "PairScore",
    "Past",
    "PooledAttention",
    "RBFKANLayer",
    "SeparableCritic",
    "SetTransformer",
    "ShiftedScore",
    "SplitTransformerScore",
    "SymbolicFit",
    "TransformerForecaster",
    "VariationalCritic",
    "bray_curtis_distance",
    "bspline_basis",
    "canberra_distance",
    "chebyshev_distance",
    "cosine_distance",
    "edge_norms",
    "euclidean_distance",
    "extend_grid",
    "extend_knots",
    "fit_symbolic",
    "gauss_glu",
    "hamming_distance",
    "harmonic_log_probs",
    "kan_edge",
    "kan_regularizer",
    "mahalanobis_distance",
    "manhattan_distance",
    "minkowski_distance",
    "neighborhood",
    "prune_nodes",
    "ria",
    "suggest_symbolic",
    "topk_features",
    "update_grid",
]
