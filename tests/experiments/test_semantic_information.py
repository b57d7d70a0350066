"""The parts of the experiment on semantic information: its random problems, and what it learns."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import information
from experiments.information import semantic_information as experiment

SMOKE = experiment.PRESETS["smoke"]


@pytest.mark.fast
def test_random_problems_are_distributions_with_straight_boundaries():
    priors, likelihoods, starts = experiment.random_classes(SMOKE, np.random.default_rng(0))
    np.testing.assert_allclose(priors.sum(axis=-1), 1, rtol=1e-12)
    np.testing.assert_allclose(likelihoods.sum(axis=-1), 1, rtol=1e-12)
    assert starts.shape == (SMOKE.problems, SMOKE.starts, SMOKE.grid**2)
    assert starts.min() >= 0
    assert starts.max() <= 2
    # Cells of nearest points are convex: along a row of the grid no label comes back.
    rows = starts[0, 0].reshape(SMOKE.grid, SMOKE.grid)
    for row in rows:
        changes = int(np.sum(np.diff(row) != 0))
        assert changes == len(set(row.tolist())) - 1


def test_classes_against_the_best_labels_of_a_tiny_grid(x64):
    """Two features a side: the best of all 3^4 labellings is what the best start reaches."""
    tiny = dataclasses.replace(SMOKE, grid=2, problems=2, starts=40)
    priors, likelihoods, _ = experiment.random_classes(tiny, np.random.default_rng(4))
    every = np.stack(np.unravel_index(np.arange(81), (3,) * 4), axis=-1)
    trace = np.asarray(experiment.classify(*map(jnp.asarray, (priors, likelihoods, np.stack([every, every])))))
    for problem in range(2):
        joints = [
            np.stack([priors[problem] * likelihoods[problem][:, labels == y].sum(axis=1) for y in range(3)], axis=1)
            for labels in every
        ]
        exact = [float(information.mutual_information(joint / joint.sum(), base=2)) for joint in joints]
        np.testing.assert_allclose(trace[problem, :, 0], exact, atol=1e-12)
        np.testing.assert_allclose(trace[problem, :, -1].max(), max(exact), atol=1e-12)


def test_speakers_labels_mean_what_they_say(x64):
    """The share of people of an age who are called by a label is its truth; predictions are Bayes' rule by sums."""
    config = dataclasses.replace(SMOKE, people=200_000, samples=1)
    counts = experiment.observe_labels(config, np.random.default_rng(2))[0]
    truth = np.asarray(experiment.age_truth(*(np.array(experiment.MEANT[n]) for n in ("threshold", "steepness"))))
    people = config.people * experiment.YOUNG[:, None]
    errors = np.sqrt(people * truth + 1)  # a Poisson variable's, and one for small counts
    assert np.max(np.abs(counts - people * truth) / errors) < 5.5  # 404 normal numbers: 1.5e-5 by chance
    meant = [jnp.asarray(experiment.MEANT[name])[None] for name in ("threshold", "steepness")]
    exact, learned, raw = map(np.asarray, experiment.age_predictions(*meant))
    by_sum = experiment.OLD[:, None] * truth
    np.testing.assert_allclose(exact, (by_sum / by_sum.sum(axis=0)).T, rtol=1e-10)
    np.testing.assert_allclose(learned[0], exact, rtol=1e-10)
    by_sum = experiment.YOUNG[:, None] * truth
    np.testing.assert_allclose(raw, (by_sum / by_sum.sum(axis=0)).T, rtol=1e-10)


def test_ascent_finds_the_meaning_from_exact_frequencies(x64, tmp_path):
    """Given expected counts the speaker's thresholds are found."""
    truth = np.asarray(experiment.age_truth(*(np.array(experiment.MEANT[n]) for n in ("threshold", "steepness"))))
    counts = (experiment.YOUNG[:, None] * truth)[None]
    speaker = experiment.learn_truth(counts, SMOKE, key=jax.random.key(0), checkpoint_dir=tmp_path)
    np.testing.assert_allclose(speaker.threshold[0], experiment.MEANT["threshold"], atol=0.05)
    np.testing.assert_allclose(speaker.steepness[0], experiment.MEANT["steepness"], rtol=0.02)
