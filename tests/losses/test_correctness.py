import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize

from entropax import losses
from tests.contract.harness import without_shape_hook

pytestmark = [pytest.mark.usefixtures("x64"), pytest.mark.fast]
RNG = np.random.default_rng(6)
Z = RNG.normal(0, 3, (80, 4))
Y = np.where(RNG.random(80) < 0.6, Z.argmax(1), RNG.integers(0, 4, 80))


def objective(t, loss, z=Z, y=Y):
    p = np.exp(z / t - (z / t).max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    if loss == "cross_entropy":
        return -np.mean(np.log(p[np.arange(len(y)), y]))
    if loss == "squared_error":
        return np.mean(np.sum((np.eye(4)[y] - p) ** 2, 1))
    return np.mean(((z.argmax(1) == y) - p.max(1)) ** 2)


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error", "correctness"])
def test_fitted_temperatures_are_those_of_a_bounded_search(loss):
    """scipy's minimum of the same loss written in numpy; by masked examples, that of the others; its implicit slope."""
    fitted = losses.fit_temperature(Z, Y, loss=loss)
    found = optimize.minimize_scalar(
        lambda u: objective(np.exp(u), loss), bounds=(-1, 3), method="bounded", options={"xatol": 1e-10}
    )
    np.testing.assert_allclose(fitted.value, np.exp(found.x), rtol=1e-6)
    np.testing.assert_allclose(fitted.objective, found.fun, rtol=1e-10)
    assert fitted.converged
    assert not fitted.at_bound
    direction = RNG.standard_normal(Z.shape)
    ahead, behind = (losses.fit_temperature(Z + h * direction, Y, loss=loss).value for h in (1e-5, -1e-5))
    gradient = jax.grad(lambda z: losses.fit_temperature(z, Y, loss=loss).value)(jnp.asarray(Z))
    np.testing.assert_allclose(np.sum(gradient * direction), (ahead - behind) / 2e-5, rtol=1e-6)


def test_masked_examples_do_not_count():
    where = np.arange(80) < 50
    hidden = np.where(where[:, None], Z, np.nan)
    fitted = losses.fit_temperature(hidden, np.where(where, Y, 99), where=where)
    found = optimize.minimize_scalar(
        lambda u: objective(np.exp(u), "cross_entropy", Z[:50], Y[:50]), bounds=(-1, 3), options={"xatol": 1e-10}
    )
    np.testing.assert_allclose(fitted.value, np.exp(found.x), rtol=1e-6)
    values = losses.correctness_aware_loss(hidden, Y, where=where)
    assert np.all(values[50:] == 0)
    assert np.all(values[:50] > 0)


@pytest.mark.slow
def test_all_right_predictions_meet_the_bound():
    """The loss falls without end as T -> 0: the least temperature, said to be one, with no slope."""
    right = Z.argmax(1)
    fitted = losses.fit_temperature(Z[:50], right[:50], loss="correctness", bounds=(0.05, 10))
    np.testing.assert_allclose(fitted.value, 0.05, rtol=1e-12)
    assert fitted.at_bound
    assert fitted.converged
    slope = jax.grad(lambda z: losses.fit_temperature(z, right[:50], loss="correctness", bounds=(0.05, 10)).value)(
        jnp.asarray(Z[:50])
    )
    assert np.all(slope == 0)


def test_confident_right_predictions_keep_their_digits():
    """1 - confidence of e^-30 is not rounded to zero in float32."""
    z = np.array([30.0, 0.0], np.float32)
    np.testing.assert_allclose(losses.correctness_aware_loss(z, 0, power=1), np.exp(-30.0), rtol=1e-6)
    np.testing.assert_allclose(losses.correctness_aware_loss(np.array([1.0, 1.0]), 0), 0.25)  # the first of a tie


def test_faults_are_named():
    for call, match in (
        (lambda: losses.correctness_aware_loss(Z, Y, 0.0), "temperature must be positive"),
        (lambda: losses.correctness_aware_loss(Z, Y, power=3), "power must be one of 1, 2, got 3"),
        (lambda: losses.fit_temperature(Z, Y, loss="hinge"), "loss must be one of 'cross_entropy'"),
        (lambda: losses.fit_temperature(Z, Y, bounds=(1.0, 0.5)), "bounds must be positive, finite and ascending"),
        (lambda: losses.fit_temperature(Z, Y, where=np.zeros(80, bool)), "where must keep at least one example"),
    ):
        with without_shape_hook(), pytest.raises(ValueError, match=match):
            call()


@pytest.mark.slow
def test_classes_that_are_ruled_out():
    """A class of logit -inf changes nothing, neither in fits nor in slopes by T and by the other logits."""
    z = np.concatenate([Z, np.full((80, 1), -np.inf)], axis=1)
    for loss in ("cross_entropy", "squared_error", "correctness"):
        plain, found = (losses.fit_temperature(x, Y, loss=loss) for x in (Z, z))
        np.testing.assert_allclose(found.value, plain.value, rtol=1e-9)
        np.testing.assert_allclose(found.objective, plain.objective, rtol=1e-12)
    total = lambda z, t: jnp.sum(losses.correctness_aware_loss(z, Y, t))  # noqa: E731
    by_z, by_t = jax.grad(total, (0, 1))(jnp.asarray(z), 2.0)
    expected = jax.grad(total, (0, 1))(jnp.asarray(Z), 2.0)
    np.testing.assert_allclose(by_z[:, :4], expected[0], rtol=1e-10, atol=1e-15)
    np.testing.assert_array_equal(by_z[:, 4], 0)
    np.testing.assert_allclose(by_t, expected[1], rtol=1e-10)
