"""The figure of harmonic heads."""

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.figures import COLORS, LINES, label, new_figure

if TYPE_CHECKING:
    import xarray


def draw(data: "xarray.Dataset") -> Any:
    """The figure.

    Args:
        data: the experiment's data set.

    Returns:
        A matplotlib figure.
    """
    figure, axes = new_figure(2, 3, height=3.0, width=11.0)
    (accuracy, norm, prototypes), (learning, *planes) = axes
    names = [str(name) for name in data["head"].values]
    places = np.arange(len(names))
    for axis, quantity, words in (
        (accuracy, "accuracy", label("test accuracy", "%")),
        (prototypes, "cosine", "cosine of class vector and mean"),
    ):
        values = data[quantity]
        for seed in range(data.sizes["seed"]):
            axis.plot(places, values[:, seed], "o", color="0.6", ls="", ms=3, label="one seed" if seed == 0 else None)
        axis.plot(places, values.mean("seed"), "_", color="black", ls="", ms=14, mew=2, label="mean")
        axis.set_xticks(places, names, rotation=35, ha="right")
        axis.set(ylabel=words)
    prototypes.plot(
        places, data.centred_cosine.mean("seed"), "^", color="#0072b2", ls="", label="mean, common part removed"
    )
    accuracy.set(title="Digits: accuracy")
    accuracy.legend(loc="lower center")
    prototypes.set(title="Digits: are class vectors prototypes?", ylim=(None, 1.03))
    prototypes.legend(loc="lower right")
    for number, name in enumerate(names):
        curve = data.norm.sel(head=name).mean("seed")
        norm.plot(data["record"], curve / curve[0], color=COLORS[number], ls=LINES[number], marker="", label=name)
    norm.set(title="Digits: norm of the head", xlabel="step", ylabel="norm over the first one recorded")
    norm.legend(ncols=2, fontsize=7)
    for number, kind in enumerate(data["kind"].values):
        chosen = data.sel(kind=kind)
        color = COLORS[(0, 2)[number]]
        learning.plot(data["time"], chosen.train_accuracy.mean("run"), color=color, ls=":", marker="")
        learning.plot(data["time"], chosen.test_accuracy.mean("run"), color=color, ls="-", marker="", label=str(kind))
        plane = planes[number]
        points = chosen.plane.values
        plane.scatter(*points.T, s=6, color=color)
        for token, (a, b) in enumerate(points):
            plane.annotate(str(token), (a, b), fontsize=6, xytext=(2, 2), textcoords="offset points")
        plane.set(
            title=f"{str(kind).capitalize()}: {100 * float(chosen.flatness[0]):.0f}% of variance",
            xlabel="embeddings of one run, first principal direction",
            ylabel="second",
            aspect="equal",
        )
    learning.set(
        title=f"Addition modulo {data.attrs['prime']}",
        xlabel="step (dotted: training pairs, solid: test)",
        ylabel=label("accuracy", "%"),
        xscale="log",
    )
    learning.legend(loc="lower right")
    return figure
