"""The comp-sum family: sum-exponential, cross-entropy, generalised cross-entropy and mean absolute error in one."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks, information
from entropax._typing import Array, ArrayLike, Bool, Float, Real, RealScalar, Scalar
from entropax.losses._classification import examples

_TERMS = 18
_COEFFICIENTS = 1 / np.cumprod(np.arange(1, _TERMS + 1, dtype=float))  # of expm1(x) / x: 1 / (k + 1)!


def comp_sum_loss(
    logits: Real[ArrayLike, "*batch n"],
    labels: Real[ArrayLike, "..."],
    tau: RealScalar = 1.0,
    *,
    where: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "*batch"]:
    """Comp-sum loss, (S^(1 - tau) - 1) / (1 - tau) with S = 1 / p_y = sum_k exp(h_k - h_y); log S at tau = 1.

    tau 0 is the sum-exponential loss 1 / p_y - 1, tau 1 cross-entropy, 1 < tau < 2 generalised cross-entropy with
    q = tau - 1, tau 2 the mean absolute error as 1 - p_y. Its gradient p_y^(tau - 1) (p - e_y) gives examples of small
    p_y more weight than cross-entropy below tau 1 and less above. Evaluated as a smooth function of tau across 1.

    Args:
        logits: scores h, shape (..., n).
        labels: integers of shape (...), or distributions of shape (..., n), for which the loss is the mean.
        tau: at least 0.
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses in nats, shape (...), float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, a label is out of range or no distribution,
            or tau is negative or not finite.
        TypeError: labels are neither integers nor floating, or where is not boolean.

    Differentiable in the logits, in labels that are distributions, and in tau. Below tau 1 the gradient of a badly
    misclassified example is unbounded. Source: arXiv 2304.07288.
    """
    given = examples(logits, labels, where)
    tau, checks = _index(tau, given.logits.dtype)
    log_sums = -jax.nn.log_softmax(given.logits, axis=-1)
    if given.of_class:
        return given.finish(_outer_of_log(given.pick(log_sums), 1 - tau), *checks)
    # Where Phi overflows so does its slope, and the zero of a class without probability times that would be NaN.
    in_reach = (1 - tau) * log_sums < jnp.log(jnp.finfo(log_sums.dtype).max)
    log_sums = jnp.where((given.labels > 0) | in_reach, log_sums, 0)
    return given.finish(given.pick(_outer_of_log(log_sums, 1 - tau)), *checks)


def comp_sum_outer(u: Real[ArrayLike, "*shape"], tau: RealScalar) -> Float[Array, "*shape"]:
    """The outer function, Phi(u) = ((1 + u)^(1 - tau) - 1) / (1 - tau); log(1 + u) at tau = 1.

    Concave and increasing in u, and non-increasing in tau: Phi'(u) = (1 + u)^(-tau).

    Args:
        u: at least 0, any shape.
        tau: at least 0.

    Returns:
        Phi(u), the shape of u.

    Raises:
        ValueError: an entry of u is negative or not finite, or tau is negative or not finite.

    Differentiable in u and tau. Source: arXiv 2304.07288.
    """
    u = _checks.accumulated(_checks.as_float("u", u))
    tau, checks = _index(tau, u.dtype)
    return _checks.enforce(_outer_of_log(jnp.log1p(u), 1 - tau), _checks.nonnegative("u", u), *checks)


def comp_sum_conditional_risk(p: Real[ArrayLike, "*batch n"], tau: RealScalar = 1.0) -> Float[Array, "*batch"]:
    """The least expected loss where labels have the distribution p, C* = inf_q sum_y p_y (q_y^(tau - 1) - 1)/(1 - tau).

    Below tau 2 it is reached by q proportional to p^(1 / (2 - tau)), which makes it the outer function of a Renyi
    entropy, C* = (exp((1 - tau) H_r) - 1) / (1 - tau) with r = 1 / (2 - tau): Shannon's entropy at tau 1. From tau 2 on
    it is (1 - max p) / (tau - 1). What a given q risks is `comp_sum_loss` with p for labels.

    Args:
        p: distributions, shape (..., n).
        tau: at least 0.

    Returns:
        C* in nats, shape (...).

    Raises:
        ValueError: p is no distribution, or tau is negative or not finite.

    Differentiable in p and tau; at tau 2 and beyond where the largest entry is unique. Source: arXiv 2304.07288.
    """
    given = _checks.as_float("p", p)
    if given.ndim < 1 or given.shape[-1] < 2:
        raise ValueError(f"p must have shape (..., n) with n >= 2 classes, got {given.shape}")
    check = _checks.distribution("p", given)
    p = _checks.accumulated(given)
    if p.dtype != given.dtype:  # what rounds to a distribution is none of a finer dtype
        p = p / jnp.sum(p, axis=-1, keepdims=True)
    tau, checks = _index(tau, p.dtype)
    smooth = _outer_of_log(information.renyi_entropy(p, _order(tau)), 1 - tau)
    kinked = (1 - jnp.max(p, axis=-1)) / jnp.maximum(tau - 1, 1)
    return _checks.enforce(jnp.where(tau < 2, smooth, kinked), check, *checks)


def h_consistency_transform(
    beta: Real[ArrayLike, "*shape"], tau: RealScalar = 1.0, *, num_classes: int
) -> Float[Array, "*shape"]:
    """T(beta): the least excess of conditional comp-sum risk that an excess beta of zero-one risk costs.

    With r = 1 / (2 - tau) and D the distance of the Renyi entropy H_r((1 + beta) / 2, (1 - beta) / 2) from log 2,

        T = c^(1 - tau) (1 - exp((tau - 1) D)) / (1 - tau),  c = 2 below tau 1 and n above; D itself at tau 1,

    and T = beta / ((tau - 1) n^(tau - 1)) from tau 2 on. Convex, zero at 0, increasing. For tau <= 2 and two classes it
    is the exact excess of a tie; above tau 2 it is loose.

    Args:
        beta: excess zero-one risk in [0, 1], any shape.
        tau: at least 0.
        num_classes: n.

    Returns:
        T(beta) in nats, the shape of beta.

    Raises:
        ValueError: beta leaves [0, 1], tau is negative or not finite, or there are fewer than two classes.

    Differentiable in beta below 1 and in tau away from 2. Source: arXiv 2304.07288, theorem of tightness.
    """
    _checks.require_integer("num_classes", num_classes, minimum=2)
    beta = _checks.accumulated(_checks.as_float("beta", beta))
    tau, checks = _index(tau, beta.dtype)
    beta = _checks.enforce(beta, _checks.within("beta", beta, 0, 1, "in [0, 1]"))
    return _checks.enforce(_transform(beta, tau, num_classes), *checks)


def h_consistency_bound(
    excess: Real[ArrayLike, "*shape"], tau: RealScalar = 1.0, *, num_classes: int
) -> Float[Array, "*shape"]:
    """The most excess zero-one risk that an excess of comp-sum risk allows: the inverse of `h_consistency_transform`.

    R_01(h) - R_01* + M_01 <= h_consistency_bound(R(h) - R* + M), with M the minimizability gaps, for hypothesis sets
    that are symmetric and complete. Up to tau 1 it does not depend on the number of classes; above it worsens as
    n^(tau - 1).

    Args:
        excess: R(h) - R* + M in nats, at least 0, any shape.
        tau: at least 0.
        num_classes: n.

    Returns:
        The bound in [0, 1], the shape of excess; 1 where excess exceeds T(1), so that nothing is said.

    Raises:
        ValueError: excess is negative or NaN, tau is negative or not finite, or there are fewer than two classes.

    Found by bisection, and differentiable in excess and tau by the inverse function's derivative, 1 / T'; the slope at
    0 is infinite below tau 2. Source: arXiv 2304.07288.
    """
    _checks.require_integer("num_classes", num_classes, minimum=2)
    excess, above = _excess(excess)
    tau, checks = _index(tau, excess.dtype)
    return _checks.enforce(_inverse(excess, tau, num_classes), above, *checks)


def h_consistency_relaxed_bound(
    excess: Real[ArrayLike, "*shape"], tau: RealScalar = 1.0, *, num_classes: int
) -> Float[Array, "*shape"]:
    """An upper bound of `h_consistency_bound` in closed form.

    sqrt(2^tau (2 - tau) t) below tau 1, sqrt(2 n^(tau - 1) t) up to 2, and from there on (tau - 1) n^(tau - 1) t, which
    is the bound itself.

    Args:
        excess: t in nats, at least 0, any shape.
        tau: at least 0.
        num_classes: n.

    Returns:
        The bound, the shape of excess; it may exceed 1.

    Raises:
        ValueError: excess is negative or NaN, tau is negative or not finite, or there are fewer than two classes.

    Differentiable in excess above 0, and in tau away from 1 and 2. Source: arXiv 2304.07288.
    """
    _checks.require_integer("num_classes", num_classes, minimum=2)
    t, above = _excess(excess)
    tau, checks = _index(tau, t.dtype)
    spread = num_classes ** (tau - 1)
    square = jnp.where(tau < 1, 2**tau * (2 - jnp.minimum(tau, 1)), 2 * spread) * t
    root = jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1)), 0)
    return _checks.enforce(jnp.where(tau < 2, root, (tau - 1) * spread * t), above, *checks)


def minimizability_gap_bound(
    sum_exponential_risk: RealScalar, p: Real[ArrayLike, "*batch n"], tau: RealScalar = 1.0
) -> Scalar:
    """An upper bound of the minimizability gap, Phi(R*_0) - mean C*(p): what a hypothesis set must lose to the best.

    By Jensen's inequality, as the outer function Phi is concave. With labels that are sure (one-hot p) it does not
    increase in tau.

    Args:
        sum_exponential_risk: R*_0, the least mean loss at tau 0 that the hypothesis set reaches.
        p: distributions of the labels, one an example, shape (..., n).
        tau: at least 0.

    Returns:
        The bound in nats.

    Raises:
        ValueError: the risk is negative, p is no distribution, or tau is negative or not finite.

    Differentiable in all. Source: arXiv 2304.07288.
    """
    (risk,) = _checks.as_numbers(sum_exponential_risk=sum_exponential_risk)
    ok = _checks.nonnegative("sum_exponential_risk", risk)
    least = jnp.mean(comp_sum_conditional_risk(p, tau))
    risk = _checks.enforce(risk.astype(least.dtype), ok)
    return _checks.enforce(comp_sum_outer(risk, tau) - least, ok)


def _outer_of_log(log_sum: Array, power: Array) -> Array:
    """(exp(a L) - 1) / a, and L at a = 0: the outer function of S = exp(L), smooth in a.

    Args:
        log_sum: L >= 0, infinity included.
        power: a = 1 - tau.
    """
    limited = jnp.where(jnp.isinf(log_sum), 0, log_sum)
    x = power * limited
    near = (jnp.abs(x) < 0.5) & (jnp.isfinite(log_sum) | (power == 0))
    x = jnp.where(near, x, 0)
    series = functools.reduce(lambda total, c: total * x + c, map(float, _COEFFICIENTS[::-1]), jnp.zeros_like(x))
    far = jnp.expm1(jnp.where(near, 1, power * jnp.where(near, 1, log_sum))) / jnp.where(power == 0, 1, power)
    return jnp.where(near, log_sum * series, far)


def _index(tau: RealScalar, dtype: jnp.dtype) -> tuple[Array, tuple[_checks.Check, ...]]:
    (tau,) = _checks.as_numbers(tau=tau)
    return tau.astype(dtype), (_checks.nonnegative("tau", tau),)


def _excess(excess: Any) -> tuple[Array, _checks.Check]:
    t = _checks.accumulated(_checks.as_float("excess", excess))
    above = _checks.within("excess", t, 0, np.inf, "at least 0")  # infinity says nothing, and is allowed
    # Enforced before, where branches would drop its gradient, and after, for the gradient by tau.
    return _checks.enforce(t, above), above


def _order(tau: Array) -> Array:
    """1 / (2 - tau), the order of the Renyi entropy; that of tau 1 where there is none."""
    return 1 / jnp.where(tau < 2, 2 - tau, 1)


def _transform(beta: Array, tau: Array, num_classes: int) -> Array:
    pair = jnp.stack([1 + beta, 1 - beta], axis=-1) / 2
    distance = np.log(2).astype(beta.dtype) - information.renyi_entropy(pair, _order(tau))
    base = jnp.where(tau < 1, 2, num_classes).astype(beta.dtype)
    below = base ** (1 - tau) * _outer_of_log(distance, tau - 1)
    return jnp.where(tau < 2, below, beta / (jnp.maximum(tau - 1, 1) * num_classes ** jnp.maximum(tau - 1, 1)))


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def _inverse(excess: Array, tau: Array, num_classes: int) -> Array:
    return _bisected(excess, tau, num_classes)


@functools.partial(jax.jit, static_argnums=2)
def _bisected(excess: Array, tau: Array, num_classes: int) -> Array:
    def halve(_: Array, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low + high) / 2
        small = _transform(middle, tau, num_classes) < excess
        return jnp.where(small, middle, low), jnp.where(small, high, middle)

    ends = jnp.zeros_like(excess), jnp.ones_like(excess)
    low, high = jax.lax.fori_loop(0, jnp.finfo(excess.dtype).nmant + 8, halve, ends)
    beyond = excess >= _transform(jnp.ones_like(excess), tau, num_classes)
    return jnp.where(jnp.isnan(excess), excess, jnp.where(beyond, 1, (low + high) / 2))


@_inverse.defjvp
def _inverse_jvp(num_classes: int, primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    excess, tau = primals
    beta = _inverse(excess, tau, num_classes)
    inside = (beta < 1) & (beta > 0)
    at = jnp.where(inside, beta, 0.5)
    slope = jax.jvp(lambda b: _transform(b, tau, num_classes), (at,), (jnp.ones_like(at),))[1]
    by_tau = jax.jvp(lambda t: _transform(at, t, num_classes), (tau,), (jnp.asarray(tangents[1], tau.dtype),))[1]
    # A factor, so that it spoils the gradient where the value is NaN.
    inverse_slope = jnp.where(jnp.isnan(beta), beta, jnp.where(inside, 1 / slope, 0))
    return beta, inverse_slope * (tangents[0] - by_tau)
