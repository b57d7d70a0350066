"""The figure of the RePRI experiment."""

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.figures import COLORS, LINES, MARKERS, label, new_figure

if TYPE_CHECKING:
    import xarray

PASCAL = {1: (59.1, 73.3), 5: (66.8, 77.9)}
"""Mean IoU of the paper on Pascal-5i with a ResNet-50, in percent: by shots, of CE+H+KL and of the oracle."""


def draw(data: "xarray.Dataset") -> Any:
    """Mean IoU by method, by when the proportion is renewed, and by the error of a known one.

    Args:
        data: what `repri.run` returns.
    """
    figure, axes = new_figure(1, 3, height=3.4)
    _methods(axes[0, 0], data)
    _line(axes[0, 1], data.mean_iou_of_t_pi, "t_pi")
    axes[0, 1].set(
        xlabel=label("iteration at which π is renewed, $t_\\pi$", "of 50"),
        ylabel=label("mean IoU, 1 shot", "%"),
        title="When to renew the proportion",
    )
    axes[0, 1].axvline(10, color="0.5", ls=":", label="paper's choice, 10")
    axes[0, 1].legend(fontsize=7)
    _line(axes[0, 2], data.mean_iou_of_error, "error")
    known = 100 * data.mean_iou.sel(shots=data.shots[0], variant="CE+H+KL").mean("run")
    axes[0, 2].axhline(float(known), color="0.5", ls="--", label="CE+H+KL, proportion not known")
    axes[0, 2].set(
        xlabel="relative error δ of the given proportion",
        ylabel=label("mean IoU, 1 shot", "%"),
        title="Known up to a factor 1 + δ",
    )
    axes[0, 2].legend(fontsize=7)
    return figure


def _spread(values: "xarray.DataArray") -> tuple[np.ndarray, np.ndarray]:
    error = values.std("run", ddof=1) / np.sqrt(values.sizes["run"])
    return 100 * values.mean("run").to_numpy(), 100 * error.to_numpy()


def _line(axes: Any, values: "xarray.DataArray", axis: str) -> None:
    mean, error = _spread(values)
    axes.errorbar(values[axis], mean, error, capsize=2, color=COLORS[0], marker=MARKERS[0], label="mean ± s.e. of runs")


def _methods(axes: Any, data: "xarray.Dataset") -> None:
    place = np.arange(data.sizes["variant"])
    names = [str(m) for m in data.variant.values]
    for i, shots in enumerate(data.shots.values):
        mean, error = _spread(data.mean_iou.sel(shots=shots))
        axes.errorbar(
            place, mean, error, capsize=2, color=COLORS[i], marker=MARKERS[i], ls=LINES[i],
            label=f"{shots} shot{'s' if shots > 1 else ''}",
        )  # fmt: skip
        if int(shots) in PASCAL:
            at = [names.index("CE+H+KL"), names.index("oracle")]
            axes.plot(
                at, PASCAL[int(shots)], ls="none", marker=MARKERS[i], mfc="none", mec=COLORS[i], ms=7,
                label=f"paper, {shots} shot{'s' if shots > 1 else ''}, Pascal-5i",
            )  # fmt: skip
    axes.set_xticks(place, [m.replace(", ", ",\n") for m in names], fontsize=7, rotation=30)
    axes.set(ylabel=label("mean IoU", "%"), title="What each term adds")
    axes.legend(fontsize=7)
