"""When functions of a variable recover it: the necessary condition of arXiv 2306.15540 against the truth.

Five problems are enumerated: sign and modulus, linear forms over finite fields, prime signatures, remainders, and
sorting by comparisons. For every set of parts the slack of the condition, (n - 1) - sum_i D(X, X_i), stands beside
whether the parts recover X, which the lattice decides by classes and number theory decides without them. The condition
never refuses what can be recovered; what it lets pass without being recovered is counted. Then two pictures of how far
the bound is from the truth: random comparisons for sorting, and parts chosen greedily.
"""

import itertools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from entropax import information
from experiments.claims import Bounds, Claim, Near, Quotient
from experiments.information import _reconstruction_cases as problems
from experiments.information._reconstruction_figure import draw
from experiments.running import Result, stage

if TYPE_CHECKING:
    import xarray

SLUG = "perfect-reconstruction"
TITLE = "An information theoretic necessary condition for perfect reconstruction"
ARXIV = "2306.15540"


@dataclass(frozen=True)
class Config:
    """Sizes.

    Attributes:
        largest_modulus: sign and modulus on up to so many absolute values.
        repeats: random distributions of each.
        fields: F_q^k as (q, k), q prime.
        largest_number: X up to so much for prime signatures and remainders.
        sets: the most sets of parts of one variable.
        things: how many things are sorted.
        draws: random sequences of comparisons.
        longest: comparisons in a sequence.
        orders: random orders that greedy choice is compared with.
    """

    largest_modulus: int = 12
    repeats: int = 8
    fields: tuple[tuple[int, int], ...] = ((2, 2), (2, 3), (2, 4), (3, 2), (3, 3), (5, 2))
    largest_number: int = 60
    sets: int = 130
    things: tuple[int, ...] = (4, 5)
    draws: int = 1000
    longest: int = 60
    orders: int = 200


PRESETS: dict[str, Config] = {
    "smoke": Config(
        largest_modulus=3,
        repeats=2,
        fields=((2, 2), (2, 3)),
        largest_number=16,
        sets=20,
        things=(3, 4),
        draws=100,
        longest=30,
        orders=20,
    ),
    "default": Config(),
    "full": Config(
        repeats=32,
        fields=((2, 2), (2, 3), (2, 4), (2, 5), (3, 2), (3, 3), (5, 2), (5, 3), (7, 2)),
        largest_number=120,
        sets=300,
        things=(4, 5, 6),
        draws=4000,
        longest=100,
        orders=1000,
    ),
}

PRINTED = Near(absolute=1e-9)
CLAIMS: tuple[Claim, ...] = (
    Claim("sets that are recovered and yet refused", 0, "theorem: the condition is necessary", Bounds(upper=0)),
    Claim("refusals that are right", 1.0, "theorem: the condition is necessary", Bounds(lower=1.0)),
    Claim("sets whose recovery contradicts number theory", 0, "rank, lcm, unique factors, all pairs", Bounds(upper=0)),
    Claim("sets that keep the condition without being recovered", "some", "it is not sufficient", Bounds(lower=1)),
    Claim("sign and modulus: sum of distances", 1.0, "abstract: X symmetric, never 0; n - 1", PRINTED),
    Claim("remainders of 0 ... 15 by 3, 5: sum of distances", 1.02732196824, "definition, by hand", PRINTED),
    Claim("remainders of 0 ... 23 by 4, 6: sum of distances", 1.0, "definition: kept, lcm 12 < 24", PRINTED),
    Claim("exponents of 1 ... 12: sum of distances", 3.7737802124, "definition, 10 digits", Near(absolute=1e-9)),
    Claim("sorting 5: distance of one comparison", 1 - 1 / math.log2(120), "1 - 1 / log2 5!", PRINTED),
    Claim("sorting 5: fewest comparisons let pass", 7, "ceil(log2 5!)", Near(absolute=0.5)),
    Claim(
        "sorting: largest deviation of the recovered share", "below 4 s.e.", "inclusion and exclusion", Bounds(upper=4)
    ),
    Claim("linear forms: greedy choice needs the rank", 1.0, "independent forms gain one symbol", Bounds(lower=1.0)),
    Claim("remainders: parts needed, greedy over random order", "below 1", "greedy choice", Bounds(upper=1.0)),
)


@jax.jit
def judge(parts: jax.Array, p: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Slack of the condition, whether it is kept, and whether the parts recover X, of many sets of parts.

    Args:
        parts: labels, shape (sets, parts, outcomes); X is the outcome itself.
        p: probabilities, shape (sets, outcomes).

    Returns:
        Three arrays of shape (sets,).
    """
    x = jnp.arange(p.shape[1])

    def one(parts: jax.Array, p: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        condition = information.reconstruction_condition(x, parts, p)
        return condition.slack, condition.satisfied, information.is_reconstructable(x, parts, p).value

    return jax.lax.map(lambda case: one(*case), (parts, p), batch_size=256)


def enumerate_cases(config: Config, rng: np.random.Generator) -> list[problems.Case]:
    """All sets of parts of the five problems."""
    return [
        *problems.sign_and_modulus(config.largest_modulus, config.repeats, rng),
        *problems.linear_forms(config.fields, config.sets, rng),
        *problems.prime_signature(config.largest_number),
        *problems.remainders(config.largest_number, range(2, 13), config.sets, rng),
        *problems.sorting(tuple(sorted({3, *config.things})), config.sets, rng),
    ]


def recovered_share(k: int, config: Config, rng: np.random.Generator) -> np.ndarray:
    """Share of random sequences of n comparisons that recover the order of k things, n = 1 ... longest."""
    table = problems.comparisons(k)
    draws = rng.integers(0, len(table), (config.draws, config.longest))
    found = np.asarray(_first_recovered(jnp.asarray(table), jnp.asarray(draws)))
    return (found[:, None] <= np.arange(1, config.longest + 1)).mean(axis=0)


@jax.jit
def _first_recovered(table: jax.Array, draws: jax.Array) -> jax.Array:
    """How many of the first comparisons of every sequence recover the order; more than there are if all do not."""
    outcomes = table.shape[1]
    x, p = jnp.arange(outcomes), jnp.full(outcomes, 1 / outcomes)

    def add(so_far: jax.Array, drawn: jax.Array) -> tuple[jax.Array, jax.Array]:
        so_far = information.join(so_far, table[drawn]).value
        return so_far, information.refines(so_far, x, p).value

    def one(sequence: jax.Array) -> jax.Array:
        recovered = jax.lax.scan(add, jnp.zeros_like(x), sequence)[1]
        return 1 + jnp.sum(~recovered)

    return jax.lax.map(one, draws, batch_size=128)


def exact_share(pairs: int, drawn: np.ndarray) -> np.ndarray:
    """Probability that so many draws with replacement have met all pairs, by inclusion and exclusion."""
    missed = np.arange(pairs + 1)
    signs = np.array([(-1) ** j * math.comb(pairs, j) for j in missed])
    return ((1 - missed / pairs)[None] ** drawn[:, None]) @ signs


def greedy_problems(config: Config) -> dict[str, np.ndarray]:
    """Parts to choose among, by name; X is uniform on the outcomes."""
    words = np.array(list(itertools.product(range(2), repeat=4)))
    n = config.largest_number
    return {
        "15 forms on $F_2^4$": (words @ problems.projective_forms(2, 4).T % 2).T,
        f"remainders below {n} by 2 ... 12": np.array([np.arange(n) % k for k in range(2, 13)]),
    }


@jax.jit
def _orders(parts: jax.Array, orders: jax.Array) -> tuple[jax.Array, jax.Array]:
    """H(X | first parts) in bits and whether they recover X, for every order, shape (orders, parts)."""
    outcomes = parts.shape[1]
    x, p = jnp.arange(outcomes), jnp.full(outcomes, 1 / outcomes)

    def add(so_far: jax.Array, index: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        so_far = information.join(so_far, parts[index]).value
        left = information.partition_conditional_entropy(x, so_far, p, base=2)
        return so_far, (left, information.refines(so_far, x, p).value)

    return jax.vmap(lambda order: jax.lax.scan(add, jnp.zeros_like(x), order)[1])(orders)


def run(config: Config, *, key: jax.Array, checkpoint_dir: Path) -> Result:
    """Enumerates the problems and compares condition and truth.

    Args:
        config: sizes.
        key: source of randomness: which sets of parts are drawn where there are too many.
        checkpoint_dir: not used; the run takes a minute or two.

    Returns:
        What was measured, the data and the figure.
    """
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    with jax.enable_x64(True):
        with stage("judge every set of parts"):
            cases, named, growing = enumerate_cases(config, rng), named_cases(), first_comparisons()
            every = [*cases, *named.values(), *growing]
            slack, kept, recovered = _judge_all(every)
        with stage("sort by random comparisons"):
            shares = np.stack([recovered_share(k, config, rng) for k in config.things])
        with stage("choose parts greedily"):
            greedy = {name: _greedy(parts, config.orders, rng) for name, parts in greedy_problems(config).items()}
    sums = np.array([len(case.parts) - 1 for case in every]) - slack
    size = len(cases)
    printed = dict(zip(named, sums[size : size + len(named)].tolist(), strict=True))
    fewest = 1 + int(np.argmax(kept[-len(growing) :]))
    slack, kept, recovered = slack[:size], kept[:size], recovered[:size]
    expected = np.array([case.recovered for case in cases])
    drawn = np.arange(1, config.longest + 1)
    exact = np.stack([exact_share(math.comb(k, 2), drawn) for k in config.things])
    errors = np.sqrt(np.clip(exact * (1 - exact), 0, None) / config.draws)
    # Shares within one draw of 0 or 1 have no normal error.
    decided = exact * (1 - exact) * config.draws > 5
    deviations = np.abs(shares - exact)[decided] / errors[decided]
    impossible = (shares[exact < 1e-12] > 0).any()
    forms, moduli = greedy.values()
    measured = {
        "sets that are recovered and yet refused": int(np.sum(recovered & ~kept)),
        "refusals that are right": float(np.mean(~recovered[~kept])),
        "sets whose recovery contradicts number theory": int(np.sum(recovered != expected)),
        "sets that keep the condition without being recovered": int(np.sum(kept & ~recovered)),
        **printed,
        "sorting 5: fewest comparisons let pass": fewest,
        "sorting: largest deviation of the recovered share": math.inf if impossible else float(np.max(deviations)),
        "linear forms: greedy choice needs the rank": float(forms["needed"] == 4),
        "remainders: parts needed, greedy over random order": Quotient(moduli["needed"], moduli["needed_at_random"]),
    }
    data = _dataset(config, cases, slack, kept, recovered, shares, exact, errors, greedy)
    passed = [case.label for case, ok, won in zip(cases, kept, recovered, strict=True) if ok and not won]
    remarks = {
        "sets that keep the condition without being recovered": f"of {len(cases)}; among them "
        + "; ".join(passed[:: max(1, len(passed) // 4)][:4])
    }
    return Result(measured=measured, data=data, figure=lambda: draw(data), remarks=remarks)


def _judge_all(cases: list[problems.Case]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slack, kept and recovered of all cases, from one compilation."""
    parts, p = problems.padded(cases)
    slack, kept, recovered = jax.device_get(judge(jnp.asarray(parts), jnp.asarray(p)))
    return slack, kept, recovered


def named_cases() -> dict[str, problems.Case]:
    """The sets whose sums of distances are printed, by the names of their claims."""

    def case(parts: np.ndarray, p: np.ndarray | None = None) -> problems.Case:
        outcomes = parts.shape[1]
        return problems.Case("named", "", parts, np.full(outcomes, 1 / outcomes) if p is None else p, False)

    signed = np.array([-3, -2, -1, 1, 2, 3])
    symmetric = np.array([0.1, 0.15, 0.25, 0.25, 0.15, 0.1])
    exponents = np.array([[problems.exponent(q, n) for n in range(1, 13)] for q in (2, 3, 5, 7, 11)])
    return {
        "sign and modulus: sum of distances": case(np.stack([np.sign(signed), np.abs(signed)]), symmetric),
        "remainders of 0 ... 15 by 3, 5: sum of distances": case(np.stack([np.arange(16) % k for k in (3, 5)])),
        "remainders of 0 ... 23 by 4, 6: sum of distances": case(np.stack([np.arange(24) % k for k in (4, 6)])),
        "exponents of 1 ... 12: sum of distances": case(exponents),
        "sorting 5: distance of one comparison": case(problems.comparisons(5)[:1]),
    }


def first_comparisons() -> list[problems.Case]:
    """The first 1, 2, ... 10 comparisons of five things."""
    table = problems.comparisons(5)
    p = np.full(table.shape[1], 1 / table.shape[1])
    return [problems.Case("named", "", table[:n], p, n == len(table)) for n in range(1, len(table) + 1)]


def _greedy(parts: np.ndarray, orders: int, rng: np.random.Generator) -> dict[str, Any]:
    outcomes = parts.shape[1]
    chosen = information.select_parts(np.arange(outcomes), parts, np.full(outcomes, 1 / outcomes))
    shuffled = np.stack([rng.permutation(len(parts)) for _ in range(orders)])
    left, recovered = jax.device_get(_orders(jnp.asarray(parts), jnp.asarray(shuffled)))
    return {
        "needed": int(chosen.needed),
        "needed_at_random": float(np.mean(1 + np.sum(~recovered, axis=1))),
        "remaining": np.asarray(chosen.remaining) / np.log(2),
        "random": left.mean(axis=0),
        "total": math.log2(outcomes),
    }


def _dataset(
    config: Config,
    cases: list[problems.Case],
    slack: np.ndarray,
    kept: np.ndarray,
    recovered: np.ndarray,
    shares: np.ndarray,
    exact: np.ndarray,
    errors: np.ndarray,
    greedy: dict[str, dict[str, Any]],
) -> "xarray.Dataset":
    import xarray

    longest = max(len(found["remaining"]) for found in greedy.values())

    def filled(name: str) -> np.ndarray:
        return np.stack([np.pad(v[name], (0, longest - len(v[name])), constant_values=np.nan) for v in greedy.values()])

    least = [math.ceil(math.log2(math.factorial(k))) for k in config.things]
    return xarray.Dataset(
        {
            "slack": ("case", slack, {"units": "1"}),
            "kept": ("case", kept.astype(np.int8), {"units": "1"}),
            "recovered": ("case", recovered.astype(np.int8), {"units": "1"}),
            "sorted_share": (("things", "comparisons"), shares, {"units": "1"}),
            "sorted_share_exact": (("things", "comparisons"), exact, {"units": "1"}),
            "sorted_share_error": (("things", "comparisons"), errors, {"units": "1"}),
            "least_comparisons": ("things", least, {"units": "1"}),
            "greedy_remaining": (("problem", "chosen"), filled("remaining"), {"units": "bit"}),
            "random_remaining": (("problem", "chosen"), filled("random"), {"units": "bit"}),
            "total_entropy": ("problem", [found["total"] for found in greedy.values()], {"units": "bit"}),
            "num_parts": ("problem", [len(found["remaining"]) for found in greedy.values()], {"units": "1"}),
        },
        coords={
            "family": ("case", [case.family for case in cases]),
            "label": ("case", [case.label for case in cases]),
            "things": list(config.things),
            "comparisons": np.arange(1, config.longest + 1),
            "problem": list(greedy),
        },
    )
