"""Set transformers: invariances, padding, heads and dropout. Generic properties stand in tests/contract."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from entropax import nn, training

SIZES = {
    "embed": 8,
    "heads": 2,
    "embedding_width": 12,
    "num_inducing": 3,
    "hidden": 10,
    "num_seeds": 2,
    "head_width": 8,
    "quantiles": True,
}
RNG = np.random.default_rng(0)
ROWS = jnp.asarray(RNG.standard_normal((7, 5)), jnp.float32)
apply = jax.jit(lambda network, *inputs: network(*inputs))


@pytest.fixture(scope="module")
def network() -> nn.SetTransformer:
    return nn.SetTransformer(5, **SIZES, rngs=nnx.Rngs(0))


@pytest.fixture(scope="module")
def axial() -> nn.AxialSetTransformer:
    return nn.AxialSetTransformer(embed=8, heads=2, num_inducing=3, hidden=10, num_seeds=2, rngs=nnx.Rngs(0))


@pytest.mark.fast
def test_order_of_rows(network) -> None:
    """Permuting rows changes the number by rounding alone."""
    expected = apply(network, ROWS)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(ROWS))
        np.testing.assert_allclose(apply(network, ROWS[order]), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_padding_of_any_kind(network, axial) -> None:
    """Padded rows do not count, whatever they hold, in value and gradient."""
    mask = jnp.arange(10) < 7
    for filling in (0.0, 1e3, np.nan):
        padded = jnp.concatenate([ROWS, jnp.full((3, 5), filling)])
        np.testing.assert_allclose(apply(network, padded, mask), apply(network, ROWS), atol=1e-6)
        np.testing.assert_allclose(
            apply(axial, padded[:, :2], padded[:, 2:], mask), apply(axial, ROWS[:, :2], ROWS[:, 2:]), atol=1e-6
        )
        gradient = jax.grad(apply, argnums=1)(network, padded, mask)
        assert np.all(np.asarray(gradient[7:]) == 0)
        np.testing.assert_allclose(gradient[:7], jax.grad(apply, argnums=1)(network, ROWS), rtol=1e-4, atol=1e-6)


def test_axial_symmetries(axial) -> None:
    """The axial network ignores the order of rows and of a side's coordinates, but not which side they are on."""
    x, y = ROWS[:, :2], ROWS[:, 2:]
    expected = apply(axial, x, y)
    order = np.array([3, 1, 6, 0, 5, 2, 4])
    np.testing.assert_allclose(apply(axial, x[order], y[order]), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(apply(axial, x[:, ::-1], y[:, jnp.array([2, 0, 1])]), expected, rtol=1e-5, atol=1e-6)
    assert abs(float(apply(axial, y, x) - expected)) > 1e-4
    mixed = apply(axial, x.at[:, 0].set(y[:, 0]), y.at[:, 0].set(x[:, 0]))
    assert abs(float(mixed - expected)) > 1e-4


def test_axial_takes_any_dimension(axial) -> None:
    """The same parameters take one coordinate or four, and see each."""
    values = [float(apply(axial, ROWS[:, :d], ROWS[:, d:])) for d in (1, 2, 3, 4)]
    assert len({round(value, 6) for value in values}) == 4


@pytest.mark.slow
def test_heads(network) -> None:
    """The quantile head answers level by level what it answers at once; the point head is another."""
    levels = jnp.array([0.1, 0.5, 0.9])
    summary = network.summarize(ROWS)
    together = network.heads.quantiles(summary, levels)
    np.testing.assert_allclose(together, [network(ROWS, None, tau) for tau in levels], rtol=1e-5)
    assert abs(float(network(ROWS) - together[1])) > 1e-6
    only = nn.SetTransformer(5, **SIZES, point=False, rngs=nnx.Rngs(0))
    np.testing.assert_allclose(only(ROWS), only(ROWS, None, 0.5))
    with pytest.raises(ValueError, match="quantile must be None for a network made with quantiles=False"):
        nn.SetTransformer(5, **SIZES | {"quantiles": False}, rngs=nnx.Rngs(0))(ROWS, None, 0.5)


@pytest.mark.slow
def test_dropout_in_a_fit(tmp_path) -> None:
    """Dropout draws a new mask at every step of a fit and none in evaluation; without it there is no random state."""
    network = nn.SetTransformer(5, **SIZES, embedding_dropout=0.3, interaction_dropout=0.5, rngs=nnx.Rngs(0))

    def loss(model, batch, *, key):
        del batch, key
        return model(ROWS)

    result = training.fit(
        loss, network, lambda step, *, key: step, optax.sgd(0.0), steps=6, key=jax.random.key(0), progress=False
    )
    assert len(set(result.history["loss"].tolist())) == 6
    network.eval()
    assert float(network(ROWS)) == float(network(ROWS))
    plain = nn.SetTransformer(5, **SIZES, rngs=nnx.Rngs(0))
    assert not jax.tree.leaves(nnx.state(plain, nnx.RngState))
