import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from entropax import nn
from tests.contract.harness import without_shape_hook

pytestmark = pytest.mark.fast


def test_features_are_the_copies_probabilities_of_the_first_classes():
    rng = np.random.default_rng(0)
    z, copies = rng.normal(size=(3, 6)), rng.normal(size=(3, 2, 6))
    p = np.exp(copies) / np.exp(copies).sum(-1, keepdims=True)
    order = np.argsort(-z, axis=1)[:, :4]
    expected = np.stack([p[i][:, order[i]].reshape(-1) for i in range(3)])
    np.testing.assert_allclose(nn.topk_features(z, copies), expected, rtol=1e-5)
    own = nn.topk_features(z, z[:, None], k=2)
    assert own.shape == (3, 2)
    assert np.all(own[:, 0] > own[:, 1])


def test_features_name_faults():
    z = np.zeros((3, 6))
    match = r"transformed_logits must have shape \(3, m, 6\), got \(3, 2, 5\)"
    with without_shape_hook(), pytest.raises(ValueError, match=match):
        nn.topk_features(z, np.zeros((3, 2, 5)))
    with pytest.raises(ValueError, match="k must be at least 1 and at most 6, got 7"):
        nn.topk_features(z, z[:, None], k=7)


def test_temperatures_exceed_the_least():
    network = nn.Calibrator(8, least_temperature=0.5, rngs=nnx.Rngs(0))
    t = network(jnp.asarray(-50 + 100 * np.random.default_rng(1).random((1000, 8), dtype=np.float32)))
    assert t.shape == (1000,)
    assert np.all(t >= 0.5)
