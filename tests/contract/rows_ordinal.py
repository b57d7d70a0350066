"""Rows of the ordinal patterns, the complexity-entropy plane and the template entropies."""

import numpy as np

from entropax import estimators
from tests.contract.harness import Bad, Row, simplex

X = np.array([0.3, 1.2, -0.5, 2.0, 0.1, 0.9, -1.1, 0.4, 1.7, -0.2, 0.6, 1.1])
NOT_FINITE = np.where(np.arange(12) == 4, np.nan, X)
APART = X + 0.03 * np.sin(np.arange(12) ** 2)  # no two distances are equal, where a largest one has a kink
WEIGHTS = np.array([0.4, 1.3, 0.2, 0.9, 1.1, 0.5, 0.7, 1.6, 0.3, 0.8])
T = np.array(0.5)
TIMES = np.array([0.0, 0.4, 0.9, 1.2, 1.8, 2.1, 2.7, 3.0, 3.4, 4.0, 4.3, 4.9])
P = np.array([[0.2, 0.3, 0.5], [0.1, 0.6, 0.3]])

COUNTS = {"gradient": "counts are piecewise constant; the form with a temperature has a row of its own"}
LABELS = {"gradient": "an integer result is piecewise constant"}
STATIC = {
    "traced": "its arguments are static",
    "bad_values": "its arguments are static",
}
CONTAINER = {
    "gradient": "a container: the gradients are those of the function that returns it",
    "bad_static": "a container of results, which only its function makes",
    "bad_values": "a container of results, which only its function makes",
}
SERIES = (Bad((np.ones((3, 4)),), r"x must have shape \(t,\), got \(3, 4\)"),)
NAN = (Bad((NOT_FINITE,), "x must be finite, got nan at flat index 4"),)


def hard(name, call, *, arguments=(X,), bad_static=SERIES, bad_values=NAN, exempt=COUNTS, **more) -> Row:
    """A function of counts."""
    return Row(
        name=f"estimators.{name}",
        call=call,
        arguments=lambda: arguments,
        differentiable=(),
        bad_static=bad_static,
        bad_values=bad_values,
        exempt=exempt,
        half="float32",
        **more,
    )


def soft(name, call, *, arguments=(X, T), bad_values=(), **more) -> Row:
    """Its relaxed form: the series first, the temperature last."""
    rest = arguments[1:]
    return Row(
        name=f"estimators.{name}",
        call=call,
        arguments=lambda: arguments,
        differentiable=tuple(range(len(arguments))),
        bad_static=(Bad((X, *rest[:-1], np.ones(2)), r"temperature must have shape \(\), got \(2,\)"),),
        bad_values=(
            Bad((NOT_FINITE, *rest), "x must be finite, got nan at flat index 4"),
            Bad((X, *rest[:-1], np.array(0.0)), "temperature must be positive"),
            *bad_values,
        ),
        half="float32",
        **more,
    )


def static(name, call) -> Row:
    """A function of the order alone."""
    too_large = (Bad((np.array(9),), "order must be at least 2 and at most 8, got 9"),)
    return hard(name, call, arguments=(np.array(3),), bad_static=too_large, exempt=STATIC)


def templates(name, call, fewest_match, *, tolerance=np.array(0.8)) -> tuple[Row, ...]:  # noqa: B008 (never written to)
    """An entropy of templates, counted and relaxed."""
    short = (Bad((X[:3], tolerance), r"x must have at least length \+ 2 = 4 samples, got 3"),)
    negative = Bad((X, np.array(-0.1)), "tolerance must be non-negative")
    nan = Bad((NOT_FINITE, tolerance), "x must be finite, got nan at flat index 4")
    return (
        hard(
            name,
            lambda x, r: call(x, r),
            arguments=(APART, tolerance),
            bad_static=short,
            bad_values=(nan, negative, *fewest_match),
        ),
        soft(
            f"{name}.soft",
            lambda x, r, T: call(x, r, temperature=T),
            arguments=(APART, tolerance, np.array(0.2)),
            bad_values=(Bad((X, np.array(-0.1), T), "tolerance must be non-negative"),),
        ),
    )


UNMATCHED = (Bad((X, np.array(0.01)), r"x must have templates that match .* over length \+ 1 = 3 samples"),)

ROWS = [
    hard("ordinal_pattern_indices", lambda x: estimators.ordinal_pattern_indices(x, order=3), fast=True),
    Row(
        name="estimators.ordinal_distribution",
        call=lambda x, w: estimators.ordinal_distribution(x, order=3, weights=w),
        arguments=lambda: (X, WEIGHTS),
        differentiable=(1,),
        bad_static=(
            Bad((X, WEIGHTS[:-1]), r"weights must have shape \(10,\), got \(9,\)"),
            Bad((X[:2], WEIGHTS), "x must have at least 3 samples, one window of this order, got 2"),
        ),
        bad_values=(
            Bad((NOT_FINITE, WEIGHTS), "x must be finite, got nan at flat index 4"),
            Bad((X, -WEIGHTS), "weights must be non-negative and finite, got -0.4"),
            Bad((X, 0 * WEIGHTS), "weights must not all be zero"),
        ),
        half="float32",
    ),
    hard(
        "ordinal_distribution.interval",
        lambda x, interval: estimators.ordinal_distribution(x, order=3, interval=interval),
        arguments=(X, np.array(2)),
        bad_static=(Bad((X, np.array(2.0)), "interval must be one integer, got shape .* and dtype float", TypeError),),
        bad_values=(
            Bad((X, np.array(6)), "interval must be at least 1 and at most 5, for a window to fit, got 6"),
            Bad((X, np.array(0)), "interval must be at least 1 and at most 5, for a window to fit, got 0"),
        ),
    ),
    soft(
        "soft_ordinal_distribution",
        lambda x, T: estimators.soft_ordinal_distribution(x, T, order=3, interval=2),
        fast=True,
    ),
    hard("permutation_entropy", lambda x: estimators.permutation_entropy(x, order=3), fast=True),
    soft(
        "permutation_entropy.soft",
        lambda x, T: estimators.permutation_entropy(x, order=3, temperature=T, normalize=False, base=2),
    ),
    Row(
        name="estimators.statistical_complexity",
        call=estimators.statistical_complexity,
        arguments=lambda: (P,),
        project={0: simplex},
        bad_static=(Bad((np.ones((2, 1)),), r"p must have shape \(\.\.\., n\) with n >= 2, got \(2, 1\)"),),
        bad_values=(Bad((1.1 * P,), "p must be non-negative and sum to one over its last axis"),),
        fast=True,
    ),
    hard("hc_point", lambda x: estimators.hc_point(x, order=3)),
    soft("hc_point.soft", lambda x, T: estimators.hc_point(x, order=3, temperature=T)),
    hard(
        "hc_curves",
        lambda x, intervals: estimators.hc_curves(x, intervals, order=3),
        arguments=(X, np.array([1, 2, 4])),
        bad_static=(
            Bad((X, np.array([1.0, 2.0])), r"intervals must be integers of shape \(k,\)", TypeError),
            Bad((X[:2], np.array([1])), "x must have at least 3 samples"),
        ),
        bad_values=(Bad((NOT_FINITE, np.array([1, 2])), "x must be finite, got nan at flat index 4"),),
    ),
    soft("hc_curves.soft", lambda x, T: estimators.hc_curves(x, np.array([1, 3]), order=3, temperature=T)),
    static("hc_bounds", lambda order: estimators.hc_bounds(order=int(order), steps=4)),
    static("max_complexity", lambda order: estimators.max_complexity(order=int(order))),
    static("periodic_limits", lambda order: estimators.periodic_limits(order=int(order))),
    Row(
        name="estimators.complexity_limits",
        call=lambda h: estimators.complexity_limits(h, order=3),
        arguments=lambda: (np.array([0.3, 0.55, 0.9]),),
        bad_static=(Bad((np.array([0.3 + 1j]),), "entropy must be real", TypeError),),
        bad_values=(Bad((np.array([0.3, 1.2, 0.4]),), r"entropy must be in \[0, 1\], got 1.2 at flat index 1"),),
        half="float32",
    ),
    hard(
        "classify_hc",
        lambda h, c: estimators.classify_hc(h, c, order=5),
        arguments=(np.array([0.3, 0.7, 0.9]), np.array([0.25, 0.4, 0.05])),
        bad_static=(Bad((np.ones(2), np.ones(3)), "complexity must have the shape of entropy"),),
        bad_values=(
            Bad((np.array([1.3]), np.array([0.2])), r"entropy must be in \[0, 1\], got 1.3"),
            Bad((np.array([0.3]), np.array([np.nan])), r"complexity must be in \[0, 1\], got nan"),
        ),
        exempt=LABELS,
    ),
    Row(
        name="estimators.pattern_time",
        call=estimators.pattern_time,
        arguments=lambda: (np.array([2.0, 5.0]), np.array(0.1)),
        differentiable=(0, 1),
        bad_static=(Bad((np.array(2.0), np.ones(2)), r"dt must have shape \(\), got \(2,\)"),),
        bad_values=(
            Bad((np.array([0.0, 1.0]), np.array(0.1)), "interval must be positive"),
            Bad((np.array([2.0, 1.0]), np.array(-0.1)), "dt must be positive"),
        ),
    ),
    hard(
        "sampling_interval",
        estimators.sampling_interval,
        arguments=(np.array([2.0, 5.0]), np.array(0.1)),
        bad_static=(Bad((np.array(2.0), np.ones(2)), r"dt must have shape \(\), got \(2,\)"),),
        bad_values=(
            Bad((np.array([0.1, 5.0]), np.array(0.1)), "pattern_time must be such that it rounds to an interval of at"),
            Bad((np.array([2.0]), np.array(0.0)), "dt must be positive"),
        ),
        exempt=LABELS,
    ),
    *(
        Row(
            name=f"estimators.natural_timescale.{method}" if method != "ncross" else "estimators.natural_timescale",
            call=lambda t, x, method=method: estimators.natural_timescale(t, x, method=method),
            arguments=lambda: (TIMES, X),
            differentiable=(0,),
            bad_static=(Bad((TIMES, X[:5]), "x must have the shape of t"),),
            bad_values=(
                Bad((TIMES, NOT_FINITE), "x must be finite"),
                Bad((-TIMES, X), "t must increase"),
                Bad((TIMES, np.ones(12)), f"x must {nothing}.* to have a natural time"),
            ),
            exempt={"second_order": "it is linear in the times"},
            half="float32",
        )
        for method, nothing in (
            ("ncross", "cross its mean"),
            ("minima", "have at least two local minima"),
            ("maxima", "have at least two local maxima"),
        )
    ),
    *templates("sample_entropy", estimators.sample_entropy, UNMATCHED),
    *templates("approximate_entropy", estimators.approximate_entropy, ()),
    *templates(
        "multiscale_entropy",
        lambda x, r, **more: estimators.multiscale_entropy(x, r, scales=(1, 2), **more),
        (Bad((X, np.array(0.01)), r"over length \+ 1 = 3 samples at scale 1, got 0 such pairs"),),
        tolerance=np.array(1.6),
    ),
    *(
        hard(f"{kind}.fields", make, bad_static=(), bad_values=(), exempt=CONTAINER)
        for kind, make in (
            ("OrdinalPatterns", lambda x: estimators.ordinal_pattern_indices(x, order=3)),
            ("HCPoint", lambda x: estimators.hc_point(x, order=3)),
            ("HCLabel", lambda x: estimators.classify_hc(x**2 / 5, x**2 / 10)),
            ("SamplingInterval", lambda x: estimators.sampling_interval(x**2 + 1, 0.1)),
        )
    ),
    static("HCBounds.fields", lambda order: estimators.hc_bounds(order=int(order), steps=4)),
]
