"""The figure of overlap losses."""

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
    figure, axes = new_figure(2, 3, height=3.2, width=11.0)
    names = [str(name).replace(", threshold", ",\nthreshold") for name in data["loss"].values]
    places = np.arange(len(names))
    for axis, name in zip(axes[0], data["set"].values, strict=True):
        for number, model in enumerate(data["model"].values):
            f1 = data.f1.sel(set=name, model=model)
            error = f1.std("seed", ddof=1) / np.sqrt(data.sizes["seed"])
            axis.errorbar(
                places + 0.2 * number - 0.1,
                f1.mean("seed"),
                error,
                ls="",
                marker="os"[number],
                color=COLORS[(0, 2)[number]],
                capsize=2,
                label=str(model),
            )
        axis.axhline(float(data.f1.sel(set=name, model=data.model[-1])[0].mean()), color="0.5", lw=0.8, ls=":")
        axis.set_xticks(places, names, rotation=40, ha="right", fontsize=7)
        axis.set(title=str(name), ylabel="F1 on the test set, threshold ½")
    axes[0, 0].legend(title="bars: standard error\ndotted: cross-entropy", fontsize=7, title_fontsize=7)
    for axis, y in zip(axes[1, :2], (1, 0), strict=True):
        for number, name in enumerate(data["objective"].values):
            axis.plot(
                data.p,
                -data.push.sel(objective=name, label=y),
                color=COLORS[number % 6],
                ls=LINES[number % 6],
                lw=1.4 if number < 6 else 2.4,
                marker="",
                label=str(name),
            )
        axis.axhline(0, color="0.5", lw=0.8)
        kind = "positive" if y else "negative"
        axis.set(
            title=f"Push on one {kind} example",
            xlabel="predicted probability of the positive class",
            ylabel=label("minus the slope", "1 / logit"),
        )
    axes[1, 0].legend(fontsize=7)
    tags = axes[1, 2]
    taggers = [str(name) for name in data.tagger.values]
    for seed in range(data.sizes["seed"]):
        tags.plot(taggers, data.tag_f1[:, seed], "o", color="0.6", ls="", ms=3, label="one seed" if seed == 0 else None)
    tags.plot(taggers, data.tag_f1.mean("seed"), "_", color="black", ls="", ms=16, mew=2, label="mean")
    tags.set(title="Tags of a hidden Markov chain", ylabel="mean F1 of the four rare tags")
    tags.legend()
    return figure
