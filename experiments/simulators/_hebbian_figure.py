"""The figure of the multitasking network."""

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.figures import COLORS, LINES, MARKERS, draw_panels, label
from experiments.simulators._hebbian_sweeps import ranked

if TYPE_CHECKING:
    import xarray

REGIMES = ("disordered", "single", "hierarchical", "parallel")


def draw(data: "xarray.Dataset") -> Any:
    """The figure.

    Args:
        data: the experiment's data set.

    Returns:
        A matplotlib figure.
    """
    cold, warm = (functools.partial(_dilution, row=row) for row in range(2))
    panels = (cold, warm, _sizes, _phases), (_learning, _costs, _design, _digits)
    return draw_panels(panels, data, width=15.2)


def _dilution(axis: Any, data: "xarray.Dataset", *, row: int) -> None:
    for k in range(data.sizes["pattern"]):
        axis.plot(data.dilution, data.predicted[row, :, k], color=COLORS[k], ls=LINES[k], marker="")
        means = data.simulated[row, :, :, k].mean("network")
        axis.plot(data.dilution, means, color=COLORS[k], ls="", marker=MARKERS[k], label=f"pattern {k + 1}")
    axis.set(
        title=f"T = {float(data.temperature[row]):g}, expected frequencies",
        xlabel=label("blank fraction d") + "\nmarkers: simulated, lines: self-consistency",
        ylabel=label("overlap m"),
    )
    axis.legend()


def _sizes(axis: Any, data: "xarray.Dataset") -> None:
    """Distances from self-consistency at the higher temperature, over the size."""
    found, own = data.independent[-1].values, data.own[-1].values
    theory = data.predicted[-1].values[None, :, None]
    size = data["size"].values
    distances = {
        "as started": found - theory,
        "ranked": ranked(found) - ranked(theory),
        "from the networks' own law": found - own,
    }
    for row, (name, distance) in enumerate(distances.items()):
        rms = np.sqrt(np.mean(distance**2, axis=(1, 2, 3)))
        axis.plot(size, rms, color=COLORS[row], ls=LINES[row], marker=MARKERS[row], label=name)
    ends = np.array([size.min(), size.max()])
    axis.plot(ends, 0.08 * (ends / 2000.0) ** -0.5, color="0.5", ls=":", marker="", label=r"$\propto N^{-1/2}$")
    axis.axhline(0.03, color="0.4", lw=0.9, label="0.03")
    axis.set(
        title=f"Independent entries at T = {float(data.temperature[-1]):g}, all d",
        xlabel=label("neurons N"),
        ylabel="rms distance from self-consistency",
        xscale="log",
        yscale="log",
    )
    axis.set_xticks(size, [f"{n:g}" for n in size])
    axis.minorticks_off()
    axis.legend(fontsize=7)


def _phases(axis: Any, data: "xarray.Dataset") -> None:
    axis.pcolormesh(data.grid_dilution, data.grid_temperature, data.regime, vmin=0, vmax=3)
    axis.grid(False)
    for regime, name in enumerate(REGIMES):
        where = np.argwhere(data.regime.values == regime)
        if len(where):
            t, d = np.median(where, axis=0).astype(int)
            place = float(data.grid_dilution[d]), float(data.grid_temperature[t])
            axis.text(*place, name, ha="center", color="white" if regime < 2 else "black", fontsize=8)
    axis.plot([2 / 3], [1.0], color="black", ls="", marker="o", ms=7, clip_on=False, label="2/3 at T = 1")
    axis.plot([0.5469], [0.0], color="black", ls="", marker="^", ms=8, clip_on=False, label="0.547 at T = 0, majority")
    axis.set(title="Equilibrium of three patterns", xlabel=label("blank fraction d"), ylabel=label("temperature T"))
    axis.legend(fontsize=7, loc="upper left", bbox_to_anchor=(0, 0.9), labelcolor="white")


def _learning(axis: Any, data: "xarray.Dataset") -> None:
    for row, protocol in enumerate(("supervised", "unsupervised")):
        steps = data.one_step[row]
        axis.errorbar(
            data.noise * (1 + 0.03 * row),
            steps.mean("learner"),
            2 * steps.std("learner", ddof=1) / data.sizes["learner"] ** 0.5,
            color=COLORS[row],
            ls="",
            marker=MARKERS[row],
            capsize=2,
            label=protocol,
        )
    axis.plot(data.curve_noise, data.curve, color="0.3", ls="--", marker="", label=r"erf$(1/\sqrt{2\rho})$")
    axis.axvline(1, color="0.5", lw=0.8, ls=":")
    axis.axhline(0.6827, color="0.5", lw=0.8, ls=":")
    axis.set(
        title="One step after an archetype was shown",
        xlabel=label(r"data set entropy $\rho = (1 - r^2) / (M r^2)$") + "\nbars: 2 s.e.; dotted: threshold",
        ylabel="overlap on non-blank entries",
        xscale="log",
    )
    ticks = (0.25, 0.5, 1, 2, 4)
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.minorticks_off()
    axis.legend()


def _costs(axis: Any, data: "xarray.Dataset") -> None:
    axis.plot(data.loss_product, data.energy, color=COLORS[2], ls="", marker="o", label="one relaxation, T = 0.3")
    slope, intercept = data.attrs["slope"], data.attrs["intercept"]
    ends = np.array([float(data.loss_product.min()), float(data.loss_product.max())])
    axis.plot(ends, slope * ends + intercept, color="0.3", ls="--", marker="", label="slope N / (2 (1 - d))")
    axis.set(
        title="Cost and losses are minimised together",
        xlabel=label(r"$\sum_\mu L_\mu L'_\mu$"),
        ylabel=label("energy H"),
    )
    axis.legend()


def _design(axis: Any, data: "xarray.Dataset") -> None:
    axis.plot(data.descent, color=COLORS[0], marker="", label="by gradients through the dynamics")
    axis.axhline(data.attrs["target"], color="0.4", lw=0.9, ls=":", label="wanted")
    last = data.sizes["iteration"]
    for name, place, marker in (("uniform", 0, "s"), ("designed", last, "o")):
        value, error = data.attrs[f"{name}_entropy"], data.attrs[f"{name}_error"]
        axis.errorbar(
            [place], [value], [2 * error], color=COLORS[2], marker=marker, ls="", capsize=3, label=f"hard spins, {name}"
        )
    gains = ", ".join(f"{g:.3f}" for g in data.gains.values)
    axis.set(
        title="Gains that retrieve as evenly as wanted",
        xlabel=label("iteration") + f"\ngains of the three patterns: {gains}",
        ylabel=label("retrieval entropy", "nats"),
    )
    axis.legend(fontsize=7)


def _digits(axis: Any, data: "xarray.Dataset") -> None:
    places = np.arange(data.sizes["images"])
    for row, protocol in enumerate(("supervised", "unsupervised")):
        first = data.digit_overlaps[row, :, :, 0]
        error = first.std("repeat", ddof=1) / data.sizes["repeat"] ** 0.5
        axis.errorbar(
            places + 0.06 * row,
            first.mean("repeat"),
            2 * error,
            color=COLORS[row],
            ls=LINES[row],
            marker=MARKERS[row],
            capsize=2,
            label=protocol,
        )
    axis.set_xticks(places, [str(number) for number in data.attrs["images"]])
    axis.set(
        title="Digits: from an unseen image",
        xlabel=label("images of each of three digits") + "\nbars: 2 s.e.",
        ylabel="overlap with the first digit's majority",
    )
    axis.legend()
