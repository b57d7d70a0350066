"""The event-driven gas: cells against all pairs, gradients, reports of overflow, and what it refuses."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax.observables import boltzmann_entropy, smooth_occupation_numbers
from entropax.simulators import HardDisks, hard_disks, simulate, stream_freely

pytestmark = pytest.mark.usefixtures("x64")
ONE = np.ones(2)


def small(**more) -> HardDisks:
    return HardDisks(8, diameter=0.08, box=(1.0, 1.0), **more)


def final_energy_of_a_side(gas, x, v, time):
    end = gas.advance(gas.state(x, v), time)
    return jnp.sum(end.velocities[:, 0] ** 2 * end.positions[:, 1]), end.info


def test_gradient_through_collisions() -> None:
    """Reverse mode, forward mode and central differences agree where the order of events is kept."""
    gas, loop = small(bounded=True, max_events=64), small()
    start = gas.init(key=jax.random.key(3))
    x, v = start.positions, start.velocities
    direction = jax.random.normal(jax.random.key(1), v.shape)
    time = jnp.asarray(0.5)
    value_and_slopes = jax.jit(
        jax.value_and_grad(lambda x, v, t: final_energy_of_a_side(gas, x, v, t), argnums=(0, 1, 2), has_aux=True)
    )
    (_, info), slopes = value_and_slopes(x, v, time)
    assert int(info.pair_events) >= 5
    assert not bool(info.overflow)
    _, tangent, forward_info = jax.jit(
        lambda v: jax.jvp(lambda v: final_energy_of_a_side(loop, x, v, time), (v,), (direction,), has_aux=True)
    )(v)
    assert int(forward_info.order) == int(info.order)
    np.testing.assert_allclose(tangent, jnp.vdot(slopes[1], direction), rtol=1e-9)
    size = 1e-7
    for position, change in ((0, direction), (1, direction), (2, jnp.ones(()))):
        ahead, behind = (
            value_and_slopes(*[a + sign * size * change if k == position else a for k, a in enumerate((x, v, time))])[0]
            for sign in (1, -1)
        )
        assert int(ahead[1].order) == int(behind[1].order) == int(info.order)
        quotient = (ahead[0] - behind[0]) / (2 * size)
        np.testing.assert_allclose(jnp.vdot(slopes[position], change), quotient, rtol=2e-6)


def test_cells_give_the_motion_of_all_pairs(monkeypatch) -> None:
    """With and without cells, and with blocks of times, the same events happen in the same order."""
    gas = HardDisks(400, diameter=0.015, box=(1.0, 1.0), boundary="periodic")
    start = gas.init(key=jax.random.key(0))
    plain = gas.advance(start, 0.15)
    monkeypatch.setattr(hard_disks, "_ALL_PAIRS_UP_TO", 100)
    monkeypatch.setattr(hard_disks._disk_events, "ONE_BLOCK", 100)
    celled = HardDisks(400, diameter=0.015, box=(1.0, 1.0), boundary="periodic", dt=0.2)
    assert celled._planned()[0].capacity is not None
    other = celled.advance(start, 0.15)
    assert int(plain.info.pair_events) > 500
    assert int(other.info.order) == int(plain.info.order)
    np.testing.assert_allclose(other.positions, plain.positions, atol=1e-8)


def test_steps_report_overflow_and_add_up() -> None:
    """Events run out: the state is that of the time reached, and says so; else steps count on."""
    short = small(max_events=5)
    start = short.init(key=jax.random.key(0))
    stopped = short.advance(start, 3.0)
    assert bool(stopped.info.overflow)
    assert 0 < float(stopped.info.elapsed) < 3.0
    assert int(stopped.info.handled) == 5
    gas = small(dt=0.5)
    end, _ = simulate(gas, start, 4, key=jax.random.key(0), observe=None)
    whole = gas.advance(start, 2.0)
    assert not bool(end.info.overflow)
    assert int(end.info.order) == int(whole.info.order)
    np.testing.assert_allclose(end.info.elapsed, 2.0, rtol=1e-14)
    np.testing.assert_allclose(end.positions, whole.positions, atol=1e-7)
    np.testing.assert_allclose(gas.advance(start, float(stopped.info.elapsed)).positions, stopped.positions, atol=1e-10)


def test_partition_holds_until_it_is_taken_out() -> None:
    """Discs stay left of the partition, whose room they start in, and pass it once it is gone."""
    gas = small(partition=0.5)
    start = gas.init(key=jax.random.key(2))
    held = gas.advance(start, 2.0)
    assert np.asarray(held.positions)[:, 0].max() <= 0.46 + 1e-12
    assert np.asarray(gas.opened().advance(held, 2.0).positions)[:, 0].max() > 0.5


@pytest.mark.fast
def test_bad_input() -> None:
    """What cannot be done is refused with the reason."""
    with jax.enable_x64(False), pytest.raises(TypeError, match="must be float64, got float32: in single precision"):
        small()
    gas = small()
    x = np.random.default_rng(0).uniform(0.2, 0.8, (8, 2))
    with pytest.raises(TypeError, match="must be float64"):
        gas.state(jnp.asarray(x, jnp.float32), jnp.asarray(x, jnp.float32))
    with pytest.raises(ValueError, match=r"positions must have shape \(8, 2\)"):
        gas.state(x[:4], x[:4])
    with pytest.raises(ValueError, match=r"packing fraction must be at most 0\.9"):
        HardDisks(200, diameter=0.08, box=(1.0, 1.0))
    with pytest.raises(ValueError, match="box must be positive"):
        HardDisks(8, box=(1.0, -1.0))
    with pytest.raises(ValueError, match="diameter must be non-negative"):
        HardDisks(8, diameter=-0.1)
    with pytest.raises(ValueError, match="wider than three diameters"):
        HardDisks(2, diameter=0.4, box=(1.0, 1.0), boundary="periodic")
    with pytest.raises(ValueError, match=r"partition must be in \(0, Lx\]"):
        small(partition=1.5)
    with pytest.raises(ValueError, match="boundary must be one of"):
        small(boundary="open")
    with pytest.raises(ValueError, match="max_events must be given"):
        small(bounded=True)
    with pytest.raises(ValueError, match="box must be positive"):
        stream_freely(x, x, 1.0, box=-ONE)


def test_bad_states() -> None:
    """Overlapping discs, discs outside and times that do not increase are refused."""
    gas = small()
    start = gas.init(key=jax.random.key(0))
    v = start.velocities
    with pytest.raises(ValueError, match=r"a pair 0\.01 apart at diameter 0\.08"):
        gas.advance(gas.state(start.positions.at[1].set(start.positions[0] + jnp.array([0.01, 0.0])), v), 0.1)
    with pytest.raises(ValueError, match="in their room"):
        gas.advance(gas.state(start.positions.at[0, 0].set(0.01), v), 0.1)
    with pytest.raises(ValueError, match="duration must be non-negative"):
        gas.advance(start, -0.1)
    with pytest.raises(ValueError, match="times must increase"):
        gas.trajectory(start, np.array([0.5]) * -1)


def test_sizes_that_outgrow_their_cells_are_refused() -> None:
    """Cells are planned when a gas is made; discs or a box changed since then must still fit them."""
    gas = small(boundary="periodic")
    start = gas.init(key=jax.random.key(0))
    swollen = eqx.tree_at(lambda gas: gas.diameter, gas, jnp.asarray(0.4))
    with pytest.raises(ValueError, match=r"fit the cells planned .* got a diameter of 0\.4 and cells of 0\.333333"):
        swollen.advance(start, 0.1)


def test_tiny_discs_in_contact_are_no_overlap() -> None:
    """Positions of a unit box have 1e-16, more than 1e-9 of a diameter of 1e-8: contact within it is contact."""
    gas = HardDisks(2, diameter=1e-8, box=(1.0, 1.0))
    x = jnp.array([[0.7, 0.5], [0.7 + (1 - 5e-9) * 1e-8, 0.5]])
    v = jnp.array([[1.0, 0.0], [-1.0, 0.0]])
    end = gas.advance(gas.state(x, v), 0.1)
    assert int(end.info.pair_events) == 1
    np.testing.assert_allclose(end.velocities[:, 0], [-1, 1], rtol=1e-12)


@pytest.mark.slow
def test_reverse_mode_memory() -> None:
    """The gradient of an entropy through nearly 10,000 events of 64 discs is finite and takes less than 2 GiB.

    Discs so small that they meet walls alone: the gradient grows with time, not exponentially with collisions.
    """
    gas = HardDisks(64, diameter=1e-7, box=(1.0, 1.0), bounded=True, max_events=10_000)
    start = gas.init(key=jax.random.key(0))

    def entropy(v: jax.Array) -> tuple[jax.Array, jax.Array]:
        end = gas.advance(gas.state(start.positions, v), 80.0)
        counts = smooth_occupation_numbers(end.positions, lower=0 * ONE, upper=ONE, cells=(4, 4))
        return boltzmann_entropy(counts, 1.0), end.info

    compiled = jax.jit(jax.grad(entropy, has_aux=True)).lower(start.velocities).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 2 * 2**30
    slope, info = compiled(start.velocities)
    assert 7_000 < int(info.handled) < 10_000
    assert not bool(info.overflow)
    assert np.isfinite(slope).all()
    assert np.linalg.norm(slope) > 0
