"""What a compute bound buys: two-part codes of training runs, and the lower convex hull over them."""

import math
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Real, RealScalar


class TwoPartCode(eqx.Module):
    """Codes of a data set with models, each in two parts: the model, and the data given the model.

    Attributes:
        value: S, length of the model's code: epiplexity, if the code is the best within its compute.
        entropy: H, length of the data's code with the model.
        compute: operations that training and coding take.
    """

    value: Float[Array, "*codes"]
    entropy: Float[Array, "*codes"]
    compute: Float[Array, "*codes"]

    @property
    def total(self) -> Float[Array, "*codes"]:
        """S + H, the description length."""
        return self.value + self.entropy


def two_part_code(
    epiplexity: Real[ArrayLike, "*codes"],
    losses: Real[ArrayLike, "*codes"],
    tokens: Real[ArrayLike, "*codes"],
    *,
    num_parameters: RealScalar,
    test_tokens: RealScalar,
    base: int | float = 2,
) -> TwoPartCode:
    """The code that each checkpoint of a training run gives for a data set of `test_tokens`.

    S is the model's code, H = loss * test_tokens / log(base), and the compute is 6 P tokens for training and
    2 P test_tokens for coding.

    Args:
        epiplexity: S at every checkpoint, from `prequential_curve` or `requential_epiplexity`, in units of log `base`.
        losses: loss at every checkpoint on fresh data, nats per token.
        tokens: tokens trained on (of the student, for a requential code), of the shape of `losses`.
        num_parameters: P.
        test_tokens: size of the data set to code. S and H depend on it: state it with them.
        base: base of the logarithms; 2 for bits.

    Returns:
        S, H and the compute of every checkpoint.

    Raises:
        ValueError: shapes differ, an entry is not finite or negative where that makes no sense, or base is not greater
            than 1.

    Differentiable in all arguments. Source: arXiv 2601.03220, two-part codes against compute.
    """
    if not base > 1:
        raise ValueError(f"base must be greater than 1, got {base}")
    s, loss, seen, size, coded = _checks.as_floats(
        epiplexity=epiplexity, losses=losses, tokens=tokens, num_parameters=num_parameters, test_tokens=test_tokens
    )
    _checks.require_same_shape(epiplexity=s, losses=loss, tokens=seen)
    for name, number in (("num_parameters", size), ("test_tokens", coded)):
        _checks.require_ndim(name, number, 0, "()")
    code = TwoPartCode(s, loss * coded / math.log(base), 6 * size * seen + 2 * size * coded)
    return _checks.enforce(
        code,
        _checks.finite("epiplexity", s),
        _checks.finite("losses", loss),
        _checks.nonnegative("tokens", seen),
        _checks.positive("num_parameters", size),
        _checks.positive("test_tokens", coded),
    )


class LowerHull(eqx.Module):
    """Which points lie on a lower convex hull.

    Attributes:
        value: true for the points on it, shape (n,).
        valid: whether the points were finite; without, `value` means nothing.
    """

    value: Bool[Array, "n"]
    valid: Bool[Array, ""]


def lower_convex_hull(x: Real[ArrayLike, "n"], y: Real[ArrayLike, "n"], *, tolerance: int | float = 0.0) -> LowerHull:
    """The points of a plane that no chord between two others passes below or touches.

    A point is a vertex if the steepest slope to it from the left is below the least steep slope from it to the right,
    and it is the lowest at its x. With a tolerance, points that lie above the hull by no more than this fraction of
    its height there belong to it too: noisy curves have few exact vertices.

    Args:
        x: abscissae in any order, shape (n,).
        y: ordinates, shape (n,).
        tolerance: fraction of the hull's height, 0 or more.

    Returns:
        Which points lie on the hull, in the order given. Memory grows as n: points are treated one at a time.

    Raises:
        ValueError: shapes differ, there is no point, an entry is not finite, or the tolerance is negative.

    Piecewise constant: no gradients. Source: arXiv 2601.03220, hull over runs.
    """
    x, y = _checks.as_floats(x=x, y=y)
    _checks.require_ndim("x", x, 1, "(n,)")
    _checks.require_same_shape(x=x, y=y)
    if x.shape[0] < 1:
        raise ValueError(f"x must hold a point or more, got shape {x.shape}")
    if not tolerance >= 0:
        raise ValueError(f"tolerance must be at least 0, got {tolerance}")
    valid = _checks.validity(_checks.finite("x", x), _checks.finite("y", y))
    return LowerHull(_on_hull(jax.lax.stop_gradient(x), jax.lax.stop_gradient(y), tolerance), valid)


@jax.jit
def _on_hull(x: Array, y: Array, tolerance: RealScalar) -> Array:
    x, y = _checks.accumulated(x), _checks.accumulated(y)
    index = jnp.arange(x.size)

    def is_vertex(point: tuple[Array, Array, Array]) -> Array:
        i, xi, yi = point
        away = x - xi
        slope = (y - yi) / jnp.where(away == 0, 1, away)
        steepest = jnp.max(jnp.where(away < 0, slope, -jnp.inf))
        flattest = jnp.min(jnp.where(away > 0, slope, jnp.inf))
        # Of points at one place the first of the lowest counts.
        beaten = (away == 0) & ((y < yi) | ((y == yi) & (index < i)))
        return (steepest < flattest) & ~jnp.any(beaten)

    vertex = jax.lax.map(is_vertex, (index, x, y), batch_size=min(x.size, 64))
    # The hull's height everywhere, from its vertices; those that fill up the array repeat the last.
    order = jnp.argsort(jnp.where(vertex, x, jnp.inf))
    last = order[jnp.sum(vertex) - 1]
    order = jnp.where(index < jnp.sum(vertex), order, last)
    height = jnp.interp(x, x[order], y[order])
    return vertex | ((y <= height + tolerance * jnp.abs(height)) & (jnp.asarray(tolerance) > 0))


class ComputeFrontier(eqx.Module):
    """Epiplexity and time-bounded entropy against compute: the codes in order of compute, and which are the best.

    Attributes:
        value: S of every code, shape (n,).
        entropy: H of every code, shape (n,).
        compute: compute of every code, ascending, shape (n,).
        member: true for the codes on the frontier, shape (n,).
    """

    value: Float[Array, "n"]
    entropy: Float[Array, "n"]
    compute: Float[Array, "n"]
    member: Bool[Array, "n"]

    def at(self, bound: RealScalar) -> TwoPartCode:
        """The code of an observer with this compute: the last of the frontier that it can afford.

        Args:
            bound: T, in the unit of `compute`.

        Returns:
            S_T, H_T and the compute that they take.

        Raises:
            ValueError: no code of the frontier is within the bound.

        Differentiable in the codes, not in the bound.
        """
        bound = _checks.as_numbers(bound=bound, like=self.compute[0])[0]
        compute, member = jax.lax.stop_gradient((self.compute, self.member))
        affordable = member & (compute <= bound)
        last = self.compute.size - 1 - jnp.argmax(affordable[::-1])
        return _checks.enforce(
            TwoPartCode(self.value[last], self.entropy[last], self.compute[last]),
            _checks.Check(
                jnp.any(affordable), "bound must be at least the frontier's least compute", lambda: f"{bound}"
            ),
        )


def epiplexity_from_runs(
    codes: TwoPartCode | Sequence[TwoPartCode], *, tolerance: int | float = 0.0
) -> ComputeFrontier:
    """The best codes of many training runs by compute: the lower convex hull of S + H, as far as it falls.

    S_T = |P*| and H_T = E log 1/P*, with P* the program of shortest description S + H within compute T. Every
    checkpoint of every run is such a program; more compute never makes the shortest description longer, so the hull
    is followed to its lowest point and no further.

    Args:
        codes: the codes of all runs, as from `two_part_code`.
        tolerance: see `lower_convex_hull`; 0.01 to 0.02 for noisy curves.

    Returns:
        The frontier; `at` reads it at a compute bound.

    Raises:
        ValueError: there is no code, a compute or a length is not finite, or the tolerance is negative.

    Differentiable in S and H of the codes, which are gathered. Source: arXiv 2601.03220.
    """
    parts = [codes] if isinstance(codes, TwoPartCode) else list(codes)
    if not parts:
        raise ValueError("codes must hold a code or more, got none")
    value, entropy, compute = (
        jnp.concatenate([jnp.ravel(getattr(part, name)) for part in parts]) for name in ("value", "entropy", "compute")
    )
    value, entropy, compute = _checks.as_floats(value=value, entropy=entropy, compute=compute)
    if value.size < 1:
        raise ValueError("codes must hold a code or more, got none")
    checks = [_checks.finite(name, x) for name, x in (("S", value), ("H", entropy), ("compute", compute))]
    if not tolerance >= 0:
        raise ValueError(f"tolerance must be at least 0, got {tolerance}")
    return _checks.enforce(_frontier(value, entropy, compute, tolerance), *checks)


@jax.jit
def _frontier(value: Array, entropy: Array, compute: Array, tolerance: RealScalar) -> ComputeFrontier:
    order = jnp.argsort(jax.lax.stop_gradient(compute), stable=True)
    value, entropy, compute = value[order], entropy[order], compute[order]
    total = jax.lax.stop_gradient(value + entropy)
    fixed = jax.lax.stop_gradient(compute)
    falls = fixed <= fixed[jnp.argmin(total)]
    return ComputeFrontier(value, entropy, compute, _on_hull(fixed, total, tolerance) & falls)
