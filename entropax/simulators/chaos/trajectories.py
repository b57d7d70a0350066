"""Trajectories of chaotic systems at a given number of points a period."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Float, Real

from entropax import _checks
from entropax._typing import Array, ArrayLike, PRNGKey, RealScalar
from entropax.simulators.base import Simulator, simulate
from entropax.simulators.chaos import _adaptive
from entropax.simulators.chaos.systems import ChaoticFlow, ChaoticSystem, DelayState, DelaySystem, history_length


def sample_times(system: ChaoticSystem, num_points: int, *, points_per_period: int = 100) -> Float[Array, "n"]:
    """The times of a trajectory: evenly spaced from 0 to period n / points_per_period, both ends included.

    Args:
        system: a system of the catalogue.
        num_points: n, at least 2.
        points_per_period: points in a dominant period of the system.

    Returns:
        The times, shape (n,). Differentiable in the system's period.

    Raises:
        ValueError: a number is too small.
    """
    _checks.require_integer("num_points", num_points, minimum=2)
    _checks.require_integer("points_per_period", points_per_period, minimum=1)
    return system.period * jnp.linspace(0, num_points / points_per_period, num_points, dtype=system.period.dtype)


def trajectory(
    system: ChaoticSystem,
    num_points: int,
    *,
    points_per_period: int = 100,
    initial_conditions: Real[ArrayLike, "d"] | None = None,
    standardize: bool = False,
    bounded: bool = True,
    noise: Real[ArrayLike, "..."] | None = None,
    key: PRNGKey | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    solver: diffrax.AbstractSolver | None = None,
    adjoint: diffrax.AbstractAdjoint | None = None,
    max_steps: int = 100_000,
) -> Float[Array, "n d"]:
    """A trajectory at the times of `sample_times`: dX = f(t, X) dt, or f(t, X) dt + noise dW.

    Without noise a flow is solved by diffrax with adaptive steps, by Dopri8, or by Kvaerno5 where the catalogue calls
    the system stiff. With noise, and for a delay system, it is stepped by Runge and Kutta's fourth-order method with
    steps of at most the system's dt. Batch over starting points with jax.vmap.

    Nearby trajectories of a chaotic system part at the rate of its largest Lyapunov exponent: in float32 a trajectory
    is one of the true ones for a few periods only, and so are gradients meaningful.

    Args:
        system: a system of the catalogue.
        num_points: n, at least 2.
        points_per_period: points in a dominant period of the system.
        initial_conditions: the first point, shape (d,); by default the catalogue's. For a delay system the constant
            value of the history (`delay_trajectory` takes other histories).
        standardize: whether to subtract the mean of every coordinate over the trajectory and divide by its standard
            deviation.
        bounded: whether to map angles and phases to bounded coordinates (`ChaoticSystem.bounded`).
        noise: amplitude of Brownian forcing in units of the state per square root of time, a number or shape (d,).
        key: source of the noise.
        rtol: relative tolerance; by default 1e-9 in float64 and 1e-5 in float32.
        atol: absolute tolerance; by default 1e-12 in float64 and 1e-7 in float32.
        solver: a diffrax solver.
        adjoint: a diffrax adjoint. The default, recursive checkpointing, is for reverse mode;
            `diffrax.ForwardMode()` serves forward mode.
        max_steps: steps after which the solver gives up.

    Returns:
        The points, shape (n, d). Differentiable in the system's arrays, `initial_conditions` and `noise`.

    Raises:
        TypeError: `system` is no chaotic system, or `key` no key.
        ValueError: a number is too small, a shape does not fit, a key is missing, an option of the adaptive solver is
            given where none is used, or the solver gave up.
    """
    if not isinstance(system, ChaoticSystem):
        raise TypeError(f"system must be a ChaoticSystem, from get_system, got {type(system).__name__}")
    start = system.initial_conditions
    if initial_conditions is not None:
        start = _checks.as_float("initial_conditions", initial_conditions).astype(start.dtype)
        _checks.require_shape("initial_conditions", start, (system.dimension,))
        system = eqx.tree_at(lambda s: s.initial_conditions, system, start)
    times = sample_times(system, num_points, points_per_period=points_per_period)
    if isinstance(system, DelaySystem) or noise is not None:
        if any(option is not None for option in (rtol, atol, solver, adjoint)):
            raise ValueError("rtol, atol, solver and adjoint are for flows without noise, which alone step adaptively")
        points = _stepped(system, times, points_per_period, noise, key)
    else:
        assert isinstance(system, ChaoticFlow)
        if solver is None:
            solver = diffrax.Kvaerno5() if system.definition.stiff else diffrax.Dopri8()
        method = _adaptive.method(
            start.dtype, solver=solver, adjoint=adjoint, rtol=rtol, atol=atol, max_steps=max_steps
        )
        points = _adaptive.solved(system, start, times, method)
    points = system.bounded(points) if bounded else points
    return (points - points.mean(axis=0, keepdims=True)) / points.std(axis=0, keepdims=True) if standardize else points


def delay_trajectory(
    system: DelaySystem,
    num_points: int,
    *,
    points_per_period: int = 100,
    history: Callable[[Array], Array] | None = None,
    embedding: int = 1,
    noise: RealScalar | None = None,
    key: PRNGKey | None = None,
) -> Float[Array, "n embedding"]:
    """A trajectory of a delay system after a given history, with delayed copies of itself as further coordinates.

    Column j is x(t - j tau / (embedding - 1)), so that the last one is delayed by tau.

    Args:
        system: a delay system.
        num_points: n, at least 2.
        points_per_period: points in a dominant period of the system.
        history: x(t) for t <= 0, a function of one time; by default constant at the system's `initial_conditions`.
            Give a module-level function or a module: a fresh lambda compiles anew.
        embedding: number of coordinates.
        noise: amplitude of Brownian forcing in units of the state per square root of time.
        key: source of the noise.

    Returns:
        The points at `sample_times`, shape (n, embedding). Differentiable in the system's arrays, tau included,
        `noise`, and the arrays of `history`. Under a transformation of tau, of the period or of dt the history is as
        long as the catalogue's needs, and what it does not hold is NaN.

    Raises:
        TypeError: `system` is no DelaySystem, or `key` no key.
        ValueError: a number is too small, or a key is missing.
    """
    if not isinstance(system, DelaySystem):
        raise TypeError(f"system must be a DelaySystem, got {type(system).__name__}")
    _checks.require_integer("embedding", embedding, minimum=1)
    times = sample_times(system, num_points, points_per_period=points_per_period)
    return _stepped(system, times, points_per_period, noise, key, history=history, embedding=embedding)


def _stepped(
    system: ChaoticSystem,
    times: Array,
    points_per_period: int,
    noise: Any,
    key: PRNGKey | None,
    *,
    history: Callable[[Array], Array] | None = None,
    embedding: int = 1,
) -> Array:
    """The solution at the times by steps of at most dt."""
    if noise is not None and key is None:
        raise ValueError("noise needs a key, made by jax.random.key")
    definition, intervals = system.definition, times.shape[0] - 1
    usual = definition.period * (intervals + 1) / (points_per_period * intervals)
    spacing = _number(times[1] - times[0], otherwise=usual)
    every = math.ceil(spacing / _number(system.dt, otherwise=definition.dt))
    system = eqx.tree_at(lambda s: s.dt, system, (times[1] - times[0]) / every)
    observe: Callable[[Any], Array] = _position
    init = system.init
    if isinstance(system, DelaySystem):
        system = dataclasses.replace(system, history_length=history_length(_longest_delay(system), spacing / every))
        fractions = jnp.linspace(0, 1, embedding, dtype=times.dtype)
        observe = _Embedded(fractions * system.parameters["tau"] / system.dt)
        init = functools.partial(system.init, history=history)
    noisy = system if noise is None else _Noisy(system=system, noise=_noise(system, noise), dt=system.dt)
    key = jax.random.key(0) if key is None else key
    start = init(key=key)
    _, points = simulate(noisy, start, intervals * every, key=key, observe=observe, every=every)
    return jnp.concatenate([observe(start)[None], points])


def _longest_delay(system: DelaySystem) -> float:
    """The delay that a history is made for: the catalogue's, doubled as often as a longer one needs."""
    usual = system.definition.tau
    tau = _number(system.parameters["tau"], otherwise=usual)
    return usual * 2 ** math.ceil(math.log2(max(tau, usual) / usual))


def _number(value: Array, *, otherwise: float) -> float:
    """The value for a static count of steps; what is being transformed is no number: then the catalogue's."""
    return float(value) if _checks.is_concrete(value) else otherwise


def _noise(system: ChaoticSystem, noise: Any) -> Array:
    amplitude = _checks.as_float("noise", noise).astype(system.dt.dtype)
    return jnp.broadcast_to(_checks.broadcastable("noise", amplitude, (system.dimension,)), (system.dimension,))


class _Noisy(Simulator[Any]):
    """A chaotic system with Brownian forcing: a step of the system, then a Gaussian increment."""

    system: ChaoticSystem
    noise: Array
    dt: Array

    def init(self, *, key: PRNGKey) -> Any:
        return self.system.init(key=key)

    def step(self, state: Any, *, key: PRNGKey) -> Any:
        state = self.system.step(state, key=key)
        kick = self.noise * jnp.sqrt(self.dt) * jax.random.normal(key, state.position.shape, state.position.dtype)
        return state.kicked(kick)


class _Embedded(eqx.Module):
    """Observes the present and delayed values of a delay system; lags in steps."""

    lags: Array

    def __call__(self, state: DelayState) -> Array:
        return jax.vmap(state.at)(-self.lags)


def _position(state: Any) -> Array:
    return state.position
