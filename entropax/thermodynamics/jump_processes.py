"""Entropy production of Markov processes with finitely many states, in nats with k_B = 1.

The entropy that a process produces is the information its reversal loses: the divergence of the paths from those of
the reversed process (arXiv 1105.5662). It splits into the change of the instantaneous entropy and what the medium takes
up; only with the first is it never negative.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks, information
from entropax._typing import Array, ArrayLike, Float, Int, Real, Scalar


def require_rates(rates: Array) -> Array:
    """`rates`; raises ValueError unless it is a square matrix.

    Args:
        rates: k, expected of shape (n, n).

    Returns:
        The same array, shape (n, n).
    """
    if rates.ndim != 2 or rates.shape[0] != rates.shape[1] or rates.shape[0] < 1:
        raise ValueError(f"rates must have shape (n, n), got {rates.shape}")
    return rates


def off_diagonal(matrix: Array) -> Array:
    """The matrix with zeros on its diagonal.

    Args:
        matrix: shape (n, n).

    Returns:
        The matrix, shape (n, n). Differentiable.
    """
    return jnp.where(jnp.eye(matrix.shape[0], dtype=bool), 0, matrix)


def connected(rates: Array) -> Array:
    """Whether jumps lead from every state to every other.

    Args:
        rates: k, shape (n, n); the diagonal is not read.

    Returns:
        One truth value.
    """
    n = rates.shape[0]
    reach = ((rates > 0) | jnp.eye(n, dtype=bool)).astype(jnp.float32)
    for _ in range((n - 1).bit_length()):
        reach = (reach @ reach > 0).astype(jnp.float32)
    return jnp.all(reach > 0)


def _log_quotient(a: Array, b: Array) -> Array:
    """log(a / b): 0 where both vanish, with a zero gradient; infinite, with its sign, where one does."""
    both, none = (a > 0) & (b > 0), (a <= 0) & (b <= 0)
    quotient = jnp.log(jnp.where(both, a, 1)) - jnp.log(jnp.where(both, b, 1))
    return jnp.where(both, quotient, jnp.where(none, 0, jnp.where(a > 0, jnp.inf, -jnp.inf)))


def _weighted(weight: Array, value: Array) -> Array:
    """weight * value, zero where the weight is, even of an infinite value."""
    # A weight that vanishes in passing keeps its slope: at detailed balance the second derivatives are the response.
    kept = (weight != 0) | jnp.isfinite(value)
    return jnp.where(kept, weight * jnp.where(kept, value, 0), 0)


def markov_entropy_production(
    rates: Real[ArrayLike, "n n"], distribution: Real[ArrayLike, "n"] | None = None
) -> Scalar:
    """Entropy production rate of a jump process, sum over pairs of (p_i k_ij - p_j k_ji) log(p_i k_ij / (p_j k_ji)).

    Args:
        rates: k, shape (n, n), k_ij the rate of jumps from i to j; the diagonal is not read.
        distribution: p, shape (n,); the stationary one by default.

    Returns:
        The rate, nats per unit time: never negative, zero under detailed balance, infinite where a jump that occurs
        has no reverse.

    Raises:
        ValueError: shapes do not fit, a rate is negative, or p is no distribution; without p, several recurrent
            classes.

    Differentiable in the rates, through the stationary distribution too, and in p; a pair without jumps has a zero
    gradient. Source: Schnakenberg 1976; arXiv 1105.5662.
    """
    if distribution is None:
        k = require_rates(_checks.as_float("rates", rates))
        p, check = information.jump_stationary_distribution(k), ()
    else:
        k, p = _checks.as_floats(rates=rates, distribution=distribution)
        _checks.require_shape("distribution", p, require_rates(k).shape[:1])
        check = (_checks.distribution("distribution", p),)
    flow = p[:, None] * off_diagonal(k)
    net = flow - flow.T
    rate = jnp.sum(_weighted(net, _log_quotient(flow, flow.T))) / 2
    return _checks.enforce(rate, _checks.nonnegative("rates", off_diagonal(k)), *check)


class InformationLoss(eqx.Module):
    """What the reversal of one step, or of each step of a protocol, loses of the information about paths.

    Attributes:
        value: divergence of the step from the reversed one, the entropy produced, never negative; shape () or (t,).
        system: change of the entropy of the distribution.
        medium: what the medium takes up, the mean log ratio of the kernels; it may be negative.
        distribution: that after the steps, shape (n,).
    """

    value: Float[Array, "*t"]
    system: Float[Array, "*t"]
    medium: Float[Array, "*t"]
    distribution: Float[Array, "n"]


def information_loss(
    transition: Real[ArrayLike, "n n"] | Real[ArrayLike, "t n n"],
    initial: Real[ArrayLike, "n"],
    reversed_transition: Real[ArrayLike, "n n"] | Real[ArrayLike, "t n n"] | None = None,
    *,
    mirror: Int[ArrayLike, "n"] | None = None,
) -> InformationLoss:
    """Entropy produced by a step p' = p T, KL(p(x) T(x'|x) || p'(x') T~(x|x')) = S(p') - S(p) + <log(T / T~)>.

    T~ is the kernel of the same step in the reversed protocol. It is T itself where the step holds what drives it
    fixed; a step of several stages, T = A B, has T~ = B A. It is never the transpose. Odd variables (velocities) change
    sign under reversal: T~(x|x') is then T~(mirror x | mirror x').

    Args:
        transition: T, shape (n, n), T_ij the probability of j after i; or (t, n, n), the steps of a protocol.
        initial: p, shape (n,).
        reversed_transition: T~, the shape of T and in the same order of steps; T by default.
        mirror: index of the state that each state turns into under time reversal, shape (n,), its own inverse; each
            its own by default.

    Returns:
        The three terms and the final distribution. A step whose reverse is impossible has an infinite loss.

    Raises:
        ValueError: shapes do not fit, a row or p is no distribution, or the mirror is not its own inverse.
        TypeError: the mirror is not of integers.

    Differentiable in the kernels and p where they are positive. Source: arXiv 1105.5662.
    """
    given = {} if reversed_transition is None else {"reversed_transition": reversed_transition}
    T, p, *back = _checks.as_floats(transition=transition, initial=initial, **given)
    if T.ndim not in (2, 3) or T.shape[-1] != T.shape[-2] or T.shape[-1] < 1:
        raise ValueError(f"transition must have shape (n, n) or (t, n, n), got {T.shape}")
    _checks.require_shape("initial", p, T.shape[-1:])
    back = back[0] if back else T
    _checks.require_shape("reversed_transition", back, T.shape)
    rows = [_checks.distribution("transition", T), _checks.distribution("reversed_transition", back)]
    checks = [row._replace(ok=jnp.all(row.ok)) for row in rows] + [_checks.distribution("initial", p)]
    if mirror is not None:
        turn, check = _involution(mirror, T.shape[-1])
        back = back[..., turn, :][..., :, turn]
        checks.append(check)
    terms = _one_loss(T, p, back) if T.ndim == 2 else _losses(T, p, back)
    return _checks.enforce(terms, *checks)


def _involution(mirror: Any, n: int) -> tuple[Array, _checks.Check]:
    turn = jnp.asarray(mirror)
    if not jnp.issubdtype(turn.dtype, jnp.integer):
        raise TypeError(f"mirror must hold integers, got dtype {turn.dtype}")
    _checks.require_shape("mirror", turn, (n,))
    inside = (turn >= 0) & (turn < n)
    ok = jnp.all(inside & (turn[jnp.where(inside, turn, 0)] == jnp.arange(n, dtype=turn.dtype)))
    return turn, _checks.Check(ok, "mirror must be its own inverse", lambda: f"{turn}")


def _one_loss(T: Array, p: Array, back: Array) -> InformationLoss:
    after = p @ T
    joint = p[:, None] * T
    total = jnp.sum(_weighted(joint, _log_quotient(joint, after[None, :] * back.T)))
    medium = jnp.sum(_weighted(joint, _log_quotient(T, back.T)))
    surprise = lambda q: -jnp.sum(_weighted(q, jnp.log(jnp.where(q > 0, q, 1))))  # noqa: E731
    return InformationLoss(total, surprise(after) - surprise(p), medium, after)


@jax.jit
def _losses(T: Array, p: Array, back: Array) -> InformationLoss:
    def step(p: Array, kernels: tuple[Array, Array]) -> tuple[Array, tuple[Array, ...]]:
        loss = _one_loss(kernels[0], p, kernels[1])
        return loss.distribution, (loss.value, loss.system, loss.medium)

    final, (total, system, medium) = jax.lax.scan(step, p, (T, back))
    return InformationLoss(total, system, medium, final)
