"""Counts of values in equal bins, with sharp or soft edges."""

import jax
import jax.numpy as jnp

from entropax._typing import Array


def bin_counts(
    values: Array,
    high: Array | float,
    bins: int,
    width: Array | None,
    ends: str = "closed",
    where: Array | None = None,
) -> Array:
    """How many values are in each of the bins of [0, high]; those above are left out.

    Args:
        values: shape (n,), none negative.
        high: upper end.
        bins: their number.
        width: None, or that of soft edges in bins.
        ends: of soft bins: "closed" where values lie within, "leaky" where those above are left out, or "periodic".
        where: which values count, shape (n,).

    Returns:
        Counts, shape (bins,). Differentiable in the values and the width where edges are soft.
    """
    if width is None:
        index = bin_of(values, high, bins)
        index = index if where is None else jnp.where(where, index, bins)
        return tally(index, bins, values.dtype)
    members = memberships(values, high, bins, width, ends)
    return jnp.sum(members if where is None else jnp.where(where[:, None], members, 0), axis=0)


def bin_of(values: Array, high: Array | float, bins: int) -> Array:
    """The bin [e_b, e_(b + 1)) of every value, the last one closed; `bins` for values past it.

    Args:
        values: shape (n,), none negative.
        high: upper end.
        bins: number of bins.

    Returns:
        Integers, shape (n,).
    """
    step = jnp.asarray(high, values.dtype) / bins
    guess = jnp.clip(jnp.floor(values * (1 / step)), 0, bins - 1)
    # Rounding may put a value next to an edge on its wrong side.
    guess = jnp.where(values < guess * step, guess - 1, jnp.where(values >= (guess + 1) * step, guess + 1, guess))
    index = jnp.clip(guess, 0, bins - 1).astype(jnp.int32)
    return jnp.where(values > high, bins, index)


def tally(index: Array, bins: int, dtype: jnp.dtype) -> Array:
    """How many indices are at each of the bins; those past them are left out.

    Args:
        index: integers, shape (n,).
        bins: number of bins.
        dtype: of the counts.

    Returns:
        Counts, shape (bins,).
    """
    return jnp.bincount(index, length=bins + 1)[:bins].astype(dtype)


def memberships(values: Array, high: Array | float, bins: int, width: Array, ends: str = "closed") -> Array:
    """How much each value belongs to each bin, shape (n, bins).

    Args:
        values: shape (n,).
        high: upper end.
        bins: number of bins.
        width: of the edges, in bins.
        ends: as in `bin_counts`.

    Returns:
        Numbers from 0 to 1, each row summing to one, or to less where ends are "leaky". Differentiable.
    """
    step = jnp.asarray(high, values.dtype) / bins
    place = values[:, None] / step
    edges = jnp.arange(bins + 1, dtype=values.dtype)[None]
    if ends == "periodic":
        images = (-bins, 0, bins)
        below = sum((jax.nn.sigmoid((edges + image - place) / width) for image in images), jnp.zeros((), values.dtype))
    else:
        below = jax.nn.sigmoid((edges - place) / width).at[:, 0].set(0)
        below = below if ends == "leaky" else below.at[:, -1].set(1)
    return jnp.maximum(jnp.diff(below, axis=1), 0)  # but for rounding they are positive
