"""The parts of the experiment on alloys by Kolmogorov-Arnold networks: splits, fits, baselines, trial of knots."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from entropax import nn
from experiments.applications import _kan_hea_data as data, _kan_hea_models as models, _kan_hea_studies as studies

RNG = np.random.default_rng(3)


def table(n=90, d=3, classes=True):
    """Rows in groups of three with equal features, a column that never varies, and a target that two columns give."""
    features = np.repeat(RNG.standard_normal((n // 3, d)), 3, axis=0) * np.array([5.0, 0.1, 0.0]) + 7
    y = np.sin(features[:, 0] - 7) + 10 * (features[:, 1] - 7)
    return data.Problem(features, ("a", "b", "c"), (y > 0).astype(float) if classes else y, np.arange(n) // 3)


@pytest.mark.fast
def test_splits_hold_out_a_fifth_and_keep_groups_and_classes():
    problem = table()
    for grouped in (False, True):
        found = list(models.splits(problem, seeds=3, grouped=grouped, classes=True))
        for rows, held in found:
            np.testing.assert_array_equal(np.sort(np.concatenate([rows, held])), np.arange(90))
            assert len(held) == 18
            common = np.intersect1d(problem.groups[rows], problem.groups[held]).size
            assert (common == 0) == grouped
            if not grouped:
                assert abs(problem.target[held].mean() - problem.target.mean()) < 1 / 18
        assert not np.array_equal(found[0][1], found[1][1])


@pytest.mark.fast
def test_a_part_of_a_table_is_its_rows():
    problem, rows = table(), np.array([4, 8, 60])
    some = models.part(problem, rows)
    np.testing.assert_array_equal(some.features, problem.features[rows])
    np.testing.assert_array_equal(some.groups, [1, 2, 20])


@pytest.mark.fast
@pytest.mark.parametrize(("d", "hidden"), [(6, 4), (44, 8), (44, 2)])
def test_the_perceptron_has_the_parameters_of_the_kan(d, hidden):
    """Within half a hidden node."""
    kan, mlp = (models.parameters(models.make(kind, d, hidden, nnx.Rngs(0))) for kind in (models.KAN, models.MLP))
    assert kan == 8 * (d + 1) * hidden
    assert abs(kan - mlp) <= (d + 2) / 2


@pytest.mark.fast
def test_baselines_are_those_of_scikit_learn():
    """The majority's share, the mean, and a logistic regression that finds the line."""
    problem, rows = table(), np.arange(60)
    chance = models.baseline(problem, rows, models.MAJORITY, seed=0, trees=3, classes=True)(problem.features)
    np.testing.assert_allclose(chance, problem.target[rows].mean())
    numbers = table(classes=False)
    mean = models.baseline(numbers, rows, models.MAJORITY, seed=0, trees=3, classes=False)(numbers.features)
    np.testing.assert_allclose(mean, numbers.target[rows].mean())
    line = numbers._replace(target=numbers.features[:, 0] * 2 - 30)
    for kind in (models.LINEAR, models.FOREST):
        predicted = models.baseline(line, rows, kind, seed=0, trees=30, classes=False)(line.features)
        assert np.corrcoef(predicted, line.target)[0, 1] > 0.9


@pytest.mark.slow
def test_training_sees_its_rows_alone_and_knots_follow_them(monkeypatch):
    """Targets that are not trained on may be anything; scaling is of the training rows; updates give a KAN knots."""
    monkeypatch.setattr(models, "ROWS", 96)
    problem, rows = table(classes=False), np.arange(60)
    spoilt = problem._replace(target=np.where(np.arange(90) < 60, problem.target, 1e3))
    kw = {"hidden": 2, "decay": 1e-4, "steps": 20, "seed": 0, "classes": False}
    for kind, updates in ((models.KAN, 0), (models.KAN, 2), (models.MLP, 2)):
        ours, others = (models.train(p, rows, kind, updates=updates, **kw) for p in (problem, spoilt))
        output = models.of_all_rows(ours, problem)
        np.testing.assert_array_equal(output, models.of_all_rows(others, problem))
        np.testing.assert_allclose(output, ours(jnp.asarray(problem.features, jnp.float32)), rtol=1e-4, atol=1e-4)
        assert np.corrcoef(output[:60], problem.target[:60])[0, 1] > 0.8
        np.testing.assert_allclose(ours.scaling.mean, problem.features[:60].mean(axis=0), rtol=1e-5)
        if kind == models.KAN:
            assert (ours.network.layers[1].adapted is not None) == (updates > 0)
            assert 0 <= models.share_outside(ours, problem, rows) <= 1


@pytest.mark.fast
def test_the_share_outside_counts_hidden_values(monkeypatch):
    network = nn.KAN((3, 2, 1), rngs=nnx.Rngs(0))
    scaling = models.Scaling(*(jnp.asarray(a, jnp.float32) for a in (np.zeros(3), np.ones(3), 0, 1)))
    problem, rows = table(), np.arange(40, 90)
    trained = models.Trained(network, scaling)
    hidden = np.asarray(network.nodes(scaling.inputs(jnp.asarray(problem.features, jnp.float32)))[1])[rows]
    assert models.share_outside(trained, problem, rows) == pytest.approx(np.mean(np.abs(hidden) > 1), abs=1e-6)


def test_the_trial_of_knots_judges_training_rows_alone(monkeypatch):
    """Both fits are of the same rows; neither they nor those that judge are held out by the split."""
    problem, seen = table(), []

    def train(problem, rows, kind, *, updates, seed, **rest):
        seen.append((rows, updates, seed))
        return updates

    monkeypatch.setattr(studies, "train", train)
    monkeypatch.setattr(
        studies, "of_all_rows", lambda trained, problem: np.where(trained, 1, -1) * (problem.target - 0.5)
    )
    judged = []
    monkeypatch.setattr(studies, "share_outside", lambda trained, problem, rows: judged.append(rows) or 0.25)
    trial = studies.grid_trial(problem, grouped=True, classes=True, seeds=2, hidden=2, decay=0.0, steps=2)
    np.testing.assert_array_equal(trial.scores, [[0, 0], [1, 1]])
    np.testing.assert_array_equal(trial.outside, 0.25)
    for seed, (_, held) in enumerate(models.splits(problem, seeds=2, grouped=True, classes=True)):
        (stay, none, _), (follow, updates, _) = seen[2 * seed : 2 * seed + 2]
        assert (none, updates) == (0, studies.UPDATES)
        np.testing.assert_array_equal(stay, follow)
        for rows in (stay, judged[2 * seed]):
            assert not np.intersect1d(rows, held).size
        assert not np.intersect1d(problem.groups[stay], problem.groups[judged[2 * seed]]).size
