"""Designing dissipation: gradient descent through a simulation and an estimator of entropy production.

Two designs. A swimmer in a trap (v0 and the trap's stiffness) is given a prescribed entropy production rate and size.
Two swimmers on a ring are given an activity profile v0(x) that dissipates most at a fixed mean of v0(x)^2 over the
ring (not at a fixed mean active power, which is eps times the rate). Every gradient is that of a simulated trajectory:
simulate, observe the drift, estimate the rate without a score, differentiate.

Horizon. The gradient forgets the start as fast as the dynamics does. In the trap that is 1 / min(A, gamma); on the
ring the slowest relaxation takes about 20 time units, so the horizon is 40 and more, half of it run before the first
observation. The ring's repulsion contracts and its free flight is neutral: nothing grows exponentially, and longer
horizons cost only memory (square root of the steps) and variance. In dense two-dimensional systems collisions make
trajectories chaotic, and the horizon must stay below their Lyapunov time.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from experiments.claims import Bounds, Claim, Near, WithinErrors
from experiments.running import Result, stage
from experiments.thermodynamics import _ring_reference
from experiments.thermodynamics._dissipation_figure import draw
from experiments.thermodynamics._ring_design import RingConfig, design_ring, reference_profile, uniform_profile
from experiments.thermodynamics._trap_design import TrapConfig, design_trap

if TYPE_CHECKING:
    import xarray

SLUG = "dissipation-design"
TITLE = "Designing dissipation: gradient descent through simulation to an entropy production rate"
ARXIV = ""


@dataclass(frozen=True)
class Config:
    """Both designs.

    Attributes:
        trap: the swimmer in a trap.
        ring: the two swimmers on a ring.
    """

    trap: TrapConfig = field(default_factory=TrapConfig)
    ring: RingConfig = field(default_factory=RingConfig)


PRESETS: dict[str, Config] = {
    "smoke": Config(
        TrapConfig(chains=100, burn_in=16, observed=16, iterations=3, gradient_repeats=2),
        RingConfig(
            chains=50,
            horizon=2.0,
            iterations=2,
            horizons=(1.0, 2.0),
            gradient_repeats=2,
            difference_chains=8,
            difference_horizon=2.0,
            reference_cells=128,
        ),
    ),
    "default": Config(),
    "full": Config(
        TrapConfig(chains=20_000, gradient_repeats=64),
        RingConfig(
            modes=8,
            chains=20_000,
            dt=0.01,
            horizon=80.0,
            every=40,
            iterations=200,
            horizons=(5.0, 10.0, 20.0, 40.0, 80.0, 160.0),
            gradient_repeats=16,
        ),
    ),
}

CLAIMS: tuple[Claim, ...] = (
    Claim("trap: d rate / d v0", 1.5, "closed form 2 v0 gamma / (eps (A + gamma))", Near(relative=0.02)),
    Claim("trap: rate of the design", 1.0, "closed form v0^2 gamma / (eps (A + gamma))", Near(relative=0.02)),
    Claim("trap: size of the design", 1.5, "closed form eps / A + v0^2 / (A (A + gamma))", Near(relative=0.02)),
    Claim("ring: gradient against finite differences", 0.0, "same noise, float64", Near(absolute=1e-6)),
    Claim("ring: gradient against the steady state's", 0.0, "finite volumes x Hermite", WithinErrors(2.0, 0.05)),
    Claim("ring: rate of the design over that of uniform activity", "above 1", "finite volumes", Bounds(lower=1.0)),
    Claim("ring: rate of the design over the best one", 1.0, "BFGS on finite volumes", Near(relative=0.02)),
)


def run(config: Config, *, key: jax.Array, checkpoint_dir: Path) -> Result:
    """Runs both designs.

    Args:
        config: sizes.
        key: source of randomness.
        checkpoint_dir: directory of the optimisations' checkpoints.

    Returns:
        What was measured, the data and the figure.
    """
    trap_key, ring_key = jax.random.split(key)
    with stage("design the trap"):
        trap = design_trap(config.trap, key=trap_key, checkpoint_dir=checkpoint_dir)
    ring = design_ring(config.ring, key=ring_key, checkpoint_dir=checkpoint_dir)
    measured = {
        "trap: d rate / d v0": trap["gradient"],
        "trap: rate of the design": trap["rate"],
        "trap: size of the design": trap["size"],
        "ring: gradient against finite differences": ring["mismatch"],
        "ring: gradient against the steady state's": ring["along"],
        "ring: rate of the design over that of uniform activity": ring["rate"] / ring["uniform_rate"],
        "ring: rate of the design over the best one": ring["rate"] / ring["best_rate"],
    }
    data = _dataset(config, trap, ring)
    return Result(
        measured=measured, data=data, figure=lambda: draw(data, trap_config=config.trap, ring_config=config.ring)
    )


def _dataset(config: Config, trap: dict[str, Any], ring: dict[str, Any]) -> "xarray.Dataset":
    import xarray

    x = np.linspace(0.0, 16.0, 257)
    profiles, densities = [], []
    for coefficients in (uniform_profile(config.ring), ring["coefficients"], ring["best"]):
        profile = reference_profile(coefficients, config.ring, 8.0)
        solution = _ring_reference.solve_ring(profile, num_cells=config.ring.reference_cells, num_modes=20)
        values = profile(x)
        profiles.append(values if values.sum() > 0 else -values)  # the sign of v0 is that of g: no difference
        densities.append(np.interp(x, solution.x, solution.marginal, period=16.0))
    return xarray.Dataset(
        {
            "trap_rate": ("iteration", trap["history"]["rate"], {"units": "nats per unit time"}),
            "trap_size": ("iteration", trap["history"]["size"], {"units": "length^2"}),
            "ring_rate": ("ascent", ring["history"]["rate"], {"units": "nats per unit time"}),
            "gradient": (("horizon", "mode"), ring["gradients"], {"units": "nats per unit time"}),
            "gradient_error": (("horizon", "mode"), ring["errors"], {"units": "nats per unit time"}),
            "reference_gradient": ("mode", ring["exact"], {"units": "nats per unit time"}),
            "activity": (("design", "x"), np.asarray(profiles), {"units": "length per unit time"}),
            "density": (("design", "x"), np.asarray(densities), {"units": "1 / length"}),
            "coefficients": ("mode", ring["coefficients"], {"units": "1"}),
        },
        coords={
            "x": ("x", x, {"units": "length"}),
            "horizon": ("horizon", np.asarray(config.ring.horizons), {"units": "time"}),
            "design": ["uniform", "by gradient", "best"],
        },
        attrs={
            "trap_speed": trap["speed"],
            "trap_stiffness": trap["stiffness"],
            "ring_rate_uniform": ring["uniform_rate"],
            "ring_rate_design": ring["rate"],
            "ring_rate_best": ring["best_rate"],
        },
    )
