"""Distillation as matching: a teacher's distribution, its two parts, or its correlations."""

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar, Scalar
from entropax.losses._teacher import as_temperature, student_and_teacher


def kd_loss(
    logits: Real[ArrayLike, "*batch n"],
    teacher_logits: Real[ArrayLike, "*batch n"],
    labels: Real[ArrayLike, "..."],
    *,
    label_weight: RealScalar = 0.1,
    temperature: RealScalar = 2.0,
    where: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "*batch"]:
    """Knowledge distillation: a CE(y, softmax(s)) + (1 - a) tau^2 KL(softmax(t / tau) || softmax(s / tau)).

    tau^2 keeps the gradient's size as the temperature rises. With a = 1 it is cross-entropy.

    Args:
        logits: s of the student, shape (..., n).
        teacher_logits: t, shape (..., n).
        labels: integers of shape (...), or distributions of shape (..., n).
        label_weight: a, in [0, 1].
        temperature: tau, positive.
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses in nats, shape (...), float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, a label is out of range or no distribution,
            label_weight leaves [0, 1], or the temperature is not positive.
        TypeError: labels are neither integers nor floating, or where is not boolean.

    Differentiable in the student's logits and in labels that are distributions; the teacher and the temperature are
    held constant. Source: arXiv 1503.02531.
    """
    given, teacher = student_and_teacher(logits, teacher_logits, labels, where)
    tau, positive = as_temperature("temperature", temperature, teacher.dtype)
    weight, share = _share(label_weight, teacher.dtype)
    cross_entropy = given.pick(-jax.nn.log_softmax(given.logits, axis=-1))
    matching = _kl(jax.nn.log_softmax(teacher / tau, axis=-1), jax.nn.log_softmax(given.logits / tau, axis=-1))
    return given.finish(weight * cross_entropy + (1 - weight) * tau**2 * matching, positive, share)


def dkd_loss(
    logits: Real[ArrayLike, "*batch n"],
    teacher_logits: Real[ArrayLike, "*batch n"],
    labels: Int[ArrayLike, "*batch"],
    *,
    target_weight: RealScalar = 1.0,
    other_weight: RealScalar = 8.0,
    temperature: RealScalar = 4.0,
    where: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "*batch"]:
    """Decoupled distillation: tau^2 (alpha KL of (q_y, 1 - q_y) + beta KL of the other classes among themselves).

    Of the teacher's distribution from the student's, both at temperature tau. With alpha 1 and beta 1 - q_y of the
    teacher the sum is the KL of `kd_loss`, in which a sure teacher silences what it knows of the other classes. It is
    the distillation alone: add it to a cross-entropy.

    Args:
        logits: of the student, shape (..., n).
        teacher_logits: shape (..., n).
        labels: integers of shape (...).
        target_weight: alpha, non-negative.
        other_weight: beta, non-negative.
        temperature: tau, positive.
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses in nats, shape (...), float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, a label is out of range, a weight is
            negative, or the temperature is not positive.
        TypeError: labels are not integers, or where is not boolean.

    Differentiable in the student's logits; the teacher and the temperature are held constant.
    Source: arXiv 2203.08679.
    """
    given, teacher = student_and_teacher(logits, teacher_logits, labels, where, soft=False)
    tau, positive = as_temperature("temperature", temperature, teacher.dtype)
    weights = _checks.as_numbers(target_weight=target_weight, other_weight=other_weight)
    alpha, beta = (weight.astype(teacher.dtype) for weight in weights)
    checks = (_checks.nonnegative("target_weight", alpha), _checks.nonnegative("other_weight", beta))
    of_teacher, of_student = _decoupled(teacher / tau, given.labels), _decoupled(given.logits / tau, given.labels)
    target, other = (_kl(t, s) for t, s in zip(of_teacher, of_student, strict=True))
    return given.finish(tau**2 * (alpha * target + beta * other), positive, *checks)


def dist_loss(
    logits: Real[ArrayLike, "b n"],
    teacher_logits: Real[ArrayLike, "b n"],
    labels: Real[ArrayLike, "..."],
    *,
    label_weight: RealScalar = 1.0,
    inter_weight: RealScalar = 2.0,
    intra_weight: RealScalar = 2.0,
    temperature: RealScalar = 4.0,
    where: Bool[ArrayLike, "b"] | None = None,
) -> Scalar:
    """DIST: a CE + b tau^2 mean_i (1 - corr(S[i, :], T[i, :])) + c tau^2 mean_j (1 - corr(S[:, j], T[:, j])).

    S and T are the distributions of student and teacher at temperature tau, corr is Pearson's: within examples (inter)
    and within classes (intra). A loss of the batch as a whole. A row or column that is constant up to rounding
    correlates with nothing: 0, without gradient.

    Args:
        logits: of the student, shape (b, n).
        teacher_logits: shape (b, n).
        labels: integers of shape (b,), or distributions of shape (b, n).
        label_weight: a, non-negative. The defaults are those of arXiv 2506.12542 for CIFAR-100; for ImageNet it takes
            0.1, 0.45, 0.45 at temperature 1.
        inter_weight: b, non-negative.
        intra_weight: c, non-negative.
        temperature: tau, positive.
        where: which examples count, shape (b,).

    Returns:
        The loss in nats.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes or examples that count, a label is out of
            range or no distribution, a weight is negative, or the temperature is not positive.
        TypeError: labels are neither integers nor floating, or where is not boolean.

    Differentiable in the student's logits and in labels that are distributions; the teacher and the temperature are
    held constant. Source: arXiv 2205.10536.
    """
    given, teacher = student_and_teacher(logits, teacher_logits, labels, where)
    _checks.require_ndim("logits", given.logits, 2, "(b, n)")
    if given.logits.shape[0] < 2:
        raise ValueError(f"logits must have shape (b, n) with b >= 2 examples, got {given.logits.shape}")
    tau, positive = as_temperature("temperature", temperature, teacher.dtype)
    named = {"label_weight": label_weight, "inter_weight": inter_weight, "intra_weight": intra_weight}
    weights = [weight.astype(teacher.dtype) for weight in _checks.as_numbers(**named)]
    checks = [_checks.nonnegative(name, weight) for name, weight in zip(named, weights, strict=True)]
    counts = jnp.ones_like(teacher[:, 0]) if given.where is None else given.where.astype(teacher.dtype)
    total = jnp.sum(counts)
    enough = _checks.Check(total >= 2, "where must leave at least two examples", lambda: f"{int(total)}")

    cross_entropy = given.pick(-jax.nn.log_softmax(given.logits, axis=-1))
    s, t = jax.nn.softmax(given.logits / tau, axis=-1), jax.nn.softmax(teacher / tau, axis=-1)
    terms = (
        jnp.sum(counts * cross_entropy) / total,
        tau**2 * jnp.sum(counts * (1 - _correlation(s, t, jnp.ones_like(s)))) / total,
        tau**2 * jnp.mean(1 - _correlation(s.T, t.T, jnp.broadcast_to(counts, s.T.shape))),
    )
    loss = sum((weight * term for weight, term in zip(weights, terms, strict=True)), jnp.zeros_like(total))
    labels_ok = [check._replace(ok=jnp.all(check.ok)) for check in given.checks]
    return _checks.enforce(loss, *labels_ok, enough, positive, *checks)


@jax.jit
def _kl(log_p: Array, log_q: Array) -> Array:
    p = jnp.exp(log_p)
    present = p > 0
    surplus = jnp.where(present, log_p, 0) - jnp.where(present, log_q, 0)
    return jnp.sum(p * surplus, axis=-1)


@jax.jit
def _decoupled(logits: Array, labels: Array) -> tuple[Array, Array]:
    """Logarithms of (q_y, 1 - q_y), shape (..., 2), and of the distribution of the other classes, (..., n)."""
    classes = jax.lax.broadcasted_iota(labels.dtype, logits.shape, logits.ndim - 1)
    is_label = classes == labels[..., None]
    others = jnp.where(is_label, -jnp.inf, logits)
    of_others = jax.nn.logsumexp(others, axis=-1)
    pair = jnp.stack([jnp.take_along_axis(logits, labels[..., None], axis=-1)[..., 0], of_others], axis=-1)
    among_others = jnp.where(is_label, -jnp.inf, logits - of_others[..., None])
    return jax.nn.log_softmax(pair, axis=-1), among_others


@jax.jit
def _correlation(x: Array, y: Array, weights: Array) -> Array:
    """Pearson's correlation over the last axis; 0 where one of the two is constant up to rounding.

    The values are not negative. Their largest is brought to one: squares of a rare class's probabilities underflow.
    """

    def scaled(a: Array) -> Array:
        top = jax.lax.stop_gradient(jnp.max(weights * a, axis=-1, keepdims=True))
        return weights * a / jnp.where(top > 0, top, 1)

    x, y = scaled(x), scaled(y)
    total = jnp.sum(weights, axis=-1, keepdims=True)
    centre = lambda a: weights * (a - jnp.sum(weights * a, axis=-1, keepdims=True) / total)  # noqa: E731
    u, v = centre(x), centre(y)
    scale = 8 * jnp.finfo(x.dtype).eps
    varies = lambda a, c: jnp.sum(c**2, axis=-1) > scale**2 * jnp.sum(weights * a**2, axis=-1)  # noqa: E731
    ok = varies(x, u) & varies(y, v)
    norms = jnp.sum(u**2, axis=-1) * jnp.sum(v**2, axis=-1)
    return jnp.where(ok, jnp.sum(u * v, axis=-1) / jnp.sqrt(jnp.where(ok, norms, 1)), 0)


def _share(value: RealScalar, dtype: jnp.dtype) -> tuple[Array, _checks.Check]:
    (number,) = _checks.as_numbers(label_weight=value)
    return number.astype(dtype), _checks.within("label_weight", number, 0, 1, "in [0, 1]")
