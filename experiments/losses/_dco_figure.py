"""The figure of the experiment on direct coverage optimisation."""

from typing import TYPE_CHECKING

from experiments.figures import COLORS, LINES, MARKERS, new_figure

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure


def draw(data: "xarray.Dataset") -> "Figure":
    """pass@N along training by cross-entropy; pass@N of every objective at the end; proofs by branches.

    Args:
        data: pass rates by epoch, objective, seed and attempts, the optimum, and those of proofs.
    """
    figure, axes = new_figure(1, 3, height=3.6, width=12.0)
    along, final, proofs = axes[0]
    passed = data["pass"].mean("seed")
    for i, n in enumerate(data["attempts"].values):
        style = {"color": COLORS[i], "linestyle": LINES[i]}
        along.plot(data["epoch"], 100 * passed.sel(aim=1, attempts=n), label=f"N = {n}", marker="", **style)
    along.set(xlabel="epochs of training by cross-entropy", ylabel="pass@N on new questions (%)", ylim=(0, 100))
    along.legend(ncols=2)
    along.set_title("More training helps one attempt, hurts many", fontsize=9)

    for i, aim in enumerate(data["aim"].values):
        name = "cross-entropy (N' = 1)" if aim == 1 else f"DCO, N' = {aim}"
        style = {"color": COLORS[i], "linestyle": LINES[i], "marker": MARKERS[i]}
        last = passed.sel(aim=aim).isel(epoch=-1)
        final.plot(data["attempts"], 100 * (last - data["optimum"].mean("seed")), label=name, **style)
    final.axhline(0, color="grey", linewidth=0.8)
    final.set_xscale("log", base=4)
    final.set(xlabel="attempts N", ylabel="pass@N minus the optimum's (points)")
    final.legend()
    final.set_title("Best at N: trained for about N attempts", fontsize=9)

    for i, steps in enumerate(data["steps"].values):
        style = {"color": COLORS[i], "linestyle": LINES[i]}
        curve = 100 * data["proof_pass"].sel(steps=steps)
        proofs.plot(data["branching"], curve, label=f"{steps} step{'s' if steps > 1 else ''}", marker="", **style)
        top = int(curve.values.argmax())
        proofs.plot(data["branching"][top], curve[top], marker=MARKERS[i], color=COLORS[i], linestyle="none")
    proofs.set_xscale("log", base=4)
    proofs.set(xlabel="effective branches a step, N_eff", ylabel="pass@256 of whole proofs (%)")
    proofs.legend(title="mark: the best")
    proofs.set_title("Longer proofs want fewer branches", fontsize=9)
    return figure
