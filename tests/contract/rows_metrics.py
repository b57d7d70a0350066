"""The contract of calibration errors and rankings."""

import numpy as np

from entropax import metrics
from tests.contract.harness import Bad, Row, simplex

RNG = np.random.default_rng(9)
P = np.array([0.93, 0.81, 0.42, 0.67, 0.12])
C = np.array([0.9, 0.2, 0.3, 0.8, 0.4])
POSITIVE = np.array([1, 0, 1, 1, 0])
D = RNG.dirichlet(np.ones(3), 4)
Y = np.array([2, 0, 1, 1])
RANGES = (
    Bad((P + 1, C), r"confidence must be in \[0, 1\]"),
    Bad((P, C - 1), r"correct must be in \[0, 1\]"),
)
DISTRIBUTIONS = (Bad((2 * D,), "probabilities must be non-negative and sum to one"),)
HOLDS = dict.fromkeys(("bad_static", "bad_values", "integer"), "it holds what a function computed")


def of_confidence(name, *, fast=False, **options):
    """A row of a metric of confidence and correctness."""
    return Row(
        name=f"metrics.{name}",
        call=lambda p, c: getattr(metrics, name)(p, c, **options),
        arguments=lambda: (P, C),
        differentiable=(0, 1),
        bad_static=(
            Bad((P, C[:3]), "correct must have the shape of confidence"),
            Bad((P[None], C[None]), r"confidence must have shape \(n,\)"),
        ),
        bad_values=RANGES,
        half="float32",
        fast=fast,
    )


def of_distributions(name, *, select=lambda output: output, **options):
    """A row of a metric of whole distributions."""
    return Row(
        name=f"metrics.{name}",
        call=lambda p: getattr(metrics, name)(p, Y, **options),
        arguments=lambda: (D,),
        project={0: simplex},
        select=select,
        bad_static=(
            Bad((D[0],), r"probabilities must have shape \(n, c\)"),
            Bad((D[:2],), r"labels must have shape \(2,\)"),
        ),
        bad_values=DISTRIBUTIONS,
        half="float32",
    )


ROWS = [
    of_confidence("expected_calibration_error", num_bins=3, fast=True),
    of_confidence("adaptive_calibration_error", num_bins=2),
    of_confidence("maximum_calibration_error", num_bins=3),
    of_confidence("ks_calibration_error", where=np.array([True, True, False, True, True])),
    of_confidence("brier_score"),
    of_confidence("reliability_bins", num_bins=3),
    of_distributions("classwise_calibration_error", num_bins=3),
    of_distributions("multiclass_brier_score"),
    of_distributions("top_label", select=lambda top: top.confidence),
    Row(
        name="metrics.TopLabel",
        call=metrics.TopLabel,
        arguments=lambda: (P, C),
        differentiable=(0, 1),
        exempt=HOLDS,
    ),
    Row(
        name="metrics.ReliabilityBins",
        call=metrics.ReliabilityBins,
        arguments=lambda: (P, C, P),
        differentiable=(0, 1, 2),
        exempt=HOLDS,
    ),
    Row(
        name="metrics.f1_score",
        call=lambda p: metrics.f1_score(p, POSITIVE),
        arguments=lambda: (P,),
        bad_static=(
            Bad((P[:3],), "positive must have the shape of predicted"),
            Bad((P[None],), r"predicted must have shape \(n,\)"),
        ),
        bad_values=(Bad((P + 1,), r"predicted must be in \[0, 1\]"),),
        half="float32",
        fast=True,
    ),
    Row(
        name="metrics.auroc",
        call=metrics.auroc,
        arguments=lambda: (P, POSITIVE),
        differentiable=(),
        bad_static=(Bad((P, POSITIVE[:3]), "positive must have the shape of scores"),),
        bad_values=(
            Bad((np.full(5, np.nan), POSITIVE), "scores must be finite"),
            Bad((P, np.ones(5, int)), "positive must hold both classes"),
        ),
        half="float32",
        exempt={"gradient": "the hard form is a step; the row of the relaxed form has gradients"},
    ),
    Row(
        name="metrics.auroc.relaxed",
        call=lambda s, t: metrics.auroc(s, POSITIVE, temperature=t),
        arguments=lambda: (P, 0.2),
        differentiable=(0, 1),
        bad_static=(Bad((P, P), "temperature must be a number"),),
        bad_values=(Bad((P, -0.2), "temperature must be positive"),),
        half="float32",
    ),
]
