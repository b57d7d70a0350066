"""What arXiv 2502.07154 states of training for N attempts, and what follows from its definitions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize

from entropax import losses, metrics

pytestmark = pytest.mark.usefixtures("x64")
PRINTED = 6e-11  # half a unit of the tenth digit
A = np.array([0.6, 0.3, 0.1])


def printed(values, expected):
    np.testing.assert_allclose(values, expected, rtol=0, atol=PRINTED)


def test_1_loss_and_factor():
    """Six pairs of N and p, down to a loss of 1.6e-25, where a difference of logarithms would be 0."""
    n = np.array([1, 4, 16, 256, 256, 256.0])
    p = np.array([0.3, 0.3, 0.05, 0.01, 1e-6, 0.2])

    def by_pair(function):
        return np.array([function(np.log(b), a) for a, b in zip(n, p, strict=True)])

    loss, factor = by_pair(losses.dco_loss), by_pair(losses.dco_factor)
    printed(loss[:5], [1.2039728043, 0.2745684333, 0.5800447149, 0.0793841571, 8.2704606108])
    np.testing.assert_allclose(loss[5], 1.5525180923e-25, rtol=3e-11)
    printed(factor[:5], [1, 0.5416502171, 0.6619943537, 0.2136439943, 0.9998725053])
    np.testing.assert_allclose(factor[5], 9.936116e-24, rtol=5e-7)


def test_2_the_gradient_is_that_of_cross_entropy_times_the_factor():
    """Logits (1, 0.2, -0.5), N = 8; the weighted cross-entropy with the factor held has the same gradient."""
    z = jnp.array([1, 0.2, -0.5])

    def log_p(z):
        return jax.nn.log_softmax(z)[0]

    value, gradient = jax.value_and_grad(lambda z: losses.dco_loss(log_p(z), 8.0))(z)
    np.testing.assert_allclose(value, 6.833314400e-4, rtol=1e-10)
    printed(gradient, [-0.0032697479, 0.0021848056, 0.0010849423])
    weighted = jax.grad(lambda z: -jax.lax.stop_gradient(losses.dco_factor(log_p(z), 8.0)) * log_p(z))(z)
    np.testing.assert_allclose(gradient, weighted, rtol=1e-12)


@pytest.mark.fast
def test_3_steps_of_a_proof():
    """Naive DCO of the product of three steps, and the sum over steps."""
    steps = np.log([0.5, 0.2, 0.9])
    printed(losses.dco_loss(steps.sum(), 8.0), 0.6353548532)
    printed(losses.dco_step_loss(steps, 4.0), 0.5915935318)


def test_4_the_optimal_policy():
    """Three candidates at N = 2, 8, 64; the best confidence falls with N; no other policy found is better."""
    policy = {n: np.asarray(metrics.optimal_pass_at_n_policy(A, float(n))) for n in (1, 2, 4, 8, 64)}
    printed(policy[2], [2 / 3, 1 / 3, 0])
    printed(policy[8], [0.4110367917, 0.3497318977, 0.2392313106])
    printed(policy[64], [0.3420862198, 0.3348076641, 0.3231061161])
    np.testing.assert_array_equal(policy[1], [1, 0, 0])

    def value(q, n):
        return float(A @ (1 - (1 - q) ** n))

    printed(value(policy[2], 2), 0.7)
    printed(value(policy[8], 8), 0.9705016036)
    assert np.all(np.diff([policy[n][0] for n in (1, 2, 4, 8, 64)]) < 0)
    for n in (2, 8):
        found = optimize.minimize(
            lambda q, n=n: -value(q, n),
            np.full(3, 1 / 3),
            method="SLSQP",
            bounds=[(0, 1)] * 3,
            constraints={"type": "eq", "fun": lambda q: q.sum() - 1},
            options={"ftol": 1e-14},
        )
        np.testing.assert_allclose(found.x, policy[n], atol=1e-5)


def test_5_pass_at_k():
    """The toy model that gives every right answer 0.1; the unbiased estimate for three right ones of ten."""
    printed(metrics.answer_coverage(0.1, 16.0), 0.8146979811)
    printed(metrics.answer_coverage(0.1, 64.0), 0.9988209815)
    estimates = [metrics.pass_at_k(np.array(3), num_samples=10, k=k) for k in (1, 5, 8)]
    printed(estimates, [0.3, 0.9166666667, 1])
    sure = np.mean(metrics.answer_coverage(np.array([1.0, 0.0]), 100.0))
    np.testing.assert_array_equal(sure, 0.5)  # a model that is sure, and wrong on one of two problems


def test_6_monotone_and_convex():
    """The loss falls in N and p and is convex in p; F falls in both; the gradient's norm is below cross-entropy's."""
    p = np.linspace(0.01, 0.99, 50)
    by_n = np.array([losses.dco_loss(np.log(p), n) for n in (1.0, 1.5, 4.0, 64.0)])
    assert np.all(np.diff(by_n, axis=0) < 0)
    assert np.all(np.diff(by_n, axis=1) < 0)
    assert np.all(np.diff(by_n, n=2, axis=1) > 0)
    factors = np.array([losses.dco_factor(np.log(p), n) for n in (1.0, 1.5, 4.0, 64.0)])
    assert np.all(np.diff(factors, axis=0) < 0)
    assert np.all(np.diff(factors[1:], axis=1) < 0)
    assert np.all((factors > 0) & (factors <= 1 + 1e-13))
