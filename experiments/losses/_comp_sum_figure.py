"""The figure of the comp-sum experiment."""

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.figures import COLORS, LINES, MARKERS, label, new_figure

if TYPE_CHECKING:
    import xarray


def draw(data: "xarray.Dataset") -> Any:
    """Accuracy while training, regret against its bound, and robustness.

    Args:
        data: what `comp_sum.run` returns.
    """
    figure, axes = new_figure(1, 3, height=3.4)
    _training(axes[0, 0], data)
    _regret(axes[0, 1], data)
    _robustness(axes[0, 2], data)
    return figure


def _training(axes: Any, data: "xarray.Dataset") -> None:
    for i, tau in enumerate(data.tau.values):
        error = 100 * (1 - data.accuracy[i].mean("seed"))
        axes.plot(data.step, error, color=COLORS[i], ls=LINES[i], label=f"τ = {tau:g}")
    axes.set(yscale="log", xlabel="step", ylabel=label("test error, mean over seeds", "%"), title="Digits")
    axes.legend(fontsize=7)


def _regret(axes: Any, data: "xarray.Dataset") -> None:
    for i in range(0, data.sizes["tau"], 2):
        axes.plot(
            data.bound[i], data.regret[i], ls="none", marker=MARKERS[i], ms=2, color=COLORS[i],
            label=f"τ = {float(data.tau[i]):g}",
        )  # fmt: skip
    axes.plot([0, 1], [0, 1], color="0.4", ls=":", label="theorem: below this line")
    axes.set(xlabel="bound from the excess of the loss", ylabel="zero-one regret", title="Random distributions, n = 4")
    axes.legend(fontsize=7)


def _robustness(axes: Any, data: "xarray.Dataset") -> None:
    place = np.arange(data.sizes["method"])
    for values, marker, face, name in ((data.clean, "o", "k", "clean"), (data.attacked, "s", "w", "under attack")):
        seeds = 100 * np.asarray(values)
        axes.plot(
            np.repeat(place, seeds.shape[1]), seeds.ravel(), ls="none", marker=marker, mfc=face, mec="k", label=name
        )
    axes.set_xticks(place, [str(m) for m in data.method.values], fontsize=7)
    axes.set(
        ylabel=label("test accuracy, one mark a network", "%"),
        title=f"Attacks of {float(data.attrs['epsilon']):g} in the maximum norm",
        xlim=(-0.5, place.size - 0.5),
    )
    axes.legend(fontsize=7)
