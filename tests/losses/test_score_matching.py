"""Score losses: their minima by quadrature, their means by exact expectation, and what they share."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.polynomial.hermite_e import hermegauss

from entropax import losses
from tests.contract.harness import without_shape_hook

GAUSSIAN = np.array([[1.2, 0.3], [0.3, 0.5]])
ROTATING = np.array([[1.5, -0.8], [0.8, 1.5]])
GRID = np.linspace(-60.0, 60.0, 24_001)[:, None]


def gaussian_points() -> np.ndarray:
    """Four points with mean zero and covariance GAUSSIAN: means of quadratics over them are exact."""
    columns = np.sqrt(2) * np.linalg.cholesky(GAUSSIAN).T
    return np.concatenate([columns, -columns])


def student(x):
    """Log density of a Student t with 5 degrees of freedom, up to a constant."""
    return -3 * jnp.log1p(x**2 / 5)


def mixture(x):
    """Log density of two Gaussians, up to a constant."""
    return jnp.logaddexp(-((x - 1.5) ** 2) / 2, jnp.log(0.4) - (x + 2.0) ** 2 / (2 * 0.5))


def weights_of(log_density) -> np.ndarray:
    density = np.exp(np.asarray(log_density(GRID[:, 0])))
    return density / density.sum()


class TestImplicit:
    @pytest.mark.fast
    def test_fact_9_gaussian(self, x64):
        """S = [[1.2, .3], [.3, .5]]: the least mean loss is -tr S^-1 = -3.333333, at the score -S^-1 x."""
        points = jnp.asarray(gaussian_points())

        def loss(matrix):
            return jnp.mean(losses.implicit_score_matching_loss(losses.evaluate_score(lambda x: -matrix @ x, points)))

        exact = jnp.linalg.inv(jnp.asarray(GAUSSIAN))
        np.testing.assert_allclose(loss(exact), -3.333333333, rtol=1e-9)
        np.testing.assert_allclose(jax.grad(loss)(exact), np.zeros((2, 2)), atol=1e-12)
        # Quadratic in the matrix, with this curvature everywhere: the least value of all linear scores.
        assert np.linalg.eigvalsh(jax.hessian(loss)(exact).reshape(4, 4)).min() > 0.1

    @pytest.mark.parametrize("log_density", [student, mixture])
    def test_the_score_is_stationary_and_least(self, log_density, x64):
        """By quadrature: the loss's slope in every direction of a basis is zero at the score, its curvature positive.

        The least value is minus the Fisher information, and its excess elsewhere is E|s - s*|^2.
        """
        weight = jnp.asarray(weights_of(log_density))
        exact = jax.grad(log_density)

        def excess(x):
            return jnp.stack([jnp.tanh(x), jnp.exp(-(x**2) / 2), jnp.sin(x) / (1 + x**2 / 9)])

        @jax.jit
        def loss(coefficients):
            def score(x):
                return (exact(x[0]) + coefficients @ excess(x[0]))[None]

            return weight @ losses.implicit_score_matching_loss(losses.evaluate_score(score, jnp.asarray(GRID)))

        fisher = weight @ jax.vmap(exact)(GRID[:, 0]) ** 2
        zero = jnp.zeros(3)
        np.testing.assert_allclose(loss(zero), -fisher, rtol=1e-6)
        np.testing.assert_allclose(jax.jit(jax.grad(loss))(zero), np.zeros(3), atol=2e-6)
        moved = jnp.asarray([0.3, -0.2, 0.5])
        distance = weight @ (jax.vmap(excess)(jnp.asarray(GRID[:, 0])) @ moved) ** 2
        np.testing.assert_allclose(loss(moved) - loss(zero), distance, rtol=1e-5)

    def test_hutchinson_is_unbiased(self, x64, monkeypatch):
        """The loss with one probe, averaged over all sign probes, is the loss with the exact divergence."""
        x = jnp.asarray([[0.3, -0.8, 1.1]])
        matrix = jnp.asarray(np.random.default_rng(2).standard_normal((3, 3)))

        def score(y):
            return jnp.sin(matrix @ y)

        exact = losses.implicit_score_matching_loss(losses.evaluate_score(score, x))
        values = []
        for signs in itertools.product([-1.0, 1.0], repeat=3):
            monkeypatch.setattr(jax.random, "rademacher", lambda key, shape, dtype, s=signs: jnp.asarray([s], dtype))
            evaluation = losses.evaluate_score(score, x, divergence="hutchinson", key=jax.random.key(0))
            values.append(float(losses.implicit_score_matching_loss(evaluation)[0]))
        assert np.std(values) > 0.1
        np.testing.assert_allclose(np.mean(values), exact[0], rtol=1e-12)

    def test_evaluation_is_shared(self):
        """Both losses of one evaluation call the network once for the value and all slopes of a batch."""
        calls = []

        def score(x):
            calls.append(x)
            return jnp.sin(x)

        x = jnp.ones((5, 3))
        evaluation = losses.evaluate_score(score, x)
        losses.implicit_score_matching_loss(evaluation)
        losses.stationary_fokker_planck_loss(losses.stationary_residuals(evaluation, -x, -jnp.ones(5), jnp.ones(3)))
        assert len(calls) == 1

    @pytest.mark.slow
    def test_blocks_and_probes(self, getkey, x64):
        """Blocks change nothing; probes differ between samples and between themselves."""
        x = jax.random.normal(getkey(), (3, 2, 4))
        matrix = jax.random.normal(getkey(), (8, 8))

        def score(y):
            return jnp.tanh(matrix @ y.reshape(-1)).reshape(y.shape)

        whole, parts = (losses.evaluate_score(score, x, block_size=size) for size in (None, 3))
        np.testing.assert_allclose(whole.slopes, parts.slopes, rtol=1e-12)
        np.testing.assert_allclose(whole.divergence, np.sum(whole.slopes[0], axis=(1, 2)), rtol=1e-12)
        same = jnp.broadcast_to(x[:1], x.shape)
        probed = losses.evaluate_score(score, same, divergence="hutchinson", key=getkey(), num_probes=2)
        assert probed.slopes.shape == (2, 3, 2, 4)
        sums = np.sum(probed.slopes, axis=(2, 3)).reshape(-1)
        assert len(np.unique(sums)) > 4


class TestStationary:
    def system(self):
        """Noise D and the precision of the stationary law of dX = -ROTATING X dt + sqrt(2 D) dW."""
        D = np.array([0.5, 1.2])
        n = 2
        kron = np.kron(ROTATING, np.eye(n)) + np.kron(np.eye(n), ROTATING)
        covariance = np.linalg.solve(kron, 2 * np.diag(D).reshape(-1)).reshape(n, n)
        return D, np.linalg.inv(covariance)

    @pytest.mark.fast
    def test_residuals_vanish_at_the_score_of_a_linear_system(self, getkey, x64):
        """div v + v . s = 0 at every state, and so are the loss and its gradient; at another score they are not."""
        D, precision = self.system()
        x = jax.random.normal(getkey(), (50, 2))
        A = jnp.asarray(ROTATING)

        def loss(matrix):
            evaluation = losses.evaluate_score(lambda y: -matrix @ y, x)
            residuals = losses.stationary_residuals(evaluation, -x @ A.T, -jnp.full(50, jnp.trace(A)), D)
            return jnp.mean(losses.stationary_fokker_planck_loss(residuals)), residuals

        (value, residuals), gradient = jax.value_and_grad(loss, has_aux=True)(jnp.asarray(precision))
        np.testing.assert_allclose(residuals.value, np.zeros(50), atol=1e-12)
        assert float(value) < 1e-20
        np.testing.assert_allclose(gradient, np.zeros((2, 2)), atol=1e-10)
        assert float(loss(1.1 * jnp.asarray(precision))[0]) > 1e-3

    def test_gradient_flows_through_the_velocity(self, x64):
        """d(div v + v.s)/ds with v = b - D s holds -D s + v: stopping it at v would lose the half."""
        s, b, D = jnp.asarray([[0.7]]), jnp.asarray([[0.2]]), jnp.asarray([0.5])

        def residual(s):
            evaluation = losses.ScoreEvaluation(s, jnp.asarray([[[0.3]]]))
            return losses.stationary_residuals(evaluation, b, jnp.asarray([0.1]), D).value[0]

        np.testing.assert_allclose(residual(s), (0.1 - 0.5 * 0.3) + (0.2 - 0.35) * 0.7, rtol=1e-12)
        np.testing.assert_allclose(jax.grad(residual)(s), [[0.2 - 2 * 0.5 * 0.7]], rtol=1e-12)

    def test_two_probes_square_without_bias(self, x64):
        """Over all pairs of independent estimates the mean loss is the squared mean; of one estimate it is not."""
        estimates = np.array([-1.0, 0.5, 2.5])
        pairs = np.array(list(itertools.product(estimates, repeat=2))).T
        dot = jnp.full(9, 0.2)
        two = losses.stationary_fokker_planck_loss(losses.StationaryResiduals(jnp.asarray(pairs), dot))
        np.testing.assert_allclose(jnp.mean(two), (estimates.mean() + 0.2) ** 2, rtol=1e-12)
        one = losses.stationary_fokker_planck_loss(losses.StationaryResiduals(jnp.asarray(pairs[:1]), dot))
        np.testing.assert_allclose(jnp.mean(one), (estimates.mean() + 0.2) ** 2 + estimates.var(), rtol=1e-12)

    def test_diffusion_broadcasts_to_a_sample(self, getkey, x64):
        """Swimmers (2, n, d) with D of shape (2, 1, 1), or a number, and drift slopes of any rank."""
        x = jax.random.normal(getkey(), (4, 2, 3, 2))
        evaluation = losses.evaluate_score(jnp.sin, x)
        slopes = jax.random.normal(getkey(), (4, 2, 3))
        D = np.array([0.1, 0.4]).reshape(2, 1, 1)
        wide = losses.stationary_residuals(evaluation, -x, slopes, np.broadcast_to(D, (2, 3, 2)))
        narrow = losses.stationary_residuals(evaluation, -x, jnp.sum(slopes, axis=(1, 2)), D)
        np.testing.assert_allclose(wide.value, narrow.value, rtol=1e-12)
        velocity = -x - D[None] * np.sin(x)
        np.testing.assert_allclose(narrow.velocity_dot_score, np.sum(velocity * np.sin(x), axis=(1, 2, 3)), rtol=1e-12)


class TestDenoising:
    def mean_loss(self, matrix, sigma, monkeypatch, antithetic):
        """The exact mean of the loss of s = -matrix x under GAUSSIAN: noise by Gauss-Hermite, quadratic in both."""
        nodes, weights = hermegauss(3)
        noise = np.array(list(itertools.product(nodes, repeat=2)))
        weight = np.prod(list(itertools.product(weights, repeat=2)), axis=1) / (2 * np.pi)
        points = gaussian_points()
        x = np.repeat(points, len(noise), axis=0)
        zeta = jnp.asarray(np.tile(noise, (len(points), 1)))
        monkeypatch.setattr(jax.random, "normal", lambda key, shape, dtype: zeta.astype(dtype))
        loss = losses.denoising_score_matching_loss(
            lambda y: -matrix @ y, jnp.asarray(x), sigma=sigma, key=jax.random.key(0), antithetic=antithetic
        )
        return jnp.asarray(np.tile(weight, len(points)) / len(points)) @ loss

    @pytest.mark.fast
    @pytest.mark.parametrize("antithetic", [True, False])
    def test_fact_9_minimiser(self, antithetic, monkeypatch, x64):
        """sigma = .4: the minimiser is -(S + sigma^2 1)^-1 x, at (.7, -1.1) (-.98068351, 2.1124319), by quadrature."""

        def loss(matrix):
            return self.mean_loss(matrix, 0.4, monkeypatch, antithetic)

        zero = jnp.zeros((2, 2))
        hessian = jax.hessian(loss)(zero).reshape(4, 4)
        best = -np.linalg.solve(hessian, jax.grad(loss)(zero).reshape(4)).reshape(2, 2)
        np.testing.assert_allclose(-best @ [0.7, -1.1], [-0.98068351, 2.1124319], rtol=1e-7)

    def test_pairs_reduce_the_variance(self, getkey):
        """At sigma = .01 the pairing lowers the variance of the loss a thousandfold or more, at the same mean."""
        x = jax.random.normal(getkey(), (4000, 2))
        key = getkey()

        def loss(antithetic):
            return losses.denoising_score_matching_loss(lambda y: -y, x, sigma=0.01, key=key, antithetic=antithetic)

        paired, single = np.asarray(loss(True)), np.asarray(loss(False))
        assert paired.var() * 1000 < single.var()
        # The mean is that of |x|^2 - 2 d: within 4 standard errors of -2.
        assert abs(paired.mean() + 2) < 4 * paired.std() / np.sqrt(4000)

    def test_masks(self, getkey, x64):
        """`perturb` moves only its coordinates; `target` judges only its coordinates, and only perturbed ones."""
        x = jax.random.normal(getkey(), (3, 2, 4, 2))
        g_only = np.array([0, 1]).reshape(2, 1, 1)
        key = getkey()
        seen = []

        def score(y):
            jax.debug.callback(lambda z: seen.append(np.asarray(z)), y)
            return jnp.sin(y)

        def loss(function, **masks):
            return losses.denoising_score_matching_loss(function, x, sigma=0.1, key=key, **masks)

        jax.block_until_ready(loss(score, perturb=g_only))
        jax.effects_barrier()
        moved = np.stack(seen)
        assert all(any(np.array_equal(m[0], sample[0]) for sample in np.asarray(x)) for m in moved)
        assert not any(np.array_equal(m[1], sample[1]) for m in moved for sample in np.asarray(x))

        # The judged half alone makes the loss: an error in the other half of the score does not show.
        def coupled(y):
            return jnp.sin(y + jnp.sum(y))

        def wrong_in_x(y):
            return coupled(y) + jnp.asarray([[[7.0]], [[0.0]]])

        both, alone = loss(coupled, target=g_only), loss(coupled, perturb=g_only)
        np.testing.assert_allclose(loss(wrong_in_x, target=g_only), both, rtol=1e-12)
        np.testing.assert_allclose(loss(wrong_in_x, perturb=g_only), alone, rtol=1e-12)
        np.testing.assert_allclose(loss(coupled, perturb=g_only, target=True), alone, rtol=1e-12)
        assert not np.allclose(both, alone)
        assert not np.allclose(both, loss(coupled))


class TestDynamics:
    def test_minimiser_is_the_score_of_the_next_state(self, monkeypatch, x64):
        """x' = (1 - A dt) x + sqrt(2 D dt) z of a Gaussian x is Gaussian: the minimiser is minus its precision."""
        D, dt = np.array([0.5, 1.2]), 0.05
        nodes, weights = hermegauss(3)
        noise = np.array(list(itertools.product(nodes, repeat=2)))
        weight = np.prod(list(itertools.product(weights, repeat=2)), axis=1) / (2 * np.pi)
        points = gaussian_points()
        x = jnp.asarray(np.repeat(points, len(noise), axis=0))
        zeta = jnp.asarray(np.tile(noise, (4, 1)))
        monkeypatch.setattr(jax.random, "normal", lambda key, shape, dtype: zeta.astype(dtype))

        def loss(matrix):
            values = losses.dynamics_denoising_loss(
                lambda y: -matrix @ y, x, -x @ ROTATING.T, diffusion=D, dt=dt, key=jax.random.key(0)
            )
            return jnp.asarray(np.tile(weight, 4) / 4) @ values

        zero = jnp.zeros((2, 2))
        hessian = jax.hessian(loss)(zero).reshape(4, 4)
        best = -np.linalg.solve(hessian, jax.grad(loss)(zero).reshape(4)).reshape(2, 2)
        step = np.eye(2) - ROTATING * dt
        following = step @ GAUSSIAN @ step.T + 2 * dt * np.diag(D)
        np.testing.assert_allclose(best, np.linalg.inv(following), rtol=1e-9)

    @pytest.mark.fast
    def test_coordinates_without_noise_do_not_take_part(self, getkey, x64):
        """With D = (0, gamma) only the propulsions' score is judged; gradients are finite, by D too."""
        x = jax.random.normal(getkey(), (5, 2, 3, 2))
        D = jnp.asarray([0.0, 0.4]).reshape(2, 1, 1)
        key = getkey()

        def loss(shift, D):
            shift = jnp.broadcast_to(shift, (2, 3, 2))
            return jnp.sum(losses.dynamics_denoising_loss(lambda y: -y + shift, x, -x, diffusion=D, dt=0.1, key=key))

        by_shift, by_D = jax.grad(loss, argnums=(0, 1))(jnp.zeros((2, 1, 1)), D)
        assert float(by_shift[0, 0, 0]) == 0.0
        assert float(jnp.abs(by_shift[1, 0, 0])) > 0.1
        assert np.isfinite(by_D).all()

    def test_wrap(self, getkey):
        """The score sees the next state wrapped into its space."""
        seen = []

        def score(y):
            jax.debug.callback(lambda z: seen.append(np.asarray(z)), y)
            return y

        x = jnp.asarray([[0.99], [0.02]])
        loss = losses.dynamics_denoising_loss(
            score, x, 0 * x, diffusion=0.5, dt=0.1, key=getkey(), wrap=lambda y: jnp.mod(y, 1.0)
        )
        jax.block_until_ready(loss)
        jax.effects_barrier()
        assert len(seen) == 4
        assert all(0 <= float(z[0]) < 1 for z in seen)


def test_errors(getkey):
    x = jnp.ones((4, 3))
    with pytest.raises(ValueError, match="divergence must be one of 'exact', 'hutchinson', got 'fd'"):
        losses.evaluate_score(jnp.sin, x, divergence="fd")
    with pytest.raises(ValueError, match="key must be given for divergence='hutchinson'"):
        losses.evaluate_score(jnp.sin, x, divergence="hutchinson")
    with pytest.raises(ValueError, match=r"field must return the shape of the point, \(3,\), got \(1,\)"):
        losses.evaluate_score(lambda y: jnp.sum(y, keepdims=True), x)
    with pytest.raises(ValueError, match=r"score must return the shape of a sample, \(3,\), got \(1,\)"):
        losses.denoising_score_matching_loss(lambda y: y[:1], x, sigma=0.1, key=getkey())
    with without_shape_hook():
        with pytest.raises(ValueError, match=r"sigma must have shape \(\)"):
            losses.denoising_score_matching_loss(jnp.sin, x, sigma=jnp.ones(4), key=getkey())
        with pytest.raises(ValueError, match=r"dt must have shape \(\)"):
            losses.dynamics_denoising_loss(jnp.sin, x, x, diffusion=1.0, dt=jnp.ones(3), key=getkey())
