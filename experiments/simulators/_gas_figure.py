"""The figure of the expanding gas: entropy by cells, their collapse, and two designed starts."""

from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from entropax.observables import scaling_entropy
from experiments.figures import COLORS, LINES, label, new_figure

if TYPE_CHECKING:
    import xarray

TIME = label("time", "L / thermal velocity")
GAIN = label("entropy gained", "nats per disc")


def draw(data: "xarray.Dataset") -> Any:
    """Six panels: without collisions, with long and short paths; the collapse; the designs and their horizon."""
    figure, axes = new_figure(2, 3, width=11.5)
    last = data.sizes["path"] - 1
    for axis, path in zip(axes[0], (0, min(1, last), last), strict=True):
        _by_cells(axis, data, path)
    _collapse(axes[1, 0], data)
    _designs(axes[1, 1], data)
    _horizon(axes[1, 2], data)
    return figure


def _limit(axis: Any) -> None:
    axis.axhline(np.log(2), color="0.6", linewidth=0.8, linestyle="-", marker="", label="log 2")


def _by_cells(axis: Any, data: "xarray.Dataset", path: int) -> None:
    for index, dv in enumerate(data["cell"].values):
        style = {"color": COLORS[index], "marker": ""}
        axis.plot(data["time"], data["gain"][path, index], linestyle=LINES[index], label=f"dv = {dv:g}", **style)
        if path == 0:
            axis.plot(data["time"][::2], data["exact"][index][::2], linestyle="", marker="o", color=COLORS[index], ms=3)
    _limit(axis)
    length = float(data["path"][path])
    title = "without collisions (dots: closed form)" if not np.isfinite(length) else f"mean free path {length:g} L"
    axis.set(xlabel=TIME, ylabel=GAIN, title=title, ylim=(0, 0.78))
    axis.legend(loc="lower right")


def _collapse(axis: Any, data: "xarray.Dataset") -> None:
    for index, dv in enumerate(data["fine_cell"].values):
        style = {"color": COLORS[index], "linestyle": LINES[index], "marker": ""}
        axis.plot(data["w"], data["free"][index], label=f"dv = {dv:g}", **style)
        axis.plot(data["w"], data["colliding"][index], linewidth=2.2, **(style | {"alpha": 0.8}))
    w = data["w"].values
    axis.plot(w, jax.vmap(scaling_entropy)(w.astype(np.float32)), "k.", ms=4, label="without, fine cells")
    axis.plot(w, data["limit"], "k^", ms=4, label="with collisions, fine cells")
    _limit(axis)
    axis.annotate("thick: with collisions\nthin: without", (0.02, 0.6))
    axis.set(xlabel=label("w = t dv / (2 L)"), ylabel=GAIN, ylim=(0, 0.78))
    axis.set_title(f"rates in fixed ratio, dv / (2 L) = {data.attrs['ratio']:g} nu")
    axis.legend(loc="lower right", fontsize=7)


def _designs(axis: Any, data: "xarray.Dataset") -> None:
    time, random = data["moment"], data["random"].values
    axis.fill_between(time, *np.percentile(random, [5, 95], axis=0), color="0.85", label="random starts, 5 to 95%")
    axis.plot(time, random.mean(axis=0), color="0.4", linestyle="-", marker="", label="their mean")
    for name, index in (("fast", 2), ("slow", 1)):
        axis.plot(
            time, data[name], color=COLORS[index], linestyle=LINES[index - 1], marker="", label=f"designed {name}"
        )
    axis.axvline(data.attrs["design_horizon"], color="0.6", linewidth=0.8, linestyle=":", marker="")
    axis.set(xlabel=TIME, ylabel=GAIN, title="velocities designed for the dotted time")
    axis.legend(loc="lower right")


def _horizon(axis: Any, data: "xarray.Dataset") -> None:
    axis.semilogy(data["horizon"], data["gradient"], color=COLORS[0], linestyle="-", marker="o")
    for time, size, count in zip(
        data["horizon"].values, data["gradient"].values, data["collisions"].values, strict=True
    ):
        if np.isfinite(size):
            axis.annotate(f" {count} collisions", (time, size), va="top", fontsize=7)
    axis.set(xlabel=label("horizon", "L / thermal velocity"), title="gradients grow with collisions")
    axis.set_ylabel(label("size of the gradient", "nats per velocity"))
