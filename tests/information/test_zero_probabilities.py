"""Gradients at zero probabilities: one-sided slopes where they are finite, zero where they are not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import information

RNG = np.random.default_rng(7)
P = np.array([0.2, 0.3, 0.5, 0.0])
Q = np.array([0.1, 0.4, 0.25, 0.25])

pytestmark = pytest.mark.usefixtures("x64")


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


@pytest.mark.parametrize(
    "zeros", ["row", *(pytest.param(zeros, marks=pytest.mark.slow) for zeros in ("corner", "copies"))]
)
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
