"""The ion channel: local detailed balance, exact law and current, drawn jumps, weights of paths."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import information, simulators, thermodynamics
from entropax.simulators import ChannelPotential, IonChannel

pytestmark = pytest.mark.usefixtures("x64")

ENERGIES, DISTANCES = np.array([0.3, -0.7, 0.2]), np.array([0.2, 0.5, 0.9])
REPULSION = np.array([[0.0, 1.1, 0.4], [0.0, 0.0, 0.8], [0.0, 0.0, 0.0]])
ATTEMPTS = np.array([1.0, 0.7, 1.3, 0.9])
BATHS = {"chemical_potentials": np.zeros(2), "voltage": 0.0, "dt": 1.0}


def channel(voltage=-1.5, potentials=(0.6, 0.2), **more):
    return IonChannel(
        ENERGIES,
        REPULSION,
        DISTANCES,
        ATTEMPTS,
        chemical_potentials=np.array(potentials),
        voltage=voltage,
        **{"dt": 0.25, "max_jumps": 14, **more},
    )


@pytest.fixture(scope="module")
def driven():
    """A driven channel with its rates, crossings and law."""
    with jax.enable_x64(True):
        it = channel()
        rates = it.rate_matrix()
        law = information.jump_stationary_distribution(rates)
        crossings = np.stack([it.crossing_matrix(b) for b in range(4)])
        return it, np.asarray(rates), np.asarray(law), crossings


def test_equilibrium():
    """At affinity zero, at a voltage, every pair of rates balances in the law of channel_log_weights."""
    it = channel(voltage=0.9, potentials=(0.6, -0.3))
    np.testing.assert_allclose(it.affinity, 0, atol=1e-15)
    weights = simulators.channel_log_weights(simulators.occupation_states(3), 0.6, ENERGIES, REPULSION, 0.9, DISTANCES)
    p, rates = np.asarray(jax.nn.softmax(weights)), np.asarray(it.rate_matrix())
    np.testing.assert_allclose(p[:, None] * rates, (p[:, None] * rates).T, atol=1e-15)
    np.testing.assert_allclose(it.current(), 0, atol=1e-14)


def test_current_is_the_same_over_every_barrier(driven):
    """... and the entropy production is affinity times current: there is one kind of cycle."""
    it, rates, law, crossings = driven
    currents = np.einsum("i,ij,bij->b", law, rates, crossings)
    np.testing.assert_allclose(currents, it.current(), rtol=1e-11)
    assert currents[0] > 0
    np.testing.assert_array_equal(crossings, -crossings.transpose(0, 2, 1))
    assert np.sum(np.abs(crossings)) == np.sum(rates > 0)
    rate = thermodynamics.markov_entropy_production(rates)
    np.testing.assert_allclose(rate, it.affinity * it.current(), rtol=1e-11)


def test_responses_are_fluctuations(driven):
    """dI/dV = -Var / 2 at equilibrium to 1e-6 (Green and Kubo); d<J>/dlam = Var at V != 0 to 1e-8 (Gibbs, Maxwell)."""

    @jax.jit
    def slope_and_variance(voltage):
        rates = lambda v: channel(v, (0.4, 0.4)).rate_matrix()  # noqa: E731
        crossing = channel(0.0).crossing_matrix(0)
        curve = jax.grad(lambda v: channel(v, (0.4, 0.4)).current())(voltage)
        return curve, jax.grad(jax.grad(thermodynamics.scgf, argnums=2), argnums=2)(rates(voltage), crossing, 0.0)

    slope, variance = slope_and_variance(0.0)
    np.testing.assert_allclose(slope, -variance / 2, rtol=1e-6)
    slope, variance = slope_and_variance(-3.0)
    assert abs(slope / (-variance / 2) - 1) > 0.01  # not so away from it
    _, rates, _, crossings = driven

    @jax.jit
    def mean(multiplier):
        tilted = thermodynamics.maxcal_rates(rates, crossings[0], multiplier)
        return jnp.sum(information.jump_stationary_distribution(tilted)[:, None] * tilted * crossings[0])

    h = 1e-3
    ahead, far = ((mean(0.3 + s) - mean(0.3 - s)) for s in (h, 2 * h))
    variance = jax.grad(jax.grad(thermodynamics.scgf, argnums=2), argnums=2)(rates, crossings[0], 0.3)
    np.testing.assert_allclose((8 * ahead - far) / (12 * h), variance, rtol=1e-8)


@pytest.fixture(scope="module")
def runs(driven):
    """4000 runs of 40 steps, and the same paths weighed for another voltage."""
    with jax.enable_x64(True):
        it = driven[0]
        weighed = channel(voltage=-1.2, proposal=it)

        def run(key):
            start = weighed.init(key=key)
            return simulators.simulate(weighed, start, 40, key=key, observe=None)[0]

        return jax.jit(jax.vmap(run))(jax.random.split(jax.random.key(1), 4000)), start_law(it)


def start_law(it):
    """The law that `init` draws from."""
    filled = jax.nn.sigmoid(jnp.mean(it.chemical_potentials) - it.energies)
    states = np.asarray(simulators.occupation_states(3))
    return np.prod(np.where(states == 1, filled, 1 - filled), axis=1)


def expected(it, start, time):
    """Law and mean crossings of barrier 1 after a time, by the exponential of the generator."""
    import scipy.linalg

    W, J = np.asarray(it.rate_matrix()), np.asarray(it.crossing_matrix(1))
    flux = np.sum(np.where(np.eye(8, dtype=bool), 0, W) * J, axis=1)
    both = scipy.linalg.expm(time * np.block([[W, flux[:, None]], [np.zeros((1, 9))]]))
    return start @ both[:8, :8], start @ both[:8, 8]


def test_drawn_jumps(runs, driven):
    """Law (z-test of 8 frequencies) and mean crossings after 10 time units, 4 s.e.: size 6e-4 for the lot."""
    final, start = runs
    assert np.all(final.complete)
    law, crossings = expected(driven[0], start, 10.0)
    index = np.asarray(final.occupation) @ [4, 2, 1]
    frequency = np.bincount(index.astype(int), minlength=8) / 4000
    assert np.all(np.abs(frequency - law) < 4 * np.sqrt(law * (1 - law) / 4000))
    crossed = np.asarray(final.crossings)[:, 1]
    assert abs(crossed.mean() - crossings) < 4 * crossed.std() / 4000**0.5
    # Ions are neither made nor lost: those in the channel are those that came in.
    held = -np.diff(np.asarray(final.crossings), axis=1)
    started = np.asarray(final.occupation) - held
    assert set(np.unique(started)) <= {0.0, 1.0}


def test_weights_of_paths(runs):
    """Weighed for another voltage the same paths give its means, 4 s.e.; the weights have mean one."""
    final, start = runs
    _, crossings = expected(channel(voltage=-1.2), start, 10.0)
    weight = np.exp(np.asarray(final.log_weight))
    assert abs(weight.mean() - 1) < 4 * weight.std() / 4000**0.5
    weighed = weight * np.asarray(final.crossings)[:, 1]
    assert abs(weighed.mean() - crossings) < 4 * weighed.std() / 4000**0.5
    assert 0.05 < weight.std() < 1


def test_too_many_jumps_are_reported():
    crowded = channel(dt=50.0, max_jumps=2)
    state = crowded.step(crowded.init(key=jax.random.key(0)), key=jax.random.key(1))
    assert not state.complete


def test_labels():
    """Summed over labellings, n independent ions leave 1 / n!: a Poisson number for each site."""
    states = simulators.occupation_states(2, max_occupancy=20)
    e, none = np.array([0.1, -0.4]), np.zeros((2, 2))
    weights = simulators.channel_log_weights(states, 0.3, e, none, 0.0, np.zeros(2))
    np.testing.assert_allclose(jax.nn.logsumexp(weights), np.exp(0.3 - e).sum(), rtol=1e-12)
    labelled = simulators.channel_log_weights(states, -3.0, e, none, 0.0, np.zeros(2), labelled=True)
    np.testing.assert_allclose(jax.nn.logsumexp(labelled), -np.log1p(-np.exp(-3.0 - e)).sum(), rtol=1e-12)


def test_faults():
    with pytest.raises(ValueError, match="at most 16384 states"):
        simulators.occupation_states(15)
    with pytest.raises(ValueError, match="states must be non-negative"):
        simulators.channel_log_weights(-np.ones((2, 3)), 0.0, ENERGIES, REPULSION, 0.0, DISTANCES)
    other = IonChannel(np.ones(2), np.zeros((2, 2)), np.ones(2), np.ones(3), **BATHS)
    with pytest.raises(ValueError, match="proposal must have 3 sites, got 2"):
        channel(proposal=other)


def test_pore():
    """The force is minus the slope of the energy; samples follow the Boltzmann density (3 moments, 4 s.e.)."""
    pore = ChannelPotential(np.array([2.0, 1.0]), np.array([-1.0, 1.2]), width=0.5, stiffness=0.6, field=0.3)
    x = jnp.linspace(-3, 3, 7)
    np.testing.assert_allclose(pore.force(x), -jax.vmap(jax.grad(pore.energy))(x), rtol=1e-12)
    grid = np.linspace(-12, 12, 20001)
    density = np.exp(-np.asarray(pore.energy(jnp.asarray(grid))))
    density /= density.sum()
    drawn = np.asarray(pore.sample(key=jax.random.key(2), shape=(20_000,)))
    for power in (1, 2, 3):
        mean, square = density @ grid**power, density @ grid ** (2 * power)
        assert abs(np.mean(drawn**power) - mean) < 4 * np.sqrt((square - mean**2) / 20_000)


def test_narrow_sites_of_a_wide_pore():
    """Sites far narrower than a 4096th of the pore hold their share of the ions: z-test, 4 s.e."""
    pore = ChannelPotential(np.array([6.0]), np.array([2.0]), width=0.01, stiffness=1e-4)
    inside = np.linspace(1.9, 2.1, 20001)
    weight = np.exp(-np.asarray(pore.energy(jnp.asarray(inside)))).mean() * 0.2
    share = weight / (weight + np.sqrt(2 * np.pi / 1e-4) - 0.2)
    drawn = np.asarray(pore.sample(key=jax.random.key(2), shape=(50_000,)))
    held = np.mean((drawn > 1.9) & (drawn < 2.1))
    assert share > 0.01
    assert abs(held - share) < 4 * np.sqrt(share * (1 - share) / 50_000)


@pytest.mark.slow
def test_memory_of_a_long_gradient():
    """The gradient of 10,000 steps fits 2 GiB."""

    def weight(energies):
        it = IonChannel(
            energies, REPULSION, DISTANCES, ATTEMPTS, chemical_potentials=np.zeros(2), voltage=-1.0, dt=0.5, max_jumps=8
        )
        state = it.init(key=jax.random.key(0))
        return simulators.simulate(it, state, 10_000, key=jax.random.key(1), observe=None)[0].log_weight

    compiled = jax.jit(jax.grad(weight)).lower(jnp.asarray(ENERGIES)).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 2**31
    assert np.all(np.isfinite(compiled(jnp.asarray(ENERGIES))))
