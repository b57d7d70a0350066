"""Classes of labelled outcomes: numbering them by sorting, their masses, and what these give.

A labelled variable is an integer for every outcome. Only which outcomes share a label matters, so labels are first
replaced by the numbers 0, 1, ... of their classes; arrays over classes have the length of the outcomes, unused ones
zero.
"""

from typing import Any

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array
from entropax.information._numerics import divergence_of_marginals, p_log_ratio, x_log_x


def require_labels(p: Array, *, ndim: int = 1, **values: Any) -> tuple[Array, ...]:
    """Integer arrays whose last axis is that of the outcomes; booleans count as 0 and 1."""
    arrays = []
    for name, value in values.items():
        dtype = jnp.result_type(value)
        if not (jnp.issubdtype(dtype, jnp.integer) or jnp.issubdtype(dtype, jnp.bool_)):
            raise TypeError(f"{name} must hold integer labels, got dtype {dtype}")
        with _checks.evaluated_now(value):
            labels = jnp.asarray(value, jnp.int32 if jnp.issubdtype(dtype, jnp.bool_) else dtype)
        outcomes = p.shape[0]
        if labels.ndim != ndim or labels.shape[-1] != outcomes or 0 in labels.shape:
            shape = f"({outcomes},)" if ndim == 1 else f"(parts, {outcomes}) with one part or more"
            raise ValueError(f"{name} must have shape {shape}, got {labels.shape}")
        arrays.append(labels)
    return tuple(arrays)


def require_probabilities(p: Any) -> tuple[Array, _checks.Check]:
    """One distribution over the outcomes, and the check of its values."""
    p = _checks.as_float("p", p)
    if p.ndim != 1 or p.shape[0] < 1:
        raise ValueError(f"p must have shape (outcomes,), got {p.shape}")
    return p, _checks.distribution("p", p)


def classes(*keys: Array) -> Array:
    """The number of every outcome's class, dense from 0, in the lexicographic order of the keys."""
    index = jnp.arange(keys[0].shape[0])
    *ordered, order = jax.lax.sort((*keys, index), num_keys=len(keys))
    new = jnp.zeros(index.shape[0] - 1, bool)
    for key in ordered:
        new = new | (key[1:] != key[:-1])
    rank = jnp.concatenate([jnp.zeros(1, index.dtype), jnp.cumsum(new).astype(index.dtype)])
    return jnp.zeros_like(index).at[order].set(rank)


def joined(parts: Array) -> Array:
    """Classes of the joint variable of the parts, shape (parts, outcomes)."""
    nothing = jnp.zeros(parts.shape[1], classes(parts[0]).dtype)
    return jax.lax.scan(lambda so_far, part: (classes(so_far, part), None), nothing, parts)[0]


def determines(fine: Array, coarse: Array, possible: Array) -> Array:
    """Whether the possible outcomes of every class of `fine` share one label of `coarse`."""
    number, label = classes(fine), classes(coarse)
    outcomes = label.shape[0]
    highest = jax.ops.segment_max(jnp.where(possible, label, -1), number, outcomes)
    lowest = jax.ops.segment_min(jnp.where(possible, label, outcomes), number, outcomes)
    return jnp.all(~possible | (highest == lowest)[number])


def masses(labels: Array, p: Array) -> Array:
    """Probability of every class."""
    return jax.ops.segment_sum(p, classes(labels), p.shape[0])


def entropy_of(labels: Array, p: Array) -> Array:
    """H(X) in nats."""
    return -jnp.sum(x_log_x(masses(labels, p)))


def pair_masses(a: Array, b: Array, p: Array) -> tuple[Array, Array, Array]:
    """For every class of (A, B): its probability, and those of the classes of A and B that hold it."""
    of_a, of_b = classes(a), classes(b)
    of_pair = classes(of_a, of_b)

    def of_class(number: Array) -> Array:
        return masses(number, p)[jnp.zeros_like(number).at[of_pair].set(number)]

    return jax.ops.segment_sum(p, of_pair, p.shape[0]), of_class(of_a), of_class(of_b)


def conditional_entropy_of(a: Array, given: Array, p: Array) -> Array:
    """H(A | B) in nats; exactly zero where B determines A."""
    pair, _, of_given = pair_masses(a, given, p)
    return -jnp.sum(p_log_ratio(pair, of_given))


def mutual_information_of(a: Array, b: Array, p: Array) -> Array:
    """I(A; B) in nats."""
    return divergence_of_marginals(*pair_masses(a, b, p))


def distance_of(a: Array, b: Array, p: Array) -> tuple[Array, Array]:
    """H(A | B) + H(B | A) and H(A, B) in nats."""
    pair, of_a, of_b = pair_masses(a, b, p)
    return -jnp.sum(p_log_ratio(pair, of_a) + p_log_ratio(pair, of_b)), -jnp.sum(x_log_x(pair))


def rajski_of(a: Array, b: Array, p: Array) -> Array:
    """(H(A | B) + H(B | A)) / H(A, B), and 0 for two constants."""
    distance, joint = distance_of(a, b, p)
    varies = joint > 0
    return jnp.where(varies, distance / jnp.where(varies, joint, 1), 0)
