"""Success with several attempts: pass@k from samples, from probabilities, and the best way to spend attempts."""

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Int, Real, RealScalar


def pass_at_k(
    num_correct: Int[ArrayLike, "*batch"], *, num_samples: int, k: int, unbiased: bool = True
) -> Float[Array, "*batch"]:
    """pass@k: the probability that one of k answers is right, from c right ones among n, one value a problem.

    Unbiased: 1 - C(n - c, k) / C(n, k), the chance that k of the n answers drawn without replacement hold a right one,
    as 1 - prod_{i < k} (1 - c / (n - i)). Otherwise the plug-in 1 - (1 - c / n)^k, which is too low on average.
    Average over problems for the figure of a benchmark.

    Args:
        num_correct: c, integers from 0 to n, any shape.
        num_samples: n, at least 1.
        k: attempts, at least 1; for the unbiased estimate at most n.
        unbiased: which estimate.

    Returns:
        Estimates in [0, 1] of the default float, the shape of num_correct.

    Raises:
        ValueError: c leaves [0, n], n is below 1, or k is below 1 or, unbiased, above n.
        TypeError: num_correct is not of integers, or n or k is no integer.

    Counts have no gradients; `answer_coverage` has. Source: arXiv 2107.03374, equation 1.
    """
    _checks.require_integer("num_samples", num_samples, minimum=1)
    _checks.require_integer("k", k, minimum=1, maximum=num_samples if unbiased else None)
    c = jnp.asarray(num_correct)
    if not jnp.issubdtype(c.dtype, jnp.integer):
        raise TypeError(f"num_correct must be of integers, got dtype {c.dtype}")
    ok = _checks.within("num_correct", c, 0, num_samples, f"from 0 to {num_samples}", batch_ndim=c.ndim)
    counts = c.astype(jnp.result_type(float))
    if not unbiased:
        return _checks.enforce(_coverage(counts / num_samples, jnp.asarray(k, counts.dtype)), ok)
    left = jnp.arange(num_samples, num_samples - k, -1).astype(counts.dtype)
    share = jnp.minimum(counts[..., None] / left.reshape((1,) * c.ndim + (k,)), 1)  # 1: too few wrong ones for k
    return _checks.enforce(-jnp.expm1(jnp.sum(jnp.log1p(-share), axis=-1)), ok)


def answer_coverage(p: Real[ArrayLike, "*batch"], num_samples: RealScalar) -> Float[Array, "*batch"]:
    """1 - (1 - p)^N: the probability that one of N independent answers is right, each with probability p.

    Args:
        p: probabilities of a right answer, any shape.
        num_samples: N, at least 1, not necessarily an integer.

    Returns:
        The coverage, the shape of p.

    Raises:
        ValueError: p leaves [0, 1], or N is below 1 or not finite.

    Differentiable in p and, below p = 1, in N. Source: arXiv 2502.07154.
    """
    given = _checks.as_float("p", p)
    inside = _checks.within("p", given, 0, 1, "in [0, 1]", batch_ndim=given.ndim)
    p = _checks.accumulated(given)
    n, at_least_one = _samples(num_samples, p.dtype)
    return _checks.enforce(_coverage(p, n).astype(given.dtype), inside, at_least_one)


def optimal_pass_at_n_policy(
    candidates: Real[ArrayLike, "*batch m"], num_samples: RealScalar
) -> Float[Array, "*batch m"]:
    """How often to answer what, with N attempts: argmax_q sum_k a_k (1 - (1 - q_k)^N) over distributions q.

    q_k = max(0, 1 - c a_k^(-1 / (N - 1))), with c such that they sum to one. At N = 1 the likeliest candidate takes
    all (equal ones share); as N grows the candidates with any probability tend to equal shares: confidence must be
    limited, the more the more one may try.

    Args:
        candidates: a, the probability that each candidate is the right one, shape (..., m), non-negative, not all 0.
        num_samples: N, at least 1, not necessarily an integer.

    Returns:
        q, shape (..., m).

    Raises:
        ValueError: there is no candidate, a is negative, not finite or all 0, or N is below 1 or not finite.

    Differentiable in a and N above 1 where no candidate is about to drop out. Source: the optimum of the coverage of
    arXiv 2502.07154 by the conditions of Karush, Kuhn and Tucker.
    """
    given = _checks.as_float("candidates", candidates)
    if given.ndim < 1 or given.shape[-1] < 1:
        raise ValueError(f"candidates must have shape (..., m) with m >= 1, got {given.shape}")
    a = _checks.accumulated(given)
    n, at_least_one = _samples(num_samples, a.dtype)
    batch_ndim = a.ndim - 1
    largest = jnp.max(a, axis=-1)
    some = _checks.positive("the largest of candidates", largest, batch_ndim=batch_ndim)
    checks = (_checks.nonnegative("candidates", a, batch_ndim=batch_ndim), some, at_least_one)
    # Candidates that take no part have no gradient that a NaN of the result would reach, so arguments are checked too.
    a, n = _checks.enforce((a, jnp.broadcast_to(n, a.shape)), *checks)
    return _checks.enforce(_fill(a, largest[..., None], n).astype(given.dtype), *checks)


def _coverage(p: Array, n: Array) -> Array:
    certain = p == 1
    return jnp.where(certain, jnp.where(n > 1, 1, p), -jnp.expm1(n * jnp.log1p(-jnp.where(certain, 0, p))))


def _fill(a: Array, largest: Array, n: Array) -> Array:
    """The optimum from w_k = (a_max / a_k)^(1 / (N - 1)): the m smallest w count, m the most for which q stays >= 0."""
    possible, several = a > 0, n > 1
    behind = jnp.where(possible, jnp.log(largest) - jnp.log(jnp.where(possible, a, 1)), 0)
    log_w = behind * jnp.where(several, 1 / jnp.where(several, n - 1, 1), 0)
    finite = possible & (log_w < jnp.log(jnp.finfo(a.dtype).max)) & (several | (behind == 0))
    w = jnp.where(finite, jnp.exp(jnp.where(finite, log_w, 0)), jnp.inf)
    ordered = jnp.sort(jax.lax.stop_gradient(w), axis=-1)
    rank = jax.lax.broadcasted_iota(w.dtype, w.shape, w.ndim - 1)
    inside = jnp.isfinite(ordered) & (rank * ordered <= jnp.cumsum(jnp.where(jnp.isfinite(ordered), ordered, 0), -1))
    count = jnp.sum(inside, axis=-1, keepdims=True)
    threshold = jnp.take_along_axis(ordered, jnp.maximum(count - 1, 0), axis=-1)
    active = finite & (w <= threshold)
    kept = jnp.where(active, w, 0)
    level = (jnp.sum(active, axis=-1, keepdims=True) - 1).astype(w.dtype) / jnp.sum(kept, axis=-1, keepdims=True)
    return jnp.where(active, 1 - level * kept, 0)


def _samples(value: RealScalar, dtype: jnp.dtype) -> tuple[Array, _checks.Check]:
    (n,) = _checks.as_numbers(num_samples=value)
    return n.astype(dtype), _checks.within("num_samples", n, 1, jnp.finfo(n.dtype).max, "at least 1 and finite")
