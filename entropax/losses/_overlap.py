"""The parts of overlap losses: labels of two classes, ratios of examples and of sets."""

from typing import Any, Literal, NamedTuple, TypeAlias

import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array

Level: TypeAlias = Literal["example", "set"]


class Binary(NamedTuple):
    """Checked examples of two classes: values (harmless where masked), labels of their dtype, the mask, the check."""

    values: Array
    labels: Array
    where: Array | None
    check: _checks.Check

    def whole(self) -> tuple[_checks.Check]:
        """The check of all labels together."""
        return (self.check._replace(ok=jnp.all(self.check.ok)),)


class Terms(NamedTuple):
    """What a Dice coefficient is made of: w or w^2, y, and w y."""

    size: Array
    labels: Array
    common: Array


def binary(values: Array, labels: Any, where: Any, name: str) -> Binary:
    y = jnp.asarray(labels)
    if not (jnp.issubdtype(y.dtype, jnp.integer) or y.dtype == jnp.bool_):
        raise TypeError(f"labels must be integers or booleans, zeros and ones, got dtype {y.dtype}")
    if y.shape != values.shape:
        raise ValueError(f"labels must have the shape of {name}, {values.shape}, got {y.shape}")
    mask = None
    if where is not None:
        mask = _checks.as_mask(where, values.shape)
        values, y = jnp.where(mask, values, 0), jnp.where(mask, y, 0)
    y = y.astype(jnp.int32)
    check = _checks.within("labels", y, 0, 1, "0 or 1", batch_ndim=y.ndim)
    return Binary(values, y.astype(values.dtype), mask, check)


def prepared(
    logits: Any, labels: Any, where: Any, smooth: Any, alpha: Any
) -> tuple[Binary, Array, Array, tuple[_checks.Check, ...]]:
    z = _checks.accumulated(_checks.as_float("logits", logits))
    g, alpha = (number.astype(z.dtype) for number in _checks.as_numbers(smooth=smooth, alpha=alpha))
    checks = _checks.nonnegative("smooth", g), _checks.nonnegative("alpha", alpha)
    return binary(z, labels, where, "logits"), g, alpha, checks


def faded(log_p: Array, log_q: Array, alpha: Array) -> Array:
    """(1 - p)^alpha p from log p and log(1 - p), with 0^0 = 1."""
    certain = jnp.isneginf(log_q)
    power = jnp.where(certain, jnp.where(alpha == 0, 0, -jnp.inf), alpha * jnp.where(certain, 0, log_q))
    return jnp.exp(log_p + power)


def dice(terms: Terms, g: Array, where: Array | None) -> tuple[Array, Array, Array]:
    """What is amiss, what there is, both by example, and g: the loss is (sum amiss) / (sum there + g)."""
    there = terms.size + terms.labels
    return masked(where, there - 2 * terms.common), masked(where, there), g


def tversky(
    p: Array, q: Array, y: Array, alpha: Array, beta: Array, g: Array, where: Array | None
) -> tuple[Array, Array, Array]:
    amiss = alpha * p * (1 - y) + beta * q * y
    return masked(where, amiss), masked(where, p * y + amiss), g


def masked(where: Array | None, values: Array) -> Array:
    return values if where is None else jnp.where(where, values, 0)


def fraction(amiss: Array, there: Array, empty: Any) -> Array:
    """amiss / there, and `empty` where there is nothing, which takes g = 0; NaN stays NaN."""
    nothing = there == 0
    return jnp.where(nothing, empty, amiss / jnp.where(nothing, 1, there))


def set_ratio(amiss: Array, there: Array, g: Array) -> Array:
    return fraction(jnp.sum(amiss), jnp.sum(there) + g, 1)


def sound_set(given: Binary, g: Array) -> tuple[_checks.Check, _checks.Check, _checks.Check]:
    with _checks.evaluated_now(given.labels, given.where, g):
        some = jnp.asarray(given.labels.size > 0) if given.where is None else jnp.any(given.where)
        rated = (g > 0) | jnp.any(given.labels > 0)
    return (
        _checks.nonnegative("smooth", g),
        _checks.Check(some, "where must leave an example", lambda: "none"),
        _checks.Check(rated, "labels must have a positive where smooth is 0", lambda: "none"),
    )


def at_level(
    level: Level,
    given: Binary,
    g: Array,
    parts: tuple[Array, Array, Array],
    checks: tuple[_checks.Check, ...],
    *,
    empty: Any,
) -> Array:
    _checks.require_option("level", level, ("example", "set"))
    amiss, there, _ = parts
    if level == "set":
        return _checks.enforce(set_ratio(*parts), *given.whole(), *checks, *sound_set(given, g))
    loss = masked(given.where, fraction(amiss, there + g, empty))
    return _checks.enforce(loss, given.check, *checks)
