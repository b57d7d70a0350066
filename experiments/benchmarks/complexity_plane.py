"""The complexity-entropy plane against peccary, which runs Python loops on one thread."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from entropax import estimators
from experiments.benchmarks.harness import Case

NAME = "complexity-plane"
DESCRIPTION = "bounds of the complexity-entropy plane, and curves over sampling intervals, order 5, float64"
PEER = "peccary"

INTERVALS = range(1, 20)


def cases() -> Iterator[Case]:
    """The bounds with 1,000 steps, and 19 intervals of 10,000 points."""
    from peccary import peccary, utils

    with jax.enable_x64(True):
        yield Case(
            name="bounds, 1,000 steps",
            ours=partial(estimators.hc_bounds, order=5, steps=1000),
            peers={"calcHCplane": partial(utils.calcHCplane, n=5, nsteps=1000)},
            difference=_difference_of_bounds,
            tolerance=1e-12,
            seconds=20.0,
        )
        noise = np.random.default_rng(0).standard_normal(10_000)
        yield Case(
            name="19 sampling intervals, 10,000 points",
            ours=partial(estimators.hc_curves, jnp.asarray(noise), jnp.asarray(INTERVALS)),
            peers={"calcHCcurves": partial(peccary(noise, n=5).calcHCcurves, sampIntArray=list(INTERVALS))},
            difference=_difference_of_curves,
            tolerance=1e-12,
            seconds=10.0,
        )


def _difference_of_bounds(ours: estimators.HCBounds, theirs: tuple[np.ndarray, ...]) -> float:
    flat = [np.asarray(part) for part in (*ours.minimum, *ours.maximum)]
    return max(float(np.max(np.abs(a - b))) for a, b in zip(flat, theirs, strict=True))


def _difference_of_curves(ours: estimators.HCPoint, theirs: tuple[Any, ...]) -> float:
    return float(np.max(np.abs(np.stack(ours) - np.stack(theirs[:2]))))
