"""Checks of consistency between estimates: of seeds and bounds, of a critic's dimensions, of two embeddings."""

import itertools
from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Int, Real, Scalar
from entropax.estimators._samples import standardized


class Agreement(eqx.Module):
    """Whether several estimates of one quantity agree.

    Attributes:
        value: the largest distance between two of them, in standard errors of their difference.
        mean: their mean with weights 1 / error^2.
        agree: whether `value` is at most the number allowed.
    """

    value: Scalar
    mean: Scalar
    agree: Bool[Array, ""]


def agreement(
    values: Real[ArrayLike, "k"], standard_errors: Real[ArrayLike, "k"], *, num_errors: float = 2.0
) -> Agreement:
    """Compares estimates of one quantity, by several seeds or bounds: max |v_i - v_j| / sqrt(s_i^2 + s_j^2).

    Args:
        values: shape (k,), k >= 2.
        standard_errors: positive, shape (k,).
        num_errors: largest distance that counts as agreement.

    Returns:
        An `Agreement`.

    Raises:
        ValueError: shapes differ, there are fewer than two, a value is not finite or an error not positive.

    Differentiable in both arguments, where the largest distance is between one pair. Errors of estimates on the same
    samples are not independent, so the distance is conservative there.
    """
    v, s = _checks.as_floats(values=values, standard_errors=standard_errors)
    if v.ndim != 1 or v.size < 2:
        raise ValueError(f"values must have shape (k,) with k >= 2, got {v.shape}")
    _checks.require_same_shape(values=v, standard_errors=s)
    v, s = _checks.enforce((v, s), _checks.finite("values", v), _checks.positive("standard_errors", s))
    i, j = np.triu_indices(v.size, 1)
    distance = jnp.max(jnp.abs(v[i] - v[j]) / jnp.sqrt(s[i] ** 2 + s[j] ** 2))
    weights = (jnp.min(s) / s) ** 2
    return Agreement(distance, jnp.sum(weights * v) / jnp.sum(weights), distance <= num_errors)


class Saturation(eqx.Module):
    """Where estimates stop growing with the dimension of the critic's embedding.

    Attributes:
        value: the estimate there.
        standard_error: of `value`.
        dimension: the least dimension from which on estimates stay the same.
        saturated: whether it is below the largest one tried.
    """

    value: Scalar
    standard_error: Scalar
    dimension: Int[Array, ""]
    saturated: Bool[Array, ""]


def saturation(
    dimensions: Sequence[int],
    values: Real[ArrayLike, "k"],
    standard_errors: Real[ArrayLike, "k"],
    *,
    num_errors: float = 2.0,
    relative: float = 0.05,
) -> Saturation:
    """The least embedding dimension beyond which an estimate is stable.

    Stable are values at larger dimensions that all lie within num_errors standard errors of the difference, or within
    a fraction `relative`, of the value there.

    Args:
        dimensions: increasing, k >= 2 of them.
        values: the estimates, shape (k,).
        standard_errors: positive, shape (k,).
        num_errors: see above.
        relative: see above.

    Returns:
        A `Saturation`.

    Raises:
        ValueError: shapes differ, dimensions do not increase, a value is not finite or an error not positive.

    `value` and its error are differentiable in the values and errors; the dimension is piecewise constant. Source:
    arXiv 2506.00330.
    """
    sizes = tuple(int(d) for d in dimensions)
    if len(sizes) < 2 or any(a >= b for a, b in itertools.pairwise(sizes)):
        raise ValueError(f"dimensions must be two or more that increase, got {sizes}")
    v, s = _checks.as_floats(values=values, standard_errors=standard_errors)
    _checks.require_shape("values", v, (len(sizes),))
    _checks.require_same_shape(values=v, standard_errors=s)
    v, s = _checks.enforce((v, s), _checks.finite("values", v), _checks.positive("standard_errors", s))
    apart = jnp.abs(v[:, None] - v[None])
    near = (apart <= num_errors * jnp.sqrt(s[:, None] ** 2 + s[None] ** 2)) | (apart <= relative * jnp.abs(v)[:, None])
    later = np.arange(len(sizes))[None] > np.arange(len(sizes))[:, None]
    first = jnp.argmax(jnp.all(near | ~later, axis=1))  # the last dimension has none after it
    return Saturation(v[first], s[first], jnp.asarray(sizes, jnp.int32)[first], first < len(sizes) - 1)


def participation_ratio(
    zx: Real[ArrayLike, "n kx"], zy: Real[ArrayLike, "n ky"], *, squared: bool = False, standardize: bool = True
) -> Scalar:
    """The number of directions that two embeddings share, (sum_i s_i)^2 / sum_i s_i^2.

    s are the singular values of the cross-covariance of the embeddings, whose columns are divided by their standard
    deviations first.

    Args:
        zx: embeddings of x, shape (n, kx), such as `critic.embeddings(x, y)` gives.
        zy: embeddings of y, shape (n, ky).
        squared: whether to weigh directions by s^2 instead, (sum s^2)^2 / sum s^4, which noise inflates less.
        standardize: whether to divide by standard deviations; constant columns count nothing.

    Returns:
        The ratio, between 1 and min(kx, ky); NaN if no column of zx varies with one of zy.

    Raises:
        ValueError: shapes do not fit, or an entry is not finite.

    Differentiable in both where the singular values are positive and differ (with `squared` everywhere). Source: arXiv
    2602.08105; arXiv 2506.00330.
    """
    zx, zy = _checks.as_floats(zx=zx, zy=zy)
    zx, zy = _checks.accumulated(zx), _checks.accumulated(zy)
    _checks.require_ndim("zx", zx, 2, "(n, kx)")
    if zy.ndim != 2 or zy.shape[0] != zx.shape[0]:
        raise ValueError(f"zy must have shape ({zx.shape[0]}, ky), got {zy.shape}")
    checks = (_checks.finite("zx", zx), _checks.finite("zy", zy))
    centred = lambda z: z - jnp.mean(z, axis=0, keepdims=True)  # noqa: E731
    zx, zy = (standardized(z) if standardize else centred(z) for z in (zx, zy))
    covariance = zx.T @ zy / zx.shape[0]
    if squared:
        gram = covariance.T @ covariance if zy.shape[1] < zx.shape[1] else covariance @ covariance.T
        return _checks.enforce(jnp.trace(gram) ** 2 / jnp.sum(gram**2), *checks)
    s = jnp.linalg.svd(covariance, compute_uv=False)
    return _checks.enforce(jnp.sum(s) ** 2 / jnp.sum(covariance**2), *checks)
