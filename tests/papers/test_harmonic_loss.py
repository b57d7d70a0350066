"""What arXiv 2603.10225 and 2502.01628 state of harmonic losses."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from scipy.spatial.distance import cdist

from entropax import losses, nn

pytestmark = pytest.mark.usefixtures("x64")
X = np.array([1, 2, 0.5])
W = np.array([[1, 1, 1], [0.5, 2, 0], [2, 0.2, 0.7], [0.1, 0.3, 1]])
PRINTED = 6e-11  # half a unit of the tenth digit
EPS = 1e-4
bound = functools.partial


def law(d, exponent=1.0):
    return np.exp(nn.harmonic_log_probs(d, exponent))


TEXTBOOK = {  # ours, scipy's name and options, the printed loss
    "euclidean": (nn.euclidean_distance, ("euclidean", {}), 0.2911365371),
    "manhattan": (nn.manhattan_distance, ("cityblock", {}), 0.3125457812),
    "cosine": (nn.cosine_distance, ("cosine", {}), 0.0644343881),
    "minkowski 1.5": (nn.minkowski_distance, ("minkowski", {"p": 1.5}), 0.3047418090),
    "minkowski 3": (bound(nn.minkowski_distance, order=3.0), ("minkowski", {"p": 3}), 0.2639952607),
    "chebyshev": (nn.chebyshev_distance, ("chebyshev", {}), 0.1586060316),
    "canberra": (nn.canberra_distance, ("canberra", {}), 2.3404222595),
    "bray-curtis": (nn.bray_curtis_distance, ("braycurtis", {}), 0.3646063110),
    "mahalanobis": (
        bound(nn.mahalanobis_distance, precision=np.array([1, 2, 0.5])),
        ("mahalanobis", {"VI": np.diag([1, 2, 0.5])}),
        0.0939546212,
    ),
}
STUDY = {  # the authors' layers: distance, printed probabilities
    "euclidean": (
        bound(nn.euclidean_distance, squared=True, eps=EPS),
        [0.243412901, 0.608459244, 0.071094243, 0.077033611],
    ),
    "manhattan": (bound(nn.manhattan_distance, eps=EPS), [0.287038411, 0.430543266, 0.143523989, 0.138894333]),
    "cosine": (bound(nn.cosine_distance, eps=EPS), [0.250111783, 0.623093855, 0.067765010, 0.059029353]),
    "minkowski": (bound(nn.minkowski_distance, eps=EPS), [0.276965699, 0.426922010, 0.146909877, 0.149202414]),
    "hamming soft": (bound(nn.hamming_distance, eps=EPS), [0.330587566, 0.369600411, 0.162262933, 0.137549089]),
    "hamming hard": (
        bound(nn.hamming_distance, variant="hard", eps=EPS),
        [0.352935294, 0.352935294, 0.176476470, 0.117652941],
    ),
    "chebyshev standard": (
        bound(nn.chebyshev_distance, variant="standard", eps=EPS),
        [0.283509313, 0.280685256, 0.244654607, 0.191150824],
    ),
    "chebyshev smooth": (
        bound(nn.chebyshev_distance, variant="smooth", eps=EPS),
        [0.268957371, 0.298653747, 0.239056682, 0.193332200],
    ),
    "canberra standard": (bound(nn.canberra_distance, eps=EPS), [0.424003770, 0.212017784, 0.214454585, 0.149523861]),
    "canberra weighted": (
        bound(nn.canberra_distance, variant="weighted", eps=EPS),
        [0.377966115, 0.300484378, 0.186203027, 0.135346480],
    ),
    "bray-curtis standard": (
        bound(nn.bray_curtis_distance, variant="standard", eps=1e-3),
        [0.308497839, 0.426448507, 0.152209691, 0.112843963],
    ),
    "bray-curtis abs": (
        bound(nn.bray_curtis_distance, eps=1e-3),
        [0.308497839, 0.426448507, 0.152209691, 0.112843963],
    ),
    "bray-curtis normalized": (
        bound(nn.bray_curtis_distance, variant="normalized", eps=1e-3),
        [0.340692135, 0.355072893, 0.161810659, 0.142424313],
    ),
}
LEARNED = {
    "full": [0.271443750, 0.429142966, 0.146704244, 0.152709041],
    "diagonal": [0.271443875, 0.429142408, 0.146704459, 0.152709258],
    "cholesky": [0.271921197, 0.427216892, 0.147422534, 0.153439377],
}


@pytest.mark.fast
@pytest.mark.parametrize("name", TEXTBOOK)
def test_1_textbook_distances_and_their_losses(name):
    """Without eps each distance is scipy's, and the loss of label 1 at n = 3 the printed one."""
    distance, (scipys, options), expected = TEXTBOOK[name]
    d = distance(X, W)
    np.testing.assert_allclose(d, cdist(X[None], W, scipys, **options)[0], rtol=1e-13)
    np.testing.assert_allclose(losses.harmonic_loss(d, 1, 3.0), expected, rtol=0, atol=PRINTED)


@pytest.mark.fast
def test_1_euclidean_distances_and_probabilities():
    """The printed distances and the harmonic probabilities at n = 3."""
    d = nn.euclidean_distance(X, W)
    np.testing.assert_allclose(d, [1.118033989, 0.707106781, 2.068816087, 1.987460691], rtol=0, atol=6e-10)
    np.testing.assert_allclose(law(d, 3), [0.189082352, 0.747413621, 0.029843542, 0.033660485], rtol=0, atol=6e-10)


@pytest.mark.fast
@pytest.mark.parametrize("name", STUDY)
def test_2_layers_of_the_study(name):
    """Probabilities of the authors' layers at n = 1 and their eps (printed digits may be cut rather than rounded)."""
    distance, expected = STUDY[name]
    np.testing.assert_allclose(law(distance(X, W)), expected, rtol=0, atol=1.01e-9)


@pytest.mark.parametrize("kind", LEARNED)
def test_2_learned_precisions_at_their_start(kind):
    """Probabilities of the three Mahalanobis layers before training; full is the study's standard."""
    metric = nn.MahalanobisDistance(3, kind=kind)
    start = {"full": 1.01, "diagonal": 0.0, "cholesky": 0.1}[kind] * (np.ones(3) if kind == "diagonal" else np.eye(3))
    np.testing.assert_allclose(metric.parameter[...], start, rtol=1e-7)  # float32, too coarse for the printed digits
    metric.parameter = nnx.Param(jnp.asarray(start))
    np.testing.assert_allclose(law(metric(jnp.asarray(X), jnp.asarray(W))), LEARNED[kind], rtol=0, atol=1.01e-9)


@pytest.mark.fast
def test_3_gradient_by_the_distances():
    """dL/dd_i = n (1[i = y] - p_i) / d_i."""
    d = nn.euclidean_distance(X, W)
    gradient = jax.grad(losses.harmonic_loss)(d, 1, 3.0)
    np.testing.assert_allclose(gradient, [-0.50736119, 1.07163325, -0.04327626, -0.05080928], rtol=0, atol=6e-9)
    np.testing.assert_allclose(gradient, 3 * (np.eye(4)[1] - law(d, 3)) / d, rtol=1e-13)


def test_3_gradient_by_features_and_centres():
    """With Euclidean distances dL/dw_i = -n (1[i = y] - p_i) / d_i^2 (x - w_i), dL/dx minus their sum."""
    loss = lambda x, w: losses.harmonic_loss(nn.euclidean_distance(x, w), 1, 3.0)  # noqa: E731
    by_x, by_w = jax.grad(loss, (0, 1))(X, W)
    d = np.linalg.norm(X - W, axis=1)
    p = d**-3.0 / np.sum(d**-3.0)
    expected = -(3 * (np.eye(4)[1] - p) / d**2)[:, None] * (X - W)
    np.testing.assert_allclose(by_w, expected, rtol=1e-12)
    np.testing.assert_allclose(by_x, -expected.sum(0), rtol=1e-12)


@pytest.mark.parametrize("name", TEXTBOOK)
def test_4_invariance_to_scale(name):
    """A common factor of x and W leaves p; the cosine also one of each."""
    distance = TEXTBOOK[name][0]
    expected = law(distance(X, W), 2)
    np.testing.assert_allclose(law(distance(37 * X, 37 * W), 2), expected, rtol=1e-12)
    np.testing.assert_allclose(law(distance(X / 1e5, W / 1e5), 2), expected, rtol=1e-12)
    if name == "cosine":
        np.testing.assert_allclose(law(distance(37 * X, W / 5), 2), expected, rtol=1e-12)


@pytest.mark.fast
def test_5_exponents():
    """n on squares is 2 n on distances; n to 0 is uniform, to infinity the nearest centre; factors are nothing."""
    d = nn.euclidean_distance(X, W)
    squares = nn.euclidean_distance(X, W, squared=True)
    np.testing.assert_allclose(law(squares, 1.5), law(d, 3), rtol=1e-13)
    np.testing.assert_allclose(losses.original_harmonic_loss(X, W, 1, 1.5), 0.2911365371, rtol=0, atol=PRINTED)
    np.testing.assert_allclose(law(d, 1e-9), np.full(4, 0.25), rtol=1e-8)
    np.testing.assert_allclose(law(d, 768.0), [0, 1, 0, 0], atol=1e-100)
    np.testing.assert_allclose(law(d / d.min(), 3), law(d, 3), rtol=1e-13)


@pytest.mark.fast
def test_5_on_a_centre():
    """On its own centre the loss is 0, on another's it is infinite; nothing is NaN, gradients are zero."""
    loss = jax.value_and_grad(lambda x, y: losses.harmonic_loss(nn.euclidean_distance(x, W), y, 3.0))
    value, gradient = loss(W[1], 1)
    assert value == 0
    np.testing.assert_array_equal(gradient, 0)
    value, gradient = loss(W[1], 0)
    assert value == np.inf
    np.testing.assert_array_equal(gradient, 0)
    twice = nn.harmonic_log_probs(np.array([0.0, 1.0, 0.0]))
    np.testing.assert_allclose(twice, [-np.log(2), -np.inf, -np.log(2)])


@pytest.mark.fast
def test_6_special_cases():
    """Minkowski of order 1 is Manhattan, of 2 Euclidean, as is Mahalanobis with the identity; rows of p sum to one."""
    np.testing.assert_allclose(nn.minkowski_distance(X, W, 1.0), nn.manhattan_distance(X, W), rtol=1e-13)
    np.testing.assert_allclose(nn.minkowski_distance(X, W, 2.0), nn.euclidean_distance(X, W), rtol=1e-13)
    np.testing.assert_allclose(nn.mahalanobis_distance(X, W, np.eye(3)), nn.euclidean_distance(X, W), rtol=1e-13)
    for distance, _ in STUDY.values():
        np.testing.assert_allclose(law(distance(X, W)).sum(), 1, rtol=1e-13)
