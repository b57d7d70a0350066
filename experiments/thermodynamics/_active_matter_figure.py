"""The figure of the active-matter experiment: the flow, where it dissipates, and rates against independent values."""

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.figures import label, new_figure

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes

RATE = "nats / time"


def draw(data: "xarray.Dataset") -> Any:
    """Draws all parts.

    Args:
        data: the experiment's data set.

    Returns:
        A matplotlib figure.
    """
    separated = "mips_learned" in data
    figure, axes = new_figure(3 if separated else 2, 3, height=3.0, width=11.0)
    _flow(axes[0, 0], data)
    top = float(np.nanmax(data.reference_density * data.reference_rate))
    _dissipation(axes[0, 1], data, data.smoothed_density * data.rate, "learned", top)
    image = _dissipation(
        axes[0, 2], data, (data.reference_density * data.reference_rate).fillna(0.0), "independent solution", top
    )
    figure.colorbar(image, ax=axes[0, 2], label=label(r"$\rho\, v^T D^{-1} v$", "nats / time / length"))
    _distance(axes[1, 0], data)
    _sweep(axes[1, 1], data)
    _bars(axes[1, 2], data)
    if separated:
        _separation(axes[2, 0], data)
        sizes = data["size"].values
        limits = np.quantile(data[f"mips_particle_rates_{sizes[0]}"], (0.02, 0.98))
        for place, multiple in zip(axes[2, 1:], (sizes[0], sizes[-1]), strict=True):
            image = _swimmers(place, data, int(multiple), limits)
        figure.colorbar(image, ax=axes[2, 2], label=label(r"div$_g v_g$", RATE), extend="both")
    return figure


def _flow(axes: "Axes", data: "xarray.Dataset") -> None:
    x, g = data.x.values, data.g.values
    axes.pcolormesh(x, g, data.density.values.T, cmap="Greys", vmax=1.4 * float(data.density.max()), rasterized=True)
    # Where there are no samples the score has learned nothing.
    present = data.reference_density.values > 2e-3 * float(data.reference_density.max())
    along, up = (np.where(present, component, np.nan).T for component in data.velocity.values)
    speed = np.hypot(along, up)
    axes.streamplot(
        x, g, along, up, density=1.1, color="#0072b2", arrowsize=0.9, linewidth=0.4 + 1.6 * speed / np.nanmax(speed)
    )
    axes.grid(False)
    axes.set(
        title="Ring: learned probability flow\n(grey: density of the samples)",
        xlabel=label("distance $x$", "length"),
        ylabel="propulsion $g$",
        xlim=(x[0], x[-1]),
        ylim=(g[0], g[-1]),
    )


def _dissipation(axes: "Axes", data: "xarray.Dataset", values: Any, source: str, top: float) -> Any:
    image = axes.pcolormesh(data.x, data.g, values.values.T, vmin=0, vmax=top, rasterized=True)
    for contact in (2.0, 14.0):
        axes.axvline(contact, color="white", lw=0.8, ls=":")
    total = data.attrs["ring_learned"] if source == "learned" else data.attrs["ring_reference"]
    axes.grid(False)
    how = "samples, smoothed; " if source == "learned" else ""
    axes.set(
        title=f"Ring: dissipation, {source}\n({how}{total:.4f} nats / time in all)",
        xlabel=label("distance $x$", "length") + "; dotted: contact",
        ylabel="propulsion $g$",
    )
    return image


def _sweep(axes: "Axes", data: "xarray.Dataset") -> None:
    for name, line, marker in (("trap", "-", "o"), ("crowd", "-.", "s")):
        if f"{name}_learned" not in data:
            continue
        count = data.attrs[f"{name}_swimmers"]
        speed, rate = data[f"{name}_speed"], data[f"{name}_controlled"] / count
        error = 2 * data[f"{name}_controlled_error"] / count
        axes.errorbar(speed, rate, error, capsize=3, ls=line, marker="", label=f"score-free mean, N = {count}")
        learned, reference = data[f"{name}_learned"] / count, data[f"{name}_reference"] / count
        axes.plot(speed, learned, ls="", marker=marker, ms=6, mfc="none", label=f"learned score, N = {count}")
        axes.plot(speed, reference, ls="", marker="x", ms=4, color="0.4", label=f"before learning, N = {count}")
    for part, line in (("x", "--"), ("g", ":")):
        name = "positions" if part == "x" else "propulsions"
        values = data.trap_learned_parts.sel(part=part) / data.attrs["trap_swimmers"]
        axes.plot(data.trap_speed, values, ls=line, marker="", label=f"its part in {name}")
    axes.set(
        title="Trap: rate of a swimmer against activity",
        xlabel=label("activity $v_0$", "length / time"),
        ylabel=label("entropy production", RATE),
    )
    axes.legend(fontsize=6)


def _distance(axes: "Axes", data: "xarray.Dataset") -> None:
    density = data.reference_density.sum("g")
    seen = density > 0.02 * float(density.max())
    axes.plot(data.x[seen], data.reference_rate_at_distance[seen], ls="-", marker="", label="independent solution")
    some = np.flatnonzero(seen.values)[::4]
    axes.plot(data.x[some], data.rate_at_distance[some], ls="", marker="o", mfc="none", label="learned score")
    for contact in (2.0, 14.0):
        axes.axvline(contact, color="0.5", lw=0.8, ls=":")
    axes.set(
        title="Ring: rate at a distance",
        xlabel=label("distance $x$", "length") + "; dotted: contact",
        ylabel=label("mean rate", RATE),
    )
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=7)


def _bars(axes: "Axes", data: "xarray.Dataset") -> None:
    place = np.arange(data.sizes["system"])
    axes.bar(place - 0.2, data.linear_exact, 0.38, color="0.8", edgecolor="black", label="closed form")
    error = 2 * data.linear_learned_error.values
    axes.bar(
        place + 0.2, data.linear_learned, 0.38, yerr=error, color="#0072b2", edgecolor="black", label="learned score"
    )
    names = [str(name).replace(", ", "\n").replace(" ", "\n", 1) for name in data.system.values]
    axes.set_xticks(place, names, fontsize=7)
    axes.set(title="Linear systems", ylabel=label("entropy production", RATE))
    axes.legend(fontsize=7)


def _separation(axes: "Axes", data: "xarray.Dataset") -> None:
    place = np.arange(data.sizes["size"])
    for offset, (name, shade) in zip((-0.27, 0.0, 0.27), _PLACES.items(), strict=True):
        values = data.mips_system.sel(place=name)
        axes.bar(place + offset, values, 0.25, color=shade, edgecolor="black", label=name)
    axes.plot(place, data.mips_upper, ls="", marker="v", color="black", label="upper bound of the mean")
    axes.plot(place, data.mips_learned, ls="", marker="o", mfc="none", color="black", label="learned mean")
    axes.plot(place, data.mips_lower, ls="", marker="^", color="black", label="lower bound of the mean")
    axes.set_xticks(place, [f"{multiple} N" for multiple in data["size"].values])
    axes.set(title="Phase separation, trained at N", xlabel="number of swimmers", ylabel=label(r"div$_g v_g$", RATE))
    axes.set_ylim(top=1.6 * float(data.mips_upper.max()))
    axes.legend(fontsize=6, ncols=2)


def _swimmers(axes: "Axes", data: "xarray.Dataset", multiple: int, limits: Any) -> Any:
    """Every swimmer of a configuration, as a disc of its size, by its rate."""
    from matplotlib.collections import EllipseCollection

    positions = data[f"mips_positions_{multiple}"].values
    edge = data.attrs[f"mips_half_width_{multiple}"]
    discs = EllipseCollection(
        2.0, 2.0, 0.0, units="xy", offsets=positions, offset_transform=axes.transData, rasterized=True
    )
    discs.set_array(data[f"mips_particle_rates_{multiple}"].values)
    discs.set_clim(*limits)
    axes.add_collection(discs)
    axes.grid(False)
    axes.set(
        title=f"Phase separation, {len(positions)} swimmers",
        xlabel=label("$x$", "length"),
        ylabel=label("$y$", "length"),
        xlim=(-edge, edge),
        ylim=(-edge, edge),
        aspect="equal",
    )
    return discs


_PLACES = {"gas": "1.0", "interface": "#d55e00", "solid": "0.6"}
