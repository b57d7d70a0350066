"""Evidence against Dempster's rule on sets of outcomes with exact fractions, and many pieces against closed forms."""

from fractions import Fraction
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import information

pytestmark = pytest.mark.usefixtures("x64")


def subset(index: int) -> frozenset[int]:
    return frozenset(bit for bit in range(index.bit_length()) if index >> bit & 1)


def on_sets(masses: np.ndarray) -> dict[frozenset[int], Fraction]:
    return {subset(i): Fraction(float(m)) for i, m in enumerate(masses) if m}


def dempster_on_sets(*pieces: dict[frozenset[int], Fraction]) -> tuple[dict[frozenset[int], Fraction], Fraction]:
    """Dempster's rule as it is written down, all pieces at once."""
    joint: dict[frozenset[int], Fraction] = {}
    for chosen in product(*(piece.items() for piece in pieces)):
        meet = frozenset.intersection(*(sets for sets, _ in chosen))
        weight = Fraction(1)
        for _, mass in chosen:
            weight *= mass
        joint[meet] = joint.get(meet, Fraction(0)) + weight
    conflict = joint.pop(frozenset(), Fraction(0))
    total = sum(joint.values())
    return {sets: mass / total for sets, mass in joint.items()}, conflict


def random_masses(rng: np.random.Generator, outcomes: int, *, zeros: float = 0.4) -> np.ndarray:
    """Masses in sixty-fourths, so that sums are exact, some of them zero."""
    weights = rng.multinomial(64, rng.dirichlet(np.ones(2**outcomes - 1)))
    weights[:-1] *= rng.random(2**outcomes - 2) > zeros
    weights[-1] += 64 - weights.sum()
    return np.concatenate([[0], weights]) / 64


def assert_same(masses: jax.Array, expected: dict[frozenset[int], Fraction], atol: float = 1e-14) -> None:
    by_index = [float(expected.get(subset(i), 0)) for i in range(len(masses))]
    np.testing.assert_allclose(masses, by_index, rtol=0, atol=atol)


@pytest.mark.parametrize("outcomes", [1, 2, 3, 4])
def test_dempsters_rule_on_sets(outcomes: int) -> None:
    rng = np.random.default_rng(outcomes)
    for _ in range(5):
        pieces = [random_masses(rng, outcomes) for _ in range(3)]
        two, conflict = dempster_on_sets(*map(on_sets, pieces[:2]))
        combined = information.dempster_combine(*pieces[:2])
        assert_same(combined.value, two)
        assert float(combined.conflict) == pytest.approx(float(conflict), abs=1e-15)
        assert float(combined.log_agreement) == pytest.approx(np.log(float(1 - conflict)), abs=1e-14)
        three, conflict = dempster_on_sets(*map(on_sets, pieces))
        combined = information.dempster_combine_many(np.stack(pieces))
        assert_same(combined.value, three)
        assert float(combined.conflict) == pytest.approx(float(conflict), abs=1e-14)


def test_belief_and_its_relatives_on_sets() -> None:
    masses = random_masses(np.random.default_rng(0), 4, zeros=0.2)
    sets = on_sets(masses)
    every = [subset(i) for i in range(16)]
    belief = [float(sum((m for b, m in sets.items() if b <= a), Fraction(0))) for a in every]
    plausibility = [float(sum((m for b, m in sets.items() if b & a), Fraction(0))) for a in every]
    commonality = [float(sum((m for b, m in sets.items() if b >= a), Fraction(0))) for a in every]
    bets = [float(sum((m / len(b) for b, m in sets.items() if w in b), Fraction(0))) for w in range(4)]
    np.testing.assert_allclose(information.belief(masses), belief, atol=1e-15)
    np.testing.assert_allclose(information.plausibility(masses), plausibility, atol=1e-15)
    np.testing.assert_allclose(information.commonality(masses), commonality, atol=1e-15)
    np.testing.assert_allclose(information.pignistic(masses), bets, atol=1e-15)


def test_ten_thousand_pieces_stay_masses() -> None:
    """Sums are one to 1e-12 and the winner is that of the summed logarithms, where products underflow."""
    rng = np.random.default_rng(1)
    pieces = np.concatenate([np.zeros((10_000, 1)), rng.dirichlet(np.ones(7), size=10_000)], axis=1)
    combined = information.dempster_combine_many(pieces)
    assert abs(float(combined.value.sum()) - 1) < 1e-12
    assert float(combined.value.min()) >= 0
    # Outcomes alone: what is left to two of them is smaller by exp(-3000).
    logs = np.log(np.asarray(information.commonality(pieces)))[:, [1, 2, 4]].sum(axis=0)
    kept = logs > logs.max() - 30
    expected = np.exp(logs - np.logaddexp.reduce(logs))
    np.testing.assert_allclose(np.asarray(combined.value)[[1, 2, 4]][kept], expected[kept], rtol=1e-9)
    assert float(combined.log_agreement) == pytest.approx(np.logaddexp.reduce(logs), rel=1e-13)
    assert float(combined.conflict) == 1.0


def test_opposite_pieces_by_the_thousand_balance() -> None:
    """Each side alone would be certain in floating point; together they leave one half each."""
    half = np.array([[0, 0.5, 0, 0.5]] * 5000 + [[0, 0, 0.5, 0.5]] * 5000)
    general = information.dempster_combine_many(half)
    closed = information.pool_supports(5000 * np.log(0.5), 5000 * np.log(0.5))
    for combined in (general, closed):
        np.testing.assert_allclose(combined.value, [0, 0.5, 0.5, 0], atol=1e-10)
        assert float(combined.log_agreement) == pytest.approx(-4999 * np.log(2), rel=1e-12)
    np.testing.assert_allclose(information.simple_support_pool(5000.0, 5000.0, 0.5), [0, 0.5, 0.5, 0], atol=1e-14)
    one_more = information.simple_support_pool(5001.0, 5000.0, 0.5)
    np.testing.assert_allclose(one_more, [0, 2 / 3, 1 / 3, 0], rtol=1e-12, atol=1e-14)


def test_closed_form_is_dempsters_rule() -> None:
    for yes, no, alpha in ((3, 2, 0.1), (0, 4, 0.3), (0, 0, 0.2), (2, 0, 0.9)):
        pieces = [[0, alpha, 0, 1 - alpha]] * yes + [[0, 0, alpha, 1 - alpha]] * no + [[0, 0, 0, 1.0]]
        expected = information.dempster_combine_many(np.array(pieces))
        pooled = information.pool_supports(yes * np.log1p(-alpha), no * np.log1p(-alpha))
        np.testing.assert_allclose(
            information.simple_support_pool(float(yes), float(no), alpha), expected.value, atol=1e-15
        )
        np.testing.assert_allclose(pooled.value, expected.value, atol=1e-15)
        assert float(pooled.conflict) == pytest.approx(float(expected.conflict), abs=1e-15)


def test_a_certain_side_outweighs_the_other() -> None:
    pooled = information.pool_supports(-np.inf, -3.0)
    np.testing.assert_allclose(pooled.value, [0, 1, 0, 0], atol=0)
    assert float(pooled.conflict) == pytest.approx(1 - np.exp(-3.0))


def test_slopes_at_zero_masses_are_those_from_inside() -> None:
    """Along the tangent that moves mass onto a subset that had none, by differences to one side."""
    pieces = jnp.array([[0, 1.0, 0, 0], [0, 0.2, 0.5, 0.3]])
    tangent = jnp.array([[0, -1.0, 1.0, 0], [0, 0, 0, 0]])
    combine = jax.jit(lambda m: information.dempster_combine_many(m).value)
    value, slope = jax.jvp(combine, (pieces,), (tangent,))
    step = 1e-7
    np.testing.assert_allclose(slope, (combine(pieces + step * tangent) - value) / step, rtol=1e-5, atol=1e-6)
    gradient = jax.grad(lambda m: combine(m)[2])(pieces)
    assert float(jnp.vdot(gradient, tangent)) == pytest.approx(float(slope[2]), rel=1e-12)
