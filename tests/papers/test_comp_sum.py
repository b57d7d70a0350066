"""What arXiv 2304.07288 states of comp-sum losses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize

from entropax import losses

pytestmark = pytest.mark.usefixtures("x64")
TAUS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
Z = np.array([1, 2, 0.5, -1])
PRINTED = 1e-10  # a unit of the tenth digit


def printed(values, expected):
    np.testing.assert_allclose(values, expected, rtol=0, atol=PRINTED)


def by_tau(function):
    return np.array([function(tau) for tau in TAUS])


@pytest.mark.fast
def test_1_and_2_losses_of_one_vector_and_their_gradient():
    """Six values of tau for two labels, and the gradient p_y^(tau - 1) (p - e_y)."""
    printed(
        by_tau(lambda tau: losses.comp_sum_loss(Z, 0, tau)),
        [3.4601477714, 2.2238123876, 1.4951818981, 1.0529882407, 0.7757921820, 0.4748654272],
    )
    printed(
        by_tau(lambda tau: losses.comp_sum_loss(Z, 1, tau)),
        [0.6407966697, 0.5618717140, 0.4951818981, 0.4386415689, 0.3905399624, 0.3142792312],
    )
    printed(
        jax.grad(losses.comp_sum_loss)(jnp.asarray(Z), 0, 0.5),
        [-1.6384003142, 1.2871224283, 0.2871958336, 0.0640820523],
    )
    p = np.exp(Z) / np.exp(Z).sum()
    for tau in TAUS:
        closed = p[2] ** (tau - 1) * (p - np.eye(4)[2])
        np.testing.assert_allclose(jax.grad(losses.comp_sum_loss)(jnp.asarray(Z), 2, tau), closed, rtol=1e-12)


def test_3_the_members_of_the_family():
    """tau -> 1 from both sides is cross-entropy, tau 2 is 1 - p_y, 1 + q is GCE(q); the loss falls with tau."""
    scores = np.random.default_rng(0).normal(0, 2, (50, 5))
    labels = np.random.default_rng(1).integers(0, 5, 50)
    p = np.exp(scores - np.log(np.exp(scores).sum(1, keepdims=True)))[np.arange(50), labels]
    np.testing.assert_allclose(losses.comp_sum_loss(scores, labels), -np.log(p), rtol=1e-12)
    for side in (1 - 1e-7, 1 + 1e-7):
        np.testing.assert_allclose(losses.comp_sum_loss(scores, labels, side), -np.log(p), rtol=1e-6)
    np.testing.assert_allclose(losses.comp_sum_loss(scores, labels, 2.0), 1 - p, rtol=1e-12)
    np.testing.assert_allclose(losses.comp_sum_loss(scores, labels, 1.7), (1 - p**0.7) / 0.7, rtol=1e-12)
    values = np.array([losses.comp_sum_loss(scores, labels, tau) for tau in np.linspace(0, 3, 13)])
    assert np.all(np.diff(values, axis=0) <= 1e-14)


def test_4_the_least_conditional_risk():
    """Six values, each the minimum over score vectors as scipy finds it (below tau 2, where it is attained)."""
    p = np.array([0.5, 0.3, 0.2])
    printed(
        by_tau(lambda tau: losses.comp_sum_conditional_risk(p, tau)),
        [1.8969501498, 1.3845944546, 1.0296530141, 0.7671171994, 0.5, 0.25],
    )
    for tau in TAUS[:4]:
        risk = jax.jit(jax.value_and_grad(lambda h, tau=tau: losses.comp_sum_loss(h, p, tau)))
        found = optimize.minimize(
            lambda h, risk=risk: [np.asarray(v) for v in risk(h)], np.zeros(3), jac=True, tol=1e-12
        )
        np.testing.assert_allclose(found.fun, losses.comp_sum_conditional_risk(p, tau), rtol=1e-9)


def test_5_the_transform():
    """Ten values for two classes, where it is the excess of a tie; at tau 0 it is 1 - sqrt(1 - beta^2)."""
    transform = lambda beta: by_tau(lambda tau: losses.h_consistency_transform(beta, tau, num_classes=2))[:5]  # noqa: E731
    printed(transform(0.3), [0.0460607986, 0.0433502387, 0.0457005415, 0.0622687437, 0.15])
    printed(transform(0.8), [0.4, 0.3696265281, 0.3680642072, 0.3968634653, 0.4])
    for beta in (0.1, 0.5, 0.9):
        p = np.array([1 + beta, 1 - beta]) / 2
        tie = [losses.comp_sum_loss(np.zeros(2), p, tau) - losses.comp_sum_conditional_risk(p, tau) for tau in TAUS[:5]]
        np.testing.assert_allclose(transform(beta), tie, rtol=1e-10)
        np.testing.assert_allclose(transform(beta)[0], 1 - np.sqrt(1 - beta**2), rtol=1e-12)


def test_6_the_inverse_and_the_bound_itself():
    """Gamma(T(b)) = b; T is convex, zero at 0, non-decreasing; no two distributions violate the bound."""
    beta = np.linspace(0, 1, 41)
    rng = np.random.default_rng(2)
    p, q = rng.dirichlet(np.ones(4), (2, 2000))
    regret = p.max(1) - p[np.arange(2000), q.argmax(1)]
    for tau in TAUS:
        t = np.asarray(losses.h_consistency_transform(beta, tau, num_classes=4))
        np.testing.assert_allclose(losses.h_consistency_bound(t, tau, num_classes=4), beta, atol=1e-7)
        assert t[0] == 0
        assert np.all(np.diff(t) >= 0)
        assert np.all(np.diff(t, 2) >= -1e-12)
        excess = losses.comp_sum_loss(np.log(q), p, tau) - losses.comp_sum_conditional_risk(p, tau)
        assert np.all(excess >= losses.h_consistency_transform(regret, tau, num_classes=4) - 1e-12)
        bound = losses.h_consistency_bound(np.maximum(excess, 0), tau, num_classes=4)
        assert np.all(regret <= bound + 1e-6)
        relaxed = losses.h_consistency_relaxed_bound(t, tau, num_classes=4)
        assert np.all(np.asarray(relaxed) >= beta - 1e-9)


W = np.array([[1, 0.5], [-0.5, 1], [0.2, -1]])
X = np.array([[0.3, -0.2]])
LABEL = np.array([0])


def smooth(tau, epsilon=0.1, W=W, rho=1.0, nu=2.0):
    return losses.smooth_adversarial_comp_sum_loss(
        lambda z: z @ W.T, X, LABEL, epsilon=epsilon, key=jax.random.key(0), tau=tau, rho=rho, nu=nu, norm="l2",
        steps=200, step_size=epsilon / 2,
    )[0]  # fmt: skip


def test_7_the_supremum_of_a_linear_scorer():
    """gamma sigma_max(A), A of rows w_y - w_k; the loss at tau 0 and 1; and its gradient is that of the closed form."""
    rows = lambda W: W[:1] - W[1:]  # noqa: E731
    np.testing.assert_allclose(0.1 * np.linalg.svd(np.asarray(rows(W)))[1][0], 0.1784778272, atol=PRINTED)
    printed(smooth(0.0), 1.9957420114)
    printed(smooth(1.0), 1.3272747527)

    def closed(W):
        return losses.comp_sum_loss(X @ W.T, LABEL)[0] + 0.2 * jnp.linalg.norm(rows(W), 2)

    np.testing.assert_allclose(
        jax.grad(lambda W: smooth(1.0, W=W))(jnp.asarray(W)), jax.grad(closed)(jnp.asarray(W)), atol=1e-6
    )


def test_8_without_a_budget_it_is_the_plain_loss_at_temperature_rho():
    """And the supremum never makes it smaller."""
    scores = X @ W.T
    for tau in TAUS:
        plain = losses.comp_sum_loss(scores / 2, LABEL, tau)[0]
        np.testing.assert_allclose(smooth(tau, epsilon=0.0, rho=2.0), plain, rtol=1e-12)
        assert smooth(tau, epsilon=0.01, rho=2.0) >= plain
