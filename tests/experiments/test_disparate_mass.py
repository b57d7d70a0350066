"""Parts of the disparate-mass experiment."""

import jax.numpy as jnp
import numpy as np
import pytest

from entropax.observables import kinetic_entropy
from entropax.simulators import velocity_moments
from experiments.simulators._mixture_design import DesignConfig, initial_state
from experiments.simulators._mixture_runs import decay_time, steps_to_blow_up


@pytest.mark.fast
def test_decay_times_of_exponentials():
    """Log-linear interpolation is exact for exponentials, also faster than a step; a slow one has none."""
    t = 0.1 * np.arange(50)
    np.testing.assert_allclose([decay_time(-3 * np.exp(-t / tau), 0.1) for tau in (0.02, 0.73)], [0.02, 0.73])
    assert np.isnan(decay_time(np.exp(-t / 10), 0.1))


@pytest.mark.fast
def test_blow_up_is_the_first_step_over_the_factor_or_not_finite():
    """NaN counts as a blow-up; a bounded run has none."""
    assert steps_to_blow_up([1, 2, 1e4, 3]) == 2
    assert steps_to_blow_up([1, np.nan, 2]) == 1
    assert steps_to_blow_up([1, 2, 3]) == np.inf


def test_designs_start_alike(x64):
    """Whatever the angles: one energy, one total entropy, the budget below the Maxwellians'."""
    config = DesignConfig(num_points=48)
    mixture = config.mixture()
    areas = mixture.light_grid.cell_area, mixture.heavy_grid.cell_area
    for angles in ([0.0, 0.3, 1.0], [0.7, 1.2, -0.4], [np.pi / 2, 0.0, 0.5]):
        state = initial_state(jnp.array(angles), config)
        entropy = sum(kinetic_entropy(f, area) for f, area in zip((state.light, state.heavy), areas, strict=True))
        maxwellians = 2 * np.log(2 * np.pi * np.e) + np.log(config.light_temperature * config.heavy_temperature)
        np.testing.assert_allclose(entropy, maxwellians - config.budget, atol=1e-5)
        light = velocity_moments(state.light, grid=mixture.light_grid)
        np.testing.assert_allclose(light.temperature, config.light_temperature, atol=1e-5)
        np.testing.assert_allclose(light.velocity, [config.drift, 0], atol=1e-6)
