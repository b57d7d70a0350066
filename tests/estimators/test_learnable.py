"""Epiplexity against brute force: automata bit by bit, codes symbol by symbol, hulls by all chords, roots by scipy."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import optimize, special, stats

from entropax import estimators
from entropax.estimators import PUBLISHED_LAWS, Sequences, TwoPartCode
from tests.contract.harness import without_shape_hook
from tests.estimators.sequence_tables import BigramModel

RNG = np.random.default_rng(0)


def by_bits(state, rule):
    """The automaton as its definition says, cell by cell."""
    n = len(state)
    return np.array([rule >> (4 * state[i - 1] + 2 * state[i] + state[(i + 1) % n]) & 1 for i in range(n)])


# ------------------------------------------------------------------------------------------------------------ automata


@pytest.mark.fast
def test_all_rules_step_as_defined():
    """All 256 rules on random rings of 3 and 11 cells, one compilation for all."""
    step = jax.jit(jax.vmap(estimators.eca_step, in_axes=(None, 0)))
    tables = jnp.asarray([[rule >> i & 1 for i in range(8)] for rule in range(256)], jnp.float32)
    for width in (3, 11):
        state = RNG.integers(0, 2, width)
        expected = np.array([by_bits(state, rule) for rule in range(256)])
        np.testing.assert_array_equal(step(jnp.asarray(state, jnp.float32), tables), expected)


def test_a_probability_is_the_mean_over_independent_cells(x64):
    """One step of a soft state is the expectation over states drawn cell by cell; two steps of it are not."""
    state, weights = RNG.uniform(size=5), []
    nexts = []
    for bits in itertools.product((0, 1), repeat=5):
        weights.append(np.prod(np.where(bits, state, 1 - state)))
        nexts.append(by_bits(np.array(bits), 110))
    mean = np.array(weights) @ np.array(nexts)
    np.testing.assert_allclose(estimators.eca_step(state, 110), mean, rtol=1e-12)


def test_pairs_are_pairs_of_the_attractor():
    """The second state follows the first by `steps`, and after a burn-in the first follows from others by it."""
    pairs = np.asarray(estimators.eca_pairs(54, num_pairs=6, width=9, steps=3, burn_in=40, key=jax.random.key(1)))
    for before, after in pairs:
        state = before.astype(int)
        for _ in range(3):
            state = by_bits(state, 54)
        np.testing.assert_array_equal(after, state)
    # Rule 0 forgets everything in one step: what a burn-in leaves is the attractor.
    assert not np.any(estimators.eca_pairs(0, num_pairs=4, width=5, steps=1, burn_in=1, key=jax.random.key(1)))


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: estimators.eca_step(np.zeros(5), 256), "rule must be at least 0 and at most 255, got 256"),
        (lambda: estimators.eca_step(np.zeros(5), -1), "rule must be at least 0 and at most 255"),
        (lambda: estimators.eca_step(np.zeros(2), 30), "state must have at least 3 cells"),
        (lambda: estimators.eca_step(np.array([0, 1, 2]), 30), "state must be zeros and ones.*got 2.0 at flat index 2"),
        (lambda: estimators.eca_evolve(np.zeros(5), 30, steps=-1), "steps must be at least 0"),
        (
            lambda: estimators.eca_pairs(30, num_pairs=1, width=2, steps=1, key=jax.random.key(0)),
            "width must be at least 3",
        ),
        (
            lambda: estimators.light_cone_code(np.zeros((2, 5)), np.zeros((2, 5)), radius=3),
            "radius must be at least 0 and at most 2, got 3",
        ),
        (lambda: estimators.prequential_epiplexity([1.0], [1.0]), "losses must be an array"),
        (
            lambda: estimators.prequential_epiplexity(np.ones(2), np.arange(2.0), base=1),
            "base must be None .* greater than 1",
        ),
        (
            lambda: estimators.bigram_induction(num_sequences=1, symbols=4, hidden=5, key=jax.random.key(0)),
            "hidden must be at least 0 and at most 4",
        ),
        (lambda: estimators.lower_convex_hull(np.ones(2), np.array([1.0, np.nan])), "y must be finite, got nan"),
        (lambda: estimators.epiplexity_from_runs([]), "codes must hold a code or more"),
        (
            lambda: estimators.ScalingLaw(model_exponent=0.3, data_exponent=1.0, model_scale=1.0, data_scale=1.0),
            "data_exponent must lie between 0 and 1, got 1.0",
        ),
    ],
)
def test_faults_are_refused(call, match):
    with without_shape_hook(), pytest.raises((ValueError, TypeError), match=match):
        call()


# ---------------------------------------------------------------------------------------------------- light-cone codes


def one_by_one(inputs, outputs, radius):
    """The adaptive code, cell after cell: whole length and counts."""
    counts, bits = {}, 0.0
    for x, y in zip(inputs, outputs, strict=True):
        for i, bit in enumerate(y):
            seen = tuple(np.take(x, range(i - radius, i + radius + 1), mode="wrap"))
            c = counts.setdefault(seen, [0.0, 0.0])
            bits -= math.log2((c[bit] + 0.5) / (sum(c) + 1))
            c[bit] += 1
    return bits, counts


def test_the_code_is_the_adaptive_one(x64):
    """S + H is the length of the code that counts as it goes; H that of the final counts on the same cells."""
    x = RNG.integers(0, 2, (7, 9))
    y = np.array([by_bits(row, 54) for row in x])
    y[0, :4] ^= 1  # some noise
    for radius in (0, 1, 2):
        code = estimators.light_cone_code(x, y, radius=radius)
        weighed = estimators.light_cone_code(1.0 * x, 1.0 * y, radius=radius)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12), code, weighed)
        bits, counts = one_by_one(x, y, radius)
        np.testing.assert_allclose(code.value + code.entropy * code.num_cells, bits, rtol=1e-12)
        final = sum(c[b] * -math.log2((c[b] + 0.5) / (sum(c) + 1)) for c in counts.values() for b in (0, 1))
        np.testing.assert_allclose(code.entropy * x.size, final, rtol=1e-12)
        np.testing.assert_allclose(code.cross_entropy(x, y), code.entropy, rtol=1e-12)
        for context, c in counts.items():
            index = int("".join(map(str, context)), 2)
            np.testing.assert_allclose(code.counts[index], c, rtol=1e-12)


def test_soft_states_are_counted_in_the_mean(x64):
    """Counts of probabilities are the expected counts of independent cells."""
    x, y = RNG.uniform(size=(1, 4)), RNG.uniform(size=(1, 4))
    expected = np.zeros((8, 2))
    for bits in itertools.product((0, 1), repeat=4):
        weight = np.prod(np.where(bits, x[0], 1 - x[0]))
        for i in range(4):
            index = 4 * bits[i - 1] + 2 * bits[i] + bits[(i + 1) % 4]
            expected[index] += weight * np.array([1 - y[0, i], y[0, i]])
    np.testing.assert_allclose(estimators.light_cone_code(x, y, radius=1).counts, expected, rtol=1e-12)


# ------------------------------------------------------------------------------------------------------------- bigrams


def test_bigram_sequences_follow_their_tables():
    """Transitions of one long chain against its table: chi-squared row by row, size 0.001 over the rows."""
    drawn = estimators.bigram_induction(num_sequences=1, symbols=4, length=20_000, hidden=1, key=jax.random.key(5))
    tokens, table = np.asarray(drawn.tokens[0]), np.asarray(drawn.tables[0], np.float64)
    seen = np.zeros((4, 4))
    np.add.at(seen, (tokens[:-1], tokens[1:]), 1)
    for row, law in zip(seen, table, strict=True):
        assert stats.chisquare(row, row.sum() * law / law.sum()).pvalue > 0.001 / 4
    assert drawn.shown.shape == (1, 3, 4)


def test_reference_losses_are_those_of_the_ideal_learner(x64):
    """Symbol by symbol in loops; the hidden rows' total is the marginal likelihood of a flat Dirichlet law."""
    drawn = estimators.bigram_induction(num_sequences=3, symbols=3, length=40, hidden=2, key=jax.random.key(6))
    losses = np.asarray(estimators.bigram_reference_losses(drawn.tables, drawn.tokens, hidden=2))
    for tokens, table, loss in zip(*map(np.asarray, (drawn.tokens, drawn.tables)), losses, strict=True):
        counts, total = np.zeros((3, 3)), 0.0
        for t, (i, j) in enumerate(itertools.pairwise(tokens)):
            p = table[i, j] if i < 1 else (counts[i, j] + 1) / (counts[i].sum() + 3)
            np.testing.assert_allclose(loss[t], -np.log(p), rtol=1e-6)
            counts[i, j] += 1
            total += loss[t] * (i >= 1)
        by_gamma = sum(
            special.gammaln(3 + c.sum()) - special.gammaln(3) - special.gammaln(1 + c).sum() for c in counts[1:]
        )
        np.testing.assert_allclose(total, by_gamma, rtol=1e-6)


# ----------------------------------------------------------------------------------------------------------- estimates


def test_prequential_curve_is_the_estimate_at_every_checkpoint(x64):
    """Entry k is the trapezoid of the first k + 1 losses less the last of them."""
    losses, tokens = np.sort(RNG.uniform(1, 3, 9))[::-1].copy(), np.cumsum(RNG.uniform(1, 50, 9))
    curve = np.asarray(estimators.prequential_curve(losses, tokens, base=None))
    for k in range(9):
        area = np.trapezoid(losses[: k + 1] - losses[k], tokens[: k + 1])
        np.testing.assert_allclose(curve[k], area, rtol=1e-12, atol=1e-12)
        if k:
            alone = estimators.prequential_epiplexity(losses[: k + 1], tokens[: k + 1], base=None)
            np.testing.assert_allclose(alone, area, rtol=1e-12)


def test_requential_estimate_takes_impossible_tokens(x64):
    """-inf logits: no contribution where the teacher excludes a token, infinite where only the student does."""
    p, q = np.array([[0.0, 1.0, -np.inf]]), np.array([[0.5, 0.5, 0.0]])
    law = np.array([1, math.e]) / (1 + math.e)
    expected = np.sum(law * np.log(law / special.softmax(q[0])[:2]))
    np.testing.assert_allclose(estimators.requential_epiplexity(p, q, base=None), expected, rtol=1e-12)
    gradient = jax.grad(lambda q: estimators.requential_epiplexity(p, q))(jnp.asarray(q))
    assert np.isfinite(gradient).all()
    assert np.isinf(estimators.requential_epiplexity(q, p))


# ---------------------------------------------------------------------------------------------------------------- hulls


def on_hull(x, y):
    """Vertices by all chords."""
    n, kept = len(x), []
    for i in range(n):
        twin = any(x[j] == x[i] and (y[j] < y[i] or (y[j] == y[i] and j < i)) for j in range(n))
        under = any(
            x[j] < x[i] < x[k] and y[i] >= y[j] + (y[k] - y[j]) * (x[i] - x[j]) / (x[k] - x[j])
            for j in range(n)
            for k in range(n)
        )
        kept.append(not twin and not under)
    return np.array(kept)


def test_hull_against_all_chords(x64):
    """Random clouds, with repeated abscissae and repeated points; a straight line keeps its ends alone."""
    hull = jax.jit(lambda x, y: estimators.lower_convex_hull(x, y).value)
    for seed in range(6):
        rng = np.random.default_rng(seed)
        x, y = rng.integers(0, 9, 24) * 1.0, rng.integers(0, 50, 24) * 1.0
        np.testing.assert_array_equal(hull(x, y), on_hull(x, y))
    line = np.arange(6.0)
    np.testing.assert_array_equal(estimators.lower_convex_hull(line, 3 * line).value, [1, 0, 0, 0, 0, 1])
    np.testing.assert_array_equal(estimators.lower_convex_hull(np.zeros(1), np.ones(1)).value, [True])


def test_tolerance_admits_points_near_the_hull(x64):
    """A point above the hull by 1 % of its height belongs to it from a tolerance of 1 % on."""
    x, y = np.arange(5.0), np.array([8.0, 4.0, 3.03, 2.0, 6.0])
    np.testing.assert_array_equal(estimators.lower_convex_hull(x, y, tolerance=0.009).value, [1, 1, 0, 1, 1])
    np.testing.assert_array_equal(estimators.lower_convex_hull(x, y, tolerance=0.011).value, [1, 1, 1, 1, 1])


def test_faults_of_a_traced_hull_show():
    """A hull is booleans, which cannot be NaN: `valid` says that a coordinate was not finite."""
    hull = jax.jit(estimators.lower_convex_hull)
    assert bool(hull(jnp.arange(3.0), jnp.ones(3)).valid)
    assert not bool(hull(jnp.arange(3.0), jnp.asarray([1.0, jnp.nan, 2.0])).valid)


def test_frontier_reads_the_last_code_it_can_afford(x64):
    """Between vertices the code of the lower one holds, beyond the lowest point that one; below the first, none."""
    run_one = TwoPartCode(*map(jnp.asarray, ([1.0, 2.0, 3.0], [9.0, 4.0, 2.5], [1.0, 2.0, 4.0])))
    run_two = TwoPartCode(*map(jnp.asarray, ([0.5, 4.0, 6.0], [9.4, 4.5, 0.5], [1.5, 3.0, 8.0])))
    frontier = estimators.epiplexity_from_runs([run_one, run_two])
    np.testing.assert_array_equal(frontier.compute, [1, 1.5, 2, 3, 4, 8])
    np.testing.assert_array_equal(frontier.member, [1, 0, 1, 0, 1, 0])  # 8 costs as much compute for more bits
    for bound, s, h in ((1.0, 1, 9), (3.9, 2, 4), (4.0, 3, 2.5), (1e9, 3, 2.5)):
        code = frontier.at(bound)
        np.testing.assert_array_equal([code.value, code.entropy], [s, h])
    with without_shape_hook(), pytest.raises(ValueError, match="bound must be at least the frontier's least compute"):
        frontier.at(0.5)


def test_frontier_memory_grows_as_its_points():
    """At 20,000 codes the hull takes no table of pairs (3 GB)."""
    n = 20_000
    codes = TwoPartCode(jnp.arange(n, dtype=jnp.float32), 1.0 / (1.0 + jnp.arange(n)), jnp.arange(n, dtype=jnp.float32))
    compiled = jax.jit(estimators.epiplexity_from_runs).lower(codes).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 64e6


# --------------------------------------------------------------------------------------------------------- scaling laws


@pytest.mark.parametrize("name", PUBLISHED_LAWS)
def test_frontier_minimises_the_description(name, x64):
    """Against scipy's bounded minimiser of S(D) + Dt L(N(D), D), for every published law and a range of compute."""
    law, test = PUBLISHED_LAWS[name].law(), 1e11
    compute = np.array([1e19, 1e21, 1e24])
    best = estimators.scaling_law_frontier(compute, law, test_tokens=test, base=None)
    a, b, n0, d0, e = (
        float(x) for x in (law.model_exponent, law.data_exponent, law.model_scale, law.data_scale, law.irreducible_loss)
    )
    for i, c in enumerate(compute):

        def total(log_d, c=c):
            d = math.exp(log_d)
            n = c / (2 * (3 * d + test))
            return b / (1 - b) * d0**b * d ** (1 - b) + test * (e + (n / n0) ** -a + (d / d0) ** -b)

        found = optimize.minimize_scalar(total, bounds=(5, math.log(test)), method="bounded", options={"xatol": 1e-10})
        np.testing.assert_allclose(best.value[i] + best.entropy[i], found.fun, rtol=1e-9)
        np.testing.assert_allclose(np.log(best.tokens[i]), found.x, atol=1e-4)


def test_published_exponents_are_those_of_the_best_size(x64):
    """At fixed C = 6 N D the best loss falls as C^-gamma at N = (C / C*)^delta, by scipy, for all published laws."""
    for published in PUBLISHED_LAWS.values():
        law = published.law()
        logs = []
        for c in (1e18, 1e22):

            def loss(log_n, c=c, law=law):
                n = math.exp(log_n)
                return float(law.loss(n, c / (6 * n)) - law.irreducible_loss)

            found = optimize.minimize_scalar(loss, bounds=(5, 45), method="bounded", options={"xatol": 1e-9})
            expected = published.delta * math.log(c / (published.compute_scale * estimators.scaling_frontier.PF_DAY))
            np.testing.assert_allclose(found.x, expected, atol=1e-3)
            logs.append(math.log(found.fun))
        np.testing.assert_allclose((logs[0] - logs[1]) / math.log(1e4), published.gamma, rtol=1e-6)


def test_frontier_in_float32_is_that_in_float64():
    """To a relative 1e-4 over ten decades of compute, S and H alike: products that would overflow are logarithms."""
    law, compute = PUBLISHED_LAWS["language"].law(), np.logspace(18, 28, 11)
    single = estimators.scaling_law_frontier(compute.astype(np.float32), law, test_tokens=1e12)
    with jax.enable_x64(True):
        exact = estimators.scaling_law_frontier(compute, PUBLISHED_LAWS["language"].law(), test_tokens=1e12)
    np.testing.assert_allclose(single.value, exact.value, rtol=1e-4)
    np.testing.assert_allclose(single.entropy, exact.entropy, rtol=1e-4)


# ------------------------------------------------------------------------------------------------------------- training

TABLE = np.log(np.array([[0.6, 0.3, 0.1], [0.1, 0.2, 0.7], [0.3, 0.6, 0.1]]))


class Chains:
    """Fresh sequences of one Markov chain."""

    def __call__(self, step, *, key):
        first_key, draw_key = jax.random.split(key)
        first = jax.random.randint(first_key, (16, 1), 0, 3)
        blank = jnp.concatenate([first, jnp.zeros((16, 8), first.dtype)], axis=1)
        model = BigramModel(jnp.asarray(TABLE, jnp.float32))
        draw = jax.vmap(lambda tokens, key: model.complete(tokens, prompt=1, key=key)[0])
        return Sequences(draw(blank, jax.random.split(draw_key, 16)))


CHAINS, OPTIMIZER = Chains(), optax.adam(0.05)


@pytest.fixture(scope="module")
def trained():
    """Teacher and student of a bigram model that starts far off, 400 steps."""
    start = BigramModel(jnp.asarray(-2 * TABLE, jnp.float32))
    return estimators.train_teacher_student(
        start, CHAINS, OPTIMIZER, prompt=1, steps=400, key=jax.random.key(7), average_steps=20, progress=False
    )


def test_teacher_and_student_learn_the_chain(trained):
    """Both end within 2 % of the chain's entropy rate, which is the least possible loss."""
    law = np.exp(TABLE)
    values, vectors = np.linalg.eig(law.T)
    stationary = np.real(vectors[:, np.argmax(np.real(values))])
    stationary /= stationary.sum()
    # The first symbol is uniform, the chain forgets it in a few: average the eight scored positions.
    at, rate = np.full(3, 1 / 3), 0.0
    for _ in range(8):
        rate += at @ -(law * np.log2(law)).sum(axis=1) / 8
        at = at @ law
    np.testing.assert_allclose(at, stationary, atol=1e-2)
    for model, entropy in ((trained.teacher, trained.teacher_entropy), (trained.student, trained.entropy)):
        np.testing.assert_allclose(entropy, rate, rtol=0.05)
        excess = law * (TABLE / math.log(2) - np.asarray(jax.nn.log_softmax(model.table)) / math.log(2))
        assert at @ excess.sum(axis=1) < 0.02 * rate


def test_estimates_of_one_training(trained):
    """Both are positive and far above the noise of the last loss; the student's code is the shorter, and grows."""
    assert trained.prequential > 5000
    assert 0.02 < trained.value / trained.prequential < 1
    assert np.all(np.diff(trained.epiplexity_curve) >= -1e-6)
    assert trained.epiplexity_curve[0] == 0
    np.testing.assert_allclose(trained.prequential_curve[0], 0, atol=1e-9)
    assert trained.tokens[-1] == 399 * 16 * 8


def test_the_first_divergence_is_nearly_that_of_one_step(trained):
    """Both start as one model: at the first step they differ by the teacher's single average step alone."""
    first = (trained.epiplexity_curve[1] - trained.epiplexity_curve[0]) / 128
    assert 0 <= first < 1e-3
    assert trained.losses[0] == trained.student_losses[0]


def test_the_prequential_estimate_is_that_of_the_losses(trained):
    """The curve's area in blocks of one batch, against `prequential_epiplexity` by trapezoids of the same losses."""
    end = trained.teacher_entropy * math.log(2)
    blocks = (trained.losses - end).sum() * 16 * 8 / math.log(2)
    np.testing.assert_allclose(trained.prequential, blocks, rtol=1e-6)
    losses, tokens = np.append(trained.losses, end), 16.0 * 8 * np.arange(401)
    trapezoids = estimators.prequential_epiplexity(losses, tokens)
    # They differ by half a batch at both ends.
    assert abs(float(trapezoids) - blocks) < 16 * 8 * np.ptp(losses) / math.log(2)


def test_the_teacher_waits_for_the_student():
    """With a tiny bound the teacher steps only after the divergence fell below it, and its tokens count its steps."""
    start = BigramModel(jnp.zeros((3, 3)))
    settings = {"prompt": 1, "steps": 120, "key": jax.random.key(8), "progress": False, "average_steps": 5}
    free = estimators.train_teacher_student(start, CHAINS, OPTIMIZER, **settings)
    bound = estimators.train_teacher_student(start, CHAINS, OPTIMIZER, max_kl=1e-3, **settings)
    assert free.tokens[-1] == 119 * 128
    assert 0 < bound.tokens[-1] < 0.9 * free.tokens[-1]
    steps = np.diff(bound.tokens)
    assert set(steps) == {0, 128}


def test_nothing_to_learn_is_no_epiplexity(getkey):
    """Uniform bits: the student's divergence is the sampling noise of its steps, S under 1 % of the data, H one bit."""

    def coins(step, *, key):
        return Sequences(jax.random.randint(key, (16, 9), 0, 2))

    result = estimators.train_teacher_student(
        BigramModel(jnp.zeros((2, 2))), coins, optax.adam(0.002), prompt=1, steps=300, key=getkey(), progress=False
    )
    data = result.tokens[-1]
    assert 0 <= result.value < 0.01 * data
    assert abs(result.prequential) < 0.01 * data
    np.testing.assert_allclose([result.entropy, result.teacher_entropy], 1.0, atol=0.01)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"prompt": 0}, "prompt must be at least 1"),
        ({"prompt": 9}, "prompt must be less than the 9 tokens of a sequence, got 9"),
        ({"student_speed": 0}, "student_speed must be at least 1"),
        ({"average_steps": 0.0}, "average_steps must be positive, got 0.0"),
        ({"max_kl": -1.0}, "max_kl must be positive, got -1.0"),
    ],
)
def test_bad_settings_are_refused(options, match, getkey):
    settings = {"prompt": 1, "steps": 2, "key": getkey(), "progress": False} | options
    with without_shape_hook(), pytest.raises(ValueError, match=match):
        estimators.train_teacher_student(BigramModel(jnp.zeros((3, 3))), CHAINS, OPTIMIZER, **settings)


def test_an_optimiser_is_asked_for(getkey):
    with without_shape_hook(), pytest.raises(TypeError, match=r"optimizer must be an optax\.GradientTransformation"):
        estimators.train_teacher_student(BigramModel(jnp.zeros((3, 3))), CHAINS, None, prompt=1, steps=2, key=getkey())
