"""The contract of label distributionally robust losses, of those they are compared with, and of label noise."""

import jax
import jax.numpy as jnp
import numpy as np

from entropax import losses
from tests.contract.harness import Bad, Row, simplex

RNG = np.random.default_rng(12)
Z = RNG.standard_normal((2, 4))
Y = np.array([3, 1])
P = RNG.dirichlet(np.ones(4), 2)
T = np.array([0.7, 3.0])
W = np.array([0.4, 1.0])
TRANSITION = np.array([[0.7, 0.3, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.1, 0.2, 0.3, 0.4], [0.0, 0.0, 0.5, 0.5]])
SHAPES = (
    Bad((Z, Y[:1]), r"labels must be integers of shape \(2,\)"),
    Bad((Z[:, :1], Y), r"logits must have shape \(\.\.\., n\) with n >= 2 classes, got \(2, 1\)"),
)
LABELS = (Bad((Z, np.array([4, 4])), "labels must be integers from 0 to 3, one of 4 classes, got 4"),)
CHOICES = "it returns classes, which have no gradient"


def key():
    return jax.random.key(5)


def settled(z):
    """Temperatures at which the update of ALDR-KL stands still, so that its loss does not move with them."""
    f = z - z[np.arange(2), Y][:, None] + 0.1 * (1 - np.eye(4)[Y])
    t = np.full(2, 10.0)
    for _ in range(60):
        p = np.exp(f / t[:, None])
        p /= p.sum(-1, keepdims=True)
        t = 10 * (1 - (np.log(4) + (p * np.log(p)).sum(-1)) / (2 * np.log(4)))
    return t


def baseline(name, *, fast=False, **options):
    """A row of a loss of logits and labels alone."""
    return Row(
        name=f"losses.{name}",
        call=lambda z, y: getattr(losses, name)(z, y, **options),
        arguments=lambda: (Z, Y),
        bad_static=SHAPES,
        bad_values=LABELS,
        half="float32",
        fast=fast,
    )


ROWS = [
    Row(
        name="losses.ldr_kl_loss",
        call=losses.ldr_kl_loss,
        arguments=lambda: (Z, Y, T, 0.3),
        differentiable=(0, 2, 3),
        bad_static=(
            Bad((Z, Y[:1], T, 0.3), r"labels must be integers of shape \(2,\)"),
            Bad((Z, Y, np.ones(3), 0.3), "temperature must be broadcastable"),
            Bad((Z, Y, T, T), "margin must be a number"),
        ),
        bad_values=(
            Bad((Z, np.array([4, 4]), T, 0.3), "labels must be integers from 0 to 3"),
            Bad((Z, Y, -T, 0.3), "temperature must be at least 0"),
            Bad((Z, Y, T, -0.3), "margin must be non-negative"),
        ),
        half="float32",
        fast=True,
    ),
    Row(
        name="losses.ldr_topk_loss",
        call=lambda z, t, c: losses.ldr_topk_loss(z, Y, t, c, k=2),
        arguments=lambda: (Z, T, 0.3),
        differentiable=(0, 1, 2),
        bad_static=(Bad((Z[:, :1], T, 0.3), "logits must have shape"),),
        bad_values=(Bad((Z, -T, 0.3), "temperature must be at least 0"),),
        half="float32",
    ),
    Row(
        name="losses.ldr_adversarial_weights",
        call=lambda z, t, c: losses.ldr_adversarial_weights(z, Y, t, c, k=2),
        arguments=lambda: (Z, T, 0.3),
        differentiable=(0, 1, 2),
        bad_static=(Bad((Z[:, :1], T, 0.3), "logits must have shape"),),
        bad_values=(Bad((Z, -T, 0.3), "temperature must be at least 0"),),
        half="float32",
    ),
    Row(
        name="losses.aldr_kl_loss",
        call=lambda z, t: losses.aldr_kl_loss(z, Y, t, margin_in_update=True),
        arguments=lambda: (Z, settled(Z)),
        differentiable=(0,),
        select=lambda loss: loss.value,
        bad_static=(Bad((Z[:1], T), "labels must be"), Bad((Z, np.ones(3)), "temperatures must be broadcastable")),
        bad_values=(Bad((Z, -T), "temperatures must be"),),
        half="float32",
        exempt={"second_order": "the gradient holds the temperatures, which finite differences of it move"},
    ),
    Row(
        name="losses.AldrKL",
        call=losses.AldrKL,
        arguments=lambda: (T, T),
        differentiable=(0, 1),
        exempt=dict.fromkeys(("bad_static", "bad_values", "integer"), "it holds what aldr_kl_loss computed"),
    ),
    Row(
        name="losses.InstanceTemperatures",
        members=("of", "updated"),
        call=lambda start, new: (
            losses.InstanceTemperatures(4, start).updated(np.array([2, 0]), new).of(np.array([[0, 1], [2, 3]]))
        ),
        arguments=lambda: (1.5, T),
        differentiable=(0, 1),
        bad_static=(Bad((1.5, T[:1]), "temperatures must have the shape of ids"),),
        bad_values=(Bad((-1.5, T), "initial_temperature must be positive"),),
        exempt={
            "bad_values": "the given half of the temperatures stays finite under jit; tests hold the errors",
            "second_order": "it is linear: its second derivative is zero",
        },
    ),
    Row(
        name="losses.normalize_scores",
        call=lambda f: (losses.normalize_scores(f), losses.normalize_scores(f, mode="l1")),
        arguments=lambda: (Z,),
        bad_static=(Bad((Z[:, :1],), "scores must have shape"),),
        exempt={"bad_values": "a NaN of the network passes through, so that a training loop's stop rules see it"},
        half="float32",
    ),
    baseline("cross_entropy_loss"),
    baseline("squared_error_loss"),
    baseline("absolute_error_loss"),
    baseline("generalized_cross_entropy_loss"),
    baseline("symmetric_cross_entropy_loss"),
    baseline("robust_log_loss", a=0.1),
    baseline("normalized_cross_entropy_loss"),
    baseline("reverse_cross_entropy_loss"),
    baseline("asymmetric_cross_entropy_loss"),
    baseline("asymmetric_unhinged_loss"),
    baseline("nce_rce_loss"),
    baseline("nce_agce_loss"),
    baseline("nce_aul_loss", fast=True),
    Row(
        name="losses.jensen_shannon_loss",
        call=lambda z, p: losses.jensen_shannon_loss(z, p, weight=0.3, where=np.array([True, False])),
        arguments=lambda: (Z, P),
        differentiable=(0, 1),
        project={1: simplex},
        bad_static=(Bad((Z, P[:, :2]), "labels must be integers"),),
        exempt={
            "bad_values": "the rows of integer labels hold them; here masked rows stay zero",
            "integer": "integer labels are classes, not distributions",
        },
        half="float32",
    ),
    Row(
        name="losses.crammer_singer_loss",
        call=lambda z, c: losses.crammer_singer_loss(z, Y, c),
        arguments=lambda: (Z, 0.3),
        differentiable=(0, 1),
        bad_static=(Bad((Z[:1], 0.3), "labels must be integers"),),
        bad_values=(Bad((Z, -0.3), "margin must be non-negative"),),
        half="float32",
    ),
    Row(
        name="losses.weston_watkins_loss",
        call=lambda z, c: losses.weston_watkins_loss(z, Y, c),
        arguments=lambda: (Z, 0.3),
        differentiable=(0, 1),
        bad_static=(Bad((Z[:1], 0.3), "labels must be integers"),),
        bad_values=(Bad((Z, -0.3), "margin must be non-negative"),),
        half="float32",
    ),
    Row(
        name="losses.truncated_generalized_cross_entropy_loss",
        call=lambda z, w: losses.truncated_generalized_cross_entropy_loss(z, Y, w),
        arguments=lambda: (Z, W),
        differentiable=(0, 1),
        bad_static=(Bad((Z, W[:1]), r"weights must have shape \(2,\)"),),
        bad_values=(Bad((Z, -W), "weights must be non-negative"),),
        half="float32",
    ),
    Row(
        name="losses.truncation_weights",
        call=losses.truncation_weights,
        arguments=lambda: (Z, Y),
        differentiable=(),
        bad_static=SHAPES,
        bad_values=LABELS,
        half="float32",
        exempt={"gradient": "a step has none"},
    ),
    Row(
        name="losses.uniform_label_flips",
        call=lambda y, rate, key: losses.uniform_label_flips(y, rate, num_classes=4, key=key),
        arguments=lambda: (Y, 0.5, key()),
        differentiable=(),
        bad_static=(
            Bad(lambda: (Y, np.ones(2), key()), "rate must be a number"),
            Bad(lambda: (Z, 0.5, key()), "labels must be integers", TypeError),
            Bad(lambda: (Y, 0.5, jnp.zeros(2, jnp.uint32)), "key must be a key", TypeError),
        ),
        bad_values=(
            Bad(lambda: (Y, 1.5, key()), r"rate must be in \[0, 1\]"),
            Bad(lambda: (Y + 4, 0.5, key()), "labels must be integers from 0 to 3"),
        ),
        exempt={"gradient": CHOICES},
    ),
    Row(
        name="losses.class_dependent_label_flips",
        call=lambda y, t, key: losses.class_dependent_label_flips(y, t, key=key),
        arguments=lambda: (Y, TRANSITION, key()),
        differentiable=(),
        bad_static=(Bad(lambda: (Y, TRANSITION[:2], key()), r"transition must have shape \(n, n\)"),),
        bad_values=(
            Bad(lambda: (Y, 2 * TRANSITION, key()), "transition must be non-negative and sum to one"),
            Bad(lambda: (Y + 4, TRANSITION, key()), "labels must be integers from 0 to 3"),
        ),
        exempt={"gradient": CHOICES},
    ),
    Row(
        name="losses.NoisyLabels",
        call=losses.NoisyLabels,
        arguments=lambda: (Y, Y > 1, np.array(True)),
        differentiable=(),
        exempt={
            "gradient": CHOICES,
            **dict.fromkeys(("bad_static", "bad_values"), "it holds what the flips computed"),
        },
    ),
]
