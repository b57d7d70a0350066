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
    figure, axes = new_figure(2, 3, height=3.3, width=12.0)
    (loss, estimate, cone), (bits, rows, laws) = axes
    _losses(loss, data)
    _estimates(estimate, data)
    _light_cone(cone, data)
    entropy = _induction(
        bits,
        data.hidden_bits.values,
        data.bits_epiplexity.values,
        data.bits_entropy.values,
        title="Rule 30, one step, bits hidden",
        xlabel="hidden bits of the given state",
        unit="bits / cell",
    )
    entropy.plot(data.hidden_bits, data.bits_cellwise, color="0.4", ls=":", marker="x", label="H, cell by cell")
    entropy.plot(data.hidden_bits, data.bits_ideal, color="0.4", ls="-.", marker="+", label="H, ideal learner")
    entropy.set(ylim=(0, 1.25 * max(0.01, float(data.bits_entropy.max()))))
    _legend(bits, entropy)
    entropy = _induction(
        rows,
        data.hidden_rows.values,
        data.rows_epiplexity.values,
        data.rows_entropy.values,
        title="Bigram tables, rows hidden",
        xlabel="hidden rows of the table",
        unit="bits / symbol",
    )
    entropy.plot(data.hidden_rows, data.rows_ideal, color="0.4", ls="-.", marker="+", label="H, ideal learner")
    _legend(rows, entropy)
    _scaling(laws, data)
    return figure


def _losses(axes: Any, data: "xarray.Dataset") -> None:
    tokens = data.attrs["tokens_per_step"] * np.arange(data.sizes["step"]) / 1e3
    width = max(1, data.sizes["step"] // 50)
    for i, rule in enumerate(data.rule.values):
        averaged = np.convolve(data.loss[i], np.ones(width) / width, mode="valid")
        axes.plot(tokens[width - 1 :], averaged, color=COLORS[i], ls=LINES[i], marker="", label=f"rule {rule}")
    axes.set(
        title="Loss of the teacher on fresh cells",
        xlabel=label("cells trained on", "thousands") + f"\nmean of {width} steps",
        ylabel=label("loss", "bits / cell"),
        ylim=(-0.03, 1.08),
    )
    axes.legend()


def _estimates(axes: Any, data: "xarray.Dataset") -> None:
    place = np.arange(data.sizes["rule"])
    for shift, name, shade, hatch in ((-0.2, "requential", "0.35", ""), (0.2, "prequential", "0.8", "//")):
        values = data[name].values / 1e3
        bars = axes.bar(place + shift, values, 0.38, color=shade, hatch=hatch, edgecolor="0.2", label=name)
        axes.bar_label(bars, [f"{value:.2g}" for value in values], fontsize=7)
    entropies = [f"rule {rule}\nH = {h:.2f}" for rule, h in zip(data.rule.values, data.entropy.values, strict=True)]
    axes.set_xticks(place, entropies)
    axes.set(
        title="Epiplexity of the same training",
        xlabel="H: student's bits / cell at the end\npaper: S(30) near 0 < S(15) < S(54), H(30) = 1",
        ylabel=label("S", "thousand bits"),
    )
    axes.legend()


def _light_cone(axes: Any, data: "xarray.Dataset") -> None:
    for i, rule in enumerate(data.rule.values):
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
    paper = {54: ((1, 2), (0.93, 0.81)), 30: ((2, 4), (1.001, 0.016))}
    for rule, (radius, value) in paper.items():
        axes.plot(
            radius, value, ls="", marker="o", ms=9, mfc="none", color="0.4", label="paper" if rule == 54 else None
        )
    axes.set(
        title="Counting the light cone of four steps",
        xlabel="cells seen to either side (the observer's compute)",
        ylabel=label("H on fresh cells", "bits / cell"),
    )
    axes.legend(loc="lower left")
    cost = axes.twinx()
    cost.plot(
        data.radius, data.cone_epiplexity[-1].mean("draw"), color="0.5", ls=(0, (1, 2)), marker="", label="S, rule 54"
    )
    cost.set(ylabel=label("S, dotted grey", "bits"), yscale="log")
    cost.grid(visible=False)
    cost.spines["right"].set_visible(True)


def _induction(
    axes: Any, hidden: np.ndarray, epiplexity: np.ndarray, entropy: np.ndarray, *, title: str, xlabel: str, unit: str
) -> Any:
    """S on the left axis, H on the right one, which is returned."""
    axes.plot(hidden, epiplexity / 1e3, color=COLORS[0], ls="-", marker="o", label="S (left)")
    axes.set(title=title, xlabel=xlabel, ylabel=label("prequential S", "thousand bits"), ylim=(0, None))
    axes.set_xticks(hidden)
    right = axes.twinx()
    right.plot(hidden, entropy, color=COLORS[2], ls="--", marker="s", label="H (right)")
    right.set(ylabel=label("H", unit), ylim=(0, None))
    right.grid(visible=False)
    right.spines["right"].set_visible(True)
    return right


def _legend(axes: Any, right: Any) -> None:
    handles, labels = (
        left + other for left, other in zip(*(a.get_legend_handles_labels() for a in (axes, right)), strict=True)
    )
    axes.legend(handles, labels, loc="lower right", fontsize=7)


def _scaling(axes: Any, data: "xarray.Dataset") -> None:
    for i, domain in enumerate(data.domain.values):
        is_text = domain == "language"
        style = {"color": "0.45", "ls": "-", "lw": 2.5} if is_text else {"color": COLORS[i], "ls": LINES[i]}
        axes.plot(data["compute"], data.law_epiplexity[i], marker="", label=str(domain), **style)
    axes.plot(1e25, 7.9510321e10, ls="", marker="o", ms=9, mfc="none", color="black", label="paper, language")
    axes.set(
        title=r"Published scaling laws, $10^{12}$ tokens",
        xlabel=label("compute", "operations"),
        ylabel=label("S", "bits"),
        xscale="log",
        yscale="log",
        ylim=(3e7, None),
    )
    axes.legend(fontsize=6.5, ncols=2, loc="lower right")
