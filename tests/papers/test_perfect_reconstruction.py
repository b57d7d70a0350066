"""Facts of arXiv 2306.15540 (a necessary condition for perfect reconstruction) that entropax must reproduce."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import information

pytestmark = pytest.mark.usefixtures("x64")

SIX = np.arange(6)
HALF = np.array([0.2, 0.1, 0.15, 0.25, 0.2, 0.1])


@jax.jit
def judged(x, parts, p):
    """The sum of distances, whether the condition holds, and whether x is recovered."""
    condition = information.reconstruction_condition(x, parts, p)
    return condition.value, condition.satisfied, information.is_reconstructable(x, parts, p).value


def judge(x, parts, p):
    """`judged` with the outcomes and parts filled up to one shape, which changes neither slack nor answer."""
    outcomes, count = 120, 12
    x, parts, p = np.asarray(x), np.asarray(parts), np.asarray(p, float)
    missing, constants = outcomes - len(x), count - len(parts)
    filled = np.concatenate([parts, np.zeros((constants, len(x)), int)])
    total, satisfied, recovered = judged(
        np.pad(x, (0, missing)), np.pad(filled, ((0, 0), (0, missing))), np.pad(p, (0, missing))
    )
    return float(total) - constants, bool(satisfied), bool(recovered)


def comparisons(k, pairs):
    """All orders of k things, and for every pair which comes first."""
    orders = np.array(list(itertools.permutations(range(k))))
    return np.arange(len(orders)), np.stack([orders[:, i] < orders[:, j] for i, j in pairs]).astype(int)


def test_1_sign_and_absolute_value():
    """1. H(X) 2.4854752972, H(|X|) 1.4854752972 bits, D .5976624668 and .4023375332 with sum 1; with a zero .5424."""
    x, p = np.array([-3, -2, -1, 1, 2, 3]), np.array([0.1, 0.15, 0.25, 0.25, 0.15, 0.1])
    entropies = [information.partition_entropy(labels, p, base=2) for labels in (x, np.abs(x))]
    np.testing.assert_allclose(entropies, [2.4854752972, 1.4854752972], atol=5e-11)
    distances = [information.rajski_distance(x, part, p) for part in (np.sign(x), np.abs(x))]
    np.testing.assert_allclose(distances, [0.5976624668, 0.4023375332], atol=5e-11)
    total, satisfied, recovered = judge(x, [np.sign(x), np.abs(x)], p)
    np.testing.assert_allclose(total, 1, atol=1e-12)
    assert satisfied
    assert recovered
    zero = np.arange(-2, 3)
    total, *_ = judge(zero, [np.sign(zero), np.abs(zero)], [0.1, 0.2, 0.4, 0.2, 0.1])
    np.testing.assert_allclose(total, 0.5424205953, atol=5e-11)


@pytest.mark.parametrize(
    ("size", "moduli", "total", "satisfied", "recovered"),
    [
        (15, (3, 5), 1.0, True, True),
        (30, (2, 3, 5), 2.0, True, True),
        (60, (3, 4, 5), 2.0, True, True),
        (16, (3, 5), 1.0273219682, False, False),
        (24, (3, 8), 1.0, True, True),
        (24, (4, 6), 1.0, True, False),
        (12, (4, 6), 0.7210570543, True, True),
        (15, (3,), 0.5943161289, False, False),
    ],
)
@pytest.mark.fast
def test_2_chinese_remainders(size, moduli, total, satisfied, recovered):
    """2. The sums to ten digits; N = 24 with (4, 6) keeps the condition but is not recovered; N = 16 is refused."""
    x = np.arange(size)
    found = judge(x, [x % k for k in moduli], np.full(size, 1 / size))
    np.testing.assert_allclose(found[0], total, atol=5e-11)
    assert found[1:] == (satisfied, recovered)


@pytest.mark.parametrize(
    ("k", "single", "every", "adjacent", "least"),
    [
        (3, 0.6131471928, 1.8394415783, 1.2262943855, 3),
        (4, 0.7818957081, 4.6913742481, 2.3456871240, 5),
        (5, 0.8552170493, 8.5521704939, 3.4208681975, 7),
    ],
)
def test_3_sorting_by_comparisons(k, single, every, adjacent, least):
    """3. D of one comparison, sums of all and of adjacent pairs, and the fewest that the condition lets pass."""
    pairs = list(itertools.combinations(range(k), 2))
    x, parts = comparisons(k, pairs)
    p = np.full(len(x), 1 / len(x))
    np.testing.assert_allclose(information.rajski_distance(x, parts[0], p), single, atol=5e-11)
    np.testing.assert_allclose(single, 1 - 1 / math.log2(math.factorial(k)), atol=5e-11)
    total, satisfied, recovered = judge(x, parts, p)
    np.testing.assert_allclose(total, every, atol=5e-10)
    assert satisfied
    assert recovered
    neighbours = [i for i, (a, b) in enumerate(pairs) if b == a + 1]
    total, satisfied, recovered = judge(x, parts[neighbours], p)
    np.testing.assert_allclose(total, adjacent, atol=5e-10)
    assert not satisfied
    assert not recovered
    passes = [judge(x, parts[:n], p)[1] for n in range(1, len(pairs) + 1)]
    assert passes.index(True) + 1 == least == math.ceil(math.log2(math.factorial(k)))


@pytest.mark.fast
def test_4_linear_forms():
    """4. In F_2^3 the forms 100, 010, 110 have sum 2 = n - 1 and rank 2: not recovered; 100, 010, 001 are."""
    words = np.array(list(itertools.product(range(2), repeat=3)))
    p = np.full(8, 1 / 8)
    for forms, recovered in (([[1, 0, 0], [0, 1, 0], [1, 1, 0]], False), ([[1, 0, 0], [0, 1, 0], [0, 0, 1]], True)):
        found = judge(np.arange(8), (words @ np.array(forms).T % 2).T, p)
        np.testing.assert_allclose(found[0], 2, atol=1e-12)
        assert found[1:] == (True, recovered)


@pytest.mark.fast
def test_5_prime_signatures():
    """5. Exponents of 2, 3, 5, 7, 11 in 1 ... 12: five distances, their sum 3.7737802124 <= 4, and recovery."""
    numbers = np.arange(1, 13)
    parts = np.array([[max(e for e in range(5) if n % q**e == 0) for n in numbers] for q in (2, 3, 5, 7, 11)])
    p = np.full(12, 1 / 12)
    distances = [information.rajski_distance(numbers, part, p) for part in parts]
    expected = [0.5175475453, 0.6684144185, 0.8186808310, 0.8845687088, 0.8845687088]
    np.testing.assert_allclose(distances, expected, atol=5e-11)
    total, satisfied, recovered = judge(numbers, parts, p)
    np.testing.assert_allclose(total, 3.7737802124, atol=5e-10)
    assert satisfied
    assert recovered


def test_6_dependence_without_common_information():
    """6. d 1.2516291674, D .6524693143, I .6666666667 bits, while the meet is constant."""
    a, b, p = SIX // 2, SIX // 3, np.full(6, 1 / 6)
    np.testing.assert_allclose(information.shannon_distance(a, b, p, base=2), 1.2516291674, atol=5e-11)
    np.testing.assert_allclose(information.rajski_distance(a, b, p), 0.6524693143, atol=5e-11)
    np.testing.assert_allclose(information.dependency_coefficient(a, b, p), 1 - 0.6524693143, atol=5e-11)
    np.testing.assert_allclose(information.partition_mutual_information(a, b, p, base=2), 0.6666666667, atol=5e-11)
    common = information.meet(a, b, p)
    assert int(common.num_classes) == 1
    np.testing.assert_allclose(information.partition_entropy(common.value, p), 0, atol=1e-15)


def test_7_common_information():
    """7. The meet splits {0, 1, 2, 3} from {4, 5}: H .8812908992 <= I .9240285478; d 1.5796731482, D .6309350474."""
    a, b = SIX // 2, np.array([0, 1, 0, 1, 2, 3])
    common = information.meet(a, b, HALF).value
    np.testing.assert_array_equal(common, [0, 0, 0, 0, 1, 1])
    np.testing.assert_allclose(information.partition_entropy(common, HALF, base=2), 0.8812908992, atol=5e-11)
    np.testing.assert_allclose(information.partition_mutual_information(a, b, HALF, base=2), 0.9240285478, atol=5e-11)
    np.testing.assert_allclose(information.shannon_distance(a, b, HALF, base=2), 1.5796731482, atol=5e-11)
    np.testing.assert_allclose(information.rajski_distance(a, b, HALF), 0.6309350474, atol=5e-11)


def test_8_metrics_and_lattice_laws():
    """8. Both distances keep the triangle within 1e-12 and the join is Lipschitz; idempotence, commutativity,
    associativity and absorption hold, on 300 random triples."""
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 4, (300, 3, 8))
    p = rng.dirichlet(np.ones(8), size=300)

    def checks(labels, p):
        a, b, c = labels

        def join(a, b):
            return information.join(a, b).value

        def meet(a, b):
            return information.meet(a, b, p).value

        excesses = [
            measure(a, c, p) - measure(a, b, p) - measure(b, c, p)
            for measure in (information.shannon_distance, information.rajski_distance)
        ]
        excesses.append(information.shannon_distance(join(a, b), join(c, b), p) - information.shannon_distance(a, c, p))
        pairs = (
            (join(a, a), a),
            (meet(a, a), a),
            (join(a, b), join(b, a)),
            (meet(a, b), meet(b, a)),
            (join(a, join(b, c)), join(join(a, b), c)),
            (meet(a, meet(b, c)), meet(meet(a, b), c)),
            (join(a, meet(a, b)), a),
        )
        return jnp.stack(excesses), jnp.stack([information.same_information(x, y, p).value for x, y in pairs])

    excesses, laws = jax.jit(jax.vmap(checks))(labels, p)
    assert np.max(excesses) < 1e-12
    assert np.all(laws)


def test_9_complements_of_every_small_partition():
    """9. For all partitions of 1 to 7 outcomes X v X' = 1 and X ^ X' = 0; the lattice is not distributive."""
    grown = [(0,)]
    tables = []
    for _ in range(7):
        tables += grown
        grown = [(*t, label) for t in grown for label in range(max(t) + 2)]
    assert len(tables) == 1 + 2 + 5 + 15 + 52 + 203 + 877
    labels = np.array([t + (0,) * (7 - len(t)) for t in tables])
    possible = np.array([[1.0] * len(t) + [0.0] * (7 - len(t)) for t in tables])
    p = possible / possible.sum(axis=1, keepdims=True)

    def checks(a, p):
        other = information.complement(a, p).value
        total = information.same_information(information.join(a, other).value, jnp.arange(7), p).value
        return total & (information.meet(a, other, p).num_classes == 1)

    assert np.all(jax.jit(jax.vmap(checks))(labels, p))
    words = np.array(list(itertools.product(range(2), repeat=2)))
    x, y, z = words[:, 0], words[:, 1], words.sum(axis=1) % 2
    quarter = np.full(4, 0.25)
    outer = information.meet(x, information.join(y, z).value, quarter).value
    assert bool(information.same_information(outer, x, quarter).value)
    inner = information.join(information.meet(x, y, quarter).value, information.meet(x, z, quarter).value)
    assert int(inner.num_classes) == 1


def test_10_independent_parts_suffice():
    """The condition is tight and sufficient for independent parts: digits of a uniform number, all or one short.

    It also needs functions of X: a part that is none is refused.
    """
    x = np.arange(24)
    digits = np.array([x % 2, x // 2 % 3, x // 6])
    p = np.full(24, 1 / 24)
    total, satisfied, recovered = judge(x, digits, p)
    np.testing.assert_allclose(total, 2, atol=1e-12)
    assert satisfied
    assert recovered
    assert judge(x, digits[:2], p)[1:] == (False, False)
    np.testing.assert_allclose(information.relative_redundancy(x, digits, p), 0, atol=1e-12)
    np.testing.assert_allclose(
        information.relative_redundancy(x, digits[:2], p), math.log(6) / math.log(24) - 1, rtol=1e-12
    )
    with pytest.raises(ValueError, match="parts must be functions of x"):
        information.reconstruction_condition(x // 2, digits, p)
