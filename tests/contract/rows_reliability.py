"""Rows of extrapolation, checks and resampling, on an estimator that can be traced."""

import jax
import jax.numpy as jnp
import numpy as np

from entropax import estimators
from tests.contract.harness import Bad, Row

RNG = np.random.default_rng(11)
X = RNG.standard_normal((24, 1))
Y = 0.7 * X + RNG.standard_normal((24, 1))
ESTIMATES = tuple(2 - 0.1 * g + RNG.normal(0, 0.03, g) for g in range(1, 7))
VALUES, ERRORS = np.array([0.3, 0.8, 1.0, 1.02]), np.array([0.05, 0.04, 0.03, 0.06])
ZX, ZY = RNG.standard_normal((2, 12, 3))
ZY = ZY[:, :2] + ZX[:, 1:]
HOLDS = {
    "bad_static": "it holds results of its function",
    "bad_values": "it holds results of its function",
    "integer": "it holds results as they are",
    "second_order": "it holds results: the map is linear",
}
COUNTS = "integer samples are handed to the estimator as they are"
NOT_FINITE = "the estimator judges its samples; the estimates are judged below"
PROTOCOL = {"gammas": (1, 2, 3), "min_rows": 5, "min_gammas": 3}


def gaussian(x, y):
    """I of a Gaussian by the correlation of the samples."""
    x, y = x[:, 0] - jnp.mean(x), y[:, 0] - jnp.mean(y)
    return -0.5 * jnp.log1p(-(jnp.sum(x * y) ** 2) / (jnp.sum(x**2) * jnp.sum(y**2)))


def key():
    return jax.random.key(3)


def numbers(result):
    """What of a result has gradients."""
    return [leaf for leaf in jax.tree.leaves(result) if jnp.issubdtype(leaf.dtype, jnp.floating)]


def result(name: str) -> Row:
    """A class of results, which its function's row judges."""
    held = "it holds results of its function, whose row judges them"
    return Row(
        name=f"estimators.{name}",
        call=lambda: None,
        arguments=lambda: (),
        differentiable=(),
        exempt={"traced": held, "bad_static": held},
    )


def resampled(name: str, **options) -> Row:
    """A function of an estimator and samples."""
    return Row(
        name=f"estimators.{name}",
        call=lambda x, y, key: getattr(estimators, name)(gaussian, x, y, key=key, **options),
        arguments=lambda: (X, Y, key()),
        differentiable=(0, 1),
        select=lambda result: (result.value, result.standard_error),
        bad_static=(
            Bad(lambda: (X, Y[:9], key()), r"samples\[1\] must have shape \(24, \.\.\.\), got \(9, 1\)"),
            Bad(lambda: (X, Y, jnp.zeros(2, jnp.uint32)), "key must be a key", TypeError),
        ),
        exempt={"bad_values": NOT_FINITE, "integer": COUNTS},
    )


PROTOCOL_BAD = (
    Bad(lambda: (X, Y[:9], key()), r"samples\[1\] must have shape \(24, \.\.\.\), got \(9, 1\)"),
    Bad(lambda: (X[:9], Y[:9], key()), "chunks must have 5 rows or more, got 9 rows"),
    Bad(lambda: (X, Y, jnp.zeros(2, jnp.uint32)), "key must be a key", TypeError),
)

ROWS = [
    Row(
        name="estimators.extrapolate",
        call=lambda estimates: estimators.extrapolate(estimates),
        arguments=lambda: (ESTIMATES,),
        select=numbers,
        bad_static=(
            Bad((ESTIMATES[:2],), "estimates must hold those of three gammas or more, got 2"),
            Bad(((*ESTIMATES[:4], X),), r"estimates of gamma 5 must have shape \(k,\) with k >= 1, got \(24, 1\)"),
        ),
        bad_values=(Bad(((*ESTIMATES[:5], np.full(6, np.nan)),), "estimates must be finite, got nan"),),
        rtol=1e-5,
        fast=True,
    ),
    result("Extrapolation"),
    Row(
        name="estimators.subsample_extrapolate",
        call=lambda x, y, key: estimators.subsample_extrapolate(gaussian, x, y, key=key, **PROTOCOL),
        arguments=lambda: (X, Y, key()),
        differentiable=(0, 1),
        select=lambda result: (result.value, result.standard_error, result.half_width, result.estimates),
        bad_static=PROTOCOL_BAD,
        bad_values=(Bad(lambda: (X * np.nan, Y, key()), "estimates must be finite"),),
        exempt={"integer": COUNTS},
        rtol=1e-5,
    ),
    result("SubsampledEstimate"),
    Row(
        name="estimators.shuffled_control",
        call=lambda x, y, key: estimators.shuffled_control(gaussian, x, y, key=key, **PROTOCOL),
        arguments=lambda: (X, Y, key()),
        differentiable=(0, 1),
        select=lambda result: (result.value, result.standard_error),
        bad_static=PROTOCOL_BAD,
        bad_values=(Bad(lambda: (X * np.nan, Y, key()), "estimates must be finite"),),
        exempt={"integer": COUNTS},
        rtol=1e-5,
    ),
    result("ShuffledControl"),
    Row(
        name="estimators.agreement",
        call=estimators.agreement,
        arguments=lambda: (VALUES, ERRORS),
        differentiable=(0, 1),
        bad_static=(
            Bad((VALUES[:1], ERRORS[:1]), r"values must have shape \(k,\) with k >= 2, got \(1,\)"),
            Bad((VALUES, ERRORS[:2]), "standard_errors must have the shape of values"),
        ),
        bad_values=(
            Bad((VALUES, 0 * ERRORS), "standard_errors must be positive and finite, got 0"),
            Bad((VALUES * np.nan, ERRORS), "values must be finite"),
        ),
    ),
    result("Agreement"),
    Row(
        name="estimators.saturation",
        call=lambda values, errors: estimators.saturation((1, 2, 4, 8), values, errors),
        arguments=lambda: (VALUES, ERRORS),
        differentiable=(0, 1),
        bad_static=(
            Bad((VALUES[:3], ERRORS[:3]), r"values must have shape \(4,\), got \(3,\)"),
            Bad((VALUES, ERRORS[:2]), "standard_errors must have the shape of values"),
        ),
        bad_values=(
            Bad((VALUES, 0 * ERRORS), "standard_errors must be positive and finite, got 0"),
            Bad((VALUES * np.nan, ERRORS), "values must be finite"),
        ),
        exempt={"second_order": "it picks one of the values: the map is linear"},
    ),
    result("Saturation"),
    Row(
        name="estimators.participation_ratio",
        call=estimators.participation_ratio,
        arguments=lambda: (ZX, ZY),
        differentiable=(0, 1),
        half="float32",
        bad_static=(
            Bad((ZX[0], ZY), r"zx must have shape \(n, kx\), got \(3,\)"),
            Bad((ZX, ZY[:4]), r"zy must have shape \(12, ky\), got \(4, 2\)"),
        ),
        bad_values=(Bad((ZX * np.nan, ZY), "zx must be finite"), Bad((ZX, ZY * np.inf), "zy must be finite")),
    ),
    Row(
        name="estimators.participation_ratio.squared",
        call=lambda zx, zy: estimators.participation_ratio(zx, zy, squared=True),
        arguments=lambda: (ZX, ZY),
        differentiable=(0, 1),
        half="float32",
        bad_static=(Bad((ZX, ZY[:4]), r"zy must have shape \(12, ky\), got \(4, 2\)"),),
        bad_values=(Bad((ZX * np.nan, ZY), "zx must be finite"),),
    ),
    Row(
        name="estimators.rigorous_estimate",
        slow=True,
        call=lambda x, y, key: estimators.rigorous_estimate(
            gaussian,
            x,
            y,
            key=key,
            alternatives=(gaussian,),
            by_dimension={1: gaussian, 2: gaussian},
            num_seeds=2,
            **PROTOCOL,
        ),
        arguments=lambda: (X, Y, key()),
        differentiable=(0, 1),
        select=lambda result: (result.value, result.standard_error, result.control.value),
        bad_static=PROTOCOL_BAD,
        bad_values=(Bad(lambda: (X * np.nan, Y, key()), "estimates must be finite"),),
        exempt={"integer": COUNTS},
        rtol=1e-5,
    ),
    result("RigorousEstimate"),
    resampled("bootstrap", num_resamples=3),
    resampled("subsampling", num_resamples=3),
    resampled("jackknife", num_blocks=3),
    Row(
        name="estimators.Resampled",
        members=("corrected",),
        call=lambda value, bias: (
            estimators.Resampled(value, value, bias, jnp.stack([value, value]), value[None]).corrected
        ),
        arguments=lambda: (np.array(0.3), np.array(0.1)),
        differentiable=(0, 1),
        exempt=HOLDS,
    ),
    Row(
        name="estimators.permutation_test",
        call=lambda x, y, key: estimators.permutation_test(gaussian, x, y, key=key, num_permutations=3),
        arguments=lambda: (X, Y, key()),
        differentiable=(0, 1),
        select=lambda result: (result.estimate, result.shuffled),
        bad_static=(
            Bad(lambda: (X, Y[:9], key()), r"samples\[1\] must have shape"),
            Bad(lambda: (X, Y, jnp.zeros(2, jnp.uint32)), "key must be a key", TypeError),
        ),
        exempt={"bad_values": NOT_FINITE, "integer": COUNTS},
    ),
    result("PermutationTest"),
]
