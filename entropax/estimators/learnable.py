"""Epiplexity: how much of the data a learner with bounded compute can turn into structure.

Prequential coding reads it off a loss curve, requential coding off the divergence between a teacher that trains on data
and a student that trains on the teacher's samples alone, and so could be replayed from a code of that length. The
second is a code of the model itself and never shrinks; the first needs one training run in place of two and sampling.
"""

import math

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, Scalar


def prequential_epiplexity(
    losses: Real[ArrayLike, "t"], tokens: Real[ArrayLike, "t"], *, base: int | float | None = 2
) -> Scalar:
    """Epiplexity of a trained model by prequential coding: the area between its loss curve and its end, in bits.

        S = sum_t (L_t - L_end) tokens_t / log(base), by the trapezoid rule.

    Coding the data on the way, each token with the model of its time, takes the area under the curve; the data given
    the final model takes L_end a token; the rest is what the model is worth. Losses must be those on *fresh* data, each
    seen once. A noisy last loss biases the area, which can even turn negative: smooth the curve first.

    Args:
        losses: loss in nats per token, shape (t,), t >= 1.
        tokens: tokens trained on when each loss was taken, ascending, shape (t,); only those that are scored count.
        base: base of the logarithm; 2 for bits, None for nats.

    Returns:
        S in units of log `base`; zero for a constant loss or a single one.

    Raises:
        ValueError: shapes differ, a loss is not finite, tokens fall or are negative, or base is not greater than 1.

    Differentiable in both. Source: arXiv 2601.03220, prequential estimator.
    """
    return prequential_curve(losses, tokens, base=base)[-1]


def prequential_curve(
    losses: Real[ArrayLike, "t"], tokens: Real[ArrayLike, "t"], *, base: int | float | None = 2
) -> Float[Array, "t"]:
    """`prequential_epiplexity` of the model at every checkpoint: the curve up to there, less the loss there.

    Args:
        losses: loss in nats per token on fresh data, shape (t,).
        tokens: tokens trained on, ascending, shape (t,).
        base: base of the logarithm; 2 for bits, None for nats.

    Returns:
        S at every checkpoint in units of log `base`, shape (t,); the first is zero.

    Raises:
        ValueError: as `prequential_epiplexity`.

    Differentiable in both. Source: arXiv 2601.03220, prequential estimator.
    """
    loss, seen = _checks.as_floats(losses=losses, tokens=tokens)
    _checks.require_ndim("losses", loss, 1, "(t,)")
    _checks.require_same_shape(losses=loss, tokens=seen)
    if loss.shape[0] < 1:
        raise ValueError(f"losses must hold a loss or more, got shape {loss.shape}")
    if not (base is None or base > 1):
        raise ValueError(f"base must be None (nats) or a number greater than 1, got {base!r}")
    ascending = jnp.all(seen[1:] >= seen[:-1]) & jnp.all(seen[:1] >= 0) & jnp.all(jnp.isfinite(seen))
    return _checks.enforce(
        _areas(loss, seen) / (1.0 if base is None else math.log(base)),
        _checks.finite("losses", loss),
        _checks.Check(ascending, "tokens must be non-negative and ascending", lambda: f"{seen}"),
    )


@jax.jit
def _areas(loss: Array, seen: Array) -> Array:
    # Summed by parts: the fall of the loss at a step, times the tokens coded before it at the higher loss.
    middle = (seen[1:] + seen[:-1]) / 2 - seen[0]
    area = jnp.cumsum((loss[:-1] - loss[1:]) * middle)
    return jnp.concatenate([jnp.zeros_like(loss[:1]), area])


def requential_epiplexity(
    teacher: Real[ArrayLike, "*samples v"], student: Real[ArrayLike, "*samples v"], *, base: int | float | None = 2
) -> Scalar:
    """Epiplexity of a student by requential coding: what the teacher's samples told it, in bits.

        S = sum over samples of KL(teacher || student) / log(base)

    A sample of the teacher costs the divergence of the two laws to send to whoever holds the student (relative-entropy
    coding; terms logarithmic in it are left out), and the student's training can be replayed from the samples sent.

    Args:
        teacher: logits of the teacher's law of every token it sampled, shape (..., v).
        student: logits of the student's for the same tokens, taken *before* it trains on them, shape (..., v).
        base: base of the logarithm; 2 for bits, None for nats.

    Returns:
        S in units of log `base`, never negative up to rounding.

    Raises:
        ValueError: shapes differ, a logit is NaN or +inf, or base is not greater than 1.

    Differentiable in both; -inf marks an impossible token (infinite where only the student excludes it). Source: arXiv
    2601.03220, requential estimator.
    """
    p, q = _checks.as_floats(teacher=teacher, student=student)
    if p.ndim < 1 or p.shape[-1] < 1:
        raise ValueError(f"teacher must have shape (..., v) with v >= 1, got {p.shape}")
    _checks.require_same_shape(teacher=p, student=q)
    if not (base is None or base > 1):
        raise ValueError(f"base must be None (nats) or a number greater than 1, got {base!r}")
    checks = [_are_logits(name, x) for name, x in (("teacher", p), ("student", q))]
    total = jnp.sum(row_divergences(*_checks.enforce((p, q), *checks)))
    return _checks.enforce(total / (1.0 if base is None else math.log(base)), *checks)


def _are_logits(name: str, x: Array) -> _checks.Check:
    with _checks.evaluated_now(x):
        ok = jnp.all(x < jnp.inf) & jnp.all(jnp.max(x, axis=-1) > -jnp.inf)
    return _checks.Check(ok, f"{name} must be finite or -inf, with a finite entry in every row", lambda: f"{x}")


@jax.jit
def row_divergences(p: Array, q: Array) -> Array:
    """KL of softmax(p) from softmax(q), row by row; the values are not checked.

    Args:
        p: logits, shape (..., n); -inf marks an impossible outcome.
        q: logits of the same shape.

    Returns:
        One divergence in nats a row, shape (...). Differentiable in both.
    """
    log_p, log_q = jax.nn.log_softmax(p), jax.nn.log_softmax(q)
    possible = p > -jnp.inf
    gap = jnp.where(possible, log_p, 0) - jnp.where(possible, log_q, 0)
    return jnp.sum(jnp.where(possible, jnp.exp(log_p), 0) * gap, axis=-1)
