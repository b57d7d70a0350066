"""Facts of arXiv 2502.14631 (evidence about high-entropy alloys) and of Dempster's rule that entropax must hold."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import information
from entropax.applications.alloys import alloy_table, find_substitutions, predict_alloys, substitutability

pytestmark = pytest.mark.usefixtures("x64")

TOY = (["AlBe", "AlCr", "CoBe", "CoCr"], [True, True, True, False])
"""{A, B}, {A, C}, {D, B} form one phase, {D, C} does not: A = Al, B = Be, C = Cr, D = Co."""


def masses_of(**subsets: float) -> np.ndarray:
    """Masses on subsets of {a, b, c} by their letters."""
    masses = np.zeros(8)
    for letters, mass in subsets.items():
        masses[sum(1 << "abc".index(letter) for letter in letters)] = mass
    return masses


M1 = masses_of(a=0.5, bc=0.3, abc=0.2)
M2 = masses_of(ab=0.6, c=0.1, abc=0.3)
M3 = masses_of(b=0.2, ac=0.3, c=0.1, abc=0.4)


def test_1_pools_of_simple_supports() -> None:
    """1. (n+, n-, alpha) gives similar, dissimilar and open as the authors' code does, 12 digits."""
    n_for, n_against, alpha = np.array([3.0, 2, 3, 5, 4]), np.array([0.0, 1, 2, 5, 1]), [0.1, 0.2, 0.1, 0.2, 0.3]
    expected = [
        [0.271, 0, 0.729],
        [0.310344827586, 0.137931034483, 0.551724137931],
        [0.231426131512, 0.146029035013, 0.622544833476],
        [0.402028319939, 0.402028319939, 0.195943360122],
        [0.689001722731, 0.093299483181, 0.217698794088],
    ]
    pooled = jax.vmap(information.simple_support_pool)(n_for, n_against, jnp.array(alpha))
    np.testing.assert_allclose(pooled[:, 1:], expected, rtol=0, atol=6e-13)


def test_2_a_frame_of_three() -> None:
    """2. Two pieces on {a, b, c}, ten digits, K = .05."""
    combined = information.dempster_combine(M1, M2)
    expected = masses_of(
        a=0.4736842105, b=0.1894736842, c=0.0526315789, ab=0.1263157895, bc=0.0947368421, abc=0.0631578947
    )
    np.testing.assert_allclose(combined.value, expected, rtol=0, atol=6e-11)
    assert float(combined.conflict) == pytest.approx(0.05, abs=1e-15)


def test_3_dempsters_rule() -> None:
    """3. Commutative and associative to 1e-12, ignorance is neutral, repetition sharpens, certainties contradict."""
    combine = lambda a, b: np.asarray(information.dempster_combine(a, b).value)  # noqa: E731
    np.testing.assert_allclose(combine(M1, M2), combine(M2, M1), atol=1e-12)
    together = combine(combine(M1, M2), M3)
    np.testing.assert_allclose(together, combine(M1, combine(M2, M3)), atol=1e-12)
    np.testing.assert_allclose(together, information.dempster_combine_many(np.stack([M1, M2, M3])).value, atol=1e-12)
    np.testing.assert_allclose(combine(M1, masses_of(abc=1.0)), M1, atol=1e-15)
    twice = combine(M1, M1)
    assert twice[-1] < M1[-1]
    assert twice.max() > M1.max()
    with pytest.raises(ValueError, match="contradict each other wholly, got a conflict K = 1"):
        information.dempster_combine(masses_of(a=1.0), masses_of(b=1.0))


def test_4_belief_bets_plausibility_and_discounts() -> None:
    """4. Bel <= BetP <= Pl for every outcome; r = 1 keeps, r = 0 forgets, r1 then r2 is r1 r2."""
    single = [1, 2, 4]
    pieces = np.stack([M1, M2, M3])
    belief, plausibility = (np.asarray(f(pieces))[:, single] for f in (information.belief, information.plausibility))
    bets = np.asarray(information.pignistic(pieces))
    assert (belief <= bets + 1e-15).all()
    assert (bets <= plausibility + 1e-15).all()
    np.testing.assert_array_equal(information.discount(M1, 1.0), M1)
    np.testing.assert_array_equal(information.discount(M1, 0.0), masses_of(abc=1.0))
    np.testing.assert_allclose(
        information.discount(information.discount(M1, 0.7), 0.4), information.discount(M1, 0.28), atol=1e-15
    )


def test_5_zadehs_paradox() -> None:
    """5. {a} .99, {c} .01 with {b} .99, {c} .01 leaves {c} alone, and the conflict .9999 is reported."""
    pair = masses_of(a=0.99, c=0.01), masses_of(b=0.99, c=0.01)
    for combined in (information.dempster_combine(*pair), information.dempster_combine_many(np.stack(pair))):
        np.testing.assert_allclose(combined.value, masses_of(c=1.0), atol=1e-12)
        assert float(combined.conflict) == pytest.approx(0.9999, abs=1e-12)
        assert float(combined.log_agreement) == pytest.approx(np.log(1e-4), rel=1e-12)


def test_6_the_toy_alloys() -> None:
    """6. {B, C} and {A, D} are similar and dissimilar to .09 / .99; a new {E, B} is all ignorance."""
    table = alloy_table(TOY[0] + ["FeBe"], TOY[1] + [False])
    known = np.array([True] * 4 + [False])
    found = find_substitutions(table.members)
    similarity = np.asarray(substitutability(found, table.labels.astype(float), 0.1, known=known))
    by_pair = {
        frozenset(table.elements[i] for i in pair): masses
        for pair, masses in zip(np.asarray(found.single), similarity, strict=True)
    }
    for pair in (("Be", "Cr"), ("Al", "Co")):
        expected = [0, 0.0909090909, 0.0909090909, 0.8181818182]
        np.testing.assert_allclose(by_pair[frozenset(pair)], expected, rtol=0, atol=6e-11)
    prediction = predict_alloys(found, similarity, table.labels.astype(float), 0.1, known=known)
    np.testing.assert_array_equal(prediction.value[-1], [0, 0, 0, 1])


def random_table(seed: int, count: int = 30) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    members = np.unique(rng.random((3 * count, 8)) < 0.35, axis=0)
    members = members[members.sum(axis=1) >= 2]
    members = members[rng.permutation(len(members))[:count]]
    return members, rng.integers(0, 2, len(members)).astype(float)


def test_7_labels_exchanged() -> None:
    """7. With all labels exchanged similarities stay and m(HEA) and m(not HEA) change places."""
    members, labels = random_table(0)
    found = find_substitutions(members, kmax=2)
    similarity, other = (substitutability(found, y, 0.2) for y in (labels, 1 - labels))
    np.testing.assert_array_equal(similarity, other)
    here, there = (predict_alloys(found, similarity, y, 0.5).value for y in (labels, 1 - labels))
    np.testing.assert_array_equal(here, np.asarray(there)[:, [0, 2, 1, 3]])
    assert float(jnp.max(here[:, 1])) > 0.1


def test_8_strangers_and_many_pieces() -> None:
    """8. An alloy that shares no host changes nothing; masses are in [0, 1] and sum to one with 10^4 pieces."""
    members, labels = random_table(1)
    wider = np.zeros((len(members) + 1, 10), bool)
    wider[:-1, :8], wider[-1, 8:] = members, True

    def both(members: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = find_substitutions(members, kmax=2)
        similarity = substitutability(found, labels, 0.2)
        return np.asarray(similarity), np.asarray(predict_alloys(found, similarity, labels, 0.5).value)

    similarity, masses = both(members, labels)
    wider_similarity, wider_masses = both(wider, np.append(labels, 1.0))
    np.testing.assert_array_equal(wider_similarity, similarity)
    np.testing.assert_array_equal(wider_masses[:-1], masses)
    pooled = np.asarray(
        information.simple_support_pool(np.array([1e4, 5e3, 0, 1e4]), np.array([0, 5e3, 1e4, 9_999.0]), 0.3)
    )
    assert (pooled >= 0).all()
    assert (pooled <= 1).all()
    np.testing.assert_allclose(pooled.sum(axis=-1), 1, rtol=0, atol=1e-12)
    np.testing.assert_allclose(pooled[3, 1:3], [1 / 1.7, 0.7 / 1.7], rtol=1e-10)


def test_9_slopes_in_alpha() -> None:
    """9. d m(similar) / d alpha is 1 at n+ = 1, n- = 0, and 3 (1 - alpha)^2 = 2.43 at n+ = 3, alpha = .1."""
    slope = jax.grad(lambda alpha, n: information.simple_support_pool(n, 0.0, alpha)[1])
    assert float(slope(0.1, 1.0)) == pytest.approx(1, rel=1e-14)
    assert float(slope(0.1, 3.0)) == pytest.approx(2.43, rel=1e-14)
