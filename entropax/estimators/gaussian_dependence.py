"""Dependence of continuous variables through a Gaussian: canonical correlations, as they are and of ranks."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy.special import digamma, ndtri

from entropax import _checks, _lapack, information
from entropax._typing import Array, ArrayLike, Float, Real, RealScalar, Scalar

CORRECTIONS = ("plug-in", "wishart")
_TILE = 2**18  # comparisons of samples that are held at once


def canonical_correlations(x: Real[ArrayLike, "n dx"], y: Real[ArrayLike, "n dy"]) -> Float[Array, "k"]:
    """Correlations of the most correlated linear combinations of x and y, one pair after another.

    Args:
        x: samples of one variable, shape (n, dx).
        y: samples of the other, shape (n, dy), with n > dx + dy.

    Returns:
        The correlations in falling order, shape (min(dx, dy),), in [0, 1].

    Raises:
        ValueError: shapes do not fit, there are too few samples, or the joint covariance is singular.

    Differentiable where the correlations are distinct and not zero. Source: Hotelling 1936.
    """
    x, y = _samples(x, y)
    value, pivots = _canonical_correlations(x, y)
    return _checks.enforce(value, *_of_samples(x, y, pivots))


def cca_mutual_information(
    x: Real[ArrayLike, "n dx"], y: Real[ArrayLike, "n dy"], *, correction: str = "plug-in"
) -> Scalar:
    """Mutual information of the Gaussian with the sample covariance, -sum_k log(1 - r_k^2) / 2.

    The r_k are the canonical correlations. Exact for Gaussians as n grows. In general it measures linear dependence
    alone, and may err either way.

    Args:
        x: samples of one variable, shape (n, dx).
        y: samples of the other, shape (n, dy), with n > dx + dy.
        correction: "plug-in", or "wishart", which subtracts the mean excess under Gaussian samples, (B_x + B_y -
            B_xy) / 2 with B_d = sum_{k=1}^{d} psi((n - k) / 2), and is unbiased for them (negative at times).

    Returns:
        The mutual information in nats.

    Raises:
        ValueError: shapes do not fit, there are too few samples, the joint covariance is singular, or the correction is
            unknown.

    Differentiable in x and y. Source: Kay 1992; Misra, Singh and Demchuk 2005 for the correction.
    """
    _checks.require_option("correction", correction, CORRECTIONS)
    x, y = _samples(x, y)
    value, pivots = _gaussian(x, y, correction)
    return _checks.enforce(value, *_of_samples(x, y, pivots))


def gaussian_copula_mutual_information(
    x: Real[ArrayLike, "n dx"],
    y: Real[ArrayLike, "n dy"],
    *,
    correction: str = "wishart",
    temperature: RealScalar | None = None,
) -> Scalar:
    """Mutual information of the Gaussian copula: `cca_mutual_information` of the normal scores of every column.

    The score of a sample is the normal quantile of rank / (n + 1); ties take their mean rank. The estimate is invariant
    under increasing functions of every column, and exact as n grows where such functions make x and y jointly Gaussian.

    Args:
        x: samples of one variable, shape (n, dx).
        y: samples of the other, shape (n, dy), with n > dx + dy.
        correction: as in `cca_mutual_information`.
        temperature: None for the ranks themselves; else the width of the sigmoids that stand for the comparisons of
            samples, in units of the standard deviation of the column.

    Returns:
        The mutual information in nats.

    Raises:
        ValueError: as `cca_mutual_information`, or the temperature is not positive.

    Ranks are piecewise constant, so the gradient is zero; with a temperature it is differentiable in x, y and the
    temperature, in memory that grows as n and time as n^2, and tends to the other as the temperature does to zero.
    Source: Ince et al., Human Brain Mapping 38, 1541 (2017).
    """
    _checks.require_option("correction", correction, CORRECTIONS)
    x, y = _samples(x, y)
    x, y, tau = _checks.as_floats(x=x, y=y, temperature=1.0 if temperature is None else temperature)
    _checks.require_ndim("temperature", tau, 0, "()")
    value, pivots = _copula(x, y, tau, temperature is not None, correction)
    return _checks.enforce(value, *_of_samples(x, y, pivots), _checks.positive("temperature", tau))


def _samples(x: Any, y: Any) -> tuple[Array, Array]:
    x, y = _checks.as_floats(x=x, y=y)
    for name, array in (("x", x), ("y", y)):
        _checks.require_ndim(name, array, 2, "(n, d)")
        if array.shape[1] < 1:
            raise ValueError(f"{name} must have shape (n, d) with d >= 1, got {array.shape}")
    n, d = x.shape[0], x.shape[1] + y.shape[1]
    if y.shape[0] != n:
        raise ValueError(f"y must have {n} samples like x, got shape {y.shape}")
    if n <= d:
        raise ValueError(f"x and y must have more samples than their {d} columns together, got {n}")
    return x, y


def _of_samples(x: Array, y: Array, pivots: Array) -> tuple[_checks.Check, ...]:
    """Checks; the squared pivots of the joint correlation matrix are of rounding's size where it is singular."""
    with _checks.evaluated_now(pivots):
        ok = jnp.all(pivots > 64 * pivots.size * float(jnp.finfo(pivots.dtype).eps))
    words = "x and y must vary, and no column follow from the others"
    regular = _checks.Check(ok, words, lambda: f"squared pivots of the correlation {pivots}")
    return _checks.finite("x", x), _checks.finite("y", y), regular


def _correlation(x: Array, y: Array) -> Array:
    """The joint correlation matrix."""
    joint = jnp.concatenate([x, y], axis=1)
    centred = joint - jnp.mean(joint, axis=0, keepdims=True)
    S = centred.T @ centred
    scale = jnp.sqrt(jnp.diagonal(S))
    return S / (scale[:, None] * scale[None, :])


def _squared_pivots(R: Array, done: Array) -> Array:
    """Of the Cholesky factor of R, computed once `done` is."""
    return jnp.diagonal(_lapack.factor(_lapack.after(R, done))) ** 2


@jax.jit
def _canonical_correlations(x: Array, y: Array) -> tuple[Array, Array]:
    """The correlations, and the squared pivots of the joint correlation matrix."""
    R, split = _correlation(x, y), x.shape[1]
    _, half = _lapack.whiten(R[:split, :split], R[:split, split:])
    _, C = _lapack.whiten(_lapack.after(R[split:, split:], half[:1, :1]), half.T)
    value = jnp.linalg.svd(C, compute_uv=False)
    return value, _squared_pivots(R, value[:1, None])


@functools.partial(jax.jit, static_argnames="correction")
def _gaussian(x: Array, y: Array, correction: str) -> tuple[Array, Array]:
    """The mutual information, and the squared pivots of the joint correlation matrix."""
    n, dx, dy = *x.shape, y.shape[1]
    R = _correlation(x, y)
    value = information.gaussian_mutual_information(R, split=dx)
    pivots = _squared_pivots(R, value)
    if correction == "wishart":
        terms = digamma((n - 1 - jnp.arange(dx + dy, dtype=x.dtype)) / 2)
        value = value - (jnp.sum(terms[:dx]) + jnp.sum(terms[:dy]) - jnp.sum(terms)) / 2
    return value, pivots


@functools.partial(jax.jit, static_argnames=("soft", "correction"))
def _copula(x: Array, y: Array, tau: Array, soft: bool, correction: str) -> tuple[Array, Array]:
    n = x.shape[0]

    def scores(x: Array) -> Array:
        # One column after another where each takes a tile of memory.
        ranks = jax.lax.map(lambda column: _soft_ranks(column, tau), x.T) if soft else jax.vmap(_mean_ranks)(x.T)
        return ndtri(ranks.T / (n + 1))

    return _gaussian(scores(x), scores(y), correction)


def _mean_ranks(column: Array) -> Array:
    """Ranks from 1 to n; ties share the mean of theirs."""
    column = jax.lax.stop_gradient(column)
    ordered = jnp.sort(column)
    below, up_to = (jnp.searchsorted(ordered, column, side=side) for side in ("left", "right"))
    return (below + up_to + 1).astype(column.dtype) / 2


def _soft_ranks(column: Array, tau: Array) -> Array:
    """1/2 + sum_j sigmoid((x_i - x_j) / scale), by blocks of i; the limit is the mean rank, ties included."""
    n = column.size
    spread = jnp.mean((column - jnp.mean(column)) ** 2)
    scaled = column / (tau * jnp.sqrt(jnp.where(spread > 0, spread, 1)))
    rows = min(n, max(1, _TILE // n))

    @jax.checkpoint
    def block(first: Array) -> Array:
        chosen = scaled[jnp.minimum(first + jnp.arange(rows), n - 1)]
        return jnp.sum(jax.nn.sigmoid(chosen[:, None] - scaled[None, :]), axis=1)

    return 1 / 2 + jax.lax.map(block, rows * jnp.arange(-(-n // rows))).reshape(-1)[:n]
