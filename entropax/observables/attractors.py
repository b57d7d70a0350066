"""Invariants of an attractor: Lyapunov exponents, and the dimension and entropy that follow from them.

Exponents come from the tangent map of the discrete flow. One Runge-Kutta step applied to a state and, by automatic
differentiation, to tangent vectors at it is that step applied to the variational equations; an orthonormalisation after
every step keeps the vectors apart, and the mean logarithms of their lengths are the exponents.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, PRNGKey, Real, RealScalar, Scalar
from entropax.simulators import Simulator, simulate

VectorField = Callable[[Any, Any], Any]


class LyapunovSpectrum(eqx.Module):
    """Lyapunov exponents of an orbit.

    Attributes:
        value: exponents per unit of time, shape (k,), in the order of the orthonormalised directions: descending once
            the directions have aligned.
        standard_error: of each, from the scatter of the means over `blocks` parts of the orbit, shape (k,).
        state: where the orbit ended, shape (d,).
        tangents: the orthonormal directions there, shape (d, k).
    """

    value: Float[Array, "k"]
    standard_error: Float[Array, "k"]
    state: Float[Array, "d"]
    tangents: Float[Array, "d k"]


def lyapunov_spectrum(
    vector_field: VectorField,
    state: Real[ArrayLike, "d"],
    dt: RealScalar,
    *,
    num_steps: int,
    transient: int = 0,
    num_exponents: int | None = None,
    blocks: int = 10,
    time: RealScalar = 0.0,
) -> LyapunovSpectrum:
    """Lyapunov exponents of a flow, lambda_i = mean over steps of log R_ii / dt, with Q R the tangent map times Q.

    The flow is the classical Runge-Kutta method of fourth order with its own tangent map, so that the sum of all
    exponents is the mean divergence of the flow up to the method's error. The field must be continuous: where it
    jumps, as a sign does (`jumps` in the chaos catalogue), a tangent vector turns as no derivative says, and the
    exponents are wrong. There the distance of twin orbits, by a solver that adapts its steps to the jumps, is the way.

    Args:
        vector_field: f(t, y) of dy/dt = f. Give a module-level function or a bound method of an equinox module: its
            arrays may be differentiated by, and a fresh lambda compiles anew at every call.
        state: where the orbit starts, shape (d,).
        dt: time step, positive, in units of time.
        num_steps: number of steps measured, a multiple of `blocks`.
        transient: number of steps before, in which the orbit falls on the attractor and the directions align.
        num_exponents: k, the number of largest exponents; all d by default.
        blocks: parts of the orbit from which the standard error is taken, at least 2.
        time: at which the orbit starts, for a field that depends on it.

    Returns:
        A `LyapunovSpectrum`; NaN where the orbit left the floating range.

    Raises:
        ValueError: the state is no vector or not finite, dt is not positive, or a number of steps, exponents or blocks
            is out of range.

    Differentiable in the state, dt and the arrays of `vector_field`, in forward and reverse mode, with memory as the
    square root of the steps. Gradients grow as exp(lambda_1 T) with the time T measured: take them over a few Lyapunov
    times, and average over starts. Source: Benettin et al. 1980, doi 10.1007/BF02128236; arXiv 2110.05266.
    """
    if not callable(vector_field):
        raise TypeError(f"vector_field must be a function of time and state, got {type(vector_field).__name__}")
    y, step, start = _checks.as_floats(state=state, dt=dt, time=time)
    _checks.as_numbers(dt=step, time=start)
    _checks.require_ndim("state", y, 1, "(d,)")
    k = y.size if num_exponents is None else num_exponents
    _checks.require_integer("num_exponents", k, minimum=1, maximum=y.size)
    _checks.require_integer("blocks", blocks, minimum=2)
    _checks.require_integer("num_steps", num_steps, minimum=blocks)
    _checks.require_integer("transient", transient, minimum=0)
    if num_steps % blocks:
        raise ValueError(f"num_steps must be a multiple of blocks = {blocks}, got {num_steps}")
    checks = _checks.finite("state", y), _checks.positive("dt", step)
    flow = TangentFlow(vector_field=vector_field, dt=step)
    tangent = TangentState(start, y, jnp.eye(y.size, k, dtype=y.dtype), jnp.zeros(k, y.dtype))
    # The transient is a whole number of observations that are not looked at: one loop to compile.
    every = math.gcd(transient, num_steps // blocks)
    end, growth = simulate(
        flow, tangent, transient + num_steps, key=jax.random.key(0), observe=_growth, every=every
    )  # no step draws anything
    value, error = _block_means(growth, step, transient // every, blocks, every)
    return LyapunovSpectrum(*_checks.enforce((value, error, end.position, end.tangents), *checks))


def maximum_lyapunov_exponent(
    vector_field: VectorField,
    state: Real[ArrayLike, "d"],
    dt: RealScalar,
    *,
    num_steps: int,
    transient: int = 0,
    time: RealScalar = 0.0,
) -> Scalar:
    """The largest Lyapunov exponent, at the cost of one tangent vector: the mean growth of log |v| per unit of time.

    Args:
        vector_field: f(t, y), as for `lyapunov_spectrum`.
        state: where the orbit starts, shape (d,).
        dt: time step, positive.
        num_steps: number of steps measured.
        transient: number of steps before.
        time: at which the orbit starts.

    Returns:
        The exponent, per unit of time. `lyapunov_spectrum` with one exponent also has its standard error.

    Raises:
        ValueError: as `lyapunov_spectrum`.

    Differentiable as `lyapunov_spectrum`. Source: arXiv 2110.05266.
    """
    _checks.require_integer("num_steps", num_steps, minimum=2)
    blocks = next(n for n in range(2, num_steps + 1) if num_steps % n == 0)
    found = lyapunov_spectrum(
        vector_field, state, dt, num_steps=num_steps, transient=transient, num_exponents=1, blocks=blocks, time=time
    )
    return found.value[0]


def kaplan_yorke_dimension(exponents: Real[ArrayLike, "k"]) -> Scalar:
    """Kaplan-Yorke dimension, D = j + (lambda_1 + ... + lambda_j) / |lambda_(j+1)|.

    Exponents are taken in descending order, and j is the largest number of them whose sum is not negative. Where no
    sum is negative, as in a flow that keeps volumes, D is the number of exponents; where the first is negative, zero.

    Args:
        exponents: Lyapunov exponents in any order and unit, shape (k,).

    Returns:
        The dimension.

    Raises:
        ValueError: they are no vector or not finite.

    Differentiable, with kinks where a sum changes its sign. Source: Kaplan and Yorke 1979; arXiv 2110.05266.
    """
    values = _exponents(exponents)
    return _checks.enforce(_kaplan_yorke(values), _checks.finite("exponents", values))


def pesin_entropy(exponents: Real[ArrayLike, "k"]) -> Scalar:
    """Kolmogorov-Sinai entropy by Pesin's formula, h = sum of the positive Lyapunov exponents.

    Args:
        exponents: Lyapunov exponents in any order, shape (k,).

    Returns:
        The entropy in nats per unit of time.

    Raises:
        ValueError: they are no vector or not finite.

    Differentiable; the slope at an exponent of zero is taken as zero. Source: Pesin 1977; arXiv 2110.05266.
    """
    values = _exponents(exponents)
    return _checks.enforce(jnp.sum(jnp.where(values > 0, values, 0)), _checks.finite("exponents", values))


# ------------------------------------------------------------------------------------------------------------ kernels


class TangentState(eqx.Module):
    """A point of an orbit with orthonormal tangent vectors and the logarithms by which they have grown."""

    time: Array
    position: Array
    tangents: Array
    growth: Array


class TangentFlow(Simulator[TangentState]):
    """The flow of a vector field and of its tangent vectors."""

    vector_field: VectorField
    dt: Scalar

    def init(self, *, key: PRNGKey) -> TangentState:
        """Not defined: an orbit starts where its caller says.

        Args:
            key: not used.
        """
        raise NotImplementedError("an orbit starts where its caller says")

    def step(self, state: TangentState, *, key: PRNGKey) -> TangentState:
        """One step of the flow and its tangent map, and an orthonormalisation.

        Args:
            state: the state.
            key: not used: the motion is deterministic.

        Returns:
            The state dt later, its tangent vectors orthonormal again.
        """
        del key

        def flow(y: Array) -> Array:
            return runge_kutta_step(self.vector_field, state.time, y, self.dt)

        push = jax.vmap(lambda v: jax.jvp(flow, (state.position,), (v,)), in_axes=1, out_axes=(None, 1))
        position, moved = push(state.tangents)
        tangents, lengths = orthonormalized(moved)
        return TangentState(state.time + self.dt, position, tangents, state.growth + jnp.log(lengths))


def runge_kutta_step(vector_field: VectorField, time: Array, y: Array, dt: Array) -> Array:
    """The state a step later by the classical Runge-Kutta method of fourth order.

    Args:
        vector_field: f(t, y).
        time: of the state.
        y: the state.
        dt: the step.

    Returns:
        The state at time + dt.
    """
    half = dt / 2
    k1 = vector_field(time, y)
    k2 = vector_field(time + half, y + half * k1)
    k3 = vector_field(time + half, y + half * k2)
    k4 = vector_field(time + dt, y + dt * k3)
    return y + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def _growth(state: TangentState) -> Array:
    return state.growth


def orthonormalized(vectors: Array) -> tuple[Array, Array]:
    """Q and the diagonal of R by modified Gram-Schmidt.

    Between orthonormalisations the vectors turn by a step's worth only, which keeps it as exact as Householder's
    method; it has a positive diagonal, and under vmap it is plain arithmetic rather than a call of LAPACK a matrix.

    Args:
        vectors: columns, shape (d, k).

    Returns:
        Q, shape (d, k), and the diagonal of R, shape (k,).
    """
    columns: list[Array] = []
    lengths: list[Array] = []
    for i in range(vectors.shape[1]):
        v = vectors[:, i]
        for column in columns:
            v = v - jnp.vdot(column, v) * column
        length = jnp.sqrt(jnp.vdot(v, v))
        columns.append(v / length)
        lengths.append(length)
    return jnp.stack(columns, axis=1), jnp.stack(lengths)


@functools.partial(jax.jit, static_argnames=("skipped", "blocks", "every"))
def _block_means(growth: Array, dt: Array, skipped: int, blocks: int, every: int) -> tuple[Array, Array]:
    """Mean growth per time, and its standard error from the means over blocks; `growth` is accumulated."""
    accumulated = jnp.concatenate([jnp.zeros_like(growth[:1]), growth])[skipped:]
    stride = (accumulated.shape[0] - 1) // blocks
    rates = jnp.diff(accumulated[::stride], axis=0) / (dt * (stride * every))
    value = jnp.mean(rates, axis=0)
    square = jnp.sum((rates - value[None]) ** 2, axis=0) / (rates.shape[0] * (rates.shape[0] - 1))
    scatters = square > 0
    return value, jnp.where(scatters, jnp.sqrt(jnp.where(scatters, square, 1)), 0)


@jax.jit
def _kaplan_yorke(exponents: Array) -> Array:
    descending = -jnp.sort(-exponents)
    sums = jnp.cumsum(descending)
    j = jnp.sum(sums >= 0)  # the sums rise and then fall: those that are not negative come first
    inside = (j > 0) & (j < exponents.size)
    total = jnp.sum(jnp.where(jnp.arange(exponents.size) < j, descending, 0))
    following = descending[jnp.minimum(j, exponents.size - 1)]
    fraction = jnp.where(inside, total / jnp.where(inside, jnp.abs(following), 1), 0)
    return j.astype(exponents.dtype) + fraction


def _exponents(exponents: ArrayLike) -> Array:
    values = _checks.as_float("exponents", exponents)
    _checks.require_ndim("exponents", values, 1, "(k,)")
    if values.size < 1:
        raise ValueError("exponents must have at least one entry, got none")
    return values
