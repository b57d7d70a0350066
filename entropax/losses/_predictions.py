"""Means over predictions of which some count, in parts that the objectives without labels share."""

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array


def masked_mean(values: Array, where: Array) -> Array:
    """The mean of the values that count."""
    return jnp.sum(jnp.where(where, values, 0)) / jnp.sum(where).astype(values.dtype)


def mean_entropy(log_p: Array, where: Array) -> Array:
    """The mean entropy of the distributions that count, from their logarithms (m, n)."""
    return masked_mean(-jnp.sum(jnp.exp(log_p) * log_p, axis=-1), where)


def log_mean(log_p: Array, where: Array) -> Array:
    """The logarithm of the mean distribution: where all predictions agree, the small proportion keeps its accuracy."""
    total = jax.nn.logsumexp(log_p, axis=0, where=where[:, None])
    return total - jnp.log(jnp.sum(where).astype(log_p.dtype))


def divergence(log_p: Array, log_q: Array) -> Array:
    """KL(p || q) from logarithms."""
    return jnp.sum(jnp.exp(log_p) * (log_p - log_q))


def some_count(expected: str, counted: Array) -> _checks.Check:
    """A check that something counts; `expected` says it in words."""
    with _checks.evaluated_now(counted):
        return _checks.Check(jnp.any(counted), expected, lambda: "none")
