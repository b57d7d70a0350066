"""The figure of the comparison of estimators: the table, and errors and times against size and dimension."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.estimators._shootout_comparison import Comparison
from experiments.estimators._shootout_tables import error
from experiments.figures import COLORS, LINES, MARKERS, SEQUENTIAL, label, style

if TYPE_CHECKING:
    import xarray

WORST = 0.4
"""Error in nats at which the colours of the table end."""


def draw(data: "xarray.Dataset", comparisons: Mapping[str, Comparison]) -> Any:
    """The figure.

    Args:
        data: the experiment's data set.
        comparisons: with the other package, by task.

    Returns:
        A matplotlib figure.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with style():
        width = 7.5 + 0.7 * data.sizes["estimator"]
        figure = Figure(figsize=(width, max(2.5 + 0.2 * data.sizes["task"], 9.0)), layout="constrained")
        FigureCanvasAgg(figure)
        halves: Any = figure.subfigures(1, 2, width_ratios=(width - 4.5, 4.5))
        left, right = halves
        _table(left.subplots(), data, comparisons)
        errors, columns, times = right.subplots(3, 1)
        _by_rows(errors, data)
        _by_columns(columns, data)
        _times(times, data)
        right.legend(*times.get_legend_handles_labels(), fontsize=7, ncols=2, loc="outside lower center")
    return figure


def _table(axes: Any, data: "xarray.Dataset", comparisons: Mapping[str, Comparison]) -> None:
    """Each estimate at the most rows at which the estimator was run on the task; the darker, the further off."""
    mean = data.estimate.mean("seed").values  # (estimator, task, size)
    truth, sizes = data.truth.values, data["size"].values
    ran = np.isfinite(mean)
    last = np.where(ran.any(-1), mean.shape[-1] - 1 - np.argmax(ran[..., ::-1], axis=-1), 0)
    value = np.take_along_axis(mean, last[..., None], axis=-1)[..., 0]
    off = np.abs(value - truth[None, :])
    names = list(map(str, data.estimator.values))
    if comparisons:
        theirs = [comparisons[task].their_error if task in comparisons else np.nan for task in data.task.values]
        off = np.concatenate([off, np.array([theirs])])
        names.append("benchmark-mi: error")
    image = axes.imshow(np.ma.masked_invalid(off.T), cmap=SEQUENTIAL + "_r", vmin=0, vmax=WORST, aspect="auto")
    axes.invert_yaxis()
    for e, t in zip(*np.nonzero(np.isfinite(value)), strict=True):
        rows = "" if sizes[last[e, t]] == sizes[-1] else f" ({sizes[last[e, t]]})"
        compared = comparisons.get(str(data.task.values[t]))
        best = compared is not None and names[e] == compared.ours
        axes.text(e, t, f"{value[e, t]:.2f}{rows}", **_ink(float(off[e, t])), weight="bold" if best else "normal")
    for t, task in enumerate(map(str, data.task.values)):
        if task in comparisons:
            c = comparisons[task]
            axes.text(len(names) - 1, t, f"{c.theirs}: {c.their_error:.2f}", **_ink(c.their_error))
    tasks = [f"{name}   {true:.2f}" for name, true in zip(data.task.values, truth, strict=True)]
    axes.set_yticks(range(len(tasks)), tasks, fontsize=6.5)
    axes.set_xticks(range(len(names)), names, rotation=35, ha="right", fontsize=7.5)
    axes.grid(False)
    title = f"Estimates (nats) from {sizes[-1]} rows, or the number in brackets; the truth stands after a task's name"
    bold = "\nBold: the closest of ours; last column: the closest of benchmark-mi with its root mean square error"
    axes.set_title(title + (bold if comparisons else ""), fontsize=8)
    axes.figure.colorbar(image, ax=axes, label=label("absolute error", "nats"), shrink=0.4, extend="max")


def _ink(off: float) -> dict[str, Any]:
    return {"ha": "center", "va": "center", "fontsize": 6, "color": "w" if off > WORST / 2 else "k"}


def _marks(index: int) -> dict[str, Any]:
    """A colour and a marker of its own for every estimator."""
    turn = index // len(COLORS)
    return {
        "color": COLORS[index % len(COLORS)],
        "ls": LINES[(index + turn) % len(LINES)],
        "marker": MARKERS[(index + 2 * turn) % len(MARKERS)],
        "mfc": "w" if turn % 2 else None,
        "ms": 4,
        "lw": 1,
    }


def _by_rows(axes: Any, data: "xarray.Dataset") -> None:
    """Mean error by number of rows, of each estimator over the tasks that it was given at all of its sizes."""
    for index, name in enumerate(map(str, data.estimator.values)):
        mean = error(data, name).dropna("size", how="all").dropna("task").mean("task")
        axes.plot(mean["size"], mean, **_marks(index))
    axes.set(xscale="log", yscale="log", xlabel=label("rows"), ylabel=label("mean absolute error", "nats"))
    axes.set_title("Over the tasks that an estimator was given at all its sizes", fontsize=8)


def _by_columns(axes: Any, data: "xarray.Dataset") -> None:
    """Mean error by columns at the size at which most estimators ran."""
    ran = np.isfinite(data.estimate).any(("task", "seed")).sum("estimator")
    size = int(data["size"].values[::-1][np.argmax(ran.values[::-1])])
    for index, name in enumerate(map(str, data.estimator.values)):
        mean = error(data, name).sel(size=size).groupby(data.columns).mean().dropna("columns")
        axes.plot(mean["columns"], mean, **_marks(index))
    ticks = np.unique(data.columns.values)
    axes.set(xscale="log", yscale="log", xlabel=label("columns of x and y together"))
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_ylabel(label("mean absolute error", "nats"))
    axes.set_title(f"From {size} rows", fontsize=8)


def _times(axes: Any, data: "xarray.Dataset") -> None:
    """Median time by number of rows."""
    for index, name in enumerate(map(str, data.estimator.values)):
        median = data.seconds.sel(estimator=name).median(("task", "seed")).dropna("size")
        axes.plot(median["size"], median, label=name, **_marks(index))
    axes.set(xscale="log", yscale="log", xlabel=label("rows"), ylabel=label("time of one estimate", "s"))
    axes.set_title("Compiled (of critics: training and compilation)", fontsize=8)
