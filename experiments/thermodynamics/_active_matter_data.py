"""What the parts of the active-matter experiment found, as one data set."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from experiments.thermodynamics._mips_rates import MipsOutcome
from experiments.thermodynamics._trap import TrapRow

if TYPE_CHECKING:
    import xarray


class Outcomes(NamedTuple):
    """What every part found.

    Attributes:
        linear: by the name of the system.
        ring: by the name of the quantity.
        trap: one row a speed, 16 swimmers.
        crowd: the same of 64, or None.
        mips: by the multiple of the training's size, or None.
    """

    linear: dict[str, dict[str, Any]]
    ring: dict[str, Any]
    trap: list[TrapRow]
    crowd: list[TrapRow] | None = None
    mips: dict[int, MipsOutcome] | None = None


def rate_at_distance(density: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """Mean rate given the distance, from maps over (x, g); NaN where there is no density.

    Args:
        density: shape (num_x, num_g).
        rate: shape (num_x, num_g).

    Returns:
        The means, shape (num_x,).
    """
    total = density.sum(axis=1)
    return np.nansum(density * rate, axis=1) / np.where(total > 0, total, np.nan)


def as_dataset(outcomes: Outcomes) -> "xarray.Dataset":
    """Everything found, with units.

    Args:
        outcomes: of all parts.
    """
    import xarray

    linear, ring, trap, crowd, mips = outcomes
    variables = _linear_variables(linear) | _ring_variables(ring) | _trap_variables("trap", trap)
    coordinates: dict[str, Any] = {
        "system": list(linear),
        "x": ("x", ring["x"], {"units": "length"}),
        "g": ("g", ring["g"], {"units": "1"}),
        "component": ["x", "g"],
        "part": ["x", "g"],
    } | _trap_coordinates("trap", trap)
    attrs = {
        "ring_learned": float(ring["learned"].value),
        "ring_learned_error": float(ring["learned"].standard_error),
        "ring_score_free": float(ring["score_free"].value),
        "ring_reference": ring["reference_total"],
        "trap_swimmers": trap[0].num_particles,
        "parity": "propulsions even under time reversal",
    }
    if crowd is not None:
        variables |= _trap_variables("crowd", crowd)
        coordinates |= _trap_coordinates("crowd", crowd)
        attrs["crowd_swimmers"] = crowd[0].num_particles
    if mips is not None:
        variables |= _mips_variables(mips)
        coordinates |= {"size": list(mips), "place": ["gas", "interface", "solid"]}
        attrs |= {f"mips_half_width_{n}": outcome.half_width for n, outcome in mips.items()}
    return xarray.Dataset(variables, coords=coordinates, attrs=attrs)


_RATE = {"units": "nats per unit time"}


def _linear_variables(linear: dict[str, dict[str, Any]]) -> dict[str, Any]:
    learned = [row["learned"] for row in linear.values()]
    return {
        "linear_learned": ("system", [float(estimate.value) for estimate in learned], _RATE),
        "linear_learned_error": ("system", [float(estimate.standard_error) for estimate in learned], _RATE),
        "linear_exact": ("system", [row["exact"] for row in linear.values()], _RATE),
    }


def _ring_variables(ring: dict[str, Any]) -> dict[str, Any]:
    maps = ("x", "g")
    density, velocity = {"units": "1 / length"}, {"units": "length, 1 per unit time"}
    return {
        "density": (maps, ring["density"], density),
        "smoothed_density": (maps, ring["smoothed_density"], density),
        "velocity": (("component", *maps), ring["velocity"], velocity),
        "rate": (maps, ring["rate"], _RATE),
        "reference_density": (maps, ring["reference_density"], density),
        "reference_velocity": (("component", *maps), ring["reference_velocity"], velocity),
        "reference_rate": (maps, ring["reference_rate"], _RATE),
        "rate_at_distance": ("x", rate_at_distance(ring["density"], ring["rate"]), _RATE),
        "reference_rate_at_distance": (
            "x",
            rate_at_distance(ring["reference_density"], ring["reference_rate"]),
            _RATE,
        ),
    }


def _trap_variables(name: str, rows: list[TrapRow]) -> dict[str, Any]:
    speed, radius = f"{name}_speed", f"{name}_radius"
    variables: dict[str, Any] = {
        f"{name}_learned_parts": ((speed, "part"), np.stack([row.learned_parts for row in rows]), _RATE),
        f"{name}_reference": (speed, [row.reference for row in rows], _RATE),
        f"{name}_residual": (speed, [row.residual for row in rows], _RATE),
        f"{name}_radial_rate": ((speed, radius), np.stack([row.radial_rate for row in rows]), _RATE),
        f"{name}_radial_density": (
            (speed, radius),
            np.stack([row.radial_density for row in rows]),
            {"units": "1 / length^2"},
        ),
    }
    for quantity in ("learned", "score_free", "controlled"):
        estimates = [getattr(row, quantity) for row in rows]
        variables[f"{name}_{quantity}"] = (speed, [float(e.value) for e in estimates], _RATE)
        variables[f"{name}_{quantity}_error"] = (speed, [float(e.standard_error) for e in estimates], _RATE)
    return variables


def _trap_coordinates(name: str, rows: list[TrapRow]) -> dict[str, Any]:
    return {
        f"{name}_speed": (f"{name}_speed", [row.speed for row in rows], {"units": "length per unit time"}),
        f"{name}_radius": (f"{name}_radius", rows[0].radius, {"units": "length"}),
    }


def _mips_variables(mips: dict[int, MipsOutcome]) -> dict[str, Any]:
    """Means by size and place, and the last configuration at every size."""
    outcomes = list(mips.values())
    variables: dict[str, Any] = {
        f"mips_{name}": ("size", [getattr(o, name) for o in outcomes], _RATE)
        for name in ("learned", "upper", "unblurred")
    }
    variables["mips_lower"] = ("size", [float(o.lower.value) for o in outcomes], _RATE)
    variables["mips_lower_error"] = ("size", [float(o.lower.standard_error) for o in outcomes], _RATE)
    for name in ("system", "total"):
        variables[f"mips_{name}"] = (("size", "place"), [getattr(o, name) for o in outcomes], _RATE)
    variables["mips_fractions"] = (("size", "place"), [o.fractions for o in outcomes], {"units": "1"})
    for n, outcome in mips.items():
        swimmer = f"swimmer_{n}"
        variables[f"mips_positions_{n}"] = ((swimmer, "axis"), outcome.positions, {"units": "length"})
        variables[f"mips_particle_rates_{n}"] = (swimmer, outcome.particle_rates, _RATE)
    return variables
