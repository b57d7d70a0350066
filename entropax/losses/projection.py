"""Orthogonal projection: features of one class along one direction, those of different classes at right angles."""

from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks, nn
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar, Scalar
from entropax.losses._classification import as_classes

Reduction = Literal["abs_mean", "mean_abs", "signed"]
_READINGS = ("abs_mean", "mean_abs", "signed")


class ClassCosines(eqx.Module):
    """How features of one class and of different classes lie.

    Attributes:
        same: s, the mean cosine of pairs of one class; 0 if there is no such pair.
        different: d, the mean cosine of pairs of different classes; 0 if there is none.
        different_abs: the mean absolute cosine of those.
    """

    same: Scalar
    different: Scalar
    different_abs: Scalar


def class_cosines(
    features: Real[ArrayLike, "b k"],
    labels: Int[ArrayLike, " b"],
    *,
    normalize: bool = True,
    eps: RealScalar = 0.0,
    where: Bool[ArrayLike, " b"] | None = None,
) -> ClassCosines:
    """Mean cosines of pairs of features of one class, and of different classes.

    Args:
        features: f, shape (b, k) with b >= 2.
        labels: integers of shape (b,), any.
        normalize: whether f is scaled to length one; if not, inner products stand for cosines. A zero row stays zero.
        eps: added to the numbers of pairs; the published code has 1e-6.
        where: which examples count, shape (b,).

    Returns:
        The means, float32 for features of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two rows, or eps is negative.
        TypeError: labels are not integers, or where is not boolean.

    Differentiable in the features; the absolute cosines away from right angles, where their gradient is set to zero.
    """
    f, y, mask = _batch(features, labels, where)
    (eps,) = _checks.as_numbers(eps=eps)
    at_least_0, eps = _checks.nonnegative("eps", eps), eps.astype(f.dtype)
    u = _unit(f) if normalize else f
    products = _products(u, u)
    alike = y[:, None] == y[None, :]
    pair = ~jnp.eye(f.shape[0], dtype=bool)
    if mask is not None:
        pair = pair & mask[:, None] & mask[None, :]
    same, different = pair & alike, pair & ~alike
    means = ClassCosines(
        _mean(products, same, eps),
        _mean(products, different, eps),
        _mean(products * jnp.sign(products), different, eps),  # jnp.abs has slope 1 at a right angle
    )
    return _checks.enforce(means, at_least_0)


def orthogonal_projection_loss(
    features: Real[ArrayLike, "b k"],
    labels: Int[ArrayLike, " b"],
    *,
    gamma: RealScalar = 0.5,
    reduction: Reduction = "abs_mean",
    normalize: bool = True,
    eps: RealScalar = 0.0,
    where: Bool[ArrayLike, " b"] | None = None,
) -> Scalar:
    """Orthogonal projection loss of a batch, (1 - s) + gamma |d|; add it to a classification loss.

    s is the mean cosine of pairs of one class, d that of different classes (`class_cosines`). Three readings of the
    second term were published: "abs_mean", |d|, is the formula; "mean_abs" the mean of absolute cosines, in which
    pairs cannot cancel (most of the code); "signed", d itself, which drives classes apart beyond right angles and may
    be negative. A batch without a pair of one class has s = 0 and no gradient of it, one of a single class d = 0.

    Args:
        features: f, the layer before the logits, shape (b, k) with b >= 2; of the whole batch where devices share it.
        labels: integers of shape (b,).
        gamma: at least 0: 0.5 or 2.
        reduction: the reading.
        normalize: whether f is scaled to length one. A zero row stays zero and has no gradient.
        eps: added to the numbers of pairs; the published code has 1e-6.
        where: which examples count, shape (b,).

    Returns:
        The loss, float32 for features of lower precision: at least 0 but for "signed".

    Raises:
        ValueError: a shape does not fit, there are fewer than two rows, the reduction is unknown, or gamma or eps is
            negative.
        TypeError: labels are not integers, or where is not boolean.

    Differentiable in the features, gamma and eps; "abs_mean" where d is not 0, "mean_abs" where no pair is at right
    angles (there the gradient is set to zero). Source: arXiv 2103.14021.
    """
    _checks.require_option("reduction", reduction, _READINGS)
    means = class_cosines(features, labels, normalize=normalize, eps=eps, where=where)
    (gamma,) = _checks.as_numbers(gamma=gamma)
    second = {
        "abs_mean": means.different * jnp.sign(means.different),
        "mean_abs": means.different_abs,
        "signed": means.different,
    }[reduction]
    return _checks.enforce(1 - means.same + gamma.astype(second.dtype) * second, _checks.nonnegative("gamma", gamma))


def batch_self_attention(
    features: Real[ArrayLike, "b k"], *, where: Bool[ArrayLike, " b"] | None = None
) -> Float[Array, "b k"]:
    """softmax(F F^T) F: features smoothed over their batch, which the published code may do before the loss.

    Args:
        features: F, shape (b, k).
        where: which examples count, shape (b,); the others give zeros and no gradient.

    Returns:
        Shape (b, k), float32 for features of lower precision.

    Raises:
        ValueError: features are not a matrix, or where does not fit.
        TypeError: where is not boolean.

    Differentiable in the features. Source: arXiv 2103.14021.
    """
    f = _checks.accumulated(_checks.as_float("features", features))
    _checks.require_ndim("features", f, 2, "(b, k)")
    mask = _checks.as_mask(where, f.shape[:1])
    f = jnp.where(mask[:, None], f, 0)
    products = jnp.where(mask[None, :], _products(f, f), jnp.finfo(f.dtype).min)
    smoothed = jnp.matmul(jax.nn.softmax(products, axis=-1), f, precision="highest")
    return jnp.where(mask[:, None], smoothed, 0)


def projection_distillation_loss(
    student: Real[ArrayLike, "b k"], teacher: Real[ArrayLike, "b m"], *, where: Bool[ArrayLike, " b"] | None = None
) -> Scalar:
    """Distillation of a batch's cosines, sum_ij exp(T_ij) (T_ij - S_ij) / b^2, S and T those of student and teacher.

    A Kullback-Leibler divergence that takes cosines for log-probabilities, as the published code does; it is 0 where
    S = T but not least there, being linear in S.

    Args:
        student: features, shape (b, k).
        teacher: features, shape (b, m); stop their gradient where the teacher is not to learn.
        where: which examples count, shape (b,).

    Returns:
        The loss, float32 for features of lower precision; 0 where no example counts.

    Raises:
        ValueError: the shapes do not fit.
        TypeError: where is not boolean.

    Differentiable in both. Source: arXiv 2103.14021.
    """
    s, t = (_checks.accumulated(a) for a in _checks.as_floats(student=student, teacher=teacher))
    _checks.require_ndim("student", s, 2, "(b, k)")
    if t.ndim != 2 or t.shape[0] != s.shape[0]:
        raise ValueError(f"teacher must have shape ({s.shape[0]}, m), got {t.shape}")
    mask = _checks.as_mask(where, s.shape[:1])
    u, v = (_unit(jnp.where(mask[:, None], x, 0)) for x in (s, t))
    S, T = _products(u, u), _products(v, v)
    return _mean(jnp.exp(T) * (T - S), mask[:, None] & mask[None, :])


def perpetual_projection_loss(
    features: Real[ArrayLike, "b k"],
    labels: Int[ArrayLike, " b"],
    centers: Real[ArrayLike, "v k"],
    *,
    variant: Literal["features", "centers"] = "features",
    where: Bool[ArrayLike, " b"] | None = None,
) -> Scalar:
    """Orthogonal projection onto learned class centres, which outlive the batch.

    "features": (1 - mean_i cos(f_i, c_y)) / 2 + |mean_{i, k != y} cos(f_i, c_k)|. "centers":
    mean_i |1 - cos(f_i, c_y)| / 2 + sum_kl |G - I|_kl / v^2 with G the cosines of the centres.

    Args:
        features: f, shape (b, k).
        labels: integers in [0, v) of shape (b,).
        centers: c, shape (v, k) with v >= 2.
        variant: what is at right angles: features to other centres, or the centres.
        where: which examples count, shape (b,).

    Returns:
        The loss, float32 for features of lower precision.

    Raises:
        ValueError: a shape does not fit, the variant is unknown, or a label is out of range.
        TypeError: labels are not integers, or where is not boolean.

    Differentiable in features and centres. Source: arXiv 2103.14021.
    """
    _checks.require_option("variant", variant, ("features", "centers"))
    f, c, y, mask, check = _with_centers(features, labels, centers, where)
    inside = check._replace(ok=jnp.all(check.ok))
    w = _unit(c)
    cosines = _products(_unit(f), w)
    own = jnp.take_along_axis(cosines, y[:, None], axis=1, mode="clip")[:, 0]
    v = c.shape[0]
    pull = _mean(1 - own, mask) / 2
    if variant == "features":
        others = _mean((jnp.sum(cosines, axis=1) - own) / (v - 1), mask)
        return _checks.enforce(pull + others * jnp.sign(others), inside)
    off = _products(w, w) * (1 - jnp.eye(v, dtype=c.dtype))  # the diagonal of G - I is 0
    return _checks.enforce(pull + jnp.sum(off * jnp.sign(off)) / v**2, inside)


def center_loss(
    features: Real[ArrayLike, "b k"],
    labels: Int[ArrayLike, " b"],
    centers: Real[ArrayLike, "v k"],
    *,
    where: Bool[ArrayLike, " b"] | None = None,
) -> Float[Array, " b"]:
    """Center loss, |f - c_y|^2: the baseline that draws features to the learned centre of their class.

    Args:
        features: f, shape (b, k).
        labels: integers in [0, v) of shape (b,).
        centers: c, shape (v, k) with v >= 2.
        where: which examples count, shape (b,); the others give 0 and no gradient.

    Returns:
        One value an example, shape (b,), float32 for features of lower precision.

    Raises:
        ValueError: a shape does not fit, or a label is out of range.
        TypeError: labels are not integers, or where is not boolean.

    Differentiable in features and centres.
    """
    f, c, y, mask, inside = _with_centers(features, labels, centers, where)
    square = jnp.sum((f - jnp.take(c, y, axis=0, mode="clip")) ** 2, axis=-1)
    return _checks.enforce(jnp.where(mask, square, 0), inside)


def rbf_logits(
    features: Real[ArrayLike, "*batch k"],
    centers: Real[ArrayLike, "v k"],
    *,
    scale: RealScalar = 1.0,
    width: RealScalar = 1.0,
) -> Float[Array, "*batch v"]:
    """Logits of a radial head, scale exp(-|f - c_k|^2 / width): a baseline for any loss of logits.

    Args:
        features: f, shape (..., k).
        centers: c, shape (v, k).
        scale: the largest logit.
        width: positive.

    Returns:
        Shape (..., v), float32 for features of lower precision.

    Raises:
        ValueError: a shape does not fit, or the width is not positive.

    Differentiable in all.
    """
    f, c = (_checks.accumulated(a) for a in _checks.as_floats(features=features, centers=centers))
    scale, width = (number.astype(f.dtype) for number in _checks.as_numbers(scale=scale, width=width))
    logits = scale * jnp.exp(-nn.euclidean_distance(f, c, squared=True) / width)
    return _checks.enforce(logits, _checks.positive("width", width))


def _batch(features: Any, labels: Any, where: Any) -> tuple[Array, Array, Array | None]:
    f, y = _checks.accumulated(_checks.as_float("features", features)), _labels(labels)
    if f.ndim != 2 or f.shape[0] < 2:
        raise ValueError(f"features must have shape (b, k) with b >= 2, got {f.shape}")
    _checks.require_shape("labels", y, f.shape[:1])
    if where is None:
        return f, y, None
    mask = _checks.as_mask(where, f.shape[:1])
    return jnp.where(mask[:, None], f, 0), y, mask


def _labels(labels: Any) -> Array:
    if labels is None:
        raise TypeError("labels must be integers of shape (b,), got None")
    y = as_classes(labels)
    if not jnp.issubdtype(y.dtype, jnp.integer):
        raise TypeError(f"labels must be integers of shape (b,), got dtype {y.dtype}")
    return y


def _with_centers(
    features: Any, labels: Any, centers: Any, where: Any
) -> tuple[Array, Array, Array, Array, _checks.Check]:
    """Features (zero where masked), centres, labels (likewise), the mask, and the check of labels by example."""
    f, c = (_checks.accumulated(a) for a in _checks.as_floats(features=features, centers=centers))
    _checks.require_ndim("features", f, 2, "(b, k)")
    if c.ndim != 2 or c.shape[0] < 2 or c.shape[1] != f.shape[1]:
        raise ValueError(f"centers must have shape (v, {f.shape[1]}) with v >= 2, got {c.shape}")
    y = _labels(labels)
    _checks.require_shape("labels", y, f.shape[:1])
    mask, n = _checks.as_mask(where, y.shape), c.shape[0]
    f = jnp.where(mask[:, None], f, 0)
    with _checks.evaluated_now(y, mask):
        y = jnp.where(mask, y, 0)
    inside = _checks.within("labels", y, 0, n - 1, f"integers from 0 to {n - 1}, one of {n} classes", batch_ndim=1)
    return f, c, y, mask, inside


def _unit(x: Array) -> Array:
    """Rows of length one; a row of zeros stays, without gradient."""
    square = jnp.sum(x**2, axis=-1, keepdims=True)
    return jnp.where(square > 0, x * jax.lax.rsqrt(jnp.where(square > 0, square, 1)), 0)


def _products(x: Array, y: Array) -> Array:
    return jnp.einsum("ik,jk->ij", x, y, precision="highest")


def _mean(values: Array, chosen: Array, eps: Array | float = 0.0) -> Array:
    count = jnp.sum(chosen, dtype=values.dtype)
    return jnp.sum(jnp.where(chosen, values, 0)) / (jnp.maximum(count, 1) + eps)
