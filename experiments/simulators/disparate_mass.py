"""A gas of light and heavy particles relaxes in three epochs, computed with one time step for any mass ratio.

Kinetic equations of Maxwell molecules in the plane, expanded in eps, the square root of the mass ratio, by the
penalised step of `KineticMixture`; exact second moments at the same eps are the reference, and Euler's method with the
same step the comparison. The paper's own numbers could not be read, so the claims are its abstract's statements and the
independent routes that give their numbers.

Then a design through the simulation: which initial anisotropy, at given energy and initial entropy, produces most
entropy in the first epoch. The dynamics contracts, so gradients do not grow with the horizon; they fade once a mode has
relaxed, and a horizon beyond the epoch of interest costs only steps (memory grows as their square root).
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from entropax import simulators
from experiments.claims import Bounds, Claim, Near, Ordering, Quotient
from experiments.running import Result, stage
from experiments.simulators._mixture_design import DesignConfig, design
from experiments.simulators._mixture_figure import draw
from experiments.simulators._mixture_runs import (
    RunConfig,
    decay_time,
    euler_peaks,
    exact_epochs,
    seconds_per_evaluation,
    spectral_accuracy,
    steps_to_blow_up,
    three_epochs,
)

if TYPE_CHECKING:
    import xarray

SLUG = "disparate-mass"
TITLE = "Three epochs of a mixture with disparate masses, with one time step for all mass ratios"
ARXIV = "2411.13240"


@dataclass(frozen=True)
class Config:
    """The runs and the design.

    Attributes:
        runs: three epochs at several mass ratios.
        design: the best anisotropy.
    """

    runs: RunConfig = field(default_factory=RunConfig)
    design: DesignConfig = field(default_factory=DesignConfig)


PRESETS: dict[str, Config] = {
    "smoke": Config(
        RunConfig(
            num_points=32,
            light_support=4.8,
            heavy_support=3.6,
            num_radii=20,
            num_angles=8,
            epsilons=(0.1, 0.02),
            num_steps=40,
            explicit_steps=12,
        ),
        DesignConfig(num_steps=2, num_points=24, iterations=1, search=0),
    ),
    "default": Config(),
    "full": Config(
        RunConfig(num_points=64, num_radii=40, num_angles=16, epsilons=(0.2, 0.1, 0.05, 0.02, 0.01), num_steps=400),
        DesignConfig(num_points=48, num_steps=32, iterations=60, search=9),
    ),
}

TEMPERATURES = "temperatures, eps = {}: largest error"
HEAVY = "heavy anisotropy, eps = {}: decay time over the exact one"
EPOCHS = "eps = {}: decay times of the three epochs"
ORDER = "temperatures: order in eps of the largest error"
EULER = "Euler's method, eps = {}: steps until it blows up"
EPOCH_ORDER = ("light anisotropy", "heavy anisotropy", "temperature gap")
EXACT = "exact moment equations of Maxwell molecules"

CLAIMS: tuple[Claim, ...] = (
    *(
        Claim(EPOCHS.format(eps), "three separate epochs", "abstract", Ordering(EPOCH_ORDER))
        for eps in (0.2, 0.1, 0.05, 0.02)
    ),
    *(
        Claim(TEMPERATURES.format(eps), "below 2%", f"{EXACT}; works well for small eps: abstract", Bounds(upper=0.02))
        for eps in (0.1, 0.05, 0.02)
    ),
    Claim(ORDER, "at least 1", "expansion in eps", Bounds(lower=1.0)),
    Claim("light anisotropy, eps = 0.2: decay time over the exact one", 1.0, EXACT, Near(relative=0.1)),
    *(Claim(HEAVY.format(eps), 1.0, EXACT, Near(relative=0.1)) for eps in (0.2, 0.1, 0.05, 0.02)),
    Claim("entropy: smallest change in a step", "never falls", "H-theorem", Bounds(lower=0.0)),
    Claim("entropy: gains in the first step, eps = 0.02", "light gas first", "abstract", Ordering(("heavy", "light"))),
    Claim("energy and momentum: largest relative change", 0.0, "conservation", Near(absolute=1e-11)),
    Claim("heavy velocity at the end, eps = 0.1", 0.346534653, "closed form (momentum)", Near(absolute=1e-8)),
    *(
        Claim(EULER.format(eps), "diverges", "stability bound dt < 2 eps^2 / (n_L + n_H)", Bounds(upper=40))
        for eps in (0.05, 0.02)
    ),
    Claim("spectral operator: largest error at 64 x 64", 0.0, "Bobylev-Krook-Wu solution", Near(absolute=5e-8)),
    Claim("spectral operator: seconds per evaluation at 48 x 48", "none given", "40 radii, 16 angles", Bounds(upper=1)),
    Claim("design: gradient against finite differences", 0.0, "float64, relative", Near(absolute=1e-6)),
    Claim("design: entropy produced over the best of a search", "at least 1", "search on a grid", Bounds(lower=0.999)),
    Claim("design: the light gas's share of the anisotropy", 1.0, "its epoch is the first", Near(absolute=0.01)),
    Claim(
        "design: angle from the light gas's drift to its hot axis",
        float(np.pi / 2),
        "symmetry; along the drift the anisotropies add and last longer",
        Near(absolute=0.05),
    ),
)


def run(config: Config, *, key: jax.Array, checkpoint_dir: Path) -> Result:
    """Runs every mass ratio, Euler's method and the design.

    Args:
        config: sizes.
        key: not used: nothing is drawn.
        checkpoint_dir: not used.

    Returns:
        What was measured, the data and the figure.
    """
    del key, checkpoint_dir
    runs = config.runs
    with jax.enable_x64(True):
        with stage("check and time the spectral operator"):
            accuracy, seconds = spectral_accuracy(), seconds_per_evaluation()
        with stage("run the three epochs"):
            found = {eps: three_epochs(runs, eps) for eps in runs.epsilons}
        with stage("solve the exact moment equations"):
            exact = {eps: exact_epochs(runs, eps) for eps in runs.epsilons}
        with stage("run Euler's method"):
            euler = {eps: euler_peaks(runs, eps) for eps in runs.epsilons}
        with stage("design the initial anisotropy"):
            best = design(config.design)
    measured = _measured(runs, found, exact, euler) | {
        "spectral operator: largest error at 64 x 64": accuracy,
        "spectral operator: seconds per evaluation at 48 x 48": seconds,
        "design: gradient against finite differences": best["mismatch"],
    }
    if config.design.iterations >= 20:  # else the ascent has not arrived
        measured["design: entropy produced over the best of a search"] = Quotient(best["values"][-1], best["search"])
        measured["design: the light gas's share of the anisotropy"] = best["light_share"][-1]
        measured["design: angle from the light gas's drift to its hot axis"] = best["angles"][-1, 1] % np.pi
    known = {claim.name for claim in CLAIMS}
    remarks = {
        EULER.format(
            eps
        ): f"bound {eps**2:.2g} for n_L = n_H = 1, dt = {runs.dt:g}; at eps of 0.1 and 0.2 dt is within it"
        for eps in runs.epsilons
        if eps in (0.05, 0.02)
    }
    data = _dataset(runs, found, exact, euler, best)
    return Result(
        measured={name: value for name, value in measured.items() if name in known},
        data=data,
        figure=lambda: draw(data),
        remarks=remarks,
    )


def _measured(
    runs: RunConfig,
    found: dict[float, dict[str, np.ndarray]],
    exact: dict[float, dict[str, np.ndarray]],
    euler: dict[float, np.ndarray],
) -> dict[str, Any]:
    measured: dict[str, Any] = {}
    smallest, drift = [], []
    for eps, ours in found.items():
        true = exact[eps]
        errors = [np.abs(ours[f"{gas}_temperature"] / true[f"{gas}_temperature"] - 1) for gas in ("light", "heavy")]
        measured[TEMPERATURES.format(eps)] = float(np.max(errors))
        times = _decay_times(ours, runs.dt)
        reference = _decay_times(true, runs.dt)
        if np.isfinite(list(times.values())).all():
            measured[EPOCHS.format(eps)] = times
        for name, label in (("light anisotropy", "light"), ("heavy anisotropy", "heavy")):
            claim = f"{label} anisotropy, eps = {eps}: decay time over the exact one"
            if np.isfinite(times[name]):
                measured[claim] = Quotient(times[name], reference[name])
        entropy = ours["light_entropy"] + ours["heavy_entropy"]
        smallest.append(np.diff(entropy).min())
        drift += [np.abs(ours[name] / ours[name][0] - 1).max() for name in ("energy", "momentum")]
        measured[EULER.format(eps)] = steps_to_blow_up(euler[eps])
        measured[f"entropy: gains in the first step, eps = {eps}"] = {
            gas: np.diff(ours[f"{gas}_entropy"])[0] for gas in ("heavy", "light")
        }
        if runs.num_steps * runs.dt >= 1:
            measured[f"heavy velocity at the end, eps = {eps}"] = float(ours["heavy_velocity"][-1])
    errors = [measured[TEMPERATURES.format(eps)] for eps in runs.epsilons]
    measured[ORDER] = float(np.polyfit(np.log(runs.epsilons), np.log(errors), 1)[0])
    measured["entropy: smallest change in a step"] = float(min(smallest))
    measured["energy and momentum: largest relative change"] = float(max(drift))
    return measured


def _decay_times(run: dict[str, np.ndarray], dt: float) -> dict[str, float]:
    gap = run["light_temperature"] - run["heavy_temperature"]
    series = run["light_anisotropy"], run["heavy_anisotropy"], gap
    return {name: decay_time(values, dt) for name, values in zip(EPOCH_ORDER, series, strict=True)}


def _dataset(
    runs: RunConfig,
    found: dict[float, dict[str, np.ndarray]],
    exact: dict[float, dict[str, np.ndarray]],
    euler: dict[float, np.ndarray],
    best: dict[str, Any],
) -> "xarray.Dataset":
    import xarray

    units = {"temperature": "T", "anisotropy": "T", "velocity": "thermal speed", "entropy": "nats", "mass": "n"}
    variables: dict[str, Any] = {}
    for source, prefix in ((found, ""), (exact, "exact_")):
        for name in next(iter(source.values())):
            values = np.stack([source[eps][name] for eps in runs.epsilons])
            variables[prefix + name] = (("eps", "time"), values, {"units": units.get(name.split("_")[-1], "1")})
    times = runs.dt * np.arange(runs.num_steps + 1)
    with jax.enable_x64(True):
        limit = np.array([simulators.two_temperatures(t, 1.125, 0.5, 1.0, 1.0) for t in times])
    variables |= {
        "limit_light_temperature": ("time", limit[:, 0], {"units": "T"}),
        "limit_heavy_temperature": ("time", limit[:, 1], {"units": "T"}),
        "euler_peak": (("eps", "euler_step"), np.stack([euler[eps] for eps in runs.epsilons]), {"units": "start"}),
        "design_entropy": ("iteration", best["values"], {"units": "nats"}),
        "design_light_share": ("iteration", best["light_share"], {"units": "1"}),
        "design_angle": (("iteration", "angle"), best["angles"], {"units": "radians"}),
    }
    coordinates = {
        "time": ("time", times, {"units": "relaxation times"}),
        "eps": ("eps", list(runs.epsilons), {"units": "1"}),
        "angle": ["division", "light direction", "heavy direction"],
    }
    return xarray.Dataset(variables, coords=coordinates, attrs={"dt": runs.dt, "search": best["search"]})
