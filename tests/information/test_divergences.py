"""Divergences and distances: named and given generators, disjoint supports, close distributions, points on a line."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import scipy.stats

from entropax import information

RNG = np.random.default_rng(7)
P = np.array([0.2, 0.3, 0.5, 0.0])
Q = np.array([0.1, 0.4, 0.25, 0.25])

pytestmark = pytest.mark.usefixtures("x64")


def test_disjoint_supports():
    p, q = np.array([0.5, 0.5, 0.0]), np.array([0.0, 0.4, 0.6])
    assert np.isinf(information.kl_divergence(p, q))
    assert np.isinf(information.cross_entropy(p, q))
    assert np.isinf(information.chi_squared(p, q))
    assert np.isinf(information.renyi_divergence(p, q, 2.0))
    assert np.isinf(information.tsallis_divergence(p, q, 1.0))
    expected = np.log(0.5**0.5 * 0.4**0.5) / -0.5
    assert information.renyi_divergence(p, q, 0.5) == pytest.approx(expected, rel=1e-12)
    one, other = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    assert information.js_divergence(one, other) == pytest.approx(np.log(2), rel=1e-14)
    for name, value in {"js": np.log(2), "squared_hellinger": 1.0, "total_variation": 1.0, "triangular": 2.0}.items():
        assert information.f_divergence(name, one, other) == pytest.approx(value, rel=1e-12)


@pytest.mark.fast
def test_close_distributions_keep_their_digits():
    """In float32 a divergence of 5e-7 keeps its leading digits, where sum p log p - sum p log q loses them."""
    q = np.full(4, 0.25)
    p = q + 5e-4 * np.array([1.0, -1.0, 1.0, -1.0])
    exact = float(
        mpmath.fsum(mpmath.mpf(x) * mpmath.log(mpmath.mpf(x) / mpmath.mpf(y)) for x, y in zip(p, q, strict=True))
    )
    single = information.kl_divergence(np.float32(p), np.float32(q))
    assert single.dtype == jnp.float32
    assert float(single) == pytest.approx(exact, rel=0.05)
    assert information.kl_divergence(p, q) == pytest.approx(exact, rel=1e-8)


def test_f_divergence_generators():
    p, q = RNG.dirichlet(np.ones(5), size=2)
    m = (p + q) / 2
    expected = {
        "kl": scipy.stats.entropy(p, q),
        "reverse_kl": scipy.stats.entropy(q, p),
        "js": (scipy.stats.entropy(p, m) + scipy.stats.entropy(q, m)) / 2,
        "chi_squared": np.sum((p - q) ** 2 / q),
        "squared_hellinger": np.sum((np.sqrt(p) - np.sqrt(q)) ** 2) / 2,
        "total_variation": np.abs(p - q).sum() / 2,
        "triangular": np.sum((p - q) ** 2 / (p + q)),
    }
    assert set(expected) == set(information.GENERATORS)
    for name, value in expected.items():
        np.testing.assert_allclose(information.f_divergence(name, p, q), value, rtol=1e-11)
    own = information.f_divergence(lambda u: (u - 1) ** 2, p, q)
    np.testing.assert_allclose(own, expected["chi_squared"], rtol=1e-11)
    with pytest.raises(ValueError, match="generator must be one of 'kl'"):
        information.f_divergence("unknown", p, q)
    bregman = information.bregman_divergence(lambda x: jnp.sum(x * jnp.log(x)), p, q)
    np.testing.assert_allclose(bregman, expected["kl"], rtol=1e-10)


def test_wasserstein_against_scipy():
    x, y = RNG.normal(size=7), RNG.normal(1.0, 2.0, size=5)
    u, v = RNG.dirichlet(np.ones(7)), RNG.dirichlet(np.ones(5))
    measured = information.wasserstein_1d(x, y, x_weights=u, y_weights=v)
    np.testing.assert_allclose(measured, scipy.stats.wasserstein_distance(x, y, u, v), rtol=1e-12)
    # Equal counts: the mean over sorted pairs.
    z = RNG.normal(size=7)
    expected = np.mean(np.abs(np.sort(x) - np.sort(z)) ** 3) ** (1 / 3)
    np.testing.assert_allclose(information.wasserstein_1d(x, z, order=3.0), expected, rtol=1e-12)
    assert information.wasserstein_1d(x, x, order=2.0) == 0
    assert np.isfinite(jax.grad(lambda x: information.wasserstein_1d(x, z, order=2.0))(x)).all()
    with pytest.raises(ValueError, match="order must be a finite number of at least 1"):
        information.wasserstein_1d(x, y, order=0.5)


def test_js_with_all_weight_on_one():
    """At w = 0 or 1 the divergence is zero, whatever the supports: 0 times infinity does not arise."""
    one, other = jnp.array([1.0, 0.0]), jnp.array([0.0, 1.0])
    for w in (0.0, 1.0):
        value, gradients = jax.value_and_grad(lambda p, q, w: information.js_divergence(p, q, weight=w), (0, 1, 2))(
            one, other, w
        )
        assert float(value) == 0
        assert all(np.isfinite(g).all() for g in gradients)
    # Where the supports agree the slope in w at 0 is KL(p | q).
    p, q = RNG.dirichlet(np.ones(3), size=2)
    slope = jax.grad(lambda w: information.js_divergence(p, q, weight=w))(0.0)
    assert float(slope) == pytest.approx(scipy.stats.entropy(p, q), rel=1e-12)
