"""The parts of the experiments on heads, overlap and projection that are not the library's."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from experiments.losses import _digits, _imbalance, _modular_addition, harmonic_loss, opl

RNG = np.random.default_rng(3)


@pytest.mark.fast
def test_f1_and_the_best_threshold_are_scikit_learns():
    """F1 of every seed; no threshold between two scores does better than the one found."""
    guess, truth = RNG.random((2, 50)) < 0.4, RNG.random((2, 50)) < 0.3
    expected = [f1_score(t, g) for g, t in zip(guess, truth, strict=True)]
    np.testing.assert_allclose(_imbalance.f1(guess, truth), expected)
    assert _imbalance.f1(np.zeros((1, 4)), np.zeros((1, 4)))[0] == 0
    scores = RNG.standard_normal(50)
    found = f1_score(truth[0], scores > _imbalance.best_threshold(scores, truth[0]))
    np.testing.assert_allclose(found, max(f1_score(truth[0], scores >= cut) for cut in scores))


@pytest.mark.fast
def test_sets_have_the_shares_that_they_say():
    """Positives of the Gaussians and of "is 8"; tag 0 takes five sixths (standard error 0.01)."""
    parts = _imbalance.gaussians(20, 2, 0, sizes={"train": 420, "test": 2100})
    assert parts["train"][1].mean() == 1 / 21
    eights = _imbalance.eights(2, 0)
    assert 0.08 < np.concatenate([y.ravel() for _, y in eights.values()]).mean() < 0.11
    assert sum(y.shape[1] for _, y in eights.values()) == 1797
    x, tags = _imbalance.tagged_chains(2, 0, sizes={"test": 5000})["test"]
    assert x.shape == (2, 5000, 24)
    np.testing.assert_allclose((tags == 0).mean(), 5 / 6, atol=0.04)


@pytest.mark.fast
def test_true_probabilities_and_the_line():
    """Of examples with a true probability of 0.3 three in ten are positive; the line is where as many are called so."""
    x, y = _imbalance.gaussians(4, 1, 0, sizes={"test": 200_000})["test"]
    p = _imbalance.true_probability(x, 4)
    near = np.abs(p - 0.3) < 0.05
    np.testing.assert_allclose(y[near].mean(), p[near].mean(), atol=4 * np.sqrt(0.25 / near.sum()))
    np.testing.assert_allclose(_imbalance.drawn_at(p > 0.2, p), 0.2, atol=1e-3)
    np.testing.assert_allclose(_imbalance.drawn_at(np.zeros((1, 2), bool), np.array([[0.4, 0.6]])), 0.8)
    np.testing.assert_allclose(_imbalance.drawn_at(np.ones((1, 2), bool), np.array([[0.4, 0.6]])), 0.2)


@pytest.mark.fast
def test_a_loss_of_a_batch_draws_the_line_at_half_of_its_f1():
    """Free predictions for examples of known probability: 1/2 is crossed at S / 2 with S = 1 - loss; squares, no g."""
    eta = np.linspace(0.01, 0.99, 99)
    s = 0.6
    for _ in range(100):  # p = min(1, eta / s) is least for given s, and s is its soft F1
        p = np.minimum(1, eta / s)
        s = 2 * np.sum(p * eta) / np.sum(p**2 + eta)
    soft = lambda p: 2 * np.sum(p * eta) / np.sum(p**2 + eta)  # noqa: E731
    trials = [np.clip(p + 0.05 * RNG.standard_normal(p.shape), 0, 1) for _ in range(50)]
    assert max(map(soft, trials)) < soft(p)
    crossing = eta[np.argmax(p > 0.5)]
    np.testing.assert_allclose(crossing, s / 2, atol=0.01)


@pytest.mark.fast
def test_prototypes_moments_and_planes():
    """Class vectors that are the means have cosine one; the first moment at a level; a circle lies in a plane."""
    features, y = RNG.random((1, 200, 4)), np.arange(200)[None] % 10
    means = np.stack([features[0][y[0] == k].mean(0) for k in range(10)])[None]
    np.testing.assert_allclose(harmonic_loss._prototypes(3 * means, features, y), 1, rtol=1e-12)
    reached = np.array([[0.1, 0.1], [0.99, 0.2], [0.5, 0.3]])
    np.testing.assert_array_equal(_modular_addition._first(reached, 0.9, np.array([10, 20, 30])), [20, -1])
    angles = 2 * np.pi * np.arange(7) / 7
    circle = np.stack([np.cos(angles), np.sin(angles), 0 * angles], -1) + 5
    np.testing.assert_allclose(_modular_addition._principal(circle)[0], 1, rtol=1e-12)


@pytest.mark.fast
def test_wrong_labels_and_one_shot():
    """40% of labels are wrong, none of those by chance right; clusters are told apart from one example."""
    y = RNG.integers(0, 10, (2, 5000))
    wrong = opl._corrupted(y, 0.4, 0) != y
    np.testing.assert_allclose(wrong.mean(), 0.4, atol=0.02)  # standard error 0.005
    labels = np.arange(40)[None] % 4
    clusters = np.eye(4)[labels] + 0.01 * RNG.standard_normal((1, 40, 4))
    np.testing.assert_allclose(opl._one_shot(clusters, labels, 5, 0), 1)


@pytest.mark.fast
def test_splits_share_no_image():
    """Every image is in one part of every split, labels with it, and classes can be chosen."""
    parts = _digits.splits(2, 0, classes=(3, 7))
    sizes = [y.shape[1] for _, y in parts.values()]
    rows = np.concatenate([parts["train"][0][1], parts["test"][0][1]])
    assert len(np.unique(rows, axis=0)) == sum(sizes) == len(rows)
    assert set(np.unique(parts["train"][1])) == {0, 1}
