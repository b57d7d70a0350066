"""What arXiv 2310.04691 states of the earth mover's distance as a loss of language models, and its package computes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from scipy import optimize

from entropax import losses

pytestmark = pytest.mark.usefixtures("x64")
E = np.array([[1, 0], [0.8, 0.6], [0, 1], [-1, 1]])
Z = np.array([[1, 0.5, -0.5, 0], [0.2, -0.3, 0.8, 0.1]])
Y = np.array([1, 2])
PRINTED = 6e-11  # half a unit of the tenth digit
GUARDED = 3e-10  # the package adds 1e-10 to the divisor of its ratio


def printed(values, expected, atol=PRINTED):
    np.testing.assert_allclose(values, expected, rtol=0, atol=atol)


def cost_matrix(e):
    u = e / np.linalg.norm(e, axis=1, keepdims=True)
    return 1 - u @ u.T


def exact_emd(q, p, cost):
    """The least cost of a coupling of q and p, by linear programming."""
    n = len(q)
    rows, columns = np.kron(np.eye(n), np.ones(n)), np.kron(np.ones(n), np.eye(n))
    found = optimize.linprog(cost.ravel(), A_eq=np.vstack([rows, columns]), b_eq=np.concatenate([q, p]), method="highs")
    assert found.success
    return found.fun


def sure(tokens, n=4):
    """Logits of a distribution that is one token."""
    return np.where(np.arange(n) == np.asarray(tokens)[:, None], 0, -np.inf)


@pytest.mark.fast
def test_1_costs():
    """Cost rows 1 and 2: what a model that is sure of a token pays."""
    printed(losses.demd(sure(range(4)), np.full(4, 1), E), [0.2, 0, 0.4, 1.1414213562])
    printed(losses.demd(sure(range(4)), np.full(4, 2), E), [1, 0.4, 0, 0.2928932188])


def test_2_and_3_the_distance_of_two_positions_and_its_gradient():
    """DEMD, likelihood, and dDEMD / dz_i = Q_i (C_i - DEMD), which sums to 0."""
    values, pullback = jax.vjp(lambda z: losses.demd(z, Y, E), jnp.asarray(Z))
    printed(values, [0.3227051296, 0.3479029821])
    printed(losses.mixce_loss(Z, Y, mle_weight=1.0), [1.2873386717, 0.8663725016])
    (gradient,) = pullback(jnp.ones(2))
    expected = [
        [-0.0558374887, -0.0890680178, 0.0078482370, 0.1370572696],
        [0.1504785952, 0.0072916890, -0.1462841777, -0.0114861066],
    ]
    printed(gradient, expected)
    np.testing.assert_allclose(gradient.sum(axis=1), 0, atol=1e-15)
    q, cost = scipy.special.softmax(Z, axis=1), cost_matrix(E)[:, Y].T
    np.testing.assert_allclose(gradient, q * (cost - np.asarray(values)[:, None]), atol=1e-15)


def test_4_the_package():
    """EMOLoss 0.0.3 on three positions, shifted: modes 1 and 2, values and the first row of the gradient."""
    sequence, tokens = jnp.asarray(np.vstack([Z, np.zeros(4)])), np.array([3, 1, 2])
    expected = {
        1: (0.9970497659, [0.0718854419, -0.2477999272, 0.0312702588, 0.1446442265]),
        2: (0.6706081117, [0.0291168822, -0.1352782384, 0.0166504870, 0.0895108692]),
    }
    for mode, (value, row) in expected.items():

        def mean(z, mode=mode):
            return jnp.mean(losses.emo_loss(z[:-1], tokens[1:], E, mode=mode))

        found, gradient = jax.value_and_grad(mean)(sequence)
        printed(found, value, GUARDED)
        printed(gradient[0], row, GUARDED)
        assert not np.any(gradient[2])


def test_5_values_without_a_cap():
    """Mode 1 has the value of likelihood, mode 2 twice DEMD; removing the label adds its probability to the cost."""
    printed(jnp.mean(losses.emo_loss(Z, Y, E, ratio_cap=None)), 1.0768555866)
    demd = losses.demd(Z, Y, E)
    np.testing.assert_allclose(losses.emo_loss(Z, Y, E, mode=2), 2 * demd, rtol=1e-12)
    removed = losses.emo_loss(Z, Y, E, mode=2, remove_label=True) / 2
    printed(removed, [0.5987094743, 0.7683770372])
    slopes = [
        jax.grad(lambda z, r=r: jnp.sum(losses.emo_loss(z, Y, E, ratio_cap=1e-12, remove_label=r)))(jnp.asarray(Z))
        for r in (False, True)
    ]
    np.testing.assert_allclose(*slopes, atol=1e-12)


def test_6_a_general_target():
    """DEMD of a distribution is at least the exact earth mover's distance, by linear programming; many random ones."""
    q, p = scipy.special.softmax(Z[0]), np.array([0.1, 0.6, 0.2, 0.1])
    printed(losses.demd(Z[0], p, E), 0.4729324649)
    printed(exact_emd(q, p, cost_matrix(E)), 0.1031767741)
    rng = np.random.default_rng(0)
    z, p = rng.normal(size=(20, 4)), rng.dirichlet(np.ones(4), 20)
    q, values = scipy.special.softmax(z, axis=1), np.asarray(losses.demd(z, p, E))
    for i in range(20):
        np.testing.assert_allclose(values[i], q[i] @ cost_matrix(E) @ p[i], rtol=1e-12)
        assert values[i] >= exact_emd(q[i], p[i], cost_matrix(E)) - 1e-12
    values = np.asarray(losses.demd(z, np.arange(20) % 4, E))
    exact = [exact_emd(q[i], np.eye(4)[i % 4], cost_matrix(E)) for i in range(20)]
    np.testing.assert_allclose(values, exact, rtol=1e-10)  # to one label there is one coupling


def test_7_special_embeddings():
    """Identical: 0. Orthogonal: 1 - Q(label). Lengths of rows do not matter. Never above 2 (opposite) or below 0."""
    np.testing.assert_allclose(losses.demd(Z, Y, np.tile([[0.3, -0.4]], (4, 1))), 0, atol=1e-15)
    q = scipy.special.softmax(Z, axis=1)
    np.testing.assert_allclose(losses.demd(Z, Y, np.eye(4)), 1 - q[[0, 1], Y], rtol=1e-12)
    lengths = np.array([[3.0], [0.01], [1e6], [2.0]])
    np.testing.assert_allclose(losses.demd(Z, Y, lengths * E), losses.demd(Z, Y, E), rtol=1e-12)
    opposite = losses.demd(sure([0]), np.array([1]), np.array([[1.0, 0], [-1, 0], [0, 1], [0, 1]]))
    np.testing.assert_allclose(opposite, 2, rtol=1e-15)


def test_8_the_losses_it_is_compared_with():
    """MixCE and TaiLr at weight 0.5."""
    printed(losses.mixce_loss(Z, Y), [0.8213248691, 0.6153298303])
    printed(losses.tailr_loss(Z, Y), [0.9221253364, 0.6896408884])
