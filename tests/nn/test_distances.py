import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from entropax import nn

RNG = np.random.default_rng(4)
X, W = RNG.standard_normal((2, 3, 5)), RNG.standard_normal((7, 5))
DISTANCES = {
    "euclidean": nn.euclidean_distance,
    "manhattan": nn.manhattan_distance,
    "minkowski": nn.minkowski_distance,
    "cosine": nn.cosine_distance,
    "mahalanobis": functools.partial(nn.mahalanobis_distance, precision=np.diag([1, 2, 3, 4, 5.0]) + 0.1),
    "chebyshev": nn.chebyshev_distance,
    "chebyshev-standard": functools.partial(nn.chebyshev_distance, variant="standard", eps=1e-4),
    "hamming": nn.hamming_distance,
    "canberra": nn.canberra_distance,
    "bray-curtis": nn.bray_curtis_distance,
}


@pytest.mark.parametrize("name", DISTANCES)
def test_blocks_batches_and_coincidence(name, x64):
    """Blocks of centres, batch axes and single samples give the same numbers and gradients; d(w, w) = 0 without NaN."""
    distance = DISTANCES[name]
    total = lambda x, w, **options: jnp.sum(jnp.sin(distance(x, w, **options)))  # noqa: E731

    @jax.jit
    def everything(x, w):
        gradients = jax.grad(total, (0, 1))(x, w)
        blocked = jax.grad(functools.partial(total, block_size=3), (0, 1))(x, w)
        single = distance(x[1, 2], w)
        at_centers = distance(w, w), jax.grad(total)(w, w)
        return distance(x, w), distance(x, w, block_size=3), single, gradients, blocked, *at_centers

    whole, in_blocks, single, gradients, of_blocks, itself, flat = everything(X, W)
    np.testing.assert_allclose(in_blocks, whole, rtol=1e-12)
    np.testing.assert_allclose(whole[1, 2], single, rtol=1e-12)
    for a, b in zip(of_blocks, gradients, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(np.diag(itself), 1e-4 if name == "chebyshev-standard" else 0, atol=1e-12)
    assert np.isfinite(flat).all()


def test_expanded_forms_agree_and_lose_what_they_say(x64):
    """One matrix product gives the same distances, in float32 not those that are small against the norms."""
    for distance in (nn.euclidean_distance, nn.cosine_distance):
        np.testing.assert_allclose(distance(X, W, expand=True), distance(X, W), rtol=1e-10)
    x = np.float32([[100.0, 100.0]])
    near = x + np.float32([[0.0, 1e-3]])
    exact = float(np.abs(near - x).max())
    np.testing.assert_allclose(nn.euclidean_distance(x, near), exact, rtol=1e-6)
    assert abs(float(nn.euclidean_distance(x, near, expand=True)[0, 0]) - exact) > 0.01 * exact


def test_soft_forms_tend_to_the_hard(x64):
    """Cold soft bits are the hard ones at threshold 0; a sharp maximum is the maximum; large orders, too."""
    hard = nn.hamming_distance(X, W, variant="hard", threshold=0.0)
    np.testing.assert_allclose(nn.hamming_distance(X, W, temperature=1e-4), hard, atol=1e-6)
    np.testing.assert_allclose(nn.minkowski_distance(X, W, 400.0), nn.chebyshev_distance(X, W), rtol=1e-2)
    a = np.abs(X[..., None, :] - W)
    scaled = (a / (a.std(-1, ddof=1, keepdims=True) + 1e-9)).max(-1)
    for options in ({"variant": "standard", "temperature": 1e-4}, {"variant": "smooth", "sharpness": 1e4}):
        np.testing.assert_allclose(nn.chebyshev_distance(X, W, eps=1e-9, **options), scaled, rtol=1e-3)


def test_hard_bits_have_straight_through_gradients(x64):
    """Where bits differ the gradient is that of the sigmoid, with the sign that brings them together; else zero."""
    x, w = np.array([0.6, 0.9, 0.2]), np.array([[0.3, 0.8, 0.45]])
    gradient = jax.grad(lambda x: nn.hamming_distance(x, w, variant="hard")[0])(x)
    s = 1 / (1 + np.exp(-(0.6 - 0.5) / 0.1))
    np.testing.assert_allclose(gradient, [s * (1 - s) / 0.1, 0, 0], rtol=1e-12)


def test_gumbel_noise(getkey, x64):
    """Without a key the bits are those of the sigmoid; noise changes with the key, and a key is refused elsewhere."""
    still = nn.hamming_distance(X, W, variant="gumbel")
    np.testing.assert_allclose(still, nn.hamming_distance(X, W, temperature=0.5), rtol=1e-13)
    first, second = (nn.hamming_distance(X, W, variant="gumbel", key=getkey()) for _ in range(2))
    assert np.all(first != second)
    with pytest.raises(ValueError, match="key must be None for variant 'soft'"):
        nn.hamming_distance(X, W, key=getkey())


def test_ratios_of_zeros(x64):
    """0 / 0 is 0 as in scipy's canberra; a zero vector is at right angles to all; gradients stay finite."""
    zeros = np.zeros(5)
    for distance, expected in ((nn.canberra_distance, 0), (nn.bray_curtis_distance, 0), (nn.cosine_distance, 1)):
        np.testing.assert_allclose(distance(zeros, zeros[None]), [expected])
        assert np.isfinite(jax.grad(lambda x, d=distance: d(x, zeros[None])[0])(zeros)).all()
    np.testing.assert_allclose(nn.cosine_distance(zeros, W), 1, rtol=1e-13)
    robust = nn.canberra_distance(np.array([0.001, 2.0]), np.array([[0.0, 1.0]]), variant="robust")
    np.testing.assert_allclose(robust, [0.1 + 1 / 3], rtol=1e-13)


def test_the_precision_is_judged():
    """An indefinite matrix raises, a semidefinite one does not; traced ones give NaN."""
    with pytest.raises(ValueError, match="precision must be symmetric and positive semidefinite, got smallest eigenv"):
        nn.mahalanobis_distance(X, W, -np.eye(5))
    with pytest.raises(ValueError, match="asymmetry 1"):
        nn.mahalanobis_distance(X, W, np.eye(5) + np.eye(5, k=1))
    flat = np.ones((5, 5))
    expected = np.abs(np.sum(X[..., None, :] - W, -1))
    np.testing.assert_allclose(nn.mahalanobis_distance(X, W, flat), expected, rtol=1e-4, atol=2e-3)
    assert np.isnan(jax.jit(nn.mahalanobis_distance)(X, W, -np.eye(5))).all()


def test_the_head_is_the_law_of_its_distances(getkey):
    """Log-probabilities of the head are those of its distances, whose centres start as a linear layer of torch does."""
    head = nn.DistanceHead(5, 400, distance=nn.manhattan_distance, exponent=2.0, rngs=nnx.Rngs(getkey()))
    x = jnp.asarray(X, jnp.float32)
    np.testing.assert_allclose(head(x), nn.harmonic_log_probs(head.distances(x), 2.0), rtol=1e-5)
    np.testing.assert_allclose(jnp.exp(head(x)).sum(-1), 1, rtol=1e-5)
    centers = np.asarray(head.centers[...])
    assert np.abs(centers).max() <= 1 / np.sqrt(5)
    # 2000 uniform numbers: the standard deviation of their mean square, relative, is 0.89 / sqrt(2000) = 0.02.
    np.testing.assert_allclose(np.mean(centers**2), 1 / 15, rtol=0.1)


def test_cosine_of_vectors_whose_squares_leave_the_range():
    """Norms of 1e20 and 1e-25 in float32 change neither the distance nor its gradient's finiteness."""
    x, w = np.float32([[3.0, 4.0]]), np.float32([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]])
    for scale in (1e20, 1e-25):
        d, slope = jax.value_and_grad(lambda x: jnp.sum(nn.cosine_distance(x, w)))(x * np.float32(scale))
        np.testing.assert_allclose(d, 0.4 + 0.2 + 1.0, rtol=1e-6)
        assert np.isfinite(slope).all()


def test_a_head_in_bfloat16_rounds_its_result_alone():
    """The exponent would multiply the rounding of distances: 64 times 2^-9."""
    x, w = (jnp.asarray(a, jnp.bfloat16) for a in (X, W))
    head = nn.DistanceHead(5, 7, exponent=64.0, rngs=nnx.Rngs(0))
    head.centers = nnx.Param(w)
    found = head(x)
    assert found.dtype == jnp.bfloat16
    exact = nn.harmonic_log_probs(nn.euclidean_distance(x.astype(jnp.float32), w.astype(jnp.float32)), 64.0)
    np.testing.assert_allclose(found.astype(jnp.float32), exact, rtol=2.0**-8)


def test_a_head_hands_options_to_its_distance():
    """Noisy bits in training, none without a key."""
    noisy = functools.partial(nn.hamming_distance, variant="gumbel", eps=1e-4)
    head = nn.DistanceHead(5, 7, distance=noisy, rngs=nnx.Rngs(0))
    x, key = jnp.asarray(X, jnp.float32), jax.random.key(1)
    expected = nn.harmonic_log_probs(noisy(x, head.centers[...], key=key))
    np.testing.assert_allclose(head(x, key=key), expected, rtol=1e-6)
    assert not np.allclose(head(x, key=key), head(x), rtol=1e-3)
