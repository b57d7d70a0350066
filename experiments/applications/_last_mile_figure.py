"""The figure of the last-mile experiment."""

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.figures import COLORS, LINES, MARKERS, draw_panels, label

if TYPE_CHECKING:
    import xarray


def draw(data: "xarray.Dataset") -> Any:
    """Nine panels: fragmentation, law, exponents; surface of chaining, adoption, lockers; windows, a map, costs."""
    panels = ((_fragmentation, _law, _exponents), (_surface, _adoption, _lockers), (_windows, _map, _costs))
    return draw_panels(panels, data, height=3.3, width=12.0)


def _style(index: int) -> dict[str, Any]:
    return {"color": COLORS[index % len(COLORS)], "ls": LINES[index % len(LINES)]}


def _fragmentation(axes: Any, data: "xarray.Dataset") -> None:
    s = data.normalised.values
    bins = np.linspace(s.min(), s.max(), 31)
    for index, name in enumerate(data.city_name.values):
        density, _ = np.histogram(s[data.city.values == index], bins, density=True)
        axes.stairs(density, bins, label=name, lw=1.2, **_style(index))
    axes.set(
        title="Fragmentation is high and narrow\n(abstract: near-maximal; no number seen)",
        xlabel=label("normalised entropy s = S / ln N!"),
        ylabel=label("density of routes"),
    )
    axes.legend(fontsize=7, title="city of", title_fontsize=7)


def _law(axes: Any, data: "xarray.Dataset") -> None:
    names = data.city_name.values
    for index in range(len(names)):
        here = data.city.values == index
        D, S = data.zone.values[here], data.entropy.values[here]
        axes.plot(D[::8], S[::8], ls="", marker=MARKERS[index % 6], ms=2.2, color=COLORS[index % 6], alpha=0.45)
        b, a = data.law_zone.values[index, :2]
        ends = np.quantile(D, [0.005, 0.995])
        axes.plot(ends, a * ends**b, marker="", lw=1.6, label=f"{names[index]}: b = {b:.2f}", **_style(index))
    axes.set(
        title="Entropy against distance, stops alone",
        xlabel=label("tour among the stops", "km"),
        ylabel=label("S", "nats"),
        xscale="log",
        yscale="log",
    )
    axes.minorticks_off()
    for axis, values in ((axes.xaxis, data.zone.values), (axes.yaxis, data.entropy.values)):
        low, high = np.quantile(values, [0.002, 0.998])
        ticks = [t for t in (3, 5, 10, 20, 30, 50, 100, 200, 300, 500, 1000, 1500, 2000) if low <= t <= high]
        axis.set_ticks(ticks, [str(t) for t in ticks])
    axes.legend(fontsize=6.5, loc="lower right")


def _exponents(axes: Any, data: "xarray.Dataset") -> None:
    names = data.city_name.values
    place = np.arange(len(names))
    for kind, words, marker, color in (
        ("zone", "stops alone", "o", COLORS[0]),
        ("distance", "whole tour", "s", COLORS[2]),
    ):
        fit = data[f"law_{kind}"].sel(part="value").values
        shifted = place + (0.17 if kind == "distance" else -0.17)
        error = data[f"law_{kind}"].sel(part="standard_error").values
        r2 = data[f"law_{kind}"].sel(part="r_squared").values
        axes.errorbar(shifted, fit, 2 * error, ls="", marker=marker, color=color, capsize=3, label=words)
        for x, y, r in zip(shifted, fit + 2 * error, r2, strict=True):
            axes.annotate(f"{r:.2f}", (x, y), xytext=(0, 4), textcoords="offset points", ha="center", fontsize=6.5)
    axes.axhline(1, color="0.5", lw=0.9, ls=":", marker="")
    axes.annotate("linear", (place[-1] + 0.45, 1), xytext=(0, 3), textcoords="offset points", fontsize=7, ha="right")
    axes.set(title="b of S = a D^b, ± 2 errors (above: R²)", ylabel=label("b"), xlabel="city of")
    axes.set_xticks(place, names, fontsize=7)
    axes.set_xlim(-0.5, len(names) - 0.4)
    axes.set_ylim(0, axes.get_ylim()[1] * 1.25)
    axes.legend(fontsize=7, loc="upper right", ncols=2)


def _surface(axes: Any, data: "xarray.Dataset") -> None:
    relative = (data.system / data.direct - 1).mean("tried").values.T
    limit = float(np.abs(relative).max())
    c = data.chained.values
    image = axes.pcolormesh(data.share, c, relative, cmap="cividis", vmin=-limit, vmax=limit, shading="gouraud")
    lines = axes.contour(data.share[1:], c, relative[:, 1:], levels=[0.0], colors="white", linewidths=2)
    axes.clabel(lines, fmt={0.0: "no change"}, fontsize=7)
    axes.grid(visible=False)
    axes.figure.colorbar(image, ax=axes, label="change of system entropy / S direct")
    found = np.nanmean(np.where(np.isfinite(data.break_even), data.break_even, np.nan)[:, 1:], axis=0)
    axes.plot(data.share[1::2], found[::2], ls="", marker="o", ms=3, color="black", label="mean c* of routes")
    axes.set(
        title="Customers' trips: chaining turns the sign",
        xlabel=label("adoption alpha"),
        ylabel=label("chained share c"),
        ylim=(0, 1),
    )
    axes.legend(fontsize=7, loc="lower left", frameon=True)


def _adoption(axes: Any, data: "xarray.Dataset") -> None:
    share = data.share.values
    carrier = 100 * (data.carrier / data.direct - 1).mean("tried")
    system = 100 * (data.system.isel(chained=0) / data.direct - 1).mean("tried")
    half = 100 * (data.system.isel(chained=data.sizes["chained"] // 2) / data.direct - 1).mean("tried")
    axes.plot(share, system, marker="", **_style(0), label="system, c = 0")
    axes.plot(share, half, marker="", **_style(1), label="system, c = 0.5")
    axes.plot(share, carrier, marker="", **_style(2), label="carrier")
    grey = {"color": "0.45", "marker": ""}
    by_parcels = 100 * (data.parcel_system.isel(chained=0) / data.parcel_direct - 1).mean("tried")
    axes.plot(share, by_parcels, ls=":", label="system, c = 0, by parcels", **grey)
    by_parcels = 100 * (data.parcel_carrier / data.parcel_direct - 1).mean("tried")
    axes.plot(share, by_parcels, ls="--", label="carrier, by parcels", **grey)
    axes.axhline(-40, color="0.5", lw=0.9, ls="-", marker="")
    axes.annotate('abstract: "up to 40%"', (0.02, -40), xytext=(0, 3), textcoords="offset points", fontsize=7)
    axes.plot([0.75], [-38.35], ls="", marker="*", ms=9, color="black", label="exact, 100 parcels, 5 equal lockers")
    axes.set(title="Five lockers a route", xlabel=label("adoption alpha"), ylabel=label("change of entropy", "%"))
    axes.legend(fontsize=6.5, loc="upper left")
    axes.set_ylim(top=axes.get_ylim()[1] * 2.0)


def _lockers(axes: Any, data: "xarray.Dataset") -> None:
    for index, (name, words) in enumerate((("system", "system, c = 0"), ("carrier", "carrier"))):
        change = 100 * (data[f"{name}_by_lockers"] / data.direct - 1)
        mean, spread = change.mean("tried"), change.std("tried")
        style = _style(2 * index)
        axes.plot(data.lockers, mean, marker=MARKERS[index], ms=3, label=words, **style)
        axes.fill_between(data.lockers, mean - spread, mean + spread, color=style["color"], alpha=0.18, lw=0)
    axes.axhline(0, color="0.5", lw=0.8, ls="-", marker="")
    axes.set(
        title="More lockers, alpha = 0.75\n(band: deviation of routes)",
        xlabel=label("lockers of a route"),
        ylabel=label("change of entropy", "%"),
    )
    axes.legend(fontsize=7)


def _windows(axes: Any, data: "xarray.Dataset") -> None:
    series = (
        ("horizon", "entropy over the horizon"),
        ("fixed", "entropy in routes of 150"),
        ("daily", "entropy summed by day"),
        ("deliveries", "deliveries"),
    )
    for index, (name, words) in enumerate(series):
        values = data[f"window_{name}"].values
        axes.plot(
            data.window,
            100 * (values / values[0] - 1),
            marker=MARKERS[index],
            ms=4 + 2 * (name == "fixed"),
            label=words,
            mfc="none" if name == "fixed" else None,
            **_style(index),
        )
    axes.set(
        title="Fewer delivery days: system = carrier",
        xlabel=label("window", "days"),
        ylabel=label("change", "%"),
        xticks=data.window.values,
    )
    axes.legend(fontsize=7)


def _map(axes: Any, data: "xarray.Dataset") -> None:
    xy, adopts = data.stops_xy.values, data.adopters.values.astype(bool)
    xy = xy - data.stops_xy.values.mean(axis=0)
    shift = data.stops_xy.values.mean(axis=0)
    axes.plot(*xy[~adopts].T, ls="", marker=".", ms=3, color="0.75", label="home delivery")
    axes.plot(*xy[adopts].T, ls="", marker=".", ms=4, color="0.35", label="uses lockers")
    marks = (("random", "x", COLORS[0], 7), ("k_means", "s", COLORS[1], 6), ("descent", "*", COLORS[2], 11))
    for name, marker, color, size in marks:
        sites = data[f"sites_{name}"].values - shift
        fill = {} if name == "random" else {"mec": "black", "mew": 0.7}
        axes.plot(*sites.T, ls="", marker=marker, ms=size, color=color, label=name.replace("_", "-"), **fill)
    axes.set(title="Lockers of one route", xlabel=label("east", "km"), ylabel=label("north", "km"))
    low, high = axes.get_ylim()
    axes.update_datalim([[0.0, high + 0.3 * (high - low)]])  # room for the legend
    axes.autoscale_view()
    axes.set_aspect("equal", adjustable="datalim")
    axes.legend(fontsize=6.5, loc="upper left", ncols=2, frameon=True, framealpha=0.8)


def _costs(axes: Any, data: "xarray.Dataset") -> None:
    reference = data.cost_k_means.values
    place = np.arange(len(reference))
    series = (
        ("random stops, best", data.cost_random.min("start").values, "x", COLORS[0]),
        ("descent from k-means", data.cost_from_k_means.values, "^", COLORS[2]),
        ("descent, best", np.minimum(data.cost_descent.min("start"), data.cost_from_k_means).values, "*", COLORS[4]),
    )
    axes.axhline(0, color="0.4", lw=1, ls="--", marker="", label="k-means, best")
    for words, cost, marker, color in series:
        axes.plot(place, 100 * (cost / reference - 1), ls="", marker=marker, ms=7, color=color, label=words)
    axes.set(
        title="Cost of sites: system's S + walking",
        xlabel="city of",
        ylabel=label("cost against k-means", "%"),
        yscale="symlog",
    )
    axes.set_xticks(place, data.city_name.values, fontsize=7)
    axes.legend(fontsize=7)
    axes.set_ylim(min(-2.0, axes.get_ylim()[0]), axes.get_ylim()[1] * 8)
