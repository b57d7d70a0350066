import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import estimators


def of_distribution(p):
    """H and C from the definitions in numpy."""
    n = p.shape[-1]
    entropy = lambda q: -np.sum(np.where(q > 0, q * np.log(np.where(q > 0, q, 1)), 0), axis=-1)  # noqa: E731
    u = np.full_like(p, 1 / n)
    divergence = entropy((p + u) / 2) - entropy(p) / 2 - math.log(n) / 2
    sure = np.eye(n)[0]
    largest = entropy((sure + u[0]) / 2) - math.log(n) / 2
    h = entropy(p) / math.log(n)
    return h, divergence / largest * h


@pytest.mark.fast
@pytest.mark.parametrize("order", [2, 3, 4])
def test_bounds_are_the_points_of_their_distributions(order, x64):
    n, steps = math.factorial(order), 7
    bounds = estimators.hc_bounds(order=order, steps=steps)
    fraction = np.arange(steps) / steps
    lower = 1 / n + fraction * (1 - 1 / n)
    p = np.concatenate([lower[:, None], np.repeat((1 - lower[:, None]) / (n - 1), n - 1, axis=1)], axis=1)
    np.testing.assert_allclose(np.stack(bounds.minimum), of_distribution(p), atol=1e-13)
    rows = []
    for k in range(n, 1, -1):
        for one in fraction / k:
            rows.append([one] + [(1 - one) / (k - 1)] * (k - 1) + [0] * (n - k))
    np.testing.assert_allclose(np.stack(bounds.maximum), of_distribution(np.array(rows)), atol=1e-13)


@pytest.mark.parametrize("order", [2, 3, 5])
def test_limits_run_through_the_curves(order, x64):
    bounds = estimators.hc_bounds(order=order, steps=50)
    least, _ = estimators.complexity_limits(bounds.minimum.entropy, order=order)
    np.testing.assert_allclose(least, bounds.minimum.complexity, atol=1e-12)
    _, most = estimators.complexity_limits(bounds.maximum.entropy, order=order)
    np.testing.assert_allclose(most, bounds.maximum.complexity, atol=1e-12)
    ends = np.stack(estimators.complexity_limits(np.array([0.0, 1.0]), order=order))
    np.testing.assert_allclose(ends, 0, atol=1e-12)


def test_limits_in_float32():
    """To single precision of what float64 gives, at the ends and at the kinks too."""
    h = np.concatenate([np.linspace(0, 1, 101), np.log(np.arange(1, 121)) / math.log(120)])
    single = np.stack(estimators.complexity_limits(h.astype(np.float32)))
    with jax.enable_x64(True):
        double = np.stack(estimators.complexity_limits(h.astype(np.float32).astype(np.float64)))
    np.testing.assert_allclose(single, double, atol=3e-6)


def test_the_top_is_higher_than_any_grid(x64):
    for order in (2, 3, 6):
        top = float(estimators.max_complexity(order=order))
        on_grid = float(jnp.max(estimators.hc_bounds(order=order, steps=200).maximum.complexity))
        assert on_grid - 1e-14 <= top < on_grid + 1e-4


@pytest.mark.parametrize("temperature", [None, 0.3])
def test_curves_are_points_at_every_interval(temperature, x64):
    x = np.random.default_rng(0).standard_normal(200)
    curves = estimators.hc_curves(x, np.array([1, 7, 66]), order=4, temperature=temperature)
    for i, interval in enumerate((1, 7, 66)):
        point = estimators.hc_point(x, order=4, interval=interval, temperature=temperature)
        np.testing.assert_allclose([c[i] for c in curves], point, rtol=1e-12)
    with pytest.raises(ValueError, match=r"intervals must be at least 1 and at most 66.*got 67 at flat index 1"):
        estimators.hc_curves(x, np.array([1, 67]), order=4)
    traced = jax.jit(lambda i: estimators.hc_curves(x, i, order=4))(jnp.array([1, 67]))
    np.testing.assert_array_equal(np.isnan(traced.entropy), [False, True])


@pytest.mark.fast
def test_curves_of_integers():
    """Integers stay integers: large ones differ by less than float32 resolves."""
    x = 2**26 + np.random.default_rng(1).integers(0, 50, 300)
    curves = estimators.hc_curves(x, np.array([1, 2]), order=3)
    small = estimators.hc_curves(x - 2**26, np.array([1, 2]), order=3)
    np.testing.assert_array_equal(np.stack(curves), np.stack(small))


@pytest.mark.slow
def test_classes():
    """A sine, a chaotic map and noise; three points by hand, on both sides of each limit."""
    sine = np.sin(np.arange(500) * 0.37)
    noise = np.random.default_rng(2).standard_normal(5000)
    logistic = [0.1]
    for _ in range(2000):
        logistic.append(3.99 * logistic[-1] * (1 - logistic[-1]))
    names = [
        estimators.HC_CLASSES[int(estimators.classify_hc(*estimators.hc_point(np.asarray(x, np.float32))).value)]
        for x in (sine, logistic, noise)
    ]
    assert names == ["regular", "complex", "stochastic"]
    least, most = estimators.complexity_limits(np.array([0.8]))
    middle = float(least[0] + most[0]) / 2
    labels = estimators.classify_hc(
        np.array([0.551, 0.552, 0.8, 0.8]), np.array([0.3, 0.4, middle + 1e-3, middle - 1e-3])
    )
    np.testing.assert_array_equal(labels.value, [0, 1, 1, 2])
    assert labels.valid.all()
    traced = jax.jit(estimators.classify_hc)(jnp.array([0.5, 1.2]), jnp.array([0.3, 0.1]))
    np.testing.assert_array_equal(traced.valid, [True, False])
