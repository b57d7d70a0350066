"""Order and entropies of schools: numpy's histograms as oracle, soft edges against sharp ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial import cKDTree

from entropax import observables
from entropax.observables import _schooling_kernels

L = 9.0
RNG = np.random.default_rng(5)
X = RNG.random((60, 3)) * L
V = RNG.standard_normal((60, 3)) + np.array([0.5, 0, 0])


def entropy_of(counts, bins):
    p = counts[counts > 0] / counts.sum()
    return -(p * np.log(p)).sum() / np.log(bins)


def oracle(x, v):
    """The seven entropies by numpy's histograms and scipy's periodic tree."""
    u = v / np.linalg.norm(v, axis=1, keepdims=True)
    near = cKDTree(x, boxsize=L).query(x, k=6)[0][:, 1:]
    counts, _, _ = np.histogram2d(
        np.arccos(u[:, 2]), np.arctan2(u[:, 1], u[:, 0]) + np.pi, (12, 24), ((0, np.pi), (0, 2 * np.pi))
    )
    counts *= np.sin((np.arange(12) + 0.5) * np.pi / 12)[:, None]
    about = x - x.mean(0)
    momentum = np.linalg.norm(np.cross(about / np.linalg.norm(about, axis=1, keepdims=True), u), axis=1)
    cosine = (u @ u.T)[np.triu_indices(len(u), 1)]
    variances = np.linalg.eigvalsh(np.cov(x.T))
    return [
        entropy_of(np.histogram(near[:, 0], 25, (0, L / 2))[0], 25),
        entropy_of(counts, 288),
        entropy_of(np.histogram(x[:, 2], 15, (0, L))[0], 15),
        entropy_of(np.histogram(momentum, 20, (0, 1))[0], 20),
        entropy_of(np.histogram(near.std(1) / near.mean(1), 20, (0, 2))[0], 20),
        entropy_of(np.histogram((1 + cosine) / 2, 20, (0, 1))[0], 20),
        entropy_of(variances, 3),
    ]


def test_entropies_equal_those_of_numpys_histograms(x64):
    found = observables.schooling_entropies(X, V, L)
    np.testing.assert_allclose(found.stacked(), oracle(X, V), atol=1e-12)
    index = np.dot(observables.INDEX_WEIGHTS, oracle(X, V))
    np.testing.assert_allclose(observables.oceanic_schooling_index(X, V, L), index, atol=1e-12)


def test_soft_bins_tend_to_sharp_ones(x64):
    """For narrow edges the values agree; for the paper's bins a width of half a bin moves the index by little."""
    soft = jax.jit(lambda w: observables.schooling_entropies(X, V, L, width=w).stacked())
    np.testing.assert_allclose(soft(1e-6), oracle(X, V), atol=1e-5)
    errors = [np.abs(soft(w) - np.array(oracle(X, V))).max() for w in (0.5, 0.05, 0.005)]
    assert errors[0] > errors[2]
    assert errors[2] < 0.02


def test_soft_bins_of_headings_and_heights_have_no_seam(x64):
    """Headings next to the seam of the azimuth share its two sides, as heights next to the walls do."""
    seam = np.array([[-1.0, 1e-7, 0.2], [-1.0, -1e-7, 0.2]])
    each = [observables.polarization_entropy(v[None], width=0.5) for v in seam]
    np.testing.assert_allclose(*each, rtol=1e-5)
    shifted = [observables.depth_entropy(X + np.array([0, 0, z]), L, width=0.5) for z in (0, 3 * L / 15)]
    np.testing.assert_allclose(*shifted, rtol=1e-12)


def test_pairs_in_blocks_equal_pairs_at_once(x64, monkeypatch):
    """However many pairs a block holds."""
    widths = (None, jnp.asarray(0.5))
    whole = [observables.velocity_correlation_entropy(V, width=w) for w in widths]
    monkeypatch.setattr(_schooling_kernels, "_PAIRS_AT_ONCE", 7 * 60)
    parts = [_schooling_kernels.correlation.__wrapped__(jnp.asarray(V), w) for w in widths]
    np.testing.assert_allclose(parts, whole, rtol=1e-12)


@pytest.mark.fast
def test_too_few_or_scattered_fish_are_refused():
    """No made-up value where an entropy has no meaning."""
    with pytest.raises(ValueError, match="positions must hold at least 6 fish, got 5"):
        observables.neighbor_variation_entropy(X[:5], L)
    with pytest.raises(ValueError, match="nearest neighbour within box_size / 2"):
        observables.cohesion_entropy(np.array([[0.0, 0, 0], [4.4, 4.4, 4.4]]), L)
    with pytest.raises(ValueError, match="positions must not all be at one point"):
        observables.shape_entropy(np.ones((5, 3)))
