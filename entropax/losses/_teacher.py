"""What losses of distillation share: a teacher beside the student, and temperatures."""

from typing import Any

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array
from entropax.losses._classification import Examples, examples


def student_and_teacher(
    logits: Any, teacher_logits: Any, labels: Any, where: Any, *, soft: bool = True
) -> tuple[Examples, Array]:
    """The student's examples, and the teacher's logits: held constant, zero where masked.

    Args:
        logits: of the student, shape (..., n) with n >= 2.
        teacher_logits: the same shape.
        labels: see `examples`.
        where: see `examples`.
        soft: whether labels may be distributions.

    Raises:
        ValueError: a shape does not fit, or n < 2.
        TypeError: see `examples`.
    """
    given = examples(logits, labels, where, soft=soft)
    teacher = _checks.as_float("teacher_logits", teacher_logits).astype(given.logits.dtype)
    _checks.require_same_shape(logits=given.logits, teacher_logits=teacher)
    if given.where is not None:
        teacher = jnp.where(given.where[..., None], teacher, 0)
    return given, jax.lax.stop_gradient(teacher)


def as_temperature(name: str, value: Any, dtype: Any) -> tuple[Array, _checks.Check]:
    """A number that must be positive, and its check."""
    (number,) = _checks.as_numbers(**{name: value})
    return number.astype(dtype), _checks.positive(name, number)
