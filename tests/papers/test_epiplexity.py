"""Facts of arXiv 2601.03220 (epiplexity) that entropax must reproduce."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import special

from entropax import estimators
from entropax.estimators import PUBLISHED_LAWS, Sequences, TwoPartCode
from tests.contract.harness import without_shape_hook
from tests.estimators.sequence_tables import BigramModel

SEED = np.array([int(bit) for bit in "0000000100000000"])


@pytest.mark.fast
@pytest.mark.parametrize(
    ("rule", "steps", "expected"),
    [
        (30, 1, "0000001110000000"),
        (30, 2, "0000011001000000"),
        (30, 3, "0000110111100000"),
        (30, 8, "1001000111000000"),
        (54, 2, "0000010001000000"),
        (54, 8, "0001000100010001"),
        (110, 3, "0000110100000000"),
        (110, 8, "1111110100000001"),
        (90, 8, "0000000000000000"),
        (15, 1, "1111111101111111"),
    ],
)
def test_1_automata(rule, steps, expected):
    """1. States of rules 30, 54, 110, 90 and 15 from a single one at index 7 of 16 cells, step by step and at once."""
    state = np.asarray(estimators.eca_evolve(SEED, rule, steps=steps))
    assert "".join(str(int(bit)) for bit in state) == expected
    one_by_one = SEED
    for _ in range(steps):
        one_by_one = estimators.eca_step(one_by_one, rule)
    np.testing.assert_array_equal(one_by_one, state)


@pytest.mark.fast
def test_2_prequential_trapezoid(x64):
    """2. Losses 2, 1.5, 1.2, 1.1, 1.05 at 0, 100, 200, 400, 800 tokens: 130 nats, 187.5503553 bits."""
    losses, tokens = np.array([2, 1.5, 1.2, 1.1, 1.05]), np.array([0, 100, 200, 400, 800])
    np.testing.assert_allclose(estimators.prequential_epiplexity(losses, tokens, base=None), 130, rtol=1e-12)
    np.testing.assert_allclose(estimators.prequential_epiplexity(losses, tokens), 187.5503553, rtol=5e-10)


@pytest.mark.parametrize("irreducible_loss", [0.0, 1.7])
def test_3_power_law(irreducible_loss, x64):
    """3. L = E + (D / D0)^-b has area b / (1 - b) D0^b D^(1 - b): 20 nats for b = 1/2, D0 = 4, D = 100, whatever E."""
    law = estimators.ScalingLaw(
        model_exponent=0.3, data_exponent=0.5, model_scale=10.0, data_scale=4.0, irreducible_loss=irreducible_loss
    )
    np.testing.assert_allclose(estimators.scaling_law_epiplexity(100.0, law, base=None), 20.0, rtol=1e-12)
    # The same by trapezoids of the loss curve of a model without limit, on a grid that is fine where it is steep.
    tokens = 100 * np.linspace(1e-6, 1, 200_001) ** 4
    losses = law.loss(np.full_like(tokens, np.inf), tokens)
    area = estimators.prequential_epiplexity(losses, tokens, base=None)
    before = 2 * (tokens[0] * 4) ** 0.5 - tokens[0] * 0.2  # what the first tokens left out hold
    np.testing.assert_allclose(area + before, 20.0, rtol=1e-6)


@pytest.mark.slow
def test_4_requential_sum(x64):
    """4. KL of teacher from student rows: 0.08512283 and 0.09151622 nats; equal rows give 0; the sum never falls."""
    teacher = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]])
    student = np.array([[0.5, 0.3, 0.2], [0.2, 0.6, 0.2]])
    rows = [
        float(estimators.requential_epiplexity(np.log(p), np.log(q), base=None))
        for p, q in zip(teacher, student, strict=True)
    ]
    np.testing.assert_allclose(rows, [0.08512283, 0.09151622], rtol=1e-7)
    total = estimators.requential_epiplexity(np.log(teacher), np.log(student))
    np.testing.assert_allclose(total, sum(rows) / math.log(2), rtol=1e-12)
    # Logits are known up to a constant.
    np.testing.assert_allclose(estimators.requential_epiplexity(np.log(teacher), np.log(teacher) + 3), 0, atol=1e-15)
    logits = np.random.default_rng(0).standard_normal((2, 50, 4)) * 3
    sums = [float(estimators.requential_epiplexity(logits[0, :n], logits[1, :n])) for n in range(1, 51)]
    assert np.all(np.diff(sums) >= 0)


@pytest.mark.fast
def test_5_chinchilla_frontier(x64):
    """5. a = .3392, b = .2849, D0 = 1.4910111133e9, S(1e12) = 8.9996354e10 bits, and the frontier at two computes."""
    law = PUBLISHED_LAWS["language"].law()
    np.testing.assert_allclose(law.model_exponent, 0.3392, atol=5e-5)
    np.testing.assert_allclose(law.data_exponent, 0.2849, atol=5e-5)
    np.testing.assert_allclose(law.data_scale, 1.4910111133e9, rtol=5e-11)
    np.testing.assert_allclose(estimators.scaling_law_epiplexity(1e12, law), 8.9996354e10, rtol=5e-8)
    best = estimators.scaling_law_frontier(np.array([1e25, 1e23]), law, test_tokens=1e12)
    np.testing.assert_allclose(best.tokens, [8.4093765e11, 5.0652350e11], rtol=5e-8)
    np.testing.assert_allclose(best.parameters[0], 1.4193203e12, rtol=5e-8)
    np.testing.assert_allclose(best.loss[0], 1.8885855, rtol=5e-8)
    np.testing.assert_allclose(best.value, [7.9510321e10, 5.5332983e10], rtol=5e-8)
    np.testing.assert_allclose(best.entropy[0], 2.7246530e12, rtol=5e-8)
    spent = 6 * best.parameters * best.tokens + 2 * best.parameters * 1e12
    np.testing.assert_allclose(spent, [1e25, 1e23], rtol=1e-12)


@pytest.mark.fast
def test_5_without_limit_everything_is_learnt(x64):
    """5. S_inf = S(Dt): as compute grows the frontier tends to the epiplexity of training on all the data."""
    law = PUBLISHED_LAWS["language"].law()
    best = estimators.scaling_law_frontier(np.logspace(22, 34, 7), law, test_tokens=1e12)
    limit = estimators.scaling_law_epiplexity(1e12, law)
    assert np.all(np.diff(best.value) > 0)
    np.testing.assert_allclose(best.value[-1], limit, rtol=1e-3)


@pytest.mark.fast
@pytest.mark.parametrize("loss", [0.0, 0.7, 3.1])
def test_6_constant_loss(loss):
    """6. A constant loss curve has S = 0, exactly."""
    tokens = np.array([0.0, 3.0, 1000.0, 1e9])
    assert float(estimators.prequential_epiplexity(np.full(4, loss), tokens)) == 0
    np.testing.assert_array_equal(estimators.prequential_curve(np.full(4, loss), tokens), 0)


def test_6_random_bits_for_the_observer_that_counts():
    """6. Uniform bits: H = 1 bit a bit for every radius, S below a thousandth of a bit a cell up to radius 1."""
    x, y = np.random.default_rng(1).integers(0, 2, (2, 2000, 32))
    for radius in range(4):
        code = estimators.light_cone_code(x, y, radius=radius)
        np.testing.assert_allclose(code.entropy, 1.0, atol=2e-3)
        # What counting 2^(2r+1) coins costs: half the logarithm of each context's share and of pi / 2, no more.
        contexts = 2 ** (2 * radius + 1)
        per_context = 0.5 * math.log2(x.size / contexts) + 0.5 * math.log2(math.pi / 2)
        np.testing.assert_allclose(code.value, contexts * per_context, rtol=1e-3)
        if radius < 2:
            assert float(code.value) / x.size < 1e-3


def test_6_random_bits_for_a_trained_learner():
    """6. Uniform bits, teacher and student trained by gradient descent: H = 1, both estimates under 1 % of the data."""

    def coins(step, *, key):
        return Sequences(jax.random.randint(key, (16, 9), 0, 2))

    result = estimators.train_teacher_student(
        BigramModel(jnp.zeros((2, 2))),
        coins,
        optax.adam(0.002),
        prompt=1,
        steps=200,
        key=jax.random.key(3),
        progress=False,
    )
    np.testing.assert_allclose([result.entropy, result.teacher_entropy], 1.0, atol=0.01)
    assert 0 <= result.value < 0.01 * result.tokens[-1]
    assert abs(result.prequential) < 0.01 * result.tokens[-1]


def test_6_descriptions_shorten_with_compute(x64):
    """6. S + H along the frontier falls with compute, for noisy runs of several sizes, and strictly."""
    rng, codes = np.random.default_rng(2), []
    for size in (10.0, 40.0, 160.0):
        tokens = np.linspace(1, 4000, 60)
        losses = 0.5 + 2 * size**-0.4 + (tokens / 20) ** -0.6 + 0.02 * rng.standard_normal(60)
        curve = estimators.prequential_curve(losses, tokens)
        codes.append(estimators.two_part_code(curve, losses, tokens, num_parameters=size, test_tokens=1e4))
    frontier = estimators.epiplexity_from_runs(codes)
    members = np.asarray(frontier.member)
    assert members.sum() >= 4
    total, compute = (np.asarray(x)[members] for x in (frontier.value + frontier.entropy, frontier.compute))
    assert np.all(np.diff(compute) > 0)
    assert np.all(np.diff(total) < 0)
    # Convex: each unit of compute buys less than the one before.
    assert np.all(np.diff(np.diff(total) / np.diff(compute)) > 0)
    everything = TwoPartCode(
        *(jnp.concatenate([getattr(c, n) for c in codes]) for n in ("value", "entropy", "compute"))
    )
    cheaper = np.asarray(everything.compute)[:, None] <= compute
    best = np.where(cheaper, np.asarray(everything.total)[:, None], np.inf).min(axis=0)
    assert np.all(total >= best - 1e-9)
    np.testing.assert_allclose(total[-1], np.asarray(everything.total).min())


RADII = range(5)


@pytest.fixture(scope="module")
def light_cones():
    """Code lengths on 25,600 fresh cells of F^4 of three rules, by radius, counted on 25,600 others."""
    lengths = {}
    for rule in (15, 30, 54):
        pairs = estimators.eca_pairs(rule, num_pairs=800, width=64, steps=4, key=jax.random.key(rule))
        pairs = pairs.astype(jnp.int32)
        codes = [estimators.light_cone_code(pairs[:400, 0], pairs[:400, 1], radius=r) for r in RADII]
        lengths[rule] = [float(code.cross_entropy(pairs[400:, 0], pairs[400:, 1])) for code in codes]
    return lengths


def expected_length(rule, radius, cells=25_600):
    """H of a cell given its neighbourhood, over all 512 light cones of four steps, and the mean cost of the counts."""
    cones = np.array(list(itertools.product((0, 1), repeat=9)))
    after = np.asarray(estimators.eca_evolve(cones, rule, steps=4))[:, 4]
    seen = cones[:, 4 - radius : 5 + radius] @ 2 ** np.arange(2 * radius + 1)
    share = np.bincount(seen, after) / np.bincount(seen)
    ones, zeros = (special.entr(x) / math.log(2) for x in (share, 1 - share))
    return (ones + zeros).mean() + 2 ** (2 * radius + 1) / cells / (2 * math.log(2))


def test_7_what_a_narrow_light_cone_sees(light_cones):
    """7. Rules 30 and 15 are noise up to radius 2 (1.00 bits a cell), rule 54 is 0.92 at radius 1 and 0.81 at 2."""
    for rule in (15, 30):
        np.testing.assert_allclose(light_cones[rule][:3], 1.0, atol=3e-3)
        np.testing.assert_allclose(light_cones[rule][1:3], [1.000, 1.001], atol=1e-3)
    # Cells of rule 54 are correlated: over keys the values spread by 0.005 (radius 1) and 0.003 (radius 2).
    exact = [expected_length(54, radius) for radius in (1, 2)]
    np.testing.assert_allclose(exact, [0.9210, 0.8155], atol=5e-5)
    np.testing.assert_array_less(np.abs(np.subtract(light_cones[54][1:3], exact)), [0.015, 0.009])
    np.testing.assert_allclose(exact, [0.93, 0.81], atol=0.01)


def test_7_what_the_whole_light_cone_sees(light_cones):
    """7. At radius 4 every rule is determined: what is left is 1/2 in about 50 counts, 0.72 / 50 bits, about 0.015."""
    for rule in (15, 30, 54):
        np.testing.assert_allclose(light_cones[rule][4], 0.016, atol=0.002)
        np.testing.assert_allclose(light_cones[rule][4], expected_length(rule, 4), rtol=0.03)


@pytest.mark.fast
def test_pitfalls_are_refused():
    """A rule outside 0..255, fewer than three cells and a state that is not binary raise."""
    with without_shape_hook():
        for arguments, match in (
            ((SEED, 256), "rule must be"),
            ((SEED[:2], 30), "at least 3 cells"),
            ((2 * SEED, 30), "zeros and ones"),
        ):
            with pytest.raises(ValueError, match=match):
                estimators.eca_step(*arguments)
