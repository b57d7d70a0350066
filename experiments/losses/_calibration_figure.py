"""The figure of `calibration_correctness`: reliability diagrams, calibration errors and AUROC."""

from typing import TYPE_CHECKING

import numpy as np

from experiments.figures import COLORS, LINES, MARKERS, new_figure

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

NAMES = {"ECE": "expected calibration error", "AUROC": "area under the curve of confidence"}
SHOWN = ("uncalibrated", "TS", "CA trans.")


def draw(data: "xarray.Dataset") -> "Figure":
    """Draws the figure.

    Args:
        data: of a run.
    """
    figure, axes = new_figure(1, 3, height=3.5, width=11.5)
    diagram, errors, ranking = axes[0]
    diagram.plot([0, 1], [0, 1], color="0.6", linestyle="-", marker="", linewidth=1, label="calibrated")
    for i, method in enumerate(SHOWN):
        bins = data.reliability.sel(calibration=method, test="shifted")
        full = data["count"].sel(calibration=method, test="shifted").values >= 50
        diagram.plot(
            bins.sel(of="confidence").values[full],
            bins.sel(of="accuracy").values[full],
            color=COLORS[i],
            linestyle=LINES[i],
            marker=MARKERS[i],
            label=method,
        )
    diagram.set(
        xlabel="mean confidence of a bin",
        ylabel="accuracy of the bin",
        title="shifted images",
        xlim=(0, 1),
        ylim=(0, 1),
    )
    diagram.legend()
    for axis, metric, better in ((errors, "ECE", "lower is better"), (ranking, "AUROC", "higher is better")):
        for i, test in enumerate(data.test.values):
            values = data.value.sel(metric=metric, test=test)
            spread = values.std("seed", ddof=1) / np.sqrt(values.sizes["seed"])
            axis.errorbar(
                np.arange(data.calibration.size) + 0.12 * (2 * i - 1),
                values.mean("seed"),
                spread,
                color=COLORS[2 * i],
                marker=MARKERS[i],
                linestyle="",
                capsize=2,
                label=f"{test} (accuracy {float(data.accuracy.sel(test=test).mean()):.2f})",
            )
        axis.set_xticks(np.arange(data.calibration.size), data.calibration.values, rotation=40, ha="right")
        axis.set(ylabel=NAMES[metric], title=f"{metric}: {better}")
        low, high = axis.get_ylim()
        axis.set_ylim(low, high + 0.3 * (high - low))  # room for the legend
        axis.legend(loc="upper left")
    return figure
