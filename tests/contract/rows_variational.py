"""Rows of the variational bounds and of what is trained by them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from entropax import estimators, nn
from tests.contract.harness import Bad, Row
from tests.contract.rows_reliability import result

SCORES = np.array([[2.0, 0.5, -1.0], [0.0, 1.5, 0.3], [-0.5, 0.2, 1.0]])
BASELINE = np.array([0.3, -0.2, 0.9])
CODE = np.array([[0.5, -0.2], [1.0, 0.0]])
LOG_VARIANCE = np.array([[-0.3, 0.1], [0.2, -1.0]])
CURVE = np.array([0.1, 0.5, 0.8, 0.9, 1.1, 0.95, 1.0, 0.7, 0.4])
PAIRS = np.random.default_rng(2).standard_normal((2, 40, 2))
PASSES = "a NaN of the critic passes through, so that a training loop's stop rules see it"
NOT_SQUARE = Bad((SCORES[:2],), r"scores must have shape \(n, n\) with n >= 2, got \(2, 3\)")
ONE = Bad((SCORES[:1, :1],), r"scores must have shape \(n, n\) with n >= 2, got \(1, 1\)")
TRAINS = functools.partial(
    estimators.variational_mutual_information,
    make_critic=functools.partial(nn.SeparableCritic, 2, 2, embed=2, width=4, depth=1),
    epochs=2,
    batch_size=8,
)


def bound(name: str, **more) -> Row:
    """A function of scores alone."""
    return Row(
        name=f"estimators.{name}",
        call=getattr(estimators, name),
        arguments=lambda: (SCORES,),
        half="float32",
        bad_static=(NOT_SQUARE, ONE, Bad((SCORES * 1j,), "scores must be real", TypeError)),
        exempt={"bad_values": PASSES},
        **more,
    )


ROWS = [
    bound("infonce", fast=True),
    bound("donsker_varadhan", fast=True),
    bound("nwj"),
    bound("jensen_shannon_bound"),
    Row(
        name="estimators.tuba",
        call=estimators.tuba,
        arguments=lambda: (SCORES, BASELINE),
        differentiable=(0, 1),
        half="float32",
        bad_static=(
            Bad((SCORES[:2], np.array(0.0)), r"scores must have shape \(n, n\)"),
            Bad((SCORES, BASELINE[:2]), r"log_baseline must be a number or have shape \(3,\), got \(2,\)"),
        ),
        exempt={"bad_values": PASSES},
    ),
    Row(
        name="estimators.smile",
        call=lambda scores: estimators.smile(scores, 1.2),
        arguments=lambda: (SCORES,),
        half="float32",
        bad_static=(NOT_SQUARE, ONE),
        exempt={
            "gradient": "by definition its gradient is that of the Jensen-Shannon bound, not of its value; "
            "tests/estimators/test_variational.py holds that",
            "bad_values": PASSES,
        },
    ),
    Row(
        name="estimators.smile.clip",
        call=estimators.smile,
        arguments=lambda: (SCORES, np.array(1.2)),
        differentiable=(),
        half="float32",
        bad_static=(Bad((SCORES, BASELINE), "clip must be a number"),),
        bad_values=(Bad((SCORES, np.array(-1.0)), "clip must be non-negative, got -1.0"),),
        exempt={"gradient": "as above; and by the clip it is zero"},
    ),
    Row(
        name="estimators.infonce_ceiling",
        call=lambda: estimators.infonce_ceiling(128),
        arguments=lambda: (),
        differentiable=(),
        exempt={
            "traced": "a Python number of a Python number",
            "bad_static": "it takes no array; tests/estimators/test_variational.py holds its errors",
        },
    ),
    Row(
        name="estimators.variational_kl",
        call=estimators.variational_kl,
        arguments=lambda: (CODE, LOG_VARIANCE),
        differentiable=(0, 1),
        half="float32",
        bad_static=(
            Bad((CODE, LOG_VARIANCE[:1]), r"log_variance must have the shape of mean, \(2, 2\), got \(1, 2\)"),
            Bad((np.array(1.0), np.array(1.0)), r"mean must have shape \(..., k\), got \(\)"),
        ),
        exempt={"bad_values": PASSES},
    ),
    Row(
        name="estimators.max_test_epoch",
        call=estimators.max_test_epoch,
        arguments=lambda: (CURVE,),
        bad_static=(Bad((CURVE[None],), r"curve must have shape \(epochs,\) with epochs >= 1, got \(1, 9\)"),),
        bad_values=(Bad((np.where(CURVE > 1, np.nan, CURVE),), "curve must be finite, got nan"),),
    ),
    Row(
        name="estimators.variational_mutual_information",
        call=lambda x, y, key: TRAINS(x, y, key=key),
        arguments=lambda: (PAIRS[0], PAIRS[1], jax.random.key(1)),
        differentiable=(),
        bad_static=(
            Bad(lambda: (PAIRS[0, :, 0], PAIRS[1], jax.random.key(1)), r"x must have shape \(n, dx\) or \(r, n, dx\)"),
            Bad(lambda: (PAIRS[0], PAIRS[1, :9], jax.random.key(1)), r"y must have shape \(40, 'dy'\), got \(9, 2\)"),
            Bad(lambda: (PAIRS[0], PAIRS[1], jnp.zeros(2, jnp.uint32)), "key must be a key", TypeError),
            Bad(lambda: (PAIRS, PAIRS, jax.random.split(jax.random.key(1), 3)), "one key for each of 2 data sets"),
            Bad(lambda: (PAIRS[0, :9], PAIRS[1, :9], jax.random.key(1)), "leave two pairs or more on either side"),
            Bad(lambda: (PAIRS[0] * np.nan, PAIRS[1], jax.random.key(1)), "x must be finite, got nan"),
        ),
        exempt={
            "traced": "it trains on the host's loop; tests/estimators/test_critic_training.py holds that a second call "
            "compiles nothing and that a stack is a loop"
        },
    ),
    result("VariationalEstimate"),
    result("MaxTestEpoch"),
]
