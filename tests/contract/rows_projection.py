"""The contract of the orthogonal projection losses."""

import numpy as np

from entropax import losses
from tests.contract.harness import Bad, Row

RNG = np.random.default_rng(11)
F, T, C = RNG.standard_normal((5, 3)), RNG.standard_normal((5, 2)), RNG.standard_normal((3, 3))
Y = np.array([0, 1, 0, 2, 1])
MASK = np.array([True, True, True, False, True])
OUT = np.full(5, 3)
RANGE = Bad((F, OUT, C), "labels must be integers from 0 to 2, one of 3 classes, got 3")
CENTERS = Bad((F, Y, C[:, :2]), r"centers must have shape \(v, 3\) with v >= 2, got \(3, 2\)")


def reading(name, **options):
    return Row(
        name=f"losses.orthogonal_projection_loss.{name}",
        call=lambda f, gamma: losses.orthogonal_projection_loss(f, Y, gamma=gamma, reduction=name, **options),
        arguments=lambda: (F, 0.7),
        differentiable=(0, 1),
        bad_static=(
            Bad((F[:1], 0.7), r"features must have shape \(b, k\) with b >= 2, got \(1, 3\)"),
            Bad((F[:4], 0.7), r"labels must have shape \(4,\), got \(5,\)"),
        ),
        bad_values=(Bad((F, -0.7), "gamma must be non-negative and finite"),),
        half="float32",
        fast=name == "abs_mean",
    )


def with_centers(name, call, **more):
    return Row(
        name=f"losses.{name}",
        call=call,
        arguments=lambda: (F, Y, C),
        differentiable=(0, 2),
        bad_static=(CENTERS, Bad((F, F, C), "labels must be integers of shape", TypeError)),
        bad_values=(RANGE,),
        half="float32",
        **more,
    )


def centers(f, y, c):
    return losses.perpetual_projection_loss(f, y, c, variant="centers")


ROWS = [
    reading("abs_mean"),
    reading("mean_abs", where=MASK),
    reading("signed", normalize=False),
    *(
        Row(
            name=f"losses.{name}",
            call=lambda f, eps: losses.class_cosines(f, Y, eps=eps),
            arguments=lambda: (F, 0.1),
            differentiable=(0, 1),
            bad_static=(Bad((F[0], 0.1), r"features must have shape \(b, k\)"),),
            bad_values=(Bad((F, -0.1), "eps must be non-negative"),),
            half="float32",
            slow=slow,
        )
        for name, slow in (("class_cosines", False), ("ClassCosines.fields", True))
    ),
    Row(
        name="losses.batch_self_attention",
        call=losses.batch_self_attention,
        arguments=lambda: (F,),
        bad_static=(Bad((F[0],), r"features must have shape \(b, k\), got \(3,\)"),),
        exempt={"bad_values": "defined for all features; a NaN of a network passes through"},
        half="float32",
    ),
    Row(
        name="losses.projection_distillation_loss",
        call=losses.projection_distillation_loss,
        arguments=lambda: (F, T),
        differentiable=(0, 1),
        bad_static=(Bad((F, T[:4]), r"teacher must have shape \(5, m\), got \(4, 2\)"),),
        exempt={"bad_values": "defined for all features; a NaN of a network passes through"},
        half="float32",
    ),
    with_centers("perpetual_projection_loss", losses.perpetual_projection_loss),
    with_centers("perpetual_projection_loss.centers", centers, slow=True),
    with_centers("center_loss", losses.center_loss),
    Row(
        name="losses.rbf_logits",
        call=lambda f, c, scale, width: losses.rbf_logits(f, c, scale=scale, width=width),
        arguments=lambda: (F, C, 2.0, 1.5),
        differentiable=(0, 1, 2, 3),
        bad_static=(Bad((F, C[:, :2], 2.0, 1.5), r"centers must have shape \(v, 3\)"),),
        bad_values=(Bad((F, C, 2.0, -1.5), "width must be positive"),),
        half="float32",
    ),
]
