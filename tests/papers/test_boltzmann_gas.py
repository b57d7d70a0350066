"""Facts of the Boltzmann entropy of a dilute gas (arXiv 2403.07519) that the library must hold."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import gammaln

from entropax import observables as obs
from entropax.simulators import HardDisks, collide_disks, hard_disk_pair_time, stream_freely

pytestmark = pytest.mark.usefixtures("x64")


@pytest.mark.fast
def test_equilibrium_entropy_doubles_its_volume_for_log_2() -> None:
    """V = 2, N = 500, T = 1 has s = -1.683584, V = 1 has -2.376731; the difference is log 2."""
    wide, narrow = (obs.sackur_tetrode_2d(V, 500, 1.0) for V in (2.0, 1.0))
    np.testing.assert_allclose([wide, narrow], [-1.683584, -2.376731], atol=5e-7)
    np.testing.assert_allclose(wide - narrow, np.log(2), rtol=1e-12)


@pytest.mark.fast
def test_coarse_maxwellian() -> None:
    """Cells of 0.1 to 2 give 1.419355026 to 1.571820846, close to log(2 pi e) / 2 + dv^2 / 24 for small cells."""
    sizes = [0.1, 0.25, 0.5, 1.0, 2.0]
    exact = [1.419355026, 1.421535942, 1.429248172, 1.458958828, 1.571820846]
    entropies = [obs.coarse_maxwellian_entropy(dv, 1.0) for dv in sizes]
    np.testing.assert_allclose(entropies, exact, atol=5e-10)
    np.testing.assert_allclose(entropies[0], np.log(2 * np.pi * np.e) / 2 + 0.1**2 / 24, atol=1e-7)


@pytest.mark.fast
@pytest.mark.parametrize(
    ("counts", "volume", "exact", "stirling"),
    [((3, 0, 5, 2), 0.5, -14.203870198, -9.660792595), ((30, 12, 58, 100), 0.25, -916.099990042, -905.136386682)],
)
def test_boltzmann_entropy(counts, volume, exact, stirling) -> None:
    """The exact and the Stirling entropies of two sets of counts, which differ by about log(2 pi N_a) / 2 a cell."""
    n = np.array(counts, float)
    np.testing.assert_allclose(obs.boltzmann_entropy(n, volume, per_particle=False), exact, atol=5e-10)
    np.testing.assert_allclose(
        obs.boltzmann_entropy(n, volume, stirling=True, per_particle=False), stirling, atol=5e-10
    )
    np.testing.assert_allclose(exact, n.sum() * np.log(volume) - gammaln(n + 1).sum(), atol=5e-10)
    np.testing.assert_allclose(exact - stirling, -np.log(2 * np.pi * n[n > 0]).sum() / 2, rtol=0.05)
    pooled = obs.pooled_entropy(n[None], volume, corrected=False)
    np.testing.assert_allclose(pooled + 1 - np.log(n.sum()), stirling / n.sum(), atol=1e-9)


@pytest.mark.fast
def test_one_collision() -> None:
    """Two given discs touch at t = 1.622821084 along (-0.56576837, -0.82456422); the time's slope is 0.827461621."""
    x1, v1, x2, v2 = (jnp.array(a) for a in ((0.0, 0.0), (1.0, 0.0), (3.0, 0.5), (-0.5, 0.2)))
    time, slope = jax.value_and_grad(lambda x2: hard_disk_pair_time(x1 - x2, v1 - v2, 1.0))(x2)
    np.testing.assert_allclose(time, 1.622821084, atol=5e-10)
    np.testing.assert_allclose(slope[0], 0.827461621, atol=5e-10)
    r = x1 - x2 + (v1 - v2) * time
    np.testing.assert_allclose(r, (-0.56576837, -0.82456422), atol=5e-9)
    after = collide_disks(v1, v2, r)
    np.testing.assert_allclose(after, [(0.61316169, -0.56378730), (-0.11316169, 0.76378730)], atol=1e-8)


@pytest.mark.fast
def test_kinetic_theory() -> None:
    """n = 0.5, s = 0.02, T = 1.3: nu = 0.04041816646 and lambda = 35.355339059."""
    np.testing.assert_allclose(obs.collision_frequency(0.5, 0.02, 1.3), 0.04041816646, atol=5e-12)
    np.testing.assert_allclose(obs.mean_free_path(0.5, 0.02), 35.355339059, atol=5e-10)


@pytest.mark.fast
@pytest.mark.parametrize(
    ("dv", "time", "cells", "boundary", "gain"),
    [
        (0.5, 1.0, 10, "reflecting", 0.2539863),
        (0.5, 2.0, 10, "reflecting", 0.4987176),
        (1.0, 0.25, 10, "reflecting", 0.1325856),
        (0.25, 2.0, 10, "reflecting", 0.255868),
        (1.0, 4.0, 10, "reflecting", 0.690729),
        (0.5, 1.0, 20, "reflecting", 0.2493588),
        (0.5, 1.0, 10, "periodic", 0.5079725),
    ],
)
def test_expansion_without_collisions(dv, time, cells, boundary, gain) -> None:
    """Entropy gained by streaming, L = T = 1, from cells of dv and L / cells."""
    entropy = lambda t: obs.ideal_expansion_entropy(t, velocity_cell=dv, num_cells=cells, boundary=boundary)  # noqa: E731
    start = entropy(0.0)
    np.testing.assert_allclose(entropy(time) - start, gain, atol=6e-7)
    if (dv, cells) == (0.5, 10):
        np.testing.assert_allclose(start, 0.736101, atol=5e-7)


@pytest.mark.fast
def test_scaling_function() -> None:
    """ds(w) = w up to 1/2, log 2 at 1, and dips below it afterwards."""
    w = np.array([0.25, 0.5, 0.6, 0.75, 0.9, 1.0, 1.5, 2.5, 3.0])
    exact = [0.25, 0.5, 0.5823216, 0.6554651, 0.6877867, np.log(2), 0.674416, 0.686454, np.log(2)]
    gains = jax.vmap(obs.scaling_entropy)(jnp.asarray(w))
    np.testing.assert_allclose(gains[:6], exact[:6], atol=5e-8)
    np.testing.assert_allclose(gains[6:], exact[6:], atol=1e-5)


@pytest.mark.fast
def test_scaling_function_is_the_limit_of_small_cells() -> None:
    """At fixed w = t dv / (2 L) the streaming entropy of fine cells approaches the scaling function."""
    w = jnp.array([0.0, 0.25, 0.9, 1.5])
    entropy = lambda w: obs.ideal_expansion_entropy(2 * w / 0.05, velocity_cell=0.05, num_cells=40, images=241)  # noqa: E731
    gains = jax.lax.map(entropy, w)
    np.testing.assert_allclose(gains - gains[0], jax.vmap(obs.scaling_entropy)(w), atol=0.002)


@pytest.mark.fast
def test_spline_weights() -> None:
    """A particle at 0.37 among cells centred on 0.25, 0.35, 0.45 is shared as 0.045, 0.71, 0.245."""
    shares = obs.smooth_occupation_numbers(np.array([[0.37]]), lower=np.zeros(1), upper=np.ones(1), cells=(10,))
    np.testing.assert_allclose(shares[2:5], (0.045, 0.71, 0.245), atol=1e-12)
    np.testing.assert_allclose(shares.sum(), 1, atol=1e-14)


@pytest.mark.fast
def test_counts_do_not_stop_at_the_precision() -> None:
    """300 particles of one cell are 300 in bfloat16, whose sums of ones stop at 256."""
    z = jnp.full((300, 1), 0.3, jnp.bfloat16)
    counts = obs.occupation_numbers(z, lower=np.zeros(1), upper=np.ones(1), cells=(2,))
    np.testing.assert_allclose(np.asarray(counts, float), [300, 0], rtol=0.004)


def test_cells_must_reach_the_velocities() -> None:
    """Velocity cells that end within 5 sqrt(T) would leave out particles without a word."""
    with pytest.raises(ValueError, match=r"reach must be at least 5 sqrt\(T\), got 8\.0 at 4\.0"):
        obs.ideal_expansion_entropy(1.0, velocity_cell=0.5, num_cells=4, temperature=4.0)
    wide = obs.ideal_expansion_entropy(1.0, velocity_cell=1.0, num_cells=4, temperature=4.0, reach=16.0)
    one = obs.ideal_expansion_entropy(2.0, velocity_cell=0.5, num_cells=4, temperature=1.0)
    np.testing.assert_allclose(wide, one + np.log(2), rtol=1e-12)  # v in units of sqrt(T)


GAS = {"num_disks": 256, "diameter": 0.01, "box": (2.0, 1.0)}


@pytest.fixture(scope="module")
def equilibrium():
    """A gas of 256 discs after 2 time units, and where it is at 20 times after that, half a unit apart."""
    with jax.enable_x64(True):
        gas = HardDisks(**GAS)
        states = gas.trajectory(gas.init(key=jax.random.key(1)), jnp.arange(1, 25) * 0.5)
    return gas, states


def smallest_distance(positions, period=None):
    r = positions[:, None] - positions[None]
    if period is not None:
        r = r - period * np.round(r / period)
    return np.sqrt(np.sum(r**2, axis=-1) + 9 * np.eye(len(positions))).min()


def test_energy_and_distances(equilibrium) -> None:
    """Energy is kept to 1e-10, no two centres come nearer than s (1 - 1e-9), and nobody leaves the box."""
    gas, states = equilibrium
    energy = np.sum(np.asarray(states.velocities) ** 2, axis=(1, 2)) / 2
    np.testing.assert_allclose(energy, gas.num_disks * 1.0, rtol=1e-10)
    assert min(smallest_distance(np.asarray(x)) for x in states.positions) >= 0.01 * (1 - 1e-9)
    x = np.asarray(states.positions)
    assert x.min() >= 0.005 - 1e-12
    assert (x.max(axis=(0, 1)) <= np.array([1.995, 0.995]) + 1e-12).all()
    assert not bool(states.info.overflow.any())
    assert len({int(order) for order in states.info.order}) == 24


def test_collision_rate(equilibrium) -> None:
    """Collisions of a disc per unit time are Enskog's within 1.5%, 1% above Boltzmann's, over 96 time units.

    About 57,000 collisions: their standard error is 0.4%. The room of the centres is (2 - s)(1 - s).
    """
    gas, states = equilibrium
    start = jax.tree.map(lambda leaf: leaf[-1], states)
    long = gas.trajectory(start, jnp.arange(1, 25) * 4.0)  # the compiled program of the fixture
    assert not bool(long.info.overflow[-1])
    rate = 2 * int(long.info.pair_events[-1] - start.info.pair_events) / gas.num_disks / 96
    enskog = obs.collision_frequency(256 / (1.99 * 0.99), 0.01, 1.0, enskog=True)
    np.testing.assert_allclose(rate, enskog, rtol=0.015)


def test_reversal(equilibrium) -> None:
    """After about 300 collisions, reversed velocities lead back to the start within 1e-4."""
    gas, states = equilibrium
    start = jax.tree.map(lambda leaf: leaf[3], states)
    one_time = jnp.arange(1, 25) * (0.5 / 24)  # the compiled program of the fixture
    there = jax.tree.map(lambda leaf: leaf[-1], gas.trajectory(gas.state(start.positions, start.velocities), one_time))
    assert 250 < int(there.info.pair_events) < 350
    back = gas.trajectory(gas.state(there.positions, -there.velocities), one_time)
    np.testing.assert_allclose(back.positions[-1], start.positions, atol=1e-4)
    np.testing.assert_allclose(back.velocities[-1], -start.velocities, atol=1e-2)


def test_periodic_walls_keep_momentum() -> None:
    """On the torus momentum is constant, and discs meet through the seams."""
    gas = HardDisks(24, diameter=0.1, box=(1.0, 1.0), boundary="periodic")
    start = gas.init(key=jax.random.key(0))
    drift = gas.state(start.positions, start.velocities + jnp.array([[0.7, -0.3]]))
    end = gas.advance(drift, 3.0)
    assert int(end.info.pair_events) > 200
    assert int(end.info.wall_events) == 0
    np.testing.assert_allclose(end.velocities.sum(axis=0), 24 * np.array([0.7, -0.3]), atol=1e-11)
    assert smallest_distance(np.asarray(end.positions), period=1.0) >= 0.1 * (1 - 1e-9)


def test_discs_of_no_diameter_stream(equilibrium) -> None:
    """With s = 0 the event-driven gas is free streaming, and its counts show the entropy of the closed form.

    20,000 particles from a uniform law, cells of L / 10 and 0.5: the plug-in entropy is low by about (occupied cells -
    1) / 2N, which is added; the standard error of a gain is about 0.005, the tolerance four of them.
    """
    del equilibrium
    rng = np.random.default_rng(0)
    gas = HardDisks(**GAS | {"diameter": 0.0})
    x, v = rng.uniform(size=(256, 2)) * [2.0, 1.0], rng.standard_normal((256, 2))
    path = gas.trajectory(gas.state(x, v), jnp.arange(1, 25) * 0.25)  # the compiled program of the fixture
    assert int(path.info.pair_events[-1]) == 0
    for index, time in ((5, 1.5), (23, 6.0)):
        streamed, turned = stream_freely(x, v, time, box=np.array([2.0, 1.0]))
        np.testing.assert_allclose(path.positions[index], streamed, atol=1e-12)
        np.testing.assert_allclose(path.velocities[index], turned, atol=1e-12)

    x, v = rng.uniform(size=(20_000, 2)) * [0.5, 1.0], rng.standard_normal((20_000, 2))

    def entropy(x, v):
        z = jnp.stack([x[:, 0], v[:, 0]], axis=1)
        counts = obs.occupation_numbers(z, lower=np.array([0.0, -8.0]), upper=np.array([1.0, 8.0]), cells=(10, 32))
        low = obs.pooled_entropy(counts[None], 0.05, corrected=False)
        corrected = obs.pooled_entropy(counts[None], 0.05)
        np.testing.assert_allclose(corrected - low, (np.sum(counts > 0) - 1) / 40_000, rtol=1e-6)
        return corrected

    gain = entropy(*stream_freely(x, v, 1.0, box=np.ones(2))) - entropy(jnp.asarray(x), jnp.asarray(v))
    np.testing.assert_allclose(gain, 0.2539863, atol=0.02)
