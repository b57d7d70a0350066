"""Permutation and sample entropy against antropy, which runs on one thread.

antropy's sample entropy is compiled by numba below 5,000 points and searches a tree above; it is compiled on import and
warm like all else. Its permutation entropy has a short cut at orders 3 and 4, so these are timed beside order 5.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from entropax import estimators
from experiments.benchmarks.harness import Case

NAME = "permutation-entropy-antropy"
DESCRIPTION = "permutation entropy and sample entropy of white noise, float64"
PEER = "antropy"


def cases() -> Iterator[Case]:
    """A million points at three orders; sample entropy on both sides of antropy's switch of method."""
    import antropy

    with jax.enable_x64(True):
        noise = np.random.default_rng(0).standard_normal(1_000_000)
        for order in (5, 4, 3):
            yield Case(
                name=f"permutation entropy, order {order}, 1,000,000 points",
                ours=partial(estimators.permutation_entropy, jnp.asarray(noise), order=order),
                peers={"perm_entropy": partial(antropy.perm_entropy, noise, order=order, normalize=True)},
                difference=_difference,
                tolerance=1e-12,
                seconds=8.0,
            )
        for points, method in ((4_000, "numba"), (20_000, "tree")):
            yield Case(
                name=f"sample entropy, m = 2, {points:,} points",
                ours=partial(estimators.sample_entropy, jnp.asarray(noise[:points])),
                peers={method: partial(antropy.sample_entropy, noise[:points], order=2)},
                difference=_difference,
                tolerance=1e-12,
                seconds=8.0,
            )


def _difference(ours: Any, theirs: float) -> float:
    return abs(float(ours) - theirs)
