"""What becomes of a kink and an antikink that collide: how often they meet, whether they part, how fast."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Int, Real, RealScalar, Scalar, Shaped
from entropax.simulators import FieldGrid, KinkPotential


class CollisionOutcome(eqx.Module):
    """What a collision left, whole numbers and a truth value if exact, numbers between if relaxed.

    Attributes:
        escaped: whether the pair is apart to stay, 0 to 1 if relaxed.
        sign_changes: how often the field in the middle changed sides.
        bounces: half of them, one for each time the pair met and came out again.
        speed: at which each of the two leaves, half the slope of their distance at the end.
        valid: whether the series were finite and the times increased.
    """

    escaped: Shaped[Array, ""]
    sign_changes: Int[Array, ""] | Float[Array, ""]
    bounces: Int[Array, ""] | Float[Array, ""]
    speed: Scalar
    valid: Shaped[Array, ""]


def middle_field(
    field: Real[ArrayLike, "*batch n"], *, grid: FieldGrid, potential: KinkPotential
) -> Float[Array, "*batch"]:
    """The field in the middle of the grid, scaled: 1 in the vacuum between kink and antikink, -1 in that outside.

    Args:
        field: phi, shape (..., n).
        grid: the points.
        potential: V.

    Returns:
        The scaled field at the point n // 2, shape (...).

    Raises:
        ValueError: the shape is not the grid's, or a number is not finite.

    Differentiable in the field.
    """
    scaled, check = _scaled(field, grid, potential)
    return _checks.enforce(scaled[..., grid.num_points // 2], check)


def pair_distance(
    field: Real[ArrayLike, "*batch n"], *, grid: FieldGrid, potential: KinkPotential
) -> Float[Array, "*batch"]:
    """Distance from a kink to an antikink: from the first to the last crossing of the middle between the vacua.

    Crossings are interpolated between points.

    Args:
        field: phi, shape (..., n).
        grid: the points.
        potential: V.

    Returns:
        The distance, shape (...); zero where nothing lies on the inner side, as while the two overlap.

    Raises:
        ValueError: the shape is not the grid's, or a number is not finite.

    Differentiable in the field; the points between which a crossing lies are constant.
    """
    scaled, check = _scaled(field, grid, potential)
    return _checks.enforce(_distance(scaled, grid.spacing.astype(scaled.dtype)), check)


def smooth_pair_distance(
    field: Real[ArrayLike, "*batch n"],
    temperature: RealScalar = 0.1,
    *,
    grid: FieldGrid,
    potential: KinkPotential,
) -> Float[Array, "*batch"]:
    """The length of the inner vacuum with gradients everywhere, int (1 + tanh(s / T)) / 2 dx, s the scaled field.

    Args:
        field: phi, shape (..., n).
        temperature: T, positive; as it vanishes the length tends to that of the points inside, `pair_distance` up to a
            spacing.
        grid: the points.
        potential: V.

    Returns:
        The length, shape (...).

    Raises:
        ValueError: the shape is not the grid's, a number is not finite, or the temperature is not positive.

    Differentiable in the field and the temperature.
    """
    phi, T = _checks.as_floats(field=field, temperature=temperature)
    _checks.as_numbers(temperature=T)
    scaled, check = _scaled(phi, grid, potential)
    # (1 + tanh(s / T)) / 2 as a sigmoid, exact in its tails.
    length = grid.integral(jax.nn.sigmoid(2 * scaled / T))
    return _checks.enforce(length, check, _checks.positive("temperature", T))


def collision_outcome(
    middle: Real[ArrayLike, "t"],
    distance: Real[ArrayLike, "t"],
    times: Real[ArrayLike, "t"],
    *,
    window: float = 0.1,
) -> CollisionOutcome:
    """What became of a colliding pair, from its series.

    Escaped are those that, through the last part of the time, have the inner vacuum in the middle and move apart. One
    that will meet again later counts as escaped: the longer the series, the fewer of those.

    Args:
        middle: `middle_field` over time, shape (t,), sampled so that no two changes of sign fall between.
        distance: `pair_distance` over time, shape (t,).
        times: increasing, shape (t,).
        window: part of the series, at its end, from which the outcome is read, in (0, 1].

    Returns:
        The outcome. The speed is half the slope of a straight line through the distances in the window.

    Raises:
        ValueError: the shapes differ, fewer than three times lie in the window, the times do not increase, or a number
            is not finite.

    The counts are piecewise constant, `smooth_collision_outcome` is their relaxed form; the speed is differentiable.
    """
    centre, apart, t, size, checks = _series(middle, distance, times, window)
    escaped, changes, speed = _outcome(centre, apart, t, size)
    return CollisionOutcome(escaped, changes, changes // 2, _checks.enforce(speed, *checks), _checks.validity(*checks))


def smooth_collision_outcome(
    middle: Real[ArrayLike, "t"],
    distance: Real[ArrayLike, "t"],
    times: Real[ArrayLike, "t"],
    temperature: RealScalar = 0.1,
    *,
    window: float = 0.1,
) -> CollisionOutcome:
    """The outcome with gradients: signs become tanh(s / T), s the scaled field in the middle.

    Args:
        middle: `middle_field` over time, shape (t,).
        distance: `smooth_pair_distance` or `pair_distance` over time, shape (t,).
        times: increasing, shape (t,).
        temperature: T, positive. As it vanishes the counts tend to those of `collision_outcome`, and `escaped` to the
            part of the window in which the inner vacuum is in the middle.
        window: part of the series, at its end, in (0, 1].

    Returns:
        The outcome; sign changes are half the way that tanh(s / T) goes up and down.

    Raises:
        ValueError: as `collision_outcome`, or the temperature is not positive.

    Differentiable in middle, distance, times and temperature.
    """
    centre, apart, t, T = _checks.as_floats(middle=middle, distance=distance, times=times, temperature=temperature)
    _checks.as_numbers(temperature=T)
    centre, apart, t, size, checks = _series(centre, apart, t, window)
    checks = *checks, _checks.positive("temperature", T)
    escaped, changes, speed = _checks.enforce(_smooth_outcome(centre, apart, t, T, size), *checks)
    return CollisionOutcome(escaped, changes, changes / 2, speed, _checks.validity(*checks))


# ------------------------------------------------------------------------------------------------------------ kernels


@jax.jit
def _distance(scaled: Array, spacing: Array) -> Array:
    """From the first to the last crossing of zero."""
    n = scaled.shape[-1]
    inside = scaled > 0
    first = jnp.argmax(inside, axis=-1)
    last = n - 1 - jnp.argmax(inside[..., ::-1], axis=-1)

    def at(index: Array) -> Array:
        return jnp.take_along_axis(scaled, jnp.clip(index, 0, n - 1)[..., None], axis=-1)[..., 0]

    def beyond(inner: Array, outer: Array) -> Array:
        """How far the crossing lies beyond the last point inside, in spacings; none at the grid's ends."""
        crosses = (inner > 0) & (outer <= 0)
        return jnp.where(crosses, inner / jnp.where(crosses, inner - outer, 1), 0)

    extra = beyond(at(first), at(first - 1)) + beyond(at(last), at(last + 1))
    return jnp.where(jnp.any(inside, axis=-1), ((last - first).astype(scaled.dtype) + extra) * spacing, 0)


@functools.partial(jax.jit, static_argnames="size")
def _outcome(centre: Array, apart: Array, t: Array, size: int) -> tuple[Array, Array, Array]:
    """Whether they escaped, changes of sign, speed."""
    changes = jnp.sum(jnp.diff(centre > 0)).astype(jnp.int32)  # the difference of truth values: whether they differ
    speed = _slope(apart[-size:], t[-size:]) / 2
    return jnp.all(centre[-size:] > 0) & (speed > 0), changes, speed


@functools.partial(jax.jit, static_argnames="size")
def _smooth_outcome(centre: Array, apart: Array, t: Array, T: Array, size: int) -> tuple[Array, Array, Array]:
    changes = jnp.sum(jnp.abs(jnp.diff(jnp.tanh(centre / T)))) / 2
    return jnp.mean(jax.nn.sigmoid(2 * centre[-size:] / T)), changes, _slope(apart[-size:], t[-size:]) / 2


def _scaled(field: ArrayLike, grid: FieldGrid, potential: KinkPotential) -> tuple[Array, _checks.Check]:
    """(2 phi - a - b) / (b - a), a and b the vacua outside and between."""
    phi = _checks.as_float("field", field)
    if phi.ndim < 1 or phi.shape[-1] != grid.num_points:
        raise ValueError(f"field must have shape (..., {grid.num_points}), the grid's points, got {phi.shape}")
    outside, between = potential.vacua.astype(phi.dtype)
    check = _checks.finite("field", phi, batch_ndim=phi.ndim - 1)
    return (2 * phi - outside - between) / (between - outside), check


def _series(
    middle: ArrayLike, distance: ArrayLike, times: ArrayLike, window: float
) -> tuple[Array, Array, Array, int, tuple[_checks.Check, _checks.Check]]:
    _checks.require_within("window", window, 0, 1, open_below=True)
    centre, apart, t = _checks.as_floats(middle=middle, distance=distance, times=times)
    _checks.require_ndim("middle", centre, 1, "(t,)")
    _checks.require_same_shape(middle=centre, distance=apart, times=t)
    size = round(window * centre.shape[0])
    if size < 3:
        raise ValueError(f"window must hold at least 3 of the {centre.shape[0]} times, got {window}")
    with _checks.evaluated_now(t):
        increasing = _checks.Check(
            jnp.all(jnp.diff(t) > 0), "times must increase", lambda: f"{jax.lax.stop_gradient(t)}"
        )
    return centre, apart, t, size, (_checks.finite("the series", jnp.stack([centre, apart, t])), increasing)


def _slope(values: Array, times: Array) -> Array:
    """Of the least-squares line."""
    about = times - jnp.mean(times)
    return jnp.sum(about * values) / jnp.sum(about**2)
