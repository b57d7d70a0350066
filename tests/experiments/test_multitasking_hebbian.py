"""Parts of the experiment on multitasking networks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import thermodynamics
from entropax.simulators import hebbian_couplings
from experiments.simulators import _hebbian_design as design, _hebbian_digits as digits, _hebbian_sweeps as sweeps


def test_quotas_are_the_expected_frequencies(x64):
    """Every combination of entries stands as often as its probability times N, up to one."""
    xi = np.asarray(sweeps.quota_archetypes(jnp.asarray(0.4), num_neurons=1000))
    combinations, counts = np.unique(xi, axis=1, return_counts=True)
    expected = 1000 * np.prod(np.where(combinations == 0, 0.4, 0.3), axis=0)
    assert combinations.shape == (3, 27)
    assert np.all(np.abs(counts - expected) <= 1)


def test_own_law_is_the_empirical_one(x64):
    """Neurons counted by their entries are the same law: the same solution, in 27 points."""
    xi = sweeps.quota_archetypes(jnp.asarray(0.4), num_neurons=90)[:, jnp.arange(83)]
    start = jnp.array([0.6, 0.2, 0.1])
    laws = sweeps.own_law(xi, jnp.asarray(0.4)), thermodynamics.empirical_site_law(xi, 0.4)
    counted, listed = (thermodynamics.self_consistency(start, 0.3, law).value for law in laws)
    assert laws[0].weights.shape == (27,)
    np.testing.assert_allclose(counted, listed, atol=1e-10)
    np.testing.assert_array_equal(sweeps.ranked(np.array([0.1, -0.3, 0.2])), [0.3, 0.2, 0.1])


@pytest.mark.fast
def test_hierarchical_spins_fill_blanks_by_rank():
    """Each spin is the first non-blank entry of its column."""
    xi = jnp.array([[1.0, 0, 0, -1], [-1, -1, 0, 1], [1, 1, 1, 1]])
    np.testing.assert_array_equal(sweeps.hierarchical_spins(xi, key=jax.random.key(0)), [1, -1, 1, -1])


def test_gains_multiply_couplings():
    """J with gains is sum_mu g_mu of each pattern's J; gains have mean one."""
    xi = np.array([[1.0, -1, 0, 1], [1, 0, 1, -1]], np.float32)
    couplings = hebbian_couplings(xi, 0.25)
    gains = design.gains_of(jnp.array([0.3, -0.2]))
    np.testing.assert_allclose(jnp.mean(gains), 1, rtol=1e-6)
    parts = sum(g * hebbian_couplings(xi[k : k + 1], 0.25).matrix() for k, g in enumerate(gains))
    np.testing.assert_allclose(design.with_gains(couplings, gains).matrix(), parts, atol=1e-6)


def test_digits_are_signs_and_archetypes_their_majority():
    """Images of +-1; an archetype agrees with most of its images, the quality is the mean agreement."""
    images, labels = digits.signed_digits()
    assert set(np.unique(images)) == {-1.0, 1.0}
    assert labels.shape == images.shape[:1] == (1797,)
    zeros = images[labels == 0]
    agreement = (zeros * digits.archetype(zeros)).mean(axis=0)
    assert agreement.min() >= 0
    assert agreement.mean() > 0.4


def test_the_design_starts_from_what_theory_says(x64):
    """Without gains, long mean-field dynamics of a large quota network retrieves as self-consistency does."""
    xi = sweeps.quota_archetypes(jnp.asarray(design.DILUTION), num_neurons=4000)
    start = sweeps.hierarchical_spins(xi, key=jax.random.key(1))
    simulated = design.mean_field_entropy(jnp.zeros(3), xi, start, sweeps=100)
    law = thermodynamics.site_law(design.DILUTION, num_patterns=3)
    np.testing.assert_allclose(simulated, design.theory_entropy(jnp.zeros(3), law), atol=3e-3)
