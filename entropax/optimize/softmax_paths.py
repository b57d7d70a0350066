"""What a softmax does along a line of logits: the Taylor series of its log-partition, and divergences."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, RealScalar

_DIRECTIONS = ("forward", "reverse")
_TERMS = 16
_REMAINDER = [1 / math.factorial(k + 2) for k in range(_TERMS)]  # of (exp(x) - 1 - x) / x^2


def taylor_coefficients(
    z: Real[ArrayLike, "*batch n"], a: Real[ArrayLike, "*batch n"], *, order: int
) -> Float[Array, "*batch orders"]:
    """Coefficients c_0, c_1, ... of K(t) = log sum_k exp(z_k + a_k t) in powers of t.

    m! c_m is the m-th cumulant of a under softmax(z). |c_m|^(1/m) tends (through its largest values) to 1 / rho*, with
    rho* as `partition_zero` finds it. Computed by the recurrence of a power series' logarithm.

    Args:
        z: logits, shape (..., n).
        a: their rates of change, shape (..., n).
        order: the highest power.

    Returns:
        The coefficients, shape (..., order + 1). Of high order they are of the size of rho*^(-order): multiply a by
        rho* where that leaves the range of numbers.

    Raises:
        ValueError: shapes differ, there are fewer than two classes, an entry is not finite, or the order is negative.

    Differentiable in both. Source: arXiv 2603.13552.
    """
    _checks.require_integer("order", order, minimum=0)
    z, a, checks = _line(z, a)
    return _checks.enforce(log_partition_series(z, a, order), *checks)


def kl_path(
    z: Real[ArrayLike, "*batch n"], a: Real[ArrayLike, "*batch n"], tau: RealScalar, *, direction: str = "forward"
) -> Float[Array, "*batch"]:
    """Divergence between p(0) = softmax(z) and p(tau) = softmax(z + tau a).

    Forward, KL(p(0) || p(tau)) = K(tau) - K(0) - tau K'(0), the Bregman divergence of K, the log-partition: what the
    first-order expansion of the cross-entropy misses. Reverse, KL(p(tau) || p(0)). Computed without cancellation, so
    that small steps have their digits.

    Args:
        z: logits, shape (..., n).
        a: their rates of change, shape (..., n).
        tau: how far.
        direction: "forward" or "reverse".

    Returns:
        The divergence in nats, shape (...).

    Raises:
        ValueError: shapes differ, there are fewer than two classes, an entry or tau is not finite, or an unknown
            direction.

    Differentiable in z, a and tau. Source: arXiv 2603.13552, which names the directions the other way round.
    """
    _checks.require_option("direction", direction, _DIRECTIONS)
    z, a, checks = _line(z, a)
    (tau,) = _checks.as_numbers(tau=tau)
    checks = (*checks, _checks.finite("tau", tau))
    tau = tau.astype(z.dtype)
    if direction == "reverse":
        z, tau = z + tau * a, -tau
    return _checks.enforce(_divergence(z, tau * a), *checks)


def kl_path_quadratic(
    z: Real[ArrayLike, "*batch n"], a: Real[ArrayLike, "*batch n"], tau: RealScalar
) -> Float[Array, "*batch"]:
    """The leading term of both divergences of `kl_path`, tau^2 / 2 Var(a) under p(0) = softmax(z).

    Args:
        z: logits, shape (..., n).
        a: their rates of change, shape (..., n).
        tau: how far.

    Returns:
        The term in nats, shape (...). `kl_remainder_bound` says how far off it may be.

    Raises:
        ValueError: shapes differ, there are fewer than two classes, or an entry or tau is not finite.

    Differentiable in z, a and tau. Source: arXiv 2603.13552.
    """
    z, a, checks = _line(z, a)
    (tau,) = _checks.as_numbers(tau=tau)
    p = jax.nn.softmax(z, axis=-1)
    centred = a - jnp.sum(p * a, axis=-1, keepdims=True)
    half = jnp.sum(p * centred**2, axis=-1) / 2
    return _checks.enforce(tau.astype(z.dtype) ** 2 * half, *checks, _checks.finite("tau", tau))


def kl_remainder_bound(
    tau: Real[ArrayLike, "*shape"], spread: Real[ArrayLike, "*shape"], *, direction: str = "forward"
) -> Float[Array, "*shape"]:
    """How far `kl_path` may be from `kl_path_quadratic`, |tau|^3 Delta^3 / (36 sqrt 3) forward, twice that in reverse.

    Both hold at any tau. A variable of spread Delta has a third central moment of at most Delta^3 / (6 sqrt 3), reached
    by two values with probabilities (3 +- sqrt 3) / 6; it bounds K''', and the remainders are
    integral_0^tau (tau - s) (K''(s) - K''(0)) ds forward and integral_0^tau s (K''(s) - K''(0)) ds in reverse.

    Args:
        tau: how far, any shape.
        spread: Delta, as of `logit_spread`, the shape of tau or a number.
        direction: "forward", for KL(p(0) || p(tau)), or "reverse", for KL(p(tau) || p(0)).

    Returns:
        The bound in nats, the shape of tau.

    Raises:
        ValueError: shapes differ, tau is not finite, the spread is negative or not finite, or an unknown direction.

    Differentiable in both. Source: arXiv 2603.13552; its constant belongs to the reverse direction.
    """
    _checks.require_option("direction", direction, _DIRECTIONS)
    tau, spread = (_checks.accumulated(x) for x in _checks.as_floats(tau=tau, spread=spread))
    if spread.ndim:
        _checks.require_same_shape(tau=tau, spread=spread)
    constant = (36 if direction == "forward" else 18) * math.sqrt(3)
    bound = jnp.abs(tau * spread) ** 3 / constant
    return _checks.enforce(bound, _checks.finite("tau", tau), _checks.nonnegative("spread", spread))


def _line(
    z: Real[ArrayLike, "*batch n"], a: Real[ArrayLike, "*batch n"]
) -> tuple[Array, Array, tuple[_checks.Check, ...]]:
    z, a = (_checks.accumulated(x) for x in _checks.as_floats(z=z, a=a))
    if z.ndim < 1 or z.shape[-1] < 2:
        raise ValueError(f"z must have shape (..., n) with n >= 2 classes, got {z.shape}")
    _checks.require_same_shape(z=z, a=a)
    batch = z.ndim - 1
    return z, a, (_checks.finite("z", z, batch_ndim=batch), _checks.finite("a", a, batch_ndim=batch))


@functools.partial(jax.jit, static_argnums=2)
def log_partition_series(z: Array, a: Array, order: int) -> Array:
    """The coefficients of `taylor_coefficients`, unchecked.

    n f_n = sum_{j = 1}^n j c_j f_{n - j} with f_n = E[x^n] / n!, x = (a - mean) / scale, and f_0 = 1.

    Args:
        z: logits, shape (..., n).
        a: direction, of the same shape.
        order: highest power, static.

    Returns:
        c_0 to c_order, shape (..., order + 1), c_n of log sum_i exp(z_i + t a_i) = sum_n c_n t^n. Differentiable in z
        and a.
    """
    p = jax.nn.softmax(z, axis=-1)
    mean = jnp.sum(p * a, axis=-1, keepdims=True)
    x = a - mean
    # Powers of numbers of about 1: the constant scale cancels, in derivatives too.
    scale = jax.lax.stop_gradient(jnp.max(jnp.abs(x), axis=-1, keepdims=True)) / np.pi
    scale = jnp.where(scale > 0, scale, 1)
    x = x / scale

    def power(term: Array, n: Array) -> tuple[Array, Array]:
        term = term * x / n.astype(x.dtype)
        return term, jnp.sum(term, axis=-1)

    orders = jnp.arange(1, order + 1)
    _, f = jax.lax.scan(power, p, orders)
    f = jnp.concatenate([jnp.ones_like(f[:1]) if order else jnp.ones((1, *z.shape[:-1]), z.dtype), f])

    def coefficient(weighted: Array, n: Array) -> tuple[Array, Array]:
        j = jnp.arange(order + 1)
        earlier = ((j > 0) & (j < n)).reshape((-1,) + (1,) * (f.ndim - 1))
        product = jnp.where(earlier, weighted * f[jnp.clip(n - j, 0, order)], 0)
        c = f[n] - jnp.sum(product, axis=0) / n.astype(x.dtype)
        return weighted.at[n].set(c * n.astype(x.dtype)), c

    _, c = jax.lax.scan(coefficient, jnp.zeros_like(f), orders)
    c = jnp.moveaxis(c, 0, -1) * scale ** jnp.arange(1, order + 1).astype(x.dtype).reshape((1,) * (z.ndim - 1) + (-1,))
    if order:
        c = c.at[..., 0].add(mean[..., 0])
    return jnp.concatenate([jax.nn.logsumexp(z, axis=-1, keepdims=True), c], axis=-1)


@jax.jit
def _divergence(z: Array, step: Array) -> Array:
    """KL(softmax(z) || softmax(z + step)) = log E exp(x) with x = step - E step, as log(1 + E[exp(x) - 1 - x])."""
    p = jax.nn.softmax(z, axis=-1)
    x = step - jnp.sum(p * step, axis=-1, keepdims=True)
    near = jnp.max(jnp.abs(x), axis=-1) < 1
    small = jnp.where(near[..., None], x, 0)
    series = functools.reduce(lambda total, c: total * small + c, _REMAINDER[::-1], jnp.zeros_like(small))
    close = jnp.log1p(jnp.sum(p * small**2 * series, axis=-1))
    far = jax.nn.logsumexp(jax.nn.log_softmax(z, axis=-1) + x, axis=-1)
    return jnp.where(near, close, far)
