"""The figure of the experiment on cores of clusters."""

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.figures import COLORS, label, new_figure

if TYPE_CHECKING:
    import xarray


CASES = {
    "rises, mergers without effect": "rises, no\neffect",
    "rises, mass ratio below 1:10": "rises,\n< 1:10",
    "rises, mass ratio minor": "rises,\nminor",
    "rises, mass ratio major": "rises,\nmajor",
}


def draw(data: "xarray.Dataset") -> Any:
    """Histories with their transformations, what precedes them, stacked epochs, and today's entropies.

    Args:
        data: what `tng_cluster.run` returns.
    """
    figure, axes = new_figure(2, 2, height=3.3, width=9.0)
    _histories(axes[0, 0], data)
    _coincidence(axes[0, 1], data)
    _epochs(axes[1, 0], data)
    _today(axes[1, 1], data)
    return figure


def _histories(axes: Any, data: "xarray.Dataset") -> None:
    """Each cluster a curve of its own, shifted by 2.4 dex."""
    t = data.time.values
    for i in range(data.sizes["shown"]):
        y = np.log10(data.K0.values[i]) + 2.4 * i
        axes.plot(t, y, color="0.55", lw=0.9, ls="-", marker="")
        axes.axhline(2.4 * i + np.log10(150), color="0.8", lw=0.6, ls=":")
        for start, end, sign in zip(
            data.t_start.values[i], data.t_end.values[i], data.direction.values[i], strict=True
        ):
            if sign:
                inside = (t >= start) & (t <= end)
                color, style = (COLORS[0], "-") if sign > 0 else (COLORS[2], "--")
                axes.plot(t[inside], y[inside], color=color, ls=style, lw=2.6, marker="")
        mergers = data.merger_times.values[i]
        axes.plot(mergers, np.full(mergers.size, 2.4 * i + 0.55), ls="", marker="|", ms=7, color=COLORS[1])
    handles = [
        ("rise", {"color": COLORS[0], "ls": "-", "lw": 2.6}),
        ("fall", {"color": COLORS[2], "ls": "--", "lw": 2.6}),
        ("merger", {"color": COLORS[1], "ls": "", "marker": "|", "ms": 8}),
        ("150 keV cm$^2$", {"color": "0.6", "ls": ":", "lw": 1}),
    ]
    for name, style in handles:
        axes.plot([], [], label=name, **{"marker": "", **style})
    axes.set(
        xlabel=label("cosmic time", "Gyr"),
        ylabel=label("log10 K0, shifted", "dex"),
        title="Synthetic cores and their transformations",
        ylim=(0, 2.4 * data.sizes["shown"] + 2.2),
    )
    axes.legend(fontsize=7, ncols=4, loc="upper left", columnspacing=1, handlelength=1.6)


def _coincidence(axes: Any, data: "xarray.Dataset") -> None:
    names = [CASES.get(str(name), str(name)) for name in data.case.values]
    x = np.arange(len(names))
    axes.bar(x - 0.2, data.observed, 0.36, color="0.35", label="before transformations")
    axes.errorbar(x - 0.2, data.observed, 2 * data.excess_error.values, fmt="none", ecolor="k", capsize=2, lw=1)
    axes.bar(x + 0.2, data.chance, 0.36, color="0.85", edgecolor="k", hatch="///", lw=0.6, label="before random times")
    # Of all mergers at their rate in the first population: not of the other's, nor of some mass ratios alone.
    name = f"1 - exp(-r tau) = {float(data.null):.3f}, r = 0.45 per Gyr"
    axes.plot([-0.45, 1.45], [float(data.null)] * 2, color="k", ls="--", lw=1, marker="", label=name)
    axes.set_xticks(x, names, fontsize=7)
    axes.set(ylabel="share with a merger within 1 Gyr", title="Paper: excess before rises only", ylim=(0, 1.12))
    axes.legend(fontsize=7, loc="upper right")


def _epochs(axes: Any, data: "xarray.Dataset") -> None:
    x = data.offset.values
    low, high = data.heating_band.values
    axes.fill_between(x, low, high, color="0.8", lw=0)
    axes.plot(x, data.heating, color="k", ls="-", marker="", label="heating by the nucleus")
    axes.axhline(float(data.mean_rate), color="0.5", ls=":", lw=1.2, label="its mean over all times")
    axes.axvline(0, color="0.5", lw=0.6)
    other = axes.twinx()
    other.plot(x, data.entropy_around, color=COLORS[2], ls="--", marker="", label="log10 K0, right")
    other.set_ylabel(label("mean log10 K0", "dex"))
    other.grid(False)
    other.spines["right"].set_visible(True)
    axes.set(
        xlabel=label("time from the middle of a rise", "Gyr"),
        ylabel=label("mean heating", "dex/Gyr"),
        title="Paper: AGN activity rises around events",
        ylim=(0, 1.45 * float(data.heating.max())),
    )
    handles, names = (
        a + b for a, b in zip(axes.get_legend_handles_labels(), other.get_legend_handles_labels(), strict=True)
    )
    axes.legend(handles, names, fontsize=7, loc="upper left")


def _today(axes: Any, data: "xarray.Dataset") -> None:
    number, y = data.merger_count.values, data.log_entropy_today.values
    shown = slice(0, 800)
    spread = np.random.default_rng(0).uniform(-0.3, 0.3, number.size)
    axes.plot((number + spread)[shown], y[shown], ls="", marker=".", ms=2, color="0.6", label="clusters")
    counts = np.unique(number)
    counts = counts[[np.sum(number == n) >= 20 for n in counts]]
    axes.plot(counts, [y[number == n].mean() for n in counts], color="k", marker="o", ls="-", label="mean")
    for limit in (22, 150):
        axes.axhline(np.log10(limit), color=COLORS[2], ls=":", lw=1)
        style = {"fontsize": 7, "ha": "right", "color": COLORS[2], "transform": axes.get_yaxis_transform()}
        axes.text(0.99, np.log10(limit) + 0.03, f"{limit} keV cm$^2$", **style)
    axes.set(
        xlabel="mergers since z = 2.5",
        ylabel=label("log10 K0 today", "dex"),
        title=f"Paper: a poor predictor; AUROC here {float(data.auroc):.2f}",
        ylim=(y.min() - 0.1, y.max() + 0.55),
    )
    axes.legend(fontsize=7, loc="upper left", ncols=2)
