"""The contract of ranking and distillation."""

import jax
import numpy as np

from entropax import losses
from tests.contract.harness import Bad, Row

RNG = np.random.default_rng(12)
Z, T = RNG.standard_normal((2, 2, 4))
Y = np.array([3, 1])
PI = np.array([[2, 0, 1, 3], [3, 2, 1, 0]])
W = np.array([0.5, 0.3, 0.1, 0.1])
NAN = np.full((2, 4), np.nan)
ORDER = "orders are piecewise constant"
CONTAINER = {
    "bad_static": "the function that makes it holds them",
    "bad_values": "the function that makes it holds them",
    "gradient": ORDER,
}


def key():
    return jax.random.key(3)


def distillation(name, bad=(), **options):
    loss = getattr(losses, name)
    return Row(
        name=f"losses.{name}",
        call=lambda z, t, tau: loss(z, t, Y, **options | {"temperature": tau}),
        arguments=lambda: (Z, T, np.float64(2.0)),
        bad_static=(
            Bad((Z, T[:, :3], 2.0), "teacher_logits must have the shape of logits"),
            Bad((Z[:1], T, 2.0), "labels must be integers"),
            *bad,
        ),
        bad_values=(Bad((Z, T, np.float64(0.0)), "temperature must be positive"),),
        half="float32",
    )


ROWS = [
    Row(
        name="losses.list_mle",
        call=losses.list_mle,
        arguments=lambda: (Z, PI, W),
        differentiable=(0, 2),
        bad_static=(
            Bad((Z, PI[:1], W), r"permutation must have shape \(2, 4\)"),
            Bad((Z, PI, W[:3]), "weights must be broadcastable"),
            Bad((Z, PI / 1.0, W), "permutation must be of integers", TypeError),
        ),
        bad_values=(
            Bad((Z, np.zeros_like(PI), W), "permutation must hold each of 0 to 3 once"),
            Bad((Z, PI, -W), "weights must be non-negative"),
        ),
        half="float32",
        fast=True,
    ),
    Row(
        name="losses.plackett_luce_log_prob",
        call=losses.plackett_luce_log_prob,
        arguments=lambda: (Z, PI),
        bad_static=(Bad((Z[:, :1], PI), r"scores must have shape \(\.\.\., n\) with n >= 2"),),
        bad_values=(Bad((Z, np.zeros_like(PI)), "permutation must hold each of 0 to 3 once"),),
        half="float32",
    ),
    Row(
        name="losses.pld_loss",
        call=lambda z, t, tau: losses.pld_loss(z, t, Y, teacher_temperature=tau),
        arguments=lambda: (Z, T, np.float64(2.0)),
        bad_static=(
            Bad((Z, T[:, :3], 2.0), "teacher_logits must have the shape of logits"),
            Bad((Z[:1], T, 2.0), "labels must be integers"),
        ),
        bad_values=(Bad((Z, T, np.float64(-1.0)), "teacher_temperature must be positive"),),
        half="float32",
    ),
    distillation("kd_loss"),
    distillation("dkd_loss"),
    distillation("dist_loss"),
    Row(
        name="losses.teacher_optimal_permutation",
        call=losses.teacher_optimal_permutation,
        arguments=lambda: (T, Y),
        differentiable=(),
        bad_static=(Bad((T, Y[:1]), "labels must be integers"),),
        exempt={"gradient": ORDER, "bad_values": "its integers carry a validity; tests hold both"},
    ),
    Row(
        name="losses.sample_plackett_luce",
        call=lambda s, key: losses.sample_plackett_luce(s, key=key),
        arguments=lambda: (Z, key()),
        differentiable=(),
        bad_static=(
            Bad(lambda: (Z[:, :1], key()), r"scores must have shape \(\.\.\., n\) with n >= 2"),
            Bad(lambda: (Z, 3), "key must be a key", TypeError),
        ),
        exempt={"gradient": ORDER, "bad_values": "its integers carry a validity; tests hold both"},
    ),
    Row(
        name="losses.soft_plackett_luce_sample",
        call=lambda s, tau, key: losses.soft_plackett_luce_sample(s, tau, key=key),
        arguments=lambda: (Z, np.float64(0.7), key()),
        differentiable=(0, 1),
        bad_static=(Bad(lambda: (Z, np.ones(2), key()), "temperature must be a number"),),
        bad_values=(
            Bad(lambda: (NAN, np.float64(0.7), key()), "scores must be finite"),
            Bad(lambda: (Z, np.float64(0.0), key()), "temperature must be positive"),
        ),
        half="float32",
    ),
    Row(
        name="losses.Ranking",
        call=lambda t: losses.teacher_optimal_permutation(t, Y),
        arguments=lambda: (T,),
        differentiable=(),
        exempt=CONTAINER,
    ),
]
