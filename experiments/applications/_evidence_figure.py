"""The data set and the figure of evidence about alloys."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.figures import draw_panels, label

if TYPE_CHECKING:
    import xarray

_WORDS = {
    "alpha .1, d .1, kmax 1": "$\\alpha$ .1\nd .1\nkmax 1",
    "alpha .1, d .1, kmax 2": "$\\alpha$ .1\nd .1\nkmax 2",
    "alpha .2, d .5, kmax 2": "$\\alpha$ .2\nd .5\nkmax 2",
    "alpha .2, d 1, kmax 2": "$\\alpha$ .2\nd 1\nkmax 2",
    "grid": "worth\nby grid",
    "gradient": "worth by\ngradient",
    "random forest": "random\nforest",
    "logistic": "logistic\nregression",
}
_INDEPENDENT = (0.8750, 0.8762, 0.8781, 0.8875, np.nan, np.nan, 0.8096, 0.7972)
"""AUCs of an independent implementation on the same folds."""
_BINS = 6


def dataset(
    labels: np.ndarray,
    five: Mapping[str, Any],
    new: Mapping[str, Any],
    by_element: Mapping[str, np.ndarray],
    mapped: Mapping[str, np.ndarray],
    names: Sequence[str],
    best: str,
) -> "xarray.Dataset":
    """The numbers behind the figure.

    Args:
        labels: of the alloys.
        five: of the five folds.
        new: of the elements held out.
        by_element: AUCs of the elements held out.
        mapped: of the map of the elements.
        names: of the elements held out.
        best: the fixed worth whose masses are drawn.
    """
    import xarray

    unit = {"units": "1"}
    ways = list(by_element)
    worth = new["choices"]["gradient"].worth
    return xarray.Dataset(
        {
            "label": ("alloy", labels.astype(np.int8), unit),
            "score": (("scorer", "alloy"), np.stack([five["scores"][name] for name in _WORDS]), unit),
            "masses": (("alloy", "subset"), five["fixed"][best], unit),
            "new_score": (("way", "trial"), np.stack([new["scores"][name] for name in ways]), unit),
            "new_label": ("trial", new["labels"].astype(np.int8), unit),
            "new_element": ("trial", new["element"].astype(np.int32), unit),
            "element_auc": (("way", "element"), np.stack([by_element[name] for name in ways]), unit),
            "alpha": ("element", np.asarray(worth.alpha), unit),
            "d": ("element", np.asarray(worth.d), unit),
            "reliability": (("element", "source"), np.asarray(worth.reliabilities), unit),
            "distance": (("row", "column"), mapped["distances"], unit),
            "plane": (("row", "axis"), mapped["plane"], unit),
        },
        coords={
            "scorer": list(_WORDS),
            "way": ways,
            "element": list(names),
            "source": ["periodic table", "shuffled"],
            "row": list(mapped["names"]),
            "column": list(mapped["names"]),
            "subset": ["{}", "{HEA}", "{not HEA}", "{HEA, not HEA}"],
        },
        attrs={"best": best},
    )


def draw(data: "xarray.Dataset") -> Any:
    """The figure.

    Args:
        data: the experiment's data set.

    Returns:
        A matplotlib figure.
    """
    return draw_panels(((_heat, _plane), (_aucs, _elements), (_calibration, _ignorance)), data, height=3.7, width=10.5)


def _heat(axes: Any, data: "xarray.Dataset") -> None:
    names = [str(name) for name in data.row.values]
    image = axes.imshow(data.distance.values, vmin=0, vmax=1, origin="upper")
    axes.grid(False)
    axes.set_xticks(range(len(names)), names, fontsize=6.5, rotation=90)
    axes.set_yticks(range(len(names)), names, fontsize=6.5)
    axes.figure.colorbar(image, ax=axes, label="distance, sqrt(1 - m(similar))", shrink=0.9)
    axes.set_title("Elements that replace each other, in Ward's order")


def _plane(axes: Any, data: "xarray.Dataset") -> None:
    x, y = data.plane.values.T
    axes.plot(x, y, ls="", marker="o", ms=3, color="#000000")
    # Names right and left of the points in turn, from below, so that those of neighbours stay apart.
    for turn, i in enumerate(np.argsort(y)):
        place, side = ((4, 0), "left") if turn % 2 else ((-4, 0), "right")
        name = str(data.row.values[i])
        axes.annotate(name, (x[i], y[i]), xytext=place, textcoords="offset points", fontsize=7, ha=side, va="center")
    axes.set(title="The same distances in a plane", xlabel="first coordinate (1)", ylabel="second coordinate (1)")


def _auc(labels: np.ndarray, scores: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labels, scores))


def _aucs(axes: Any, data: "xarray.Dataset") -> None:
    values = [_auc(data.label.values, scores) for scores in data.score.values]
    at = np.arange(len(values))
    colors = ["0.75"] * 4 + ["#0072b2"] * 2 + ["#e69f00"] * 2
    axes.bar(at, values, width=0.7, color=colors, edgecolor="0.2", lw=0.5)
    axes.plot(at, _INDEPENDENT, ls="", marker="D", ms=5, color="#000000", mfc="white", label="independent, same folds")
    axes.axhspan(0.92, 0.95, color="0.9", zorder=0)
    axes.text(at[-1] + 0.45, 0.935, "paper, .92 to .95, on four other sets", ha="right", va="center", fontsize=7)
    for x, value in zip(at, values, strict=True):
        axes.text(x, 0.755, f"{value:.3f}", ha="center", fontsize=7, color="white" if 4 <= x < 6 else "black")
    axes.set_xticks(at, list(_WORDS.values()), fontsize=6)
    axes.set(title="Five folds of 593 alloys: evidence and two learners", ylabel=label("AUC", "1"), ylim=(0.74, 0.98))
    axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(0.0, 0.88))


def _elements(axes: Any, data: "xarray.Dataset") -> None:
    informed = data.element_auc.sel(way="gradient").values
    order = np.argsort(informed)[: np.isfinite(informed).sum()]  # an element whose alloys have one label has no AUC
    at = np.arange(len(order))
    for way, color, marker, words in (
        ("data alone", "0.6", "_", "data alone"),
        ("table", "#0072b2", "s", "with the periodic table, r = 1"),
        ("gradient", "#000000", "o", "reliabilities by gradient"),
        ("random forest", "#e69f00", "^", "random forest"),
    ):
        values = data.element_auc.sel(way=way).values[order]
        mean = float(np.nanmean(values))
        axes.plot(at, values, ls="", marker=marker, color=color, ms=4.5, label=f"{words} (mean {mean:.2f})")
    axes.set_xticks(at, data.element.values[order], fontsize=7)
    axes.set(title="Alloys of an element held out", ylabel=label("AUC", "1"), ylim=(0, 1.02))
    axes.legend(fontsize=6.5, loc="lower right")


def _calibration(axes: Any, data: "xarray.Dataset") -> None:
    y = data.label.values
    axes.plot((0, 1), (0, 1), color="0.5", ls="--", marker="", lw=0.9, label="calibrated")
    for method, color, marker in ((data.attrs["best"], "#0072b2", "s"), ("gradient", "#000000", "o")):
        scores = data.score.sel(scorer=method).values
        parts = np.array_split(np.argsort(scores, kind="stable"), _BINS)
        means, shares = (np.array([values[part].mean() for part in parts]) for values in (scores, y))
        errors = np.array([np.sqrt(max(y[part].mean() * (1 - y[part].mean()), 1e-9) / len(part)) for part in parts])
        words = "worth by gradient" if method == "gradient" else method.replace("alpha", r"$\alpha$")
        axes.errorbar(means, shares, errors, ls="-", color=color, marker=marker, capsize=2, label=words)
    axes.set(
        title="Five folds: is the bet calibrated?",
        xlabel=label("m(HEA) + m(open) / 2", "1"),
        ylabel=label("share of one phase", "1"),
    )
    axes.legend(fontsize=7, loc="upper left")


def _ignorance(axes: Any, data: "xarray.Dataset") -> None:
    masses = data.masses.values
    wrong = (masses[:, 1] > masses[:, 2]) != (data.label.values > 0)
    parts = np.array_split(np.argsort(masses[:, 3], kind="stable"), _BINS)
    rates = np.array([wrong[part].mean() for part in parts])
    errors = np.array(
        [np.sqrt(max(rate * (1 - rate), 1e-9) / len(part)) for rate, part in zip(rates, parts, strict=True)]
    )
    axes.bar(range(_BINS), rates, yerr=errors, width=0.7, color="0.75", edgecolor="0.2", lw=0.5, capsize=2)
    axes.set_xticks(range(_BINS), [f"{masses[part, 3].mean():.1g}" for part in parts])
    axes.set(
        title="Five folds: errors by ignorance",
        xlabel=label("mean ignorance m(open) of a sixth of the alloys", "1"),
        ylabel=label("share of wrong labels", "1"),
    )
