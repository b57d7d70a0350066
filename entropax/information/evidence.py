"""Dempster-Shafer evidence: masses on the subsets of a frame, belief and plausibility, combination and discounting.

A mass function on a frame of n outcomes is an array over its 2^n subsets in its last axis: bit i of an index says
whether outcome i is in the subset. Entry 0 belongs to the empty set and is zero; the last entry, of the whole frame, is
ignorance. On a frame {a, b} the entries are those of {}, {a}, {b} and {a, b}. A probability distribution has masses on
single outcomes only. Sources: Dempster 1967; Shafer, A Mathematical Theory of Evidence, 1976.
"""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, RealScalar
from entropax.information._numerics import weighted_exp


class Combination(eqx.Module):
    """Pieces of evidence combined by Dempster's rule.

    Attributes:
        value: masses, shape (..., 2^n).
        conflict: K in [0, 1), the weight that contradictory parts of the pieces had before it was divided out. Near 1
            little of the evidence is left of what the masses say.
        log_agreement: log(1 - K), which still tells conflicts apart that round to 1.
    """

    value: Float[Array, "*batch subsets"]
    conflict: Float[Array, "*batch"]
    log_agreement: Float[Array, "*batch"]


# ---------------------------------------------------------------------------------------------- subsets and transforms


def _frame_size(name: str, masses: Array) -> int:
    """Number n of outcomes of a frame whose 2^n subsets are the last axis."""
    subsets = masses.shape[-1] if masses.ndim else 0
    if subsets < 2 or subsets & (subsets - 1):
        raise ValueError(f"{name} must have shape (..., 2^n), one entry for each subset, got {masses.shape}")
    return subsets.bit_length() - 1


def _mass_checks(name: str, masses: Array) -> tuple[_checks.Check, ...]:
    with _checks.evaluated_now(masses):
        empty = masses[..., 0]
        nothing = _checks.Check(
            empty == 0, f"{name} must be zero on the empty set, entry 0", lambda: f"{np.asarray(empty)}"
        )
    return _checks.distribution(name, masses), nothing


@functools.partial(jax.jit, static_argnums=0)
def _along_outcomes(matrix: tuple[tuple[int, ...], ...], values: Array) -> Array:
    """A matrix, of shape (rows, k), applied to every one of the n axes of length k that the last axis is made of.

    Matrices of zeros, ones and minus ones; the new last axis has rows^n entries.
    """
    k = len(matrix[0])
    batch, outcomes = values.shape[:-1], 0
    while k**outcomes < values.shape[-1]:
        outcomes += 1
    for outcome in range(outcomes):
        # Axes before this one, from the highest bit on, have been mapped.
        values = values.reshape(*batch, len(matrix) ** outcome, k, k ** (outcomes - outcome - 1))
        rows = [sum(sign * values[..., j, :] for j, sign in enumerate(row) if sign) for row in matrix]
        values = jnp.stack(rows, axis=-2)
    return values.reshape(*batch, len(matrix) ** outcomes)


# Entry 0 of an axis: subsets without the outcome; entry 1: subsets with it.
_OVER_SUBSETS = ((1, 0), (1, 1))
_OVER_SUPERSETS = ((1, 1), (0, 1))
_FROM_SUPERSETS = ((1, -1), (0, 1))
# An outcome is in B and C when it is in both. The sets without it are pairs (without, any) and (with, without).
_LEFT = ((1, 0), (0, 1), (0, 1))
_RIGHT = ((1, 1), (1, 0), (0, 1))
_MEET = ((1, 1, 0), (0, 0, 1))


@jax.jit
def _intersect(a: Array, b: Array) -> Array:
    """sum of a(B) b(C) over B and C whose intersection is A, from 3^n products and no difference."""
    return _along_outcomes(_MEET, _along_outcomes(_LEFT, a) * _along_outcomes(_RIGHT, b))


# ---------------------------------------------------------------------------------------------------- one mass function


def belief(masses: Real[ArrayLike, "*batch subsets"]) -> Float[Array, "*batch subsets"]:
    """How far the evidence supports every subset, Bel(A) = sum of m(B) over B in A.

    Args:
        masses: m, shape (..., 2^n).

    Returns:
        Beliefs by subset, shape (..., 2^n); 0 for the empty set, 1 for the frame.

    Raises:
        ValueError: the last axis is no power of two, or the masses are negative, do not sum to one or lie on the empty
            set.

    Differentiable in the masses.
    """
    masses = _checks.as_float("masses", masses)
    _frame_size("masses", masses)
    return _checks.enforce(_along_outcomes(_OVER_SUBSETS, masses), *_mass_checks("masses", masses))


def plausibility(masses: Real[ArrayLike, "*batch subsets"]) -> Float[Array, "*batch subsets"]:
    """How far the evidence does not speak against every subset, Pl(A) = 1 - Bel(not A).

    Args:
        masses: m, shape (..., 2^n).

    Returns:
        Plausibilities by subset, shape (..., 2^n), nowhere below the belief.

    Raises:
        ValueError: as `belief`.

    Differentiable in the masses.
    """
    return 1 - belief(masses)[..., ::-1]


def commonality(masses: Real[ArrayLike, "*batch subsets"]) -> Float[Array, "*batch subsets"]:
    """The mass that can move freely to every subset, Q(A) = sum of m(B) over B that contain A.

    Dempster's rule multiplies commonalities, up to a factor.

    Args:
        masses: m, shape (..., 2^n).

    Returns:
        Commonalities by subset, shape (..., 2^n); 1 for the empty set.

    Raises:
        ValueError: as `belief`.

    Differentiable in the masses.
    """
    masses = _checks.as_float("masses", masses)
    _frame_size("masses", masses)
    return _checks.enforce(_along_outcomes(_OVER_SUPERSETS, masses), *_mass_checks("masses", masses))


def pignistic(masses: Real[ArrayLike, "*batch subsets"]) -> Float[Array, "*batch outcomes"]:
    """The probabilities on which to bet, BetP(w) = sum of m(A) / |A| over A that contain w.

    Args:
        masses: m, shape (..., 2^n).

    Returns:
        A distribution over the outcomes, shape (..., n), between belief and plausibility.

    Raises:
        ValueError: as `belief`.

    Differentiable in the masses. Source: Smets and Kennes 1994.
    """
    masses = _checks.as_float("masses", masses)
    n = _frame_size("masses", masses)
    contains = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    shares = contains / np.maximum(contains.sum(axis=1, keepdims=True), 1)
    return _checks.enforce(
        jnp.matmul(masses, jnp.asarray(shares, masses.dtype), precision="highest"), *_mass_checks("masses", masses)
    )


def discount(
    masses: Real[ArrayLike, "*batch subsets"], reliability: Real[ArrayLike, "*#batch"] | RealScalar
) -> Float[Array, "*batch subsets"]:
    """Evidence of a source that is right only so often: r m(A), and 1 - r + r m(frame) for the frame.

    Args:
        masses: m, shape (..., 2^n).
        reliability: r in [0, 1], shape (...) or broadcastable to it; 1 keeps the masses, 0 leaves only ignorance.

    Returns:
        Masses, shape (..., 2^n). Discounting by r1 and then by r2 is discounting by r1 r2.

    Raises:
        ValueError: as `belief`, shapes do not fit, or a reliability is outside [0, 1].

    Differentiable in both.
    """
    masses, reliability = _checks.as_floats(masses=masses, reliability=reliability)
    _frame_size("masses", masses)
    r = _checks.broadcastable("reliability", reliability, masses.shape[:-1])[..., None]
    value = (r * masses).at[..., -1].add(jnp.broadcast_to(1 - r, (*masses.shape[:-1], 1))[..., 0])
    inside = _checks.within("reliability", reliability, 0, 1, "in [0, 1]")
    return _checks.enforce(value, *_mass_checks("masses", masses), inside)


# ------------------------------------------------------------------------------------------------------------ Dempster


def dempster_combine(
    first: Real[ArrayLike, "*batch subsets"], second: Real[ArrayLike, "*batch subsets"]
) -> Combination:
    """Two independent pieces of evidence together, m(A) = sum of m1(B) m2(C) over B and C that meet in A, over 1 - K.

    K is that sum for the empty set. Every term is a product of masses: nothing cancels.

    Args:
        first: m1, shape (..., 2^n).
        second: m2, the same shape.

    Returns:
        The masses and the conflict K.

    Raises:
        ValueError: as `belief`, the shapes differ, or the pieces contradict each other wholly (K = 1).

    Differentiable in both. The pieces may be exchanged, and the grouping of several does not matter. Source: Dempster
    1967.
    """
    first, second = _checks.as_floats(first=first, second=second)
    _frame_size("first", first)
    _checks.require_same_shape(first=first, second=second)
    return _enforce_possible(*_combined(_enforced("first", first), _enforced("second", second)))


@jax.jit
def _combined(first: Array, second: Array) -> tuple[Combination, Array]:
    """The combination, and whether there is one."""
    joint = _intersect(first, second)
    agreement = jnp.sum(joint[..., 1:], axis=-1)
    possible = agreement > 0
    safe = jnp.where(possible, agreement, 1)
    value = joint.at[..., 0].set(0) / safe[..., None]
    return Combination(value, joint[..., 0], jnp.log(safe)), possible


def dempster_combine_many(masses: Real[ArrayLike, "*batch pieces subsets"]) -> Combination:
    """Any number of independent pieces of evidence together, by Dempster's rule.

    The logarithms of the pieces' commonalities are summed, log Q(A) = sum_i log Q_i(A) + const., and the masses are
    m(A) = sum of (-1)^|B - A| Q(B) over B that contain A. In logarithms ten thousand pieces that contradict each other
    keep what weighs more; one by one, certainty of the one would be reached and then refuted.

    Args:
        masses: m_i, shape (..., pieces, 2^n).

    Returns:
        The masses, right to rounding of the largest of them, and the conflict of all pieces.

    Raises:
        ValueError: as `belief`, there is no axis of pieces, or no outcome is possible to all pieces (K = 1).

    Differentiable in the masses.
    """
    masses = _checks.as_float("masses", masses)
    _frame_size("masses", masses)
    if masses.ndim < 2 or masses.shape[-2] < 1:
        raise ValueError(f"masses must have shape (..., pieces, 2^n) with at least one piece, got {masses.shape}")
    return _enforce_possible(*_combined_many(_enforced("masses", masses)))


@jax.jit
def _combined_many(masses: Array) -> tuple[Combination, Array]:
    """The combination, and whether there is one."""
    logs, factor = _log_products(_along_outcomes(_OVER_SUPERSETS, masses))
    open_sets = jnp.where(factor > 0, logs, -jnp.inf)[..., 1:]
    top = jnp.max(open_sets, axis=-1)
    possible = top > -jnp.inf
    top = jax.lax.stop_gradient(jnp.where(possible, top, 0))
    commonalities = weighted_exp(factor, logs - top[..., None])
    parts = _without_rounding_below_zero(_along_outcomes(_FROM_SUPERSETS, commonalities).at[..., 0].set(0))
    total = jnp.where(possible, jnp.sum(parts, axis=-1), 1)
    log_agreement = jnp.log(total) + top
    return Combination(parts / total[..., None], -jnp.expm1(log_agreement), log_agreement), possible


def _log_products(values: Array) -> tuple[Array, Array]:
    """Products over the axis before the last: the logarithm of that of the factors that are not zero, and that of the
    zeros, which is 1 where there are none, and else 0 with the right slope.
    """
    zero = values == 0
    logs = jnp.sum(jnp.log(jnp.where(zero, 1, values)), axis=-2)
    factor = jnp.prod(jnp.where(zero, values, 1), axis=-2)
    return logs, factor


def _without_rounding_below_zero(parts: Array) -> Array:
    """Differences that should not be negative, those that rounding left below zero set to zero; the slopes are kept."""
    return parts + jax.lax.stop_gradient(jnp.maximum(parts, 0) - parts)


def _enforced(name: str, masses: Array) -> Array:
    """Masses, all NaN where they are none: so that the gradients of entries that the result does not read are too."""
    return _checks.enforce(masses, *_mass_checks(name, masses))


def _enforce_possible(combination: Combination, possible: Array) -> Combination:
    words = "the pieces of evidence must not contradict each other wholly"
    return _checks.enforce(combination, _checks.Check(possible, words, lambda: "a conflict K = 1"))


# ------------------------------------------------------------------------------------------------------ simple supports


def pool_supports(
    log_doubt_for: Real[ArrayLike, "*batch"], log_doubt_against: Real[ArrayLike, "*batch"]
) -> Combination:
    """Evidence for and against one statement, in closed form: P = 1 - exp(l_for), Q = 1 - exp(l_against), K = P Q.

    Pieces that each support one side to the degree s_i and leave the rest open have l = sum_i log(1 - s_i). Dempster's
    rule then gives m(for) = P (1 - Q) / (1 - K), m(against) = Q (1 - P) / (1 - K), m(open) = (1 - P)(1 - Q) / (1 - K).

    Args:
        log_doubt_for: l_for <= 0, log of the product of 1 - s_i over the pieces for the statement; 0 if there is none,
            -inf if one is certain.
        log_doubt_against: l_against, likewise of those against it, the same shape.

    Returns:
        Masses on the subsets {}, {for}, {against}, {for, against}, shape (..., 4), and the conflict K.

    Raises:
        ValueError: shapes differ, a logarithm is positive, or both sides are certain.

    Differentiable in both where they are finite. Stable for any number of pieces: only the difference of the logarithms
    decides between the sides.
    """
    yes, no = _checks.as_floats(log_doubt_for=log_doubt_for, log_doubt_against=log_doubt_against)
    _checks.require_same_shape(log_doubt_for=yes, log_doubt_against=no)
    possible = jnp.maximum(yes, no) > -jnp.inf
    top = jax.lax.stop_gradient(jnp.where(possible, jnp.maximum(yes, no), 0))
    # All is divided by exp(top), so that the largest part is about one.
    parts = [
        jnp.zeros_like(yes),
        -jnp.expm1(yes) * jnp.exp(no - top),
        -jnp.expm1(no) * jnp.exp(yes - top),
        jnp.exp(jnp.minimum(yes, no)) * jnp.exp(jnp.maximum(yes, no) - top),
    ]
    total = jnp.where(possible, sum(parts), 1)
    value = jnp.stack(parts, axis=-1) / total[..., None]
    combination = Combination(value, jnp.expm1(yes) * jnp.expm1(no), jnp.log(total) + top)
    ndim = yes.ndim
    checks = [
        _checks.within(name, x, -jnp.inf, 0, "a logarithm of at most 0", batch_ndim=ndim)
        for name, x in (("log_doubt_for", yes), ("log_doubt_against", no))
    ]
    words = "log_doubt_for or log_doubt_against must be finite"
    return _checks.enforce(combination, *checks, _checks.Check(possible, words, lambda: "both sides certain"))


def simple_support_pool(
    n_for: Real[ArrayLike, "*batch"], n_against: Real[ArrayLike, "*batch"], alpha: RealScalar
) -> Float[Array, "*batch 4"]:
    """Equal pieces of evidence for and against one statement: `pool_supports` of n log(1 - alpha) on each side.

    Args:
        n_for: number n+ >= 0 of pieces with m({for}) = alpha and the rest open.
        n_against: number n- of those with m({against}) = alpha, the same shape.
        alpha: what a piece is worth, in (0, 1).

    Returns:
        Masses on {}, {for}, {against}, {for, against}, shape (..., 4).

    Raises:
        ValueError: shapes differ, a number is negative or not finite, or alpha is outside (0, 1).

    Differentiable in alpha, and in the numbers, which may be weights. Source: arXiv 2502.14631.
    """
    n_for, n_against, alpha = _checks.as_floats(n_for=n_for, n_against=n_against, alpha=alpha)
    _checks.require_same_shape(n_for=n_for, n_against=n_against)
    _checks.require_ndim("alpha", alpha, 0, "()")
    inside = _checks.Check((alpha > 0) & (alpha < 1), "alpha must be in (0, 1)", lambda: f"{alpha}")
    doubt = jnp.log1p(-_checks.enforce(alpha, inside))
    yes, no = (
        _checks.enforce(n, _checks.nonnegative(name, n, batch_ndim=n.ndim))
        for name, n in (("n_for", n_for), ("n_against", n_against))
    )
    return pool_supports(yes * doubt, no * doubt).value
