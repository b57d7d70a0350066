"""Entropy and mutual information of continuous variables from histograms.

The hard histogram counts samples in bins, so its counts are piecewise constant. The soft one spreads every sample over
the bins by differences of sigmoids at the edges; it has gradients, and tends to the hard one as its temperature does to
zero.
"""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Real, RealScalar, Scalar
from entropax.estimators.discrete_counts import discrete_entropy, discrete_mutual_information

BINNINGS = ("equal-width", "equal-frequency")
_SOFT_TILE = 2**20  # memberships that are held at once


def histogram_entropy(
    x: Real[ArrayLike, "n d"],
    *,
    bins: int | tuple[int, ...],
    binning: str = "equal-width",
    temperature: RealScalar | None = None,
    correction: str = "plug-in",
) -> Scalar:
    """Differential entropy of the piecewise constant density of a histogram, H(counts) + mean log volume of a bin.

    Args:
        x: samples, shape (n, d) with n >= 2.
        bins: number of bins along every column, or one number for each.
        binning: "equal-width", between the least and the greatest sample, or "equal-frequency", with edges halfway
            between samples so that each column's bins hold equally many.
        temperature: None for the hard histogram; else the width of the sigmoids that soften every inner edge, in units
            of the mean width of the bins. A sample on an edge belongs to the bin above; in the soft limit half of it
            does.
        correction: of the entropy of the counts, as in `discrete_entropy`.

    Returns:
        The entropy in nats.

    Raises:
        ValueError: x has not the shape (n, d), an option is unknown, a bin has no width (a constant column, or ties
            with equal-frequency bins), a coordinate is not finite, or the temperature is not positive.

    Differentiable in x. The counts of the hard histogram are constant almost everywhere, so only the widths of its bins
    carry a gradient; the soft one has that of the counts too, and is differentiable in its temperature.
    """
    (x,), bins, tau = _prepare({"x": x}, bins, binning, temperature)
    value, least_width = _entropy(x, tau, bins, binning, temperature is not None, correction)
    wide = _checks.Check(
        least_width > 0, "x must vary within every bin of every column", lambda: f"a bin of width {least_width}"
    )
    return _checks.enforce(value, wide, _checks.finite("x", x), _checks.positive("temperature", tau))


def histogram_mutual_information(
    x: Real[ArrayLike, "n dx"],
    y: Real[ArrayLike, "n dy"],
    *,
    bins: int | tuple[int, ...],
    binning: str = "equal-width",
    temperature: RealScalar | None = None,
    correction: str = "plug-in",
) -> Scalar:
    """Mutual information of the bins that x and y fall into.

    Binning can only lose information, while few samples per bin add some (about (k_x - 1)(k_y - 1) / 2n for the plug-in
    with k_x and k_y bins). A constant column falls into one bin and gives 0.

    Args:
        x: samples of one variable, shape (n, dx) with n >= 2.
        y: samples of the other, shape (n, dy).
        bins: number of bins along every column, or one for each of the dx + dy columns.
        binning: as in `histogram_entropy`; equal-frequency bins make the estimate invariant under increasing functions
            of each column.
        temperature: None for the hard histogram, else as in `histogram_entropy`.
        correction: of the mutual information of the counts, as in `discrete_mutual_information`.

    Returns:
        The mutual information in nats.

    Raises:
        ValueError: x or y has not the shape (n, d), they differ in n, an option is unknown, a coordinate is not finite,
            or the temperature is not positive.

    The hard form is piecewise constant in x and y: its gradient is zero. The soft one is differentiable in x, y and its
    temperature.
    """
    (x, y), bins, tau = _prepare({"x": x, "y": y}, bins, binning, temperature)
    value = _mutual_information(x, y, tau, bins, binning, temperature is not None, correction)
    checks = _checks.finite("x", x), _checks.finite("y", y), _checks.positive("temperature", tau)
    return _checks.enforce(value, *checks)


def _prepare(
    samples: dict[str, Any], bins: Any, binning: str, temperature: Any
) -> tuple[tuple[Array, ...], tuple[int, ...], Array]:
    """Samples, bins of every column, and the temperature (1 for the hard form)."""
    _checks.require_option("binning", binning, BINNINGS)
    *arrays, tau = _checks.as_floats(**samples, temperature=1.0 if temperature is None else temperature)
    _checks.require_ndim("temperature", tau, 0, "()")
    for name, array in zip(samples, arrays, strict=True):
        _checks.require_ndim(name, array, 2, "(n, d)")
        if array.shape[0] < 2 or array.shape[1] < 1:
            raise ValueError(f"{name} must have shape (n, d) with n >= 2 and d >= 1, got {array.shape}")
        if array.shape[0] != arrays[0].shape[0]:
            raise ValueError(f"{name} must have {arrays[0].shape[0]} samples like x, got shape {array.shape}")
    columns = sum(array.shape[1] for array in arrays)
    bins = bins if isinstance(bins, tuple) else (bins,) * columns
    if len(bins) != columns:
        raise ValueError(f"bins must be one number or one for each of {columns} columns, got {bins}")
    for number in bins:
        _checks.require_integer("bins", number, minimum=1)
    if math.prod(bins) >= 2**31:
        raise ValueError(f"bins must make fewer than 2^31 cells, got {bins}")
    return tuple(arrays), bins, tau


@functools.partial(jax.jit, static_argnames=("bins", "binning", "soft", "correction"))
def _entropy(
    x: Array, tau: Array, bins: tuple[int, ...], binning: str, soft: bool, correction: str
) -> tuple[Array, Array]:
    """The entropy, and the least width of a bin."""
    edges = _edges(x, bins, binning)
    widths = [jnp.diff(e) for e in edges]
    counts = _table((x,), (edges,), tau, soft)
    mean_log_volume = jnp.zeros((), x.dtype)
    for axis, width in enumerate(widths):
        others = tuple(a for a in range(len(bins)) if a != axis)
        p = jnp.sum(counts.reshape(bins), axis=others) / x.shape[0]
        mean_log_volume = mean_log_volume + jnp.sum(p * jnp.log(width))
    least = jnp.min(jnp.concatenate(widths))
    return discrete_entropy(counts.reshape(-1), correction=correction) + mean_log_volume, least


@functools.partial(jax.jit, static_argnames=("bins", "binning", "soft", "correction"))
def _mutual_information(
    x: Array, y: Array, tau: Array, bins: tuple[int, ...], binning: str, soft: bool, correction: str
) -> Array:
    split = x.shape[1]
    edges = _edges(x, bins[:split], binning), _edges(y, bins[split:], binning)
    return discrete_mutual_information(_table((x, y), edges, tau, soft), correction=correction)


def _edges(x: Array, bins: tuple[int, ...], binning: str) -> list[Array]:
    """Edges of the bins of every column."""
    n = x.shape[0]
    if binning == "equal-width":
        low, high = jnp.min(x, axis=0), jnp.max(x, axis=0)
        # In this form, unlike by linspace, rounding cannot put the edges of a constant column out of order.
        part = [jnp.arange(number + 1, dtype=x.dtype) / number for number in bins]
        return [low[k] + (high[k] - low[k]) * part[k] for k in range(len(bins))]
    ordered = jnp.sort(x, axis=0)
    edges = []
    for k, number in enumerate(bins):
        cuts = jnp.asarray([i * n // number for i in range(1, number)], jnp.int32)
        inner = (ordered[jnp.maximum(cuts - 1, 0), k] + ordered[cuts, k]) / 2
        edges.append(jnp.concatenate([ordered[:1, k], inner, ordered[-1:, k]]))
    return edges


def _table(samples: tuple[Array, ...], edges: tuple[list[Array], ...], tau: Array, soft: bool) -> Array:
    """How many samples fall into each cell of one or two variables; an axis for each variable, its cells flat."""
    return _soft_table(samples, edges, tau) if soft else _hard_table(samples, edges)


def _hard_table(samples: tuple[Array, ...], edges: tuple[list[Array], ...]) -> Array:
    cell = jnp.zeros(samples[0].shape[0], jnp.int32)
    for x, of_x in zip(samples, edges, strict=True):
        for k, e in enumerate(of_x):
            # Half open, [lower, upper), but for the last bin, which holds the greatest sample.
            position = jnp.searchsorted(e[1:-1], x[:, k], side="right").astype(jnp.int32)
            cell = cell * (e.size - 1) + position
    sizes = tuple(_cells(of_x) for of_x in edges)
    return jnp.bincount(cell, length=math.prod(sizes)).astype(samples[0].dtype).reshape(sizes)


def _cells(edges: list[Array]) -> int:
    return math.prod(e.size - 1 for e in edges)


def _soft_table(samples: tuple[Array, ...], edges: tuple[list[Array], ...], tau: Array) -> Array:
    """Sums of products of memberships, by blocks of samples that are computed again on the way back."""
    n = samples[0].shape[0]
    sizes = tuple(_cells(of_x) for of_x in edges)
    block = min(n, max(1, _SOFT_TILE // max(sizes)))
    num_blocks = -(-n // block)

    def blocks(x: Array) -> Array:
        return jnp.pad(x, ((0, num_blocks * block - n), (0, 0)), mode="edge").reshape(num_blocks, block, x.shape[1])

    weights = (jnp.arange(num_blocks * block) < n).astype(tau.dtype).reshape(num_blocks, block, 1)

    @jax.checkpoint
    def add(table: Array, chunk: tuple[Array, tuple[Array, ...]]) -> tuple[Array, None]:
        weight, rows = chunk
        first, *others = (_memberships(x, of_x, tau) for x, of_x in zip(rows, edges, strict=True))
        first = first * weight
        return table + (first.T @ others[0] if others else jnp.sum(first, axis=0)), None

    start = jnp.zeros(sizes, tau.dtype)
    return jax.lax.scan(add, start, (weights, tuple(blocks(x) for x in samples)))[0]


def _memberships(x: Array, edges: list[Array], tau: Array) -> Array:
    """How much each sample belongs to each cell, shape (samples, cells); the sum over cells is one."""
    result = jnp.ones((x.shape[0], 1), x.dtype)
    for k, e in enumerate(edges):
        extent = jnp.where(e[-1] > e[0], e[-1] - e[0], 1)  # a constant column belongs to all bins alike
        scale = tau * extent / (e.size - 1)
        # sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - e^(b - a)) is not negative by rounding.
        lower, upper = (x[:, k, None] - e[None, :-1]) / scale, (x[:, k, None] - e[None, 1:]) / scale
        between = -jnp.expm1(-jnp.diff(e) / scale)
        open_below, open_above = (jnp.arange(e.size - 1) == end for end in (0, e.size - 2))
        one_axis = jnp.where(open_below[None, :], 1, jax.nn.sigmoid(lower))
        one_axis = one_axis * jnp.where(open_above[None, :], 1, jax.nn.sigmoid(-upper))
        one_axis = one_axis * jnp.where(open_below | open_above, 1, between)[None, :]
        result = (result[:, :, None] * one_axis[:, None, :]).reshape(x.shape[0], -1)
    return result
