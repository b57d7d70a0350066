"""Kinds of histories, and what happens around transformations: stacked epochs and duty cycles."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, PRNGKey, Real, RealScalar, Scalar
from entropax.applications.clusters import _histories
from entropax.applications.clusters.transformations import TransformationTable

ARCHETYPES = (
    "always cool core",
    "always non-cool core",
    "cool core to non-cool core",
    "non-cool core to cool core",
    "temporary non-cool core",
    "temporary cool core",
)
"""Kinds of histories."""


class Archetype(eqx.Module):
    """The kind of one history.

    Attributes:
        value: an index of `ARCHETYPES`.
        changes: how often the core changes between cool and not.
        valid: whether the history was one.
    """

    value: Int[Array, ""]
    changes: Int[Array, ""]
    valid: Bool[Array, ""]


class StackedEpoch(eqx.Module):
    """The mean of a series around events.

    Attributes:
        value: mean at each offset, shape (k,); NaN without events.
        standard_error: by a bootstrap of whole clusters, shape (k,); NaN where fewer than two have events.
        interval: lower and upper end at each offset, shape (2, k); NaN there too.
        count: number of events whose window lies in the data.
    """

    value: Float[Array, "k"]
    standard_error: Float[Array, "k"]
    interval: Float[Array, "2 k"]
    count: Int[Array, ""]


class DutyCycle(eqx.Module):
    """The share of time above a threshold around events.

    Attributes:
        value: mean over events; NaN without events.
        standard_error: from the scatter of clusters; NaN where fewer than two have events.
        count: number of events whose window lies in the data.
    """

    value: Scalar
    standard_error: Scalar
    count: Int[Array, ""]


def archetype(
    table: TransformationTable,
    K0: Real[ArrayLike, "n"],
    *,
    where: Bool[ArrayLike, "n"] | None = None,
    limit: int | float = 150.0,
) -> Archetype:
    """Names a history by how its core changes between cool (K0 <= limit) and not.

    The states compared are those at the first point, at the end of each transformation, and at the last point. No
    change: always the one; one change: from the one to the other; more: the phase that ends first is temporary,
    whatever comes later. Cores that drift over the limit without a transformation show at the next point compared.

    Args:
        table: transformations of one history, from `find_transformations`.
        K0: the history in keV cm^2, shape (n,), positive.
        where: points to use, as there.
        limit: entropy above which a core is not cool, one of 22 and 150 keV cm^2, for which the table has states.

    Returns:
        The kind, an index of `ARCHETYPES`. No gradients: an integer.

    Raises:
        ValueError: the limit is another one, shapes do not fit or an entropy is not positive.

    Source: arXiv 2503.01969 has six kinds, whose rules are our reading.
    """
    K = _checks.as_float("K0", K0)
    if K.ndim != 1 or K.shape[0] < _histories.MIN_POINTS:
        raise ValueError(f"K0 must have shape (n,) with n >= {_histories.MIN_POINTS}, got {K.shape}")
    _checks.require_ndim("table.t_mid", table.t_mid, 1, "(e,): one history")
    _checks.require_option("limit", limit, (22.0, 150.0))
    mask = _checks.as_mask(where, K.shape)
    with _checks.evaluated_now(K, mask):
        safe = jnp.where(mask, K, 1)
    valid = _checks.validity(_checks.positive("K0", safe))
    kind, changes = _kind(safe > limit, mask, table.state_end >= (1 if limit == 22.0 else 2), table.mask)
    return Archetype(kind, changes, valid & table.valid)


@jax.jit
def _kind(above: Array, there: Array, after: Array, events: Array) -> tuple[Array, Array]:
    """Archetype and number of changes, from where a history and the ends of its transformations are above the limit."""
    first, last = (above[i] for i in _histories.ends(there))

    def follow(carry: tuple[Array, Array], event: tuple[Array, Array]) -> tuple[tuple[Array, Array], None]:
        state, changes = carry
        now = jnp.where(event[1], event[0], state)
        return (now, changes + (now != state).astype(jnp.int32)), None

    start = first, jnp.zeros((), jnp.int32)
    (state, changes), _ = jax.lax.scan(follow, start, (after, events))
    changes = changes + (last != state).astype(jnp.int32)
    once = jnp.where(first, 3, 2)
    more = jnp.where(first, 5, 4)
    kind = jnp.where(changes == 0, first.astype(jnp.int32), jnp.where(changes == 1, once, more))
    return kind.astype(jnp.int32), changes


def stacked_epoch(
    t: Real[ArrayLike, "n"],
    series: Real[ArrayLike, "c n"],
    t_events: Real[ArrayLike, "c e"],
    mask: Bool[ArrayLike, "c e"],
    *,
    offsets: Real[ArrayLike, "k"],
    key: PRNGKey,
    num_resamples: int = 200,
    confidence: int | float = 0.68,
) -> StackedEpoch:
    """Mean of a series at given times before and after events, with the band of a bootstrap of whole clusters.

    Events whose window leaves the data are left out.

    Args:
        t: times in Gyr, increasing, shape (n,).
        series: of c clusters, shape (c, n), finite; linear between the times.
        t_events: times of events such as `TransformationTable.t_mid`, shape (c, e).
        mask: which of them are events, shape (c, e).
        offsets: times relative to an event in Gyr, shape (k,).
        key: source of randomness.
        num_resamples: of the bootstrap, at least 2.
        confidence: of the band.

    Returns:
        The mean and its band.

    Raises:
        ValueError: shapes or options do not fit, or values are not finite.

    Differentiable in the series. Source: superposed epochs, Chree 1913; the stacks of arXiv 2503.01969.
    """
    time, x, events, chosen, checks = _aligned(t, series, t_events, mask)
    (lags,) = _checks.as_floats(offsets=jnp.asarray(offsets, time.dtype))
    if lags.ndim != 1 or not lags.size:
        raise ValueError(f"offsets must have shape (k,) with k >= 1, got {lags.shape}")
    _checks.require_key("key", key)
    _checks.require_integer("num_resamples", num_resamples, minimum=2)
    _checks.require_within("confidence", confidence, 0, 1, open_below=True, open_above=True)
    tail = (1 - confidence) / 2
    stacked = _stacked(time, x, events, chosen, lags, key, num_resamples, tail)
    return _checks.enforce(stacked, *checks, _checks.finite("offsets", lags))


def duty_cycle(
    t: Real[ArrayLike, "n"],
    rate: Real[ArrayLike, "c n"],
    t_events: Real[ArrayLike, "c e"],
    mask: Bool[ArrayLike, "c e"],
    *,
    threshold: RealScalar,
    window: tuple[int | float, int | float] = (-1.0, 0.0),
    temperature: RealScalar | None = None,
) -> DutyCycle:
    """Share of the time in a window around events in which a rate exceeds a threshold.

    Events whose window leaves the data are left out; `control_times` gives random ones to compare with.

    Args:
        t: times in Gyr, increasing, shape (n,).
        rate: of c clusters, shape (c, n), finite; constant from halfway before a time to halfway after.
        t_events: shape (c, e).
        mask: which of them are events, shape (c, e).
        threshold: in the unit of the rate.
        window: start and end relative to an event in Gyr.
        temperature: None counts; else each time counts by sigmoid((rate - threshold) / temperature), which tends to it.

    Returns:
        The mean over events and its error.

    Raises:
        ValueError: shapes or options do not fit, or values are not finite.

    Differentiable in the rate and the threshold with a temperature. Source: arXiv 2503.01969; its rules are ours.
    """
    time, x, events, chosen, checks = _aligned(t, rate, t_events, mask)
    given = 1 if temperature is None else temperature
    limit, width = _checks.as_numbers(
        threshold=jnp.asarray(threshold, x.dtype), temperature=jnp.asarray(given, x.dtype)
    )
    if not window[0] < window[1]:
        raise ValueError(f"window must increase, got {window}")
    active = (x > limit).astype(x.dtype) if temperature is None else jax.nn.sigmoid((x - limit) / width)
    found = _duty_cycle(time, active, events, chosen, float(window[0]), float(window[1]))
    return _checks.enforce(found, *checks, _checks.finite("threshold", limit), _checks.positive("temperature", width))


def control_times(
    t_events: Real[ArrayLike, "c e"],
    spans: Real[ArrayLike, "c 2"],
    *,
    key: PRNGKey,
    margins: tuple[int | float, int | float],
) -> Float[Array, "c e"]:
    """Random times in place of events: uniform over each cluster's span without its margins.

    Args:
        t_events: whose shape and dtype the times take, shape (c, e).
        spans: first and last time of each cluster's data in Gyr, shape (c, 2), longer than the margins.
        key: source of randomness.
        margins: left out at the start and the end of a span, in Gyr, not negative.

    Returns:
        The times, shape (c, e).

    Raises:
        ValueError: shapes do not fit, a margin is negative, or a span is not longer than its margins.

    Differentiable in the spans.
    """
    like, ends = _checks.as_floats(t_events=t_events, spans=spans)
    _checks.require_ndim("t_events", like, 2, "(c, e)")
    _checks.require_shape("spans", ends, (like.shape[0], 2))
    _checks.require_key("key", key)
    for margin in margins:
        _checks.require_within("margins", margin, 0, float("inf"), open_above=True)
    low, high = ends[:, :1] + margins[0], ends[:, 1:] - margins[1]
    with _checks.evaluated_now(low, high):
        ok, room = jnp.all(low < high), high - low
    share = jax.random.uniform(key, like.shape, like.dtype)
    check = _checks.Check(ok, "spans must be longer than the margins", lambda: f"{float(jnp.min(room)):.4g} Gyr left")
    return _checks.enforce(low * (1 - share) + high * share, check)


def _aligned(t: Any, series: Any, t_events: Any, mask: Any) -> tuple[Array, Array, Array, Array, tuple]:
    time, x, events = _checks.as_floats(t=t, series=series, t_events=t_events)
    if time.ndim != 1 or time.shape[0] < 2:
        raise ValueError(f"t must have shape (n,) with n >= 2, got {time.shape}")
    if x.ndim != 2 or x.shape[1] != time.shape[0]:
        raise ValueError(f"series must have shape (c, {time.shape[0]}), got {x.shape}")
    if events.ndim != 2 or events.shape[0] != x.shape[0]:
        raise ValueError(f"t_events must have shape ({x.shape[0]}, e), got {events.shape}")
    chosen = jnp.asarray(mask)
    _checks.require_shape("mask", chosen, events.shape)
    if chosen.dtype != jnp.bool_:
        raise TypeError(f"mask must be boolean, got dtype {chosen.dtype}")
    checks = (
        _histories.increasing("t", time),
        _checks.finite("series", x),
        _checks.finite("t_events", jnp.where(chosen, events, 0)),
    )
    return time, x, events, chosen, checks


def _inside(t: Array, events: Array, chosen: Array, low: Any, high: Any) -> Array:
    return chosen & (events + low >= t[0]) & (events + high <= t[-1])


def _several(counts: Array) -> Array:
    """One where two clusters or more have events, else NaN: one alone shows no scatter."""
    return jnp.where(jnp.sum(counts > 0) > 1, 1, jnp.nan).astype(counts.dtype)


@eqx.filter_jit
def _stacked(
    t: Array, x: Array, events: Array, chosen: Array, lags: Array, key: PRNGKey, num_resamples: int, tail: float
) -> StackedEpoch:
    inside = _inside(t, events, chosen, jnp.min(lags), jnp.max(lags))
    at = jnp.where(inside, events, t[0])[..., None] + lags[None, None]
    values = jax.vmap(lambda row, when: jnp.interp(when, t, row))(x, at)
    sums = jnp.sum(jnp.where(inside[..., None], values, 0), axis=1)  # (c, k)
    counts = jnp.sum(inside, axis=1).astype(x.dtype)
    c = counts.shape[0]
    rows = jax.random.randint(key, (num_resamples, c), 0, c)
    weights = jax.vmap(lambda row: jnp.bincount(row, length=c))(rows).astype(x.dtype)
    above, below = weights @ sums, weights @ counts
    means = above / jnp.where(below > 0, below, jnp.nan)[:, None]
    count = jnp.sum(counts)
    ends = jnp.nanquantile(jax.lax.stop_gradient(means), jnp.asarray([tail, 1 - tail], x.dtype), axis=0)
    several = _several(counts)
    return StackedEpoch(
        jnp.sum(sums, axis=0) / jnp.where(count > 0, count, jnp.nan),
        jax.lax.stop_gradient(jnp.nanstd(means, axis=0)) * several,
        ends * several,
        count.astype(jnp.int32),
    )


@eqx.filter_jit
def _duty_cycle(t: Array, active: Array, events: Array, chosen: Array, low: float, high: float) -> DutyCycle:
    inside = _inside(t, events, chosen, low, high)
    middles = (t[1:] + t[:-1]) / 2
    edges = jnp.concatenate([t[:1], middles, t[-1:]])

    def one(row: Array, when: Array) -> Array:
        """Time above the threshold in the windows of one cluster: differences of its integral."""
        integral = jnp.concatenate([jnp.zeros_like(row[:1]), jnp.cumsum(row * jnp.diff(edges))])
        return jnp.interp(when + high, edges, integral) - jnp.interp(when + low, edges, integral)

    shares = jnp.where(inside, jax.vmap(one)(active, jnp.where(inside, events, t[0])) / (high - low), 0)
    counts = jnp.sum(inside, axis=1).astype(active.dtype)
    total, c = jnp.sum(counts), counts.shape[0]
    n = jnp.where(total > 0, total, jnp.nan)
    value = jnp.sum(shares) / n
    off = jnp.sum(shares, axis=1) - value * counts
    error = jnp.sqrt(jax.lax.stop_gradient(jnp.sum(off**2)) * (c / max(c - 1, 1))) / n * _several(counts)
    return DutyCycle(value, error, total.astype(jnp.int32))
