"""Whether a score puts the positive examples before the negative ones."""

import functools

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Real, RealScalar, Scalar

_ROWS_AT_ONCE = 64


def auroc(
    scores: Real[ArrayLike, "n"],
    positive: Bool[ArrayLike, "n"] | Real[ArrayLike, "n"],
    *,
    temperature: RealScalar | None = None,
    where: Bool[ArrayLike, "n"] | None = None,
) -> Scalar:
    """Area under the receiver operating characteristic: P(a positive's score exceeds a negative's), ties counting half.

    With `temperature` the step of every pair is relaxed to a sigmoid of (s_i - s_j) / temperature, which has gradients
    and tends to the step as the temperature tends to 0. Confidence as the score and correctness as the class tell how
    well a classifier knows when it is wrong.

    Args:
        scores: any numbers, shape (n,).
        positive: which examples are positive, booleans or zeros and ones, shape (n,).
        temperature: in units of the scores, positive; None for the hard form.
        where: which examples count, shape (n,), all by default.

    Returns:
        The area, in [0, 1], 0.5 for scores that say nothing; float32 for scores of lower precision.

    Raises:
        ValueError: shapes differ, a score is not finite, an entry of positive is neither 0 nor 1, one class is empty,
            or the temperature is not positive.
        TypeError: where is not boolean.

    Differentiable in scores and temperature in the relaxed form (n^2 time, n memory, the gradient included); the hard
    form is a step (n log n time). Source: Hanley and McNeil 1982.
    """
    s, c = map(_checks.accumulated, _checks.as_floats(scores=scores, positive=positive))
    _checks.require_ndim("scores", s, 1, "(n,)")
    _checks.require_same_shape(scores=s, positive=c)
    mask = _checks.as_mask(where, s.shape)
    s, c = jnp.where(mask, s, 0), jnp.where(mask, c, 0)
    above, below = c, jnp.where(mask, 1 - c, 0)
    with _checks.evaluated_now(c, mask):
        both = jnp.any(above > 0) & jnp.any(below > 0)
        binary = jnp.all((c == 0) | (c == 1))
    checks = [
        _checks.finite("scores", s),
        _checks.Check(binary, "positive must hold zeros and ones", lambda: f"{c}"),
        _checks.Check(both, "positive must hold both classes", lambda: "one"),
    ]
    if temperature is None:
        won = wins(jax.lax.stop_gradient(s), below)
    else:
        (t,) = _checks.as_numbers(temperature=temperature)
        t = t.astype(s.dtype)
        checks.append(_checks.positive("temperature", t))
        won = soft_wins(s, below, t)
    pairs = jnp.sum(above) * jnp.sum(below)
    return _checks.enforce(jnp.sum(above * won) / jnp.where(pairs > 0, pairs, 1), *checks)


def wins(s: Array, below: Array) -> Array:
    """How many negatives each score exceeds, ties counting half.

    Args:
        s: scores, shape (n,).
        below: one for every negative, else zero, shape (n,).

    Returns:
        Counts, shape (n,). Piecewise constant: `soft_wins` has gradients.
    """
    order = jnp.argsort(s)
    ordered = s[order]
    up_to = jnp.concatenate([jnp.zeros((1,), s.dtype), jnp.cumsum(below[order])])
    less, not_more = (jnp.searchsorted(ordered, s, side=side) for side in ("left", "right"))
    return (up_to[less] + up_to[not_more]) / 2


@jax.jit
def soft_wins(s: Array, below: Array, temperature: Array) -> Array:
    """The relaxed count, some rows of the matrix of pairs at a time; their values are computed anew for a gradient.

    Args:
        s: scores, shape (n,).
        below: one for every negative, else zero, shape (n,).
        temperature: in units of the scores.

    Returns:
        sum_j below_j sigmoid((s_i - s_j) / T), shape (n,); it tends to `wins` as T tends to 0.
    """

    @functools.partial(jax.checkpoint, prevent_cse=False)
    def row(score: Array) -> Array:
        return jnp.sum(below * jax.nn.sigmoid((score - s) / temperature))

    return jax.lax.map(row, s, batch_size=min(_ROWS_AT_ONCE, s.size))
