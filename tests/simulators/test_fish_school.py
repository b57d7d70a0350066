"""Schools of fish: soft edges against sharp ones, tiles against all pairs, memory, gradients through many steps."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import observables, simulators
from entropax.simulators import FishSchool, FishState, _fish_tiles

PARAMETERS = {"box_size": 12.0, "repulsion_radius": 0.9, "orientation_radius": 2.2, "attraction_radius": 4.0}


def a_state(n, *, box=12.0, seed=0, clumped=False):
    rng = np.random.default_rng(seed)
    x = rng.random((n, 3)) * box
    if clumped:
        x[: n // 2] = (0.3 * rng.standard_normal((n // 2, 3))) % box  # in the corner, across the walls
    return FishState(jnp.asarray(x), jnp.asarray(rng.standard_normal((n, 3))))


@pytest.mark.parametrize("softness", [None, 0.02])
def test_tiles_see_what_all_pairs_see(x64, softness):
    """At uniform density and with half the fish in one clump, for a number that fills no tile."""
    for clumped in (False, True):
        state = a_state(203, clumped=clumped)
        wanted = [
            FishSchool(203, neighbors=neighbors, softness=softness, **PARAMETERS).desired_direction(state)
            for neighbors in ("all_pairs", "tiles")
        ]
        # Beyond 20 widths soft edges are cut off, where they are 2e-9; a direction is a quotient of sums.
        np.testing.assert_allclose(*wanted, atol=1e-10 if softness is None else 1e-6)


def test_kept_lists_are_as_good_as_all_pairs(x64, monkeypatch):
    """Step by step, with lists kept and made anew, with and without a single image, and lists longer than are kept.

    Also where a fish is somewhere else all at once, another box or reach is given, or positions are off the box.
    """
    n = 205  # a number of its own: kernels of another length of lists are kept by shape
    monkeypatch.setattr(_fish_tiles, "_LISTED", 128)
    tiles, pairs = (FishSchool(n, neighbors=kind, **PARAMETERS) for kind in ("tiles", "all_pairs"))

    def stepped(state, key, *, radius, box=12.0):
        schools = [
            eqx.tree_at(lambda s: (s.attraction_radius, s.box_size), school, (jnp.float64(radius), jnp.float64(box)))
            for school in (tiles, pairs)
        ]
        wanted = schools[1].step(FishState(state.positions, state.velocities), key=key)
        found = schools[0].step(state, key=key)
        np.testing.assert_allclose(found.positions, wanted.positions, atol=1e-9)
        np.testing.assert_allclose(found.velocities, wanted.velocities, atol=1e-9)
        return found

    near = tiles.init(key=jax.random.key(0)).near
    for radius in (2.3, 4.0):  # of a school in one part of the box, and of one everywhere and in a clump
        keys = iter(jax.random.split(jax.random.key(1), 12))
        state = a_state(n, clumped=radius > 3)
        positions = state.positions if radius > 3 else 3 + 0.4 * state.positions
        assert jax.eval_shape(lambda s: tiles.step(s, key=jax.random.key(0)), state).near is None
        state, made = FishState(positions, state.velocities, near), []
        for _ in range(6):
            before, state = state, stepped(state, next(keys), radius=radius)
            made.append(bool(jnp.any(state.near.positions != before.near.positions)))
        assert made[0]
        assert 1 < sum(made) < 6  # some were kept
        assert bool(state.near.one_image) == (radius < 3)
        assert int(jnp.max(state.near.upto[-1])) > 128
        elsewhere = state.positions.at[3].set(state.positions[150] + 0.4)
        state = stepped(FishState(elsewhere, state.velocities, state.near), next(keys), radius=radius)
        state = stepped(state, next(keys), radius=radius + 1)
        off = state.positions + 12.0 * jnp.arange(-1.0, 2.0)[None]
        state = stepped(FishState(off, state.velocities, state.near), next(keys), radius=radius)
        stepped(state, next(keys), radius=radius, box=11.5)


@pytest.mark.slow
def test_kept_lists_go_through_transformations(x64):
    """A gradient through a run, of several copies at once: the same as from all pairs."""
    weights = jnp.asarray(np.random.default_rng(2).standard_normal((40, 3)))

    def end(speed, neighbors):
        school = FishSchool(40, speed=speed, neighbors=neighbors, **PARAMETERS)
        final, _ = simulators.simulate(
            school, school.init(key=jax.random.key(3)), 6, key=jax.random.key(4), observe=None
        )
        return jnp.sum(weights * jnp.sin(final.positions))

    speeds = jnp.array([0.5, 2.0])  # of which one makes lists more often
    found, wanted = (
        jax.jit(jax.vmap(jax.value_and_grad(lambda speed, kind=kind: end(speed, kind))))(speeds)
        for kind in ("tiles", "all_pairs")
    )
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-9)
    np.testing.assert_allclose(found[1], wanted[1], rtol=1e-7)


def test_soft_edges_tend_to_sharp_ones(x64):
    """The mean difference of the wishes vanishes with the width, about in proportion: few fish are near an edge."""
    state = a_state(60)
    sharp = FishSchool(60, **PARAMETERS).desired_direction(state)
    wish = jax.jit(lambda s: FishSchool(60, softness=s, **PARAMETERS).desired_direction(state))
    errors = [np.mean(np.linalg.norm(wish(s) - sharp, axis=1)) for s in (0.1, 0.01, 1e-3, 1e-5)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.01
    assert errors[3] < 1e-6


def largest_array(jaxpr):
    sizes = [0]
    for equation in jaxpr.eqns:
        sizes += [v.aval.size for v in equation.outvars if hasattr(v.aval, "size")]
        for parameter in jax.tree.leaves(equation.params, is_leaf=lambda p: hasattr(p, "eqns") or hasattr(p, "jaxpr")):
            inner = getattr(parameter, "jaxpr", parameter)
            sizes += [largest_array(inner)] if hasattr(inner, "eqns") else []
    return max(sizes)


def test_many_fish_make_no_array_of_all_pairs():
    """In no intermediate of a step of 8192 fish or of its gradient; a small school's has one of N^2."""
    n = 8192
    state = a_state(n, box=95.0)

    def moved(noise, n, state):
        school = FishSchool(n, box_size=95.0, attraction_radius=15.0, noise=noise, softness=0.1)
        return jnp.sum(school.step(state, key=jax.random.key(0)).positions)

    for function in (moved, jax.grad(moved)):
        jaxpr = jax.make_jaxpr(lambda noise, f=function: f(noise, n, state))(0.1)
        assert largest_array(jaxpr.jaxpr) < n * n / 64
    small = jax.make_jaxpr(lambda noise: moved(noise, 50, a_state(50)))(0.1)
    assert largest_array(small.jaxpr) >= 50 * 50


def test_gradient_through_steps_equals_finite_differences(x64):
    """d(soft OSI)/d(r_o, sigma, w_o) after ten soft steps with common noise; tiles give the same."""
    state = a_state(24, seed=3)

    def index(theta, neighbors="all_pairs"):
        school = FishSchool(
            24,
            box_size=12.0,
            repulsion_radius=0.9,
            orientation_radius=theta[0],
            attraction_radius=5.0,
            noise=theta[1],
            orientation_weight=theta[2],
            softness=0.3,
            neighbors=neighbors,
        )
        final, _ = simulators.simulate(school, state, 10, key=jax.random.key(5), observe=None)
        return observables.oceanic_schooling_index(final.positions, final.velocities, 12.0, width=0.7)

    theta = jnp.array([2.2, 0.1, 0.6])
    both = jax.jit(jax.value_and_grad(index))
    _, gradient = both(theta)
    h = 1e-6
    differences = [(both(theta + h * e)[0] - both(theta - h * e)[0]) / (2 * h) for e in jnp.eye(3)]
    np.testing.assert_allclose(gradient, differences, rtol=1e-6, atol=1e-9)


@pytest.mark.slow
def test_ten_thousand_steps_back_fit_two_gibibytes():
    """Reverse mode through 10,000 steps of 150 soft fish."""

    def end(noise, state):
        school = FishSchool(150, noise=noise, softness=0.2)
        final, _ = simulators.simulate(school, state, 10_000, key=jax.random.key(0), observe=None)
        return observables.polarization(final.velocities)

    compiled = jax.jit(jax.grad(end)).lower(0.1, a_state(150)).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 2 * 2**30


def test_a_torus_start_mills():
    """Headings are tangential and radii near R: M is near 1, P near 0."""
    school = FishSchool(200, start="torus", torus_radius=6.0)
    state = school.init(key=jax.random.key(0))
    assert observables.rotation_order(state.positions, state.velocities) > 0.9
    assert observables.polarization(state.velocities) < 0.1
    across = np.linalg.norm(np.asarray(state.positions - 12.5)[:, :2], axis=1)
    # The mean of 200 radii has a standard error of 0.15 R / sqrt(200) = 0.064.
    assert abs(across.mean() - 6.0) < 0.3
    assert 0.6 < across.std() < 1.3


@pytest.mark.fast
def test_bad_schools_are_refused():
    """Zone order, box, angles and options; a reach past half the box warns."""
    with pytest.raises(ValueError, match=r"repulsion_radius < orientation_radius <= attraction_radius, got 1, 1, 10"):
        FishSchool(9, orientation_radius=1.0)
    with pytest.raises(ValueError, match="box_size must be positive"):
        FishSchool(9, box_size=0.0)
    with pytest.raises(ValueError, match=r"blind_angle must be in \[0, 180\] degrees"):
        FishSchool(9, blind_angle=181.0)
    with pytest.raises(ValueError, match="turn must be one of 'nlerp', 'slerp', got 'lerp'"):
        FishSchool(9, turn="lerp")
    with pytest.warns(UserWarning, match=r"attraction_radius 13 exceeds half the box, 12.5"):
        FishSchool(9, attraction_radius=13.0)


def test_states_that_are_none_are_refused():
    """One fish that is nowhere, or heads nowhere, is refused in words; under jit all of the school and of its slopes
    is NaN, where the others would only not see it."""
    school, good, key = FishSchool(5, **PARAMETERS), a_state(5), jax.random.key(0)
    lost, still = good.positions.at[1, 2].set(jnp.nan), good.velocities.at[3].set(0.0)
    step, wish = lambda s: school.step(s, key=key).positions, school.desired_direction
    cases = (
        (FishState(lost, good.velocities), "positions must be finite, got nan at flat index 5"),
        (FishState(good.positions, good.velocities.at[0, 0].set(jnp.inf)), "velocities must be finite, got inf"),
        (FishState(good.positions, still), "velocities must not be zero, got a fish without a heading"),
    )
    slope = jax.jit(jax.value_and_grad(lambda s, f=step: jnp.sum(f(s))))
    for state, message in cases:
        for f in (step, wish):
            with pytest.raises(ValueError, match=message):
                f(state)
        for leaf in jax.tree.leaves(slope(state)):
            assert np.all(np.isnan(leaf))


def test_edges_of_sight(x64):
    """A blind half angle of 180 degrees hides even who is straight ahead, 0 nobody, and fish at an edge are beyond it.

    From all pairs and from tiles; fish at one point do not see each other, a lonely fish swims on, and there may be no
    zone of attraction.
    """
    x = jnp.array([[1.0, 1, 1], [3.0, 1, 1], [1.0, 1, 1], [1.0, 6, 1]])
    v = jnp.array([[1.0, 0, 0], [0, 1.0, 0], [1.0, 0, 0], [0, 0, 1.0]])
    state = FishState(x, v)

    def wish(neighbors, blind, repulsion=1.0, orientation=1.5, attraction=4.0):
        school = FishSchool(
            4,
            box_size=12.0,
            repulsion_radius=repulsion,
            orientation_radius=orientation,
            attraction_radius=attraction,
            blind_angle=blind,
            neighbors=neighbors,
        )
        return np.asarray(school.desired_direction(state))

    for neighbors in ("all_pairs", "tiles"):
        np.testing.assert_array_equal(wish(neighbors, 180.0), v)
        towards = np.array([[1.0, 0, 0], [-1, 0, 0], [1, 0, 0], [0, 0, 1]])
        np.testing.assert_allclose(wish(neighbors, 0.0), towards, atol=1e-15)
        # At 2 exactly: not repelled but aligned; not aligned but attracted; not attracted.
        aligned = np.array([[0, 1.0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
        np.testing.assert_allclose(wish(neighbors, 0.0, 2.0, 2.5), aligned, atol=1e-15)
        np.testing.assert_allclose(wish(neighbors, 0.0, 1.0, 2.0), towards, atol=1e-15)
        np.testing.assert_array_equal(wish(neighbors, 0.0, 1.0, 2.0, 2.0), v)
        np.testing.assert_allclose(wish(neighbors, 0.0, 0.0, 2.5, 2.5), aligned, atol=1e-15)
        one = FishSchool(1, box_size=12.0, attraction_radius=6.0, neighbors=neighbors, noise=0.0)
        alone = one.step(FishState(x[:1], v[:1]), key=jax.random.key(0))
        np.testing.assert_allclose(alone.positions, [[1.1, 1, 1]], rtol=1e-15)
