"""Small scores: known values, references, symmetries, and fits to known densities."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from entropax import losses, nn, training


def count(network) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(network, nnx.Param)))


def numpy_gelu(x):
    """The tanh form, written out."""
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def test_mlp_is_the_formula(getkey):
    """Affine, GELU, affine, GELU, affine: against numpy."""
    network = nn.MLP(3, 2, width=5, depth=2, rngs=nnx.Rngs(0))
    x = np.asarray(jax.random.normal(getkey(), (4, 3)))
    y = x
    for i, layer in enumerate(network.layers):
        y = y @ np.asarray(layer.kernel[...]) + np.asarray(layer.bias[...])
        y = numpy_gelu(y) if i < 2 else y
    np.testing.assert_allclose(network(jnp.asarray(x)), y, rtol=1e-5, atol=1e-6)
    assert count(network) == (3 * 5 + 5) + (5 * 5 + 5) + (5 * 2 + 2)


def test_ring_network_of_the_paper():
    """arXiv 2309.12991's ring: 4 hidden layers of 256 from 2 to 2 coordinates, 198,658 parameters."""
    network = nn.MLPScore(2, rngs=nnx.Rngs(0))
    assert count(network) == (2 * 256 + 256) + 3 * (256 * 256 + 256) + (256 * 2 + 2) == 198_658


def test_center_and_scale(getkey):
    """A score with centre c and scale w at x is that without at (x - c) / w."""
    plain = nn.MLPScore(2, width=4, depth=1, rngs=nnx.Rngs(3))
    moved = nn.MLPScore(2, width=4, depth=1, center=(1.0, -2.0), scale=(2.0, 0.5), rngs=nnx.Rngs(3))
    x = jax.random.normal(getkey(), (2,))
    np.testing.assert_allclose(moved(x), plain((x - jnp.asarray([1.0, -2.0])) / jnp.asarray([2.0, 0.5])), rtol=1e-6)


def test_periodic_features(getkey):
    """A coordinate with period p enters as cos and sin of 2 pi (x - c) / p, the others as they are."""
    score = nn.MLPScore(2, width=4, depth=1, center=(0.5, 0.0), periods=(3.0, None), rngs=nnx.Rngs(0))
    x = jax.random.normal(getkey(), (2,))
    angle = 2 * np.pi * (float(x[0]) - 0.5) / 3.0
    features = jnp.asarray([x[1], np.cos(angle), np.sin(angle)])
    np.testing.assert_allclose(score(x), score.mlp(features), rtol=1e-5)


@pytest.mark.fast
@pytest.mark.parametrize("kind", ["function", "module", "one array", "network"])
def test_shift_by_any_reference(kind, getkey):
    """A shifted score is the reference plus the network, and equals the reference when the output starts at zero."""

    class Linear(eqx.Module):
        matrix: jax.Array
        offset: jax.Array | None

        def __call__(self, x):
            return self.matrix @ x + (0.0 if self.offset is None else self.offset)

    references = {
        "function": lambda x: -2 * x,
        "module": Linear(jnp.eye(2), jnp.ones(2)),
        "one array": Linear(jnp.eye(2), None),
        "network": nn.MLPScore(2, width=4, depth=1, rngs=nnx.Rngs(5)),
    }
    reference = references[kind]
    x = jax.random.normal(getkey(), (2,))
    zero = nn.ShiftedScore(nn.MLPScore(2, width=4, depth=1, zero_output=True, rngs=nnx.Rngs(0)), reference)
    np.testing.assert_array_equal(jax.jit(lambda m, y: m(y))(zero, x), reference(x))
    network = nn.MLPScore(2, width=4, depth=1, rngs=nnx.Rngs(0))
    np.testing.assert_allclose(nn.ShiftedScore(network, reference)(x), reference(x) + network(x), rtol=1e-6)


def test_reference_arrays_are_not_trained(getkey):
    """`fit` moves the network's parameters and leaves the arrays of the reference as they were."""

    class Spring(eqx.Module):
        stiffness: jax.Array

        def __call__(self, x):
            return -self.stiffness * x

    network = nn.MLPScore(2, width=4, depth=1, zero_output=True, rngs=nnx.Rngs(0))
    model = nn.ShiftedScore(network, Spring(jnp.asarray([2.0, 3.0])))
    data = jax.random.normal(getkey(), (64, 2))

    def loss(model, batch, *, key):
        del key
        return jnp.mean(losses.implicit_score_matching_loss(losses.evaluate_score(model, batch)))

    fitted = training.fit(loss, model, lambda step, *, key: data, optax.sgd(0.1), steps=3, key=getkey()).model
    np.testing.assert_array_equal(fitted.reference.stiffness, [2.0, 3.0])
    assert np.any(np.asarray(fitted.network.mlp.layers[-1].kernel[...]) != 0)


def test_learns_the_score_of_a_gaussian(getkey):
    """400 steps of score matching on fresh draws bring E|s - s*|^2 under 3% of E|s*|^2 = tr S^-1."""
    covariance = np.array([[1.2, 0.3], [0.3, 0.5]])
    factor = jnp.asarray(np.linalg.cholesky(covariance), jnp.float32)
    precision = np.linalg.inv(covariance)

    def loss(model, batch, *, key):
        del key
        return jnp.mean(losses.implicit_score_matching_loss(losses.evaluate_score(model, batch)))

    def batch_at(step, *, key):
        del step
        return jax.random.normal(key, (512, 2)) @ factor.T

    model = nn.MLPScore(2, width=32, depth=2, rngs=nnx.Rngs(0))
    optimizer = optax.adam(optax.cosine_decay_schedule(1e-2, 400))
    fitted = training.fit(loss, model, batch_at, optimizer, steps=400, key=getkey(), steps_per_call=400).model
    x = batch_at(0, key=getkey())
    error = np.mean(np.sum((np.asarray(jax.vmap(fitted)(x)) + np.asarray(x) @ precision) ** 2, axis=1))
    assert error < 0.03 * np.trace(precision)
