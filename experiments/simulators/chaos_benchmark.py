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
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from entropax.simulators import chaos
from experiments.claims import Bounds, Claim, Estimate, Exceeds, Near, Ordering, WithinErrors
from experiments.running import Result, stage
from experiments.simulators._chaos_design import DesignConfig, design
from experiments.simulators._chaos_equations import derivative_errors
from experiments.simulators._chaos_exponents import ExponentConfig, gap, spectrum
from experiments.simulators._chaos_figure import animate, draw
from experiments.simulators._chaos_forecasts import (
    AHEAD,
    MODELS,
    PAPER,
    PERIOD,
    TRAIN,
    ForecastConfig,
    error_by_horizon,
    forecast_all,
    segments,
)
from experiments.simulators._chaos_importance import ImportanceConfig, compare
from experiments.simulators._chaos_orbits import FINE, Orbit, annotations, every_nth_flow, kept, mean_divergence, orbit
from experiments.simulators._chaos_transfer import DATA_SETS, WAYS, TransferConfig, accuracies

if TYPE_CHECKING:
    import xarray

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
        design: the ascent; None leaves it out.
        animation: file name of a GIF of the attractors; empty for none.
    """

    every: int = 5
    periods: int = 60
    forecast: ForecastConfig | None = field(default_factory=ForecastConfig)
    importance: ImportanceConfig | None = field(default_factory=ImportanceConfig)
    importance_every: int = 2
    transfer: TransferConfig | None = field(default_factory=TransferConfig)
    exponents: ExponentConfig = field(default_factory=ExponentConfig)
    design: DesignConfig | None = field(default_factory=DesignConfig)
    animation: str = ""


PRESETS: dict[str, Config] = {
    "smoke": Config(
        every=150,
        periods=14,
        forecast=ForecastConfig(segments=1, steps=2, blocks=1, width=8, embed=8),
        importance=None,
        transfer=None,
        exponents=ExponentConfig(starts=2, periods=10, transient=0, steps=100),
        design=None,
    ),
    "default": Config(),
    # The Lyapunov exponents of all flows.
    "medium": Config(
        every=1,
        periods=0,
        forecast=None,
        importance=None,
        transfer=None,
        exponents=ExponentConfig(periods=150),
        design=None,
    ),
    "full": Config(
        every=1,
        forecast=ForecastConfig(segments=4, steps=500, blocks=30, width=256, embed=64),
        importance=ImportanceConfig(width=64),
        importance_every=1,
        transfer=TransferConfig(steps=5000, windows=10_000, test=1500),
        exponents=ExponentConfig(starts=32, periods=1000, transient=50),
        design=DesignConfig(starts=512, iterations=30, long=1000),
    ),
}

STORED = "stored results of the paper's package"
OURS = "our analysis of the stored results of the paper's package"
MEDIAN = "forecast: median sMAPE of {}"
SPEARMAN = "forecast: Spearman of sMAPE with exponent x period, {}"
RANKED = ("N-BEATS", "LSTM", "linear", "naive mean")

CLAIMS: tuple[Claim, ...] = (
    *(
        Claim(MEDIAN.format(name), PAPER[name], f"{STORED}, 131 systems", WithinErrors(3, resolution=15))
        for name in PAPER
    ),
    Claim("forecast: order of the medians", " < ".join(RANKED), STORED, Ordering(RANKED)),
    Claim("forecast: N-BEATS, error in the first and the second period", "grows", "abstract", Ordering(("1", "2"))),
    *(
        Claim(SPEARMAN.format(name), 0.0, f"positive, {value}: {OURS}", Exceeds(0))
        for name, value in (("N-BEATS", 0.34), ("LSTM", 0.23), ("linear", 0.23))
    ),
    Claim(SPEARMAN.format("naive seasonal"), -0.02, OURS, WithinErrors(2, resolution=0.25)),
    Claim(
        "importance sampling: median sMAPE",
        "importance 90.9 < uniform 98.6",
        STORED,
        Ordering(("importance", "uniform")),
    ),
    Claim(
        "importance sampling: mean sMAPE, of uniform less of importance",
        -1.8,
        f"{STORED}: 92.4 and 94.2",
        WithinErrors(2, resolution=20),
    ),
    Claim(
        "transfer: mean accuracy", "raw .757, random period .754, transfer .796", STORED, Ordering(("raw", "transfer"))
    ),
    Claim("transfer: mean accuracy against random periods", "higher", STORED, Ordering(("random period", "transfer"))),
    Claim(
        "transfer: mean accuracy by number of systems",
        "higher with more",
        f"{STORED}: .461 to .555",
        Ordering(("transfer, 2 systems", "transfer")),
    ),
    Claim(
        "equations: median sMAPE (of 2), polynomial", 0.1875, f"{STORED}, 131 systems", WithinErrors(3, resolution=0.15)
    ),
    Claim(
        "equations: median sMAPE (of 2), Fourier", 0.6797, f"{STORED}, 131 systems", WithinErrors(3, resolution=0.25)
    ),
    Claim("equations: order of the libraries", "polynomial < Fourier", STORED, Ordering(("polynomial", "Fourier"))),
    Claim(
        "annotations: exponents less divergence, median in nats a period",
        0.0,
        "Liouville's formula",
        Near(absolute=0.02),
    ),
    Claim(
        "annotations: gap to the divergence, ours and published",
        "ours is smaller",
        "Liouville's formula",
        Ordering(("ours", "published")),
    ),
    Claim(
        "annotations: largest exponent, median deviation from the published", 0.0, "package dysts", Near(absolute=0.1)
    ),
    Claim(
        "annotations: share of flows within 10% of the published exponent",
        "at least 0.9",
        "package dysts, maximum_lyapunov_estimated",
        Bounds(lower=0.9),
    ),
    Claim(
        "annotations: share of flows within 10% of the published spectrum's first exponent",
        "at least 0.9",
        "package dysts, lyapunov_spectrum_estimated",
        Bounds(lower=0.9),
    ),
    Claim(
        "annotations: share of flows whose two published exponents agree within 10%",
        "at least 0.9",
        "package dysts, against itself",
        Bounds(lower=0.9),
    ),
    Claim("design: gradient against finite differences", 0.0, "float64, relative", Near(absolute=1e-4)),
    Claim("design: gain of complexity on long orbits", 0.0, "positive, two standard errors", Exceeds(2)),
    Claim("design: change of the exponent on long orbits", 0.0, "held fixed", WithinErrors(3, resolution=0.005)),
)


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
    if config.animation:
        with stage("draw the animation"):
            animate(orbits, Path(config.animation))
    data = _dataset(found, parts)
    measured, remarks = _measured(found, parts, data)
    return Result(measured=measured, data=data, figure=lambda: draw(data), remarks=remarks)


def _of_one(name: str, config: Config, folder: Path) -> dict[str, Any]:
    """What is measured on one flow."""
    exponents, errors = spectrum(name, config.exponents, folder=folder)
    note = annotations()[name]
    published = np.array(note["lyapunov_spectrum_estimated"] or [np.nan])  # one flow has none
    found = {
        "period": chaos.get_system(name).definition.period,
        "exponents": exponents,
        "errors": errors,
        "published": float(note["maximum_lyapunov_estimated"]),
        "published_first": float(published[0]),
    }
    if not config.periods:
        return found
    solved = orbit(name, periods=config.periods, folder=folder)
    measures = lambda: {"divergence": mean_divergence(solved)} | derivative_errors(solved)  # noqa: E731
    equations = {k: float(v) for k, v in kept(folder / f"{name}-equations.npz", measures).items()}
    divergence = equations.pop("divergence")
    return found | {
        "orbit": solved,
        "gap": gap(solved, exponents, divergence),
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


# ------------------------------------------------------------------------------------------------------- measurements


def _measured(
    found: dict[str, dict[str, Any]], parts: dict[str, Any], data: "xarray.Dataset"
) -> tuple[dict[str, Any], dict[str, str]]:
    measured: dict[str, Any] = {}
    remarks: dict[str, str] = {}
    if "forecast" in parts:
        errors = {name: by_step.mean(axis=1) for name, by_step in parts["forecast"].items()}
        medians = {name: _median(values) for name, values in errors.items()}
        measured |= {MEDIAN.format(name): medians[name] for name in PAPER}
        smaller = (
            "smaller networks than the package's, one window length instead of a search" if len(found) < 100 else ""
        )
        for name in PAPER:
            words = f"{len(found)} flows, the last two periods of stretches of one orbit"
            remarks[MEDIAN.format(name)] = (
                f"{words}; {smaller}" if smaller and name in ("N-BEATS", "LSTM", "transformer") else words
            )
        measured["forecast: order of the medians"] = {name: medians[name].value for name in RANKED}
        halves = np.median(parts["forecast"]["N-BEATS"].reshape(len(found), 2, PERIOD).mean(axis=2), axis=0)
        measured["forecast: N-BEATS, error in the first and the second period"] = dict(zip("12", halves, strict=True))
        if len(found) >= 10:
            difficulty = data.published_exponent.values * data.period.values
            for name in ("N-BEATS", "LSTM", "linear", "naive seasonal"):
                measured[SPEARMAN.format(name)] = Estimate(
                    _spearman(errors[name], difficulty), (len(found) - 1) ** -0.5
                )
    if "importance" in parts:
        errors = parts["importance"]
        measured["importance sampling: median sMAPE"] = {
            name: float(np.median(errors[name])) for name in ("importance", "uniform")
        }
        difference = errors["uniform"] - errors["importance"]
        wins = float(np.mean(difference > 0))
        measured["importance sampling: mean sMAPE, of uniform less of importance"] = Estimate(
            difference.mean(), difference.std(ddof=1) / len(difference) ** 0.5
        )
        remarks["importance sampling: median sMAPE"] = (
            f"better on {wins:.0%} of {len(difference)} systems; trained on the whole series: "
            f"{np.median(errors['baseline']):.1f}"
        )
    if "transfer" in parts:
        mean = {way: float(parts["transfer"][way].mean()) for way in WAYS}
        for name, pair in (
            ("transfer: mean accuracy", ("raw", "transfer")),
            ("transfer: mean accuracy against random periods", ("random period", "transfer")),
            ("transfer: mean accuracy by number of systems", ("transfer, 2 systems", "transfer")),
        ):
            measured[name] = {way: mean[way] for way in pair}
            remarks[name] = f"on {', '.join(DATA_SETS)} instead of the UCR archive, {len(found)} flows"
    if "equation_error" not in data:
        return measured | _annotated(data), remarks | _outliers(data)
    libraries = {
        name: np.array([one["equations"][name] for one in found.values()]) for name in ("polynomial", "Fourier")
    }
    exact = np.median([one["equations"]["polynomial, true derivatives"] for one in found.values()])
    for name, values in libraries.items():
        measured[f"equations: median sMAPE (of 2), {name}"] = _median(values)
    remarks["equations: median sMAPE (of 2), polynomial"] = (
        f"derivatives by central differences at 100 points a period; with true derivatives the median is {exact:.2g}"
    )
    measured["equations: order of the libraries"] = {name: float(np.median(v)) for name, v in libraries.items()}
    if "design" in parts:
        remarks["design: gradient against finite differences"] = "gradient over its standard error: " + ", ".join(
            f"{size / error:.2g} over {periods} periods"
            for periods, (size, error) in zip(parts["design"]["horizons"], parts["design"]["reach"], strict=True)
        )
    return measured | _annotated(data) | _designed(parts), remarks | _outliers(data)


def _annotated(data: "xarray.Dataset") -> dict[str, Any]:
    deviation = np.abs(data.exponent_deviation.values)
    kept = np.isfinite(deviation)
    measured: dict[str, Any] = {}
    if "gap" in data:
        gaps = {"ours": float(np.nanmedian(data.gap)), "published": float(np.nanmedian(data.published_gap))}
        measured["annotations: exponents less divergence, median in nats a period"] = gaps["ours"]
        measured["annotations: gap to the divergence, ours and published"] = gaps
    return measured | {
        "annotations: largest exponent, median deviation from the published": float(np.median(deviation[kept])),
        "annotations: share of flows within 10% of the published exponent": float(np.mean(deviation <= 0.1)),
        "annotations: share of flows within 10% of the published spectrum's first exponent": _share(
            data.exponent[:, 0] / data.published_first
        ),
        "annotations: share of flows whose two published exponents agree within 10%": _share(
            data.published_first / data.published_exponent
        ),
    }


def _share(ratio: "xarray.DataArray") -> float:
    """Of the flows that have a ratio, the share of those where it is within 10% of one."""
    known = ratio.values[np.isfinite(ratio.values)]
    return float(np.mean(np.abs(known - 1) <= 0.1))


def _outliers(data: "xarray.Dataset") -> dict[str, str]:
    """The flows whose exponent is more than 10% off the published one, by what is known of why."""
    groups: dict[str, list[str]] = {}
    for name in data.system.values:
        one = data.sel(system=name)
        ours, error = float(one.exponent[0]), float(one.exponent_error[0])
        largest, first = float(one.published_exponent), float(one.published_first)
        if not abs(ours / largest - 1) <= 0.1:
            reason = _reason(ours, error, largest, first, float(one.period))
            groups.setdefault(reason, []).append(f"{name} {ours:.3g} ± {error:.1g} ({largest:.3g}, {first:.3g})")
    listed = "; ".join(f"{reason}: {', '.join(words)}" for reason, words in groups.items())
    words = f"beyond it, with the two published values, the maximum and the first of the spectrum: {listed}"
    return {"annotations: share of flows within 10% of the published exponent": words}


def _reason(ours: float, error: float, largest: float, first: float, period: float) -> str:
    """In words, why an exponent is off the published maximum."""
    if not np.isfinite(ours):
        return "an orbit was lost"
    if ours * period < 0.05:
        return "no or hardly any chaos, less than 0.05 nats a period, where short orbits read too much"
    if abs(ours / first - 1) <= 0.1:
        return "agrees with the published spectrum instead"
    if error > 0.1 * ours:
        return "our standard error is above 10%"
    if not abs(first / largest - 1) <= 0.1:
        return "the two published values differ by more than 10% themselves"
    return "unexplained"


def _designed(parts: dict[str, Any]) -> dict[str, Any]:
    if "design" not in parts:
        return {}
    found = parts["design"]
    change = found["after"][:2] - found["before"][:2]
    errors = np.hypot(found["after"][2:], found["before"][2:])
    return {
        "design: gradient against finite differences": float(found["mismatch"]),
        "design: gain of complexity on long orbits": Estimate(change[0], errors[0]),
        "design: change of the exponent on long orbits": Estimate(change[1], errors[1]),
    }


def _median(values: np.ndarray) -> Estimate:
    """A median and its standard error by the bootstrap (2000 draws, a generator of its own)."""
    draws = np.random.default_rng(0).integers(0, len(values), (2000, len(values)))
    return Estimate(float(np.median(values)), float(np.median(values[draws], axis=1).std()))


def _spearman(x: np.ndarray, y: np.ndarray) -> float:
    rank = lambda z: np.argsort(np.argsort(z))  # noqa: E731
    return float(np.corrcoef(rank(x), rank(y))[0, 1])


def _dataset(found: dict[str, dict[str, Any]], parts: dict[str, Any]) -> "xarray.Dataset":
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
    if "equations" in each[0]:
        per_period = {"units": "nats per period"}
        variables |= {name: ("system", [one[name] for one in each], per_period) for name in ("gap", "published_gap")}
        libraries = list(each[0]["equations"])
        errors = [[one["equations"][name] for name in libraries] for one in each]
        variables["equation_error"] = (("system", "library"), errors, {"units": "sMAPE, of 2"})
        coordinates["library"] = libraries
    if "forecast" in parts:
        stacked = np.stack([parts["forecast"][name] for name in MODELS])
        variables["forecast_error"] = (("model", "system", "ahead"), stacked, {"units": "sMAPE, of 200"})
        coordinates |= {
            "model": list(MODELS),
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
