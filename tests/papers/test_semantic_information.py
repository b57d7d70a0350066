"""Facts of arXiv 2510.15871 (the G theory of semantic information) that entropax must reproduce."""

import jax
import numpy as np
import pytest

from entropax import information

pytestmark = pytest.mark.usefixtures("x64")

PRIOR = np.array([0.1, 0.2, 0.4, 0.2, 0.1])
CHANNEL = np.stack([np.array([0.9, 0.8, 0.5, 0.2, 0.1]), np.array([0.1, 0.2, 0.5, 0.8, 0.9])], axis=1)
JOINT = PRIOR[:, None] * CHANNEL


@pytest.fixture
def truth():
    """Gaussian truth functions of width 1 about 1 and 3."""
    return np.asarray(information.gaussian_truth(np.arange(5.0), np.array([1.0, 3.0]), 1.0))


def normal(grid, mean, width):
    density = np.exp(-((grid - mean) ** 2) / (2 * width**2))
    return density / density.sum()


def test_1_logical_probability_and_information(truth):
    """1. T(theta) 0.5314432862 for both labels, the semantic posterior and the information of the first in bits."""
    np.testing.assert_allclose(information.logical_probability(truth, PRIOR), 0.5314432862, atol=5e-11)
    posterior = [0.1141289533, 0.3763336657, 0.4565158131, 0.0509312232, 0.0020903447]
    np.testing.assert_allclose(information.semantic_bayes(truth, PRIOR)[0], posterior, atol=5e-11)
    scores = [0.1906648340, 0.9120123545, 0.1906648340, -1.9733777273, -5.5801153295]
    np.testing.assert_allclose(information.semantic_information(truth, PRIOR, base=2)[:, 0], scores, atol=5e-10)
    # Carnap and Bar-Hillel's information less a squared error.
    square = (np.arange(5) - 1) ** 2 / 2 / np.log(2)
    np.testing.assert_allclose(scores, -np.log2(0.5314432862) - square, atol=5e-10)


def test_2_semantic_mutual_information(truth):
    """2. R 0.2174296433, G 0.1329570324 = .9120123545 - .7790553221 bits; efficiency .6114945063."""
    values = [
        information.mutual_information(JOINT, base=2),
        information.semantic_mutual_information(truth, JOINT, base=2),
        information.semantic_entropy(truth, JOINT, base=2),
        information.fuzzy_entropy(truth, JOINT, base=2),
        information.information_efficiency(truth, JOINT),
    ]
    expected = [0.2174296433, 0.1329570324, 0.9120123545, 0.7790553221, 0.6114945063]
    np.testing.assert_allclose(values, expected, atol=5e-11)


def test_3_optimal_truth_functions(truth):
    """3. T* = [1, 8/9, 5/9, 2/9, 1/9] gives G = R; no truth functions give more; scaling them changes nothing."""
    best = information.optimal_truth(CHANNEL)
    np.testing.assert_allclose(best[:, 0], np.array([9, 8, 5, 2, 1]) / 9, rtol=1e-14)
    np.testing.assert_allclose(information.semantic_mutual_information(best, JOINT, base=2), 0.2174296433, atol=5e-11)
    others = np.random.default_rng(1).uniform(0.001, 1, (1000, 5, 2))
    semantic = jax.vmap(lambda t: information.semantic_mutual_information(t, JOINT, base=2))(others)
    assert np.all(semantic < 0.2174296433)
    scaled = truth * np.array([0.3, 0.8])
    np.testing.assert_allclose(
        information.semantic_information(scaled, PRIOR), information.semantic_information(truth, PRIOR), rtol=1e-12
    )
    np.testing.assert_allclose(information.semantic_mutual_information(scaled, JOINT, base=2), 0.1329570324, atol=5e-11)


def test_4_rate_semantic_curve(truth):
    """4. Five points of R(G), R that of the channel found, and at s = 1 a gap of KL(P | P_theta) = .0423118307."""
    scores = information.semantic_information(truth, PRIOR, base=2)
    expected = {
        0.0: (-0.6749521905, 0.0),
        0.5: (0.0312247067, 0.1586103166),
        1.0: (0.3208661779, 0.3631780087),
        2.0: (0.4580579031, 0.5471374196),
        4.0: (0.4788166660, 0.5982577068),
    }
    for slope, (semantic, rate) in expected.items():
        point = information.rate_semantic(scores, PRIOR, slope=slope, base=2)
        np.testing.assert_allclose([point.semantic, point.value], [semantic, rate], atol=2e-10)
        np.testing.assert_allclose(point.label_distribution, 0.5, atol=1e-9)
        found = PRIOR[:, None] * np.asarray(point.channel)
        np.testing.assert_allclose(information.mutual_information(found, base=2), rate, atol=2e-10)
        assert bool(point.converged)
    mixture = np.asarray(information.semantic_bayes(truth, PRIOR)).mean(axis=0)
    gap = information.kl_divergence(PRIOR, mixture, base=2)
    np.testing.assert_allclose(gap, 0.0423118307, atol=5e-11)
    np.testing.assert_allclose(0.3631780087 - 0.3208661779, gap, atol=5e-10)


@pytest.mark.fast
def test_4_truth_as_the_constraint(truth):
    """4. R(Theta): with log T for the information the channel at slope 1 is P(y) T / sum, that of rate-distortion."""
    point = information.rate_semantic(np.log(truth), PRIOR, slope=1.0)
    labels = np.asarray(point.label_distribution)
    channel = labels * truth / (truth @ labels)[:, None]
    np.testing.assert_allclose(point.channel, channel, rtol=1e-8)
    np.testing.assert_allclose(PRIOR @ channel, labels, rtol=1e-8)
    distorted = information.rate_distortion(PRIOR, -np.log(truth), slope=1.0)
    np.testing.assert_allclose(point.value, distorted.value, rtol=1e-12)


@pytest.mark.fast
def test_5_crisp_truth():
    """5. A set of prior probability q tells -log q inside and minus infinity outside; a tautology tells nothing."""
    truth = np.stack([[0.0, 1.0, 1.0, 0.0, 0.0], np.ones(5), np.full(5, 0.3)], axis=1)
    scores = np.asarray(information.semantic_information(truth, PRIOR, base=2))
    np.testing.assert_allclose(scores[1:3, 0], -np.log2(0.6), rtol=1e-14)
    assert np.all(scores[[0, 3, 4], 0] == -np.inf)
    np.testing.assert_allclose(scores[:, 1:], 0, atol=1e-15)


@pytest.mark.fast
def test_6_confirmation():
    """6. b* for .9 and .05 is .9444444444, swapped minus that, for equal rates 0; c* for .3 -.5714285714."""
    values = information.channel_confirmation(np.array([0.9, 0.05, 0.4]), np.array([0.05, 0.9, 0.4]))
    np.testing.assert_allclose(values, [0.9444444444, -0.9444444444, 0.0], atol=5e-11)
    ratio = 0.9 / 0.05
    np.testing.assert_allclose(values[0], (ratio - 1) / max(ratio, 1), rtol=1e-14)
    np.testing.assert_allclose(information.prediction_confirmation(0.3), -0.5714285714, atol=5e-11)


def test_7_maximum_mutual_information():
    """7. From "y0 if z <= 20": five values in bits, boundaries 44, 50, 53, 54; no boundary does better than 54."""
    z = np.arange(101)
    prior = np.array([0.8, 0.2])
    likelihood = np.stack([normal(z, 30, 15), normal(z, 70, 10)])
    found = information.mmi_classify(prior, likelihood, (z > 20).astype(int), base=2)
    expected = [0.0720497357, 0.3836618025, 0.4569927255, 0.4734432912, 0.4748022599, 0.4748022599]
    np.testing.assert_allclose(found.trace[:6], expected, atol=5e-11)
    assert (int(found.iterations), bool(found.converged)) == (4, True)
    boundaries = [
        int(np.sum(information.mmi_classify(prior, likelihood, (z > 20).astype(int), max_iterations=k).labels == 0)) - 1
        for k in (1, 2, 3, 4)
    ]
    assert boundaries == [44, 50, 53, 54]
    cuts = z[None] > np.arange(100)[:, None]
    joints = prior[:, None] * np.stack([likelihood @ ~cuts.T, likelihood @ cuts.T], axis=-1).transpose(1, 0, 2)
    every = jax.vmap(lambda joint: information.mutual_information(joint / joint.sum(), base=2))(joints)
    assert int(np.argmax(every)) == 54
    np.testing.assert_allclose([np.max(every), found.value], 0.4748022599, atol=5e-11)


@pytest.mark.parametrize(
    ("top", "means", "width", "share", "start", "start_width", "expected"),
    [
        (250, (100, 125), 10, 0.7, (80, 95), 5, (248, 162, 154, 147)),
        (250, (60, 120), 15, 0.05, (80, 100), 20, (74, 25, 21, 19)),
        (100, (46, 50), 2, 0.7, (30, 70), 20, (41, 43, 44, 45)),
    ],
)
def test_8_iterations_of_enm(top, means, width, share, start, start_width, expected):
    """8. Iterations until KL < 0.001 bits, for EM and with 2, 3 and 5 updates of the weights before each of its steps.

    Counting EM's own update that is 1, 3, 4 and 6. EnM is not always the faster, and no update lets the divergence
    rise.
    """
    grid = np.arange(top + 1.0)
    target = share * normal(grid, means[0], width) + (1 - share) * normal(grid, means[1], width)
    for n_inner, iterations in zip((1, 3, 4, 6), expected, strict=True):
        fit = information.enm_fit(
            target,
            grid,
            np.array([0.5, 0.5]),
            np.array(start, float),
            np.full(2, float(start_width)),
            n_inner=n_inner,
            steps=260,
            tolerance=1e-3,
            base=2,
        )
        assert (int(fit.iterations), bool(fit.converged)) == (iterations, True)
        assert np.all(np.diff(fit.trace[: iterations + 1]) < 0)
        np.testing.assert_allclose(fit.trace[iterations:], fit.value)
