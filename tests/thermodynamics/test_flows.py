import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from entropax.simulators import stationary_covariance
from entropax.thermodynamics import probability_flow, probability_flow_velocity
from tests.contract.harness import CompileCounter, without_shape_hook

THREE = np.array([[1, 0.6, 0], [0, 2, -0.5], [0.3, 0, 1.5]])
D3 = np.array([0.5, 1.0, 0.25])


class LinearFlow(eqx.Module):
    """v = (-A + D S^-1) x, the probability flow of a linear system."""

    matrix: jax.Array

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.matrix @ x


def linear_flow() -> LinearFlow:
    covariance = stationary_covariance(THREE, D3)
    return LinearFlow(-jnp.asarray(THREE) + jnp.diag(jnp.asarray(D3)) @ jnp.linalg.inv(covariance))


def explode(x: jax.Array) -> jax.Array:
    return x**2


def test_orbits_are_matrix_exponentials_that_keep_the_density(x64):
    """Of a linear system: x(t) = e^{Mt} x(0), and the stationary density -x S^-1 x / 2 is constant along it."""
    flow, start, times = linear_flow(), jnp.asarray([1.0, -0.5, 2.0]), jnp.linspace(0.0, 6.0, 7)
    result = probability_flow(flow, start, times, rtol=1e-9, atol=1e-9)
    expected = np.stack([scipy.linalg.expm(np.asarray(flow.matrix) * t) @ np.asarray(start) for t in times])
    assert bool(result.converged)
    np.testing.assert_allclose(result.value, expected, atol=1e-7)
    inverse = np.linalg.inv(scipy.linalg.solve_continuous_lyapunov(THREE, 2 * np.diag(D3)))
    level = np.einsum("ti,ij,tj->t", result.value, inverse, result.value)
    np.testing.assert_allclose(level, level[0], rtol=1e-7)


@pytest.mark.slow
def test_gradients_in_both_modes(x64):
    """The derivative of the end in the start is e^{Mt}, by reverse mode and with the forward adjoint."""
    flow, start, times = linear_flow(), jnp.asarray([1.0, -0.5, 2.0]), jnp.asarray([0.0, 1.5])
    expected = scipy.linalg.expm(np.asarray(flow.matrix) * 1.5)
    options = {"rtol": 1e-9, "atol": 1e-9}
    reverse = jax.jacrev(lambda x: probability_flow(flow, x, times, **options).value[-1])(start)
    forward = jax.jacfwd(lambda x: probability_flow(flow, x, times, adjoint=diffrax.ForwardMode(), **options).value[-1])
    np.testing.assert_allclose(reverse, expected, atol=1e-7)
    np.testing.assert_allclose(forward(start), expected, atol=1e-7)


def test_failure_is_a_value(x64):
    """A solution that leaves every bound says that it did not converge; nothing is raised."""
    result = probability_flow(explode, jnp.ones(1), jnp.asarray([0.0, 2.0]), max_steps=200)
    assert not bool(result.converged)
    assert int(result.num_steps) <= 200


def test_a_second_call_compiles_nothing():
    flow = LinearFlow(-jnp.eye(2))
    times = jnp.linspace(0.0, 1.0, 3)
    probability_flow(flow, jnp.ones(2), times)
    start, other = 2 * jnp.ones(2), LinearFlow(-2 * jnp.eye(2))
    with CompileCounter() as counter:
        probability_flow(other, start, times)
    assert counter.count == 0


@pytest.mark.fast
def test_bad_arguments_are_refused():
    flow, start = LinearFlow(-jnp.eye(2)), jnp.ones(2)
    with without_shape_hook():
        with pytest.raises(ValueError, match="times must be increasing"):
            probability_flow(flow, start, jnp.asarray([0.0, 1.0, 1.0]))
        with pytest.raises(ValueError, match="times must hold at least 2 values"):
            probability_flow(flow, start, jnp.asarray([0.0]))
        with pytest.raises(TypeError, match="velocity must be a function"):
            probability_flow(3, start, jnp.asarray([0.0, 1.0]))
        with pytest.raises(ValueError, match="rtol and atol must be positive"):
            probability_flow(flow, start, jnp.asarray([0.0, 1.0]), rtol=0.0)
        with pytest.raises(ValueError, match="diffusion must be non-negative"):
            probability_flow_velocity(start, start, -jnp.ones(2))
        with pytest.raises(ValueError, match="score must have the shape of drift"):
            probability_flow_velocity(start, jnp.ones(3), jnp.ones(2))
        with pytest.raises(ValueError, match=r"velocity must return the shape of the state, \(2,\), got \(1,\)"):
            probability_flow(lambda y: y[:1], start, jnp.asarray([0.0, 1.0]))
