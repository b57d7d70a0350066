"""The parts of the experiment on direct coverage optimisation."""

import dataclasses

import jax
import numpy as np
import pytest

from entropax import metrics
from experiments.losses import dco as experiment

SMOKE = experiment.PRESETS["smoke"]


def test_true_answers_are_distributions_with_several_likely_answers():
    x, a = experiment.true_answers(SMOKE, jax.random.key(0), 100)
    assert x.shape == (100, SMOKE.features)
    np.testing.assert_allclose(a.sum(axis=-1), 1, rtol=1e-5)
    assert 0.1 < float(a.max(axis=-1).mean()) < 0.9


@pytest.mark.slow
def test_one_step_is_answered_as_well_as_can_be_by_the_right_number_of_branches():
    """pass@256 of single steps, enumerated, is at most the optimum's and close to it at N_eff = 181."""
    config = dataclasses.replace(SMOKE, longest=1, proof_steps=400)
    learned = experiment.learn_proofs(config, key=jax.random.key(0))
    right = 1 / np.arange(1, config.candidates + 1.0) ** 2
    right /= right.sum()
    best = right @ metrics.answer_coverage(metrics.optimal_pass_at_n_policy(right, 256.0), 256.0)
    assert np.all(learned["pass"] <= best + 1e-6)
    assert learned["pass"][0, -2] > best - 1e-3
