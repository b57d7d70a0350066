"""Mean-field theory of the multitasking network: laws, solutions, free energies, gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from entropax import observables, simulators, thermodynamics
from entropax.thermodynamics import self_consistency, site_law
from entropax.thermodynamics.site_averages import binomial_weights

pytestmark = pytest.mark.usefixtures("x64")


@pytest.mark.parametrize("blank_noise", [False, True])
@pytest.mark.parametrize("average", ["exact", "gauss"])
def test_moments_of_the_law(average, blank_noise):
    """E etahat^2 = (1 - d)(1 + rho), plus d / (M r^2) with noisy blanks; E xi etahat = 1 - d."""
    law = site_law(0.3, 0.5, num_patterns=2, num_examples=6, average=average, num_nodes=9, blank_noise=blank_noise)
    np.testing.assert_allclose(jnp.sum(law.weights), 1, rtol=1e-13)
    np.testing.assert_allclose(law.noise, 0.75 / (6 * 0.25), rtol=1e-14)
    second = law.signals**2 @ law.weights
    np.testing.assert_allclose(second, 0.7 * (1 + 0.5) + (0.3 / (6 * 0.25) if blank_noise else 0), rtol=1e-12)
    np.testing.assert_allclose((law.archetypes * law.signals) @ law.weights, 0.7, rtol=1e-12)
    np.testing.assert_allclose((law.signals[0] * law.signals[1]) @ law.weights, 0, atol=1e-13)


def test_binomial_weights():
    """Against scipy's, and with the right slope in r at r = 1."""
    for quality in (0.2, 1.0):
        expected = scipy.stats.binom.pmf(np.arange(8), 7, (1 + quality) / 2)
        np.testing.assert_allclose(binomial_weights(jnp.asarray(quality), 7), expected, rtol=1e-12, atol=1e-300)
    slope = jax.jacfwd(lambda r: binomial_weights(r, 7))(jnp.asarray(1.0))
    np.testing.assert_allclose(slope, [0] * 6 + [-3.5, 3.5], atol=1e-14)


def test_sampled_law_tends_to_the_exact_one(getkey):
    """n and m of a law of 100,000 draws lie within 5 standard errors, 5 / sqrt(100,000), of the exact law's."""
    options = {"num_patterns": 2, "num_examples": 8}
    for blank_noise in (False, True):
        laws = [
            site_law(0.4, 0.5, **options, blank_noise=blank_noise),
            site_law(0.4, 0.5, **options, blank_noise=blank_noise, average="sampled", key=getkey()),
        ]
        exact, drawn = (self_consistency(np.array([0.6, 0.2]), 0.3, law) for law in laws)
        assert bool(exact.converged & drawn.converged)
        np.testing.assert_allclose(drawn.value, exact.value, atol=5 / np.sqrt(100_000))


def test_solutions_are_stationary_points_of_the_free_energy():
    """df/dn = 0 at a solution, with gains and noise; -df/dT along solutions is the entropy of the spins."""
    law = site_law(0.4, 0.5, num_patterns=2, num_examples=8)
    gains = np.array([1.0, 1.2])

    def solve(temperature):
        return self_consistency(np.array([0.6, 0.2]), temperature, law, gains)

    solution = solve(0.3)
    slope = jax.grad(lambda n: thermodynamics.mean_field_free_energy(n, 0.3, law, gains))(solution.signal_overlaps)
    np.testing.assert_allclose(slope, 0, atol=1e-13)
    field = (gains * np.asarray(solution.signal_overlaps)) @ np.asarray(law.signals) / 0.6
    up = 1 / (1 + np.exp(-2 * field / 0.3))
    entropy = np.sum(np.asarray(law.weights) * scipy.stats.entropy([up, 1 - up]))
    np.testing.assert_allclose(-jax.grad(lambda t: solve(t).free_energy)(0.3), entropy, rtol=1e-10)


def test_a_solution_that_did_not_converge_says_so_and_has_no_gradient():
    """`converged` is false and the gradient NaN when the iterations ran out."""
    law = site_law(0.5, num_patterns=2)

    def first(temperature, most):
        solution = self_consistency(np.array([0.5, 0.25]), temperature, law, max_iterations=most)
        return solution.value[0], solution.converged

    slope, converged = jax.grad(first, has_aux=True)(0.9, 3)
    assert not bool(converged)
    assert np.isnan(slope)
    slope, converged = jax.grad(first, has_aux=True)(0.5, 3000)
    assert bool(converged)
    assert np.isfinite(slope)


def test_parallel_regime_below_the_critical_temperature():
    """Just below T = 1 the equilibrium is one pattern for d < 2/3 and all alike for d > 2/3 (Landau's quartic term)."""

    @jax.jit
    @jax.vmap
    def regime(d):
        state = thermodynamics.equilibrium_state(0.97, site_law(d, num_patterns=3))
        return thermodynamics.retrieval_regime(state.value).value, state.converged

    regimes, converged = regime(jnp.array([0.0, 0.3, 0.64, 0.69, 0.9]))
    assert np.all(converged)
    np.testing.assert_array_equal(regimes, [1, 1, 1, 3, 3])


def test_cancelling_fields_have_no_sign():
    """At T = 0 a symmetric mixture stays one, the limit of small T: what cancels up to rounding is a tie."""
    law = site_law(0.25, 0.5, num_patterns=3, num_examples=3)
    cold, cool = (self_consistency(np.full(3, 0.3), t, law) for t in (0.0, 1e-4))
    assert bool(cold.converged)
    np.testing.assert_allclose(cold.value, cold.value[0], rtol=1e-13)
    np.testing.assert_allclose(cold.value, cool.value, rtol=1e-9)


def test_damping_changes_the_way_but_not_the_solution():
    """With and without damping the same fixed point, after more iterations."""
    law = site_law(0.5, num_patterns=2)
    plain, damped = (self_consistency(np.array([0.5, 0.25]), 0.4, law, damping=kept) for kept in (0.0, 0.5))
    np.testing.assert_allclose(damped.value, plain.value, atol=1e-13)
    assert int(damped.iterations) > int(plain.iterations)


def test_parallel_state():
    """K=2 (1 - d)(1 + d)/2, K=3 by enumeration; all alike, so `retrieval_entropy` is log K and the regime 3."""
    np.testing.assert_allclose(thermodynamics.parallel_state(0.3, num_patterns=2), [0.7 * 1.3 / 2] * 2, rtol=1e-13)
    entries = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3)).reshape(3, -1)
    weights = np.prod(np.where(entries == 0, 0.3, 0.35), axis=0)
    expected = weights @ np.abs(entries.sum(0)) / 3
    state = thermodynamics.parallel_state(0.3, num_patterns=3)
    np.testing.assert_allclose(state, [expected] * 3, rtol=1e-13)
    np.testing.assert_allclose(observables.retrieval_entropy(state), np.log(3), rtol=1e-13)
    assert int(thermodynamics.retrieval_regime(state).value) == 3


def test_retrieval_entropy_and_example_overlap(getkey):
    """0 for one pattern, whatever its size; of examples equal to their archetypes, n = m."""
    np.testing.assert_allclose(observables.retrieval_entropy(np.array([[1e-200, 0, 0], [0.2, 0.2, 0]])), [0, np.log(2)])
    xi = simulators.sample_archetypes(0.3, num_patterns=2, num_neurons=30, key=getkey())
    s = np.random.default_rng(0).choice([-1.0, 1.0], 30)
    copies = np.repeat(np.asarray(xi)[:, None], 3, axis=1)
    np.testing.assert_allclose(
        observables.example_overlap(copies, s, 1.0), observables.mattis_overlap(xi, s), atol=1e-15
    )


@pytest.mark.fast
def test_too_many_points_are_refused():
    """A product law beyond its limit says what to do instead."""
    with pytest.raises(ValueError, match="average='sampled'"):
        site_law(0.3, 0.5, num_patterns=6, num_examples=30)
    with pytest.raises(TypeError, match="key must be a key"):
        site_law(0.3, 0.5, num_patterns=6, average="sampled")
