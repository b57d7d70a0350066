"""Entropy production and probability flow of active matter from learned scores (arXiv 2309.12991).

The score s = grad log rho of a steady state, learned from its samples, gives the velocity v = b - D s of the
probability flow and the entropy production v^T D^-1 v, in all and where it happens. Four systems, each beside numbers
that do not come from the score:

- linear systems of 2 to 4 dimensions: the closed form tr(A^T D^-1 A S) - tr A;
- two swimmers on a ring: the Fokker-Planck equation solved by finite volumes times Hermite functions;
- repelling swimmers in a trap, v0 from zero: the score-free mean E[b D^-1 b + div b], which holds at any v0;
- in presets `medium` (about an hour on two CPU cores) and `full`, 64 swimmers in that trap (the score made of pairs in
  the one, the paper's transformer in the other), and motility-induced phase separation, trained at one size and
  evaluated at larger ones.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
from scipy import ndimage

from entropax._typing import PRNGKey
from experiments.claims import Claim
from experiments.running import Result, stage
from experiments.thermodynamics import (
    _active_matter_claims as claimed,
    _active_matter_figure as drawing,
    _ring_reference as reference,
)
from experiments.thermodynamics._active_matter_data import Outcomes, as_dataset
from experiments.thermodynamics._linear_systems import LinearConfig, learn_linear_systems
from experiments.thermodynamics._mips import MipsConfig, learn_mips
from experiments.thermodynamics._mips_rates import MipsOutcome, evaluate_mips
from experiments.thermodynamics._ring import RingConfig, learn_ring
from experiments.thermodynamics._trap import TrapConfig, learn_trap

SLUG = "active-matter-epr"
TITLE = "Deep learning probability flows and entropy production rates in active matter"
ARXIV = "2309.12991"
CLAIMS: tuple[Claim, ...] = claimed.CLAIMS


@dataclass(frozen=True)
class Config:
    """The parts of the experiment.

    Attributes:
        linear: linear systems.
        ring: two swimmers on a ring.
        trap: 16 swimmers in a trap.
        crowd: 64 swimmers in the trap, or None.
        mips: motility-induced phase separation, or None.
        reference_cells: finite volumes of the ring's independent solution, an odd multiple of the map's points in x.
    """

    linear: LinearConfig = field(default_factory=LinearConfig)
    ring: RingConfig = field(default_factory=RingConfig)
    trap: TrapConfig = field(default_factory=TrapConfig)
    crowd: TrapConfig | None = None
    mips: MipsConfig | None = None
    reference_cells: int = 1120


_TINY_TRAP = TrapConfig(
    num_particles=12,  # fewer may not touch at all, and then the control variates are linearly dependent
    chains=8,
    burn_in=0.5,  # as many steps as there are to settle: one compiled loop
    settle=0.025,
    spacing=0.025,
    snapshots=2,
    steps=2,
    batch=4,
    sizes=(("channels", 2), ("width", 8)),
)
_TINY_TRANSFORMER = (("embed", 8), ("blocks", 1), ("heads", 2), ("hidden", 8), ("depth", 1))

PRESETS: dict[str, Config] = {
    "smoke": Config(
        linear=LinearConfig(steps=3, batch=64, samples=500, width=8, depth=1),
        ring=RingConfig(
            chains=32, burn_in=1.0, spacing=0.5, snapshots=4, width=8, depth=1, steps=3, batch=64, grid=(32, 21)
        ),
        trap=_TINY_TRAP,
        crowd=replace(_TINY_TRAP, network="transformer", sizes=_TINY_TRANSFORMER),
        mips=MipsConfig(
            num_particles=64,
            multiples=(1, 2),
            burn_in=10.0,
            spacing=1.0,
            snapshots=2,
            evaluations=2,
            evaluation_spacing=2.0,
            neighbors=6,
            sizes=_TINY_TRANSFORMER,
            sigma=0.1,
            steps=2,
            batch=8,
            block=64,
        ),
        reference_cells=224,
    ),
    "default": Config(),
    "medium": Config(
        crowd=TrapConfig(
            num_particles=64,
            chains=512,
            burn_in=60.0,
            dt=5e-4,
            steps=2000,
            patience=750,
            batch=16,
        ),
        mips=MipsConfig(
            num_particles=1024,
            neighbors=18,
            sizes=(("embed", 64), ("blocks", 2), ("heads", 4), ("hidden", 64), ("depth", 2)),
            sigma=0.05,
            steps=4000,
            batch=128,
            learning_rate=2e-3,
            average=0.99,
        ),
    ),
    "full": Config(
        linear=LinearConfig(steps=5000),
        ring=RingConfig(chains=20_000, snapshots=200, steps=20_000, batch=4096, width=256),
        crowd=TrapConfig(
            num_particles=64,
            speeds=(0.0, 0.1, 0.2, 0.3, 0.4, 0.5),
            dt=2.5e-4,
            chains=1024,
            burn_in=100.0,
            spacing=2.0,
            snapshots=50,
            network="transformer",
            sizes=(("embed", 256), ("blocks", 4), ("heads", 4), ("hidden", 256)),
            steps=60_000,
            validate_every=1000,
            patience=10_000,
            batch=64,
            learning_rate=3e-4,
            average=0.9999,
        ),
        mips=MipsConfig(),
    ),
}


def run(config: Config, *, key: PRNGKey, checkpoint_dir: Path) -> Result:
    """Runs the parts.

    Args:
        config: sizes.
        key: source of randomness.
        checkpoint_dir: directory of the fits' checkpoints.

    Returns:
        What was measured, the data and the figure.
    """
    linear_key, ring_key, trap_key, crowd_key, mips_key = jax.random.split(key, 5)
    with stage("learn linear systems"):
        linear = learn_linear_systems(config.linear, key=linear_key, checkpoint_dir=checkpoint_dir)
    with stage("learn the ring"):
        ring = learn_ring(config.ring, key=ring_key, checkpoint_dir=checkpoint_dir)
        ring |= _compare_with_reference(ring, config)
    with stage("learn the swimmers in a trap"):
        trap = learn_trap(config.trap, key=trap_key, checkpoint_dir=checkpoint_dir / "trap")
    crowd = mips = None
    if config.crowd is not None:
        with stage("learn a crowd in the trap"):
            crowd = learn_trap(config.crowd, key=crowd_key, checkpoint_dir=checkpoint_dir / "crowd")
    if config.mips is not None:
        with stage("learn the phase separation"):
            mips = _run_mips(config.mips, key=mips_key, checkpoint_dir=checkpoint_dir)
    outcomes = Outcomes(linear, ring, trap, crowd, mips)
    data = as_dataset(outcomes)
    return Result(
        measured=claimed.measured(outcomes),
        data=data,
        figure=lambda: drawing.draw(data),
        remarks=claimed.remarks(outcomes),
    )


def _run_mips(config: MipsConfig, *, key: PRNGKey, checkpoint_dir: Path) -> dict[int, MipsOutcome]:
    """Trains at N and evaluates at its multiples, on configurations that were not trained on."""
    fit_key, test_key = jax.random.split(key)
    score = learn_mips(config, key=fit_key, checkpoint_dir=checkpoint_dir)
    return {n: evaluate_mips(score, config, n, key=jax.random.fold_in(test_key, n)) for n in config.multiples}


def _compare_with_reference(ring: dict[str, Any], config: Config) -> dict[str, Any]:
    """The independent solution on the map's points, and how far the learned flow is from it."""
    x, g = ring["x"], ring["g"]
    cells = config.reference_cells
    solution = reference.solve_ring(config.ring.speed, num_cells=cells)
    stride = cells // x.size
    density, velocity = (field[..., stride // 2 :: stride, :] for field in solution.on_grid(g))
    rate = np.sum(velocity**2 / np.asarray(solution.diffusion)[:, None, None], axis=0)
    present = np.isfinite(rate)
    weight = np.where(present, density, 0.0) / density[present].sum()
    error = np.sqrt(np.nansum(weight * (ring["velocity"] - velocity) ** 2 / np.nansum(weight * velocity**2)))
    histogram = _histogram(ring["samples"], x, g)
    return {
        "reference_density": density,
        "reference_velocity": velocity,
        "reference_rate": rate,
        "reference_total": reference.extrapolated_entropy_production(config.ring.speed, num_cells=cells // 2),
        "density": histogram,
        "smoothed_density": _smoothed(histogram),
        "flow_error": float(error),
    }


def _histogram(samples: np.ndarray, x: np.ndarray, g: np.ndarray) -> np.ndarray:
    """Density of the samples and of their mirror images around the map's points."""
    width = x.size * (x[1] - x[0])
    both = np.concatenate([samples, np.array([width, 0.0]) - samples])
    edges = [np.append(axis, axis[-1] + axis[1] - axis[0]) - (axis[1] - axis[0]) / 2 for axis in (x, g)]
    counts, *_ = np.histogram2d(both[:, 0] % width, both[:, 1], bins=edges)
    return counts / both.shape[0] / ((x[1] - x[0]) * (g[1] - g[0]))


def _smoothed(density: np.ndarray) -> np.ndarray:
    """A histogram over (x, g) without most of its noise: two binomial windows of five points along either axis."""
    window = np.array([1, 4, 6, 4, 1]) / 16
    for axis in (0, 1, 0, 1):  # x is periodic, and nothing is seen near the ends of g
        density = ndimage.convolve1d(density, window, axis, mode="wrap")
    return density
