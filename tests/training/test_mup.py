"""The optimiser's rates against the rule, parameter by parameter."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from entropax import nn, training
from entropax.training.models import split_model


def parameters(embed):
    return split_model(nn.Decoder(3, length=4, embed=embed, blocks=1, zero_output=False, rngs=nnx.Rngs(0)))[1].params


def test_first_steps_are_the_rates():
    """Adam's first step has size one everywhere: what is left is lr / fan_in for kernels, the vector rate elsewhere."""
    params = parameters(8)
    optimizer = training.mup_adamw(0.04, vector_learning_rate=5e-4, warmup=4, clip=None)
    updates, _ = optimizer.update(jax.tree.map(jnp.ones_like, params), optimizer.init(params), params)
    sizes = {}
    for path, update in jax.tree_util.tree_leaves_with_path(updates):
        name = jax.tree_util.keystr(path)
        expected = 0.04 / update.shape[0] if name.endswith("['kernel']") else 5e-4
        np.testing.assert_allclose(update, -expected / 4, rtol=1e-5)  # the first of four steps of warmup
        sizes[name] = update.shape
    assert any(name.endswith("['kernel']") and shape[0] == 32 for name, shape in sizes.items())


def test_warmup_rises_to_one_and_stays():
    """Steps 1, 2, 3, 4, 5 of a constant gradient with four of warmup: 1/4, 1/2, 3/4, 1, 1 of the rate."""
    params = {"kernel": jnp.ones((2, 2))}
    optimizer = training.mup_adamw(0.2, warmup=4, clip=None)
    state, sizes = optimizer.init(params), []
    for _ in range(5):
        updates, state = optimizer.update({"kernel": jnp.ones((2, 2))}, state, params)
        sizes.append(-float(updates["kernel"][0, 0]) / 0.1)
    np.testing.assert_allclose(sizes, [0.25, 0.5, 0.75, 1, 1], rtol=1e-5)


def test_decay_reaches_matrices_alone():
    """With no gradient a matrix shrinks by weight_decay * lr / fan_in, a vector keeps its value."""
    params = {"kernel": jnp.full((4, 2), 3.0), "scale": jnp.full(4, 3.0)}
    optimizer = training.mup_adamw(0.4, warmup=0, weight_decay=0.5)
    updates, _ = optimizer.update(jax.tree.map(jnp.zeros_like, params), optimizer.init(params), params)
    np.testing.assert_allclose(updates["kernel"], -0.1 * 0.5 * 3.0, rtol=1e-6)
    np.testing.assert_array_equal(updates["scale"], 0)


def test_gradients_are_clipped_together():
    """Above the norm allowed a gradient keeps its direction: Adam's moments are those of the clipped one."""
    params = {"kernel": jnp.ones((2, 2)), "scale": jnp.ones(2)}
    gradient = {"kernel": jnp.full((2, 2), 30.0), "scale": jnp.full(2, -40.0)}
    state = training.mup_adamw(clip=1.0).init(params)
    _, state = training.mup_adamw(clip=1.0).update(gradient, state, params)
    mean = optax.tree_utils.tree_get(state, "mu")
    norm = np.sqrt(4 * 30**2 + 2 * 40**2)
    np.testing.assert_allclose(mean["kernel"], 0.1 * 30 / norm, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"learning_rate": 0.0}, "learning_rate must be positive and finite, got 0.0"),
        ({"vector_learning_rate": float("nan")}, "vector_learning_rate must be positive"),
        ({"warmup": -1}, "warmup must be at least 0"),
        ({"weight_decay": -0.1}, "weight_decay must be at least 0"),
    ],
)
def test_bad_rates_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        training.mup_adamw(**options)
