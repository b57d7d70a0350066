"""Rows of the estimators from nearest neighbours."""

import numpy as np

from entropax import estimators, space
from tests.contract.harness import Bad, Row

RNG = np.random.default_rng(7)
X, Y, Z = RNG.normal(size=(3, 14, 1))
Y = 0.7 * X + 0.5 * Y
PLANE = RNG.normal(size=(14, 2))
OTHER = RNG.normal(size=(11, 2)) + 0.3
LABELS = np.array([0, 1, 1, 0, 1, 0, 0, 1, 2, 2, 2, 0, 1, 2])
HOLE = np.where(np.arange(14)[:, None] == 4, np.nan, X)

COUNTS = {"gradient": "piecewise constant: counts have no gradient; two differentiable routes stand beside it"}
FEW = r"k must be less than the number of samples in x, 3, got 3"
SIZES = Bad((X, Y[:9]), "y must have as many samples as x, 14, got 9")


def paired(name: str, call=None, **more) -> Row:
    """A measure of two variables."""
    settings = {
        "arguments": lambda: (X, Y),
        "bad_static": (Bad((X[:3], Y[:3]), FEW), SIZES),
        "bad_values": (Bad((HOLE, Y), "x must be finite, got nan at flat index 4"),),
        "half": "float32",
        **more,
    }
    return Row(name=f"estimators.{name}", call=call or (lambda x, y: getattr(estimators, name)(x, y, k=3)), **settings)


ROWS = [
    Row(
        name="space.neighbor_distances",
        call=lambda x: space.neighbor_distances(x, 3, metric="chebyshev"),
        arguments=lambda: (PLANE,),
        bad_static=(Bad((PLANE[:3],), "k must be at most the number of other points, 2, got 3"),),
        bad_values=(Bad((np.where(np.arange(14)[:, None] == 4, np.nan, PLANE),), "points must be finite"),),
    ),
    Row(
        name="space.nearest_neighbors.chebyshev",
        call=lambda x, q: space.nearest_neighbors(x, 3, queries=q, metric="chebyshev").distances,
        arguments=lambda: (PLANE, OTHER),
        differentiable=(0, 1),
        bad_static=(Bad((PLANE, X), "queries must have 2 axes like points"),),
        bad_values=(Bad((PLANE, np.where(np.arange(11)[:, None] == 4, np.nan, OTHER)), "queries must be finite"),),
    ),
    Row(
        name="estimators.kozachenko_leonenko_entropy",
        call=lambda x: estimators.kozachenko_leonenko_entropy(x, k=3),
        arguments=lambda: (PLANE,),
        bad_static=(
            Bad((PLANE[:3],), FEW),
            Bad((PLANE[None],), r"x must have shape \(n, d\) or \(n,\), got \(1, 14, 2\)"),
        ),
        bad_values=(Bad((np.concatenate([HOLE, X], axis=1),), "x must be finite, got nan at flat index 8"),),
        half="float32",
        fast=True,
    ),
    paired(
        "kozachenko_leonenko_mutual_information",
        differentiable=(0, 1),
        bad_values=(
            Bad((HOLE, Y), "x must be finite, got nan at flat index 4"),
            Bad((X, np.where(np.arange(14)[:, None] < 5, 0.0, Y)), "y must not have 4 coincident samples"),
        ),
        exempt={"integer": "integers of so few values coincide, which is refused"},
    ),
    Row(
        name="estimators.neighbor_kl_divergence",
        call=lambda x, y: estimators.neighbor_kl_divergence(x, y, k=3),
        arguments=lambda: (PLANE, OTHER),
        differentiable=(0, 1),
        bad_static=(
            Bad((PLANE, X), "y must have the 2 columns of x"),
            Bad((PLANE, OTHER[:3]), "k must be less than the number of samples in y, 3, got 3"),
        ),
        bad_values=(
            Bad((PLANE, np.full((11, 2), np.inf)), "y must be finite"),
            Bad((np.zeros((14, 2)), OTHER), "x must not coincide with k other samples"),
        ),
        half="float32",
    ),
    paired("ksg_mutual_information", exempt=COUNTS, fast=True),
    paired(
        "ksg_mutual_information.second",
        lambda x, y: estimators.ksg_mutual_information(x, y, k=3, variant=2, standardize=True),
        exempt=COUNTS,
    ),
    Row(
        name="estimators.ksg_conditional_mutual_information",
        call=lambda x, y, z: estimators.ksg_conditional_mutual_information(x, y, z, k=3),
        arguments=lambda: (X, Y, Z),
        differentiable=(0, 1, 2),
        bad_static=(Bad((X, Y, Z[:9]), "given must have as many samples as x, 14, got 9"),),
        bad_values=(Bad((X, Y, HOLE), "given must be finite"),),
        exempt=COUNTS,
        half="float32",
    ),
    Row(
        name="estimators.transfer_entropy",
        call=lambda x, y: estimators.transfer_entropy(x, y, k=3, source_length=2, delay=2),
        arguments=lambda: (X, Y),
        differentiable=(0, 1),
        bad_static=(Bad((X[:6], Y[:6]), "source must have more than 6 times for these embeddings, got 6"),),
        bad_values=(Bad((X, HOLE), "target must be finite"),),
        exempt=COUNTS,
        half="float32",
    ),
    Row(
        name="estimators.ross_mutual_information",
        call=lambda x, labels: estimators.ross_mutual_information(x, labels, k=3),
        arguments=lambda: (X, LABELS),
        bad_static=(
            Bad((X, X[:, 0]), "labels must be integers or booleans, got dtype float32", TypeError),
            Bad((X, LABELS[:9]), r"labels must have shape \(14,\), got \(9,\)"),
        ),
        bad_values=(Bad((HOLE, LABELS), "x must be finite"),),
        exempt=COUNTS,
        half="float32",
    ),
    paired("mixed_mutual_information", exempt=COUNTS),
    Row(
        name="estimators.relaxed_ksg_mutual_information",
        call=lambda x, y, t: estimators.relaxed_ksg_mutual_information(x, y, t, k=3),
        arguments=lambda: (X, Y, np.array(0.2)),
        differentiable=(0, 1, 2),
        bad_static=(Bad((X, Y, np.array([0.2])), "temperature must be a number"),),
        bad_values=(
            Bad((HOLE, Y, np.array(0.2)), "x must be finite"),
            Bad((X, Y, np.array(-0.2)), "temperature must be positive and finite, got -0.2"),
        ),
        half="float32",
    ),
]
