"""The figure of the experiment on the earth mover's distance."""

from typing import TYPE_CHECKING

import numpy as np

from experiments.figures import COLORS, new_figure

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

PANELS = {
    "forward": "KL(source || model) (nats)",
    "reverse": "KL(model || source) (nats)",
    "reverse_cross_entropy": "surprise of the source at\nthe model's words (nats)",
    "variation": "total variation\nto the source",
    "transport": "transport cost\nto the next word",
}


def draw(data: "xarray.Dataset") -> "Figure":
    """Every measure on fresh text, by the loss of fine-tuning; lower is better in all.

    Args:
        data: measures by loss and sequence.
    """
    figure, axes = new_figure(1, len(PANELS), height=2.8, width=13.0)
    names = [str(name) for name in data["loss"].values]
    for axis, (measure, title) in zip(axes[0], PANELS.items(), strict=True):
        for row, name in enumerate(names):
            values = data[measure].sel(loss=name).values
            error = values.std(ddof=1) / np.sqrt(len(values))
            ours = name.startswith("EMO")
            style = {"color": COLORS[2] if ours else COLORS[0], "marker": "o" if ours else "s", "linestyle": "none"}
            axis.errorbar(values.mean(), row, xerr=2 * error, capsize=3, **style)
        axis.set_yticks(range(len(names)), names if axis is axes[0, 0] else [""] * len(names))
        axis.invert_yaxis()
        axis.locator_params(axis="x", nbins=4)
        axis.set_xlabel(title)
    figure.suptitle(
        "The next word of fresh text, by the loss of fine-tuning; lower is better; bars 2 standard errors", fontsize=9
    )
    return figure
