"""Transformations of cluster cores and what comes before them, on a synthetic population.

The paper's clusters are simulated and their histories are not shipped here; a generator with known causes takes their
place (`entropax.applications.clusters.ClusterCore`). So the claims say whether the finder and the tests of coincidence
see what the paper states where it is planted, and do not where it is not; shares and rates of the population itself
are the generator's, and where they differ from the paper's this says so. Histories of TNG-Cluster can be read by
`clusters.read_histories` and `read_mergers` and given to the same functions.
"""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from entropax.applications import clusters
from experiments.applications import _cluster_measures as measures
from experiments.applications._cluster_design import FEATURES, TRUTH, DesignConfig, fit, gradient_check
from experiments.applications._cluster_figure import draw
from experiments.claims import Bounds, Claim, Estimate, Exceeds, Near, Ordering, WithinErrors
from experiments.running import Result, stage

if TYPE_CHECKING:
    import xarray

SLUG = "tng-cluster"
TITLE = "What Drives Cluster Cool-Core Transformations? A Population Level Analysis of TNG-Cluster"
ARXIV = "2503.01969"

SAMPLE = 352
"""Clusters of the paper."""


@dataclass(frozen=True)
class Config:
    """Sizes.

    Attributes:
        clusters: of either population; the paper has 352.
        draws: of a control.
        shown: histories in the figure.
        design: sizes of the fit.
    """

    clusters: int = 10 * SAMPLE
    draws: int = 1000
    shown: int = 4
    design: DesignConfig = field(default_factory=DesignConfig)


PRESETS: dict[str, Config] = {
    "smoke": Config(clusters=SAMPLE, draws=100, design=DesignConfig(simulated=200)),
    "default": Config(),
    "full": Config(clusters=100_000, design=DesignConfig(simulated=100_000)),
}

PLANTED = "planted in a synthetic population"
ABSTRACT = f"abstract; {PLANTED}"
GENERATOR = "synthetic population, not fitted to the paper"
INDEPENDENT: dict[str, Any] = {"effective": 0.0, "agn_rate": 0.33, "merger_rate": 0.3, "cooling_time": 0.8}
"""A population whose mergers do nothing."""

CLAIMS: tuple[Claim, ...] = (
    Claim("transformations per cluster", "two to three", f"abstract; {GENERATOR}", Bounds(2, 3)),
    Claim(
        "share of transformations to higher entropy",
        "overwhelming majority",
        f"abstract; {GENERATOR}",
        Bounds(lower=0.75),
    ),
    Claim(
        "rises into a higher class in 352 clusters",
        478.0,
        f"public summary; {GENERATOR}",
        WithinErrors(3, resolution=30, paper_error=478**0.5),
    ),
    Claim("median duration (Gyr)", "1 to 2", f"public summary; {GENERATOR}", Bounds(1, 2)),
    Claim("rises: excess of mergers within 1 Gyr before", 0.0, f"{ABSTRACT}: more than random", Exceeds(3)),
    Claim("rises: p-value, random times", "small", f"{ABSTRACT}: more than random", Bounds(upper=0.01)),
    Claim("rises: p-value, mergers shifted in time", "small", f"{ABSTRACT}: more than random", Bounds(upper=0.01)),
    Claim(
        "falls: p-value of an excess, random times", "none", f"{ABSTRACT}: not for lower entropy", Bounds(lower=0.05)
    ),
    Claim(
        "rises without a merger within 1 Gyr before (share)",
        "many",
        f"public summary: many without a merger; {GENERATOR}",
        Bounds(lower=0.1),
    ),
    *(
        Claim(f"rises: excess of mergers, mass ratio {name}", 0.0, f"{ABSTRACT}: regardless of mass ratio", Exceeds(2))
        for name in measures.MASS_RANGES
    ),
    Claim(
        "mergers without effect: excess before rises",
        0.0,
        "none is planted; the control must say so",
        WithinErrors(3, 0.02),
    ),
    Claim(
        "share before rises, anchored at t_start or t_mid",
        "t_mid",
        "smoothing moves t_start early",
        Ordering(("t_start", "t_mid")),
    ),
    Claim(
        "share of non-cool cores (K0 > 150)",
        "grows with time",
        f"abstract: towards NCC states; {GENERATOR}",
        Ordering(("z = 2.5", "z = 1", "z = 0")),
    ),
    Claim(
        "mean length of phases (Gyr)",
        "cool-core phases are shorter",
        f"abstract; {GENERATOR}",
        Ordering(("cool-core", "non-cool-core")),
    ),
    *(
        Claim(
            f"share by cooling time today: {name}",
            value,
            f"abstract of A&A 687, A129; {GENERATOR}",
            # The paper's error is that of a share of its 352 clusters.
            WithinErrors(3, resolution=0.03, paper_error=(value * (1 - value) / SAMPLE) ** 0.5),
        )
        for name, value in zip(clusters.CORE_STATES, (0.24, 0.60, 0.16), strict=True)
    ),
    Claim(
        "nucleus: peak of its heating relative to t_mid (Gyr)",
        0.0,
        f"{ABSTRACT}: rises around events; 0.3 Gyr is what the finder smooths over",
        Near(absolute=0.3),
    ),
    Claim("nucleus: duty cycle around rises less that at random", 0.0, f"{ABSTRACT}: rises around events", Exceeds(3)),
    Claim(
        "today's cool cores by number of mergers: AUROC",
        "poor predictor",
        f"abstract; {GENERATOR}; 0.5 says nothing, 0.8 is called good",
        Bounds(0.5, 0.7),
    ),
    Claim(
        "mean log K0 today, by thirds of the number of mergers",
        "most mergers, highest K0",
        f"abstract; {GENERATOR}",
        Ordering(("fewest", "middle", "most")),
    ),
    Claim("design: gradient against finite differences", 0.0, "float64, relative", Near(absolute=1e-4)),
    Claim("design: gradient through 11.2 Gyr in its standard errors", "says something", "more than 5", Bounds(lower=5)),
    Claim("design: p_c found", TRUTH["effective"], "what was planted", WithinErrors(3, 0.1)),
    Claim("design: t22 found (Gyr)", TRUTH["cooling_time"], "what was planted", WithinErrors(3, 0.1)),
)


def run(config: Config, *, key: jax.Array, checkpoint_dir: Path) -> Result:
    """Simulates two populations, finds transformations, tests coincidences, and fits two parameters by gradient.

    Args:
        config: sizes.
        key: source of randomness.
        checkpoint_dir: not used: each part takes seconds.

    Returns:
        What was measured, the data and the figure.
    """
    del checkpoint_dir
    keys = iter(jax.random.split(key, 16))
    core = clusters.ClusterCore()
    with stage("simulate and find transformations"):
        seen = measures.observe(core, config.clusters, key=next(keys))
        independent = measures.observe(clusters.ClusterCore(**INDEPENDENT), config.clusters, key=next(keys))
    with stage("compare with random times and shifted mergers"):
        cases = {
            "rises": measures.controls(seen, "up", config.draws, key=next(keys)),
            "falls": measures.controls(seen, "down", config.draws, key=next(keys)),
            "rises, mergers without effect": measures.controls(independent, "up", config.draws, key=next(keys)),
        }
        for name, bounds in measures.MASS_RANGES.items():
            cases[f"rises, mass ratio {name}"] = measures.controls(
                seen, "up", config.draws, key=next(keys), mass_ratio_range=bounds
            )
    with stage("stack epochs, count phases"):
        nucleus = measures.nucleus(seen, key=next(keys))
        today = measures.today(seen)
    with stage("fit p_c and t22 by gradient"):
        check_key, fit_key = next(keys), next(keys)
        with jax.enable_x64(True):  # one program for both
            mismatch = gradient_check(config.design, key=check_key)
            found = fit(config.design, key=fit_key)
    measured = _measured(config, seen, core, cases, nucleus, today) | {
        "design: gradient against finite differences": mismatch,
        "design: gradient through 11.2 Gyr in its standard errors": found["signal"],
        "design: p_c found": Estimate(*found["effective"]),
        "design: t22 found (Gyr)": Estimate(*found["cooling_time"]),
    }
    data = _dataset(config, seen, cases, nucleus, today, found)
    return Result(measured=measured, data=data, figure=lambda: draw(data), remarks=REMARKS)


_BY_CONSTRUCTION = "holds by construction in the generator:"
_NOT_FITTED = "a share of the generator, whose parameters were chosen for its transformations, not for today's classes"
REMARKS = {f"share by cooling time today: {name}": _NOT_FITTED for name in clusters.CORE_STATES} | {
    "share of non-cool cores (K0 > 150)": f"{_BY_CONSTRUCTION} all cores start at about 15 keV cm^2 and are heated "
    "from then on",
    "mean log K0 today, by thirds of the number of mergers": f"{_BY_CONSTRUCTION} most mergers heat, and nothing else "
    "depends on their number",
    "share before rises, anchored at t_start or t_mid": f"{_BY_CONSTRUCTION} mergers heat 0.2 Gyr later, and smoothing "
    "by 0.3 Gyr moves t_start before them",
    "nucleus: peak of its heating relative to t_mid (Gyr)": f"{_BY_CONSTRUCTION} episodes of the nucleus heat at once",
    "nucleus: duty cycle around rises less that at random": f"{_BY_CONSTRUCTION} episodes of the nucleus heat at once",
    **{
        f"rises: excess of mergers, mass ratio {name}": f"{_BY_CONSTRUCTION} mergers heat whatever their mass ratio"
        for name in measures.MASS_RANGES
    },
    "today's cool cores by number of mergers: AUROC": "in the generator mergers are most of the heating and nothing "
    "else sets clusters apart, so their number does tell today's state",
    "mean length of phases (Gyr)": "all cores start cool in the generator and wait for a first merger, and those that "
    "cool again are many",
    "rises into a higher class in 352 clusters": "what the summary counts is not defined: two to three transformations "
    "a cluster, mostly upward, would be 600 and more",
}


def _measured(
    config: Config,
    seen: measures.Seen,
    core: clusters.ClusterCore,
    cases: dict[str, dict[str, Any]],
    nucleus: dict[str, Any],
    today: dict[str, Any],
) -> dict[str, Any]:
    count = measures.per_cluster(seen)
    shares = measures.shares(seen)
    crossing = count["crossing"]
    crossing_error = crossing.std(ddof=1) / np.sqrt(config.clusters)
    (duty, duty_error), (random, random_error) = nucleus["duty"], nucleus["duty at random"]
    rises, falls, idle = (cases[name] for name in ("rises", "falls", "rises, mergers without effect"))
    measured: dict[str, Any] = {
        "transformations per cluster": count["up"] + count["down"],
        "share of transformations to higher entropy": count["up"] / (count["up"] + count["down"]),
        "rises into a higher class in 352 clusters": Estimate(SAMPLE * crossing.mean(), SAMPLE * crossing_error),
        "median duration (Gyr)": count["duration"],
        "rises: excess of mergers within 1 Gyr before": Estimate(rises["excess"], rises["error"]),
        "rises: p-value, random times": rises["p"],
        "rises: p-value, mergers shifted in time": rises["p shifted"],
        "falls: p-value of an excess, random times": falls["p"],
        "rises without a merger within 1 Gyr before (share)": 1 - rises["observed"],
        "mergers without effect: excess before rises": Estimate(idle["excess"], idle["error"]),
        "share before rises, anchored at t_start or t_mid": {
            "t_start": measures.from_start(seen),
            "t_mid": rises["observed"],
        },
        "share of non-cool cores (K0 > 150)": {name: share[2] for name, share in shares.items()},
        "mean length of phases (Gyr)": measures.phases(seen),
        "nucleus: peak of its heating relative to t_mid (Gyr)": nucleus["peak"],
        "nucleus: duty cycle around rises less that at random": Estimate(
            duty - random, np.hypot(duty_error, random_error)
        ),
        "today's cool cores by number of mergers: AUROC": today["auroc"],
        "mean log K0 today, by thirds of the number of mergers": today["by thirds"],
    }
    for name, share in zip(clusters.CORE_STATES, measures.shares_by_cooling_time(seen, core), strict=True):
        measured[f"share by cooling time today: {name}"] = Estimate(
            share, np.sqrt(share * (1 - share) / config.clusters)
        )
    for name in measures.MASS_RANGES:
        case = cases[f"rises, mass ratio {name}"]
        measured[f"rises: excess of mergers, mass ratio {name}"] = Estimate(case["excess"], case["error"])
    return measured


def _dataset(
    config: Config,
    seen: measures.Seen,
    cases: dict[str, dict[str, Any]],
    nucleus: dict[str, Any],
    today: dict[str, Any],
    found: dict[str, Any],
) -> "xarray.Dataset":
    import xarray

    population, table = seen
    # The figure's histories: the first of those with three transformations, about the mean number.
    shown = np.argsort(np.abs(np.asarray(table.value) - 3), kind="stable")[: config.shown]
    one, gyr, dex = {"units": "1"}, {"units": "Gyr"}, {"units": "dex"}
    mergers = np.where(np.asarray(population.mergers.mask), np.asarray(population.mergers.times), np.nan)[shown]
    variables: dict[str, Any] = {
        "K0": (("shown", "time"), np.asarray(population.K0)[shown], {"units": "keV cm^2"}),
        "merger_times": (("shown", "merger"), mergers, gyr),
        "heating": ("offset", nucleus["stack"], {"units": "dex/Gyr"}),
        "heating_band": (("end", "offset"), nucleus["band"], {"units": "dex/Gyr"}),
        "entropy_around": ("offset", nucleus["entropy"], dex),
        "entropy_band": (("end", "offset"), nucleus["entropy_band"], dex),
        "mean_rate": ((), float(np.mean(population.agn_rate)), {"units": "dex/Gyr"}),
        "merger_count": ("cluster", today["number"], one),
        "log_entropy_today": ("cluster", today["y"], dex),
        "auroc": ((), today["auroc"], one),
        "null": ((), float(clusters.poisson_null(0.45, measures.TAU)), one),
        "shares": (("epoch", "class"), np.stack(list(measures.shares(seen).values())), one),
        "fit_evaluations": ((), found["evaluations"], one),
        "fit_mismatch": ((), found["mismatch"], {"units": f"chi squared of {len(FEATURES)} means"}),
        "excess_error": ("case", [case["error"] for case in cases.values()], one),
    }
    for name in ("t_start", "t_end", "direction"):
        variables[name] = (("shown", "event"), np.asarray(getattr(table, name))[shown], gyr if name[0] == "t" else one)
    for name in ("observed", "chance", "excess", "p", "events"):
        variables[name] = ("case", [case[name] for case in cases.values()], one)
    coordinates: dict[str, Any] = {
        "time": ("time", np.asarray(population.t), gyr),
        "offset": ("offset", measures.OFFSETS, gyr),
        "case": list(cases),
        "epoch": list(measures.EPOCHS),
        "class": list(clusters.CORE_STATES),
    }
    attributes = {
        "source": "synthetic population after arXiv 2503.01969",
        **{f.name: str(getattr(config, f.name)) for f in dataclasses.fields(config)},
    }
    return xarray.Dataset(variables, coords=coordinates, attrs=attributes)
