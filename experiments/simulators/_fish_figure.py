"""The figure of the fish schools, and an animation of one."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.figures import COLORS, LINES, MARKERS, label, new_figure, style
from experiments.simulators._fish_cases import CASES, ENTROPIES

if TYPE_CHECKING:
    import xarray

ABSTRACT = {"swarm": 0.71, "highly parallel": 0.24}
_WORDS = {
    "cohesion": "nearest\nneighbour",
    "polarization": "heading",
    "depth": "depth",
    "angular_momentum": "angular\nmomentum",
    "neighbor_variation": "spacing",
    "velocity_correlation": "velocity\ncorrelation",
    "shape": "shape",
}


def draw(data: "xarray.Dataset") -> Any:
    """The figure: indices in time, entropies, order parameters, classifiers, the descent, the horizon.

    Args:
        data: the experiment's data set.

    Returns:
        A matplotlib figure.
    """
    figure, axes = new_figure(3, 2, height=3.0, width=9.2)
    (time, entropies), (plane, named), (descent, horizon) = axes
    _indices(time, data)
    _entropies(entropies, data)
    _plane(plane, data)
    _named(named, data)
    _descent(descent, data)
    _horizon(horizon, data)
    return figure


def _indices(axes: Any, data: "xarray.Dataset") -> None:
    for row, name in enumerate(CASES):
        index = data["OSI_" + name.replace(" ", "_")]
        t = data[index.dims[1]].values
        axes.plot(t, index.mean(axis=0), color=COLORS[row], ls=LINES[row], marker="", label=name)
        axes.fill_between(t, index.min(axis=0), index.max(axis=0), color=COLORS[row], alpha=0.15, lw=0)
        if name in ABSTRACT:
            axes.plot(t[-1] * 1.03, ABSTRACT[name], color=COLORS[row], marker="<", ms=7, clip_on=False)
    axes.set(
        title="Disorder of the four cases\n(band: all seeds; triangles: the abstract)",
        xlabel=label("time", "length over unit speed"),
        ylabel="oceanic schooling index",
        ylim=(0, 1),
    )
    axes.legend(fontsize=7, ncols=2)


def _entropies(axes: Any, data: "xarray.Dataset") -> None:
    places = np.arange(len(ENTROPIES))
    for row, name in enumerate(CASES):
        values = data.entropies.sel(case=name)
        axes.errorbar(
            places + 0.15 * (row - 1.5),
            values.mean("seed"),
            values.std("seed"),
            color=COLORS[row],
            marker=MARKERS[row],
            ls="",
            label=name,
        )
        axes.plot(
            places + 0.15 * (row - 1.5), data.package_entropies.sel(case=name), marker="_", ms=10, ls="", color="0.4"
        )
    axes.set_xticks(places, [_WORDS[name] for name in ENTROPIES], fontsize=7)
    axes.set(
        title="Entropies in the second half\n(bars: seeds; strokes: the package, one run)",
        ylabel="entropy / its largest",
        ylim=(-0.03, 1.05),
    )


def _plane(axes: Any, data: "xarray.Dataset") -> None:
    for row, name in enumerate(CASES):
        mean = data.order_parameters.sel(case=name)
        axes.plot(mean[:, 0], mean[:, 1], color=COLORS[row], marker=MARKERS[row], ls="", label=name)
    found = data.torus_found
    axes.plot(found[:, 0], found[:, 1], color=COLORS[4], marker="*", ms=9, ls="", label="torus, found here")
    axes.axhline(0.6, color="0.5", lw=0.8, ls=":")
    axes.set(
        title="Order parameters, one point a seed\n(dotted: M = 0.6)",
        xlabel="polarization P",
        ylabel="rotation M",
        xlim=(-0.02, 1.02),
        ylim=(-0.02, 1.02),
    )
    axes.legend(fontsize=7)


def _named(axes: Any, data: "xarray.Dataset") -> None:
    confusion = data.confusion
    places = np.arange(len(CASES))
    for row, features in enumerate(confusion.features.values):
        share = [float(confusion.sel(features=features)[i, i]) for i in places]
        axes.bar(places + 0.38 * (row - 0.5), share, 0.36, color=COLORS[1 + row], label=str(features), hatch="/" * row)
    axes.set_xticks(places, [name.replace(" ", "\n") for name in CASES], fontsize=7)
    axes.set(title="Frames of unseen seeds named rightly", ylabel="share", ylim=(0, 1.25))
    axes.legend(fontsize=7, ncols=2)


def _descent(axes: Any, data: "xarray.Dataset") -> None:
    for row, target in enumerate(data.target.values):
        axes.plot(
            data.descent_index.sel(target=target), color=COLORS[row], ls=LINES[row], marker="", label=f"{target:g}"
        )
        axes.axhline(target, color=COLORS[row], lw=0.6, ls=":")
        axes.errorbar(
            data.sizes["iteration"] + 0.5,
            float(data.reached_index.sel(target=target)),
            float(data.reached_error.sel(target=target)),
            color=COLORS[row],
            marker=MARKERS[row],
        )
    axes.set(
        title="Descent to an index that is asked for\n(points: fresh schools; dotted: what was asked)",
        xlabel="iteration",
        ylabel="index of sharp schools",
    )
    axes.legend(fontsize=7, title="asked for", title_fontsize=7)


def _horizon(axes: Any, data: "xarray.Dataset") -> None:
    steps = data.horizon.values
    axes.plot(steps, data.slope_size, color=COLORS[0], label="size of a start's slope")
    axes.plot(steps, data.slope_signal, color=COLORS[1], ls=LINES[1], marker=MARKERS[1], label="mean over its error")
    axes.axhline(2, color="0.5", lw=0.8, ls=":")
    axes.axvline(data.attrs["design_steps"], color="0.5", lw=0.8)
    axes.annotate(
        "the descent's", (data.attrs["design_steps"], 1), xycoords=("data", "axes fraction"), fontsize=7, va="top"
    )
    axes.set(
        title="Slopes of the index against the horizon\n(dotted: two standard errors)",
        xlabel=label("horizon", "steps"),
        ylabel="norm",
        yscale="log",
    )
    axes.legend(fontsize=7)


def animate(positions: np.ndarray, velocities: np.ndarray, box_size: float, path: Path, *, title: str) -> None:
    """Writes a GIF of a school.

    Args:
        positions: shape (frames, n, 3).
        velocities: shape (frames, n, 3).
        box_size: L.
        path: of the file.
        title: above it.
    """
    from matplotlib.animation import FuncAnimation, PillowWriter
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(4.4, 4.4))
        FigureCanvasAgg(figure)
        axes = figure.add_subplot(projection="3d")
    headings = velocities / np.linalg.norm(velocities, axis=-1, keepdims=True)

    def frame(index: int) -> list[Any]:
        axes.clear()
        x, u = positions[index], headings[index] * box_size / 25
        axes.quiver(*x.T, *u.T, color=COLORS[2], linewidth=0.8)
        axes.set(xlim=(0, box_size), ylim=(0, box_size), zlim=(0, box_size), title=title)
        return []

    animation = FuncAnimation(figure, frame, frames=len(positions))
    animation.save(path, writer=PillowWriter(fps=15))
