import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import estimators

pytestmark = pytest.mark.fast


def test_pattern_time_and_interval_are_inverse():
    intervals = np.array([1, 5, 30])
    times = estimators.pattern_time(intervals, 0.01)
    np.testing.assert_allclose(times, [0.04, 0.2, 1.2], rtol=1e-6)
    np.testing.assert_array_equal(estimators.sampling_interval(times, 0.01).value, intervals)
    assert int(estimators.sampling_interval(0.31, 0.1, order=3).value) == 2  # 1.55


def test_a_pattern_shorter_than_the_sampling_is_refused():
    with pytest.raises(ValueError, match="pattern_time must be such that it rounds to an interval of at least 1"):
        estimators.sampling_interval(0.01, 0.01)
    traced = jax.jit(lambda t: estimators.sampling_interval(t, 0.01))(jnp.array([0.01, 0.08]))
    np.testing.assert_array_equal(traced.valid, [False, True])
    assert int(traced.value[1]) == 2


def test_natural_time_does_not_depend_on_where_time_starts():
    t = np.arange(400) * 0.05
    x = np.sin(t + 0.2)
    for method in ("ncross", "minima", "maxima"):
        first = estimators.natural_timescale(t, x, method=method)
        np.testing.assert_allclose(estimators.natural_timescale(t + 5, x, method=method), first, rtol=1e-5)
        assert 6.0 < float(first) < 7.0


def test_a_sample_on_the_mean_is_crossed_once():
    """+ 0 - is one crossing and + 0 + none; a leading zero is none."""
    t = np.arange(9.0)
    assert float(estimators.natural_timescale(t, np.array([1.0, 0, -1, 0, 1, 0, -1, -1, 1]))) == 16 / 4
    assert float(estimators.natural_timescale(t, np.array([2.0, 0, 2, 0, -1, 0, -1, 0, -2]))) == 16 / 1
    assert float(estimators.natural_timescale(t, np.array([0.0, 0, 0, 1, 1, 0, -1, -1, 0]))) == 16 / 1


def test_extrema_by_hand():
    t = np.array([0.0, 1, 2, 4, 7, 8, 9])
    x = np.array([0.0, 2, 1, 3, 1, 5, 0])  # maxima at 1, 4, 8; minima at 2, 7
    assert float(estimators.natural_timescale(t, x, method="maxima")) == 3.5
    assert float(estimators.natural_timescale(t, x, method="minima")) == 5


@pytest.mark.parametrize("method", ["ncross", "minima", "maxima"])
def test_no_time_scale(method):
    """A constant, and for extrema a ramp: an error, and NaN under jit; never infinity."""
    t = np.arange(30.0)
    for x in (np.ones(30), *([] if method == "ncross" else [np.arange(30.0)])):
        with pytest.raises(ValueError, match=r"x must .* to have a natural time"):
            estimators.natural_timescale(t, x, method=method)
        assert np.isnan(jax.jit(lambda t, x: estimators.natural_timescale(t, x, method=method))(t, x))
    with pytest.raises(ValueError, match="method must be one of 'ncross', 'minima', 'maxima', got 'zeros'"):
        estimators.natural_timescale(t, t, method="zeros")
