"""The figure of semantic information."""

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.figures import draw_panels, label

if TYPE_CHECKING:
    import xarray


def draw(data: "xarray.Dataset") -> Any:
    """The figure.

    Args:
        data: the experiment's data set.

    Returns:
        A matplotlib figure.
    """
    return draw_panels(((_classes, _mixtures), (_ages, _curves)), data, width=9.4)


def _classes(axes: Any, data: "xarray.Dataset") -> None:
    information = data.classes_information.values
    shares = (information / information[:, :, -1:]).reshape(-1, information.shape[2])
    updates = np.arange(min(11, shares.shape[1]))
    low, middle, high = np.quantile(shares[:, : len(updates)], (0.1, 0.5, 0.9), axis=0)
    axes.fill_between(updates, low, high, color="0.85", lw=0, label="10% to 90% of starts")
    axes.plot(updates, middle, color="#000000", label="median start")
    axes.axhline(0.99, color="#0072b2", ls="--", lw=0.9)
    axes.text(updates[-1], 0.975, "99%", color="#0072b2", ha="right", va="top", fontsize=8)
    two, three = (f"{np.mean(shares[:, count] >= 0.99):.0%}" for count in (2, 3))
    axes.text(3.2, 0.3, f"at 99% after 2 updates: paper most, here {two}\nafter 3 updates: here {three}", fontsize=8)
    axes.set(
        title="Three classes: information from random starts",
        xlabel="updates of the labels",
        ylabel="I(X; Y) / its limit",
        ylim=(0, 1.05),
    )
    axes.legend(loc="lower right", fontsize=7)


def _mixtures(axes: Any, data: "xarray.Dataset") -> None:
    both = data.both_converged.values.astype(bool)
    em, enm = data.iterations.values[:, both]
    axes.plot(em, enm, ls="", marker="o", ms=3, color="#000000", alpha=0.6)
    ends = np.array([max(1, min(em.min(), enm.min()) * 0.8), max(em.max(), enm.max()) * 1.2])
    axes.plot(ends, ends, color="0.4", ls="--", marker="", lw=0.9, label="as many")
    median = float(np.median(enm / em))
    axes.plot(ends, median * ends, color="#0072b2", ls="-", marker="", lw=1.0, label=f"median ratio {median:.2f}")
    axes.set(
        title="Uneven mixtures: iterations to KL < 0.001 bits",
        xlabel="EM",
        ylabel="EnM",
        xscale="log",
        yscale="log",
        xlim=ends,
    )
    axes.legend(fontsize=7)


def _ages(axes: Any, data: "xarray.Dataset") -> None:
    for name, color in (("adult", "#000000"), ("elder", "#0072b2")):
        exact = data.old_exact.sel(label=name)
        learned = data.old_learned.sel(label=name).isel(sample=0)
        raw = data.young_posterior.sel(label=name)
        axes.plot(data.age, exact, color=color, ls="-", lw=2.8, alpha=0.35, marker="", label=f"{name}: true of the old")
        axes.plot(data.age, learned, color=color, ls="--", marker="", label=f"{name}: by learned meaning")
        axes.plot(data.age, raw, color=color, ls=":", marker="", label=f"{name}: posterior of the young")
    axes.set(
        title="What a label says of age in an older population",
        xlabel=label("age", "years"),
        ylabel=label("P(age | label)", "1 / year"),
        ylim=(0, None),
    )
    axes.legend(fontsize=6.5, loc="upper left")


def _curves(axes: Any, data: "xarray.Dataset") -> None:
    line = np.array([0.0, float(max(data.rate.max(), data.semantic.max()))])
    axes.plot(line, line, color="0.5", ls="--", marker="", lw=0.9, label="R = G")
    for row, (name, color, style) in enumerate((("Gaussian", "#000000", "-"), ("optimal", "#0072b2", "-."))):
        semantic, rate = data.semantic.values[row], data.rate.values[row]
        axes.plot(semantic, rate, color=color, ls=style, marker="", label=f"{name} truth")
        for slope, marker in ((0.0, "s"), (1.0, "o"), (2.0, "^")):
            at = int(np.argmin(np.abs(data.slope.values - slope)))
            axes.plot(semantic[at], rate[at], color=color, marker=marker, ls="")
    for slope, marker in ((0, "s"), (1, "o"), (2, "^")):
        axes.plot([], [], color="0.4", marker=marker, ls="", label=f"s = {slope}")
    one = int(np.flatnonzero(data.slope.values == 1.0)[0])
    axes.annotate(
        f"s = 1: R {data.rate.values[0, one]:.5f}, G {data.semantic.values[0, one]:.5f}\nexactly 0.36318, 0.32087",
        (data.semantic.values[0, one], data.rate.values[0, one]),
        xytext=(-1.0, 0.53),
        arrowprops={"arrowstyle": "-", "lw": 0.6, "color": "0.4"},
        fontsize=7.5,
    )
    axes.set(
        title="R(G): optimal truth touches R = G at s = 1",
        xlabel=label("semantic information G", "bits"),
        ylabel=label("Shannon information R", "bits"),
    )
    axes.set_xlim(right=1.35)
    axes.legend(fontsize=7, loc="lower right")
