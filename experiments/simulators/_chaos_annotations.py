"""Our Lyapunov exponents beside the published ones, and why they differ where they do."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray

MAXIMUM = "annotations: share of flows within 10% of the published exponent"
FIRST = "annotations: share of flows within 10% of the published spectrum's first exponent"
THEMSELVES = "annotations: share of flows whose two published exponents agree within 10%"
COMPATIBLE = "annotations: share of flows within 10%, 3 standard errors or the published values' own disagreement"
REPEATED = "annotations: share of flows whose published exponents follow from their procedures on our orbits"
WEAK = 0.05
"""Nats a period below which there is no or hardly any chaos."""
KNOWN = {
    "CaTwoPlus": "of 400 starts 3% give the spectrum's .579 by Euler's explicit steps (median .45), and the package's "
    "weights keep one start; the maximum's .580 is not met by twin orbits (150 starts give .380 ± .005) nor from "
    "other starting points; older files of the package have the same parameters: open",
}
"""What is known of flows that no procedure, repeated on a dozen starts, explains."""


def annotated(data: "xarray.Dataset") -> tuple[dict[str, Any], dict[str, str]]:
    """What is measured of the exponents, and the flows that differ, by reason.

    Args:
        data: the experiment's data set.
    """
    deviation = np.abs(data.exponent_deviation.values)
    measured: dict[str, Any] = {}
    if "gap" in data:
        gaps = {"ours": float(np.nanmedian(data.gap)), "published": float(np.nanmedian(data.published_gap))}
        measured["annotations: exponents less divergence, median in nats a period"] = gaps["ours"]
        measured["annotations: gap to the divergence, ours and published"] = gaps
    flows = [data.sel(system=name) for name in data.system.values]
    measured |= {
        "annotations: largest exponent, median deviation from the published": float(np.nanmedian(deviation)),
        MAXIMUM: float(np.mean(deviation <= 0.1)),
        FIRST: _share(data.exponent[:, 0] / data.published_first),
        THEMSELVES: _share(data.published_first / data.published_exponent),
        COMPATIBLE: float(np.mean([compatible(one) for one in flows])),
    }
    groups: dict[str, list[str]] = {}
    for one in flows:
        if why := reason(one):
            groups.setdefault(why, []).append(_words(one))
    listed = "; ".join(f"{why}: {', '.join(sorted(words))}" for why, words in sorted(groups.items()))
    shown = "the two published values, the maximum and the first of the spectrum"
    if "repeated_weighted" in data:
        measured[REPEATED] = float(np.mean([bool(follows(one)) for one in flows]))
        shown += "; then what their procedures give here: twin orbits, and of Euler's explicit and implicit steps the "
        shown += "weighted mean and range"
    return measured, {MAXIMUM: f"beyond it, with {shown}: {listed}"} if groups else {}


def compatible(one: "xarray.Dataset") -> bool:
    """Whether an exponent is as near to a published one as the errors allow.

    Within 10% of the maximum, within three of our standard errors, or no further from the nearer published value than
    the two are from one another.

    Args:
        one: a flow of the data set.
    """
    ours, error = float(one.exponent[0]), float(one.exponent_error[0])
    published = np.array([one.published_exponent, one.published_first], float)
    distance = np.nanmin(np.abs(ours - published))
    return bool(
        abs(ours / published[0] - 1) <= 0.1 or distance <= 3 * error or distance <= abs(published[0] - published[1])
    )


def follows(one: "xarray.Dataset") -> str:
    """Which of the published values' procedures, repeated on our orbits, gives one of them; empty if none does.

    Within 10% of it, within three standard errors (twin orbits) or the range of single pieces (Euler's steps).

    Args:
        one: a flow of the data set.
    """
    values = [float(one.published_exponent), float(one.published_first)]
    twins, error = float(one.repeated_twins), float(one.repeated_twins_error)
    if any(abs(twins - value) <= max(3 * error, 0.1 * value) for value in values):
        return "twin orbits"
    for prefix, words in (("repeated_", "Euler's explicit steps"), ("repeated_implicit_", "Euler's implicit steps")):
        weighted, lowest, highest = (float(one[prefix + name]) for name in ("weighted", "lowest", "highest"))
        if any(abs(weighted / value - 1) <= 0.1 or lowest <= value <= highest for value in values):
            return words
    return ""


def reason(one: "xarray.Dataset") -> str:
    """In words, why an exponent is off the published maximum; empty where it is within 10%.

    Args:
        one: a flow of the data set.
    """
    ours, first = float(one.exponent[0]), float(one.published_first)
    if not np.isfinite(ours):
        return "an orbit was lost"
    if abs(float(one.exponent_deviation)) <= 0.1:
        return ""
    if "repeated_weighted" in one and (procedure := follows(one)):
        return f"a published value follows by its procedure on our orbits, {procedure}"
    if ours * float(one.period) < WEAK:
        return f"no or hardly any chaos, less than {WEAK} nats a period, where short orbits read too much"
    if abs(ours / first - 1) <= 0.1:
        return "agrees with the published spectrum instead"
    if compatible(one):
        return "no further off than our error or the two published values' own disagreement"
    return KNOWN.get(one.system.item(), "unexplained")


def _words(one: "xarray.Dataset") -> str:
    ours, error = float(one.exponent[0]), float(one.exponent_error[0])
    words = f"{float(one.published_exponent):.3g}, {float(one.published_first):.3g}"
    if "repeated_weighted" in one:
        words += f"; {float(one.repeated_twins):.3g}"
        for prefix in ("repeated_", "repeated_implicit_"):
            weighted, lowest, highest = (float(one[prefix + name]) for name in ("weighted", "lowest", "highest"))
            words += f"; {weighted:.3g}, {lowest:.3g} to {highest:.3g}"
    return f"{one.system.item()} {ours:.3g} ± {error:.1g} ({words})"


def _share(ratio: "xarray.DataArray") -> float:
    """Of the flows that have a ratio, the share of those where it is within 10% of one."""
    known = ratio.values[np.isfinite(ratio.values)]
    return float(np.mean(np.abs(known - 1) <= 0.1))
