"""Chaotic systems as a benchmark: forecasting, hard examples, transfer, equations from data, annotations, a design.

The systems are every fifth flow of the catalogue by name (the preset "medium" measures the exponents of all), solved
once each to 60 periods; every part takes its series from that orbit, and training and test stretches follow one another
on it. What the paper's package stores as results is quoted as the paper's value; its annotations are read from the
package dysts. Those are estimates: the published spectrum of Lorenz misses the divergence of the flow by one percent,
and the entry "maximum exponent" is not the first of the spectrum.

The last part asks for parameters of Rossler's flow whose ordinal patterns are as complex as they can be at the same
largest Lyapunov exponent, by gradients through the flow and through its tangent flow. Gradients along a chaotic orbit
grow as exp(lambda T); how many periods they are good for is measured, by their scatter over starts.

`Config.animation` names a GIF file to draw the attractors into, point by point.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import numpy as np

from entropax.simulators import chaos
from experiments.running import Result, stage
from experiments.simulators._chaos_annotations import reason
from experiments.simulators._chaos_claims import CLAIMS as CLAIMS
from experiments.simulators._chaos_data import dataset
from experiments.simulators._chaos_design import DesignConfig, design
from experiments.simulators._chaos_equations import derivative_errors
from experiments.simulators._chaos_exponents import ExponentConfig, gap, spectrum
from experiments.simulators._chaos_figure import animate, draw
from experiments.simulators._chaos_forecasts import (
    AHEAD,
    PERIOD,
    TRAIN,
    ForecastConfig,
    error_by_horizon,
    forecast_all,
    segments,
)
from experiments.simulators._chaos_importance import ImportanceConfig, compare
from experiments.simulators._chaos_measures import measures
from experiments.simulators._chaos_orbits import Orbit, annotations, every_nth_flow, kept, mean_divergence, orbit
from experiments.simulators._chaos_published import repeated
from experiments.simulators._chaos_statistics import differences
from experiments.simulators._chaos_transfer import TransferConfig, accuracies

SLUG = "chaos-benchmark"
TITLE = "Chaos as an interpretable benchmark for forecasting and data-driven modelling"
ARXIV = "2110.05266"


@dataclass(frozen=True)
class Config:
    """The systems and the parts.

    Attributes:
        every: n; every n-th flow of the catalogue by name takes part.
        periods: of the orbits; 0 leaves out all but the exponents.
        forecast: forecasting.
        importance: hard examples.
        importance_every: m; every m-th of those takes part in it.
        transfer: pre-training; None leaves it out.
        exponents: Lyapunov spectra.
        statistics: whether means and deviations of all systems are compared with the published.
        design: the ascent; None leaves it out.
        animation: file name of a GIF of the attractors; empty for none.
    """

    every: int = 5
    periods: int = 60
    forecast: ForecastConfig | None = field(default_factory=ForecastConfig)
    importance: ImportanceConfig | None = field(default_factory=ImportanceConfig)
    importance_every: int = 2
    transfer: TransferConfig | None = field(default_factory=TransferConfig)
    exponents: ExponentConfig = field(default_factory=lambda: ExponentConfig(published=True))
    statistics: bool = False
    design: DesignConfig | None = field(default_factory=DesignConfig)
    animation: str = ""


PRESETS: dict[str, Config] = {
    "smoke": Config(
        every=150,
        periods=14,
        forecast=ForecastConfig(segments=1, networks=("N-BEATS",), steps=2, blocks=1, width=8),
        importance=None,
        transfer=None,
        exponents=ExponentConfig(pieces=2, periods=10, transient=0, steps=100),
        design=None,
    ),
    "default": Config(),
    # The Lyapunov exponents of all flows, and all systems' means and deviations.
    "medium": Config(
        every=1,
        periods=0,
        forecast=None,
        importance=None,
        transfer=None,
        exponents=ExponentConfig(pieces=12, periods=100, transient=15, published=True),
        statistics=True,
        design=None,
    ),
    "full": Config(
        every=1,
        forecast=ForecastConfig(segments=4, steps=500, blocks=30, width=256, embed=64),
        importance=ImportanceConfig(width=64),
        importance_every=1,
        transfer=TransferConfig(steps=5000, windows=10_000, test=1500),
        exponents=ExponentConfig(pieces=32, periods=1000, transient=50, published=True),
        statistics=True,
        design=DesignConfig(starts=512, iterations=30, long=1000),
    ),
}


def run(config: Config, *, key: jax.Array, checkpoint_dir: Path) -> Result:
    """Runs all parts.

    Args:
        config: sizes.
        key: source of randomness.
        checkpoint_dir: what is done is kept in it, flow by flow and part by part.

    Returns:
        What was measured, the data and the figure.
    """
    folder = checkpoint_dir
    keys = jax.random.split(key, 3)
    names = every_nth_flow(config.every)
    with jax.enable_x64(True), stage(f"solve {len(names)} flows, measure their exponents and equations"):
        found = {name: _of_one(name, config, folder) for name in names}
    orbits = [one["orbit"] for one in found.values() if config.periods]
    parts: dict[str, Any] = {"names": names}
    if config.forecast is not None:
        with stage("forecast"):
            forecast = config.forecast
            parts["forecast"] = kept(folder / "forecast.npz", lambda: _forecasts(orbits, forecast, keys[0]))
    if config.importance is not None:
        with stage("train on hard examples"):
            importance = config.importance
            series = np.stack([one.coarse(100)[:1200, 0] for one in orbits[:: config.importance_every]])
            parts["importance"] = kept(folder / "importance.npz", lambda: compare(series, importance, key=keys[1]))
    if config.transfer is not None:
        with stage("transfer to the classification of series"):
            transfer = config.transfer
            parts["transfer"] = kept(folder / "transfer.npz", lambda: accuracies(orbits, transfer, key=keys[2]))
    if config.design is not None:
        with jax.enable_x64(True), stage("design a flow"):
            ascent = config.design
            parts["design"] = kept(folder / "design.npz", lambda: design(ascent))
    if config.statistics:
        with jax.enable_x64(True), stage("compare all systems' means and deviations"):
            parts["statistics"] = differences(folder=folder)
    if config.animation:
        with stage("draw the animation"):
            animate(orbits, Path(config.animation))
    data = dataset(found, parts)
    reasons = [reason(data.sel(system=name)) for name in names]
    data["exponent_reason"] = ("system", reasons, {"long_name": "why the exponent is not within 10% of the published"})
    measured, remarks = measures(found, parts, data)
    return Result(measured=measured, data=data, figure=lambda: draw(data), remarks=remarks)


def _of_one(name: str, config: Config, folder: Path) -> dict[str, Any]:
    """What is measured on one flow."""
    measured = spectrum(name, config.exponents, folder=folder)
    note = annotations()[name]
    published = np.array(note["lyapunov_spectrum_estimated"] or [np.nan])  # one flow has none
    found: dict[str, Any] = {
        "period": chaos.get_system(name).definition.period,
        "exponents": measured.value,
        "errors": measured.error,
        "published": float(note["maximum_lyapunov_estimated"]),
        "published_first": float(published[0]),
    }
    if config.exponents.published:
        found["repeated"] = repeated(name, chaos.get_system(name), measured.ends, measured.steps, folder=folder)
    if not config.periods:
        return found
    solved = orbit(name, periods=config.periods, folder=folder)
    regress = lambda: {"divergence": mean_divergence(solved)} | derivative_errors(solved)  # noqa: E731
    equations = {k: float(v) for k, v in kept(folder / f"{name}-equations.npz", regress).items()}
    divergence = equations.pop("divergence")
    return found | {
        "orbit": solved,
        "gap": gap(solved, measured.value, divergence),
        "published_gap": gap(solved, published, divergence),
        "equations": equations,
    }


def _forecasts(orbits: list[Orbit], config: ForecastConfig, key: jax.Array) -> dict[str, np.ndarray]:
    """Errors at every step, by method, shape (systems, 30): the mean over segments."""
    series = np.concatenate([segments(one.coarse(PERIOD)[:, 0], config.segments) for one in orbits])
    actual = series[:, TRAIN:]
    found = forecast_all(series, config, key=key)
    return {
        name: error_by_horizon(actual, ahead).reshape(len(orbits), config.segments, AHEAD).mean(axis=1)
        for name, ahead in found.items()
    }
