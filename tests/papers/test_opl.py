"""What arXiv 2103.14021 and its published code state of the orthogonal projection loss."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import losses

pytestmark = pytest.mark.usefixtures("x64")
F = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1], [-1, 0.5, 0.5]])
Y = np.array([0, 0, 1, 1, 2])
PRINTED = 6e-11  # half a unit of the tenth digit
READINGS = ("abs_mean", "mean_abs", "signed")
opl = losses.orthogonal_projection_loss


def published(features, gamma, reduction):
    """What the published code computes: it adds 1e-6 to the 4 and 16 pairs in float32, whatever the features are."""
    same, different = (n / float(np.float32(n) + np.float32(1e-6)) for n in (4, 16))
    means = losses.class_cosines(features, Y)
    second = {"signed": means.different, "mean_abs": means.different_abs}[reduction]
    return 1 - same * means.same + gamma * different * second


def printed(values, expected):
    np.testing.assert_allclose(values, expected, rtol=0, atol=PRINTED)


@pytest.mark.fast
def test_1_mean_cosines():
    """The mean cosine within and between classes, and the mean absolute one between."""
    means = losses.class_cosines(F, Y)
    printed([means.same, means.different, means.different_abs], [0.7071067812, 0.1359417032, 0.4122346320])


@pytest.mark.fast
def test_2_the_loss_in_its_readings():
    """The formula at two gammas, and the published code's readings with 1e-6 added to the numbers of pairs."""
    printed(opl(F, Y, gamma=1.0), 0.4288349220)
    printed(opl(F, Y), 0.3608640704)
    for reading, value in (("signed", 0.3608642309), ("mean_abs", 0.4990106789)):
        printed(published(F, 0.5, reading), value)
        np.testing.assert_allclose(opl(F, Y, reduction=reading, eps=1e-6), value, rtol=1e-7)


def test_3_gradient_of_the_published_code():
    """The printed rows, each at right angles to its feature; every reading follows the closed form."""
    gradient = jax.grad(lambda f: published(f, 0.5, "signed"))(F)
    printed(
        gradient,
        [
            [0, -0.2213436301, 0.0697096837],
            [-0.2415620262, 0.2415620262, 0.0492921900],
            [0.0556631309, 0, -0.3280377912],
            [0.0393597773, -0.1611516550, 0.1611516550],
            [0.0821332035, 0.1256909124, 0.0385754946],
        ],
    )
    np.testing.assert_allclose(np.sum(np.asarray(gradient) * F, axis=1), 0, atol=1e-15)
    lengths = np.linalg.norm(F, axis=1, keepdims=True)
    u = F / lengths
    cosines = u @ u.T
    same = (Y[:, None] == Y) & ~np.eye(5, dtype=bool)
    other = Y[:, None] != Y
    for reading in READINGS:
        sign = {"abs_mean": np.sign(cosines[other].mean()), "mean_abs": np.sign(cosines), "signed": 1}[reading]
        g = (-2 / same.sum() * same + 0.5 * 2 / other.sum() * other * sign) @ u
        expected = (g - np.sum(g * u, 1, keepdims=True) * u) / lengths
        found = jax.grad(lambda f, reading=reading: opl(f, Y, reduction=reading))(F)
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-14)


@pytest.mark.fast
def test_4_self_attention_before_the_loss():
    """Value and both means after softmax(F F^T) F, at gamma = 2 with absolute cosines."""
    attended = losses.batch_self_attention(F)
    printed(published(attended, 2.0, "mean_abs"), 1.4734638915)
    np.testing.assert_allclose(opl(attended, Y, gamma=2.0, reduction="mean_abs"), 1.4734638915, rtol=3e-7)
    means = losses.class_cosines(attended, Y)
    np.testing.assert_allclose([means.same, means.different_abs], [0.9791382668, 0.7263010791], rtol=3e-7)


def test_5_invariances_and_bounds():
    """Rescaled rows, a rotation, another order change nothing; clusters at right angles give 0, the least."""
    rng = np.random.default_rng(0)
    rotation = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    order = np.array([3, 0, 4, 1, 2])
    clusters = np.repeat(np.eye(3), 2, axis=0) * rng.uniform(0.5, 2, (6, 1))
    for reading in READINGS:
        expected = opl(F, Y, reduction=reading)
        for features, labels in ((F * rng.uniform(0.1, 9, (5, 1)), Y), (F @ rotation, Y), (F[order], Y[order])):
            np.testing.assert_allclose(opl(features, labels, reduction=reading), expected, rtol=1e-12)
        np.testing.assert_allclose(opl(clusters, np.repeat(np.arange(3), 2), reduction=reading), 0, atol=1e-14)
    many = jnp.asarray(rng.standard_normal((200, 5, 3)))
    for reading in READINGS[:2]:
        assert float(jnp.min(jax.vmap(lambda f, r=reading: opl(f, Y, reduction=r))(many))) >= 0


@pytest.mark.fast
def test_6_antipodal_classes_and_a_single_one():
    """Two opposite classes cost gamma, or earn it in the signed reading; copies of one class have no second term."""
    f = np.array([[1.0, 2], [2, 4], [-1, -2], [-3, -6]])
    y = np.array([0, 0, 1, 1])
    for reading, sign in zip(READINGS, (1, 1, -1), strict=True):
        np.testing.assert_allclose(opl(f, y, gamma=0.7, reduction=reading), sign * 0.7, rtol=1e-13)
        np.testing.assert_allclose(opl(f[[0, 0, 0]], y[[0, 0, 0]], gamma=0.7, reduction=reading), 0, atol=1e-14)
