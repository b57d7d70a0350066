"""Losses for models that may answer many times: the probability that one of N answers is right."""

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Real, RealScalar


def dco_loss(
    log_prob: Real[ArrayLike, "*batch"],
    num_samples: RealScalar,
    *,
    where: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "*batch"]:
    """Direct coverage optimisation: -log(1 - (1 - p)^N), p the probability of the whole right answer.

    The surprise that one of N independent answers is right; cross-entropy at N = 1. Its gradient is that of
    cross-entropy times `dco_factor`, which fades once p is some 1 / N: the model keeps trying other answers.

    Args:
        log_prob: log p, at most 0, of whole answers: sum a sequence's tokens first. Any shape.
        num_samples: N, at least 1, not necessarily an integer.
        where: which answers count, broadcastable to the shape of log_prob; the others give 0 and no gradient.

    Returns:
        The losses in nats, the shape of log_prob, float32 for lower precision; accurate from p = 0, where it is
        infinite, to p = 1, where it is 0.

    Raises:
        ValueError: log_prob is positive beyond rounding, N is below 1 or not finite, or where does not fit.
        TypeError: where is not boolean.

    Differentiable in log_prob and N. Source: arXiv 2502.07154.
    """
    log_p, kept, checks = _answers(log_prob, where)
    n, at_least_one = _samples("num_samples", num_samples, log_p)
    return _checks.enforce(_masked(_loss(log_p, jnp.broadcast_to(n, log_p.shape)), kept), *checks, at_least_one)


def dco_factor(log_prob: Real[ArrayLike, "*batch"], num_samples: RealScalar) -> Float[Array, "*batch"]:
    """F = N p (1 - p)^(N - 1) / (1 - (1 - p)^N): the gradient of `dco_loss` over that of cross-entropy.

    1 at N = 1 and as N p -> 0, and falls in p and N. Where log p can only be estimated, as by the share of right
    answers among sampled chains of thought, weigh the cross-entropy of each by jax.lax.stop_gradient of the factor.
    Answers with a small factor teach nothing: replace them in the batch.

    Args:
        log_prob: log p, at most 0, any shape.
        num_samples: N, at least 1.

    Returns:
        The factors in [0, 1], the shape of log_prob, float32 for lower precision.

    Raises:
        ValueError: log_prob is positive beyond rounding, or N is below 1 or not finite.

    Differentiable in log_prob, below 0, and in N. Source: arXiv 2502.07154.
    """
    log_p, _, checks = _answers(log_prob, None)
    n, at_least_one = _samples("num_samples", num_samples, log_p)
    return _checks.enforce(jnp.exp(_log_factor(log_p, jnp.broadcast_to(n, log_p.shape))), *checks, at_least_one)


def dco_step_loss(
    step_log_probs: Real[ArrayLike, "*batch k"],
    branching: RealScalar,
    *,
    where: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "*batch"]:
    """DCO step by step: sum_i -log(1 - (1 - p_i)^N), for proofs that a tree search with N branches a step finds.

    A proof of k steps then takes some N^k attempts, so that long proofs want few branches. `dco_loss` of the sum of
    the logarithms would treat the proof as one answer.

    Args:
        step_log_probs: log p_i of every right step given those before, at most 0, shape (..., k).
        branching: N, at least 1.
        where: which steps are there, broadcastable to (..., k); the others add 0 and have no gradient.

    Returns:
        The losses in nats, shape (...), float32 for lower precision.

    Raises:
        ValueError: there is no axis of steps, step_log_probs is positive beyond rounding, N is below 1 or not finite,
            or where does not fit.
        TypeError: where is not boolean.

    Differentiable in step_log_probs and N. Source: arXiv 2502.07154.
    """
    log_p, kept, checks = _answers(step_log_probs, where, name="step_log_probs")
    if log_p.ndim < 1:
        raise ValueError(f"step_log_probs must have shape (..., k), got {log_p.shape}")
    n, at_least_one = _samples("branching", branching, log_p)
    steps = _masked(_loss(log_p, jnp.broadcast_to(n, log_p.shape)), kept)
    checks = [check._replace(ok=jnp.all(check.ok, axis=-1)) for check in checks]
    return _checks.enforce(jnp.sum(steps, axis=-1), *checks, at_least_one)


@jax.custom_jvp
@jax.jit
def _loss(log_p: Array, n: Array) -> Array:
    """-log(1 - exp(-u)) with u = -N log(1 - p).

    For small u it is -log(N p) - log((u / N p) (1 - exp(-u)) / u), exact where p or exp(-u) is below the last digit.
    """
    u, small, correction = _parts(log_p, n)
    few = -jnp.log(n) - log_p - correction
    return jnp.where(small, few, -jnp.log1p(-jnp.exp(-jnp.where(small, 1, u))))


@_loss.defjvp
def _loss_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    """d / d log p = -F, d / d N = -(u / N) / (exp(u) - 1); both finite from p = 0 to 1."""
    log_p, n = primals
    u, _, _ = _parts(log_p, n)
    ordinary = (u > 0) & jnp.isfinite(u)
    v = jnp.where(ordinary, u, 1)
    by_n = -jnp.where(ordinary, v * jnp.exp(-v) / -jnp.expm1(-v), jnp.where(u > 0, 0, 1)) / n
    return _loss(log_p, n), -jnp.exp(_log_factor(log_p, n)) * tangents[0] + by_n * tangents[1]


@jax.jit
def _log_factor(log_p: Array, n: Array) -> Array:
    """log N + log p + (N - 1) log(1 - p) - log(1 - (1 - p)^N), without the large terms that cancel for small N p."""
    u, small, correction = _parts(log_p, n)
    missed = jnp.isfinite(u)
    certain = jnp.where(n > 1, -jnp.inf, 0)
    others = jnp.where(missed, -(1 - 1 / n) * jnp.where(missed, u, 0), certain)  # (N - 1) log(1 - p)
    many = jnp.log(n) + jnp.where(small, 0, log_p) - jnp.log(-jnp.expm1(-jnp.where(small, 1, u)))
    return others + jnp.where(small, -correction, many)


def _parts(log_p: Array, n: Array) -> tuple[Array, Array, Array]:
    """u = -N log(1 - p), whether it is at most 1, and there log(u / N p) + log((1 - exp(-u)) / u)."""
    p, certain = jnp.exp(log_p), log_p == 0
    far = log_p < -jnp.log(jnp.asarray(2, log_p.dtype))
    miss = -jnp.expm1(jnp.where(far | certain, -1, log_p))  # 1 - p, to the last digit near p = 1
    surprise = jnp.where(far, -jnp.log1p(-jnp.where(far, p, 0)), jnp.where(certain, jnp.inf, -jnp.log(miss)))
    u = n * surprise
    small = u <= 1
    v, q = jnp.where(small, u, 0), jnp.where(small, p, 0)
    # By series near 0, where a quotient has no gradient: p^2 underflows long before p.
    few = jnp.finfo(p.dtype).eps ** (1 / 3)
    q_near, v_near = q < few, v < few
    q_far, v_far = jnp.where(q_near, 0.5, q), jnp.where(v_near, 1, v)
    of_p = jnp.where(q_near, q * (1 / 2 + q * (5 / 24 + q / 8)), jnp.log(-jnp.log1p(-q_far) / q_far))
    of_u = jnp.where(v_near, v * (v / 24 - 1 / 2), jnp.log(-jnp.expm1(-v_far) / v_far))
    return u, small, of_p + of_u


def _answers(log_prob: object, where: object, name: str = "log_prob") -> tuple:
    log_p = _checks.accumulated(_checks.as_float(name, log_prob))
    kept = None
    if where is not None:
        kept = _checks.as_mask(where, log_p.shape)
        log_p = jnp.where(kept, log_p, 0)
    with _checks.evaluated_now(log_p):
        ok = ~(log_p > jnp.finfo(log_p.dtype).eps ** 0.5)  # NaN passes through
        largest = jnp.max(log_p, initial=-jnp.inf)
        got = lambda: f"{float(largest):.6g}"  # noqa: E731
    log_p = log_p - jax.lax.stop_gradient(jnp.maximum(log_p, 0))  # what rounding of a normaliser left above zero
    return log_p, kept, [_checks.Check(ok, f"{name} must be at most 0", got)]


def _masked(loss: Array, kept: Array | None) -> Array:
    return loss if kept is None else jnp.where(kept, loss, 0)


def _samples(name: str, value: RealScalar, log_p: Array) -> tuple[Array, _checks.Check]:
    (n,) = _checks.as_numbers(**{name: value})
    check = _checks.within(name, n, 1, jnp.finfo(n.dtype).max, "at least 1 and finite")
    return n.astype(log_p.dtype), check
