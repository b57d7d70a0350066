"""The figure of `calibration_correctness`: the shifts, reliability diagrams, calibration errors and AUROC."""

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.figures import COLORS, LINES, MARKERS, label, new_figure
from experiments.losses._digit_transforms import SEVERITIES

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

SHOWN = ("uncalibrated", "TS", "CE", "CA trans.")


def draw(data: "xarray.Dataset") -> "Figure":
    """Draws the figure.

    Args:
        data: of a run.
    """
    figure, axes = new_figure(2, 2, height=3.2, width=9.0)
    plain, *shifted = data.test.values
    levels = np.arange(1 + len(next(iter(SEVERITIES.values()))))
    _accuracies(axes[0, 0], data, levels)
    _reliability(axes[0, 1], data.sel(test=shifted))
    errors = axes[1, 0]
    for i, method in enumerate(SHOWN):
        found = data.value.sel(metric="ECE", calibration=method)
        by_level = [found.sel(test=_at(level, plain)).mean("test") for level in levels]
        spread = [values.std("seed", ddof=1) / np.sqrt(values.sizes["seed"]) for values in by_level]
        errors.errorbar(
            levels,
            [float(values.mean()) for values in by_level],
            [float(error) for error in spread],
            color=COLORS[i],
            linestyle=LINES[i],
            marker=MARKERS[i],
            capsize=2,
            label=method,
        )
    errors.set(
        xlabel="severity of the shift, mean over its four kinds",
        ylabel="expected calibration error",
        title="Calibration error: lower is better",
        xticks=levels,
    )
    errors.legend()
    _ranking(axes[1, 1], data, {"in distribution": [plain], "shifted, mean of 12 sets": shifted})
    return figure


def _at(level: int, plain: str) -> list[str]:
    """The test sets of a severity; 0 is none."""
    return [f"{kind} {amounts[level - 1]:g}" for kind, amounts in SEVERITIES.items()] if level else [plain]


def _accuracies(axis: Any, data: "xarray.Dataset", levels: np.ndarray) -> None:
    plain = data.test.values[0]
    units = {"noise": "", "blur": "px", "contrast": "", "shift": "px"}
    for i, (kind, amounts) in enumerate(SEVERITIES.items()):
        tests = [plain, *(f"{kind} {amount:g}" for amount in amounts)]
        words = label(f"{kind} {', '.join(f'{amount:g}' for amount in amounts)}", units[kind])
        axis.plot(
            levels,
            data.accuracy.sel(test=tests).mean("seed"),
            color=COLORS[i],
            linestyle=LINES[i],
            marker=MARKERS[i],
            label=words,
        )
    axis.set(xlabel="severity of the shift", ylabel="accuracy", title="What the shifts do", xticks=levels, ylim=(0, 1))
    axis.legend(loc="lower left")


def _reliability(axis: Any, data: "xarray.Dataset") -> None:
    """Accuracy by confidence, of all shifted sets together; bins of fewer than 50 images are left out."""
    axis.plot([0, 1], [0, 1], color="0.6", linestyle="-", marker="", linewidth=1, label="calibrated")
    for i, method in enumerate(SHOWN):
        count = data["count"].sel(calibration=method)
        bins = (data.reliability.sel(calibration=method) * count).sum("test") / np.maximum(count.sum("test"), 1)
        full = count.sum("test").values >= 50
        axis.plot(
            bins.sel(of="confidence").values[full],
            bins.sel(of="accuracy").values[full],
            color=COLORS[i],
            linestyle=LINES[i],
            marker=MARKERS[i],
            label=method,
        )
    axis.set(
        xlabel="mean confidence of a bin",
        ylabel="accuracy of the bin",
        title="All shifted images",
        xlim=(0, 1),
        ylim=(0, 1),
    )
    axis.legend()


def _ranking(axis: Any, data: "xarray.Dataset", sets: dict[str, list[str]]) -> None:
    places = np.arange(data.calibration.size)
    for i, (name, tests) in enumerate(sets.items()):
        values = data.value.sel(metric="AUROC", test=tests).mean("test")
        spread = values.std("seed", ddof=1) / np.sqrt(values.sizes["seed"])
        axis.errorbar(
            places + 0.12 * (2 * i - 1),
            values.mean("seed"),
            spread,
            color=COLORS[2 * i],
            marker=MARKERS[i],
            linestyle="",
            capsize=2,
            label=name,
        )
    axis.set_xticks(places, data.calibration.values, rotation=40, ha="right")
    axis.set(ylabel="area under the curve of confidence", title="Telling right from wrong: higher is better")
    low, high = axis.get_ylim()
    axis.set_ylim(low, high + 0.3 * (high - low))  # room for the legend
    axis.legend(loc="upper left")
