"""Compositions by gradient: uphill on an objective of atomic fractions, with at least some entropy of mixing."""

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Real, RealScalar, Scalar
from entropax.applications.alloys.descriptors import GAS_CONSTANT

_HALVINGS = 60


class AlloyDesign(eqx.Module):
    """A composition that was designed.

    Attributes:
        value: the objective there.
        fractions: atomic fractions, shape (n,).
        mixing_entropy: J / (mol K).
        values: the objective before every step, shape (steps,).
        constrained: whether the bound on the entropy is what stopped it.
    """

    value: Scalar
    fractions: Float[Array, "n"]
    mixing_entropy: Scalar
    values: Float[Array, "steps"]
    constrained: Bool[Array, ""]


def design_composition(
    objective: Callable[[Any], Any],
    fractions: Real[ArrayLike, "n"],
    *,
    least_entropy: RealScalar,
    steps: int = 200,
    learning_rate: RealScalar = 0.1,
) -> AlloyDesign:
    """Climbs an objective over compositions whose entropy of mixing is at least a given one.

    Projected mirror ascent on the simplex: x <- x exp(eta g) / Z with g the gradient, divided by its largest entry
    beyond one; and where the entropy has become less than allowed, the composition nearest in relative entropy that has
    it, x^(1/T) / Z with T > 1 found by bisection. So every composition on the way is a valid alloy.

    What a trained network says far from its data is no prediction: let the objective be the mean of several networks
    less some of their standard deviations, and look at those.

    Args:
        objective: of atomic fractions, shape (n,), a number to be made large, in any unit.
        fractions: where to start, all positive, shape (n,), summing to one; an element at zero would stay there.
        least_entropy: J / (mol K), less than R log n: 1.5 R is the usual mark of high-entropy alloys.
        steps: number of steps.
        learning_rate: eta, positive: the largest change of a log fraction in a step.

    Returns:
        An `AlloyDesign`.

    Raises:
        ValueError: a shape does not fit, a fraction is not positive, they do not sum to one, the entropy cannot be
            reached, the rate is not positive, or the objective returns an array with axes.

    Differentiable once in the start, the rate and the bound, through all steps.
    Source: Beck and Teboulle 2003, doi 10.1016/S0167-6377(02)00231-6; the use: arXiv 2410.08452.
    """
    _checks.require_integer("steps", steps, minimum=1)
    given = _checks.as_float("fractions", fractions)
    sums = _checks.distribution("fractions", given)  # with the rounding of their own precision
    x = _checks.accumulated(given)
    _checks.require_ndim("fractions", x, 1, "(n,)")
    bound, rate = _checks.as_numbers(least_entropy=least_entropy, learning_rate=learning_rate)
    bound, rate = (bound / GAS_CONSTANT).astype(x.dtype), rate.astype(x.dtype)
    with _checks.evaluated_now(bound):
        reachable = _checks.Check(
            (bound >= 0) & (bound < jnp.log(x.shape[0])),
            f"least_entropy must be at least 0 and less than R log {x.shape[0]}",
            lambda: f"{float(bound) * GAS_CONSTANT:.6g}",
        )
    checks = (
        _checks.positive("fractions", x),
        sums,
        _checks.positive("learning_rate", rate),
        reachable,
    )
    return _checks.enforce(_climb(objective, x, bound, rate, steps=steps), *checks)


@functools.partial(jax.jit, static_argnames="steps")
def _climb_from(objective: Any, logits: Array, bound: Array, rate: Array, *, steps: int) -> tuple[Array, Array, Array]:
    def step(state: tuple[Array, Array], _: Any) -> tuple[tuple[Array, Array], Array]:
        logits, _ = state
        value, slope = jax.value_and_grad(lambda x: _number(objective(x), x))(jax.nn.softmax(logits))
        slope = slope - jnp.mean(slope)
        logits = logits + rate * slope / jnp.maximum(jnp.max(jnp.abs(slope)), 1)
        return _with_entropy(logits, bound), value

    start = _with_entropy(logits, bound)
    (logits, cooled), values = jax.lax.scan(step, start, length=steps)
    return logits, cooled, values


def _climb(objective: Any, x: Array, bound: Array, rate: Array, *, steps: int) -> AlloyDesign:
    wrapped: Any = objective if isinstance(objective, eqx.Module) else jax.tree_util.Partial(objective)
    logits, constrained, values = _climb_from(wrapped, jnp.log(jnp.where(x > 0, x, 1)), bound, rate, steps=steps)
    x = jax.nn.softmax(logits)
    return AlloyDesign(_number(wrapped(x), x), x, GAS_CONSTANT * _entropy(logits), values, constrained)


def _number(value: Any, x: Array) -> Array:
    number = jnp.asarray(value, x.dtype)
    if number.ndim:
        raise ValueError(f"objective must return a number, got an array of shape {number.shape}")
    return number


def _entropy(logits: Array) -> Array:
    log_x = jax.nn.log_softmax(logits)
    return -jnp.sum(jnp.exp(log_x) * log_x)


def _with_entropy(logits: Array, bound: Array) -> tuple[Array, Array]:
    """The logits over the least temperature from 1 on that gives the entropy of the bound; and whether it is above."""
    fixed = jax.lax.stop_gradient(logits - jnp.max(logits))

    def halve(_: Any, inverse: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = inverse
        middle = (low + high) / 2
        enough = _entropy(middle * fixed) >= jax.lax.stop_gradient(bound)
        return jnp.where(enough, middle, low), jnp.where(enough, high, middle)

    zero = jnp.zeros((), logits.dtype)
    inverse, _ = jax.lax.fori_loop(0, _HALVINGS, halve, (zero, zero + 1))
    lacking = _entropy(fixed) < bound
    # One Newton step changes no digit but has the derivative of the root: dS / d(1/T) = -(1/T) Var z.
    x = jax.nn.softmax(inverse * fixed)
    slope = -inverse * (jnp.sum(x * fixed**2) - jnp.sum(x * fixed) ** 2)
    root = inverse - (_entropy(inverse * logits) - bound) / jnp.where(lacking, slope, 1)
    return logits * jnp.where(lacking, root, 1), lacking
