"""Names for the functions on edges: the best c f(a x + b) + d over a library."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Real, Scalar

SYMBOLIC_LIBRARY: Mapping[str, Callable[[Any], Any]] = {
    "x": lambda z: z,
    "x^2": lambda z: z**2,
    "x^3": lambda z: z**3,
    "exp": jnp.exp,
    "log": jnp.log,
    "sqrt": jnp.sqrt,
    "1/x": lambda z: 1 / z,
    "sin": jnp.sin,
    "tanh": jnp.tanh,
    "abs": jnp.abs,
    "x^4": lambda z: z**4,
    "1/x^2": lambda z: 1 / z**2,
    "arctan": jnp.arctan,
    "gaussian": lambda z: jnp.exp(-(z**2)),
}
"""Functions by name, the simplest first; cos is a shifted sin, and the sigmoid a scaled tanh."""


class SymbolicFit(eqx.Module):
    """How well c f(a x + b) + d fits the values of an edge.

    Args:
        value: R^2, 1 for an exact fit.
        slope: a.
        shift: b.
        scale: c.
        offset: d.
    """

    value: Scalar
    slope: Scalar
    shift: Scalar
    scale: Scalar
    offset: Scalar


def fit_symbolic(
    x: Real[ArrayLike, "n"],
    y: Real[ArrayLike, "n"],
    function: Callable[[Any], Any],
    *,
    reach: float = 10.0,
    points: int = 41,
    rounds: int = 4,
) -> SymbolicFit:
    """The best c f(a x + b) + d, by R^2.

    c and d are the linear regression on f(a x + b); a and b are searched on a square of points, in [-reach, reach] at
    first and then around the best point, one step to either side, in every further round. Where f(a x + b) is not
    finite for a sample, or constant, the pair is out of the running.

    Args:
        x: arguments of an edge, shape (n,): a column of `KAN.nodes`.
        y: its values, shape (n,): an entry of `EdgeLayer.edges`.
        function: f, applied to an array; one made anew at every call compiles anew.
        reach: of a and b in the first round.
        points: along each side of the square, at least 3.
        rounds: of the search, at least 1.

    Returns:
        A `SymbolicFit`; its value is -inf if no pair was in the running.

    Raises:
        ValueError: shapes differ, there are fewer than two samples, a number is not finite, or y does not vary.

    A search, so not differentiable in x; in y only through c and d. Source: arXiv 2404.19756, section 2.5; pykan.
    """
    _checks.require_integer("points", points, minimum=3)
    _checks.require_integer("rounds", rounds, minimum=1)
    _checks.require_within("reach", reach, 0, float("inf"), open_below=True)
    x, y, checks = _samples(x, y)
    return _checks.enforce(_search(x, y, reach, function=function, points=points, rounds=rounds), *checks)


def suggest_symbolic(
    x: Real[ArrayLike, "n"],
    y: Real[ArrayLike, "n"],
    *,
    library: Mapping[str, Callable[[Any], Any]] = SYMBOLIC_LIBRARY,
    tie: float = 1e-4,
) -> list[tuple[str, SymbolicFit]]:
    """The functions of a library in the order of how well they fit an edge.

    Args:
        x: arguments of an edge, shape (n,).
        y: its values, shape (n,).
        library: functions by name, simple ones first.
        tie: R^2 that are no further apart count as equal, and the simpler function comes first: a sine of a small
            argument fits a line as well as a line does.

    Returns:
        Name and fit, best first.

    Raises:
        ValueError: the library is empty, and what `fit_symbolic` raises.

    Not differentiable: a ranking. Source: arXiv 2404.19756, section 2.5.
    """
    if not library:
        raise ValueError("library must hold a function, got none")
    fits = {name: fit_symbolic(x, y, function) for name, function in library.items()}
    rest, ranked = list(fits), []
    while rest:
        best = max(float(fits[name].value) for name in rest)
        chosen = next(name for name in rest if float(fits[name].value) >= best - tie or best == -jnp.inf)
        ranked.append((chosen, fits[chosen]))
        rest.remove(chosen)
    return ranked


def _samples(x: Any, y: Any) -> tuple[Array, Array, tuple[_checks.Check, ...]]:
    x, y = map(_checks.accumulated, _checks.as_floats(x=x, y=y))
    if x.ndim != 1 or x.shape[0] < 2:
        raise ValueError(f"x must have shape (n,) with n >= 2, got {x.shape}")
    _checks.require_same_shape(x=x, y=y)
    with _checks.evaluated_now(y):
        varies = _checks.Check(jnp.max(y) > jnp.min(y), "y must vary", lambda: "a constant")
    return x, y, (_checks.finite("x", x), _checks.finite("y", y), varies)


@functools.partial(jax.jit, static_argnames=("function", "points", "rounds"))
def _search(x: Array, y: Array, reach: Any, *, function: Callable[[Any], Any], points: int, rounds: int) -> SymbolicFit:
    centred = y - jnp.mean(y)
    around = jnp.linspace(-1, 1, points, dtype=x.dtype)

    def scores(a: Array, shifts: Array) -> Array:
        """R^2 at one slope and all shifts."""
        z = function(a * x[None, :] + shifts[:, None])
        ok = jnp.all(jnp.isfinite(z), axis=1)
        z = jnp.where(ok[:, None], z, 0)
        z = z - jnp.mean(z, axis=1, keepdims=True)
        power = jnp.sum(z**2, axis=1)
        # What rounding leaves of a constant is no variation.
        varies = ok & (power > 1e3 * jnp.finfo(x.dtype).eps * jnp.finfo(x.dtype).tiny)
        r2 = (z @ centred) ** 2 / (jnp.where(varies, power, 1) * jnp.sum(centred**2))
        return jnp.where(varies & jnp.isfinite(r2), r2, -jnp.inf)

    def finer(place: tuple[Array, Array, Array], _: Any) -> tuple[tuple[Array, Array, Array], None]:
        a, b, half = place
        slopes, shifts = a + half * around, b + half * around
        table = jax.lax.map(lambda slope: scores(slope, shifts), slopes)
        i, j = jnp.unravel_index(jnp.argmax(table), table.shape)
        return (slopes[i], shifts[j], half * 2 / (points - 1)), None

    start = (jnp.zeros((), x.dtype), jnp.zeros((), x.dtype), jnp.asarray(reach, x.dtype))
    (a, b, _), _ = jax.lax.scan(finer, start, length=rounds)
    z = function(a * x + b)
    ok = jnp.all(jnp.isfinite(z))
    z = jnp.where(ok, z, 0)
    about = z - jnp.mean(z)
    power = jnp.sum(about**2)
    varies = ok & (power > 0)
    c = jnp.sum(about * centred) / jnp.where(varies, power, 1)
    d = jnp.mean(y) - c * jnp.mean(z)
    r2 = 1 - jnp.sum((y - c * z - d) ** 2) / jnp.sum(centred**2)
    return SymbolicFit(jnp.where(varies, r2, -jnp.inf), a, b, c, d)
