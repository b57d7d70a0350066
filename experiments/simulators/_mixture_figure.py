"""The figure of the disparate-mass mixture."""

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.figures import COLORS, LINES, label, new_figure

if TYPE_CHECKING:
    import xarray


def draw(data: "xarray.Dataset") -> Any:
    """The figure: epochs, temperatures, their errors, entropies, Euler's method, the design.

    Args:
        data: the experiment's data set.

    Returns:
        A matplotlib figure.
    """
    figure, axes = new_figure(3, 2, height=2.8, width=8.4)
    (epochs, temperatures), (errors, entropies), (euler, ascent) = axes
    _epochs(epochs, data)
    _temperatures(temperatures, data)
    time = data.time.values
    for row, eps in enumerate(data.eps.values):
        style = {"color": COLORS[row], "ls": LINES[row], "marker": "", "label": rf"$\epsilon$ = {eps:g}"}
        ratio = [
            np.abs(data[f"{gas}_temperature"][row] / data[f"exact_{gas}_temperature"][row] - 1)
            for gas in ("light", "heavy")
        ]
        errors.plot(time, 100 * np.max(ratio, axis=0), **style)
        total = data.light_entropy[row] + data.heavy_entropy[row]
        entropies.plot(time[1:], (total - total[0])[1:], **style)
        peaks = data.euler_peak[row].values
        euler.plot(np.where(peaks < 1e12, peaks, np.nan), **style)
    errors.axhline(2, color="0.5", lw=0.8)
    errors.set(
        title=f"One time step, {data.attrs['dt']:g}, for all mass ratios",
        xlabel=label("time", "relaxation times"),
        ylabel="largest error of $T_L$, $T_H$ (%)\nagainst exact moments",
    )
    errors.text(time[-1], 2, "2%", ha="right", va="bottom", fontsize=8)
    entropies.set(
        title="Entropy produced by both gases: it never falls",
        xscale="log",
        xlabel=label("time", "relaxation times"),
        ylabel=label(r"$S_L + S_H$ since the start", "nats"),
    )
    entropies.legend(fontsize=7)
    euler.set(
        title="Euler's method with the same time step",
        yscale="log",
        ylim=(0.1, 1e8),
        xlabel="step",
        ylabel="largest $|f_L|$ over its start",
    )
    euler.legend(fontsize=7)
    ascent.plot(data.design_entropy, marker="", label="entropy produced by $t = \\epsilon^2$ (nats)")
    ascent.axhline(data.attrs["search"], color="0.5", lw=0.9, ls=":", label="best of a search on a grid")
    ascent.plot(data.design_light_share, marker="", label="the light gas's share of the anisotropy")
    ascent.set(title="Design of the initial anisotropy", xlabel="iteration of the ascent", ylim=(0, 1.05))
    ascent.legend(fontsize=7)
    return figure


def _epochs(axis: Any, data: "xarray.Dataset") -> None:
    """Light and heavy anisotropy and the temperature gap, relative to the start, at the smallest eps and at 0.1."""
    time = data.time.values
    for eps, mark in ((0.1, "o"), (float(data.eps.min()), "^")):
        row = int(np.argmin(np.abs(data.eps.values - eps)))
        for index, (name, what) in enumerate(
            (("light", "light anisotropy"), ("heavy", "heavy anisotropy"), ("gap", "temperature gap"))
        ):

            def series(prefix: str, name: str = name, row: int = row) -> np.ndarray:
                if name == "gap":
                    values = data[f"{prefix}light_temperature"][row] - data[f"{prefix}heavy_temperature"][row]
                else:
                    values = data[f"{prefix}{name}_anisotropy"][row]
                return np.abs(values.values / values.values[0])

            where = np.unique(np.geomspace(1, len(time) - 1, 14).astype(int))
            shade = COLORS[index]
            axis.plot(time[1:], series("exact_")[1:], color=shade, ls=LINES[index], marker="", lw=1)
            words = f"{what}, $\\epsilon$ = {eps:g}"
            axis.plot(time[where], series("")[where], color=shade, ls="", marker=mark, ms=3.5, label=words)
    axis.set(
        title="Three epochs: markers kinetic, lines exact moments",
        xscale="log",
        yscale="log",
        ylim=(1e-3, 60),
        yticks=(1e-3, 1e-2, 1e-1, 1),
        xlabel=label("time", "relaxation times"),
        ylabel="relative to the start",
    )
    axis.legend(fontsize=6.5, ncols=2, loc="upper right")
    words = "light, $\\epsilon$ = 0.02: gone in\na step; 0.1: exact rest after\n0.04 is of order $\\epsilon^2$"
    axis.text(0.0045, 1.3e-3, words, fontsize=6)


def _temperatures(axis: Any, data: "xarray.Dataset") -> None:
    row = int(np.argmin(np.abs(data.eps.values - 0.1)))
    time = data.time.values
    where = np.arange(0, len(time), max(1, len(time) // 25))
    for gas, shade, mark, symbol in (("light", COLORS[1], "o", "T_L"), ("heavy", COLORS[2], "^", "T_H")):
        name = f"{gas}_temperature"
        axis.plot(
            time[where], data[name][row, where], color=shade, ls="", marker=mark, ms=3.5, label=f"${symbol}$ kinetic"
        )
        axis.plot(time, data[f"exact_{name}"][row], color=shade, ls="-", marker="", lw=1, label=f"${symbol}$ exact")
        axis.plot(time, data[f"limit_{name}"], color="0.4", ls=":", marker="", lw=1)
    axis.set(
        title=f"Temperatures at $\\epsilon$ = {data.eps.values[row]:g}; dotted: limit $\\epsilon$ = 0",
        xlabel=label("time", "relaxation times"),
        ylabel="temperature",
    )
    axis.legend(fontsize=7, ncols=2)
