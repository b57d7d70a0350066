"""Evidence about high-entropy alloys: which combinations of elements form one phase, from exchanges of elements.

Pairs of alloys that differ by an exchange of elements are evidence that these can replace each other, and that is
evidence about alloys not seen (arXiv 2502.14631). On the 593 equiatomic alloys of Pei et al. 2020: five folds against
learners that see the same sets of elements; elements held out altogether, where only knowledge from beside the data
says anything; and what evidence is worth, chosen on training alloys by a grid and along gradients.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from entropax.applications.alloys import (
    element_distance,
    find_substitutions,
    judgement_masses,
    substitutability,
)
from experiments.applications._evidence_choice import (
    Evidence,
    Split,
    Worth,
    choose_by_gradient,
    choose_on_grid,
    element_split,
    fold_split,
    grid_of,
    judged_once,
    one_worth,
    predicted_by_trial,
    within,
)
from experiments.applications._evidence_data import (
    Alloys,
    folds,
    pei_alloys,
    shuffled_judgements,
    table_judgements,
)
from experiments.applications._evidence_figure import dataset, draw
from experiments.applications._evidence_scores import auc, bet, forest_scores, logistic_scores, mean_log_score
from experiments.claims import Bounds, Claim, Near, NotRun, Ordering
from experiments.running import Result, stage

SLUG = "evidence-hea"
TITLE = "Synergistic fusion of multi-source knowledge via evidence theory for high-entropy alloy discovery"
ARXIV = "2502.14631"


@dataclass(frozen=True)
class Config:
    """Sizes.

    Attributes:
        least: alloys that an element must be in to be held out.
        elements: most elements held out, those in most alloys first.
        kmax: most elements of a group, in the map, and on the grid of the folds with chosen worth.
        alpha: worths of a pair on the grid.
        d: worths of a neighbour on the grid.
        reliability: reliabilities of a source on the grid.
        fit_steps: steps of Adam.
        trees: of the random forests.
        beta: what a judgement from the periodic table is worth.
    """

    least: int = 20
    elements: int = 100
    kmax: int = 2
    alpha: tuple[float, ...] = (0.05, 0.1, 0.2, 0.3, 0.5)
    d: tuple[float, ...] = (0.1, 0.2, 0.5, 0.8, 1.0)
    reliability: tuple[float, ...] = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    fit_steps: int = 60
    trees: int = 300
    beta: float = 0.3


PRESETS: dict[str, Config] = {
    "smoke": Config(elements=4, kmax=1, alpha=(0.1, 0.3), d=(0.1, 0.5), reliability=(0.0, 1.0), fit_steps=3, trees=20),
    "default": Config(),
    "full": Config(fit_steps=200, trees=1000, least=10),
}

FIXED = {
    "alpha .1, d .1, kmax 1": (0.1, 0.1, 1, 0.8750),
    "alpha .1, d .1, kmax 2": (0.1, 0.1, 2, 0.8762),
    "alpha .2, d .5, kmax 2": (0.2, 0.5, 2, 0.8781),
    "alpha .2, d 1, kmax 2": (0.2, 1.0, 2, 0.8875),
}
"""Worths of evidence and the AUC of an independent implementation on the same folds."""
BEST = "alpha .2, d 1, kmax 2"
ALL_ELEMENTS = 21
"""Elements in 20 alloys and more."""
INDEPENDENT = "independent implementation, same folds"
OURS = "not in the paper"
GRID_HOLDS = "the grid is of reliabilities at alpha .2, d .5; with alpha and d it would have 25 times the points"
CLAIMS: tuple[Claim, ...] = (
    *(Claim(f"folds: AUC, {name}", auc, INDEPENDENT, Near(absolute=5e-5)) for name, (*_, auc) in FIXED.items()),
    Claim(f"folds: accuracy, {BEST}", 0.874, INDEPENDENT, Near(absolute=5e-4)),
    Claim(f"folds: ignorance, {BEST}", 0.059, INDEPENDENT, Near(absolute=5e-4)),
    Claim(
        "folds: AUC, worth chosen on training folds",
        "above supervised learners",
        "2021 abstract: outperforms",
        Ordering(("logistic", "random forest", "evidence")),
    ),
    Claim("quaternary alloys: AUC of extrapolation", 0.92, "summary read second-hand: .92 to .95", Bounds(0.92, 0.95)),
    Claim(
        "new elements: AUC of the data alone",
        0.5,
        "an identity: no host, all ignorance; of the code",
        Near(absolute=1e-12),
    ),
    Claim("new elements: pooled AUC with knowledge", 0.756, "independent implementation", Near(absolute=5e-4)),
    Claim("new elements: accuracy with knowledge", 0.86, "press summary: .86 to .92", Bounds(0.86, 0.92)),
    Claim(
        "new elements: mean AUC of an element",
        "above supervised learners",
        "abstract: outperforms",
        Ordering(("random forest", "evidence")),
    ),
    Claim("new elements: reliability", "table's above shuffled's", OURS, Ordering(("shuffled", "table"))),
    Claim("choice: training log-score, five folds", "gradient above grid", OURS, Ordering(("grid", "gradient"))),
    Claim("choice: training log-score, new elements", "gradient above grid", OURS, Ordering(("grid", "gradient"))),
    Claim("choice: test log-score, five folds", "gradient above grid", OURS, Ordering(("grid", "gradient"))),
    Claim("choice: test log-score, new elements", "gradient above grid", OURS, Ordering(("grid", "gradient"))),
    Claim(
        "ignorance: error rate",
        "rises with ignorance",
        "abstract: ignorance kept apart",
        Ordering(("known third", "unknown third")),
    ),
)


class Choice(NamedTuple):
    """A worth for every trial.

    Attributes:
        worth: with a leading axis of trials.
        log_scores: of every trial in its training trials, shape (trials,).
        masses: of every alloy by trial, shape (trials, alloys, 4).
        kmax: most elements of a group, by trial.
    """

    worth: Worth
    log_scores: np.ndarray
    masses: np.ndarray
    kmax: np.ndarray


def evidence_of(alloys: Alloys, *, kmax: int, knowledge: jax.Array | None = None) -> Evidence:
    """The alloys' exchanges, without knowledge but what is given."""
    exchanges = find_substitutions(alloys.table.members, kmax=kmax)
    if knowledge is None:
        knowledge = jnp.zeros((0, len(exchanges.groups), 4))
    return Evidence(exchanges, jnp.asarray(alloys.labels), knowledge)


def knowledge_of(alloys: Alloys, *, beta: float, key: jax.Array) -> jax.Array:
    """Masses of the single exchanges from the periodic table and from the same judgements shuffled."""
    elements = alloys.table.elements
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    judgements = table_judgements(elements) + shuffled_judgements(elements, rng)
    return judgement_masses(judgements, find_substitutions(alloys.table.members), elements, beta)


# --------------------------------------------------------------------------------------------------------------- parts


def in_order(values: np.ndarray, split: Split) -> np.ndarray:
    """Values by trial and alloy, each alloy's from the one trial that judges it."""
    return values[split.judged.argmax(axis=0), np.arange(split.judged.shape[1])]


def fixed_worths(alloys: Alloys, split: Split) -> dict[str, np.ndarray]:
    """Masses of every alloy, judged in its fold, by name of the worth in `FIXED`."""
    evidence = {kmax: evidence_of(alloys, kmax=kmax) for kmax in {kmax for _, _, kmax, _ in FIXED.values()}}
    found = {}
    for name, (alpha, d, kmax, _) in FIXED.items():
        worth = one_worth(alpha, d, (), len(split.known))
        masses = predicted_by_trial(evidence[kmax], worth, jnp.asarray(split.known))
        found[name] = in_order(np.asarray(masses), split)
    return found


def choose(
    alloys: Alloys,
    kmax: int,
    grid: Worth,
    outer: Split,
    training: Split,
    *,
    steps: int,
    key: jax.Array,
    directory: Path,
    knowledge: jax.Array | None = None,
) -> dict[str, Choice]:
    """Worths chosen on training trials by grid and by gradient, and what they say in the outer trials."""
    evidence = evidence_of(alloys, kmax=kmax, knowledge=knowledge)
    found = {
        "grid": choose_on_grid(evidence, grid, training),
        "gradient": choose_by_gradient(evidence, training, steps=steps, key=key, checkpoint_dir=directory),
    }
    known = jnp.asarray(outer.known)
    return {
        way: Choice(worth, scores, np.asarray(predicted_by_trial(evidence, worth, known)), np.full(len(scores), kmax))
        for way, (worth, scores) in found.items()
    }


def best_of(choices: list[Choice]) -> Choice:
    """Of several choices, for every trial the one whose log-score in the training trials is largest."""
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *choices)
    best, trials = stacked.log_scores.argmax(axis=0), np.arange(stacked.log_scores.shape[1])
    return jax.tree.map(lambda leaf: leaf[best, trials], stacked)


def element_map(alloys: Alloys, shown: np.ndarray, *, kmax: int) -> dict[str, np.ndarray]:
    """Distances of elements in the order of Ward's tree, and their places in a plane by classical scaling."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    exchanges = find_substitutions(alloys.table.members, kmax=kmax)
    similarity = substitutability(exchanges, alloys.labels, 0.2)
    distances = np.asarray(element_distance(exchanges, similarity))[np.ix_(shown, shown)]
    order = leaves_list(linkage(squareform(distances, checks=False), "ward", optimal_ordering=True))
    centre = np.eye(len(order)) - 1 / len(order)
    values, vectors = np.linalg.eigh(-0.5 * centre @ distances**2 @ centre)
    plane = vectors[:, -1:-3:-1] * np.sqrt(np.maximum(values[-1:-3:-1], 0))
    names = np.array([alloys.table.elements[i] for i in shown])
    return {"names": names[order], "distances": distances[np.ix_(order, order)], "plane": plane[order]}


def five_folds(alloys: Alloys, config: Config, *, key: jax.Array, directory: Path) -> dict[str, Any]:
    """Scores of every alloy by those who saw the other folds."""
    y, split = alloys.labels, fold_split(folds(len(alloys.labels), 5))
    fixed = fixed_worths(alloys, split)
    training = within(split, fold_split(folds(len(y), 5, seed=1)), other_only=False)
    given = (grid_of(config.alpha, config.d, (), 0), split, training)
    by_kmax = [
        choose(alloys, kmax, *given, steps=config.fit_steps, key=key, directory=directory / f"groups of {kmax}")
        for kmax in range(1, config.kmax + 1)
    ]
    choices = {way: best_of([found[way] for found in by_kmax]) for way in ("grid", "gradient")}
    scores = {way: bet(in_order(choice.masses, split)) for way, choice in choices.items()}
    scores |= {name: bet(masses) for name, masses in fixed.items()}
    scores["random forest"] = in_order(forest_scores(alloys, split, trees=config.trees), split)
    scores["logistic"] = in_order(logistic_scores(alloys, split), split)
    return {"fixed": fixed, "choices": choices, "scores": scores}


def new_elements(
    alloys: Alloys, held_out: np.ndarray, config: Config, *, keys: jax.Array, directory: Path
) -> dict[str, Any]:
    """Scores of the alloys of every element by those who saw none of them, one alloy after the other."""
    knowledge = knowledge_of(alloys, beta=config.beta, key=keys[0])
    evidence = evidence_of(alloys, kmax=1, knowledge=knowledge)
    split = element_split(alloys.table.members, held_out)
    training = within(split, split, other_only=True)
    grid = grid_of((0.2,), (0.5,), config.reliability, len(knowledge))
    given = (grid, split, training)
    choices = choose(alloys, 1, *given, steps=config.fit_steps, key=keys[1], directory=directory, knowledge=knowledge)
    scores = {way: bet(choice.masses) for way, choice in choices.items()}
    for name, reliability in (("data alone", 0.0), ("table", 1.0)):
        worth = one_worth(0.1, 0.1, (reliability, 0.0), len(split.known))
        scores[name] = bet(np.asarray(predicted_by_trial(evidence, worth, jnp.asarray(split.known))))
    scores["random forest"] = forest_scores(alloys, split, trees=config.trees)
    return {
        "choices": choices,
        "scores": {name: judged_once(by_trial, split) for name, by_trial in scores.items()},
        "labels": judged_once(np.broadcast_to(alloys.labels, split.judged.shape), split),
        "element": judged_once(np.broadcast_to(np.arange(len(held_out))[:, None], split.judged.shape), split),
    }


def element_aucs(new: dict[str, Any]) -> dict[str, np.ndarray]:
    """AUC of every element's alloys by who scored them; NaN where all have one label."""
    y, element = new["labels"], new["element"]
    every = range(element.max() + 1)
    return {
        name: np.array([auc(y[element == e], scores[element == e]) for e in every])
        for name, scores in new["scores"].items()
    }


def errors_by_ignorance(masses: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Share of wrong labels in the thirds of the alloys by ignorance, the best known first."""
    wrong = (masses[:, 1] > masses[:, 2]) != (labels > 0.5)
    order = np.argsort(masses[:, 3], kind="stable")
    return np.array([part.mean() for part in np.array_split(wrong[order], 3)])


def run(config: Config, *, key: jax.Array, checkpoint_dir: Path) -> Result:
    """Runs the parts.

    Args:
        config: sizes.
        key: of the shuffled judgements; folds and forests have seeds of their own, those of the numbers they repeat.
        checkpoint_dir: directory of the fits' checkpoints.

    Returns:
        What was measured, the data and the figure.
    """
    keys = jax.random.split(key, 3)
    with jax.enable_x64(True):
        alloys = pei_alloys()
        counts = alloys.table.members.sum(axis=0)
        often = np.argsort(-counts, kind="stable")
        held_out = np.sort(often[counts[often] >= config.least][: config.elements])
        with stage("judge five folds"):
            five = five_folds(alloys, config, key=keys[0], directory=checkpoint_dir / "folds")
        with stage("judge new elements"):
            new = new_elements(alloys, held_out, config, keys=keys[1:], directory=checkpoint_dir / "elements")
        with stage("map the elements"):
            mapped = element_map(alloys, held_out, kmax=config.kmax)
    names = [alloys.table.elements[i] for i in held_out]
    data = dataset(alloys.labels, five, new, element_aucs(new), mapped, names, BEST)
    return Result(measure(alloys.labels, five, new), data, lambda: draw(data), _remarks(alloys.labels, five, new))


def measure(labels: np.ndarray, five: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """What is held against the claims."""
    scores, best = five["scores"], five["fixed"][BEST]
    y, by_element = new["labels"], element_aucs(new)
    both = np.isfinite(by_element["table"])
    two_labels = both[new["element"]]
    forest, logistic, evidence = (auc(labels, scores[name]) for name in ("random forest", "logistic", "gradient"))
    thirds = errors_by_ignorance(best, labels)
    reliability = np.median(np.asarray(new["choices"]["gradient"].worth.reliabilities), axis=0)
    tested = {
        "five folds": {way: mean_log_score(labels, scores[way]) for way in ("grid", "gradient")},
        "new elements": {way: mean_log_score(y, new["scores"][way]) for way in ("grid", "gradient")},
    }
    trained = {
        name: {way: float(choice.log_scores.mean()) for way, choice in part["choices"].items()}
        for name, part in (("five folds", five), ("new elements", new))
    }
    return {
        **{f"folds: AUC, {name}": auc(labels, scores[name]) for name in FIXED},
        f"folds: accuracy, {BEST}": float(np.mean((best[:, 1] > best[:, 2]) == (labels > 0.5))),
        f"folds: ignorance, {BEST}": float(best[:, 3].mean()),
        "folds: AUC, worth chosen on training folds": {
            "logistic": logistic,
            "random forest": forest,
            "evidence": evidence,
        },
        "quaternary alloys: AUC of extrapolation": NotRun("the four computed sets carry no licence; users bring them"),
        "new elements: AUC of the data alone": auc(y, new["scores"]["data alone"]),
        "new elements: pooled AUC with knowledge": (
            auc(y[two_labels], new["scores"]["table"][two_labels])
            if len(both) == ALL_ELEMENTS
            else NotRun(f"only with all {ALL_ELEMENTS} elements")
        ),
        "new elements: accuracy with knowledge": float(np.mean((new["scores"]["gradient"] > 0.5) == (y > 0.5))),
        "new elements: mean AUC of an element": {
            name: float(by_element[way][both].mean())
            for name, way in (("random forest", "random forest"), ("evidence", "gradient"))
        },
        "new elements: reliability": dict(zip(("table", "shuffled"), reliability.tolist(), strict=True)),
        **{f"choice: training log-score, {name}": ways for name, ways in trained.items()},
        **{f"choice: test log-score, {name}": ways for name, ways in tested.items()},
        "ignorance: error rate": {"known third": float(thirds[0]), "unknown third": float(thirds[2])},
    }


def _gain(labels: np.ndarray, scores: dict[str, np.ndarray]) -> str:
    """The gradient's log-score over the grid's, alloy by alloy, in words."""
    logs = [np.log(np.where(labels > 0.5, scores[way], 1 - scores[way])) for way in ("gradient", "grid")]
    gain = logs[0] - logs[1]
    return f"gradient less grid {gain.mean():.4f}, standard error over the alloys {gain.std() / len(gain) ** 0.5:.4f}"


def _remarks(labels: np.ndarray, five: dict[str, Any], new: dict[str, Any]) -> dict[str, str]:
    by_element, y = element_aucs(new), new["labels"]
    base = max(float(np.mean(y)), 1 - float(np.mean(y)))
    means = {
        name: tuple(float(np.mean(np.asarray(x))) for x in (choice.worth.alpha, choice.worth.d))
        for name, choice in five["choices"].items()
    }
    reliabilities = {
        way: np.median(np.asarray(choice.worth.reliabilities), axis=0) for way, choice in new["choices"].items()
    }
    pooled = {name: auc(y, new["scores"][name]) for name in ("table", "gradient", "random forest")}
    ahead = np.nansum(by_element["gradient"] > by_element["random forest"])
    return {
        "choice: test log-score, five folds": _gain(labels, five["scores"]),
        "choice: training log-score, new elements": GRID_HOLDS,
        "choice: test log-score, new elements": f"{GRID_HOLDS}; {_gain(y, new['scores'])}",
        "folds: AUC, worth chosen on training folds": "chosen by log-score: "
        + "; ".join(
            f"{name} alpha {alpha:.2f}, d {d:.2f}, groups of {int(choice.kmax.min())} to {int(choice.kmax.max())}"
            for (name, (alpha, d)), choice in zip(means.items(), five["choices"].values(), strict=True)
        )
        + "; forest and logistic regression as scikit-learn sets them, 300 trees: nothing of theirs is chosen",
        "new elements: accuracy with knowledge": f"other alloys than the paper's, and the groups of the periodic table "
        f"instead of a language model; always answering the more frequent label gives {base:.3f}",
        "new elements: mean AUC of an element": f"ahead of the forest for {ahead} of {len(by_element['table'])} "
        f"elements; pooled over all {len(y)} alloys "
        + ", ".join(f"{name} {value:.3f}" for name, value in pooled.items())
        + ": the pool rewards knowing which hosts are prone to one phase",
        "new elements: reliability": "median over the elements; table, shuffled: "
        + "; ".join(f"{way} {r[0]:.2f}, {r[1]:.2f}" for way, r in reliabilities.items()),
    }
