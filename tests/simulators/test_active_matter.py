"""Active swimmers: forces, divergences, symmetries, the table against all pairs."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy.spatial import cKDTree

from entropax import observables, simulators, space
from entropax.simulators._repulsion import softplus
from tests.contract.harness import without_shape_hook

pytestmark = pytest.mark.usefixtures("x64")

MIPS = {"speed": 0.025, "packing_fraction": 0.5, "stiffness": 1.0, "persistence": 1e-4, "noise": 0.0, "dt": 0.1}


def few(**more):
    box = space.PeriodicBox(np.full(2, -4.0), np.full(2, 4.0))
    return simulators.ActiveSwimmers(3, speed=0.3, box=box, stiffness=2.5, beta=7.5, **more)


def test_forces_of_three_particles():
    """R=1, k=2.5, beta=7.5, W=4: forces and divergences of three particles, from a direct sum (arXiv 2309.12991)."""
    x = np.array([[0.0, 0.0], [1.5, 0.5], [-3.6, 0.2]])
    expected = [[-1.00679469, -0.335598994], [1.00645116, 0.335634627], [3.43535929e-4, -3.56321421e-5]]
    force = few().pair_force(x)
    np.testing.assert_allclose(force, expected, rtol=1e-8)
    np.testing.assert_allclose(force.sum(axis=0), 0.0, atol=1e-14)
    divergence = few().drift_divergence(np.stack([x, np.zeros_like(x)]))
    np.testing.assert_allclose(divergence[0], [-1.72524355, -1.72771392, -0.00249875], rtol=1e-5)
    np.testing.assert_allclose(divergence[1], -2 * 0.1)


@pytest.mark.fast
def test_box_of_a_packing_fraction():
    """W = 80.2121048 for N = 4096 at phi = 0.5 and 22.4199649 for N = 64 at phi = 0.1 (arXiv 2309.12991)."""
    np.testing.assert_allclose(simulators.swimmer_box(4096, 0.5).upper, 80.2121048, rtol=1e-8)
    np.testing.assert_allclose(simulators.swimmer_box(64, 0.1).upper, 22.4199649, rtol=1e-8)


class Bump:
    """An activity profile, v0(x) = 0.3 + 0.1 cos(pi x_0 / 4)."""

    def __call__(self, x):
        return 0.3 + 0.1 * jnp.cos(jnp.pi * x[:, 0] / 4)


@pytest.mark.parametrize("profile", [None, Bump()])
def test_divergence_is_that_of_the_drift(profile):
    box = space.PeriodicBox(np.full(2, -4.0), np.full(2, 4.0))
    system = simulators.ActiveSwimmers(5, speed=profile or 0.3, box=box, trap=0.2, stiffness=2.5)
    phase = np.random.default_rng(0).uniform(-3.9, 3.9, (2, 5, 2))
    slopes = space.value_and_jacobian_diagonal(system.drift, phase)[1]
    np.testing.assert_allclose(system.drift_divergence(phase), slopes.sum(axis=-1), rtol=1e-10, atol=1e-12)


@pytest.mark.fast
def test_symmetries_of_the_force():
    x = np.random.default_rng(1).uniform(-4, 4, (3, 2))
    system = few()
    force = system.pair_force(x)
    np.testing.assert_allclose(system.pair_force(x[[2, 0, 1]]), force[np.array([2, 0, 1])], rtol=1e-12)
    shifted = system.box.wrap(x + np.array([1.7, -2.9]))
    np.testing.assert_allclose(system.pair_force(shifted), force, rtol=1e-9, atol=1e-12)
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    np.testing.assert_allclose(system.pair_force(x @ turn.T), force @ turn.T, rtol=1e-10, atol=1e-13)


@pytest.fixture(scope="module")
def crowd():
    with jax.enable_x64(True):
        tabulated = simulators.ActiveSwimmers(400, neighbors="table", **MIPS)
        direct = simulators.ActiveSwimmers(400, neighbors="all_pairs", **MIPS)
        return tabulated, direct, tabulated.init(key=jax.random.key(0))


def test_table_equals_all_pairs(crowd):
    """To the force's cutoff, 1e-8 k / beta a pair, also over steps with rebuilds."""
    tabulated, direct, state = crowd
    np.testing.assert_allclose(tabulated.drift(state.phase), direct.drift(state.phase), atol=2e-7)
    np.testing.assert_allclose(tabulated.drift_divergence(state.phase), direct.drift_divergence(state.phase), atol=2e-6)
    last, made = simulators.simulate(tabulated, state, 60, key=jax.random.key(1), observe=reference)
    other, _ = simulators.simulate(
        direct, simulators.SwimmerState(state.phase, None), 60, key=jax.random.key(1), observe=None
    )
    assert len(np.unique(made)) > 2  # the table was rebuilt
    assert not bool(last.overflow)
    np.testing.assert_allclose(last.phase, other.phase, atol=1e-5)


def reference(state):
    return state.table.reference[0, 0]


def test_table_lists_every_pair(crowd):
    tabulated, _, state = crowd
    radius = tabulated.cutoff + tabulated.skin
    width = float(tabulated.box.extent[0])
    tree = cKDTree(np.asarray(state.phase[0]) % width, boxsize=width)
    expected = {tuple(sorted(pair)) for pair in tree.query_pairs(radius)}
    count = int(state.table.count)
    found = {tuple(sorted(pair)) for pair in np.asarray(state.table.pairs)[:count].tolist()}
    assert found == expected
    assert count == len(expected)


def test_overflow_is_a_flag():
    small = simulators.ActiveSwimmers(400, neighbors="table", capacity=100, **MIPS)
    first = small.init(key=jax.random.key(0))
    assert bool(first.overflow)
    last, _ = simulators.simulate(small, first, 2, key=jax.random.key(0), observe=None)
    assert bool(last.overflow)


def test_a_table_that_lost_pairs_is_refused():
    """Forces and counts on a table without room raise; traced, they and their gradients are NaN, or the flag falls."""
    small = simulators.ActiveSwimmers(400, neighbors="table", capacity=100, **MIPS)
    state = small.init(key=jax.random.key(0))
    x = state.phase[0]
    for table in (None, state.table):
        with pytest.raises(ValueError, match=r"table must hold every pair, got one that overflowed .* room for 100"):
            small.drift(state.phase, table)
    value, slope = jax.jit(jax.value_and_grad(lambda z: jnp.sum(small.drift_divergence(z))))(state.phase)
    assert np.isnan(value)
    assert np.isnan(slope[0]).any()
    for count in (observables.local_neighbor_count, observables.smooth_neighbor_count):
        with pytest.raises(ValueError, match="table must hold every pair"):
            count(x, state.table, box=small.box)
    counts = jax.jit(lambda x, table: observables.local_neighbor_count(x, table, box=small.box))(x, state.table)
    assert not bool(counts.valid)
    assert np.isnan(jax.jit(lambda c: observables.phase_labels(c).fraction)(counts)).all()
    soft = jax.jit(lambda x, table: observables.smooth_neighbor_count(x, table, box=small.box))(x, state.table)
    assert np.isnan(soft).all()


def test_gradients_pass_through_the_table(crowd):
    """Reverse mode through steps on the table equals that on all pairs."""
    tabulated, direct, state = crowd

    def spread(stiffness, system, start):
        from equinox import tree_at

        system = tree_at(lambda s: s.stiffness, system, stiffness)
        return jnp.mean(simulators.simulate(system, start, 5, key=jax.random.key(1), observe=None)[0].phase[0] ** 2)

    found = jax.grad(spread)(jnp.float64(1.0), tabulated, state)
    expected = jax.grad(spread)(jnp.float64(1.0), direct, simulators.SwimmerState(state.phase, None))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.fast
def test_free_swimmer_diffuses(getkey):
    """One step of g keeps its standard normal law exactly (Kolmogorov-Smirnov, 20,000 values, 1% level)."""
    from scipy.stats import kstest

    system = simulators.ActiveSwimmers(10_000, speed=0.0, packing_fraction=0.2, dt=3.0, neighbors="all_pairs")
    g = simulators.ornstein_uhlenbeck_step(
        jax.random.normal(getkey(), (20_000,)), system.persistence, system.dt, jax.random.normal(getkey(), (20_000,))
    )
    assert kstest(np.asarray(g), "norm").pvalue > 0.01


def test_phases(crowd):
    tabulated, _, state = crowd
    counts = observables.local_neighbor_count(state.phase[0], state.table, box=tabulated.box)
    width = float(tabulated.box.extent[0])
    tree = cKDTree(np.asarray(state.phase[0]) % width, boxsize=width)
    expected = [len(near) - 1 for near in tree.query_ball_point(np.asarray(state.phase[0]) % width, 2.4)]
    np.testing.assert_array_equal(counts.value, expected)
    assert bool(counts.valid)
    labels = observables.phase_labels(counts)
    np.testing.assert_array_equal(labels.value == 2, np.asarray(expected) + 1 >= 5)
    np.testing.assert_array_equal(labels.value == 0, np.asarray(expected) + 1 <= 2)
    np.testing.assert_allclose(labels.fraction.sum(), 1.0)
    soft = observables.smooth_neighbor_count(state.phase[0], state.table, box=tabulated.box, temperature=1e-4)
    assert np.mean(np.abs(soft - counts.value) < 1e-3) > 0.97


@pytest.mark.fast
@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"persistence": 0.0}, "persistence must be positive"),
        ({"noise": -0.1}, "noise must be non-negative"),
        ({"packing_fraction": 1.3}, "too dense"),
        ({"neighbors": "some"}, "neighbors must be one of"),
        ({"box": None, "packing_fraction": None}, "give packing_fraction or box"),
        ({"neighbors": "table", "packing_fraction": 0.9}, "use all pairs in a box this small"),
    ],
)
def test_bad_parameters(more, message):
    with pytest.raises(ValueError, match=message):
        simulators.ActiveSwimmers(8, **{"speed": 0.1, "packing_fraction": 0.5, **more})


@pytest.mark.fast
def test_parameters_are_numbers():
    """An array where a number belongs raises by its name."""
    three = np.ones(3)
    with without_shape_hook():
        for name in ("speed", "stiffness", "trap", "persistence", "noise", "radius", "beta", "dt"):
            with pytest.raises(ValueError, match=rf"{name} must be a number, got an array of shape \(3,\)"):
                simulators.ActiveSwimmers(8, **{"speed": 0.1, "packing_fraction": 0.5, name: three})
        with pytest.raises(ValueError, match="packing_fraction must be a number"):
            simulators.ActiveSwimmers(8, speed=0.1, packing_fraction=three / 3)
        with pytest.raises(ValueError, match="radius must be a number"):
            simulators.swimmer_box(4, 0.1, radius=three)
        with pytest.raises(TypeError, match="packing_fraction must be an array or a number, got list"):
            simulators.swimmer_box(4, [0.1, 0.2])


@pytest.mark.fast
def test_positions_off_the_torus():
    with pytest.raises(ValueError, match="positions must lie on the torus, between"):
        few().pair_force(np.full((3, 2), 9.0))
    with pytest.raises(ValueError, match=r"positions must have shape \(3, 2\), got \(4, 2\)"):
        few().pair_force(np.zeros((4, 2)))


@pytest.mark.parametrize("dim", [1, 2])
def test_particles_at_one_point_push_nowhere(dim):
    """Force and divergence of a coincident pair are finite, as if the two did not see each other."""
    box = space.PeriodicBox(np.full(dim, -4.0), np.full(dim, 4.0))
    together = simulators.ActiveSwimmers(3, speed=0.3, box=box)
    apart = simulators.ActiveSwimmers(2, speed=0.3, box=box)
    x = np.zeros((2, 3, dim))
    x[0, 2, 0] = 1.5
    force, divergence = together.pair_force(x[0]), together.drift_divergence(x)[0]
    np.testing.assert_allclose(force[:2], apart.pair_force(x[0, 1:])[:1].repeat(2, axis=0), rtol=1e-12)
    np.testing.assert_allclose(divergence[:2], apart.drift_divergence(x[:, 1:])[0, :1].repeat(2), rtol=1e-12)


@pytest.mark.fast
def test_too_dense_a_box_is_refused():
    """Eight disks of radius 1 in a box of area 25: phi = 1.005. A box made for phi = 1 is accepted."""
    box = space.PeriodicBox(np.zeros(2), np.full(2, 5.0))
    with pytest.raises(ValueError, match=r"packing fraction of at most 1 \(larger is too dense\), got 1\.005"):
        simulators.ActiveSwimmers(8, speed=0.1, box=box)
    made = jax.jit(lambda box: simulators.ActiveSwimmers(8, speed=0.1, box=box).box.volume)(box)
    assert np.isnan(made)
    for n in (8, 11, 13):
        simulators.ActiveSwimmers(n, speed=0.1, box=simulators.swimmer_box(n, 1.0))


@pytest.mark.fast
def test_a_tabulated_system_is_built_inside_jit():
    """What is written as a number plans the table and is checked while tracing; only the speed is traced."""

    def build(speed, **more):
        return simulators.ActiveSwimmers(1024, speed=speed, **{"packing_fraction": 0.5, **more})

    built = jax.jit(build)(0.3)
    outside = build(0.3)
    assert built.tabulated
    assert (built.cells, built.capacity, built.cutoff) == (outside.cells, outside.capacity, outside.cutoff)
    assert float(built.speed) == 0.3
    np.testing.assert_array_equal(built.box.upper, outside.box.upper)
    for more, message in (
        ({"packing_fraction": 1.3}, "packing_fraction must be in .* got 1.3"),
        ({"radius": -1.0}, "radius must be positive and finite, got -1.0"),
        ({"noise": -1.0}, "noise must be non-negative and finite, got -1.0"),
    ):
        with pytest.raises(ValueError, match=message):
            jax.eval_shape(lambda speed, more=more: build(speed, **more), 0.3)
    bad = jax.jit(build)(np.nan)  # a traced fault spoils all but what the plan needs
    assert np.isnan([bad.speed, bad.stiffness, bad.dt]).all()
    assert float(bad.radius) == 1.0
    with pytest.raises(ValueError, match="a neighbour table needs concrete radius, beta and box"):
        jax.eval_shape(lambda radius: build(0.3, radius=radius), 1.0)


@pytest.mark.fast
def test_a_shifted_state_takes_the_same_step(getkey):
    """Positions by a period off feel the same trap, and end on the torus."""
    system = few(trap=0.3, noise=0.0)
    phase = np.random.default_rng(2).uniform(-3.9, 3.9, (2, 3, 2))
    shifted = phase + np.array([[[8.0, 0.0], [0.0, -16.0], [0.0, 0.0]], np.zeros((3, 2))])
    key = getkey()
    here, there = (system.step(simulators.SwimmerState(jnp.asarray(z), None), key=key) for z in (phase, shifted))
    np.testing.assert_allclose(there.phase, here.phase, atol=1e-13)
    with pytest.raises(ValueError, match=r"phase must have shape \(2, 3, 2\), got \(2, 4, 2\)"):
        system.step(simulators.SwimmerState(jnp.zeros((2, 4, 2)), None), key=key)


def test_softplus_is_exact_to_rounding():
    """log(1 + exp(x)) and its first two derivatives against mpmath, where they are huge, small, and in between."""
    points = np.array([-700.0, -40.0, -3.0, -1e-9, 0.0, 1e-3, 2.5, 36.0, 800.0])
    with mpmath.workdps(40):
        exact = np.array([float(mpmath.log1p(mpmath.exp(x))) for x in points])
        slope = np.array([float(1 / (1 + mpmath.exp(-x))) for x in points])
        bend = np.array([float(1 / (1 + mpmath.exp(-x)) / (1 + mpmath.exp(x))) for x in points])
    np.testing.assert_allclose(softplus(jnp.asarray(points)), exact, rtol=4e-16)
    np.testing.assert_allclose(jax.vmap(jax.grad(softplus))(jnp.asarray(points)), slope, rtol=1e-14)
    np.testing.assert_allclose(
        jax.vmap(jax.grad(jax.grad(softplus)))(jnp.asarray(points)), bend, rtol=1e-12, atol=1e-17
    )
    single = softplus(jnp.asarray(points, jnp.float32))
    np.testing.assert_allclose(single, np.asarray(exact, np.float32), rtol=3e-7, atol=1e-38)
