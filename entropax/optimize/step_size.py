"""Steps no longer than the radius within which the Taylor series of a cross-entropy converges."""

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, PyTree, Real, RealScalar, Scalar

LogitsFn = Callable[[Any, Any], Any]


def logit_spread(a: Real[ArrayLike, "*batch n"]) -> Float[Array, "*batch"]:
    """How far the rates of change of the logits are apart, max_k a_k - min_k a_k.

    Args:
        a: dz/dtau, how the logits of each example change along a direction, shape (..., n).

    Returns:
        The spread, shape (...), float32 for inputs of lower precision.

    Raises:
        ValueError: there are fewer than two classes, or an entry is not finite.

    Differentiable where the largest and the smallest entry are unique. Source: arXiv 2603.13552.
    """
    a = _checks.accumulated(_checks.as_float("a", a))
    if a.ndim < 1 or a.shape[-1] < 2:
        raise ValueError(f"a must have shape (..., n) with n >= 2 classes, got {a.shape}")
    a = _checks.enforce(a, _checks.finite("a", a, batch_ndim=a.ndim - 1))
    return jnp.max(a, axis=-1) - jnp.min(a, axis=-1)


def convergence_radius_bound(
    logits_fn: LogitsFn, params: PyTree, direction: PyTree, batch: PyTree, *, temperature: RealScalar = 1.0
) -> Scalar:
    """A radius within which the loss along a direction has a Taylor series, rho_a = pi T / max_x Delta_a(x).

    Delta_a is the `logit_spread` of J v, the Jacobian of the logits at params times the direction v: one
    Jacobian-vector product. Where the logits at params + tau v are linear in tau, the log-partition
    log sum_k exp(z_k + a_k tau) has no singularity at complex |tau| < rho_a, whatever the logits z: a zero of the
    partition function needs terms that do not all point into one half-plane. `partition_zero` finds where the first one
    is. The bound of a batch is at least that of a set that contains it.

    tau is in the unit of the direction: for v of unit norm the radius is a length in parameter space, and for an update
    p itself it is the number of updates that fit, so that 1 / rho_a is its `normalized_step`. With pre-softmax
    attention scores for logits it bounds the step by the attention's own partition function.

    Args:
        logits_fn: function (params, batch) -> logits of shape (..., n), as they are before division by the
            temperature. It must be deterministic: dropout off, batch statistics held. Positions that do not count
            should have constant logits; classes of logit -inf are no terms of the partition function and do not count.
        params: where to start, a pytree.
        direction: v, a pytree of the structure and shapes of params.
        batch: what logits_fn takes.
        temperature: T > 0, by which the loss divides the logits.

    Returns:
        rho_a in multiples of the direction; infinite where it moves no difference of logits.

    Raises:
        ValueError: direction does not fit params, the logits have no axis of two classes or more, or the temperature is
            not positive.
        TypeError: the logits are not floating.

    Differentiable in params, direction, batch and temperature, where the spread's maximum is unique. A NaN of the
    network passes through. Source: arXiv 2603.13552.
    """
    (temperature,) = _checks.as_numbers(temperature=temperature)
    spread = _largest_spread(logits_fn, params, direction, batch, "direction")
    scale = (np.pi * temperature).astype(spread.dtype)
    return _checks.enforce(_quotient(scale, spread), _checks.positive("temperature", temperature))


def normalized_step(update: PyTree, radius: RealScalar) -> Scalar:
    """Length of a step in units of the radius, r = ||p|| / rho.

    Below 1 the series of the loss in the step converges, and n terms of it miss O(r^n); accuracy tends to collapse
    between 1 and 10.

    Args:
        update: p, a pytree of arrays.
        radius: rho > 0 along the unit direction p / ||p||, infinity included.

    Returns:
        r; 0 for an update of zeros or an infinite radius.

    Raises:
        ValueError: the radius is not positive.

    Differentiable in both, the update away from zero. Source: arXiv 2603.13552.
    """
    (radius,) = _checks.as_numbers(radius=radius)
    squares = [jnp.sum(jnp.square(_checks.accumulated(_checks.as_float("update", u)))) for u in jax.tree.leaves(update)]
    if not squares:
        raise ValueError("update must hold at least one array, got none")
    dtype = jnp.result_type(*squares)
    total = sum((s.astype(dtype) for s in squares), jnp.zeros((), dtype))
    norm = jnp.where(total > 0, jnp.sqrt(jnp.where(total > 0, total, 1)), total)  # total again, for its NaN
    r = norm / radius.astype(dtype)
    return _checks.enforce(r, _positive("radius", radius))


class RadiusState(NamedTuple):
    """What `radius_clip` and `radius_step` say of the last step.

    Attributes:
        normalized_step: r of the update that came in.
        scale: the factor that it was multiplied by.
    """

    normalized_step: Array
    scale: Array


def radius_clip(limit: RealScalar = 1.0) -> optax.GradientTransformationExtraArgs:
    """Shortens updates that leave the radius of convergence: p -> min(1, limit / r) p, with r = ||p|| / rho_a.

    Stands last in a chain, behind the learning rate, so that p is the step that will be taken, momentum included:

        optimizer = optax.chain(optax.adam(1e-3), radius_clip())
        updates, state = optimizer.update(grads, state, params, logits_fn=logits_fn, batch=batch)

    logits_fn and batch are those of `convergence_radius_bound`; `training.fit` hands them over given
    optimizer_functions={"logits_fn": ...}. Logits are what the loss takes the softmax of: divided by its temperature,
    if it has one. A transformation that acts on a part of params (optax.masked, optax.multi_transform) sees that part
    alone: put this one behind it, not in it. The cost is one Jacobian-vector product, the memory one
    set of logits and their tangents; a part of the batch will do where that is too much (the bound is then looser). At
    limit 1 there is nothing to tune: a step that does not leave the radius passes unchanged, whatever the optimiser.

    Args:
        limit: the largest r that passes, positive.

    Returns:
        The transformation, with a `RadiusState`. Its update needs params, logits_fn and batch.

    Raises:
        ValueError: limit is not positive; on update, params are missing or do not fit the updates.

    The scale is differentiable in updates, params and batch, away from r = limit. A NaN of the network passes through:
    wrap the optimiser in optax.apply_if_finite to skip such steps. Source: arXiv 2603.13552, the controller.
    """
    return _scaled_by("limit", limit, lambda limit, r: jnp.where(r > limit, limit / jnp.where(r > limit, r, 1), 1))


def radius_step(target: RealScalar = 1.0) -> optax.GradientTransformationExtraArgs:
    """Gives every update the same length in units of the radius of convergence: p -> (target / r) p.

    The direction is the optimiser's, the length is not: there is no learning rate. Use it as `radius_clip`.

    Args:
        target: r of every step, positive.

    Returns:
        The transformation, with a `RadiusState`. Its update needs params, logits_fn and batch. An update that moves no
        difference of logits has no such length and passes unchanged.

    Raises:
        ValueError: target is not positive; on update, params are missing or do not fit the updates.

    The scale is differentiable in updates, params and batch. A NaN of the network passes through. Source: arXiv
    2603.13552, the table of target steps.
    """
    return _scaled_by("target", target, lambda target, r: jnp.where(r > 0, target / jnp.where(r > 0, r, 1), 1))


def _scaled_by(name: str, length: RealScalar, rule: Callable[[Array, Array], Array]) -> Any:
    """A transformation that multiplies updates by rule(length, r)."""
    (length,) = _checks.as_numbers(**{name: length})
    check = _positive(name, length)
    length = _checks.enforce(length, check)

    def init(params: PyTree) -> RadiusState:
        del params
        return RadiusState(jnp.zeros_like(length), jnp.ones_like(length))

    def update(
        updates: PyTree,
        state: RadiusState,
        params: PyTree | None = None,
        *,
        logits_fn: LogitsFn,
        batch: PyTree,
        **extra: Any,
    ) -> tuple[PyTree, RadiusState]:
        del state, extra
        if params is None:
            raise ValueError("params must be given to the update of a radius, got None")
        r = _largest_spread(logits_fn, params, updates, batch, "updates") / np.pi
        scale = rule(length.astype(r.dtype), r)
        r, scale = _checks.enforce((r, jnp.where(jnp.isnan(r), r, scale)), check)
        scaled = jax.tree.map(lambda u: u * scale.astype(u.dtype), updates)
        return scaled, RadiusState(r.astype(length.dtype), scale.astype(length.dtype))

    return optax.GradientTransformationExtraArgs(init, cast(Any, update))  # whose type has no required keywords


def _positive(name: str, x: Array) -> _checks.Check:
    """Positive, infinity included."""
    return _checks.within(name, x, float(jnp.finfo(x.dtype).tiny), np.inf, "positive")


def _quotient(x: Array, y: Array) -> Array:
    """x / y, infinite and without a gradient at y = 0."""
    some = y != 0
    return jnp.where(some, x / jnp.where(some, y, 1), jnp.inf)


def _largest_spread(logits_fn: LogitsFn, params: PyTree, direction: PyTree, batch: PyTree, name: str) -> Array:
    """max_x Delta_a(x) along a direction."""
    tangents = _tangents(params, direction, name)
    logits, a = jax.jvp(lambda p: logits_fn(p, batch), (params,), (tangents,))
    if not isinstance(logits, jax.Array) or not jnp.issubdtype(logits.dtype, jnp.floating):
        raise TypeError(f"logits_fn must return floating logits, got {getattr(logits, 'dtype', type(logits).__name__)}")
    if logits.ndim < 1 or logits.shape[-1] < 2 or not logits.size:
        raise ValueError(f"logits_fn must return logits of shape (..., n) with n >= 2 classes, got {logits.shape}")
    a, terms = _checks.accumulated(a), ~jnp.isneginf(logits)
    highest = jnp.max(jnp.where(terms, a, -jnp.inf), axis=-1)
    lowest = jnp.min(jnp.where(terms, a, jnp.inf), axis=-1)
    return jnp.max(jnp.where(jnp.any(terms, axis=-1), highest - lowest, 0))


def _tangents(params: PyTree, direction: PyTree, name: str) -> PyTree:
    """The direction as tangents of params: of their dtypes, and none where they are not floating."""
    structure, given = jax.tree.structure(params), jax.tree.structure(direction)
    if structure != given:
        raise ValueError(f"{name} must have the structure of params, {structure}, got {given}")
    for p, d in zip(jax.tree.leaves(params), jax.tree.leaves(direction), strict=True):
        if jnp.shape(p) != jnp.shape(d):
            raise ValueError(f"{name} must have the shapes of params, here {jnp.shape(p)}, got {jnp.shape(d)}")

    def tangent(p: Any, d: Any) -> Any:
        if not jnp.issubdtype(jnp.result_type(p), jnp.inexact):
            return np.zeros(jnp.shape(p), jax.dtypes.float0)
        return jnp.asarray(d).astype(jnp.result_type(p))

    return jax.tree.map(tangent, params, direction)
