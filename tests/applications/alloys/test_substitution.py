"""Exchanges of element groups against pairs found with sets, and their evidence against Dempster's rule piecewise."""

from itertools import combinations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import information
from entropax.applications.alloys import (
    element_distance,
    find_substitutions,
    fuse_sources,
    predict_alloys,
    rank_alloys,
    substitutability,
)
from entropax.applications.alloys.substitution import Substitutions
from tests.contract.harness import without_shape_hook

pytestmark = pytest.mark.usefixtures("x64")


def random_alloys(seed: int, count: int = 24, elements: int = 7) -> np.ndarray:
    """Distinct sets of one to four elements, the small ones more often."""
    rng = np.random.default_rng(seed)
    every = [set(c) for size in (1, 2, 2, 3, 4) for c in combinations(range(elements), size)]
    distinct = {frozenset(every[i]) for i in rng.permutation(len(every))[: 2 * count]}
    chosen = sorted(map(sorted, distinct))
    picked = rng.permutation(len(chosen))[:count]
    return np.array([[e in chosen[i] for e in range(elements)] for i in picked])


def pairs_by_sets(members: np.ndarray, kmax: int, empty_host: bool, allow_empty: bool) -> list[tuple]:
    """(first, second, {S, T}) as the definition says it."""
    sets = [frozenset(np.flatnonzero(row).tolist()) for row in members]
    found = []
    for i, j in combinations(range(len(sets)), 2):
        host, s, t = sets[i] & sets[j], sets[i] - sets[j], sets[j] - sets[i]
        small = len(s) <= kmax and len(t) <= kmax
        groups = (s and t) or (allow_empty and (s or t))
        if small and groups and (host or empty_host):
            found.append((i, j, frozenset((s, t))))
    return found


def exchanges_of(substitutions: Substitutions) -> list[frozenset[frozenset[int]]]:
    return [
        frozenset(frozenset(np.flatnonzero(group).tolist()) for group in groups)
        for groups in np.asarray(substitutions.groups)
    ]


@pytest.mark.parametrize("kmax", [1, 2, 3])
@pytest.mark.parametrize("empty_host", [False, True])
@pytest.mark.parametrize("allow_empty", [False, True])
def test_pairs_by_sets(kmax: int, empty_host: bool, allow_empty: bool) -> None:
    members = random_alloys(kmax)
    found = find_substitutions(members, kmax=kmax, empty_host=empty_host, allow_empty=allow_empty)
    exchanges = exchanges_of(found)
    assert len(set(exchanges)) == len(exchanges)
    listed = [
        (i, j, exchanges[e])
        for i, j, e in zip(*(np.asarray(x).tolist() for x in (found.first, found.second, found.exchange)), strict=True)
    ]
    assert sorted(listed, key=str) == sorted(pairs_by_sets(members, kmax, empty_host, allow_empty), key=str)
    nothing = [frozenset() in exchanges[e] for e in np.asarray(found.exchange)]
    np.testing.assert_array_equal(found.predictive, np.logical_not(nothing))
    single = {frozenset(map(frozenset, ([a], [b]))) for a, b in np.asarray(found.single).tolist() if min(a, b) >= 0}
    assert single == {x for x in exchanges if all(len(group) == 1 for group in x)}


def test_blocks_join(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large tables are compared block by block: the pairs are the same."""
    members = random_alloys(7)
    whole = find_substitutions(members, kmax=2)
    monkeypatch.setattr("entropax.applications.alloys.substitution._BLOCK", 5)
    parts = find_substitutions(members, kmax=2)
    for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(parts), strict=True):
        np.testing.assert_array_equal(a, b)


def test_certain_neighbours_leave_finite_slopes() -> None:
    """A certain exchange settles an alloy, with zero slopes; those of the others are what differences give."""
    found = find_substitutions(np.array([[1, 1, 0, 0], [1, 0, 1, 0], [0, 1, 1, 0], [0, 1, 0, 1]]))
    similarity = np.tile([0.0, 0.3, 0.3, 0.4], (len(found.groups), 1))
    pairs = [set(pair) for pair in np.asarray(found.single).tolist()]
    similarity[pairs.index({2, 3})] = [0, 1, 0, 0]  # between alloys 2 and 3, of which 2 is not known
    labels, known = np.array([1.0, 0.2, 0.5, 1.0]), np.array([True, True, False, True])

    @jax.jit
    def supported(labels: jax.Array) -> jax.Array:
        return predict_alloys(found, similarity, labels, 1.0, known=known).value[:, 1]

    value, slopes = np.asarray(supported(labels)), np.asarray(jax.jacrev(supported)(labels))
    step = np.array([0, 1e-6, 0, 0])
    differences = (np.asarray(supported(labels + step)) - np.asarray(supported(labels - step))) / 2e-6
    assert value[2] == 1
    assert np.all(np.isfinite(slopes))
    np.testing.assert_array_equal(slopes[2], 0)
    np.testing.assert_allclose(np.delete(slopes[:, 1], 2), np.delete(differences, 2), atol=1e-9)
    # A label of one weighs nothing against: the slope of that weight is the logarithm of doubt all the same.
    step = np.array([1e-4, 0, 0, 0])
    one_sided = 3 * value - 4 * np.asarray(supported(labels - step)) + np.asarray(supported(labels - 2 * step))
    np.testing.assert_allclose(slopes[[1, 3], 0], one_sided[[1, 3]] / 2e-4, rtol=1e-6)


def test_mass_on_the_empty_set_is_refused() -> None:
    found = find_substitutions(np.array([[1, 1, 0], [1, 0, 1]]))
    masses = np.array([[0.5, 0.5, 0.0, 0.0]])
    for call in (
        lambda: predict_alloys(found, masses, np.ones(2), 0.5),
        lambda: element_distance(found, masses),
        lambda: rank_alloys(masses),
    ):
        with pytest.raises(ValueError, match="must be zero on the empty set"):
            call()


def test_what_is_no_mass_has_no_gradient() -> None:
    """Under a transformation all gradients are NaN, those of entries that the result does not read among them."""
    found = find_substitutions(np.array([[1, 1, 0], [1, 0, 1]]))
    good, bad = np.array([[0.0, 0.2, 0.3, 0.5]]), np.array([[0.0, 0.5, 0.3, 0.5]])

    @jax.jit
    def slopes(masses: jax.Array) -> tuple[jax.Array, ...]:
        return (
            jax.grad(lambda m: information.dempster_combine(m, good).log_agreement[0])(masses),
            jax.grad(lambda m: information.dempster_combine(good, m).value[0, 1])(masses),
            jax.grad(lambda m: information.dempster_combine_many(jnp.stack([good, m])).log_agreement.sum())(masses),
            jax.grad(lambda m: information.dempster_combine_many(jnp.concatenate([good, m])).value[1])(masses),
            jax.grad(lambda m: predict_alloys(found, m, np.ones(2), 0.5).value[0, 1])(masses),
            jax.grad(lambda m: element_distance(found, m)[1, 2])(masses),
        )

    for one in slopes(bad):
        assert np.all(np.isnan(one))
    for one in slopes(good):
        assert np.all(np.isfinite(one))


def combined(pieces: list[list[float]]) -> np.ndarray:
    """Dempster's rule on two outcomes, piece by piece, by its formula."""
    yes, no, both = 0.0, 0.0, 1.0
    for _, a, b, c in pieces:
        weights = yes * (a + c) + both * a, no * (b + c) + both * b, both * c
        yes, no, both = (w / sum(weights) for w in weights)
    return np.array([0, yes, no, both])


def test_evidence_piece_by_piece() -> None:
    """Similarities and predictions, with some alloys unknown, from the pairs that sets give."""
    members, alpha, d = random_alloys(3), 0.3, 0.6
    rng = np.random.default_rng(0)
    labels, known = rng.integers(0, 2, len(members)), rng.random(len(members)) < 0.75
    found = find_substitutions(members, kmax=2)
    similarity = substitutability(found, labels, alpha, known=known)
    pairs = pairs_by_sets(members, 2, False, False)
    expected = []
    for exchange in exchanges_of(found):
        pieces = [
            [0, alpha, 0, 1 - alpha] if labels[i] == labels[j] else [0, 0, alpha, 1 - alpha]
            for i, j, x in pairs
            if x == exchange and known[i] and known[j]
        ]
        expected.append(combined(pieces))
    np.testing.assert_allclose(similarity, expected, atol=1e-14)
    alike = dict(zip(exchanges_of(found), np.asarray(expected)[:, 1], strict=True))
    prediction = predict_alloys(found, similarity, labels, d, known=known)
    for alloy in range(len(members)):
        neighbours = [(j if i == alloy else i, x) for i, j, x in pairs if alloy in (i, j)]
        pieces = [
            [0, d * alike[x], 0, 1 - d * alike[x]] if labels[other] else [0, 0, d * alike[x], 1 - d * alike[x]]
            for other, x in neighbours
            if known[other]
        ]
        np.testing.assert_allclose(prediction.value[alloy], combined(pieces), atol=1e-14)


def test_unknown_labels_are_not_read() -> None:
    members = random_alloys(4)
    labels, known = np.ones(len(members)), np.arange(len(members)) > 3
    found = find_substitutions(members)
    poisoned = np.where(known, labels, np.nan)
    similarity = substitutability(found, labels, 0.2, known=known)
    np.testing.assert_array_equal(substitutability(found, poisoned, 0.2, known=known), similarity)
    np.testing.assert_array_equal(
        predict_alloys(found, similarity, poisoned, 0.5, known=known).value,
        predict_alloys(found, similarity, labels, 0.5, known=known).value,
    )


def test_order_and_distances() -> None:
    masses = np.array([[0, 0.2, 0.3, 0.5], [0, 0.6, 0, 0.4], [0, 0.2, 0.5, 0.3], [0, 0, 0, 1.0]])
    assert rank_alloys(masses).value.tolist() == [1, 2, 0, 3]
    ranked = jax.jit(rank_alloys)
    assert bool(ranked(masses).valid)
    assert not bool(ranked(masses / 2).valid)
    with pytest.raises(ValueError, match="masses must be non-negative and sum to one"):
        rank_alloys(masses / 2)
    found = find_substitutions(np.eye(3, dtype=int)[[0, 1]] | np.eye(3, dtype=int)[2], kmax=1)
    distance = element_distance(found, np.array([[0, 0.36, 0.14, 0.5]]))
    np.testing.assert_allclose(distance, [[0, 0.8, 1], [0.8, 0, 1], [1, 1, 0]], atol=1e-15)


def test_fusing_sources() -> None:
    """A source of no reliability changes nothing; two are Dempster's rule of what they are discounted to."""
    rng = np.random.default_rng(5)
    sources = np.concatenate([np.zeros((2, 3, 1)), rng.dirichlet(np.ones(3), size=(2, 3))], axis=-1)
    np.testing.assert_allclose(fuse_sources(sources, np.array([1.0, 0.0])).value, sources[0], atol=1e-15)
    fused = fuse_sources(sources, np.array([0.9, 0.4]))
    pair = information.dempster_combine(information.discount(sources[0], 0.9), information.discount(sources[1], 0.4))
    np.testing.assert_allclose(fused.value, pair.value, atol=1e-15)
    np.testing.assert_allclose(fused.conflict, pair.conflict, atol=1e-15)


@pytest.mark.parametrize(
    ("members", "options", "message"),
    [
        (np.ones(3), {}, r"members must have shape \(alloys, elements\), got \(3,\)"),
        (np.full((2, 2), 0.5), {}, "members must be zeros and ones"),
        (np.array([[1, 1], [0, 0]]), {}, "every alloy an element, got none in row 1"),
        (np.ones((2, 2)), {"kmax": 0}, "kmax must be at least 1, got 0"),
    ],
)
def test_bad_tables(members: np.ndarray, options: dict, message: str) -> None:
    with without_shape_hook(), pytest.raises(ValueError, match=message):
        find_substitutions(members, **options)


def test_tables_are_read_on_the_host() -> None:
    with pytest.raises(TypeError, match="members must be a concrete array"):
        jax.jit(lambda m: find_substitutions(m).first)(jnp.ones((2, 2)))
    found = find_substitutions(np.array([[1, 1, 0], [1, 0, 1]]))
    with without_shape_hook(), pytest.raises(TypeError, match="known must be boolean"):
        substitutability(found, np.ones(2), 0.1, known=np.ones(2))  # type: ignore[arg-type]
