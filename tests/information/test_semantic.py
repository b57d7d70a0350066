"""Semantic information against loops in numpy, optimisers of scipy, closed forms and rate-distortion."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize

from entropax import information

pytestmark = pytest.mark.usefixtures("x64")

RNG = np.random.default_rng(8)
PRIOR = RNG.dirichlet(np.ones(5))
TRUTH = RNG.uniform(0.05, 1.0, (5, 3))
CHANNEL = RNG.dirichlet(np.ones(3), size=5)
JOINT = PRIOR[:, None] * CHANNEL


def kl(p, q):
    return float(np.sum(p[p > 0] * np.log(p[p > 0] / q[p > 0])))


def test_measures_against_loops():
    """Every sum written out."""
    logical = [sum(PRIOR[i] * TRUTH[i, j] for i in range(5)) for j in range(3)]
    labels = JOINT.sum(axis=0)
    np.testing.assert_allclose(information.logical_probability(TRUTH, PRIOR), logical, rtol=1e-14)
    posterior = np.array([[PRIOR[i] * TRUTH[i, j] / logical[j] for i in range(5)] for j in range(3)])
    np.testing.assert_allclose(information.semantic_bayes(TRUTH, PRIOR), posterior, rtol=1e-14)
    scores = np.log(TRUTH / np.array(logical))
    np.testing.assert_allclose(information.semantic_information(TRUTH, PRIOR), scores, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(information.semantic_information(TRUTH, PRIOR), np.log(posterior.T / PRIOR[:, None]))
    given = (JOINT / labels).T
    averages = information.semantic_kl_information(TRUTH, given, PRIOR)
    np.testing.assert_allclose(averages, [given[j] @ scores[:, j] for j in range(3)], rtol=1e-12)
    entropy = -sum(labels[j] * np.log(logical[j]) for j in range(3))
    fuzzy = -np.sum(JOINT * np.log(TRUTH))
    np.testing.assert_allclose(information.semantic_entropy(TRUTH, JOINT), entropy, rtol=1e-13)
    np.testing.assert_allclose(information.fuzzy_entropy(TRUTH, JOINT), fuzzy, rtol=1e-13)
    semantic = information.semantic_mutual_information(TRUTH, JOINT)
    np.testing.assert_allclose([semantic, labels @ averages], entropy - fuzzy, rtol=1e-12)
    shannon = information.mutual_information(JOINT)
    loss = sum(labels[j] * kl(given[j], posterior[j]) for j in range(3))
    np.testing.assert_allclose(shannon - semantic, loss, rtol=1e-12)
    np.testing.assert_allclose(information.information_efficiency(TRUTH, JOINT), semantic / shannon, rtol=1e-12)
    np.testing.assert_allclose(
        information.semantic_mutual_information(TRUTH, JOINT, base=2), semantic / np.log(2), rtol=1e-13
    )


def test_false_labels_score_minus_infinity():
    """Where they are given; elsewhere they cost nothing, and raising the truth makes the slopes finite."""
    truth = np.array([[1.0, 0.0], [1.0, 0.5], [0.0, 1.0]])
    prior = np.array([0.25, 0.25, 0.5])
    apt = np.array([[0.25, 0.0], [0.15, 0.1], [0.0, 0.5]])
    wrong = np.array([[0.15, 0.1], [0.15, 0.1], [0.0, 0.5]])
    scores = information.semantic_information(truth, prior, base=2)
    np.testing.assert_allclose(scores[:, 0], [1.0, 1.0, -np.inf])
    assert np.isfinite(information.semantic_mutual_information(truth, apt))
    assert information.semantic_mutual_information(truth, wrong) == -np.inf
    assert information.fuzzy_entropy(truth, wrong) == np.inf
    for gradient in jax.grad(information.semantic_mutual_information, argnums=(0, 1))(
        jnp.asarray(truth), jnp.asarray(apt)
    ):
        assert np.isfinite(gradient).all()
    raised = jax.grad(lambda t: information.semantic_mutual_information(jnp.maximum(t, 1e-12), jnp.asarray(wrong)))
    assert np.isfinite(raised(jnp.asarray(truth))).all()
    gradient = jax.grad(lambda t: jnp.sum(jnp.where(truth > 0, information.semantic_information(t, prior), 0)))(
        jnp.asarray(truth)
    )
    assert np.isfinite(gradient).all()


def test_truth_functions_and_their_inverses():
    """Shapes, `semantic_bayes` inverted, the optimal truth of a channel, connectives, and what is refused."""
    x = np.linspace(-2, 3, 6)
    gauss = information.gaussian_truth(x, np.array([0.0, 1.0]), np.array([0.5, 2.0]))
    np.testing.assert_allclose(gauss[:, 1], np.exp(-((x - 1) ** 2) / 8), rtol=1e-14)
    rising = information.logistic_truth(x, np.array([0.5, 1.0]), np.array([2.0, -3.0]))
    np.testing.assert_allclose(rising[:, 0], 1 / (1 + np.exp(-2 * (x - 0.5))), rtol=1e-14)
    np.testing.assert_allclose(rising[:, 1], 1 / (1 + np.exp(3 * (x - 1.0))), rtol=1e-14)
    scaled = TRUTH / TRUTH.max(axis=0)
    posterior = information.semantic_bayes(scaled, PRIOR)
    np.testing.assert_allclose(information.truth_from_likelihood(posterior, PRIOR), scaled, rtol=1e-13)
    best = information.optimal_truth(CHANNEL)
    np.testing.assert_allclose(best, CHANNEL / CHANNEL.max(axis=0), rtol=1e-14)
    np.testing.assert_allclose(
        information.truth_from_likelihood((JOINT / JOINT.sum(axis=0)).T, PRIOR), best, rtol=1e-13
    )
    gap_prior, gap_rows = np.array([0.5, 0.5, 0.0]), np.array([[0.2, 0.8, 0.0]])
    np.testing.assert_allclose(
        information.truth_from_likelihood(gap_rows, gap_prior)[:, 0], [0.25, 1.0, 0.0], rtol=1e-14
    )
    with pytest.raises(ValueError, match="likelihood must be zero where the prior is"):
        information.truth_from_likelihood(np.array([[0.2, 0.7, 0.1]]), gap_prior)
    with pytest.raises(ValueError, match="channel must use every label"):
        information.optimal_truth(np.array([[1.0, 0.0], [1.0, 0.0]]))
    a, b = TRUTH[:, 0], TRUTH[:, 1]
    excluded = information.fuzzy_and(a, information.fuzzy_not(a))
    np.testing.assert_allclose(excluded, np.minimum(a, 1 - a))  # not zero: fuzzy logic keeps no excluded middle
    morgan = information.fuzzy_not(information.fuzzy_or(information.fuzzy_not(a), information.fuzzy_not(b)))
    np.testing.assert_allclose(morgan, information.fuzzy_and(a, b), rtol=1e-14)


def test_the_channel_fixes_the_best_belief():
    """The degree of belief that maximises semantic information is b*, negative where the label is best turned round."""
    clear = np.array([[0.0, 1.0], [1.0, 0.0]])  # instance x0, x1; label y0, y1
    for rates in ((0.9, 0.05), (0.2, 0.7), (0.5, 0.4)):
        channel = np.array([[1 - rates[1], rates[1]], [1 - rates[0], rates[0]]])
        joint = np.array([0.6, 0.4])[:, None] * channel
        given = (joint / joint.sum(axis=0)).T[1:]

        def loss(b, given=given):
            truth = information.believed_truth(clear[:, :1], b)
            return -information.semantic_kl_information(truth, given, np.array([0.6, 0.4]))[0]

        best = optimize.minimize_scalar(lambda b: float(loss(b)), bounds=(-0.999, 0.999), method="bounded")
        expected = information.channel_confirmation(*rates)
        np.testing.assert_allclose(best.x, expected, atol=1e-4)
        np.testing.assert_allclose(jax.grad(loss)(float(expected)), 0, atol=1e-12)
    np.testing.assert_allclose(information.believed_truth(np.array([0.0, 0.3, 1.0]), 0.0), 1.0)


def test_rate_semantic_is_rate_distortion_of_the_information():
    """And the least rate at its G: scipy finds none lower. Slope and target agree; so do bits and nats."""
    scores = np.asarray(information.semantic_information(TRUTH, PRIOR))
    point = information.rate_semantic(scores, PRIOR, slope=1.7)
    mirrored = information.rate_distortion(PRIOR, -scores, slope=1.7)
    np.testing.assert_allclose([point.value, point.semantic], [mirrored.value, -mirrored.distortion], rtol=1e-12)
    assert point.value > 0.02
    joint = PRIOR[:, None] * np.asarray(point.channel)
    np.testing.assert_allclose(point.value, information.mutual_information(joint), rtol=1e-8)
    np.testing.assert_allclose(point.semantic, np.sum(joint * scores), rtol=1e-12)
    np.testing.assert_allclose(point.label_distribution, joint.sum(axis=0), rtol=1e-12)
    assert bool(point.converged)

    def lagrangian(z):
        channel = jax.nn.softmax(z.reshape(5, 3), axis=1)
        joint = PRIOR[:, None] * channel
        return information.mutual_information(joint) - 1.7 * jnp.sum(joint * scores)

    found = optimize.minimize(jax.jit(jax.value_and_grad(lagrangian)), np.zeros(15), jac=True, method="BFGS")
    np.testing.assert_allclose(found.fun, point.value - 1.7 * point.semantic, atol=1e-7)
    back = information.rate_semantic(scores, PRIOR, target=float(point.semantic))
    np.testing.assert_allclose([back.value, back.slope], [point.value, 1.7], rtol=1e-6)
    bits = information.rate_semantic(scores / np.log(2), PRIOR, slope=1.7, base=2)
    np.testing.assert_allclose([bits.value, bits.semantic], np.array([point.value, point.semantic]) / np.log(2))
    np.testing.assert_allclose(bits.channel, point.channel, rtol=1e-9)


def test_rate_semantic_is_a_bowl_with_slope_s():
    """dR/ds = s dG/ds on both sides of s = 0, where R is zero; and what is refused."""
    prior, x = np.array([0.1, 0.2, 0.4, 0.2, 0.1]), np.arange(5.0)
    scores = np.asarray(
        information.semantic_information(information.gaussian_truth(x, np.array([1.0, 2.8]), 1.0), prior)
    )

    def at(s):
        point = information.rate_semantic(scores, prior, slope=s, allow_negative=True)
        return point.value, point.semantic

    for s in (-1.5, 0.7, 3.0):
        (_, _), (d_rate, d_semantic) = jax.jvp(at, (s,), (1.0,))
        assert float(d_semantic) > 1e-3
        np.testing.assert_allclose(d_rate, s * d_semantic, rtol=1e-6)
    np.testing.assert_allclose(at(0.0)[0], 0, atol=1e-12)
    assert at(-1.5)[1] < at(0.0)[1] < at(0.7)[1]
    with pytest.raises(ValueError, match="slope must be non-negative"):
        information.rate_semantic(scores, prior, slope=-1.5)
    with pytest.raises(ValueError, match="target must be at most the largest G"):
        information.rate_semantic(scores, prior, target=float(prior @ scores.max(axis=1)) + 0.01)
    with pytest.raises(ValueError, match=r"information must be finite \(raise the truth functions above 0"):
        information.rate_semantic(np.where(scores > 0, scores, -np.inf), prior, slope=1.0)
    with pytest.raises(ValueError, match="give exactly one of slope and target"):
        information.rate_semantic(scores, prior)


def test_mmi_never_falls_and_is_differentiable():
    """From 20 random starts, the best being the best threshold of all; labels that vanish stay away."""
    rng = np.random.default_rng(2)
    likelihood = np.concatenate([rng.dirichlet(np.full(30, 0.5), size=2), np.zeros((2, 1))], axis=1)
    prior = np.array([0.7, 0.3])
    starts = rng.integers(0, 2, (20, 31))
    starts[0] = 1
    found = jax.vmap(lambda f: information.mmi_classify(prior, likelihood, f))(starts)
    assert np.all(np.diff(found.trace, axis=1) >= -1e-13)
    assert np.all(found.converged)
    np.testing.assert_array_equal(found.labels[0], 1)
    np.testing.assert_array_equal(found.labels[:, -1], starts[:, -1])  # a feature that never occurs
    # Of two classes the best labels cut the features in the order of their posterior.
    order = np.argsort(likelihood[0, :30] / likelihood[1, :30])
    best = int(np.argmax(found.value))

    def of_cut(first):
        rest = np.setdiff1d(np.arange(30), first)
        joint = np.stack([prior * likelihood[:, part].sum(axis=1) for part in (first, rest)], axis=1)
        return kl(joint.ravel(), np.outer(joint.sum(axis=1), joint.sum(axis=0)).ravel())

    np.testing.assert_allclose(found.value[best], max(of_cut(order[:cut]) for cut in range(1, 30)), rtol=1e-12)
    tangent = rng.standard_normal((2, 30))
    direction = np.zeros_like(likelihood)
    direction[:, :30] = 1e-7 * likelihood[:, :30] * (tangent - (tangent * likelihood[:, :30]).sum(1, keepdims=True))

    def value(weights):
        return information.mmi_classify(prior, weights, starts[best]).value

    slope = float(jnp.sum(jax.grad(value)(jnp.asarray(likelihood)) * direction))
    np.testing.assert_allclose(slope, (value(likelihood + direction) - value(likelihood - direction)) / 2, rtol=1e-5)
    with pytest.raises(ValueError, match=r"start must be in 0 \.\.\. 1, got 2"):
        information.mmi_classify(prior, likelihood, np.full(31, 2))


@pytest.mark.fast
def test_enm_with_one_update_is_em():
    """One iteration against the sums of EM written out in numpy."""
    x = np.arange(40.0)
    target = RNG.dirichlet(np.ones(40))
    w, m, s = np.array([0.3, 0.7]), np.array([10.0, 25.0]), np.array([4.0, 6.0])
    fit = information.enm_fit(target, x, w, m, s, steps=1, tolerance=0.0)
    density = np.exp(-((x[:, None] - m) ** 2) / (2 * s**2))
    density = density / density.sum(axis=0)
    shares = w * density / (density @ w)[:, None] * target[:, None]
    weights = shares.sum(axis=0)
    means = x @ shares / weights
    np.testing.assert_allclose(fit.weights, weights, rtol=1e-12)
    np.testing.assert_allclose(fit.means, means, rtol=1e-12)
    widths = np.sqrt(((x[:, None] - means) ** 2 * shares).sum(axis=0) / weights)
    np.testing.assert_allclose(fit.widths, widths, rtol=1e-12)
    np.testing.assert_allclose(fit.trace[0], kl(target, density @ w), rtol=1e-12)


def test_enm_recovers_a_mixture_in_its_family():
    """The truth is a fixed point, and a component without weight stays where it is."""
    x = np.arange(90.0)
    m, s, w = np.array([20.0, 40.0]), np.array([4.0, 6.0]), np.array([0.3, 0.7])
    density = np.exp(-((x[:, None] - m) ** 2) / (2 * s**2))
    density = density / density.sum(axis=0)
    fit = information.enm_fit(density @ w, x, np.array([0.5, 0.5]), m - 3, s + 1, n_inner=3, steps=500, tolerance=1e-9)
    assert bool(fit.converged)
    assert fit.value < 1e-9
    np.testing.assert_allclose(fit.means, m, atol=2e-2)
    np.testing.assert_allclose(fit.weights, w, atol=1e-3)
    assert np.all(np.diff(fit.trace) <= 1e-12)
    alone = information.enm_fit(density @ w, x, np.array([1.0, 0.0]), m, s, steps=5)
    np.testing.assert_allclose([alone.means[1], alone.widths[1], alone.weights[1]], [40.0, 6.0, 0.0])
    assert np.isfinite(alone.value)


@pytest.mark.fast
@pytest.mark.slow
def test_growth_in_a_horse_race():
    """Kelly: bet the probabilities whatever the odds; growth is mean log odds less entropy, news is worth KL."""
    odds = np.array([2.0, 4.0, 7.0])
    p, posterior = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.2, 0.6])
    found = information.kelly_portfolio(np.diag(odds), p)
    np.testing.assert_allclose(found.portfolio, p, rtol=1e-8)
    np.testing.assert_allclose(found.value, p @ np.log(odds * p), rtol=1e-9)
    np.testing.assert_allclose(information.growth_rate(p, np.diag(odds), p), found.value, rtol=1e-12)
    worth = information.value_of_information(np.diag(odds), p, posterior, base=2)
    np.testing.assert_allclose(worth.value, information.kl_divergence(posterior, p, base=2), rtol=1e-8)
    assert bool(worth.converged)
    assert information.growth_rate(np.array([1.0, 0.0, 0.0]), np.diag(odds), p) == -np.inf


def test_kelly_against_scipy():
    """A coin that pays b to one beside cash: f* = p - (1 - p) / b; and three assets against SLSQP."""
    coin = information.kelly_portfolio(np.array([[1.0, 3.0], [1.0, 0.0]]), np.array([0.6, 0.4]))
    np.testing.assert_allclose(coin.portfolio[1], 0.6 - 0.4 / 2, rtol=1e-4)
    returns = np.array([[1.0, 1.6, 0.3], [1.0, 0.6, 2.0], [1.0, 0.9, 0.9]])
    p = np.array([0.4, 0.35, 0.25])
    ours = information.kelly_portfolio(returns, p)
    found = optimize.minimize(
        lambda q: -p @ np.log(returns @ q),
        np.full(3, 1 / 3),
        bounds=[(0, 1)] * 3,
        constraints={"type": "eq", "fun": lambda q: q.sum() - 1},
        tol=1e-14,
    )
    np.testing.assert_allclose(ours.value, -found.fun, atol=1e-9)
    np.testing.assert_allclose(ours.portfolio, found.x, atol=1e-4)
    # The envelope theorem: dW/dp is the log of wealth.
    slope = jax.grad(lambda p: information.kelly_portfolio(returns, p).value)(jnp.asarray(p))
    direction = np.array([1.0, -2.0, 1.0])
    np.testing.assert_allclose(slope @ direction, np.log(returns @ np.asarray(ours.portfolio)) @ direction, rtol=1e-6)


def test_gradients_learn_the_optimal_truth():
    """Ascent of G over a parametric truth function finds the channel's optimal one, where G = R."""
    x = np.linspace(-4, 4, 41)
    prior = np.full(41, 1 / 41)
    channel = np.stack([1 / (1 + np.exp(-3 * (x - 0.7))), 1 / (1 + np.exp(3 * (x - 0.7)))], axis=1)
    joint = prior[:, None] * channel

    def loss(parameters):
        truth = information.logistic_truth(x, parameters[:2], parameters[2:])
        return -information.semantic_mutual_information(truth, joint)

    found = optimize.minimize(jax.jit(jax.value_and_grad(loss)), np.array([0.0, 0.0, 1.0, -1.0]), jac=True, tol=1e-10)
    np.testing.assert_allclose(found.x, [0.7, 0.7, 3.0, -3.0], atol=2e-3)
    np.testing.assert_allclose(-found.fun, information.mutual_information(joint), rtol=1e-6)
