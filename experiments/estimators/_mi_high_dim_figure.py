"""The figure of mutual information in high dimension."""

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.figures import COLORS, MARKERS, label, new_figure

if TYPE_CHECKING:
    import xarray


def draw(data: "xarray.Dataset") -> Any:
    """The figure.

    Args:
        data: the experiment's data set.

    Returns:
        A matplotlib figure.
    """
    figure, ((recovery, lines), (sweep, high)) = new_figure(2, 2, height=3.2, width=9.4)
    _recovery(recovery, data)
    _lines(lines, data)
    _sweep(sweep, data)
    _high(high, data)
    return figure


def _recovery(axes: Any, data: "xarray.Dataset") -> None:
    names = [str(name) for name in data["data"].values]
    place = np.arange(len(names))[::-1]
    axes.scatter(data.truth, place, marker="|", s=160, color="0.45", lw=2, label="truth", zorder=1)
    axes.plot(
        data.by_training_pairs, place, ls="none", marker="x", ms=4, color="0.45", label="read on training pairs alone"
    )
    for flag, style in ((1, {"fmt": "o", "mfc": "k"}), (0, {"fmt": "o", "mfc": "w"})):
        at = np.flatnonzero(data.reliable.values == flag)
        axes.errorbar(
            data.estimate[at],
            place[at],
            xerr=2 * data.standard_error[at],
            color="k",
            ls="none",
            capsize=2,
            label="reliable" if flag else "flagged unreliable",
            **style,
        )
    axes.set_yticks(place, [name.replace("K_Z", "$K_Z$") for name in names], fontsize=7)
    axes.set(title="Extrapolated estimates; bars: 2 standard errors", xlabel=label("information", "bits"))
    axes.set_xlim(right=4.6)  # room for the legend
    axes.legend(fontsize=7, loc="upper right")


def _lines(axes: Any, data: "xarray.Dataset") -> None:
    names = [str(name) for name in data["data"].values]
    latent = [name for name in names if name.startswith("K_Z")]
    shown = [latent[-1], *(name for name in names if name.startswith(("full", "shuffled")))]
    for name, color, marker in zip(shown, COLORS, MARKERS, strict=False):
        one = data.sel(data=name)
        gamma = np.arange(0, float(one.num_gammas) + 1)
        shown_as = name.replace("K_Z", "$K_Z$")
        axes.plot(one.gamma, one.chunk_estimates, marker=marker, ls="none", color=color, ms=3, label=shown_as)
        value, slope, error = (float(one[part]) for part in ("estimate", "slope", "standard_error"))
        axes.plot(gamma, value + slope * gamma, marker="", ls="-", color=color, lw=1)
        axes.errorbar([0], [value], [2 * error], color=color, fmt=marker, mfc="w", capsize=3)
        axes.axhline(float(one.truth), color=color, ls=":", lw=0.9)
    axes.set(
        title="Chunks of n / γ rows; dotted: truth",
        xlabel="γ (open marker at 0: extrapolation)",
        ylabel=label("InfoNCE, training and held out", "bits"),
    )
    axes.legend(fontsize=7)


def _sweep(axes: Any, data: "xarray.Dataset") -> None:
    hybrid, separable = (data.sel(kind=kind) for kind in ("hybrid", "separable"))
    for row, latent in enumerate(data.latent.values):
        color, marker = COLORS[row % len(COLORS)], MARKERS[row % len(MARKERS)]
        axes.plot(data.dimension, hybrid.sweep[row], color=color, marker=marker, ls="-", label=f"$K_Z$ = {int(latent)}")
        axes.plot(data.dimension, separable.sweep[row], color=color, marker=marker, mfc="w", ls=":", lw=1)
        at = int(hybrid.saturation[row])
        value = float(hybrid.sweep[row].sel(dimension=at))
        axes.plot([at], [value], marker="o", ms=11, mfc="none", ls="none", color=color)
    axes.axhline(data.attrs["sweep_bits"], color="0.4", ls=":", lw=0.9)
    axes.set(
        title="Solid: hybrid critic, circle: saturation; dotted: separable",
        xlabel="dimension of the critic's embedding",
        ylabel=label("InfoNCE, best of the restarts", "bits"),
    )
    axes.set_xticks(data.dimension.values, [str(d) for d in data.dimension.values])
    axes.minorticks_off()
    axes.legend(fontsize=7, ncols=2)


def _high(axes: Any, data: "xarray.Dataset") -> None:
    """What every critic reads at its best epoch and what the exact critic would read, one row a critic."""
    names = [str(name) for name in data.critic.values]
    place = np.arange(len(names))[::-1]
    for row, at in enumerate(place):
        seeds = data.high_estimate[row].values
        first = row == 0
        axes.plot(
            seeds, [at] * seeds.size, ls="none", marker="o", color="k", ms=5, label="training pairs" if first else None
        )
        best = [
            float(data.test_curve[row, seed, int(data.best_epoch[row, seed])]) for seed in range(data.sizes["seed"])
        ]
        axes.plot(
            best,
            [at] * seeds.size,
            ls="none",
            marker="o",
            color="k",
            mfc="w",
            ms=5,
            label="held-out pairs" if first else None,
        )
        exact = float(data.exact[row])
        axes.plot([exact], [at], ls="none", marker="D", color=COLORS[1], ms=5, label="exact critic" if first else None)
    axes.axvline(data.attrs["high_bits"], color="0.4", ls=":", lw=0.9, label="truth")
    axes.axvline(data.attrs["batch_ceiling"], color="0.7", ls="-.", lw=0.9, label="ceiling of a batch of 128")
    axes.set_yticks(place, names, fontsize=7)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set(title="Much information, one mark a data set", xlabel=label("bound", "bits"))
    axes.legend(fontsize=7)
