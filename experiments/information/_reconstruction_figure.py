"""The figure of perfect reconstruction."""

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.figures import label, new_figure
from experiments.information._reconstruction_cases import FAMILIES

if TYPE_CHECKING:
    import xarray

OUTCOMES = (
    ("recovered", lambda slack, recovered: recovered, "#0072b2"),
    ("kept, not recovered", lambda slack, recovered: ~recovered & (slack >= -1e-9), "#9ad1f0"),
    ("refused", lambda slack, recovered: slack < -1e-9, "#000000"),
)


def draw(data: "xarray.Dataset") -> Any:
    """The figure.

    Args:
        data: the experiment's data set.

    Returns:
        A matplotlib figure.
    """
    figure, axes = new_figure(2, 2, height=3.1, width=9.4)
    _slack(axes[0, 0], data)
    _counts(axes[0, 1], data)
    _sorting(axes[1, 0], data)
    _greedy(axes[1, 1], data)
    return figure


def _slack(axes: Any, data: "xarray.Dataset") -> None:
    rng = np.random.default_rng(0)
    for row, family in enumerate(FAMILIES):
        mine = data.family.values == family
        slack, recovered = data.slack.values[mine], data.recovered.values[mine].astype(bool)
        height = row + rng.uniform(0.05, 0.35, mine.sum())
        axes.plot(slack[recovered], height[recovered], ls="", marker="o", ms=2.5, color="#0072b2", alpha=0.6)
        axes.plot(
            slack[~recovered], height[~recovered] - 0.4, ls="", marker="x", ms=2.5, color="#000000", alpha=0.5, mew=0.6
        )
    axes.plot([], [], ls="", marker="o", color="#0072b2", label="X recovered")
    axes.plot([], [], ls="", marker="x", color="#000000", label="not recovered")
    low = float(data.slack.min()) - 0.2
    axes.axvspan(low, 0, color="0.9", lw=0)
    axes.text(low / 2, len(FAMILIES) - 0.5, "refused", ha="center", fontsize=8)
    axes.set(
        title="No case that is recovered has negative slack",
        xlabel=r"slack $(n-1)-\sum_i D(X,X_i)$, with Rajski's distance $D$",
        xlim=(low, min(float(data.slack.max()), 6.0) + 0.2),
        ylim=(-0.6, len(FAMILIES) - 0.15),
    )
    axes.set_yticks(range(len(FAMILIES)), FAMILIES)
    axes.legend(loc="lower right", fontsize=7)


def _counts(axes: Any, data: "xarray.Dataset") -> None:
    for row, family in enumerate(FAMILIES):
        mine = data.family.values == family
        slack, recovered = data.slack.values[mine], data.recovered.values[mine].astype(bool)
        left = 0.0
        for name, holds, color in OUTCOMES:
            count = int(holds(slack, recovered).sum())
            share = count / mine.sum()
            axes.barh(row, share, left=left, color=color, height=0.6, label=name if row == 0 else None)
            if share > 0.04:
                ink = "#000000" if color == "#9ad1f0" else "#ffffff"
                axes.text(left + share / 2, row, str(count), ha="center", va="center", color=ink, fontsize=8)
            left += share
    axes.set(title="What the condition says (number of cases)", xlabel="share of the family's cases", xlim=(0, 1))
    axes.set_yticks(range(len(FAMILIES)), FAMILIES)
    axes.grid(visible=False)
    axes.set_ylim(-0.5, len(FAMILIES) + 0.15)
    axes.legend(ncols=3, loc="upper center", fontsize=7)


def _sorting(axes: Any, data: "xarray.Dataset") -> None:
    for index, k in enumerate(data.things.values):
        line = axes.errorbar(
            data.comparisons,
            data.sorted_share[index],
            2 * data.sorted_share_error[index],
            ls="",
            label=f"{k} things, simulated",
            capsize=1.5,
        )
        color = line[0].get_color()
        axes.plot(
            data.comparisons, data.sorted_share_exact[index], color=color, marker="", ls=("-", "--")[index % 2],
            label=f"{k} things, exact",
        )  # fmt: skip
        bound = float(data.least_comparisons[index])
        axes.axvline(bound, color=color, lw=1.2, ls=":", label=rf"the bound $\lceil\log_2 {k}!\rceil$ = {bound:.0f}")
    axes.set(
        title="Sorting by random comparisons",
        xlabel="comparisons, drawn with replacement (bars: 2 s.e.)",
        ylabel=label("share of sets that recover the order"),
        ylim=(-0.03, 1.03),
    )
    axes.legend(fontsize=7, loc="lower right")


def _greedy(axes: Any, data: "xarray.Dataset") -> None:
    for index, problem in enumerate(data.problem.values):
        count = int(data.num_parts[index])
        chosen = np.arange(count + 1)
        total = float(data.total_entropy[index])
        greedy = np.concatenate([[total], data.greedy_remaining.values[index, :count]])
        random = np.concatenate([[total], data.random_remaining.values[index, :count]])
        line = axes.plot(chosen, greedy, label=f"{problem}: greedy")
        axes.plot(
            chosen, random, color=line[0].get_color(), ls=":", marker="x", label=f"{problem}: random order (mean)"
        )
    axes.set_xlim(-0.3, 8.3)
    axes.set(
        title="Parts chosen by the largest $H(X_i\\,|\\,$chosen$)$",
        xlabel="parts chosen",
        ylabel=label("$H(X\\,|\\,$chosen$)$", "bits"),
    )
    axes.legend(fontsize=7, loc="upper right")
