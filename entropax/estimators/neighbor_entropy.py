"""Entropies and divergences from the distances of nearest neighbours; differentiable in the samples.

The volume of the ball that reaches to the k-th neighbour estimates the density. Its logarithm is a smooth function of
the samples as long as the neighbour stays the same one.
"""

import functools
import math

import jax
import jax.numpy as jnp
from jax.scipy.special import digamma

from entropax import _checks
from entropax._typing import Array, ArrayLike, Real, Scalar
from entropax.estimators._samples import as_samples, standardized
from entropax.space import neighbor_distances
from entropax.space.separation import METRICS


def kozachenko_leonenko_entropy(x: Real[ArrayLike, "n *d"], *, k: int = 4, norm: str = "euclidean") -> Scalar:
    """Differential entropy, H = psi(n) - psi(k) + log c_d + (d / n) sum_i log r_i.

    r_i is the distance of sample i to its k-th neighbour among the other n - 1 (a radius, not a diameter), c_d the
    volume of the unit ball of the norm: pi^(d/2) / Gamma(d/2 + 1), or 2^d for the maximum norm.

    Args:
        x: samples, shape (n, d) or (n,).
        k: number of the neighbour, at most n - 1; few for little bias, many for little variance.
        norm: "euclidean" or "chebyshev" (maximum).

    Returns:
        H in nats, in the units of log(length^d). If a sample coincides with k others it is -inf, which is the entropy
        of a distribution that has atoms.

    Raises:
        ValueError: k is not less than n, the norm is unknown, or a sample is not finite.

    Differentiable in x to any order, except where neighbours change places; coincident samples take no gradient.
    Sources: Kozachenko and Leonenko 1987; Kraskov, Stoegbauer and Grassberger, arXiv cond-mat/0305641, eq. 20.
    """
    _checks.require_option("norm", norm, METRICS)
    (x,), checks = as_samples(k=k, x=x)
    return _checks.enforce(_entropy(x, k, norm), *checks)


@functools.partial(jax.jit, static_argnames=("k", "norm"))
def _entropy(x: Array, k: int, norm: str) -> Array:
    n, d = x.shape
    log_volume = d * math.log(2) if norm == "chebyshev" else d / 2 * math.log(math.pi) - math.lgamma(d / 2 + 1)
    radius = neighbor_distances(x, k, metric=norm)[:, -1]
    constant = digamma(jnp.asarray(n, x.dtype)) - digamma(jnp.asarray(k, x.dtype)) + log_volume
    return constant + d * jnp.mean(_log(radius))


def _log(radius: Array) -> Array:
    """The logarithm; -inf at zero with a zero gradient."""
    positive = radius > 0
    return jnp.where(positive, jnp.log(jnp.where(positive, radius, 1)), -jnp.inf)


def kozachenko_leonenko_mutual_information(
    x: Real[ArrayLike, "n *dx"],
    y: Real[ArrayLike, "n *dy"],
    *,
    k: int = 4,
    norm: str = "chebyshev",
    standardize: bool = False,
) -> Scalar:
    """Mutual information as a difference of entropies, H(X) + H(Y) - H(X, Y), by Kozachenko and Leonenko.

    Its gradients are those of the value and cost no more than the search, but a logarithm's slope is largest for the
    nearest neighbours, which say least: with k = 4 they are mostly noise. To train an encoder take k near n / 8, where
    they are as good as those of `relaxed_ksg_mutual_information`, and report `ksg_mutual_information` of what was
    trained: the biases of three entropies cancel less well than those of its counts. The value depends on the relative
    scale of x and y: fix that of an encoder's output, or set `standardize`, else a change of scale may raise it without
    raising the information.

    Args:
        x: samples, shape (n, dx) or (n,).
        y: samples, shape (n, dy) or (n,), row by row those of x.
        k: number of the neighbour, at most n - 1.
        norm: "euclidean" or "chebyshev", of every space.
        standardize: whether every column is given mean 0 and standard deviation 1 first.

    Returns:
        I in nats, negative values included.

    Raises:
        ValueError: k is not less than n, the sizes differ, the norm is unknown, a sample is not finite, or k + 1
            samples of a variable coincide (it has no density: use `mixed_mutual_information`).

    Differentiable in x and y to any order, except where neighbours change places. Source: Kraskov et al., arXiv
    cond-mat/0305641, section II.
    """
    _checks.require_option("norm", norm, METRICS)
    (x, y), checks = as_samples(k=k, x=x, y=y)
    if standardize:
        x, y = standardized(x), standardized(y)
    h_x, h_y, h_joint = (_entropy(z, k, norm) for z in (x, y, jnp.concatenate([x, y], axis=1)))
    distinct = [
        _checks.Check(h > -jnp.inf, f"{name} must not have {k + 1} coincident samples", lambda: "a distance of 0")
        for name, h in (("x", h_x), ("y", h_y))
    ]
    return _checks.enforce(h_x + h_y - h_joint, *checks, *distinct)


def neighbor_kl_divergence(
    x: Real[ArrayLike, "n *d"], y: Real[ArrayLike, "m *d"], *, k: int = 4, norm: str = "euclidean"
) -> Scalar:
    """Kullback-Leibler divergence of the law of x from that of y, (d / n) sum_i log(s_i / r_i) + log(m / (n - 1)).

    r_i is the distance of x_i to its k-th neighbour among the other x, s_i that to the k-th among the y.

    Args:
        x: samples of P, shape (n, d) or (n,).
        y: samples of Q, shape (m, d) or (m,).
        k: number of the neighbour, at most n - 1 and m - 1.
        norm: "euclidean" or "chebyshev".

    Returns:
        KL(P | Q) in nats, negative values included.

    Raises:
        ValueError: k is too large, the axes differ, the norm is unknown, a sample is not finite, or a sample of x
            coincides with k others of x or of y (the densities do not exist).

    Differentiable in x and y to any order, except where neighbours change places. Source: Wang, Kulkarni and Verdu
    2009, doi 10.1109/TIT.2009.2016060, eq. 5.
    """
    _checks.require_option("norm", norm, METRICS)
    (x, y), checks = as_samples(k=k, paired=False, x=x, y=y)
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"y must have the {x.shape[1]} columns of x, got shape {y.shape}")
    value, smallest = _divergence(x, y, k, norm)
    apart = _checks.Check(
        smallest > 0, "x must not coincide with k other samples of x or y", lambda: "a k-th neighbour at distance 0"
    )
    return _checks.enforce(value, *checks, apart)


@functools.partial(jax.jit, static_argnames=("k", "norm"))
def _divergence(x: Array, y: Array, k: int, norm: str) -> tuple[Array, Array]:
    (n, d), m = x.shape, y.shape[0]
    own = neighbor_distances(x, k, metric=norm)[:, -1]
    across = neighbor_distances(y, k, queries=x, metric=norm)[:, -1]
    value = d * jnp.mean(_log(across) - _log(own)) + math.log(m / (n - 1))
    return value, jax.lax.stop_gradient(jnp.minimum(jnp.min(own), jnp.min(across)))
