"""Drawing training data where a model errs: importance sampling of the points of an orbit."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, PRNGKey, Real, RealScalar


class ImportanceSample(eqx.Module):
    """Points drawn by importance.

    Attributes:
        value: their indices, shape (num,).
        probabilities: with which each point was drawn, shape (n,), summing to one.
        valid: whether the errors were finite and not all zero; the indices mean nothing if not.
    """

    value: Int[Array, "num"]
    probabilities: Float[Array, "n"]
    valid: Bool[Array, ""]


def importance_sampling_indices(
    errors: Real[ArrayLike, "n"],
    *,
    num: int,
    key: PRNGKey,
    power: RealScalar = 4.0,
    window: int = 51,
    order: int = 3,
) -> ImportanceSample:
    """Indices drawn with probability proportional to (smoothed error)^power, with replacement.

    Errors are smoothed by a Savitzky-Golay filter (a polynomial fitted to every window; the first and last one also
    give the ends) and what that leaves below zero is set to zero.

    Args:
        errors: of a model at successive points of an orbit, for example squared one-step errors, shape (n,).
        num: number of indices.
        key: source of randomness.
        power: how much more often large errors are drawn, positive.
        window: samples of the filter, odd, at most n; 1 does not smooth.
        order: of its polynomial, less than the window.

    Returns:
        An `ImportanceSample`.

    Raises:
        ValueError: errors are no vector, not finite, or nowhere positive when smoothed; or a number is out of range.
        TypeError: the key is none.

    The probabilities are differentiable in errors and power; the indices are drawn. Source: arXiv 2110.05266.
    """
    e, n = _checks.as_floats(errors=errors, power=power)
    _checks.as_numbers(power=n)
    _checks.require_ndim("errors", e, 1, "(n,)")
    _checks.require_key("key", key)
    _checks.require_integer("num", num, minimum=1)
    _checks.require_integer("window", window, minimum=1, maximum=e.size)
    if window % 2 == 0:
        raise ValueError(f"window must be odd, got {window}")
    _checks.require_integer("order", order, minimum=0, maximum=max(window - 1, order if window == 1 else 0))
    e, n = _checks.accumulated(e), _checks.accumulated(n)
    probabilities, indices, some = _draw(e, n, key, num, window, order)
    positive = _checks.Check(some, "errors must be positive somewhere when smoothed", lambda: "none that is")
    checks = _checks.finite("errors", e), _checks.positive("power", n), positive
    return ImportanceSample(indices, _checks.enforce(probabilities, *checks), _checks.validity(*checks))


# ------------------------------------------------------------------------------------------------------------ kernels


@functools.partial(jax.jit, static_argnames=("num", "window", "order"))
def _draw(errors: Array, power: Array, key: PRNGKey, num: int, window: int, order: int) -> tuple[Array, Array, Array]:
    smooth = errors if window == 1 else _savitzky_golay(errors, window, order)
    largest = jax.lax.stop_gradient(jnp.max(smooth))
    # Where no error is positive all take part, so that what is divided by no size is NaN, and its gradient too.
    positive = (smooth > 0) | ~(largest > 0)
    # Relative to the largest: the power of a small number would vanish.
    weight = jnp.where(
        positive, (jnp.where(positive, smooth, 1) / jnp.where(largest > 0, largest, jnp.nan)) ** power, 0
    )
    total = jnp.sum(weight)
    probabilities = weight / total
    logits = jnp.where(weight > 0, jnp.log(jnp.where(weight > 0, weight, 1)), -jnp.inf)
    indices = jax.random.categorical(key, jax.lax.stop_gradient(logits), shape=(num,))
    return probabilities, indices.astype(jnp.int32), largest > 0


def _savitzky_golay(x: Array, window: int, order: int) -> Array:
    """Values of polynomials fitted by least squares: in the middle of every window, all over the two at the ends."""
    half = window // 2
    powers = np.vander(np.linspace(-1, 1, window), order + 1)
    hat = jnp.asarray(powers @ np.linalg.pinv(powers), x.dtype)
    middle = jnp.correlate(x, hat[half], mode="valid")
    return jnp.concatenate([hat[:half] @ x[:window], middle, hat[half + 1 :] @ x[x.size - window :]])
