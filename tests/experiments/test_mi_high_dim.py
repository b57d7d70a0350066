"""The experiment's parts: pairs of known information, digits used once, the names of failed checks, the figure."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import estimators
from experiments import figures
from experiments.estimators import _latent_pairs, _mi_high_dim_figure, _mi_high_dim_training, mi_high_dim

SMOKE = mi_high_dim.PRESETS["smoke"]


@pytest.mark.fast
def test_correlated_vectors_hold_the_information_asked_for():
    """-(1/2) sum ln(1 - r_i^2) of the sample correlations of 20,000 pairs, within 5 of its standard errors.

    The delta method gives d I / d r = r / (1 - r^2) and var r = (1 - r^2)^2 / n, so the error is r sqrt(d / n).
    """
    for dimension, information in ((1, 0.7), (4, 2.0)):
        x, y = (np.asarray(z) for z in _latent_pairs.correlated(jax.random.key(0), 20_000, dimension, information))
        r = np.array([np.corrcoef(x[:, i], y[:, i])[0, 1] for i in range(dimension)])
        error = np.sqrt(dimension / 20_000) * r.mean()
        assert abs(-0.5 * np.log(1 - r**2).sum() - information) < 5 * error
        cross = np.corrcoef(x.T, y.T)[:dimension, dimension:]
        assert np.all(np.abs(cross - np.diag(np.diag(cross))) < 5 / np.sqrt(20_000))


def test_observed_pairs_have_the_shape_asked_for_and_no_linear_shadow_of_each_other():
    """K columns each; x and y go through different networks, so equal columns do not correspond."""
    x, y = _latent_pairs.latent_pairs(jax.random.key(1), rows=50, latent=2, observed=7, information=1.0)
    assert x.shape == y.shape == (50, 7)
    assert not np.allclose(np.corrcoef(np.asarray(x).T)[0], np.corrcoef(np.asarray(y).T)[0], atol=0.05)
    again, _ = _latent_pairs.latent_pairs(jax.random.key(1), rows=50, latent=2, observed=7, information=1.0)
    np.testing.assert_array_equal(x, again)


@pytest.mark.fast
def test_no_digit_is_in_two_views():
    """Without noise and rotation the views are images of the set, each used once, of the digits they are said to be."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    x, y, digits = _latent_pairs.digit_pairs(0, noise=0.0, rotation=0.0)
    known = {(picture / 16).astype(np.float32).tobytes(): digit for picture, digit in zip(images, labels, strict=True)}
    seen = [picture.tobytes() for picture in np.concatenate([x, y])]
    assert len(set(seen)) == len(seen) == 2 * len(x)
    assert [known[picture] for picture in seen] == [*digits, *digits]
    assert np.bincount(digits).min() > 80


def estimate(value, *, reliable):
    line = SimpleNamespace(linear=reliable, enough=True, stable=True, slope=-0.1, num_gammas=3)
    whole = SimpleNamespace(train_value=np.array([value + 0.1]), test_value=np.array([value - 0.1]))
    return SimpleNamespace(
        value=value,
        standard_error=0.1,
        reliable=reliable,
        extrapolation=line,
        whole=whole,
        estimates=[np.full(g, value - 0.1 * g) for g in SMOKE.gammas],
        interior_maximum=reliable,
        positive=None,
        generalizes=reliable,
        below_ceiling=True,
    )


@pytest.mark.fast
def test_failed_checks_are_named_and_those_not_made_are_not():
    assert mi_high_dim.failed_checks(estimate(1.0, reliable=True)) == ()
    assert mi_high_dim.failed_checks(estimate(1.0, reliable=False)) == (
        "linear",
        "interior_maximum",
        "generalizes",
    )


@pytest.mark.fast
def test_scores_of_the_exact_critic_are_its_log_ratio():
    """Against scipy's densities; their mean over joint pairs is the information, within 5 standard errors."""
    from scipy.stats import multivariate_normal, norm

    x, y = (np.asarray(z, float) for z in _latent_pairs.correlated(jax.random.key(3), 2000, 2, 1.0))
    scores = np.asarray(_latent_pairs.log_ratio(x, y, 1.0))
    rho = np.sqrt(1 - np.exp(-1.0))
    joint = multivariate_normal(cov=np.array([[1, rho], [rho, 1]]))
    for i, j in ((0, 0), (3, 7)):
        ratio = sum(joint.logpdf([x[i, c], y[j, c]]) - norm.logpdf(x[i, c]) - norm.logpdf(y[j, c]) for c in (0, 1))
        np.testing.assert_allclose(scores[i, j], ratio, rtol=1e-4)
    diagonal = np.diag(scores)
    assert abs(diagonal.mean() - 1.0) < 5 * diagonal.std() / np.sqrt(2000)


def test_infonce_in_batches_is_the_mean_of_the_batches():
    scores = np.random.default_rng(0).normal(size=(300, 300)).astype(np.float32)
    blocks = [float(estimators.infonce(scores[a : a + 128, a : a + 128])) for a in (0, 128)]
    np.testing.assert_allclose(
        _mi_high_dim_training.infonce_in_batches(jnp.asarray(scores)), np.mean(blocks), rtol=1e-5
    )
    few = jnp.asarray(scores[:50, :50])
    np.testing.assert_allclose(_mi_high_dim_training.infonce_in_batches(few), estimators.infonce(few), rtol=1e-5)


@pytest.mark.fast
def test_the_figure_is_drawn_from_the_data_set():
    epochs = SMOKE.high_epochs
    curve = np.tile(np.linspace(0, 1, epochs, dtype=np.float32), (2, 1))
    fitted = SimpleNamespace(
        train_curve=curve, test_curve=0.5 * curve, best_epoch=np.array([1, 2]), value=np.array([0.9, 1.0])
    )
    found = lambda value, reliable: mi_high_dim.Found(estimate(value, reliable=reliable), SimpleNamespace(value=0.8))  # noqa: E731
    recovered = {(k, 1.0): found(0.7, k == 1) for k in SMOKE.latents}
    ends = [found(v, False) for v in (0.2, 0.0, 2.0)]
    swept = {k: (np.array([0.5, 0.7]), 2) for k in SMOKE.latents}
    high = dict.fromkeys((*mi_high_dim.RIVALS, mi_high_dim.VSIB), fitted)
    exact = dict.fromkeys(high, 4.0)
    data = mi_high_dim._dataset(SMOKE, recovered, *ends, {"hybrid": swept, "separable": swept}, high, exact)
    assert data.chunk_estimates.shape == (5, 6)
    assert figures.as_png(_mi_high_dim_figure.draw(data)).startswith(b"\x89PNG")
