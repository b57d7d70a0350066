import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

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


@pytest.mark.fast
def test_bad_arguments_are_refused():
    ok, bad = np.ones(4), np.array([1.0, np.nan, 1.0, 1.0])
    with pytest.raises(ValueError, match="samples must hold at least 2 values, got 1"):
        mean_rate(np.ones(1))
    with pytest.raises(ValueError, match="num_blocks must be at least 2 and at most 4, got 5"):
        mean_rate(ok, num_blocks=5)
    with pytest.raises(ValueError, match="samples must be finite, got nan at flat index 1"):
        mean_rate(bad)
    with pytest.raises(ValueError, match="score_square must be finite"):
        stationarity_diagnostics(ok, ok, bad, ok)
    with without_shape_hook(), pytest.raises(ValueError, match="score_square must have the shape"):
        stationarity_diagnostics(ok, ok, ok[:3], ok)
