"""Facts of the multitasking Hebbian network (arXiv 2308.04106) that entropax must reproduce."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from entropax import observables, simulators, thermodynamics
from entropax.simulators import Hebbian, hebbian_couplings

pytestmark = pytest.mark.usefixtures("x64")

close = functools.partial(np.testing.assert_allclose, rtol=0)
"""Within `atol` alone: half a unit of the last digit printed."""

STORING = {k: jax.jit(lambda d, k=k: thermodynamics.site_law(d, num_patterns=k)) for k in (2, 3)}


def solve(start, temperature, law, **options):
    solution = thermodynamics.self_consistency(np.asarray(start), temperature, law, **options)
    assert bool(solution.converged)
    return solution


def energy_per_spin(m, d):
    return -float(np.sum(np.square(m))) / (2 * (1 - d))


@pytest.mark.fast
def test_1_states_without_noise():
    """1. d=.5: (.5,.25,.125), e=-.328125; d=.3: (.7,.21,.063); crossing at 7d^2-2d-1=0; d=.6: majority beats it."""
    m = thermodynamics.hierarchical_state(0.5, num_patterns=3)
    np.testing.assert_allclose(m, [0.5, 0.25, 0.125], rtol=1e-14)
    assert energy_per_spin(m, 0.5) == pytest.approx(-0.328125, rel=1e-14)
    np.testing.assert_allclose(thermodynamics.hierarchical_state(0.3, num_patterns=3), [0.7, 0.21, 0.063], rtol=1e-14)
    crossing = (1 + 2 * np.sqrt(2)) / 7
    assert crossing == pytest.approx(0.546918161, abs=5e-10)
    assert 7 * crossing**2 - 2 * crossing - 1 == pytest.approx(0, abs=1e-14)
    squares = [
        float(jnp.sum(m**2))
        for m in (
            thermodynamics.hierarchical_state(crossing, num_patterns=3),
            thermodynamics.majority_state(crossing),
        )
    ]
    assert squares[0] == pytest.approx(squares[1], rel=1e-12)
    majority = thermodynamics.majority_state(0.6)
    np.testing.assert_allclose(majority, [0.368, 0.272, 0.176], rtol=1e-12)
    assert float(jnp.sum(majority**2)) == pytest.approx(0.240384, abs=5e-7)
    hierarchical = thermodynamics.hierarchical_state(0.6, num_patterns=3)
    assert float(jnp.sum(hierarchical**2)) == pytest.approx(0.238336, abs=5e-7)


def ground_states(d):
    """Overlaps and |m|^2 of all sign functions of three patterns, one for every order and majority: brute force."""
    entries = np.array(list(itertools.product((-1, 0, 1), repeat=3)))
    weights = np.prod(np.where(entries == 0, d, (1 - d) / 2), axis=1)
    # Sign of lambda.xi for many directions lambda: every vertex of the set of possible overlaps is among them.
    directions = np.random.default_rng(1).dirichlet(np.ones(3), 4000)
    signs = np.sign(directions @ entries.T)
    overlaps = (signs * weights) @ entries
    return np.unique(np.round(-np.sort(-overlaps, axis=1), 12), axis=0)


@pytest.mark.fast
@pytest.mark.parametrize(("d", "state"), [(0.5, "hierarchical"), (0.6, "majority")])
def test_1_ground_state_by_enumeration(d, state):
    """1. Of all sign functions, the hierarchical one has the largest |m|^2 at d=.5 and the majority at d=.6."""
    vertices = ground_states(d)
    best = vertices[np.argmax(np.sum(vertices**2, axis=1))]
    expected = {
        "hierarchical": thermodynamics.hierarchical_state(d, num_patterns=3),
        "majority": thermodynamics.majority_state(d),
    }[state]
    close(best, expected, atol=1e-10)


@pytest.mark.fast
def test_2_end_of_the_hierarchical_state():
    """2. K=3 ends at .618033989, K=2 never, K to infinity at 1/2; at T=0 it is kept below and left above."""
    assert float(thermodynamics.critical_dilution(num_patterns=3)) == pytest.approx(0.618033989, abs=5e-10)
    assert float(thermodynamics.critical_dilution(num_patterns=2)) == 1.0
    assert float(thermodynamics.critical_dilution(num_patterns=60)) == pytest.approx(0.5, abs=1e-12)
    for d, kept in ((0.61, True), (0.63, False)):
        start = thermodynamics.hierarchical_state(d, num_patterns=3)
        end = solve(start, 0.0, STORING[3](d)).value
        assert np.allclose(end, start, atol=1e-12) == kept


def test_3_critical_temperature():
    """3. K=3, d=.5: T=1.01 iterates to 0; T=.99 from a symmetric start to .04324947 each. T_c=1 for other d as well."""
    start = np.full(3, 0.4)
    close(solve(start, 1.01, STORING[3](0.5)).value, 0, atol=1e-11)
    close(solve(start, 0.99, STORING[3](0.5)).value, 0.04324947, atol=5e-9)
    for d in (0.0, 0.25, 0.8):
        close(solve(start, 1.02, STORING[3](d)).value, 0, atol=1e-11)
        assert np.all(np.asarray(solve(start, 0.98, STORING[3](d)).value) > 0.03)


STORED = [
    (2, 0.1, 0.5, None, (0.49998865, 0.24998864), None),
    (2, 0.3, 0.5, None, (0.49094646, 0.23829037), None),
    (2, 0.5, 0.5, None, (0.46779835, 0.15501345), None),
    (2, 0.3, 0.2, None, (0.79793105, 0), None),
    (2, 0.3, 0.8, None, (0.17918682, 0.17918682), None),
    (2, 0.5, 0.8, None, (0.16952458, 0.16952458), None),
    (3, 0.1, 0.5, None, (0.49958375, 0.2495689, 0.12454231), -0.33693764),
    (3, 0.1, 0.6, None, (0.36780922, 0.27136724, 0.17619765), -0.31556277),
    (3, 0.1, 0.6, (1, 1, 1), (0.2719996,) * 3, -0.30239336),
]


@pytest.mark.parametrize(("k", "temperature", "d", "start", "overlaps", "free_energy"), STORED)
def test_4_storing(k, temperature, d, start, overlaps, free_energy):
    """4. Overlaps and free energies of stored patterns, from hierarchical and symmetric starts, to the digits."""
    start = thermodynamics.hierarchical_state(d, num_patterns=k) if start is None else np.asarray(start) / k
    solution = solve(start, temperature, STORING[k](d))
    close(solution.value, overlaps, atol=6e-9)
    close(solution.signal_overlaps, solution.value, atol=1e-12)
    if free_energy is not None:
        assert float(solution.free_energy) == pytest.approx(free_energy, abs=6e-9)


def test_4_noise_kills_the_lower_ranks():
    """4. K=3, T=d=.1: (.9, .00077994, 2e-8) after 20,000 iterations, which is no limit: the slope there is 1 + 7e-8.

    With x = m_2 / (1 - d) and m_3 = 0, the fixed point solves a scalar equation; the iteration nears it like 1 / sqrt.
    """
    start = thermodynamics.hierarchical_state(0.1, num_patterns=3)
    solution = thermodynamics.self_consistency(start, 0.1, STORING[3](0.1), max_iterations=20_000)
    assert not bool(solution.converged)
    close(solution.value, [0.9, 0.00077994, 2e-8], atol=2e-8)
    excess = lambda x: 0.1 * np.tanh(10 * x) + 0.45 * (np.tanh(10 * (1 + x)) - np.tanh(10 * (1 - x))) - x  # noqa: E731
    limit = scipy.optimize.brentq(excess, 1e-5, 1e-3, xtol=1e-12)
    nearby = solve([0.9, 0.9 * limit, 0.0], 0.1, STORING[3](0.1), tolerance=1e-13).value
    close(nearby, [0.9, 0.9 * limit, 0], atol=1e-8)
    assert 0 < 0.9 * limit < 1e-4


LEARNED = [
    (50, 0.5, "exact", (0.70694787, 0.17470788), (0.74780177, 0.18300867)),
    (50, 0.5, "gauss", None, (0.74844663, 0.18250325)),
    (10, 0.5, "exact", None, (0.63018925, 0.24941049)),
    (10, 0.5, "gauss", None, (0.63129476, 0.2622588)),
    (40, 0.2, "exact", None, (0.40819729, 0.40819729)),
]


@pytest.mark.parametrize(("examples", "quality", "average", "signals", "overlaps"), LEARNED)
def test_5_learning(examples, quality, average, signals, overlaps):
    """5. K=2, d=.25, T=.1: overlaps after learning, by the binomial law and its Gaussian limit."""
    law = thermodynamics.site_law(0.25, quality, num_patterns=2, num_examples=examples, average=average, num_nodes=80)
    solution = solve([0.75, 0.1875], 0.1, law)
    close(solution.value, overlaps, atol=6e-9)
    if signals is not None:
        close(solution.signal_overlaps, signals, atol=6e-9)


def test_5_gaussian_average_by_another_quadrature():
    """5. At M=10 the Gaussian figure above is that of 80 nodes; by the trapezium rule it is (.631317, .262264)."""
    law = thermodynamics.site_law(0.25, 0.5, num_patterns=2, num_examples=10, average="gauss", num_nodes=300)
    solution = solve([0.75, 0.1875], 0.1, law)
    z = np.linspace(-8, 8, 1601)
    p = np.exp(-(z**2) / 2)
    u, p = 1 + np.sqrt(0.3) * z, 0.375 * p / p.sum()
    signal, weight = np.concatenate([u, [0], -u]), np.concatenate([p, [0.25], p])
    n = np.asarray(solution.signal_overlaps)
    activity = np.tanh((n[0] * signal[:, None] + n[1] * signal) / 0.075)
    image = [weight * signal @ activity @ weight, weight @ activity @ (weight * signal)]
    close(np.asarray(image) / 1.3, n, atol=2e-7)
    close(solution.value, [0.631317, 0.262264], atol=6e-7)


@pytest.mark.fast
@pytest.mark.parametrize(
    ("examples", "quality", "gauss", "exact"),
    [(50, 0.5, 0.999955443, 0.999839465), (40, 0.2, 0.803294398, 0.795882737)],
)
def test_6_one_step_overlap(examples, quality, gauss, exact):
    """6. One step from the archetype: M=50, r=.5 .999955443 (.999839465); M=40, r=.2 .803294398 (.795882737)."""
    for average, expected in (("gauss", gauss), ("exact", exact)):
        overlap = thermodynamics.one_step_overlap(quality, num_examples=examples, average=average)
        assert float(overlap) == pytest.approx(expected, abs=6e-10)


def test_7_finite_network():
    """7. N=2000, K=3, M=60, r=.5, d=.3, T=0: both protocols end alike, (.7, .21, .063) +- 3 / sqrt N."""
    keys = jax.random.split(jax.random.key(1), 3)
    xi = simulators.sample_archetypes(0.3, num_patterns=3, num_neurons=2000, key=keys[0])
    eta = simulators.sample_examples(xi, 0.5, num_examples=60, key=keys[1])
    start = hierarchical_spins(np.asarray(xi))
    ends, rises = [], []
    for rule in ("supervised", "unsupervised"):
        couplings = hebbian_couplings(eta, 0.3, 0.5, rule=rule)
        network = Hebbian(couplings, 0.0, initial=start)
        state, energies = simulators.simulate(
            network, network.init(key=keys[2]), 6, key=keys[2], observe=couplings.energy
        )
        trace = np.concatenate([[float(couplings.energy(start))], np.asarray(energies)])
        rises.append(np.max(np.diff(trace)))
        assert trace[-1] == pytest.approx(trace[-2], abs=1e-9)  # it has stopped
        ends.append(np.asarray(observables.mattis_overlap(xi, state)))
    assert max(rises) <= 1e-9
    close(ends[0], ends[1], atol=0.01)
    # The start is the hierarchical state of these very patterns: what it overlaps by has no sampling error.
    close(ends[0], observables.mattis_overlap(xi, start), atol=0.01)
    close(ends[0], [0.7, 0.21, 0.063], atol=3 / np.sqrt(2000))


def hierarchical_spins(xi):
    """The first pattern, its blanks filled from the second and so on; the rest at random."""
    spins = np.random.default_rng(5).choice([-1.0, 1.0], xi.shape[1])
    for pattern in xi[::-1]:
        spins = np.where(pattern != 0, pattern, spins)
    return spins


SMALL = {"num_patterns": 3, "num_neurons": 12, "key": jax.random.key(2)}


def test_8_invariances():
    """8. Gauge, reversal and permutation; r=1 makes all three rules the storing couplings."""
    xi = simulators.sample_archetypes(0.3, **SMALL)
    rng = np.random.default_rng(0)
    s, t = rng.choice([-1.0, 1.0], (2, 12))
    couplings = hebbian_couplings(xi, 0.3)
    assert float(couplings.energy(s)) == pytest.approx(float(couplings.energy(-s)), rel=1e-14)
    turned = hebbian_couplings(np.asarray(xi) * t, 0.3)
    assert float(turned.energy(s * t)) == pytest.approx(float(couplings.energy(s)), rel=1e-13)
    order = np.array([2, 0, 1])
    m = observables.mattis_overlap(xi, s)
    np.testing.assert_array_equal(observables.mattis_overlap(xi[order], s), m[order])
    copies = simulators.sample_examples(xi, 1.0, num_examples=4, key=jax.random.key(3))
    for rule in ("supervised", "unsupervised"):
        learned = hebbian_couplings(copies, 0.3, 1.0, rule=rule)
        close(learned.matrix(), couplings.matrix(), atol=1e-15)
    assert float(simulators.dataset_entropy(1.0, num_examples=4)) == 0.0


@pytest.mark.parametrize("block_size", [None, pytest.param(5, marks=pytest.mark.slow), 12])
def test_8_zero_temperature_never_raises_the_energy(block_size):
    """8. No zero-noise sweep raises H, one by one or in blocks, from any of 200 starts of 10 networks."""

    @jax.jit
    @jax.vmap
    def falls(key):
        patterns, start, sweeps = jax.random.split(key, 3)
        xi = simulators.sample_archetypes(0.3, num_patterns=3, num_neurons=12, key=patterns)
        couplings = hebbian_couplings(xi, 0.3)
        network = Hebbian(couplings, 0.0, block_size=block_size)

        def sweep(state, key):
            return network.step(state, key=key), couplings.energy(state)

        return jax.lax.scan(sweep, network.init(key=start, shape=(20,)), jax.random.split(sweeps, 3))[1]

    energies = np.asarray(falls(jax.random.split(jax.random.key(4), 10)))
    assert np.all(np.diff(energies, axis=1) <= 1e-12)
    assert np.any(np.diff(energies, axis=1) < -0.01)


@pytest.mark.fast
def test_9_entry_entropy():
    """9. The entropy of an entry at d=.25 is 1.082196 nats."""
    assert float(simulators.pattern_entropy(0.25)) == pytest.approx(1.082196, abs=5e-7)


def test_loss_and_cost():
    """L = 1 - d/2 -+ m with the empirical d, and the energy of storing is the losses': minimised together."""
    xi = simulators.sample_archetypes(0.3, **SMALL)
    s = np.random.default_rng(3).choice([-1.0, 1.0], (6, 12))
    m, blank = observables.mattis_overlap(xi, s), np.mean(np.asarray(xi) == 0, axis=1)[None]
    close(observables.quadratic_loss(xi, s), 1 - blank / 2 - m, atol=1e-15)
    close(observables.quadratic_loss(xi, s, mirrored=True), 1 - blank / 2 + m, atol=1e-15)
    np.testing.assert_allclose(
        observables.loss_energy(xi, s, 0.3), hebbian_couplings(xi, 0.3).energy(s), rtol=1e-12, atol=1e-13
    )


@pytest.mark.fast
def test_learning_threshold():
    """The threshold erf(1/sqrt 2) is reached at rho=1, M=(1-r^2)/r^2: 24 examples at r=.2."""
    assert float(thermodynamics.learning_threshold(0.2)) == pytest.approx(24, rel=1e-12)
    assert float(simulators.dataset_entropy(0.2, num_examples=24)) == pytest.approx(1, rel=1e-12)
    overlap = thermodynamics.one_step_overlap(0.2, num_examples=24, average="gauss")
    assert float(overlap) == pytest.approx(0.6826894921, abs=5e-10)
