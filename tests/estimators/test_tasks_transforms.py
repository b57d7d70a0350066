"""Maps that keep mutual information: injective, and equal to their formulas."""

import jax
import numpy as np
import pytest
from scipy import optimize, stats

from entropax import estimators

GRID = np.linspace(-9.0, 9.0, 2001)


@pytest.mark.fast
@pytest.mark.parametrize("name", ["half_cube", "wiggly_x", "wiggly_y", "normal_cdf"])
def test_increasing(name, x64):
    values = np.asarray(getattr(estimators, name)(GRID))
    if name == "normal_cdf":
        np.testing.assert_allclose(values, stats.norm.cdf(GRID), rtol=1e-12)
        values = values[GRID < 7]  # above, neighbours differ by less than an ulp of one
    assert np.all(np.diff(values) > 0)


@pytest.mark.fast
def test_half_cube_is_flat_at_zero(x64):
    value, slope = jax.vmap(jax.value_and_grad(estimators.half_cube))(np.array([0.0, 4.0, -4.0]))
    np.testing.assert_allclose(value, [0, 8, -8])
    np.testing.assert_allclose(slope, [0, 3, 3])


@pytest.mark.fast
def test_spiral_turns_by_its_squared_radius(x64):
    x = np.random.default_rng(0).normal(size=(50, 4))
    turned = np.asarray(estimators.spiral(x, 0.3, plane=(1, 3)))
    np.testing.assert_allclose(turned[:, [0, 2]], x[:, [0, 2]])
    before, after = x[:, 1] + 1j * x[:, 3], turned[:, 1] + 1j * turned[:, 3]
    np.testing.assert_allclose(after, before * np.exp(0.3j * np.sum(x**2, axis=1)), rtol=1e-12)
    np.testing.assert_allclose(estimators.spiral(turned, -0.3, plane=(1, 3)), x, rtol=1e-12)
    # pi / 2 turns the first axis to the second
    np.testing.assert_allclose(estimators.spiral(np.eye(2)[:1], np.pi / 2), [[0, 1]], atol=1e-15)


@pytest.mark.fast
def test_swiss_roll_winds_once_outward(x64):
    x = np.linspace(0, 1, 501)[:, None]
    roll = np.asarray(estimators.swiss_roll(x))
    radius = np.linalg.norm(roll, axis=1)
    np.testing.assert_allclose(21 * radius, 1.5 * np.pi * (1 + 2 * x[:, 0]))
    np.testing.assert_allclose(roll[0], [0, -1.5 * np.pi / 21], atol=1e-15)
    np.testing.assert_allclose(roll[-1], [0, 4.5 * np.pi / 21], atol=1e-14)


@pytest.mark.fast
def test_mixture_quantile_against_root_finding(x64):
    weights, centers = np.array([0.3, 0.7]), np.array([0.0, 5.0])
    z = np.array([-8.0, -3.0, -0.5, 0.0, 0.4, 2.0, 8.0])

    def log_tail(x, sign):
        return np.log(np.sum(weights * stats.norm.cdf(sign * (x - centers))))

    def root(score):
        sign = -1 if score > 0 else 1
        return optimize.brentq(lambda x: log_tail(x, sign) - stats.norm.logcdf(-abs(score)), -20, 20, xtol=1e-13)

    np.testing.assert_allclose(
        estimators.normal_to_mixture(z, weights, centers), [root(score) for score in z], rtol=1e-10
    )
    # One component is a shift.
    np.testing.assert_allclose(estimators.normal_to_mixture(z, np.ones(1), np.full(1, 2.0)), z + 2, rtol=1e-13)


@pytest.mark.fast
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mixture_of_samples_is_a_mixture(dtype, x64):
    """Kolmogorov-Smirnov test of 20,000 points at the level 1e-5, in both precisions."""
    z = np.asarray(jax.random.normal(jax.random.key(1), (20_000,), dtype))
    x = estimators.normal_to_mixture(z, np.array([0.5, 0.5], dtype), np.array([-1.0, 3.0], dtype))
    assert x.dtype == dtype
    law = lambda v: 0.5 * stats.norm.cdf(v + 1) + 0.5 * stats.norm.cdf(v - 3)  # noqa: E731
    assert stats.kstest(np.asarray(x, np.float64), law).pvalue > 1e-5


@pytest.mark.fast
@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: estimators.swiss_roll(np.ones((3, 2))), r"x must have shape \(n, 1\), got \(3, 2\)"),
        (lambda: estimators.spiral(np.ones((3, 2)), plane=(0, 2)), "plane must name two of the 2 coordinates"),
        (lambda: estimators.spiral(np.ones((3, 2)), plane=(1, 1)), "plane must name two of the 2 coordinates"),
        (lambda: estimators.normal_to_mixture(0.0, np.array([0.5, 0.6]), np.zeros(2)), "weights must be non-negative"),
        (lambda: estimators.normal_to_mixture(0.0, np.ones(1), np.full(1, np.nan)), "centers must be finite"),
        (lambda: estimators.normal_to_mixture(0.0, np.ones(1), np.zeros(2)), "centers must have the shape of weights"),
    ],
)
def test_refusals(call, match):
    from tests.contract.harness import without_shape_hook

    with without_shape_hook(), pytest.raises(ValueError, match=match):
        call()
