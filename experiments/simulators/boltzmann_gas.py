"""The Boltzmann entropy of a gas that expands into twice its volume, and its size of cells.

Hard discs start in equilibrium in the left half of a box; the partition is taken out, and the entropy of the (x, v_x)
cells that they occupy is followed. Without collisions streaming alone makes entropy, at the rate dv / (2 L) that the
cells set; with a short mean free path collisions do, at a rate that they do not; in both cases log 2 is gained in the
end. Curves of different cells fall together when time is counted in w = t dv / (2 L) and the collision frequency keeps
its ratio to dv / (2 L).

Then the initial velocities are designed, at fixed energy and fixed positions, so that the entropy gained at a given
time is as small, or as large, as possible, by gradients through every collision. Horizon: a gradient is exact while
the order of events is kept, and grows exponentially with the collisions; the design stays within about two of every
disc, and the figure shows the size of gradients beyond.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from experiments.claims import Bounds, Claim, Near, Ordering
from experiments.running import Result, stage
from experiments.simulators._gas_design import DesignConfig, design
from experiments.simulators._gas_figure import draw
from experiments.simulators._gas_runs import RunConfig, collapse, sweep

if TYPE_CHECKING:
    import xarray

SLUG = "boltzmann-gas"
TITLE = "Time evolution of the Boltzmann entropy for a nonequilibrium dilute gas"
ARXIV = "2403.07519"


@dataclass(frozen=True)
class Config:
    """Both parts.

    Attributes:
        runs: the expansions.
        design: the initial velocities.
    """

    runs: RunConfig = field(default_factory=RunConfig)
    design: DesignConfig = field(default_factory=DesignConfig)


PRESETS: dict[str, Config] = {
    "smoke": Config(
        RunConfig(
            num_disks=64,
            copies=2,
            streaming=5_000,
            equilibration=0.2,
            paths=(1.0, 0.3),
            velocity_cells=(1.0, 2.0),
            end=0.5,
        ),
        DesignConfig(num_disks=12, diameter=0.04, max_events=64, iterations=3, draws=4, end=0.5, horizons=(0.25, 0.5)),
    ),
    "default": Config(),
    "full": Config(
        RunConfig(num_disks=2048, copies=64, streaming=10_000_000, paths=(2.0, 0.2, 0.1, 0.05)),
        DesignConfig(num_disks=128, diameter=0.012, max_events=1500, iterations=400, draws=1000),
    ),
}

CLAIMS: tuple[Claim, ...] = (
    Claim("streaming: rate over dv / (2 L)", 1.0, "abstract; derived: exactly dv / (2 L)", Near(relative=0.03)),
    Claim("streaming: largest distance from the exact curve", 0.0, "closed form", Near(absolute=0.01)),
    Claim("streaming: spread of three dv against w", 0.0, "scaling form", Near(absolute=0.03)),
    Claim(
        "rates: spread of three dv by mean free path", "less if it is short", "abstract", Ordering(("short", "long"))
    ),
    Claim("short path: spread of three dv", 0.0, "abstract: dv-independent", Near(absolute=0.03)),
    Claim("short path: spread of three dv from t = 1 on", 0.0, "abstract: dv-independent", Near(absolute=0.03)),
    Claim("collisions: largest distance from log 2 at the end", 0.0, "abstract: log 2", Near(absolute=0.03)),
    Claim("both: spread of three dv against w", 0.0, "scaling form", Near(absolute=0.03)),
    Claim("both: finest cells from the limit", 0.0, "derived: stripes of those not collided", Near(absolute=0.03)),
    Claim("design: gradient against finite differences", 0.0, "same order of events", Near(absolute=1e-6)),
    Claim("design: finite differences keep the order of events", 1.0, "fingerprints", Near(absolute=0.5)),
    Claim("design: entropy gained", "slow < random < fast", "at the horizon", Ordering(("slow", "random", "fast"))),
    Claim("design: share of random starts between the designs", 1.0, "200 draws", Bounds(lower=0.99)),
    Claim("design: standard deviations beyond random starts", "above 2", "both designs", Bounds(lower=2.0)),
)


def run(config: Config, *, key: jax.Array, checkpoint_dir: Path) -> Result:
    """Runs the expansions and both designs, in float64.

    Args:
        config: sizes.
        key: source of randomness.
        checkpoint_dir: not used; the run is short.

    Returns:
        What was measured, the data and the figure.
    """
    del checkpoint_dir
    keys = jax.random.split(key, 3)
    with jax.enable_x64(True):
        with stage("expand, by mean free path and velocity cell"):
            swept = sweep(config.runs, key=keys[0])
        with stage("expand at a fixed ratio of the rates"):
            collapsed = collapse(config.runs, key=keys[1])
        with stage("design initial velocities"):
            designed = design(config.design, key=keys[2])
    measured, remarks = _measured(config, swept, collapsed, designed)
    data = _dataset(config, swept, collapsed, designed)
    return Result(measured=measured, data=data, figure=lambda: draw(data), remarks=remarks)


def _spread(gain: np.ndarray) -> float:
    """The largest difference of the curves, whose axis is the first, at any time."""
    return float(np.max(gain.max(axis=0) - gain.min(axis=0)))


def _measured(
    config: Config, swept: dict[str, Any], collapsed: dict[str, Any], designed: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    gain, cells = swept["gain"], np.asarray(config.runs.velocity_cells)
    w, fine = collapsed["w"], collapsed["cells"][0]
    linear = (w >= 0.1) & (w <= 0.45)
    rate = np.polyfit(2 * w[linear] / fine, collapsed["free"][0][linear], 1)[0]
    at = int(np.argmin(np.abs(designed["times"] - config.design.horizon)))
    random = designed["random"][:, at]
    beyond = [
        (random.mean() - designed["slow"][at]) / random.std(),
        (designed["fast"][at] - random.mean()) / random.std(),
    ]
    measured = {
        "streaming: rate over dv / (2 L)": rate / (fine / 2),
        "streaming: largest distance from the exact curve": float(np.max(np.abs(gain[0] - swept["exact"]))),
        "streaming: spread of three dv against w": _spread(collapsed["free"]),
        "rates: spread of three dv by mean free path": {"short": _spread(gain[-1]), "long": _spread(gain[1])},
        "short path: spread of three dv": _spread(gain[-1]),
        "short path: spread of three dv from t = 1 on": _spread(gain[-1][:, swept["times"] >= min(1, config.runs.end)]),
        "collisions: largest distance from log 2 at the end": float(np.max(np.abs(gain[1:, :, -1] - np.log(2)))),
        "both: spread of three dv against w": _spread(collapsed["colliding"]),
        "both: finest cells from the limit": float(np.abs(collapsed["colliding"][0] - collapsed["limit"]).max()),
        "design: gradient against finite differences": designed["mismatch"],
        "design: finite differences keep the order of events": float(designed["kept"]),
        "design: entropy gained": {"slow": designed["slow"][at], "random": random.mean(), "fast": designed["fast"][at]},
        "design: share of random starts between the designs": float(
            np.mean((random > designed["slow"][at]) & (random < designed["fast"][at]))
        ),
        "design: standard deviations beyond random starts": float(min(beyond)),
    }
    plain = (
        "extrapolated from two steps; the central difference of the smaller one, off by curvature, by "
        f"{designed['plain_mismatch']:.1e}"
    )
    two = _spread(gain[-1][:2])
    remarks = {
        "design: gradient against finite differences": plain,
        "short path: spread of three dv": (
            f"over all times and dv = {', '.join(map(str, cells))} at path {config.runs.paths[-1]}; {two:.3f} for the "
            "two smaller dv: streaming between two collisions sees the cells"
        ),
        "both: spread of three dv against w": (
            "the scaling is that of fine cells; cells that are not small against the thermal velocity miss collisions: "
            f"curves rise as dv falls, {_spread(collapsed['colliding'][:2]):.3f} apart for the smaller two"
        ),
        "both: finest cells from the limit": (
            "the limit is of cells far below the thermal velocity; the distance falls with dv = "
            + ", ".join(f"{dv:g}" for dv in collapsed["cells"][::-1])
            + ": "
            + ", ".join(f"{gap:.3f}" for gap in np.abs(collapsed["colliding"] - collapsed["limit"]).max(axis=1)[::-1])
        ),
    }
    return measured, remarks


def _dataset(
    config: Config, swept: dict[str, Any], collapsed: dict[str, Any], designed: dict[str, Any]
) -> "xarray.Dataset":
    import xarray

    nats = {"units": "nats per disc"}
    return xarray.Dataset(
        {
            "gain": (("path", "cell", "time"), swept["gain"], nats),
            "exact": (("cell", "time"), swept["exact"], nats),
            "free": (("fine_cell", "w"), collapsed["free"], nats),
            "colliding": (("fine_cell", "w"), collapsed["colliding"], nats),
            "limit": ("w", collapsed["limit"], nats),
            "random": (("draw", "moment"), designed["random"], nats),
            "slow": ("moment", designed["slow"], nats),
            "fast": ("moment", designed["fast"], nats),
            "slow_history": ("iteration", designed["slow_history"], nats),
            "fast_history": ("iteration", designed["fast_history"], nats),
            "gradient": ("horizon", designed["sizes"], {"units": "nats per thermal velocity"}),
            "collisions": ("horizon", designed["collisions"]),
            "positions": (("disc", "axis"), designed["positions"], {"units": "L"}),
            "slow_velocities": (("disc", "axis"), designed["slow_velocities"], {"units": "thermal velocity"}),
            "fast_velocities": (("disc", "axis"), designed["fast_velocities"], {"units": "thermal velocity"}),
        },
        coords={
            "path": ("path", np.asarray([np.inf, *config.runs.paths]), {"units": "L"}),
            "cell": ("cell", np.asarray(config.runs.velocity_cells), {"units": "thermal velocity"}),
            "time": ("time", swept["times"], {"units": "L per thermal velocity"}),
            "fine_cell": ("fine_cell", collapsed["cells"], {"units": "thermal velocity"}),
            "w": ("w", collapsed["w"], {"units": "1"}),
            "moment": ("moment", designed["times"], {"units": "L per thermal velocity"}),
            "horizon": ("horizon", designed["horizons"], {"units": "L per thermal velocity"}),
        },
        attrs={"design_horizon": config.design.horizon, "ratio": config.runs.ratio, "diameter": config.design.diameter},
    )
