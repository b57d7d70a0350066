"""Entropy production rates of overdamped dynamics dX = b(X) dt + sqrt(2 D) dW with constant diagonal D.

With the score s = grad log rho and the probability-flow velocity v = b - D s, in nats per unit time and k_B = 1,

    total   v^T D^-1 v,    medium   b^T D^-1 v,    system   -v . s,    total = medium + system

at every state (arXiv 2309.12991; Seifert, arXiv 1205.4176). Propulsions count as even under time reversal: they do not
change sign. Definitions with odd propulsions give other numbers.
"""

import jax.numpy as jnp

from entropax import _checks, _lapack
from entropax._typing import Array, ArrayLike, Float, Real, Scalar
from entropax.simulators.langevin import stationary_covariance
from entropax.thermodynamics.diagnostics import MeanRate, mean_rate

Axes = int | tuple[int, ...] | None


def _invertible(diffusion: Array) -> _checks.Check:
    return _checks.positive("diffusion", diffusion)._replace(
        expected="diffusion must be positive wherever it is divided by (a coordinate without noise makes the total "
        "rate infinite or undefined: pass the coordinates with noise alone, for swimmers the g part)"
    )


def _normalized_axes(axis: Axes, ndim: int) -> Axes:
    axes = tuple(range(ndim)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    if any(not -ndim <= a < ndim for a in axes):
        raise ValueError(f"axis must name axes of an array with {ndim} axes, got {axis}")
    return tuple(a % ndim for a in axes)


def total_entropy_production(
    velocity: Real[ArrayLike, "*shape"], diffusion: Real[ArrayLike, "..."], *, axis: Axes = None
) -> Float[Array, "..."]:
    """Total rate sum v^2 / D >= 0 at one state.

    Args:
        velocity: probability-flow velocity v = b - D s at a state, any shape; of a particle configuration
            (2, n, d) = (positions or propulsions, particle, axis).
        diffusion: diagonal D > 0, broadcastable to v; (2, 1, 1) holding (eps, gamma) for swimmers.
        axis: axes to sum over, all by default. For (2, n, d): (0, 2) leaves the rate of each particle, (1, 2) that of
            each degree of freedom.

    Returns:
        The rate, nats per unit time, with the axes not summed over.

    Raises:
        ValueError: D does not broadcast, is not positive, or an axis does not exist.

    Differentiable in both arguments. Source: arXiv 2309.12991.
    """
    v, D = _checks.as_floats(velocity=velocity, diffusion=diffusion)
    D = _checks.broadcastable("diffusion", D, v.shape)
    return _checks.enforce(jnp.sum(v**2 / D, axis=_normalized_axes(axis, v.ndim)), _invertible(D))


def medium_entropy_production(
    drift: Real[ArrayLike, "*shape"],
    velocity: Real[ArrayLike, "*shape"],
    diffusion: Real[ArrayLike, "..."],
    *,
    axis: Axes = None,
) -> Float[Array, "..."]:
    """Rate of entropy given to the medium ("heat over temperature"), sum b v / D, at one state.

    Args:
        drift: b at the state, any shape.
        velocity: v = b - D s, the shape of b.
        diffusion: diagonal D > 0, broadcastable to b.
        axis: axes to sum over, all by default; see `total_entropy_production`.

    Returns:
        The rate, nats per unit time, with the axes not summed over.

    Raises:
        ValueError: shapes do not fit, D is not positive, or an axis does not exist.

    Differentiable in all arguments. Source: arXiv 2309.12991.
    """
    b, v, D = _checks.as_floats(drift=drift, velocity=velocity, diffusion=diffusion)
    _checks.require_same_shape(drift=b, velocity=v)
    D = _checks.broadcastable("diffusion", D, v.shape)
    return _checks.enforce(jnp.sum(b * v / D, axis=_normalized_axes(axis, v.ndim)), _invertible(D))


def system_entropy_production(
    velocity: Real[ArrayLike, "*shape"], score: Real[ArrayLike, "*shape"], *, axis: Axes = None
) -> Float[Array, "..."]:
    """Rate of change of the system's own entropy -log rho along the flow, -sum v s, at one state.

    In a steady state it equals div v at every state, and its mean is zero. It needs no inverse of D.

    Args:
        velocity: v = b - D s, any shape.
        score: s, the shape of v.
        axis: axes to sum over, all by default; see `total_entropy_production`.

    Returns:
        The rate, nats per unit time, with the axes not summed over.

    Raises:
        ValueError: shapes do not fit, a value is not finite, or an axis does not exist.

    Differentiable in both arguments. Source: arXiv 2309.12991.
    """
    v, s = _checks.as_floats(velocity=velocity, score=score)
    _checks.require_same_shape(velocity=v, score=s)
    rate = -jnp.sum(v * s, axis=_normalized_axes(axis, v.ndim))
    return _checks.enforce(rate, _checks.finite("velocity", v), _checks.finite("score", s))


def score_free_entropy_production(
    drift: Real[ArrayLike, "n *shape"],
    drift_divergence: Real[ArrayLike, "n *rest"],
    diffusion: Real[ArrayLike, "..."],
    *,
    num_blocks: int | None = None,
    controls: Real[ArrayLike, "n k"] | None = None,
) -> MeanRate:
    """Mean total rate in a steady state without its score: E[b^T D^-1 b + div b].

    It follows from E[v^T D^-1 v] with v = b - D s by integration by parts, for invertible D, and holds for the mean
    alone. It is signed: sampling noise can make it negative at equilibrium.

    Args:
        drift: b at n samples of the steady state, shape (n, *shape).
        drift_divergence: its divergence, shape (n,), or terms of it of shape (n, ...) that are summed here.
        diffusion: diagonal D > 0, broadcastable to one sample.
        num_blocks: blocks for the standard error of samples correlated in time; see `mean_rate`.
        controls: control variates at the samples, shape (n, k), see `mean_rate`; by `generator` from any functions.

    Returns:
        The mean rate, nats per unit time, with its standard error.

    Raises:
        ValueError: shapes do not fit, D is not positive, or a value is not finite.

    Differentiable in all arguments; through samples of a simulation this is the pathwise gradient. Source: arXiv
    2309.12991.
    """
    b, div, D = _checks.as_floats(drift=drift, drift_divergence=drift_divergence, diffusion=diffusion)
    if b.ndim < 2 or div.ndim < 1 or b.shape[0] != div.shape[0]:
        raise ValueError(
            f"drift and drift_divergence must have shapes (n, *shape) and (n, ...), got {b.shape} and {div.shape}"
        )
    D = _checks.broadcastable("diffusion", D, b.shape[1:])
    rates = jnp.sum(b**2 / D[None], axis=tuple(range(1, b.ndim))) + jnp.sum(div, axis=tuple(range(1, div.ndim)))
    finite = (_checks.finite("drift", b), _checks.finite("drift_divergence", div))
    # Judged here first: a concrete fault of an argument is named by its own name.
    rates = _checks.enforce(rates, _invertible(D), *finite)
    return mean_rate(rates, num_blocks=num_blocks, controls=controls)


def linear_entropy_production(
    drift_matrix: Real[ArrayLike, "d d"], diffusion: Real[ArrayLike, "d"] | Real[ArrayLike, "d d"]
) -> Scalar:
    """Mean total rate of dX = -A X dt + sqrt(2 D) dW in its steady state: tr(A^T D^-1 A S) - tr A.

    Args:
        drift_matrix: A, shape (d, d), stable.
        diffusion: D, shape (d,) for a diagonal or (d, d), symmetric positive definite.

    Returns:
        The rate, nats per unit time; zero exactly when D^-1 A is symmetric (detailed balance).

    Raises:
        ValueError: a shape does not fit, A is not stable, or D is not positive definite.

    Differentiable in both arguments. Source: arXiv 2309.12991; the stationary covariance S solves A S + S A^T = 2 D.
    """
    A, D = _checks.as_floats(drift_matrix=drift_matrix, diffusion=diffusion)
    if A.ndim != 2 or A.shape[0] != A.shape[1]:
        raise ValueError(f"drift_matrix must have shape (d, d), got {A.shape}")
    if D.ndim == 1:
        _checks.require_shape("diffusion", D, A.shape[:1])
        invertible, matrix, scaled = _invertible(D), jnp.diag(D), A / jnp.sqrt(D)[:, None]
    else:
        _checks.require_shape("diffusion", D, A.shape)
        factor, scaled = _lapack.whiten(D, A)
        factor, A = (_lapack.after(m, scaled[:1, :1]) for m in (factor, A))
        invertible, matrix = _checks.positive_definite("diffusion", D, factor), D
    # v = (-A + D S^-1) X has mean square v^T D^-1 v = tr(A^T D^-1 A S) - 2 tr A + tr(D S^-1), and tr(D S^-1) = tr A.
    # With D = L L^T, scaled is L^-1 A.
    A, matrix = _checks.enforce((A, matrix), invertible)
    covariance = stationary_covariance(A, matrix)
    return jnp.sum((scaled @ covariance) * scaled) - jnp.trace(A)
