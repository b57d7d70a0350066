"""The parts of the experiment on evidence about alloys: its data, trials, and choices."""

import numpy as np
import pytest

from entropax.applications.alloys import find_substitutions
from experiments.applications import _evidence_choice as choice, _evidence_data as data, evidence_hea as experiment


@pytest.mark.fast
def test_alloys_of_pei():
    """593 sets of elements, 494 of two, 23.4% of one phase, and no two rows that contradict each other."""
    alloys = data.pei_alloys()
    sizes = np.bincount(alloys.table.members.sum(axis=1))
    assert sizes.tolist() == [0, 0, 494, 4, 16, 52, 16, 8, 2, 1]
    assert alloys.labels.sum() == 139
    assert alloys.table.conflicting == ()
    counts = alloys.table.members.sum(axis=0)
    assert (counts >= 20).sum() == 21
    assert counts[counts >= 20].sum() == 929
    one_label = [e for e in np.flatnonzero(counts >= 20) if alloys.labels[alloys.table.members[:, e]].std() == 0]
    assert [(alloys.table.elements[e], counts[e]) for e in one_label] == [("Sn", 20)]


@pytest.mark.fast
def test_folds_are_those_of_scikit_learn():
    from sklearn.model_selection import KFold

    fold = data.folds(23, 5)
    for number, (_, test) in enumerate(KFold(5, shuffle=True, random_state=0).split(np.zeros(23))):
        np.testing.assert_array_equal(np.flatnonzero(fold == number), test)


@pytest.mark.fast
def test_training_trials_see_nothing_that_is_judged():
    alloys = data.pei_alloys()
    held_out = np.flatnonzero(alloys.table.members.sum(axis=0) >= 60)
    elements = choice.element_split(alloys.table.members, held_out)
    fold = choice.fold_split(data.folds(len(alloys.labels), 5))
    for outer, inner, other_only in (
        (elements, elements, True),
        (fold, choice.fold_split(data.folds(len(alloys.labels), 5, seed=1)), False),
    ):
        training = choice.within(outer, inner, other_only=other_only)
        for o in range(len(outer.known)):
            assert not (training.known[o] & outer.judged[o]).any()
            assert not (training.judged[o] & outer.judged[o]).any()
            assert not (training.known[o] & training.judged[o]).any()
            assert training.judged[o].any(axis=1).all()
    once = choice.judged_once(np.broadcast_to(np.arange(len(alloys.labels)), fold.judged.shape), fold)
    np.testing.assert_array_equal(np.sort(once), np.arange(len(alloys.labels)))


@pytest.mark.fast
def test_shuffled_judgements_keep_their_words():
    elements = ("Ti", "V", "Cr", "Fe", "Ni", "Al", "Mg")
    told, shuffled = data.table_judgements(elements), data.shuffled_judgements(elements, np.random.default_rng(0))
    words = {frozenset(j[:2]): j.judgement for j in told}
    assert words[frozenset(("Ti", "V"))] == "high"
    assert words[frozenset(("Fe", "Cr"))] == "medium"
    assert words[frozenset(("Ti", "Al"))] == "low"
    assert sorted(j.judgement for j in told) == sorted(j.judgement for j in shuffled)
    assert [j[:2] for j in told] == [j[:2] for j in shuffled]
    assert any(a.judgement != b.judgement for a, b in zip(told, shuffled, strict=True))


def test_log_score_and_choices_by_hand(x64):
    """On the toy alloys with every point of a small grid: the best point, and the score from pignistic bets."""
    members = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 1], [1, 0, 0, 1]], bool)
    labels = np.array([1.0, 1.0, 1.0, 0.0, 1.0])
    found = find_substitutions(members)
    evidence = choice.Evidence(found, np.asarray(labels), np.zeros((0, len(found.groups), 4)))
    judged = np.eye(5, dtype=bool)
    split = choice.Split(~judged[None], judged[None])
    grid = choice.grid_of((0.2, 0.6), (0.3, 0.9), (), 0)
    worth, best = choice.choose_on_grid(evidence, grid, split)
    scores = []
    for alpha, d in zip(np.asarray(grid.alpha), np.asarray(grid.d), strict=True):
        masses = choice.predicted_by_trial(evidence, choice.one_worth(alpha, d, (), 5), ~judged)
        bets = experiment.bet(np.asarray(masses))[np.arange(5), np.arange(5)]
        scores.append(experiment.mean_log_score(labels, bets))
    assert best[0] == pytest.approx(max(scores), rel=1e-12)
    at = int(np.argmax(scores))
    assert (float(worth.alpha[0]), float(worth.d[0])) == (float(grid.alpha[at]), float(grid.d[at]))


@pytest.mark.fast
def test_errors_by_ignorance():
    masses = np.array([[0, 0.9, 0, 0.1], [0, 0, 0.8, 0.2], [0, 0.5, 0.2, 0.3], [0, 0, 0, 1.0]])[[3, 1, 0, 2]]
    np.testing.assert_allclose(experiment.errors_by_ignorance(masses, np.array([1, 0, 1, 0])), [0, 1, 1])
