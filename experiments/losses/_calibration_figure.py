"""The figure of `calibration_correctness`: calibration errors, reliability diagrams and AUROC."""

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.figures import COLORS, LINES, MARKERS, new_figure
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
    kinds = data.classifier.values
    figure, axes = new_figure(len(kinds), 3, height=3.4, width=12.0)
    plain, *shifted = data.test.values
    for row, kind in zip(axes, kinds, strict=True):
        of_kind = data.sel(classifier=kind)
        _errors(row[0], of_kind, plain)
        _reliability(row[1], of_kind.sel(test=shifted))
        _ranking(row[2], of_kind, {"in distribution": [plain], "shifted, mean of 12 sets": shifted})
        row[0].set_title(f"{kind}: calibration error")
        row[1].set_title(f"{kind}: all shifted images")
        row[2].set_title(f"{kind}: telling right from wrong")
    return figure


def _errors(axis: Any, data: "xarray.Dataset", plain: str) -> None:
    """ECE by severity, with the accuracy there."""
    levels = range(1 + len(next(iter(SEVERITIES.values()))))
    for i, method in enumerate(SHOWN):
        found = data.value.sel(metric="ECE", calibration=method)
        by_level = [found.sel(test=_at(level, plain)).mean("test") for level in levels]
        axis.errorbar(
            levels,
            [float(values.mean()) for values in by_level],
            [float(values.std("seed", ddof=1)) / np.sqrt(values.sizes["seed"]) for values in by_level],
            color=COLORS[i],
            linestyle=LINES[i],
            marker=MARKERS[i],
            capsize=2,
            label=method,
        )
    accuracy = [float(data.accuracy.sel(test=_at(level, plain)).mean()) for level in levels]
    axis.set_xticks(levels, [f"{level}\n({a:.2f})" for level, a in zip(levels, accuracy, strict=True)])
    axis.set(
        xlabel="severity of the shift (accuracy), mean over four kinds",
        ylabel="expected calibration error (lower is better)",
    )
    axis.legend()


def _at(level: int, plain: str) -> list[str]:
    """The test sets of a severity; 0 is none."""
    return [f"{kind} {amounts[level - 1]:g}" for kind, amounts in SEVERITIES.items()] if level else [plain]


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
    axis.set_ylabel("AUROC of confidence (higher is better)")
    low, high = axis.get_ylim()
    axis.set_ylim(low, high + 0.3 * (high - low))  # room for the legend
    axis.legend(loc="upper left")
