import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax.simulators import ActiveRing, ornstein_uhlenbeck_step, simulate
from tests.contract.harness import without_shape_hook

STATES = np.array([[0.4, 0.7], [2.05, -1.2], [5.0, 0.3], [8.0, 0.0], [13.9, -2.0], [15.7, 1.1]])


class Wave(eqx.Module):
    amplitude: jax.Array

    def __call__(self, x: jax.Array) -> jax.Array:
        return 0.3 + self.amplitude * jnp.cos(2 * jnp.pi * x / 16)


@pytest.mark.fast
def test_drift_is_the_formula(x64):
    """v0 g + k log(1 + exp(beta (2 - dist))) / beta away from contact, and -gamma g, from numpy."""
    x, g = STATES.T
    distance = np.minimum(x, 16 - x)
    force = np.where(x < 8, 1, -1) * 2.5 * np.log1p(np.exp(7.5 * (2 - distance))) / 7.5
    np.testing.assert_allclose(
        ActiveRing().drift(jnp.asarray(STATES)), np.stack([0.25 * g + force, -0.1 * g], -1), rtol=1e-12
    )


@pytest.mark.parametrize("speed", [0.25, Wave(jnp.asarray(0.2))], ids=["constant", "profile"])
def test_divergence_is_that_of_the_drift(speed, x64):
    """The analytic divergence equals the trace of the Jacobian, term by term, with a profile v0(x) too."""
    ring = ActiveRing(jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), speed))
    jacobian = jax.vmap(jax.jacfwd(ring.drift))(jnp.asarray(STATES))
    expected = jnp.diagonal(jacobian, axis1=1, axis2=2)
    np.testing.assert_allclose(ring.drift_divergence(jnp.asarray(STATES)), expected, rtol=1e-10, atol=1e-13)


@pytest.mark.fast
def test_mirror_symmetry(x64):
    """Exchanging the swimmers, (x, g) -> (2W - x, -g), reverses the drift in both coordinates."""
    ring = ActiveRing()
    states = jnp.asarray(STATES)
    np.testing.assert_allclose(ring.drift(ring.mirror(states)), -ring.drift(states), rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(ring.mirror(ring.mirror(states)), states)


def test_the_step_is_exact_in_the_propulsion(getkey, x64):
    """Mean e^{-gamma dt} g and variance 1 - e^{-2 gamma dt}, for a step of several persistence times."""
    g, z = jnp.asarray([1.5, -0.4]), jnp.asarray([0.3, 2.0])
    gamma, dt = jnp.asarray(0.3), jnp.asarray(4.0)
    expected = np.asarray(g) * np.exp(-1.2) + np.sqrt(1 - np.exp(-2.4)) * np.asarray(z)
    np.testing.assert_allclose(ornstein_uhlenbeck_step(g, gamma, dt, z), expected, rtol=1e-13)


def test_positions_stay_on_the_ring_and_propulsions_normal(getkey):
    """After a run: x in [0, 16) and never through contact; g standard normal (mean and variance, 5 sigma of 4000)."""
    ring = ActiveRing(dt=0.05)
    state, _ = simulate(ring, ring.init(key=getkey(), shape=(4000,)), 400, key=getkey(), observe=None)
    x, g = np.asarray(state).T
    assert x.min() > 0.5
    assert x.max() < 15.5
    assert abs(g.mean()) < 5 / np.sqrt(4000)
    assert abs(g.var() - 1) < 5 * np.sqrt(2 / 4000)


def test_a_step_across_contact_stays_on_the_ring(getkey):
    """Moved to -1e-9, whose remainder rounds to 16 in float32, a swimmer is at 0."""
    ring = ActiveRing(speed=1.0, stiffness=0.0, noise=0.0, dt=1.0)
    state = ring.step(jnp.asarray([[0.0, -1e-9], [0.0, 1e-9], [15.5, 1.0]]), key=getkey())
    np.testing.assert_array_equal(state[:, 0], np.asarray([0.0, 1e-9, 0.5], np.float32))


def test_every_parameter_is_differentiable(getkey, x64):
    """Reverse mode through 40 steps equals central differences in v0, k, gamma, eps, W, R, beta."""
    start, key = ActiveRing().init(key=getkey(), shape=(8,)).at[0, 0].set(1.9), getkey()
    names = ("speed", "stiffness", "persistence", "noise", "half_width", "radius", "beta")

    def loss(parameters):
        final, _ = simulate(ActiveRing(**parameters), start, 40, key=key, observe=None)
        return jnp.sum(jnp.sin(final))

    at = {name: getattr(ActiveRing(), name) for name in names}
    gradient = jax.jit(jax.grad(loss))(at)
    for name in names:
        h = 1e-6
        up, down = dict(at, **{name: at[name] + h}), dict(at, **{name: at[name] - h})
        np.testing.assert_allclose(
            gradient[name], (loss(up) - loss(down)) / (2 * h), rtol=2e-6, atol=1e-8, err_msg=name
        )


@pytest.mark.fast
@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"persistence": 0.0}, "persistence must be positive"),
        ({"noise": -0.1}, "noise must be non-negative"),
        ({"half_width": 1.5}, "half_width - 2 radius must be positive"),
        ({"dt": -1.0}, "dt must be positive"),
        ({"speed": np.nan}, "speed must be finite"),
    ],
)
def test_bad_parameters_are_refused(parameters, match):
    with pytest.raises(ValueError, match=match):
        ActiveRing(**parameters)


@pytest.mark.fast
@pytest.mark.parametrize("name", ["speed", "stiffness", "persistence", "noise", "half_width", "radius", "beta", "dt"])
def test_parameters_are_numbers(name):
    """An array where a number belongs raises by its name."""
    with without_shape_hook(), pytest.raises(ValueError, match=rf"{name} must be a number, got an array of shape"):
        ActiveRing(**{name: np.ones(2)})
