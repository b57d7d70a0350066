"""Measures of a joint distribution against dit and closed forms."""

import dit
import numpy as np
import pytest

from entropax import information

RNG = np.random.default_rng(7)

pytestmark = pytest.mark.usefixtures("x64")


def dit_joint(joint):
    outcomes = ["".join(map(str, index)) for index in np.ndindex(joint.shape)]
    return dit.Distribution(outcomes, joint.ravel())


@pytest.mark.parametrize("shape", [(2, 3, 2), pytest.param((2, 2, 2, 2), marks=pytest.mark.slow)])
def test_joint_measures_against_dit(shape):
    joint = RNG.dirichlet(np.ones(int(np.prod(shape)))).reshape(shape)
    d, bits = dit_joint(joint), {"base": 2.0}
    n = len(shape)
    parts = [[i] for i in range(n)]
    close = {"rtol": 1e-9, "atol": 1e-12}
    np.testing.assert_allclose(
        information.mutual_information(joint, **bits), dit.shannon.mutual_information(d, [0], [1]), **close
    )
    np.testing.assert_allclose(
        information.conditional_entropy(joint, of=(0, 1), given=2, **bits),
        dit.shannon.conditional_entropy(d, [0, 1], [2]),
        **close,
    )
    np.testing.assert_allclose(
        information.conditional_mutual_information(joint, **bits),
        dit.multivariate.coinformation(d, [[0], [1]], [2]),
        **close,
    )
    np.testing.assert_allclose(
        information.total_correlation(joint, **bits), dit.multivariate.total_correlation(d, parts), **close
    )
    np.testing.assert_allclose(
        information.dual_total_correlation(joint, **bits), dit.multivariate.dual_total_correlation(d, parts), **close
    )
    np.testing.assert_allclose(
        information.o_information(joint, **bits), dit.multivariate.o_information(d, parts), **close
    )
    np.testing.assert_allclose(
        information.interaction_information(joint, **bits),
        (-1) ** n * dit.multivariate.coinformation(d, parts),
        **close,
    )
    pair = dit_joint(joint.sum(axis=tuple(range(2, n))))
    variation = dit.shannon.conditional_entropy(pair, [0], [1]) + dit.shannon.conditional_entropy(pair, [1], [0])
    np.testing.assert_allclose(information.variation_of_information(joint, **bits), variation, **close)


@pytest.mark.fast
def test_joint_closed_forms():
    xor = np.zeros((2, 2, 2))
    for a in (0, 1):
        for b in (0, 1):
            xor[a, b, a ^ b] = 0.25
    assert information.mutual_information(xor) == pytest.approx(0.0, abs=1e-15)
    assert information.conditional_mutual_information(xor) == pytest.approx(np.log(2))
    assert information.interaction_information(xor) == pytest.approx(np.log(2))  # synergy is positive
    assert information.o_information(xor) == pytest.approx(-np.log(2))
    copies = np.zeros((2, 2, 2))
    copies[0, 0, 0] = copies[1, 1, 1] = 0.5
    assert information.o_information(copies) == pytest.approx(np.log(2))
    for normalizer in ("arithmetic", "geometric", "min", "max", "joint"):
        nmi = information.normalized_mutual_information(copies, normalizer=normalizer)
        assert nmi == pytest.approx(1.0)
    for group, message in (((0, 0), "must not repeat"), (5, "must name axes"), (1, "share one")):
        with pytest.raises(ValueError, match=message):
            information.mutual_information(xor, x=group, y=1)
