"""Calibration: losses that see whether a prediction is right, and temperatures fitted by them."""

import functools
import math
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, Scalar
from entropax.losses._classification import examples

Objective = Literal["cross_entropy", "squared_error", "correctness"]
_OBJECTIVES = ("cross_entropy", "squared_error", "correctness")
_GRID = 128  # intervals of the first search: their ends are 7% apart at the default bounds


def correctness_aware_loss(
    logits: Real[ArrayLike, "*batch n"],
    labels: Int[ArrayLike, "*batch"],
    temperature: Real[ArrayLike, "..."] = 1.0,
    *,
    power: int = 2,
    where: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "*batch"]:
    """Correctness-aware loss, |c - max_k softmax(z / T)_k|^power with c = 1 where argmax z is the label, else 0.

    The confidence of a right prediction is driven to 1, of a wrong one to 1 / n, whatever the label's own probability:
    unlike cross-entropy it never sharpens a narrowly wrong one. Its mean is the Brier score of confidence (power 2),
    at least the square of the expected calibration error. Meant for T from a calibrator: dL/dT =
    power |c - p|^(power - 1) sign(c - p) p (z_max - sum_k p_k z_k) / T^2, so T falls for right predictions.

    Args:
        logits: z, shape (..., n); -inf for a class that is ruled out.
        labels: integers of shape (...).
        temperature: T, positive, one number or one an example (broadcastable to (...)).
        power: 2, or 1 for the absolute form.
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses, in [0, 1], shape (...), float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, a label is out of range, T is not positive,
            or power is neither 1 nor 2.
        TypeError: labels are not integers, or where is not boolean.

    Differentiable in logits and T, with the prediction (the first of the largest logits) and its correctness held.
    Source: arXiv 2404.13016.
    """
    _checks.require_option("power", power, (1, 2))
    given = examples(logits, labels, where, soft=False)
    batch = given.logits.shape[:-1]
    t, check = _temperatures(temperature, batch, given.logits.dtype, given.where)
    gap = _gap(given.logits, given.labels, _tempered(given.logits, t[..., None]))
    return given.finish(gap**power, check)


def temperature_scale(
    logits: Real[ArrayLike, "*batch n"], temperature: Real[ArrayLike, "..."]
) -> Float[Array, "*batch n"]:
    """Logits over a temperature, z / T: confidence falls as T grows, the prediction stays.

    Args:
        logits: z, shape (..., n).
        temperature: T, positive, one number or one an example (broadcastable to (...)).

    Returns:
        z / T, shape (..., n), float32 for logits of lower precision.

    Raises:
        ValueError: logits have no axis, T does not broadcast or is not positive.

    Differentiable in both. Source: arXiv 1706.04599.
    """
    z = _checks.accumulated(_checks.as_float("logits", logits))
    if z.ndim < 1:
        raise ValueError(f"logits must have shape (..., n), got {z.shape}")
    t, check = _temperatures(temperature, z.shape[:-1], z.dtype, None)
    return _checks.enforce(_tempered(z, t[..., None]), check)


class FittedTemperature(eqx.Module):
    """The temperature that fits held-out logits best.

    Attributes:
        value: T.
        objective: the mean loss there.
        at_bound: whether T is the least or the largest allowed, because the loss falls beyond it.
        converged: whether the slope changes its sign at T, or T is at a bound.
    """

    value: Scalar
    objective: Scalar
    at_bound: Bool[Array, ""]
    converged: Bool[Array, ""]


def fit_temperature(
    logits: Real[ArrayLike, "n c"],
    labels: Int[ArrayLike, "n"],
    *,
    loss: Objective = "cross_entropy",
    bounds: tuple[int | float, int | float] = (1e-2, 1e2),
    where: Bool[ArrayLike, "n"] | None = None,
) -> FittedTemperature:
    """The one temperature of least mean loss: temperature scaling.

    The loss is scanned over temperatures in equal ratios, as only cross-entropy has a single minimum, and the best is
    refined by bisecting the slope to the last digit.

    Args:
        logits: z of examples that the classifier was not trained on, shape (n, c).
        labels: integers of shape (n,).
        loss: "cross_entropy", "squared_error" of the whole distribution, or "correctness"
            (`correctness_aware_loss`), which falls without end as T -> 0 where all predictions are right.
        bounds: least and largest T, positive.
        where: which examples count, shape (n,), all by default.

    Returns:
        The temperature, float32 for logits of lower precision, and how it was found.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, a label is out of range, no example counts,
            the loss is unknown, or the bounds are not positive and ascending.
        TypeError: labels are not integers, or where is not boolean.

    Differentiable in the logits by the implicit function theorem, with zero slope at a bound. Source: arXiv 1706.04599;
    arXiv 2404.13016.
    """
    _checks.require_option("loss", loss, _OBJECTIVES)
    low, high = map(float, bounds)
    if not 0 < low < high < math.inf:
        raise ValueError(f"bounds must be positive, finite and ascending, got {bounds}")
    given = examples(logits, labels, where, soft=False)
    z = given.logits
    _checks.require_ndim("logits", z, 2, "(n, c)")
    if z.shape[0] == 0:
        raise ValueError("logits must hold at least one example, got none")
    mask = jnp.ones(z.shape[:1], bool) if given.where is None else given.where
    with _checks.evaluated_now(mask):
        some = _checks.Check(jnp.any(mask), "where must keep at least one example", lambda: "none")
    weights = mask.astype(z.dtype) / jnp.maximum(jnp.sum(mask.astype(z.dtype)), 1)
    held = jax.lax.stop_gradient(z)
    found, at_bound, converged = _search(held, given.labels, weights, loss, (math.log(low), math.log(high)))
    log_t = _implicit(z, given.labels, weights, found, at_bound, loss)
    fitted = jnp.exp(log_t), _mean_loss(log_t, z, given.labels, weights, loss)
    label_checks = [check._replace(ok=_all(check.ok)) for check in given.checks]
    value, objective = _checks.enforce(fitted, some, *label_checks)
    return FittedTemperature(value, objective, at_bound, converged)


# ------------------------------------------------------------------------------------------------------- small parts


def _all(ok: Array) -> Array:
    with _checks.evaluated_now(ok):
        return jnp.all(ok)


def _temperatures(
    temperature: Any, batch: tuple[int, ...], dtype: Any, mask: Array | None
) -> tuple[Array, _checks.Check]:
    t = _checks.broadcastable("temperature", _checks.as_float("temperature", temperature), batch)
    t = jnp.broadcast_to(t, batch).astype(dtype)
    t = t if mask is None else jnp.where(mask, t, 1)
    return t, _checks.positive("temperature", t, batch_ndim=len(batch))


def _tempered(z: Array, t: Array) -> Array:
    """z / T, where a class that is ruled out (-inf) stays so and says nothing of T."""
    out = jnp.isneginf(z)
    return jnp.where(out, -jnp.inf, jnp.where(out, 0, z) / t)


def _gap(logits: Array, labels: Array, scaled: Array) -> Array:
    """|c - confidence|: of a right prediction the sum of the others' probabilities, which keeps its digits near 0."""
    winner = jnp.argmax(logits, axis=-1).astype(labels.dtype)
    counted = jax.nn.one_hot(winner, logits.shape[-1], dtype=logits.dtype)
    counted = jnp.where((winner == labels)[..., None], 1 - counted, counted)
    return jnp.sum(counted * jax.nn.softmax(scaled, axis=-1), axis=-1)


def _mean_loss(log_t: Array, z: Array, labels: Array, weights: Array, loss: Objective) -> Array:
    scaled = _tempered(z, jnp.exp(log_t))
    if loss == "correctness":
        values = _gap(z, labels, scaled) ** 2
    else:
        log_p = jax.nn.log_softmax(scaled, axis=-1)
        hot = jax.nn.one_hot(labels, z.shape[-1], dtype=jnp.bool_)
        terms = (hot.astype(z.dtype) - jnp.exp(log_p)) ** 2 if loss == "squared_error" else jnp.where(hot, -log_p, 0)
        values = jnp.sum(terms, axis=-1)
    return jnp.sum(weights * values)


_slope = jax.grad(_mean_loss)


@functools.partial(jax.jit, static_argnames=("loss", "bounds"))
def _search(
    z: Array, labels: Array, weights: Array, loss: Objective, bounds: tuple[float, float]
) -> tuple[Array, Array, Array]:
    """The log temperature of the least loss, whether it is a bound, and whether it was found."""
    grid = jnp.linspace(*bounds, _GRID + 1, dtype=z.dtype)
    best = jnp.argmin(jax.lax.map(lambda u: _mean_loss(u, z, labels, weights, loss), grid))
    first, last = jnp.maximum(best - 1, 0), jnp.minimum(best + 1, _GRID)
    ends = grid[first], grid[last]
    falls, rises = _slope(ends[0], z, labels, weights, loss) < 0, _slope(ends[1], z, labels, weights, loss) >= 0

    def halve(_: Any, state: tuple) -> tuple:
        low, high, falls, rises = state
        middle = (low + high) / 2
        down = _slope(middle, z, labels, weights, loss) < 0
        return jnp.where(down, middle, low), jnp.where(down, high, middle), falls | down, rises | ~down

    steps = jnp.finfo(z.dtype).nmant + 4
    low, high, falls, rises = jax.lax.fori_loop(0, steps, halve, (*ends, falls, rises))
    at_low, at_high = (best == 0) & ~falls, (best == _GRID) & ~rises
    u = jnp.where(at_low, grid[0], jnp.where(at_high, grid[-1], (low + high) / 2))
    return u, at_low | at_high, (falls & rises) | at_low | at_high


@functools.partial(jax.custom_jvp, nondiff_argnums=(5,))
def _implicit(z: Array, labels: Array, weights: Array, found: Array, at_bound: Array, loss: Objective) -> Array:
    """The log temperature found, as a function of the logits."""
    return found


@_implicit.defjvp
def _implicit_jvp(loss: Objective, primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    z, labels, weights, found, at_bound = primals
    u = _implicit(z, labels, weights, found, at_bound, loss)
    by_logits = jax.jvp(lambda z: _slope(u, z, labels, weights, loss), (z,), (tangents[0],))[1]
    curvature = jax.grad(_slope)(u, z, labels, weights, loss)
    return u, jnp.where(at_bound, 0, -by_logits / jnp.where(at_bound, 1, curvature))
