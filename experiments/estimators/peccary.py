"""PECCARY: ordinal patterns of short series tell regular, complex and stochastic ones apart.

Series of known kind and orbits in four planar potentials are placed in the complexity-entropy plane at the pattern time
that the paper recommends, 0.4 natural times. Orbits carry a label from the alignment of two deviations over a much
longer time (SALI), against which entropy and complexity are judged, and the scan of pattern time and duration shows
where the reading fails. The last part is not in the paper: the gradient of the complexity of soft patterns by a
parameter of the potential, through the integration of the orbits.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from entropax import estimators
from experiments.claims import Bounds, Claim, Near, Ordering
from experiments.estimators import _orbits, _signals
from experiments.estimators._peccary_figure import draw
from experiments.running import Result, stage

if TYPE_CHECKING:
    import xarray

SLUG = "peccary"
TITLE = "PECCARY: orbital complexity, stochasticity and regularity from ordinal patterns"
ARXIV = "2407.11970"

PER_PERIOD = 80
"""Samples of an orbit in one natural time."""
RECOMMENDED = 0.4
"""Pattern time over natural time."""
PATTERNS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0)
"""Pattern times over natural times of the scan; each is a whole number of samples at order 5."""
LORENZ_STEPS = 10_000
"""Euler steps of 0.01 time units."""
ALIGNED = 1e-4
"""Deviations that are aligned more closely mark a chaotic orbit."""


@dataclass(frozen=True)
class Config:
    """Sizes.

    Attributes:
        orbits: orbits in each potential.
        label_periods: natural times over which deviations are followed.
        durations: lengths of the orbits' series in natural times, the last one that of the plane.
        samples: of each noise.
        gradient_orbits: orbits over which the complexity that is differentiated is averaged.
        gradient_periods: their length in natural times.
        flattenings: at how many flattenings the complexity and its slope are drawn.
        temperature: of the soft patterns, over the largest |x| of about 0.6.
    """

    orbits: int = 200
    label_periods: float = 150.0
    durations: tuple[float, ...] = (1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0)
    samples: int = 10_000
    gradient_orbits: int = 16
    gradient_periods: float = 5.0
    flattenings: int = 9
    temperature: float = 0.02


PRESETS: dict[str, Config] = {
    "smoke": Config(
        orbits=12,
        label_periods=40.0,
        durations=(1.0, 2.0, 5.0),
        gradient_orbits=2,
        gradient_periods=2.0,
        flattenings=2,
    ),
    "default": Config(),
    "full": Config(orbits=20_000, label_periods=1000.0, gradient_orbits=256, flattenings=33),
}

_PLANE = "documentation, plane of H and C"
_LIMIT = float(np.log(14) / np.log(120))

# Error rates from some 170 chaotic and 630 regular orbits have a standard error of 0.02: a difference counts from 0.04.
CLAIMS: tuple[Claim, ...] = (
    Claim("white noise: H", 1.0, _PLANE, Near(absolute=0.005)),
    Claim("white noise: C", 0.0, _PLANE, Near(absolute=0.01)),
    Claim("brown noise: place between the curves", "low", _PLANE, Bounds(upper=0.5)),
    Claim("sines: largest H", "at most .551240", "periodic limit at n = 5", Bounds(upper=_LIMIT)),
    Claim("sines out of tune: largest H", "at most .551240", "periodic limit at n = 5", Bounds(upper=_LIMIT)),
    Claim("maps: smallest H", "above .551240", _PLANE, Bounds(lower=_LIMIT)),
    Claim("Lorenz x: H", 0.8431, "reference implementation, T = 100, chaotic", Near(absolute=0.02)),
    Claim("Lorenz z: H", 0.5745, "reference implementation, T = 100, chaotic", Near(absolute=0.02)),
    Claim("double pendulum: H", 0.588922, "documented example, T = 10", Near(absolute=0.02)),
    Claim("double pendulum: C", 0.384451, "documented example, T = 10", Near(absolute=0.02)),
    Claim("regular orbits: share left of the periodic limit", "most", _PLANE, Bounds(lower=0.9)),
    Claim("chaotic orbits: share right of the periodic limit", "most", _PLANE, Bounds(lower=0.9)),
    Claim("agreement of H with SALI, area under the curve", "above 0.9", "expected of the method", Bounds(lower=0.9)),
    Claim(
        "error grows where patterns leave 0.3 to 0.5",
        "grows",
        "section 3.2",
        Ordering(("recommended", "outside"), 0.04),
    ),
    Claim(
        "error grows in series below 1.5 natural times",
        "grows",
        "section 3.2",
        Ordering(("recommended", "short"), 0.04),
    ),
    Claim("gradient of C against finite differences", 0.0, "float64", Near(absolute=1e-6)),
)


def run(config: Config, *, key: jax.Array, checkpoint_dir: Path) -> Result:
    """Runs all parts.

    Args:
        config: sizes.
        key: source of randomness.
        checkpoint_dir: not used, no part takes long.

    Returns:
        What was measured, the data and the figure.
    """
    seed = int(jax.random.randint(key, (), 0, 2**31 - 1))
    with jax.enable_x64(True):
        with stage("place series of known kind"):
            points = _series_points(config, seed)
            curves = _interval_curves(config, seed)
        orbits = {}
        for number, (name, system) in enumerate(_orbits.SYSTEMS.items()):
            with stage(f"follow {config.orbits} orbits: {name}"):
                orbits[name] = _orbit_series(system, config, seed + number)
        with stage("scan pattern time and duration"):
            scan = _scan(orbits, config)
        with stage("differentiate the complexity by the potential"):
            gradient = _gradient(config, seed)
        data = _dataset(config, points, curves, orbits, scan, gradient)
    measured, remarks = _measured(data)
    return Result(measured=measured, data=data, figure=lambda: draw(data), remarks=remarks)


# ------------------------------------------------------------------------------------------------ series of known kind


def _series_points(config: Config, seed: int) -> dict[str, tuple[str, float, float]]:
    """Kind, H and C by name; maps and noises at interval 1, the others at the recommended pattern time."""
    points = {}
    for kind, series in (("map", _signals.maps(4096)), ("noise", _signals.noises(config.samples, seed))):
        for name, x in series.items():
            points[name] = (kind, *map(float, estimators.hc_point(x)))
    states = _signals.lorenz(LORENZ_STEPS)
    pendulum = _signals.double_pendulum(10.0, 2.0**-6)
    flows = {"Lorenz x": (states[:, 0], 0.01), "Lorenz z": (states[:, 2], 0.01), "double pendulum": (pendulum, 2.0**-6)}
    sampled = [("sine", name, x, 1.0) for name, x in _signals.sines(2000, seed).items()]
    sampled += [("flow", name, x, dt) for name, (x, dt) in flows.items()]
    for kind, name, x, dt in sampled:
        natural = estimators.natural_timescale(np.arange(len(x)) * dt, x)
        interval = estimators.sampling_interval(RECOMMENDED * natural, dt).value
        points[name] = (kind, *map(float, estimators.hc_point(x, interval=interval)))
    return points


def _interval_curves(config: Config, seed: int) -> dict[str, np.ndarray]:
    """H and C at intervals 1 to 99, shape (2, 99), of a sine, the Lorenz system and two noises."""
    noises = _signals.noises(config.samples, seed)
    series = {
        "sine": _signals.sines(2000, seed)["sine"],
        "Lorenz z": _signals.lorenz(LORENZ_STEPS)[:, 2],
        "white noise": noises["white noise"],
        "brown noise": noises["brown noise"],
    }
    intervals = np.arange(1, 100)
    return {name: np.stack(estimators.hc_curves(x, intervals)) for name, x in series.items()}


# -------------------------------------------------------------------------------------------------------------- orbits


def _orbit_series(system: _orbits.System, config: Config, seed: int) -> dict[str, np.ndarray]:
    """x of the orbits, `PER_PERIOD` samples in each one's natural time, and their labels."""
    longest = max(config.durations)
    kept = round(1.3 * longest * system.natural / system.step)
    steps = max(kept, round(config.label_periods * system.natural / system.step))
    found = _orbits.follow(system, _orbits.starts(system, config.orbits, seed), kept=kept, steps=steps)
    t = jnp.arange(kept) * system.step
    natural = jax.vmap(lambda x: estimators.natural_timescale(t, x))(found.x)
    grid = jnp.arange(round(longest * PER_PERIOD)) / PER_PERIOD
    enough = np.asarray(natural * longest <= t[-1])  # NaN, an orbit that never crosses its mean, is not
    sample = jax.jit(jax.vmap(lambda series, time: jnp.interp(grid * time, t, series)))
    return {
        "x": np.asarray(sample(found.x, natural))[enough],
        "momentum": np.asarray(sample(found.momentum, natural))[enough],
        "sali": np.asarray(found.sali)[enough],
        "lyapunov": np.asarray(found.lyapunov * natural)[enough],
        "drift": np.asarray(found.drift),
        "left_out": np.sum(~enough),
    }


def _points(series: np.ndarray, patterns: tuple[float, ...]) -> np.ndarray:
    """H and C of every series at pattern times in natural times, shape (2, series, patterns)."""
    intervals = jnp.asarray([round(pattern * PER_PERIOD / 4) for pattern in patterns])
    points = jax.jit(jax.vmap(lambda x: estimators.hc_curves(x, intervals)))(jnp.asarray(series))
    return np.stack(points)


def _scan(orbits: dict[str, dict[str, np.ndarray]], config: Config) -> np.ndarray:
    """Mean of the two error rates of "chaotic if H exceeds the periodic limit", shape (durations, patterns)."""
    series = np.concatenate([one["x"] for one in orbits.values()])
    chaotic = np.concatenate([one["sali"] for one in orbits.values()]) < ALIGNED
    errors = np.full((len(config.durations), len(PATTERNS)), np.nan)
    for row, duration in enumerate(config.durations):
        fit = tuple(pattern for pattern in PATTERNS if pattern < duration)
        entropy = _points(series[:, : round(duration * PER_PERIOD)], fit)[0]
        called = entropy > _LIMIT
        errors[row, : len(fit)] = (np.mean(called[~chaotic], axis=0) + np.mean(~called[chaotic], axis=0)) / 2
    return errors


def _area(scores: np.ndarray, positive: np.ndarray) -> float:
    """Area under the receiver's curve: how often a positive has the higher score, ties by half."""
    above = scores[positive][:, None] - scores[~positive][None, :]
    return float(np.mean((above > 0) + 0.5 * (above == 0))) if above.size else np.nan


# ------------------------------------------------------------------------------------------------------------ gradient


def _gradient(config: Config, seed: int) -> dict[str, Any]:
    """Mean complexity of orbits of the logarithmic disc as a function of its flattening, and its derivative."""
    system = _orbits.SYSTEMS["logarithmic disc"]
    states = jnp.asarray(_orbits.starts(system, config.gradient_orbits, seed))
    step = 2 * system.step
    steps = round(config.gradient_periods * system.natural / step)
    interval = round(RECOMMENDED * system.natural / (4 * step))

    def complexity(flattening: jax.Array, temperature: float | None) -> jax.Array:
        def one(state: jax.Array) -> jax.Array:
            x = _orbits.coordinate(flattening, state, step=step, steps=steps)
            return estimators.hc_point(x, interval=interval, temperature=temperature).complexity

        return jnp.mean(jax.vmap(one)(states))

    soft = jax.jit(lambda q: complexity(q, config.temperature))
    values_and_slopes = jax.jit(jax.value_and_grad(soft))
    hard = jax.jit(lambda q: complexity(q, None))
    flattenings = np.linspace(0.6, 0.9, config.flattenings)
    values, slopes = np.array([values_and_slopes(jnp.asarray(q)) for q in flattenings]).T
    counted = np.array([float(hard(jnp.asarray(q))) for q in flattenings])
    h = 1e-6  # at the ends of the range orbits, and so the mean, depend on q sharply
    difference = [float(soft(jnp.asarray(q + h)) - soft(jnp.asarray(q - h))) / (2 * h) for q in flattenings]
    mismatch = float(np.linalg.norm(slopes - difference) / np.linalg.norm(difference))
    return {"q": flattenings, "soft": values, "slope": slopes, "hard": counted, "mismatch": mismatch}


# ------------------------------------------------------------------------------------------------- what was measured


def _measured(data: "xarray.Dataset") -> tuple[dict[str, Any], dict[str, str]]:
    h = {str(name): float(value) for name, value in zip(data.series.values, data.series_h.values, strict=True)}
    c = {str(name): float(value) for name, value in zip(data.series.values, data.series_c.values, strict=True)}
    kinds = dict(zip(map(str, data.series.values), map(str, data.series_kind.values), strict=True))
    chaotic = data.sali.values < ALIGNED
    right = data.orbit_h.values > _LIMIT
    low, high = estimators.complexity_limits(np.float32(h["brown noise"]))
    errors, patterns, durations = data.error.values, data.pattern.values, data.duration.values
    inside = (patterns >= 0.3 - 1e-9) & (patterns <= 0.5 + 1e-9)
    enough = durations >= 1.5
    recommended = float(np.nanmean(errors[np.ix_(enough, inside)]))
    both = np.any(chaotic) and not np.all(chaotic)
    measured = {
        "white noise: H": h["white noise"],
        "white noise: C": c["white noise"],
        "brown noise: place between the curves": float((c["brown noise"] - low) / (high - low)),
        "sines: largest H": max(h["sine"], h["sines 1 : 2"]),
        "sines out of tune: largest H": max(h["sines 1 : √2"], h["sines 1 : √2 : √5"]),
        "maps: smallest H": min(value for name, value in h.items() if kinds[name] == "map"),
        "Lorenz x: H": h["Lorenz x"],
        "Lorenz z: H": h["Lorenz z"],
        "double pendulum: H": h["double pendulum"],
        "double pendulum: C": c["double pendulum"],
        "regular orbits: share left of the periodic limit": float(np.mean(~right[~chaotic])),
        "chaotic orbits: share right of the periodic limit": float(np.mean(right[chaotic])) if both else np.nan,
        "agreement of H with SALI, area under the curve": data.attrs["area_h"],
        "error grows where patterns leave 0.3 to 0.5": {
            "recommended": recommended,
            "outside": float(np.nanmean(errors[np.ix_(enough, ~inside)])),
        },
        "error grows in series below 1.5 natural times": {
            "recommended": recommended,
            "short": float(np.nanmean(errors[np.ix_(~enough, inside)])),
        },
        "gradient of C against finite differences": data.attrs["gradient_mismatch"],
    }
    tent = h["asymmetric tent map"]
    remarks = {
        "maps: smallest H": f"the asymmetric tent map's {tent:.4f}, .539538 by the reference implementation too",
        "double pendulum: H": "the documented orbit is that of a solver with relative tolerance 1e-3; its deviations "
        "grow, and steps small enough to converge give another orbit",
        "agreement of H with SALI, area under the curve": f"{data.attrs['area_c']:.3f} for C, "
        f"{data.attrs['area_l']:.3f} for H of the angular momentum outside the isochrone; by potential: "
        f"{data.attrs['areas']}; {np.sum(chaotic)} chaotic orbits of {chaotic.size}",
    }
    two_frequencies = "the limit is that of one period; with two frequencies out of tune more patterns occur"
    remarks["sines out of tune: largest H"] = two_frequencies
    remarks["regular orbits: share left of the periodic limit"] = two_frequencies + ", as on most regular orbits here"
    islands = (
        "chaotic Hénon-Heiles orbits oscillate nearly as regular ones do within a pattern, at any of these intervals"
    )
    remarks["chaotic orbits: share right of the periodic limit"] = islands
    for name in (claim.name for claim in CLAIMS if claim.name.startswith("error grows")):
        remarks[name] = islands + ", so that the rule is wrong nearly as often inside the recommended range as outside"
    remarks["double pendulum: C"] = remarks["double pendulum: H"]
    return measured, remarks


def _dataset(
    config: Config,
    points: dict[str, tuple[str, float, float]],
    curves: dict[str, np.ndarray],
    orbits: dict[str, dict[str, np.ndarray]],
    scan: np.ndarray,
    gradient: dict[str, Any],
) -> "xarray.Dataset":
    import xarray

    x = np.concatenate([one["x"] for one in orbits.values()])
    momentum = np.concatenate([one["momentum"] for one in orbits.values()])
    potential = np.concatenate([np.full(len(one["x"]), name) for name, one in orbits.items()])
    sali = np.concatenate([one["sali"] for one in orbits.values()])
    chaotic = sali < ALIGNED
    (orbit_h, orbit_c), (momentum_h, _) = _points(x, (RECOMMENDED,))[..., 0], _points(momentum, (RECOMMENDED,))[..., 0]
    turning = potential != "isochrone"  # where the angular momentum moves at all
    areas = {name: _area(orbit_h[potential == name], chaotic[potential == name]) for name in orbits}
    return xarray.Dataset(
        {
            "series_h": ("series", [h for _, h, _ in points.values()], {"units": "1"}),
            "series_c": ("series", [c for _, _, c in points.values()], {"units": "1"}),
            "series_kind": ("series", [kind for kind, _, _ in points.values()]),
            "curve": (("curve_series", "coordinate", "interval"), np.stack(list(curves.values())), {"units": "1"}),
            "orbit_h": ("orbit", orbit_h, {"units": "1"}),
            "orbit_c": ("orbit", orbit_c, {"units": "1"}),
            "momentum_h": ("orbit", momentum_h, {"units": "1"}),
            "sali": ("orbit", sali, {"units": "1"}),
            "lyapunov": (
                "orbit",
                np.concatenate([one["lyapunov"] for one in orbits.values()]),
                {"units": "1 / natural time"},
            ),
            "potential": ("orbit", potential),
            "error": (("duration", "pattern"), scan, {"units": "1"}),
            "soft_c": ("flattening", gradient["soft"], {"units": "1"}),
            "soft_slope": ("flattening", gradient["slope"], {"units": "1"}),
            "hard_c": ("flattening", gradient["hard"], {"units": "1"}),
        },
        coords={
            "series": list(points),
            "curve_series": list(curves),
            "coordinate": ["H", "C"],
            "interval": ("interval", np.arange(1, 100), {"units": "samples"}),
            "pattern": ("pattern", np.array(PATTERNS), {"units": "natural times"}),
            "duration": ("duration", np.array(config.durations), {"units": "natural times"}),
            "flattening": ("flattening", gradient["q"], {"units": "1"}),
        },
        attrs={
            "area_h": _area(orbit_h, chaotic),
            "areas": ", ".join(f"{name} {area:.3f}" for name, area in areas.items() if np.isfinite(area)),
            "area_c": _area(orbit_c, chaotic),
            "area_l": _area(momentum_h[turning], chaotic[turning]),
            "gradient_mismatch": gradient["mismatch"],
            "largest_drift": max(float(one["drift"].max()) for one in orbits.values()),
            "left_out": int(sum(one["left_out"] for one in orbits.values())),
            "limit": _LIMIT,
        },
    )
