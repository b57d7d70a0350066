"""Distances from samples to centres that come from a norm: Euclidean, Manhattan, Minkowski, cosine, Mahalanobis."""

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, RealScalar
from entropax.nn import _pairwise


def euclidean_distance(
    x: Real[ArrayLike, "*batch k"],
    centers: Real[ArrayLike, "v k"],
    *,
    squared: bool = False,
    expand: bool = False,
    eps: RealScalar = 0.0,
    block_size: int | None = None,
) -> Float[Array, "*batch v"]:
    """Euclidean distance, sqrt(|x - w_i|^2 + eps).

    Args:
        x: samples, shape (..., k).
        centers: w, shape (v, k).
        squared: whether to leave out the root.
        expand: whether to compute |x|^2 + |w|^2 - 2 x.w, one matrix product, cut at zero: much faster for many centres,
            but distances that are small against the norms lose all digits, and with them the gradient.
        eps: at least 0; the study of arXiv 2603.10225 has 1e-4.
        block_size: centres at a time, which bounds the memory of the differences; None for all. `expand` needs none.

    Returns:
        The distances, shape (..., v), in the dtype of the inputs.

    Raises:
        ValueError: a shape does not fit, or eps is negative.

    Differentiable in x, the centres and eps; at zero distance the gradient is set to zero.
    """
    x, w, dtype = _pairwise.operands(x, centers)
    _pairwise.require_block_size(block_size)
    (eps,) = _pairwise.parameters(x.dtype, eps=eps)
    squares = _expanded(x, w) if expand else _pairwise.over_centers(_square, block_size, x, w)
    d = squares + eps if squared else _pairwise.safe_sqrt(squares + eps)
    return _checks.enforce(d.astype(dtype), _checks.nonnegative("eps", eps))


def manhattan_distance(
    x: Real[ArrayLike, "*batch k"],
    centers: Real[ArrayLike, "v k"],
    *,
    eps: RealScalar = 0.0,
    block_size: int | None = None,
) -> Float[Array, "*batch v"]:
    """Manhattan distance, sum_k |x_k - w_ik| + eps.

    Args:
        x: samples, shape (..., k).
        centers: w, shape (v, k).
        eps: at least 0; the study of arXiv 2603.10225 has 1e-4.
        block_size: centres at a time, which bounds the memory of the differences; None for all.

    Returns:
        The distances, shape (..., v), in the dtype of the inputs.

    Raises:
        ValueError: a shape does not fit, or eps is negative.

    Differentiable in x, the centres and eps, but for the kinks where coordinates agree.
    """
    x, w, dtype = _pairwise.operands(x, centers)
    _pairwise.require_block_size(block_size)
    (eps,) = _pairwise.parameters(x.dtype, eps=eps)
    d = _pairwise.over_centers(_manhattan, block_size, x, w) + eps
    return _checks.enforce(d.astype(dtype), _checks.nonnegative("eps", eps))


def minkowski_distance(
    x: Real[ArrayLike, "*batch k"],
    centers: Real[ArrayLike, "v k"],
    order: RealScalar = 1.5,
    *,
    eps: RealScalar = 0.0,
    block_size: int | None = None,
) -> Float[Array, "*batch v"]:
    """Minkowski distance, (sum_k (|x_k - w_ik| + eps)^p + eps)^(1/p) + eps.

    Order 1 is Manhattan, 2 is Euclidean; the limit of large orders is the maximum norm, `chebyshev_distance`.

    Args:
        x: samples, shape (..., k).
        centers: w, shape (v, k).
        order: p, at least 1; the study of arXiv 2603.10225 has 1.5 and 3.
        eps: at least 0; 1e-4 in the study.
        block_size: centres at a time, which bounds the memory of the differences; None for all.

    Returns:
        The distances, shape (..., v), in the dtype of the inputs.

    Raises:
        ValueError: a shape does not fit, the order is less than 1 or infinite, or eps is negative.

    Differentiable in x, the centres, the order and eps; at zero distance the gradient is set to zero.
    """
    x, w, dtype = _pairwise.operands(x, centers)
    _pairwise.require_block_size(block_size)
    order, eps = _pairwise.parameters(x.dtype, order=order, eps=eps)
    checks = (
        _checks.within("order", order, 1, np.finfo(order.dtype).max, "at least 1 and finite"),
        _checks.nonnegative("eps", eps),
    )
    d = _pairwise.over_centers(_minkowski, block_size, x, w, order, eps)
    return _checks.enforce(d.astype(dtype), *checks)


def cosine_distance(
    x: Real[ArrayLike, "*batch k"],
    centers: Real[ArrayLike, "v k"],
    *,
    variant: Literal["stable", "unstable"] = "stable",
    expand: bool = False,
    eps: RealScalar = 0.0,
    block_size: int | None = None,
) -> Float[Array, "*batch v"]:
    """Cosine distance, 1 - cos(x, w_i) + eps; a zero vector is at right angles to all.

    Args:
        x: samples, shape (..., k).
        centers: w, shape (v, k).
        variant: "stable" normalises both first; "unstable" adds eps to the product of the norms, too.
        expand: whether "stable" computes 1 - cos by one matrix product, cut at zero, instead of |x/|x| - w/|w||^2 / 2:
            much faster for many centres, but small distances lose their digits. "unstable" always does.
        eps: at least 0; the study of arXiv 2603.10225 has 1e-4.
        block_size: centres at a time, which bounds the memory of the differences; None for all.

    Returns:
        The distances in [eps, 2 + eps], shape (..., v), in the dtype of the inputs.

    Raises:
        ValueError: a shape does not fit, the variant is unknown, or eps is negative.

    Differentiable in x and the centres, away from zero vectors, where the gradient is set to zero, and in eps.
    """
    _checks.require_option("variant", variant, ("stable", "unstable"))
    x, w, dtype = _pairwise.operands(x, centers)
    _pairwise.require_block_size(block_size)
    (eps,) = _pairwise.parameters(x.dtype, eps=eps)
    if variant == "unstable":
        norms, lengths = _norm(x), _norm(w)
        product = norms[..., None] * lengths.reshape((1,) * (x.ndim - 1) + lengths.shape) + eps
        positive = product > 0
        d = jnp.maximum(1 - jnp.where(positive, _products(x, w) / jnp.where(positive, product, 1), 0), 0)
    else:
        u, v = _unit(x), _unit(w)
        if expand:
            d = jnp.maximum(1 - _products(u, v), 0)
        else:
            zeros = _half_at_zero(x)[..., None] + _half_at_zero(w).reshape((1,) * (x.ndim - 1) + w.shape[:1])
            d = _pairwise.over_centers(_square, block_size, u, v) / 2 + zeros
    return _checks.enforce((d + eps).astype(dtype), _checks.nonnegative("eps", eps))


def mahalanobis_distance(
    x: Real[ArrayLike, "*batch k"],
    centers: Real[ArrayLike, "v k"],
    precision: Real[ArrayLike, "..."],
    *,
    eps: RealScalar = 0.0,
    block_size: int | None = None,
) -> Float[Array, "*batch v"]:
    """Mahalanobis distance, sqrt((x - w_i)^T P (x - w_i) + eps).

    Args:
        x: samples, shape (..., k).
        centers: w, shape (v, k).
        precision: P, symmetric and positive semidefinite, shape (k, k), or its diagonal, shape (k,).
        eps: at least 0; the study of arXiv 2603.10225 has 1e-4, and adds it once more outside the root.
        block_size: centres at a time, which bounds the memory of the differences; None for all.

    Returns:
        The distances, shape (..., v), in the dtype of the inputs.

    Raises:
        ValueError: a shape does not fit, P is not symmetric and positive semidefinite, or eps is negative.

    Differentiable in x, the centres, P and eps; at zero distance the gradient is set to zero. Learned precisions:
    `MahalanobisDistance`.
    """
    x, centers, precision = _checks.as_floats(x=x, centers=centers, precision=precision)
    x, w, dtype = _pairwise.operands(x, centers)
    P, k = _checks.accumulated(precision), x.shape[-1]
    if P.shape not in ((k,), (k, k)):
        raise ValueError(f"precision must have shape ({k}, {k}) or ({k},), got {P.shape}")
    _pairwise.require_block_size(block_size)
    (eps,) = _pairwise.parameters(x.dtype, eps=eps)
    fault = _checks.nonnegative("precision", P) if P.ndim == 1 else _semidefinite(P)
    d = mahalanobis_of(x, w, P, eps, block_size)
    return _checks.enforce(d.astype(dtype), fault, _checks.nonnegative("eps", eps))


def mahalanobis_of(x: Array, w: Array, P: Array, eps: Array, block_size: int | None) -> Array:
    """`mahalanobis_distance` of arguments that are checked: P (x - w) is P x - P w, so P meets no pairs.

    Args:
        x: samples, shape (..., k).
        w: centres, shape (n, k).
        P: precision, shape (k, k) or (k,).
        eps: added under the root, without axes.
        block_size: centres at a time, or None.

    Returns:
        The distances, shape (..., n).

    Differentiable in all arrays.
    """
    px, pw = (_mapped(a, P) for a in (x, w))
    joined = (jnp.concatenate(pair, axis=-1) for pair in ((x, px), (w, pw)))
    squares = _pairwise.over_centers(_product_of_halves, block_size, *joined)
    # Rounding can leave a small negative number of a semidefinite form; a large one is an indefinite P, and NaN.
    sizes = (jnp.sum(jnp.abs(a * pa), axis=-1) for a, pa in ((x, px), (w, pw)))
    size = next(sizes)[..., None] + next(sizes).reshape((1,) * (x.ndim - 1) + w.shape[:1])
    rounding = 100 * jnp.finfo(x.dtype).eps * jax.lax.stop_gradient(size)
    return _pairwise.safe_sqrt(jnp.where((squares < 0) & (squares >= -rounding), 0, squares) + eps)


def _mapped(x: Array, P: Array) -> Array:
    if P.ndim == 1:
        return x * P.reshape((1,) * (x.ndim - 1) + P.shape)
    return jnp.matmul(x, P, precision="highest")


def _square(x: Array, w: Array) -> Array:
    return jnp.sum((x - w) ** 2, axis=-1)


def _manhattan(x: Array, w: Array) -> Array:
    return jnp.sum(_pairwise.magnitude(x - w), axis=-1)


def _product_of_halves(x: Array, w: Array) -> Array:
    difference, mapped = jnp.split(x - w, 2, axis=-1)
    return jnp.sum(difference * mapped, axis=-1)


def _minkowski(x: Array, w: Array, order: Array, eps: Array) -> Array:
    a = _pairwise.magnitude(x - w) + eps
    # In units of the largest part, so that no power over- or underflows.
    unit = jnp.maximum(jnp.max(a, axis=-1, keepdims=True), eps ** (1 / order))
    unit = jax.lax.stop_gradient(jnp.where(unit > 0, unit, 1))
    positive = a > 0
    powers = jnp.where(positive, jnp.exp(order * jnp.log(jnp.where(positive, a, unit) / unit)), 0)
    unit = unit[..., 0]
    total = jnp.sum(powers, axis=-1) + eps * unit**-order
    positive = total > 0
    return jnp.where(positive, unit * jnp.where(positive, total, 1) ** (1 / order), 0) + eps


@jax.jit
def _products(x: Array, w: Array) -> Array:
    return jnp.einsum("...k,vk->...v", x, w, precision="highest")


@jax.jit
def _expanded(x: Array, w: Array) -> Array:
    lengths = jnp.sum(w**2, axis=-1).reshape((1,) * (x.ndim - 1) + w.shape[:1])
    return jnp.maximum(jnp.sum(x**2, axis=-1, keepdims=True) + lengths - 2 * _products(x, w), 0)


def _norm(x: Array) -> Array:
    return _pairwise.safe_sqrt(jnp.sum(x**2, axis=-1))


def _unit(x: Array) -> Array:
    """x / |x|; zero stays zero, without a gradient. Scaled first, so that no square over- or underflows."""
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(x), axis=-1, keepdims=True))
    x = x / jnp.where(largest > 0, largest, 1)
    norm = _norm(x)
    return x / jnp.where(norm > 0, norm, 1)[..., None]


def _half_at_zero(x: Array) -> Array:
    """What |u - v|^2 / 2 of unit vectors lacks of 1 where one is the zero vector."""
    return jnp.where(jnp.any(x != 0, axis=-1), 0, 0.5).astype(x.dtype)


def _semidefinite(P: Array) -> _checks.Check:
    """`P` is symmetric and positive semidefinite, up to rounding."""
    with _checks.evaluated_now(P):
        P = jax.lax.stop_gradient(P)
        values = jnp.linalg.eigvalsh((P + P.T) / 2)
        rounding = 10 * P.shape[0] * jnp.finfo(P.dtype).eps * jnp.max(jnp.abs(P))
        ok = (values[0] >= -rounding) & (jnp.max(jnp.abs(P - P.T)) <= rounding)

    def got() -> str:
        asymmetry = float(np.max(np.abs(np.asarray(P - P.T))))
        return f"smallest eigenvalue {float(values[0]):.6g} and asymmetry {asymmetry:.6g}"

    return _checks.Check(ok, "precision must be symmetric and positive semidefinite", got)
