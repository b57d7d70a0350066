"""What arXiv 2506.12542 states of Plackett-Luce distillation, and of what it is compared with."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from entropax import losses

pytestmark = pytest.mark.usefixtures("x64")
S = np.array([0.5, 1.5, -0.2, 0.3])
T = np.array([2, 3, 0.5, -1])
BATCH_S = np.array([S, [1, 0, 0.2, -0.5], [0.1, 0.2, 0.9, 0.4]])
BATCH_T = np.array([T, [2.5, 0.1, 0, -1], [0, 0.3, 3, 1]])
BATCH_Y = np.array([0, 0, 2])
PRINTED = 6e-11  # half a unit of the tenth digit
ORDERS = np.array(list(itertools.permutations(range(4))))


def printed(values, expected):
    np.testing.assert_allclose(values, expected, rtol=0, atol=PRINTED)


def by_hand(s, order, weights):
    return sum(w * (np.log(np.exp(s[order[k:]]).sum()) - s[order[k]]) for k, w in enumerate(weights))


def test_1_a_label_that_is_not_the_teachers_first():
    """y = 0: the order, its weights (which sum to one and leave the label little), the loss and its gradient."""
    ranking = losses.teacher_optimal_permutation(T, 0)
    assert ranking.valid
    np.testing.assert_array_equal(ranking.value, [0, 1, 2, 3])
    weights = scipy.special.softmax(T)[ranking.value]
    printed(weights, [0.2505512719, 0.6810689694, 0.0559055454, 0.0124742133])
    value, gradient = jax.value_and_grad(losses.pld_loss)(jnp.asarray(S), T, 0)
    printed(value, 0.7281708186)
    printed(gradient, [-0.2007754897, -0.0867851967, 0.0737669255, 0.2137937610])
    sigma = np.array([scipy.special.softmax(np.where(np.arange(4) < k, -np.inf, S)) for k in range(4)])
    np.testing.assert_allclose(gradient, weights @ (sigma - np.eye(4)), rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(jax.grad(losses.pld_loss, argnums=1)(jnp.asarray(S), jnp.asarray(T), 0), 0)


@pytest.mark.fast
def test_2_a_label_that_is_the_teachers_first():
    """y = 1: the order, the loss and its gradient."""
    np.testing.assert_array_equal(losses.teacher_optimal_permutation(T, 1).value, [1, 0, 2, 3])
    value, gradient = jax.value_and_grad(losses.pld_loss)(jnp.asarray(S), T, 1)
    printed(value, 0.6844361131)
    printed(gradient, [-0.0070319507, -0.3132729226, 0.0861291877, 0.2341756856])


def test_3_other_weights_and_temperatures():
    """Equal weights, all on the first place (cross-entropy), 2^(C - k) - 1, and teacher temperatures 2 and 0.5."""
    order = losses.teacher_optimal_permutation(T, 0).value
    printed(losses.list_mle(S, order, 1 / 4), 0.7462176878)
    printed(losses.list_mle(S, order, np.array([1.0, 0, 0, 0])), 1.6161350138)
    printed(losses.list_mle(S, order, 2.0 ** np.arange(3, -1, -1) - 1), 13.4709983401)
    printed(losses.pld_loss(S, T, 0, teacher_temperature=2.0), 0.8154189396)
    printed(losses.pld_loss(S, T, 0, teacher_temperature=0.5), 0.5426622942)


def test_4_knowledge_distillation():
    """KD at temperature 2 with label weight 0.1, 0 and 1; the last is cross-entropy."""
    printed(losses.kd_loss(S, T, 0), 0.4917893036)
    printed(losses.kd_loss(S, T, 0, label_weight=0.0), 0.3668620025)
    printed(losses.kd_loss(S, T, 0, label_weight=1.0), 1.6161350138)


def test_5_a_batch():
    """DIST's two relations at temperatures 1 and 4, tau^2 included, and the mean PLD."""
    for temperature, inter, intra in ((1.0, 0.0257519647, 0.0627445972), (4.0, 1.0937246011, 2.4572642102)):

        def alone(b, c, tau=temperature):
            return losses.dist_loss(
                BATCH_S, BATCH_T, BATCH_Y, label_weight=0.0, inter_weight=b, intra_weight=c, temperature=tau
            )

        printed(alone(1.0, 0.0), inter)
        printed(alone(0.0, 1.0), intra)
    printed(jnp.mean(losses.pld_loss(BATCH_S, BATCH_T, BATCH_Y)), 0.7704161253)


def test_6_invariances_and_convexity():
    """Blind to constants and to names of classes, gradient sums to 0, PLD >= 0 and -> 0, Hessian PSD, scale matters."""
    rng = np.random.default_rng(0)
    s, t, y = rng.normal(0, 2, (20, 4)), rng.normal(0, 2, (20, 4)), rng.integers(0, 4, 20)
    loss = losses.pld_loss(s, t, y)
    np.testing.assert_allclose(losses.pld_loss(s + 3, t - 7, y), loss, rtol=1e-12)
    names = rng.permutation(4)
    np.testing.assert_allclose(losses.pld_loss(s[:, names], t[:, names], np.argsort(names)[y]), loss, rtol=1e-12)
    assert np.all(np.asarray(loss) > 0)
    assert np.all(np.abs(losses.pld_loss(2 * s, t, y) - loss) > 1e-6)
    gradients = jax.jit(jax.vmap(jax.grad(losses.pld_loss)))(s, t, y)
    np.testing.assert_allclose(gradients.sum(axis=1), 0, atol=1e-14)
    hessians = jax.jit(jax.vmap(jax.hessian(losses.pld_loss)))(s, t, y)
    assert np.linalg.eigvalsh(hessians).min() > -1e-13
    places = np.argsort(np.asarray(losses.teacher_optimal_permutation(t, y).value), axis=1)
    followed = [float(losses.pld_loss(-gap * places, t, y).max()) for gap in (1.0, 10.0, 40.0)]
    assert followed[0] > followed[1] > followed[2]
    assert followed[2] < 1e-16


def test_7_probabilities_of_all_orders_sum_to_one():
    """The 24 orders of four classes; each probability as the product of its choices."""
    log_prob = losses.plackett_luce_log_prob(np.tile(S, (24, 1)), ORDERS)
    np.testing.assert_allclose(np.exp(log_prob).sum(), 1, rtol=1e-14)
    np.testing.assert_allclose(log_prob, [-by_hand(S, order, np.ones(4)) for order in ORDERS], rtol=1e-13)
