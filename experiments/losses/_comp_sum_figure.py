"""The figure of the comp-sum experiment."""

from typing import TYPE_CHECKING, Any

from experiments.figures import COLORS, LINES, MARKERS, label, new_figure

if TYPE_CHECKING:
    import xarray


def draw(data: "xarray.Dataset") -> Any:
    """Accuracy while training, regret against its bound, and robustness.

    Args:
        data: what `comp_sum.run` returns.
    """
    figure, axes = new_figure(1, 3, height=3.4)
    _training(axes[0, 0], data)
    _regret(axes[0, 1], data)
    _robustness(axes[0, 2], data)
    return figure


def _training(axes: Any, data: "xarray.Dataset") -> None:
    for i, tau in enumerate(data.tau.values):
        error = 100 * (1 - data.accuracy[i].mean("seed"))
        axes.plot(data.step, error, color=COLORS[i], ls=LINES[i], label=f"τ = {tau:g}")
    axes.set(yscale="log", xlabel="step", ylabel=label("test error, mean over seeds", "%"), title="Digits")
    axes.legend(fontsize=7)


def _regret(axes: Any, data: "xarray.Dataset") -> None:
    for i in range(0, data.sizes["tau"], 2):
        axes.plot(
            data.bound[i], data.regret[i], ls="none", marker=MARKERS[i], ms=2, color=COLORS[i],
            label=f"τ = {float(data.tau[i]):g}",
        )  # fmt: skip
    axes.plot([0, 1], [0, 1], color="0.4", ls=":", marker="", label="theorem: below this line")
    axes.set(xlabel="bound from the excess of the loss", ylabel="zero-one regret", title="Random distributions, n = 4")
    axes.legend(fontsize=7)


def _robustness(axes: Any, data: "xarray.Dataset") -> None:
    for i, method in enumerate(data.method.values):
        clean, attacked = (100 * values.mean("robust_seed")[:, i] for values in (data.clean, data.attacked))
        axes.plot(data.radius, clean, color=COLORS[i], ls=":", marker=MARKERS[i], mfc="w")
        axes.plot(data.radius, attacked, color=COLORS[i], ls="-", marker=MARKERS[i], label=str(method))
    axes.set(
        xlabel=label("radius in the maximum norm", "range of a pixel"),
        ylabel=label("test accuracy, mean over seeds", "%"),
        title="Under attack (dotted: clean)",
    )
    axes.legend(fontsize=7, loc="center right")
