"""Transductive segmentation: against information measures, its gradients through all updates, and what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import losses
from tests.contract.harness import without_shape_hook

RNG = np.random.default_rng(2)
SUPPORT = RNG.standard_normal((2, 3, 4, 5))
MASKS = RNG.choice([0, 1], (2, 3, 4))
QUERY = RNG.standard_normal((4, 3, 5))


@pytest.mark.slow
def test_the_result_is_of_its_classifier(x64):
    """Probabilities, log-odds and the last terms are those of the classifier that is returned."""
    found = losses.repri_inference(SUPPORT, MASKS, QUERY, num_updates=6)
    assert found.value.shape == (4, 3)
    np.testing.assert_allclose(found.logits, found.classifier.logits(QUERY), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(found.value, 1 / (1 + np.exp(-found.logits)), rtol=1e-12)
    terms = losses.repri_terms(found.classifier, SUPPORT, MASKS, QUERY, found.proportion)
    for trace, term in zip(jax.tree.leaves(found.trace), jax.tree.leaves(terms), strict=True):
        assert trace.shape == (7,)
        np.testing.assert_allclose(trace[-1], term, rtol=1e-10)
    pair = jnp.stack([jnp.zeros_like(found.logits), found.logits], -1)
    np.testing.assert_allclose(losses.prediction_entropy(pair), terms.entropy, rtol=1e-12)
    pi = jnp.stack([1 - found.proportion, found.proportion])
    np.testing.assert_allclose(losses.proportion_kl(pair, pi), terms.kl, rtol=1e-10)


@pytest.mark.slow
def test_the_proportion_is_renewed_when_told():
    """At the start, twice, and after the last update, which moves nothing but what is reported."""
    run = lambda *when, n=6: losses.repri_inference(SUPPORT, MASKS, QUERY, num_updates=n, refresh_after=when)  # noqa: E731
    twice = run(2, 4)
    np.testing.assert_allclose(twice.trace.kl[jnp.array([0, 2, 4])], 0, atol=1e-7)
    assert float(twice.trace.kl[3]) > 1e-6
    np.testing.assert_allclose(twice.proportion, twice.trace.foreground[4], rtol=1e-6)
    never, last = run(), run(6)
    np.testing.assert_array_equal(never.value, last.value)
    np.testing.assert_allclose(last.proportion, last.trace.foreground[6], rtol=1e-6)
    np.testing.assert_allclose(never.proportion, never.trace.foreground[0], rtol=1e-6)
    mapped = jax.vmap(lambda when: losses.repri_inference(SUPPORT, MASKS, QUERY, num_updates=6, refresh_after=when))
    np.testing.assert_allclose(mapped(jnp.asarray([[2, 4], [6, 6]])).value, [twice.value, last.value], rtol=1e-5)
    heavier = losses.repri_inference(SUPPORT, MASKS, QUERY, num_updates=6, refresh_after=(), kl_weight=1.5)
    np.testing.assert_allclose(run(0).value, heavier.value, rtol=1e-5)  # 1/2 for two shots, and 1 more


def test_a_given_proportion_may_be_a_start():
    """It is held unless it is to be renewed."""
    run = lambda **o: losses.repri_inference(SUPPORT, MASKS, QUERY, proportion=0.7, num_updates=6, **o)  # noqa: E731
    np.testing.assert_allclose(run().proportion, 0.7, rtol=1e-6)
    renewed = run(refresh_after=(3,))
    np.testing.assert_allclose(renewed.proportion, renewed.trace.foreground[3], rtol=1e-6)


@pytest.mark.slow
def test_gradients_reach_through_all_updates(x64):
    """Of a loss on the query by features, rate and weight, against differences; two renewals on the way."""
    truth = RNG.choice([0.0, 1.0], (4, 3))

    def loss(support, query, rate, kl):
        found = losses.repri_inference(
            support, MASKS, query, num_updates=5, refresh_after=(1, 3), learning_rate=rate, kl_weight=kl, tau=4.0
        )
        return jnp.mean(jnp.logaddexp(0, found.logits) - truth * found.logits)

    at = (jnp.asarray(SUPPORT), jnp.asarray(QUERY), jnp.asarray(0.1), jnp.asarray(0.5))
    both = jax.jit(jax.value_and_grad(loss, argnums=(0, 1, 2, 3)))
    slopes = both(*at)[1]
    for i, slope in enumerate(slopes):
        along = np.random.default_rng(i).standard_normal(slope.shape)
        ends = [both(*at[:i], at[i] + step * along, *at[i + 1 :])[0] for step in (1e-5, -1e-5)]
        np.testing.assert_allclose(np.sum(slope * along), (ends[0] - ends[1]) / 2e-5, rtol=1e-6, atol=1e-10)
        assert abs(np.sum(slope * along)) > 1e-6


def test_half_precision_accumulates_in_float32():
    """bfloat16 features give float32 results, those of the rounded features."""
    s, q = jnp.asarray(SUPPORT, jnp.bfloat16), jnp.asarray(QUERY, jnp.bfloat16)
    half = losses.repri_inference(s, MASKS, q, num_updates=6)
    full = losses.repri_inference(s.astype(jnp.float32), MASKS, q.astype(jnp.float32), num_updates=6)
    assert half.value.dtype == jnp.float32
    np.testing.assert_array_equal(half.value, full.value)


def test_zero_features_are_on_no_side():
    """Their cosine is 0, without a gradient; masks may be boolean."""
    query = QUERY.astype(np.float32)
    query[0, 0] = 0

    def area(q):
        found = losses.repri_inference(SUPPORT.astype(np.float32), MASKS == 1, q, num_updates=3)
        return jnp.sum(found.value), found

    slope, found = jax.jit(jax.grad(area, has_aux=True))(query)
    np.testing.assert_allclose(found.logits[0, 0], -found.classifier.bias, rtol=1e-6)
    assert np.all(np.isfinite(slope))
    np.testing.assert_array_equal(slope[0, 0], 0)


@pytest.mark.fast
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"num_updates": -1}, ValueError, "num_updates must be at least 0, got -1"),
        (
            {"num_updates": 5, "refresh_after": (6,)},
            ValueError,
            "refresh_after must be from 0 to 5, got 6",
        ),
        ({"refresh_after": (2.0,)}, TypeError, "refresh_after must be of integers, got dtype float"),
        ({"where": np.ones((4, 3), int)}, TypeError, "where must be boolean"),
        ({"where": np.zeros((4, 3), bool)}, ValueError, "where must let some query pixels count, got none"),
        ({"where": np.ones((3, 4), bool)}, ValueError, r"where must be broadcastable to shape \(4, 3\)"),
        ({"learning_rate": 0.0}, ValueError, "learning_rate must be positive"),
        ({"entropy_weight": -1.0}, ValueError, "entropy_weight must be non-negative"),
        ({"proportion": 1.0}, ValueError, r"proportion must be inside \(0, 1\), got 1.0"),
    ],
)
def test_errors(options, error, message):
    """Names, what was got, and what was expected; the same constants raise inside jit."""
    with without_shape_hook():
        run = lambda s, **o: losses.repri_inference(s, MASKS, QUERY, **(o | options))  # noqa: E731
        with pytest.raises(error, match=message):
            run(SUPPORT)
        with pytest.raises(error, match=message):
            jax.eval_shape(run, jnp.asarray(SUPPORT))
