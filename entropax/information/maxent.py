"""Distributions of maximum entropy under given means, by Newton's method on the convex dual.

Of all P with <f_k> = F_k the one closest to a prior q, min KL(P || q), is P(x) = q(x) exp(-lam . f(x)) / Z: here the
multipliers carry the sign of equilibrium, lam = (beta, -beta mu) for f = (energy, number). They minimise

    Psi(lam) = log Z(lam) + lam . F,    grad Psi = F - <f>,    Hessian = Cov(f),

and min Psi = -KL(P || q) (Jaynes 1957; arXiv 1105.5662).
"""

import functools
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.lax import stop_gradient

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, Scalar
from entropax.information._numerics import weighted_exp, weighted_logsumexp, x_log_x

_ARMIJO = 1e-4  # share of the predicted decrease that a step must bring
_LONGEST = 50.0  # nats by which a step may change a weight
_MOST_HALVINGS = 40


class MaximumEntropy(eqx.Module):
    """A distribution of maximum entropy, and how far it is to be trusted.

    Attributes:
        value: its entropy in nats.
        probabilities: P, shape (n,).
        multipliers: lam, shape (k,). Of redundant constraints the least ones, in units of the features' spread.
        log_partition: log Z = log sum_x q(x) exp(-lam . f(x)); q(x) = 1 without a prior.
        divergence: KL(P || q) in nats, from the uniform distribution without a prior.
        residual: largest |<f> - F| over the independent combinations of features, in units of their spread.
        rank: number of independent constraints; the others are redundant.
        infeasible: whether it is proven that no distribution on the prior's support has these means.
        converged: whether the constraints are met with finite multipliers. Not so for infeasible targets, and for
            those on the boundary of what is possible, where the multipliers are infinite.
        iterations: Newton steps done.
    """

    value: Scalar
    probabilities: Float[Array, "n"]
    multipliers: Float[Array, "k"]
    log_partition: Scalar
    divergence: Scalar
    residual: Scalar
    rank: Int[Array, ""]
    infeasible: Bool[Array, ""]
    converged: Bool[Array, ""]
    iterations: Int[Array, ""]


class _Solved(eqx.Module):
    """The dual's minimum, with the coordinates that it was found in."""

    multipliers: Array
    whitening: Array
    redundant: Array
    residual: Array
    infeasible: Array
    converged: Array
    iterations: Array


# ----------------------------------------------------------------------------------------------- exponential families


def _tilted(multipliers: Array, features: Array, prior: Array) -> Array:
    exponents = -features @ multipliers
    return weighted_exp(prior, exponents - weighted_logsumexp(exponents, prior))


def _arguments(
    features: Any, second: str, vector: Any, prior: Any
) -> tuple[Array, Array, Array, tuple[_checks.Check, ...]]:
    """f, the vector of k numbers and q (ones without a prior), with the checks of their values."""
    given = {} if prior is None else {"prior": prior}
    f, v, *rest = _checks.as_floats(features=features, **{second: vector}, **given)
    if f.ndim != 2 or min(f.shape) < 1:
        raise ValueError(f"features must have shape (n, k), got {f.shape}")
    _checks.require_shape(second, v, f.shape[1:])
    checks = [_checks.finite("features", f), _checks.finite(second, v)]
    if prior is None:
        return f, v, jnp.ones(f.shape[0], f.dtype), tuple(checks)
    _checks.require_shape("prior", rest[0], f.shape[:1])
    return f, v, rest[0], (*checks, _checks.distribution("prior", rest[0]))


def log_partition(
    features: Real[ArrayLike, "n k"], multipliers: Real[ArrayLike, "k"], prior: Real[ArrayLike, "n"] | None = None
) -> Scalar:
    """log Z = log sum_x q(x) exp(-lam . f(x)); its derivatives by lam are -<f> and Cov(f).

    Args:
        features: f, shape (n, k), one row a state.
        multipliers: lam, shape (k,).
        prior: q, shape (n,), summing to one; None counts every state once, q = 1.

    Returns:
        log Z in nats.

    Raises:
        ValueError: shapes do not fit, a value is not finite, or the prior is no distribution.

    Differentiable in all arguments, to any order. Source: arXiv 1105.5662.
    """
    f, lam, q, checks = _arguments(features, "multipliers", multipliers, prior)
    return _checks.enforce(weighted_logsumexp(-f @ lam, q), *checks)


def tilt(
    features: Real[ArrayLike, "n k"], multipliers: Real[ArrayLike, "k"], prior: Real[ArrayLike, "n"] | None = None
) -> Float[Array, "n"]:
    """The tilted distribution P(x) = q(x) exp(-lam . f(x)) / Z.

    Tilting a tilted distribution adds multipliers; a second constraint imposed this way breaks the first one unless
    all multipliers are found together (`maximum_entropy`).

    Args:
        features: f, shape (n, k), one row a state.
        multipliers: lam, shape (k,).
        prior: q, shape (n,), summing to one; uniform by default.

    Returns:
        P, shape (n,).

    Raises:
        ValueError: shapes do not fit, a value is not finite, or the prior is no distribution.

    Differentiable in all arguments, to any order. Source: arXiv 1105.5662.
    """
    f, lam, q, checks = _arguments(features, "multipliers", multipliers, prior)
    return _checks.enforce(_tilted(lam, f, q), *checks)


# ------------------------------------------------------------------------------------------------------- the solution


def maximum_entropy(
    features: Real[ArrayLike, "n k"],
    targets: Real[ArrayLike, "k"],
    prior: Real[ArrayLike, "n"] | None = None,
    *,
    tolerance: float | None = None,
    max_iterations: int = 200,
) -> MaximumEntropy:
    """The distribution closest to a prior with given means: min KL(P || q) subject to <f_k> = F_k.

    Without a prior this is the distribution of largest entropy. Redundant constraints (a feature that is constant, or
    a combination of others) are counted in `rank` and share the least multipliers; contradictory ones are `infeasible`.

    Args:
        features: f, shape (n, k), one row a state.
        targets: F, shape (k,).
        prior: q, shape (n,), summing to one; uniform by default. Where it is zero, P is.
        tolerance: largest residual at which the search ends, in units of the features' spread; what the dtype resolves
            by default.
        max_iterations: the most Newton steps to do.

    Returns:
        The solution with its diagnostics. Read `converged`: targets that cannot be met give False, not NaN.

    Raises:
        ValueError: shapes do not fit, a value is not finite, the prior is no distribution, or an option is out of
            range.

    Differentiable in features, targets and prior where it converged, in both modes and to any order, by the implicit
    function: d lam / dF = -Cov^-1, d entropy / dF = lam for a uniform prior. Source: Jaynes 1957; arXiv 1105.5662.
    """
    f, F, q, checks = _arguments(features, "targets", targets, prior)
    _checks.require_integer("max_iterations", max_iterations, minimum=1)
    if tolerance is None:
        tolerance = 8 * _checks.sum_tolerance(f.dtype, f.shape[0])
    elif isinstance(tolerance, bool) or not isinstance(tolerance, (int, float)) or not tolerance > 0:
        raise ValueError(f"tolerance must be a positive number, got {tolerance!r}")
    states = q.shape[0] if prior is None else 1
    valid = _checks.validity(*checks)
    solution = _maximum_entropy(f, F, q / states, valid, float(tolerance), max_iterations, states)
    return _checks.enforce(solution, *checks)


@functools.partial(jax.jit, static_argnums=6)
def _maximum_entropy(
    f: Array, F: Array, q: Array, valid: Array, tolerance: Any, max_iterations: Any, states: int
) -> MaximumEntropy:
    solved = stop_gradient(_solve(*stop_gradient((f, F, q)), tolerance, max_iterations))
    lam = _implicit(solved.multipliers, solved.whitening, solved.redundant.astype(f.dtype), f, F, q)
    centred = f - F[None]
    minimum = weighted_logsumexp(-centred @ lam, q)
    p = _tilted(lam, centred, q)
    return MaximumEntropy(
        value=-jnp.sum(x_log_x(p)),
        probabilities=p,
        multipliers=lam,
        log_partition=minimum - lam @ F + jnp.asarray(math.log(states), f.dtype),
        divergence=-minimum,
        residual=solved.residual,
        rank=jnp.sum(~solved.redundant),
        infeasible=solved.infeasible,
        converged=solved.converged & valid,
        iterations=solved.iterations,
    )


def _whitened(f: Array, F: Array, support: Array) -> tuple[Array, Array, Array]:
    """Coordinates in which the features are uncorrelated with unit spread over the support.

    Returns:
        The matrix that makes them, (k, k), with zero columns for redundant directions; which those are; and whether
        the targets contradict one another in them.
    """
    k, eps = f.shape[1], jnp.finfo(f.dtype).eps
    inside = support[:, None]
    count = jnp.sum(support).astype(f.dtype)
    magnitude = jnp.maximum(jnp.max(jnp.where(inside, jnp.abs(f), 0), axis=0), jnp.abs(F))
    centre = jnp.sum(jnp.where(inside, f, 0), axis=0) / count
    centred = jnp.where(inside, f - centre[None], 0)
    spread = jnp.sqrt(jnp.sum(centred**2, axis=0) / count)
    constant = spread <= 8 * eps * magnitude
    scale = jnp.where(constant, jnp.where(magnitude > 0, magnitude, 1), spread)
    rounding = 64 * k * eps * (1 + jnp.max(magnitude / scale))
    unit = jnp.where(constant[None], 0, centred / scale[None])
    padded = jnp.concatenate([unit / jnp.sqrt(count), jnp.zeros((k, k), f.dtype)])  # at least k rows
    _, values, axes = jnp.linalg.svd(padded, full_matrices=False)
    redundant = values <= rounding
    turned = axes.T / scale[:, None]
    # A redundant combination is constant on the support; what the targets make of it must be the same constant.
    off = (centre - F) @ turned
    contradictory = jnp.any(redundant & (jnp.abs(off) > 4 * rounding))
    whitening = jnp.where(redundant[None], 0, turned / jnp.where(redundant, 1, values)[None])
    return whitening, redundant, contradictory


@jax.jit
def _solve(f: Array, F: Array, q: Array, tolerance: Any, max_iterations: Any) -> _Solved:
    support, eps = q > 0, jnp.finfo(f.dtype).eps
    whitening, redundant, contradictory = _whitened(f, F, support)
    h = jnp.where(support[:, None], (f - F[None]) @ whitening, 0)
    log_q = jnp.where(support, jnp.log(jnp.where(support, q, 1)), -jnp.inf)
    # The divergence of any distribution on the support is at most this; the dual bounds that of the solution from
    # below, so that a larger dual proves that there is none.
    largest = jnp.max(jnp.where(support, -log_q, 0)) + jnp.sqrt(eps)

    def dual(eta: Array) -> Array:
        return jax.nn.logsumexp(log_q - h @ eta)

    def newton(eta: Array, psi: Array) -> tuple[Array, Array, Array]:
        """The mean of h, the Newton step and the least curvature."""
        p = jnp.exp(log_q - h @ eta - psi)
        mean = p @ h
        away = h - mean[None]
        covariance = (away * p[:, None]).T @ away + jnp.diag(redundant.astype(f.dtype))
        curvatures, axes = jnp.linalg.eigh(covariance)
        step = axes @ ((axes.T @ mean) / jnp.maximum(curvatures, eps))
        reach = jnp.max(jnp.abs(h @ step))
        return mean, step * jnp.minimum(1, _LONGEST / jnp.where(reach > 0, reach, 1)), curvatures[0]

    def settled(eta: Array, mean: Array, step: Array) -> Array:
        # On the boundary of what is possible the mean tends to zero, but steps stay of order one.
        small = jnp.max(jnp.abs(step)) <= jnp.sqrt(eps) * (1 + jnp.max(jnp.abs(eta)))
        return (jnp.max(jnp.abs(mean)) <= tolerance) & small

    def unfinished(carry: tuple[Array, ...]) -> Array:
        eta, psi, mean, step, curvature, count = carry
        flat = (jnp.max(jnp.abs(mean)) <= tolerance) & (curvature <= eps)  # at infinity, for all that is resolved
        return ~settled(eta, mean, step) & ~flat & (-psi <= largest) & (count < max_iterations)

    def advance(carry: tuple[Array, ...]) -> tuple[Array, ...]:
        eta, psi, mean, step, _, count = carry
        slack = 8 * eps * (1 + jnp.abs(psi))

        def too_high(search: tuple[Array, Array]) -> Array:
            share, halvings = search
            enough = psi - _ARMIJO * share * (mean @ step) + slack
            return (dual(eta + share * step) > enough) & (halvings < _MOST_HALVINGS)

        start = jnp.ones((), f.dtype), jnp.zeros((), jnp.int32)
        share, _ = jax.lax.while_loop(too_high, lambda s: (s[0] / 2, s[1] + 1), start)
        eta = eta + share * step
        psi = dual(eta)
        return eta, psi, *newton(eta, psi), count + 1

    eta = jnp.zeros(f.shape[1], f.dtype)
    psi = dual(eta)
    start = eta, psi, *newton(eta, psi), jnp.zeros((), jnp.int32)
    eta, psi, mean, step, curvature, count = jax.lax.while_loop(unfinished, advance, start)
    infeasible = contradictory | (-psi > largest)
    converged = settled(eta, mean, step) & ~infeasible & (curvature > 100 * eps)
    eta = jnp.where(converged, eta + step, eta)  # one more step squares what error is left
    return _Solved(whitening @ eta, whitening, redundant, jnp.max(jnp.abs(mean)), infeasible, converged, count)


def _mean(multipliers: Array, f: Array, q: Array) -> Array:
    return _tilted(multipliers, f, q) @ f


@jax.custom_jvp
def _implicit(multipliers: Array, whitening: Array, redundant: Array, f: Array, F: Array, q: Array) -> Array:
    """The multipliers found, with the derivatives by f, F and q that <f> = F implies."""
    del whitening, redundant, f, F, q
    return multipliers


@_implicit.defjvp
def _implicit_rule(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Array, Array]:
    fixed, whitening, redundant, f, F, q = primals
    *_, df, dF, dq = tangents
    lam = _implicit(fixed, whitening, redundant, f, F, q)
    # d<f> at fixed multipliers - Cov d lam = dF, in the coordinates without redundant directions.
    _, d_mean = jax.jvp(lambda f, q: _mean(lam, f, q), (f, q), (df, dq))
    h = (f - F[None]) @ whitening
    p = _tilted(lam, f, q)
    away = h - (p @ h)[None]
    covariance = (away * p[:, None]).T @ away + jnp.diag(redundant)
    return lam, whitening @ jnp.linalg.solve(covariance, whitening.T @ (d_mean - dF))
