"""Measures of given distributions against scipy, dit, mpmath and closed forms."""

import dit
import jax
import jax.numpy as jnp
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


@pytest.mark.fast
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


@pytest.mark.fast
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


@pytest.mark.fast
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
def test_gradients_at_zeros_are_finite():
    """Zero probabilities have finite gradients (a known defect elsewhere is NaN)."""
    p, q = jnp.asarray(P), jnp.asarray(Q)
    for measure in (
        information.entropy,
        information.varentropy,
        lambda p: information.renyi_entropy(p, 0.5),
        lambda p: information.tsallis_entropy(p, 2.0),
        lambda p: information.kl_divergence(p, q),
        lambda p: information.js_divergence(p, q),
        lambda p: information.hellinger_distance(p, q),
        lambda p: information.renyi_divergence(p, q, 1.5),
        lambda p: information.f_divergence("squared_hellinger", p, q),
    ):
        gradient = jax.grad(measure)(p)
        assert np.isfinite(gradient).all(), measure
    np.testing.assert_allclose(jax.grad(information.kl_divergence)(p, q)[:3], np.log(P[:3] / Q[:3]) + 1, rtol=1e-10)
    assert np.isfinite(jax.grad(information.kl_divergence, argnums=1)(p, q)).all()
    same = jax.grad(information.hellinger_distance)(q, q)
    np.testing.assert_array_equal(same, 0.0)


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


@pytest.mark.fast
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


@pytest.mark.fast
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


@pytest.mark.fast
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


def dit_joint(joint):
    outcomes = ["".join(map(str, index)) for index in np.ndindex(joint.shape)]
    return dit.Distribution(outcomes, joint.ravel())


@pytest.mark.fast
@pytest.mark.parametrize("shape", [(2, 3, 2), (2, 2, 2, 2)])
def test_joint_measures_against_dit(shape):
    joint = RNG.dirichlet(np.ones(int(np.prod(shape)))).reshape(shape)
    d, bits = dit_joint(joint), {"base": 2.0}
    n = len(shape)
    parts = [[i] for i in range(n)]
    close = {"rtol": 1e-9, "atol": 1e-12}
    np.testing.assert_allclose(
        information.mutual_information(joint, **bits), dit.shannon.mutual_information(d, [0], [1]), **close
    )
    np.testing.assert_allclose(
        information.conditional_entropy(joint, of=(0, 1), given=2, **bits),
        dit.shannon.conditional_entropy(d, [0, 1], [2]),
        **close,
    )
    np.testing.assert_allclose(
        information.conditional_mutual_information(joint, **bits),
        dit.multivariate.coinformation(d, [[0], [1]], [2]),
        **close,
    )
    np.testing.assert_allclose(
        information.total_correlation(joint, **bits), dit.multivariate.total_correlation(d, parts), **close
    )
    np.testing.assert_allclose(
        information.dual_total_correlation(joint, **bits), dit.multivariate.dual_total_correlation(d, parts), **close
    )
    np.testing.assert_allclose(
        information.o_information(joint, **bits), dit.multivariate.o_information(d, parts), **close
    )
    np.testing.assert_allclose(
        information.interaction_information(joint, **bits),
        (-1) ** n * dit.multivariate.coinformation(d, parts),
        **close,
    )
    pair = dit_joint(joint.sum(axis=tuple(range(2, n))))
    variation = dit.shannon.conditional_entropy(pair, [0], [1]) + dit.shannon.conditional_entropy(pair, [1], [0])
    np.testing.assert_allclose(information.variation_of_information(joint, **bits), variation, **close)


@pytest.mark.fast
def test_joint_closed_forms():
    xor = np.zeros((2, 2, 2))
    for a in (0, 1):
        for b in (0, 1):
            xor[a, b, a ^ b] = 0.25
    assert information.mutual_information(xor) == pytest.approx(0.0, abs=1e-15)
    assert information.conditional_mutual_information(xor) == pytest.approx(np.log(2))
    assert information.interaction_information(xor) == pytest.approx(np.log(2))  # synergy is positive
    assert information.o_information(xor) == pytest.approx(-np.log(2))
    copies = np.zeros((2, 2, 2))
    copies[0, 0, 0] = copies[1, 1, 1] = 0.5
    assert information.o_information(copies) == pytest.approx(np.log(2))
    for normalizer in ("arithmetic", "geometric", "min", "max", "joint"):
        nmi = information.normalized_mutual_information(copies, normalizer=normalizer)
        assert nmi == pytest.approx(1.0)
    for group, message in (((0, 0), "must not repeat"), (5, "must name axes"), (1, "share one")):
        with pytest.raises(ValueError, match=message):
            information.mutual_information(xor, x=group, y=1)


@pytest.mark.fast
def test_gaussians():
    root = RNG.normal(size=(2, 4, 4))
    S, T = root @ np.swapaxes(root, 1, 2) + 0.5 * np.eye(4)
    m, k = RNG.normal(size=(2, 4))
    np.testing.assert_allclose(
        information.gaussian_entropy(S), scipy.stats.multivariate_normal(cov=S).entropy(), rtol=1e-12
    )
    kl = information.gaussian_kl(m, S, k, T)
    inverse = np.linalg.inv(T)
    expected = (
        np.trace(inverse @ S) - 4 + (k - m) @ inverse @ (k - m) + np.linalg.slogdet(T)[1] - np.linalg.slogdet(S)[1]
    )
    np.testing.assert_allclose(kl, expected / 2, rtol=1e-10)
    parts = information.gaussian_entropy(S[:1, :1]) + information.gaussian_entropy(S[1:, 1:])
    mi = information.gaussian_mutual_information(S, split=1)
    np.testing.assert_allclose(mi, parts - information.gaussian_entropy(S), rtol=1e-9)
    rho = 0.6
    two = np.array([[1.0, rho], [rho, 1.0]])
    np.testing.assert_allclose(
        information.gaussian_mutual_information(two, split=1), -np.log(1 - rho**2) / 2, rtol=1e-12
    )


@pytest.mark.fast
def test_student_t_against_entropies():
    """I = h(X) + h(Y) - h(X, Y), with the entropy of the multivariate Student law from scipy."""
    root = RNG.normal(size=(3, 3))
    S, nu = root @ root.T + 0.5 * np.eye(3), 4.5
    h = [scipy.stats.multivariate_t(shape=part, df=nu).entropy() for part in (S[:1, :1], S[1:, 1:], S)]
    measured = information.student_t_mutual_information(S, nu, split=1)
    np.testing.assert_allclose(measured, h[0] + h[1] - h[2], rtol=1e-9)
    gaussian = information.gaussian_mutual_information(S, split=1)
    np.testing.assert_allclose(information.student_t_mutual_information(S, 1e7, split=1), gaussian, atol=1e-6)


@pytest.mark.fast
def test_markov_chains():
    P = np.array([[0.9, 0.1], [0.4, 0.6]])
    np.testing.assert_allclose(information.stationary_distribution(P), [0.8, 0.2], rtol=1e-12)
    rate = 0.8 * scipy.stats.entropy(P[0]) + 0.2 * scipy.stats.entropy(P[1])
    np.testing.assert_allclose(information.entropy_rate(P), rate, rtol=1e-12)
    cycle = np.eye(3)[[1, 2, 0]]
    np.testing.assert_allclose(information.stationary_distribution(cycle), 1 / 3, rtol=1e-12)
    leaving = np.array([[0.5, 0.5, 0.0], [0.0, 0.2, 0.8], [0.0, 0.6, 0.4]])
    np.testing.assert_allclose(information.stationary_distribution(leaving), [0, 3 / 7, 4 / 7], atol=1e-14)
    apart = np.array([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.0, 0.5, 0.5]])
    with pytest.raises(ValueError, match="unique stationary distribution"):
        information.entropy_rate(apart)


@pytest.mark.fast
def test_capacities():
    e, d = 0.11, 0.3
    bsc = information.channel_capacity(np.array([[1 - e, e], [e, 1 - e]]))
    np.testing.assert_allclose(bsc.value, np.log(2) - information.binary_entropy(e), rtol=1e-9)
    bec = information.channel_capacity(np.array([[1 - d, d, 0.0], [0.0, d, 1 - d]]))
    np.testing.assert_allclose(bec.value, (1 - d) * np.log(2), rtol=1e-9)
    z = information.channel_capacity(np.array([[1.0, 0.0], [d, 1 - d]]))
    np.testing.assert_allclose(z.value, np.log(1 + (1 - d) * d ** (d / (1 - d))), rtol=1e-8)
    for result in (bsc, bec, z):
        assert bool(result.converged)
        assert 0 <= float(result.gap) + 1e-15 <= 1e-9
    # A useless input: its row lies inside the hull of the others.
    unused = information.channel_capacity(np.array([[1 - e, e], [e, 1 - e], [0.5, 0.5]]))
    np.testing.assert_allclose(unused.value, bsc.value, rtol=1e-8)
    np.testing.assert_allclose(unused.input_distribution, [0.5, 0.5, 0.0], atol=1e-4)
    short = information.channel_capacity(np.array([[1.0, 0.0], [d, 1 - d]]), max_iterations=2)
    assert not bool(short.converged)
    assert int(short.iterations) == 2
    # d C / d e of the symmetric channel is log(e / (1 - e)).
    slope = jax.grad(lambda e: information.channel_capacity(jnp.array([[1 - e, e], [e, 1 - e]])).value)(e)
    np.testing.assert_allclose(slope, np.log(e / (1 - e)), rtol=1e-8)


@pytest.mark.fast
def test_rate_distortion_of_a_coin():
    """R(D) = h(p) - h(D), with slope log(D / (1 - D)) and curvature 1 / D + 1 / (1 - D)."""
    source, hamming = np.array([0.4, 0.6]), 1 - np.eye(2)

    def rate(target):
        return information.rate_distortion(source, hamming, target=target).value

    point = information.rate_distortion(source, hamming, target=0.1)
    h = [float(information.binary_entropy(x)) for x in (0.4, 0.1)]
    np.testing.assert_allclose(point.value, h[0] - h[1], rtol=1e-8)
    np.testing.assert_allclose(point.distortion, 0.1, rtol=1e-8)
    assert bool(point.converged)
    np.testing.assert_allclose(jax.grad(rate)(0.1), np.log(0.1 / 0.9), rtol=1e-6)
    np.testing.assert_allclose(jax.grad(jax.grad(rate))(0.1), 1 / 0.1 + 1 / 0.9, rtol=1e-5)
    beyond = information.rate_distortion(source, hamming, target=0.7)
    np.testing.assert_allclose([beyond.value, beyond.distortion], [0.0, 0.4], atol=1e-12)
    by_slope = information.rate_distortion(source, hamming, slope=float(point.slope))
    np.testing.assert_allclose(by_slope.value, point.value, rtol=1e-7)
    with pytest.raises(ValueError, match="target must be at least the least distortion"):
        information.rate_distortion(source, hamming, target=-0.1)
    with pytest.raises(ValueError, match="give exactly one of slope and target"):
        information.rate_distortion(source, hamming)
