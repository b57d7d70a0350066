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


def reflecting_walk(n, up):
    """A walk on 0 ... n - 1 that steps up with a probability and stays where a step would lead out."""
    steps = np.diag(np.full(n - 1, up), 1) + np.diag(np.full(n - 1, 1 - up), -1)
    return steps + np.diag(1 - steps.sum(axis=1))


@pytest.mark.fast
@pytest.mark.parametrize("up", [0.5, 0.9])
def test_slow_chains_in_single_precision(up):
    """A walk of 200 states mixes in 10^4 steps or spreads over 190 decades; every probability keeps its digits."""
    pi = information.stationary_distribution(reflecting_walk(200, up).astype(np.float32))
    exact = (up / (1 - up)) ** (np.arange(200.0) - 199)
    exact /= exact.sum()
    seen = exact > 1e-30
    np.testing.assert_allclose(pi[seen], exact[seen], rtol=2e-5)
    coin = float(information.binary_entropy(up))
    rate = information.entropy_rate(reflecting_walk(200, up).astype(np.float32))
    np.testing.assert_allclose(rate, coin, rtol=1e-5)


@pytest.mark.fast
def test_uniqueness_does_not_depend_on_rounding():
    """Two wells joined by transitions far below the resolution of float32 have one stationary distribution."""
    a, b = 1e-12, 3e-12
    wells = np.array([[1 - a, a], [b, 1 - b]])
    np.testing.assert_allclose(information.stationary_distribution(wells.astype(np.float32)), [0.75, 0.25], rtol=1e-5)
    # One state is left for good and comes first: the elimination ends elsewhere.
    leaving = np.array([[0.5, 0.5, 0], [0, 1 - a, a], [0, b, 1 - b]], np.float32)
    np.testing.assert_allclose(information.stationary_distribution(leaving), [0, 0.75, 0.25], rtol=1e-5)
    assert np.isnan(jax.jit(information.entropy_rate)(np.eye(2, dtype=np.float32)))


@pytest.mark.fast
def test_gradients_of_a_slow_chain():
    """d pi = pi dP Z with the fundamental matrix Z = (I - P + 1 pi)^-1 in float64, for a walk of 60 states."""
    P, v = reflecting_walk(60, 0.5), np.random.default_rng(3).normal(size=60)
    pi = np.full(60, 1 / 60)
    Z = np.linalg.inv(np.eye(60) - P + pi)
    expected = np.outer(pi, Z @ v)
    slope = jax.grad(lambda P, v: information.stationary_distribution(P) @ v)
    for dtype, rtol in ((np.float64, 1e-10), (np.float32, 1e-5)):
        measured = slope(jnp.asarray(P, dtype), jnp.asarray(v, dtype))
        np.testing.assert_allclose(measured, expected, rtol=0, atol=rtol * np.abs(expected).max())


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
    at_most = jax.jit(lambda target: information.rate_distortion(source, hamming, target=target))
    for trivial in (beyond, at_most(0.7), at_most(np.min(source @ hamming))):
        assert (int(trivial.iterations), float(trivial.value), bool(trivial.converged)) == (0, 0.0, True)
    assert jax.grad(rate)(0.7) == 0
    by_slope = information.rate_distortion(source, hamming, slope=float(point.slope))
    np.testing.assert_allclose(by_slope.value, point.value, rtol=1e-7)
    with pytest.raises(ValueError, match="target must be at least the least distortion"):
        information.rate_distortion(source, hamming, target=-0.1)
    with pytest.raises(ValueError, match="give exactly one of slope and target"):
        information.rate_distortion(source, hamming)


# ------------------------------------------------------------------------------------------------ tiny probabilities

TINY = {np.float32: 1e-20, np.float16: 1e-4}


def pairwise_measures():
    """Measures of two distributions, and their gradients in closed form, entry by entry."""

    def of_order(a):
        return lambda p, q: ((a * (p / q) ** (a - 1) - 1) / (a - 1), -((p / q) ** a))

    return {
        "kl": (information.kl_divergence, lambda p, q: (np.log(p / q) + 1, -p / q)),
        "cross": (information.cross_entropy, lambda p, q: (-np.log(q), -p / q)),
        "js": (information.js_divergence, lambda p, q: (np.log(2 * p / (p + q)) / 2, np.log(2 * q / (p + q)) / 2)),
        "chi_squared": (information.chi_squared, lambda p, q: (2 * (p - q) / q, 1 - (p / q) ** 2)),
        "tsallis 0.3": (lambda p, q: information.tsallis_divergence(p, q, 0.3), of_order(0.3)),
        "tsallis 1.2": (lambda p, q: information.tsallis_divergence(p, q, 1.2), of_order(1.2)),
        "f js": (
            lambda p, q: information.f_divergence("js", p, q),
            lambda p, q: (np.log(2 * p / (p + q)) / 2, np.log(2 * q / (p + q)) / 2),
        ),
        "f kl": (lambda p, q: information.f_divergence("kl", p, q), lambda p, q: (np.log(p / q) + 1, -p / q)),
        "f reverse_kl": (
            lambda p, q: information.f_divergence("reverse_kl", p, q),
            lambda p, q: (-q / p, np.log(q / p) + 1),
        ),
        "f squared_hellinger": (
            lambda p, q: information.f_divergence("squared_hellinger", p, q),
            lambda p, q: ((1 - np.sqrt(q / p)) / 2, (1 - np.sqrt(p / q)) / 2),
        ),
        "f total_variation": (
            lambda p, q: information.f_divergence("total_variation", p, q),
            lambda p, q: (np.sign(p - q) / 2, np.sign(q - p) / 2),
        ),
        "f triangular": (
            lambda p, q: information.f_divergence("triangular", p, q),
            lambda p, q: (1 - (2 * q / (p + q)) ** 2, 1 - (2 * p / (p + q)) ** 2),
        ),
        "f own": (
            lambda p, q: information.f_divergence(lambda u: 1 / (1 + u) - 0.5, p, q),
            lambda p, q: (-((q / (p + q)) ** 2), q * (q + 2 * p) / (p + q) ** 2 - 0.5),
        ),
    }


@pytest.mark.fast
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("where", ["q", "p", "both"])
def test_gradients_at_tiny_probabilities(dtype, where):
    """The chain rule of p / q squares q, which underflows: 1e-20 in float32, 1e-4 in float16."""
    tiny, half = [1, TINY[dtype]], [0.5, 0.5]
    p, q = {"q": (half, tiny), "p": (tiny, half), "both": (tiny, [1, 3 * TINY[dtype]])}[where]
    p, q = jnp.asarray(p, dtype), jnp.asarray(q, dtype)
    measures = pairwise_measures()

    @jax.jit
    def gradients(p, q):
        return {name: jax.grad(measure, argnums=(0, 1))(p, q) for name, (measure, _) in measures.items()}

    measured = gradients(p, q)
    rtol = 2e-5 if dtype == np.float32 else 2e-2
    for name, (_, closed_form) in measures.items():
        with np.errstate(over="ignore"):
            expected = [e.astype(dtype) for e in closed_form(np.asarray(p, float), np.asarray(q, float))]
        for g, e in zip(measured[name], expected, strict=True):
            # What is infinite is beyond the dtype: the closed form says so too. A sign at p = q is not a slope.
            rows = slice(None) if not (name == "f total_variation" and where == "both") else slice(1, None)
            np.testing.assert_allclose(g[rows], e[rows], rtol=rtol, atol=rtol, err_msg=f"{name} {where}")


@pytest.mark.fast
def test_softmax_gradients_at_tiny_probabilities():
    """grad_z KL(p, softmax(z)) = softmax(z) - p and its Hessian diag(s) - s s^T, where s_2 = 2e-22 in float32."""
    p, z = jnp.array([0.5, 0.5], np.float32), jnp.array([0.0, -50.0], np.float32)
    for measure in (
        information.kl_divergence,
        information.cross_entropy,
        lambda p, q: information.f_divergence("kl", p, q),
        lambda p, q: information.tsallis_divergence(p, q, 1.0),
        lambda p, q: information.renyi_divergence(p, q, 1.0),
    ):

        def loss(z, measure=measure):
            return measure(p, jax.nn.softmax(z))

        np.testing.assert_allclose(jax.grad(loss)(z), [0.5, -0.5], rtol=1e-5)
        np.testing.assert_allclose(jax.jvp(loss, (z,), (jnp.array([1.0, -1.0], np.float32),))[1], 1.0, rtol=1e-5)


@pytest.mark.fast
@pytest.mark.parametrize("order", [0.0, 0.3, 0.7, 1.4, 2.0, 5.0])
def test_renyi_gradients_at_tiny_probabilities(order):
    """In float32 against the closed form in float64, along a tangent of the simplex and entry by entry in q."""
    p, q = np.array([1, 1e-20, 1e-30]), np.array([1, 3e-20, 2e-31])
    in_p, in_q = jax.grad(lambda p, q: information.renyi_divergence(p, q, order), argnums=(0, 1))(
        jnp.asarray(p, np.float32), jnp.asarray(q, np.float32)
    )
    total = np.sum(p**order * q ** (1 - order))
    expected = order / (order - 1) * (p / q) ** (order - 1) / total
    np.testing.assert_allclose(np.diff(in_p), np.diff(expected), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(in_q, -((p / q) ** order) / total, rtol=1e-4)
    entropic = jax.grad(lambda p: information.renyi_entropy(p, order))(jnp.asarray([1, 1e-20], np.float32))
    assert np.isfinite(entropic).all()


def test_second_derivatives_at_tiny_probabilities():
    """Forward over reverse in float32: the Hessian of sum p log p is 1 / p, of KL in q is p / q^2."""
    p = jnp.array([1, 1e-20], np.float32)
    q = jnp.array([1, 4e-20], np.float32)
    np.testing.assert_allclose(jnp.diagonal(jax.hessian(information.entropy)(p)), [-1, -1e20], rtol=1e-5)
    in_q = jax.hessian(information.kl_divergence, argnums=1)(p, q)
    np.testing.assert_allclose(in_q, np.diag([1, 1e-20 / 16e-40]), rtol=1e-5)
    in_p = jax.hessian(information.js_divergence)(p, q)
    np.testing.assert_allclose(in_p, np.diag([0.25, 0.5e20 - 0.1e20]), rtol=1e-5)
    # With p = (1, x): x^a y^(1-a) a (a - 1) / (x^2 (a - 1)), to leading order in x.
    second = jax.hessian(lambda p: information.renyi_divergence(p, q, 1.3))(p)
    np.testing.assert_allclose(second[1, 1], 1.3 * 0.25**0.3 * 1e20, rtol=1e-4)
    assert np.isfinite(second).all()


def test_joints_of_tiny_probabilities():
    """A product of marginals underflows in float32 where the joint does not."""
    e = np.float32(1e-22)
    joint = jnp.array([[1, 0], [0, e]], np.float32)
    value, gradient = jax.value_and_grad(information.mutual_information)(joint)
    assert float(value) == pytest.approx(-float(e) * np.log(float(e)), rel=1e-5)
    np.testing.assert_allclose(jnp.diagonal(gradient), [-1, -np.log(float(e)) - 1], rtol=1e-5)
    cube = jnp.zeros((2, 2, 2), np.float32).at[0, 0, 0].set(1).at[1, 1, 1].set(e)
    # Along the tangent from the likely outcome to the unlikely one: two bits' worth, nothing, and their difference.
    for measure, slope in (
        (information.total_correlation, -2 * np.log(float(e))),
        (information.conditional_mutual_information, 0.0),
        (information.o_information, -np.log(float(e))),
    ):
        gradient = jax.grad(measure)(cube)
        assert np.isfinite(gradient).all(), measure
        assert float(gradient[1, 1, 1] - gradient[0, 0, 0]) == pytest.approx(slope, rel=1e-4, abs=1e-5)


# ------------------------------------------------------------------------------------------------ zero probabilities

EDGE = np.array([0.6, 0.4, 0.0])
EDGE_Q = np.array([0.3, 0.5, 0.2])
INWARD = np.array([-0.25, -0.75, 1.0])

EDGE_SLOPES = {
    "tsallis_entropy": lambda x: information.tsallis_entropy(x, 2.0),
    "tsallis_entropy 1.4": lambda x: information.tsallis_entropy(x, 1.4),
    "renyi_entropy 1.4": lambda x: information.renyi_entropy(x, 1.4),
    "renyi_entropy 2": lambda x: information.renyi_entropy(x, 2.0),
    "min_entropy": information.min_entropy,
    "cross_entropy in p": lambda x: information.cross_entropy(x, EDGE_Q),
    "cross_entropy in q": lambda x: information.cross_entropy(EDGE, x),
    "kl in q": lambda x: information.kl_divergence(EDGE, x),
    "js in p, both zero": lambda x: information.js_divergence(x, EDGE[[1, 0, 2]], weight=0.3),
    "js in q, both zero": lambda x: information.js_divergence(EDGE[[1, 0, 2]], x, weight=0.3),
    "tsallis in p": lambda x: information.tsallis_divergence(x, EDGE_Q, 2.0),
    "tsallis in p 1.4": lambda x: information.tsallis_divergence(x, EDGE_Q, 1.4),
    "tsallis in p 0.4, both zero": lambda x: information.tsallis_divergence(x, EDGE[[1, 0, 2]], 0.4),
    "tsallis in q": lambda x: information.tsallis_divergence(EDGE[[1, 0, 2]], x, 1.7),
    "tsallis in q 0": lambda x: information.tsallis_divergence(EDGE_Q, x, 0.0),
    "renyi in p 1.4": lambda x: information.renyi_divergence(x, EDGE_Q, 1.4),
    "renyi in p 2": lambda x: information.renyi_divergence(x, EDGE_Q, 2.0),
    "renyi in p 0.7, both zero": lambda x: information.renyi_divergence(x, EDGE[[1, 0, 2]], 0.7),
    "renyi in p 0.3, both zero": lambda x: information.renyi_divergence(x, EDGE[[1, 0, 2]], 0.3),
    "renyi in q 0": lambda x: information.renyi_divergence(EDGE_Q, x, 0.0),
    "renyi in q": lambda x: information.renyi_divergence(EDGE[[1, 0, 2]], x, 1.4),
    "chi_squared in p": lambda x: information.chi_squared(x, EDGE_Q),
    "chi_squared in q, both zero": lambda x: information.chi_squared(EDGE[[1, 0, 2]], x),
    "total_variation": lambda x: information.total_variation(x, EDGE[[1, 0, 2]]),
    "hellinger, both zero": lambda x: information.hellinger_distance(x, EDGE[[1, 0, 2]]),
    **{
        f"f {name}, both zero": lambda x, name=name: information.f_divergence(name, EDGE[[1, 0, 2]], x)
        for name in information.GENERATORS
        if name != "reverse_kl"
    },
    **{
        f"f {name} in p, both zero": lambda x, name=name: information.f_divergence(name, x, EDGE[[1, 0, 2]])
        for name in information.GENERATORS
        if np.isfinite(information.GENERATORS[name].slope_at_infinity)
    },
    "f own in p": lambda x: information.f_divergence(lambda u: (u - 1) ** 2 + 0.1 * (u - 1), x, EDGE_Q),
    "f own in q, both zero": lambda x: information.f_divergence(lambda u: (u - 1) ** 2, EDGE[[1, 0, 2]], x),
}


@pytest.mark.fast
@pytest.mark.parametrize("name", EDGE_SLOPES)
def test_slopes_at_zero_probabilities(name):
    """Gradients at a zero entry against one-sided finite differences along a tangent into the simplex."""
    measure, h = EDGE_SLOPES[name], 1e-11
    slope = (float(measure(EDGE + h * INWARD)) - float(measure(EDGE))) / h
    gradient = jax.grad(measure)(jnp.asarray(EDGE))
    # A term h^1.4 is seen as h^0.4 = 4e-5.
    assert float(gradient @ INWARD) == pytest.approx(slope, rel=5e-4, abs=5e-4)
    tangent = jax.jvp(measure, (jnp.asarray(EDGE),), (jnp.asarray(INWARD),))[1]
    assert float(tangent) == pytest.approx(float(gradient @ INWARD), rel=1e-12)


@pytest.mark.parametrize("zeros", ["row", "corner", "copies"])
def test_slopes_at_zeros_of_a_joint(zeros):
    """At every zero entry, against one-sided finite differences towards it, where those have a limit."""
    joint = RNG.dirichlet(np.ones(12)).reshape(2, 2, 3)
    if zeros == "row":
        joint[1] = 0
    elif zeros == "corner":
        joint[0, 0, :2] = joint[1, :, 0] = 0
    else:
        joint = joint * np.eye(2, 3)[:, None, :]
    joint = jnp.asarray(joint / joint.sum())
    measures = [
        information.mutual_information,
        information.conditional_mutual_information,
        information.total_correlation,
        information.dual_total_correlation,
        information.o_information,
        information.interaction_information,
        information.conditional_entropy,
        information.variation_of_information,
        information.normalized_mutual_information,
    ]
    if zeros == "row":
        measures.pop()  # its normaliser has an infinite slope there

    @jax.jit
    def values(p):
        return jnp.stack([measure(p) for measure in measures])

    slopes = jax.jit(jax.jacrev(values))(joint)
    finite = 0
    for index in np.argwhere(np.asarray(joint) == 0):
        inward = -joint.at[tuple(index)].add(-1)
        near, far = ((values(joint + h * inward) - values(joint)) / h for h in (1e-9, 1e-8))
        measured = jnp.tensordot(slopes, inward, axes=3)
        settled = jnp.abs(near - far) < 1e-3
        finite += int(jnp.sum(settled))
        np.testing.assert_allclose(measured[settled], near[settled], atol=1e-5)
    assert finite >= 8


@pytest.mark.fast
def test_infinite_slopes_are_taken_as_zero():
    p, q = jnp.asarray(EDGE), jnp.asarray(EDGE_Q)
    for measure in (
        information.entropy,
        lambda p: information.renyi_entropy(p, 0.7),
        lambda p: information.renyi_entropy(p, 0.3),
        lambda p: information.tsallis_entropy(p, 1.0),
        lambda p: information.kl_divergence(p, q),
        lambda p: information.js_divergence(p, q),
        lambda p: information.hellinger_distance(p, q),
        lambda p: information.renyi_divergence(p, q, 0.7),
        lambda p: information.tsallis_divergence(p, q, 0.3),
        lambda p: information.cross_entropy(p, EDGE),
    ):
        assert float(jax.grad(measure)(p)[2]) == 0


@pytest.mark.fast
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
