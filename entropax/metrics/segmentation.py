"""Overlap of predicted and true regions: intersections, unions, and the mean of their ratios over classes."""

from typing import Any

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, Scalar


def intersection_and_union(
    predictions: Real[ArrayLike, "..."],
    labels: Int[ArrayLike, "*pixels"],
    *,
    num_classes: int,
    where: Bool[ArrayLike, "..."] | None = None,
) -> tuple[Float[Array, "n"], Float[Array, "n"]]:
    """Pixels of each class that prediction and label share, and that at least one of them has.

    With distributions p for predictions, the relaxed I_k = sum_j p_jk y_jk and U_k = sum_j (p_jk + y_jk - p_jk y_jk),
    which tend to the counts as predictions become certain (logits over a temperature that tends to 0).

    Args:
        predictions: classes, integers of shape (...), or distributions over them, shape (..., n).
        labels: classes, integers in [0, n) of shape (...).
        num_classes: n.
        where: which pixels count, broadcastable to (...); the others are not looked at.

    Returns:
        Intersections and unions, shape (n,) each, which add over images; of the default float for integers.

    Raises:
        ValueError: a shape does not fit, a class is out of range, or a prediction is no distribution.
        TypeError: labels are not integers, predictions are boolean, or where is not boolean.

    Differentiable in predictions that are distributions. Source: Jaccard 1912.
    """
    _checks.require_integer("num_classes", num_classes, minimum=1)
    y = jnp.asarray(labels)
    if not jnp.issubdtype(y.dtype, jnp.integer):
        raise TypeError(f"labels must be integers, got dtype {y.dtype}")
    counted = _checks.as_mask(where, y.shape)
    y, known = _classes("labels", y, counted, num_classes)
    p = jnp.asarray(predictions)
    if jnp.issubdtype(p.dtype, jnp.integer):
        _checks.require_shape("predictions", p, y.shape)
        p, ok = _classes("predictions", p, counted, num_classes)
        both, either = _counts(p, y, counted, num_classes)
    elif jnp.issubdtype(p.dtype, jnp.floating):
        _checks.require_shape("predictions", p, (*y.shape, num_classes))
        p = jnp.where(counted[..., None], _checks.accumulated(p), 1 / num_classes)
        ok = _checks.distribution("predictions", p)
        with _checks.evaluated_now(ok.ok):
            ok = ok._replace(ok=jnp.all(ok.ok))
        axes = tuple(range(y.ndim))
        truth = jax.nn.one_hot(y, num_classes, dtype=p.dtype)
        both = jnp.sum(jnp.where(counted[..., None], p * truth, 0), axis=axes)
        either = jnp.sum(jnp.where(counted[..., None], p + truth - p * truth, 0), axis=axes)
    else:
        raise TypeError(f"predictions must be integers or distributions, got dtype {p.dtype}")
    return _checks.enforce((both, either), known, ok)


def mean_iou(intersections: Real[ArrayLike, "n"], unions: Real[ArrayLike, "n"]) -> Scalar:
    """Mean over classes of intersection over union.

    The figure of segmentation papers has both summed over all test images first; leave the background out by slicing
    its entry away. Classes that neither occur nor are predicted, of union 0, have no ratio and are left out.

    Args:
        intersections: by class, shape (n,).
        unions: by class, at least the intersections.

    Returns:
        The mean, in [0, 1].

    Raises:
        ValueError: shapes differ, an intersection is negative or above its union, or all unions are 0.

    Differentiable in both. Source: Everingham et al. 2010.
    """
    i, u = _checks.as_floats(intersections=intersections, unions=unions)
    _checks.require_ndim("intersections", i, 1, "(n,)")
    _checks.require_same_shape(intersections=i, unions=u)
    with _checks.evaluated_now(i, u):
        occurs = u > 0
        slack = _checks.sum_tolerance(u.dtype, u.size) * u
        inside = jnp.all((i >= 0) & (i <= u + slack) & jnp.isfinite(u))
        between = _checks.Check(inside, "intersections must be from 0 to the finite unions", lambda: f"{i} and {u}")
        some = _checks.Check(jnp.any(occurs), "unions must be positive for some class", lambda: f"{u}")
    i, u = _checks.enforce((i, u), between, some)  # classes that do not occur pass no gradient that NaN would reach
    ratio = jnp.where(occurs, i / jnp.where(occurs, u, 1), 0)
    return _checks.enforce(jnp.sum(ratio) / jnp.sum(occurs).astype(u.dtype), between, some)


def _counts(p: Array, y: Array, counted: Array, n: int) -> tuple[Array, Array]:
    """Intersections and unions of hard predictions, counted in integers: exact, and without an array (pixels, n)."""
    have = lambda these, where: jax.ops.segment_sum(where.ravel().astype(jnp.int32), these.ravel(), n)  # noqa: E731
    both = have(y, counted & (p.astype(y.dtype) == y))
    either = have(p, counted) + have(y, counted) - both
    dtype = jnp.result_type(float)
    return both.astype(dtype), either.astype(dtype)


def _classes(name: str, values: Any, counted: Array, n: int) -> tuple[Array, _checks.Check]:
    """Classes, 0 where they do not count and kept in range, and whether they were."""
    values = _checks.widened(jnp.where(counted, values, 0))
    check = _checks.within(name, values, 0, n - 1, f"integers from 0 to {n - 1}, one of {n} classes")
    return jnp.clip(values, 0, n - 1), check
