"""Wrong labels made on purpose: what losses that bear noise are tried on."""

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Int, PRNGKey, Real, RealScalar
from entropax.losses._classification import as_classes


class NoisyLabels(eqx.Module):
    """Labels of which some were changed.

    Attributes:
        value: the labels.
        flipped: which of them differ from those given.
        valid: whether the arguments were: known under transformations too, where a fault cannot raise.
    """

    value: Int[Array, "*batch"]
    flipped: Bool[Array, "*batch"]
    valid: Bool[Array, ""]


def uniform_label_flips(
    labels: Int[ArrayLike, "*batch"], rate: RealScalar, *, num_classes: int, key: PRNGKey
) -> NoisyLabels:
    """Each label is replaced, with probability `rate`, by one of the other classes, all equally likely.

    Args:
        labels: integers in [0, n), shape (...).
        rate: probability of a wrong label, in [0, 1].
        num_classes: n, at least 2.
        key: source of randomness.

    Returns:
        The labels, shape (...), and which are wrong.

    Raises:
        ValueError: the rate leaves [0, 1], a label is out of range, or there are fewer than two classes.
        TypeError: labels are not integers, or key is not a new-style key.

    Not differentiable.
    """
    _checks.require_integer("num_classes", num_classes, minimum=2)
    _checks.require_key("key", key)
    y = _integers(labels)
    (r,) = _checks.as_numbers(rate=rate)
    which, how_far = jax.random.split(key)
    flipped = jax.random.bernoulli(which, r, y.shape)
    wide = as_classes(y)  # the sum of two labels may not fit the dtype of labels
    shift = jax.random.randint(how_far, y.shape, 1, num_classes, wide.dtype)
    valid = _checks.validity(_checks.within("rate", r, 0, 1, "in [0, 1]"), _labels_within(y, num_classes))
    wrong = ((wide + shift) % num_classes).astype(y.dtype)
    return NoisyLabels(jnp.where(flipped, wrong, y), flipped, valid)


def class_dependent_label_flips(
    labels: Int[ArrayLike, "*batch"], transition: Real[ArrayLike, "n n"], *, key: PRNGKey
) -> NoisyLabels:
    """Each label y is replaced by a draw from its row of a transition matrix, T[y, k] = P(k | y).

    Args:
        labels: integers in [0, n), shape (...).
        transition: T, shape (n, n), rows that sum to one. "Pair" noise of rate r is (1 - r) I with r beside the
            diagonal.
        key: source of randomness.

    Returns:
        The labels, shape (...), and which are wrong.

    Raises:
        ValueError: T is not square, a row is no distribution, or a label is out of range.
        TypeError: labels are not integers, or key is not a new-style key.

    Not differentiable.
    """
    _checks.require_key("key", key)
    y = _integers(labels)
    T = _checks.as_float("transition", transition)
    if T.ndim != 2 or T.shape[0] != T.shape[1] or T.shape[0] < 2:
        raise ValueError(f"transition must have shape (n, n) with n >= 2 classes, got {T.shape}")
    noisy = jax.random.categorical(key, jnp.log(T)[y], axis=-1).astype(y.dtype)
    rows = _checks.distribution("transition", T)
    every = _checks.Check(rows.ok.all(), rows.expected, rows.got)
    return NoisyLabels(noisy, noisy != y, _checks.validity(every, _labels_within(y, T.shape[0])))


def _integers(labels: Int[ArrayLike, "..."]) -> Array:
    y = jnp.asarray(labels)
    if not jnp.issubdtype(y.dtype, jnp.integer):
        raise TypeError(f"labels must be integers, got dtype {y.dtype}")
    return y


def _labels_within(y: Array, num_classes: int) -> _checks.Check:
    expected = f"integers from 0 to {num_classes - 1}, one of {num_classes} classes"
    return _checks.within("labels", as_classes(y), 0, num_classes - 1, expected)
