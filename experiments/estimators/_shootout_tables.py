"""The tables of the comparison of estimators."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments import terminal
from experiments.estimators._shootout_comparison import ERRORS, Comparison

if TYPE_CHECKING:
    import xarray


def error(data: "xarray.Dataset", estimator: str, tasks: Iterable[str] | None = None) -> "xarray.DataArray":
    """The absolute error of an estimator, mean over data sets, by task and size; NaN where it was not run.

    Args:
        data: estimates and truths.
        estimator: its name.
        tasks: names; all by default.
    """
    chosen = data if tasks is None else data.sel(task=list(tasks))
    return abs(chosen.estimate.sel(estimator=estimator) - chosen.truth).mean("seed")


def print_tables(data: "xarray.Dataset", comparisons: Mapping[str, Comparison]) -> None:
    """Prints every task's estimates at the most rows, the errors and times by size, and the comparison.

    Args:
        data: estimates and truths.
        comparisons: with the other package, by task.
    """
    names, largest = list(map(str, data.estimator.values)), int(data["size"].values[-1])
    tasks = list(map(str, data.task.values))
    truth = dict(zip(tasks, map(float, data.truth.values), strict=True))
    last = data.estimate.sel(size=largest).mean("seed")
    rows = [
        (task, _cell(truth[task]), *(_cell(last.sel(task=task, estimator=name)) for name in names)) for task in tasks
    ]
    terminal.print_rows(f"Estimates from {largest} rows (nats)", ("task", "truth", *names), rows)
    rows = [(name, *(_summary(data, name, size) for size in data["size"].values)) for name in names]
    heads = ("estimator", *(f"{int(size)} rows" for size in data["size"].values))
    terminal.print_rows("Mean absolute error (nats) over the tasks given / median time of one estimate", heads, rows)
    if comparisons:
        rows = [
            (
                task,
                f"{c.ours} {c.our_error:.3f}",
                f"{c.theirs} {c.their_error:.3f}",
                f"{ERRORS * c.standard_error:.3f}",
                "as close" if c.as_close else "further off",
            )
            for task, c in comparisons.items()
        ]
        heads = ("task", "closest of ours, error", "closest of benchmark-mi, error", "noise", "ours is")
        terminal.print_rows(f"Root mean square errors from {largest} rows (nats)", heads, rows)


def _summary(data: "xarray.Dataset", name: str, size: int) -> str:
    spent = data.seconds.sel(estimator=name, size=size).median()
    return f"{_cell(error(data, name).sel(size=size).mean())} / {_time(float(spent))}"


def _cell(value: Any) -> str:
    return f"{float(value):.3f}" if np.isfinite(value) else "-"


def _time(seconds: float) -> str:
    if not np.isfinite(seconds):
        return "-"
    return f"{seconds:.2g} s" if seconds >= 1 else f"{1000 * seconds:.2g} ms"
