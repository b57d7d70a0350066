"""The contract of distances and harmonic losses."""

import functools

import numpy as np

from entropax import losses, nn
from tests.contract.harness import Bad, Row, symmetric

RNG = np.random.default_rng(9)
X, W = RNG.standard_normal((2, 3)), RNG.standard_normal((4, 3))
D, Y = RNG.uniform(0.5, 2, (2, 4)), np.array([3, 1])
P = np.array([[1.0, 0.5, 0.2], [0.5, 2.0, 0.3], [0.2, 0.3, 1.5]])
SHAPE = r"centers must have shape \(v, 3\) with v >= 1, got \(4, 2\)"


def measure(name, call=None, *, label="", **more):
    function = call or getattr(nn, name)
    settings = {
        "differentiable": (0, 1, 2),
        "bad_static": (Bad((X, W[:, :2], 0.1), SHAPE), Bad((X, W, np.ones(2)), "eps must be a number")),
        "bad_values": (Bad((X, W, -0.1), "eps must be (non-negative|positive)"),),
        **more,
    }
    return Row(
        name=f"nn.{name}{label}",
        call=lambda x, w, eps: function(x, w, eps=eps),
        arguments=lambda: (X, W, 0.1),
        **settings,
    )


ROWS = [
    measure("euclidean_distance", functools.partial(nn.euclidean_distance, block_size=3), fast=True),
    measure("euclidean_distance", functools.partial(nn.euclidean_distance, expand=True), label=".expanded", slow=True),
    measure("manhattan_distance"),
    measure("cosine_distance"),
    measure(
        "cosine_distance",
        functools.partial(nn.cosine_distance, variant="unstable"),
        label=".unstable",
        slow=True,
    ),
    measure("chebyshev_distance"),
    *(
        measure(
            "chebyshev_distance",
            functools.partial(nn.chebyshev_distance, variant=variant),
            label=f".{variant}",
            slow=True,
        )
        for variant in ("standard", "smooth")
    ),
    measure("hamming_distance"),
    measure(
        "hamming_distance",
        functools.partial(nn.hamming_distance, variant="hard", threshold=0.1),
        label=".hard",
        slow=True,
        exempt={"gradient": "straight-through gradients are no derivatives; tests hold them"},
    ),
    measure("canberra_distance"),
    measure(
        "canberra_distance",
        functools.partial(nn.canberra_distance, variant="weighted"),
        label=".weighted",
        slow=True,
    ),
    measure("bray_curtis_distance"),
    *(
        measure(
            "bray_curtis_distance",
            functools.partial(nn.bray_curtis_distance, variant=variant),
            label=f".{variant}",
            slow=True,
        )
        for variant in ("standard", "normalized")
    ),
    Row(
        name="nn.minkowski_distance",
        call=nn.minkowski_distance,
        arguments=lambda: (X, W, 1.5),
        differentiable=(0, 1, 2),
        bad_static=(Bad((X, W[:, :2], 1.5), SHAPE), Bad((X, W, np.ones(2)), "order must be a number")),
        bad_values=(Bad((X, W, 0.5), "order must be at least 1 and finite, got 0.5"),),
    ),
    Row(
        name="nn.mahalanobis_distance",
        call=nn.mahalanobis_distance,
        arguments=lambda: (X, W, P),
        differentiable=(0, 1, 2),
        project={2: symmetric},
        bad_static=(Bad((X, W, P[:2]), r"precision must have shape \(3, 3\) or \(3,\), got \(2, 3\)"),),
        bad_values=(Bad((X, W, -P), "precision must be symmetric and positive semidefinite"),),
    ),
    Row(
        name="nn.harmonic_log_probs",
        call=nn.harmonic_log_probs,
        arguments=lambda: (D, 1.5),
        differentiable=(0, 1),
        bad_static=(Bad((np.array(1.0), 1.5), r"distances must have shape \(\.\.\., v\) with v >= 1, got \(\)"),),
        bad_values=(
            Bad((-D, 1.5), "distances must be non-negative and finite"),
            Bad((D, 0.0), "exponent must be positive and finite, got 0.0"),
        ),
    ),
    Row(
        name="losses.harmonic_loss",
        call=lambda d, n: losses.harmonic_loss(d, Y, n),
        arguments=lambda: (D, 1.5),
        differentiable=(0, 1),
        bad_static=(Bad((D[:1], 1.5), r"labels must be integers of shape \(1,\)"),),
        bad_values=(
            Bad((-D, 1.5), "distances must be non-negative and finite"),
            Bad((D, -1.5), "exponent must be positive"),
        ),
        half="float32",
        fast=True,
    ),
    Row(
        name="losses.original_harmonic_loss",
        call=losses.original_harmonic_loss,
        arguments=lambda: (X, W, Y, 1.5),
        differentiable=(0, 1, 3),
        bad_static=(Bad((X, W[:, :2], Y, 1.5), SHAPE),),
        bad_values=(
            Bad((X, W, np.array([4, 4]), 1.5), "labels must be integers from 0 to 3, one of 4 classes, got 4"),
            Bad((X, W, Y, -1.5), "exponent must be positive"),
        ),
        half="float32",
    ),
    Row(
        name="losses.blockwise_harmonic_loss",
        call=functools.partial(losses.blockwise_harmonic_loss, block_size=3),
        arguments=lambda: (X, W, Y, 1.5),
        differentiable=(0, 1, 3),
        bad_static=(Bad((X, W[:, :2], Y, 1.5), r"centers must have shape \(v, k\) with the k of features \(2, 3\)"),),
        bad_values=(
            Bad((X, W, np.array([4, 4]), 1.5), "labels must be integers from 0 to 3, one of 4 classes, got 4"),
            Bad((X, W, Y, -1.5), "exponent must be positive"),
        ),
        exempt={"recompile": "the scan closes over the distance; the docstring says to jit what calls it"},
        half="float32",
        slow=True,  # tests/losses holds it to harmonic_loss
    ),
]
