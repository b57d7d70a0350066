"""The contract of transport costs and of reweighted likelihoods."""

import numpy as np

from entropax import losses
from tests.contract.harness import Bad, Row, simplex

RNG = np.random.default_rng(14)
Z = RNG.standard_normal((2, 4))
Y = np.array([3, 1])
P = RNG.dirichlet(np.ones(4), 2)
E = RNG.standard_normal((4, 3))
HELD = {"gradient": "its ratios are held constant, so that no function has this gradient; tests hold it"}
OUT_OF_RANGE = Bad((Z, np.array([4, 4]), E), "labels must be integers from 0 to 3")
WEIGHED = Bad((Z[:1], Y), "labels must be integers")


ROWS = [
    Row(
        name="losses.demd",
        call=lambda z, y, e: losses.demd(z, y, e, block_size=1),
        arguments=lambda: (Z, Y, E),
        differentiable=(0, 2),
        bad_static=(
            Bad((Z, Y, E[:3]), r"embedding must have shape \(4, d\), got \(3, 3\)"),
            Bad((Z, Y[:1], E), "labels must be integers"),
        ),
        bad_values=(OUT_OF_RANGE,),
        half="float32",
    ),
    Row(
        name="losses.demd.distributions",
        call=losses.demd,
        arguments=lambda: (Z, P, E),
        differentiable=(0, 1, 2),
        project={1: simplex},
        bad_static=(Bad((Z, P[:, :3], E), "labels must be"),),
        bad_values=(Bad((Z, 2 * P, E), "labels must be non-negative and sum to one"),),
        exempt={"integer": "integer labels are tokens, not distributions"},
        half="float32",
    ),
    Row(
        name="losses.emo_loss",
        call=losses.emo_loss,
        arguments=lambda: (Z, Y, E),
        bad_static=(Bad((Z, Y, E[:3]), r"embedding must have shape \(4, d\)"),),
        bad_values=(OUT_OF_RANGE,),
        exempt=HELD,
        half="float32",
    ),
    Row(
        name="losses.mixce_loss",
        call=losses.mixce_loss,
        arguments=lambda: (Z, Y),
        bad_static=(WEIGHED,),
        bad_values=(Bad((Z, np.array([4, 4])), "labels must be integers from 0 to 3"),),
        exempt=HELD,
        half="float32",
    ),
    Row(
        name="losses.tailr_loss",
        call=lambda z, w: losses.tailr_loss(z, Y, mle_weight=w),
        arguments=lambda: (Z, np.float64(0.5)),
        bad_static=(Bad((Z[:1], 0.5), "labels must be integers"),),
        bad_values=(Bad((Z, np.float64(1.5)), r"mle_weight must be in \[0, 1\]"),),
        exempt=HELD,
        half="float32",
    ),
]
