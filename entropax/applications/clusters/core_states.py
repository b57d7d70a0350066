"""Cool cores and others: classes by central entropy or cooling time."""

from typing import Any, Literal, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar

CORE_STATES = ("strong cool core", "weak cool core", "non-cool core")
"""The classes, from the lowest entropy to the highest."""
LIMITS = {"entropy": (22.0, 150.0), "cooling_time": (1.0, 7.7)}
"""Limits between the classes: K0 in keV cm^2, t_cool in Gyr (Hudson et al. 2010, h = 0.71)."""

Measure: TypeAlias = Literal["entropy", "cooling_time"]


class CoreClass(eqx.Module):
    """Classes of cores.

    Attributes:
        value: 0 strong cool core, 1 weak cool core, 2 non-cool core: an index of `CORE_STATES`.
        valid: whether what was classified is positive and finite.
    """

    value: Int[Array, "*shape"]
    valid: Bool[Array, "*shape"]


def classify_core(
    values: Real[ArrayLike, "*shape"], *, by: Measure = "entropy", limits: tuple[int | float, int | float] | None = None
) -> CoreClass:
    """Strong cool core, weak cool core or none, by central entropy or cooling time.

    By entropy: K0 <= 22, <= 150, above, in keV cm^2. By cooling time: t_cool < 1, <= 7.7, above, in Gyr.

    Args:
        values: K0 or t_cool, positive, any shape.
        by: what is given.
        limits: two other limits, increasing; None takes `LIMITS[by]`.

    Returns:
        The class of each, an integer, and whether the value was a fit one. No gradients: `soft_core_states` has them.

    Raises:
        ValueError: an unknown measure, limits that do not increase, or a value that is not positive.

    Source: arXiv 2503.01969; limits of Hudson et al. 2010, doi 10.1051/0004-6361/200912377.
    """
    x, (low, high) = _checks.as_float("values", values), _limits(by, limits)
    above_low = x > low if by == "entropy" else x >= low
    check = _checks.positive("values", x, batch_ndim=x.ndim)
    _checks.enforce((), check)
    return CoreClass(above_low.astype(jnp.int32) + (x > high).astype(jnp.int32), check.ok)


def soft_core_states(
    values: Real[ArrayLike, "*shape"],
    *,
    temperature: RealScalar = 0.1,
    by: Measure = "entropy",
    limits: tuple[int | float, int | float] | None = None,
) -> Float[Array, "*shape 3"]:
    """Weights of the three classes, whose steps at the limits are logistic functions of log K0 (or log t_cool).

    With s_i = sigmoid(log(x / limit_i) / temperature): (1 - s_1, s_1 - s_2, s_2). They sum to one and tend to the
    classes of `classify_core` as the temperature falls.

    Args:
        values: K0 in keV cm^2 or t_cool in Gyr, positive, any shape.
        temperature: width of a step in units of log x, positive.
        by: what is given.
        limits: two other limits, increasing; None takes `LIMITS[by]`.

    Returns:
        The weights, shape (..., 3).

    Raises:
        ValueError: an unknown measure, limits that do not increase, or a value that is not positive.

    Differentiable in the values and the temperature. Source: our relaxation.
    """
    (x,), (low, high) = _checks.as_floats(values=values), _limits(by, limits)
    (width,) = _checks.as_numbers(temperature=jnp.asarray(temperature, x.dtype))
    checks = _checks.positive("values", x, batch_ndim=x.ndim), _checks.positive("temperature", width)
    log_x = jnp.log(x)
    first, second = ((log_x - jnp.log(jnp.asarray(limit, x.dtype))) / width for limit in (low, high))
    # 1 - s_1 and s_1 - s_2 without cancellation: s_1 (1 - s_2) (1 - exp(first limit - second limit)).
    apart = -jnp.expm1(second - first)
    middle = jax.nn.sigmoid(first) * jax.nn.sigmoid(-second) * apart
    return _checks.enforce(jnp.stack([jax.nn.sigmoid(-first), middle, jax.nn.sigmoid(second)], axis=-1), *checks)


def _limits(by: Any, limits: tuple[int | float, int | float] | None) -> tuple[float, float]:
    _checks.require_option("by", by, tuple(LIMITS))
    low, high = LIMITS[by] if limits is None else limits
    if not 0 < low < high:
        raise ValueError(f"limits must be positive and increase, got {limits}")
    return float(low), float(high)
