import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from scipy import stats

from entropax.simulators import Langevin, LinearLangevin, simulate, stationary_covariance
from tests.contract.harness import without_shape_hook

ROTATION = np.array([[1.5, -0.8], [0.8, 1.5]])
TRAP = np.array([[0.7, -0.5], [0.0, 0.3]])
THREE = np.array([[1, 0.6, 0], [0, 2, -0.5], [0.3, 0, 1.5]])
CORRELATED = np.array([[0.5, 0.2, 0.0], [0.2, 1.0, -0.1], [0.0, -0.1, 0.25]])


@pytest.mark.fast
@pytest.mark.parametrize(
    ("A", "D"),
    [(ROTATION, [1.0, 2.0]), (TRAP, [0.2, 0.3]), (TRAP, [0.0, 0.3]), (THREE, [0.5, 1.0, 0.25]), (THREE, CORRELATED)],
    ids=["rotation", "trap", "singular", "three", "correlated"],
)
def test_stationary_covariance_against_scipy(A, D, x64):
    """A S + S A^T = 2 D, as scipy's Lyapunov solver has it; D may be singular or a full matrix."""
    D = np.asarray(D)
    matrix = np.diag(D) if D.ndim == 1 else D
    np.testing.assert_allclose(
        stationary_covariance(A, D), scipy.linalg.solve_continuous_lyapunov(A, 2 * matrix), rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize("dt", [1e-4, 0.3, 20.0])
@pytest.mark.parametrize("D", [[0.2, 0.3], [0.0, 0.3]])
def test_transition_against_scipy(dt, D, x64):
    """Propagator e^{-A dt}, and the noise that keeps the stationary covariance, for small and large steps."""
    system = LinearLangevin(TRAP, np.asarray(D), dt=dt)
    propagator, covariance = system.transition()
    expected = scipy.linalg.expm(-TRAP * dt)
    stationary = scipy.linalg.solve_continuous_lyapunov(TRAP, 2 * np.diag(D))
    np.testing.assert_allclose(propagator, expected, rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(covariance, stationary - expected @ stationary @ expected.T, rtol=1e-9, atol=1e-14)
    # Noise as it is applied, a column for each standard normal number.
    prepared = system.prepared()
    np.testing.assert_allclose(prepared.factor @ prepared.factor.T, covariance, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("dt", [1e-3, 1.0, 300.0, 1e6, 1e30])
def test_transition_of_a_stiff_system(dt):
    """In float32, rates of 1 and 100 coupled from one to the other: exact at any dt, where e^{+100 dt} overflows.

    e^{-A t} = [[e^{-t}, c (e^{-t} - e^{-100 t})], [0, e^{-100 t}]] with c = 5 / 99, integrated in closed form.
    """
    A, D, c = np.array([[1.0, -5.0], [0.0, 100.0]], np.float32), np.array([0.5, 2.0], np.float32), 5 / 99
    propagator, covariance = LinearLangevin(A, D, dt=dt).transition()
    slow, fast = np.exp(-dt), np.exp(-100 * dt)
    np.testing.assert_allclose(propagator, [[slow, c * (slow - fast)], [0.0, fast]], rtol=2e-5, atol=1e-30)
    both = {rate: -np.expm1(-rate * dt) / rate for rate in (2, 101, 200)}  # int_0^dt e^{-rate s} ds
    above = both[2] - 2 * both[101] + both[200]
    aside = 4 * c * (both[101] - both[200])
    expected = [[both[2] + 4 * c**2 * above, aside], [aside, 4 * both[200]]]
    np.testing.assert_allclose(covariance, expected, rtol=2e-5)


def test_transition_is_differentiable_past_its_doublings(x64):
    """Reverse mode in A, D and dt of a stiff step equals central differences; a number of doublings changes nothing."""
    weights = jnp.asarray([[1.0, 2.0], [3.0, 4.0]])

    def total(A, D, dt):
        propagator, covariance = LinearLangevin(A, D, dt=dt).transition()
        return jnp.sum(weights * (propagator + covariance))

    at = (jnp.asarray([[0.7, -0.5], [0.2, 30.0]]), jnp.asarray([0.2, 0.3]), jnp.asarray(0.9))
    gradient = jax.grad(total, argnums=(0, 1, 2))(*at)
    for position, slope in enumerate(gradient):
        h = 1e-6
        up, down = (tuple(x + s * (i == position) for i, x in enumerate(at)) for s in (h, -h))
        np.testing.assert_allclose(jnp.sum(slope), (total(*up) - total(*down)) / (2 * h), rtol=1e-7)


@pytest.mark.parametrize("D", [[0.2, 0.3], [0.2, 0.0], [0.0, 0.0]])
def test_noise_of_any_rank_has_finite_gradients(D, x64):
    """A coordinate without noise gets none, and gradients stay finite."""

    def loss(A, diffusion):
        system = LinearLangevin(A, diffusion, dt=0.1)
        start = system.init(key=jax.random.key(1), shape=(5,))
        return jnp.sum(system.step(start, key=jax.random.key(2)) ** 2)

    value, gradients = jax.value_and_grad(loss, argnums=(0, 1))(jnp.asarray(TRAP), jnp.asarray(D))
    assert all(bool(jnp.all(jnp.isfinite(g))) for g in jax.tree.leaves((value, gradients)))
    assert (float(value) == 0) == (not any(D))


def test_stationary_law_and_its_steps(getkey, x64):
    """init and step draw from N(0, S), also with singular D: chi-squared test of S^-1, 20000 draws, level 1e-3."""
    n = 20_000
    system = LinearLangevin(TRAP, np.asarray([0.0, 0.3]), dt=0.5)
    whiten = np.linalg.cholesky(np.linalg.inv(system.stationary_covariance()))
    start = system.init(key=getkey(), shape=(n,))
    later = system.step(start, key=getkey())
    for states in (start, later):
        z = np.asarray(states) @ whiten
        # n S_hat_kl / S_kl sums of squares: chi-squared with n degrees each; a power of 1 - 1e-3 at 5% wrong scale.
        squares = np.sum(z**2, axis=0)
        assert np.all(stats.chi2.cdf(squares, n) > 5e-4)
        assert np.all(stats.chi2.sf(squares, n) > 5e-4)
        assert abs(np.mean(z[:, 0] * z[:, 1])) < 3.5 / np.sqrt(n)
    lagged = np.asarray(later).T @ np.asarray(start) / n
    np.testing.assert_allclose(lagged, scipy.linalg.expm(-0.5 * TRAP) @ system.stationary_covariance(), atol=0.03)


def test_chains_run_together_or_apart(getkey, x64):
    """Leading axes are independent copies: a step is linear in each with the same propagator."""
    system = LinearLangevin(ROTATION, np.ones(2), dt=0.3)
    start = jnp.asarray([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    key = getkey()
    moved = system.step(start, key=key) - system.step(jnp.zeros_like(start), key=key)
    np.testing.assert_allclose(moved[:2].T, scipy.linalg.expm(-0.3 * ROTATION), rtol=1e-12)


@pytest.mark.fast
def test_divergence_of_the_linear_drift(x64):
    """Its terms are the diagonal of the drift's Jacobian, -A, at every state."""
    system = LinearLangevin(THREE, np.ones(3), dt=0.1)
    x = jnp.arange(6.0).reshape(2, 3)
    expected = jnp.diagonal(jax.vmap(jax.jacfwd(system.drift))(x), axis1=1, axis2=2)
    np.testing.assert_allclose(system.drift_divergence(x), expected, rtol=1e-14)


@pytest.mark.fast
def test_linear_systems_refuse_bad_parameters():
    with pytest.raises(ValueError, match="drift_matrix must be stable"):
        LinearLangevin(-ROTATION, np.ones(2), dt=0.1)
    with pytest.raises(ValueError, match="diagonal of diffusion must be non-negative"):
        LinearLangevin(ROTATION, np.asarray([1.0, -1.0]), dt=0.1)
    with (
        without_shape_hook(),
        pytest.raises(ValueError, match=r"diffusion must have shape \(2,\) or \(2, 2\), got \(3,\)"),
    ):
        LinearLangevin(ROTATION, np.ones(3), dt=0.1)
    with pytest.raises(ValueError, match="dt must be positive"):
        LinearLangevin(ROTATION, np.ones(2), dt=0.0)
    with without_shape_hook(), pytest.raises(ValueError, match=r"dt must be a number, got an array of shape \(2,\)"):
        LinearLangevin(ROTATION, np.ones(2), dt=np.ones(2))
    with without_shape_hook(), pytest.raises(ValueError, match=r"drift_matrix must have shape \(d, d\)"):
        stationary_covariance(np.ones((2, 3)), np.ones(2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_marginal_systems_are_refused_and_slow_ones_are_not(dtype, getkey):
    """Rotations and zero modes in any basis have no stationary law; eigenvalues of 1e-10 and 1 on a diagonal have."""
    with jax.enable_x64(dtype == np.float64):
        bases = np.asarray(jax.random.normal(getkey(), (40, 3, 3)), np.float64)
        rotation = np.array([[0.0, 2.0, 0.0], [-2.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
        for modes in (rotation, np.diag([0.0, 1.0, 2.0])):
            for basis in bases:
                with pytest.raises(ValueError, match="drift_matrix must be stable"):
                    stationary_covariance((np.linalg.inv(basis) @ modes @ basis).astype(dtype), np.ones(3, dtype))
        slow = np.array([1e-10, 1.0], dtype)
        np.testing.assert_allclose(
            stationary_covariance(np.diag(slow), np.ones(2, dtype)), np.diag(1 / slow), rtol=1e-6
        )


@pytest.mark.fast
@pytest.mark.parametrize("D", [[[1.0, 2.0], [2.0, 1.0]], [[1.0, 0.9], [0.0, 1.0]]], ids=["indefinite", "asymmetric"])
def test_diffusion_must_be_a_covariance(D):
    """An indefinite or asymmetric D has no noise: it raises, and traced it makes value and gradient NaN."""
    A, D = np.asarray(ROTATION, np.float32), np.asarray(D, np.float32)
    for build in (stationary_covariance, lambda A, D: LinearLangevin(A, D, dt=0.1)):
        with pytest.raises(ValueError, match="diffusion must be symmetric and positive semidefinite, got eigenvalues"):
            build(A, D)
    value, slope = jax.jit(jax.value_and_grad(lambda A, D: jnp.sum(stationary_covariance(A, D))))(A, D)
    assert np.isnan(value)
    assert np.isnan(slope).any()


def test_singular_diffusion_is_accepted_to_rounding(getkey):
    """B B^T of 12 x 5 normal numbers in float32, whose rounded eigenvalues are partly below zero."""
    half = np.asarray(jax.random.normal(getkey(), (12, 5)))
    D = half @ half.T
    assert np.linalg.eigvalsh(D).min() < 0
    D = D * (1 + 1e-7 * np.triu(np.ones((12, 12)))).astype(np.float32)
    assert np.any(D != D.T)
    assert np.isfinite(stationary_covariance(np.eye(12, dtype=np.float32), D)).all()


def test_an_unstable_system_is_nan_when_traced(x64):
    """Under jit the fault shows in the value and in the gradient."""
    value, gradient = jax.jit(jax.value_and_grad(lambda A: jnp.sum(stationary_covariance(A, jnp.ones(2)))))(-ROTATION)
    assert np.isnan(value)
    assert np.isnan(gradient).any()


class Spring(eqx.Module):
    stiffness: jax.Array

    def __call__(self, x: jax.Array) -> jax.Array:
        return -self.stiffness * x


def draw(key: jax.Array) -> jax.Array:
    return jax.random.normal(key, (2,))


def test_euler_maruyama_is_its_formula(getkey, x64):
    """X + b dt + sqrt(2 D dt) z with the z of the step's key; no noise where D is zero."""
    D = np.asarray([0.4, 0.0])
    system = Langevin(Spring(jnp.asarray(0.5)), D, dt=0.02, initial=jnp.ones(2))
    state, key = system.init(key=getkey()), getkey()
    z = jax.random.normal(key, (2,))
    np.testing.assert_allclose(system.step(state, key=key), 1 - 0.5 * 0.02 + np.sqrt(2 * D * 0.02) * z, rtol=1e-14)


def test_euler_maruyama_covariance_has_its_known_bias(getkey, x64):
    """Of an Ornstein-Uhlenbeck process the step's stationary variance is D / (k (1 - k dt / 2)): z-test, 5 sigma."""
    k, D, dt, n = 1.0, 0.5, 0.2, 4000
    system = Langevin(Spring(jnp.asarray(k)), D, dt=dt, initial=jnp.zeros(n))
    state, _ = simulate(system, system.init(key=getkey()), 100, key=getkey(), observe=None)
    expected = D / (k * (1 - k * dt / 2))
    assert abs(float(jnp.var(state)) - expected) < 5 * expected * np.sqrt(2 / n)


def test_gradients_reach_the_drift_and_the_noise(getkey, x64):
    """Reverse mode through a run, in a drift's array and in D, equals finite differences; D = 0 stays finite."""
    start, key = jnp.asarray([1.0, -2.0]), getkey()

    def loss(stiffness, D):
        system = Langevin(Spring(stiffness), D, dt=0.05, initial=start)
        return jnp.sum(simulate(system, start, 30, key=key, observe=None)[0] ** 2)

    k, D = jnp.asarray(0.8), jnp.asarray([0.3, 0.0])
    slope_k, slope_D = jax.grad(loss, argnums=(0, 1))(k, D)
    h = 1e-6
    np.testing.assert_allclose(slope_k, (loss(k + h, D) - loss(k - h, D)) / (2 * h), rtol=1e-7)
    first = jnp.asarray([h, 0.0])
    np.testing.assert_allclose(slope_D[0], (loss(k, D + first) - loss(k, D - first)) / (2 * h), rtol=1e-7)
    assert float(slope_D[1]) == 0.0


@pytest.mark.fast
def test_langevin_takes_functions_boxes_and_draws(getkey):
    """A plain drift, an initial draw, and a space whose `wrap` is applied."""

    class Unit:
        def wrap(self, x):
            return jnp.mod(x, 1.0)

    system = Langevin(jnp.sin, 0.1, dt=0.1, initial=draw, box=Unit())
    state, _ = simulate(system, system.init(key=getkey()), 10, key=getkey(), observe=None)
    assert bool(jnp.all((state >= 0) & (state < 1)))
    with without_shape_hook(), pytest.raises(TypeError, match="drift must be a function"):
        Langevin(3.0, 0.1, dt=0.1, initial=jnp.ones(2))
    with without_shape_hook(), pytest.raises(ValueError, match=r"dt must be a number, got an array of shape \(2,\)"):
        Langevin(jnp.sin, 0.1, dt=np.ones(2), initial=jnp.ones(2))
    with pytest.raises(ValueError, match="diffusion must be non-negative"):
        Langevin(jnp.sin, -0.1, dt=0.1, initial=jnp.ones(2))


@pytest.mark.fast
def test_shapes_of_drift_and_noise(getkey):
    """A drift of another shape raises; D of shape (2,) drives every one of five particles."""
    start, key = jnp.ones((5, 2)), getkey()
    with pytest.raises(ValueError, match=r"drift must return the shape of the state, \(5, 2\), got \(1, 2\)"):
        Langevin(lambda x: -x[:1], 0.1, dt=0.1, initial=start).step(start, key=key)
    D = np.asarray([0.4, 0.0], np.float32)
    state = Langevin(jnp.zeros_like, D, dt=0.02, initial=start).step(start, key=key)
    z = jax.random.normal(key, (5, 2))
    np.testing.assert_allclose(state, 1 + np.sqrt(2 * D * 0.02)[None] * z, rtol=1e-6)
    with pytest.raises(ValueError, match=r"diffusion must be broadcastable to shape \(5, 2\), got \(3,\)"):
        Langevin(jnp.zeros_like, np.ones(3), dt=0.02, initial=start).step(start, key=key)
