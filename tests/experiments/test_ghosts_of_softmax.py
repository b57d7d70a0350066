"""The parts of the experiment on step sizes."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from experiments.optimize import _ghosts_networks, _ghosts_steps, _ghosts_training


@pytest.mark.fast
def test_patches_are_a_convolution():
    """A linear layer on patches equals jax's convolution with zeros beyond the edge."""
    rng = np.random.default_rng(0)
    x, kernel = (jnp.asarray(rng.normal(size=shape)) for shape in ((2, 8, 8, 3), (3, 3, 3, 4)))
    expected = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    ours = _ghosts_networks._patches(x) @ kernel.reshape(27, 4)
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.fast
def test_networks_take_images():
    for make in _ghosts_networks.NETWORKS.values():
        assert jax.eval_shape(make(nnx.Rngs(0)), jnp.zeros((5, 64))).shape == (5, 10)


@pytest.mark.fast
def test_onset():
    """Between grid points by the logarithm; NaN without one; a value that is not finite is beyond."""
    steps = np.array([0.1, 1, 10, 100])
    values = np.array([[0, 0, 1, 1], [0, 0, 0, 0], [0, 0.1, np.nan, 1], [2, 2, 2, 2]])
    found = _ghosts_steps.onset(steps, values, np.full(4, 0.5))
    np.testing.assert_allclose(found[[0, 2, 3]], [np.sqrt(10), 10, 0.1], rtol=1e-12)
    assert np.isnan(found[1])


def test_one_optimiser_holds_three_methods():
    """Without limits it is Adam, its rate jumps at the step said, and only the controller shortens the step."""
    network = _ghosts_networks.NETWORKS["linear"](nnx.Rngs(0))
    x, y = jnp.asarray(np.random.default_rng(2).normal(size=(6, 64)), jnp.float32), jnp.arange(6)
    gradient = jax.grad(_ghosts_steps.mean_loss)(network, jnp.ones(()), x, y)

    def length(method, step):
        optimizer = _ghosts_training.spiked_adam(
            _ghosts_training.Spike(jnp.int32(_ghosts_training.METHODS.index(method)), jnp.float32(1e4)), jnp.int32(step)
        )
        updates, _ = optimizer.update(
            gradient, optimizer.init(network), network, logits_fn=_ghosts_steps.logits, batch=x
        )
        return float(optax.tree.norm(updates))

    adam = optax.adam(_ghosts_training.BASE_RATE)
    expected = float(optax.tree.norm(adam.update(gradient, adam.init(network))[0]))
    assert length("plain", 49) == pytest.approx(expected, rel=1e-5)
    assert length("plain", 50) == pytest.approx(1e4 * expected, rel=1e-5)
    assert length("gradient clipping", 50) == pytest.approx(1e4 * expected, rel=1e-3)  # Adam undoes the clipping
    assert length("controller", 50) < length("plain", 50) / 50
