"""The figure: learned edge functions, scores beside the references, and a designed composition."""

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments import figures

if TYPE_CHECKING:
    import xarray

SHORT = {
    "mixing_entropy": r"$\Delta S_{mix}$",
    "mixing_enthalpy": r"$\Delta H_{mix}$",
    "size_mismatch": r"$\delta$",
    "vec": "VEC",
    "electronegativity_mismatch": r"$\Delta\chi$",
    "melting_temperature": r"$T_m$",
}
HATCHES = ("", "", "///", "...", "xx")
GREYS = ("0.15", "0.6", "1.0", "1.0", "1.0")


def draw(found: "xarray.Dataset") -> Any:
    """All panels.

    Args:
        found: what the run saved.
    """
    return figures.draw_panels(((_inputs, _hidden, _toy), (_phases, _regressions, _design)), found, width=13.0)


def _inputs(axis: Any, found: "xarray.Dataset") -> None:
    """The strongest edge out of each descriptor."""
    for i, name in enumerate(found.descriptor.values):
        curve = found.input_edges.isel(descriptor=i)
        axis.plot(found.input_place.isel(descriptor=i), curve - curve.mean(), label=SHORT[str(name)], marker="")
    axis.set(
        title="KAN of phases: strongest edge of each descriptor",
        xlabel="descriptor (standard deviations / 3)",
        ylabel=r"edge function $\phi$, less its mean",
    )
    axis.set_xticks(np.linspace(-1, 1, 5))
    axis.legend(ncols=3, fontsize=7)


def _hidden(axis: Any, found: "xarray.Dataset") -> None:
    """From the hidden nodes to the logit."""
    for i in range(found.sizes["node"]):
        axis.plot(found.hidden_place.isel(node=i), found.hidden_edges.isel(node=i), label=f"node {i + 1}", marker="")
    axis.set(title="... and from its hidden nodes", xlabel="value of the node", ylabel="part of the logit")
    axis.legend(fontsize=7)


def _toy(axis: Any, found: "xarray.Dataset") -> None:
    axis.semilogy(found.iteration, found.toy_error.mean("toy_seed"), color="0", label="ours, mean of seeds")
    axis.fill_between(
        found.iteration, found.toy_error.min("toy_seed"), found.toy_error.max("toy_seed"), color="0.8", label="range"
    )
    axis.axhline(float(found.attrs["pykan_error"]), color="0.4", ls="--", marker="", label="pykan, 30 steps of 20")
    axis.set(title=r"$\exp(\sin \pi x + y^2)$", xlabel="L-BFGS iterations", ylabel="RMSE on unseen points")
    axis.legend(fontsize=7)


def _phases(axis: Any, found: "xarray.Dataset") -> None:
    _bars(axis, found.phase_f1, "split_kind", {"random": "random split", "grouped": "element sets\nnot seen"})
    reference = found.reference_f1
    for i, value in enumerate(np.asarray(reference)):
        if np.isfinite(value):
            axis.plot(_place(0, i), value, ls="", marker="_", ms=14, mew=2, color="#e69f00", zorder=5,
                      label="reference, pykan / scikit-learn" if i == 0 else None)  # fmt: skip
    axis.set(title=f"one phase or several ({found.attrs['phase_alloys']} alloys)", ylabel="F1", ylim=(0.5, 1.08))
    axis.legend(handles=axis.get_lines()[:1], fontsize=7, loc="upper center")


def _regressions(axis: Any, found: "xarray.Dataset") -> None:
    names = {
        "yield_strength": "yield\nstrength",
        "ultimate_strength": "ultimate\nstrength",
        "modulus": "Young's modulus of\npredicted solutions",
    }
    _bars(axis, found.r2, "target", names)
    low = -0.2
    for j, i in np.argwhere(found.r2.mean("split").transpose("target", "model").values < low):
        value = float(found.r2.mean("split").transpose("target", "model").values[j, i])
        axis.annotate(f"{value:.1f}", (_place(j, i), low), (0, 3), textcoords="offset points", ha="center", fontsize=7,
                      bbox={"facecolor": "1", "edgecolor": "none", "pad": 0.5})  # fmt: skip
    axis.set(title="formulas not seen", ylabel="$R^2$", ylim=(low, 1.2))
    axis.legend(ncols=3, fontsize=6.5, loc="upper center")


def _place(group: int, model: int) -> float:
    return group + 0.16 * (model - 2)


def _bars(axis: Any, values: Any, group: str, names: dict[str, str]) -> None:
    """Means over splits with their standard errors."""
    for i, model in enumerate(values.model.values):
        chosen = values.sel(model=model).transpose(group, "split")
        count = np.sqrt(chosen.sizes["split"])
        error = chosen.std("split", ddof=1) / count if chosen.sizes["split"] > 1 else 0 * chosen.mean("split")
        places = [_place(j, i) for j in range(chosen.sizes[group])]
        axis.bar(places, chosen.mean("split"), 0.16, yerr=error, label=str(model), color=GREYS[i], hatch=HATCHES[i],
                 edgecolor="0", error_kw={"elinewidth": 1})  # fmt: skip
    axis.set_xticks(range(values.sizes[group]), [names[str(name)] for name in values[group].values])


def _design(axis: Any, found: "xarray.Dataset") -> None:
    places = np.arange(found.sizes["element"])
    axis.bar(places, 100 * found.designed_fraction, 0.7, color="0.6", edgecolor="0")
    axis.axhline(100 / places.size, color="0", ls=":", marker="", label="start")
    axis.set_xticks(places, [str(name) for name in found.element.values])
    start, end = (found.design_strength.isel(stage=i) for i in (0, 1))
    axis.set(
        title=f"designed: {float(end.mean()):.0f} ± {float(end.std()):.0f} MPa yield strength\n"
        f"(start {float(start.mean()):.0f} ± {float(start.std()):.0f}; entropy {found.attrs['design_entropy']:.2f} "
        "J/(mol K))",
        ylabel="atomic fraction (%)",
    )
    axis.legend(fontsize=7)
