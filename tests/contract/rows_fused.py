"""The contract of losses of linear heads."""

import numpy as np
from flax import nnx

from entropax import losses
from tests.contract.harness import Bad, Row

RNG = np.random.default_rng(12)
E = RNG.standard_normal((3, 2))
C = RNG.standard_normal((5, 2))
B = RNG.standard_normal(5)
Y = np.array([3, 1, 0])
OTHER = RNG.standard_normal((3, 3)), RNG.standard_normal((5, 3))
BLOCKS = {"token_block": 2, "vocab_block": 3}
REVERSE = {"forward": "tiles are computed again in reverse, by a rule that forward mode alone cannot use"}
BAD_LABELS = "labels must be integers from 0 to 4, one of 5 classes, got 7"


def every(e, c, y, b, z):
    return losses.linear_cross_entropy(e, c, y, bias=b, z_loss=z, softcap=3.0, **BLOCKS)


def filtered(e, c, y):
    return losses.linear_cross_entropy(e, c, y, filter_eps=1e-12, vocab_order="mean_logit", where=Y > 0, **BLOCKS)


def statistics(e, c, y, f, r):
    return losses.linear_softmax_statistics(e, c, y, f, r, ignore_index=None, **BLOCKS)


def layer(e, c):
    head = losses.LinearCrossEntropy(2, 5, softcap=3.0, embedding=nnx.Param(c), rngs=nnx.Rngs(0))
    return head(e, Y, **BLOCKS), head.logits(e)


ROWS = [
    Row(
        name="losses.linear_cross_entropy",
        call=every,
        arguments=lambda: (E, C, Y, B, 0.1),
        differentiable=(0, 1, 3, 4),
        bad_static=(
            Bad((E, C[:, :1], Y, B, 0.1), r"embedding must have shape \(v, 2\) as hidden has, got \(5, 1\)"),
            Bad((E, C, Y[:2], B, 0.1), r"labels must have shape \(3,\), got \(2,\)"),
            Bad((E, C, E[:, 0], B, 0.1), "labels must be integers of shape", TypeError),
            Bad((E, C, Y, B[:2], 0.1), r"bias must have shape \(5,\), got \(2,\)"),
        ),
        bad_values=(Bad((E, C, np.array([7, 7, 7]), B, 0.1), BAD_LABELS),),
        exempt=REVERSE,
        half="float32",
    ),
    Row(
        name="losses.linear_cross_entropy.filtered",
        call=filtered,
        arguments=lambda: (E, C, Y),
        differentiable=(0, 1),
        bad_static=(Bad((E[0, 0], C, Y), r"hidden must have shape \(\.\.\., d\)"),),
        exempt=REVERSE | {"bad_values": "the other row holds them; here masked tokens stay zero"},
        half="float32",
    ),
    Row(
        name="losses.linear_softmax_statistics",
        call=statistics,
        arguments=lambda: (E, C, Y, *OTHER),
        differentiable=(0, 1, 3, 4),
        bad_static=(
            Bad(
                (E, C, Y, OTHER[0], OTHER[1][:4]), r"reference_embedding must have 5 rows like embedding, got \(4, 3\)"
            ),
            Bad((E, C, Y, OTHER[0][:2], OTHER[1]), r"reference_hidden must have the leading axes of hidden, \(3,\)"),
        ),
        bad_values=(Bad((E, C, np.array([7, 7, 7]), *OTHER), BAD_LABELS),),
        exempt=REVERSE,
        half="float32",
    ),
    Row(
        name="losses.LinearSoftmaxStatistics",
        call=lambda e, c: losses.linear_softmax_statistics(e, c, Y),
        arguments=lambda: (E, C),
        differentiable=(0, 1),
        bad_static=(Bad((E, C[0]), r"embedding must have shape \(v, d\), got \(2,\)"),),
        exempt=REVERSE | {"bad_values": "the row with a reference holds them"},
        half="float32",
    ),
    Row(
        name="losses.LinearCrossEntropy",
        members=("logits", "statistics"),
        call=layer,
        arguments=lambda: (E, C),
        differentiable=(0, 1),
        bad_static=(Bad((E, C[:4]), r"embedding must have shape \(5, 2\), got \(4, 2\)"),),
        exempt=REVERSE | {"bad_values": "its labels are given here; the rows of the functions it calls hold them"},
        half="float32",
    ),
    Row(
        name="losses.linear_softmax_cross_entropy_loss",
        call=lambda x, w, y: losses.linear_softmax_cross_entropy_loss(x, y, w, reduction="mean"),
        arguments=lambda: (E, C.T, Y),
        differentiable=(0, 1),
        bad_static=(Bad((E[0], C.T, Y), r"x must have shape \(b, h\), got \(2,\)"),),
        bad_values=(Bad((E, C.T, np.array([7, 7, 7])), BAD_LABELS),),
        exempt=REVERSE,
        half="float32",
    ),
]
