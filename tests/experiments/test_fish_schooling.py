"""Parts of the fish-schooling experiment."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.simulators._fish_cases import CASES, MEASURES, second_half
from experiments.simulators._fish_classifier import balanced
from experiments.simulators._fish_design import FishDesignConfig, horizons, moderate, physical, useful_horizon
from experiments.simulators._fish_figure import animate


@pytest.mark.fast
def test_the_second_half_is_what_is_averaged():
    """Frames before the middle do not count."""
    measured = np.zeros((2, 10, len(MEASURES)))
    measured[1, 5:] = 3.0
    measured[:, :5] = -7.0
    np.testing.assert_array_equal(second_half(measured), np.array([0.0, 3.0])[:, None] * np.ones(len(MEASURES)))


@pytest.mark.fast
def test_balanced_accuracy_weighs_the_cases_alike():
    """Of the whole matrix, and of the two middle rows alone."""
    confusion = np.array([[9, 1, 0, 0], [0, 1, 1, 0], [0, 0, 3, 1], [0, 0, 0, 100]])
    np.testing.assert_allclose(balanced(confusion), np.mean([0.9, 0.5, 0.75, 1.0]))
    np.testing.assert_allclose(balanced(confusion[1:3]), np.mean([0.5, 0.75]))


@pytest.mark.fast
def test_the_horizon_ends_where_the_signal_first_drowns():
    """What rises again later does not count."""
    steps = np.array([20, 40, 60, 80])
    assert useful_horizon({"steps": steps, "signal": np.array([9, 3, 1, 5])}) == 40
    assert useful_horizon({"steps": steps, "signal": np.array([9, 3, 4, 5])}) == 80
    assert useful_horizon({"steps": steps, "signal": np.array([1, 3, 4, 5])}) == 0


@pytest.mark.fast
def test_parameters_of_the_descent_stay_in_their_ranges():
    """However far the unbounded numbers go."""
    config = FishDesignConfig()
    low, high = physical(jnp.full(3, -9.0), config), physical(jnp.full(3, 9.0), config)
    np.testing.assert_allclose(low, [1, 0, 0], atol=2e-3)
    np.testing.assert_allclose(high, [6, 0.6, 1], atol=2e-3)


@pytest.mark.fast
def test_another_number_of_fish_swims_at_the_same_density():
    """The large school that is timed against a small one."""
    case = CASES["swarm"]
    large = case.school(1200)
    np.testing.assert_allclose(1200 / large.box_size**3, case.num_fish / case.parameters["box_size"] ** 3, rtol=1e-5)
    assert large.tiled
    assert not case.school().tiled


def test_an_animation_is_a_gif(tmp_path):
    """One frame a state."""
    key = jax.random.key(0)
    x, v = np.asarray(jax.random.uniform(key, (2, 5, 3))), np.asarray(jax.random.normal(key, (2, 5, 3)))
    animate(x, v, 1.0, tmp_path / "school.gif", title="school")
    assert (tmp_path / "school.gif").read_bytes()[:4] == b"GIF8"


@pytest.mark.fast
def test_moderate_slopes_are_cut_at_twice_the_median():
    """One wild school does not decide the mean; smaller slopes and none are left alone."""
    slopes = np.array([[3.0, 4, 0], [0, 0, 5], [0, -5, 0], [3e8, 4e8, 0], [0, 0, 0]])
    expected = slopes.copy()
    expected[3] = [6, 8, 0]
    np.testing.assert_allclose(moderate(slopes), expected)


@pytest.mark.slow
def test_slopes_grow_with_the_horizon():
    """Of a small ensemble, by forward mode at several horizons; none are followed to a horizon of zero."""
    config = FishDesignConfig(num_fish=10, starts=4, settle=1, horizon=40, ensembles=2)
    found = horizons(config, key=jax.random.key(0))
    assert found["steps"][-1] == 40
    assert found["size"][-1] > 3 * found["size"][0] > 0
    assert not horizons(FishDesignConfig(horizon=0), key=jax.random.key(0))["steps"].size
