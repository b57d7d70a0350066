"""Facts of arXiv 2407.11970 (PECCARY: ordinal patterns, entropy and complexity) that entropax must reproduce."""

import math
from itertools import permutations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import estimators
from entropax.estimators import hc_point

pytestmark = pytest.mark.usefixtures("x64")  # chaotic maps leave the table after 40 steps in float32

SHORT = np.array([4.0, 7, 9, 10, 6, 11, 3])
SERIES = np.array([0.3, 1.2, -0.5, 2, 0.1, 0.9, -1.1, 0.4, 1.7, -0.2, 0.6, 1.1])
DIGITS = {"rtol": 0, "atol": 6e-13}


def iterate(step, start, steps):
    """The series start, step(start), ... of a map of floats."""
    values = [start]
    for _ in range(steps - 1):
        values.append(step(values[-1]))
    return np.array(values)


def logistic():
    return iterate(lambda x: 4.0 * x * (1 - x), 0.1, 4096)


def henon():
    return iterate(lambda z: (1.0 - 1.4 * z[0] ** 2.0 + z[1], 0.3 * z[0]), (1.0, 1.0), 4096)[:, 0]


def asymmetric_tent(a=0.1847):
    return iterate(lambda x: x / a if x < a else (1 - x) / (1 - a), 0.1, 4096)


def lorenz(rho=28.0, dt=0.01, steps=10_000):
    """Forward Euler steps from (0, 1, 1.05), as the reference implementation takes them."""

    def step(z):
        x, y, w = z
        return x + 10 * (y - x) * dt, y + (rho * x - y - x * w) * dt, w + (x * y - 2.667 * w) * dt

    return iterate(step, (0.0, 1.0, 1.05), steps + 1)


def pairs(points):
    """H and C as one array, the last axis of length two."""
    return np.stack([np.asarray(points.entropy), np.asarray(points.complexity)], axis=-1)


def test_1_a_short_series():
    """1. x = 4,7,9,10,6,11,3: H, C at n = 2 and 3, and S = 1.054920168 nats at n = 3."""
    np.testing.assert_allclose(pairs(hc_point(SHORT, order=2)), [0.918295834054, 0.061128165488], **DIGITS)
    np.testing.assert_allclose(pairs(hc_point(SHORT, order=3)), [0.588762155916, 0.289954446465], **DIGITS)
    entropy = estimators.permutation_entropy(SHORT, order=3, normalize=False)
    np.testing.assert_allclose(entropy, 1.054920168, atol=5e-10)


@pytest.mark.fast
@pytest.mark.parametrize(
    ("order", "interval", "expected"),
    [
        (3, 1, (0.839838331832, 0.159597941268)),
        (3, 2, (0.870418816278, 0.140623384613)),
        (4, 1, (0.642906627646, 0.342086110906)),
        (5, 1, (0.434348851842, 0.369063609318)),
    ],
)
def test_2_orders_and_intervals(order, interval, expected):
    """2. Twelve points at (n, ell) = (3,1), (3,2), (4,1), (5,1)."""
    np.testing.assert_allclose(pairs(hc_point(SERIES, order=order, interval=interval)), expected, **DIGITS)


@pytest.mark.fast
def test_2_counts():
    """2. Counts at n = 3 by the order of the positions: 012:2 021:1 102:1 120:3 201:3."""
    counts = {(0, 1, 2): 2, (0, 2, 1): 1, (1, 0, 2): 1, (1, 2, 0): 3, (2, 0, 1): 3, (2, 1, 0): 0}
    p = np.asarray(estimators.ordinal_distribution(SERIES, order=3))
    for share, ranks in zip(p, permutations(range(3)), strict=True):
        positions = tuple(int(i) for i in np.argsort(ranks))  # the inverse permutation
        np.testing.assert_allclose(10 * share, counts[positions], atol=1e-12)


@pytest.mark.fast
def test_3_ties():
    """3. Ties, 1,1,2,2,1,3,3,1 at n = 3: of equal values the earlier is the smaller."""
    tied = np.array([1.0, 1, 2, 2, 1, 3, 3, 1])
    np.testing.assert_allclose(pairs(hc_point(tied, order=3)), [0.564475467872, 0.287327359194], **DIGITS)
    np.testing.assert_allclose(
        pairs(hc_point(tied.astype(np.int32), order=3)), [0.564475467872, 0.287327359194], **DIGITS
    )


def test_4_logistic_map():
    """4. Logistic map, r = 4, x0 = .1, 4096 points, n = 3..6."""
    expected = [
        (0.831422508638, 0.165950060475),
        (0.741886223603, 0.291306884086),
        (0.679697438487, 0.399818690966),
        (0.626557390353, 0.483294461987),
    ]
    x = logistic()
    for order, point in zip((3, 4, 5, 6), expected, strict=True):
        np.testing.assert_allclose(pairs(hc_point(x, order=order)), point, **DIGITS)


@pytest.mark.fast
def test_5_henon_and_asymmetric_tent():
    """5. Henon map at n = 3..6 and the asymmetric tent map at n = 5, 4096 points."""
    expected = [
        (0.884192577675, 0.131015514898),
        (0.686266159192, 0.310402935800),
        (0.612182741325, 0.402799142676),
        (0.547705050746, 0.453970267798),
    ]
    x = henon()
    for order, point in zip((3, 4, 5, 6), expected, strict=True):
        np.testing.assert_allclose(pairs(hc_point(x, order=order)), point, **DIGITS)
    np.testing.assert_allclose(pairs(hc_point(asymmetric_tent())), [0.539538109303, 0.372203772507], **DIGITS)


def test_6_a_sine():
    """6. sin(2 pi i/(50 sqrt 2)), i < 1000, at ell = 1, 5, 10, 20: never above the periodic limit .551240."""
    x = np.sin(2 * np.pi * np.arange(1000) / (50 * math.sqrt(2)))
    points = estimators.hc_curves(x, np.array([1, 5, 10, 20]))
    expected = [
        (0.236667724, 0.207978889),
        (0.447786383, 0.352770268),
        (0.551049090, 0.416990692),
        (0.550734102, 0.416818187),
    ]
    np.testing.assert_allclose(pairs(points), expected, rtol=0, atol=6e-10)
    every = estimators.hc_curves(x, np.arange(1, 100))
    assert float(jnp.max(every.entropy)) <= 0.551240080 + 1e-9


def test_7_order_noise_and_two_or_three_patterns():
    """7. Ramp or constant: H = C = 0; uniform: H = 1, C = 0; p = (1/2, 1/2), n = 3 and 5; p = (.5, .3, .2), n = 3."""
    for x in (np.arange(50.0), np.ones(50)):
        np.testing.assert_array_equal(pairs(hc_point(x)), 0)

    def point(n, *p):
        p = np.pad(np.array(p, float), (0, math.factorial(n) - len(p)))
        return float(estimators.complexity_plane._point_of(p).entropy), float(estimators.statistical_complexity(p))

    np.testing.assert_allclose(point(5, *np.full(120, 1 / 120)), (1, 0), atol=1e-12)
    np.testing.assert_allclose(point(3, 0.5, 0.5), (0.386852807, 0.271238626), atol=6e-10)
    np.testing.assert_allclose(point(5, 0.5, 0.5), (0.144782951, 0.140803118), atol=6e-10)
    np.testing.assert_allclose(point(3, 0.5, 0.3, 0.2), (0.574660289, 0.287774402), atol=6e-10)


def test_8_the_boundary():
    """8. Max C .291451644, .354089836, .424820413 at H .613147, .563791, .615027; the curves at n = 5 to 1e-3."""
    for n, top, at in ((3, 0.291451644, 0.613147), (4, 0.354089836, 0.563791), (5, 0.424820413, 0.615027)):
        upper = estimators.hc_bounds(order=n).maximum
        highest = int(jnp.argmax(upper.complexity))
        np.testing.assert_allclose(upper.complexity[highest], top, atol=6e-10)
        np.testing.assert_allclose(upper.entropy[highest], at, atol=6e-7)
        np.testing.assert_allclose(estimators.max_complexity(order=n), top, atol=6e-10)
    h = np.array([0.25, 0.5, 0.75, 0.9])
    least, most = estimators.complexity_limits(h)
    np.testing.assert_allclose(least, [0.163885, 0.206821, 0.156895, 0.082905], atol=1e-3)
    np.testing.assert_allclose(most, [0.233495, 0.400546, 0.380908, 0.207301], atol=1e-3)


@pytest.mark.fast
def test_8_periodic_limits():
    """The entropies of 2 and of 2(2(n - 2) + 1) equally frequent patterns, n = 3..7."""
    lower = [0.386852807, 0.218104292, 0.144782951, 0.105353506, 0.081306048]
    upper = [1, 0.724526775, 0.551240080, 0.439316218, 0.362578762]
    for n, low, high in zip(range(3, 8), lower, upper, strict=True):
        np.testing.assert_allclose(estimators.periodic_limits(order=n), (low, high), atol=6e-10)


def test_9_within_the_curves_and_invariances():
    """9. Every (H, C) lies between the curves; increasing maps change nothing; x -> -x and time reversal neither."""
    rng = np.random.default_rng(0)
    p = np.concatenate([rng.dirichlet(np.full(120, a), 200) for a in (0.01, 0.1, 1.0, 10.0)])
    p = np.concatenate([p, rng.dirichlet(np.ones(4), 50) @ np.eye(120)[:4]])  # and with few patterns
    p = np.concatenate([p, 0.3 * np.eye(120)[:1] + 0.7 / 120])  # and on the lower curve
    h = -np.sum(np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0), axis=1) / math.log(120)
    c = np.asarray(estimators.statistical_complexity(p))
    least, most = map(np.asarray, estimators.complexity_limits(h))
    assert np.all(c >= least - 1e-12)
    assert np.all(c <= most + 1e-12)
    assert np.max((c - least) / (most - least)) > 0.9  # they are reached, too
    np.testing.assert_allclose(c[-1], least[-1], rtol=1e-12)
    x = np.cumsum(rng.standard_normal(3000))
    point = pairs(hc_point(x))
    np.testing.assert_array_equal(pairs(hc_point(np.arctan(x))), point)
    np.testing.assert_allclose(pairs(hc_point(-x)), point, atol=1e-13)
    np.testing.assert_allclose(pairs(hc_point(x[::-1])), point, atol=1e-13)


def test_10_white_noise_and_the_bias():
    """10. White noise at n = 5: .998872030520, .002026440116; E[H] = 1 - (N - 1)/(2 P ln N) + O(1/P^2).

    The mean of 400 series of 2000 windows is compared with the bias within four standard errors (a z-test of size
    6e-5); the bias is 30 standard errors large, so a wrong one by 15 per cent would be seen.
    """
    x = np.random.default_rng(0).standard_normal(10_000)
    np.testing.assert_allclose(pairs(hc_point(x)), [0.998872030520, 0.002026440116], **DIGITS)
    series = jnp.asarray(np.random.default_rng(1).standard_normal((400, 2004)))
    h = np.asarray(jax.jit(jax.vmap(lambda x: hc_point(x).entropy))(series))
    error = h.std(ddof=1) / 20
    bias = (120 - 1) / (2 * 2000 * math.log(120))
    assert bias > 30 * error
    assert abs(h.mean() - (1 - bias)) < 4 * error


@pytest.mark.fast
def test_11_natural_time_of_a_sine():
    """11. sin(2 pi t/1.7 + .3), t = 0..9.99: 1.816364 by crossings (edges), 1.7 by minima and by maxima."""
    t = np.arange(1000) * 0.01
    x = np.sin(2 * np.pi * t / 1.7 + 0.3)
    for method, time in (("ncross", 1.816364), ("minima", 1.7), ("maxima", 1.7)):
        np.testing.assert_allclose(estimators.natural_timescale(t, x, method=method), time, atol=6e-7)


def test_12_lorenz():
    """12. Lorenz, rho = 28: x: natural time 2.985, ell 30, (.8431, .2284); z: .8, ell 8, (.5745, .3914); to .02.

    The natural time counts crossings of a chaotic series, and is compared to 1 per cent.
    """
    t = np.arange(10_001) * 0.01
    states = lorenz()
    for component, time, interval, point in ((0, 2.985, 30, (0.8431, 0.2284)), (2, 0.8, 8, (0.5745, 0.3914))):
        x = states[:, component]
        natural = estimators.natural_timescale(t, x)
        np.testing.assert_allclose(natural, time, rtol=0.01)
        ell = estimators.sampling_interval(0.4 * natural, 0.01)
        assert int(ell.value) == interval
        np.testing.assert_allclose(pairs(hc_point(x, interval=interval)), point, atol=0.02)


def test_the_double_pendulum():
    """The documented example: mass 2, T = 10, dt = 2^-6: natural time 1.664, ell = 11, (.588922, .384451), complex."""
    from scipy.integrate import solve_ivp

    g = 9.80665

    def slope(_, state):
        a, v, b, w = state
        d = b - a
        m, n = 2 - math.cos(d) ** 2, 2 - math.cos(d) ** 2
        dv = (
            v * v * math.sin(d) * math.cos(d)
            + g * math.sin(b) * math.cos(d)
            + w * w * math.sin(d)
            - 2 * g * math.sin(a)
        )
        dw = -w * w * math.sin(d) * math.cos(d) + 2 * (
            g * math.sin(a) * math.cos(d) - v * v * math.sin(d) - g * math.sin(b)
        )
        return v, dv / m, w, dw / n

    t = np.arange(0, 10, 2.0**-6)
    angles = solve_ivp(slope, t[[0, -1]], np.radians([120.0, 0, -10, 0]), t_eval=t).y
    x = np.sin(angles[0]) + np.sin(angles[2])
    natural = estimators.natural_timescale(t, x)
    np.testing.assert_allclose(natural, 1.664, atol=6e-4)
    ell = int(estimators.sampling_interval(0.4 * natural, 2.0**-6).value)
    assert ell == 11
    point = hc_point(x, interval=ell)
    np.testing.assert_allclose(pairs(point), [0.588922, 0.384451], atol=2e-3)  # an adaptive solver's own error
    assert estimators.HC_CLASSES[int(estimators.classify_hc(*point).value)] == "complex"
