"""Trajectories of many flows of one dimension in one compiled program."""

from collections.abc import Sequence
from typing import Any

import diffrax
import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Float, Real

from entropax import _checks
from entropax._typing import Array, ArrayLike
from entropax.simulators.chaos import _adaptive
from entropax.simulators.chaos.systems import ChaoticFlow


def ensemble_trajectories(
    systems: Sequence[ChaoticFlow],
    num_points: int,
    *,
    points_per_period: int = 100,
    initial_conditions: Real[ArrayLike, "k d"] | None = None,
    bounded: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    solver: diffrax.AbstractSolver | None = None,
    adjoint: diffrax.AbstractAdjoint | None = None,
    max_steps: int = 100_000,
) -> Float[Array, "k n d"]:
    """Trajectories of k flows of one dimension, solved together with time in units of each one's period.

    dY_i/ds = T_i f_i(T_i s, Y_i) with the periods T_i: one right-hand side that holds all equations, and one adaptive
    step that suits the most demanding of them at every moment. Compiling this costs a fraction of compiling k programs,
    and no equation is evaluated for another one's state, as a switch under jax.vmap would. Batch over starting points
    with jax.vmap.

    Args:
        systems: flows of one dimension d, such as `[get_system(name) for name in ...]`.
        num_points: n, at least 2.
        points_per_period: points in a dominant period of each system.
        initial_conditions: first points, shape (k, d); by default those of the systems.
        bounded: whether to map angles and phases to bounded coordinates (`ChaoticSystem.bounded`).
        rtol: relative tolerance of every trajectory; by default 1e-9 in float64 and 1e-5 in float32.
        atol: absolute tolerance; by default 1e-12 in float64 and 1e-7 in float32.
        solver: a diffrax solver, Dopri8 by default.
        adjoint: a diffrax adjoint, as for `trajectory`.
        max_steps: steps after which the solver gives up.

    Returns:
        The points, shape (k, n, d); row i is at `sample_times(systems[i], n)`. Differentiable in the systems' arrays
        and `initial_conditions`.

    Raises:
        TypeError: a system is no ChaoticFlow.
        ValueError: there are none, their dimensions differ, a number is too small, a shape does not fit, or the solver
            gave up.
    """
    ensemble = _Ensemble(tuple(systems))
    _checks.require_integer("num_points", num_points, minimum=2)
    _checks.require_integer("points_per_period", points_per_period, minimum=1)
    start = jnp.stack([system.initial_conditions for system in ensemble.systems])
    if initial_conditions is not None:
        given = _checks.as_float("initial_conditions", initial_conditions).astype(start.dtype)
        _checks.require_shape("initial_conditions", given, start.shape)
        start = given
    method = _adaptive.method(
        start.dtype,
        solver=diffrax.Dopri8() if solver is None else solver,
        adjoint=adjoint,
        rtol=rtol,
        atol=atol,
        max_steps=max_steps,
    )
    times = jnp.linspace(0, num_points / points_per_period, num_points, dtype=start.dtype)
    points = jnp.moveaxis(_adaptive.solved(ensemble, start, times, method), 1, 0)
    if not bounded:
        return points
    return jnp.stack([system.bounded(row) for system, row in zip(ensemble.systems, points, strict=True)])


class _Ensemble(eqx.Module):
    """Flows side by side, time in periods."""

    systems: tuple[ChaoticFlow, ...]

    def __check_init__(self):
        if not self.systems:
            raise ValueError("systems must hold at least one flow, got none")
        for i, system in enumerate(self.systems):
            if not isinstance(system, ChaoticFlow):
                raise TypeError(f"systems[{i}] must be a ChaoticFlow, got {type(system).__name__}")
        dimensions = {system.name: system.dimension for system in self.systems}
        if len(set(dimensions.values())) > 1:
            raise ValueError(f"systems must have one dimension, got {dimensions}")

    @property
    def dt(self) -> Array:
        """The shortest step of the catalogue, in periods."""
        return jnp.min(jnp.stack([system.dt / system.period for system in self.systems]))

    def vector_field(self, t: Any, y: Array, args: Any = None) -> Array:
        """The rates of change a period, shape (k, d)."""
        del args
        rates = [system.period * system.vector_field(system.period * t, y[i]) for i, system in enumerate(self.systems)]
        return jnp.stack(rates)
