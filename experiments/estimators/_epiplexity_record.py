"""The data set of the experiment on epiplexity."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from entropax.estimators import ComputeFrontier
from experiments.estimators._epiplexity_laws import TEST_TOKENS
from experiments.estimators._epiplexity_training import LN2, Curve, RuleRun

if TYPE_CHECKING:
    import xarray

BIT, CELL, STATE, SYMBOL = ({"units": f"bits{per}"} for per in ("", " per cell", " per state", " per symbol"))
GRID = 120


def dataset(
    config: Any,
    rules: Mapping[int, list[RuleRun]],
    frontiers: Mapping[str, Mapping[int, ComputeFrontier]],
    loop: ComputeFrontier,
    orders: Mapping[str, Mapping[int, Curve]],
    bits: tuple[list[Curve], Mapping[str, np.ndarray]],
    rows: tuple[list[Curve], np.ndarray],
    cones: Mapping[str, np.ndarray],
    laws: Mapping[str, Any],
) -> "xarray.Dataset":
    """Everything that was measured, with units.

    Args:
        config: the experiment's sizes.
        rules: runs of every rule, one for each learner.
        frontiers: hulls by code and rule.
        loop: the hull of the last rule with the learners of the loop.
        orders: runs by order and width.
        bits: runs for every number of hidden bits, and H of ideal learners.
        rows: runs for every number of hidden rows, and H of the ideal learner.
        cones: of the light-cone observer.
        laws: of `scaling_laws`.
    """
    import xarray

    hulls = [*(hull for by_rule in frontiers.values() for hull in by_rule.values()), loop]
    compute = np.geomspace(
        min(float(hull.compute[0]) for hull in hulls), max(float(hull.compute[-1]) for hull in hulls), GRID
    )
    test_tokens = config.rules.test_tokens
    both = np.array([[_along(hull, compute) for hull in by_rule.values()] for by_rule in frontiers.values()])
    looped = _along(loop, compute)
    last = {rule: runs[-1].prequential for rule, runs in rules.items()}
    order_bits = [[2 * width * run.entropy for width, run in runs.items()] for runs in orders.values()]
    order_before = [[2 * width * run.entropy_before for width, run in runs.items()] for runs in orders.values()]
    order_spread = [[2 * width * run.spread for width, run in runs.items()] for runs in orders.values()]
    return xarray.Dataset(
        {
            "loss": (("rule", "step"), np.array([run.loss for run in last.values()]) / LN2, CELL),
            "hull_epiplexity": (("code", "rule", "hull_compute"), both[:, :, 0], BIT),
            "hull_entropy": (("code", "rule", "hull_compute"), both[:, :, 1] / test_tokens, CELL),
            "best_epiplexity": (("code", "rule"), both[:, :, 0, -1], BIT),
            "best_entropy": (("code", "rule"), both[:, :, 1, -1] / test_tokens, CELL),
            "loop_epiplexity": ("hull_compute", looped[0], BIT),
            "loop_entropy": ("hull_compute", looped[1] / test_tokens, CELL),
            "order_bits": (("order", "width"), order_bits, STATE),
            "order_before": (("order", "width"), order_before, STATE),
            "order_spread": (("order", "width"), order_spread, STATE),
            "bits_epiplexity": ("hidden_bits", [run.value for run in bits[0]], BIT),
            "bits_entropy": ("hidden_bits", [config.bits.width * run.entropy for run in bits[0]], STATE),
            "bits_ideal": ("hidden_bits", bits[1]["ideal"], STATE),
            "bits_cellwise": ("hidden_bits", bits[1]["cellwise"], STATE),
            "bits_loss": (("hidden_bits", "bits_step"), [config.bits.width * run.loss / LN2 for run in bits[0]], STATE),
            "rows_epiplexity": ("hidden_rows", [run.value for run in rows[0]], BIT),
            "rows_entropy": ("hidden_rows", [run.entropy for run in rows[0]], SYMBOL),
            "rows_ideal": ("hidden_rows", rows[1], SYMBOL),
            "rows_loss": (("hidden_rows", "rows_step"), [run.loss / LN2 for run in rows[0]], SYMBOL),
            "cone_epiplexity": (("cone_rule", "draw", "radius"), cones["epiplexity"], BIT),
            "cone_entropy": (("cone_rule", "draw", "radius"), cones["entropy"], CELL),
            "cone_fresh": (("cone_rule", "draw", "radius"), cones["fresh"], CELL),
            "law_epiplexity": (("domain", "compute"), laws["curves"], BIT),
            "law_limit": ("domain", list(laws["limit"].values()), BIT),
            "law_data_scale": ("domain", [float(law.data_scale) for law in laws["laws"].values()], {"units": "tokens"}),
        },
        coords={
            "code": list(frontiers),
            "rule": list(rules),
            "hull_compute": ("hull_compute", compute, {"units": "operations"}),
            "order": list(orders),
            "width": ("width", list(config.order.widths), {"units": "cells"}),
            "hidden_bits": list(config.bits.hidden),
            "hidden_rows": list(config.rows.hidden),
            "cone_rule": [15, 30, 54],
            "radius": ("radius", np.arange(config.radii + 1), {"units": "cells"}),
            "domain": list(laws["limit"]),
            "compute": ("compute", laws["compute"], {"units": "operations"}),
        },
        attrs={
            "automaton": f"{config.rules.width} cells, {config.rules.time} steps",
            "tokens_per_step": config.rules.learners[-1].sequences * config.rules.width,
            "symbols_per_step": config.rows.learner.sequences * (config.rows.length - 1),
            "bits_task": f"{config.bits.width} cells, {_steps(config.bits.time)}",
            "order_task": _steps(config.order.time),
            "loop_learners": len(config.rules.loop),
            "hull_tokens": test_tokens,
            "test_tokens": TEST_TOKENS,
        },
    )


def _steps(count: int) -> str:
    return f"{count} step" + "s" * (count != 1)


def _along(hull: ComputeFrontier, compute: np.ndarray) -> np.ndarray:
    """S and H of the last code of the hull within each compute, bits; NaN where there is none yet."""
    member = np.asarray(hull.member)
    value, entropy, spent = (np.asarray(x)[member] for x in (hull.value, hull.entropy, hull.compute))
    last = np.searchsorted(spent, compute * (1 + 1e-6), side="right") - 1
    return np.where(last >= 0, [value[last], entropy[last]], np.nan)
