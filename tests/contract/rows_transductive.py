"""The contract of transductive inference and of the metrics of segmentation."""

import jax.numpy as jnp
import numpy as np

from entropax import losses, metrics
from entropax.losses import PrototypeClassifier, RepriResult, RepriTerms
from tests.contract.harness import Bad, Row, simplex

RNG = np.random.default_rng(5)
S = RNG.standard_normal((1, 2, 3, 2))
Q = RNG.standard_normal((2, 2, 2))
MASK = np.array([[[1, 0, 255], [1, 1, 0]]])
WHERE = np.array([[True, True], [False, True]])
W, B = np.array([0.8, -0.5]), np.array(2.0)
LOGITS = RNG.standard_normal((2, 3))
PI = np.array([0.2, 0.3, 0.5])
TERMS = RNG.random((4, 2))
NOT_FINITE = np.where(np.arange(2) == 1, np.nan, Q)
Y = np.array([[0, 1], [2, 2]])
P = RNG.dirichlet(np.ones(3), (2, 2))
HOLDS = {
    "bad_static": "it holds results that its function has checked",
    "bad_values": "it holds results that its function has checked",
    "integer": "it holds results as they are",
    "half": "it holds results as they are",
    "second_order": "it holds results: the map is linear",
}


def inference(support, query, rate, tau, weight, masks):
    return losses.repri_inference(
        support,
        masks,
        query,
        where=WHERE,
        refresh_after=(1,),
        num_updates=2,
        learning_rate=rate,
        tau=tau,
        kl_weight=weight,
    )


def oracle(support, query, proportion):
    return losses.repri_inference(support, MASK, query, proportion=proportion, num_updates=1).value


ROWS = [
    Row(
        name="losses.repri_inference",
        call=inference,
        arguments=lambda: (S, Q, np.array(0.025), np.array(3.0), np.array(0.7), MASK),
        differentiable=(0, 1, 2, 3, 4),
        bad_static=(
            Bad((S[0], Q, 0.1, 3.0, 0.7, MASK), r"support must have shape \(k, h, w, c\), got \(2, 3, 2\)"),
            Bad((S, Q[..., :1], 0.1, 3.0, 0.7, MASK), "query must have the 2 channels of support, got 1"),
            Bad((S, Q, 0.1, 3.0, 0.7, MASK[:, :1]), r"masks must have shape \(1, 2, 3\), got \(1, 1, 3\)"),
            Bad((S, Q, 0.1, 3.0, 0.7, MASK / 2), "masks must be integers or booleans", TypeError),
        ),
        bad_values=(
            Bad((S, Q, 0.1, 3.0, 0.7, MASK + 1), "masks must be 0, 1 or 255, got values from 1 to 256"),
            Bad((S, Q, 0.1, 3.0, 0.7, 0 * MASK), r"masks must mark some foreground \(1\), got none"),
            Bad((S, NOT_FINITE, 0.1, 3.0, 0.7, MASK), "query must be finite"),
            Bad((S, Q, 0.1, -3.0, 0.7, MASK), "tau must be positive"),
            Bad((S, Q, 0.1, 3.0, -0.7, MASK), "kl_weight must be non-negative"),
        ),
        exempt={"second_order": "the slow row of a known proportion holds it: it costs a long compilation"},
        half="float32",
    ),
    Row(
        name="losses.repri_inference.oracle",
        call=oracle,
        arguments=lambda: (S, Q, np.array(0.4)),
        differentiable=(0, 1, 2),
        bad_static=(Bad((S, Q, PI), "proportion must be a number"),),
        bad_values=(Bad((S, Q, np.array(0.0)), r"proportion must be inside \(0, 1\), got 0"),),
        exempt={"integer": "an integer is no proportion"},
        half="float32",
        slow=True,
    ),
    Row(
        name="losses.repri_terms",
        call=lambda w, b, s, q, pi: losses.repri_terms(PrototypeClassifier(w, b), s, MASK, q, pi, where=WHERE, tau=3.0),
        arguments=lambda: (W, B, S, Q, np.array(0.4)),
        differentiable=(0, 1, 2, 3, 4),
        bad_static=(Bad((PI, B, S, Q, 0.4), r"classifier.weight must have shape \(2,\), got \(3,\)"),),
        bad_values=(Bad((W, B, S, Q, np.array(1.0)), r"proportion must be inside \(0, 1\), got 1"),),
        exempt={"integer": "an integer is no proportion"},
        half="float32",
    ),
    Row(
        name="losses.init_prototype",
        slow=True,
        call=lambda s, q, tau: losses.init_prototype(s, MASK, q, tau),
        arguments=lambda: (S, Q, np.array(3.0)),
        differentiable=(0, 1, 2),
        bad_static=(Bad((S, Q[0], 3.0), r"query must have shape \(h, w, c\), got \(2, 2\)"),),
        bad_values=(Bad((S, NOT_FINITE, np.array(3.0)), "query must be finite"),),
        half="float32",
    ),
    Row(
        name="losses.PrototypeClassifier.logits",
        call=lambda w, b, q: PrototypeClassifier(w, b).logits(q),
        arguments=lambda: (W, B, Q),
        differentiable=(0, 1, 2),
        bad_static=(Bad((PI, B, Q), r"weight must have shape \(2,\), got \(3,\)"),),
        bad_values=(Bad((W, B, NOT_FINITE), "features must be finite"),),
        half="float32",
    ),
    Row(
        name="losses.cosine_logits",
        call=losses.cosine_logits,
        arguments=lambda: (Q, W, np.array(3.0)),
        differentiable=(0, 1, 2),
        bad_static=(Bad((Q, PI, 3.0), r"weight must have shape \(2,\), got \(3,\)"),),
        bad_values=(Bad((Q, W, np.array(0.0)), "tau must be positive"),),
        half="float32",
        fast=True,
    ),
    Row(
        name="losses.prediction_entropy",
        call=lambda z: losses.prediction_entropy(z, where=np.array([True, True])),
        arguments=lambda: (LOGITS,),
        bad_static=(Bad((LOGITS[:, :1],), r"logits must have shape \(\.\.\., n\) with n >= 2 classes, got"),),
        bad_values=(Bad((np.full((2, 3), np.inf),), "logits must be finite"),),
        half="float32",
    ),
    Row(
        name="losses.proportion_kl",
        call=losses.proportion_kl,
        arguments=lambda: (LOGITS, PI),
        differentiable=(0, 1),
        project={1: simplex},
        bad_static=(Bad((LOGITS, PI[:2]), r"proportions must have shape \(3,\), got \(2,\)"),),
        bad_values=(
            Bad((LOGITS, 2 * PI), "proportions must be non-negative and sum to one"),
            Bad((LOGITS, np.array([0.0, 0.5, 0.5])), "proportions must be positive"),
        ),
        exempt={"integer": "integer proportions leave classes out, which are refused"},
        half="float32",
    ),
    Row(
        name="losses.RepriTerms",
        call=RepriTerms,
        arguments=lambda: tuple(TERMS),
        differentiable=(0, 1, 2, 3),
        exempt=HOLDS,
    ),
    Row(
        name="losses.RepriResult",
        call=lambda p: RepriResult(p, p, PrototypeClassifier(p[0], p[0, 0]), p[0, 0], RepriTerms(*[p[0]] * 4)),
        arguments=lambda: (Q[..., 0],),
        exempt=HOLDS,
    ),
    Row(
        name="metrics.intersection_and_union",
        call=lambda p: metrics.intersection_and_union(p, Y, num_classes=3, where=WHERE),
        arguments=lambda: (P,),
        project={0: simplex},
        bad_static=(Bad((P[..., :2],), r"predictions must have shape \(2, 2, 3\), got \(2, 2, 2\)"),),
        bad_values=(Bad((2 * P,), "predictions must be non-negative and sum to one"),),
        exempt={
            "integer": "integer predictions are classes, of another shape",
            "second_order": "its forms are linear in the predictions",
        },
        half="float32",
    ),
    Row(
        name="metrics.intersection_and_union.classes",
        call=lambda y: metrics.intersection_and_union(jnp.asarray([[0, 1], [1, 2]]), y, num_classes=3),
        arguments=lambda: (Y,),
        differentiable=(),
        bad_static=(Bad((Y / 2,), "labels must be integers, got dtype float", TypeError),),
        bad_values=(Bad((Y + 1,), "labels must be integers from 0 to 2, one of 3 classes, got 3"),),
        exempt={
            "gradient": "counts of classes are integers in disguise; distributions have gradients",
            "strict": "without floating inputs the result has the default float",
            "half": "without floating inputs the result has the default float",
        },
        fast=True,
    ),
    Row(
        name="metrics.mean_iou",
        call=metrics.mean_iou,
        arguments=lambda: (np.array([1.0, 2.0, 0.0]), np.array([3.0, 4.0, 0.0])),
        differentiable=(0, 1),
        bad_static=(Bad((PI, PI[:2]), "unions must have the shape of intersections"),),
        bad_values=(
            Bad((PI, PI / 2), "intersections must be from 0 to the finite unions"),
            Bad((0 * PI, 0 * PI), "unions must be positive for some class"),
        ),
        project={0: lambda d: d * np.array([1, 1, 0]), 1: lambda d: d * np.array([1, 1, 0])},
        fast=True,
    ),
]
