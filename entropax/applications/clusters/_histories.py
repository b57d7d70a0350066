"""From a history of the central entropy to its smooth slope: even times, a Gaussian, central differences."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import Array

MIN_POINTS = 5
TRUNCATE = 4.0
"""Half width of the Gaussian's window in standard deviations, as scipy's."""
SPACING = 0.25
"""How far the spacing of a given number of points may be from dt, as a fraction of dt."""


class History(NamedTuple):
    """A history at even times.

    Attributes:
        t: times in Gyr, shape (n,).
        step: between them.
        y: log10 of the entropy, smoothed, shape (n,).
        slope: dy/dt in dex/Gyr, shape (n,).
    """

    t: Array
    step: Array
    y: Array
    slope: Array


def checked(t: Any, K0: Any, where: Any, names: tuple[str, str] = ("t", "K0")) -> tuple[Any, ...]:
    """Times, log10 entropies (zero where masked), mask, and the checks of their values.

    Raises:
        TypeError, ValueError: as the public functions say.
    """
    time, K = (_checks.accumulated(x) for x in _checks.as_floats(**{names[0]: t, names[1]: K0}))
    if time.ndim != 1 or time.shape[0] < MIN_POINTS:
        raise ValueError(f"{names[0]} must have shape (n,) with n >= {MIN_POINTS}, got {time.shape}")
    _checks.require_same_shape(**{names[0]: time, names[1]: K})
    mask = _checks.as_mask(where, time.shape)
    enough = _enough(mask)
    with _checks.evaluated_now(K, mask):
        safe = jnp.where(mask | ~enough.ok, K, 1)  # of too few points all slopes are NaN, not only theirs
    checks = (increasing(names[0], time), enough, _checks.positive(names[1], safe))
    return time, jnp.log10(safe), mask, checks


def increasing(name: str, t: Array) -> _checks.Check:
    with _checks.evaluated_now(t):
        gaps = jnp.diff(t)
        ok = jnp.all(gaps > 0) & jnp.all(jnp.isfinite(t))

    def got() -> str:
        bad = np.flatnonzero(~(np.asarray(gaps) > 0))
        return f"{t[bad[0]]} before {t[bad[0] + 1]} at index {bad[0]}" if bad.size else "times that are not finite"

    return _checks.Check(ok, f"{name} must be finite and increase", got)


def _enough(mask: Array) -> _checks.Check:
    with _checks.evaluated_now(mask):
        count = jnp.sum(mask)
    return _checks.Check(count >= MIN_POINTS, f"where must leave {MIN_POINTS} points or more", lambda: f"{int(count)}")


def grid_size(t: Array, mask: Array, dt: float, num_points: int | None) -> tuple[int, _checks.Check]:
    """Number of even times, and the check that their spacing is about dt.

    Raises:
        ValueError: it is not given and the times are traced, or there are more than a million.
    """
    _checks.require_within("dt", dt, 0, float("inf"), open_below=True, open_above=True)
    dt = float(dt)
    with _checks.evaluated_now(t, mask):
        first, last = ends(mask)
        span = t[last] - t[first]
    if num_points is None:
        if not _checks.is_concrete(span):
            raise ValueError("num_points must be given where the times or the mask are traced: about span / dt + 1")
        num_points = max(MIN_POINTS, round(float(span) / dt) + 1) if np.isfinite(span) else MIN_POINTS
        if num_points > 1_000_000:
            raise ValueError(f"dt must leave a million points or fewer, got {num_points} at dt = {dt}")
        return num_points, _checks.Check(jnp.asarray(True), "", str)
    _checks.require_integer("num_points", num_points, minimum=MIN_POINTS)
    with _checks.evaluated_now(span):
        step = span / (num_points - 1)
        ok = jnp.abs(step / dt - 1) <= SPACING
    expected = f"num_points must put the even times about dt = {dt} apart"
    return num_points, _checks.Check(ok, expected, lambda: f"{float(step):.4g} apart with {num_points} of them")


def ends(mask: Array) -> tuple[Array, Array]:
    """Indices of the first and the last point that the mask leaves."""
    return jnp.argmax(mask), mask.shape[0] - 1 - jnp.argmax(mask[::-1])


def prepared(t: Array, y: Array, mask: Array, *, num_points: int, sigma: float, dt: float) -> History:
    """The history at even times from the first to the last point that the mask leaves, smoothed, and its slope."""
    times, y = _resampled(t, y, mask, num_points)
    step = (times[-1] - times[0]) / (num_points - 1)
    y = smoothed(y, step, sigma=sigma, dt=dt)
    inner = (y[2:] - y[:-2]) / (2 * step)
    return History(times, step, y, jnp.concatenate([(y[1:2] - y[:1]) / step, inner, (y[-1:] - y[-2:-1]) / step]))


def _resampled(t: Array, y: Array, mask: Array, num_points: int) -> tuple[Array, Array]:
    """Linear between the points that the mask leaves."""
    n = t.shape[0]
    index = jnp.arange(n)
    first, last = ends(mask)
    before = jax.lax.cummax(jnp.where(mask, index, first))
    after = jax.lax.cummin(jnp.where(mask, index, last), reverse=True)
    share = jnp.arange(num_points, dtype=t.dtype) / (num_points - 1)
    times = t[first] * (1 - share) + t[last] * share
    below = jnp.clip(jnp.searchsorted(t, times, side="right") - 1, 0, n - 2)
    left, right = before[below], after[below + 1]
    gap = t[right] - t[left]
    weight = (times - t[left]) / jnp.where(gap > 0, gap, 1)
    return times, y[left] * (1 - weight) + y[right] * weight


def smoothed(y: Array, step: Array, *, sigma: float, dt: float) -> Array:
    """Convolution with a Gaussian of standard deviation sigma; the series is reflected at its ends."""
    radius = int(TRUNCATE * sigma / dt + 0.5)
    if radius == 0:
        return y
    offsets = jnp.arange(-radius, radius + 1, dtype=y.dtype) * (step / sigma)
    kernel = jnp.exp(-(offsets**2) / 2)
    padded = jnp.pad(y, radius, mode="symmetric")

    # XLA's convolution in float64 takes 8 ms a history on CPU, hundreds of times this loop's time.
    def add(total: Array, tap: tuple[Array, Array]) -> tuple[Array, None]:
        return total + tap[1] * jax.lax.dynamic_slice_in_dim(padded, tap[0], y.shape[0]), None

    taps = jnp.arange(2 * radius + 1), kernel / jnp.sum(kernel)
    return jax.lax.scan(add, jnp.zeros_like(y), taps)[0]
