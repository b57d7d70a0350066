"""What arXiv 2112.14869 and its code state of label distributionally robust losses."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import losses

pytestmark = pytest.mark.usefixtures("x64")
F, LABEL, MARGIN = np.array([2, 1, 0.1]), 1, 0.5
SCORES, LABELS = np.array([[2, 1, 0.1], [0.2, -0.3, 1.5]]), np.array([0, 1])
TEMPERATURES = (0, 0.1, 0.5, 1, 2, 10, np.inf)
PRINTED = 6e-11  # half a unit of the tenth digit
IN_FLOAT32 = 2e-8  # the authors' code ran in float32
MANY = np.random.default_rng(0).normal(0, 3, (200, 5))


def printed(values, expected, atol=PRINTED):
    np.testing.assert_allclose(values, expected, rtol=0, atol=atol)


@functools.cache
def fixed_point(initial_temperature, label=LABEL):
    """Visits until the temperature stands still, with the margin in the update."""
    t = jnp.asarray(initial_temperature)

    @jax.jit
    def visit(t):
        return losses.aldr_kl_loss(
            F, label, t, initial_temperature=initial_temperature, margin=MARGIN, margin_in_update=True
        )

    for _ in range(60):
        t = visit(t).temperatures
    return float(visit(t).value), float(t)


@pytest.mark.fast
def test_1_and_2_ldr_kl_by_temperature():
    """Seven temperatures, the two limits included; it does not increase; t = 1 without margin is CE - log 3."""
    values = losses.ldr_kl_loss(np.tile(F, (7, 1)), np.full(7, LABEL), np.array(TEMPERATURES), MARGIN)
    expected = [1.5, 1.3901388023, 0.9855305011, 0.7181664254, 0.5429685723, 0.4006128345, 0.3666666667]
    printed(values, expected)
    assert np.all(np.diff(values) < 0)
    value = losses.ldr_kl_loss(F, LABEL, 1.0, 0.0)
    printed(value, 0.3184177276)
    np.testing.assert_allclose(value, np.log(np.exp(F).sum()) - F[LABEL] - np.log(3), rtol=1e-14)


@pytest.mark.fast
def test_3_ldr_topk():
    """k = 1, 2, 3: the largest, the mean of the two largest, and of all."""
    printed([losses.ldr_topk_loss(F, LABEL, 0.0, MARGIN, k=k) for k in (1, 2, 3)], [1.5, 0.75, 0.3666666667])


def test_4_the_fixed_point_of_aldr_kl():
    """Temperature, value and p at two initial temperatures; the value is the maximum over temperatures."""
    for start, temperature, value in ((1.0, 0.7764675955, 0.7537161978), (10.0, 9.9842860078, 0.4006398762)):
        found, t = fixed_point(start)
        printed([found, t], [value, temperature])
        grid = np.linspace(start / 2, start, 20_001)
        psi = losses.ldr_kl_loss(np.tile(F, (len(grid), 1)), np.full(len(grid), LABEL), grid, MARGIN)
        objective = psi - 2 * np.log(3) / (2 * start) * (grid - start) ** 2
        np.testing.assert_allclose(objective.max(), found, rtol=1e-8)
        assert objective.max() <= found + 1e-12
    p = losses.ldr_adversarial_weights(F, LABEL, 0.7764675955, MARGIN)
    printed(p, [0.8120586710, 0.1176538648, 0.0702874642])


def test_5_a_run_of_the_authors_code():
    """LDR-KL of softplus-normalised scores at three temperatures; ALDR-KL of two visits to one batch."""
    f = losses.normalize_scores(SCORES, mode="softplus")
    means = [np.mean(losses.ldr_kl_loss(f, LABELS, t, 0.1)) for t in (0.1, 1, 10)]
    printed(means, [0.503954248, 0.134824654, 0.042028833], IN_FLOAT32)
    f = losses.normalize_scores(SCORES, mode="l1")
    state, ids = losses.InstanceTemperatures(2, 1.0), np.arange(2)
    for mean, temperatures in (
        (0.678346408, [0.89141928, 0.75925245]),
        (0.685267101, [0.86910778, 0.66844242]),
    ):
        visit = losses.aldr_kl_loss(f, LABELS, state.of(ids), initial_temperature=1.0, smoothing=1e-5)
        state = state.updated(ids, visit.temperatures)
        printed(np.mean(visit.value), mean, IN_FLOAT32)
        printed(state.values, temperatures, IN_FLOAT32)


BASELINES = {
    "CE": (losses.cross_entropy_loss, {}, 1.290082767),
    "CS": (losses.crammer_singer_loss, {"margin": 1.0}, 1.4),
    "WW": (losses.weston_watkins_loss, {"margin": 1.0}, 0.716666667),
    "GCE": (losses.generalized_cross_entropy_loss, {"q": 0.7}, 0.737990888),
    "MSE": (losses.squared_error_loss, {}, 0.743846991),
    "SCE": (losses.symmetric_cross_entropy_loss, {"balance": 0.5, "scale": 4.0}, 1.871076161),
    "JS": (losses.jensen_shannon_loss, {"weight": 0.5}, 0.929050392),
    "NCE": (losses.normalized_cross_entropy_loss, {}, 0.308398683),
    "RCE": (losses.reverse_cross_entropy_loss, {}, 5.646098884),
    "AUL": (losses.asymmetric_unhinged_loss, {"a": 6.0, "q": 1.5}, 1.419751006),
    "AGCE": (losses.asymmetric_cross_entropy_loss, {"a": 3.0, "q": 1.5}, 1.167730852),
    "NCE+RCE": (losses.nce_rce_loss, {}, 5.954497567),
    "NCE+AGCE": (losses.nce_agce_loss, {}, 1.476129535),
    "NCE+AUL": (losses.nce_aul_loss, {}, 1.728149689),
}


@pytest.mark.parametrize("name", BASELINES)
def test_6_the_baselines(name):
    """Means over the batch of fourteen losses, to the float32 in which parts of the authors' code run."""
    loss, options, expected = BASELINES[name]
    np.testing.assert_allclose(np.mean(loss(SCORES, LABELS, **options)), expected, rtol=IN_FLOAT32)


def test_7_temperatures_and_gradients_of_aldr_kl():
    """Temperatures stay in [t0 (1 - 1/alpha0), t0], t0 exactly for uniform scores; the gradient holds them."""
    for alpha0 in (1.5, 2.0, 5.0):
        visit = losses.aldr_kl_loss(
            20 * MANY, np.zeros(200, int), np.full(200, 3.0), initial_temperature=3.0, alpha0=alpha0
        )
        low = 3.0 * (1 - 1 / alpha0)
        assert low - 1e-12 <= np.min(visit.temperatures) < low + 0.01
        assert np.max(visit.temperatures) <= 3.0
    flat = losses.aldr_kl_loss(np.full(5, 0.7), 2, 4.0, initial_temperature=4.0)
    np.testing.assert_allclose(flat.temperatures, 4.0, rtol=1e-15)

    def value(f, t):
        return losses.aldr_kl_loss(f, LABEL, t, initial_temperature=1.0, margin=MARGIN, margin_in_update=True).value

    t = fixed_point(1.0)[1]
    gradient = jax.grad(value)(jnp.asarray(F), t)
    held = jax.grad(losses.ldr_kl_loss)(jnp.asarray(F), LABEL, t, MARGIN)
    np.testing.assert_allclose(gradient, held, rtol=1e-12)
    # The maximum over temperatures, found anew at moved scores, has the same slope: the envelope theorem.
    grid = jnp.linspace(0.5, 1.0, 4001)

    @jax.jit
    def maximum(f):
        psi = losses.ldr_kl_loss(jnp.tile(f, (4001, 1)), jnp.full(4001, LABEL), grid, MARGIN)
        return jnp.max(psi - np.log(3) * (grid - 1) ** 2)

    for k, direction in enumerate(np.eye(3)):
        slope = (maximum(jnp.asarray(F + 0.01 * direction)) - maximum(jnp.asarray(F - 0.01 * direction))) / 0.02
        np.testing.assert_allclose(gradient[k], slope, atol=2e-5)


def test_8_bounds_and_symmetry():
    """NCE is in [0, 1]; JS, MAE, RCE, AGCE, AUL are bounded, CE is not; MAE and NCE summed over labels are constant.

    The Jensen-Shannon divergence itself is below the entropy of its weights; divided by its scale, which is not that
    entropy, the loss reaches 2 at equal weights.
    """
    logits = np.concatenate([MANY, [[60, 0, 0, 0, 0], [-60, 0, 0, 0, 0]]])
    every = np.arange(5)

    def of_every_label(loss):
        return np.stack([loss(logits, np.full(len(logits), y)) for y in every])

    nce = of_every_label(losses.normalized_cross_entropy_loss)
    assert nce.min() >= 0
    assert nce.max() <= 1
    np.testing.assert_allclose(nce.sum(0), 1, rtol=1e-12)
    mae = of_every_label(losses.absolute_error_loss)
    assert mae.max() <= 2
    np.testing.assert_allclose(mae.sum(0), 2 * 4, rtol=1e-12)
    bounds = {
        losses.jensen_shannon_loss: 2,
        losses.reverse_cross_entropy_loss: -np.log(1e-4),
        losses.asymmetric_cross_entropy_loss: (4**1.5 - 3**1.5) / 1.5,
        losses.asymmetric_unhinged_loss: (6**1.5 - 5**1.5) / 1.5,
    }
    for loss, bound in bounds.items():
        values = of_every_label(loss)
        assert values.min() >= -1e-14
        assert bound - 1e-6 < values.max() <= bound + 1e-12
    assert losses.cross_entropy_loss(logits[-1], 0) > 60
