"""The figure of overlap losses."""

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.figures import COLORS, LINES, new_figure

if TYPE_CHECKING:
    import xarray


def draw(data: "xarray.Dataset") -> Any:
    """The figure.

    Args:
        data: the experiment's data set.

    Returns:
        A matplotlib figure.
    """
    figure, axes = new_figure(2, 3, height=3.3, width=11.5)
    for axis, name in zip(axes[0], data["set"].values, strict=True):
        _f1(axis, data.sel(set=name))
        axis.set(title=str(name), ylabel="F1 on test sets")
    axes[0, 0].legend(fontsize=7)  # where there is room
    _lines(axes[1, 0], data)
    _wanted(axes[1, 1], data)
    _tags(axes[1, 2], data)
    return figure


def _short(names: Any) -> list[str]:
    return [str(name).replace("self-adjusting", "self-adj.") for name in names]


def _f1(axis: Any, data: "xarray.Dataset") -> None:
    """F1 of every loss, at threshold 1/2 and at a tuned one."""
    run = ~np.isnan(data.f1.values).all(axis=-1)
    data = data.isel(loss=run)
    places = np.arange(data.sizes["loss"])
    for i, (field, words) in enumerate((("f1", "threshold 1/2"), ("tuned", "threshold tuned on validation"))):
        error = data[field].std("seed", ddof=1) / np.sqrt(data.sizes["seed"])
        axis.errorbar(
            places + 0.2 * i - 0.1,
            data[field].mean("seed"),
            error,
            ls="",
            marker="os"[i],
            color=COLORS[2 * i],
            markerfacecolor=COLORS[0] if i == 0 else "white",
            capsize=2,
            label=words,
        )
    axis.axhline(float(data.f1.sel(loss="cross-entropy").mean()), color="0.5", lw=0.8, ls=":", label="cross-entropy")
    if str(data["set"].values) in data.gaussians.values:
        best = float(data.best_f1.sel(gaussians=str(data["set"].values)))
        axis.axhline(best, color="0.5", lw=0.8, ls="--", label="best possible")
    axis.set_xticks(places, _short(data.loss.values), rotation=40, ha="right", fontsize=7)


def _lines(axis: Any, data: "xarray.Dataset") -> None:
    """Where losses that find positives draw the line, in terms of the true probability."""
    reached = data.f1.sel(set=data.gaussians.values).mean("seed") / data.best_f1.values[:, None]
    data = data.isel(loss=(reached >= 0.3).all("set").values)
    places = np.arange(data.sizes["loss"])
    for i, name in enumerate(data.gaussians.values):
        line = data.line.sel(set=name)
        axis.plot(places, line.mean("seed"), "os"[i], color=COLORS[2 * i], ls="", label=str(name))
        best = float(data.best_line.sel(gaussians=name))
        axis.axhline(best, color=COLORS[2 * i], lw=0.8, ls="--", label=f"best for F1, {name}")
    axis.set_xticks(places, _short(data.loss.values), rotation=40, ha="right", fontsize=7)
    axis.set(title="Lines of losses that find positives", ylabel="true probability at the line", ylim=(0, 1))
    axis.legend(fontsize=7)


def _wanted(axis: Any, data: "xarray.Dataset") -> None:
    for i, name in enumerate(data.single.values):
        axis.plot(data.eta, data.wanted.sel(single=name), color=COLORS[i], ls=LINES[i], marker="", label=str(name))
    axis.axhline(0.5, color="0.5", lw=0.8)
    axis.set(
        title="Losses of single examples",
        xlabel="true probability of the positive class",
        ylabel="prediction of least expected loss",
    )
    axis.legend(fontsize=7)


def _tags(axis: Any, data: "xarray.Dataset") -> None:
    names = _short(data.tagger.values)
    for seed in range(data.sizes["seed"]):
        axis.plot(names, data.tag_f1[:, seed], "o", color="0.6", ls="", ms=3, label="one seed" if seed == 0 else None)
    axis.plot(names, data.tag_f1.mean("seed"), "_", color="black", ls="", ms=16, mew=2, label="mean")
    axis.set(title="Tags of a hidden Markov chain", ylabel="mean F1 of the four rare tags")
    axis.legend()
