"""The probability flow: the deterministic motion with the same densities as the stochastic one."""

from collections.abc import Callable
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real


def probability_flow_velocity(
    drift: Real[ArrayLike, "*shape"], score: Real[ArrayLike, "*shape"], diffusion: Real[ArrayLike, "..."]
) -> Float[Array, "*shape"]:
    """Velocity of the probability flow, v = b - D s.

    The Fokker-Planck equation of dX = b dt + sqrt(2 D) dW is the continuity equation of v: d_t rho = -div(v rho).

    Args:
        drift: b at a state, any shape.
        score: s = grad log rho at the state, the shape of b.
        diffusion: diagonal D >= 0, broadcastable to b; zero where there is no noise.

    Returns:
        v, the shape of b.

    Raises:
        ValueError: shapes do not fit or D is negative.

    Differentiable in all arguments. Source: arXiv 2309.12991.
    """
    b, s, D = _checks.as_floats(drift=drift, score=score, diffusion=diffusion)
    _checks.require_same_shape(drift=b, score=s)
    D = _checks.broadcastable("diffusion", D, b.shape)
    return _checks.enforce(b - D * s, _checks.nonnegative("diffusion", D))


class Trajectory(eqx.Module):
    """A solution of an ordinary differential equation.

    Attributes:
        value: states at the given times, shape (t, *shape); infinite after a failure.
        converged: whether the solver reached the last time within its steps.
        num_steps: steps that the solver took.
    """

    value: Float[Array, "t *shape"]
    converged: Bool[Array, ""]
    num_steps: Int[Array, ""]


def probability_flow(
    velocity: Callable[[Any], Any],
    initial: Real[ArrayLike, "*shape"],
    times: Real[ArrayLike, "t"],
    *,
    rtol: float = 1e-6,
    atol: float = 1e-6,
    max_steps: int = 16384,
    solver: diffrax.AbstractSolver | None = None,
    adjoint: diffrax.AbstractAdjoint | None = None,
) -> Trajectory:
    """Integrates dX/dt = v(X), which carries samples of the density along without noise.

    In a steady state v leaves the density as it is: its orbits circulate.

    Args:
        velocity: v, a function from states to arrays of the same shape: a plain function (compared by identity, so
            define it once) or a module.
        initial: the state at times[0], any shape; batch by `jax.vmap`.
        times: increasing, shape (t,) with t >= 2.
        rtol: relative tolerance of the step size control.
        atol: absolute tolerance.
        max_steps: the most steps to take; past them the result says that it did not converge.
        solver: a diffrax solver, `diffrax.Tsit5()` by default.
        adjoint: a diffrax adjoint. The default, recursive checkpointing, is for reverse mode;
            `diffrax.ForwardMode()` serves forward mode.

    Returns:
        The states at the times, whether the solver got there, and its number of steps.

    Raises:
        TypeError: velocity is not callable.
        ValueError: velocity returns another shape than the state's, times are not at least two increasing numbers, or
            a tolerance is not positive.

    Differentiable in `initial`, `times` and the arrays of `velocity` (reverse mode; forward mode with the adjoint).
    """
    if not callable(velocity):
        raise TypeError(f"velocity must be a function of the state, got {type(velocity).__name__}")
    _checks.require_integer("max_steps", max_steps, minimum=1)
    if rtol <= 0 or atol <= 0:
        raise ValueError(f"rtol and atol must be positive, got {rtol} and {atol}")
    y0, ts = _checks.as_floats(initial=initial, times=times)
    _checks.require_ndim("times", ts, 1, "(t,)")
    if ts.shape[0] < 2:
        raise ValueError(f"times must hold at least 2 values, got {ts.shape[0]}")
    returned = jax.eval_shape(velocity, y0)
    if jnp.shape(returned) != y0.shape:
        raise ValueError(f"velocity must return the shape of the state, {y0.shape}, got {jnp.shape(returned)}")
    increasing = _checks.Check(jnp.all(jnp.diff(ts) > 0), "times must be increasing", lambda: f"{ts}")
    y0, ts = _checks.enforce((y0, ts), increasing, _checks.finite("initial", y0))
    solver = diffrax.Tsit5() if solver is None else solver
    adjoint = diffrax.RecursiveCheckpointAdjoint() if adjoint is None else adjoint
    trajectory = _flow(velocity, y0, ts, float(rtol), float(atol), max_steps, solver, adjoint)
    return _checks.enforce(trajectory, increasing, _checks.finite("initial", y0))


@eqx.filter_jit
def _flow(
    velocity: Callable[[Any], Any],
    initial: Array,
    times: Array,
    rtol: float,
    atol: float,
    max_steps: int,
    solver: diffrax.AbstractSolver,
    adjoint: diffrax.AbstractAdjoint,
) -> Trajectory:
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(lambda t, y, args: velocity(y)),
        solver,
        times[0],
        times[-1],
        None,
        initial,
        saveat=diffrax.SaveAt(ts=times),
        stepsize_controller=diffrax.PIDController(rtol=rtol, atol=atol),
        max_steps=max_steps,
        adjoint=adjoint,
        throw=False,
    )
    assert solution.ys is not None
    converged = solution.result == diffrax.RESULTS.successful
    return Trajectory(solution.ys, jnp.asarray(converged), jax.lax.stop_gradient(solution.stats["num_steps"]))
