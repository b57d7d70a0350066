"""Weights of the largest mean logarithm, and derivatives of a solution by the implicit function.

Over q in the simplex, sum_x p(x) log sum_y A(x, y) q(y) is concave. Its maximum is the dual of rate-distortion
(A = exp(-s d); Blahut 1972), the growth-optimal portfolio (A the gross returns; Cover 1984) and the fit of mixture
weights (A the components); the iteration that each field knows is the same.

The iteration is not differentiated. At its solution the stationarity conditions on the support define the solution as
a function of the problem; Newton steps from the fixed solution, with a fixed Jacobian, have that function's
derivatives and leave the value where it is.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.lax import stop_gradient

from entropax._typing import Array, Int, RealScalar


def gap_tolerance(given: float | None, dtype: Any) -> float:
    """The gap in nats at which an iteration stops: as given, or what the dtype resolves."""
    if given is None:
        return float(jnp.finfo(dtype).eps) ** 0.5 * 1e-2 if dtype == jnp.float64 else 2e-6
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not given > 0:
        raise ValueError(f"tolerance must be a positive number, got {given!r}")
    return float(given)


def implicit(solution: Array, active: Array, residual: Callable[[Array], Array], jacobian: Array) -> Array:
    """The solution x with the derivatives that residual(x) = 0 on the active entries implies, to second order.

    Every chord step, with a fixed Jacobian, makes one more order of the derivatives by the problem right.

    Args:
        solution: x, fixed.
        active: entries that may move.
        residual: function of x, and of the problem that it closes over.
        jacobian: d residual / d x at the solution, fixed.
    """
    both = active[:, None] & active[None, :]
    matrix = stop_gradient(jnp.where(both, jacobian, jnp.eye(solution.size, dtype=solution.dtype)))
    # Several solutions (equal rows of a channel, say) make the matrix singular: the least move is taken.
    inverse = jnp.linalg.pinv(matrix)
    leftover = stop_gradient(residual(solution))
    x = solution
    for _ in range(2):
        x = x - inverse @ jnp.where(active, residual(x) - leftover, 0)
    return x


def log_optimal_weights(
    p: Array, kernel: Array, tolerance: RealScalar, max_iterations: int | Int[Array, ""]
) -> tuple[Array, Array, Array]:
    """The weights q that maximise sum_x p(x) log (A q)(x), with implicit derivatives in p and A.

    Args:
        p: probabilities, shape (x,).
        kernel: A >= 0, shape (x, y), with a positive entry in every row; the scale of a row does not matter.
        tolerance: the gap at which the iteration stops.
        max_iterations: the most iterations to do.

    Returns:
        q, shape (y,); how far the maximum may lie above what q attains; iterations done.
    """
    source, fixed = stop_gradient((p, kernel))
    weights, gap, count = stop_gradient(_iterate_weights(source, fixed, tolerance, max_iterations))

    # On the support sum_x p A_xy / Z_x = 1 with Z = A q.
    def residual(q: Array) -> Array:
        return (p / (kernel @ q)) @ kernel - 1

    curvature = source / (fixed @ weights) ** 2
    jacobian = -(fixed.T * curvature[None]) @ fixed
    near = jnp.abs((source / (fixed @ weights)) @ fixed - 1) < jnp.sqrt(tolerance)
    active = (weights > 1e-3 / weights.size) | ((weights > 0) & near)
    return implicit(weights, active, residual, jacobian), gap, count


@jax.jit
def _iterate_weights(
    p: Array, kernel: Array, tolerance: RealScalar, max_iterations: int | Int[Array, ""]
) -> tuple[Array, Array, Array]:
    def growth(weights: Array) -> Array:
        return (p / (kernel @ weights)) @ kernel

    def gap(weights: Array) -> Array:
        return jnp.log(jnp.max(growth(weights)))

    def unfinished(carry: tuple[Array, Array, Array]) -> Array:
        return (carry[1] > tolerance) & (carry[2] < max_iterations)

    def step(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        weights = carry[0] * growth(carry[0])
        weights = weights / jnp.sum(weights)
        return weights, gap(weights), carry[2] + 1

    uniform = jnp.full(kernel.shape[1], 1 / kernel.shape[1], p.dtype)
    return jax.lax.while_loop(unfinished, step, (uniform, gap(uniform), jnp.asarray(0)))
