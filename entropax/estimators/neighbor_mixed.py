"""Mutual information of discrete and continuous variables, and of mixtures of both, by counting neighbours."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy.special import digamma

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Int, Real, Scalar
from entropax.estimators._neighbor_counts import count_neighbors
from entropax.estimators._samples import as_samples, standardized
from entropax.space import neighbor_distances


def ross_mutual_information(
    x: Real[ArrayLike, "n *d"],
    labels: Int[ArrayLike, " n"] | Bool[ArrayLike, " n"],
    *,
    k: int = 3,
    standardize: bool = False,
) -> Scalar:
    """Mutual information of a continuous variable and a label, I = psi(n) + <psi(k_i) - psi(n_c) - psi(m_i)>.

    n_c is the number of samples with the label of sample i, k_i = min(k, n_c - 1); m_i counts the samples of any label
    no further than the k_i-th neighbour with the same label, in the maximum norm. Labels that occur once say nothing
    about a density and are left out, of n too.

    Where samples tie at that distance (rounded or constant data) the ball is taken as a cell of a discrete variable:
    all in it count, the sample itself and those of its own label too. A constant x then has I = 0 exactly, however
    rare a label is.

    Args:
        x: samples, shape (n, d) or (n,).
        labels: integers or booleans, shape (n,), any values.
        k: number of the neighbour, at most n - 1.
        standardize: whether every column of x is given mean 0 and standard deviation 1 first.

    Returns:
        I in nats, negative values included; NaN if no label occurs twice.

    Raises:
        TypeError: the labels are not integers or booleans.
        ValueError: k is not less than n, the sizes differ, or a sample is not finite.

    Its gradient is zero, as that of all counts. Source: Ross 2014, doi 10.1371/journal.pone.0087357.
    """
    (x,), checks = as_samples(k=k, x=x)
    labels = _as_labels(labels, x.shape[0])
    return _checks.enforce(_ross(x, labels, k, standardize), *checks)


def _as_labels(labels: Any, n: int) -> Array:
    dtype = jnp.result_type(labels)
    if not (jnp.issubdtype(dtype, jnp.integer) or jnp.issubdtype(dtype, jnp.bool_)):
        raise TypeError(f"labels must be integers or booleans, got dtype {dtype}")
    labels = jnp.asarray(labels)
    _checks.require_shape("labels", labels, (n,))
    return labels.astype(jnp.int32)


@functools.partial(jax.jit, static_argnames=("k", "standardize"))
def _ross(x: Array, labels: Array, k: int, standardize: bool) -> Array:
    x = jax.lax.stop_gradient(standardized(x) if standardize else x)
    label, in_label = _ranked(labels)
    usable = in_label > 1
    # With labels further apart than all samples, the nearest neighbours have the same label.
    apart = 2 * jnp.max(jnp.max(x, axis=0) - jnp.min(x, axis=0)) + 1
    together = jnp.concatenate([x, (apart * label.astype(x.dtype))[:, None]], axis=1)
    distances = neighbor_distances(together, k, metric="chebyshev")
    own_k = jnp.minimum(k, jnp.maximum(in_label - 1, 1))
    radius = jnp.take_along_axis(distances, own_k[:, None] - 1, axis=1)[:, 0]

    # Samples that occur once lie beyond reach, so that they are not counted.
    gap = apart * jnp.where(usable, 0, 1 + jnp.arange(x.shape[0])).astype(x.dtype)
    counted = jnp.where(usable[:, None], x, jnp.max(x) + gap[:, None])
    same = count_neighbors(together, radius, closed=True)
    near = count_neighbors(counted, radius, closed=True)
    tied = same > own_k
    terms = (
        digamma(jnp.where(tied, same + 1, own_k).astype(x.dtype))
        - digamma(in_label.astype(x.dtype))
        - digamma(jnp.where(tied, near + 1, near).astype(x.dtype))
    )
    n = jnp.sum(usable).astype(x.dtype)
    return digamma(n) + jnp.sum(jnp.where(usable, terms, 0)) / n


def _ranked(labels: Array) -> tuple[Array, Array]:
    """The labels numbered from zero without gaps, and how often that of each sample occurs."""
    ordered = jnp.sort(labels)
    first = jnp.concatenate([jnp.zeros(1, bool), ordered[1:] != ordered[:-1]])
    place = jnp.searchsorted(ordered, labels)
    return jnp.cumsum(first, dtype=jnp.int32)[place], jnp.searchsorted(ordered, labels, side="right") - place


def mixed_mutual_information(
    x: Real[ArrayLike, "n *dx"],
    y: Real[ArrayLike, "n *dy"],
    *,
    k: int = 5,
    standardize: bool = False,
) -> Scalar:
    """Mutual information of variables that are continuous, discrete, or mixtures, by Gao et al.

    I = <psi(k_i) + log n - psi(n_x + 1) - psi(n_y + 1)>. Where the k-th neighbour in (x, y) is at a positive distance,
    k_i = k and the counts are those of `ksg_mutual_information`. Where it coincides with the sample, all three count
    the samples that coincide, the sample itself included in k_i: for discrete data this tends to the plug-in estimate.

    Args:
        x: samples, shape (n, dx) or (n,); discrete values as numbers.
        y: samples, shape (n, dy) or (n,), row by row those of x.
        k: number of the neighbour, at most n - 1; less than the number of samples of common discrete values.
        standardize: whether every column is given mean 0 and standard deviation 1 first.

    Returns:
        I in nats, negative values included.

    Raises:
        ValueError: k is not less than n, the sizes differ, or a sample is not finite.

    Its gradient is zero, as that of all counts. Source: Gao, Kannan, Oh and Viswanath, arXiv 1709.06212, algorithm 1,
    with psi in place of log as in the authors' program, which equals KSG but for psi(n) where nothing coincides.
    """
    (x, y), checks = as_samples(k=k, x=x, y=y)
    return _checks.enforce(_mixed(x, y, k, standardize), *checks)


@functools.partial(jax.jit, static_argnames=("k", "standardize"))
def _mixed(x: Array, y: Array, k: int, standardize: bool) -> Array:
    x, y = jax.lax.stop_gradient((x, y))
    if standardize:
        x, y = standardized(x), standardized(y)
    joint = jnp.concatenate([x, y], axis=1)
    radius = neighbor_distances(joint, k, metric="chebyshev")[:, -1]
    coincide = radius == 0

    def near(z: Array) -> Array:
        return jnp.where(coincide, _coincident(z), count_neighbors(z, radius)) + 1

    own_k = jnp.where(coincide, _coincident(joint) + 1, k)
    terms = digamma(own_k.astype(x.dtype)) - sum(digamma(near(z).astype(x.dtype)) for z in (x, y))
    return jnp.mean(terms) + jnp.log(jnp.asarray(x.shape[0], x.dtype))


def _coincident(z: Array) -> Array:
    return count_neighbors(z, jnp.zeros(z.shape[0], z.dtype), closed=True)
