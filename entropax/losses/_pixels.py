"""Pixels made ready for classifiers by cosines: checked, in rows, of length one."""

from typing import Any, NamedTuple

import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array
from entropax.losses._predictions import some_count

IGNORE = 255
"""The label of pixels that do not count, as segmentation data sets have it."""


class Task(NamedTuple):
    """Pixels in rows, harmless where they do not count."""

    support: Array  # (m, c)
    labels: Array  # (m,), 0 or 1
    counted: Array  # (m,)
    query: Array  # (n, c)
    where: Array  # (n,)


def task_of(support: Any, masks: Any, query: Any, where: Any) -> tuple[Task, tuple[_checks.Check, ...]]:
    """The pixels of checked arguments, and the checks of their values."""
    s, q = map(_checks.accumulated, _checks.as_floats(support=support, query=query))
    _checks.require_ndim("support", s, 4, "(k, h, w, c)")
    _checks.require_ndim("query", q, 3, "(h, w, c)")
    if q.shape[-1] != s.shape[-1]:
        raise ValueError(f"query must have the {s.shape[-1]} channels of support, got {q.shape[-1]}")
    with _checks.evaluated_now(masks):
        labels = jnp.asarray(masks)
    if not (jnp.issubdtype(labels.dtype, jnp.integer) or labels.dtype == jnp.bool_):
        raise TypeError(f"masks must be integers or booleans, got dtype {labels.dtype}")
    _checks.require_shape("masks", labels, s.shape[:-1])
    with _checks.evaluated_now(labels):
        labels = labels.astype(jnp.int32)
        known = _checks.Check(
            jnp.all((labels == 0) | (labels == 1) | (labels == IGNORE)),
            f"masks must be 0, 1 or {IGNORE}",
            lambda: f"values from {labels.min()} to {labels.max()}",
        )
        foreground = some_count("masks must mark some foreground (1)", labels == 1)
    counted = labels != IGNORE
    s = jnp.where(counted[..., None], s, 0)
    mask = _checks.as_mask(where, q.shape[:-1])
    finite = _checks.finite("support", s), _checks.finite("query", q)
    task = Task(
        unit(s).reshape(-1, s.shape[-1]),
        labels.reshape(-1),
        counted.reshape(-1),
        unit(q).reshape(-1, q.shape[-1]),
        mask.reshape(-1),
    )
    return task, (known, foreground, some_count("where must let some query pixels count", mask), *finite)


def mean_prototype(task: Task, tau: Array) -> tuple[Array, Array]:
    """The mean foreground feature, and the mean of the query's logits by it."""
    foreground = (task.counted & (task.labels == 1)).astype(task.support.dtype)
    weight = foreground @ task.support / jnp.sum(foreground)
    return weight, jnp.mean(cosines(tau, task.query, unit(weight)))


def unit(x: Array) -> Array:
    """x over its length along the last axis; zero stays zero, without a gradient."""
    square = jnp.sum(x**2, axis=-1, keepdims=True)
    some = square > 0
    return x * jnp.where(some, 1 / jnp.sqrt(jnp.where(some, square, 1)), 0)


def cosines(tau: Array, pixels: Array, direction: Array) -> Array:
    """tau times the cosines, in full precision on every device: tau multiplies what rounding does to them."""
    return tau * jnp.matmul(pixels, direction, precision="highest")


def number(name: str, value: Any, dtype: Any, check: Any = _checks.positive) -> tuple[Array, _checks.Check]:
    """An argument without axes as a number of the dtype, and the check of its value."""
    (x,) = _checks.as_numbers(**{name: value})
    return x.astype(dtype), check(name, x)
