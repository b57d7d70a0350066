"""What losses of classification share: logits, labels of both kinds, and masks."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array


class Examples(NamedTuple):
    """Logits and labels made ready: checked, of one accumulating dtype, harmless where masked.

    Attributes:
        logits: shape (..., n), float32 or wider; zeros in masked rows.
        labels: integers of shape (...), zero where masked, or distributions of shape (..., n).
        where: which examples count, shape (...), or None for all.
        checks: of the labels' values, one condition an example.
    """

    logits: Array
    labels: Array
    where: Array | None
    checks: tuple[_checks.Check, ...]

    @property
    def of_class(self) -> bool:
        """Whether labels are integers."""
        return not jnp.issubdtype(self.labels.dtype, jnp.floating)

    def pick(self, values: Array) -> Array:
        """What the labels say of values by class, shape (..., n): the label's value, or the mean under a distribution.

        A class without probability counts nothing, infinite values included; its value is the slope in its probability.
        """
        if self.of_class:  # clipped, so that the NaN of a label out of range has a path back
            return jnp.take_along_axis(values, self.labels[..., None], axis=-1, mode="clip")[..., 0]
        counts = (self.labels > 0) | jnp.isfinite(values)
        return jnp.sum(jnp.where(counts, self.labels, 0) * jnp.where(counts, values, 0), axis=-1)

    def distributions(self) -> Array:
        """The labels as distributions, shape (..., n)."""
        if self.of_class:
            n = self.logits.shape[-1]
            return jax.nn.one_hot(jnp.clip(self.labels, 0, n - 1), n, dtype=self.logits.dtype)
        return self.labels

    def finish(self, loss: Any, *checks: _checks.Check) -> Any:
        """The loss of every example: zero where masked, NaN (or an error) where a check fails."""
        where = self.where
        if where is not None:
            loss = jax.tree.map(lambda leaf: jnp.where(where, leaf, 0), loss)
        return _checks.enforce(loss, *self.checks, *checks)


def examples(logits: Any, labels: Any, where: Any = None, *, soft: bool = True, name: str = "logits") -> Examples:
    """Checks logits and labels.

    Args:
        logits: shape (..., n) with n >= 2.
        labels: integers in [0, n) of shape (...), or, if `soft`, distributions of shape (..., n).
        where: booleans broadcastable to shape (...); labels of masked examples are not looked at.
        soft: whether labels may be distributions.
        name: of the logits in errors.

    Raises:
        ValueError: a shape does not fit, or n < 2.
        TypeError: labels are neither integers nor floating, or where is not boolean.
    """
    z = _checks.accumulated(_checks.as_float(name, logits))
    if z.ndim < 1 or z.shape[-1] < 2:
        raise ValueError(f"{name} must have shape (..., n) with n >= 2 classes, got {z.shape}")
    batch, n = z.shape[:-1], z.shape[-1]
    t, of_class = _labels(labels, batch, n, soft)
    mask = None if where is None else _checks.as_mask(where, batch)
    if mask is not None:
        z = jnp.where(mask[..., None], z, 0)
        t = jnp.where(mask, t, 0) if of_class else jnp.where(mask[..., None], t, 1 / n)
    if of_class:
        check = _checks.within(
            "labels", t, 0, n - 1, f"integers from 0 to {n - 1}, one of {n} classes", batch_ndim=len(batch)
        )
        t = jnp.clip(t, 0, n - 1)  # a gather out of range would have no gradient for the check to spoil
    else:
        coarse = jnp.finfo(t.dtype).bits < jnp.finfo(z.dtype).bits  # then they sum to one as well as their dtype can
        check = _checks.distribution("labels", t if coarse else t.astype(z.dtype))
        t = t.astype(z.dtype)
    return Examples(z, t, mask, (check,))


def as_classes(labels: Any) -> Array:
    """Labels as an array, integers in a dtype that the number of classes and an ignored -100 fit too."""
    with _checks.evaluated_now(labels):
        return _checks.widened(jnp.asarray(labels))


def _labels(labels: Any, batch: tuple[int, ...], n: int, soft: bool) -> tuple[Array, bool]:
    t = as_classes(labels)
    expected = f"integers of shape {batch}" + (f" or distributions of shape {(*batch, n)}" if soft else "")
    if jnp.issubdtype(t.dtype, jnp.integer):
        if t.shape != batch:
            raise ValueError(f"labels must be {expected}, got integers of shape {t.shape}")
        return t, True
    if not (soft and jnp.issubdtype(t.dtype, jnp.floating)):
        raise TypeError(f"labels must be {expected}, got dtype {t.dtype}")
    if t.shape != (*batch, n):
        raise ValueError(f"labels must be {expected}, got dtype {t.dtype} of shape {t.shape}")
    return t, False


def by_probability(logits: Any, labels: Any, where: Any, loss: Callable[[Array], Array]) -> Array:
    """A loss that log-probabilities (..., n) give for every class as the label, (..., n), at the labels."""
    given = examples(logits, labels, where)
    log_p = jax.nn.log_softmax(given.logits, axis=-1)
    # A class excluded by a logit of minus infinity has the probability 0, and 0 log 0 is 0; sums stay finite.
    return given.finish(given.pick(loss(jnp.maximum(log_p, -(jnp.finfo(log_p.dtype).max ** 0.5)))))
