"""Orders and their likelihoods: large lists, ties, masks, samples."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

from entropax import losses

ORDERS = np.array(list(itertools.permutations(range(3))))


@pytest.mark.slow
def test_a_thousand_classes_in_float32_agree_with_float64():
    """Rest sums fall by e^-80 along the order, so that any shift by the largest score would lose them."""
    rng = np.random.default_rng(0)
    t = rng.normal(0, 1, 1000)
    s = 40 * t / np.abs(t).max() + rng.normal(0, 1, 1000)
    order = np.argsort(-t)
    with jax.enable_x64(True):
        exact, slope = jax.value_and_grad(losses.list_mle)(jnp.asarray(s), order)
    loss, gradient = jax.value_and_grad(losses.list_mle)(jnp.asarray(s, jnp.float32), order)
    assert loss.dtype == jnp.float32
    np.testing.assert_allclose(loss, exact, rtol=2e-6)
    np.testing.assert_allclose(gradient, slope, rtol=1e-4, atol=1e-4)


@pytest.mark.fast
def test_equal_logits_keep_the_order_of_classes():
    ranking = losses.teacher_optimal_permutation(np.array([[1.0, 2, 2, 2], [0, 0, 0, 0]]), np.array([2, 3]))
    np.testing.assert_array_equal(ranking.value, [[2, 1, 3, 0], [3, 0, 1, 2]])


def test_masked_examples_are_not_looked_at():
    where = np.array([True, False])
    s = np.array([[1.0, 0, 2], [np.nan] * 3])
    order = np.array([[2, 0, 1], [7, 7, 7]])
    teacher = np.array([[0.0, 1, 2], [np.nan] * 3])
    for loss in (
        lambda s: losses.list_mle(s, order, where=where),
        lambda s: losses.pld_loss(s, teacher, np.array([0, 9]), where=where),
        lambda s: losses.kd_loss(s, teacher, np.array([0, 9]), where=where),
        lambda s: losses.dkd_loss(s, teacher, np.array([0, 9]), where=where),
    ):
        value = loss(s)
        gradient = jax.jit(jax.grad(lambda s, loss=loss: jnp.sum(loss(s))))(s)
        assert value[0] > 0
        assert value[1] == 0
        assert np.isfinite(gradient[0]).all()
        assert np.all(gradient[1] == 0)


def test_masked_examples_leave_the_correlations_of_a_batch():
    rng = np.random.default_rng(3)
    s, t, y = rng.normal(size=(5, 4)), rng.normal(size=(5, 4)), rng.integers(0, 4, 5)
    kept = np.array([True, False, True, True, False])
    masked = losses.dist_loss(np.where(kept[:, None], s, np.nan), t, y, where=kept)
    np.testing.assert_allclose(masked, losses.dist_loss(s[kept], t[kept], y[kept]), rtol=1e-5)
    with pytest.raises(ValueError, match="where must leave at least two examples, got 1"):
        losses.dist_loss(s, t, y, where=np.arange(5) == 2)


def test_a_constant_row_correlates_with_nothing():
    """Its relation is 1, without gradient, where a quotient would be 0 / 0."""
    s = np.array([[0.3, 0.3, 0.3], [0.0, 1, 2]], np.float32)
    t = np.array([[1.0, 2, 0], [0.0, 1, 2]], np.float32)

    def inter(s):
        return losses.dist_loss(
            s, t, np.zeros(2, int), label_weight=0.0, inter_weight=1.0, intra_weight=0.0, temperature=1.0
        )

    value, gradient = jax.value_and_grad(inter)(s)
    np.testing.assert_allclose(value, 0.5, atol=1e-6)
    np.testing.assert_allclose(gradient, 0, atol=1e-6)


@pytest.mark.usefixtures("x64")
def test_decoupling_splits_the_divergence():
    """KL = KL of (q_y, 1 - q_y) + (1 - q_y) KL of the others; and the parts against scipy."""
    rng = np.random.default_rng(1)
    s, t, y = rng.normal(0, 2, 5), rng.normal(0, 2, 5), 3
    p, q = scipy.special.softmax(t / 4), scipy.special.softmax(s / 4)

    def kl(a, b):
        return scipy.special.rel_entr(a, b).sum()

    def rest(a):
        return np.delete(a, y) / (1 - a[y])

    def part(a, b):
        return float(losses.dkd_loss(s, t, y, target_weight=a, other_weight=b))

    np.testing.assert_allclose(part(1, 0), 16 * kl([p[y], 1 - p[y]], [q[y], 1 - q[y]]), rtol=1e-10)
    np.testing.assert_allclose(part(0, 1), 16 * kl(rest(p), rest(q)), rtol=1e-10)
    whole = float(losses.kd_loss(s, t, y, label_weight=0.0, temperature=4.0))
    np.testing.assert_allclose(part(1, 1 - p[y]), whole, rtol=1e-10)


def test_samples_have_the_distribution_of_plackett_and_luce():
    """Chi-squared of 6,000 orders of three items at level 1e-3; power > 0.99 against scores off by 0.15."""
    s = np.array([0.8, 0.0, -0.5], np.float32)
    ranking = losses.sample_plackett_luce(np.tile(s, (6000, 1)), key=jax.random.key(4))
    assert ranking.valid
    counts = [(np.asarray(ranking.value) == order).all(axis=1).sum() for order in ORDERS]

    def p_value(scores):
        log_prob = losses.plackett_luce_log_prob(np.tile(scores, (6, 1)), ORDERS)
        return scipy.stats.chisquare(counts, 6000 * scipy.special.softmax(np.asarray(log_prob, np.float64))).pvalue

    assert p_value(s) > 1e-3
    assert p_value(s + np.array([0.15, -0.15, 0], np.float32)) < 1e-3


def test_relaxed_samples_tend_to_the_hard_ones():
    s, key = np.array([[0.8, 0.0, -0.5, 0.1]] * 5, np.float32), jax.random.key(7)
    hard = np.eye(4)[np.asarray(losses.sample_plackett_luce(s, key=key).value)]
    gaps = [float(np.abs(losses.soft_plackett_luce_sample(s, tau, key=key) - hard).max()) for tau in (1.0, 0.1, 1e-3)]
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 1e-6


def test_a_class_that_both_rule_out_costs_nothing():
    s, t = np.array([0.3, -np.inf, 1.0]), np.array([1.0, -np.inf, 0.5])
    value, gradient = jax.value_and_grad(losses.pld_loss)(jnp.asarray(s), t, 0)
    without = losses.pld_loss(np.delete(s, 1), np.delete(t, 1), 0)
    np.testing.assert_allclose(value, without, rtol=1e-6)
    assert np.isfinite(gradient).all()
    assert gradient[1] == 0


@pytest.mark.fast
def test_an_order_that_is_none_is_named():
    with pytest.raises(ValueError, match=r"permutation must hold each of 0 to 2 once, got \[0, 0, 1\]"):
        losses.list_mle(np.zeros((2, 3)), np.array([[0, 1, 2], [0, 0, 1]]))
    assert not jax.jit(lambda t: losses.teacher_optimal_permutation(t, 0).valid)(jnp.array([jnp.nan, 0.0]))


@pytest.mark.fast
def test_the_last_place_costs_nothing_even_where_it_is_ruled_out():
    """One item at minus infinity, placed last: the probability is that of the others' order."""
    s, order = jnp.array([0.3, 1.0, -jnp.inf]), np.array([1, 0, 2])
    value, gradient = jax.value_and_grad(losses.plackett_luce_log_prob)(s, order)
    rest, slope = jax.value_and_grad(losses.plackett_luce_log_prob)(s[:2], order[:2])
    np.testing.assert_allclose(value, rest, rtol=1e-6)
    np.testing.assert_allclose(gradient, [*slope, 0], rtol=1e-6)


@pytest.mark.fast
def test_a_class_whose_probability_underflows_may_be_ruled_out():
    """A teacher's logit of -10,000 is a probability of zero, whatever the student makes of it."""
    s, t = jnp.array([0.3, 1.0, -jnp.inf]), jnp.array([0.0, 1.0, -1e4])
    value, gradient = jax.value_and_grad(losses.kd_loss)(s, t, 0)
    np.testing.assert_allclose(value, losses.kd_loss(s[:2], t[:2], 0), rtol=1e-6)
    assert np.isfinite(gradient).all()


@pytest.mark.slow
def test_correlations_of_rare_classes_do_not_underflow():
    """Probabilities of 1e-13, whose fourth powers float32 does not hold, correlate as in float64."""
    rng = np.random.default_rng(5)
    s, t = (np.where(np.arange(4) < 2, 0, -30) + rng.normal(size=(5, 4)) for _ in range(2))
    loss = lambda s, t: losses.dist_loss(s, t, np.zeros(5, int), label_weight=0.0, temperature=1.0)  # noqa: E731
    value, gradient = jax.value_and_grad(loss)(s.astype(np.float32), t.astype(np.float32))
    with jax.enable_x64(True):
        exact, slope = jax.value_and_grad(loss)(s, t)
    np.testing.assert_allclose(value, exact, rtol=1e-4)
    np.testing.assert_allclose(gradient, slope, rtol=1e-3, atol=1e-4)
