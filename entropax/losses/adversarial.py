"""Losses under attack: projected gradient ascent, and the comp-sum losses that guard against it."""

import math
from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, PRNGKey, Real, RealScalar
from entropax.losses._classification import examples
from entropax.losses.comp_sum import comp_sum_loss, comp_sum_outer

Norm = Literal["linf", "l2"]
_NORMS = ("linf", "l2")


def comp_sum_margin_loss(
    logits: Real[ArrayLike, "*batch n"],
    labels: Int[ArrayLike, "*batch"],
    tau: RealScalar = 1.0,
    *,
    rho: float = 1.0,
    where: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "*batch"]:
    """Comp-sum rho-margin loss, Phi(sum_{k != y} min(1, max(0, 1 - (h_y - h_k) / rho))), with Phi of `comp_sum_outer`.

    It is zero where every margin h_y - h_k is rho or more, and at most Phi(n - 1).

    Args:
        logits: scores h, shape (..., n).
        labels: integers of shape (...).
        tau: at least 0.
        rho: the margin, positive.
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses, shape (...), float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, a label is out of range, rho is not positive, or tau is negative.
        TypeError: labels are not integers, or where is not boolean.

    Differentiable in the logits, piecewise, and in tau. Source: arXiv 2304.07288.
    """
    given = examples(logits, labels, where, soft=False)
    _require_positive("rho", rho)
    margins = given.pick(given.logits)[..., None] - given.logits
    violations = jnp.sum(jnp.clip(1 - margins / rho, 0, 1), axis=-1) - 1  # of the label itself it is 1
    return given.finish(comp_sum_outer(jnp.maximum(violations, 0), tau))


def pgd_attack(
    objective: Callable[[Any], Any],
    x: Real[ArrayLike, "b *shape"],
    *,
    epsilon: float,
    key: PRNGKey,
    norm: Norm = "linf",
    steps: int = 10,
    step_size: float | None = None,
    lower: float | None = None,
    upper: float | None = None,
) -> Float[Array, "b *shape"]:
    """Projected gradient ascent: the strongest x' with |x' - x| <= epsilon that was met.

    From a random point of the ball, x' <- Proj(x' + step_size g), where g is the gradient's sign in the maximum norm
    and its direction in the Euclidean one. Of all points visited, x itself included, the one of the largest objective
    is returned for every example.

    Args:
        objective: function from inputs (b, ...) to values (b,), each of which depends on its own example.
        x: inputs, shape (b, ...).
        epsilon: radius of the ball, at least 0, in the units of x.
        key: source of randomness of the start.
        norm: "linf" or "l2" (over all but the first axis).
        steps: number of steps.
        step_size: length of a step in the norm, by default epsilon / 4.
        lower: least value that an input may take, if there is one.
        upper: largest value.

    Returns:
        Inputs of the shape of x, without a gradient: at a maximum the envelope theorem needs none.

    Raises:
        ValueError: a shape does not fit, an option is unknown or out of range, or x is not finite.

    Source: arXiv 1706.06083; arXiv 2304.07288.
    """
    x = _checks.as_float("x", x)
    if x.ndim < 2:
        raise ValueError(f"x must have shape (b, ...) with two axes or more, got {x.shape}")
    _checks.require_key("key", key)
    _checks.require_option("norm", norm, _NORMS)
    _checks.require_integer("steps", steps, minimum=1)
    if not 0 <= epsilon < math.inf:
        raise ValueError(f"epsilon must be at least 0 and finite, got {epsilon}")
    step_size = epsilon / 4 if step_size is None else step_size
    if not 0 <= step_size < math.inf:
        raise ValueError(f"step_size must be at least 0 and finite, got {step_size}")
    x = jax.lax.stop_gradient(_checks.enforce(x, _checks.finite("x", x, batch_ndim=1)))
    inner = tuple(range(1, x.ndim))

    def length(z: Array) -> Array:
        return jnp.sqrt(jnp.sum(z**2, axis=inner, keepdims=True))

    def project(moved: Array) -> Array:
        away = moved - x
        if norm == "linf":
            away = jnp.clip(away, -epsilon, epsilon)
        else:
            away = away * jnp.minimum(1, epsilon / jnp.maximum(length(away), jnp.finfo(x.dtype).tiny))
        return jnp.clip(x + away, lower, upper)

    def direction(gradient: Array) -> Array:
        if norm == "linf":
            return jnp.sign(gradient)
        return gradient / jnp.maximum(length(gradient), jnp.finfo(x.dtype).tiny)

    def valued(z: Array) -> tuple[Array, Array]:
        values, pull = jax.vjp(objective, z)
        if values.shape != x.shape[:1]:
            raise ValueError(f"objective must return values of shape {x.shape[:1]}, got {values.shape}")
        return values, pull(jnp.ones_like(values))[0]

    def step(state: tuple[Array, Array, Array], _: None) -> tuple[tuple[Array, Array, Array], None]:
        z, best, height = state
        values, gradient = valued(z)
        higher = values > height
        best = jnp.where(higher.reshape(-1, *(1,) * len(inner)), z, best)
        z = project(z + step_size * direction(gradient).astype(z.dtype))
        return (z, best, jnp.where(higher, values, height)), None

    noise = jax.random.uniform(key, x.shape, x.dtype, -1, 1)
    if norm == "l2":
        noise = noise / jnp.maximum(length(noise), 1)
    start = project(x + epsilon * noise)
    (last, best, height), _ = jax.lax.scan(step, (start, x, objective(x)), length=steps)
    higher = objective(last) > height
    return jax.lax.stop_gradient(jnp.where(higher.reshape(-1, *(1,) * len(inner)), last, best))


def smooth_adversarial_comp_sum_loss(
    score_fn: Callable[[Any], Any],
    x: Real[ArrayLike, "b *shape"],
    labels: Int[ArrayLike, "b"],
    *,
    epsilon: float,
    key: PRNGKey,
    tau: RealScalar = 1.0,
    rho: float = 1.0,
    nu: float | None = None,
    where: Bool[ArrayLike, "b"] | None = None,
    **attack: Any,
) -> Float[Array, "b"]:
    """Smooth adversarial comp-sum loss, Phi(sum_{k != y} exp(-D_k / rho)) + nu sup_{x'} |D(x') - D(x)|_2.

    D_k = h_y - h_k are the margins, Phi is the outer function of tau, and the supremum over the ball around x is sought
    by `pgd_attack`. With nu >= sqrt(n - 1) / rho the loss bounds the adversarial comp-sum rho-margin loss from above.
    Its mean over a batch plus weight decay is what ADV-COMP-SUM minimises; tau 1 is the variant of the paper's
    comparison with TRADES.

    Args:
        score_fn: function from inputs (b, ...) to scores (b, n), such as a network.
        x: inputs, shape (b, ...).
        labels: integers of shape (b,).
        epsilon: radius of the ball.
        key: source of randomness of the attack.
        tau: at least 0.
        rho: the margin, a temperature of the scores; positive.
        nu: weight of the supremum, by default the least one that gives the guarantee, sqrt(n - 1) / rho.
        where: which examples count, shape (b,); the others give 0 and no gradient.
        **attack: norm, steps, step_size, lower and upper of `pgd_attack`.

    Returns:
        The losses, shape (b,).

    Raises:
        ValueError: nu is below its least value, rho is not positive, and what `comp_sum_loss` and `pgd_attack` raise.
        TypeError: labels are not integers, or where is not boolean.

    Differentiable in what score_fn closes over and in x, with x' - x held (the envelope theorem).
    Source: arXiv 2304.07288; the form of the second term and its weight are our reading of it.
    """
    _require_positive("rho", rho)
    x = _checks.as_float("x", x)
    if where is not None:
        kept = _checks.as_mask(where, x.shape[:1])
        x = jnp.where(kept.reshape(kept.shape + (1,) * (x.ndim - 1)), x, 0)
    scores = score_fn(x)
    given = examples(scores, labels, where, soft=False, name="scores")
    least = math.sqrt(given.logits.shape[-1] - 1) / rho
    nu = least if nu is None else nu
    if nu < least * (1 - 1e-6):
        raise ValueError(
            f"nu must be at least sqrt(n - 1) / rho = {least:.6g}, below which nothing is guaranteed, got {nu}"
        )

    def margins(scores: Array) -> Array:
        ready = given._replace(logits=scores)
        return ready.pick(scores)[..., None] - scores

    def moved(z: Array, held: Array) -> Array:
        square = jnp.sum((margins(score_fn(z)) - held) ** 2, axis=-1)
        return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1)), 0)

    held = margins(scores)
    still = jax.lax.stop_gradient(held)
    worst = pgd_attack(lambda z: moved(z, still), x, epsilon=epsilon, key=key, **attack)
    shift = jax.lax.stop_gradient(worst - x)
    return given.finish(comp_sum_loss(given.logits / rho, given.labels, tau) + nu * moved(x + shift, held))


def _require_positive(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise ValueError(f"{name} must be positive and finite, got {value}")
