"""The enumerated problems, against brute force over the outcomes."""

import itertools

import jax
import numpy as np
import pytest

from entropax import information
from experiments.information import _reconstruction_cases as problems, perfect_reconstruction as experiment

SMOKE = experiment.PRESETS["smoke"]


@pytest.fixture(scope="module")
def cases():
    """All cases of the smallest preset."""
    return experiment.enumerate_cases(SMOKE, np.random.default_rng(0))


@pytest.mark.fast
def test_number_theory_is_right_about_every_case(cases):
    """X is recovered if no two outcomes look alike in all parts: the claims' arguments agree with that."""
    assert {case.family for case in cases} == set(problems.FAMILIES)
    for case in cases:
        columns = {tuple(column) for column in case.parts.T}
        assert (len(columns) == len(case.p)) == case.recovered, case.label
        np.testing.assert_allclose(case.p.sum(), 1, rtol=1e-12)
    for family in problems.FAMILIES:
        answers = {case.recovered for case in cases if case.family == family}
        assert answers == {True, False}, family


@pytest.mark.fast
@pytest.mark.parametrize(("q", "k"), [(2, 3), (3, 2), (5, 2)])
def test_forms_and_their_rank(q, k):
    """As many forms as points of the projective space; the rank counts the words that a set of forms tells apart."""
    forms = problems.projective_forms(q, k)
    assert len(forms) == (q**k - 1) // (q - 1)
    words = np.array(list(itertools.product(range(q), repeat=k)))
    rng = np.random.default_rng(1)
    for size in range(1, min(len(forms), 5) + 1):
        chosen = forms[rng.choice(len(forms), size, replace=False)]
        images = {tuple(image) for image in words @ chosen.T % q}
        assert len(images) == q ** problems.rank_over_prime_field(chosen, q)


def test_padding_changes_neither_slack_nor_answer(cases, x64):
    """Against each case by itself, and the slack against entropies of the parts."""
    some = cases[:: len(cases) // 6]
    parts, p = problems.padded(some)
    slack, kept, recovered = map(np.asarray, experiment.judge(parts, p))
    for i, case in enumerate(some):
        rows = [np.array([case.p[part == label].sum() for label in set(part)]) for part in case.parts]
        total = -case.p @ np.log(case.p)
        redundancy = sum(-row @ np.log(row) for row in rows) / total - 1
        np.testing.assert_allclose(slack[i], redundancy, atol=1e-12)
        assert recovered[i] == case.recovered
        assert kept[i] == (redundancy >= -1e-9)


@pytest.mark.fast
def test_exact_share_of_sorted_orders():
    """Inclusion and exclusion against counting all sequences of draws from three pairs."""
    for n in (2, 3, 4):
        sequences = list(itertools.product(range(3), repeat=n))
        share = np.mean([len(set(sequence)) == 3 for sequence in sequences])
        np.testing.assert_allclose(experiment.exact_share(3, np.array([n]))[0], share, atol=1e-15)


def test_sequences_of_comparisons(x64):
    """A sequence recovers the order once it has met every pair, by sets."""
    table = problems.comparisons(3)
    draws = np.random.default_rng(3).integers(0, 3, (20, 8))
    found = np.asarray(experiment._first_recovered(jax.numpy.asarray(table), jax.numpy.asarray(draws)))
    for sequence, first in zip(draws, found, strict=True):
        expected = next((n for n in range(1, 9) if len(set(sequence[:n].tolist())) == 3), 9)
        assert first == expected


def test_greedy_problems_are_recovered(x64):
    """All parts together recover X in both."""
    for parts in experiment.greedy_problems(SMOKE).values():
        outcomes = parts.shape[1]
        whole = information.is_reconstructable(np.arange(outcomes), parts, np.full(outcomes, 1 / outcomes))
        assert bool(whole.value)
