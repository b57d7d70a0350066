"""Structural entropy of last-mile deliveries, and what consolidating them in space and in time does to it.

Only the paper's abstract was at hand, so that its statements are what is checked, with formulas that are our reading.
Default cities are made up (`synthesize_city`): that s is high, say, follows from 1.5 parcels a stop, which is our
choice. Preset `full` reads the 6,112 routes of the Amazon Last Mile Routing Research Challenge from the folder that the
environment variable LAST_MILE_FOLDER names.

Then lockers are sited by gradient descent of the system's entropy and the way that customers walk, straight through
lnGamma, which no count of configurations has a gradient of.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from entropax.applications import logistics
from experiments.applications._last_mile_cities import CityConfig, law, make_cities, score, tours
from experiments.applications._last_mile_figure import draw
from experiments.applications._last_mile_policies import (
    PolicyConfig,
    choose_routes,
    consolidate_space,
    consolidate_time,
    example_break_even,
)
from experiments.applications._last_mile_sites import SiteConfig, place
from experiments.claims import Bounds, Claim, Estimate, Exceeds, Near, Ordering
from experiments.running import Result, stage

if TYPE_CHECKING:
    import xarray

SLUG = "last-mile"
TITLE = "On the Entropy in Last-Mile Logistics"
ARXIV = "2605.00008"


@dataclass(frozen=True)
class Config:
    """The three parts.

    Attributes:
        cities: the routes.
        policies: what is tried on them.
        sites: where lockers are put.
    """

    cities: CityConfig = field(default_factory=CityConfig)
    policies: PolicyConfig = field(default_factory=PolicyConfig)
    sites: SiteConfig = field(default_factory=SiteConfig)


PRESETS: dict[str, Config] = {
    "smoke": Config(
        CityConfig(routes=24, most_stops=31, mean_stops=24.0, stops_deviation=3.0),
        PolicyConfig(routes=4, most_lockers=8, shares=5, chainings=5, customers=60, days=14, most_days=3),
        SiteConfig(lockers=3, starts=4, steps=60),
    ),
    "default": Config(),
    "full": Config(
        CityConfig(challenge=True),
        PolicyConfig(routes=1200, customers=20_000, shares=41, chainings=41),
        SiteConfig(starts=100, steps=1000),
    ),
}

ABSTRACT = "abstract, of which alone we know; cities made up but in full"
CLAIMS: tuple[Claim, ...] = (
    Claim("s: mean over routes", "persistently high", f"{ABSTRACT}; the limit .9 is ours", Bounds(lower=0.9)),
    Claim("s: standard deviation over routes", "near-maximal", f"{ABSTRACT}; .02 is ours", Bounds(upper=0.02)),
    Claim("law: exponent of stops alone, least of the cities", 1.0, f"{ABSTRACT}: non-linear", Exceeds(3)),
    Claim("law: exponent of whole tours, nearest to 1: distance", 0.0, f"{ABSTRACT}: non-linear", Exceeds(3)),
    Claim("law: spread of exponents, stops alone", "stable", f"{ABSTRACT}; .1 is ours", Bounds(upper=0.1)),
    Claim("law: spread of exponents, whole tours", "stable", f"{ABSTRACT}; .1 is ours", Bounds(upper=0.1)),
    Claim("carrier: adoption at which entropy is cut by 40%", "aggressive", ABSTRACT, Bounds(0.5, 1.0)),
    Claim(
        "carrier: cut at alpha = .75, 100 parcels", 0.3835, "closed form: five equal lockers", Near(absolute=0.00005)
    ),
    Claim(
        "carrier: cut by number of lockers",
        "merging lowers S",
        "follows from S being superadditive, so of the code",
        Ordering(("most lockers", "five lockers", "one locker")),
    ),
    Claim("system: least change without chaining, by customers (nats)", "increases", ABSTRACT, Bounds(lower=1e-9)),
    Claim("system: least change without chaining, by parcels (nats)", "increases", ABSTRACT, Bounds(lower=1e-9)),
    Claim("chaining: c* of 100 parcels by bisection", 0.677694495998, "closed form, mpmath", Near(absolute=6e-13)),
    Claim("chaining: c* of 100 parcels by gradients", 0.677694495998, "closed form, mpmath", Near(absolute=6e-13)),
    Claim("chaining: dc*/d alpha against differences", 0.0, "implicit function", Near(absolute=1e-5)),
    Claim("chaining: routes and adoptions that it turns round", 1.0, f"{ABSTRACT}: or reverses", Bounds(lower=1.0)),
    Claim(
        "temporal: entropy over the horizon",
        "falls with the window",
        ABSTRACT,
        Ordering(("longest", "middle", "daily")),
    ),
    Claim(
        "temporal: entropy summed over delivery days",
        "falls with the window",
        ABSTRACT,
        Ordering(("longest", "middle", "daily")),
    ),
    Claim("sites: gradient against finite differences", 0.0, "central differences", Near(absolute=1e-6)),
    Claim(
        "sites: cost by hard choice, best of the starts",
        "descent < k-means < random",
        "ours",
        Ordering(("descent", "k-means", "random")),
    ),
)


def run(config: Config, *, key: jax.Array, checkpoint_dir: Path) -> Result:
    """Runs all parts, in float64 but for the search of tours.

    Args:
        config: sizes.
        key: source of randomness.
        checkpoint_dir: not used; the run is short.

    Returns:
        What was measured, the data and the figure.
    """
    del checkpoint_dir
    keys = jax.random.split(key, 4)
    with jax.enable_x64(True):
        with stage("make routes and score them"):
            made = make_cities(config.cities, key=keys[0])
            scores = {name: score(routes) for name, routes in made.items()}
        with stage("search tours"):
            found = {name: tours(routes) for name, routes in made.items()}
            laws = {
                kind: [law(scores[name]["entropy"], found[name][kind]) for name in made]
                for kind in ("distance", "zone")
            }
        with stage("consolidate in space"):
            tried = choose_routes(made, config.policies.routes)
            spatial = consolidate_space(tried, config.policies, key=keys[1])
            example = example_break_even()
            example["cut"] = _equal_lockers()
        with stage("consolidate in time"):
            temporal = consolidate_time(config.policies, key=keys[2])
        with stage("site lockers"):
            sites = place(choose_routes(made, 1), config.sites, key=keys[3])
    routes = [
        {"city": np.full(len(scores[name]["stops"]), i), **scores[name], **found[name]} for i, name in enumerate(made)
    ]
    joined = {name: np.concatenate([part[name] for part in routes]) for name in routes[0]}
    measured, remarks = _measured(joined, laws, spatial, example, temporal, sites)
    data = _dataset(list(made), joined, laws, spatial, temporal, sites)
    return Result(measured=measured, data=data, figure=lambda: draw(data), remarks=remarks)


def _equal_lockers() -> float:
    """The carrier's cut of a hundred single parcels when 75 of them go to five equal lockers."""
    adoption = np.arange(100) < 75
    loads = logistics.spatial_consolidation(np.ones(100), np.arange(100) % 5, adoption, num_lockers=5)
    return 1 - float(logistics.log_multiplicity(loads.value) / logistics.log_multiplicity(jnp.ones(100)))


def _measured(
    routes: dict[str, np.ndarray],
    laws: dict[str, list[dict[str, float]]],
    spatial: dict[str, np.ndarray],
    example: dict[str, float],
    temporal: dict[str, np.ndarray],
    sites: dict[str, np.ndarray],
) -> tuple[dict[str, Any], dict[str, str]]:
    shares = spatial["shares"]
    cut = 1 - spatial["carrier"] / spatial["direct"][:, None]
    change = spatial["system"][:, :, 0] - spatial["direct"][:, None]
    adopting = shares > 0
    lockers = 1 - spatial["carrier_by_lockers"] / spatial["direct"][:, None]
    windows = {"longest": -1, "middle": len(temporal["horizon"]) // 2, "daily": 0}
    exponents = {kind: np.array([law["value"] for law in fits]) for kind, fits in laws.items()}
    errors = {kind: np.array([law["standard_error"] for law in fits]) for kind, fits in laws.items()}
    least = int(np.argmin(exponents["zone"]))
    nearest = int(np.argmin(np.abs(exponents["distance"] - 1)))
    costs = {"descent": np.minimum(sites["descent"].min(axis=1), sites["from_k_means"]), "k-means": sites["k_means"]}
    costs["random"] = sites["random"].min(axis=1)
    parcels = spatial["parcel_system"][:, :, 0] - spatial["parcel_direct"][:, None]
    measured = {
        "s: mean over routes": routes["normalised"].mean(),
        "s: standard deviation over routes": routes["normalised"].std(),
        "law: exponent of stops alone, least of the cities": Estimate(exponents["zone"][least], errors["zone"][least]),
        "law: exponent of whole tours, nearest to 1: distance": Estimate(
            abs(exponents["distance"][nearest] - 1), errors["distance"][nearest]
        ),
        "law: spread of exponents, stops alone": np.ptp(exponents["zone"]),
        "law: spread of exponents, whole tours": np.ptp(exponents["distance"]),
        "carrier: adoption at which entropy is cut by 40%": float(np.interp(0.4, cut.mean(axis=0), shares)),
        "carrier: cut at alpha = .75, 100 parcels": example["cut"],
        "carrier: cut by number of lockers": {
            "most lockers": lockers[:, -1].mean(),
            "five lockers": lockers[:, 4].mean(),
            "one locker": lockers[:, 0].mean(),
        },
        "system: least change without chaining, by customers (nats)": change[:, adopting].min(),
        "system: least change without chaining, by parcels (nats)": parcels[:, adopting].min(),
        "chaining: c* of 100 parcels by bisection": example["bisection"],
        "chaining: c* of 100 parcels by gradients": example["gradient"],
        "chaining: dc*/d alpha against differences": example["slope_error"],
        "chaining: routes and adoptions that it turns round": spatial["attainable"][:, adopting].mean(),
        "temporal: entropy over the horizon": {name: temporal["horizon"][at] for name, at in windows.items()},
        "temporal: entropy summed over delivery days": {name: temporal["daily"][at] for name, at in windows.items()},
        "sites: gradient against finite differences": float(sites["gradient_error"].max()),
        "sites: cost by hard choice, best of the starts": {name: value.mean() for name, value in costs.items()},
    }
    return measured, _remarks(routes, laws, spatial, temporal, sites, cut, parcels)


def _remarks(
    routes: dict[str, np.ndarray],
    laws: dict[str, list[dict[str, float]]],
    spatial: dict[str, np.ndarray],
    temporal: dict[str, np.ndarray],
    sites: dict[str, np.ndarray],
    cut: np.ndarray,
    parcels: np.ndarray,
) -> dict[str, str]:
    at = int(np.argmin(np.abs(spatial["shares"] - 0.75)))
    by_parcels = 1 - spatial["parcel_carrier"][:, at] / spatial["parcel_direct"]
    low, high = np.quantile(routes["normalised"], [0.05, 0.95])

    def by_city(kind: str) -> str:
        words = (f"{law['value']:.2f} ± {law['standard_error']:.2f} (R² {law['r_squared']:.2f})" for law in laws[kind])
        return "by city " + ", ".join(words)

    falls = {name: 1 - temporal[name][-1] / temporal[name][0] for name in ("deliveries", "horizon", "daily", "fixed")}
    made_up = "made-up cities and our reading of the formulas"
    return {
        "s: mean over routes": f"S / ln N! by parcels, averaged over routes; {made_up}: {routes['parcels'].mean():.0f} "
        f"parcels at {routes['stops'].mean():.0f} stops on average. By stops "
        f"{routes['normalised_by_stops'].mean():.3f}",
        "s: standard deviation over routes": f"nine of ten routes have {low:.3f} to {high:.3f}",
        "law: spread of exponents, stops alone": f"{by_city('zone')}; least squares of ln S on ln D: scatter of D at "
        "given S makes b smaller than the 2 or so of scaling, by an amount that "
        "the size of clusters in the zone sets. That is 0.3 km in zones of 1.1 to 3.2 km a side; did it grow with the "
        "zones, cities would be similar figures, and b the same",
        "law: spread of exponents, whole tours": f"{by_city('distance')}; the way from the depot and back, which zones "
        "within a city differ in, is scatter that says nothing of S: in these cities it decides about b",
        "carrier: adoption at which entropy is cut by 40%": f"mean over routes with five lockers at random stops, by "
        f"customers; at alpha = .75 the cut is {cut[:, at].mean():.1%}, by parcels "
        f"{by_parcels.mean():.1%}",
        "system: least change without chaining, by parcels (nats)": f"over {parcels.shape[0]} routes with five "
        f"lockers; at alpha = 1 the least is {parcels[:, -1].min():.1f}. It is no identity: customers who collect "
        "several parcels in one trip can lower the system's entropy (10 customers of 5 parcels at one locker do)",
        "temporal: entropy over the horizon": f"{falls['deliveries']:.1%} fewer deliveries make {falls['horizon']:.1%} "
        "less entropy of all in one order; the system's falls by as much, since nobody travels who did not",
        "temporal: entropy summed over delivery days": f"by {-falls['daily']:+.1%}, and in routes of 150 stops by "
        f"{-falls['fixed']:+.1%}; summed by day it depends on how often customers ask: fewer, larger days alone "
        "raise it, entropy being superadditive",
        "sites: cost by hard choice, best of the starts": f"mean over {len(sites['k_means'])} routes of S_system + "
        f"lambda times the walking; descent from the centres of k-means alone {sites['from_k_means'].mean():.1f}, mean "
        f"of the random starts {sites['random'].mean():.1f} before and {sites['descent'].mean():.1f} after descent",
    }


def _dataset(
    names: list[str],
    routes: dict[str, np.ndarray],
    laws: dict[str, list[dict[str, float]]],
    spatial: dict[str, np.ndarray],
    temporal: dict[str, np.ndarray],
    sites: dict[str, np.ndarray],
) -> "xarray.Dataset":
    import xarray

    nats, km = {"units": "nats"}, {"units": "km"}
    units = {"entropy": "nats", "gap": "nats per parcel", "distance": "km", "zone": "km"}
    variables: dict[str, Any] = {
        name: ("route", values.astype(np.int16) if values.dtype == bool else values, {"units": units.get(name, "1")})
        for name, values in routes.items()
    }
    for kind, fits in laws.items():
        variables[f"law_{kind}"] = (("city_name", "part"), np.array([list(law.values()) for law in fits]))
    on = {1: "tried", 2: ("tried", "share"), 3: ("tried", "share", "chained")}
    for name in ("direct", "carrier", "system", "break_even"):
        variables[name] = (on[spatial[name].ndim], spatial[name], {"units": "1"} if name == "break_even" else nats)
    for name in ("parcel_direct", "parcel_carrier", "parcel_system"):
        variables[name] = (on[spatial[name].ndim], spatial[name], nats)
    for name in ("carrier_by_lockers", "system_by_lockers"):
        variables[name] = (("tried", "lockers"), spatial[name], nats)
    for name, values in temporal.items():
        variables[f"window_{name}"] = ("window", values, {"units": "1" if name == "deliveries" else "nats"})
    for name in ("random", "descent"):
        variables[f"cost_{name}"] = (("site_route", "start"), sites[name], nats)
    for name in ("k_means", "from_k_means"):
        variables[f"cost_{name}"] = ("site_route", sites[name], nats)
    variables["trace"] = (("site_route", "step"), sites["trace"], nats)
    variables["stops_xy"] = (("stop", "axis"), sites["stops"], km)
    variables["adopters"] = ("stop", sites["adopters"].astype(np.int8))
    for name in ("sites_random", "sites_k_means", "sites_descent"):
        variables[name] = (("locker", "axis"), sites[name], km)
    return xarray.Dataset(
        variables,
        coords={
            "city_name": names,
            "part": list(laws["zone"][0]),
            "share": spatial["shares"],
            "chained": spatial["chainings"],
            "lockers": 1 + np.arange(spatial["carrier_by_lockers"].shape[1]),
            "window": ("window", 1 + np.arange(len(temporal["horizon"])), {"units": "day"}),
        },
    )
