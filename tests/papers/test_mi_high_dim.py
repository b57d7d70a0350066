"""What arXiv 2506.00330 and the bounds it uses must satisfy."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import estimators, nn

A = np.array([[2, 0.5, -1], [0, 1.5, 0.3], [-0.5, 0.2, 1]])
B = np.array([[3, 2.5, -4], [0, 4.5, 0.3], [-0.5, 2.2, 1]])
PRINTED = 6e-11  # half a unit of the tenth digit


def close(value, expected):
    np.testing.assert_allclose(value, expected, rtol=0, atol=PRINTED)


def test_the_bounds_of_the_first_matrix(x64):
    """InfoNCE, DV, NWJ, TUBA and JS of A to ten digits; SMILE is DV, as no off-diagonal score exceeds 1."""
    close(estimators.infonce(A), 0.7062264065)
    close(estimators.donsker_varadhan(A), 1.4681149513)
    close(estimators.nwj(A), 1.1202016980)
    close(estimators.tuba(A), 1.4676011771)
    close(estimators.jensen_shannon_bound(A), -0.8983771506)
    for clip in (1.0, 5.0):
        np.testing.assert_allclose(estimators.smile(A, clip), estimators.donsker_varadhan(A), rtol=1e-14)


def test_the_bounds_of_the_second_matrix(x64):
    """InfoNCE, DV, NWJ and SMILE of B for clips 1, 2 and 5, and with the joint term clipped too."""
    close(estimators.infonce(B), 0.4272602652)
    close(estimators.donsker_varadhan(B), 1.4394754576)
    close(estimators.nwj(B), 1.3506435258)
    for clip, plain, joint in (
        (1.0, 2.4548018604, 0.6214685271),
        (2.0, 1.7419785978, 0.5753119311),
        (5.0, 1.4394754576, 1.4394754576),
    ):
        close(estimators.smile(B, clip), plain)
        close(estimators.smile(B, clip, clip_joint=True), joint)


def test_what_holds_for_every_matrix(x64):
    """InfoNCE <= ln B and is free of row constants; DV is free of a constant, NWJ is not; NWJ <= DV; SMILE -> DV as the
    clip grows; SMILE's gradient is that of JS."""
    rng = np.random.default_rng(0)
    for scale in (0.1, 1.0, 5.0, 50.0):
        t = jnp.asarray(rng.normal(0, scale, (6, 6)) + scale * np.eye(6))
        assert estimators.infonce(t) <= np.log(6)
        rows = jnp.asarray(rng.normal(0, 3, (6, 1)))
        np.testing.assert_allclose(estimators.infonce(t + jnp.tile(rows, 6)), estimators.infonce(t), atol=1e-12)
        np.testing.assert_allclose(
            estimators.donsker_varadhan(t + 0.7), estimators.donsker_varadhan(t), rtol=1e-12, atol=1e-12
        )
        assert abs(float(estimators.nwj(t + 0.7) - estimators.nwj(t))) > 1e-3
        assert estimators.nwj(t) <= estimators.donsker_varadhan(t)
        np.testing.assert_allclose(estimators.smile(t, 1e4), estimators.donsker_varadhan(t), rtol=1e-12)
        np.testing.assert_array_equal(
            jax.grad(lambda s: estimators.smile(s, 0.5))(t), jax.grad(estimators.jensen_shannon_bound)(t)
        )


@pytest.mark.fast
def test_the_price_of_codes(x64):
    """KL for mu = [[.5, -.2], [1, 0]] and logvar = [[-.3, .1], [.2, -1]]: batch mean 0.4313178345."""
    mean, log_variance = np.array([[0.5, -0.2], [1, 0]]), np.array([[-0.3, 0.1], [0.2, -1]])
    close(np.mean(estimators.variational_kl(mean, log_variance)), 0.4313178345)


def test_the_extrapolation_of_the_typed_estimates(x64):
    """Intercept 2.09, slope -0.088, se 0.01006262, 68% half-width 0.0104045 (13 degrees of freedom), no curvature."""
    estimates = [
        [2.00],
        [1.91, 1.93],
        [1.84, 1.80, 1.82],
        [1.74, 1.76, 1.71, 1.75],
        [1.66, 1.62, 1.68, 1.64, 1.65],
    ]
    got = estimators.extrapolate([np.array(row) for row in estimates])
    np.testing.assert_allclose([got.value, got.slope], [2.09, -0.088], rtol=1e-12)
    np.testing.assert_allclose(got.standard_error, 0.01006262, atol=6e-9)
    np.testing.assert_allclose(got.half_width, 0.0104045, atol=6e-8)
    np.testing.assert_allclose(got.curvature, 0, atol=1e-12)
    assert int(got.num_gammas) == 5
    assert bool(got.linear)
    assert bool(got.reliable)


def test_the_best_critic_reaches_the_information_of_a_gaussian():
    """f = ln p(x, y) / p(x) p(y): DV, and NWJ of 1 + f, tend to I as the batch grows; InfoNCE stays below ln B.

    The mean over 64 batches is within 4 standard errors of I at B = 2048 (NWJ is unbiased at every B); at I = 3 nats,
    above ln 16 = 2.77, InfoNCE of 16 pairs stays below its ceiling, and at 2048 pairs it is within 0.1 of I.
    """

    def values(key, rho, size):
        x, e = jax.random.normal(key, (2, size))
        y = rho * x + jnp.sqrt(1 - rho**2) * e
        u, v = x[:, None], y[None]
        f = -0.5 * jnp.log1p(-(rho**2)) - (rho**2 * (u**2 + v**2) - 2 * rho * u * v) / (2 * (1 - rho**2))
        return jnp.stack([estimators.donsker_varadhan(f), estimators.nwj(1 + f), estimators.infonce(f)])

    def mean_and_error(information, size):
        rho = jnp.float32(np.sqrt(1 - np.exp(-2 * information)))
        found = jax.jit(lambda keys: jax.lax.map(lambda key: values(key, rho, size), keys))(
            jax.random.split(jax.random.key(size), 64)
        )
        return np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / 8

    mean, error = mean_and_error(0.8, 2048)
    assert np.all(np.abs(mean[:2] - 0.8) < 4 * error[:2])
    assert np.all(error[:2] < 0.02)
    assert abs(mean[2] - 0.8) < 0.02
    mean, _ = mean_and_error(3.0, 16)
    assert mean[2] < np.log(16)
    mean, _ = mean_and_error(3.0, 2048)
    assert abs(mean[2] - 3.0) < 0.1


@pytest.mark.slow
def test_shuffled_pairs_give_zero_within_two_error_bars():
    """The whole protocol with a separable InfoNCE critic on permuted pairs of a strong dependence, and on the pairs."""
    x, e = np.random.default_rng(0).standard_normal((2, 300, 3)).astype(np.float32)
    y = x + 0.3 * e
    estimator = functools.partial(
        estimators.variational_mutual_information,
        make_critic=functools.partial(nn.SeparableCritic, 3, 3, embed=4, width=16, depth=1, zero_output=True),
        epochs=20,
        steps_per_epoch=4,
        learning_rate=5e-3,
        num_splits=2,
        test_fraction=0.5,
        read="mean",
        keep_critic=False,
    )
    options = {"key": jax.random.key(0), "gammas": (1, 2, 3), "batched": True, "min_gammas": 3}
    control = estimators.shuffled_control(estimator, x, y, num_errors=2.0, **options)
    assert bool(control.zero)
    assert float(control.standard_error) < 0.1
    held = estimators.subsample_extrapolate(estimator, x, y, **options)  # compiles nothing
    assert float(held.value) > 1.0  # what the pairs hold when they are not torn apart
