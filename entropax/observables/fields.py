"""A scalar field's energy, momentum and charge, its entropies, and its path through phase space."""

import functools
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, RealScalar
from entropax.information import entropy, renyi_entropy, tsallis_entropy
from entropax.simulators import FieldGrid, KinkPotential, Potential

NORMALISATIONS = ("sum", "trapezoid")


class FieldEntropies(eqx.Module):
    """Entropies of where a field's square is, in nats (Tsallis' without unit).

    Attributes:
        shannon: S.
        renyi_half: Renyi's of order 1/2.
        renyi_two: of order 2.
        renyi_ten: of order 10.
        tsallis_half: Tsallis' of order 1/2.
        tsallis_two: of order 2.
        composite: 0.5 S + 0.3 times Renyi's + 0.2 times Tsallis' of order 2.
    """

    shannon: Float[Array, "..."]
    renyi_half: Float[Array, "..."]
    renyi_two: Float[Array, "..."]
    renyi_ten: Float[Array, "..."]
    tsallis_half: Float[Array, "..."]
    tsallis_two: Float[Array, "..."]
    composite: Float[Array, "..."]


class FieldSummary(eqx.Module):
    """How large a field is over its points.

    Attributes:
        mean: of |phi|.
        deviation: its standard deviation.
        lower_quartile: of |phi|.
        median: of |phi|.
        upper_quartile: of |phi|.
        skewness: third moment about the mean, in deviations.
        excess_kurtosis: fourth moment in deviations, less 3.
    """

    mean: Float[Array, "..."]
    deviation: Float[Array, "..."]
    lower_quartile: Float[Array, "..."]
    median: Float[Array, "..."]
    upper_quartile: Float[Array, "..."]
    skewness: Float[Array, "..."]
    excess_kurtosis: Float[Array, "..."]


class PhasePortrait(eqx.Module):
    """The path (phi, phi_t) of one point, in numbers; of pairs the first is of phi.

    Attributes:
        mean: of both, shape (2,).
        deviation: standard deviations, shape (2,).
        extent: largest less smallest, shape (2,).
        root_mean_square: of both, shape (2,).
        correlation: between them; NaN where one is constant.
    """

    mean: Float[Array, "2"]
    deviation: Float[Array, "2"]
    extent: Float[Array, "2"]
    root_mean_square: Float[Array, "2"]
    correlation: Float[Array, ""]


def field_energy(
    field: Real[ArrayLike, "*batch n"], momentum: Real[ArrayLike, "*batch n"], *, potential: Potential, grid: FieldGrid
) -> Float[Array, "*batch"]:
    """H = int [phi_t^2 / 2 + phi_x^2 / 2 + V(phi)] dx.

    Args:
        field: phi, shape (..., n); leading axes are times or copies.
        momentum: phi_t, shape (..., n).
        potential: V.
        grid: the points.

    Returns:
        H, shape (...).

    Raises:
        ValueError: the shapes differ or are not the grid's, or a number is not finite.

    Differentiable in both: dH/dphi is minus the force times the spacing (up to the unpaired wave of an even grid).
    """
    phi, pi, checks = _field_and_momentum(field, momentum, grid)
    return _checks.enforce(_energy(phi, pi, potential, grid), *checks)


def field_momentum(
    field: Real[ArrayLike, "*batch n"], momentum: Real[ArrayLike, "*batch n"], *, grid: FieldGrid
) -> Float[Array, "*batch"]:
    """P = -int phi_t phi_x dx; g u M of a kink of mass M.

    Args:
        field: phi, shape (..., n).
        momentum: phi_t, shape (..., n).
        grid: the points.

    Returns:
        P, shape (...).

    Raises:
        ValueError: the shapes differ or are not the grid's, or a number is not finite.

    Differentiable in both.
    """
    phi, pi, checks = _field_and_momentum(field, momentum, grid)
    return _checks.enforce(_momentum(phi, pi, grid), *checks)


def topological_charge(field: Real[ArrayLike, "*batch n"], *, potential: KinkPotential) -> Float[Array, "*batch"]:
    """Kinks less antikinks between the first and the last point, (phi_right - phi_left) / (b - a), a and b the vacua.

    Args:
        field: phi, shape (..., n); of a pair take one half of the grid to count one of them.
        potential: V.

    Returns:
        The charge, shape (...), a whole number where both ends lie in vacua.

    Raises:
        ValueError: there are fewer than two points, or a number is not finite.

    Differentiable in the field.
    """
    phi = _checks.as_float("field", field)
    if phi.ndim < 1 or phi.shape[-1] < 2:
        raise ValueError(f"field must have shape (..., n) with n >= 2, got {phi.shape}")
    vacua = potential.vacua.astype(phi.dtype)
    charge = (phi[..., -1] - phi[..., 0]) / (vacua[1] - vacua[0])
    return _checks.enforce(charge, _finite("field", phi))


def field_entropies(
    field: Real[ArrayLike, "*batch n"],
    spacing: RealScalar | None = None,
    *,
    normalisation: Literal["sum", "trapezoid"] = "sum",
) -> FieldEntropies:
    """Entropies of p = phi^2 / Z over the points of a grid.

    With "sum" Z = sum phi^2, and p is a distribution. With "trapezoid" Z is the integral of phi^2 by the trapezoidal
    rule, and p is put into the same sums without dx: it sums to c = sum phi^2 / Z, about 1 / dx, so that

        S' = c (S - log c),  H_a' = H_a + a log(c) / (1 - a),  S_q' = c^q S_q + (1 - c^q) / (q - 1)

    depend on the grid and can be negative. That is how the paper reports them (it also leaves out p below 1e-15, which
    none of its digits but those at order 1/2 show).

    Args:
        field: phi, shape (..., n).
        spacing: dx, for "trapezoid" alone.
        normalisation: "sum" or "trapezoid".

    Returns:
        The entropies, shape (...) each.

    Raises:
        ValueError: a number is not finite, the field is zero everywhere, the normalisation is unknown, or the spacing
            is missing, not wanted or not positive.

    Differentiable in the field and the spacing; at points where the field is zero the slope at order 1/2, infinite, is
    taken as zero. Source: Herho et al., amangkurat (2025).
    """
    _checks.require_option("normalisation", normalisation, NORMALISATIONS)
    if (spacing is None) == (normalisation == "trapezoid"):
        raise ValueError(f"spacing must be given for 'trapezoid' and for no other, got {spacing} for {normalisation!r}")
    phi, dx = _checks.as_floats(field=field, spacing=1.0 if spacing is None else spacing)
    _checks.as_numbers(spacing=dx)
    if phi.ndim < 1 or phi.shape[-1] < 2:
        raise ValueError(f"field must have shape (..., n) with n >= 2, got {phi.shape}")
    with _checks.evaluated_now(phi):
        some = _checks.Check(
            jnp.any(phi != 0, axis=-1), "field must not be zero everywhere", lambda: "a field of zeros"
        )
    checks = _finite("field", phi), some
    # Before too: what takes the place of a field that is zero has no slope.
    entropies = _entropies(_checks.enforce(phi, *checks), dx, normalisation)
    return _checks.enforce(entropies, *checks, _checks.positive("spacing", dx))


def composite_entropy(
    p: Real[ArrayLike, "*batch n"], *, weights: tuple[float, float, float] = (0.5, 0.3, 0.2)
) -> Float[Array, "*batch"]:
    """A weighted sum of Shannon's entropy and Renyi's and Tsallis' of order 2, C = w1 S + w2 H_2 + w3 S_2.

    Args:
        p: probabilities, shape (..., n), each row summing to one.
        weights: w, three numbers.

    Returns:
        C, shape (...).

    Raises:
        ValueError: p is no distribution, or there are not three weights.

    Differentiable in p. Source: Herho et al., amangkurat (2025).
    """
    if len(weights) != 3:
        raise ValueError(f"weights must be three numbers, got {weights}")
    return _weighted(weights, entropy(p), renyi_entropy(p, 2.0), tsallis_entropy(p, 2.0))


def field_summary(field: Real[ArrayLike, "*batch n"]) -> FieldSummary:
    """Mean, deviation, quartiles, skewness and excess kurtosis of |phi| over the points.

    Args:
        field: phi, shape (..., n).

    Returns:
        The numbers, shape (...) each, of the population (nothing is divided by n - 1); skewness and kurtosis are NaN
        for a field whose size is the same everywhere.

    Raises:
        ValueError: the field has no axis or no points, or a number is not finite.

    Differentiable in the field where none of its values is zero.
    """
    phi = _checks.as_float("field", field)
    if phi.ndim < 1 or phi.shape[-1] < 1:
        raise ValueError(f"field must have shape (..., n) with n >= 1, got {phi.shape}")
    return _checks.enforce(_summary(phi), _finite("field", phi))


def phase_portrait(values: Real[ArrayLike, "t"], rates: Real[ArrayLike, "t"]) -> PhasePortrait:
    """Where one point of a field goes in its phase plane (phi, phi_t).

    Args:
        values: phi at the point over time, shape (t,).
        rates: phi_t there, the momentum; the paper takes differences of the values, jnp.gradient(values, times).

    Returns:
        Means, deviations (of the population), extents, root mean squares and the correlation.

    Raises:
        ValueError: the shapes differ or hold fewer than two times, or a number is not finite.

    Differentiable in both, the extents through the times at which they are reached.
    """
    phi, pi = _checks.as_floats(values=values, rates=rates)
    _checks.require_ndim("values", phi, 1, "(t,)")
    _checks.require_same_shape(values=phi, rates=pi)
    if phi.shape[0] < 2:
        raise ValueError(f"values must have shape (t,) with t >= 2, got {phi.shape}")
    return _checks.enforce(_portrait(phi, pi), _checks.finite("values", phi), _checks.finite("rates", pi))


# ------------------------------------------------------------------------------------------------------------ kernels


@eqx.filter_jit
def _energy(phi: Array, pi: Array, potential: Potential, grid: FieldGrid) -> Array:
    return grid.integral((pi**2 + grid.derivative(phi) ** 2) / 2 + potential(phi))


@eqx.filter_jit
def _momentum(phi: Array, pi: Array, grid: FieldGrid) -> Array:
    return -grid.integral(pi * grid.derivative(phi))


@functools.partial(jax.jit, static_argnames="normalisation")
def _entropies(phi: Array, dx: Array, normalisation: str) -> FieldEntropies:
    """The entropies; of a field of size about one, since no size enters and squares of others may be no numbers."""
    largest = jnp.max(jnp.abs(phi), axis=-1, keepdims=True)
    largest = jax.lax.stop_gradient(jnp.where((largest > 0) & jnp.isfinite(largest), largest, 1))
    square = (phi / jnp.ldexp(jnp.ones_like(largest), jnp.frexp(largest)[1] - 1)) ** 2
    total = jnp.sum(square, axis=-1)
    present = total > 0
    p = square / jnp.where(present, total, 1)[..., None]
    p = jnp.where(present[..., None], p, 1 / phi.shape[-1])  # without a field any distribution will do
    shannon = entropy(p)
    renyi = {a: renyi_entropy(p, a) for a in (0.5, 2.0, 10.0)}
    tsallis = {q: tsallis_entropy(p, q) for q in (0.5, 2.0)}
    if normalisation == "trapezoid":
        trapezoid = dx * (total - (square[..., 0] + square[..., -1]) / 2)
        c = total / trapezoid
        shannon = c * (shannon - jnp.log(c))
        renyi = {a: value + a / (1 - a) * jnp.log(c) for a, value in renyi.items()}
        tsallis = {q: c**q * value + (1 - c**q) / (q - 1) for q, value in tsallis.items()}
    composite = _weighted((0.5, 0.3, 0.2), shannon, renyi[2.0], tsallis[2.0])
    of_orders = renyi[0.5], renyi[2.0], renyi[10.0], tsallis[0.5], tsallis[2.0]
    return FieldEntropies(shannon, *of_orders, composite)


@jax.jit
def _summary(phi: Array) -> FieldSummary:
    size = jnp.abs(phi)
    mean = jnp.mean(size, axis=-1)
    about = size - mean[..., None]
    second, third, fourth = (jnp.mean(about**k, axis=-1) for k in (2, 3, 4))
    low, middle, high = jnp.quantile(size, jnp.asarray([0.25, 0.5, 0.75], size.dtype), axis=-1)
    return FieldSummary(mean, _root(second), low, middle, high, third / second**1.5, fourth / second**2 - 3)


@jax.jit
def _portrait(phi: Array, pi: Array) -> PhasePortrait:
    both = jnp.stack([phi, pi])
    mean = jnp.mean(both, axis=1)
    about = both - mean[:, None]
    variance = jnp.mean(about**2, axis=1)
    correlation = jnp.mean(about[0] * about[1]) / jnp.sqrt(variance[0] * variance[1])
    extent = jnp.max(both, axis=1) - jnp.min(both, axis=1)
    return PhasePortrait(mean, _root(variance), extent, _root(jnp.mean(both**2, axis=1)), correlation)


def _root(x: Array) -> Array:
    """The square root, with slope zero where it vanishes."""
    some = x > 0
    return jnp.where(some, jnp.sqrt(jnp.where(some, x, 1)), 0 * x)


def _weighted(weights: tuple[float, float, float], *measures: Array) -> Array:
    first, second, third = measures
    return weights[0] * first + weights[1] * second + weights[2] * third


def _finite(name: str, values: Array) -> _checks.Check:
    """Every row of an array is finite, judged row by row."""
    return _checks.finite(name, values, batch_ndim=values.ndim - 1)


def _field_and_momentum(
    field: ArrayLike, momentum: ArrayLike, grid: FieldGrid
) -> tuple[Array, Array, tuple[_checks.Check, ...]]:
    phi, pi = map(_checks.accumulated, _checks.as_floats(field=field, momentum=momentum))
    if phi.ndim < 1 or phi.shape[-1] != grid.num_points:
        raise ValueError(f"field must have shape (..., {grid.num_points}), the grid's points, got {phi.shape}")
    _checks.require_same_shape(field=phi, momentum=pi)
    return phi, pi, (_finite("field", phi), _finite("momentum", pi))
