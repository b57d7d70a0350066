"""Mutual information by counting neighbours: Kraskov, Stoegbauer and Grassberger (KSG) and its conditional form.

The distance to the k-th neighbour in the joint space sets a scale at every sample; how many samples lie within it in
each marginal space says how much denser the joint distribution is. Distances in the joint space are the largest of
those of the variables, each in its maximum norm.

Counts are piecewise constant: none of these has a gradient. `neighbor_entropy` and `neighbor_relaxed` have.
"""

import functools

import jax
import jax.numpy as jnp
from jax.scipy.special import digamma

from entropax import _checks
from entropax._typing import Array, ArrayLike, Real, Scalar
from entropax.estimators._neighbor_counts import count_neighbors
from entropax.estimators._samples import as_samples, standardized
from entropax.space import nearest_neighbors, neighbor_distances

VARIANTS = (1, 2)


def ksg_mutual_information(
    x: Real[ArrayLike, "n *dx"],
    y: Real[ArrayLike, "n *dy"],
    *,
    k: int = 4,
    variant: int = 1,
    standardize: bool = False,
) -> Scalar:
    """Mutual information by Kraskov, Stoegbauer and Grassberger's counts.

    Variant 1: I = psi(k) + psi(n) - <psi(n_x + 1) + psi(n_y + 1)>, with n_x the number of other samples strictly nearer
    in x than the k-th neighbour in (x, y) is. Variant 2: I = psi(k) - 1/k + psi(n) - <psi(n_x) + psi(n_y)>, with n_x
    the number within the largest distance in x of the k neighbours, which counts.

    Nothing is clipped, and no noise is added. With tied samples the strict inequality holds: a constant variable has
    I = 0 in variant 1; a tie at the k-th distance is counted out (1) or in (2). Where many samples coincide
    (discrete or rounded data) the value is finite but biased: use `mixed_mutual_information` there. Rescaling x
    changes the value a little, as it changes who is near: `standardize` fixes the scale.

    Args:
        x: samples, shape (n, dx) or (n,).
        y: samples, shape (n, dy) or (n,), row by row those of x.
        k: number of the neighbour, at most n - 1; the bias grows and the variance falls with it.
        variant: 1 has less variance, 2 less bias in many dimensions. In 2, which of several neighbours at one distance
            counts is left open.
        standardize: whether every column is given mean 0 and standard deviation 1 first.

    Returns:
        I in nats, negative values included. At most about psi(n): no estimate from n samples can show more.

    Raises:
        ValueError: k is not less than n, the sizes differ, the variant is unknown, or a sample is not finite.

    Its gradient is zero, as that of all counts: differentiate `relaxed_ksg_mutual_information` or
    `kozachenko_leonenko_mutual_information`. Source: arXiv cond-mat/0305641, eqs. 8 and 9.
    """
    _checks.require_option("variant", variant, VARIANTS)
    (x, y), checks = as_samples(k=k, x=x, y=y)
    return _checks.enforce(_ksg(x, y, k, variant, standardize), *checks)


@functools.partial(jax.jit, static_argnames=("k", "variant", "standardize"))
def _ksg(x: Array, y: Array, k: int, variant: int, standardize: bool) -> Array:
    x, y = jax.lax.stop_gradient((x, y))
    if standardize:
        x, y = standardized(x), standardized(y)
    joint = jnp.concatenate([x, y], axis=1)
    if variant == 1:
        radius = neighbor_distances(joint, k, metric="chebyshev")[:, -1]
        counts = [count_neighbors(z, radius) + 1 for z in (x, y)]
        shift = 0.0
    else:
        neighbors = nearest_neighbors(joint, k, metric="chebyshev").indices
        counts = [count_neighbors(z, _reach(z, neighbors), closed=True) for z in (x, y)]
        shift = 1 / k
    return _psi(k, x) - shift + _psi(x.shape[0], x) - sum(_mean_psi(count, x) for count in counts)


def _reach(z: Array, neighbors: Array) -> Array:
    """How far the neighbours are in one variable, in its maximum norm, and what rounding may add.

    Compiled anew where neighbours are counted, a difference may be rounded another way, and the furthest of them would
    fall out of its own count.
    """
    there = z[neighbors]
    size = jnp.maximum(jnp.max(jnp.abs(there), axis=(1, 2)), jnp.max(jnp.abs(z), axis=1))
    return jnp.max(jnp.abs(there - z[:, None, :]), axis=(1, 2)) + 4 * jnp.finfo(z.dtype).eps * size


def _psi(number: int, like: Array) -> Array:
    return digamma(jnp.asarray(number, like.dtype))


def _mean_psi(counts: Array, like: Array) -> Array:
    return jnp.mean(digamma(counts.astype(like.dtype)))


def ksg_conditional_mutual_information(
    x: Real[ArrayLike, "n *dx"],
    y: Real[ArrayLike, "n *dy"],
    given: Real[ArrayLike, "n *dz"],
    *,
    k: int = 4,
    standardize: bool = False,
) -> Scalar:
    """Conditional mutual information, I(X; Y | Z) = psi(k) + <psi(n_z + 1) - psi(n_xz + 1) - psi(n_yz + 1)>.

    The counts are of other samples strictly nearer in (x, z), (y, z) and z than the k-th neighbour in (x, y, z) is. The
    estimate is biased towards zero the more, the more dimensions z has.

    Args:
        x: samples, shape (n, dx) or (n,).
        y: samples, shape (n, dy) or (n,).
        given: samples of Z, shape (n, dz) or (n,).
        k: number of the neighbour, at most n - 1.
        standardize: whether every column is given mean 0 and standard deviation 1 first.

    Returns:
        I in nats, negative values included. Ties as in `ksg_mutual_information`.

    Raises:
        ValueError: k is not less than n, the sizes differ, or a sample is not finite.

    Its gradient is zero, as that of all counts. Source: Frenzel and Pompe 2007, doi 10.1103/PhysRevLett.99.204101.
    """
    (x, y, z), checks = as_samples(k=k, x=x, y=y, given=given)
    return _checks.enforce(_conditional(x, y, z, k, standardize), *checks)


@functools.partial(jax.jit, static_argnames=("k", "standardize"))
def _conditional(x: Array, y: Array, z: Array, k: int, standardize: bool) -> Array:
    x, y, z = jax.lax.stop_gradient((x, y, z))
    if standardize:
        x, y, z = standardized(x), standardized(y), standardized(z)
    radius = neighbor_distances(jnp.concatenate([x, y, z], axis=1), k, metric="chebyshev")[:, -1]
    near_z, near_xz, near_yz = (
        _mean_psi(count_neighbors(part, radius) + 1, x)
        for part in (z, jnp.concatenate([x, z], axis=1), jnp.concatenate([y, z], axis=1))
    )
    return _psi(k, x) + near_z - near_xz - near_yz


def transfer_entropy(
    source: Real[ArrayLike, "t *dx"],
    target: Real[ArrayLike, "t *dy"],
    *,
    k: int = 4,
    source_length: int = 1,
    target_length: int = 1,
    source_stride: int = 1,
    target_stride: int = 1,
    delay: int = 1,
    standardize: bool = False,
) -> Scalar:
    """Transfer entropy, what the past of a source tells of a target's next value beyond the target's own past.

    T = I(y_t; x_{t-u}, x_{t-u-s}, ..., x_{t-u-(l-1)s} | y_{t-1}, y_{t-1-r}, ..., y_{t-1-(m-1)r}), by
    `ksg_conditional_mutual_information`.

    Args:
        source: series x, shape (t, dx) or (t,).
        target: series y, shape (t, dy) or (t,), at the same times.
        k: number of the neighbour.
        source_length: l, values of the source's past.
        target_length: m, values of the target's past. Too few, and the target's own memory is ascribed to the source.
        source_stride: s, steps between the source's values.
        target_stride: r, steps between the target's values.
        delay: u, steps from the source's latest value to the target's.
        standardize: whether every column is given mean 0 and standard deviation 1 first.

    Returns:
        T in nats for one step, negative values included.

    Raises:
        ValueError: the lengths differ, the embeddings leave k or fewer times, or a value is not finite.

    Its gradient is zero, as that of all counts. Source: Schreiber, arXiv nlin/0001042, with the delay of Wibral et al.,
    arXiv 1206.5136.
    """
    (x, y), checks = as_samples(k=k, source=source, target=target)
    options = {
        "source_length": source_length,
        "target_length": target_length,
        "source_stride": source_stride,
        "target_stride": target_stride,
        "delay": delay,
    }
    for name, value in options.items():
        _checks.require_integer(name, value, minimum=1)
    first = max(delay + (source_length - 1) * source_stride, 1 + (target_length - 1) * target_stride)
    times = x.shape[0] - first
    if times <= k:
        raise ValueError(f"source must have more than {first + k} times for these embeddings, got {x.shape[0]}")

    def past(z: Array, lag: int, length: int, stride: int) -> Array:
        starts = [first - lag - i * stride for i in range(length)]
        return jnp.concatenate([z[start : start + times] for start in starts], axis=1)

    future = y[first:]
    x_past, y_past = past(x, delay, source_length, source_stride), past(y, 1, target_length, target_stride)
    return _checks.enforce(_conditional(x_past, future, y_past, k, standardize), *checks)
