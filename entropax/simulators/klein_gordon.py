"""Nonlinear Klein-Gordon fields on a line, stepped by symplectic methods with exact space derivatives."""

from collections.abc import Callable
from typing import Any, Literal, cast

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Float, Real

from entropax import _checks
from entropax._typing import Array, ArrayLike, PRNGKey, RealScalar, Scalar
from entropax.simulators.base import Simulator
from entropax.simulators.field_grid import FieldGrid, differentiate
from entropax.simulators.field_potentials import Potential, of_dtype

# Parts of dt by which a step's kick-drift-kicks advance; Yoshida 1990 (doi 10.1016/0375-9601(90)90092-3).
_W1 = 1 / (2 - 2 ** (1 / 3))
PARTS: dict[int, tuple[float, ...]] = {2: (1.0,), 4: (_W1, 1 - 2 * _W1, _W1)}
LIMITS = {2: 2.0, 4: 1.5734}
"""Largest dt times frequency for which the steps of an oscillator stay bounded."""


class FieldState(eqx.Module):
    """A field on the points of a grid.

    Attributes:
        field: phi, shape (n,).
        momentum: phi_t, shape (n,).
        force: phi_xx - V'(phi), kept so that a step evaluates it once; `KleinGordon.state` makes it.
    """

    field: Float[Array, "n"]
    momentum: Float[Array, "n"]
    force: Float[Array, "n"]


class KleinGordon(Simulator[FieldState]):
    """phi_tt = phi_xx - V'(phi) on a line, c = hbar = 1.

    Space derivatives are exact up to the grid's finest wave. A step of order 2 is Stormer and Verlet's kick-drift-kick,

        pi += dt/2 F(phi);  phi += dt pi;  pi += dt/2 F(phi),   F = phi_xx - V'(phi),

    one of order 4 three of them, of w dt, (1 - 2 w) dt and w dt, w = 1 / (2 - 2^(1/3)) (Yoshida). Both are symplectic
    and reversible: the energy's error stays bounded, and turning the momentum's sign runs the motion back. In float32
    rounding takes over from the method's own error after a few thousand steps; use float64 for energies. Fields of
    lower precision are made float32.

    Attributes:
        potential: V.
        grid: where the field lives, and how its ends are joined.
        initial: field and momentum at the start, or a function of a key that gives them.
        dt: time step.
        order: 2 or 4.
    """

    potential: Potential
    grid: FieldGrid
    initial: Any
    dt: Scalar
    order: Literal[2, 4] = eqx.field(static=True)

    def __init__(
        self,
        potential: Potential,
        grid: FieldGrid,
        *,
        dt: RealScalar,
        initial: tuple[Real[ArrayLike, "n"], Real[ArrayLike, "n"]] | Callable[[Any], Any],
        order: Literal[2, 4] = 2,
    ):
        """Checks and converts the parameters.

        Args:
            potential: V.
            grid: the points.
            dt: time step, positive, with dt sqrt(k^2 + m^2) below 2 (order 2) or 1.5734 (order 4), k the grid's largest
                wavenumber and m the potential's mass.
            initial: field and momentum, shape (n,) each, as `kink`, `kink_antikink`, `breather` and `gaussian_packet`
                give them, or a function of a key that returns such a pair.
            order: of the method, 2 or 4.

        Raises:
            TypeError: potential or grid is something else.
            ValueError: dt is not positive or over the limit of stability, the order is unknown, or the initial arrays
                are no pair of the grid's shape.
        """
        if not isinstance(potential, Potential):
            raise TypeError(f"potential must be a Potential, got {type(potential).__name__}")
        if not isinstance(grid, FieldGrid):
            raise TypeError(f"grid must be a FieldGrid, got {type(grid).__name__}")
        _checks.require_option("order", order, tuple(PARTS))
        (dt,) = _checks.as_numbers(dt=dt)
        with _checks.evaluated_now(dt, grid, potential):
            fastest = jnp.sqrt(grid.largest_wavenumber**2 + of_dtype(potential.mass, grid.lower.dtype) ** 2)
            limit = LIMITS[order] / fastest.astype(dt.dtype)
        words = f"dt must be below the limit of stability of order {order}, {LIMITS[order]} / sqrt(k^2 + m^2)"
        stable = _checks.Check(dt < limit, words, lambda: f"{dt} with a limit of {limit:.6g}")
        self.dt = _checks.enforce(dt, _checks.positive("dt", dt), stable)
        self.potential, self.grid, self.order = potential, grid, order
        self.initial = initial if callable(initial) else _pair(initial, grid)

    def init(self, *, key: PRNGKey) -> FieldState:
        """The first state.

        Args:
            key: source of randomness, used when `initial` is a function.

        Returns:
            The state.

        Raises:
            ValueError: as `state`.
        """
        _checks.require_key("key", key)
        start = cast(Any, self.initial(key)) if callable(self.initial) else self.initial
        return self.state(*start)

    def state(self, field: Real[ArrayLike, "n"], momentum: Real[ArrayLike, "n"]) -> FieldState:
        """A state of given field and momentum.

        Args:
            field: phi, shape (n,).
            momentum: phi_t, shape (n,).

        Returns:
            The state, with its force.

        Raises:
            ValueError: the shapes are not the grid's, or a number is not finite.

        Differentiable in both.
        """
        phi, pi = _pair((field, momentum), self.grid)
        return FieldState(phi, pi, _force(*self._field_theory(phi.dtype), phi))

    def force(self, field: Real[ArrayLike, "n"]) -> Float[Array, "n"]:
        """F = phi_xx - V'(phi), minus the energy's gradient by the field (per spacing).

        Args:
            field: phi, shape (n,).

        Returns:
            F, shape (n,).

        Raises:
            ValueError: the shape is not the grid's.
        """
        phi = _checks.accumulated(_checks.as_float("field", field))
        _checks.require_shape("field", phi, (self.grid.num_points,))
        return _force(*self._field_theory(phi.dtype), phi)

    def vector_field(self, t: Any, y: tuple[Array, Array], args: Any = None) -> tuple[Array, Array]:
        """(phi_t, phi_tt), in the signature of diffrax.

        Args:
            t: time, not used.
            y: field and momentum, shape (n,) each.
            args: not used.

        Returns:
            Their time derivatives.
        """
        del t, args
        return _checks.accumulated(y[1]), self.force(y[0])

    def step(self, state: FieldState, *, key: PRNGKey) -> FieldState:
        """The state dt later.

        Args:
            state: from `state` or `init`.
            key: not used, since the dynamics is deterministic.

        Returns:
            The next state.

        Raises:
            ValueError: the field does not have the grid's shape.
        """
        del key
        _checks.require_shape("field", state.field, (self.grid.num_points,))
        dtype = state.field.dtype
        return _step(*self._field_theory(dtype), self.dt.astype(dtype), self.order, state)

    def _field_theory(self, dtype: Any) -> tuple[Potential, FieldGrid]:
        """Potential and grid in the dtype of a field."""
        return of_dtype(self.potential, dtype), of_dtype(self.grid, dtype)


@eqx.filter_jit
def _force(potential: Potential, grid: FieldGrid, phi: Array) -> Array:
    return differentiate(grid, phi, order=2) - potential.slope(phi)


@eqx.filter_jit
def _step(potential: Potential, grid: FieldGrid, dt: Array, order: int, state: FieldState) -> FieldState:
    phi, pi, force = state.field, state.momentum, state.force
    for part in PARTS[order]:
        h = part * dt
        pi = pi + h / 2 * force
        phi = phi + h * pi
        force = _force(potential, grid, phi)
        pi = pi + h / 2 * force
    return FieldState(phi, pi, force)


def _pair(values: Any, grid: FieldGrid) -> tuple[Array, Array]:
    """Field and momentum, checked."""
    if not isinstance(values, (tuple, list)) or len(values) != 2:
        raise ValueError(f"initial must be a field and a momentum, got {type(values).__name__}")
    phi, pi = map(_checks.accumulated, _checks.as_floats(field=values[0], momentum=values[1]))
    _checks.require_shape("field", phi, (grid.num_points,))
    _checks.require_shape("momentum", pi, (grid.num_points,))
    return _checks.enforce((phi, pi), _checks.finite("field", phi), _checks.finite("momentum", pi))
