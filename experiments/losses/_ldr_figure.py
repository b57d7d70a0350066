"""The figure of `ldr`: accuracy by noise, its course, and temperatures of right and wrong labels."""

from typing import TYPE_CHECKING

import numpy as np

from experiments.figures import COLORS, label, new_figure

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure


def draw(data: "xarray.Dataset") -> "Figure":
    """Draws the figure.

    Args:
        data: of a run.
    """
    figure, axes = new_figure(1, 3, height=3.4, width=11.5)
    by_noise, course, histogram = axes[0]
    for name in data.loss.values:
        final = data.accuracy.sel(loss=name).isel(epoch=-1)
        error = final.std("seed", ddof=1) / np.sqrt(final.sizes["seed"])
        by_noise.errorbar(data.noise, final.mean("seed"), error, label=name, capsize=2)
        course.plot(
            data.epoch, data.accuracy.sel(loss=name, noise=0.6).mean("seed"), label=name, marker="", linewidth=1.2
        )
    by_noise.set(
        xlabel="share of wrong training labels",
        ylabel=label("test accuracy after the last pass"),
        title="by noise",
        xticks=data.noise.values,
    )
    by_noise.legend()
    course.set(xlabel="pass over the training images", ylabel="test accuracy", title="course at noise 0.6")
    course.legend()
    t, flipped = data.temperature.sel(noise=0.3).values, data.flipped.sel(noise=0.3).values
    edges = np.linspace(t.min(), t.max(), 41)
    for wrong, name in ((False, "right label"), (True, "wrong label")):
        histogram.hist(
            t[flipped == wrong],
            edges,
            density=True,
            histtype="stepfilled" if not wrong else "step",
            color="#9ad1f0" if not wrong else COLORS[0],
            linewidth=1.5,
            label=name,
        )
    histogram.set(
        xlabel=r"temperature $\lambda_i$ of a training image ($\lambda_0$ = 10)",
        ylabel="density",
        title="ALDR-KL at noise 0.3",
    )
    histogram.legend(loc="upper right")
    return figure
