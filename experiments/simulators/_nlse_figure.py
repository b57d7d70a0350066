"""The figure of the Schroedinger waves."""

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.figures import COLORS, LINES, MARKERS, new_figure

if TYPE_CHECKING:
    import xarray

STORED = {"soliton": ((0, 2.940),), "two solitons": ((0, 3.746), (5.051, 3.053), (10.101, 3.746), (20, 3.746))}
"""Entropies in space of the reference's stored results, by case: (time, value)."""
NAMES = {
    "strang": "Strang, order 2",
    "yoshida4": "Yoshida, order 4",
    "kahan_li8": "Kahan-Li, order 8",
    "etdrk4": "ETDRK4",
    "dopri8": "Dopri8, adaptive",
}


def draw(data: "xarray.Dataset") -> Any:
    """The figure: four waves, their entropies, integrators, an ensemble, a design, a horizon.

    Args:
        data: the experiment's data set.

    Returns:
        A matplotlib figure.
    """
    figure, axes = new_figure(6, 2, height=2.6, width=8.4)
    for axis, case in zip(axes[:2].ravel(), data.case.values, strict=True):
        _wave(figure, axis, data, case)
    (spatial, spectral), (energy, integrators), (many, fit), (packet, derivatives) = axes[2:]
    _entropies(spatial, data, "spatial")
    _entropies(spectral, data, "spectral")
    _energy(energy, data)
    _integrators(integrators, data)
    _ensemble(many, data)
    _fit(fit, data)
    _packet(packet, data)
    _horizon(derivatives, data)
    return figure


def _wave(figure: Any, axis: Any, data: "xarray.Dataset", case: str) -> None:
    values = np.sqrt(data.intensity.sel(case=case).values)
    extent = (data.x.values[0], data.x.values[-1], data.time.values[0], data.time.values[-1])
    image = axis.imshow(values, aspect="auto", extent=extent, interpolation="nearest")
    axis.set(title=case, xlabel="x", ylabel="time", xlim=(-20, 20))
    axis.grid(False)
    figure.colorbar(image, ax=axis, label=r"$|\psi|$")


def _entropies(axis: Any, data: "xarray.Dataset", name: str) -> None:
    """Entropies of the four cases; the stored ones of the reference stand on those in space."""
    for index, case in enumerate(data.case.values):
        values = data[name].sel(case=case)
        axis.plot(data.time, values, color=COLORS[index], ls=LINES[index], marker="", label=case)
        for time, stored in STORED.get(case, ()) if name == "spatial" else ():
            axis.plot(time, stored, color=COLORS[index], ls="", marker=MARKERS[index], mfc="none", ms=6)
    if name == "spatial":
        axis.plot([], [], color="0.4", ls="", marker="o", mfc="none", label="stored reference")
        axis.set_ylim(top=axis.get_ylim()[1] + 1.2)
        axis.legend(fontsize=7, ncols=2, loc="upper right", handlelength=1.8, columnspacing=0.8, borderpad=0.2)
        axis.set(title="Entropy in space", xlabel="time", ylabel="$S$ (nats)")
    else:
        axis.set(title="Entropy over modes (lines as on the left)", xlabel="time", ylabel="$S_k$ (nats)")


def _energy(axis: Any, data: "xarray.Dataset") -> None:
    for index, case in enumerate(data.case.values):
        energy = data.energy.sel(case=case).values
        change = np.abs(energy - energy[0])[1:]
        change = np.where(change > 0, change, np.nan)
        axis.plot(data.time[1:], change, color=COLORS[index], ls=LINES[index], marker="", label=case)
    axis.set(title="Change of the energy (lines as above)", yscale="log", xlabel="time", ylabel=r"$|E - E_0|$")


def _integrators(axis: Any, data: "xarray.Dataset") -> None:
    for index, (method, words) in enumerate(NAMES.items()):
        if f"{method}_error" in data:
            style = {"color": COLORS[index], "ls": LINES[index], "marker": MARKERS[index]}
            axis.plot(data[f"{method}_transforms"], data[f"{method}_error"], label=words, **style)
    axis.set(
        title="Integrators: the collision to t = 10",
        xscale="log",
        yscale="log",
        xlabel="Fourier transforms",
        ylabel=r"largest error of $\psi$",
    )
    axis.xaxis.set_minor_formatter(lambda value, _: "")
    axis.legend(fontsize=7) if axis.lines else axis.text(0.5, 0.5, "not run", transform=axis.transAxes)


def _ensemble(axis: Any, data: "xarray.Dataset") -> None:
    axis.set(title="Noisy packets, new noise", xlabel="time", ylabel="$S_k$ (nats)")
    if "ensemble_spectral" not in data:
        axis.text(0.5, 0.5, "not run", transform=axis.transAxes)
        return
    values = data.ensemble_spectral.values
    axis.plot(data.ensemble_time, values.T, color="0.8", ls="-", lw=0.6, marker="")
    axis.plot(data.ensemble_time, values.mean(axis=0), color=COLORS[0], ls="-", marker="", label="mean")
    case = data.spectral.sel(case="noisy packet")
    axis.plot(data.time, case, color=COLORS[1], ls="--", marker="", label="the package's noise")
    axis.legend(fontsize=7)


def _fit(axis: Any, data: "xarray.Dataset") -> None:
    axis.set(title="Fit of a soliton to |ψ| at two times", xlabel="iteration", ylabel="distance from the truth")
    if "fit_path" not in data:
        axis.text(0.5, 0.5, "not run", transform=axis.transAxes)
        return
    for index, (name, truth) in enumerate((("amplitude A", 2.0), ("velocity v", 1.0))):
        error = np.abs(data.fit_path[:, index].values - truth)
        axis.plot(error, color=COLORS[index], ls=LINES[index], marker=MARKERS[index], label=name)
    axis.set_yscale("log")
    axis.legend(fontsize=7)


def _packet(axis: Any, data: "xarray.Dataset") -> None:
    axis.set(title="Phases shaped for $S_k$ at the end", xlabel="time", ylabel="$S_k$ (nats)")
    if "least_series" not in data:
        axis.text(0.5, 0.5, "not run", transform=axis.transAxes)
        return
    times = data.attrs["packet_dt"] * np.arange(data.sizes["packet_step"])
    for index, (name, words) in enumerate((("least", "least, by gradients"), ("greatest", "greatest, by gradients"))):
        axis.plot(times, data[f"{name}_series"], color=COLORS[index], ls=LINES[index], marker="", label=words)
    random = data.random_entropy.values
    axis.plot([times[-1]] * random.size, random, ls="", marker="_", color="0.5", ms=8, label="random phases")
    axis.legend(fontsize=7)


def _horizon(axis: Any, data: "xarray.Dataset") -> None:
    axis.set(
        title="Derivatives of $S_k(t)$ by the start",
        xlabel="time",
        ylabel="growth; relative mismatch",
        yscale="log",
    )
    if "horizon_time" not in data:
        axis.text(0.5, 0.5, "not run", transform=axis.transAxes)
        return
    for index, label in enumerate(("soliton", "noisy_packet")):
        words = label.replace("_", " ")
        style = {"color": COLORS[2 * index], "marker": ""}
        growth, mismatch = data[f"{label}_growth"], data[f"{label}_mismatch"]
        axis.plot(data.horizon_time, growth, ls=LINES[2 * index], label=f"{words}: growth of the tangent", **style)
        axis.plot(
            data.horizon_time,
            mismatch,
            ls=LINES[2 * index + 1],
            label=f"{words}: mismatch with differences",
            **style,
        )
    axis.legend(fontsize=7, loc="center right")
