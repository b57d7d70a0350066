"""The figure of the experiment on Plackett-Luce distillation."""

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.figures import COLORS, new_figure

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure


def draw(data: "xarray.Dataset") -> "Figure":
    """Test accuracy and agreement of the ranking, by the loss the students learned from.

    Args:
        data: accuracy and agreement by objective and seed.
    """
    figure, axes = new_figure(1, 2, height=3.2, width=8.0)
    panels = (
        (axes[0, 0], "accuracy", "test accuracy (%)", 100),
        (axes[0, 1], "agreement", "Kendall's tau of the classes", 1),
    )
    for axis, name, title, scale in panels:
        _bars(axis, data[name] * scale, title)
    axes[0, 1].set_yticklabels([])
    teacher = 100 * data.attrs["teacher_accuracy"]
    axes[0, 0].set_title(f"Small students of a teacher of {teacher:.1f} %", fontsize=9)
    axes[0, 1].set_title("Do student and teacher rank alike?", fontsize=9)
    figure.suptitle(f"Handwritten digits; means of {data.sizes['seed']} seeds, bars 2 standard errors", fontsize=9)
    return figure


def _bars(axis: Any, values: "xarray.DataArray", title: str) -> None:
    names = [str(name) for name in values["objective"].values]
    means = values.mean("seed").values
    errors = values.std("seed", ddof=1).values / np.sqrt(values.sizes["seed"])
    for row, (name, mean, error) in enumerate(zip(names, means, errors, strict=True)):
        ours = name.startswith("PLD")
        style = {"color": COLORS[2] if ours else COLORS[0], "marker": "o" if ours else "s", "linestyle": "none"}
        axis.errorbar(mean, row, xerr=2 * error, capsize=3, **style)
    axis.set_yticks(range(len(names)), [n.replace("PLD ", "PLD, temperature ") for n in names])
    axis.invert_yaxis()
    axis.set_xlabel(title)
