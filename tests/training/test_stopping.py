"""Stop rules, against the plain loops that they say they are."""

import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import training


def steps_until_stop(rule, values):
    """The number of values seen when the rule stops, None if it does not."""
    update = jax.jit(lambda state, value: rule.update(state, {"m": value}))
    state = rule.init()
    for seen, value in enumerate(values, 1):
        state, stop = update(state, jnp.float32(value))
        if bool(stop):
            return seen
    return None


def plain_patience(values, patience, min_delta, smoothing):
    best, waited = np.inf, 0
    for seen in range(1, len(values) + 1):
        weights = smoothing ** np.arange(seen - 1, -1, -1.0)
        value = weights @ values[:seen] / weights.sum()
        best, waited = (value, 0) if value < best - min_delta else (best, waited + 1)
        if waited >= patience:
            return seen
    return None


@pytest.mark.fast
@pytest.mark.parametrize(
    ("patience", "min_delta", "smoothing"), [(1, 0.0, 0.0), (7, 0.0, 0.0), (7, 0.05, 0.0), (10, 0.01, 0.9), (90, 0, 0)]
)
def test_patience_is_the_plain_loop(patience, min_delta, smoothing):
    values = np.exp(-np.arange(80) / 10) + 0.05 * np.random.default_rng(3).normal(size=80)
    rule = training.Patience("m", patience, min_delta, smoothing=smoothing)
    expected = plain_patience(values, patience, min_delta, smoothing)
    assert steps_until_stop(rule, values) == expected
    assert (expected is None) == (patience == 90)
    highest = training.Patience("m", patience, min_delta, smoothing=smoothing, maximize=True)
    assert steps_until_stop(highest, -values) == expected


@pytest.mark.fast
def test_nan_never_improves():
    assert steps_until_stop(training.Patience("m", 3), [3.0, 2.0, np.nan, np.nan, np.nan, np.nan]) == 5
    assert steps_until_stop(training.Patience("m", 3), [np.nan] * 9) == 3
    for smoothing in (0, 0.5):
        rule = training.Patience("m", 3, smoothing=smoothing)
        assert steps_until_stop(rule, [np.nan, 2.0, np.nan, np.inf, 1.0, -np.inf, 0.5, 0.4]) is None


@pytest.mark.fast
def test_non_finite_and_any_of():
    assert steps_until_stop(training.NonFinite("m"), [1.0, 2.0, np.inf]) == 3
    either = training.AnyOf(training.NonFinite("m"), training.Patience("m", 3))
    assert steps_until_stop(either, [1.0, 2.0, np.nan]) == 3
    assert steps_until_stop(either, [1.0, 2.0, 2.0, 2.0, 2.0]) == 4
    assert steps_until_stop(either, [4.0, 3.0, 2.0, 1.0]) is None


@pytest.mark.fast
def test_bad_rules(unhooked):
    with pytest.raises(ValueError, match="patience must be at least 1, got 0"):
        training.Patience("m", 0)
    with pytest.raises(ValueError, match="min_delta must be non-negative and finite, got -1"):
        training.Patience("m", 3, -1)
    with pytest.raises(ValueError, match=r"smoothing must lie in \[0, 1\), got 1"):
        training.Patience("m", 3, smoothing=1)
    with pytest.raises(ValueError, match="AnyOf needs at least one rule, got none"):
        training.AnyOf()


def test_the_room_is_light_to_import():
    """Orbax and rich's progress bar wait until they are used; tests/test_import_time.py holds the seconds."""
    program = (
        "import sys, json, entropax.training\n"
        "print(json.dumps([name for name in ('orbax.checkpoint', 'rich.progress', 'diffrax') if name in sys.modules]))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert json.loads(run.stdout) == []
