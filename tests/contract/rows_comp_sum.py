"""The contract of the comp-sum losses and of attacks."""

import jax
import jax.numpy as jnp
import numpy as np

from entropax import losses
from tests.contract.harness import Bad, Row, simplex

RNG = np.random.default_rng(8)
Z = RNG.standard_normal((2, 4))
Y = np.array([3, 1])
P = RNG.dirichlet(np.ones(4), 2)
U = np.array([0.2, 1.5])
W = RNG.standard_normal((4, 3))
X = RNG.standard_normal((2, 3))
PASSES = "a NaN of the network passes through, so that a training loop's stop rules see it"
CLASSES = {"num_classes": 3}


def attacked(W, X):
    return losses.smooth_adversarial_comp_sum_loss(
        lambda z: jnp.tanh(z @ W.T.astype(z.dtype)), X, Y, epsilon=0.1, key=jax.random.key(0), steps=2
    )


def attack(X):
    return losses.pgd_attack(lambda z: jnp.sum(z**2, axis=1), X, epsilon=0.1, key=jax.random.key(0), steps=2)


ROWS = [
    Row(
        name="losses.comp_sum_loss",
        call=losses.comp_sum_loss,
        arguments=lambda: (Z, Y, 0.5),
        differentiable=(0, 2),
        bad_static=(
            Bad((Z, Y[:1], 0.5), r"labels must be integers of shape \(2,\) or distributions of shape \(2, 4\), got"),
            Bad((Z[:, :1], Y, 0.5), r"logits must have shape \(\.\.\., n\) with n >= 2 classes, got \(2, 1\)"),
            Bad((Z, Y > 2, 0.5), "labels must be integers .* got dtype bool", TypeError),
        ),
        bad_values=(
            Bad((Z, np.array([4, 4]), 0.5), "labels must be integers from 0 to 3, one of 4 classes, got 4"),
            Bad((Z, Y, -0.5), "tau must be non-negative and finite"),
        ),
        half="float32",
        fast=True,
    ),
    Row(
        name="losses.comp_sum_loss.distributions",
        call=lambda z, p: losses.comp_sum_loss(z, p, 1.5, where=np.array([True, False])),
        arguments=lambda: (Z, P),
        differentiable=(0, 1),
        project={1: simplex},
        bad_static=(Bad((Z, P[:, :2]), "labels must be integers"),),
        bad_values=(),
        exempt={
            "bad_values": "the row of integer labels holds them; here masked rows stay zero",
            "integer": "integer labels are classes, not distributions",
        },
        half="float32",
    ),
    Row(
        name="losses.comp_sum_outer",
        call=losses.comp_sum_outer,
        arguments=lambda: (U, 1.3),
        differentiable=(0, 1),
        bad_static=(Bad((U, U), "tau must be a number"),),
        bad_values=(Bad((-U, 1.3), "u must be non-negative"),),
        half="float32",
    ),
    Row(
        name="losses.comp_sum_margin_loss",
        call=lambda z, tau: losses.comp_sum_margin_loss(z, Y, tau, rho=3.0),
        arguments=lambda: (Z, 0.5),
        differentiable=(0, 1),
        bad_static=(Bad((Z[:1], 0.5), "labels must be integers"),),
        bad_values=(Bad((Z, -0.5), "tau must be non-negative"),),
        half="float32",
    ),
    Row(
        name="losses.comp_sum_conditional_risk",
        call=losses.comp_sum_conditional_risk,
        arguments=lambda: (P, 0.5),
        differentiable=(0, 1),
        project={0: simplex},
        bad_static=(Bad((P[:, :1], 0.5), r"p must have shape \(\.\.\., n\) with n >= 2 classes"),),
        bad_values=(Bad((-P, 0.5), "p must be non-negative"),),
        exempt={"integer": "an integer distribution is certain: its order's gradient is elsewhere"},
        half="float32",
    ),
    Row(
        name="losses.h_consistency_transform",
        call=lambda beta: losses.h_consistency_transform(beta, 1.5, **CLASSES),
        arguments=lambda: (np.array([0.3, 0.8]),),
        bad_static=(Bad((np.array(1j),), "beta must be real", TypeError),),
        bad_values=(Bad((2 + U,), r"beta must be in \[0, 1\]"),),
        half="float32",
    ),
    Row(
        name="losses.h_consistency_bound",
        call=lambda t: losses.h_consistency_bound(t, 0.5, **CLASSES),
        arguments=lambda: (np.array([0.05, 0.2]),),
        bad_static=(Bad((np.array(1j),), "excess must be real", TypeError),),
        bad_values=(Bad((-U,), "excess must be at least 0"),),
        half="float32",
    ),
    Row(
        name="losses.h_consistency_relaxed_bound",
        call=lambda t, tau: losses.h_consistency_relaxed_bound(t, tau, **CLASSES),
        arguments=lambda: (U, 1.5),
        differentiable=(0, 1),
        bad_static=(Bad((U, U), "tau must be a number"),),
        bad_values=(Bad((-U, 0.5), "excess must be at least 0"),),
        half="float32",
    ),
    Row(
        name="losses.minimizability_gap_bound",
        call=lambda risk, p: losses.minimizability_gap_bound(risk, p, 0.5),
        arguments=lambda: (1.5, P),
        differentiable=(0, 1),
        project={1: simplex},
        bad_static=(Bad((U, P), "sum_exponential_risk must be a number"),),
        bad_values=(Bad((-1.5, P), "sum_exponential_risk must be non-negative"),),
        exempt={"integer": "an integer distribution is certain: its order's gradient is elsewhere"},
        half="float32",
    ),
    Row(
        name="losses.smooth_adversarial_comp_sum_loss",
        call=attacked,
        arguments=lambda: (W, X),
        differentiable=(0,),
        bad_static=(Bad((W, X[0]), r"x must have shape|scores must have|labels must be"),),
        exempt={
            "bad_values": "the row of the attack holds them",
            "recompile": "the scores are the user's function, fresh at every call: jit the step around it",
            "second_order": "finite differences would move the held point of the attack",
            "reverse": "finite differences move the held point of the attack; tests hold the gradient at a supremum",
            "forward": "finite differences move the held point of the attack; tests hold the gradient at a supremum",
        },
        half="float32",
    ),
    Row(
        name="losses.pgd_attack",
        call=attack,
        arguments=lambda: (X,),
        bad_static=(Bad((X[0],), r"x must have shape \(b, \.\.\.\) with two axes or more"),),
        bad_values=(Bad((np.full_like(X, np.nan),), "x must be finite"),),
        exempt={
            "gradient": "it returns a maximum as a constant: the envelope theorem",
            "recompile": "the objective is the user's function, fresh at every call: jit the step around it",
        },
    ),
]
