"""Chaotic systems as simulators: flows, stepped by Runge and Kutta's fourth-order method, and delay equations."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Float, Int, Real

from entropax import _checks
from entropax._typing import Array, ArrayLike, PRNGKey, Scalar
from entropax.simulators.base import Simulator
from entropax.simulators.chaos.definitions import Definition

State = TypeVar("State")


class ChaoticSystem(Simulator[State]):
    """A system of the catalogue: an equation with parameters, a starting point, a step and a period.

    All arrays are fields, so that one can differentiate by them. Get one by `get_system`.

    Attributes:
        definition: what the catalogue says; static.
        parameters: values by name.
        initial_conditions: starting point, shape (d,).
        period: dominant period of the motion.
        dt: time step of `step`.
    """

    definition: Definition = eqx.field(static=True)
    parameters: dict[str, Array]
    initial_conditions: Float[Array, "d"]
    period: Scalar
    dt: Scalar

    @property
    def name(self) -> str:
        """Name in the catalogue."""
        return self.definition.name

    @property
    def dimension(self) -> int:
        """Number of coordinates; of a delay equation those of one instant."""
        return len(self.definition.initial_conditions)

    def with_parameters(self, **values: Real[ArrayLike, "..."]) -> "ChaoticSystem[State]":
        """The same system with other values of some parameters.

        Args:
            **values: new values by name, of the shapes of the old ones.

        Returns:
            A new system; differentiable in the values.

        Raises:
            ValueError: a name is not that of a parameter, or a shape differs.
        """
        changed = dict(self.parameters)
        for name, value in values.items():
            _checks.require_option(f"a parameter of {self.name}", name, tuple(self.parameters))
            value = _checks.as_float(name, value)
            _checks.require_shape(name, value, self.parameters[name].shape)
            changed[name] = value.astype(self.parameters[name].dtype)
        return eqx.tree_at(lambda system: system.parameters, self, changed)

    def bounded(self, y: Float[Array, "*batch d"]) -> Float[Array, "*batch d"]:
        """Coordinates that stay bounded: angles and phases that grow without end become their sine or cosine.

        Args:
            y: state, shape (..., d).

        Returns:
            The bounded coordinates, shape (..., d); y itself where all are bounded.
        """
        if self.definition.bounded is None:
            return y
        coordinates = jnp.moveaxis(y, -1, 0)
        return jnp.stack(self.definition.bounded(*coordinates, **self.parameters), axis=-1)


class FlowState(NamedTuple):
    """State of a flow.

    Attributes:
        time: t, which only a right-hand side with explicit time reads.
        position: y, shape (d,).
    """

    time: Scalar
    position: Float[Array, "d"]

    def kicked(self, kick: Float[Array, "d"]) -> "FlowState":
        """The state with its position moved by `kick`.

        Args:
            kick: shape (d,).

        Returns:
            The new state, at the same time.
        """
        return self._replace(position=self.position + kick)


class ChaoticFlow(ChaoticSystem[FlowState]):
    """An ordinary differential equation dy/dt = f(t, y)."""

    def vector_field(self, t: Any, y: Float[Array, "d"], args: Any = None) -> Float[Array, "d"]:
        """f(t, y), in the signature of diffrax.

        Args:
            t: time; only the flow named Torus depends on it.
            y: state, shape (d,).
            args: not used.

        Returns:
            dy/dt, shape (d,). Differentiable in y and the parameters (almost everywhere where the equation is
            piecewise).

        Raises:
            ValueError: y has another shape.
        """
        del args
        _checks.require_shape("y", y, (self.dimension,))
        return _stacked(self.definition.equation(t, *y, **self.parameters), y)

    def init(self, *, key: PRNGKey) -> FlowState:
        """The starting point of the catalogue at time 0.

        Args:
            key: not used: the starting point is fixed.
        """
        _checks.require_key("key", key)
        return FlowState(jnp.zeros_like(self.dt), self.initial_conditions)

    def step(self, state: FlowState, *, key: PRNGKey) -> FlowState:
        """One step dt of the classical fourth-order Runge-Kutta method.

        Args:
            state: time and position.
            key: not used: the motion is deterministic.
        """
        del key
        t, y = state
        h = self.dt
        k1 = self.vector_field(t, y)
        k2 = self.vector_field(t + h / 2, y + h / 2 * k1)
        k3 = self.vector_field(t + h / 2, y + h / 2 * k2)
        k4 = self.vector_field(t + h, y + h * k3)
        return FlowState(t + h, y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4))


class DelayState(NamedTuple):
    """State of a delay equation: its solution over the last delay, on a ring of grid points dt apart.

    Between grid points the solution is the cubic that has its values and slopes. Slopes from the left and from the
    right differ at the start, where the history meets the solution.

    Attributes:
        time: t.
        newest: index of the grid point at t.
        values: x on the grid, shape (m,).
        slopes_left: dt dx/dt from the left, shape (m,).
        slopes_right: dt dx/dt from the right, shape (m,).
    """

    time: Scalar
    newest: Int[Array, ""]
    values: Float[Array, "m"]
    slopes_left: Float[Array, "m"]
    slopes_right: Float[Array, "m"]

    @property
    def position(self) -> Float[Array, "1"]:
        """x(t), shape (1,)."""
        return self.values[self.newest][None]

    def kicked(self, kick: Float[Array, "1"]) -> "DelayState":
        """The state with x(t) moved by `kick`.

        Args:
            kick: shape (1,).

        Returns:
            The new state; its history is the same.
        """
        return self._replace(values=self.values.at[self.newest].add(kick[0]))

    def at(self, steps: Scalar) -> Scalar:
        """x at t + steps dt, for steps from -(m - 1) to 0, which need not be whole; beyond, the outermost cubic.

        Args:
            steps: time from t in units of dt, from -(m - 1) to 0.

        Returns:
            x there. Differentiable in the state and in steps.
        """
        size = self.values.shape[0]
        left = jnp.clip(jnp.floor(jax.lax.stop_gradient(steps)), 1 - size, -1)
        i = (self.newest + left.astype(self.newest.dtype)) % size
        j = (i + 1) % size
        return _hermite(self.values[i], self.values[j], self.slopes_right[i], self.slopes_left[j], steps - left)


def history_length(delay: float, dt: float) -> int:
    """Grid points that hold a solution over `delay`, with room for rounding.

    Args:
        delay: tau, time.
        dt: distance of grid points, time.

    Returns:
        m, the length of the ring.
    """
    return math.ceil(delay / dt) + 2


class DelaySystem(ChaoticSystem[DelayState]):
    """A delay differential equation dx/dt = f(t, x(t), x(t - tau)) of one variable.

    The slope jumps where the history ends, and the jump returns, smoother every time, after every delay. Steps of the
    fourth order are accurate to the second order across its first return, unless tau is a multiple of dt.

    Attributes:
        history_length: grid points that a state holds; static.
    """

    history_length: int = eqx.field(static=True)

    def vector_field(self, t: Any, y: Float[Array, "1"], delayed: Float[Array, "1"]) -> Float[Array, "1"]:
        """f(t, x(t), x(t - tau)).

        Args:
            t: time; no equation of the catalogue depends on it.
            y: x(t), shape (1,).
            delayed: x(t - tau), shape (1,), where diffrax passes `args`.

        Returns:
            dx/dt, shape (1,). Differentiable in y, delayed and the parameters.

        Raises:
            ValueError: y or delayed has another shape.
        """
        _checks.require_shape("y", y, (1,))
        _checks.require_shape("delayed", delayed, (1,))
        parameters = {name: value for name, value in self.parameters.items() if name != "tau"}
        return _stacked(self.definition.equation(t, *y, *delayed, **parameters), y)

    def init(self, *, key: PRNGKey, history: Callable[[Array], Array] | None = None) -> DelayState:
        """The state at time 0, after a history.

        Args:
            key: not used: the history is given.
            history: x(t) for t <= 0, a function of one time; by default constant at `initial_conditions`.

        Returns:
            The state. Differentiable in what `history` depends on.
        """
        _checks.require_key("key", key)
        size = self.history_length
        times = self.dt * jnp.arange(1 - size, 1, dtype=self.dt.dtype)
        if history is None:
            values = jnp.broadcast_to(self.initial_conditions, (size,))
            slopes = jnp.zeros_like(values)
        else:
            values, slopes = jax.vmap(lambda t: jax.jvp(history, (t,), (self.dt,)))(times)
        return DelayState(jnp.zeros_like(self.dt), jnp.asarray(size - 1), values, slopes, slopes)

    def step(self, state: DelayState, *, key: PRNGKey) -> DelayState:
        """One step dt of the classical fourth-order Runge-Kutta method, with delayed values from the history.

        Args:
            state: the solution over the last delay.
            key: not used: the motion is deterministic.

        Returns:
            The state after dt; its arrays are NaN where the delay is longer than the history that they hold, or
            shorter than dt.
        """
        del key
        h, t, x = self.dt, state.time, state.position
        lag = self.parameters["tau"] / h
        start, middle, end = (state.at(c - lag)[None] for c in (0.0, 0.5, 1.0))
        k1 = h * self.vector_field(t, x, start)
        k2 = h * self.vector_field(t + h / 2, x + k1 / 2, middle)
        k3 = h * self.vector_field(t + h / 2, x + k2 / 2, middle)
        k4 = h * self.vector_field(t + h, x + k3, end)
        x = x + (k1 + 2 * k2 + 2 * k3 + k4) / 6
        now, then = state.newest, (state.newest + 1) % self.history_length
        held = (lag >= 1) & (lag <= self.history_length - 1)
        return DelayState(
            t + h,
            then,
            state.values.at[then].set(x[0] * jnp.where(held, 1, jnp.nan)),
            state.slopes_left.at[then].set(h * self.vector_field(t + h, x, end)[0]),
            state.slopes_right.at[now].set(k1[0]),
        )


def _hermite(x0: Array, x1: Array, v0: Array, v1: Array, s: Array) -> Array:
    """The cubic with values x0, x1 and slopes v0, v1 at 0 and 1, at s."""
    difference = x1 - x0
    return x0 + s * (v0 + s * (3 * difference - 2 * v0 - v1 + s * (v0 + v1 - 2 * difference)))


def _stacked(derivatives: tuple[Any, ...], y: Array) -> Array:
    """Components as one array of the dtype of y; constants among them are plain numbers."""
    return jnp.stack([jnp.asarray(component, y.dtype) for component in derivatives])
