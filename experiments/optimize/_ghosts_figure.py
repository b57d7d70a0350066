"""The figure of the experiment on step sizes."""

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.figures import COLORS, LINES, MARKERS, label, new_figure

if TYPE_CHECKING:
    import xarray


def draw(data: "xarray.Dataset") -> Any:
    """One step from trained networks, temperatures, a spike of the learning rate, and steps of a given length.

    Args:
        data: what `ghosts_of_softmax.run` returns.
    """
    figure, axes = new_figure(2, 2, height=3.3, width=8.6)
    _one_step(axes[0, 0], data)
    _temperatures(axes[0, 1], data)
    _spike(axes[1, 0], data)
    _set_mode(axes[1, 1], data)
    return figure


def _one_step(axes: Any, data: "xarray.Dataset") -> None:
    """Worst direction and network of each kind."""
    for i, name in enumerate(data.network.values):
        accuracy = 100 * np.asarray(data.accuracy[i])
        style = {"color": COLORS[i], "ls": LINES[i], "marker": "", "label": str(name)}
        axes.plot(data.r, accuracy.reshape(-1, accuracy.shape[-1]).min(axis=0), **style)
    axes.axvline(1, color="0.4", ls=":", lw=1)
    axes.text(1.15, 101, "r = 1", fontsize=7, va="bottom")
    axes.set(
        xscale="log",
        xlabel=label("length of the step r", "radii"),
        ylabel=label("test accuracy, worst case", "%"),
        title="One step from trained networks",
        ylim=(0, 105),
    )
    axes.legend(fontsize=7, loc="lower left")


def _temperatures(axes: Any, data: "xarray.Dataset") -> None:
    for i, (values, name) in enumerate(
        ((data.onset_raw, "in the unit of parameters"), (data.onset_radii, "in radii r"))
    ):
        middle = np.nanmedian(values, axis=1)
        axes.plot(data.temperature, middle, color=COLORS[2 * i], ls=LINES[i], marker=MARKERS[i], label=name)
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="temperature T",
        ylabel="step at which the loss doubles",
        title="MLPs trained at several temperatures",
    )
    axes.set_xticks(data.temperature.values, [f"{t:g}" for t in data.temperature.values], fontsize=7)
    axes.minorticks_off()
    axes.legend(fontsize=7)


def _spike(axes: Any, data: "xarray.Dataset") -> None:
    factor = float(data.factor[-1])
    curves = data.spike_curve.sel(spiked_network=data.spiked_network[0])
    for i, method in enumerate(data.method.values):
        axes.plot(data.step, 100 * curves[i, -1], color=COLORS[2 * i], ls=LINES[i], marker="", label=str(method))
    axes.set(
        xlabel="step",
        ylabel=label("test accuracy, mean over seeds", "%"),
        title=f"{data.spiked_network.values[0]}: learning rate × {factor:,.0f} from step {data.attrs['spike_at']}",
        ylim=(0, 105),
    )
    axes.legend(fontsize=7, loc="center right")


def _set_mode(axes: Any, data: "xarray.Dataset") -> None:
    groups = (
        (data.set_accuracy, [f"r = {v:g}" for v in data.target.values], data.attrs["paper_set"], "o"),
        (data.rate_accuracy, [f"η = {v:g}" for v in data.rate.values], data.attrs["paper_rate"], "s"),
    )
    place = 0
    names = []
    for values, labels, paper, marker in groups:
        for row, name, reference in zip(100 * np.asarray(values), labels, paper, strict=True):
            axes.plot(np.full(row.size, place), row, ls="none", marker=marker, mfc="w", mec="k")
            axes.plot([place - 0.3, place + 0.3], [reference] * 2, color=COLORS[1], ls="-", marker="", lw=2)
            names.append(name)
            place += 1
    axes.plot([], [], ls="none", marker="o", mfc="w", mec="k", label="digits, MLP + LN: steps of r radii")
    axes.plot([], [], ls="none", marker="s", mfc="w", mec="k", label="digits, MLP + LN: learning rate η")
    axes.plot([], [], color=COLORS[1], ls="-", marker="", lw=2, label="paper: CIFAR-10, ResNet-18")
    axes.set_xticks(range(place), names, fontsize=6)
    axes.set(ylabel=label("test accuracy", "%"), title="Momentum: steps of a given length, and rates", ylim=(0, 105))
    axes.legend(fontsize=7, loc="center left")
