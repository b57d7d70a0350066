"""The three problems of the paper, the function that pykan is tested on, and a composition by gradient."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from entropax import metrics, nn, training
from entropax.applications import alloys
from experiments.applications import _kan_hea_data as data
from experiments.applications._kan_hea_models import (
    FOREST,
    KAN,
    LBFGS,
    LINEAR,
    MAJORITY,
    MLP,
    FullBatch,
    Trained,
    baseline,
    of_all_rows,
    part,
    share_outside,
    splits,
    train,
)

MODELS = (KAN, MLP, FOREST, LINEAR, MAJORITY)
PALETTE = ("Al", "Cr", "Mo", "Nb", "Ta", "Ti", "V", "Zr")
"""Elements that a design may use; all are frequent in the data of strengths."""
LEAST_ENTROPY = 1.5 * alloys.GAS_CONSTANT
UPDATES = 5
"""Of the knots, where they are tried; pykan's default is ten in the first 50 steps."""
CAUTION = 1.0
"""Standard deviations of the ensemble that a design's objective is below its mean."""


class Scores(NamedTuple):
    """What models reached on every split.

    Attributes:
        values: by name of the measure, shape (models, splits), models as in `MODELS`.
        networks: the KANs, one a split.
    """

    values: dict[str, np.ndarray]
    networks: list[Trained]


def classification(
    problem: data.Problem, *, grouped: bool, seeds: int, hidden: int, decay: float, steps: int, trees: int
) -> Scores:
    """F1 and the area under the ROC curve of every model, on splits with or without the same element sets."""
    f1, auroc = np.empty((2, len(MODELS), seeds))
    networks = []
    for seed, (rows, held) in enumerate(splits(problem, seeds=seeds, grouped=grouped, classes=True)):
        for i, model in enumerate(MODELS):
            p, trained = _predictions(problem, rows, held, model, hidden, decay, steps, trees, seed, classes=True)
            networks += [trained] if model == KAN else []
            positive = problem.target[held]
            f1[i, seed] = metrics.f1_score((p > 0.5).astype(float), positive)
            auroc[i, seed] = metrics.auroc(p, positive)
    return Scores({"f1": f1, "auroc": auroc}, networks)


def regression(
    problem: data.Problem,
    *,
    seeds: int,
    hidden: int,
    decay: float,
    steps: int,
    trees: int,
    kept: Sequence[np.ndarray] | None = None,
) -> Scores:
    """R^2 and the mean absolute error of every model on formulas that it has not seen.

    Args:
        problem: the table.
        seeds: number of splits.
        hidden: nodes of the KAN.
        decay: weight of the penalty.
        steps: of L-BFGS.
        trees: of the random forest.
        kept: for every split, the rows that a first stage lets through to the test; all by default.
    """
    r2, error = np.empty((2, len(MODELS), seeds))
    networks = []
    for seed, (rows, held) in enumerate(splits(problem, seeds=seeds, grouped=True, classes=False)):
        held = held if kept is None else np.intersect1d(held, kept[seed])
        for i, model in enumerate(MODELS):
            y, trained = _predictions(problem, rows, held, model, hidden, decay, steps, trees, seed, classes=False)
            networks += [trained] if model == KAN else []
            r2[i, seed] = metrics.r_squared(problem.target[held], y)
            error[i, seed] = np.mean(np.abs(problem.target[held] - y))
    return Scores({"r2": r2, "mae": error}, networks)


def first_stage(
    problem: data.Problem, *, seeds: int, hidden: int, decay: float, steps: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """The rows that KANs take for single solid solutions, and F1 of that on the held-out formulas, for every split."""
    kept, f1 = [], []
    for seed, (rows, held) in enumerate(splits(problem, seeds=seeds, grouped=True, classes=False)):
        trained = train(problem, rows, KAN, hidden=hidden, decay=decay, steps=steps, seed=seed, classes=True)
        taken = of_all_rows(trained, problem) > 0
        kept.append(np.flatnonzero(taken))
        f1.append(float(metrics.f1_score(taken[held].astype(float), problem.target[held])))
    return kept, np.array(f1)


def _predictions(
    problem: data.Problem,
    rows: np.ndarray,
    held: np.ndarray,
    model: str,
    hidden: int,
    decay: float,
    steps: int,
    trees: int,
    seed: int,
    *,
    classes: bool,
) -> tuple[np.ndarray, Trained | None]:
    """Probabilities of class 1, or targets, of the held-out rows, and the network if it is one."""
    if model not in (KAN, MLP):
        predict = baseline(problem, rows, model, seed=seed, trees=trees, classes=classes)
        return np.asarray(predict(problem.features[held])), None
    trained = train(problem, rows, model, hidden=hidden, decay=decay, steps=steps, seed=seed, classes=classes)
    output = of_all_rows(trained, problem)[held]
    return np.asarray(jax.nn.sigmoid(output) if classes else output), trained


class GridTrial(NamedTuple):
    """Knots that stay beside knots that follow the samples, judged on a fifth of the training rows of every split.

    Attributes:
        scores: F1, or R^2, shape (2, splits): they stay, they follow.
        outside: share of the hidden nodes' values outside of their splines' range, there, shape (2, splits).
    """

    scores: np.ndarray
    outside: np.ndarray


def grid_trial(
    problem: data.Problem, *, grouped: bool, classes: bool, seeds: int, hidden: int, decay: float, steps: int
) -> GridTrial:
    """Whether `nn.update_grid` during training helps: `UPDATES` times, as pykan does by default, or never.

    Nothing of it sees the rows that the models are tested on.
    """
    scores, outside = np.empty((2, 2, seeds))
    for seed, (rows, _) in enumerate(splits(problem, seeds=seeds, grouped=grouped, classes=classes)):
        rows = np.sort(rows)
        inner, judged = next(splits(part(problem, rows), seeds=1, grouped=grouped, classes=classes))
        inner, judged = rows[inner], rows[judged]
        for i, updates in enumerate((0, UPDATES)):
            trained = train(
                problem,
                inner,
                KAN,
                hidden=hidden,
                decay=decay,
                steps=steps,
                seed=seed,
                classes=classes,
                updates=updates,
            )
            output, target = of_all_rows(trained, problem)[judged], problem.target[judged]
            right = (
                metrics.f1_score((output > 0).astype(float), target) if classes else metrics.r_squared(target, output)
            )
            scores[i, seed], outside[i, seed] = right, share_outside(trained, problem, judged)
    return GridTrial(scores, outside)


class Ensemble(eqx.Module):
    """Networks of a strength, one a split, as a function of the fractions of `PALETTE`.

    Room temperature, compression, as cast.

    Attributes:
        members: the networks, stacked.
        elements: of the data, the first columns of features.
    """

    members: Trained
    elements: tuple[str, ...] = eqx.field(static=True)

    def predictions(self, fractions: Any) -> jax.Array:
        """Each network's strength in MPa, shape (members,)."""
        places = np.array([self.elements.index(symbol) for symbol in PALETTE])
        everything = jnp.zeros(len(self.elements), fractions.dtype).at[places].set(fractions)
        found = alloys.hea_descriptors(fractions, elements=PALETTE)
        circumstances = [data.ROOM_TEMPERATURE]
        circumstances += [float(kind == "C") for kind in data.TESTS]
        circumstances += [float(kind == "CAST") for kind in data.PROCESSES]
        features = jnp.concatenate(
            [
                everything,
                jnp.stack([getattr(found, name) for name in data.DESCRIPTORS]),
                jnp.asarray(circumstances, fractions.dtype),
            ]
        )
        return jax.vmap(lambda member, x: member(x), (0, None))(self.members, features)

    def __call__(self, fractions: Any) -> jax.Array:
        """The mean less `CAUTION` standard deviations, in units of 100 MPa."""
        strengths = self.predictions(fractions)
        spread = jnp.std(strengths) if strengths.size > 1 else 0.0
        return (jnp.mean(strengths) - CAUTION * spread) / 100


class Designed(NamedTuple):
    """A composition by gradient, beside the equal one that it started from.

    Attributes:
        design: what `design_composition` returned.
        strengths: each network's, at the start and at the end, shape (2, members), MPa.
        slope_error: of the objective's gradient against a central difference, relative.
    """

    design: alloys.AlloyDesign
    strengths: np.ndarray
    slope_error: float


def design(networks: Sequence[Trained], elements: tuple[str, ...], *, steps: int) -> Designed:
    """Climbs the ensemble's cautious prediction from the equal composition, with at least 1.5 R of entropy."""
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *networks)
    ensemble = Ensemble(stacked, elements)
    start = jnp.full(len(PALETTE), 1 / len(PALETTE))
    # Off the equal composition, where no network is at a kink of its inputs' cut.
    place = jax.nn.softmax(0.3 * jnp.sin(jnp.arange(len(PALETTE), dtype=jnp.float32)))
    turn = jnp.asarray(np.random.default_rng(0).standard_normal(len(PALETTE)), jnp.float32)
    turn = (turn - jnp.mean(turn)) / jnp.linalg.norm(turn)
    slope, ahead, behind = map(float, _slopes(ensemble, place, turn, 2e-3))
    found = alloys.design_composition(ensemble, start, least_entropy=LEAST_ENTROPY, steps=steps, learning_rate=0.3)
    strengths = np.asarray(_strengths(ensemble, jnp.stack([start, found.fractions])))
    return Designed(found, strengths, abs(slope - (ahead - behind) / 4e-3) / abs(slope))


@jax.jit
def _slopes(ensemble: Ensemble, place: jax.Array, turn: jax.Array, step: float) -> tuple[jax.Array, ...]:
    """The gradient along a direction, and the objective one step ahead and behind."""
    slope = jnp.vdot(jax.grad(ensemble)(place), turn)
    return slope, ensemble(place + step * turn), ensemble(place - step * turn)


@jax.jit
def _strengths(ensemble: Ensemble, fractions: jax.Array) -> jax.Array:
    """Each network's, of several compositions."""
    return jax.vmap(ensemble.predictions)(fractions)


class Toy(NamedTuple):
    """The fit of exp(sin(pi x) + y^2).

    Attributes:
        iterations: at which the error was taken, shape (k,).
        errors: RMSE on points not seen, shape (seeds, k).
    """

    iterations: np.ndarray
    errors: np.ndarray


def toy(*, seeds: int, iterations: int, every: int) -> Toy:
    """[2, 5, 1] with G = 5 on 1000 points of [-1, 1]^2, by L-BFGS: pykan's test."""
    rng = np.random.default_rng(0)
    x, held = (jnp.asarray(rng.uniform(-1, 1, (1000, 2)), jnp.float32) for _ in range(2))
    batch = FullBatch({"x": x, "y": _toy_function(x)})
    errors = []
    for seed in range(seeds):
        fitted = training.fit(
            _toy_loss,
            nn.KAN((2, 5, 1), intervals=5, rngs=nnx.Rngs(seed)),
            batch,
            LBFGS,
            steps=iterations,
            key=jax.random.key(seed),
            record=_ToyError(held),
            record_every=every,
            steps_per_call=iterations,
            progress=False,
        )
        errors.append(np.asarray(fitted.recorded))
    return Toy(np.arange(every, iterations + 1, every), np.stack(errors))


def _toy_function(x: jax.Array) -> jax.Array:
    return jnp.exp(jnp.sin(jnp.pi * x[:, 0]) + x[:, 1] ** 2)


def _toy_loss(network: Any, batch: dict[str, jax.Array], *, key: jax.Array) -> jax.Array:
    del key
    return jnp.mean((network(batch["x"])[:, 0] - batch["y"]) ** 2)


class _ToyError(eqx.Module):
    """RMSE on other points."""

    x: jax.Array

    def __call__(self, network: Any) -> jax.Array:
        return jnp.sqrt(jnp.mean((network(self.x)[:, 0] - _toy_function(self.x)) ** 2))
