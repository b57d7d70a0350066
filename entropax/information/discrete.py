"""Entropies of one distribution."""

from typing import Any

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, RealScalar
from entropax.information._numerics import in_base, require_distributions, x_log_x
from entropax.information._orders import power_sum, renyi


def entropy(p: Real[ArrayLike, "*batch n"], *, base: int | float | None = None) -> Float[Array, "*batch"]:
    """Shannon entropy, H = -sum_i p_i log p_i.

    Args:
        p: probabilities, shape (..., n), each row summing to one.
        base: base of the logarithm; nats by default, 2 for bits.

    Returns:
        H, shape (...).

    Raises:
        ValueError: p has no axis, a negative entry, or does not sum to one; base is not greater than 1.

    Differentiable in p; where p_i = 0 (an infinite slope) the gradient is taken as zero. Source: Shannon 1948.
    """
    (p,) = require_distributions(p=p)
    return _checks.enforce(in_base(-jnp.sum(x_log_x(p), axis=-1), base), _checks.distribution("p", p))


def binary_entropy(p: Real[ArrayLike, "*shape"], *, base: int | float | None = None) -> Float[Array, "*shape"]:
    """Entropy of a coin, h = -p log p - (1 - p) log(1 - p), entry by entry.

    Args:
        p: probabilities of one outcome, any shape, in [0, 1].
        base: base of the logarithm; nats by default.

    Returns:
        h, the shape of p.

    Raises:
        ValueError: an entry is outside [0, 1]; base is not greater than 1.

    Differentiable in p; at 0 and 1 (infinite slopes) the gradient is that of the finite term alone.
    """
    p = _checks.as_float("p", p)
    # log1p keeps the accuracy of the second term for small p.
    inside = p < 1
    rest = jnp.where(inside, (1 - p) * jnp.log1p(-jnp.where(inside, p, 0)), 0)
    h = in_base(-x_log_x(p) - rest, base)
    return _checks.enforce(h, _checks.within("p", p, 0, 1, "in [0, 1]"))


def perplexity(p: Real[ArrayLike, "*batch n"]) -> Float[Array, "*batch"]:
    """exp of the Shannon entropy: the number of equally likely outcomes with the same entropy.

    Args:
        p: probabilities, shape (..., n), each row summing to one.

    Returns:
        The perplexity, shape (...), between 1 and n.

    Raises:
        ValueError: p has no axis, a negative entry, or does not sum to one.

    Differentiable in p, as `entropy`.
    """
    return jnp.exp(entropy(p))


def varentropy(p: Real[ArrayLike, "*batch n"]) -> Float[Array, "*batch"]:
    """Variance of the surprise, sum_i p_i (log p_i + H)^2.

    Args:
        p: probabilities, shape (..., n), each row summing to one.

    Returns:
        The variance in nats squared, shape (...).

    Raises:
        ValueError: p has no axis, a negative entry, or does not sum to one.

    Differentiable in p; zero entries take a zero gradient.
    """
    (p,) = require_distributions(p=p)
    positive = p > 0
    log_p = jnp.log(jnp.where(positive, p, 1))
    mean = jnp.sum(p * log_p, axis=-1, keepdims=True)
    variance = jnp.sum(jnp.where(positive, p * (log_p - mean) ** 2, 0), axis=-1)
    return _checks.enforce(variance, _checks.distribution("p", p))


def min_entropy(p: Real[ArrayLike, "*batch n"], *, base: int | float | None = None) -> Float[Array, "*batch"]:
    """Min-entropy, -log max_i p_i: Renyi's of infinite order.

    Args:
        p: probabilities, shape (..., n), each row summing to one.
        base: base of the logarithm; nats by default.

    Returns:
        The min-entropy, shape (...).

    Raises:
        ValueError: p has no axis, a negative entry, or does not sum to one; base is not greater than 1.

    Differentiable in p where the largest entry is unique.
    """
    (p,) = require_distributions(p=p)
    return _checks.enforce(in_base(-jnp.log(jnp.max(p, axis=-1)), base), _checks.distribution("p", p))


def renyi_entropy(
    p: Real[ArrayLike, "*batch n"], order: RealScalar, *, base: int | float | None = None
) -> Float[Array, "*batch"]:
    """Renyi entropy, H_a = log(sum_i p_i^a) / (1 - a).

    Its limits are included: order 0 is the log of the support's size (Hartley), 1 Shannon's entropy, infinity the
    min-entropy. Near order 1 it is evaluated as a smooth function of the order, with correct gradients in p and a.

    Args:
        p: probabilities, shape (..., n), each row summing to one.
        order: a >= 0, infinity included.
        base: base of the logarithm; nats by default.

    Returns:
        H_a, shape (...).

    Raises:
        ValueError: p is no distribution, the order is negative or NaN, or base is not greater than 1.

    Differentiable in p and, at finite order, in the order. Zero entries have the true one-sided slope above order 1
    and, where that is infinite (0 < a <= 1), take a zero gradient. Source: Renyi 1961.
    """
    p, a = _checks.as_floats(p=p, order=order)
    (p,) = require_distributions(p=p)
    _checks.require_ndim("order", a, 0, "()")
    order_ok = _checks.Check(a >= 0, "order must be at least 0", lambda: f"{a}")
    return _checks.enforce(in_base(-renyi(p, jnp.ones_like(p), a), base), _checks.distribution("p", p), order_ok)


def tsallis_entropy(p: Real[ArrayLike, "*batch n"], order: RealScalar) -> Float[Array, "*batch"]:
    """Tsallis entropy, S_q = (1 - sum_i p_i^q) / (q - 1); Shannon's at q = 1, evaluated smoothly across it.

    Args:
        p: probabilities, shape (..., n), each row summing to one.
        order: q >= 0, finite.

    Returns:
        S_q, shape (...).

    Raises:
        ValueError: p is no distribution, or the order is negative or not finite.

    Differentiable in p and in the order. Zero entries have the true one-sided slope above order 1 and, where that is
    infinite (0 < q <= 1), take a zero gradient. Source: Tsallis 1988.
    """
    p, q = _checks.as_floats(p=p, order=order)
    (p,) = require_distributions(p=p)
    _checks.require_ndim("order", q, 0, "()")
    value = -power_sum(p, jnp.ones_like(p), q - 1)
    return _checks.enforce(value, _checks.distribution("p", p), _checks.nonnegative("order", q))


def entropy_from_logits(
    logits: Real[ArrayLike, "*batch n"], *, base: int | float | None = None
) -> Float[Array, "*batch"]:
    """Shannon entropy of softmax(logits), with its gradient in closed form, dH/dz_i = -p_i (log p_i + H).

    Args:
        logits: unnormalised log-probabilities, shape (..., n); -inf marks an impossible outcome.
        base: base of the logarithm; nats by default.

    Returns:
        H, shape (...).

    Raises:
        ValueError: an entry is NaN or +inf, or a row has no finite entry; base is not greater than 1.

    Differentiable in the logits, at -inf too (gradient zero), to any order.
    """
    (z,) = require_distributions(logits=logits)
    ok = jnp.all(z < jnp.inf, axis=-1) & (jnp.max(z, axis=-1) > -jnp.inf)
    check = _checks.Check(ok, "logits must be finite or -inf, with a finite entry in every row", lambda: f"{z}")
    return _checks.enforce(in_base(_entropy_from_logits(z), base), check)


def _log_softmax(logits: Array) -> tuple[Array, Array]:
    """Probabilities, and their logarithms with 0 in place of -inf."""
    log_p = jax.nn.log_softmax(logits, axis=-1)
    possible = logits > -jnp.inf
    return jnp.where(possible, jnp.exp(log_p), 0), jnp.where(possible, log_p, 0)


@jax.custom_jvp
def _entropy_from_logits(logits: Array) -> Array:
    p, log_p = _log_softmax(logits)
    return -jnp.sum(p * log_p, axis=-1)


@_entropy_from_logits.defjvp
def _entropy_from_logits_jvp(primals: tuple[Any], tangents: tuple[Any]) -> tuple[Array, Array]:
    (logits,), (tangent,) = primals, tangents
    p, log_p = _log_softmax(logits)
    h = _entropy_from_logits(logits)
    return h, -jnp.sum(p * (log_p + h[..., None]) * tangent, axis=-1)
