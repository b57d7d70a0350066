"""Epiplexity: what a learner of bounded compute makes of cellular automata, hidden tables and scaling laws.

Small networks, small data, minutes: the paper's claims about order and sign can be seen here, its numbers cannot, as
epiplexity depends on the network, the optimiser and the number of tokens. Exact are two parts that need no training:
the light-cone observer, whose compute is the number of cells it sees, and the frontier of published scaling laws.

- Rules 15, 30 and 54 of elementary automata (periodic, chaotic, complex): from a state to the one some steps later.
  Requential and prequential epiplexity of the same training.
- Hidden bits of the given state (rule 30) and hidden rows of a bigram table: what has to be induced adds structure.
- The light cone: S and H of a counting observer by the radius that it sees.
- Scaling laws: S and its limit by compute, for published laws of text, images and video.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from entropax import estimators
from experiments.claims import Bounds, Claim, Estimate, Near, NotRun, Ordering, Quotient, WithinErrors
from experiments.estimators._epiplexity_figure import draw
from experiments.estimators._epiplexity_training import (
    TrainingConfig,
    hidden_bits_entropies,
    train_bigrams,
    train_hidden_bits,
    train_rules,
)
from experiments.running import Result, stage

if TYPE_CHECKING:
    import xarray

SLUG = "epiplexity"
TITLE = "From entropy to epiplexity: rethinking information for computationally bounded intelligence"
ARXIV = "2601.03220"

RULES = (15, 30, 54)
INDUCED_RULE = 30
CONE_CELLS = 25_600
CONE_WIDTH = 64
CONE_TIME = 4
TEST_TOKENS = 1e12


@dataclass(frozen=True)
class Config:
    """Sizes.

    Attributes:
        training: of the networks.
        cone_repeats: independent draws of the light-cone observer's data.
        radii: of the observer, 0 to this.
    """

    training: TrainingConfig = field(default_factory=TrainingConfig)
    cone_repeats: int = 8
    radii: int = 5


PRESETS: dict[str, Config] = {
    "smoke": Config(
        TrainingConfig(
            embed=16,
            blocks=1,
            sequences=8,
            steps=20,
            induction_steps=20,
            warmup=5,
            average_steps=5.0,
            width=8,
            time=2,
            hidden_bits=(0, 2),
            length=9,
            hidden_rows=(0, 4),
        ),
        cone_repeats=2,
        radii=4,
    ),
    "default": Config(),
    "full": Config(
        TrainingConfig(
            embed=256,
            blocks=4,
            sequences=384,
            steps=10_000,
            induction_steps=3000,
            warmup=500,
            width=32,
            time=8,
            induction_time=4,
            hidden_bits=(0, 1, 2, 3, 4, 5),
            symbols=8,
            length=512,
            hidden_rows=(0, 2, 4, 6, 8),
        ),
        cone_repeats=32,
        radii=6,
    ),
}

TRAINED = ("three rules", "hard induction", "easy induction")
LEAST_STEPS = 500
ORDER = ("rule 30", "rule 15", "rule 54")
# Value, and its error: the scatter of one draw of 25,600 cells and, in quadrature, that of rounding to its last digit.
CONES = {
    "rule 54, radius 1": (0.93, 0.0047),
    "rule 54, radius 2": (0.81, 0.0043),
    "rule 30, radius 2": (1.001, 0.0006),
    "rule 30, radius 4": (0.016, 0.0003),
}
CLAIMS: tuple[Claim, ...] = (
    Claim("requential S by rule", "30 (about 0) < 15 < 54", "three rules", Ordering(ORDER)),
    Claim("prequential S by rule", "30 (about 0) < 15 < 54", "three rules", Ordering(ORDER)),
    Claim("H of rule 30, bits per cell", 1.0, "three rules", Near(absolute=0.01)),
    Claim("H of rule 15, bits per cell", 0.0, "three rules", Near(absolute=0.01)),
    Claim("requential S of rule 30 over that of rule 54", 0.0, "three rules", Near(absolute=0.02)),
    # Hidden parts add structure until the learner cannot take it: somewhere S exceeds that without.
    Claim("prequential S, most with hidden bits over none", "rises, then falls", "hard induction", Bounds(lower=1.0)),
    Claim("prequential S, most with hidden rows over none", "rises, then falls", "easy induction", Bounds(lower=1.0)),
    *(
        Claim(f"light cone: bits per cell, {name}", value, "counts, 25,600 cells", WithinErrors(2.0, 0.005, error))
        for name, (value, error) in CONES.items()
    ),
    Claim("language at C = 1e25: S, bits", 7.9510321e10, "closed form and root", Near(relative=1e-4)),
    Claim("language at C = 1e25: H, bits", 2.7246530e12, "closed form and root", Near(relative=1e-4)),
    Claim("language without limit: S, bits", 8.9996354e10, "closed form", Near(relative=1e-4)),
    Claim(
        "S without limit by domain",
        "text above images",
        "scaling laws",
        Ordering(("image 8x8", "image 16x16", "image 32x32", "language")),
    ),
)


def run(config: Config, *, key: jax.Array, checkpoint_dir: Path) -> Result:
    """Trains on automata and tables, counts light cones, and draws scaling laws.

    Args:
        config: sizes.
        key: source of randomness.
        checkpoint_dir: directory of the trainings' checkpoints.

    Returns:
        What was measured, the data and the figure.
    """
    rule_key, bits_key, rows_key, cone_key = jax.random.split(key, 4)
    with stage("count light cones"):
        cones = light_cones(config, key=cone_key)
    with stage("solve scaling laws"):
        laws = scaling_laws()
    with stage("train teachers and students on automata"):
        rules = train_rules(RULES, config.training, key=rule_key, checkpoint_dir=checkpoint_dir)
    with stage("train with hidden bits"):
        bits = train_hidden_bits(INDUCED_RULE, config.training, key=bits_key, checkpoint_dir=checkpoint_dir)
        bits |= hidden_bits_entropies(INDUCED_RULE, config.training)
    with stage("train with hidden rows"):
        rows = train_bigrams(config.training, key=rows_key, checkpoint_dir=checkpoint_dir)

    at = {f"rule {rule}": result for rule, result in rules.items()}
    measured: dict[str, Any] = {
        "requential S by rule": {name: result.value for name, result in at.items()},
        "prequential S by rule": {name: result.prequential for name, result in at.items()},
        "H of rule 30, bits per cell": at["rule 30"].entropy,
        "H of rule 15, bits per cell": at["rule 15"].entropy,
        "requential S of rule 30 over that of rule 54": Quotient(at["rule 30"].value, at["rule 54"].value),
        "prequential S, most with hidden bits over none": _gain(bits["epiplexity"]),
        "prequential S, most with hidden rows over none": _gain(rows["epiplexity"]),
        "language at C = 1e25: S, bits": laws["value_1e25"],
        "language at C = 1e25: H, bits": laws["entropy_1e25"],
        "language without limit: S, bits": laws["limit"]["language"],
        "S without limit by domain": {
            name: laws["limit"][name] for name in ("image 8x8", "image 16x16", "image 32x32", "language")
        },
    }
    if config.training.steps < LEAST_STEPS:
        reason = NotRun(f"{config.training.steps} steps of training teach nothing, {LEAST_STEPS} are needed")
        measured |= {claim.name: reason for claim in CLAIMS if claim.source in TRAINED}
    for name in CONES:
        rule, radius = (int(part.split()[-1]) for part in name.split(", "))
        draws = cones["fresh"][RULES.index(rule), :, radius]
        error = draws.std(ddof=1) / np.sqrt(draws.size)
        measured[f"light cone: bits per cell, {name}"] = Estimate(draws.mean(), error)
    data = _dataset(config, rules, bits, rows, cones, laws)
    return Result(measured=measured, data=data, figure=lambda: draw(data), remarks=_remarks(config, bits, rows))


def _gain(epiplexity: np.ndarray) -> Quotient:
    """The largest S with something hidden over that with nothing hidden, which comes first."""
    return Quotient(epiplexity[1:].max(), epiplexity[0])


def _remarks(config: Config, bits: dict[str, np.ndarray], rows: dict[str, np.ndarray]) -> dict[str, str]:
    """What the trained learners reached of what there is to learn."""
    after = f"after {config.training.induction_steps} steps"
    reached, ideal, cellwise = (bits[name][-1] for name in ("entropy", "ideal", "cellwise"))
    hidden_bits = (
        f"with {config.training.hidden_bits[-1]} bits hidden H is {reached:.3f} bits per cell {after}, "
        f"{cellwise:.3f} if every cell is coded from the given bits alone, {ideal:.3f} if the hidden ones are inferred"
    )
    reached, ideal = (rows[name][-1] for name in ("entropy", "ideal"))
    hidden_rows = f"with all hidden H is {reached:.3f} bits per symbol {after}, {ideal:.3f} for the ideal learner"
    return {
        "prequential S, most with hidden bits over none": hidden_bits,
        "prequential S, most with hidden rows over none": hidden_rows,
    }


def light_cones(config: Config, *, key: jax.Array) -> dict[str, np.ndarray]:
    """S in bits and H in bits per cell, counted and fresh, of every rule, draw and radius."""
    shape = (len(RULES), config.cone_repeats, config.radii + 1)
    found = {name: np.empty(shape) for name in ("epiplexity", "entropy", "fresh")}
    rows = CONE_CELLS // CONE_WIDTH
    for i, rule in enumerate(RULES):
        for j in range(config.cone_repeats):
            draw_key = jax.random.fold_in(jax.random.fold_in(key, rule), j)
            pairs = estimators.eca_pairs(rule, num_pairs=2 * rows, width=CONE_WIDTH, steps=CONE_TIME, key=draw_key)
            pairs = pairs.astype(np.int32)  # bits are counted by index
            for radius in range(config.radii + 1):
                code = estimators.light_cone_code(pairs[:rows, 0], pairs[:rows, 1], radius=radius)
                fresh = code.cross_entropy(pairs[rows:, 0], pairs[rows:, 1])
                for name, value in zip(found, (code.value, code.entropy, fresh), strict=True):
                    found[name][i, j, radius] = float(value)
    return found


def scaling_laws() -> dict[str, Any]:
    """Frontiers of the published laws, their limits, and the numbers at one compute."""
    compute = np.logspace(19, 29, 61)
    limit, curves = {}, []
    for name, published in estimators.PUBLISHED_LAWS.items():
        law = published.law()
        limit[name] = float(estimators.scaling_law_epiplexity(TEST_TOKENS, law))
        curves.append(np.asarray(estimators.scaling_law_frontier(compute, law, test_tokens=TEST_TOKENS).value))
    law = estimators.PUBLISHED_LAWS["language"].law()
    best = estimators.scaling_law_frontier(1e25, law, test_tokens=TEST_TOKENS)
    return {
        "compute": compute,
        "curves": np.array(curves),
        "limit": limit,
        "value_1e25": float(best.value),
        "entropy_1e25": float(best.entropy),
    }


def _dataset(
    config: Config,
    rules: dict[int, estimators.RequentialResult],
    bits: dict[str, np.ndarray],
    rows: dict[str, np.ndarray],
    cones: dict[str, np.ndarray],
    laws: dict[str, Any],
) -> "xarray.Dataset":
    import xarray

    cell, bit, symbol = {"units": "bits per cell"}, {"units": "bits"}, {"units": "bits per symbol"}
    results = list(rules.values())
    return xarray.Dataset(
        {
            "loss": (("rule", "step"), np.array([r.losses for r in results]) / np.log(2), cell),
            "student_loss": (("rule", "step"), np.array([r.student_losses for r in results]) / np.log(2), cell),
            "requential_curve": (("rule", "step"), np.array([r.epiplexity_curve for r in results]), bit),
            "prequential_curve": (("rule", "step"), np.array([r.prequential_curve for r in results]), bit),
            "requential": ("rule", [r.value for r in results], bit),
            "prequential": ("rule", [r.prequential for r in results], bit),
            "entropy": ("rule", [r.entropy for r in results], cell),
            "bits_epiplexity": ("hidden_bits", bits["epiplexity"], bit),
            "bits_entropy": ("hidden_bits", bits["entropy"], cell),
            "bits_ideal": ("hidden_bits", bits["ideal"], cell),
            "bits_cellwise": ("hidden_bits", bits["cellwise"], cell),
            "bits_loss": (("hidden_bits", "induction_step"), bits["losses"], cell),
            "rows_epiplexity": ("hidden_rows", rows["epiplexity"], bit),
            "rows_entropy": ("hidden_rows", rows["entropy"], symbol),
            "rows_ideal": ("hidden_rows", rows["ideal"], symbol),
            "rows_loss": (("hidden_rows", "induction_step"), rows["losses"], symbol),
            "cone_epiplexity": (("rule", "draw", "radius"), cones["epiplexity"], bit),
            "cone_entropy": (("rule", "draw", "radius"), cones["entropy"], cell),
            "cone_fresh": (("rule", "draw", "radius"), cones["fresh"], cell),
            "law_epiplexity": (("domain", "compute"), laws["curves"], bit),
            "law_limit": ("domain", list(laws["limit"].values()), bit),
        },
        coords={
            "rule": list(rules),
            "hidden_bits": list(config.training.hidden_bits),
            "hidden_rows": list(config.training.hidden_rows),
            "radius": ("radius", np.arange(config.radii + 1), {"units": "cells"}),
            "domain": list(laws["limit"]),
            "compute": ("compute", laws["compute"], {"units": "operations"}),
        },
        attrs={
            "tokens_per_step": config.training.sequences * config.training.width,
            "symbols_per_step": config.training.sequences * (config.training.length - 1),
            "test_tokens": TEST_TOKENS,
        },
    )
