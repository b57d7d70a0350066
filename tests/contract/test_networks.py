"""The contract of networks: a dictionary name -> constructor, and every generic property held by each.

A network is a pytree and a function of one sample: it goes through jit, vmap and grad as an argument like any other. A
public class of `entropax.nn` without a case here fails.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from entropax import nn, space
from tests.contract.harness import CompileCounter, without_shape_hook

RNG = np.random.default_rng(7)
ORDER = np.array([2, 0, 3, 1])
SIZES: dict[str, Any] = {"embed": 8, "blocks": 1, "heads": 2, "hidden": 6, "depth": 1}
BOX = space.PeriodicBox(np.full(2, -2.0), np.full(2, 2.0))


@dataclass(frozen=True)
class Symmetry:
    """A map of the inputs and the map of the output that it must cause."""

    inputs: Callable[..., tuple]
    output: Callable[[Any], Any] = lambda y: y


@dataclass(frozen=True)
class Case:
    """A network, its inputs (numpy, one sample), and what is peculiar to it.

    Attributes:
        make: constructor, from `rngs`.
        inputs: arguments of one call.
        bad: arguments that must be refused with a ValueError, and words of its message.
        misuse: constructors that must be refused with a ValueError, and words of its message.
        symmetries: by name.
        dead: parts of the paths of parameters without influence, with the reason.
        field: whether it maps an array to one of its shape, so that it has a divergence.
        fast: also in `-m fast`.
    """

    make: Callable[..., Any]
    inputs: tuple
    bad: tuple[tuple[tuple, str], ...]
    misuse: tuple[tuple[Callable[..., Any], str], ...] = ()
    symmetries: Mapping[str, Symmetry] = field(default_factory=dict)
    dead: Mapping[str, str] = field(default_factory=dict)
    field: bool = True
    fast: bool = False


class Reference(eqx.Module):
    """A reference score with an array of its own."""

    stiffness: jax.Array = eqx.field(converter=jnp.asarray)

    def __call__(self, x):
        return -self.stiffness.astype(x.dtype) * x


class Powers(nn.EdgeLayer):
    """A layer of edge functions of one's own, x and x^2."""

    def __init__(self, num_in, num_out, *, rngs):
        self.num_in, self.num_out = num_in, num_out
        self.coefficients = nnx.Param(jax.random.normal(rngs.params(), (2, num_in, num_out), jnp.float32))

    def features(self, x):
        return jnp.stack([x, x**2], axis=-2)

    def weights(self):
        return self.coefficients[...]


class StackedCode(nnx.Module):
    """A Gaussian encoder whose two outputs are one array."""

    def __init__(self, encoder):
        self.encoder = encoder

    def __call__(self, x):
        return jnp.stack(self.encoder(x))


def normal(*shape):
    return RNG.standard_normal(shape)


def adapted(rngs):
    """A layer whose knots follow samples."""
    layers = nn.KAN((3, 3), rngs=rngs)
    return nn.update_grid(layers, np.random.default_rng(1).standard_normal((40, 3)).astype(np.float32)).layers[0]


def permute_particles(phase):
    return (phase[:, ORDER],)


def rotate(phase):
    c, s = np.cos(0.7), np.sin(0.7)
    return phase @ jnp.asarray([[c, -s], [s, c]], phase.dtype)


def translate(phase):
    return (phase.at[0].add(jnp.asarray([[0.4, -0.9]], phase.dtype)),)


PARTICLES = Symmetry(permute_particles, lambda s: s[:, ORDER])
ROTATION = Symmetry(lambda phase: (rotate(phase),), rotate)
REFLECTION = Symmetry(lambda phase: (phase[..., ::-1],), lambda s: s[..., ::-1])
PHASE = np.stack([RNG.uniform(-2, 2, (4, 2)), RNG.standard_normal((4, 2))])
TOKENS, CONTEXT = normal(4, 8), normal(5, 8)
MASK = np.array([True, True, False, True, False])
NEIGHBORS = np.concatenate([np.zeros((1, 2)), normal(4, 2)]), normal(5, 2)
OTHERS = np.array([0, 3, 1, 4, 2])
BAD_PHASE = ((PHASE[0],), r"phase must have shape \(2, n, "), ((PHASE[:1],), r"phase must have shape \(2, n, ")
TOKEN_SYMMETRIES = {
    "queries": Symmetry(lambda q, c, m: (q[ORDER], c, m), lambda y: y[ORDER]),
    "context": Symmetry(lambda q, c, m: (q, c[OTHERS], m[OTHERS])),
    "masked": Symmetry(lambda q, c, m: (q, jnp.where(m[:, None], c, 5.0), m)),
    "left out": Symmetry(lambda q, c, m: (q, c[np.flatnonzero(MASK)], None)),
}
SET_SYMMETRIES = {
    "order": Symmetry(lambda rows, mask: (rows[OTHERS], mask[OTHERS])),
    "left out": Symmetry(lambda rows, mask: (rows[np.flatnonzero(MASK)], None)),
}
SET_SIZES: dict[str, Any] = {
    "embed": 4,
    "heads": 2,
    "embedding_width": 6,
    "interaction_blocks": 1,
    "encoder_blocks": 1,
    "num_inducing": 2,
    "hidden": 5,
    "num_seeds": 2,
    "decoder_blocks": 1,
    "head_width": 5,
}
BAD_TOKENS = (
    ((TOKENS[:, :3], CONTEXT, MASK), r"queries must have shape \(n, 8\)"),
    ((TOKENS, CONTEXT[:, :3], MASK), r"context must have shape \(n, 8\)"),
    ((TOKENS, CONTEXT, MASK[:4]), r"mask must have shape \(5,\)"),
)

PAIRS = (normal(4, 3), normal(5, 2))
PAIR_ORDER = Symmetry(lambda x, y: (x[ORDER], y[::-1]), lambda scores: scores[ORDER][:, ::-1])
CRITIC: dict[str, Any] = {
    "inputs": PAIRS,
    "bad": (
        ((PAIRS[1], PAIRS[1]), r"x must have shape \(n, 3\), got \(5, 2\)"),
        ((PAIRS[0], PAIRS[1][0]), r"y must have shape \(n, 2\), got \(2,\)"),
    ),
    "symmetries": {"order": PAIR_ORDER},
    "field": False,
}

GRID: dict[str, Case] = {
    "SeparableCritic": Case(
        lambda rngs: nn.SeparableCritic(3, 2, embed=4, width=6, depth=1, rngs=rngs),
        misuse=(
            (lambda rngs: nn.SeparableCritic(3, 2, embed=0, rngs=rngs), "embed must be at least 1"),
            (lambda rngs: nn.SeparableCritic(3, 0, rngs=rngs), "num_in must be at least 1"),
        ),
        fast=True,
        **CRITIC,
    ),
    "BilinearCritic": Case(
        lambda rngs: nn.BilinearCritic(3, 2, embed=4, width=6, depth=1, rngs=rngs),
        misuse=((lambda rngs: nn.BilinearCritic(3, 2, width=0, rngs=rngs), "width must be at least 1"),),
        **CRITIC,
    ),
    "ConcatenatedCritic": Case(
        lambda rngs: nn.ConcatenatedCritic(3, 2, width=6, depth=2, rngs=rngs),
        misuse=((lambda rngs: nn.ConcatenatedCritic(3, 2, depth=0, rngs=rngs), "depth must be at least 1"),),
        **CRITIC,
    ),
    "HybridCritic": Case(
        lambda rngs: nn.HybridCritic(3, 2, embed=4, width=6, depth=1, rngs=rngs),
        misuse=((lambda rngs: nn.HybridCritic(3, 2, embed=0, rngs=rngs), "embed must be at least 1"),),
        **CRITIC,
    ),
    "GaussianEncoder": Case(
        lambda rngs: StackedCode(nn.GaussianEncoder(3, 2, width=6, depth=1, rngs=rngs)),
        (normal(4, 3),),
        bad=(((normal(4, 2),), r"x must have shape \(\.\.\., 3\)"),),
        misuse=(
            (lambda rngs: nn.GaussianEncoder(3, 0, rngs=rngs), "num_code must be at least 1"),
            (lambda rngs: nn.GaussianEncoder(3, 2, log_variance=(1.0, -1.0), rngs=rngs), "lower < upper"),
        ),
        field=False,
    ),
    "VariationalCritic": Case(
        lambda rngs: nn.VariationalCritic(3, 2, embed=4, width=6, depth=1, rngs=rngs),
        misuse=((lambda rngs: nn.VariationalCritic(3, 2, embed=0, rngs=rngs), "num_code must be at least 1"),),
        **CRITIC,
    ),
    "VariationalCritic-decoders": Case(
        lambda rngs: nn.VariationalCritic(
            3, 2, embed=4, width=6, depth=1, head=nn.BilinearCritic(4, 4, embed=2, rngs=rngs), decode=True, rngs=rngs
        ),
        dead={"decoders": "reconstructions have no part in a score"},
        **CRITIC,
    ),
    "MLP": Case(
        lambda rngs: nn.MLP(3, 3, width=6, depth=2, rngs=rngs),
        (normal(3),),
        bad=(((normal(4),), r"x must have shape \(\.\.\., 3\)"), ((np.float64(1.0),), r"x must have shape")),
        misuse=(
            (lambda rngs: nn.MLP(0, 3, rngs=rngs), "num_in must be at least 1"),
            (lambda rngs: nn.MLP(3, 3, depth=-1, rngs=rngs), "depth must be at least 0"),
        ),
        fast=True,
    ),
    "MLP-linear": Case(
        lambda rngs: nn.MLP(3, 2, depth=0, rngs=rngs),
        (normal(4, 3),),
        bad=(((normal(4),), "x must have"),),
        field=False,
    ),
    "KANLayer": Case(
        lambda rngs: nn.KANLayer(3, 3, rngs=rngs),
        (normal(3),),
        bad=(((normal(4),), r"x must have shape \(\.\.\., 3\)"), ((np.float64(1.0),), r"x must have shape")),
        misuse=(
            (lambda rngs: nn.KANLayer(3, 3, intervals=0, rngs=rngs), "intervals must be at least 1, got 0"),
            (lambda rngs: nn.KANLayer(3, 3, order=-1, rngs=rngs), "order must be at least 0, got -1"),
            (lambda rngs: nn.KANLayer(3, 3, span=(1.0, -1.0), rngs=rngs), r"span must be \(a, b\) with a < b"),
            (lambda rngs: nn.KANLayer(3, 3, noise_scale=-0.1, rngs=rngs), "noise_scale must be in"),
            (lambda rngs: nn.KANLayer(3, 0, rngs=rngs), "num_out must be at least 1"),
        ),
        fast=True,
    ),
    "KANLayer-adapted": Case(adapted, (normal(3),), bad=(((normal(4),), r"x must have shape \(\.\.\., 3\)"),)),
    "KAN": Case(
        lambda rngs: nn.KAN((3, 4, 3), intervals=4, order=2, span=(-2.0, 2.0), rngs=rngs),
        (normal(3),),
        bad=(((normal(4),), r"x must have shape \(\.\.\., 3\)"),),
        misuse=(
            (lambda rngs: nn.KAN((3,), rngs=rngs), r"widths must hold two or more sizes, got \(3,\)"),
            (lambda rngs: nn.KAN((3, 0, 1), rngs=rngs), "num_out must be at least 1"),
        ),
    ),
    "KAN-chebyshev": Case(
        lambda rngs: nn.KAN((3, 2, 1), layer=nn.ChebyshevKANLayer, rngs=rngs),
        (normal(4, 3),),
        bad=(((normal(4),), r"x must have shape \(\.\.\., 3\)"),),
        field=False,
    ),
    "ChebyshevKANLayer": Case(
        lambda rngs: nn.ChebyshevKANLayer(3, 3, rngs=rngs),
        (normal(3),),
        bad=(((normal(4),), r"x must have shape \(\.\.\., 3\)"),),
        misuse=((lambda rngs: nn.ChebyshevKANLayer(3, 3, degree=0, rngs=rngs), "degree must be at least 1"),),
    ),
    "RBFKANLayer": Case(
        lambda rngs: nn.RBFKANLayer(3, 3, centers=5, rngs=rngs),
        (normal(3),),
        bad=(((normal(4),), r"x must have shape \(\.\.\., 3\)"),),
        misuse=(
            (lambda rngs: nn.RBFKANLayer(3, 3, centers=1, rngs=rngs), "centers must be at least 2"),
            (lambda rngs: nn.RBFKANLayer(3, 3, span=(1.0, 1.0), rngs=rngs), r"span must be \(first, last\)"),
        ),
    ),
    "EdgeLayer-own": Case(
        lambda rngs: Powers(3, 2, rngs=rngs),
        (normal(4, 3),),
        bad=(((normal(4),), r"x must have shape \(\.\.\., 3\)"),),
        field=False,
    ),
    "Attention": Case(
        lambda rngs: nn.Attention(8, heads=2, rngs=rngs),
        (TOKENS, CONTEXT, MASK),
        bad=BAD_TOKENS,
        misuse=((lambda rngs: nn.Attention(8, heads=3, rngs=rngs), "embed must be a multiple of heads=3"),),
        symmetries=TOKEN_SYMMETRIES,
        field=False,
    ),
    "AttentionBlock": Case(
        lambda rngs: nn.AttentionBlock(8, heads=2, hidden=6, rngs=rngs),
        (TOKENS, CONTEXT, MASK),
        bad=BAD_TOKENS,
        symmetries=TOKEN_SYMMETRIES,
        field=False,
    ),
    "InducedAttentionBlock": Case(
        lambda rngs: nn.InducedAttentionBlock(8, num_inducing=3, heads=2, hidden=6, rngs=rngs),
        (TOKENS, CONTEXT, MASK),
        bad=BAD_TOKENS,
        misuse=(
            (lambda rngs: nn.InducedAttentionBlock(8, num_inducing=0, rngs=rngs), "num_inducing must be at least"),
        ),
        symmetries=TOKEN_SYMMETRIES,
        field=False,
    ),
    "Decoder": Case(
        lambda rngs: nn.Decoder(5, length=6, embed=8, blocks=2, heads=2, zero_output=False, rngs=rngs),
        (np.array([3, 0, 4, 1]), normal(4, 8)),
        bad=(
            ((np.zeros((2, 4), int), normal(4, 8)), r"tokens must have shape \(t,\) with 1 <= t <= 6"),
            ((np.zeros(7, int), normal(7, 8)), r"tokens must have shape \(t,\) with 1 <= t <= 6"),
            ((np.array([3, 0, 4, 5]), normal(4, 8)), r"tokens must be in 0\.\.4, got 5 at flat index 3"),
            ((np.array([3, 0, 4, 1]), normal(4, 7)), r"features must have shape \(4, 8\)"),
            ((normal(4), normal(4, 8)), "tokens must be integers"),
        ),
        misuse=(
            (lambda rngs: nn.Decoder(5, length=6, embed=8, heads=3, rngs=rngs), "embed must be a multiple of heads=3"),
            (lambda rngs: nn.Decoder(0, length=6, rngs=rngs), "vocabulary must be at least 1"),
            (lambda rngs: nn.Decoder(5, length=6, blocks=0, rngs=rngs), "blocks must be at least 1"),
        ),
        field=False,
    ),
    "DistanceHead": Case(
        lambda rngs: nn.DistanceHead(3, 4, exponent=1.5, rngs=rngs),
        (normal(3),),
        bad=(((normal(2),), r"x must have shape \(\.\.\., 3\)"), ((np.float64(1.0),), r"x must have shape")),
        misuse=(
            (lambda rngs: nn.DistanceHead(0, 4, rngs=rngs), "num_in must be at least 1"),
            (lambda rngs: nn.DistanceHead(3, 0, rngs=rngs), "num_classes must be at least 1"),
            (lambda rngs: nn.DistanceHead(3, 4, exponent=0.0, rngs=rngs), "exponent must be positive"),
        ),
        field=False,
    ),
    **{
        f"MahalanobisDistance-{kind}": Case(
            lambda rngs, kind=kind: nn.DistanceHead(3, 4, distance=nn.MahalanobisDistance(3, kind=kind), rngs=rngs),
            (normal(3),),
            bad=(((normal(2),), r"x must have shape \(\.\.\., 3\)"),),
            misuse=(
                (lambda rngs, kind=kind: nn.MahalanobisDistance(0, kind=kind), "num_in must be at least 1"),
                (lambda rngs, kind=kind: nn.MahalanobisDistance(3, kind=kind, eps=-1.0), "eps must be non-negative"),
                (lambda rngs: nn.MahalanobisDistance(3, kind="round"), "kind must be one of"),
            ),
            field=False,
        )
        for kind in ("diagonal", "cholesky", "full")
    },
    "MLPScore": Case(
        lambda rngs: nn.MLPScore(3, width=6, depth=2, center=1.0, scale=(1.0, 2.0, 0.5), rngs=rngs),
        (normal(3),),
        bad=(((normal(2),), r"x must have shape \(3,\)"), ((normal(2, 3),), r"x must have shape \(3,\)")),
        misuse=(
            (lambda rngs: nn.MLPScore(3, scale=(1.0, 2.0), rngs=rngs), "scale must be a number or have 3 entries"),
            (lambda rngs: nn.MLPScore(3, scale=0.0, rngs=rngs), "scale must be positive"),
            (lambda rngs: nn.MLPScore(3, center=(0.0,), rngs=rngs), "center must be a number or have 3 entries"),
            (lambda rngs: nn.MLPScore(0, rngs=rngs), "dim must be at least 1"),
        ),
        fast=True,
    ),
    "MLPScore-periodic": Case(
        lambda rngs: nn.MLPScore(3, width=6, depth=1, periods=(None, 1.5, 4.0), rngs=rngs),
        (normal(3),),
        bad=(((normal(2),), r"x must have shape \(3,\)"),),
        misuse=(
            (lambda rngs: nn.MLPScore(3, periods=(1.0, None), rngs=rngs), "periods must be 3 positive numbers or None"),
            (lambda rngs: nn.MLPScore(1, periods=(-1.0,), rngs=rngs), "periods must be 1 positive numbers or None"),
        ),
        symmetries={"periods": Symmetry(lambda x: (x + jnp.asarray([0, -3.0, 4.0], x.dtype),))},
    ),
    "AntisymmetricScore": Case(
        lambda rngs: nn.AntisymmetricScore(nn.MLPScore(2, width=6, depth=2, rngs=rngs), center_sum=(4.0, 0.0)),
        (normal(2),),
        bad=(((normal(3),), r"z must have shape \(2,\)"),),
        symmetries={"mirror": Symmetry(lambda z: (jnp.asarray([4.0, 0.0], z.dtype) - z,), lambda s: -s)},
        dead={"['layers'][2]['bias']": "the bias of the last layer cancels in the difference"},
        fast=True,
    ),
    "ShiftedScore": Case(
        lambda rngs: nn.ShiftedScore(nn.MLPScore(3, width=6, depth=1, rngs=rngs), Reference(np.float32(2.0))),
        (normal(3),),
        bad=(((normal(2),), r"x must have shape \(3,\)"),),
    ),
    "SplitTransformerScore": Case(
        lambda rngs: nn.SplitTransformerScore(2, **SIZES, position_scale=2.0, rngs=rngs),
        (PHASE,),
        bad=BAD_PHASE,
        misuse=(
            (lambda rngs: nn.SplitTransformerScore(2, **SIZES, position_scale=0.0, rngs=rngs), "position_scale must"),
            (lambda rngs: nn.SplitTransformerScore(2, **SIZES | {"embed": 9}, rngs=rngs), "embed must be even"),
            (lambda rngs: nn.SplitTransformerScore(2, **SIZES | {"blocks": 0}, rngs=rngs), "blocks must be at least 1"),
        ),
        symmetries={"permutation": PARTICLES},
        fast=True,
    ),
    "SplitTransformerScore-induced": Case(
        lambda rngs: nn.SplitTransformerScore(2, **SIZES, num_inducing=3, rngs=rngs),
        (PHASE,),
        bad=BAD_PHASE,
        symmetries={"permutation": PARTICLES},
    ),
    "LocalTransformerScore": Case(
        lambda rngs: nn.LocalTransformerScore(2, **SIZES | {"blocks": 2}, rngs=rngs),
        NEIGHBORS,
        bad=(
            ((NEIGHBORS[0], NEIGHBORS[1][:3]), "propulsions must have the shape of displacements"),
            ((NEIGHBORS[0][:, :1], NEIGHBORS[1][:, :1]), r"displacements must have shape \(k \+ 1, 2\)"),
            ((*NEIGHBORS, NEIGHBORS[1]), "forces need forces=True"),
        ),
        symmetries={"neighbours": Symmetry(lambda dx, g: (dx[OTHERS], g[OTHERS]))},
        field=False,
    ),
    "LocalTransformerScore-forces": Case(
        lambda rngs: nn.LocalTransformerScore(2, **SIZES | {"blocks": 2}, forces=True, rngs=rngs),
        (*NEIGHBORS, np.sin(3 * NEIGHBORS[1])),
        bad=(
            (NEIGHBORS, "forces must be given to a network made with forces=True, got None"),
            ((*NEIGHBORS, NEIGHBORS[1][:3]), "forces must have the shape of displacements"),
        ),
        symmetries={"neighbours": Symmetry(lambda dx, g, f: (dx[OTHERS], g[OTHERS], f[OTHERS]))},
        field=False,
    ),
    "NBeats": Case(
        lambda rngs: nn.NBeats(6, horizon=2, blocks=2, width=12, depth=2, basis=3, rngs=rngs),
        (normal(6),),
        bad=(((normal(5),), r"x must have shape \(6,\)"),),
        misuse=((lambda rngs: nn.NBeats(6, blocks=0, rngs=rngs), "blocks must be at least 1"),),
        field=False,
    ),
    "LSTMForecaster": Case(
        lambda rngs: nn.LSTMForecaster(2, width=4, rngs=rngs),
        (normal(4, 2),),
        bad=(((normal(4, 3),), r"x must have shape \(t, 2\)"),),
        misuse=((lambda rngs: nn.LSTMForecaster(layers=0, rngs=rngs), "layers must be at least 1"),),
    ),
    "TransformerForecaster": Case(
        lambda rngs: nn.TransformerForecaster(2, length=4, embed=6, blocks=1, heads=2, hidden=5, rngs=rngs),
        (normal(4, 2),),
        bad=(((normal(5, 2),), r"x must have shape \(t, 2\) with 1 <= t <= 4"),),
        misuse=((lambda rngs: nn.TransformerForecaster(length=4, embed=6, heads=4, rngs=rngs), "multiple of heads=4"),),
    ),
    "EchoState": Case(
        lambda rngs: nn.EchoState(2, width=5, leak=0.7, rngs=rngs),
        (normal(4, 2), normal(5)),
        bad=(((normal(4, 3), normal(5)), r"x must have shape \(t, 2\)"), ((normal(4, 2), normal(4)), "state must")),
        misuse=((lambda rngs: nn.EchoState(leak=0.0, rngs=rngs), r"leak must be in \(0, 1\]"),),
        field=False,
    ),
    "CausalAutoencoder": Case(
        lambda rngs: nn.CausalAutoencoder(2, width=4, code=3, rngs=rngs),
        (normal(7, 2),),
        bad=(((normal(7, 3),), r"x must have shape \(t, 2\)"),),
        misuse=((lambda rngs: nn.CausalAutoencoder(code=0, rngs=rngs), "code must be at least 1"),),
    ),
    "PooledAttention": Case(
        lambda rngs: nn.PooledAttention(8, num_seeds=2, heads=2, hidden=6, rngs=rngs),
        (CONTEXT, MASK),
        bad=(((CONTEXT[:, :3], MASK), r"context must have shape \(n, 8\)"), ((CONTEXT, MASK[:4]), "mask must have")),
        misuse=((lambda rngs: nn.PooledAttention(8, num_seeds=0, rngs=rngs), "num_seeds must be at least 1"),),
        symmetries=SET_SYMMETRIES,
        field=False,
    ),
    "SetTransformer": Case(
        lambda rngs: nn.SetTransformer(8, **SET_SIZES, rngs=rngs),
        (CONTEXT, MASK),
        bad=(((CONTEXT[:, :3], MASK), r"rows must have shape \(n, 8\)"), ((CONTEXT, MASK[:4]), "mask must have shape")),
        misuse=(
            (lambda rngs: nn.SetTransformer(0, rngs=rngs), "num_features must be at least 1"),
            (lambda rngs: nn.SetTransformer(8, encoder_blocks=-1, rngs=rngs), "encoder_blocks must be at least 0"),
            (lambda rngs: nn.SetTransformer(8, embedding_dropout=1.0, rngs=rngs), r"embedding_dropout must lie in"),
            (lambda rngs: nn.SetTransformer(8, **SET_SIZES, point=False, rngs=rngs), "point or quantiles must be True"),
        ),
        symmetries=SET_SYMMETRIES,
        dead={"['key']['bias']": "it adds one number to all logits of a query"},
        field=False,
    ),
    "SetTransformer-quantiles": Case(
        lambda rngs: nn.SetTransformer(
            8, **SET_SIZES | {"key_bias": False}, point=False, quantiles=True, activation=jax.nn.gelu, rngs=rngs
        ),
        (CONTEXT, MASK, np.float64(0.3)),
        bad=(((CONTEXT[:, :3], MASK), r"rows must have shape \(n, 8\)"),),
        symmetries={"order": Symmetry(lambda rows, mask, tau: (rows[OTHERS], mask[OTHERS], tau))},
        field=False,
    ),
    "AxialSetTransformer": Case(
        lambda rngs: nn.AxialSetTransformer(
            embed=4, heads=2, blocks=1, num_inducing=2, hidden=5, num_seeds=2, head_width=5, rngs=rngs
        ),
        (CONTEXT[:, :2], CONTEXT[:, 2:4], MASK),
        bad=(
            ((CONTEXT[:, :2], CONTEXT[:4, 2:4], MASK), r"y must have shape \(n, d\) with the n of x"),
            ((CONTEXT[:, 0], CONTEXT[:, 2:4], MASK), r"x must have shape \(n, d\)"),
            ((CONTEXT[:, :2], CONTEXT[:, 2:4], MASK[:4]), r"mask must have shape \(5,\)"),
        ),
        misuse=(
            (lambda rngs: nn.AxialSetTransformer(blocks=0, rngs=rngs), "blocks must be at least 1"),
            (lambda rngs: nn.AxialSetTransformer(embed=4, heads=2, point=False, rngs=rngs), "point or quantiles must"),
        ),
        symmetries={
            "rows": Symmetry(lambda x, y, m: (x[OTHERS], y[OTHERS], m[OTHERS])),
            "coordinates": Symmetry(lambda x, y, m: (x[:, ::-1], y, m)),
            "masked": Symmetry(lambda x, y, m: (jnp.where(m[:, None], x, jnp.nan), y, m)),
        },
        field=False,
    ),
    "Calibrator": Case(
        lambda rngs: nn.Calibrator(6, rngs=rngs),
        (np.abs(normal(4, 6)),),
        bad=(((normal(4, 5),), r"features must have shape \(\.\.\., 6\)"),),
        misuse=(
            (lambda rngs: nn.Calibrator(0, rngs=rngs), "num_in must be at least 1"),
            (lambda rngs: nn.Calibrator(least_temperature=0, rngs=rngs), "least_temperature must be positive"),
        ),
        symmetries={"batch": Symmetry(lambda features: (features[ORDER],), lambda t: t[ORDER])},
        field=False,
    ),
    "PairScore": Case(
        lambda rngs: nn.PairScore(channels=2, width=6, depth=1, rngs=rngs),
        (PHASE,),
        bad=(*BAD_PHASE, ((PHASE[:, :1],), r"phase must have shape \(2, n, d\) with n >= 2")),
        misuse=(
            (lambda rngs: nn.PairScore(reach=-1.0, rngs=rngs), "reach must be positive"),
            (lambda rngs: nn.PairScore(channels=0, rngs=rngs), "channels must be at least 1"),
        ),
        symmetries={"permutation": PARTICLES, "rotation": ROTATION, "reflection": REFLECTION},
    ),
    "PairScore-periodic": Case(
        lambda rngs: nn.PairScore(channels=2, width=6, depth=1, trapped=False, box=BOX, rngs=rngs),
        (PHASE,),
        bad=BAD_PHASE,
        symmetries={
            "permutation": PARTICLES,
            "translation": Symmetry(translate),
            "periods": Symmetry(lambda phase: (phase.at[0, 1, 0].add(4.0),)),
        },
    ),
}
CASES = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.fast] if case.fast else []) for name, case in GRID.items()]
)


@cache
def made(name: str, seed: int) -> Any:
    """The network as numpy arrays; making one is slow, casting it is not."""
    return jax.tree.map(np.asarray, GRID[name].make(rngs=nnx.Rngs(seed)))


def build(name: str, seed: int = 0, dtype: Any = jnp.float64) -> tuple[Any, tuple]:
    """The network and its inputs, all in one dtype."""
    return cast(made(name, seed), dtype), cast(GRID[name].inputs, dtype)


def is_float(x: Any) -> bool:
    return jnp.issubdtype(x.dtype, jnp.floating)


def cast(tree: Any, dtype: Any) -> Any:
    """Floating leaves in another dtype, all leaves as jax arrays; through numpy, which compiles nothing."""
    return jax.tree.map(lambda x: jnp.asarray(np.asarray(x).astype(dtype) if is_float(np.asarray(x)) else x), tree)


def apply(network: Any, inputs: tuple) -> Any:
    return network(*inputs)


def named(tree: Any) -> dict[str, np.ndarray]:
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in leaves}


def parameters(network: Any) -> tuple[Any, Any]:
    """The nnx.Param of a network as a pytree, and the function that puts others in their place."""
    graph, params, rest = nnx.split(network, nnx.Param, ...)
    return params, lambda params: nnx.merge(graph, params, rest)


def direction_of(params: Any) -> Any:
    rng = np.random.default_rng(3)
    return jax.tree.map(lambda p: jnp.asarray(rng.standard_normal(p.shape), p.dtype), params)


@pytest.mark.fast
def test_every_public_network_has_a_case() -> None:
    public = {name: getattr(nn, name) for name in nn.__all__}
    classes = [name for name, value in public.items() if isinstance(value, type) and issubclass(value, nnx.Module)]
    missing = [name for name in classes if not any(case == name or case.startswith(f"{name}-") for case in GRID)]
    assert not missing, f"public networks without a case: {missing}"


@CASES
def test_transformations(name: str, x64) -> None:
    """jit equals eager; vmap over networks (an ensemble) and inputs equals a loop."""
    network, inputs = build(name)
    second, _ = build(name, seed=1)
    other = jax.tree.map(lambda x: jnp.asarray(0.9 * np.asarray(x)) if is_float(x) else x, inputs)
    jitted = jax.jit(apply)
    expected = jitted(network, inputs)
    np.testing.assert_allclose(expected, apply(network, inputs), rtol=1e-10, atol=1e-12)
    pair = jax.tree.map(lambda a, b: jnp.asarray(np.stack([a, b])), (network, inputs), (second, other))
    mapped = jax.jit(jax.vmap(apply))(*pair)
    np.testing.assert_allclose(mapped[0], expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(mapped[1], jitted(second, other), rtol=1e-9, atol=1e-12)


@CASES
def test_gradients(name: str, x64) -> None:
    """Gradients by parameters and inputs are right, of the output and, through forward mode, of its divergence.

    They are finite, equal to finite differences along a random direction, and not zero in any parameter, except those
    listed as dead, where they are.
    """
    case = GRID[name]
    network, inputs = build(name)
    params, join = parameters(network)

    @jax.jit
    def evaluate(params, inputs):
        def scalar(params, inputs):
            y = apply(join(params), inputs)
            total = jnp.sum(y * jnp.cos(1.0 + jnp.arange(y.size)).reshape(y.shape))
            divergence = space.divergence(join(params), inputs[0]) if case.field else jnp.zeros(())
            return total + divergence, divergence

        result = jax.value_and_grad(scalar, argnums=(0, 1), has_aux=True, allow_int=True)(params, inputs)
        return result, jax.jacrev(join(params))(*inputs) if case.field else None

    ((_, divergence), (gradient, slopes)), jacobian = evaluate(params, inputs)
    if case.field:
        trace = np.trace(np.asarray(jacobian).reshape(inputs[0].size, inputs[0].size))
        np.testing.assert_allclose(divergence, trace, rtol=1e-9, atol=1e-12)
    scale = max(float(np.abs(g).max()) for g in named(gradient).values())
    for path, g in named(gradient).items():
        assert np.isfinite(g).all(), path
        largest = float(np.abs(g).max())
        if any(part in path for part in case.dead):
            assert largest < 1e-12 * scale, f"{path} is alive: {largest} of {scale}"
        else:
            assert largest > 1e-8 * scale, f"{path} is dead: {largest} of {scale}"
    for slope in jax.tree.leaves(slopes):
        if slope.dtype != jax.dtypes.float0:
            assert np.isfinite(slope).all()
            assert np.any(slope != 0)
    direction = direction_of(params)
    ahead, behind = (
        float(evaluate(jax.tree.map(lambda p, d, h=h: p + h * d, params, direction), inputs)[0][0][0])
        for h in (1e-6, -1e-6)
    )
    inner = sum(np.vdot(g, d) for g, d in zip(jax.tree.leaves(gradient), jax.tree.leaves(direction), strict=True))
    np.testing.assert_allclose(inner, (ahead - behind) / 2e-6, rtol=1e-6, atol=1e-7)


@CASES
def test_dtypes(name: str) -> None:
    """The dtype of network and input is that of the output; parameters start in float32, and widen a half input.

    float32 also under strict promotion, which forbids flax's LayerNorm any other dtype.
    """
    assert all(leaf.dtype == np.float32 for leaf in named(made(name, 0)).values())
    for dtype in (jnp.float32, jnp.bfloat16, jnp.float16, jnp.float64):
        promotion = "strict" if dtype == jnp.float32 else "standard"
        with jax.enable_x64(True), jax.numpy_dtype_promotion(promotion):
            assert jax.eval_shape(apply, *build(name, dtype=dtype)).dtype == dtype
    network, _ = build(name, dtype=jnp.float32)
    assert jax.eval_shape(apply, network, cast(GRID[name].inputs, jnp.bfloat16)).dtype == jnp.float32


@CASES
def test_construction(name: str, x64) -> None:
    """The same rngs give the same parameters, others give others; the pytree and the nnx split hold all there is."""
    network, inputs = build(name)
    first, other = named(made(name, 0)), named(made(name, 1))
    for path, leaf in named(GRID[name].make(rngs=nnx.Rngs(0))).items():
        np.testing.assert_array_equal(leaf, first[path])
    drawn = ("kernel", "centers", "coefficients")
    kernels = [path for path in other if "bias" not in path and any(name in path for name in drawn)]
    assert kernels
    assert all(np.any(other[path] != first[path]) for path in kernels)
    leaves, tree = jax.tree.flatten(network)
    expected = apply(network, inputs)
    np.testing.assert_array_equal(apply(jax.tree.unflatten(tree, leaves), inputs), expected)
    params, join = parameters(network)
    np.testing.assert_array_equal(apply(join(params), inputs), expected)


@CASES
def test_recompilation(name: str, x64) -> None:
    """A second call with the same shapes compiles nothing: bare, or jitted with updated parameters."""
    network, inputs = build(name)
    jitted = jax.jit(apply)
    apply(network, inputs)
    jitted(network, inputs)
    updated = jax.tree.map(lambda p: p - 0.01 * jnp.ones_like(p), network)
    other = jax.tree.map(lambda x: jnp.asarray(0.9 * np.asarray(x)) if is_float(x) else x, inputs)
    with CompileCounter() as counter:
        jitted(updated, other)
        apply(updated, other)
    assert counter.count == 0


@pytest.mark.parametrize(
    ("name", "symmetry"), [(name, symmetry) for name, case in GRID.items() for symmetry in case.symmetries]
)
def test_symmetries(name: str, symmetry: str, x64) -> None:
    """What the docstring says of permutations, rotations, translations, mirrors, periods and masks holds."""
    network, inputs = build(name)
    claim = GRID[name].symmetries[symmetry]
    expected = claim.output(apply(network, inputs))
    np.testing.assert_allclose(apply(network, claim.inputs(*inputs)), expected, rtol=1e-9, atol=1e-11)


@CASES
def test_errors(name: str) -> None:
    """Bad shapes and bad sizes give a ValueError that names the argument."""
    network, _ = build(name, dtype=jnp.float32)
    with without_shape_hook():
        for arguments, match in GRID[name].bad:
            with pytest.raises(ValueError, match=match):
                network(*cast(arguments, jnp.float32))
        for make, match in GRID[name].misuse:
            with pytest.raises(ValueError, match=match):
                make(rngs=nnx.Rngs(0))
