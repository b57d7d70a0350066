"""The figure of orthogonal projection."""

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.figures import label, new_figure

if TYPE_CHECKING:
    import xarray

NAMES = {"abs_mean": "+ |mean|", "mean_abs": "+ mean | |", "signed": "+ signed"}
PANELS = (
    ("accuracy", "Test accuracy", "%"),
    ("noisy", "Test accuracy, 40% of training labels wrong", "%"),
    ("one_shot", "Unseen digits, one example each", "%"),
    ("same", "Features of one digit", ""),
    ("different_abs", "Features of different digits", ""),
)


def draw(data: "xarray.Dataset") -> Any:
    """The figure.

    Args:
        data: the experiment's data set.

    Returns:
        A matplotlib figure.
    """
    figure, axes = new_figure(2, 3, height=2.9, width=11.0)
    words = {"same": "mean cosine", "different_abs": "mean |cosine|"}
    kinds = [NAMES.get(str(kind), str(kind)) for kind in data.kind.values]
    for axis, (quantity, title, unit) in zip(axes.flat, PANELS, strict=False):
        _dots(axis, np.arange(len(kinds)), data[quantity].values)
        axis.set_xticks(np.arange(len(kinds)), kinds)
        axis.set(title=title, ylabel=label(words.get(quantity, "accuracy"), unit))
    axes[0, 0].legend()
    sweep = axes[1, 2]
    _dots(sweep, np.arange(data.sizes["batch"]), data.sweep.values)
    sweep.set_xticks(np.arange(data.sizes["batch"]), [str(size) for size in data.batch.values])
    sweep.set(title="+ mean | |: size of a batch", xlabel=label("batch", "images"), ylabel=label("accuracy", "%"))
    return figure


def _dots(axis: Any, places: np.ndarray, values: np.ndarray) -> None:
    """Every seed, and the mean."""
    for seed in range(values.shape[1]):
        axis.plot(places, values[:, seed], "o", color="0.6", ls="", ms=3, label="one seed" if seed == 0 else None)
    axis.plot(places, values.mean(1), "_", color="black", ls="", ms=16, mew=2, label="mean")
