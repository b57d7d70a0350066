"""Whether a variable can be recovered from functions of it, by classes and by distances in the lattice.

X is recovered from X_1 ... X_n if their join refines it. For functions of X this needs sum_i H(X_i) >= H(X), which in
Rajski's metric is sum_i D(X, X_i) <= n - 1: the parts must not be too far from X, all together. The condition is
sufficient only for independent parts, so it can refuse a set of parts and never accepts one.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, Scalar
from entropax.information import _partitions
from entropax.information.lattice import Labels, Relation

Parts = Int[ArrayLike, "parts outcomes"] | Bool[ArrayLike, "parts outcomes"]


class ReconstructionCondition(eqx.Module):
    """The necessary condition for perfect reconstruction.

    Attributes:
        value: sum of Rajski distances of the parts from X.
        bound: the most it may be, the number of parts less one.
        slack: bound less value, which is also the relative redundancy (sum_i H(X_i) - H(X)) / H(X).
        satisfied: whether the slack is not negative, up to the tolerance. If it is not, X cannot be recovered; if it
            is, nothing is said, unless the parts are independent.
        valid: whether `satisfied` means anything: p was a distribution and the parts functions of X.
    """

    value: Scalar
    bound: Scalar
    slack: Scalar
    satisfied: Bool[Array, ""]
    valid: Bool[Array, ""]


class PartSelection(eqx.Module):
    """Parts in the order in which they say most that is new.

    Attributes:
        value: index of the parts, in the order chosen, shape (parts,).
        gains: H(X_i | those chosen before) in nats, shape (parts,).
        remaining: H(X | those chosen so far) in nats, shape (parts,).
        reconstructs: whether all parts together recover X.
        needed: how many of the first parts recover X; the number of parts plus one if all do not.
        valid: whether the integers mean anything: p was a distribution and the parts functions of X.
    """

    value: Int[Array, "parts"]
    gains: Float[Array, "parts"]
    remaining: Float[Array, "parts"]
    reconstructs: Bool[Array, ""]
    needed: Int[Array, ""]
    valid: Bool[Array, ""]


def _arguments(x: Labels, parts: Parts, p: Real[ArrayLike, "outcomes"]) -> tuple[Array, Array, Array, _checks.Check]:
    probabilities, ok = _partitions.require_probabilities(p)
    (whole,) = _partitions.require_labels(probabilities, x=x)
    (pieces,) = _partitions.require_labels(probabilities, ndim=2, parts=parts)
    return whole, pieces, probabilities, ok


@jax.jit
def _are_functions(x: Array, parts: Array, p: Array) -> Array:
    return jax.vmap(lambda part: _partitions.determines(x, part, p > 0))(parts)


def _functions_of(x: Array, parts: Array, p: Array) -> _checks.Check:
    """Every part is a function of x."""
    with _checks.evaluated_now(x, parts, p):
        ok = _are_functions(x, parts, p)
        every = jnp.all(ok)

    def got() -> str:
        strays = np.flatnonzero(~np.asarray(ok)).tolist()
        return f"part{'s' if len(strays) > 1 else ''} {', '.join(map(str, strays))} with several labels for one of x"

    return _checks.Check(every, "parts must be functions of x", got)


def relative_redundancy(x: Labels, parts: Parts, p: Real[ArrayLike, "outcomes"]) -> Scalar:
    """Relative redundancy of parts of X, (sum_i H(X_i) - H(X)) / H(X) = (n - 1) - sum_i D(X, X_i).

    Args:
        x: labels of X, shape (outcomes,).
        parts: labels of functions X_i of X, shape (parts, outcomes).
        p: probabilities of the outcomes, shape (outcomes,).

    Returns:
        The redundancy; negative if X cannot be recovered from the parts, 0 if they are independent and recover it. For
        a constant X the distances are zero and it is n - 1.

    Raises:
        TypeError: labels are not integers.
        ValueError: shapes differ, p is no distribution, or a part is not a function of X.

    Differentiable in p. Source: arXiv 2306.15540, by our reading of it.
    """
    whole, pieces, q, ok = _arguments(x, parts, p)
    return _checks.enforce(
        pieces.shape[0] - 1 - _sum_of_distances(whole, pieces, q), ok, _functions_of(whole, pieces, q)
    )


@jax.jit
def _sum_of_distances(x: Array, parts: Array, p: Array) -> Array:
    return jnp.sum(jax.vmap(lambda part: _partitions.rajski_of(x, part, p))(parts))


def reconstruction_condition(
    x: Labels, parts: Parts, p: Real[ArrayLike, "outcomes"], *, tolerance: float | None = None
) -> ReconstructionCondition:
    """Necessary condition for recovering X from functions of it, sum_i D(X, X_i) <= n - 1 in Rajski's metric.

    Args:
        x: labels of X, shape (outcomes,).
        parts: labels of functions X_i of X, shape (parts, outcomes).
        p: probabilities of the outcomes, shape (outcomes,).
        tolerance: by how much rounding may exceed the bound: independent parts that recover X lie on it. By default
            1e-9 in float64 and 1e-5 in float32.

    Returns:
        The sum, the bound and whether it is kept.

    Raises:
        TypeError: labels are not integers.
        ValueError: shapes differ, p is no distribution, a part is not a function of X, or the tolerance is negative.

    Differentiable in p: the sum and the slack. Source: arXiv 2306.15540, by our reading of it.
    """
    whole, pieces, q, ok = _arguments(x, parts, p)
    if tolerance is not None and not (isinstance(tolerance, (int, float)) and tolerance >= 0):
        raise ValueError(f"tolerance must be a number that is not negative, got {tolerance!r}")
    allowed = (1e-9 if q.dtype == jnp.float64 else 1e-5) if tolerance is None else float(tolerance)
    checks = ok, _functions_of(whole, pieces, q)
    total = _checks.enforce(_sum_of_distances(whole, pieces, q), *checks)
    bound = jnp.asarray(pieces.shape[0] - 1, q.dtype)
    slack = bound - total
    return ReconstructionCondition(total, bound, slack, slack >= -allowed, _checks.validity(*checks))


def is_reconstructable(x: Labels, parts: Parts, p: Real[ArrayLike, "outcomes"]) -> Relation:
    """Whether X is a function of (X_1, ..., X_n) almost surely. Decided by the classes, without rounding.

    Args:
        x: labels of X, shape (outcomes,).
        parts: labels of variables X_i, functions of X or not, shape (parts, outcomes).
        p: probabilities of the outcomes, shape (outcomes,).

    Returns:
        The answer, with its validity.

    Raises:
        TypeError: labels are not integers.
        ValueError: shapes differ or p is no distribution.
    """
    whole, pieces, q, ok = _arguments(x, parts, p)
    return Relation(_is_reconstructable(whole, pieces, q > 0), _checks.validity(ok))


@jax.jit
def _is_reconstructable(x: Array, parts: Array, possible: Array) -> Array:
    return _partitions.determines(_partitions.joined(parts), x, possible)


def select_parts(x: Labels, parts: Parts, p: Real[ArrayLike, "outcomes"]) -> PartSelection:
    """Greedy order of the parts: next comes the one with the largest H(X_i | those chosen).

    Args:
        x: labels of X, shape (outcomes,).
        parts: labels of functions X_i of X, shape (parts, outcomes).
        p: probabilities of the outcomes, shape (outcomes,).

    Returns:
        All parts in that order (the lowest index among equals, up to rounding), and how many of them recover X.

    Raises:
        TypeError: labels are not integers.
        ValueError: shapes differ, p is no distribution, or a part is not a function of X.

    The gains and the remaining entropies are differentiable in p where the order does not change. Cost: parts squared
    times a sort of the outcomes.
    """
    whole, pieces, q, ok = _arguments(x, parts, p)
    checks = ok, _functions_of(whole, pieces, q)
    order, gains, remaining, recovered = _select_parts(whole, pieces, q)
    gains, remaining = _checks.enforce((gains, remaining), *checks)
    needed = 1 + jnp.sum(~recovered)
    return PartSelection(order, gains, remaining, recovered[-1], needed, _checks.validity(*checks))


@jax.jit
def _select_parts(x: Array, parts: Array, p: Array) -> tuple[Array, Array, Array, Array]:
    def choose(carry: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], tuple[Array, ...]]:
        chosen, so_far = carry
        gains = jax.vmap(lambda part: _partitions.conditional_entropy_of(part, so_far, p))(parts)
        best = jnp.argmax(jnp.where(chosen, -jnp.inf, gains))
        so_far = _partitions.classes(so_far, parts[best])
        remaining = _partitions.conditional_entropy_of(x, so_far, p)
        recovered = _partitions.determines(so_far, x, p > 0)
        return (chosen.at[best].set(True), so_far), (best, gains[best], remaining, recovered)

    nothing = jnp.zeros(parts.shape[0], bool), jnp.zeros_like(_partitions.classes(x))
    _, (order, gains, remaining, recovered) = jax.lax.scan(choose, nothing, None, length=parts.shape[0])
    return order, gains, remaining, recovered
