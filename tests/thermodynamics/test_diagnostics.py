import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal

from entropax.thermodynamics import mean_rate, stationarity_diagnostics
from tests.contract.harness import without_shape_hook


@pytest.mark.fast
def test_mean_and_standard_error(x64):
    """The mean and s / sqrt(n), and from blocks the scatter of their means; a rest counts for the mean alone."""
    x = np.random.default_rng(0).standard_normal(23)
    plain, blocks = mean_rate(x), mean_rate(x, num_blocks=5)
    np.testing.assert_allclose([plain.value, blocks.value], x.mean(), rtol=1e-13)
    np.testing.assert_allclose(plain.standard_error, x.std(ddof=1) / np.sqrt(23), rtol=1e-13)
    means = x[:20].reshape(5, 4).mean(axis=1)
    np.testing.assert_allclose(blocks.standard_error, means.std(ddof=1) / np.sqrt(5), rtol=1e-13)
    assert (plain.count, blocks.count) == (23, 5)


def test_block_means_see_the_correlation_that_plain_errors_miss(x64):
    """Of an autoregressive series with coefficient 0.9 the true error is sqrt(19) times the naive one (within 15%)."""
    rng, n, phi = np.random.default_rng(1), 200_000, 0.9
    x = scipy.signal.lfilter([1], [1, -phi], rng.standard_normal(n)) * np.sqrt(1 - phi**2)
    true = np.sqrt((1 + phi) / (1 - phi) / n)
    np.testing.assert_allclose(mean_rate(x).standard_error, 1 / np.sqrt(n), rtol=0.05)
    # 400 block means: their scatter is known to 1 / sqrt(800) = 3.5%.
    np.testing.assert_allclose(mean_rate(x, num_blocks=400).standard_error, true, rtol=0.15)


def test_constant_samples_have_no_error_and_finite_gradients(x64):
    gradient = jax.grad(lambda x: mean_rate(x).value + mean_rate(x).standard_error)(jnp.ones(5))
    np.testing.assert_allclose(gradient, np.full(5, 0.2), rtol=1e-14)
    assert float(mean_rate(jnp.ones(5)).standard_error) == 0.0


@pytest.mark.parametrize("num_blocks", [None, 30])
def test_control_variates_are_a_regression(num_blocks, x64):
    """The mean with controls is the intercept of numpy's least squares, with its standard error.

    The standard error of an intercept at the controls' known mean differs from s / sqrt(n) by O(k / n): 10% here.
    """
    rng = np.random.default_rng(6)
    y = rng.standard_normal((120, 3))
    x = 2.0 + y @ [1.0, -0.5, 0.3] + 0.1 * rng.standard_normal(120)
    result = mean_rate(x, num_blocks=num_blocks, controls=y)
    count = num_blocks or 120
    means_x, means_y = x.reshape(count, -1).mean(axis=1), y.reshape(count, -1, 3).mean(axis=1)
    design = np.concatenate([np.ones((count, 1)), means_y], axis=1)
    coefficients, squares, *_ = np.linalg.lstsq(design, means_x)
    np.testing.assert_allclose(result.value, coefficients[0], rtol=1e-10)
    error = np.sqrt(squares[0] / (count - 4) * np.linalg.inv(design.T @ design)[0, 0])
    np.testing.assert_allclose(result.standard_error, error, rtol=0.1)
    assert float(result.standard_error) < 0.15 * float(mean_rate(x, num_blocks=num_blocks).standard_error)


@pytest.mark.fast
def test_diagnostics_are_their_means(x64):
    div_v, v_s, s_s, div_s = np.random.default_rng(2).standard_normal((4, 50))
    result = stationarity_diagnostics(div_v, v_s, s_s, div_s)
    np.testing.assert_allclose(result.velocity_divergence.value, div_v.mean(), rtol=1e-12)
    np.testing.assert_allclose(result.velocity_dot_score.value, v_s.mean(), rtol=1e-12)
    np.testing.assert_allclose(result.residual.value, (div_v + v_s).mean(), rtol=1e-12)
    np.testing.assert_allclose(result.residual.standard_error, (div_v + v_s).std(ddof=1) / np.sqrt(50), rtol=1e-12)
    np.testing.assert_allclose(result.residual_abs, np.abs(div_v + v_s).mean(), rtol=1e-12)
    np.testing.assert_allclose(result.residual_rms, np.sqrt(np.mean((div_v + v_s) ** 2)), rtol=1e-12)
    np.testing.assert_allclose(result.integration_by_parts.value, (s_s + div_s).mean(), rtol=1e-12)


def test_bad_arguments_are_refused():
    ok, bad = np.ones(4), np.array([1.0, np.nan, 1.0, 1.0])
    with pytest.raises(ValueError, match="samples must hold at least 2 values, got 1"):
        mean_rate(np.ones(1))
    with pytest.raises(ValueError, match="num_blocks must be at least 2 and at most 4, got 5"):
        mean_rate(ok, num_blocks=5)
    with pytest.raises(ValueError, match="samples must be finite, got nan at flat index 1"):
        mean_rate(bad)
    with pytest.raises(ValueError, match="must be at least 5 for 3 controls, got 4"):
        mean_rate(ok, controls=np.ones((4, 3)))
    with without_shape_hook(), pytest.raises(ValueError, match=r"controls must have shape \(4, k\)"):
        mean_rate(ok, controls=np.ones((3, 1)))
    with pytest.raises(ValueError, match="score_square must be finite"):
        stationarity_diagnostics(ok, ok, bad, ok)
    with without_shape_hook(), pytest.raises(ValueError, match="score_square must have the shape"):
        stationarity_diagnostics(ok, ok, ok[:3], ok)
    copies = np.stack([np.arange(6.0), 2 * np.arange(6.0)], axis=1)
    with pytest.raises(ValueError, match="controls must vary and be linearly independent"):
        mean_rate(np.arange(6.0), controls=copies)
    with pytest.raises(ValueError, match="controls must vary and be linearly independent"):
        mean_rate(np.arange(6.0), controls=np.ones((6, 1)))
    assert np.isnan(jax.jit(lambda y: mean_rate(np.arange(6.0), controls=y).value)(copies))
