"""Facts of structural entropy in last-mile logistics (arXiv 2605.00008, whose abstract we read so)."""

import itertools
import math

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy.special import gammaln, polygamma

from entropax.applications import logistics

pytestmark = pytest.mark.usefixtures("x64")

DIGITS = {"rtol": 0, "atol": 6e-13}
"""All of twelve printed decimals; sums of several hundred leave a last digit to rounding."""

UNIT = np.ones(100)
SHARES = (0.25, 0.5, 0.75, 0.9)
ADOPTERS = [round(100 * share) for share in SHARES]
CARRIER = np.array([339.801916841653, 288.217312690186, 224.243018636359, 181.762149515398])


def route(*counts):
    """A route padded to 200 stops."""
    return jnp.asarray(np.pad(np.array(counts, float), (0, 200 - len(counts))))


def entropy(*counts):
    return float(logistics.log_multiplicity(route(*counts)))


def with_lockers(adopters):
    """100 stops of one parcel; the first so many use five lockers of equal load."""
    adoption = np.arange(100) < adopters
    return logistics.spatial_consolidation(UNIT, np.arange(100) % 5, adoption, num_lockers=5)


def test_1_structural_entropy():
    """1. S of (2,1,1) is ln 12, of (4) 0, of (1,1,1,1) ln 24, of (3,2,1) ln 60, and of larger routes as printed."""
    expected = {
        (2, 1, 1): 2.484906649788,
        (4,): 0.0,
        (1, 1, 1, 1): 3.178053830348,
        (3, 2, 1): 4.094344562222,
        (10, 5, 5): 17.656220402114,
        (20,) * 5: 152.061293251796,
        (60, 25, 10, 5): 97.215692593054,
    }
    np.testing.assert_allclose([entropy(*counts) for counts in expected], list(expected.values()), **DIGITS)
    with mpmath.workdps(30):
        exact = [mpmath.log(mpmath.factorial(sum(n)) / mpmath.fprod(mpmath.factorial(k) for k in n)) for n in expected]
    np.testing.assert_allclose(list(expected.values()), np.array(exact, float), atol=5.1e-13)


def test_2_normalised_entropy():
    """2. S / ln N!: as printed; thirty stops of two and forty of one are near the most, all ones exactly there."""
    score = lambda n: float(logistics.normalized_structural_entropy(route(*n)))  # noqa: E731
    expected = [0.781895708014, 0.622311632477, 0.417053579897, 0.418050130040, 0.942831552441]
    real = (2,) * 30 + (1,) * 40
    routes = [(2, 1, 1), (3, 2, 1), (10, 5, 5), (20,) * 5, real]
    np.testing.assert_allclose([score(n) for n in routes], expected, **DIGITS)
    np.testing.assert_allclose(entropy(*real), 342.944960138765, **DIGITS)
    assert score((1,) * 70) == 1
    assert score((1,)) == score((5,)) == 0


def test_3_log_factorials():
    """3. ln n! as printed; Stirling's formula at 100 is short of it by 1 / (12 n)."""
    n = np.array([5, 20, 100, 148, 200])
    expected = [4.787491742782, 42.335616460753, 363.739375555563, 595.005524249382, 863.231987192405]
    np.testing.assert_allclose([entropy(*(1,) * k) for k in n], expected, **DIGITS)
    stirling = 100 * math.log(100) - 100 + math.log(2 * math.pi * 100) / 2
    np.testing.assert_allclose(stirling, 363.738542225, atol=5e-10)
    np.testing.assert_allclose(entropy(*(1,) * 100) - stirling, 1 / 1200, rtol=1e-4)


def test_4_shannon_duality():
    """4. S <= N H with equality for a single stop only; N H, H and H / ln K of (10,5,5) and of five stops of twenty."""
    per_parcel = lambda *n: float(logistics.shannon_duality_gap(route(*n)))  # noqa: E731
    shannon = lambda *n: entropy(*n) / sum(n) + per_parcel(*n)  # noqa: E731
    H = shannon(10, 5, 5)
    np.testing.assert_allclose(
        [20 * H, H, H / math.log(3)], [20.794415416798, 1.039720770840, 0.946394630357], **DIGITS
    )
    np.testing.assert_allclose(H, 1.5 * math.log(2), rtol=1e-14)
    np.testing.assert_allclose(100 * shannon(*(20,) * 5), 160.943791243410, **DIGITS)
    assert per_parcel(7) == 0
    rng = np.random.default_rng(0)
    assert all(per_parcel(*rng.integers(1, 30, rng.integers(2, 9))) > 0 for _ in range(20))


def test_5_chain_rule():
    """5. (3,2 | 4,1,2): 13.631106834966 = 6.674561391814 between + 6.956545443152 within."""
    parts = logistics.grouped_entropy(jnp.array([3.0, 2, 4, 1, 2]), np.array([0, 0, 1, 1, 1]), num_groups=2)
    printed = [13.631106834966, 6.674561391814, 6.956545443152]
    np.testing.assert_allclose([parts.value, parts.between, parts.within], printed, **DIGITS)
    np.testing.assert_allclose(parts.groups, [entropy(3, 2), entropy(4, 1, 2)], rtol=1e-14)
    whole = math.factorial(12) // math.prod(map(math.factorial, (3, 2, 4, 1, 2)))
    split = math.comb(12, 5) * math.comb(5, 3) * (math.factorial(7) // math.prod(map(math.factorial, (4, 1, 2))))
    assert whole == split


def test_6_carrier_under_spatial_consolidation():
    """6. Carrier entropies at four shares, reductions of 6.58, 20.76, 38.35 and 50.03 %, and what customers take."""
    carrier = np.array([logistics.log_multiplicity(with_lockers(k).value) for k in ADOPTERS])
    np.testing.assert_allclose(carrier, CARRIER, **DIGITS)
    np.testing.assert_allclose(100 * (1 - carrier / 363.739375555563), [6.58, 20.76, 38.35, 50.03], atol=5e-3)
    lockers = [np.where(np.arange(100) < k, 100 + np.arange(100) % 5, np.arange(100)) for k in ADOPTERS]
    parts = [logistics.grouped_entropy(UNIT, group, num_groups=105) for group in lockers]
    within = np.array([part.within for part in parts])
    np.testing.assert_allclose(within, [23.937458713910, 75.522062865378, 139.496356919204, 181.977226040165], **DIGITS)
    np.testing.assert_allclose([part.between for part in parts], CARRIER, **DIGITS)
    np.testing.assert_allclose(carrier + within, 363.739375555563, **DIGITS)


def test_7_system_entropy_and_break_even():
    """7. Without chaining all are above 363.739; all chained, they are the carrier's; c* at .5 (digits by mpmath)."""
    loads = [with_lockers(k) for k in ADOPTERS]
    system = lambda load, c: float(logistics.system_entropy(load.value, load.customers, c))  # noqa: E731
    printed = [457.935520515978, 529.498042984046, 592.842996227535, 628.500236835698]
    np.testing.assert_allclose([system(load, 0.0) for load in loads], printed, **DIGITS)
    np.testing.assert_allclose([system(load, 1.0) for load in loads], CARRIER, **DIGITS)
    np.testing.assert_allclose(system(loads[1], 0.5), 406.350916364510, **DIGITS)
    found = logistics.break_even_chaining(loads[1].value, loads[1].customers, 363.73937555556347)
    np.testing.assert_allclose(found.value, 0.677694495998, **DIGITS)
    assert found.converged
    assert found.attainable
    with mpmath.workdps(30):
        occupied = 5 * mpmath.loggamma(11)
        delta = lambda c: mpmath.loggamma(101 + 50 * (1 - c)) - occupied - mpmath.loggamma(101)  # noqa: E731
        exact = float(mpmath.findroot(delta, (0.1, 0.9), solver="anderson", tol=1e-25))
    np.testing.assert_allclose(found.value, exact, rtol=1e-13)


def test_8_temporal_consolidation():
    """8. 100 deliveries of which 20 merge into others: 363.739375555563 to 273.673124285694, less by 24.761 %."""
    customer, day = np.concatenate([np.arange(80), np.arange(20)]), np.repeat([0, 1], [80, 20])
    events = lambda window: (  # noqa: E731
        logistics.temporal_consolidation(customer, day, window=window, num_customers=80, num_days=2).reshape(-1) > 0
    )
    values = [entropy(*events(window)) for window in (1, 2)]
    np.testing.assert_allclose(values, [363.739375555563, 273.673124285694], **DIGITS)
    np.testing.assert_allclose(100 * (values[1] / values[0] - 1), -24.761, atol=5e-4)


def test_9_merging_permuting_and_adding():
    """9. Merging stops a and b lowers S by ln C(n_a + n_b, n_a); permutations keep it; it is superadditive."""
    rng = np.random.default_rng(1)
    for _ in range(10):
        n, m = rng.integers(1, 12, 5), rng.integers(1, 12, 4)
        merged = (n[0] + n[1], *n[2:])
        lowered = entropy(*n) - entropy(*merged)
        np.testing.assert_allclose(lowered, math.log(math.comb(int(n[0] + n[1]), int(n[0]))), rtol=1e-11)
        assert lowered > 0
        np.testing.assert_allclose(entropy(*rng.permutation(n)), entropy(*n), rtol=1e-14)
        assert entropy(*n, *m) >= entropy(*n) + entropy(*m)


def test_10_gradient_and_concavity():
    """10. dS/dn_i = psi(N + 1) - psi(n_i + 1): .61666..., .95, 1.45 at (3,2,1); S is concave at fixed N."""
    n = jnp.array([3.0, 2.0, 1.0])
    gradient = jax.grad(logistics.log_multiplicity)
    np.testing.assert_allclose(gradient(n), [0.616666666667, 0.95, 1.45], **DIGITS)
    np.testing.assert_allclose(gradient(n), polygamma(0, 7) - polygamma(0, np.asarray(n) + 1), rtol=1e-13)
    tangents = np.linalg.svd(np.ones((1, 3)))[2][1:]
    curvatures = np.linalg.eigvalsh(tangents @ jax.hessian(logistics.log_multiplicity)(n) @ tangents.T)
    assert np.all(curvatures < 0)
    # Equal counts are stationary on the simplex, and so the most.
    equal = np.asarray(gradient(jnp.full(3, 2.0)))
    np.testing.assert_allclose(equal, equal[0], rtol=1e-14)


@pytest.mark.parametrize("counts", [(2, 1, 1), (3, 2, 1), (4, 4), (2, 2, 2, 2), (1,) * 5, (5, 2, 1)])
def test_11_brute_force(counts):
    """11. W is the number of distinct sequences of stops' labels."""
    labels = [stop for stop, count in enumerate(counts) for _ in range(count)]
    sequences = len(set(itertools.permutations(labels)))
    np.testing.assert_allclose(math.exp(entropy(*counts)), sequences, rtol=1e-12)


def test_12_dedicated_trips_raise_the_system():
    """12. With one parcel a customer and no trip chained it gains ln C(N + T, T) + ln(T! / prod M_j!) >= 0."""
    rng = np.random.default_rng(2)
    for _ in range(10):
        adoption = rng.random(100) < rng.uniform(0.01, 1)
        loads = logistics.spatial_consolidation(UNIT, rng.integers(0, 5, 100), adoption, num_lockers=5)
        gained = float(logistics.system_entropy(loads.value, loads.customers, 0.0)) - entropy(*(1,) * 100)
        T, M = int(adoption.sum()), np.asarray(loads.value[100:])
        expected = math.log(math.comb(100 + T, T)) + gammaln(T + 1) - gammaln(M + 1).sum()
        np.testing.assert_allclose(gained, expected, rtol=1e-11)
        assert gained > 0


def test_12_needs_one_parcel_a_customer():
    """Not "always": customers of several parcels, each collecting theirs in one trip, can lower it. Ours, by hand."""
    loads = logistics.spatial_consolidation(jnp.full(10, 5.0), np.zeros(10, int), 1.0, num_lockers=1)
    gained = float(logistics.system_entropy(loads.value, loads.customers, 0.0)) - entropy(*(5,) * 10)
    np.testing.assert_allclose(gained, gammaln(61) - gammaln(51) - gammaln(51) + 10 * gammaln(6), rtol=1e-12)
    assert gained < 0
