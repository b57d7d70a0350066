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
_STEPS = 3
"""To either side of the best point: of slope and shift the fit is a narrow ridge, and one is too near."""
_LEAST = 0.01
"""Of the reach: a function of an argument that varies less is a line or a parabola, by whatever name."""
_PREFERENCE = 1e-7
"""R^2 that a distance of one from f(x) costs: of equal fits, such as all of a line, the plainest is named."""


class SymbolicFit(eqx.Module):
    """How well c f(a x + b) + d fits the values of an edge.

    Attributes:
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
    points: int = 101,
    rounds: int = 4,
) -> SymbolicFit:
    """The best c f(a x + b) + d, by R^2.

    c and d are the linear regression on f(a x + b); a and b are searched on a square of points, in [-reach, reach] at
    first and then around the best point, three steps to either side, in every further round. These are a and b of x
    taken to [-1, 1], so that its unit does not matter. Where f(a x + b) is not finite for a sample, or constant but for
    rounding, the pair is out of the running, and so is a slope below a hundredth of the reach: a function of a small
    argument is a line or a parabola, by whatever name. Of fits that are equal (within 1e-7) the one nearest a = 1,
    b = 0 is taken.

    Args:
        x: arguments of an edge, shape (n,): a column of `KAN.nodes`.
        y: its values, shape (n,): an entry of `EdgeLayer.edges`.
        function: f, applied to an array; one made anew at every call compiles anew.
        reach: of a and b in the first round, for x in [-1, 1]; of a sine, reach / pi periods.
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
        TypeError: called under a transformation.

    Not differentiable: a ranking. Source: arXiv 2404.19756, section 2.5.
    """
    if not library:
        raise ValueError("library must hold a function, got none")
    if not _checks.is_concrete(x, y):
        raise TypeError("suggest_symbolic must be called outside of jax's transformations: the order depends on values")
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
    middle, half_width = (jnp.max(x) + jnp.min(x)) / 2, (jnp.max(x) - jnp.min(x)) / 2
    unit = jnp.where(half_width > 0, half_width, 1)
    places = (x - middle) / unit
    around = jnp.linspace(-1, 1, points, dtype=x.dtype)

    def scores(a: Array, shifts: Array) -> Array:
        """R^2 at one slope and all shifts."""
        z, _, ok = _spread_out(function(a * places[None, :] + shifts[:, None]))
        r2 = (z @ centred) ** 2 / (jnp.where(ok, jnp.sum(z**2, axis=1), 1) * jnp.sum(centred**2))
        plain = _PREFERENCE * ((a - 1) ** 2 + shifts**2)
        return jnp.where(ok & (jnp.abs(a) >= _LEAST * reach), r2 - plain, -jnp.inf)

    def finer(place: tuple[Array, Array, Array], _: Any) -> tuple[tuple[Array, Array, Array], None]:
        a, b, half = place
        slopes, shifts = a + half * around, b + half * around
        table = jax.lax.map(lambda slope: scores(slope, shifts), slopes)
        i, j = jnp.unravel_index(jnp.argmax(table), table.shape)
        return (slopes[i], shifts[j], half * jnp.minimum(_STEPS * 2 / (points - 1), 0.5).astype(x.dtype)), None

    start = (jnp.zeros((), x.dtype), jnp.zeros((), x.dtype), jnp.asarray(reach, x.dtype))
    (a, b, _), _ = jax.lax.scan(finer, start, length=rounds)
    a, b = a / unit, b - a * middle / unit
    z = function(a * x + b)
    about, spread, ok = _spread_out(z)
    c = jnp.sum(about * centred) / jnp.where(ok, jnp.sum(about**2), 1) / spread
    z = jnp.where(ok, z, 0)
    d = jnp.mean(y) - c * jnp.mean(z)
    r2 = 1 - jnp.sum((y - c * z - d) ** 2) / jnp.sum(centred**2)
    return SymbolicFit(jnp.where(ok, r2, -jnp.inf), a, b, c, d)


def _spread_out(z: Array) -> tuple[Array, Array, Array]:
    """Values less their mean along the last axis, in units of the largest; that; and whether one can regress on them.

    One cannot if one is not finite, or if they vary no more than rounding does. In those units no square underflows.
    """
    finite = jnp.all(jnp.isfinite(z), axis=-1)
    z = jnp.where(finite[..., None], z, 0)
    about = z - jnp.mean(z, axis=-1, keepdims=True)
    spread, info = jnp.max(jnp.abs(about), axis=-1), jnp.finfo(z.dtype)
    ok = finite & (spread > 100 * info.eps * jnp.max(jnp.abs(z), axis=-1)) & (spread > info.tiny**0.5)
    spread = jnp.where(ok, spread, 1)
    return jnp.where(ok[..., None], about / spread[..., None], 0), spread, ok
