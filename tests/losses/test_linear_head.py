"""The head as a network: its losses, its statistics, tied weights."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from entropax import losses

LABELS = jnp.array([[3, 1, 5], [0, 2, 6]])


@pytest.fixture(scope="module")
def hidden():
    return jax.random.normal(jax.random.key(1), (2, 3, 4))


def test_losses_and_statistics_are_those_of_its_logits(hidden):
    head, other = (losses.LinearCrossEntropy(4, 7, use_bias=True, softcap=5.0, rngs=nnx.Rngs(i)) for i in (0, 1))
    head.bias[...] = jnp.arange(7.0) / 5
    logits, others = head.logits(hidden), other.logits(hidden)
    expected = optax.softmax_cross_entropy_with_integer_labels(logits, LABELS)
    np.testing.assert_allclose(head(hidden, LABELS), expected, rtol=1e-5)
    found = head.statistics(hidden, LABELS, other)
    log_p, log_q = jax.nn.log_softmax(logits), jax.nn.log_softmax(others)
    p = jnp.exp(log_p)
    np.testing.assert_allclose(found.log_prob, -expected, rtol=1e-5)
    np.testing.assert_allclose(found.entropy, -jnp.sum(p * log_p, axis=-1), rtol=1e-5)
    np.testing.assert_allclose(found.kl, jnp.sum(p * (log_p - log_q), axis=-1), rtol=1e-4)
    assert head.statistics(hidden, LABELS).kl is None
    assert float(jnp.max(jnp.abs(logits))) < 5


@pytest.mark.slow
def test_a_tied_embedding_has_both_gradients(hidden):
    """The parameter of an nnx.Embed used twice: one gradient, the sum of that of the lookup and that of the head."""

    class Model(nnx.Module):
        def __init__(self, rngs):
            self.embed = nnx.Embed(7, 4, rngs=rngs)
            self.head = losses.LinearCrossEntropy(4, 7, embedding=self.embed.embedding, rngs=rngs)

    model = Model(nnx.Rngs(0))
    loss = lambda model: jnp.sum(model.head(model.embed(LABELS), LABELS, shift=1))  # noqa: E731
    found = nnx.grad(loss)(model)["embed"]["embedding"][...]

    def truth(table):
        vectors = table[LABELS[:, :-1]]
        return jnp.sum(optax.softmax_cross_entropy_with_integer_labels(vectors @ table.T, LABELS[:, 1:]))

    np.testing.assert_allclose(found, jax.grad(truth)(model.embed.embedding[...]), rtol=1e-5, atol=1e-6)


def test_what_it_refuses(hidden):
    rngs = nnx.Rngs(0)
    with pytest.raises(ValueError, match=r"embedding must have shape \(7, 4\), got \(7, 3\)"):
        losses.LinearCrossEntropy(4, 7, embedding=nnx.Param(jnp.zeros((7, 3))), rngs=rngs)
    head = losses.LinearCrossEntropy(4, 7, rngs=rngs)
    with pytest.raises(ValueError, match="reference must have the softcap None too, got 2"):
        head.statistics(hidden, LABELS, losses.LinearCrossEntropy(4, 7, softcap=2.0, rngs=rngs))
    with pytest.raises(ValueError, match="reference_hidden needs a reference"):
        head.statistics(hidden, LABELS, reference_hidden=hidden)
