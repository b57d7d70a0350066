"""The parts of the experiment on the comp-sum family."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from entropax import nn
from experiments.losses import _stacks, comp_sum

SMOKE = dataclasses.replace(comp_sum.PRESETS["smoke"], taus=(1.0,), pairs=300)


@pytest.mark.slow
def test_regret_is_below_its_bound_and_ties_reach_the_transform():
    regret, bound, ties = comp_sum._bounds(SMOKE, key=jax.random.key(0))
    assert regret.shape == bound.shape == (1, 300)
    assert regret.max() > 0.3  # some pairs do disagree
    assert np.all(regret <= bound)
    np.testing.assert_allclose(ties, 1, rtol=1e-9)


def test_an_attack_moves_what_lies_within_its_radius_of_the_border():
    """A network that answers 1 where the first pixel exceeds 1/2, else 0, against images at 0.6 and 0.9."""
    network = nn.MLP(64, 10, depth=0, rngs=nnx.Rngs(0))
    graph, state = nnx.split(network)
    kernel, bias = np.zeros((64, 10), np.float32), np.full(10, -100, np.float32)
    kernel[0, 1], bias[:2] = 10, (0, -5)
    leaves = [jnp.asarray(kernel if leaf.ndim == 2 else bias) for leaf in jax.tree.leaves(state)]
    network = nnx.merge(graph, jax.tree.unflatten(jax.tree.structure(state), leaves))
    networks = jax.tree.map(lambda leaf: leaf[None], network)
    x = np.zeros((3, 64), np.float32)
    x[:, 0] = 0.6, 0.9, 0.9
    y = jnp.asarray([1, 1, 0])
    np.testing.assert_array_equal(_stacks.scores(networks, x).argmax(-1), [[1, 1, 1]])
    right = comp_sum._withstand(networks, jnp.asarray(x), y, jax.random.key(0), SMOKE, 0.2)
    np.testing.assert_array_equal(right, [[False, True, False]])
