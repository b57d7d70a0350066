"""KSG mutual information of two scalars, against scikit-learn's mutual_info_regression.

scikit-learn works through the features on one thread each, so with one feature its thread count makes no difference.
It standardises, adds noise of relative size 1e-10 to break ties, and clips at zero; ours standardises to match.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from entropax import estimators
from experiments.benchmarks.harness import Case

NAME = "ksg-1d"
DESCRIPTION = "KSG mutual information of 1+1 dimensions, k = 3, float64"
PEER = "scikit-learn"

SIZES = (1_000, 10_000, 50_000)


def cases() -> Iterator[Case]:
    """Correlated normal pairs at every size."""
    from sklearn.feature_selection import mutual_info_regression

    with jax.enable_x64(True):
        for n in SIZES:
            x, y = np.random.default_rng(n).multivariate_normal(np.zeros(2), [[1, 0.6], [0.6, 1]], n).T
            ours = partial(estimators.ksg_mutual_information, jnp.asarray(x), jnp.asarray(y), k=3, standardize=True)
            yield Case(
                name=f"{n} points",
                ours=ours,
                peers={"1 thread": partial(mutual_info_regression, x[:, None], y, n_neighbors=3, random_state=0)},
                unit="estimate",
                difference=_difference,
                tolerance=1e-6,
                seconds=10.0,
            )


def _difference(ours: Any, theirs: Any) -> float:
    return abs(float(ours) - float(theirs[0]))
