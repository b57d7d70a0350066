"""What the experiment on cross-entropy without logits measures."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.losses import _cut_measures as measures
from experiments.losses._peaked_head import TrainedHead


@pytest.fixture(scope="module")
def head():
    rng = np.random.default_rng(0)
    arrays = 3 * rng.standard_normal((5, 4)), rng.standard_normal((7, 4))
    return TrainedHead(*map(jnp.asarray, arrays), jnp.asarray([0, 6, 3, 3, 1]), 0.0)


@pytest.mark.fast
def test_tiles_are_kept_for_one_large_slope(head):
    """Against a loop over tiles, the last of them cut short."""
    p = np.array(jax.nn.softmax(head.hidden @ head.embedding.T))
    order = np.random.default_rng(1).permutation(7)
    slopes = np.abs(p - np.eye(7)[np.asarray(head.labels)])[:, order]
    tiles = [slopes[i : i + 2, j : j + 3] for i in range(0, 5, 2) for j in range(0, 7, 3)]
    for eps in (1e-3, 0.03, 0.3):
        expected = np.mean([tile.max() >= eps for tile in tiles])
        np.testing.assert_allclose(measures.kept_share(head, eps, (2, 3), order), expected)
        np.testing.assert_allclose(measures.entries_above(head, eps), np.mean(np.sum(p >= eps, axis=1)), rtol=1e-6)


@pytest.mark.fast
def test_times_are_medians_of_warm_calls():
    """The first call of each, which would compile, is not timed."""
    called = []
    found = measures.seconds({"a": lambda: called.append("a"), "b": lambda: called.append("b")}, 3)
    assert called == ["a", "b"] * 4
    assert all(value > 0 for value in found.values())


@pytest.mark.fast
def test_angles_and_errors():
    x, y = np.array([[3.0, 0.0]]), np.array([[4.0, 3.0]])
    np.testing.assert_allclose(measures.cosine(x, y), 0.8)
    near, exact = (jnp.asarray(x), jnp.asarray(y)), (jnp.asarray(x), jnp.asarray(2 * y))
    np.testing.assert_allclose(measures.relative_error(near, exact), 0.5, rtol=1e-6)


def test_half_precision_against_float64():
    """bfloat16 inputs, exact from there on: the loss is that of the rounded inputs, gradients are rounded once."""
    error, cosine = measures.half_precision(measures.problem(12, 8, 40, jax.random.key(0)))
    assert error < 1e-5
    assert 0.9999 < cosine <= 1 + 1e-12
