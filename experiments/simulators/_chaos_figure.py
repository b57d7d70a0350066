"""The figure of the benchmark, and the animation of its attractors."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.figures import label, new_figure
from experiments.simulators._chaos_forecasts import PAPER
from experiments.simulators._chaos_orbits import FINE, Orbit

if TYPE_CHECKING:
    import xarray

STYLES = {
    "N-BEATS": ("-", "#0072b2"),
    "LSTM": ("--", "#0072b2"),
    "transformer": ("-.", "#0072b2"),
    "echo state": (":", "#000000"),
    "linear": ("-", "#e69f00"),
    "naive seasonal": ("--", "#e69f00"),
    "naive mean": (":", "#e69f00"),
}


def draw(data: "xarray.Dataset") -> Any:
    """The figure, of those panels whose parts were run.

    Args:
        data: the experiment's data set.

    Returns:
        A matplotlib figure.
    """
    panels = (
        (_ranking, "forecast_error"),
        (_horizons, "forecast_error"),
        (_difficulty, "forecast_error"),
        (_exponents, "exponent"),
        (_importance, "importance_error"),
        (_transfer, "accuracy"),
        (_equations, "equation_error"),
        (_design, "design_complexity"),
    )
    shown = [panel for panel, needed in panels if needed in data]
    columns = min(2, len(shown))
    figure, axes = new_figure(-(-len(shown) // columns), columns, height=3.1, width=4.8 * columns)
    places = np.ravel(axes)
    for place, panel in zip(places, shown, strict=False):
        panel(place, data)
    for place in places[len(shown) :]:
        place.set_axis_off()
    return figure


def _ranking(axes: Any, data: "xarray.Dataset") -> None:
    medians = data.forecast_error.mean("ahead").median("system")
    order = medians.model.values[np.argsort(medians.values)][::-1]
    places = np.arange(len(order))
    axes.barh(places, medians.sel(model=order), color="0.75", label="ours")
    paper = [PAPER.get(str(name), np.nan) for name in order]
    axes.plot(paper, places, "D", color="#0072b2", ls="", ms=5, label="paper's package, 131 systems")
    axes.set_yticks(places, order, fontsize=7)
    axes.set(xlabel=label("median sMAPE over systems", "0 to 200"), xlim=(0, 200))
    axes.set_title(f"Forecasts of two periods, {data.sizes['system']} flows", fontsize=9)
    axes.legend(fontsize=7, loc="upper right")


def _horizons(axes: Any, data: "xarray.Dataset") -> None:
    for name, (line, color) in STYLES.items():
        if name not in data.model.values:
            continue
        axes.plot(
            data.ahead, data.forecast_error.sel(model=name).median("system"), line, color=color, marker="", label=name
        )
    axes.set(xlabel=label("time ahead", "dominant periods"), ylabel=label("median sMAPE", "0 to 200"), ylim=(0, None))
    axes.set_title("Error against horizon", fontsize=9)
    axes.legend(fontsize=6.5, ncol=2)


def _difficulty(axes: Any, data: "xarray.Dataset") -> None:
    chaos = data.published_exponent * data.period
    for name, marker, color in (("N-BEATS", "o", "#0072b2"), ("naive seasonal", "x", "#e69f00")):
        axes.plot(
            chaos, data.forecast_error.sel(model=name).mean("ahead"), marker, ls="", color=color, ms=4, label=name
        )
    axes.set(
        xscale="log",
        xlabel=label("largest exponent x period", "published, nats per period"),
        ylabel=label("sMAPE", "0 to 200"),
    )
    axes.set_title("Difficulty against chaos, one point a flow", fontsize=9)
    axes.legend(fontsize=7)


def _exponents(axes: Any, data: "xarray.Dataset") -> None:
    theirs, ours = (data.published_exponent * data.period).values, (data.exponent[:, 0] * data.period).values
    error = (data.exponent_error[:, 0] * data.period).values
    shown = (theirs > 0) & (ours > 0)
    axes.errorbar(theirs[shown], ours[shown], error[shown], fmt="o", ms=3, color="#0072b2", lw=1)
    ends = np.array([min(theirs[shown].min(), ours[shown].min()), max(theirs[shown].max(), ours[shown].max())])
    axes.plot(ends, ends, "-", color="0.3", marker="", lw=1)
    axes.fill_between(ends, 0.9 * ends, 1.1 * ends, color="0.85", label="within 10%")
    axes.set(
        xscale="log",
        yscale="log",
        xlabel=label("published largest exponent", "nats per period"),
        ylabel=label("ours", "nats per period"),
    )
    hidden = int((~shown).sum())
    axes.set_title("Largest Lyapunov exponents" + (f" ({hidden} not positive left out)" if hidden else ""), fontsize=9)
    axes.legend(fontsize=7)


def _importance(axes: Any, data: "xarray.Dataset") -> None:
    ours, control = (data.importance_error.sel(training=way).values for way in ("importance", "uniform"))
    axes.plot(control, ours, "o", ls="", ms=4, color="#0072b2")
    axes.plot([0, 200], [0, 200], "-", color="0.3", marker="", lw=1)
    medians = np.median(control), np.median(ours)
    axes.plot(*medians, "s", color="#000000", ms=7, label=f"medians {medians[0]:.0f} and {medians[1]:.0f}")
    axes.plot(98.6, 90.9, "D", color="#e69f00", ms=6, label="paper's package 99 and 91")
    axes.set(
        xlabel=label("sMAPE, uniform stretches", "0 to 200"),
        ylabel=label("sMAPE, hard stretches", "0 to 200"),
        xlim=(0, 200),
        ylim=(0, 200),
    )
    axes.set_title("Training on hard stretches, equal budget", fontsize=9)
    axes.legend(fontsize=7, loc="upper left")


def _transfer(axes: Any, data: "xarray.Dataset") -> None:
    ways, width = data.features.values, 0.8 / data.sizes["features"]
    places = np.arange(data.sizes["data_set"])
    for number, (way, shade) in enumerate(zip(ways, ("0.9", "0.7", "0.5", "0.2"), strict=True)):
        axes.bar(places + (number - 1.5) * width, data.accuracy.sel(features=way), width, color=shade, label=way)
    axes.set_xticks(places, data.data_set.values, fontsize=7)
    low = 0.9 * float(data.accuracy.min())
    axes.set(ylabel="accuracy of a ridge classifier", ylim=(low, 1.1))
    axes.set_title("Features of series: their own or an autoencoder's", fontsize=9)
    axes.legend(fontsize=6.5, ncol=4, loc="upper center", columnspacing=0.8, handlelength=1.4)


def _equations(axes: Any, data: "xarray.Dataset") -> None:
    for name, line, color, paper in (("polynomial", "-", "#0072b2", 0.1875), ("Fourier", "--", "#e69f00", 0.6797)):
        errors = np.sort(data.equation_error.sel(library=name).values)
        axes.step(errors, np.arange(1, errors.size + 1) / errors.size, line, color=color, marker="", label=name)
        axes.plot(paper, 0.5, "D", color=color, ms=6, label=f"paper's median {paper:.2f}")
    axes.set(
        xscale="log",
        xlabel=label("sMAPE of held-out derivatives", "0 to 2"),
        ylabel="share of flows",
        ylim=(0, 1),
        xlim=(1e-4, 2.2),
    )
    axes.set_title("Equations by sparse regression", fontsize=9)
    axes.legend(fontsize=7, loc="upper left")


def _design(axes: Any, data: "xarray.Dataset") -> None:
    steps = np.arange(data.sizes["iteration"])
    axes.plot(
        steps, data.design_complexity, "-", color="#0072b2", marker="o", ms=3, label="complexity, counted patterns"
    )
    axes.set(xlabel="step of the ascent", ylabel="statistical complexity")
    best = data.attrs["design_best"]
    axes.plot(best, data.design_complexity[best], "s", color="#000000", ms=7, label="best at the same exponent")
    other = axes.twinx()
    other.plot(steps, data.design_exponent, "--", color="#e69f00", marker="", label="largest exponent (right)")
    other.set_ylabel(label("largest exponent", "nats per time"))
    other.set_ylim(-0.01, 3 * float(data.design_exponent.max()))
    before, after = data.attrs["design_before_complexity"], data.attrs["design_after_complexity"]
    axes.set_title(
        f"Rossler's flow: complexity at fixed exponent\n(other orbits: {before:.3f} to {after:.3f})", fontsize=9
    )
    lines = axes.get_lines() + other.get_lines()
    axes.legend(lines, [line.get_label() for line in lines], fontsize=7, loc="upper left")


def animate(orbits: list[Orbit], path: Path, *, frames: int = 60) -> None:
    """Writes a GIF in which attractors are drawn point by point, each in its first two coordinates.

    Args:
        orbits: of up to 12 flows; others are left out.
        path: of the file.
        frames: number of frames.
    """
    from matplotlib.animation import FuncAnimation, PillowWriter

    shown = orbits[:12]
    columns = min(4, len(shown))
    rows = -(-len(shown) // columns)
    figure, axes = new_figure(rows, columns, height=1.8, width=1.8 * columns)
    lines = []
    for place, one in zip(axes.flat, shown, strict=False):
        x, y = one.bounded[:, 0], one.bounded[:, 1]
        place.set(xticks=[], yticks=[], xlim=(x.min(), x.max()), ylim=(y.min(), y.max()))
        place.set_title(one.system.name, fontsize=7)
        lines += place.plot([], [], "-", color="0.15", marker="", lw=0.4)
    for place in list(axes.flat)[len(shown) :]:
        place.set_axis_off()
    step = min(20 * FINE, min(len(one.bounded) for one in shown)) // frames

    def frame(number: int) -> list[Any]:
        for line, one in zip(lines, shown, strict=True):
            line.set_data(*one.bounded[: (number + 1) * step, :2].T)
        return lines

    FuncAnimation(figure, frame, frames=frames, blit=False).save(path, writer=PillowWriter(fps=15), dpi=90)
