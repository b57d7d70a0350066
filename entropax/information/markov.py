"""Markov chains with finitely many states."""

from typing import Any

import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, Scalar
from entropax.information._numerics import in_base, x_log_x


def _chain(transition: Any) -> tuple[Array, Array, tuple[_checks.Check, ...]]:
    P = _checks.as_float("transition", transition)
    if P.ndim != 2 or P.shape[0] != P.shape[1] or P.shape[0] < 1:
        raise ValueError(f"transition must have shape (n, n), got {P.shape}")
    n = P.shape[0]
    rows = _checks.distribution("transition", P)
    # With 1 1^T added, I - P^T is regular exactly when the stationary distribution is unique.
    system = jnp.eye(n, dtype=P.dtype) - P.T + jnp.ones((n, n), P.dtype)
    unique = jnp.linalg.svd(system, compute_uv=False)[-1] > 10 * n * jnp.finfo(P.dtype).eps
    one_class = _checks.Check(
        unique,
        "transition must have a unique stationary distribution (one recurrent class)",
        lambda: "a chain that falls apart into several",
    )
    stationary = jnp.linalg.solve(system, jnp.ones(n, P.dtype))
    return P, stationary, (rows._replace(ok=jnp.all(rows.ok)), one_class)


def stationary_distribution(transition: Real[ArrayLike, "n n"]) -> Float[Array, "n"]:
    """The distribution that a Markov chain keeps, pi P = pi.

    Solved directly, so periodic chains are served too; states that the chain leaves for good get zero.

    Args:
        transition: P, shape (n, n), P_ij the probability of j after i, each row summing to one.

    Returns:
        pi, shape (n,).

    Raises:
        ValueError: P is not square or a row is no distribution, or the chain has several recurrent classes, so that
            pi is not unique.

    Differentiable in P (the derivative of the linear solve).
    """
    _, stationary, checks = _chain(transition)
    return _checks.enforce(stationary, *checks)


def entropy_rate(transition: Real[ArrayLike, "n n"], *, base: int | float | None = None) -> Scalar:
    """Entropy per step of a stationary Markov chain, -sum_i pi_i sum_j P_ij log P_ij.

    Args:
        transition: P, shape (n, n), P_ij the probability of j after i, each row summing to one.
        base: base of the logarithm; nats by default.

    Returns:
        The entropy rate.

    Raises:
        ValueError: P is not square or a row is no distribution, the chain has several recurrent classes, or base is
            not greater than 1.

    Differentiable in P; zero entries take a zero gradient from their logarithm.
    """
    P, stationary, checks = _chain(transition)
    value = -jnp.sum(stationary * jnp.sum(x_log_x(P), axis=-1))
    return _checks.enforce(in_base(value, base), *checks)
