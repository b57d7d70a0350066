"""Gradients where probabilities are so small that their squares and products underflow."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import information

pytestmark = pytest.mark.usefixtures("x64")
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


@pytest.mark.slow
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
@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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
