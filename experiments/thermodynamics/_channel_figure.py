"""The figure of the ion channel."""

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.figures import COLORS, draw_panels, label

if TYPE_CHECKING:
    import xarray


def draw(data: "xarray.Dataset") -> Any:
    """The figure.

    Args:
        data: the experiment's data set.

    Returns:
        A matplotlib figure.
    """
    panels = ((_build_up, _baths), (_voltage, _relaxation), (_pulse, _design))
    return draw_panels(panels, data, height=2.7, width=8.8)


def _build_up(axis: Any, data: "xarray.Dataset") -> None:
    steps = np.arange(data.sizes["known"])
    entropy = data.entropy.values
    axis.bar(steps, entropy, color="0.8", edgecolor="0.3")
    for step in steps[1:]:
        axis.text(step, entropy[step] + 0.05, f"−{entropy[step - 1] - entropy[step]:.4f}", ha="center", fontsize=8)
    axis.set_xticks(steps, [str(name) for name in data.known.values], fontsize=8)
    axis.set(
        title="Entropy as information is added",
        ylabel=label("entropy", "nats"),
        xlabel="what is known; above: fall = divergence from the step before",
        ylim=(0, 4),
    )


def _baths(axis: Any, data: "xarray.Dataset") -> None:
    axis.plot(data.potential, data.ions, marker="", label="ions in the channel")
    axis.plot(data.potential, 50 * data.conductance, marker="", label="50 × conductance at V = 0")
    axis.set(
        title="Occupancy and conductance against the baths",
        xlabel=label(r"chemical potential $\mu$", "kT"),
        ylabel="number; 50 × 1 / (time kT/e)",
    )
    axis.legend()


def _voltage(axis: Any, data: "xarray.Dataset") -> None:
    axis.plot(data.voltage, data.current, marker="", label="current (1 / time)")
    axis.plot(data.voltage, 4 * data.slope, marker="", label="4 × dI/dV, exact")
    axis.plot(data.voltage, 4 * data.slope_covariance, ls="", marker="^", ms=4, label="4 × dI/dV, covariance")
    axis.plot(data.voltage, 4 * data.slope_green_kubo, marker="", color="0.55", ls=":", label="4 × Green-Kubo, −Var/2")
    axis.set(
        title="Driven channel: the response is a covariance",
        xlabel=label("voltage", "kT / e"),
        ylabel="current; 4 × slope",
    )
    axis.legend(fontsize=7)


def _relaxation(axis: Any, data: "xarray.Dataset") -> None:
    for name, words in (("total", "information loss"), ("system", "system"), ("medium", "medium")):
        axis.plot(data.time, data[f"loss_{name}"], marker="", label=words)
    axis.axhline(0, color="0.4", lw=0.7)
    axis.set(
        title="Relaxation from the least energy, V = −4",
        xlabel=label("time", "1 / attempt rate of 1"),
        ylabel=label("entropy production", "nats / time"),
    )
    axis.set_yscale("symlog", linthresh=1.0)
    axis.legend()


def _pulse(axis: Any, data: "xarray.Dataset") -> None:
    axis.plot(data.lag, data.response, marker="", label="response, same noise")
    axis.errorbar(
        data.lag[::2],
        data.covariance[::2],
        2 * data.covariance_error[::2],
        ls="",
        marker="s",
        ms=3,
        color=COLORS[2],
        capsize=2,
        label="−dC/dt, 2 s.e.",
    )
    axis.set(
        title="Pulse of force on an ion in a pore",
        xlabel=label("time after the pulse", "time"),
        ylabel="response per impulse (length² / kT time)",
        ylim=(0, None),
    )
    axis.legend()


def _design(axis: Any, data: "xarray.Dataset") -> None:
    axis.plot(data.design_simulated, marker="", color="0.6", ls="-", lw=0.9, label="simulated, gives the gradient")
    axis.plot(data.design_exact, marker="", color=COLORS[0], label="exact, of the same energies")
    axis.axhline(data.attrs["best_rate"], color="0.3", lw=0.9, ls="--", label="best, BFGS on the exact rate")
    axis.set(
        title="Site energies that dissipate most, V = −4",
        xlabel="iteration",
        ylabel=label("entropy production", "nats / time"),
    )
    axis.legend(loc="lower right")
