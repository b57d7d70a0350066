"""The multitasking Hebbian network: its law, its relaxed form and its couplings."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from entropax import information, simulators, thermodynamics
from entropax.simulators import Hebbian, HebbianCouplings, hebbian_couplings
from tests.contract.harness import without_shape_hook

STATES = np.array(list(itertools.product((-1.0, 1.0), repeat=5)))
VECTORS = np.array([[1.0, 0, -1, 1, 1], [0, 1, 1, 1, -1.0]])
COUPLINGS = 0.25
COPIES = 20_000


def boltzmann(temperature):
    """The exact law of the 32 states of five spins."""
    J = COUPLINGS * VECTORS.T @ VECTORS
    np.fill_diagonal(J, 0)
    energy = -np.einsum("si,ij,sj->s", STATES, J, STATES) / 2
    weight = np.exp(-energy / temperature)
    return weight / weight.sum()


@eqx.filter_jit
def swept(network, states, key):
    return jax.lax.scan(lambda s, k: (network.step(s, key=k), None), states, jax.random.split(key, 12))[0]


def goodness(network, getkey):
    """p-value of Pearson's test that copies of a network are in Boltzmann's law at T = 0.3."""
    states = np.asarray(swept(network, network.init(key=getkey(), shape=(COPIES,)), getkey()))
    index = ((states + 1) / 2) @ (2 ** np.arange(4, -1, -1))
    counts = np.bincount(index.astype(int), minlength=32)
    return scipy.stats.chisquare(counts, COPIES * boltzmann(0.3)).pvalue


@pytest.mark.parametrize("block_size", [None, 2, 5])
def test_equilibrium_is_the_law_of_boltzmann(getkey, block_size):
    """Pearson's test on 32 states, size 1e-4, of 20,000 copies after 12 sweeps, one by one and in blocks.

    Its power: simultaneous updates without hidden units, whose law is another one, fail with certainty (below).
    """
    network = Hebbian(HebbianCouplings(VECTORS, COUPLINGS), 0.3, block_size=block_size)
    assert goodness(network, getkey) > 1e-4


def test_the_equilibrium_test_has_power(getkey):
    """All spins at once from their fields (parallel dynamics) obey another law, which the test sees."""

    class Parallel(Hebbian):
        def step(self, state, *, key):
            noise = jax.random.logistic(key, state.shape, state.dtype)
            return jnp.sign(self.couplings.field(state) + self.temperature / 2 * noise)

    assert goodness(Parallel(HebbianCouplings(VECTORS, COUPLINGS), 0.3), getkey) < 1e-10


def test_relaxed_spins_tend_to_hard_ones(getkey):
    """With the same noise, tanh(./w) is the hard spin as w vanishes, wherever the field is not zero."""
    key = getkey()
    states = jnp.asarray(STATES, jnp.float32)
    for block_size in (None, 5):
        hard = Hebbian(HebbianCouplings(VECTORS, COUPLINGS), 0.3, block_size=block_size)
        soft = Hebbian(HebbianCouplings(VECTORS, COUPLINGS), 0.3, block_size=block_size, softness=1e-7)
        np.testing.assert_allclose(soft.step(states, key=key), hard.step(states, key=key), atol=1e-4)


def test_field_and_energy_are_those_of_the_matrix(x64, getkey):
    """Without a matrix, h = J s and H = -s.J s / 2 with the dense J, whose diagonal is zero."""
    xi = simulators.sample_archetypes(0.2, num_patterns=2, num_neurons=7, key=getkey())
    eta = simulators.sample_examples(xi, 0.6, num_examples=3, key=getkey())
    s = np.random.default_rng(0).choice([-1.0, 1.0], (4, 7))
    for rule in ("supervised", "unsupervised"):
        couplings = hebbian_couplings(eta, 0.2, 0.6, rule=rule)
        mean = np.asarray(eta).mean(1)
        scale = 7 * 0.8 * (0.36 + 0.64 / 3)
        outer = np.einsum("ki,kj->ij", mean, mean) if rule == "supervised" else np.einsum("kai,kaj->ij", eta, eta) / 3
        J = np.asarray(outer) / scale
        np.fill_diagonal(J, 0)
        np.testing.assert_allclose(couplings.matrix(), J, atol=1e-14)
        np.testing.assert_allclose(couplings.field(s), s @ J, atol=1e-13)
        np.testing.assert_allclose(couplings.energy(s), -np.einsum("si,ij,sj->s", s, J, s) / 2, atol=1e-13)
        bare = hebbian_couplings(eta, 0.2, 0.6, rule=rule, normalise=False)
        np.testing.assert_allclose(bare.matrix(), J * scale / 7, atol=1e-14)


def test_mean_field_dynamics_ends_in_the_self_consistent_state(x64, getkey):
    """T = 0 with softness w: the overlaps of the final state are those of self-consistency at temperature w."""
    xi = simulators.sample_archetypes(0.4, num_patterns=2, num_neurons=300, key=getkey())
    eta = simulators.sample_examples(xi, 0.5, num_examples=20, key=getkey())
    start = np.sign(2 * np.asarray(xi[0]) + np.asarray(xi[1]))
    couplings = hebbian_couplings(eta, 0.4, 0.5, rule="supervised")
    network = Hebbian(couplings, softness=0.3, initial=start, block_size=300)
    state, _ = simulators.simulate(network, network.init(key=getkey()), 200, key=getkey(), observe=None)
    law = thermodynamics.empirical_site_law(xi, 0.4, eta, 0.5)
    solution = thermodynamics.self_consistency(np.array([0.6, 0.2]), 0.3, law)
    assert bool(solution.converged)
    np.testing.assert_allclose(state @ xi.T / 300, solution.value, atol=1e-11)
    assert 0.05 < float(solution.value[1]) < float(solution.value[0]) - 0.05  # hierarchical, not trivially equal


def test_samples_have_their_law(getkey):
    """Frequencies of blanks, signs and agreement, two-sided binomial tests of size 1e-4 each, 60,000 draws."""
    xi = np.asarray(simulators.sample_archetypes(0.3, num_patterns=3, num_neurons=20_000, key=getkey()))
    assert scipy.stats.binomtest(int((xi == 0).sum()), xi.size, 0.3).pvalue > 1e-4
    assert scipy.stats.binomtest(int((xi == 1).sum()), int((xi != 0).sum()), 0.5).pvalue > 1e-4
    eta = np.asarray(simulators.sample_examples(xi, 0.4, num_examples=1, key=getkey()))[:, 0]
    assert np.array_equal(eta == 0, xi == 0)
    agree = int((eta == xi)[xi != 0].sum())
    assert scipy.stats.binomtest(agree, int((xi != 0).sum()), 0.7).pvalue > 1e-4
    noisy = np.asarray(simulators.sample_examples(xi, 0.4, num_examples=1, key=getkey(), blank_noise=True))[:, 0]
    assert np.all(np.abs(noisy) == 1)
    assert scipy.stats.binomtest(int((noisy[xi == 0] == 1).sum()), int((xi == 0).sum()), 0.5).pvalue > 1e-4


def test_pattern_entropy_is_that_of_three_outcomes(x64):
    """Against the entropy of the distribution (d, (1 - d)/2, (1 - d)/2)."""
    for d in (0.0, 0.25, 1 / 3, 0.9):
        expected = information.entropy(np.array([d, (1 - d) / 2, (1 - d) / 2]))
        np.testing.assert_allclose(simulators.pattern_entropy(d), expected, rtol=1e-13)


@pytest.mark.fast
def test_refusals():
    """What is refused, and in which words."""
    couplings = HebbianCouplings(VECTORS, COUPLINGS)
    with without_shape_hook(), pytest.raises(TypeError, match="couplings must be HebbianCouplings"):
        Hebbian(couplings.matrix())
    with pytest.raises(ValueError, match="block_size must be at least 1 and at most 5, got 6"):
        Hebbian(couplings, block_size=6)
    with without_shape_hook(), pytest.raises(ValueError, match="rule must be one of"):
        hebbian_couplings(VECTORS, rule="anti")
    with pytest.raises(ValueError, match=r"initial must have shape \(5,\)"):
        Hebbian(couplings, initial=np.ones(4))
    with pytest.raises(ValueError, match="initial must be finite, got nan"):
        Hebbian(couplings, initial=np.full(5, np.nan))


@pytest.mark.slow
@pytest.mark.parametrize("block_size", [None, 1000])
def test_memory_of_a_long_gradient(block_size):
    """Reverse mode through 10,000 sweeps of 1,000 soft spins needs less than 2 GiB."""
    xi = simulators.sample_archetypes(0.3, num_patterns=3, num_neurons=1000, key=jax.random.key(0))

    def loss(temperature, key):
        network = Hebbian(hebbian_couplings(xi, 0.3), temperature, softness=0.1, block_size=block_size)
        state, _ = simulators.simulate(network, network.init(key=key), 10_000, key=key, observe=None)
        return jnp.mean(state**2)

    compiled = jax.jit(jax.grad(loss)).lower(jnp.asarray(0.3), jax.random.key(1)).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 2 * 2**30
