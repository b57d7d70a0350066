"""Label distributional robustness: the worst case over distributions on the classes of a margin's violation."""

import math
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar
from entropax.losses._capped_simplex import divergence_from_uniform, maximizer, worst_case
from entropax.losses._classification import Examples, examples

Normalization = Literal["none", "softplus", "l1"]
_NORMALIZATIONS = ("none", "softplus", "l1")


def ldr_kl_loss(
    logits: Real[ArrayLike, "*batch n"],
    labels: Int[ArrayLike, "*batch"],
    temperature: Real[ArrayLike, "..."] = 1.0,
    margin: RealScalar = 0.1,
    *,
    where: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "*batch"]:
    """LDR-KL loss, t log mean_k exp(d_k / t) with d_k = f_k - f_y + c 1(k != y).

    It is the worst case over label distributions, max_p sum_k p_k d_k - t KL(p | uniform).
    At temperature 1 without a margin it is cross-entropy less log n; t = 0 is the largest d (Crammer and Singer's
    hinge), t = infinity their mean (symmetric). Its gradient is p - e_y with p proportional to exp(d / t): a high
    temperature spreads the push over all classes, which resists wrong labels. Does not increase with t.

    Args:
        logits: scores f, shape (..., n).
        labels: integers y of shape (...).
        temperature: t, from 0 to infinity, one number or one an example (broadcastable to (...)).
        margin: c, at least 0, in units of the scores.
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses in units of the scores, shape (...), float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, a label is out of range, or temperature or
            margin is negative.
        TypeError: labels are not integers, or where is not boolean.

    Differentiable in logits, temperature and margin (closed form: p, and -KL for t); at t = 0 where the largest d is
    unique. Source: arXiv 2112.14869.
    """
    given = _violations(logits, labels, temperature, margin, where)
    return given.finish(worst_case(given.violations, given.temperature, 1))


def ldr_topk_loss(
    logits: Real[ArrayLike, "*batch n"],
    labels: Int[ArrayLike, "*batch"],
    temperature: Real[ArrayLike, "..."] = 0.0,
    margin: RealScalar = 0.1,
    *,
    k: int,
    where: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "*batch"]:
    """LDR-k and LDR-k-KL losses: as `ldr_kl_loss`, with no p_i above 1 / k.

    At temperature 0 (LDR-k) it is the mean of the k largest d. Above, the maximiser is a softmax capped by water
    filling, p_i = min(1 / k, exp(d_i / t) / Z). k = 1 caps nothing; k = n leaves the mean of all d.

    Args:
        logits: scores f, shape (..., n).
        labels: integers y of shape (...).
        temperature: t, from 0 to infinity, one number or one an example (broadcastable to (...)).
        margin: c, at least 0, in units of the scores.
        k: from 1 to n.
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses in units of the scores, shape (...), float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, k is not in [1, n], a label is out of
            range, or temperature or margin is negative.
        TypeError: labels or k are not integers, or where is not boolean.

    Differentiable in logits, temperature and margin; at t = 0 where the k-th and the next largest d differ. Source:
    arXiv 2112.14869.
    """
    given = _violations(logits, labels, temperature, margin, where)
    _checks.require_integer("k", k, minimum=1, maximum=given.violations.shape[-1])
    return given.finish(worst_case(given.violations, given.temperature, k))


def ldr_adversarial_weights(
    logits: Real[ArrayLike, "*batch n"],
    labels: Int[ArrayLike, "*batch"],
    temperature: Real[ArrayLike, "..."] = 1.0,
    margin: RealScalar = 0.1,
    *,
    k: int = 1,
    where: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "*batch n"]:
    """The worst-case label distribution p of `ldr_kl_loss` and `ldr_topk_loss`; the losses' gradient is p - e_y.

    Args:
        logits: scores f, shape (..., n).
        labels: integers y of shape (...).
        temperature: t, from 0 to infinity, one number or one an example (broadcastable to (...)).
        margin: c, at least 0, in units of the scores.
        k: from 1 to n; no weight exceeds 1 / k.
        where: which examples count, broadcastable to (...); the others give zeros.

    Returns:
        p, shape (..., n). Where several are worst at t = 0: for k = 1 their mean, else one of them.

    Raises:
        ValueError: as `ldr_topk_loss`.
        TypeError: as `ldr_topk_loss`.

    Differentiable in logits, temperature and margin above t = 0. Source: arXiv 2112.14869.
    """
    given = _violations(logits, labels, temperature, margin, where)
    _checks.require_integer("k", k, minimum=1, maximum=given.violations.shape[-1])
    weights = maximizer(given.violations, given.temperature, k)
    mask = given.examples.where
    weights = weights if mask is None else jnp.where(mask[..., None], weights, 0)
    return _checks.enforce(weights, *given.examples.checks, *given.checks)


class AldrKL(eqx.Module):
    """ALDR-KL losses and the temperatures that they were taken at.

    Attributes:
        value: the loss of every example.
        temperatures: the updated temperature of every example, to be stored for its next visit.
    """

    value: Float[Array, "*batch"]
    temperatures: Float[Array, "*batch"]


def aldr_kl_loss(
    logits: Real[ArrayLike, "*batch n"],
    labels: Int[ArrayLike, "*batch"],
    temperatures: Real[ArrayLike, "*batch"],
    *,
    initial_temperature: RealScalar = 10.0,
    alpha0: RealScalar = 2.0,
    margin: RealScalar = 0.1,
    margin_in_update: bool = False,
    smoothing: int | float = 0.0,
    where: Bool[ArrayLike, "..."] | None = None,
) -> AldrKL:
    """ALDR-KL loss: LDR-KL at a temperature that every training example learns for itself.

        max over t and p of sum_k p_k d_k - t KL(p | uniform) - (alpha0 log n / (2 t0)) (t - t0)^2

    by one step of ascent a visit: p = softmax(f / t) at the stored t, then t <- t0 (1 - KL(p | uniform) /
    (alpha0 log n)), then the loss at the new t, held constant in the gradient. Flat scores (a doubtful label) keep t
    near t0, confident ones lower it, never below t0 (1 - 1 / alpha0). At a fixed point with the margin in the update
    the loss is the maximum above, and by the envelope theorem its gradient is the whole one.

    Args:
        logits: scores f, shape (..., n).
        labels: integers y of shape (...).
        temperatures: t of every example from its last visit, shape (...), t0 at the first (`InstanceTemperatures`).
        initial_temperature: t0, positive.
        alpha0: above 1; larger values bind t to t0.
        margin: c, at least 0, in units of the scores.
        margin_in_update: whether p is the maximiser with the margin, as in the maximum above, or that without.
        smoothing: e, added to every p_k before the divergence is taken; the authors' code has 1e-5.
        where: which examples count, broadcastable to (...); the others give 0, no gradient, and keep their t.

    Returns:
        The losses in units of the scores and the new temperatures, float32 for logits of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, a label is out of range, a temperature is
            not positive, alpha0 is not above 1, or margin or smoothing is negative.
        TypeError: labels are not integers, or where is not boolean.

    Differentiable in logits and margin at the new temperatures, which are constants. Source: arXiv 2112.14869.
    """
    given = _violations(logits, labels, temperatures, margin, where, name="temperatures")
    n, dtype = given.violations.shape[-1], given.violations.dtype
    if not 0 <= smoothing < math.inf:
        raise ValueError(f"smoothing must be at least 0 and finite, got {smoothing}")
    numbers = _checks.as_numbers(initial_temperature=initial_temperature, alpha0=alpha0)
    start, a = (number.astype(dtype) for number in numbers)
    # The scores less that of the label differ from the scores by a number that a softmax does not see.
    scores = given.violations if margin_in_update else given.examples.logits
    p = maximizer(jax.lax.stop_gradient(scores), jax.lax.stop_gradient(given.temperature), 1)
    p = (p + smoothing) / (1 + n * smoothing)
    held = jax.lax.stop_gradient(start * (1 - divergence_from_uniform(p) / (a * math.log(n))))
    penalty = a * math.log(n) / (2 * start) * (held - start) ** 2
    with _checks.evaluated_now(a):
        above = _checks.Check((a > 1) & jnp.isfinite(a), "alpha0 must be above 1 and finite", lambda: f"{a}")
    checks = (
        _checks.positive("initial_temperature", start),
        above,
        _checks.positive("temperatures", given.temperature, batch_ndim=given.temperature.ndim),
    )
    value = given.finish(worst_case(given.violations, held, 1) - penalty, *checks)
    mask = given.examples.where
    kept = _checks.broadcastable("temperatures", _checks.as_float("temperatures", temperatures), held.shape)
    held = held if mask is None else jnp.where(mask, held, jnp.broadcast_to(kept, held.shape).astype(dtype))
    return AldrKL(value, _checks.enforce(held, *given.examples.checks, *given.checks, *checks))


class InstanceTemperatures(eqx.Module):
    """One temperature for every example of a training set: the state of `aldr_kl_loss`.

    Attributes:
        values: shape (n,).
    """

    values: Float[Array, "n"]

    def __init__(self, num_examples: int, initial_temperature: RealScalar = 10.0):
        """All examples start at one temperature.

        Args:
            num_examples: n.
            initial_temperature: t0, positive.

        Raises:
            ValueError: the number of examples or the temperature is not positive.
        """
        _checks.require_integer("num_examples", num_examples, minimum=1)
        (start,) = _checks.as_numbers(initial_temperature=initial_temperature)
        start = _checks.enforce(start, _checks.positive("initial_temperature", start))
        self.values = jnp.full((num_examples,), start)

    def of(self, ids: Int[ArrayLike, "*batch"]) -> Float[Array, "*batch"]:
        """The temperatures of some examples.

        Args:
            ids: their indices in the training set, any shape.

        Returns:
            The temperatures, the shape of ids.

        Raises:
            ValueError: an index is out of range.
        """
        ids = jnp.asarray(ids)
        return _checks.enforce(self.values[ids], self._inside(ids))

    def updated(self, ids: Int[ArrayLike, "*batch"], temperatures: Real[ArrayLike, "*batch"]) -> "InstanceTemperatures":
        """A copy in which some examples have new temperatures.

        Args:
            ids: their indices, all different, any shape: of equal ones it would be undefined which is kept.
            temperatures: the new values, the shape of ids.

        Returns:
            The new state; this one stays as it is.

        Raises:
            ValueError: shapes differ, an index is out of range, or two are equal.
        """
        ids = jnp.asarray(ids)
        new = _checks.as_float("temperatures", temperatures).astype(self.values.dtype)
        _checks.require_same_shape(ids=ids, temperatures=new)
        with _checks.evaluated_now(ids):
            ordered = jnp.sort(ids.reshape(-1))
            distinct = jnp.all(ordered[1:] != ordered[:-1])
        unique = _checks.Check(distinct, "ids must be different from each other", lambda: f"{ids}")
        values = _checks.enforce(self.values.at[ids].set(new), self._inside(ids), unique)
        return eqx.tree_at(lambda state: state.values, self, values)

    def _inside(self, ids: Array) -> _checks.Check:
        last = self.values.shape[0] - 1
        return _checks.within("ids", ids, 0, last, f"indices from 0 to {last}")


def normalize_scores(
    scores: Real[ArrayLike, "*batch n"], *, mode: Normalization = "softplus"
) -> Float[Array, "*batch n"]:
    """Scores brought to one scale, so that temperatures and margins mean the same for every example.

    "softplus": n softplus(f) / sum softplus(f); "l1": n f / sum |f|, which keeps signs; "none": f itself.

    Args:
        scores: f, shape (..., n).
        mode: which.

    Returns:
        The scores, shape (..., n), float32 for scores of lower precision. Scores that are all zero stay zero.

    Raises:
        ValueError: there are fewer than two classes, or the mode is unknown.

    Differentiable in the scores, in mode "l1" away from zeros; its slope grows as 1 / |f|, and is taken as zero at the
    zero vector, where it has no limit. Source: arXiv 2112.14869 (its code: "softplus" for LDR-KL, "l1" for ALDR-KL).
    """
    _checks.require_option("mode", mode, _NORMALIZATIONS)
    f = _checks.accumulated(_checks.as_float("scores", scores))
    if f.ndim < 1 or f.shape[-1] < 2:
        raise ValueError(f"scores must have shape (..., n) with n >= 2 classes, got {f.shape}")
    n = f.shape[-1]
    if mode == "none":
        return f
    if mode == "softplus":  # by logarithms, as softplus itself vanishes for very negative scores
        low = f < -40
        return n * jax.nn.softmax(jnp.where(low, f, jnp.log(jax.nn.softplus(jnp.where(low, 0, f)))), axis=-1)
    total = jnp.sum(jnp.abs(f), axis=-1, keepdims=True)
    return jnp.where(total > 0, n * f / jnp.where(total > 0, total, 1), 0)


class _Violations(NamedTuple):
    """Margin violations d made ready, with their temperatures."""

    examples: Examples
    violations: Array
    temperature: Array
    checks: tuple[_checks.Check, ...]

    def finish(self, loss: Array, *checks: _checks.Check) -> Array:
        return self.examples.finish(loss, *self.checks, *checks)


def _violations(
    logits: Any, labels: Any, temperature: Any, margin: Any, where: Any, *, name: str = "temperature"
) -> _Violations:
    given = examples(logits, labels, where, soft=False)
    f = given.logits
    batch, dtype = f.shape[:-1], f.dtype
    (c,) = _checks.as_numbers(margin=margin)
    t = _checks.as_float(name, temperature)
    with _checks.evaluated_now(t, given.where):
        t = jnp.broadcast_to(_checks.broadcastable(name, t, batch), batch)
        t = t if given.where is None else jnp.where(given.where, t, 1)
    d = f - given.pick(f)[..., None] + c.astype(dtype) * (1 - given.distributions())
    in_range = _checks.within(name, t, 0, math.inf, "at least 0", batch_ndim=len(batch))
    return _Violations(given, d, t.astype(dtype), (in_range, _checks.nonnegative("margin", c)))
