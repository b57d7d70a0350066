"""Capacities and rate-distortion functions against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import information

pytestmark = pytest.mark.usefixtures("x64")


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


@pytest.mark.slow
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
