"""What arXiv 2603.13552 states of the radius of convergence of cross-entropy."""

import functools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import optax
import pytest
from scipy import stats

from entropax import nn, optimize

pytestmark = pytest.mark.usefixtures("x64")
PRINTED = 5.1e-11  # half a unit of the tenth digit
CASES = (
    ([1.0, 0], [1.0, 0], -1 + 3.1415926536j, 3.2969083095, 3.1415926536),
    ([2, 0.5, -1], [1, -0.5, 0.2], -0.9920000080 + 2.1678368062j, 2.3840260976, 2.0943951024),
    ([0.0, 0, 0], [1.0, 0, -1], 2.0943951024j, 2.0943951024, 1.5707963268),
    ([3.0, 1, 0, -1], [0.7, -0.4, 0.1, -0.9], None, 3.2227269021, 1.9634954085),
)


def printed(values, expected):
    np.testing.assert_allclose(values, expected, rtol=0, atol=PRINTED)


@pytest.mark.fast
def test_1_two_classes():
    """rho* = sqrt(delta^2 + pi^2) / Delta for three pairs, and the bound pi / Delta."""
    delta, spread = np.array([0.0, 2, 10]), np.array([1, 1.5, 1])
    printed(optimize.binary_radius(delta, spread), [np.pi, 2.4827945188, 10.4818702721])
    printed(optimize.binary_radius(np.zeros(3), spread), [np.pi, 2.0943951024, np.pi])


@pytest.mark.parametrize("case", CASES)
def test_2_the_nearest_zero(case):
    """Four partition functions, against the printed digits and mpmath's root there."""
    z, a, zero, radius, bound = case
    found = optimize.partition_zero(np.array(z), np.array(a))
    printed(found.value, radius)
    printed(np.pi / optimize.logit_spread(np.array(a)), bound)
    if zero is not None:
        np.testing.assert_allclose(complex(found.zero), zero, rtol=0, atol=1e-10)
    with mpmath.workdps(30):
        function = lambda t: sum(mpmath.exp(zk + ak * t) for zk, ak in zip(z, a, strict=True))  # noqa: E731
        exact = mpmath.findroot(function, complex(found.zero))
    assert abs(complex(found.zero) - complex(exact)) < 1e-13
    assert bool(found.converged)
    assert int(found.num_nearer) == 0


def test_3_bound_invariances_and_scaling():
    """rho* >= pi / Delta; the same for -v, z + const and a + const; 1 / c for c a: random examples."""
    rng = np.random.default_rng(0)
    for n in (3, 9):
        z, a = rng.normal(0, 2, (40, n)), rng.normal(size=(40, n))
        shift = rng.normal(size=(40, 1))
        found = optimize.partition_zero(np.stack([z, z, z + 3 * shift, z, z]), np.stack([a, -a, a, a + shift, 2.5 * a]))
        assert np.all(found.converged)
        spread = optimize.logit_spread(a)
        assert np.all(found.value[0] * spread >= np.pi * (1 - 1e-12))
        assert np.all(np.imag(found.zero[0]) * spread >= np.pi * (1 - 1e-12))
        scale = np.array([1, 1, 1, 1, 2.5])[:, None]
        np.testing.assert_allclose(scale * found.value, np.tile(found.value[0], (5, 1)), rtol=1e-10)
        np.testing.assert_allclose(optimize.logit_spread(2.5 * a), 2.5 * spread, rtol=1e-12)
        np.testing.assert_allclose(optimize.logit_spread(-a + shift), spread, rtol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_4_the_ratio_test(case):
    """The coefficients' roots tend to 1 / rho*: within 1% at n = 400, and c_60 against mpmath's series."""
    z, a, _, radius, _ = case
    scaled = np.array(a) * radius  # so that rho* is 1
    c = np.asarray(optimize.taylor_coefficients(np.array(z), scaled, order=400))
    m = np.arange(300, 401)
    # c_m is about -2 cos(m theta) / m, which the factor m takes out but for the cosine: the largest of many.
    assert abs(np.max(np.abs(m * c[m] / 2) ** (1 / m)) - 1) < 0.01
    assert np.max(np.abs(m * c[m])) == pytest.approx(2, rel=0.01)
    with mpmath.workdps(60):
        function = lambda t: mpmath.log(sum(mpmath.exp(zk + ak * t) for zk, ak in zip(z, a, strict=True)))  # noqa: E731
        reference = mpmath.taylor(function, 0, 20)
    ours = optimize.taylor_coefficients(np.array(z), np.array(a), order=20)
    np.testing.assert_allclose(ours, np.array(reference, float), rtol=1e-10, atol=1e-15)


def test_4_softplus():
    """The series of log(1 + e^x) at 0 converges at 3, inside pi, and not at 3.3."""
    c = np.asarray(optimize.taylor_coefficients(np.zeros(2), np.array([1.0, 0]), order=200))
    errors = {x: np.abs(np.cumsum(c * x ** np.arange(201.0)) - np.logaddexp(0, x)) for x in (3.0, 3.3)}
    assert errors[3.0][200] < 1e-5
    assert errors[3.0][200] < errors[3.0][100] / 50
    assert errors[3.3][200] > 50 * errors[3.3][100] > 1e-3


@pytest.mark.fast
def test_5_divergences_along_a_path():
    """Both directions, the quadratic and the bounds at tau 1, -1 and 0.1; forward is the Bregman divergence of K."""
    z, a = np.array([2, 0.5, -1]), np.array([1, -0.5, 0.2])
    expected = {
        1.0: (0.1225876410, 0.0852913724),
        -1.0: (0.2115315754, 0.2468674460),
        0.1: (0.0016158455, 0.0015676349),
    }
    for tau, (forward, reverse) in expected.items():
        printed(optimize.kl_path(z, a, tau), forward)
        printed(optimize.kl_path(z, a, tau, direction="reverse"), reverse)
        p, q = (np.exp(s - np.logaddexp.reduce(s)) for s in (z, z + tau * a))
        K = lambda t: np.logaddexp.reduce(z + t * a)  # noqa: E731
        np.testing.assert_allclose(forward, K(tau) - K(0) - tau * (p @ a), atol=PRINTED)
        np.testing.assert_allclose([forward, reverse], [stats.entropy(p, q), stats.entropy(q, p)], atol=PRINTED)
        quadratic = optimize.kl_path_quadratic(z, a, tau)
        printed(quadratic, 0.1664333490 * tau**2)
        for direction, value in (("forward", forward), ("reverse", reverse)):
            assert abs(value - quadratic) <= optimize.kl_remainder_bound(tau, 1.5, direction=direction)
    printed(optimize.kl_remainder_bound(1.0, 1.5), 0.0541265877)
    printed(optimize.kl_remainder_bound(1.0, 1.5, direction="reverse"), 0.1082531755)


def test_5_the_constants_are_sharp():
    """Two classes with p = (3 +- sqrt 3) / 6 reach each constant as tau -> 0; the smaller one fails in reverse."""
    p = (3 + np.sqrt(3)) / 6
    z, a, tau = np.log(np.array([p, 1 - p])), np.array([1.0, 0]), 1e-4
    quadratic = optimize.kl_path_quadratic(z, a, tau)
    for direction in ("forward", "reverse"):
        gap = abs(optimize.kl_path(z, a, tau, direction=direction) - quadratic)
        assert gap / optimize.kl_remainder_bound(tau, 1.0, direction=direction) == pytest.approx(1, abs=1e-3)
        if direction == "reverse":
            assert gap > 1.9 * optimize.kl_remainder_bound(tau, 1.0)


def logits(params, x):
    return jnp.tanh(x @ params["hidden"]) @ params["out"]


PARAMS = {
    "hidden": np.random.default_rng(1).normal(size=(3, 5)),
    "out": np.random.default_rng(2).normal(size=(5, 4)),
}
X = np.random.default_rng(3).normal(size=(7, 3))


def test_6_the_clip():
    """||p~|| = min(||p||, rho_a), direction kept, nothing done at r <= 1: SGD, momentum and Adam."""
    params = jax.tree.map(jnp.asarray, PARAMS)
    loss = lambda p: jnp.mean(jax.nn.logsumexp(logits(p, X), axis=-1) - logits(p, X)[:, 0])  # noqa: E731
    for base in (optax.sgd, functools.partial(optax.sgd, momentum=0.9), optax.adam):
        for rate in (1e-3, 50.0):
            plain, clipped = base(rate), optax.chain(base(rate), optimize.radius_clip())
            state = clipped.init(params)
            p, _ = plain.update(jax.grad(loss)(params), plain.init(params), params)
            q, state = clipped.update(jax.grad(loss)(params), state, params, logits_fn=logits, batch=X)
            norm, h = optax.tree.norm(p), 1e-6
            v = jax.tree.map(lambda u, norm=norm: u / norm, p)
            ahead, behind = (logits(jax.tree.map(lambda w, u, s=s: w + s * u, params, v), X) for s in (h, -h))
            a = np.asarray(ahead - behind) / (2 * h)
            rho = np.pi / np.max(a.max(axis=1) - a.min(axis=1))
            np.testing.assert_allclose(optimize.convergence_radius_bound(logits, params, v, X), rho, rtol=1e-7)
            np.testing.assert_allclose(optax.tree.norm(q), min(norm, rho), rtol=1e-7)
            np.testing.assert_allclose(optax.tree.vdot(q, v), optax.tree.norm(q), rtol=1e-12)
            np.testing.assert_allclose(state[-1].normalized_step, norm / rho, rtol=1e-7)
            np.testing.assert_allclose(optimize.normalized_step(p, rho), norm / rho, rtol=1e-12)
            if norm <= rho:
                jax.tree.map(np.testing.assert_array_equal, p, q)
            else:
                assert rate == 50


@pytest.mark.fast
def test_7_the_gaussian_rectifier():
    """RIA at beta 1.7 in three points, and its derivative Phi(beta x)."""
    x = jnp.array([-1, 0, 0.5])
    printed(nn.ria(x, 1.7), [0.0107575239, 0.2346719296, 0.5646892497])
    slope = jax.vmap(jax.grad(nn.ria), in_axes=(0, None))(x, 1.7)
    np.testing.assert_allclose(slope, stats.norm.cdf(1.7 * np.asarray(x)), rtol=1e-14)


def test_8_an_output_layer_step():
    """Logits linear in the step: the mean loss has the radius min over examples of rho*, read off its coefficients."""
    rng = np.random.default_rng(4)
    W, V, x = rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), rng.normal(size=(6, 3))
    radius = float(jnp.min(optimize.partition_zero(x @ W, x @ V).value))
    c = np.asarray(optimize.taylor_coefficients(x @ W, radius * x @ V, order=400)).mean(axis=0)
    m = np.arange(300, 401)
    # m c_m is -2 cos(m theta) / 6 from the nearest zero's example, but for what farther zeros leave of it.
    assert np.max(np.abs(m * c[m])) == pytest.approx(2 / 6, rel=0.02)
    bound = optimize.convergence_radius_bound(lambda w, x: x @ w, jnp.asarray(W), jnp.asarray(V), jnp.asarray(x))
    assert bound <= radius
    # The labels' term is linear in the step, and an actual loss agrees with the series inside the radius.
    tau = 0.7
    path = np.mean(np.log(np.sum(np.exp(x @ W + tau * radius * x @ V), axis=1)))
    np.testing.assert_allclose(np.sum(c * tau ** np.arange(401.0)), path, rtol=1e-12)


def test_appendix_curvature_overstates():
    """From margin 0 to 10 the inverse of the logistic curvature grows over 4000 times, the radius 3.3 times."""
    curvature = np.exp(-10.0) / (1 + np.exp(-10.0)) ** 2
    assert (1 / curvature) / (1 / 0.25) > 4000
    assert optimize.binary_radius(10.0, 1.0) / optimize.binary_radius(0.0, 1.0) < 3.4
