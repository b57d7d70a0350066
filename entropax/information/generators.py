"""Divergences made of a convex function."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, Scalar
from entropax.information._numerics import p_log_ratio, ratio, require_distributions, safe_sqrt, x_log_x
from entropax.information._terms import chi_squared_term, gap, js_term, root_gap_squared, triangular_term


class Generator(NamedTuple):
    """The convex function f of an f-divergence, with f(1) = 0.

    Attributes:
        function: f, from arrays of ratios u >= 0 to arrays of the same shape.
        slope_at_infinity: the limit of f(u) / u, which weighs p's mass where q = 0.
        perspective: q f(p / q) as a function of arrays p and q >= 0, zeros included, where a form is known that keeps
            the digits of values and gradients at extreme ratios; it is used in place of `function`.
    """

    function: Callable[[Any], Any]
    slope_at_infinity: float
    perspective: Callable[[Any, Any], Any] | None = None


def _js_generator(u: Array) -> Array:
    mean = (u + 1) / 2
    return x_log_x(u) / 2 - mean * jnp.log(mean)


GENERATORS: Mapping[str, Generator] = MappingProxyType(
    {
        "kl": Generator(x_log_x, float("inf"), p_log_ratio),
        "reverse_kl": Generator(lambda u: -jnp.log(u), 0.0, lambda p, q: p_log_ratio(q, p)),
        "js": Generator(
            _js_generator,
            0.34657359027997264,  # log(2) / 2
            lambda p, q: js_term(p, q, jnp.asarray(0.5, p.dtype)),
        ),
        "chi_squared": Generator(lambda u: (u - 1) ** 2, float("inf"), chi_squared_term),
        "squared_hellinger": Generator(
            lambda u: (safe_sqrt(u) - 1) ** 2 / 2, 0.5, lambda p, q: root_gap_squared(p, q) / 2
        ),
        "total_variation": Generator(lambda u: jnp.abs(u - 1) / 2, 0.5, lambda p, q: gap(p, q) / 2),
        "triangular": Generator(lambda u: (u - 1) ** 2 / (u + 1), 1.0, triangular_term),
    }
)
"""Named generators for `f_divergence`; "triangular" is the Vincze-Le Cam divergence sum (p - q)^2 / (p + q)."""


def f_divergence(
    generator: str | Generator | Callable[[Any], Any],
    p: Real[ArrayLike, "*batch n"],
    q: Real[ArrayLike, "*batch n"],
    *,
    slope_at_infinity: float | None = None,
) -> Float[Array, "*batch"]:
    """Csiszar's f-divergence, sum_i q_i f(p_i / q_i).

    Args:
        generator: the name of one in `GENERATORS`, a `Generator`, or a convex function f with f(1) = 0.
        p: probabilities, shape (..., n), each row summing to one.
        q: probabilities, the shape of p.
        slope_at_infinity: for a plain function, the limit of f(u) / u; it weighs p's mass where q = 0 and is taken as
            infinite if not given.

    Returns:
        The divergence, shape (...).

    Raises:
        ValueError: the name is unknown, p or q is no distribution, or shapes differ.
        TypeError: the generator is no function.

    Differentiable in both as f is. Entries with q_i = 0 have the slope at infinity in p, and p_i = q_i = 0 also the
    slope f(0) in q; an infinite one is taken as zero where the value is finite. A function of one's own, without a
    perspective, loses digits of the gradient in q where p_i / q_i is large. Source: Csiszar 1967.
    """
    if isinstance(generator, str):
        _checks.require_option("generator", generator, tuple(GENERATORS))
        generator = GENERATORS[generator]
    elif not isinstance(generator, Generator):
        if not callable(generator):
            raise TypeError(f"generator must be a name, a Generator or a function, got {type(generator).__name__}")
        generator = Generator(generator, float("inf") if slope_at_infinity is None else slope_at_infinity)
    p, q = require_distributions(p=p, q=q)
    terms = _f_terms(generator, p, q) if generator.perspective is None else generator.perspective(p, q)
    return _checks.enforce(jnp.sum(terms, axis=-1), _checks.distribution("p", p), _checks.distribution("q", q))


def _f_terms(generator: Generator, p: Array, q: Array) -> Array:
    """q f(p / q), with p times the slope at infinity where the ratio is infinite."""
    inside = (q > 0) & (p / jnp.where(q > 0, q, 1) < jnp.inf)
    escaping = ~inside & (p > 0)
    regular = q * generator.function(ratio(jnp.where(inside, p, 1), jnp.where(inside, q, 1)))
    slope = jnp.asarray(generator.slope_at_infinity, p.dtype)
    singular = jnp.where(escaping, p, 1) * slope
    # Where both are zero the term is zero; p and q have the finite ones of the slopes.
    at_zero = jax.lax.stop_gradient(jnp.asarray(generator.function(jnp.zeros((), p.dtype)), p.dtype))
    neither = p * jnp.where(jnp.isfinite(slope), slope, 0) + q * jnp.where(jnp.isfinite(at_zero), at_zero, 0)
    return jnp.where(inside, regular, jnp.where(escaping, singular, neither))


def bregman_divergence(generator: Callable[[Any], Any], x: Real[ArrayLike, "n"], y: Real[ArrayLike, "n"]) -> Scalar:
    """Bregman divergence, F(x) - F(y) - <grad F(y), x - y>.

    Args:
        generator: F, a convex function from vectors (n,) to a scalar.
        x: shape (n,).
        y: shape (n,).

    Returns:
        The divergence, a scalar.

    Raises:
        TypeError: the generator is no function.
        ValueError: x and y are not vectors of one length, F is not scalar, or a value is not finite.

    Differentiable in x and, where F is twice differentiable, in y.
    """
    if not callable(generator):
        raise TypeError(f"generator must be a function, got {type(generator).__name__}")
    x, y = _checks.as_floats(x=x, y=y)
    _checks.require_ndim("x", x, 1, "(n,)")
    _checks.require_same_shape(x=x, y=y)
    at_y, slope = jax.jvp(generator, (y,), (x - y,))
    if jnp.shape(at_y) != ():
        raise ValueError(f"generator must return a scalar, got shape {jnp.shape(at_y)}")
    return _checks.enforce(generator(x) - at_y - slope, _checks.finite("x", x), _checks.finite("y", y))
