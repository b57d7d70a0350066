"""Equations of motion from data: sparse regression of derivatives on a library of functions (SINDy)."""

import functools
import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks, _lapack
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar, Scalar


class SparseRegression(eqx.Module):
    """Coefficients of a sparse regression.

    Attributes:
        value: coefficients, shape (p, k): targets ~ features @ value. Zero off the support.
        support: which are not zero, shape (p, k).
        residual: root mean square of what is left of the targets.
        iterations: thresholdings after which the support no longer changed.
        converged: whether it stopped changing.
    """

    value: Float[Array, "p k"]
    support: Bool[Array, "p k"]
    residual: Scalar
    iterations: Int[Array, ""]
    converged: Bool[Array, ""]


def polynomial_features(x: Real[ArrayLike, "n d"], *, degree: int = 2) -> Float[Array, "n p"]:
    """All monomials up to a degree: 1, x_1, ..., x_d, x_1^2, x_1 x_2, ..., by degree and then in lexicographic order.

    Args:
        x: points, shape (n, d).
        degree: the largest, at least 0.

    Returns:
        Monomials, shape (n, p), p = C(d + degree, degree); `polynomial_exponents` names the columns.

    Raises:
        ValueError: x has another shape or is not finite, or the degree is negative.

    Differentiable in x. Source: arXiv 1509.03580.
    """
    points = _points(x)
    columns = [jnp.ones_like(points[:, 0])]
    for exponents in polynomial_exponents(points.shape[1], degree=degree)[1:]:
        factors = [points[:, axis] for axis, power in enumerate(exponents) for _ in range(power)]
        columns.append(functools.reduce(jnp.multiply, factors))
    return _checks.enforce(jnp.stack(columns, axis=1), _checks.finite("x", points))


def polynomial_exponents(dimension: int, *, degree: int = 2) -> np.ndarray:
    """The powers of each coordinate in the columns of `polynomial_features`.

    Args:
        dimension: d, number of coordinates.
        degree: the largest.

    Returns:
        Powers, integers of shape (p, d).

    Raises:
        ValueError: a number is out of range.
    """
    _checks.require_integer("dimension", dimension, minimum=1)
    _checks.require_integer("degree", degree, minimum=0)
    rows = []
    for total in range(degree + 1):
        for chosen in itertools.combinations_with_replacement(range(dimension), total):
            rows.append(np.bincount(np.array(chosen, int), minlength=dimension))
    return np.stack(rows)


def fourier_features(x: Real[ArrayLike, "n d"], *, num_frequencies: int = 10) -> Float[Array, "n p"]:
    """Sines and cosines of every coordinate, sin k x_i and cos k x_i for k = 1 ... num_frequencies.

    Args:
        x: points, shape (n, d).
        num_frequencies: the largest k, at least 1.

    Returns:
        Features, shape (n, 2 d num_frequencies): for every k the sines of all coordinates, then the cosines.

    Raises:
        ValueError: x has another shape or is not finite, or num_frequencies is not positive.

    Differentiable in x. Source: arXiv 1509.03580.
    """
    points = _points(x)
    _checks.require_integer("num_frequencies", num_frequencies, minimum=1)
    waves = [wave(k * points) for k in range(1, num_frequencies + 1) for wave in (jnp.sin, jnp.cos)]
    return _checks.enforce(jnp.concatenate(waves, axis=1), _checks.finite("x", points))


def sparse_regression(
    features: Real[ArrayLike, "n p"],
    targets: Real[ArrayLike, "n k"],
    threshold: RealScalar = 0.1,
    *,
    ridge: RealScalar = 0.05,
    iterations: int = 20,
) -> SparseRegression:
    """Sequentially thresholded least squares: regress, drop coefficients below a threshold, regress on what is left.

    Repeated until the support stays as it is; then the targets are regressed on it once more without the ridge. With
    values of a library at points of an orbit as features and its time derivatives as targets, this is SINDy.

    Args:
        features: shape (n, p).
        targets: shape (n, k); every column has a support of its own.
        threshold: smallest size of a coefficient that stays, at least 0.
        ridge: weight of the squared coefficients beside the sum of squares while the support is sought, at least 0.
        iterations: the most thresholdings.

    Returns:
        A `SparseRegression`.

    Raises:
        ValueError: shapes do not fit, a number is not finite, or the threshold or the ridge is negative.

    Differentiable in features and targets at a given support; the threshold has no gradient. Take features in float64:
    the normal equations square their condition. Source: Brunton et al. 2016, arXiv 1509.03580; arXiv 2110.05266.
    """
    A, b, cut, weight = _checks.as_floats(features=features, targets=targets, threshold=threshold, ridge=ridge)
    _checks.as_numbers(threshold=cut, ridge=weight)
    _checks.require_ndim("features", A, 2, "(n, p)")
    _checks.require_ndim("targets", b, 2, "(n, k)")
    if A.shape[0] != b.shape[0] or A.shape[0] < 1:
        raise ValueError(f"targets must have the {A.shape[0]} rows of features, got {b.shape}")
    _checks.require_integer("iterations", iterations, minimum=1)
    checks = (
        _checks.finite("features", A),
        _checks.finite("targets", b),
        _checks.nonnegative("threshold", cut),
        _checks.nonnegative("ridge", weight),
    )
    A, b, cut, weight = (_checks.accumulated(array) for array in (A, b, cut, weight))
    value, support, residual, used, converged = _thresholded(A, b, cut, weight, iterations)
    value, residual = _checks.enforce((value, residual), *checks)
    return SparseRegression(value, support, residual, used, converged & _checks.validity(*checks))


# ------------------------------------------------------------------------------------------------------------ kernels


@functools.partial(jax.jit, static_argnames="iterations")
def _thresholded(
    A: Array, b: Array, threshold: Array, ridge: Array, iterations: int
) -> tuple[Array, Array, Array, Array, Array]:
    gram, moments = A.T @ A, A.T @ b
    # The support is piecewise constant: only the last regression has gradients.
    fixed_gram, fixed_moments = jax.lax.stop_gradient((gram, moments))

    def step(carry: tuple[Array, Array, Array], _: None) -> tuple[tuple[Array, Array, Array], None]:
        support, used, changed = carry
        kept = support & (jnp.abs(_restricted(fixed_gram, fixed_moments, support, ridge)) >= threshold)
        return (kept, used + changed.astype(jnp.int32), jnp.any(kept != support)), None

    start = (jnp.ones(moments.shape, bool), jnp.int32(0), jnp.asarray(True))
    (support, used, changed), _ = jax.lax.scan(step, start, None, length=iterations)
    value = _restricted(gram, moments, support, jnp.zeros_like(ridge))
    square = jnp.mean((b - A @ value) ** 2)
    residual = jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1)), 0)
    return value, support, residual, used, ~changed


def _restricted(gram: Array, moments: Array, support: Array, ridge: Array) -> Array:
    """Least squares of every column on its own support, shape (p, k).

    Rows and columns off the support are those of the identity. Columns are scaled to unit length, and what rounding
    makes of a singular matrix is kept away by a ridge of its size.
    """
    size = jnp.sqrt(jnp.diagonal(gram) + ridge)
    size = jnp.where(size > 0, size, 1)
    p = gram.shape[0]
    floor = jnp.asarray(p * jnp.finfo(gram.dtype).eps, gram.dtype)

    def solve(moment: Array, kept: Array) -> Array:
        both = kept[:, None] & kept[None, :]
        scaled = (gram + ridge * jnp.eye(p, dtype=gram.dtype)) / (size[:, None] * size[None, :])
        matrix = jnp.where(both, scaled, 0) + jnp.diag(jnp.where(kept, floor, 1))
        return _lapack.solve(matrix, jnp.where(kept, moment / size, 0)[:, None])[:, 0] / size

    return jax.vmap(solve, in_axes=1, out_axes=1)(moments, support)


def _points(x: ArrayLike) -> Array:
    points = _checks.as_float("x", x)
    _checks.require_ndim("x", points, 2, "(n, d)")
    if points.shape[1] < 1:
        raise ValueError(f"x must have shape (n, d) with d >= 1, got {points.shape}")
    return points
