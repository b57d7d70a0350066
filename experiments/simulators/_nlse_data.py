"""The data set of the Schroedinger waves."""

from typing import TYPE_CHECKING, Any

import numpy as np

from entropax import simulators
from experiments.simulators._nlse_cases import LENGTH, points

if TYPE_CHECKING:
    import xarray

SAVED = ("spatial", "spectral", "renyi_2", "renyi_inf", "complexity", "permutation", "sample")


def dataset(
    config: Any, cases: dict[str, dict[str, Any]], studies: dict[str, Any], designs: dict[str, Any]
) -> "xarray.Dataset":
    """All that the figure shows, with units.

    Args:
        config: the experiment's.
        cases: of `run_cases`.
        studies: integrators, shifts, ensemble, by name.
        designs: fit, packet, horizon, by name.
    """
    sizes = config.cases
    times = np.linspace(0, sizes.t_end, sizes.snapshots)
    observed: dict[str, Any] = {
        "intensity": np.stack([np.abs(found["psi"]).astype(np.float32) ** 2 for found in cases.values()], axis=1)
    }
    observed |= {
        name: np.stack([getattr(found["entropies"], name) for found in cases.values()], axis=1) for name in SAVED
    }
    observed |= {
        name: np.stack([found["invariants"][name] for found in cases.values()], axis=1)
        for name in ("mass", "momentum", "energy")
    }
    dims = {name: ("case", "x") if name == "intensity" else ("case",) for name in observed}
    units = {name: "nats" for name in SAVED if name not in ("complexity", "permutation")}
    units |= {"complexity": "1", "permutation": "1", "time": "1", "intensity": "1"}
    units |= dict.fromkeys(("mass", "momentum", "energy"), "1")
    attrs: dict[str, Any] = {"length": LENGTH, "equation": "i psi_t + psi_xx / 2 + |psi|^2 psi = 0, without units"}
    if config.design is not None:
        attrs["packet_dt"] = config.design.dt
    data = simulators.to_dataset(observed, times=times, dims=dims, units=units, attrs=attrs)
    data = data.assign_coords(case=list(cases), x=("x", points(sizes.num_points), {"units": "1"}))
    return data.assign(_of_studies(studies) | _of_designs(designs))


def _of_studies(studies: dict[str, Any]) -> dict[str, Any]:
    if not studies:
        return {}
    variables: dict[str, Any] = {}
    for method, rows in studies["integrators"].items():
        row = f"run_{method}"
        variables[f"{method}_transforms"] = (row, rows[:, 0], {"units": "1"})
        variables[f"{method}_error"] = (row, rows[:, 1], {"units": "1"})
    scan, many = studies["scan"], studies["ensemble"]
    variables |= {f"shift_{name}": (("pair", "soliton"), scan[name], {"units": "1"}) for name in ("measured", "theory")}
    variables["ensemble_spectral"] = (("seed", "ensemble_time"), many["spectral_entropy"], {"units": "nats"})
    variables["ensemble_peak"] = ("seed", many["peak"], {"units": "1"})
    variables["ensemble_time"] = ("ensemble_time", many["time"], {"units": "1"})
    return variables


def _of_designs(designs: dict[str, Any]) -> dict[str, Any]:
    if not designs:
        return {}
    fit, packet = designs["fit"], designs["packet"]
    variables: dict[str, Any] = {
        "fit_path": (("fit_iteration", "parameter"), fit["path"], {"units": "1"}),
        "fit_loss": ("fit_iteration", fit["losses"], {"units": "1"}),
        "random_entropy": ("random_packet", packet["random"], {"units": "nats"}),
    }
    for name in ("least", "greatest"):
        found = packet[name]
        variables[f"{name}_values"] = (f"{name}_iteration", found["values"], {"units": "nats"})
        variables[f"{name}_series"] = ("packet_step", found["series"], {"units": "nats"})
    for case, found in designs["horizon"].items():
        label = case.replace(" ", "_")
        variables[f"{label}_growth"] = ("horizon_time", found["growth"], {"units": "1"})
        variables[f"{label}_mismatch"] = ("horizon_time", found["mismatch"], {"units": "1"})
        variables["horizon_time"] = ("horizon_time", found["time"], {"units": "1"})
    return variables
