"""Free energies from work done out of equilibrium: the theorems of Jarzynski and Crooks, and a case in closed form."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.lax import stop_gradient

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Int, Real, RealScalar, Scalar
from entropax.information._numerics import safe_sqrt


class JarzynskiEstimate(eqx.Module):
    """A free energy difference from work in one direction.

    Attributes:
        value: the difference, in the unit of the work; biased upwards for few samples.
        standard_error: to first order in the scatter of exp(-beta W).
        effective_size: number of samples that carry the average, (sum w)^2 / sum w^2.
    """

    value: Scalar
    standard_error: Scalar
    effective_size: Scalar


class CrooksEstimate(eqx.Module):
    """A free energy difference from work in both directions.

    Attributes:
        value: the difference, in the unit of the work.
        standard_error: that of maximum likelihood, of first order; infinite where the directions do not overlap.
        converged: whether the root was found to the dtype's precision.
        iterations: steps of the search.
    """

    value: Scalar
    standard_error: Scalar
    converged: Bool[Array, ""]
    iterations: Int[Array, ""]


def _works(beta: Any, **works: Any) -> tuple[tuple[Array, ...], Array, tuple[_checks.Check, ...]]:
    *arrays, b = _checks.as_floats(**works, beta=beta)
    _checks.as_numbers(beta=b)
    for name, work in zip(works, arrays, strict=True):
        if work.ndim != 1 or work.shape[0] < 2:
            raise ValueError(f"{name} must have shape (n,) with n >= 2, got {work.shape}")
    finite = (_checks.finite(name, work) for name, work in zip(works, arrays, strict=True))
    return tuple(arrays), b, (_checks.positive("beta", b), *finite)


def jarzynski(work: Real[ArrayLike, "n"], beta: RealScalar) -> JarzynskiEstimate:
    """Free energy difference from work done on the system, dF = -log <exp(-beta W)> / beta.

    Args:
        work: W of n independent runs that start in equilibrium, shape (n,).
        beta: inverse temperature, positive.

    Returns:
        The estimate with its standard error. An effective size of a few samples means that neither is to be trusted.

    Raises:
        ValueError: shapes do not fit, a work is not finite, or beta is not positive.

    Differentiable in both arguments. Source: Jarzynski, cond-mat/9610209.
    """
    (W,), b, checks = _works(beta, work=work)
    count = jnp.asarray(W.shape[0], W.dtype)
    log_mean = jax.nn.logsumexp(-b * W) - jnp.log(count)
    weights = jnp.exp(-b * W - log_mean)
    spread = safe_sqrt(jnp.sum((weights - 1) ** 2) / (count - 1) / count)
    estimate = JarzynskiEstimate(-log_mean / b, spread / b, count**2 / jnp.sum(weights**2))
    return _checks.enforce(estimate, *checks)


def crooks(work_forward: Real[ArrayLike, "n"], work_reverse: Real[ArrayLike, "m"], beta: RealScalar) -> CrooksEstimate:
    """Free energy difference from work in both directions, by p_F(W) / p_R(-W) = exp(beta (W - dF)).

    The maximum-likelihood estimate (Bennett's acceptance ratio): the root dF of
    sum_F s(beta (dF - W) - M) = sum_R s(M - beta (dF + W)) with s the logistic function and M = log(n / m).

    Args:
        work_forward: W of n runs of the protocol, from equilibrium at its start, shape (n,).
        work_reverse: W of m runs of the reversed protocol, from equilibrium at its end, shape (m,).
        beta: inverse temperature, positive.

    Returns:
        The estimate with its standard error.

    Raises:
        ValueError: shapes do not fit, a work is not finite, or beta is not positive.

    `value` is differentiable in all arguments, implicitly and to second order. Source: Crooks, cond-mat/9901352;
    Bennett 1976; Shirts et al., Phys. Rev. Lett. 91, 140601 (2003).
    """
    (forward, reverse), b, checks = _works(beta, work_forward=work_forward, work_reverse=work_reverse)
    return _checks.enforce(_crooks(b * forward, b * reverse, b, _checks.validity(*checks)), *checks)


@jax.jit
def _crooks(forward: Array, reverse: Array, beta: Array, valid: Array) -> CrooksEstimate:
    """Of works in units of kT."""
    dtype = forward.dtype
    n, m = (jnp.asarray(work.shape[0], dtype) for work in (forward, reverse))
    offset = jnp.log(n / m)

    def terms(x: Array, forward: Array, reverse: Array) -> tuple[Array, Array]:
        """Logarithms of the terms of both sums: far from the other direction the terms themselves underflow."""
        return jax.nn.log_sigmoid(x - forward - offset), jax.nn.log_sigmoid(offset - x - reverse)

    def excess(x: Array, forward: Array, reverse: Array) -> tuple[Array, Array]:
        """Log of the forward sum less that of the reverse one, which increases with x, and its slope."""
        a, b = terms(x, forward, reverse)
        slope = -jax.nn.softmax(a) @ jnp.expm1(a) - jax.nn.softmax(b) @ jnp.expm1(b)
        return jax.nn.logsumexp(a) - jax.nn.logsumexp(b), slope

    fixed = stop_gradient((forward, reverse))
    # The root lies between the extremes of W forward and -W reverse. Newton's step, or a bisection where it leaves.
    low = jnp.minimum(jnp.min(fixed[0]), jnp.min(-fixed[1]))
    high = jnp.maximum(jnp.max(fixed[0]), jnp.max(-fixed[1]))
    resolution = 8 * jnp.finfo(dtype).eps * (1 + jnp.maximum(jnp.abs(low), jnp.abs(high)))

    def unfinished(carry: tuple[Array, ...]) -> Array:
        _, _, _, moved, count = carry
        return (moved > resolution) & (count < 200)

    def search(carry: tuple[Array, ...]) -> tuple[Array, ...]:
        x, low, high, _, count = carry
        value, slope = excess(x, *fixed)
        low, high = jnp.where(value < 0, x, low), jnp.where(value >= 0, x, high)
        step = x - value / jnp.where(slope > 0, slope, 1)
        inside = (slope > 0) & (step >= low) & (step <= high)
        new = jnp.where(inside, step, (low + high) / 2)
        return new, low, high, jnp.abs(new - x), count + 1

    start = (low + high) / 2, low, high, jnp.asarray(jnp.inf, dtype), jnp.zeros((), jnp.int32)
    root, _, _, moved, count = stop_gradient(jax.lax.while_loop(unfinished, search, start))
    # Chord steps from the fixed root leave it in place; each makes one more order of the derivatives right.
    left, slope = stop_gradient(excess(root, *fixed))
    x = root
    for _ in range(2):
        x = x - (excess(x, forward, reverse)[0] - left) / slope
    # The information in all the works, sum s (1 - s), less what knowing the two numbers of works alone would bring.
    information = sum(jnp.sum(jnp.exp(a) * -jnp.expm1(a)) for a in terms(x, forward, reverse))
    error = safe_sqrt(jnp.maximum(1 / information - 1 / n - 1 / m, 0)) / beta
    return CrooksEstimate(x / beta, error, (moved <= resolution) & valid, count)


def dragged_trap_work(
    stiffness: RealScalar, velocity: RealScalar, time: RealScalar, mobility: RealScalar, beta: RealScalar
) -> tuple[Scalar, Scalar]:
    """Mean and variance of the work of dragging a harmonic trap U = k (x - v t)^2 / 2 from equilibrium for a time t.

    The work is Gaussian, <W> = (v^2 / mu) (t - (1 - e^{-mu k t}) / (mu k)) and Var W = 2 <W> / beta, so that
    <e^{-beta W}> = 1: the trap keeps its free energy.

    Args:
        stiffness: k, positive.
        velocity: v of the trap.
        time: t, not negative.
        mobility: mu of the particle, positive.
        beta: inverse temperature, positive.

    Returns:
        The mean and the variance.

    Raises:
        ValueError: an argument has axes, or is out of range.

    Differentiable in all arguments. Source: arXiv 1105.5662; van Zon and Cohen, cond-mat/0212311.
    """
    k, v, t, mu, b = _checks.as_numbers(stiffness=stiffness, velocity=velocity, time=time, mobility=mobility, beta=beta)
    relaxed = mu * k * t
    # t - (1 - e^{-r t}) / r, without cancellation while it is short.
    short = relaxed < 0.01
    near = jnp.where(short, relaxed, 0)
    series = near * (1 / 2 - near * (1 / 6 - near * (1 / 24 - near * (1 / 120 - near / 720))))
    far = jnp.where(short, 1, relaxed)
    mean = v**2 / mu * t * jnp.where(short, series, 1 + jnp.expm1(-far) / far)
    checks = (
        _checks.positive("stiffness", k),
        _checks.finite("velocity", v),
        _checks.nonnegative("time", t),
        _checks.positive("mobility", mu),
        _checks.positive("beta", b),
    )
    return _checks.enforce((mean, 2 * mean / b), *checks)
