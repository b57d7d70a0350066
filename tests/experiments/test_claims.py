import json
import math

import jax.numpy as jnp
import numpy as np
import pytest

from experiments.claims import (
    Bounds,
    Claim,
    Estimate,
    Exceeds,
    Near,
    NotRun,
    Ordering,
    Quotient,
    WithinErrors,
    as_json,
    in_words,
    judge,
)

pytestmark = pytest.mark.fast


def verdict(check, paper, measured):
    return judge(Claim("a claim", paper, "eq. 1", check), measured)


@pytest.mark.parametrize(
    ("check", "paper", "measured", "holds"),
    [
        (Near(relative=0.01), 0.4, 0.4039, True),
        (Near(relative=0.01), 0.4, 0.4041, False),
        (Near(relative=0.01), -0.4, -0.4039, True),
        (Near(relative=0.01), 0.4, -0.4, False),
        (Near(absolute=0.1), 0.0, 0.09, True),
        (Near(absolute=0.1), 0.0, -0.11, False),
        (Near(relative=0.5, absolute=0.1), 0.1, 0.19, True),  # the larger tolerance counts
        (Near(relative=0.5, absolute=0.1), 1.0, 1.4, True),
        (Near(relative=0.1), 1.0, Estimate(1.05, 9.0), True),
        (Near(relative=0.1), 3.0, Quotient(6.0, 2.1), True),
        (WithinErrors(2, 1.0), 1.0, Estimate(1.19, 0.1), True),
        (WithinErrors(2, 1.0), 1.0, Estimate(1.21, 0.1), False),
        (WithinErrors(2, 1.0, paper_error=0.1), 1.0, Estimate(1.21, 0.1), True),
        (WithinErrors(2, 0.05), 1.0, Estimate(1.0, 0.1), False),  # too uncertain to say anything
        (WithinErrors(2, 1.0), 1.0, Estimate(1.0, 0.0), True),
        (WithinErrors(2, 1.0), 1.0, Estimate(1.1, 0.0), False),
        (Exceeds(2), 1.0, Estimate(1.21, 0.1), True),
        (Exceeds(2), 1.0, Estimate(1.19, 0.1), False),
        (Exceeds(2), 1.0, Quotient(2.5, 2.0, 0.1), True),
        (Exceeds(2), 1.0, Estimate(1.0, 0.0), False),  # not above
        (Bounds(lower=3.0), "fast", 3.0, True),
        (Bounds(lower=3.0), "fast", 2.9, False),
        (Bounds(upper=0.02), "small", Quotient(0.03, 1.0), False),
        (Bounds(lower=0.0, upper=1.0), "in between", 0.5, True),
        (Bounds(lower=0.0, upper=1.0), "in between", 1.5, False),
        (Ordering(("a", "b", "c")), "grows", {"c": 3.0, "a": 1.0, "b": 2.0}, True),
        (Ordering(("a", "b", "c")), "grows", {"c": 3.0, "a": 1.0, "b": 1.0}, False),
        (Ordering(("a", "b"), margin=0.5), "grows", {"a": 1.0, "b": 1.4}, False),
    ],
)
def test_a_verdict_follows_from_the_tolerance(check, paper, measured, holds):
    judgement = verdict(check, paper, measured)
    assert judgement.verdict == ("reproduced" if holds else "differs")
    assert judgement.reason


def test_reasons_give_the_numbers():
    assert verdict(Near(relative=0.01), 0.4, 0.41).reason == "off by 2.50%, 1% allowed"
    assert verdict(Near(absolute=0.1), 0.0, 0.2).reason == "off by 0.2, 0.1 allowed"
    assert verdict(WithinErrors(2, 1.0), 1.0, Estimate(1.3, 0.1)).reason == "off by 3 standard errors, 2 allowed"
    assert verdict(Bounds(upper=0.02), "small", Quotient(3.0, 100.0)).reason == "0.03, at most 0.02 wanted"
    assert verdict(Ordering(("a", "b")), "grows", {"a": 2, "b": 1}).reason == "b does not exceed a: 1 against 2"


@pytest.mark.parametrize(
    ("check", "measured"),
    [
        (Near(absolute=1.0), math.nan),
        (Near(absolute=1.0), Quotient(1.0, 0.0)),
        (WithinErrors(2, 1.0), Estimate(0.0, math.nan)),
        (WithinErrors(2, 1.0), Estimate(0.0, math.inf)),
        (Exceeds(2), Quotient(1.0, 2.0, math.nan)),
        (Bounds(lower=0.0), math.inf),
        (Ordering(("a", "b")), {"a": 0.0, "b": math.inf}),
    ],
)
def test_what_is_not_finite_differs(check, measured):
    assert verdict(check, 0.0, measured) == ("differs", "the measured value is not finite")


def test_not_run_says_why():
    assert verdict(Near(absolute=1.0), 0.0, NotRun("only in preset full")) == ("not run", "only in preset full")


@pytest.mark.parametrize(
    ("check", "paper", "measured", "message"),
    [
        (
            WithinErrors(2, 1.0),
            0.0,
            1.0,
            "'a claim': WithinErrors needs an Estimate, or a Quotient with a standard error, got 1.0",
        ),
        (Ordering(("a", "b")), "grows", {"a": 1.0, "c": 2.0}, r"one number for each of a, b, got \['a', 'c'\]"),
        (Ordering(("a", "b")), "grows", 1.0, "got float"),
        (Near(absolute=1.0), "grows", 1.0, "needs a number as the paper's value, got 'grows'"),
        (Near(absolute=1.0), 1.0, {"a": 1.0}, "one number, got a mapping"),
    ],
)
def test_a_measurement_of_the_wrong_kind_is_an_error(check, paper, measured, message):
    with pytest.raises(TypeError, match=message):
        verdict(check, paper, measured)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Near(),
        lambda: Near(relative=-0.1),
        lambda: Near(relative=math.nan),
        lambda: WithinErrors(0, 1.0),
        lambda: Bounds(),
        lambda: Ordering(("a",)),
        lambda: Ordering(("a", "a")),
    ],
)
def test_a_check_that_cannot_judge_is_refused(make):
    with pytest.raises(ValueError, match="needs"):
        make()


@pytest.mark.parametrize(
    ("measured", "json_form", "words"),
    [
        (np.float32(0.5), 0.5, "0.5"),
        (jnp.asarray(0.25), 0.25, "0.25"),
        (Estimate(0.39754321, 0.00071), {"value": 0.39754321, "standard_error": 0.00071}, "0.39754 ± 0.00071"),
        (Quotient(1.0, 4.0), {"numerator": 1.0, "denominator": 4.0, "value": 0.25}, "0.25 = 1 / 4"),
        ({"a": 1, "b": 2.5}, {"a": 1.0, "b": 2.5}, "a: 1, b: 2.5"),
        (math.nan, "nan", "nan"),
        (NotRun("too long"), None, ""),
    ],
)
def test_measurements_as_json_and_in_words(measured, json_form, words):
    assert as_json(measured) == json_form
    assert json.loads(json.dumps(as_json(measured), allow_nan=False)) == json_form
    assert in_words(as_json(measured)) == words
