"""The figure of the complexity-entropy plane."""

from typing import TYPE_CHECKING, Any

import numpy as np

from entropax import estimators
from experiments.figures import label, new_figure

if TYPE_CHECKING:
    import xarray


OFFSETS: dict[str, tuple[tuple[int, int], str]] = {
    "sine": ((-5, 4), "right"),
    "sines 1 : 2": ((-6, 0), "right"),
    "sines 1 : √2": ((3, -22), "left"),
    "Lorenz z": ((4, 5), "left"),
    "Hénon map": ((0, 6), "left"),
    "double pendulum": ((6, -5), "left"),
    "asymmetric tent map": ((-6, -9), "right"),
    "white noise": ((-6, -1), "right"),
    "blue noise": ((-6, -3), "right"),
    "pink noise": ((6, 2), "left"),
}
"""Where names of crowded points stand, in points, and how they are aligned."""


def draw(data: "xarray.Dataset") -> Any:
    """The figure.

    Args:
        data: the experiment's data set.

    Returns:
        A matplotlib figure.
    """
    figure, axes = new_figure(3, 2, height=3.3, width=9.6)
    _series(axes[0, 0], data)
    _orbits(axes[0, 1], data)
    _labels(axes[1, 0], data)
    _scan(figure, axes[1, 1], data)
    _intervals(axes[2, 0], data)
    _gradient(axes[2, 1], data)
    return figure


def _plane(axes: Any, limit: float) -> None:
    """The curves, the periodic limits and the names of the axes."""
    bounds = estimators.hc_bounds(order=5, steps=100)
    axes.plot(bounds.minimum.entropy, bounds.minimum.complexity, "-", color="0.3", marker="", lw=1)
    order = np.argsort(bounds.maximum.entropy)
    axes.plot(bounds.maximum.entropy[order], bounds.maximum.complexity[order], "-", color="0.3", marker="", lw=1)
    for h in (float(estimators.periodic_limits(order=5)[0]), limit):
        low, high = estimators.complexity_limits(np.float32(h))
        axes.plot([h, h], [float(low), float(high)], ":", color="0.3", marker="", lw=1.2)
    axes.set(
        xlabel=label("permutation entropy $H$, normalised", "n = 5"),
        ylabel="statistical complexity $C$",
        xlim=(0, 1.02),
        ylim=(0, 0.5),
    )


def _series(axes: Any, data: "xarray.Dataset") -> None:
    _plane(axes, data.attrs["limit"])
    styles = {"sine": ("o", "#0072b2"), "map": ("s", "#e69f00"), "flow": ("^", "#000000"), "noise": ("D", "#6a1b7a")}
    words = {"sine": "sines", "map": "chaotic maps", "flow": "Lorenz, double pendulum", "noise": "noise"}
    for kind, (marker, color) in styles.items():
        chosen = data.series_kind.values == kind
        axes.plot(data.series_h[chosen], data.series_c[chosen], ls="", marker=marker, color=color, label=words[kind])
    for number, name in enumerate(map(str, data.series.values)):
        place = (float(data.series_h[number]), float(data.series_c[number]))
        offset, aligned = OFFSETS.get(name, ((5, 2), "left"))
        short = name.removesuffix(" noise").removesuffix(" map")
        axes.annotate(short, place, xytext=offset, textcoords="offset points", ha=aligned, fontsize=6.5)
    axes.set(xlim=(0.4, 1.02), ylim=(0, 0.46))
    axes.set_title("Series of known kind\n(solid: attainable; dotted: limits of a periodic series)", fontsize=9)
    axes.legend(fontsize=7, loc="lower left")


def _orbits(axes: Any, data: "xarray.Dataset") -> None:
    _plane(axes, data.attrs["limit"])
    chaotic = data.sali.values < 1e-4
    for number, name in enumerate(dict.fromkeys(map(str, data.potential.values))):
        here = data.potential.values == name
        for those, color in ((here & chaotic, "#000000"), (here & ~chaotic, "#9ad1f0")):
            words = {} if color == "#000000" else {"label": name}
            axes.plot(
                data.orbit_h[those],
                data.orbit_c[those],
                ls="",
                marker="osD^"[number],
                color=color,
                ms=3,
                alpha=0.7,
                **words,
            )
    span = float(data.duration.values[-1])
    axes.set_title(f"Orbits, $x(t)$ over {span:g} natural times\n(light: regular by SALI; black: chaotic)", fontsize=9)
    axes.set(xlim=(0.45, 0.85), ylim=(0.2, 0.45))
    axes.legend(fontsize=7, loc="lower left")


def _labels(axes: Any, data: "xarray.Dataset") -> None:
    sali = np.maximum(data.sali.values, 1e-17)
    for number, name in enumerate(dict.fromkeys(map(str, data.potential.values))):
        here = data.potential.values == name
        axes.plot(sali[here], data.orbit_h.values[here], ls="", marker="osD^"[number], ms=3, alpha=0.7, label=name)
    axes.axhline(data.attrs["limit"], color="0.3", ls=":", lw=1.2)
    axes.axvline(1e-4, color="0.3", ls=":", lw=1.2)
    axes.set(
        title=f"Agreement with SALI: area under the curve {data.attrs['area_h']:.3f}\n"
        "(left: chaotic by SALI; above: read as chaotic)",
        xlabel="smaller alignment index of two deviations",
        ylabel="$H$ of the orbit's $x(t)$",
        xscale="log",
    )
    axes.title.set_fontsize(9)
    axes.legend(fontsize=7)


def _scan(figure: Any, axes: Any, data: "xarray.Dataset") -> None:
    errors = data.error.values
    axes.grid(False)
    image = axes.imshow(errors, aspect="auto", vmin=0, vmax=0.5)
    for (row, column), value in np.ndenumerate(errors):
        if np.isfinite(value):
            axes.text(
                column, row, f"{value:.2f}", ha="center", va="center", fontsize=6, color="w" if value < 0.25 else "k"
            )
    axes.set_xticks(range(errors.shape[1]), [f"{value:g}" for value in data.pattern.values], fontsize=7)
    axes.set_yticks(range(errors.shape[0]), [f"{value:g}" for value in data.duration.values], fontsize=7)
    first = int(np.argmax(data.duration.values >= 1.5))
    axes.plot(
        [2.5, 5.5, 5.5, 2.5, 2.5],
        [first - 0.5, first - 0.5, errors.shape[0] - 0.5, errors.shape[0] - 0.5, first - 0.5],
        "-",
        color="#e69f00",
        marker="",
        lw=2,
    )
    axes.set_title("Mean of both error rates of the orbits' labels\n(frame: recommended)", fontsize=9)
    axes.set(xlabel=label("time of a pattern", "natural times"), ylabel=label("duration", "natural times"))
    figure.colorbar(image, ax=axes, label="error rate")


def _intervals(axes: Any, data: "xarray.Dataset") -> None:
    for number, name in enumerate(map(str, data.curve_series.values)):
        (line,) = axes.plot(data.interval, data.curve[number, 0], marker="", label=f"{name}: $H$")
        axes.plot(
            data.interval, data.curve[number, 1], marker="", color=line.get_color(), ls=line.get_linestyle(), lw=0.7
        )
    axes.axhline(data.attrs["limit"], color="0.3", ls=":", lw=1)
    axes.set_title(
        "Against the sampling interval\n(thick: $H$, thin: $C$; dotted: largest $H$ if periodic)", fontsize=9
    )
    axes.set(xlabel=label("sampling interval", "samples"), ylabel="$H$, $C$", ylim=(0, 1.3))
    axes.legend(fontsize=7, loc="upper center", ncols=2)


def _gradient(axes: Any, data: "xarray.Dataset") -> None:
    q, value, slope = data.flattening.values, data.soft_c.values, data.soft_slope.values
    half = (q[-1] - q[0]) / max(1, len(q) - 1) / 3
    axes.plot(q, data.hard_c, marker="o", label="counted patterns")
    axes.plot(q, value, marker="s", ls="--", label="soft patterns")
    for number, (a, b, s) in enumerate(zip(q, value, slope, strict=True)):
        words = {"label": "gradient through the orbits"} if number == 0 else {}
        axes.plot([a - half, a + half], [b - half * s, b + half * s], "-", color="#009e73", marker="", lw=3, **words)
    axes.set_title(
        "Complexity of orbits as the potential flattens\n"
        f"(finite differences agree to {data.attrs['gradient_mismatch']:.1g})",
        fontsize=9,
    )
    axes.set(xlabel="flattening $q$ of the logarithmic disc", ylabel="mean $C$")
    axes.legend(fontsize=7)
