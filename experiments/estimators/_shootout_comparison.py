"""The closest of our estimators against the closest of benchmark-mi's, task by task.

Neither side saw the other's data sets, so luck has its part. A distance from the truth is the root mean square error
over data sets, which a lucky mean does not lower. Estimates of one task from two data sets differ by noise, whose
standard deviation sigma is that between our data sets: of each task the median over our estimators, since single ones
are thrown about by long tails, and of the tasks the root mean square. The difference of two distances, over r and s
data sets, is then known to sigma (1 / r + 1 / s)^(1/2). Ours is as close where it is further by at most two of these
errors. Either side's closest is picked with the truth in hand, from more estimators on ours.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import xarray

ERRORS = 2.0
"""Standard errors of the difference that ours may be further from the truth."""


class Comparison(NamedTuple):
    """One task: the closest of either side, with the root mean square errors and that of their difference.

    Attributes:
        ours: name of our estimator.
        our_error: its root mean square error in nats.
        theirs: name of the other.
        their_error: its root mean square error in nats.
        standard_error: of the difference, in nats.
    """

    ours: str
    our_error: float
    theirs: str
    their_error: float
    standard_error: float

    @property
    def as_close(self) -> bool:
        """Whether ours is as close to the truth, up to the noise of the data sets."""
        return self.our_error - self.their_error <= ERRORS * self.standard_error


def compare(
    data: "xarray.Dataset", baselines: Mapping[str, Mapping[str, tuple[float, ...]]], size: int
) -> dict[str, Comparison]:
    """The comparison of all tasks that both sides ran.

    Args:
        data: `estimate` by estimator, task, size and seed, NaN where it was not run, and `truth` by task.
        baselines: estimates by task, estimator and data set.
        size: number of rows.

    Returns:
        By task, in the data's order.

    Raises:
        ValueError: there is one data set of a task: its noise cannot be told.
    """
    if data.sizes["seed"] < 2:
        raise ValueError("a comparison needs two data sets of each task or more, got one")
    chosen = data.estimate.sel(size=size)
    sigma = float((chosen.var("seed", ddof=1).median("estimator").mean("task")) ** 0.5)
    found = {}
    for task in map(str, data.task.values):
        if task not in baselines:
            continue
        truth, ran = float(data.truth.sel(task=task)), chosen.sel(task=task).dropna("estimator")
        ours = {str(name): _distance(ran.sel(estimator=name).values, truth) for name in ran.estimator.values}
        theirs = {name: _distance(values, truth) for name, values in baselines[task].items()}
        first, second = min(ours, key=ours.__getitem__), min(theirs, key=theirs.__getitem__)
        error = sigma * (1 / data.sizes["seed"] + 1 / len(baselines[task][second])) ** 0.5
        found[task] = Comparison(first, ours[first], second, theirs[second], error)
    return found


def _distance(estimates: "np.ndarray | tuple[float, ...]", truth: float) -> float:
    """Root mean square error."""
    return float(np.sqrt(np.mean((np.asarray(estimates) - truth) ** 2)))
