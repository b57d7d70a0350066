"""The benchmark's data set."""

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.simulators._chaos_forecasts import AHEAD, MODELS, PERIOD
from experiments.simulators._chaos_orbits import FINE
from experiments.simulators._chaos_transfer import DATA_SETS, WAYS

if TYPE_CHECKING:
    import xarray


def dataset(found: dict[str, dict[str, Any]], parts: dict[str, Any]) -> "xarray.Dataset":
    """Everything that was measured, with units.

    Args:
        found: by flow.
        parts: by part.
    """
    import xarray

    names, each = list(found), list(found.values())
    largest = max(len(one["exponents"]) for one in each)
    pad = lambda values: np.pad(values, (0, largest - len(values)), constant_values=np.nan)  # noqa: E731
    exponents = np.stack([pad(one["exponents"]) for one in each])
    published = np.array([one["published"] for one in each])
    per_time = {"units": "nats per unit of time of the flow"}
    variables: dict[str, Any] = {
        "period": ("system", [one["period"] for one in each], {"units": "time of the flow"}),
        "exponent": (("system", "direction"), exponents, per_time),
        "exponent_error": (("system", "direction"), np.stack([pad(one["errors"]) for one in each]), per_time),
        "published_exponent": ("system", published, per_time),
        "published_first": ("system", [one["published_first"] for one in each], per_time),
        "exponent_deviation": ("system", exponents[:, 0] / published - 1, {"units": "1"}),
    }
    coordinates: dict[str, Any] = {"system": names}
    if "repeated" in each[0]:
        variables |= {
            f"repeated_{name}": ("system", [one["repeated"][name] for one in each], per_time)
            for name in each[0]["repeated"]
        }
    if "statistics" in parts:
        counted = parts["statistics"]
        coordinates["any_system"] = list(counted)
        values = [list(pair) for pair in counted.values()]
        coordinates["counted_in"] = ["deviations", "standard errors"]
        variables["statistics_difference"] = (("any_system", "counted_in"), values, {"units": "1"})
    if "equations" in each[0]:
        per_period = {"units": "nats per period"}
        variables |= {name: ("system", [one[name] for one in each], per_period) for name in ("gap", "published_gap")}
        libraries = list(each[0]["equations"])
        errors = [[one["equations"][name] for name in libraries] for one in each]
        variables["equation_error"] = (("system", "library"), errors, {"units": "sMAPE, of 2"})
        coordinates["library"] = libraries
    if "forecast" in parts:
        models = [name for name in MODELS if name in parts["forecast"]]
        stacked = np.stack([parts["forecast"][name] for name in models])
        variables["forecast_error"] = (("model", "system", "ahead"), stacked, {"units": "sMAPE, of 200"})
        coordinates |= {
            "model": models,
            "ahead": ("ahead", np.arange(1, AHEAD + 1) / PERIOD, {"units": "periods"}),
        }
    if "importance" in parts:
        ways = list(parts["importance"])
        values = np.stack([parts["importance"][way] for way in ways])
        variables["importance_error"] = (("training", "trained_system"), values, {"units": "sMAPE, of 200"})
        coordinates["training"] = ways
    if "transfer" in parts:
        values = np.stack([parts["transfer"][way] for way in WAYS])
        variables["accuracy"] = (("features", "data_set"), values, {"units": "1"})
        coordinates |= {"features": list(WAYS), "data_set": list(DATA_SETS)}
    attributes: dict[str, Any] = {"points_per_period": FINE}
    if "design" in parts:
        one = parts["design"]
        variables["design_parameters"] = (
            ("iteration", "parameter"),
            one["path"],
            {"units": "as in Rossler's equations"},
        )
        variables["design_complexity"] = ("iteration", one["complexity"], {"units": "1"})
        variables["design_exponent"] = ("iteration", one["exponent"], per_time)
        variables["gradient_size"] = (("horizon", "kind"), one["reach"], {"units": "1"})
        coordinates |= {
            "parameter": ["a", "b", "c"],
            "horizon": ("horizon", one["horizons"], {"units": "periods"}),
            "kind": ["gradient", "standard error"],
        }
        attributes |= {f"design_{when}_complexity": float(one[when][0]) for when in ("before", "after")}
        attributes["design_best"] = int(one["best"])
    return xarray.Dataset(variables, coords=coordinates, attrs=attributes)
