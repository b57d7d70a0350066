"""Epiplexity: what a learner of bounded compute makes of cellular automata, hidden tables and scaling laws.

S, the structure learnt, and H, what stays unpredictable, are the two parts of the shortest code within a compute: they
are read off the lower convex hull over trainings, where S + H against compute is least. Networks and data here are
small, minutes long: the paper's claims about order and sign can be seen, its numbers cannot, as S depends on network,
optimiser and number of tokens. Exact are the parts that need no training: the light-cone observer, whose compute is
the number of cells it sees, and the frontier of published scaling laws.

- Rules 15, 30 and 54 of elementary automata (periodic, chaotic, complex): from a state after a burn-in to the one
  eight steps later, whose cells hang on 17 cells of the first. Hull over networks of three sizes and their checkpoints,
  requential and prequential.
- Rule 54 with the states on the way predicted too (the loop): simulation in place of structure, at more compute.
- Order: a state of rule 30 before its successor, or after it.
- Hidden bits of the given state (rule 30) and hidden rows of a bigram table: what has to be induced adds structure.
- The light cone: S and H of a counting observer by the radius that it sees.
- Scaling laws: S by compute, for published laws of text, images and video, parameters of embeddings counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from entropax import estimators
from experiments.claims import Bounds, Claim, Estimate, Exceeds, Near, NotRun, Ordering, Quotient, WithinErrors
from experiments.estimators._epiplexity_data import attractor_entropy, light_cone_entropy
from experiments.estimators._epiplexity_figure import draw
from experiments.estimators._epiplexity_laws import scaling_laws
from experiments.estimators._epiplexity_record import dataset
from experiments.estimators._epiplexity_training import (
    BitsConfig,
    Curve,
    Learner,
    OrderConfig,
    RowsConfig,
    RuleRun,
    RulesConfig,
    best_codes,
    train_hidden_bits,
    train_hidden_rows,
    train_orders,
    train_rules,
)
from experiments.running import Result, stage

if TYPE_CHECKING:
    import xarray

SLUG = "epiplexity"
TITLE = "From entropy to epiplexity: rethinking information for computationally bounded intelligence"
ARXIV = "2601.03220"

CHAOTIC = 30
CONE_CELLS = 25_600
CONE_WIDTH = 64
CONE_TIME = 4
CONE_RULES = (15, 30, 54)


@dataclass(frozen=True)
class Config:
    """Sizes.

    Attributes:
        rules: teachers and students on rules of automata.
        order: a state and the next, in either order.
        bits: hidden bits of a state.
        rows: hidden rows of a table.
        cone_repeats: independent draws of the light-cone observer's data.
        radii: of the observer, 0 to this.
        checkpoint_every: steps between the checkpoints that may lie on a hull.
    """

    rules: RulesConfig
    order: OrderConfig
    bits: BitsConfig
    rows: RowsConfig
    cone_repeats: int = 8
    radii: int = 5
    checkpoint_every: int = 10


_BRIEF = Learner(embed=16, blocks=1, sequences=8, steps=20, warmup=5, average_steps=5.0)
PRESETS: dict[str, Config] = {
    "smoke": Config(
        rules=RulesConfig((_BRIEF,), width=8, time=2, burn_in=10, test_tokens=2000.0, loops=2, loop=(_BRIEF,)),
        order=OrderConfig(_BRIEF, widths=(8,), time=2),
        bits=BitsConfig(_BRIEF, width=8, time=1, hidden=(0, 1, 2)),
        rows=RowsConfig(_BRIEF, symbols=4, length=9, hidden=(0, 2, 4)),
        cone_repeats=2,
        radii=4,
        checkpoint_every=2,
    ),
    "default": Config(
        rules=RulesConfig(
            tuple(Learner(embed, blocks, sequences=16, steps=1000) for embed, blocks in ((16, 1), (32, 1), (64, 2))),
        ),
        order=OrderConfig(Learner(steps=3000), widths=(8,), time=2),
        bits=BitsConfig(Learner(sequences=16, steps=3000, average_steps=100.0), width=8, time=1, hidden=(0, 1, 2)),
        rows=RowsConfig(Learner(sequences=16, steps=800, average_steps=100.0), symbols=4, length=33, hidden=(0, 2, 4)),
    ),
    "medium": Config(
        rules=RulesConfig(
            tuple(
                Learner(embed, blocks, sequences=16, steps=2000, learning_rate=rate)
                for embed, blocks in ((16, 1), (32, 1), (32, 2), (64, 2))
                for rate in (0.03, 0.06)
            ),
            rules=(0, 32, 4, 15, 22, 30, 41, 106, 110, 54),
            loop=(Learner(32, 1, sequences=8, steps=2000), Learner(64, 2, sequences=8, steps=2000)),
            test_tokens=1e6,
        ),
        order=OrderConfig(Learner(steps=12_000), widths=(8, 10, 12), time=2),
        bits=BitsConfig(Learner(steps=6000), width=8, time=1, hidden=(0, 1, 2, 3)),
        rows=RowsConfig(Learner(sequences=8, steps=4000), symbols=4, length=129, hidden=(0, 1, 2, 3, 4)),
        cone_repeats=16,
        radii=6,
    ),
    "full": Config(
        rules=RulesConfig(
            tuple(
                Learner(embed, blocks, sequences=1536, steps=10_000, warmup=100)
                for embed in (16, 32, 64, 128, 256, 512)
                for blocks in (1, 2, 4, 6, 9)
            ),
            rules=(0, 32, 4, 15, 22, 30, 41, 106, 110, 54),
            width=64,
            time=48,
            test_tokens=1e8,
            loops=16,
            loop=tuple(
                Learner(embed, blocks, sequences=144, steps=6800, learning_rate=0.06, warmup=100)
                for embed in (16, 32, 64, 128)
                for blocks in (1, 2, 4, 8, 16, 32)
            ),
        ),
        order=OrderConfig(
            Learner(embed=192, blocks=8, sequences=512, steps=100_000, warmup=500), widths=(16, 24, 32, 48, 64), time=8
        ),
        bits=BitsConfig(
            Learner(embed=256, blocks=3, sequences=1536, steps=20_000, warmup=100, average_steps=100.0),
            width=32,
            time=4,
            hidden=(0, 1, 2, 3, 4, 5),
        ),
        rows=RowsConfig(
            Learner(embed=128, blocks=3, sequences=384, steps=3000, warmup=15),
            symbols=8,
            length=512,
            hidden=(0, 2, 4, 6, 8),
        ),
        cone_repeats=32,
        radii=6,
        checkpoint_every=50,
    ),
}

LEAST_STEPS = 400
BITS = ("0 hidden", "1 hidden", "2 hidden")
DOMAINS = ("image 8x8", "image 16x16", "image 32x32", "video VQ 16x16x16", "image VQ 16x16", "language")
# A value, and its error: the scatter of one draw of 25,600 cells and, in quadrature, of rounding to its last digit.
CONES = {
    "rule 54, radius 1": (0.93, 0.0047),
    "rule 54, radius 2": (0.81, 0.0043),
    "rule 30, radius 2": (1.001, 0.0006),
    "rule 30, radius 4": (0.016, 0.0003),
}
# D0, tokens, and half a unit of its last digit.
DATA_SCALES = {
    "image 8x8": (2.66e6, 0.005e6),
    "image 16x16": (8.94e7, 0.005e7),
    "image 32x32": (1.95e6, 0.005e6),
    "image VQ 16x16": (4.44e7, 0.005e7),
    "image VQ 32x32": (1.63e8, 0.005e8),
    "video VQ 16x16x16": (1.79e8, 0.005e8),
}
TRAINED: tuple[Claim, ...] = (
    *(
        claim
        for code in ("requential", "prequential")
        for claim in (
            Claim(f"{code} S of rules 15 and 54", "15 < 54", "Fig. 3", Ordering(("rule 15", "rule 54"))),
            Claim(f"{code} S of rule 30 over that of rule 54", 0.0, "Fig. 3", Near(absolute=0.02)),
        )
    ),
    Claim("pairs of rules that both codes order alike", 1.0, "Fig. 2c", Bounds(lower=1.0)),
    Claim("H by rule", "15 < 54 < 30", "Fig. 3", Ordering(("rule 15", "rule 54", "rule 30"))),
    Claim("H of rule 30, bits per cell", 1.0, "Fig. 3", Near(absolute=0.01)),
    Claim("H of rule 15, bits per cell", 0.0, "Fig. 3", Near(absolute=0.01)),
    Claim("S of rule 54, once the loop is affordable", "drops", "Fig. 6", Ordering(("loop", "most without"))),
    Claim("state first: bits of both over the entropy", 1.0, "Fig. 4a", Near(relative=0.01)),
    Claim("state last: bits above those of state first", 0.0, "Fig. 4a: a gap", Exceeds(2.0)),
    Claim("S of a hidden bit over none", "above 1", "Fig. 5b", Bounds(lower=1.0)),
    Claim("S by hidden bits", "grows", "Fig. 5b", Ordering(BITS)),
    Claim("S of some rows hidden over none", "above 1", "Fig. 5c", Bounds(lower=1.0)),
    Claim("S of some rows hidden over all", "above 1", "Fig. 5c", Bounds(lower=1.0)),
)
CLAIMS: tuple[Claim, ...] = (
    *TRAINED,
    *(
        Claim(f"light cone: bits per cell, {name}", value, "counts, 25,600 cells", WithinErrors(2.0, 0.005, error))
        for name, (value, error) in CONES.items()
    ),
    *(
        Claim(f"{domain} with embeddings: D0, tokens", value, "Table 1", Near(absolute=half_unit))
        for domain, (value, half_unit) in DATA_SCALES.items()
    ),
    Claim("language at C = 1e25: S, bits", 7.9510321e10, "closed form and root", Near(relative=1e-4)),
    Claim("language at C = 1e25: H, bits", 2.7246530e12, "closed form and root", Near(relative=1e-4)),
    Claim("language without limit: S, bits", 8.9996354e10, "closed form", Near(relative=1e-4)),
    Claim("S at C = 1e25 by domain", "language > VQ > pixels; VQ image > video", "Fig. 8b", Ordering(DOMAINS)),
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
    rule_key, order_key, bits_key, rows_key, cone_key = jax.random.split(key, 5)
    with stage("count light cones"):
        cones = light_cones(config, key=cone_key)
    with stage("solve scaling laws"):
        laws = scaling_laws()
    with stage("train teachers and students on automata"):
        rules, loops = train_rules(config.rules, key=rule_key, checkpoint_dir=checkpoint_dir)
        frontiers = {code: _frontiers(config, rules, code) for code in RuleRun._fields}
        loop = _loop_frontier(config, rules, loops)
    with stage("train on both orders"):
        orders = train_orders(CHAOTIC, config.order, key=order_key, checkpoint_dir=checkpoint_dir)
    with stage("train with hidden bits"):
        bits, bits_ideal = train_hidden_bits(CHAOTIC, config.bits, key=bits_key, checkpoint_dir=checkpoint_dir)
    with stage("train with hidden rows"):
        rows, rows_ideal = train_hidden_rows(config.rows, key=rows_key, checkpoint_dir=checkpoint_dir)

    parts = (rules, frontiers, loop, orders, (bits, bits_ideal), (rows, rows_ideal), cones, laws)
    data = dataset(config, *parts)
    measured = _of_rules(data) | _of_orders(config, orders) | _of_hidden(config, bits, rows) | _of_laws(laws)
    if config.bits.learner.steps < LEAST_STEPS:
        reason = NotRun(f"{config.bits.learner.steps} steps of training teach nothing, {LEAST_STEPS} are needed")
        measured |= {claim.name: reason for claim in TRAINED}
    if not config.rules.loop:
        measured["S of rule 54, once the loop is affordable"] = NotRun(
            f"a learner of {config.rules.loops} states on the way costs more bits to teach than its predictions save "
            f"on {config.rules.test_tokens:,.0f} cells; presets medium and full have larger test sets"
        )
    for name in CONES:
        rule, radius = _cone(name)
        draws = cones["fresh"][CONE_RULES.index(rule), :, radius]
        error = draws.std(ddof=1) / np.sqrt(draws.size)
        measured[f"light cone: bits per cell, {name}"] = Estimate(draws.mean(), error)
    return Result(measured=measured, data=data, figure=lambda: draw(data), remarks=_remarks(config, data))


def _frontiers(config: Config, rules: Mapping[int, list[RuleRun]], code: str) -> dict[int, estimators.ComputeFrontier]:
    """The hull of every rule over its learners and their checkpoints."""
    options = {"test_tokens": config.rules.test_tokens, "every": config.checkpoint_every}
    return {
        rule: estimators.epiplexity_from_runs(best_codes([getattr(run, code) for run in runs], **options))
        for rule, runs in rules.items()
    }


def _loop_frontier(
    config: Config, rules: Mapping[int, list[RuleRun]], loops: list[Curve]
) -> estimators.ComputeFrontier:
    """The prequential hull of the last rule over learners of the last state and of the loop."""
    options = {"test_tokens": config.rules.test_tokens, "every": config.checkpoint_every}
    codes = best_codes([run.prequential for run in rules[config.rules.rules[-1]]], **options)
    return estimators.epiplexity_from_runs([*codes, *best_codes(loops, **options, loops=config.rules.loops)])


def _of_rules(data: "xarray.Dataset") -> dict[str, Any]:
    best = data.sel(rule=[15, 30, 54])
    names = [f"rule {rule}" for rule in best.rule.values]
    measured: dict[str, Any] = {}
    for code in RuleRun._fields:
        value = dict(zip(names, best.best_epiplexity.sel(code=code).values, strict=True))
        measured[f"{code} S of rules 15 and 54"] = {name: value[name] for name in ("rule 15", "rule 54")}
        measured[f"{code} S of rule 30 over that of rule 54"] = Quotient(value["rule 30"], value["rule 54"])
    entropy = dict(zip(names, best.best_entropy.sel(code="requential").values, strict=True))
    measured["H by rule"] = entropy
    measured |= {f"H of {name}, bits per cell": entropy[name] for name in ("rule 30", "rule 15")}
    pairs = list(combinations(data.best_epiplexity.transpose("rule", "code").values, 2))
    alike = sum(np.prod(np.sign(one - other)) > 0 for one, other in pairs)
    measured["pairs of rules that both codes order alike"] = Quotient(alike, len(pairs))
    loop = {
        "loop": data.loop_epiplexity[-1],
        "most without": data.hull_epiplexity.sel(code="prequential", rule=54).max(),
    }
    measured["S of rule 54, once the loop is affordable"] = {name: float(value) for name, value in loop.items()}
    return measured


def _of_orders(config: Config, orders: Mapping[str, Mapping[int, Curve]]) -> dict[str, Any]:
    width = config.order.widths[0]
    forward, backward = (orders[name][width] for name in ("forward", "reversed"))
    # Of the smoothed last losses: the weights of the running average come to 1 / (2 average_steps) in square.
    error = np.hypot(forward.spread, backward.spread) / np.sqrt(2 * config.order.learner.average_steps)
    gap = 2 * width * (backward.entropy - forward.entropy)
    return {
        "state first: bits of both over the entropy": Quotient(2 * width * forward.entropy, width),
        "state last: bits above those of state first": Estimate(gap, 2 * width * error),
    }


def _of_hidden(config: Config, bits: list[Curve], rows: list[Curve]) -> dict[str, Any]:
    by_bits = dict(zip(config.bits.hidden, bits, strict=True))
    none, *some, every = (run.value for run in rows)
    return {
        "S of a hidden bit over none": Quotient(by_bits[1].value, by_bits[0].value),
        "S by hidden bits": {name: by_bits[count].value for count, name in enumerate(BITS)},
        "S of some rows hidden over none": Quotient(max(some), none),
        "S of some rows hidden over all": Quotient(max(some), every),
    }


def _of_laws(laws: dict[str, Any]) -> dict[str, Any]:
    return {
        **{f"{name} with embeddings: D0, tokens": laws["laws"][name].data_scale for name in DATA_SCALES},
        "language at C = 1e25: S, bits": laws["value"]["language"],
        "language at C = 1e25: H, bits": laws["entropy"]["language"],
        "language without limit: S, bits": laws["limit"]["language"],
        "S at C = 1e25 by domain": {name: laws["value"][name] for name in DOMAINS},
    }


def _cone(name: str) -> tuple[int, int]:
    rule, radius = (int(part.split()[-1]) for part in name.split(", "))
    return rule, radius


def _remarks(config: Config, data: "xarray.Dataset") -> dict[str, str]:
    """What there was to learn, what was reached, and exact values."""
    remarks = {}
    for name in CONES:
        rule, radius = _cone(name)
        exact = light_cone_entropy(rule, radius=radius, time=CONE_TIME, cells=CONE_CELLS)
        remarks[f"light cone: bits per cell, {name}"] = (
            f"{exact:.4f} by enumeration of all light cones and the cost 1 / (2 ln 2) of a count, "
            f"{2 ** (2 * radius + 1)} counts on {CONE_CELLS:,} cells"
        )
    steps = config.bits.learner.steps
    bits = "; ".join(
        f"{count} hidden: H {reached:.2f} bits per state after {steps} steps, {cellwise:.2f} if every cell is coded "
        f"from the given bits alone, {ideal:.2f} if the hidden ones are inferred"
        for count, reached, cellwise, ideal in zip(
            data.hidden_bits.values,
            data.bits_entropy.values,
            data.bits_cellwise.values,
            data.bits_ideal.values,
            strict=True,
        )
    )
    remarks["S by hidden bits"] = (
        f"{bits}. Where H is above the ideal learner's, S has yet to grow: the compute that this takes grows "
        "exponentially with the hidden bits"
    )
    learnable = np.log2(config.rows.symbols) - data.rows_ideal.values
    rows = (
        f"with {', '.join(str(count) for count in data.hidden_rows.values)} of {config.rows.symbols} rows hidden there "
        f"are {', '.join(f'{x:.2f}' for x in learnable)} bits per symbol to learn; H with all hidden is "
        f"{float(data.rows_entropy[-1]):.3f}, {float(data.rows_ideal[-1]):.3f} for the ideal learner"
    )
    none, *some, _ = data.rows_epiplexity.values
    if max(some) <= none:
        symbols = config.rows.learner.steps * data.attrs["symbols_per_step"]
        rows += (
            f"; within {symbols:.1g} symbols (the paper's learners see 6e8) reading a row that is given takes as long "
            "to learn as inducing one, and S follows what there is to learn"
        )
    remarks["S of some rows hidden over none"] = rows
    remarks["state first: bits of both over the entropy"] = (
        f"after {config.order.learner.steps} steps, the loss still falling: "
        f"{float(data.order_before[0, 0]):.2f} bits a tenth of them earlier, {float(data.order_bits[0, 0]):.2f} then"
    )
    if (width := config.rules.width) <= 16:
        left = attractor_entropy(CHAOTIC, width=width, burn_in=config.rules.burn_in)
        reached = float(data.best_entropy.sel(code="prequential", rule=CHAOTIC))
        remarks["prequential S of rule 30 over that of rule 54"] = (
            f"the burn-in leaves {left:.1f} of the {width} bits of a ring so small, {left / width:.2f} bits per cell, "
            f"and the teacher begins to learn which states are left: {reached:.3f} bits per cell"
        )
    return remarks


def light_cones(config: Config, *, key: jax.Array) -> dict[str, np.ndarray]:
    """S in bits and H in bits per cell, counted and fresh, of every rule, draw and radius."""
    shape = (len(CONE_RULES), config.cone_repeats, config.radii + 1)
    found = {name: np.empty(shape) for name in ("epiplexity", "entropy", "fresh")}
    rows = CONE_CELLS // CONE_WIDTH
    for i, rule in enumerate(CONE_RULES):
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
