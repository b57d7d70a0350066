"""Entropies and divergences of two distributions, at every order, against scipy and mpmath."""

import jax
import mpmath
import numpy as np
import pytest
import scipy.special
import scipy.stats

from entropax import information

RNG = np.random.default_rng(7)
P = np.array([0.2, 0.3, 0.5, 0.0])
Q = np.array([0.1, 0.4, 0.25, 0.25])

pytestmark = pytest.mark.usefixtures("x64")


def test_scipy_entropies():
    p, q = RNG.dirichlet(np.ones(6), size=(2, 3))
    np.testing.assert_allclose(information.entropy(p), scipy.stats.entropy(p, axis=-1), rtol=1e-13)
    np.testing.assert_allclose(information.entropy(p, base=2), scipy.stats.entropy(p, base=2, axis=-1), rtol=1e-13)
    np.testing.assert_allclose(information.kl_divergence(p, q), scipy.stats.entropy(p, q, axis=-1), rtol=1e-12)
    cross = information.cross_entropy(p, q)
    np.testing.assert_allclose(cross, information.entropy(p) + information.kl_divergence(p, q), rtol=1e-12)
    np.testing.assert_allclose(information.perplexity(np.full(7, 1 / 7)), 7.0, rtol=1e-13)
    np.testing.assert_allclose(information.min_entropy(P), -np.log(0.5))
    surprise = -np.log(P[:3])
    spread = P[:3] @ surprise**2 - (P[:3] @ surprise) ** 2
    np.testing.assert_allclose(information.varentropy(P), spread, rtol=1e-12)
    x = np.array([0.0, 1e-12, 0.3, 1.0])
    np.testing.assert_allclose(
        information.binary_entropy(x),
        scipy.special.entr(x) - (1 - x) * scipy.special.log1p(-np.minimum(x, 1 - 1e-16)),
        rtol=1e-12,
    )
    np.testing.assert_allclose(
        information.hellinger_distance(P, Q), np.sqrt(np.sum((np.sqrt(P) - np.sqrt(Q)) ** 2) / 2), rtol=1e-12
    )
    np.testing.assert_allclose(information.total_variation(P, Q), 0.35)
    np.testing.assert_allclose(information.chi_squared(P, Q), np.sum((P - Q) ** 2 / Q), rtol=1e-12)


def mp_power_sum(p, q, a):
    return mpmath.fsum(mpmath.mpf(x) ** a * mpmath.mpf(y) ** (1 - a) for x, y in zip(p, q, strict=True) if x > 0)


@pytest.mark.fast
@pytest.mark.parametrize("order", [0.0, 0.3, 0.7, 1 - 1e-9, 1 + 1e-12, 1 + 1e-6, 1.4, 1.6, 2.0, 7.0, 40.0])
def test_orders_against_high_precision(order):
    """Renyi's and Tsallis' measures keep their digits across order 1, where their formulas cancel."""
    with mpmath.workdps(60):
        a = mpmath.mpf(order)
        self_sum, cross_sum = mp_power_sum(P, np.ones_like(P), a), mp_power_sum(P, Q, a)
        renyi, tsallis = mpmath.log(self_sum) / (1 - a), (1 - self_sum) / (a - 1)
        renyi_cross, tsallis_cross = mpmath.log(cross_sum) / (a - 1), (cross_sum - 1) / (a - 1)
        # P sums to one only up to rounding, which the formulas divide by 1 - a.
        slack = abs(float((mpmath.fsum(map(mpmath.mpf, P)) - 1) / (a - 1)))
        expected = [float(x) for x in (renyi, tsallis, renyi_cross, tsallis_cross)]
    measured = [
        information.renyi_entropy(P, order),
        information.tsallis_entropy(P, order),
        information.renyi_divergence(P, Q, order),
        information.tsallis_divergence(P, Q, order),
    ]
    np.testing.assert_allclose(measured, expected, rtol=1e-12, atol=2 * slack)


def test_limits_of_orders():
    assert information.renyi_entropy(P, 1.0) == pytest.approx(float(information.entropy(P)), rel=1e-14)
    assert information.renyi_entropy(P, 0.0) == pytest.approx(np.log(3), rel=1e-14)
    assert information.renyi_entropy(P, np.inf) == pytest.approx(-np.log(0.5), rel=1e-14)
    assert information.tsallis_entropy(P, 0.0) == pytest.approx(2.0, rel=1e-14)
    assert information.renyi_divergence(P, Q, np.inf) == pytest.approx(np.log(2.0), rel=1e-14)
    assert information.renyi_divergence(P, Q, 0.0) == pytest.approx(-np.log(0.75), rel=1e-12)
    # d H_a / d a at a = 1 is minus half the varentropy.
    slope = jax.grad(lambda a: information.renyi_entropy(P, a))(1.0)
    assert slope == pytest.approx(-float(information.varentropy(P)) / 2, rel=1e-9)


def test_entropy_from_logits():
    z = np.array([1.0, -2.0, 0.5, -np.inf])
    p = scipy.special.softmax(z)
    h, gradient = jax.value_and_grad(information.entropy_from_logits)(z)
    np.testing.assert_allclose(h, scipy.stats.entropy(p), rtol=1e-13)
    np.testing.assert_allclose(gradient[:3], -p[:3] * (np.log(p[:3]) + float(h)), rtol=1e-12)
    assert gradient[3] == 0
    huge = information.entropy_from_logits(np.float32([1e4, 0.0, -1e4]))
    assert float(huge) == 0
    assert np.isfinite(jax.hessian(information.entropy_from_logits)(z)).all()
