"""Permutation entropy and complexity of long series against ordpy, which runs on one thread.

ordpy is handed numpy arrays and ours jax arrays, each what it works on; ours checks its argument in the time counted.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from entropax import estimators
from experiments.benchmarks.harness import Case

NAME = "permutation-entropy-ordpy"
DESCRIPTION = "permutation entropy, and with complexity, of white noise at order 5, float64"
PEER = "ordpy"


def cases() -> Iterator[Case]:
    """A million points, and 10,000 of the complexity-entropy plane."""
    import ordpy

    with jax.enable_x64(True):
        noise = np.random.default_rng(0).standard_normal(1_000_000)
        yield Case(
            name="permutation entropy, 1,000,000 points",
            ours=partial(estimators.permutation_entropy, jnp.asarray(noise)),
            peers={"permutation_entropy": partial(ordpy.permutation_entropy, noise, dx=5)},
            difference=_largest_difference,
            tolerance=1e-12,
            seconds=20.0,
        )
        short = noise[:10_000]
        yield Case(
            name="entropy and complexity, 10,000 points",
            ours=partial(estimators.hc_point, jnp.asarray(short)),
            peers={"complexity_entropy": partial(ordpy.complexity_entropy, short, dx=5)},
            difference=_largest_difference,
            tolerance=1e-12,
            seconds=5.0,
        )


def _largest_difference(ours: Any, theirs: Any) -> float:
    return float(np.max(np.abs(np.asarray(ours) - np.asarray(theirs))))
