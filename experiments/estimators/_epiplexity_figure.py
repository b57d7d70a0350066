"""The figure of epiplexity."""

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.figures import COLORS, LINES, MARKERS, label, new_figure

if TYPE_CHECKING:
    import xarray


def draw(data: "xarray.Dataset") -> Any:
    """The figure.

    Args:
        data: the experiment's data set.

    Returns:
        A matplotlib figure.
    """
    figure, axes = new_figure(2, 4, height=3.5, width=16.0)
    (hull, estimate, loop, order), (bits, rows, cone, laws) = axes
    _hulls(hull, data)
    _estimates(estimate, data)
    (_loop if data.attrs["loop_learners"] else _losses)(loop, data)
    _orders(order, data)
    entropy = _induction(
        bits,
        data.hidden_bits.values,
        data.bits_epiplexity.values,
        data.bits_entropy.values,
        title=f"Rule 30, {data.attrs['bits_task']}: bits hidden",
        xlabel="hidden bits of the given state\npaper: S grows",
        unit="bits / state",
    )
    entropy.plot(data.hidden_bits, data.bits_cellwise, color="0.4", ls=":", marker="x", label="H, cell by cell")
    entropy.plot(data.hidden_bits, data.bits_ideal, color="0.4", ls="-.", marker="+", label="H, ideal learner")
    entropy.set(ylim=(0, 1.5 * max(0.01, float(data.bits_entropy.max()))))
    _legend(bits, entropy, loc="upper left")
    entropy = _induction(
        rows,
        data.hidden_rows.values,
        data.rows_epiplexity.values,
        data.rows_entropy.values,
        title="Bigram tables: rows hidden",
        xlabel="hidden rows of the table\npaper: S largest between none and all",
        unit="bits / symbol",
    )
    entropy.plot(data.hidden_rows, data.rows_ideal, color="0.4", ls="-.", marker="+", label="H, ideal learner")
    _legend(rows, entropy, loc="lower right")
    _light_cone(cone, data)
    _scaling(laws, data)
    return figure


def _hulls(axes: Any, data: "xarray.Dataset") -> None:
    """H of the best code at each compute, and S where it is to be seen on the scale of the test set."""
    curves = data.sel(code="requential")
    for i, rule in enumerate((15, 30, 54)):
        at = curves.sel(rule=rule)
        style = {"color": COLORS[i], "marker": ""}
        axes.plot(data.hull_compute, at.hull_epiplexity / 1e3, ls=LINES[i], label=f"S, rule {rule}", **style)
    axes.set(
        title=f"Best codes by compute, {data.attrs['automaton']}",
        xlabel=label("compute", "operations") + f"\nof {data.attrs['hull_tokens']:,.0f} cells, requential",
        ylabel=label("S", "thousand bits"),
        xscale="log",
        ylim=(-0.5, 1.3 * max(0.01, float(curves.hull_epiplexity.max()) / 1e3)),
    )
    right = axes.twinx()
    for i, rule in enumerate((15, 30, 54)):
        at = curves.sel(rule=rule)
        right.plot(data.hull_compute, at.hull_entropy, color=COLORS[i], ls=LINES[i], lw=0.8, marker="", alpha=0.7)
    right.set(ylabel=label("H, thin lines", "bits / cell"), ylim=(-0.03, 1.3))
    right.grid(visible=False)
    right.spines["right"].set_visible(True)
    axes.legend(loc="upper center", fontsize=7, ncols=3)


def _estimates(axes: Any, data: "xarray.Dataset") -> None:
    place = np.arange(data.sizes["rule"])
    for shift, name, shade, hatch in ((-0.2, "requential", "0.35", ""), (0.2, "prequential", "0.8", "//")):
        values = data.best_epiplexity.sel(code=name).values / 1e3
        bars = axes.bar(place + shift, values, 0.38, color=shade, hatch=hatch, edgecolor="0.2", label=name)
        axes.bar_label(bars, [f"{value:.1f}" for value in values], fontsize=7)
    entropy = data.best_entropy.sel(code="requential").values
    axes.set_xticks(place, [f"{rule}\nH {h:.2f}" for rule, h in zip(data.rule.values, entropy, strict=True)])
    axes.set(
        title="S of the best code at the largest compute",
        xlabel="rule, H in bits / cell\npaper: S(30) near 0, S(15) < S(54); H(30) = 1",
        ylabel=label("S", "thousand bits"),
    )
    axes.legend()


def _losses(axes: Any, data: "xarray.Dataset") -> None:
    cells = data.attrs["tokens_per_step"] * np.arange(data.sizes["step"]) / 1e3
    for i, rule in enumerate((15, 30, 54)):
        style = {"color": COLORS[i], "ls": LINES[i], "marker": ""}
        axes.plot(cells, data.loss.sel(rule=rule), label=f"rule {rule}", **style)
    axes.set(
        title="Loss of the largest teacher on fresh cells",
        xlabel=label("cells trained on", "thousands"),
        ylabel=label("loss, running average", "bits / cell"),
        ylim=(-0.03, 1.25),
    )
    axes.legend(loc="upper center", ncols=3)


def _loop(axes: Any, data: "xarray.Dataset") -> None:
    without = data.hull_epiplexity.sel(code="prequential", rule=54) / 1e3
    axes.plot(data.hull_compute, without, color="0.55", ls="--", lw=2.5, marker="", label="last state alone")
    axes.plot(
        data.hull_compute, data.loop_epiplexity / 1e3, color="black", ls="-", marker="", label="or all on the way"
    )
    axes.set(
        title="Rule 54: when simulation is affordable",
        xlabel=label("compute", "operations") + "\npaper: S drops",
        ylabel=label("prequential S", "thousand bits"),
        xscale="log",
        ylim=(0, None),
    )
    axes.legend(loc="upper left")


def _orders(axes: Any, data: "xarray.Dataset") -> None:
    place = np.arange(data.sizes["width"])
    for shift, name, words, shade, hatch in (
        (-0.2, "forward", "x, then F(x)", "0.35", ""),
        (0.2, "reversed", "F(x), then x", "0.8", "//"),
    ):
        values = data.order_bits.sel(order=name).values
        bars = axes.bar(place + shift, values, 0.38, color=shade, hatch=hatch, edgecolor="0.2", label=words)
        axes.bar_label(bars, [f"{value:.2f}" for value in values], fontsize=7)
    for i, width in enumerate(data.width.values):
        axes.plot((i - 0.5, i + 0.5), (width, width), color="black", ls=":", marker="", lw=1.8)
    axes.plot([], [], color="black", ls=":", marker="", label="entropy of both")
    axes.set_xticks(place, [f"{width} cells" for width in data.width.values])
    axes.set(
        title=f"Rule 30, {data.attrs['order_task']}: order of two states",
        xlabel="paper: entropy reached with x first,\na gap with x last",
        ylabel=label("loss of both states", "bits"),
        ylim=(0, 1.45 * float(data.order_bits.max())),
    )
    axes.legend(loc="upper left")


def _light_cone(axes: Any, data: "xarray.Dataset") -> None:
    for i, rule in enumerate(data.cone_rule.values):
        fresh = data.cone_fresh[i].values
        axes.errorbar(
            data.radius,
            fresh.mean(axis=0),
            2 * fresh.std(axis=0, ddof=1) / np.sqrt(len(fresh)),
            color=COLORS[i],
            ls=LINES[i],
            marker=MARKERS[i],
            label=f"H, rule {rule}",
        )
    typed = {54: ((1, 2), (0.93, 0.81)), 30: ((2, 4), (1.001, 0.016))}
    for rule, (radius, value) in typed.items():
        axes.plot(
            radius,
            value,
            ls="",
            marker="o",
            ms=9,
            mfc="none",
            color="0.4",
            label="value claimed" if rule == 54 else None,
        )
    axes.set(
        title="Counting the light cone of four steps",
        xlabel="cells seen to either side\n(the observer's compute)",
        ylabel=label("H on fresh cells", "bits / cell"),
    )
    axes.legend(loc="lower left")
    cost = axes.twinx()
    cost.plot(
        data.radius, data.cone_epiplexity[-1].mean("draw"), color="0.5", ls=(0, (1, 2)), marker="", label="S, rule 54"
    )
    cost.set(ylabel=label("S of rule 54, dotted grey", "bits"), yscale="log")
    cost.grid(visible=False)
    cost.spines["right"].set_visible(True)


def _induction(
    axes: Any, hidden: np.ndarray, epiplexity: np.ndarray, entropy: np.ndarray, *, title: str, xlabel: str, unit: str
) -> Any:
    """S on the left axis, H on the right one, which is returned."""
    axes.plot(hidden, epiplexity / 1e3, color=COLORS[0], ls="-", marker="o", label="S (left)")
    limits = (0, 1.25 * max(0.01, float(epiplexity.max()) / 1e3))
    axes.set(title=title, xlabel=xlabel, ylabel=label("prequential S", "thousand bits"), ylim=limits)
    axes.set_xticks(hidden)
    right = axes.twinx()
    right.plot(hidden, entropy, color=COLORS[2], ls="--", marker="s", label="H (right)")
    right.set(ylabel=label("H", unit), ylim=(0, 1.1 * float(entropy.max())))
    right.grid(visible=False)
    right.spines["right"].set_visible(True)
    return right


def _legend(axes: Any, right: Any, *, loc: str) -> None:
    handles, labels = (
        left + other for left, other in zip(*(a.get_legend_handles_labels() for a in (axes, right)), strict=True)
    )
    axes.legend(handles, labels, loc=loc, fontsize=7, ncols=2)


def _scaling(axes: Any, data: "xarray.Dataset") -> None:
    for i, domain in enumerate(data.domain.values):
        is_text = domain == "language"
        style = {"color": "0.45", "ls": "-", "lw": 2.5} if is_text else {"color": COLORS[i], "ls": LINES[i]}
        axes.plot(data["compute"], data.law_epiplexity[i], marker="", label=str(domain), **style)
    axes.plot(1e25, 7.9510321e10, ls="", marker="o", ms=9, mfc="none", color="black", label="paper, language")
    axes.set(
        title=r"Published scaling laws, $10^{12}$ tokens",
        xlabel=label("compute", "operations") + "\nembeddings counted",
        ylabel=label("S", "bits"),
        xscale="log",
        yscale="log",
        ylim=(1e7, None),
    )
    axes.legend(fontsize=6.5, ncols=2, loc="lower right")
