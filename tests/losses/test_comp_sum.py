"""Comp-sum losses: extreme scores, masks, labels of both kinds, and tau across one."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from entropax import losses

Z = jnp.asarray(np.random.default_rng(0).normal(0, 3, (40, 7)), jnp.float32)
Y = jnp.asarray(np.random.default_rng(1).integers(0, 7, 40))


def test_cross_entropy_is_that_of_optax():
    """Integer labels and distributions, values and gradients."""
    p = jax.nn.softmax(2 * Z[::-1])
    ours = jax.value_and_grad(lambda z: losses.comp_sum_loss(z, Y).sum() + losses.comp_sum_loss(z, p).sum())(Z)
    theirs = jax.value_and_grad(
        lambda z: optax.softmax_cross_entropy_with_integer_labels(z, Y).sum() + optax.softmax_cross_entropy(z, p).sum()
    )(Z)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_extreme_scores_in_float32():
    """No overflow where the loss is finite: scores of 1e4, and a class that is ruled out by -inf."""
    scores = jnp.array([[1e4, 0.0, -1e4], [2.0, 1.0, -jnp.inf]])
    labels = jnp.array([1, 2])
    for tau, expected in ((1.0, [1e4, np.inf]), (1.5, [2.0, 2.0]), (2.0, [1.0, 1.0]), (3.0, [0.5, 0.5])):
        np.testing.assert_allclose(losses.comp_sum_loss(scores, labels, tau), expected, rtol=1e-6)
    for tau in (1.0, 1.5, 2.0):
        gradient = jax.grad(lambda z, tau=tau: losses.comp_sum_loss(z, jnp.array([0, 0]), tau).sum())(scores)
        assert bool(jnp.isfinite(gradient).all())
    certain = losses.comp_sum_loss(scores, jnp.array([[1.0, 0, 0], [0.5, 0.5, 0]]), 1.0)
    np.testing.assert_allclose(certain, [0.0, np.log1p(np.exp(-1.0)) + 0.5], rtol=1e-6)


@pytest.mark.parametrize("x", [1e-3, 1.0, 20.0])
def test_tau_is_smooth_across_one(x, x64):
    """First and second derivative of the outer function in tau at 1, from its Taylor series in L = log(1 + u)."""
    u = jnp.expm1(x)
    first = jax.grad(losses.comp_sum_outer, argnums=1)
    np.testing.assert_allclose(first(u, 1.0), -(x**2) / 2, rtol=1e-10)
    np.testing.assert_allclose(jax.grad(first, argnums=1)(u, 1.0), x**3 / 3, rtol=1e-10)
    for tau in (1 - 1e-5, 1 + 1e-5, 1 + 0.4 / x, 1 + 0.6 / x):
        a = 1 - tau
        exact = float(np.longdouble(np.expm1(np.longdouble(a * x))) / np.longdouble(a))
        np.testing.assert_allclose(losses.comp_sum_outer(u, tau), exact, rtol=1e-10)


def test_masked_examples_are_not_looked_at():
    """Neither labels out of range nor NaN scores; they give zero and no gradient, and the others what they gave."""
    where = jnp.arange(40) % 3 > 0
    spoiled = jnp.where(where[:, None], Z, jnp.nan)
    labels = jnp.where(where, Y, -100)
    value, gradient = jax.value_and_grad(lambda z: losses.comp_sum_loss(z, labels, 0.5, where=where).sum())(spoiled)
    np.testing.assert_allclose(value, losses.comp_sum_loss(Z, Y, 0.5)[where].sum(), rtol=1e-5)
    assert not np.any(np.asarray(gradient)[~np.asarray(where)])
    assert np.all(np.abs(np.asarray(gradient)[np.asarray(where)]).sum(1) > 0)
    assert not np.any(np.asarray(losses.comp_sum_loss(spoiled, labels, where=jnp.zeros(40, bool))))


def test_the_gap_bound_of_sure_labels_falls_with_tau(x64):
    """One-hot labels have no conditional risk, and Phi falls with tau; with none to lose at all it is zero."""
    p = np.eye(3)[[0, 1, 1]]
    bounds = [float(losses.minimizability_gap_bound(0.7, p, tau)) for tau in (0.0, 0.5, 1.0, 1.5, 2.0)]
    assert bounds[0] == pytest.approx(0.7)
    assert np.all(np.diff(bounds) < 0)
    assert float(losses.minimizability_gap_bound(0.0, p, 1.0)) == 0


@pytest.mark.slow
def test_an_excess_beyond_the_transform_says_nothing():
    """The bound is one, with no slope; at zero it is zero."""
    bound = lambda t: losses.h_consistency_bound(t, 1.0, num_classes=5)  # noqa: E731
    np.testing.assert_allclose(bound(jnp.array([0.0, 0.7, 9.0])), [0, 1, 1], atol=1e-6)
    assert float(jax.grad(bound)(9.0)) == 0


@pytest.mark.slow
def test_the_bound_differentiates_by_tau(x64):
    """Against finite differences; the inverse function's derivative is that of no step of the bisection."""
    bound = lambda tau: losses.h_consistency_bound(0.1, tau, num_classes=5)  # noqa: E731
    for tau in (0.5, 1.5):
        slope = (bound(tau + 1e-5) - bound(tau - 1e-5)) / 2e-5
        np.testing.assert_allclose(jax.grad(bound)(tau), slope, rtol=1e-6)


@pytest.mark.slow
def test_labels_may_be_coarser_than_logits(x64):
    """Rounded to bfloat16, or to float32 beside float64 logits, they sum to one only as well as their dtype can."""
    for dtype, logits in ((jnp.bfloat16, Z), (jnp.float32, Z.astype(jnp.float64))):
        p = jax.nn.softmax(2 * Z[::-1]).astype(dtype)
        expected = -jnp.sum(p.astype(logits.dtype) * jax.nn.log_softmax(logits), axis=-1)
        np.testing.assert_allclose(losses.comp_sum_loss(logits, p), expected, rtol=1e-5)
    p = jnp.asarray([0.5, 0.3, 0.2], jnp.bfloat16)
    risk = losses.comp_sum_conditional_risk(p, 1.0)
    assert risk.dtype == jnp.float32
    np.testing.assert_allclose(risk, 1.0296530141, rtol=5e-3)  # bfloat16 has 8 bits
    assert losses.minimizability_gap_bound(0.7, jnp.eye(3, dtype=jnp.float32)).dtype == jnp.float32


def test_classes_without_probability(x64):
    """Infinite slopes of theirs leave no NaN; their own slope is the loss that they would add."""
    for scores, p in (([2.0, 1.0, -np.inf], [0.5, 0.5, 0.0]), ([1e4, 0.0, -1e4], [1.0, 0.0, 0.0])):
        gradient = jax.grad(lambda z, p=p: losses.comp_sum_loss(z, jnp.array(p), 0.5))(jnp.array(scores))
        q = np.exp(np.array(scores) - max(scores))
        q /= q.sum()
        with np.errstate(divide="ignore", invalid="ignore"):
            weights = np.where(np.array(p) > 0, p / np.sqrt(q), 0)  # of p_y q_y^(tau - 1) (q - e_y)
        np.testing.assert_allclose(gradient, weights.sum() * q - weights, atol=1e-12)
    slope = jax.grad(losses.comp_sum_loss, argnums=1)(jnp.array([1.0, 2.0, 0.5]), jnp.array([1.0, 0.0, 0.0]), 0.5)
    np.testing.assert_allclose(slope, losses.comp_sum_loss(np.tile([1, 2, 0.5], (3, 1)), np.arange(3), 0.5), rtol=1e-12)


@pytest.mark.fast
def test_a_common_part_of_the_scores_does_not_round_the_loss():
    """At 10,000 a float32 has steps of 0.001."""
    z = jnp.array([1e4, 1e4 - 5])
    for loss in (losses.comp_sum_loss, lambda z, y: losses.mixce_loss(z, y, mle_weight=1.0)):
        np.testing.assert_allclose(loss(z, 0), np.log1p(np.exp(-5)), rtol=1e-5)


@pytest.mark.fast
def test_labels_of_few_bits():
    """300 classes do not fit the labels' dtype."""
    for dtype in (np.int8, np.uint8):
        y = np.array([0, 100], dtype)
        np.testing.assert_allclose(losses.comp_sum_loss(np.zeros((2, 300), np.float32), y), np.log(300), rtol=1e-6)
