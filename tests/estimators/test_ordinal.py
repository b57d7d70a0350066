import math
from itertools import permutations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import estimators, information


def brute_force(x, order, interval=1):
    """Place of the stable ranks of every window in the list of permutations."""
    places = {ranks: k for k, ranks in enumerate(permutations(range(order)))}
    windows = [x[i : i + interval * (order - 1) + 1 : interval] for i in range(len(x) - interval * (order - 1))]
    return [places[tuple(int(r) for r in np.argsort(np.argsort(w, kind="stable")))] for w in windows]


@pytest.mark.parametrize(("order", "interval"), [(2, 1), (3, 4), (5, 2), (7, 1)])
def test_indices_are_places_among_permutations(order, interval):
    """With ties too: of equal values the earlier is the smaller."""
    x = np.random.default_rng(order).integers(0, 9, 60)
    expected = brute_force(x, order, interval)
    for series in (x, x.astype(np.float32), jnp.asarray(x, jnp.bfloat16)):
        found = estimators.ordinal_pattern_indices(series, order=order, interval=interval)
        assert found.value.shape == (60 - interval * (order - 1),)
        np.testing.assert_array_equal(found.value, expected)
        assert bool(found.valid)


@pytest.mark.fast
def test_integers_are_compared_as_integers():
    """Large ones differ by less than float32 resolves."""
    x = 2**26 + np.array([0, 1, 2, 1, 3, 0, 1])
    np.testing.assert_array_equal(estimators.ordinal_pattern_indices(x, order=3).value, brute_force(x, 3))


@pytest.mark.fast
def test_a_series_that_is_not_finite_is_marked():
    x = jnp.array([0.0, 1.0, jnp.nan, 2.0])
    with pytest.raises(ValueError, match="x must be finite, got nan at flat index 2"):
        estimators.ordinal_pattern_indices(x, order=3)
    assert not bool(jax.jit(lambda x: estimators.ordinal_pattern_indices(x, order=3).valid)(x))


def test_counts_and_weights(x64):
    x = np.random.default_rng(1).standard_normal(300)
    codes = brute_force(x, 4, 3)
    p = estimators.ordinal_distribution(x, order=4, interval=3)
    np.testing.assert_allclose(p, np.bincount(codes, minlength=24) / 291, rtol=1e-14)
    w = np.random.default_rng(2).uniform(size=291)
    weighted = estimators.ordinal_distribution(x, order=4, interval=3, weights=w)
    np.testing.assert_allclose(weighted, np.bincount(codes, w, minlength=24) / w.sum(), rtol=1e-12)
    np.testing.assert_allclose(
        estimators.ordinal_distribution(x, order=4, interval=3, weights=np.full(291, 7.0)), p, rtol=1e-12
    )
    with pytest.raises(TypeError, match="interval must be a Python integer where weights are given"):
        estimators.ordinal_distribution(x, order=4, interval=jnp.asarray(3), weights=w)


def test_one_program_serves_all_intervals_and_intervals_of_a_batch():
    """An interval that is an array: one for each series under vmap."""
    x = np.random.default_rng(3).standard_normal((3, 80)).astype(np.float32)
    intervals = jnp.array([1, 5, 19])
    batch = jax.vmap(lambda x, i: estimators.ordinal_distribution(x, interval=i))(x, intervals)
    for row, series, interval in zip(batch, x, (1, 5, 19), strict=True):
        np.testing.assert_allclose(row, estimators.ordinal_distribution(series, interval=interval), atol=1e-7)
        np.testing.assert_allclose(row, estimators.ordinal_distribution(series, interval=np.int64(interval)), atol=1e-7)
    too_long = jax.vmap(lambda x, i: estimators.ordinal_distribution(x, interval=i))(x, jnp.array([1, 0, 20]))
    np.testing.assert_array_equal(np.isnan(too_long).any(axis=1), [False, True, True])


@pytest.mark.fast
def test_soft_patterns_are_products_of_pairwise_choices(x64):
    """The closed form against the definition: a product of logistic choices, normalised over all patterns."""
    x, temperature, order = np.array([0.3, -0.2, 0.9, 0.4, 1.3, 0.5]), 0.4, 4
    expected = np.zeros(24)
    for i in range(3):
        w = x[i : i + 4]
        weight = np.array(
            [
                math.prod(
                    1 / (1 + math.exp(-(1 if r[j] > r[k] else -1) * (w[j] - w[k]) / temperature))
                    for k in range(order)
                    for j in range(k + 1, order)
                )
                for r in permutations(range(order))
            ]
        )
        expected += weight / weight.sum() / 3
    np.testing.assert_allclose(estimators.soft_ordinal_distribution(x, temperature, order=order), expected, rtol=1e-12)


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_soft_patterns_tend_to_the_hard_ones(offset, x64):
    """With the temperature, monotonically in distance; a common offset does not matter."""
    x = np.random.default_rng(4).standard_normal(2500) + offset
    hard = estimators.ordinal_distribution(x, order=4, interval=2)
    apart = [
        float(jnp.sum(jnp.abs(estimators.soft_ordinal_distribution(x, T, order=4, interval=2) - hard)))
        for T in (1.0, 0.1, 0.01, 1e-5)
    ]
    assert apart == sorted(apart, reverse=True)
    assert apart[-1] < 1e-4
    assert apart[0] > 0.05


@pytest.mark.fast
def test_soft_patterns_share_ties(x64):
    p = estimators.soft_ordinal_distribution(np.array([1.0, 2.0, 1.0]), 1e-3, order=3)
    ranks = list(permutations(range(3)))
    expected = [0.5 if r in ((0, 2, 1), (1, 2, 0)) else 0.0 for r in ranks]
    np.testing.assert_allclose(p, expected, atol=1e-12)


def test_soft_gradients_in_blocks(x64):
    """Over several blocks of windows, the last one incomplete: gradients against finite differences of a long series.

    At order 6 a block holds 364 windows.
    """
    x = jnp.asarray(np.random.default_rng(5).standard_normal(900))
    d = jnp.asarray(np.random.default_rng(6).standard_normal(900))
    complexity = jax.jit(lambda x: estimators.hc_point(x, order=6, temperature=0.3).complexity)
    slope = float(jnp.vdot(jax.jit(jax.grad(complexity))(x), d))
    difference = float(complexity(x + 1e-6 * d) - complexity(x - 1e-6 * d)) / 2e-6
    assert abs(slope) > 1e-4
    np.testing.assert_allclose(slope, difference, rtol=1e-6)


def test_entropy_units():
    x = np.random.default_rng(7).standard_normal(500).astype(np.float32)
    nats = float(information.entropy(estimators.ordinal_distribution(x, order=4)))
    of = lambda **options: float(estimators.permutation_entropy(x, order=4, **options))  # noqa: E731
    np.testing.assert_allclose(of(normalize=False), nats, rtol=1e-6)
    np.testing.assert_allclose(of(normalize=False, base=2), nats / math.log(2), rtol=1e-6)
    np.testing.assert_allclose(of(), nats / math.log(24), rtol=1e-6)
    with pytest.raises(ValueError, match="base must be None where normalize is true"):
        of(base=2)


@pytest.mark.fast
@pytest.mark.parametrize("order", [1, 9])
def test_orders_without_a_table_are_refused(order):
    with pytest.raises(ValueError, match=f"order must be at least 2 and at most 8, got {order}"):
        estimators.permutation_entropy(np.arange(30.0), order=order)


@pytest.mark.fast
def test_windows_longer_than_the_series_are_refused():
    with pytest.raises(ValueError, match="interval must be at least 1 and at most 7, got 8"):
        estimators.hc_point(np.arange(30.0), interval=8)
    assert float(estimators.permutation_entropy(np.arange(30.0), interval=7)) == 0
    with pytest.raises(ValueError, match="x must have at least 5 samples"):
        estimators.hc_point(np.arange(4.0))


@pytest.mark.fast
def test_complexity_from_its_definition(x64):
    """Against scipy's Jensen-Shannon distance, and 1 / Q as the divergence of a sure outcome."""
    jensenshannon = pytest.importorskip("scipy.spatial.distance").jensenshannon
    p = np.random.default_rng(8).dirichlet(np.full(24, 0.3), 5)
    u, sure = np.full(24, 1 / 24), np.eye(24)[0]
    h = -np.sum(p * np.log(p), axis=1) / math.log(24)
    expected = np.array([jensenshannon(row, u) ** 2 for row in p]) / jensenshannon(sure, u) ** 2 * h
    np.testing.assert_allclose(estimators.statistical_complexity(p), expected, rtol=1e-10)
    np.testing.assert_array_equal(estimators.statistical_complexity(sure), 0)


def test_float32_is_as_good_as_its_rounding():
    x = np.random.default_rng(10).standard_normal(20_000).astype(np.float32)
    single = np.stack(estimators.hc_point(x))
    with jax.enable_x64(True):
        double = np.stack(estimators.hc_point(x.astype(np.float64)))
    np.testing.assert_allclose(single, double, rtol=0, atol=5e-7)


@pytest.mark.parametrize("package", ["ordpy", "antropy", "peccary"])
def test_other_packages(package, x64):
    """The same numbers where they are installed; none is needed."""
    module = pytest.importorskip(package)
    x = np.random.default_rng(9).standard_normal(700)
    for order, interval in ((3, 1), (4, 3), (6, 2)):
        point = estimators.hc_point(x, order=order, interval=interval)
        if package == "ordpy":
            theirs = module.complexity_entropy(x, dx=order, taux=interval)
        elif package == "antropy":
            theirs = (module.perm_entropy(x, order, interval, normalize=True), point.complexity)
        else:
            theirs = module.peccary(x, n=order).calcHC(interval)
        np.testing.assert_allclose(np.stack(point), theirs, rtol=0, atol=1e-13)
