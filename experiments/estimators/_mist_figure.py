"""The figure of the amortised estimator."""

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.estimators._mist_evaluation import FAMILIES, GAUSSIAN, LEVELS, WITHIN
from experiments.figures import label, new_figure

if TYPE_CHECKING:
    import xarray


def draw(data: "xarray.Dataset") -> Any:
    """Error against n, estimates against the truth, and calibration.

    Args:
        data: the experiment's data set.

    Returns:
        A matplotlib figure.
    """
    figure, axes = new_figure(1, 3, height=3.1, width=10.5)
    error, scatter, calibration = axes[0]
    family, n = np.asarray(data.family), np.asarray(data.num_samples)
    within = family < len(WITHIN)
    hard = within & ~np.isin(family, [FAMILIES.index(name) for name in GAUSSIAN])
    sizes = np.unique(n)
    curves = {"MIST": ("estimate", hard), "KSG, k = 5": ("ksg", hard), "CCA": ("cca", hard)}
    curves["MIST, families never seen"] = ("estimate", ~within)
    for name, (column, rows) in curves.items():
        if column in data:
            squares = np.asarray((data[column] - data.truth) ** 2)
            means = [_mean(squares[rows & (n == size)]) for size in sizes]
            error.plot(sizes, means, label=name)
    error.set(
        title="Non-Gaussian families",
        xscale="log",
        yscale="log",
        xlabel=label("samples n"),
        ylabel=label("mean squared error", "nats²"),
    )
    ticks = [size for size, next_size in zip(sizes, [*sizes[1:], np.inf], strict=True) if next_size > 1.6 * size]
    error.set_xticks(ticks, [str(size) for size in ticks])
    error.minorticks_off()
    error.legend()
    truth, largest = np.asarray(data.truth), n == sizes[-1]
    for name, rows in (("families of the training", within), ("never seen", ~within)):
        scatter.plot(truth[rows & largest], np.asarray(data.estimate)[rows & largest], ls="", ms=3, label=name)
    ends = [0.0, float(truth[largest].max())]
    scatter.plot(ends, ends, color="0.5", lw=0.8, ls="-", marker="")
    scatter.set(
        title=f"Estimates, n = {sizes[-1]}",
        xlabel=label("mutual information", "nats"),
        ylabel=label("estimate", "nats"),
    )
    scatter.legend()
    quantiles = np.sort(np.asarray(data["quantile"]), axis=1)
    for name, rows in (("families of the training", within), ("never seen", ~within)):
        calibration.plot(LEVELS, (truth[rows, None] <= quantiles[rows]).mean(axis=0), label=name)
    calibration.plot([0, 1], [0, 1], color="0.5", lw=0.8, ls="-", marker="")
    calibration.set(
        title="Calibration of the quantiles",
        xlabel=label("level τ"),
        ylabel=label("fraction below the τ-quantile"),
    )
    calibration.legend()
    return figure


def _mean(squares: np.ndarray) -> float:
    finite = squares[np.isfinite(squares)]
    return float(finite.mean()) if finite.size else np.nan
