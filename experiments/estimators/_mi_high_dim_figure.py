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
    axes.set_yticks(place, names, fontsize=7)
    axes.set(title="Extrapolated estimates; bars: 2 standard errors", xlabel=label("information", "bits"))
    axes.legend(fontsize=7)


def _lines(axes: Any, data: "xarray.Dataset") -> None:
    names = [str(name) for name in data["data"].values]
    latent = [name for name in names if name.startswith("K_Z")]
    shown = [latent[-1], *(name for name in names if name.startswith(("full", "shuffled")))]
    for name, color, marker in zip(shown, COLORS, MARKERS, strict=False):
        one = data.sel(data=name)
        gamma = np.arange(0, float(one.num_gammas) + 1)
        axes.plot(one.gamma, one.chunk_estimates, marker=marker, ls="none", color=color, ms=3, label=name)
        value, slope, error = (float(one[part]) for part in ("estimate", "slope", "standard_error"))
        axes.plot(gamma, value + slope * gamma, marker="", ls="-", color=color, lw=1)
        axes.errorbar([0], [value], [2 * error], color=color, fmt=marker, mfc="w", capsize=3)
        axes.axhline(float(one.truth), color=color, ls=":", lw=0.9)
    axes.set(
        title="Chunks of n / γ rows; dotted: truth",
        xlabel="γ (open marker at 0: extrapolation)",
        ylabel=label("InfoNCE on training pairs", "bits"),
    )
    axes.legend(fontsize=7)


def _sweep(axes: Any, data: "xarray.Dataset") -> None:
    for row, latent in enumerate(data.latent.values):
        axes.errorbar(
            data.dimension, data.sweep[row], 2 * data.sweep_error[row], capsize=2, label=f"$K_Z$ = {int(latent)}"
        )
        at = int(data.saturation[row])
        value = float(data.sweep[row].sel(dimension=at))
        axes.plot([at], [value], marker="o", ms=11, mfc="none", ls="none", color=COLORS[row % len(COLORS)])
    axes.axhline(data.attrs["sweep_bits"], color="0.4", ls=":", lw=0.9)
    axes.set(
        title="All rows, not extrapolated; circle: saturation",
        xlabel="dimension of the critic's embedding",
        ylabel=label("InfoNCE on training pairs", "bits"),
        xscale="log",
    )
    axes.set_xticks(data.dimension.values, [str(d) for d in data.dimension.values])
    axes.minorticks_off()
    axes.legend(fontsize=7, ncols=2)


def _high(axes: Any, data: "xarray.Dataset") -> None:
    epochs = np.arange(1, data.sizes["epoch"] + 1)
    for row, name in enumerate(data.critic.values):
        color = COLORS[2 * row]
        axes.plot(epochs, data.train_curve[row, 0], marker="", ls="-", color=color, label=f"{name}, training pairs")
        axes.plot(epochs, data.test_curve[row, 0], marker="", ls="--", color=color, label=f"{name}, held out")
        best = int(data.best_epoch[row, 0])
        axes.plot([best + 1], [float(data.train_curve[row, 0, best])], marker="o", ms=9, mfc="none", color=color)
    axes.axhline(data.attrs["high_bits"], color="0.4", ls=":", lw=0.9)
    axes.axhline(data.attrs["batch_ceiling"], color="0.7", ls="-.", lw=0.9)
    axes.set(
        title="Much information; circle: estimate, dotted: truth",
        xlabel="epoch (grey dash-dotted: ceiling of a batch of 128)",
        ylabel=label("bound", "bits"),
    )
    axes.legend(fontsize=7)
