"""The lattice of information against brute force over partitions, dit, and numpy's entropies."""

import itertools

import dit
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import information
from tests.contract.harness import without_shape_hook

pytestmark = pytest.mark.usefixtures("x64")

RNG = np.random.default_rng(3)
P = np.array([0.2, 0.1, 0.15, 0.25, 0.2, 0.1])
A, B = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 0, 1, 2, 3])


def entropy(p, *labels):
    """H of the joint variable of the labels, in nats."""
    totals: dict = {}
    for weight, *label in zip(p, *labels, strict=True):
        totals[tuple(label)] = totals.get(tuple(label), 0.0) + weight
    values = np.array([total for total in totals.values() if total > 0])
    return -np.sum(values * np.log(values))


def components(a, b, p):
    """The meet by merging sets until none overlap."""
    groups = [
        {int(i) for i in np.flatnonzero((labels == value) & (p > 0))} for labels in (a, b) for value in set(labels)
    ]
    merged: list[set] = []
    for group in filter(None, groups):
        touching = [other for other in merged if other & group]
        merged = [other for other in merged if not other & group] + [group.union(*touching)]
    label = np.full(len(p), -1)
    for number, group in enumerate(sorted(merged, key=min)):
        label[list(group)] = number
    return label


@pytest.fixture(scope="module")
def random_pairs():
    """Pairs of labellings of nine outcomes, some impossible."""
    rng = np.random.default_rng(11)
    p = rng.dirichlet(np.ones(9), size=40)
    p[:20, 4] = p[:20, 7] = 0
    return rng.integers(0, 5, (40, 9)), rng.integers(-2, 3, (40, 9)), p / p.sum(axis=1, keepdims=True)


def test_measures_against_sums_over_dictionaries(random_pairs):
    """Entropy, conditional entropy, mutual information, both distances and the coefficient."""
    a, b, p = random_pairs

    def all_measures(a, b, p):
        return (
            information.partition_entropy(a, p),
            information.partition_conditional_entropy(a, b, p),
            information.partition_mutual_information(a, b, p),
            information.shannon_distance(a, b, p),
            information.rajski_distance(a, b, p),
            information.dependency_coefficient(a, b, p),
        )

    ours = np.stack(jax.jit(jax.vmap(all_measures))(a, b, p), axis=1)
    for row, x, y, weights in zip(ours, a, b, p, strict=True):
        h_x, h_y, h_xy = entropy(weights, x), entropy(weights, y), entropy(weights, x, y)
        information_of = h_x + h_y - h_xy
        expected = [h_x, h_xy - h_y, information_of, h_xy - information_of, 1 - information_of / h_xy]
        np.testing.assert_allclose(row, [*expected, information_of / h_xy], atol=1e-13)


@pytest.mark.slow
def test_measures_agree_with_those_of_the_joint_array():
    """Labels of the cells of a joint array: the same numbers, and the same gradients in p, zeros included."""
    joint = np.array([[0.1, 0.0, 0.25], [0.3, 0.15, 0.2]])
    a, b = (index.reshape(-1) for index in np.indices(joint.shape))
    for ours, theirs in (
        (information.partition_mutual_information, information.mutual_information),
        (information.partition_conditional_entropy, information.conditional_entropy),
        (information.shannon_distance, information.variation_of_information),
    ):
        value, gradient = jax.value_and_grad(lambda p, f=ours: f(a, b, p))(jnp.asarray(joint.reshape(-1)))
        other, other_gradient = jax.value_and_grad(theirs)(jnp.asarray(joint))
        np.testing.assert_allclose(value, other, rtol=1e-13)
        np.testing.assert_allclose(gradient, other_gradient.reshape(-1), rtol=1e-12, atol=1e-13)
    bits = information.partition_entropy(a, joint.reshape(-1), base=2)
    np.testing.assert_allclose(bits, information.entropy(joint.sum(axis=1), base=2), rtol=1e-14)


def test_meet_against_merging_sets(random_pairs):
    """Classes, their number, and -1 on impossible outcomes, for random labels."""
    a, b, p = random_pairs
    ours = jax.jit(jax.vmap(information.meet))(a, b, p)
    for label, count, x, y, weights in zip(ours.value, ours.num_classes, a, b, p, strict=True):
        expected = components(x, y, weights)
        np.testing.assert_array_equal(label, expected)
        assert count == expected.max() + 1
    assert np.all(ours.valid)


def test_meet_against_dit():
    """Gacs and Korner's common information of random joint distributions with holes, by dit."""
    from dit.multivariate import gk_common_information

    rng = np.random.default_rng(5)
    for _ in range(6):
        cells = [(i, j) for i in range(4) for j in range(4) if rng.random() < 0.4] or [(0, 0)]
        p = rng.dirichlet(np.ones(len(cells)))
        a, b = np.array(cells).T
        common = information.meet(a, b, p).value
        theirs = gk_common_information(dit.Distribution([f"{i}{j}" for i, j in cells], p))
        np.testing.assert_allclose(information.partition_entropy(common, p, base=2), theirs, atol=1e-12)


@pytest.mark.fast
@pytest.mark.parametrize("shuffled", [False, True])
def test_meet_follows_a_long_chain(shuffled):
    """A path of 30,000 outcomes is one component, whatever their order; cut in one place it is two."""
    n = 30_000
    a, b = np.arange(n) // 2, (np.arange(n) + 1) // 2
    order = np.random.default_rng(0).permutation(n) if shuffled else np.arange(n)
    p = np.full(n, 1 / n)
    assert int(information.meet(a[order], b[order], p).num_classes) == 1
    cut = np.where(order == n // 2, 0, 1) / (n - 1)
    whole = information.meet(a[order], b[order], cut)
    assert int(whole.num_classes) == 2
    assert int(whole.value[np.flatnonzero(cut == 0)[0]]) == -1


def test_lattice_laws(random_pairs):
    """Join and meet are idempotent, commutative and associative, absorb each other, and bound their arguments."""
    a, b, p = random_pairs
    c = np.roll(a, 1, axis=0)

    def laws(a, b, c, p):
        def join(*labels):
            return information.join(*labels).value

        def meet(a, b):
            return information.meet(a, b, p).value

        def same(a, b):
            return information.same_information(a, b, p).value

        return jnp.stack(
            [
                same(join(a, a), a),
                same(meet(a, a), a),
                same(join(a, b), join(b, a)),
                same(meet(a, b), meet(b, a)),
                same(join(join(a, b), c), join(a, b, c)),
                same(meet(meet(a, b), c), meet(a, meet(b, c))),
                same(join(a, meet(a, b)), a),
                same(meet(a, join(a, b)), a),
                information.refines(join(a, b), a, p).value,
                information.refines(a, meet(a, b), p).value,
            ]
        )

    assert np.all(jax.jit(jax.vmap(laws))(a, b, c, p))


def test_complement_within_a_variable(random_pairs):
    """Inside X = (A, B): joined with A it gives X, its meet with A is constant, and it is a function of X."""
    a, b, p = random_pairs

    def properties(a, b, p):
        whole = information.join(a, b).value
        other = information.complement(a, p, within=whole)
        return jnp.stack(
            [
                information.same_information(information.join(a, other.value).value, whole, p).value,
                information.meet(a, other.value, p).num_classes == 1,
                information.refines(whole, other.value, p).value,
                other.valid,
            ]
        )

    assert np.all(jax.jit(jax.vmap(properties))(a, b, p))
    with pytest.raises(ValueError, match="within must refine a"):
        information.complement(A, P, within=B // 2)
    traced = jax.jit(lambda p: information.complement(A, p, within=B // 2).valid)(P)
    assert not bool(traced)


def test_impossible_outcomes_play_no_part():
    """An outcome of probability zero links nothing, need not be told apart, and is labelled -1."""
    p = np.array([0.25, 0.25, 0.0, 0.25, 0.25])
    a, b = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 1])
    assert bool(information.same_information(a, b, p).value)
    assert not bool(information.same_information(a, b, np.full(5, 0.2)).value)
    np.testing.assert_array_equal(information.meet(a, b, p).value, [0, 0, -1, 1, 1])
    assert int(information.meet(a, b, np.full(5, 0.2)).num_classes) == 1
    np.testing.assert_array_equal(information.complement(a, p).value, [0, 1, -1, 0, 1])
    assert float(information.shannon_distance(a, b, p)) == 0
    gradient = jax.grad(lambda p: information.rajski_distance(a, b, p))(jnp.asarray(p))
    assert np.isfinite(gradient).all()


def test_constants_and_equal_information_are_at_distance_zero():
    """Exactly, by convention for two constants and without rounding for a relabelling; so are their gradients."""
    constant = np.zeros(6, int)
    assert float(information.rajski_distance(constant, constant + 3, P)) == 0
    assert float(information.dependency_coefficient(constant, constant, P)) == 1
    assert float(information.shannon_distance(A, 7 - 2 * A, P)) == 0
    assert float(information.partition_conditional_entropy(A, B, P)) > 0
    assert float(information.partition_conditional_entropy(A, np.arange(6), P)) == 0
    gradient = jax.grad(lambda p: information.rajski_distance(constant, constant, p))(jnp.asarray(P))
    np.testing.assert_array_equal(gradient, 0)


def test_selection_is_greedy():
    """Every choice has the largest conditional entropy by sums over dictionaries; gains add to the joint entropy."""
    x = np.arange(12)
    parts = np.stack([x % 2, x % 4, x // 6, x % 3, x * 0, x // 4])
    p = RNG.dirichlet(np.ones(12))
    found = information.select_parts(x, parts, p)
    chosen: list[int] = []
    for index, gain, left in zip(found.value, found.gains, found.remaining, strict=True):
        before = [parts[i] for i in chosen] or [x * 0]
        gains = [
            -1.0 if i in chosen else entropy(p, part, *before) - entropy(p, *before) for i, part in enumerate(parts)
        ]
        np.testing.assert_allclose([gain, gains[int(index)]], max(gains), atol=1e-12)
        chosen.append(int(index))
        joint = [parts[i] for i in chosen]
        np.testing.assert_allclose(left, entropy(p, x, *joint) - entropy(p, *joint), atol=1e-12)
    assert sorted(chosen) == list(range(6))
    needed = next(k for k in range(1, 7) if len({tuple(parts[chosen[:k], w]) for w in x}) == 12)
    assert (int(found.needed), bool(found.reconstructs)) == (needed, True)
    lost = information.select_parts(x, parts[:3], p)
    assert (int(lost.needed), bool(lost.reconstructs)) == (4, False)


def test_a_part_that_is_no_function_is_refused():
    """Named when the values are known; under jit the numbers are NaN and the validity is false."""
    x, parts = A, np.stack([A > 0, B])
    for function in (
        information.relative_redundancy,
        information.reconstruction_condition,
        information.select_parts,
    ):
        with pytest.raises(ValueError, match="parts must be functions of x, got part 1 with several labels"):
            function(x, parts, P)
    with pytest.raises(ValueError, match="parts must be functions of x, got part 1"):
        jax.jit(lambda: information.relative_redundancy(x, parts, P))()
    traced = jax.jit(information.reconstruction_condition)(x, parts, P)
    assert np.isnan(traced.value)
    assert not bool(traced.valid)
    assert not bool(jax.jit(information.select_parts)(x, parts, P).valid)
    assert not bool(jax.jit(information.meet)(A, B, 2 * P).valid)
    assert bool(information.is_reconstructable(x, parts, P).value)  # parts of any kind may recover x


@pytest.mark.fast
def test_labels_are_checked():
    for call, match, error in (
        (lambda: information.meet(A * 1.0, B, P), "a must hold integer labels, got dtype float", TypeError),
        (lambda: information.meet(A, B[:4], P), r"b must have shape \(6,\), got \(4,\)", ValueError),
        (lambda: information.join(), "join needs one variable or more", ValueError),
        (lambda: information.join(A, B[:4]), r"labels\[1\] must have shape \(6,\)", ValueError),
        (lambda: information.is_reconstructable(A, B, P), r"parts must have shape \(parts, 6\)", ValueError),
    ):
        with without_shape_hook(), pytest.raises(error, match=match):
            call()


def test_condition_is_differentiable_in_p():
    """d slack / d p against finite differences along a tangent of the simplex."""
    x = np.arange(6)
    parts = np.stack([A, B % 2])
    direction = np.array([1.0, -0.5, 0.25, -0.25, 0.5, -1.0]) * 1e-5

    def slack(p):
        return information.reconstruction_condition(x, parts, p).slack

    slope = float(jax.grad(slack)(jnp.asarray(P)) @ direction)
    np.testing.assert_allclose(slope, (slack(P + direction) - slack(P - direction)) / 2, rtol=1e-7)
    redundancy = information.relative_redundancy(x, parts, P)
    total = sum(entropy(P, part) for part in parts)
    np.testing.assert_allclose([redundancy, slack(P)], total / entropy(P, x) - 1, rtol=1e-12)


def partitions_of(n):
    """Every partition once: labels in which each new one is the next number."""
    return [
        t
        for t in itertools.product(range(n), repeat=n)
        if all(v <= max(t[:i], default=-1) + 1 for i, v in enumerate(t))
    ]


def test_every_pair_of_small_partitions():
    """All 15 partitions of four outcomes: distances are metrics, zero for equal ones only; d is aligned on chains."""
    labels = np.array(partitions_of(4))
    assert len(labels) == 15
    p = np.array([0.1, 0.2, 0.3, 0.4])

    def of_all_pairs(measure):
        return np.asarray(jax.jit(jax.vmap(jax.vmap(measure, (None, 0)), (0, None)))(labels, labels))

    shannon = of_all_pairs(lambda a, b: information.shannon_distance(a, b, p))
    rajski = of_all_pairs(lambda a, b: information.rajski_distance(a, b, p))
    for distance in (shannon, rajski):
        np.testing.assert_allclose(distance, distance.T, atol=1e-15)
        assert np.all((distance == 0) == np.eye(15, dtype=bool))
        assert np.all(distance[:, None, :] <= distance[:, :, None] + distance[None] + 1e-12)
    finer = of_all_pairs(lambda a, b: information.refines(a, b, p).value)
    chains = [(i, j, k) for i in range(15) for j in range(15) for k in range(15) if finer[i, j] and finer[j, k]]
    excess = [[d[i, j] + d[j, k] - d[i, k] for i, j, k in chains] for d in (shannon, rajski)]
    np.testing.assert_allclose(excess[0], 0, atol=1e-12)
    assert max(excess[1]) > 0.05
