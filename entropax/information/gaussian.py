"""Closed forms for Gaussian and Student distributions."""

import math

import jax.numpy as jnp
from jax.scipy.special import digamma, gammaln

from entropax import _checks, _lapack
from entropax._typing import Array, ArrayLike, Float, Real, RealScalar


def _log_det(factor: Array) -> Array:
    """log det of the matrices with these Cholesky factors."""
    return 2 * jnp.sum(jnp.log(jnp.diagonal(factor, axis1=-2, axis2=-1)), axis=-1)


def _square(name: str, matrix: Array) -> None:
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2] or matrix.shape[-1] < 1:
        raise ValueError(f"{name} must have shape (..., d, d), got {matrix.shape}")


def gaussian_entropy(covariance: Real[ArrayLike, "*batch d d"]) -> Float[Array, "*batch"]:
    """Differential entropy of a Gaussian, log det(2 pi e S) / 2, in nats.

    Args:
        covariance: S, shape (..., d, d), symmetric positive definite.

    Returns:
        The entropy, shape (...).

    Raises:
        ValueError: the matrices are not square, symmetric and positive definite.

    Differentiable in the covariance.
    """
    S = _checks.as_float("covariance", covariance)
    _square("covariance", S)
    factor = _lapack.factor(S)
    value = (S.shape[-1] * math.log(2 * math.pi * math.e) + _log_det(factor)) / 2
    return _checks.enforce(value, _checks.positive_definite("covariance", S, factor))


def gaussian_kl(
    mean_p: Real[ArrayLike, "*batch d"],
    covariance_p: Real[ArrayLike, "*batch d d"],
    mean_q: Real[ArrayLike, "*batch d"],
    covariance_q: Real[ArrayLike, "*batch d d"],
) -> Float[Array, "*batch"]:
    """Kullback-Leibler divergence of Gaussians, [tr(S_q^-1 S_p) - d + m^T S_q^-1 m + log det S_q / det S_p] / 2.

    Args:
        mean_p: shape (..., d).
        covariance_p: S_p, shape (..., d, d), symmetric positive definite.
        mean_q: shape (..., d).
        covariance_q: S_q, shape (..., d, d), symmetric positive definite.

    Returns:
        The divergence of p from q in nats, shape (...), with m the difference of the means.

    Raises:
        ValueError: shapes do not fit, or a covariance is not symmetric positive definite.

    Differentiable in all arguments.
    """
    m_p, S_p, m_q, S_q = _checks.as_floats(
        mean_p=mean_p, covariance_p=covariance_p, mean_q=mean_q, covariance_q=covariance_q
    )
    _square("covariance_p", S_p)
    _checks.require_same_shape(covariance_p=S_p, covariance_q=S_q)
    _checks.require_shape("mean_p", m_p, S_p.shape[:-1])
    _checks.require_shape("mean_q", m_q, S_p.shape[:-1])
    factor_p = _lapack.factor(S_p)
    sides = jnp.concatenate([factor_p, (m_q - m_p)[..., None]], axis=-1)
    factor_q, solved = _lapack.whiten(_lapack.after(S_q, factor_p[..., :1, :1]), sides)
    # The squares of L_q^-1 L_p sum to the trace, those of L_q^-1 m to the term of the means.
    value = (jnp.sum(solved**2, axis=(-2, -1)) - S_p.shape[-1] + _log_det(factor_q) - _log_det(factor_p)) / 2
    checks = [
        _checks.positive_definite("covariance_p", S_p, factor_p),
        _checks.positive_definite("covariance_q", S_q, factor_q),
    ]
    checks += [_checks.finite(name, m, batch_ndim=m.ndim - 1) for name, m in (("mean_p", m_p), ("mean_q", m_q))]
    return _checks.enforce(value, *checks)


def gaussian_mutual_information(covariance: Real[ArrayLike, "*batch d d"], *, split: int) -> Float[Array, "*batch"]:
    """Mutual information of two blocks of a Gaussian, -log det(I - C C^T) / 2, in nats.

    C = L_x^-1 S_xy L_y^-T is the correlation of the whitened blocks, whose singular values are the canonical
    correlations.

    Args:
        covariance: S, shape (..., d, d), symmetric positive definite.
        split: the first `split` coordinates are X, the others Y.

    Returns:
        I(X; Y), shape (...).

    Raises:
        ValueError: the matrices are not square, symmetric and positive definite, or split is not in [1, d - 1].

    Differentiable in the covariance.
    """
    S = _checks.as_float("covariance", covariance)
    _square("covariance", S)
    _checks.require_integer("split", split, minimum=1, maximum=S.shape[-1] - 1)
    value, factor = _gaussian_mutual_information(S, split)
    return _checks.enforce(value, _checks.positive_definite("covariance", S, factor))


def _gaussian_mutual_information(S: Array, split: int) -> tuple[Array, Array]:
    """The mutual information, and the Cholesky factor of S."""
    factor = _lapack.factor(S)
    half = factor[..., split:, :split]  # S_yx L_x^-T
    _, C = _lapack.whiten(_lapack.after(S[..., split:, split:], half[..., :1, :1]), half)
    square = jnp.swapaxes(C, -1, -2) @ C
    rest = jnp.broadcast_to(jnp.eye(split, dtype=S.dtype), square.shape) - square
    return -_log_det(_lapack.factor(rest)) / 2, factor


def student_t_mutual_information(
    dispersion: Real[ArrayLike, "*batch d d"], degrees_of_freedom: RealScalar, *, split: int
) -> Float[Array, "*batch"]:
    """Mutual information of two blocks of a multivariate Student distribution, in nats.

    That of the Gaussian with the same dispersion plus c(nu) = f(nu) + f(nu + m + n) - f(nu + m) - f(nu + n), with
    f(z) = log Gamma(z / 2) - (z / 2) psi(z / 2) and m, n the sizes of the blocks: positive even for a diagonal
    dispersion, as uncorrelated Student variables are dependent.

    Args:
        dispersion: shape (..., d, d), symmetric positive definite (the covariance times (nu - 2) / nu for nu > 2).
        degrees_of_freedom: nu > 0.
        split: the first `split` coordinates are X, the others Y.

    Returns:
        I(X; Y), shape (...).

    Raises:
        ValueError: the matrices are not square, symmetric and positive definite, nu is not positive, or split is not
            in [1, d - 1].

    Differentiable in the dispersion and in nu. Source: Arellano-Valle et al. 2013; Czyz et al., arXiv 2306.11078.
    """
    S, nu = _checks.as_floats(dispersion=dispersion, degrees_of_freedom=degrees_of_freedom)
    _square("dispersion", S)
    _checks.require_ndim("degrees_of_freedom", nu, 0, "()")
    d = S.shape[-1]
    _checks.require_integer("split", split, minimum=1, maximum=d - 1)

    def f(z: Array) -> Array:
        return gammaln(z / 2) - z / 2 * digamma(z / 2)

    tails = f(nu) + f(nu + d) - f(nu + split) - f(nu + d - split)
    value, factor = _gaussian_mutual_information(S, split)
    checks = _checks.positive_definite("dispersion", S, factor), _checks.positive("degrees_of_freedom", nu)
    return _checks.enforce(value + tails, *checks)
