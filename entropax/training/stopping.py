"""Rules that end a run early.

A rule is asked after every step, inside the compiled loop, so that a run stops at the very step at which the rule is
met, however many steps one call makes; its state is a small pytree that is saved and resumed with the run.
"""

import abc
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, Bool, PyTree


class StopRule(eqx.Module):
    """A rule that ends a run early: `init()` makes its state, `update(state, metrics)` advances and asks it."""

    @abc.abstractmethod
    def init(self) -> PyTree:
        """The rule's state before the first step: a pytree of arrays.

        Returns:
            The state, passed to the first `update`.
        """

    @abc.abstractmethod
    def update(self, state: PyTree, metrics: Mapping[str, Any]) -> tuple[PyTree, Bool[Array, ""]]:
        """The rule's next state, and whether the run ends with this step.

        Args:
            state: what the last call returned.
            metrics: the metrics of this step, arrays without axes by name.

        Returns:
            The next state, and one truth value.
        """


def _metric(metrics: Mapping[str, Any], name: str) -> Any:
    if name not in metrics:
        raise ValueError(f"stop watches the metric {name!r}, but update returns {', '.join(map(repr, metrics))}")
    return metrics[name]


class NonFinite(StopRule):
    """Ends a run at the first step at which a metric is NaN or infinite.

    Args:
        metric: name of the metric watched.
    """

    metric: str = eqx.field(static=True, default="loss")

    def init(self) -> PyTree:
        """No state."""
        return ()

    def update(self, state: PyTree, metrics: Mapping[str, Any]) -> tuple[PyTree, Bool[Array, ""]]:
        """See `StopRule.update`."""
        return state, ~jnp.isfinite(_metric(metrics, self.metric))


class Patience(StopRule):
    """Ends a run when a metric has not improved for `patience` steps in a row.

    A step improves when the metric is lower than the lowest so far by more than `min_delta` (higher than the highest,
    with `maximize`). NaN and infinity never improve, so a run whose loss becomes NaN ends after `patience` steps. With
    `smoothing` a running mean m <- smoothing m + (1 - smoothing) metric is watched, which a noisy loss needs.

    Args:
        metric: name of the metric watched.
        patience: number of steps without improvement, at least one.
        min_delta: least change that counts as an improvement, not negative.
        smoothing: decay of the running mean, in [0, 1); 0 watches the metric itself.
        maximize: whether larger is better.

    Raises:
        ValueError: patience is below one, min_delta negative or smoothing outside [0, 1).
    """

    metric: str = eqx.field(static=True)
    patience: int = eqx.field(static=True)
    min_delta: float = eqx.field(static=True)
    smoothing: float = eqx.field(static=True)
    maximize: bool = eqx.field(static=True)

    def __init__(
        self,
        metric: str = "loss",
        patience: int = 100,
        min_delta: int | float = 0.0,
        *,
        smoothing: int | float = 0.0,
        maximize: bool = False,
    ):
        _checks.require_integer("patience", patience, minimum=1)
        if not 0 <= min_delta < float("inf"):
            raise ValueError(f"min_delta must be non-negative and finite, got {min_delta}")
        if not 0 <= smoothing < 1:
            raise ValueError(f"smoothing must lie in [0, 1), got {smoothing}")
        self.metric = metric
        self.patience = patience
        self.min_delta = float(min_delta)
        self.smoothing = float(smoothing)
        self.maximize = maximize

    def init(self) -> PyTree:
        """(lowest value so far, steps since then, running mean, finite values seen)."""
        return (jnp.float32(jnp.inf), jnp.int32(0), jnp.float32(0.0), jnp.int32(0))

    def update(self, state: PyTree, metrics: Mapping[str, Any]) -> tuple[PyTree, Bool[Array, ""]]:
        """See `StopRule.update`."""
        best, waited, mean, seen = state
        value = jax.lax.convert_element_type(_metric(metrics, self.metric), jnp.float32)
        value = -value if self.maximize else value
        finite = jnp.isfinite(value)
        seen = seen + finite.astype(jnp.int32)
        if self.smoothing == 0:
            mean = value
        else:  # weights that decay backwards from the last of the finite values
            weight = (1 - self.smoothing) / (
                1 - jnp.float32(self.smoothing) ** jnp.maximum(seen, 1).astype(jnp.float32)
            )
            mean = jnp.where(finite, mean + weight * (value - mean), mean)
        improved = finite & ((mean < best - self.min_delta) | (best == jnp.inf))
        best = jnp.where(improved, mean, best)
        waited = jnp.where(improved, 0, waited + 1)
        return (best, waited, mean, seen), waited >= self.patience


class AnyOf(StopRule):
    """Ends a run when one of several rules does.

    Args:
        *rules: the rules.
    """

    rules: tuple[StopRule, ...]

    def __init__(self, *rules: StopRule):
        if not rules:
            raise ValueError("AnyOf needs at least one rule, got none")
        self.rules = rules

    def init(self) -> PyTree:
        """The states of the rules."""
        return tuple(rule.init() for rule in self.rules)

    def update(self, state: PyTree, metrics: Mapping[str, Any]) -> tuple[PyTree, Bool[Array, ""]]:
        """See `StopRule.update`."""
        states, stops = zip(
            *(rule.update(old, metrics) for rule, old in zip(self.rules, state, strict=True)), strict=True
        )
        return states, jnp.any(jnp.stack(stops))
