import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import estimators
from entropax.estimators import templates

COSINE = np.cos(np.linspace(0, 30, 100))


def matches(x, length, number, tolerance):
    """Of every template of `length` samples, how many of all `number` match it, itself included."""
    pieces = np.stack([x[k : k + number] for k in range(length)], axis=1)
    return np.sum(np.max(np.abs(pieces[:, None] - pieces[None]), axis=2) <= tolerance, axis=1)


def brute_sample_entropy(x, tolerance, length):
    number = len(x) - length
    shorter = np.sum(matches(x, length, number, tolerance)) - number
    longer = np.sum(matches(x, length + 1, number, tolerance)) - number
    return -np.log(longer / shorter)


def brute_approximate_entropy(x, tolerance, length):
    phi = [np.mean(np.log(matches(x, m, len(x) - m + 1, tolerance) / (len(x) - m + 1))) for m in (length, length + 1)]
    return phi[0] - phi[1]


@pytest.mark.fast
def test_the_cosine_of_the_packages(x64):
    """cos(linspace(0, 30, 100)), m = 2, r = 0.2 population deviations: .28768207 in antropy and EntropyHub."""
    np.testing.assert_allclose(estimators.sample_entropy(COSINE), 0.28768207, atol=5e-9)
    np.testing.assert_allclose(estimators.sample_entropy(COSINE, 0.2 * np.std(COSINE)), 0.28768207, atol=5e-9)


@pytest.mark.parametrize("length", [1, 2, 4])
def test_counts_by_brute_force(length, x64):
    x = np.random.default_rng(0).standard_normal(700)
    for tolerance in (0.3, 0.8):
        tolerance = tolerance * (1 + length / 2)
        np.testing.assert_allclose(
            estimators.sample_entropy(x, tolerance, length=length),
            brute_sample_entropy(x, tolerance, length),
            rtol=1e-12,
        )
        np.testing.assert_allclose(
            estimators.approximate_entropy(x, tolerance, length=length),
            brute_approximate_entropy(x, tolerance, length),
            rtol=1e-12,
        )


@pytest.mark.fast
def test_equality_matches(x64):
    """A distance equal to the tolerance is a match."""
    x = np.array([0.0, 1, 2, 3, 4, 5, 4, 3, 2, 1, 0, 1, 2, 3])
    np.testing.assert_allclose(estimators.sample_entropy(x, 1.0), brute_sample_entropy(x, 1.0, 2), rtol=1e-12)
    assert abs(brute_sample_entropy(x, 1.0, 2) - brute_sample_entropy(x, 0.99, 2)) > 0.05


def test_blocks_make_no_difference(x64, monkeypatch):
    """Templates that do not fill the last block."""
    x = np.random.default_rng(1).standard_normal(211)
    expected = brute_sample_entropy(x, 0.5, 2), brute_approximate_entropy(x, 0.5, 2)
    for tile in (1, 1000, 2**18):
        monkeypatch.setattr(templates, "_TILE", tile)
        templates._pairs.clear_cache()
        templates._approximate.clear_cache()
        np.testing.assert_allclose(estimators.sample_entropy(x, 0.5), expected[0], rtol=1e-12)
        np.testing.assert_allclose(estimators.approximate_entropy(x, 0.5), expected[1], rtol=1e-12)
    monkeypatch.undo()
    templates._pairs.clear_cache()
    templates._approximate.clear_cache()


@pytest.mark.fast
def test_scales_by_brute_force(x64):
    x = np.cumsum(np.random.default_rng(2).standard_normal(400)) * 0.2
    tolerance = 0.2 * np.std(x)
    found = estimators.multiscale_entropy(x, scales=(1, 3, 7))
    for value, scale in zip(found, (1, 3, 7), strict=True):
        coarse = x[: len(x) // scale * scale].reshape(-1, scale).mean(axis=1)
        np.testing.assert_allclose(value, brute_sample_entropy(coarse, tolerance, 2), rtol=1e-12)


def test_white_noise_falls_over_the_scales_and_pink_noise_does_not(x64):
    """Costa et al. 2002, fig. 1: white noise has less entropy at scale 5 than 1/f noise, though more at scale 1."""
    rng = np.random.default_rng(3)
    white = rng.standard_normal(4000)
    spectrum = np.fft.rfft(rng.standard_normal(4000))
    pink = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(2001), 1)))
    of_white, of_pink = (np.asarray(estimators.multiscale_entropy(x, scales=(1, 5))) for x in (white, pink))
    assert of_white[0] > of_pink[0] + 0.1
    assert of_white[1] < of_pink[1] - 0.1


@pytest.mark.fast
def test_closed_form_of_independent_noise(x64):
    """White noise: SampEn tends to -log P(|x - y| <= r), as every sample of a template matches independently.

    The tolerance is four times the scatter of eight such series.
    """
    x = np.random.default_rng(4).standard_normal((8, 3000))
    r = 0.5
    from math import erf

    expected = -np.log(erf(r / 2))
    found = np.array([float(estimators.sample_entropy(row, r)) for row in x])
    error = found.std(ddof=1) / np.sqrt(8)
    assert error < 0.02
    assert abs(found.mean() - expected) < 4 * error


@pytest.mark.fast
@pytest.mark.parametrize("function", [estimators.sample_entropy, estimators.approximate_entropy])
def test_soft_matches_tend_to_counts(function, x64):
    x = np.random.default_rng(5).standard_normal(300)
    hard = float(function(x, 0.5))
    apart = [abs(float(function(x, 0.5, temperature=T)) - hard) for T in (0.1, 0.01, 1e-6)]
    assert apart == sorted(apart, reverse=True)
    assert apart[-1] < 1e-6


def test_gradients_over_several_blocks(x64):
    """Against finite differences, with the tolerance following the series; 1000 templates make four blocks."""
    x = jnp.asarray(np.random.default_rng(6).standard_normal(1000))
    d = jnp.asarray(np.random.default_rng(7).standard_normal(1000))
    for function in (estimators.sample_entropy, estimators.approximate_entropy):
        value = jax.jit(lambda x, f=function: f(x, temperature=0.05))
        slope = float(jnp.vdot(jax.jit(jax.grad(value))(x), d))
        assert abs(slope) > 1e-3
        np.testing.assert_allclose(slope, float(value(x + 1e-6 * d) - value(x - 1e-6 * d)) / 2e-6, rtol=1e-5)


def test_short_series_are_never_infinite_in_silence():
    """No pair matches: an error that says so, NaN under jit; approximate entropy stays finite by its definition."""
    x = np.array([0.0, 1, 3, 7, 15, 31, 63], np.float32)
    message = r"match within the tolerance over length \+ 1 = 3 samples, got 0 such pairs of 0 that match over 2"
    with pytest.raises(ValueError, match=message):
        estimators.sample_entropy(x, 0.5)
    assert np.isnan(jax.jit(estimators.sample_entropy)(x, 0.5))
    with pytest.raises(ValueError, match="3 samples at scale 2, got 0 such pairs"):
        estimators.multiscale_entropy(np.tile(x, 2), 0.5, scales=(1, 2))
    traced = jax.jit(lambda x: estimators.multiscale_entropy(x, 0.5, scales=(1, 2)))(np.tile(x, 2))
    np.testing.assert_array_equal(np.isnan(traced), [False, True])
    assert np.isfinite(estimators.approximate_entropy(x, 0.5))
    with pytest.raises(ValueError, match=r"x must have at least length \+ 2 = 4 samples, got 3"):
        estimators.sample_entropy(x[:3])


def test_a_constant_series():
    """Every pair matches, so nothing is new: exactly zero, with finite gradients in the soft form."""
    x = jnp.ones(50)
    assert float(estimators.sample_entropy(x)) == 0
    assert float(estimators.approximate_entropy(x)) == pytest.approx(0, abs=1e-6)
    gradient = jax.grad(lambda x: estimators.sample_entropy(x, temperature=0.1))(x)
    assert np.isfinite(gradient).all()


@pytest.mark.slow
def test_memory_grows_with_the_length_not_its_square(x64):
    """30,000 points: 7 GB of pairs in float64, in blocks of 2 MB; the compiled program's buffers are counted."""
    x = jnp.zeros(30_000)
    compiled = templates._pairs.lower(x, jnp.asarray(0.2), None, 2).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 100e6
    gradient = jax.jit(jax.grad(lambda x: estimators.sample_entropy(x, 0.2, temperature=0.1)))
    assert gradient.lower(x).compile().memory_analysis().temp_size_in_bytes < 300e6


@pytest.mark.slow
def test_antropy(x64):
    """The same numbers where it is installed; it is not needed. Its sample entropy of short series wants distances
    below the tolerance, which makes no difference for noise."""
    antropy = pytest.importorskip("antropy")
    x = np.random.default_rng(8).standard_normal(600)
    np.testing.assert_allclose(estimators.sample_entropy(x), antropy.sample_entropy(x), rtol=1e-12)
    np.testing.assert_allclose(estimators.approximate_entropy(x), antropy.app_entropy(x), rtol=1e-12)
