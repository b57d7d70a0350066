"""Agreement of predicted and true classes where one class is what is looked for."""

import jax.numpy as jnp

from entropax import _checks
from entropax._typing import ArrayLike, Bool, Real, Scalar


def f1_score(
    predicted: Bool[ArrayLike, "n"] | Real[ArrayLike, "n"],
    positive: Bool[ArrayLike, "n"] | Real[ArrayLike, "n"],
    *,
    where: Bool[ArrayLike, "n"] | None = None,
) -> Scalar:
    """The harmonic mean of precision and recall, F1 = 2 P R / (P + R) = 2 sum_i p_i y_i / (sum_i p_i + sum_i y_i).

    With probabilities for predictions it is the relaxed form, which has gradients and tends to the hard one as they
    become certain.

    Args:
        predicted: p, whether an example is taken for a positive one, or how probable that is, in [0, 1], shape (n,).
        positive: y, which examples are positive, booleans or zeros and ones, shape (n,).
        where: which examples count, shape (n,), all by default.

    Returns:
        The score, in [0, 1]; float32 for inputs of lower precision.

    Raises:
        ValueError: shapes differ, a prediction is outside [0, 1], an entry of positive is neither 0 nor 1, or nothing
            is positive and nothing predicted so.
        TypeError: where is not boolean.

    Differentiable in predictions that are probabilities. Source: van Rijsbergen 1979.
    """
    p, y = map(_checks.accumulated, _checks.as_floats(predicted=predicted, positive=positive))
    _checks.require_ndim("predicted", p, 1, "(n,)")
    _checks.require_same_shape(predicted=p, positive=y)
    mask = _checks.as_mask(where, p.shape)
    p, y = jnp.where(mask, p, 0), jnp.where(mask, y, 0)
    with _checks.evaluated_now(y):
        binary = _checks.Check(jnp.all((y == 0) | (y == 1)), "positive must hold zeros and ones", lambda: f"{y}")
    total = jnp.sum(p) + jnp.sum(y)
    with _checks.evaluated_now(total):
        some = _checks.Check(total > 0, "predicted or positive must name a positive example", lambda: "none")
    checks = (_checks.within("predicted", p, 0, 1, "in [0, 1]"), binary, some)
    return _checks.enforce(2 * jnp.sum(p * y) / jnp.where(total > 0, total, 1), *checks)
