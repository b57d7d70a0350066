import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize, stats

from entropax import losses
from tests.contract.harness import without_shape_hook

pytestmark = pytest.mark.usefixtures("x64")
RNG = np.random.default_rng(3)
Z = RNG.normal(0, 2, (6, 5))
Y = RNG.integers(0, 5, 6)


def worst_case(d, temperature, k):
    """The maximum over the capped simplex, by a solver that knows nothing of water filling."""
    n = len(d)

    def objective(p):
        inside = np.maximum(p, 1e-300)
        return -(p @ d - temperature * np.sum(p * np.log(n * inside)))

    return optimize.minimize(
        objective,
        np.full(n, 1 / n),
        bounds=[(0, 1 / k)] * n,
        constraints={"type": "eq", "fun": lambda p: p.sum() - 1},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_losses_are_the_worst_case_of_a_solver(k):
    """Value and weights of the capped simplex against SLSQP, hot and cold."""
    for temperature in (0.3, 2.0, 50.0):
        values = losses.ldr_topk_loss(Z, Y, temperature, 0.4, k=k)
        weights = losses.ldr_adversarial_weights(Z, Y, temperature, 0.4, k=k)
        np.testing.assert_allclose(np.sum(weights, -1), 1, rtol=1e-12)
        assert np.max(weights) <= 1 / k + 1e-12
        for i in range(len(Z)):
            d = Z[i] - Z[i, Y[i]] + 0.4 * (np.arange(5) != Y[i])
            found = worst_case(d, temperature, k)
            np.testing.assert_allclose(values[i], -found.fun, rtol=1e-6, atol=1e-7)
            np.testing.assert_allclose(weights[i], found.x, atol=1e-3)


@pytest.mark.fast
def test_the_gradient_is_the_weights_less_the_label():
    """p - e_y, and minus the divergence from uniform by temperature, at both limits too."""
    for k in (1, 2):
        for temperature in (0.0, 0.7, np.inf):
            total = lambda z, t, k=k: jnp.sum(losses.ldr_topk_loss(z, Y, t, 0.4, k=k))  # noqa: E731
            by_logits, by_t = jax.grad(total, argnums=(0, 1))(jnp.asarray(Z), temperature)
            p = losses.ldr_adversarial_weights(Z, Y, temperature, 0.4, k=k)
            np.testing.assert_allclose(by_logits, p - np.eye(5)[Y], atol=1e-12)
            divergence = np.sum(np.where(p > 0, p * np.log(np.where(p > 0, 5 * p, 1)), 0))
            np.testing.assert_allclose(by_t, -divergence, atol=1e-12)


@pytest.mark.fast
def test_homogeneity_and_limits():
    """psi(a f, a c, a t) = a psi; hot and cold temperatures tend to the mean and the largest."""
    psi = losses.ldr_kl_loss(Z, Y, 0.7, 0.4)
    np.testing.assert_allclose(losses.ldr_kl_loss(3 * Z, Y, 2.1, 1.2), 3 * psi, rtol=1e-12)
    np.testing.assert_allclose(
        losses.ldr_kl_loss(Z, Y, 1e-6, 0.4), losses.ldr_kl_loss(Z, Y, 0.0, 0.4), rtol=1e-4, atol=1e-5
    )
    mean = losses.ldr_kl_loss(Z, Y, np.inf, 0.4)
    hot = losses.ldr_kl_loss(Z.astype(np.float32), Y, 1e7, 0.4)
    assert hot.dtype == np.float32
    np.testing.assert_allclose(hot, mean, rtol=1e-5, atol=1e-5)  # t log n alone would be off by 1


@pytest.mark.fast
def test_masked_examples_are_not_looked_at():
    """Bad scores, labels and temperatures behind a mask give 0, no gradient, and keep their temperature."""
    where = np.array([True, True, False, True, True, True])
    z, y, t = Z.copy(), Y.copy(), np.full(6, 2.0)
    z[2], y[2], t[2] = np.nan, 17, 9.0
    for loss in (
        lambda z: losses.ldr_topk_loss(z, y, t, k=2, where=where),
        lambda z: losses.aldr_kl_loss(z, y, t, where=where).value,
        lambda z: losses.nce_agce_loss(z, y, where=where),
    ):
        values = loss(z)
        assert values[2] == 0
        assert np.all(values[where] != 0)
        gradient = jax.grad(lambda z, loss=loss: jnp.sum(loss(z)))(jnp.asarray(z))
        assert np.all(np.isfinite(gradient))
        assert np.all(gradient[2] == 0)
    visit = losses.aldr_kl_loss(z, y, t, where=where)
    assert visit.temperatures[2] == 9
    assert np.all(visit.temperatures[where] < 10)


@pytest.mark.fast
def test_normalised_scores():
    """Rows sum to n (softplus) or have the 1-norm n (l1); very negative scores and zeros stay finite."""
    f = np.concatenate([Z, np.full((1, 5), -900.0)])
    softplus = losses.normalize_scores(f)
    expected = np.logaddexp(0, Z)
    np.testing.assert_allclose(softplus[:-1], 5 * expected / expected.sum(-1, keepdims=True), rtol=1e-12)
    np.testing.assert_allclose(softplus[-1], 1)
    l1 = losses.normalize_scores(Z, mode="l1")
    np.testing.assert_allclose(np.abs(l1).sum(-1), 5, rtol=1e-12)
    np.testing.assert_array_equal(np.sign(l1), np.sign(Z))
    np.testing.assert_array_equal(losses.normalize_scores(Z, mode="none"), Z)
    for mode in ("softplus", "l1"):
        value, slope = jax.jvp(
            lambda f, mode=mode: losses.normalize_scores(f, mode=mode), (jnp.zeros(5),), (jnp.ones(5),)
        )
        assert np.all(np.isfinite(value))
        np.testing.assert_allclose(slope, 0, atol=1e-12)


@pytest.mark.fast
def test_instance_temperatures_refuse_equal_and_foreign_ids():
    """Eagerly by an error, under jit by NaN; valid ids change only themselves."""
    state = losses.InstanceTemperatures(4, 2.0)
    after = state.updated(np.array([3, 0]), np.array([1.0, 1.5]))
    np.testing.assert_array_equal(after.values, [1.5, 2, 2, 1])
    np.testing.assert_array_equal(after.of(np.array([[3], [1]])), [[1], [2]])
    for ids, match in (
        (np.array([1, 1]), "ids must be different"),
        (np.array([1, 4]), "ids must be indices from 0 to 3"),
    ):
        with pytest.raises(ValueError, match=match):
            state.updated(ids, np.ones(2))
        assert np.all(np.isnan(jax.jit(lambda i: state.updated(i, np.ones(2)).values)(ids)))


@pytest.mark.fast
def test_losses_under_distributions_are_means_over_labels():
    """What a distribution of labels risks is the mean of its labels' losses (squared errors: up to a constant)."""
    q = RNG.dirichlet(np.ones(5), 6)
    for loss in (
        losses.cross_entropy_loss,
        losses.absolute_error_loss,
        losses.generalized_cross_entropy_loss,
        losses.symmetric_cross_entropy_loss,
        losses.robust_log_loss,
        losses.jensen_shannon_loss,
        losses.nce_rce_loss,
        losses.nce_agce_loss,
        losses.nce_aul_loss,
        losses.squared_error_loss,
    ):
        mean = sum(q[:, y] * np.asarray(loss(Z, np.full(6, y))) for y in range(5))
        constant = 1 - np.sum(q**2, -1) if loss is losses.squared_error_loss else 0
        np.testing.assert_allclose(loss(Z, q), mean - constant, rtol=1e-12)


@pytest.mark.fast
def test_closed_forms_of_baselines():
    """Robust log loss, Jensen-Shannon from its definition, and the limits that join the families."""
    p = np.exp(Z) / np.exp(Z).sum(-1, keepdims=True)
    p_y = p[np.arange(6), Y]
    others = np.log(0.1 + p).sum(-1) - np.log(0.1 + p_y)
    np.testing.assert_allclose(losses.robust_log_loss(Z, Y, a=0.1), others / 4 - np.log(0.1 + p_y), rtol=1e-12)
    e, w = np.eye(5)[Y], 0.3
    m = w * e + (1 - w) * p
    divergence = w * -np.log(m[np.arange(6), Y]) + (1 - w) * np.sum(p * np.log(p / m), -1)
    np.testing.assert_allclose(
        losses.jensen_shannon_loss(Z, Y, weight=w), divergence / (-(1 - w) * np.log(1 - w)), rtol=1e-12
    )
    likely = p_y > 0.01  # the next term is of order w / p_y
    limit = losses.jensen_shannon_loss(Z, Y, weight=1e-7)
    np.testing.assert_allclose(limit[likely], -np.log(p_y[likely]), rtol=1e-4)
    np.testing.assert_allclose(losses.generalized_cross_entropy_loss(Z, Y, q=0), -np.log(p_y), rtol=1e-12)
    np.testing.assert_allclose(losses.crammer_singer_loss(Z, Y, 0.4), losses.ldr_kl_loss(Z, Y, 0.0, 0.4), rtol=1e-12)
    weights = losses.truncation_weights(Z, Y)
    np.testing.assert_array_equal(weights, p_y > 0.5)
    np.testing.assert_allclose(
        losses.truncated_generalized_cross_entropy_loss(Z, Y, weights), weights * (1 - p_y**0.7) / 0.7, rtol=1e-12
    )


@pytest.mark.fast
def test_excluded_classes_leave_finite_losses_and_gradients():
    """A logit of minus infinity excludes a class: no NaN from 0 log 0."""
    z = jnp.asarray(Z).at[:, 4].set(-jnp.inf)
    y = np.minimum(Y, 3)
    for loss in (losses.jensen_shannon_loss, losses.robust_log_loss, losses.absolute_error_loss):
        value, gradient = jax.value_and_grad(lambda z, loss=loss: jnp.sum(loss(z, y)))(z)
        assert np.isfinite(value)
        assert np.all(np.isfinite(gradient))


@pytest.mark.fast
def test_bad_options_are_named():
    for call, match in (
        (lambda: losses.ldr_topk_loss(Z, Y, k=6), "k must be at least 1 and at most 5, got 6"),
        (lambda: losses.aldr_kl_loss(Z, Y, np.ones(6), alpha0=1.0), "alpha0 must be above 1"),
        (lambda: losses.aldr_kl_loss(Z, Y, np.zeros(6)), "temperatures must be positive"),
        (lambda: losses.aldr_kl_loss(Z, Y, np.ones(6), smoothing=-1), "smoothing must be at least 0"),
        (lambda: losses.normalize_scores(Z, mode="l2"), "mode must be one of 'none', 'softplus', 'l1', got 'l2'"),
        (lambda: losses.jensen_shannon_loss(Z, Y, weight=1.0), r"weight must be in \(0, 1\), got 1.0"),
        (lambda: losses.asymmetric_unhinged_loss(Z, Y, a=1.0), r"a must be in \(1, inf\), got 1.0"),
        (lambda: losses.generalized_cross_entropy_loss(Z, Y, q=1.2), r"q must be in \[0, 1\], got 1.2"),
    ):
        with without_shape_hook(), pytest.raises(ValueError, match=match):
            call()


@pytest.mark.fast
def test_uniform_flips():
    """The share of wrong labels is binomial; wrong ones spread evenly over the other classes.

    With 40,000 labels a share off by 0.01 (four standard errors) is found with a power above 0.99 against one of 0.32.
    """
    labels = np.repeat(np.arange(4), 10_000)
    noisy = losses.uniform_label_flips(labels, 0.3, num_classes=4, key=jax.random.key(0))
    np.testing.assert_array_equal(noisy.flipped, np.asarray(noisy.value) != labels)
    assert bool(noisy.valid)
    assert abs(np.mean(noisy.flipped) - 0.3) < 0.01
    counts = np.zeros((4, 4))
    np.add.at(counts, (labels, np.asarray(noisy.value)), 1)
    np.testing.assert_allclose(counts / 10_000, np.where(np.eye(4), 0.7, 0.1), atol=0.02)
    assert not np.any(losses.uniform_label_flips(labels, 0.0, num_classes=4, key=jax.random.key(0)).flipped)
    assert np.all(losses.uniform_label_flips(labels, 1.0, num_classes=4, key=jax.random.key(0)).flipped)


@pytest.mark.fast
def test_class_dependent_flips():
    """Frequencies of the new labels are the rows of the transition matrix, within four standard errors."""
    T = np.array([[0.7, 0.3, 0.0], [0.0, 1.0, 0.0], [0.25, 0.25, 0.5]])
    labels = np.repeat(np.arange(3), 10_000)
    noisy = losses.class_dependent_label_flips(labels, T, key=jax.random.key(1))
    counts = np.zeros((3, 3))
    np.add.at(counts, (labels, np.asarray(noisy.value)), 1)
    np.testing.assert_allclose(counts / 10_000, T, atol=0.02)
    assert np.all(counts[T == 0] == 0)
    bad = jax.jit(lambda T: losses.class_dependent_label_flips(labels, T, key=jax.random.key(1)).valid)
    assert not bool(bad(2 * T))


@pytest.mark.slow
def test_excluded_classes_count_nothing_in_the_worst_case():
    """A score of minus infinity has no weight, capped or not: values, weights and gradients of those left."""
    z, y = np.array([2.0, 1.0, 0.3, -np.inf]), 0
    for k in (1, 2):
        for t in (0.0, 0.01, 0.7):
            p = losses.ldr_adversarial_weights(z, y, t, 0.4, k=k)
            d = z - z[y] + 0.4 * (np.arange(4) != y)
            kl = np.sum(np.where(p > 0, p * np.log(np.where(p > 0, 4 * p, 1)), 0))
            value, slope = jax.value_and_grad(lambda z, t=t, k=k: losses.ldr_topk_loss(z, y, t, 0.4, k=k))(z)
            np.testing.assert_allclose(value, np.asarray(p)[:3] @ d[:3] - t * kl, rtol=1e-9)
            np.testing.assert_allclose(slope, p - np.eye(4)[y], atol=1e-12)
            np.testing.assert_allclose([p[3], np.sum(p)], [0, 1], atol=1e-12)
    assert losses.ldr_topk_loss(z, y, 0.7, 0.4, k=4) == -np.inf  # all four must have a quarter
    two = losses.normalized_cross_entropy_loss(np.tile([2.0, 1.0, -np.inf, -np.inf], (4, 1)), np.arange(4))
    np.testing.assert_allclose(two, [0, 0, 0.5, 0.5], atol=1e-12)


@pytest.mark.fast
def test_weights_of_masked_examples_are_not_looked_at():
    where = np.arange(6) != 2
    weights = np.where(where, 1.0, np.nan)
    values = losses.truncated_generalized_cross_entropy_loss(Z, Y, weights, where=where)
    np.testing.assert_allclose(values, losses.generalized_cross_entropy_loss(Z, Y, where=where))


@pytest.mark.fast
def test_constants_that_are_bad_raise_under_jit_too():
    for loss, match in (
        (lambda z: losses.ldr_kl_loss(z, Y, 1.0, -0.3), "margin must be non-negative"),
        (lambda z: losses.ldr_kl_loss(z, Y, -1.0), "temperature must be at least 0"),
        (lambda z: losses.crammer_singer_loss(z, Y, -0.3), "margin must be non-negative"),
    ):
        with pytest.raises(ValueError, match=match):
            jax.jit(loss)(Z)


@pytest.mark.fast
def test_flips_of_labels_of_few_bits():
    """Label plus shift, up to 198, does not fit; wrong labels spread evenly (chi-squared at level 1e-4)."""
    labels = np.full(20_000, 99, np.int8)
    noisy = losses.uniform_label_flips(labels, 1.0, num_classes=100, key=jax.random.key(0))
    assert noisy.value.dtype == np.int8
    counts = np.bincount(noisy.value, minlength=100)
    assert counts[99] == 0
    assert stats.chisquare(counts[:99]).pvalue > 1e-4
