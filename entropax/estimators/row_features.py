"""From two samples to the rows that an amortised estimator reads: what leaves mutual information alone is divided out.

Mutual information is unchanged by any invertible map of either side. A network that has to learn this from examples
needs many; preprocessing that is invariant by itself spares it them, and makes it right for data whose scales and
marginals it never saw.
"""

import functools
import math

import jax
import jax.numpy as jnp
from jax.scipy.special import ndtri

from entropax import _checks, _lapack
from entropax._typing import Array, ArrayLike, Bool, Float, Real

PREPROCESSINGS = ("none", "standardize", "asinh", "rank_normal", "canonical")
CONTEXT = 3
"""Columns that say how many rows and coordinates there are, which attention averages away."""

_QUARTILES = 2 * 0.6744897501960817  # from the lower to the upper quartile of a standard normal


def normal_scores(
    x: Real[ArrayLike, "n d"], *, temperature: float = 0.0, mask: Bool[ArrayLike, "n"] | None = None
) -> Float[Array, "n d"]:
    """Every column's entries replaced by normal quantiles of their ranks: Phi^-1((r - 1/2) / n).

    Ranks r count from one; equal entries share the mean of theirs, so that a constant column becomes zero. The scores
    do not change under strictly increasing maps of a column. They are constant between changes of order, so their
    gradient is zero; with a positive temperature t the count of smaller entries is soft,
    r_i - 1/2 = sum_j sigmoid((x_i - x_j) / (t s)) with s the interquartile range over that of a standard normal. As t
    goes to zero the soft scores go to the hard ones; they are unchanged by affine maps of a column, and by others as
    nearly as t is small.

    Args:
        x: shape (n, d).
        temperature: t; 0 for the hard scores. The soft ones take n^2 operations a column in place of n log n.
        mask: true for the rows that are data, shape (n,); the scores of the others are zero. All by default.

    Returns:
        Shape (n, d), in float32 for inputs of lower precision.

    Raises:
        ValueError: the shape is another, the temperature is negative, or an entry is not finite (under a
            transformation the result is NaN).

    Differentiable in x at a positive temperature.
    """
    values = _checks.accumulated(_checks.as_float("x", x))
    _checks.require_ndim("x", values, 2, "(n, d)")
    if not 0 <= temperature < math.inf:
        raise ValueError(f"temperature must be at least 0 and finite, got {temperature}")
    valid = _valid(mask, values)
    values = jnp.where(valid[:, None], values, jnp.zeros((), values.dtype))
    scores = _scores(values, valid, float(temperature))
    return _checks.enforce(scores, _checks.finite("x", values))


def paired_rows(
    x: Real[ArrayLike, "n dx"],
    y: Real[ArrayLike, "n dy"],
    *,
    max_dim: int,
    preprocessing: str = "canonical",
    temperature: float = 0.0,
    mask: Bool[ArrayLike, "n"] | None = None,
) -> Float[Array, "n f"]:
    """The rows (x_i, y_i) of two samples after a preprocessing, each side with zeros up to `max_dim` columns.

    - "none": the entries as they are, in 2 max_dim columns, as in arXiv 2511.18945. All others add three columns that
      hold log(n / 100), dx / max_dim and dy / max_dim in every row (columns that are constant do not count).
    - "standardize": mean zero, variance one. Invariant to location and scale. Differentiable.
    - "asinh": the arcsinh of these, so that heavy tails do not reach the network. Differentiable.
    - "rank_normal": `normal_scores`. Invariant to strictly increasing maps of every coordinate. Piecewise constant;
      differentiable with a positive temperature.
    - "canonical": the canonical coordinates of the normal scores: each side is whitened, with its correlation matrix R
      shrunk to (n R + d I) / (n + d), and turned so that u_k and v_k correlate only with each other, those that
      correlate most in front; in a fourth block of columns stands u_k v_k. Besides "rank_normal" it is invariant to the
      order and the signs of the coordinates of a side. Differentiable as "rank_normal" is, while the canonical
      correlations differ from each other.

    Args:
        x: shape (n, dx).
        y: shape (n, dy).
        max_dim: columns of a side in the result, at least dx and dy.
        preprocessing: one of the above.
        temperature: of the soft ranks, see `normal_scores`; 0 for hard ones.
        mask: true for the rows that are data, shape (n,); the others become zero. All by default.

    Returns:
        Shape (n, num_features(preprocessing, max_dim)).

    Raises:
        ValueError: shapes do not fit, the option is unknown, or an entry is not finite (under a transformation the
            result is NaN).
    """
    a, b = (_checks.accumulated(side) for side in _checks.as_floats(x=x, y=y))
    for name, side in (("x", a), ("y", b)):
        if side.ndim != 2 or not 1 <= side.shape[1] <= max_dim:
            raise ValueError(f"{name} must have shape (n, d) with 1 <= d <= {max_dim}, got {side.shape}")
    if a.shape[0] != b.shape[0]:
        raise ValueError(f"y must have as many rows as x, {a.shape[0]}, got shape {b.shape}")
    _checks.require_option("preprocessing", preprocessing, PREPROCESSINGS)
    if not 0 <= temperature < math.inf:
        raise ValueError(f"temperature must be at least 0 and finite, got {temperature}")
    valid = _valid(mask, a)
    a, b = (jnp.where(valid[:, None], side, jnp.zeros((), side.dtype)) for side in (a, b))
    rows = _rows(a, b, valid, max_dim, preprocessing, float(temperature))
    return _checks.enforce(rows, _checks.finite("x", a), _checks.finite("y", b))


def num_features(preprocessing: str, max_dim: int) -> int:
    """The number of columns of `paired_rows`.

    Args:
        preprocessing: its option.
        max_dim: columns of a side.

    Returns:
        The number.
    """
    _checks.require_option("preprocessing", preprocessing, PREPROCESSINGS)
    if preprocessing == "none":
        return 2 * max_dim
    return (3 if preprocessing == "canonical" else 2) * max_dim + CONTEXT


def _valid(mask: ArrayLike | None, x: Array) -> Array:
    if mask is None:
        return jnp.ones(x.shape[0], bool)
    valid = jnp.asarray(mask)
    _checks.require_shape("mask", valid, x.shape[:1])
    return valid


@functools.partial(jax.jit, static_argnames=("max_dim", "preprocessing", "temperature"))
def _rows(x: Array, y: Array, valid: Array, max_dim: int, preprocessing: str, temperature: float) -> Array:
    if preprocessing == "none":
        return jnp.concatenate([_padded(x, max_dim), _padded(y, max_dim)], axis=1)
    present = [_varies(side, valid) for side in (x, y)]
    if preprocessing in ("standardize", "asinh"):
        sides = [_standardized(side, valid) for side in (x, y)]
        blocks = [jnp.arcsinh(side) for side in sides] if preprocessing == "asinh" else sides
    else:
        blocks = [_scores(side, valid, temperature) for side in (x, y)]
        if preprocessing == "canonical":
            u, v = _canonical(blocks[0], blocks[1], present[0], present[1], jnp.sum(valid).astype(x.dtype))
            blocks = [u, v, u * v]
    counts = [jnp.sum(valid).astype(x.dtype), *(jnp.sum(p).astype(x.dtype) / max_dim for p in present)]
    context = jnp.stack([jnp.log(counts[0] / 100), *counts[1:]])
    held = jnp.where(valid[:, None], context[None, :], jnp.zeros((), x.dtype))
    return jnp.concatenate([*(_padded(block, max_dim) for block in blocks), held], axis=1)


def _padded(side: Array, max_dim: int) -> Array:
    return jnp.pad(side, ((0, 0), (0, max_dim - side.shape[1])))


def _varies(x: Array, valid: Array) -> Array:
    """Which columns hold more than one value."""
    low = jnp.min(jnp.where(valid[:, None], x, jnp.inf), axis=0)
    high = jnp.max(jnp.where(valid[:, None], x, -jnp.inf), axis=0)
    return high > low


def _standardized(x: Array, valid: Array) -> Array:
    n = jnp.sum(valid).astype(x.dtype)
    centred = jnp.where(valid[:, None], x - (jnp.sum(x, axis=0) / n)[None, :], jnp.zeros((), x.dtype))
    # A constant column is zero but for rounding, and no direction for the square root.
    varies = _varies(x, valid)
    variance = jnp.where(varies, jnp.sum(centred**2, axis=0) / n, jnp.ones((), x.dtype))
    return jnp.where(varies[None, :], centred / jnp.sqrt(variance)[None, :], jnp.zeros((), x.dtype))


@functools.partial(jax.jit, static_argnames="temperature")
def _scores(x: Array, valid: Array, temperature: float) -> Array:
    n = jnp.sum(valid).astype(x.dtype)
    # Rows that are no data come last in order, above all others.
    raised = jnp.where(valid[:, None], x, jnp.inf)
    if temperature:
        scale = jax.vmap(_scale, in_axes=(1, None))(raised, jnp.sum(valid))
        smaller = _soft_counts(x, valid, temperature * scale)
    else:
        smaller = jax.vmap(_counts, in_axes=1, out_axes=1)(jax.lax.stop_gradient(raised))
    smaller = jnp.where(valid[:, None], smaller, n / 2)
    return jnp.where(valid[:, None], ndtri(smaller / n), jnp.zeros((), x.dtype))


def _counts(column: Array) -> Array:
    """How many entries are smaller, and half of those that are equal."""
    ordered = jnp.sort(column)
    below, through = (jnp.searchsorted(ordered, column, side=side, method="scan") for side in ("left", "right"))
    return (below + through).astype(column.dtype) / 2


def _scale(column: Array, n: Array) -> Array:
    """The spread of the first n entries in order: one for a standard normal, and for a constant."""
    ordered = jnp.sort(column)
    spread = (ordered[n - 1 - n // 4] - ordered[n // 4]) / _QUARTILES
    whole = ordered[n - 1] - ordered[0]
    spread = jnp.where(spread > 0, spread, whole)  # more than half of the entries are equal
    return jnp.where(spread > 0, spread, jnp.ones((), column.dtype))


@jax.checkpoint  # n^2 numbers a column, which reverse mode computes again rather than keeps
def _soft_counts(x: Array, valid: Array, scale: Array) -> Array:
    differences = (x[:, None, :] - x[None, :, :]) / scale[None, None, :]
    return jnp.sum(jnp.where(valid[None, :, None], jax.nn.sigmoid(differences), 0), axis=1)


def _canonical(u: Array, v: Array, u_present: Array, v_present: Array, n: Array) -> tuple[Array, Array]:
    """Canonical coordinates of two sides of zero mean, as many as the smaller side has columns."""
    dim = max(u.shape[1], v.shape[1])
    sides = jnp.stack([_padded(u, dim), _padded(v, dim)])
    present = jnp.stack([jnp.pad(p, (0, dim - p.shape[0])) for p in (u_present, v_present)])
    variance = jnp.where(present, jnp.sum(sides**2, axis=1) / n, jnp.ones((), u.dtype))
    sides = sides / jnp.sqrt(variance)[:, None, :]
    count = jnp.sum(present, axis=1).astype(u.dtype)
    weight = (count / (n + count))[:, None, None]
    with jax.default_matmul_precision("highest"):
        correlation = sides.mT @ sides / n
        # The columns that are absent are zero: with a one on the diagonal they stay it.
        diagonal = jnp.where(present, weight[:, 0], jnp.ones((), u.dtype))
        shrunk = (1 - weight) * correlation + diagonal[:, :, None] * jnp.eye(dim, dtype=u.dtype)[None]
        _, white = _lapack.whiten(shrunk, sides.mT)
        left, right = white[0, : u.shape[1]], white[1, : v.shape[1]]
        p, q = _turns(left @ right.T / n)
        u, v = left.T @ p, right.T @ q
    # A pair may change its signs together; the skewness of u fixes them.
    sign = jnp.where(jnp.sum(u**3, axis=0) < 0, -1, 1).astype(u.dtype)[None, :]
    return u * sign, v * sign


@jax.custom_jvp
def _turns(cross: Array) -> tuple[Array, Array]:
    """The singular vectors of a matrix, left and right, as columns.

    Those of equal singular values may be turned among themselves at will; the derivative leaves such a turn out, where
    that of jnp.linalg.svd is not a number.
    """
    p, _, q = jnp.linalg.svd(cross, full_matrices=False)
    return p, q.T


@_turns.defjvp
def _turns_rule(primals: tuple[Array], tangents: tuple[Array]) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    (cross,), (d_cross,) = primals, tangents
    p, q = _turns(cross)
    with jax.default_matmul_precision("highest"):
        s = jnp.diagonal(p.T @ cross @ q)
        d_s = p.T @ d_cross @ q
        # dP = P Omega with Omega_ij = (dS_ij s_j + s_i dS_ji) / (s_j^2 - s_i^2), and so for Q with dS transposed.
        gaps = s[None, :] ** 2 - s[:, None] ** 2
        apart = jnp.abs(gaps) > 16 * jnp.finfo(s.dtype).eps * jnp.max(s) ** 2
        inverse = jnp.where(apart, 1 / jnp.where(apart, gaps, jnp.ones((), s.dtype)), jnp.zeros((), s.dtype))
        d_p = p @ (inverse * (d_s * s[None, :] + s[:, None] * d_s.T))
        d_q = q @ (inverse * (d_s.T * s[None, :] + s[:, None] * d_s))
        # Out of the plane of the vectors, on the side that has more columns than there are pairs.
        some = s > 4 * jnp.finfo(s.dtype).eps * jnp.max(s)
        over = jnp.where(some, 1 / jnp.where(some, s, jnp.ones((), s.dtype)), jnp.zeros((), s.dtype))[None, :]
        if cross.shape[0] > cross.shape[1]:
            moved = d_cross @ q
            d_p = d_p + (moved - p @ (p.T @ moved)) * over
        if cross.shape[1] > cross.shape[0]:
            moved = d_cross.T @ p
            d_q = d_q + (moved - q @ (q.T @ moved)) * over
    return (p, q), (d_p, d_q)
