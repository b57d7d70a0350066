"""The figure of the Klein-Gordon fields, and a collision as an animation."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.figures import COLORS, LINES, MARKERS, label, new_figure, style
from experiments.simulators._kg_cases import CASES

if TYPE_CHECKING:
    import xarray

WORDS = {"packet": "linear packet", "kink": "static kink", "breather": "breather", "collision": "collision, u = 0.3"}
PACKAGE_LOSS = 0.08
"""Part of its energy that the linear packet loses by t = 50 in the paper's package, whose step changes."""


def draw(data: "xarray.Dataset") -> Any:
    """The figure: energies, entropies, sizes and orbits of the four fields; the map of collisions and its window.

    Args:
        data: the experiment's data set.

    Returns:
        A matplotlib figure.
    """
    figure, axes = new_figure(4, 2, height=2.7, width=8.4)
    (energies, entropies), (sizes, orbits), (speeds, picture), (window, horizon) = axes
    for row, case in enumerate(CASES):
        words = {"color": COLORS[row], "ls": LINES[row], "marker": "", "label": WORDS[case]}
        time, energy = data[f"{case}_time"].values, data[f"{case}_energy"].values
        energies.plot(time[1:], np.maximum(np.abs(energy / energy[0] - 1)[1:], 1e-16), **words)
        entropies.plot(time, data[f"{case}_shannon"], **words)
        sizes.plot(data[f"{case}_sizes_at"], data[f"{case}_density"], **words)
    energies.axhline(PACKAGE_LOSS, color="0.5", lw=0.9)
    energies.text(0.5, PACKAGE_LOSS, "lost by the package, packet", va="bottom", fontsize=7)
    energies.set(
        title="Energy: bounded, no drift",
        yscale="log",
        ylim=(1e-21, 10),
        yticks=(1e-16, 1e-12, 1e-8, 1e-4, 1),
        xlabel=label("time", "1/m"),
        ylabel="relative error of the energy",
    )
    energies.legend(fontsize=6.5, ncols=2, loc="lower right")
    entropies.set(
        title="Entropy of where $\\phi^2$ is",
        ylim=(2.0, 7.6),
        xlabel=label("time", "1/m"),
        ylabel=label("Shannon entropy", "nats"),
    )
    sizes.set(
        title="Size of the field, over all times",
        xlabel="$|\\phi|$",
        ylabel="density, scaled to 1",
        ylim=(0, 1.3),
    )
    for row, case in ((0, "packet"), (2, "breather")):
        orbits.plot(
            data[f"{case}_middle"],
            data[f"{case}_middle_rate"],
            color=COLORS[row],
            ls=LINES[row],
            marker="",
            lw=1,
            label=WORDS[case],
        )
    orbits.plot(
        data.kink_middle[:1], data.kink_middle_rate[:1], color=COLORS[1], ls="", marker="s", label="kink: a point"
    )
    orbits.set(title="Orbit of the middle point", xlabel="$\\phi$", ylabel="$\\phi_t$", ylim=(-4, 6))
    orbits.legend(fontsize=6.5, loc="upper center", ncols=3)
    _map(speeds, data)
    _picture(picture, data)
    _window(window, data)
    _horizon(horizon, data)
    return figure


def _map(axis: Any, data: "xarray.Dataset") -> None:
    """Exit speeds over the speeds of the scan."""
    u, escaped, bounces = data.u.values, data.escaped.values, data.bounces.values
    for number, (which, words) in enumerate(
        (
            (escaped & (bounces == 1), "one bounce"),
            (escaped & (bounces == 2), "two bounces"),
            (escaped & (bounces > 2), "more"),
        )
    ):
        axis.plot(
            u[which], data.exit_speed.values[which], color=COLORS[number], ls="", marker=MARKERS[number], label=words
        )
    axis.plot(u[~escaped], 0 * u[~escaped], color="0.5", ls="", marker="x", label="caught")
    axis.axvline(0.2598, color="0.5", lw=0.9)
    ours = data.attrs["critical_speed"]
    found = f"\nours {ours:.4f}" if np.isfinite(ours) else ""
    axis.text(
        0.98, 0.08, f"line: critical speed\nliterature 0.2598{found}", fontsize=7, ha="right", transform=axis.transAxes
    )
    axis.set(title="Kink meets antikink", xlabel="speed of each (c)", ylabel=label("exit speed", "c"))
    axis.legend(fontsize=6.5, loc="upper left")


def _picture(axis: Any, data: "xarray.Dataset") -> None:
    """The collision in space and time."""
    shown = np.abs(data.collision_x.values) <= 30
    image = axis.pcolormesh(
        data.collision_x.values[shown],
        data.collision_time.values,
        data.collision_field.values[:, shown],
        cmap="cividis",
        rasterized=True,
    )
    axis.grid(False)
    axis.set(title="$\\phi$ in the collision at u = 0.3", xlabel=label("place", "1/m"), ylabel=label("time", "1/m"))
    axis.figure.colorbar(image, ax=axis, label="$\\phi$")


def _window(axis: Any, data: "xarray.Dataset") -> None:
    """The entropy at the horizon over the speed, and the ascents."""
    axis.axvspan(0.1934, 0.2033, color="0.9", lw=0)
    axis.plot(data.search_u, data.search_entropy, color=COLORS[0], ls="-", marker="", label="search on a grid")
    for row in range(data.sizes["ascent"]):
        axis.plot(
            data.ascent_u[row],
            data.ascent_entropy[row],
            color=COLORS[row + 1],
            ls=":",
            marker=MARKERS[row + 1],
            label=f"ascent from u = {float(data.ascent_u[row, 0]):.4f}",
        )
    axis.set(
        title="Into the two-bounce window (grey)",
        xlabel="speed of each (c)",
        ylabel=f"entropy of $\\phi + v$ (nats)\nat t = {data.attrs['horizon']:g}",
    )
    axis.legend(fontsize=6.5, loc="lower center")


def _horizon(axis: Any, data: "xarray.Dataset") -> None:
    """Slope and what it foretells, over the time looked ahead."""
    time, step = data.look_time.values, data.attrs["step"]
    words = f"slope times {step:g}", f"change that a step of {step:g} makes"
    axis.plot(time, np.abs(data.look_slope) * step, color=COLORS[0], ls="-", marker="", label=words[0])
    axis.plot(time, np.abs(data.look_change), color=COLORS[1], ls="--", marker="", label=words[1])
    axis.axvline(data.attrs["foretold"], color="0.5", lw=0.9, label="foretold up to here")
    axis.set(
        title=f"What a slope foretells at u = {data.attrs['look_speed']:g}",
        yscale="log",
        ylim=(1e-7, 1e5),
        xlabel=label("time looked ahead", "1/m"),
        ylabel=label("change of the entropy", "nats"),
    )
    axis.legend(fontsize=6.5, loc="upper left")


def animate(field: np.ndarray, x: np.ndarray, time: np.ndarray, path: Path, *, frames_per_second: int = 20) -> None:
    """Writes a field in motion as an animated GIF.

    Args:
        field: over times and places, shape (t, n).
        x: places, shape (n,).
        time: times, shape (t,).
        path: the file.
        frames_per_second: speed.
    """
    from matplotlib.animation import FuncAnimation, PillowWriter

    with style():
        figure, axes = new_figure()
        axis = axes[0, 0]
        (line,) = axis.plot(x, field[0], marker="")
        axis.set(
            xlabel=label("place", "1/m"),
            ylabel="$\\phi$",
            ylim=(float(field.min()) - 0.1, float(field.max()) + 0.1),
            xlim=(float(x[0]), float(x[-1])),
        )

        def show(frame: int) -> tuple[Any]:
            line.set_ydata(field[frame])
            axis.set_title(f"t = {time[frame]:.1f}")
            return (line,)

        animation = FuncAnimation(figure, show, frames=len(time), interval=1000 // frames_per_second, blit=False)
        animation.save(path, writer=PillowWriter(fps=frames_per_second), dpi=80)
