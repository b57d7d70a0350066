"""Markov chains with finitely many states."""

from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, Scalar
from entropax.information._numerics import in_base, x_log_x


def _chain(transition: Any) -> tuple[Array, Array, tuple[_checks.Check, ...]]:
    P = _checks.as_float("transition", transition)
    if P.ndim != 2 or P.shape[0] != P.shape[1] or P.shape[0] < 1:
        raise ValueError(f"transition must have shape (n, n), got {P.shape}")
    rows = _checks.distribution("transition", P)
    always = _reached_from_everywhere(P > 0)
    one_class = _checks.Check(
        jnp.any(always),
        "transition must have a unique stationary distribution (one recurrent class)",
        lambda: "a chain that falls apart into several",
    )
    # The elimination needs a last state that all others reach.
    order = jnp.argsort(~always)
    stationary = _stationary(P[order][:, order])[jnp.argsort(order)]
    return P, stationary, (rows._replace(ok=jnp.all(rows.ok)), one_class)


@jax.jit
def _reached_from_everywhere(steps: Array) -> Array:
    """The states that can be reached from every state: those of the one recurrent class, none if there are several."""
    n = steps.shape[0]
    reach = (steps | jnp.eye(n, dtype=bool)).astype(jnp.float32)
    for _ in range((n - 1).bit_length()):
        reach = (reach @ reach > 0).astype(jnp.float32)
    return jnp.all(reach > 0, axis=0)


# The elimination of Grassmann, Taksar and Heyman takes the states from the last to the second out of the chain: what
# remains is the chain watched on fewer states. It adds, multiplies and divides non-negative numbers only, so that every
# probability keeps its relative accuracy, however slowly the chain mixes.


@jax.jit
def _eliminate(P: Array) -> Array:
    """The transitions of every state as it is taken out: row k to the earlier ones, column k from them."""
    n = P.shape[0]
    index = jnp.arange(n)

    def take_out(i: Array, P: Array) -> Array:
        k = n - 1 - i
        leaving = jnp.where(index < k, P[k], 0)
        entering = jnp.where(index < k, P[:, k], 0)
        return P + entering[:, None] * (leaving / jnp.sum(leaving))[None, :]

    return jax.lax.fori_loop(0, n - 1, take_out, P)


@jax.custom_jvp
@jax.jit
def _stationary(P: Array) -> Array:
    """The stationary distribution of a chain in which every state reaches state 0."""
    n = P.shape[0]
    watched = _eliminate(P)

    def put_back(k: Array, pi: Array) -> Array:
        # pi is that of the chain on the states before k; flow in = flow out settles the share of k.
        inflow = pi @ jnp.where(jnp.arange(n) < k, watched[:, k], 0)
        outflow = jnp.sum(jnp.where(jnp.arange(n) < k, watched[k], 0))
        return (pi * outflow).at[k].set(inflow) / (inflow + outflow)

    return jax.lax.fori_loop(1, n, put_back, jnp.zeros(n, P.dtype).at[0].set(1))


@_stationary.defjvp
def _stationary_rule(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (P,), (dP,) = primals, tangents
    pi = _stationary(P)
    return pi, _solve_balance(P, pi, pi @ dP)


def _solve_balance(P: Array, pi: Array, b: Array) -> Array:
    """x with x (I - P) + (sum x) pi = b, by the factors of the elimination, which are those of I - P."""
    n = P.shape[0]
    watched = jax.lax.stop_gradient(_eliminate(jax.lax.stop_gradient(P)))
    out = jnp.sum(jnp.tril(watched, -1), axis=1).at[0].set(1)  # state 0 stays: its row decouples
    lower = jnp.eye(n, dtype=P.dtype) - jnp.tril(watched, -1) / out[:, None]
    upper = jnp.diag(out) - jnp.triu(watched, 1)
    weight = jax.lax.stop_gradient(pi)

    def balance(x: Array) -> Array:
        return x - x @ P + jnp.sum(x) * pi

    def solve(_: Any, b: Array) -> Array:
        total = jnp.sum(b)
        x = solve_triangular(lower, b - total * weight, lower=True, trans=1)
        x = solve_triangular(upper, x.at[0].set(0), lower=False, trans=1)
        return x + (total - jnp.sum(x)) * weight

    def transpose_solve(_: Any, g: Array) -> Array:
        mean = weight @ g
        z = solve_triangular(upper, g - mean, lower=False).at[0].set(0)
        z = solve_triangular(lower, z, lower=True)
        return z + mean - weight @ z

    return jax.lax.custom_linear_solve(balance, b, solve, transpose_solve)


def stationary_distribution(transition: Real[ArrayLike, "n n"]) -> Float[Array, "n"]:
    """The distribution that a Markov chain keeps, pi P = pi.

    Solved directly, so periodic chains are served too; states that the chain leaves for good get zero. No subtraction
    occurs: every entry has the relative accuracy of the dtype, however slowly the chain mixes.

    Args:
        transition: P, shape (n, n), P_ij the probability of j after i, each row summing to one.

    Returns:
        pi, shape (n,).

    Raises:
        ValueError: P is not square or a row is no distribution, or the chain has several recurrent classes, so that
            pi is not unique.

    Differentiable in P, in both modes and to any order (implicitly, by a linear solve). Source: Grassmann, Taksar and
    Heyman 1985.
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


def jump_stationary_distribution(rates: Real[ArrayLike, "n n"]) -> Float[Array, "n"]:
    """The distribution that a jump process in continuous time keeps, sum_i pi_i (k_ij - k_ji) = 0 for every j.

    Found as that of the chain I + W / max(exit rate), by the elimination of `stationary_distribution`, which uses the
    off-diagonal entries alone.

    Args:
        rates: k, shape (n, n), k_ij the rate of jumps from i to j; the diagonal is not read.

    Returns:
        pi, shape (n,).

    Raises:
        ValueError: the rates are no square matrix, negative or not finite, all zero, or the process has several
            recurrent classes.

    Differentiable in the rates, in both modes and to any order. Source: Grassmann, Taksar and Heyman 1985.
    """
    k = _checks.as_float("rates", rates)
    if k.ndim != 2 or k.shape[0] != k.shape[1] or k.shape[0] < 1:
        raise ValueError(f"rates must have shape (n, n), got {k.shape}")
    off = jnp.where(jnp.eye(k.shape[0], dtype=bool), 0, k)
    leaving = jnp.sum(off, axis=1)
    most = jax.lax.stop_gradient(jnp.max(leaving))
    staying = jnp.where(most > 0, most - leaving, 1)
    chain = (off + jnp.diag(staying)) / jnp.where(most > 0, most, 1)
    return stationary_distribution(_checks.enforce(chain, _checks.nonnegative("rates", off)))
