"""What arXiv 2012.06166 and its authors' code fix of RePRI."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit

from entropax import losses

pytestmark = pytest.mark.usefixtures("x64")
PRINTED = 2e-10  # two units of the tenth digit
REFERENCE_EPS = 1e-10  # what the authors add to probabilities and norms
EPS_SHIFTS = 2e-6  # how far that moves the numbers below: one support pixel starts with a probability near it

C, ROW, COLUMN = np.meshgrid(np.arange(3), np.arange(4), np.arange(4), indexing="ij")
SUPPORT = np.sin(1 + 1.3 * C + 0.7 * ROW + 0.9 * COLUMN) + 0.5 * (ROW < 2) * (C == 0)
QUERY = np.sin(1.4 + 1.1 * C + 0.8 * ROW + 0.6 * COLUMN) + 0.5 * (COLUMN < 2) * (C == 0)
SUPPORT, QUERY = (np.moveaxis(x / np.linalg.norm(x, axis=0), 0, -1) for x in (SUPPORT, QUERY))
MASK = np.where(np.arange(4)[:, None] < 2, 1, np.zeros((4, 4), int))
MASK[3, 3] = 255
VALID = np.ones((4, 4), bool)
VALID[0, 3] = False
TRUTH = 8 / 15  # of the query: columns 0 and 1 among the valid pixels, 1 - .4666666667


def infer(**options):
    return losses.repri_inference(SUPPORT[None], MASK[None], QUERY, where=VALID, **options)


@functools.cache
def reference(eps, oracle=None):
    """The authors' procedure with their epsilon, by automatic differentiation: every state and its terms."""
    s, q = SUPPORT.reshape(-1, 3), QUERY.reshape(-1, 3)
    y, kept, valid = MASK.ravel() == 1, MASK.ravel() != 255, VALID.ravel()

    def cosines(z, w):
        return 20 * (z @ w) / (np.linalg.norm(z, axis=1) * jnp.sqrt(w @ w) + eps)

    def terms(w, b, pi):
        on_s, on_q = (1 / (1 + jnp.exp(b - cosines(z, w))) for z in (s[kept], q[valid]))
        pair = jnp.stack([1 - on_q, on_q])
        p = pair.mean(1)
        ce = -jnp.mean(jnp.log(jnp.where(y[kept], on_s, 1 - on_s) + eps))
        return ce, -jnp.mean(jnp.sum(pair * jnp.log(pair + eps), 0)), jnp.sum(p * jnp.log(p / (pi + eps))), p

    @jax.jit
    def slope(w, b, pi, kl_weight):
        def loss(w, b):
            ce, h, kl, _ = terms(w, b, pi)
            return ce + kl_weight * kl + h

        return jax.grad(loss, argnums=(0, 1))(w, b)

    terms = jax.jit(terms)
    w = s[y].mean(0)
    b = cosines(q, w).mean()
    pi = terms(w, b, np.array([0.5, 0.5]))[3] if oracle is None else np.array([1 - oracle, oracle])
    states, kl_weight = [(w, b, pi, *terms(w, b, pi))], 1.0
    for iteration in range(1, 50):
        by_w, by_b = slope(w, b, pi, kl_weight)
        w, b = w - 0.025 * by_w, b - 0.025 * by_b
        if iteration + 1 == 10 and oracle is None:
            pi, kl_weight = terms(w, b, pi)[3], kl_weight + 1
        states.append((w, b, pi, *terms(w, b, pi)))
    return states


def last_digit(value):
    """PRINTED, or the last digit where fewer are printed."""
    return {2.14668602: 5e-9, 2.4163e-5: 5e-10}.get(value if np.isscalar(value) else None, PRINTED)


PRINTED_ORACLE = ([0.5342719401, -0.2979762592, 0.2573584868], 6.5366336051, 0.3497667986, 0.1983716131, 0.0793260244)


@pytest.mark.fast
def test_the_toy():
    """The first pixel of both feature maps as printed."""
    np.testing.assert_allclose(SUPPORT[0, 0], [0.8398237986, 0.4668464626, -0.2770385672], atol=1e-10)
    np.testing.assert_allclose(QUERY[0, 0], [0.8940459164, 0.3602017394, -0.2663392690], atol=1e-10)


def test_1_the_start():
    """Prototype, bias, proportion and terms of the initial classifier; the authors' epsilon moves CE by 1.3e-6."""
    start = infer(num_updates=0)
    np.testing.assert_allclose(start.classifier.weight, [0.4291845775, -0.3832514873, -0.2470806162], atol=2e-10)
    np.testing.assert_allclose(start.classifier.bias, 6.6744610975, atol=2e-9)
    np.testing.assert_allclose([1 - start.proportion, start.proportion], [0.4029306970, 0.5970693030], atol=1e-10)
    np.testing.assert_allclose(start.trace.cross_entropy, 2.4612279512, atol=EPS_SHIFTS)
    np.testing.assert_allclose(start.trace.entropy, 0.0186978000, atol=PRINTED)
    assert abs(float(start.trace.kl[0])) < 1e-15
    classifier = losses.init_prototype(SUPPORT[None], MASK[None], QUERY)
    np.testing.assert_allclose(classifier.weight, start.classifier.weight, rtol=1e-14)
    np.testing.assert_allclose(classifier.bias, start.classifier.bias, rtol=1e-14)


def test_1_to_4_the_reference_gives_the_printed_digits():
    """The authors' procedure, epsilon included, as this file states it."""
    soft, oracle = reference(REFERENCE_EPS), reference(REFERENCE_EPS, TRUTH)
    printed = [
        (soft[0], [0.4291845775, -0.3832514873, -0.2470806162], 6.6744610975, 2.4612279512, 0.0186978000, -2e-10),
        (soft[1], [0.4821803067, -0.3663120587, -0.1813009177], 6.6771734964, 2.14668602, 0.0277582609, 2.4163e-5),
        (soft[49], [0.5349307001, -0.2827676065, 0.2722589566], 6.5396117827, 0.3368196899, 0.1950728248, 0.0042746201),
        (oracle[49], *PRINTED_ORACLE),
    ]
    for (w, b, _, ce, h, kl, _), *expected in printed:
        for found, digits in zip((w, b, ce, h, kl), expected, strict=True):
            np.testing.assert_allclose(found, digits, rtol=0, atol=last_digit(digits))
    np.testing.assert_allclose(soft[49][2], [0.6478480159, 0.3521519841], atol=PRINTED)
    np.testing.assert_allclose(soft[49][6], [0.6915564764, 0.3084435236], atol=PRINTED)


@pytest.mark.parametrize("oracle", [None, TRUTH])
def test_every_state_is_the_references_without_epsilon(oracle):
    """All 50 states to rounding; the authors' epsilon alone makes the difference to their digits."""
    found = infer(proportion=oracle)
    exact = reference(0.0, oracle)
    terms = found.trace
    for name, column in (("cross_entropy", 3), ("entropy", 4), ("foreground", 6)):
        expected = [state[column][1] if name == "foreground" else state[column] for state in exact]
        np.testing.assert_allclose(getattr(terms, name), expected, rtol=0, atol=1e-11)
    np.testing.assert_allclose(terms.kl, [state[5] for state in exact], rtol=0, atol=1e-11)
    np.testing.assert_allclose(found.classifier.weight, exact[-1][0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.classifier.bias, exact[-1][1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.proportion, exact[-1][2][1], rtol=0, atol=1e-12)


def test_2_one_update():
    """Weight, bias and terms after the first update, to what the authors' epsilon moves."""
    found = infer(num_updates=1)
    np.testing.assert_allclose(found.classifier.weight, [0.4821803067, -0.3663120587, -0.1813009177], atol=EPS_SHIFTS)
    np.testing.assert_allclose(found.classifier.bias, 6.6771734964, atol=EPS_SHIFTS)
    last = [float(leaf[1]) for leaf in jax.tree.leaves(found.trace)]
    np.testing.assert_allclose(last[:3], [2.14668602, 0.0277582609, 2.4163e-5], atol=EPS_SHIFTS)


def test_3_forty_nine_updates():
    """The proportion is renewed after the ninth, and its weight grows by 1 then, not before."""
    found = infer()
    np.testing.assert_allclose(found.classifier.weight, [0.5349307001, -0.2827676065, 0.2722589566], atol=1e-7)
    np.testing.assert_allclose(found.classifier.bias, 6.5396117827, atol=1e-7)
    np.testing.assert_allclose([1 - found.proportion, found.proportion], [0.6478480159, 0.3521519841], atol=1e-7)
    last = [float(leaf[-1]) for leaf in jax.tree.leaves(found.trace)]
    np.testing.assert_allclose(last, [0.3368196899, 0.1950728248, 0.0042746201, 0.3084435236], atol=1e-7)
    assert float(found.trace.kl[9]) == 0
    earlier = infer(refresh_after=(8,))
    assert abs(float(earlier.trace.foreground[-1] - found.trace.foreground[-1])) > 1e-3
    np.testing.assert_allclose(earlier.trace.foreground[:9], found.trace.foreground[:9], rtol=1e-14)
    constant = infer(kl_increase=0.0)
    assert abs(float(constant.trace.foreground[-1] - found.trace.foreground[-1])) > 1e-3
    np.testing.assert_allclose(constant.trace.foreground[:10], found.trace.foreground[:10], rtol=1e-14)


def test_4_with_the_true_proportion():
    """Held throughout, with the same weights."""
    found = infer(proportion=TRUTH)
    w, b, *terms = PRINTED_ORACLE
    np.testing.assert_allclose(found.classifier.weight, w, atol=1e-7)
    np.testing.assert_allclose(found.classifier.bias, b, atol=1e-7)
    np.testing.assert_allclose([float(leaf[-1]) for leaf in jax.tree.leaves(found.trace)][:3], terms, atol=1e-7)
    np.testing.assert_allclose(found.proportion, TRUTH, rtol=1e-14)


@pytest.fixture(scope="module")
def gradients():
    """The terms of a classifier and proportion, and their gradients in the classifier."""

    def terms(classifier, pi):
        return losses.repri_terms(classifier, SUPPORT[None], MASK[None], QUERY, pi, where=VALID)

    return jax.jit(lambda classifier, pi: (terms(classifier, pi), jax.jacrev(terms)(classifier, pi)))


def some_classifier(seed):
    rng = np.random.default_rng(seed)
    return losses.PrototypeClassifier(jnp.asarray(rng.standard_normal(3)), jnp.asarray(rng.standard_normal()))


def test_5_bounds_and_gradients_of_the_terms(gradients):
    """KL >= 0, and 0 with no gradient where p = pi; H in [0, log 2]; dw orthogonal to w; all in closed form."""
    s, q = SUPPORT.reshape(-1, 3), QUERY.reshape(-1, 3)[VALID.ravel()]
    kept, y = MASK.ravel() != 255, MASK.ravel() == 1
    for seed in range(5):
        classifier = some_classifier(seed)
        terms, slope = gradients(classifier, 0.3)
        assert float(terms.kl) > 0
        assert 0 <= float(terms.entropy) <= np.log(2)
        w, b = np.asarray(classifier.weight), float(classifier.bias)
        for term in (slope.cross_entropy, slope.entropy, slope.kl):
            assert abs(float(term.weight @ w)) < 1e-12 * np.linalg.norm(term.weight) * np.linalg.norm(w) + 1e-15
        cos = lambda z, w=w: z @ w / np.linalg.norm(w)  # noqa: E731
        odds = 20 * cos(q) - b
        on_s, on_q, p = expit(20 * cos(s[kept]) - b), expit(odds), expit(odds).mean()
        leans = np.log(p / 0.3) - np.log((1 - p) / 0.7)
        closed = {
            "cross_entropy": (s[kept], (on_s - y[kept]) / kept.sum()),
            "entropy": (q, -on_q * (1 - on_q) * odds / len(q)),
            "kl": (q, on_q * (1 - on_q) * leans / len(q)),
        }
        onto = (np.eye(3) - np.outer(w, w) / (w @ w)) / np.linalg.norm(w)
        for name, (z, g) in closed.items():
            np.testing.assert_allclose(getattr(slope, name).bias, -g.sum(), rtol=1e-9, atol=1e-14)
            np.testing.assert_allclose(getattr(slope, name).weight, 20 * onto @ (g @ z), rtol=1e-9, atol=1e-13)
        terms, slope = gradients(classifier, float(terms.foreground))
        assert abs(float(terms.kl)) < 1e-14
        assert max(float(jnp.max(jnp.abs(leaf))) for leaf in jax.tree.leaves(slope.kl)) < 1e-13


def test_5_rescaling_changes_nothing():
    """Neither the weight's length nor that of any pixel's features."""
    scale = np.random.default_rng(0).uniform(0.1, 10, (4, 4, 1))
    w = np.array([0.3, -0.2, 0.5])
    plain = losses.cosine_logits(QUERY, w)
    np.testing.assert_allclose(losses.cosine_logits(scale * QUERY, 7 * w), plain, rtol=1e-12, atol=1e-13)
    scaled = losses.repri_inference(scale * SUPPORT[None], MASK[None], scale * QUERY, where=VALID)
    np.testing.assert_allclose(scaled.value, infer().value, rtol=1e-10)


def test_5_ignored_pixels_count_only_in_the_first_bias():
    """Whatever stands in the support's; the query's moves the initial bias and nothing else."""
    support, query = SUPPORT.copy(), QUERY.copy()
    support[3, 3] = np.nan
    found = losses.repri_inference(support[None], MASK[None], query, where=VALID)
    np.testing.assert_array_equal(found.value, infer().value)
    query[0, 3] = -query[0, 3]
    plain = losses.init_prototype(SUPPORT[None], MASK[None], QUERY)
    moved = losses.init_prototype(SUPPORT[None], MASK[None], query)
    np.testing.assert_array_equal(moved.weight, plain.weight)
    assert abs(float(moved.bias - plain.bias)) > 0.1
    terms = [losses.repri_terms(plain, SUPPORT[None], MASK[None], z, 0.3, where=VALID) for z in (QUERY, query)]
    for a, b in zip(*map(jax.tree.leaves, terms), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)


@functools.cache
def five_shots():
    rng = np.random.default_rng(1)
    masks = rng.choice([0, 1, 255], (3, 5, 4, 4), p=[0.5, 0.4, 0.1])
    return rng.standard_normal((3, 5, 4, 4, 3)), masks, rng.standard_normal((3, 4, 4, 3))


def test_6_tasks_do_not_interact():
    """A batch by vmap gives each task what it gets alone."""
    batch = five_shots()
    together = jax.jit(jax.vmap(losses.repri_inference))(*batch)
    for i in range(3):
        alone = losses.repri_inference(*(x[i] for x in batch))
        for a, b in zip(*map(jax.tree.leaves, (alone, together)), strict=True):
            np.testing.assert_allclose(a, b[i], rtol=1e-9, atol=1e-12)


def test_6_weights_with_five_shots():
    """1/5 for both terms, and 1.2 for the divergence once the proportion is renewed."""
    task = [x[0] for x in five_shots()]
    plain = losses.repri_inference(*task, num_updates=20)
    same = losses.repri_inference(*task, num_updates=20, entropy_weight=0.2, kl_weight=0.2)
    np.testing.assert_array_equal(same.value, plain.value)
    first = losses.repri_inference(*task, num_updates=9, refresh_after=())
    pi = first.trace.foreground[9]
    terms = lambda c: losses.repri_terms(c, *task, pi)  # noqa: E731
    slope = jax.grad(lambda c: (t := terms(c)).cross_entropy + 0.2 * t.entropy + 1.2 * t.kl)
    classifier = first.classifier
    for _ in range(11):
        classifier = jax.tree.map(lambda x, g: x - 0.025 * g, classifier, jax.jit(slope)(classifier))
    np.testing.assert_allclose(plain.classifier.weight, classifier.weight, rtol=1e-10)
    np.testing.assert_allclose(plain.classifier.bias, classifier.bias, rtol=1e-10)


def test_7_the_first_term_alone_is_logistic_regression():
    """On cosines of the support: gradient descent written out gives the same classifier, whatever the query's rest."""
    found = infer(entropy_weight=0.0, kl_weight=0.0, kl_increase=0.0)
    z, y = SUPPORT.reshape(-1, 3)[MASK.ravel() != 255], MASK.ravel()[MASK.ravel() != 255]
    start = losses.init_prototype(SUPPORT[None], MASK[None], QUERY)
    w, b = np.asarray(start.weight), float(start.bias)
    for _ in range(49):
        norm = np.linalg.norm(w)
        g = (expit(20 * z @ w / norm - b) - y) / len(y)
        w, b = w - 0.025 * 20 * (np.eye(3) - np.outer(w, w) / norm**2) @ (g @ z) / norm, b + 0.025 * g.sum()
    np.testing.assert_allclose(found.classifier.weight, w, rtol=1e-12)
    np.testing.assert_allclose(found.classifier.bias, b, rtol=1e-12)


def test_7_without_the_divergence_entropy_may_collapse():
    """A query of weak contrast, a quarter foreground: entropy makes it all background, the schedule does not."""
    rng = np.random.default_rng(0)
    mask = np.where(np.arange(8)[:, None] < 2, 1, np.zeros((8, 8), int))
    foreground, background = np.eye(4)[:2]
    contrast = 0.1 * mask[..., None] * (foreground - background)
    support = np.where(mask[..., None] == 1, foreground, background) + 0.1 * rng.standard_normal((8, 8, 4))
    query = background + foreground + contrast + 0.03 * rng.standard_normal((8, 8, 4))
    run = functools.partial(losses.repri_inference, support[None], mask[None], query)
    plain, collapsed = (run(entropy_weight=w, kl_weight=0.0, kl_increase=0.0) for w in (0.0, 1.0))
    assert np.sum(np.asarray(plain.value) > 0.5) >= 16
    assert np.all(np.asarray(collapsed.value) < 0.5)
    assert float(collapsed.trace.foreground[-1]) < 0.01
    assert 0.1 < float(run().trace.foreground[-1]) < 0.5
    assert 0.1 < float(run(proportion=0.25, kl_weight=3.0).trace.foreground[-1]) < 0.4
