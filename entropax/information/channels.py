"""Channel capacity and rate-distortion by the Blahut-Arimoto iteration, with derivatives by the implicit function.

The iteration is not differentiated; the stationarity conditions at its solution are (`_log_optimal`).
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.lax import stop_gradient

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar, Scalar
from entropax.information._log_optimal import gap_tolerance, implicit, log_optimal_weights
from entropax.information._numerics import p_log_ratio


class ChannelCapacity(eqx.Module):
    """Capacity of a discrete memoryless channel.

    Attributes:
        value: the capacity in nats per use: what the input distribution achieves, a lower bound.
        input_distribution: the input distribution that achieves it, shape (x,).
        gap: an upper bound (max over inputs of the divergence of its row from the output) minus the value.
        converged: whether the gap is below the tolerance.
        iterations: iterations done.
    """

    value: Scalar
    input_distribution: Float[Array, "x"]
    gap: Scalar
    converged: Bool[Array, ""]
    iterations: Int[Array, ""]


class RateDistortion(eqx.Module):
    """A point of a rate-distortion curve.

    Attributes:
        value: the rate in nats per symbol.
        distortion: the mean distortion.
        slope: minus the derivative of the rate by the distortion there, s >= 0.
        test_channel: p(y | x), shape (x, y).
        gap: how much lower the dual bound on rate + slope * distortion lies.
        converged: whether the gap is below the tolerance, and a target distortion is met.
        iterations: iterations done, in all.
    """

    value: Scalar
    distortion: Scalar
    slope: Scalar
    test_channel: Float[Array, "x y"]
    gap: Scalar
    converged: Bool[Array, ""]
    iterations: Int[Array, ""]


# ---------------------------------------------------------------------------------------------------------- capacity


def channel_capacity(
    channel: Real[ArrayLike, "x y"], *, tolerance: float | None = None, max_iterations: int = 20_000
) -> ChannelCapacity:
    """Capacity of a channel, max over p(x) of I(X; Y).

    Args:
        channel: p(y | x), shape (x, y), each row summing to one.
        tolerance: the gap between the bounds at which the iteration stops, in nats; 1.5e-10 in float64 and 2e-6 in
            float32 by default.
        max_iterations: the most iterations to do.

    Returns:
        The capacity with its certificate. `value` and `input_distribution` carry implicit derivatives.

    Raises:
        ValueError: the channel is no matrix, a row is no distribution, or an option is out of range.

    Differentiable in the channel, in both modes and to second order, where the inputs in use do not change. Source:
    Blahut 1972; Arimoto 1972.
    """
    W = _checks.as_float("channel", channel)
    if W.ndim != 2 or min(W.shape) < 1:
        raise ValueError(f"channel must have shape (x, y), got {W.shape}")
    _checks.require_integer("max_iterations", max_iterations, minimum=1)
    check = _checks.distribution("channel", W)
    result = _capacity(W, gap_tolerance(tolerance, W.dtype), max_iterations)
    return _checks.enforce(result, check._replace(ok=jnp.all(check.ok)))


def _row_divergences(channel: Array, inputs: Array) -> Array:
    """KL of every row from the output distribution."""
    output = inputs @ channel
    return jnp.sum(p_log_ratio(channel, jnp.broadcast_to(output, channel.shape)), axis=1)


@jax.jit
def _iterate_capacity(
    channel: Array, tolerance: RealScalar, max_iterations: int | Int[Array, ""]
) -> tuple[Array, Array, Array]:
    def bounds(inputs: Array) -> tuple[Array, Array]:
        divergences = _row_divergences(channel, inputs)
        return divergences, jnp.max(divergences) - jnp.sum(inputs * divergences)

    def unfinished(carry: tuple[Array, Array, Array]) -> Array:
        _, gap, count = carry
        return (gap > tolerance) & (count < max_iterations)

    def step(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        inputs, _, count = carry
        divergences, _ = bounds(inputs)
        inputs = jax.nn.softmax(jnp.log(inputs) + divergences)
        return inputs, bounds(inputs)[1], count + 1

    uniform = jnp.full(channel.shape[0], 1 / channel.shape[0], channel.dtype)
    return jax.lax.while_loop(unfinished, step, (uniform, bounds(uniform)[1], jnp.asarray(0)))


@jax.jit
def _capacity(channel: Array, tolerance: RealScalar, max_iterations: int | Int[Array, ""]) -> ChannelCapacity:
    fixed = stop_gradient(channel)
    inputs, gap, count = _iterate_capacity(fixed, tolerance, max_iterations)
    inputs, gap = stop_gradient(inputs), stop_gradient(gap)
    # On the support D_x = C and sum r = 1: unknowns (r, C).
    best = jnp.sum(inputs * _row_divergences(fixed, inputs))
    used = (inputs > 1e-3 / inputs.size) | (_row_divergences(fixed, inputs) > best - jnp.sqrt(tolerance))
    active = jnp.concatenate([used & (inputs > 0), jnp.ones(1, bool)])

    def residual(unknowns: Array) -> Array:
        r, capacity = unknowns[:-1], unknowns[-1]
        return jnp.append(_row_divergences(channel, r) - capacity, jnp.sum(r) - 1)

    output = inputs @ fixed
    curvature = -(fixed / jnp.where(output > 0, output, 1)[None]) @ fixed.T
    ones = jnp.ones((inputs.size, 1), channel.dtype)
    jacobian = jnp.block([[curvature, -ones], [ones.T, jnp.zeros((1, 1), channel.dtype)]])
    r = implicit(jnp.append(inputs, best), active, residual, jacobian)[:-1]
    value = jnp.sum(r * _row_divergences(channel, r))
    return ChannelCapacity(value, r, gap, gap <= tolerance, count)


# --------------------------------------------------------------------------------------------------- rate-distortion


def rate_distortion(
    source: Real[ArrayLike, "x"],
    distortion: Real[ArrayLike, "x y"],
    *,
    slope: RealScalar | None = None,
    target: RealScalar | None = None,
    tolerance: float | None = None,
    max_iterations: int = 20_000,
) -> RateDistortion:
    """A point of the rate-distortion function, min of I(X; Y) over p(y | x) with mean distortion at most D.

    Args:
        source: p(x), shape (x,).
        distortion: d(x, y), shape (x, y).
        slope: s >= 0: the point where the curve has derivative -s.
        target: D: the point at this mean distortion. At least the least possible; one past the largest of interest
            gives rate zero. Give exactly one of slope and target.
        tolerance: the gap to the dual bound at which an iteration stops, in nats; 1.5e-10 in float64 and 2e-6 in
            float32 by default.
        max_iterations: the most iterations to do for one slope.

    Returns:
        The point with its certificate. `value`, `distortion` and `test_channel` carry implicit derivatives.

    Raises:
        ValueError: shapes do not fit, the source is no distribution, not exactly one of slope and target is given, it
            is out of range, or an option is.

    Differentiable in the source, the distortion and the slope or target, in both modes, where the outputs in use do
    not change. Source: Blahut 1972.
    """
    if (slope is None) == (target is None):
        raise ValueError(f"give exactly one of slope and target, got slope={slope} and target={target}")
    _checks.require_integer("max_iterations", max_iterations, minimum=1)
    goal = {"slope": slope} if target is None else {"target": target}
    (goal_name,) = goal
    p, d, at = _checks.as_floats(source=source, distortion=distortion, **goal)
    _checks.require_ndim("source", p, 1, "(x,)")
    if d.ndim != 2 or d.shape[0] != p.shape[0] or d.shape[1] < 1:
        raise ValueError(f"distortion must have shape ({p.shape[0]}, y), got {d.shape}")
    _checks.require_ndim(goal_name, at, 0, "()")
    accuracy = gap_tolerance(tolerance, p.dtype)
    checks = [_checks.distribution("source", p), _checks.finite("distortion", d)]
    if target is None:
        checks.append(_checks.nonnegative("slope", at))
        result = _at_slope(p, d, at, accuracy, max_iterations)
    else:
        least = jnp.sum(p * jnp.min(d, axis=1))
        slack = 8 * jnp.finfo(p.dtype).eps * jnp.max(jnp.abs(d))
        checks.append(
            _checks.Check(
                at >= least - slack, f"target must be at least the least distortion, {least}", lambda: f"{at}"
            )
            if _checks.is_concrete(least)
            else _checks.Check(at >= least - slack, "target must be at least the least distortion", lambda: f"{at}")
        )
        result = _at_target(p, d, at, accuracy, max_iterations)
    return _checks.enforce(result, *checks)


def _kernel(distortion: Array, slope: Array) -> Array:
    """exp(-s (d - min_y d)): rows scaled to a largest entry of one, which leaves the test channel as it is."""
    return jnp.exp(-slope * (distortion - jnp.min(distortion, axis=1, keepdims=True)))


@jax.jit
def _at_slope(
    source: Array, distortion: Array, slope: Array, tolerance: RealScalar, max_iterations: int | Int[Array, ""]
) -> RateDistortion:
    kernel = _kernel(distortion, slope)
    q, gap, count = log_optimal_weights(source, kernel, tolerance, max_iterations)
    normalizer = kernel @ q
    test_channel = kernel * q[None] / normalizer[:, None]
    mean = jnp.sum(source[:, None] * test_channel * distortion)
    floor = jnp.sum(source * jnp.min(distortion, axis=1))
    rate = -jnp.sum(source * jnp.log(normalizer)) - slope * (mean - floor)
    return RateDistortion(rate, mean, slope, test_channel, gap, gap <= tolerance, count)


@jax.jit
def _slope_of_target(
    source: Array, distortion: Array, target: Array, tolerance: RealScalar, max_iterations: int | Int[Array, ""]
) -> tuple[Array, Array]:
    """Bisects for the slope: the distortion falls as the slope grows. Without iterations it does nothing."""
    wanted = max_iterations > 0

    def mean_at(slope: Array) -> tuple[Array, Array]:
        point = _at_slope(source, distortion, slope, tolerance, max_iterations)
        return point.distortion, point.iterations

    spread = jnp.max(distortion) - jnp.min(distortion)
    unit = jnp.where(spread > 0, 1 / jnp.where(spread > 0, spread, 1), 1)
    doublings = 40 if source.dtype == jnp.float64 else 24

    def double(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        high, index, count = carry
        _, used = mean_at(2 * high)
        return 2 * high, index + 1, count + used

    def too_low(carry: tuple[Array, Array, Array]) -> Array:
        high, index, _ = carry
        return wanted & (mean_at(high)[0] > target) & (index < 12)

    high, _, count = jax.lax.while_loop(too_low, double, (unit, jnp.asarray(0), jnp.asarray(0)))

    def halve(_: Any, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        low, high, count = carry
        middle = (low + high) / 2
        mean, used = mean_at(middle)
        above = mean > target
        return jnp.where(above, middle, low), jnp.where(above, high, middle), count + used

    halvings = jnp.where(wanted, doublings + 4, 0)
    _, high, count = jax.lax.fori_loop(0, halvings, halve, (jnp.zeros_like(high), high, count))
    return high, count


@jax.jit
def _at_target(
    source: Array, distortion: Array, target: Array, tolerance: RealScalar, max_iterations: int | Int[Array, ""]
) -> RateDistortion:
    p, d, goal = stop_gradient((source, distortion, target))
    # Past the largest distortion of interest the best guess without any rate serves; there nothing is iterated.
    guess = jnp.min(source @ distortion)
    beyond = goal >= stop_gradient(guess) - 8 * jnp.finfo(p.dtype).eps * jnp.max(jnp.abs(d))
    limit = jnp.where(beyond, 0, max_iterations)
    slope, count = stop_gradient(_slope_of_target(p, d, goal, tolerance, limit))

    def mean_at(s: Array) -> Array:
        return _at_slope(p, d, s, tolerance, limit).distortion

    # s with D(s) = target: chord steps with a fixed D'(s), as in `implicit`.
    sensitivity = stop_gradient(jax.jvp(mean_at, (slope,), (jnp.ones_like(slope),))[1])
    moving = sensitivity < 0
    start = slope
    for _ in range(2):
        excess = _at_slope(source, distortion, slope, tolerance, limit).distortion - target
        fixed_excess = stop_gradient(_at_slope(p, d, start, tolerance, limit).distortion - goal)
        slope = slope - jnp.where(moving, (excess - fixed_excess) / jnp.where(moving, sensitivity, -1), 0)
    point = _at_slope(source, distortion, slope, tolerance, limit)
    met = beyond | (jnp.abs(point.distortion - target) <= jnp.sqrt(tolerance) * (jnp.max(d) - jnp.min(d)))
    best = jax.nn.one_hot(jnp.argmin(p @ d), d.shape[1], dtype=d.dtype)
    return RateDistortion(
        jnp.where(beyond, 0, point.value),
        jnp.where(beyond, guess, point.distortion),
        jnp.where(beyond, 0, slope),
        jnp.where(beyond, jnp.broadcast_to(best, d.shape), point.test_channel),
        jnp.where(beyond, 0, point.gap),
        met & (beyond | point.converged),
        count + point.iterations,
    )
