"""Forecasters look only back, and reservoirs go on where they stopped."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from entropax import nn

X = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)


@pytest.mark.parametrize(
    "network",
    [
        lambda rngs: nn.LSTMForecaster(2, width=5, rngs=rngs),
        lambda rngs: nn.TransformerForecaster(2, length=9, embed=8, blocks=1, heads=2, rngs=rngs),
        lambda rngs: nn.EchoState(2, width=6, rngs=rngs),
    ],
)
def test_rows_depend_on_the_past_alone(network) -> None:
    made = network(nnx.Rngs(0))
    call = jax.jit(lambda x: made(x))
    before, after = call(jnp.asarray(X)), call(jnp.asarray(X).at[5].add(1.0))
    np.testing.assert_allclose(before[:5], after[:5], atol=1e-6)
    assert np.abs(before[5] - after[5]).max() > 1e-4


def test_reservoir_goes_on() -> None:
    """Its state is all it remembers; its spectral radius is the one asked for, within the circular law's 10%."""
    made = nn.EchoState(2, width=200, radius=0.9, rngs=nnx.Rngs(1))
    whole = made(jnp.asarray(X))
    first = made(jnp.asarray(X[:4]))
    np.testing.assert_allclose(whole[4:], made(jnp.asarray(X[4:]), first[-1]), atol=1e-5)
    radius = np.abs(np.linalg.eigvals(np.asarray(made.recur.kernel[...]))).max()
    np.testing.assert_allclose(radius, 0.9, rtol=0.1)


def test_lstm_step_by_hand() -> None:
    """One cell: the gates in the order input, forget, output, candidate, the forget gate with a bias of one."""
    made = nn.LSTMForecaster(1, width=1, layers=1, rngs=nnx.Rngs(2))
    weight, bias = np.asarray(made.read[0].kernel[...])[0], np.asarray(made.read[0].bias[...])
    recur = np.asarray(made.recur[0].kernel[...])[0]
    np.testing.assert_array_equal(bias, [0, 1, 0, 0])
    sigmoid = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731
    h = c = 0.0
    for x in X[:3, 0]:
        i, f, o, g = weight * x + bias + recur * h
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    expected = h * float(made.out.kernel[...][0, 0]) + float(made.out.bias[...][0])
    np.testing.assert_allclose(made(jnp.asarray(X[:3, :1]))[-1, 0], expected, rtol=1e-5)


def test_autoencoder_shapes() -> None:
    """One code for three samples, and the length comes back."""
    made = nn.CausalAutoencoder(rngs=nnx.Rngs(0))
    x = jnp.ones((100, 1))
    assert made.encode(x).shape == (34, 8)
    assert made(x).shape == (100, 1)
