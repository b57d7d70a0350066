"""The estimators that are compared, each with the data it can take."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from entropax import estimators, nn

Estimator = Callable[[Any, Any], Any]
Refusal = Callable[[int, int, int], str]
"""Function (n, dx, dy) -> why such data are not given to an estimator, "" if they are."""

WIDTHS = (5, 25, 50)
"""Columns that a side is widened to for a critic, so that few training loops are compiled."""

PLAIN = "KSG, k = 3"
"""The estimator that claims about KSG are judged by."""


@dataclass(frozen=True)
class Contender:
    """An estimator that takes one data set at a time.

    Attributes:
        name: in the table.
        estimate: function (x, y) -> nats.
        refuses: which data are not for it.
    """

    name: str
    estimate: Estimator
    refuses: Refusal


@dataclass(frozen=True)
class TrainedContender:
    """A bound and the critic that is trained by it; data sets of one shape are trained together.

    Attributes:
        name: in the table.
        bound: function of scores.
    """

    name: str
    bound: Callable[[Any], Any]


def contenders(
    mist: estimators.AmortizedEstimator, *, neighbors: tuple[int, ...], neighbor_operations: float, operations: float
) -> tuple[Contender, ...]:
    """All that need no training, with columns standardised where the scale matters.

    Args:
        mist: the trained network.
        neighbors: k of the KSG estimators of the columns as they are.
        neighbor_operations: most n^2 (dx + dy) that estimators by nearest neighbours are given.
        operations: the same of kernels and relaxed counts, which weigh every pair of rows.

    Returns:
        The estimators in the order of the table.
    """
    near, pairs = functools.partial(_within, neighbor_operations), functools.partial(_within, operations)
    ksg = functools.partial(estimators.ksg_mutual_information, standardize=True)
    histogram = functools.partial(estimators.histogram_mutual_information, bins=10)
    differences = functools.partial(estimators.kozachenko_leonenko_mutual_information, k=4, standardize=True)
    return (
        Contender("CCA", functools.partial(estimators.cca_mutual_information, correction="wishart"), _few_columns),
        Contender("Gaussian copula", estimators.gaussian_copula_mutual_information, _few_columns),
        Contender("histogram", histogram, _one_column_each),
        Contender(
            "histogram of ranks",
            functools.partial(histogram, binning="equal-frequency", correction="grassberger"),
            _one_column_each,
        ),
        Contender("kernel density", estimators.kernel_density_mutual_information, _both(_few_columns, pairs)),
        *(Contender(f"KSG, k = {k}", functools.partial(ksg, k=k), near) for k in neighbors),
        Contender("KSG-2, k = 3", functools.partial(ksg, k=3, variant=2), near),
        Contender("KSG of normal scores", _of_scores(functools.partial(ksg, k=3)), near),
        Contender("entropy differences", differences, near),
        Contender("relaxed KSG", _relaxed, pairs),
        Contender("MIST", lambda x, y: mist(x, y), functools.partial(_outside_training, mist)),
    )


def _of_scores(estimate: Estimator) -> Estimator:
    """The estimate from normal scores, which have the same information and no long tails."""
    return lambda x, y: estimate(estimators.normal_scores(x), estimators.normal_scores(y))


def _relaxed(x: Any, y: Any) -> Any:
    return estimators.relaxed_ksg_mutual_information(x, y, 0.1, k=3, standardize=True)


def _few_columns(n: int, dx: int, dy: int) -> str:
    return "" if n > dx + dy + 1 else "needs more rows than columns"


def _one_column_each(n: int, dx: int, dy: int) -> str:
    del n
    return "" if dx + dy <= 3 else "has too many cells"  # a column of the Swiss roll makes the third


def _within(limit: float, n: int, dx: int, dy: int) -> str:
    return "" if n**2 * (dx + dy) <= limit else "takes too long"


def _outside_training(model: estimators.AmortizedEstimator, n: int, dx: int, dy: int) -> str:
    (low_d, high_d), (low_n, high_n) = model.dims, model.num_samples
    inside = dx == dy and low_d <= dx <= high_d and low_n <= n <= high_n
    return "" if inside else f"was trained on n in [{low_n}, {high_n}] and d = dx = dy in [{low_d}, {high_d}]"


def _both(*refusals: Refusal) -> Refusal:
    return lambda n, dx, dy: next(filter(None, (refuses(n, dx, dy) for refuses in refusals)), "")


TRAINED = (
    TrainedContender("InfoNCE", estimators.infonce),
    TrainedContender("SMILE", estimators.smile),
    TrainedContender("NWJ", estimators.nwj),
    TrainedContender("Donsker-Varadhan", estimators.donsker_varadhan),
)


def widened(z: jax.Array, width: int) -> jax.Array:
    """The normal scores of the columns, and zeros to the given width.

    Args:
        z: shape (n, d) with d at most the width.
        width: number of columns.

    Returns:
        Shape (n, width), with the information of z.
    """
    return jnp.pad(estimators.normal_scores(z), ((0, 0), (0, width - z.shape[1])))


@functools.cache  # one object for equal sizes, so that calls share what is compiled
def critic(dx: int, dy: int) -> Callable[..., Any]:
    """The maker of the critics: separable, with embeddings of 16 dimensions, zero at first."""
    return functools.partial(nn.SeparableCritic, dx, dy, embed=16, zero_output=True)


def train_together(
    contender: TrainedContender, x: jax.Array, y: jax.Array, *, epochs: int, steps_per_epoch: int, key: jax.Array
) -> jax.Array:
    """The estimates of several data sets of one shape.

    Args:
        contender: the bound.
        x: shape (r, n, dx).
        y: shape (r, n, dy).
        epochs: evaluations.
        steps_per_epoch: steps between them.
        key: source of randomness.

    Returns:
        The bound on the training pairs where that on the held-out ones is highest, shape (r,).
    """
    return estimators.variational_mutual_information(
        x,
        y,
        critic(x.shape[-1], y.shape[-1]),
        bound=contender.bound,
        key=jax.random.split(key, x.shape[0]),
        epochs=epochs,
        steps_per_epoch=steps_per_epoch,
        learning_rate=2e-3,
        max_rows=2000,
        keep_critic=False,
    ).value
