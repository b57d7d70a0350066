"""What evidence is worth, chosen on training alloys: on a grid, and along gradients of the log-score."""

import functools
import itertools
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from entropax import information, training
from entropax.applications.alloys import Substitutions, fuse_sources, predict_alloys, substitutability


class Evidence(eqx.Module):
    """All that a prediction needs but what pieces of evidence are worth.

    Attributes:
        substitutions: exchanges of the alloys.
        labels: shape (alloys,).
        knowledge: masses of every exchange by further source, shape (sources, exchanges, 4); there may be none.
    """

    substitutions: Substitutions
    labels: jax.Array
    knowledge: jax.Array


class Worth(NamedTuple):
    """What pieces of evidence are worth.

    Attributes:
        alpha: of a pair of alloys.
        d: of a substitutable neighbour.
        reliabilities: of the further sources, shape (sources,); the data are taken at their word, alpha discounts them.
    """

    alpha: jax.Array
    d: jax.Array
    reliabilities: jax.Array


class Split(NamedTuple):
    """Trials: which alloys are known and which are judged in each, shape (..., trials, alloys)."""

    known: Any
    judged: Any


def predicted(evidence: Evidence, worth: Worth, known: jax.Array) -> jax.Array:
    """Masses of every alloy, shape (alloys, 4), from the known ones."""
    exchanges = evidence.substitutions
    similarity = substitutability(exchanges, evidence.labels, worth.alpha, known=known)
    if len(evidence.knowledge):
        sources = jnp.concatenate([similarity[None], evidence.knowledge])
        reliabilities = jnp.concatenate([jnp.ones_like(worth.reliabilities[:1]), worth.reliabilities])
        similarity = fuse_sources(sources, reliabilities).value
    return predict_alloys(exchanges, similarity, evidence.labels, worth.d, known=known).value


@jax.jit
def predicted_by_trial(evidence: Evidence, worth: Worth, known: jax.Array) -> jax.Array:
    """Masses by trial, shape (trials, alloys, 4); the worth has a leading axis of trials."""
    return jax.vmap(predicted, in_axes=(None, 0, 0))(evidence, worth, known)


def one_worth(alpha: float, d: float, reliabilities: tuple[float, ...], trials: int) -> Worth:
    """The same worth for every trial."""
    return Worth(jnp.full(trials, alpha), jnp.full(trials, d), jnp.asarray(np.tile(reliabilities, (trials, 1))))


def log_score(evidence: Evidence, worth: Worth, known: jax.Array, judged: jax.Array) -> jax.Array:
    """Mean over all judged alloys of all trials of the log of the pignistic probability of their label."""
    masses = jax.vmap(lambda k: predicted(evidence, worth, k))(known)
    bet = information.pignistic(masses)
    right = jnp.where(evidence.labels > 0.5, bet[..., 0], bet[..., 1])
    return jnp.sum(jnp.where(judged, jnp.log(jnp.where(judged, right, 1)), 0)) / jnp.sum(judged)


@jax.jit
def _scores(evidence: Evidence, grid: Worth, split: Split) -> jax.Array:
    """Log-scores, shape (choices, points), of every point of the grid in every choice's trials."""
    at_point = lambda trials: lambda worth: log_score(evidence, worth, *trials)  # noqa: E731
    return jax.lax.map(lambda trials: jax.lax.map(at_point(trials), grid), split)


def grid_of(alpha: tuple[float, ...], d: tuple[float, ...], reliability: tuple[float, ...], sources: int) -> Worth:
    """Every combination, as arrays with a leading axis."""
    points = np.array(list(itertools.product(alpha, d, *[reliability] * sources)))
    return Worth(*map(jnp.asarray, (points[:, 0], points[:, 1], points[:, 2:])))


def choose_on_grid(evidence: Evidence, grid: Worth, split: Split) -> tuple[Worth, np.ndarray]:
    """The best point of the grid for every choice, and its log-scores.

    Args:
        evidence: the alloys.
        grid: points, with a leading axis.
        split: training trials of every choice, shape (choices, trials, alloys).

    Returns:
        One worth a choice, and the log-score of each in its trials, shape (choices,).
    """
    scores = np.asarray(_scores(evidence, grid, Split(*map(jnp.asarray, split))))
    best = scores.argmax(axis=1)
    return jax.tree.map(lambda leaf: leaf[best], grid), scores.max(axis=1)


class Choices(eqx.Module):
    """Worths to be learned, one a choice, as logits.

    Attributes:
        logits: shape (choices, 2 + sources).
    """

    logits: jax.Array

    @property
    def worth(self) -> Worth:
        """The worths, in (0, 1)."""
        shares = jax.nn.sigmoid(self.logits)
        return Worth(shares[:, 0], shares[:, 1], shares[:, 2:])


def choose_by_gradient(
    evidence: Evidence, split: Split, *, steps: int, key: jax.Array, checkpoint_dir: Path
) -> tuple[Worth, np.ndarray]:
    """Ascent of the training log-score through Dempster's rule in closed form, from alpha = .2 and the rest at .5.

    Args:
        evidence: the alloys.
        split: training trials of every choice, shape (choices, trials, alloys).
        steps: of Adam, in logits.
        key: of the fit, which draws nothing.
        checkpoint_dir: of the fit.

    Returns:
        As `choose_on_grid`.
    """
    trials = Split(*map(jnp.asarray, split))
    start = np.zeros((len(split.known), 2 + len(evidence.knowledge)))
    start[:, 0] = np.log(0.2 / 0.8)
    scored = functools.partial(_log_scores, evidence, trials)

    def loss(choices: Choices, batch: None, *, key: jax.Array) -> jax.Array:
        del batch, key
        return -jnp.sum(scored(choices.worth))

    fitted: Any = training.fit(
        loss,
        Choices(jnp.asarray(start)),
        lambda step, *, key: None,
        optax.adam(0.2),
        steps=steps,
        key=key,
        checkpoint_dir=checkpoint_dir,
        description="worth of evidence",
    )
    return fitted.model.worth, np.asarray(jax.jit(scored)(fitted.model.worth))


def _log_scores(evidence: Evidence, split: Split, worth: Worth) -> jax.Array:
    """The log-score of every choice in its trials, one after the other: all at once would not fit the caches."""
    scored = jax.checkpoint(lambda one: log_score(evidence, one[0], *one[1]))
    return jax.lax.map(scored, (worth, split))


# -------------------------------------------------------------------------------------------------------------- splits


def fold_split(fold: np.ndarray) -> Split:
    """One trial a fold: its alloys are judged, all others are known."""
    judged = fold[None] == np.arange(fold.max() + 1)[:, None]
    return Split(~judged, judged)


def element_split(members: np.ndarray, held_out: np.ndarray) -> Split:
    """One trial an element that is held out: the alloys with it are judged, all others are known."""
    judged = members[:, held_out].T
    return Split(~judged, judged)


def within(outer: Split, inner: Split, *, other_only: bool) -> Split:
    """For every outer trial the inner ones among its known alloys, shape (outer, trials, alloys).

    Args:
        outer: the trials that are chosen for.
        inner: trials of all alloys.
        other_only: whether the inner trial of the outer one's own number is left out, because both hold out the same.
    """
    kept = [[i for i in range(len(inner.known)) if not (other_only and i == o)] for o in range(len(outer.known))]
    known, judged = (
        np.stack([part[rows] & outer.known[o] for o, rows in enumerate(kept)]) for part in (inner.known, inner.judged)
    )
    return Split(known, judged)


def judged_once(values: np.ndarray, split: Split) -> np.ndarray:
    """Of values by trial and alloy, shape (trials, alloys, ...), those that are judged, trial after trial."""
    return np.concatenate([value[judged] for value, judged in zip(values, split.judged, strict=True)])
