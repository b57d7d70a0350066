"""Overlap losses for rare positives: F1 at threshold 1/2, and where each loss draws the line.

Two overlapping Gaussian classes in 20 dimensions with one positive for 20 and for 100 negatives, scikit-learn's digits
as "is 8" or not, and a hidden Markov chain with five tags, of which one takes five sixths of the places. Perceptrons
learn by cross-entropy, weighted cross-entropy, focal loss, and overlap losses in two forms: of single examples, as in
the paper's formulas, and of a whole batch, as in its published code (squares in the denominator, alpha = 0.01). All see
the same batches for the same number of steps; learning rate and moment are chosen for each loss by F1 on validation
sets, and all are judged at threshold 1/2.

F1 is best where all are called positive whose true probability exceeds F1 / 2. Cross-entropy draws the line at 1/2. A
loss of a batch is least for p = P(y = 1 | x) / S, S the soft F1, so that it draws the line at S / 2. A loss of single
examples cannot know F1: its line is a number of its own, near 1/2. For the Gaussians true probabilities are known, so
that lines are measured. Thresholds tuned on validation sets, with rate and moment chosen for them, tell how much of a
gain is the line alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from entropax import losses, nn, training
from experiments.claims import Bounds, Claim, Estimate, Exceeds, NotRun
from experiments.losses import _imbalance, _stacks
from experiments.losses._dice_figure import draw
from experiments.running import Result, stage

if TYPE_CHECKING:
    import xarray

SLUG = "dice-loss"
TITLE = "Dice loss for data-imbalanced NLP tasks"
ARXIV = "1911.02855"

CE, WEIGHTED, FOCAL = "cross-entropy", "weighted", "focal"
DICE, TVERSKY, ADJUSTED, STRONG = "Dice", "Tversky .3 .7", "self-adjusting .01", "self-adjusting 1"
BATCH, CODE = "Dice of a batch", "published code"
RATIOS = {"1 : 20": 20, "1 : 100": 100}
EIGHTS = "digits, is 8"
SETS = (*RATIOS, EIGHTS)


def _weighted(z: Any, y: Any, share: Any) -> Any:
    """Weights log((n - n_k) / n_k + 1) of the classes, with mean 1."""
    weights = -jnp.log(jnp.stack([1 - share, share]))
    two = jnp.stack([jnp.zeros_like(z), z], axis=-1)
    return losses.weighted_cross_entropy_loss(two, y, weights / jnp.mean(weights))


OBJECTIVES: dict[str, Callable[[Any, Any, Any], Any]] = {  # of logits, labels and the share of positives
    CE: lambda z, y, share: optax.sigmoid_binary_cross_entropy(z, y.astype(z.dtype)),
    WEIGHTED: _weighted,
    FOCAL: lambda z, y, share: optax.losses.sigmoid_focal_loss(z, y.astype(z.dtype), gamma=2.0),
    DICE: lambda z, y, share: losses.dice_loss(z, y, squared=True),
    TVERSKY: lambda z, y, share: losses.tversky_loss(z, y, 0.3, 0.7),
    ADJUSTED: lambda z, y, share: losses.self_adjusting_dice_loss(z, y, 0.01),
    STRONG: lambda z, y, share: losses.self_adjusting_dice_loss(z, y, 1.0),
    BATCH: lambda z, y, share: losses.dice_loss(z, y, level="set"),
    CODE: lambda z, y, share: losses.self_adjusting_dice_loss(z, y, 0.01, level="set", squared=True),
}
CLAIMED = (CE, ADJUSTED, CODE)
TAGGERS: dict[str, Callable[[Any, Any], Any]] = {
    CE: lambda z, y: optax.softmax_cross_entropy_with_integer_labels(z, y),
    CODE: lambda z, y: losses.multiclass_dice_loss(z, y, alpha=0.01, squared=True, level="set"),
}


@dataclass(frozen=True)
class Config:
    """Sizes.

    Attributes:
        objectives: names of the losses on Gaussians; those of the claims are among them.
        rates: learning rates of Adam among which validation chooses.
        moments: number of moments of training among which it chooses.
        seeds: fits of each kind, each with its own examples.
        steps: of Adam.
        batch: examples in a step.
        depth: hidden layers; 0 is logistic regression.
        width: hidden units.
        examples: of the Gaussian training sets.
        validation: of their validation sets.
        test: of their test sets.
        tokens: of the tagged chain for training, half for validation, as many for the test.
    """

    objectives: tuple[str, ...] = tuple(OBJECTIVES)
    rates: tuple[float, ...] = (1e-3, 3e-3, 1e-2, 3e-2)
    moments: int = 12
    seeds: int = 10
    steps: int = 1200
    batch: int = 1024
    depth: int = 1
    width: int = 16
    examples: int = 10_000
    validation: int = 5000
    test: int = 20_000
    tokens: int = 8000


PRESETS: dict[str, Config] = {
    "smoke": Config(
        objectives=CLAIMED,
        rates=(1e-2,),
        moments=2,
        seeds=2,
        steps=40,
        batch=128,
        depth=0,
        examples=500,
        validation=500,
        test=1000,
        tokens=500,
    ),
    "default": Config(),
    "full": Config(seeds=40, steps=3000, moments=30, width=64, examples=50_000, validation=20_000, tokens=50_000),
}

_PAPER = "abstract, direction; on these sets here"
GAINS = {data: f"F1 of {CODE} minus {CE}, {data}" for data in SETS}
GROWS = "gain of the published code grows with imbalance"
SHARE = "share of that gain that a tuned threshold brings, 1 : 100"
SINGLE = f"F1 of {ADJUSTED} of single examples minus {CE}, 1 : 100"
TAGGED = "mean F1 of rare tags: published code minus cross-entropy"
CLAIMS: tuple[Claim, ...] = (
    *(Claim(name, 0.0, _PAPER, Exceeds(2.0)) for name in GAINS.values()),
    Claim(GROWS, 0.0, "section 1: the rarer, the more", Exceeds(2.0)),
    Claim(SHARE, "most", "expected; not in the paper", Bounds(lower=0.5)),
    Claim(SINGLE, 0.0, "abstract, and formula of the loss", Exceeds(2.0)),
    Claim(TAGGED, 0.0, _PAPER, Exceeds(2.0)),
)


def run(config: Config, *, key: jax.Array, checkpoint_dir: Path) -> Result:
    """Runs all sets.

    Args:
        config: sizes.
        key: source of randomness.
        checkpoint_dir: not used: every fit is short.

    Returns:
        What was measured, the data and the figure.
    """
    del checkpoint_dir
    scores: dict[tuple[str, str], _Scores] = {}
    data = _sets(config, key)
    together: _imbalance.Parts = {}
    for part in PARTS:
        x, y = zip(*(data[name][part] for name in RATIOS), strict=True)
        together[part] = np.concatenate(x), np.concatenate(y)
    contests = ((tuple(RATIOS), together, config.objectives), ((EIGHTS,), data[EIGHTS], (CE, CODE)))
    for number, (names, parts, objectives) in enumerate(contests):
        for name in objectives:
            with stage(f"{' and '.join(names)}: learn by {name}"):
                learned = _learn(_Binary(name), 1, parts, config, jax.random.fold_in(key, 100 + number))
            for i, of in enumerate(names):
                own = slice(i * config.seeds, (i + 1) * config.seeds)
                held_out, test = (z[:, :, own, :, 0] for z in learned)
                scores[of, name] = _scores(held_out, test, data[of], RATIOS.get(of))
    tags = {}
    for name in TAGGERS:
        with stage(f"tag a hidden Markov chain: learn by {name}"):
            held_out, test = _learn(_Tagger(name), _imbalance.TAGS, data["tags"], config, jax.random.fold_in(key, 200))
            best = _chosen(_imbalance.rare_f1(np.argmax(held_out, -1), data["tags"]["validation"][1]))
            tags[name] = _imbalance.rare_f1(np.argmax(test[best], axis=-1), data["tags"]["test"][1])
    best_possible = {name: _best_possible(data[name]["test"], ratio) for name, ratio in RATIOS.items()}
    dataset = _dataset(config, scores, tags, best_possible)
    measured, remarks = _measured(config, scores, tags, best_possible)
    return Result(measured=measured, data=dataset, figure=lambda: draw(dataset), remarks=remarks)


PARTS: tuple[str, ...] = ("train", "validation", "test")


def _sets(config: Config, key: jax.Array) -> dict[str, _imbalance.Parts]:
    seeds = [int(n) for n in jax.random.randint(key, (len(SETS) + 1,), 0, 2**31 - 1)]
    sizes = dict(zip(PARTS, (config.examples, config.validation, config.test), strict=True))
    tokens = dict(zip(PARTS, (config.tokens, config.tokens // 2, config.tokens), strict=True))
    return {
        **{
            name: _imbalance.gaussians(ratio, config.seeds, seed, sizes=sizes)
            for (name, ratio), seed in zip(RATIOS.items(), seeds, strict=False)
        },
        EIGHTS: _imbalance.eights(config.seeds, seeds[2]),
        "tags": _imbalance.tagged_chains(config.seeds, seeds[3], sizes=tokens),
    }


# ------------------------------------------------------------------------------------------------------------ training


@dataclass(frozen=True)
class _Binary:
    """The mean loss of a batch, or the loss of the batch, by the name of `OBJECTIVES`."""

    name: str

    def __call__(self, network: Any, share: Any, x: Any, y: Any, *, key: Any) -> Any:
        return jnp.mean(OBJECTIVES[self.name](network(x)[..., 0], y, share))


@dataclass(frozen=True)
class _Tagger:
    """The same of `TAGGERS`."""

    name: str

    def __call__(self, network: Any, share: Any, x: Any, y: Any, *, key: Any) -> Any:
        return jnp.mean(TAGGERS[self.name](network(x), y))


class _AtRates(eqx.Module):
    """The sum over learning rates, a first axis of the networks: all see the same batches."""

    loss: _stacks.StackLoss

    def __call__(self, networks: Any, batch: Any, *, key: jax.Array) -> jax.Array:
        return jnp.sum(jax.vmap(lambda networks: self.loss(networks, batch, key=key))(networks))


class _Seen(eqx.Module):
    """Logits of validation and test examples, shape (rates, seeds, n, outputs)."""

    validation: jax.Array
    test: jax.Array

    def __call__(self, networks: Any) -> tuple[jax.Array, ...]:
        return tuple(jax.vmap(_stacks.own_scores, in_axes=(0, None))(networks, x) for x in (self.validation, self.test))


def _adam(rates: tuple[float, ...]) -> optax.GradientTransformation:
    """Adam with a learning rate for every entry of the parameters' first axis."""

    def scaled(updates: Any, params: Any = None) -> Any:
        del params
        return jax.tree.map(lambda u: -jnp.asarray(rates, u.dtype).reshape(-1, *(1,) * (u.ndim - 1)) * u, updates)

    return optax.chain(optax.scale_by_adam(), optax.stateless(scaled))


def _learn(
    of_one: Callable[..., Any], outputs: int, parts: _imbalance.Parts, config: Config, key: jax.Array
) -> tuple[np.ndarray, np.ndarray]:
    """Logits of the validation and the test sets, shape (moments, rates, seeds, n, outputs)."""
    x, y = map(jnp.asarray, parts["train"])
    made_by, fit_key = jax.random.split(key)
    networks = _stacks.stack(
        lambda rngs: nn.MLP(
            x.shape[-1], outputs, width=config.width, depth=config.depth, activation=jax.nn.relu, rngs=rngs
        ),
        jax.random.split(made_by, len(x)),
    )
    at_rates = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (len(config.rates), *leaf.shape)), networks)
    shares = jnp.mean(y > 0, axis=1, dtype=jnp.float32)
    return training.fit(
        _AtRates(_stacks.StackLoss(of_one, (shares,))),
        at_rates,
        _stacks.OwnBatches((x, y), config.batch),
        _adam(config.rates),
        steps=config.steps,
        key=fit_key,
        record=_Seen(*(jnp.asarray(parts[part][0]) for part in PARTS[1:])),
        record_every=config.steps // config.moments,
        steps_per_call=config.steps,
        progress=False,
    ).recorded


# ------------------------------------------------------------------------------------------------- what was measured


@dataclass(frozen=True)
class _Scores:
    """What one loss reaches on one set, by seed.

    Attributes:
        f1: at threshold 1/2.
        tuned: at thresholds tuned on validation sets, each fit's own; rate and moment are chosen by F1 at these.
        line: the true probability at threshold 1/2, NaN where it is not known.
        chosen: indices of the moment and the rate, of threshold 1/2.
    """

    f1: np.ndarray
    tuned: np.ndarray
    line: np.ndarray
    chosen: tuple[int, ...]


def _chosen(f1: np.ndarray) -> tuple[int, ...]:
    """The moment and the rate of the highest mean F1 over seeds, from shape (moments, rates, seeds)."""
    mean = f1.mean(axis=-1)
    return tuple(int(i) for i in np.unravel_index(np.argmax(mean), mean.shape))


def _scores(held_out: np.ndarray, test: np.ndarray, parts: _imbalance.Parts, ratio: int | None) -> _Scores:
    """From logits, shape (moments, rates, seeds, n)."""
    (x, y), y_held_out = parts["test"], parts["validation"][1]
    held_out, test = np.asarray(held_out), np.asarray(test)
    best = _chosen(_imbalance.f1(held_out > 0, y_held_out))
    called = test[best] > 0
    cuts = np.asarray(
        [
            [[_imbalance.best_threshold(z, t) for z, t in zip(row, y_held_out, strict=True)] for row in rows]
            for rows in held_out
        ]
    )
    at = _chosen(_imbalance.f1(held_out > cuts[..., None], y_held_out))
    line = np.full(len(y), np.nan)
    if ratio is not None:
        line = _imbalance.drawn_at(called, _imbalance.true_probability(x, ratio))
    return _Scores(_imbalance.f1(called, y), _imbalance.f1(test[at] > cuts[at][:, None], y), line, best)


def _best_possible(test: tuple[np.ndarray, np.ndarray], ratio: int) -> tuple[float, float]:
    """The highest F1 that knowing the true probabilities allows, and its line."""
    p, y = _imbalance.true_probability(test[0], ratio).ravel(), test[1].ravel()
    line = _imbalance.best_threshold(p, y)
    return float(_imbalance.f1(p > line, y)), line


def _measured(
    config: Config,
    scores: dict[tuple[str, str], _Scores],
    tags: dict[str, np.ndarray],
    best: dict[str, tuple[float, float]],
) -> tuple[dict[str, Any], dict[str, str]]:
    """Differences by seed, and what explains them."""
    rare, rarer = RATIOS

    def gain(data: str, name: str) -> Estimate:
        return _stacks.estimate(scores[data, name].f1 - scores[data, CE].f1)

    def near(f1: np.ndarray) -> str:
        return f"the best line, about F1 / 2 = {f1.mean() / 2:.2f}, leaves cross-entropy's little to gain"

    def words(data: str) -> str:
        ours, plain = scores[data, CODE], scores[data, CE]
        found = (
            f"F1 {ours.f1.mean():.3f} against {plain.f1.mean():.3f}, with tuned thresholds {ours.tuned.mean():.3f} "
            f"against {plain.tuned.mean():.3f}"
        )
        for name, one in ((CODE, ours), (CE, plain)):
            moment, rate = one.chosen
            found += f"; {name}: rate {config.rates[rate]:g}, step {(moment + 1) * (config.steps // config.moments)}"
        if data not in best:
            return f"{found}; {near(plain.f1)}"
        return (
            f"{found}; lines at true probabilities {ours.line.mean():.2f} and {plain.line.mean():.2f}, best is "
            f"{best[data][1]:.2f} with F1 {best[data][0]:.3f}"
        )

    before, after = gain(rare, CODE), gain(rarer, CODE)
    value, error = float(after.value), float(after.standard_error)
    brought = float(np.mean(scores[rarer, CE].tuned - scores[rarer, CE].f1))
    measured: dict[str, Any] = {
        **{claim: gain(data, CODE) for data, claim in GAINS.items()},
        GROWS: Estimate(value - float(before.value), float(np.hypot(error, float(before.standard_error)))),
        SHARE: brought / value if value > 2 * error else NotRun("the gain is within two of its standard errors"),
        SINGLE: gain(rarer, ADJUSTED),
        TAGGED: _stacks.estimate(tags[CODE] - tags[CE]),
    }
    remarks = {claim: words(data) for data, claim in GAINS.items()}
    if (rarer, WEIGHTED) in scores:
        remarks[SHARE] = (
            f"weighted cross-entropy at tuned thresholds has F1 {scores[rarer, WEIGHTED].tuned.mean():.3f}, the "
            f"published code {scores[rarer, CODE].f1.mean():.3f} at 1/2: what the threshold does not bring, weights do"
        )
    single = scores[rarer, ADJUSTED]
    remarks[SINGLE] = (
        f"F1 {single.f1.mean():.3f}, with tuned thresholds {single.tuned.mean():.3f}; where the true probability is "
        "below 1/2 its expected loss is least at p = 0, and nearly all examples are there, so that every p goes to 0 "
        "before positives are told apart"
    )
    remarks[TAGGED] = ", ".join(f"{name} {values.mean():.3f}" for name, values in tags.items())
    remarks[TAGGED] += f"; {near(tags[CE])}"
    return measured, remarks


def _wanted(eta: np.ndarray) -> dict[str, np.ndarray]:
    """The probability of least expected loss by the true one, for losses of single examples that know no share."""
    p = np.linspace(0.001, 0.999, 999)
    z = jnp.asarray(np.log(p / (1 - p)), jnp.float32)
    wanted = {}
    for name in (CE, FOCAL, DICE, TVERSKY, ADJUSTED):
        negative, positive = (np.asarray(OBJECTIVES[name](z, jnp.full(z.shape, y), None)) for y in (0, 1))
        wanted[name] = p[np.argmin(eta[:, None] * positive + (1 - eta[:, None]) * negative, axis=1)]
    return wanted


def _dataset(
    config: Config,
    scores: dict[tuple[str, str], _Scores],
    tags: dict[str, np.ndarray],
    best: dict[str, tuple[float, float]],
) -> "xarray.Dataset":
    import xarray

    nothing = np.full(config.seeds, np.nan)
    unknown = _Scores(nothing, nothing, nothing, (-1, -1))
    found = [[scores.get((data, name), unknown) for name in config.objectives] for data in SETS]

    def of(field: str) -> np.ndarray:
        return np.stack([[getattr(one, field) for one in row] for row in found])

    eta = np.linspace(0, 1, 101)
    wanted = _wanted(eta)
    return xarray.Dataset(
        {
            "f1": (("set", "loss", "seed"), of("f1"), {"units": "1", "long_name": "F1 at threshold 1/2"}),
            "tuned": (("set", "loss", "seed"), of("tuned"), {"units": "1", "long_name": "F1 at a tuned threshold"}),
            "line": (("set", "loss", "seed"), of("line"), {"units": "1", "long_name": "true probability at the line"}),
            "chosen": (("set", "loss", "of"), np.asarray([[one.chosen for one in row] for row in found])),
            "best_f1": ("gaussians", [best[name][0] for name in RATIOS], {"units": "1"}),
            "best_line": ("gaussians", [best[name][1] for name in RATIOS], {"units": "1"}),
            "tag_f1": (("tagger", "seed"), np.stack(list(tags.values())), {"units": "1"}),
            "wanted": (("single", "eta"), np.stack(list(wanted.values())), {"units": "1"}),
        },
        coords={
            "set": list(SETS),
            "gaussians": list(RATIOS),
            "of": ["moment", "rate"],
            "loss": list(config.objectives),
            "tagger": list(tags),
            "single": list(wanted),
            "eta": eta,
        },
    )
