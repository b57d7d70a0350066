"""Transformations of cores: lasting rises and falls of a history of the central entropy, hard and soft."""

from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar, Scalar
from entropax.applications.clusters import _histories
from entropax.applications.clusters.core_states import LIMITS


class TransformationTable(eqx.Module):
    """Transformations of one history, in the order of time, in the first of `max_events` places.

    Attributes:
        value: number of transformations found, an integer, those without a place included.
        mask: which places are filled; the others hold zeros, shape (e,).
        t_start: when the slope passes its threshold, in Gyr, shape (e,).
        t_end: when it falls below it for good, shape (e,).
        t_mid: halfway: anchor windows here, since smoothing moves t_start to before the cause, shape (e,).
        duration: t_end - t_start, shape (e,).
        dy: change of the smoothed log10 K0 from t_start to t_end, in dex, shape (e,).
        direction: +1 to higher entropy, -1 to lower, 0 in empty places, shape (e,).
        state_start: class of the smoothed K0 at t_start, an index of `CORE_STATES`: a transformation in the strict
            sense is one whose states differ, shape (e,).
        state_end: the same at t_end, shape (e,).
        overflow: whether there were more than places.
        valid: whether the history was one: increasing times, positive entropies, five points or more.
    """

    value: Int[Array, ""]
    mask: Bool[Array, "e"]
    t_start: Float[Array, "e"]
    t_end: Float[Array, "e"]
    t_mid: Float[Array, "e"]
    duration: Float[Array, "e"]
    dy: Float[Array, "e"]
    direction: Int[Array, "e"]
    state_start: Int[Array, "e"]
    state_end: Int[Array, "e"]
    overflow: Bool[Array, ""]
    valid: Bool[Array, ""]


class SoftCount(eqx.Module):
    """A count of transformations that has gradients.

    Attributes:
        value: of both directions.
        upward: of those to higher entropy.
        downward: of those to lower entropy.
    """

    value: Scalar
    upward: Scalar
    downward: Scalar


class _Rule(NamedTuple):
    """Static sizes, checked."""

    num_points: int
    sigma: float
    dt: float


def find_transformations(
    t: Real[ArrayLike, "n"],
    K0: Real[ArrayLike, "n"],
    *,
    where: Bool[ArrayLike, "n"] | None = None,
    g_min: RealScalar = 0.25,
    dy_min: RealScalar = 0.3,
    merge_gap: RealScalar = 0.3,
    sigma: int | float = 0.3,
    dt: int | float = 0.1,
    num_points: int | None = None,
    max_events: int = 16,
) -> TransformationTable:
    """Finds the transformations of a core in the history of its central entropy.

    y = log10 K0 is interpolated to even times, smoothed by a Gaussian with reflected ends, and differentiated. A
    candidate is a longest interval of |dy/dt| > g_min with one sign; its ends lie where the slope, linear between the
    even times, passes the threshold. Neighbouring candidates of one sign less than merge_gap apart become one. Those
    that change y by dy_min or more are kept.

    Args:
        t: times in Gyr, increasing, shape (n,), n >= 5; they need not be even.
        K0: central entropy in keV cm^2 (any unit serves: only ratios count but for the states), shape (n,), positive.
        where: points to use, shape (n,), five or more; a gap, NaN in it allowed, is bridged linearly. None: all.
        g_min: threshold of the slope in dex/Gyr, positive.
        dy_min: least change in dex, not negative.
        merge_gap: in Gyr, not negative.
        sigma: of the Gaussian in Gyr; 0 does not smooth.
        dt: spacing of the even times in Gyr: the history's span is cut into the nearest whole number of steps.
        num_points: how many even times there are. Needed only where t or `where` is traced; must fit dt.
        max_events: number of places in the table.

    Returns:
        The table. One history a call; `jax.vmap` over K0 (and t, with num_points) for a population.

    Raises:
        ValueError: shapes or options do not fit; times do not increase; an entropy is not positive or NaN where it is
            used; fewer than five points.

    Differentiable in t and K0, with the candidates held: the times, durations and changes. The number of events is
    piecewise constant: `soft_transformation_count` and `transformation_excess` are not. Source: arXiv 2503.01969, whose
    text gives no numbers: the defaults and the order of the steps are our reading.
    """
    _checks.require_integer("max_events", max_events, minimum=1)
    time, y, mask, rule, checks = _inputs(t, K0, where, sigma, dt, num_points)
    limits, more = _thresholds(time, g_min=g_min, dy_min=dy_min, merge_gap=merge_gap)
    found = _table(time, y, mask, *limits, rule=rule, max_events=max_events)
    checks = (*checks, *more)
    found = eqx.tree_at(lambda table: table.valid, found, _checks.validity(*checks))
    return _checks.enforce(found, *checks)


def soft_transformation_count(
    t: Real[ArrayLike, "n"],
    K0: Real[ArrayLike, "n"],
    *,
    temperature: RealScalar = 0.05,
    where: Bool[ArrayLike, "n"] | None = None,
    g_min: RealScalar = 0.25,
    dy_min: RealScalar = 0.3,
    merge_gap: RealScalar = 0.3,
    sigma: int | float = 0.3,
    dt: int | float = 0.1,
    num_points: int | None = None,
) -> SoftCount:
    """Number of transformations, each candidate counted by sigmoid((|dy| - dy_min) / temperature).

    It tends to the count of `find_transformations` as the temperature falls. Candidates are born with |dy| = 0, so it
    jumps there by sigmoid(-dy_min / temperature), 0.0025 by default, and where two merge; `transformation_excess` never
    jumps.

    Args:
        t: as in `find_transformations`.
        K0: as there.
        temperature: in dex, positive.
        where: as there.
        g_min: as there.
        dy_min: as there.
        merge_gap: as there.
        sigma: as there.
        dt: as there.
        num_points: as there.

    Returns:
        The soft count, and that of each direction.

    Raises:
        ValueError: as `find_transformations`, or the temperature is not positive.

    Differentiable in t, K0, g_min, dy_min and the temperature, with the candidates held. Source: our relaxation.
    """
    time, y, mask, rule, checks = _inputs(t, K0, where, sigma, dt, num_points)
    limits, more = _thresholds(time, g_min=g_min, dy_min=dy_min, merge_gap=merge_gap)
    (width,) = _checks.as_numbers(temperature=jnp.asarray(temperature, time.dtype))
    count = _soft_count(time, y, mask, *limits, width, rule=rule)
    return _checks.enforce(count, *checks, *more, _checks.positive("temperature", width))


def transformation_excess(
    t: Real[ArrayLike, "n"],
    K0: Real[ArrayLike, "n"],
    *,
    typical: RealScalar = 0.4,
    temperature: RealScalar | None = None,
    where: Bool[ArrayLike, "n"] | None = None,
    g_min: RealScalar = 0.25,
    sigma: int | float = 0.3,
    dt: int | float = 0.1,
    num_points: int | None = None,
) -> SoftCount:
    """The slope's excess over its threshold, integral of relu(|dy/dt| - g_min) dt / typical: a count without jumps.

    Every transformation adds its |dy| - g_min duration, some 0.4 dex, so that this counts them by their size. It is
    continuous in the history and has no size below which nothing counts; it does not tend to the number of events.

    Args:
        t: as in `find_transformations`.
        K0: as there.
        typical: excess that counts as one, in dex, positive.
        temperature: None for relu; else x -> temperature log(1 + exp(x / temperature)), in dex/Gyr, which tends to it.
        where: as there.
        g_min: as there.
        sigma: as there.
        dt: as there.
        num_points: as there.

    Returns:
        The soft count, and that of each direction.

    Raises:
        ValueError: as `find_transformations`, or the temperature or `typical` is not positive.

    Differentiable in t, K0, typical, g_min and the temperature. Source: our relaxation.
    """
    time, y, mask, rule, checks = _inputs(t, K0, where, sigma, dt, num_points)
    numbers = {"g_min": g_min, "typical": typical, "temperature": 0 if temperature is None else temperature}
    numbers = {name: jnp.asarray(value, time.dtype) for name, value in numbers.items()}
    threshold, unit, width = _checks.as_numbers(**numbers)
    if temperature is not None:
        checks = (*checks, _checks.positive("temperature", width))
    count = _excess(time, y, mask, threshold, unit, width, rule=rule, soft=temperature is not None)
    return _checks.enforce(count, *checks, _checks.positive("g_min", threshold), _checks.positive("typical", unit))


def _inputs(
    t: Any, K0: Any, where: Any, sigma: float, dt: float, num_points: int | None
) -> tuple[Array, Array, Array, _Rule, tuple[_checks.Check, ...]]:
    time, y, mask, checks = _histories.checked(t, K0, where)
    _checks.require_within("sigma", sigma, 0, float("inf"), open_above=True)
    _checks.enforce((), *checks)
    size, spacing = _histories.grid_size(time, mask, dt, num_points)
    checks = (*checks, spacing)
    time, y = _checks.enforce((time, y), *checks)  # here too: places left empty would hide it from the gradients
    return time, y, mask, _Rule(size, float(sigma), float(dt)), checks


def _thresholds(t: Array, **values: Any) -> tuple[tuple[Array, ...], tuple[_checks.Check, ...]]:
    numbers = _checks.as_numbers(**{name: jnp.asarray(value, t.dtype) for name, value in values.items()})
    kinds = {"g_min": _checks.positive}
    checks = (kinds.get(n, _checks.nonnegative)(n, x) for n, x in zip(values, numbers, strict=True))
    return numbers, tuple(checks)


class _Candidates(NamedTuple):
    """Merged candidates, each at the index where it begins; all of shape (n,)."""

    begins: Array
    sign: Array
    t_start: Array
    t_end: Array
    y_start: Array
    y_end: Array


def _candidates(history: _histories.History, g_min: Array, merge_gap: Array) -> _Candidates:
    """Longest intervals of |slope| > g_min with one sign, neighbours of one sign merged over short gaps."""
    t, step, y, slope = history
    n = t.shape[0]
    index = jnp.arange(n)
    steep = jnp.abs(slope) > g_min
    sign = jnp.where(steep, jnp.sign(slope), 0)
    first = steep & (sign != jnp.pad(sign[:-1], (1, 0)))
    last = steep & (sign != jnp.pad(sign[1:], (0, 1)))
    back, ahead = (_beyond(slope, sign, g_min, shift) for shift in (-1, 1))
    t_start, t_end = t - step * back, t + step * ahead
    y_start = y - back * (y - jnp.concatenate([y[:1], y[:-1]]))
    y_end = y + ahead * (jnp.concatenate([y[1:], y[-1:]]) - y)

    before = jax.lax.cummax(jnp.where(last, index, -1))  # the last end up to here
    before = jnp.pad(before[:-1], (1, 0), constant_values=-1)
    near = t_start - t_end[before] < merge_gap
    joined = first & (before >= 0) & (sign == sign[before]) & near
    after = jax.lax.cummin(jnp.where(first, index, n), reverse=True)  # the next start from here
    after = jnp.pad(after[1:], (0, 1), constant_values=n)
    ends = last & ~jnp.pad(joined, (0, 1))[after]
    end = jax.lax.cummin(jnp.where(ends, index, n - 1), reverse=True)
    return _Candidates(first & ~joined, sign, t_start, t_end[end], y_start, y_end[end])


def _beyond(slope: Array, sign: Array, g_min: Array, shift: int) -> Array:
    """How far beyond a point the slope passes the threshold on the way to its neighbour, in steps; 0 at the ends."""
    size = jnp.abs(slope)
    behind, ahead = jnp.concatenate([slope[:1], slope[:-1]]), jnp.concatenate([slope[1:], slope[-1:]])
    neighbour = behind if shift < 0 else ahead
    fall = size - sign * neighbour
    inside = (sign != 0) & (sign * neighbour <= g_min)
    return jnp.where(inside, (size - g_min) / jnp.where(inside, fall, 1), 0)


@partial(jax.jit, static_argnames=("rule", "max_events"))
def _table(
    t: Array, y: Array, mask: Array, g_min: Array, dy_min: Array, merge_gap: Array, *, rule: _Rule, max_events: int
) -> TransformationTable:
    history = _histories.prepared(t, y, mask, **rule._asdict())
    found = _candidates(history, g_min, merge_gap)
    kept = found.begins & (found.sign * (found.y_end - found.y_start) >= dy_min)
    total = jnp.cumsum(kept)
    place = jnp.arange(max_events)
    filled = place < total[-1]
    at = jnp.minimum(jnp.searchsorted(total, place + 1), total.shape[0] - 1)

    def taken(x: Array) -> Array:
        return jnp.where(filled, x[at], 0)

    t_start, t_end, y_start, y_end = (taken(x) for x in found[2:])
    return TransformationTable(
        value=total[-1].astype(jnp.int32),
        mask=filled,
        t_start=t_start,
        t_end=t_end,
        t_mid=(t_start + t_end) / 2,
        duration=t_end - t_start,
        dy=y_end - y_start,
        direction=taken(found.sign).astype(jnp.int32),
        state_start=jnp.where(filled, _state(y_start), 0),
        state_end=jnp.where(filled, _state(y_end), 0),
        overflow=total[-1] > max_events,
        valid=jnp.asarray(True),
    )


def _state(y: Array) -> Array:
    low, high = (jnp.log10(jnp.asarray(limit, y.dtype)) for limit in LIMITS["entropy"])
    return (y > low).astype(jnp.int32) + (y > high).astype(jnp.int32)


@partial(jax.jit, static_argnames=("rule",))
def _soft_count(
    t: Array, y: Array, mask: Array, g_min: Array, dy_min: Array, merge_gap: Array, width: Array, *, rule: _Rule
) -> SoftCount:
    found = _candidates(_histories.prepared(t, y, mask, **rule._asdict()), g_min, merge_gap)
    weight = jax.nn.sigmoid((found.sign * (found.y_end - found.y_start) - dy_min) / width)
    up, down = (jnp.sum(jnp.where(found.begins & (found.sign == sign), weight, 0)) for sign in (1, -1))
    return SoftCount(up + down, up, down)


@partial(jax.jit, static_argnames=("rule", "soft"))
def _excess(
    t: Array, y: Array, mask: Array, g_min: Array, typical: Array, width: Array, *, rule: _Rule, soft: bool
) -> SoftCount:
    history = _histories.prepared(t, y, mask, **rule._asdict())

    def integral(slope: Array) -> Array:
        over = width * jax.nn.softplus((slope - g_min) / width) if soft else jax.nn.relu(slope - g_min)
        return history.step * (jnp.sum(over) - (over[0] + over[-1]) / 2) / typical

    up, down = integral(history.slope), integral(-history.slope)
    return SoftCount(up + down, up, down)
