"""Statistical mechanics from information: an ion channel built up, driven, relaxing and designed.

Maximum entropy on states gives the channel's occupancy, one piece of information after another. The same on paths gives
its kinetics: derivatives of the process free energy are the currents, second derivatives their responses, at any
voltage. The information that time reversal loses is the entropy produced. The paper's abstract states these relations
and prints no numbers: what is claimed here are the relations, each by two routes.

The channel is then designed: gradients of the entropy production rate, of simulated jumps, by the weights of their
paths, ascend in the site energies. Horizon: such a gradient counts the whole path since its start, 12 time units here,
several relaxation times of the channel; its bias is what the start has left after half of it, and its variance grows
with the number of jumps. Jumps are piecewise constant, so that no gradient passes through them and nothing explodes.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from experiments.claims import Bounds, Claim, Near, WithinErrors
from experiments.running import Result, stage
from experiments.thermodynamics import _channel_study as study
from experiments.thermodynamics._channel_design import DesignConfig, design_channel
from experiments.thermodynamics._channel_figure import draw
from experiments.thermodynamics._channel_study import ChannelConfig, PulseConfig

if TYPE_CHECKING:
    import xarray

SLUG = "statmech-revisited"
TITLE = "Information Theory and Statistical Mechanics Revisited"
ARXIV = "1105.5662"


@dataclass(frozen=True)
class Config:
    """All parts.

    Attributes:
        channel: five sites between two baths.
        pulse: one ion in a pore.
        design: the ascent.
        potentials: number of chemical potentials of the baths.
    """

    channel: ChannelConfig = field(default_factory=ChannelConfig)
    pulse: PulseConfig = field(default_factory=PulseConfig)
    design: DesignConfig = field(default_factory=DesignConfig)
    potentials: int = 41


PRESETS: dict[str, Config] = {
    "smoke": Config(
        ChannelConfig(chains=50, steps=20, voltages=(8.0, 5)),
        PulseConfig(paths=200, observations=20),
        DesignConfig(chains=50, steps=8, iterations=2, gradient_repeats=2),
        potentials=5,
    ),
    "default": Config(),
    "full": Config(
        ChannelConfig(chains=100_000, steps=400),
        PulseConfig(paths=1_000_000),
        DesignConfig(chains=50_000, iterations=200, gradient_repeats=32),
    ),
}

IDENTITY = "identity of the method, by two routes"
EXACT = "linear algebra on the 32 occupations"
CLAIMS: tuple[Claim, ...] = (
    Claim("build-up: multipliers less (-mu, 1, 1, V)", 0.0, IDENTITY, Near(absolute=1e-8)),
    Claim("build-up: fall of the entropy less the divergence", 0.0, IDENTITY, Near(absolute=1e-10)),
    Claim("V = 0: Green-Kubo over finite difference, less 1", 0.0, IDENTITY, Near(absolute=1e-6)),
    Claim("V = -4: Gibbs-Maxwell relation, relative error", 0.0, IDENTITY, Near(absolute=1e-8)),
    Claim("V = -4: dI/dV as a covariance, relative error", 0.0, IDENTITY, Near(absolute=1e-8)),
    Claim("V = -4: equilibrium Green-Kubo over the slope", "not 1", "far from equilibrium", Bounds(lower=1.001)),
    Claim("entropy production over affinity times current", 1.0, IDENTITY, Near(relative=1e-9)),
    Claim("simulated current over the exact one", 1.0, EXACT, WithinErrors(3.0, 0.01)),
    Claim("pulse: response less covariance, of mobility", 0.0, "fluctuation and dissipation", Near(absolute=0.05)),
    Claim("relaxation: least information loss", "not negative", "abstract", Bounds(lower=-1e-12)),
    Claim("relaxation: least medium entropy", "may be negative", "journal abstract", Bounds(upper=-1e-3)),
    Claim("design: gradient against finite differences", 0.0, "same paths, float64", Near(absolute=1e-6)),
    Claim("design: gradient along the exact one", 1.0, EXACT, WithinErrors(3.0, 0.1)),
    Claim("design: rate over the best one", 1.0, "BFGS on the exact rate", Near(relative=0.02)),
)


def run(config: Config, *, key: jax.Array, checkpoint_dir: Path) -> Result:
    """Runs all parts in float64.

    Args:
        config: sizes.
        key: source of randomness.
        checkpoint_dir: not used.

    Returns:
        What was measured, the data and the figure.
    """
    del checkpoint_dir
    potentials = np.linspace(-5.0, 7.0, config.potentials)
    with jax.enable_x64(True):
        jump_key, pulse_key, design_key = jax.random.split(key, 3)
        with stage("build up the channel"):
            built = study.build_up(config.channel)
            number, conductance = study.occupancy_and_conductance(config.channel, potentials)
        with stage("drive the channel"):
            driven = study.driven_channel(config.channel)
            simulated = study.simulated_current(config.channel, driven["far_current"], key=jump_key)
        with stage("relax the channel"):
            relaxed = study.relaxation(config.channel)
        with stage("pulse an ion in a pore"):
            pulse = study.pulse_response(config.pulse, key=pulse_key)
        with stage("design the channel"):
            design = design_channel(config.channel, config.design, key=design_key)
    measured = {
        "build-up: multipliers less (-mu, 1, 1, V)": built["multipliers"],
        "build-up: fall of the entropy less the divergence": built["mismatch"],
        "V = 0: Green-Kubo over finite difference, less 1": driven["equilibrium_mismatch"],
        "V = -4: Gibbs-Maxwell relation, relative error": driven["gibbs_maxwell_mismatch"],
        "V = -4: dI/dV as a covariance, relative error": driven["score_mismatch"],
        "V = -4: equilibrium Green-Kubo over the slope": driven["green_kubo_far"],
        "entropy production over affinity times current": driven["affinity_current"],
        "simulated current over the exact one": simulated,
        "pulse: response less covariance, of mobility": pulse["mismatch"],
        "relaxation: least information loss": float(relaxed["total"].min()),
        "relaxation: least medium entropy": float(relaxed["medium"].min()),
        "design: gradient against finite differences": design["mismatch"],
        "design: gradient along the exact one": design["share"],
        "design: rate over the best one": design["rate"] / design["best_rate"],
    }
    data = _dataset(potentials, number, conductance, built, driven, relaxed, pulse, design)
    return Result(measured=measured, data=data, figure=lambda: draw(data))


def _dataset(
    potentials: np.ndarray, number: np.ndarray, conductance: np.ndarray, *parts: dict[str, Any]
) -> "xarray.Dataset":
    import xarray

    built, driven, relaxed, pulse, design = parts
    per_time = {"units": "1 / time"}
    nats_per_time = {"units": "nats / time"}
    return xarray.Dataset(
        {
            "entropy": ("known", built["entropies"], {"units": "nats"}),
            "occupation": (("known", "site"), built["occupations"], {"units": "1"}),
            "ions": ("potential", number, {"units": "1"}),
            "conductance": ("potential", conductance, {"units": "1 / (time kT/e)"}),
            "current": ("voltage", driven["current"], per_time),
            "entropy_production": ("voltage", driven["rate"], nats_per_time),
            "slope": ("voltage", driven["slope"], {"units": "1 / (time kT/e)"}),
            "slope_covariance": ("voltage", driven["score"], {"units": "1 / (time kT/e)"}),
            "slope_green_kubo": ("voltage", -driven["green_kubo"], {"units": "1 / (time kT/e)"}),
            "loss_total": ("time", relaxed["total"], nats_per_time),
            "loss_system": ("time", relaxed["system"], nats_per_time),
            "loss_medium": ("time", relaxed["medium"], nats_per_time),
            "response": ("lag", pulse["response"], {"units": "length / (kT time / length)"}),
            "covariance": ("lag", pulse["covariance"], {"units": "length / (kT time / length)"}),
            "covariance_error": ("lag", pulse["covariance_error"], {"units": "length / (kT time / length)"}),
            "design_simulated": ("iteration", design["simulated"], nats_per_time),
            "design_exact": ("iteration", design["exact"], nats_per_time),
            "design_energies": ("site", design["energies"], {"units": "kT"}),
            "best_energies": ("site", design["best_energies"], {"units": "kT"}),
        },
        coords={
            "known": ["prior", "number", "+ energies", "+ repulsion", "+ voltage"],
            "site": np.arange(1, 6),
            "potential": ("potential", potentials, {"units": "kT"}),
            "voltage": ("voltage", driven["voltages"], {"units": "kT / e"}),
            "time": ("time", relaxed["time"], {"units": "time"}),
            "lag": ("lag", pulse["lag"], {"units": "time"}),
        },
        attrs={"best_rate": design["best_rate"], "start_rate": design["start_rate"]},
    )
