"""The adaptive solve that single flows and ensembles share."""

from typing import Any

import diffrax
import equinox as eqx
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array


class Method(eqx.Module):
    """How it is solved: all static, so that a change compiles anew."""

    solver: diffrax.AbstractSolver
    adjoint: diffrax.AbstractAdjoint
    rtol: float = eqx.field(static=True)
    atol: float = eqx.field(static=True)
    max_steps: int = eqx.field(static=True)


def method(
    dtype: Any,
    *,
    solver: diffrax.AbstractSolver,
    adjoint: diffrax.AbstractAdjoint | None,
    rtol: float | None,
    atol: float | None,
    max_steps: int,
) -> Method:
    """The method with its defaults, which depend on the dtype."""
    _checks.require_integer("max_steps", max_steps, minimum=1)
    single = jnp.finfo(dtype).bits <= 32
    rtol = (1e-5 if single else 1e-9) if rtol is None else float(rtol)
    atol = (1e-7 if single else 1e-12) if atol is None else float(atol)
    for name, tolerance in (("rtol", rtol), ("atol", atol)):
        _checks.require_within(name, tolerance, 0, float("inf"), open_below=True)
    adjoint = diffrax.RecursiveCheckpointAdjoint() if adjoint is None else adjoint
    return Method(solver, adjoint, rtol, atol, max_steps)


def solved(flow: Any, start: Array, times: Array, method: Method) -> Array:
    """The solution at the times, shape (n, *start.shape).

    Args:
        flow: a module with `vector_field(t, y, args)` and `dt`, the first step tried.
        start: the state at times[0].
        times: increasing, shape (n,).
        method: solver, tolerances and the rest.

    Raises:
        ValueError: the start is not finite, or the solver gave up; under a transformation the solution is NaN instead.
    """
    finite = _checks.finite("initial_conditions", start)
    start = _checks.enforce(start, finite)
    # From a start that is not finite the solver would try all its steps.
    points, reached = _solve(flow, jnp.where(jnp.isfinite(start), start, 1), times, method)
    arrives = _checks.Check(
        reached, "the solver must reach the last time", lambda: f"no end after max_steps = {method.max_steps} steps"
    )
    return _checks.enforce(points, finite, arrives)


@eqx.filter_jit
def _solve(flow: Any, start: Array, times: Array, method: Method) -> tuple[Array, Array]:
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(flow.vector_field),
        method.solver,
        times[0],
        times[-1],
        flow.dt,
        start,
        saveat=diffrax.SaveAt(ts=times),
        stepsize_controller=diffrax.PIDController(rtol=method.rtol, atol=method.atol, norm=_worst_system),
        adjoint=method.adjoint,
        max_steps=method.max_steps,
        throw=False,
    )
    assert solution.ys is not None
    reached = jnp.asarray(solution.result == diffrax.RESULTS.successful)
    # What was not reached is infinite; infinity times zero would make a NaN of a gradient that exists.
    return jnp.where(reached, solution.ys, 0), reached


def _worst_system(error: Array) -> Array:
    """The root mean square over the coordinates of a system, at its largest over the systems of an ensemble."""
    squares = jnp.mean(error**2, axis=-1)
    worst = jnp.max(squares)
    # An error of exactly zero has no slope.
    return jnp.where(worst > 0, jnp.sqrt(jnp.where(worst > 0, worst, 1)), 0)
