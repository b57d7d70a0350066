"""KSG mutual information of two five-dimensional variables, against infomeasure.

infomeasure asks scipy's trees for neighbours on one thread, with no option for more; the second variant lets its trees
use all of them.
"""

import functools
import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np

from entropax import estimators
from experiments.benchmarks.harness import Case

NAME = "ksg-5d"
DESCRIPTION = "KSG mutual information of 5+5 dimensions, k = 4, float64"
PEER = "infomeasure"

SIZES = (1_000, 5_000)


def cases() -> Iterator[Case]:
    """Five correlated normal pairs at every size."""
    import infomeasure

    with jax.enable_x64(True):
        for n in SIZES:
            rng = np.random.default_rng(n)
            x = rng.standard_normal((n, 5))
            y = 0.5 * x + rng.standard_normal((n, 5))
            theirs = partial(infomeasure.mutual_information, x, y, approach="metric", k=4, noise_level=0)
            yield Case(
                name=f"{n} points",
                ours=partial(estimators.ksg_mutual_information, jnp.asarray(x), jnp.asarray(y), k=4),
                peers={"1 thread": theirs, f"{os.cpu_count()} threads": partial(_threaded, theirs)},
                unit="estimate",
                difference=lambda ours, theirs: abs(float(ours) - float(theirs)),
                tolerance=1e-9,
                seconds=20.0,
            )


def _threaded(call: Callable[[], Any]) -> Any:
    """The call with scipy's trees on all threads."""
    from scipy.spatial import KDTree

    query, ball = KDTree.query, KDTree.query_ball_point
    with (
        mock.patch.object(KDTree, "query", functools.partialmethod(query, workers=-1)),
        mock.patch.object(KDTree, "query_ball_point", functools.partialmethod(ball, workers=-1)),
    ):
        return call()
